/** Workflows: listed, opened, made, imported, published, thrown away and brought back. */
import { type WorkflowDefinition, diffDefinitions } from '@plugboard/engine';
import {
  type Database,
  type Workflow,
  type WorkspaceTransaction,
  createWorkflow,
  deleteWorkflow,
  findDisplayNames,
  findProject,
  findStars,
  findWorkflowByName,
  findWorkflowTags,
  getDraft,
  getVersion,
  listVersions,
  listWorkflows,
  hookPrefix,
  liveVersion,
  restoreWorkflow,
} from '@plugboard/persistence';
import { z } from 'zod';
import { type Resource, visibleTo } from '../access/access.ts';
import { may } from '../operation/demand.ts';
import { type Operation, type OperationContext, operation } from '../operation/operation.ts';
import { OperationProblem, notFound } from '../operation/problem.ts';
import { DONE, id, json, namedRef, nothing, page, pageInput, pageOf, personRef, text } from '../operation/shapes.ts';
import type { CheckCredentials } from '../credentials/bind-credentials.ts';
import { type Definitions, hookAddress, readDefinitionText, semanticHash } from './definitions.ts';
import { createImporter } from './importer.ts';
import { libraryOperations, tagRef, tagView } from './library-operations.ts';
import { type PublisherOptions, createPublisher, revConflict } from './publisher.ts';
import { versionOperations } from './version-operations.ts';
import {
  demandVisible,
  demandWorkflow,
  nameTaken,
  noWorkflow,
  projectResource,
  trashedResource,
  workflowResource,
} from './workflow-access.ts';
import { SORTS, VIEWS, countWorkflows, createSuccessRates, listWorkflowRows, recentRuns } from './workflow-list.ts';

export interface WorkflowOperationsOptions {
  readonly database: Database;
  readonly definitions: Definitions;
  /** Brings the routes of webhooks up to date before the answer. */
  readonly reloadRoutes: () => Promise<void>;
  /** Writes what a published workflow may use, or refuses. */
  readonly bind?: PublisherOptions['bind'];
  readonly timezoneOf?: PublisherOptions['timezoneOf'];
  /** What would keep a definition from being published because of the credentials it names. */
  readonly checkCredentials?: CheckCredentials;
  readonly log: { warn(fields: object, message: string): void };
}

const PREVIEW_NODES = 24;
const TEXT_LIMIT = 4 * 1024 * 1024;

const problem = z
  .looseObject({ code: z.string(), severity: z.string(), path: z.string(), message: z.string() })
  .meta({ id: 'WorkflowProblem' });
export const problems = z.array(
  z
    .object({
      code: z.string(),
      severity: z.enum(['error', 'warning']).meta({ id: 'Severity' }),
      path: z.string(),
      message: z.string(),
      nodeId: z.string().optional(),
      edgeId: z.string().optional(),
      hint: z.string().optional(),
      params: json.optional(),
      offset: z.number().optional(),
    })
    .meta({ id: 'DefinitionProblem' }),
);
const rights = z.object({ run: z.boolean(), edit: z.boolean(), publish: z.boolean(), delete: z.boolean() }).meta({ id: 'WorkflowRights' });
const start = z.object({ nodeId: z.string(), kind: z.string(), text: z.string() }).meta({ id: 'WorkflowStart' });
const workflowRow = z
  .object({
    id,
    name: z.string(),
    project: namedRef,
    folderId: id.optional(),
    tags: z.array(tagRef),
    isStarred: z.boolean(),
    starts: z.array(start),
    liveVersion: z.int().optional(),
    state: z.enum(['draft', 'live', 'paused', 'failing']).meta({ id: 'WorkflowState' }),
    draftChanges: z.int(),
    preview: json,
    recentRuns: z.array(z.object({ id, status: z.string(), durationMs: z.number().optional() }).meta({ id: 'RecentRun' })),
    successRate: z.number().optional(),
    typicalMs: z.number().optional(),
    costPd7d: z.string().optional(),
    lastRunAt: z.iso.datetime().optional(),
    nextRunAt: z.iso.datetime().optional(),
    editors: z.array(personRef),
    may: rights,
  })
  .meta({ id: 'WorkflowRow' });
const workflowDetail = z
  .object({
    id,
    name: z.string(),
    description: z.string().optional(),
    project: namedRef,
    rev: z.int(),
    liveVersion: z.int().optional(),
    draftChanges: z.int(),
    savedAt: z.iso.datetime(),
    draft: json,
    live: json.optional(),
    starts: z.array(start),
    problems,
    may: rights,
  })
  .meta({ id: 'WorkflowDetail' });
const versionRow = z
  .object({ number: z.int(), publishedAt: z.iso.datetime(), publishedBy: personRef, note: z.string().optional(), isLive: z.boolean() })
  .meta({ id: 'VersionRow' });
const hook = z.object({ method: z.string(), path: z.string() }).meta({ id: 'HookAddress' });
const imported = z
  .object({
    workflowId: id,
    name: z.string(),
    created: z.boolean(),
    version: z.int().optional(),
    unchanged: z.boolean().optional(),
    hooks: z.array(hook),
    warnings: z.array(problem),
  })
  .meta({ id: 'ImportedWorkflow' });

export function workflowOperations({
  database,
  definitions,
  reloadRoutes,
  bind,
  timezoneOf,
  checkCredentials,
  log,
}: WorkflowOperationsOptions): readonly Operation[] {
  const successRates = createSuccessRates();
  const publisher = createPublisher({ definitions, reloadRoutes, ...(bind ? { bind } : {}), ...(timezoneOf ? { timezoneOf } : {}), log });
  const importOne = createImporter({ definitions, publisher });

  return [
    operation({
      name: 'workflow.overview',
      field: 'workflows',
      kind: 'query',
      summary: 'A page of the workflows one may see, with their last runs.',
      permission: { member: 'The list shows what each may see.' },
      input: z.strictObject({
        view: z.enum(VIEWS).meta({ id: 'WorkflowView' }).optional(),
        search: text(200).optional(),
        projectId: id.optional(),
        folderId: id.optional(),
        /** It wears all of these. */
        tagIds: z.array(id).max(20).optional(),
        starred: z.boolean().optional(),
        sort: z.enum(SORTS).meta({ id: 'WorkflowSort' }).optional(),
        ...pageInput,
      }),
      output: pageOf(workflowRow).meta({ id: 'WorkflowRows' }),
      problems: [],
      rest: { method: 'GET', path: '/workflows/overview' },
      handler: (ctx, input) =>
        ctx.inTransaction(async (tx) => {
          const visible = visibleTo(ctx.actor, ctx.access, 'workflow.read');
          const { rows, nextCursor } = await listWorkflowRows(tx, { visible, ...input });
          const mayRead = (row: { readonly id: string; readonly projectId: string }): boolean =>
            may(ctx, 'run.read', { kind: 'run', workflowId: row.id, projectId: row.projectId });
          const readable = rows.filter(mayRead).map((row) => row.id);
          const runs = await recentRuns(tx, readable);
          const rates = await successRates(tx, readable);
          const ids = rows.map((row) => row.id);
          const tags = await findWorkflowTags(tx, ids);
          const stars = await findStars(tx, ids);
          const names = await findDisplayNames(
            tx,
            rows.flatMap((row) => row.editedBy ?? []),
          );
          const changes = await changesOf(
            tx,
            rows.filter((row) => row.draft && row.liveVersion !== null && row.draftHash !== row.liveHash),
          );
          const prefix = await hookPrefix(tx, ctx.workspaceId);
          return page(
            rows.map((row) => {
              const recent = runs.get(row.id) ?? [];
              const rate = rates.get(row.id);
              const last = recent.at(-1);
              return {
                id: row.id,
                name: row.name,
                project: { id: row.projectId, name: row.projectName },
                ...(row.folderId === null ? {} : { folderId: row.folderId }),
                tags: (tags.get(row.id) ?? []).map(tagView),
                isStarred: stars.has(row.id),
                starts: row.draft ? definitions.starts(row.draft, prefix) : [],
                ...(row.liveVersion === null ? {} : { liveVersion: row.liveVersion }),
                state: stateOf(row, mayRead(row)),
                draftChanges: changes.get(row.id) ?? 0,
                preview: previewOf(row.draft),
                recentRuns: recent.map(({ startedAt: _, ...run }) => run),
                ...(rate === undefined ? {} : { successRate: rate }),
                ...(last ? { lastRunAt: last.startedAt } : {}),
                editors: row.editedBy === null ? [] : [{ id: row.editedBy, name: names.get(row.editedBy) ?? '' }],
                may: rightsOn(ctx, { kind: 'workflow', id: row.id, projectId: row.projectId }),
              };
            }),
            nextCursor,
          );
        }),
    }),
    operation({
      name: 'workflow.counts',
      field: 'workflowCounts',
      kind: 'query',
      summary: 'How many workflows one may see, by view.',
      permission: { member: 'Only what each may see is counted.' },
      input: z.strictObject({}),
      output: z
        .object({ all: z.int(), live: z.int(), drafts: z.int(), attention: z.int(), projects: z.int() })
        .meta({ id: 'WorkflowCounts' }),
      problems: [],
      rest: { method: 'GET', path: '/workflows/counts' },
      handler: (ctx) => ctx.inTransaction((tx) => countWorkflows(tx, visibleTo(ctx.actor, ctx.access, 'workflow.read'))),
    }),
    operation({
      name: 'workflow.list',
      kind: 'query',
      summary: 'Names of the workflows one may see, newest first.',
      permission: { member: 'The list shows what each may see.' },
      input: z.strictObject({
        search: text(200).optional(),
        cursor: z.guid('this is not what a page before gave as nextCursor').optional(),
        limit: z.int().min(1).max(100).optional(),
      }),
      output: z
        .object({
          workflows: z.array(
            z
              .object({
                id,
                projectId: id,
                folderId: id.optional(),
                name: z.string(),
                description: z.string(),
                rev: z.int(),
                createdAt: z.iso.datetime(),
                updatedAt: z.iso.datetime(),
              })
              .meta({ id: 'WorkflowName' }),
          ),
          nextCursor: z.string().optional(),
        })
        .meta({ id: 'WorkflowNames' }),
      problems: [],
      rest: { method: 'GET', path: '/workflows' },
      handler: (ctx, { search, cursor, limit }) =>
        ctx.inTransaction(async (tx) => {
          const visible = visibleTo(ctx.actor, ctx.access, 'workflow.read');
          const found = await listWorkflows(tx, {
            ...(visible.kind === 'some' ? { visible: { projectIds: visible.projectIds, ids: visible.ids } } : {}),
            ...(search === undefined ? {} : { search }),
            ...(cursor === undefined ? {} : { cursor }),
            ...(limit === undefined ? {} : { limit }),
          });
          return {
            workflows: found.workflows.map((one) => ({
              ...one,
              createdAt: one.createdAt.toISOString(),
              updatedAt: one.updatedAt.toISOString(),
            })),
            ...(found.nextCursor === undefined ? {} : { nextCursor: found.nextCursor }),
          };
        }),
    }),
    operation({
      name: 'workflow.get',
      field: 'workflow',
      kind: 'query',
      summary: 'One workflow with its draft, what is live, and what is wrong with the draft.',
      permission: { action: 'workflow.read', on: (ctx, input) => ctx.inTransaction((tx) => workflowResource(tx, input.id)) },
      input: z.strictObject({ id }),
      output: workflowDetail,
      problems: [],
      rest: { method: 'GET', path: '/workflows/{id}' },
      async handler(ctx, input) {
        const stored = await ctx.inTransaction(async (tx) => {
          const workflow = await demandWorkflow(tx, input.id);
          const draft = await getDraft(tx, workflow.id);
          const n = await liveVersion(tx, workflow.id);
          const live = n === undefined ? undefined : await getVersion(tx, workflow.id, n);
          const project = await findProject(tx, workflow.projectId);
          const shown = draft?.definition ?? live?.definition;
          const unbound = shown && checkCredentials ? await checkCredentials(tx, { projectId: workflow.projectId, definition: shown }) : [];
          return { workflow, draft, live, project, unbound, prefix: await hookPrefix(tx, ctx.workspaceId) };
        });
        const { workflow, live } = stored;
        const draft = stored.draft?.definition ?? live?.definition;
        if (!draft) throw notFound();
        return {
          id: workflow.id,
          name: workflow.name,
          ...(workflow.description === '' ? {} : { description: workflow.description }),
          project: { id: workflow.projectId, name: stored.project?.name ?? '' },
          rev: stored.draft?.rev ?? 0,
          ...(live ? { liveVersion: live.n, live: live.definition } : {}),
          draftChanges: live ? changeCount(live.definition, draft) : 0,
          savedAt: (stored.draft?.updatedAt ?? workflow.updatedAt).toISOString(),
          draft,
          starts: definitions.starts(draft, stored.prefix),
          problems: [...definitions.validate(draft).problems, ...stored.unbound].map((one) => ({ ...one })),
          may: rightsOn(ctx, { kind: 'workflow', id: workflow.id, projectId: workflow.projectId }),
        };
      },
    }),
    operation({
      name: 'workflow.versions',
      field: 'versions',
      kind: 'query',
      summary: 'Published versions, newest first.',
      permission: { action: 'workflow.read', on: (ctx, input) => ctx.inTransaction((tx) => workflowResource(tx, input.workflowId)) },
      input: z.strictObject({
        workflowId: id,
        first: pageInput.first,
        after: z
          .string()
          .regex(/^\d{1,9}$/)
          .optional(),
      }),
      output: pageOf(versionRow).meta({ id: 'VersionRows' }),
      problems: [],
      rest: { method: 'GET', path: '/workflows/{workflowId}/versions' },
      handler: (ctx, { workflowId, first = 50, after }) =>
        ctx.inTransaction(async (tx) => {
          const found = await listVersions(tx, workflowId, {
            limit: Math.min(first + 1, 100),
            ...(after === undefined ? {} : { before: Number(after) }),
          });
          const rows = found.slice(0, first);
          const live = await liveVersion(tx, workflowId);
          const names = await findDisplayNames(
            tx,
            rows.map((row) => row.publishedBy),
          );
          const last = rows.at(-1);
          const hasMore = found.length > first || (first === 100 && found.length === 100 && last !== undefined && last.n > 1);
          return page(
            rows.map((row) => ({
              number: row.n,
              publishedAt: row.publishedAt.toISOString(),
              publishedBy: { id: row.publishedBy, name: names.get(row.publishedBy) ?? '' },
              ...(row.note === undefined ? {} : { note: row.note }),
              isLive: row.n === live,
            })),
            hasMore && last ? String(last.n) : undefined,
          );
        }),
    }),
    operation({
      name: 'workflow.validate',
      field: 'validateWorkflow',
      kind: 'query',
      summary: 'Everything that is wrong with a definition.',
      permission: { action: 'catalog.read', on: () => ({ kind: 'workspace' }) },
      input: z.strictObject({ definition: json }),
      output: z.object({ problems }).meta({ id: 'WorkflowCheck' }),
      problems: [],
      rest: { method: 'POST', path: '/workflows/validate', bodyField: 'definition' },
      handler: (_, input) => Promise.resolve({ problems: definitions.validate(input.definition).problems.map((one) => ({ ...one })) }),
    }),
    operation({
      name: 'workflow.create',
      field: 'createWorkflow',
      kind: 'mutation',
      counts: ['workflows'],
      summary: 'Make an empty workflow.',
      permission: { action: 'workflow.create', on: (ctx, input) => ctx.inTransaction((tx) => projectResource(tx, ctx, input.projectId)) },
      input: z.strictObject({ name: text(200, 1), projectId: id.optional() }),
      output: z.object({ id }).meta({ id: 'CreatedWorkflow' }),
      problems: ['NAME_TAKEN', 'DEFINITION_INVALID'],
      rest: { method: 'POST', path: '/workflows', status: 201 },
      handler: (ctx, input) =>
        ctx.inTransaction(async (tx) => {
          const definition: WorkflowDefinition = { schema: 1, name: input.name, nodes: [], edges: [], settings: {} };
          const wrong = definitions.validate(definition).problems.filter((one) => one.severity === 'error' && one.path.startsWith('name'));
          if (wrong.length > 0)
            throw new OperationProblem('DEFINITION_INVALID', wrong[0]?.message ?? '', { problems: wrong, path: 'input.name' });
          const projectId = (await projectResource(tx, ctx, input.projectId))?.id;
          if (projectId === undefined) throw notFound();
          const made = await createWorkflow(tx, { projectId, definition, semanticHash: semanticHash(definition) });
          if (made.kind === 'name-taken') throw nameTaken(input.name);
          ctx.audit({ kind: 'workflow', id: made.workflow.id, payload: { name: input.name } });
          return { id: made.workflow.id };
        }),
    }),
    operation({
      name: 'workflow.import',
      field: 'importWorkflow',
      kind: 'mutation',
      counts: ['workflows'],
      summary: 'Take a workflow in as a definition or a file; one with a known name gets a new draft, or with publish a new version.',
      permission: {
        action: 'workflow.create',
        on: (ctx, input) =>
          ctx.inTransaction(async (tx) => {
            const name = nameIn(input.definition ?? (input.text === undefined ? undefined : readDefinitionText(input.text)));
            const found = name === undefined ? undefined : await findWorkflowByName(tx, name);
            return (await visibleResource(ctx, found)) ?? projectResource(tx, ctx, input.projectId);
          }),
      },
      input: z
        .strictObject({
          definition: json.optional(),
          text: z.string().max(TEXT_LIMIT).optional(),
          publish: z.boolean().default(false),
          note: text(1000).optional(),
          projectId: id.optional(),
        })
        .refine((input) => input.definition !== undefined || input.text !== undefined, 'Give "definition", or the "text" of a file'),
      output: imported,
      problems: ['DEFINITION_INVALID', 'HOOK_PATH_TAKEN', 'CREDENTIAL_USE_REQUIRED', 'NAME_TAKEN'],
      rest: {
        method: 'POST',
        path: '/workflows/import',
        statusOf: (output) => ((output as z.output<typeof imported>).created ? 201 : 200),
      },
      handler: (ctx, input) =>
        ctx.inTransaction(async (tx) => {
          const given = input.definition ?? (input.text === undefined ? undefined : readDefinitionText(input.text));
          const sound = definitions.demandSound(given, 'changed');
          const { publish, note, projectId } = input;
          const done = await importOne(ctx, tx, { ...sound, publish, note, projectId });
          ctx.audit({ kind: 'workflow', id: done.workflowId, payload: { name: done.name, published: publish } });
          return done;
        }),
    }),
    operation({
      name: 'workflow.export',
      field: 'exportWorkflow',
      kind: 'query',
      summary: 'The definition of a workflow by its name: the draft, or what is live.',
      permission: {
        action: 'workflow.read',
        on: (ctx, input) => ctx.inTransaction(async (tx) => demandVisible(ctx, await findWorkflowByName(tx, input.name), input.name)),
      },
      input: z.strictObject({ name: z.string().max(400), live: z.boolean().default(false) }),
      output: json,
      problems: [],
      rest: { method: 'GET', path: '/workflows/{name}/export' },
      handler: (ctx, { name, live }) =>
        ctx.inTransaction(async (tx) => {
          const workflow = await findWorkflowByName(tx, name);
          if (!workflow) throw noWorkflow(name);
          if (!live) {
            const draft = await getDraft(tx, workflow.id);
            if (draft) return draft.definition;
          }
          const n = await liveVersion(tx, workflow.id);
          const version = n === undefined ? undefined : await getVersion(tx, workflow.id, n);
          if (!version) throw notFound(`"${name}" has no published version`, 'Publish it first, or export the draft.');
          return version.definition;
        }),
    }),
    operation({
      name: 'workflow.publish',
      field: 'publishWorkflow',
      kind: 'mutation',
      summary: 'Make the draft the live version.',
      permission: { action: 'workflow.publish', on: (ctx, input) => ctx.inTransaction((tx) => workflowResource(tx, input.id)) },
      input: z.strictObject({ id, expectedRev: z.int().min(0), note: text(1000).optional() }),
      output: z.object({ version: z.int(), unchanged: z.boolean(), hooks: z.array(hook) }).meta({ id: 'PublishedWorkflow' }),
      problems: ['DEFINITION_INVALID', 'HOOK_PATH_TAKEN', 'CREDENTIAL_USE_REQUIRED'],
      rest: { method: 'POST', path: '/workflows/{id}/publish' },
      handler: (ctx, input) =>
        ctx.inTransaction(async (tx) => {
          const draft = await getDraft(tx, input.id);
          if (!draft) throw notFound();
          if (draft.rev !== input.expectedRev) throw revConflict(draft.rev);
          const { definition } = definitions.demandSound(draft.definition, 'changed');
          const result = await publisher.publishNow(ctx, tx, {
            workflowId: input.id,
            definition,
            note: input.note,
            expectedRev: input.expectedRev,
          });
          ctx.audit({ kind: 'workflow', id: input.id, payload: { version: result.version } });
          if (result.unchanged) ctx.noAudit();
          const prefix = await hookPrefix(tx, ctx.workspaceId);
          return {
            ...result,
            hooks: definitions.hooks(definition).map(({ method, pattern }) => ({ method, path: hookAddress(pattern, prefix) })),
          };
        }),
    }),
    operation({
      name: 'workflow.delete',
      field: 'deleteWorkflow',
      kind: 'mutation',
      summary: 'Put a workflow in the trash for 30 days; its webhooks answer no more.',
      permission: { action: 'workflow.delete', on: (ctx, input) => ctx.inTransaction((tx) => workflowResource(tx, input.id)) },
      input: z.strictObject({ id }),
      output: nothing,
      problems: [],
      rest: { method: 'DELETE', path: '/workflows/{id}' },
      handler: (ctx, input) =>
        ctx.inTransaction(async (tx) => {
          if (!(await deleteWorkflow(tx, input.id))) throw notFound();
          ctx.afterCommit(publisher.routesChanged(input.id));
          return DONE;
        }),
    }),
    operation({
      name: 'workflow.restore',
      field: 'restoreWorkflow',
      kind: 'mutation',
      counts: ['workflows'],
      summary: 'Bring a workflow back from the trash, as a draft.',
      permission: { action: 'workflow.delete', on: (ctx, input) => ctx.inTransaction((tx) => trashedResource(tx, input.id)) },
      input: z.strictObject({ id }),
      output: z.object({ name: z.string() }).meta({ id: 'RestoredWorkflow' }),
      problems: [],
      rest: { method: 'POST', path: '/workflows/{id}/restore' },
      handler: (ctx, input) =>
        ctx.inTransaction(async (tx) => {
          const result = await restoreWorkflow(tx, input.id);
          if (result.kind === 'not-found') throw notFound();
          if (result.kind === 'project-deleted') throw notFound('Its project is in the trash', 'Restore the project first.');
          return { name: result.name };
        }),
    }),
    ...versionOperations({ publisher }),
    ...libraryOperations({ database, definitions, publisher }),
  ];
}

function visibleResource(ctx: OperationContext, workflow: Workflow | undefined): Promise<Resource | undefined> {
  if (!workflow) return Promise.resolve(undefined);
  const resource: Resource = { kind: 'workflow', id: workflow.id, projectId: workflow.projectId };
  return Promise.resolve(may(ctx, 'workflow.read', resource) ? resource : undefined);
}

function nameIn(definition: unknown): string | undefined {
  if (typeof definition !== 'object' || definition === null || !('name' in definition)) return undefined;
  const { name } = definition;
  return typeof name === 'string' && !name.includes('\0') ? name : undefined;
}

function stateOf(
  row: { readonly liveVersion: number | null; readonly isPaused: boolean; readonly isFailing: boolean },
  mayRead: boolean,
): 'draft' | 'live' | 'paused' | 'failing' {
  if (row.liveVersion === null) return 'draft';
  if (row.isPaused) return 'paused';
  return row.isFailing && mayRead ? 'failing' : 'live';
}

function rightsOn(ctx: OperationContext, resource: Resource): z.input<typeof rights> {
  return {
    run: may(ctx, 'workflow.run', resource),
    edit: may(ctx, 'workflow.edit', resource),
    publish: may(ctx, 'workflow.publish', resource),
    delete: may(ctx, 'workflow.delete', resource),
  };
}

/** Boxes and lines, without parameters. */
function previewOf(draft: WorkflowDefinition | null): object {
  const nodes = (draft?.nodes ?? [])
    .slice(0, PREVIEW_NODES)
    .map(({ id: nodeId, type, position }) => ({ id: nodeId, type, x: position.x, y: position.y }));
  const shown = new Set(nodes.map((node) => node.id));
  const edges = (draft?.edges ?? [])
    .filter((edge) => shown.has(edge.source) && shown.has(edge.target))
    .map(({ source, target }) => ({ source, target }));
  return { nodes, edges };
}

/** How far drafts are from what is live, by workflow. */
async function changesOf(
  tx: WorkspaceTransaction,
  rows: readonly { readonly id: string; readonly liveVersion: number | null; readonly draft: WorkflowDefinition | null }[],
): Promise<ReadonlyMap<string, number>> {
  const versions = await tx.query<{ id: string; definition: WorkflowDefinition }>(
    `select v.workflow_id as id, v.definition from unnest($2::uuid[], $3::int4[]) as w (id, n)
       join version v on v.workspace_id = $1 and v.workflow_id = w.id and v.n = w.n`,
    [tx.context.workspaceId, rows.map((row) => row.id), rows.map((row) => row.liveVersion)],
  );
  const live = new Map(versions.map((row) => [row.id, row.definition]));
  return new Map(
    rows.flatMap((row) => {
      const published = live.get(row.id);
      return published && row.draft ? [[row.id, changeCount(published, row.draft)] as const] : [];
    }),
  );
}

function changeCount(live: WorkflowDefinition, draft: WorkflowDefinition): number {
  const { isEqual, nodes, edges, workflow } = diffDefinitions(live, draft);
  if (isEqual) return 0;
  const parts = [nodes, edges].reduce((sum, part) => sum + part.added.length + part.removed.length + part.changed.length, 0);
  return parts + workflow.length;
}
