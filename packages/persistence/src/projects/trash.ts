/**
 * The trash: workflows and projects that were deleted, for as long as they may come back, and the one job that deletes them for
 * good, in the order their references demand.
 */
import type { WorkflowDefinition } from '@plugboard/engine';
import { errorCodeOf, UNIQUE_VIOLATION } from '../errors.ts';
import type { Database } from '../database.ts';
import type { InstanceTransaction } from '../in-instance.ts';
import { inInstance } from '../in-instance.ts';
import type { WorkspaceTransaction } from '../in-workspace.ts';
import { pageLimit } from '../paging.ts';
import { raiseAccessVersion } from '../people/access-version.ts';

export interface TrashEntry {
  readonly kind: 'workflow' | 'project';
  readonly id: string;
  readonly name: string;
  /** Of a workflow: the project it was in. */
  readonly projectId?: string;
  readonly deletedAt: Date;
}

/** Deleted last first, at most 100; of these projects only if given. */
export async function listTrash(
  tx: WorkspaceTransaction,
  options: { readonly projectIds?: readonly string[]; readonly limit?: number } = {},
): Promise<TrashEntry[]> {
  const rows = await tx.query<{ kind: 'workflow' | 'project'; id: string; name: string; projectId: string | null; deletedAt: Date }>(
    `select 'workflow' as kind, id, name, project_id as "projectId", deleted_at as "deletedAt" from workflow
      where workspace_id = $1 and deleted_at is not null and ($2::uuid[] is null or project_id = any($2))
     union all
     select 'project', id, name, null, deleted_at from project where workspace_id = $1 and deleted_at is not null and ($2::uuid[] is null or id = any($2))
     order by 5 desc, 2 desc limit $3`,
    [tx.context.workspaceId, options.projectIds ?? null, pageLimit(options.limit)],
  );
  return rows.map(({ projectId, ...entry }) => (projectId === null ? entry : { ...entry, projectId }));
}

export type RestoreWorkflowResult =
  /** `name` is another one when somebody took it meanwhile. The workflow is not live. */
  | { readonly kind: 'restored'; readonly name: string }
  | { readonly kind: 'not-found' }
  /** Its project has to come back first. */
  | { readonly kind: 'project-deleted'; readonly projectId: string };

export async function restoreWorkflow(tx: WorkspaceTransaction, id: string): Promise<RestoreWorkflowResult> {
  const { workspaceId, principalId } = tx.context;
  const [row] = await tx.query<{ name: string; projectId: string; isProjectDeleted: boolean }>(
    `select w.name, w.project_id as "projectId", j.deleted_at is not null as "isProjectDeleted" from workflow w join project j on j.id = w.project_id
      where w.workspace_id = $1 and w.id = $2 and w.deleted_at is not null for update of w for share of j`,
    [workspaceId, id],
  );
  if (!row) return { kind: 'not-found' };
  if (row.isProjectDeleted) return { kind: 'project-deleted', projectId: row.projectId };
  const name = await underFreeName(tx, row.name, (candidate) =>
    tx.query('update workflow set deleted_at = null, name = $2, rev = rev + 1, updated_at = now() where id = $1', [id, candidate]),
  );
  if (name !== row.name) await renameDraft(tx, id, name, principalId);
  return { kind: 'restored', name };
}

export type RestoreProjectResult = { readonly kind: 'restored'; readonly slug: string } | { readonly kind: 'not-found' };

export async function restoreProject(tx: WorkspaceTransaction, id: string): Promise<RestoreProjectResult> {
  const { workspaceId } = tx.context;
  await raiseAccessVersion(tx, workspaceId);
  const [row] = await tx.query<{ slug: string }>(
    'select slug from project where workspace_id = $1 and id = $2 and deleted_at is not null for update',
    [workspaceId, id],
  );
  if (!row) return { kind: 'not-found' };
  const restore = (candidate: string): Promise<unknown> =>
    tx.query('update project set deleted_at = null, slug = $2, rev = rev + 1, updated_at = now() where id = $1', [id, candidate]);
  const slug = await underFreeName(tx, row.slug, restore, (n) => `${row.slug}-${n}`);
  return { kind: 'restored', slug };
}

export type PurgeWorkflowResult = 'purged' | 'not-found' | 'has-runs';

/** Deletes one workflow of the trash for good, before its time. Not while a run of it goes on. */
export function purgeWorkflow(
  database: Database,
  { workspaceId, id }: { readonly workspaceId: string; readonly id: string },
): Promise<PurgeWorkflowResult> {
  return inInstance(database, async (tx) => {
    const [row] = await tx.query<{ hasRuns: boolean }>(
      `select exists (select from run_live r where r.workflow_id = w.id) as "hasRuns" from workflow w
        where workspace_id = $1 and id = $2 and deleted_at is not null for update`,
      [workspaceId, id],
    );
    if (!row) return 'not-found';
    if (row.hasRuns) return 'has-runs';
    for (const statement of PURGE_WORKFLOWS) await tx.query(statement, [[id]]);
    return 'purged';
  });
}

/** The draft carries the name too. */
async function renameDraft(tx: WorkspaceTransaction, workflowId: string, name: string, principalId: string): Promise<void> {
  const [draft] = await tx.query<{ doc: WorkflowDefinition; rev: number }>('select doc, rev from draft where workflow_id = $1 for update', [
    workflowId,
  ]);
  if (!draft) return;
  // A change like any other, for whoever catches up.
  await tx.query(
    `insert into draft_op (workflow_id, rev, workspace_id, principal_id, client_id, client_seq, ops)
       values ($1, $2, $3, $4, 'server:restore', $2, json_build_array(json_build_object('op', 'set', 'kind', 'workflow', 'path', json_build_array('name'), 'value', $5::text)))`,
    [workflowId, draft.rev + 1, tx.context.workspaceId, principalId, name],
  );
  await tx.query('update draft set doc = $2, rev = rev + 1, updated_by = $3, updated_at = now() where workflow_id = $1', [
    workflowId,
    JSON.stringify({ ...draft.doc, name }),
    principalId,
  ]);
}

const NAMES_TRIED = 100;

async function underFreeName(
  tx: WorkspaceTransaction,
  name: string,
  write: (candidate: string) => Promise<unknown>,
  other: (n: number) => string = (n) => (n === 2 ? `${name} (restored)` : `${name} (restored ${n - 1})`),
): Promise<string> {
  for (let n = 1; ; n++) {
    const candidate = n === 1 ? name : other(n);
    await tx.query('savepoint restore');
    try {
      await write(candidate);
      return candidate;
    } catch (error) {
      await tx.query('rollback to savepoint restore');
      if (errorCodeOf(error) !== UNIQUE_VIOLATION || n === NAMES_TRIED) throw error;
    }
  }
}

export interface PurgeTrash {
  /** How long things stay in the trash, in milliseconds. */
  readonly keepMs: number;
  /** Workflows per call. @default 100 */
  readonly limit?: number;
}

/** Deletes for good what was in the trash long enough; workflows with a run that goes on wait. Call again while `workflows` is `limit`. */
export function purgeTrash(
  database: Database,
  { keepMs, limit = 100 }: PurgeTrash,
): Promise<{ readonly workflows: number; readonly projects: number }> {
  return inInstance(database, async (tx) => {
    const workflows = await idsOf(
      tx,
      `select id from workflow w where deleted_at < now() - $1::float8 * interval '1 ms' and not exists (select from run_live r where r.workflow_id = w.id)
        order by deleted_at limit $2 for update skip locked`,
      [keepMs, limit],
    );
    for (const statement of PURGE_WORKFLOWS) await tx.query(statement, [workflows]);
    const projects = await idsOf(
      tx,
      `select id from project j where deleted_at < now() - $1::float8 * interval '1 ms' and not exists (select from workflow w where w.project_id = j.id)
        order by deleted_at limit $2 for update skip locked`,
      [keepMs, limit],
    );
    for (const statement of PURGE_PROJECTS) await tx.query(statement, [projects]);
    return { workflows: workflows.length, projects: projects.length };
  });
}

const PURGE_WORKFLOWS = [
  ...[
    'hook',
    'schedule',
    'poll',
    'test_listener',
    'binding',
    'pin',
    'draft_op',
    'draft',
    'deployment',
    'version',
    'workflow_tag',
    'star',
  ].map((table) => `delete from ${table} where workflow_id = any($1::uuid[])`),
  `delete from role_grant where resource_kind = 'workflow' and resource_id = any($1::uuid[])`,
  'delete from workflow where id = any($1::uuid[])',
];

const PURGE_PROJECTS = [
  `delete from role_grant where (resource_kind = 'project' and resource_id = any($1::uuid[]))
      or (resource_kind = 'credential' and resource_id in (select id from credential where project_id = any($1::uuid[])))`,
  'delete from binding where credential_id in (select id from credential where project_id = any($1::uuid[]))',
  'delete from credential_secret where credential_id in (select id from credential where project_id = any($1::uuid[]))',
  'delete from oauth_state where credential_id in (select id from credential where project_id = any($1::uuid[]))',
  'delete from credential where project_id = any($1::uuid[])',
  'delete from variable where project_id = any($1::uuid[])',
  // Of a tree all rows go in one statement: references are checked at its end.
  'delete from folder where project_id = any($1::uuid[])',
  'delete from project where id = any($1::uuid[])',
];

async function idsOf(tx: InstanceTransaction, text: string, values: readonly unknown[]): Promise<string[]> {
  return (await tx.query<{ id: string }>(text, values)).map((row) => row.id);
}
