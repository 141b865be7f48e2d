/**
 * How steps become ready: edges resolve with items or as skipped, and a node runs once its edges allow it.
 * Skipped is explicit, so no join can hang.
 */
import { BODY_PORT } from '../plan/loops.ts';
import type { JoinPolicy, PlanEdge, PlanNode } from '../plan/plan.ts';
import type { Batch, Outputs } from './events.ts';
import { beginItemRounds, beginRound, breakLoop, takeRound } from './loops.ts';
import {
  EMPTY_INPUT,
  type EdgeState,
  type InputPart,
  type RunState,
  type Scope,
  type StepInput,
  type StepState,
  inputItems,
} from './state.ts';
import { outputsOfFailure } from './step-outputs.ts';
import { makeReady, nodeAt, setPhase } from './steps.ts';
import { isStopped, stopRun } from './stop.ts';
import { nextBranch } from './undo.ts';

/** A step ended well: its outputs go on to the nodes behind it, unless the run is stopping. */
export function complete(run: RunState, node: PlanNode, step: StepState, outputs: Outputs): void {
  if (step.startedAt === 0) step.startedAt = run.at;
  // What may have to be taken back is told from what failed by its units.
  if (!node.undo || (step.units?.open ?? 0) > 0) step.units = undefined;
  if (node.loop && !isStopped(run)) {
    const again = outputs[BODY_PORT];
    if (again && again.items.length > 0) return nextRound(run, node, step, again);
  }
  step.endedAt = run.at;
  step.outputs = outputs;
  setPhase(run, step, 'succeeded');
  if (isStopped(run)) return;
  emit(run, node, step, outputs);
  if (node.breaks) breakLoop(run, step);
}

/** The step is done with results that were not made here. Items without known ancestors come from the whole input. */
export function completeWith(
  run: RunState,
  node: PlanNode,
  step: StepState,
  { from, outputs }: { readonly from: string; readonly outputs: Outputs },
): void {
  const count = step.input?.count ?? 0;
  const traced: { [port: string]: Batch } = {};
  for (const port in outputs) {
    const batch = outputs[port];
    if (!batch) continue;
    traced[port] = batch.from || batch.items.length === count ? batch : { items: batch.items, from: batch.items.map(() => []) };
  }
  step.carried = from;
  complete(run, node, step, traced);
}

/** Marks a step as skipped and passes the reason on. */
export function skip(run: RunState, step: StepState, reason: 'empty' | 'not_taken'): void {
  if (step.phase !== 'blocked') return;
  step.skip = reason;
  setPhase(run, step, 'skipped');
  for (const edge of nodeAt(run, step.index).outgoing) resolveEdge(run, step.scope, edge, reason);
}

/** Lets ready steps start while the run has free places and nothing holds it back, and loops take in the rounds that are over. */
export function activate(run: RunState): void {
  for (;;) {
    for (let round = run.overRounds.shift(); round; round = run.overRounds.shift()) endRound(run, round);
    const branch = run.stop && nextBranch(run);
    if (branch) {
      go(run, [branch]);
      continue;
    }
    if (isStopped(run) || run.quarantined || run.paused || run.toCarry > 0 || run.running >= run.plan.maxParallelSteps) return;
    const step = run.readyQueue.shift();
    if (!step) return;
    if (step.phase !== 'ready') continue;
    if (step.startedAt === 0) step.startedAt = run.at;
    const node = nodeAt(run, step.index);
    if (node.loop?.mode !== 'items') {
      setPhase(run, step, 'active');
      continue;
    }
    setPhase(run, step, 'looping');
    const rounds = beginItemRounds(run, node.loop, step);
    if (rounds.length > 0) go(run, rounds);
    else complete(run, node, step, {});
  }
}

/** The rounds that a loop has begun, or an undo branch, start with their items. */
export function go(run: RunState, rounds: readonly Scope[]): void {
  for (const round of rounds) {
    const node = round.of && nodeAt(run, round.of.index);
    const begins = round.isUndo ? node?.undo : node?.loop;
    for (const edge of begins?.entry ?? []) resolveEdge(run, round, edge, 'items');
    // A body without nodes is over as soon as it began.
    if (round.open === 0) run.overRounds.push(round);
  }
}

/** The type of a loop asks for one more round. */
function nextRound(run: RunState, node: PlanNode, step: StepState, items: Batch): void {
  const { loop } = node;
  if (!loop) return;
  if ((step.loop?.begun ?? 0) >= loop.limit) return failLoop(run, node, step, loop.limit);
  setPhase(run, step, 'looping');
  go(run, [beginRound(run, loop, step, items)]);
}

function endRound(run: RunState, round: Scope): void {
  const step = round.of;
  if (!step || round.isUndo || isStopped(run) || step.phase !== 'looping') return;
  const node = nodeAt(run, step.index);
  if (!node.loop) return;
  const next = takeRound(run, node.loop, round);
  switch (next.kind) {
    case 'rounds':
      return go(run, next.rounds);
    case 'done':
      return complete(run, node, step, next.outputs);
    case 'ask':
      step.input = next.input;
      return makeReady(run, step);
  }
}

function failLoop(run: RunState, node: PlanNode, step: StepState, limit: number): void {
  const error = {
    code: 'LOOP_LIMIT',
    kind: 'input',
    message: `${node.name} would go on after ${limit} rounds, which is its limit. Check what ends it, or raise the limit.`,
  } as const;
  step.error = error;
  step.endedAt = run.at;
  if (node.onError !== 'fail') return complete(run, node, step, outputsOfFailure(node, step.input ?? EMPTY_INPUT, error));
  setPhase(run, step, 'failed');
  stopRun(run, 'failed', { code: error.code, message: error.message, node: node.id });
}

/** A port that emits nothing resolves as skipped: `empty` when no port emitted anything, `not_taken` when the items went elsewhere. */
function emit(run: RunState, node: PlanNode, step: StepState, outputs: Outputs): void {
  let emitted = false;
  for (const port in outputs) if ((outputs[port]?.items.length ?? 0) > 0) emitted = true;
  const silent: EdgeState = emitted ? 'not_taken' : 'empty';
  for (const edge of node.outgoing) {
    const batch = outputs[edge.port];
    resolveEdge(run, step.scope, edge, batch && batch.items.length > 0 ? 'items' : silent);
  }
}

/** An edge back into the loop has no step of its round behind it: the loop looks at it once the round is over. */
function resolveEdge(run: RunState, scope: Scope, edge: PlanEdge, state: EdgeState): void {
  scope.edges[edge.index] = state;
  const step = scope.steps[edge.to];
  if (!step) return;
  step.unresolved -= 1;
  if (state === 'items') step.edgesWithItems += 1;
  else if (state === 'empty') step.edgesEmpty += 1;
  if (step.phase === 'blocked') considerFiring(run, nodeAt(run, edge.to), step);
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
  skip(run, step, empty > 0 ? 'empty' : 'not_taken');
}

/** Edges with items after which a join runs without waiting for the rest; undefined for `all`. */
function neededEdges(join: JoinPolicy): number | undefined {
  if (join.policy === 'all') return undefined;
  return join.policy === 'any' ? 1 : join.count;
}

function fire(run: RunState, node: PlanNode, step: StepState): void {
  step.input = gather(node, step.scope);
  const pinned = run.pins?.get(step.index);
  if (pinned) return completeWith(run, node, step, { from: 'pin', outputs: pinned });
  if (!node.disabled) return makeReady(run, step);
  // A disabled node hands its input on unchanged.
  const [port = 'main'] = node.outputPorts;
  complete(run, node, step, { [port]: { items: inputItems(step.input) } });
}

function gather(node: PlanNode, scope: Scope): StepInput {
  const parts: InputPart[] = [];
  let offset = 0;
  for (const edge of node.incoming) {
    if (scope.edges[edge.index] !== 'items') continue;
    const source = scope.steps[edge.from];
    // What comes from no step of this scope comes from its loop.
    const batch = source ? source.outputs?.[edge.port] : scope.entry;
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
    step.input = gather(node, step.scope);
    return complete(run, node, step, outputsOfFailure(node, step.input, error));
  }
  setPhase(run, step, 'failed');
  stopRun(run, 'failed', { code: error.code, message: error.message, node: node.id });
}
