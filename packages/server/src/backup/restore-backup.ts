/** Makes a data folder, or an empty database and a data folder, from a backup. Nothing that is there is ever overwritten. */
import { createWriteStream } from 'node:fs';
import { access, mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type DumpTable, loadDump, openDatabase, startEmbeddedPostgres } from '@plugboard/persistence';
import { makeDataFolder } from '../data-dir.ts';
import { openRootKeys } from '../keys.ts';
import { BackupError, HEAD, KEYS, MANIFEST, checkBackup, readBackup, whole } from './backup-file.ts';
import { openSealedKeys } from './sealed-keys.ts';
import type { TarEntry } from './tar.ts';

export interface RestoreOptions {
  readonly file: string;
  readonly dataDir: string;
  /** An empty database to restore into; the embedded one of the data folder otherwise. */
  readonly databaseUrl: string | undefined;
  readonly rootKey: string | undefined;
  /** Opens the keys in the backup. */
  readonly passphrase?: string | undefined;
  /**
   * Runs that had not ended when the backup was made. They went on elsewhere since then, so their next steps may have happened already:
   * `held` waits for a person, `resume` goes on with the next start.
   */
  readonly openRuns: 'held' | 'resume';
  readonly log?: (message: string) => void;
}

export interface Restored {
  readonly createdAt: string;
  readonly rows: number;
  readonly files: number;
  readonly openRuns: number;
  /** `absent`: bring the key file before the first start. */
  readonly rootKey: 'restored' | 'fits' | 'absent' | 'another';
}

const STORED = /^(?:blobs|files)\//;
const TABLE_PIECE = /^tables\/([a-z0-9_]+)\/\d{6}\.copy$/;
/** What may lie in the folder before: settings and keys that the operator brought. */
const BROUGHT = new Set(['plugboard.config.json', 'keys']);

/** @throws BackupError, DatabaseError, EmbeddedPostgresError; nothing is left behind then */
export async function restoreBackup(options: RestoreOptions): Promise<Restored> {
  const { file, dataDir, passphrase, log = () => undefined } = options;
  log(`checking ${file}`);
  const { head } = await checkBackup(file);
  if (passphrase !== undefined && !head.hasKeys)
    throw new BackupError('BACKUP_KEY', 'The backup holds no keys. Leave the passphrase out and bring the key file.');
  const before = await refuseUsed(dataDir);
  makeDataFolder(dataDir, options.databaseUrl === undefined);
  const made: string[] = [];
  try {
    const keys = passphrase === undefined ? undefined : await openSealedKeys(await readKeys(file), passphrase);
    if (keys && before.has('keys'))
      throw new BackupError('BACKUP_TARGET', `${join(dataDir, 'keys')} is there already. Move it away first.`);
    if (keys) {
      made.push('keys');
      await mkdir(join(dataDir, 'keys'), { mode: 0o700 });
      for (const [name, bytes] of keys) await writeFile(join(dataDir, 'keys', name), bytes, { mode: 0o600, flag: 'wx' });
    }
    const rootKey = keys ? 'restored' : await keyThere(options, head.rootKeyIds);
    if (rootKey === 'another')
      throw new BackupError('BACKUP_KEY', 'The root key of this folder is another one than the backup was made with. Bring that one.');

    made.push('postgres', 'blobs', 'files');
    const embedded = options.databaseUrl === undefined ? await startEmbeddedPostgres({ dataDir, log }) : undefined;
    try {
      const database = await openDatabase(embedded ? { embedded } : { url: options.databaseUrl ?? '' });
      try {
        const parts = new Parts(readBackup(file));
        const loaded = await loadDump(database, { ...head, openRuns: options.openRuns, rows: (table) => parts.rowsOf(table) });
        log(`${loaded.rows} rows are back`);
        const files = await parts.writeFiles(dataDir);
        return { createdAt: head.createdAt, rows: loaded.rows, files, openRuns: loaded.openRuns, rootKey };
      } finally {
        await database.close();
      }
    } finally {
      await embedded?.stop();
    }
  } catch (error) {
    for (const name of made) if (!before.has(name)) await rm(join(dataDir, name), { recursive: true, force: true });
    throw error;
  }
}

/** The names in it. @throws BackupError */
async function refuseUsed(dataDir: string): Promise<ReadonlySet<string>> {
  const names = await readdir(dataDir).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw new BackupError('BACKUP_TARGET', `${dataDir} cannot be used (${error.code ?? String(error)})`, error);
  });
  const others = names.filter((name) => !BROUGHT.has(name));
  if (others.length > 0) {
    throw new BackupError(
      'BACKUP_TARGET',
      `${dataDir} is not empty (${others.slice(0, 3).join(', ')}). Restore into a new folder; nothing that is there is ever overwritten.`,
    );
  }
  return new Set(names);
}

async function readKeys(file: string): Promise<string> {
  for await (const entry of readBackup(file)) if (entry.name === KEYS) return whole(entry);
  throw new BackupError('BACKUP_DAMAGED', `${file} has no keys in it`);
}

async function keyThere({ dataDir, rootKey }: RestoreOptions, ids: readonly string[]): Promise<'fits' | 'absent' | 'another'> {
  const isThere = await access(join(dataDir, 'keys', 'root.key')).then(
    () => true,
    () => false,
  );
  if (!isThere && rootKey === undefined) return 'absent';
  const roots = openRootKeys({ dataDir, given: rootKey });
  return ids.length === 0 || ids.some((id) => roots.find(id) !== undefined) ? 'fits' : 'another';
}

/** Takes the parts of a backup in their order: rows of one table after another, then files. */
class Parts {
  readonly #source: AsyncIterator<TarEntry>;
  #next: TarEntry | undefined;

  constructor(source: AsyncGenerator<TarEntry>) {
    this.#source = source;
  }

  async *rowsOf(table: DumpTable): AsyncGenerator<Buffer> {
    for (;;) {
      const entry = await this.#peek();
      if (entry?.name === HEAD) this.#next = undefined;
      else if (entry && TABLE_PIECE.exec(entry.name)?.[1] === table.name) {
        this.#next = undefined;
        yield* entry.body;
      } else return;
    }
  }

  async writeFiles(dataDir: string): Promise<number> {
    let count = 0;
    for (let entry = await this.#peek(); entry; entry = await this.#peek()) {
      this.#next = undefined;
      if (entry.name === KEYS || entry.name === MANIFEST || entry.name === HEAD) continue;
      if (!STORED.test(entry.name)) throw new BackupError('BACKUP_DAMAGED', `the backup holds ${entry.name}, which belongs nowhere`);
      const path = join(dataDir, entry.name);
      await mkdir(dirname(path), { recursive: true, mode: 0o700 });
      await pipeline(Readable.from(entry.body), createWriteStream(path, { mode: 0o600, flags: 'wx', flush: true }));
      count += 1;
    }
    return count;
  }

  async #peek(): Promise<TarEntry | undefined> {
    if (this.#next) return this.#next;
    const { done, value } = await this.#source.next();
    this.#next = done === true ? undefined : value;
    return this.#next;
  }
}
