import type { JsonObject } from '@plugboard/sdk';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { both, codes, step } from '../../test-support/both-transports.ts';

const FILES = { scan: { id: 'f1', name: 'scan.pdf', mime: 'application/pdf', size: 3, sha256: 'ab' } };

describe('split', () => {
  test('gives an item for each entry: objects as they are, others in a field named like the list', async () => {
    const run = await both(
      step('split')
        .params({ field: 'order.lines' })
        .items([{ order: { lines: [{ sku: 1 }, 'two', null, [3]] } }]),
    );
    expect(run.items).toEqual([{ sku: 1 }, { lines: 'two' }, { lines: null }, { lines: [3] }]);
    expect(run.from['main']).toEqual([[0], [0], [0], [0]]);
  });

  test('puts entries into a field of your choice and keeps the others and the files', async () => {
    const run = await both(
      step('split')
        .params({ field: 'lines', as: 'line', keep: 'others' })
        .input('main', [{ json: { id: 7, lines: [{ a: 1 }, 2] }, files: FILES }]),
    );
    expect(run.ports['main']).toEqual([
      { json: { id: 7, line: { a: 1 } }, files: FILES },
      { json: { id: 7, line: 2 }, files: FILES },
    ]);
  });

  test('fails without the list, unless told to give nothing', async () => {
    const items: JsonObject[] = [{}, { lines: null }, { lines: { 0: 'a' } }, { lines: 'abc' }, { lines: [] }];
    expect(codes(await both(step('split').params({ field: 'lines' }).items(items)))).toEqual([
      'FIELD_MISSING',
      'FIELD_MISSING',
      'FIELD_NOT_A_LIST',
      'FIELD_NOT_A_LIST',
    ]);
    expect(codes(await both(step('split').params({ field: 'lines', missing: 'skip' }).items(items)))).toEqual([
      'FIELD_NOT_A_LIST',
      'FIELD_NOT_A_LIST',
    ]);
  });

  test('splits ten thousand entries', async () => {
    const run = await both(
      step('split')
        .params({ field: 'all' })
        .items([{ all: Array.from({ length: 10_000 }, (_, n) => ({ n })) }]),
    );
    expect(run.items).toHaveLength(10_000);
  });
});

describe('sort', () => {
  const sorted = async (values: readonly unknown[], rule: object = {}, locale = 'en') =>
    (
      await both(
        step('sort')
          .params({ locale, fields: [{ field: 'v', ...rule }] as never })
          .items(values.map((v) => (v === undefined ? {} : { v })) as never),
      )
    ).items.map((one) => one['v']);

  test('sorts numbers by size and text by the alphabet, numbers first, missing last', async () => {
    expect(await sorted(['b', 10, null, 'a', 9, undefined])).toEqual([9, 10, 'a', 'b', null, undefined]);
    expect(await sorted([1, undefined, 3, 2], { direction: 'desc' })).toEqual([3, 2, 1, undefined]);
  });

  test('compares text as numbers, plainly, or with its numbers', async () => {
    expect(await sorted(['10', '9', '-1'], { compare: 'numeric' })).toEqual(['-1', '9', '10']);
    expect(await sorted(['file10', 'file2'], { compare: 'text' })).toEqual(['file10', 'file2']);
    expect(await sorted(['file10', 'file2'], { compare: 'natural' })).toEqual(['file2', 'file10']);
  });

  test('follows the alphabet of the language', async () => {
    expect(await sorted(['z', 'ä', 'a'], {}, 'de')).toEqual(['a', 'ä', 'z']);
    expect(await sorted(['z', 'ä', 'a'], {}, 'sv')).toEqual(['a', 'z', 'ä']);
  });

  test('lets the second field decide where the first is equal, and keeps the order of equal items', async () => {
    const items = [
      { a: 1, b: 1, n: 0 },
      { a: 0, b: 2, n: 1 },
      { a: 1, b: 2, n: 2 },
      { a: 1, b: 2, n: 3 },
    ];
    const run = await both(
      step('sort')
        .params({ fields: [{ field: 'a' }, { field: 'b', direction: 'desc' }] })
        .items(items),
    );
    expect(run.items.map((one) => one['n'])).toEqual([1, 2, 3, 0]);
    expect(run.from['main']).toEqual([[1], [2], [3], [0]]);
  });

  test('names what it cannot compare', async () => {
    const wrong = await both(
      step('sort')
        .params({ fields: [{ field: 'v', compare: 'numeric' }] })
        .items([{ v: 1 }, { v: 'x' }]),
    );
    expect(codes(wrong)).toEqual(['SORT_NOT_A_NUMBER']);
    expect(
      codes(
        await both(
          step('sort')
            .params({ locale: 'not a language', fields: [{ field: 'v' }] })
            .items([{ v: 1 }]),
        ),
      ),
    ).toEqual(['SORT_LOCALE']);
  });

  test('gives back the same items in an order, whatever they hold', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.jsonValue(), { maxLength: 20 }), async (values) => {
        const items = values.map((v, n) => ({ v, n })) as never[];
        const run = await step('sort')
          .params({ fields: [{ field: 'v', compare: 'natural' }] })
          .items(items)
          .run();
        expect(run.errors).toEqual([]);
        expect(run.items.map((one) => Number(one['n'])).toSorted((a, b) => a - b)).toEqual(values.map((_, n) => n));
      }),
      { numRuns: 50 },
    );
  });

  test('keeps the order of equal items among a hundred thousand: numbers, then text, then what is missing', async () => {
    const kinds: readonly ((n: number) => JsonObject)[] = [
      (n) => ({ v: n % 7 }),
      (n) => ({ v: `t${n % 5}` }),
      () => ({}),
      () => ({ v: null }),
    ];
    const items = Array.from({ length: 100_000 }, (_, n): JsonObject => ({ ...kinds[n % 4]?.(n), n }));
    const run = await step('sort')
      .params({ fields: [{ field: 'v' }] })
      .items(items)
      .run();
    const rank = ({ v }: JsonObject): number => (typeof v === 'number' ? v : typeof v === 'string' ? 100 + Number(v.slice(1)) : 1000);
    const expected = items.toSorted((a, b) => rank(a) - rank(b)).map(({ n }) => n);
    expect(run.items.map((one) => one['n'])).toEqual(expected);
  });

  test('sorts ten thousand', async () => {
    const run = await both(
      step('sort')
        .params({ fields: [{ field: 'v', direction: 'desc' }] })
        .items(Array.from({ length: 10_000 }, (_, n) => ({ v: (n * 7919) % 10_007 }))),
    );
    const values = run.items.map((one) => Number(one['v']));
    expect(values).toEqual(values.toSorted((a, b) => b - a));
  });
});

describe('limit', () => {
  const limited = async (params: { readonly [name: string]: number | string }) =>
    (
      await both(
        step('limit')
          .params(params)
          .items([0, 1, 2, 3, 4].map((n) => ({ n }))),
      )
    ).items.map((one) => one['n']);

  test.each([
    [{ count: 2 }, [0, 1]],
    [{ count: 2, offset: 1 }, [1, 2]],
    [{ count: 2, from: 'last' }, [3, 4]],
    [{ count: 2, from: 'last', offset: 1 }, [2, 3]],
    [{ count: 9, from: 'last', offset: 3 }, [0, 1]],
    [{ count: 0 }, []],
    [{ count: 5, offset: 9 }, []],
    [{ count: 5, from: 'last', offset: 9 }, []],
    [{ count: Number.MAX_SAFE_INTEGER, offset: 4 }, [4]],
  ])('%j keeps %j', async (params, expected) => {
    expect(await limited(params)).toEqual(expected);
  });

  test('says where its items came from', async () => {
    const run = await both(step('limit').params({ count: 1, from: 'last' }).items([{}, {}, {}]));
    expect(run.from['main']).toEqual([[2]]);
  });
});
