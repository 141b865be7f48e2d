import { describe, expect, test } from 'vitest';
import { CronLineError, parseCronLine } from './cron-line.ts';
import type { Interval } from './interval-slots.ts';
import { type TimetableSpec, planned, readTimetable } from './schedule-spec.ts';
import { timetableText } from './timetable-text.ts';
import { type Timetable, firstSlots, lastSlots, nextSlot } from './timetable.ts';

const cron = (line: string, zone = 'UTC'): Timetable => ({ lines: [parseCronLine(line)], intervals: [], zone });
const interval = (one: Interval, zone = 'UTC'): Timetable => ({ lines: [], intervals: [one], zone });
const slotsAfter = (timetable: Timetable, after: string, most: number): string[] =>
  firstSlots(timetable, { from: Date.parse(after) + 1, until: Date.UTC(2200, 0, 1) }, most).map((slot) =>
    new Date(slot).toISOString().slice(0, 16),
  );

describe('S0-011: cron lines', () => {
  test.each([
    ['*/20 9-10 * * *', ['2026-11-03T09:00', '2026-11-03T09:20', '2026-11-03T09:40', '2026-11-03T10:00']],
    ['30 8 * * 1-5', ['2026-11-03T08:30', '2026-11-04T08:30', '2026-11-05T08:30', '2026-11-06T08:30', '2026-11-09T08:30']],
    ['0 12 * * sun', ['2026-11-08T12:00', '2026-11-15T12:00']],
    ['0 12 * * 7', ['2026-11-08T12:00', '2026-11-15T12:00']],
    ['0 0 1 jan,jul ?', ['2027-01-01T00:00', '2027-07-01T00:00']],
    ['0 0 L * *', ['2026-11-30T00:00', '2026-12-31T00:00', '2027-01-31T00:00', '2027-02-28T00:00']],
    ['0 9 * * 1#1', ['2026-12-07T09:00', '2027-01-04T09:00']],
    ['0 9 * * friL', ['2026-11-27T09:00', '2026-12-25T09:00']],
    ['0 0 29 2 *', ['2028-02-29T00:00', '2032-02-29T00:00']],
    ['@weekly', ['2026-11-08T00:00']],
    ['5/25 * * * *', ['2026-11-02T20:30', '2026-11-02T20:55', '2026-11-02T21:05']],
    // Either of two limited day fields, as cron always had it.
    ['0 0 13 * fri', ['2026-11-06T00:00', '2026-11-13T00:00', '2026-11-20T00:00']],
  ])('%s', (line, expected) => {
    expect(slotsAfter(cron(line), '2026-11-02T20:10:00Z', expected.length)).toEqual(expected);
  });

  test('six fields begin with seconds', () => {
    expect(nextSlot(cron('*/15 * * * * *'), Date.UTC(2026, 0, 1, 0, 0, 31))).toBe(Date.UTC(2026, 0, 1, 0, 0, 45));
  });

  test.each([
    ['', '0 fields'],
    ['* * * *', '4 fields'],
    ['* * * * * * *', '7 fields'],
    ['61 * * * *', 'goes from 0 to 59'],
    ['* 24 * * *', 'goes from 0 to 23'],
    ['*/0 * * * *', 'no step'],
    ['5-3 * * * *', 'backwards'],
    ['H * * * *', 'no minute'],
    ['* * * foo *', 'no month'],
    ['1,,2 * * * *', 'no minute'],
    ['@often', 'not known'],
    ['0 0 31 2 *', 'never fires'],
    ['0 0 31 4,6,9,11 *', 'never fires'],
    [`${'1,'.repeat(200)}1 * * * *`, 'at most 300'],
  ])('%j is refused, saying why', (line, why) => {
    expect(() => parseCronLine(line)).toThrow(CronLineError);
    expect(() => parseCronLine(line)).toThrow(why);
  });
});

describe('S0-011: clocks that change', () => {
  const paris = (line: string): Timetable => cron(line, 'Europe/Paris');

  test('a time that does not exist fires once, at the first moment after the gap', () => {
    expect(slotsAfter(paris('30 2 * * *'), '2026-03-27T12:00:00Z', 3)).toEqual([
      '2026-03-28T01:30',
      '2026-03-29T01:00',
      '2026-03-30T00:30',
    ]);
    expect(slotsAfter(paris('*/30 2 * * *'), '2026-03-28T12:00:00Z', 3)).toEqual([
      '2026-03-29T01:00',
      '2026-03-30T00:00',
      '2026-03-30T00:30',
    ]);
    // A gap of half an hour, and one at midnight.
    expect(slotsAfter(cron('15 2 * * *', 'Australia/Lord_Howe'), '2026-10-02T18:00:00Z', 2)).toEqual([
      '2026-10-03T15:30',
      '2026-10-04T15:15',
    ]);
    expect(slotsAfter(cron('0 0 * * *', 'America/Sao_Paulo'), '2018-11-03T12:00:00Z', 2)).toEqual(['2018-11-04T03:00', '2018-11-05T02:00']);
  });

  test('a time that exists twice fires once, the first time', () => {
    expect(slotsAfter(paris('30 2 * * *'), '2026-10-24T12:00:00Z', 2)).toEqual(['2026-10-25T00:30', '2026-10-26T01:30']);
    expect(slotsAfter(paris('0 */2 * * *'), '2026-10-24T22:00:00Z', 2)).toEqual(['2026-10-25T00:00', '2026-10-25T03:00']);
  });

  test('a line of every hour goes on through an hour that comes twice, and has none in one that is left out', () => {
    expect(slotsAfter(paris('*/30 * * * *'), '2026-10-25T00:00:00Z', 4)).toEqual([
      '2026-10-25T00:30',
      '2026-10-25T01:00',
      '2026-10-25T01:30',
      '2026-10-25T02:00',
    ]);
    expect(slotsAfter(paris('0 * * * *'), '2026-03-28T23:00:00Z', 3)).toEqual(['2026-03-29T00:00', '2026-03-29T01:00', '2026-03-29T02:00']);
  });

  test('slots go forward and repeat nothing, in every zone, over a change of the clocks', () => {
    for (const zone of Intl.supportedValuesOf('timeZone')) {
      for (const line of ['0 2 * * *', '30 * * * *']) {
        const slots = firstSlots(cron(line, zone), { from: Date.UTC(2026, 2, 27), until: Date.UTC(2026, 2, 31) - 1 }, 200);
        expect(slots.every((slot, n) => n === 0 || slot > (slots[n - 1] ?? 0))).toBe(true);
        if (line === '30 * * * *') expect(slots.length).toBe(96);
        else expect([4, 5]).toContain(slots.length);
      }
    }
  });
});

describe('intervals', () => {
  test.each([
    [{ unit: 'seconds', every: 90 }, 'UTC', ['2026-11-02T20:10', '2026-11-02T20:12', '2026-11-02T20:13']],
    [{ unit: 'hours', every: 2 }, 'Asia/Kolkata', ['2026-11-02T20:30', '2026-11-02T22:30']],
    [{ unit: 'days', every: 1, at: 9 * 3_600_000 }, 'Europe/Paris', ['2026-11-03T08:00', '2026-11-04T08:00']],
    [
      { unit: 'weeks', every: 2, at: 0, weekdays: [1, 5] },
      'UTC',
      ['2026-11-06T00:00', '2026-11-16T00:00', '2026-11-20T00:00', '2026-11-30T00:00'],
    ],
    [{ unit: 'months', every: 1, at: 0, day: 31 }, 'UTC', ['2026-11-30T00:00', '2026-12-31T00:00', '2027-01-31T00:00', '2027-02-28T00:00']],
    [{ unit: 'months', every: 5, at: 0, day: 1 }, 'UTC', ['2027-04-01T00:00', '2027-09-01T00:00', '2028-02-01T00:00']],
  ] as const)('%j', (one, zone, expected) => {
    expect(slotsAfter(interval(one as Interval, zone), '2026-11-02T20:10:00Z', expected.length)).toEqual(expected);
  });

  test('are counted from the start, where one is set', () => {
    const timetable = { ...interval({ unit: 'days', every: 3, at: 0 }), startAt: Date.UTC(2026, 10, 1), endAt: Date.UTC(2026, 10, 8) };
    expect(slotsAfter(timetable, '2026-01-01T00:00:00Z', 10)).toEqual(['2026-11-01T00:00', '2026-11-04T00:00', '2026-11-07T00:00']);
  });
});

describe('a timetable', () => {
  test('counts what two lines have in common once', () => {
    const timetable: Timetable = { lines: [parseCronLine('0 * * * *'), parseCronLine('*/30 * * * *')], intervals: [], zone: 'UTC' };
    expect(slotsAfter(timetable, '2026-11-02T20:10:00Z', 3)).toEqual(['2026-11-02T20:30', '2026-11-02T21:00', '2026-11-02T21:30']);
  });

  test('gives the last slots of years of seconds at once', () => {
    const until = Date.UTC(2026, 0, 1);
    expect(lastSlots(cron('* * * * * *'), { from: 0, until }, 3)).toEqual([until - 2000, until - 1000, until]);
    expect(lastSlots(cron('0 0 29 2 *'), { from: Date.UTC(2019, 0, 1), until }, 5).length).toBe(2);
  });

  test('whose lines are due every few years, or never, costs them once and not for each slot of another one', () => {
    const zone = 'America/New_York';
    const bombs = ['* * ? 2 mon#5', '* * 29 2 ?', '0 0 ? 2 tue#5', '0-59 * ? 2 wed#5'].flatMap((line) =>
      Array.from({ length: 5 }, () => line),
    );
    const timetable: Timetable = { lines: bombs.map(parseCronLine), intervals: [{ unit: 'seconds', every: 1 }], zone };
    const from = Date.UTC(2026, 2, 1);
    const begun = performance.now();
    expect(firstSlots(timetable, { from, until: from + 3_600_000 }, 4000)).toHaveLength(3601);
    expect(lastSlots(timetable, { from: 0, until: from }, 1000).at(-1)).toBe(from);
    // Looked for anew for each slot this is minutes.
    expect(performance.now() - begun).toBeLessThan(5000);
  });

  test('gives the same slots one by one as all at once, over leaps of years', () => {
    for (const zone of ['UTC', 'America/New_York', 'Pacific/Apia', 'Australia/Lord_Howe']) {
      const timetable: Timetable = { lines: ['30 * 29 2 ?', '15 4 ? 2 mon#5', '45 * 1 1 ?'].map(parseCronLine), intervals: [], zone };
      const from = Date.UTC(2011, 11, 1);
      const all = firstSlots(timetable, { from, until: Date.UTC(2040, 0, 1) }, 1000);
      const each: number[] = [];
      for (let slot = nextSlot(timetable, from - 1); slot !== undefined && each.length < all.length; slot = nextSlot(timetable, slot))
        each.push(slot);
      expect(all.length).toBeGreaterThan(700);
      expect(each).toEqual(all);
    }
  });

  test('all that is wrong with it is told at once, with what to do', () => {
    const spec: TimetableSpec = {
      cron: ['0 0 31 2 *', 'nonsense', '* * * * *'],
      intervals: [{ unit: 'weeks', weekdays: [] }],
      startAt: '2026-02-01T00:00:00Z',
      endAt: '2026-01-01T00:00:00Z',
    };
    const { faults } = readTimetable(spec, 'Lord/Nowhere');
    expect(faults.map((one) => one.code)).toEqual([
      'TIMEZONE_UNKNOWN',
      'SCHEDULE_NEVER',
      'CRON_INVALID',
      'INTERVAL_INVALID',
      'SCHEDULE_SPAN',
    ]);
    expect(faults.every((one) => one.hint !== '')).toBe(true);
    expect(readTimetable({}, 'UTC').faults.map((one) => one.code)).toEqual(['SCHEDULE_EMPTY']);
    expect(readTimetable({ cron: ['* * * * *'] }, '+02:00').faults.map((one) => one.code)).toEqual(['TIMEZONE_UNKNOWN']);
  });

  test('is told in one line', () => {
    expect(
      timetableText({
        cron: ['0 8 * * *'],
        intervals: [
          { unit: 'minutes', every: 15 },
          { unit: 'weeks', every: 1, weekdays: ['monday'], at: '09:00' },
        ],
      }),
    ).toBe('every 15 minutes; every week on monday at 09:00; 0 8 * * *');
  });

  test('jitter is the same in every process, within its bound, and differs between schedules', () => {
    const at = (id: string): number => (planned(1_000_000, { jitterMs: 60_000 }, id)?.atMs ?? 0) - 1_000_000;
    const spread = Array.from({ length: 50 }, (_, n) => at(`schedule ${n}`));
    expect(at('schedule 1')).toBe(at('schedule 1'));
    expect(Math.min(...spread)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...spread)).toBeLessThan(60_000);
    expect(new Set(spread).size).toBeGreaterThan(40);
  });
});
