/** Keeps runs and their payloads for as long as each workspace says, and the partitions they are in: tomorrow's made, empty ones dropped. */
import {
  type Database,
  type RunPayloads,
  deleteExpiredKeys,
  deleteExpiredRuns,
  deleteStaleInbox,
  dropEmptyPartitions,
  ensurePartitions,
  listWorkspaceIds,
} from '@plugboard/persistence';
import type { Sweep } from './sweepers.ts';

export interface RetentionOptions {
  readonly database: Database;
  readonly payloads: RunPayloads;
  /** Asked for at each step; 0 keeps runs for ever. */
  readonly retentionDays: (workspaceId: string) => number;
}

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const STEP = 1000;
const PAYLOAD_STEP = 100;
/** The first pass comes soon: a server that is started for a short time each day forgets as well. */
const FIRST_MS = 60_000;

export function retentionSweeps({ database, payloads, retentionDays }: RetentionOptions): readonly Sweep[] {
  return [
    {
      name: 'runs',
      everyMs: HOUR_MS,
      firstMs: FIRST_MS,
      limit: STEP,
      async step(now) {
        let most = 0;
        for (const workspaceId of await listWorkspaceIds(database)) {
          const days = retentionDays(workspaceId);
          if (days > 0)
            most = Math.max(most, await deleteExpiredRuns(database, { workspaceId, olderThan: now - days * DAY_MS, limit: STEP }));
        }
        return most;
      },
    },
    {
      name: 'partitions',
      everyMs: HOUR_MS,
      limit: Number.POSITIVE_INFINITY,
      async step(now) {
        const made = await database.withClient((client) => ensurePartitions(client, new Date(now)));
        const workspaces = await listWorkspaceIds(database);
        const shortest = workspaces.map(retentionDays).filter((days) => days > 0);
        // Where all runs are kept for ever nothing gets empty.
        const dropped =
          shortest.length === 0
            ? []
            : await database.withClient((client) => dropEmptyPartitions(client, { olderThan: now - Math.min(...shortest) * DAY_MS }));
        return made.length + dropped.length;
      },
    },
    // Payloads of runs that are gone: those deleted just now, and once a day what a process that died left unnamed.
    { name: 'payloads', everyMs: MINUTE_MS, limit: PAYLOAD_STEP, step: () => payloads.sweep(PAYLOAD_STEP) },
    {
      name: 'payload-names',
      everyMs: DAY_MS,
      limit: STEP,
      step: (now) => payloads.forgetGoneRuns({ olderThan: now - HOUR_MS, limit: STEP }),
    },
    { name: 'run-keys', everyMs: HOUR_MS, firstMs: FIRST_MS, limit: STEP, step: () => deleteExpiredKeys(database, STEP) },
    {
      name: 'inbox',
      everyMs: HOUR_MS,
      limit: STEP,
      step: (now) => deleteStaleInbox(database, { olderThan: now - HOUR_MS, limit: STEP }),
    },
  ];
}
