/** Runs that ended, counted. */
import { type RunStatusName, RUN_STATUS } from '@plugboard/engine';
import { findWorkflow, runStatistics } from '@plugboard/persistence';
import { z } from 'zod';
import { visibleTo } from '../access/access.ts';
import { may } from '../operation/demand.ts';
import { type Operation, operation } from '../operation/operation.ts';
import { OperationProblem, notFound } from '../operation/problem.ts';
import { id, moment } from '../operation/shapes.ts';

const WORKSPACE = { kind: 'workspace' } as const;
const DAY_MS = 24 * 60 * 60_000;
/** Longest span by length of the buckets, in days. */
const LONGEST_DAYS = { quarter: 8, hour: 32, day: 400 } as const;

const counts = z.record(z.string(), z.int());

export function runStatisticsOperations(): readonly Operation[] {
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
          durations: z
            .object({ mean: z.number(), p50: z.number(), p95: z.number(), p99: z.number(), max: z.number(), runs: z.int() })
            .meta({ id: 'RunDurations' })
            .optional(),
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
  ];
}
