import { describe, expect, test } from 'vitest';
import { both, codes, step } from '../../test-support/both-transports.ts';

type Params = Parameters<ReturnType<typeof step>['params']>[0];

const over = (value: unknown, params: Params) =>
  both(
    step('date')
      .params({ field: 'at', to: 'r', ...params })
      .items([{ at: value } as never]),
  );
const result = async (value: unknown, params: Params) => (await over(value, params)).items[0]?.['r'];

const BERLIN = { zone: 'Europe/Berlin' };

describe('date', () => {
  test.each([
    ['2026-01-31', {}, '2026-01-31T00:00:00.000Z'],
    ['2026-01-31T09:00:00+02:00', {}, '2026-01-31T07:00:00.000Z'],
    ['2026-07-01T09:00', BERLIN, '2026-07-01T09:00:00.000+02:00'],
    ['2026-01-31 09:00:00', BERLIN, '2026-01-31T09:00:00.000+01:00'],
    ['2026-W05-6', {}, '2026-01-31T00:00:00.000Z'],
    ['Sat, 31 Jan 2026 09:00:00 +0100', {}, '2026-01-31T08:00:00.000Z'],
    ['Sat, 31 Jan 2026 08:00:00 GMT', BERLIN, '2026-01-31T09:00:00.000+01:00'],
    [1_769_846_400_000, {}, '2026-01-31T08:00:00.000Z'],
    ['1769846400', { read: 'seconds' }, '2026-01-31T08:00:00.000Z'],
    [1_769_846_400.5, { read: 'seconds' }, '2026-01-31T08:00:00.500Z'],
    ['31.01.2026 09:05', { read: 'format', readFormat: 'dd.MM.yyyy HH:mm', ...BERLIN }, '2026-01-31T09:05:00.000+01:00'],
    ['31 janvier 2026', { read: 'format', readFormat: 'd MMMM yyyy', locale: 'fr' }, '2026-01-31T00:00:00.000Z'],
  ])('reads %j with %j', async (value, params, expected) => {
    expect(await result(value, { operation: 'parse', ...params })).toBe(expected);
  });

  test.each([
    ['', {}],
    ['10:00', {}],
    ['2026-02-30', {}],
    ['31.01.2026', {}],
    ['tomorrow', {}],
    ['2026-01-31'.repeat(50), {}],
    [true, {}],
    [{ a: 1 }, {}],
    [1e300, {}],
    ['x', { read: 'seconds' }],
    ['2026-13-01', { read: 'format' }],
  ])('%j is no date', async (value, params) => {
    expect(codes(await over(value, { operation: 'parse', ...params }))).toEqual(['DATE_INVALID']);
  });

  test.each([
    [{ zone: 'Mars/Base' }, 'DATE_ZONE'],
    [{ zone: 'local' }, 'DATE_ZONE'],
    [{ zone: 'system' }, 'DATE_ZONE'],
    [{ zone: '+25:00' }, 'DATE_ZONE'],
    [{ read: 'format', readFormat: 'dd.MM' }, 'DATE_FORMAT'],
    [{ read: 'format', readFormat: "dd.MM 'year'" }, 'DATE_FORMAT'],
    [{ locale: '!!' }, 'DATE_LOCALE'],
  ])('%j is the error %s', async (params, code) => {
    expect(codes(await over('2026-01-31', { operation: 'parse', ...params }))).toEqual([code]);
    expect(codes(await over(undefined, { operation: 'parse' }))).toEqual(['FIELD_MISSING']);
  });

  test.each([
    ['format', { format: 'dd.MM.yyyy HH:mm' }, '31.01.2026 09:00'],
    ['format', { format: 'cccc d MMMM', locale: 'de' }, 'Samstag 31 Januar'],
    ['iso', {}, '2026-01-31T09:00:00.000+01:00'],
    ['date', {}, '2026-01-31'],
    ['mail', {}, 'Sat, 31 Jan 2026 09:00:00 +0100'],
    ['http', {}, 'Sat, 31 Jan 2026 08:00:00 GMT'],
    ['seconds', {}, 1_769_846_400],
    ['milliseconds', {}, 1_769_846_400_000],
  ])('writes as %s with %j', async (write, params, expected) => {
    expect(await result('2026-01-31T08:00:00Z', { operation: 'format', write, ...BERLIN, ...params })).toBe(expected);
  });

  test.each([
    // The clocks of Berlin go forward on 29 March 2026 at 2 and back on 25 October 2026 at 3.
    ['2026-03-28T12:00', 'add', 1, 'days', '2026-03-29T12:00:00.000+02:00'],
    ['2026-03-28T12:00', 'add', 24, 'hours', '2026-03-29T13:00:00.000+02:00'],
    ['2026-03-28T02:30', 'add', 1, 'days', '2026-03-29T03:30:00.000+02:00'],
    ['2026-10-24T12:00', 'add', 24, 'hours', '2026-10-25T11:00:00.000+01:00'],
    ['2026-10-25T12:00', 'subtract', 1, 'days', '2026-10-24T12:00:00.000+02:00'],
    ['2026-01-31T09:00', 'add', 1, 'months', '2026-02-28T09:00:00.000+01:00'],
    ['2024-02-29T09:00', 'add', 1, 'years', '2025-02-28T09:00:00.000+01:00'],
    ['2026-01-31T09:00', 'add', -2, 'weeks', '2026-01-17T09:00:00.000+01:00'],
    ['2026-01-31T09:00', 'subtract', 1, 'quarters', '2025-10-31T09:00:00.000+01:00'],
  ])('%s %s %i %s is %s', async (value, operation, amount, unit, expected) => {
    expect(await result(value, { operation, amount, unit, ...BERLIN })).toBe(expected);
  });

  test.each([
    ['start', 'days', '2026-03-29T00:00:00.000+01:00'],
    ['end', 'days', '2026-03-29T23:59:59.999+02:00'],
    ['start', 'weeks', '2026-03-23T00:00:00.000+01:00'],
    ['end', 'months', '2026-03-31T23:59:59.999+02:00'],
    ['start', 'quarters', '2026-01-01T00:00:00.000+01:00'],
  ])('%s of %s is %s', async (operation, unit, expected) => {
    expect(await result('2026-03-29T12:00', { operation, unit, ...BERLIN })).toBe(expected);
  });

  test.each([
    ['2026-03-28T12:00', '2026-03-29T12:00', 'days', true, 1],
    ['2026-03-28T12:00', '2026-03-29T12:00', 'hours', true, 23],
    ['2026-01-31T00:00', '2026-03-30T00:00', 'months', true, 1],
    ['2026-01-02T00:00', '2026-01-01T00:00', 'days', true, -1],
    ['2026-01-01T00:00', '2026-01-01T01:30', 'hours', false, 1.5],
    ['2026-01-01T00:00', '2026-01-01T01:30', 'hours', true, 1],
  ])('from %s to %s it is in %s (whole: %s) %d', async (at, other, unit, whole, expected) => {
    const run = await both(
      step('date')
        .params({ operation: 'diff', field: 'at', other: 'other', to: 'r', unit, whole, ...BERLIN })
        .items([{ at, other }]),
    );
    expect(run.items[0]?.['r']).toBe(expected);
  });

  test('gives the parts of a date, and the time of the step where no field is named', async () => {
    expect(await result('2026-07-05T23:30:01.5Z', { operation: 'parts', ...BERLIN })).toEqual({
      year: 2026,
      month: 7,
      day: 6,
      hour: 1,
      minute: 30,
      second: 1,
      millisecond: 500,
      weekday: 1,
      week: 28,
      weekYear: 2026,
      quarter: 3,
      dayOfYear: 187,
      daysInMonth: 31,
      offsetMinutes: 120,
    });
    const now = await both(step('date').params({ operation: 'zone', zone: 'Asia/Tokyo' }).items([{}]));
    expect(now.items).toEqual([{ date: '2026-01-01T09:00:00.000+09:00' }]);
  });

  test('what leads out of the calendar is an error', async () => {
    expect(codes(await over('2026-01-31', { operation: 'add', amount: 1_000_000_000, unit: 'years' }))).toEqual(['DATE_RANGE']);
  });
});
