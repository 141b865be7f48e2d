/**
 * Long work of this process in slices: whatever takes longer than a slice goes on in later turns of the event loop, one slice per turn however
 * much such work there is, so that requests, timers and cancels get their turn. Measured in real time: a test's clock does no work.
 */

/** Work that says, by `yield`, where it may be put aside. */
export type Sliced<Result> = Generator<undefined, Result>;

/** Longest stretch of work before the event loop gets its turn, in milliseconds. */
const SLICE_MS = 8;
/** The same for work that begins while other work already waits for its turn. */
const CROWDED_SLICE_MS = 1;

interface Waiting {
  /** Does a slice; true when the work is over. */
  readonly goOn: () => boolean;
}

export class Turns {
  readonly #waiting: Waiting[] = [];
  #isArmed = false;

  /**
   * Does the work: at once when one slice is enough. A promise otherwise, of its result, or of undefined when `mayGoOn` said no between two
   * slices. Results must not be promises.
   */
  run<Result>(work: Sliced<Result>, mayGoOn: () => boolean): Result | Promise<Result | undefined> {
    const first = slice(work, this.#waiting.length > 0 ? CROWDED_SLICE_MS : SLICE_MS);
    if (first.done) return first.value;
    return new Promise((resolve, reject) => {
      const goOn = (): boolean => {
        try {
          if (!mayGoOn()) {
            resolve(undefined);
            return true;
          }
          const step = slice(work, SLICE_MS);
          if (step.done) resolve(step.value);
          return step.done === true;
        } catch (error) {
          reject(error);
          return true;
        }
      };
      this.#waiting.push({ goOn });
      this.#arm();
    });
  }

  #arm(): void {
    if (this.#isArmed || this.#waiting.length === 0) return;
    this.#isArmed = true;
    setImmediate(() => {
      this.#isArmed = false;
      const next = this.#waiting.shift();
      if (next && !next.goOn()) this.#waiting.push(next);
      this.#arm();
    });
  }
}

/** Pieces of work between two looks at the clock, at most; as many only where they have been short. */
const MOST_UNSEEN = 8;
/** Pieces that take less than this together are short, in milliseconds. */
const SHORT_MS = 0.05;

function slice<Result>(work: Sliced<Result>, ms: number): IteratorResult<undefined, Result> {
  let seenAt = performance.now();
  const until = seenAt + ms;
  for (let unseen = 1; ;) {
    for (let n = 0; n < unseen; n += 1) {
      const step = work.next();
      if (step.done) return step;
    }
    const now = performance.now();
    if (now >= until) return { done: false, value: undefined };
    unseen = now - seenAt < SHORT_MS ? Math.min(unseen * 2, MOST_UNSEEN) : 1;
    seenAt = now;
  }
}
