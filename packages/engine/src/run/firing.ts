/**
 * How steps become ready: edges resolve with items or as skipped, and a node runs once its edges allow it.
 * Skipped is explicit, so no join can hang.
 */
import type { JoinPolicy, PlanNode } from '../plan/plan.ts';
import type { Outputs } from './events.ts';
import { EMPTY_INPUT, type EdgeState, type InputPart, type RunState, type StepInput, type StepState, inputItems } from './state.ts';
import { outputsOfFailure } from './step-outputs.ts';
import { makeReady, nodeAt, setPhase, stepAt } from './steps.ts';
import { stopRun } from './stop.ts';

/** A step ended well: its outputs go on to the nodes behind it, unless the run is stopping. */
export function complete(run: RunState, node: PlanNode, outputs: Outputs): void {
  const step = stepAt(run, node.index);
  if (step.startedAt === 0) step.startedAt = run.at;
  step.endedAt = run.at;
  step.outputs = outputs;
  step.units = undefined;
  setPhase(run, node.index, 'succeeded');
  if (!run.stop) emit(run, node, outputs);
}

/** Marks a step as skipped and passes the reason on. */
export function skip(run: RunState, index: number, reason: 'empty' | 'not_taken'): void {
  const step = stepAt(run, index);
  if (step.phase !== 'blocked') return;
  step.skip = reason;
  setPhase(run, index, 'skipped');
  for (const edge of nodeAt(run, index).outgoing) resolveEdge(run, edge.index, edge.to, reason);
}

/** Lets ready steps start while the run has free places and nothing holds it back. */
export function activate(run: RunState): void {
  if (run.quarantined) return;
  const limit = run.plan.maxParallelSteps;
  while (run.readyQueue.length > 0 && run.running < limit) {
    const index = run.readyQueue.shift();
    if (index === undefined) return;
    const step = stepAt(run, index);
    if (step.phase !== 'ready') continue;
    if (step.startedAt === 0) step.startedAt = run.at;
    setPhase(run, index, 'active');
  }
}

/** A port that emits nothing resolves as skipped: `empty` when no port emitted anything, `not_taken` when the items went elsewhere. */
function emit(run: RunState, node: PlanNode, outputs: Outputs): void {
  let emitted = false;
  for (const port in outputs) if ((outputs[port]?.items.length ?? 0) > 0) emitted = true;
  const silent: EdgeState = emitted ? 'not_taken' : 'empty';
  for (const edge of node.outgoing) {
    const batch = outputs[edge.port];
    resolveEdge(run, edge.index, edge.to, batch && batch.items.length > 0 ? 'items' : silent);
  }
}

function resolveEdge(run: RunState, edge: number, target: number, state: EdgeState): void {
  const step = stepAt(run, target);
  run.root.edges[edge] = state;
  step.unresolved -= 1;
  if (state === 'items') step.edgesWithItems += 1;
  else if (state === 'empty') step.edgesEmpty += 1;
  if (step.phase === 'blocked') considerFiring(run, nodeAt(run, target), step);
}

/** Fires, skips or goes on waiting, from the states of the node's incoming edges. */
function considerFiring(run: RunState, node: PlanNode, step: StepState): void {
  const { unresolved, edgesWithItems: withItems, edgesEmpty: empty } = step;
  const needed = node.join && !node.disabled ? neededEdges(node.join) : undefined;
  if (needed !== undefined) {
    if (withItems >= needed) return fire(run, node, step);
    if (withItems > 0 && withItems + unresolved < needed) return failJoin(run, node, step, needed);
  }
  if (unresolved > 0) return;
  if (withItems > 0 || (node.runsOnEmpty && empty > 0 && !node.disabled)) return fire(run, node, step);
  skip(run, node.index, empty > 0 ? 'empty' : 'not_taken');
}

/** Edges with items after which a join runs without waiting for the rest; undefined for `all`. */
function neededEdges(join: JoinPolicy): number | undefined {
  if (join.policy === 'all') return undefined;
  return join.policy === 'any' ? 1 : join.count;
}

function fire(run: RunState, node: PlanNode, step: StepState): void {
  step.input = gather(run, node);
  if (!node.disabled) return makeReady(run, node.index);
  // A disabled node hands its input on unchanged.
  const [port = 'main'] = node.outputPorts;
  complete(run, node, { [port]: { items: inputItems(step.input) } });
}

function gather(run: RunState, node: PlanNode): StepInput {
  const parts: InputPart[] = [];
  let offset = 0;
  for (const edge of node.incoming) {
    if (run.root.edges[edge.index] !== 'items') continue;
    const batch = stepAt(run, edge.from).outputs?.[edge.port];
    if (!batch) continue;
    parts.push({ edge: edge.index, batch, offset });
    offset += batch.items.length;
  }
  return parts.length === 0 ? EMPTY_INPUT : { parts, count: offset };
}

/** Some branches brought items, and too few can still come. */
function failJoin(run: RunState, node: PlanNode, step: StepState, needed: number): void {
  const possible = step.edgesWithItems + step.unresolved;
  const error = {
    code: 'JOIN_UNREACHABLE',
    kind: 'input',
    message: `${node.name} waits for ${needed} branches with items, and only ${possible} can still bring some. Lower the count or check the branches before it.`,
  } as const;
  step.error = error;
  step.startedAt = run.at;
  step.endedAt = run.at;
  if (node.onError !== 'fail') {
    step.input = gather(run, node);
    return complete(run, node, outputsOfFailure(node, step.input, error));
  }
  setPhase(run, node.index, 'failed');
  stopRun(run, 'failed', { code: error.code, message: error.message, node: node.id });
}
