/**
 * npm runs a command through a shell and sends its signals to that shell only, which ends without passing them on; a server would go
 * on alone, holding its port and data folder. So the work watches its parent and stops in order when the parent is gone.
 */
const CHECK_EVERY_MS = 500;

/**
 * Calls `stop` once when the process that started this one has ended, unless this one has been told to stop already.
 * @param {() => void} stop
 * @returns {() => void} ends the watch
 */
export function whenParentEnds(stop) {
  const parent = process.ppid;
  let isListening = false;
  let isStopping = false;
  const timer = setInterval(() => {
    // Listening before the work does would take away the signal's default effect.
    if (!isListening && process.listenerCount('SIGTERM') > 0) {
      isListening = true;
      process.once('SIGTERM', () => (isStopping = true));
    }
    if (process.ppid === parent) return;
    clearInterval(timer);
    if (!isStopping) stop();
  }, CHECK_EVERY_MS);
  timer.unref();
  return () => clearInterval(timer);
}
