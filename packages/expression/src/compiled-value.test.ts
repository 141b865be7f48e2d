import { describe, expect, test } from 'vitest';
import { aScope } from '../test/a-scope.ts';
import { compileValue, ExpressionError } from './index.ts';

describe('parameter values', () => {
  test.each([
    ['plain', 'plain'],
    ['==not a template', '=not a template'],
    ['=text without braces', 'text without braces'],
    ['=', ''],
    [5, 5],
    [null, null],
    [{ a: ['==x', { b: true }] }, { a: ['=x', { b: true }] }],
  ])('%j is a constant', (value, constant) => {
    expect(compileValue(value)).toMatchObject({ constant: true, value: constant, problems: [] });
  });

  test('templates anywhere inside are evaluated and the rest stays', () => {
    const compiled = compileValue({ n: '={{ $json.n + 1 }}', list: ['={{ $json.n }}', 'x', '=n is {{ $json.n }}'], deep: { keep: 1 } });
    if (compiled.constant) throw new Error('It must not be constant.');
    expect(compiled.evaluate(aScope({ json: { n: 1 } }))).toEqual({ n: 2, list: [1, 'x', 'n is 1'], deep: { keep: 1 } });
  });

  test('an undefined field is left out, an undefined element is null', () => {
    const compiled = compileValue({ a: '={{ $json.nope }}', list: ['={{ $json.nope }}'] });
    if (compiled.constant) throw new Error('It must not be constant.');
    expect(compiled.evaluate(aScope())).toEqual({ list: [null] });
    const alone = compileValue('={{ $json.nope }}');
    expect(alone.constant ? 'constant' : alone.evaluate(aScope())).toBeUndefined();
  });

  test('every problem is reported with its path, and evaluating throws the first', () => {
    const compiled = compileValue({ a: '={{ nope }}', b: [1, '={{ 1 + }}'], c: '={{ $run.id }}' });
    expect(compiled.problems.map(({ path, error }) => [path, error.code, error.position])).toEqual([
      [['a'], 'EXPR_UNKNOWN_NAME', 3],
      [['b', 1], 'EXPR_SYNTAX', 7],
    ]);
    if (compiled.constant) throw new Error('It must not be constant.');
    expect(() => compiled.evaluate(aScope())).toThrow(ExpressionError);
  });

  test('hostile values are problems, not exceptions', () => {
    let deep: never = [] as never;
    for (let level = 0; level < 5000; level++) deep = [deep] as never;
    expect(compileValue(deep).problems[0]?.error.code).toBe('EXPR_DEPTH');
    expect(compileValue(JSON.parse('{"a":{"__proto__":"={{ 1 }}"}}')).problems).toMatchObject([
      { path: ['a', '__proto__'], error: { code: 'EXPR_NOT_ALLOWED' } },
    ]);
    expect(compileValue(`={{ '${'x'.repeat(20_000)}' }}`).problems[0]?.error.code).toBe('EXPR_TOO_LONG');
  });

  test('references of all templates are gathered', () => {
    const { references } = compileValue(["={{ $('A').item.json.x }}", "={{ $('B').all() }}", "={{ $('A').first() }} {{ $vars.v }}"]);
    expect(references).toMatchObject({ nodes: ['A', 'B'], vars: ['v'], usesItem: true, usesInput: false });
  });

  test('a budget is shared by the templates of a value', () => {
    const compiled = compileValue(Array.from({ length: 10 }, () => '={{ [1, 2, 3].map(x => x) }}'));
    if (compiled.constant) throw new Error('It must not be constant.');
    expect(() => compiled.evaluate(aScope(), { fuel: 40 })).toThrow('more steps');
    expect(compiled.evaluate(aScope(), { fuel: 400 })).toHaveLength(10);
  });
});
