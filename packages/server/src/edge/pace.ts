/** Who holds a request open and sends next to nothing is let go: a large file on a slow line is no attack as long as it moves. */
import type { IncomingMessage } from 'node:http';

/** A sender who sends less than this much in a period is too slow. */
const LEAST_BYTES = 10 * 1024;
const PERIOD_MS = 15_000;

/**
 * Watches the rest of a body come in.
 * @param onTooSlow called once, when a period brought too little
 * @returns stops watching
 */
export function watchPace(request: IncomingMessage, onTooSlow: () => void): () => void {
  let before = request.socket.bytesRead;
  const timer = setInterval(() => {
    const now = request.socket.bytesRead;
    if (!request.complete && now - before < LEAST_BYTES) {
      clearInterval(timer);
      onTooSlow();
    }
    before = now;
  }, PERIOD_MS);
  timer.unref();
  return () => clearInterval(timer);
}
