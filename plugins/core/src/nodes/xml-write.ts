/** Writes objects as XML: each item, a field of it, or all items together. The reverse of Read XML. */
import type { Json, JsonObject, Output } from '@plugboard/sdk';
import { defineNode, fail, item as made, p, when } from '@plugboard/sdk';
import { escapeHtml } from '../data/escape-html.ts';
import { isList, isObject, readField, withField } from '../data/field-path.ts';
import { shown } from '../data/numbers.ts';

export const xmlWrite = defineNode({
  id: 'xml-write',
  version: 1,
  title: 'Write XML',
  help: 'Writes each item, a field of it, or all items together as XML text.',
  icon: 'file-code-2',
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
        { value: 'items', title: 'All items together', help: 'One root with an element for each; the result is one item.' },
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
    root: p
      .text()
      .title('Root element')
      .help('Name of the outermost element. Left empty: the only field of the object.')
      .max(200)
      .default('root'),
    element: p
      .text()
      .title('Element of an entry')
      .help('Name of the element for each item, or for each entry of a list that is written as a whole.')
      .min(1)
      .max(200)
      .default('item'),
    attributePrefix: p
      .text()
      .title('Before attributes')
      .help('Fields whose name begins with it become attributes.')
      .min(1)
      .max(20)
      .default('@'),
    textName: p.text().title('Text of an element').help('The field that becomes the text of its element.').min(1).max(50).default('#text'),
    declaration: p.boolean().title('With declaration').help('Begins with <?xml version="1.0" encoding="UTF-8"?>.').default(true),
    indent: p
      .number()
      .title('Indent')
      .help('Blanks by which inner elements move to the right; 0 writes it all on one line.')
      .integer()
      .min(0)
      .max(8)
      .default(0),
  },
  run({ params, items }) {
    const write = (value: Json): string => new Writer(params).document(value);
    if (params.from === 'items') {
      const text = write(items.map((one) => one.json));
      return [made(withField({}, params.to, text), { from: items.map((_, i) => i) })];
    }
    return items.map((one, i): Output => {
      if (params.from === 'item') return made(withField({}, params.to, write(one.json)), { from: i });
      const field = params.field ?? 'data';
      const value = readField(one.json, field);
      if (value === undefined) fail('FIELD_MISSING', `Item ${i} has no field "${field}".`);
      return made(withField(one.json, params.to, write(value)), { files: one.files, from: i });
    });
  },
});

interface XmlWriteOptions {
  readonly root: string;
  readonly element: string;
  readonly attributePrefix: string;
  readonly textName: string;
  readonly declaration: boolean;
  readonly indent: number;
}

const NAME = /^[\p{L}_][\p{L}\p{N}\p{M}_.\u00B7-]*(?::[\p{L}_][\p{L}\p{N}\p{M}_.\u00B7-]*)?$/u;
/** Characters XML has no way to write. */
const UNWRITABLE = /[\u0000-\u0008\u000B\u000C\u000E-\u001F\uFFFE\uFFFF]/;

class Writer {
  readonly #options: XmlWriteOptions;
  readonly #pieces: string[] = [];

  constructor(options: XmlWriteOptions) {
    this.#options = options;
  }

  document(value: Json): string {
    const { declaration, indent, root } = this.#options;
    if (declaration) this.#pieces.push('<?xml version="1.0" encoding="UTF-8"?>', indent > 0 ? '\n' : '');
    if (root === '') {
      const names = isObject(value) ? Object.keys(value) : [];
      const [name = ''] = names;
      const only = isObject(value) ? value[name] : undefined;
      if (names.length !== 1 || only === undefined || isList(only))
        fail('XML_ROOT', `A document has one root element, and the value is ${shown(value)}. Name the root element.`);
      this.#element(name, only, 0);
    } else this.#element(root, isList(value) ? { [this.#options.element]: value } : value, 0);
    return this.#pieces.join('');
  }

  #element(name: string, value: Json, level: number): void {
    if (!NAME.test(name)) fail('XML_NAME', `${shown(name)} cannot be the name of an element. Rename the field.`);
    const pad = this.#pad(level);
    if (!isObject(value)) {
      if (isList(value))
        fail('XML_LIST_IN_LIST', `"${name}" is a list inside a list, for which XML has no form. Put the inner one into an object.`);
      const text = value === null ? '' : String(value);
      this.#pieces.push(pad, text === '' ? `<${name}/>` : `<${name}>${this.#text(text)}</${name}>`);
      return;
    }
    const { attributePrefix, textName } = this.#options;
    const members = Object.keys(value);
    this.#pieces.push(pad, `<${name}`);
    for (const member of members)
      if (member !== textName && member.startsWith(attributePrefix))
        this.#attribute(member.slice(attributePrefix.length), value[member] ?? null);
    const inner = members.filter((member) => member !== textName && !member.startsWith(attributePrefix));
    const text = Object.hasOwn(value, textName) ? this.#text(scalarText(value[textName] ?? null, textName)) : '';
    const before = this.#pieces.length;
    this.#pieces.push('>', text);
    for (const member of inner) this.#members(member, value, level + 1);
    if (text === '' && this.#pieces.length === before + 2) {
      this.#pieces[before] = '/>';
      return;
    }
    this.#pieces.push(inner.length > 0 ? pad || this.#lineBreak() : '', `</${name}>`);
  }

  #members(member: string, value: JsonObject, level: number): void {
    const one = value[member] ?? null;
    if (isList(one)) for (const entry of one) this.#element(member, entry, level);
    else this.#element(member, one, level);
  }

  #attribute(name: string, value: Json): void {
    if (!NAME.test(name)) fail('XML_NAME', `${shown(name)} cannot be the name of an attribute. Rename the field.`);
    if (value === null) return;
    const text = this.#text(scalarText(value, name)).replaceAll(/[\t\n\r]/g, (char) => `&#${char.charCodeAt(0)};`);
    this.#pieces.push(` ${name}="${text}"`);
  }

  #text(text: string): string {
    const found = UNWRITABLE.exec(text);
    if (found !== null)
      fail('XML_CHARACTER', `A text holds the control character ${found[0].charCodeAt(0)}, which XML cannot write. Take it out before.`);
    return escapeHtml(text);
  }

  #pad(level: number): string {
    return this.#options.indent === 0 || level === 0 ? '' : `\n${' '.repeat(level * this.#options.indent)}`;
  }

  #lineBreak(): string {
    return this.#options.indent === 0 ? '' : '\n';
  }
}

function scalarText(value: Json, name: string): string {
  if (typeof value !== 'object') return String(value);
  return value === null
    ? ''
    : fail('XML_NOT_TEXT', `"${name}" is ${shown(value)}, and attributes and texts are made of text, numbers, true or false.`);
}
