/**
 * The open answer of one request; told by the runner how its run goes. Answers once, whatever is told later.
 */
import type { ServerResponse } from 'node:http';
import type { Readable } from 'node:stream';
import type { SlotList } from '@plugboard/engine';
import type { HookReply } from '@plugboard/persistence';
import type { EndedRun, Reply, RunListener } from '@plugboard/runner';
import type { Item, Json } from '@plugboard/sdk';
import { sendProblem, sendStream, sendText } from '../edge/send.ts';
import { failureOf, publicFailure } from './public-failure.ts';
import { fileHeaders, replyHeaders, replyType } from './reply-headers.ts';

/** An answer as it goes out. */
export interface Answer {
  readonly status: number;
  readonly type: string;
  readonly text: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface ReplyFile {
  readonly name: string;
  readonly mime: string;
  readonly sizeBytes: number;
  readonly content: Readable;
}

/** Whose run it is that is waited for. */
export interface ReplyPlace {
  readonly workspaceId: string;
  readonly workflowId: string;
}

/** What all replies of a server have in common. */
export interface ReplyKeeper {
  readonly open: SlotList<PendingReply>;
  /** Opens a file a step answers with. @throws when there is none */
  readonly openFile: (place: ReplyPlace, fileId: string) => Promise<ReplyFile>;
}

export interface PendingReplyOptions {
  readonly keeper: ReplyKeeper;
  readonly place: ReplyPlace;
  readonly res: ServerResponse;
  readonly mode: HookReply;
  /** By the monotonic clock, in milliseconds. */
  readonly dueAt: number;
  /** Keeps the answer for whoever sends the same again, before it goes out. */
  readonly keep?: ((runId: string, answer: Answer) => Promise<void>) | undefined;
  /** What a caller gets once the run is stored. @default its id */
  readonly accepted?: ((runId: string) => Answer) | undefined;
  /** Hears when the run is stored. */
  readonly onAccepted?: ((runId: string) => void) | undefined;
}

const JSON_TYPE = 'application/json; charset=utf-8';
/** How long after its time a run that is not stored yet is waited for, in milliseconds. */
const CONFIRM_MS = 2000;
/** When a caller may try again whose start found no place among those that wait, in seconds. */
const FULL_RETRY_S = '5';

export class PendingReply implements RunListener {
  readonly dueAt: number;
  readonly #options: PendingReplyOptions;
  /** Known before anything of the run is told. */
  runId = '';
  /** Its place among the open replies, until somebody answers. */
  #slot: number | undefined;
  #accepted = false;
  #overdue = false;

  constructor(options: PendingReplyOptions) {
    this.#options = options;
    this.dueAt = options.dueAt;
    this.#slot = options.keeper.open.add(this);
  }

  onAccepted(runId: string): void {
    this.runId = runId;
    this.#accepted = true;
    this.#options.onAccepted?.(runId);
    if (this.#options.mode === 'immediate' || this.#overdue) this.#accept();
  }

  /** What the run gives comes after the runs it calls have ended; until then its caller is kept, and no longer than by the clock. */
  get staysOverCalls(): boolean {
    return this.#slot !== undefined;
  }

  onReply(reply: Reply): boolean {
    if (this.#options.mode !== 'respond' || !this.take()) return false;
    if (reply.fileId !== undefined) {
      this.#sendFile(reply, reply.fileId);
      return true;
    }
    const fallback = reply.raw ? 'text/plain; charset=utf-8' : JSON_TYPE;
    const { 'content-type': type, ...headers } = replyHeaders(reply.headers);
    const text = reply.raw && typeof reply.body === 'string' ? reply.body : JSON.stringify(reply.body);
    this.#send({ status: reply.status, type: replyType(type, fallback), text, headers });
    return true;
  }

  onSuspended(runId: string): void {
    this.runId = runId;
    this.#accept();
  }

  onEnded(run: EndedRun): void {
    if (!this.take()) return;
    this.runId = run.runId;
    if (run.status !== 'succeeded') return this.#sendJson(500, { runId: run.runId, error: failureOf(run) });
    if (this.#options.mode === 'last-step') return this.#sendJson(200, lastStepBody(run.output));
    this.#sendJson(this.#options.mode === 'respond' ? 200 : 202, { runId: run.runId });
  }

  onLost(runId: string, code: string): void {
    if (!this.take()) return;
    const { res } = this.#options;
    if (code === 'QUEUE_FULL')
      sendProblem(res, 503, code, 'Too many starts wait for their turn; nothing was started', { 'retry-after': FULL_RETRY_S });
    else sendAnswer(res, jsonAnswer(code === 'JOURNAL_REFUSED' ? 500 : 504, { runId, error: publicFailure(code) }));
  }

  /**
   * The run takes longer than callers are kept: they get its id as soon as it is stored. One that is not stored a while later may still
   * come to be, or not, so its caller is told neither.
   */
  timeout(now: number): void {
    if (this.#accepted) return this.#accept();
    this.#overdue = true;
    if (now < this.dueAt + CONFIRM_MS) return;
    if (this.take()) sendAnswer(this.#options.res, jsonAnswer(504, { runId: this.runId, error: publicFailure('NOT_CONFIRMED') }));
  }

  /** True for whoever answers. */
  take(): boolean {
    if (this.#slot === undefined) return false;
    this.#options.keeper.open.remove(this.#slot);
    this.#slot = undefined;
    return true;
  }

  #accept(): void {
    // What is told so early is what whoever sends again would be told anyway.
    const { res, accepted } = this.#options;
    if (this.take()) sendAnswer(res, accepted?.(this.runId) ?? jsonAnswer(202, { runId: this.runId }));
  }

  #sendJson(status: number, body: unknown): void {
    this.#send(jsonAnswer(status, body));
  }

  #send(answer: Answer): void {
    const { keep, res } = this.#options;
    if (!keep) return sendAnswer(res, answer);
    // It goes out although it could not be kept: then whoever sends again gets the run's id.
    void keep(this.runId, answer).finally(() => sendAnswer(res, answer));
  }

  #sendFile(reply: Reply, fileId: string): void {
    const { res, keeper, place } = this.#options;
    const missing = (): void => sendAnswer(res, jsonAnswer(500, { runId: this.runId, error: publicFailure('FILE_MISSING') }));
    keeper.openFile(place, fileId).then((file) => {
      const { 'content-type': type, ...headers } = replyHeaders(reply.headers);
      sendStream(res, reply.status, { ...fileHeaders(file, type), ...headers, 'content-length': String(file.sizeBytes) }, file.content);
    }, missing);
  }
}

export function jsonAnswer(status: number, body: unknown): Answer {
  return { status, type: JSON_TYPE, text: JSON.stringify(body) };
}

export function sendAnswer(res: ServerResponse, { status, type, text, headers }: Answer): void {
  sendText(res, status, type, text, headers);
}

/** One item gives its JSON, several an array, none an empty one. */
function lastStepBody(items: readonly Item[]): Json {
  const [only] = items;
  if (items.length === 1 && only) return only.json;
  return items.map((item) => item.json);
}
