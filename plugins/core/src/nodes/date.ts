/**
 * Reads, writes and calculates with dates. Days, months and years follow the calendar of the zone, so that a day more is the same time of
 * the next day when the clocks change; hours and less are exact.
 */
import type { Json, JsonObject } from '@plugboard/sdk';
import { defineNode, fail, p, when } from '@plugboard/sdk';
import { DateTime, IANAZone } from 'luxon';
import { fieldReader, withField } from '../data/field-path.ts';
import { asNumber, shown } from '../data/numbers.ts';
import { withFiles } from '../data/send-to.ts';

const UNITS = {
  years: 'Years',
  quarters: 'Quarters',
  months: 'Months',
  weeks: 'Weeks',
  days: 'Days',
  hours: 'Hours',
  minutes: 'Minutes',
  seconds: 'Seconds',
  milliseconds: 'Milliseconds',
} as const;
type Unit = keyof typeof UNITS;

const is = (...operations: readonly string[]) => when.in('operation', operations);

/** Longer texts are no dates. */
const TEXT_MAX = 200;

export const date = defineNode({
  id: 'date',
  version: 1,
  title: 'Date',
  help: 'Reads, writes and calculates with dates and times in any time zone.',
  icon: 'calendar-clock',
  group: 'Data',
  per: 'item',
  effects: 'none',
  params: {
    operation: p
      .choice([
        { value: 'parse', title: 'Read', help: 'Gives ISO text such as 2026-01-31T09:00:00.000+01:00, as the calculations do.' },
        { value: 'format', title: 'Write' },
        { value: 'add', title: 'Add' },
        { value: 'subtract', title: 'Subtract' },
        { value: 'diff', title: 'Difference', help: 'A number: above 0 when the other date is later.' },
        { value: 'start', title: 'Beginning of', help: 'Weeks begin on Monday.' },
        { value: 'end', title: 'End of', help: 'The last millisecond.' },
        { value: 'zone', title: 'Bring to the zone' },
        {
          value: 'parts',
          title: 'Parts',
          help: 'An object with year, month, day, hour, minute, second, millisecond, weekday (1 is Monday), week, weekYear, quarter, dayOfYear, daysInMonth and offsetMinutes.',
        },
      ])
      .title('Do')
      .help('What to do with the date.')
      .required(),
    field: p.text().title('Field with the date').help('Name or path. Left empty: the time at which the step started.').max(500).default(''),
    to: p.text().title('Result field').help('Name or path. Left empty: the field the date came from, or date.').max(500),
    read: p
      .choice([
        { value: 'auto', title: 'By itself', help: 'ISO, SQL, mail and HTTP dates. A number is milliseconds since 1970.' },
        { value: 'format', title: 'By a format' },
        { value: 'seconds', title: 'Seconds since 1970' },
        { value: 'milliseconds', title: 'Milliseconds since 1970' },
      ])
      .title('The date is')
      .help('How the date is written.')
      .default('auto'),
    readFormat: p
      .text()
      .title('Format to read')
      .help('Letters as in dd.MM.yyyy HH:mm; plain text stands in single quotes.')
      .min(1)
      .max(100)
      .default('yyyy-MM-dd')
      .when(when.eq('read', 'format')),
    zone: p
      .text()
      .title('Time zone')
      .help('Name such as Europe/Berlin. Dates without an offset are read in it, and results are given in it.')
      .min(1)
      .max(100)
      .default('UTC'),
    locale: p.text().title('Language').help('Language tag for names of months and days, such as de.').min(1).max(35).default('en'),
    write: p
      .choice([
        { value: 'format', title: 'By a format' },
        { value: 'iso', title: 'ISO', help: '2026-01-31T09:00:00.000+01:00' },
        { value: 'date', title: 'ISO day', help: '2026-01-31' },
        { value: 'mail', title: 'Mail', help: 'Sat, 31 Jan 2026 09:00:00 +0100' },
        { value: 'http', title: 'HTTP', help: 'Sat, 31 Jan 2026 08:00:00 GMT' },
        { value: 'seconds', title: 'Seconds since 1970', help: 'A whole number.' },
        { value: 'milliseconds', title: 'Milliseconds since 1970' },
      ])
      .title('Write as')
      .help('How the date is written.')
      .default('format')
      .when(is('format')),
    format: p
      .text()
      .title('Format to write')
      .help('Letters as in dd.MM.yyyy HH:mm or d MMMM yyyy; plain text stands in single quotes.')
      .min(1)
      .max(100)
      .default('yyyy-MM-dd')
      .when(when.all(is('format'), when.eq('write', 'format'))),
    amount: p
      .number()
      .title('Amount')
      .help('How many units; may be below 0.')
      .integer()
      .min(-1_000_000_000)
      .max(1_000_000_000)
      .default(1)
      .when(is('add', 'subtract')),
    unit: p
      .choice(UNITS)
      .title('Unit')
      .help('A month after 31 January is the last day of February.')
      .default('days')
      .when(is('add', 'subtract', 'diff', 'start', 'end')),
    other: p
      .text()
      .title('Field with the other date')
      .help('Name or path, written as the first one is. Left empty: the time at which the step started.')
      .max(500)
      .default('')
      .when(is('diff')),
    whole: p.boolean().title('Whole units only').help('When off, the difference has decimals.').default(true).when(is('diff')),
  },
  run({ params, item, ctx }) {
    if (!isZone(params.zone)) fail('DATE_ZONE', `${shown(params.zone)} is not a time zone. Use a name such as Europe/Berlin, or UTC.`);
    if (!isLanguage(params.locale)) fail('DATE_LOCALE', `${shown(params.locale)} is not a language tag. Use one such as en or de.`);
    const given = (field: string): DateTime =>
      field === '' ? inZone(DateTime.fromISO(ctx.now), params) : dateOf(item.json, field, params);
    const result = calculated(given(params.field), params, () => given(params.other ?? ''));
    return withFiles(withField(item.json, params.to || params.field || 'date', result), item);
  },
});

interface ReadOptions {
  readonly read: 'auto' | 'format' | 'seconds' | 'milliseconds';
  readonly readFormat?: string;
  readonly zone: string;
  readonly locale: string;
}

interface DateOptions extends ReadOptions {
  readonly operation: 'parse' | 'format' | 'add' | 'subtract' | 'diff' | 'start' | 'end' | 'zone' | 'parts';
  readonly write?: 'format' | 'iso' | 'date' | 'mail' | 'http' | 'seconds' | 'milliseconds';
  readonly format?: string;
  readonly amount?: number;
  readonly unit?: Unit;
  readonly whole?: boolean;
}

/** A name of the time zone database; what depends on the machine is none. */
function isZone(zone: string): boolean {
  // Zones made once are kept by the library; asking for one anew is slow.
  return zone === 'UTC' || (/^[A-Z][\w+-]*(?:\/[\w+-]+)*$/i.test(zone) && IANAZone.create(zone).isValid);
}

function isLanguage(tag: string): boolean {
  try {
    return Intl.getCanonicalLocales(tag).length === 1;
  } catch {
    return false;
  }
}

function calculated(given: DateTime, options: DateOptions, other: () => DateTime): Json {
  const unit = options.unit ?? 'days';
  const amount = options.amount ?? 1;
  switch (options.operation) {
    case 'parse':
    case 'zone':
      return isoText(given);
    case 'format':
      return written(given, options);
    case 'add':
      return isoText(given.plus({ [unit]: amount }));
    case 'subtract':
      return isoText(given.minus({ [unit]: amount }));
    case 'start':
      return isoText(given.startOf(SINGULAR[unit]));
    case 'end':
      return isoText(given.endOf(SINGULAR[unit]));
    case 'diff': {
      const difference = other().diff(given, unit).as(unit);
      return options.whole === false ? difference : Math.trunc(difference);
    }
    case 'parts':
      return partsOf(given);
  }
}

const SINGULAR = {
  years: 'year',
  quarters: 'quarter',
  months: 'month',
  weeks: 'week',
  days: 'day',
  hours: 'hour',
  minutes: 'minute',
  seconds: 'second',
  milliseconds: 'millisecond',
} as const;

function isoText(value: DateTime): string {
  return value.toISO() ?? fail('DATE_RANGE', 'The result is no date: it is too far away. Add less.');
}

function written(value: DateTime, { write = 'format', format = 'yyyy-MM-dd' }: DateOptions): Json {
  switch (write) {
    case 'format':
      return value.toFormat(format);
    case 'iso':
      return value.toISO();
    case 'date':
      return value.toISODate();
    case 'mail':
      return value.toRFC2822();
    case 'http':
      return value.toHTTP();
    case 'seconds':
      return Math.floor(value.toMillis() / 1_000);
    case 'milliseconds':
      return value.toMillis();
  }
}

function partsOf(value: DateTime): JsonObject {
  const { year, month, day, hour, minute, second, millisecond, weekday, weekYear, quarter } = value;
  return {
    year,
    month,
    day,
    hour,
    minute,
    second,
    millisecond,
    weekday,
    week: value.weekNumber,
    weekYear,
    quarter,
    dayOfYear: value.ordinal,
    daysInMonth: value.daysInMonth ?? null,
    offsetMinutes: value.offset,
  };
}

function dateOf(json: JsonObject, field: string, options: ReadOptions): DateTime {
  const value = fieldReader(field)(json);
  if (value === undefined || value === null) fail('FIELD_MISSING', `The item has no date in "${field}".`);
  const found = readDate(value, options);
  if (found?.isValid === true) return inZone(found, options);
  const why = found === undefined || found.invalidExplanation === null ? '' : ` (${found.invalidExplanation})`;
  return fail('DATE_INVALID', `"${field}" is ${shown(value)}, which is no date${why}. Say how the date is written.`, { data: { field } });
}

function readDate(value: Json, options: ReadOptions): DateTime | undefined {
  const { zone, read } = options;
  if (read === 'seconds' || read === 'milliseconds' || (read === 'auto' && typeof value === 'number')) {
    const number = asNumber(value);
    if (number === undefined) return undefined;
    const millis = Math.round(read === 'seconds' ? number * 1_000 : number);
    return Math.abs(millis) > 8.64e15 ? undefined : DateTime.fromMillis(millis, { zone });
  }
  if (typeof value !== 'string' || value.length > TEXT_MAX) return undefined;
  const text = value.trim();
  if (read === 'auto') return readings(text, zone).find((one) => one.isValid);
  const format = options.readFormat ?? 'yyyy-MM-dd';
  // What the format leaves out would come from today, and differ when the step is repeated.
  if (!/[yDFfXxk]/.test(format.replaceAll(/'[^']*'/g, '')))
    fail('DATE_FORMAT', `The format ${shown(format)} has no year, so it does not say which date is meant.`);
  return DateTime.fromFormat(text, format, { zone, locale: options.locale });
}

function* readings(text: string, zone: string): Generator<DateTime> {
  // A time of day alone would be completed with today.
  if (/^[+-]?\d{4}/.test(text)) {
    yield DateTime.fromISO(text, { zone });
    yield DateTime.fromSQL(text, { zone });
  } else if (/^[A-Za-z]|^\d{1,2} /.test(text)) {
    yield DateTime.fromRFC2822(text, { zone });
    yield DateTime.fromHTTP(text, { zone });
  }
}

function inZone(value: DateTime, { zone, locale }: ReadOptions): DateTime {
  return value.setZone(zone).setLocale(locale);
}
