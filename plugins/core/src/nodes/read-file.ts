/** Reads a file of the item, or one of the store, into a field. */
import type { Json } from '@plugboard/sdk';
import { defineNode, fail, p, when } from '@plugboard/sdk';
import { setField } from '../data/field-path.ts';
import { withFiles } from '../data/send-to.ts';
import { ENCODINGS, factsOf, fileOf, readWhole, textOfBytes, withFile } from '../files/item-file.ts';

const MIB = 1024 * 1024;

export const readFile = defineNode({
  id: 'read-file',
  version: 1,
  title: 'Read file',
  help: 'Reads a file of the item or of the workspace into a field: as text, JSON, base64, or only what is known of it.',
  icon: 'file-input',
  group: 'Files',
  per: 'item',
  effects: 'read',
  params: {
    from: p
      .choice([
        { value: 'item', title: 'The item' },
        { value: 'store', title: 'The files of the workspace', help: 'Such as an uploaded one. It hangs on the item from then on.' },
      ])
      .title('File of')
      .help('Where the file is.')
      .default('item'),
    file: p
      .text()
      .title('File')
      .help('Name of the item’s file. Left empty: the only one it has; one of the workspace is then named file.')
      .max(200)
      .default(''),
    id: p.text().title('Id').help('Of the file, as its upload gave it.').min(1).max(100).required().when(when.eq('from', 'store')),
    as: p
      .choice([
        { value: 'text', title: 'Text' },
        { value: 'json', title: 'JSON' },
        { value: 'lines', title: 'Lines', help: 'A list with an entry for each line.' },
        { value: 'base64', title: 'Base64', help: 'Any bytes, as text.' },
        { value: 'facts', title: 'What is known of it', help: 'Name, type, size and hash, without reading it.' },
      ])
      .title('Read as')
      .help('What the field gets.')
      .default('text'),
    encoding: p
      .choice(ENCODINGS)
      .title('Encoding')
      .help('How the bytes are text.')
      .default('utf-8')
      .when(when.in('as', ['text', 'json', 'lines'])),
    to: p.text().title('Result field').help('Name or path.').min(1).max(500).default('data'),
    maxBytes: p
      .number()
      .title('At most')
      .help('Bytes; a larger file is an error.')
      .integer()
      .min(1)
      .max(64 * MIB)
      .default(16 * MIB),
  },
  async run({ params, item, ctx }) {
    const isStored = params.from === 'store';
    const file = isStored ? await ctx.files.find(params.id ?? '') : fileOf(item, params.file);
    const value = async (): Promise<Json> => {
      if (params.as === 'facts') return factsOf(file);
      const bytes = await readWhole(ctx.files, file, params.maxBytes);
      if (params.as === 'base64') return Buffer.from(bytes).toString('base64');
      const text = textOfBytes(bytes, params.encoding ?? 'utf-8', file.name);
      if (params.as === 'text') return text;
      if (params.as === 'lines') return text === '' ? [] : text.replace(/\r?\n$/, '').split(/\r?\n/);
      try {
        return JSON.parse(text) as Json;
      } catch (cause) {
        return fail('JSON_INVALID', `"${file.name}" is not JSON.`, { cause });
      }
    };
    const json = { ...item.json };
    setField(json, params.to, await value());
    return isStored ? withFile(json, item, params.file || 'file', file) : withFiles(json, item);
  },
});
