/** Projects of a workspace: what carries permission for the workflows and credentials in them. */
import { errorCodeOf, UNIQUE_VIOLATION } from '../errors.ts';
import { uuidv7 } from '../ids.ts';
import type { WorkspaceTransaction } from '../in-workspace.ts';
import { raiseAccessVersion } from '../people/access-version.ts';

export type ProjectVisibility = 'workspace' | 'members';

export interface Project {
  readonly id: string;
  readonly slug: string;
  readonly name: string;
  /** Who sees it: everybody in the workspace, or those with a role on it. */
  readonly visibility: ProjectVisibility;
  /** Whose private project it is. */
  readonly ownerId?: string;
  /** Editors may only look. */
  readonly adminEditsOnly: boolean;
  readonly rev: number;
  readonly createdAt: Date;
}

export interface CreateProject {
  readonly slug: string;
  readonly name: string;
  /** @default 'workspace' */
  readonly visibility?: ProjectVisibility;
  readonly ownerId?: string;
  /** @default false */
  readonly adminEditsOnly?: boolean;
}

export type CreateProjectResult = { readonly kind: 'created'; readonly projectId: string } | { readonly kind: 'slug-taken' };

export async function createProject(tx: WorkspaceTransaction, input: CreateProject): Promise<CreateProjectResult> {
  const { workspaceId, principalId } = tx.context;
  await raiseAccessVersion(tx, workspaceId);
  const [row] = await tx.query<{ id: string }>(
    `insert into project (id, workspace_id, slug, name, visibility, owner_id, admin_edits_only, created_by) values ($1, $2, $3, $4, $5, $6, $7, $8)
       on conflict (workspace_id, slug) where deleted_at is null do nothing returning id`,
    [
      uuidv7(),
      workspaceId,
      input.slug,
      input.name,
      input.visibility ?? 'workspace',
      input.ownerId ?? null,
      input.adminEditsOnly ?? false,
      principalId,
    ],
  );
  return row ? { kind: 'created', projectId: row.id } : { kind: 'slug-taken' };
}

/** By name, at most 1,000; only these ids if given. */
export async function listProjects(tx: WorkspaceTransaction, options: { readonly ids?: readonly string[] } = {}): Promise<Project[]> {
  const rows = await tx.query<ProjectRow>(`${SELECT} and ($2::uuid[] is null or id = any($2)) order by lower(name), id limit 1000`, [
    tx.context.workspaceId,
    options.ids ?? null,
  ]);
  return rows.map(toProject);
}

export async function findProject(tx: WorkspaceTransaction, id: string): Promise<Project | undefined> {
  const [row] = await tx.query<ProjectRow>(`${SELECT} and id = $2`, [tx.context.workspaceId, id]);
  return row && toProject(row);
}

/** One in the trash. */
export async function findDeletedProject(tx: WorkspaceTransaction, id: string): Promise<Project | undefined> {
  const [row] = await tx.query<ProjectRow>(`${COLUMNS} where workspace_id = $1 and deleted_at is not null and id = $2`, [
    tx.context.workspaceId,
    id,
  ]);
  return row && toProject(row);
}

/** Deleted last first, at most 1,000. */
export async function listDeletedProjects(tx: WorkspaceTransaction): Promise<Project[]> {
  const rows = await tx.query<ProjectRow>(
    `${COLUMNS} where workspace_id = $1 and deleted_at is not null order by deleted_at desc, id desc limit 1000`,
    [tx.context.workspaceId],
  );
  return rows.map(toProject);
}

export interface UpdateProject {
  readonly name?: string;
  readonly slug?: string;
  readonly visibility?: ProjectVisibility;
  readonly adminEditsOnly?: boolean;
  readonly expectedRev?: number;
}

export type UpdateProjectResult =
  | { readonly kind: 'saved'; readonly rev: number }
  | { readonly kind: 'not-found' }
  | { readonly kind: 'slug-taken' }
  | { readonly kind: 'conflict'; readonly project: Project };

export async function updateProject(tx: WorkspaceTransaction, id: string, change: UpdateProject): Promise<UpdateProjectResult> {
  const { workspaceId } = tx.context;
  await raiseAccessVersion(tx, workspaceId);
  const project = await findProject(tx, id);
  if (!project) return { kind: 'not-found' };
  if (change.expectedRev !== undefined && change.expectedRev !== project.rev) return { kind: 'conflict', project };
  await tx.query('savepoint update_project');
  try {
    await tx.query(
      `update project set name = coalesce($3, name), slug = coalesce($4, slug), visibility = coalesce($5, visibility),
              admin_edits_only = coalesce($6, admin_edits_only), rev = rev + 1, updated_at = now() where workspace_id = $1 and id = $2`,
      [workspaceId, id, change.name ?? null, change.slug ?? null, change.visibility ?? null, change.adminEditsOnly ?? null],
    );
  } catch (error) {
    await tx.query('rollback to savepoint update_project');
    if (errorCodeOf(error) === UNIQUE_VIOLATION) return { kind: 'slug-taken' };
    throw error;
  }
  return { kind: 'saved', rev: project.rev + 1 };
}

export type DeleteProjectResult =
  | { readonly kind: 'deleted' }
  | { readonly kind: 'not-found' }
  /** What is in it has to be moved or deleted first. */
  | { readonly kind: 'not-empty'; readonly workflows: number; readonly credentials: number };

/** Puts an empty project in the trash. */
export async function deleteProject(tx: WorkspaceTransaction, id: string): Promise<DeleteProjectResult> {
  const { workspaceId } = tx.context;
  await raiseAccessVersion(tx, workspaceId);
  // Locked against whoever is about to put something in: references to the row wait for it.
  const [row] = await tx.query(`select from project where workspace_id = $1 and id = $2 and deleted_at is null for update`, [
    workspaceId,
    id,
  ]);
  if (!row) return { kind: 'not-found' };
  const [inside] = await tx.query<{ workflows: number; credentials: number }>(
    `select (select count(*)::int4 from workflow where workspace_id = $1 and project_id = $2 and deleted_at is null) as workflows,
            (select count(*)::int4 from credential where workspace_id = $1 and project_id = $2 and deleted_at is null) as credentials`,
    [workspaceId, id],
  );
  const { workflows = 0, credentials = 0 } = inside ?? {};
  if (workflows + credentials > 0) return { kind: 'not-empty', workflows, credentials };
  await tx.query('update project set deleted_at = now(), updated_at = now(), rev = rev + 1 where id = $1', [id]);
  return { kind: 'deleted' };
}

type ProjectRow = Omit<Project, 'ownerId'> & { readonly ownerId: string | null };

const COLUMNS = `
  select id, slug, name, visibility, owner_id as "ownerId", admin_edits_only as "adminEditsOnly", rev, created_at as "createdAt" from project`;
const SELECT = `${COLUMNS} where workspace_id = $1 and deleted_at is null`;

function toProject({ ownerId, ...project }: ProjectRow): Project {
  return ownerId === null ? project : { ...project, ownerId };
}
