/** Everything the language knows, as data, for the editor's completion and the reference page. */
import { dateProperties } from './date-methods.ts';
import { constants, helpers } from './helpers.ts';
import { methodTables } from './method-table.ts';
import { names } from './names.ts';
import type { Tag } from './values.ts';

export interface CatalogEntry {
  /** `name`: stands alone; `function`: called alone; `method`: called on a value; `property`: read from a value. */
  readonly kind: 'name' | 'function' | 'method' | 'property';
  readonly name: string;
  /** The kind of value a method or property belongs to. */
  readonly receiver?: Tag;
  readonly signature: string;
  readonly doc: string;
}

export const expressionCatalog: readonly CatalogEntry[] = [
  ...Object.entries(names).map(([name, { type, doc }]): CatalogEntry => ({ kind: 'name', name, signature: type, doc })),
  { kind: 'function', name: '$', signature: '(node: string) => node', doc: 'The output of another node.' },
  ...[...constants.keys()].map((name): CatalogEntry => ({ kind: 'name', name, signature: 'number', doc: 'As in JavaScript.' })),
  ...Object.entries(helpers).map(([name, { signature, doc }]): CatalogEntry => ({ kind: 'function', name, signature, doc })),
  ...Object.entries(methodTables).flatMap(([receiver, table]) =>
    Object.entries(table).map(([name, { signature, doc }]): CatalogEntry => ({
      kind: 'method',
      name,
      receiver: receiver as Tag,
      signature,
      doc,
    })),
  ),
  ...Object.entries(dateProperties).map(([name, { doc }]): CatalogEntry => ({
    kind: 'property',
    name,
    receiver: 'date',
    signature: 'value',
    doc,
  })),
  { kind: 'property', name: 'length', receiver: 'string', signature: 'number', doc: 'How many characters there are.' },
  { kind: 'property', name: 'length', receiver: 'list', signature: 'number', doc: 'How many elements there are.' },
  { kind: 'property', name: 'item', receiver: 'node', signature: 'Item | undefined', doc: 'The item the current one came from.' },
];
