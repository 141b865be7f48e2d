/** `ctx.http`: requests with JSON, query, time limit and errors that say what a retry may do. */
import { JsonLimitError, JsonReader, StepFailure } from '@plugboard/sdk';
import type { FileRef, HttpOptions, HttpRequest, HttpResponse, Json, StepFiles, StepHttp } from '@plugboard/sdk';
import { inSlices } from './in-slices.ts';
import { networkFailure } from './network-failure.ts';
import { requestHeaders, requestMethod, requestUrl } from './request-rules.ts';
import type { OwnFetch } from './step-fetch.ts';
import { statusKind } from './to-step-error.ts';

const TIMEOUT_MS = 60_000;
const REDIRECTS = 5;
const BODY_BYTES_MAX = 16 * 1024 * 1024;
/** Levels and values of an answer read as JSON. */
const DEPTH_MAX = 64;
const VALUES_MAX = 1_000_000;
/** Characters of JSON read without a turn of the event loop, and between two looks at the clock. */
const READ_AT_ONCE = 64 * 1024;
const READ_STEP = 16 * 1024;
/** Characters of an error answer kept for the person who looks into it. */
const ERROR_BODY_MAX = 2_000;

export class HttpClient implements StepHttp {
  readonly #fetch: OwnFetch;
  readonly #stopped: () => boolean;
  readonly #files: () => StepFiles;

  /** `stopped` tells an abort of the whole step from this request's own time limit. */
  constructor(fetch: OwnFetch, stopped: () => boolean, files: () => StepFiles) {
    this.#fetch = fetch;
    this.#stopped = stopped;
    this.#files = files;
  }

  get(url: string | URL, options?: HttpOptions): Promise<HttpResponse> {
    return this.request({ ...options, url, method: 'GET' });
  }
  post(url: string | URL, options?: HttpOptions): Promise<HttpResponse> {
    return this.request({ ...options, url, method: 'POST' });
  }
  put(url: string | URL, options?: HttpOptions): Promise<HttpResponse> {
    return this.request({ ...options, url, method: 'PUT' });
  }
  patch(url: string | URL, options?: HttpOptions): Promise<HttpResponse> {
    return this.request({ ...options, url, method: 'PATCH' });
  }
  delete(url: string | URL, options?: HttpOptions): Promise<HttpResponse> {
    return this.request({ ...options, url, method: 'DELETE' });
  }

  async request(request: HttpRequest): Promise<HttpResponse> {
    const url = addressOf(request);
    const method = requestMethod(request.method ?? 'GET');
    const target = `${method} ${url.origin}${url.pathname}`;
    const { body, contentType } = bodyOf(request);
    const { stream } = request;
    if ((body !== undefined || stream !== undefined) && (method === 'GET' || method === 'HEAD')) {
      throw new StepFailure('REQUEST_INVALID', `${target}: a ${method} request has no body. Choose another method, or leave the body out.`);
    }
    const headers = requestHeaders(request.headers);
    if (contentType !== undefined && !headers.has('content-type')) headers.set('content-type', contentType);
    const timeoutMs = request.timeoutMs ?? TIMEOUT_MS;
    const limit = new AbortController();
    let timer: NodeJS.Timeout | undefined;
    const onTurn = (): void => void (timer = setTimeout(() => limit.abort(), timeoutMs));
    try {
      const response = await this.#fetch(
        url,
        {
          method,
          headers,
          body: stream === undefined ? body : stream.content,
          ...(stream !== undefined && { duplex: 'half' as const }),
          signal: limit.signal,
          ...(request.idempotencyKey !== undefined && { idempotencyKey: request.idempotencyKey }),
          ...(request.credential !== undefined && { credential: request.credential }),
        },
        { redirects: request.redirects ?? REDIRECTS, sizeBytes: stream?.sizeBytes, onTurn },
      );
      return await this.#answer(request, response, target, url);
    } catch (error) {
      if (this.#stopped()) throw error;
      if (limit.signal.aborted) throw new StepFailure('HTTP_TIMEOUT', `${target}: no answer within ${timeoutMs} ms.`, { kind: 'timeout' });
      throw networkFailure(error, target);
    } finally {
      clearTimeout(timer);
    }
  }

  async #answer(request: HttpRequest, response: Response, target: string, url: URL): Promise<HttpResponse> {
    const headers = Object.fromEntries(response.headers);
    const isError = response.status >= 400;
    if (request.as === 'file' && !isError) {
      const from = { status: response.status, headers, url: response.url === '' ? url.href : response.url };
      const file = await this.#asFile(request, response, from);
      return { ...from, data: null, ...(file !== undefined && { file }) };
    }
    const bytes = await readBody(response, request.maxBytes ?? BODY_BYTES_MAX, target);
    if (isError && request.throwOnStatus !== false) throw statusFailure(response, bytes, target);
    const answer = { status: response.status, headers, url: response.url === '' ? url.href : response.url };
    if (request.as === 'bytes') return { ...answer, data: null, bytes };
    const as = isError ? lenient(request.as) : request.as;
    return { ...answer, data: await parse(bytes, { as, contentType: headers['content-type'], maxValues: request.maxValues, target }) };
  }

  /** Undefined for an answer without a body. */
  async #asFile(
    { fileName, maxBytes }: HttpRequest,
    { body }: Response,
    { headers, url }: Pick<HttpResponse, 'headers' | 'url'>,
  ): Promise<FileRef | undefined> {
    if (body === null) return undefined;
    const content = maxBytes === undefined ? body : body.pipeThrough(atMost(maxBytes, url));
    return this.#files().create(content, {
      name: fileName ?? nameOf(headers['content-disposition'], url),
      ...(headers['content-type'] !== undefined && { mime: headers['content-type'].split(';', 1)[0] }),
    });
  }
}

function atMost(maxBytes: number, url: string): TransformStream<Uint8Array, Uint8Array> {
  let size = 0;
  return new TransformStream({
    transform(chunk, controller) {
      size += chunk.byteLength;
      if (size > maxBytes)
        throw new StepFailure('RESPONSE_TOO_LARGE', `The answer of ${new URL(url).pathname} has more than ${maxBytes} bytes.`);
      controller.enqueue(chunk);
    },
  });
}

/** The name a service gives an answer, else the last part of its address. */
function nameOf(disposition: string | undefined, url: string): string {
  const extended = /filename\*\s*=\s*utf-8'[^']*'([^;\s]+)/i.exec(disposition ?? '')?.[1];
  const plain = /filename\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;\s]+))/i.exec(disposition ?? '');
  const last = new URL(url).pathname.split('/').at(-1) ?? '';
  return decoded(extended) ?? plain?.[1]?.replaceAll(/\\(.)/g, '$1') ?? plain?.[2] ?? decoded(last) ?? '';
}

function decoded(text: string | undefined): string | undefined {
  if (text === undefined || text === '') return undefined;
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** An error page is rarely in the form the caller asked for. */
function lenient(as: HttpRequest['as']): HttpRequest['as'] {
  return as === 'json' || as === 'file' ? 'auto' : as;
}

function addressOf(request: HttpRequest): URL {
  const url = requestUrl(request.url);
  for (const [name, value] of Object.entries(request.query ?? {})) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== undefined && one !== null) url.searchParams.append(name, String(one));
    }
  }
  return url;
}

function bodyOf(request: HttpRequest): { readonly body?: string | Uint8Array<ArrayBuffer>; readonly contentType?: string } {
  const given = [request.json, request.form, request.body, request.stream].filter((one) => one !== undefined);
  if (given.length > 1) throw new StepFailure('REQUEST_INVALID', 'Give only one of json, form, body and stream.', { kind: 'bug' });
  if (request.json !== undefined) return { body: JSON.stringify(request.json), contentType: 'application/json' };
  if (request.form === undefined) return request.body === undefined ? {} : { body: request.body };
  const form = new URLSearchParams(Object.entries(request.form).map(([name, value]) => [name, String(value)]));
  return { body: form.toString(), contentType: 'application/x-www-form-urlencoded' };
}

/** Reads at most `maxBytes`, whatever the answer says its length is. */
async function readBody(response: Response, maxBytes: number, target: string): Promise<Uint8Array> {
  if (response.body === null) return new Uint8Array(0);
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
    size += chunk.byteLength;
    if (size > maxBytes) {
      throw new StepFailure('RESPONSE_TOO_LARGE', `${target}: the answer has more than ${maxBytes} bytes.`, {
        kind: 'input',
        status: response.status,
      });
    }
    chunks.push(chunk);
  }
  return chunks.length === 1 ? (chunks[0] as Uint8Array) : Buffer.concat(chunks);
}

interface Parsing {
  readonly as: HttpRequest['as'];
  readonly contentType: string | undefined;
  readonly maxValues: number | undefined;
  readonly target: string;
}

async function parse(bytes: Uint8Array, { as, contentType, maxValues = VALUES_MAX, target }: Parsing): Promise<Json> {
  const text = new TextDecoder(charset(contentType)).decode(bytes);
  const saysJson = /^application\/(?:json|[\w.+-]+\+json)\b/i.test(contentType ?? '');
  if (as === 'text' || (as !== 'json' && !saysJson)) return text;
  // The key __proto__ is no data: it is dropped from what services send.
  const reader = new JsonReader(text, { maxDepth: DEPTH_MAX, maxValues, dropProto: true });
  try {
    // Short answers are read at once.
    if (!reader.advance(READ_AT_ONCE)) await inSlices(() => reader.advance(READ_STEP));
    return reader.value();
  } catch (cause) {
    if (cause instanceof JsonLimitError) {
      throw new StepFailure('ANSWER_TOO_COMPLEX', `${target}: ${cause.message} Ask for less at once, or read it as text.`, { cause });
    }
    if (text.trim() === '') return null;
    // A service that mislabels a page as JSON should not make it unreadable.
    if (as !== 'json') return text;
    throw new StepFailure('RESPONSE_NOT_JSON', `${target}: the answer is not JSON.`, { kind: 'input', cause });
  }
}

function charset(contentType: string | undefined): string {
  const name = /charset="?([\w-]+)"?/i.exec(contentType ?? '')?.[1] ?? 'utf-8';
  try {
    return new TextDecoder(name).encoding;
  } catch {
    return 'utf-8';
  }
}

function statusFailure(response: Response, bytes: Uint8Array, target: string): StepFailure {
  const { status } = response;
  const retryAfterMs = retryAfter(response.headers.get('retry-after'));
  const requestId = response.headers.get('x-request-id') ?? response.headers.get('request-id') ?? undefined;
  const body = new TextDecoder().decode(bytes.subarray(0, ERROR_BODY_MAX)).replaceAll('\0', '').toWellFormed();
  return new StepFailure(
    `HTTP_${status}`,
    `${target}: the service answered ${status}${response.statusText === '' ? '' : ` ${response.statusText}`}.`,
    {
      kind: statusKind(status),
      status,
      ...(retryAfterMs !== undefined && { retryAfterMs }),
      ...(requestId !== undefined && { requestId }),
      ...(body !== '' && { data: { body } }),
    },
  );
}

/** Seconds or an HTTP date, as milliseconds from now. */
function retryAfter(header: string | null): number | undefined {
  if (header === null) return undefined;
  if (/^\d+(\.\d+)?$/.test(header.trim())) return Math.round(Number(header) * 1000);
  const at = Date.parse(header);
  return Number.isNaN(at) ? undefined : Math.max(0, at - Date.now());
}
