/** Turns nested objects into one level of fields with longer names, as tables need them, and back. */
import type { Json, JsonObject } from '@plugboard/sdk';
import { defineNode, fail, p, when } from '@plugboard/sdk';
import { type MutableObject, isList, isObject } from '../data/field-path.ts';
import { withFiles } from '../data/send-to.ts';

/** Fields one item may become. */
const FIELDS_MAX = 100_000;
/** Characters of a name; long names of objects would stand again in the name of each field below them. */
const NAME_MAX = 2_000;

export const flatten = defineNode({
  id: 'flatten',
  version: 1,
  title: 'Flatten',
  help: 'Turns nested objects into fields such as address.city, as tables need them, or turns such fields into nested objects.',
  icon: 'fold-vertical',
  group: 'Data',
  per: 'item',
  effects: 'none',
  params: {
    direction: p
      .choice([
        { value: 'flatten', title: 'Flatten' },
        { value: 'nest', title: 'Nest', help: 'Makes objects of names that hold the separator. Numbers become names, not positions.' },
      ])
      .title('Do')
      .help('Which way to go.')
      .default('flatten'),
    separator: p.text().title('Separator').help('Stands between the parts of a name.').min(1).max(10).default('.'),
    lists: p
      .choice([
        { value: 'keep', title: 'Leave as they are' },
        { value: 'number', title: 'Number their entries', help: 'The first line of an order is lines.0.' },
      ])
      .title('Lists')
      .help('What happens to lists on the way.')
      .default('keep')
      .when(when.eq('direction', 'flatten')),
    depth: p
      .number()
      .title('Levels')
      .help('Levels to go down; deeper values stay as they are. Left empty: all.')
      .integer()
      .min(1)
      .when(when.eq('direction', 'flatten')),
  },
  run({ params, item }) {
    const { separator } = params;
    if (params.direction === 'nest') return withFiles(nested(item.json, separator), item);
    const flat = new Flat(separator, params.lists === 'number', params.depth ?? Number.POSITIVE_INFINITY);
    return withFiles(flat.of(item.json), item);
  },
});

class Flat {
  readonly #separator: string;
  readonly #numbered: boolean;
  readonly #depth: number;
  readonly #result: MutableObject = {};
  #count = 0;

  constructor(separator: string, numbered: boolean, depth: number) {
    this.#separator = separator;
    this.#numbered = numbered;
    this.#depth = depth;
  }

  of(json: JsonObject): JsonObject {
    for (const name of Object.keys(json)) this.#add(name, json[name] ?? null, 0);
    return this.#result;
  }

  #add(name: string, value: Json, level: number): void {
    const goesDown = level < this.#depth && (isObject(value) || (this.#numbered && isList(value)));
    const parts = goesDown ? Object.keys(value) : [];
    // An empty object or list has no parts that could stand for it.
    if (parts.length === 0) return this.#put(name, value);
    if (name.length > NAME_MAX) return this.#put(name, value);
    for (const part of parts) this.#add(`${name}${this.#separator}${part}`, (value as JsonObject)[part] ?? null, level + 1);
  }

  #put(name: string, value: Json): void {
    if (name.length > NAME_MAX)
      fail('FLATTEN_NAME', `A field would have a name of more than ${NAME_MAX} characters. Flatten fewer levels.`);
    if (Object.hasOwn(this.#result, name))
      fail('FLATTEN_CLASH', `Two fields would be named "${name}", and one would be lost. Choose another separator.`);
    if (++this.#count > FIELDS_MAX) fail('FLATTEN_TOO_MANY', `The item would have more than ${FIELDS_MAX} fields. Flatten fewer levels.`);
    this.#result[name] = value;
  }
}

function nested(json: JsonObject, separator: string): JsonObject {
  const result: MutableObject = {};
  /** Objects made here; those of the item are copied before they change. */
  const own = new Set<MutableObject>([result]);
  for (const name of Object.keys(json)) {
    const parts = name.split(separator);
    // A name that begins or ends with the separator is a name of its own.
    const path = parts.length > PARTS_MAX || parts.includes('') ? [name] : parts;
    const last = path.pop() ?? name;
    let at = result;
    for (const part of path) at = below(at, part, name, own);
    if (Object.hasOwn(at, last)) clash(name);
    if (last === '__proto__') refused(name);
    at[last] = json[name] ?? null;
  }
  return result;
}

const PARTS_MAX = 100;

function below(at: MutableObject, part: string, name: string, own: Set<MutableObject>): MutableObject {
  if (part === '__proto__') refused(name);
  const before = Object.hasOwn(at, part) ? at[part] : {};
  if (!isObject(before)) clash(name);
  if (own.has(before)) return before;
  const copy: MutableObject = { ...before };
  own.add(copy);
  at[part] = copy;
  return copy;
}

function clash(name: string): never {
  fail('FLATTEN_CLASH', `"${name}" and another field would stand at the same place, and one would be lost. Rename one of them first.`);
}

function refused(name: string): never {
  fail('FIELD_NAME', `"${name}" is not a field path: a part of it is __proto__.`);
}
