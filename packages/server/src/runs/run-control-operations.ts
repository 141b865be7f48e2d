/** Runs that go on, told from outside: cancelled, held, let go on, decided about. */
import { type RunStatusName, UNIT, findStep, isTerminal } from '@plugboard/engine';
import type { LeasedOwnership, ListedRun } from '@plugboard/persistence';
import type { Runner } from '@plugboard/runner';
import type { JsonObject } from '@plugboard/sdk';
import { z } from 'zod';
import { type Operation, type OperationContext, operation } from '../operation/operation.ts';
import { OperationProblem, notFound } from '../operation/problem.ts';
import { json, text } from '../operation/shapes.ts';
import { DECISION_WAIT_MS, type RunAccess } from './run-access.ts';
import { headView, runHead, runId } from './run-shapes.ts';

export interface RunControlOperationsOptions {
  readonly access: RunAccess;
  readonly runner: Runner;
  readonly ownership: Pick<LeasedOwnership, 'putInbox'>;
}

/** How long to wait until it shows, in milliseconds. */
const waitMs = z.int().min(0).max(DECISION_WAIT_MS).default(DECISION_WAIT_MS);

export function runControlOperations({ access, runner, ownership }: RunControlOperationsOptions): readonly Operation[] {
  const { onRun, fullId, open, rowOf, waitUntil } = access;

  const control = async (ctx: OperationContext, asked: { readonly id: string; readonly waitMs: number }, what: 'pause' | 'resume') => {
    const full = await fullId(ctx, asked.id);
    ctx.audit({ kind: 'run', id: full });
    const problem = controlProblem(what, await rowOf(ctx, full));
    if (problem) throw problem;
    if (what === 'pause') await demandUnstopped(ctx, full);
    const row = { runId: full, workspaceId: ctx.workspaceId, sourceKey: `${what}:${ctx.requestId}`, kind: what };
    await ownership.putInbox({ ...row, payload: { by: ctx.actor.principalId } });
    runner.wake();
    const now = await waitUntil(ctx, full, asked.waitMs, (one) => isTerminal(one.status) || controlProblem(what, one) !== undefined);
    if (what === 'pause' && isTerminal(now.status)) throw ended(now.status);
    return headView(now, undefined);
  };

  /** A run that was stopped only ends, or undoes what it did. @throws OperationProblem RUN_STATE */
  const demandUnstopped = async (ctx: OperationContext, full: string): Promise<void> => {
    const { run, state } = await open(ctx, full);
    if (!state.stop || isTerminal(run.status)) return;
    throw new OperationProblem('RUN_STATE', `The run ${state.undo ? 'undoes what it did' : 'is being stopped'}`, {
      params: { status: run.status },
      hint: 'Only a run that works or waits can be paused.',
    });
  };

  /** Whether a run that ended as it had to was stopped while it undid what it did. */
  const wasUndoStopped = async (ctx: OperationContext, full: string): Promise<boolean> => {
    const { undo } = (await open(ctx, full)).state;
    return undo?.failures.some(({ error }) => error.code === 'UNDO_STOPPED') ?? false;
  };

  return [
    operation({
      name: 'run.cancel',
      field: 'cancelRun',
      kind: 'mutation',
      summary: 'Stop a run; answers once it has ended.',
      permission: { action: 'run.control', on: onRun },
      input: z.strictObject({ id: runId, reason: text(1000).optional(), waitMs }),
      output: runHead,
      problems: ['RUN_ENDED'],
      rest: {
        method: 'POST',
        path: '/runs/{id}/cancel',
        alsoAt: [
          { method: 'POST', path: '/workflows/executions/{id}/stop' },
          { method: 'POST', path: '/executions/{id}/stop' },
        ],
      },
      transactional: false,
      async handler(ctx, input) {
        const full = await fullId(ctx, input.id);
        ctx.audit({ kind: 'run', id: full });
        const run = await rowOf(ctx, full);
        if (isTerminal(run.status)) throw ended(run.status);
        await askToCancel({ ownership, runner }, ctx, full, input.reason);
        const now = await waitUntil(ctx, full, input.waitMs, (one) => isTerminal(one.status));
        if (isTerminal(now.status) && now.status !== 'cancelled' && !(await wasUndoStopped(ctx, full))) throw ended(now.status);
        return headView(now, undefined);
      },
    }),
    operation({
      name: 'run.pause',
      field: 'pauseRun',
      kind: 'mutation',
      summary:
        'Hold a run: what is under way ends, nothing behind it starts. Answers once it is paused, or after a while with how it stands.',
      permission: { action: 'run.control', on: onRun },
      input: z.strictObject({ id: runId, waitMs }),
      output: runHead,
      problems: ['RUN_STATE', 'RUN_ENDED'],
      rest: {
        method: 'POST',
        path: '/runs/{id}/pause',
        alsoAt: [
          { method: 'POST', path: '/workflows/executions/{id}/pause' },
          { method: 'POST', path: '/executions/{id}/pause' },
        ],
      },
      transactional: false,
      handler: (ctx, input) => control(ctx, input, 'pause'),
    }),
    operation({
      name: 'run.resume',
      field: 'resumeRun',
      kind: 'mutation',
      summary: 'Let a run go on that is paused or in quarantine.',
      permission: { action: 'run.control', on: onRun },
      input: z.strictObject({ id: runId, waitMs }),
      output: runHead,
      problems: ['RUN_STATE', 'RUN_ENDED'],
      rest: {
        method: 'POST',
        path: '/runs/{id}/resume',
        alsoAt: [
          { method: 'POST', path: '/workflows/executions/{id}/resume' },
          { method: 'POST', path: '/executions/{id}/resume' },
        ],
      },
      transactional: false,
      handler: (ctx, input) => control(ctx, input, 'resume'),
    }),
    operation({
      name: 'run.resolve',
      field: 'resolveUnknown',
      kind: 'mutation',
      summary: 'Decide about a write that may have happened: send it again, take it as done, or fail it.',
      permission: { action: 'run.control', on: onRun },
      input: z.strictObject({
        id: runId,
        node: text(200, 1),
        item: z.int().min(0).default(0),
        decision: z.enum(['retry', 'done', 'fail']).meta({ id: 'UnknownDecision' }),
        output: z.record(z.string(), json).optional(),
      }),
      output: runHead,
      problems: ['RUN_ENDED'],
      rest: { method: 'POST', path: '/runs/{id}/resolve' },
      transactional: false,
      async handler(ctx, { id: given, node, item, decision, output }) {
        const { run, state, loaded } = await open(ctx, given);
        ctx.audit({ kind: 'run', id: run.head.id, payload: { node, item, decision } });
        if (isTerminal(run.status)) throw ended(run.status);
        const step = loaded.plan.byId.get(node) ?? loaded.plan.byName.get(node);
        if (!step) throw notFound(`The workflow of this run has no step "${node}"`);
        if (findStep(state, step)?.units?.states[item] !== UNIT.asking) {
          throw new OperationProblem('CONFLICT', `Item ${item} of "${step.name}" does not wait for a decision`, {
            hint: 'See what does with: npx plugboard show',
          });
        }
        const isFirst = await ownership.putInbox({
          runId: run.head.id,
          workspaceId: ctx.workspaceId,
          // The same item may come to ask again later, at another place of the journal.
          sourceKey: `resolve:${step.id}:${item}:${run.events}`,
          kind: 'resolve',
          payload: {
            by: ctx.actor.principalId,
            node: step.id,
            i: item,
            decision,
            ...(output ? { output: { json: output as JsonObject } } : {}),
          },
        });
        if (!isFirst) throw new OperationProblem('CONFLICT', `Somebody else has just decided about item ${item} of "${step.name}"`);
        runner.wake();
        return headView(await waitUntil(ctx, run.head.id, DECISION_WAIT_MS, (now) => now.events > run.events), undefined);
      },
    }),
  ];
}

/** Tells a run to stop. Safe to call again. */
export async function askToCancel(
  { ownership, runner }: { readonly ownership: Pick<LeasedOwnership, 'putInbox'>; readonly runner: Pick<Runner, 'wake'> },
  ctx: OperationContext,
  id: string,
  reason?: string,
): Promise<void> {
  await ownership.putInbox({
    runId: id,
    workspaceId: ctx.workspaceId,
    sourceKey: `cancel:${id}`,
    kind: 'cancel',
    payload: { by: ctx.actor.principalId, ...(reason ? { reason } : {}) },
  });
  runner.wake();
}

/** A paused run can be resumed, a running or waiting one paused; what is asked of any other is refused with how it stands. */
function controlProblem(what: 'pause' | 'resume', { status, waitingFor }: ListedRun): OperationProblem | undefined {
  if (isTerminal(status)) return ended(status);
  const isHeld = status === 'paused' || waitingFor === 'quarantine';
  if (what === 'resume' ? isHeld : !isHeld && status !== 'pending') return undefined;
  return new OperationProblem('RUN_STATE', `The run is ${status}${waitingFor ? ` for ${waitingFor}` : ''}`, {
    params: { status },
    hint:
      what === 'resume' ? 'Only a run that is paused or in quarantine can be resumed.' : 'Only a run that works or waits can be paused.',
  });
}

function ended(status: RunStatusName): OperationProblem {
  return new OperationProblem('RUN_ENDED', `The run has ended as ${status}`, { params: { status } });
}
