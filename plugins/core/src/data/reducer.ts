/**
 * The operations of the Aggregate step: each takes in one value after the other and then gives its result.
 * Missing fields and null are no values: nothing but `count` counts them. The sum of nothing is 0; min, max, average and median of nothing are null.
 */
import type { Json } from '@plugboard/sdk';
import { fail } from '@plugboard/sdk';
import { identity } from './identity.ts';
import { asNumber, shown } from './numbers.ts';

export const OPERATIONS = [
  'count',
  'sum',
  'average',
  'min',
  'max',
  'median',
  'first',
  'last',
  'list',
  'unique',
  'countDistinct',
  'join',
] as const;
export type OperationName = (typeof OPERATIONS)[number];

export interface Operation {
  readonly op: OperationName;
  readonly field?: string;
  readonly separator?: string;
}

export interface Reducer {
  /** @param i position of the item in the input, for messages. */
  add(value: Json, i: number): void;
  result(): Json;
}

export function reducer(operation: Operation): Reducer {
  const field = operation.field ?? '';
  switch (operation.op) {
    case 'count':
      return new Count();
    case 'sum':
      return new Sum(field);
    case 'average':
      return new Average(field);
    case 'min':
      return new Extreme(field, -1);
    case 'max':
      return new Extreme(field, 1);
    case 'median':
      return new Median(field);
    case 'first':
      return new First();
    case 'last':
      return new Last();
    case 'list':
      return new List();
    case 'unique':
      return new Distinct(false);
    case 'countDistinct':
      return new Distinct(true);
    case 'join':
      return new Join(operation.separator ?? ', ');
  }
}

class Count implements Reducer {
  #count = 0;
  add(): void {
    this.#count += 1;
  }
  result(): Json {
    return this.#count;
  }
}

/** Adds with a running correction (Neumaier), so that 0.1 ten times is 1 and whole numbers up to 2^53 are exact. */
class Sum implements Reducer {
  readonly #field: string;
  #sum = 0;
  #correction = 0;
  constructor(field: string) {
    this.#field = field;
  }
  add(value: Json, i: number): void {
    const number = numberOf(value, this.#field, i);
    const sum = this.#sum + number;
    this.#correction += Math.abs(this.#sum) >= Math.abs(number) ? this.#sum - sum + number : number - sum + this.#sum;
    this.#sum = sum;
  }
  result(): number {
    if (!Number.isFinite(this.#sum)) fail('AGGREGATE_TOO_LARGE', `The sum of "${this.#field}" is larger than a number can hold.`);
    return this.#sum + this.#correction;
  }
}

class Average implements Reducer {
  readonly #sum: Sum;
  #count = 0;
  constructor(field: string) {
    this.#sum = new Sum(field);
  }
  add(value: Json, i: number): void {
    this.#sum.add(value, i);
    this.#count += 1;
  }
  result(): Json {
    return this.#count === 0 ? null : this.#sum.result() / this.#count;
  }
}

/** The least or the largest: of numbers by size, of other text by its characters, so that ISO dates work. */
class Extreme implements Reducer {
  readonly #field: string;
  readonly #sign: 1 | -1;
  #best: number | string | undefined;
  constructor(field: string, sign: 1 | -1) {
    this.#field = field;
    this.#sign = sign;
  }
  add(value: Json, i: number): void {
    const next = asNumber(value) ?? value;
    if (typeof next !== 'number' && typeof next !== 'string') notComparable(this.#field, i, value, 'neither a number nor text');
    const best = this.#best;
    if (best === undefined) this.#best = next;
    else if (typeof best !== typeof next)
      notComparable(this.#field, i, value, `${typeof next === 'number' ? 'a number' : 'text'} after ${shown(best)}`);
    else if (this.#sign === 1 ? next > best : next < best) this.#best = next;
  }
  result(): Json {
    return this.#best ?? null;
  }
}

class Median implements Reducer {
  readonly #field: string;
  readonly #numbers: number[] = [];
  constructor(field: string) {
    this.#field = field;
  }
  add(value: Json, i: number): void {
    this.#numbers.push(numberOf(value, this.#field, i));
  }
  result(): Json {
    const sorted = Float64Array.from(this.#numbers).sort();
    const middle = sorted.length >> 1;
    const upper = sorted[middle];
    if (upper === undefined) return null;
    return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? upper) + upper) / 2;
  }
}

class First implements Reducer {
  #value: Json | undefined;
  add(value: Json): void {
    this.#value ??= value;
  }
  result(): Json {
    return this.#value ?? null;
  }
}

class Last implements Reducer {
  #value: Json = null;
  add(value: Json): void {
    this.#value = value;
  }
  result(): Json {
    return this.#value;
  }
}

class List implements Reducer {
  readonly #values: Json[] = [];
  add(value: Json): void {
    this.#values.push(value);
  }
  result(): Json {
    return this.#values;
  }
}

/** Different values in the order they first appear, or how many there are. */
class Distinct implements Reducer {
  readonly #onlyCount: boolean;
  readonly #seen = new Map<unknown, Json>();
  constructor(onlyCount: boolean) {
    this.#onlyCount = onlyCount;
  }
  add(value: Json): void {
    // Numbers and booleans are their own keys; text and objects share one notation, in which text is quoted.
    const key = typeof value === 'number' || typeof value === 'boolean' ? value : identity(value);
    if (!this.#seen.has(key)) this.#seen.set(key, value);
  }
  result(): Json {
    return this.#onlyCount ? this.#seen.size : [...this.#seen.values()];
  }
}

class Join implements Reducer {
  readonly #separator: string;
  readonly #texts: string[] = [];
  constructor(separator: string) {
    this.#separator = separator;
  }
  add(value: Json): void {
    this.#texts.push(typeof value === 'string' ? value : JSON.stringify(value));
  }
  result(): Json {
    return this.#texts.join(this.#separator);
  }
}

function numberOf(value: Json, field: string, i: number): number {
  if (typeof value === 'number') return value;
  return (
    asNumber(value) ??
    fail(
      'AGGREGATE_NOT_A_NUMBER',
      `"${field}" of item ${i} is ${shown(value)}, which is no number. Filter such items out or convert the field before.`,
      { data: { field, item: i } },
    )
  );
}

function notComparable(field: string, i: number, value: Json, why: string): never {
  fail('AGGREGATE_NOT_COMPARABLE', `"${field}" of item ${i} is ${shown(value)}: ${why}. Make the values alike before.`, {
    data: { field, item: i },
  });
}
