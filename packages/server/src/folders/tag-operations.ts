/** Tags of the workspace: made, renamed, put together, taken away from everything. */
import { countTagUses, createTag, deleteTag, listTags, mergeTags, updateTag } from '@plugboard/persistence';
import { z } from 'zod';
import { visibleTo } from '../access/access.ts';
import { type Operation, operation } from '../operation/operation.ts';
import { OperationProblem, notFound } from '../operation/problem.ts';
import { DONE, id, nothing, text } from '../operation/shapes.ts';

const name = text(50, 1).refine((value) => value.trim() === value, 'has no spaces around it');
/** As the page names its colours. */
const color = z.string().regex(/^[a-z]{1,20}$/, 'use the name of a colour, such as blue');
const tagView = z
  .object({
    id,
    name: z.string(),
    color: z.string().optional(),
    rev: z.int(),
    /** Workflows that wear it, of those one may see. */
    workflows: z.int(),
  })
  .meta({ id: 'Tag' });
const onWorkspace = { action: 'tag.manage', on: () => ({ kind: 'workspace' }) as const } as const;

export function tagOperations(): readonly Operation[] {
  return [
    operation({
      name: 'tag.list',
      field: 'tags',
      kind: 'query',
      summary: 'Tags of the workspace, with how many workflows wear each.',
      permission: { member: 'Tags are the same for everybody; only what each may see is counted.' },
      input: z.strictObject({}),
      output: z.object({ rows: z.array(tagView) }).meta({ id: 'Tags' }),
      problems: [],
      rest: { method: 'GET', path: '/tags' },
      handler: (ctx) =>
        ctx.inTransaction(async (tx) => {
          const visible = visibleTo(ctx.actor, ctx.access, 'workflow.read');
          const uses = await countTagUses(tx, visible.kind === 'all' ? undefined : visible);
          return { rows: (await listTags(tx)).map((tag) => ({ ...tag, workflows: uses.get(tag.id) ?? 0 })) };
        }),
    }),
    operation({
      name: 'tag.create',
      field: 'createTag',
      kind: 'mutation',
      summary: 'Make a tag.',
      permission: onWorkspace,
      input: z.strictObject({ name, color: color.optional() }),
      output: z.object({ id }).meta({ id: 'CreatedTag' }),
      problems: ['NAME_TAKEN'],
      rest: { method: 'POST', path: '/tags', status: 201 },
      handler: (ctx, input) =>
        ctx.inTransaction(async (tx) => {
          const made = await createTag(tx, { name: input.name, ...(input.color === undefined ? {} : { color: input.color }) });
          if (made.kind === 'name-taken') throw nameTaken(input.name);
          ctx.audit({ kind: 'tag', id: made.tagId, payload: { name: input.name } });
          return { id: made.tagId };
        }),
    }),
    operation({
      name: 'tag.update',
      field: 'updateTag',
      kind: 'mutation',
      summary: 'Rename a tag or give it another colour; color null takes the colour away.',
      permission: onWorkspace,
      input: z.strictObject({ id, name: name.optional(), color: color.nullable().optional(), expectedRev: z.int().min(1).optional() }),
      output: z.object({ rev: z.int() }).meta({ id: 'UpdatedTag' }),
      problems: ['NAME_TAKEN'],
      rest: { method: 'PATCH', path: '/tags/{id}' },
      handler: (ctx, { id: tagId, name: wanted, color: paint, expectedRev }) =>
        ctx.inTransaction(async (tx) => {
          const result = await updateTag(tx, tagId, {
            ...(wanted === undefined ? {} : { name: wanted }),
            ...(paint === undefined ? {} : { color: paint }),
            ...(expectedRev === undefined ? {} : { expectedRev }),
          });
          if (result.kind === 'not-found') throw notFound();
          if (result.kind === 'name-taken') throw nameTaken(wanted ?? '');
          if (result.kind === 'conflict')
            throw new OperationProblem('CONFLICT', 'Somebody has changed the tag in between', {
              hint: 'Look at it, then save on the newer revision.',
              params: {
                rev: result.tag.rev,
                expectedRev: expectedRev ?? null,
                tag: { name: result.tag.name, color: result.tag.color ?? null },
              },
            });
          ctx.audit({ kind: 'tag', id: tagId, ...(wanted === undefined ? {} : { payload: { name: wanted } }) });
          return { rev: result.rev };
        }),
    }),
    operation({
      name: 'tag.merge',
      field: 'mergeTags',
      kind: 'mutation',
      summary: 'Put one tag together with another: what wears it wears the other, and it is gone.',
      permission: onWorkspace,
      input: z.strictObject({ id, intoId: id }),
      output: z.object({ workflows: z.int() }).meta({ id: 'MergedTags' }),
      problems: [],
      rest: { method: 'POST', path: '/tags/{id}/merge' },
      handler: (ctx, { id: fromId, intoId }) =>
        ctx.inTransaction(async (tx) => {
          if (fromId === intoId)
            throw new OperationProblem('INPUT_INVALID', 'A tag cannot be put together with itself', { path: 'input.intoId' });
          const result = await mergeTags(tx, fromId, intoId);
          if (result.kind === 'not-found') throw notFound('One of the tags is not there');
          ctx.audit({ kind: 'tag', id: fromId, payload: { intoId } });
          return { workflows: result.workflows };
        }),
    }),
    operation({
      name: 'tag.delete',
      field: 'deleteTag',
      kind: 'mutation',
      summary: 'Delete a tag; whatever wears it wears it no more.',
      permission: onWorkspace,
      input: z.strictObject({ id }),
      output: nothing,
      problems: [],
      rest: { method: 'DELETE', path: '/tags/{id}' },
      handler: (ctx, input) =>
        ctx.inTransaction(async (tx) => {
          if (!(await deleteTag(tx, input.id))) throw notFound();
          return DONE;
        }),
    }),
  ];
}

function nameTaken(wanted: string): OperationProblem {
  return new OperationProblem('NAME_TAKEN', `There is another tag named "${wanted}"`, {
    hint: 'Capitals do not make names differ; two tags can be put together with tag.merge.',
    path: 'input.name',
  });
}
