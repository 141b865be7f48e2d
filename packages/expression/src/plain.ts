/** From values to JSON and text, under the evaluation's limits. Every walk pays as it goes, because shared parts can make a small value print large. */
import type { Json } from '@plugboard/sdk';
import type { Evaluation } from './evaluation.ts';
import { ExpressionError } from './expression-error.ts';
import { maxDataDepth } from './limits.ts';
import { DateValue, describe, NodeValue, type Value, type ValueObject } from './values.ts';

/** What a walk has measured so far. */
interface Measure {
  size: number;
  readonly limit: number;
  /** Blanks per level that printing will add. */
  readonly indent: number;
  /** Fuel is charged for text made inside an expression, not for handing over the result. */
  readonly payer: Evaluation | undefined;
}

/** The JSON of a result: dates become ISO text, undefined fields are left out. Parts that need no change are shared, not copied. */
export function resultOf(evaluation: Evaluation, value: Value): Json | undefined {
  if (value === undefined) return undefined;
  return plainOf(value, { size: 0, limit: evaluation.limits.output, indent: 0, payer: undefined }, 0, 'The result');
}

/** JSON text, with JSON.stringify's `indent`. Undefined gives undefined. */
export function jsonTextOf(evaluation: Evaluation, value: Value, indent: string = ''): string | undefined {
  if (value === undefined) return undefined;
  const plain = plainOf(value, { size: 0, limit: evaluation.limits.text, indent: indent.length, payer: evaluation }, 0, 'The value');
  const text = JSON.stringify(plain, null, indent);
  evaluation.chargeText(text.length);
  return text;
}

/** How a value reads inside text: nothing for undefined and null, JSON for lists and objects. */
export function textOf(evaluation: Evaluation, value: Value): string {
  switch (typeof value) {
    case 'string':
      return value;
    case 'number':
    case 'boolean':
      return String(value);
    case 'undefined':
      return '';
    default:
      if (value === null) return '';
      if (value instanceof DateValue) return value.iso;
      return jsonTextOf(evaluation, value) ?? '';
  }
}

function plainOf(value: Value, measure: Measure, depth: number, what: string): Json {
  switch (typeof value) {
    case 'string':
      grow(measure, value.length + 2);
      return value;
    case 'number':
      grow(measure, 8);
      if (!Number.isFinite(value)) {
        throw new ExpressionError('EXPR_TYPE', `${what} holds ${value}, which JSON cannot hold.`, {
          hint: 'Check for a division by zero or a text that is no number; isNaN(x) tells.',
        });
      }
      return value;
    case 'boolean':
      grow(measure, 5);
      return value;
    case 'undefined':
      grow(measure, 4);
      return null;
    case 'object':
      break;
    default:
      throw new ExpressionError('EXPR_BAD_DATA', `${what} holds something that is not JSON.`);
  }
  if (value === null) {
    grow(measure, 4);
    return null;
  }
  if (value instanceof DateValue) {
    grow(measure, 32);
    return value.iso;
  }
  if (value instanceof NodeValue) {
    throw new ExpressionError('EXPR_TYPE', `${value.label} is a node, not data.`, { hint: 'Add .item.json, .first().json or .all().' });
  }
  if (depth >= maxDataDepth) throw new ExpressionError('EXPR_DEPTH', `${what} is nested deeper than ${maxDataDepth} levels.`);
  return Array.isArray(value) ? plainList(value, measure, depth, what) : plainObject(value as ValueObject, measure, depth, what);
}

function plainList(list: readonly Value[], measure: Measure, depth: number, what: string): Json {
  grow(measure, 2 + list.length * (1 + (depth + 1) * measure.indent));
  let copy: Json[] | undefined;
  for (let index = 0; index < list.length; index++) {
    const value = list[index];
    const plain = plainOf(value, measure, depth + 1, what);
    if (plain !== value && copy === undefined) copy = list.slice(0, index) as Json[];
    copy?.push(plain);
  }
  return copy ?? (list as readonly Json[]);
}

function plainObject(object: ValueObject, measure: Measure, depth: number, what: string): Json {
  const keys = Object.keys(object);
  grow(measure, 2 + keys.length * (1 + (depth + 1) * measure.indent));
  let changed = false;
  const copy: { [key: string]: Json } = {};
  for (const key of keys) {
    grow(measure, key.length + 4);
    const value = object[key];
    if (value === undefined) {
      changed = true;
      continue;
    }
    const plain = plainOf(value, measure, depth + 1, what);
    if (plain !== value) changed = true;
    putField(copy, key, plain);
  }
  return changed ? copy : (object as { readonly [key: string]: Json });
}

function grow(measure: Measure, size: number): void {
  measure.size += size;
  if (measure.size > measure.limit) {
    throw new ExpressionError('EXPR_BUDGET', `The value is larger than ${measure.limit} characters of JSON.`);
  }
  measure.payer?.charge(1 + (size >>> 10));
}

/** Writes an own field. `__proto__` is refused, because a plain write to it would change what the object is. */
export function putField<T>(target: { [key: string]: T }, key: string, value: T): void {
  if (key === '__proto__') refuseProto();
  target[key] = value;
}

export function refuseProto(): never {
  throw new ExpressionError('EXPR_NOT_ALLOWED', 'The key __proto__ cannot be used.');
}

/** What a value is called in a message: short texts and numbers are shown, the rest by kind. */
export function show(value: Value): string {
  if (typeof value === 'string') return value.length <= 32 ? JSON.stringify(value) : `the text ${JSON.stringify(value.slice(0, 29))}…`;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  return describe(value);
}
