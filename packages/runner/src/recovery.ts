/**
 * Runs of processes that are gone, and runs that come back from rest: their journal is folded, then what is outstanding is carried out.
 * Old events are never decided again.
 */
import {
  type AppendResult,
  type BlobStore,
  type InboxRow,
  type Journal,
  type Ownership,
  type RunEvent,
  type RunRecord,
  type RunSnapshot,
  type RunState,
  type StoredRun,
  fold,
  isAtRest,
  newRun,
  outstanding,
  restoreSnapshot,
} from '@plugboard/engine';
import type { ActiveRun } from './active-run.ts';
import type { ActiveRuns } from './active-runs.ts';
import type { Clock } from './clock.ts';
import { closingRecord } from './closing-record.ts';
import { failureOf } from './failure-follow-up.ts';
import { decodeEvents, storedSize } from './encode.ts';
import { inboxEvent } from './inbox-event.ts';
import type { Backlog } from './backlog.ts';
import type { LoadedPlan, PlanSource } from './loaded-plan.ts';
import type { OneAtATime } from './one-at-a-time.ts';
import type { RunnerLog, RunnerOptions } from './runner-options.ts';
import { Suspects } from './suspects.ts';

const CLAIM_LIMIT = 200;
/** Nothing of these is read: so many are one statement. */
const RESTING_LIMIT = 5000;
/** Pauses between tries to bring a run back whose parts cannot be read at the moment, in milliseconds. */
const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 60_000;

/** Codes of errors no waiting helps with: the run ends. */
const HOPELESS: ReadonlySet<string> = new Set(['VERSION_MISSING', 'IMPOSSIBLE_EVENT', 'JOURNAL_INCOMPLETE']);
/** Codes of errors an operator can mend: the run waits as blocked until a server starts that can read it. */
const MENDABLE: ReadonlySet<string> = new Set(['TYPE_MISSING', 'BLOB_MISSING', 'BLOB_DAMAGED']);

export interface RecoveryOptions {
  readonly journal: Journal;
  readonly ownership: Ownership;
  readonly blobs: BlobStore;
  readonly plans: PlanSource;
  readonly log: RunnerLog;
  readonly clock: Clock;
  readonly runs: ActiveRuns;
  readonly maxActiveRuns: number;
  readonly inTurn: OneAtATime;
  /** Runs that wait for a place. */
  readonly backlog: () => Backlog;
  readonly isClosing: () => boolean;
  readonly onCommitted: RunnerOptions['onCommitted'];
  readonly reports: RunnerOptions['reports'];
  readonly keepsData: RunnerOptions['keepsData'];
}

/** Thrown for a stored run some of whose events are missing. Nobody can mend it: the run ends with this as its reason. */
class JournalIncompleteError extends Error {
  readonly code = 'JOURNAL_INCOMPLETE';
  constructor(found: number, expected: number) {
    super(`The journal of the run has ${found} events where ${expected} were stored`);
  }
}

export class Recovery {
  readonly #options: RecoveryOptions;
  /** Runs of this process that could not be brought back for a reason that may pass. */
  readonly #later = new Map<string, { readonly dueAt: number; readonly pauseMs: number }>();

  /** Runs of this process that wait for a server which can read them. */
  readonly #blocked = new Set<string>();

  readonly #suspects: Suspects;

  constructor(options: RecoveryOptions) {
    this.#options = options;
    const { ownership, runs, clock, log, inTurn, isClosing } = options;
    this.#suspects = new Suspects({
      ownership,
      runs,
      clock,
      log,
      inTurn,
      isClosing,
      restore: (stored) => this.restore(stored),
      goOn: (run) => this.#recovered(run),
    });
  }

  /** A run on trial has got on, or is out of memory. */
  trialOver(run: ActiveRun): void {
    this.#suspects.over(run);
  }

  /** Takes over some runs whose owner is gone; gives how many, and whether there may be more. */
  async claim(): Promise<{ count: number; mayHaveMore: boolean }> {
    const { ownership, runs, maxActiveRuns, isClosing } = this.#options;
    const limit = Math.min(CLAIM_LIMIT, maxActiveRuns - runs.size);
    if (limit <= 0 || isClosing()) return { count: 0, mayHaveMore: false };
    const claimed = await ownership.claimOrphans(limit, { countCrashes: true });
    const cancels = await this.#cancelsOf(claimed);
    for (const stored of claimed) await this.#resume(stored, cancels.get(stored.head.id));
    await this.#suspects.advance();
    await this.#options.backlog().fillAll();
    return { count: claimed.length, mayHaveMore: claimed.length === limit };
  }

  /** Takes over some runs at rest whose owner is gone, which stay where they are; as `claim`. */
  async claimResting(): Promise<{ count: number; mayHaveMore: boolean }> {
    if (this.#options.isClosing()) return { count: 0, mayHaveMore: false };
    const count = await this.#options.ownership.claimResting(RESTING_LIMIT);
    this.#options.runs.stats.recovered += count;
    return { count, mayHaveMore: count === RESTING_LIMIT };
  }

  /** Tries the runs again that could not be brought back before. */
  async tryAgain(): Promise<void> {
    const now = this.#options.clock.monotonicMs();
    const due = [...this.#later].filter(([, { dueAt }]) => dueAt <= now).map(([id]) => id);
    if (due.length === 0 || this.#options.isClosing()) return;
    const found = await this.#options.ownership.loadOwned(due);
    const owned = new Set(found.map((stored) => stored.head.id));
    for (const id of due) if (!owned.has(id)) this.#later.delete(id);
    for (const stored of found) await this.#resume(stored);
    await this.#suspects.advance();
    await this.#options.backlog().fillAll();
  }

  /** A stored run in memory, held; undefined when it cannot come now. */
  async restore(stored: StoredRun): Promise<ActiveRun | undefined> {
    const run = await this.#restore(stored);
    if (run === 'blocked') this.#block(stored);
    return typeof run === 'string' ? undefined : run;
  }

  /** A run of this process that left memory to wait, for what came into its inbox. It is held; undefined when it cannot come back now. */
  async wake(stored: StoredRun, rows: readonly InboxRow[]): Promise<ActiveRun | undefined> {
    if (this.#later.has(stored.head.id)) return undefined;
    if (this.#suspects.has(stored.head.id)) {
      // Nothing but a cancel is worth a risk that its trial would take.
      if (!rows.some((row) => row.kind === 'cancel')) return undefined;
      this.#suspects.forget(stored.head.id);
    }
    const run = this.#blocked.has(stored.head.id) ? 'blocked' : await this.#restore(stored);
    if (run === 'blocked') this.#cancelBlocked(stored, rows);
    if (typeof run === 'string') return undefined;
    if (stored.status === 'pending') this.#options.backlog().unpark(stored.head);
    // Whatever was under way when it left is lost: only a waiting run goes to rest, and one that never began has lost nothing.
    else if (!isAtRest(run.state.status)) this.#recovered(run);
    return run;
  }

  /** A run that was cancelled while nobody worked on it does nothing more first. */
  async #cancelsOf(claimed: readonly StoredRun[]): Promise<ReadonlyMap<string, InboxRow>> {
    if (claimed.length === 0) return new Map();
    const rows = await this.#options.ownership.readInbox(claimed.map((stored) => stored.head.id));
    return new Map(rows.filter((row) => row.kind === 'cancel').map((row) => [row.runId, row]));
  }

  async #resume(stored: StoredRun, cancel?: InboxRow): Promise<void> {
    const { runs, backlog, clock } = this.#options;
    runs.stats.recovered += 1;
    const cancelled = cancel && inboxEvent(cancel, clock.now());
    if (cancel && cancelled) {
      const run = await this.restore(stored);
      if (!run) return;
      runs.apply(run, cancelled, cancel.id);
      run.tookIn(cancel.id);
      return stored.status === 'pending' ? runs.letIn(run) : this.#recovered(run);
    }
    if (stored.status === 'pending') return backlog().found(stored);
    if (stored.status === 'running' && stored.crashCount > 0) return this.#suspects.add(stored);
    const run = await this.restore(stored);
    if (run) this.#recovered(run);
  }

  #recovered(run: ActiveRun): void {
    const { runs, clock } = this.#options;
    runs.apply(run, { type: 'run.recovered', at: clock.now(), fence: run.fence });
    // What only waits or has to end takes no place from runs that work.
    if (isAtRest(run.state.status) || run.state.stop) runs.letIn(run);
    run.journal.barrier((isDurable) => isDurable && runs.dispatch(run));
  }

  /** A stored run in memory, held, at the state its journal gives; or why not. */
  async #restore(stored: StoredRun): Promise<ActiveRun | 'blocked' | 'not-now' | 'ended'> {
    const { head, fence, nextSeq } = stored;
    const { runs, log, isClosing } = this.#options;
    try {
      const { loaded, state, sizeBytes } = await this.#fold(stored);
      const snapshotSeq = stored.snapshot?.seq ?? 0;
      if (isClosing() || runs.has(head.id)) return 'not-now';
      this.#later.delete(head.id);
      const begun = stored.status !== 'pending';
      const run = runs.hold({ head, loaded, fence, nextSeq, state, heldBytes: sizeBytes, snapshotSeq, held: true, begun });
      // A run that never began has lost nothing: no event says that it was taken over.
      if (!begun) for (const command of outstanding(state)) run.work.push(command);
      return run;
    } catch (error) {
      const code = error instanceof SyntaxError ? 'JOURNAL_INCOMPLETE' : codeOf(error);
      if (HOPELESS.has(code)) {
        log.error({ runId: head.id, err: error }, 'a stored run cannot go on and is ended');
        this.#end(stored, error);
        return 'ended';
      }
      if (MENDABLE.has(code)) {
        log.error({ runId: head.id, err: error }, 'a stored run is blocked; it goes on once a server starts that has what it needs');
        this.#later.delete(head.id);
        this.#blocked.add(head.id);
        return 'blocked';
      }
      const pauseMs = Math.min((this.#later.get(head.id)?.pauseMs ?? FIRST_PAUSE_MS / 2) * 2, LONGEST_PAUSE_MS);
      log.warn({ runId: head.id, err: error, pauseMs }, 'a stored run cannot be read at the moment; trying again');
      this.#later.set(head.id, { dueAt: this.#options.clock.monotonicMs() + pauseMs, pauseMs });
      return 'not-now';
    }
  }

  async #fold({ head, chunks, from, nextSeq, snapshot }: StoredRun): Promise<{ loaded: LoadedPlan; state: RunState; sizeBytes: number }> {
    const { blobs, plans } = this.#options;
    const events: RunEvent[] = [];
    for (const chunk of chunks) for (const event of await decodeEvents(chunk, blobs, head.workspaceId)) events.push(event);
    if (from + events.length !== nextSeq) throw new JournalIncompleteError(from + events.length, nextSeq);
    const first = from === 0 ? events[0] : undefined;
    const definition = first?.type === 'run.started' ? first.definition : undefined;
    const loaded = definition ? plans.compile(definition, head) : await plans.load(head.workflowId, head.version, head.environment);
    const state = snapshot ? restoreSnapshot(loaded.plan, JSON.parse(snapshot.text) as RunSnapshot) : newRun(loaded.plan);
    for (const event of events.slice(state.seq - from)) fold(state, event);
    // Nobody was told of it, and what it would repeat is not known.
    if (state.toCarry > 0 && !state.stop) throw new JournalIncompleteError(events.length, events.length + state.toCarry);
    return { loaded, state, sizeBytes: chunks.reduce((size, chunk) => size + storedSize(chunk), snapshot?.text.length ?? 0) };
  }

  /** For runs that are not in memory. */
  #append(record: RunRecord, done: (result: AppendResult) => void): void {
    this.#options.journal.append(record, (result) => {
      done(result);
      if (result.kind === 'committed') this.#options.onCommitted?.(record);
    });
  }

  /** A run that can never be read again is ended with the reason, so that it does not stay open for ever. */
  #end({ head, fence, nextSeq }: StoredRun, cause: unknown): void {
    const message = `The run could not be taken over: ${cause instanceof Error ? cause.message : String(cause)}`;
    const at = this.#options.clock.now();
    const record = closingRecord({
      head,
      fence,
      fromSeq: nextSeq,
      at,
      activeMs: 0,
      status: 'failed',
      error: { code: 'RUN_UNREADABLE', message },
      ...failureOf(this.#options.reports, { head, status: 'failed' }, at),
      keeps: this.#options.keepsData?.(head.workspaceId) ?? 'all',
    });
    this.#append(record, (result) => {
      if (result.kind === 'committed') this.#options.runs.stats.failed += 1;
      else this.#options.log.error({ runId: head.id, result }, 'the end of this run cannot be stored');
    });
  }

  /** Shown as waiting; the next server that starts takes it over anew. */
  #block({ head, fence, nextSeq, status }: StoredRun): void {
    if (status === 'waiting') return;
    const recovered: RunEvent = { type: 'run.recovered', at: this.#options.clock.now(), fence };
    const bytes = JSON.stringify([recovered]);
    this.#append(
      { head, create: false, status: 'waiting', waiting: 'blocked', fence, fromSeq: nextSeq, toSeq: nextSeq + 1, bytes },
      (result) => {
        if (result.kind !== 'committed') this.#options.log.warn({ runId: head.id, result }, 'a blocked run could not be marked as such');
      },
    );
  }

  /** A blocked run does nothing, so nothing has to be read to cancel it. */
  #cancelBlocked({ head, fence, nextSeq, status }: StoredRun, rows: readonly InboxRow[]): void {
    const at = this.#options.clock.now();
    for (const row of rows) {
      const event = inboxEvent(row, at);
      if (event?.type !== 'cancel.requested' || status !== 'waiting') continue;
      const follows = failureOf(this.#options.reports, { head, status: 'cancelled' }, at);
      const closing = {
        ...follows,
        head,
        fence,
        fromSeq: nextSeq,
        at,
        activeMs: 0,
        keeps: this.#options.keepsData?.(head.workspaceId) ?? 'all',
        status: 'cancelled',
        before: [event],
        inbox: [row.id],
      } as const;
      this.#append(closingRecord(closing), (result) => {
        if (result.kind !== 'committed') return;
        this.#blocked.delete(head.id);
        this.#options.runs.stats.cancelled += 1;
      });
      return;
    }
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}
