/** Workspaces as the instance knows them: made with everything they need to work, found by name, listed for a person. */
import { raiseGeneration } from '../generations.ts';
import type { InstanceStatements, InstanceTransaction } from '../in-instance.ts';
import type { WorkspaceTransaction } from '../in-workspace.ts';
import { uuidv7 } from '../ids.ts';
import { ENVIRONMENT } from '../seed.ts';
import type { Statements } from '../statements.ts';
import { addMember } from './members.ts';
import type { Role } from './roles.ts';

export interface Workspace {
  readonly id: string;
  /** Part of addresses; unique on the instance. */
  readonly slug: string;
  readonly name: string;
  /** IANA name. */
  readonly zone: string;
  readonly planKey: string;
  readonly accessVersion: number;
  readonly rev: number;
  readonly createdAt: Date;
}

export interface CreateWorkspace {
  readonly slug: string;
  readonly name: string;
  /** Becomes its first member. */
  readonly ownerId: string;
  /** IANA name. @default 'UTC' */
  readonly zone?: string;
  /** @default 'unlimited' */
  readonly planKey?: string;
  readonly createdBy: string;
}

export type CreateWorkspaceResult =
  | { readonly kind: 'created'; readonly workspaceId: string; readonly projectId: string }
  | { readonly kind: 'slug-taken' };

/** With both environments, the project `default` and its owner. */
export async function createWorkspace(tx: InstanceTransaction, input: CreateWorkspace): Promise<CreateWorkspaceResult> {
  const [workspace] = await tx.query<{ id: string }>(
    `insert into workspace (id, slug, name, zone, plan_key, created_by) values ($1, $2, $3, $4, $5, $6) on conflict (slug) do nothing returning id`,
    [uuidv7(), input.slug, input.name, input.zone ?? 'UTC', input.planKey ?? 'unlimited', input.createdBy],
  );
  if (!workspace) return { kind: 'slug-taken' };
  await tx.query(`insert into environment (workspace_id, n, name) values ($1, $2, 'draft'), ($1, $3, 'live')`, [
    workspace.id,
    ENVIRONMENT.draft,
    ENVIRONMENT.live,
  ]);
  const projectId = uuidv7();
  await tx.query(`insert into project (id, workspace_id, slug, name, created_by) values ($1, $2, 'default', 'Default', $3)`, [
    projectId,
    workspace.id,
    input.createdBy,
  ]);
  await addMember(tx, { workspaceId: workspace.id, principalId: input.ownerId, role: 'owner', createdBy: input.createdBy });
  return { kind: 'created', workspaceId: workspace.id, projectId };
}

export async function findWorkspaceBySlug(statements: InstanceStatements, slug: string): Promise<Workspace | undefined> {
  const [row] = await statements.query<Workspace>(`${SELECT} where w.slug = $1 and w.deleted_at is null`, [slug]);
  return row;
}

export async function findWorkspace(statements: Statements, id: string): Promise<Workspace | undefined> {
  const [row] = await statements.query<Workspace>(`${SELECT} where w.id = $1 and w.deleted_at is null`, [id]);
  return row;
}

/** Those a principal is a member of, by name, with the role there. */
export function listWorkspacesOf(statements: InstanceStatements, principalId: string): Promise<(Workspace & { readonly role: Role })[]> {
  return statements.query(
    `select ${COLUMNS}, m.role from workspace w join member m on m.workspace_id = w.id
      where m.principal_id = $1 and m.state = 'active' and w.deleted_at is null order by lower(w.name), w.id`,
    [principalId],
  );
}

/** All of the instance, newest first, at most 1,000; for operators and sweepers. */
export function listWorkspaces(statements: InstanceStatements): Promise<Workspace[]> {
  return statements.query(`${SELECT} where w.deleted_at is null order by w.id desc limit 1000`);
}

export type UpdateWorkspaceResult =
  | { readonly kind: 'saved'; readonly workspace: Workspace }
  | { readonly kind: 'conflict'; readonly workspace: Workspace };

/** Name and time zone of the workspace at hand. */
export async function updateWorkspace(
  tx: WorkspaceTransaction,
  change: { readonly name?: string; readonly zone?: string; readonly expectedRev?: number },
): Promise<UpdateWorkspaceResult> {
  const { workspaceId } = tx.context;
  const rows = await tx.query(
    `update workspace set name = coalesce($2, name), zone = coalesce($3, zone), rev = rev + 1, updated_at = now()
      where id = $1 and ($4::int4 is null or rev = $4) returning 1`,
    [workspaceId, change.name ?? null, change.zone ?? null, change.expectedRev ?? null],
  );
  const workspace = await findWorkspace(tx, workspaceId);
  if (!workspace) throw new Error(`workspace ${workspaceId} is gone inside its own transaction`);
  return { kind: rows.length > 0 ? 'saved' : 'conflict', workspace };
}

export interface DeletedWorkspace extends Workspace {
  readonly deletedAt: Date;
}

/** Those that were deleted and may come back, newest first, at most 1,000. */
export function listDeletedWorkspaces(statements: InstanceStatements): Promise<DeletedWorkspace[]> {
  return statements.query(
    `select ${COLUMNS}, w.deleted_at as "deletedAt" from workspace w where w.deleted_at is not null and w.purge_began_at is null order by w.deleted_at desc limit 1000`,
  );
}

export type DeleteWorkspaceResult =
  | { readonly kind: 'deleted' }
  | { readonly kind: 'not-found' }
  /** The command line works in the workspace `default`. */
  | { readonly kind: 'is-default' };

/** Nobody gets in any more, and nothing in it starts by itself; its rows stay. The caller makes the routes of hooks be read again. */
export async function deleteWorkspace(tx: InstanceTransaction, id: string): Promise<DeleteWorkspaceResult> {
  const [row] = await tx.query<{ slug: string }>('select slug from workspace where id = $1 and deleted_at is null for update', [id]);
  if (!row) return { kind: 'not-found' };
  if (row.slug === 'default') return { kind: 'is-default' };
  await tx.query(
    'update workspace set deleted_at = now(), access_version = access_version + 1, rev = rev + 1, updated_at = now() where id = $1',
    [id],
  );
  for (const table of ['hook', 'schedule', 'poll']) await tx.query(`delete from ${table} where workspace_id = $1`, [id]);
  await tx.query(`update deployment set state = 'off' where workspace_id = $1`, [id]);
  await raiseGeneration(tx, 'deployments');
  return { kind: 'deleted' };
}

/** Its workflows come back as drafts and versions; none of them is live. */
export async function restoreWorkspace(tx: InstanceTransaction, id: string): Promise<boolean> {
  const rows = await tx.query(
    `update workspace set deleted_at = null, access_version = access_version + 1, rev = rev + 1, updated_at = now()
      where id = $1 and deleted_at is not null and purge_began_at is null returning 1`,
    [id],
  );
  return rows.length > 0;
}

/** For operators. False when there is no such workspace or plan. */
export async function setWorkspacePlan(tx: InstanceTransaction, workspaceId: string, planKey: string): Promise<boolean> {
  const rows = await tx.query(
    'update workspace set plan_key = $2, rev = rev + 1, updated_at = now() where id = $1 and exists (select from plan where key = $2) returning 1',
    [workspaceId, planKey],
  );
  return rows.length > 0;
}

const COLUMNS = `w.id, w.slug, w.name, w.zone, w.plan_key as "planKey", w.access_version as "accessVersion", w.rev, w.created_at as "createdAt"`;
const SELECT = `select ${COLUMNS} from workspace w`;

/** Of every workspace, the deleted ones too: for sweepers. */
export async function listWorkspaceIds(statements: InstanceStatements): Promise<string[]> {
  return (await statements.query<{ id: string }>('select id from workspace order by id')).map((row) => row.id);
}
