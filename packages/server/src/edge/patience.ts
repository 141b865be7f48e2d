/**
 * Requests that may take longer than others, because whoever reads them watches their pace instead: a large file on a slow line is no attack as
 * long as it moves.
 */
import type { IncomingMessage } from 'node:http';

export interface Patience {
  /** From now on the request has no time limit of its own. */
  grant(request: IncomingMessage): void;
  has(socket: object): boolean;
}

export function createPatience(): Patience {
  // The listener looks at connections, which carry one request at a time.
  const requests = new WeakMap<object, IncomingMessage>();
  return {
    grant: (request) => void requests.set(request.socket, request),
    has: (socket) => requests.get(socket)?.complete === false,
  };
}
