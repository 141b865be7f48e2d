/**
 * The `ctx` of one item, or of one batch. One class whose members are prototype getters: a step that uses none of them pays for one small
 * object. Everything else is made on first use and kept.
 */
import { StepFailure } from '@plugboard/sdk';
import type { CallInput } from '@plugboard/engine';
import type {
  AllItemsResult,
  CodeRequest,
  EachItemResult,
  Json,
  JsonObject,
  StepApprovals,
  StepCode,
  StepConnect,
  StepCtx,
  StepFetch,
  StepFiles,
  StepForms,
  StepHttp,
  StepLog,
  StepReply,
  StepRun,
  StepSpend,
  StepState,
  StepWorkflows,
} from '@plugboard/sdk';
import type { CallState } from './call-state.ts';
import { provesNotApplied } from './network-failure.ts';
import { normalise } from './normalise.ts';
import { createStepFetch } from './step-fetch.ts';
import type { OwnFetch } from './step-fetch.ts';
import { HttpClient } from './step-http.ts';
import { stepApprovals, stepConnect, stepFiles, stepForms, stepState, stepWorkflows } from './step-reach.ts';
import { stepSpend } from './step-spend.ts';
import { toStepError } from './to-step-error.ts';
import type { WriteRecord } from './write-record.ts';

/** What a context makes on first use. */
interface Parts {
  record?: WriteRecord;
  fetch?: OwnFetch;
  http?: StepHttp;
  log?: StepLog;
  code?: StepCode;
  reply?: StepReply;
  files?: StepFiles;
  state?: StepState;
  connect?: StepConnect;
  spend?: StepSpend;
}

export class StepContext implements StepCtx {
  readonly #call: CallState;
  /** The item; undefined for a batch. */
  readonly #input: CallInput | undefined;
  #parts: Parts | undefined;

  constructor(call: CallState, input: CallInput | undefined) {
    this.#call = call;
    this.#input = input;
  }

  /** The runtime's record of the writes made through a context; undefined when there were none. */
  static recordOf(ctx: StepContext): WriteRecord | undefined {
    return ctx.#parts?.record;
  }

  get signal(): AbortSignal {
    return this.#used().signal;
  }
  get now(): string {
    return this.#used().spec.now;
  }
  get run(): StepRun {
    return this.#used().spec.run;
  }
  get node(): { readonly id: string; readonly name: string } {
    return this.#used().spec.node;
  }
  get round(): number {
    return this.#used().spec.round ?? 0;
  }

  get attempt(): number {
    return this.#used().spec.attempt;
  }

  get idempotencyKey(): string {
    const { spec } = this.#used();
    if (this.#input !== undefined) return this.#input.key ?? `${spec.run.id}.${spec.node.id}.${this.#input.i}`;
    return spec.key ?? `${spec.run.id}.${spec.node.id}`;
  }

  key(name: string): string {
    return `${this.idempotencyKey}.${name}`;
  }

  get log(): StepLog {
    const call = this.#used();
    return (this.#made().log ??= new Log(call, this.#input?.i));
  }

  get fetch(): StepFetch {
    return this.#ownFetch();
  }

  get http(): StepHttp {
    const call = this.#used();
    return (this.#made().http ??= new HttpClient(
      this.#ownFetch(),
      () => call.stopError !== undefined,
      () => this.files,
    ));
  }

  get code(): StepCode {
    const call = this.#used();
    return (this.#made().code ??= { run: codeRunner(call, this.#input?.i) });
  }

  get reply(): StepReply {
    const call = this.#used();
    return (this.#made().reply ??= {
      send: async ({ status, headers = {}, body, raw, file }) => {
        call.use();
        const record = this.#record();
        const op = {
          op: 'reply.send',
          status,
          headers,
          body: normalise(body) ?? null,
          ...(raw === true && { raw }),
          ...(file && { fileId: file.id }),
        } as const;
        record.uncertain++;
        try {
          await call.sink.rpc(op, this.#input?.i);
          record.uncertain--;
          record.acknowledged++;
        } catch (error) {
          if (provesNotApplied(error)) record.uncertain--;
          throw asFailure(error);
        }
      },
    });
  }

  get files(): StepFiles {
    const call = this.#used();
    return (this.#made().files ??= stepFiles(call));
  }

  get state(): StepState {
    const call = this.#used();
    return (this.#made().state ??= stepState(call, this.#input));
  }

  get connect(): StepConnect {
    const call = this.#used();
    return (this.#made().connect ??= stepConnect(call, () => this.#record()));
  }

  get spend(): StepSpend {
    const call = this.#used();
    return (this.#made().spend ??= stepSpend(call, this.#input?.i, this.#record()));
  }

  get approvals(): StepApprovals {
    return stepApprovals(this.#used());
  }

  get forms(): StepForms {
    return stepForms(this.#used());
  }

  get workflows(): StepWorkflows {
    return stepWorkflows(this.#used());
  }

  async credential(slot: string): Promise<JsonObject | undefined> {
    const call = this.#used();
    if (call.spec.slots?.includes(slot) !== true) return undefined;
    try {
      return (await call.sink.rpc({ op: 'credential.open', slot }, this.#input?.i)) as JsonObject;
    } catch (error) {
      throw asFailure(error);
    }
  }

  #used(): CallState {
    this.#call.use();
    return this.#call;
  }

  #made(): Parts {
    return (this.#parts ??= {});
  }

  #record(): WriteRecord {
    return (this.#made().record ??= { acknowledged: 0, uncertain: 0, left: 0 });
  }

  #ownFetch(): OwnFetch {
    const call = this.#used();
    return (this.#made().fetch ??= createStepFetch({ call, record: this.#record(), key: (name) => this.key(name) }));
  }
}

class Log implements StepLog {
  readonly #call: CallState;
  readonly #i: number | undefined;

  constructor(call: CallState, i: number | undefined) {
    this.#call = call;
    this.#i = i;
  }
  debug(message: string, data?: Json): void {
    this.#call.log('debug', message, data, this.#i);
  }
  info(message: string, data?: Json): void {
    this.#call.log('info', message, data, this.#i);
  }
  warn(message: string, data?: Json): void {
    this.#call.log('warn', message, data, this.#i);
  }
  error(message: string, data?: Json): void {
    this.#call.log('error', message, data, this.#i);
  }
}

function codeRunner(call: CallState, i: number | undefined): StepCode['run'] {
  function run(request: CodeRequest<'all-items'>): Promise<AllItemsResult>;
  function run(request: CodeRequest<'each-item'>): Promise<EachItemResult>;
  async function run({
    code,
    language,
    mode,
    timeoutMs,
  }: CodeRequest<'each-item' | 'all-items'>): Promise<AllItemsResult | EachItemResult> {
    call.use();
    try {
      const answer = await call.sink.rpc({ op: 'code.run', code, language, mode, ...(timeoutMs !== undefined && { timeoutMs }) }, i);
      return answer as unknown as AllItemsResult | EachItemResult;
    } catch (error) {
      throw asFailure(error);
    }
  }
  return run;
}

/** What the server answers with is a StepError, as data or thrown; authors get something they can throw on. */
function asFailure(error: unknown): StepFailure {
  const { code, message, kind, status, retryAfterMs, requestId, data } = toStepError(error);
  return new StepFailure(code, message, { kind, status, retryAfterMs, requestId, data, cause: error });
}
