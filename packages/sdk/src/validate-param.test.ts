import { describe, expect, test } from 'vitest';
import { p, validateParam, validateParams, when } from './index.ts';
import type { Json, Param } from './index.ts';

type Row = readonly [param: Param<unknown, boolean>, value: Json | undefined, codes: readonly string[]];

const rows: readonly Row[] = [
  [p.text(), undefined, []],
  [p.text().required(), undefined, ['PARAM_REQUIRED']],
  [p.text().required().expr('only'), undefined, ['PARAM_REQUIRED']],
  [p.text(), '={{ $json.x }}', []],
  [p.number().min(3), '={{ 1 }}', []],
  [p.text().expr('deny'), '={{ 1 }}', ['EXPR_DENIED']],
  [p.text().expr('deny').max(9), '==literal', []],
  [p.text().expr('deny').max(8), '==literal', ['PARAM_CONSTRAINT']],
  [p.text().expr('only'), 'x', ['EXPR_REQUIRED']],
  [p.text().expr('only'), '={{ x }}', []],
  [p.text().max(2), '==a', []],
  [p.text().max(1), '==a', ['PARAM_CONSTRAINT']],
  [p.text(), 5, ['PARAM_TYPE']],
  [p.number(), '5', ['PARAM_TYPE']],
  [p.number().integer(), 1.5, ['PARAM_CONSTRAINT']],
  [p.boolean(), 'true', ['PARAM_TYPE']],
  [p.choice(['a']), 'b', ['PARAM_CHOICE']],
  [p.choice(['a']).multiple(), ['a', '={{ x }}', 'c', 1], ['PARAM_CHOICE', 'PARAM_TYPE']],
  [p.code('javascript'), '=1', []],
  [p.code('javascript').max(2), 'abc', ['PARAM_CONSTRAINT']],
  [p.list(p.number()), ['={{ x }}', 'y', 3], ['PARAM_TYPE']],
  [p.list(p.number()).min(2), [], ['PARAM_CONSTRAINT']],
  [p.list(p.number()), [1, null], ['PARAM_REQUIRED']],
  [p.list(p.json()), [null], []],
  [p.map(p.number()), { a: 1, b: 'x' }, ['PARAM_TYPE']],
  [p.map(p.json()), JSON.parse('{"__proto__":1}') as Json, ['PARAM_KEY']],
  [p.object({ a: p.text().required() }), { b: 1 }, ['PARAM_REQUIRED', 'PARAM_UNKNOWN']],
  [p.object({ a: p.text() }), '={{ $json }}', []],
  [p.variant('op', { get: { id: p.text().required() } }), { op: 'get' }, ['PARAM_REQUIRED']],
  [p.variant('op', { get: {} }), { op: 'put' }, ['PARAM_CHOICE']],
  [p.variant('op', { get: {} }), { op: '={{ x }}' }, ['EXPR_DENIED']],
  [p.conditions(), '={{ a > b }}', []],
  [p.conditions(), { all: [{ left: '={{ a }}', op: 'eq', right: 1 }] }, []],
  [p.conditions(), 'yes', ['PARAM_TYPE']],
  [p.credential('a/b'), '', ['PARAM_TYPE']],
  [p.file(), '={{ $item.files.data }}', []],
  [p.date(), '2026-13-01', ['PARAM_TYPE']],
];

describe('parameters on disk', () => {
  test.each(rows)('%#', (param, value, codes) => {
    expect(validateParam(param.ir, value).map((problem) => problem.code)).toEqual(codes);
  });

  test('problems carry the path inside the value', () => {
    const rules = p.list(p.object({ port: p.text().required(), tags: p.map(p.number()) }));
    expect(validateParam(rules.ir, [{ port: 'a', tags: { x: 'y' } }]).map((problem) => problem.path)).toEqual([[0, 'tags', 'x']]);
  });

  test('a hidden parameter is not checked, one that may show is checked but not required', () => {
    const params = { mode: p.choice(['a', 'b']).default('a').ir, only: p.number().required().when(when.eq('mode', 'b')).ir };
    expect(validateParams(params, { only: 'x' })).toEqual([]);
    expect(validateParams(params, { mode: 'b' }).map((problem) => problem.code)).toEqual(['PARAM_REQUIRED']);
    expect(validateParams(params, { mode: '={{ x }}' })).toEqual([]);
    expect(validateParams(params, { mode: '={{ x }}', only: 'y' }).map((problem) => problem.code)).toEqual(['PARAM_TYPE']);
  });

  test('names that reach the prototype are unknown parameters', () => {
    expect(validateParams({}, { constructor: 1, toString: 2 }).map((problem) => problem.code)).toEqual(['PARAM_UNKNOWN', 'PARAM_UNKNOWN']);
  });
});
