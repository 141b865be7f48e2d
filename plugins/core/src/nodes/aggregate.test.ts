import type { JsonObject } from '@plugboard/sdk';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { both, codes, step } from '../../test-support/both-transports.ts';

const OPERATIONS = ['count', 'sum', 'average', 'min', 'max', 'median', 'first', 'last', 'list', 'unique', 'countDistinct', 'join'];

function over(op: string, values: readonly unknown[], more: object = {}) {
  return both(
    step('aggregate')
      .params({ operations: [{ op, field: 'v', as: 'r', ...more }] as never })
      .items(values.map((v) => (v === undefined ? {} : { v })) as never),
  );
}

async function result(op: string, values: readonly unknown[], more?: object): Promise<unknown> {
  return (await over(op, values, more)).items[0]?.['r'];
}

describe('aggregate', () => {
  test('adds up even numbers of ten thousand exactly as the contract says', async () => {
    const items = Array.from({ length: 5_000 }, (_, n) => ({ n: 2 * n, square: 4 * n * n }));
    const operations: JsonObject[] = [
      { op: 'count', as: 'count' },
      { op: 'sum', field: 'square', as: 'sum' },
      { op: 'max', field: 'n', as: 'max' },
    ];
    const run = await both(step('aggregate').params({ operations }).items(items));
    expect(run.items).toEqual([{ count: 5_000, sum: 166_616_670_000, max: 9_998 }]);
  });

  test.each([
    ['count', [1, null, undefined, 'x'], 2],
    ['sum', [1, '2.5', null, undefined, -3], 0.5],
    ['sum', Array.from({ length: 10 }, () => 0.1), 1],
    ['sum', [1e16, 1, -1e16], 1],
    ['average', [1, 2, '6'], 3],
    ['min', ['10', 9, '9.5'], 9],
    ['max', ['2026-01-31', '2026-02-01', '2025-12-31'], '2026-02-01'],
    ['median', [5, 1, 3], 3],
    ['median', [4, 1, 3, 2], 2.5],
    ['first', [null, undefined, 'a', 'b'], 'a'],
    ['last', ['a', { deep: [1] }, null], { deep: [1] }],
    ['list', [1, null, 'x', { a: 1 }], [1, 'x', { a: 1 }]],
    [
      'unique',
      [1, '1', 1, { a: 1, b: 2 }, { b: 2, a: 1 }, true, 'true', '{"a":1,"b":2}'],
      [1, '1', { a: 1, b: 2 }, true, 'true', '{"a":1,"b":2}'],
    ],
    ['countDistinct', [1, '1', 1, null, [1], [1]], 3],
    ['join', ['a', 1, { b: 2 }, null], 'a, 1, {"b":2}'],
  ])('%s of %j is %j', async (op, values, expected) => {
    expect(await result(op, values)).toEqual(expected);
  });

  test('gives one item for no items, whatever was asked', async () => {
    const run = await both(
      step('aggregate')
        .params({ operations: OPERATIONS.map((op) => ({ op, field: 'v', as: op })) })
        .items([]),
    );
    expect(run.items).toEqual([
      {
        count: 0,
        sum: 0,
        average: null,
        min: null,
        max: null,
        median: null,
        first: null,
        last: null,
        list: [],
        unique: [],
        countDistinct: 0,
        join: '',
      },
    ]);
  });

  test('names results by field and operation when no name is given, and joins with the given separator', async () => {
    const run = await both(
      step('aggregate')
        .params({ operations: [{ op: 'count' }, { op: 'sum', field: 'a.b' }, { op: 'join', field: 'a.b', as: 'all', separator: '' }] })
        .items([{ a: { b: 1 } }, { a: { b: 2 } }]),
    );
    expect(run.items).toEqual([{ count: 2, 'a.b_sum': 3, all: '12' }]);
  });

  test('takes whole items where no field is named', async () => {
    const run = await both(
      step('aggregate')
        .params({ operations: [{ op: 'list', as: 'all' }] })
        .items([{ a: 1 }, { b: 2 }]),
    );
    expect(run.items).toEqual([{ all: [{ a: 1 }, { b: 2 }] }]);
  });

  test('groups in the order groups first appear, keeps their fields, and says where each came from', async () => {
    const items: JsonObject[] = [
      { c: 'B', at: { y: 1 }, v: 1 },
      { c: 'A', at: { y: 1 }, v: 2 },
      { c: 'B', at: { y: 1 }, v: 3 },
      { c: 'B', v: 5 },
      { c: 1, at: { y: 1 } },
      { c: '1', at: { y: 1 } },
    ];
    const run = await both(
      step('aggregate')
        .params({ groupBy: ['c', 'at.y'], operations: [{ op: 'sum', field: 'v', as: 'sum' }] })
        .items(items),
    );
    expect(run.items).toEqual([
      { c: 'B', 'at.y': 1, sum: 4 },
      { c: 'A', 'at.y': 1, sum: 2 },
      { c: 'B', 'at.y': null, sum: 5 },
      { c: 1, 'at.y': 1, sum: 0 },
      { c: '1', 'at.y': 1, sum: 0 },
    ]);
    expect(run.from['main']).toEqual([[0, 2], [1], [3], [4], [5]]);
  });

  test('gives no groups for no items', async () => {
    expect(
      (
        await both(
          step('aggregate')
            .params({ groupBy: ['c'], operations: [{ op: 'count' }] })
            .items([]),
        )
      ).items,
    ).toEqual([]);
  });

  test('keeps every item in exactly one group', async () => {
    const value = fc.oneof(fc.constantFrom(null, 1, '1', true, 'true', ''), fc.array(fc.constantFrom('a,b', 'a', 'b'), { maxLength: 2 }));
    await fc.assert(
      fc.asyncProperty(fc.array(fc.record({ a: value, b: value }), { maxLength: 30 }), async (items) => {
        const run = await step('aggregate')
          .params({
            groupBy: ['a', 'b'],
            operations: [
              { op: 'count', as: 'n' },
              { op: 'list', as: 'items' },
            ],
          })
          .items(items)
          .run();
        expect(run.from['main']?.flat().toSorted((x = 0, y = 0) => x - y) ?? []).toEqual(items.map((_, i) => i));
        for (const group of run.items) {
          const members = group['items'] as readonly { readonly a: unknown; readonly b: unknown }[];
          expect(group['n']).toBe(members.length);
          for (const member of members) expect({ a: member.a, b: member.b }).toEqual({ a: group['a'], b: group['b'] });
        }
      }),
      { numRuns: 50 },
    );
  });

  test.each([
    ['sum', ['12 EUR'], 'AGGREGATE_NOT_A_NUMBER'],
    ['average', [true], 'AGGREGATE_NOT_A_NUMBER'],
    ['median', [[1]], 'AGGREGATE_NOT_A_NUMBER'],
    ['sum', ['0x10'], 'AGGREGATE_NOT_A_NUMBER'],
    ['sum', [1.7e308, 1.7e308], 'AGGREGATE_TOO_LARGE'],
    ['min', [1, 'a'], 'AGGREGATE_NOT_COMPARABLE'],
    ['max', [{ a: 1 }], 'AGGREGATE_NOT_COMPARABLE'],
  ])('%s of %j is the error %s', async (op, values, code) => {
    expect(codes(await over(op, values))).toEqual([code]);
  });

  test('an error names the field and the item', async () => {
    const [failure] = (await over('sum', [1, 2, 'many'])).errors;
    expect(failure?.error.message).toContain('"v" of item 2 is "many"');
    expect(failure?.error.data).toEqual({ field: 'v', item: 2 });
  });

  test('warns when a sum is so large that numbers are rounded', async () => {
    const run = await over('sum', [Number.MAX_SAFE_INTEGER, 1000]);
    expect(run.logs.map(({ level, message }) => [level, message.includes('rounded')])).toEqual([['warn', true]]);
    expect((await over('sum', [Number.MAX_SAFE_INTEGER])).logs).toEqual([]);
  });

  test('inherited members are no fields, and __proto__ is no name for a result', async () => {
    expect(await result('first', [{}], { field: 'v.constructor.name' })).toBeNull();
    expect(await result('first', [{}], { field: 'toString' })).toBeNull();
    expect(codes(await over('count', [1], { as: '__proto__' }))).toEqual(['OUTPUT_NOT_JSON']);
  });
});
