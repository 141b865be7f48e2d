/** Makes a file of what a field holds and hangs it on the item. The file belongs to the run. */
import type { Json } from '@plugboard/sdk';
import { defineNode, fail, p } from '@plugboard/sdk';
import { shown } from '../data/numbers.ts';
import { withFile } from '../files/item-file.ts';

const TYPES = { text: 'text/plain', json: 'application/json', base64: 'application/octet-stream' };
const BASE64 = /^[A-Za-z0-9+/_-]*={0,2}$/;

export const writeFile = defineNode({
  id: 'write-file',
  version: 1,
  title: 'Make file',
  help: 'Makes a file of text, JSON or base64 and hangs it on the item. It is kept as long as the run.',
  icon: 'file-output',
  group: 'Files',
  per: 'item',
  effects: 'read',
  params: {
    content: p.json().title('Content').help('Such as ={{ $json.data }}.').required(),
    as: p
      .choice([
        { value: 'text', title: 'Text', help: 'In UTF-8.' },
        { value: 'json', title: 'JSON' },
        { value: 'base64', title: 'Base64', help: 'The bytes it stands for.' },
      ])
      .title('Content is')
      .help('How it becomes bytes.')
      .default('text'),
    name: p.text().title('File name').help('Such as report.txt.').placeholder('report.txt').min(1).max(200).required(),
    mime: p.text().title('Type').help('Such as text/csv. Left empty: by what the content is.').max(127).default(''),
    to: p.text().title('Name at the item').help('Steps find the file under it.').min(1).max(100).default('file'),
  },
  async run({ params, item, ctx }) {
    const bytes = bytesOf(params.content, params.as);
    const file = await ctx.files.create(bytes, { name: params.name, mime: params.mime || TYPES[params.as] });
    return withFile(item.json, item, params.to, file);
  },
});

function bytesOf(content: Json, as: keyof typeof TYPES): Uint8Array {
  if (as === 'json') return Buffer.from(`${JSON.stringify(content, null, 2)}\n`);
  if (typeof content !== 'string') {
    if (as === 'text' && (typeof content === 'number' || typeof content === 'boolean')) return Buffer.from(String(content));
    return fail('CONTENT_NOT_TEXT', `The content is ${shown(content)}, which is no text. Choose JSON, or name a field with text.`);
  }
  if (as === 'text') return Buffer.from(content);
  const text = content.replace(/^data:[^,]*;base64,/, '').replaceAll(/\s/g, '');
  if (!BASE64.test(text)) return fail('CONTENT_NOT_BASE64', `The content is ${shown(content)}, which is no base64.`);
  return Buffer.from(text.replaceAll('-', '+').replaceAll('_', '/'), 'base64');
}
