import { describe, expect, test } from 'vitest';
import { aScope, errorOf, valueOf } from '../test/a-scope.ts';
import { compileTemplate, createBudget, ExpressionError, parseText } from './index.ts';

describe('parameter texts', () => {
  test.each([
    ['plain', { kind: 'literal', value: 'plain' }],
    ['', { kind: 'literal', value: '' }],
    ['{{ not an expression }}', { kind: 'literal', value: '{{ not an expression }}' }],
    ['={{ x }}', { kind: 'template', source: '{{ x }}' }],
    ['=', { kind: 'template', source: '' }],
    ['==1', { kind: 'literal', value: '=1' }],
    ['==={{ x }}', { kind: 'literal', value: '=={{ x }}' }],
  ])('%j is read by its leading equals signs', (text, parsed) => {
    expect(parseText(text)).toEqual(parsed);
  });
});

describe('templates', () => {
  test.each([
    ['{{ 1 }}', 1],
    ['{{ null }}', null],
    ['{{ undefined }}', undefined],
    ['{{ [1, 2] }}', [1, 2]],
    ['no braces', 'no braces'],
    ['', ''],
    [' {{ 1 }}', ' 1'],
    ['{{ 1 }}{{ 2 }}', '12'],
    ['a {{ 1 }} b {{ true }} c', 'a 1 b true c'],
    ['<{{ null }}{{ undefined }}>', '<>'],
    ['x{{ { a: [1] } }}', 'x{"a":[1]}'],
    ['at {{ date("2026-01-02T03:04:05Z") }}', 'at 2026-01-02T04:04:05.000+01:00'],
    ['{{ {a:{b:1}}}}', { a: { b: 1 } }],
    ["{{ '}}' }}", '}}'],
    ['{{ "a}}b" }}!', 'a}}b!'],
    ['{{ `}}${`}}`}` }}', '}}}}'],
    ["{{ '}}'.match(/}}/)[0] }}", '}}'],
    ['{{ /* }} */ 1 }}', 1],
    ['{{ 1 /* }} */ }}', 1],
    ['{{ (1) }}', 1],
    ['{{ ((1)) }} and { { }', '1 and { { }'],
    ['{{\n  1\n  + 1\n}}', 2],
    ["it's {{ 1 }} o'clock }}", "it's 1 o'clock }}"],
  ])('%s', (source, value) => {
    expect(compileTemplate(source).evaluate(aScope())).toEqual(value);
  });

  test('the same template gives each scope its own value', () => {
    const template = compileTemplate('{{ $json.n }}');
    expect([1, 2].map((n) => template.evaluate(aScope({ json: { n } })))).toEqual([1, 2]);
  });

  test('the time belongs to the scope, not to the template', () => {
    const template = compileTemplate('{{ $now.toISODate() }}');
    const days = ['2026-01-01T12:00:00Z', '2027-02-02T12:00:00Z'].map((now) => template.evaluate(aScope({ now })));
    expect(days).toEqual(['2026-01-01', '2027-02-02']);
  });

  test('a scope may evaluate the template it is being read by', () => {
    const template = compileTemplate("{{ $json.n + ($json.n > 0 ? $('Inner').first().json.n : 0) }}");
    const outer = aScope({ json: { n: 1 } });
    const inner = { item: () => undefined, all: () => [{ json: { n: template.evaluate(aScope({ json: { n: 0 } })) ?? null } }] };
    expect(template.evaluate({ ...outer, node: () => inner })).toBe(1);
  });

  test('data that looks like an expression is never parsed', () => {
    expect(valueOf('$json.text', { text: '={{ $run.id }}' })).toBe('={{ $run.id }}');
    expect(compileTemplate('a {{ $json.text }}').evaluate(aScope({ json: { text: '{{ $run.id }}' } }))).toBe('a {{ $run.id }}');
  });
});

describe('operators', () => {
  test.each<[string, unknown]>([
    ['1 + 2 * 3', 7],
    ['(1 + 2) * 3', 9],
    ['2 ** 3 ** 2', 512],
    ['7 % 4', 3],
    ['-7 % 4', -3],
    ['1 / 4', 0.25],
    ['-(-3)', 3],
    ["+'5'", 5],
    ["'5' * '2'", 10],
    ["'1' + 1", '11'],
    ["1 + '1'", '11'],
    ["'a' + undefined + null", 'a'],
    ["'a' + [1]", 'a[1]'],
    ['true + 1', 2],
    ["1 == '1'", true],
    ["1 === '1'", false],
    ['null == undefined', true],
    ['null === undefined', false],
    ['null == 0', false],
    ["'' == 0", true],
    ['({}) == ({})', false],
    ['NaN === NaN', false],
    ["'a' < 'b'", true],
    ["'10' < 9", false],
    ['undefined < 1', false],
    ['null >= 0', true],
    ["'a' > 1", false],
    ['!0', true],
    ['!!"a"', true],
    ["0 || 'x'", 'x'],
    ["0 ?? 'x'", 0],
    ['1 && 2', 2],
    ['null ?? undefined ?? 3', 3],
    ['true ? 1 : 2', 1],
    ['typeof 1', 'number'],
    ['typeof "a"', 'string'],
    ['typeof undefined', 'undefined'],
    ['typeof null', 'object'],
    ['typeof $json.missing', 'undefined'],
    ['typeof $now', 'object'],
    ['`a${1}b${null}c`', 'a1bc'],
    ['[1, ...[2, 3], ..."ab"]', [1, 2, 3, 'a', 'b']],
    ['{ a: 1, "b-c": 2, [`d${1}`]: 3, ...{ a: 4 } }', { a: 4, 'b-c': 2, d1: 3 }],
    ['{ ...null, ...undefined }', {}],
    ['{ a: undefined, b: [undefined] }', { b: [null] }],
    ['0.1 + 0.2', 0.1 + 0.2],
    ['0x10 + 1_000', 1016],
    ["$now > '2026-01-01'", true],
    ["'2030-01-01' < $now", false],
    ['$now === $now.plus(0)', true],
    ['$now - $now.minus({ seconds: 2 })', 2000],
  ])('%s', (expression, value) => {
    expect(valueOf(expression)).toEqual(value);
  });

  test.each([
    ['1 + undefined', 'EXPR_TYPE'],
    ['undefined + 1', 'EXPR_TYPE'],
    ['null * 1', 'EXPR_TYPE'],
    ["'a' * 2", 'EXPR_TYPE'],
    ["'' - 1", 'EXPR_TYPE'],
    ['[] + 1', 'EXPR_TYPE'],
    ['({}) + ({})', 'EXPR_TYPE'],
    ['[1] < [2]', 'EXPR_TYPE'],
    ['$now + 1', 'EXPR_TYPE'],
    ['-"a"', 'EXPR_TYPE'],
    ['1 / 0', 'EXPR_TYPE'],
    ['[0 / 0]', 'EXPR_TYPE'],
    ['{ ...1 }', 'EXPR_TYPE'],
    ['[...1]', 'EXPR_TYPE'],
    ['[...{}]', 'EXPR_TYPE'],
    ['{ [null]: 1 }', 'EXPR_TYPE'],
  ])('%s is an error instead of NaN or "[object Object]"', (expression, code) => {
    expect(errorOf(`{{ ${expression} }}`).code).toBe(code);
  });
});

describe('members', () => {
  const json = { a: { b: [{ c: 'deep' }] }, list: [1, 2, 3], text: 'héllo', 'two words': 1, length: 'own', keys: 'own', 0: 'zero' };

  test.each<[string, unknown]>([
    ['$json.a.b[0].c', 'deep'],
    ["$json['two words']", 1],
    ['$json.missing', undefined],
    ['$json.missing?.deeper.still[1].further', undefined],
    ['$json.missing?.[0]', undefined],
    ['$json.missing?.trim().length', undefined],
    ['$json.a?.b?.[0]?.c', 'deep'],
    ['($json.missing?.a) ?? 1', 1],
    ['$json.list.length', 3],
    ['$json.list[1]', 2],
    ["$json.list['1']", 2],
    ['$json.list[9]', undefined],
    ['$json.list[-1]', undefined],
    ['$json.list[0.5]', undefined],
    ['$json.text.length', 5],
    ['$json.text[1]', 'é'],
    ["$json.text['0']", 'h'],
    ['$json.text.nothing', undefined],
    ['$json.length', 'own'],
    ['$json.keys', 'own'],
    ['$json.keys.toUpperCase()', 'OWN'],
    ['$json.keys().length', 7],
    ['$json[0]', 'zero'],
    ['$json.toString', undefined],
    ['(5).nothing', undefined],
    ['$json.a.b.at(-1).c', 'deep'],
  ])('%s', (expression, value) => {
    expect(valueOf(expression, json)).toEqual(value);
  });

  test.each([
    ['{{ $json.nope.x }}', 'EXPR_NO_VALUE'],
    ['{{ $json.nothing.x }}', 'EXPR_NO_VALUE'],
    ['{{ $json.nope[0] }}', 'EXPR_NO_VALUE'],
    ['{{ $json.nope.trim() }}', 'EXPR_NO_VALUE'],
    ['{{ ($json.nope?.a).b }}', 'EXPR_NO_VALUE'],
    ['{{ $json.text.trim }}', 'EXPR_TYPE'],
    ['{{ $json.list.map }}', 'EXPR_TYPE'],
    ['{{ $now.plus }}', 'EXPR_TYPE'],
    ['{{ $json.list[null] }}', 'EXPR_TYPE'],
    ['{{ $json[{}] }}', 'EXPR_TYPE'],
    ['{{ $now.nothing }}', 'EXPR_UNKNOWN_NAME'],
    ['{{ $input.json }}', 'EXPR_UNKNOWN_NAME'],
    ['{{ $json.n.trim() }}', 'EXPR_UNKNOWN_METHOD'],
  ])('%s', (source, code) => {
    expect(errorOf(source, { text: 'a', list: [], n: 1, nothing: null }).code).toBe(code);
  });
});

describe('names', () => {
  test.each<[string, unknown]>([
    ['$json.name', 'Ada'],
    ['$item.json.name', 'Ada'],
    ['$item', { json: { name: 'Ada' } }],
    ['$itemIndex', 0],
    ["$('Webhook').item.json.n", 1],
    ["$('Webhook').first().json.n", 1],
    ["$('Webhook').last().json.n", 2],
    ["$('Webhook').at(1).json.n", 2],
    ["$('Webhook').all().map(i => i.json.n)", [1, 2]],
    ["$('Webhook').all()", [{ json: { n: 1 } }, { json: { n: 2 } }]],
    ["$('Web' + 'hook').count()", 2],
    ['$(`Webhook`).first().json', { n: 1 }],
    ['$input.item.json.n', 1],
    ['$input.all().length', 2],
    ['$run.id', 'run-1'],
    ['$workflow.name', 'Orders'],
    ['$vars.region', 'eu'],
    ['$vars.missing', undefined],
    ['$now', '2026-03-28T13:00:00.000+01:00'],
    ['$today', '2026-03-28T00:00:00.000+01:00'],
    ['$files', {}],
  ])('%s', (expression, value) => {
    expect(valueOf(expression, { name: 'Ada' })).toEqual(value);
  });

  test.each([
    ["{{ $('Nobody').all() }}", 'EXPR_UNKNOWN_NODE'],
    ["{{ $('Webhook') }}", 'EXPR_TYPE'],
    ['{{ $input }}', 'EXPR_TYPE'],
    ['{{ [$input] }}', 'EXPR_TYPE'],
    ['a {{ $input }}', 'EXPR_TYPE'],
    ['{{ $(1).all() }}', 'EXPR_TYPE'],
    ['{{ $() }}', 'EXPR_SYNTAX'],
    ["{{ $('a', 'b') }}", 'EXPR_SYNTAX'],
    ['{{ $jsn.name }}', 'EXPR_UNKNOWN_NAME'],
  ])('%s', (source, code) => {
    expect(errorOf(source).code).toBe(code);
  });

  test('a missing item names the node it was asked of', () => {
    const error = errorOf("{{ $('Webhook').item.json }}", {}, { items: [] });
    expect(error.code).toBe('EXPR_NO_VALUE');
    expect(error.message).toContain("$('Webhook').item");
  });

  test('a step without a current item says so', () => {
    expect(() => compileTemplate('{{ $json.a }}').evaluate(aScope({ json: undefined }))).toThrow('$json is undefined');
  });

  test('a typing error is answered with the nearest name', () => {
    expect(errorOf('{{ $jsn.a }}').hint).toBe('Did you mean $json?');
    expect(errorOf("{{ 'a'.trimm() }}").hint).toBe('Did you mean trim()?');
  });
});

describe('arrows', () => {
  test.each<[string, unknown]>([
    ['[1, 2].map(x => x * 2)', [2, 4]],
    ['[1, 2].map((x, i) => x * i)', [0, 2]],
    ['[1, 2].map(() => 0)', [0, 0]],
    ['[{ a: 1 }].map(({ a }) => a)', [1]],
    ['[{ a: 1 }].map(({ a: b }) => b)', [1]],
    ['[[1, 2]].map(([a, b]) => a + b)', [3]],
    ['[[1, 2]].map(([, b]) => b)', [2]],
    ['[1, 2].map(x => ({ x }))', [{ x: 1 }, { x: 2 }]],
    [
      '[1, 2].map(x => [3, 4].map(y => x * y))',
      [
        [3, 4],
        [6, 8],
      ],
    ],
    ['[[1], [2]].map(x => x.map(x => x + 1))', [[2], [3]]],
    ['[1, 2, 3].filter(x => x > $json.low)', [2, 3]],
    ['$json.list.map(date => date + 1)', [2]],
  ])('%s', (expression, value) => {
    expect(valueOf(expression, { low: 1, list: [1] })).toEqual(value);
  });
});

describe('places', () => {
  test.each([
    ['{{ $json.a.b }}', 'EXPR_NO_VALUE', 'b'],
    ['text {{ 1 }} {{ $json.a.b }}', 'EXPR_NO_VALUE', 'b'],
    ['{{ nope }}', 'EXPR_UNKNOWN_NAME', 'nope'],
    ["{{ 'a'.nope() }}", 'EXPR_UNKNOWN_METHOD', 'nope'],
    ['{{ [1, new X()] }}', 'EXPR_NOT_ALLOWED', 'new X()'],
    ["{{ 1 + ('a' * 2) }}", 'EXPR_TYPE', "'a' * 2"],
    ["{{ 'a'.repeat(1e9) }}", 'EXPR_BUDGET', 'repeat'],
    ["{{ $('Gone').all() }}", 'EXPR_UNKNOWN_NODE', "'Gone'"],
    ["{{ 'a'.match(/(?=a)/) }}", 'EXPR_BAD_REGEX', '/(?=a)/'],
    ["{{ date('never') }}", 'EXPR_BAD_DATA', 'date'],
    ['{{ [1].map(x => x.y.z) }}', 'EXPR_NO_VALUE', 'z'],
    ['{{ { a: { ["__proto__"]: 1 } } }}', 'EXPR_NOT_ALLOWED', '{ ["__proto__"]: 1 }'],
    ['{{ 1 + }}', 'EXPR_SYNTAX', '}'],
    ['{{ 1 2 }}', 'EXPR_SYNTAX', '2'],
    ['ab {{ }}', 'EXPR_SYNTAX', '{{ }}'],
    ['ab {{ 1', 'EXPR_SYNTAX', '{{ 1'],
    ['ab {{ "1 }}', 'EXPR_SYNTAX', '"'],
    ['ab {{ 1 // }}', 'EXPR_SYNTAX', '{{ 1 // }}'],
  ])('%s points at the faulty part', (source, code, part) => {
    const error = errorOf(source);
    expect([error.code, source.slice(error.position, error.end)]).toEqual([code, part]);
  });
});

describe('references', () => {
  test('literal names are collected once, computed ones are flagged', () => {
    const { references } = compileTemplate("{{ $('A').item.json.x + $('B').first().json.y + $('A').all().length + $vars.k + $vars['l'] }}");
    expect(references).toEqual({
      nodes: ['A', 'B'],
      dynamicNode: false,
      vars: ['k', 'l'],
      dynamicVars: false,
      usesItem: true,
      usesInput: false,
      usesRun: false,
      usesWorkflow: false,
      usesNow: false,
    });
    expect(compileTemplate('{{ $($json.name).first() }}').references).toMatchObject({ nodes: [], dynamicNode: true, usesItem: true });
    expect(compileTemplate('{{ $vars }}{{ $run.id }}').references).toMatchObject({ vars: [], dynamicVars: true, usesRun: true });
    expect(compileTemplate('{{ $vars[$run.id] }}').references.dynamicVars).toBe(true);
  });

  test('only what depends on the current item counts as using it', () => {
    const usesItem = (source: string): boolean => compileTemplate(`{{ ${source} }}`).references.usesItem;
    expect(["$('A').item", '$input.item.json', '$itemIndex', '$files', '$item'].map(usesItem)).toEqual([true, true, true, true, true]);
    expect(["$('A').first()", '$input.all()', '$run.id', '$now', '1'].map(usesItem)).toEqual([false, false, false, false, false]);
  });
});

describe('budgets', () => {
  const items = Array.from({ length: 10_000 }, (_none, n) => ({ json: { n } }));

  test('a full tank is enough for a map over ten thousand items', () => {
    const doubled = compileTemplate('{{ $input.all().map(i => i.json.n * 2) }}').evaluate(aScope({ items }));
    expect(doubled).toEqual(items.map(({ json }) => json.n * 2));
  });

  test('a budget passed in is drained over several evaluations', () => {
    const budget = createBudget(50);
    const template = compileTemplate('{{ [1, 2, 3].map(x => x + 1) }}');
    template.evaluate(aScope(), budget);
    expect(budget.fuel).toBeLessThan(50);
    expect(() => {
      for (;;) template.evaluate(aScope(), budget);
    }).toThrow(ExpressionError);
    expect(budget.fuel).toBe(0);
  });

  test('without one every evaluation starts full', () => {
    const template = compileTemplate('{{ range(1000).map(x => x + 1).length }}', { limits: { fuel: 20_000 } });
    for (let turn = 0; turn < 50; turn++) expect(template.evaluate(aScope())).toBe(1000);
  });

  test('the same source and data use the same fuel', () => {
    const template = compileTemplate("{{ $input.all().filter(i => i.json.n % 3 == 0).map(i => `${i.json.n}`).join('-').length }}");
    const used = [1, 2].map(() => {
      const budget = createBudget();
      template.evaluate(aScope({ items }), budget);
      return budget.fuel;
    });
    expect(used[0]).toBe(used[1]);
  });

  test('a result that shares one part many times is measured as it would print', () => {
    const doubling = `[$json]${'.map(x => [x, x])'.repeat(30)}`;
    expect(errorOf(`{{ ${doubling} }}`, { a: 1 }).code).toBe('EXPR_BUDGET');
    expect(errorOf(`{{ JSON.stringify(${doubling}) }}`, { a: 1 }).code).toBe('EXPR_BUDGET');
    expect(errorOf(`{{ ${doubling}.flat(Infinity) }}`, { a: 1 }).code).toBe('EXPR_BUDGET');
    expect(errorOf(`{{ ${doubling}.unique() }}`, { a: 1 }).code).toBe('EXPR_BUDGET');
  });

  test('sources over their limits do not compile', () => {
    expect(errorOf(`{{ '${'a'.repeat(20_000)}' }}`).code).toBe('EXPR_TOO_LONG');
    expect(errorOf(`{{ ${'['.repeat(70)}${']'.repeat(70)} }}`).code).toBe('EXPR_DEPTH');
    expect(errorOf(`{{ ${'('.repeat(8000)}1${')'.repeat(8000)} }}`).code).toBe('EXPR_DEPTH');
    expect(errorOf(`{{ ${'-'.repeat(100).split('').join(' ')}1 }}`).code).toBe('EXPR_DEPTH');
    expect(errorOf(`{{ ${'1+'.repeat(300)}1 }}`).code).toBe('EXPR_DEPTH');
    expect(valueOf(`${'1+'.repeat(200)}1`)).toBe(201);
    expect(valueOf(`'a'${'.trim()'.repeat(100)}`)).toBe('a');
  });

  test('data deeper than a walk may go is refused, and still readable by its members', () => {
    let deep: { [key: string]: unknown } = { end: 1 };
    for (let level = 0; level < 20_000; level++) deep = { in: deep };
    const json = deep as never;
    expect(errorOf('{{ JSON.stringify($json) }}', json).code).toBe('EXPR_DEPTH');
    expect(errorOf('{{ [$json] }}', json).code).toBe('EXPR_DEPTH');
    expect(errorOf('a{{ $json }}', json).code).toBe('EXPR_DEPTH');
    expect(valueOf('typeof $json.in.in', json)).toBe('object');
  });
});
