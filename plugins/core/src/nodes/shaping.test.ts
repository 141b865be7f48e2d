import type { JsonObject } from '@plugboard/sdk';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { both, codes, step } from '../../test-support/both-transports.ts';

type Params = Parameters<ReturnType<typeof step>['params']>[0];

const FILES = { scan: { id: 'f1', name: 'scan.pdf', mime: 'application/pdf', size: 3, sha256: 'ab' } };
const over = (node: string, items: readonly JsonObject[], params: Params = {}) => both(step(node).params(params).items(items));
const evil = JSON.parse('{"__proto__":{"polluted":1},"a":1}') as JsonObject;

describe('dedupe', () => {
  const list: JsonObject[] = [{ a: 1, b: 1 }, { a: 2 }, { b: 1, a: 1 }, { a: 1, b: 2 }, { a: '1', b: 1 }];

  test('keeps one of equal items, whatever the order of their fields', async () => {
    const run = await over('dedupe', list);
    expect(run.items).toEqual([list[0], list[1], list[3], list[4]]);
    expect(run.from['main']).toEqual([[0], [1], [3], [4]]);
  });

  test('looks at the fields named, the first or the last in its own place', async () => {
    expect((await over('dedupe', list, { fields: ['a'] })).from['main']).toEqual([[0], [1], [4]]);
    expect((await over('dedupe', list, { fields: ['a'], keep: 'last' })).from['main']).toEqual([[1], [3], [4]]);
    expect((await over('dedupe', [{}, { x: null }, { x: 0 }], { fields: ['x'] })).items).toEqual([{}, { x: 0 }]);
  });

  test('keeps files, and ten thousand different items', async () => {
    const run = await both(step('dedupe').input('main', [{ json: {}, files: FILES }, { json: {} }]));
    expect(run.ports['main']).toEqual([{ json: {}, files: FILES }]);
    const many = Array.from({ length: 10_000 }, (_, n) => ({ n: n % 5_000 }));
    expect((await over('dedupe', many)).items).toHaveLength(5_000);
  });
});

describe('rename', () => {
  const item = { id: 1, name: 'Ada', at: { city: 'Rome', zip: '00100' } };

  test('keeps the order of the fields', async () => {
    const [one] = (await over('rename', [item], { fields: { name: 'title', none: 'x' } })).items;
    expect(Object.keys(one ?? {})).toEqual(['id', 'title', 'at']);
  });

  test('takes fields out of objects, and picks', async () => {
    const fields = { 'at.city': 'city', id: 'no' };
    expect((await over('rename', [item], { fields })).items).toEqual([{ no: 1, name: 'Ada', at: { zip: '00100' }, city: 'Rome' }]);
    expect((await over('rename', [item], { fields, others: 'drop' })).items).toEqual([{ no: 1, city: 'Rome' }]);
  });

  test('puts a prefix and a suffix to the others, and two names may be exchanged', async () => {
    const run = await over('rename', [{ a: 1, b: 2, c: 3 }], { fields: { a: 'b', b: 'a' }, prefix: 'x_', suffix: '_y' });
    expect(run.items).toEqual([{ b: 1, a: 2, x_c_y: 3 }]);
  });

  test.each([
    [{ fields: { a: 'b' } }, 'RENAME_CLASH'],
    [{ fields: { a: '__proto__' } }, 'FIELD_NAME'],
    [{ fields: { none: 'x' }, missing: 'fail' }, 'FIELD_MISSING'],
  ])('%j is the error %s', async (params, code) => {
    expect(codes(await over('rename', [{ a: 1, b: 2 }], params))).toEqual([code]);
  });
});

describe('batch and flatten', () => {
  test('groups items, says where each group came from, and split takes them apart again', async () => {
    const list = [{ n: 1 }, { n: 2 }, { n: 3 }];
    const run = await over('batch', list, { size: 2 });
    expect(run.items).toEqual([{ items: [{ n: 1 }, { n: 2 }] }, { items: [{ n: 3 }] }]);
    expect(run.from['main']).toEqual([[0, 1], [2]]);
    expect((await over('split', run.items, { field: 'items' })).items).toEqual(list);
    expect(codes(await over('batch', list, { as: '__proto__' }))).toEqual(['FIELD_NAME']);
  });

  const deep = { a: { b: { c: 1 }, d: [] }, e: [{ f: 1 }, 2], g: {} };

  test.each([
    [{}, { 'a.b.c': 1, 'a.d': [], e: [{ f: 1 }, 2], g: {} }],
    [{ lists: 'number' }, { 'a.b.c': 1, 'a.d': [], 'e.0.f': 1, 'e.1': 2, g: {} }],
    [
      { depth: 1, separator: '_' },
      { a_b: { c: 1 }, a_d: [], e: [{ f: 1 }, 2], g: {} },
    ],
  ])('flattens with %j', async (params, expected) => {
    expect((await over('flatten', [deep], params)).items).toEqual([expected]);
  });

  test('what was flattened nests again to what it was', async () => {
    const leaf = fc.oneof(fc.integer(), fc.constantFrom('x', null, true), fc.constant([1]));
    const { tree } = fc.letrec<{ tree: JsonObject }>((tie) => ({
      tree: fc.dictionary(fc.constantFrom('a', 'b', 'constructor', 'toString'), fc.oneof(leaf, tie('tree')), { maxKeys: 3 }),
    }));
    await fc.assert(
      fc.asyncProperty(tree, async (json) => {
        const flat = await step('flatten').items([json]).run();
        const [again] = (await step('flatten').params({ direction: 'nest' }).items(flat.items).run()).items;
        expect(again).toEqual(json);
      }),
      { numRuns: 50 },
    );
  });

  test.each([
    [{ a: 1, 'a.b': 2 }, 'nest', 'FLATTEN_CLASH'],
    [{ 'a.b': 1, a: { b: 2 } }, 'nest', 'FLATTEN_CLASH'],
    [{ 'a.b': 1, a: { b: 2 } }, 'flatten', 'FLATTEN_CLASH'],
    [{ 'a.__proto__.b': 1 }, 'nest', 'FIELD_NAME'],
    [{ 'a.__proto__': 1 }, 'nest', 'FIELD_NAME'],
    [{ ['a'.repeat(1_500)]: { ['b'.repeat(1_500)]: 1 } }, 'flatten', 'FLATTEN_NAME'],
  ])('%j loses nothing and reaches nothing: %s is the error %s', async (json, direction, code) => {
    expect(codes(await over('flatten', [json as JsonObject], { direction }))).toEqual([code]);
    expect(({} as { b?: unknown }).b).toBeUndefined();
  });

  test('a name that begins with the separator stays, and objects of the item are not changed', async () => {
    const item = { a: { x: 1 }, 'a.y': 2, '.b': 3 };
    expect((await over('flatten', [item], { direction: 'nest' })).items).toEqual([{ a: { x: 1, y: 2 }, '.b': 3 }]);
    expect(item.a).toEqual({ x: 1 });
  });

  test('the key __proto__ of an item reaches nothing', async () => {
    for (const node of ['dedupe', 'rename', 'flatten', 'batch']) await step(node).items([evil]).run({ transport: 'in-process' });
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });
});

describe('template', () => {
  const list: JsonObject[] = [{ name: 'A & B', at: { city: 'Rome' } }, { name: '<i>' }];

  test('fills each item, or all of them into one text', async () => {
    const text = '{{name}} in {{ at.city }}';
    const each = await over('template', list, { text, to: 't' });
    expect(each.items.map((one) => one['t'])).toEqual(['A & B in Rome', '<i> in ']);
    const all = await over('template', list, { text, from: 'items', separator: ' | ', before: '[', after: ']' });
    expect(all.items).toEqual([{ data: '[A & B in Rome | <i> in ]' }]);
    expect(all.from['main']).toEqual([[0, 1]]);
  });

  test.each([
    ['html', '<p title="{{v}}">', '<p title="&lt;&quot;&#39;&amp;&gt;">'],
    ['url', '?q={{v}}', "?q=%3C%22'%26%3E"],
    ['json', '{"a":{{v}}}', '{"a":"<\\"\'&>"}'],
    ['none', '{{v}}', '<"\'&>'],
  ])('makes values harmless for %s', async (escape, text, expected) => {
    expect((await over('template', [{ v: '<"\'&>' }], { text, escape })).items[0]?.['data']).toBe(expected);
  });

  test('values are not read as templates, and odd braces are text', async () => {
    const run = await over('template', [{ a: '{{b}}', b: 'x' }], { text: '{{a}} {{ {b} }} {{}} {{b' });
    expect(run.items[0]?.['data']).toBe('{{b}} {{ {b} }} {{}} {{b');
    expect(codes(await over('template', [{}], { text: '{{a}}', missing: 'fail' }))).toEqual(['FIELD_MISSING']);
    expect((await over('template', [{}], { text: '{{constructor.name}}{{__proto__}}' })).items[0]?.['data']).toBe('');
  });
});

describe('text', () => {
  const one = async (text: string, params: Params) =>
    (await over('text', [{ t: text }], { field: 't', to: 'r', ...params })).items[0]?.['r'];

  test.each([
    ['a, b ,,c', { operation: 'split', separator: ',' }, ['a', 'b', '', 'c']],
    ['a, b ,,c', { operation: 'split', separator: ',', dropEmpty: true, trimParts: false }, ['a', ' b ', 'c']],
    ['a\r\nb\nc', { operation: 'split' }, ['a', 'b', 'c']],
    ['a.b.c', { operation: 'replace', find: '.', with: '$&' }, 'a$&b$&c'],
    ['a.b.c', { operation: 'replace', find: '.', which: 'first' }, 'ab.c'],
    ['Ab(aB)', { operation: 'replace', find: 'AB', with: '$1', ignoreCase: true }, '$1($1)'],
    ['(x)(X)', { operation: 'replace', find: '(x)', ignoreCase: true, which: 'first' }, '(X)'],
    [' a \n b ', { operation: 'trim' }, 'a \n b'],
    [' a \n b ', { operation: 'trim', trim: 'inside' }, 'a b'],
    [' a ', { operation: 'trim', trim: 'start' }, 'a '],
    ['7', { operation: 'pad', length: 3, fill: '0' }, '007'],
    ['😀', { operation: 'pad', length: 4, fill: 'é😀', side: 'end' }, '😀é😀é'],
    ['long', { operation: 'pad', length: 2 }, 'long'],
    ['a😀bc', { operation: 'substring', start: 1, length: 2 }, '😀b'],
    ['abcdef', { operation: 'substring', start: -2 }, 'ef'],
    ['abc', { operation: 'substring', start: 9 }, ''],
    ['<b>x</b><b>y</b>', { operation: 'between', after: '<b>', before: '</b>' }, ['x', 'y']],
    ['<b>x</b><b>y', { operation: 'between', after: '<b>', before: '</b>', which: 'first' }, 'x'],
    ['key: value', { operation: 'between', after: ': ', which: 'first' }, 'value'],
    ['none', { operation: 'between', after: '[', before: ']' }, []],
    ['none', { operation: 'between', after: '[', before: ']', which: 'first' }, null],
    ['Crème Brûlée & Straße №5!', { operation: 'slug' }, 'creme-brulee-strasse-no5'],
    ['北京', { operation: 'slug' }, ''],
    ["hello WORLD it's", { operation: 'case', case: 'title' }, "Hello World It's"],
    ['¡HOLA mundo', { operation: 'case', case: 'sentence' }, '¡Hola mundo'],
    ['parseHttp2URL now', { operation: 'case', case: 'snake' }, 'parse_http2_url_now'],
    ['order-line item', { operation: 'case', case: 'camel' }, 'orderLineItem'],
    ['order line', { operation: 'case', case: 'pascal' }, 'OrderLine'],
    ['ÄÖ', { operation: 'case', case: 'lower' }, 'äö'],
  ])('%j with %j', async (text, params, expected) => {
    expect(await one(text, params)).toEqual(expected);
  });

  test('puts the result where the text came from, and says what is missing', async () => {
    expect((await over('text', [{ a: { b: ' x ' } }], { operation: 'trim', field: 'a.b' })).items).toEqual([{ a: { b: 'x' } }]);
    expect(codes(await over('text', [{ t: 1 }, {}], { operation: 'trim', field: 't' }))).toEqual(['FIELD_NOT_TEXT', 'FIELD_MISSING']);
    expect(codes(await over('text', [{ t: 'x' }], { operation: 'between', field: 't' }))).toEqual(['TEXT_MARKS']);
    expect(codes(await over('text', [{ t: 'x' }], { operation: 'pad', field: 't' }))).toEqual(['TEXT_LENGTH']);
  });

  test.each([
    ['trim', { trim: 'inside' }],
    ['slug', {}],
    ['case', { case: 'title' }],
    ['case', { case: 'snake' }],
    ['between', { after: 'a', before: 'b' }],
    ['split', { separator: ' ' }],
    ['replace', { find: ' '.repeat(9_999), ignoreCase: true }],
  ])('%s of a million hostile characters ends', async (operation, params) => {
    for (const text of [' '.repeat(1_000_000), 'a'.repeat(1_000_000), 'a-'.repeat(500_000)])
      expect(
        (
          await step('text')
            .params({ operation, field: 't', ...params })
            .items([{ t: text }])
            .run({ transport: 'in-process' })
        ).errors,
      ).toEqual([]);
  });
});
