/** Holds the run until somebody calls its address, with a time limit if wished. */
import { defineNode, item, p, waitForSignal, when } from '@plugboard/sdk';

const UNIT_MS = { minutes: 60_000, hours: 3_600_000, days: 86_400_000 } as const;

export const waitForCall = defineNode({
  id: 'wait-for-call',
  version: 1,
  title: 'Wait for a call',
  help: 'Holds the run until something is sent with POST to the address {{ $run.resume["name of this step"] }}, which earlier steps hand on. The address works once. What was sent goes on as one item with body, query, headers and method.',
  icon: 'phone-incoming',
  group: 'Flow',
  per: 'batch',
  effects: 'none',
  waits: 'signal',
  ports: {
    outputs: [
      { id: 'main', title: 'Called' },
      { id: 'late', title: 'Too late' },
    ],
  },
  params: {
    limited: p.boolean().title('Time limit').help('Without one it waits for ever.').default(true),
    amount: p
      .number()
      .title('How long')
      .help('Then the items it got go on as too late.')
      .min(0)
      .max(1_000_000)
      .default(7)
      .when(when.eq('limited', true)),
    unit: p
      .choice({ minutes: 'Minutes', hours: 'Hours', days: 'Days' })
      .title('Unit')
      .help('A day is 24 hours.')
      .default('days')
      .when(when.eq('limited', true)),
  },
  run({ params, items, ctx }) {
    const { limited, amount = 7, unit = 'days' } = params;
    if (!limited) return waitForSignal();
    const late = items.map(({ json, files }, from) => item(json, { port: 'late', from, ...(files ? { files } : {}) }));
    return waitForSignal({ until: Date.parse(ctx.now) + amount * UNIT_MS[unit], items: late });
  },
});
