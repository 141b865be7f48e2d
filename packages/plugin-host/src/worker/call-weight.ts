/** How large a call is: whether it is worth the way to the worker thread and back. */
import type { CallSpec } from '@plugboard/engine';

export interface WorkerSize {
  /** More items than this go to the worker. @default 10000 */
  readonly items?: number;
  /** More text than this in items and parameters goes to the worker, in characters of JSON, roughly. @default 262144 */
  readonly characters?: number;
  /** A call that would hold up everything else for longer, by what its type took before, goes to the worker too, in milliseconds. @default 25 */
  readonly stallMs?: number;
}

const ITEMS = 10_000;
const CHARACTERS = 256 * 1024;
/** What a value counts besides its text. */
const VALUE = 8;

/** Characters of its items and parameters, roughly; Infinity for one that is large in any case. */
export function weightOf(spec: CallSpec, { items = ITEMS, characters = CHARACTERS }: WorkerSize): number {
  const lists = Object.values(spec.inputs);
  let count = 0;
  for (const list of lists) count += list.length;
  if (count > items) return Infinity;
  let left = characters - weigh(spec.constants, characters);
  for (const list of lists) {
    for (const { json, params } of list) {
      left -= weigh(json, left);
      if (params !== undefined) left -= weigh(params, left);
      if (left < 0) return Infinity;
    }
  }
  return left < 0 ? Infinity : characters - left;
}

/** Characters of a value, roughly; stops once there are more than `limit`. */
function weigh(value: unknown, limit: number): number {
  if (typeof value === 'string') return value.length + VALUE;
  if (typeof value !== 'object' || value === null) return VALUE;
  let sum = VALUE;
  if (Array.isArray(value)) {
    for (const one of value) {
      sum += weigh(one, limit - sum);
      if (sum > limit) break;
    }
    return sum;
  }
  for (const key in value) {
    sum += key.length + weigh((value as { readonly [key: string]: unknown })[key], limit - sum);
    if (sum > limit) break;
  }
  return sum;
}
