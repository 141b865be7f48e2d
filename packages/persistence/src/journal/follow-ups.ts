/** What is to follow from the ends of runs: noted with them, forgotten once it has begun. */
import type { RunFollowUp } from '@plugboard/engine';
import type { RunReader } from './run-reads.ts';

export interface DueFollowUp {
  readonly runId: string;
  readonly workspaceId: string;
  readonly kind: RunFollowUp['kind'];
  readonly payload: unknown;
}

/** Those whose time has come by the database's clock, the oldest first. */
export async function listDueFollowUps(db: RunReader, limit: number): Promise<readonly DueFollowUp[]> {
  const rows = await db.query<{ run_id: string; workspace_id: string; kind: RunFollowUp['kind']; payload: unknown }>(
    'select run_id, workspace_id, kind, payload from run_follow_up where due_at <= clock_timestamp() order by due_at, run_id limit $1',
    [limit],
  );
  return rows.map((row) => ({ runId: row.run_id, workspaceId: row.workspace_id, kind: row.kind, payload: row.payload }));
}

/** Until the next of them is due, in milliseconds by the database's clock, below 0 once it is; undefined where none is due within that time. */
export async function nextFollowUpMs(db: RunReader, withinMs: number): Promise<number | undefined> {
  const [row] = await db.query<{ ms: number | null }>(
    `select (extract(epoch from min(due_at) - clock_timestamp()) * 1000)::float8 as ms
       from run_follow_up where due_at <= clock_timestamp() + $1 * interval '1 millisecond'`,
    [withinMs],
  );
  return row?.ms ?? undefined;
}

/** What follows has begun, or nothing does. */
export async function forgetFollowUp(db: RunReader, { runId, kind }: Pick<DueFollowUp, 'runId' | 'kind'>): Promise<void> {
  await db.query('delete from run_follow_up where run_id = $1 and kind = $2', [runId, kind]);
}

/** It is tried again after a while, and holds up no other meanwhile. */
export async function putOffFollowUp(db: RunReader, { runId, kind }: Pick<DueFollowUp, 'runId' | 'kind'>, ms: number): Promise<void> {
  await db.query(`update run_follow_up set due_at = clock_timestamp() + $3 * interval '1 millisecond' where run_id = $1 and kind = $2`, [
    runId,
    kind,
    ms,
  ]);
}

/** After a restore: what was to follow may have begun after the backup, so it waits for the decision about the open runs. */
export const HOLD_FOLLOW_UPS = `update run_follow_up set due_at = 'infinity'`;
export const RELEASE_FOLLOW_UPS = `update run_follow_up set due_at = clock_timestamp() where due_at = 'infinity'`;
export const DROP_FOLLOW_UPS = `delete from run_follow_up where due_at = 'infinity'`;
