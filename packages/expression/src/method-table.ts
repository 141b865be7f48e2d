/** Which kind of value has which method. A call looks here and nowhere else. */
import { dateMethods } from './date-methods.ts';
import { listMethods } from './list-methods.ts';
import type { Method, MethodTable } from './method.ts';
import { nodeMethods } from './node-methods.ts';
import { booleanMethods, numberMethods } from './number-methods.ts';
import { objectMethods } from './object-methods.ts';
import { textMethods } from './text-methods.ts';
import type { Tag, Value } from './values.ts';

type AnyTable = MethodTable<never>;

export const methodTables: { readonly [T in Tag]?: AnyTable } = {
  string: textMethods,
  number: numberMethods,
  boolean: booleanMethods,
  list: listMethods,
  object: objectMethods,
  date: dateMethods,
  node: nodeMethods,
};

/** JavaScript methods that change their receiver, with what to write instead. */
export const refusedMethods: ReadonlyMap<string, string> = new Map([
  ['push', 'Write [...list, x].'],
  ['unshift', 'Write [x, ...list].'],
  ['pop', 'Use last() for the element and slice(0, -1) for the rest.'],
  ['shift', 'Use first() for the element and slice(1) for the rest.'],
  ['splice', 'Use slice() and concat().'],
  ['fill', 'Use map(() => x).'],
  ['copyWithin', 'Use slice() and concat().'],
  ['forEach', 'Expressions have no effects; use map().'],
]);

export function methodOf(tag: Tag, name: string): Method<Value> | undefined {
  const table = methodTables[tag];
  // Tables are keyed by receiver kind, and callers look up by the receiver's own kind.
  return table !== undefined && Object.hasOwn(table, name) ? table[name] : undefined;
}

export function hasMethod(tag: Tag, name: string): boolean {
  return methodOf(tag, name) !== undefined;
}

/** Every kind that has a method of this name. */
export function kindsWith(name: string): Tag[] {
  return (Object.keys(methodTables) as Tag[]).filter((tag) => hasMethod(tag, name));
}
