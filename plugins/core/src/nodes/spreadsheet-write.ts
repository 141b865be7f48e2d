/** Writes all items as the rows of one Excel file. */
import { defineNode, item as output, p } from '@plugboard/sdk';
import { fieldReader } from '../data/field-path.ts';
import { factsOf } from '../files/item-file.ts';
import { writeXlsx } from '../sheet/write-xlsx.ts';

const TYPE = 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet';

export const spreadsheetWrite = defineNode({
  id: 'spreadsheet-write',
  version: 1,
  title: 'Write spreadsheet',
  help: 'Writes all items as rows of one Excel file (.xlsx).',
  icon: 'file-spreadsheet',
  group: 'Files',
  per: 'batch',
  effects: 'read',
  runsOnEmpty: true,
  params: {
    name: p.text().title('File name').help('Such as orders.xlsx.').min(1).max(200).default('table.xlsx'),
    sheet: p.text().title('Sheet').help('Its name, up to 31 characters.').max(31).default('Sheet1'),
    columns: p
      .list(p.text().title('Field').min(1).max(500))
      .title('Columns')
      .help('Fields or paths from left to right. Left empty: all fields in the order they first appear.')
      .max(2_000)
      .default([]),
    header: p.boolean().title('Names in the first row').default(true),
    to: p.text().title('Name at the item').help('Steps find the file under it.').min(1).max(100).default('file'),
  },
  async run({ params, items, ctx }) {
    const columns = params.columns.length > 0 ? params.columns : [...new Set(items.flatMap((one) => Object.keys(one.json)))];
    // A field whose name holds dots is found by its name before it is taken for a path.
    const readers = columns.map(fieldReader);
    const rows = items.map(({ json }) => readers.map((read) => read(json)));
    const bytes = await writeXlsx({ name: params.sheet, header: params.header ? columns : undefined, rows });
    const file = await ctx.files.create(bytes, { name: params.name, mime: TYPE });
    return [output(factsOf(file), { files: { [params.to]: file }, from: items.map((_, n) => n) })];
  },
});
