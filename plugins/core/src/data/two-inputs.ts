/** The items of a step with the two inputs `a` and `b`, and where they stand in the step's whole input: lineage counts over both. */
import type { Item, JsonObject } from '@plugboard/sdk';
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

/** The key of an item; undefined when one of its fields is missing or null, because nothing is not equal to nothing. */
export type ReadKey = (json: JsonObject) => string | undefined;

/** @param loose text and numbers that read the same are equal: 7 and "7". */
export function keyReader(fields: readonly string[], loose: boolean): ReadKey {
  const readers = fields.map(fieldReader);
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

/** Positions in `items` by key, in order. */
export function positionsByKey(items: readonly Item[], readKey: ReadKey): ReadonlyMap<string, readonly number[]> {
  const positions = new Map<string, number[]>();
  items.forEach((item, i) => {
    const key = readKey(item.json);
    if (key === undefined) return;
    const found = positions.get(key);
    if (found === undefined) positions.set(key, [i]);
    else found.push(i);
  });
  return positions;
}
