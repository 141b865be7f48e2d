/** Projects: what carries permission for the workflows and credentials in them. */
import {
  type Project,
  createProject,
  deleteProject,
  findDeletedProject,
  findDisplayNames,
  findProject,
  listDeletedProjects,
  listProjects,
  listRoleGrants,
  restoreProject,
  updateProject,
} from '@plugboard/persistence';
import { z } from 'zod';
import { covers } from '../access/actions.ts';
import { roleOn } from '../access/access.ts';
import { type Operation, type OperationContext, operation } from '../operation/operation.ts';
import { OperationProblem, notFound } from '../operation/problem.ts';
import { DONE, id, nothing, personRef, role, text } from '../operation/shapes.ts';

const WORKSPACE = { kind: 'workspace' } as const;
const name = text(200, 1);
const slug = text(63, 1).regex(/^[a-z0-9][a-z0-9-]*$/, 'has small letters, digits and dashes');
const visibility = z.enum(['workspace', 'members']).meta({ id: 'ProjectVisibility' });

const projectView = z
  .object({
    id,
    slug: z.string(),
    name: z.string(),
    visibility,
    /** Whose private project it is. */
    owner: personRef.optional(),
    adminEditsOnly: z.boolean(),
    /** What one may do in it. */
    yourRole: role.optional(),
    rev: z.int(),
    createdAt: z.iso.datetime(),
  })
  .meta({ id: 'ProjectView' });
const deletedProject = z.object({ id, slug: z.string(), name: z.string() }).meta({ id: 'DeletedProject' });

export function projectOperations(): readonly Operation[] {
  return [
    operation({
      name: 'project.list',
      field: 'projects',
      kind: 'query',
      summary: 'Projects one may see.',
      permission: { member: 'Each sees the projects he has a role on.' },
      input: z.strictObject({}),
      output: z.array(projectView),
      problems: [],
      rest: { method: 'GET', path: '/projects' },
      handler: (ctx) =>
        ctx.inTransaction(async (tx) => {
          const found = await listProjects(tx, { ids: [...ctx.access.projects.keys()] });
          const all = ctx.actor.kind === 'system' ? await listProjects(tx) : found.filter((one) => seesProject(ctx, one.id));
          const names = await findDisplayNames(
            tx,
            all.flatMap((one) => one.ownerId ?? []),
          );
          return all.map((one) => viewOf(ctx, one, names));
        }),
    }),
    operation({
      name: 'project.get',
      field: 'project',
      kind: 'query',
      summary: 'One project.',
      permission: { action: 'project.read', on: (_, input) => ({ kind: 'project', id: input.id }) },
      input: z.strictObject({ id }),
      output: projectView,
      problems: [],
      rest: { method: 'GET', path: '/projects/{id}' },
      handler: (ctx, input) =>
        ctx.inTransaction(async (tx) => {
          const found = await findProject(tx, input.id);
          if (!found) throw noProject();
          return viewOf(ctx, found, await findDisplayNames(tx, found.ownerId === undefined ? [] : [found.ownerId]));
        }),
    }),
    operation({
      name: 'project.create',
      field: 'createProject',
      kind: 'mutation',
      summary: 'Make a project: for the whole workspace, for members of it, or private to oneself.',
      permission: { action: 'project.create', on: () => WORKSPACE },
      input: z.strictObject({
        name,
        slug,
        visibility: visibility.optional(),
        /** Belongs to who makes it, and to who is let in. */
        isPrivate: z.boolean().optional(),
        adminEditsOnly: z.boolean().optional(),
      }),
      output: z.object({ id }).meta({ id: 'CreatedProject' }),
      problems: ['NAME_TAKEN'],
      rest: { method: 'POST', path: '/projects', status: 201 },
      counts: ['projects'],
      handler: (ctx, input) =>
        ctx.inTransaction(async (tx) => {
          if (input.isPrivate && input.visibility === 'workspace')
            throw new OperationProblem('INPUT_INVALID', 'A private project is for members of it only', { path: 'input.visibility' });
          const isOwned = input.isPrivate === true || input.visibility === 'members';
          const made = await createProject(tx, {
            name: input.name,
            slug: input.slug,
            visibility: isOwned ? 'members' : 'workspace',
            // Of a project that only members see, somebody has to be one.
            ...(isOwned ? { ownerId: ctx.actor.principalId } : {}),
            ...(input.adminEditsOnly === undefined ? {} : { adminEditsOnly: input.adminEditsOnly }),
          });
          if (made.kind === 'slug-taken') throw slugTaken();
          ctx.audit({ kind: 'project', id: made.projectId, payload: { slug: input.slug, visibility: isOwned ? 'members' : 'workspace' } });
          return { id: made.projectId };
        }),
    }),
    operation({
      name: 'project.update',
      field: 'updateProject',
      kind: 'mutation',
      summary: 'Change a project’s name, address, who sees it, or who edits in it.',
      permission: { action: 'project.update', on: (_, input) => ({ kind: 'project', id: input.id }) },
      input: z.strictObject({
        id,
        name: name.optional(),
        slug: slug.optional(),
        visibility: visibility.optional(),
        adminEditsOnly: z.boolean().optional(),
        expectedRev: z.int().optional(),
      }),
      output: z.object({ id, rev: z.int() }).meta({ id: 'SavedProject' }),
      problems: ['NAME_TAKEN'],
      rest: { method: 'PATCH', path: '/projects/{id}' },
      handler: (ctx, input) =>
        ctx.inTransaction(async (tx) => {
          if (input.visibility === 'members') await demandSomebodyIn(ctx, input.id);
          const { id: projectId, ...change } = input;
          ctx.audit({ kind: 'project', id: projectId, payload: withoutUndefined(change) });
          const saved = await updateProject(tx, projectId, withoutUndefined(change));
          switch (saved.kind) {
            case 'not-found':
              throw noProject();
            case 'slug-taken':
              throw slugTaken();
            case 'conflict': {
              const { rev, name: theirName, slug: theirSlug, visibility: seenBy, adminEditsOnly } = saved.project;
              const theirs = { name: theirName, slug: theirSlug, visibility: seenBy, adminEditsOnly };
              throw new OperationProblem('CONFLICT', 'The project was changed in between', { params: { rev, theirs } });
            }
            case 'saved':
              return { id: projectId, rev: saved.rev };
          }
        }),
    }),
    operation({
      name: 'project.delete',
      field: 'deleteProject',
      kind: 'mutation',
      summary: 'Put an empty project in the trash for 30 days.',
      permission: { action: 'project.update', on: (_, input) => ({ kind: 'project', id: input.id }) },
      input: z.strictObject({ id }),
      output: nothing,
      problems: [],
      rest: { method: 'DELETE', path: '/projects/{id}' },
      handler: (ctx, input) =>
        ctx.inTransaction(async (tx) => {
          if ((await findProject(tx, input.id))?.slug === 'default')
            throw new OperationProblem('CONFLICT', 'The project default stays: workflows that name no project go there');
          const result = await deleteProject(tx, input.id);
          if (result.kind === 'not-found') throw noProject();
          if (result.kind === 'not-empty') {
            const { workflows, credentials } = result;
            throw new OperationProblem('CONFLICT', `The project still has ${workflows} workflows and ${credentials} credentials`, {
              hint: 'Move or delete them first.',
              params: { workflows, credentials },
            });
          }
          return DONE;
        }),
    }),
    operation({
      name: 'project.listDeleted',
      field: 'deletedProjects',
      kind: 'query',
      summary: 'Projects in the trash that one may bring back.',
      permission: { action: 'project.restore', on: () => WORKSPACE },
      input: z.strictObject({}),
      output: z.array(deletedProject),
      problems: [],
      rest: { method: 'GET', path: '/projects/deleted' },
      handler: (ctx) =>
        ctx.inTransaction(async (tx) => {
          const found: z.input<typeof deletedProject>[] = [];
          for (const one of await listDeletedProjects(tx))
            if (await mayBringBack(ctx, one)) found.push({ id: one.id, slug: one.slug, name: one.name });
          return found;
        }),
    }),
    operation({
      name: 'project.restore',
      field: 'restoreProject',
      kind: 'mutation',
      summary: 'Bring a project back from the trash, under another address when its own was taken meanwhile.',
      permission: { action: 'project.restore', on: () => WORKSPACE },
      input: z.strictObject({ id }),
      output: z.object({ id, slug: z.string() }).meta({ id: 'RestoredProject' }),
      problems: [],
      rest: { method: 'POST', path: '/projects/{id}/restore' },
      counts: ['projects'],
      handler: (ctx, input) =>
        ctx.inTransaction(async (tx) => {
          const deleted = await findDeletedProject(tx, input.id);
          if (!deleted || !(await mayBringBack(ctx, deleted))) throw notFound('There is no such project in the trash');
          const restored = await restoreProject(tx, input.id);
          if (restored.kind === 'not-found') throw notFound('There is no such project in the trash');
          return { id: input.id, slug: restored.slug };
        }),
    }),
  ];
}

/** Of a project that only its members saw, it is for one of them. Projects in the trash are in nobody's access set. */
async function mayBringBack(ctx: OperationContext, { id: projectId, visibility: seenBy, ownerId }: Project): Promise<boolean> {
  const { actor } = ctx;
  if (actor.kind === 'system' || seenBy === 'workspace' || ownerId === actor.principalId) return true;
  const grants = await ctx.inTransaction((tx) => listRoleGrants(tx, { resource: { kind: 'project', id: projectId } }));
  return grants.some(
    ({ subject, role: granted }) => subject.kind === 'principal' && subject.id === actor.principalId && covers(granted, 'admin'),
  );
}

function seesProject({ access }: OperationContext, projectId: string): boolean {
  return roleOn(access, { kind: 'project', id: projectId }) !== undefined;
}

/** A project that only its members see, and nobody is one, would be lost. @throws OperationProblem INPUT_INVALID */
async function demandSomebodyIn(ctx: OperationContext, projectId: string): Promise<void> {
  const project = await ctx.inTransaction((tx) => findProject(tx, projectId));
  if (project?.ownerId !== undefined) return;
  const grants = await ctx.inTransaction((tx) => listRoleGrants(tx, { resource: { kind: 'project', id: projectId } }));
  if (grants.some((one) => covers(one.role, 'admin'))) return;
  throw new OperationProblem('INPUT_INVALID', 'Nobody could manage the project any more', {
    path: 'input.visibility',
    hint: 'First give somebody the role admin on it.',
  });
}

function viewOf(ctx: OperationContext, project: Project, names: ReadonlyMap<string, string>): z.input<typeof projectView> {
  const { ownerId, createdAt, ...rest } = project;
  const yours = ctx.actor.kind === 'system' ? 'owner' : roleOn(ctx.access, { kind: 'project', id: project.id });
  return {
    ...rest,
    ...(ownerId === undefined ? {} : { owner: { id: ownerId, name: names.get(ownerId) ?? '' } }),
    ...(yours === undefined ? {} : { yourRole: yours }),
    createdAt: createdAt.toISOString(),
  };
}

function withoutUndefined<Fields extends object>(fields: Fields): { [Name in keyof Fields]?: Exclude<Fields[Name], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [Name in keyof Fields]?: Exclude<Fields[Name], undefined>;
  };
}

function noProject(): OperationProblem {
  return notFound('There is no such project');
}

function slugTaken(): OperationProblem {
  return new OperationProblem('NAME_TAKEN', 'Another project has this address', { path: 'input.slug' });
}
