/**
 * Wall clocks of time zones and instants. Wall times are milliseconds as if the zone were UTC, so that days and months can be counted with
 * plain arithmetic; only the step to an instant knows about clocks that are put forward or back.
 */

export const SECOND_MS = 1000;
export const MINUTE_MS = 60 * SECOND_MS;
export const HOUR_MS = 60 * MINUTE_MS;
export const DAY_MS = 24 * HOUR_MS;

/** Zones change their offset at whole quarters of an hour, UTC. */
export const QUARTER_MS = 15 * MINUTE_MS;

const LONGEST_NAME = 64;
/** Formatters are dear to make and few. */
const formats = new Map<string, Intl.DateTimeFormat>();
const MOST_FORMATS = 600;

/** The name as the platform writes it; undefined for what is no IANA zone. Offsets such as `+02:00` know no summer time and are refused. */
export function zoneNamed(name: string): string | undefined {
  if (name.length > LONGEST_NAME || !/^[A-Za-z]/.test(name)) return undefined;
  try {
    return new Intl.DateTimeFormat('en-US', { timeZone: name }).resolvedOptions().timeZone;
  } catch {
    return undefined;
  }
}

/** What the zone's clocks are ahead of UTC, in milliseconds. */
export function offsetMs(zone: string, instant: number): number {
  if (zone === 'UTC') return 0;
  return wallTime(zone, instant) - Math.floor(instant / SECOND_MS) * SECOND_MS;
}

/** What the zone's clocks show, in whole seconds. */
export function wallTime(zone: string, instant: number): number {
  if (zone === 'UTC') return Math.floor(instant / SECOND_MS) * SECOND_MS;
  const parts: { [type: string]: number } = {};
  for (const { type, value } of formatOf(zone).formatToParts(instant)) parts[type] = Number(value);
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = parts;
  return Date.UTC(year, month - 1, day, hour, minute, second);
}

/**
 * The instant at which the clocks show this. A time that exists twice is the first of the two; one that does not exist is the first moment
 * after the gap.
 */
export function instantOf(zone: string, wall: number): number {
  if (zone === 'UTC') return wall;
  const before = offsetMs(zone, wall - DAY_MS);
  const after = offsetMs(zone, wall + DAY_MS);
  // The larger offset gives the earlier instant.
  for (const offset of before >= after ? [before, after] : [after, before])
    if (offsetMs(zone, wall - offset) === offset) return wall - offset;
  return gapEnd(zone, wall - Math.max(before, after), wall - Math.min(before, after));
}

/** The first quarter of an hour after `from` whose offset is the one at `until`. */
function gapEnd(zone: string, from: number, until: number): number {
  const later = offsetMs(zone, until);
  for (let at = Math.ceil(from / QUARTER_MS) * QUARTER_MS; at < until; at += QUARTER_MS) if (offsetMs(zone, at) === later) return at;
  return until;
}

/** Midnight of the day on the wall. */
export function dayOf(wall: number): number {
  return Math.floor(wall / DAY_MS) * DAY_MS;
}

function formatOf(zone: string): Intl.DateTimeFormat {
  const known = formats.get(zone);
  if (known) return known;
  const made = new Intl.DateTimeFormat('en-US', {
    timeZone: zone,
    calendar: 'gregory',
    numberingSystem: 'latn',
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  });
  if (formats.size >= MOST_FORMATS) formats.clear();
  formats.set(zone, made);
  return made;
}
