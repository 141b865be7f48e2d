/** The end of a run before all its steps are through: a failure, a cancel, a timeout; and the end of what undoes such a run. */
import type { RunError } from './events.ts';
import type { RunState, Scope } from './state.ts';
import { allSteps, isFinal, setPhase } from './steps.ts';

/** No further step starts: of the run, or of the undo branch under way. */
export function isStopped({ stop, undo }: RunState): boolean {
  return undo ? undo.isBroken || undo.current === undefined : stop !== undefined;
}

/** No further step starts. Steps without a write in flight end at once; the others settle first. The first reason wins. */
export function stopRun(run: RunState, status: 'failed' | 'cancelled' | 'timed_out', error?: RunError): void {
  if (run.undo) return breakBranch(run, error);
  if (run.stop) return;
  run.stop = error ? { status, error } : { status };
  run.readyQueue.length = 0;
  run.quarantined = false;
  run.paused = false;
  run.error = undefined;
  stopScope(run, run.root);
}

/** Nothing of what is left is undone: somebody stopped it, its time is over, or the server cannot go on with it. */
export function giveUpUndo(run: RunState, error: RunError): void {
  const { undo } = run;
  if (!undo?.current) return;
  undo.left = [];
  breakUndo(run, undo.current, { error });
}

/** A step of a branch failed: what is left of the branch does not run, the other branches do. */
function breakBranch(run: RunState, error: RunError | undefined): void {
  const current = run.undo?.current;
  const of = current?.of && run.plan.nodes[current.of.index]?.id;
  if (current && error) breakUndo(run, current, { ...(of === undefined ? {} : { of }), error });
}

function breakUndo(run: RunState, branch: Scope, failure: NonNullable<RunState['undo']>['failures'][number]): void {
  if (!run.undo) return;
  run.undo.failures.push(failure);
  run.undo.isBroken = true;
  run.readyQueue.length = 0;
  stopScope(run, branch);
}

function stopScope(run: RunState, scope: Scope): void {
  for (const step of allSteps(scope)) {
    if (isFinal(step.phase)) continue;
    if (step.phase === 'blocked') {
      step.skip = 'not_reached';
      setPhase(run, step, 'skipped');
    } else if (step.units && step.units.inFlight > 0) setPhase(run, step, 'stopping');
    else {
      if (step.startedAt > 0) step.endedAt = run.at;
      step.held = undefined;
      setPhase(run, step, 'cancelled');
    }
  }
}
