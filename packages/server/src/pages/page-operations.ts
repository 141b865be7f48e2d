/**
 * The GraphQL operations of the built pages, by the SHA-256 of their text, as the build wrote them down. Whoever is not signed in may send
 * these and no others.
 */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { PagesInvalidError } from './page-files.ts';

/** Beside the pages and, as its name begins with a dot, not one of them. */
export const OPERATIONS_FILE = '.operations.json';
/** The pages have about a hundred, of a few hundred characters each. */
const MAX_BYTES = 4 * 1024 * 1024;

/** @returns undefined where the build wrote none. @throws PagesInvalidError */
export async function readPageOperations(folder: string): Promise<ReadonlyMap<string, string> | undefined> {
  let bytes: Buffer;
  try {
    bytes = await readFile(join(folder, OPERATIONS_FILE));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw invalid(folder, `cannot be read (${code ?? String(error)})`);
  }
  if (bytes.length > MAX_BYTES) throw invalid(folder, `has more than ${MAX_BYTES / 1024 / 1024} MiB`);
  const parsed = z.record(z.string(), z.string()).safeParse(jsonOf(bytes));
  if (!parsed.success) throw invalid(folder, 'is not a list of operations by their hashes');
  const operations = new Map(Object.entries(parsed.data));
  for (const [hash, text] of operations)
    if (hash !== createHash('sha256').update(text).digest('hex'))
      throw invalid(folder, `has an operation under a hash that is not its own`);
  return operations;
}

function jsonOf(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    return undefined; // no list either
  }
}

function invalid(folder: string, why: string): PagesInvalidError {
  return new PagesInvalidError(`${OPERATIONS_FILE} in ${folder} ${why}; build the pages again`);
}
