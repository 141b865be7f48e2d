/** Runs that have ended: counted, marked, deleted; and filters of lists that people keep. */
import { type RunStatusName, RUN_STATUS, isTerminal } from '@plugboard/engine';
import {
  type Database,
  type SavedView,
  addRunTags,
  createSavedView,
  deleteEndedRun,
  deleteSavedView,
  findRunRow,
  findSavedView,
  findWorkflow,
  listSavedViews,
  runStatistics,
  updateSavedView,
} from '@plugboard/persistence';
import type { JsonObject } from '@plugboard/sdk';
import { z } from 'zod';
import { type Resource, visibleTo } from '../access/access.ts';
import { demand, may } from '../operation/demand.ts';
import { type Operation, type OperationContext, operation } from '../operation/operation.ts';
import { OperationProblem, notFound } from '../operation/problem.ts';
import { DONE, id, json, moment, nothing, text } from '../operation/shapes.ts';
import { resourceOf, runTags } from './run-operations.ts';
import { type StoredRuns, noRun } from './stored-runs.ts';

export interface RunKeepingOptions {
  readonly database: Database;
  readonly stored: StoredRuns;
}

const WORKSPACE = { kind: 'workspace' } as const;
const DAY_MS = 24 * 60 * 60_000;
/** Longest span by length of the buckets, in days. */
const LONGEST_DAYS = { quarter: 8, hour: 32, day: 400 } as const;
const MAX_FILTER_LENGTH = 10_000;

const runId = z.string().min(1).max(100);
const counts = z.record(z.string(), z.int());
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

export function runKeepingOperations({ database, stored }: RunKeepingOptions): readonly Operation[] {
  const onRun = (ctx: OperationContext, input: { readonly id: string }): Promise<Resource | undefined> =>
    ctx.inTransaction(async (tx) => {
      const full = await stored.resolve(tx, input.id, visibleTo(ctx.actor, ctx.access, 'run.read'));
      const row = full === undefined ? undefined : await findRunRow(tx, full);
      if (row && may(ctx, 'run.read', resourceOf(row))) return resourceOf(row);
      throw noRun(input.id);
    });

  const rowOf = (ctx: OperationContext, given: string) =>
    ctx.inTransaction(async (tx) => {
      const full = await stored.resolve(tx, given, visibleTo(ctx.actor, ctx.access, 'run.read'));
      const row = full === undefined ? undefined : await findRunRow(tx, full);
      if (!row) throw noRun(given);
      return row;
    });

  return [
    operation({
      name: 'run.statistics',
      field: 'statistics',
      kind: 'query',
      summary: 'How many runs ended, by state, over time and by workflow; a week by the hour unless asked otherwise.',
      permission: { action: 'statistics.read', on: () => WORKSPACE },
      input: z.strictObject({
        workflowId: id.optional(),
        environment: z.enum(['draft', 'live']).meta({ id: 'StatisticsEnvironment' }).optional(),
        since: moment.optional(),
        until: moment.optional(),
        by: z.enum(['quarter', 'hour', 'day']).meta({ id: 'StatisticsBy' }).default('hour'),
      }),
      output: z
        .object({
          since: z.iso.datetime(),
          until: z.iso.datetime(),
          zone: z.string(),
          totals: counts,
          successRate: z.number().optional(),
          buckets: z.array(z.object({ startsAt: z.iso.datetime(), counts }).meta({ id: 'StatisticsBucket' })),
          workflows: z.array(
            z
              .object({ id, name: z.string(), ended: z.int(), succeeded: z.int(), failed: z.int(), successRate: z.number() })
              .meta({ id: 'WorkflowStatistics' }),
          ),
          durations: z.object({ p50: z.number(), p95: z.number(), max: z.number(), runs: z.int() }).meta({ id: 'RunDurations' }).optional(),
        })
        .meta({ id: 'RunStatistics' }),
      problems: [],
      rest: { method: 'GET', path: '/statistics' },
      handler: (ctx, input) =>
        ctx.inTransaction(async (tx) => {
          const until = input.until === undefined ? Date.now() : Date.parse(input.until);
          const since = input.since === undefined ? until - 7 * DAY_MS : Date.parse(input.since);
          const longest = LONGEST_DAYS[input.by];
          if (since < 0 || since >= until)
            throw new OperationProblem('INPUT_INVALID', '"since" comes before "until"', { path: 'input.since' });
          if (until - since > longest * DAY_MS) {
            throw new OperationProblem('INPUT_INVALID', `By ${input.by} at most ${longest} days are told`, {
              path: 'input.by',
              hint: 'Ask for a shorter time, or by day.',
            });
          }
          if (input.workflowId !== undefined) {
            const workflow = await findWorkflow(tx, input.workflowId);
            if (!workflow || !may(ctx, 'workflow.read', { kind: 'workflow', id: workflow.id, projectId: workflow.projectId }))
              throw notFound();
          }
          const found = await runStatistics(tx, {
            visible: visibleTo(ctx.actor, ctx.access, 'run.read'),
            workflowId: input.workflowId,
            environment: input.environment === undefined ? undefined : input.environment === 'live' ? 1 : 0,
            since,
            until,
            by: input.by,
          });
          const totals: Partial<Record<RunStatusName, number>> = {};
          for (const bucket of found.buckets)
            for (const [status, n] of Object.entries(bucket.counts))
              totals[status as RunStatusName] = (totals[status as RunStatusName] ?? 0) + n;
          const ended = Object.keys(RUN_STATUS).reduce((sum, status) => sum + (totals[status as RunStatusName] ?? 0), 0);
          return {
            since: new Date(since).toISOString(),
            until: new Date(until).toISOString(),
            zone: found.zone,
            totals,
            ...(ended > 0 ? { successRate: (totals.succeeded ?? 0) / ended } : {}),
            buckets: found.buckets.map((bucket) => ({ startsAt: bucket.startsAt.toISOString(), counts: { ...bucket.counts } })),
            workflows: found.workflows.map(({ workflowId, ...one }) => ({
              ...one,
              id: workflowId,
              successRate: one.succeeded / one.ended,
            })),
            ...(found.durations ? { durations: found.durations } : {}),
          };
        }),
    }),
    operation({
      name: 'run.tag',
      field: 'tagRun',
      kind: 'mutation',
      summary: 'Add tags a run is found by. A tag that is there stays.',
      permission: { action: 'run.control', on: onRun },
      input: z.strictObject({ id: runId, tags: runTags }),
      output: nothing,
      problems: [],
      rest: { method: 'POST', path: '/runs/{id}/tags' },
      handler: async (ctx, input) => {
        const row = await rowOf(ctx, input.id);
        const tags = Object.entries(input.tags).map(([key, value]) => ({ key, value }));
        await ctx.inTransaction((tx) => addRunTags(tx, { workspaceId: ctx.workspaceId, runId: row.id, tags }));
        ctx.audit({ kind: 'run', id: row.id, payload: { keys: Object.keys(input.tags) } });
        return DONE;
      },
    }),
    operation({
      name: 'run.delete',
      field: 'deleteRun',
      kind: 'mutation',
      summary: 'Delete a run that has ended, with its data, for good. Statistics keep counting it.',
      permission: { action: 'run.delete', on: onRun },
      input: z.strictObject({ id: runId }),
      output: nothing,
      problems: [],
      rest: { method: 'DELETE', path: '/runs/{id}' },
      // Runs are written by the owner of the tables only.
      transactional: false,
      handler: async (ctx, input) => {
        const row = await rowOf(ctx, input.id);
        ctx.audit({ kind: 'run', id: row.id, payload: { workflowId: row.workflowId } });
        const isDeleted = isTerminal(row.status) && (await deleteEndedRun(database, { workspaceId: ctx.workspaceId, id: row.id }));
        if (!isDeleted)
          throw new OperationProblem('CONFLICT', 'The run goes on', { hint: 'Cancel it first.', params: { status: row.status } });
        return DONE;
      },
    }),
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
