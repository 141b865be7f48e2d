/** Filters of lists that people keep under a name. */
import { type SavedView, createSavedView, deleteSavedView, findSavedView, listSavedViews, updateSavedView } from '@plugboard/persistence';
import type { JsonObject } from '@plugboard/sdk';
import { z } from 'zod';
import type { Resource } from '../access/access.ts';
import { demand, may } from '../operation/demand.ts';
import { type Operation, type OperationContext, operation } from '../operation/operation.ts';
import { OperationProblem, notFound } from '../operation/problem.ts';
import { DONE, id, json, nothing, text } from '../operation/shapes.ts';

const WORKSPACE = { kind: 'workspace' } as const;
const MAX_FILTER_LENGTH = 10_000;

const view = z
  .object({
    id,
    page: z.string(),
    name: z.string(),
    filter: json,
    isShared: z.boolean(),
    rev: z.int(),
    may: z.object({ edit: z.boolean() }).meta({ id: 'ViewRights' }),
  })
  .meta({ id: 'SavedView' });
const pageName = text(50, 1).regex(/^[a-z][a-zA-Z]*$/, 'is the name of a list, such as runs');
const filter = z
  .record(text(100), json)
  .refine((value) => JSON.stringify(value).length <= MAX_FILTER_LENGTH, `is longer than ${MAX_FILTER_LENGTH} characters`);

export function savedViewOperations(): readonly Operation[] {
  return [
    operation({
      name: 'view.list',
      field: 'savedViews',
      kind: 'query',
      summary: "Filters of a list kept under a name: one's own and those of the workspace.",
      permission: { action: 'view.read', on: () => WORKSPACE },
      input: z.strictObject({ page: pageName }),
      output: z.array(view),
      problems: [],
      rest: { method: 'GET', path: '/views' },
      handler: (ctx, input) => ctx.inTransaction(async (tx) => (await listSavedViews(tx, input.page)).map((one) => viewOf(ctx, one))),
    }),
    operation({
      name: 'view.create',
      field: 'createView',
      kind: 'mutation',
      summary: 'Keep a filter under a name, for oneself or for the workspace.',
      permission: { action: 'view.manage', on: () => WORKSPACE },
      input: z.strictObject({ page: pageName, name: text(100, 1), filter, isShared: z.boolean().default(false) }),
      output: z.object({ id }).meta({ id: 'CreatedView' }),
      problems: [],
      rest: { method: 'POST', path: '/views', status: 201 },
      handler: (ctx, input) =>
        ctx.inTransaction(async (tx) => {
          if (input.isShared) demand(ctx, 'view.share', WORKSPACE);
          const made = await createSavedView(tx, { ...input, filter: input.filter as JsonObject });
          ctx.audit({ kind: 'view', id: made, payload: { page: input.page, name: input.name } });
          return { id: made };
        }),
    }),
    operation({
      name: 'view.update',
      field: 'updateView',
      kind: 'mutation',
      summary: 'Rename a kept filter, or keep another one under its name.',
      permission: { action: 'view.manage', on: (ctx, input) => onView(ctx, input.id) },
      input: z.strictObject({ id, name: text(100, 1).optional(), filter: filter.optional(), expectedRev: z.int().min(1).optional() }),
      output: z.object({ rev: z.int() }).meta({ id: 'UpdatedView' }),
      problems: [],
      rest: { method: 'PATCH', path: '/views/{id}' },
      handler: (ctx, { id: given, filter: wanted, name, expectedRev }) =>
        ctx.inTransaction(async (tx) => {
          const found = await findSavedView(tx, given);
          if (found?.isShared) demand(ctx, 'view.share', WORKSPACE);
          const result = await updateSavedView(tx, given, {
            ...(name === undefined ? {} : { name }),
            ...(wanted === undefined ? {} : { filter: wanted as JsonObject }),
            ...(expectedRev === undefined ? {} : { expectedRev }),
          });
          if (result.kind === 'not-found') throw notFound();
          if (result.kind === 'conflict')
            throw new OperationProblem('CONFLICT', 'Somebody has changed it in between', { params: { rev: result.view.rev } });
          ctx.audit({ kind: 'view', id: given });
          return { rev: result.rev };
        }),
    }),
    operation({
      name: 'view.delete',
      field: 'deleteView',
      kind: 'mutation',
      summary: 'Forget a kept filter.',
      permission: { action: 'view.manage', on: (ctx, input) => onView(ctx, input.id) },
      input: z.strictObject({ id }),
      output: nothing,
      problems: [],
      rest: { method: 'DELETE', path: '/views/{id}' },
      handler: (ctx, input) =>
        ctx.inTransaction(async (tx) => {
          const found = await findSavedView(tx, input.id);
          if (found?.isShared) demand(ctx, 'view.share', WORKSPACE);
          if (!(await deleteSavedView(tx, input.id))) throw notFound();
          ctx.audit({ kind: 'view', id: input.id });
          return DONE;
        }),
    }),
  ];
}

/** Of somebody else's own ones nothing is told. */
async function onView(ctx: OperationContext, viewId: string): Promise<Resource | undefined> {
  return (await ctx.inTransaction((tx) => findSavedView(tx, viewId))) && WORKSPACE;
}

function viewOf(ctx: OperationContext, one: SavedView): z.input<typeof view> {
  return { ...one, may: { edit: may(ctx, one.isShared ? 'view.share' : 'view.manage', WORKSPACE) } };
}
