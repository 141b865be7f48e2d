/** Chains of runs: those of a workflow that repeats, by their first run. A chain is written from its second run on. */
import type { ClientBase } from 'pg';
import type { RunStatusName } from '@plugboard/engine';
import { runStatusName } from '@plugboard/engine';
import { uuidTimeMs } from '../ids.ts';
import type { RunReader } from './run-reads.ts';

export interface ChainPlace {
  readonly firstRunId: string;
  /** From 1. */
  readonly n: number;
  /** When the first of the chain started, in milliseconds since 1970. */
  readonly sinceMs: number;
}

/** Where a run stands in its chain: the first of one that nothing follows yet stands at 1. Undefined for a run that is not there. */
export async function findChainPlace(
  db: RunReader,
  { workspaceId, runId }: { readonly workspaceId: string; readonly runId: string },
): Promise<ChainPlace | undefined> {
  const [row] = await db.query<{ first_run_id: string; n: number }>(
    `select coalesce(c.first_run_id, r.id) as first_run_id, coalesce(c.n, 1) as n
     from run r left join run_chain c on c.run_id = r.id where r.workspace_id = $1 and r.id = $2`,
    [workspaceId, runId],
  );
  // The first run may have been forgotten; its id says when it began.
  return row && { firstRunId: row.first_run_id, n: row.n, sinceMs: uuidTimeMs(row.first_run_id) };
}

/** Written with the run that follows; false where another one has its place already. */
export function linkToChain(
  of: { readonly workspaceId: string; readonly runId: string } & Pick<ChainPlace, 'firstRunId' | 'n'>,
): (client: ClientBase) => Promise<boolean> {
  return async (client) => {
    await client.query(
      `insert into run_chain (run_id, workspace_id, first_run_id, n) select id, workspace_id, id, 1 from run where id = $1 and workspace_id = $2 on conflict (run_id) do nothing`,
      [of.firstRunId, of.workspaceId],
    );
    const { rowCount } = await client.query(
      `insert into run_chain (run_id, workspace_id, first_run_id, n) values ($1, $2, $3, $4) on conflict do nothing`,
      [of.runId, of.workspaceId, of.firstRunId, of.n],
    );
    return rowCount === 1;
  };
}

export interface ChainRun {
  readonly runId: string;
  readonly n: number;
  readonly status: RunStatusName;
  readonly startedAt: number;
  readonly endedAt: number | undefined;
}

/** Runs of a chain, the newest first. */
export async function listChain(
  db: RunReader,
  {
    workspaceId,
    firstRunId,
    before,
    limit,
  }: { readonly workspaceId: string; readonly firstRunId: string; readonly before?: number | undefined; readonly limit: number },
): Promise<readonly ChainRun[]> {
  const rows = await db.query<{ run_id: string; n: number; status: number; started_ms: number; ended_ms: number | null }>(
    `select c.run_id, c.n, coalesce(l.status, r.status) as status, (extract(epoch from r.started_at) * 1000)::float8 as started_ms,
       (extract(epoch from r.ended_at) * 1000)::float8 as ended_ms
     from run_chain c join run r on r.id = c.run_id left join run_live l on l.run_id = c.run_id
     where c.workspace_id = $1 and c.first_run_id = $2 and ($3::int4 is null or c.n < $3) order by c.n desc limit $4`,
    [workspaceId, firstRunId, before ?? null, limit],
  );
  return rows.map((row) => ({
    runId: row.run_id,
    n: row.n,
    status: runStatusName(row.status),
    startedAt: Math.round(row.started_ms),
    endedAt: row.ended_ms === null ? undefined : Math.round(row.ended_ms),
  }));
}

/** The next run of the chain, where it waits for its time, begins no more. False when none did. */
export async function stopNext(
  db: RunReader,
  { workspaceId, runId }: { readonly workspaceId: string; readonly runId: string },
): Promise<boolean> {
  const rows = await db.query(`delete from run_follow_up where workspace_id = $1 and run_id = $2 and kind = 'next' returning 1`, [
    workspaceId,
    runId,
  ]);
  return rows.length > 0;
}
