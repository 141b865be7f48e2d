/** A long answer ends with the right to it: whoever is asked to leave in the middle of a download does not get the rest. */
import type { ServerResponse } from 'node:http';
import { OperationProblem } from '../operation/problem.ts';

/** The right is looked at this often while an answer goes out, in milliseconds. */
const LOOK_MS = 5000;

/**
 * Cuts the connection once `ask` is refused, so that nobody takes a part for the whole.
 * @param ask the same question as before the answer began. @throws OperationProblem when it is no longer allowed
 */
export function endWithRight(res: ServerResponse, ask: () => Promise<void>): void {
  let isAsking = false;
  const timer = setInterval(() => {
    if (isAsking) return;
    isAsking = true;
    ask()
      .catch((error: unknown) => {
        // What cannot be asked just now is asked again.
        if (error instanceof OperationProblem && error.code !== 'SERVER_BUSY') res.destroy();
      })
      .finally(() => (isAsking = false));
  }, LOOK_MS);
  timer.unref();
  res.once('close', () => clearInterval(timer));
}
