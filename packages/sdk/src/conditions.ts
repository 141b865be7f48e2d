/**
 * Conditions over sibling parameters: a typed way to write them, and the one evaluator the browser and the server share.
 */
import type { Json } from './json.ts';
import type { Condition } from './param-ir.ts';

/** Values a condition compares with; names refer to parameters beside the one that carries the condition. */
export type Given = { readonly [name: string]: Json | undefined };

/**
 * Builds conditions as data.
 * @example p.text().when(when.eq('method', 'POST'))
 * @example p.text().when(when.is({ method: ['POST', 'PUT'], sendBody: true }))
 */
export const when = {
  eq: (param: string, value: Json): Condition => ({ param, op: 'eq', value }),
  ne: (param: string, value: Json): Condition => ({ param, op: 'ne', value }),
  in: (param: string, values: readonly Json[]): Condition => ({ param, op: 'in', value: values }),
  lt: (param: string, value: number | string): Condition => ({ param, op: 'lt', value }),
  gt: (param: string, value: number | string): Condition => ({ param, op: 'gt', value }),
  /** The parameter is text that the pattern (a regular expression's source) finds something in. */
  matches: (param: string, pattern: string): Condition => ({ param, op: 'matches', value: pattern }),
  exists: (param: string): Condition => ({ param, op: 'exists' }),
  all: (...conditions: readonly Condition[]): Condition => ({ all: conditions }),
  any: (...conditions: readonly Condition[]): Condition => ({ any: conditions }),
  not: (condition: Condition): Condition => ({ not: condition }),
  /** Every named parameter equals its value, or one of its values when an array is given. */
  is: (values: { readonly [param: string]: Json }): Condition => {
    const each = Object.entries(values).map(([param, value]): Condition =>
      Array.isArray(value) ? { param, op: 'in', value } : { param, op: 'eq', value },
    );
    return each.length === 1 && each[0] !== undefined ? each[0] : { all: each };
  },
} as const;

/** Whether a condition holds for these values. Apply defaults first: an absent parameter counts as absent. */
export function holds(condition: Condition, given: Given): boolean {
  return evaluate(condition, (name) => (Object.hasOwn(given, name) ? given[name] : undefined)) === true;
}

/** What {@link evaluate} reads for a parameter whose value is not known yet, such as an expression on disk. */
export const NOT_KNOWN: unique symbol = Symbol('not known');

/** Three-valued: `undefined` when the answer depends on a value that is not known yet. */
export function evaluate(condition: Condition, read: (name: string) => Json | undefined | typeof NOT_KNOWN): boolean | undefined {
  if ('all' in condition) return every(condition.all, read);
  if ('any' in condition) return some(condition.any, read);
  if ('not' in condition) {
    const inner = evaluate(condition.not, read);
    return inner === undefined ? undefined : !inner;
  }
  const actual = read(condition.param);
  if (actual === NOT_KNOWN) return undefined;
  return compare(condition.op, actual, condition.value);
}

/** Names of the parameters a condition reads. */
export function conditionParams(condition: Condition): readonly string[] {
  if ('all' in condition) return condition.all.flatMap(conditionParams);
  if ('any' in condition) return condition.any.flatMap(conditionParams);
  if ('not' in condition) return conditionParams(condition.not);
  return [condition.param];
}

function every(conditions: readonly Condition[], read: Parameters<typeof evaluate>[1]): boolean | undefined {
  let open = false;
  for (const condition of conditions) {
    const result = evaluate(condition, read);
    if (result === false) return false;
    if (result === undefined) open = true;
  }
  return open ? undefined : true;
}

function some(conditions: readonly Condition[], read: Parameters<typeof evaluate>[1]): boolean | undefined {
  let open = false;
  for (const condition of conditions) {
    const result = evaluate(condition, read);
    if (result === true) return true;
    if (result === undefined) open = true;
  }
  return open ? undefined : false;
}

function compare(op: Extract<Condition, { op: string }>['op'], actual: Json | undefined, value: Json | undefined): boolean {
  switch (op) {
    case 'exists':
      return (actual !== undefined && actual !== null) === (value !== false);
    case 'eq':
      return sameJson(actual, value);
    case 'ne':
      return !sameJson(actual, value);
    case 'in':
      return Array.isArray(value) && value.some((one) => sameJson(actual, one));
    case 'lt':
      return compareOrder(actual, value) < 0;
    case 'gt':
      return compareOrder(actual, value) > 0;
    case 'matches':
      return typeof actual === 'string' && typeof value === 'string' && new RegExp(value, 'u').test(actual);
  }
}

/** Only numbers with numbers and text with text have an order; NaN, which every comparison denies, stands for none. */
function compareOrder(a: Json | undefined, b: Json | undefined): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  if (typeof a === 'string' && typeof b === 'string') return a < b ? -1 : a > b ? 1 : 0;
  return Number.NaN;
}

/** Deep equality of JSON values; the order of object keys does not matter. */
export function sameJson(a: Json | undefined, b: Json | undefined): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null || a === undefined || b === undefined) return false;
  if (Array.isArray(a)) {
    return Array.isArray(b) && a.length === b.length && a.every((one, i) => sameJson(one, b[i] as Json));
  }
  if (Array.isArray(b)) return false;
  const left = a as { readonly [key: string]: Json };
  const right = b as { readonly [key: string]: Json };
  const keys = Object.keys(left);
  return keys.length === Object.keys(right).length && keys.every((key) => Object.hasOwn(right, key) && sameJson(left[key], right[key]));
}
