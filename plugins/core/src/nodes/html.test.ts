import type { JsonObject } from '@plugboard/sdk';
import { describe, expect, test } from 'vitest';
import { both, codes, step } from '../../test-support/both-transports.ts';

type Params = Parameters<ReturnType<typeof step>['params']>[0];

const PAGE = `<!doctype html><html><head><title>Shop</title><style>p{}</style></head><body>
<h1>All &amp; <b>sorts</b></h1>
<table><tr class="row" data-id=1><td><a href="/a">A</a></td><td class=price>1.50</td></tr>
<tr class=row data-id="2"><td><a href="/b">B<br>two</a></td></tr></table>
<script>alert(1)</script></body></html>`;

const extract = (values: readonly JsonObject[], params: Params = {}, data = PAGE) =>
  both(
    step('html-extract')
      .params({ values, ...params })
      .items([{ id: 7, data }]),
  );

describe('html-extract', () => {
  test('takes texts, attributes, HTML and counts', async () => {
    const run = await extract([
      { name: 'title', selector: 'h1' },
      { name: 'links', selector: 'a[href]', get: 'attribute', many: true },
      { name: 'first', selector: 'tr.row', get: 'attribute', attribute: 'data-id' },
      { name: 'bold', selector: 'h1', get: 'html' },
      { name: 'outer', selector: 'h1 > b', get: 'outer' },
      { name: 'rows', selector: 'tr', get: 'count' },
      { name: 'none', selector: '.none' },
      { name: 'nones', selector: '.none', many: true },
      { name: 'noAttribute', selector: 'h1', get: 'attribute', attribute: 'constructor' },
    ]);
    expect(run.items).toEqual([
      {
        title: 'All & sorts',
        links: ['/a', '/b'],
        first: '1',
        bold: 'All &amp; <b>sorts</b>',
        outer: '<b>sorts</b>',
        rows: 2,
        none: null,
        nones: [],
        noAttribute: null,
      },
    ]);
  });

  test('gives an item for each row, with the fields of the item when asked to', async () => {
    const values: JsonObject[] = [
      { name: 'no', get: 'attribute', attribute: 'data-id' },
      { name: 'label', selector: 'a' },
      { name: 'price', selector: '.price' },
    ];
    expect((await extract(values, { rows: 'tr.row' })).items).toEqual([
      { no: '1', label: 'A', price: '1.50' },
      { no: '2', label: 'B\ntwo', price: null },
    ]);
    expect((await extract(values.slice(0, 1), { rows: 'tr', keep: 'others' })).items).toMatchObject([
      { id: 7, no: '1' },
      { id: 7, no: '2' },
    ]);
    expect((await extract(values, { rows: 'article' })).items).toEqual([]);
  });

  test('selectors may begin at the row', async () => {
    const values: JsonObject[] = [
      { name: 'cells', selector: '> td', many: true },
      { name: 'links', selector: ':scope > td > a', get: 'count' },
      { name: 'outside', selector: 'table a', get: 'count' },
    ];
    expect((await extract(values, { rows: 'tr.row' })).items).toEqual([
      { cells: ['A', '1.50'], links: 1, outside: 1 },
      { cells: ['B\ntwo'], links: 1, outside: 1 },
    ]);
  });

  test.each(['a[', ':nope', 'a >> b', '!'])('%j is no selector', async (selector) => {
    expect(codes(await extract([{ name: 'x', selector }]))).toEqual(['SELECTOR_INVALID']);
  });

  test('names that reach a prototype are refused, and pages cannot use them', async () => {
    expect(codes(await extract([{ name: '__proto__', selector: 'a' }]))).toEqual(['FIELD_NAME']);
    const page = '<a __proto__="x" constructor="y"><__proto__>z</__proto__></a>';
    const values: JsonObject[] = [
      { name: 'a', selector: 'a', get: 'attribute', attribute: '__proto__' },
      { name: 'b', selector: 'a', get: 'attribute', attribute: 'constructor' },
    ];
    expect((await extract(values, {}, page)).items).toEqual([{ a: null, b: 'y' }]);
    expect(({} as { x?: unknown }).x).toBeUndefined();
  });
});

describe('html-text', () => {
  const text = async (data: string, params: Params = {}) =>
    (await both(step('html-text').params(params).items([{ data }]))).items[0]?.['data'];

  test('writes a page as a reader sees it', async () => {
    expect(await text(PAGE)).toBe('All & sorts\n\nA\t1.50\nB\ntwo');
    expect(await text('<p>a\n  b</p><ul><li>x<li> y </ul>c<br><br>d<pre>  e\n f</pre>')).toBe('a b\n\n- x\n- y\n\nc\n\nd\n\n  e\n f');
    expect(await text('one<b>two</b> <i> three</i>')).toBe('onetwo three');
    expect(await text('&lt;script&gt;&nbsp;&eacute;<img alt="logo">')).toBe('<script>\u00A0élogo');
  });

  test('writes addresses of links when asked to, and never those of scripts', async () => {
    const page = '<a href="https://a.example/">A</a> <a href="javascript:alert(1)">B</a>';
    expect(await text(page, { links: true })).toBe('A (https://a.example/) B');
  });
});

describe('pages without end', () => {
  test.each([
    ['q b b b b b b', '<b>'.repeat(300)],
    ['q ~ * ~ * ~ * ~ *', '<p>a</p>'.repeat(300)],
    ['p:has(a) ~ *', '<p>'.repeat(10_000)],
  ])('a selector that would try every way through a page (%s) is given up soon', { timeout: 20_000 }, async (selector, page) => {
    expect(codes(await extract([{ name: 'x', selector, get: 'count' }], {}, page))).toEqual(['HTML_TOO_MUCH_WORK']);
  });

  const nodes: readonly [string, Params][] = [
    ['html-extract', { values: [{ name: 'x', selector: 'b b b b b, a:has(b) ~ b', many: true }] }],
    ['html-text', {}],
  ];

  test('html-extract does not hand out one text a thousand times', async () => {
    const data = `${'<b>'.repeat(900)}${'word '.repeat(100_000)}`;
    const given = (get: string) => step('html-extract').params({ values: [{ name: 'x', selector: 'b', get, many: true }] });
    for (const get of ['text', 'html', 'outer'])
      expect(codes(await given(get).items([{ data }]).run({ transport: 'in-process' }))).toEqual(['HTML_TOO_MUCH']);
  });

  test.each(nodes)('%s refuses a million elements inside each other', async (node, params) => {
    const run = await both(
      step(node)
        .params(params)
        .items([{ data: '<b>'.repeat(1_000_000) }]),
    );
    expect(codes(run)).toEqual(['HTML_TOO_DEEP']);
  });

  test.each(nodes)('%s comes to an end on hostile text', async (node, params) => {
    const texts = [
      '<b>'.repeat(900) + 'x'.repeat(10_000),
      'x y '.repeat(2_500_000),
      '<'.repeat(500_000),
      '<!--'.repeat(200_000),
      `<a ${'x='.repeat(200_000)}`,
      '&'.repeat(500_000),
      '</b>'.repeat(200_000),
      `<p>${'<br>'.repeat(100_000)}`,
      `<p>${' \n'.repeat(500_000)}`,
    ];
    for (const data of texts) {
      const run = await step(node).params(params).items([{ data }]).run({ transport: 'in-process' });
      expect(run.errors).toEqual([]);
    }
  });
});
