/** The items of a step with the two inputs `a` and `b`, and where they stand in the step's whole input: lineage counts over both. */
import { GIVE_WAY, type GiveWay, type Item, type Json, type JsonObject } from '@plugboard/sdk';
import { fieldReader } from './field-path.ts';
import { identity } from './identity.ts';

export const TWO_INPUTS = [
  { id: 'a', title: 'A' },
  { id: 'b', title: 'B' },
] as const;

export interface Side {
  readonly items: readonly Item[];
  /** Position of the first one in the step's whole input. */
  readonly offset: number;
}

export interface Sides {
  readonly a: Side;
  readonly b: Side;
}

const NONE: Side = { items: [], offset: 0 };

export function sidesOf(inputs: { readonly [port: string]: readonly Item[] }): Sides {
  const sides: { [port: string]: Side } = {};
  let offset = 0;
  for (const [port, items] of Object.entries(inputs)) {
    sides[port] = { items, offset };
    offset += items.length;
  }
  return { a: sides['a'] ?? NONE, b: sides['b'] ?? NONE };
}

/** Equal exactly for items that match. */
export type Key = string | number | boolean;
/** The key of an item; undefined when one of its fields is missing or null, because nothing is not equal to nothing. */
export type ReadKey = (json: JsonObject) => Key | undefined;

/** @param loose text and numbers that read the same are equal: 7 and "7". */
export function keyReader(fields: readonly string[], loose: boolean): ReadKey {
  const readers = fields.map(fieldReader);
  const [only] = readers;
  if (only && readers.length === 1) return (json) => singleKey(only(json), loose);
  return (json) => {
    let key = '';
    for (const read of readers) {
      const value = read(json);
      if (value === undefined || value === null) return undefined;
      // The identity of text is quoted, so that parts cannot run into each other.
      key += `${identity(loose && typeof value !== 'object' ? String(value) : value)},`;
    }
    return key;
  };
}

/** Text, numbers and booleans are their own keys. */
function singleKey(value: Json | undefined, loose: boolean): Key | undefined {
  if (value === undefined || value === null) return undefined;
  // NUL stands in no text of an item, so that text which reads like a list or an object is not taken for one.
  if (typeof value === 'object') return `\0${identity(value)}`;
  return loose ? String(value) : value;
}

/** Items read between two chances for others. */
const SHARE = 16;

/** Where the items with a key are, in their order. */
export interface KeyIndex {
  /** Position of the first one. */
  first(key: Key): number | undefined;
  /** Position of the next one with the same key. */
  next(position: number): number | undefined;
}

export function* indexByKey(items: readonly Item[], readKey: ReadKey): Generator<GiveWay, KeyIndex> {
  const first = new Map<Key, number>();
  const next = new Int32Array(items.length);
  // From the end, so that each one finds the one after it.
  for (let i = items.length - 1; i >= 0; i -= 1) {
    const key = readKey((items[i] as Item).json);
    if (key !== undefined) {
      next[i] = first.get(key) ?? NONE_LEFT;
      first.set(key, i);
    }
    if (i % SHARE === 0) yield GIVE_WAY;
  }
  return {
    first: (key) => first.get(key),
    next(position) {
      const found = next[position];
      return found === NONE_LEFT ? undefined : found;
    },
  };
}

const NONE_LEFT = -1;
