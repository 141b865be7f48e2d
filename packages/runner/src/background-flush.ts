/** Writes runs that gathered events and wait for something slow, so that a long run is visible, can be cancelled and is not lost. */
import { SlotMap } from '@plugboard/engine';
import type { ActiveRun } from './active-run.ts';
import type { Clock, Timer } from './clock.ts';

/** A run alive this long after its oldest event that is not committed is written, in milliseconds. */
const FLUSH_AFTER_MS = 50;

export class BackgroundFlush {
  readonly #clock: Clock;
  readonly #runs = new SlotMap<ActiveRun>();
  #timer: Timer | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  watch(run: ActiveRun): void {
    if (!run.isWatched) this.#runs.set(run.id, run);
    run.isWatched = true;
    this.#timer ??= this.#clock.after(FLUSH_AFTER_MS / 2, () => this.#look());
  }

  forget(run: ActiveRun): void {
    if (!run.isWatched) return;
    this.#leave(run);
    if (this.#runs.size > 0) return;
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #leave(run: ActiveRun): void {
    run.isWatched = false;
    this.#runs.delete(run.id);
  }

  #look(): void {
    this.#timer = undefined;
    const due = this.#clock.monotonicMs() - FLUSH_AFTER_MS;
    for (const run of this.#runs.values()) {
      const since = run.journal.dirtySince;
      if (since !== undefined && since > due) continue;
      this.#leave(run);
      if (since !== undefined) run.journal.flush();
    }
    if (this.#runs.size > 0) this.#timer = this.#clock.after(FLUSH_AFTER_MS / 2, () => this.#look());
  }
}
