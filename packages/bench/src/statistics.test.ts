import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { median, quantile, spread, summarize } from './statistics.ts';

describe('quantile', () => {
  test.each([
    { values: [7], share: 0.99, expected: 7 },
    { values: [1, 2, 3, 4], share: 0.5, expected: 2 },
    { values: [1, 2, 3, 4], share: 0, expected: 1 },
    { values: [1, 2, 3, 4], share: 1, expected: 4 },
    { values: Array.from({ length: 100 }, (_, n) => n + 1), share: 0.99, expected: 99 },
    { values: Array.from({ length: 1000 }, (_, n) => n + 1), share: 0.95, expected: 950 },
  ])('of $values.length values at $share is $expected', ({ values, share, expected }) => {
    expect(quantile(values, share)).toBe(expected);
  });

  test('there is none without values', () => {
    expect(quantile([], 0.5)).toBeUndefined();
  });

  test('is a measured value with at least that share of all at or below it', () => {
    const values = fc.array(fc.integer({ min: 0, max: 1000 }), { minLength: 1, maxLength: 200 });
    fc.assert(
      fc.property(values, fc.double({ min: 0.01, max: 1, noNaN: true }), (given, share) => {
        const sorted = given.toSorted((a, b) => a - b);
        const found = quantile(sorted, share) ?? Number.NaN;
        expect(sorted).toContain(found);
        expect(sorted.filter((value) => value <= found).length / sorted.length).toBeGreaterThanOrEqual(share - 1e-9);
      }),
    );
  });
});

describe('median', () => {
  test.each([
    { values: [3], expected: 3 },
    { values: [9, 1, 5], expected: 5 },
    { values: [10, 2, 4, 100], expected: 7 },
    // Sorted as text, 100 comes before 9.
    { values: [100, 9, 20], expected: 20 },
  ])('of $values is $expected', ({ values, expected }) => {
    expect(median(values)).toBe(expected);
  });

  test('leaves what it was given in its order', () => {
    const values = [3, 1, 2];
    median(values);
    expect(values).toEqual([3, 1, 2]);
  });

  test('refuses to speak about nothing', () => {
    expect(() => median([])).toThrow(RangeError);
  });
});

test('a summary holds the middle, the ends and the number of rounds, and the spread is their distance over the middle', () => {
  const summary = summarize([110, 90, 100]);
  expect(summary).toEqual({ median: 100, min: 90, max: 110, count: 3 });
  expect(spread(summary)).toBeCloseTo(0.2);
  expect(spread(summarize([0, 0]))).toBe(0);
});
