/**
 * How long a call of one node type would hold up the event loop, guessed from the calls before it: a page of Markdown takes a hundred times as long
 * as JSON of the same size. Only what runs up to the first pause counts, since calls that pause let others in.
 */

/** Smaller calls tell nothing, and cost nothing. */
const LEAST_WEIGHT = 4 * 1024;
/** Share of the newest call. */
const NEWEST = 0.3;
/** Taken off whenever a call went to the worker by a guess, so that one bad moment does not count for ever. */
const DOUBT = 0.9;

export class StallGuess {
  #msPerWeight = 0;
  #isWarm = false;

  /** In milliseconds; 0 while nothing is known. */
  of(weight: number): number {
    return weight < LEAST_WEIGHT ? 0 : weight * this.#msPerWeight;
  }

  doubt(): void {
    this.#msPerWeight *= DOUBT;
  }

  /** Carries a call out and learns from it. */
  timed<Result>(weight: number, call: () => Result): Result {
    if (weight < LEAST_WEIGHT) return call();
    const startedAt = performance.now();
    const result = call();
    if (!(result instanceof Promise)) {
      this.#learn((performance.now() - startedAt) / weight);
      return result;
    }
    let isOver = false;
    const stop = (): void => {
      if (isOver) return;
      isOver = true;
      clearImmediate(pause);
      this.#learn((performance.now() - startedAt) / weight);
    };
    const pause = setImmediate(stop);
    result.then(stop, stop);
    return result;
  }

  #learn(msPerWeight: number): void {
    // The first call loads and compiles what later ones find.
    if (!this.#isWarm) this.#isWarm = true;
    else this.#msPerWeight = this.#msPerWeight === 0 ? msPerWeight : this.#msPerWeight * (1 - NEWEST) + msPerWeight * NEWEST;
  }
}
