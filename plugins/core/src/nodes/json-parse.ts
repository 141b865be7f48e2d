/** Reads JSON, or JSON by lines (NDJSON), out of a text field. Errors name line and column. */
import type { Json, Output } from '@plugboard/sdk';
import { defineNode, p } from '@plugboard/sdk';
import { isList, isObject, withField } from '../data/field-path.ts';
import { parseJson, parseJsonLines } from '../data/json-text.ts';
import { withFiles } from '../data/send-to.ts';
import { textOf } from '../data/text-field.ts';

export const jsonParse = defineNode({
  id: 'json-parse',
  version: 1,
  title: 'Read JSON',
  help: 'Reads JSON out of a text field.',
  icon: 'braces',
  group: 'Formats',
  per: 'item',
  effects: 'none',
  cpu: 'heavy',
  params: {
    field: p
      .text()
      .title('Field with the text')
      .help('Name or path: body behind a webhook, data behind an HTTP request.')
      .min(1)
      .max(500)
      .default('data'),
    format: p
      .choice([
        { value: 'json', title: 'JSON' },
        {
          value: 'lines',
          title: 'JSON by lines',
          help: 'One value on each line (NDJSON). The result is a list; empty lines are left out.',
        },
      ])
      .title('Format')
      .default('json'),
    output: p
      .choice([
        { value: 'field', title: 'A field', help: 'The item stays and gets the value.' },
        {
          value: 'items',
          title: 'Items',
          help: 'Each entry of a list becomes an item; any other value becomes one. What is no object goes into the field data.',
        },
      ])
      .title('Result')
      .help('Where the value goes.')
      .default('field'),
    to: p.text().title('Result field').help('Name or path. Left empty: the field the text came from. Only used for a field.').max(500),
  },
  run({ params, item }) {
    const text = textOf(item.json, params.field);
    const value = params.format === 'lines' ? parseJsonLines(text) : parseJson(text);
    if (params.output === 'field') return withFiles(withField(item.json, params.to || params.field, value), item);
    return (isList(value) ? value : [value]).map(asItem);
  },
});

function asItem(value: Json): Output {
  return isObject(value) ? value : { data: value };
}
