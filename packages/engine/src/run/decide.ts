/**
 * What has to be done for a run. `outstanding` says everything that is open, as recovery needs it; `decide` folds one event and says what is new.
 * Both read the state through the same function, so a live run and a recovered run do the same things.
 */
import type { RunError, RunEvent, StepWait } from './events.ts';
import { fold } from './fold.ts';
import { LONGEST_DELAY_MS, retryDelayMs } from './retry-policy.ts';
import { UNIT, type RunState, type StepState } from './state.ts';
import type { WaitingFor } from './status.ts';
import { everyStep, nodeAt } from './steps.ts';
import { withUndoFailures } from './undo.ts';

export type Command =
  /** Carry out an attempt. `units` are the ones to do; absent means all. */
  | {
      readonly type: 'run-step';
      readonly node: number;
      readonly path?: readonly number[];
      readonly attempt: number;
      readonly units?: readonly number[];
    }
  /** Choose the instant of the next attempt: `delayMs` before jitter, at least `atLeastMs`. */
  | {
      readonly type: 'schedule-retry';
      readonly node: number;
      readonly path?: readonly number[];
      readonly attempt: number;
      readonly delayMs: number;
      readonly jitter: 'full' | 'none';
      readonly atLeastMs: number;
    }
  | {
      readonly type: 'await-retry';
      readonly node: number;
      readonly path?: readonly number[];
      readonly attempt: number;
      readonly dueAt: number;
    }
  /** Tell `wait.over` when it is. What is not `short` is kept beside the run, so that the run may leave memory. */
  | { readonly type: 'await'; readonly node: number; readonly path?: readonly number[]; readonly wait: StepWait }
  /** Start nothing new in this step; `abort` tells whether what runs is to be aborted, else writes in flight settle. */
  | { readonly type: 'stop-step'; readonly node: number; readonly path?: readonly number[]; readonly abort: boolean }
  /** Nothing works any more: the run may leave memory. Without `waitingFor` a person holds it. */
  | { readonly type: 'suspend'; readonly waitingFor?: WaitingFor }
  /** All steps are through: the run ends as `succeeded` if what they gave is what the workflow declares, and with `run.broken` if not. */
  | { readonly type: 'check-output' }
  | { readonly type: 'end-run'; readonly status: 'succeeded' | 'failed' | 'cancelled' | 'timed_out'; readonly error?: RunError };

/**
 * Folds the event and gives the commands that follow from it. After `run.recovered` and a quarantine that is everything outstanding: nothing is under way then.
 * @throws ImpossibleEventError for an event no run in this state can have; the state is then unchanged.
 */
export function decide(run: RunState, event: RunEvent): readonly Command[] {
  const before = runCommand(run);
  const wasHeld = isHeld(run);
  fold(run, event);
  if (event.type === 'run.recovered' || event.type === 'run.quarantined') return outstanding(run);
  // A held run has nothing under way, its waits for retries included.
  if (wasHeld && !isHeld(run) && !run.stop) return outstanding(run);
  if (run.ended) return NOTHING;
  let commands: Command[] | undefined;
  for (const step of run.changed) {
    const command = stepCommand(run, step);
    if (command) commands = withOneMore(commands, command);
  }
  const last = runCommand(run);
  // A run that has something to end with says so once; one that waits says so after each event, for each may have brought it back into memory.
  if (last && (last.type === 'suspend' || !isSaid(last, before))) commands = withOneMore(commands, last);
  return commands ?? NOTHING;
}

/** What stops a run that was about to succeed gives it another end. */
function isSaid(last: Command, before: Command | undefined): boolean {
  if (last.type === 'end-run' && before?.type === 'end-run') return last.status === before.status;
  return last.type === before?.type;
}

const NOTHING: readonly Command[] = [];

/** Most lists have one command: made with it they take no room for more. */
function withOneMore(commands: Command[] | undefined, command: Command): Command[] {
  if (!commands) return [command];
  commands.push(command);
  return commands;
}

/** Everything that has to be under way for this run. */
export function outstanding(run: RunState): Command[] {
  if (run.ended || run.seq === 0) return [];
  const last = runCommand(run);
  if (isHeld(run)) return last ? [last] : [];
  const commands: Command[] = [];
  for (const step of everyStep(run)) {
    const command = stepCommand(run, step);
    if (command && !(command.type === 'stop-step' && command.abort)) commands.push(command);
  }
  if (last) commands.push(last);
  return commands;
}

function runCommand(run: RunState): Command | undefined {
  if (run.ended || run.seq === 0 || (run.toCarry > 0 && !run.stop)) return undefined;
  if (run.stop ? run.running === 0 && !run.undo?.current : run.root.open === 0) {
    if (!run.stop && run.plan.outputs.length > 0) return { type: 'check-output' };
    const status = run.stop?.status ?? 'succeeded';
    const error = withUndoFailures(run);
    return error ? { type: 'end-run', status, error } : { type: 'end-run', status };
  }
  if (run.status === 'paused') return { type: 'suspend' };
  return run.status === 'waiting' && run.waitingFor ? { type: 'suspend', waitingFor: run.waitingFor } : undefined;
}

/** Nothing of the run is under way, and nothing may be until somebody lets it go on. */
function isHeld(run: RunState): boolean {
  return run.quarantined || run.status === 'paused';
}

function stepCommand(run: RunState, step: StepState): Command | undefined {
  const node = nodeAt(run, step.index);
  const of = step.scope.path.length > 0 ? { node: step.index, path: step.scope.path } : { node: step.index };
  switch (step.phase) {
    case 'active': {
      const units = step.units;
      if (!units)
        return step.scope.path.length > 0
          ? { type: 'run-step', ...of, attempt: step.attempt }
          : { type: 'run-step', node: step.index, attempt: step.attempt };
      const idle: number[] = [];
      units.states.forEach((state, i) => {
        if (state === UNIT.idle) idle.push(i);
      });
      return { type: 'run-step', ...of, attempt: step.attempt, units: idle };
    }
    case 'retry': {
      const attempt = step.attempt + 1;
      return {
        type: 'schedule-retry',
        ...of,
        attempt,
        delayMs: retryDelayMs(attempt, node.retry),
        jitter: node.retry.jitter,
        atLeastMs: Math.min(step.retryAfterMs, LONGEST_DELAY_MS),
      };
    }
    case 'backoff':
      return { type: 'await-retry', ...of, attempt: step.attempt + 1, dueAt: step.dueAt };
    case 'waiting':
      return step.held && { type: 'await', ...of, wait: step.held.wait };
    case 'stopping':
      return { type: 'stop-step', ...of, abort: false };
    case 'cancelled':
    case 'failed':
      return { type: 'stop-step', ...of, abort: true };
    case 'looping':
    case 'blocked':
    case 'ready':
    case 'asking':
    case 'succeeded':
    case 'skipped':
      return undefined;
  }
}
