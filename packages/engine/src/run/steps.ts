/** A run's steps, and the one place where their phases change, so that the counts of the run stay true. */
import type { PlanNode } from '../plan/plan.ts';
import type { RunState, Scope, StepPhase, StepState } from './state.ts';

const NO_PATH: readonly number[] = [];

export function isFinal(phase: StepPhase): boolean {
  return phase === 'succeeded' || phase === 'failed' || phase === 'skipped' || phase === 'cancelled';
}

/** True while an attempt may be under way: the step takes one of the run's places. */
export function occupies(phase: StepPhase): boolean {
  return phase === 'active' || phase === 'stopping';
}

/** The step of a node as steps of this scope see it: of the same round, or of what lies around it. */
export function stepSeenFrom(scope: Scope, index: number): StepState | undefined {
  for (let at: Scope | undefined = scope; at; at = at.of?.scope) {
    const step = at.steps[index];
    if (step) return step;
  }
  return undefined;
}

/** The step of a node at an iteration path; undefined when no such round is under way, or the path is too long or too short. */
export function findStep(run: RunState, node: PlanNode, path: readonly number[] = NO_PATH): StepState | undefined {
  if (path.length !== node.loops.length) return undefined;
  const whole = node.undoes === undefined ? run.root : run.undo?.branches.get(node.undoes);
  if (path.length === 0) return whole?.steps[node.index];
  let scope: Scope | undefined = whole;
  for (const [depth, loop] of node.loops.entries()) scope = scope?.steps[loop]?.loop?.rounds.get(path[depth] ?? -1);
  return scope?.steps[node.index];
}

/** Every step there is: those of the ordinary flow, and of the undo branches that have begun. */
export function* everyStep(run: RunState): Generator<StepState> {
  yield* allSteps(run.root);
  if (run.undo) for (const branch of run.undo.branches.values()) yield* allSteps(branch);
}

/** The steps of a scope, and of each round under way in it. */
export function* allSteps(scope: Scope): Generator<StepState> {
  for (const step of scope.steps) {
    if (!step) continue;
    yield step;
    if (step.loop) for (const round of step.loop.rounds.values()) yield* allSteps(round);
  }
}

/** @throws RangeError when the plan has no such node. */
export function nodeAt(run: RunState, index: number): PlanNode {
  const node = run.plan.nodes[index];
  if (!node) throw new RangeError(`The plan has no node ${index}`);
  return node;
}

export function setPhase(run: RunState, step: StepState, phase: StepPhase): void {
  if (step.phase === phase) return;
  if (occupies(step.phase)) run.running -= 1;
  if (occupies(phase)) run.running += 1;
  if (isFinal(phase)) {
    step.scope.open -= 1;
    if (step.scope.open === 0 && step.scope.of) run.overRounds.push(step.scope);
  }
  step.phase = phase;
  if (step.changedAt === run.seq) return;
  step.changedAt = run.seq;
  run.changed.push(step);
}

/** Puts a step into the queue for a free place: it has become ready, or has units to do again. */
export function makeReady(run: RunState, step: StepState): void {
  setPhase(run, step, 'ready');
  run.readyQueue.push(step);
}

/** Takes a step out of the queue when a late fact left it without work. */
export function leaveQueue(run: RunState, step: StepState): void {
  const place = run.readyQueue.indexOf(step);
  if (place >= 0) run.readyQueue.splice(place, 1);
}
