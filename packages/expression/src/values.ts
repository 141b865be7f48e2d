/** The values an expression works with: JSON, undefined, and two tagged kinds (dates, node outputs) whose insides no member access can reach. */
import type { DateTime } from 'luxon';
import type { InputView } from './scope.ts';

export type Value = undefined | null | boolean | number | string | readonly Value[] | ValueObject | DateValue | NodeValue;
export type ValueObject = { readonly [key: string]: Value };

export type Tag = 'undefined' | 'null' | 'boolean' | 'number' | 'string' | 'list' | 'object' | 'date' | 'node';

/** A date with its zone. The Luxon object sits in a private field, so an own-property read finds nothing. */
export class DateValue {
  readonly #moment: DateTime<true>;

  constructor(moment: DateTime<true>) {
    this.#moment = moment;
  }

  get moment(): DateTime<true> {
    return this.#moment;
  }

  get iso(): string {
    return this.#moment.toISO();
  }
}

/** The output of a node (`$('Name')`) or of the step's input (`$input`). Not data: it must be asked for items. */
export class NodeValue {
  readonly #name: string;
  readonly #view: InputView;

  constructor(name: string, view: InputView) {
    this.#name = name;
    this.#view = view;
  }

  get label(): string {
    return this.#name;
  }

  get view(): InputView {
    return this.#view;
  }
}

/** The kind of a value, or undefined for what is no JSON (functions, symbols, big integers). */
export function tagOf(value: Value): Tag | undefined {
  switch (typeof value) {
    case 'string':
      return 'string';
    case 'number':
      return 'number';
    case 'boolean':
      return 'boolean';
    case 'undefined':
      return 'undefined';
    case 'object':
      if (value === null) return 'null';
      if (Array.isArray(value)) return 'list';
      if (value instanceof DateValue) return 'date';
      if (value instanceof NodeValue) return 'node';
      return 'object';
    default:
      return undefined;
  }
}

const names: { readonly [T in Tag]: string } = {
  undefined: 'undefined',
  null: 'null',
  boolean: 'a boolean',
  number: 'a number',
  string: 'text',
  list: 'a list',
  object: 'an object',
  date: 'a date',
  node: 'a node',
};

/** The kind of a value, for messages. */
export function describe(value: Value): string {
  const tag = tagOf(value);
  return tag === undefined ? 'something that is not JSON' : names[tag];
}

export function describeTag(tag: Tag): string {
  return names[tag];
}

export function isList(value: Value): value is readonly Value[] {
  return Array.isArray(value);
}

export function isObject(value: Value): value is ValueObject {
  return (
    typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof DateValue) && !(value instanceof NodeValue)
  );
}
