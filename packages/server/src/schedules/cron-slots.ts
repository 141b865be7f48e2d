/**
 * When a cron line is due next. A line for every hour follows the instants: it goes on through an hour that comes twice and has none in one
 * that does not exist. A line with hours of its own follows the wall clock: each time of its days is one slot, never two and never none.
 */
import type { CronLine } from './cron-line.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS, QUARTER_MS, SECOND_MS, dayOf, instantOf, offsetMs, wallTime } from './zone-time.ts';

/** Between two 29ths of February lie at most eight years. */
const LONGEST_GAP_DAYS = 9 * 366;
const HOURS_OF_A_DAY = 24;

/** The first slot after an instant; undefined when there never is one. */
export function nextCronSlot(line: CronLine, zone: string, after: number): number | undefined {
  return line.hours.length === HOURS_OF_A_DAY ? nextByInstant(line, zone, after) : nextByWall(line, zone, after);
}

function nextByInstant(line: CronLine, zone: string, after: number): number | undefined {
  const end = after + LONGEST_GAP_DAYS * DAY_MS;
  for (let quarter = Math.floor(after / QUARTER_MS) * QUARTER_MS; quarter < end;) {
    const wall = wallTime(zone, quarter);
    const day = dayOf(wall);
    if (!isDay(line, day)) {
      const wanted = nextDay(line, day);
      if (wanted === undefined) return undefined;
      // To a few hours before that midnight in one step, and over many days to more: the clocks may change in between, by a day at most.
      const leap = wanted === day + DAY_MS ? wanted - wall - 3 * HOUR_MS : wanted - wall - 27 * HOUR_MS;
      quarter += leap > QUARTER_MS ? Math.floor(leap / QUARTER_MS) * QUARTER_MS : QUARTER_MS;
      continue;
    }
    const found = inQuarter(line, { quarter, wall, after });
    if (found !== undefined) return found;
    quarter += QUARTER_MS;
  }
  return undefined;
}

/** The first day after this one that the line has; undefined where none of the next years has one. */
function nextDay(line: CronLine, day: number): number | undefined {
  for (let n = 1; n <= LONGEST_GAP_DAYS; n += 1) if (isDay(line, day + n * DAY_MS)) return day + n * DAY_MS;
  return undefined;
}

function inQuarter(
  line: CronLine,
  { quarter, wall, after }: { readonly quarter: number; readonly wall: number; readonly after: number },
): number | undefined {
  const first = (wall % HOUR_MS) / MINUTE_MS;
  for (const minute of line.minutes) {
    if (minute < first || minute >= first + QUARTER_MS / MINUTE_MS) continue;
    const start = quarter + (minute - first) * MINUTE_MS;
    if (start + MINUTE_MS <= after) continue;
    for (const second of line.seconds) if (start + second * SECOND_MS > after) return start + second * SECOND_MS;
  }
  return undefined;
}

function nextByWall(line: CronLine, zone: string, after: number): number | undefined {
  const today = dayOf(wallTime(zone, after));
  // A slot that was moved out of a gap can lie on the day after its own.
  for (let day = today - DAY_MS, n = 0; n < LONGEST_GAP_DAYS; n += 1, day += DAY_MS) {
    if (!isDay(line, day)) continue;
    const found = onDay(line, zone, { day, after });
    if (found !== undefined) return found;
  }
  return undefined;
}

function onDay(line: CronLine, zone: string, { day, after }: { readonly day: number; readonly after: number }): number | undefined {
  // Nothing before this on the wall can be after the instant, however the clocks change on this day.
  const slack = Math.abs(offsetMs(zone, day - DAY_MS) - offsetMs(zone, day + 2 * DAY_MS));
  const least = wallTime(zone, after) - slack;
  for (const hour of line.hours) {
    const atHour = day + hour * HOUR_MS;
    if (atHour + HOUR_MS <= least) continue;
    for (const minute of line.minutes) {
      const atMinute = atHour + minute * MINUTE_MS;
      if (atMinute + MINUTE_MS <= least) continue;
      for (const second of line.seconds) {
        const instant = instantOf(zone, atMinute + second * SECOND_MS);
        if (instant > after) return instant;
      }
    }
  }
  return undefined;
}

function isDay(line: CronLine, day: number): boolean {
  const date = new Date(day);
  if (!line.months.has(date.getUTCMonth() + 1)) return false;
  const { days, weekdays } = line.limits;
  if (!days && !weekdays) return true;
  const byDay = days && isDayOfMonth(line, date);
  return byDay || (weekdays && isWeekday(line, date));
}

function isDayOfMonth(line: CronLine, date: Date): boolean {
  return line.days.has(date.getUTCDate()) || (line.isLastDay && isLastOfMonth(date));
}

function isWeekday(line: CronLine, date: Date): boolean {
  const weekday = date.getUTCDay();
  if (line.weekdays.has(weekday)) return true;
  const day = date.getUTCDate();
  return line.nthWeekdays.some(
    (one) => one.weekday === weekday && (one.nth === 0 ? day + 7 > lengthOfMonth(date) : Math.ceil(day / 7) === one.nth),
  );
}

function isLastOfMonth(date: Date): boolean {
  return date.getUTCDate() === lengthOfMonth(date);
}

export function lengthOfMonth(date: Date): number {
  return new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 0)).getUTCDate();
}
