/** What an earlier process left behind goes on once the server listens; nobody waits for it. */
import { type Database, countHeldRuns, countHeldTimetables } from '@plugboard/persistence';
import type { Runner } from '@plugboard/runner';
import type { Logger } from '../log.ts';
import type { KeyKeeper } from '../vault/key-keeper.ts';

export interface TakeUpOptions {
  readonly database: Database;
  readonly keeper: KeyKeeper;
  readonly runner: Runner;
  readonly log: Logger;
}

export function takeUp({ database, keeper, runner, log }: TakeUpOptions): void {
  void keeper
    .resume()
    .catch((error: unknown) => log.error({ err: error }, 'the replacement of a key could not be finished; it goes on at the next start'));

  void countHeldRuns(database).then(
    (count) =>
      count > 0 && log.warn({ count }, 'runs of a restored backup are held until somebody decides: plugboard held-runs resume, or cancel'),
    () => undefined,
  );
  void countHeldTimetables(database).then(
    (count) =>
      count > 0 &&
      log.warn({ count }, 'schedules of a restored backup are held until somebody decides: plugboard held-runs resume, or cancel'),
    () => undefined,
  );
  // Runs that were open when the last process ended go on now; new ones need not wait for them.
  void runner.recover().then(
    (count) => count > 0 && log.info({ count }, 'runs of an earlier process were taken over'),
    (error: unknown) => log.error({ err: error }, 'open runs could not be taken over; trying again every second'),
  );
}
