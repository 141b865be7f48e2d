/** What a runner is made of. */
import type {
  BlobStore,
  Dispatcher,
  FlowTurn,
  Journal,
  KeepData,
  Ownership,
  Plan,
  PluginHost,
  RequestSlot,
  RunHead,
  RunRecord,
  RunStatusName,
} from '@plugboard/engine';
import type { Sandbox } from '@plugboard/sandbox';
import type { Item, JsonObject, StepError, TypeIR } from '@plugboard/sdk';
import type { Clock } from './clock.ts';
import type { KeyMaker } from './idempotency-key.ts';
import type { PlanSource } from './loaded-plan.ts';
import type { StepPorts } from './step-ports.ts';

export interface RunnerLimits {
  /** Items one step may give. @default 200000 */
  readonly maxItemsPerStep: number;
  /** JSON text one step may give, and its evaluated parameters may take, in UTF-16 units. @default 67108864 (64 Mi) */
  readonly maxStepBytes: number;
  /** JSON text of items one run may hold, in UTF-16 units. @default 268435456 (256 Mi) */
  readonly maxRunBytes: number;
  /** JSON text of items all runs may hold before new runs are refused, in UTF-16 units. @default 1073741824 (1 Gi) */
  readonly maxHeldBytes: number;
  /** Runs at work in memory at once; more are refused. Those that wait for a place are not counted. @default 20000 */
  readonly maxActiveRuns: number;
  /** Dispatched runs of one workflow that may wait for a place; more of it are refused, other workflows are not concerned. @default 100000 */
  readonly maxQueuedRuns: number;
  /** Of these, runs of one workspace that wait in memory; the others wait in the database alone. @default 1000 */
  readonly waitingInMemory: number;
}

/**
 * Why no new runs are taken. `stopping`: the server shuts down · `journal`: the database does not take the journal, or its queue is full ·
 * `lease`: this process may not own its runs any more · `payloads`: large payloads cannot be stored · `memory`: the runs hold too much ·
 * `runs`: too many runs are at work.
 */
export type Refusal = 'stopping' | 'journal' | 'lease' | 'payloads' | 'memory' | 'runs';

export interface RunnerLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** Knows which workflows may be why an earlier process died. */
export interface Caution {
  /** True while runs of this workflow are stored before their first step. */
  storesFirst(workflowId: string): boolean;
  /** A run of this workflow begins. */
  note(workflowId: string): void;
}

/** Who wants to use which credential. A published run acts as its workflow, a draft run as the person who started it. */
export interface CredentialCall {
  readonly workspaceId: string;
  readonly workflowId: string;
  /** 0 draft, 1 live. */
  readonly environment: number;
  readonly runId: string;
  /** The principal that started the run; absent when nobody did. */
  readonly initiator?: string;
  readonly node: { readonly id: string; readonly name: string };
  /** Of the credential, as the definition names it. */
  readonly key: string;
  /** Types the slot takes; the credential may be of another one by now. */
  readonly type: TypeIR;
  readonly slot: RequestSlot;
}

export interface SignedRequest {
  readonly input: string | URL | Request;
  readonly init: RequestInit | undefined;
}

export interface StepCredentials {
  /** Sends the request with the credential attached. @throws StepFailure saying why it cannot be used; nothing was sent then */
  fetch(call: CredentialCall, request: SignedRequest): Promise<Response>;
  /** The fields of a credential whose type is exposed. @throws StepFailure saying why it cannot be used */
  open(call: CredentialCall): Promise<JsonObject>;
}

/** A run that did not end well. */
export interface ReportedRun {
  readonly head: RunHead;
  readonly status: RunStatusName;
  /** Absent where its version cannot be read. */
  readonly plan?: Plan;
}

/** Starts that may have to wait for their turn. */
export interface StartTurns {
  /**
   * Announces the run about to be started under this id: its turn is taken by the transaction that stores it. `onJoined` hears of the run that takes
   * the start in instead, `onRefused` why it may not wait; then there is no new one. A later call of it
   * counts instead of an earlier one.
   */
  expect(start: TurnOfStart, onJoined: (runId: string) => void, onRefused: (why: StartRefusal | undefined) => void): void;
  /** A start is stored. */
  stored(): void;
}

/** Why a start may not wait for its turn. */
export interface StartRefusal {
  readonly code: 'CALL_WAITS_FOR_ITSELF' | 'QUEUE_FULL';
  readonly message: string;
}

export interface TurnOfStart {
  readonly runId: string;
  readonly workspaceId: string;
  readonly workflowId: string;
  readonly environment: number;
  readonly turn: FlowTurn;
  readonly items: readonly Item[];
  /** A run calls it, so that it is owed. */
  readonly isCalled?: true;
  /** The run that waits for it. */
  readonly callerId?: string;
}

export interface RunnerOptions {
  readonly journal: Journal;
  readonly ownership: Ownership;
  readonly blobs: BlobStore;
  readonly host: PluginHost;
  readonly dispatcher: Dispatcher;
  readonly sandbox: Sandbox;
  readonly plans: PlanSource;
  readonly key: KeyMaker;
  readonly newRunId: () => string;
  readonly fetch: typeof globalThis.fetch;
  /** Signs requests of steps with credentials; without it, such requests fail with NOT_AVAILABLE. */
  readonly credentials?: StepCredentials;
  /** Files, connections and kept values of steps; where absent, steps that ask for them fail with NOT_AVAILABLE. */
  readonly ports?: StepPorts;
  readonly log: RunnerLog;
  readonly limits?: Partial<RunnerLimits>;
  /** @default the clocks and timers of this process */
  readonly clock?: Clock;
  /** The address that ends the wait of a step for a signal. @default steps have none */
  readonly resumeUrl?: (runId: string, place: string) => string;
  /** Addresses at which people answer what a step asks. */
  readonly askUrl?: (kind: 'approval' | 'form', runId: string, place: string) => string;
  /** @default every run begins as soon as its workspace has a free place */
  readonly turns?: StartTurns;
  /** @default no workflow is suspected */
  readonly caution?: Caution;
  /**
   * Counts what a run of the workspace stores, in bytes; an error where that is more than the workspace may store. Must be quick.
   * @default no limit
   */
  readonly storage?: (workspaceId: string, bytes: number) => StepError | undefined;
  /** What a workspace keeps of the data of runs that have ended; a workflow may keep less. @default 'all' */
  readonly keepsData?: (workspaceId: string) => KeepData;
  /** True when another workflow is to hear that this run did not end well. @default never */
  readonly reports?: (run: ReportedRun) => boolean;
  /** Called after each commit of a run with what was committed, for live views. Must not throw, nor keep the record. */
  readonly onCommitted?: (record: RunRecord) => void;
}

export interface RunnerStats {
  started: number;
  succeeded: number;
  failed: number;
  cancelled: number;
  timedOut: number;
  recovered: number;
  steps: number;
}
