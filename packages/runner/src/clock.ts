/** Time and chance as the runner sees them; a test brings its own. */

export interface Timer {
  /** Does nothing once the timer has fired. */
  cancel(): void;
}

export interface Clock {
  /** Milliseconds since 1970. */
  now(): number;
  /** Milliseconds of a clock that never steps. */
  monotonicMs(): number;
  /** Calls back once, `delayMs` from now. */
  after(delayMs: number, act: () => void): Timer;
  /** From 0 to below 1: the jitter of retries. */
  random(): number;
}

/** Longest delay a timer of the process takes, in milliseconds; longer ones fire at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonicMs: () => performance.now(),
  after: (delayMs, act) => new SystemTimer(delayMs, act),
  random: () => Math.random(),
};

/** Keeps no process alive: whoever runs the runner does. */
class SystemTimer implements Timer {
  #timer: NodeJS.Timeout | undefined;

  constructor(delayMs: number, act: () => void) {
    this.#arm(Math.max(0, delayMs), act);
  }

  cancel(): void {
    clearTimeout(this.#timer);
  }

  #arm(leftMs: number, act: () => void): void {
    this.#timer =
      leftMs <= LONGEST_TIMER_MS ? setTimeout(act, leftMs) : setTimeout(() => this.#arm(leftMs - LONGEST_TIMER_MS, act), LONGEST_TIMER_MS);
    this.#timer.unref();
  }
}
