/** How long a step waits for people. */
import { p, when } from '@plugboard/sdk';

export const UNIT_MS = { minutes: 60_000, hours: 3_600_000, days: 86_400_000 } as const;
const UNITS = { minutes: 'Minutes', hours: 'Hours', days: 'Days' } as const;

export const limitParams = {
  limited: p.boolean().title('Time limit').help('Without one it waits for ever.').default(true),
  amount: p
    .number()
    .title('How long')
    .help('Then the items go on as too late.')
    .min(0)
    .max(1_000_000)
    .default(7)
    .when(when.eq('limited', true)),
  unit: p.choice(UNITS).title('Unit').help('A day is 24 hours.').default('days').when(when.eq('limited', true)),
};

/** A time of its own, in hours. */
export const hours = (title: string, help: string) => p.number().title(title).help(help).min(0.001).max(8760);

export interface Limit {
  readonly limited: boolean;
  readonly amount?: number;
  readonly unit?: keyof typeof UNIT_MS;
}

/** Milliseconds since 1970; undefined without a limit. */
export function limitOf({ limited, amount = 7, unit = 'days' }: Limit, now: string): number | undefined {
  return limited ? Date.parse(now) + amount * UNIT_MS[unit] : undefined;
}
