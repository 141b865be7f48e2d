/** Schedules as people see them: found, looked at, paused and let go on. */
import type { JsonObject } from '@plugboard/sdk';
import type { QueryResultRow } from 'pg';
import type { WorkspaceTransaction } from './in-workspace.ts';
import { pageLimit, likePattern } from './paging.ts';
import type { MissedPolicy, OverlapPolicy, ScheduleState } from './schedules.ts';

export interface StoredSchedule {
  readonly id: string;
  readonly workflowId: string;
  readonly workflowName: string;
  readonly projectId: string;
  readonly nodeId: string;
  readonly nodeName: string;
  readonly environment: number;
  readonly version: number;
  readonly spec: JsonObject;
  readonly zone: string;
  readonly missed: MissedPolicy;
  readonly overlap: OverlapPolicy;
  readonly state: ScheduleState;
  /** The workflow as a whole takes no work. */
  readonly isWorkflowPaused: boolean;
  readonly nextDue: Date | null;
  readonly nextAt: Date | null;
  readonly lastDue: Date | null;
  readonly lastAt: Date | null;
  readonly lastRunId: string | null;
  readonly skipped: number;
  readonly problem: string | null;
}

const COLUMNS = `s.id, s.workflow_id as "workflowId", w.name as "workflowName", w.project_id as "projectId", s.node_id as "nodeId",
  s.node_name as "nodeName", s.environment, s.version, s.spec, s.zone, s.missed, s.overlap, s.state, d.state <> 'active' as "isWorkflowPaused",
  s.next_due as "nextDue", s.next_at as "nextAt", s.last_due as "lastDue", s.last_at as "lastAt", s.last_run_id as "lastRunId",
  s.skipped::float8 as skipped, s.problem`;
const FROM = `schedule s join workflow w on w.id = s.workflow_id
  join deployment d on d.workflow_id = s.workflow_id and d.environment = s.environment`;

export interface ListSchedules {
  /** Of these projects, or these workflows, only. @default all */
  readonly visible?: { readonly projectIds: readonly string[]; readonly workflowIds: readonly string[] };
  /** In the name of the workflow or of the node. */
  readonly search?: string | undefined;
  readonly workflowId?: string | undefined;
  readonly state?: ScheduleState | undefined;
  readonly limit?: number | undefined;
  readonly after?: string | undefined;
}

/** The newest first. */
export async function listSchedules(
  tx: WorkspaceTransaction,
  asked: ListSchedules,
): Promise<{ readonly schedules: readonly StoredSchedule[]; readonly nextCursor?: string }> {
  const { rows, ...cursor } = await listOfLive<StoredSchedule>(tx, { columns: COLUMNS, from: FROM, of: 's' }, asked);
  return { schedules: rows, ...cursor };
}

/** What the columns come from, with the workflow as `w`; `of` is the alias of what is listed. */
export interface ListedFrom {
  readonly columns: string;
  readonly from: string;
  readonly of: 's' | 'p';
}

/** A page of what triggers of live versions go by, schedules or polls, the newest first. */
export async function listOfLive<Row extends QueryResultRow & { readonly id: string }>(
  tx: WorkspaceTransaction,
  { columns, from, of }: ListedFrom,
  { visible, search, workflowId, state, limit, after }: ListSchedules,
): Promise<{ readonly rows: readonly Row[]; readonly nextCursor?: string }> {
  const most = pageLimit(limit);
  const found = await tx.query<Row>(
    `select ${columns} from ${from}
      where ${of}.workspace_id = $1 and w.deleted_at is null
        and ($2::uuid[] is null or w.project_id = any($2) or w.id = any($3::uuid[]))
        and ($4::text is null or w.name ilike $4 escape '\\' or ${of}.node_name ilike $4 escape '\\')
        and ($5::uuid is null or ${of}.workflow_id = $5) and ($6::text is null or ${of}.state = $6) and ($7::uuid is null or ${of}.id < $7)
      order by ${of}.id desc limit $8`,
    [
      tx.context.workspaceId,
      visible?.projectIds ?? null,
      visible?.workflowIds ?? [],
      likePattern(search),
      workflowId ?? null,
      state ?? null,
      after ?? null,
      most + 1,
    ],
  );
  const rows = found.slice(0, most);
  const last = rows.at(-1);
  return found.length > most && last ? { rows, nextCursor: last.id } : { rows };
}

export async function findSchedule(tx: WorkspaceTransaction, id: string): Promise<StoredSchedule | undefined> {
  const [row] = await tx.query<StoredSchedule>(
    `select ${COLUMNS} from ${FROM} where s.workspace_id = $1 and s.id = $2 and w.deleted_at is null`,
    [tx.context.workspaceId, id],
  );
  return row;
}

/** False when it is in that state already. One that is held after a restore goes on as well. */
export async function setScheduleState(tx: WorkspaceTransaction, id: string, state: 'active' | 'paused'): Promise<boolean> {
  const rows = await tx.query(
    `update schedule set state = $3, changed_by = $4, blocked_at = null where workspace_id = $1 and id = $2 and state <> $3 returning 1`,
    [tx.context.workspaceId, id, state, tx.context.principalId],
  );
  return rows.length > 0;
}
