/**
 * Turns of runs under flow control. A turn is taken in the transaction that creates the run; letting runs begin is one transaction per group, under
 * a lock of the group, which puts a row into the inbox of each run whose turn has come. A place is free again when its run is live no more.
 */
import type { ClientBase } from 'pg';
import type { FlowHold, FlowTurn } from '@plugboard/engine';
import type { Item } from '@plugboard/sdk';
import type { Database } from '../database.ts';
import { uuidv7 } from '../ids.ts';
import type { WorkspaceTransaction } from '../in-workspace.ts';
import { type EndlessWait, findEndlessWait } from './endless-waits.ts';
import { INBOX_CHANNEL } from './ownership.ts';
import { inTransaction } from './serial-session.ts';
import { storedKey } from './stored-key.ts';

export interface FlowStart {
  readonly runId: string;
  readonly workspaceId: string;
  readonly workflowId: string;
  readonly environment: number;
  readonly turn: FlowTurn;
  /** What the trigger gives: it goes into another run where starts are gathered. */
  readonly items: readonly Item[];
  /** The run that waits for it. */
  readonly callerId?: string;
  /** Starts of the workspace that may wait; undefined where they are far from it. */
  readonly mostWaiting?: number | undefined;
}

/** `joined`: no run is made, for that one takes the start in, or stands for it. `endless`: it would never begin, and is not to be made.
 * `full`: too many starts of the workspace wait. */
export type FlowPlace =
  | { readonly kind: 'waits' }
  | { readonly kind: 'joined'; readonly runId: string }
  | { readonly kind: 'endless'; readonly wait: EndlessWait }
  | { readonly kind: 'full' };

/** JSON text of items that may be handed to a waiting run, in characters; more begin a run of their own. */
const LARGEST_JOIN = 1024 * 1024;

/** Takes a turn for a run that is created in the same transaction. */
export async function takeTurn(client: ClientBase, start: FlowStart): Promise<FlowPlace> {
  const { runId, workspaceId, workflowId, environment, turn } = start;
  const { hold, concurrency, throttle } = turn;
  const joined = hold ? await meetOthers(client, start, hold) : undefined;
  if (joined?.kind === 'joined') return joined;
  if (start.mostWaiting !== undefined && (await isFull(client, workspaceId, start.mostWaiting))) return { kind: 'full' };
  const delayMs = hold?.kind === 'debounce' ? hold.delayMs : hold?.kind === 'batch' ? hold.waitMs : 0;
  const longestMs = hold?.kind === 'debounce' ? hold.longestMs : delayMs;
  const isHeld = turn.isHeld === true && (await isPaused(client, workflowId, environment));
  const isSingle = hold?.kind === 'skip' || hold?.kind === 'replace';
  const groupKey = isSingle ? storedKey(`single:${hold.key}`) : storedKey(`runs:${concurrency?.key ?? ''}`);
  await client.query(
    `insert into flow_turn (run_id, workspace_id, workflow_id, environment, group_key, max_running, rate_key, rate_limit, rate_ms, hold, hold_key, priority, first_at, due_at)
     select $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, f.at,
       case when $16 then 'infinity' else least(clock_timestamp() + $13 * interval '1 ms', f.at + $14 * interval '1 ms') end
     from (select coalesce($15::timestamptz, clock_timestamp()) as at) f`,
    [
      runId,
      workspaceId,
      workflowId,
      environment,
      groupKey,
      isSingle ? 1 : (concurrency?.limit ?? null),
      ...(throttle ? [storedKey(throttle.key), throttle.limit, throttle.periodMs] : [null, null, null]),
      ...(hold ? [isSingle ? 'single' : hold.kind, storedKey(hold.key)] : [null, null]),
      turn.priority,
      delayMs,
      longestMs,
      joined?.firstAt ?? null,
      isHeld,
    ],
  );
  if (start.callerId === undefined || isSingle || !concurrency) return { kind: 'waits' };
  const group = { workflowId, environment, key: groupKey };
  const wait = await findEndlessWait(client, { workspaceId, group, limit: concurrency.limit, callerId: start.callerId });
  return wait ? { kind: 'endless', wait } : { kind: 'waits' };
}

/** Under a lock of the workspace until the start is stored, so that those which come together do not all find the last place. */
async function isFull(client: ClientBase, workspaceId: string, most: number): Promise<boolean> {
  await client.query(`select pg_advisory_xact_lock(hashtextextended($1, 3))`, [`flow-starts:${workspaceId}`]);
  const { rows } = await client.query<{ n: number }>(
    `select count(*)::int4 as n from (select from flow_turn where workspace_id = $1 and begun_at is null limit $2) t`,
    [workspaceId, most],
  );
  return (rows[0]?.n ?? 0) >= most;
}

/** Starts that wait for their turn, by workspace. */
export async function countWaitingTurns(database: Database): Promise<ReadonlyMap<string, number>> {
  const rows = await database.query<{ workspace_id: string; n: number }>(
    'select workspace_id, count(*)::int4 as n from flow_turn where begun_at is null group by workspace_id',
  );
  return new Map(rows.map((row) => [row.workspace_id, row.n]));
}

/** Looked at under a lock of the row: whoever lets the workflow go on comes before or after. */
async function isPaused(client: ClientBase, workflowId: string, environment: number): Promise<boolean> {
  const { rowCount } = await client.query(
    `select from deployment where workflow_id = $1 and environment = $2 and state = 'paused' and holds for share`,
    [workflowId, environment],
  );
  return rowCount === 1;
}

/** The runs that came while the workflow was paused begin, in the transaction that lets it go on. */
export async function releaseHeldTurns(tx: WorkspaceTransaction, workflowId: string, environment: number): Promise<void> {
  await tx.query(
    `update flow_turn set due_at = clock_timestamp()
     where workspace_id = $1 and workflow_id = $2 and environment = $3 and begun_at is null and due_at = 'infinity'`,
    [tx.context.workspaceId, workflowId, environment],
  );
}

type Meeting = { readonly kind: 'joined'; readonly runId: string } | { readonly kind: 'follows'; readonly firstAt: Date | undefined };

/** What becomes of a start when there are runs with its key already. */
async function meetOthers(client: ClientBase, start: FlowStart, hold: FlowHold): Promise<Meeting> {
  const place = [start.workflowId, start.environment, storedKey(hold.key)] as const;
  await client.query(`select pg_advisory_xact_lock(hashtextextended($1, 0))`, [`flow:${place.join(':')}`]);
  switch (hold.kind) {
    case 'debounce':
      return takePlaceOf(client, start, place);
    case 'batch':
      return joinBatch(client, start, place, hold.size);
    case 'skip':
    case 'replace':
      return meetSingle(client, start, place, hold.kind);
  }
}

type Place = readonly [workflowId: string, environment: number, key: string];

async function takePlaceOf(client: ClientBase, start: FlowStart, place: Place): Promise<Meeting> {
  const { rows } = await client.query<{ run_id: string; first_at: Date }>(
    `delete from flow_turn where workflow_id = $1 and environment = $2 and hold = 'debounce' and hold_key = $3 and begun_at is null returning run_id, first_at`,
    [...place],
  );
  for (const row of rows) await cancel(client, start, row.run_id, `A newer start took its place: run ${start.runId}.`);
  return { kind: 'follows', firstAt: rows[0]?.first_at };
}

async function joinBatch(client: ClientBase, start: FlowStart, place: Place, size: number): Promise<Meeting> {
  const payload = JSON.stringify({ items: start.items });
  if (payload.length > LARGEST_JOIN) return { kind: 'follows', firstAt: undefined };
  const { rows } = await client.query<{ run_id: string }>(
    `update flow_turn set held = held + 1, due_at = case when held + 1 >= $4 and due_at < 'infinity' then clock_timestamp() else due_at end
     where workflow_id = $1 and environment = $2 and hold = 'batch' and hold_key = $3 and begun_at is null and held < $4
       and exists (select from run_live l where l.run_id = flow_turn.run_id)
     returning run_id`,
    [...place, size],
  );
  const [row] = rows;
  if (!row) return { kind: 'follows', firstAt: undefined };
  await put(client, { runId: row.run_id, workspaceId: start.workspaceId, sourceKey: `join:${start.runId}`, kind: 'join', payload });
  return { kind: 'joined', runId: row.run_id };
}

async function meetSingle(client: ClientBase, start: FlowStart, place: Place, kind: 'skip' | 'replace'): Promise<Meeting> {
  const { rows } = await client.query<{ run_id: string }>(
    `select run_id from flow_turn t where workflow_id = $1 and environment = $2 and hold = 'single' and hold_key = $3
       and exists (select from run_live l where l.run_id = t.run_id) order by run_id`,
    [...place],
  );
  const [first] = rows;
  if (kind === 'skip' && first) return { kind: 'joined', runId: first.run_id };
  for (const row of rows) await cancel(client, start, row.run_id, `A newer start takes its place: run ${start.runId}.`);
  return { kind: 'follows', firstAt: undefined };
}

function cancel(client: ClientBase, { workspaceId, runId: by }: FlowStart, runId: string, reason: string): Promise<void> {
  return put(client, {
    runId,
    workspaceId,
    sourceKey: `flow:${by}`,
    kind: 'cancel',
    payload: JSON.stringify({ by: 'flow control', reason }),
  });
}

interface Put {
  readonly runId: string;
  readonly workspaceId: string;
  readonly sourceKey: string;
  readonly kind: string;
  /** JSON text. */
  readonly payload: string;
}

/** By the clock of the moment: of two transactions the one that waited for a lock comes after the other. */
async function put(client: ClientBase, { runId, workspaceId, sourceKey, kind, payload }: Put): Promise<void> {
  await client.query(
    `with put as (
       insert into run_inbox (id, run_id, workspace_id, source_key, kind, payload, created_at) values ($1, $2, $3, $4, $5, $6, clock_timestamp())
       on conflict (run_id, source_key) do nothing returning run_id
     ) select pg_notify('${INBOX_CHANNEL}', run_id::text) from put`,
    [uuidv7(), runId, workspaceId, storedKey(sourceKey), kind, payload],
  );
}

interface Group {
  readonly workflow_id: string;
  readonly environment: number;
  readonly group_key: string;
}

interface WaitingTurn {
  readonly run_id: string;
  readonly workspace_id: string;
  readonly max_running: number | null;
  readonly rate_key: string | null;
  readonly rate_limit: number | null;
  /** Milliseconds. */
  readonly rate_ms: number | null;
}

/** Groups looked at in one call, and runs of one group that begin in one transaction. */
const GROUPS = 200;
const AT_ONCE = 500;

/** One start in `rate_ms / rate_limit`, and up to `rate_limit` at once after a quiet time. */
const EVENLY = `t.rate_ms / t.rate_limit * interval '1 ms'`;
const AHEAD = `(t.rate_ms - t.rate_ms / t.rate_limit) * interval '1 ms'`;

export interface TurnsBegun {
  /** Runs whose turn has come. */
  readonly begun: number;
  /** Until another one may come by itself, in milliseconds; undefined when none waits for an instant. */
  readonly nextInMs?: number;
  /** Some wait, for an instant or for a place. */
  readonly isWaited: boolean;
}

/** Of `t`, a turn that waits: its time has come, its run is there, and the rate of its key `r` has room. */
const MAY_COME = `t.begun_at is null and t.due_at <= clock_timestamp() and (r.free_at is null or r.free_at <= clock_timestamp() + ${AHEAD})
  and exists (select from run_live l where l.run_id = t.run_id)`;
const WITH_RATE = `left join flow_rate r on r.workflow_id = t.workflow_id and r.environment = t.environment and r.key = t.rate_key`;
const IN_ORDER = `t.priority desc, t.run_id`;

/**
 * Groups of which a run may begin. One probe of the index leads from each group to the next, and the first turn that may come says whether there is a
 * place for it, so that what it costs does not grow with how many wait behind.
 */
const GROUPS_TO_BEGIN = /* sql */ `
with recursive g (workflow_id, environment, group_key) as (
  (select workflow_id, environment, group_key from flow_turn where begun_at is null order by workflow_id, environment, group_key limit 1)
  union all
  select n.workflow_id, n.environment, n.group_key from g cross join lateral (
    select workflow_id, environment, group_key from flow_turn t
    where begun_at is null and (t.workflow_id, t.environment, t.group_key) > (g.workflow_id, g.environment, g.group_key)
    order by workflow_id, environment, group_key limit 1) n
)
select g.workflow_id, g.environment, g.group_key from g cross join lateral (
  select t.max_running from flow_turn t ${WITH_RATE}
  where t.workflow_id = g.workflow_id and t.environment = g.environment and t.group_key = g.group_key and ${MAY_COME}
  order by ${IN_ORDER} limit 1) first
where first.max_running is null or first.max_running > (
  select count(*) from flow_turn b join run_live l on l.run_id = b.run_id
  where b.workflow_id = g.workflow_id and b.environment = g.environment and b.group_key = g.group_key and b.begun_at is not null)
limit ${GROUPS}`;

/** Lets runs begin whose turn has come, whoever owns them. Any process may call it at any time. */
export async function beginTurns(database: Database): Promise<TurnsBegun> {
  const groups = await database.query<Group>(GROUPS_TO_BEGIN);
  let begun = 0;
  for (const group of groups) begun += await database.withClient((client) => inTransaction(client, () => beginGroup(client, group)));
  const [next] = await database.query<{ ms: number | null; is_waited: boolean }>(
    `select exists (select from flow_turn where begun_at is null) as is_waited,
       (extract(epoch from least(
         (select min(due_at) from flow_turn where begun_at is null and due_at > clock_timestamp()),
         (select min(r.free_at - ${AHEAD}) from flow_rate r cross join lateral (
            select t.rate_ms, t.rate_limit from flow_turn t
            where t.workflow_id = r.workflow_id and t.environment = r.environment and t.rate_key = r.key and t.begun_at is null limit 1) t
          where r.free_at - ${AHEAD} > clock_timestamp())
       ) - clock_timestamp()) * 1000)::float8 as ms`,
  );
  const ms = next?.ms ?? undefined;
  const isWaited = next?.is_waited === true;
  return ms === undefined || ms === Infinity ? { begun, isWaited } : { begun, isWaited, nextInMs: Math.max(0, ms) };
}

/** Forgets turns of runs that are over and rates that have been free for a day. Returns how many. */
export async function deleteStaleTurns(database: Database, limit: number): Promise<number> {
  const turns = await database.query(
    `delete from flow_turn where run_id in (
       select run_id from flow_turn t where not exists (select from run_live l where l.run_id = t.run_id) limit $1
     ) returning 1 as n`,
    [limit],
  );
  const rates = await database.query(
    `delete from flow_rate where (workflow_id, environment, key) in (
       select workflow_id, environment, key from flow_rate where free_at < clock_timestamp() - interval '1 day' limit $1
     ) returning 1 as n`,
    [limit],
  );
  return Math.max(turns.length, rates.length);
}

async function beginGroup(client: ClientBase, { workflow_id: workflowId, environment, group_key: key }: Group): Promise<number> {
  const place = [workflowId, environment, key];
  await client.query(`select pg_advisory_xact_lock(hashtextextended($1, 1))`, [`flow:${place.join(':')}`]);
  // Of those that wait for a run that is over nothing begins; they are swept.
  await client.query(
    `delete from flow_turn t where workflow_id = $1 and environment = $2 and group_key = $3 and begun_at is not null
       and not exists (select from run_live l where l.run_id = t.run_id)`,
    place,
  );
  const busy = await client.query<{ n: number }>(
    'select count(*)::int4 as n from flow_turn where workflow_id = $1 and environment = $2 and group_key = $3 and begun_at is not null',
    place,
  );
  const { rows } = await client.query<WaitingTurn>(
    `select t.run_id, t.workspace_id, t.max_running, t.rate_key, t.rate_limit, t.rate_ms::float8 as rate_ms from flow_turn t ${WITH_RATE}
     where t.workflow_id = $1 and t.environment = $2 and t.group_key = $3 and ${MAY_COME}
     order by ${IN_ORDER} limit ${AT_ONCE} for update of t`,
    place,
  );
  const free = new Set<string>();
  const full = new Set<string>();
  let places = busy.rows[0]?.n ?? 0;
  for (const turn of rows) {
    if (turn.max_running !== null && places >= turn.max_running) break;
    if (turn.rate_key !== null && (full.has(turn.rate_key) || !(await takeRate(client, workflowId, environment, turn)))) {
      full.add(turn.rate_key);
      continue;
    }
    free.add(turn.run_id);
    places += 1;
  }
  await letBegin(client, [...free]);
  return free.size;
}

async function takeRate(client: ClientBase, workflowId: string, environment: number, turn: WaitingTurn): Promise<boolean> {
  const { rowCount } = await client.query(
    `insert into flow_rate as r (workspace_id, workflow_id, environment, key, free_at)
     select $1, $2, $3, $4, clock_timestamp() + ${EVENLY} from (select $5::float8 as rate_limit, $6::float8 as rate_ms) t
     on conflict (workflow_id, environment, key) do update
       set free_at = greatest(r.free_at, clock_timestamp()) + (excluded.free_at - clock_timestamp())
       where r.free_at <= clock_timestamp() + ($6::float8 - $6::float8 / $5::float8) * interval '1 ms'`,
    [turn.workspace_id, workflowId, environment, turn.rate_key, turn.rate_limit, turn.rate_ms],
  );
  return rowCount === 1;
}

async function letBegin(client: ClientBase, runIds: readonly string[]): Promise<void> {
  if (runIds.length === 0) return;
  await client.query(
    `with begun as (
       update flow_turn set begun_at = clock_timestamp() where run_id = any($1::uuid[]) returning run_id, workspace_id
     ), put as (
       insert into run_inbox (id, run_id, workspace_id, source_key, kind, payload, created_at)
       select gen_random_uuid(), run_id, workspace_id, 'begin', 'begin', '{}', clock_timestamp() from begun
       on conflict (run_id, source_key) do nothing returning run_id
     ) select pg_notify('${INBOX_CHANNEL}', run_id::text) from put`,
    [runIds],
  );
}
