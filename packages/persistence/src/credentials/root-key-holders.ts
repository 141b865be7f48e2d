/**
 * Which process has which root keys. A key is only wrapped with another root key once every process that is alive can open what that one wraps:
 * each says here what it has, and by when it was seen last.
 */
import type { Database } from '../database.ts';
import type { InstanceStatements } from '../in-instance.ts';

export interface RootKeyHolding {
  readonly processId: string;
  readonly rootKeyIds: readonly string[];
  /** The one this process wraps new keys with. */
  readonly wrappingId: string;
}

/** A process not seen for so long is taken to be gone, in milliseconds. */
const GONE_MS = 60_000;

/** Says what a process has now, and that it is alive. */
export async function holdRootKeys(statements: InstanceStatements, { processId, rootKeyIds, wrappingId }: RootKeyHolding): Promise<void> {
  await statements.query(
    `insert into root_key_holder (process_id, root_key_ids, wrapping_id) values ($1, $2, $3)
       on conflict (process_id) do update set root_key_ids = excluded.root_key_ids, wrapping_id = excluded.wrapping_id, seen_at = now()`,
    [processId, rootKeyIds, wrappingId],
  );
  await statements.query(`delete from root_key_holder where seen_at < now() - interval '1 day'`);
}

/** Of this process, or of all. */
export async function releaseRootKeys(database: Database, processId?: string): Promise<void> {
  await database.query('delete from root_key_holder where $1::uuid is null or process_id = $1', [processId ?? null]);
}

/** Of the processes that are alive. */
export function listRootKeyHolders(statements: InstanceStatements): Promise<RootKeyHolding[]> {
  return statements.query(
    `select process_id as "processId", root_key_ids as "rootKeyIds", wrapping_id as "wrappingId" from root_key_holder
      where seen_at > now() - $1::float8 * interval '1 ms' order by process_id`,
    [GONE_MS],
  );
}
