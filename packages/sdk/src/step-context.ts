/**
 * `ctx`: everything a step may reach besides its items. Behaviour lives in the host's runtime; a bundle carries only these types.
 * After the call has ended every use throws CALL_ENDED.
 */
import type { StepApprovals, StepForms } from './asking.ts';
import type { StepWorkflows } from './calling.ts';
import type { FileRef, Item } from './item.ts';
import type { Json, JsonObject } from './json.ts';
import type { StepSpend } from './money.ts';
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
  /**
   * Credential slot to use: the name of a parameter made with `p.credential(...)`. The server signs the request, for hosts the credential
   * names only; an empty slot, and `false`, use none.
   */
  readonly credential?: string | false;
}

/** WHATWG fetch behind the server's egress guard, aborted with the step. Hand it to libraries as their `fetch`. */
export type StepFetch = (input: string | URL | Request, init?: FetchOptions) => Promise<Response>;

/** How the body of an answer is read. `auto`: JSON when the answer says so, else text. `file`: as a file of the run, whatever its size. */
export type HttpBody = 'auto' | 'json' | 'text' | 'bytes' | 'file';

export interface HttpRequest {
  readonly url: string | URL;
  /** @default 'GET' */
  readonly method?: string;
  /** Added to the address; undefined and null values are left out, arrays repeat the name. */
  readonly query?: { readonly [name: string]: string | number | boolean | null | undefined | readonly (string | number | boolean)[] };
  readonly headers?: { readonly [name: string]: string };
  /** Sent as JSON. At most one of `json`, `form`, `body` and `stream`. */
  readonly json?: Json;
  /** Sent as `application/x-www-form-urlencoded`. */
  readonly form?: { readonly [name: string]: string | number | boolean };
  readonly body?: string | Uint8Array<ArrayBuffer>;
  /** A body that is sent while it is read, such as a file's. It is sent once: no redirect can repeat it. */
  readonly stream?: {
    readonly content: ReadableStream<Uint8Array>;
    /** Its length where it is known; many services take no body without one. */
    readonly sizeBytes?: number;
  };
  /** @default 'auto' */
  readonly as?: HttpBody;
  /** The name of the file an answer is kept as. @default what the answer or the address says */
  readonly fileName?: string;
  /** Longest wait for the whole answer, in milliseconds. @default 60000 */
  readonly timeoutMs?: number;
  /** Redirects to follow. @default 5 */
  readonly redirects?: number;
  /** Most bytes of an answer. @default 16777216; of an answer kept as a file what a file may have */
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
  /** With `as: 'file'`; absent where the answer has no body. */
  readonly file?: FileRef;
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
  /** `raw` sends a text body as it is, instead of as JSON; `file` sends a stored file instead of the body. */
  send(reply: {
    readonly status: number;
    readonly headers?: { readonly [name: string]: string };
    readonly body: Json;
    readonly raw?: boolean;
    readonly file?: FileRef;
  }): Promise<void>;
}

/** Name and type of a new file. The name is cleaned of folders and of characters no name has. */
export interface FileMeta {
  readonly name: string;
  /** @default 'application/octet-stream' */
  readonly mime?: string;
}

/** Files of the workspace. What a run makes belongs to it and goes when the run is forgotten. */
export interface StepFiles {
  /** Reads a file. It fails while it is read: FILE_NOT_FOUND when it is gone or out of the workflow's reach. */
  open(file: Pick<FileRef, 'id'>): ReadableStream<Uint8Array>;
  /** A file of the workspace by its id, such as an uploaded one. FILE_NOT_FOUND as above. */
  find(id: string): Promise<FileRef>;
  /** Failures are FILE_TOO_LARGE and FILE_QUOTA, and leave nothing. */
  create(content: ReadableStream<Uint8Array> | Uint8Array, meta: FileMeta): Promise<FileRef>;
}

/** Small values kept between runs, by workflow, environment and node. Keys have up to 200 characters, values up to 64 KiB of JSON text. */
export interface StepState {
  get(key: string): Promise<Json | undefined>;
  /** Null takes the value away. STATE_FULL when the node keeps as many keys as it may. */
  set(key: string, value: Json): Promise<void>;
  /**
   * Takes keys for this run. Gives those it has: those no run had before, and those an earlier attempt of this run took. Of runs at once
   * each key goes to one.
   */
  claim(keys: readonly string[], options?: { readonly keepMs?: number }): Promise<readonly string[]>;
}

export interface ConnectOptions {
  readonly host: string;
  readonly port: number;
  /** Speak TLS from the first byte. @default false */
  readonly tls?: boolean;
  /** The name the certificate must have. @default host */
  readonly serverName?: string;
  /** Certificates of authorities to trust instead of the usual ones, as PEM. */
  readonly ca?: string;
  /** `false` takes any certificate: the other side is then not proven to be who it says. @default true */
  readonly checkCertificate?: boolean;
  /** Longest wait for the connection, in milliseconds. @default 10000 */
  readonly timeoutMs?: number;
}

/** A connection that the server opened for the step and closes with it. */
export interface StepSocket {
  readonly readable: ReadableStream<Uint8Array>;
  readonly writable: WritableStream<Uint8Array>;
  close(): void;
}

/**
 * Connects to a service that speaks another protocol than HTTP, behind the server's egress guard. Failures are `rejected` as long as there is no
 * connection: EGRESS_DENIED, HOST_NOT_FOUND, CONNECTION_REFUSED, HOST_UNREACHABLE, CONNECT_TIMEOUT, TLS_FAILED. From then on a write
 * that fails may have happened, unless its code is one that the type lists as `rejected`.
 */
export type StepConnect = (options: ConnectOptions) => Promise<StepSocket>;

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

/** What a trigger that asks has. */
export interface PollCtx extends CallCtx {
  readonly files: StepFiles;
  readonly connect: StepConnect;
  /** The fields of a credential whose kind is `exposed`; undefined for an empty slot. */
  credential(slot: string): Promise<JsonObject | undefined>;
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
  /** Of a loop: rounds it has begun. Of a step inside one: the number of its round, from 0. */
  readonly round: number;
  readonly code: StepCode;
  readonly reply: StepReply;
  readonly files: StepFiles;
  readonly state: StepState;
  readonly connect: StepConnect;
  /** Makes a call that costs money, within the budget of the run. */
  readonly spend: StepSpend;
  /** For types that say `waits: 'approval'`. */
  readonly approvals: StepApprovals;
  /** For types that say `waits: 'form'`. */
  readonly forms: StepForms;
  /** For types that say `waits: 'child'`. */
  readonly workflows: StepWorkflows;
  /**
   * The fields of the credential in a slot, secret ones too; undefined for an empty slot. Only for kinds of credentials that are `exposed`; requests
   * over HTTP name their slot instead and never see a secret. Keep what it gives out of outputs, errors and the log.
   */
  credential(slot: string): Promise<JsonObject | undefined>;
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
