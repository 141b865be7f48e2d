/** Adds, replaces and removes fields of each item. Every value is worked out from the item as it came in, whatever the order of the fields. */
import type { Json } from '@plugboard/sdk';
import { defineNode, fail, p, when } from '@plugboard/sdk';
import { type MutableObject, removeField, setField } from '../data/field-path.ts';
import { withFiles } from '../data/send-to.ts';

export const set = defineNode({
  id: 'set',
  version: 1,
  title: 'Set fields',
  help: 'Adds, replaces and removes fields of each item. A field whose expression gives no value is left out.',
  icon: 'pencil',
  group: 'Data',
  per: 'item',
  effects: 'none',
  params: {
    keep: p
      .choice([
        { value: 'all', title: 'All fields', help: 'The item keeps its fields and files; the fields below are added or replaced.' },
        { value: 'none', title: 'Only the fields below', help: 'The item has the fields below and nothing else, no files either.' },
      ])
      .title('Keep')
      .help('What the new item keeps of the old one.')
      .default('all'),
    fields: p
      .map(p.json().title('Value'))
      .title('Fields')
      .help('Names and values. Each expression sees the item as it came in.')
      .default({}),
    remove: p
      .list(p.text().title('Field'))
      .title('Remove')
      .help('Fields to take out before the others are set. A name that is not there does no harm.')
      .default([])
      .when(when.eq('keep', 'all')),
    dots: p
      .boolean()
      .title('Dots make nested fields')
      .help('When on, the name address.city sets the field city inside the object address. When off, it is a plain name with a dot in it.')
      .default(false),
  },
  run({ params, item }) {
    if (params.keep === 'none') return filled({}, params.fields, params.dots);
    const json: MutableObject = { ...item.json };
    for (const name of params.remove ?? []) {
      if (params.dots) removeField(json, name);
      else delete json[name];
    }
    return withFiles(filled(json, params.fields, params.dots), item);
  },
});

function filled(target: MutableObject, fields: { readonly [name: string]: Json }, dots: boolean): MutableObject {
  for (const name in fields) {
    const value = Object.hasOwn(fields, name) ? fields[name] : undefined;
    if (value === undefined) continue;
    if (dots) setField(target, name, value);
    else if (name === '__proto__') fail('FIELD_NAME', 'A field cannot be named __proto__. Choose another name.');
    else target[name] = value;
  }
  return target;
}
