/** What runs are found by besides their columns: tags and values that were marked searchable. */
import { uuidFloor } from './ids.ts';
import type { InstanceStatements } from './in-instance.ts';
import type { WorkspaceTransaction } from './in-workspace.ts';
import { pageLimit } from './paging.ts';
import type { Statements } from './statements.ts';

export interface RunTag {
  readonly key: string;
  /** Kept to its first 200 characters. */
  readonly value: string;
}

const VALUE_LIMIT = 200;

export async function addRunTags(
  statements: Statements,
  { workspaceId, runId, tags }: { readonly workspaceId: string; readonly runId: string; readonly tags: readonly RunTag[] },
): Promise<void> {
  await statements.query(
    `insert into run_tag (workspace_id, key, value, run_id) select $1, key, left(value, ${VALUE_LIMIT}), $2 from unnest($3::text[], $4::text[]) as t (key, value)
       on conflict do nothing`,
    [workspaceId, runId, tags.map((tag) => tag.key), tags.map((tag) => tag.value)],
  );
}

/** Ids of runs, newest first, at most 100; those before `beforeId` if given. */
export async function findRunsByTag(
  tx: WorkspaceTransaction,
  { key, value, beforeId, limit }: RunTag & { readonly beforeId?: string; readonly limit?: number },
): Promise<string[]> {
  const rows = await tx.query<{ id: string }>(
    `select run_id as id from run_tag where workspace_id = $1 and key = $2 and value = left($3, ${VALUE_LIMIT}) and ($4::uuid is null or run_id < $4)
      order by run_id desc limit $5`,
    [tx.context.workspaceId, key, value, beforeId ?? null, pageLimit(limit)],
  );
  return rows.map((row) => row.id);
}

export async function listRunTags(tx: WorkspaceTransaction, runId: string): Promise<RunTag[]> {
  return tx.query('select key, value from run_tag where workspace_id = $1 and run_id = $2 order by key, value limit 1000', [
    tx.context.workspaceId,
    runId,
  ]);
}

/** Tags by run, of at most a page of runs. */
export async function listTagsOfRuns(tx: WorkspaceTransaction, runIds: readonly string[]): Promise<Map<string, RunTag[]>> {
  const rows = await tx.query<RunTag & { readonly runId: string }>(
    'select run_id as "runId", key, value from run_tag where workspace_id = $1 and run_id = any($2::uuid[]) order by run_id, key, value',
    [tx.context.workspaceId, runIds],
  );
  const tags = new Map<string, RunTag[]>();
  for (const { runId, ...tag } of rows) tags.set(runId, [...(tags.get(runId) ?? []), tag]);
  return tags;
}

/** Tags of runs that are gone, among those older than this time (milliseconds since 1970); gives how many. Call again while it gives `limit`. */
export async function deleteStaleRunTags(
  statements: InstanceStatements,
  { olderThan, limit = 1000 }: { readonly olderThan: number; readonly limit?: number },
): Promise<number> {
  const rows = await statements.query(
    `delete from run_tag where (workspace_id, key, value, run_id) in (
       select workspace_id, key, value, run_id from run_tag t where run_id < $1::uuid and not exists (select from run r where r.id = t.run_id) limit $2) returning 1`,
    [uuidFloor(olderThan), limit],
  );
  return rows.length;
}
