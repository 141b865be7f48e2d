/** Forgets what was told long ago, and tells of what a process that died could not. */
import { type AskingRun, type Database, deleteOldNotifications, inInstance, listAskingRuns, readConcerned } from '@plugboard/persistence';
import type { Sweep } from '../operations/sweepers.ts';
import { tell } from './tell.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const STEP = 1000;
const ASKING_STEP = 100;
/** After a start, when it is most likely that somebody was not told, in milliseconds. */
const FIRST_MS = 5000;

export interface NotificationSweepsOptions {
  readonly database: Database;
  /** Asked for at each step. */
  readonly keepDays: () => number;
}

export function notificationSweeps({ database, keepDays }: NotificationSweepsOptions): readonly Sweep[] {
  /** The run the pass under way has come to. */
  let after: string | undefined;

  return [
    {
      name: 'notifications',
      everyMs: HOUR_MS,
      limit: STEP,
      step: () => deleteOldNotifications(database, { keepMs: keepDays() * 24 * HOUR_MS, limit: STEP }),
    },
    {
      // What is told of a run is gathered for a second after its commit; a process that dies in that second tells nobody.
      name: 'asking-runs',
      firstMs: FIRST_MS,
      everyMs: 10 * MINUTE_MS,
      limit: ASKING_STEP,
      async step() {
        const runs = await listAskingRuns(database, { for: ['unknown_effect', 'quarantine'], after, limit: ASKING_STEP });
        for (const run of runs) await tellOfAsking(database, run);
        after = runs.length < ASKING_STEP ? undefined : runs.at(-1)?.id;
        return runs.length;
      },
    },
  ];
}

/** Who was told already hears nothing. */
async function tellOfAsking(database: Database, { id: runId, workspaceId, workflowId, initiator, waiting }: AskingRun): Promise<void> {
  await inInstance(database, async (tx) => {
    const concerned = await readConcerned(tx, { workflowId, initiators: initiator === undefined ? [] : [initiator] });
    if (!concerned) return;
    const why = waiting === 'quarantine' ? 'quarantine' : 'unknown_effect';
    const params = { workflowId, workflow: concerned.name, runId, why } as const;
    await tell(tx, { kind: 'run.asks', to: concerned.principalIds, about: runId, params, workspaceId });
  });
}
