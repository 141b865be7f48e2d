/** Whether this process takes work, and what stands in the way: for load balancers and for people. */
import type { Database, JournalWriter, LeasedOwnership } from '@plugboard/persistence';
import type { Refusal, Runner } from '@plugboard/runner';
import type { Sandbox } from '@plugboard/sandbox';

export interface HealthOptions {
  readonly database: Database;
  readonly journal: JournalWriter;
  readonly ownership: LeasedOwnership;
  readonly folder: { readonly isThere: boolean };
  readonly runner: Runner;
  readonly sandbox: Sandbox;
  readonly isStopping: () => boolean;
}

/** A clock further off the database's than this makes the server unready, in milliseconds. */
const MAX_CLOCK_SKEW_MS = 2000;

/** Why the runner takes no new work, in words for people. */
const REFUSALS: { readonly [Reason in Refusal]: string } = {
  stopping: 'the server is stopping',
  journal: 'the database does not keep up with the journal',
  lease: 'the lease on runs does not hold, because the heartbeat does not reach the database',
  payloads: 'large payloads cannot be stored: look at the disk of the data folder',
  memory: 'the runs at work hold as much data as this process may',
  runs: 'as many runs are at work as this process may hold',
};

export function createHealth({ database, journal, ownership, folder, runner, sandbox, isStopping }: HealthOptions) {
  return async () => {
    const databaseUp = await database.ping().then(
      () => true,
      () => false,
    );
    const skewMs = Math.round(database.clockOffsetMs);
    const reasons = [
      !databaseUp && 'the database does not answer',
      journal.metrics.state !== 'up' && 'the database does not take the journal',
      !ownership.leaseHolds() && 'the lease on runs does not hold, because the heartbeat does not reach the database',
      Math.abs(skewMs) > MAX_CLOCK_SKEW_MS && `the clock differs from the database's by ${skewMs} ms`,
      !folder.isThere && 'the data folder is gone',
      isStopping() && 'the server is stopping',
    ].filter((reason) => reason !== false);
    // What the runner refuses for one of the reasons above needs no further one.
    if (reasons.length === 0 && runner.refusal) reasons.push(REFUSALS[runner.refusal]);
    return {
      ready: reasons.length === 0,
      checks: {
        database: databaseUp,
        journal: journal.metrics.state,
        lease: ownership.leaseHolds(),
        clockSkewMs: skewMs,
        dataFolder: folder.isThere,
        stopping: isStopping(),
        accepting: runner.accepting,
        isolation: sandbox.isolation().level,
      },
      reasons,
    };
  };
}
