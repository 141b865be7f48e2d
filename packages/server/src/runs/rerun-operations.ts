/** Going on from a run that has ended: what failed, from a step on, past a failed step; and which runs were made from one. */
import { findRunRow, listRunsMadeFrom } from '@plugboard/persistence';
import { z } from 'zod';
import { type Operation, operation } from '../operation/operation.ts';
import { id, json, text } from '../operation/shapes.ts';
import type { Rerun } from './rerun.ts';
import type { PortItems } from './rerun-request.ts';
import type { RunAccess } from './run-access.ts';
import { runId, statuses } from './run-shapes.ts';

const MAX_ITEMS = 10_000;

const source = z.enum(['same', 'live', 'draft']).meta({ id: 'RunAgainSource' }).default('same');
const itemList = z.array(z.record(z.string(), json)).max(MAX_ITEMS);
const nodeId = text(200, 1);
const repeatedRun = z.object({ runId: id, kept: z.int(), nodeId: z.string().optional() }).meta({ id: 'ContinuedRun' });

const PROBLEMS = [
  'RUN_STATE',
  'STEP_STATE',
  'TYPE_MISSING',
  'DATA_ERASED',
  'ALREADY_DONE',
  'DEFINITION_INVALID',
  'NO_TRIGGER',
  'SERVER_BUSY',
  'SERVER_STOPPING',
] as const;

export function rerunOperations({ access, rerun }: { readonly access: RunAccess; readonly rerun: Rerun }): readonly Operation[] {
  const { onRun, fullId } = access;

  return [
    operation({
      name: 'run.retry',
      field: 'retryRun',
      kind: 'mutation',
      summary:
        'A new run that keeps what succeeded in this one and does the rest: only items without success are sent again, with their keys.',
      permission: { action: 'run.control', on: onRun },
      input: z.strictObject({ id: runId, nodeId: nodeId.optional(), source, idempotencyKey: text(255, 1).optional() }),
      output: repeatedRun,
      problems: PROBLEMS,
      rest: {
        method: 'POST',
        path: '/runs/{id}/retry',
        status: 202,
        alsoAt: [{ method: 'POST', path: '/executions/{id}/retry-node' }],
      },
      transactional: false,
      async handler(ctx, input) {
        const made = await rerun(ctx, { how: 'retry', id: input.id, source: input.source, node: input.nodeId });
        ctx.audit({ kind: 'run', id: made.runId, payload: { of: input.id } });
        return made;
      },
    }),
    operation({
      name: 'run.rerun',
      field: 'rerunFrom',
      kind: 'mutation',
      summary: 'A new run that goes on from a step of this one, with its old input or another one; what is before the step is kept.',
      permission: { action: 'run.readData', on: onRun },
      input: z.strictObject({
        id: runId,
        nodeId,
        source,
        items: itemList.optional(),
        /** Items by input port, for steps with several. */
        ports: z.record(text(64, 1), itemList).optional(),
        idempotencyKey: text(255, 1).optional(),
      }),
      output: repeatedRun,
      problems: PROBLEMS,
      rest: { method: 'POST', path: '/runs/{id}/rerun', status: 202 },
      transactional: false,
      async handler(ctx, input) {
        const items = (input.ports ?? (input.items ? { main: input.items } : undefined)) as PortItems | undefined;
        const made = await rerun(ctx, { how: 'rerun', id: input.id, source: input.source, node: input.nodeId, items });
        ctx.audit({ kind: 'run', id: made.runId, payload: { of: input.id, node: input.nodeId, isEdited: items !== undefined } });
        return made;
      },
    }),
    operation({
      name: 'run.skip',
      field: 'skipStep',
      kind: 'mutation',
      summary: 'A new run that goes on behind a failed step of this one: the step hands on its input, or the items given here.',
      permission: { action: 'run.control', on: onRun },
      input: z.strictObject({ id: runId, nodeId, source, items: itemList.optional(), idempotencyKey: text(255, 1).optional() }),
      output: repeatedRun,
      problems: PROBLEMS,
      rest: {
        method: 'POST',
        path: '/runs/{id}/skip',
        status: 202,
        alsoAt: [{ method: 'POST', path: '/executions/{id}/skip-node' }],
      },
      transactional: false,
      async handler(ctx, input) {
        const items = input.items ? ({ main: input.items } as PortItems) : undefined;
        const made = await rerun(ctx, { how: 'skip', id: input.id, source: input.source, node: input.nodeId, items });
        ctx.audit({ kind: 'run', id: made.runId, payload: { of: input.id, node: input.nodeId } });
        return made;
      },
    }),
    operation({
      name: 'run.madeFrom',
      field: 'runsMadeFrom',
      kind: 'query',
      summary: 'Runs that were made from this one, newest first.',
      permission: { action: 'run.read', on: onRun },
      input: z.strictObject({ id: runId }),
      output: z
        .object({
          rows: z.array(
            z
              .object({ id, how: z.string(), nodeId: z.string().optional(), status: statuses, startedAt: z.iso.datetime() })
              .meta({ id: 'RunMadeFrom' }),
          ),
        })
        .meta({ id: 'RunsMadeFrom' }),
      problems: [],
      rest: { method: 'GET', path: '/runs/{id}/made-from' },
      async handler(ctx, input) {
        const full = await fullId(ctx, input.id);
        const rows = await ctx.inTransaction(async (tx) => ((await findRunRow(tx, full)) ? listRunsMadeFrom(tx, full) : []));
        return {
          rows: rows.map(({ runId: made, how, node, status, startedAt }) => ({
            id: made,
            how,
            ...(node === undefined ? {} : { nodeId: node }),
            status,
            startedAt: startedAt.toISOString(),
          })),
        };
      },
    }),
  ];
}
