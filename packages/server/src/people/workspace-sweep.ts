/** Removes closed workspaces for good once their grace is over: keys and secrets first, then rows, then what lies in files. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Database, beginPurge, endPurge, listWorkspacesToPurge, purgeRows } from '@plugboard/persistence';
import type { Sweep } from '../operations/sweepers.ts';

export interface WorkspaceSweepOptions {
  readonly database: Database;
  /** Folders in which each workspace has one of its own, named by its id. */
  readonly folders: readonly string[];
  /** Asked for at each step. */
  readonly graceDays: () => number;
  readonly systemPrincipalId: string;
  readonly log: { info(fields: object, message: string): void };
}

const TEN_MINUTES_MS = 10 * 60_000;
const DAY_MS = 24 * 60 * 60_000;
/** Rows deleted in one step. */
const STEP = 1000;

export function workspaceSweep({ database, folders, graceDays, systemPrincipalId, log }: WorkspaceSweepOptions): Sweep {
  return {
    name: 'closed-workspaces',
    everyMs: TEN_MINUTES_MS,
    limit: STEP,
    async step() {
      const graceMs = graceDays() * DAY_MS;
      for (const { id, isBegun } of await listWorkspacesToPurge(database, graceMs)) {
        if (!isBegun && !(await beginPurge(database, { id, graceMs, systemPrincipalId }))) continue;
        const count = await purgeRows(database, { id, limit: STEP });
        // The rest of it follows in the next step.
        if (count > 0) return STEP;
        for (const folder of folders) await rm(join(folder, id), { recursive: true, force: true });
        await endPurge(database, id);
        log.info({ workspaceId: id }, 'a closed workspace was removed for good');
      }
      return 0;
    },
  };
}
