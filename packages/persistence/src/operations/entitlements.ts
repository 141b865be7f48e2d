/** What a workspace's plan allows, counted in the transaction of the act. A plan without a number for a limit does not limit it. */
import type { WorkspaceTransaction } from '../in-workspace.ts';
import type { InstanceStatements } from '../in-instance.ts';
import type { Statements } from '../statements.ts';

export interface EntitleOptions {
  /** Such as `2026-11` for what counts per month. @default '' for what counts as long as it exists */
  readonly period?: string;
  /** Counts what is there when the workspace is counted for the first time. @default 0 */
  readonly countNow?: (tx: WorkspaceTransaction) => Promise<number>;
}

export type EntitleResult =
  | { readonly kind: 'granted'; readonly used: number; readonly limit?: number }
  | { readonly kind: 'refused'; readonly used: number; readonly limit: number };

/**
 * Takes `delta` of a limit, or gives it back when negative. Of acts at once each waits for the one before: none goes over the
 * limit. Giving back always works, also above a limit that was lowered.
 */
export async function entitle(
  tx: WorkspaceTransaction,
  limitKey: string,
  delta: number,
  options: EntitleOptions = {},
): Promise<EntitleResult> {
  const { workspaceId } = tx.context;
  const period = options.period ?? '';
  const values = [workspaceId, limitKey, period];
  const [known] = await tx.query('select from counter where workspace_id = $1 and limit_key = $2 and period = $3', values);
  if (!known) {
    const start = (await options.countNow?.(tx)) ?? 0;
    await tx.query('insert into counter (workspace_id, limit_key, period, used) values ($1, $2, $3, $4) on conflict do nothing', [
      ...values,
      start,
    ]);
  }
  const [counter] = await tx.query<{ used: string }>(
    'select used from counter where workspace_id = $1 and limit_key = $2 and period = $3 for update',
    values,
  );
  const used = Number(counter?.used ?? 0);
  const limit = await limitOf(tx, workspaceId, limitKey);
  if (delta > 0 && limit !== undefined && used + delta > limit) return { kind: 'refused', used, limit };
  const next = Math.max(0, used + delta);
  await tx.query('update counter set used = $4 where workspace_id = $1 and limit_key = $2 and period = $3', [...values, next]);
  return { kind: 'granted', used: next, ...(limit === undefined ? {} : { limit }) };
}

/** What was used and what the plan allows, by limit; for pages. */
export async function readEntitlements(
  tx: WorkspaceTransaction,
  period = '',
): Promise<Map<string, { readonly used: number; readonly limit?: number }>> {
  const [plan] = await tx.query<{ limits: Record<string, unknown> }>(
    'select p.limits from workspace w join plan p on p.key = w.plan_key where w.id = $1',
    [tx.context.workspaceId],
  );
  const counters = await tx.query<{ key: string; used: string }>(
    `select limit_key as key, used from counter where workspace_id = $1 and period in ('', $2)`,
    [tx.context.workspaceId, period],
  );
  const used = new Map(counters.map((row) => [row.key, Number(row.used)]));
  const limits = plan?.limits ?? {};
  return new Map(
    [...new Set([...used.keys(), ...Object.keys(limits)])].toSorted().map((key) => {
      const limit = numberOf(limits[key]);
      return [key, { used: used.get(key) ?? 0, ...(limit === undefined ? {} : { limit }) }];
    }),
  );
}

/** What a plan can limit by how much of it there is. */
const COUNTED = {
  workflows: 'select count(*)::int4 as n from workflow where workspace_id = $1 and deleted_at is null',
  projects: 'select count(*)::int4 as n from project where workspace_id = $1 and deleted_at is null',
  credentials: 'select count(*)::int4 as n from credential where workspace_id = $1 and deleted_at is null',
  members: `select count(*)::int4 as n from member m join principal p on p.id = m.principal_id and p.kind = 'person'
             where m.workspace_id = $1 and m.state = 'active'`,
} as const;
export type CountedLimit = keyof typeof COUNTED;
export const COUNTED_LIMITS: readonly CountedLimit[] = ['workflows', 'projects', 'credentials', 'members'];

export interface HeldLimit {
  readonly key: CountedLimit;
  readonly limit: number;
  readonly used: number;
}

/**
 * Before an act that may make more of something: what there is, and holds others who make more of it until the transaction ends.
 * Undefined, and without a count or a lock, where the plan does not limit it. What exists is counted instead of kept in a number, so that
 * no way of making or deleting something can make the number wrong.
 */
export async function holdLimit(tx: Statements, workspaceId: string, key: CountedLimit): Promise<HeldLimit | undefined> {
  const limit = await limitOf(tx, workspaceId, key);
  if (limit === undefined) return undefined;
  await tx.query(
    `insert into counter as c (workspace_id, limit_key, period, used) values ($1, $2, 'held', 0)
       on conflict (workspace_id, limit_key, period) do update set used = c.used`,
    [workspaceId, key],
  );
  return { key, limit, used: await countOf(tx, workspaceId, key) };
}

/** After the act: undefined when it stayed within the limit, or made nothing more where a plan was lowered below what is there. */
export async function exceededLimit(
  tx: Statements,
  workspaceId: string,
  held: HeldLimit,
): Promise<{ readonly used: number; readonly limit: number } | undefined> {
  const used = await countOf(tx, workspaceId, held.key);
  return used > held.limit && used > held.used ? { used: held.used, limit: held.limit } : undefined;
}

async function countOf(tx: Statements, workspaceId: string, key: CountedLimit): Promise<number> {
  const [row] = await tx.query<{ n: number }>(COUNTED[key], [workspaceId]);
  return row?.n ?? 0;
}

export interface CountedUse {
  readonly key: CountedLimit;
  readonly used: number;
  readonly limit?: number;
}

/** What there is, and what the plan allows of it; for pages. */
export async function readLimits(tx: WorkspaceTransaction): Promise<CountedUse[]> {
  const uses: CountedUse[] = [];
  for (const key of COUNTED_LIMITS) {
    const limit = await limitOf(tx, tx.context.workspaceId, key);
    uses.push({ key, used: await countOf(tx, tx.context.workspaceId, key), ...(limit === undefined ? {} : { limit }) });
  }
  return uses;
}

export interface Plan {
  readonly key: string;
  readonly name: string;
  /** Numbers by limit; a missing one is no limit. */
  readonly limits: Readonly<Record<string, number>>;
  readonly rev: number;
}

export function listPlans(statements: InstanceStatements): Promise<Plan[]> {
  return statements.query('select key, name, limits, rev from plan order by key');
}

/** Makes or replaces a plan; workspaces that have it are under it from their next act on. */
export async function savePlan(statements: InstanceStatements, plan: Omit<Plan, 'rev'>): Promise<void> {
  await statements.query(
    `insert into plan (key, name, limits) values ($1, $2, $3)
       on conflict (key) do update set name = excluded.name, limits = excluded.limits, rev = plan.rev + 1, updated_at = now()`,
    [plan.key, plan.name, JSON.stringify(plan.limits)],
  );
}

async function limitOf(tx: Statements, workspaceId: string, limitKey: string): Promise<number | undefined> {
  const [row] = await tx.query<{ limit: unknown }>(
    'select p.limits -> $2 as limit from workspace w join plan p on p.key = w.plan_key where w.id = $1',
    [workspaceId, limitKey],
  );
  return numberOf(row?.limit);
}

function numberOf(value: unknown): number | undefined {
  return typeof value === 'number' ? value : undefined;
}
