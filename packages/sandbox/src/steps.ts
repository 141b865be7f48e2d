/** Work that can pause: a generator that yields where the event loop may have a turn. Small work runs through at once. */
import { setImmediate } from 'node:timers/promises';

export type Steps<T> = Generator<void, T, void>;

/** Longest time without a turn of the event loop, in milliseconds. */
const sliceMs = 8;

export function atOnce<T>(steps: Steps<T>): T {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}

/** Gives up, with undefined, once `isWanted` says no. */
export async function inSlices<T>(steps: Steps<T>, isWanted: () => boolean): Promise<T | undefined> {
  while (isWanted()) {
    const end = performance.now() + sliceMs;
    do {
      const step = steps.next();
      if (step.done === true) return step.value;
    } while (performance.now() < end);
    await setImmediate();
  }
  return undefined;
}
