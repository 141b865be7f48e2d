/** Lets something happen at once when it was quiet, and at most every `everyMs` when it is not. */
import type { Clock, Timer } from '@plugboard/runner';

export class FramePace {
  readonly #clock: Clock;
  readonly #everyMs: number;
  readonly #act: () => void;
  #timer: Timer | undefined;
  #lastAt = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock, everyMs: number, act: () => void) {
    this.#clock = clock;
    this.#everyMs = everyMs;
    this.#act = act;
  }

  /** Never acts within this call, so that whoever commits a run is not held up. */
  wake(): void {
    if (this.#timer) return;
    const waitMs = Math.max(0, this.#lastAt + this.#everyMs - this.#clock.monotonicMs());
    this.#timer = this.#clock.after(waitMs, () => {
      this.#timer = undefined;
      this.#lastAt = this.#clock.monotonicMs();
      this.#act();
    });
  }

  close(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }
}
