/**
 * Keeps runs, their data and their payloads for as long as each workspace and workflow says, puts their counts together, and looks after the
 * partitions they are in: tomorrow's made, empty ones dropped.
 */
import {
  type Database,
  type RunPayloads,
  type WorkflowKeeping,
  deleteExpiredKeys,
  deleteExpiredRuns,
  deleteOldTrees,
  deleteRunsBeyond,
  deleteStaleInbox,
  deleteStaleSnapshots,
  deleteStaleTurns,
  dropEmptyPartitions,
  ensurePartitions,
  listWorkflowKeeping,
  listWorkspaceIds,
  rollUpStatistics,
} from '@plugboard/persistence';
import { createRunErasure } from '../runs/run-erasure.ts';
import type { Sweep } from './sweepers.ts';

export interface RetentionOptions {
  readonly database: Database;
  readonly payloads: RunPayloads;
  /** Asked for at each step; 0 keeps runs for ever. */
  readonly retentionDays: (workspaceId: string) => number;
  /** Asked for at each pass: the newest runs of a workflow that are kept; 0 is no limit. @default no limit */
  readonly keptPerWorkflow?: (workspaceId: string) => number;
}

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const STEP = 1000;
const PAYLOAD_STEP = 100;
/** The first pass comes soon: a server that is started for a short time each day forgets as well. */
const FIRST_MS = 60_000;
/** Workflows looked at in one step, and runs of one of them deleted. */
const WORKFLOW_STEP = 20;
/** Counts are put together once nothing more is to be expected of their quarter of an hour, in milliseconds. */
const COUNTED_AFTER_MS = 2 * HOUR_MS;
const COUNTS_STEP = 5000;
/** A tree of runs that has called none for so long counts from nothing again. */
const TREE_KEPT_MS = 30 * DAY_MS;

export function retentionSweeps({ database, payloads, retentionDays, keptPerWorkflow = () => 0 }: RetentionOptions): readonly Sweep[] {
  return [
    runsOfWorkflows(database, keptPerWorkflow),
    createRunErasure({ database, blobs: payloads }).sweep,
    {
      name: 'statistics',
      everyMs: HOUR_MS,
      firstMs: FIRST_MS,
      limit: COUNTS_STEP,
      async step(now) {
        let most = 0;
        for (const workspaceId of await listWorkspaceIds(database))
          most = Math.max(most, await rollUpStatistics(database, { workspaceId, before: now - COUNTED_AFTER_MS, limit: COUNTS_STEP }));
        return most;
      },
    },
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
    { name: 'turns', everyMs: MINUTE_MS, limit: STEP, step: () => deleteStaleTurns(database, STEP) },
    {
      name: 'run-trees',
      everyMs: HOUR_MS,
      limit: STEP,
      step: (now) => deleteOldTrees(database, { olderThan: now - TREE_KEPT_MS, limit: STEP }),
    },
    { name: 'snapshots', everyMs: HOUR_MS, limit: STEP, step: () => deleteStaleSnapshots(database, STEP) },
  ];
}

/** Runs that their workflow keeps for a shorter time than the workspace does, or that are too many of one workflow. */
function runsOfWorkflows(database: Database, keptPerWorkflow: (workspaceId: string) => number): Sweep {
  let left: WorkflowKeeping[] = [];
  return {
    name: 'runs-of-workflows',
    everyMs: HOUR_MS,
    firstMs: FIRST_MS,
    limit: WORKFLOW_STEP,
    async step(now) {
      if (left.length === 0) {
        left = (await listWorkflowKeeping(database)).filter(
          ({ workspaceId, days, count }) => days !== undefined || count !== undefined || keptPerWorkflow(workspaceId) > 0,
        );
      }
      const some = left.splice(0, WORKFLOW_STEP);
      for (const keeping of some) if (!(await forgetOld(database, keeping, keptPerWorkflow, now))) left.push(keeping);
      return left.length === 0 ? 0 : WORKFLOW_STEP;
    },
  };
}

/** One batch of a workflow; gives whether it was the last. */
async function forgetOld(
  database: Database,
  { workspaceId, workflowId, days, count }: WorkflowKeeping,
  keptPerWorkflow: (workspaceId: string) => number,
  now: number,
): Promise<boolean> {
  const of = { workspaceId, workflowId, limit: STEP };
  const expired = days === undefined ? 0 : await deleteExpiredRuns(database, { ...of, olderThan: now - days * DAY_MS });
  const most = [count ?? 0, keptPerWorkflow(workspaceId)].filter((one) => one > 0);
  const beyond = most.length === 0 ? 0 : await deleteRunsBeyond(database, { ...of, newest: Math.min(...most) });
  return expired < STEP && beyond < STEP;
}
