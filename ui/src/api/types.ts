/**
 * What the pages know about the server: plain values, no transport. The GraphQL documents are mapped onto these shapes in one
 * place (`server-api.ts`), so a page never sees a query result.
 * Times are ISO 8601 strings, durations milliseconds, money pico-dollars as decimal text (a number could not hold them).
 */
import type { WorkflowDefinition, WorkflowTest } from '@plugboard/engine';
import type { CredentialTypeIR, Item, Json, JsonObject, ParamIR, TypeIR } from '@plugboard/sdk';

export type Role = 'viewer' | 'runner' | 'editor' | 'admin' | 'owner';
export type RunStatus = 'pending' | 'running' | 'paused' | 'waiting' | 'succeeded' | 'failed' | 'cancelled' | 'timed_out';
export type WaitingFor = 'timer' | 'signal' | 'approval' | 'child' | 'unknown_effect' | 'blocked' | 'quarantine' | 'turn';
export type TriggerKind = 'manual' | 'webhook' | 'schedule' | 'poll' | 'stream' | 'parent' | 'rerun' | 'error';

/** A problem a person can act on, as the server states it. `code` is stable; the text is English and may be shown as it is. */
export interface ServerProblem {
  readonly code: string;
  readonly message: string;
  readonly hint?: string;
  /** Where in the input it is, such as `input.email` or `nodes[2].data.params.url`. */
  readonly path?: string;
  readonly nodeId?: string;
  readonly params?: { readonly [name: string]: string | number };
  readonly requestId?: string;
}

/** An expected refusal is a value; a lost connection or a masked server error is thrown (`api-error.ts`). */
export type Outcome<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly problems: readonly ServerProblem[] };

/** Keyset page. `after` of the next page is `endCursor`; there is no total. */
export interface Page<T> {
  readonly rows: readonly T[];
  readonly endCursor?: string;
  readonly hasMore: boolean;
}

export interface PageRequest {
  /** At most 100. @default 50 */
  readonly first?: number;
  readonly after?: string;
}

export interface PersonRef {
  readonly id: string;
  readonly name: string;
}

// ── session ──────────────────────────────────────────────────────────────────────────────────────────────────────────

export interface WorkspaceRef {
  readonly id: string;
  readonly slug: string;
  readonly name: string;
  readonly role: Role;
}

/** What the page asks first. `setup` until the owner exists. */
export type Session =
  | { readonly kind: 'setup' }
  | {
      readonly kind: 'signedOut';
      readonly providers: readonly { readonly id: string; readonly title: string }[];
      /** Whoever forgot the password gets a link by e-mail. */
      readonly resetsByMail: boolean;
    }
  | {
      readonly kind: 'signedIn';
      readonly person: PersonRef & { readonly email: string; readonly zone: string; readonly hasTotp: boolean };
      readonly workspaces: readonly WorkspaceRef[];
      /** May change instance settings, plugins and plans. */
      readonly isOperator: boolean;
    };

export interface SetUpInput {
  /** The one-time token the server printed when it started. */
  readonly token: string;
  readonly name: string;
  readonly email: string;
  readonly password: string;
}

/** `totp` is asked for by the problem TOTP_REQUIRED; a wrong pair is SIGN_IN_FAILED; TOO_MANY_ATTEMPTS carries `params.retryAfterSeconds`. */
export interface SignInInput {
  readonly email: string;
  readonly password: string;
  readonly totp?: string;
}

export interface InvitationOffer {
  readonly workspaceName: string;
  readonly email: string;
  readonly role: Role;
}

export interface SessionRow {
  readonly id: string;
  readonly isCurrent: boolean;
  readonly createdAt: string;
  readonly lastSeenAt: string;
  readonly device: string;
  readonly ip: string;
}

// ── workflows ────────────────────────────────────────────────────────────────────────────────────────────────────────

export type WorkflowView = 'all' | 'live' | 'drafts' | 'attention';
export type WorkflowSort = 'recentlyRun' | 'recentlyEdited' | 'name';

export interface WorkflowsRequest extends PageRequest {
  readonly view?: WorkflowView;
  /** Finds by name, node name and tag. */
  readonly search?: string;
  readonly projectId?: string;
  readonly folderId?: string;
  /** It wears all of these. */
  readonly tagIds?: readonly string[];
  readonly starred?: boolean;
  readonly sort?: WorkflowSort;
}

export interface TagRef {
  readonly id: string;
  readonly name: string;
  /** Name of a colour, such as `blue`. */
  readonly color?: string;
}

export interface TagRow extends TagRef {
  readonly workflows: number;
}

export interface FolderRow {
  readonly id: string;
  readonly name: string;
  readonly parentId?: string;
  readonly projectId: string;
  readonly workflows: number;
}

export interface TrashedThing {
  readonly id: string;
  readonly kind: 'workflow' | 'project';
  readonly name: string;
  readonly deletedAt: string;
}

export type RunBulkAct = 'again' | 'cancel' | 'delete' | 'pause' | 'resume' | 'retry';

/** Named one by one, or all that a filter finds. */
export type ChosenRuns = { readonly ids: readonly string[] } | { readonly filter: RunsFilter };

/** What a list of runs shows, so that all of them can be meant without naming each. */
export interface RunsFilter {
  readonly workflowId?: string;
  readonly statuses?: readonly RunStatus[];
  readonly since?: string;
  readonly search?: string;
}

export type BulkAct = 'delete' | 'moveToFolder' | 'pause' | 'publish' | 'restore' | 'resume' | 'tag';

/** Something done to many things, one after another. */
export interface Job {
  readonly id: string;
  readonly state: 'queued' | 'running' | 'succeeded' | 'failed' | 'cancelled';
  readonly total?: number;
  readonly done: number;
  readonly unchanged: number;
  readonly failed: number;
  readonly isCancelRequested: boolean;
  /** Why it could not go on. */
  readonly message?: string;
  /** What an export wrote. */
  readonly file?: { readonly name: string; readonly sizeBytes: number };
}

export interface JobItem {
  readonly itemId: string;
  readonly outcome: 'done' | 'failed' | 'unchanged';
  readonly code?: string;
  readonly message?: string;
}

export interface FieldChange {
  readonly path: readonly string[];
  readonly before?: Json;
  readonly after?: Json;
}

export interface PartsDiff {
  readonly added: readonly string[];
  readonly removed: readonly string[];
  readonly changed: readonly { readonly id: string; readonly isMoved: boolean; readonly changes: readonly FieldChange[] }[];
}

export interface WorkflowDiff {
  readonly isEqual: boolean;
  readonly nodes: PartsDiff;
  readonly edges: PartsDiff;
  readonly workflow: readonly FieldChange[];
  readonly before: WorkflowDefinition;
  readonly after: WorkflowDefinition;
}

/** What starts runs by time. */
export interface ScheduleRow {
  readonly id: string;
  readonly workflowId: string;
  readonly workflowName: string;
  readonly nodeId: string;
  readonly nodeName: string;
  /** When, in one line. */
  readonly text: string;
  readonly timezone: string;
  readonly state: TimedState;
  readonly isWorkflowPaused: boolean;
  readonly nextRuns: readonly { readonly at: string; readonly localTime: string; readonly offset: string }[];
  readonly lastDueAt?: string;
  readonly lastRunId?: string;
  readonly skipped: number;
  readonly problem?: string;
}

/** `held`: since a restore, until somebody lets it go on. */
export type TimedState = 'active' | 'paused' | 'held';

export interface SchedulePreviewRequest {
  readonly cron: readonly string[];
  readonly intervals: readonly Json[];
  readonly timezone?: string;
  readonly startAt?: string;
  readonly endAt?: string;
  readonly count?: number;
}

export interface SchedulePreview {
  readonly runs: ScheduleRow['nextRuns'];
  readonly problems: readonly { readonly code: string; readonly message: string; readonly hint: string }[];
}

/** What asks a service again and again. */
export interface PollRow {
  readonly id: string;
  readonly workflowId: string;
  readonly workflowName: string;
  readonly nodeId: string;
  readonly nodeName: string;
  readonly state: TimedState;
  readonly isWorkflowPaused: boolean;
  readonly everySeconds: number;
  readonly nextAt: string;
  readonly failures: number;
  readonly problem?: string;
  readonly answeredAt?: string;
  readonly foundAt?: string;
  readonly lastRunId?: string;
}

export interface TimedPageRequest {
  readonly first?: number;
  readonly after?: string;
  readonly search?: string;
}

export interface VariableRow {
  readonly key: string;
  readonly value: Json;
  readonly rev: number;
  readonly updatedAt: string;
}

export interface VariablePlace {
  readonly projectId?: string;
  readonly environment: 'draft' | 'live';
}

export interface LinkedIdentity {
  readonly issuer: string;
  readonly subject: string;
  readonly linkedAt: string;
}

/** An OpenID provider people may sign in with. Its secret is never sent. */
export interface IdentityProvider {
  readonly id: string;
  readonly key: string;
  readonly title: string;
  readonly issuer: string;
  readonly clientId: string;
  readonly hasSecret: boolean;
  readonly scopes: readonly string[];
  readonly allowedDomains: readonly string[];
  readonly linksByEmail: boolean;
  readonly joinRole?: Exclude<Role, 'owner'>;
  readonly joinsWorkspaceId?: string;
  readonly isEnabled: boolean;
  readonly rev: number;
}

export type IdentityProviderInput = Omit<IdentityProvider, 'id' | 'hasSecret' | 'rev'> & {
  readonly id?: string;
  /** Absent keeps the stored one. */
  readonly clientSecret?: string;
  /** Absent for a new one. */
  readonly expectedRev?: number;
};

/** Boxes and lines for the drawing in a row: positions on the canvas, no parameters. At most 24 nodes. */
export interface WorkflowPreview {
  readonly nodes: readonly { readonly id: string; readonly type: string; readonly x: number; readonly y: number }[];
  readonly edges: readonly { readonly source: string; readonly target: string }[];
}

export interface RecentRun {
  readonly id: string;
  readonly status: RunStatus;
  readonly durationMs?: number;
}

/** How a workflow starts, as one line: kind and what tells it from others (a path, a schedule in words). */
export interface WorkflowStart {
  readonly kind: TriggerKind;
  readonly text: string;
}

export interface WorkflowRow {
  readonly id: string;
  readonly name: string;
  readonly project: { readonly id: string; readonly name: string };
  readonly folderId?: string;
  readonly tags: readonly TagRef[];
  readonly isStarred: boolean;
  readonly starts: readonly WorkflowStart[];
  /** Published version that is live; absent for a draft. */
  readonly liveVersion?: number;
  /** `paused`: live but taking no runs. `failing`: most of the last runs failed. */
  readonly state: 'draft' | 'live' | 'paused' | 'failing';
  /** Changes of the draft against the live version. */
  readonly draftChanges: number;
  readonly preview: WorkflowPreview;
  /** Oldest first, at most 20. */
  readonly recentRuns: readonly RecentRun[];
  /** 0 to 1 over the last 7 days; absent without runs. */
  readonly successRate?: number;
  /** Median duration over the last 7 days. */
  readonly typicalMs?: number;
  readonly costPd7d?: string;
  readonly lastRunAt?: string;
  readonly nextRunAt?: string;
  readonly editors: readonly PersonRef[];
  readonly may: WorkflowRights;
}

export interface WorkflowRights {
  readonly run: boolean;
  readonly edit: boolean;
  readonly publish: boolean;
  readonly delete: boolean;
}

export interface WorkflowCounts {
  readonly all: number;
  readonly live: number;
  readonly drafts: number;
  readonly attention: number;
  readonly projects: number;
}

/** The strip above the workflow list. */
export interface NowSummary {
  readonly running: readonly {
    readonly runId: string;
    readonly workflowName: string;
    readonly stepsDone: number;
    readonly stepsTotal: number;
  }[];
  readonly runningCount: number;
  readonly waiting: { readonly count: number; readonly oldestAt?: string };
  readonly failedToday: { readonly count: number; readonly mostOf?: { readonly workflowName: string; readonly count: number } };
  /** Runs that ended since midnight of the workspace. */
  readonly endedToday: number;
}

export interface WorkflowDetail {
  readonly id: string;
  readonly name: string;
  readonly description?: string;
  readonly project: { readonly id: string; readonly name: string };
  /** For `expectedRev`. */
  readonly rev: number;
  readonly liveVersion?: number;
  readonly draftChanges: number;
  readonly savedAt: string;
  readonly draft: WorkflowDefinition;
  /** The live definition; absent while nothing is published. */
  readonly live?: WorkflowDefinition;
  readonly starts: readonly (WorkflowStart & { readonly nodeId: string })[];
  readonly problems: readonly WorkflowProblem[];
  readonly may: WorkflowRights;
}

export interface WorkflowProblem {
  readonly code: string;
  readonly severity: 'error' | 'warning';
  readonly nodeId?: string;
  readonly path: string;
  readonly message: string;
  readonly hint?: string;
}

export interface VersionRow {
  readonly number: number;
  readonly publishedAt: string;
  readonly publishedBy: PersonRef;
  readonly note?: string;
  readonly isLive: boolean;
}

// ── runs ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

export interface StartRunInput {
  readonly workflowId: string;
  /** @default 'live' where a version is live, else 'draft' */
  readonly source?: 'live' | 'draft';
  /** Trigger node to start at; absent: the only one, or the manual one. */
  readonly triggerNodeId?: string;
  /** One item for the trigger, or a list of them. */
  readonly input: Json;
  /** A retry of the request with the same key starts no second run. */
  readonly idempotencyKey: string;
}

export interface RunsRequest extends PageRequest {
  readonly workflowId?: string;
  readonly statuses?: readonly RunStatus[];
  readonly triggers?: readonly TriggerKind[];
  /** ISO time. @default 7 days ago */
  readonly since?: string;
  readonly until?: string;
  /** End of a run id, or `key:value` of a tag. */
  readonly search?: string;
}

export interface RunRow {
  readonly id: string;
  readonly workflow: { readonly id: string; readonly name: string };
  /** Absent for a run of a draft. */
  readonly version?: number;
  readonly status: RunStatus;
  readonly waitingFor?: WaitingFor;
  readonly trigger: TriggerKind;
  readonly initiator?: PersonRef;
  readonly startedAt: string;
  readonly endedAt?: string;
  readonly durationMs?: number;
  readonly error?: RunErrorView;
  readonly costPd?: string;
}

export interface RunErrorView {
  readonly code: string;
  readonly message: string;
  readonly nodeId?: string;
  readonly nodeName?: string;
  readonly item?: number;
}

export interface RunDetail extends RunRow {
  readonly definition: WorkflowDefinition;
  /** Sequence number of the newest event the detail and its facts hold. */
  readonly seq: number;
  readonly activeMs: number;
  readonly itemsIn: number;
  /** How it was started, and how its workflow leads from step to step. */
  readonly modes: readonly ('scheduled' | 'triggered' | 'continuous' | 'sequential' | 'parallel' | 'conditional')[];
  readonly owner?: { readonly name: string; readonly takenOverFrom?: string };
  /** What it, its retries and the runs they call have spent together; absent while that is nothing. */
  readonly budget?: RunBudget;
  readonly limits: { readonly costPd?: string; readonly activeMs: number };
  readonly may: RunRights;
  /** The run it was made from, or what of a draft it tries. */
  readonly origin?: RunOrigin;
}

/** Pico-dollars as decimal text. */
export interface RunBudget {
  readonly rootRunId: string;
  readonly spentPd: string;
  /** Of calls under way. */
  readonly reservedPd: string;
  readonly limitPd: string;
}

/** What this person may do with a run; the server knows which ways on are open. */
export interface RunRights {
  readonly control: boolean;
  readonly readData: boolean;
  /** A new run with the same input. */
  readonly again: boolean;
  /** What did not succeed, or past a step that failed. */
  readonly retry: boolean;
  /** From a step on. */
  readonly rerun: boolean;
}

export interface RunOrigin {
  readonly runId?: string;
  readonly how: string;
  readonly nodeId?: string;
}

/** A test of a workflow with how it went last. */
export interface WorkflowTestRow {
  readonly id: string;
  readonly name: string;
  readonly expects: number;
  readonly last?: {
    readonly outcome: TestOutcome['outcome'];
    readonly differences: number;
    readonly runId?: string;
    readonly durationMs: number;
    readonly at: string;
    /** The draft has not changed since. */
    readonly isOfThisDraft: boolean;
  };
}

export interface TestDifference {
  readonly node: string;
  readonly path: string;
  readonly expected?: unknown;
  readonly actual?: unknown;
}

export interface WorkflowTestDetail {
  readonly test: WorkflowTest;
  readonly differences: readonly TestDifference[];
}

export interface TestOutcome {
  readonly testId: string;
  readonly name: string;
  /** `broken`: it could not be carried out to its end. */
  readonly outcome: 'passed' | 'failed' | 'broken';
  readonly message?: string;
  readonly differences: readonly TestDifference[];
  readonly runId?: string;
  readonly durationMs: number;
}

/** A run made from another one. */
export interface RunMadeFrom {
  readonly id: string;
  readonly how: string;
  readonly nodeId?: string;
  readonly status: RunStatus;
  readonly startedAt: string;
}

/** Data fixed to a node of a draft. */
export interface PinRow {
  readonly nodeId: string;
  readonly by: PersonRef;
  readonly at: string;
}

/** What of a draft is tried: up to a node, or one node alone with the items it gets. */
export interface DraftPart {
  readonly workflowId: string;
  readonly to?: string;
  readonly only?: string;
  /** What the trigger gives. */
  readonly input?: Json;
  readonly items?: readonly Json[];
  readonly idempotencyKey: string;
}

/** Runs of a workflow that repeats, each begun when the one before had ended. */
export interface RunChain {
  readonly rows: readonly {
    readonly id: string;
    /** From 1. */
    readonly n: number;
    readonly status: RunStatus;
    readonly startedAt: string;
    readonly endedAt?: string;
  }[];
  readonly hasMore: boolean;
}

/** A field of the items that a workflow takes or gives. */
export interface DeclaredField {
  readonly name: string;
  readonly type: string;
  readonly title?: string;
  readonly help?: string;
  readonly required: boolean;
  /** Of an input: taken where it is left out. */
  readonly default?: Json;
}

/** What a step finds that calls a workflow. */
export interface CallableWorkflow {
  readonly id: string;
  readonly name: string;
  /** Whether a call is taken now, and if not, why. */
  readonly state: 'ready' | 'unpublished' | 'paused' | 'no_trigger';
  readonly version?: number;
  readonly inputs: readonly DeclaredField[];
  readonly outputs: readonly DeclaredField[];
}

/** A run that a step of another one called. */
export interface CalledRun {
  readonly id: string;
  readonly workflow: { readonly id: string; readonly name: string };
  readonly status: RunStatus;
  readonly nodeId: string;
  readonly part: number;
  readonly isAwaited: boolean;
}

export interface CalledRuns {
  readonly calledBy?: { readonly runId: string; readonly nodeId: string; readonly depth: number };
  readonly rows: readonly CalledRun[];
  /** Of workflows one may not see. */
  readonly hidden: number;
  readonly nextCursor?: string;
}

/** A new run that goes on from one that has ended. */
export interface GoOn {
  readonly id: string;
  readonly source: RunSourceChoice;
  readonly nodeId: string;
  /** In the place of what the step had; absent: as it was. */
  readonly items?: readonly unknown[];
}

/** The state of the workflow a new run is started with: that of the run, what is live, or the draft. */
export type RunSourceChoice = 'same' | 'live' | 'draft';

export type StepStatus =
  | 'idle'
  | 'running'
  | 'succeeded'
  | 'failed'
  | 'retrying'
  | 'waiting'
  | 'joinWaiting'
  | 'skipped'
  | 'unknownEffect'
  | 'cancelled';

/** How a step stands, in the engine's words. */
export type StepPhase =
  | 'blocked'
  | 'ready'
  | 'active'
  | 'retry'
  | 'backoff'
  | 'asking'
  | 'waiting'
  | 'looping'
  | 'stopping'
  | 'succeeded'
  | 'failed'
  | 'skipped'
  | 'cancelled';

export interface FactError {
  readonly code: string;
  readonly message: string;
  /** Index of the item, from 0. */
  readonly item?: number;
}

/** Another step that an event has decided about. */
export interface StepChange {
  readonly node: string;
  readonly phase: Extract<StepPhase, 'succeeded' | 'skipped' | 'cancelled' | 'failed' | 'asking' | 'looping'>;
  /** Rounds of loops it lies in. */
  readonly path?: readonly number[];
  /** Why it was skipped; `not_reached`: the run stopped before. */
  readonly because?: 'empty' | 'not_taken' | 'not_reached';
  /** Where the result comes from of a step that did not run here: a run by its id, `skip` or `pin`. */
  readonly carried?: string;
}

interface FactBase {
  readonly seq: number;
  readonly at: string;
  /** Present when the event changed how the run stands. */
  readonly status?: RunStatus;
  /** With `status: 'waiting'`. */
  readonly waitingFor?: WaitingFor;
  /** The step that the run begins to undo with this event. */
  readonly undoes?: string;
  readonly also?: readonly StepChange[];
  /** Something was left out to keep the fact short. */
  readonly isCut?: true;
}

interface OfStep {
  readonly node: string;
  readonly path?: readonly number[];
  /** How the step stands after the event. */
  readonly phase: StepPhase;
}

/**
 * A journal event without its data, at most 1 KB: what the socket sends and what the history answers, numbered without holes.
 * Everything the run view draws (states, strip, rows, time travel) is folded from these.
 */
export type RunFact = FactBase &
  (
    | { readonly type: 'run.started'; readonly trigger: string; readonly items: number }
    | (OfStep & { readonly type: 'step.started'; readonly attempt: number; readonly items: number })
    | (OfStep & {
        readonly type: 'step.finished';
        readonly startedAt: string;
        /** Items by output port. */
        readonly out: { readonly [port: string]: number };
        /** Set where the step went on in spite of it. */
        readonly error?: FactError;
        readonly carried?: string;
      })
    | (OfStep & { readonly type: 'step.failed'; readonly attempt: number; readonly error: FactError; readonly unknown?: true })
    | (OfStep & { readonly type: 'step.progress'; readonly done: number; readonly failed: number; readonly total: number })
    | (OfStep & { readonly type: 'retry.scheduled'; readonly attempt: number; readonly dueAt: string })
    | (OfStep & { readonly type: 'step.waiting'; readonly waitsFor: WaitingFor; readonly dueAt?: string })
    | (OfStep & { readonly type: 'wait.ended' })
    | { readonly type: 'run.recovered'; readonly fence: number }
    | { readonly type: 'cancel.requested'; readonly by: string }
    | { readonly type: 'run.ended'; readonly status: RunStatus; readonly error?: RunErrorView; readonly activeMs: number }
    | { readonly type: 'other'; readonly event: string; readonly node?: string; readonly phase?: StepPhase }
  );

export interface StepDataRequest extends PageRequest {
  readonly runId: string;
  readonly nodeId: string;
  readonly path?: readonly number[];
  readonly side: 'input' | 'output';
  /** Output port. @default 'main' */
  readonly port?: string;
}

export interface StepLogRequest {
  readonly runId: string;
  readonly nodeId: string;
  readonly path?: readonly number[];
}

export interface StepData extends Page<Item> {
  readonly total: number;
  /** Fields hidden by redaction in these rows. */
  readonly hiddenFields: number;
}

export interface StepLogLine {
  readonly at: string;
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly message: string;
  readonly item?: number;
}

export type LiveState = 'connecting' | 'live' | 'polling' | 'offline';

export interface RunWatcher {
  /** In order and without holes; a reconnect repeats nothing. */
  readonly onFacts: (facts: readonly RunFact[]) => void;
  readonly onState: (state: LiveState) => void;
  /** The right to see the run was taken away, or the run is gone. */
  readonly onRefused: (problem: ServerProblem) => void;
}

/** News about runs of a workspace, merged to at most two a second. */
export interface RunsNews {
  /** Newest heads, at most 20. */
  readonly heads: readonly { readonly id: string; readonly workflowId: string; readonly status: RunStatus; readonly startedAt: string }[];
  /** Runs since the last news. */
  readonly started: number;
  readonly ended: number;
}

// ── people, keys, credentials ────────────────────────────────────────────────────────────────────────────────────────

export interface MemberRow {
  readonly principalId: string;
  readonly kind: 'person' | 'service';
  readonly name: string;
  readonly email?: string;
  readonly role: Role;
  readonly teams: readonly string[];
  readonly joinedAt: string;
  readonly lastSeenAt?: string;
  readonly isYou: boolean;
}

/** One's own account. */
export interface Profile {
  readonly id: string;
  readonly name: string;
  readonly email: string;
  /** IANA name of the time zone, such as `Europe/Berlin`. */
  readonly zone: string;
  readonly hasPassword: boolean;
  readonly rev: number;
}

export interface ProjectView {
  readonly id: string;
  readonly name: string;
  readonly slug: string;
  /** Who sees it: everybody in the workspace, or those who were given a role on it. */
  readonly visibility: 'workspace' | 'members';
  /** Set for somebody's private project. */
  readonly owner?: PersonRef;
  readonly yourRole?: Role;
  readonly createdAt: string;
  readonly rev: number;
}

export interface TeamRow {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly memberCount: number;
  readonly rev: number;
}

export type ApprovalState = 'open' | 'approved' | 'rejected' | 'late' | 'closed';
/** `mine`: open, you may decide and have not. */
export type ApprovalsShown = 'mine' | 'open' | 'ended' | 'all';

export interface ApprovalRow {
  readonly id: string;
  readonly title: string;
  readonly workflow: PersonRef;
  readonly runId: string;
  readonly state: ApprovalState;
  readonly approved: number;
  readonly needed: number;
  readonly isMine: boolean;
  readonly isDecidedByYou: boolean;
  readonly isEscalated: boolean;
  readonly createdAt: string;
  readonly dueAt?: string;
  readonly endedAt?: string;
}

export interface ApprovalField {
  readonly name: string;
  readonly title: string;
  readonly kind: string;
  readonly help?: string;
  readonly value?: Json;
  readonly edit: boolean;
  readonly required: boolean;
  readonly options: readonly { readonly value: string; readonly title: string }[];
}

export interface ApprovalDecision {
  /** Absent for whoever had the link. */
  readonly by?: PersonRef;
  readonly decision: 'approve' | 'reject';
  readonly comment?: string;
  readonly changed: readonly string[];
  readonly via: 'page' | 'api' | 'link';
  readonly at: string;
}

export interface ApprovalView extends ApprovalRow {
  /** Made by the server from Markdown; safe to show. */
  readonly messageHtml: string;
  readonly fields: readonly ApprovalField[];
  readonly commentOn: 'never' | 'rejection' | 'always';
  readonly deciders: { readonly persons: readonly string[]; readonly roles: readonly string[]; readonly teams: readonly string[] };
  readonly reminders: number;
  readonly decisions: readonly ApprovalDecision[];
}

export interface ApprovalsRequest extends PageRequest {
  readonly show?: ApprovalsShown;
  readonly search?: string;
}

export interface DecideApproval {
  readonly id: string;
  readonly decision: 'approve' | 'reject';
  readonly comment?: string;
  readonly changes?: { readonly [name: string]: Json };
}

export interface DecidedApproval {
  readonly outcome: 'counted' | 'already_decided' | 'closed';
  readonly state: ApprovalState;
}

export interface TeamView {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly members: readonly PersonRef[];
  readonly rev: number;
}

export interface GrantTarget {
  readonly resourceKind: 'workspace' | 'project' | 'workflow' | 'credential';
  readonly resourceId: string;
}

export interface GrantSubject {
  readonly subjectKind: 'principal' | 'team';
  readonly subjectId: string;
}

export interface GrantRow extends GrantSubject {
  readonly subjectName: string;
  readonly role: Role;
  readonly grantedAt: string;
}

export interface InvitationRow {
  readonly id: string;
  readonly email: string;
  readonly role: Role;
  readonly invitedBy: PersonRef;
  readonly expiresAt: string;
}

export interface ApiKeyRow {
  readonly id: string;
  readonly name: string;
  /** First characters, to tell keys apart. */
  readonly prefix: string;
  readonly owner: PersonRef;
  readonly scopes: readonly string[];
  readonly createdAt: string;
  readonly expiresAt?: string;
  readonly lastUsedAt?: string;
}

export interface ScopeInfo {
  readonly scope: string;
  readonly title: string;
  readonly group: string;
}

export type CredentialHealth = 'untested' | 'ok' | 'failing' | 'expired' | 'needsSignIn';

export interface CredentialRow {
  readonly id: string;
  readonly key: string;
  readonly name: string;
  readonly type: string;
  readonly typeTitle: string;
  readonly project: { readonly id: string; readonly name: string };
  readonly allowedHosts: readonly string[];
  readonly health: CredentialHealth;
  readonly healthText?: string;
  readonly testedAt?: string;
  readonly expiresAt?: string;
  readonly usedIn: number;
  readonly updatedBy: PersonRef;
  readonly updatedAt: string;
  readonly rev: number;
  readonly may: { readonly use: boolean; readonly edit: boolean };
}

export interface CredentialDetail extends CredentialRow {
  /** Values that are no secrets. Secrets are never sent; which of them are set is. */
  readonly publicData: JsonObject;
  readonly secretsSet: readonly string[];
  /** A person signs in at the service before it can be used. */
  readonly signsIn: boolean;
  readonly usedInWorkflows: readonly { readonly id: string; readonly name: string; readonly isLive: boolean }[];
}

export interface CredentialInput {
  readonly key: string;
  readonly name: string;
  readonly type: string;
  readonly projectId?: string;
  readonly allowedHosts: readonly string[];
  /** Fields of the type's form; an absent secret keeps the stored one. */
  readonly data: JsonObject;
}

export type CredentialType = CredentialTypeIR;

// ── audit, settings, health ──────────────────────────────────────────────────────────────────────────────────────────

export interface AuditRequest extends PageRequest {
  readonly principalId?: string;
  readonly action?: string;
}

export interface AuditRow {
  readonly id: string;
  readonly at: string;
  readonly actor: { readonly name: string; readonly kind: 'person' | 'service' | 'system' | 'apiKey' };
  /** Such as `workflow.publish`. */
  readonly action: string;
  readonly resource?: { readonly kind: string; readonly id: string };
  readonly ip?: string;
  /** Redacted before and after. */
  readonly changes?: JsonObject;
  /** Number in the chain, as text: it may be longer than a number holds. Absent until the entry is sealed. */
  readonly seq?: string;
  readonly isErased: boolean;
}

export type AuditCheck =
  | { readonly kind: 'intact'; readonly entries: number; readonly checkedAt: string }
  | { readonly kind: 'broken'; readonly atSeq: string; readonly checkedAt: string };

export interface SettingView {
  readonly key: string;
  readonly title: string;
  readonly help: string;
  readonly group: string;
  readonly form: ParamIR;
  readonly value: Json;
  readonly default: Json;
  /** Where the value comes from; `environment` is locked. */
  readonly from: 'default' | 'instance' | 'workspace' | 'project' | 'person' | 'environment';
  readonly updatedBy?: PersonRef;
  readonly updatedAt?: string;
  readonly rev: number;
  readonly isDangerous: boolean;
  /** Stored sealed and not shown: `value` is null, and `from` says whether there is one. */
  readonly isSecret: boolean;
  /** False: takes effect when the server starts the next time. */
  readonly isImmediate: boolean;
  readonly mayChange: boolean;
}

/** What counts for a workflow, and where it comes from. */
export interface WorkflowSettingView {
  readonly key: string;
  readonly title: string;
  readonly help: string;
  readonly value: Json;
  readonly from: SettingView['from'] | 'workflow';
}

export interface HealthView {
  readonly state: 'ok' | 'warn' | 'bad';
  readonly workers: number;
  readonly queued: number;
  readonly version: string;
  /** One line each, such as "Backups are older than 7 days". */
  readonly notes: readonly string[];
}

export interface FoundThing {
  readonly kind: 'workflow' | 'run' | 'credential' | 'member' | 'setting' | 'node';
  readonly id: string;
  readonly title: string;
  readonly subtitle?: string;
}

/** Something a person is told. Its words are made here, of kind and params. */
export interface NotificationRow {
  readonly id: string;
  readonly kind: string;
  readonly params: { readonly [name: string]: Json };
  /** How often it happened since it was told. */
  readonly count: number;
  readonly createdAt: string;
  /** When it happened last. */
  readonly updatedAt: string;
  readonly readAt?: string;
}

/** `kind` as in SERVER.md 8; the page refetches what it shows of it. */
export interface ChangeNews {
  readonly kind: 'workflow' | 'credential' | 'member' | 'invitation' | 'apiKey' | 'setting' | 'project' | 'team' | 'session' | 'approval';
  /** Empty where it is not known which one. */
  readonly id: string;
  readonly rev?: number;
}

export type Stop = () => void;

/**
 * Everything the pages ask of the server. Reads throw `ApiError` (offline, unauthenticated, forbidden, not found, failed); writes
 * give an `Outcome`, because being refused is an expected answer there. Every function may be given an `AbortSignal`.
 */
export interface PlugboardApi {
  // session
  getSession(signal?: AbortSignal): Promise<Session>;
  setUp(input: SetUpInput): Promise<Outcome<null>>;
  signIn(input: SignInInput): Promise<Outcome<null>>;
  /** Address that starts sign-in at an OIDC provider; the page goes there. */
  providerAddress(providerId: string, returnTo: string): string;
  signOut(): Promise<void>;
  listSessions(signal?: AbortSignal): Promise<readonly SessionRow[]>;
  revokeSession(id: string): Promise<Outcome<null>>;
  changePassword(input: { readonly current: string; readonly next: string }): Promise<Outcome<null>>;
  /** A secret for an authenticator app; nothing is on until `confirmTotp`. */
  offerTotp(): Promise<Outcome<{ readonly address: string; readonly secret: string }>>;
  /** The recovery codes are shown once. */
  confirmTotp(code: string): Promise<Outcome<{ readonly recoveryCodes: readonly string[] }>>;
  disableTotp(password: string): Promise<Outcome<null>>;
  /** With the token of a link an operator made. */
  resetPassword(input: { readonly token: string; readonly password: string }): Promise<Outcome<null>>;
  getProfile(signal?: AbortSignal): Promise<Profile>;
  updateProfile(input: { readonly name?: string; readonly zone?: string; readonly expectedRev: number }): Promise<Outcome<null>>;
  /** What the holder of an invitation is invited to. */
  getInvitation(token: string, signal?: AbortSignal): Promise<InvitationOffer>;
  /** As who is signed in, or as a new person with a name and a password. */
  acceptInvitation(input: { readonly token: string; readonly name?: string; readonly password?: string }): Promise<Outcome<null>>;

  // workflows
  listWorkflows(request: WorkflowsRequest, signal?: AbortSignal): Promise<Page<WorkflowRow>>;
  countWorkflows(signal?: AbortSignal): Promise<WorkflowCounts>;
  getNow(signal?: AbortSignal): Promise<NowSummary>;
  getWorkflow(id: string, signal?: AbortSignal): Promise<WorkflowDetail>;
  listVersions(workflowId: string, page: PageRequest, signal?: AbortSignal): Promise<Page<VersionRow>>;
  createWorkflow(input: { readonly name: string; readonly projectId?: string }): Promise<Outcome<{ readonly id: string }>>;
  /** Text of a workflow file, JSON or YAML, with one workflow or several: all of them or none. */
  importWorkflows(input: {
    readonly text: string;
    readonly publish: boolean;
    readonly projectId?: string;
  }): Promise<Outcome<readonly { readonly id: string; readonly name: string }[]>>;
  /** At most 200 in one bundle, which `importWorkflows` takes back. */
  exportWorkflows(ids: readonly string[], signal?: AbortSignal): Promise<Json>;
  publishWorkflow(input: {
    readonly id: string;
    readonly expectedRev: number;
    readonly note?: string;
  }): Promise<Outcome<{ readonly version: number }>>;
  /** Into the trash for 30 days; `restoreWorkflow` undoes it. */
  deleteWorkflow(id: string): Promise<Outcome<null>>;
  renameWorkflow(input: { readonly id: string; readonly name: string }): Promise<Outcome<null>>;
  duplicateWorkflow(id: string): Promise<Outcome<{ readonly id: string; readonly name: string }>>;
  /** Nothing starts runs of it until it is resumed; what runs goes on. */
  pauseWorkflow(id: string): Promise<Outcome<null>>;
  resumeWorkflow(id: string): Promise<Outcome<null>>;
  restoreWorkflow(id: string): Promise<Outcome<null>>;
  restoreProject(id: string): Promise<Outcome<null>>;
  /** For good, with its runs. */
  purgeWorkflow(id: string): Promise<Outcome<null>>;
  listTrash(signal?: AbortSignal): Promise<{ readonly keptDays: number; readonly rows: readonly TrashedThing[] }>;
  starWorkflow(id: string, isStarred: boolean): Promise<Outcome<null>>;
  listTags(signal?: AbortSignal): Promise<readonly TagRow[]>;
  createTag(name: string): Promise<Outcome<{ readonly id: string }>>;
  setWorkflowTags(id: string, tagIds: readonly string[]): Promise<Outcome<null>>;
  listFolders(signal?: AbortSignal): Promise<readonly FolderRow[]>;
  createFolder(input: {
    readonly name: string;
    readonly projectId: string;
    readonly parentId?: string;
  }): Promise<Outcome<{ readonly id: string }>>;
  /** Without a folder: to the top of its project. */
  moveToFolder(id: string, folderId: string | undefined): Promise<Outcome<null>>;
  bulkWorkflows(input: {
    readonly act: BulkAct;
    readonly ids: readonly string[];
    readonly input?: { readonly add?: readonly string[]; readonly remove?: readonly string[]; readonly folderId?: string };
  }): Promise<Outcome<{ readonly id: string }>>;
  bulkRuns(input: { readonly act: RunBulkAct } & ChosenRuns): Promise<Outcome<{ readonly id: string }>>;
  /** Into one file, with what the steps gave or without; its address is `jobFileAddress` once the job has succeeded. */
  exportRuns(input: { readonly withData: boolean } & ChosenRuns): Promise<Outcome<{ readonly id: string }>>;
  jobFileAddress(jobId: string): string;
  getJob(id: string, signal?: AbortSignal): Promise<Job>;
  listJobItems(id: string, outcome: JobItem['outcome'], signal?: AbortSignal): Promise<Page<JobItem>>;
  cancelJob(id: string): Promise<Outcome<null>>;
  /** `from` and `to`: the number of a version as text, `live` or `draft`. */
  diffWorkflow(workflowId: string, from: string, to: string, signal?: AbortSignal): Promise<WorkflowDiff>;
  restoreVersion(input: { readonly workflowId: string; readonly number: number; readonly expectedRev: number }): Promise<Outcome<null>>;
  /** Node types of the workspace; cached by the server's generation. */
  getCatalog(signal?: AbortSignal): Promise<readonly TypeIR[]>;

  // runs
  startRun(input: StartRunInput): Promise<Outcome<{ readonly runId: string }>>;
  listRuns(request: RunsRequest, signal?: AbortSignal): Promise<Page<RunRow>>;
  getRun(id: string, signal?: AbortSignal): Promise<RunDetail>;
  /** Facts after `afterSeq`, oldest first; several calls for long runs. */
  listRunFacts(
    id: string,
    afterSeq: number,
    signal?: AbortSignal,
  ): Promise<{ readonly facts: readonly RunFact[]; readonly hasMore: boolean }>;
  getStepData(request: StepDataRequest, signal?: AbortSignal): Promise<StepData>;
  getStepLog(request: StepLogRequest, signal?: AbortSignal): Promise<readonly StepLogLine[]>;
  cancelRun(id: string, reason?: string): Promise<Outcome<null>>;
  /** Answers when the run is paused, or after ten seconds with how it stands: steps at work end first. */
  pauseRun(id: string): Promise<Outcome<null>>;
  resumeRun(id: string): Promise<Outcome<null>>;
  /** A new run with the input of this one. */
  runAgain(id: string, source: 'same' | 'live' | 'draft'): Promise<Outcome<{ readonly runId: string }>>;
  /** A new run that keeps what succeeded in this one and does the rest. */
  retryRun(id: string, source: RunSourceChoice): Promise<Outcome<{ readonly runId: string; readonly kept: number }>>;
  /** A new run that goes on from a step. */
  rerunFrom(input: GoOn): Promise<Outcome<{ readonly runId: string; readonly kept: number }>>;
  /** A new run that takes a failed step as done. */
  skipStep(input: GoOn): Promise<Outcome<{ readonly runId: string; readonly kept: number }>>;
  listRunsMadeFrom(id: string, signal?: AbortSignal): Promise<readonly RunMadeFrom[]>;
  /** By name or id: what a step that calls it has to give, and gets. */
  getCallableWorkflow(workflow: string, signal?: AbortSignal): Promise<CallableWorkflow>;
  /** The first of the runs it called, and the run that called it. */
  listCalledRuns(id: string, signal?: AbortSignal): Promise<CalledRuns>;
  listWorkflowTests(workflowId: string, signal?: AbortSignal): Promise<readonly WorkflowTestRow[]>;
  getWorkflowTest(workflowId: string, testId: string, signal?: AbortSignal): Promise<WorkflowTestDetail>;
  runWorkflowTest(workflowId: string, testId: string): Promise<Outcome<TestOutcome>>;
  runWorkflowTests(workflowId: string): Promise<Outcome<{ readonly results: readonly TestOutcome[] }>>;
  /** Puts it in the place of the one with its id. */
  saveWorkflowTest(workflowId: string, test: WorkflowTest): Promise<Outcome<{ readonly testId: string }>>;
  deleteWorkflowTest(workflowId: string, testId: string): Promise<Outcome<null>>;
  saveRunAsTest(input: {
    readonly workflowId: string;
    readonly runId: string;
    readonly name: string;
    readonly ignore: readonly string[];
  }): Promise<Outcome<{ readonly testId: string }>>;
  /** For `waitingFor: unknown_effect`: what a person decided about a write that may have happened. */
  resolveUnknown(input: {
    readonly runId: string;
    readonly nodeId: string;
    readonly item: number;
    readonly decision: 'retry' | 'done' | 'fail';
  }): Promise<Outcome<null>>;
  /** Live facts after `fromSeq`, over the socket, by polling every 2 s while it is down. */
  watchRun(id: string, fromSeq: number, watcher: RunWatcher): Stop;
  watchRuns(filter: { readonly workflowId?: string }, onNews: (news: RunsNews) => void): Stop;
  watchChanges(onNews: (news: ChangeNews) => void): Stop;
  /** That something was told to the person, or read. */
  watchPerson(personId: string, onNews: () => void): Stop;

  // credentials
  listCredentials(
    request: PageRequest & { readonly search?: string; readonly type?: string },
    signal?: AbortSignal,
  ): Promise<Page<CredentialRow>>;
  getCredential(id: string, signal?: AbortSignal): Promise<CredentialDetail>;
  listCredentialTypes(signal?: AbortSignal): Promise<readonly CredentialType[]>;
  createCredential(input: CredentialInput): Promise<Outcome<{ readonly id: string }>>;
  updateCredential(input: { readonly id: string; readonly expectedRev: number } & Partial<CredentialInput>): Promise<Outcome<null>>;
  testCredential(id: string): Promise<Outcome<{ readonly health: CredentialHealth; readonly text: string }>>;
  /** Where a person lets the credential act for them; the page goes there. */
  startSignIn(id: string): Promise<Outcome<{ readonly url: string }>>;
  deleteCredential(id: string): Promise<Outcome<null>>;

  // schedules and polls
  listSchedules(request: TimedPageRequest, signal?: AbortSignal): Promise<Page<ScheduleRow>>;
  /** When something would be due next, and what is wrong with it. */
  previewSchedule(request: SchedulePreviewRequest, signal?: AbortSignal): Promise<SchedulePreview>;
  pauseSchedule(id: string): Promise<Outcome<null>>;
  resumeSchedule(id: string): Promise<Outcome<null>>;
  runSchedule(id: string): Promise<Outcome<{ readonly runId: string }>>;
  backfillSchedule(input: {
    readonly id: string;
    readonly from: string;
    readonly until: string;
  }): Promise<Outcome<{ readonly id: string; readonly total: number }>>;
  listPolls(request: TimedPageRequest, signal?: AbortSignal): Promise<Page<PollRow>>;
  pausePoll(id: string): Promise<Outcome<null>>;
  resumePoll(id: string): Promise<Outcome<null>>;
  pollNow(id: string): Promise<Outcome<null>>;
  /** A few of the newest items, as the draft asks; nothing is started or kept. */
  testPoll(workflowId: string, nodeId: string): Promise<Outcome<{ readonly items: readonly Json[] }>>;
  /** Which nodes of a draft have data fixed to them. */
  listPins(workflowId: string, signal?: AbortSignal): Promise<readonly PinRow[]>;
  getPin(workflowId: string, nodeId: string, signal?: AbortSignal): Promise<readonly Json[]>;
  setPin(input: { readonly workflowId: string; readonly nodeId: string; readonly items: readonly Json[] }): Promise<Outcome<null>>;
  removePin(workflowId: string, nodeId: string): Promise<Outcome<null>>;
  runDraft(input: DraftPart): Promise<Outcome<{ readonly runId: string }>>;
  /** The newest first; empty for a run that stands alone. */
  listChain(id: string, before?: number, signal?: AbortSignal): Promise<RunChain>;
  endChain(id: string): Promise<Outcome<null>>;

  // variables
  listVariables(place: VariablePlace, signal?: AbortSignal): Promise<readonly VariableRow[]>;
  setVariable(input: VariablePlace & { readonly key: string; readonly value: Json; readonly expectedRev?: number }): Promise<Outcome<null>>;
  deleteVariable(input: VariablePlace & { readonly key: string }): Promise<Outcome<null>>;

  // sign-in elsewhere
  listIdentities(signal?: AbortSignal): Promise<readonly LinkedIdentity[]>;
  /** Where a person signs in at the provider to link it; the page goes there. */
  beginLinkIdentity(provider: string, returnTo: string): Promise<Outcome<{ readonly address: string }>>;
  unlinkIdentity(identity: { readonly issuer: string; readonly subject: string }): Promise<Outcome<null>>;
  listIdentityProviders(signal?: AbortSignal): Promise<readonly IdentityProvider[]>;
  saveIdentityProvider(input: IdentityProviderInput): Promise<Outcome<null>>;
  deleteIdentityProvider(id: string): Promise<Outcome<null>>;

  // projects and teams
  listProjects(signal?: AbortSignal): Promise<readonly ProjectView[]>;
  createProject(input: {
    readonly name: string;
    readonly slug: string;
    readonly visibility: ProjectView['visibility'];
  }): Promise<Outcome<{ readonly id: string }>>;
  updateProject(input: {
    readonly id: string;
    readonly expectedRev: number;
    readonly name?: string;
    readonly visibility?: ProjectView['visibility'];
  }): Promise<Outcome<null>>;
  /** Into the trash for 30 days, with what is in it. */
  deleteProject(id: string): Promise<Outcome<null>>;
  listApprovals(request: ApprovalsRequest, signal?: AbortSignal): Promise<Page<ApprovalRow>>;
  /** Open ones: those that wait for you, and all you may see; each up to 1,000. */
  countApprovals(signal?: AbortSignal): Promise<{ readonly mine: number; readonly open: number }>;
  getApproval(id: string, signal?: AbortSignal): Promise<ApprovalView>;
  decideApproval(input: DecideApproval): Promise<Outcome<DecidedApproval>>;
  listTeams(signal?: AbortSignal): Promise<readonly TeamRow[]>;
  getTeam(id: string, signal?: AbortSignal): Promise<TeamView>;
  createTeam(input: { readonly name: string; readonly description?: string }): Promise<Outcome<{ readonly id: string }>>;
  deleteTeam(id: string): Promise<Outcome<null>>;
  addTeamMember(id: string, principalId: string): Promise<Outcome<null>>;
  removeTeamMember(id: string, principalId: string): Promise<Outcome<null>>;
  listGrants(on: GrantTarget, signal?: AbortSignal): Promise<readonly GrantRow[]>;
  setGrant(input: GrantTarget & GrantSubject & { readonly role: Role }): Promise<Outcome<null>>;
  removeGrant(input: GrantTarget & GrantSubject): Promise<Outcome<null>>;

  // people and keys
  listMembers(request: PageRequest & { readonly search?: string }, signal?: AbortSignal): Promise<Page<MemberRow>>;
  listInvitations(signal?: AbortSignal): Promise<readonly InvitationRow[]>;
  /** The link is shown once; where mail is set up it is sent as well. */
  inviteMember(input: { readonly email: string; readonly role: Role }): Promise<Outcome<{ readonly link: string }>>;
  revokeInvitation(id: string): Promise<Outcome<null>>;
  setMemberRole(principalId: string, role: Role): Promise<Outcome<null>>;
  removeMember(principalId: string): Promise<Outcome<null>>;
  listApiKeys(signal?: AbortSignal): Promise<readonly ApiKeyRow[]>;
  listScopes(signal?: AbortSignal): Promise<readonly ScopeInfo[]>;
  /** `secret` is shown once. */
  createApiKey(input: {
    readonly name: string;
    readonly scopes: readonly string[];
    readonly expiresAt?: string;
  }): Promise<Outcome<{ readonly id: string; readonly secret: string }>>;
  revokeApiKey(id: string): Promise<Outcome<null>>;

  // notifications
  /** Newest first: those of this workspace and of the server. */
  listNotifications(request: PageRequest & { readonly unreadOnly?: boolean }, signal?: AbortSignal): Promise<Page<NotificationRow>>;
  /** Stops counting at some number, which then stands for more too. */
  countUnreadNotifications(signal?: AbortSignal): Promise<number>;
  /** These, or all. */
  markNotificationsRead(ids?: readonly string[]): Promise<Outcome<null>>;

  // audit, settings, health, search
  listAudit(request: AuditRequest, signal?: AbortSignal): Promise<Page<AuditRow>>;
  checkAudit(): Promise<AuditCheck>;
  listSettings(level: 'workspace' | 'instance', signal?: AbortSignal): Promise<readonly SettingView[]>;
  /** `value: null` goes back to the default. */
  changeSetting(input: {
    readonly level: 'workspace' | 'instance';
    readonly key: string;
    readonly value: Json;
    readonly expectedRev: number;
  }): Promise<Outcome<SettingView>>;
  listProjectSettings(projectId: string, signal?: AbortSignal): Promise<readonly SettingView[]>;
  changeProjectSetting(input: {
    readonly projectId: string;
    readonly key: string;
    readonly value: Json;
    readonly expectedRev: number;
  }): Promise<Outcome<SettingView>>;
  listWorkflowSettings(workflowId: string, signal?: AbortSignal): Promise<readonly WorkflowSettingView[]>;
  /** Look, and what one wants to hear of. */
  listOwnSettings(signal?: AbortSignal): Promise<readonly SettingView[]>;
  changeOwnSetting(input: { readonly key: string; readonly value: Json; readonly expectedRev: number }): Promise<Outcome<SettingView>>;
  /** An e-mail to oneself by the mail server of the settings. */
  testMail(): Promise<Outcome<null>>;
  /** The answer is the same whether somebody has the address or not. */
  requestPasswordReset(email: string): Promise<Outcome<null>>;
  getHealth(signal?: AbortSignal): Promise<HealthView>;
  /** For the command palette: at most 20, best first. */
  find(text: string, signal?: AbortSignal): Promise<readonly FoundThing[]>;
}
