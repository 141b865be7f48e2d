/**
 * An Excel file (.xlsx) with one sheet. Texts are written as texts, so that none is ever taken for a formula by whoever opens the file.
 */
import { setImmediate } from 'node:timers/promises';
import { fail } from '@plugboard/sdk';
import type { Json } from '@plugboard/sdk';
import { writeZip } from './zip.ts';

const ROWS_MAX = 1_048_575;
const COLUMNS_MAX = 2_000;
const TEXT_MAX = 32_767;
/** Rows written between two turns of the event loop. */
const SLICE = 2_000;

export interface Sheet {
  readonly name: string;
  /** Names of the columns; left out where undefined. */
  readonly header: readonly string[] | undefined;
  readonly rows: readonly (readonly (Json | undefined)[])[];
}

/** @throws StepFailure SHEET_TOO_LARGE */
export async function writeXlsx({ name, header, rows }: Sheet): Promise<Uint8Array> {
  const width = rows.reduce((most, row) => Math.max(most, row.length), header?.length ?? 0);
  if (rows.length > ROWS_MAX || width > COLUMNS_MAX)
    fail('SHEET_TOO_LARGE', `A sheet has at most ${ROWS_MAX} rows and ${COLUMNS_MAX} columns. Write several files.`);
  const parts: Buffer[] = [
    Buffer.from(`${XML}<worksheet xmlns="${MAIN}">${header ? FROZEN : ''}<sheetData>${header ? rowText(header, 1, 1) : ''}`),
  ];
  const first = header ? 2 : 1;
  for (let at = 0; at < rows.length; at += SLICE) {
    parts.push(
      Buffer.from(
        rows
          .slice(at, at + SLICE)
          .map((row, n) => rowText(row, first + at + n, 0))
          .join(''),
      ),
    );
    if (at > 0) await setImmediate();
  }
  parts.push(Buffer.from('</sheetData></worksheet>'));
  const text = (content: string): Uint8Array => Buffer.from(XML + content);
  return writeZip([
    ['[Content_Types].xml', text(CONTENT_TYPES)],
    ['_rels/.rels', text(RELATIONS)],
    [
      'xl/workbook.xml',
      text(
        `<workbook xmlns="${MAIN}" xmlns:r="${OFFICE}/relationships"><sheets><sheet name="${escaped(sheetName(name))}" sheetId="1" r:id="rId1"/></sheets></workbook>`,
      ),
    ],
    ['xl/_rels/workbook.xml.rels', text(BOOK_RELATIONS)],
    ['xl/styles.xml', text(STYLES)],
    ['xl/worksheets/sheet1.xml', Buffer.concat(parts)],
  ]);
}

function rowText(row: readonly (Json | undefined)[], number: number, style: number): string {
  return `<row r="${number}">${row.map((value, column) => cellText(value, `${columnName(column)}${number}`, style)).join('')}</row>`;
}

function cellText(value: Json | undefined, at: string, style: number): string {
  const s = style === 0 ? '' : ` s="${style}"`;
  if (value === undefined || value === null) return '';
  if (typeof value === 'number') return `<c r="${at}"${s}><v>${value}</v></c>`;
  if (typeof value === 'boolean') return `<c r="${at}"${s} t="b"><v>${value ? 1 : 0}</v></c>`;
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return `<c r="${at}"${s} t="inlineStr"><is><t xml:space="preserve">${escaped(text.slice(0, TEXT_MAX))}</t></is></c>`;
}

function columnName(column: number): string {
  let name = '';
  for (let n = column + 1; n > 0; n = Math.floor((n - 1) / 26)) name = String.fromCharCode(65 + ((n - 1) % 26)) + name;
  return name;
}

/** What names of sheets may hold. */
function sheetName(name: string): string {
  return (
    name
      .replaceAll(/[\\/?*[\]:]/g, ' ')
      .replaceAll(/^'|'$/g, ' ')
      .slice(0, 31)
      .trim() || 'Sheet1'
  );
}

function escaped(text: string): string {
  return (
    text
      .toWellFormed()
      // oxlint-disable-next-line no-control-regex -- XML has no way to say them
      .replaceAll(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, '')
      .replaceAll('&', '&amp;')
      .replaceAll('<', '&lt;')
      .replaceAll('>', '&gt;')
      .replaceAll('"', '&quot;')
  );
}

const XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n';
const MAIN = 'http://schemas.openxmlformats.org/spreadsheetml/2006/main';
const OFFICE = 'http://schemas.openxmlformats.org/officeDocument/2006';
const PACKAGE = 'http://schemas.openxmlformats.org/package/2006';
const TYPE = 'application/vnd.openxmlformats-officedocument.spreadsheetml';
const FROZEN =
  '<sheetViews><sheetView workbookViewId="0"><pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/></sheetView></sheetViews>';
const CONTENT_TYPES = `<Types xmlns="${PACKAGE}/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/><Override PartName="/xl/workbook.xml" ContentType="${TYPE}.sheet.main+xml"/><Override PartName="/xl/worksheets/sheet1.xml" ContentType="${TYPE}.worksheet+xml"/><Override PartName="/xl/styles.xml" ContentType="${TYPE}.styles+xml"/></Types>`;
const RELATIONS = `<Relationships xmlns="${PACKAGE}/relationships"><Relationship Id="rId1" Type="${OFFICE}/relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>`;
const BOOK_RELATIONS = `<Relationships xmlns="${PACKAGE}/relationships"><Relationship Id="rId1" Type="${OFFICE}/relationships/worksheet" Target="worksheets/sheet1.xml"/><Relationship Id="rId2" Type="${OFFICE}/relationships/styles" Target="styles.xml"/></Relationships>`;
const STYLES = `<styleSheet xmlns="${MAIN}"><fonts count="2"><font><sz val="11"/><name val="Calibri"/></font><font><b/><sz val="11"/><name val="Calibri"/></font></fonts><fills count="1"><fill><patternFill patternType="none"/></fill></fills><borders count="1"><border/></borders><cellStyleXfs count="1"><xf/></cellStyleXfs><cellXfs count="2"><xf/><xf fontId="1" applyFont="1"/></cellXfs></styleSheet>`;
