import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { sortedPositions } from './merge-sort.ts';

/** Sorts to the end; tells how often it gave way and how many comparisons it made at most in between. */
function sorted(values: readonly number[], share = 16) {
  let [compared, most, ways] = [0, 0, 0];
  const compare = (a: number, b: number): number => {
    compared += 1;
    return (values[a] ?? 0) - (values[b] ?? 0);
  };
  const work = sortedPositions(values.length, { compare, share });
  for (let before = 0; ; ways += 1) {
    const step = work.next();
    most = Math.max(most, compared - before);
    before = compared;
    if (step.done) return { positions: [...step.value], compared, most, ways };
  }
}

const stable = (values: readonly number[]): number[] => values.map((_, i) => i).toSorted((a, b) => (values[a] ?? 0) - (values[b] ?? 0));

describe('the sort that gives way', () => {
  test('puts positions in the order of a stable sort, whatever the values', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(20), { maxLength: 300 }), (values) => {
        expect(sorted(values).positions).toEqual(stable(values));
      }),
    );
  });

  test.each([0, 1, 2, 7, 8, 9, 15, 16, 17, 1000])('sorts %i', (count) => {
    const values = Array.from({ length: count }, (_, n) => (n * 7919) % 101);
    expect(sorted(values).positions).toEqual(stable(values));
  });

  test('makes about as many comparisons between two chances for others as it is told', () => {
    const { most, ways } = sorted(Array.from({ length: 5000 }, (_, n) => (n * 7919) % 5003));
    expect(most).toBeLessThan(16 + 64);
    expect(ways).toBeGreaterThan(1000);
  });

  test('takes one comparison for each item, and one for each two stretches, where all is in order', () => {
    const inOrder = Array.from({ length: 4096 }, (_, n) => n);
    expect(sorted(inOrder).compared).toBeLessThan(4096 + 1024);
  });
});
