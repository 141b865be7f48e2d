/** Turns HTML into plain text, for mails, searches and models. */
import { defineNode, p } from '@plugboard/sdk';
import { withField } from '../data/field-path.ts';
import { withFiles } from '../data/send-to.ts';
import { textOf } from '../data/text-field.ts';

export const htmlToText = defineNode({
  id: 'html-text',
  version: 1,
  title: 'HTML to text',
  help: 'Turns an HTML page into the text a reader sees, without scripts and styles.',
  icon: 'file-text',
  group: 'Formats',
  per: 'item',
  effects: 'none',
  cpu: 'heavy',
  params: {
    field: p.text().title('Field with the HTML').help('Name or path.').min(1).max(500).default('data'),
    to: p.text().title('Result field').help('Name or path. Left empty: the field the HTML came from.').max(500),
    links: p.boolean().title('With addresses').help('Writes the address of a link behind its text.').default(false),
  },
  async run({ params, item }) {
    // Loaded by the first page that is read, so that importing the plugin stays quick.
    const [{ parseHtml }, { htmlText }] = await Promise.all([import('../html/document.ts'), import('../html/text.ts')]);
    const page = parseHtml(textOf(item.json, params.field));
    return withFiles(withField(item.json, params.to || params.field, htmlText([page], params.links)), item);
  },
});
