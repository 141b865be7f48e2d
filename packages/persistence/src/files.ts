/**
 * Files of a workspace: handles with a name, and the contents they share by hash. The bytes are in the file store; rows say
 * which of them are wanted, so that sweeping never takes what somebody is about to use.
 *
 * blob: pending ──> stored ──> deleting. Only a stored one gets files.
 */
import { uuidv7 } from './ids.ts';
import type { InstanceStatements } from './in-instance.ts';
import type { WorkspaceTransaction } from './in-workspace.ts';
import { likePattern, pageLimit } from './paging.ts';

export interface StoredFile {
  readonly id: string;
  /** SHA-256 of the content, hex. */
  readonly hash: string;
  readonly sizeBytes: number;
  readonly storageKey: string;
  readonly name: string;
  readonly mime: string;
  /** The run that made it, and its workflow. */
  readonly originRunId?: string;
  readonly workflowId?: string;
  /** The project of that workflow; absent when the workflow is gone. */
  readonly projectId?: string;
  readonly createdBy: string;
  readonly createdAt: Date;
  readonly expiresAt?: Date;
}

export interface BlobRow {
  readonly hash: string;
  readonly sizeBytes: number;
  readonly storageKey: string;
}

/**
 * Call before the bytes are written: from now on the sweeper leaves them alone for its grace time. False while an old copy is
 * being deleted; try again shortly.
 */
export async function reserveBlob(tx: WorkspaceTransaction, blob: BlobRow): Promise<boolean> {
  const rows = await tx.query(
    `insert into file_blob (workspace_id, hash, size_bytes, storage_key, state) values ($1, $2, $3, $4, 'pending')
       on conflict (workspace_id, hash) do update set touched_at = now() where file_blob.state <> 'deleting' returning 1`,
    [tx.context.workspaceId, blob.hash, blob.sizeBytes, blob.storageKey],
  );
  return rows.length > 0;
}

export interface CreateFile {
  readonly hash: string;
  readonly name: string;
  readonly mime: string;
  /** The run that makes it; it goes when that run is forgotten. */
  readonly origin?: { readonly runId: string; readonly workflowId: string };
  /** How long it is kept, in milliseconds; absent for ever. */
  readonly validMs?: number;
  /** Only whoever makes it sees it. @default false */
  readonly isPrivate?: boolean;
}

/** Key of the limit on the bytes of all files of a workspace. */
export const FILE_BYTES_LIMIT = 'fileBytes';

/** Call after the bytes are written. Gives the id of the file, or undefined when its blob was not reserved. */
export async function createFile(tx: WorkspaceTransaction, input: CreateFile): Promise<string | undefined> {
  const { workspaceId, principalId } = tx.context;
  const stored = await tx.query(
    `update file_blob set state = 'stored', touched_at = now() where workspace_id = $1 and hash = $2 and state <> 'deleting' returning 1`,
    [workspaceId, input.hash],
  );
  if (stored.length === 0) return undefined;
  const id = uuidv7();
  await tx.query(
    `insert into file (id, workspace_id, hash, name, mime, origin_run_id, workflow_id, created_by, expires_at, private_to)
       values ($1, $2, $3, $4, $5, $6, $7, $8, now() + $9::float8 * interval '1 ms', case when $10::boolean then $8::uuid end)`,
    [
      id,
      workspaceId,
      input.hash,
      input.name,
      input.mime,
      input.origin?.runId ?? null,
      input.origin?.workflowId ?? null,
      principalId,
      input.validMs ?? null,
      input.isPrivate ?? false,
    ],
  );
  return id;
}

/** Undefined also past its time, and where it is somebody else's alone. */
export async function findFile(tx: WorkspaceTransaction, id: string): Promise<StoredFile | undefined> {
  const [row] = await tx.query<FileRow>(`${SELECT} and f.id = $2 and ${seenBy(3)}`, [tx.context.workspaceId, id, tx.context.principalId]);
  return row && toFile(row);
}

export interface ListFiles {
  readonly originRunId?: string | undefined;
  /** Part of the name. */
  readonly search?: string | undefined;
  /** Files of these workflows and projects, and those of no workflow; absent: all. */
  readonly visible?: { readonly projectIds: readonly string[]; readonly workflowIds: readonly string[] } | undefined;
  readonly cursor?: string | undefined;
  readonly limit?: number | undefined;
}

/** Newest first. */
export async function listFiles(
  tx: WorkspaceTransaction,
  options: ListFiles = {},
): Promise<{ readonly files: readonly StoredFile[]; readonly nextCursor?: string }> {
  const limit = pageLimit(options.limit);
  const rows = await tx.query<FileRow>(
    `${SELECT} and ($2::uuid is null or f.origin_run_id = $2) and ($3::uuid is null or f.id < $3)
       and ($5::text is null or f.name ilike $5 escape '\\')
       and ${seenBy(8)} and ($6::uuid[] is null or f.workflow_id is null or w.project_id = any($6) or f.workflow_id = any($7::uuid[]))
     order by f.id desc limit $4`,
    [
      tx.context.workspaceId,
      options.originRunId ?? null,
      options.cursor ?? null,
      limit + 1,
      likePattern(options.search),
      options.visible?.projectIds ?? null,
      options.visible?.workflowIds ?? null,
      tx.context.principalId,
    ],
  );
  const files = rows.slice(0, limit).map(toFile);
  return rows.length > limit ? { files, nextCursor: files.at(-1)!.id } : { files };
}

/** Gives how many bytes went, or undefined when there was no such file. The caller gives them back to the limit. */
export async function deleteFile(tx: WorkspaceTransaction, id: string): Promise<number | undefined> {
  const [row] = await tx.query<{ sizeBytes: number }>(
    `delete from file f using file_blob b where f.workspace_id = $1 and f.id = $2 and b.workspace_id = f.workspace_id and b.hash = f.hash
       returning b.size_bytes::float8 as "sizeBytes"`,
    [tx.context.workspaceId, id],
  );
  return row?.sizeBytes;
}

/** Files past their time; gives how many went. Call again while it gives `limit`. */
export function deleteExpiredFiles(statements: InstanceStatements, limit = 1000): Promise<number> {
  return deleteFilesWhere(statements, 'select id from file where expires_at <= now() limit $1 for update skip locked', [limit]);
}

/**
 * Files of runs that are forgotten; gives how many went. Call again while it gives `limit`. Young files stay: a run is stored shortly after its
 * first files are.
 */
export function deleteFilesOfForgottenRuns(
  statements: InstanceStatements,
  { graceMs, limit = 1000 }: { readonly graceMs: number; readonly limit?: number },
): Promise<number> {
  return deleteFilesWhere(
    statements,
    `select f.id from file f where f.origin_run_id is not null and f.created_at < now() - $2::float8 * interval '1 ms'
        and not exists (select from run r where r.id = f.origin_run_id)
        and not exists (select from run_live l where l.run_id = f.origin_run_id)
      limit $1 for update skip locked`,
    [limit, graceMs],
  );
}

/** Deletes what the query names, and gives the bytes back to the limits of their workspaces. */
async function deleteFilesWhere(statements: InstanceStatements, ids: string, values: readonly unknown[]): Promise<number> {
  const [row] = await statements.query<{ n: number }>(
    `with gone as (delete from file where id in (${ids}) returning workspace_id, hash),
       sums as (select g.workspace_id, sum(b.size_bytes) as bytes from gone g
                  join file_blob b on b.workspace_id = g.workspace_id and b.hash = g.hash group by 1),
       returned as (update counter c set used = greatest(0, c.used - s.bytes) from sums s
                     where c.workspace_id = s.workspace_id and c.limit_key = '${FILE_BYTES_LIMIT}' and c.period = '')
     select count(*)::int4 as n from gone`,
    values,
  );
  return row?.n ?? 0;
}

/**
 * Marks contents nobody wants for deletion: delete their bytes, then {@link forgetBlob}; until then they are given again. Whoever
 * starts to want one touches its row, and a row touched within `graceMs` stays, so nobody loses the race.
 */
export function markUnusedBlobs(
  statements: InstanceStatements,
  { graceMs, limit = 100 }: { readonly graceMs: number; readonly limit?: number },
): Promise<(BlobRow & { readonly workspaceId: string })[]> {
  return statements.query(
    `update file_blob b set state = 'deleting'
      where (workspace_id, hash) in (
        select workspace_id, hash from file_blob u
         where state = 'deleting' or (touched_at < now() - $1::float8 * interval '1 ms'
           and not exists (select from file f where f.workspace_id = u.workspace_id and f.hash = u.hash)
           and not exists (select from pin p where p.workspace_id = u.workspace_id and p.file_hash = u.hash))
         order by touched_at limit $2 for update skip locked)
      returning workspace_id as "workspaceId", hash, size_bytes::float8 as "sizeBytes", storage_key as "storageKey"`,
    [graceMs, limit],
  );
}

export async function forgetBlob(
  statements: InstanceStatements,
  { workspaceId, hash }: { readonly workspaceId: string; readonly hash: string },
): Promise<boolean> {
  const rows = await statements.query(`delete from file_blob where workspace_id = $1 and hash = $2 and state = 'deleting' returning 1`, [
    workspaceId,
    hash,
  ]);
  return rows.length > 0;
}

interface FileRow extends Omit<StoredFile, 'originRunId' | 'workflowId' | 'projectId' | 'expiresAt'> {
  readonly originRunId: string | null;
  readonly workflowId: string | null;
  readonly projectId: string | null;
  readonly expiresAt: Date | null;
}

const SELECT = `
  select f.id, f.hash, b.size_bytes::float8 as "sizeBytes", b.storage_key as "storageKey", f.name, f.mime, f.origin_run_id as "originRunId",
         f.workflow_id as "workflowId", w.project_id as "projectId", f.created_by as "createdBy", f.created_at as "createdAt", f.expires_at as "expiresAt"
    from file f join file_blob b on b.workspace_id = f.workspace_id and b.hash = f.hash
         left join workflow w on w.workspace_id = f.workspace_id and w.id = f.workflow_id
   where f.workspace_id = $1 and (f.expires_at is null or f.expires_at > now())`;

/** Files of everybody, and of the principal in this parameter. */
function seenBy(parameter: number): string {
  return `(f.private_to is null or f.private_to = $${parameter}::uuid)`;
}

function toFile({ originRunId, workflowId, projectId, expiresAt, ...file }: FileRow): StoredFile {
  return {
    ...file,
    ...(originRunId === null ? {} : { originRunId }),
    ...(workflowId === null ? {} : { workflowId }),
    ...(projectId === null ? {} : { projectId }),
    ...(expiresAt ? { expiresAt } : {}),
  };
}
