/**
 * A cron line as sets of numbers: five fields, or six with seconds in front. Lists, ranges, steps, names of months and weekdays, `?`, `L`
 * (the last day of the month), `5L` (its last Friday), `1#2` (its second Monday), and the names such as `@daily`.
 */

export interface CronLine {
  readonly seconds: readonly number[];
  readonly minutes: readonly number[];
  readonly hours: readonly number[];
  /** 1 to 31. */
  readonly days: ReadonlySet<number>;
  readonly isLastDay: boolean;
  /** 1 to 12. */
  readonly months: ReadonlySet<number>;
  /** 0 (Sunday) to 6. */
  readonly weekdays: ReadonlySet<number>;
  /** Weekday and which one of the month; 0 for the last. */
  readonly nthWeekdays: readonly { readonly weekday: number; readonly nth: number }[];
  /** A day matches when either of two limited fields does, as cron always had it. */
  readonly limits: { readonly days: boolean; readonly weekdays: boolean };
}

/** What is wrong with a line, for people. */
export class CronLineError extends Error {
  override readonly name = 'CronLineError';
}

interface Field {
  readonly name: string;
  readonly min: number;
  readonly max: number;
  readonly names?: readonly string[];
}

const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const WEEKDAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];
const FIELDS = {
  second: { name: 'second', min: 0, max: 59 },
  minute: { name: 'minute', min: 0, max: 59 },
  hour: { name: 'hour', min: 0, max: 23 },
  day: { name: 'day of the month', min: 1, max: 31 },
  month: { name: 'month', min: 1, max: 12, names: MONTHS },
  weekday: { name: 'weekday', min: 0, max: 7, names: WEEKDAYS },
} as const satisfies Record<string, Field>;
const NICKNAMES: { readonly [name: string]: string } = {
  '@hourly': '0 * * * *',
  '@daily': '0 0 * * *',
  '@midnight': '0 0 * * *',
  '@weekly': '0 0 * * 0',
  '@monthly': '0 0 1 * *',
  '@yearly': '0 0 1 1 *',
  '@annually': '0 0 1 1 *',
};
const LONGEST_LINE = 300;
/** Days a month can have, February with its 29th. */
const LONGEST_MONTHS = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/** @throws CronLineError */
export function parseCronLine(text: string): CronLine {
  if (text.length > LONGEST_LINE) throw new CronLineError(`a cron line has at most ${LONGEST_LINE} characters`);
  const line = text.trim().toLowerCase();
  const parts = (NICKNAMES[line] ?? line).split(/\s+/).filter((part) => part !== '');
  if (line.startsWith('@') && parts.length === 1)
    throw new CronLineError(`"${text.trim()}" is not known; the names are ${Object.keys(NICKNAMES).join(', ')}`);
  if (parts.length !== 5 && parts.length !== 6)
    throw new CronLineError(
      `it has ${parts.length} ${parts.length === 1 ? 'field' : 'fields'}; five are needed, or six with seconds in front`,
    );
  const [second, minute, hour, day, month, weekday] = (parts.length === 5 ? ['0', ...parts] : parts) as [
    string,
    string,
    string,
    string,
    string,
    string,
  ];
  const days = readDays(day);
  const weekdays = readWeekdays(weekday);
  const parsed: CronLine = {
    seconds: sorted(readSet(second, FIELDS.second)),
    minutes: sorted(readSet(minute, FIELDS.minute)),
    hours: sorted(readSet(hour, FIELDS.hour)),
    ...days,
    months: readSet(month, FIELDS.month),
    ...weekdays,
    limits: { days: !isAny(day), weekdays: !isAny(weekday) },
  };
  demandPossible(parsed);
  return parsed;
}

/** A day that no month of the line has. */
function demandPossible({ days, isLastDay, months, limits }: CronLine): void {
  if (!limits.days || limits.weekdays || isLastDay) return;
  const first = Math.min(...days);
  if ([...months].some((month) => first <= (LONGEST_MONTHS[month - 1] ?? 0))) return;
  throw new CronLineError(`it never fires: none of its months has a day ${first}`);
}

/** `?` and `*` limit nothing; neither do steps from `*`, as in every cron. */
function isAny(text: string): boolean {
  return text === '*' || text === '?';
}

function readDays(text: string): Pick<CronLine, 'days' | 'isLastDay'> {
  const parts = text.split(',');
  const plain = parts.filter((part) => part !== 'l');
  const days = plain.length === 0 ? new Set<number>() : readSet(plain.join(',').replace(/^\?$/, '*'), FIELDS.day);
  return { days, isLastDay: plain.length < parts.length };
}

function readWeekdays(text: string): Pick<CronLine, 'weekdays' | 'nthWeekdays'> {
  const nthWeekdays: { weekday: number; nth: number }[] = [];
  const plain: string[] = [];
  for (const part of text.split(',')) {
    const nth = /^([a-z]{3}|\d)#([1-5])$/.exec(part);
    const last = /^([a-z]{3}|\d)l$/.exec(part);
    const [, name = ''] = nth ?? last ?? [];
    if (name === '') plain.push(part);
    else nthWeekdays.push({ weekday: readNumber(name, FIELDS.weekday) % 7, nth: nth ? Number(nth[2]) : 0 });
  }
  const set = plain.length === 0 ? new Set<number>() : readSet(plain.join(',').replace(/^\?$/, '*'), FIELDS.weekday);
  return { weekdays: new Set([...set].map((weekday) => weekday % 7)), nthWeekdays };
}

function readSet(text: string, field: Field): ReadonlySet<number> {
  const set = new Set<number>();
  for (const part of text.split(',')) {
    const [range = '', step, ...more] = part.split('/');
    if (part === '' || more.length > 0) throw wrong(text, field);
    const by = step === undefined ? 1 : readStep(step, field);
    const [from, to] = readRange(range, field, step !== undefined);
    for (let value = from; value <= to; value += by) set.add(value);
  }
  return set;
}

function readStep(text: string, field: Field): number {
  const step = /^\d{1,3}$/.test(text) ? Number(text) : 0;
  if (step < 1 || step > field.max) throw new CronLineError(`"/${text}" is no step of the ${field.name}: write 1 to ${field.max}`);
  return step;
}

function readRange(text: string, field: Field, hasStep: boolean): readonly [number, number] {
  if (text === '*') return [field.min, field === FIELDS.weekday ? 6 : field.max];
  const [first = '', second, ...more] = text.split('-');
  if (more.length > 0) throw wrong(text, field);
  const from = readNumber(first, field);
  // `5/10` counts from 5 on.
  if (second === undefined) return [from, hasStep ? field.max : from];
  const to = readNumber(second, field);
  if (to < from) throw new CronLineError(`"${text}" runs backwards in the ${field.name}: write the smaller one first`);
  return [from, to];
}

function readNumber(text: string, field: Field): number {
  const named = field.names?.indexOf(text) ?? -1;
  if (named >= 0) return named + field.min;
  if (!/^\d{1,2}$/.test(text)) throw wrong(text, field);
  const value = Number(text);
  if (value < field.min || value > field.max)
    throw new CronLineError(`${value} is no ${field.name}: it goes from ${field.min} to ${field.max}`);
  return value;
}

function wrong(text: string, field: Field): CronLineError {
  return new CronLineError(`"${text}" is no ${field.name}`);
}

function sorted(set: ReadonlySet<number>): readonly number[] {
  return [...set].toSorted((a, b) => a - b);
}
