/** Work that must not overlap: each piece begins when the one before has ended, well or not. */

export type OneAtATime = <Value>(work: () => Promise<Value>) => Promise<Value>;

export function oneAtATime(): OneAtATime {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const result = last.then(work);
    // The caller hears of a failure; the next piece does not care.
    last = result.catch(() => undefined);
    return result;
  };
}
