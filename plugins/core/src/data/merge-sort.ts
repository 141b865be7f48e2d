/** A sort that gives way between its comparisons: putting very many items in order in one go would hold up whatever shares the thread. */
import { GIVE_WAY, type GiveWay } from '@plugboard/sdk';

/** Stretches that are put in order by insertion before they are merged. */
const STRETCH = 8;

export interface SortOptions {
  /** Of two positions: negative when the first comes before. */
  readonly compare: (a: number, b: number) => number;
  /** Comparisons between two chances for others. */
  readonly share: number;
}

/** The positions 0 to `count` - 1 in order; those that compare equal keep theirs. What is in order already takes one comparison each. */
export function* sortedPositions(count: number, { compare, share }: SortOptions): Generator<GiveWay, Int32Array> {
  let from = new Int32Array(count);
  let compared = 0;
  for (let start = 0; start < count; start += STRETCH) {
    const end = Math.min(start + STRETCH, count);
    for (let i = start; i < end; i += 1) {
      let at = i;
      for (; at > start; at -= 1) {
        const before = from[at - 1] as number;
        compared += 1;
        if (compare(before, i) <= 0) break;
        from[at] = before;
      }
      from[at] = i;
    }
    if (compared < share) continue;
    compared = 0;
    yield GIVE_WAY;
  }
  let to = new Int32Array(count);
  for (let width = STRETCH; width < count; width *= 2) {
    for (let start = 0; start < count; start += 2 * width) {
      const middle = Math.min(start + width, count);
      const end = Math.min(middle + width, count);
      let left = start;
      let right = middle;
      let at = start;
      const isInOrder = middle === end || compare(from[middle - 1] as number, from[middle] as number) <= 0;
      compared += 1;
      while (!isInOrder && left < middle && right < end) {
        const isLeft = compare(from[left] as number, from[right] as number) <= 0;
        to[at] = from[isLeft ? left : right] as number;
        at += 1;
        if (isLeft) left += 1;
        else right += 1;
        compared += 1;
        if (compared < share) continue;
        compared = 0;
        yield GIVE_WAY;
      }
      to.set(from.subarray(left, middle), at);
      to.set(from.subarray(right, end), at + middle - left);
    }
    [from, to] = [to, from];
  }
  return from;
}
