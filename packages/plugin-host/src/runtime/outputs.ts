/** Reads what `run` returned. Several items are an array; nothing is guessed from shape. */
import type { BatchOutput, CallInput, ItemOutput } from '@plugboard/engine';
import { ITEM_MARK, StepFailure } from '@plugboard/sdk';
import type { FileRef, Item, JsonObject } from '@plugboard/sdk';
import { portOf } from './loaded-type.ts';
import type { LoadedType } from './loaded-type.ts';
import { normalise } from './normalise.ts';
import type { Normaliser } from './normalise.ts';

/** Outputs of one call, over which a step is taken to run away. */
export const OUTPUTS_MAX = 1_000_000;
const MIB = 1024 * 1024;

type Files = { readonly [name: string]: FileRef };

/** An item handed to a plugin. Returned as it is, it counts as an output with its files and its ancestry. */
export class InputItem implements Item {
  readonly json: JsonObject;
  declare readonly files?: Files;
  readonly #position: number;

  constructor(input: CallInput, position: number) {
    this.json = input.json;
    if (input.files !== undefined) this.files = input.files;
    this.#position = position;
  }

  get [ITEM_MARK](): true {
    return true;
  }

  static positionOf(value: object): number | undefined {
    return #position in value ? value.#position : undefined;
  }
}

/** What a marked output may carry; a plugin's own copy of the SDK made it, so nothing about it is sure. */
interface Marked {
  readonly json: unknown;
  readonly files?: unknown;
  readonly port?: unknown;
  readonly from?: unknown;
}

function marked(value: unknown): Marked | undefined {
  return typeof value === 'object' && value !== null && (value as { readonly [ITEM_MARK]?: unknown })[ITEM_MARK] === true
    ? (value as Marked)
    : undefined;
}

/** What of a type its outputs are read by. */
export type OutputType = Pick<LoadedType, 'ports' | 'defaultPort' | 'normaliser'>;

/** One output of a per-item type. `given` is the item's JSON, which is clean already. */
export function itemOutput(value: unknown, given: JsonObject, type: OutputType): ItemOutput {
  const mark = marked(value);
  const { normaliser } = type;
  if (mark === undefined) return withPort({ json: value === given ? given : normaliser.object(value) }, portOf(type, undefined), undefined);
  const json = mark.json === given ? given : normaliser.object(mark.json);
  const files = filesOf(mark.files);
  const from = InputItem.positionOf(mark) === undefined ? indexes(mark.from) : undefined;
  return withPort(files === undefined ? { json } : { json, files }, portOf(type, mark.port), from);
}

function withPort(item: Item, port: string | undefined, from: readonly number[] | undefined): ItemOutput {
  if (port === undefined) return from === undefined ? { item } : { item, from };
  return from === undefined ? { port, item } : { port, item, from };
}

/** One output of a per-batch type; `inputs` translates positions into indexes of the step's whole input, `normaliser` sees what is new. */
export function batchOutput(value: unknown, inputs: readonly CallInput[], type: LoadedType, normaliser: Normaliser): BatchOutput {
  const mark = marked(value);
  if (mark === undefined) return batch(normaliser.object(value), undefined, portOf(type, undefined), undefined);
  const position = InputItem.positionOf(mark);
  if (position === undefined) {
    const json = normaliser.object(mark.json);
    const positions = indexes(mark.from);
    return batch(json, filesOf(mark.files), portOf(type, mark.port), positions && inputIndexes(positions, inputs));
  }
  // An untouched input item is clean.
  const json = inputs[position]?.json === mark.json ? (mark.json as JsonObject) : normaliser.object(mark.json);
  return batch(json, filesOf(mark.files), portOf(type, mark.port), [inputIndex(position, inputs)]);
}

function batch(json: JsonObject, files: Files | undefined, port: string | undefined, from: readonly number[] | undefined): BatchOutput {
  // Of these there are many.
  if (port === undefined && files === undefined) return from === undefined ? { json } : { json, from };
  return { ...(port !== undefined && { port }), json, ...(files !== undefined && { files }), ...(from !== undefined && { from }) };
}

function inputIndexes(positions: readonly number[], inputs: readonly CallInput[]): readonly number[] {
  const indexes = new Array<number>(positions.length);
  for (let n = 0; n < positions.length; n++) indexes[n] = inputIndex(positions[n] as number, inputs);
  return indexes;
}

/** @throws StepFailure LINEAGE_INVALID when there is no item at this position. */
export function inputIndex(position: number, inputs: readonly CallInput[]): number {
  const input = inputs[position];
  if (input !== undefined) return input.i;
  throw new StepFailure('LINEAGE_INVALID', `There is no item ${position}: the step has ${inputs.length}. Positions count from 0.`, {
    kind: 'bug',
  });
}

function indexes(from: unknown): readonly number[] | undefined {
  if (from === undefined) return undefined;
  const list: readonly unknown[] = Array.isArray(from) ? from : [from];
  if (list.every((one): one is number => typeof one === 'number' && Number.isInteger(one) && one >= 0)) return list;
  throw new StepFailure('LINEAGE_INVALID', 'The ancestors of an output are positions of items, counted from 0.', { kind: 'bug' });
}

function filesOf(files: unknown): Files | undefined {
  if (files === undefined) return undefined;
  const json = normalise(files);
  const isRecord = typeof json === 'object' && json !== null && !Array.isArray(json);
  if (isRecord && Object.values(json).every(isFileRef)) return json as unknown as Files;
  throw new StepFailure('FILES_INVALID', 'The files of an output are handles that ctx.files gave, by name.', { kind: 'bug' });
}

function isFileRef(value: unknown): boolean {
  const ref = value as { readonly [member: string]: unknown } | null;
  return (
    typeof ref === 'object' &&
    ref !== null &&
    typeof ref['id'] === 'string' &&
    typeof ref['sha256'] === 'string' &&
    typeof ref['size'] === 'number'
  );
}

/** How a result gives its outputs. */
export type Form = 'none' | 'one' | 'list' | 'sync' | 'async';

export function formOf(result: unknown): Form {
  if (result === undefined) return 'none';
  if (typeof result !== 'object' || result === null) return 'one';
  if (Array.isArray(result)) return 'list';
  const proto: unknown = Object.getPrototypeOf(result);
  // Data has no iterators, so the common case asks no further.
  if (proto === Object.prototype || proto === null || proto === InputItem.prototype) return 'one';
  if (Symbol.asyncIterator in result) return 'async';
  return Symbol.iterator in result && !(result instanceof Map) && !(result instanceof Set) && !ArrayBuffer.isView(result) ? 'sync' : 'one';
}

export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && typeof (value as { readonly then?: unknown }).then === 'function';
}

/** Thrown when a call makes more than a step may hold, before it takes the memory of the server. */
export function outputsTooLarge(maxLength: number): StepFailure {
  const mib = Math.round((maxLength / MIB) * 100) / 100;
  return new StepFailure(
    'OUTPUT_TOO_LARGE',
    `The items the step makes take more than ${mib} MiB as JSON; that is the limit of one step. Split the work, or raise the limit in the settings.`,
    { kind: 'input' },
  );
}

export function tooManyOutputs(): StepFailure {
  return new StepFailure('OUTPUT_TOO_LARGE', `A step gives at most ${OUTPUTS_MAX} items. Split the work.`, { kind: 'input' });
}
