/**
 * Money of runs: a reservation for each paid call, by the call's idempotency key, and the budget of the tree of runs it is charged to. A tree is a run
 * with its retries and the runs they call; runs of a chain are one tree, whose root is the first of them. Amounts are whole pico-dollars.
 *
 * Every change is one statement that locks the reservation first and the budget after it.
 */
import type { Database } from '../database.ts';
import { UNIQUE_VIOLATION, errorCodeOf } from '../errors.ts';
import type { InstanceStatements, InstanceTransaction } from '../in-instance.ts';
import { storedKey } from './stored-key.ts';

export interface CallKey {
  readonly workspaceId: string;
  /** The idempotency key of the call. */
  readonly key: string;
}

export interface Reserve extends CallKey {
  /** As the run has it; its chain is looked up here. */
  readonly rootRunId: string;
  readonly runId: string;
  /** The step. */
  readonly place: string;
  readonly amountPd: bigint;
  /** Settled as unknown after that, by the clock of the database, in milliseconds. */
  readonly expiresInMs: number;
  /** Absent for a run that says nothing about what its tree may spend. */
  readonly limits?: BudgetLimits | undefined;
}

/** What a tree of runs may spend. Where it has a budget already they count from now on if they are of the same workflow. */
export interface BudgetLimits {
  readonly workflowId: string;
  readonly environment: number;
  readonly stopPd: bigint;
  readonly warnPd: bigint;
  /** They are those of the root, so that the budget may begin with them. */
  readonly areOfRoot: boolean;
}

export interface RunBudget {
  readonly rootRunId: string;
  /** Whose settings say what may be spent. */
  readonly workflowId: string;
  readonly spentPd: bigint;
  /** Of calls under way. */
  readonly reservedPd: bigint;
  readonly limitPd: bigint;
  readonly warnPd: bigint;
}

/**
 * `kept`: the key has its reservation already, so nothing more was taken. `refused`: nothing was reserved. `no_budget`: nobody has said yet what
 * the tree may spend.
 */
export type Reserved = { readonly kind: 'reserved' | 'kept' | 'no_budget' } | { readonly kind: 'refused'; readonly budget: RunBudget };

const TOP = `(select coalesce((select c.first_run_id from run_chain c where c.workspace_id = $1 and c.run_id = $2), $2::uuid))`;

const RESERVE = /* sql */ `
with top as (select ${TOP} as id), found as (
  select state from reservation where workspace_id = $1 and key = $3 for update
), prolonged as (
  update reservation set expires_at = greatest(expires_at, clock_timestamp() + $4::float8 * interval '1 ms')
  where workspace_id = $1 and key = $3 and state = 'open' and exists (select from found)
), budget as (
  -- Without limits of the root it only adds to a budget that is there: what it would insert never is.
  insert into run_budget as b (root_run_id, workspace_id, workflow_id, environment, limit_pd, warn_pd, reserved_pd)
  select top.id, $1, coalesce($5::uuid, top.id), coalesce($6::int2, 0), coalesce($8::int8, 0), coalesce($9::int8, 0), $7::int8 from top
  where not exists (select from found where state <> 'released')
    and (exists (select from run_budget where root_run_id = top.id) or ($12::boolean and $7::int8 <= $8::int8))
  on conflict (root_run_id) do update
    set reserved_pd = b.reserved_pd + excluded.reserved_pd,
      limit_pd = case when b.workflow_id = $5::uuid then $8::int8 else b.limit_pd end,
      warn_pd = case when b.workflow_id = $5::uuid then $9::int8 else b.warn_pd end
    where b.spent_pd + b.reserved_pd + excluded.reserved_pd <= case when b.workflow_id = $5::uuid then $8::int8 else b.limit_pd end
  returning root_run_id
), made as (
  insert into reservation (workspace_id, key, root_run_id, run_id, place, state, reserved_pd, expires_at)
  select $1, $3, root_run_id, $10::uuid, $11, 'open', $7::int8, clock_timestamp() + $4::float8 * interval '1 ms' from budget
  where not exists (select from found)
), again as (
  update reservation r set state = 'open', root_run_id = budget.root_run_id, run_id = $10::uuid, place = $11, reserved_pd = $7::int8,
    expires_at = clock_timestamp() + $4::float8 * interval '1 ms'
  from budget where r.workspace_id = $1 and r.key = $3
)
select (select state from found) as state, exists (select from budget) as is_reserved`;

/** Two who reserve one key at once: the second sees that of the first. */
export async function reserveSpending(database: Database, reserve: Reserve): Promise<Reserved> {
  const { workspaceId, rootRunId, key, expiresInMs, amountPd, limits, runId, place } = reserve;
  const values = [
    workspaceId,
    rootRunId,
    storedKey(key),
    expiresInMs,
    limits?.workflowId ?? null,
    limits?.environment ?? null,
    String(amountPd),
    limits ? String(limits.stopPd) : null,
    limits ? String(limits.warnPd) : null,
    runId,
    place,
    limits?.areOfRoot === true,
  ];
  const ask = () => database.query<{ state: string | null; is_reserved: boolean }>(RESERVE, values);
  const [row] = await ask().catch((error: unknown) => {
    if (errorCodeOf(error) === UNIQUE_VIOLATION) return ask();
    throw error;
  });
  if (row?.is_reserved === true) return { kind: 'reserved' };
  if (row && row.state !== null && row.state !== 'released') return { kind: 'kept' };
  const budget = await findBudget(database, { workspaceId, rootRunId });
  if (budget) return { kind: 'refused', budget: budget.workflowId === limits?.workflowId ? { ...budget, limitPd: limits.stopPd } : budget };
  if (limits?.areOfRoot !== true) return { kind: 'no_budget' };
  const { workflowId, stopPd: limitPd, warnPd } = limits;
  return { kind: 'refused', budget: { rootRunId, workflowId, spentPd: 0n, reservedPd: 0n, limitPd, warnPd } };
}

const SETTLE = /* sql */ `
with found as (
  select root_run_id, state, reserved_pd, settled_pd, coalesce($3::int8, reserved_pd) as cost_pd
  from reservation where workspace_id = $1 and key = $2 for update
), due as (
  select root_run_id, case when state = 'open' then reserved_pd else 0 end as held_pd, greatest(cost_pd - settled_pd, 0) as more_pd
  from found where state <> 'settled' or cost_pd > settled_pd
), settled as (
  update reservation r set state = 'settled', settled_pd = r.settled_pd + due.more_pd, is_unknown = $3::int8 is null, settled_at = clock_timestamp()
  from due where r.workspace_id = $1 and r.key = $2
)
update run_budget b set reserved_pd = b.reserved_pd - due.held_pd, spent_pd = b.spent_pd + due.more_pd
from due where b.root_run_id = due.root_run_id
returning b.root_run_id as id, b.warned_at is null and b.spent_pd >= b.warn_pd as is_due`;

/**
 * What a call cost; undefined where nobody knows: then it cost what was reserved. What was settled never becomes less, so a repeat under the same
 * key adds only what it cost more. Gives the root of the tree when somebody is to be warned.
 */
export async function settleSpending(
  database: Database,
  { workspaceId, key }: CallKey,
  costPd: bigint | undefined,
): Promise<string | undefined> {
  const values = [workspaceId, storedKey(key), costPd === undefined ? null : String(costPd)];
  const [row] = await database.query<{ id: string; is_due: boolean }>(SETTLE, values);
  return row?.is_due === true ? row.id : undefined;
}

/** The call was not made: what was reserved is free. Of one that is settled nothing comes back. */
export async function releaseSpending(database: Database, { workspaceId, key }: CallKey): Promise<void> {
  await database.query(
    `with found as (
       select root_run_id, reserved_pd from reservation where workspace_id = $1 and key = $2 and state = 'open' for update
     ), released as (
       update reservation r set state = 'released', settled_at = clock_timestamp() from found where r.workspace_id = $1 and r.key = $2
     )
     update run_budget b set reserved_pd = b.reserved_pd - found.reserved_pd from found where b.root_run_id = found.root_run_id`,
    [workspaceId, storedKey(key)],
  );
}

/** Calls of which nothing was heard in time cost what was reserved for them. Gives how many; call again while it gives `limit`. */
export async function settleExpiredSpending(database: Database, limit: number): Promise<number> {
  const [row] = await database.query<{ n: number }>(
    `with due as materialized (
       select workspace_id, key, root_run_id, reserved_pd from reservation
       where state = 'open' and expires_at <= clock_timestamp() order by expires_at limit $1 for update skip locked
     ), sums as (
       select root_run_id, sum(reserved_pd)::int8 as pd from due group by root_run_id
     ), locked as materialized (
       -- In one order, so that sweeps of two servers do not wait for each other.
       select root_run_id from run_budget where root_run_id in (select root_run_id from sums) order by root_run_id for update
     ), settled as (
       update reservation r set state = 'settled', settled_pd = r.settled_pd + due.reserved_pd, is_unknown = true, settled_at = clock_timestamp()
       from due where r.workspace_id = due.workspace_id and r.key = due.key
     ), charged as (
       update run_budget b set reserved_pd = b.reserved_pd - sums.pd, spent_pd = b.spent_pd + sums.pd
       from sums join locked using (root_run_id) where b.root_run_id = sums.root_run_id
     ) select count(*)::int4 as n from due`,
    [limit],
  );
  return row?.n ?? 0;
}

/** Trees that have spent so much that somebody is to be told, and nobody was yet. */
export async function listBudgetsToWarn(database: Database, limit: number): Promise<string[]> {
  const rows = await database.query<{ id: string }>(
    'select root_run_id as id from run_budget where warned_at is null and spent_pd >= warn_pd order by root_run_id limit $1',
    [limit],
  );
  return rows.map(({ id }) => id);
}

export interface BudgetWarning extends RunBudget {
  readonly workspaceId: string;
  readonly environment: number;
  /** Who started the root; undefined where nobody did. */
  readonly initiator?: string;
}

/** Notes in the transaction that tells of it that the tree has been warned of. Undefined when it was before. */
export async function takeBudgetWarning(tx: InstanceTransaction, rootRunId: string): Promise<BudgetWarning | undefined> {
  const [row] = await tx.query<BudgetRow & { workspaceId: string; environment: number; initiator: string | null }>(
    `update run_budget b set warned_at = clock_timestamp() where root_run_id = $1 and warned_at is null and spent_pd >= warn_pd
     returning ${BUDGET}, b.workspace_id as "workspaceId", b.environment,
       (select r.initiator from run r where r.id = b.root_run_id) as initiator`,
    [rootRunId],
  );
  if (!row) return undefined;
  const { workspaceId, environment, initiator } = row;
  return { ...toBudget(row), workspaceId, environment, ...(initiator === null ? {} : { initiator }) };
}

interface BudgetReader {
  query<Row extends object>(text: string, values?: readonly unknown[]): Promise<Row[]>;
}

interface BudgetRow {
  readonly rootRunId: string;
  readonly workflowId: string;
  readonly spent: string;
  readonly reserved: string;
  readonly most: string;
  readonly warn: string;
}

const BUDGET = `b.root_run_id as "rootRunId", b.workflow_id as "workflowId", b.spent_pd::text as spent, b.reserved_pd::text as reserved, b.limit_pd::text as most, b.warn_pd::text as warn`;

/** What the tree of a run has spent; undefined for one that has not begun to. */
export async function findBudget(
  db: BudgetReader,
  { workspaceId, rootRunId }: { readonly workspaceId: string; readonly rootRunId: string },
): Promise<RunBudget | undefined> {
  const [row] = await db.query<BudgetRow>(`select ${BUDGET} from run_budget b where b.workspace_id = $1 and b.root_run_id = ${TOP}`, [
    workspaceId,
    rootRunId,
  ]);
  return row && toBudget(row);
}

/** Reservations of runs that are gone, and budgets of trees of which nothing is left. Gives how many; call again while it gives `limit`. */
export async function deleteStaleSpending(
  statements: InstanceStatements,
  { olderThan, limit = 1000 }: { readonly olderThan: number; readonly limit?: number },
): Promise<number> {
  const old = `created_at < to_timestamp($1::float8 / 1000)`;
  const calls = await statements.query(
    `delete from reservation where (workspace_id, key) in (
       select workspace_id, key from reservation s where ${old} and state <> 'open' and not exists (select from run r where r.id = s.run_id) limit $2) returning 1`,
    [olderThan, limit],
  );
  const budgets = await statements.query(
    `delete from run_budget where root_run_id in (
       select root_run_id from run_budget b where ${old} and not exists (select from run r where r.id = b.root_run_id)
         and not exists (select from reservation s where s.root_run_id = b.root_run_id) limit $2) returning 1`,
    [olderThan, limit],
  );
  return Math.max(calls.length, budgets.length);
}

function toBudget({ rootRunId, workflowId, spent, reserved, most, warn }: BudgetRow): RunBudget {
  return { rootRunId, workflowId, spentPd: BigInt(spent), reservedPd: BigInt(reserved), limitPd: BigInt(most), warnPd: BigInt(warn) };
}
