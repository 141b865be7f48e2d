/** Long work of one thread in short slices, between which the event loop gets its turn. */
import { setImmediate } from 'node:timers/promises';

/** Longest time without a turn of the event loop, in milliseconds. */
const SLICE_MS = 8;

/** Calls `step` until it gives true. A step should take well under a millisecond, or as long as cannot be divided. */
export async function inSlices(step: () => boolean): Promise<void> {
  for (;;) {
    const end = performance.now() + SLICE_MS;
    do if (step()) return;
    while (performance.now() < end);
    await setImmediate();
  }
}
