/** Turns Markdown into HTML that is safe to show. */
import type { FailedItem, Output } from '@plugboard/sdk';
import { defineNode, fail, failed, item as made, p } from '@plugboard/sdk';
import { withField } from '../data/field-path.ts';
import { textOf } from '../data/text-field.ts';

/** Characters of one text; some constructs take time that grows faster than the text. */
const LENGTH_MAX = 1_000_000;

export const markdown = defineNode({
  id: 'markdown',
  version: 1,
  title: 'Markdown to HTML',
  help: 'Turns Markdown into HTML that is safe to show. HTML inside it is shown as text, and links with scripts stay text.',
  icon: 'heading',
  group: 'Formats',
  per: 'batch',
  effects: 'none',
  atomic: false,
  cpu: 'heavy',
  params: {
    field: p
      .text()
      .title('Field with the Markdown')
      .help(`Name or path. At most ${LENGTH_MAX} characters.`)
      .min(1)
      .max(500)
      .default('data'),
    to: p.text().title('Result field').help('Name or path.').min(1).max(500).default('html'),
    breaks: p
      .boolean()
      .title('Keep line breaks')
      .help('When on, each line break is one in the result. When off, an empty line begins a paragraph.')
      .default(false),
    linkify: p.boolean().title('Link addresses').help('Makes links of addresses that are written out.').default(false),
    images: p.boolean().title('Images').help('When off, images are written as text.').default(true),
  },
  async run({ params, items }) {
    // Loaded by the first text that is written, so that importing the plugin stays quick.
    const { markdownRenderer } = await import('../html/markdown.ts');
    const render = markdownRenderer(params);
    return items.map((one, i): Output | FailedItem => {
      try {
        const text = textOf(one.json, params.field);
        if (text.length > LENGTH_MAX) fail('MARKDOWN_TOO_LONG', `The Markdown has more than ${LENGTH_MAX} characters. Split it.`);
        return made(withField(one.json, params.to, render(text)), { files: one.files, from: i });
      } catch (error) {
        return failed(i, error);
      }
    });
  },
});
