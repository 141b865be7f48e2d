/** Forgets what ended runs were given and gave: when somebody asks for it, and when their workflow or workspace keeps no data. */
import { type BlobStore, eraseEvent } from '@plugboard/engine';
import { type Database, type DueErasure, listDueErasures, postponeErasure, rewriteJournal } from '@plugboard/persistence';
import { decodeEvents, encodeEvents } from '@plugboard/runner';
import type { Sweep } from '../operations/sweepers.ts';

export interface RunErasure {
  /** False when there is no such run, or it goes on. Safe to call again. */
  erase(run: DueErasure): Promise<boolean>;
  readonly sweep: Sweep;
}

const EVERY_MS = 5000;
const STEP = 100;

export function createRunErasure({ database, blobs }: { readonly database: Database; readonly blobs: BlobStore }): RunErasure {
  const erase = (due: DueErasure): Promise<boolean> =>
    rewriteJournal(database, due, async (text) => {
      const events = await decodeEvents(text, blobs, due.workspaceId);
      return encodeEvents(events.map(eraseEvent), blobs, { id: due.runId, workspaceId: due.workspaceId });
    });

  return {
    erase,
    sweep: {
      name: 'run-data',
      everyMs: EVERY_MS,
      limit: STEP,
      async step() {
        const due = await listDueErasures(database, STEP);
        const failures: unknown[] = [];
        for (const run of due) {
          try {
            await erase(run);
          } catch (error) {
            failures.push(error);
            await postponeErasure(database, run);
          }
        }
        // One run that cannot be read holds up no other one.
        if (failures.length > 0) throw failures[0];
        return due.length;
      },
    },
  };
}
