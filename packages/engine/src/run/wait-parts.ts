/**
 * Steps that wait for several answers, such as those of the runs they started. What comes is kept until the last part is there, or until one that
 * failed ends the step by its policy. A part may come before the step waits for it, and counts once. Where the step is tried again, what succeeded
 * stays, and only the parts that failed are asked for anew.
 */
import type { StepError } from '@plugboard/sdk';
import type { PlanNode } from '../plan/plan.ts';
import type { CalledFailure, RunEvent } from './events.ts';
import { complete } from './firing.ts';
import { isRetryable } from './retry-policy.ts';
import { EMPTY_INPUT, type PartAnswer, type RunState, type StepState, type WaitParts } from './state.ts';
import { outputsOfParts } from './step-outputs.ts';
import { isFinal, setPhase } from './steps.ts';
import { isStopped, stopRun } from './stop.ts';

type PartCame = Extract<RunEvent, { type: 'wait.over' }> & { readonly part: number };

export function takePart(run: RunState, node: PlanNode, step: StepState, event: PartCame): void {
  if (isFinal(step.phase) || isStopped(run)) return;
  step.parts ??= { wait: event.wait, came: new Map() };
  if (step.parts.wait !== event.wait || step.parts.came.has(event.part)) return;
  step.parts.came.set(event.part, answerOf(event));
  settleParts(run, node, step);
}

/** Ends a waiting step whose parts allow it. */
export function settleParts(run: RunState, node: PlanNode, step: StepState): void {
  const { held, parts } = step;
  if (step.phase !== 'waiting' || held?.wait.parts === undefined) return;
  if (parts && held.wait.each) parts.each = true;
  const came = parts?.wait === held.wait.id ? parts.came : new Map<number, PartAnswer>();
  const mayRetry = step.attempt < node.retry.maxAttempts && run.semantics >= RETRIES_PARTS && !isStopped(run);
  if (node.onError === 'fail' && failOnPart(run, node, step, mayRetry ? finalFailures(node, came) : came)) return;
  if (came.size < held.wait.parts) return;
  if (mayRetry && parts && askAgain(run, node, step, parts)) return;
  step.held = undefined;
  // What may have to be taken back is told from what failed by its parts.
  if (!node.undo) step.parts = undefined;
  complete(run, node, step, outputsOfParts(node, step.input ?? EMPTY_INPUT, held.wait, came));
}

/** The first semantics under which parts that failed are asked for again. */
const RETRIES_PARTS = 2;
/** What a person has stopped is not begun again, unless the policy names it. */
const CANCELLED = 'CALLED_RUN_CANCELLED';

function mayHelp({ retry }: PlanNode, answer: PartAnswer): boolean {
  if (!('error' in answer)) return false;
  return isRetryable(answer.error, retry) && (answer.error.code !== CANCELLED || retry.retryOn !== undefined);
}

/** Those that no further try would change. */
function finalFailures(node: PlanNode, came: ReadonlyMap<number, PartAnswer>): ReadonlyMap<number, PartAnswer> {
  return new Map([...came].filter(([, answer]) => !mayHelp(node, answer)));
}

/** True when parts failed that are to be tried again: the step waits for its next attempt, and keeps the others. */
function askAgain(run: RunState, node: PlanNode, step: StepState, parts: WaitParts): boolean {
  const failed = [...parts.came].filter(([, answer]) => mayHelp(node, answer));
  if (failed.length === 0) return false;
  for (const [part] of failed) parts.came.delete(part);
  parts.round = (parts.round ?? 0) + 1;
  step.held = undefined;
  setPhase(run, step, 'retry');
  return true;
}

function answerOf({ outputs, error }: PartCame): PartAnswer {
  return error ? { error } : { items: outputs?.['main']?.items ?? [] };
}

/** The policy is `fail` and a part has: the run stops, and what else was waited for is of no use. */
function failOnPart(run: RunState, node: PlanNode, step: StepState, came: ReadonlyMap<number, PartAnswer>): boolean {
  for (const [part, answer] of came) {
    if (!('error' in answer)) continue;
    const { code, message } = answer.error;
    const called = calledFailure(answer.error);
    const item = step.held?.wait.each ? part : undefined;
    step.error = answer.error;
    step.errorItem = item;
    step.held = undefined;
    step.endedAt = run.at;
    setPhase(run, step, 'failed');
    stopRun(run, 'failed', { code, message, node: node.id, ...(item === undefined ? {} : { item }), ...(called ? { called } : {}) });
    return true;
  }
  return false;
}

/** As the answer of a called run has it in its data. */
function calledFailure({ data }: StepError): CalledFailure | undefined {
  const called = typeof data === 'object' && data !== null && 'called' in data ? data['called'] : undefined;
  if (typeof called !== 'object' || called === null || !('reason' in called) || !('runs' in called)) return undefined;
  const { reason, runs } = called;
  return typeof reason === 'string' && typeof runs === 'number' ? { reason, runs } : undefined;
}
