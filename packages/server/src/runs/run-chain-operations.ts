/** Chains of runs of a workflow that repeats: shown as a list, and ended. */
import { isTerminal } from '@plugboard/engine';
import { type LeasedOwnership, findChainPlace, listChain, stopNext } from '@plugboard/persistence';
import type { Runner } from '@plugboard/runner';
import { z } from 'zod';
import { type Operation, type OperationContext, operation } from '../operation/operation.ts';
import { OperationProblem } from '../operation/problem.ts';
import { id } from '../operation/shapes.ts';
import type { RunAccess } from './run-access.ts';
import { askToCancel } from './run-control-operations.ts';
import { runId, statuses } from './run-shapes.ts';
import { noRun } from './stored-runs.ts';

const MOST = 200;
/** A next run may begin while the chain is being ended: then that one is ended too. */
const LOOKS = 5;

const chainRun = z
  .object({ id, n: z.int(), status: statuses, startedAt: z.iso.datetime(), endedAt: z.iso.datetime().optional() })
  .meta({ id: 'ChainRun' });

export interface RunChainOperationsOptions {
  readonly access: RunAccess;
  readonly runner: Runner;
  readonly ownership: Pick<LeasedOwnership, 'putInbox'>;
}

export function runChainOperations({ access, runner, ownership }: RunChainOperationsOptions): readonly Operation[] {
  const { onRun, fullId, rowOf } = access;

  const firstOf = async (ctx: OperationContext, full: string): Promise<string> => {
    const place = await ctx.inTransaction((tx) => findChainPlace(tx, { workspaceId: ctx.workspaceId, runId: full }));
    if (!place) throw noRun(full);
    return place.firstRunId;
  };

  /** The newest run of the chain; of one that nothing followed yet the run itself. */
  const newestOf = async (ctx: OperationContext, firstRunId: string): Promise<string> => {
    const [newest] = await ctx.inTransaction((tx) => listChain(tx, { workspaceId: ctx.workspaceId, firstRunId, limit: 1 }));
    return newest?.runId ?? firstRunId;
  };

  return [
    operation({
      name: 'run.chain',
      field: 'runChain',
      kind: 'query',
      summary: 'The runs of a workflow that repeats which belong together, the newest first. Empty for a run that stands alone.',
      permission: { action: 'run.read', on: onRun },
      input: z.strictObject({ id: runId, first: z.int().min(1).max(MOST).default(50), before: z.int().min(1).optional() }),
      output: z.object({ rows: z.array(chainRun), hasMore: z.boolean() }).meta({ id: 'RunChain' }),
      problems: [],
      rest: { method: 'GET', path: '/runs/{id}/chain' },
      async handler(ctx, input) {
        const firstRunId = await firstOf(ctx, await fullId(ctx, input.id));
        const found = await ctx.inTransaction((tx) =>
          listChain(tx, { workspaceId: ctx.workspaceId, firstRunId, before: input.before, limit: input.first + 1 }),
        );
        return {
          rows: found.slice(0, input.first).map(({ runId: one, n, status, startedAt, endedAt }) => ({
            id: one,
            n,
            status,
            startedAt: new Date(startedAt).toISOString(),
            ...(endedAt === undefined ? {} : { endedAt: new Date(endedAt).toISOString() }),
          })),
          hasMore: found.length > input.first,
        };
      },
    }),
    operation({
      name: 'run.endChain',
      field: 'endRunChain',
      kind: 'mutation',
      summary: 'End a chain of runs: its newest run is stopped, or the next one does not begin.',
      permission: { action: 'run.control', on: onRun },
      input: z.strictObject({ id: runId }),
      output: z.object({ runId: id, stopped: z.enum(['run', 'next']).meta({ id: 'ChainEnd' }) }).meta({ id: 'EndedChain' }),
      problems: ['RUN_ENDED'],
      rest: { method: 'POST', path: '/runs/{id}/end-chain' },
      transactional: false,
      async handler(ctx, input) {
        const full = await fullId(ctx, input.id);
        ctx.audit({ kind: 'run', id: full });
        const firstRunId = await firstOf(ctx, full);
        for (let look = 0; look < LOOKS; look += 1) {
          const newest = await newestOf(ctx, firstRunId);
          const { status } = await rowOf(ctx, newest);
          if (!isTerminal(status)) {
            await askToCancel({ ownership, runner }, ctx, newest, undefined);
            await access.waitUntil(ctx, newest, 10_000, (one) => isTerminal(one.status));
          }
          const isHeldBack = await ctx.inTransaction((tx) => stopNext(tx, { workspaceId: ctx.workspaceId, runId: newest }));
          if (isHeldBack) return { runId: newest, stopped: 'next' as const };
          const now = await rowOf(ctx, newest);
          if (!isTerminal(status) && now.status === 'cancelled') return { runId: newest, stopped: 'run' as const };
          if ((await newestOf(ctx, firstRunId)) === newest && isTerminal(now.status)) break;
        }
        throw new OperationProblem('RUN_ENDED', 'The chain has ended already', { hint: 'Nothing follows its newest run.' });
      },
    }),
  ];
}
