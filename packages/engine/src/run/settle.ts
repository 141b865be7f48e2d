/**
 * What becomes of the units of a step as they end: kept, tried again, asked about, or the end of the step.
 * For write types the item is the unit; a per-batch type is one unit. A set of units settles in time linear in its size, not in the step's.
 */
import type { StepError } from '@plugboard/sdk';
import type { PlanNode } from '../plan/plan.ts';
import type { ItemOutcome, RunError } from './events.ts';
import { complete } from './firing.ts';
import { UNKNOWN_ATTEMPTS, isRetryable, provesNotApplied } from './retry-policy.ts';
import { EMPTY_INPUT, UNIT, type RunState, type StepState, type UnitProgress, newUnits, unitCount } from './state.ts';
import { outputsOfFailure, outputsOfUnits } from './step-outputs.ts';
import { leaveQueue, setPhase } from './steps.ts';
import { stopRun } from './stop.ts';

/** The progress of a step, made when first needed: pure steps that end at once have none. */
export function unitsOf(node: PlanNode, step: StepState): UnitProgress {
  step.units ??= newUnits(unitCount(node, step.input ?? EMPTY_INPUT));
  return step.units;
}

/** Takes in how units ended; the step goes on, retries, asks or ends. */
export function settleUnits(run: RunState, node: PlanNode, step: StepState, outcomes: readonly ItemOutcome[]): void {
  const units = unitsOf(node, step);
  for (const outcome of outcomes) settleUnit(node, step, units, outcome);
  advance(run, node, step, units);
}

/** A failure of the whole attempt: every unit in it fails with it. */
export function failAttempt(run: RunState, node: PlanNode, step: StepState, error: StepError, unknown: boolean): void {
  const units = unitsOf(node, step);
  if (units.states.length === 0) return failWhole(run, node, step, error);
  const outcomes: ItemOutcome[] = [];
  units.states.forEach((state, i) => {
    if (state === UNIT.started) outcomes.push(unknown ? { i, error, unknown: true } : { i, error });
    else if (state === UNIT.idle) outcomes.push({ i, error });
  });
  settleUnits(run, node, step, outcomes);
}

/** A person says that an unknown write is to count as failed. */
export function failAskedUnit(run: RunState, node: PlanNode, step: StepState, units: UnitProgress, i: number): void {
  const outcome = units.outcomes[i];
  if (outcome && 'error' in outcome) units.outcomes[i] = { i, error: outcome.error };
  moveUnit(units, i, UNIT.failed);
  advance(run, node, step, units);
}

/** Moves the step on once some of its units have. */
export function advance(run: RunState, node: PlanNode, step: StepState, units: UnitProgress): void {
  if (step.phase === 'stopping') {
    if (units.inFlight === 0) endStopped(run, step);
    return;
  }
  if (node.onError === 'fail' && units.firstFailed >= 0) return failOnUnit(run, node, step, units);
  if (units.open === 0) return complete(run, node, step, outputsOfUnits(node, step.input ?? EMPTY_INPUT, units));
  // A step that already waits for its next attempt goes on waiting for it.
  if (step.phase !== 'active' && step.phase !== 'asking' && step.phase !== 'ready') return;
  const workLeft = units.open - units.again - units.asking;
  if (workLeft > 0) return;
  if (step.phase === 'ready') leaveQueue(run, step);
  setPhase(run, step, units.again > 0 ? 'retry' : 'asking');
}

/** The one way a unit changes, so that the counts stay true. */
export function moveUnit(units: UnitProgress, i: number, to: number): void {
  const from = units.states[i];
  if (from === to) return;
  if (from === UNIT.started) units.inFlight -= 1;
  else if (from === UNIT.again) units.again -= 1;
  else if (from === UNIT.asking) units.asking -= 1;
  if (to === UNIT.started) units.inFlight += 1;
  else if (to === UNIT.again) units.again += 1;
  else if (to === UNIT.asking) units.asking += 1;
  else if (to === UNIT.ok) units.open -= 1;
  else if (to === UNIT.failed) {
    units.open -= 1;
    if (units.firstFailed < 0) units.firstFailed = i;
  }
  units.states[i] = to;
}

function settleUnit(node: PlanNode, step: StepState, units: UnitProgress, outcome: ItemOutcome): void {
  const { i } = outcome;
  const state = units.states[i];
  if (state === UNIT.ok || state === UNIT.failed) return;
  units.outcomes[i] = outcome;
  if ('ok' in outcome) return moveUnit(units, i, UNIT.ok);
  const next = step.phase === 'stopping' ? UNIT.failed : afterError(node, step, outcome, units.tries.get(i) ?? step.attempt);
  moveUnit(units, i, next);
  if (next === UNIT.again) step.retryAfterMs = Math.max(step.retryAfterMs, outcome.error.retryAfterMs ?? 0);
}

/** What a failed unit does next. An unknown write is repeated only where its type says that the key makes it safe. */
function afterError(
  node: PlanNode,
  step: StepState,
  outcome: { readonly error: StepError; readonly unknown?: true },
  tries: number,
): typeof UNIT.failed | typeof UNIT.again | typeof UNIT.asking {
  if (node.effects === 'write') {
    if (outcome.unknown) {
      if (!node.repeatable) return UNIT.asking;
      return tries < Math.max(node.retry.maxAttempts, UNKNOWN_ATTEMPTS) ? UNIT.again : UNIT.failed;
    }
    if (!node.repeatable && !provesNotApplied(outcome.error, node.rejectedCodes)) return UNIT.failed;
  }
  return step.attempt < node.retry.maxAttempts && isRetryable(outcome.error, node.retry) ? UNIT.again : UNIT.failed;
}

/** One unit failed for good and the policy is `fail`: the run stops now, the step's writes in flight settle first. */
function failOnUnit(run: RunState, node: PlanNode, step: StepState, units: UnitProgress): void {
  const i = units.firstFailed;
  const outcome = units.outcomes[i];
  if (!outcome || !('error' in outcome)) return;
  step.error = outcome.error;
  step.errorItem = node.perBatch ? undefined : i;
  if (units.inFlight === 0) endFailed(run, step);
  stopRun(run, 'failed', runError(node, outcome.error, step.errorItem));
}

function endStopped(run: RunState, step: StepState): void {
  if (step.error) return endFailed(run, step);
  step.endedAt = run.at;
  setPhase(run, step, 'cancelled');
}

function endFailed(run: RunState, step: StepState): void {
  step.endedAt = run.at;
  setPhase(run, step, 'failed');
}

/** A step without units failed: by its policy the run fails, or the error goes on as an item. */
function failWhole(run: RunState, node: PlanNode, step: StepState, error: StepError): void {
  step.error = error;
  if (node.onError !== 'fail') return complete(run, node, step, outputsOfFailure(node, step.input ?? EMPTY_INPUT, error));
  endFailed(run, step);
  stopRun(run, 'failed', runError(node, error, undefined));
}

function runError(node: PlanNode, error: StepError, item: number | undefined): RunError {
  return { code: error.code, message: error.message, node: node.id, ...(item === undefined ? {} : { item }) };
}
