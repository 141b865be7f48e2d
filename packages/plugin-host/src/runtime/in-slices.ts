/** Long work of one thread in short slices, between which the event loop gets its turn. */
import { setImmediate as nextTurn } from 'node:timers/promises';

/** Longest time without a turn of the event loop, in milliseconds. */
const SLICE_MS = 8;
/** The same for work that begins while other work already waits for its turn. */
const CROWDED_SLICE_MS = 1;

/** Calls `step` until it gives true. A step should take well under a millisecond, or as long as cannot be divided. */
export async function inSlices(step: () => boolean): Promise<void> {
  while (!slice(step, SLICE_MS)) await nextTurn();
}

/** The calls of one host that compute in its thread: however many there are, one slice of one of them per turn of the event loop. */
export class Slices {
  /** Each does a slice of its work; true when it is over. */
  readonly #waiting: (() => boolean)[] = [];
  #isArmed = false;

  /** Calls `step` until it gives true. Undefined when the first slice was enough; a promise rejects with what `step` throws later. */
  run(step: () => boolean): Promise<void> | undefined {
    if (slice(step, this.#waiting.length > 0 ? CROWDED_SLICE_MS : SLICE_MS)) return undefined;
    return new Promise((resolve, reject) => {
      this.#waiting.push(() => {
        try {
          const isOver = slice(step, SLICE_MS);
          if (isOver) resolve();
          return isOver;
        } catch (error) {
          reject(error);
          return true;
        }
      });
      this.#arm();
    });
  }

  /** For work that cannot be called step by step: says when its next slice may begin, as a promise while the present one is over. */
  pace(): () => Promise<void> | undefined {
    let until = performance.now() + SLICE_MS;
    return () => {
      if (performance.now() < until) return undefined;
      return new Promise((resolve) => {
        this.#waiting.push(() => {
          until = performance.now() + SLICE_MS;
          resolve();
          return true;
        });
        this.#arm();
      });
    };
  }

  #arm(): void {
    if (this.#isArmed || this.#waiting.length === 0) return;
    this.#isArmed = true;
    setImmediate(() => {
      this.#isArmed = false;
      const next = this.#waiting.shift();
      if (next && !next()) this.#waiting.push(next);
      this.#arm();
    });
  }
}

function slice(step: () => boolean, ms: number): boolean {
  const until = performance.now() + ms;
  do if (step()) return true;
  while (performance.now() < until);
  return false;
}
