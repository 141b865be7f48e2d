/** Limits of requests that all servers keep together: how many are under way, and how many may be made in a period. */
import type { Database } from '../database.ts';
import { inTransaction } from './serial-session.ts';
import { storedKey } from './stored-key.ts';

export interface RequestScope {
  readonly workspaceId: string;
  readonly scope: string;
}

/** The project a workflow is in; undefined when it is gone. */
export async function findProjectOf(database: Database, workflowId: string): Promise<string | undefined> {
  const [row] = await database.query<{ project_id: string }>('select project_id from workflow where id = $1', [workflowId]);
  return row?.project_id;
}

/** Takes one request out of the rate; gives how long to wait before trying again, in milliseconds, 0 when it was taken. */
export async function takeRequest(
  database: Database,
  { workspaceId, scope }: RequestScope,
  { requests, periodMs }: { readonly requests: number; readonly periodMs: number },
): Promise<number> {
  const key = storedKey(scope);
  const everyMs = periodMs / requests;
  const aheadMs = periodMs - everyMs;
  const taken = await database.query(
    `insert into request_rate as r (workspace_id, scope, free_at) values ($1, $2, clock_timestamp() + $3::float8 * interval '1 ms')
     on conflict (workspace_id, scope) do update set free_at = greatest(r.free_at, clock_timestamp()) + $3::float8 * interval '1 ms'
       where r.free_at <= clock_timestamp() + $4::float8 * interval '1 ms'
     returning 1 as n`,
    [workspaceId, key, everyMs, aheadMs],
  );
  if (taken.length > 0) return 0;
  const [rate] = await database.query<{ ms: number }>(
    `select (extract(epoch from free_at - clock_timestamp()) * 1000 - $3)::float8 as ms from request_rate where workspace_id = $1 and scope = $2`,
    [workspaceId, key, aheadMs],
  );
  return Math.max(1, rate?.ms ?? 1);
}

/** A place of this id for a request of this process; false when all are taken. Places of processes that are gone are free. */
export async function takeSlot(
  database: Database,
  { workspaceId, scope }: RequestScope,
  { id, limit, owner }: { readonly id: string; readonly limit: number; readonly owner: string },
): Promise<boolean> {
  const key = storedKey(scope);
  return database.withClient((client) =>
    inTransaction(client, async () => {
      await client.query('select pg_advisory_xact_lock(hashtextextended($1, 2))', [`requests:${workspaceId}:${key}`]);
      await client.query(
        `delete from request_slot s where workspace_id = $1 and scope = $2
           and not exists (select from worker w where w.id = s.owner and w.lease_until > clock_timestamp())`,
        [workspaceId, key],
      );
      const { rowCount } = await client.query(
        `insert into request_slot (id, workspace_id, scope, owner)
         select $3, $1, $2, $4 where (select count(*) from request_slot where workspace_id = $1 and scope = $2) < $5`,
        [workspaceId, key, id, owner, limit],
      );
      return rowCount === 1;
    }),
  );
}

export async function leaveSlot(database: Database, id: string): Promise<void> {
  await database.query('delete from request_slot where id = $1', [id]);
}
