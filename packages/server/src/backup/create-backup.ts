/** Writes a backup while the server goes on: one snapshot of the database, then the stored payloads and files it may refer to. */
import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { type FileHandle, access, open, readFile, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join, relative, sep } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { type Database, type DatabaseDump, type DumpTable, listInstanceKeys, openDump } from '@plugboard/persistence';
import { BACKUP_FORMAT, BackupError, type BackupHead, type BackupManifest, HEAD, KEYS, MANIFEST } from './backup-file.ts';
import { sealKeys } from './sealed-keys.ts';
import { TAR_END, tarHeader, tarPadding } from './tar.ts';

export interface CreateBackupOptions {
  readonly database: Database;
  readonly dataDir: string;
  /** Of the backup; what has this name already is never overwritten. */
  readonly file: string;
  readonly version: string;
  /** Closes the key files into the backup. Without it they stay out, and have to be kept elsewhere. */
  readonly passphrase?: string | undefined;
  /** Breaks it off. */
  readonly signal?: AbortSignal;
}

export interface CreatedBackup {
  readonly file: string;
  readonly sizeBytes: number;
  readonly schema: number;
  readonly rows: number;
  readonly files: number;
  readonly hasKeys: boolean;
}

/** Rows of one piece, in bytes. */
const PIECE = 4 * 1024 * 1024;
/** Above this, compressing costs more time than the disk saves. */
const GZIP_LEVEL = 2;
/** Where payloads of runs and files of people are. */
const STORES = ['blobs', 'files'];
/** Both name what is whole by its hash; anything else is still being written. */
const CONTENT_NAME = /^[0-9a-f]{64}$/;

/** @throws BackupError BACKUP_TARGET, BACKUP_KEY */
export async function createBackup(options: CreateBackupOptions): Promise<CreatedBackup> {
  const { database, dataDir, file, version, passphrase, signal } = options;
  await refuseTaken(file);
  const keys = passphrase === undefined ? undefined : await sealKeys(await keyFiles(dataDir), passphrase);
  const beside = `${file}.part`;
  const written: Written = { entries: {}, rows: {}, files: 0 };
  const dump = await openDump(database);
  try {
    const head: BackupHead = {
      format: BACKUP_FORMAT,
      version,
      createdAt: new Date().toISOString(),
      schema: dump.schema,
      serverVersion: dump.serverVersion,
      partitions: [...dump.partitions],
      tables: dump.tables.map(({ name, columns }) => ({ name, columns: [...columns] })),
      rootKeyIds: (await listInstanceKeys(database)).map((key) => key.rootKeyId),
      hasKeys: keys !== undefined,
    };
    await rm(beside, { force: true });
    await pipeline(
      Readable.from(bytesOf({ head, dump, keys, dataDir }, written), { objectMode: false }),
      createGzip({ level: GZIP_LEVEL }),
      createWriteStream(beside, { flags: 'wx', mode: 0o600, flush: true }),
      ...(signal ? [{ signal }] : []),
    );
    await refuseTaken(file);
    await rename(beside, file);
  } catch (error) {
    await rm(beside, { force: true });
    throw asTargetError(beside, error);
  } finally {
    await dump.close();
  }
  const rows = Object.values(written.rows).reduce((sum, count) => sum + count, 0);
  return { file, sizeBytes: await makeDurable(file), schema: dump.schema, rows, files: written.files, hasKeys: keys !== undefined };
}

/** What has been written so far. */
type Written = { -readonly [Name in keyof BackupManifest]: BackupManifest[Name] };

interface Source {
  readonly head: BackupHead;
  readonly dump: DatabaseDump;
  readonly keys: string | undefined;
  readonly dataDir: string;
}

async function* bytesOf({ head, dump, keys, dataDir }: Source, written: Written): AsyncGenerator<Buffer> {
  yield* entry(HEAD, Buffer.from(JSON.stringify(head)), written);
  for (const table of dump.tables) yield* tableEntries(dump, table, written);
  // After the snapshot: a payload is stored before the row that names it, so all that the rows name is there.
  for (const store of STORES) {
    for await (const path of storedFiles(join(dataDir, store)))
      yield* fileEntry(relative(dataDir, path).split(sep).join('/'), path, written);
  }
  if (keys !== undefined) yield* entry(KEYS, Buffer.from(keys), written);
  yield* entry(MANIFEST, Buffer.from(JSON.stringify(written)));
  yield TAR_END;
}

function* entry(name: string, bytes: Buffer, written?: Written): Generator<Buffer> {
  if (written) written.entries[name] = { sizeBytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') };
  yield tarHeader(name, bytes.length);
  if (bytes.length > 0) yield bytes;
  yield* padding(bytes.length);
}

function* padding(sizeBytes: number): Generator<Buffer> {
  const bytes = tarPadding(sizeBytes);
  if (bytes.length > 0) yield bytes;
}

async function* tableEntries(dump: DatabaseDump, table: DumpTable, written: Written): AsyncGenerator<Buffer> {
  const rows = dump.read(table);
  let parts: Buffer[] = [];
  let length = 0;
  let piece = 0;
  const nameOf = (n: number): string => `tables/${table.name}/${String(n).padStart(6, '0')}.copy`;
  for await (const part of rows.stream as AsyncIterable<Buffer>) {
    parts.push(part);
    length += part.length;
    if (length < PIECE) continue;
    yield* entry(nameOf((piece += 1)), Buffer.concat(parts), written);
    parts = [];
    length = 0;
  }
  if (length > 0) yield* entry(nameOf(piece + 1), Buffer.concat(parts), written);
  written.rows[table.name] = rows.count();
}

/** What retention has deleted in between is missed by nobody. */
async function* fileEntry(name: string, path: string, written: Written): AsyncGenerator<Buffer> {
  let source: FileHandle;
  try {
    source = await open(path, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  try {
    const { size } = await source.stat();
    yield tarHeader(name, size);
    const hash = createHash('sha256');
    let sizeBytes = 0;
    if (size > 0) {
      for await (const part of source.createReadStream({ autoClose: false, end: size - 1 }) as AsyncIterable<Buffer>) {
        hash.update(part);
        sizeBytes += part.length;
        yield part;
      }
    }
    if (sizeBytes !== size) throw new BackupError('BACKUP_TARGET', `${path} changed while it was read`);
    yield* padding(size);
    written.entries[name] = { sizeBytes, sha256: hash.digest('hex') };
    written.files += 1;
  } finally {
    await source.close();
  }
}

/** All of a store, in the order of their names; what is still being written is left out. */
async function* storedFiles(folder: string): AsyncGenerator<string> {
  const found = await readdir(folder, { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  for (const one of found.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = join(folder, one.name);
    if (one.isDirectory()) yield* storedFiles(path);
    else if (one.isFile() && CONTENT_NAME.test(one.name)) yield path;
  }
}

async function keyFiles(dataDir: string): Promise<ReadonlyMap<string, Buffer>> {
  const folder = join(dataDir, 'keys');
  const found = await readdir(folder, { withFileTypes: true }).catch(() => []);
  const contents = new Map<string, Buffer>();
  for (const one of found) if (one.isFile()) contents.set(one.name, await readFile(join(folder, one.name)));
  if (contents.size > 0) return contents;
  throw new BackupError(
    'BACKUP_KEY',
    'There are no key files in the data folder: the root key comes from PLUGBOARD_ROOT_KEY. Keep it where it is kept now, and back up without a passphrase.',
  );
}

async function refuseTaken(file: string): Promise<void> {
  const isTaken = await access(file).then(
    () => true,
    () => false,
  );
  if (isTaken) throw new BackupError('BACKUP_TARGET', `${file} is there already; nothing is overwritten. Choose another name.`);
}

/** Its name too; gives its size. */
async function makeDurable(file: string): Promise<number> {
  const handle = await open(file, 'r');
  try {
    const { size } = await handle.stat();
    const folder = await open(dirname(file), 'r');
    // Some file systems do not know how to; the file itself is on disk.
    await folder.sync().catch(() => undefined);
    await folder.close();
    return size;
  } finally {
    await handle.close();
  }
}

function asTargetError(path: string, error: unknown): unknown {
  const { code } = error as NodeJS.ErrnoException;
  if (error instanceof BackupError || !['ENOENT', 'ENOTDIR', 'EACCES', 'EROFS', 'ENOSPC', 'EDQUOT', 'EISDIR', 'EPERM'].includes(code ?? ''))
    return error;
  return new BackupError('BACKUP_TARGET', `${path} cannot be written (${code ?? ''})`, error);
}
