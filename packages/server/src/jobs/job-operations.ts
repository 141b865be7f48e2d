/** Acts on many things as jobs: started, watched, cancelled, and what became of each thing. */
import { type Job, type WorkspaceTransaction, cancelJob, findDisplayNames, findJob, listJobItems, listJobs } from '@plugboard/persistence';
import { z } from 'zod';
import { inScope } from '../access/access.ts';
import { may } from '../operation/demand.ts';
import { type Operation, type OperationContext, operation } from '../operation/operation.ts';
import { OperationProblem, notFound } from '../operation/problem.ts';
import { DONE, id, json, nothing, page, pageOf, personRef } from '../operation/shapes.ts';
import type { Action } from '../access/actions.ts';
import { ACTS, BULK_JOB, type BulkParams, actInput, runFilter, workflowFilter } from './bulk-acts.ts';
import { EXPORT_JOB, type ExportedFile } from './export-job.ts';
import { BACKFILL_JOB } from '../schedules/backfill-job.ts';
import { either, namedIds, startJob, startedJob } from './start-job.ts';

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
    /** How many there were to do at the start, at most 100,000; absent where that is not known. */
    total: z.int().optional(),
    /** Why it could not go on, and what to do. */
    code: z.string().optional(),
    message: z.string().optional(),
    /** What an export wrote; it is downloaded with jobFile. */
    file: z.object({ name: z.string(), sizeBytes: z.number(), expiresAt: z.iso.datetime() }).meta({ id: 'JobFile' }).optional(),
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

  const start = async (ctx: OperationContext, asked: Omit<BulkParams, 'upTo' | 'by'>): Promise<{ id: string; total?: number }> => {
    const params = { ...asked, ...(asked.ids ? { ids: [...new Set(asked.ids)] } : {}) };
    const action = actionOf(params.operation);
    if (action === undefined) throw new OperationProblem('INPUT_INVALID', 'This server cannot do that', { path: 'input.act' });
    if (!inScope(ctx.actor, action)) {
      throw new OperationProblem('FORBIDDEN', `This key does not have the scope ${action}`, {
        hint: 'Make a key with that scope.',
        params: { action },
      });
    }
    const jobId = await startJob(ctx, BULK_JOB, params);
    ctx.afterCommit(onStarted);
    return { id: jobId, ...(params.ids ? { total: params.ids.length } : {}) };
  };

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
          ids: namedIds,
          filter: workflowFilter.optional(),
          input: actInput.optional(),
        })
        .refine(either, 'Give either "ids" or a "filter"'),
      output: startedJob,
      problems: ['TOO_MANY_REQUESTS'],
      rest: { method: 'POST', path: '/bulk/workflows', status: 202 },
      handler: (ctx, { act, ids: named, filter, input = {} }) => {
        if (act === 'restore' && filter)
          throw new OperationProblem('INPUT_INVALID', 'Filters find what is not in the trash; name what to bring back', {
            path: 'input.filter',
          });
        return start(ctx, {
          kind: 'workflow',
          operation: ACTS.workflow[act].operation,
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
      summary:
        'Cancel, pause, resume, delete or repeat many runs, or forget their data; named or found by a filter, as a job. Runs that start later are not part of it.',
      permission: { member: 'Each thing is asked about when its turn comes.' },
      input: z
        .strictObject({
          act: z.enum(runActs).meta({ id: 'BulkRunAct' }),
          ids: namedIds,
          filter: runFilter.optional(),
          input: actInput.optional(),
        })
        .refine(either, 'Give either "ids" or a "filter"'),
      output: startedJob,
      problems: ['TOO_MANY_REQUESTS'],
      rest: { method: 'POST', path: '/bulk/runs', status: 202 },
      handler: (ctx, { act, ids: named, filter, input = {} }) =>
        start(ctx, {
          kind: 'run',
          operation: ACTS.run[act].operation,
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

interface Counts {
  readonly done?: number;
  readonly unchanged?: number;
  readonly failed?: number;
  readonly total?: number;
}

const KINDS: ReadonlySet<string> = new Set([BULK_JOB, EXPORT_JOB, BACKFILL_JOB]);
/** Jobs that are one act. */
const ACT_OF: Readonly<Record<string, string>> = { [EXPORT_JOB]: 'export', [BACKFILL_JOB]: 'backfill' };

function seesAll(ctx: OperationContext): boolean {
  return may(ctx, 'workspace.update', { kind: 'workspace' });
}

/** @throws OperationProblem NOT_FOUND */
export async function demandJob(ctx: OperationContext, tx: WorkspaceTransaction, jobId: string): Promise<Job> {
  const job = await findJob(tx, jobId);
  if (!job || !KINDS.has(job.kind) || (job.actor !== ctx.actor.principalId && !seesAll(ctx))) throw notFound();
  return job;
}

async function views(tx: WorkspaceTransaction, jobs: readonly Job[]): Promise<z.input<typeof jobView>[]> {
  const names = await findDisplayNames(
    tx,
    jobs.map((job) => job.actor),
  );
  return jobs
    .filter((job) => KINDS.has(job.kind))
    .map((job) => {
      const params = job.params as unknown as BulkParams;
      const acts: Readonly<Record<string, { readonly operation: string }>> = ACTS[params.kind];
      const report = (job.report ?? {}) as Counts & { code?: string; message?: string; file?: ExportedFile };
      const { code, message, file } = report;
      const counts: Counts = { ...(job.progress as Counts | null), ...report };
      const { done = 0, unchanged = 0, failed = 0, total = params.ids?.length } = counts;
      return {
        id: job.id,
        kind: params.kind,
        act: ACT_OF[job.kind] ?? Object.keys(acts).find((act) => acts[act]?.operation === params.operation) ?? params.operation,
        state: job.state,
        isCancelRequested: job.isCancelRequested,
        by: { id: job.actor, name: names.get(job.actor) ?? '' },
        createdAt: job.createdAt.toISOString(),
        ...(job.endedAt ? { endedAt: job.endedAt.toISOString() } : {}),
        done,
        unchanged,
        failed,
        ...(total === undefined ? {} : { total }),
        ...(code === undefined ? {} : { code }),
        ...(message === undefined ? {} : { message }),
        ...(file ? { file: { name: file.name, sizeBytes: file.sizeBytes, expiresAt: file.expiresAt } } : {}),
      };
    });
}
