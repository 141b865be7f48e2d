/** All operations by name; what adapters, documents and the enumerating test walk. */
import type { Operation } from './operation.ts';

export interface Registry {
  readonly all: readonly Operation[];
  /** @throws Error for a name that no operation has: a mistake in the code */
  get(name: string): Operation;
}

/** @throws Error for two operations with one name, one GraphQL field or one REST address: a mistake in the code */
export function createRegistry(operations: readonly Operation[]): Registry {
  const byName = new Map<string, Operation>();
  const taken = new Set<string>();
  const take = (what: string): void => {
    if (taken.has(what)) throw new Error(`Two operations have ${what}`);
    taken.add(what);
  };
  for (const operation of operations) {
    take(`the name ${operation.name}`);
    take(`the field ${operation.kind} ${operation.field}`);
    const { rest } = operation;
    for (const { method, path } of [rest, ...(rest.alsoAt ?? [])]) {
      take(`the address ${method} ${path.replaceAll(/\{\w+\}/g, '{}')}`);
      if (fieldsOf(path) !== fieldsOf(rest.path)) throw new Error(`${path} has other fields than ${rest.path}`);
    }
    byName.set(operation.name, operation);
  }
  return {
    all: operations,
    get(name) {
      const found = byName.get(name);
      if (!found) throw new Error(`There is no operation ${name}`);
      return found;
    },
  };
}

function fieldsOf(path: string): string {
  return [...path.matchAll(/\{(\w+)\}/g)]
    .map(([, name = '']) => name)
    .toSorted((a, b) => (a < b ? -1 : 1))
    .join(' ');
}
