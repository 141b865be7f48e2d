/** Methods and properties of dates. Every result keeps the date's zone unless it says otherwise. */
import { Duration, type DateTime, type DateTimeUnit } from 'luxon';
import type { Evaluation } from './evaluation.ts';
import { ExpressionError } from './expression-error.ts';
import { dateArg, numberArg, objectArg, textArg, textOr, valueArg, type Arguments, type MethodTable } from './method.ts';
import { dateFuel, dateValue, localeNamed, zoneNamed } from './moment.ts';
import type { DateValue } from './values.ts';
import { isList, isObject, type Value } from './values.ts';

const units = ['year', 'quarter', 'month', 'week', 'day', 'hour', 'minute', 'second', 'millisecond'] as const;
const fields = ['year', 'month', 'day', 'hour', 'minute', 'second', 'millisecond', 'weekday', 'weekNumber', 'weekYear', 'ordinal'] as const;

/** Properties, read without parentheses: `date.year`. */
export const dateProperties: {
  readonly [name: string]: { readonly doc: string; read(moment: DateTime<true>): Value };
} = {
  year: { doc: 'Year.', read: (moment) => moment.year },
  quarter: { doc: 'Quarter, 1 to 4.', read: (moment) => moment.quarter },
  month: { doc: 'Month, 1 to 12.', read: (moment) => moment.month },
  day: { doc: 'Day of the month, from 1.', read: (moment) => moment.day },
  hour: { doc: 'Hour, 0 to 23.', read: (moment) => moment.hour },
  minute: { doc: 'Minute.', read: (moment) => moment.minute },
  second: { doc: 'Second.', read: (moment) => moment.second },
  millisecond: { doc: 'Millisecond.', read: (moment) => moment.millisecond },
  weekday: { doc: 'Day of the week, Monday 1 to Sunday 7.', read: (moment) => moment.weekday },
  weekNumber: { doc: 'ISO week of the year.', read: (moment) => moment.weekNumber },
  weekYear: { doc: 'ISO week year.', read: (moment) => moment.weekYear },
  ordinal: { doc: 'Day of the year, from 1.', read: (moment) => moment.ordinal },
  daysInMonth: { doc: 'Days of this month.', read: (moment) => moment.daysInMonth },
  isWeekend: { doc: 'True on Saturday and Sunday.', read: (moment) => moment.weekday > 5 },
  isInDST: { doc: 'True while daylight saving time is in force.', read: (moment) => moment.isInDST },
  isInLeapYear: { doc: 'True in a leap year.', read: (moment) => moment.isInLeapYear },
  offset: { doc: 'Distance from UTC, in minutes.', read: (moment) => moment.offset },
  zoneName: { doc: 'Name of the time zone.', read: (moment) => moment.zoneName },
  monthLong: { doc: 'Name of the month.', read: (moment) => moment.monthLong },
  monthShort: { doc: 'Short name of the month.', read: (moment) => moment.monthShort },
  weekdayLong: { doc: 'Name of the weekday.', read: (moment) => moment.weekdayLong },
  weekdayShort: { doc: 'Short name of the weekday.', read: (moment) => moment.weekdayShort },
};

export const dateMethods: MethodTable<DateValue> = {
  plus: {
    signature: '(amount: { days?: number, … } | number, unit?: string) => date',
    doc: 'Later by that much. Days and longer keep the time of day across daylight saving changes.',
    run: (self, args, e) => derived(self, e, (moment) => moment.plus(durationOf(args))),
  },
  minus: {
    signature: '(amount: { days?: number, … } | number, unit?: string) => date',
    doc: 'Earlier by that much.',
    run: (self, args, e) => derived(self, e, (moment) => moment.minus(durationOf(args))),
  },
  set: {
    signature: '(fields: { hour?: number, … }) => date',
    doc: 'The date with some fields changed.',
    run: (self, args, e) => derived(self, e, (moment) => moment.set(fieldsOf(objectArg(args, 0)))),
  },
  startOf: {
    signature: "(unit: 'year' | 'quarter' | 'month' | 'week' | 'day' | 'hour' | 'minute' | 'second') => date",
    doc: 'The first moment of the unit the date is in.',
    run: (self, args, e) => derived(self, e, (moment) => moment.startOf(unitArg(args, 0))),
  },
  endOf: {
    signature: "(unit: 'year' | 'quarter' | 'month' | 'week' | 'day' | 'hour' | 'minute' | 'second') => date",
    doc: 'The last millisecond of the unit the date is in.',
    run: (self, args, e) => derived(self, e, (moment) => moment.endOf(unitArg(args, 0))),
  },
  setZone: {
    signature: '(zone: string) => date',
    doc: 'The same instant in another time zone.',
    run(self, args, e) {
      e.charge(dateFuel);
      return derived(self, e, (moment) => moment.setZone(zoneNamed(textArg(args, 0))));
    },
  },
  toUTC: {
    signature: '() => date',
    doc: 'The same instant in UTC.',
    run: (self, _args, e) => derived(self, e, (moment) => moment.toUTC()),
  },
  setLocale: {
    signature: '(language: string) => date',
    doc: 'The date with another language for month and day names.',
    run: (self, args, e) => derived(self, e, (moment) => moment.setLocale(localeNamed(textArg(args, 0)))),
  },
  diff: {
    signature: '(other: date, unit?: string | string[]) => { [unit]: number }',
    doc: 'Distance from the other date, as an object of the units asked for (milliseconds by default).',
    run(self, args, e) {
      const other = dateArg(args, 0, e);
      e.charge(dateFuel * 2);
      const asked = valueArg(args, 1) ?? 'milliseconds';
      const list = (isList(asked) ? asked : [asked]).slice(0, 16).map((unit) => unitNamed(unit));
      return { ...self.moment.diff(other.moment, list).toObject() };
    },
  },
  diffTo: {
    signature: '(other: date, unit?: string) => number',
    doc: 'Distance to the other date in one unit (days by default); positive when the other is later.',
    run(self, args, e) {
      const other = dateArg(args, 0, e);
      const unit = unitNamed(textOr(args, 1, 'days'));
      return other.moment.diff(self.moment, unit).as(unit);
    },
  },
  isBefore: {
    signature: '(other: date) => boolean',
    doc: 'True when earlier than the other date.',
    run: (self, args, e) => self.moment.toMillis() < dateArg(args, 0, e).moment.toMillis(),
  },
  isAfter: {
    signature: '(other: date) => boolean',
    doc: 'True when later than the other date.',
    run: (self, args, e) => self.moment.toMillis() > dateArg(args, 0, e).moment.toMillis(),
  },
  isBetween: {
    signature: '(from: date, to: date) => boolean',
    doc: 'True from the first date on and before the second.',
    run(self, args, e) {
      const at = self.moment.toMillis();
      return at >= dateArg(args, 0, e).moment.toMillis() && at < dateArg(args, 1, e).moment.toMillis();
    },
  },
  equals: {
    signature: '(other: date) => boolean',
    doc: 'True when both are the same instant, whatever their zones.',
    run: (self, args, e) => self.moment.toMillis() === dateArg(args, 0, e).moment.toMillis(),
  },
  hasSame: {
    signature: '(other: date, unit: string) => boolean',
    doc: 'True when both are in the same year, month, day …, seen in the zone of this date.',
    run: (self, args, e) => self.moment.hasSame(dateArg(args, 0, e).moment, unitArg(args, 1)),
  },
  extract: {
    signature: '(unit: string) => number',
    doc: 'One field by name: year, month, week, day, hour, …',
    run(self, args) {
      const unit = singular(textArg(args, 0));
      if (unit === 'week') return self.moment.weekNumber;
      return Object.hasOwn(dateProperties, unit) ? dateProperties[unit]?.read(self.moment) : self.moment.get(unitNamed(unit) as 'day');
    },
  },
  toFormat: {
    signature: '(format: string, language?: string) => string',
    doc: "Text in a format, such as 'yyyy-MM-dd HH:mm'.",
    run: formatted,
  },
  format: { signature: '(format: string, language?: string) => string', doc: 'The same as toFormat.', run: formatted },
  toLocaleString: {
    signature: '(language?: string, options?: { dateStyle?: string, … }) => string',
    doc: 'Text as people of a language write dates.',
    run(self: DateValue, args: Arguments, e: Evaluation) {
      e.charge(dateFuel * 5);
      const locale = localeNamed(textOr(args, 0, self.moment.locale ?? 'en-US'));
      const options = args[1] === undefined ? {} : dateStyle(objectArg(args, 1));
      try {
        return self.moment.setLocale(locale).toLocaleString(options);
      } catch (thrown) {
        throw new ExpressionError('EXPR_TYPE', 'These date options do not go together.', { cause: thrown });
      }
    },
  },
  toISO: { signature: '() => string', doc: 'ISO 8601 text with the offset.', run: (self) => self.iso },
  toISODate: { signature: '() => string', doc: 'The day as yyyy-MM-dd.', run: (self) => self.moment.toISODate() },
  toISOTime: { signature: '() => string', doc: 'The time of day with the offset.', run: (self) => self.moment.toISOTime() },
  toISOString: { signature: '() => string', doc: 'ISO 8601 text in UTC.', run: (self) => self.moment.toUTC().toISO() },
  toString: { signature: '() => string', doc: 'ISO 8601 text with the offset.', run: (self: DateValue) => self.iso },
  toMillis: { signature: '() => number', doc: 'Milliseconds since 1970.', run: (self) => self.moment.toMillis() },
  valueOf: { signature: '() => number', doc: 'Milliseconds since 1970.', run: (self: DateValue) => self.moment.toMillis() },
  toSeconds: { signature: '() => number', doc: 'Seconds since 1970, with a fraction.', run: (self) => self.moment.toMillis() / 1000 },
  toUnix: { signature: '() => number', doc: 'Whole seconds since 1970.', run: (self) => Math.floor(self.moment.toMillis() / 1000) },
  toObject: {
    signature: '() => { year: number, … }',
    doc: 'Year to millisecond as an object.',
    run: (self) => ({ ...self.moment.toObject() }),
  },
};

function derived(self: DateValue, evaluation: Evaluation, change: (moment: DateTime<true>) => DateTime): DateValue {
  evaluation.charge(dateFuel);
  return dateValue(change(self.moment), 'The result');
}

function formatted(self: DateValue, args: Arguments, evaluation: Evaluation): string {
  const format = textArg(args, 0);
  if (format.length > 256) throw new ExpressionError('EXPR_BUDGET', 'A date format may have at most 256 characters.');
  evaluation.charge(dateFuel + format.length * 2);
  const moment = args[1] === undefined ? self.moment : self.moment.setLocale(localeNamed(textArg(args, 1)));
  return moment.toFormat(format);
}

function singular(name: string): string {
  return name.endsWith('s') ? name.slice(0, -1) : name;
}

function unitNamed(name: Value): DateTimeUnit {
  const unit = units.find((known) => typeof name === 'string' && known === singular(name));
  if (unit === undefined) throw new ExpressionError('EXPR_TYPE', `A unit of time is needed: ${units.join(', ')}.`);
  return unit;
}

function unitArg(args: Arguments, index: number): DateTimeUnit {
  return unitNamed(textArg(args, index));
}

function durationOf(args: Arguments): Duration {
  const amount = valueArg(args, 0);
  if (!isObject(amount)) return Duration.fromObject({ [unitNamed(textOr(args, 1, 'milliseconds'))]: numberArg(args, 0) });
  const parts: { [unit: string]: number } = {};
  for (const [name, value] of Object.entries(amount)) parts[unitNamed(name)] = numberArg([value], 0);
  return Duration.fromObject(parts);
}

function fieldsOf(object: { readonly [key: string]: Value }): { [field: string]: number } {
  const chosen: { [field: string]: number } = {};
  for (const [name, value] of Object.entries(object)) {
    const field = fields.find((known) => known === name || known === singular(name));
    if (field === undefined) throw new ExpressionError('EXPR_TYPE', `A date has no field ${name}; it has ${fields.join(', ')}.`);
    chosen[field] = numberArg([value], 0);
  }
  const isWeek = 'weekday' in chosen || 'weekNumber' in chosen || 'weekYear' in chosen;
  if (isWeek && ('year' in chosen || 'month' in chosen || 'day' in chosen || 'ordinal' in chosen)) {
    throw new ExpressionError('EXPR_TYPE', 'Set either week fields or calendar fields, not both.');
  }
  if ('ordinal' in chosen && ('month' in chosen || 'day' in chosen)) {
    throw new ExpressionError('EXPR_TYPE', 'Set either ordinal or month and day, not both.');
  }
  return chosen;
}

const styleKeys = [
  'dateStyle',
  'timeStyle',
  'weekday',
  'era',
  'year',
  'month',
  'day',
  'hour',
  'minute',
  'second',
  'hour12',
  'timeZoneName',
];

function dateStyle(object: { readonly [key: string]: Value }): Intl.DateTimeFormatOptions {
  const chosen: { [key: string]: string | boolean } = {};
  for (const [key, value] of Object.entries(object)) {
    if (!styleKeys.includes(key)) throw new ExpressionError('EXPR_TYPE', `${key} is no date option; ${styleKeys.join(', ')} are.`);
    if (typeof value !== 'string' && typeof value !== 'boolean') throw new ExpressionError('EXPR_TYPE', `The option ${key} must be text.`);
    chosen[key] = value;
  }
  return chosen;
}
