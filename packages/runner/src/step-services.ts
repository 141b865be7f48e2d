/** What a step call needs from its surroundings; the runner hands it over. */
import type { LogLine, PlanNode, PluginHost, RequestSlot, RpcOp, RunEvent, StepFacts, StepInput, StepState } from '@plugboard/engine';
import type { Json, JsonObject } from '@plugboard/sdk';
import type { ActiveRun } from './active-run.ts';
import type { SignedRequest } from './runner-options.ts';
import type { StepPorts } from './step-ports.ts';
import type { Turns } from './turns.ts';

export interface CodeRequest {
  readonly op: Extract<RpcOp, { op: 'code.run' }>;
  readonly run: ActiveRun;
  readonly step: StepState;
  readonly input: StepInput;
  /** Input items the code runs over; undefined means all. */
  readonly units: readonly number[] | undefined;
  readonly startedAt: number;
  readonly log: (lines: readonly LogLine[]) => void;
}

/** Of an event that carries items, as measured while they were made. */
export interface ItemsSize {
  /** JSON text of the attempt's items so far, about; 0 for a few items, which are not measured. */
  readonly text: number;
  /** Of what this event brings: what takes new memory. */
  readonly added: number;
  /** Longest text such an event may have. */
  readonly limit: number;
}

export interface StepServices {
  readonly host: PluginHost;
  readonly fetch: typeof globalThis.fetch;
  /** A request signed with the credential of a slot of the node. */
  openCredential(run: ActiveRun, node: PlanNode, slot: string): Promise<JsonObject>;
  signedFetch(run: ActiveRun, node: PlanNode, slot: RequestSlot, request: SignedRequest): Promise<Response>;
  readonly ports: StepPorts | undefined;
  readonly maxItemsPerStep: number;
  /** JSON text a step may give, and its evaluated parameters may take, in UTF-16 units. */
  readonly maxStepBytes: number;
  /** Where long work waits for its turn. */
  readonly turns: Turns;
  now(): number;
  isoInstant(at: number): string;
  nextCall(): number;
  stepFacts(run: ActiveRun, step: StepState, startedAt: number): StepFacts;
  key(run: ActiveRun, nodeId: string, path: readonly number[], item: number): string;
  runCode(request: CodeRequest): Promise<Json>;
  /** Folds the event, journals it, and queues what follows. Never throws; an event of a run that has ended or is gone does nothing. */
  apply(run: ActiveRun, event: RunEvent): void;
  /** As `apply`, for an event that carries items; false when its text is longer than the limit, and then it has not happened. */
  applyItems(run: ActiveRun, event: RunEvent, size: ItemsSize): boolean;
  /** Resolves true once everything of the run so far is durable; false when the run is no longer ours. */
  durable(run: ActiveRun): Promise<boolean>;
  /**
   * Resolves true once everything of the run so far is durable and the run is surely still ours; false when it is not.
   * `proof` gives an event that changes nothing: its commit proves the ownership anew after the lease could not be relied on.
   */
  cleared(run: ActiveRun, proof: () => RunEvent): Promise<boolean>;
  /** An attempt that took time is over. */
  callEnded(run: ActiveRun, step: StepState): void;
  /** Something of the server failed in a step; its log has it whole. */
  report(run: ActiveRun, error: unknown): void;
}
