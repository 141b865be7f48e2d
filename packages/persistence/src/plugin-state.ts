/**
 * Small values that a step keeps between the runs of its workflow, apart for each environment and node. A key may also be taken by a run:
 * the first run that asks gets it, and every attempt of that run gets it again.
 */
import type { Json } from '@plugboard/sdk';
import type { InstanceStatements } from './in-instance.ts';
import type { WorkspaceTransaction } from './in-workspace.ts';

/** Whose values. */
export interface StateScope {
  readonly workflowId: string;
  /** 0 draft, 1 live. */
  readonly environment: number;
  readonly nodeId: string;
}

/** `full`: the node keeps as many keys as it may. */
export type StateResult = 'done' | 'full';

export async function readPluginState(tx: WorkspaceTransaction, scope: StateScope, key: string): Promise<Json | undefined> {
  const [row] = await tx.query<{ value: Json | null }>(
    `select value from plugin_state where ${WHERE} and key = $5 and value is not null and (expires_at is null or expires_at > now())`,
    [...of(tx, scope), key],
  );
  return row?.value ?? undefined;
}

/** `undefined` takes the value away. */
export async function writePluginState(
  tx: WorkspaceTransaction,
  scope: StateScope,
  key: string,
  value: Json | undefined,
  maxKeys: number,
): Promise<StateResult> {
  if (value === undefined || value === null) {
    await tx.query(`delete from plugin_state where ${WHERE} and key = $5`, [...of(tx, scope), key]);
    return 'done';
  }
  if ((await countKeys(tx, scope)) >= maxKeys) {
    const known = await tx.query(`select from plugin_state where ${WHERE} and key = $5`, [...of(tx, scope), key]);
    if (known.length === 0) return 'full';
  }
  await tx.query(
    `insert into plugin_state (workspace_id, workflow_id, environment, node_id, key, value) values ($1, $2, $3, $4, $5, $6)
       on conflict (workspace_id, workflow_id, environment, node_id, key)
       do update set value = excluded.value, run_id = null, expires_at = null, rev = plugin_state.rev + 1, updated_at = now()`,
    [...of(tx, scope), key, JSON.stringify(value)],
  );
  return 'done';
}

export interface ClaimKeys {
  readonly keys: readonly string[];
  /** Root of the run and its retries. */
  readonly runId: string;
  /** After so long a key is new again, in milliseconds. */
  readonly keepMs: number;
  /** The oldest keys of the node give way to new ones above this number. */
  readonly maxKeys: number;
}

/** The keys this run has, of those it asks for: those nobody had, and those it took before. Of runs at once one gets a key. */
export async function claimPluginKeys(tx: WorkspaceTransaction, scope: StateScope, claim: ClaimKeys): Promise<ReadonlySet<string>> {
  const keys = [...new Set(claim.keys)];
  const rows = await tx.query<{ key: string }>(
    // In order of the keys, so that two runs that ask for the same ones never wait for each other.
    `insert into plugin_state (workspace_id, workflow_id, environment, node_id, key, run_id, expires_at)
       select $1, $2, $3, $4, key, $6, now() + $7::float8 * interval '1 ms' from unnest($5::text[]) as key order by key
       on conflict (workspace_id, workflow_id, environment, node_id, key)
       do update set run_id = excluded.run_id, updated_at = now(), expires_at = excluded.expires_at, rev = plugin_state.rev + 1
         where plugin_state.run_id = excluded.run_id or plugin_state.expires_at <= now()
       returning key`,
    [...of(tx, scope), keys, claim.runId, claim.keepMs],
  );
  const over = (await countKeys(tx, scope)) - claim.maxKeys;
  if (over > 0) {
    await tx.query(
      `delete from plugin_state where ${WHERE} and key in (
         select key from plugin_state where ${WHERE} and run_id is distinct from $5 order by updated_at limit $6)`,
      [...of(tx, scope), claim.runId, over],
    );
  }
  return new Set(rows.map((row) => row.key));
}

/** Keys past their time, and those of workflows that are gone. Call again while it gives `limit`. */
export async function deleteExpiredPluginState(statements: InstanceStatements, limit = 1000): Promise<number> {
  const rows = await statements.query(
    `delete from plugin_state where ctid in (
       select s.ctid from plugin_state s where s.expires_at <= now() or not exists (select from workflow w where w.id = s.workflow_id)
        limit $1 for update skip locked) returning 1`,
    [limit],
  );
  return rows.length;
}

async function countKeys(tx: WorkspaceTransaction, scope: StateScope): Promise<number> {
  const [row] = await tx.query<{ n: number }>(`select count(*)::int4 as n from plugin_state where ${WHERE}`, of(tx, scope));
  return row?.n ?? 0;
}

const WHERE = 'workspace_id = $1 and workflow_id = $2 and environment = $3 and node_id = $4';

function of(tx: WorkspaceTransaction, { workflowId, environment, nodeId }: StateScope): unknown[] {
  return [tx.context.workspaceId, workflowId, environment, nodeId];
}
