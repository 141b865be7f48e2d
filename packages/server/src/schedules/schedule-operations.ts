/** Schedules as people see them: what is due when, paused and let go on, started by hand, made up for. */
import {
  type StoredSchedule,
  type WorkspaceTransaction,
  findSchedule,
  findWorkflow,
  getDraft,
  listSchedules,
  setScheduleState,
} from '@plugboard/persistence';
import type { JsonObject } from '@plugboard/sdk';
import { z } from 'zod';
import type { Resource } from '../access/access.ts';
import { startJob } from '../jobs/start-job.ts';
import { type Operation, type OperationContext, operation } from '../operation/operation.ts';
import { OperationProblem, notFound } from '../operation/problem.ts';
import { id, json, moment, page, pageOf, text } from '../operation/shapes.ts';
import { resourceOf, workflowResource } from '../workflows/workflow-access.ts';
import { BACKFILL_JOB, type Backfill } from './backfill-job.ts';
import { type TimetableSpec, demandTimetable, readTimetable } from './schedule-spec.ts';
import type { SlotStarter } from './slot-starter.ts';
import { timetableText } from './timetable-text.ts';
import { triggerListInput, triggersAsked, triggerState } from './trigger-list.ts';
import { type Timetable, firstSlots, slotsAfter } from './timetable.ts';
import { offsetMs, wallTime } from './zone-time.ts';

export interface ScheduleOperationsOptions {
  readonly slots: SlotStarter;
  /** Timetable and zone of a schedule trigger in a definition; undefined when there is no such node. */
  readonly timetableOf: (
    definition: unknown,
    nodeId: string,
    workspaceId: string,
  ) => { readonly spec: TimetableSpec; readonly zone: string } | undefined;
  readonly timezoneOf: (workspaceId: string) => string;
  /** Slots one backfill may make up for. */
  readonly mostBackfilled: (workspaceId: string) => number;
  readonly onJobStarted: () => void;
}

/** Runs shown with each schedule. */
const SHOWN_RUNS = 3;
const MINUTE_MS = 60_000;

const upcoming = z
  .object({
    at: z.iso.datetime(),
    /** On the clocks of the zone. */
    localTime: z.string(),
    /** Of the zone at that moment, such as +02:00. */
    offset: z.string(),
  })
  .meta({ id: 'UpcomingRun' });
const schedule = z
  .object({
    id,
    workflowId: id,
    workflowName: z.string(),
    nodeId: z.string(),
    nodeName: z.string(),
    /** When, in one line. */
    text: z.string(),
    cron: z.array(z.string()),
    intervals: z.array(json),
    timezone: z.string(),
    missed: z.enum(['skip', 'once', 'all']).meta({ id: 'MissedPolicy' }),
    overlap: z.enum(['allow', 'skip', 'queue', 'cancel']).meta({ id: 'OverlapPolicy' }),
    /** `held`: since a restore, until an operator lets it go on. */
    state: triggerState,
    /** The workflow as a whole takes no work. */
    isWorkflowPaused: z.boolean(),
    /** Absent when nothing is due any more. */
    nextAt: z.iso.datetime().optional(),
    nextRuns: z.array(upcoming),
    lastDueAt: z.iso.datetime().optional(),
    lastRunId: id.optional(),
    /** Times that started nothing, because they were missed or an older run went on. */
    skipped: z.number(),
    /** Why it could not be fired the last time it was tried. */
    problem: z.string().optional(),
  })
  .meta({ id: 'Schedule' });
const fault = z.object({ code: z.string(), param: z.string(), message: z.string(), hint: z.string() }).meta({ id: 'TimetableProblem' });
const preview = z
  .object({ timezone: z.string(), text: z.string(), runs: z.array(upcoming), problems: z.array(fault) })
  .meta({ id: 'SchedulePreview' });
const count = z.int().min(1).max(100).default(10);

export function scheduleOperations(options: ScheduleOperationsOptions): readonly Operation[] {
  const { slots, timetableOf, timezoneOf, mostBackfilled, onJobStarted } = options;
  const onSchedule = (ctx: OperationContext, input: { readonly id: string }): Promise<Resource | undefined> =>
    ctx.inTransaction(async (tx) => {
      const found = await findSchedule(tx, input.id);
      return found && resourceOf({ id: found.workflowId, projectId: found.projectId });
    });
  const setState = async (ctx: OperationContext, scheduleId: string, state: 'active' | 'paused') =>
    ctx.inTransaction(async (tx) => {
      const isChanged = await setScheduleState(tx, scheduleId, state);
      if (isChanged) ctx.audit({ kind: 'schedule', id: scheduleId });
      else ctx.noAudit();
      return view(await demandSchedule(tx, scheduleId));
    });

  return [
    operation({
      name: 'schedule.list',
      field: 'schedules',
      kind: 'query',
      summary: 'The schedules of published workflows, newest first, with their next and last runs.',
      permission: { member: 'The list shows what each may see.' },
      input: triggerListInput,
      output: pageOf(schedule).meta({ id: 'Schedules' }),
      problems: [],
      rest: { method: 'GET', path: '/schedules' },
      handler: (ctx, input) =>
        ctx.inTransaction(async (tx) => {
          const found = await listSchedules(tx, triggersAsked(ctx, input));
          return page(found.schedules.map(view), found.nextCursor);
        }),
    }),
    operation({
      name: 'schedule.get',
      field: 'schedule',
      kind: 'query',
      summary: 'One schedule.',
      permission: { action: 'workflow.read', on: onSchedule },
      input: z.strictObject({ id }),
      output: schedule,
      problems: [],
      rest: { method: 'GET', path: '/schedules/{id}' },
      handler: (ctx, input) => ctx.inTransaction(async (tx) => view(await demandSchedule(tx, input.id))),
    }),
    operation({
      name: 'schedule.preview',
      field: 'previewSchedule',
      kind: 'query',
      summary: 'When cron lines and intervals would be due next, and everything that is wrong with them.',
      permission: { action: 'catalog.read', on: () => ({ kind: 'workspace' }) },
      input: z.strictObject({
        cron: z.array(text(300)).max(20).optional(),
        intervals: z.array(z.record(z.string(), json)).max(20).optional(),
        timezone: text(64).optional(),
        startAt: moment.optional(),
        endAt: moment.optional(),
        /** From then on, that instant among them. @default now */
        from: moment.optional(),
        count,
      }),
      output: preview,
      problems: [],
      rest: { method: 'POST', path: '/schedules/preview' },
      handler: (ctx, { cron, intervals, timezone, startAt, endAt, from, count: most }) =>
        Promise.resolve(
          previewOf(
            {
              ...(cron ? { cron } : {}),
              ...(intervals ? { intervals: intervals as unknown as readonly JsonObject[] } : {}),
              ...(startAt === undefined ? {} : { startAt }),
              ...(endAt === undefined ? {} : { endAt }),
            },
            timezone ?? timezoneOf(ctx.workspaceId),
            { from: from === undefined ? Date.now() : Date.parse(from), most },
          ),
        ),
    }),
    operation({
      name: 'schedule.previewDraft',
      field: 'previewDraftSchedule',
      kind: 'query',
      summary: 'When a schedule trigger would be due next as the draft has it.',
      permission: { action: 'workflow.read', on: (ctx, input) => ctx.inTransaction((tx) => workflowResource(tx, input.workflowId)) },
      input: z.strictObject({ workflowId: id, nodeId: text(200, 1), count }),
      output: preview,
      problems: [],
      rest: { method: 'GET', path: '/workflows/{workflowId}/nodes/{nodeId}/next-runs' },
      handler: (ctx, { workflowId, nodeId, count: most }) =>
        ctx.inTransaction(async (tx) => {
          const draft = (await findWorkflow(tx, workflowId)) && (await getDraft(tx, workflowId));
          const found = draft && timetableOf(draft.definition, nodeId, ctx.workspaceId);
          if (!found) throw notFound('The draft has no such schedule', 'Name a schedule trigger by the id of its node.');
          return previewOf(found.spec, found.zone, { from: Date.now(), most });
        }),
    }),
    operation({
      name: 'schedule.pause',
      field: 'pauseSchedule',
      kind: 'mutation',
      summary: 'Let a schedule start nothing until it is resumed. It stays paused when the workflow is published again.',
      permission: { action: 'workflow.publish', on: onSchedule },
      input: z.strictObject({ id }),
      output: schedule,
      problems: [],
      rest: { method: 'POST', path: '/schedules/{id}/pause' },
      handler: (ctx, input) => setState(ctx, input.id, 'paused'),
    }),
    operation({
      name: 'schedule.resume',
      field: 'resumeSchedule',
      kind: 'mutation',
      summary: 'Let a schedule go on that is paused, or held since a restore. Times that were missed meanwhile follow its policy.',
      permission: { action: 'workflow.publish', on: onSchedule },
      input: z.strictObject({ id }),
      output: schedule,
      problems: [],
      rest: { method: 'POST', path: '/schedules/{id}/resume' },
      handler: (ctx, input) => setState(ctx, input.id, 'active'),
    }),
    operation({
      name: 'schedule.run',
      field: 'runSchedule',
      kind: 'mutation',
      summary: 'Start the workflow now, as this schedule would. Its own times are not changed.',
      permission: { action: 'workflow.run', on: onSchedule },
      input: z.strictObject({ id }),
      output: z.object({ runId: id }).meta({ id: 'ScheduleRun' }),
      problems: ['SERVER_BUSY', 'SERVER_STOPPING'],
      rest: { method: 'POST', path: '/schedules/{id}/run', status: 202 },
      transactional: false,
      async handler(ctx, input) {
        const found = await ctx.inTransaction((tx) => demandSchedule(tx, input.id));
        const runId = await slots.now(found, ctx.actor.principalId);
        ctx.audit({ kind: 'schedule', id: input.id, payload: { runId } });
        return { runId };
      },
    }),
    operation({
      name: 'schedule.backfill',
      field: 'backfillSchedule',
      kind: 'mutation',
      summary: 'Make up for the times of a span that started nothing, as a job: a run for each that had none.',
      permission: { action: 'workflow.run', on: onSchedule },
      input: z.strictObject({ id, from: moment, until: moment }),
      output: z.object({ id, total: z.int() }).meta({ id: 'StartedBackfill' }),
      problems: ['TOO_MANY_REQUESTS'],
      rest: { method: 'POST', path: '/schedules/{id}/backfill', status: 202 },
      async handler(ctx, input) {
        const found = await ctx.inTransaction((tx) => demandSchedule(tx, input.id));
        const span = { from: Date.parse(input.from), until: Math.min(Date.parse(input.until), Date.now()) };
        if (span.until < span.from)
          throw new OperationProblem('INPUT_INVALID', 'The span ends before it begins, or lies ahead', {
            path: 'input.until',
            hint: 'Only times that have passed can be made up for.',
          });
        const most = mostBackfilled(ctx.workspaceId);
        const total = firstSlots(demandTimetable(found.spec as TimetableSpec, found.zone), span, most + 1).length;
        if (total > most)
          throw new OperationProblem('INPUT_INVALID', `The span has more than ${most} times`, {
            path: 'input.from',
            hint: 'Choose a shorter span, or raise the setting schedules.backfillRuns.',
            params: { most },
          });
        const filter: Backfill = { scheduleId: found.id, ...span, total };
        const jobId = await startJob(ctx, BACKFILL_JOB, {
          kind: 'workflow',
          operation: 'schedule.backfill',
          input: {},
          filter: { ...filter },
        });
        ctx.afterCommit(onJobStarted);
        return { id: jobId, total };
      },
    }),
  ];
}

async function demandSchedule(tx: WorkspaceTransaction, scheduleId: string): Promise<StoredSchedule> {
  const found = await findSchedule(tx, scheduleId);
  if (!found) throw notFound('There is no such schedule', 'It goes with its workflow: look whether that is published.');
  return found;
}

function view(row: StoredSchedule): z.input<typeof schedule> {
  const spec = row.spec as TimetableSpec;
  const read = readTimetable(spec, row.zone);
  const from = Math.max(Date.now(), row.nextDue?.getTime() ?? 0);
  return {
    id: row.id,
    workflowId: row.workflowId,
    workflowName: row.workflowName,
    nodeId: row.nodeId,
    nodeName: row.nodeName,
    text: timetableText(spec),
    cron: [...(spec.cron ?? [])],
    intervals: [...(spec.intervals ?? [])],
    timezone: row.zone,
    missed: row.missed,
    overlap: row.overlap,
    state: row.state,
    isWorkflowPaused: row.isWorkflowPaused,
    ...(row.nextAt ? { nextAt: row.nextAt.toISOString() } : {}),
    nextRuns: 'timetable' in read && row.nextDue ? runsFrom(read.timetable, { from, most: SHOWN_RUNS }) : [],
    ...(row.lastDue ? { lastDueAt: row.lastDue.toISOString() } : {}),
    ...(row.lastRunId ? { lastRunId: row.lastRunId } : {}),
    skipped: row.skipped,
    ...(row.problem ? { problem: row.problem } : {}),
  };
}

interface Stretch {
  /** The first instant that counts. */
  readonly from: number;
  readonly most: number;
}

function previewOf(spec: TimetableSpec, zone: string, stretch: Stretch): z.input<typeof preview> {
  const read = readTimetable(spec, zone);
  const runs = 'timetable' in read ? runsFrom(read.timetable, stretch) : [];
  return { timezone: zone, text: timetableText(spec), runs, problems: read.faults.map((one) => ({ ...one })) };
}

function runsFrom(timetable: Timetable, { from, most }: Stretch): z.input<typeof upcoming>[] {
  const runs: z.input<typeof upcoming>[] = [];
  for (const slot of slotsAfter(timetable, from - 1)) {
    if (runs.length >= most) break;
    runs.push({
      at: new Date(slot).toISOString(),
      localTime: new Date(wallTime(timetable.zone, slot)).toISOString().slice(0, 19),
      offset: offsetText(offsetMs(timetable.zone, slot)),
    });
  }
  return runs;
}

function offsetText(ms: number): string {
  const minutes = Math.abs(ms) / MINUTE_MS;
  const two = (value: number): string => String(Math.floor(value)).padStart(2, '0');
  return `${ms < 0 ? '-' : '+'}${two(minutes / 60)}:${two(minutes % 60)}`;
}
