/** Keeping many workflows: renamed, copied, put in order, marked, found, taken out to files and in again, thrown away for good. */
import type { Problem, WorkflowDefinition } from '@plugboard/engine';
import {
  type Database,
  type Tag,
  type Workflow,
  type WorkspaceTransaction,
  changeWorkflowTags,
  createWorkflow,
  findStars,
  findWorkflow,
  findWorkflowByName,
  findWorkflowTags,
  getDraft,
  getVersion,
  listTrash,
  listWorkflows,
  liveVersion,
  moveWorkflow,
  purgeWorkflow,
  searchWorkflows,
  setWorkflowTags,
  starWorkflow,
  unstarWorkflow,
} from '@plugboard/persistence';
import { z } from 'zod';
import { type Resource, visibleTo } from '../access/access.ts';
import { demandNotHeld, replaceDraft } from '../drafts/draft-edits.ts';
import { may } from '../operation/demand.ts';
import { type Operation, type OperationContext, operation } from '../operation/operation.ts';
import { OperationProblem, notFound } from '../operation/problem.ts';
import { DONE, id, json, nothing, text } from '../operation/shapes.ts';
import { type Definitions, missingParams, semanticHash } from './definitions.ts';
import { BUNDLE, MAX_BUNDLE, type Imported, createImporter, readWorkflowTexts, workflowsIn } from './importer.ts';
import type { Publisher } from './publisher.ts';
import { demandWorkflow, nameTaken, projectResource, resourceOf, trashedResource, workflowResource } from './workflow-access.ts';

const MAX_TAGS = 50;
const TEXT_LIMIT = 4 * 1024 * 1024;

export const tagRef = z.object({ id, name: z.string(), color: z.string().optional() }).meta({ id: 'TagRef' });
const placed = z
  .object({ id, name: z.string(), projectId: id, folderId: id.optional(), tags: z.array(tagRef), isStarred: z.boolean() })
  .meta({ id: 'PlacedWorkflow' });
const hit = z
  .object({
    id,
    name: z.string(),
    projectId: id,
    folderId: id.optional(),
    description: z.string().optional(),
    /** Where the text was found. */
    found: z.array(z.enum(['name', 'description', 'tag', 'folder', 'node']).meta({ id: 'FoundIn' })),
    tags: z.array(z.string()),
    nodes: z.array(z.object({ id: z.string(), name: z.string(), type: z.string() }).meta({ id: 'FoundNode' })),
  })
  .meta({ id: 'WorkflowHit' });
const importedRow = z
  .object({
    workflowId: id,
    name: z.string(),
    created: z.boolean(),
    version: z.int().optional(),
    unchanged: z.boolean().optional(),
    hooks: json,
    warnings: json,
  })
  .meta({ id: 'ImportedRow' });
const trashed = z
  .object({
    kind: z.enum(['workflow', 'project']).meta({ id: 'TrashKind' }),
    id,
    name: z.string(),
    projectId: id.optional(),
    deletedAt: z.iso.datetime(),
  })
  .meta({ id: 'TrashedThing' });

export interface LibraryOptions {
  readonly database: Database;
  readonly definitions: Definitions;
  readonly publisher: Publisher;
}

export function libraryOperations({ database, definitions, publisher }: LibraryOptions): readonly Operation[] {
  const importOne = createImporter({ definitions, publisher });
  const byId = (ctx: OperationContext, input: { readonly id: string }) => ctx.inTransaction((tx) => workflowResource(tx, input.id));

  return [
    operation({
      name: 'workflow.search',
      field: 'searchWorkflows',
      kind: 'query',
      summary: 'Workflows one may see, found by name, description, tag, folder, or the name or type of a node.',
      permission: { member: 'Only what each may see is found.' },
      input: z.strictObject({ text: text(200, 1), first: z.int().min(1).max(100).optional() }),
      output: z.object({ rows: z.array(hit) }).meta({ id: 'WorkflowHits' }),
      problems: [],
      rest: { method: 'GET', path: '/workflows/search' },
      handler: (ctx, input) =>
        ctx.inTransaction(async (tx) => {
          const visible = visibleTo(ctx.actor, ctx.access, 'workflow.read');
          const rows = await searchWorkflows(tx, {
            text: input.text,
            ...(visible.kind === 'some' ? { visible } : {}),
            ...(input.first === undefined ? {} : { limit: input.first }),
          });
          return {
            rows: rows.map((row) => ({
              id: row.id,
              name: row.name,
              projectId: row.projectId,
              ...(row.folderId === null ? {} : { folderId: row.folderId }),
              ...(row.description === '' ? {} : { description: row.description }),
              found: [
                ...(row.inName ? (['name'] as const) : []),
                ...(row.inDescription ? (['description'] as const) : []),
                ...(row.tags.length > 0 ? (['tag'] as const) : []),
                ...(row.folder === null ? [] : (['folder'] as const)),
                ...(row.nodes.length > 0 ? (['node'] as const) : []),
              ],
              tags: [...row.tags],
              nodes: [...row.nodes],
            })),
          };
        }),
    }),
    operation({
      name: 'workflow.places',
      kind: 'query',
      summary: 'Workflows one may see with where they lie and what they wear; by project, folder, tags or star.',
      permission: { member: 'The list shows what each may see.' },
      input: z.strictObject({
        projectId: id.optional(),
        folderId: id.optional(),
        /** Those in no folder. */
        atTop: z.boolean().optional(),
        tagIds: z.array(id).max(MAX_TAGS).optional(),
        starred: z.boolean().optional(),
        first: z.int().min(1).max(100).optional(),
        after: z.guid().optional(),
      }),
      output: z.object({ rows: z.array(placed), endCursor: z.string().optional(), hasMore: z.boolean() }).meta({ id: 'PlacedWorkflows' }),
      problems: [],
      rest: { method: 'GET', path: '/workflows/places' },
      handler: (ctx, input) =>
        ctx.inTransaction(async (tx) => {
          const visible = visibleTo(ctx.actor, ctx.access, 'workflow.read');
          const folderId = input.folderId ?? (input.atTop === true ? null : undefined);
          const found = await listWorkflows(tx, {
            ...(visible.kind === 'some' ? { visible } : {}),
            ...(input.projectId === undefined ? {} : { projectId: input.projectId }),
            ...(folderId === undefined ? {} : { folderId }),
            ...(input.tagIds === undefined ? {} : { tagIds: input.tagIds }),
            ...(input.starred === true ? { isStarredOnly: true } : {}),
            ...(input.first === undefined ? {} : { limit: input.first }),
            ...(input.after === undefined ? {} : { cursor: input.after }),
          });
          return {
            rows: await placedViews(tx, found.workflows),
            hasMore: found.nextCursor !== undefined,
            ...(found.nextCursor === undefined ? {} : { endCursor: found.nextCursor }),
          };
        }),
    }),
    operation({
      name: 'workflow.update',
      field: 'updateWorkflow',
      kind: 'mutation',
      summary: 'Rename a workflow or describe it. It is a change of its draft: with expectedRev only on that revision.',
      permission: { action: 'workflow.edit', on: byId },
      input: z.strictObject({
        id,
        name: text(200, 1).optional(),
        description: text(2000).optional(),
        expectedRev: z.int().min(0).optional(),
      }),
      output: z.object({ id, name: z.string(), description: z.string(), rev: z.int() }).meta({ id: 'UpdatedWorkflow' }),
      problems: ['NAME_TAKEN', 'DEFINITION_INVALID', 'DRAFT_HELD', 'OPS_INVALID'],
      rest: { method: 'PATCH', path: '/workflows/{id}' },
      handler: (ctx, input) =>
        ctx.inTransaction(async (tx) => {
          const draft = await getDraft(tx, input.id);
          if (!draft) throw notFound();
          await demandNotHeld(tx, input.id);
          const { description: before, ...rest } = draft.definition;
          const description = input.description ?? before ?? '';
          const definition: WorkflowDefinition = { ...rest, name: input.name ?? rest.name, ...(description === '' ? {} : { description }) };
          definitions.demandReadable(definition);
          const saved = await replaceDraft(tx, { workflowId: input.id, definition, expectedRev: input.expectedRev });
          ctx.audit({ kind: 'workflow', id: input.id, payload: { name: definition.name } });
          if (!saved.isChanged) ctx.noAudit();
          return { id: input.id, name: definition.name, description, rev: saved.rev };
        }),
    }),
    operation({
      name: 'workflow.duplicate',
      field: 'duplicateWorkflow',
      kind: 'mutation',
      counts: ['workflows'],
      summary:
        'A new workflow with the draft of another one, in its project or a named one. Pins, versions and runs stay with the old one.',
      permission: {
        action: 'workflow.create',
        on: (ctx, input) =>
          ctx.inTransaction(async (tx): Promise<Resource | undefined> => {
            const source = await findWorkflow(tx, input.id);
            if (!source || !may(ctx, 'workflow.read', resourceOf(source))) return undefined;
            return projectResource(tx, ctx, input.projectId ?? source.projectId);
          }),
      },
      input: z.strictObject({ id, name: text(200, 1).optional(), projectId: id.optional(), folderId: id.optional() }),
      output: z.object({ id, name: z.string() }).meta({ id: 'DuplicatedWorkflow' }),
      problems: ['NAME_TAKEN', 'DEFINITION_INVALID'],
      rest: { method: 'POST', path: '/workflows/{id}/duplicate', status: 201 },
      handler: (ctx, input) =>
        ctx.inTransaction(async (tx) => {
          const source = await demandWorkflow(tx, input.id);
          const draft = await getDraft(tx, source.id);
          if (!draft) throw notFound();
          const name = input.name ?? (await freeName(tx, source.name));
          const definition = definitions.demandReadable({ ...draft.definition, name });
          const projectId = input.projectId ?? source.projectId;
          const folderId = input.folderId ?? (projectId === source.projectId ? source.folderId : undefined);
          const made = await createWorkflow(tx, {
            projectId,
            ...(folderId === undefined ? {} : { folderId }),
            definition,
            semanticHash: semanticHash(definition),
          }).catch((error: unknown) => {
            throw isProjectMissing(error) ? notFound('There is no such folder in the project') : error;
          });
          if (made.kind === 'name-taken') throw nameTaken(name);
          ctx.audit({ kind: 'workflow', id: made.workflow.id, payload: { name, of: source.id } });
          return { id: made.workflow.id, name };
        }),
    }),
    operation({
      name: 'workflow.moveToFolder',
      kind: 'mutation',
      summary: 'Put a workflow into a folder of its project, or to the top of it.',
      permission: { action: 'workflow.edit', on: byId },
      input: z.strictObject({ id, folderId: id.optional() }),
      output: nothing,
      problems: [],
      rest: { method: 'POST', path: '/workflows/{id}/folder' },
      handler: (ctx, input) =>
        ctx.inTransaction(async (tx) => {
          const { projectId, folderId } = await demandWorkflow(tx, input.id);
          if (folderId === input.folderId) {
            ctx.noAudit();
            return DONE;
          }
          const result = await moveWorkflow(tx, input.id, {
            projectId,
            ...(input.folderId === undefined ? {} : { folderId: input.folderId }),
          });
          if (result.kind === 'target-not-found')
            throw notFound('There is no such folder in the project of the workflow', 'To another project a workflow is moved first.');
          if (result.kind === 'not-found') throw notFound();
          return DONE;
        }),
    }),
    operation({
      name: 'workflow.setTags',
      kind: 'mutation',
      summary: 'Give a workflow exactly these tags; or with add and remove change those it has.',
      permission: { action: 'workflow.edit', on: byId },
      input: z.strictObject({
        id,
        tagIds: z.array(id).max(MAX_TAGS).optional(),
        add: z.array(id).max(MAX_TAGS).optional(),
        remove: z.array(id).max(MAX_TAGS).optional(),
      }),
      output: z.object({ tags: z.array(tagRef) }).meta({ id: 'WorkflowTags' }),
      problems: [],
      rest: { method: 'PUT', path: '/workflows/{id}/tags' },
      handler: (ctx, input) =>
        ctx.inTransaction(async (tx) => {
          const { tagIds, add = [], remove = [] } = input;
          if (tagIds !== undefined && add.length + remove.length > 0)
            throw new OperationProblem('INPUT_INVALID', 'Give either tagIds, or add and remove', { path: 'input.tagIds' });
          const isThere = tagIds ? await setWorkflowTags(tx, input.id, tagIds) : await changeWorkflowTags(tx, input.id, { add, remove });
          if (!isThere) throw notFound();
          const tags = (await findWorkflowTags(tx, [input.id])).get(input.id) ?? [];
          const missing = [...(tagIds ?? []), ...add].filter((wanted) => !tags.some((tag) => tag.id === wanted));
          if (missing.length > 0) throw notFound(`There is no tag ${missing[0]}`, 'Tags are made with tag.create.');
          if (tags.length > MAX_TAGS)
            throw new OperationProblem('INPUT_INVALID', `A workflow wears at most ${MAX_TAGS} tags`, { path: 'input.add' });
          ctx.audit({ kind: 'workflow', id: input.id, payload: { tags: tags.map((tag) => tag.name) } });
          return { tags: tags.map(tagView) };
        }),
    }),
    ...([true, false] as const).map((isStar) =>
      operation({
        name: isStar ? 'workflow.star' : 'workflow.unstar',
        kind: 'mutation',
        summary: isStar ? 'Mark a workflow for oneself.' : 'Take one’s own mark off a workflow.',
        permission: { action: 'workflow.read', on: byId },
        input: z.strictObject({ id }),
        output: nothing,
        problems: [],
        rest: { method: isStar ? 'PUT' : 'DELETE', path: '/workflows/{id}/star' },
        // A person's own mark, which nobody else sees.
        audited: false,
        handler: (ctx: OperationContext, input: { readonly id: string }) =>
          ctx.inTransaction(async (tx) => {
            ctx.noAudit();
            if (!isStar) await unstarWorkflow(tx, input.id);
            else if (!(await starWorkflow(tx, input.id))) throw notFound();
            return DONE;
          }),
      }),
    ),
    operation({
      name: 'workflow.exportMany',
      field: 'exportWorkflows',
      kind: 'query',
      summary: `Many workflows as one bundle to keep or take elsewhere: those named, or all one may see of a project or folder, at most ${MAX_BUNDLE}.`,
      permission: { member: 'Only what each may see is taken out.' },
      input: z.strictObject({
        ids: z.array(id).max(MAX_BUNDLE).optional(),
        projectId: id.optional(),
        folderId: id.optional(),
        live: z.boolean().default(false),
        after: z.guid().optional(),
      }),
      output: z
        .object({
          format: z.literal(BUNDLE),
          workflows: z.array(json),
          /** Named and not there, or never published where what is live was asked for. */
          missing: z.array(id),
          /** `after` of the next bundle, where there is more. */
          endCursor: z.string().optional(),
        })
        .meta({ id: 'WorkflowBundle' }),
      problems: [],
      rest: { method: 'GET', path: '/workflows/export' },
      async handler(ctx, { ids, projectId, folderId, live, after }) {
        const visible = visibleTo(ctx.actor, ctx.access, 'workflow.read');
        const chosen: Workflow[] = [];
        const missing: string[] = [];
        let cursor = after;
        if (ids !== undefined)
          for (const wanted of new Set(ids)) {
            const workflow = await ctx.inTransaction((tx) => findWorkflow(tx, wanted));
            if (workflow && may(ctx, 'workflow.read', resourceOf(workflow))) chosen.push(workflow);
            else missing.push(wanted);
          }
        else
          do {
            const found = await ctx.inTransaction((tx) =>
              listWorkflows(tx, {
                ...(visible.kind === 'some' ? { visible } : {}),
                ...(projectId === undefined ? {} : { projectId }),
                ...(folderId === undefined ? {} : { folderId }),
                ...(cursor === undefined ? {} : { cursor }),
                limit: 100,
              }),
            );
            chosen.push(...found.workflows);
            cursor = found.nextCursor;
          } while (cursor !== undefined && chosen.length < MAX_BUNDLE);
        const workflows: WorkflowDefinition[] = [];
        for (const workflow of chosen) {
          const definition = await ctx.inTransaction((tx) => (live ? liveDefinition(tx, workflow.id) : draftDefinition(tx, workflow.id)));
          if (definition) workflows.push(definition);
          else missing.push(workflow.id);
        }
        return { format: BUNDLE, workflows, missing, ...(cursor === undefined ? {} : { endCursor: cursor }) };
      },
    }),
    operation({
      name: 'workflow.importMany',
      field: 'importWorkflows',
      kind: 'mutation',
      counts: ['workflows'],
      summary: `Take up to ${MAX_BUNDLE} workflows in at once, all or none: a list, a bundle, or the text of a file with several. Every problem of every workflow is listed.`,
      permission: { action: 'workflow.create', on: (ctx, input) => ctx.inTransaction((tx) => projectResource(tx, ctx, input.projectId)) },
      input: z
        .strictObject({
          workflows: z.array(json).max(MAX_BUNDLE).optional(),
          text: z.string().max(TEXT_LIMIT).optional(),
          publish: z.boolean().default(false),
          note: text(1000).optional(),
          projectId: id.optional(),
        })
        .refine(
          (input) => (input.workflows === undefined) !== (input.text === undefined),
          'Give either "workflows", or the "text" of a file',
        ),
      output: z.object({ rows: z.array(importedRow) }).meta({ id: 'ImportedWorkflows' }),
      problems: ['DEFINITION_INVALID', 'HOOK_PATH_TAKEN', 'CREDENTIAL_USE_REQUIRED', 'NAME_TAKEN'],
      rest: { method: 'POST', path: '/workflows/import-many' },
      handler: (ctx, input) =>
        ctx.inTransaction(async (tx) => {
          const given = input.text === undefined ? (input.workflows ?? []).flatMap(workflowsIn) : readWorkflowTexts(input.text);
          if (given.length === 0 || given.length > MAX_BUNDLE)
            throw new OperationProblem(
              'INPUT_INVALID',
              `The file has ${given.length} workflows; 1 to ${MAX_BUNDLE} can be taken in at once`,
            );
          const read = demandAllSound(definitions, given);
          const rows: Imported[] = [];
          for (const [index, one] of read.entries()) {
            try {
              rows.push(await importOne(ctx, tx, { ...one, publish: input.publish, note: input.note, projectId: input.projectId }));
            } catch (error) {
              throw error instanceof OperationProblem ? ofWorkflow(error, index, one.definition.name) : error;
            }
          }
          ctx.audit({ kind: 'workflow', payload: { names: rows.map((row) => row.name), published: input.publish } });
          return { rows };
        }),
    }),
    operation({
      name: 'trash.list',
      field: 'trash',
      kind: 'query',
      summary: 'Workflows and projects in the trash that one may bring back, deleted last first.',
      permission: { member: 'Only what each may bring back is shown.' },
      input: z.strictObject({}),
      output: z.object({ rows: z.array(trashed), keptDays: z.int() }).meta({ id: 'TrashedThings' }),
      problems: [],
      rest: { method: 'GET', path: '/trash' },
      handler: (ctx) =>
        ctx.inTransaction(async (tx) => {
          const rows = await listTrash(tx, { limit: 100 });
          const seen = rows.filter((row) =>
            row.kind === 'project'
              ? may(ctx, 'project.restore', { kind: 'workspace' })
              : may(ctx, 'workflow.delete', resourceOf({ id: row.id, projectId: row.projectId ?? '' })),
          );
          return { rows: seen.map((row) => ({ ...row, deletedAt: row.deletedAt.toISOString() })), keptDays: TRASH_DAYS };
        }),
    }),
    operation({
      name: 'trash.purge',
      field: 'purgeWorkflow',
      kind: 'mutation',
      summary: 'Delete a workflow in the trash for good, with its versions. Its runs stay until their time is over.',
      permission: { action: 'workflow.delete', on: (ctx, input) => ctx.inTransaction((tx) => trashedResource(tx, input.id)) },
      input: z.strictObject({ id }),
      output: nothing,
      problems: [],
      rest: { method: 'DELETE', path: '/trash/{id}' },
      // Tables that are written once and never changed are the owner's, so it is done above the workspace.
      transactional: false,
      async handler(ctx, input) {
        ctx.audit({ kind: 'workflow', id: input.id });
        const result = await purgeWorkflow(database, { workspaceId: ctx.workspaceId, id: input.id });
        if (result === 'not-found') throw notFound();
        if (result === 'has-runs')
          throw new OperationProblem('CONFLICT', 'A run of this workflow is still under way', { hint: 'Cancel it, or wait for its end.' });
        return DONE;
      },
    }),
  ];
}

/** How long things stay in the trash, in days. */
export const TRASH_DAYS = 30;

export function tagView({ id: tagId, name, color }: Tag): z.input<typeof tagRef> {
  return { id: tagId, name, ...(color === undefined ? {} : { color }) };
}

async function placedViews(tx: WorkspaceTransaction, workflows: readonly Workflow[]): Promise<z.input<typeof placed>[]> {
  const ids = workflows.map((one) => one.id);
  const tags = await findWorkflowTags(tx, ids);
  const stars = await findStars(tx, ids);
  return workflows.map(({ id: workflowId, name, projectId, folderId }) => ({
    id: workflowId,
    name,
    projectId,
    ...(folderId === undefined ? {} : { folderId }),
    tags: (tags.get(workflowId) ?? []).map(tagView),
    isStarred: stars.has(workflowId),
  }));
}

async function draftDefinition(tx: WorkspaceTransaction, workflowId: string): Promise<WorkflowDefinition | undefined> {
  return (await getDraft(tx, workflowId))?.definition;
}

async function liveDefinition(tx: WorkspaceTransaction, workflowId: string): Promise<WorkflowDefinition | undefined> {
  const n = await liveVersion(tx, workflowId);
  return n === undefined ? undefined : (await getVersion(tx, workflowId, n))?.definition;
}

const COPIES_TRIED = 100;

/** "Orders copy", "Orders copy 2"; short enough for a name. */
async function freeName(tx: WorkspaceTransaction, name: string): Promise<string> {
  for (let n = 1; n <= COPIES_TRIED; n++) {
    const candidate = `${name.slice(0, 180)} copy${n === 1 ? '' : ` ${n}`}`;
    if (!(await findWorkflowByName(tx, candidate))) return candidate;
  }
  throw nameTaken(`${name} copy`);
}

/** @throws OperationProblem DEFINITION_INVALID with the problems of all, each with its place in the list */
function demandAllSound(
  definitions: Definitions,
  given: readonly unknown[],
): { definition: WorkflowDefinition; warnings: readonly Problem[] }[] {
  const problems: Problem[] = [];
  const read: { definition: WorkflowDefinition; warnings: readonly Problem[] }[] = [];
  const places = new Map<string, number>();
  for (const [index, one] of given.entries()) {
    const { definition, problems: found } = definitions.validate(one);
    const errors = found.filter((each) => each.severity === 'error');
    problems.push(...errors.map((each) => ({ ...each, path: at(index, each.path) })));
    if (!definition) continue;
    const first = places.get(definition.name);
    if (first === undefined) places.set(definition.name, index);
    else
      problems.push({
        code: 'WORKFLOW_NAME_DUPLICATE',
        severity: 'error',
        path: at(index, 'name'),
        message: `"${definition.name}" is in the file twice, as workflow ${first} and ${index}`,
      });
    read.push({ definition, warnings: found.filter((each) => each.severity === 'warning') });
  }
  if (problems.length > 0) {
    const count = `${problems.length} ${problems.length === 1 ? 'problem' : 'problems'}`;
    throw new OperationProblem('DEFINITION_INVALID', `The workflows have ${count}; nothing was changed`, {
      problems,
      ...missingParams([...new Set(given.flatMap((one) => definitions.missingPlugins(one)))].toSorted()),
    });
  }
  return read;
}

function at(index: number, path: string): string {
  return `workflows[${index}]${path === '' ? '' : `.${path}`}`;
}

/** A refusal of one of many says which one. */
function ofWorkflow(error: OperationProblem, index: number, name: string): OperationProblem {
  const { problems, ...details } = error.details;
  return new OperationProblem(error.code, `"${name}": ${error.message}`, {
    ...details,
    path: at(index, ''),
    ...(problems ? { problems: problems.map((one) => ({ ...one, path: at(index, one.path) })) } : {}),
  });
}

function isProjectMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'PROJECT_MISSING';
}
