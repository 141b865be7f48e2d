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

/** The same text as `JSON.stringify(value)`, for values that are JSON. */
export function* jsonInParts(value: unknown, depth = 0): Sliced<string> {
  if (typeof value !== 'object' || value === null || depth >= MAX_DEPTH) return JSON.stringify(value);
  if (Array.isArray(value)) return yield* listInParts(value, depth);
  const entries = Object.entries(value);
  if (entries.length > MANY) return JSON.stringify(value);
  let text = '';
  for (const [key, member] of entries) {
    if (member === undefined) continue;
    text += `${text === '' ? '' : ','}${JSON.stringify(key)}:${yield* jsonInParts(member, depth + 1)}`;
  }
  return `{${text}}`;
}

function* listInParts(list: readonly unknown[], depth: number): Sliced<string> {
  if (list.length > MANY) return yield* longList(list);
  const parts: string[] = [];
  let length = 0;
  for (const element of list) {
    const text = (yield* jsonInParts(element, depth + 1)) ?? 'null';
    parts.push(text);
    length += text.length;
    if (length < PART_LENGTH) continue;
    length = 0;
    yield;
  }
  return `[${parts.join(',')}]`;
}

/** Several elements in one go, as many as the last ones make a part: of a long list each is small enough, or there would be more than a step may hold. */
function* longList(list: readonly unknown[]): Sliced<string> {
  const parts: string[] = [];
  let count = FIRST_ELEMENTS;
  for (let at = 0; at < list.length;) {
    const some = list.slice(at, at + count);
    const text = JSON.stringify(some).slice(1, -1);
    parts.push(text);
    at += some.length;
    count = Math.max(1, Math.min(MOST_ELEMENTS, Math.floor((PART_LENGTH * some.length) / (text.length + 1))));
    if (at < list.length) yield;
  }
  return `[${parts.join(',')}]`;
}
