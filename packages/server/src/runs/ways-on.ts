/** In which ways a new run can be made from one: told beforehand by the same rules that refuse it. */
import { isErased, isTerminal } from '@plugboard/engine';
import { findWorkflow, listRunsMadeFrom } from '@plugboard/persistence';
import { may } from '../operation/demand.ts';
import type { OperationContext } from '../operation/operation.ts';
import { OperationProblem } from '../operation/problem.ts';
import type { RerunRequest } from './rerun-request.ts';
import { resourceOf } from './run-access.ts';
import { type OpenedRun, dataErased } from './stored-runs.ts';

/** What this person may do with a run that has ended. */
export interface WaysOn {
  /** From the start, with the same input. */
  readonly again: boolean;
  /** What did not succeed, or past a step that failed. */
  readonly retry: boolean;
  /** From a step on. */
  readonly rerun: boolean;
}

type Asked = Pick<RerunRequest, 'how' | 'source' | 'node'>;

/** @throws OperationProblem DATA_ERASED, RUN_STATE, INPUT_INVALID */
export function demandWay(asked: Asked, old: OpenedRun): void {
  const problem = dataProblem(old) ?? stateProblem(asked, old) ?? undoneProblem(asked, old);
  if (problem) throw problem;
}

export async function waysOn(ctx: OperationContext, old: OpenedRun, projectId: string | undefined): Promise<WaysOn> {
  const { id, workflowId } = old.run.head;
  const { workflow, made } = await ctx.inTransaction(async (tx) => ({
    workflow: await findWorkflow(tx, workflowId),
    made: await listRunsMadeFrom(tx, id),
  }));
  const run = resourceOf({ workflowId, ...(projectId === undefined ? {} : { projectId }) });
  const mayRun = workflow !== undefined && may(ctx, 'workflow.run', { kind: 'workflow', id: workflow.id, projectId: workflow.projectId });
  const mayWithData = mayRun && may(ctx, 'run.readData', run);
  const isOpen = (how: RerunRequest['how']): boolean => {
    const asked = { how, source: 'same', node: undefined } as const;
    return !dataProblem(old) && !stateProblem(asked, old) && !undoneProblem(asked, old);
  };
  return {
    again: mayWithData && isOpen('again'),
    retry: mayRun && may(ctx, 'run.control', run) && isOpen('retry') && !made.some(({ how }) => how === 'retry' || how === 'skip'),
    rerun: mayWithData && isOpen('rerun'),
  };
}

function dataProblem({ events }: OpenedRun): OperationProblem | undefined {
  return isErased(events) ? dataErased() : undefined;
}

/** What did not get done is done once: a second person is sent to the run that goes on already. */
function stateProblem({ how, source }: Asked, { run: { status, head } }: OpenedRun): OperationProblem | undefined {
  if (how === 'again') return undefined;
  if (source === 'live' && head.environment === 0) {
    const message = 'This is a run of a draft: what it made, pinned data included, does not go into a live run';
    return new OperationProblem('INPUT_INVALID', message, {
      path: 'input.source',
      hint: 'Go on with the draft, or run it again on what is live.',
    });
  }
  if (!isTerminal(status)) {
    return new OperationProblem('RUN_STATE', `The run is ${status}; only a run that has ended can be gone on from`, {
      params: { status },
      hint: 'Cancel it first, or wait for its end.',
    });
  }
  if (status !== 'succeeded' || how === 'rerun') return undefined;
  return new OperationProblem('RUN_STATE', 'The run has succeeded: there is nothing to retry or to skip', {
    params: { status },
    hint: 'Run it again, or go on from one of its steps.',
  });
}

/** What was undone is not there to be kept, and what is sent under its key would count as the first, which is gone. */
function undoneProblem({ how, node }: Asked, { run: { status }, state }: OpenedRun): OperationProblem | undefined {
  const named = state.plan.byId.get(node ?? '') ?? state.plan.byName.get(node ?? '');
  const begins = how === 'rerun' && named?.isTrigger === true;
  if (how === 'again' || begins || !state.undo) return undefined;
  return new OperationProblem('RUN_STATE', 'The run has undone what it did: there is nothing to go on from', {
    params: { status },
    hint: 'Run it again from the start.',
  });
}
