/**
 * The value of a `conditions` parameter and its answer. Sides are evaluated before the question is asked, so this only compares.
 * There is no pattern operator: patterns over foreign text belong to expressions, whose engine is linear.
 */
import { sameJson } from './conditions.ts';
import type { Json } from './json.ts';

export const QUESTION_OPS = [
  'eq',
  'ne',
  'lt',
  'lte',
  'gt',
  'gte',
  'contains',
  'notContains',
  'startsWith',
  'endsWith',
  'empty',
  'notEmpty',
  'true',
  'false',
] as const;
export type QuestionOp = (typeof QUESTION_OPS)[number];

export interface QuestionRule {
  readonly left: Json;
  readonly op: QuestionOp;
  /** Left out by `empty`, `notEmpty`, `true` and `false`. */
  readonly right?: Json;
}

export type Question = { readonly all: readonly (QuestionRule | Question)[] } | { readonly any: readonly (QuestionRule | Question)[] };

/** Questions may nest this deep. */
export const QUESTION_DEPTH = 8;

/** Whether a value has the shape of a question; sides may be anything. */
export function isQuestion(value: Json | undefined, depth = 0): boolean {
  if (depth > QUESTION_DEPTH || typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const keys = Object.keys(value);
  const rules = (value as { readonly [key: string]: Json })[keys[0] ?? ''];
  if (keys.length !== 1 || (keys[0] !== 'all' && keys[0] !== 'any') || !Array.isArray(rules)) return false;
  return rules.every((rule: Json) => isRule(rule) || isQuestion(rule, depth + 1));
}

function isRule(value: Json): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || !Object.hasOwn(value, 'op')) return false;
  return (QUESTION_OPS as readonly unknown[]).includes((value as { readonly op: Json }).op);
}

/** The answer. `value` has passed {@link isQuestion}. */
export function answer(value: Json): boolean {
  const question = value as unknown as Question;
  return 'all' in question ? question.all.every(answerOne) : question.any.some(answerOne);
}

function answerOne(rule: QuestionRule | Question): boolean {
  return 'op' in rule ? answerRule(rule) : answer(rule as unknown as Json);
}

function answerRule({ left, op, right }: QuestionRule): boolean {
  switch (op) {
    case 'eq':
      return sameScalar(left, right);
    case 'ne':
      return !sameScalar(left, right);
    case 'lt':
      return order(left, right) < 0;
    case 'lte':
      return order(left, right) <= 0;
    case 'gt':
      return order(left, right) > 0;
    case 'gte':
      return order(left, right) >= 0;
    case 'contains':
      return contains(left, right);
    case 'notContains':
      return !contains(left, right);
    case 'startsWith':
      return typeof left === 'string' && left.startsWith(text(right));
    case 'endsWith':
      return typeof left === 'string' && left.endsWith(text(right));
    case 'empty':
      return isEmpty(left);
    case 'notEmpty':
      return !isEmpty(left);
    case 'true':
      return left === true || left === 'true';
    case 'false':
      return left === false || left === 'false';
  }
}

/** Forms store numbers as text now and then, so `5` equals `"5"`; nothing else is converted. */
function sameScalar(left: Json | undefined, right: Json | undefined): boolean {
  if (typeof left === 'number' && typeof right === 'string') return right.trim() !== '' && Number(right) === left;
  if (typeof left === 'string' && typeof right === 'number') return left.trim() !== '' && Number(left) === right;
  return sameJson(left ?? null, right ?? null);
}

/** NaN where two values have no order; every comparison with it is false. */
function order(left: Json | undefined, right: Json | undefined): number {
  const a = numeric(left);
  const b = numeric(right);
  if (a !== undefined && b !== undefined) return a - b;
  if (typeof left !== 'string' || typeof right !== 'string') return Number.NaN;
  return left < right ? -1 : left > right ? 1 : 0;
}

function numeric(value: Json | undefined): number | undefined {
  if (typeof value === 'number') return value;
  if (typeof value !== 'string' || value.trim() === '') return undefined;
  const number = Number(value);
  return Number.isFinite(number) ? number : undefined;
}

function contains(left: Json | undefined, right: Json | undefined): boolean {
  if (typeof left === 'string') return left.includes(text(right));
  return Array.isArray(left) && left.some((one: Json) => sameScalar(one, right));
}

function text(value: Json | undefined): string {
  return typeof value === 'string' ? value : JSON.stringify(value ?? null);
}

function isEmpty(value: Json | undefined): boolean {
  if (value === undefined || value === null || value === '') return true;
  return typeof value === 'object' && (Array.isArray(value) ? value.length : Object.keys(value).length) === 0;
}
