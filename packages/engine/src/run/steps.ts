/** A run's steps by index, and the one place where their phases change, so that the counts of the run stay true. */
import type { PlanNode } from '../plan/plan.ts';
import type { RunState, StepPhase, StepState } from './state.ts';

export function isFinal(phase: StepPhase): boolean {
  return phase === 'succeeded' || phase === 'failed' || phase === 'skipped' || phase === 'cancelled';
}

/** True while an attempt may be under way: the step takes one of the run's places. */
export function occupies(phase: StepPhase): boolean {
  return phase === 'active' || phase === 'stopping';
}

/** @throws RangeError when the plan has no such node. */
export function stepAt(run: RunState, index: number): StepState {
  const step = run.root.steps[index];
  if (!step) throw new RangeError(`The run has no step ${index}`);
  return step;
}

/** @throws RangeError when the plan has no such node. */
export function nodeAt(run: RunState, index: number): PlanNode {
  const node = run.plan.nodes[index];
  if (!node) throw new RangeError(`The plan has no node ${index}`);
  return node;
}

export function setPhase(run: RunState, index: number, phase: StepPhase): void {
  const step = stepAt(run, index);
  if (step.phase === phase) return;
  if (occupies(step.phase)) run.running -= 1;
  if (occupies(phase)) run.running += 1;
  if (isFinal(phase)) run.open -= 1;
  step.phase = phase;
  if (step.changedAt === run.seq) return;
  step.changedAt = run.seq;
  run.changed.push(index);
}

/** Puts a step into the queue for a free place: it has become ready, or has units to do again. */
export function makeReady(run: RunState, index: number): void {
  setPhase(run, index, 'ready');
  run.readyQueue.push(index);
}

/** Takes a step out of the queue when a late fact left it without work. */
export function leaveQueue(run: RunState, index: number): void {
  const place = run.readyQueue.indexOf(index);
  if (place >= 0) run.readyQueue.splice(place, 1);
}
