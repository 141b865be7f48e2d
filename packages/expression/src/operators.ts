/** Operators on values. As in JavaScript where that is safe; where JavaScript would quietly make NaN or "[object Object]", an error. */
import type { Evaluation } from './evaluation.ts';
import { ExpressionError } from './expression-error.ts';
import { dateFuel, momentOfText } from './moment.ts';
import { show, textOf } from './plain.ts';
import { DateValue, isList, isObject, type Value } from './values.ts';

export type BinaryOperator = '+' | '-' | '*' | '/' | '%' | '**' | '==' | '!=' | '===' | '!==' | '<' | '<=' | '>' | '>=';
export type Operate = (evaluation: Evaluation, left: Value, right: Value) => Value;

export const binaryOperators: ReadonlyMap<string, Operate> = new Map<BinaryOperator, Operate>([
  ['+', add],
  ['-', (_e, left, right) => numeric(left, '-') - numeric(right, '-')],
  ['*', (_e, left, right) => numeric(left, '*') * numeric(right, '*')],
  ['/', (_e, left, right) => numeric(left, '/') / numeric(right, '/')],
  ['%', (_e, left, right) => numeric(left, '%') % numeric(right, '%')],
  ['**', (_e, left, right) => numeric(left, '**') ** numeric(right, '**')],
  ['===', (_e, left, right) => strictlyEqual(left, right)],
  ['!==', (_e, left, right) => !strictlyEqual(left, right)],
  ['==', (e, left, right) => looselyEqual(e, left, right)],
  ['!=', (e, left, right) => !looselyEqual(e, left, right)],
  ['<', (e, left, right) => compared(e, left, right, '<', (a, b) => a < b)],
  ['<=', (e, left, right) => compared(e, left, right, '<=', (a, b) => a <= b)],
  ['>', (e, left, right) => compared(e, left, right, '>', (a, b) => a > b)],
  ['>=', (e, left, right) => compared(e, left, right, '>=', (a, b) => a >= b)],
]);

/** Numbers add; with text on either side both become text. */
function add(evaluation: Evaluation, left: Value, right: Value): Value {
  if (typeof left === 'number' && typeof right === 'number') return left + right;
  if (typeof left === 'string' || typeof right === 'string') {
    const before = textOf(evaluation, left);
    const after = textOf(evaluation, right);
    evaluation.chargeText(before.length + after.length);
    return before + after;
  }
  return numeric(left, '+', addHint(left, right)) + numeric(right, '+', addHint(left, right));
}

function addHint(left: Value, right: Value): string | undefined {
  if (isList(left) || isList(right)) return 'Join lists with a.concat(b).';
  if (isObject(left) || isObject(right)) return 'Join objects with a.merge(b) or { ...a, ...b }.';
  if (left instanceof DateValue || right instanceof DateValue) return 'Move a date with date.plus({ days: 1 }).';
  return undefined;
}

/** The number an operand stands for. Text counts when all of it is a number; a date counts as its milliseconds. */
export function numeric(value: Value, operator: string, hint?: string): number {
  if (typeof value === 'number') return value;
  if (typeof value === 'boolean') return value ? 1 : 0;
  if (typeof value === 'string') {
    const number = value.length > 400 || value.trim() === '' ? Number.NaN : Number(value);
    if (!Number.isNaN(number)) return number;
  }
  if (value instanceof DateValue && operator === '-') return value.moment.toMillis();
  const isEmpty = value === undefined || value === null;
  throw new ExpressionError('EXPR_TYPE', `${operator} needs a number, but got ${show(value)}.`, {
    hint: hint ?? (isEmpty ? 'Give a default: (value ?? 0).' : undefined),
  });
}

/** `===`. Dates are equal when they are the same instant; lists and objects when they are the same one. */
export function strictlyEqual(left: Value, right: Value): boolean {
  if (left === right) return true;
  return left instanceof DateValue && right instanceof DateValue && left.moment.toMillis() === right.moment.toMillis();
}

/** `==`: undefined equals null, text equals the number it spells; lists and objects only themselves. */
function looselyEqual(evaluation: Evaluation, left: Value, right: Value): boolean {
  if (strictlyEqual(left, right)) return true;
  const noLeft = left === undefined || left === null;
  const noRight = right === undefined || right === null;
  if (noLeft || noRight) return noLeft && noRight;
  if (typeof left === 'object' || typeof right === 'object') return false;
  if (typeof left === 'string' || typeof right === 'string') evaluation.charge(1 + ((String(left).length + String(right).length) >>> 10));
  // Only strings, numbers and booleans are left, so the conversion calls no code.
  // oxlint-disable-next-line eqeqeq -- this is the language's loose equality
  return left == right;
}

function compared(
  evaluation: Evaluation,
  left: Value,
  right: Value,
  operator: string,
  test: (a: number | string, b: number | string) => boolean,
): boolean {
  if (typeof left === 'string' && typeof right === 'string') {
    evaluation.charge(Math.min(left.length, right.length) >>> 10);
    return test(left, right);
  }
  if (left instanceof DateValue && typeof right === 'string') return test(left.moment.toMillis(), millisOf(evaluation, right));
  if (right instanceof DateValue && typeof left === 'string') return test(millisOf(evaluation, left), right.moment.toMillis());
  return test(comparable(left, operator), comparable(right, operator));
}

/** A text beside a date is read as a date. */
function millisOf(evaluation: Evaluation, text: string): number {
  evaluation.charge(dateFuel);
  return momentOfText(text, evaluation.scope.zone).moment.toMillis();
}

/** JavaScript's rules for single values (undefined compares false with everything); lists and objects have no order. */
function comparable(value: Value, operator: string): number {
  switch (typeof value) {
    case 'number':
      return value;
    case 'boolean':
      return value ? 1 : 0;
    case 'string':
      return value.length > 400 ? Number.NaN : Number(value);
    case 'undefined':
      return Number.NaN;
    default:
      if (value === null) return 0;
      if (value instanceof DateValue) return value.moment.toMillis();
      throw new ExpressionError('EXPR_TYPE', `${operator} cannot compare ${show(value)}.`);
  }
}

/** What counts as true: everything but undefined, null, false, 0, NaN and empty text. */
export function truthy(value: Value): boolean {
  return Boolean(value);
}
