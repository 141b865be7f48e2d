/** What steps reach of the server besides requests and code. The server implements these ports; the runner says for whom it asks. */
import type { BudgetSettings, CallFiles, Sink } from '@plugboard/engine';
import type { CalledRuns, Json, JsonObject, WorkflowCall } from '@plugboard/sdk';

/** The step on whose behalf something is done. */
export interface StepOwner {
  readonly workspaceId: string;
  readonly workflowId: string;
  /** Of the workflow; 0 for a draft. */
  readonly version: number;
  readonly runId: string;
  /** Equal for a run and its retries. */
  readonly originRunId: string;
  /** Equal for a run, its retries and the runs they call. */
  readonly rootRunId: string;
  /** Runs above it: 0 where nobody called it. */
  readonly depth: number;
  /** 0 draft, 1 live. */
  readonly environment: number;
  readonly nodeId: string;
  /** The step in the run: its node, and behind `@` the rounds of loops it lies in. */
  readonly place: string;
  /** Of a step that waits for runs: those whose answers are there already, by their numbers, and the run that has them. They are not started. */
  readonly answered?: { readonly runId: string; readonly parts: ReadonlySet<number> };
  /** How often the step has started those of its runs again that had failed; absent for never. */
  readonly round?: number;
  /** The principal who started the run. */
  readonly initiator?: string;
}

/** Values a node keeps between runs. */
export interface StateOfSteps {
  /** Null where there is none. */
  get(owner: StepOwner, key: string): Promise<Json>;
  set(owner: StepOwner, key: string, value: Json): Promise<void>;
  claim(owner: StepOwner, keys: readonly string[], keepMs: number | undefined): Promise<readonly string[]>;
}

/** Asks people on behalf of a step. Asked again for the same place of the same run it gives what it gave before. */
export interface AskingOfSteps {
  openApproval(owner: StepOwner, request: JsonObject): Promise<Json>;
  openForm(owner: StepOwner, request: JsonObject): Promise<Json>;
}

/** Starts runs of other workflows on behalf of a step. Asked again for the same place of the same run it gives those it gave before. */
export interface CallsOfSteps {
  start(owner: StepOwner, call: WorkflowCall, signal: AbortSignal | undefined): Promise<CalledRuns>;
}

/** A limit of requests, all servers together. */
export interface RequestLimit {
  readonly workspaceId: string;
  /** Requests with the same scope are counted together. */
  readonly scope: string;
  /** The workflow in whose project the scope is; absent where it is one of the workspace. */
  readonly inProjectOf?: string;
  readonly concurrency: number | undefined;
  readonly rate: { readonly requests: number; readonly periodMs: number } | undefined;
}

/** Requests that wait until they may be made. */
export interface LimitsOfSteps {
  /** What it gives is called once the request is answered. Rejects when the signal aborts first: nothing was sent then. */
  take(limit: RequestLimit, signal: AbortSignal): Promise<() => void>;
}

/** A call of a step that costs money. */
export interface PaidCall {
  /** Its idempotency key: what has the same key is the same call. */
  readonly key: string;
  /** The most it may cost, in pico-dollars. */
  readonly upToPd: bigint;
  /** After that nothing more will be heard of it, in milliseconds. */
  readonly expiresInMs: number;
  /** Of the workflow of the run, for a run that nobody called; a called one spends what those above it may. */
  readonly budget: BudgetSettings | 'of the caller';
}

/** Money of a run, its retries and the runs they call together. */
export interface SpendingOfSteps {
  /** Once for each key, however often it is asked for. Rejects with BUDGET_EXCEEDED where the tree may not spend so much more. */
  reserve(owner: StepOwner, call: PaidCall, signal: AbortSignal): Promise<void>;
  /** Undefined where nobody knows what the call cost. Never rejects: what cannot be told settles at what was reserved. */
  settle(owner: StepOwner, key: string, costPd: bigint | undefined): Promise<void>;
  /** The call was not made. Never rejects, as `settle`. */
  release(owner: StepOwner, key: string): Promise<void>;
}

export interface StepPorts {
  filesOf(owner: StepOwner): CallFiles;
  connectOf(owner: StepOwner): NonNullable<Sink['connect']>;
  readonly state: StateOfSteps;
  /** Absent where there is nobody to ask. */
  readonly asking?: AskingOfSteps;
  /** Absent where requests are not limited. */
  readonly limits?: LimitsOfSteps;
  /** Absent where nothing may be spent. */
  readonly spending?: SpendingOfSteps;
  /** Absent where no workflow can be called. */
  readonly calls?: CallsOfSteps;
}
