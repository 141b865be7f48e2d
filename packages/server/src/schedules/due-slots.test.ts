import { expect, test } from 'vitest';
import { parseCronLine } from './cron-line.ts';
import { type DueQuestion, dueSlots } from './due-slots.ts';

const MINUTE = 60_000;
const NOON = Date.UTC(2026, 10, 2, 12);
const ask = (more: Partial<DueQuestion>): DueQuestion => ({
  scheduleId: 's',
  spec: {},
  timetable: { lines: [parseCronLine('*/10 * * * *')], intervals: [], zone: 'UTC' },
  missed: 'once',
  dueMs: NOON,
  nowMs: NOON + 1000,
  most: 100,
  ...more,
});
/** Minutes after noon; missed ones are negative. */
const told = (more: Partial<DueQuestion>) => {
  const { slots, skipped, next } = dueSlots(ask(more));
  return [slots.map((slot) => ((slot.dueMs - NOON) / MINUTE) * (slot.isMissed ? -1 : 1)), skipped, next && (next.dueMs - NOON) / MINUTE];
};

test('a slot that is due now is acted on, whatever the policy', () => {
  for (const missed of ['skip', 'once', 'all'] as const) expect(told({ missed })).toEqual([[0], 0, 10]);
});

test('after half an hour without a server the policy says what starts', () => {
  const nowMs = NOON + 35 * MINUTE;
  expect(told({ missed: 'skip', nowMs })).toEqual([[], 4, 40]);
  expect(told({ missed: 'once', nowMs })).toEqual([[-30], 3, 40]);
  expect(told({ missed: 'all', nowMs })).toEqual([[-0, -10, -20, -30], 0, 40]);
  expect(told({ missed: 'all', nowMs, most: 2 })).toEqual([[-20, -30], 2, 40]);
});

test('one that is on time is not taken for a missed one', () => {
  const nowMs = NOON + 30 * MINUTE + 5000;
  expect(told({ missed: 'skip', nowMs })).toEqual([[30], 3, 40]);
  expect(told({ missed: 'once', nowMs })).toEqual([[-20, 30], 2, 40]);
});

test('what fell due while an older run was waited for was not missed', () => {
  expect(told({ missed: 'skip', nowMs: NOON + 35 * MINUTE, blockedMs: NOON + 1000 })).toEqual([[0, 10, 20, 30], 0, 40]);
});

test('years of missed seconds are answered at once, and the newest are kept', () => {
  const timetable = { lines: [parseCronLine('* * * * * *')], intervals: [], zone: 'Europe/Paris' };
  const { slots, skipped, next } = dueSlots(
    ask({ timetable, missed: 'all', dueMs: NOON - 3 * 365 * 24 * 60 * MINUTE, nowMs: NOON, most: 100 }),
  );
  expect([slots.length, slots.filter((slot) => slot.isMissed).length, slots.at(-1)?.dueMs, skipped, next?.dueMs]).toEqual([
    161,
    100,
    NOON,
    1000,
    NOON + 1000,
  ]);
});

test('a schedule whose end has passed has no further slot', () => {
  const timetable = { lines: [parseCronLine('*/10 * * * *')], intervals: [], zone: 'UTC', endAt: NOON + 5 * MINUTE };
  expect(told({ timetable })).toEqual([[0], 0, undefined]);
  expect(told({ timetable, missed: 'skip', nowMs: NOON + 60 * MINUTE })).toEqual([[], 1, undefined]);
});

test('with jitter a slot is acted on when its own moment has come', () => {
  const spec = { jitterMs: 5 * MINUTE };
  const { slots, next } = dueSlots(ask({ spec, nowMs: NOON + 1 }));
  expect([slots, next?.dueMs]).toEqual([[], NOON]);
  expect(dueSlots(ask({ spec, nowMs: next?.atMs ?? 0 })).slots).toEqual([{ dueMs: NOON, isMissed: false }]);
});
