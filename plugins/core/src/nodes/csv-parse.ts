/** Reads CSV text out of a field: one item for each line, or a list in a field. Errors name the line. */
import type { Json, JsonObject } from '@plugboard/sdk';
import { defineNode, fail, p } from '@plugboard/sdk';
import { CsvError, parse } from 'csv-parse/sync';
import { type CellType, guessedCell, typedCell } from '../data/cell.ts';
import { delimiterOf } from '../data/delimiter.ts';
import { type MutableObject, withField } from '../data/field-path.ts';
import { textOf } from '../data/text-field.ts';
import { shown } from '../data/numbers.ts';
import { withFiles } from '../data/send-to.ts';

export const csvParse = defineNode({
  id: 'csv-parse',
  version: 1,
  title: 'Read CSV',
  help: 'Reads CSV text out of a field and gives an item for each line.',
  icon: 'table-properties',
  group: 'Formats',
  per: 'item',
  effects: 'none',
  cpu: 'heavy',
  params: {
    field: p
      .text()
      .title('Field with the text')
      .help('Name or path: body behind a webhook, data behind an HTTP request.')
      .min(1)
      .max(500)
      .default('data'),
    output: p
      .choice([
        { value: 'items', title: 'Items', help: 'One item for each line; nothing of the old item stays.' },
        { value: 'field', title: 'A list in a field', help: 'The item stays and gets the lines as a list.' },
      ])
      .title('Result')
      .help('Where the lines go.')
      .default('items'),
    to: p.text().title('Result field').help('Name or path. Only used for a list in a field.').min(1).max(500).default('rows'),
    delimiter: p
      .text()
      .title('Delimiter')
      .help('One or more characters, tab, or auto to find it in the first line.')
      .min(1)
      .max(10)
      .default(','),
    header: p
      .boolean()
      .title('First line has the names')
      .help('When off, fields are named by Columns, or column_1, column_2 and so on.')
      .default(true),
    columns: p
      .list(p.text().title('Name'))
      .title('Columns')
      .help('Names of the fields from left to right, instead of those of the first line. An empty name leaves the column out.')
      .default([]),
    quote: p.text().title('Quote').help('The character around texts that hold a delimiter.').min(1).max(1).default('"'),
    trim: p.boolean().title('Trim').help('Takes blanks off both ends of texts that are not quoted.').default(false),
    types: p
      .choice([
        { value: 'text', title: 'Text', help: 'Every cell stays the text it is.' },
        { value: 'auto', title: 'Guess', help: 'true, false and plain numbers. Leading zeros and more than 15 digits stay text.' },
      ])
      .title('Cells are')
      .help('How cells are read whose column has no type below.')
      .default('text'),
    columnTypes: p
      .map(p.choice({ text: 'Text', number: 'Number', boolean: 'True or false', json: 'JSON' }).title('Type'))
      .title('Column types')
      .help('Type by column name. A cell that does not fit is an error; an empty one is null.')
      .default({}),
    skipEmptyLines: p.boolean().title('Skip empty lines').help('Leaves out lines with nothing in them.').default(true),
    relaxed: p
      .boolean()
      .title('Accept uneven lines')
      .help(
        'When on, missing cells are left out, cells beyond the last column are dropped and stray quotes are text. When off, they are errors.',
      )
      .default(false),
    maxRecords: p
      .number()
      .title('At most')
      .help('Lines to read, without the header; the rest is not looked at. Left empty: all.')
      .integer()
      .min(1),
  },
  run({ params, item }) {
    const text = textOf(item.json, params.field);
    const rows = readRows(text, params);
    if (params.output === 'items') return rows;
    return withFiles(withField(item.json, params.to, rows), item);
  },
});

interface CsvOptions {
  readonly delimiter: string;
  readonly header: boolean;
  readonly columns: readonly string[];
  readonly quote: string;
  readonly trim: boolean;
  readonly types: 'text' | 'auto';
  readonly columnTypes: { readonly [name: string]: CellType };
  readonly skipEmptyLines: boolean;
  readonly relaxed: boolean;
  readonly maxRecords?: number;
}

function readRows(text: string, options: CsvOptions): readonly JsonObject[] {
  const records = readRecords(text, options);
  const first = options.header ? records.shift() : records[0];
  if (first === undefined) return [];
  const names = columnNames(first, options);
  const readers = names.map((name) => cellReader(name, options));
  return records.map((cells, n) => {
    const row: MutableObject = {};
    const width = Math.min(cells.length, names.length);
    for (let c = 0; c < width; c += 1) {
      const name = names[c];
      if (name === undefined || name === '') continue;
      const cell = cells[c] ?? '';
      const value = readers[c]?.(cell);
      if (value === undefined) misfit(text, options, n, name, cell);
      row[name] = value;
    }
    return row;
  });
}

function readRecords(text: string, options: CsvOptions): string[][] {
  const { maxRecords } = options;
  try {
    return parse(text, { ...parserOptions(text, options), ...(maxRecords !== undefined && { to: maxRecords + (options.header ? 1 : 0) }) });
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    const { lines: line } = error as CsvError & { readonly lines?: number };
    fail('CSV_INVALID', `${line === undefined ? '' : `Line ${line}: `}${hint(error)}`, {
      cause: error,
      data: { line: line ?? null, reason: error.code },
    });
  }
}

function parserOptions(text: string, options: CsvOptions) {
  return {
    bom: true,
    delimiter: delimiterOf(options.delimiter, text),
    quote: options.quote,
    escape: options.quote,
    trim: options.trim,
    skip_empty_lines: options.skipEmptyLines,
    relax_column_count: options.relaxed,
    relax_quotes: options.relaxed,
  } as const;
}

function hint(error: CsvError): string {
  switch (error.code) {
    case 'CSV_RECORD_INCONSISTENT_FIELDS_LENGTH':
    case 'CSV_RECORD_INCONSISTENT_COLUMNS':
      return 'it has another number of cells than the first line. Check the delimiter, or accept uneven lines.';
    case 'CSV_QUOTE_NOT_CLOSED':
      return 'a quote is opened and never closed. Check the quote character.';
    case 'INVALID_OPENING_QUOTE':
    case 'CSV_INVALID_CLOSING_QUOTE':
      return 'a quote stands inside a text. Double it, choose another quote character, or accept uneven lines.';
    default:
      return error.message;
  }
}

/** Names from left to right; a repeated one is an error, because one of its columns would be lost. */
function columnNames(first: readonly string[], options: CsvOptions): readonly string[] {
  const names = options.columns.length > 0 ? options.columns : options.header ? first : first.map((_, i) => `column_${i + 1}`);
  const seen = new Set<string>();
  for (const name of names) {
    if (name === '__proto__') fail('CSV_HEADER', 'A column is named __proto__, which no field can be. Give the names under Columns.');
    if (name !== '' && seen.has(name)) fail('CSV_HEADER', `Two columns are named "${name}". Give different names under Columns.`);
    seen.add(name);
  }
  return names;
}

function cellReader(name: string, options: CsvOptions): (cell: string) => Json | undefined {
  const type = Object.hasOwn(options.columnTypes, name) ? options.columnTypes[name] : undefined;
  if (type !== undefined) return (cell) => typedCell(cell, type);
  return options.types === 'auto' ? guessedCell : (cell) => cell;
}

function misfit(text: string, options: CsvOptions, record: number, name: string, cell: string): never {
  const line = lineOf(text, options, record + (options.header ? 1 : 0));
  fail('CSV_CELL', `Line ${line}: "${name}" is ${shown(cell)}, which does not fit the column's type.`, { data: { line, column: name } });
}

/** Line on which a record ends. Reads again up to it: lines are needed only for errors. */
function lineOf(text: string, options: CsvOptions, record: number): number {
  const parsed = parse(text, { ...parserOptions(text, options), info: true, to: record + 1 }) as unknown as readonly {
    readonly info: { readonly lines: number };
  }[];
  return parsed.at(-1)?.info.lines ?? 1;
}
