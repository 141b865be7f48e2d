/** What steps reach of the server besides requests and code. The server implements these ports; the runner says for whom it asks. */
import type { CallFiles, Sink } from '@plugboard/engine';
import type { Json } from '@plugboard/sdk';

/** The step on whose behalf something is done. */
export interface StepOwner {
  readonly workspaceId: string;
  readonly workflowId: string;
  readonly runId: string;
  /** Equal for a run and its retries. */
  readonly rootRunId: string;
  /** 0 draft, 1 live. */
  readonly environment: number;
  readonly nodeId: string;
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

export interface StepPorts {
  filesOf(owner: StepOwner): CallFiles;
  connectOf(owner: StepOwner): NonNullable<Sink['connect']>;
  readonly state: StateOfSteps;
}
