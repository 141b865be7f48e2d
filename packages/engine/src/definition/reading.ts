/**
 * Readers turn untrusted values into typed ones and report everything that is wrong on the way.
 * A reader gives undefined for what it cannot read; the reader around it goes on, with a stand-in where the type needs one,
 * so that one bad field hides no other problem.
 */
import type { Json, JsonObject } from '@plugboard/sdk';
import { FORMAT } from './limits.ts';
import { describe, problem } from './problems.ts';
import type { Place } from './problems.ts';
import type { Problem } from './types.ts';

/** What one reading has used and found so far. */
export interface Reading {
  readonly problems: Problem[];
  values: number;
  characters: number;
}

export type Reader<T> = (value: unknown, place: Place, reading: Reading) => T | undefined;

export function startReading(): Reading {
  return { problems: [], values: 0, characters: 0 };
}

/** Ends a reading early, because going on would cost too much; the reason is among the problems. */
export class ReadingStopped extends Error {
  readonly code = 'READING_STOPPED';
}

export function report(reading: Reading, found: Problem): void {
  reading.problems.push(found);
  if (reading.problems.length < FORMAT.maxProblems) return;
  reading.problems.push(problem('PROBLEMS_CUT', { path: '' }, { max: FORMAT.maxProblems, more: 'what comes after them' }));
  throw new ReadingStopped();
}

export function at(place: Place, key: string): Place {
  return { ...place, path: joinPath(place.path, key) };
}

/** `a` and `b` make `a.b`; what does not read as a name is quoted in brackets. */
export function joinPath(path: string, key: string | number): string {
  if (typeof key === 'number') return `${path}[${key}]`;
  if (!/^[A-Za-z_$][\w$-]*$/.test(key)) return `${path}[${JSON.stringify(key.length <= 100 ? key : `${key.slice(0, 99)}…`)}]`;
  return path === '' ? key : `${path}.${key}`;
}

export function text(options: { readonly min?: number; readonly max: number; readonly oneLine?: boolean }): Reader<string> {
  return (value, place, reading) => {
    if (typeof value !== 'string') return wrongType(value, 'text', place, reading);
    spend(reading, 1, value.length);
    if (value.length > options.max) {
      report(reading, problem('TEXT_TOO_LONG', place, { length: value.length, max: options.max }));
      return undefined;
    }
    if ((options.min ?? 0) > 0 && value.trim() === '') {
      report(reading, problem('TEXT_EMPTY', place, {}));
      return undefined;
    }
    const flaw = unstorable(value, options.oneLine ?? false);
    if (flaw === undefined) return value;
    report(reading, problem('TEXT_NOT_ALLOWED', place, { what: flaw }));
    return undefined;
  };
}

export function pattern(expression: RegExp, refuse: (found: string, place: Place) => Problem): Reader<string> {
  return (value, place, reading) => {
    if (typeof value !== 'string') return wrongType(value, 'text', place, reading);
    spend(reading, 1, value.length);
    if (expression.test(value)) return value;
    report(reading, refuse(value, place));
    return undefined;
  };
}

/** Ids are map keys in a draft, so the one id that names a prototype is refused. */
export const id: Reader<string> = pattern(/^(?!__proto__$)[A-Za-z0-9_-]{1,64}$/, (found, place) => problem('ID_INVALID', place, { found }));

export function number(options: { readonly min: number; readonly max: number; readonly whole?: boolean }): Reader<number> {
  return (value, place, reading) => {
    if (typeof value !== 'number') return wrongType(value, options.whole ? 'a whole number' : 'a number', place, reading);
    spend(reading, 1, 0);
    if (!Number.isFinite(value)) report(reading, problem('NUMBER_NOT_FINITE', place, { found: String(value) }));
    else if (options.whole && !Number.isInteger(value)) report(reading, problem('NUMBER_NOT_WHOLE', place, { found: value }));
    else if (value < options.min || value > options.max)
      report(reading, problem('NUMBER_RANGE', place, { found: value, min: options.min, max: options.max }));
    else return value === 0 ? 0 : value;
    return undefined;
  };
}

export const boolean: Reader<boolean> = (value, place, reading) => {
  spend(reading, 1, 0);
  return typeof value === 'boolean' ? value : wrongType(value, 'true or false', place, reading);
};

export function oneOf<T extends string>(...allowed: readonly T[]): Reader<T> {
  return (value, place, reading) => {
    if (typeof value !== 'string') return wrongType(value, `one of ${allowed.join(', ')}`, place, reading);
    spend(reading, 1, value.length);
    const known = allowed.find((each) => each === value);
    if (known === undefined) report(reading, problem('FIELD_VALUE', place, { found: value, allowed: allowed.join(', ') }));
    return known;
  };
}

/** `standIn` takes the place of an entry that cannot be read, so that the index of the others stays. */
export function list<T>(read: Reader<T>, standIn?: (index: number) => T): Reader<readonly T[]> {
  return (value, place, reading) => {
    if (!Array.isArray(value)) return wrongType(value, 'a list', place, reading);
    if (value.length > FORMAT.maxEntries) {
      report(reading, problem('LIST_TOO_LONG', place, { length: value.length, max: FORMAT.maxEntries }));
      return undefined;
    }
    spend(reading, value.length + 1, 0);
    const entries: T[] = [];
    for (let index = 0; index < value.length; index++) {
      const entry = read(value[index], { ...place, path: joinPath(place.path, index) }, reading);
      const kept = entry === undefined ? standIn?.(index) : entry;
      if (kept !== undefined) entries.push(kept);
    }
    return entries;
  };
}

/** Names chosen by people, each with a value read by one reader. */
export function record<T>(read: Reader<T>): Reader<{ readonly [name: string]: T }> {
  return (value, place, reading) => {
    if (!isPlainObject(value)) return wrongType(value, 'an object', place, reading);
    const result: { [name: string]: T } = {};
    for (const key of ownKeys(value, () => place, reading)) {
      const entry = read(value[key], at(place, key), reading);
      if (entry !== undefined) result[key] = entry;
    }
    return result;
  };
}

export interface Field<T> {
  readonly read: Reader<T>;
  /** Absent: the field may be left out. `missing` says whether leaving it out is a problem. */
  readonly standIn?: T;
  readonly missing?: 'error' | 'fine';
}

/** Its absence is an error. `standIn` fills it so that reading can go on. */
export function required<T>(read: Reader<T>, standIn: T): Field<T> {
  return { read, standIn, missing: 'error' };
}

export function withDefault<T>(read: Reader<T>, standIn: T): Field<T> {
  return { read, standIn, missing: 'fine' };
}

export function optional<T>(read: Reader<T>): Field<T> {
  return { read };
}

export type Fields<T> = { readonly [K in keyof T]-?: Field<Exclude<T[K], undefined>> };

/** An object with known fields. Fields it does not know are left out, with a warning that names them. */
export function object<T extends object>(fields: Fields<T>): Reader<T> {
  return (value, place, reading) => {
    if (!isPlainObject(value)) return wrongType(value, 'an object', place, reading);
    const unknown: string[] = [];
    for (const key of ownKeys(value, () => place, reading)) if (!Object.hasOwn(fields, key)) unknown.push(key);
    if (unknown.length > 0) report(reading, problem('FIELD_UNKNOWN', place, { fields: unknown.slice(0, 20).join(', ') }));
    const result: { [name: string]: unknown } = {};
    for (const [key, field] of Object.entries<Field<unknown>>(fields as { readonly [name: string]: Field<unknown> })) {
      const given = Object.hasOwn(value, key) ? value[key] : undefined;
      if (given === undefined && field.missing === 'error') report(reading, problem('FIELD_MISSING', at(place, key), { field: key }));
      const read = given === undefined ? undefined : field.read(given, at(place, key), reading);
      // Null is a value that was read.
      const kept = read === undefined ? field.standIn : read;
      if (kept !== undefined) result[key] = kept;
    }
    return result as T;
  };
}

export const json: Reader<Json> = (value, place, reading) => readJson(value, { place, reading, trail: [] });

export const jsonObject: Reader<JsonObject> = (value, place, reading) => {
  if (!isPlainObject(value)) return wrongType(value, 'an object', place, reading);
  return readJson(value, { place, reading, trail: [] }) as JsonObject | undefined;
};

/** Paths are put together only for problems: most values have none, and hostile input has many values. */
interface JsonWalk {
  readonly place: Place;
  readonly reading: Reading;
  /** Keys from the place down to the present value. */
  readonly trail: (string | number)[];
}

function here({ place, trail }: JsonWalk): Place {
  return { ...place, path: trail.reduce<string>(joinPath, place.path) };
}

function readJson(value: unknown, walk: JsonWalk): Json | undefined {
  const { reading, trail } = walk;
  spend(reading, 1, 0);
  if (value === null || typeof value === 'boolean') return value;
  if (typeof value === 'string') {
    spend(reading, 0, value.length);
    const flaw = unstorable(value, false);
    if (flaw === undefined) return value;
    report(reading, problem('TEXT_NOT_ALLOWED', here(walk), { what: flaw }));
    return undefined;
  }
  if (typeof value === 'number') {
    if (Number.isFinite(value)) return value === 0 ? 0 : value;
    report(reading, problem('NUMBER_NOT_FINITE', here(walk), { found: String(value) }));
    return undefined;
  }
  if (trail.length >= FORMAT.maxDepth && typeof value === 'object') {
    report(reading, problem('VALUE_TOO_DEEP', here(walk), { max: FORMAT.maxDepth }));
    return undefined;
  }
  if (Array.isArray(value)) {
    spend(reading, value.length, 0);
    const entries: Json[] = [];
    for (let index = 0; index < value.length; index++) entries.push(readInside(value[index], index, walk) ?? null);
    return entries;
  }
  if (!isPlainObject(value)) {
    report(reading, problem('VALUE_NOT_JSON', here(walk), { found: describe(value) }));
    return undefined;
  }
  const result: { [name: string]: Json } = {};
  for (const key of ownKeys(value, () => here(walk), reading)) {
    const entry = readInside(value[key], key, walk);
    if (entry !== undefined) result[key] = entry;
  }
  return result;
}

function readInside(value: unknown, key: string | number, walk: JsonWalk): Json | undefined {
  walk.trail.push(key);
  const read = readJson(value, walk);
  walk.trail.pop();
  return read;
}

/** Objects of any realm, with no prototype or the ordinary one; instances of classes are not plain. */
export function isPlainObject(value: unknown): value is { readonly [key: string]: unknown } {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || (Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype as object, 'hasOwnProperty'));
}

function ownKeys(value: object, place: () => Place, reading: Reading): string[] {
  const keys: string[] = [];
  for (const key of Object.keys(value)) {
    spend(reading, 1, key.length);
    const flaw = unstorable(key, false);
    if (key === '__proto__') report(reading, problem('KEY_FORBIDDEN', at(place(), key), { key }));
    else if (flaw !== undefined) report(reading, problem('TEXT_NOT_ALLOWED', place(), { what: flaw }));
    else keys.push(key);
  }
  return keys;
}

/** What about a text cannot be stored. PostgreSQL takes neither NUL nor half a surrogate pair, so neither may come this far. */
function unstorable(value: string, oneLine: boolean): string | undefined {
  if (value.includes('\u0000')) return 'NUL';
  if (!value.isWellFormed()) return 'half of a surrogate pair';
  if (!oneLine) return undefined;
  if (CONTROL.test(value)) return 'a line break or control character';
  return DECEIVING.test(value) ? 'a character that nobody sees, or that turns the writing around' : undefined;
}

const CONTROL = /[\p{Cc}\u2028\u2029]/u;
/**
 * Two names that look alike have to be alike: marks and overrides of direction, and characters without width. The two joiners stay,
 * because some scripts and many emoji are written with them.
 */
const DECEIVING = /[\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff]/u;

function wrongType(value: unknown, expected: string, place: Place, reading: Reading): undefined {
  report(reading, problem('FIELD_TYPE', place, { expected, found: describe(value) }));
  return undefined;
}

function spend(reading: Reading, values: number, characters: number): void {
  reading.values += values;
  reading.characters += characters;
  if (reading.values <= FORMAT.maxValues && reading.characters <= FORMAT.maxCharacters) return;
  const [max, unit] = reading.values > FORMAT.maxValues ? [FORMAT.maxValues, 'values'] : [FORMAT.maxCharacters, 'characters'];
  reading.problems.push(problem('DEFINITION_TOO_LARGE', { path: '' }, { max, unit }));
  throw new ReadingStopped();
}
