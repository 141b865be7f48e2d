/** What a method or function of the language is: data with a `run`, so that the evaluator and the editor's completion read one table. */
import type { Evaluation } from './evaluation.ts';
import { ExpressionError } from './expression-error.ts';
import { Lambda } from './lambda.ts';
import { numeric } from './operators.ts';
import { dateFuel, momentOfMillis, momentOfText } from './moment.ts';
import { Pattern } from './pattern.ts';
import { show } from './plain.ts';
import { DateValue, isList, isObject, type Value, type ValueObject } from './values.ts';

/** Arrows and patterns are arguments but never values. */
export type Argument = Value | Lambda | Pattern;
export type Arguments = readonly Argument[];

export interface Method<Self> {
  /** How the editor shows it: `(separator: string) => string[]`. */
  readonly signature: string;
  /** One line saying what it gives. */
  readonly doc: string;
  /** Places that take an arrow. Elsewhere an arrow is refused when compiling. */
  readonly arrowAt?: readonly number[];
  /** Places that take a regular expression. */
  readonly patternAt?: readonly number[];
  /** A list method that looks at one element instead of all; it costs one step. @default 'all' */
  readonly touches?: 'one' | 'all';
  run(self: Self, args: Arguments, evaluation: Evaluation): Value;
}

export type MethodTable<Self> = { readonly [name: string]: Method<Self> };

/** A helper called by name alone; the same shape without a receiver. */
export type HelperTable = MethodTable<undefined>;

export function textArg(args: Arguments, index: number): string {
  const value = args[index];
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  throw wrongArgument(args, index, 'text');
}

export function textOr(args: Arguments, index: number, fallback: string): string {
  return args[index] === undefined ? fallback : textArg(args, index);
}

/** A finite number. */
export function numberArg(args: Arguments, index: number): number {
  const value = args[index];
  if (value instanceof Lambda || value instanceof Pattern) throw wrongArgument(args, index, 'a number');
  const number = numeric(value, `Argument ${index + 1}`);
  if (!Number.isFinite(number)) throw wrongArgument(args, index, 'a finite number');
  return number;
}

export function numberOr(args: Arguments, index: number, fallback: number): number {
  return args[index] === undefined ? fallback : numberArg(args, index);
}

export function listArg(args: Arguments, index: number): readonly Value[] {
  const value = args[index];
  if (isPlainArgument(value) && isList(value)) return value;
  throw wrongArgument(args, index, 'a list');
}

export function objectArg(args: Arguments, index: number): ValueObject {
  const value = args[index];
  if (isPlainArgument(value) && isObject(value)) return value;
  throw wrongArgument(args, index, 'an object');
}

export function arrowArg(args: Arguments, index: number): Lambda {
  const value = args[index];
  if (value instanceof Lambda) return value;
  throw wrongArgument(args, index, 'an arrow such as x => x.name');
}

export function valueArg(args: Arguments, index: number): Value {
  const value = args[index];
  if (isPlainArgument(value)) return value;
  throw wrongArgument(args, index, 'a value');
}

/** A date, or anything that reads as one: ISO text, milliseconds since 1970. */
export function dateArg(args: Arguments, index: number, evaluation: Evaluation): DateValue {
  return dateOf(valueArg(args, index), evaluation);
}

export function dateOf(value: Value, evaluation: Evaluation): DateValue {
  evaluation.charge(dateFuel);
  if (value instanceof DateValue) return value;
  if (typeof value === 'string') return momentOfText(value, evaluation.scope.zone);
  if (typeof value === 'number') return momentOfMillis(value, evaluation.scope.zone);
  throw new ExpressionError('EXPR_TYPE', `A date is needed, but got ${show(value)}.`);
}

function isPlainArgument(value: Argument): value is Value {
  return !(value instanceof Lambda) && !(value instanceof Pattern);
}

function wrongArgument(args: Arguments, index: number, wanted: string): ExpressionError {
  const value = args[index];
  const got = value instanceof Lambda ? 'an arrow' : value instanceof Pattern ? 'a regular expression' : show(value);
  return new ExpressionError('EXPR_TYPE', `Argument ${index + 1} must be ${wanted}, but is ${got}.`);
}
