/** Folders inside a project. They only organise: permission is the project's. */
import type { FolderRow } from '../entities/rows.ts';
import { errorCodeOf, UNIQUE_VIOLATION } from '../errors.ts';
import { uuidv7 } from '../ids.ts';
import type { WorkspaceTransaction } from '../in-workspace.ts';

export interface Folder {
  readonly id: string;
  readonly projectId: string;
  /** Absent at the top of the project. */
  readonly parentId?: string;
  readonly name: string;
  readonly rev: number;
}

/** Levels of folders inside each other. */
export const FOLDER_DEPTH = 8;

export type CreateFolderResult =
  | { readonly kind: 'created'; readonly folderId: string }
  | { readonly kind: 'name-taken' }
  | { readonly kind: 'too-deep' }
  /** There is no such project, or no such folder in it. */
  | { readonly kind: 'not-found' };

export async function createFolder(
  tx: WorkspaceTransaction,
  input: { readonly projectId: string; readonly parentId?: string; readonly name: string },
): Promise<CreateFolderResult> {
  const { workspaceId, principalId } = tx.context;
  if (!(await lockFolders(tx, input.projectId))) return { kind: 'not-found' };
  if (input.parentId !== undefined) {
    const above = await pathOf(tx, input.parentId);
    if (above[0]?.projectId !== input.projectId) return { kind: 'not-found' };
    if (above.length >= FOLDER_DEPTH) return { kind: 'too-deep' };
  }
  const [row] = await tx.query<{ id: string }>(
    `insert into folder (id, workspace_id, project_id, parent_id, name, created_by) values ($1, $2, $3, $4, $5, $6)
       on conflict (project_id, parent_id, lower(name)) do nothing returning id`,
    [uuidv7(), workspaceId, input.projectId, input.parentId ?? null, input.name, principalId],
  );
  return row ? { kind: 'created', folderId: row.id } : { kind: 'name-taken' };
}

/** All of these projects, by name, at most 5,000. */
export async function listFolders(tx: WorkspaceTransaction, projectIds: readonly string[]): Promise<Folder[]> {
  const rows = await tx.manager
    .createQueryBuilder<FolderRow>('folder', 'f')
    .where('f.workspaceId = :workspaceId and f.projectId = any(:projectIds)', { workspaceId: tx.context.workspaceId, projectIds })
    .orderBy('lower(f.name)')
    .addOrderBy('f.id')
    .limit(5000)
    .getMany();
  return rows.map(toFolder);
}

/** Workflows directly in each folder, of those that are `visible`. */
export async function countFolderUses(
  tx: WorkspaceTransaction,
  visible: { readonly projectIds: readonly string[]; readonly ids: readonly string[] } | undefined,
): Promise<Map<string, number>> {
  const rows = await tx.query<{ id: string; n: number }>(
    `select folder_id as id, count(*)::int4 as n from workflow w where w.workspace_id = $1 and w.deleted_at is null and w.folder_id is not null
        and ($2::uuid[] is null or w.project_id = any($2) or w.id = any($3::uuid[])) group by folder_id`,
    [tx.context.workspaceId, visible?.projectIds ?? null, visible?.ids ?? []],
  );
  return new Map(rows.map((row) => [row.id, row.n]));
}

export async function findFolder(tx: WorkspaceTransaction, id: string): Promise<Folder | undefined> {
  const row = await tx.manager.getRepository<FolderRow>('folder').findOneBy({ id, workspaceId: tx.context.workspaceId });
  return row ? toFolder(row) : undefined;
}

export type UpdateFolderResult =
  | { readonly kind: 'saved'; readonly rev: number }
  | { readonly kind: 'not-found' }
  | { readonly kind: 'name-taken' }
  | { readonly kind: 'too-deep' }
  /** It would lie inside itself. */
  | { readonly kind: 'cycle' }
  | { readonly kind: 'conflict'; readonly folder: Folder };

/** Renames, or moves within the project; `parentId: null` is the top. */
export async function updateFolder(
  tx: WorkspaceTransaction,
  id: string,
  change: { readonly name?: string; readonly parentId?: string | null; readonly expectedRev?: number },
): Promise<UpdateFolderResult> {
  const found = await findFolder(tx, id);
  if (!found || !(await lockFolders(tx, found.projectId))) return { kind: 'not-found' };
  const folder = await findFolder(tx, id);
  if (!folder) return { kind: 'not-found' };
  if (change.expectedRev !== undefined && change.expectedRev !== folder.rev) return { kind: 'conflict', folder };
  const parentId = change.parentId === undefined ? (folder.parentId ?? null) : change.parentId;
  if (parentId !== null) {
    const above = await pathOf(tx, parentId);
    if (above[0]?.projectId !== folder.projectId) return { kind: 'not-found' };
    if (above.some((entry) => entry.id === id)) return { kind: 'cycle' };
    if (above.length + (await heightOf(tx, id)) > FOLDER_DEPTH) return { kind: 'too-deep' };
  }
  await tx.query('savepoint update_folder');
  try {
    await tx.query('update folder set name = coalesce($2, name), parent_id = $3, rev = rev + 1, updated_at = now() where id = $1', [
      id,
      change.name ?? null,
      parentId,
    ]);
  } catch (error) {
    await tx.query('rollback to savepoint update_folder');
    if (errorCodeOf(error) === UNIQUE_VIOLATION) return { kind: 'name-taken' };
    throw error;
  }
  return { kind: 'saved', rev: folder.rev + 1 };
}

export type DeleteFolderResult =
  | { readonly kind: 'deleted' }
  | { readonly kind: 'not-found' }
  /** There are folders in it. */
  | { readonly kind: 'not-empty' };

/** Its workflows move up one level, those in the trash too. */
export async function deleteFolder(tx: WorkspaceTransaction, id: string): Promise<DeleteFolderResult> {
  const { workspaceId } = tx.context;
  const folder = await findFolder(tx, id);
  if (!folder || !(await lockFolders(tx, folder.projectId))) return { kind: 'not-found' };
  if ((await tx.query('select from folder where workspace_id = $1 and parent_id = $2 limit 1', [workspaceId, id])).length > 0)
    return { kind: 'not-empty' };
  await tx.query(
    `update workflow w set folder_id = f.parent_id, rev = w.rev + 1, updated_at = now() from folder f where f.id = $2 and w.workspace_id = $1 and w.folder_id = $2`,
    [workspaceId, id],
  );
  const gone = await tx.query('delete from folder where workspace_id = $1 and id = $2 returning 1', [workspaceId, id]);
  return { kind: gone.length > 0 ? 'deleted' : 'not-found' };
}

/** Changes of one project's tree happen one after the other, so that two moves cannot close a circle. False without such a project. */
async function lockFolders(tx: WorkspaceTransaction, projectId: string): Promise<boolean> {
  const rows = await tx.query('select from project where workspace_id = $1 and id = $2 and deleted_at is null for no key update', [
    tx.context.workspaceId,
    projectId,
  ]);
  return rows.length > 0;
}

/** The folder and those above it, the nearest first. */
function pathOf(tx: WorkspaceTransaction, id: string): Promise<{ id: string; projectId: string }[]> {
  return tx.query(
    `with recursive path as (
       select id, project_id, parent_id, 1 as level from folder where workspace_id = $1 and id = $2
       union all select f.id, f.project_id, f.parent_id, level + 1 from folder f join path on f.id = path.parent_id where level < 100
     ) select id, project_id as "projectId" from path order by level`,
    [tx.context.workspaceId, id],
  );
}

/** Levels of the folder and what is below it. */
async function heightOf(tx: WorkspaceTransaction, id: string): Promise<number> {
  const [row] = await tx.query<{ height: number }>(
    `with recursive below as (
       select id, 1 as level from folder where workspace_id = $1 and id = $2
       union all select f.id, level + 1 from folder f join below on f.parent_id = below.id where level < 100
     ) select max(level)::int4 as height from below`,
    [tx.context.workspaceId, id],
  );
  return row?.height ?? 0;
}

function toFolder({ id, projectId, parentId, name, rev }: FolderRow): Folder {
  return { id, projectId, ...(parentId === null ? {} : { parentId }), name, rev };
}
