/**
 * The GraphQL operations of the pages by their hashes: the pages send the hash, and the server, which reads the same list beside the pages,
 * takes nothing else from whoever is not signed in.
 */
import { createHash } from 'node:crypto';
import type { Plugin } from 'vite';
import { DOCUMENTS } from '../src/api/documents.ts';

/** Read by the server beside the built pages. */
export const OPERATIONS_FILE = '.operations.json';

const MODULE = 'virtual:operation-hashes';

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** What the server reads. */
export function textsByHash(): { readonly [hash: string]: string } {
  return Object.fromEntries(Object.values(DOCUMENTS).map((text) => [hashOf(text), text]));
}

/** What the pages know. */
export function hashesByName(): { readonly [name: string]: string } {
  return Object.fromEntries(Object.entries(DOCUMENTS).map(([name, text]) => [name, hashOf(text)]));
}

/**
 * The hashes as a module: hashing in the page would need a secure context, which plain HTTP inside a network is not. Empty in development,
 * where the server has no list yet.
 */
export function operationHashes({ isProduction }: { readonly isProduction: boolean }): Plugin {
  return {
    name: 'operation-hashes',
    resolveId: (id) => (id === MODULE ? `\0${MODULE}` : undefined),
    load: (id) => (id === `\0${MODULE}` ? `export default ${JSON.stringify(isProduction ? hashesByName() : {})}` : undefined),
  };
}
