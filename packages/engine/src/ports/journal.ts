/**
 * Where runs are kept. The writer group-commits; a record's `done` is called after its commit and never before.
 * Rules: an append locks and checks the owner first, one record per run per flush, a barrier commits a prefix.
 */
import type { RunStatusName, TriggerKindName, WaitingFor } from '../run/status.ts';
import type { RunTag } from '../plan/run-tags.ts';

/** The run that started another one, and what there waits for its end. */
export interface RunParent {
  readonly runId: string;
  /** The step that called: its node, and behind `@` the rounds of loops it lies in. */
  readonly place: string;
  /** Which of the runs that this call started. */
  readonly part: number;
  /** Id of the wait that its end answers; absent: nobody waits. */
  readonly wait?: string;
  /** Runs above it: 1 for one that was called by a run nobody called. */
  readonly depth: number;
}

/** Columns of a run that are set when it is created. */
export interface RunHead {
  readonly id: string;
  readonly workspaceId: string;
  readonly workflowId: string;
  readonly environment: number;
  readonly version: number;
  readonly triggerKind: TriggerKindName;
  readonly initiator?: string;
  readonly rootRunId: string;
  readonly startedAt: number;
  /** Of a run that another one called; kept beside the run. */
  readonly parent?: RunParent;
}

/** `failed`: another workflow hears of it. `next`: the workflow runs again. */
export interface RunFollowUp {
  readonly kind: 'failed' | 'next';
  /** Milliseconds since 1970. */
  readonly dueAt: number;
  /** JSON text. */
  readonly payload: string;
}

/** What the end of a run says to the one that waits for it. */
export interface RunAnswer {
  readonly runId: string;
  readonly workspaceId: string;
  readonly sourceKey: string;
  /** JSON text. */
  readonly payload: string;
}

export interface RunEnd {
  readonly status: RunStatusName;
  readonly endedAt: number;
  readonly errorCode?: string;
  readonly errorMessage?: string;
  readonly errorFingerprint?: string;
  /** Name of the step at which it failed. */
  readonly errorStep?: string;
  /** Put into the inbox of the run that waits for this one, by the same flush. */
  readonly answer?: RunAnswer;
  /** Runs that go on for this one alone are cancelled by the same flush. @default false */
  readonly cancelsCalled?: boolean;
  /** What is to follow from it: noted by the same flush, and begun by whoever looks next. */
  readonly followUps?: readonly RunFollowUp[];
  /** When the data of the run is to be forgotten, in milliseconds since 1970: noted by the same flush. @default never */
  readonly erasesAt?: number;
}

/** One run's part of one flush. */
export interface RunRecord {
  readonly head: RunHead;
  /** True for the first record of a run: it makes the row. */
  readonly create: boolean;
  /** Set when the run ends with this record. */
  readonly end?: RunEnd;
  /** State of a run that goes on. */
  readonly status: RunStatusName;
  readonly waiting?: WaitingFor;
  /** Fence under which this process owns the run; 1 for a run it created. */
  readonly fence: number;
  /** Sequence of the first event in `bytes`, and of the one after the last. Events count from 0. */
  readonly fromSeq: number;
  readonly toSeq: number;
  /** JSON text of the array of events; at most 256 KiB. */
  readonly bytes: string;
  /** Inbox rows these events took in. */
  readonly inbox?: readonly string[];
  /** Waits these events began, kept beside the run until they are due. */
  readonly timers?: readonly RunTimer[];
  /** What a run that is created is found by. */
  readonly tags?: readonly RunTag[];
}

/** An instant a run out of memory waits for. When it comes, its id lands in the run's inbox, under the kind `timer`. */
export interface RunTimer {
  readonly id: string;
  /** Milliseconds since 1970. */
  readonly dueAt: number;
}

/**
 * Outcome of a record: committed; `lost` when another process owns the run now (drop it, nothing was written);
 * `refused` when the database cannot store this record (the run must be failed with a storable event).
 */
export type AppendResult =
  | { readonly kind: 'committed' }
  | { readonly kind: 'lost' }
  | { readonly kind: 'refused'; readonly code: string; readonly message: string };

export interface Journal {
  /** Queues a record. The caller queues a run's next record only after `done` of the one before. `done` never throws. */
  append(record: RunRecord, done: (result: AppendResult) => void): void;
  /** False when new runs must be refused: the queue is full or the database is away. Continuations are always taken. */
  readonly accepting: boolean;
  /** Milliseconds a refused caller is asked to wait. */
  readonly retryAfterMs: number;
  /** Resolves when everything queued so far has its outcome. */
  drain(): Promise<void>;
}

/** A run found in the database, ready to be folded. */
export interface StoredRun {
  readonly head: RunHead;
  readonly status: RunStatusName;
  readonly fence: number;
  readonly nextSeq: number;
  readonly crashCount: number;
  /** The last snapshot of it, when there is one that this release reads: its sequence, and its JSON text. */
  readonly snapshot?: { readonly seq: number; readonly text: string };
  /** Sequence of the first event in `chunks`: not after that of the snapshot. */
  readonly from: number;
  /** JSON texts of event arrays, in order. */
  readonly chunks: readonly string[];
}

export interface InboxRow {
  readonly id: string;
  /** When it was put there, as the store writes it: with the id its place in the order. */
  readonly putAt: string;
  readonly runId: string;
  readonly kind: string;
  readonly payload: unknown;
}

/** Ownership of runs that outlive their first flush. */
export interface Ownership {
  readonly ownerId: string;
  /** True while this process's lease surely holds, by the monotonic clock with a margin. */
  leaseHolds(): boolean;
  /**
   * Takes over up to `limit` runs that are not at rest and whose owner is gone, oldest first; raises their fence. `countCrashes` adds one to the crash count of those
   * that were running and whose owner died; not of those handed over.
   */
  claimOrphans(limit: number, options?: { readonly countCrashes?: boolean }): Promise<StoredRun[]>;
  /**
   * Takes over up to `limit` runs at rest whose owner is gone; gives how many. They have lost nothing, so nothing of them is read until
   * something comes into their inbox. Runs that are blocked are left to `claimOrphans`.
   */
  claimResting(limit: number): Promise<number>;
  /** Sets the crash count back after progress. */
  clearCrashCount(runIds: readonly string[]): Promise<void>;
  /** Runs of this process that have not begun, of one workspace, in the order in which they were accepted. */
  pendingIds(workspaceId: string, limit: number): Promise<string[]>;
  /** Runs this process owns, suspended ones that have left memory included. */
  loadOwned(runIds: readonly string[]): Promise<StoredRun[]>;
  /** Rows of one page of `readInbox`. */
  readonly inboxPage: number;
  /** Inbox rows of runs this process owns, a page of those after a row; they come back until the flush that takes them in has deleted them. */
  readInbox(runIds?: readonly string[], after?: Pick<InboxRow, 'id' | 'putAt'>): Promise<InboxRow[]>;
  /**
   * Moves due timers of any run into the inbox of that run, by the database's clock, at most `limit`; gives how many, and how long the
   * next one takes, in milliseconds. Each is moved once, whoever asks.
   */
  fireTimers(limit: number): Promise<{ readonly fired: number; readonly nextInMs?: number }>;
  /** Keeps a snapshot of a run of this process in place of an older one; the events before `seq` are durable. */
  putSnapshot(snapshot: StoredSnapshot): Promise<void>;
  dropSnapshot(runId: string): Promise<void>;
  /** Puts something that happened to a run from outside; false when the same `sourceKey` was there already. */
  putInbox(row: PutInbox): Promise<boolean>;
}

export interface StoredSnapshot {
  readonly runId: string;
  readonly workspaceId: string;
  /** Events before this sequence are in it. */
  readonly seq: number;
  readonly text: string;
}

export interface PutInbox {
  readonly runId: string;
  readonly workspaceId: string;
  /** Two rows of a run with one key count as one while the first is not taken in. */
  readonly sourceKey: string;
  readonly kind: string;
  readonly payload: unknown;
  /** They count as one for as long as the run exists. @default false */
  readonly once?: boolean;
}
