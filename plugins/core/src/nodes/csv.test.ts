import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { both, codes, step } from '../../test-support/both-transports.ts';

type Params = Parameters<ReturnType<typeof step>['params']>[0];

const read = (data: string, params: Params = {}) => both(step('csv-parse').params(params).items([{ data }]));
const rows = async (data: string, params?: Params) => (await read(data, params)).items;
const write = async (items: readonly object[], params: Params = {}) =>
  (
    await both(
      step('csv-write')
        .params(params)
        .items(items as never),
    )
  ).items[0]?.['data'];

describe('csv-parse', () => {
  test('gives an item for each line, named by the first', async () => {
    expect(await rows('a,b\n1,"x, ""y""\nz"\n\n2,\n')).toEqual([
      { a: '1', b: 'x, "y"\nz' },
      { a: '2', b: '' },
    ]);
  });

  test('skips a byte order mark and takes Windows line ends', async () => {
    expect(await rows('\uFEFFa,b\r\n1,2\r\n')).toEqual([{ a: '1', b: '2' }]);
  });

  test.each([
    ['a;b\n1;2', { delimiter: ';' }],
    ['a\tb\n1\t2', { delimiter: 'tab' }],
    ['a\tb\n1\t2', { delimiter: '\\t' }],
    ['a||b\n1||2', { delimiter: '||' }],
    ['"a";b\n1;2', { delimiter: 'auto' }],
    ['a,b\n1,2', { delimiter: 'auto' }],
    ['a, b\n1 , 2', { trim: true }],
    ["'a',b\n1,2", { quote: "'" }],
  ])('reads %j with %j', async (text, params) => {
    expect(await rows(text, params)).toEqual([{ a: '1', b: '2' }]);
  });

  test('finds the delimiter outside quotes', async () => {
    expect(await rows('"a,b,c";d\n1;2', { delimiter: 'auto' })).toEqual([{ 'a,b,c': '1', d: '2' }]);
  });

  test('numbers columns without names, and takes names of yours', async () => {
    expect(await rows('1,2\n3,4', { header: false })).toEqual([
      { column_1: '1', column_2: '2' },
      { column_1: '3', column_2: '4' },
    ]);
    expect(await rows('a,b,c\n1,2,3', { columns: ['x', '', 'z'] })).toEqual([{ x: '1', z: '3' }]);
  });

  test('guesses types without losing anything', async () => {
    const cells = ['1', '-2.5', 'true', 'false', '007', '12345678901234567890', '1e3', '', ' 1', 'TRUE', '0x1', '+1', '-0.10'];
    const [row] = await rows(`${cells.map((_, i) => `c${i}`).join()}\n${cells.join()}`, { types: 'auto' });
    expect(Object.values(row ?? {})).toEqual([
      1,
      -2.5,
      true,
      false,
      '007',
      '12345678901234567890',
      '1e3',
      '',
      ' 1',
      'TRUE',
      '0x1',
      '+1',
      -0.1,
    ]);
  });

  test('reads columns in their types, an empty cell as null', async () => {
    const columnTypes = { n: 'number', b: 'boolean', j: 'json' };
    expect(await rows('n,b,j,t\n1.5,Yes,"{""a"":[1]}",1\n,,,', { columnTypes })).toEqual([
      { n: 1.5, b: true, j: { a: [1] }, t: '1' },
      { n: null, b: null, j: null, t: '' },
    ]);
  });

  test('names line and column of a cell that does not fit its type', async () => {
    const [failure] = (await read('n,t\n1,"two\nlines"\n\nmany,x\n', { columnTypes: { n: 'number' } })).errors;
    expect(failure?.error).toMatchObject({ code: 'CSV_CELL', kind: 'input', data: { line: 5, column: 'n' } });
    expect(failure?.error.message).toContain('"many"');
  });

  test.each([
    ['a,b\n1,2\n3\n', 3],
    ['a,b\n1,2,3\n', 2],
    ['a,b\n1,"2\n', 2],
    ['a,b\n1,x"2\n', 2],
  ])('%j is an error that names line %i', async (text, line) => {
    const [failure] = (await read(text)).errors;
    expect(failure?.error).toMatchObject({ code: 'CSV_INVALID', kind: 'input', data: { line } });
    expect(failure?.error.message).toContain(`Line ${line}: `);
  });

  test('accepts uneven lines when asked to', async () => {
    expect(await rows('a,b\n1\n1,2,3\n1,x"2\n', { relaxed: true })).toEqual([{ a: '1' }, { a: '1', b: '2' }, { a: '1', b: 'x"2' }]);
  });

  test('refuses names that would lose data or reach a prototype', async () => {
    expect(codes(await read('a,a\n1,2'))).toEqual(['CSV_HEADER']);
    expect(codes(await read('__proto__\n1'))).toEqual(['CSV_HEADER']);
    expect(await rows('constructor,toString\n1,2')).toEqual([{ constructor: '1', toString: '2' }]);
  });

  test('puts the lines into a field of the item that stays', async () => {
    const run = await both(
      step('csv-parse')
        .params({ field: 'body.csv', output: 'field', to: 'rows' })
        .items([{ id: 1, body: { csv: 'a\n1' } }]),
    );
    expect(run.items).toEqual([{ id: 1, body: { csv: 'a\n1' }, rows: [{ a: '1' }] }]);
  });

  test('gives no lines for empty text, and says what it found instead of text', async () => {
    expect(await rows('')).toEqual([]);
    expect(await rows('a,b\n')).toEqual([]);
    const run = await both(step('csv-parse').items([{}, { data: 1 }, { data: null }, { other: 'a' }]));
    expect(codes(run)).toEqual(['FIELD_MISSING', 'FIELD_NOT_TEXT', 'FIELD_NOT_TEXT', 'FIELD_MISSING']);
    expect(run.errors[3]?.error.message).toContain('It has other.');
  });

  test('stops after the number of lines asked for, whatever comes later', async () => {
    expect(await rows('a\n1\n2\n"broken', { maxRecords: 2 })).toEqual([{ a: '1' }, { a: '2' }]);
    expect(await rows('1\n2\n3', { header: false, maxRecords: 1 })).toEqual([{ column_1: '1' }]);
  });

  test('reads ten thousand lines', async () => {
    const text = `n,label\n${Array.from({ length: 10_000 }, (_, n) => `${n},item ${n}`).join('\n')}`;
    const items = await rows(text, { types: 'auto' });
    expect(items).toHaveLength(10_000);
    expect(items[9_999]).toEqual({ n: 9_999, label: 'item 9999' });
  });
});

describe('csv-write', () => {
  test('writes all items with the fields in the order they first appear', async () => {
    expect(await write([{ a: 1, b: 'x,"y"\nz' }, { c: true, a: null }, { b: { d: [1] } }])).toBe(
      'a,b,c\n1,"x,""y""\nz",\n,,true\n,"{""d"":[1]}",\n',
    );
  });

  test('writes the columns asked for, by path, with the options asked for', async () => {
    const items = [{ at: { city: 'Rome' }, n: 1 }];
    expect(await write(items, { columns: ['at.city', 'n', 'none'], delimiter: ';', lineBreak: 'crlf', quoteAll: true, bom: true })).toBe(
      '\uFEFF"at.city";"n";"none"\r\n"Rome";"1";""\r\n',
    );
    expect(await write(items, { columns: ['n'], header: false })).toBe('1\n');
  });

  test('writes the names of the columns, or nothing, for no items', async () => {
    expect(await write([], { columns: ['a', 'b'] })).toBe('a,b\n');
    expect(await write([])).toBe('');
  });

  test('writes a list inside each item', async () => {
    const run = await both(
      step('csv-write')
        .params({ from: 'field', field: 'rows', to: 'csv' })
        .items([{ rows: [{ a: 1 }] }, { rows: [] }]),
    );
    expect(run.items).toEqual([
      { rows: [{ a: 1 }], csv: 'a\n1\n' },
      { rows: [], csv: '' },
    ]);
    expect(run.from['main']).toEqual([[0], [1]]);
    expect(
      codes(
        await both(
          step('csv-write')
            .params({ from: 'field' })
            .items([{ rows: 'x' }]),
        ),
      ),
    ).toEqual(['FIELD_NOT_A_LIST']);
    expect(
      codes(
        await both(
          step('csv-write')
            .params({ from: 'field' })
            .items([{ rows: ['x'] }]),
        ),
      ),
    ).toEqual(['CSV_ROW']);
  });

  test.each(['=1+1', '+cmd', '-x', '@SUM(A1)', '\tx', '\rx', '\nx', '＝1'])('guards against the formula %j', async (text) => {
    const [row] = await rows(String(await write([{ a: text }])));
    expect(row).toEqual({ a: `'${text}` });
    expect((await rows(String(await write([{ a: text }], { guard: false }))))[0]).toEqual({ a: text });
  });

  test('leaves numbers alone, and guards names too', async () => {
    expect(await write([{ a: -1, b: '-1.5', c: '+3' }])).toBe('a,b,c\n-1,-1.5,+3\n');
    expect(await write([{ '=a': 1 }])).toBe("'=a\n1\n");
  });

  test('what is written without the guard is read back, whatever the texts hold', async () => {
    const cell = fc.string({ unit: fc.constantFrom(',', ';', '\t', '"', '\n', '\r', ' ', 'a', 'é', '\uFEFF') });
    const one = fc.array(fc.record({ a: cell }), { minLength: 1, maxLength: 5 });
    const two = fc.array(fc.record({ a: cell, 'b,"c"': cell }), { minLength: 1, maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(fc.oneof(one, two), fc.constantFrom(',', ';', 'tab'), async (items, delimiter) => {
        const text = await step('csv-write').params({ guard: false, delimiter }).items(items).run();
        const back = await step('csv-parse').params({ delimiter }).items(text.items).run();
        expect(back.errors).toEqual([]);
        expect(back.items).toEqual(items);
      }),
      { numRuns: 100 },
    );
  });
});
