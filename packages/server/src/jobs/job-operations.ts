/** Acts on many things as jobs: started, watched, cancelled, and what became of each thing. */
import {
  type Job,
  type WorkspaceTransaction,
  cancelJob,
  countOpenJobs,
  createJob,
  findDisplayNames,
  findJob,
  listJobItems,
  listJobs,
  uuidv7,
} from '@plugboard/persistence';
import type { JsonObject } from '@plugboard/sdk';
import { z } from 'zod';
import { inScope } from '../access/access.ts';
import { may } from '../operation/demand.ts';
import { type Operation, type OperationContext, operation } from '../operation/operation.ts';
import { OperationProblem, notFound } from '../operation/problem.ts';
import { DONE, id, json, nothing, page, pageOf, personRef } from '../operation/shapes.ts';
import type { Action } from '../access/actions.ts';
import { ACTS, BULK_JOB, type BulkParams, MAX_IDS, actInput, runFilter, workflowFilter } from './bulk-acts.ts';

/** Jobs of one principal that have not ended. */
const MAX_OPEN = 20;

const jobView = z
  .object({
    id,
    kind: z.enum(['workflow', 'run']).meta({ id: 'BulkKind' }),
    act: z.string(),
    state: z.enum(['queued', 'running', 'succeeded', 'failed', 'cancelled']).meta({ id: 'JobState' }),
    isCancelRequested: z.boolean(),
    by: personRef,
    createdAt: z.iso.datetime(),
    endedAt: z.iso.datetime().optional(),
    done: z.int(),
    unchanged: z.int(),
    failed: z.int(),
    /** Known where the things were named one by one. */
    total: z.int().optional(),
    /** Why it could not go on. */
    code: z.string().optional(),
  })
  .meta({ id: 'Job' });
const jobItem = z
  .object({
    itemId: id,
    outcome: z.enum(['done', 'unchanged', 'failed']).meta({ id: 'JobOutcome' }),
    code: z.string().optional(),
    message: z.string().optional(),
    result: json.optional(),
    at: z.iso.datetime(),
  })
  .meta({ id: 'JobItem' });

export interface JobOperationsOptions {
  /** The action an operation needs, to refuse a key without its scope at once. */
  readonly actionOf: (operationName: string) => Action | undefined;
  /** There is something to do. */
  readonly onStarted: () => void;
}

export function jobOperations({ actionOf, onStarted }: JobOperationsOptions): readonly Operation[] {
  const workflowActs = Object.keys(ACTS.workflow) as [keyof typeof ACTS.workflow, ...(keyof typeof ACTS.workflow)[]];
  const runActs = Object.keys(ACTS.run) as [keyof typeof ACTS.run, ...(keyof typeof ACTS.run)[]];

  const start = async (ctx: OperationContext, params: Omit<BulkParams, 'upTo' | 'by'>): Promise<{ id: string; total?: number }> => {
    const action = actionOf(params.operation);
    if (action === undefined) throw new OperationProblem('INPUT_INVALID', 'This server cannot do that', { path: 'input.act' });
    if (!inScope(ctx.actor, action)) {
      throw new OperationProblem('FORBIDDEN', `This key does not have the scope ${action}`, {
        hint: 'Make a key with that scope.',
        params: { action },
      });
    }
    const { actor } = ctx;
    const ids = params.ids && [...new Set(params.ids)];
    const stored: BulkParams = {
      ...params,
      ...(ids ? { ids } : {}),
      upTo: uuidv7(),
      by: {
        kind: actor.kind === 'anonymous' ? 'system' : actor.kind,
        ip: ctx.ip,
        ...(ctx.apiKeyId === undefined ? {} : { apiKeyId: ctx.apiKeyId }),
        ...(actor.scopes ? { scopes: [...actor.scopes] } : {}),
      },
    };
    const made = await ctx.inTransaction(async (tx) => {
      if ((await countOpenJobs(tx, actor.principalId)) >= MAX_OPEN) {
        throw new OperationProblem('TOO_MANY_REQUESTS', `You have ${MAX_OPEN} jobs that have not ended`, {
          hint: 'Wait for some of them, or cancel them.',
          params: { retryAfterSeconds: 5 },
        });
      }
      const jobId = await createJob(tx, {
        workspaceId: ctx.workspaceId,
        kind: BULK_JOB,
        actor: actor.principalId,
        params: stored as unknown as JsonObject,
      });
      ctx.audit({
        kind: 'job',
        id: jobId,
        payload: { operation: params.operation, ...(ids ? { things: ids.length } : { filter: params.filter ?? {} }) },
      });
      return jobId;
    });
    ctx.afterCommit(onStarted);
    return { id: made, ...(ids ? { total: ids.length } : {}) };
  };

  const started = z.object({ id, total: z.int().optional() }).meta({ id: 'StartedJob' });
  const either = (input: { readonly ids?: unknown; readonly filter?: unknown }): boolean =>
    (input.ids === undefined) !== (input.filter === undefined);
  const ids = z.array(id).min(1).max(MAX_IDS).optional();

  return [
    operation({
      name: 'bulk.workflows',
      field: 'bulkWorkflows',
      kind: 'mutation',
      summary:
        'Do something to many workflows, named or found by a filter, as a job. Each is asked about when its turn comes, with the rights one has then; workflows made later are not part of it.',
      permission: { member: 'Each thing is asked about when its turn comes.' },
      input: z
        .strictObject({
          act: z.enum(workflowActs).meta({ id: 'BulkWorkflowAct' }),
          ids,
          filter: workflowFilter.optional(),
          input: actInput.optional(),
        })
        .refine(either, 'Give either "ids" or a "filter"'),
      output: started,
      problems: ['TOO_MANY_REQUESTS'],
      rest: { method: 'POST', path: '/bulk/workflows', status: 202 },
      handler: (ctx, { act, ids: named, filter, input = {} }) => {
        if (act === 'restore' && filter)
          throw new OperationProblem('INPUT_INVALID', 'Filters find what is not in the trash; name what to bring back', {
            path: 'input.filter',
          });
        return start(ctx, {
          kind: 'workflow',
          operation: ACTS.workflow[act],
          input,
          ...(named ? { ids: named } : {}),
          ...(filter ? { filter } : {}),
        });
      },
    }),
    operation({
      name: 'bulk.runs',
      field: 'bulkRuns',
      kind: 'mutation',
      summary: 'Cancel, delete or repeat many runs, named or found by a filter, as a job. Runs that start later are not part of it.',
      permission: { member: 'Each thing is asked about when its turn comes.' },
      input: z
        .strictObject({ act: z.enum(runActs).meta({ id: 'BulkRunAct' }), ids, filter: runFilter.optional(), input: actInput.optional() })
        .refine(either, 'Give either "ids" or a "filter"'),
      output: started,
      problems: ['TOO_MANY_REQUESTS'],
      rest: { method: 'POST', path: '/bulk/runs', status: 202 },
      handler: (ctx, { act, ids: named, filter, input = {} }) =>
        start(ctx, {
          kind: 'run',
          operation: ACTS.run[act],
          input,
          ...(named ? { ids: named } : {}),
          ...(filter ? { filter } : {}),
        }),
    }),
    operation({
      name: 'job.list',
      field: 'jobs',
      kind: 'query',
      summary: 'One’s own jobs, newest first; admins see those of everybody.',
      permission: { member: 'Only what each may see is listed.' },
      input: z.strictObject({ first: z.int().min(1).max(100).optional(), after: z.guid().optional() }),
      output: pageOf(jobView).meta({ id: 'Jobs' }),
      problems: [],
      rest: { method: 'GET', path: '/jobs' },
      handler: (ctx, { first, after }) =>
        ctx.inTransaction(async (tx) => {
          const found = await listJobs(tx, {
            ...(seesAll(ctx) ? {} : { actor: ctx.actor.principalId }),
            ...(after === undefined ? {} : { cursor: after }),
            ...(first === undefined ? {} : { limit: first }),
          });
          return page(await views(tx, found.jobs), found.nextCursor);
        }),
    }),
    operation({
      name: 'job.get',
      field: 'job',
      kind: 'query',
      summary: 'How far a job is.',
      permission: { member: 'Others’ jobs are not there for whoever is no admin.' },
      input: z.strictObject({ id }),
      output: jobView,
      problems: [],
      rest: { method: 'GET', path: '/jobs/{id}' },
      handler: (ctx, input) =>
        ctx.inTransaction(async (tx) => {
          const [view] = await views(tx, [await demandJob(ctx, tx, input.id)]);
          if (!view) throw notFound();
          return view;
        }),
    }),
    operation({
      name: 'job.items',
      field: 'jobItems',
      kind: 'query',
      summary: 'What became of each thing a job acted on.',
      permission: { member: 'Others’ jobs are not there for whoever is no admin.' },
      input: z.strictObject({
        id,
        outcome: z.enum(['done', 'unchanged', 'failed']).meta({ id: 'JobOutcome' }).optional(),
        first: z.int().min(1).max(100).optional(),
        after: z.guid().optional(),
      }),
      output: pageOf(jobItem).meta({ id: 'JobItems' }),
      problems: [],
      rest: { method: 'GET', path: '/jobs/{id}/items' },
      handler: (ctx, { id: jobId, outcome, first, after }) =>
        ctx.inTransaction(async (tx) => {
          const job = await demandJob(ctx, tx, jobId);
          // What a refusal says may name things that an admin of the workspace does not see.
          const isOwn = job.actor === ctx.actor.principalId;
          const found = await listJobItems(tx, jobId, {
            ...(outcome === undefined ? {} : { outcome }),
            ...(after === undefined ? {} : { after }),
            ...(first === undefined ? {} : { limit: first }),
          });
          return page(
            found.items.map(({ itemId, outcome: became, code, message, result, at }) => ({
              itemId,
              outcome: became,
              ...(code === undefined ? {} : { code }),
              ...(isOwn && message !== undefined ? { message } : {}),
              ...(isOwn && result !== undefined ? { result } : {}),
              at: at.toISOString(),
            })),
            found.nextCursor,
          );
        }),
    }),
    operation({
      name: 'job.cancel',
      field: 'cancelJob',
      kind: 'mutation',
      summary: 'Stop a job after the thing at hand. What it has done stays done.',
      permission: { member: 'Others’ jobs are not there for whoever is no admin.' },
      input: z.strictObject({ id }),
      output: nothing,
      problems: ['ALREADY_DONE'],
      rest: { method: 'POST', path: '/jobs/{id}/cancel' },
      handler: (ctx, input) =>
        ctx.inTransaction(async (tx) => {
          await demandJob(ctx, tx, input.id);
          if (!(await cancelJob(tx, input.id))) throw new OperationProblem('ALREADY_DONE', 'The job has ended');
          ctx.audit({ kind: 'job', id: input.id });
          return DONE;
        }),
    }),
  ];
}

function seesAll(ctx: OperationContext): boolean {
  return may(ctx, 'workspace.update', { kind: 'workspace' });
}

/** @throws OperationProblem NOT_FOUND */
async function demandJob(ctx: OperationContext, tx: WorkspaceTransaction, jobId: string): Promise<Job> {
  const job = await findJob(tx, jobId);
  if (!job || job.kind !== BULK_JOB || (job.actor !== ctx.actor.principalId && !seesAll(ctx))) throw notFound();
  return job;
}

async function views(tx: WorkspaceTransaction, jobs: readonly Job[]): Promise<z.input<typeof jobView>[]> {
  const names = await findDisplayNames(
    tx,
    jobs.map((job) => job.actor),
  );
  return jobs
    .filter((job) => job.kind === BULK_JOB)
    .map((job) => {
      const params = job.params as unknown as BulkParams;
      const acts: Readonly<Record<string, string>> = ACTS[params.kind];
      const { done = 0, unchanged = 0, failed = 0 } = (job.progress ?? {}) as { done?: number; unchanged?: number; failed?: number };
      const { code } = (job.report ?? {}) as { code?: string };
      return {
        id: job.id,
        kind: params.kind,
        act: Object.keys(acts).find((act) => acts[act] === params.operation) ?? params.operation,
        state: job.state,
        isCancelRequested: job.isCancelRequested,
        by: { id: job.actor, name: names.get(job.actor) ?? '' },
        createdAt: job.createdAt.toISOString(),
        ...(job.endedAt ? { endedAt: job.endedAt.toISOString() } : {}),
        done,
        unchanged,
        failed,
        ...(params.ids ? { total: params.ids.length } : {}),
        ...(code === undefined ? {} : { code }),
      };
    });
}
