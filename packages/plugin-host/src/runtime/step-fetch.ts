/**
 * `ctx.fetch`: WHATWG fetch behind the egress guard, with the step's abort signal, a stable idempotency key on requests that change
 * something, and a record of what became of them.
 *
 * Redirects are followed here and not in the transport: every hop is judged before it is sent, secrets stay with their origin, and a
 * refused connection proves that nothing was applied only when no hop before it answered.
 */
import { createHash } from 'node:crypto';
import type { RequestSlot } from '@plugboard/engine';
import { StepFailure } from '@plugboard/sdk';
import type { FetchOptions } from '@plugboard/sdk';
import type { CallState } from './call-state.ts';
import { provesNotApplied, requestFailure } from './network-failure.ts';
import { redirectUrl, requestMethod, requestUrl, withoutConnectionHeaders, withoutPrivateHeaders } from './request-rules.ts';
import type { WriteRecord } from './write-record.ts';

const READS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);
/** What WHATWG fetch follows. */
const REDIRECTS_MAX = 20;
/** What a redirected request without a body must not claim about it. */
const BODY_HEADERS = ['content-type', 'content-length', 'content-encoding', 'content-language', 'content-location', 'idempotency-key'];

export interface FetchOwner {
  readonly call: CallState;
  readonly record: WriteRecord;
  key(name: string): string;
}

/** @internal Set by `ctx.http`. */
export interface OwnFetchOptions {
  readonly redirects?: number;
  /** Length of a streamed body. The transport refuses one that turns out longer or shorter. */
  readonly sizeBytes?: number;
  /** Called when the request has its turn: what it waited before is none of the time it may take. */
  readonly onTurn?: () => void;
}

/** @internal */
export type OwnFetch = (input: string | URL | Request, init?: FetchOptions, own?: OwnFetchOptions) => Promise<Response>;

export function createStepFetch(owner: FetchOwner): OwnFetch {
  const { call, record } = owner;
  const ordinals = new Map<string, number>();

  /** Equal requests of an item are told apart by their order. Queries and bodies stay out: they may hold clocks and nonces. */
  function derivedKey(method: string, url: URL): string {
    const name = `${method} ${url.origin}${url.pathname}`;
    const ordinal = ordinals.get(name) ?? 0;
    ordinals.set(name, ordinal + 1);
    return owner.key(createHash('sha256').update(`${name} ${ordinal}`).digest('base64url').slice(0, 16));
  }

  return async (input, init = {}, { redirects, sizeBytes, onTurn } = {}) => {
    call.use();
    const { idempotencyKey, credential, ...options } = init;
    const slot = slotOf(credential);
    const request = input instanceof Request ? input : undefined;
    const method = requestMethod(options.method ?? request?.method ?? 'GET');
    const url = requestUrl(input instanceof Request ? input.url : input);
    const headers = withoutConnectionHeaders(new Headers(options.headers ?? request?.headers));
    if (sizeBytes !== undefined) headers.set('content-length', String(sizeBytes));
    const isWrite = !READS.has(method);
    if (!headers.has('idempotency-key') && (isWrite || idempotencyKey !== undefined)) {
      headers.set('Idempotency-Key', idempotencyKey ?? derivedKey(method, url));
    }
    const own = options.signal ?? request?.signal;
    const signal = own === undefined || own === null ? call.signal : AbortSignal.any([call.signal, own]);
    const redirect = options.redirect ?? request?.redirect ?? 'follow';
    const limit = redirect === 'follow' ? (redirects ?? REDIRECTS_MAX) : 0;
    const sent: Sent = { ...options, method, headers, signal, redirect: 'manual' };
    return call.limited(async () => {
      const leave = await call.sink.turn?.(signal);
      onTurn?.();
      try {
        const response = await following({ input, url, init: sent, limit, slot });
        if (redirect !== 'error' || !isRedirect(response.status)) return response;
        throw new TypeError('fetch failed', { cause: new Error(`unexpected redirect, with status ${response.status}`) });
      } finally {
        leave?.();
      }
    });
  };

  /** One request; writes are recorded. */
  async function once(input: string | URL | Request, init: Sent, slot: RequestSlot | undefined): Promise<Response> {
    const isWrite = !READS.has(init.method);
    // Uncertain until the answer, so that a step abandoned in between counts right.
    if (isWrite) record.uncertain++;
    record.left++;
    try {
      const response = await (slot === undefined ? call.sink.fetch(input, init) : signed(slot, input, init));
      if (isWrite) record.uncertain--;
      if (isWrite && response.status < 400) record.acknowledged++;
      return response;
    } catch (error) {
      // A body that is still being made may fail halfway, when a part of it has left.
      const failure = isWhole(input, init) ? requestFailure(error) : undefined;
      const isProven = failure !== undefined || provesNotApplied(error);
      if (isProven) record.left--;
      if (isProven && isWrite) record.uncertain--;
      throw failure ?? error;
    }
  }

  function slotOf(credential: string | false | undefined): RequestSlot | undefined {
    if (credential === undefined || credential === false || call.spec.slots?.includes(credential) !== true) return undefined;
    return { name: credential, isRedirected: false };
  }

  function signed(slot: RequestSlot, input: string | URL | Request, init: Sent): Promise<Response> {
    const { signedFetch } = call.sink;
    if (signedFetch === undefined) throw notAvailable('Credentials');
    return signedFetch(slot, input, init);
  }

  async function following({ input: first, url: start, init, limit, slot }: Journey): Promise<Response> {
    let response = await once(first, init, slot);
    let from = start;
    let next = init;
    for (let hop = 0; isRedirect(response.status); hop++) {
      const location = response.headers.get('location');
      // Who follows none asks to see the redirect itself.
      if (location === null || limit === 0) return response;
      await response.body?.cancel();
      if (hop >= limit)
        throw new StepFailure('TOO_MANY_REDIRECTS', `${start.origin}${start.pathname} redirects more than ${limit} times.`, {
          kind: 'rejected',
        });
      const to = redirectUrl(location, from);
      next = redirected(next, response.status, from, to, first instanceof Request && first.body !== null);
      response = await once(to, next, slot && { ...slot, isRedirected: true });
      from = to;
    }
    return response;
  }
}

/** A request as it goes to the transport. */
type Sent = RequestInit & { readonly method: string; readonly headers: Headers };

/** A request and where it may lead. */
interface Journey {
  readonly input: string | URL | Request;
  readonly url: URL;
  readonly init: Sent;
  /** Redirects to follow. */
  readonly limit: number;
  readonly slot: RequestSlot | undefined;
}

/** Whether the body is there as a whole, or there is none. */
function isWhole(input: string | URL | Request, { body }: Sent): boolean {
  if (body === undefined || body === null) return !(input instanceof Request) || input.body === null;
  return typeof body === 'string' || body instanceof ArrayBuffer || ArrayBuffer.isView(body) || body instanceof URLSearchParams;
}

function isRedirect(status: number): boolean {
  return status === 301 || status === 302 || status === 303 || status === 307 || status === 308;
}

/** The next hop's request, as the fetch standard has it. */
function redirected(init: Sent, status: number, from: URL, to: URL, hadBody: boolean): Sent {
  const headers = new Headers(init.headers);
  if (to.origin !== from.origin) withoutPrivateHeaders(headers);
  const isPost = init.method === 'POST';
  const becomesGet = (status === 303 && init.method !== 'HEAD') || ((status === 301 || status === 302) && isPost);
  if (!becomesGet) {
    if (hadBody || init.body instanceof ReadableStream) {
      throw new StepFailure('REDIRECT_INVALID', `${from.origin}${from.pathname} redirects a request whose body was streamed and is gone.`);
    }
    return { ...init, headers };
  }
  for (const name of BODY_HEADERS) headers.delete(name);
  const { body: _, ...rest } = init;
  return { ...rest, method: 'GET', headers };
}

/** For what an author may write already and the server does not offer yet. */
export function notAvailable(what: string): StepFailure {
  return new StepFailure('NOT_AVAILABLE', `${what} are not available in this version of the server.`, { kind: 'input' });
}
