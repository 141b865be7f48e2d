/** Writes each item, a field of it, or all items together as JSON text. */
import type { Item, Json, Output } from '@plugboard/sdk';
import { defineNode, fail, item as made, p, when } from '@plugboard/sdk';
import { isList, readField, withField } from '../data/field-path.ts';
import { shown } from '../data/numbers.ts';

export const jsonWrite = defineNode({
  id: 'json-write',
  version: 1,
  title: 'Write JSON',
  help: 'Writes each item, a field of it, or all items together as JSON text.',
  icon: 'file-json',
  group: 'Formats',
  per: 'batch',
  effects: 'none',
  runsOnEmpty: true,
  cpu: 'heavy',
  params: {
    from: p
      .choice([
        { value: 'item', title: 'Each item', help: 'The new item has the text and nothing else.' },
        { value: 'field', title: 'A field of each item', help: 'The item stays and gets the text.' },
        { value: 'items', title: 'All items', help: 'One list with all of them; the result is one item.' },
      ])
      .title('Write')
      .help('What the text is made of.')
      .default('item'),
    field: p
      .text()
      .title('Field')
      .help('Name or path of the value to write.')
      .min(1)
      .max(500)
      .default('data')
      .when(when.eq('from', 'field')),
    to: p.text().title('Result field').help('Name or path of the field for the text.').min(1).max(500).default('data'),
    format: p
      .choice([
        { value: 'json', title: 'JSON' },
        { value: 'lines', title: 'JSON by lines', help: 'Each entry of a list on a line of its own (NDJSON).' },
      ])
      .title('Format')
      .default('json'),
    indent: p
      .number()
      .title('Indent')
      .help('Blanks by which nested lines move to the right; 0 writes it all on one line. Not used by lines.')
      .integer()
      .min(0)
      .max(8)
      .default(0),
  },
  run({ params, items }) {
    const text = (value: Json): string => (params.format === 'lines' ? lines(value) : JSON.stringify(value, null, params.indent));
    if (params.from === 'items') return [{ [params.to]: text(items.map((one) => one.json)) }];
    const { from, to, field = 'data' } = params;
    return items.map((one, i): Output =>
      from === 'item' ? made(withField({}, to, text(one.json)), { from: i }) : withText(one, i, to, text(valueOf(one, field, i))),
    );
  },
});

function withText(one: Item, i: number, to: string, text: string): Output {
  return made(withField(one.json, to, text), { files: one.files, from: i });
}

function valueOf(one: Item, field: string, i: number): Json {
  const value = readField(one.json, field);
  return value === undefined ? fail('FIELD_MISSING', `Item ${i} has no field "${field}".`) : value;
}

function lines(value: Json): string {
  if (!isList(value)) fail('FIELD_NOT_A_LIST', `The value is ${shown(value)}; JSON by lines is written from a list.`);
  return value.map((entry) => `${JSON.stringify(entry)}\n`).join('');
}
