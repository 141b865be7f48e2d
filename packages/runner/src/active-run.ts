/** A run in this process's memory, from its acceptance until it ends, suspends or is lost to another owner. */
import type {
  Command,
  RunError,
  RunFacts,
  RunHead,
  RunState,
  RunStatusName,
  RunTag,
  Scope,
  StepFacts,
  StepState,
  WaitingFor,
} from '@plugboard/engine';
import type { Item, Json } from '@plugboard/sdk';
import type { Timer } from './clock.ts';
import { type LoadedPlan, runFacts } from './loaded-plan.ts';
import { type JournalKeeper, RunJournal } from './run-journal.ts';
import { type SnapshotMark, newMark } from './snapshot-mark.ts';

/** What a respond step sends to the caller of a webhook. */
export interface Reply {
  readonly status: number;
  readonly headers: { readonly [name: string]: string };
  readonly body: Json;
  /** The body is text to be sent as it is. */
  readonly raw: boolean;
  /** A stored file that is the body instead. */
  readonly fileId?: string;
}

export interface EndedRun {
  readonly runId: string;
  readonly status: RunStatusName;
  readonly error: RunError | undefined;
  /** Items of the end nodes. */
  readonly output: readonly Item[];
}

/**
 * Whoever started the run hears of it through this; every call comes after the commit of what it tells. Until `onAccepted` nothing is known to be
 * stored: a caller who cannot be kept waiting any longer gets 504 with the id that `start` gave. A dispatched run may leave memory while it
 * waits for its place; then `onAccepted` is the last that is heard of it here.
 */
export interface RunListener {
  /** The run is stored and will not be lost. */
  onAccepted?(runId: string): void;
  /** A respond step answers. False when nobody waits for it any more. */
  onReply?(reply: Reply): boolean;
  onSuspended?(runId: string, waitingFor: WaitingFor | undefined): void;
  /** While true, waits for runs that the run calls are not told: the listener stays, and hears how the run goes on. Looked at each time. */
  readonly staysOverCalls?: boolean;
  onEnded?(run: EndedRun): void;
  /**
   * This process will tell no more about the run. Codes: JOURNAL_REFUSED (it could not be stored and has failed), RUN_MOVED (another
   * process took it over), SERVER_STOPPING (it is stored and goes on when a server is back).
   */
  onLost?(runId: string, code: string, message: string): void;
}

/** An attempt that takes time. */
export interface CallUnderWay {
  /** Starts nothing new; what is in flight goes on until it ends or its signal aborts. */
  stop(): void;
}

/** How a run comes into memory. */
export interface NewActiveRun {
  readonly head: RunHead;
  readonly loaded: LoadedPlan;
  readonly fence: number;
  readonly state: RunState;
  /** Sequence of the next event. */
  readonly nextSeq: number;
  readonly listener: RunListener | undefined;
  readonly held: boolean;
  readonly begun: boolean;
  readonly heldBytes: number;
  readonly snapshotSeq: number;
  readonly tags: readonly RunTag[] | undefined;
}

/** A class with all of its members from the beginning: one is made for every run, and most of them are gone within milliseconds. */
export class ActiveRun {
  readonly id: string;
  readonly head: RunHead;
  /** Under which this process owns the run. */
  readonly fence: number;
  readonly loaded: LoadedPlan;
  readonly facts: RunFacts;
  /** What expressions outside loops see of the run; put together for the first that is evaluated. */
  seen: Pick<StepFacts, 'run' | 'workflow'> | undefined = undefined;
  readonly state: RunState;
  readonly journal: RunJournal<ActiveRun>;
  readonly listener: RunListener | undefined;
  /** Its place among the runs that are not to be found by their ids; undefined for one that is. */
  slot: number | undefined = undefined;
  /** Commands to be carried out, in order. */
  readonly work: Command[] = [];
  /** Calls under way, by step; made for the first that takes time. */
  calls: Map<StepState, CallUnderWay> | undefined = undefined;
  timers: Set<Timer> | undefined = undefined;
  /** Inbox rows taken in whose flush has not deleted them yet. */
  inbox: Set<string> | undefined = undefined;
  /** Aborts pure and read steps; a new one for each undo branch that begins after it was used. */
  abort = new AbortController();
  /** The undo branch that they and the time limit are for; absent before a run undoes anything. */
  branch: Scope | undefined = undefined;
  /** Aborts writes, after the grace; made with the first of them. */
  abortWrites: AbortController | undefined = undefined;
  /** Stored, and not yet let go by the dispatcher: it may take events, and acts on none. */
  held: boolean;
  /** Waits in the dispatcher. */
  queued = false;
  /** Counted by the dispatcher. */
  dispatched = false;
  /** Where it waits to begin: about to be stored, or in the dispatcher. */
  place: 'none' | 'entering' | 'ready' = 'none';
  /** It was at work when a server died, and goes on under observation. */
  isOnTrial = false;
  /** Something of it may have been carried out: it is no longer pending. */
  begun: boolean;
  pumping = false;
  /** Its gathered events are looked at by the clock. */
  isWatched = false;
  /** Out of memory: nothing of it acts here any more. */
  gone = false;
  /** The runner failed on it once; a second time gives it up. */
  failing = false;
  /** Counts down to the abort of writes in flight. */
  stopGrace: Timer | undefined = undefined;
  /** Active time before the current interval, in milliseconds. */
  activeMs: number;
  /** JSON text of the items the run holds, about, in UTF-16 units. */
  heldBytes: number;
  readonly snapshot: SnapshotMark;
  /** Start of the current interval by the monotonic clock; undefined while no attempt is in flight. */
  activeSince: number | undefined = undefined;
  deadline: Timer | undefined = undefined;

  constructor(
    { head, loaded, fence, state, nextSeq, listener, held, begun, heldBytes, snapshotSeq, tags }: NewActiveRun,
    keeper: JournalKeeper<ActiveRun>,
  ) {
    this.id = head.id;
    this.head = head;
    this.fence = fence;
    this.loaded = loaded;
    this.facts = runFacts(head.id, loaded);
    this.state = state;
    this.listener = listener;
    this.held = held;
    this.begun = begun;
    this.activeMs = state.activeMs;
    this.heldBytes = heldBytes;
    this.snapshot = newMark(snapshotSeq, heldBytes);
    this.journal = new RunJournal(this, keeper, nextSeq, tags);
  }

  tookIn(inboxId: string): void {
    (this.inbox ??= new Set()).add(inboxId);
  }

  /** True while an attempt is in flight. */
  get isCalling(): boolean {
    return this.calls !== undefined && this.calls.size > 0;
  }
}
