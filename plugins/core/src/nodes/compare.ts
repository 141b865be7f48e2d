/** Says what two branches have in common: items are paired by key, those with equal keys in their order. */
import type { Item, Json, JsonObject, Output } from '@plugboard/sdk';
import { defineNode, GIVE_WAY, item as made, p } from '@plugboard/sdk';
import { fieldReader } from '../data/field-path.ts';
import { identity } from '../data/identity.ts';
import { keyFields, keysOfA, keysOfB, looseKeys } from '../data/key-params.ts';
import { sendTo } from '../data/send-to.ts';
import { type Key, type Side, TWO_INPUTS, indexByKey, keyReader, sidesOf } from '../data/two-inputs.ts';

export const compare = defineNode({
  id: 'compare',
  version: 1,
  title: 'Compare',
  help: 'Pairs the items of two branches by key and tells equal, changed, missing and added ones apart.',
  icon: 'diff',
  group: 'Data',
  per: 'batch',
  effects: 'none',
  ports: {
    inputs: TWO_INPUTS,
    outputs: [
      { id: 'same', title: 'Same' },
      { id: 'different', title: 'Different' },
      { id: 'only-a', title: 'Only in A' },
      { id: 'only-b', title: 'Only in B' },
    ],
  },
  params: {
    keysA: keysOfA.min(1).required(),
    keysB: keysOfB.default([]),
    fields: p
      .list(p.text().title('Field').help('Name or path, such as price.net.').min(1).max(500))
      .title('Compare')
      .help('Fields that must be equal in a pair; a missing one equals null. Left empty: all fields.')
      .default([]),
    ignore: p
      .list(p.text().title('Field').help('A plain name.').min(1).max(500))
      .title('Leave aside')
      .help('Fields that may differ, such as the time of the last change. Key fields with other names in B are left aside anyway.')
      .default([]),
    loose: looseKeys.default(false),
  },
  *run({ params, inputs }) {
    const { a, b } = sidesOf(inputs);
    const keys = keyFields(params.keysA, params.keysB);
    const ofB = yield* indexByKey(b.items, keyReader(keys.b, params.loose));
    // The one whose turn is next, of keys some of which were taken.
    const upcoming = new Map<Key, number | undefined>();
    const paired = new Set<number>();
    const differences = comparer(params.fields, new Set([...params.ignore, ...renamed(keys.a, keys.b)]), params.loose);
    const readA = keyReader(keys.a, params.loose);
    for (let i = 0; i < a.items.length; i += 1) {
      const one = a.items[i] as Item;
      const key = readA(one.json);
      const j = key === undefined ? undefined : upcoming.has(key) ? upcoming.get(key) : ofB.first(key);
      if (key === undefined || j === undefined) {
        yield alone(a, i, 'only-a');
        continue;
      }
      upcoming.set(key, ofB.next(j));
      paired.add(j);
      const other = b.items[j] as Item;
      const fields = differences(one.json, other.json);
      const from = [a.offset + i, b.offset + j];
      yield fields.length === 0
        ? made(one.json, { files: one.files, port: 'same', from })
        : made({ a: one.json, b: other.json, fields }, { port: 'different', from });
    }
    for (let j = 0; j < b.items.length; j += 1) yield paired.has(j) ? GIVE_WAY : alone(b, j, 'only-b');
  },
});

function alone(side: Side, i: number, port: string): Output {
  const one = side.items[i] as Item;
  return { ...sendTo(one, port), from: side.offset + i };
}

/** Key fields whose names differ: they hold the same under two names, and no field of that name stands on the other side. */
function renamed(a: readonly string[], b: readonly string[]): readonly string[] {
  return a.flatMap((name, i) => (b[i] === name ? [] : [name, b[i] ?? name]));
}

/** Gives the names of the fields that differ, in the order of A. */
function comparer(
  fields: readonly string[],
  ignored: ReadonlySet<string>,
  loose: boolean,
): (a: JsonObject, b: JsonObject) => readonly string[] {
  const isEqual = (x: Json, y: Json): boolean => x === y || identity(comparable(x, loose)) === identity(comparable(y, loose));
  if (fields.length > 0) {
    const readers = fields.filter((name) => !ignored.has(name)).map((name) => ({ name, read: fieldReader(name) }));
    return (a, b) => readers.filter(({ read }) => !isEqual(read(a) ?? null, read(b) ?? null)).map(({ name }) => name);
  }
  const own = (json: JsonObject, name: string): Json => (Object.hasOwn(json, name) ? (json[name] ?? null) : null);
  return (a, b) => {
    const names = new Set([...Object.keys(a), ...Object.keys(b)]);
    return [...names].filter((name) => !ignored.has(name) && !isEqual(own(a, name), own(b, name)));
  };
}

function comparable(value: Json, loose: boolean): Json {
  return loose && typeof value === 'number' ? String(value) : value;
}
