/**
 * When "every N of something" is due next. Seconds, minutes and hours are spans of time and know no calendar; days, weeks and months are
 * dates of the zone with a time of day, under the same rules as times of cron lines. Both count from the start, where one is set, so that
 * every process, and every publish, finds the same slots.
 */
import { lengthOfMonth } from './cron-slots.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS, dayOf, instantOf, wallTime } from './zone-time.ts';

export type Interval = SpanInterval | DateInterval;
interface SpanInterval {
  readonly unit: 'seconds' | 'minutes' | 'hours';
  readonly every: number;
}
type DateInterval =
  | { readonly unit: 'days'; readonly every: number; readonly at: number }
  | { readonly unit: 'weeks'; readonly every: number; readonly at: number; /** 0 (Sunday) to 6. */ readonly weekdays: readonly number[] }
  | {
      readonly unit: 'months';
      readonly every: number;
      readonly at: number;
      /** Of a shorter month it is the last. */ readonly day: number;
    };

/** A Monday, the first of a month and of a year, so that every count begins with it. */
const BEGINNING = Date.UTC(2001, 0, 1);
const SPAN_MS = { seconds: SECOND_MS, minutes: MINUTE_MS, hours: HOUR_MS };
const WEEK_MS = 7 * DAY_MS;

export function nextIntervalSlot(
  interval: Interval,
  zone: string,
  { after, startAt }: { readonly after: number; readonly startAt?: number | undefined },
): number | undefined {
  if (isSpan(interval)) {
    const span = interval.every * SPAN_MS[interval.unit];
    const anchor = startAt ?? instantOf(zone, BEGINNING);
    return anchor + (Math.floor((after - anchor) / span) + 1) * span;
  }
  const from = dayOf(startAt === undefined ? BEGINNING : wallTime(zone, startAt));
  // A slot that was moved out of a gap can lie on the day after its own.
  const today = dayOf(wallTime(zone, after)) - DAY_MS;
  for (const day of daysOf(interval, from, today)) {
    const instant = instantOf(zone, day + interval.at);
    if (instant > after) return instant;
  }
  return undefined;
}

function isSpan(interval: Interval): interval is SpanInterval {
  return Object.hasOwn(SPAN_MS, interval.unit);
}

/** Enough rounds to come past `today`, from the round in which it lies. */
const ROUNDS = 4;

function* daysOf(interval: DateInterval, from: number, today: number): Generator<number> {
  const { every } = interval;
  if (interval.unit === 'days') {
    const round = Math.floor((today - from) / (every * DAY_MS));
    for (let n = 0; n < ROUNDS; n += 1) yield from + (round + n) * every * DAY_MS;
    return;
  }
  if (interval.unit === 'weeks') {
    const monday = mondayOf(from);
    const round = Math.floor((today - monday) / (every * WEEK_MS));
    const weekdays = interval.weekdays.map((weekday) => (weekday + 6) % 7).toSorted((a, b) => a - b);
    for (let n = 0; n < ROUNDS; n += 1) for (const weekday of weekdays) yield monday + (round + n) * every * WEEK_MS + weekday * DAY_MS;
    return;
  }
  const first = monthOf(from);
  const round = Math.floor((monthOf(today) - first) / every);
  for (let n = 0; n < ROUNDS; n += 1) yield dayInMonth(first + (round + n) * every, interval.day);
}

function mondayOf(day: number): number {
  return day - ((new Date(day).getUTCDay() + 6) % 7) * DAY_MS;
}

/** Months since the year 0. */
function monthOf(day: number): number {
  const date = new Date(day);
  return date.getUTCFullYear() * 12 + date.getUTCMonth();
}

function dayInMonth(month: number, day: number): number {
  const first = new Date(Date.UTC(Math.floor(month / 12), month % 12, 1));
  return first.getTime() + (Math.min(day, lengthOfMonth(first)) - 1) * DAY_MS;
}
