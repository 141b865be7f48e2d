/** The end of a run before all its steps are through: a failure, a cancel, a timeout. */
import type { RunError } from './events.ts';
import type { RunState } from './state.ts';
import { allSteps, isFinal, setPhase } from './steps.ts';

/** No further step starts. Steps without a write in flight end at once; the others settle first. The first reason wins. */
export function stopRun(run: RunState, status: 'failed' | 'cancelled' | 'timed_out', error?: RunError): void {
  if (run.stop) return;
  run.stop = error ? { status, error } : { status };
  run.readyQueue.length = 0;
  run.quarantined = false;
  run.paused = false;
  run.error = undefined;
  for (const step of allSteps(run.root)) {
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
