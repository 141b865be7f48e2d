import { describe, expect, test } from 'vitest';
import { errorOf, valueOf } from '../test/a-scope.ts';

describe('dates', () => {
  test.each<[string, unknown]>([
    ["date('2026-03-28')", '2026-03-28T00:00:00.000+01:00'],
    ["date('2026-03-28T10:00')", '2026-03-28T10:00:00.000+01:00'],
    ["date('2026-03-28 10:00:00')", '2026-03-28T10:00:00.000+01:00'],
    ["date('2026-03-28T10:00:00Z')", '2026-03-28T11:00:00.000+01:00'],
    ["date('2026-03-28T10:00:00-05:00')", '2026-03-28T16:00:00.000+01:00'],
    ["date('2026-03-28T10:00', 'America/New_York')", '2026-03-28T10:00:00.000-04:00'],
    ['date(0)', '1970-01-01T01:00:00.000+01:00'],
    ["date(0, 'UTC')", '1970-01-01T00:00:00.000Z'],
    ["date('Sat, 28 Mar 2026 10:00:00 GMT')", '2026-03-28T11:00:00.000+01:00'],
    ["date('2026-W13-6')", '2026-03-28T00:00:00.000+01:00'],
    ["'2026-03-28'.toDate().weekday", 6],
    ["'28.03.2026'.toDate('dd.MM.yyyy').toISODate()", '2026-03-28'],
    ["DateTime.fromISO('2026-03-28', { zone: 'UTC' })", '2026-03-28T00:00:00.000Z'],
    ["DateTime.fromFormat('March 5, 2026', 'MMMM d, yyyy').toISODate()", '2026-03-05'],
    ["DateTime.fromFormat('5 mars 2026', 'd MMMM yyyy', { locale: 'fr' }).toISODate()", '2026-03-05'],
    ["DateTime.fromFormat('2026-03-28 10:00 +02:00', 'yyyy-MM-dd HH:mm ZZ').toUTC().hour", 8],
    ['DateTime.fromMillis(1000).toMillis()', 1000],
    ['DateTime.fromSeconds(1).toMillis()', 1000],
    ['$now.year', 2026],
    ['$now.month + $now.day + $now.hour + $now.minute', 44],
    ['[$now.quarter, $now.weekday, $now.weekNumber, $now.ordinal, $now.daysInMonth]', [1, 6, 13, 87, 31]],
    ['[$now.isWeekend, $now.zoneName, $now.offset, $now.monthLong, $now.weekdayShort]', [true, 'Europe/Paris', 60, 'March', 'Sat']],
    ["$now.toFormat('yyyy/MM/dd HH:mm')", '2026/03/28 13:00'],
    ["$now.format('cccc d LLLL', 'de')", 'Samstag 28 März'],
    ["$now.toLocaleString('en-GB', { dateStyle: 'long' })", '28 March 2026'],
    [
      '[$now.toISODate(), $now.toISOString(), $now.toUnix(), $now.toSeconds()]',
      ['2026-03-28', '2026-03-28T12:00:00.000Z', 1774699200, 1774699200],
    ],
    ["$now.setZone('Asia/Tokyo')", '2026-03-28T21:00:00.000+09:00'],
    ['$now.set({ hour: 0, minutes: 30 })', '2026-03-28T00:30:00.000+01:00'],
    ["$now.startOf('month').toISODate() + $now.endOf('year').toISODate()", '2026-03-012026-12-31'],
    ["$now.startOf('week').weekday", 1],
    ["$now.plus(2, 'weeks').toISODate()", '2026-04-11'],
    ["date('2026-01-31').plus({ months: 1 }).toISODate()", '2026-02-28'],
    ["$now.diff('2026-03-27T12:00:00Z', ['days', 'hours'])", { days: 1, hours: 0 }],
    ["$now.diff(date('2026-03-28T11:00:00Z'))", { milliseconds: 3_600_000 }],
    ["$now.diffTo('2026-04-02', 'hours')", 106],
    ["[$now.isBefore('2027-01-01'), $now.isAfter('2027-01-01'), $now.isBetween('2026-01-01', '2027-01-01')]", [true, false, true]],
    ["$now.equals($now.setZone('UTC'))", true],
    ["$now.hasSame('2026-03-01', 'month')", true],
    ["[$now.extract('week'), $now.extract('years'), $now.extract('isWeekend')]", [13, 2026, true]],
    ['$today', '2026-03-28T00:00:00.000+01:00'],
    ['{ at: $now, list: [$today] }', { at: '2026-03-28T13:00:00.000+01:00', list: ['2026-03-28T00:00:00.000+01:00'] }],
    ['[$now, $today].sort().first()', '2026-03-28T00:00:00.000+01:00'],
    ['[$now, $now.plus(0)].unique().length', 1],
    ['$today.toObject().day', 28],
  ])('%s', (expression, value) => {
    expect(valueOf(expression)).toEqual(value);
  });

  test.each([
    ["date('2026-02-30')", 'EXPR_BAD_DATA'],
    ["date('10:00')", 'EXPR_BAD_DATA'],
    ["date('')", 'EXPR_BAD_DATA'],
    ['date(null)', 'EXPR_TYPE'],
    ['date(1e20)', 'EXPR_BAD_DATA'],
    ["date('2026-01-01', 'Mars/Base')", 'EXPR_BAD_DATA'],
    ["DateTime.fromFormat('x', 'yyyy')", 'EXPR_BAD_DATA'],
    ["DateTime.fromFormat('2026 Europe/Paris', 'yyyy z')", 'EXPR_BAD_DATA'],
    ["DateTime.fromFormat('2026 2026', 'yyyy yyyy')", 'EXPR_BAD_DATA'],
    ["DateTime.fromFormat('10:30 2026 AM', 'HH:mm yyyy a')", 'EXPR_BAD_DATA'],
    ['$now.plus({ parsecs: 1 })', 'EXPR_TYPE'],
    ["$now.plus('soon')", 'EXPR_TYPE'],
    ["$now.startOf('fortnight')", 'EXPR_TYPE'],
    ['$now.set({ year: 2026, weekday: 1 })', 'EXPR_TYPE'],
    ['$now.set({ month: 5, ordinal: 1 })', 'EXPR_TYPE'],
    ["$now.set({ zone: 'UTC' })", 'EXPR_TYPE'],
    ["$now.toLocaleString('en', { timeZone: 'UTC' })", 'EXPR_TYPE'],
    ["$now.toLocaleString('en', { dateStyle: 'long', year: 'numeric' })", 'EXPR_TYPE'],
  ])('%s is refused', (expression, code) => {
    expect(errorOf(`{{ ${expression} }}`).code).toBe(code);
  });

  test('a host that gives no valid time or zone gets an error, not a wrong date', () => {
    expect(errorOf('{{ $now }}', {}, { now: 'soon' }).code).toBe('EXPR_BAD_DATA');
    expect(errorOf('{{ $now }}', {}, { zone: 'Mars/Base' }).code).toBe('EXPR_BAD_DATA');
    expect(errorOf("{{ date('2026-01-01') }}", {}, { zone: 'Mars/Base' }).code).toBe('EXPR_BAD_DATA');
  });
});

describe('daylight saving time', () => {
  const springForward = { now: '2026-03-29T00:30:00Z' };

  test('a day is a calendar day, twenty-four hours are hours', () => {
    expect(valueOf("date('2026-03-28T12:00').plus({ days: 1 })")).toBe('2026-03-29T12:00:00.000+02:00');
    expect(valueOf("date('2026-03-28T12:00').plus({ hours: 24 })")).toBe('2026-03-29T13:00:00.000+02:00');
    expect(valueOf("date('2026-10-24T12:00').plus({ hours: 24 })")).toBe('2026-10-25T11:00:00.000+01:00');
  });

  test('the hour that does not exist moves forward', () => {
    expect(valueOf("date('2026-03-29T02:30')")).toBe('2026-03-29T03:30:00.000+02:00');
    expect(valueOf('$now.plus({ minutes: 30 })', {}, springForward)).toBe('2026-03-29T03:00:00.000+02:00');
    expect(valueOf('$now.set({ hour: 2, minute: 30 }).hour', {}, springForward)).toBe(3);
  });

  test('the hour that comes twice is read the same at every time of the year', () => {
    const read = (now: string): unknown => valueOf("date('2026-10-25T02:30')", {}, { now });
    expect(read('2026-01-15T00:00:00Z')).toBe(read('2026-07-15T00:00:00Z'));
    expect(valueOf("date('2026-10-25T02:30:00+01:00')")).toBe('2026-10-25T02:30:00.000+01:00');
    expect(valueOf("date('2026-10-25T02:30:00+02:00')")).toBe('2026-10-25T02:30:00.000+02:00');
  });

  test('the days of a change are 23 and 25 hours long', () => {
    const hours = "$today.plus({ days: 1 }).diff($today, 'hours').hours";
    expect(valueOf(hours, {}, { now: '2026-03-29T10:00:00Z' })).toBe(23);
    expect(valueOf(hours, {}, { now: '2026-10-25T10:00:00Z' })).toBe(25);
  });

  test('today begins at midnight of the scope zone', () => {
    expect(valueOf('$today', {}, { now: '2026-06-01T23:30:00Z', zone: 'Asia/Tokyo' })).toBe('2026-06-02T00:00:00.000+09:00');
    expect(valueOf('$today', {}, { now: '2026-06-01T23:30:00Z', zone: 'utc' })).toBe('2026-06-01T00:00:00.000Z');
    expect(valueOf('$today', {}, { now: '2026-06-01T23:30:00Z', zone: 'America/New_York' })).toBe('2026-06-01T00:00:00.000-04:00');
  });
});
