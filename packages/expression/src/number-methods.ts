/** Methods of numbers and booleans. */
import type { Evaluation } from './evaluation.ts';
import { ExpressionError } from './expression-error.ts';
import { numberArg, numberOr, objectArg, textOr, type Arguments, type MethodTable } from './method.ts';
import { dateFuel, localeNamed, momentOfMillis } from './moment.ts';
import type { Value } from './values.ts';

export const numberMethods: MethodTable<number> = {
  toFixed: {
    signature: '(digits = 0) => string',
    doc: 'Text with that many digits after the point.',
    run: (self, args) => self.toFixed(digitsArg(args)),
  },
  toPrecision: {
    signature: '(digits: number) => string',
    doc: 'Text with that many digits in all.',
    run: (self, args) => self.toPrecision(Math.max(1, digitsArg(args))),
  },
  toString: {
    signature: '(base = 10) => string',
    doc: 'Text, in another base from 2 to 36 when given.',
    run(self: number, args: Arguments) {
      const base = numberOr(args, 0, 10);
      if (!Number.isInteger(base) || base < 2 || base > 36)
        throw new ExpressionError('EXPR_TYPE', 'The base must be a whole number from 2 to 36.');
      return self.toString(base);
    },
  },
  round: {
    signature: '(digits = 0) => number',
    doc: 'Rounded, half away from zero.',
    run: (self, args) => rounded(self, digitsArg(args), (value) => Math.round(value)),
  },
  floor: {
    signature: '(digits = 0) => number',
    doc: 'Rounded down.',
    run: (self, args) => shifted(self, digitsArg(args), (value) => Math.floor(value)),
  },
  ceil: {
    signature: '(digits = 0) => number',
    doc: 'Rounded up.',
    run: (self, args) => shifted(self, digitsArg(args), (value) => Math.ceil(value)),
  },
  abs: { signature: '() => number', doc: 'Without its sign.', run: (self) => Math.abs(self) },
  clamp: {
    signature: '(low: number, high: number) => number',
    doc: 'At least the first, at most the second.',
    run: (self, args) => Math.min(Math.max(self, numberArg(args, 0)), numberArg(args, 1)),
  },
  isInteger: { signature: '() => boolean', doc: 'True for a whole number.', run: (self) => Number.isInteger(self) },
  isEven: { signature: '() => boolean', doc: 'True for an even whole number.', run: (self) => self % 2 === 0 },
  isOdd: { signature: '() => boolean', doc: 'True for an odd whole number.', run: (self) => Math.abs(self % 2) === 1 },
  isEmpty: { signature: '() => boolean', doc: 'False: a number is something.', run: () => false },
  isNotEmpty: { signature: '() => boolean', doc: 'True: a number is something.', run: () => true },
  toNumber: { signature: '() => number', doc: 'The number itself.', run: (self) => self },
  toBoolean: { signature: '() => boolean', doc: 'False for 0, true for others.', run: (self) => self !== 0 && !Number.isNaN(self) },
  toDate: {
    signature: "(unit: 'ms' | 's' = 'ms') => date",
    doc: 'The date that many milliseconds, or seconds, after 1970.',
    run(self, args, e) {
      e.charge(dateFuel);
      const unit = textOr(args, 0, 'ms');
      if (unit !== 'ms' && unit !== 's') throw new ExpressionError('EXPR_TYPE', "The unit must be 'ms' or 's'.");
      return momentOfMillis(unit === 's' ? self * 1000 : self, e.scope.zone);
    },
  },
  toLocaleString: {
    signature: "(language = 'en-US', options?: { style?: string, currency?: string, … }) => string",
    doc: 'Text as people write numbers.',
    run: format,
  },
  format: {
    signature: "(language = 'en-US', options?: { style?: string, currency?: string, … }) => string",
    doc: 'The same as toLocaleString.',
    run: format,
  },
  toJsonString: { signature: '() => string', doc: 'As JSON.', run: (self) => (Number.isFinite(self) ? String(self) : 'null') },
};

export const booleanMethods: MethodTable<boolean> = {
  toString: { signature: '() => string', doc: "'true' or 'false'.", run: (self: boolean) => String(self) },
  toNumber: { signature: '() => number', doc: '1 or 0.', run: (self) => (self ? 1 : 0) },
  toBoolean: { signature: '() => boolean', doc: 'The value itself.', run: (self) => self },
  toJsonString: { signature: '() => string', doc: 'As JSON.', run: (self) => String(self) },
  isEmpty: { signature: '() => boolean', doc: 'False: a boolean is something.', run: () => false },
  isNotEmpty: { signature: '() => boolean', doc: 'True: a boolean is something.', run: () => true },
};

/** `value` rounded to `digits` places, half away from zero as on paper. */
function rounded(value: number, digits: number, round: (value: number) => number): number {
  const magnitude = shifted(Math.abs(value), digits, round);
  return value < 0 ? -magnitude : magnitude;
}

/** Moves the decimal point in the number's text, so that 1.005 rounds to 1.01 although its binary form lies below. */
function shifted(value: number, digits: number, round: (value: number) => number): number {
  if (!Number.isFinite(value) || digits === 0) return round(value);
  const moved = round(pointMoved(value, digits));
  return Number.isFinite(moved) ? pointMoved(moved, -digits) : value;
}

function pointMoved(value: number, places: number): number {
  const [mantissa, exponent] = String(value).split('e');
  return Number(`${mantissa}e${Number(exponent ?? 0) + places}`);
}

function digitsArg(args: Arguments): number {
  const digits = numberOr(args, 0, 0);
  if (!Number.isInteger(digits) || digits < 0 || digits > 100) {
    throw new ExpressionError('EXPR_TYPE', 'The number of digits must be a whole number from 0 to 100.');
  }
  return digits;
}

const textOptions = [
  'style',
  'currency',
  'currencyDisplay',
  'currencySign',
  'unit',
  'unitDisplay',
  'notation',
  'compactDisplay',
  'signDisplay',
  'roundingMode',
];
const numberOptions = [
  'minimumIntegerDigits',
  'minimumFractionDigits',
  'maximumFractionDigits',
  'minimumSignificantDigits',
  'maximumSignificantDigits',
];

function format(self: number, args: Arguments, evaluation: Evaluation): Value {
  // Building a formatter takes as long as a hundred nodes.
  evaluation.charge(dateFuel * 5);
  const locale = localeNamed(textOr(args, 0, 'en-US'));
  const chosen: { [key: string]: string | number | boolean } = {};
  for (const [key, value] of Object.entries(args[1] === undefined ? {} : objectArg(args, 1))) {
    const fits =
      (textOptions.includes(key) && typeof value === 'string') ||
      (numberOptions.includes(key) && typeof value === 'number') ||
      (key === 'useGrouping' && typeof value === 'boolean');
    if (!fits) throw new ExpressionError('EXPR_TYPE', `The number option ${key.slice(0, 40)} is not known or has the wrong kind of value.`);
    chosen[key] = value;
  }
  try {
    return new Intl.NumberFormat(locale, chosen).format(self);
  } catch (cause) {
    throw new ExpressionError('EXPR_TYPE', 'These number options do not go together.', { cause });
  }
}
