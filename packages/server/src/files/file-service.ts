/**
 * The one way of a file in and out. A content is received aside, without a transaction, hashed while it streams; then it is announced, gets its
 * name on disk, and its rows are made, so that what breaks off at any point leaves nothing that anybody sees.
 */
import {
  type ByteRange,
  type ContentStore,
  type Database,
  FILE_BYTES_LIMIT,
  type StagedContent,
  type StoredFile,
  BlobMissingError,
  contentKey,
  createFile,
  deleteFile,
  entitle,
  findFile,
  inWorkspace,
  reserveBlob,
} from '@plugboard/persistence';
import type { FileRef } from '@plugboard/sdk';
import type { Readable } from 'node:stream';
import { fileName, fileType } from './file-name.ts';

export type FileRefusal = 'FILE_TOO_LARGE' | 'FILE_QUOTA' | 'FILE_BROKEN_OFF' | 'FILE_NOT_FOUND';

/** Thrown when a file is not taken or not given; nothing is left of it. The message says what to do. */
export class FileRefusedError extends Error {
  override readonly name = 'FileRefusedError';
  readonly code: FileRefusal;
  constructor(code: FileRefusal, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
  }
}

/** Whose a new file is. */
export interface FileOwner {
  readonly workspaceId: string;
  /** @default the system */
  readonly principalId?: string | undefined;
  /** The run it belongs to, and goes with. */
  readonly origin?: { readonly runId: string; readonly workflowId: string } | undefined;
  /** How long it is kept, in milliseconds. @default as long as its run, or for ever */
  readonly validMs?: number | undefined;
  /** Only the principal sees it. @default false: whoever may read files of the workspace */
  readonly isPrivate?: boolean | undefined;
}

export interface IncomingMeta {
  readonly name?: string | undefined;
  readonly mime?: string | undefined;
  /** At most the server's own limit. */
  readonly maxBytes?: number | undefined;
}

/** A content that is there as a whole and has no name yet. Ends with `keep` or `drop`. */
export interface ReceivedFile {
  readonly name: string;
  readonly mime: string;
  readonly sha256: string;
  readonly sizeBytes: number;
  readonly staged: StagedContent;
}

/** Who reads: a person or key that was asked before, or a workflow, which sees its project's files and those of no run. */
export interface FileReader {
  readonly workspaceId: string;
  readonly reader?: { readonly workflowId: string } | undefined;
}

export interface OpenFile {
  readonly file: StoredFile;
  readonly content: Readable;
}

export interface FileService {
  readonly maxBytes: number;
  /** @throws FileRefusedError FILE_TOO_LARGE, FILE_BROKEN_OFF */
  receive(workspaceId: string, content: AsyncIterable<Uint8Array>, meta: IncomingMeta): Promise<ReceivedFile>;
  /** Keeps all or none of them. @throws FileRefusedError FILE_QUOTA */
  keep(owner: FileOwner, received: readonly ReceivedFile[]): Promise<readonly FileRef[]>;
  /** `receive` and `keep` of one file. */
  save(owner: FileOwner, content: AsyncIterable<Uint8Array>, meta: IncomingMeta): Promise<FileRef>;
  /** What a webhook was sent, before its run exists. See the README. */
  saveIncoming(owner: FileOwner, content: AsyncIterable<Uint8Array>, meta: IncomingMeta): Promise<FileRef>;
  /** @throws FileRefusedError FILE_NOT_FOUND */
  find(reader: FileReader, id: string): Promise<StoredFile>;
  /** @throws FileRefusedError FILE_NOT_FOUND */
  open(reader: FileReader, id: string, range?: ByteRange): Promise<OpenFile>;
  /** The bytes of a file that was found. @throws FileRefusedError FILE_NOT_FOUND */
  content(file: Pick<StoredFile, 'hash' | 'sizeBytes'>, workspaceId: string, range?: ByteRange): Promise<Readable>;
  /** False when there was none. Its bytes go with the next sweep. */
  remove(workspaceId: string, id: string): Promise<boolean>;
}

export interface FileServiceOptions {
  readonly database: Database;
  readonly contents: ContentStore;
  readonly systemPrincipalId: string;
  /** Largest file, in bytes. */
  readonly maxBytes: number;
}

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
/** An old copy of the same content may be on its way out; how often to look again, and how long apart, in milliseconds. */
const RESERVE_TRIES = 50;
const RESERVE_PAUSE_MS = 100;

export function createFileService({ database, contents, systemPrincipalId, maxBytes }: FileServiceOptions): FileService {
  const inScope = <Result>(workspaceId: string, principalId: string | undefined, use: Parameters<typeof inWorkspace<Result>>[2]) =>
    inWorkspace(database, { workspaceId, principalId: principalId ?? systemPrincipalId }, use);

  /** Announces the contents, so that the sweeper leaves them alone from now on. */
  async function reserve(owner: FileOwner, received: readonly ReceivedFile[]): Promise<void> {
    for (let tries = 0; tries < RESERVE_TRIES; tries++) {
      const isReserved = await inScope(owner.workspaceId, owner.principalId, async (tx) => {
        // Rows in one order, so that two uploads of the same contents never wait for each other.
        for (const { sha256, sizeBytes } of received.toSorted((a, b) => (a.sha256 < b.sha256 ? -1 : 1))) {
          const blob = { hash: sha256, sizeBytes, storageKey: contentKey(owner.workspaceId, sha256) };
          if (!(await reserveBlob(tx, blob))) return false;
        }
        return true;
      });
      if (isReserved) return;
      await new Promise((resolve) => setTimeout(resolve, RESERVE_PAUSE_MS));
    }
    throw new Error('an old copy of this content is being deleted and does not go');
  }

  const service: FileService = {
    maxBytes,
    async receive(workspaceId, content, { name, mime, maxBytes: own = maxBytes }) {
      const limit = Math.min(own, maxBytes);
      const staged = await contents.stage(workspaceId);
      try {
        let size = 0;
        const source = content[Symbol.asyncIterator]();
        for (;;) {
          const { done, value } = await source.next().catch((error: unknown) => {
            if (error instanceof FileRefusedError) throw error;
            throw new FileRefusedError('FILE_BROKEN_OFF', 'The file broke off before its end.', error);
          });
          if (done === true) break;
          size += value.byteLength;
          if (size > limit) {
            await source.return?.();
            throw new FileRefusedError('FILE_TOO_LARGE', `The file is larger than the limit of ${limit} bytes.`);
          }
          await staged.write(value);
        }
        return { name: fileName(name), mime: fileType(mime), ...(await staged.finish()), staged };
      } catch (error) {
        await staged.drop();
        throw error;
      }
    },

    async keep(owner, received) {
      try {
        await reserve(owner, received);
        for (const { staged } of received) await staged.keep();
        return await inScope(owner.workspaceId, owner.principalId, async (tx) => {
          const total = received.reduce((sum, one) => sum + one.sizeBytes, 0);
          const taken = await entitle(tx, FILE_BYTES_LIMIT, total);
          if (taken.kind === 'refused') {
            throw new FileRefusedError(
              'FILE_QUOTA',
              `The workspace may keep ${taken.limit} bytes of files and has ${taken.used}. Delete some, or ask for a larger plan.`,
            );
          }
          const refs: FileRef[] = [];
          for (const { name, mime, sha256, sizeBytes } of received) {
            const id = await createFile(tx, {
              hash: sha256,
              name,
              mime,
              origin: owner.origin,
              validMs: owner.validMs,
              isPrivate: owner.isPrivate,
            });
            if (id === undefined) throw new Error('the content of a file was taken away while it was kept');
            refs.push({ id, name, mime, size: sizeBytes, sha256 });
          }
          return refs;
        });
      } catch (error) {
        // What got its name already is wanted by nobody and goes with the sweep.
        for (const { staged } of received) await staged.drop();
        throw error;
      }
    },

    async save(owner, content, meta) {
      const received = await service.receive(owner.workspaceId, content, meta);
      const [ref] = await service.keep(owner, [received]);
      if (ref === undefined) throw new Error('keeping one file gives one');
      return ref;
    },

    saveIncoming: (owner, content, meta) => service.save(owner, content, meta),

    async find({ workspaceId, reader }, id) {
      const file = UUID.test(id)
        ? await inScope(workspaceId, undefined, async (tx) => {
            const found = await findFile(tx, id);
            if (found === undefined || reader === undefined || found.workflowId === undefined) return found;
            if (found.workflowId === reader.workflowId) return found;
            const [same] = await tx.query('select from workflow where workspace_id = $1 and id = $2 and project_id = $3', [
              workspaceId,
              reader.workflowId,
              found.projectId ?? null,
            ]);
            return same && found;
          })
        : undefined;
      if (file) return file;
      throw new FileRefusedError('FILE_NOT_FOUND', 'There is no such file here, or it is past its time.');
    },

    async open(reader, id, range) {
      const file = await service.find(reader, id);
      return { file, content: await service.content(file, reader.workspaceId, range) };
    },

    async content(file, workspaceId, range) {
      try {
        return await contents.open(workspaceId, { sha256: file.hash, sizeBytes: file.sizeBytes }, range);
      } catch (error) {
        if (error instanceof BlobMissingError)
          throw new FileRefusedError('FILE_NOT_FOUND', 'The content of the file is gone from the store. Restore it from a backup.', error);
        throw error;
      }
    },

    remove: (workspaceId, id) =>
      inScope(workspaceId, undefined, async (tx) => {
        const bytes = await deleteFile(tx, id);
        if (bytes === undefined) return false;
        await entitle(tx, FILE_BYTES_LIMIT, -bytes);
        return true;
      }),
  };
  return service;
}
