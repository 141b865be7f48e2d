/** JSON text of large values, made in parts: long lists element by element, so that no part takes long unless one element does. */
import type { Sliced } from './turns.ts';

/** Lists and objects with fewer members are written in one go. */
const MANY = 64;
/** Characters between two looks at the clock. */
const PART_LENGTH = 64 * 1024;
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
  const isLong = list.length > MANY;
  const parts: string[] = [];
  let part = '';
  for (const element of list) {
    // Of a long list each element is small enough, or there would be more than a step may hold.
    const text = isLong ? JSON.stringify(element) : yield* jsonInParts(element, depth + 1);
    part += part === '' ? (text ?? 'null') : `,${text ?? 'null'}`;
    if (part.length < PART_LENGTH) continue;
    parts.push(part);
    part = '';
    yield;
  }
  if (part !== '') parts.push(part);
  return `[${parts.join(',')}]`;
}
