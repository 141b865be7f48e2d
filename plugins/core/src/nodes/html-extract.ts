/** Takes values out of an HTML page by CSS selectors. */
import type { Output } from '@plugboard/sdk';
import { defineNode, item as made, p, when } from '@plugboard/sdk';
import { textOf } from '../data/text-field.ts';

export const htmlExtract = defineNode({
  id: 'html-extract',
  version: 1,
  title: 'Extract from HTML',
  help: 'Takes texts and attributes out of an HTML page by CSS selectors.',
  icon: 'scan-text',
  group: 'Formats',
  per: 'item',
  effects: 'none',
  cpu: 'heavy',
  params: {
    field: p
      .text()
      .title('Field with the page')
      .help('Name or path: body behind a webhook, data behind an HTTP request.')
      .min(1)
      .max(500)
      .default('data'),
    rows: p
      .text()
      .title('One item for each')
      .help('Selector such as table tr or article: the values below are looked for inside each match. Left empty: one item for the page.')
      .max(1_000)
      .default(''),
    values: p
      .list(
        p
          .object({
            name: p.text().title('Name').help('Field for the value.').min(1).max(200).required(),
            selector: p
              .text()
              .title('Selector')
              .help('CSS selector such as h1, .price > span or a[href]. Left empty: the row itself.')
              .max(1_000)
              .default(''),
            get: p
              .choice([
                { value: 'text', title: 'Text', help: 'Without tags; lines as a reader sees them.' },
                { value: 'attribute', title: 'Attribute' },
                { value: 'html', title: 'HTML inside', help: 'As the page has it; do not show it to others.' },
                { value: 'outer', title: 'HTML with the element' },
                { value: 'count', title: 'Number of matches' },
              ])
              .title('Take')
              .help('What to take of the element.')
              .default('text'),
            attribute: p
              .text()
              .title('Attribute')
              .help('Its name, such as href.')
              .min(1)
              .max(200)
              .default('href')
              .when(when.eq('get', 'attribute')),
            many: p
              .boolean()
              .title('All matches')
              .help('When on, the value is a list. When off, it is the first match, or null.')
              .default(false),
          })
          .title('Value'),
      )
      .title('Values')
      .help('Each adds one field to the result.')
      .min(1)
      .max(200)
      .required(),
    keep: p
      .choice([
        { value: 'none', title: 'Nothing else' },
        { value: 'others', title: 'The fields of the item', help: 'With its files; the values win where names are equal.' },
      ])
      .title('Keep')
      .help('What each new item keeps of the old one.')
      .default('none'),
  },
  async run({ params, item }) {
    // Loaded by the first page that is read, so that importing the plugin stays quick.
    const { extracted } = await import('../html/extract.ts');
    const rows = extracted(textOf(item.json, params.field), params.rows, params.values);
    if (params.keep === 'none') return rows;
    return rows.map((values): Output => made({ ...item.json, ...values }, { files: item.files }));
  },
});
