/**
 * Figures about runs that ended: how many by state, over time and by workflow. Counted from `run_stats`, never from the runs themselves;
 * durations are those of the newest runs.
 */
import type { RunStatusName } from '@plugboard/engine';
import { runStatusName } from '@plugboard/engine';
import { uuidFloor } from '../ids.ts';
import type { WorkspaceTransaction } from '../in-workspace.ts';
import type { Seen } from '../seen.ts';
import { seenValues, seenWorkflow } from '../seen.ts';
import { OF_ALL } from './run-roll-up.ts';

export interface RunStatisticsOptions {
  readonly visible: Seen;
  readonly workflowId?: string | undefined;
  readonly environment?: number | undefined;
  /** Milliseconds since 1970; of the quarters of an hour they fall into, whole. */
  readonly since: number;
  readonly until: number;
  /** Days are those of the workspace's time zone. */
  readonly by: 'quarter' | 'hour' | 'day';
}

export interface StatisticsBucket {
  readonly startsAt: Date;
  readonly counts: { readonly [Status in RunStatusName]?: number };
}

export interface WorkflowStatistics {
  readonly workflowId: string;
  readonly name: string;
  readonly ended: number;
  readonly succeeded: number;
  readonly failed: number;
}

export interface RunStatistics {
  /** Oldest first; buckets in which no run ended are missing. */
  readonly buckets: readonly StatisticsBucket[];
  /** Those with most runs, at most 50. */
  readonly workflows: readonly WorkflowStatistics[];
  /** Of the newest runs that ended, at most 1,000, in milliseconds; absent when there are none. */
  readonly durations?: {
    readonly mean: number;
    readonly p50: number;
    readonly p95: number;
    readonly p99: number;
    readonly max: number;
    readonly runs: number;
  };
  readonly zone: string;
}

const WORKFLOWS = 50;
const SAMPLE = 1000;

interface BucketRow {
  readonly startsAt: Date;
  readonly status: number;
  readonly n: number;
}

interface WorkflowRow {
  readonly startsAt: null;
  readonly workflowId: string;
  readonly name: string;
  readonly n: number;
  readonly succeeded: number;
  readonly failed: number;
}

type CountedRow = BucketRow | WorkflowRow;

function isBucket(row: CountedRow): row is BucketRow {
  return row.startsAt !== null;
}

function isWorkflow(row: CountedRow): row is WorkflowRow {
  return row.startsAt === null;
}

/** Start of the bucket that holds a quarter of an hour, or a day of the roll-up. The zone is $8. */
const BUCKET = {
  quarter: 'bucket',
  hour: `date_trunc('hour', bucket at time zone $8) at time zone $8`,
  day: `date_trunc('day', bucket at time zone $8) at time zone $8`,
} as const;

const FROM = `date_bin('15 minutes', $4::timestamptz, timestamptz '1970-01-01 00:00:00+00')`;
const ASKED = `s.workspace_id = $1 and ($6::uuid is null or s.workflow_id = $6) and ($7::int2 is null or s.environment = $7)
  and ($2::uuid[] is null or s.workflow_id in (select w.id from workflow w where w.workspace_id = $1 and ${seenWorkflow(2)}))`;
const QUARTERS = `select s.bucket, s.workflow_id, s.status, s.n::float8 as n from run_stats s where ${ASKED} and s.bucket >= ${FROM} and s.bucket < $5`;

/**
 * By day the whole days between are read from the roll-up, with what has come for them since; only the days at both ends are put together from
 * quarters. Bounds of the whole days are $9 and $10.
 */
const WITH_DAYS = `
  select s.starts_at as bucket, s.workflow_id, s.status, s.n::float8 as n from run_stats_day s where ${ASKED} and s.starts_at >= $9 and s.starts_at < $10
  union all
  select s.bucket, s.workflow_id, s.status, s.n::float8 from run_stats s
   where ${ASKED} and s.bucket >= $9 and s.bucket < $10 and s.writer <> '${OF_ALL}'
  union all
  select s.bucket, s.workflow_id, s.status, s.n::float8 from run_stats s where ${ASKED} and s.bucket >= ${FROM} and s.bucket < $9
  union all
  select s.bucket, s.workflow_id, s.status, s.n::float8 from run_stats s where ${ASKED} and s.bucket >= $10 and s.bucket < $5`;

export async function runStatistics(tx: WorkspaceTransaction, options: RunStatisticsOptions): Promise<RunStatistics> {
  const { workspaceId } = tx.context;
  const until = new Date(options.until);
  const [workspace] = await tx.query<{ zone: string; firstDay: Date | null; lastDay: Date | null }>(
    `select w.zone, case when z.zone = w.zone then date_trunc('day', ($2::timestamptz at time zone w.zone) + interval '1 day - 1 us') at time zone w.zone end as "firstDay",
            case when z.zone = w.zone then date_trunc('day', $3::timestamptz at time zone w.zone) at time zone w.zone end as "lastDay"
       from workspace w left join run_stats_zone z on z.workspace_id = w.id where w.id = $1`,
    [workspaceId, new Date(options.since), until],
  );
  const { zone = 'UTC', firstDay = null, lastDay = null } = workspace ?? {};
  const isRolledUp = options.by === 'day' && firstDay !== null && lastDay !== null && firstDay < lastDay;
  const values = [
    workspaceId,
    ...seenValues(options.visible),
    new Date(options.since),
    until,
    options.workflowId ?? null,
    options.environment ?? null,
  ];
  // One look at the counts serves both figures, and who sees everything needs no look at workflows. Quarters are summed up before they
  // become days: time zones cost more than the sums. Sums of whole numbers of this size are exact as floats, and quicker.
  const rows = await tx.query<CountedRow>(
    `with counted as materialized (
       select bucket, workflow_id, status, sum(n) as n from (${isRolledUp ? WITH_DAYS : QUARTERS}) s
        group by grouping sets ((bucket, status), (workflow_id, status))
     ), top as (
       select w.id, w.name, sum(c.n) as ended, coalesce(sum(c.n) filter (where c.status = 4), 0) as succeeded,
              coalesce(sum(c.n) filter (where c.status in (5, 7)), 0) as failed
         from counted c join workflow w on w.id = c.workflow_id where c.workflow_id is not null
        group by w.id, w.name order by ended desc, w.id limit ${WORKFLOWS}
     )
     select ${BUCKET[options.by]} as "startsAt", status, sum(n) as n, null::uuid as "workflowId", null as name, null::float8 as succeeded,
            null::float8 as failed
       from counted where bucket is not null and $8::text is not null group by 1, 2
     union all
     select null, null, ended, id, name, succeeded, failed from top
     order by 1, 3 desc, 4`,
    [...values, zone, ...(isRolledUp ? [firstDay, lastDay] : [])],
  );
  const counted = rows.filter(isBucket);
  const perWorkflow = rows
    .filter(isWorkflow)
    .map(({ workflowId, name, n, succeeded, failed }) => ({ workflowId, name, ended: n, succeeded, failed }));
  const buckets = new Map<number, { startsAt: Date; counts: { [Status in RunStatusName]?: number } }>();
  for (const { startsAt, status, n } of counted) {
    const bucket = buckets.get(startsAt.getTime()) ?? { startsAt, counts: {} };
    bucket.counts[runStatusName(status)] = n;
    buckets.set(startsAt.getTime(), bucket);
  }
  const durations = await durationsOf(tx, options);
  return {
    buckets: [...buckets.values()],
    workflows: perWorkflow,
    ...(durations ? { durations } : {}),
    zone,
  };
}

async function durationsOf(tx: WorkspaceTransaction, options: RunStatisticsOptions): Promise<RunStatistics['durations']> {
  const [row] = await tx.query<{ mean: number; p50: number | null; p95: number; p99: number; max: number; runs: number }>(
    `with newest as (
       select (extract(epoch from r.ended_at - r.started_at) * 1000)::float8 as ms
         from run r join workflow w on w.id = r.workflow_id and w.workspace_id = $1
        where r.workspace_id = $1 and r.id >= $4::uuid and r.id < $5::uuid and ($6::uuid is null or r.workflow_id = $6)
          and ($7::int2 is null or r.environment = $7) and r.ended_at is not null and ${seenWorkflow(2)}
        order by r.id desc limit ${SAMPLE}
     ) select avg(ms) as mean, percentile_disc(0.5) within group (order by ms) as p50, percentile_disc(0.95) within group (order by ms) as p95,
              percentile_disc(0.99) within group (order by ms) as p99, max(ms) as max,
              count(*)::int4 as runs from newest`,
    [
      tx.context.workspaceId,
      ...seenValues(options.visible),
      uuidFloor(options.since),
      uuidFloor(options.until),
      options.workflowId ?? null,
      options.environment ?? null,
    ],
  );
  if (!row || row.p50 === null) return undefined;
  const { mean, p50, p95, p99, max, runs } = row;
  return { mean, p50, p95, p99, max, runs };
}
