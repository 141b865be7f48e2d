import type { Item, JsonObject } from '@plugboard/sdk';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { both, codes, jsonOf, step } from '../../test-support/both-transports.ts';

type Params = Parameters<ReturnType<typeof step>['params']>[0];

const file = (id: string) => ({ id, name: `${id}.txt`, mime: 'text/plain', size: 1, sha256: 'ab' });
const items = (list: readonly JsonObject[]): readonly Item[] => list.map((json) => ({ json }));
const over = (node: string, a: readonly JsonObject[], b: readonly JsonObject[], params: Params) =>
  both(step(node).params(params).input('a', items(a)).input('b', items(b)));

const A = [
  { id: 1, name: 'one' },
  { id: 2, name: 'two' },
  { id: 3, name: 'three' },
];
const B = [
  { id: 3, price: 30 },
  { id: 1, price: 10 },
  { id: 1, price: 11 },
  { id: 4, price: 40 },
];

describe('merge', () => {
  test.each([
    [
      'inner',
      [
        { id: 1, name: 'one', price: 10 },
        { id: 1, name: 'one', price: 11 },
        { id: 3, name: 'three', price: 30 },
      ],
      [
        [0, 4],
        [0, 5],
        [2, 3],
      ],
    ],
    [
      'left',
      [
        { id: 1, name: 'one', price: 10 },
        { id: 1, name: 'one', price: 11 },
        { id: 2, name: 'two' },
        { id: 3, name: 'three', price: 30 },
      ],
      [[0, 4], [0, 5], [1], [2, 3]],
    ],
    [
      'outer',
      [
        { id: 1, name: 'one', price: 10 },
        { id: 1, name: 'one', price: 11 },
        { id: 2, name: 'two' },
        { id: 3, name: 'three', price: 30 },
        { id: 4, price: 40 },
      ],
      [[0, 4], [0, 5], [1], [2, 3], [6]],
    ],
  ])('%s gives the pairs and what belongs to it, each descending from both', async (mode, expected, from) => {
    const run = await over('merge', A, B, { mode, keysA: ['id'] });
    expect(run.items).toEqual(expected);
    expect(run.from['main']).toEqual(from);
  });

  test('appends and pairs by position, and the rest goes on or not', async () => {
    expect((await over('merge', A, B, { mode: 'append' })).items).toEqual([...A, ...B]);
    const paired = await over('merge', A.slice(0, 1), B.slice(0, 2), { mode: 'position' });
    expect(paired.items).toEqual([{ id: 3, name: 'one', price: 30 }, B[1]]);
    expect(paired.from['main']).toEqual([[0, 1], [2]]);
    expect((await over('merge', A.slice(0, 1), B, { mode: 'position', rest: 'drop' })).items).toHaveLength(1);
  });

  test('takes the first match only when asked to', async () => {
    const run = await over('merge', A, B, { keysA: ['id'], matches: 'first' });
    expect(run.items.map((one) => one['price'])).toEqual([10, 30]);
  });

  test.each([
    ['a', { id: 1, v: 'a', w: 1 }],
    ['b', { id: 1, v: 'b', w: 1 }],
    ['suffix', { id: 1, v_a: 'a', v_b: 'b', w: 1 }],
  ])('settles fields on both sides by %s', async (clash, expected) => {
    const run = await over('merge', [{ id: 1, v: 'a' }], [{ id: 1, v: 'b', w: 1 }], { keysA: ['id'], clash });
    expect(run.items).toEqual([expected]);
  });

  test('refuses suffixes by which a field would be lost', async () => {
    const run = await over('merge', [{ id: 1, v: 'a', v_b: 1 }], [{ id: 1, v: 'b' }], { keysA: ['id'], clash: 'suffix' });
    expect(codes(run)).toEqual(['MERGE_CLASH']);
  });

  test('reads keys by path and several at once, named differently on each side', async () => {
    const run = await over('merge', [{ at: { city: 'Rome' }, n: 1 }], [{ city: 'Rome', no: 1, x: true }], {
      keysA: ['at.city', 'n'],
      keysB: ['city', 'no'],
    });
    expect(run.items).toEqual([{ at: { city: 'Rome' }, n: 1, city: 'Rome', no: 1, x: true }]);
    expect(codes(await over('merge', A, B, { keysA: ['id'], keysB: ['id', 'price'] }))).toEqual(['KEYS_UNEVEN']);
  });

  test('nothing matches nothing, types are kept apart unless told otherwise, and parts of a key do not run together', async () => {
    expect((await over('merge', [{ id: null }, {}], [{ id: null }, {}], { keysA: ['id'] })).items).toEqual([]);
    expect((await over('merge', [{ id: 7 }], [{ id: '7' }], { keysA: ['id'] })).items).toEqual([]);
    expect((await over('merge', [{ id: 7 }], [{ id: '7' }], { keysA: ['id'], loose: true })).items).toEqual([{ id: '7' }]);
    const run = await over('merge', [{ x: 'a","b', y: 'c' }], [{ x: 'a', y: 'b","c' }], { keysA: ['x', 'y'] });
    expect(run.items).toEqual([]);
  });

  test.each([
    ['text that reads like a list is no list', '[1]', [1], false],
    ['text that reads like an object is none', '{"a":1}', { a: 1 }, false],
    ['text that reads like true is text unless told otherwise', 'true', true, false],
    ['objects are equal whatever the order of their fields', { a: 1, b: [2] }, { b: [2], a: 1 }, true],
    ['lists are equal by their entries', [1, 'x'], [1, 'x'], true],
    ['booleans are keys', false, false, true],
  ])('of single keys, %s', async (_, a, b, isEqual) => {
    for (const loose of [false, true]) {
      const run = await over('merge', [{ id: a }], [{ id: b }], { keysA: ['id'], loose });
      expect(run.items).toHaveLength(isEqual || (loose && typeof b === 'boolean') ? 1 : 0);
    }
  });

  test('joins a hundred thousand by key, each with its own ancestors', async () => {
    const side = (field: string, by: number) => Array.from({ length: 100_000 }, (_, n) => ({ key: `k${(n * by) % 100_000}`, [field]: n }));
    const run = await step('merge')
      .params({ keysA: ['key'] })
      .input('a', items(side('a', 1)))
      .input('b', items(side('b', 7_919)))
      .run();
    expect(run.items).toHaveLength(100_000);
    expect(run.items.every((one) => (Number(one['b']) * 7_919) % 100_000 === one['a'])).toBe(true);
    expect(run.from['main']?.every((from, n) => from?.[0] === n && from[1] === 100_000 + Number(run.items[n]?.['b']))).toBe(true);
  });

  test('files of both sides stay', async () => {
    const run = await both(
      step('merge')
        .params({ keysA: ['id'] })
        .input('a', [{ json: { id: 1 }, files: { x: file('a'), only: file('only') } }])
        .input('b', [{ json: { id: 1 }, files: { x: file('b') } }]),
    );
    expect(run.ports['main']?.[0]?.files).toEqual({ x: file('b'), only: file('only') });
  });

  test('goes on with one side when the other was not taken', async () => {
    const run = await both(
      step('merge')
        .params({ mode: 'outer', keysA: ['id'] })
        .input('b', items(B)),
    );
    expect(run.items).toEqual(B);
  });

  test('keys such as __proto__ and constructor are keys like others', async () => {
    const names = ['__proto__', 'constructor', 'toString'].map((id) => ({ id }));
    expect((await over('merge', names, names, { keysA: ['id'] })).items).toEqual(names);
    expect((await over('merge', [{ id: 1 }], [{ id: 1 }], { keysA: ['__proto__'] })).items).toEqual([]);
  });

  test('many equal keys end in the limit of items and not in the memory of the server', async () => {
    const same = Array.from({ length: 1_500 }, () => ({ id: 1 }));
    const run = await step('merge')
      .params({ keysA: ['id'] })
      .input('a', items(same))
      .input('b', items(same))
      .run({ transport: 'in-process' });
    expect(codes(run)).toEqual(['OUTPUT_TOO_LARGE']);
  });

  test('an outer merge by key holds every item of both sides', async () => {
    const record = fc.record({ k: fc.constantFrom(1, 2, '2', null, 'x'), v: fc.nat(3) });
    await fc.assert(
      fc.asyncProperty(fc.array(record, { maxLength: 8 }), fc.array(record, { maxLength: 8 }), async (a, b) => {
        const run = await step('merge')
          .params({ mode: 'outer', keysA: ['k'] })
          .input('a', items(a))
          .input('b', items(b))
          .run();
        const reached = new Set((run.from['main'] ?? []).flatMap((from) => [...(from ?? [])]));
        expect([...reached].toSorted((x, y) => x - y)).toEqual([...a, ...b].map((_, i) => i));
        const all = [...a, ...b];
        for (const from of run.from['main'] ?? []) if (from?.length === 2) expect(all[from[0] ?? 0]?.k).toBe(all[from[1] ?? 0]?.k);
      }),
      { numRuns: 50 },
    );
  });
});

describe('compare', () => {
  test('tells equal, changed, missing and added items apart', async () => {
    const a = [
      { id: 1, v: 1 },
      { id: 2, v: 2 },
      { id: 3, v: 3 },
    ];
    const b: JsonObject[] = [
      { id: 4, v: 4 },
      { v: 1, id: 1 },
      { id: 2, v: 5, w: [1] },
    ];
    const run = await over('compare', a, b, { keysA: ['id'] });
    expect(jsonOf(run, 'same')).toEqual([{ id: 1, v: 1 }]);
    expect(jsonOf(run, 'different')).toEqual([{ a: a[1], b: b[2], fields: ['v', 'w'] }]);
    expect(jsonOf(run, 'only-a')).toEqual([{ id: 3, v: 3 }]);
    expect(jsonOf(run, 'only-b')).toEqual([{ id: 4, v: 4 }]);
    expect(run.from).toEqual({ same: [[0, 4]], different: [[1, 5]], 'only-a': [[2]], 'only-b': [[3]] });
  });

  test('compares the fields asked for, and leaves others aside', async () => {
    const a = [{ id: 1, at: { n: 1 }, changed: 'x' }];
    const b = [{ id: 1, at: { n: 1, m: 2 }, changed: 'y' }];
    expect(jsonOf(await over('compare', a, b, { keysA: ['id'], fields: ['at.n'] }), 'same')).toHaveLength(1);
    expect(jsonOf(await over('compare', a, b, { keysA: ['id'], ignore: ['changed'] }), 'different')).toMatchObject([{ fields: ['at'] }]);
  });

  test('reads numbers as text when asked to, and null as missing', async () => {
    const a = [{ id: 1, n: 1, gone: null }];
    const b = [{ no: '1', n: '1' }];
    const run = await over('compare', a, b, { keysA: ['id'], keysB: ['no'], loose: true });
    expect(jsonOf(run, 'same')).toEqual(a);
  });

  test('pairs equal keys in their order and never items without a key', async () => {
    const run = await over('compare', [{ k: 1 }, { k: 1, x: 1 }, { k: 1 }, {}], [{ k: 1 }, { k: 1 }, { k: null }], { keysA: ['k'] });
    expect(Object.fromEntries(Object.entries(run.ports).map(([port, list]) => [port, list.length]))).toEqual({
      same: 1,
      different: 1,
      'only-a': 2,
      'only-b': 1,
    });
  });
});
