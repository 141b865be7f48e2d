/**
 * Large payloads as files named by their content: `<dir>/<workspace>/<aa>/<sha256>`. A payload is durable before `put`
 * resolves: written aside, synced, renamed, and the folder synced. Equal contents are one file, and writing them at the same
 * time is one write.
 */
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { BlobRef, BlobStore, PayloadText } from '@plugboard/engine';

export interface FileBlobStoreOptions {
  /** Folder of the store; made when missing, readable by its owner only. */
  readonly dir: string;
  /** Payloads remembered as stored, so that storing them again touches no disk. @default 10000 */
  readonly knownLimit?: number;
}

/** A payload as it is stored, with the name its content gives it. */
export interface Content {
  readonly bytes: Buffer;
  readonly sha256: string;
}

export interface FileBlobStore extends BlobStore {
  /** As `put`, for a content that has its name already. */
  putContent(workspaceId: string, content: Content): Promise<BlobRef>;
  /** Bytes a workspace's payload takes; undefined when it is not there. */
  sizeBytes(workspaceId: string, sha256: string): Promise<number | undefined>;
  /** True while the payload is on the disk. That it was stored is forgotten when it is not. */
  isThere(workspaceId: string, sha256: string): Promise<boolean>;
  /** Deletes one payload. */
  remove(workspaceId: string, sha256: string): Promise<void>;
  /** Deletes all payloads of a workspace. */
  removeWorkspace(workspaceId: string): Promise<void>;
}

/** Thrown when the store has no such payload: it was deleted, or the folder is another one than the database's. */
export class BlobMissingError extends Error {
  override readonly name = 'BlobMissingError';
  readonly code = 'BLOB_MISSING';
  readonly retryable = false;
  readonly details: { readonly workspaceId: string; readonly sha256: string };

  constructor(workspaceId: string, sha256: string) {
    super(`The stored payload ${sha256.slice(0, 64)} is missing. Restore the blob folder from the backup that belongs to the database.`);
    this.details = { workspaceId, sha256 };
  }
}

/** Thrown when a payload's content is not what its name says. Restore it from a backup. */
export class BlobDamagedError extends Error {
  override readonly name = 'BlobDamagedError';
  readonly code = 'BLOB_DAMAGED';
  readonly retryable = false;
  readonly details: { readonly workspaceId: string; readonly sha256: string };

  constructor(workspaceId: string, sha256: string) {
    super(`The stored payload ${sha256} is damaged: its content does not match its name. Restore it from a backup.`);
    this.details = { workspaceId, sha256 };
  }
}

const SHA256 = /^[0-9a-f]{64}$/;
/** Workspace ids become folder names, so they must not be able to say anything else. */
const WORKSPACE = /^[0-9A-Za-z][0-9A-Za-z_-]{0,63}$/;

/** Text that becomes bytes in one go, in UTF-16 units: about a millisecond. Others get their turn in between. */
const PIECE_LENGTH = 1024 * 1024;

export async function contentOf(text: PayloadText): Promise<Content> {
  const parts = typeof text === 'string' ? [text] : text;
  let sizeBytes = 0;
  for (const part of parts) sizeBytes += Buffer.byteLength(part);
  const bytes = Buffer.allocUnsafeSlow(sizeBytes);
  const hash = createHash('sha256');
  let at = 0;
  let inOneGo = 0;
  for (const part of parts) {
    for (const piece of inPieces(part)) {
      if (inOneGo + piece.length > PIECE_LENGTH) {
        inOneGo = 0;
        await nextTurn();
      }
      inOneGo += piece.length;
      const end = at + bytes.write(piece, at);
      hash.update(bytes.subarray(at, end));
      at = end;
    }
  }
  return { bytes, sha256: hash.digest('hex') };
}

/** None ends within a surrogate pair, whose halves have no bytes of their own. */
function* inPieces(part: string): Generator<string> {
  for (let at = 0; at < part.length;) {
    let end = Math.min(at + PIECE_LENGTH, part.length);
    if (end < part.length && isHighSurrogate(part.charCodeAt(end - 1))) end -= 1;
    yield part.slice(at, end);
    at = end;
  }
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff;
}

export function createFileBlobStore(options: FileBlobStoreOptions): FileBlobStore {
  return new ContentFolders(options);
}

class ContentFolders implements FileBlobStore {
  readonly #dir: string;
  readonly #knownLimit: number;
  /** Durable payloads, oldest first. */
  readonly #known = new Set<string>();
  /** Folders whose own entry is durable. */
  readonly #folders = new Map<string, Promise<void>>();
  readonly #writing = new Map<string, Promise<void>>();

  constructor(options: FileBlobStoreOptions) {
    this.#dir = options.dir;
    this.#knownLimit = options.knownLimit ?? 10_000;
  }

  async put(workspaceId: string, text: PayloadText): Promise<BlobRef> {
    return this.putContent(workspaceId, await contentOf(text));
  }

  async putContent(workspaceId: string, { bytes, sha256 }: Content): Promise<BlobRef> {
    if (!WORKSPACE.test(workspaceId)) throw new TypeError(`"${workspaceId}" is not a workspace id`);
    const key = `${workspaceId}/${sha256}`;
    if (!this.#known.has(key)) {
      let writing = this.#writing.get(key);
      if (!writing) {
        writing = this.#store(workspaceId, sha256, bytes).finally(() => this.#writing.delete(key));
        this.#writing.set(key, writing);
      }
      await writing;
      this.#remember(key);
    }
    return { sha256, size: bytes.length };
  }

  async get(workspaceId: string, ref: BlobRef): Promise<string> {
    if (!WORKSPACE.test(workspaceId) || !SHA256.test(ref.sha256)) throw new BlobMissingError(workspaceId, String(ref.sha256));
    let bytes: Buffer;
    try {
      bytes = await readFile(this.#path(workspaceId, ref.sha256));
    } catch (error) {
      if (!isMissing(error)) throw error;
      this.#known.delete(`${workspaceId}/${ref.sha256}`);
      throw new BlobMissingError(workspaceId, ref.sha256);
    }
    if (bytes.length !== ref.size || createHash('sha256').update(bytes).digest('hex') !== ref.sha256) {
      throw new BlobDamagedError(workspaceId, ref.sha256);
    }
    return bytes.toString('utf8');
  }

  async sizeBytes(workspaceId: string, sha256: string): Promise<number | undefined> {
    if (!WORKSPACE.test(workspaceId) || !SHA256.test(sha256)) return undefined;
    return sizeOf(this.#path(workspaceId, sha256));
  }

  async isThere(workspaceId: string, sha256: string): Promise<boolean> {
    const isThere = (await this.sizeBytes(workspaceId, sha256)) !== undefined;
    if (!isThere) this.#known.delete(`${workspaceId}/${sha256}`);
    return isThere;
  }

  async remove(workspaceId: string, sha256: string): Promise<void> {
    if (!WORKSPACE.test(workspaceId) || !SHA256.test(sha256)) return;
    const key = `${workspaceId}/${sha256}`;
    await this.#writing.get(key)?.catch(() => undefined);
    this.#known.delete(key);
    await rm(this.#path(workspaceId, sha256), { force: true });
  }

  async removeWorkspace(workspaceId: string): Promise<void> {
    if (!WORKSPACE.test(workspaceId)) throw new TypeError(`"${workspaceId}" is not a workspace id`);
    const prefix = `${workspaceId}/`;
    for (const key of this.#known) if (key.startsWith(prefix)) this.#known.delete(key);
    for (const folder of this.#folders.keys()) if (folder.startsWith(join(this.#dir, workspaceId))) this.#folders.delete(folder);
    await rm(join(this.#dir, workspaceId), { recursive: true, force: true });
  }

  #path(workspaceId: string, sha256: string): string {
    return join(this.#dir, workspaceId, sha256.slice(0, 2), sha256);
  }

  async #store(workspaceId: string, sha256: string, bytes: Buffer): Promise<void> {
    try {
      await this.#storeOnce(workspaceId, sha256, bytes);
    } catch (error) {
      // Without the folder above the store, making it again would hide that everything is gone.
      if (!isMissing(error) || (await sizeOf(dirname(this.#dir))) === undefined) throw error;
      // Somebody removed folders under us: nothing that was remembered of them holds any more.
      this.#folders.clear();
      this.#known.clear();
      await this.#storeOnce(workspaceId, sha256, bytes);
    }
  }

  async #storeOnce(workspaceId: string, sha256: string, bytes: Buffer): Promise<void> {
    const path = this.#path(workspaceId, sha256);
    const folder = dirname(path);
    await this.#makeFolder(folder);
    // A file of another size was left by a disk that lost it; it is written again.
    if ((await sizeOf(path)) !== bytes.length) await writeAside(path, bytes);
    // Also for a file found: whoever wrote it may have died before its name was durable.
    await syncFolder(folder);
  }

  /** Makes a folder and everything above it up to the store's own, each durable in its parent. */
  #makeFolder(folder: string): Promise<void> {
    let made = this.#folders.get(folder);
    if (!made) {
      made = this.#makeDurably(folder);
      made.catch(() => this.#folders.delete(folder));
      this.#folders.set(folder, made);
    }
    return made;
  }

  async #makeDurably(folder: string): Promise<void> {
    const parent = dirname(folder);
    if (folder === this.#dir) {
      await mkdir(folder, { recursive: true, mode: 0o700 });
    } else {
      await this.#makeFolder(parent);
      await mkdir(folder, { mode: 0o700 }).catch((error: unknown) => {
        if (!hasCode(error, 'EEXIST')) throw error;
      });
    }
    await syncFolder(parent);
  }

  #remember(key: string): void {
    this.#known.add(key);
    if (this.#known.size <= this.#knownLimit) return;
    for (const oldest of this.#known) {
      this.#known.delete(oldest);
      break;
    }
  }
}

/** The name appears only once the content is durable. */
async function writeAside(path: string, bytes: Buffer): Promise<void> {
  const aside = `${path}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    const file = await open(aside, 'wx', 0o600);
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(aside, path);
  } catch (error) {
    await rm(aside, { force: true }).catch(() => {
      // The first failure is the one to report.
    });
    throw error;
  }
}

async function syncFolder(folder: string): Promise<void> {
  // Windows cannot open a folder; its file systems keep names durable by themselves.
  if (process.platform === 'win32') return;
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function sizeOf(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

function isMissing(error: unknown): boolean {
  return hasCode(error, 'ENOENT') || hasCode(error, 'ENOTDIR');
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
