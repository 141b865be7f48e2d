/**
 * Runs a per-batch type: one call of `run` over all items. Plain results end the call in the same turn, unless making or taking them would
 * hold up the event loop: then the rest comes in slices.
 * Where the specification asks for an outcome per item, outputs are grouped by the item they name first.
 */
import type { BatchOutput, CallEnd, CallInput, ItemOutcome, ItemOutput } from '@plugboard/engine';
import { FAILED_MARK, GIVE_WAY, StepFailure, WAIT_MARK } from '@plugboard/sdk';
import type { FailedItem, JsonObject, StepError, WaitRequest } from '@plugboard/sdk';
import { CANCELLED } from './call-state.ts';
import type { CallState } from './call-state.ts';
import { allInputs } from './item-call.ts';
import { itemParams } from './loaded-type.ts';
import type { LoadedType } from './loaded-type.ts';
import { Normaliser } from './normalise.ts';
import { batchOutput, formOf, InputItem, inputIndex, isThenable, OUTPUTS_MAX, outputsTooLarge, tooManyOutputs } from './outputs.ts';
import type { RuntimeOptions } from './runtime-options.ts';
import { StepContext } from './step-context.ts';
import { watch } from './stoppable.ts';
import { toStepError } from './to-step-error.ts';
import { effectsOf, isUnknown } from './write-record.ts';

/** Outputs taken between two looks at the clock. */
const STEP_OUTPUTS = 16;

const ALL_TAKEN = Symbol('all taken');

interface BatchRunArgs {
  readonly params: JsonObject;
  readonly items: readonly InputItem[];
  readonly inputs: { readonly [port: string]: readonly InputItem[] };
  readonly ctx: StepContext;
}

export function runBatch(type: LoadedType, call: CallState, signal: AbortSignal, options: RuntimeOptions): CallEnd | Promise<CallEnd> {
  return new BatchCall(type, call, signal, options).start();
}

class BatchCall {
  readonly #type: LoadedType;
  readonly #call: CallState;
  readonly #signal: AbortSignal;
  readonly #options: RuntimeOptions;
  readonly #inputs: readonly CallInput[];
  readonly #ctx: StepContext;
  readonly #outputs: BatchOutput[] = [];
  /** Has seen the new items among them. */
  readonly #made = new Normaliser();
  readonly #maxLength: number;
  /** Failures by index in the step's whole input. */
  readonly #failures = new Map<number, StepError>();
  /** What the call asked to wait for. */
  #waits: Extract<CallEnd, { ok: true }>['wait'];
  #isOver = false;

  constructor(type: LoadedType, call: CallState, signal: AbortSignal, options: RuntimeOptions) {
    this.#type = type;
    this.#call = call;
    this.#signal = signal;
    this.#options = options;
    this.#inputs = allInputs(call.spec.inputs);
    this.#maxLength = call.spec.maxLength ?? Infinity;
    this.#ctx = new StepContext(call, undefined);
  }

  start(): CallEnd | Promise<CallEnd> {
    try {
      const result = (this.#type.run as (args: BatchRunArgs) => unknown)(this.#args());
      if (isThenable(result) || formOf(result) === 'async') return this.#wait(result);
      const taking = this.#takeAll(this.#outputsOf(result));
      return taking === undefined ? this.#end(this.#success()) : this.#wait(taking);
    } catch (error) {
      return this.#end(this.#failure(error));
    }
  }

  #args(): BatchRunArgs {
    const inputs: { [port: string]: readonly InputItem[] } = {};
    let position = 0;
    for (const [port, list] of Object.entries(this.#call.spec.inputs)) inputs[port] = list.map((input) => new InputItem(input, position++));
    const lists = Object.values(inputs);
    const items = lists.length === 1 ? (lists[0] as readonly InputItem[]) : lists.flat();
    return { params: this.#params(), items, inputs, ctx: this.#ctx };
  }

  /** Parameters evaluated per item become arrays in item order, whether the values differ or not. */
  #params(): JsonObject {
    const { constants } = this.#call.spec;
    if (this.#type.perItem.length === 0) return constants;
    const params = { ...constants };
    for (const name of this.#type.perItem) {
      const values = this.#inputs.map((input) => itemParams(constants, input.params)[name]);
      if (values.some((value) => value !== undefined)) params[name] = values.map((value) => value ?? null);
    }
    return params;
  }

  /** `result` is what `run` gave, or a promise that all of it has been taken. */
  #wait(result: unknown): Promise<CallEnd> {
    return new Promise((resolve) => {
      let iterator: AsyncIterator<unknown> | undefined;
      const close = (end: () => CallEnd): void => {
        if (this.#isOver) return;
        watched.end();
        resolve(this.#end(end()));
      };
      const consume = async (): Promise<void> => {
        const value = await (result as PromiseLike<unknown>);
        if (value === ALL_TAKEN) return;
        if (formOf(value) !== 'async') {
          await this.#takeAll(this.#outputsOf(value));
          return;
        }
        iterator = (value as AsyncIterable<unknown>)[Symbol.asyncIterator]();
        const mayGoOn = this.#options.slices.pace();
        for (let step = await iterator.next(); step.done !== true; step = await iterator.next()) {
          if (this.#isOver) return;
          if (step.value === GIVE_WAY) await mayGoOn();
          else this.#take(step.value);
        }
      };
      const watched = watch(this.#call, this.#signal, {
        graceMs: this.#options.graceMs,
        abandon: () => close(() => this.#failure(this.#call.stopError ?? CANCELLED)),
        // A generator that stands at a yield ends here; one that awaits ends by the signal or is abandoned.
        stopped: () => void iterator?.return?.().then(undefined, () => undefined),
      });
      consume().then(
        () => close(() => (this.#call.stopError === undefined ? this.#success() : this.#failure(this.#call.stopError))),
        (error: unknown) => close(() => this.#failure(error)),
      );
    });
  }

  /** What `run` gave, to be taken one by one. */
  #outputsOf(result: unknown): Iterator<unknown> {
    if (!isWait(result)) return outputsOf(result);
    if (result.kind !== this.#type.ir.waits)
      throw new StepFailure('WAIT_NOT_DECLARED', `A type whose calls may wait says so: waits: '${String(result.kind)}'.`, { kind: 'bug' });
    this.#waits = {
      kind: result.kind,
      ...(result.until === undefined ? {} : { until: instantOf(result.until) }),
      ...(result.runs === undefined ? {} : { runs: result.runs }),
    };
    return outputsOf(result.items);
  }

  /** Takes all outputs, in slices; undefined when that is done already. */
  #takeAll(outputs: Iterator<unknown>): Promise<typeof ALL_TAKEN> | undefined {
    const taking = this.#options.slices.run(() => this.#isOver || this.#call.stopError !== undefined || this.#takeSome(outputs));
    return taking?.then(() => {
      // A generator that was left in between gets to clean up.
      outputs.return?.();
      return ALL_TAKEN;
    });
  }

  /** Takes outputs up to the next look at the clock; true when there are no more. */
  #takeSome(outputs: Iterator<unknown>): boolean {
    try {
      for (let taken = 0; taken < STEP_OUTPUTS; taken++) {
        const step = outputs.next();
        if (step.done === true) return true;
        if (step.value === GIVE_WAY) return false;
        this.#take(step.value);
      }
      return false;
    } catch (error) {
      outputs.return?.();
      throw error;
    }
  }

  #take(one: unknown): void {
    if (this.#outputs.length >= OUTPUTS_MAX) throw tooManyOutputs();
    if (typeof one === 'object' && one !== null && (one as { readonly [FAILED_MARK]?: unknown })[FAILED_MARK] === true) {
      const { i, error } = one as FailedItem;
      if (this.#call.spec.outcomes !== 'item') throw error;
      this.#failures.set(inputIndex(i, this.#inputs), toStepError(error));
      return;
    }
    this.#outputs.push(batchOutput(one, this.#inputs, this.#type, this.#made));
    if (this.#made.length > this.#maxLength) throw outputsTooLarge(this.#maxLength);
  }

  #success(): CallEnd {
    if (this.#call.spec.outcomes !== 'item') return { ok: true, outputs: this.#outputs, ...(this.#waits ? { wait: this.#waits } : {}) };
    try {
      this.#call.sink.outcomes(this.#outcomes());
      return { ok: true };
    } catch (error) {
      return this.#failure(error);
    }
  }

  /** An outcome for every item: its failure, or its outputs, possibly none. */
  #outcomes(): readonly ItemOutcome[] {
    const byItem = new Map<number, ItemOutput[]>(this.#inputs.map((input) => [input.i, []]));
    const isOneToOne = this.#outputs.length === this.#inputs.length;
    this.#outputs.forEach(({ port, json, files, from }, n) => {
      const [first, ...further] = from ?? (isOneToOne ? [(this.#inputs[n] as CallInput).i] : []);
      const outputs = first === undefined ? undefined : byItem.get(first);
      if (outputs === undefined) {
        throw new StepFailure('LINEAGE_MISSING', 'Every output of this step must say with `from` which item it belongs to.', {
          kind: 'bug',
        });
      }
      const item = files === undefined ? { json } : { json, files };
      outputs.push({ ...(port !== undefined && { port }), item, ...(further.length > 0 && { from: further }) });
    });
    return this.#inputs.map(({ i }): ItemOutcome => {
      const error = this.#failures.get(i);
      return error === undefined ? { i, ok: byItem.get(i) ?? [] } : this.#itemFailure(i, error);
    });
  }

  #itemFailure(i: number, error: StepError): ItemOutcome {
    return this.#leavesOpen(error) ? { i, error, unknown: true } : { i, error };
  }

  #failure(thrown: unknown): CallEnd {
    const { stopError } = this.#call;
    const error = toStepError(thrown);
    const cause = stopError !== undefined && (error.kind === 'bug' || error.kind === 'cancelled') ? stopError : error;
    return { ok: false, error: cause, missing: this.#leavesOpen(cause) ? 'unknown' : 'not_sent' };
  }

  #leavesOpen(error: StepError): boolean {
    const params = this.#call.spec.constants;
    return effectsOf(this.#type.ir, params) === 'write' && isUnknown(error, StepContext.recordOf(this.#ctx), this.#type.ir, params);
  }

  #end(end: CallEnd): CallEnd {
    this.#isOver = true;
    this.#call.end();
    return end;
  }
}

/** What `run` gave, to be taken one by one. */
function outputsOf(result: unknown): Iterator<unknown> {
  const form = formOf(result);
  if (form === 'one') {
    throw new StepFailure('OUTPUT_NOT_LIST', 'A per-batch step returns an array of items, a generator, or nothing.', { kind: 'bug' });
  }
  return Iterator.from(form === 'none' ? [] : (result as Iterable<unknown>));
}

function isWait(result: unknown): result is WaitRequest {
  return typeof result === 'object' && result !== null && (result as { readonly [WAIT_MARK]?: unknown })[WAIT_MARK] === true;
}

/** Times are stored as whole microseconds, which end in the year 2285. */
const LAST_INSTANT = Date.UTC(2200, 0, 1) - 1;

/** @throws StepFailure WAIT_INVALID */
function instantOf(until: unknown): number {
  const ms = until instanceof Date ? until.getTime() : typeof until === 'string' ? Date.parse(until) : until;
  if (typeof ms === 'number' && ms >= 0 && ms <= LAST_INSTANT) return Math.ceil(ms);
  throw new StepFailure('WAIT_INVALID', 'The instant to wait for is no point in time before the year 2200.', { kind: 'input' });
}
