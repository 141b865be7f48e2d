/** Functions called by name, and the constants beside them. What a clock or chance decides is refused, so that a replay gives the same values. */
import type { Evaluation } from './evaluation.ts';
import { ExpressionError } from './expression-error.ts';
import { parseJson } from './json-text.ts';
import { append, objectFromPairs } from './list-methods.ts';
import {
  dateArg,
  dateOf,
  listArg,
  numberArg,
  numberOr,
  objectArg,
  textArg,
  textOr,
  valueArg,
  type Arguments,
  type HelperTable,
} from './method.ts';
import { dateFuel, localeNamed, momentOfFormat, momentOfIso, momentOfMillis, zoneNamed } from './moment.ts';
import { copyInto, keysOf } from './object-methods.ts';
import { numeric, truthy } from './operators.ts';
import { jsonTextOf, show, textOf } from './plain.ts';
import { uriCoded } from './text-methods.ts';
import { DateValue, isList, isObject, type Value } from './values.ts';

const mathOfOne = [
  'abs',
  'ceil',
  'floor',
  'round',
  'trunc',
  'sign',
  'sqrt',
  'cbrt',
  'log',
  'log2',
  'log10',
  'log1p',
  'exp',
  'expm1',
  'sin',
  'cos',
  'tan',
  'asin',
  'acos',
  'atan',
  'sinh',
  'cosh',
  'tanh',
] as const;
const mathOfTwo = ['pow', 'atan2'] as const;
const mathOfMany = ['min', 'max', 'hypot'] as const;

/** `Math.PI` and its like: names that stand for a number. */
export const constants: ReadonlyMap<string, number> = new Map([
  ...(['PI', 'E', 'LN2', 'LN10', 'LOG2E', 'LOG10E', 'SQRT2', 'SQRT1_2'] as const).map((name) => [`Math.${name}`, Math[name]] as const),
  ['Number.MAX_SAFE_INTEGER', Number.MAX_SAFE_INTEGER],
  ['Number.MIN_SAFE_INTEGER', Number.MIN_SAFE_INTEGER],
  ['Number.EPSILON', Number.EPSILON],
]);

/** Names that look like functions people know, with what to use instead. */
export const refusedHelpers: ReadonlyMap<string, string> = new Map([
  ['Math.random', 'Values made by chance would differ when a run is replayed; use a code step.'],
  ['Date.now', 'Use $now, the start of the step, or $now.toMillis().'],
  ['DateTime.now', 'Use $now, the start of the step.'],
  ['DateTime.local', 'Use $now, or date(text).'],
  ['DateTime.utc', 'Use $now.toUTC(), or date(text).'],
  ['Date.parse', 'Use date(text).toMillis().'],
  ['Date', 'Use date(text) or $now.'],
  ['crypto.randomUUID', 'Values made by chance would differ when a run is replayed; use a code step.'],
  ['uuid', 'Values made by chance would differ when a run is replayed; $run.id is unique and stable.'],
  ['Object.assign', 'Nothing is changed in place; write { ...a, ...b } or a.merge(b).'],
  ['Symbol', 'Symbols are not data.'],
  ['BigInt', 'Numbers are JSON numbers; keep larger ones as text.'],
  ['RegExp', 'Write a literal such as /[0-9]+/.'],
  ['Array.from', 'Use range(n).map(i => …), or [...list].'],
]);

export const helpers: HelperTable = {
  ...Object.fromEntries(
    mathOfOne.map((name) => [
      `Math.${name}`,
      {
        signature: '(x: number) => number',
        doc: 'As in JavaScript.',
        run: (_self: undefined, args: Arguments) => Math[name](mathArg(args, 0)),
      },
    ]),
  ),
  ...Object.fromEntries(
    mathOfTwo.map((name) => [
      `Math.${name}`,
      {
        signature: '(x: number, y: number) => number',
        doc: 'As in JavaScript.',
        run: (_self: undefined, args: Arguments) => Math[name](mathArg(args, 0), mathArg(args, 1)),
      },
    ]),
  ),
  ...Object.fromEntries(
    mathOfMany.map((name) => [
      `Math.${name}`,
      {
        signature: '(...numbers: number[]) => number',
        doc: 'As in JavaScript.',
        run: (_self: undefined, args: Arguments, e: Evaluation) => folded(args, name, e),
      },
    ]),
  ),
  min: { signature: '(...numbers: number[]) => number', doc: 'The smallest number.', run: (_self, args, e) => folded(args, 'min', e) },
  max: { signature: '(...numbers: number[]) => number', doc: 'The largest number.', run: (_self, args, e) => folded(args, 'max', e) },
  range: {
    signature: '(count: number) => number[]  |  (from: number, to: number) => number[]',
    doc: 'Whole numbers: 0 up to before count, or from up to before to.',
    run(_self, args, e) {
      const from = args.length > 1 ? Math.trunc(numberArg(args, 0)) : 0;
      const to = Math.trunc(numberArg(args, args.length > 1 ? 1 : 0));
      const count = Math.max(0, to - from);
      e.chargeElements(count);
      return Array.from({ length: count }, (_none, index) => from + index);
    },
  },
  ifEmpty: {
    signature: '(value: any, otherwise: any) => any',
    doc: 'The value, or the other when it is undefined, null, or an empty text, list or object.',
    run: (_self, args, e) => (isEmpty(valueArg(args, 0), e) ? valueArg(args, 1) : valueArg(args, 0)),
  },
  isEmpty: {
    signature: '(value: any) => boolean',
    doc: 'True for undefined, null, and an empty text, list or object.',
    run: (_self, args, e) => isEmpty(valueArg(args, 0), e),
  },
  Number: {
    signature: '(value: any) => number',
    doc: 'As a number; NaN when it is none.',
    run: (_self, args) => numberOf(valueArg(args, 0)),
  },
  String: { signature: '(value: any) => string', doc: 'As text.', run: (_self, args, e) => textOf(e, valueArg(args, 0)) },
  Boolean: { signature: '(value: any) => boolean', doc: 'As true or false.', run: (_self, args) => truthy(valueArg(args, 0)) },
  parseInt: {
    signature: '(text: string, base = 10) => number',
    doc: 'The whole number a text starts with; NaN for none.',
    run: (_self, args, e) => Number.parseInt(textOf(e, valueArg(args, 0)).slice(0, 400), numberOr(args, 1, 10)),
  },
  parseFloat: { signature: '(text: string) => number', doc: 'The number a text starts with; NaN for none.', run: parseFloatOf },
  'Number.parseFloat': { signature: '(text: string) => number', doc: 'The number a text starts with; NaN for none.', run: parseFloatOf },
  isNaN: {
    signature: '(value: any) => boolean',
    doc: 'True when it is no number.',
    run: (_self, args) => Number.isNaN(numberOf(valueArg(args, 0))),
  },
  isFinite: {
    signature: '(value: any) => boolean',
    doc: 'True for a finite number.',
    run: (_self, args) => Number.isFinite(numberOf(valueArg(args, 0))),
  },
  'Number.isInteger': {
    signature: '(value: any) => boolean',
    doc: 'True for a whole number.',
    run: (_self, args) => Number.isInteger(args[0]),
  },
  'Number.isSafeInteger': {
    signature: '(value: any) => boolean',
    doc: 'True for an exact whole number.',
    run: (_self, args) => Number.isSafeInteger(args[0]),
  },
  'Number.isFinite': {
    signature: '(value: any) => boolean',
    doc: 'True for a finite number.',
    run: (_self, args) => Number.isFinite(args[0]),
  },
  'Number.isNaN': { signature: '(value: any) => boolean', doc: 'True for NaN.', run: (_self, args) => Number.isNaN(args[0]) },
  'Array.isArray': { signature: '(value: any) => boolean', doc: 'True for a list.', run: (_self, args) => Array.isArray(args[0]) },
  'JSON.stringify': {
    signature: '(value: any, replacer?: null, indent?: number | string) => string',
    doc: 'As JSON text.',
    run(_self, args, e) {
      if (args[1] !== undefined && args[1] !== null)
        throw new ExpressionError('EXPR_TYPE', 'A replacer is not supported; use pick() or omit() before.');
      const indent = args[2];
      const blanks =
        typeof indent === 'string' ? indent.slice(0, 10) : ' '.repeat(Math.min(10, Math.max(0, Math.trunc(numberOr(args, 2, 0)))));
      return jsonTextOf(e, valueArg(args, 0), blanks);
    },
  },
  'JSON.parse': {
    signature: '(text: string) => any',
    doc: 'The value JSON text spells.',
    run: (_self, args, e) => parseJson(e, textArg(args, 0)),
  },
  'Object.keys': {
    signature: '(object: object) => string[]',
    doc: 'The names of its fields.',
    run: (_self, args, e) => keysOf(e, objectArg(args, 0)),
  },
  'Object.values': {
    signature: '(object: object) => any[]',
    doc: 'The values of its fields.',
    run(_self, args, e) {
      const object = objectArg(args, 0);
      return keysOf(e, object).map((key) => object[key]);
    },
  },
  'Object.entries': {
    signature: '(object: object) => [string, any][]',
    doc: 'Pairs of name and value.',
    run(_self, args, e) {
      const object = objectArg(args, 0);
      return keysOf(e, object).map((key) => [key, object[key]]);
    },
  },
  'Object.fromEntries': {
    signature: '(pairs: [string, any][]) => object',
    doc: 'An object from pairs of name and value.',
    run: (_self, args, e) => objectFromPairs(e, listArg(args, 0)),
  },
  'Object.hasOwn': {
    signature: '(object: object, field: string) => boolean',
    doc: 'True when it has the field.',
    run: (_self, args) => Object.hasOwn(objectArg(args, 0), textArg(args, 1)),
  },
  merge: {
    signature: '(...objects: object[]) => object',
    doc: 'One object with the fields of all; the last one wins.',
    run(_self, args, e) {
      const merged: { [key: string]: Value } = {};
      for (let index = 0; index < args.length; index++) copyInto(e, merged, objectArg(args, index));
      return merged;
    },
  },
  concat: {
    signature: '(...lists: any[][]) => any[]',
    doc: 'One list with the elements of all.',
    run(_self, args, e) {
      const out: Value[] = [];
      for (let index = 0; index < args.length; index++) append(e, out, listArg(args, index));
      return out;
    },
  },
  date: {
    signature: '(value: string | number | date, zone?: string) => date',
    doc: 'A date from ISO 8601 text or milliseconds; text without an offset is local to the zone.',
    run(_self, args, e) {
      e.charge(dateFuel);
      if (args[1] === undefined) return dateArg(args, 0, e);
      return inZone(valueArg(args, 0), textArg(args, 1), e);
    },
  },
  'DateTime.fromISO': {
    signature: '(text: string, options?: { zone?: string }) => date',
    doc: 'A date from ISO 8601 text.',
    run(_self, args, e) {
      e.charge(dateFuel * 2);
      const value = momentOfIso(textArg(args, 0), zoneOption(args, 1, e));
      if (value === undefined) throw new ExpressionError('EXPR_BAD_DATA', `${show(textArg(args, 0))} is not an ISO 8601 date.`);
      return value;
    },
  },
  'DateTime.fromFormat': {
    signature: '(text: string, format: string, options?: { zone?: string, locale?: string }) => date',
    doc: "A date from text in a format, such as 'dd.MM.yyyy'.",
    run(_self, args, e) {
      e.charge(dateFuel * 5);
      const options = args[2] === undefined ? {} : objectArg(args, 2);
      const locale = localeNamed(textOr([options['locale']], 0, 'en-US'));
      return momentOfFormat(textArg(args, 0), textArg(args, 1), zoneOption(args, 2, e), locale);
    },
  },
  'DateTime.fromMillis': {
    signature: '(milliseconds: number, options?: { zone?: string }) => date',
    doc: 'The date that many milliseconds after 1970.',
    run(_self, args, e) {
      e.charge(dateFuel);
      return momentOfMillis(numberArg(args, 0), zoneOption(args, 1, e));
    },
  },
  'DateTime.fromSeconds': {
    signature: '(seconds: number, options?: { zone?: string }) => date',
    doc: 'The date that many seconds after 1970.',
    run(_self, args, e) {
      e.charge(dateFuel);
      return momentOfMillis(numberArg(args, 0) * 1000, zoneOption(args, 1, e));
    },
  },
  encodeURIComponent: uriHelper('Escaped for a part of an address.', encodeURIComponent),
  decodeURIComponent: uriHelper('Without the escapes of a part of an address.', decodeURIComponent),
  encodeURI: uriHelper('Escaped for a whole address.', encodeURI),
  decodeURI: uriHelper('Without the escapes of a whole address.', decodeURI),
};

function uriHelper(doc: string, code: (text: string) => string): HelperTable[string] {
  return {
    signature: '(text: string) => string',
    doc,
    run(_self, args, e) {
      const text = textArg(args, 0);
      e.charge(text.length >>> 8);
      return uriCoded(text, code);
    },
  };
}

/** A number for Math: NaN and infinities pass, as their functions are defined for them. */
function mathArg(args: Arguments, index: number): number {
  return numeric(valueArg(args, index), 'Math');
}

/** The numbers may also come as one list. */
function folded(args: Arguments, name: (typeof mathOfMany)[number], evaluation: Evaluation): number {
  const first = args[0];
  const numbers = args.length === 1 && Array.isArray(first) ? (first as readonly Value[]) : args;
  evaluation.charge(numbers.length);
  if (name === 'hypot') return Math.sqrt(numbers.reduce<number>((total, _number, index) => total + mathArg(numbers, index) ** 2, 0));
  let best = name === 'min' ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY;
  for (let index = 0; index < numbers.length; index++) best = Math[name](best, mathArg(numbers, index));
  return best;
}

function numberOf(value: Value): number {
  if (value instanceof DateValue) return value.moment.toMillis();
  if (typeof value === 'string') return value.length > 400 ? Number.NaN : Number(value);
  if (typeof value === 'object' && value !== null) return Number.NaN;
  return Number(value);
}

function parseFloatOf(_self: undefined, args: Arguments, evaluation: Evaluation): Value {
  return Number.parseFloat(textOf(evaluation, valueArg(args, 0)).slice(0, 400));
}

function isEmpty(value: Value, evaluation: Evaluation): boolean {
  if (value === undefined || value === null || value === '') return true;
  if (isList(value)) return value.length === 0;
  return isObject(value) && keysOf(evaluation, value).length === 0;
}

function inZone(value: Value, zone: string, evaluation: Evaluation): Value {
  const name = zoneNamed(zone);
  if (typeof value === 'string') {
    const read = momentOfIso(value, name);
    if (read !== undefined) return read;
  }
  return new DateValue(dateOf(value, evaluation).moment.setZone(name) as DateValue['moment']);
}

function zoneOption(args: Arguments, index: number, evaluation: Evaluation): string {
  const zone = args[index] === undefined ? undefined : objectArg(args, index)['zone'];
  return zone === undefined ? evaluation.scope.zone : zoneNamed(textArg([zone], 0));
}
