/** What a caller may know of an error and can do something about, whatever part it comes from; undefined for one that must stay inside. */
import { errorCodeOf } from '@plugboard/persistence';
import { OperationProblem } from './problem.ts';

export function asProblem(error: unknown): OperationProblem | undefined {
  if (error instanceof OperationProblem) return error;
  if (errorCodeOf(error) !== 'DATABASE_BUSY') return undefined;
  return new OperationProblem('SERVER_BUSY', 'The server has too much to do at this moment; nothing was done', {
    hint: 'Try again in a moment.',
    params: { retryAfterSeconds: 1 },
  });
}
