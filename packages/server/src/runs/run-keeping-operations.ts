/** Runs that have ended: marked, freed of their data, deleted. */
import { type RunStatusName, isTerminal } from '@plugboard/engine';
import { type Database, type LeasedOwnership, addRunTags, deleteEndedRun } from '@plugboard/persistence';
import type { Runner } from '@plugboard/runner';
import { z } from 'zod';
import { demand } from '../operation/demand.ts';
import { type Operation, operation } from '../operation/operation.ts';
import { OperationProblem } from '../operation/problem.ts';
import { DONE, nothing } from '../operation/shapes.ts';
import { createRunAccess, resourceOf } from './run-access.ts';
import { askToCancel } from './run-control-operations.ts';
import type { RunErasure } from './run-erasure.ts';
import { runId, runTags } from './run-shapes.ts';
import type { StoredRuns } from './stored-runs.ts';

export interface RunKeepingOptions {
  readonly database: Database;
  readonly stored: StoredRuns;
  readonly runner: Pick<Runner, 'wake'>;
  readonly ownership: Pick<LeasedOwnership, 'putInbox'>;
  readonly erasure: Pick<RunErasure, 'erase'>;
}

/** Longest wait for a run that is cancelled before it is deleted, in milliseconds. */
const CANCEL_WAIT_MS = 30_000;

export function runKeepingOperations({ database, stored, runner, ownership, erasure }: RunKeepingOptions): readonly Operation[] {
  const { onRun, fullId, rowOf, waitUntil } = createRunAccess(stored);

  return [
    operation({
      name: 'run.tag',
      field: 'tagRun',
      kind: 'mutation',
      summary: 'Add tags a run is found by. A tag that is there stays.',
      permission: { action: 'run.control', on: onRun },
      input: z.strictObject({ id: runId, tags: runTags }),
      output: nothing,
      problems: [],
      rest: { method: 'POST', path: '/runs/{id}/tags' },
      handler: async (ctx, input) => {
        const row = await rowOf(ctx, await fullId(ctx, input.id));
        const tags = Object.entries(input.tags).map(([key, value]) => ({ key, value }));
        await ctx.inTransaction((tx) => addRunTags(tx, { workspaceId: ctx.workspaceId, runId: row.id, tags }));
        ctx.audit({ kind: 'run', id: row.id, payload: { keys: Object.keys(input.tags) } });
        return DONE;
      },
    }),
    operation({
      name: 'run.eraseData',
      field: 'eraseRunData',
      kind: 'mutation',
      summary: 'Forget what the steps of an ended run were given, gave and logged. The run, its steps and its times stay.',
      permission: { action: 'run.delete', on: onRun },
      input: z.strictObject({ id: runId }),
      output: nothing,
      problems: [],
      rest: { method: 'POST', path: '/runs/{id}/erase' },
      // Runs are written by the owner of the tables only.
      transactional: false,
      handler: async (ctx, input) => {
        const row = await rowOf(ctx, await fullId(ctx, input.id));
        ctx.audit({ kind: 'run', id: row.id, payload: { workflowId: row.workflowId } });
        const isErased = isTerminal(row.status) && (await erasure.erase({ workspaceId: ctx.workspaceId, runId: row.id }));
        if (!isErased) throw goesOn(row.status);
        return DONE;
      },
    }),
    operation({
      name: 'run.delete',
      field: 'deleteRun',
      kind: 'mutation',
      summary: 'Delete a run that has ended, with its data, for good; with cancelFirst also one that goes on. Statistics keep counting it.',
      permission: { action: 'run.delete', on: onRun },
      input: z.strictObject({ id: runId, cancelFirst: z.boolean().default(false) }),
      output: nothing,
      problems: [],
      rest: { method: 'DELETE', path: '/runs/{id}' },
      // Runs are written by the owner of the tables only.
      transactional: false,
      handler: async (ctx, input) => {
        let row = await rowOf(ctx, await fullId(ctx, input.id));
        ctx.audit({ kind: 'run', id: row.id, payload: { workflowId: row.workflowId } });
        if (!isTerminal(row.status) && input.cancelFirst) {
          demand(ctx, 'run.control', resourceOf(row));
          await askToCancel({ ownership, runner }, ctx, row.id);
          row = await waitUntil(ctx, row.id, CANCEL_WAIT_MS, (one) => isTerminal(one.status));
        }
        const isDeleted = isTerminal(row.status) && (await deleteEndedRun(database, { workspaceId: ctx.workspaceId, id: row.id }));
        if (!isDeleted) throw goesOn(row.status);
        return DONE;
      },
    }),
  ];
}

function goesOn(status: RunStatusName): OperationProblem {
  return new OperationProblem('CONFLICT', 'The run goes on', { hint: 'Cancel it first.', params: { status } });
}
