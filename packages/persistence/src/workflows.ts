/**
 * Workflows of a workspace: the draft people edit, the versions they published, and what is live. Everything here runs inside
 * {@link inWorkspace}, so an id from another workspace is simply not found.
 */
import type { WorkflowDefinition } from '@plugboard/engine';
import type { SelectQueryBuilder } from 'typeorm';
import type { DraftRow, TypePins, VersionRow, WorkflowRow } from './entities/rows.ts';
import { errorCodeOf, ProjectMissingError, UNIQUE_VIOLATION } from './errors.ts';
import { raiseGeneration } from './generations.ts';
import { uuidv7 } from './ids.ts';
import type { WorkspaceTransaction } from './in-workspace.ts';
import { likePattern, pageLimit } from './paging.ts';
import { raiseAccessVersion } from './people/access-version.ts';
import { ENVIRONMENT } from './seed.ts';

export interface Workflow {
  readonly id: string;
  readonly projectId: string;
  /** Absent at the top of the project. */
  readonly folderId?: string;
  readonly name: string;
  readonly description: string;
  readonly rev: number;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

export interface Draft {
  readonly workflowId: string;
  /** Counts from 1; every save adds 1. */
  readonly rev: number;
  readonly definition: WorkflowDefinition;
  readonly semanticHash: string;
  /** The version it was last equal to. */
  readonly baseVersion?: number;
  /** Order of parts by kind and id, where it is not that of the lists. */
  readonly ranks?: DraftRanks;
  readonly updatedBy: string;
  readonly updatedAt: Date;
}

/** `rank` of each part by kind and id, as `toDraft` of the engine takes it. */
export type DraftRanks = { readonly [kind: string]: { readonly [id: string]: number } };

export interface VersionHead {
  readonly workflowId: string;
  /** Counts from 1 within the workflow. */
  readonly n: number;
  readonly semanticHash: string;
  readonly note?: string;
  readonly publishedBy: string;
  readonly publishedAt: Date;
}

export interface Version extends VersionHead {
  readonly definition: WorkflowDefinition;
  readonly typePins: TypePins;
}

/** Names are unique among the workflows that are not in the trash. */
export async function findWorkflowByName(tx: WorkspaceTransaction, name: string): Promise<Workflow | undefined> {
  const row = await workflows(tx).andWhere('w.name = :name', { name }).getOne();
  return row ? toWorkflow(row) : undefined;
}

export async function findWorkflow(tx: WorkspaceTransaction, id: string): Promise<Workflow | undefined> {
  const row = await workflows(tx).andWhere('w.id = :id', { id }).getOne();
  return row ? toWorkflow(row) : undefined;
}

export interface ListWorkflows {
  /** Part of the name, whatever the case. */
  readonly search?: string;
  /** Those of these projects, and these single ones; absent for all. */
  readonly visible?: { readonly projectIds: readonly string[]; readonly ids: readonly string[] };
  readonly projectId?: string;
  /** `null` for the top of projects. */
  readonly folderId?: string | null;
  /** Those that wear all of these. */
  readonly tagIds?: readonly string[];
  /** Those the person starred. @default false */
  readonly isStarredOnly?: boolean;
  /** `nextCursor` of the page before. */
  readonly cursor?: string;
  /** 1 to 100. @default 50 */
  readonly limit?: number;
}

export interface WorkflowPage {
  readonly workflows: readonly Workflow[];
  /** Absent on the last page. */
  readonly nextCursor?: string;
}

/** Newest first. */
export async function listWorkflows(tx: WorkspaceTransaction, options: ListWorkflows = {}): Promise<WorkflowPage> {
  const limit = pageLimit(options.limit);
  const query = matching(workflows(tx), tx, options)
    .orderBy('w.id', 'DESC')
    .limit(limit + 1);
  if (options.cursor !== undefined) query.andWhere('w.id < :cursor', { cursor: options.cursor });
  const rows = await query.getMany();
  const page = rows.slice(0, limit).map(toWorkflow);
  return rows.length > limit ? { workflows: page, nextCursor: page.at(-1)!.id } : { workflows: page };
}

function matching(
  query: SelectQueryBuilder<WorkflowRow>,
  tx: WorkspaceTransaction,
  options: ListWorkflows,
): SelectQueryBuilder<WorkflowRow> {
  const search = likePattern(options.search);
  if (search !== null) query.andWhere(`w.name ilike :search escape '\\'`, { search });
  if (options.visible) query.andWhere('(w.projectId = any(:projectIds) or w.id = any(:ids))', options.visible);
  if (options.projectId !== undefined) query.andWhere('w.projectId = :projectId', { projectId: options.projectId });
  if (options.folderId === null) query.andWhere('w.folderId is null');
  else if (options.folderId !== undefined) query.andWhere('w.folderId = :folderId', { folderId: options.folderId });
  if (options.tagIds !== undefined && options.tagIds.length > 0) {
    query.andWhere('(select count(*) from workflow_tag t where t.workflow_id = w.id and t.tag_id = any(:tagIds)) = :tags', {
      tagIds: options.tagIds,
      tags: new Set(options.tagIds).size,
    });
  }
  if (options.isStarredOnly === true) {
    query.andWhere('exists (select from star s where s.workflow_id = w.id and s.principal_id = :principalId)', {
      principalId: tx.context.principalId,
    });
  }
  return query;
}

export interface CreateWorkflow {
  readonly projectId: string;
  /** Of that project; absent for its top. */
  readonly folderId?: string;
  readonly definition: WorkflowDefinition;
  readonly semanticHash: string;
}

export type CreateWorkflowResult =
  | { readonly kind: 'created'; readonly workflow: Workflow }
  | { readonly kind: 'name-taken'; readonly workflowId: string };

/**
 * Makes the workflow and its draft. Of two that create one name at once, one is told the other's id.
 * @throws ProjectMissingError when the project was deleted after the caller looked.
 */
export async function createWorkflow(tx: WorkspaceTransaction, input: CreateWorkflow): Promise<CreateWorkflowResult> {
  const { workspaceId, principalId } = tx.context;
  const { definition } = input;
  if (!(await lockPlace(tx, input))) throw new ProjectMissingError(input.projectId);
  const [inserted] = await tx.manager.query<{ id: string }[]>(
    `insert into workflow (id, workspace_id, project_id, name, description, created_by, folder_id) values ($1, $2, $3, $4, $5, $6, $7)
       on conflict (workspace_id, name) where deleted_at is null do nothing returning id`,
    [uuidv7(), workspaceId, input.projectId, definition.name, definition.description ?? '', principalId, input.folderId ?? null],
  );
  if (!inserted) {
    const other = await findWorkflowByName(tx, definition.name);
    // The one that was in the way may be in the trash by now.
    return other ? { kind: 'name-taken', workflowId: other.id } : createWorkflow(tx, input);
  }
  await insertDraft(tx, inserted.id, definition, input.semanticHash);
  const workflow = await findWorkflow(tx, inserted.id);
  if (!workflow) throw new Error(`workflow ${inserted.id} is gone inside its own transaction`);
  return { kind: 'created', workflow };
}

export interface SaveDraft {
  readonly workflowId: string;
  readonly definition: WorkflowDefinition;
  readonly semanticHash: string;
  /** Absent where the order is that of the lists. */
  readonly ranks?: DraftRanks;
  /** The revision the change was made on; absent to save whatever is there now (import does). */
  readonly expectedRev?: number;
}

export type SaveDraftResult =
  | { readonly kind: 'saved'; readonly rev: number }
  | { readonly kind: 'not-found' }
  | { readonly kind: 'name-taken'; readonly workflowId: string }
  /** Somebody else saved in between; `draft` is what stands there now. */
  | { readonly kind: 'conflict'; readonly draft: Draft };

/** Replaces the draft; name and description of the workflow follow it. */
export async function saveDraft(tx: WorkspaceTransaction, input: SaveDraft): Promise<SaveDraftResult> {
  const { workflowId, definition } = input;
  const locked = await lockWorkflow(tx, workflowId);
  if (!locked) return { kind: 'not-found' };

  const draft = await getDraft(tx, workflowId);
  if (draft && input.expectedRev !== undefined && draft.rev !== input.expectedRev) return { kind: 'conflict', draft };

  const description = definition.description ?? '';
  if (locked.name !== definition.name || locked.description !== description) {
    const other = await renameTo(tx, workflowId, definition.name, description);
    if (other !== undefined) return { kind: 'name-taken', workflowId: other };
  }
  if (!draft) {
    await insertDraft(tx, workflowId, definition, input.semanticHash);
    return { kind: 'saved', rev: 1 };
  }
  const rev = draft.rev + 1;
  await tx.manager.query(
    'update draft set rev = $2, doc = $3, semantic_hash = $4, updated_by = $5, ranks = $6, updated_at = now() where workflow_id = $1',
    [
      workflowId,
      rev,
      JSON.stringify(definition),
      input.semanticHash,
      tx.context.principalId,
      input.ranks === undefined ? null : JSON.stringify(input.ranks),
    ],
  );
  return { kind: 'saved', rev };
}

export async function getDraft(tx: WorkspaceTransaction, workflowId: string): Promise<Draft | undefined> {
  const row = await tx.manager.getRepository<DraftRow>('draft').findOneBy({ workflowId, workspaceId: tx.context.workspaceId });
  return row ? toDraft(row) : undefined;
}

export async function getVersion(tx: WorkspaceTransaction, workflowId: string, n: number): Promise<Version | undefined> {
  const row = await tx.manager.getRepository<VersionRow>('version').findOneBy({ workflowId, n, workspaceId: tx.context.workspaceId });
  return row ? { ...toVersionHead(row), definition: row.definition, typePins: row.typePins } : undefined;
}

/** Newest first, without the definitions. */
export async function listVersions(
  tx: WorkspaceTransaction,
  workflowId: string,
  options: { readonly before?: number; readonly limit?: number } = {},
): Promise<readonly VersionHead[]> {
  const query = tx.manager
    .createQueryBuilder<VersionRow>('version', 'v')
    .select(['v.workflowId', 'v.n', 'v.semanticHash', 'v.note', 'v.publishedBy', 'v.publishedAt'])
    .where('v.workflowId = :workflowId and v.workspaceId = :workspaceId', { workflowId, workspaceId: tx.context.workspaceId })
    .orderBy('v.n', 'DESC')
    .limit(Math.min(Math.max(options.limit ?? 50, 1), 100));
  if (options.before !== undefined) query.andWhere('v.n < :before', { before: options.before });
  return (await query.getMany()).map(toVersionHead);
}

/** The live version's number, or undefined when nothing is live. */
export async function liveVersion(tx: WorkspaceTransaction, workflowId: string): Promise<number | undefined> {
  const [row] = await tx.manager.query<{ version: number }[]>(
    `select version from deployment where workflow_id = $1 and environment = $2 and workspace_id = $3 and state = 'active'`,
    [workflowId, ENVIRONMENT.live, tx.context.workspaceId],
  );
  return row?.version;
}

export type MoveWorkflowResult =
  | { readonly kind: 'moved' }
  | { readonly kind: 'not-found' }
  /** There is no such project, or no such folder in it. */
  | { readonly kind: 'target-not-found' };

/** Into a project and one of its folders, or its top. In another project other people may see it: rights change, bindings stay. */
export async function moveWorkflow(
  tx: WorkspaceTransaction,
  workflowId: string,
  { projectId, folderId }: { readonly projectId: string; readonly folderId?: string },
): Promise<MoveWorkflowResult> {
  const { workspaceId } = tx.context;
  const workflow = await lockWorkflow(tx, workflowId);
  if (!workflow) return { kind: 'not-found' };
  if (!(await lockPlace(tx, { projectId, ...(folderId === undefined ? {} : { folderId }) }))) return { kind: 'target-not-found' };
  if (projectId !== workflow.projectId) await raiseAccessVersion(tx, workspaceId);
  await tx.query('update workflow set project_id = $2, folder_id = $3, rev = rev + 1, updated_at = now() where id = $1', [
    workflowId,
    projectId,
    folderId ?? null,
  ]);
  // Routes know the project, since its settings count for them.
  if (projectId !== workflow.projectId) await raiseGeneration(tx, 'deployments');
  return { kind: 'moved' };
}

/** Puts the workflow in the trash: its name, its hooks and its hold on credentials are free at once. False when it was not there. */
export async function deleteWorkflow(tx: WorkspaceTransaction, workflowId: string): Promise<boolean> {
  if (!(await lockWorkflow(tx, workflowId))) return false;
  for (const table of ['hook', 'test_listener', 'binding'])
    await tx.manager.query(`delete from ${table} where workflow_id = $1`, [workflowId]);
  await tx.manager.query(`update deployment set state = 'off' where workflow_id = $1`, [workflowId]);
  await tx.manager.query('update workflow set deleted_at = now(), updated_at = now(), rev = rev + 1 where id = $1', [workflowId]);
  await raiseGeneration(tx, 'deployments');
  return true;
}

/** The row, locked until the transaction ends: changes of one workflow happen one after the other. */
export async function lockWorkflow(tx: WorkspaceTransaction, id: string): Promise<Workflow | undefined> {
  const row = await workflows(tx).setLock('pessimistic_write').andWhere('w.id = :id', { id }).getOne();
  return row ? toWorkflow(row) : undefined;
}

/** Whether a workflow may be put there; nobody deletes the project until the transaction ends. */
async function lockPlace(
  tx: WorkspaceTransaction,
  { projectId, folderId }: { readonly projectId: string; readonly folderId?: string },
): Promise<boolean> {
  const rows = await tx.query(
    `select from project j where j.workspace_id = $1 and j.id = $2 and j.deleted_at is null
        and ($3::uuid is null or exists (select from folder f where f.workspace_id = $1 and f.project_id = j.id and f.id = $3)) for key share of j`,
    [tx.context.workspaceId, projectId, folderId ?? null],
  );
  return rows.length > 0;
}

/** Those of this workspace that are not in the trash: the first wall, which stands where roles could not be made, too. */
function workflows(tx: WorkspaceTransaction): SelectQueryBuilder<WorkflowRow> {
  return tx.manager
    .createQueryBuilder<WorkflowRow>('workflow', 'w')
    .where('w.workspaceId = :workspaceId and w.deletedAt is null', { workspaceId: tx.context.workspaceId });
}

/** Gives the id of the workflow that has the name already. */
async function renameTo(tx: WorkspaceTransaction, workflowId: string, name: string, description: string): Promise<string | undefined> {
  await tx.manager.query('savepoint rename');
  try {
    await tx.manager.query('update workflow set name = $2, description = $3, rev = rev + 1, updated_at = now() where id = $1', [
      workflowId,
      name,
      description,
    ]);
    return undefined;
  } catch (error) {
    await tx.manager.query('rollback to savepoint rename');
    const other = errorCodeOf(error) === UNIQUE_VIOLATION ? await findWorkflowByName(tx, name) : undefined;
    if (!other) throw error;
    return other.id;
  }
}

async function insertDraft(
  tx: WorkspaceTransaction,
  workflowId: string,
  definition: WorkflowDefinition,
  semanticHash: string,
): Promise<void> {
  const { workspaceId, principalId } = tx.context;
  await tx.manager.query(
    'insert into draft (workflow_id, workspace_id, rev, doc, semantic_hash, updated_by) values ($1, $2, 1, $3, $4, $5)',
    [workflowId, workspaceId, JSON.stringify(definition), semanticHash, principalId],
  );
}

function toWorkflow({ id, projectId, folderId, name, description, rev, createdAt, updatedAt }: WorkflowRow): Workflow {
  return { id, projectId, ...(folderId === null ? {} : { folderId }), name, description, rev, createdAt, updatedAt };
}

function toDraft({ workflowId, rev, doc, semanticHash, baseVersion, ranks, updatedBy, updatedAt }: DraftRow): Draft {
  return {
    workflowId,
    rev,
    definition: doc,
    semanticHash,
    ...(baseVersion === null ? {} : { baseVersion }),
    ...(ranks === null ? {} : { ranks: ranks as DraftRanks }),
    updatedBy,
    updatedAt,
  };
}

function toVersionHead({ workflowId, n, semanticHash, note, publishedBy, publishedAt }: VersionRow): VersionHead {
  return { workflowId, n, semanticHash, ...(note === null ? {} : { note }), publishedBy, publishedAt };
}
