/**
 * Contents of files, of any size, as files named by their hash: `<dir>/<workspace>/<aa>/<sha256>`. A content comes in as a stream into
 * a place aside, where nobody sees it; it gets its name only when it is whole and durable. What breaks off leaves nothing but a file aside,
 * which the next sweep takes.
 */
import { createHash, randomBytes } from 'node:crypto';
import { type FileHandle, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { BlobDamagedError, BlobMissingError } from './file-blob-store.ts';

/** Where a content is read, both ends included. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/** A content on its way in. Every path ends with `keep` or `drop`. */
export interface StagedContent {
  /** Resolves when the bytes are taken; await it before the next. */
  write(bytes: Uint8Array): Promise<void>;
  /** Makes what was written durable, still without a name. */
  finish(): Promise<{ readonly sha256: string; readonly sizeBytes: number }>;
  /** Gives the finished content its name. */
  keep(): Promise<void>;
  /** Safe to call at any time, also after `keep`. */
  drop(): Promise<void>;
}

export interface ContentStore {
  stage(workspaceId: string): Promise<StagedContent>;
  /**
   * The file is open when this resolves.
   * @throws BlobMissingError, and BlobDamagedError when it has another length than it should
   */
  open(workspaceId: string, content: { readonly sha256: string; readonly sizeBytes: number }, range?: ByteRange): Promise<Readable>;
  remove(workspaceId: string, sha256: string): Promise<void>;
  /** Deletes what uploads that broke off left behind. Gives how many. */
  sweepStaged(olderThanMs: number): Promise<number>;
}

const SHA256 = /^[0-9a-f]{64}$/;
/** Workspace ids become folder names, so they must not be able to say anything else. */
const WORKSPACE = /^[0-9A-Za-z][0-9A-Za-z_-]{0,63}$/;
const STAGING = '.incoming';

/** Where a content lies, below the store's folder. */
export function contentKey(workspaceId: string, sha256: string): string {
  return `${workspaceId}/${sha256.slice(0, 2)}/${sha256}`;
}

/** @param options.dir made when missing, readable by its owner only */
export function createContentStore({ dir }: { readonly dir: string }): ContentStore {
  const pathOf = (workspaceId: string, sha256: string): string => join(dir, contentKey(workspaceId, sha256));
  return {
    async stage(workspaceId) {
      if (!WORKSPACE.test(workspaceId)) throw new TypeError(`"${workspaceId}" is not a workspace id`);
      await mkdir(join(dir, STAGING), { recursive: true, mode: 0o700 });
      const aside = join(dir, STAGING, `${Date.now().toString(36)}-${randomBytes(9).toString('hex')}`);
      return new Staged(await open(aside, 'wx', 0o600), aside, (sha256) => pathOf(workspaceId, sha256));
    },
    async open(workspaceId, { sha256, sizeBytes }, range) {
      if (!WORKSPACE.test(workspaceId) || !SHA256.test(sha256)) throw new BlobMissingError(workspaceId, sha256);
      const handle = await open(pathOf(workspaceId, sha256), 'r').catch((error: unknown) => {
        if (isMissing(error)) throw new BlobMissingError(workspaceId, sha256);
        throw error;
      });
      const { size } = await handle.stat();
      if (size !== sizeBytes) {
        await handle.close();
        throw new BlobDamagedError(workspaceId, sha256);
      }
      return handle.createReadStream({ ...range, highWaterMark: 256 * 1024 });
    },
    async remove(workspaceId, sha256) {
      if (WORKSPACE.test(workspaceId) && SHA256.test(sha256)) await rm(pathOf(workspaceId, sha256), { force: true });
    },
    async sweepStaged(olderThanMs) {
      const names = await readdir(join(dir, STAGING)).catch((error: unknown) => {
        if (isMissing(error)) return [];
        throw error;
      });
      const bound = Date.now() - olderThanMs;
      let count = 0;
      for (const name of names) {
        const path = join(dir, STAGING, name);
        const at = await stat(path).then(
          (found) => found.mtimeMs,
          () => Infinity,
        );
        if (at >= bound) continue;
        await rm(path, { force: true });
        count += 1;
      }
      return count;
    },
  };
}

class Staged implements StagedContent {
  readonly #handle: FileHandle;
  readonly #aside: string;
  readonly #pathOf: (sha256: string) => string;
  readonly #hash = createHash('sha256');
  #sizeBytes = 0;
  #sha256: string | undefined;
  #isClosed = false;
  #isAside = true;

  constructor(handle: FileHandle, aside: string, pathOf: (sha256: string) => string) {
    this.#handle = handle;
    this.#aside = aside;
    this.#pathOf = pathOf;
  }

  async write(bytes: Uint8Array): Promise<void> {
    this.#hash.update(bytes);
    this.#sizeBytes += bytes.byteLength;
    for (let at = 0; at < bytes.byteLength;) {
      const { bytesWritten } = await this.#handle.write(bytes, at, bytes.byteLength - at);
      at += bytesWritten;
    }
  }

  async finish(): Promise<{ readonly sha256: string; readonly sizeBytes: number }> {
    await this.#handle.sync();
    await this.#close();
    this.#sha256 ??= this.#hash.digest('hex');
    return { sha256: this.#sha256, sizeBytes: this.#sizeBytes };
  }

  async keep(): Promise<void> {
    if (this.#sha256 === undefined) throw new TypeError('finish comes before keep');
    const path = this.#pathOf(this.#sha256);
    const folder = dirname(path);
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await rename(this.#aside, path);
    this.#isAside = false;
    for (const one of [folder, dirname(folder)]) await syncFolder(one);
  }

  async drop(): Promise<void> {
    await this.#close();
    if (this.#isAside) await rm(this.#aside, { force: true });
    this.#isAside = false;
  }

  async #close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.#handle.close();
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

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR');
}
