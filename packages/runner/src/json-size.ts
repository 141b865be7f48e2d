/** How much JSON text a value takes, without making the text: what budgets of steps and runs are counted in. */
import type { Json } from '@plugboard/sdk';

/** Deeper data counts as nothing; it is refused where it comes in. */
const MAX_DEPTH = 256;

/** About the length of the value's JSON text, in UTF-16 units; escapes are not counted. Stops counting somewhere beyond `limit`. */
export function jsonSize(value: Json | undefined, limit: number = Infinity): number {
  return sizeOf(value, limit, 0);
}

function sizeOf(value: Json | undefined, limit: number, depth: number): number {
  switch (typeof value) {
    case 'string':
      return value.length + 2;
    case 'number':
      return 8;
    case 'boolean':
      return 5;
    case 'object':
      break;
    default:
      return 4;
  }
  if (value === null || depth > MAX_DEPTH) return 4;
  let size = 2;
  if (Array.isArray(value)) {
    for (const element of value as readonly Json[]) {
      size += 1 + sizeOf(element, limit - size, depth + 1);
      if (size > limit) return size;
    }
    return size;
  }
  const object = value as { readonly [key: string]: Json };
  for (const key in object) {
    const member = object[key];
    // Most members are text and numbers.
    if (typeof member === 'string') size += key.length + member.length + 6;
    else if (typeof member === 'number') size += key.length + 12;
    else size += key.length + 4 + sizeOf(member, limit - size, depth + 1);
    if (size > limit) return size;
  }
  return size;
}
