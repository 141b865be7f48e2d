/**
 * The workflow as people store and exchange it: the shape Vue Flow draws, so it round-trips without translation.
 * A parameter string with a leading `=` is an expression, a leading `==` is literal text from the second `=` on.
 */
import type { Json, JsonObject } from '@plugboard/sdk';

export interface RetryPolicy {
  /** Tries in all, the first included. @default 1 */
  readonly maxAttempts?: number;
  /** @default 1000 */
  readonly firstDelayMs?: number;
  /** @default 2 */
  readonly factor?: number;
  /** @default 60000 */
  readonly maxDelayMs?: number;
  /** `full` waits a random part of the delay. @default 'full' */
  readonly jitter?: 'full' | 'none';
  /** Error codes or kinds that are retried; absent means every error whose kind can be helped by waiting. */
  readonly retryOn?: readonly string[];
}

/** `fail` ends the run, `continue` passes the item on with an `error` field, `route` sends it to the port `error`. */
export type OnError = 'fail' | 'continue' | 'route';

export interface NodeData {
  /** Unique in the workflow; what expressions refer to. */
  readonly name: string;
  readonly typeVersion: number;
  readonly params: { readonly [name: string]: Json };
  /** Credential slot to credential key. */
  readonly credentials?: { readonly [slot: string]: string };
  readonly retry?: RetryPolicy;
  /** Longest time one attempt may take, in milliseconds. @default no limit but the run's */
  readonly timeoutMs?: number;
  /** @default 'fail' */
  readonly onError?: OnError;
  /** Items in flight at once for a per-item type. @default 10 */
  readonly concurrency?: number;
  readonly durability?: 'default' | 'sync';
  readonly disabled?: boolean;
  readonly notes?: string;
}

export interface WorkflowNode {
  readonly id: string;
  readonly type: string;
  readonly position: { readonly x: number; readonly y: number };
  readonly data: NodeData;
}

export interface WorkflowEdge {
  readonly id: string;
  readonly source: string;
  readonly sourceHandle: string;
  readonly target: string;
  readonly targetHandle: string;
  /** Edges into one port concatenate by `order`, then id. */
  readonly order?: number;
}

export interface WorkflowGroup {
  readonly id: string;
  readonly title?: string;
  readonly nodes: readonly string[];
  readonly collapsed?: boolean;
}

export interface WorkflowNote {
  readonly id: string;
  readonly text: string;
  readonly position: { readonly x: number; readonly y: number };
  readonly size?: { readonly width: number; readonly height: number };
  readonly tint?: string;
}

export interface WorkflowSettings {
  /** IANA zone of `$now` and schedules. @default 'UTC' */
  readonly timezone?: string;
  /** Active time a run may take, in milliseconds. @default 1800000 */
  readonly timeoutMs?: number;
  /** Steps running at once in one run. @default 20 */
  readonly maxParallelSteps?: number;
  /** What a finished run keeps of its data. @default 'all' */
  readonly keepData?: 'all' | 'failures' | 'none';
}

export interface WorkflowDefinition {
  readonly schema: 1;
  readonly name: string;
  readonly description?: string;
  readonly nodes: readonly WorkflowNode[];
  readonly edges: readonly WorkflowEdge[];
  readonly groups?: readonly WorkflowGroup[];
  readonly notes?: readonly WorkflowNote[];
  readonly inputs?: JsonObject;
  readonly settings: WorkflowSettings;
}

/** Limits a definition is checked against; settings may change them. */
export interface DefinitionLimits {
  /** @default 100 */
  readonly maxNodes: number;
  /** @default 400 */
  readonly maxEdges: number;
  /** Characters of the definition as JSON text. @default 1048576 */
  readonly maxTextLength: number;
}

/** One thing wrong with a definition. Red problems block publishing, amber ones do not. */
export interface Problem {
  readonly code: string;
  readonly severity: 'error' | 'warning';
  /** Id of the node or edge it is about. */
  readonly nodeId?: string;
  readonly edgeId?: string;
  /** Where inside the definition, such as `nodes[2].data.params.url`. */
  readonly path: string;
  readonly message: string;
  /** What to do about it. */
  readonly hint?: string;
  /** The values the message was made from, so that a reader can translate it by code. */
  readonly params?: { readonly [name: string]: string | number };
  /** Where in the text of an expression or of code it is, counted from 0 in the value as stored. */
  readonly offset?: number;
}
