/**
 * Brings the items of two branches together: by equal keys as tables are joined, by position, or one after the other. Results come in the
 * order of A. Pairs are made one at a time, so that keys with many matches meet the limit of items before memory ends.
 */
import type { GiveWay, Item, Json, JsonObject, Output } from '@plugboard/sdk';
import { defineNode, fail, GIVE_WAY, item as made, p, when } from '@plugboard/sdk';
import type { MutableObject } from '../data/field-path.ts';
import { keyFields, keysOfA, keysOfB, looseKeys } from '../data/key-params.ts';
import { type Key, type ReadKey, type Sides, TWO_INPUTS, indexByKey, keyReader, sidesOf } from '../data/two-inputs.ts';

const byKey = when.in('mode', ['inner', 'left', 'outer']);

export const merge = defineNode({
  id: 'merge',
  version: 1,
  title: 'Merge',
  help: 'Combines the items of two branches by key, by position, or one after the other.',
  icon: 'combine',
  group: 'Data',
  per: 'batch',
  effects: 'none',
  ports: { inputs: TWO_INPUTS },
  params: {
    mode: p
      .choice([
        { value: 'inner', title: 'Matching items', help: 'Pairs with equal keys, and nothing else.' },
        { value: 'left', title: 'All of A', help: 'Pairs with equal keys, and the items of A that match nothing.' },
        {
          value: 'outer',
          title: 'All items',
          help: 'Pairs with equal keys, then what matches nothing: of A in its place, of B at the end.',
        },
        { value: 'position', title: 'By position', help: 'The first of A with the first of B, and so on.' },
        { value: 'append', title: 'One after the other', help: 'The items of A, then those of B, unchanged.' },
      ])
      .title('Combine')
      .help('Which items become one.')
      .default('inner'),
    keysA: keysOfA.min(1).required().when(byKey),
    keysB: keysOfB.default([]).when(byKey),
    loose: looseKeys.default(false).when(byKey),
    matches: p
      .choice([
        { value: 'all', title: 'All of them', help: 'One item for each pair.' },
        { value: 'first', title: 'Only the first' },
      ])
      .title('Several matches')
      .help('What to do when an item of A has several matches in B.')
      .default('all')
      .when(byKey),
    rest: p
      .choice([
        { value: 'keep', title: 'Keep' },
        { value: 'drop', title: 'Drop' },
      ])
      .title('Items without a partner')
      .help('What happens to the last items when one input has more.')
      .default('keep')
      .when(when.eq('mode', 'position')),
    clash: p
      .choice([
        { value: 'a', title: 'A wins' },
        { value: 'b', title: 'B wins' },
        { value: 'suffix', title: 'Keep both', help: 'Both get a suffix. A key field with the same name on both sides stays one field.' },
      ])
      .title('Fields on both sides')
      .help(
        'What happens when both items of a pair have a field of the same name. Of files with equal names, the same side wins; A for both.',
      )
      .default('b')
      .when(when.ne('mode', 'append')),
    suffixA: p.text().title('Suffix of A').help('Put after such names of A.').max(100).default('_a').when(when.eq('clash', 'suffix')),
    suffixB: p.text().title('Suffix of B').help('Put after such names of B.').max(100).default('_b').when(when.eq('clash', 'suffix')),
  },
  *run({ params, inputs }) {
    const sides = sidesOf(inputs);
    const { mode } = params;
    const rule = { clash: params.clash ?? 'b', suffixA: params.suffixA ?? '_a', suffixB: params.suffixB ?? '_b' };
    if (mode === 'append') {
      yield* sides.a.items;
      yield* sides.b.items;
    } else if (mode === 'position') yield* byPosition(sides, params.rest !== 'drop', { ...rule, shared: [] });
    else {
      const keys = keyFields(params.keysA, params.keysB);
      const loose = params.loose === true;
      yield* byKeys(sides, {
        mode,
        readA: keyReader(keys.a, loose),
        readB: keyReader(keys.b, loose),
        onlyFirst: params.matches === 'first',
        pair: { ...rule, shared: keys.a.filter((name, i) => keys.b[i] === name) },
      });
    }
  },
});

interface PairRule {
  readonly clash: 'a' | 'b' | 'suffix';
  readonly suffixA: string;
  readonly suffixB: string;
  /** Key fields with the same name on both sides. */
  readonly shared: readonly string[];
}

function* byPosition(sides: Sides, keepRest: boolean, rule: PairRule): Generator<Output | Item> {
  const { a, b } = sides;
  const pairs = Math.min(a.items.length, b.items.length);
  for (let i = 0; i < pairs; i += 1) yield paired(sides, i, i, rule);
  if (!keepRest) return;
  yield* a.items.slice(pairs);
  yield* b.items.slice(pairs);
}

interface KeyJoin {
  readonly mode: 'inner' | 'left' | 'outer';
  readonly readA: ReadKey;
  readonly readB: ReadKey;
  readonly onlyFirst: boolean;
  readonly pair: PairRule;
}

function* byKeys(sides: Sides, { mode, readA, readB, onlyFirst, pair }: KeyJoin): Generator<Output | Item | GiveWay> {
  const { a, b } = sides;
  const ofB = yield* indexByKey(b.items, readB);
  const matched = new Set<Key>();
  for (let i = 0; i < a.items.length; i += 1) {
    const one = a.items[i] as Item;
    const key = readA(one.json);
    let j = key === undefined ? undefined : ofB.first(key);
    if (key === undefined || j === undefined) yield mode === 'inner' ? GIVE_WAY : one;
    else if (mode === 'outer') matched.add(key);
    for (; j !== undefined; j = onlyFirst ? undefined : ofB.next(j)) yield paired(sides, i, j, pair);
  }
  if (mode !== 'outer') return;
  for (const one of b.items) {
    const key = readB(one.json);
    yield key === undefined || !matched.has(key) ? one : GIVE_WAY;
  }
}

function paired({ a, b }: Sides, i: number, j: number, rule: PairRule): Output {
  const left = a.items[i] as Item;
  const right = b.items[j] as Item;
  const json = joined(left.json, right.json, rule);
  const from = [a.offset + i, b.offset + j];
  if (left.files === undefined && right.files === undefined) return made(json, { from });
  return made(json, { files: rule.clash === 'b' ? { ...left.files, ...right.files } : { ...right.files, ...left.files }, from });
}

/** The fields of A, then those that only B has. */
function joined(a: JsonObject, b: JsonObject, rule: PairRule): JsonObject {
  if (rule.clash === 'b') return { ...a, ...b };
  if (rule.clash === 'a') {
    const result: MutableObject = { ...a };
    for (const name in b) if (Object.hasOwn(b, name) && !Object.hasOwn(a, name)) result[name] = b[name] ?? null;
    return result;
  }
  const result: MutableObject = {};
  const isBoth = (name: string): boolean => Object.hasOwn(a, name) && Object.hasOwn(b, name) && !rule.shared.includes(name);
  for (const name of Object.keys(a)) add(result, isBoth(name) ? name + rule.suffixA : name, a[name] ?? null);
  for (const name of Object.keys(b)) {
    if (isBoth(name)) add(result, name + rule.suffixB, b[name] ?? null);
    else if (!Object.hasOwn(a, name)) add(result, name, b[name] ?? null);
  }
  return result;
}

function add(target: MutableObject, name: string, value: Json): void {
  if (Object.hasOwn(target, name))
    fail('MERGE_CLASH', `With the suffixes, two fields of a pair would be named "${name}". Choose other suffixes.`);
  target[name] = value;
}
