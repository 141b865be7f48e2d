/** Active time of a run: the monotonic intervals with at least one attempt in flight. Queueing, waits, back-off and downtime do not count. */
import type { ActiveRun } from './active-run.ts';
import type { Clock } from './clock.ts';

/** An attempt is in flight; `timedOut` is called when the run's limit is reached meanwhile. */
export function beginActive(run: ActiveRun, clock: Clock, timedOut: () => void): void {
  if (run.activeSince !== undefined) return;
  run.activeSince = clock.monotonicMs();
  run.deadline = clock.after(Math.max(0, limitMs(run) - run.activeMs), timedOut);
}

/** What undoes a run has a limit of its own, from when it began. */
function limitMs({ state: { plan, undo } }: ActiveRun): number {
  return undo ? undo.sinceMs + plan.undo.timeoutMs : plan.timeoutMs;
}

/** No attempt is in flight any more. */
export function endActive(run: ActiveRun, clock: Clock): void {
  if (run.activeSince === undefined) return;
  run.activeMs += clock.monotonicMs() - run.activeSince;
  run.activeSince = undefined;
  run.deadline?.cancel();
}
