import { execFileSync } from 'node:child_process';
import { deflateRawSync } from 'node:zlib';
import type { JsonObject } from '@plugboard/sdk';
import { testFile } from '@plugboard/testing';
import { describe, expect, test } from 'vitest';
import { both, codes, step } from '../../test-support/both-transports.ts';
import { openZip, writeZip } from '../sheet/zip.ts';

const reading = (bytes: Uint8Array, params: Parameters<ReturnType<typeof step>['params']>[0] = {}) => {
  const file = testFile('book.xlsx', bytes);
  return step('spreadsheet-read')
    .params(params)
    .files(file)
    .input('main', [{ json: { n: 1 }, files: { book: file.ref } }]);
};
const text = (content: string): Uint8Array => Buffer.from(content);

interface Book {
  readonly sheet?: string;
  readonly workbook?: string;
  readonly strings?: string;
  readonly styles?: string;
}

/** As Excel writes it, with its parts where Excel puts them. */
const aBook = ({ sheet = '', workbook = '<workbookPr/>', strings = '', styles = '' }: Book) =>
  writeZip([
    [
      'xl/workbook.xml',
      text(
        `<?xml version="1.0"?><workbook>${workbook}<sheets><sheet name="Eins" r:id="rId1"/><sheet name="Zwei" r:id="rId2"/></sheets></workbook>`,
      ),
    ],
    [
      'xl/_rels/workbook.xml.rels',
      text(
        '<Relationships><Relationship Id="rId1" Target="worksheets/sheet1.xml"/><Relationship Id="rId2" Target="/xl/worksheets/other.xml"/></Relationships>',
      ),
    ],
    ['xl/worksheets/sheet1.xml', text(`<worksheet><sheetData>${sheet}</sheetData></worksheet>`)],
    ['xl/worksheets/other.xml', text('<worksheet><sheetData><row r="1"><c r="A1"><v>2</v></c></row></sheetData></worksheet>')],
    ['xl/sharedStrings.xml', text(`<sst>${strings}</sst>`)],
    ['xl/styles.xml', text(`<styleSheet>${styles}</styleSheet>`)],
  ]);

describe('spreadsheets', () => {
  test('come back as they were written, and text that looks like a formula stays text', async () => {
    const items: readonly JsonObject[] = [
      { name: '=HYPERLINK("http://evil")', price: 1.5, isNew: true, 'a.b': '<&">\u0001', tags: [1], nothing: null },
      { name: 'zwei', price: -2, isNew: false, late: 'ü' },
    ];
    const written = await both(step('spreadsheet-write').params({ name: 'out.xlsx' }).items(items));
    expect(written.errors).toEqual([]);
    expect(written.ports['main']?.[0]?.files?.['file']).toMatchObject({ name: 'out.xlsx', mime: expect.stringContaining('spreadsheetml') });
    const back = await both(reading(written.files[0]?.bytes ?? new Uint8Array()));
    expect(back.items).toEqual([
      { name: '=HYPERLINK("http://evil")', price: 1.5, isNew: true, 'a.b': '<&">', tags: '[1]', nothing: null, late: null },
      { name: 'zwei', price: -2, isNew: false, 'a.b': null, tags: null, nothing: null, late: 'ü' },
    ]);
  });

  test('that are written without items hold their names alone', async () => {
    const run = await both(
      step('spreadsheet-write')
        .params({ columns: ['a', 'b'] })
        .items([]),
    );
    expect((await both(reading(run.files[0]?.bytes ?? new Uint8Array(), { header: false }))).items).toEqual([
      { column_1: 'a', column_2: 'b' },
    ]);
  });

  test('of Excel give shared and rich texts, dates, errors, and values of formulas', async () => {
    const book = await aBook({
      strings: '<si><t>name</t></si><si><r><t>ri</t></r><r><t xml:space="preserve">ch </t></r><rPh><t>no</t></rPh></si>',
      styles:
        '<numFmts><numFmt numFmtId="165" formatCode="[$-407]dd\\.mm\\.yyyy &quot;h&quot;"/><numFmt numFmtId="166" formatCode="0.0&quot; days&quot;"/></numFmts><cellXfs><xf numFmtId="0"/><xf numFmtId="14"/><xf numFmtId="165"/><xf numFmtId="22"/><xf numFmtId="166"/></cellXfs>',
      sheet:
        '<row r="2"><c r="A2" t="s"><v>0</v></c><c r="B2" t="inlineStr"><is><t>b</t></is></c><c r="D2" t="str"><v>d</v></c></row>' +
        '<row r="4"><c r="A4" t="s"><v>1</v></c><c r="B4" s="1"><v>45000</v></c><c r="C4"><v>9</v></c><c r="D4" t="b"><v>1</v></c></row>' +
        '<row r="5"><c r="A5" s="3"><v>45000.5</v></c><c r="B5" s="2"><v>1</v></c><c r="D5" t="e"><v>#N/A</v></c></row>' +
        '<row r="6"><c r="A6" s="4"><v>3</v></c><c r="B6"><f>1+1</f><v>2</v></c><c r="D6"/></row><row r="7"><c r="A7"/></row>',
    });
    expect((await both(reading(book, { firstRow: 2 }))).items).toEqual([
      { name: 'rich ', b: '2023-03-15', d: true },
      { name: '2023-03-15T12:00:00', b: '1900-01-01', d: '#N/A' },
      { name: 3, b: 2, d: null },
    ]);
    const mac = await aBook({
      workbook: '<workbookPr date1904="1"/>',
      styles: '<cellXfs><xf numFmtId="14"/></cellXfs>',
      sheet: '<row><c><v>0</v></c></row>',
    });
    expect((await both(reading(mac, { header: false }))).items).toEqual([{ column_1: '1904-01-01' }]);
  });

  test('have sheets by name and number, and say which there are', async () => {
    const book = await aBook({ sheet: '<row r="1"><c r="A1"><v>1</v></c></row>' });
    for (const [sheet, n] of [
      ['', 1],
      ['Eins', 1],
      ['Zwei', 2],
      ['2', 2],
    ] as const)
      expect((await reading(book, { sheet, header: false }).run()).items).toEqual([{ column_1: n }]);
    const missing = await both(reading(book, { sheet: 'Drei' }));
    expect(missing.errors[0]?.error).toMatchObject({ code: 'SHEET_NOT_FOUND', message: expect.stringContaining('"Eins", "Zwei"') });
    expect((await both(reading(book, { output: 'field', to: 'a.b', header: false }))).items).toEqual([
      { n: 1, a: { b: [{ column_1: 1 }] } },
    ]);
  });

  test.each([
    ['no archive', text('hello'), 'ARCHIVE_INVALID'],
    ['an empty file', new Uint8Array(0), 'ARCHIVE_INVALID'],
    ['an end without a directory', Buffer.concat([Buffer.from('PK\u0005\u0006', 'latin1'), Buffer.alloc(18, 255)]), 'ARCHIVE_TOO_LARGE'],
  ])('%s is refused', async (_, bytes, code) => {
    expect(codes(await both(reading(bytes)))).toEqual([code]);
  });

  test('hostile ones are refused before they cost anything', async () => {
    const doctype = await writeZip([
      ['xl/workbook.xml', text('<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaa">]><workbook>&a;</workbook>')],
    ]);
    expect(codes(await both(reading(doctype)))).toEqual(['SHEET_INVALID']);
    expect(codes(await both(reading(await writeZip([['word/document.xml', text('<x/>')]]))))).toEqual(['SHEET_INVALID']);
    const rows = Array.from({ length: 30 }, () => '<row><c><v>1</v></c></row>').join('');
    expect(codes(await both(reading(await aBook({ sheet: rows }), { maxRows: 10, header: false })))).toEqual(['SHEET_TOO_LARGE']);
    expect(codes(await both(reading(await aBook({ sheet: '<row><c r="ZZZ1"><v>1</v></c></row>' }))))).toEqual(['SHEET_TOO_LARGE']);
    const twice = '<row><c t="str"><v>a</v></c><c t="str"><v>a</v></c></row>';
    expect(codes(await both(reading(await aBook({ sheet: twice }))))).toEqual(['SHEET_HEADER']);
    expect(codes(await both(reading(await aBook({ sheet: '<row><c t="str"><v>__proto__</v></c></row>' }))))).toEqual(['SHEET_HEADER']);
  });

  test('rows of one cell far to the right are refused before they fill the memory', { timeout: 20_000 }, async () => {
    const sheet = '<row><c r="BXX1"><v>1</v></c></row>'.repeat(11_000);
    expect(codes(await reading(await aBook({ sheet }), { header: false }).run())).toEqual(['SHEET_TOO_LARGE']);
  });

  test('an entry that unpacks to more than it may is refused, whatever it says of its size', async () => {
    const bomb = await writeZip([['a', new Uint8Array(1_000_000)]]);
    // The directory claims one byte.
    const view = new DataView(bomb.buffer, bomb.byteOffset, bomb.byteLength);
    const at = Buffer.from(bomb).lastIndexOf(Buffer.from('PK\u0001\u0002', 'latin1'));
    view.setUint32(at + 24, 1, true);
    const limits = { entries: 10, bytes: 10_000 };
    await expect(openZip(bomb, limits).read('a')).rejects.toMatchObject({ code: 'ARCHIVE_TOO_LARGE' });
    const cut = Uint8Array.from(bomb);
    new DataView(cut.buffer).setUint32(at + 20, 0x7fffffff, true);
    await expect(openZip(cut, { ...limits, bytes: 10_000_000 }).read('a')).rejects.toMatchObject({ code: 'ARCHIVE_INVALID' });
    expect(deflateRawSync(new Uint8Array(1_000_000)).byteLength).toBeLessThan(2_000);
  });

  test('what is written is an archive that other programs read', async () => {
    const run = await step('spreadsheet-write')
      .items([{ a: 1 }])
      .run();
    const script =
      'import sys,zipfile,io; z=zipfile.ZipFile(io.BytesIO(sys.stdin.buffer.read())); assert z.testzip() is None; print(",".join(z.namelist()))';
    let names: string;
    try {
      names = execFileSync('python3', ['-c', script], {
        input: Buffer.from(run.files[0]?.bytes ?? []),
        encoding: 'utf8',
        stdio: ['pipe', 'pipe', 'ignore'],
      });
    } catch (error) {
      // Not every machine has another program to ask.
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
      throw error;
    }
    expect(names).toContain('xl/worksheets/sheet1.xml');
  });
});
