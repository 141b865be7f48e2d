import { describe, expect, test } from 'vitest';
import { both, codes, jsonOf, step } from '../../test-support/both-transports.ts';

const numbers = (count: number) => Array.from({ length: count }, (_, n) => ({ n }));
const FILES = { scan: { id: 'f1', name: 'scan.pdf', mime: 'application/pdf', size: 3, sha256: 'ab' } };

describe('if', () => {
  test('sends each item to one of two branches, in order', async () => {
    const run = await both(
      step('if')
        .params({ condition: (json) => Number(json['n']) % 2 === 0 })
        .items(numbers(5)),
    );
    expect(jsonOf(run, 'true')).toEqual([{ n: 0 }, { n: 2 }, { n: 4 }]);
    expect(jsonOf(run, 'false')).toEqual([{ n: 1 }, { n: 3 }]);
    expect(run.from['false']).toEqual([[1], [3]]);
  });

  test('understands a written question', async () => {
    const condition = (json: { readonly [name: string]: unknown }) =>
      ({
        all: [
          { left: json['n'], op: 'gt', right: 1 },
          { left: json['n'], op: 'ne', right: 3 },
        ],
      }) as never;
    const run = await both(step('if').params({ condition }).items(numbers(5)));
    expect(jsonOf(run, 'true')).toEqual([{ n: 2 }, { n: 4 }]);
  });

  test('takes files along', async () => {
    const run = await both(
      step('if')
        .params({ condition: true })
        .input('main', [{ json: {}, files: FILES }]),
    );
    expect(run.ports['true']).toEqual([{ json: {}, files: FILES }]);
  });
});

describe('filter', () => {
  test('keeps what meets the condition and drops the rest', async () => {
    const run = await both(
      step('filter')
        .params({ condition: (json) => Number(json['n']) > 2 })
        .items(numbers(5)),
    );
    expect(run.items).toEqual([{ n: 3 }, { n: 4 }]);
    expect(run.from['main']).toEqual([[3], [4]]);
  });

  test('keeps half of ten thousand, and nothing of nothing', async () => {
    const run = await both(
      step('filter')
        .params({ condition: (json) => Number(json['n']) % 2 === 0 })
        .items(numbers(10_000)),
    );
    expect(run.items).toHaveLength(5_000);
    expect((await both(step('filter').params({ condition: true }).items([]))).items).toEqual([]);
  });

  test('keeps the files of what it keeps', async () => {
    const run = await both(
      step('filter')
        .params({ condition: true })
        .input('main', [{ json: { a: 1 }, files: FILES }]),
    );
    expect(run.ports['main']).toEqual([{ json: { a: 1 }, files: FILES }]);
  });
});

describe('switch', () => {
  const rules = (json: { readonly [name: string]: unknown }) =>
    [
      { port: 'large', condition: Number(json['n']) >= 3 },
      { port: 'odd', condition: Number(json['n']) % 2 === 1 },
      { port: 'odd', condition: Number(json['n']) === 3 },
    ] as never;

  test('takes the first rule an item meets, and the branch default for the rest', async () => {
    const run = await both(step('switch').params({ rules }).items(numbers(5)));
    expect(jsonOf(run, 'large')).toEqual([{ n: 3 }, { n: 4 }]);
    expect(jsonOf(run, 'odd')).toEqual([{ n: 1 }]);
    expect(jsonOf(run, 'default')).toEqual([{ n: 0 }, { n: 2 }]);
  });

  test('takes every rule an item meets when asked to, each branch once', async () => {
    const run = await both(step('switch').params({ rules, mode: 'all' }).items(numbers(5)));
    expect(jsonOf(run, 'large')).toEqual([{ n: 3 }, { n: 4 }]);
    expect(jsonOf(run, 'odd')).toEqual([{ n: 1 }, { n: 3 }]);
    expect(jsonOf(run, 'default')).toEqual([{ n: 0 }, { n: 2 }]);
  });

  test('drops the rest without a branch for it', async () => {
    const run = await both(step('switch').params({ rules, fallback: false }).items(numbers(3)));
    expect(Object.keys(run.ports)).toEqual(['odd']);
  });
});

describe('join, no-op and stop', () => {
  test('a join hands all items on, each descending from itself, and runs without any', async () => {
    const run = await both(step('join').input('main', [{ json: { a: 1 } }, { json: { b: 2 }, files: FILES }]));
    expect(run.ports['main']).toEqual([{ json: { a: 1 } }, { json: { b: 2 }, files: FILES }]);
    expect(run.from['main']).toEqual([[0], [1]]);
    expect((await both(step('join').items([]))).items).toEqual([]);
  });

  test('a no-op changes nothing', async () => {
    const run = await both(step('noop').input('main', [{ json: { a: { b: [1] } }, files: FILES }]));
    expect(run.ports['main']).toEqual([{ json: { a: { b: [1] } }, files: FILES }]);
  });

  test('stop fails with the message and the details of the author', async () => {
    const run = await both(
      step('stop')
        .params({ message: (json) => `No stock of ${String(json['sku'])}.`, details: { shelf: 4 } })
        .items([{ sku: 'A1' }]),
    );
    expect(run.errors.map(({ i, error }) => ({ i, code: error.code, kind: error.kind, message: error.message, data: error.data }))).toEqual(
      [{ i: 0, code: 'STOPPED_BY_WORKFLOW', kind: 'input', message: 'No stock of A1.', data: { shelf: 4 } }],
    );
    expect(codes(run)).toHaveLength(1);
  });
});
