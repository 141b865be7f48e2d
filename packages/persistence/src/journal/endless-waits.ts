/**
 * Called runs that would wait for ever: for a place that is held only by runs which wait, through the runs they call, for places that never come free.
 * The simplest is a workflow that runs one at a time and calls itself. Asked in the transaction that makes a called run wait, for nothing else can
 * close such a ring: a run that begins waits for nobody yet.
 */
import type { ClientBase } from 'pg';

/** Runs of a workflow that share a limit of how many are at work. */
export interface TurnGroup {
  readonly workflowId: string;
  readonly environment: number;
  readonly key: string;
}

export interface CalledTurn {
  readonly workspaceId: string;
  readonly group: TurnGroup;
  readonly limit: number;
  /** The run that waits for it. */
  readonly callerId: string;
}

export interface EndlessWait {
  /** The workflow that is called. */
  readonly workflow: string;
  readonly limit: number;
  /** Who has its places, oldest first; some of them where they are many. */
  readonly holders: readonly { readonly runId: string; readonly workflow: string }[];
}

/** Groups and calls looked at; a ring beyond is not found. */
const MOST_GROUPS = 100;
const MOST_CALLS = 10_000;
const SAID = 3;

interface Group extends TurnGroup {
  readonly holders: readonly string[];
  /** Groups in which runs that a holder waits for wait for a place, by the holder. */
  readonly waits: ReadonlyMap<string, ReadonlySet<string>>;
}

export async function findEndlessWait(client: ClientBase, called: CalledTurn): Promise<EndlessWait | undefined> {
  const callers = await waitingCallers(client, called.callerId);
  // Nobody waits for a run whose callers hold no place.
  const { rowCount } = await client.query(
    'select from flow_turn where run_id = any($1::uuid[]) and begun_at is not null and max_running is not null limit 1',
    [callers],
  );
  if (rowCount === 0) return undefined;
  if ((await holdersOf(client, called.group, called.limit)).length < called.limit) return undefined;
  // Of two calls that close a ring together, the second one sees the first.
  await client.query(`select pg_advisory_xact_lock(hashtextextended($1, 2))`, [`flow-waits:${called.workspaceId}`]);
  const groups = await groupsAround(client, called, new Set(callers));
  const stuck = stuckAmong(groups);
  const own = nameOf(called.group);
  if (!stuck.has(own)) return undefined;
  const holders = groups.get(own)?.holders ?? [];
  const { rows } = await client.query<{ name: string }>('select name from workflow where id = $1', [called.group.workflowId]);
  const names = await client.query<{ run_id: string; name: string | null }>(
    `select l.run_id, w.name from run_live l left join workflow w on w.id = l.workflow_id where l.run_id = any($1::uuid[]) order by l.run_id limit ${SAID}`,
    [holders],
  );
  return {
    workflow: rows[0]?.name ?? called.group.workflowId,
    limit: called.limit,
    holders: names.rows.map(({ run_id: runId, name }) => ({ runId, workflow: name ?? 'a workflow that is gone' })),
  };
}

/** The run that calls and those that wait for it, up to one nobody waits for. */
async function waitingCallers(client: ClientBase, callerId: string): Promise<readonly string[]> {
  const { rows } = await client.query<{ run_id: string }>(
    `with recursive up (run_id, level) as (
       select $1::uuid, 0
       union all
       select l.parent_run_id, up.level + 1 from up join run_live l on l.run_id = up.run_id where l.parent_run_id is not null and up.level < 1000
     ) select run_id from up`,
    [callerId],
  );
  return rows.map((row) => row.run_id);
}

async function holdersOf(client: ClientBase, { workflowId, environment, key }: TurnGroup, limit: number): Promise<readonly string[]> {
  const { rows } = await client.query<{ run_id: string }>(
    `select b.run_id from flow_turn b join run_live l on l.run_id = b.run_id
     where b.workflow_id = $1 and b.environment = $2 and b.group_key = $3 and b.begun_at is not null limit $4`,
    [workflowId, environment, key, limit],
  );
  return rows.map((row) => row.run_id);
}

interface WaitRow {
  readonly holder: string;
  readonly workflow_id: string;
  readonly environment: number;
  readonly group_key: string;
  readonly max_running: number;
}

/** From the group of the call on, along what its holders wait for. Groups with a free place are left out. */
async function groupsAround(client: ClientBase, called: CalledTurn, callers: ReadonlySet<string>): Promise<ReadonlyMap<string, Group>> {
  const groups = new Map<string, Group>();
  const own = nameOf(called.group);
  const open: { readonly group: TurnGroup; readonly limit: number }[] = [called];
  const seen = new Set([own]);
  for (let next = open.shift(); next && seen.size <= MOST_GROUPS; next = open.shift()) {
    const { group, limit } = next;
    const holders = await holdersOf(client, group, limit);
    if (holders.length < limit) continue;
    const waits = new Map<string, Set<string>>(holders.map((holder) => [holder, new Set(callers.has(holder) ? [own] : [])]));
    for (const row of await waitsOf(client, holders)) {
      const waited: TurnGroup = { workflowId: row.workflow_id, environment: row.environment, key: row.group_key };
      const name = nameOf(waited);
      waits.get(row.holder)?.add(name);
      if (seen.has(name)) continue;
      seen.add(name);
      open.push({ group: waited, limit: row.max_running });
    }
    groups.set(nameOf(group), { ...group, holders, waits });
  }
  return groups;
}

/** Places that runs wait for which these runs wait for, through however many calls. */
async function waitsOf(client: ClientBase, holders: readonly string[]): Promise<readonly WaitRow[]> {
  const { rows } = await client.query<WaitRow>(
    `with recursive down (holder, run_id, level) as (
       select h, h, 0 from unnest($1::uuid[]) h
       union all
       select d.holder, l.run_id, d.level + 1 from down d join run_live l on l.parent_run_id = d.run_id where d.level < 1000
     ) select distinct d.holder, t.workflow_id, t.environment, t.group_key, t.max_running
       from (select * from down limit ${MOST_CALLS}) d join flow_turn t on t.run_id = d.run_id
       where t.begun_at is null and t.max_running is not null and d.level > 0`,
    [holders],
  );
  return rows;
}

/** Groups of which no holder can end: each waits for a place in one of them. */
function stuckAmong(groups: ReadonlyMap<string, Group>): ReadonlySet<string> {
  const stuck = new Set(groups.keys());
  for (let isSettled = false; !isSettled;) {
    isSettled = true;
    for (const name of stuck) {
      const waits = groups.get(name)?.waits ?? new Map<string, ReadonlySet<string>>();
      if ([...waits.values()].every((waited) => [...waited].some((one) => stuck.has(one)))) continue;
      stuck.delete(name);
      isSettled = false;
    }
  }
  return stuck;
}

function nameOf({ workflowId, environment, key }: TurnGroup): string {
  return `${workflowId}:${environment}:${key}`;
}
