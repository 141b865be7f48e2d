/**
 * `ctx`: everything a step may reach besides its items. Behaviour lives in the host's runtime; a bundle carries only these types.
 * After the call has ended every use throws CALL_ENDED.
 */
import type { FileRef, Item } from './item.ts';
import type { Json, JsonObject } from './json.ts';
import type { StepError } from './step-error.ts';

/** Facts about the run. */
export interface StepRun {
  readonly id: string;
  readonly workflowId: string;
  readonly workflowName: string;
  readonly workspaceId: string;
  readonly version: number;
  /** `live` or `draft`. */
  readonly environment: string;
}

/** Lines in the step's log. Fire and forget; at most 500 lines of 2,000 characters per call. */
export interface StepLog {
  debug(message: string, data?: Json): void;
  info(message: string, data?: Json): void;
  warn(message: string, data?: Json): void;
  error(message: string, data?: Json): void;
}

export interface FetchOptions extends RequestInit {
  /**
   * The `Idempotency-Key` header of a request that changes something. A step that makes a single write passes `ctx.idempotencyKey`; one
   * that makes two equal writes at once names them with `ctx.key(name)`.
   * @default derived from method, address and how many equal requests came before
   */
  readonly idempotencyKey?: string;
  /** Credential slot to use; `false` uses none. */
  readonly credential?: string | false;
}

/** WHATWG fetch behind the server's egress guard, aborted with the step. Hand it to libraries as their `fetch`. */
export type StepFetch = (input: string | URL | Request, init?: FetchOptions) => Promise<Response>;

/** How the body of an answer is read. `auto`: JSON when the answer says so, else text. */
export type HttpBody = 'auto' | 'json' | 'text' | 'bytes';

export interface HttpRequest {
  readonly url: string | URL;
  /** @default 'GET' */
  readonly method?: string;
  /** Added to the address; undefined and null values are left out, arrays repeat the name. */
  readonly query?: { readonly [name: string]: string | number | boolean | null | undefined | readonly (string | number | boolean)[] };
  readonly headers?: { readonly [name: string]: string };
  /** Sent as JSON. At most one of `json`, `form` and `body`. */
  readonly json?: Json;
  /** Sent as `application/x-www-form-urlencoded`. */
  readonly form?: { readonly [name: string]: string | number | boolean };
  readonly body?: string | Uint8Array<ArrayBuffer>;
  /** @default 'auto' */
  readonly as?: HttpBody;
  /** Longest wait for the whole answer, in milliseconds. @default 60000 */
  readonly timeoutMs?: number;
  /** Redirects to follow. @default 5 */
  readonly redirects?: number;
  /** Most bytes of an answer. @default 16777216 */
  readonly maxBytes?: number;
  /** Most values of an answer read as JSON, the inner ones included; it may nest 64 levels deep and have 100,000 members in an object. @default 1000000 */
  readonly maxValues?: number;
  /** `false` hands back answers with a status of 400 and above instead of throwing. @default true */
  readonly throwOnStatus?: boolean;
  readonly idempotencyKey?: string;
  readonly credential?: string | false;
}

export interface HttpResponse {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: { readonly [name: string]: string };
  /** Where the answer came from, after redirects. */
  readonly url: string;
  /** JSON or text, as asked; bytes with `as: 'bytes'` are in `bytes`. */
  readonly data: Json;
  readonly bytes?: Uint8Array;
}

export type HttpOptions = Omit<HttpRequest, 'url' | 'method'>;

/**
 * Requests with JSON, query and time limit. Failures are StepFailures that say what a retry may do. What cannot be sent is `input` before
 * anything leaves: URL_INVALID, PORT_BLOCKED, METHOD_INVALID, HEADER_INVALID, HEADER_NOT_ALLOWED, REQUEST_INVALID; so are REDIRECT_INVALID,
 * RESPONSE_TOO_LARGE, RESPONSE_NOT_JSON and ANSWER_TOO_COMPLEX. HOST_NOT_FOUND and
 * CONNECTION_REFUSED are `rejected`, HTTP_429 is `rate_limited` with `retryAfterMs`, HTTP_TIMEOUT is `timeout`, HTTP_401 and
 * HTTP_403 are `auth`, other HTTP_4xx are `rejected`, HTTP_5xx and CONNECTION_LOST are `unavailable`.
 */
export interface StepHttp {
  request(request: HttpRequest): Promise<HttpResponse>;
  get(url: string | URL, options?: HttpOptions): Promise<HttpResponse>;
  post(url: string | URL, options?: HttpOptions): Promise<HttpResponse>;
  put(url: string | URL, options?: HttpOptions): Promise<HttpResponse>;
  patch(url: string | URL, options?: HttpOptions): Promise<HttpResponse>;
  delete(url: string | URL, options?: HttpOptions): Promise<HttpResponse>;
}

export interface CodeRequest<M extends 'each-item' | 'all-items'> {
  readonly code: string;
  readonly language: 'javascript' | 'typescript';
  readonly mode: M;
  /** Processor time the code may use, in milliseconds. @default the server's limit */
  readonly timeoutMs?: number;
}

export interface CodeItem {
  readonly json: JsonObject;
  readonly files?: { readonly [name: string]: FileRef };
  /** Positions in the step's input. */
  readonly from?: readonly number[];
}

export interface AllItemsResult {
  readonly items: readonly CodeItem[];
}

export interface EachItemResult {
  /** One entry per input item, in order. */
  readonly perItem: readonly ({ readonly ok: readonly CodeItem[] } | { readonly error: StepError })[];
}

/** Runs a user's code in the sandbox over this call's input and scope. */
export interface StepCode {
  run(request: CodeRequest<'all-items'>): Promise<AllItemsResult>;
  run(request: CodeRequest<'each-item'>): Promise<EachItemResult>;
}

/** Answers the webhook request that started the run. */
export interface StepReply {
  /** `raw` sends a text body as it is, instead of as JSON. */
  send(reply: {
    readonly status: number;
    readonly headers?: { readonly [name: string]: string };
    readonly body: Json;
    readonly raw?: boolean;
  }): Promise<void>;
}

export interface StepFiles {
  open(file: FileRef): ReadableStream<Uint8Array>;
  create(content: ReadableStream<Uint8Array> | Uint8Array, meta: { readonly name: string; readonly mime?: string }): Promise<FileRef>;
}

/** Small values kept between runs, by workflow and node. */
export interface StepState {
  get(key: string): Promise<Json | undefined>;
  set(key: string, value: Json): Promise<void>;
}

/** What helper calls (`remote`, `test`) and triggers get. */
export interface CallCtx {
  /** Aborts when the step is cancelled or out of time. */
  readonly signal: AbortSignal;
  /** ISO instant of the step's start; equal in every attempt. */
  readonly now: string;
  readonly log: StepLog;
  readonly fetch: StepFetch;
  readonly http: StepHttp;
}

export interface StepCtx extends CallCtx {
  /** Equal for every attempt of this item in this run, different for every other item. */
  readonly idempotencyKey: string;
  /** A key for one of several writes of an item. */
  key(name: string): string;
  readonly run: StepRun;
  readonly node: { readonly id: string; readonly name: string };
  /** From 1. */
  readonly attempt: number;
  readonly code: StepCode;
  readonly reply: StepReply;
  readonly files: StepFiles;
  readonly state: StepState;
}

export interface ItemArgs<P> {
  readonly params: P;
  readonly item: Item;
  readonly ctx: StepCtx;
}

export interface BatchArgs<P> {
  readonly params: P;
  /** All items, port by port. */
  readonly items: readonly Item[];
  /** Items per input port. */
  readonly inputs: { readonly [port: string]: readonly Item[] };
  readonly ctx: StepCtx;
}
