/** Tags of a workspace, and what wears them. Names differ in more than their case. */
import { errorCodeOf, UNIQUE_VIOLATION } from '../errors.ts';
import { uuidv7 } from '../ids.ts';
import type { WorkspaceTransaction } from '../in-workspace.ts';

export interface Tag {
  readonly id: string;
  readonly name: string;
  /** As the page names its colours. */
  readonly color?: string;
  readonly rev: number;
}

export type CreateTagResult =
  | { readonly kind: 'created'; readonly tagId: string }
  | { readonly kind: 'name-taken'; readonly tagId: string };

/** Of two that make one tag at once, one is told the other's id. */
export async function createTag(
  tx: WorkspaceTransaction,
  input: { readonly name: string; readonly color?: string },
): Promise<CreateTagResult> {
  const { workspaceId, principalId } = tx.context;
  const id = uuidv7();
  const [row] = await tx.query<{ id: string }>(
    // The update changes nothing; it makes the row of whoever came first come back.
    `insert into tag (id, workspace_id, name, color, created_by) values ($1, $2, $3, $4, $5)
       on conflict (workspace_id, lower(name)) do update set name = tag.name returning id`,
    [id, workspaceId, input.name, input.color ?? null, principalId],
  );
  return { kind: row!.id === id ? 'created' : 'name-taken', tagId: row!.id };
}

/** By name, at most 1,000. */
export async function listTags(tx: WorkspaceTransaction): Promise<Tag[]> {
  const rows = await tx.query<TagRow>(`select id, name, color, rev from tag where workspace_id = $1 order by lower(name) limit 1000`, [
    tx.context.workspaceId,
  ]);
  return rows.map(toTag);
}

export type UpdateTagResult =
  | { readonly kind: 'saved'; readonly rev: number }
  | { readonly kind: 'not-found' }
  | { readonly kind: 'name-taken' }
  | { readonly kind: 'conflict'; readonly tag: Tag };

/** `color: null` takes the colour away. */
export async function updateTag(
  tx: WorkspaceTransaction,
  id: string,
  change: { readonly name?: string; readonly color?: string | null; readonly expectedRev?: number },
): Promise<UpdateTagResult> {
  const [row] = await tx.query<TagRow>('select id, name, color, rev from tag where workspace_id = $1 and id = $2 for update', [
    tx.context.workspaceId,
    id,
  ]);
  if (!row) return { kind: 'not-found' };
  if (change.expectedRev !== undefined && change.expectedRev !== row.rev) return { kind: 'conflict', tag: toTag(row) };
  await tx.query('savepoint update_tag');
  try {
    await tx.query('update tag set name = $2, color = $3, rev = rev + 1, updated_at = now() where id = $1', [
      id,
      change.name ?? row.name,
      change.color === undefined ? row.color : change.color,
    ]);
  } catch (error) {
    await tx.query('rollback to savepoint update_tag');
    if (errorCodeOf(error) === UNIQUE_VIOLATION) return { kind: 'name-taken' };
    throw error;
  }
  return { kind: 'saved', rev: row.rev + 1 };
}

/** Takes it off everything that wears it. */
export async function deleteTag(tx: WorkspaceTransaction, id: string): Promise<boolean> {
  await tx.query('delete from workflow_tag where workspace_id = $1 and tag_id = $2', [tx.context.workspaceId, id]);
  return (await tx.query('delete from tag where workspace_id = $1 and id = $2 returning 1', [tx.context.workspaceId, id])).length > 0;
}

export type MergeTagsResult =
  | { readonly kind: 'merged'; readonly workflows: number }
  /** One of the two is not there, or they are one. */
  | { readonly kind: 'not-found' };

/** What wears `fromId` wears `intoId` instead, and `fromId` is gone. */
export async function mergeTags(tx: WorkspaceTransaction, fromId: string, intoId: string): Promise<MergeTagsResult> {
  const { workspaceId } = tx.context;
  // In one order, so that two merges of the same tags do not wait for each other for ever.
  const locked = await tx.query('select id from tag where workspace_id = $1 and id = any($2::uuid[]) order by id for update', [
    workspaceId,
    [fromId, intoId],
  ]);
  if (locked.length !== 2) return { kind: 'not-found' };
  const moved = await tx.query(
    `insert into workflow_tag (workflow_id, tag_id, workspace_id)
       select workflow_id, $3, workspace_id from workflow_tag where workspace_id = $1 and tag_id = $2 on conflict do nothing returning 1`,
    [workspaceId, fromId, intoId],
  );
  await deleteTag(tx, fromId);
  return { kind: 'merged', workflows: moved.length };
}

/** How many workflows wear each tag, of those that are `visible`. */
export async function countTagUses(
  tx: WorkspaceTransaction,
  visible: { readonly projectIds: readonly string[]; readonly ids: readonly string[] } | undefined,
): Promise<Map<string, number>> {
  const rows = await tx.query<{ id: string; n: number }>(
    `select t.tag_id as id, count(*)::int4 as n from workflow_tag t join workflow w on w.id = t.workflow_id
      where t.workspace_id = $1 and w.deleted_at is null and ($2::uuid[] is null or w.project_id = any($2) or w.id = any($3::uuid[])) group by t.tag_id`,
    [tx.context.workspaceId, visible?.projectIds ?? null, visible?.ids ?? []],
  );
  return new Map(rows.map((row) => [row.id, row.n]));
}

/** Puts tags on a workflow or takes them off, and leaves its others. False without such a workflow. */
export async function changeWorkflowTags(
  tx: WorkspaceTransaction,
  workflowId: string,
  { add = [], remove = [] }: { readonly add?: readonly string[]; readonly remove?: readonly string[] },
): Promise<boolean> {
  const current = (await findWorkflowTags(tx, [workflowId])).get(workflowId) ?? [];
  const kept = current.map((tag) => tag.id).filter((id) => !remove.includes(id));
  return setWorkflowTags(tx, workflowId, [...new Set([...kept, ...add])]);
}

/** Gives the workflow exactly these tags; those that do not exist here are left out. False without such a workflow. */
export async function setWorkflowTags(tx: WorkspaceTransaction, workflowId: string, tagIds: readonly string[]): Promise<boolean> {
  const { workspaceId } = tx.context;
  const [workflow] = await tx.query('select from workflow where workspace_id = $1 and id = $2 and deleted_at is null for no key update', [
    workspaceId,
    workflowId,
  ]);
  if (!workflow) return false;
  await tx.query('delete from workflow_tag where workspace_id = $1 and workflow_id = $2 and tag_id <> all($3::uuid[])', [
    workspaceId,
    workflowId,
    tagIds,
  ]);
  await tx.query(
    `insert into workflow_tag (workflow_id, tag_id, workspace_id)
       select $2, id, workspace_id from tag where workspace_id = $1 and id = any($3::uuid[]) on conflict do nothing`,
    [workspaceId, workflowId, tagIds],
  );
  return true;
}

/** Tags by workflow, each by name. */
export async function findWorkflowTags(tx: WorkspaceTransaction, workflowIds: readonly string[]): Promise<Map<string, Tag[]>> {
  const rows = await tx.query<TagRow & { workflowId: string }>(
    `select w.workflow_id as "workflowId", t.id, t.name, t.color, t.rev from workflow_tag w join tag t on t.id = w.tag_id
      where w.workspace_id = $1 and w.workflow_id = any($2::uuid[]) order by lower(t.name)`,
    [tx.context.workspaceId, workflowIds],
  );
  const found = new Map<string, Tag[]>();
  for (const { workflowId, ...row } of rows) found.set(workflowId, [...(found.get(workflowId) ?? []), toTag(row)]);
  return found;
}

interface TagRow {
  readonly id: string;
  readonly name: string;
  readonly color: string | null;
  readonly rev: number;
}

function toTag({ color, ...tag }: TagRow): Tag {
  return color === null ? tag : { ...tag, color };
}
