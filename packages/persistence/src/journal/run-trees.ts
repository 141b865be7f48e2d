/** Runs that one start calls, itself and through others: counted for the whole tree before they are started, so that it cannot outgrow its limit. */
import type { Database } from '../database.ts';
import { inTransaction } from './serial-session.ts';
import { storedKey } from './stored-key.ts';

export interface CallsToCount {
  readonly workspaceId: string;
  readonly rootRunId: string;
  /** The run that calls, and the place of its step. */
  readonly runId: string;
  readonly place: string;
  /** Runs the step is about to call. */
  readonly runs: number;
  /** Of the tree. */
  readonly limit: number;
  /** How long a call may be repeated after a crash, in milliseconds. */
  readonly keptMs: number;
}

export type CountedCalls = { readonly kind: 'counted' } | { readonly kind: 'full'; readonly called: number };

/** Thrown inside the transaction to undo it; none leaves this file. */
class TreeFull extends Error {}

/**
 * Counts all runs of one call or none of them. A call that is repeated is counted once. Whoever comes to the last places of a tree at the same time, in
 * whatever processes, waits for the other one's answer.
 */
export async function countCalls(database: Database, calls: CallsToCount): Promise<CountedCalls> {
  const { workspaceId, rootRunId, runId, place, runs, limit, keptMs } = calls;
  if (runs === 0) return { kind: 'counted' };
  try {
    return await database.withClient((client) =>
      inTransaction(client, async (): Promise<CountedCalls> => {
        const first = await client.query(
          `insert into run_key (workspace_id, scope, key, run_id, expires_at) values ($1, 'call', $2, $3, now() + $4 * interval '1 ms')
           on conflict (workspace_id, scope, key) do nothing`,
          [workspaceId, storedKey(`${runId}:${place}:${runs}`), runId, keptMs],
        );
        if (first.rowCount === 0) return { kind: 'counted' };
        const counted = await client.query(
          `insert into run_tree as t (root_run_id, workspace_id, called, counted_at)
           select $1, $2, $3, clock_timestamp() where $3::int4 <= $4::int4
           on conflict (root_run_id) do update set called = t.called + excluded.called, counted_at = excluded.counted_at
             where t.called + excluded.called <= $4`,
          [rootRunId, workspaceId, runs, limit],
        );
        if (counted.rowCount === 0) throw new TreeFull();
        return { kind: 'counted' };
      }),
    );
  } catch (error) {
    if (!(error instanceof TreeFull)) throw error;
    const [row] = await database.query<{ called: number }>('select called from run_tree where root_run_id = $1', [rootRunId]);
    return { kind: 'full', called: row?.called ?? 0 };
  }
}

/** Trees that have called nothing for so long that none of their calls is repeated any more. Returns how many went. */
export async function deleteOldTrees(
  database: Database,
  { olderThan, limit }: { readonly olderThan: number; readonly limit: number },
): Promise<number> {
  const rows = await database.query(
    `delete from run_tree where root_run_id in (
       select root_run_id from run_tree where counted_at < to_timestamp($1::float8 / 1000) order by counted_at limit $2
     ) returning 1 as n`,
    [olderThan, limit],
  );
  return rows.length;
}
