/** Long work on this thread that lets requests, timers and runs through: a journal may have hundreds of thousands of events. */

/** Longest time without giving way, in milliseconds. */
const SLICE_MS = 8;

/** Undefined within a slice; at its end a promise that resolves after everything else had its turn. To be asked between small pieces of work. */
export function slices(): () => Promise<void> | undefined {
  let since = performance.now();
  return () => {
    if (performance.now() - since < SLICE_MS) return undefined;
    return new Promise((resolve) => {
      setImmediate(() => {
        since = performance.now();
        resolve();
      });
    });
  };
}
