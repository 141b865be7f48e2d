/** Gives fields other names. The order of the fields stays. */
import type { Json, JsonObject } from '@plugboard/sdk';
import { defineNode, fail, p, when } from '@plugboard/sdk';
import { type MutableObject, readField, removeField } from '../data/field-path.ts';
import { withFiles } from '../data/send-to.ts';

export const rename = defineNode({
  id: 'rename',
  version: 1,
  title: 'Rename fields',
  help: 'Gives fields other names, or picks some of them. The order of the fields stays.',
  icon: 'replace',
  group: 'Data',
  per: 'item',
  effects: 'none',
  params: {
    fields: p
      .map(p.text().title('New name').help('A plain name; dots in it do not nest.').min(1).max(200))
      .title('Fields')
      .help('Old names, each with its new one. A path such as address.city takes the field out of its object and puts it at the end.')
      .default({}),
    others: p
      .choice([
        { value: 'keep', title: 'Keep' },
        { value: 'drop', title: 'Drop', help: 'Only the fields above go on. The files of the item stay.' },
      ])
      .title('Other fields')
      .help('What happens to fields that are not named above.')
      .default('keep'),
    prefix: p.text().title('Prefix').help('Put before the names of the other fields.').max(100).default('').when(when.eq('others', 'keep')),
    suffix: p.text().title('Suffix').help('Put after the names of the other fields.').max(100).default('').when(when.eq('others', 'keep')),
    missing: p
      .choice([
        { value: 'skip', title: 'Leave it out' },
        { value: 'fail', title: 'Fail' },
      ])
      .title('Without a field')
      .help('What to do with an item that lacks one of the fields above.')
      .default('skip'),
  },
  run({ params, item }) {
    const { fields, others } = params;
    const { json, lifted } = withoutPaths(item.json, Object.keys(fields), params.missing === 'fail');
    const result: MutableObject = {};
    for (const name of Object.keys(json)) {
      if (Object.hasOwn(fields, name)) put(result, fields[name] ?? name, json[name] ?? null);
      else if (others === 'keep') put(result, `${params.prefix ?? ''}${name}${params.suffix ?? ''}`, json[name] ?? null);
    }
    for (const [path, value] of lifted) put(result, fields[path] ?? path, value);
    return withFiles(result, item);
  },
});

/** The item without what is named by path, and those values in the order they were asked for. */
function withoutPaths(
  json: JsonObject,
  names: readonly string[],
  mustExist: boolean,
): { readonly json: JsonObject; readonly lifted: readonly (readonly [string, Json])[] } {
  const lifted: (readonly [string, Json])[] = [];
  let rest: MutableObject | undefined;
  for (const name of names) {
    if (Object.hasOwn(json, name)) continue;
    const value = readField(json, name);
    if (value !== undefined) {
      lifted.push([name, value]);
      removeField((rest ??= { ...json }), name);
    } else if (mustExist) fail('FIELD_MISSING', `The item has no field "${name}". Correct the name, or choose to leave it out.`);
  }
  return { json: rest ?? json, lifted };
}

function put(target: MutableObject, name: string, value: Json): void {
  if (name === '__proto__') fail('FIELD_NAME', 'A field cannot be named __proto__. Choose another name.');
  if (Object.hasOwn(target, name))
    fail('RENAME_CLASH', `Two fields would be named "${name}", and one would be lost. Choose different names.`);
  target[name] = value;
}
