/**
 * The end of a closed workspace: what opens its secrets goes first, then every row of it, table by table and in batches. Which tables there are
 * and how they hang together is read from the database, so that a new table is never forgotten. What stays is a row without a name, on which the
 * entries of its audit log stand, and their payloads are erased.
 */
import type { Database } from '../database.ts';
import { type InstanceTransaction, inInstance } from '../in-instance.ts';
import { recordAudit } from '../operations/audit.ts';

export interface WorkspaceToPurge {
  readonly id: string;
  /** Nothing opens its secrets any more; rows may be left. */
  readonly isBegun: boolean;
}

/** Those closed for longer than `graceMs`, and those whose purge was begun and not ended; longest closed first. */
export async function listWorkspacesToPurge(database: Database, graceMs: number): Promise<WorkspaceToPurge[]> {
  return database.query<WorkspaceToPurge>(
    `select id, purge_began_at is not null as "isBegun" from workspace
      where deleted_at is not null and purged_at is null and (purge_began_at is not null or deleted_at < now() - $1::float8 * interval '1 ms')
      order by deleted_at limit 100`,
    [graceMs],
  );
}

/** From here there is no way back: keys and secrets are destroyed, the name is free, and the server's own audit log says so. False when it was opened again. */
export function beginPurge(
  database: Database,
  { id, graceMs, systemPrincipalId }: { readonly id: string; readonly graceMs: number; readonly systemPrincipalId: string },
): Promise<boolean> {
  return inInstance(database, async (tx) => {
    const [row] = await tx.query<{ slug: string }>(
      `select slug from workspace where id = $1 and purge_began_at is null and deleted_at < now() - $2::float8 * interval '1 ms' for update`,
      [id, graceMs],
    );
    if (!row) return false;
    await tx.query(
      `update workspace set purge_began_at = now(), slug = 'purged-' || id, name = '', data_key_id = null, access_version = access_version + 1, rev = rev + 1
        where id = $1`,
      [id],
    );
    for (const statement of DESTROY) await tx.query(statement, [id]);
    await recordAudit(tx, {
      principalId: systemPrincipalId,
      actorKind: 'system',
      action: 'workspace.purge',
      resourceKind: 'workspace',
      resourceId: id,
    });
    return true;
  });
}

const DESTROY = [
  'delete from credential_secret where workspace_id = $1',
  'delete from data_key where workspace_id = $1',
  'update identity_provider set joins_workspace_id = null where joins_workspace_id = $1',
];

/** Deletes up to about `limit` rows; gives how many. 0: nothing is left. */
export function purgeRows(database: Database, { id, limit }: { readonly id: string; readonly limit: number }): Promise<number> {
  return inInstance(database, async (tx) => {
    let count = 0;
    for (const { statement, kept } of await statementsOf(tx)) {
      const rows = await tx.query(statement, kept ? [id] : [id, limit - count]);
      count += rows.length;
      if (count >= limit) return count;
    }
    return count;
  });
}

/** Only its row is left, and its audit log without payloads. */
export async function endPurge(database: Database, id: string): Promise<void> {
  await database.query('update workspace set purged_at = now() where id = $1 and purge_began_at is not null', [id]);
}

interface PurgeStatement {
  readonly statement: string;
  /** Takes the workspace only. */
  readonly kept: boolean;
}

/** Their rows stay: the workspace itself and what happened in it. */
const STAYING = new Set(['workspace', 'audit']);

/** Rows that name no workspace, before those they belong to. */
const WITHOUT_WORKSPACE: readonly PurgeStatement[] = [
  { statement: 'update audit set payload = null where workspace_id = $1 and payload is not null returning 1', kept: true },
  {
    statement: `delete from setting where (scope = 'workspace' and scope_id = $1) or (scope = 'project' and scope_id in (select id from project where workspace_id = $1)) returning 1`,
    kept: true,
  },
  {
    statement: `delete from run_chunk where run_id in (select c.run_id from run_chunk c join run r on r.id = c.run_id where r.workspace_id = $1 limit $2) returning 1`,
    kept: false,
  },
];

async function statementsOf(tx: InstanceTransaction): Promise<PurgeStatement[]> {
  const tables = await tx.query<{ name: string; isSelfReferring: boolean }>(
    `select c.relname as name, exists (select from pg_constraint f where f.contype = 'f' and f.conrelid = c.oid and f.confrelid = c.oid) as "isSelfReferring"
       from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'workspace_id' and not a.attisdropped
      where c.relnamespace = current_schema()::regnamespace and c.relkind in ('r', 'p') and not c.relispartition order by c.relname`,
  );
  const references = await tx.query<{ from: string; to: string }>(
    `select distinct a.relname as "from", b.relname as "to" from pg_constraint f join pg_class a on a.oid = f.conrelid join pg_class b on b.oid = f.confrelid
      where f.contype = 'f' and a.oid <> b.oid and a.relnamespace = current_schema()::regnamespace`,
  );
  const purged = tables.filter(({ name }) => !STAYING.has(name));
  const ordered = referringFirst(
    purged.map(({ name }) => name),
    references,
  );
  const isSelfReferring = new Set(purged.filter((one) => one.isSelfReferring).map((one) => one.name));
  return [
    ...WITHOUT_WORKSPACE,
    ...ordered.map((name) =>
      isSelfReferring.has(name)
        ? // A batch could leave a row behind that what is deleted stands under.
          { statement: `delete from "${name}" where workspace_id = $1 returning 1`, kept: true }
        : {
            statement: `delete from "${name}" where (tableoid, ctid) in (select tableoid, ctid from "${name}" where workspace_id = $1 limit $2) returning 1`,
            kept: false,
          },
    ),
  ];
}

/** Each table before those it refers to. */
function referringFirst(names: readonly string[], references: readonly { readonly from: string; readonly to: string }[]): string[] {
  const left = new Set(names);
  const ordered: string[] = [];
  while (left.size > 0) {
    const free = [...left].filter((name) => !references.some(({ from, to }) => to === name && left.has(from)));
    if (free.length === 0) throw new Error(`these tables refer to each other in a circle: ${[...left].join(', ')}`);
    for (const name of free) left.delete(name);
    ordered.push(...free);
  }
  return ordered;
}
