/**
 * The seam between the engine's world and plugin code. Every transport and every plugin format implements it; the runner sees nothing else.
 * Only JSON crosses. Sketch and rules: docs/adr on "one runtime, three transports".
 */
import type { ConnectOptions, FileMeta, FileRef, Json, JsonObject, StepError, StepSocket, WaitKind, WorkflowCall } from '@plugboard/sdk';
import type { ItemOutcome, LogLine } from '../run/events.ts';

/** Facts about the run a plugin may see. */
export interface RunFacts {
  readonly id: string;
  readonly workflowId: string;
  readonly workflowName: string;
  readonly workspaceId: string;
  readonly version: number;
  /** 'live' or 'draft'. */
  readonly environment: string;
}

export interface CallInput {
  /** Index in the step's whole input. */
  readonly i: number;
  readonly json: JsonObject;
  readonly files?: { readonly [name: string]: FileRef };
  /** Parameters that differ by item, already evaluated and coerced; merged over `constants`. */
  readonly params?: JsonObject;
  /** Idempotency key, for writes. */
  readonly key?: string;
}

export interface CallSpec {
  /** Unique per process. */
  readonly call: number;
  readonly type: string;
  readonly version: number;
  readonly node: { readonly id: string; readonly name: string };
  readonly run: RunFacts;
  /** ISO instant of the step's start. */
  readonly now: string;
  readonly attempt: number;
  /** Of a loop: rounds it has begun. Of a step inside one: the number of its round, from 0. @default 0 */
  readonly round?: number;
  /** Longest time the call may take, in milliseconds; 0 = no limit. */
  readonly deadlineMs: number;
  /** JSON text of the new items a per-batch type may make, about, in UTF-16 units. @default no limit */
  readonly maxLength?: number;
  /** Items in flight at once for a per-item type. */
  readonly concurrency: number;
  /** `item`: a per-batch type reports an outcome for each item through the sink; absent, it returns its outputs as a whole. */
  readonly outcomes?: 'item';
  /** Idempotency key of a per-batch write that is atomic. */
  readonly key?: string;
  /** Credential slots that are filled; absent for none. */
  readonly slots?: readonly string[];
  /** Parameters equal for all items, evaluated and coerced. */
  readonly constants: JsonObject;
  /** Items per input port, in edge order. */
  readonly inputs: { readonly [port: string]: readonly CallInput[] };
}

/** What a call asks of its host while it runs; each operation is answered by the server process. */
export type RpcOp =
  | {
      readonly op: 'code.run';
      readonly code: string;
      readonly language: string;
      readonly mode: 'each-item' | 'all-items';
      readonly timeoutMs?: number;
    }
  | {
      readonly op: 'reply.send';
      readonly status: number;
      readonly headers: { readonly [name: string]: string };
      readonly body: Json;
      readonly raw?: boolean;
      /** A stored file that is the body instead. */
      readonly fileId?: string;
    }
  | { readonly op: 'credential.open'; readonly slot: string }
  | { readonly op: 'state.get'; readonly key: string }
  | { readonly op: 'state.set'; readonly key: string; readonly value: Json }
  | { readonly op: 'state.claim'; readonly keys: readonly string[]; readonly keepMs?: number }
  /** A call that costs money: `call` names it among those of the item; amounts are whole pico-dollars as text. */
  | { readonly op: 'money.reserve'; readonly call: string; readonly upTo: string }
  /** Without a cost nobody knows it. */
  | { readonly op: 'money.settle'; readonly call: string; readonly cost?: string }
  | { readonly op: 'money.release'; readonly call: string }
  /** Starts runs of another workflow. */
  | { readonly op: 'workflow.start'; readonly start: WorkflowCall }
  /** Asks people; what is asked is checked by the server. */
  | { readonly op: 'approval.open' | 'form.open'; readonly request: JsonObject };

/** Files as steps reach them. Contents are streams; they keep their own form on every transport. */
export interface CallFiles {
  open(file: Pick<FileRef, 'id'>): Promise<ReadableStream<Uint8Array>>;
  find(id: string): Promise<FileRef>;
  /** Rejects, and leaves nothing, when the content fails. */
  create(content: ReadableStream<Uint8Array> | Uint8Array, meta: FileMeta): Promise<FileRef>;
}

/** The credential slot a request names. */
export interface RequestSlot {
  readonly name: string;
  /** Not the first hop: towards a host the credential may not go to it is left off instead of refused. */
  readonly isRedirected: boolean;
}

export interface Sink {
  /** Items of a per-item call, in any order; may come several times, synchronously too. */
  outcomes(outcomes: readonly ItemOutcome[]): void;
  log(lines: readonly LogLine[]): void;
  rpc(op: RpcOp, item?: number): Promise<Json>;
  /** Egress-guarded WHATWG fetch of this call. */
  readonly fetch: typeof globalThis.fetch;
  /** The same, signed with the credential of a slot by the server; absent where there are none. */
  readonly signedFetch?: (slot: RequestSlot, input: string | URL | Request, init?: RequestInit) => Promise<Response>;
  /** Absent where there is no file store. */
  readonly files?: CallFiles;
  /** Egress-guarded connections, closed when the signal aborts. Absent where there are none. */
  readonly connect?: (options: ConnectOptions, signal: AbortSignal) => Promise<StepSocket>;
  /** Awaited before a request or a connection is made; what it gives is called once it is answered. Absent where nothing limits them. */
  readonly turn?: (signal: AbortSignal) => Promise<() => void>;
}

/** One output item of a per-batch call. */
export interface BatchOutput {
  readonly port?: string;
  readonly json: JsonObject;
  readonly files?: { readonly [name: string]: FileRef };
  /** Indexes into the step's whole input it came from. */
  readonly from?: readonly number[];
}

/**
 * How a call ended. Per-item calls end `ok` once every outcome was handed to the sink; per-batch calls carry their outputs.
 * `missing` says what items without an outcome are: `unknown` for writes that may have left, `not_sent` otherwise.
 */
export type CallEnd =
  | {
      readonly ok: true;
      readonly outputs?: readonly BatchOutput[];
      /** The step waits; `outputs` go on if the instant `until`, in milliseconds since 1970, comes first. */
      readonly wait?: {
        readonly kind: WaitKind;
        readonly until?: number;
        readonly runs?: { readonly count: number; readonly each: boolean };
      };
    }
  | { readonly ok: false; readonly error: StepError; readonly missing: 'unknown' | 'not_sent' };

export interface PluginHost {
  /** Runs one call. A call whose work is synchronous returns its end directly, so that pure steps cost no turn of the event loop. */
  call(spec: CallSpec, sink: Sink, signal: AbortSignal): CallEnd | Promise<CallEnd>;
  /** Finishes calls in flight and refuses new ones. */
  drain(): Promise<void>;
}
