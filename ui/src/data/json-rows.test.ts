import { describe, expect, test } from 'vitest';
import { fieldRows, joinPath, jsonLines, tableColumns } from './json-rows.ts';

const ITEM = { supplier: { name: 'Brandt', vat_id: 'DE1' }, lines: [{ price: 1 }], total: 6480, 'due on': null };

describe('fields', () => {
  test('nested fields carry the path an expression would use', () => {
    const paths = fieldRows(ITEM, new Set(['lines'])).map((row) => row.path);
    expect(paths).toEqual(['supplier', 'supplier.name', 'supplier.vat_id', 'lines', 'lines[0]', 'lines[0].price', 'total', '["due on"]']);
  });

  test('a folded part hides what is inside, an unfolded one shows it', () => {
    expect(fieldRows(ITEM, new Set(['supplier'])).map((row) => row.path)).not.toContain('supplier.name');
    expect(fieldRows(ITEM, new Set()).map((row) => row.path)).not.toContain('lines[0]');
    expect(fieldRows(ITEM, new Set(['lines'])).map((row) => row.path)).toContain('lines[0]');
  });

  test('hostile keys stay data', () => {
    const item = JSON.parse('{"__proto__x":1,"a.b":2,"constructor":3}') as { [key: string]: number };
    expect(fieldRows(item, new Set()).map((row) => row.path)).toEqual(['__proto__x', '["a.b"]', 'constructor']);
    expect(joinPath('a', 'x"]y')).toBe('a["x\\"]y"]');
  });

  test('a very long text is cut in its row', () => {
    expect(fieldRows({ text: 'x'.repeat(100_000) }, new Set())[0]?.text.length).toBeLessThan(500);
  });
});

test('table columns are the fields of the items, at most as many as asked', () => {
  expect(tableColumns([{ a: 1 }, { b: 2, a: 3 }, 'text', null])).toEqual(['a', 'b']);
  expect(tableColumns([Object.fromEntries(Array.from({ length: 100 }, (_, n) => [`f${n}`, n]))], 10)).toHaveLength(10);
});

test('the lines of the JSON view are the JSON', () => {
  const text = jsonLines(ITEM)
    .map((line) => '  '.repeat(line.depth) + line.parts.map((part) => part.text).join(''))
    .join('\n');
  expect(text).toBe(JSON.stringify(ITEM, null, 2));
});
