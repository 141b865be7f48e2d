/** Methods of lists. None changes its list: sort and reverse give new ones. */
import type { Evaluation } from './evaluation.ts';
import { ExpressionError } from './expression-error.ts';
import { maxDataDepth } from './limits.ts';
import { arrowArg, listArg, numberArg, numberOr, textOr, valueArg, type Argument, type Arguments, type MethodTable } from './method.ts';
import { Lambda } from './lambda.ts';
import { numeric, strictlyEqual, truthy } from './operators.ts';
import { readPath } from './path.ts';
import { jsonTextOf, putField, show, textOf } from './plain.ts';
import { DateValue, isList, isObject, type Value } from './values.ts';

type List = readonly Value[];

export const listMethods: MethodTable<List> = {
  map: {
    signature: '(by: (element, index, list) => any) => any[]',
    doc: 'Each element turned into something else.',
    arrowAt: [0],
    run(self, args, e) {
      const by = arrowArg(args, 0);
      return self.map((element, index) => by.call(e, element, index, self));
    },
  },
  filter: {
    signature: '(keep: (element, index, list) => boolean) => any[]',
    doc: 'The elements for which the arrow is true.',
    arrowAt: [0],
    run(self, args, e) {
      const keep = arrowArg(args, 0);
      return self.filter((element, index) => truthy(keep.call(e, element, index, self)));
    },
  },
  find: {
    signature: '(test: (element, index) => boolean) => any',
    doc: 'The first element for which the arrow is true.',
    arrowAt: [0],
    run(self, args, e) {
      const test = arrowArg(args, 0);
      return self.find((element, index) => truthy(test.call(e, element, index, self)));
    },
  },
  findIndex: {
    signature: '(test: (element, index) => boolean) => number',
    doc: 'Where the first such element stands, or -1.',
    arrowAt: [0],
    run(self, args, e) {
      const test = arrowArg(args, 0);
      return self.findIndex((element, index) => truthy(test.call(e, element, index, self)));
    },
  },
  findLast: {
    signature: '(test: (element, index) => boolean) => any',
    doc: 'The last element for which the arrow is true.',
    arrowAt: [0],
    run(self, args, e) {
      const test = arrowArg(args, 0);
      return self.findLast((element, index) => truthy(test.call(e, element, index, self)));
    },
  },
  some: {
    signature: '(test: (element, index) => boolean) => boolean',
    doc: 'True when the arrow is true for at least one element.',
    arrowAt: [0],
    run(self, args, e) {
      const test = arrowArg(args, 0);
      return self.some((element, index) => truthy(test.call(e, element, index, self)));
    },
  },
  every: {
    signature: '(test: (element, index) => boolean) => boolean',
    doc: 'True when the arrow is true for all elements.',
    arrowAt: [0],
    run(self, args, e) {
      const test = arrowArg(args, 0);
      return self.every((element, index) => truthy(test.call(e, element, index, self)));
    },
  },
  reduce: {
    signature: '(by: (total, element, index) => any, start?: any) => any',
    doc: 'All elements folded into one value.',
    arrowAt: [0],
    run(self, args, e) {
      const by = arrowArg(args, 0);
      if (args.length < 2 && self.length === 0) {
        throw new ExpressionError('EXPR_NO_VALUE', 'An empty list cannot be reduced without a start value.', {
          hint: 'Add one: reduce((a, b) => a + b, 0).',
        });
      }
      let total = args.length < 2 ? self[0] : valueArg(args, 1);
      for (let index = args.length < 2 ? 1 : 0; index < self.length; index++) total = by.call(e, total, self[index], index);
      return total;
    },
  },
  flatMap: {
    signature: '(by: (element, index) => any | any[]) => any[]',
    doc: 'Like map, with lists in the result opened up.',
    arrowAt: [0],
    run(self, args, e) {
      const by = arrowArg(args, 0);
      const out: Value[] = [];
      self.forEach((element, index) => {
        const made = by.call(e, element, index, self);
        if (isList(made)) append(e, out, made);
        else append(e, out, [made]);
      });
      return out;
    },
  },
  includes: {
    signature: '(value: any) => boolean',
    doc: 'True when the list holds the value.',
    run(self, args) {
      const wanted = valueArg(args, 0);
      return self.some((element) => strictlyEqual(element, wanted) || (Number.isNaN(element) && Number.isNaN(wanted)));
    },
  },
  indexOf: {
    signature: '(value: any) => number',
    doc: 'Where the value first stands, or -1.',
    run: (self, args) => self.findIndex((element) => strictlyEqual(element, valueArg(args, 0))),
  },
  lastIndexOf: {
    signature: '(value: any) => number',
    doc: 'Where the value last stands, or -1.',
    run: (self, args) => self.findLastIndex((element) => strictlyEqual(element, valueArg(args, 0))),
  },
  join: {
    signature: "(separator = ',') => string",
    doc: 'All elements as one text.',
    run(self, args, e) {
      const separator = textOr(args, 0, ',');
      e.chargeText(separator.length * Math.max(0, self.length - 1));
      let length = 0;
      const parts = self.map((element) => {
        const text = textOf(e, element);
        length += text.length + separator.length;
        e.charge(text.length >>> 10);
        if (length - separator.length > e.limits.text) e.chargeText(length);
        return text;
      });
      return parts.join(separator);
    },
  },
  slice: {
    signature: '(start: number, end?: number) => any[]',
    doc: 'A part of the list; negative places count from the end.',
    run: (self, args) => self.slice(numberOr(args, 0, 0), numberOr(args, 1, self.length)),
  },
  concat: {
    signature: '(...lists: any[]) => any[]',
    doc: 'With the elements of other lists, or single values, added.',
    run(self, args, e) {
      const out: Value[] = [];
      append(e, out, self);
      for (let index = 0; index < args.length; index++) {
        const added = valueArg(args, index);
        append(e, out, isList(added) ? added : [added]);
      }
      return out;
    },
  },
  flat: {
    signature: '(depth = 1) => any[]',
    doc: 'Inner lists opened up.',
    run(self, args, e) {
      const depth = args[0] === Number.POSITIVE_INFINITY ? maxDataDepth : numberOr(args, 0, 1);
      const out: Value[] = [];
      flatten(e, self, Math.min(depth, maxDataDepth), out);
      return out;
    },
  },
  reverse: { signature: '() => any[]', doc: 'Back to front, as a new list.', run: (self) => self.toReversed() },
  toReversed: { signature: '() => any[]', doc: 'Back to front.', run: (self) => self.toReversed() },
  sort: {
    signature: '(order?: (a, b) => number) => any[]',
    doc: 'In order, as a new list: numbers by size, text by its characters.',
    arrowAt: [0],
    run: sorted,
  },
  toSorted: {
    signature: '(order?: (a, b) => number) => any[]',
    doc: 'In order: numbers by size, text by its characters.',
    arrowAt: [0],
    run: sorted,
  },
  sortBy: {
    signature: "(by: string | ((element) => any), direction: 'asc' | 'desc' = 'asc') => any[]",
    doc: 'In the order of a field or of what the arrow gives.',
    arrowAt: [0],
    run(self, args, e) {
      const key = keyReader(args[0], e);
      const direction = textOr(args, 1, 'asc') === 'desc' ? -1 : 1;
      e.charge(sortingCost(self.length));
      const keyed = self.map((element, index) => ({ element, key: key(element, index) }));
      return keyed.toSorted((a, b) => direction * naturalOrder(e, a.key, b.key)).map(({ element }) => element);
    },
  },
  groupBy: {
    signature: '(by: string | ((element) => any)) => { [key]: any[] }',
    doc: 'An object with one list per value of a field.',
    arrowAt: [0],
    run(self, args, e) {
      const groups: { [key: string]: Value[] } = {};
      eachKey(self, args, e, (key, element) => {
        if (Object.hasOwn(groups, key)) groups[key]?.push(element);
        else putField(groups, key, [element]);
      });
      return groups;
    },
  },
  countBy: {
    signature: '(by: string | ((element) => any)) => { [key]: number }',
    doc: 'How many elements each value of a field has.',
    arrowAt: [0],
    run(self, args, e) {
      const counts: { [key: string]: number } = {};
      eachKey(self, args, e, (key) => putField(counts, key, (Object.hasOwn(counts, key) ? (counts[key] ?? 0) : 0) + 1));
      return counts;
    },
  },
  keyBy: {
    signature: '(by: string | ((element) => any)) => { [key]: any }',
    doc: 'An object with the last element for each value of a field.',
    arrowAt: [0],
    run(self, args, e) {
      const byKey: { [key: string]: Value } = {};
      eachKey(self, args, e, (key, element) => putField(byKey, key, element));
      return byKey;
    },
  },
  unique: {
    signature: '(by?: string | ((element) => any)) => any[]',
    doc: 'Each element once; equal data counts as equal.',
    arrowAt: [0],
    run(self, args, e) {
      const key = args[0] === undefined ? (element: Value) => element : keyReader(args[0], e);
      const seen = new Set<string>();
      return self.filter((element, index) => {
        const identity = identityOf(e, key(element, index));
        if (seen.has(identity)) return false;
        seen.add(identity);
        return true;
      });
    },
  },
  pluck: {
    signature: '(field: string) => any[]',
    doc: 'One field of each element.',
    run(self, args, e) {
      const key = keyReader(textOr(args, 0, ''), e);
      return self.map((element, index) => key(element, index));
    },
  },
  sum: {
    signature: '(by?: string | ((element) => number)) => number',
    doc: 'All numbers added; 0 for none.',
    arrowAt: [0],
    run: (self, args, e) => numbersOf(self, args, e).reduce((total, number) => total + number, 0),
  },
  average: {
    signature: '(by?: string | ((element) => number)) => number | undefined',
    doc: 'The mean; undefined for none.',
    arrowAt: [0],
    run(self, args, e) {
      const numbers = numbersOf(self, args, e);
      return numbers.length === 0 ? undefined : numbers.reduce((total, number) => total + number, 0) / numbers.length;
    },
  },
  min: {
    signature: '(by?: string | ((element) => number)) => number | undefined',
    doc: 'The smallest number; undefined for none.',
    arrowAt: [0],
    run: (self, args, e) => extreme(numbersOf(self, args, e), (a, b) => Math.min(a, b)),
  },
  max: {
    signature: '(by?: string | ((element) => number)) => number | undefined',
    doc: 'The largest number; undefined for none.',
    arrowAt: [0],
    run: (self, args, e) => extreme(numbersOf(self, args, e), (a, b) => Math.max(a, b)),
  },
  at: {
    signature: '(index: number) => any',
    doc: 'One element, from the end when negative.',
    touches: 'one',
    run: (self, args) => self.at(numberOr(args, 0, 0)),
  },
  first: { signature: '() => any', doc: 'The first element; undefined for none.', touches: 'one', run: (self) => self[0] },
  last: { signature: '() => any', doc: 'The last element; undefined for none.', touches: 'one', run: (self) => self.at(-1) },
  isEmpty: { signature: '() => boolean', doc: 'True for no elements.', touches: 'one', run: (self) => self.length === 0 },
  isNotEmpty: { signature: '() => boolean', doc: 'True for at least one element.', touches: 'one', run: (self) => self.length > 0 },
  compact: {
    signature: '() => any[]',
    doc: 'Without undefined, null and empty text.',
    run: (self) => self.filter((element) => element !== undefined && element !== null && element !== ''),
  },
  chunk: {
    signature: '(size: number) => any[][]',
    doc: 'Lists of at most that many elements.',
    run(self, args) {
      const size = Math.trunc(numberArg(args, 0));
      if (size < 1) throw new ExpressionError('EXPR_TYPE', 'A chunk needs at least 1 element.');
      const chunks: Value[] = [];
      for (let from = 0; from < self.length; from += size) chunks.push(self.slice(from, from + size));
      return chunks;
    },
  },
  zip: {
    signature: '(other: any[]) => [any, any][]',
    doc: 'Pairs of the elements at the same place.',
    run(self, args) {
      const other = listArg(args, 0);
      return self.map((element, index) => [element, other[index]]);
    },
  },
  difference: {
    signature: '(other: any[]) => any[]',
    doc: 'The elements the other list does not hold.',
    run(self, args, e) {
      const held = identities(e, listArg(args, 0));
      return self.filter((element) => !held.has(identityOf(e, element)));
    },
  },
  intersection: {
    signature: '(other: any[]) => any[]',
    doc: 'The elements both lists hold.',
    run(self, args, e) {
      const held = identities(e, listArg(args, 0));
      return self.filter((element) => held.has(identityOf(e, element)));
    },
  },
  union: {
    signature: '(other: any[]) => any[]',
    doc: 'The elements of both lists, each once.',
    run(self, args, e) {
      const seen = new Set<string>();
      const out: Value[] = [];
      for (const list of [self, listArg(args, 0)]) {
        e.charge(list.length);
        for (const element of list) {
          const identity = identityOf(e, element);
          if (seen.has(identity)) continue;
          seen.add(identity);
          out.push(element);
        }
      }
      return out;
    },
  },
  keys: { signature: '() => number[]', doc: 'The places, from 0.', run: (self) => self.map((_element, index) => index) },
  values: { signature: '() => any[]', doc: 'The list itself.', touches: 'one', run: (self) => self },
  entries: {
    signature: '() => [number, any][]',
    doc: 'Pairs of place and element.',
    run: (self) => self.map((element, index) => [index, element]),
  },
  toObject: {
    signature: '() => { [key]: any }',
    doc: 'An object from pairs of key and value.',
    run: (self, _args, e) => objectFromPairs(e, self),
  },
  toString: { signature: '() => string', doc: 'As JSON.', run: (self: List, _args: Arguments, e: Evaluation) => jsonTextOf(e, self) },
  toJsonString: {
    signature: '(indent = 0) => string',
    doc: 'As JSON.',
    run: (self, args, e) => jsonTextOf(e, self, ' '.repeat(Math.min(10, Math.max(0, numberOr(args, 0, 0))))),
  },
};

/** An object from `[key, value]` pairs; also `Object.fromEntries`. */
export function objectFromPairs(evaluation: Evaluation, pairs: List): Value {
  evaluation.chargeElements(pairs.length);
  const object: { [key: string]: Value } = {};
  for (const pair of pairs) {
    if (!isList(pair)) throw new ExpressionError('EXPR_TYPE', `A pair [key, value] is needed, but got ${show(pair)}.`);
    putField(object, keyText(pair[0]), pair[1]);
  }
  return object;
}

/** Adds elements one by one: `push(...list)` would need a stack frame as long as the list. */
export function append(evaluation: Evaluation, out: Value[], added: List): void {
  if (out.length + added.length > evaluation.limits.elements) evaluation.chargeElements(out.length + added.length);
  evaluation.charge(added.length);
  for (const element of added) out.push(element);
}

function flatten(evaluation: Evaluation, list: List, depth: number, out: Value[]): void {
  evaluation.charge(1);
  for (const element of list) {
    if (isList(element) && depth >= 1) flatten(evaluation, element, depth - 1, out);
    else append(evaluation, out, [element]);
  }
}

function sorted(self: List, args: Arguments, evaluation: Evaluation): Value {
  evaluation.charge(sortingCost(self.length));
  if (args[0] === undefined) return self.toSorted((a, b) => naturalOrder(evaluation, a, b));
  const order = arrowArg(args, 0);
  return self.toSorted((a, b) => {
    const result = order.call(evaluation, a, b);
    return typeof result === 'boolean' ? (result ? 1 : -1) : numeric(result, 'The order');
  });
}

function sortingCost(length: number): number {
  return Math.ceil(length * Math.log2(length + 1) * 0.25);
}

/** Numbers and dates by size, text by its characters, undefined and null last, otherwise by kind. */
function naturalOrder(evaluation: Evaluation, left: Value, right: Value): number {
  const a = left instanceof DateValue ? left.moment.toMillis() : left;
  const b = right instanceof DateValue ? right.moment.toMillis() : right;
  if (typeof a === 'number' && typeof b === 'number')
    return Number.isNaN(a) ? (Number.isNaN(b) ? 0 : 1) : Number.isNaN(b) ? -1 : a - b || 0;
  if (typeof a === 'string' && typeof b === 'string') {
    evaluation.charge(Math.min(a.length, b.length) >>> 10);
    return a < b ? -1 : a > b ? 1 : 0;
  }
  return rank(a) - rank(b);
}

function rank(value: Value): number {
  if (value === undefined) return 5;
  if (value === null) return 4;
  if (typeof value === 'number') return 0;
  if (typeof value === 'string') return 1;
  return typeof value === 'boolean' ? (value ? 2.5 : 2) : 3;
}

/** Reads the key of an element: a path of fields, or what an arrow gives. */
function keyReader(by: Argument, evaluation: Evaluation): (element: Value, index: number) => Value {
  if (by instanceof Lambda) return (element, index) => by.call(evaluation, element, index);
  if (typeof by === 'string') return (element) => readPath(evaluation, element, by);
  throw new ExpressionError('EXPR_TYPE', 'Argument 1 must be the name of a field or an arrow such as x => x.name.');
}

function eachKey(self: List, args: Arguments, evaluation: Evaluation, visit: (key: string, element: Value) => void): void {
  const key = keyReader(args[0], evaluation);
  self.forEach((element, index) => {
    const text = keyText(key(element, index));
    evaluation.charge(text.length >>> 8);
    visit(text, element);
  });
}

/** A value as a key of an object. */
export function keyText(value: Value): string {
  if (typeof value === 'string') return value;
  if (value instanceof DateValue) return value.iso;
  if (value === undefined || value === null || typeof value === 'number' || typeof value === 'boolean') return String(value);
  throw new ExpressionError('EXPR_TYPE', `A key must be text or a number, but is ${show(value)}.`);
}

function identities(evaluation: Evaluation, list: List): Set<string> {
  evaluation.charge(list.length);
  return new Set(list.map((element) => identityOf(evaluation, element)));
}

/** Text that is the same for equal data, whatever the order of an object's keys. */
function identityOf(evaluation: Evaluation, value: Value, depth = 0): string {
  evaluation.charge(1 + (typeof value === 'string' ? value.length >>> 7 : 0));
  if (typeof value === 'string') return `s${value.length}:${value}`;
  if (value instanceof DateValue) return `d${value.moment.toMillis()}`;
  if (typeof value !== 'object' || value === null) return `p${String(value)}`;
  if (depth >= maxDataDepth) throw new ExpressionError('EXPR_DEPTH', `The data is nested deeper than ${maxDataDepth} levels.`);
  let text = '';
  if (isList(value)) {
    for (const element of value) text = grown(evaluation, text, identityOf(evaluation, element, depth + 1));
    return `[${text}]`;
  }
  if (!isObject(value)) throw new ExpressionError('EXPR_TYPE', `${show(value)} cannot be compared as data.`);
  for (const key of Object.keys(value).toSorted()) {
    text = grown(evaluation, text, `${key.length}:${key}${identityOf(evaluation, value[key], depth + 1)}`);
  }
  return `{${text}}`;
}

function grown(evaluation: Evaluation, text: string, added: string): string {
  evaluation.chargeText(text.length + added.length);
  return text + added;
}

function numbersOf(self: List, args: Arguments, evaluation: Evaluation): number[] {
  const key = args[0] === undefined ? (element: Value) => element : keyReader(args[0], evaluation);
  const numbers: number[] = [];
  self.forEach((element, index) => {
    const value = key(element, index);
    if (value !== undefined && value !== null && value !== '') numbers.push(numeric(value, 'This method'));
  });
  return numbers;
}

function extreme(numbers: readonly number[], pick: (a: number, b: number) => number): number | undefined {
  let best = numbers[0];
  for (const number of numbers) best = best === undefined ? number : pick(best, number);
  return best;
}
