/**
 * Writes items, or a list inside each item, as CSV text. Text that a spreadsheet would take for a formula gets an apostrophe in front,
 * because files like these are opened by people who did not write them.
 */
import type { FileRef, Item, Json, JsonObject, Output, StepFiles } from '@plugboard/sdk';
import { defineNode, fail, item as made, p, when } from '@plugboard/sdk';
import { stringify } from 'csv-stringify/sync';
import { delimiterOf } from '../data/delimiter.ts';
import { fieldReader, isList, isObject, readField, withField } from '../data/field-path.ts';
import { asNumber, shown } from '../data/numbers.ts';
import { factsOf } from '../files/item-file.ts';

export const csvWrite = defineNode({
  id: 'csv-write',
  version: 1,
  title: 'Write CSV',
  help: 'Writes all items as one CSV text or file, or a list inside each item.',
  icon: 'sheet',
  group: 'Formats',
  per: 'batch',
  effects: { by: 'into', cases: { field: 'none' }, else: 'read' },
  runsOnEmpty: true,
  cpu: 'heavy',
  params: {
    from: p
      .choice([
        { value: 'items', title: 'All items', help: 'One text with a line for each item; the result is one item.' },
        { value: 'field', title: 'A list in each item', help: 'One text for each item, which stays.' },
      ])
      .title('Lines are')
      .help('What the lines are made of.')
      .default('items'),
    field: p
      .text()
      .title('List')
      .help('Name or path of the field with the list of objects.')
      .min(1)
      .max(500)
      .default('rows')
      .when(when.eq('from', 'field')),
    into: p.choice({ field: 'A field', file: 'A file' }).title('Write into').help('Where the CSV goes.').expr('deny').default('field'),
    to: p
      .text()
      .title('Result field')
      .help('Name or path of the field for the text; for a file the name it has at the item.')
      .min(1)
      .max(500)
      .default('data'),
    fileName: p.text().title('File name').help('Such as orders.csv.').min(1).max(200).default('table.csv').when(when.eq('into', 'file')),
    columns: p
      .list(p.text().title('Field'))
      .title('Columns')
      .help('Fields or paths from left to right. Left empty: all fields in the order they first appear.')
      .default([]),
    header: p.boolean().title('Names in the first line').default(true),
    delimiter: p.text().title('Delimiter').help('One or more characters, or tab.').min(1).max(10).default(','),
    quote: p
      .text()
      .title('Quote')
      .help('The character around texts that hold a delimiter, a quote or a line break.')
      .min(1)
      .max(1)
      .default('"'),
    quoteAll: p.boolean().title('Quote everything').help('When off, only texts that need it are quoted.').default(false),
    lineBreak: p.choice({ lf: 'LF', crlf: 'CR LF (Windows)' }).title('Line break').default('lf'),
    bom: p.boolean().title('Byte order mark').help('Lets Excel see that the text is UTF-8.').default(false),
    guard: p
      .boolean()
      .title('Guard against formulas')
      .help(
        'Puts an apostrophe before text that begins with = + - @, a tab or a line break, unless it is a number. Switch it off only for files that no spreadsheet opens.',
      )
      .default(true),
  },
  run({ params, items, ctx }) {
    if (params.into === 'file') return asFiles(params, items, ctx.files);
    if (params.from === 'items')
      return [
        {
          [params.to]: written(
            items.map((one) => one.json),
            params,
          ),
        },
      ];
    const field = params.field ?? 'rows';
    return items.map((one, i): Output => {
      const json = withField(one.json, params.to, written(rowsOf(one.json, field, i), params));
      return made(json, { files: one.files, from: i });
    });
  },
});

/** One file of all items, whose item says what the file is; or one for each item, which stays. */
async function asFiles(
  params: Parameters<typeof written>[1] & Placed,
  items: readonly Item[],
  files: StepFiles,
): Promise<readonly Output[]> {
  const create = (rows: readonly JsonObject[]): Promise<FileRef> =>
    files.create(Buffer.from(written(rows, params)), { name: params.fileName ?? 'table.csv', mime: 'text/csv' });
  if (params.from === 'items') {
    const file = await create(items.map((one) => one.json));
    return [made(factsOf(file), { files: { [params.to]: file }, from: items.map((_, n) => n) })];
  }
  const outputs: Output[] = [];
  for (const [i, one] of items.entries()) {
    const file = await create(rowsOf(one.json, params.field ?? 'rows', i));
    outputs.push(made(one.json, { files: { ...one.files, [params.to]: file }, from: i }));
  }
  return outputs;
}

interface Placed {
  readonly from: 'items' | 'field';
  readonly field?: string;
  readonly to: string;
  readonly fileName?: string;
}

interface CsvWriteOptions {
  readonly columns: readonly string[];
  readonly header: boolean;
  readonly delimiter: string;
  readonly quote: string;
  readonly quoteAll: boolean;
  readonly lineBreak: 'lf' | 'crlf';
  readonly bom: boolean;
  readonly guard: boolean;
}

function rowsOf(json: JsonObject, field: string, i: number): readonly JsonObject[] {
  const rows = readField(json, field);
  if (!isList(rows)) fail('FIELD_NOT_A_LIST', `"${field}" of item ${i} is ${shown(rows)}, which is no list.`);
  return rows.map((row, n) =>
    isObject(row) ? row : fail('CSV_ROW', `Entry ${n} of "${field}" is ${shown(row)}; a line is made of an object.`),
  );
}

function written(rows: readonly JsonObject[], options: CsvWriteOptions): string {
  const columns = options.columns.length > 0 ? options.columns : allFields(rows);
  if (columns.length === 0) return options.bom ? BOM : '';
  // Without columns the fields are plain names, whatever dots they hold; the reader looks for the plain name first.
  const readers = columns.map(fieldReader);
  const lines = rows.map((row) => readers.map((read) => cellOf(read(row), options.guard)));
  if (options.header) lines.unshift(columns.map((name) => cellOf(name, options.guard)));
  const text = stringify(lines, {
    delimiter: delimiterOf(options.delimiter === 'auto' ? ',' : options.delimiter, ''),
    quote: options.quote,
    escape: options.quote,
    quoted: options.quoteAll,
    // The only cell of a line is quoted when it is empty, because readers skip lines with nothing in them.
    quoted_empty: options.quoteAll || columns.length === 1,
    record_delimiter: options.lineBreak === 'crlf' ? '\r\n' : '\n',
  });
  return options.bom ? BOM + text : text;
}

const BOM = '\uFEFF';

function allFields(rows: readonly JsonObject[]): readonly string[] {
  const names = new Set<string>();
  for (const row of rows) for (const name of Object.keys(row)) names.add(name);
  return [...names];
}

/** Characters with which spreadsheets begin a formula, their full-width forms included. */
const FORMULA = /^[=+\-@\t\r\n\uFF1D\uFF0B\uFF0D\uFF20]/;

function cellOf(value: Json | undefined, guard: boolean): string {
  if (value === undefined || value === null) return '';
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return guard && FORMULA.test(text) && asNumber(text) === undefined ? `'${text}` : text;
}
