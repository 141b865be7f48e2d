import { describe, expect, test } from 'vitest';
import { compareItems } from './compare-items.ts';

describe('compareItems', () => {
  test('equal items have no differences, whatever the order of their fields', () => {
    expect(compareItems('n', [{ a: 1, b: [1, { c: null }] }], [{ b: [1, { c: null }], a: 1 }])).toEqual([]);
  });

  test.each([
    ['another value', [{ a: 1 }], [{ a: 2 }], { path: 'items[0].a', expected: 1, actual: 2 }],
    ['a missing field', [{ a: 1 }], [{}], { path: 'items[0].a', expected: 1 }],
    ['a further field', [{}], [{ a: null }], { path: 'items[0].a', actual: null }],
    ['another type', [{ a: [] }], [{ a: {} }], { path: 'items[0].a', expected: [], actual: {} }],
    ['a missing item', [{ a: 1 }], [], { path: 'items[0]', expected: { a: 1 } }],
    ['a longer list', [{ a: [1] }], [{ a: [1, 2] }], { path: 'items[0].a[1]', actual: 2 }],
  ])('%s is told with its place', (_, expected, actual, difference) => {
    expect(compareItems('n', expected, actual)).toEqual([{ node: 'n', ...difference }]);
  });

  test('ignored fields may differ; a star is any one name or place', () => {
    const expected = [{ id: 1, rows: [{ at: 1, n: 1 }], keep: { id: 1 } }];
    const actual = [{ id: 2, rows: [{ at: 2, n: 1 }], keep: { id: 2 } }];
    expect(compareItems('n', expected, actual, ['id', 'rows.*.at'])).toEqual([
      { node: 'n', path: 'items[0].keep.id', expected: 1, actual: 2 },
    ]);
  });

  test('only so many differences are told', () => {
    expect(
      compareItems(
        'n',
        Array.from({ length: 1000 }, () => 1),
        [],
      ),
    ).toHaveLength(50);
  });
});
