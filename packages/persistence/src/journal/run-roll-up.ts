/**
 * Counts of runs put together: each process counts in rows of its own, so that none waits for another; once their quarter of an hour is over for
 * a while, all of them become one row, and their sum is added to the day. Both happen in one statement, so a run is in the sum of a day and in no
 * row apart, or in a row apart and in no sum. What comes late is a row apart again, and is added with the next roll-up.
 */
import type { Database } from '../database.ts';
import { inInstance } from '../in-instance.ts';
import type { RunReader } from './run-reads.ts';

/** Writer of the rows that are the sum of all writers. */
export const OF_ALL = '00000000-0000-0000-0000-000000000000';

/** The start of the day of a quarter, in the zone $1. */
const DAY = `date_trunc('day', bucket at time zone $1) at time zone $1`;

/**
 * Puts together a batch of the counts of a workspace before a time (milliseconds since 1970); gives how many rows it dealt with. Call again
 * while it gives `limit`. A workspace whose days begin at other times than before gets all of them anew.
 */
export function rollUpStatistics(
  database: Database,
  { workspaceId, before, limit = 5000 }: { readonly workspaceId: string; readonly before: number; readonly limit?: number },
): Promise<number> {
  return inInstance(database, async (tx) => {
    const [workspace] = await tx.query<{ zone: string; rolled: string | null }>(
      // Two processes never roll up the same workspace at once.
      `select w.zone, z.zone as rolled from workspace w left join run_stats_zone z on z.workspace_id = w.id where w.id = $1 for no key update of w skip locked`,
      [workspaceId],
    );
    if (!workspace) return 0;
    const { zone, rolled } = workspace;
    if (rolled !== zone) await moveDays(tx, workspaceId, zone);
    const [row] = await tx.query<{ n: number }>(
      // Rows a process is adding to are left for the next time: it never waits for this, nor this for it.
      `with apart as (
         select workspace_id, workflow_id, environment, bucket, status, writer from run_stats
          where workspace_id = $2 and bucket < to_timestamp($3::float8 / 1000) and writer <> '${OF_ALL}'
          order by bucket limit $4 for update skip locked
       ), taken as (
         delete from run_stats s using apart a
          where s.workspace_id = a.workspace_id and s.workflow_id = a.workflow_id and s.environment = a.environment and s.bucket = a.bucket
            and s.status = a.status and s.writer = a.writer
         returning s.workspace_id, s.workflow_id, s.environment, s.bucket, s.status, s.n
       ), together as (
         insert into run_stats as t (workspace_id, workflow_id, environment, bucket, status, writer, n)
         select workspace_id, workflow_id, environment, bucket, status, '${OF_ALL}', sum(n) from taken group by 1, 2, 3, 4, 5
         on conflict (workspace_id, workflow_id, environment, bucket, status, writer) do update set n = t.n + excluded.n
       ), days as (
         insert into run_stats_day as d (workspace_id, workflow_id, environment, starts_at, status, n)
         select workspace_id, workflow_id, environment, ${DAY}, status, sum(n) from taken group by 1, 2, 3, 4, 5
         on conflict (workspace_id, starts_at, workflow_id, environment, status) do update set n = d.n + excluded.n
       ) select count(*)::int4 as n from taken`,
      [zone, workspaceId, before, limit],
    );
    return row?.n ?? 0;
  });
}

/** The days of all that is put together already, in another zone. */
async function moveDays(tx: RunReader, workspaceId: string, zone: string): Promise<void> {
  await tx.query('delete from run_stats_day where workspace_id = $1', [workspaceId]);
  await tx.query(
    `insert into run_stats_day (workspace_id, workflow_id, environment, starts_at, status, n)
     select workspace_id, workflow_id, environment, ${DAY}, status, sum(n) from run_stats where workspace_id = $2 and writer = '${OF_ALL}' group by 1, 2, 3, 4, 5`,
    [zone, workspaceId],
  );
  await tx.query(
    `insert into run_stats_zone (workspace_id, zone) values ($1, $2) on conflict (workspace_id) do update set zone = excluded.zone`,
    [workspaceId, zone],
  );
}
