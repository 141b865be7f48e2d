/**
 * Fills the fields of an item into a text. Placeholders are filled here and not by expressions, so that values can be made harmless for
 * what the text becomes: a name with a < in it stays a name in an HTML page.
 */
import type { Json, JsonObject, Output } from '@plugboard/sdk';
import { defineNode, fail, item as made, p, when } from '@plugboard/sdk';
import { escapeHtml } from '../data/escape-html.ts';
import { fieldReader, withField } from '../data/field-path.ts';

export const template = defineNode({
  id: 'template',
  version: 1,
  title: 'Template',
  help: 'Fills fields into a text: one text for each item, or one for all of them.',
  icon: 'text-quote',
  group: 'Formats',
  per: 'batch',
  effects: 'none',
  cpu: 'heavy',
  params: {
    from: p
      .choice([
        { value: 'item', title: 'Each item', help: 'The item stays and gets its text.' },
        { value: 'items', title: 'All items', help: 'One text with a part for each item; the result is one item.' },
      ])
      .title('Write')
      .help('How many texts to write.')
      .default('item'),
    text: p
      .text()
      .title('Text')
      .help('{{ address.city }} stands for that field of the item; objects and lists are written as JSON.')
      .multiline()
      .max(200_000)
      .expr('deny')
      .required(),
    escape: p
      .choice([
        { value: 'none', title: 'Nothing', help: 'Values are filled in as they are. Do not send the result to a browser.' },
        { value: 'html', title: 'HTML and XML', help: 'Values cannot make tags or leave a quoted attribute.' },
        { value: 'url', title: 'Parts of an address', help: 'Values are percent-encoded.' },
        { value: 'json', title: 'JSON', help: 'Values are written as JSON, text with its quotes.' },
      ])
      .title('Make harmless for')
      .help('How values are written so that they stay values.')
      .default('none'),
    missing: p
      .choice({ empty: 'Leave it empty', fail: 'Fail' })
      .title('Without the field')
      .help('What to do when a field is missing or null.')
      .default('empty'),
    separator: p
      .text()
      .title('Between the parts')
      .help('What stands between two items.')
      .max(1_000)
      .default('\n')
      .when(when.eq('from', 'items')),
    before: p
      .text()
      .title('Before all')
      .help('Text in front of the first part.')
      .multiline()
      .max(200_000)
      .default('')
      .when(when.eq('from', 'items')),
    after: p
      .text()
      .title('After all')
      .help('Text behind the last part.')
      .multiline()
      .max(200_000)
      .default('')
      .when(when.eq('from', 'items')),
    to: p.text().title('Result field').help('Name or path of the field for the text.').min(1).max(500).default('data'),
  },
  run({ params, items }) {
    const fill = filler(params.text, params.escape, params.missing === 'fail');
    if (params.from === 'item')
      return items.map((one, i): Output => made(withField(one.json, params.to, fill(one.json, i)), { files: one.files, from: i }));
    const parts = items.map((one, i) => fill(one.json, i));
    const text = `${params.before ?? ''}${parts.join(params.separator ?? '\n')}${params.after ?? ''}`;
    return [made(withField({}, params.to, text), { from: items.map((_, i) => i) })];
  },
});

type Escape = 'none' | 'html' | 'url' | 'json';
type Fill = (json: JsonObject, i: number) => string;

/** Reads the template once: plain texts at even places, field paths at odd ones. */
function filler(text: string, escape: Escape, mustExist: boolean): Fill {
  const pieces = text.split(/\{\{([^{}]{1,500})\}\}/);
  const readers = pieces.map((piece, n) => (n % 2 === 0 ? undefined : { path: piece.trim(), read: fieldReader(piece.trim()) }));
  return (json, i) => {
    let result = '';
    for (const [n, piece] of pieces.entries()) {
      const field = readers[n];
      if (field === undefined) {
        result += piece;
        continue;
      }
      const value = field.read(json) ?? null;
      if (value === null && mustExist)
        fail('FIELD_MISSING', `Item ${i} has no field "${field.path}". Correct the name, or choose to leave it empty.`);
      result += written(value, escape);
    }
    return result;
  };
}

function written(value: Json, escape: Escape): string {
  if (escape === 'json') return JSON.stringify(value);
  const text = value === null ? '' : typeof value === 'object' ? JSON.stringify(value) : String(value);
  if (escape === 'html') return escapeHtml(text);
  return escape === 'url' ? encodeURIComponent(text) : text;
}
