/** Turns a list inside an item into items, one for each entry. */
import type { Json, JsonObject, Output } from '@plugboard/sdk';
import { defineNode, fail, item, p } from '@plugboard/sdk';
import { type MutableObject, isList, isObject, readField, removeField } from '../data/field-path.ts';
import { shown } from '../data/numbers.ts';

export const split = defineNode({
  id: 'split',
  version: 1,
  title: 'Split out',
  help: 'Turns a list inside an item into items, one for each entry.',
  icon: 'list-tree',
  group: 'Data',
  per: 'item',
  effects: 'none',
  params: {
    field: p.text().title('List').help('Name or path of the field that holds the list, such as order.lines.').min(1).max(500).required(),
    as: p
      .text()
      .title('Put each entry in')
      .help('Field for the entry. Left empty: an object becomes the item itself, anything else goes into a field named like the list.')
      .max(200),
    keep: p
      .choice([
        { value: 'none', title: 'Nothing else' },
        {
          value: 'others',
          title: 'The other fields',
          help: 'Each new item also has the other fields of the old one. The entry wins where names are equal.',
        },
      ])
      .title('Keep')
      .help('What each new item keeps of the old one besides the entry. Its files are kept with the other fields.')
      .default('none'),
    missing: p
      .choice([
        { value: 'fail', title: 'Fail' },
        { value: 'skip', title: 'Give no items' },
      ])
      .title('Without the field')
      .help('What to do with an item whose field is missing or null.')
      .default('fail'),
  },
  run({ params, item: input }) {
    const list = readField(input.json, params.field);
    if (list === undefined || list === null) {
      if (params.missing === 'skip') return undefined;
      fail('FIELD_MISSING', `The item has no field "${params.field}". Correct the name, or choose to give no items then.`);
    }
    if (!isList(list)) fail('FIELD_NOT_A_LIST', `"${params.field}" is ${shown(list)}, which is no list.`);
    const name = params.as || (params.field.split('.').at(-1) ?? params.field);
    const wrap = Boolean(params.as);
    if (params.keep === 'none') return list.map((entry) => entryObject(entry, name, wrap));
    const others: MutableObject = { ...input.json };
    removeField(others, params.field);
    return list.map((entry): Output => {
      const json = { ...others, ...entryObject(entry, name, wrap) };
      return input.files === undefined ? json : item(json, { files: input.files });
    });
  },
});

function entryObject(entry: Json, name: string, wrap: boolean): JsonObject {
  return !wrap && isObject(entry) ? entry : { [name]: entry };
}
