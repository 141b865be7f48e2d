/** Everything one schedule says about when: its lines and intervals together, between its start and its end. A slot is an instant it is due at. */
import type { CronLine } from './cron-line.ts';
import { nextCronSlot } from './cron-slots.ts';
import { type Interval, nextIntervalSlot } from './interval-slots.ts';

export interface Timetable {
  readonly lines: readonly CronLine[];
  readonly intervals: readonly Interval[];
  readonly zone: string;
  /** No slot before. */
  readonly startAt?: number;
  /** No slot after. */
  readonly endAt?: number;
}

/** The first slot after an instant; undefined when there is none any more. What two lines have in common is one slot. */
export function nextSlot(timetable: Timetable, after: number): number | undefined {
  return slotsAfter(timetable, after).next().value ?? undefined;
}

/**
 * The slots after an instant, in order. Each line and interval is asked again only once its own slot has been given: one that is due every few years
 * is looked for over all of them, and not for each slot of another one.
 */
export function* slotsAfter({ lines, intervals, zone, startAt, endAt = Infinity }: Timetable, after: number): Generator<number, undefined> {
  const from = startAt === undefined ? after : Math.max(after, startAt - 1);
  const sources = [
    ...lines.map((line) => (last: number) => nextCronSlot(line, zone, last)),
    ...intervals.map((interval) => (last: number) => nextIntervalSlot(interval, zone, { after: last, startAt })),
  ].map((next) => ({ next, slot: next(from) ?? Infinity }));
  for (;;) {
    const slot = Math.min(...sources.map((source) => source.slot));
    if (slot === Infinity || slot > endAt) return undefined;
    yield slot;
    for (const source of sources) if (source.slot <= slot) source.slot = source.next(slot) ?? Infinity;
  }
}

export interface Span {
  /** The first instant that counts. */
  readonly from: number;
  /** The last instant that counts. */
  readonly until: number;
}

/** The first `most` slots of a span. */
export function firstSlots(timetable: Timetable, { from, until }: Span, most: number): number[] {
  const slots: number[] = [];
  if (most <= 0) return slots;
  for (const slot of slotsAfter(timetable, from - 1)) {
    if (slot > until) break;
    slots.push(slot);
    if (slots.length >= most) break;
  }
  return slots;
}

const FIRST_WINDOW_MS = 60_000;
const WINDOW_FACTOR = 4;

/** The last `most` slots of a span, in order, without going through all of it: a span may be years of seconds. */
export function lastSlots(timetable: Timetable, { from, until }: Span, most: number): number[] {
  for (let windowMs = FIRST_WINDOW_MS; ; windowMs *= WINDOW_FACTOR) {
    const start = Math.max(from, until - windowMs);
    const slots = firstSlots(timetable, { from: start, until }, Number.POSITIVE_INFINITY);
    if (slots.length >= most || start <= from) return slots.slice(-most);
  }
}
