/**
 * One run's side of the journal: gathers its events, hands them over one record at a time, and tells who waits when they are durable.
 */
import {
  type AppendResult,
  type BlobStore,
  type Journal,
  type RunEnd,
  type RunEvent,
  type RunHead,
  type RunRecord,
  type RunState,
  type RunStatusName,
  type RunTag,
  type RunTimer,
  eraseEvent,
} from '@plugboard/engine';
import type { Clock } from './clock.ts';
import { type Encoded, type EncodedEvent, encodeEvent, encodeLargeEvent } from './encode.ts';
import type { Turns } from './turns.ts';

/** Longest text of one record, in bytes; larger values are in the blob store before. One event alone may take up to three times the spill length. */
const RECORD_BYTES = 256 * 1024;
/** A UTF-16 unit takes at most so many bytes. */
const BYTES_PER_UNIT = 3;

/** The run whose journal it is. */
export interface JournaledRun {
  readonly head: RunHead;
  readonly fence: number;
  /** Something of it may have been carried out. */
  readonly begun: boolean;
  readonly state: Pick<RunState, 'status' | 'waitingFor'>;
}

/** What the journals of all runs have in common. */
export interface JournalKeeper<Run extends JournaledRun> {
  readonly journal: Journal;
  readonly blobs: BlobStore;
  readonly turns: Turns;
  readonly clock: Pick<Clock, 'monotonicMs'>;
  /** Called after each commit with what was committed. */
  onCommitted(run: Run, record: RunRecord, first: boolean): void;
  /** The run cannot be written any more: another process owns it, or its record was refused. Called once. */
  onBroken(run: Run, result: Exclude<AppendResult, { kind: 'committed' }>): void;
}

/** Told true once everything gathered before is durable, false when it never will be. */
type Waiter = (isDurable: boolean) => void;

export class RunJournal<Run extends JournaledRun> {
  readonly #run: Run;
  readonly #keeper: JournalKeeper<Run>;
  /** What the run is found by; kept with its first record. */
  readonly #tags: readonly RunTag[] | undefined;
  #texts: EncodedEvent[] = [];
  /** Inbox rows by the sequence of the event each became. */
  #inbox: { readonly seq: number; readonly id: string }[] | undefined;
  /** Waits by the sequence of the event that began them. */
  #timers: { readonly seq: number; readonly timer: RunTimer }[] | undefined;
  #queuedSeq: number;
  #nextSeq: number;
  #committedSeq: number;
  #inFlight = false;
  #wanted = false;
  #end: RunEnd | undefined;
  #waiters: { readonly seq: number; readonly done: Waiter }[] | undefined;
  #broken = false;
  #dirtySince: number | undefined;

  /** @param nextSeq sequence of the next event; 0 makes the run with its first record */
  constructor(run: Run, keeper: JournalKeeper<Run>, nextSeq: number, tags: readonly RunTag[] | undefined) {
    this.#run = run;
    this.#keeper = keeper;
    this.#tags = tags;
    this.#queuedSeq = nextSeq;
    this.#nextSeq = nextSeq;
    this.#committedSeq = nextSeq;
  }

  /** Sequence after the last event that is durable. */
  get committedSeq(): number {
    return this.#committedSeq;
  }

  /** When the oldest event not handed over was gathered, by the monotonic clock; undefined when there is none. */
  get dirtySince(): number | undefined {
    return this.#dirtySince;
  }

  /** Journal text of an event; a large payload begins to be stored. Undefined when the text is longer than `limit`. */
  encode(event: RunEvent): Encoded;
  encode(event: RunEvent, limit: number): Encoded | undefined;
  encode(event: RunEvent, limit = Infinity): Encoded | undefined {
    return encodeEvent(event, this.#keeper.blobs, this.#run.head, limit);
  }

  /** As `encode`, in slices: for an event that is known to be large. */
  encodeLarge(event: RunEvent): EncodedEvent {
    return encodeLargeEvent(event, this.#keeper.blobs, this.#run.head, this.#keeper.turns);
  }

  /** Gathers an event. The flush that stores it deletes the inbox row it came from, and keeps the waits it began. */
  add(text: EncodedEvent, inboxId?: string, timers?: readonly RunTimer[]): void {
    this.#texts.push(text);
    if (timers) for (const timer of timers) (this.#timers ??= []).push({ seq: this.#nextSeq, timer });
    if (inboxId !== undefined) (this.#inbox ??= []).push({ seq: this.#nextSeq, id: inboxId });
    this.#nextSeq += 1;
    this.#dirtySince ??= this.#keeper.clock.monotonicMs();
  }

  /** The events gathered so far end the run. */
  end(end: RunEnd): void {
    this.#end = end;
  }

  /** Calls back once everything gathered so far is durable, or never will be. */
  barrier(done: Waiter): void {
    if (this.#broken) return done(false);
    if (this.#committedSeq >= this.#nextSeq) return done(true);
    (this.#waiters ??= []).push({ seq: this.#nextSeq, done });
    this.flush();
  }

  /** Hands over what is gathered, as soon as the record before has its outcome. */
  flush(): void {
    if (this.#inFlight) {
      this.#wanted = true;
      return;
    }
    if (this.#broken || this.#texts.length === 0) return;
    this.#inFlight = true;
    this.#wanted = false;
    if (this.#texts.some((text) => typeof text !== 'string')) void this.#store(this.#texts);
    else this.#hand(this.#texts as string[], true);
  }

  /** Waits for large payloads; events that come meanwhile belong to a later record. */
  async #store(waiting: readonly EncodedEvent[]): Promise<void> {
    let texts: string[];
    try {
      texts = await Promise.all(waiting.map(async (text) => text));
    } catch (error) {
      return this.#fail({ kind: 'refused', code: 'BLOB_STORE_FAILED', message: error instanceof Error ? error.message : String(error) });
    }
    this.#hand(texts, false);
  }

  /** Makes one record of the longest part of the gathered events that fits; the rest follows after its commit. */
  #hand(texts: readonly string[], isPlain: boolean): void {
    const count = countThatFits(texts);
    const isWhole = count === this.#texts.length;
    const fromSeq = this.#queuedSeq;
    const toSeq = fromSeq + count;
    let bytes = `[${(count === texts.length ? texts : texts.slice(0, count)).join(',')}]`;
    if (isWhole) {
      this.#texts = [];
      this.#dirtySince = undefined;
    } else {
      this.#texts = this.#texts.slice(count);
      this.#wanted = true;
    }
    this.#queuedSeq = toSeq;
    const { head, fence } = this.#run;
    let end = isWhole ? this.#end : undefined;
    if (isPlain && fromSeq === 0 && end?.erasesAt !== undefined && end.erasesAt <= end.endedAt && !end.followUps) {
      // Nothing of the run is stored yet, and nothing that follows reads it: what is to be forgotten is never written down.
      bytes = JSON.stringify((JSON.parse(bytes) as RunEvent[]).map(eraseEvent));
      const { erasesAt: _, ...rest } = end;
      end = rest;
    }
    const create = fromSeq === 0;
    const record: { -readonly [Key in keyof RunRecord]: RunRecord[Key] } = {
      head,
      create,
      status: this.#status(end),
      fence,
      fromSeq,
      toSeq,
      bytes,
    };
    if (end) record.end = end;
    const waiting = this.#end ? undefined : this.#run.begun ? this.#run.state.waitingFor : undefined;
    if (waiting) record.waiting = waiting;
    const inbox = this.#takeInbox(toSeq);
    if (inbox) record.inbox = inbox;
    const timers = this.#takeTimers(toSeq);
    if (timers) record.timers = timers;
    if (create && this.#tags && this.#tags.length > 0) record.tags = this.#tags;
    this.#keeper.journal.append(record, (result) => this.#settled(result, record));
  }

  #status(end: RunEnd | undefined): RunStatusName {
    if (end) return end.status;
    // The run has ended in memory, and its last events are in a later record: nobody may see the end before.
    if (this.#end) return 'running';
    return this.#run.begun ? this.#run.state.status : 'pending';
  }

  #takeInbox(toSeq: number): readonly string[] | undefined {
    if (!this.#inbox) return undefined;
    const taken = this.#inbox.filter((row) => row.seq < toSeq).map((row) => row.id);
    this.#inbox = taken.length < this.#inbox.length ? this.#inbox.slice(taken.length) : undefined;
    return taken.length > 0 ? taken : undefined;
  }

  #takeTimers(toSeq: number): readonly RunTimer[] | undefined {
    if (!this.#timers) return undefined;
    const taken = this.#timers.filter(({ seq }) => seq < toSeq).map(({ timer }) => timer);
    this.#timers = taken.length < this.#timers.length ? this.#timers.slice(taken.length) : undefined;
    return taken.length > 0 ? taken : undefined;
  }

  #settled(result: AppendResult, record: RunRecord): void {
    if (result.kind !== 'committed') return this.#fail(result);
    const { toSeq } = record;
    this.#inFlight = false;
    const first = this.#committedSeq === 0;
    this.#committedSeq = toSeq;
    // Whoever started the run hears that it is stored before anything that waited for it goes on.
    this.#keeper.onCommitted(this.#run, record, first);
    if (this.#waiters) {
      const due = this.#waiters.filter((waiter) => waiter.seq <= toSeq);
      this.#waiters = due.length < this.#waiters.length ? this.#waiters.filter((waiter) => waiter.seq > toSeq) : undefined;
      for (const waiter of due) waiter.done(true);
    }
    if (this.#wanted || this.#waiters) this.flush();
  }

  #fail(result: Exclude<AppendResult, { kind: 'committed' }>): void {
    this.#broken = true;
    const waiters = this.#waiters ?? [];
    this.#waiters = undefined;
    this.#texts = [];
    this.#dirtySince = undefined;
    this.#keeper.onBroken(this.#run, result);
    for (const waiter of waiters) waiter.done(false);
  }
}

/** How many of the texts make one record: at least one. */
function countThatFits(texts: readonly string[]): number {
  let units = 0;
  for (const text of texts) units += text.length + 1;
  if (units * BYTES_PER_UNIT <= RECORD_BYTES) return texts.length;
  let bytes = 2;
  let count = 0;
  for (const text of texts) {
    bytes += Buffer.byteLength(text) + 1;
    if (count > 0 && bytes > RECORD_BYTES) break;
    count += 1;
  }
  return count;
}
