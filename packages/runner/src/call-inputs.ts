/**
 * What a call gets: the items with their evaluated parameters. Parameters that a write fixed when it started are used again as they are stored;
 * everything is evaluated at most once per attempt.
 */
import {
  type CallInput,
  type Evaluated,
  type ItemOutcome,
  type PlanNode,
  type StepInput,
  type stepScopes,
  batchParamsInParts,
  evaluateParams,
  inputItem,
} from '@plugboard/engine';
import type { Item, Json, JsonObject, StepError } from '@plugboard/sdk';
import { jsonSize } from './json-size.ts';
import { tooLarge } from './size-budget.ts';
import type { Sliced } from './turns.ts';

export interface CallInputs {
  /** Parameters equal for all items. */
  readonly constants: JsonObject;
  readonly inputs: readonly CallInput[];
  /** Items whose parameters cannot be evaluated. */
  readonly failed: readonly ItemOutcome[];
  /** Why the parameters of the whole batch cannot be evaluated; there are no inputs then. */
  readonly error: StepError | undefined;
  /** What a write keeps of a unit's parameters when it starts. */
  readonly kept: (unit: number) => JsonObject;
}

export type Kept = ReadonlyMap<number, Json>;
export type StepScopes = ReturnType<typeof stepScopes>;

/** Whoever knows what expressions see; asked when the first one is evaluated. */
export interface ScopeSource {
  scopes(): StepScopes;
}

const NONE: Kept = new Map();
const NOTHING: JsonObject = {};
const NO_FAILURES: readonly ItemOutcome[] = [];
const NOTHING_KEPT = (): JsonObject => NOTHING;
/** Items without expressions that are handed over between two looks at the clock. */
const PLAIN_ITEMS = 1024;

export class CallInputMaker {
  readonly #node: PlanNode;
  readonly #input: StepInput;
  readonly #source: ScopeSource;
  readonly #maxBytes: number;
  #scopes: StepScopes | undefined;
  #whole: Evaluated | undefined;

  /** `maxBytes` bounds the JSON text of the evaluated parameters of one call. */
  constructor(node: PlanNode, input: StepInput, maxBytes: number, source: ScopeSource) {
    this.#node = node;
    this.#input = input;
    this.#maxBytes = maxBytes;
    this.#source = source;
  }

  /**
   * The inputs of a type that sees one item at a time and writes nothing: of a few items without expressions, or of one, as in most steps of a
   * chain. Undefined for others, which are made in slices.
   */
  makeAtOnce(units: readonly number[]): CallInputs | undefined {
    const { params, wholeInput } = this.#node;
    if (wholeInput || units.length > PLAIN_ITEMS) return undefined;
    if (params.dynamic.length > 0) return units.length === 1 ? this.#ofOne(units[0] ?? 0) : undefined;
    const inputs: CallInput[] = [];
    for (const i of units) {
      const item = inputItem(this.#input, i);
      if (item) inputs.push(callInput(i, item));
    }
    return { constants: params.constants, inputs, failed: NO_FAILURES, error: undefined, kept: NOTHING_KEPT };
  }

  /** `kept` has the parameters of units that started before. Yields where the work may be put aside. */
  make(units: readonly number[], kept: Kept = NONE): Sliced<CallInputs> {
    return this.#node.wholeInput ? this.#ofBatch(units, kept) : this.#ofItems(units, kept);
  }

  #ofOne(i: number): CallInputs {
    const { params } = this.#node;
    const { constants } = params;
    const item = inputItem(this.#input, i);
    if (!item) return { constants, inputs: [], failed: NO_FAILURES, error: undefined, kept: NOTHING_KEPT };
    const evaluated = evaluateParams(params, this.#scope(i));
    if (!evaluated.ok) return { constants, inputs: [], failed: [{ i, error: evaluated.error }], error: undefined, kept: NOTHING_KEPT };
    const { value } = evaluated;
    if (jsonSize(value, this.#maxBytes) > this.#maxBytes) return withoutInputs(tooLarge('parameters', this.#maxBytes));
    return { constants, inputs: [callInput(i, item, value)], failed: NO_FAILURES, error: undefined, kept: NOTHING_KEPT };
  }

  *#ofItems(units: readonly number[], kept: Kept): Sliced<CallInputs> {
    const { params } = this.#node;
    const { parts } = this.#input;
    const isDynamic = params.dynamic.length > 0;
    const inputs: CallInput[] = [];
    const failed: ItemOutcome[] = [];
    let at = 0;
    let bytes = 0;
    for (const i of units) {
      // Units mostly come in order.
      while (at + 1 < parts.length && i >= (parts[at + 1]?.offset ?? 0)) at += 1;
      if (i < (parts[at]?.offset ?? 0)) at = parts.findLastIndex((part) => part.offset <= i);
      const part = parts[at];
      const item = part?.batch.items[i - part.offset];
      if (!item) continue;
      const before = kept.get(i) as JsonObject | undefined;
      if (before === undefined && !isDynamic) {
        inputs.push(callInput(i, item));
        if (inputs.length % PLAIN_ITEMS === 0) yield;
        continue;
      }
      const evaluated: Evaluated = before === undefined ? evaluateParams(params, this.#scope(i)) : { ok: true, value: before };
      if (evaluated.ok) {
        bytes += jsonSize(evaluated.value, this.#maxBytes - bytes);
        if (bytes > this.#maxBytes) return withoutInputs(tooLarge('parameters', this.#maxBytes));
        inputs.push(callInput(i, item, evaluated.value));
      } else failed.push({ i, error: evaluated.error });
      yield;
    }
    return { constants: params.constants, inputs, failed, error: undefined, kept: keptOf(inputs) };
  }

  /** Parameters of a type that sees its whole input: one evaluation for all items, with a list where a parameter differs by item. */
  *#ofBatch(units: readonly number[], kept: Kept): Sliced<CallInputs> {
    const { params, perBatch } = this.#node;
    const byItem = params.dynamic.filter((param) => param.ir.perItem === true).map((param) => param.name);
    const [keptBefore] = kept.values() as Iterable<JsonObject>;
    const isAllKept = keptBefore !== undefined && (perBatch || byItem.length === 0 || units.every((i) => kept.has(i)));
    const evaluated: Evaluated = isAllKept ? { ok: true, value: keptBefore } : yield* this.#evaluateWhole();
    if (!evaluated.ok) return withoutInputs(evaluated.error);
    const whole = evaluated.value;
    const shared = without(keptBefore ?? whole, byItem);
    const own = (i: number): JsonObject => {
      const before = perBatch ? undefined : (kept.get(i) as JsonObject | undefined);
      if (before) return only(before, byItem);
      return valuesAt(whole, byItem, i);
    };
    const constants = { ...params.constants, ...shared };
    const inputs: CallInput[] = [];
    for (const i of perBatch ? all(this.#input.count) : units) {
      const item = inputItem(this.#input, i);
      if (item) inputs.push(byItem.length === 0 ? callInput(i, item) : callInput(i, item, own(i)));
      if (inputs.length % PLAIN_ITEMS === 0) yield;
    }
    return {
      constants,
      inputs,
      failed: [],
      error: undefined,
      kept: perBatch ? () => keptBefore ?? whole : (unit) => ({ ...shared, ...own(unit) }),
    };
  }

  #scope(i: number | undefined): ReturnType<StepScopes> {
    this.#scopes ??= this.#source.scopes();
    return this.#scopes(i);
  }

  *#evaluateWhole(): Sliced<Evaluated> {
    if (this.#whole) return this.#whole;
    const parts = batchParamsInParts(this.#node.params, this.#scope(undefined), () => ({ [Symbol.iterator]: () => this.#itemScopes() }));
    let bytes = 0;
    for (let part = parts.next(); ; part = parts.next()) {
      if (part.done) return (this.#whole = part.value);
      bytes += jsonSize(part.value, this.#maxBytes - bytes);
      if (bytes > this.#maxBytes) return (this.#whole = { ok: false, error: tooLarge('parameters', this.#maxBytes) });
      yield;
    }
  }

  *#itemScopes(): Generator<ReturnType<StepScopes>> {
    for (let i = 0; i < this.#input.count; i += 1) yield this.#scope(i);
  }
}

function withoutInputs(error: StepError): CallInputs {
  return { constants: NOTHING, inputs: [], failed: [], error, kept: () => NOTHING };
}

/** Looked up only for a write; other calls are spared a table of all items. */
function keptOf(inputs: readonly CallInput[]): CallInputs['kept'] {
  let byUnit: ReadonlyMap<number, JsonObject> | undefined;
  return (unit) => {
    byUnit ??= new Map(inputs.map(({ i, params }) => [i, params ?? NOTHING]));
    return byUnit.get(unit) ?? NOTHING;
  };
}

export function all(count: number): number[] {
  const indexes = new Array<number>(count);
  for (let i = 0; i < count; i += 1) indexes[i] = i;
  return indexes;
}

function callInput(i: number, item: Item, params?: JsonObject): CallInput {
  const { json, files } = item;
  if (params) return files ? { i, json, files, params } : { i, json, params };
  return files ? { i, json, files } : { i, json };
}

function without(values: JsonObject, names: readonly string[]): JsonObject {
  if (names.length === 0) return values;
  return Object.fromEntries(Object.entries(values).filter(([name]) => !names.includes(name)));
}

function only(values: JsonObject, names: readonly string[]): JsonObject {
  return Object.fromEntries(Object.entries(values).filter(([name]) => names.includes(name)));
}

function valuesAt(whole: JsonObject, names: readonly string[], i: number): JsonObject {
  const values: { [name: string]: Json } = {};
  for (const name of names) {
    const list = whole[name];
    if (Array.isArray(list)) values[name] = (list as readonly Json[])[i] ?? null;
  }
  return values;
}
