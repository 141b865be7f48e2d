/** Requests of a node with a limit: each waits for its turn, which all servers give together. */
import { type PlanNode, type Sink, type StepState, settleLimitKey, stepScopes } from '@plugboard/engine';
import type { ActiveRun } from './active-run.ts';
import type { StepServices } from './step-services.ts';

/** Nothing where the node has no limit. */
export function limitedRequests(
  run: ActiveRun,
  step: StepState,
  node: PlanNode,
  services: StepServices,
  startedAt: number,
): Pick<Sink, 'turn'> {
  const { limit } = node;
  const limits = services.ports?.limits;
  if (!limit || !limits) return {};
  const { workspaceId, workflowId } = run.head;
  const name = limit.name === undefined ? `node:${workflowId}:${node.id}` : `name:${limit.name}`;
  const { concurrency, rate } = limit;
  let scope: string | undefined;
  return {
    turn: (signal) => {
      scope ??= `${name}:${settleLimitKey(limit, stepScopes(run.state, step, services.stepFacts(run, step, startedAt))(0))}`;
      // A name belongs to the project: who cannot see each other's workflows does not hold each other up.
      const inProjectOf = limit.name === undefined ? {} : { inProjectOf: workflowId };
      return limits.take({ workspaceId, scope, concurrency, rate, ...inProjectOf }, signal);
    },
  };
}
