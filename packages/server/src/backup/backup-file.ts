/**
 * A backup is one file: a gzipped tar with `head.json` first, then tables in pieces, files and, sealed with a passphrase, keys; last comes
 * `manifest.json` with the size and hash of everything before it, so that a file that lost its end is known as one.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';

import { createGunzip } from 'node:zlib';
import { z } from 'zod';
import { type TarEntry, readTar } from './tar.ts';

export const BACKUP_FORMAT = 1;
export const HEAD = 'head.json';
export const MANIFEST = 'manifest.json';
export const KEYS = 'keys.json';

const name = z.string().regex(/^[a-z][a-z0-9_]{0,62}$/);
const head = z.strictObject({
  format: z.literal(BACKUP_FORMAT, 'a format this release knows'),
  /** Of the release that made it. */
  version: z.string().max(100),
  createdAt: z.iso.datetime(),
  schema: z.int().min(1),
  serverVersion: z.int(),
  partitions: z.array(z.int()).max(10_000),
  tables: z.array(z.strictObject({ name, columns: z.array(name).min(1).max(500) })).max(1000),
  /** Root keys that open this data: each tells itself from others, and nothing else. */
  rootKeyIds: z.array(z.string().max(200)).max(100),
  hasKeys: z.boolean(),
});
export type BackupHead = z.output<typeof head>;

const entryFacts = z.strictObject({ sizeBytes: z.int().min(0), sha256: z.string().regex(/^[0-9a-f]{64}$/) });
const manifest = z.strictObject({
  entries: z.record(z.string(), entryFacts),
  rows: z.record(z.string(), z.int().min(0)),
  files: z.int().min(0),
});
export type BackupManifest = z.output<typeof manifest>;

/** Thrown for a file that is no backup, or one that is damaged. Use another backup. */
export class BackupError extends Error {
  readonly code: 'BACKUP_UNREADABLE' | 'BACKUP_DAMAGED' | 'BACKUP_KEY' | 'BACKUP_TARGET';
  constructor(code: BackupError['code'], message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'BackupError';
    this.code = code;
  }
}

export interface CheckedBackup {
  readonly head: BackupHead;
  readonly manifest: BackupManifest;
  readonly sizeBytes: number;
}

/** `head.json` and `keys.json` are read whole: no real one is near this, in bytes. */
const LARGEST_WHOLE = 4 * 1024 * 1024;
/** One entry for each stored file, of perhaps 200 bytes each. */
const LARGEST_MANIFEST = 1024 * 1024 * 1024;

/**
 * The parts of a backup in order. Decompression stops where the reader stops.
 * @throws BackupError, TarError; both also while a part is read
 */
export async function* readBackup(file: string): AsyncGenerator<TarEntry> {
  yield* readTar(unpacked(file));
}

async function* unpacked(file: string): AsyncGenerator<Buffer> {
  const gunzip = createGunzip();
  const feeding = pipeline(createReadStream(file), gunzip);
  feeding.catch(() => undefined);
  try {
    for await (const part of gunzip as AsyncIterable<Buffer>) yield part;
    await feeding;
  } catch (error) {
    throw asBackupError(file, error);
  } finally {
    gunzip.destroy();
  }
}

/** Reads the whole file and compares everything with its manifest. @throws BackupError */
export async function checkBackup(file: string): Promise<CheckedBackup> {
  let found: BackupHead | undefined;
  let last: BackupManifest | undefined;
  let sizeBytes = 0;
  const facts = new Map<string, { sizeBytes: number; sha256: string }>();
  for await (const entry of readBackup(file)) {
    if (last) throw new BackupError('BACKUP_DAMAGED', `${file} goes on after its end`);
    if (entry.name === MANIFEST) {
      last = parse(file, manifest, await whole(entry, LARGEST_MANIFEST));
      continue;
    }
    if (facts.has(entry.name)) throw new BackupError('BACKUP_DAMAGED', `${file} holds ${entry.name} twice`);
    const hash = createHash('sha256');
    const kept: Buffer[] = [];
    for await (const part of entry.body) {
      hash.update(part);
      if (entry.name === HEAD && entry.sizeBytes <= LARGEST_WHOLE) kept.push(Buffer.from(part));
    }
    sizeBytes += entry.sizeBytes;
    facts.set(entry.name, { sizeBytes: entry.sizeBytes, sha256: hash.digest('hex') });
    if (entry.name === HEAD) found = parse(file, head, Buffer.concat(kept).toString());
    else if (!found) throw new BackupError('BACKUP_UNREADABLE', `${file} is no backup of Plugboard`);
  }
  if (!found) throw new BackupError('BACKUP_UNREADABLE', `${file} is no backup of Plugboard`);
  if (!last) throw new BackupError('BACKUP_DAMAGED', `${file} is not complete: it has no manifest. Use another backup.`);
  const listed = Object.entries(last.entries);
  const wrong = listed.find(([path, one]) => {
    const have = facts.get(path);
    return have?.sha256 !== one.sha256 || have.sizeBytes !== one.sizeBytes;
  });
  if (wrong) throw new BackupError('BACKUP_DAMAGED', `${file} is damaged: ${wrong[0]} is not what was backed up. Use another backup.`);
  if (listed.length !== facts.size) throw new BackupError('BACKUP_DAMAGED', `${file} holds what its manifest does not list`);
  return { head: found, manifest: last, sizeBytes };
}

/** Of one small part as text. @throws BackupError */
export async function whole(entry: TarEntry, largest = LARGEST_WHOLE): Promise<string> {
  if (entry.sizeBytes > largest) throw new BackupError('BACKUP_DAMAGED', `${entry.name} is larger than it can be`);
  const parts: Buffer[] = [];
  for await (const part of entry.body) parts.push(Buffer.from(part));
  return Buffer.concat(parts).toString();
}

function parse<Shape extends z.ZodType>(file: string, shape: Shape, text: string): z.output<Shape> {
  try {
    return shape.parse(JSON.parse(text));
  } catch (error) {
    const issue = error instanceof z.ZodError ? error.issues[0] : undefined;
    const why = issue ? `${issue.path.join('.')}: ${issue.message}` : 'not valid JSON';
    throw new BackupError('BACKUP_UNREADABLE', `${file} cannot be read by this release (${why})`, error);
  }
}

function asBackupError(file: string, error: unknown): unknown {
  if (error instanceof BackupError) return error;
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT' || code === 'EACCES' || code === 'EISDIR')
    return new BackupError('BACKUP_UNREADABLE', `${file} cannot be read (${code})`, error);
  if (code?.startsWith('Z_'))
    return new BackupError('BACKUP_DAMAGED', `${file} is damaged or no backup (${code}). Use another one.`, error);
  return error;
}
