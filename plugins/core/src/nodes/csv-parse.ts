/** Reads CSV out of a field or a file: one item for each line, or a list in a field. Errors name the line. A file is read while it is parsed. */
import { Readable } from 'node:stream';
import type { FileRef, Item, Json, JsonObject, Output, StepFiles } from '@plugboard/sdk';
import { defineNode, fail, p, StepFailure, when } from '@plugboard/sdk';
import { Parser } from 'csv-parse';
import { CsvError, parse } from 'csv-parse/sync';
import { type CellType, guessedCell, typedCell } from '../data/cell.ts';
import { delimiterOf } from '../data/delimiter.ts';
import { type MutableObject, withField } from '../data/field-path.ts';
import { textOf } from '../data/text-field.ts';
import { shown } from '../data/numbers.ts';
import { withFiles } from '../data/send-to.ts';
import { ENCODINGS, fileOf } from '../files/item-file.ts';

export const csvParse = defineNode({
  id: 'csv-parse',
  version: 1,
  title: 'Read CSV',
  help: 'Reads CSV out of a field or a file and gives an item for each line.',
  icon: 'table-properties',
  group: 'Formats',
  per: 'item',
  effects: { by: 'from', cases: { field: 'none' }, else: 'read' },
  cpu: 'heavy',
  params: {
    from: p.choice({ field: 'A field', file: 'A file' }).title('Read from').help('Where the CSV is.').expr('deny').default('field'),
    field: p
      .text()
      .title('Field with the text')
      .help('Name or path: body behind a webhook, data behind an HTTP request.')
      .min(1)
      .max(500)
      .default('data')
      .when(when.eq('from', 'field')),
    file: p
      .text()
      .title('File')
      .help('Name of the item’s file. Left empty: the only one it has.')
      .max(200)
      .default('')
      .when(when.eq('from', 'file')),
    encoding: p
      .choice(ENCODINGS)
      .title('Encoding')
      .help('How the bytes of the file are text.')
      .default('utf-8')
      .when(when.eq('from', 'file')),
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
  run({ params, item, ctx }) {
    if (params.from === 'file') {
      const rows = fileRows(ctx.files, fileOf(item, params.file ?? ''), params, params.encoding ?? 'utf-8');
      return params.output === 'items' ? rows : withRows(rows, item, params.to);
    }
    const text = textOf(item.json, params.field ?? 'data');
    const rows = readRows(text, params);
    if (params.output === 'items') return rows;
    return withFiles(withField(item.json, params.to, rows), item);
  },
});

/** Lines of a file, read in pieces: no more of it is in memory than what is given on, and what comes after the last line asked for is not read. */
async function* fileRows(files: StepFiles, file: FileRef, options: CsvOptions, encoding: string): AsyncGenerator<JsonObject> {
  const texts = textsOf(files, file, encoding);
  const first = await texts.next();
  const start = first.done === true ? '' : first.value;
  const { maxRecords } = options;
  const parser = new Parser({
    ...parserOptions(start, options),
    info: true,
    ...(maxRecords !== undefined && { to: maxRecords + (options.header ? 1 : 0) }),
  });
  const source = Readable.from(startingWith(start, texts));
  source.on('error', (error) => parser.destroy(error));
  source.pipe(parser);
  try {
    let reader: RowReader | undefined;
    for await (const { record, info } of parser as AsyncIterable<{
      readonly record: readonly string[];
      readonly info: { readonly lines: number };
    }>) {
      if (reader === undefined) {
        reader = rowReader(columnNames(record, options), options);
        if (options.header) continue;
      }
      yield reader(record, (name, cell) => misfitAt(info.lines, name, cell));
    }
  } catch (error) {
    throw error instanceof CsvError ? invalid(error) : error;
  } finally {
    source.destroy();
  }
}

async function* textsOf(files: StepFiles, file: FileRef, encoding: string): AsyncGenerator<string> {
  const decoder = new TextDecoder(encoding, { fatal: true });
  try {
    for await (const chunk of files.open(file) as unknown as AsyncIterable<Uint8Array>) {
      const text = decoder.decode(chunk, { stream: true });
      if (text !== '') yield text;
    }
    const rest = decoder.decode();
    if (rest !== '') yield rest;
  } catch (cause) {
    if ((cause as { readonly code?: string }).code !== 'ERR_ENCODING_INVALID_ENCODED_DATA') throw cause;
    fail('FILE_NOT_TEXT', `"${file.name}" is no text in ${encoding}. Choose another encoding.`, { cause });
  }
}

async function* startingWith(first: string, rest: AsyncIterable<string>): AsyncGenerator<string> {
  yield first;
  yield* rest;
}

async function withRows(rows: AsyncIterable<JsonObject>, item: Item, to: string): Promise<Output> {
  const list: JsonObject[] = [];
  for await (const row of rows) list.push(row);
  return withFiles(withField(item.json, to, list), item);
}

type RowReader = (cells: readonly string[], misfit: (name: string, cell: string) => never) => JsonObject;

function rowReader(names: readonly string[], options: CsvOptions): RowReader {
  const readers = names.map((name) => cellReader(name, options));
  return (cells, misfit) => {
    const row: MutableObject = {};
    const width = Math.min(cells.length, names.length);
    for (let c = 0; c < width; c += 1) {
      const name = names[c];
      if (name === undefined || name === '') continue;
      const cell = cells[c] ?? '';
      const value = readers[c]?.(cell);
      if (value === undefined) misfit(name, cell);
      row[name] = value as Json;
    }
    return row;
  };
}

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
  const reader = rowReader(columnNames(first, options), options);
  return records.map((cells, n) => reader(cells, (name, cell) => misfit(text, options, n, name, cell)));
}

function readRecords(text: string, options: CsvOptions): string[][] {
  const { maxRecords } = options;
  try {
    return parse(text, { ...parserOptions(text, options), ...(maxRecords !== undefined && { to: maxRecords + (options.header ? 1 : 0) }) });
  } catch (error) {
    throw error instanceof CsvError ? invalid(error) : error;
  }
}

function invalid(error: CsvError): StepFailure {
  const { lines: line } = error as CsvError & { readonly lines?: number };
  return new StepFailure('CSV_INVALID', `${line === undefined ? '' : `Line ${line}: `}${hint(error)}`, {
    cause: error,
    data: { line: line ?? null, reason: error.code },
  });
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
  misfitAt(lineOf(text, options, record + (options.header ? 1 : 0)), name, cell);
}

function misfitAt(line: number, name: string, cell: string): never {
  fail('CSV_CELL', `Line ${line}: "${name}" is ${shown(cell)}, which does not fit the column's type.`, { data: { line, column: name } });
}

/** Line on which a record ends. Reads again up to it: lines are needed only for errors. */
function lineOf(text: string, options: CsvOptions, record: number): number {
  const parsed = parse(text, { ...parserOptions(text, options), info: true, to: record + 1 }) as unknown as readonly {
    readonly info: { readonly lines: number };
  }[];
  return parsed.at(-1)?.info.lines ?? 1;
}
