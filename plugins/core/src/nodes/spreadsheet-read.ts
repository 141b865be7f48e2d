/** Reads a sheet of an Excel file: one item for each row, or a list in a field. */
import type { Json, JsonObject } from '@plugboard/sdk';
import { defineNode, fail, p, when } from '@plugboard/sdk';
import { type MutableObject, setField } from '../data/field-path.ts';
import { withFiles } from '../data/send-to.ts';
import { fileOf, readWhole } from '../files/item-file.ts';
import { type Cell, readXlsx } from '../sheet/read-xlsx.ts';

const MIB = 1024 * 1024;

export const spreadsheetRead = defineNode({
  id: 'spreadsheet-read',
  version: 1,
  title: 'Read spreadsheet',
  help: 'Reads an Excel file (.xlsx) and gives an item for each row.',
  icon: 'file-spreadsheet',
  group: 'Files',
  per: 'item',
  effects: 'read',
  params: {
    file: p.text().title('File').help('Name of the item’s file. Left empty: the only one it has.').max(200).default(''),
    sheet: p.text().title('Sheet').help('Its name, or its number from 1. Left empty: the first.').max(100).default(''),
    firstRow: p.number().title('First row').help('Rows above it are not looked at.').integer().min(1).max(1_048_576).default(1),
    header: p.boolean().title('First row has the names').help('When off, fields are named column_1, column_2 and so on.').default(true),
    output: p
      .choice([
        { value: 'items', title: 'Items', help: 'One item for each row; nothing of the old item stays.' },
        { value: 'field', title: 'A list in a field', help: 'The item stays and gets the rows as a list.' },
      ])
      .title('Result')
      .help('Where the rows go.')
      .default('items'),
    to: p.text().title('Result field').help('Name or path.').min(1).max(500).default('rows').when(when.eq('output', 'field')),
    maxRows: p.number().title('At most').help('Rows; more are an error.').integer().min(1).max(200_000).default(100_000),
  },
  async run({ params, item, ctx }) {
    const file = fileOf(item, params.file);
    const bytes = await readWhole(ctx.files, file, 64 * MIB);
    const { sheet, firstRow, maxRows, header } = params;
    const rows = await readXlsx(bytes, { sheet, firstRow, maxRows: maxRows + (header ? 1 : 0) });
    const objects = header ? named(rows) : rows.map((row) => objectOf(row, (n) => `column_${n + 1}`));
    if (params.output === 'items') return objects;
    const json = { ...item.json };
    setField(json, params.to ?? 'rows', objects as Json);
    return withFiles(json, item);
  },
});

/** A repeated name is an error, because one of its columns would be lost; a column without a name is left out. */
function named([first = [], ...rows]: readonly (readonly Cell[])[]): readonly JsonObject[] {
  const names = first.map((cell) => (cell === null ? '' : String(cell).trim()));
  const seen = new Set<string>();
  for (const name of names) {
    if (name === '__proto__') fail('SHEET_HEADER', 'A column is named __proto__, which no field can be. Rename it.');
    if (name !== '' && seen.has(name)) fail('SHEET_HEADER', `Two columns are named "${name}". Rename one, or read the file without names.`);
    seen.add(name);
  }
  return rows.map((row) => {
    const object: MutableObject = {};
    for (const [n, name] of names.entries()) if (name !== '') object[name] = row[n] ?? null;
    return object;
  });
}

function objectOf(row: readonly Cell[], nameOf: (n: number) => string): JsonObject {
  return Object.fromEntries(row.map((cell, n) => [nameOf(n), cell]));
}
