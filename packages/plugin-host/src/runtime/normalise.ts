/**
 * Makes an output JSON where it is produced, so that a live run and a recovered run see the same values.
 * A value that is clean already comes back as the same object; only the branches that change are copied.
 */
import { FAILED_MARK, ITEM_MARK, StepFailure } from '@plugboard/sdk';
import type { Json, JsonObject } from '@plugboard/sdk';

/** Deeper values are refused; a cycle is found by the same bound. */
const MAX_DEPTH = 500;
/** Values one output may hold, so that shared branches cannot multiply for ever. */
const MAX_VALUES = 5_000_000;

/**
 * The value as JSON: Date becomes ISO text, undefined members are dropped, undefined and holes in arrays become null, -0 becomes 0,
 * NaN and Infinity become null, `toJSON` is honoured, class instances become plain objects.
 * @throws StepFailure OUTPUT_NOT_JSON naming the path, for BigInt, functions, symbols, Map, Set, bytes, cycles, lone surrogates, NUL, `__proto__`.
 */
export function normalise(value: unknown): Json | undefined {
  if (value === null || typeof value === 'boolean') return value;
  return new Normaliser().value(value, '');
}

/** Makes one value after the other JSON. Outputs are many: what it needs on the way is made once. */
export class Normaliser {
  readonly #path: (string | number)[] = [];
  #values = 0;
  /** Grows with `toJSON` too, which adds nothing to the path. */
  #depth = 0;
  /** Length of the JSON text of everything so far, about, in UTF-16 units: escapes are not counted. */
  length = 0;

  /** As {@link normalise}, for a value that must be an object. */
  object(value: unknown): JsonObject {
    // The value before may have been refused on the way.
    if (this.#path.length > 0) this.#path.length = 0;
    this.#values = 0;
    this.#depth = 0;
    const json = this.value(value, '');
    if (typeof json === 'object' && json !== null && !Array.isArray(json)) return json as JsonObject;
    throw new StepFailure(
      'OUTPUT_NOT_ITEM',
      `An output must be an object; this is ${describe(value)}. Return objects, or undefined to drop the item.`,
      { kind: 'bug' },
    );
  }

  value(value: unknown, key: string | number): Json | undefined {
    switch (typeof value) {
      case 'string':
        if (!value.isWellFormed()) this.#refuse(key, 'text with half of a surrogate pair');
        if (value.includes('\0')) this.#refuse(key, 'text with a NUL character');
        this.length += value.length + 3;
        return value;
      case 'number':
        this.length += 9;
        return Number.isFinite(value) ? (value === 0 ? 0 : value) : null;
      case 'boolean':
      case 'undefined':
        this.length += 6;
        return value;
      case 'object':
        this.length += 3;
        return value === null ? null : this.#object(value, key);
      default:
        return this.#refuse(key, `a ${typeof value}`);
    }
  }

  #object(value: object, key: string | number): Json | undefined {
    if (++this.#values > MAX_VALUES) this.#refuse(key, `more than ${MAX_VALUES} values`);
    if (this.#depth >= MAX_DEPTH) this.#refuse(key, 'a value that contains itself or nests too deep');
    this.#depth++;
    const result = Array.isArray(value) ? this.#array(value, key) : this.#record(value, key);
    this.#depth--;
    return result;
  }

  #array(list: readonly unknown[], key: string | number): Json {
    this.#path.push(key);
    let copy: Json[] | undefined;
    for (let i = 0; i < list.length; i++) {
      const before = list[i];
      const after = this.value(before, i) ?? null;
      if (copy !== undefined) copy.push(after);
      else if (!Object.is(after, before)) (copy = list.slice(0, i) as Json[]).push(after);
    }
    this.#path.pop();
    return copy ?? (list as Json[]);
  }

  #record(value: object, key: string | number): Json | undefined {
    const proto: unknown = Object.getPrototypeOf(value);
    const isPlain = proto === Object.prototype || proto === null;
    const { toJSON } = value as { readonly toJSON?: unknown };
    if (typeof toJSON === 'function' || !isPlain) {
      const special = this.#special(value, toJSON, key);
      if (special !== value) return special as Json | undefined;
    }
    this.#path.push(key);
    let copy: { [key: string]: Json } | undefined = isPlain && !isMarked(value) ? undefined : {};
    // Its keys in a list would be one more object for each output.
    for (const name in value) {
      if (!Object.hasOwn(value, name)) continue;
      if (name === '__proto__') this.#refuse(name, 'a key named __proto__');
      if (!name.isWellFormed() || name.includes('\0')) this.#refuse(name, 'a key with a NUL character or half of a surrogate pair');
      this.length += name.length + 3;
      const before = (value as { readonly [name: string]: unknown })[name];
      const after = this.value(before, name);
      if (copy === undefined && (after === undefined || !Object.is(after, before))) copy = membersBefore(value, name);
      if (copy !== undefined && after !== undefined) copy[name] = after;
    }
    this.#path.pop();
    return copy ?? (value as JsonObject);
  }

  /** Objects that are more than their members. Gives the value back when its members are what counts. */
  #special(value: object, toJSON: unknown, key: string | number): unknown {
    if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString();
    if (value instanceof Map || value instanceof Set || value instanceof WeakMap || value instanceof WeakSet) {
      return this.#refuse(key, `a ${value.constructor.name}; turn it into an object or an array`);
    }
    if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer || value instanceof SharedArrayBuffer || value instanceof Blob) {
      return this.#refuse(key, 'bytes; use ctx.files for bytes');
    }
    if (value instanceof Promise) return this.#refuse(key, 'a promise; await it first');
    if (typeof toJSON === 'function') return this.value(toJSON.call(value, String(key)), key);
    if (value instanceof String || value instanceof Number || value instanceof Boolean) return this.value(value.valueOf(), key);
    return value;
  }

  #refuse(key: string | number, what: string): never {
    const path = [...this.#path.slice(1), ...(this.#path.length > 0 ? [key] : [])];
    const shown = path.length > 12 ? [...path.slice(0, 12), '…'] : path;
    const at = shown
      .map((step) => (typeof step === 'number' ? `[${step}]` : `.${step}`))
      .join('')
      .slice(0, 400);
    throw new StepFailure(
      'OUTPUT_NOT_JSON',
      `The output holds ${what}${at === '' ? '' : `, at ${at.replace(/^\./, '')}`}. Only JSON leaves a step.`,
      {
        kind: 'bug',
        data: { path: shown.map((step) => (typeof step === 'string' ? step.toWellFormed().replaceAll('\0', '').slice(0, 100) : step)) },
      },
    );
  }
}

/** Marks are no JSON, so they must not live on inside an output; a recovered run would not see them. */
function isMarked(value: object): boolean {
  const { [ITEM_MARK]: item, [FAILED_MARK]: failed } = value as { readonly [ITEM_MARK]?: unknown; readonly [FAILED_MARK]?: unknown };
  return item !== undefined || failed !== undefined;
}

/** The members before the named one as they are: they were clean. */
function membersBefore(value: object, end: string): { [key: string]: Json } {
  const copy: { [key: string]: Json } = {};
  for (const name of Object.keys(value)) {
    if (name === end) break;
    copy[name] = (value as { readonly [name: string]: Json })[name] as Json;
  }
  return copy;
}

function describe(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  return Array.isArray(value) ? 'an array inside the array' : `a ${typeof value}`;
}
