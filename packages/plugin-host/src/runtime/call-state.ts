/**
 * What all items of one call share: its specification, its sink, whether it has ended, its abort signal, its log and its open requests.
 * Nothing here costs anything until it is used: a call of pure functions makes no controller, no timer and no listener.
 */
import { StepFailure } from '@plugboard/sdk';
import type { CallSpec, LogLine, Sink } from '@plugboard/engine';
import type { Json, StepError } from '@plugboard/sdk';
import { normalise } from './normalise.ts';

const LOG_LINES_MAX = 500;
const LOG_TEXT_MAX = 2_000;
/** Requests of one call in flight; further ones wait. */
const OPEN_FETCHES_MAX = 32;

export class CallState {
  readonly spec: CallSpec;
  readonly sink: Sink;
  #isEnded = false;
  #stopError: StepError | undefined;
  #controller: AbortController | undefined;
  #lines: LogLine[] | undefined;
  #lineCount = 0;
  #openFetches = 0;
  #waitingFetches: (() => void)[] | undefined;
  #files = 0;
  #sockets = 0;

  constructor(spec: CallSpec, sink: Sink) {
    this.spec = spec;
    this.sink = sink;
  }

  /** @throws StepFailure CALL_ENDED when the call is over: nothing may act for it any more. */
  use(): void {
    if (this.#isEnded) {
      throw new StepFailure('CALL_ENDED', 'The step is over. Await everything the step starts before run returns.', { kind: 'bug' });
    }
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#stopError !== undefined) this.#controller.abort(asFailure(this.#stopError));
    }
    return this.#controller.signal;
  }

  /** Why the call was stopped; undefined while it runs freely. */
  get stopError(): StepError | undefined {
    return this.#stopError;
  }

  /** Aborts the signal. The first reason counts. */
  stop(error: StepError): void {
    if (this.#stopError !== undefined) return;
    this.#stopError = error;
    this.#controller?.abort(asFailure(error));
  }

  end(): void {
    this.flushLog();
    this.#isEnded = true;
    // What the step started and did not await ends with it.
    this.#controller?.abort(new StepFailure('CALL_ENDED', 'The step is over.', { kind: 'bug' }));
  }

  log(level: LogLine['level'], message: string, data: Json | undefined, i: number | undefined): void {
    this.use();
    this.#lineCount++;
    if (this.#lineCount > LOG_LINES_MAX) return;
    const last = this.#lineCount === LOG_LINES_MAX;
    const text = last ? `Further lines are left out: a step logs at most ${LOG_LINES_MAX}.` : withData(message, data);
    const clean = String(text).slice(0, LOG_TEXT_MAX).toWellFormed().replaceAll('\0', '');
    (this.#lines ??= []).push({ level, message: clean, at: Date.now(), ...(i !== undefined && { i }) });
  }

  flushLog(): void {
    const lines = this.#lines;
    if (lines === undefined) return;
    this.#lines = undefined;
    this.sink.log(lines);
  }

  /** @throws StepFailure CALL_LIMIT when the call has made so many already */
  count(what: 'files' | 'sockets', most: number): void {
    const made = what === 'files' ? ++this.#files : ++this.#sockets;
    if (made <= most) return;
    const name = what === 'files' ? 'files' : 'connections';
    throw new StepFailure('CALL_LIMIT', `A step makes at most ${most} ${name} at once. Give it fewer items, for instance in batches.`);
  }

  /** Runs a request when fewer than {@link OPEN_FETCHES_MAX} are open. */
  async limited<T>(request: () => Promise<T>): Promise<T> {
    if (this.#openFetches >= OPEN_FETCHES_MAX) await new Promise<void>((go) => (this.#waitingFetches ??= []).push(go));
    else this.#openFetches++;
    try {
      this.use();
      return await request();
    } finally {
      const next = this.#waitingFetches?.shift();
      // The place goes to the next one in line without becoming free in between.
      if (next === undefined) this.#openFetches--;
      else next();
    }
  }
}

export const CANCELLED: StepError = { code: 'CANCELLED', kind: 'cancelled', message: 'The step was stopped.' };

export function timedOut(deadlineMs: number): StepError {
  return { code: 'STEP_TIMEOUT', kind: 'timeout', message: `The step took longer than its limit of ${deadlineMs} ms.` };
}

/** A StepError as something to throw. */
export function asFailure(error: StepError): StepFailure {
  return new StepFailure(error.code, error.message, { kind: error.kind });
}

function withData(message: string, data: Json | undefined): string {
  if (data === undefined) return message;
  try {
    return `${message} ${JSON.stringify(normalise(data))}`;
  } catch {
    return `${message} (with data that is not JSON)`;
  }
}
