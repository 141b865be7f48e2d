import type { Scope } from '@plugboard/expression';
import type { JsonObject, NodeTypeIR, ParamIR } from '@plugboard/sdk';
import { when } from '@plugboard/sdk';
import { describe, expect, test } from 'vitest';
import { compileParams, evaluateBatchParams, evaluateParams } from './params.ts';

function compile(params: { readonly [name: string]: ParamIR }, given: JsonObject = {}) {
  const type: NodeTypeIR = {
    kind: 'node',
    type: 't',
    version: 1,
    title: 't',
    group: 't',
    params,
    functions: ['run'],
    per: 'item',
    ports: {},
    effects: 'none',
  };
  const node = { id: 'n', type: 't', position: { x: 0, y: 0 }, data: { name: 'My node', typeVersion: 1, params: given } };
  return compileParams(node, type);
}

function scope(json: JsonObject): Scope {
  return {
    json,
    itemIndex: 0,
    node: () => undefined,
    input: { item: () => ({ json }), all: () => [{ json }] },
    run: {},
    workflow: {},
    vars: {},
    now: '2026-01-01T00:00:00.000Z',
    zone: 'UTC',
  };
}

/** Constants and what the item adds, as a plugin gets them. */
function values(params: { readonly [name: string]: ParamIR }, given: JsonObject, json: JsonObject = {}): unknown {
  const compiled = compile(params, given);
  const evaluated = evaluateParams(compiled, scope(json));
  return evaluated.ok ? { ...compiled.constants, ...evaluated.value } : evaluated.error;
}

const text: ParamIR = { kind: 'text' };
const number: ParamIR = { kind: 'number' };

describe('literals', () => {
  test('are settled once, coerced to their type, with defaults for what is absent', () => {
    const compiled = compile({ a: number, b: { ...text, default: 'x' }, c: text, d: { ...text, default: 'y' } }, { a: '5', d: null });
    expect(compiled.constants).toEqual({ a: 5, b: 'x', d: 'y' });
    expect(compiled.dynamic).toEqual([]);
    expect(evaluateParams(compiled, scope({}))).toEqual({ ok: true, value: {} });
  });

  test('null is a value for JSON parameters and nothing elsewhere', () => {
    expect(values({ j: { kind: 'json', default: 1 }, k: { kind: 'json' }, t: text }, { j: null, t: null })).toEqual({ j: null });
  });

  test('that begin with two equals signs are text', () => {
    expect(values({ a: text }, { a: '== 1 + 1' })).toEqual({ a: '= 1 + 1' });
  });

  test('of source code and of parameters that refuse expressions are handed over as written', () => {
    const code: ParamIR = { kind: 'code', language: 'javascript' };
    expect(values({ code, fixed: { ...text, expr: 'deny' } }, { code: '={{ a }}', fixed: '={{ b }}' })).toEqual({
      code: '={{ a }}',
      fixed: '={{ b }}',
    });
  });

  test('that are required and missing, or do not fit, break every evaluation', () => {
    expect(values({ a: { ...text, required: true } }, {})).toMatchObject({
      code: 'PARAM_MISSING',
      kind: 'input',
      message: 'My node needs the parameter "a".',
    });
    expect(values({ a: { ...text, required: true } }, { a: null })).toMatchObject({ code: 'PARAM_MISSING' });
    expect(values({ a: number }, { a: 'many' })).toMatchObject({
      kind: 'input',
      message: expect.stringContaining('My node, parameter "a"'),
    });
    const compiled = compile({ a: number }, { a: 'many' });
    expect(evaluateBatchParams(compiled, scope({}), () => [])).toMatchObject({ ok: false });
  });
});

describe('expressions', () => {
  test('are evaluated for each item and coerced', () => {
    const params = { a: number, b: text };
    expect(values(params, { a: '={{ $json.n }}', b: '=n is {{ $json.n }}' }, { n: '7' })).toEqual({ a: 7, b: 'n is 7' });
  });

  test('that give nothing fall back to the default, or are left out, or are missed', () => {
    const given = { a: '={{ $json.gone }}' };
    expect(values({ a: { ...text, default: 'x' } }, given)).toEqual({ a: 'x' });
    expect(values({ a: text }, given)).toEqual({});
    expect(values({ a: { ...text, required: true } }, given)).toMatchObject({
      code: 'PARAM_MISSING',
      message: expect.stringContaining('"a"'),
    });
  });

  test('whose value does not fit fail that item and name the parameter', () => {
    expect(values({ a: number }, { a: '={{ $json.n }}' }, { n: 'many' })).toMatchObject({
      kind: 'input',
      message: expect.stringContaining('Parameter "a"'),
    });
  });

  test('that fail say where', () => {
    expect(values({ a: text }, { a: '={{ $json.a.b }}' })).toMatchObject({
      code: 'EXPR_NO_VALUE',
      kind: 'input',
      message: expect.stringContaining('Parameter "a", character'),
      data: { param: 'a', position: expect.any(Number) },
    });
  });

  test('that cannot be read break every evaluation', () => {
    expect(compile({ a: text }, { a: '={{ 1 + }}' }).broken).toMatchObject({ kind: 'input', data: { param: 'a' } });
  });

  test('tell which nodes they read', () => {
    const compiled = compile(
      { a: text, b: text, c: text },
      { a: "={{ $('One').item.json.x }}", b: "={{ $('Two').all().length }}", c: '={{ $($json.x).item }}' },
    );
    expect(compiled.references).toEqual({ nodes: ['One', 'Two'], dynamicNode: true });
  });
});

describe('hidden parameters', () => {
  const body: ParamIR = { ...text, required: true, when: when.eq('method', 'POST') };
  const method: ParamIR = { ...text, default: 'GET' };

  test('are neither checked nor passed', () => {
    expect(values({ method, body }, {})).toEqual({ method: 'GET' });
    expect(values({ method, body }, { body: '={{ 1 + }}' })).toEqual({ method: 'GET' });
    expect(values({ method, body }, { method: 'POST' })).toMatchObject({ code: 'PARAM_MISSING' });
  });

  test('may stand before the parameter that hides them', () => {
    expect(values({ body, method }, { method: 'POST', body: 'b' })).toEqual({ method: 'POST', body: 'b' });
    expect(values({ body, method }, { method: '={{ $json.m }}', body: '={{ $json.b }}' }, { m: 'POST', b: 'x' })).toEqual({
      method: 'POST',
      body: 'x',
    });
  });

  test('by a value that only the item decides are shown item by item', () => {
    const given = { method: '={{ $json.m }}', body: 'literal' };
    expect(values({ method, body }, given, { m: 'POST' })).toEqual({ method: 'POST', body: 'literal' });
    expect(values({ method, body }, given, { m: 'PUT' })).toEqual({ method: 'PUT' });
    expect(values({ method, body }, { method: '={{ $json.m }}' }, { m: 'POST' })).toMatchObject({ code: 'PARAM_MISSING' });
    expect(values({ method, body }, { method: '={{ $json.m }}' }, { m: 'GET' })).toEqual({ method: 'GET' });
  });

  test('through another hidden one follow the item too', () => {
    const params = { c: { ...text, when: when.exists('b') }, b: { ...text, when: when.eq('a', 'on') }, a: text };
    const given = { a: '={{ $json.a }}', b: 'B', c: 'C' };
    expect(values(params, given, { a: 'on' })).toEqual({ a: 'on', b: 'B', c: 'C' });
    expect(values(params, given, { a: 'off' })).toEqual({ a: 'off' });
  });

  test('with an expression that cannot be read fail only where they are shown, and still tell what they read', () => {
    const given = { method: '={{ $json.m }}', body: '={{ 1 + }}' };
    expect(values({ method, body }, given, { m: 'GET' })).toEqual({ method: 'GET' });
    expect(values({ method, body }, given, { m: 'POST' })).toMatchObject({ kind: 'input', data: { param: 'body' } });
    expect(compile({ method, body }, { method: '={{ $json.m }}', body: "={{ $('One').first().json.x }}" }).references.nodes).toEqual([
      'One',
    ]);
  });
});

describe('parameters of per-batch types', () => {
  const perItem: ParamIR = { ...number, perItem: true };

  test('are evaluated once, those per item as a list with a place for each item', () => {
    const compiled = compile({ a: text, n: perItem, lit: perItem }, { a: '={{ $input.all().length }}', n: '={{ $json.n }}', lit: '3' });
    let asked = 0;
    const evaluated = evaluateBatchParams(compiled, scope({}), () => {
      asked += 1;
      return [scope({ n: 1 }), scope({}), scope({ n: '5' })];
    });
    expect(evaluated).toEqual({ ok: true, value: { a: '1', n: [1, null, 5], lit: [3, 3, 3] } });
    expect(asked).toBe(1);
  });

  test('fail as a whole when one item does', () => {
    const compiled = compile({ n: perItem }, { n: '={{ $json.n }}' });
    expect(evaluateBatchParams(compiled, scope({}), () => [scope({ n: 1 }), scope({ n: 'x' })])).toMatchObject({
      ok: false,
      error: { kind: 'input' },
    });
  });
});
