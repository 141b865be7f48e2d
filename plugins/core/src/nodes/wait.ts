/** Holds the items back for a time or until an instant. The run holds no memory meanwhile and survives restarts. */
import { defineNode, fail, p, waitUntil, when } from '@plugboard/sdk';

const UNIT_MS = { seconds: 1000, minutes: 60_000, hours: 3_600_000, days: 86_400_000 } as const;

export const wait = defineNode({
  id: 'wait',
  version: 1,
  title: 'Wait',
  help: 'Holds the items back for a time or until an instant, then passes them on. Restarts and upgrades of the server do not matter.',
  icon: 'clock',
  group: 'Flow',
  per: 'batch',
  effects: 'none',
  waits: 'timer',
  params: {
    mode: p.choice({ for: 'For a time', until: 'Until an instant' }).title('Wait').help('How the end of the wait is given.').default('for'),
    amount: p
      .number()
      .title('How long')
      .help('Counted from the start of the step.')
      .min(0)
      .max(1_000_000)
      .required()
      .when(when.eq('mode', 'for')),
    unit: p
      .choice({ seconds: 'Seconds', minutes: 'Minutes', hours: 'Hours', days: 'Days' })
      .title('Unit')
      .help('A day is 24 hours.')
      .default('minutes')
      .when(when.eq('mode', 'for')),
    until: p
      .date()
      .withTime()
      .title('Until')
      .help('An instant with its offset, such as 2026-12-24T18:00:00+01:00. One that has passed ends the wait at once.')
      .required()
      .when(when.eq('mode', 'until')),
  },
  run({ params, items, ctx }) {
    const { mode, amount = 0, unit = 'minutes', until } = params;
    if (mode === 'for') return waitUntil(Date.parse(ctx.now) + amount * UNIT_MS[unit], items);
    if (until === undefined) return fail('INSTANT_MISSING', 'Say until when to wait.', { kind: 'input' });
    return waitUntil(until, items);
  },
});
