/** Methods of objects. A field that happens to have a method's name stays readable: calls look at this table only, reads at the data only. */
import type { Evaluation } from './evaluation.ts';
import { arrowArg, listArg, numberOr, objectArg, textArg, valueArg, type Arguments, type MethodTable } from './method.ts';
import { keyText } from './list-methods.ts';
import { truthy } from './operators.ts';
import { readPath } from './path.ts';
import { jsonTextOf, putField } from './plain.ts';
import { isList, type Value, type ValueObject } from './values.ts';

export const objectMethods: MethodTable<ValueObject> = {
  keys: { signature: '() => string[]', doc: 'The names of its fields.', run: (self, _args, e) => keysOf(e, self) },
  values: { signature: '() => any[]', doc: 'The values of its fields.', run: (self, _args, e) => keysOf(e, self).map((key) => self[key]) },
  entries: {
    signature: '() => [string, any][]',
    doc: 'Pairs of name and value.',
    run: (self, _args, e) => keysOf(e, self).map((key) => [key, self[key]]),
  },
  has: {
    signature: '(field: string) => boolean',
    doc: 'True when it has the field.',
    run: (self, args) => Object.hasOwn(self, textArg(args, 0)),
  },
  hasField: {
    signature: '(field: string) => boolean',
    doc: 'The same as has.',
    run: (self, args) => Object.hasOwn(self, textArg(args, 0)),
  },
  get: {
    signature: '(path: string, otherwise?: any) => any',
    doc: "A field by its path, such as 'a.b[0].c'.",
    run: (self, args, e) => readPath(e, self, textArg(args, 0)) ?? valueArg(args, 1),
  },
  pick: {
    signature: '(...fields: string[]) => object',
    doc: 'Only these fields.',
    run(self, args, e) {
      const picked: { [key: string]: Value } = {};
      for (const key of fieldNames(e, args)) if (Object.hasOwn(self, key)) putField(picked, key, self[key]);
      return picked;
    },
  },
  omit: {
    signature: '(...fields: string[]) => object',
    doc: 'Without these fields.',
    run(self, args, e) {
      const left = new Set(fieldNames(e, args));
      return copyWhere(e, self, (key) => !left.has(key));
    },
  },
  merge: {
    signature: '(...others: object[]) => object',
    doc: 'With the fields of others; the last one wins.',
    run(self, args, e) {
      const merged: { [key: string]: Value } = {};
      copyInto(e, merged, self);
      for (let index = 0; index < args.length; index++) copyInto(e, merged, objectArg(args, index));
      return merged;
    },
  },
  compact: {
    signature: '() => object',
    doc: 'Without fields that are undefined, null or empty text.',
    run: (self, _args, e) => copyWhere(e, self, (_key, value) => value !== undefined && value !== null && value !== ''),
  },
  mapValues: {
    signature: '(by: (value, key) => any) => object',
    doc: 'Each value turned into something else.',
    arrowAt: [0],
    run(self, args, e) {
      const by = arrowArg(args, 0);
      const mapped: { [key: string]: Value } = {};
      for (const key of keysOf(e, self)) putField(mapped, key, by.call(e, self[key], key));
      return mapped;
    },
  },
  mapKeys: {
    signature: '(by: (key, value) => string) => object',
    doc: 'Each name turned into another.',
    arrowAt: [0],
    run(self, args, e) {
      const by = arrowArg(args, 0);
      const mapped: { [key: string]: Value } = {};
      for (const key of keysOf(e, self)) putField(mapped, keyText(by.call(e, key, self[key])), self[key]);
      return mapped;
    },
  },
  filterFields: {
    signature: '(keep: (value, key) => boolean) => object',
    doc: 'Only the fields for which the arrow is true.',
    arrowAt: [0],
    run(self, args, e) {
      const keep = arrowArg(args, 0);
      return copyWhere(e, self, (key, value) => truthy(keep.call(e, value, key)));
    },
  },
  isEmpty: { signature: '() => boolean', doc: 'True for no fields.', run: (self, _args, e) => keysOf(e, self).length === 0 },
  isNotEmpty: { signature: '() => boolean', doc: 'True for at least one field.', run: (self, _args, e) => keysOf(e, self).length > 0 },
  toString: {
    signature: '() => string',
    doc: 'As JSON.',
    run: (self: ValueObject, _args: Arguments, e: Evaluation) => jsonTextOf(e, self),
  },
  toJsonString: {
    signature: '(indent = 0) => string',
    doc: 'As JSON.',
    run: (self, args, e) => jsonTextOf(e, self, ' '.repeat(Math.min(10, Math.max(0, numberOr(args, 0, 0))))),
  },
};

/** The names of an object's fields, paid for. */
export function keysOf(evaluation: Evaluation, object: ValueObject): string[] {
  const keys = Object.keys(object);
  evaluation.charge(1 + keys.length);
  return keys;
}

/** Copies fields; what `{ ...a }` does. */
export function copyInto(evaluation: Evaluation, target: { [key: string]: Value }, source: ValueObject): void {
  for (const key of keysOf(evaluation, source)) putField(target, key, source[key]);
}

function copyWhere(evaluation: Evaluation, object: ValueObject, keep: (key: string, value: Value) => boolean): ValueObject {
  const copy: { [key: string]: Value } = {};
  for (const key of keysOf(evaluation, object)) if (keep(key, object[key])) putField(copy, key, object[key]);
  return copy;
}

/** Names given one by one or as a list. */
function fieldNames(evaluation: Evaluation, args: Arguments): string[] {
  const first = args[0];
  const given = Array.isArray(first) && isList(first as Value) ? listArg(args, 0) : args;
  evaluation.charge(given.length);
  return given.map((_name, index) => textArg(given, index));
}
