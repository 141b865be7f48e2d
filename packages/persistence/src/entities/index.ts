/**
 * TypeORM's view of the configured tables. Every column, index and key is spelled out with its name in the migrations, so
 * that TypeORM's own comparison of entities and database finds no difference; a test holds that.
 */
import { EntitySchema } from 'typeorm';
import type { EntitySchemaColumnOptions, EntitySchemaOptions } from 'typeorm';
import type {
  DataKeyRow,
  DeploymentRow,
  DraftRow,
  EnvironmentRow,
  FolderRow,
  GenerationRow,
  HookRow,
  PlanRow,
  PrincipalRow,
  ProjectRow,
  SettingRow,
  VariableRow,
  VersionRow,
  WorkflowRow,
  WorkspaceRow,
} from './rows.ts';

type ForeignKey = NonNullable<EntitySchemaOptions<object>['foreignKeys']>[number];

const uuid = (name: string): EntitySchemaColumnOptions => ({ type: 'uuid', name });
const text = (name: string): EntitySchemaColumnOptions => ({ type: 'text', name });
const json = (name: string): EntitySchemaColumnOptions => ({ type: 'json', name });
const int2 = (name: string): EntitySchemaColumnOptions => ({ type: 'int2', name });
const int4 = (name: string): EntitySchemaColumnOptions => ({ type: 'int4', name });
const instant = (name: string): EntitySchemaColumnOptions => ({ type: 'timestamptz', name });
const instantNow = (name: string): EntitySchemaColumnOptions => ({ ...instant(name), default: () => 'now()' });
const nullable = (column: EntitySchemaColumnOptions): EntitySchemaColumnOptions => ({ ...column, nullable: true });
const key = (column: EntitySchemaColumnOptions, primaryKeyConstraintName: string): EntitySchemaColumnOptions => ({
  ...column,
  primary: true,
  primaryKeyConstraintName,
});
const references = (name: string, column: string, target: string): ForeignKey => ({
  name,
  target,
  columnNames: [column],
  referencedColumnNames: ['id'],
});
/** References that name the workspace as well, so that they cannot leave it. */
const withinWorkspace = (name: string, column: string, target: string): ForeignKey =>
  referencesWithin(name, target, ['workspaceId', column], ['workspaceId', 'id']);
const referencesWithin = (name: string, target: string, columnNames: string[], referencedColumnNames: string[]): ForeignKey => ({
  name,
  target,
  columnNames,
  referencedColumnNames,
});

const mutable = {
  rev: { ...int4('rev'), default: 1 },
  createdBy: uuid('created_by'),
  createdAt: instantNow('created_at'),
  updatedAt: instantNow('updated_at'),
};

const principal = new EntitySchema<PrincipalRow>({
  name: 'principal',
  columns: {
    id: key(uuid('id'), 'principal_pkey'),
    kind: text('kind'),
    displayName: text('display_name'),
    erasedAt: nullable(instant('erased_at')),
    ...mutable,
    createdBy: nullable(uuid('created_by')),
  },
  checks: [{ name: 'principal_kind', expression: `kind in ('person', 'service', 'system')` }],
  indices: [{ name: 'principal_one_system', columns: ['kind'], unique: true, where: `kind = 'system'` }],
});

const plan = new EntitySchema<PlanRow>({
  name: 'plan',
  columns: {
    key: key(text('key'), 'plan_pkey'),
    name: text('name'),
    limits: json('limits'),
    rev: { ...int4('rev'), default: 1 },
    createdAt: instantNow('created_at'),
    updatedAt: instantNow('updated_at'),
  },
});

const dataKey = new EntitySchema<DataKeyRow>({
  name: 'data_key',
  columns: {
    id: key(uuid('id'), 'data_key_pkey'),
    workspaceId: uuid('workspace_id'),
    wrapped: { type: 'bytea', name: 'wrapped' },
    rootKeyId: text('root_key_id'),
    createdAt: instantNow('created_at'),
    retiredAt: nullable(instant('retired_at')),
  },
  indices: [
    { name: 'data_key_tenant', columns: ['workspaceId', 'id'], unique: true },
    { name: 'data_key_root', columns: ['rootKeyId'] },
  ],
  foreignKeys: [references('data_key_workspace', 'workspaceId', 'workspace')],
});

const workspace = new EntitySchema<WorkspaceRow>({
  name: 'workspace',
  columns: {
    id: key(uuid('id'), 'workspace_pkey'),
    slug: text('slug'),
    name: { ...text('name'), default: '' },
    planKey: { ...text('plan_key'), default: 'unlimited' },
    dataKeyId: nullable(uuid('data_key_id')),
    zone: { ...text('zone'), default: 'UTC' },
    accessVersion: { ...int4('access_version'), default: 1 },
    deletedAt: nullable(instant('deleted_at')),
    purgeBeganAt: nullable(instant('purge_began_at')),
    purgedAt: nullable(instant('purged_at')),
    ...mutable,
  },
  indices: [
    { name: 'workspace_slug', columns: ['slug'], unique: true },
    { name: 'workspace_deleted_at', columns: ['deletedAt'], where: 'deleted_at is not null and purged_at is null' },
  ],
  foreignKeys: [
    references('workspace_created_by', 'createdBy', 'principal'),
    { ...references('workspace_plan', 'planKey', 'plan'), referencedColumnNames: ['key'] },
    referencesWithin('workspace_data_key', 'data_key', ['id', 'dataKeyId'], ['workspaceId', 'id']),
  ],
});

const project = new EntitySchema<ProjectRow>({
  name: 'project',
  columns: {
    id: key(uuid('id'), 'project_pkey'),
    workspaceId: uuid('workspace_id'),
    slug: text('slug'),
    name: text('name'),
    visibility: { ...text('visibility'), default: 'workspace' },
    ownerId: nullable(uuid('owner_id')),
    adminEditsOnly: { type: 'boolean', name: 'admin_edits_only', default: false },
    deletedAt: nullable(instant('deleted_at')),
    ...mutable,
  },
  checks: [{ name: 'project_visibility', expression: `visibility in ('workspace', 'members')` }],
  indices: [
    { name: 'project_slug', columns: ['workspaceId', 'slug'], unique: true, where: 'deleted_at is null' },
    { name: 'project_tenant', columns: ['workspaceId', 'id'], unique: true },
  ],
  foreignKeys: [
    references('project_workspace', 'workspaceId', 'workspace'),
    references('project_created_by', 'createdBy', 'principal'),
    references('project_owner', 'ownerId', 'principal'),
  ],
});

const folder = new EntitySchema<FolderRow>({
  name: 'folder',
  columns: {
    id: key(uuid('id'), 'folder_pkey'),
    workspaceId: uuid('workspace_id'),
    projectId: uuid('project_id'),
    parentId: nullable(uuid('parent_id')),
    name: text('name'),
    ...mutable,
  },
  uniques: [{ name: 'folder_tenant', columns: ['workspaceId', 'projectId', 'id'] }],
  // By the lower-case name, which TypeORM cannot say.
  indices: [{ name: 'folder_name', columns: ['projectId', 'parentId', 'name'], unique: true, synchronize: false }],
  foreignKeys: [
    references('folder_created_by', 'createdBy', 'principal'),
    withinWorkspace('folder_project', 'projectId', 'project'),
    referencesWithin('folder_parent', 'folder', ['workspaceId', 'projectId', 'parentId'], ['workspaceId', 'projectId', 'id']),
  ],
});

const workflow = new EntitySchema<WorkflowRow>({
  name: 'workflow',
  columns: {
    id: key(uuid('id'), 'workflow_pkey'),
    workspaceId: uuid('workspace_id'),
    projectId: uuid('project_id'),
    folderId: nullable(uuid('folder_id')),
    name: text('name'),
    description: { ...text('description'), default: '' },
    deletedAt: nullable(instant('deleted_at')),
    ...mutable,
  },
  indices: [
    { name: 'workflow_name', columns: ['workspaceId', 'name'], unique: true, where: 'deleted_at is null' },
    { name: 'workflow_project_id', columns: ['projectId'] },
    { name: 'workflow_tenant', columns: ['workspaceId', 'id'], unique: true },
    { name: 'workflow_folder_id', columns: ['folderId'], where: 'folder_id is not null' },
    { name: 'workflow_deleted', columns: ['workspaceId', 'deletedAt'], where: 'deleted_at is not null' },
  ],
  foreignKeys: [
    referencesWithin('workflow_folder', 'folder', ['workspaceId', 'projectId', 'folderId'], ['workspaceId', 'projectId', 'id']),
    references('workflow_workspace', 'workspaceId', 'workspace'),
    withinWorkspace('workflow_project', 'projectId', 'project'),
    references('workflow_created_by', 'createdBy', 'principal'),
  ],
});

const draft = new EntitySchema<DraftRow>({
  name: 'draft',
  columns: {
    workflowId: key(uuid('workflow_id'), 'draft_pkey'),
    workspaceId: uuid('workspace_id'),
    rev: int4('rev'),
    doc: json('doc'),
    semanticHash: text('semantic_hash'),
    baseVersion: nullable(int4('base_version')),
    holderId: nullable(uuid('holder_id')),
    holderUntil: nullable(instant('holder_until')),
    ranks: nullable(json('ranks')),
    askedBy: nullable(uuid('asked_by')),
    askedAt: nullable(instant('asked_at')),
    // Written by a trigger, read by searches.
    words: { ...text('words'), default: '', select: false, insert: false, update: false },
    updatedBy: uuid('updated_by'),
    updatedAt: instantNow('updated_at'),
  },
  foreignKeys: [
    withinWorkspace('draft_workflow', 'workflowId', 'workflow'),
    references('draft_updated_by', 'updatedBy', 'principal'),
    references('draft_holder', 'holderId', 'principal'),
    references('draft_asked', 'askedBy', 'principal'),
  ],
});

const version = new EntitySchema<VersionRow>({
  name: 'version',
  columns: {
    workflowId: key(uuid('workflow_id'), 'version_pkey'),
    n: key(int4('n'), 'version_pkey'),
    workspaceId: uuid('workspace_id'),
    definition: json('definition'),
    semanticHash: text('semantic_hash'),
    typePins: json('type_pins'),
    note: nullable(text('note')),
    publishedBy: uuid('published_by'),
    publishedAt: instantNow('published_at'),
  },
  foreignKeys: [
    withinWorkspace('version_workflow', 'workflowId', 'workflow'),
    references('version_published_by', 'publishedBy', 'principal'),
  ],
});

const environment = new EntitySchema<EnvironmentRow>({
  name: 'environment',
  columns: {
    workspaceId: key(uuid('workspace_id'), 'environment_pkey'),
    n: key(int2('n'), 'environment_pkey'),
    name: text('name'),
  },
  foreignKeys: [references('environment_workspace', 'workspaceId', 'workspace')],
});

const deployment = new EntitySchema<DeploymentRow>({
  name: 'deployment',
  columns: {
    workflowId: key(uuid('workflow_id'), 'deployment_pkey'),
    environment: key(int2('environment'), 'deployment_pkey'),
    workspaceId: uuid('workspace_id'),
    version: int4('version'),
    state: text('state'),
    deployedBy: uuid('deployed_by'),
    deployedAt: instantNow('deployed_at'),
    holds: { type: 'boolean', default: false },
  },
  checks: [{ name: 'deployment_state', expression: `state in ('active', 'paused', 'off')` }],
  foreignKeys: [
    references('deployment_deployed_by', 'deployedBy', 'principal'),
    { name: 'deployment_version', target: 'version', columnNames: ['workflowId', 'version'], referencedColumnNames: ['workflowId', 'n'] },
    {
      name: 'deployment_environment',
      target: 'environment',
      columnNames: ['workspaceId', 'environment'],
      referencedColumnNames: ['workspaceId', 'n'],
    },
  ],
});

const hook = new EntitySchema<HookRow>({
  name: 'hook',
  columns: {
    id: key(uuid('id'), 'hook_pkey'),
    workspaceId: uuid('workspace_id'),
    workflowId: uuid('workflow_id'),
    environment: int2('environment'),
    nodeId: text('node_id'),
    version: int4('version'),
    method: text('method'),
    pattern: text('pattern'),
    patternNorm: text('pattern_norm'),
    reply: text('reply'),
    settings: json('settings'),
    auth: nullable(json('auth')),
    cors: nullable(json('cors')),
  },
  indices: [
    { name: 'hook_path', columns: ['method', 'patternNorm'], unique: true, where: 'environment = 1' },
    { name: 'hook_workflow_id', columns: ['workflowId', 'environment'] },
  ],
  foreignKeys: [withinWorkspace('hook_workflow', 'workflowId', 'workflow')],
});

const generation = new EntitySchema<GenerationRow>({
  name: 'generation',
  columns: { kind: key(text('kind'), 'generation_pkey'), n: { type: 'int8', name: 'n' } },
});

const variable = new EntitySchema<VariableRow>({
  name: 'variable',
  columns: {
    projectId: key(uuid('project_id'), 'variable_pkey'),
    environment: key(int2('environment'), 'variable_pkey'),
    key: key(text('key'), 'variable_pkey'),
    workspaceId: uuid('workspace_id'),
    value: json('value'),
    ...mutable,
  },
  foreignKeys: [withinWorkspace('variable_project', 'projectId', 'project'), references('variable_created_by', 'createdBy', 'principal')],
});

const setting = new EntitySchema<SettingRow>({
  name: 'setting',
  columns: {
    scope: key(text('scope'), 'setting_pkey'),
    scopeId: key(uuid('scope_id'), 'setting_pkey'),
    key: key(text('key'), 'setting_pkey'),
    value: json('value'),
    rev: { ...int4('rev'), default: 1 },
    updatedBy: uuid('updated_by'),
    updatedAt: instantNow('updated_at'),
  },
  checks: [{ name: 'setting_scope', expression: `scope in ('instance', 'workspace', 'person')` }],
  foreignKeys: [references('setting_updated_by', 'updatedBy', 'principal')],
});

export const ENTITIES: readonly EntitySchema[] = [
  principal,
  plan,
  dataKey,
  workspace,
  project,
  folder,
  workflow,
  draft,
  version,
  environment,
  deployment,
  hook,
  generation,
  variable,
  setting,
];
