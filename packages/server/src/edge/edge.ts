/**
 * The HTTP listener in front of everything: checks the host, sends webhooks their own fast way, and hands the rest to Koa.
 */
import { type IncomingMessage, type RequestListener, type Server, type ServerResponse, createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { SecureContextOptions } from 'node:tls';
import type { Patience } from './patience.ts';
import { newRequestId } from './request-id.ts';
import { sendProblem } from './send.ts';

export type HookListener = (req: IncomingMessage, res: ServerResponse, path: string, query: string) => void;

export interface EdgeOptions {
  readonly allowsHost: (header: string | undefined) => boolean;
  /** Requests below `/hooks/`; the path comes without the prefix and the query. */
  readonly hooks: HookListener;
  /** Requests below `/hooks-test/`, in the same way. */
  readonly testHooks: HookListener;
  /** Where webhooks have an address of their own: they are served there and nothing else is, and nowhere else. */
  readonly hooksUrl?: string | undefined;
  readonly app: RequestListener;
  /** Requests whose time is not limited here. */
  readonly patience?: Pick<Patience, 'has'>;
  /** Certificate and key; plain HTTP without. */
  readonly tls?: SecureContextOptions | undefined;
  readonly log: { error(fields: object, message: string): void; warn(fields: object, message: string): void };
  /** Connections open at once; further ones are closed as they come. */
  readonly maxConnections: number;
  /** Longest time to receive the headers, in milliseconds. @default 10000 */
  readonly headersTimeoutMs?: number;
  /** Longest time to receive the whole request, in milliseconds. @default 60000 */
  readonly requestTimeoutMs?: number;
}

export const HOOK_PREFIX = '/hooks/';
export const TEST_HOOK_PREFIX = '/hooks-test/';
const HEADERS_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 60_000;
/** Requests past their time are looked for this often, in milliseconds; a shorter limit is looked at twice as often as it is long. */
const LATE_CHECK_MS = 5000;
const KEEP_ALIVE_MS = 65_000;
const MAX_HEADER_BYTES = 16 * 1024;
const MAX_URL_LENGTH = 8 * 1024;
/** Connections turned away are told about this often, in milliseconds. */
const TELL_AGAIN_MS = 60_000;
const SLASH = 47;
/** A request to a proxy names the whole address: its host, and what follows it. */
const WHOLE_ADDRESS = /^https?:\/\/([^/?#@]+)([/?][^#]*)?$/i;

export function createEdge(options: EdgeOptions): Server {
  const { allowsHost, hooks, testHooks, app, log } = options;
  const hooksHost = options.hooksUrl === undefined ? undefined : new URL(options.hooksUrl).host.toLowerCase();
  const headersTimeout = options.headersTimeoutMs ?? HEADERS_TIMEOUT_MS;
  const requestTimeout = options.requestTimeoutMs ?? REQUEST_TIMEOUT_MS;
  const settings = {
    headersTimeout,
    requestTimeout,
    connectionsCheckingInterval: Math.min(LATE_CHECK_MS, headersTimeout / 2, requestTimeout / 2),
    keepAliveTimeout: KEEP_ALIVE_MS,
    maxHeaderSize: MAX_HEADER_BYTES,
    noDelay: true,
  };
  const listener: RequestListener = (req, res) => {
    let url = req.url ?? '/';
    if (url.length > MAX_URL_LENGTH)
      return sendProblem(res, 414, 'URL_TOO_LONG', `The address is longer than ${MAX_URL_LENGTH} characters`);
    let { host } = req.headers;
    if (hasTwoHosts(req.rawHeaders))
      return sendProblem(res, 400, 'HOST_REPEATED', 'The request has more than one Host header', { connection: 'close' });
    if (url.charCodeAt(0) !== SLASH) {
      const whole = WHOLE_ADDRESS.exec(url);
      if (!whole) return sendProblem(res, 400, 'ADDRESS_INVALID', 'The address of a request starts with a slash', { connection: 'close' });
      // As HTTP has it: the address is followed, and the header beside it does not count.
      host = whole[1];
      url = `${whole[2]?.startsWith('/') ? '' : '/'}${whole[2] ?? ''}`;
      req.url = url;
    }
    if (!allowsHost(host)) {
      return sendProblem(
        res,
        421,
        'HOST_UNKNOWN',
        'This server does not answer for that host name. Set PLUGBOARD_PUBLIC_URL to the address people use.',
      );
    }
    const prefix = url.startsWith(HOOK_PREFIX) ? HOOK_PREFIX : url.startsWith(TEST_HOOK_PREFIX) ? TEST_HOOK_PREFIX : undefined;
    if (hooksHost !== undefined && (withoutUsualPort(host) === hooksHost) !== (prefix !== undefined)) {
      if (prefix === undefined) return sendProblem(res, 404, 'NOT_FOUND', 'Only webhooks are served at this address');
      return sendProblem(res, 421, 'HOST_UNKNOWN', `Webhooks are served at ${options.hooksUrl ?? ''}`);
    }
    if (prefix === undefined) return app(req, res);
    const mark = url.indexOf('?');
    const path = mark < 0 ? url.slice(prefix.length) : url.slice(prefix.length, mark);
    const query = mark < 0 ? '' : url.slice(mark + 1);
    try {
      if (prefix === HOOK_PREFIX) hooks(req, res, path, query);
      else testHooks(req, res, path, query);
    } catch (error) {
      // One request that breaks the handler must not end the process and every other request with it.
      const requestId = newRequestId();
      log.error({ err: error, requestId }, 'a webhook request failed unexpectedly');
      sendProblem(res, 500, 'INTERNAL', `The server failed on this request. Its log has the details under ${requestId}.`, {
        'x-request-id': requestId,
      });
    }
  };
  const server: Server = options.tls ? createTlsServer({ ...settings, ...options.tls }, listener) : createServer(settings, listener);
  server.maxConnections = options.maxConnections;
  let toldAt = -Infinity;
  server.on('drop', () => {
    const now = performance.now();
    if (now - toldAt < TELL_AGAIN_MS) return;
    toldAt = now;
    log.warn(
      { maxConnections: options.maxConnections },
      'connections are turned away: as many are open as PLUGBOARD_MAX_CONNECTIONS allows',
    );
  });
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT' && options.patience?.has(socket) === true) return;
    if (error.code === 'ECONNRESET' || !socket.writable) return socket.destroy();
    const status =
      error.code === 'HPE_HEADER_OVERFLOW'
        ? '431 Request Header Fields Too Large'
        : error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
          ? '408 Request Timeout'
          : '400 Bad Request';
    socket.end(`HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-length: 0\r\nx-request-id: ${newRequestId()}\r\n\r\n`);
  });
  return server;
}

function withoutUsualPort(host: string | undefined): string {
  return (host ?? '').toLowerCase().replace(/:(?:80|443)$/, '');
}

/** Two programs on the way may each believe another one. The parser keeps the first and says nothing. */
function hasTwoHosts(rawHeaders: readonly string[]): boolean {
  let count = 0;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] ?? '';
    if (name.length === 4 && (name === 'host' || name === 'Host' || name.toLowerCase() === 'host')) count += 1;
  }
  return count > 1;
}
