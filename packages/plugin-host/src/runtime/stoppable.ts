/**
 * Cancel and time limit of a call that takes time: abort, wait a grace period for the step to end by itself, then let go of it.
 */
import type { StepError } from '@plugboard/sdk';
import { CANCELLED, timedOut } from './call-state.ts';
import type { CallState } from './call-state.ts';

export interface Watch {
  /** Removes timers and listeners. */
  end(): void;
}

export interface WatchOptions {
  /** How long an aborted step may take to end, in milliseconds. */
  readonly graceMs: number;
  /** Called when the grace period is over. */
  readonly abandon: () => void;
  /** Called right after the abort. */
  readonly stopped?: () => void;
}

export function watch(call: CallState, signal: AbortSignal, { graceMs, abandon, stopped }: WatchOptions): Watch {
  const { deadlineMs } = call.spec;
  let grace: NodeJS.Timeout | undefined;
  let isEnded = false;
  const stop = (error: StepError): void => {
    if (isEnded || grace !== undefined) return;
    // First, so that a step that ends within `stop` finds the timer and clears it.
    grace = setTimeout(abandon, graceMs);
    call.stop(error);
    stopped?.();
  };
  const onAbort = (): void => stop(CANCELLED);
  const deadline = deadlineMs > 0 ? setTimeout(() => stop(timedOut(deadlineMs)), deadlineMs) : undefined;
  // The caller gets its watch first, so that it can end it.
  if (signal.aborted) queueMicrotask(onAbort);
  else signal.addEventListener('abort', onAbort, { once: true });
  return {
    end() {
      isEnded = true;
      clearTimeout(deadline);
      clearTimeout(grace);
      signal.removeEventListener('abort', onAbort);
    },
  };
}
