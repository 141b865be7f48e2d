/** Puts items in order by one or more fields. Items that compare equal keep their order. */
import type { Item, Json } from '@plugboard/sdk';
import { defineNode, fail, GIVE_WAY, type GiveWay, p } from '@plugboard/sdk';
import { fieldReader } from '../data/field-path.ts';
import { sortedPositions } from '../data/merge-sort.ts';
import { asNumber, shown } from '../data/numbers.ts';

export const sort = defineNode({
  id: 'sort',
  version: 1,
  title: 'Sort',
  help: 'Puts items in order by one or more fields. Items without a value come last, whichever the direction; equal ones keep their order.',
  icon: 'arrow-down-narrow-wide',
  group: 'Data',
  per: 'batch',
  effects: 'none',
  params: {
    fields: p
      .list(
        p
          .object({
            field: p.text().title('Field').help('Name or path of the field, such as address.city.').min(1).max(500).required(),
            direction: p.choice({ asc: 'Ascending', desc: 'Descending' }).title('Direction').default('asc'),
            compare: p
              .choice([
                { value: 'auto', title: 'By kind', help: 'Numbers come first, by size; then text and all else, by the alphabet.' },
                { value: 'numeric', title: 'Numbers', help: 'Text that is a number counts as one. Other values are an error.' },
                { value: 'text', title: 'Text', help: 'By the alphabet of the language.' },
                { value: 'natural', title: 'Text with numbers', help: 'By the alphabet, but file2 before file10.' },
              ])
              .title('Compare')
              .help('How two values are compared.')
              .default('auto'),
          })
          .title('Field'),
      )
      .title('Fields')
      .help('The second decides where the first is equal, and so on.')
      .min(1)
      .required(),
    locale: p.text().title('Language').help('Language tag whose alphabet counts, such as de or sv-SE.').max(35).default('en'),
  },
  *run({ params, items }) {
    const order: Order[] = [];
    let longest = 1;
    for (const rule of params.fields) {
      const keys = yield* sortKeys(items, rule);
      longest = Math.max(longest, keys.longest);
      order.push({ keys: keys.keys, compare: comparer(rule.compare, params.locale), sign: rule.direction === 'desc' ? -1 : 1 });
    }
    const share = Math.max(1, Math.min(COMPARISONS, Math.floor(COMPARED_LENGTH / longest)));
    const positions = yield* sortedPositions(items.length, { compare: (a, b) => compareAt(order, a, b), share });
    for (const i of positions) yield items[i] as Item;
  },
});

/** Between two chances for others: comparisons at most, text they may look at, and keys that are read. */
const COMPARISONS = 512;
const COMPARED_LENGTH = 64 * 1024;
const KEYS = 64;

type Key = number | string | undefined;
type CompareName = 'auto' | 'numeric' | 'text' | 'natural';

interface Order {
  /** By position in the input; undefined sorts last. */
  readonly keys: readonly Key[];
  readonly compare: (a: string, b: string) => number;
  readonly sign: 1 | -1;
}

function compareAt(order: readonly Order[], a: number, b: number): number {
  for (let n = 0; n < order.length; n += 1) {
    const { keys, compare, sign } = order[n] as Order;
    const left = keys[a];
    const right = keys[b];
    if (left === right) continue;
    if (left === undefined) return 1;
    if (right === undefined) return -1;
    const result =
      typeof left === 'number' ? (typeof right === 'number' ? left - right : -1) : typeof right === 'number' ? 1 : compare(left, right);
    if (result !== 0) return result * sign;
  }
  return 0;
}

function* sortKeys(
  items: readonly Item[],
  rule: { readonly field: string; readonly compare: CompareName },
): Generator<GiveWay, { readonly keys: readonly Key[]; readonly longest: number }> {
  const read = fieldReader(rule.field);
  const keys: Key[] = [];
  let longest = 0;
  for (const item of items) {
    const key = sortKey(read(item.json), rule, keys.length);
    if (typeof key === 'string' && key.length > longest) longest = key.length;
    if (keys.push(key) % KEYS === 0) yield GIVE_WAY;
  }
  return { keys, longest };
}

function sortKey(value: Json | undefined, rule: { readonly field: string; readonly compare: CompareName }, i: number): Key {
  if (value === undefined || value === null) return undefined;
  switch (rule.compare) {
    case 'numeric':
      if (value === '') return undefined;
      return (
        asNumber(value) ??
        fail(
          'SORT_NOT_A_NUMBER',
          `"${rule.field}" of item ${i} is ${shown(value)}, which is no number. Compare as text, or filter such items out.`,
          {
            data: { field: rule.field, item: i },
          },
        )
      );
    case 'auto':
      return typeof value === 'number' ? value : asText(value);
    case 'text':
    case 'natural':
      return asText(value);
  }
}

function asText(value: Json): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function comparer(compare: CompareName, locale: string): (a: string, b: string) => number {
  try {
    return new Intl.Collator(locale, { numeric: compare === 'natural' }).compare;
  } catch (cause) {
    fail('SORT_LOCALE', `"${locale}" is not a language tag. Use one such as en, de or sv-SE.`, { cause });
  }
}
