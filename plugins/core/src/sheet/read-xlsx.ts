/**
 * Rows of an Excel file (.xlsx). Files like these come from strangers: every size is bounded, document types and their entities are refused,
 * formulas count by the value that was saved with them, and nothing is ever computed.
 */
import { setImmediate } from 'node:timers/promises';
import { fail } from '@plugboard/sdk';
import { Parser } from 'htmlparser2';
import { openZip } from './zip.ts';

export type Cell = string | number | boolean | null;

export interface SheetOptions {
  /** Name or number from 1; empty for the first. */
  readonly sheet: string;
  /** Rows above this one are not looked at; from 1. */
  readonly firstRow: number;
  /** Rows that are read; more are an error. */
  readonly maxRows: number;
}

const LIMITS = { entries: 2_000, bytes: 256 * 1024 * 1024 };
const COLUMNS_MAX = 2_000;
const CELLS_MAX = 5_000_000;
/** Filled cells and the empty ones before them: rows of one cell far to the right are small in the file and wide in memory. */
const PLACES_MAX = 20_000_000;
/** Characters read between two turns of the event loop. */
const SLICE = 128 * 1024;

/** @throws StepFailure ARCHIVE_INVALID, ARCHIVE_TOO_LARGE, SHEET_INVALID, SHEET_NOT_FOUND, SHEET_TOO_LARGE */
export async function readXlsx(bytes: Uint8Array, options: SheetOptions): Promise<readonly (readonly Cell[])[]> {
  const zip = openZip(bytes, LIMITS);
  const workbook = await zip.read('xl/workbook.xml');
  if (workbook === undefined) return fail('SHEET_INVALID', 'The file is no Excel workbook (.xlsx). Older .xls files must be saved anew.');
  const book = await bookOf(workbook);
  const relations = await relationsOf(await zip.read('xl/_rels/workbook.xml.rels'));
  const wanted = chosen(book.sheets, options.sheet);
  const target = relations.get(wanted.relation) ?? '';
  const sheet = await zip.read(target.startsWith('/') ? target.slice(1) : `xl/${target}`);
  if (sheet === undefined) return fail('SHEET_INVALID', `The sheet "${wanted.name}" is missing in the file.`);
  const texts = await textsOf(await zip.read('xl/sharedStrings.xml'));
  const dates = await dateStylesOf(await zip.read('xl/styles.xml'));
  return rowsOf(sheet, { texts, dates, is1904: book.is1904, ...options });
}

interface Book {
  readonly sheets: readonly { readonly name: string; readonly relation: string }[];
  readonly is1904: boolean;
}

async function bookOf(xml: Uint8Array): Promise<Book> {
  const sheets: { name: string; relation: string }[] = [];
  let is1904 = false;
  await scan(xml, {
    open(name, attributes) {
      if (name === 'sheet') sheets.push({ name: attributes['name'] ?? '', relation: attributes['r:id'] ?? '' });
      if (name === 'workbookPr') is1904 = isTrue(attributes['date1904']);
    },
  });
  return { sheets, is1904 };
}

function chosen(sheets: Book['sheets'], wanted: string): Book['sheets'][number] {
  const found =
    wanted === ''
      ? sheets[0]
      : (sheets.find((one) => one.name === wanted) ?? (/^\d{1,4}$/.test(wanted) ? sheets[Number(wanted) - 1] : undefined));
  if (found !== undefined) return found;
  const names = sheets.slice(0, 20).map((one) => `"${one.name}"`);
  return fail('SHEET_NOT_FOUND', `There is no sheet "${wanted}". The file has ${names.join(', ') || 'none'}.`);
}

async function relationsOf(xml: Uint8Array | undefined): Promise<Map<string, string>> {
  const relations = new Map<string, string>();
  if (xml === undefined) return relations;
  await scan(xml, {
    open(name, attributes) {
      if (name === 'Relationship') relations.set(attributes['Id'] ?? '', attributes['Target'] ?? '');
    },
  });
  return relations;
}

async function textsOf(xml: Uint8Array | undefined): Promise<readonly string[]> {
  const texts: string[] = [];
  if (xml === undefined) return texts;
  let text: string | undefined;
  let isText = false;
  let isPhonetic = false;
  await scan(xml, {
    open(name) {
      if (name === 'si') text = '';
      else if (name === 'rPh') isPhonetic = true;
      else if (name === 't') isText = true;
    },
    text(data) {
      if (isText && !isPhonetic && text !== undefined) text += data;
    },
    close(name) {
      if (name === 't') isText = false;
      else if (name === 'rPh') isPhonetic = false;
      else if (name === 'si') {
        texts.push(text ?? '');
        if (texts.length > CELLS_MAX) tooLarge();
      }
    },
  });
  return texts;
}

/** `day` and `time` by the number of a cell's style; undefined for styles that are no date. */
type DateStyles = readonly ('day' | 'time' | undefined)[];

async function dateStylesOf(xml: Uint8Array | undefined): Promise<DateStyles> {
  const formats = new Map<number, string>();
  const styles: ('day' | 'time' | undefined)[] = [];
  let isCell = false;
  if (xml === undefined) return styles;
  await scan(xml, {
    open(name, attributes) {
      if (name === 'numFmt') formats.set(Number(attributes['numFmtId']), attributes['formatCode'] ?? '');
      else if (name === 'cellXfs') isCell = true;
      else if (name === 'xf' && isCell && styles.length < 100_000) styles.push(dateKind(Number(attributes['numFmtId']), formats));
    },
    close(name) {
      if (name === 'cellXfs') isCell = false;
    },
  });
  return styles;
}

function dateKind(id: number, formats: ReadonlyMap<number, string>): 'day' | 'time' | undefined {
  const custom = formats.get(id);
  if (custom === undefined) {
    if ((id >= 14 && id <= 17) || (id >= 27 && id <= 31) || (id >= 50 && id <= 58)) return 'day';
    return (id >= 18 && id <= 22) || (id >= 32 && id <= 36) || (id >= 45 && id <= 47) ? 'time' : undefined;
  }
  const code = custom
    .slice(0, 500)
    .replaceAll(/"[^"]*"|\\.|\[[^\]]*\]/g, '')
    .toLowerCase();
  if (/[hs]/.test(code)) return 'time';
  return /[ymd]/.test(code) && !/[0#?]/.test(code) ? 'day' : undefined;
}

interface Context extends SheetOptions {
  readonly texts: readonly string[];
  readonly dates: DateStyles;
  readonly is1904: boolean;
}

async function rowsOf(xml: Uint8Array, context: Context): Promise<readonly (readonly Cell[])[]> {
  const rows: Cell[][] = [];
  let row: Cell[] | undefined;
  let rowNumber = 0;
  let column = -1;
  let type = 'n';
  let style = 0;
  let value = '';
  let isValue = false;
  let cells = 0;
  let places = 0;
  await scan(xml, {
    open(name, attributes) {
      switch (name) {
        case 'row':
          rowNumber = attributes['r'] === undefined ? rowNumber + 1 : Number(attributes['r']);
          row = rowNumber >= context.firstRow ? [] : undefined;
          column = -1;
          return;
        case 'c':
          column = attributes['r'] === undefined ? column + 1 : columnOf(attributes['r']);
          type = attributes['t'] ?? 'n';
          style = Number(attributes['s'] ?? 0);
          value = '';
          return;
        case 'v':
        case 't':
          isValue = true;
      }
    },
    text(data) {
      if (isValue && row !== undefined) value += data;
    },
    close(name) {
      if (name === 'v' || name === 't') isValue = false;
      else if (name === 'c' && row !== undefined && value !== '') {
        cells += 1;
        places += Math.max(1, column + 1 - row.length);
        if (column >= COLUMNS_MAX || cells > CELLS_MAX || places > PLACES_MAX) tooLarge();
        while (row.length < column) row.push(null);
        row[column] = cellOf(type, value, style, context);
      } else if (name === 'row' && row !== undefined && row.some((cell) => cell !== null)) {
        rows.push(row);
        if (rows.length > context.maxRows)
          fail('SHEET_TOO_LARGE', `The sheet has more than ${context.maxRows} rows. Allow more, or split the file.`);
      }
    },
  });
  return rows;
}

function columnOf(reference: string): number {
  let column = 0;
  for (const [letter] of reference.slice(0, 4).matchAll(/[A-Z]/g)) column = column * 26 + letter.charCodeAt(0) - 64;
  if (column === 0) fail('SHEET_INVALID', `"${reference.slice(0, 20)}" is no place of a cell.`);
  return column - 1;
}

function cellOf(type: string, value: string, style: number, { texts, dates, is1904 }: Context): Cell {
  switch (type) {
    case 's':
      return texts[Number(value)] ?? null;
    case 'b':
      return isTrue(value);
    case 'str':
    case 'inlineStr':
    case 'd':
    case 'e':
      return value;
    default: {
      const number = Number(value);
      if (!Number.isFinite(number)) return value;
      const kind = dates[style];
      return kind === undefined ? number : dateText(number, kind, is1904);
    }
  }
}

const DAY_MS = 24 * 60 * 60_000;

/** Days since the end of 1899, with the leap day that 1900 did not have. */
function dateText(serial: number, kind: 'day' | 'time', is1904: boolean): Cell {
  const days = is1904 ? serial + 1462 : serial < 60 ? serial + 1 : serial;
  const at = new Date(Date.UTC(1899, 11, 30) + Math.round(days * DAY_MS));
  if (Number.isNaN(at.getTime()) || at.getUTCFullYear() > 9999) return serial;
  const text = at.toISOString();
  return kind === 'day' && Number.isInteger(serial) ? text.slice(0, 10) : text.slice(0, 19);
}

interface Handlers {
  open(name: string, attributes: { readonly [name: string]: string }): void;
  text?(data: string): void;
  close?(name: string): void;
}

/** Reads XML in slices. Names without their prefix, but attributes with theirs. */
async function scan(xml: Uint8Array, handlers: Handlers): Promise<void> {
  const parser = new Parser(
    {
      onopentag: (name, attributes) => handlers.open(bare(name), attributes),
      ontext: (data) => handlers.text?.(data),
      onclosetag: (name) => handlers.close?.(bare(name)),
      onprocessinginstruction: (name) => {
        if (name.toLowerCase() === '!doctype') fail('SHEET_INVALID', 'The file has a document type in it, which no workbook has.');
      },
    },
    { xmlMode: true, decodeEntities: true },
  );
  const decoder = new TextDecoder('utf-8');
  for (let at = 0; at < xml.byteLength; at += SLICE) {
    parser.write(decoder.decode(xml.subarray(at, at + SLICE), { stream: true }));
    if (at > 0) await setImmediate();
  }
  parser.end();
}

function bare(name: string): string {
  return name.slice(name.indexOf(':') + 1);
}

function isTrue(value: string | undefined): boolean {
  return value === '1' || value === 'true';
}

function tooLarge(): never {
  return fail(
    'SHEET_TOO_LARGE',
    `A sheet has at most ${COLUMNS_MAX} columns, ${CELLS_MAX} filled cells and ${PLACES_MAX} with the empty ones before them.`,
  );
}
