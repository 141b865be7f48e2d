/**
 * The built pages, read once at the start. What is asked for is looked up by name in this list and never on the disk, so no spelling of a
 * path leads anywhere else.
 */
import { createHash } from 'node:crypto';
import { readFile, readdir } from 'node:fs/promises';
import { extname, join, sep } from 'node:path';

/** As stored beside the file by the build; the server compresses nothing while it serves. */
export type Encoding = 'br' | 'gzip';

export interface PageFile {
  readonly type: string;
  readonly body: Buffer;
  /** Smaller copies; the same content. */
  readonly encoded: { readonly [Name in Encoding]?: Buffer };
  /** Hash of the content, without quotes. */
  readonly tag: string;
  /** The name has a hash of the content in it: what is there now will always be there. */
  readonly isImmutable: boolean;
}

/** By path, such as `/index.html`. */
export type PageFiles = ReadonlyMap<string, PageFile>;

/** Thrown when the folder of the pages holds what no build of them makes. Give the folder a build wrote. */
export class PagesInvalidError extends Error {
  readonly code = 'PAGES_INVALID';
  constructor(message: string) {
    super(message);
    this.name = 'PagesInvalidError';
  }
}

export const INDEX = '/index.html';
/** Every file here is named by its content. */
export const ASSETS = '/assets/';

const TYPES: { readonly [extension: string]: string } = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.ico': 'image/x-icon',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.md': 'text/plain; charset=utf-8',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
  '.webmanifest': 'application/manifest+json; charset=utf-8',
  '.woff2': 'font/woff2',
};
const ENCODING_OF: { readonly [extension: string]: Encoding } = { '.br': 'br', '.gz': 'gzip' };
/** The pages take about 3 MB; all are kept in memory. */
const MAX_BYTES = 64 * 1024 * 1024;

/** @returns undefined where nothing is built. @throws PagesInvalidError */
export async function readPageFiles(folder: string): Promise<PageFiles | undefined> {
  const names = await namesIn(folder);
  const files = new Map<string, PageFile>();
  const copies = new Map<string, { readonly encoding: Encoding; readonly body: Buffer }[]>();
  let bytes = 0;
  for (const name of names) {
    const body = await readFile(join(folder, name));
    bytes += body.length;
    if (bytes > MAX_BYTES)
      throw new PagesInvalidError(`${folder} holds more than ${MAX_BYTES / 1024 / 1024} MiB, which no build of the pages does`);
    const path = `/${name.split(sep).join('/')}`;
    const encoding = ENCODING_OF[extname(path)];
    if (encoding !== undefined) {
      const plain = path.slice(0, path.lastIndexOf('.'));
      copies.set(plain, [...(copies.get(plain) ?? []), { encoding, body }]);
      continue;
    }
    files.set(path, {
      type: TYPES[extname(path)] ?? 'application/octet-stream',
      body,
      encoded: {},
      tag: createHash('sha256').update(body).digest('base64url').slice(0, 27),
      isImmutable: path.startsWith(ASSETS),
    });
  }
  for (const [path, list] of copies) {
    const file = files.get(path);
    if (file) files.set(path, { ...file, encoded: Object.fromEntries(list.map(({ encoding, body }) => [encoding, body])) });
  }
  return files.has(INDEX) ? files : undefined;
}

/** Regular files only: a link could lead out of the folder. What begins with a dot is the build's own. */
async function namesIn(folder: string, below = ''): Promise<string[]> {
  let entries;
  try {
    entries = await readdir(join(folder, below), { withFileTypes: true });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return [];
    throw new PagesInvalidError(`the pages in ${folder} cannot be read (${code ?? String(error)})`);
  }
  const names: string[] = [];
  for (const entry of entries) {
    if (entry.name.startsWith('.')) continue;
    const name = join(below, entry.name);
    if (entry.isDirectory()) names.push(...(await namesIn(folder, name)));
    else if (entry.isFile()) names.push(name);
  }
  return names;
}
