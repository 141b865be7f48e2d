/** Keeps the database and its partitions in shape: tomorrow's partitions made, finished runs past their age deleted, in small steps. */
import {
  type Database,
  deleteExpiredKeys,
  deleteExpiredRuns,
  deleteStaleInbox,
  dropEmptyPartitions,
  ensurePartitions,
} from '@plugboard/persistence';

export interface RetentionOptions {
  readonly database: Database;
  readonly workspaceId: string;
  /** 0 keeps runs for ever. */
  readonly retentionDays: number;
  readonly log: { info(fields: object, message: string): void; warn(fields: object, message: string): void };
}

const HOUR_MS = 60 * 60_000;
const DAY_MS = 24 * HOUR_MS;
const STEP = 1000;
/** Pause between two steps, so that deleting never holds up the journal, in milliseconds. */
const PAUSE_MS = 50;

export interface Retention {
  /** One whole pass. */
  run(now: number): Promise<{ readonly deleted: number }>;
  close(): void;
}

export function startRetention(options: RetentionOptions): Retention {
  const { database, workspaceId, retentionDays, log } = options;
  let closed = false;

  const run: Retention['run'] = async (now) => {
    await database.withClient((client) => ensurePartitions(client, new Date(now)));
    let deleted = 0;
    if (retentionDays > 0) {
      const olderThan = now - retentionDays * DAY_MS;
      for (;;) {
        const count = await deleteExpiredRuns(database, { workspaceId, olderThan, limit: STEP });
        deleted += count;
        if (count < STEP || closed) break;
        await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
      }
      await database.withClient((client) => dropEmptyPartitions(client, { olderThan }));
    }
    await deleteExpiredKeys(database);
    await deleteStaleInbox(database, { olderThan: now - HOUR_MS });
    if (deleted > 0) log.info({ deleted }, 'finished runs past their retention were deleted');
    return { deleted };
  };

  const timer = setInterval(() => {
    run(Date.now()).catch((error: unknown) => log.warn({ err: error }, 'retention did not finish; the next pass goes on'));
  }, HOUR_MS);
  timer.unref();
  return {
    run,
    close() {
      closed = true;
      clearInterval(timer);
    },
  };
}
