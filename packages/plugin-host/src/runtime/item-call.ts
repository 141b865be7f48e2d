/**
 * Runs a per-item type over the items of a call. While `run` returns plain values nothing waits: the call ends in the same turn.
 * From the first promise on, up to `concurrency` items are in flight and outcomes go to the sink merged by turn of the event loop.
 */
import type { CallEnd, CallInput, ItemOutcome, ItemOutput } from '@plugboard/engine';
import type { JsonObject, StepError } from '@plugboard/sdk';
import { asFailure, CANCELLED } from './call-state.ts';
import type { CallState } from './call-state.ts';
import { itemParams } from './loaded-type.ts';
import type { LoadedType } from './loaded-type.ts';
import { formOf, InputItem, isThenable, itemOutput, OUTPUTS_MAX, tooManyOutputs } from './outputs.ts';
import type { RuntimeOptions } from './runtime-options.ts';
import { StepContext } from './step-context.ts';
import { watch } from './stoppable.ts';
import type { Watch } from './stoppable.ts';
import { toStepError } from './to-step-error.ts';
import { isUnknown } from './write-record.ts';

type Run = (args: { readonly params: JsonObject; readonly item: InputItem; readonly ctx: StepContext }) => unknown;

/** Plain items may take this long before the event loop gets a turn, in milliseconds. */
const SLICE_MS = 30;
/** Items between two looks at the clock. */
const SLICE_ITEMS = 64;
/** Of a call none of whose items has waited; never written. */
const NO_ITEMS = new Map<number, StepContext>();
/** Never written: the first outcome makes a list. */
const NO_OUTCOMES: ItemOutcome[] = [];

export function runItems(type: LoadedType, call: CallState, signal: AbortSignal, options: RuntimeOptions): CallEnd | Promise<CallEnd> {
  return new ItemCall(type, call, signal, options).start();
}

class ItemCall {
  readonly #type: LoadedType;
  readonly #run: Run;
  readonly #call: CallState;
  readonly #signal: AbortSignal;
  readonly #options: RuntimeOptions;
  readonly #inputs: readonly CallInput[];
  readonly #concurrency: number;
  #next = 0;
  #settled = 0;
  #outcomes: ItemOutcome[] = NO_OUTCOMES;
  /** Items that wait, with their contexts. */
  #inFlight: Map<number, StepContext> = NO_ITEMS;
  #flush: NodeJS.Immediate | undefined;
  #turn: NodeJS.Immediate | undefined;
  #watch: Watch | undefined;
  #finish: ((end: CallEnd) => void) | undefined;
  #isOver = false;

  constructor(type: LoadedType, call: CallState, signal: AbortSignal, options: RuntimeOptions) {
    this.#type = type;
    this.#run = type.run as Run;
    this.#call = call;
    this.#signal = signal;
    this.#options = options;
    this.#inputs = allInputs(call.spec.inputs);
    this.#concurrency = Math.max(1, call.spec.concurrency);
  }

  start(): CallEnd | Promise<CallEnd> {
    this.#advance();
    if (this.#settled === this.#inputs.length) return this.#end({ ok: true });
    return new Promise((resolve) => {
      this.#finish = resolve;
      this.#watch = watch(this.#call, this.#signal, {
        graceMs: this.#options.graceMs,
        abandon: () => this.#abandon(),
        stopped: () => this.#stopWhenIdle(),
      });
      // Outcomes of plain items should not wait for those that take time.
      this.#flushSoon();
    });
  }

  /** Starts items while there is room. */
  #advance(): void {
    const inputs = this.#inputs;
    const sliceStart = inputs.length > SLICE_ITEMS ? performance.now() : 0;
    let count = 0;
    while (this.#next < inputs.length && this.#inFlight.size < this.#concurrency && this.#call.stopError === undefined) {
      const at = this.#next++;
      this.#startItem(at, inputs[at] as CallInput);
      if (++count % SLICE_ITEMS === 0 && performance.now() - sliceStart > SLICE_MS) {
        this.#turn ??= setImmediate(() => {
          this.#turn = undefined;
          this.#progress();
        });
        return;
      }
    }
  }

  #startItem(at: number, input: CallInput): void {
    const ctx = new StepContext(this.#call, input);
    const { constants } = this.#call.spec;
    let result: unknown;
    try {
      result = this.#run({ params: itemParams(constants, input.params), item: new InputItem(input, at), ctx });
      if (isThenable(result)) {
        this.#waits(at, ctx);
        this.#waitFor(at, input, ctx, Promise.resolve(result));
        return;
      }
      if (formOf(result) === 'async') {
        this.#waits(at, ctx);
        this.#waitFor(at, input, ctx, collect(result as AsyncIterable<unknown>, this.#call));
        return;
      }
      this.#settle({ i: input.i, ok: this.#outputs(result, input) });
    } catch (error) {
      this.#settle(this.#failure(input, ctx, error));
    }
  }

  #waits(at: number, ctx: StepContext): void {
    if (this.#inFlight === NO_ITEMS) this.#inFlight = new Map();
    this.#inFlight.set(at, ctx);
  }

  #waitFor(at: number, input: CallInput, ctx: StepContext, result: Promise<unknown>): void {
    void result
      .then((value) => (formOf(value) === 'async' ? collect(value as AsyncIterable<unknown>, this.#call) : value))
      .then((value): ItemOutcome => ({ i: input.i, ok: this.#outputs(value, input) }))
      .catch((error: unknown) => this.#failure(input, ctx, error))
      .then((outcome) => {
        // After the call has ended nobody wants a late outcome.
        if (this.#isOver) return;
        this.#inFlight.delete(at);
        this.#settle(outcome);
        this.#progress();
      });
  }

  #outputs(result: unknown, input: CallInput): readonly ItemOutput[] {
    switch (formOf(result)) {
      case 'none':
        return NO_OUTPUTS;
      case 'one':
        return [itemOutput(result, input.json, this.#type)];
      default: {
        const outputs: ItemOutput[] = [];
        for (const one of result as Iterable<unknown>) {
          if (outputs.length >= OUTPUTS_MAX) throw tooManyOutputs();
          outputs.push(itemOutput(one, input.json, this.#type));
        }
        return outputs;
      }
    }
  }

  #failure(input: CallInput, ctx: StepContext, thrown: unknown): ItemOutcome {
    const { stopError } = this.#call;
    const error = toStepError(thrown);
    // An error after the abort is its consequence, unless the plugin says otherwise.
    return this.#failed(input, ctx, stopError !== undefined && (error.kind === 'bug' || error.kind === 'cancelled') ? stopError : error);
  }

  #failed(input: CallInput, ctx: StepContext, error: StepError): ItemOutcome {
    const params = itemParams(this.#call.spec.constants, input.params);
    return isUnknown(error, StepContext.recordOf(ctx), this.#type.ir, params)
      ? { i: input.i, error, unknown: true }
      : { i: input.i, error };
  }

  #settle(outcome: ItemOutcome): void {
    this.#settled++;
    if (this.#outcomes.length === 0) this.#outcomes = [outcome];
    else this.#outcomes.push(outcome);
    if (this.#finish !== undefined) this.#flushSoon();
  }

  /** After an item has ended: start others, or end the call. */
  #progress(): void {
    this.#advance();
    if (this.#settled === this.#inputs.length) this.#close({ ok: true });
    else this.#stopWhenIdle();
  }

  #stopWhenIdle(): void {
    const { stopError } = this.#call;
    if (stopError === undefined || this.#inFlight.size > 0 || this.#isOver) return;
    this.#close({ ok: false, error: stopError, missing: 'not_sent' });
  }

  /** The grace period is over: items in flight end without their plugin. */
  #abandon(): void {
    if (this.#isOver) return;
    const error = this.#call.stopError ?? CANCELLED;
    for (const [at, ctx] of this.#inFlight) this.#settle(this.#failed(this.#inputs[at] as CallInput, ctx, error));
    this.#inFlight.clear();
    this.#close(this.#settled === this.#inputs.length ? { ok: true } : { ok: false, error, missing: 'not_sent' });
  }

  #flushSoon(): void {
    this.#flush ??= setImmediate(() => {
      this.#flush = undefined;
      if (!this.#isOver) this.#flushNow();
    });
  }

  #flushNow(): void {
    this.#call.flushLog();
    if (this.#outcomes.length === 0) return;
    const outcomes = this.#outcomes;
    this.#outcomes = NO_OUTCOMES;
    this.#call.sink.outcomes(outcomes);
  }

  #close(end: CallEnd): void {
    const finish = this.#finish;
    if (this.#isOver || finish === undefined) return;
    finish(this.#end(end));
  }

  #end(end: CallEnd): CallEnd {
    this.#isOver = true;
    this.#watch?.end();
    clearImmediate(this.#flush);
    clearImmediate(this.#turn);
    this.#flushNow();
    this.#call.end();
    return end;
  }
}

const NO_OUTPUTS: readonly ItemOutput[] = [];

/** Items of all ports, port by port. */
export function allInputs(inputs: { readonly [port: string]: readonly CallInput[] }): readonly CallInput[] {
  const ports = Object.values(inputs);
  return ports.length === 1 ? (ports[0] as readonly CallInput[]) : ports.flat();
}

/** Everything an async generator yields. Its `return` is called when the step is stopped in between. */
async function collect(source: AsyncIterable<unknown>, call: CallState): Promise<readonly unknown[]> {
  const all: unknown[] = [];
  for await (const one of source) {
    if (call.stopError !== undefined) throw asFailure(call.stopError);
    if (all.length >= OUTPUTS_MAX) throw tooManyOutputs();
    all.push(one);
  }
  return all;
}
