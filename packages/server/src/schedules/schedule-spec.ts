/** The parameters of a schedule trigger as a timetable, and everything that is wrong with them beyond the type of each. Pure. */
import { createHash } from 'node:crypto';
import type { Problem } from '@plugboard/engine';
import type { MissedPolicy, OverlapPolicy, ScheduleSpec, Slot } from '@plugboard/persistence';
import type { Json, JsonObject, ParamsIR } from '@plugboard/sdk';
import { type CronLine, CronLineError, parseCronLine } from './cron-line.ts';
import type { Interval } from './interval-slots.ts';
import { type Timetable, nextSlot } from './timetable.ts';
import { HOUR_MS, MINUTE_MS, SECOND_MS, zoneNamed } from './zone-time.ts';

/** As it is stored: what a timetable is made of. */
export interface TimetableSpec {
  readonly cron?: readonly string[];
  readonly intervals?: readonly JsonObject[];
  readonly startAt?: string;
  readonly endAt?: string;
  /** Each slot is acted on up to so much later, in milliseconds. */
  readonly jitterMs?: number;
}

export interface ScheduleNode {
  readonly nodeId: string;
  /** Of the node. */
  readonly name: string;
  readonly ir: ParamsIR;
  readonly params: JsonObject;
}

/** What one is told of when something is wrong. */
export interface TimetableFault {
  readonly code: string;
  readonly param: string;
  readonly message: string;
  readonly hint: string;
}

const MOST_LINES = 20;
const WEEKDAYS = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday'];
const SMALLEST_CRON = 'Five fields say minute, hour, day, month and weekday, such as 30 8 * * 1-5 for 8:30 on weekdays.';

/** The parameters as they are stored. */
export function timetableSpec({ ir, params }: Pick<ScheduleNode, 'ir' | 'params'>): TimetableSpec {
  const text = (name: string): string => textOf(valueOf(ir, params, name));
  const cron = text('cron')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
  const listed = valueOf(ir, params, 'intervals');
  const intervals = Array.isArray(listed) ? listed.filter(isRecord) : [];
  const jitter = valueOf(ir, params, 'jitterSeconds');
  return {
    ...(cron.length > 0 ? { cron } : {}),
    ...(intervals.length > 0 ? { intervals } : {}),
    ...(text('startAt') === '' ? {} : { startAt: text('startAt') }),
    ...(text('endAt') === '' ? {} : { endAt: text('endAt') }),
    ...(typeof jitter === 'number' && jitter > 0 ? { jitterMs: Math.round(jitter * SECOND_MS) } : {}),
  };
}

/** The zone a schedule names; undefined where it takes that of its workflow. */
export function zoneOf({ ir, params }: Pick<ScheduleNode, 'ir' | 'params'>): string | undefined {
  const given = textOf(valueOf(ir, params, 'timezone')).trim();
  return given === '' ? undefined : given;
}

/** The timetable, or everything that is wrong with it. */
export function readTimetable(
  spec: TimetableSpec,
  zone: string,
): { readonly timetable: Timetable; readonly faults: readonly [] } | { readonly faults: readonly TimetableFault[] } {
  const faults: TimetableFault[] = [];
  const named = zoneNamed(zone);
  if (named === undefined) faults.push(zoneFault(zone));
  const lines = readLines(spec.cron ?? [], faults);
  const intervals = readIntervals(spec.intervals ?? [], faults);
  if ((spec.cron ?? []).length === 0 && (spec.intervals ?? []).length === 0)
    faults.push({
      code: 'SCHEDULE_EMPTY',
      param: 'cron',
      message: 'nothing says when it fires.',
      hint: `Write a cron line or add an interval. ${SMALLEST_CRON}`,
    });
  const startAt = readInstant(spec.startAt, 'startAt', faults);
  const endAt = readInstant(spec.endAt, 'endAt', faults);
  if (startAt !== undefined && endAt !== undefined && endAt < startAt)
    faults.push({
      code: 'SCHEDULE_SPAN',
      param: 'endAt',
      message: 'it ends before it starts.',
      hint: 'Set an end after the start, or leave one of them empty.',
    });
  if (faults.length > 0 || named === undefined) return { faults };
  const timetable: Timetable = {
    lines,
    intervals,
    zone: named,
    ...(startAt === undefined ? {} : { startAt }),
    ...(endAt === undefined ? {} : { endAt }),
  };
  if (startAt !== undefined && endAt !== undefined && nextSlot(timetable, startAt - 1) === undefined)
    return {
      faults: [
        { code: 'SCHEDULE_NEVER', param: 'endAt', message: 'it never fires between its start and its end.', hint: 'Set a later end.' },
      ],
    };
  return { timetable, faults: [] };
}

/** What keeps a schedule from being served as it is written, and that it is over at `now`. `path` is where its parameters stand in the definition. */
export function scheduleProblems(node: ScheduleNode & { readonly path: string; readonly zone: string; readonly now: number }): Problem[] {
  const read = readTimetable(timetableSpec(node), zoneOf(node) ?? node.zone);
  const problem =
    (severity: Problem['severity']) =>
    ({ code, param, message, hint }: TimetableFault): Problem => ({
      code,
      severity,
      nodeId: node.nodeId,
      path: `${node.path}.${param}`,
      message: `"${node.name}": ${message}`,
      hint,
    });
  if (!('timetable' in read)) return read.faults.map(problem('error'));
  return isOver(read.timetable, node.now) ? [problem('warning')(OVER)] : [];
}

const OVER: TimetableFault = {
  code: 'SCHEDULE_OVER',
  param: 'endAt',
  message: 'it never fires again: no time of it is left before its end.',
  hint: 'Set a later end, or leave it empty.',
};

function isOver(timetable: Timetable, now: number): boolean {
  return timetable.endAt !== undefined && nextSlot(timetable, now) === undefined;
}

/** A sound schedule as the publish stores it. `zone`: where the node names none. */
export function scheduleSpec(node: ScheduleNode & { readonly zone: string }): ScheduleSpec {
  const spec = timetableSpec(node);
  const zone = zoneNamed(zoneOf(node) ?? node.zone) ?? 'UTC';
  const timetable = demandTimetable(spec, zone);
  return {
    nodeId: node.nodeId,
    nodeName: node.name,
    spec: spec as JsonObject,
    zone,
    missed: (textOf(valueOf(node.ir, node.params, 'missed')) || 'once') as MissedPolicy,
    overlap: (textOf(valueOf(node.ir, node.params, 'overlap')) || 'allow') as OverlapPolicy,
    next: (scheduleId, after) => planned(nextSlot(timetable, after), spec, scheduleId),
  };
}

/** @throws RangeError for what `readTimetable` finds fault with */
export function demandTimetable(spec: TimetableSpec, zone: string): Timetable {
  const read = readTimetable(spec, zone);
  if ('timetable' in read) return read.timetable;
  throw new RangeError(`the timetable cannot be used: ${read.faults.map((fault) => fault.message).join(' ')}`);
}

/** The slot with the moment it is acted on: the same in every process, and spread over the jitter for different schedules. */
export function planned(dueMs: number | undefined, { jitterMs = 0 }: TimetableSpec, scheduleId: string): Slot | undefined {
  if (dueMs === undefined) return undefined;
  if (jitterMs === 0) return { dueMs, atMs: dueMs };
  const part = createHash('sha256').update(`${scheduleId}:${dueMs}`).digest().readUInt32BE(0) / 2 ** 32;
  return { dueMs, atMs: dueMs + Math.floor(part * jitterMs) };
}

function readLines(cron: readonly string[], faults: TimetableFault[]): CronLine[] {
  if (cron.length > MOST_LINES)
    faults.push({
      code: 'CRON_INVALID',
      param: 'cron',
      message: `${cron.length} cron lines are too many.`,
      hint: `Write at most ${MOST_LINES}.`,
    });
  return cron.slice(0, MOST_LINES).flatMap((text) => {
    try {
      return [parseCronLine(text)];
    } catch (error) {
      if (!(error instanceof CronLineError)) throw error;
      const isNever = error.message.startsWith('it never fires');
      faults.push({
        code: isNever ? 'SCHEDULE_NEVER' : 'CRON_INVALID',
        param: 'cron',
        message: `the cron line "${text.slice(0, 100)}" cannot be used: ${error.message}.`,
        hint: isNever ? 'Choose a day that one of the months has; L stands for the last one.' : SMALLEST_CRON,
      });
      return [];
    }
  });
}

function readIntervals(intervals: readonly JsonObject[], faults: TimetableFault[]): Interval[] {
  return intervals.flatMap((interval, n) => {
    const read = readInterval(interval);
    if (typeof read !== 'string') return [read];
    faults.push({
      code: 'INTERVAL_INVALID',
      param: `intervals[${n}]`,
      message: `interval ${n + 1} cannot be used: ${read}.`,
      hint: 'Look at its fields.',
    });
    return [];
  });
}

/** The interval, or what is wrong with it. */
function readInterval(interval: JsonObject): Interval | string {
  const { unit } = interval;
  const every = typeof interval['every'] === 'number' ? interval['every'] : 1;
  if (!Number.isInteger(every) || every < 1 || every > 10_000) return 'it repeats every 1 to 10000, in whole numbers';
  if (unit === 'seconds' || unit === 'minutes' || unit === 'hours') return { unit, every };
  const at = readTimeOfDay(interval['at']);
  if (at === undefined) return 'its time of day is written like 08:30';
  if (unit === 'days') return { unit, every, at };
  if (unit === 'weeks') {
    const named = Array.isArray(interval['weekdays']) ? interval['weekdays'] : [];
    const weekdays = named.map((name) => WEEKDAYS.indexOf(typeof name === 'string' ? name : ''));
    if (weekdays.length === 0 || weekdays.includes(-1)) return 'it has no weekday';
    return { unit, every, at, weekdays };
  }
  if (unit === 'months') {
    const day = typeof interval['day'] === 'number' ? interval['day'] : 1;
    if (!Number.isInteger(day) || day < 1 || day > 31) return 'its day of the month goes from 1 to 31';
    return { unit, every, at, day };
  }
  return 'its unit is one of seconds, minutes, hours, days, weeks and months';
}

function readTimeOfDay(value: Json | undefined): number | undefined {
  if (value === undefined || value === '') return 0;
  const [, hour, minute, second = '0'] = /^([01]?\d|2[0-3]):([0-5]\d)(?::([0-5]\d))?$/.exec(textOf(value).trim()) ?? [];
  if (hour === undefined || minute === undefined) return undefined;
  return Number(hour) * HOUR_MS + Number(minute) * MINUTE_MS + Number(second) * SECOND_MS;
}

function readInstant(text: string | undefined, param: string, faults: TimetableFault[]): number | undefined {
  if (text === undefined) return undefined;
  const instant = Date.parse(text);
  if (Number.isFinite(instant)) return instant;
  faults.push({
    code: 'SCHEDULE_SPAN',
    param,
    message: `"${text.slice(0, 50)}" is no point in time.`,
    hint: 'Write it like 2026-01-31T09:00:00Z.',
  });
  return undefined;
}

function zoneFault(zone: string): TimetableFault {
  return {
    code: 'TIMEZONE_UNKNOWN',
    param: 'timezone',
    message: `"${zone.slice(0, 64)}" is no time zone.`,
    hint: 'Use an IANA name such as Europe/Paris, or UTC.',
  };
}

/** With the default of the type. What stands here is never an expression. */
function valueOf(ir: ParamsIR, params: JsonObject, name: string): Json | undefined {
  const own = Object.hasOwn(params, name) ? params[name] : undefined;
  return own ?? (Object.hasOwn(ir, name) ? ir[name]?.default : undefined);
}

function textOf(value: Json | undefined): string {
  return typeof value === 'string' ? value : '';
}

function isRecord(value: Json): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
