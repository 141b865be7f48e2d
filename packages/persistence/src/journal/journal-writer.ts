/**
 * The group commit. One writer per process: one connection, one flush in flight, started at once when idle. What arrives
 * while a flush is under way makes up the next batch, so batches grow with load and nobody waits for a timer.
 *
 *   idle --append--> flushing --answer--> next flush sent, then `done` of each record
 *                       |
 *                       +--a record's fault--> batch halved until the record is found and refused, neighbours committed
 *                       +--no answer---------> intake closed until it comes
 *                       +--anything else-----> batch kept, intake closed, reconnect with back-off, read back, rerun
 */
import type { Client, QueryArrayResult } from 'pg';
import type { AppendResult, Journal, RunRecord } from '@plugboard/engine';
import { FairQueue } from './fair-queue.ts';
import { FlushStatement, UnstorableRecordError } from './flush-statement.ts';
import { readBack } from './read-back.ts';
import { blamesARecord, isMissingPartition } from './sql-errors.ts';
import { closeClient, openWriterSession } from './writer-session.ts';

export interface JournalWriterOptions {
  /** Makes a client of the writer's own, not yet connected. */
  readonly connect: () => Client;
  /** Uuid of this process as owner of runs and writer of statistics; random, new for every process. */
  readonly writerId: string;
  /** Asked once per failed flush when a row has no partition; the flush is then tried again. */
  readonly ensurePartitions?: () => Promise<unknown>;
  /** Called when the database goes away (`error` says why) and when it is back. */
  readonly onStateChange?: (state: WriterState, error?: unknown) => void;
  /** Told about each failed attempt to connect; the next follows by itself. */
  readonly onConnectFailure?: (error: unknown) => void;
  /** Records per flush. @default 1000 */
  readonly maxBatchRecords?: number;
  /** Journal bytes per flush. @default 4 MiB */
  readonly maxBatchBytes?: number;
  /** New runs that may wait before `accepting` turns false. @default 5000 */
  readonly maxPendingRuns?: number;
  /** Journal bytes that may wait before `accepting` turns false. @default 64 MiB */
  readonly maxPendingBytes?: number;
  /** A larger record is refused. Callers keep to 256 KiB; this is the wall behind that. @default 1 MiB */
  readonly maxRecordBytes?: number;
  /** A flush without an answer for so long shows the database as down, so that new runs are refused, in milliseconds. @default 5000 */
  readonly overdueMs?: number;
  /** A flush without an answer for so long is given up, read back and rerun, in milliseconds. @default 30000 */
  readonly flushTimeoutMs?: number;
  /** Longest pause between attempts to reconnect, in milliseconds. @default 1000 */
  readonly maxReconnectDelayMs?: number;
}

/** `down` from the moment the database stops answering until a flush or a connection succeeds again. */
export type WriterState = 'up' | 'down';

export interface WriterMetrics {
  readonly state: WriterState;
  /** Records waiting for their flush. */
  readonly pending: number;
  readonly pendingBytes: number;
  /** Moving average of a flush, in milliseconds. */
  readonly flushMs: number;
  /** Records in the last flush. */
  readonly batchSize: number;
  /** Flushes and records committed since the start. */
  readonly commits: number;
  readonly records: number;
  readonly lost: number;
  readonly refused: number;
  readonly reconnects: number;
}

export interface JournalWriter extends Journal {
  readonly writerId: string;
  readonly metrics: WriterMetrics;
  /** Resolves when the first connection stands. Records may be queued before. */
  ready(): Promise<void>;
  /**
   * Waits for everything queued, at most `timeoutMs` (default 10000), then closes the connection. Returns how many records had
   * no outcome by then; their `done` is never called.
   */
  close(timeoutMs?: number): Promise<number>;
}

/** What `onStateChange` is told when a flush is overdue. The flush goes on; the writer is up again with its answer. */
export class FlushOverdueError extends Error {
  override readonly name = 'FlushOverdueError';
  readonly code = 'FLUSH_OVERDUE';
}

interface Entry {
  readonly record: RunRecord;
  readonly size: number;
  readonly done: (result: AppendResult) => void;
  readonly generation: Generation;
}

/** Records queued between two calls of `drain`. */
interface Generation {
  open: number;
  onEmpty: (() => void) | undefined;
}

const COMMITTED: AppendResult = { kind: 'committed' };
const LOST: AppendResult = { kind: 'lost' };
/** Rough bytes of a record beside its events. */
const RECORD_OVERHEAD = 200;
/** A commit slower than this means a slow disk: there, gathering for a part of the commit's time pays. */
const SLOW_FLUSH_MS = 2;
const FIRST_RECONNECT_DELAY_MS = 20;
const WATCHDOG_MS = 1_000;
/** After so many records in one flush the next waits for a turn of the event loop: with 50 callers that gives a fifth more runs. With 10 it would give fewer. */
const MANY_RECORDS = 16;

export function createJournalWriter(options: JournalWriterOptions): JournalWriter {
  return new GroupCommitWriter(options);
}

class GroupCommitWriter implements JournalWriter {
  readonly writerId: string;
  readonly #options: Required<Omit<JournalWriterOptions, 'ensurePartitions' | 'onStateChange' | 'onConnectFailure'>> & JournalWriterOptions;
  readonly #statement: FlushStatement;
  readonly #queue = new FairQueue<Entry>();
  /** Runs that go on, with a record queued or in flight: with what else was queued for them meanwhile. */
  readonly #open = new Map<string, Entry[] | undefined>();
  /** Records without an outcome. */
  #unsettled = 0;
  #client: Client | undefined;
  #isBusy = false;
  #gatherTimer: NodeJS.Timeout | undefined;
  readonly #watchdog: NodeJS.Timeout;
  #generation: Generation = { open: 0, onEmpty: undefined };
  #drained: Promise<void> = Promise.resolve();
  readonly #closing = new AbortController();
  readonly #ready: Promise<void>;
  #onReady: () => void = () => {};

  #state: WriterState = 'down';
  #wasUp = false;
  #failures = 0;
  #flushStartedAt = 0;
  #flushMs = 0;
  #batchSize = 0;
  #commits = 0;
  #records = 0;
  #lost = 0;
  #refused = 0;
  #reconnects = 0;

  constructor(options: JournalWriterOptions) {
    this.#options = {
      maxBatchRecords: 1000,
      maxBatchBytes: 4 * 1024 * 1024,
      maxPendingRuns: 5000,
      maxPendingBytes: 64 * 1024 * 1024,
      maxRecordBytes: 1024 * 1024,
      overdueMs: 5_000,
      flushTimeoutMs: 30_000,
      maxReconnectDelayMs: 1_000,
      ...options,
    };
    this.writerId = options.writerId;
    this.#statement = new FlushStatement(options.writerId, this.#options.maxRecordBytes);
    this.#ready = new Promise((resolve) => (this.#onReady = resolve));
    this.#watchdog = setInterval(() => this.#watchFlush(), Math.min(WATCHDOG_MS, this.#options.overdueMs / 2));
    this.#watchdog.unref();
    void this.#openWhileIdle();
  }

  ready(): Promise<void> {
    return this.#ready;
  }

  get accepting(): boolean {
    if (this.#state === 'down' || this.#closing.signal.aborted) return false;
    return this.#queue.newRuns <= this.#options.maxPendingRuns && this.#queue.bytes <= this.#options.maxPendingBytes;
  }

  get retryAfterMs(): number {
    if (this.#state === 'down') return 2_000;
    const flushes = Math.ceil(this.#queue.length / this.#options.maxBatchRecords);
    return Math.max(1_000, Math.ceil(flushes * this.#flushMs));
  }

  get metrics(): WriterMetrics {
    return {
      state: this.#state,
      pending: this.#queue.length,
      pendingBytes: this.#queue.bytes,
      flushMs: this.#flushMs,
      batchSize: this.#batchSize,
      commits: this.#commits,
      records: this.#records,
      lost: this.#lost,
      refused: this.#refused,
      reconnects: this.#reconnects,
    };
  }

  append(record: RunRecord, done: (result: AppendResult) => void): void {
    const entry: Entry = { record, size: record.bytes.length + RECORD_OVERHEAD, done, generation: this.#generation };
    this.#generation.open++;
    this.#unsettled++;
    if (!isWholeRun(record) && !this.#isNext(record.head.id, entry)) return;
    this.#queue.push(entry);
    if (!this.#isBusy) this.#arm();
  }

  drain(): Promise<void> {
    const generation = this.#generation;
    this.#generation = { open: 0, onEmpty: undefined };
    const emptied = generation.open === 0 ? Promise.resolve() : new Promise<void>((resolve) => (generation.onEmpty = resolve));
    this.#drained = Promise.all([this.#drained, emptied]).then(() => {});
    return this.#drained;
  }

  async close(timeoutMs = 10_000): Promise<number> {
    let timer: NodeJS.Timeout | undefined;
    await Promise.race([this.drain(), new Promise((resolve) => (timer = setTimeout(resolve, timeoutMs)))]);
    clearTimeout(timer);
    clearTimeout(this.#gatherTimer);
    clearInterval(this.#watchdog);
    this.#closing.abort();
    const client = this.#client;
    this.#client = undefined;
    if (client) await client.end().catch(() => {});
    return this.#unsettled;
  }

  /** One record per run per flush: two writes of one row in one statement would apply once. False where another one of the run comes before. */
  #isNext(id: string, entry: Entry): boolean {
    if (!this.#open.has(id)) {
      this.#open.set(id, undefined);
      return true;
    }
    const waiting = this.#open.get(id);
    if (waiting) waiting.push(entry);
    else this.#open.set(id, [entry]);
    return false;
  }

  /** Sends the next batch, at once on a fast disk. */
  #arm(): void {
    if (this.#flushMs > SLOW_FLUSH_MS && this.#batchSize > 1 && this.#queue.length < this.#options.maxBatchRecords / 4) {
      this.#gatherTimer ??= setTimeout(
        () => {
          this.#gatherTimer = undefined;
          if (!this.#isBusy) this.#flush();
        },
        Math.min(5, Math.max(1, this.#flushMs / 4)),
      );
      return;
    }
    this.#flush();
  }

  #flush(): void {
    // Without a connection the records wait; the reconnect flushes them.
    if (!this.#client || this.#queue.length === 0) return;
    const batch = this.#queue.take(this.#options.maxBatchRecords, this.#options.maxBatchBytes);
    this.#isBusy = true;
    this.#send(batch, (error, result) => {
      if (error !== undefined || !result) {
        void this.#settle(batch, error);
        return;
      }
      this.#measure(batch);
      this.#setState('up');
      // The next commit is under way before anybody hears of this one. With many callers at once there is more than is queued: what they sent
      // meanwhile is still in their sockets, and one turn of the event loop brings it into the same commit.
      if (batch.length >= MANY_RECORDS) setImmediate(() => this.#goOn());
      else this.#goOn();
      this.#deliver(batch, result);
    });
  }

  #goOn(): void {
    this.#isBusy = false;
    if (this.#queue.length > 0) this.#arm();
  }

  #send(batch: readonly Entry[], answer: (error: unknown, result?: QueryArrayResult<[string]>) => void): void {
    const client = this.#client;
    if (!client) return answer(new Error('The writer has no connection'));
    this.#flushStartedAt = performance.now();
    let config;
    try {
      config = this.#statement.encode(batch);
    } catch (error) {
      return answer(error);
    }
    let isAnswered = false;
    client.query<[string]>(config, (error: Error | null, result: QueryArrayResult<[string]>) => {
      // A connection that breaks late in a flush may report twice.
      if (isAnswered) return;
      isAnswered = true;
      if (error) answer(error);
      else answer(undefined, result);
    });
  }

  #measure(batch: readonly Entry[]): void {
    const took = performance.now() - this.#flushStartedAt;
    this.#flushMs += (took - this.#flushMs) / 10;
    this.#batchSize = batch.length;
    this.#commits++;
  }

  /** Tells each record of a committed flush its outcome. */
  #deliver(batch: readonly Entry[], result: QueryArrayResult<[string]>): void {
    let written: Set<string> | undefined;
    for (const entry of batch) {
      if (entry.record.create) {
        this.#finish(entry, COMMITTED);
      } else {
        written ??= new Set(result.rows.map((row) => row[0]));
        this.#finish(entry, written.has(entry.record.head.id) ? COMMITTED : LOST);
      }
    }
  }

  #finish(entry: Entry, result: AppendResult): void {
    this.#unsettled--;
    if (!isWholeRun(entry.record)) this.#letNext(entry.record.head.id);
    if (result.kind === 'committed') this.#records++;
    else if (result.kind === 'lost') this.#lost++;
    else this.#refused++;
    const generation = entry.generation;
    if (--generation.open === 0) generation.onEmpty?.();
    entry.done(result);
  }

  #letNext(id: string): void {
    const waiting = this.#open.get(id);
    const next = waiting?.shift();
    if (!next) return void this.#open.delete(id);
    if (waiting?.length === 0) this.#open.set(id, undefined);
    this.#queue.push(next);
    if (!this.#isBusy) this.#arm();
  }

  /** The slow path: brings a batch whose flush failed to its outcome, record by record if need be. */
  async #settle(batch: Entry[], firstError: unknown): Promise<void> {
    let pieces: Entry[][] = [batch];
    let failure: { readonly error: unknown } | undefined = { error: firstError };
    let mayMakePartitions = this.#options.ensurePartitions !== undefined;
    while (pieces.length > 0 && !this.#closing.signal.aborted) {
      const piece = pieces[0]!;
      try {
        if (failure) {
          const { error } = failure;
          failure = undefined;
          if (mayMakePartitions && isMissingPartition(error)) {
            mayMakePartitions = false;
            await this.#makePartitions();
          } else if (error instanceof UnstorableRecordError || blamesARecord(error)) {
            pieces = [...this.#split(piece, error), ...pieces.slice(1)];
          } else {
            await this.#reconnect(error);
            pieces = await this.#stillAbsent(pieces);
          }
          continue;
        }
        const result = await this.#ask(piece);
        pieces.shift();
        this.#measure(piece);
        this.#setState('up');
        this.#deliver(piece, result);
      } catch (error) {
        failure = { error };
      }
    }
    if (this.#closing.signal.aborted) return;
    this.#setState('up');
    this.#goOn();
  }

  #ask(piece: readonly Entry[]): Promise<QueryArrayResult<[string]>> {
    return new Promise((resolve, reject) => this.#send(piece, (error, result) => (result ? resolve(result) : reject(error))));
  }

  /** A partition that cannot be made is the world's fault, not the record's. */
  async #makePartitions(): Promise<void> {
    try {
      await this.#options.ensurePartitions?.();
    } catch (cause) {
      throw new Error('The partition for a new run could not be made', { cause });
    }
  }

  /** Halves a batch one of whose records is at fault; a batch of one has found it. */
  #split(piece: readonly Entry[], error: unknown): Entry[][] {
    const at = error instanceof UnstorableRecordError ? error.index : piece.length === 1 ? 0 : undefined;
    if (at === undefined) {
      const half = piece.length >> 1;
      return [piece.slice(0, half), piece.slice(half)];
    }
    this.#finish(piece[at]!, refusal(error));
    const rest = piece.toSpliced(at, 1);
    return rest.length > 0 ? [rest] : [];
  }

  /** After a reconnect: settles the records that were written after all, keeps the others in their batches. */
  async #stillAbsent(pieces: readonly Entry[][]): Promise<Entry[][]> {
    const entries = pieces.flat();
    const client = this.#client;
    if (!client) throw new Error('The writer has no connection');
    const records = entries.map((entry) => entry.record);
    const fates = await readBack(client, this.writerId, records);
    const absent = new Set<Entry>();
    entries.forEach((entry, index) => {
      if (fates[index] === 'absent') absent.add(entry);
      else this.#finish(entry, fates[index] === 'committed' ? COMMITTED : LOST);
    });
    return pieces.map((piece) => piece.filter((entry) => absent.has(entry))).filter((piece) => piece.length > 0);
  }

  /** Drops the session and opens a new one, however long that takes. Rejects only when the writer closes. */
  async #reconnect(error: unknown): Promise<void> {
    this.#setState('down', error);
    this.#dropClient();
    for (;;) {
      const delayMs = Math.min(this.#options.maxReconnectDelayMs, FIRST_RECONNECT_DELAY_MS * 2 ** Math.min(this.#failures, 16));
      if (this.#failures > 0) await pause(delayMs, this.#closing.signal);
      this.#closing.signal.throwIfAborted();
      this.#failures++;
      try {
        await this.#connect();
        return;
      } catch (cause) {
        this.#options.onConnectFailure?.(cause);
      }
    }
  }

  async #connect(): Promise<void> {
    const client = await openWriterSession({
      connect: this.#options.connect,
      writerId: this.writerId,
      statementTimeoutMs: this.#options.flushTimeoutMs,
      onBroken: (error, of) => {
        // While a flush is in flight its own answer tells; it decides what was written.
        if (this.#client === of && !this.#isBusy) void this.#openWhileIdle(error);
      },
    });
    if (this.#closing.signal.aborted) {
      closeClient(client);
      this.#closing.signal.throwIfAborted();
    }
    this.#client = client;
    if (this.#wasUp) this.#reconnects++;
  }

  /** Connects while nothing is in flight: at the start, and after a break between two flushes. */
  async #openWhileIdle(error?: unknown): Promise<void> {
    this.#isBusy = true;
    try {
      await this.#reconnect(error);
    } catch {
      // Only closing ends the attempts.
      return;
    }
    this.#isBusy = false;
    this.#setState('up');
    if (this.#queue.length > 0) this.#arm();
  }

  #setState(state: WriterState, error?: unknown): void {
    if (state === 'up') this.#failures = 0;
    if (state === this.#state) return;
    this.#state = state;
    if (state === 'up' && !this.#wasUp) {
      this.#wasUp = true;
      this.#onReady();
    }
    if (state === 'up') this.#options.onStateChange?.('up');
    else this.#options.onStateChange?.('down', error);
  }

  #dropClient(): void {
    const client = this.#client;
    this.#client = undefined;
    if (client) closeClient(client);
  }

  /**
   * A database that stands still answers nothing and breaks nothing: after a while intake is closed. Later the client is ended, for a peer that
   * vanished without a word leaves a flush without an answer for ever.
   */
  #watchFlush(): void {
    if (!this.#isBusy || !this.#client) return;
    const waitedMs = performance.now() - this.#flushStartedAt;
    if (waitedMs > this.#options.overdueMs && this.#state === 'up') {
      this.#setState('down', new FlushOverdueError(`The database has not answered for ${Math.round(waitedMs)} ms.`));
    }
    if (waitedMs > this.#options.flushTimeoutMs + WATCHDOG_MS) closeClient(this.#client);
  }
}

/** The only record of its run: nothing comes before it or after it. */
function isWholeRun({ create, end }: RunRecord): boolean {
  return create && end !== undefined;
}

function refusal(error: unknown): AppendResult {
  const cause = error instanceof UnstorableRecordError ? error.cause : error;
  const code =
    typeof cause === 'object' && cause !== null && 'code' in cause && typeof cause.code === 'string' ? cause.code : 'UNSTORABLE_VALUE';
  return { kind: 'refused', code, message: cause instanceof Error ? cause.message : String(cause) };
}

/** Waits, or rejects at once when the writer closes. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      clearTimeout(timer);
      reject(signal.reason as Error);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', onAbort);
      resolve();
    }, ms);
    signal.addEventListener('abort', onAbort, { once: true });
  });
}
