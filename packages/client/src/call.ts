/** One call of the API: how it is sent, tried again, and answered. */
import { randomUUID } from 'node:crypto';
import type { Call, CallOptions, Download, UploadBody } from './call-types.ts';
import { ConnectionError, PlugboardError, type ProblemBody } from './errors.ts';

export interface Sender {
  readonly url: string;
  readonly token: string;
  readonly workspace: string | undefined;
  readonly fetch: typeof globalThis.fetch;
  readonly timeoutMs: number;
  /** Tries beyond the first. */
  readonly retries: number;
  readonly sleep: (ms: number, signal: AbortSignal | undefined) => Promise<void>;
}

type Fields = Readonly<Record<string, unknown>>;

/** Pauses grow from here, doubled each time and spread, in milliseconds. */
const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 10_000;
/** Nothing was done: too much at once, no place, a server or gateway that is away. */
const COME_BACK = new Set([429, 502, 503, 504]);

/** @throws PlugboardError, ConnectionError */
export async function send(sender: Sender, call: Call, input: Fields, options: CallOptions, upload?: UploadBody): Promise<unknown> {
  const key = call.kind === 'mutation' && call.isRepeatable ? (options.idempotencyKey ?? randomUUID()) : options.idempotencyKey;
  const placed = place(call, input);
  // A stream can be read once.
  const maySendAgain = upload === undefined || upload instanceof Uint8Array || upload instanceof Blob || upload instanceof FormData;
  for (let attempt = 0; ; attempt += 1) {
    const isLast = attempt >= sender.retries || !maySendAgain;
    let answer: Response;
    try {
      answer = await once(sender, call, placed, { key, options, upload });
    } catch (error) {
      options.signal?.throwIfAborted();
      const failure = new ConnectionError(sender.url, error);
      if (isLast || !call.isRepeatable) throw failure;
      await sender.sleep(pauseMs(attempt, undefined), options.signal);
      continue;
    }
    if (answer.ok) return result(call, answer);
    const problem = await problemOf(answer);
    // A refusal by the server's own limits did nothing. Whether a gateway's did is not known, so the call has to be repeatable.
    const mayRepeat = COME_BACK.has(answer.status) && (call.isRepeatable || answer.status === 429) && problem.code !== 'TOO_MANY_ATTEMPTS';
    if (isLast || !mayRepeat) throw problem;
    await sender.sleep(pauseMs(attempt, problem.retryAfterMs), options.signal);
  }
}

interface Sent {
  readonly key: string | undefined;
  readonly options: CallOptions;
  readonly upload: UploadBody | undefined;
}

function once(sender: Sender, call: Call, { address, body }: Placed, { key, options, upload }: Sent): Promise<Response> {
  const isForm = upload instanceof FormData;
  const headers: Record<string, string> = {
    authorization: `Bearer ${sender.token}`,
    ...(sender.workspace === undefined ? {} : { 'x-plugboard-workspace': sender.workspace }),
    ...(key === undefined ? {} : { 'idempotency-key': key }),
    ...(upload === undefined
      ? body === undefined
        ? {}
        : { 'content-type': 'application/json' }
      : isForm
        ? {}
        : { 'content-type': 'application/octet-stream' }),
  };
  const timeout = AbortSignal.timeout(options.timeoutMs ?? sender.timeoutMs);
  // A stream goes on as long as it has something: only its caller ends it.
  const signals = [...(call.stream === undefined ? [timeout] : []), ...(options.signal ? [options.signal] : [])];
  const content = upload ?? body;
  return sender.fetch(`${sender.url}${address}`, {
    method: call.method,
    headers,
    redirect: 'error',
    ...(signals.length > 0 ? { signal: AbortSignal.any(signals) } : {}),
    ...(content === undefined ? {} : { body: content, duplex: 'half' }),
  });
}

interface Placed {
  readonly address: string;
  readonly body: string | undefined;
}

/** Fields in the path, the query and the body. @throws TypeError for one that cannot stand in the path */
function place(call: Call, input: Fields): Placed {
  const left = new Map(Object.entries(input).filter(([, value]) => value !== undefined));
  const path = call.path.replaceAll(/\{(\w+)\}/g, (_, name: string) => {
    const value = left.get(name);
    left.delete(name);
    if (typeof value !== 'string' && typeof value !== 'number') throw new TypeError(`${name} is needed: it stands in the address`);
    // Another address would be asked for nothing, and for `..`.
    if (value === '' || value === '.' || value === '..') throw new TypeError(`${name} cannot be "${value}"`);
    return encodeURIComponent(value);
  });
  const query = new URLSearchParams();
  for (const name of call.query ?? []) {
    const value = left.get(name);
    left.delete(name);
    for (const one of Array.isArray(value) ? value : value === undefined || value === null ? [] : [value])
      query.append(name, typeof one === 'object' ? JSON.stringify(one) : String(one));
  }
  const text = query.toString();
  const hasBody = call.method !== 'GET' && call.method !== 'DELETE' && call.stream !== 'upload';
  const body = call.bodyField === undefined ? Object.fromEntries(left) : left.get(call.bodyField);
  return { address: text === '' ? path : `${path}?${text}`, body: hasBody ? JSON.stringify(body ?? {}) : undefined };
}

async function result(call: Call, answer: Response): Promise<unknown> {
  if (call.stream !== 'download') {
    const text = await answer.text();
    return text === '' ? undefined : JSON.parse(text);
  }
  const length = answer.headers.get('content-length');
  const download: Download = {
    body: answer.body ?? new ReadableStream(),
    type: answer.headers.get('content-type') ?? 'application/octet-stream',
    sizeBytes: length === null ? undefined : Number(length),
    name: fileName(answer.headers.get('content-disposition')),
  };
  return download;
}

function fileName(disposition: string | null): string | undefined {
  const [, encoded] = /filename\*=UTF-8''([^;]+)/i.exec(disposition ?? '') ?? [];
  if (encoded !== undefined) return decodeURIComponent(encoded);
  return /filename="([^"]*)"/i.exec(disposition ?? '')?.[1];
}

async function problemOf(answer: Response): Promise<PlugboardError> {
  const text = await answer.text().catch(() => '');
  let body: ProblemBody | undefined;
  try {
    body = (JSON.parse(text) as { readonly error?: ProblemBody }).error;
  } catch {
    // Not from the server, but from something on the way.
  }
  return new PlugboardError(answer.status, body, {
    requestId: answer.headers.get('x-request-id') ?? undefined,
    retryAfterSeconds: Number(answer.headers.get('retry-after') ?? Number.NaN),
  });
}

function pauseMs(attempt: number, asked: number | undefined): number {
  const grown = Math.min(FIRST_PAUSE_MS * 2 ** attempt, LONGEST_PAUSE_MS);
  // Many clients that were refused together must not come back together.
  return Math.min(Math.max(asked ?? 0, grown * (0.5 + Math.random() / 2)), 60_000);
}
