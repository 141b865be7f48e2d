/**
 * A load generator that costs little itself: raw sockets, one request in flight per connection. What goes wrong is counted by kind and
 * the connection made anew, so that one bad answer does not end a measurement. Loopback only; bounded in time and number.
 */
import { type Socket, connect } from 'node:net';
import { type HttpAnswer, HttpProtocolError, createResponseReader } from './response-reader.ts';
import { quantile } from './statistics.ts';

export interface LoadOptions {
  /** http:// address on this machine. */
  readonly url: string;
  /** Asked in turn, instead of the path of `url`. */
  readonly paths?: readonly string[];
  readonly method: string;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly connections: number;
  /** No request is sent later than this. At most MAX_SECONDS. */
  readonly seconds: number;
  /** Sends no more than this many in all. @default as many as fit */
  readonly maxRequests?: number;
  /** Longest silence inside a request, and longest wait for the last answers, in milliseconds. @default 30000 */
  readonly timeoutMs?: number;
  /** Status that counts as success. */
  readonly expectStatus: number;
  /** Text every answer must contain. */
  readonly expectText?: string;
}

/**
 * `refused`: no connection. `reset`, `closed`: the connection broke, or ended without an answer. `timeout`: silence. `protocol`: not HTTP.
 * `status`, `body`: an answer, and not the expected one.
 */
export type LoadErrorKind = 'refused' | 'reset' | 'closed' | 'timeout' | 'protocol' | 'status' | 'body';

export interface LoadResult {
  /** Right answers. */
  readonly completed: number;
  /** Failures by kind; kinds that did not occur are absent. */
  readonly errors: Readonly<Partial<Record<LoadErrorKind, number>>>;
  /** All answers by status, right or not. */
  readonly statuses: Readonly<Record<string, number>>;
  /** Connections made after the first of each. */
  readonly reconnects: number;
  /** Right answers per second. */
  readonly perSecond: number;
  /** Latency of right answers in milliseconds; 0 when there was none. */
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly max: number;
  /** From the first request to the last answer. */
  readonly seconds: number;
}

/** Thrown for options that would leave this machine or never end. */
export class LoadOptionsError extends Error {
  readonly code = 'LOAD_OPTIONS';
  constructor(message: string) {
    super(message);
    this.name = 'LoadOptionsError';
  }
}

export const MAX_SECONDS = 300;
export const MAX_CONNECTIONS = 1000;
const LOOPBACK = new Set(['127.0.0.1', 'localhost', '[::1]']);
/** A server that is away is asked again this often, in milliseconds, and given up after so many failures in a row. */
const RECONNECT_MS = 20;
const MAX_FAILURES_IN_A_ROW = 100;

/** @throws LoadOptionsError for an address that is not on this machine, or a number out of bounds */
export async function load(options: LoadOptions): Promise<LoadResult> {
  const { target, requests } = prepare(options);
  const expected = options.expectText === undefined ? undefined : Buffer.from(options.expectText);
  const tally = createTally();
  let sent = 0;
  let left = options.maxRequests ?? Number.POSITIVE_INFINITY;
  const startedAt = performance.now();
  const until = startedAt + options.seconds * 1000;
  const stop = new AbortController();
  const timeoutMs = options.timeoutMs ?? 30_000;
  const lastAnswers = setTimeout(() => stop.abort(), options.seconds * 1000 + timeoutMs);
  const plan: ConnectionPlan = {
    host: target.hostname.replace(/^\[|\]$/g, ''),
    port: Number(target.port || 80),
    nextRequest: () => requests[sent++ % requests.length] as Buffer,
    isHead: options.method === 'HEAD',
    timeoutMs,
    stop: stop.signal,
    mayGoOn: () => left > 0 && performance.now() < until,
    takeTurn: () => (left -= 1),
    answered(answer, ms) {
      tally.status(answer.status);
      if (answer.status !== options.expectStatus) tally.error('status');
      else if (expected !== undefined && !answer.body.includes(expected)) tally.error('body');
      else tally.right(ms);
    },
    failed: tally.error,
    reconnected: tally.reconnect,
  };
  try {
    await Promise.all(Array.from({ length: options.connections }, () => oneConnection(plan)));
  } finally {
    clearTimeout(lastAnswers);
  }
  return tally.result((performance.now() - startedAt) / 1000);
}

function prepare(options: LoadOptions): { target: URL; requests: Buffer[] } {
  const target = URL.canParse(options.url) ? new URL(options.url) : undefined;
  if (target?.protocol !== 'http:') throw new LoadOptionsError(`${options.url} is no http:// address`);
  if (!LOOPBACK.has(target.hostname)) throw new LoadOptionsError(`${target.hostname} is not this machine: load goes to loopback only`);
  between('connections', options.connections, 1, MAX_CONNECTIONS);
  between('seconds', options.seconds, 0, MAX_SECONDS);
  if (options.paths?.length === 0) throw new LoadOptionsError('paths names none');
  const body = options.body ?? '';
  const headers = {
    host: target.host,
    ...(options.body === undefined ? {} : { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(body)) }),
    ...options.headers,
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return {
    target,
    requests: (options.paths ?? [`${target.pathname}${target.search}`]).map((path) =>
      Buffer.from(`${options.method} ${path} HTTP/1.1\r\n${lines.join('')}\r\n${body}`),
    ),
  };
}

function between(name: string, value: number, min: number, max: number): void {
  if (!(value >= min && value <= max)) throw new LoadOptionsError(`${name} is ${value}; expected ${min} to ${max}`);
}

interface Tally {
  readonly right: (ms: number) => void;
  readonly error: (kind: LoadErrorKind) => void;
  readonly status: (status: number) => void;
  readonly reconnect: () => void;
  readonly result: (seconds: number) => LoadResult;
}

function createTally(): Tally {
  const latencies: number[] = [];
  const errors: Partial<Record<LoadErrorKind, number>> = {};
  const statuses: Record<string, number> = {};
  let reconnects = 0;
  return {
    right: (ms) => latencies.push(ms),
    error(kind) {
      errors[kind] = (errors[kind] ?? 0) + 1;
    },
    status(status) {
      statuses[status] = (statuses[status] ?? 0) + 1;
    },
    reconnect() {
      reconnects += 1;
    },
    result(seconds) {
      const sorted = Float64Array.from(latencies).sort();
      const at = (share: number): number => quantile(sorted, share) ?? 0;
      return {
        completed: latencies.length,
        errors,
        statuses,
        reconnects,
        perSecond: seconds === 0 ? 0 : latencies.length / seconds,
        p50: at(0.5),
        p95: at(0.95),
        p99: at(0.99),
        max: at(1),
        seconds,
      };
    },
  };
}

interface ConnectionPlan {
  readonly host: string;
  readonly port: number;
  readonly nextRequest: () => Buffer;
  readonly isHead: boolean;
  readonly timeoutMs: number;
  /** Aborted when waiting for answers has lasted too long. */
  readonly stop: AbortSignal;
  readonly mayGoOn: () => boolean;
  readonly takeTurn: () => void;
  readonly answered: (answer: HttpAnswer, ms: number) => void;
  readonly failed: (kind: LoadErrorKind) => void;
  readonly reconnected: () => void;
}

/** Sends requests one after the other, over as many sockets as it takes. */
async function oneConnection(plan: ConnectionPlan): Promise<void> {
  let failuresInARow = 0;
  for (let sockets = 0; plan.mayGoOn() && !plan.stop.aborted; sockets += 1) {
    if (sockets > 0) plan.reconnected();
    const answers = await oneSocket(plan);
    failuresInARow = answers > 0 ? 0 : failuresInARow + 1;
    if (failuresInARow >= MAX_FAILURES_IN_A_ROW) return;
    if (failuresInARow > 0) await new Promise((resolve) => setTimeout(resolve, RECONNECT_MS));
  }
}

/** Gives the number of answers once the socket is of no more use. */
function oneSocket(plan: ConnectionPlan): Promise<number> {
  return new Promise((resolve) => {
    const socket: Socket = connect({ host: plan.host, port: plan.port, noDelay: true });
    const reader = createResponseReader(plan.isHead);
    let state: 'connecting' | 'waiting' | 'done' = 'connecting';
    let sentAt = 0;
    let answers = 0;

    const finish = (failure?: LoadErrorKind): void => {
      if (state === 'done') return;
      state = 'done';
      plan.stop.removeEventListener('abort', onStop);
      if (failure !== undefined) plan.failed(failure);
      socket.destroy();
      resolve(answers);
    };
    const onStop = (): void => finish('timeout');
    const send = (): void => {
      if (!plan.mayGoOn()) return finish();
      plan.takeTurn();
      state = 'waiting';
      sentAt = performance.now();
      socket.write(plan.nextRequest());
    };
    const take = (answer: HttpAnswer | undefined): void => {
      if (answer === undefined) return;
      answers += 1;
      plan.answered(answer, performance.now() - sentAt);
      if (answer.keepsAlive) send();
      else finish();
    };
    const reading = (read: () => HttpAnswer | undefined): void => {
      if (state !== 'waiting') return finish('protocol');
      let answer: HttpAnswer | undefined;
      try {
        answer = read();
      } catch (error) {
        if (!(error instanceof HttpProtocolError)) throw error;
        return finish('protocol');
      }
      take(answer);
    };

    plan.stop.addEventListener('abort', onStop, { once: true });
    socket.setTimeout(plan.timeoutMs, () => finish('timeout'));
    socket.on('connect', send);
    socket.on('data', (chunk: Buffer) => reading(() => reader.push(chunk)));
    socket.on('end', () => {
      if (state !== 'waiting') return finish();
      reading(() => reader.end());
      finish('closed');
    });
    socket.on('error', () => finish(state === 'connecting' ? 'refused' : 'reset'));
    socket.on('close', () => finish('closed'));
  });
}
