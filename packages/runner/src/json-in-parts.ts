/** JSON text of large values, made in parts: long lists element by element, so that no part takes long unless one element does. */
import type { Sliced } from './turns.ts';

/** Lists and objects with fewer members are written in one go. */
const MANY = 64;
/** Characters between two looks at the clock. */
const PART_LENGTH = 64 * 1024;
/** Of a long list, before it is known how large they are, and at most. */
const FIRST_ELEMENTS = 16;
const MOST_ELEMENTS = 1024;
/** Below so many levels values are written in one go. */
const MAX_DEPTH = 6;

/** The same text as `JSON.stringify(value)`, for values that are JSON: its parts in order, never put together. */
export function* jsonParts(value: unknown): Sliced<string[]> {
  const parts: string[] = [];
  yield* addValue(parts, value, 0);
  return parts;
}

/** As {@link jsonParts}, as one text. */
export function* jsonInParts(value: unknown): Sliced<string> {
  return (yield* jsonParts(value)).join('');
}

function* addValue(parts: string[], value: unknown, depth: number): Sliced<void> {
  if (typeof value !== 'object' || value === null || depth >= MAX_DEPTH) parts.push(JSON.stringify(value) ?? 'null');
  else if (Array.isArray(value)) yield* value.length > MANY ? addLongList(parts, value) : addList(parts, value, depth);
  else {
    const entries = Object.entries(value);
    if (entries.length > MANY) parts.push(JSON.stringify(value));
    else yield* addMembers(parts, entries, depth);
  }
}

function* addMembers(parts: string[], entries: readonly (readonly [string, unknown])[], depth: number): Sliced<void> {
  let before = '{';
  for (const [key, member] of entries) {
    if (member === undefined) continue;
    parts.push(`${before}${JSON.stringify(key)}:`);
    before = ',';
    yield* addValue(parts, member, depth + 1);
  }
  parts.push(before === '{' ? '{}' : '}');
}

function* addList(parts: string[], list: readonly unknown[], depth: number): Sliced<void> {
  parts.push('[');
  let length = 0;
  for (let n = 0; n < list.length; n += 1) {
    if (n > 0) parts.push(',');
    const from = parts.length;
    yield* addValue(parts, list[n], depth + 1);
    for (let at = from; at < parts.length; at += 1) length += parts[at]?.length ?? 0;
    if (length < PART_LENGTH) continue;
    length = 0;
    yield;
  }
  parts.push(']');
}

/** Several elements in one go, as many as the last ones make a part: of a long list each is small enough, or there would be more than a step may hold. */
function* addLongList(parts: string[], list: readonly unknown[]): Sliced<void> {
  let count = FIRST_ELEMENTS;
  for (let at = 0; at < list.length;) {
    const some = list.slice(at, at + count);
    const text = JSON.stringify(some);
    parts.push(at === 0 ? '[' : ',', text.slice(1, -1));
    at += some.length;
    count = Math.max(1, Math.min(MOST_ELEMENTS, Math.floor((PART_LENGTH * some.length) / text.length)));
    if (at < list.length) yield;
  }
  parts.push(']');
}
