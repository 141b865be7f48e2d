/**
 * What a step asks of the server goes on through an outage of the database: no run fails because its database was away for a moment. The run's own record
 * waits for the same database meanwhile, so nothing is decided about the step before it is back.
 */
import { isDatabaseAway } from '@plugboard/persistence';
import { type Clock, systemClock } from '@plugboard/runner';

const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 2000;

export interface ThroughOutagesOptions {
  /** Nobody waits for it any more: the next failure is the last. */
  readonly signal?: AbortSignal | undefined;
  /** @default the clock of this process */
  readonly clock?: Clock;
}

/** @param work is begun again after an outage, so it must do the same once however often it is begun */
export async function throughOutages<Result>(work: () => Promise<Result>, options: ThroughOutagesOptions = {}): Promise<Result> {
  const { signal, clock = systemClock } = options;
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
    try {
      return await work();
    } catch (error) {
      if (!isDatabaseAway(error) || signal?.aborted === true) throw error;
    }
    await new Promise<void>((resolve) => clock.after(pauseMs, resolve));
  }
}
