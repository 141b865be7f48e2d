/**
 * Connections that steps ask for: the server opens them, after the name was resolved and every address judged by the same rules as requests, and
 * hands over a pair of streams. They are bounded in time, bytes and number, and end with the step.
 */
import { lookup as systemLookup } from 'node:dns';
import { type Socket, connect as connectTcp, isIP } from 'node:net';
import { Duplex } from 'node:stream';
import { connect as connectTls } from 'node:tls';
import type { ConnectOptions, StepSocket } from '@plugboard/sdk';
import { StepFailure } from '@plugboard/sdk';
import type { AddressRules } from './address-rules.ts';
import { type Resolve, EgressDeniedError, checkedLookup } from './guarded-fetch.ts';

export interface BrokeredConnect {
  /** Closes the connection when the signal aborts. */
  readonly open: (options: ConnectOptions, signal: AbortSignal) => Promise<StepSocket>;
  readonly stats: ConnectStats;
  /** Closes every connection. */
  close(): void;
}

export interface ConnectStats {
  /** Open now. */
  readonly open: number;
  readonly opened: number;
  readonly refused: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
}

export interface ConnectLimits {
  /** Open at once in this process. @default 500 */
  readonly maxOpen: number;
  /** Bytes in each direction of one connection. @default 1 GiB */
  readonly maxBytes: number;
  /** Longest time without a byte in either direction, in milliseconds. @default 300000 */
  readonly idleMs: number;
  /** Longest life, in milliseconds. @default 3600000 */
  readonly lifeMs: number;
}

const DEFAULTS: ConnectLimits = { maxOpen: 500, maxBytes: 1024 * 1024 * 1024, idleMs: 300_000, lifeMs: 3_600_000 };
const CONNECT_TIMEOUT_MS = 10_000;
const CONNECT_TIMEOUT_MS_MAX = 60_000;
const HOST = /^[a-z0-9_](?:[a-z0-9._-]{0,251}[a-z0-9_])?\.?$/i;

/** @param options.resolve how names are resolved; the system's resolver unless given */
export function createBrokeredConnect(
  rules: AddressRules,
  { resolve = systemLookup, limits = {} }: { readonly resolve?: Resolve; readonly limits?: Partial<ConnectLimits> } = {},
): BrokeredConnect {
  const bounds = { ...DEFAULTS, ...limits };
  const sockets = new Set<Socket>();
  const stats = { opened: 0, refused: 0, bytesIn: 0, bytesOut: 0 };

  const open: BrokeredConnect['open'] = async (options, signal) => {
    signal.throwIfAborted();
    const { host, port } = checked(options);
    if (sockets.size >= bounds.maxOpen) {
      stats.refused += 1;
      throw new StepFailure('TOO_MANY_CONNECTIONS', 'The server has as many connections of steps open as it may. Try again in a moment.', {
        kind: 'rejected',
      });
    }
    const reason = isIP(host) ? rules.refusal(host, host, port) : undefined;
    if (reason !== undefined) {
      stats.refused += 1;
      throw new EgressDeniedError(host, reason);
    }
    const lookup = checkedLookup(rules, resolve, port);
    const target = { host, port, lookup, noDelay: true, keepAlive: true };
    const socket =
      options.tls === true
        ? connectTls({
            ...target,
            // An address has no name to ask for.
            ...(isIP(options.serverName ?? host) ? {} : { servername: options.serverName ?? host }),
            ...(options.ca !== undefined && { ca: options.ca }),
            rejectUnauthorized: options.checkCertificate !== false,
          })
        : connectTcp(target);
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    try {
      await connected(socket, options, signal);
    } catch (error) {
      socket.on('error', () => undefined);
      socket.destroy();
      stats.refused += 1;
      throw error;
    }
    stats.opened += 1;
    guard(socket, signal);
    const { readable, writable } = Duplex.toWeb(socket);
    return {
      readable: readable as ReadableStream<Uint8Array>,
      writable: writable as WritableStream<Uint8Array>,
      close: () => void socket.destroy(),
    };
  };

  /** Ends the connection with the step, and above its limits. */
  function guard(socket: Socket, signal: AbortSignal): void {
    const end = (error?: Error): void => void socket.destroy(error);
    const onAbort = (): void => end();
    signal.addEventListener('abort', onAbort, { once: true });
    const life = setTimeout(() => end(tooMuch(`has been open for ${bounds.lifeMs} ms`)), bounds.lifeMs);
    life.unref();
    socket.setTimeout(bounds.idleMs, () => end(tooMuch(`was silent for ${bounds.idleMs} ms`)));
    let before = { read: 0, written: 0 };
    const count = (): void => {
      const now = { read: socket.bytesRead, written: socket.bytesWritten };
      stats.bytesIn += now.read - before.read;
      stats.bytesOut += now.written - before.written;
      before = now;
      if (now.read > bounds.maxBytes || now.written > bounds.maxBytes) end(tooMuch(`carried more than ${bounds.maxBytes} bytes`));
    };
    socket.on('data', count);
    // Listening for data makes it flow; nothing may be lost before the plugin reads.
    socket.pause();
    socket.on('drain', count);
    // Errors reach the plugin through the streams.
    socket.on('error', () => undefined);
    socket.once('close', () => {
      count();
      clearTimeout(life);
      signal.removeEventListener('abort', onAbort);
    });
  }

  return {
    open,
    get stats() {
      return { ...stats, open: sockets.size };
    },
    close() {
      for (const socket of sockets) socket.destroy();
    },
  };
}

/** @throws StepFailure CONNECT_INVALID */
function checked({ host, port }: ConnectOptions): { readonly host: string; readonly port: number } {
  const name = typeof host === 'string' ? host.replace(/^\[(.*)\]$/, '$1') : '';
  if (!isIP(name) && !HOST.test(name))
    throw new StepFailure('CONNECT_INVALID', `${JSON.stringify(String(host).slice(0, 100))} is neither a host name nor an address.`);
  if (!Number.isInteger(port) || port < 1 || port > 65_535)
    throw new StepFailure('CONNECT_INVALID', `${String(port).slice(0, 20)} is no port; give a whole number from 1 to 65535.`);
  return { host: name, port };
}

function connected(socket: Socket, options: ConnectOptions, signal: AbortSignal): Promise<void> {
  const timeoutMs = Math.min(Math.max(options.timeoutMs ?? CONNECT_TIMEOUT_MS, 1), CONNECT_TIMEOUT_MS_MAX);
  return new Promise((resolve, reject) => {
    const settle = (error?: unknown): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      socket.off('error', settle);
      if (error === undefined) resolve();
      else reject(error);
    };
    const onAbort = (): void => settle(signal.reason);
    const timer = setTimeout(() => {
      const text = `${options.host}:${options.port}: the host did not accept the connection in time.`;
      settle(new StepFailure('CONNECT_TIMEOUT', text, { kind: 'rejected' }));
    }, timeoutMs);
    signal.addEventListener('abort', onAbort, { once: true });
    socket.once('error', (error) => settle(options.tls === true ? asTlsFailure(error, options) : error));
    socket.once(options.tls === true ? 'secureConnect' : 'connect', () => settle());
  });
}

/** What goes wrong in a handshake has many codes; those of the network say more themselves. */
function asTlsFailure(error: Error, { host, port }: ConnectOptions): Error {
  const { code, syscall } = error as NodeJS.ErrnoException;
  if (error instanceof StepFailure || syscall === 'connect' || syscall === 'getaddrinfo') return error;
  return new StepFailure(
    'TLS_FAILED',
    `${host}:${port}: no secure connection could be made (${code ?? error.message}). Check the certificate.`,
    {
      kind: 'rejected',
      cause: error,
    },
  );
}

function tooMuch(why: string): StepFailure {
  return new StepFailure('CONNECTION_LIMIT', `The server closed a connection of the step: it ${why}.`, { kind: 'unavailable' });
}
