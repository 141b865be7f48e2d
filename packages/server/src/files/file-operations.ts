/** Uploading, reading, finding and deleting files. */
import { createHash } from 'node:crypto';
import {
  FILE_BYTES_LIMIT,
  type StagedContent,
  type StoredFile,
  type WorkspaceTransaction,
  deleteFile,
  entitle,
  findFile,
  listFiles,
} from '@plugboard/persistence';
import { z } from 'zod';
import { type Resource, visibleTo } from '../access/access.ts';
import type { Patience } from '../edge/patience.ts';
import { type Operation, type OperationContext, operation } from '../operation/operation.ts';
import { OperationProblem, notFound } from '../operation/problem.ts';
import { DONE, id, nothing, page, pageInput, pageOf, text } from '../operation/shapes.ts';
import { download } from '../operation/stream.ts';
import { FileRefusedError, type FileService, type ReceivedFile } from './file-service.ts';
import { type Receive, readUpload } from './read-upload.ts';

const fileView = z
  .object({
    id,
    name: z.string(),
    mime: z.string().describe('What whoever made it said it is.'),
    sizeBytes: z.number(),
    sha256: z.string(),
    createdAt: z.iso.datetime(),
    createdById: id,
    runId: id.optional().describe('The run that made it.'),
    expiresAt: z.iso.datetime().optional(),
  })
  .meta({ id: 'File' });

const uploaded = z.object({ files: z.array(fileView) }).meta({ id: 'UploadedFiles' });

/** Uploads are kept for a day at least, and for ten years at most. */
const DAY_S = 24 * 60 * 60;

export interface FileOperationsOptions {
  readonly files: FileService;
  /** Lets uploads take their time: their pace is watched instead. */
  readonly patience?: Pick<Patience, 'grant'>;
}

export function fileOperations({ files, patience }: FileOperationsOptions): readonly Operation[] {
  const onFile = (ctx: OperationContext, input: { readonly id: string }): Promise<Resource | undefined> =>
    ctx.inTransaction(async (tx) => resourceOf(await findFile(tx, input.id)));
  return [
    operation({
      name: 'file.upload',
      kind: 'mutation',
      summary: 'Upload a file as it is, with its name in the query, or files as a form in parts (multipart/form-data).',
      permission: { action: 'file.write', on: () => ({ kind: 'file' }) },
      stream: 'upload',
      transactional: false,
      input: z.strictObject({
        name: text(300).optional().describe('Name of a file sent as it is; a form names its files itself.'),
        sha256: z
          .string()
          .regex(/^[0-9a-f]{64}$/)
          .optional()
          .describe('What the content must hash to; a file with another content is refused.'),
        expiresInSeconds: z
          .int()
          .min(DAY_S)
          .max(3650 * DAY_S)
          .optional()
          .describe('Deleted after so long; kept for ever when absent.'),
      }),
      output: uploaded,
      problems: ['BODY_INVALID', 'BODY_TOO_LARGE', 'BODY_UNSUPPORTED', 'ENTITLEMENT_EXCEEDED'],
      rest: { method: 'POST', path: '/files', status: 201 },
      demandSame: async ({ upload }, first) => {
        const before = (first as z.output<typeof uploaded>).files.map((file) => file.sha256);
        const again = upload ? await readUpload(upload, undefined, hashOnly(files.maxBytes)).catch(() => []) : [];
        if (before.join() === again.map((file) => file.sha256).join()) return;
        throw new OperationProblem('KEY_REUSED', 'This idempotency key was used with another file', {
          hint: 'Use a new key for each new upload.',
        });
      },
      handler: async (ctx, input) => {
        const { upload, workspaceId, actor } = ctx;
        if (!upload) throw new OperationProblem('BODY_INVALID', 'Send the file as the body of the request');
        patience?.grant(upload.request);
        try {
          const received = await readUpload(upload, input.name, (content, meta) => files.receive(workspaceId, content, meta));
          await demandHash(received, input.sha256);
          const { expiresInSeconds } = input;
          const owner = { workspaceId, principalId: actor.principalId, validMs: expiresInSeconds && expiresInSeconds * 1000 };
          const refs = await files.keep(owner, received);
          ctx.audit({
            kind: 'file',
            ...(refs[0] && { id: refs[0].id }),
            payload: { files: refs.map(({ id: fileId, name, size }) => ({ id: fileId, name, size })) },
          });
          const kept = await ctx.inTransaction(async (tx) => {
            const found: StoredFile[] = [];
            for (const ref of refs) found.push((await findFile(tx, ref.id)) ?? missing());
            return found;
          });
          return { files: kept.map(viewOf) };
        } catch (error) {
          throw asProblem(error);
        }
      },
    }),

    operation({
      name: 'file.content',
      kind: 'query',
      summary: 'Download a file, or a range of it.',
      permission: { action: 'file.read', on: onFile },
      stream: 'download',
      input: z.strictObject({ id }),
      output: download,
      problems: ['RANGE_INVALID'],
      rest: { method: 'GET', path: '/files/{id}' },
      handler: async (ctx, input) => {
        const file = await ctx.inTransaction((tx) => getFile(tx, input.id));
        return {
          name: file.name,
          mime: file.mime,
          sizeBytes: file.sizeBytes,
          contentHash: file.hash,
          modifiedAt: file.createdAt,
          open: (range) =>
            files.content(file, ctx.workspaceId, range).catch((error: unknown) => {
              throw asProblem(error);
            }),
        };
      },
    }),

    operation({
      name: 'file.get',
      kind: 'query',
      summary: 'What is known of a file.',
      permission: { action: 'file.read', on: onFile },
      input: z.strictObject({ id }),
      output: fileView,
      problems: [],
      rest: { method: 'GET', path: '/files/{id}/details' },
      handler: async (ctx, input) => viewOf(await ctx.inTransaction((tx) => getFile(tx, input.id))),
    }),

    operation({
      name: 'file.list',
      kind: 'query',
      summary: 'Files, newest first: uploaded ones, and those of runs whose data you may read.',
      permission: { action: 'file.read', on: () => ({ kind: 'file' }) },
      input: z.strictObject({ search: text(200).optional().describe('Part of the name.'), runId: id.optional(), ...pageInput }),
      output: pageOf(fileView).meta({ id: 'FilePage' }),
      problems: [],
      rest: { method: 'GET', path: '/files' },
      handler: async (ctx, input) => {
        const visible = visibleTo(ctx.actor, ctx.access, 'file.read');
        const cursor = input.after === undefined ? undefined : z.uuid().safeParse(input.after);
        if (cursor?.success === false)
          throw new OperationProblem('INPUT_INVALID', 'after: is no cursor of a page', { path: 'input.after' });
        const found = await ctx.inTransaction((tx) =>
          listFiles(tx, {
            search: input.search,
            originRunId: input.runId,
            visible: visible.kind === 'all' ? undefined : { projectIds: visible.projectIds, workflowIds: visible.ids },
            cursor: cursor?.data,
            limit: input.first,
          }),
        );
        return page(found.files.map(viewOf), found.nextCursor);
      },
    }),

    operation({
      name: 'file.delete',
      kind: 'mutation',
      summary: 'Delete a file. Runs that still want to read it fail.',
      permission: { action: 'file.delete', on: onFile },
      input: z.strictObject({ id }),
      output: nothing,
      problems: [],
      rest: { method: 'DELETE', path: '/files/{id}' },
      handler: (ctx, input) =>
        ctx.inTransaction(async (tx) => {
          const file = await getFile(tx, input.id);
          const bytes = await deleteFile(tx, input.id);
          if (bytes === undefined) throw notFound();
          await entitle(tx, FILE_BYTES_LIMIT, -bytes);
          ctx.audit({ kind: 'file', id: input.id, payload: { name: file.name, size: bytes } });
          return DONE;
        }),
    }),
  ];
}

/** Receives nothing and hashes all. */
function hashOnly(maxBytes: number): Receive {
  const staged: StagedContent = {
    write: async () => undefined,
    finish: async () => ({ sha256: '', sizeBytes: 0 }),
    keep: async () => undefined,
    drop: async () => undefined,
  };
  return async (content) => {
    const hash = createHash('sha256');
    let sizeBytes = 0;
    for await (const chunk of content) {
      hash.update(chunk);
      sizeBytes += chunk.byteLength;
      if (sizeBytes > maxBytes) break;
    }
    return { name: '', mime: '', sha256: hash.digest('hex'), sizeBytes, staged };
  };
}

/** A file of a run is as open as the run's data; the others belong to the workspace. */
function resourceOf(file: StoredFile | undefined): Resource | undefined {
  if (!file) return undefined;
  if (file.workflowId === undefined) return { kind: 'file' };
  return { kind: 'file', workflowId: file.workflowId, projectId: file.projectId ?? '' };
}

async function getFile(tx: WorkspaceTransaction, fileId: string): Promise<StoredFile> {
  return (await findFile(tx, fileId)) ?? missing();
}

function missing(): never {
  throw notFound();
}

function viewOf(file: StoredFile): z.input<typeof fileView> {
  return {
    id: file.id,
    name: file.name,
    mime: file.mime,
    sizeBytes: file.sizeBytes,
    sha256: file.hash,
    createdAt: file.createdAt.toISOString(),
    createdById: file.createdBy,
    ...(file.originRunId === undefined ? {} : { runId: file.originRunId }),
    ...(file.expiresAt === undefined ? {} : { expiresAt: file.expiresAt.toISOString() }),
  };
}

/** What was received does not stay when it is not what was meant. */
async function demandHash(received: readonly ReceivedFile[], sha256: string | undefined): Promise<void> {
  if (sha256 === undefined || (received.length === 1 && received[0]?.sha256 === sha256)) return;
  for (const { staged } of received) await staged.drop();
  throw new OperationProblem('BODY_INVALID', 'What arrived has another hash than the query says; send it again', { path: 'input.sha256' });
}

function asProblem(error: unknown): unknown {
  if (!(error instanceof FileRefusedError)) return error;
  switch (error.code) {
    case 'FILE_TOO_LARGE':
      return new OperationProblem('BODY_TOO_LARGE', error.message, { hint: 'PLUGBOARD_FILE_LIMIT sets how large a file may be.' });
    case 'FILE_QUOTA':
      return new OperationProblem('ENTITLEMENT_EXCEEDED', error.message, { params: { limit: FILE_BYTES_LIMIT } });
    case 'FILE_BROKEN_OFF':
      return new OperationProblem('BODY_INVALID', error.message);
    case 'FILE_NOT_FOUND':
      return notFound(error.message);
  }
}
