import type { JsonObject } from '@plugboard/sdk';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { both, codes, step } from '../../test-support/both-transports.ts';

type Params = Parameters<ReturnType<typeof step>['params']>[0];

const read = (data: string, params: Params = {}) => both(step('xml-parse').params(params).items([{ data }]));
const value = async (data: string, params?: Params) => (await read(data, params)).items[0]?.['data'];
const write = (items: readonly JsonObject[], params: Params = {}) =>
  both(
    step('xml-write')
      .params({ declaration: false, ...params })
      .items(items),
  );
const written = async (item: JsonObject, params?: Params) => (await write([item], params)).items[0]?.['data'];

describe('xml-parse', () => {
  test.each([
    ['<a/>', { a: '' }],
    ['<a> x </a>', { a: 'x' }],
    ['<?xml version="1.0"?><!-- c --><a b="1">t<c/>u</a><!-- end -->\n', { a: { '@b': '1', c: '', '#text': 'tu' } }],
    ['<a><b>1</b><b>2</b><c>3</c></a>', { a: { b: ['1', '2'], c: '3' } }],
    ['<a>&lt;&amp;&gt;&quot;&apos;&#65;&#x1F600;</a>', { a: '<&>"\'A😀' }],
    ['<a><![CDATA[<b>&amp;]]&gt;]]></a>', { a: '<b>&amp;]]&gt;' }],
    ['<a b=\'"\' c="\'\n"/>', { a: { '@b': '"', '@c': "' " } }],
    ['<!DOCTYPE html PUBLIC "-//W3C//DTD" "http://example.com/x>y"><a/>', { a: '' }],
    ['\uFEFF<é.ü-1 xml:lang="de">ß</é.ü-1>', { 'é.ü-1': { '@xml:lang': 'de', '#text': 'ß' } }],
    ['<a>x\r\ny</a>', { a: 'x\ny' }],
    ['<a ><b\n/></a >', { a: { b: '' } }],
  ])('reads %j', async (text, expected) => {
    expect(await value(text)).toEqual(expected);
  });

  test('takes options: lists, types, names of attributes and texts, blanks, namespaces', async () => {
    const text = '<x:a xmlns:x="u" x:n="1"> 007 <b>true</b></x:a>';
    expect(await value(text, { lists: ['b'], types: 'auto', attributePrefix: '', textName: '_', dropNamespaces: true })).toEqual({
      a: { n: 1, b: [true], _: '007' },
    });
    expect(await value('<a> x </a>', { trim: false })).toEqual({ a: ' x ' });
  });

  test('gives items of a part', async () => {
    const rss = '<rss><channel><item><t>1</t></item><item>2</item></channel></rss>';
    expect((await read(rss, { path: 'rss.channel.item', output: 'items' })).items).toEqual([{ t: '1' }, { data: '2' }]);
    expect((await read('<rss/>', { path: 'rss.channel.item', output: 'items' })).items).toEqual([]);
    expect(codes(await read('<rss/>', { path: 'rss.channel' }))).toEqual(['XML_PART']);
  });

  test.each([
    ['', 1, 1],
    ['text', 1, 1],
    ['<a>', 1, 1],
    ['<a>\n  <b></a>', 2, 6],
    ['</a>', 1, 1],
    ['<a/><b/>', 1, 5],
    ['<a/>x', 1, 5],
    ['<a b/>', 1, 5],
    ['<a b=1/>', 1, 6],
    ['<a b="1" b="2"/>', 1, 10],
    ['<a b="1"c="2"/>', 1, 9],
    ['<a b="<"/>', 1, 7],
    ['<a b="', 1, 6],
    ['<1/>', 1, 2],
    ['<a><!-- </a>', 1, 4],
    ['<a><![CDATA[</a>', 1, 4],
    ['<a><!x></a>', 1, 4],
    ['<a', 1, 1],
  ])('%j is an error at line %i, column %i', async (text, line, column) => {
    const [failure] = (await read(text)).errors;
    expect(failure?.error).toMatchObject({ code: 'XML_INVALID', kind: 'input', data: { line, column } });
  });

  test.each([
    ['<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>', 'XML_DOCTYPE'],
    ['<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>', 'XML_DOCTYPE'],
    ['<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><a>&b;</a>', 'XML_DOCTYPE'],
    [`<!DOCTYPE a ${'"'.repeat(100_000)}><a/>`, 'XML_DOCTYPE'],
    ['<a>&nbsp;</a>', 'XML_ENTITY'],
    ['<a>a & b</a>', 'XML_ENTITY'],
    ['<a>&#0;</a>', 'XML_ENTITY'],
    ['<a>&#xD800;</a>', 'XML_ENTITY'],
    ['<a>&#x110000;</a>', 'XML_ENTITY'],
    ['<a><__proto__>x</__proto__></a>', 'XML_NAME'],
    ['<__proto__ a="1"/>', 'XML_NAME'],
    ['<a>'.repeat(100_000), 'XML_TOO_DEEP'],
  ])('%j is refused', async (text, code) => {
    expect(codes(await read(text))).toEqual([code]);
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });

  test('names of inherited members are names like others', async () => {
    expect(await value('<a constructor="1"><toString/><hasOwnProperty/></a>')).toEqual({
      a: { '@constructor': '1', toString: '', hasOwnProperty: '' },
    });
    expect(codes(await read('<a __proto__="1"/>', { attributePrefix: '' }))).toEqual(['XML_NAME']);
  });

  test('megabytes of hostile text end', async () => {
    const half = 500_000;
    const texts = [
      `<a>${'<b c="1">text</b>'.repeat(60_000)}</a>`,
      `<a>${'x'.repeat(10_000_000)}</a>`,
      `<a ${' '.repeat(half)}x`,
      `<a ${Array.from({ length: 50_000 }, (_, n) => `a${n}="1"`).join(' ')}/>`,
      `<a>${'&'.repeat(half)}`,
      `<a>${'<!--'.repeat(half)}`,
      `<a>${'&lt;'.repeat(half)}</a>`,
      `<${'a'.repeat(half)}>`,
      '<'.repeat(half),
    ];
    for (const data of texts) {
      const run = await step('xml-parse').items([{ data }]).run({ transport: 'in-process' });
      expect(run.items.length + run.errors.length).toBe(1);
    }
  });
});

describe('xml-write', () => {
  test('writes attributes, texts, lists and nothing', async () => {
    const item = { '@id': 7, name: 'A & <B>', tag: ['x', 'y'], none: null, empty: {}, at: { '@q': '"\n', '#text': true } };
    expect(await written(item, { root: 'order' })).toBe(
      '<order id="7"><name>A &amp; &lt;B&gt;</name><tag>x</tag><tag>y</tag><none/><empty/><at q="&quot;&#10;">true</at></order>',
    );
  });

  test('writes all items under one root, or a field, with declaration and indent', async () => {
    const all = await write([{ a: 1 }, { a: 2 }], { from: 'items', root: 'list', element: 'row', declaration: true, indent: 2 });
    expect(all.items).toEqual([
      { data: '<?xml version="1.0" encoding="UTF-8"?>\n<list>\n  <row>\n    <a>1</a>\n  </row>\n  <row>\n    <a>2</a>\n  </row>\n</list>' },
    ]);
    expect(all.from['main']).toEqual([[0, 1]]);
    expect((await write([{ id: 1, v: { a: 1 } }], { from: 'field', field: 'v', root: '', to: 'x' })).items).toEqual([
      { id: 1, v: { a: 1 }, x: '<a>1</a>' },
    ]);
  });

  test.each([
    [{ 'a b': 1 }, {}, 'XML_NAME'],
    [{ 'a><script': 1 }, {}, 'XML_NAME'],
    [{ '@x="1" y': 1 }, {}, 'XML_NAME'],
    [{ a: 1 }, { root: '<x>' }, 'XML_NAME'],
    [{ a: '\u0007' }, {}, 'XML_CHARACTER'],
    [{ a: [[1]] }, {}, 'XML_LIST_IN_LIST'],
    [{ '@a': { b: 1 } }, {}, 'XML_NOT_TEXT'],
    [{ a: 1, b: 2 }, { root: '' }, 'XML_ROOT'],
    [{ a: 1 }, { from: 'field', field: 'x' }, 'FIELD_MISSING'],
  ])('%j with %j is the error %s', async (item, params, code) => {
    expect(codes(await write([item], params))).toEqual([code]);
  });

  test('what is written reads as what it was', async () => {
    const name = fc.constantFrom('a', 'b', 'constructor', 'é.1', 'x-y');
    const text = fc.string({ unit: 'grapheme' }).map((one) => `.${one.replaceAll(/[\u0000-\u001F\uFFFE\uFFFF]/g, '')}.`);
    const { tree } = fc.letrec<{ tree: JsonObject }>((tie) => ({
      tree: fc.dictionary(
        fc.oneof(
          name,
          name.map((one) => `@${one}`),
        ),
        fc.oneof(text, tie('tree')),
        { minKeys: 1, maxKeys: 4 },
      ),
    }));
    const attributesAreText = (json: JsonObject): boolean =>
      Object.entries(json).every(([key, one]) =>
        typeof one === 'string' ? true : !key.startsWith('@') && attributesAreText(one as JsonObject),
      );
    await fc.assert(
      fc.asyncProperty(tree.filter(attributesAreText), async (json) => {
        const data = (await step('xml-write').params({ root: 'r' }).items([json]).run()).items[0]?.['data'];
        const again = await step('xml-parse')
          .items([{ data: String(data) }])
          .run();
        expect(again.items[0]?.['data']).toEqual({ r: json });
      }),
      { numRuns: 80 },
    );
  });
});
