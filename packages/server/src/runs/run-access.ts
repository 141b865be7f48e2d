/** Which runs a caller may reach, and how they are found by what people write. */
import type { ListedRun } from '@plugboard/persistence';
import { findRunRow, loadAccess } from '@plugboard/persistence';
import { type Resource, type Visible, accessSetOf, visibleTo } from '../access/access.ts';
import { may } from '../operation/demand.ts';
import type { OperationContext } from '../operation/operation.ts';
import { type OpenedRun, type StoredRuns, noRun } from './stored-runs.ts';

/** A run that is waited for is looked at this often: soon at first, because most runs are short, then less and less, in milliseconds. */
const WAIT_FIRST_MS = 5;
const WAIT_LAST_MS = 100;
/** Whoever waited longer than this is asked for the right once more before the answer, in milliseconds. */
const ASK_AGAIN_MS = 1000;
/** Longest wait for a decision to show before the present state is told, in milliseconds. */
export const DECISION_WAIT_MS = 10_000;

export interface RunAccess {
  readonly visible: (ctx: OperationContext) => Visible;
  /** The run of what people wrote, as something permission is asked on. @throws OperationProblem NOT_FOUND, also of what one may not see */
  readonly onRun: (ctx: OperationContext, input: { readonly id: string }) => Promise<Resource | undefined>;
  /** @throws OperationProblem NOT_FOUND */
  readonly fullId: (ctx: OperationContext, given: string) => Promise<string>;
  /** The run with its events and the state these give. @throws OperationProblem NOT_FOUND */
  readonly open: (ctx: OperationContext, given: string) => Promise<OpenedRun>;
  /** @param full a whole id @throws OperationProblem NOT_FOUND */
  readonly rowOf: (ctx: OperationContext, full: string) => Promise<ListedRun>;
  /** Looks again and again until it is enough or the time is over; gives how the run stands then. */
  readonly waitUntil: (ctx: OperationContext, full: string, waitMs: number, isEnough: (run: ListedRun) => boolean) => Promise<ListedRun>;
}

export function createRunAccess(stored: StoredRuns): RunAccess {
  const visible = (ctx: OperationContext) => visibleTo(ctx.actor, ctx.access, 'run.read');

  const onRun = (ctx: OperationContext, input: { readonly id: string }): Promise<Resource | undefined> =>
    ctx.inTransaction(async (tx) => {
      const full = await stored.resolve(tx, input.id, visible(ctx));
      const row = full === undefined ? undefined : await findRunRow(tx, full);
      if (row && may(ctx, 'run.read', resourceOf(row))) return resourceOf(row);
      throw noRun(input.id);
    });

  const fullId = async (ctx: OperationContext, given: string): Promise<string> => {
    const full = await ctx.inTransaction((tx) => stored.resolve(tx, given, visible(ctx)));
    if (full === undefined) throw noRun(given);
    return full;
  };

  const open = async (ctx: OperationContext, given: string): Promise<OpenedRun> =>
    stored.open(ctx.inTransaction, ctx.workspaceId, await fullId(ctx, given));

  const rowOf = async (ctx: OperationContext, full: string): Promise<ListedRun> => {
    const row = await ctx.inTransaction((tx) => findRunRow(tx, full));
    if (!row) throw noRun(full);
    return row;
  };

  const waitUntil = async (
    ctx: OperationContext,
    full: string,
    waitMs: number,
    isEnough: (run: ListedRun) => boolean,
  ): Promise<ListedRun> => {
    const since = performance.now();
    const until = since + waitMs;
    for (let pauseMs = WAIT_FIRST_MS; ; pauseMs = Math.min(pauseMs * 2, WAIT_LAST_MS)) {
      const run = await rowOf(ctx, full);
      const leftMs = until - performance.now();
      if (isEnough(run) || leftMs <= 0) {
        if (performance.now() - since > ASK_AGAIN_MS) await demandStill(ctx, run);
        return run;
      }
      await new Promise((resolve) => setTimeout(resolve, Math.min(pauseMs, leftMs)));
    }
  };

  return { visible, onRun, fullId, open, rowOf, waitUntil };
}

/** Somebody who waited may have been asked to leave meanwhile. @throws OperationProblem NOT_FOUND */
async function demandStill(ctx: OperationContext, run: ListedRun): Promise<void> {
  if (ctx.actor.kind === 'system') return;
  const asked = { workspaceId: ctx.workspaceId, principalId: ctx.actor.principalId };
  const access = await ctx.inInstance((tx) => loadAccess(tx, asked));
  if (!access || !may({ ...ctx, access: accessSetOf(access) }, 'run.read', resourceOf(run))) throw noRun(run.id);
}

export function resourceOf(row: Pick<ListedRun, 'workflowId' | 'projectId'>): Resource {
  return { kind: 'run', workflowId: row.workflowId, projectId: row.projectId ?? '' };
}
