/**
 * Which pages may open a socket. A browser sends its cookies along with any page's socket and always names the page's origin, so only our
 * own pages are let in; a program that is no browser sends no Origin.
 */
import type { IncomingMessage } from 'node:http';

export interface OriginCheckOptions {
  /** The check the HTTP server uses for Host headers. */
  readonly allowsHost: (header: string | undefined) => boolean;
  /** Address people use, where it differs from what the server sees. */
  readonly publicUrl?: string;
}

export function createOriginCheck({ allowsHost, publicUrl }: OriginCheckOptions): (req: IncomingMessage) => boolean {
  const publicOrigin = publicUrl === undefined ? undefined : new URL(publicUrl).origin;
  return ({ headers }) => {
    if (!allowsHost(headers.host)) return false;
    const { origin } = headers;
    if (origin === undefined || origin === publicOrigin) return true;
    if (!URL.canParse(origin)) return false;
    const { protocol, host } = new URL(origin);
    return (protocol === 'http:' || protocol === 'https:') && host === headers.host?.toLowerCase();
  };
}
