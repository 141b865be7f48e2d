/**
 * Keeps pages of other sites from using somebody's session: what a browser says about where a request comes from must name this server, and
 * what changes something carries a header no foreign page can set without asking.
 */
import type { IncomingMessage } from 'node:http';
import { OperationProblem } from '../operation/problem.ts';

export const REQUEST_HEADER = 'x-plugboard-request';

export interface GuardedRequest {
  readonly isMutation: boolean;
  /** The request came with the cookie of a session. */
  readonly hasSession: boolean;
  readonly publicUrl: string | undefined;
}

/** @throws OperationProblem REQUEST_REFUSED */
export function guardBrowser({ headers }: IncomingMessage, { isMutation, hasSession, publicUrl }: GuardedRequest): void {
  const { origin } = headers;
  const site = headers['sec-fetch-site'];
  const isForeign = (origin !== undefined && !isOurs(origin, headers.host, publicUrl)) || site === 'cross-site' || site === 'same-site';
  if (isForeign && (isMutation || hasSession)) {
    throw new OperationProblem('REQUEST_REFUSED', 'This request came from a page of another site', {
      hint: 'Programs use an API key. For the editor behind a proxy, set PLUGBOARD_PUBLIC_URL to the address people use.',
    });
  }
  const mayBeBrowser = hasSession || origin !== undefined || site !== undefined;
  if (isMutation && mayBeBrowser && headers[REQUEST_HEADER] === undefined) {
    throw new OperationProblem('REQUEST_REFUSED', 'A change made with a session needs the header X-Plugboard-Request', {
      hint: 'Send X-Plugboard-Request: 1, or use an API key.',
    });
  }
}

function isOurs(origin: string, host: string | undefined, publicUrl: string | undefined): boolean {
  if (!URL.canParse(origin)) return false;
  const url = new URL(origin);
  if (publicUrl !== undefined && url.origin === new URL(publicUrl).origin) return true;
  return host !== undefined && url.host === host.toLowerCase();
}
