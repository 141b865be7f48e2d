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

/** How often the requests and connections of steps may be made, all runs and servers together. At least one of concurrency and requests. */
export interface StepLimit {
  /** Steps of the workflows of one project whose limits have one name are counted together. @default the node by itself */
  readonly name?: string;
  /** A text, or an expression on the first item: what is counted apart. */
  readonly key?: string;
  /** Requests under way at once, until the head of their answer has come. */
  readonly concurrency?: number;
  /** Requests in `periodMs`: as many at once after a quiet time, then evenly. */
  readonly requests?: number;
  /** @default 1000 */
  readonly periodMs?: number;
}

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
  readonly limit?: StepLimit;
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

/** `failures`: the data of runs that failed or took too long, and of no others. */
export type KeepData = 'all' | 'failures' | 'none';

export interface KeepRuns {
  /** Days after their end. */
  readonly days?: number;
  /** The newest so many. */
  readonly count?: number;
}

/** What one run may spend, with its retries and the runs they call; in dollars. */
export interface BudgetSettings {
  /** Somebody is told once when so much is spent. @default 1, or `stop` where that is less */
  readonly warn?: number;
  /** A call that would go over it is not made. @default 5 */
  readonly stop?: number;
}

export interface WorkflowSettings {
  /** IANA zone of `$now` and schedules. @default 'UTC' */
  readonly timezone?: string;
  /** Active time a run may take, in milliseconds. @default 1800000 */
  readonly timeoutMs?: number;
  /** Steps running at once in one run. @default 20 */
  readonly maxParallelSteps?: number;
  /** Which runs that did not end well go through the undo branches of their steps; `all`: those that were cancelled too. @default 'all' */
  readonly undoOn?: 'failures' | 'all';
  /** Active time a run may take to undo, in milliseconds. @default 300000 */
  readonly undoTimeoutMs?: number;
  /** What a finished run keeps of its data; its workspace may keep less. @default 'all' */
  readonly keepData?: KeepData;
  /** How long finished runs are kept; the workspace may keep them for a shorter time. @default as long as the workspace keeps them */
  readonly keepRuns?: KeepRuns;
  /** Each published run is followed by another one, until one gives nothing or a limit is reached. @default it runs once */
  readonly repeat?: RepeatPolicy;
  /** Name or id of the workflow that hears of runs that did not end well; it begins with "When a run fails". @default that of the workspace */
  readonly errorWorkflow?: string;
  /** `all`: of runs that were cancelled too. @default 'failures' */
  readonly errorOn?: 'failures' | 'all';
  /** Which of its published runs begin when. @default each at once, as far as its workspace has a free place */
  readonly flow?: FlowControl;
  /** What a run may spend. @default that of the workspace: a warning at $1, no more than $5 */
  readonly budget?: BudgetSettings;
  /** Found with each run: texts, or expressions on the first item of its trigger. */
  readonly tags?: { readonly [key: string]: string };
}

/** A chain of runs, each begun when the one before has ended. */
export interface RepeatPolicy {
  /** Between the end of a run and the start of the next, in milliseconds. @default 0 */
  readonly delayMs?: number;
  /** What the next run begins with: what the last steps gave, or what the run itself began with. @default 'output' */
  readonly input?: 'output' | 'same';
  /** Runs of a chain in all. @default no limit */
  readonly times?: number;
  /** No further run begins so long after the first did, in milliseconds. @default no limit */
  readonly forMs?: number;
  /** After a run that failed or ran out of time: no further one, or another one with the same input. @default 'stop' */
  readonly onFailure?: 'stop' | 'go-on';
}

/**
 * Limits that count runs with the same `key` together: a text, or an expression on the first item of the trigger. Runs that may not begin yet are
 * stored and wait; of debounce, batch and singleton there is one at most.
 */
export interface FlowControl {
  /** Runs at work at once, with all their waits. */
  readonly concurrency?: { readonly limit: number; readonly key?: string };
  /** Runs that begin in a period: as many at once, then evenly. */
  readonly throttle?: { readonly limit: number; readonly periodMs: number; readonly key?: string };
  /** The last start counts: each waits until none has come for `delayMs`, and takes the place of the one before; at most `longestMs` after the first. @default longestMs ten times the delay */
  readonly debounce?: { readonly delayMs: number; readonly longestMs?: number; readonly key?: string };
  /** Starts are gathered into one run with the items of all, until there are `size` or `waitMs` have passed since the first. */
  readonly batch?: { readonly size: number; readonly waitMs: number; readonly key?: string };
  /** One run at a time: a start meanwhile is answered with that run, or takes its place. @default whenBusy 'skip' */
  readonly singleton?: { readonly whenBusy?: 'skip' | 'replace'; readonly key?: string };
  /** A number, or an expression that gives one: of runs that wait, those with a higher one go first. @default 0 */
  readonly priority?: string;
}

/** An answer that stands in for a request of a draft or test run. Of several that fit, each serves once, and the last for all that follow. */
export interface MockedReply {
  /** @default any */
  readonly method?: string;
  /** The whole address; `*` stands for anything. */
  readonly url: string;
  /** @default 200 */
  readonly status?: number;
  readonly headers?: { readonly [name: string]: string };
  /** A text as it is, anything else as JSON. */
  readonly body?: Json;
}

/** What a step has to give in a test. */
export interface TestExpectation {
  /** Id of the node. */
  readonly node: string;
  /** @default 'main' */
  readonly port?: string;
  readonly items: readonly Json[];
  /** Fields that may differ, such as `id` or `order.*.at`; `*` is any one name or place in a list. */
  readonly ignore?: readonly string[];
}

/** A run of the workflow with known input and known results; nothing of it leaves the server. */
export interface WorkflowTest {
  readonly id: string;
  readonly name: string;
  /** Id of the trigger it begins with. @default the one a run by hand begins with */
  readonly trigger?: string;
  /** Items the trigger gives. */
  readonly input: readonly Json[];
  /** Items that stand in for nodes, by node and output port. */
  readonly pins?: { readonly [node: string]: { readonly [port: string]: readonly Json[] } };
  /** Answers to requests of nodes that are not pinned. */
  readonly mocks?: readonly MockedReply[];
  readonly expect: readonly TestExpectation[];
  /** How the run ends. @default 'succeeded' */
  readonly ends?: 'succeeded' | 'failed';
}

export interface WorkflowDefinition {
  readonly schema: 1;
  readonly name: string;
  readonly description?: string;
  readonly nodes: readonly WorkflowNode[];
  readonly edges: readonly WorkflowEdge[];
  readonly groups?: readonly WorkflowGroup[];
  readonly notes?: readonly WorkflowNote[];
  /** What it takes when it is called, and what its last steps give: fields of an item, by name. */
  readonly inputs?: JsonObject;
  readonly outputs?: JsonObject;
  /** Kept with the workflow, and no part of what runs. */
  readonly tests?: readonly WorkflowTest[];
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
