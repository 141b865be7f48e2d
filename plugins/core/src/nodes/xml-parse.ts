/** Reads XML out of a text field: the whole document as an object, or the repeated elements of a feed as items. */
import type { Json, Output } from '@plugboard/sdk';
import { defineNode, fail, p, when } from '@plugboard/sdk';
import { isList, isObject, readField, withField } from '../data/field-path.ts';
import { shown } from '../data/numbers.ts';
import { withFiles } from '../data/send-to.ts';
import { textOf } from '../data/text-field.ts';
import { XML_DEPTH_MAX, parseXml } from '../data/xml-text.ts';

export const xmlParse = defineNode({
  id: 'xml-parse',
  version: 1,
  title: 'Read XML',
  help: `Reads XML out of a text field. Document types and their entities are not read, and elements nest at most ${XML_DEPTH_MAX} deep.`,
  icon: 'file-code',
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
    path: p
      .text()
      .title('Part')
      .help('Path of the part to take, such as rss.channel.item. Left empty: the whole document.')
      .max(500)
      .default(''),
    output: p
      .choice([
        { value: 'field', title: 'A field', help: 'The item stays and gets the value.' },
        {
          value: 'items',
          title: 'Items',
          help: 'Each element of a list becomes an item; a single one becomes one, a missing one none. What is no object goes into the field data.',
        },
      ])
      .title('Result')
      .help('Where the value goes.')
      .default('field'),
    to: p
      .text()
      .title('Result field')
      .help('Name or path. Left empty: the field the text came from.')
      .max(500)
      .when(when.eq('output', 'field')),
    lists: p
      .list(p.text().title('Element').help('Name of the element.').min(1).max(200))
      .title('Always lists')
      .help('Elements that are a list even when there is only one of them.')
      .default([]),
    types: p
      .choice([
        { value: 'text', title: 'Text', help: 'Everything stays the text it is.' },
        { value: 'auto', title: 'Guess', help: 'true, false and plain numbers. Leading zeros and more than 15 digits stay text.' },
      ])
      .title('Values are')
      .help('How texts and attributes are read.')
      .default('text'),
    attributePrefix: p.text().title('Before attributes').help('Put before the names of attributes.').max(20).default('@'),
    textName: p
      .text()
      .title('Text of an element')
      .help('Field for the text of an element that has attributes or elements too. Where text and elements alternate, their order is lost.')
      .min(1)
      .max(50)
      .default('#text'),
    trim: p.boolean().title('Trim texts').default(true),
    dropNamespaces: p
      .boolean()
      .title('Leave out namespaces')
      .help('When on, dc:title is named title and xmlns attributes are left out.')
      .default(false),
  },
  run({ params, item }) {
    const document = parseXml(textOf(item.json, params.field), {
      attributePrefix: params.attributePrefix,
      textName: params.textName,
      lists: params.lists,
      guess: params.types === 'auto',
      trim: params.trim,
      dropNamespaces: params.dropNamespaces,
    });
    const part = params.path === '' ? document : readField(document, params.path);
    if (params.output === 'items') return part === undefined ? [] : (isList(part) ? part : [part]).map(asItem);
    if (part === undefined) fail('XML_PART', `The document has no "${params.path}". At its top stands ${shown(Object.keys(document))}.`);
    return withFiles(withField(item.json, params.to || params.field, part), item);
  },
});

function asItem(value: Json): Output {
  return isObject(value) ? value : { data: value };
}
