/**
 * What a host and its worker thread say to each other. Data crosses as JSON text in parts, which the host makes and reads in slices;
 * a part comes only when the host asks for it, so that it never has more to read than it has time for.
 */
import type { BatchOutput, CallEnd, CallInput, CallSpec, ItemOutcome, ItemOutput, LogLine } from '@plugboard/engine';
import type { Item, Json, JsonObject, StepError } from '@plugboard/sdk';

export type ToWorker =
  | {
      readonly type: 'begin';
      /** File of the bundle, and the hash its description must have. */
      readonly bundleFile: string;
      readonly hash: string;
      /** The specification without its inputs, as JSON text. */
      readonly head: string;
      readonly ports: readonly string[];
    }
  /** A JSON array of `CallInput`, to be added to those of the port. */
  | { readonly type: 'inputs'; readonly port: string; readonly text: string }
  | { readonly type: 'run' }
  /** Answered by the next part, or by the end. */
  | { readonly type: 'next' };

export type FromWorker =
  | { readonly type: 'log'; readonly lines: readonly LogLine[] }
  /** `text` is a {@link Part}. */
  | { readonly type: 'part'; readonly text: string }
  /** Every part was handed over. Batch outputs travel in parts. */
  | { readonly type: 'end'; readonly end: CallEnd };

/** One output. `ref` stands for the JSON of the input item at that position, which crosses no second time. */
export interface WireOutput {
  readonly port?: string;
  readonly json?: JsonObject;
  readonly ref?: number;
  readonly files?: Item['files'];
  readonly from?: readonly number[];
}

/** An item's outcome; with `more`, further outputs of the same item follow. */
export type WireOutcome =
  | { readonly i: number; readonly ok: readonly WireOutput[]; readonly more?: true }
  | { readonly i: number; readonly error: StepError; readonly unknown?: true };

export interface Part {
  readonly outputs?: readonly WireOutput[];
  readonly outcomes?: readonly WireOutcome[];
}

/** All inputs of a call, port by port: what `ref` counts. */
export function flatInputs(inputs: CallSpec['inputs']): readonly CallInput[] {
  return Object.values(inputs).flat();
}

/** Cuts what a call gave into parts of about this many characters. */
const PART = 64 * 1024;

/** Runs in the worker. */
export function* partsOf(inputs: CallSpec['inputs'], outcomes: readonly ItemOutcome[], outputs: readonly BatchOutput[]): Generator<string> {
  const positions = new Map<unknown, number>(flatInputs(inputs).map((input, at) => [input.json, at]));
  const outputText = ({ json, ...rest }: BatchOutput): string => {
    const ref = positions.get(json);
    return JSON.stringify(ref === undefined ? { ...rest, json } : { ...rest, ref });
  };
  yield* joined('outputs', outputs, outputText);
  const flat = ({ item, ...rest }: ItemOutput): BatchOutput => ({ ...rest, ...item });
  const outcomeTexts = function* (): Generator<string> {
    for (const outcome of outcomes) {
      if ('error' in outcome) {
        yield JSON.stringify(outcome);
        continue;
      }
      let text = '';
      for (const output of outcome.ok) {
        if (text.length > PART) {
          yield `{"i":${outcome.i},"more":true,"ok":[${text}]}`;
          text = '';
        }
        text += (text === '' ? '' : ',') + outputText(flat(output));
      }
      yield `{"i":${outcome.i},"ok":[${text}]}`;
    }
  };
  yield* joined('outcomes', outcomeTexts(), (text) => text);
}

function* joined<T>(name: keyof Part, list: Iterable<T>, textOf: (one: T) => string): Generator<string> {
  let text = '';
  for (const one of list) {
    text += (text === '' ? '' : ',') + textOf(one);
    if (text.length < PART) continue;
    yield `{"${name}":[${text}]}`;
    text = '';
  }
  if (text !== '') yield `{"${name}":[${text}]}`;
}

/** Puts the parts of one call together. Runs in the host. */
export class Assembly {
  readonly outputs: BatchOutput[] = [];
  readonly #inputs: readonly CallInput[];
  #open: ItemOutput[] = [];

  constructor(inputs: readonly CallInput[]) {
    this.#inputs = inputs;
  }

  /** Takes a part; gives the outcomes that are complete with it. */
  take(part: Json): readonly ItemOutcome[] {
    const { outputs = [], outcomes = [] } = part as Part;
    for (const output of outputs) this.outputs.push(this.#output(output));
    const complete: ItemOutcome[] = [];
    for (const outcome of outcomes) {
      if ('error' in outcome) {
        complete.push(outcome);
        continue;
      }
      for (const output of outcome.ok) {
        const { json, files, port, from } = this.#output(output);
        const item = files === undefined ? { json } : { json, files };
        this.#open.push({ ...(port !== undefined && { port }), item, ...(from !== undefined && { from }) });
      }
      if (outcome.more === true) continue;
      complete.push({ i: outcome.i, ok: this.#open });
      this.#open = [];
    }
    return complete;
  }

  #output({ ref, json, ...rest }: WireOutput): BatchOutput {
    const given = ref === undefined ? json : this.#inputs[ref]?.json;
    if (given === undefined) throw new Error('A part names an input that does not exist.');
    return { ...rest, json: given };
  }
}
