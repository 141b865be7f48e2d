/** What a run started by hand begins with: its trigger and the item that one gives. */
import type { LoadedPlan, RunListener, Runner, StartRun } from '@plugboard/runner';
import type { Item, Json, JsonObject } from '@plugboard/sdk';
import { OperationProblem } from '../operation/problem.ts';

export interface ChosenTrigger {
  readonly id: string;
  readonly kind: string;
}

/** The named trigger; else a manual one; else the only or first other one. @throws OperationProblem NO_TRIGGER */
export function chooseTrigger(loaded: LoadedPlan, wanted: string | undefined): ChosenTrigger {
  const triggers = loaded.plan.nodes.filter((node) => node.isTrigger && !node.disabled);
  const kindOf = (node: (typeof triggers)[number]): string => (node.type.kind === 'trigger' ? node.type.trigger : '');
  const chosen =
    wanted === undefined
      ? (triggers.find((node) => kindOf(node) === 'manual') ?? triggers[0])
      : triggers.find((node) => node.id === wanted || node.name === wanted);
  if (chosen) return { id: chosen.id, kind: kindOf(chosen) };
  if (wanted !== undefined) {
    throw new OperationProblem('NO_TRIGGER', `The workflow has no trigger "${wanted}"`, {
      hint: `It has: ${triggers.map((node) => node.name).join(', ') || 'none'}.`,
    });
  }
  throw new OperationProblem('NO_TRIGGER', 'The workflow has no trigger to start from', {
    hint: 'Add a manual trigger to run it by hand.',
  });
}

/** The item a trigger gives when started by hand: a webhook sees the input as its body. */
export function triggerItem(kind: string, input: Json): Item {
  const isRecord = typeof input === 'object' && input !== null && !Array.isArray(input);
  if (kind === 'webhook') {
    const request = isRecord && Object.hasOwn(input, 'body') ? (input as JsonObject) : { body: input };
    return { json: { headers: {}, query: {}, params: {}, method: 'POST', path: '', ...request } };
  }
  return { json: isRecord ? (input as JsonObject) : { value: input } };
}

/** Resolves with the run's id once it is stored. @throws OperationProblem SERVER_BUSY, SERVER_STOPPING */
export function startStored(runner: Runner, request: StartRun): Promise<string> {
  if (!runner.accepting) {
    throw new OperationProblem('SERVER_BUSY', 'The server cannot take more work at the moment; nothing was started', {
      hint: 'Try again in a moment.',
    });
  }
  if (!runner.acceptsQueued(request.loaded.workspaceId, request.loaded.workflowId)) {
    throw new OperationProblem('SERVER_BUSY', 'Too many runs of this workflow wait for their turn; nothing was started', {
      hint: 'Try again when some of them have ended.',
    });
  }
  return new Promise<string>((resolve, reject) => {
    const listener: RunListener = {
      onAccepted: resolve,
      onLost: (_, code, message) => reject(new OperationProblem(code === 'SERVER_STOPPING' ? 'SERVER_STOPPING' : 'SERVER_BUSY', message)),
    };
    runner.start(request, listener);
  });
}
