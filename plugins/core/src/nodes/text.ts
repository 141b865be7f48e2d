/** One operation on a text of each item. Nothing here takes a regular expression: what is looked for is meant literally. */
import type { Json } from '@plugboard/sdk';
import { defineNode, fail, p, when } from '@plugboard/sdk';
import { type CaseName, inCase } from '../data/letter-case.ts';
import { withField } from '../data/field-path.ts';
import { withFiles } from '../data/send-to.ts';
import { slugOf } from '../data/slug.ts';
import { textOf } from '../data/text-field.ts';

const is = (...operations: readonly string[]) => when.in('operation', operations);

export const text = defineNode({
  id: 'text',
  version: 1,
  title: 'Text',
  help: 'Splits, replaces, trims, pads or cuts a text, changes its case, or makes a slug of it.',
  icon: 'type',
  group: 'Data',
  per: 'item',
  effects: 'none',
  params: {
    operation: p
      .choice([
        { value: 'split', title: 'Split', help: 'Gives a list.' },
        { value: 'replace', title: 'Replace' },
        { value: 'trim', title: 'Trim' },
        { value: 'case', title: 'Change case' },
        { value: 'pad', title: 'Pad' },
        { value: 'substring', title: 'Cut out by position' },
        { value: 'between', title: 'Cut out between marks', help: 'Gives null, or an empty list for all of them, when nothing is found.' },
        { value: 'slug', title: 'Slug', help: 'Small letters a to z, digits and hyphens, for addresses and file names.' },
      ])
      .title('Do')
      .help('What to do with the text.')
      .required(),
    field: p.text().title('Field with the text').help('Name or path, such as customer.name.').min(1).max(500).required(),
    to: p.text().title('Result field').help('Name or path. Left empty: the field the text came from.').max(500),
    separator: p.text().title('Separator').help('Where to split. Left empty: at each line break.').max(1_000).default('').when(is('split')),
    trimParts: p.boolean().title('Trim the parts').default(true).when(is('split')),
    dropEmpty: p.boolean().title('Leave out empty parts').default(false).when(is('split')),
    find: p.text().title('Find').help('The text to replace, meant literally.').min(1).max(10_000).required().when(is('replace')),
    with: p
      .text()
      .title('Replace with')
      .help('Meant literally. Left empty: what is found is taken out.')
      .max(100_000)
      .default('')
      .when(is('replace')),
    which: p
      .choice({ all: 'All', first: 'The first' })
      .title('Which')
      .help('What counts when there are several.')
      .default('all')
      .when(is('replace', 'between')),
    ignoreCase: p.boolean().title('Ignore case').default(false).when(is('replace')),
    trim: p
      .choice([
        { value: 'both', title: 'Both ends' },
        { value: 'start', title: 'The beginning' },
        { value: 'end', title: 'The end' },
        { value: 'inside', title: 'Everywhere', help: 'Also makes each run of blanks and line breaks inside a single blank.' },
      ])
      .title('Take blanks off')
      .help('Where blanks and line breaks are taken out.')
      .default('both')
      .when(is('trim')),
    case: p
      .choice({
        lower: 'lower case',
        upper: 'UPPER CASE',
        sentence: 'Sentence case',
        title: 'Title Case',
        camel: 'camelCase',
        pascal: 'PascalCase',
        snake: 'snake_case',
        kebab: 'kebab-case',
      })
      .title('Case')
      .help('The case to bring the text into.')
      .default('lower')
      .when(is('case')),
    length: p
      .number()
      .title('Length')
      .help('Characters of the padded text, or to cut out. Left empty when cutting: up to the end.')
      .integer()
      .min(0)
      .max(1_000_000)
      .when(is('pad', 'substring')),
    fill: p.text().title('Fill with').help('Repeated up to the length.').min(1).max(100).default(' ').when(is('pad')),
    side: p.choice({ start: 'At the beginning', end: 'At the end' }).title('Fill').help('Where to fill.').default('start').when(is('pad')),
    start: p
      .number()
      .title('From')
      .help('Position of the first character, from 0. Below 0 counts from the end.')
      .integer()
      .default(0)
      .when(is('substring')),
    after: p
      .text()
      .title('After')
      .help('The mark in front, meant literally. Left empty: the beginning of the text.')
      .max(1_000)
      .default('')
      .when(is('between')),
    before: p
      .text()
      .title('Before')
      .help('The mark behind, meant literally. Left empty: the end of the text.')
      .max(1_000)
      .default('')
      .when(is('between')),
  },
  run({ params, item }) {
    const result = changed(textOf(item.json, params.field), params);
    return withFiles(withField(item.json, params.to || params.field, result), item);
  },
});

interface TextOptions {
  readonly operation: 'split' | 'replace' | 'trim' | 'case' | 'pad' | 'substring' | 'between' | 'slug';
  readonly separator?: string;
  readonly trimParts?: boolean;
  readonly dropEmpty?: boolean;
  readonly find?: string;
  readonly with?: string;
  readonly which?: 'all' | 'first';
  readonly ignoreCase?: boolean;
  readonly trim?: 'both' | 'start' | 'end' | 'inside';
  readonly case?: CaseName;
  readonly length?: number;
  readonly fill?: string;
  readonly side?: 'start' | 'end';
  readonly start?: number;
  readonly after?: string;
  readonly before?: string;
}

function changed(text: string, options: TextOptions): Json {
  switch (options.operation) {
    case 'split':
      return parts(text, options);
    case 'replace':
      return replaced(text, options);
    case 'trim':
      return trimmed(text, options.trim ?? 'both');
    case 'case':
      return inCase(text, options.case ?? 'lower');
    case 'pad':
      return padded(text, options);
    case 'substring':
      return cut(text, options.start ?? 0, options.length);
    case 'between':
      return between(text, options);
    case 'slug':
      return slugOf(text);
  }
}

function parts(text: string, { separator = '', trimParts, dropEmpty }: TextOptions): readonly string[] {
  let list = separator === '' ? text.split(/\r\n|\r|\n/) : text.split(separator);
  if (trimParts === true) list = list.map((part) => part.trim());
  return dropEmpty === true ? list.filter((part) => part !== '') : list;
}

/** Characters that may be put in for what was found: a short text can be found very often. */
const REPLACED_MAX = 32_000_000;

function replaced(text: string, { find = '', with: by = '', which, ignoreCase }: TextOptions): string {
  if (find === '') fail('TEXT_FIND', 'Say which text to replace.');
  let added = 0;
  const put = (): string => {
    added += by.length;
    if (added > REPLACED_MAX) fail('TEXT_TOO_LONG', `The replacements would hold more than ${REPLACED_MAX} characters.`);
    return by;
  };
  if (ignoreCase !== true) return which === 'first' ? text.replace(find, put) : text.replaceAll(find, put);
  const literal = new RegExp(RegExp.escape(find), which === 'first' ? 'iu' : 'giu');
  return text.replace(literal, put);
}

function trimmed(text: string, where: 'both' | 'start' | 'end' | 'inside'): string {
  if (where === 'start') return text.trimStart();
  if (where === 'end') return text.trimEnd();
  return where === 'both' ? text.trim() : text.trim().replaceAll(/\s+/g, ' ');
}

/** Counts characters as people do not write halves of them: code points. */
function padded(text: string, { length, fill = ' ', side }: TextOptions): string {
  if (length === undefined) fail('TEXT_LENGTH', 'Say how long the text should become.');
  const missing = length - lengthOf(text);
  if (missing <= 0) return text;
  const filling = Array.from(fill.repeat(Math.ceil(missing / lengthOf(fill))))
    .slice(0, missing)
    .join('');
  return side === 'end' ? text + filling : filling + text;
}

const SURROGATE = /[\uD800-\uDFFF]/;

function lengthOf(text: string): number {
  return SURROGATE.test(text) ? Array.from(text).length : text.length;
}

function cut(text: string, start: number, length: number | undefined): string {
  const chars: string | string[] = SURROGATE.test(text) ? Array.from(text) : text;
  const from = start < 0 ? Math.max(0, chars.length + start) : start;
  const part = chars.slice(from, length === undefined ? undefined : from + length);
  return typeof part === 'string' ? part : part.join('');
}

function between(text: string, { after = '', before = '', which }: TextOptions): Json {
  if (after === '' && before === '') fail('TEXT_MARKS', 'Name at least one mark to cut out by.');
  const found: string[] = [];
  for (let at = 0; at <= text.length;) {
    const mark = after === '' ? at : text.indexOf(after, at);
    if (mark === -1) break;
    const start = mark + after.length;
    const end = before === '' ? text.length : text.indexOf(before, start);
    if (end === -1) break;
    found.push(text.slice(start, end));
    // Without a mark in front only the beginning counts; without one behind the rest is taken already.
    if (which === 'first' || after === '' || before === '') break;
    at = end + before.length;
  }
  return which === 'first' ? (found[0] ?? null) : found;
}
