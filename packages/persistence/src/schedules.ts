/**
 * Schedules as rows: what is live, when each is due next, and who acts on it. A slot is fired in the transaction that creates its run, which
 * also moves the row on; whoever comes with an older idea of the row changes nothing.
 */
import type { JsonObject } from '@plugboard/sdk';
import type { ClientBase } from 'pg';
import { uuidv7 } from './ids.ts';
import type { InstanceStatements } from './in-instance.ts';
import type { WorkspaceTransaction } from './in-workspace.ts';
import { ENVIRONMENT } from './seed.ts';

export type MissedPolicy = 'skip' | 'once' | 'all';
export type OverlapPolicy = 'allow' | 'skip' | 'queue' | 'cancel';
export type ScheduleState = 'active' | 'paused' | 'held';

/** Milliseconds since 1970. */
export interface Slot {
  /** The instant the timetable names. */
  readonly dueMs: number;
  /** When it is acted on. */
  readonly atMs: number;
}

/** A schedule as a version says it. */
export interface ScheduleSpec {
  readonly nodeId: string;
  readonly nodeName: string;
  /** What the server makes the timetable of. */
  readonly spec: JsonObject;
  readonly zone: string;
  readonly missed: MissedPolicy;
  readonly overlap: OverlapPolicy;
  /** The first slot of the schedule with this id after an instant. */
  readonly next: (scheduleId: string, after: number) => Slot | undefined;
}

interface KnownSchedule {
  readonly id: string;
  readonly nodeId: string;
  readonly basis: string;
}

/** In the transaction of a publish. A schedule that says the same as before keeps its next slot, and one that was paused stays paused. */
export async function replaceSchedules(
  tx: WorkspaceTransaction,
  input: { readonly workflowId: string; readonly version: number; readonly schedules: readonly ScheduleSpec[] },
): Promise<void> {
  const { workflowId, version, schedules } = input;
  await tx.query('delete from schedule where workflow_id = $1 and environment = $2 and not node_id = any($3::text[])', [
    workflowId,
    ENVIRONMENT.live,
    schedules.map((one) => one.nodeId),
  ]);
  if (schedules.length === 0) return;
  const known = await tx.query<KnownSchedule>(
    `select id, node_id as "nodeId", spec::text || zone as basis from schedule where workflow_id = $1 and environment = $2 order by id for update`,
    [workflowId, ENVIRONMENT.live],
  );
  const [clock] = await tx.query<{ now: number }>('select (extract(epoch from clock_timestamp()) * 1000)::float8 as now');
  for (const one of schedules) {
    const old = known.find((row) => row.nodeId === one.nodeId);
    const spec = JSON.stringify(one.spec);
    const isSame = old !== undefined && old.basis === spec + one.zone;
    const id = old?.id ?? uuidv7();
    const next = isSame ? undefined : one.next(id, clock?.now ?? 0);
    await tx.query(
      `insert into schedule (id, workspace_id, workflow_id, environment, node_id, node_name, version, spec, zone, missed, overlap, next_due, next_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, to_timestamp($12::float8 / 1000), to_timestamp($13::float8 / 1000))
       on conflict (workflow_id, environment, node_id) do update
         set node_name = excluded.node_name, version = excluded.version, spec = excluded.spec, zone = excluded.zone, missed = excluded.missed,
             overlap = excluded.overlap, problem = null,
             next_due = case when $14 then schedule.next_due else excluded.next_due end,
             next_at = case when $14 then schedule.next_at else excluded.next_at end,
             blocked_at = case when $14 then schedule.blocked_at end`,
      [
        id,
        tx.context.workspaceId,
        workflowId,
        ENVIRONMENT.live,
        one.nodeId,
        one.nodeName,
        version,
        spec,
        one.zone,
        one.missed,
        one.overlap,
        next?.dueMs ?? null,
        next?.atMs ?? null,
        isSame,
      ],
    );
  }
}

/** A schedule that is due, as the process that claimed it sees it. */
export interface DueSchedule {
  readonly id: string;
  readonly workspaceId: string;
  readonly workflowId: string;
  readonly environment: number;
  readonly nodeId: string;
  readonly version: number;
  readonly spec: JsonObject;
  readonly zone: string;
  readonly missed: MissedPolicy;
  readonly overlap: OverlapPolicy;
  readonly dueMs: number;
  readonly blockedMs: number | null;
  readonly lastRunId: string | null;
}

export interface ClaimDue {
  /** The process that claims. */
  readonly by: string;
  /** After so long without a sign others may take over, in milliseconds. */
  readonly leaseMs: number;
  readonly limit: number;
  /** For tests with a clock of their own, in milliseconds since 1970. @default the database's clock */
  readonly nowMs?: number | undefined;
}

const NOW = (n: number): string => `coalesce(to_timestamp($${n}::float8 / 1000), clock_timestamp())`;
const IS_LIVE = `exists (select from deployment d where d.workflow_id = s.workflow_id and d.environment = s.environment and d.state = 'active')`;

/** Takes what is due, the longest due first; a workflow that is paused or off has nothing due. */
export async function claimDueSchedules(
  statements: InstanceStatements,
  { by, leaseMs, limit, nowMs }: ClaimDue,
): Promise<{
  readonly nowMs: number;
  readonly due: readonly DueSchedule[];
  /** Until the next one is due; undefined when nothing is planned. */
  readonly nextInMs: number | undefined;
}> {
  const rows = await statements.query<{ nowMs: number; nextInMs: number | null; due: readonly DueSchedule[] }>(
    `with moment as materialized (select ${NOW(4)} as now), due as (
       select s.id from schedule s, moment
        where s.state = 'active' and s.next_at <= moment.now and (s.claimed_until is null or s.claimed_until <= clock_timestamp()) and ${IS_LIVE}
        order by s.next_at limit $3 for update of s skip locked
     ), claimed as (
       update schedule s set claimed_by = $1, claimed_until = clock_timestamp() + $2::float8 * interval '1 ms' from due where s.id = due.id
       returning s.id, s.workspace_id, s.workflow_id, s.environment, s.node_id, s.version, s.spec, s.zone, s.missed, s.overlap, s.next_due, s.next_at, s.blocked_at, s.last_run_id
     )
     select (extract(epoch from moment.now) * 1000)::float8 as "nowMs",
            (select extract(epoch from min(next_at) - moment.now) * 1000 from schedule where state = 'active' and next_at > moment.now)::float8 as "nextInMs",
            coalesce((select json_agg(json_build_object('id', id, 'workspaceId', workspace_id, 'workflowId', workflow_id, 'environment', environment,
                'nodeId', node_id, 'version', version, 'spec', spec, 'zone', zone, 'missed', missed, 'overlap', overlap,
                'dueMs', extract(epoch from next_due) * 1000, 'blockedMs', extract(epoch from blocked_at) * 1000, 'lastRunId', last_run_id) order by next_at)
              from claimed), '[]'::json) as due
       from moment`,
    [by, leaseMs, limit, nowMs ?? null],
  );
  const [row] = rows;
  return { nowMs: row?.nowMs ?? 0, due: row?.due ?? [], nextInMs: row?.nextInMs ?? undefined };
}

/** What became of the slot at hand. */
export interface AdvanceSchedule {
  readonly id: string;
  readonly by: string;
  /** The slot the row is expected to stand at. */
  readonly fromMs: number;
  /** Where it goes on; undefined when no slot is left. */
  readonly to: Slot | undefined;
  /** The slot that was acted on, and its run. */
  readonly fired?: { readonly dueMs: number; readonly runId: string };
  /** Slots that start nothing. @default 0 */
  readonly skipped?: number;
}

const ADVANCE = `
  update schedule set next_due = to_timestamp($4::float8 / 1000), next_at = to_timestamp($5::float8 / 1000), blocked_at = null, problem = null,
         last_due = coalesce(to_timestamp($6::float8 / 1000), last_due), last_run_id = coalesce($7::uuid, last_run_id),
         last_at = case when $7::uuid is null then last_at else clock_timestamp() end, skipped = skipped + $8
   where id = $1 and claimed_by = $2 and next_due = to_timestamp($3::float8 / 1000) and state = 'active'
  returning id`;

function advanceValues({ id, by, fromMs, to, fired, skipped = 0 }: AdvanceSchedule): unknown[] {
  return [id, by, fromMs, to?.dueMs ?? null, to?.atMs ?? null, fired?.dueMs ?? null, fired?.runId ?? null, skipped];
}

/** False when the row is not as it was: paused, published anew, or acted on by another process. */
export async function advanceSchedule(statements: InstanceStatements, input: AdvanceSchedule): Promise<boolean> {
  return (await statements.query(ADVANCE, advanceValues(input))).length === 1;
}

/** The same in the transaction that creates the slot's run; `cancels` asks an older run to stop. */
export async function advanceScheduleWith(
  client: ClientBase,
  input: AdvanceSchedule,
  cancels?: { readonly runId: string; readonly workspaceId: string },
): Promise<boolean> {
  const { rowCount } = await client.query(ADVANCE, advanceValues(input));
  if (rowCount !== 1) return false;
  if (cancels) {
    await client.query(
      `insert into run_inbox (id, run_id, workspace_id, source_key, kind, payload)
         select gen_random_uuid(), run_id, workspace_id, 'cancel:' || run_id, 'cancel', json_build_object('by', 'schedule', 'reason', 'The next run of its schedule is due.')
           from run_live where run_id = $1 and workspace_id = $2
         on conflict (run_id, source_key) do nothing`,
      [cancels.runId, cancels.workspaceId],
    );
  }
  return true;
}

/** Gives a claim back before its time. `blocked`: its slot waits for an older run; `problem`: it could not be started. */
export async function releaseSchedule(
  statements: InstanceStatements,
  input: {
    readonly id: string;
    readonly by: string;
    /** Nobody looks at it again before, in milliseconds from now. */
    readonly pauseMs?: number;
    readonly blockedMs?: number | undefined;
    readonly problem?: string;
  },
): Promise<void> {
  const { id, by, pauseMs = 0, blockedMs, problem } = input;
  await statements.query(
    `update schedule set claimed_until = clock_timestamp() + $3::float8 * interval '1 ms',
            blocked_at = coalesce(blocked_at, to_timestamp($4::float8 / 1000)), problem = $5
      where id = $1 and claimed_by = $2`,
    [id, by, pauseMs, blockedMs ?? null, problem ?? null],
  );
}

/** Everything a process has claimed, when it stops. */
export async function releaseSchedules(statements: InstanceStatements, by: string): Promise<void> {
  await statements.query('update schedule set claimed_by = null, claimed_until = null where claimed_by = $1', [by]);
}

/** Whether a run has not ended. */
export async function isRunOpen(statements: InstanceStatements, runId: string): Promise<boolean> {
  return (await statements.query('select from run_live where run_id = $1', [runId])).length > 0;
}

/** Lets schedules and polls of a restored backup go on. */
export const RELEASE_TIMETABLES: readonly string[] = ['schedule', 'poll'].map(
  (table) => `update ${table} set state = 'active' where state = 'held'`,
);

/** Those of a restored backup that wait for an operator. */
export async function countHeldTimetables(statements: InstanceStatements): Promise<number> {
  const [row] = await statements.query<{ n: number }>(
    `select ((select count(*) from schedule where state = 'held') + (select count(*) from poll where state = 'held'))::int4 as n`,
  );
  return row?.n ?? 0;
}
