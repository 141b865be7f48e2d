/** Runs a run called, and the run that called it. Of those whose workflows one may not see only their number is said. */
import { type CalledRun, findParent, findRunRow, listCalled } from '@plugboard/persistence';
import { z } from 'zod';
import { may } from '../operation/demand.ts';
import { type Operation, type OperationContext, operation } from '../operation/operation.ts';
import { id, namedRef } from '../operation/shapes.ts';
import { type RunAccess, resourceOf } from './run-access.ts';
import { runId, statuses } from './run-shapes.ts';

const MOST = 200;

const calledRun = z
  .object({
    id,
    workflow: namedRef,
    version: z.int(),
    status: statuses,
    nodeId: z.string(),
    /** Numbers of the rounds the step lies in. */
    round: z.array(z.int()).optional(),
    /** Which of the runs of that call. */
    part: z.int(),
    /** The caller goes on with what it gives, and stops it when it is stopped. */
    isAwaited: z.boolean(),
    startedAt: z.iso.datetime(),
    endedAt: z.iso.datetime().optional(),
    error: z.object({ code: z.string(), message: z.string() }).meta({ id: 'CalledRunFailure' }).optional(),
  })
  .meta({ id: 'CalledRun' });

const calledRuns = z
  .object({
    calledBy: z.object({ runId: id, nodeId: z.string(), depth: z.int() }).meta({ id: 'RunCaller' }).optional(),
    rows: z.array(calledRun),
    hidden: z.int(),
    nextCursor: z.string().optional(),
  })
  .meta({ id: 'CalledRuns' });

export function runCalledOperations({ onRun, fullId }: RunAccess): readonly Operation[] {
  return [
    operation({
      name: 'run.called',
      field: 'calledRuns',
      kind: 'query',
      summary: 'The runs a run called, in the order in which they were started, and the run that called it.',
      permission: { action: 'run.read', on: onRun },
      input: z.strictObject({ id: runId, first: z.int().min(1).max(MOST).default(50), after: id.optional() }),
      output: calledRuns,
      problems: [],
      rest: { method: 'GET', path: '/runs/{id}/called' },
      async handler(ctx, input) {
        const full = await fullId(ctx, input.id);
        const { workspaceId } = ctx;
        const { found, parent } = await ctx.inTransaction(async (tx) => ({
          found: await listCalled(tx, { workspaceId, runId: full, after: input.after, limit: input.first + 1 }),
          parent: await findParent(tx, { workspaceId, runId: full }),
        }));
        const page = found.slice(0, input.first);
        const seen = page.filter((one) => maySee(ctx, one));
        const last = page.at(-1);
        const caller = parent && (await ctx.inTransaction((tx) => findRunRow(tx, parent.runId)));
        return {
          rows: seen.map(rowOf),
          hidden: page.length - seen.length,
          ...(found.length > input.first && last ? { nextCursor: last.runId } : {}),
          ...(parent && caller && may(ctx, 'run.read', resourceOf(caller))
            ? { calledBy: { runId: parent.runId, nodeId: placeOf(parent.place).nodeId, depth: parent.depth } }
            : {}),
        };
      },
    }),
  ];
}

function maySee(ctx: OperationContext, { workflowId, projectId }: CalledRun): boolean {
  return may(ctx, 'run.read', { kind: 'run', workflowId, projectId: projectId ?? '' });
}

function rowOf(one: CalledRun): z.input<typeof calledRun> {
  const { nodeId, round } = placeOf(one.place);
  return {
    id: one.runId,
    workflow: { id: one.workflowId, name: one.workflowName ?? '' },
    version: one.version,
    status: one.status,
    nodeId,
    ...(round ? { round } : {}),
    part: one.part,
    isAwaited: one.isAwaited,
    startedAt: new Date(one.startedAt).toISOString(),
    ...(one.endedAt === undefined ? {} : { endedAt: new Date(one.endedAt).toISOString() }),
    ...(one.errorCode === undefined ? {} : { error: { code: one.errorCode, message: one.errorMessage ?? '' } }),
  };
}

function placeOf(place: string): { readonly nodeId: string; readonly round?: number[] } {
  const [nodeId = '', rounds] = place.split('@');
  return rounds ? { nodeId, round: rounds.split(',').map(Number) } : { nodeId };
}
