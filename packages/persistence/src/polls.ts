/**
 * Triggers that ask a service, as rows: how far each has come, and how it fares. What a page brings starts a run in the transaction that moves
 * the cursor; a page without items moves it alone.
 */
import type { Json } from '@plugboard/sdk';
import type { ClientBase } from 'pg';
import { uuidv7 } from './ids.ts';
import type { InstanceStatements } from './in-instance.ts';
import type { WorkspaceTransaction } from './in-workspace.ts';
import { type ListSchedules, listOfLive } from './schedule-list.ts';
import type { ClaimDue, ScheduleState } from './schedules.ts';
import { ENVIRONMENT } from './seed.ts';

/** A poll as a version says it. */
export interface PollRowSpec {
  readonly nodeId: string;
  readonly nodeName: string;
  readonly everyMs: number;
  /** What the cursor is of; with another one it begins anew. */
  readonly basis: string;
}

/** In the transaction of a publish. The cursor survives it. */
export async function replacePolls(
  tx: WorkspaceTransaction,
  { workflowId, version, polls }: { readonly workflowId: string; readonly version: number; readonly polls: readonly PollRowSpec[] },
): Promise<void> {
  await tx.query('delete from poll where workflow_id = $1 and environment = $2 and not node_id = any($3::text[])', [
    workflowId,
    ENVIRONMENT.live,
    polls.map((one) => one.nodeId),
  ]);
  for (const { nodeId, nodeName, everyMs, basis } of polls) {
    await tx.query(
      `insert into poll (id, workspace_id, workflow_id, environment, node_id, node_name, version, every_ms, basis, next_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, clock_timestamp())
       on conflict (workflow_id, environment, node_id) do update
         set node_name = excluded.node_name, version = excluded.version, every_ms = excluded.every_ms, basis = excluded.basis,
             cursor = case when poll.basis = excluded.basis then poll.cursor end, next_at = excluded.next_at, failures = 0, problem = null,
             claimed_by = null, claimed_until = null`,
      [uuidv7(), tx.context.workspaceId, workflowId, ENVIRONMENT.live, nodeId, nodeName, version, everyMs, basis],
    );
  }
}

export interface DuePoll {
  readonly id: string;
  readonly workspaceId: string;
  readonly workflowId: string;
  readonly environment: number;
  readonly nodeId: string;
  readonly version: number;
  readonly everyMs: number;
  /** Null before the first page. */
  readonly cursor: Json;
  readonly step: number;
  readonly failures: number;
}

/** Takes what is due, the longest due first. */
export async function claimDuePolls(
  statements: InstanceStatements,
  { by, leaseMs, limit }: ClaimDue,
): Promise<{ readonly due: readonly DuePoll[]; readonly nextInMs: number | undefined }> {
  const [row] = await statements.query<{ due: readonly DuePoll[]; nextInMs: number | null }>(
    `with due as (
       select p.id from poll p
        where p.state = 'active' and p.next_at <= clock_timestamp() and (p.claimed_until is null or p.claimed_until <= clock_timestamp())
          and exists (select from deployment d where d.workflow_id = p.workflow_id and d.environment = p.environment and d.state = 'active')
        order by p.next_at limit $3 for update of p skip locked
     ), claimed as (
       update poll p set claimed_by = $1, claimed_until = clock_timestamp() + $2::float8 * interval '1 ms' from due where p.id = due.id returning p.*
     )
     select (select extract(epoch from min(next_at) - clock_timestamp()) * 1000 from poll where state = 'active' and next_at > clock_timestamp())::float8 as "nextInMs",
            coalesce((select json_agg(json_build_object('id', id, 'workspaceId', workspace_id, 'workflowId', workflow_id, 'environment', environment, 'nodeId', node_id,
                'version', version, 'everyMs', every_ms, 'cursor', cursor, 'step', step, 'failures', failures) order by next_at) from claimed), '[]'::json) as due`,
    [by, leaseMs, limit],
  );
  return { due: row?.due ?? [], nextInMs: row?.nextInMs ?? undefined };
}

export interface PollStep {
  readonly id: string;
  readonly by: string;
  /** The step it is expected to stand at. */
  readonly step: number;
  readonly cursor: Json;
  readonly leaseMs: number;
  /** The run that the page's items start. */
  readonly runId?: string;
}

const MOVE = `
  update poll set cursor = $4, step = step + 1, last_run_id = coalesce($5::uuid, last_run_id), found_at = case when $5::uuid is null then found_at else clock_timestamp() end,
         claimed_until = clock_timestamp() + $6::float8 * interval '1 ms'
   where id = $1 and claimed_by = $2 and step = $3 and state = 'active' returning id`;

function moveValues({ id, by, step, cursor, runId, leaseMs }: PollStep): unknown[] {
  return [id, by, step, JSON.stringify(cursor), runId ?? null, leaseMs];
}

/** A page without items. False when the row is no longer ours, or was published anew. */
export async function movePoll(statements: InstanceStatements, move: PollStep): Promise<boolean> {
  return (await statements.query(MOVE, moveValues(move))).length === 1;
}

/** The same in the transaction that creates the run. */
export async function movePollWith(client: ClientBase, move: PollStep): Promise<boolean> {
  return (await client.query(MOVE, moveValues(move))).rowCount === 1;
}

/** The poll at hand is over: well, or with a problem, after which it is tried again in `pauseMs`. */
export async function endPoll(
  statements: InstanceStatements,
  { id, by, pauseMs, problem }: { readonly id: string; readonly by: string; readonly pauseMs: number; readonly problem?: string },
): Promise<void> {
  await statements.query(
    `update poll set claimed_by = null, claimed_until = null, next_at = clock_timestamp() + $3::float8 * interval '1 ms', problem = $4,
            failures = case when $4::text is null then 0 else failures + 1 end,
            failed_at = case when $4::text is null then failed_at else clock_timestamp() end,
            seen_at = case when $4::text is null then clock_timestamp() else seen_at end
      where id = $1 and claimed_by = $2`,
    [id, by, pauseMs, problem ?? null],
  );
}

/** Everything a process has claimed, when it stops. */
export async function releasePolls(statements: InstanceStatements, by: string): Promise<void> {
  await statements.query('update poll set claimed_by = null, claimed_until = null where claimed_by = $1', [by]);
}

export interface StoredPoll {
  readonly id: string;
  readonly workflowId: string;
  readonly workflowName: string;
  readonly projectId: string;
  readonly nodeId: string;
  readonly nodeName: string;
  readonly state: ScheduleState;
  readonly isWorkflowPaused: boolean;
  readonly everyMs: number;
  readonly nextAt: Date;
  readonly failures: number;
  readonly problem: string | null;
  readonly failedAt: Date | null;
  readonly seenAt: Date | null;
  readonly foundAt: Date | null;
  readonly lastRunId: string | null;
}

const COLUMNS = `p.id, p.workflow_id as "workflowId", w.name as "workflowName", w.project_id as "projectId", p.node_id as "nodeId",
  p.node_name as "nodeName", p.state, d.state <> 'active' as "isWorkflowPaused", p.every_ms::float8 as "everyMs", p.next_at as "nextAt", p.failures,
  p.problem, p.failed_at as "failedAt", p.seen_at as "seenAt", p.found_at as "foundAt", p.last_run_id as "lastRunId"`;
const FROM = `poll p join workflow w on w.id = p.workflow_id
  join deployment d on d.workflow_id = p.workflow_id and d.environment = p.environment`;

/** The newest first. */
export async function listPolls(
  tx: WorkspaceTransaction,
  asked: ListSchedules,
): Promise<{ readonly polls: readonly StoredPoll[]; readonly nextCursor?: string }> {
  const { rows, ...cursor } = await listOfLive<StoredPoll>(tx, { columns: COLUMNS, from: FROM, of: 'p' }, asked);
  return { polls: rows, ...cursor };
}

export async function findPoll(tx: WorkspaceTransaction, id: string): Promise<StoredPoll | undefined> {
  const [row] = await tx.query<StoredPoll>(
    `select ${COLUMNS} from ${FROM} where p.workspace_id = $1 and p.id = $2 and w.deleted_at is null`,
    [tx.context.workspaceId, id],
  );
  return row;
}

/** False when it is in that state already. What goes on is asked at once. */
export async function setPollState(tx: WorkspaceTransaction, id: string, state: 'active' | 'paused'): Promise<boolean> {
  const rows = await tx.query(
    `update poll set state = $3, changed_by = $4, next_at = clock_timestamp() where workspace_id = $1 and id = $2 and state <> $3 returning 1`,
    [tx.context.workspaceId, id, state, tx.context.principalId],
  );
  return rows.length > 0;
}

/** Asked at the next look instead of when it is due. */
export async function hastenPoll(tx: WorkspaceTransaction, id: string): Promise<void> {
  await tx.query('update poll set next_at = clock_timestamp() where workspace_id = $1 and id = $2', [tx.context.workspaceId, id]);
}
