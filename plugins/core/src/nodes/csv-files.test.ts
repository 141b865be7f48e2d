import type { JsonObject } from '@plugboard/sdk';
import { testFile } from '@plugboard/testing';
import { describe, expect, test } from 'vitest';
import { both, codes, step } from '../../test-support/both-transports.ts';

const reading = (content: string | Uint8Array, params: Parameters<ReturnType<typeof step>['params']>[0] = {}) => {
  const file = testFile('table.csv', content);
  return step('csv-parse')
    .params({ from: 'file', ...params })
    .files(file)
    .input('main', [{ json: { n: 1 }, files: { table: file.ref } }]);
};

describe('CSV in files', () => {
  test('is read with all that CSV in a field can', async () => {
    const run = await both(reading('\ufeffid;name\n1;"a;b"\n2;grüße\n', { delimiter: 'auto', types: 'auto' }));
    expect(run.items).toEqual([
      { id: 1, name: 'a;b' },
      { id: 2, name: 'grüße' },
    ]);
    expect((await both(reading('1,2\n', { header: false, output: 'field', to: 'a.rows' }))).items).toEqual([
      { n: 1, a: { rows: [{ column_1: '1', column_2: '2' }] } },
    ]);
    expect((await both(reading(''))).items).toEqual([]);
    expect((await both(reading(new Uint8Array([0x61, 0x0a, 0xfc]), { encoding: 'windows-1252' }))).items).toEqual([{ a: 'ü' }]);
  });

  test.each([
    ['a,b\n1\n', {}, 'CSV_INVALID', 'Line 2'],
    ['a\n1\nx\n', { columnTypes: { a: 'number' } }, 'CSV_CELL', 'Line 3'],
    ['a,a\n', {}, 'CSV_HEADER', '"a"'],
    [new Uint8Array([0x61, 0x0a, 0xfc]), {}, 'FILE_NOT_TEXT', 'utf-8'],
  ])('errors name the line: %j %j', async (content, params, code, where) => {
    const run = await both(reading(content, params));
    expect(codes(run)).toEqual([code]);
    expect(run.errors[0]?.error.message).toContain(where);
  });

  test('of a large file only as many lines are given as are asked for', async () => {
    const large = `a,b\n${`1,${'x'.repeat(98)}\n`.repeat(50_000)}`;
    const run = await both(reading(large, { maxRecords: 3 }));
    expect([run.items.length, run.errors]).toEqual([3, []]);
    expect((await reading(large, { maxRecords: 50_001 }).run()).items).toHaveLength(50_000);
  });

  test('is written as one file of all items, or one for each item', async () => {
    const items: JsonObject[] = [{ id: 1, name: '=1+1' }, { id: 2 }];
    const all = await both(step('csv-write').params({ into: 'file', fileName: 'orders.csv', to: 'table' }).items(items));
    expect(all.files.map((file) => [file.ref.name, file.ref.mime, Buffer.from(file.bytes).toString()])).toEqual([
      ['orders.csv', 'text/csv', "id,name\n1,'=1+1\n2,\n"],
    ]);
    expect(all.ports['main']).toMatchObject([{ json: { name: 'orders.csv' }, files: { table: { id: 'made-1' } } }]);
    const each = await both(
      step('csv-write')
        .params({ into: 'file', from: 'field' })
        .items([{ rows: [{ a: 1 }] }, { rows: [{ a: 2 }] }]),
    );
    expect(each.ports['main']).toMatchObject([
      { json: { rows: [{ a: 1 }] }, files: { data: { id: 'made-1' } } },
      { json: { rows: [{ a: 2 }] }, files: { data: { id: 'made-2' } } },
    ]);
  });
});
