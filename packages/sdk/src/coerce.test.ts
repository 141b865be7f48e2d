import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { coerceParam, coerceParams, p, when } from './index.ts';
import type { Json, Param } from './index.ts';

type Row = readonly [param: Param<unknown, boolean>, value: Json | undefined, expected: Json | undefined];

const FILE = { id: 'f1', name: 'a.png', mime: 'image/png', size: 3, sha256: 'ab' };

const fits: readonly Row[] = [
  [p.text(), 'x', 'x'],
  [p.text(), 5, '5'],
  [p.text(), true, 'true'],
  [p.text(), undefined, undefined],
  [p.text(), null, undefined],
  [p.text().default('d'), undefined, 'd'],
  [p.text().default('d'), null, 'd'],
  [p.text().default('d'), '', ''],
  [p.number(), 5, 5],
  [p.number(), '5', 5],
  [p.number(), ' -1.5e3 ', -1500],
  [p.number(), '.5', 0.5],
  [p.boolean(), true, true],
  [p.boolean(), 'false', false],
  [p.boolean(), 1, true],
  [p.boolean(), '0', false],
  [p.choice(['1', '2']), 2, '2'],
  [p.choice(['a', 'b']).multiple(), ['b', 'a'], ['b', 'a']],
  [p.choice(['a', 'b']).multiple(), 'b', ['b']],
  [p.json(), null, null],
  [p.json(), '{"a":1}', '{"a":1}'],
  [p.code('javascript'), '=1', '=1'],
  [p.list(p.number()), ['1', 2], [1, 2]],
  [p.list(p.text().default('d')), ['a', null], ['a', 'd']],
  [p.list(p.json()), ['a', null], ['a', null]],
  [p.map(p.text()), { a: 'x', b: null }, { a: 'x' }],
  [p.map(p.number()), { a: '1', b: 2 }, { a: 1, b: 2 }],
  [p.object({ a: p.number().required(), b: p.text().default('x') }), { a: '1', extra: true }, { a: 1, b: 'x' }],
  [
    p.object({ mode: p.choice(['a', 'b']).default('a'), only: p.text().required().when(when.eq('mode', 'b')) }),
    { only: 'dropped' },
    { mode: 'a' },
  ],
  [
    p.variant('op', { get: { id: p.text().required() }, list: { limit: p.number().default(10) } }),
    { op: 'list', id: 'x' },
    { op: 'list', limit: 10 },
  ],
  [
    p.variant('op', { get: { id: p.text().required(), more: p.text().default('m').when(when.eq('op', 'get')) } }),
    { op: 'get', id: 7 },
    { op: 'get', id: '7', more: 'm' },
  ],
  [p.conditions(), true, true],
  [p.conditions(), 'false', false],
  [p.conditions(), { all: [{ left: 5, op: 'gt', right: '3' }] }, true],
  [p.conditions(), { any: [{ left: 'abc', op: 'contains', right: 'z' }, { all: [] }] }, true],
  [p.conditions(), { any: [] }, false],
  [p.credential('crm/token'), 'main', 'main'],
  [p.file(), FILE, FILE],
  [p.date(), '2026-02-28', '2026-02-28'],
  [p.date(), '2026-02-28T23:30:00-02:00', '2026-03-01'],
  [p.date(), 0, '1970-01-01'],
  [p.date().withTime(), '2026-01-31', '2026-01-31T00:00:00.000Z'],
  [p.date().withTime(), '2026-01-31 09:05', '2026-01-31T09:05:00.000Z'],
  [p.date().withTime(), '2026-01-31T09:05:00+0200', '2026-01-31T07:05:00.000Z'],
  [p.date().withTime(), 1_000, '1970-01-01T00:00:01.000Z'],
];

describe('a value that fits is turned into the declared type', () => {
  test.each(fits)('%#', (param, value, expected) => {
    expect(coerceParam(param.ir, value)).toEqual({ ok: true, value: expected });
  });
});

const misfits: readonly (readonly [
  param: Param<unknown, boolean>,
  value: Json | undefined,
  code: string,
  path: readonly (string | number)[],
])[] = [
  [p.text().required(), undefined, 'PARAM_REQUIRED', []],
  [p.text().required(), null, 'PARAM_REQUIRED', []],
  [p.text(), {}, 'PARAM_TYPE', []],
  [p.text(), [], 'PARAM_TYPE', []],
  [p.text().min(2), 'a', 'PARAM_CONSTRAINT', []],
  [p.text().max(2), 12345, 'PARAM_CONSTRAINT', []],
  [p.text().pattern('[a-z]+'), 'abc1', 'PARAM_CONSTRAINT', []],
  [p.text().pattern('a'), 'a'.repeat(20_000), 'PARAM_CONSTRAINT', []],
  [p.text().format('url'), 'ftp://x', 'PARAM_CONSTRAINT', []],
  [p.text().format('email'), 'a@b@c', 'PARAM_CONSTRAINT', []],
  [p.text().format('uuid'), 'x', 'PARAM_CONSTRAINT', []],
  [p.number(), '', 'PARAM_TYPE', []],
  [p.number(), '0x10', 'PARAM_TYPE', []],
  [p.number(), 'Infinity', 'PARAM_TYPE', []],
  [p.number(), '1e999', 'PARAM_TYPE', []],
  [p.number(), true, 'PARAM_TYPE', []],
  [p.number().min(1), 0, 'PARAM_CONSTRAINT', []],
  [p.number().max(1), '2', 'PARAM_CONSTRAINT', []],
  [p.number().integer(), 1.5, 'PARAM_CONSTRAINT', []],
  [p.boolean(), 'yes', 'PARAM_TYPE', []],
  [p.boolean(), 2, 'PARAM_TYPE', []],
  [p.choice(['a']), 'b', 'PARAM_CHOICE', []],
  [p.choice(['a']).multiple(), ['a', 'b'], 'PARAM_CHOICE', [1]],
  [p.choice(['a']), 'toString', 'PARAM_CHOICE', []],
  [p.list(p.number()), '[1]', 'PARAM_TYPE', []],
  [p.list(p.number()), [1, 'x'], 'PARAM_TYPE', [1]],
  [p.list(p.number()), [1, null], 'PARAM_REQUIRED', [1]],
  [p.list(p.number()).max(1), [1, 2], 'PARAM_CONSTRAINT', []],
  [p.list(p.object({ port: p.text().required() })), [{ port: 'a' }, {}], 'PARAM_REQUIRED', [1, 'port']],
  [p.map(p.number()), { a: { b: 1 } }, 'PARAM_TYPE', ['a']],
  [p.map(p.text()), JSON.parse('{"__proto__":"x"}') as Json, 'PARAM_KEY', []],
  [p.object({}), [], 'PARAM_TYPE', []],
  [p.variant('op', { get: {} }), { op: 'toString' }, 'PARAM_CHOICE', ['op']],
  [p.variant('op', { get: {} }), {}, 'PARAM_CHOICE', ['op']],
  [p.conditions(), { all: [{ left: 1, op: 'nope' }] }, 'PARAM_TYPE', []],
  [p.conditions(), { all: [], any: [] }, 'PARAM_TYPE', []],
  [p.file(), { id: 'x' }, 'PARAM_TYPE', []],
  [p.date(), '2026-02-30', 'PARAM_TYPE', []],
  [p.date(), 'tomorrow', 'PARAM_TYPE', []],
  [p.date(), 1e17, 'PARAM_TYPE', []],
  [p.date().withTime(), '2026-02-30T10:00:00Z', 'PARAM_TYPE', []],
  [p.date().withTime(), '2026-01-31T25:00:00Z', 'PARAM_TYPE', []],
];

describe('a value that does not fit is an error with its path', () => {
  test.each(misfits)('%#', (param, value, code, path) => {
    expect(coerceParam(param.ir, value)).toMatchObject({ ok: false, code, path });
  });
});

describe('coercion', () => {
  test('gives a value back as the same object when nothing changes', () => {
    const shape = p.object({ list: p.list(p.object({ a: p.number() })), map: p.map(p.text()), any: p.json() });
    const value = { list: [{ a: 1 }, { a: 2 }], map: { x: 'y' }, any: { deep: [1] } };
    const coerced = coerceParam(shape.ir, value);
    expect(coerced.ok && coerced.value).toBe(value);
  });

  test('copies only the branch that changes and leaves its input alone', () => {
    const shape = p.object({ a: p.list(p.number()), b: p.json() });
    const value = { a: ['1'], b: { keep: true } };
    const coerced = coerceParam(shape.ir, value);
    expect(coerced).toEqual({ ok: true, value: { a: [1], b: { keep: true } } });
    expect(coerced.ok && (coerced.value as typeof value).b).toBe(value.b);
    expect(value).toEqual({ a: ['1'], b: { keep: true } });
  });

  test('of all parameters reports every one that does not fit', () => {
    const params = { a: p.number().ir, b: p.text().required().ir, c: p.boolean().default(true).ir };
    const coerced = coerceParams(params, { a: 'x', d: 1 });
    expect(coerced.ok === false && coerced.problems.map(({ code, path }) => [code, path])).toEqual([
      ['PARAM_TYPE', ['a']],
      ['PARAM_REQUIRED', ['b']],
    ]);
  });

  test('of all parameters fills defaults, drops hidden and unknown ones', () => {
    const params = {
      method: p.choice(['GET', 'POST']).default('GET').ir,
      body: p.json().when(when.ne('method', 'GET')).ir,
      deep: p
        .text()
        .default('d')
        .when(when.all(when.eq('method', 'GET'), when.not(when.exists('body')))).ir,
    };
    expect(coerceParams(params, { body: 1, unknown: 2 })).toEqual({ ok: true, value: { method: 'GET' } });
    expect(coerceParams(params, { method: 'GET' })).toEqual({ ok: true, value: { method: 'GET', deep: 'd' } });
  });
});

describe('for any JSON and every kind', () => {
  const object = p.object({ a: p.text(), b: p.number().default(1), c: p.list(p.boolean()).when(when.exists('a')) });
  const kinds: readonly Param<unknown, boolean>[] = [
    ...fits.map(([param]) => param),
    object,
    p.map(object),
    p.list(p.variant('a', { x: { b: p.date() }, y: {} })),
  ];
  const json = fc.oneof(
    fc.jsonValue(),
    fc.dictionary(fc.constantFrom('a', 'b', 'c', 'op', 'all', 'any', '__proto__', 'constructor'), fc.jsonValue()),
    fc.date({ noInvalidDate: true }).map((date) => date.toISOString()),
  ) as fc.Arbitrary<Json>;

  test('coercion never throws, never changes its input, and its result fits as it is', () => {
    fc.assert(
      fc.property(fc.constantFrom(...kinds), json, (param, value) => {
        const before = JSON.stringify(value);
        const once = coerceParam(param.ir, value);
        expect(JSON.stringify(value)).toBe(before);
        if (!once.ok || once.value === undefined) return;
        const again = coerceParam(param.ir, once.value);
        expect(again.ok && again.value).toBe(once.value);
      }),
      { numRuns: 2_000 },
    );
  });
});
