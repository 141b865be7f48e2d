/** Forgetting: finished runs past their time or their number, in small batches, and partitions with nothing left in them. */
import type { ClientBase } from 'pg';
import { uuidFloor, uuidTimeMs } from '../ids.ts';
import type { RunReader } from './run-reads.ts';

export interface DeleteExpiredOptions {
  readonly workspaceId: string;
  /** @default runs of all workflows */
  readonly workflowId?: string;
  /** Finished runs that ended before this time go, in milliseconds since 1970. */
  readonly olderThan: number;
  /** Runs per call. @default 1000 */
  readonly limit?: number;
}

/** Deletes a batch of expired finished runs with their events and tags, oldest first; returns how many. Call again while it returns `limit`. */
export function deleteExpiredRuns(
  db: RunReader,
  { workspaceId, workflowId, olderThan, limit = 1000 }: DeleteExpiredOptions,
): Promise<number> {
  return deleteRuns(
    db,
    // A run starts before it ends, so its id is older too: the bound on the id keeps newer partitions out of the search.
    `select id from run
      where workspace_id = $1 and status >= 4 and ended_at < to_timestamp($2::float8 / 1000) and id < $3::uuid
        ${workflowId === undefined ? '' : 'and workflow_id = $5'}
      order by id limit $4 for update skip locked`,
    [workspaceId, olderThan, uuidFloor(Math.max(0, olderThan)), limit, ...(workflowId === undefined ? [] : [workflowId])],
  );
}

/** Deletes a batch of the finished runs of a workflow that are not among its newest; returns how many. Call again while it returns `limit`. */
export async function deleteRunsBeyond(
  db: RunReader,
  {
    workspaceId,
    workflowId,
    newest,
    limit = 1000,
  }: { readonly workspaceId: string; readonly workflowId: string; readonly newest: number; readonly limit?: number },
): Promise<number> {
  const [last] = await db.query<{ id: string }>(
    'select id from run where workspace_id = $1 and workflow_id = $2 order by id desc offset $3 limit 1',
    [workspaceId, workflowId, Math.max(1, newest) - 1],
  );
  if (!last) return 0;
  return deleteRuns(
    db,
    `select id from run where workspace_id = $1 and workflow_id = $2 and status >= 4 and id < $3::uuid order by id limit $4 for update skip locked`,
    [workspaceId, workflowId, last.id, limit],
  );
}

/** Deletes what the query names, with its events, tags and names of payloads. */
async function deleteRuns(db: RunReader, ids: string, values: readonly unknown[]): Promise<number> {
  const [row] = await db.query<{ n: number }>(
    `with expired as materialized (${ids}), chunks as (
       delete from run_chunk where run_id in (select id from expired)
     ), tags as (
       delete from run_tag where run_id in (select id from expired)
     ), links as (
       delete from run_child where run_id in (select id from expired)
     ), places as (
       delete from run_chain where run_id in (select id from expired)
     ), asked as (
       delete from approval where run_id in (select id from expired)
     ), forms as (
       delete from run_form where run_id in (select id from expired)
     ), payloads as (
       delete from run_payload where run_id in (select id from expired) returning workspace_id, sha256
     ), left_behind as (
       insert into run_payload_left (workspace_id, sha256) select distinct workspace_id, sha256 from payloads on conflict do nothing
     ), gone as (
       delete from run where id in (select id from expired) returning id
     ) select count(*)::int4 as n from gone`,
    values,
  );
  return row?.n ?? 0;
}

export interface WorkflowKeeping {
  readonly workspaceId: string;
  readonly workflowId: string;
  readonly days?: number;
  readonly count?: number;
}

/** How long each workflow keeps its runs by its own settings: those that are live, else those of its draft. Workflows that say nothing are in it too. */
export async function listWorkflowKeeping(db: RunReader): Promise<WorkflowKeeping[]> {
  const rows = await db.query<{ workspaceId: string; workflowId: string; days: number | null; count: number | null }>(
    `select workspace_id as "workspaceId", id as "workflowId", (kept ->> 'days')::int4 as days, (kept ->> 'count')::int4 as count
       from (select w.workspace_id, w.id, coalesce(v.definition, d.doc) -> 'settings' -> 'keepRuns' as kept
               from workflow w
               left join deployment e on e.workflow_id = w.id and e.environment = 1
               left join version v on v.workflow_id = w.id and v.n = e.version
               left join draft d on d.workflow_id = w.id) kept_by order by id`,
  );
  return rows.map(({ days, count, ...of }) => ({ ...of, ...(days === null ? {} : { days }), ...(count === null ? {} : { count }) }));
}

/** Deletes one finished run with its events and tags, for good. False when there is none, or it goes on. */
export async function deleteEndedRun(db: RunReader, { workspaceId, id }: { workspaceId: string; id: string }): Promise<boolean> {
  const rows = await db.query<{ id: string }>(
    `with gone as (
       delete from run where id = $2 and workspace_id = $1 and status >= 4 and not exists (select from run_live l where l.run_id = $2) returning id
     ), chunks as (
       delete from run_chunk where run_id in (select id from gone)
     ), tags as (
       delete from run_tag where workspace_id = $1 and run_id in (select id from gone)
     ), links as (
       delete from run_child where workspace_id = $1 and run_id in (select id from gone)
     ), places as (
       delete from run_chain where workspace_id = $1 and run_id in (select id from gone)
     ), asked as (
       delete from approval where workspace_id = $1 and run_id in (select id from gone)
     ), forms as (
       delete from run_form where workspace_id = $1 and run_id in (select id from gone)
     ), payloads as (
       delete from run_payload where run_id in (select id from gone) returning workspace_id, sha256
     ), left_behind as (
       insert into run_payload_left (workspace_id, sha256) select distinct workspace_id, sha256 from payloads on conflict do nothing
     ) select id from gone`,
    [workspaceId, id],
  );
  return rows.length > 0;
}

/** Creation keys whose time is over. Returns how many went. */
export async function deleteExpiredKeys(db: RunReader, limit = 1000): Promise<number> {
  const [row] = await db.query<{ n: number }>(
    `with expired as (select workspace_id, scope, key from run_key where expires_at < now() order by expires_at limit $1 for update skip locked),
       gone as (delete from run_key k using expired e where k.workspace_id = e.workspace_id and k.scope = e.scope and k.key = e.key returning 1)
     select count(*)::int4 as n from gone`,
    [limit],
  );
  return row?.n ?? 0;
}

/** Inbox rows of runs that ended before anybody took them in. Young rows stay: their run may not be flushed yet. */
export async function deleteStaleInbox(db: RunReader, { olderThan, limit = 1000 }: { olderThan: number; limit?: number }): Promise<number> {
  const [row] = await db.query<{ n: number }>(
    `with stale as (
       select id from run_inbox b where created_at < to_timestamp($1::float8 / 1000) and not exists (select from run_live l where l.run_id = b.run_id)
       limit $2 for update skip locked
     ), gone as (delete from run_inbox where id in (select id from stale) returning 1)
     select count(*)::int4 as n from gone`,
    [olderThan, limit],
  );
  return row?.n ?? 0;
}

/** Deletes snapshots of runs that have ended, which their process does as a rule. Returns how many. */
export async function deleteStaleSnapshots(db: RunReader, limit: number): Promise<number> {
  const [row] = await db.query<{ n: number }>(
    `with stale as (
       select run_id from run_snapshot s where not exists (select from run_live l where l.run_id = s.run_id) limit $1 for update skip locked
     ), gone as (delete from run_snapshot where run_id in (select run_id from stale) returning 1)
     select count(*)::int4 as n from gone`,
    [limit],
  );
  return row?.n ?? 0;
}

export interface DropPartitionsOptions {
  /** Partitions that end before this time may go, in milliseconds since 1970; those made ahead never do. */
  readonly olderThan: number;
  /** A partition in use is left for the next call, after waiting so long for its lock, in milliseconds. @default 200 */
  readonly lockTimeoutMs?: number;
}

/** Drops old partitions of `run` and `run_chunk` that hold no row; returns their names. `client` must not be inside a transaction. */
export async function dropEmptyPartitions(
  client: ClientBase,
  { olderThan, lockTimeoutMs = 200 }: DropPartitionsOptions,
): Promise<string[]> {
  const { rows } = await client.query<{ parent: string; name: string; bound: string }>(
    `select p.relname as parent, quote_ident(c.relname) as name, pg_get_expr(c.relpartbound, c.oid) as bound
     from pg_inherits i join pg_class c on c.oid = i.inhrelid join pg_class p on p.oid = i.inhparent
     where i.inhparent in ('run'::regclass, 'run_chunk'::regclass) order by c.relname`,
  );
  const dropped: string[] = [];
  for (const { parent, name, bound } of rows) {
    const end = /TO \('([0-9a-f-]{36})'\)/.exec(bound)?.[1];
    if (end === undefined || uuidTimeMs(end) >= Math.min(olderThan, Date.now())) continue;
    if (await dropIfEmpty(client, parent, name, lockTimeoutMs)) dropped.push(name);
  }
  return dropped;
}

const LOCK_NOT_AVAILABLE = '55P03';

/** Looks without a lock first, then again under the lock that keeps new rows out. */
async function dropIfEmpty(client: ClientBase, parent: string, name: string, lockTimeoutMs: number): Promise<boolean> {
  if (await hasRows(client, name)) return false;
  await client.query('begin');
  try {
    await client.query(`select set_config('lock_timeout', $1, true)`, [`${lockTimeoutMs}ms`]);
    await client.query(`lock table only ${parent} in access exclusive mode`);
    await client.query(`lock table ${name} in access exclusive mode`);
    const isEmpty = !(await hasRows(client, name));
    if (isEmpty) await client.query(`drop table ${name}`);
    await client.query('commit');
    return isEmpty;
  } catch (error) {
    await client.query('rollback');
    if (error instanceof Error && 'code' in error && error.code === LOCK_NOT_AVAILABLE) return false;
    throw error;
  }
}

async function hasRows(client: ClientBase, name: string): Promise<boolean> {
  const { rows } = await client.query<{ found: boolean }>(`select exists (select from ${name}) as found`);
  return rows[0]?.found ?? false;
}
