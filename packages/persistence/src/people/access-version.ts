/**
 * The version of all rights in a workspace. Whoever keeps rights in memory keeps this number beside them, and reads again when
 * it has changed. Every change of members, teams, grants and visible projects raises it inside its own transaction.
 */
import type { Statements } from '../statements.ts';

/** Gives the new version. Changes of rights in one workspace wait for each other here: call it first, then look, then write. */
export async function raiseAccessVersion(tx: Statements, workspaceId: string): Promise<number> {
  const [row] = await tx.query<{ version: number }>(
    'update workspace set access_version = access_version + 1 where id = $1 returning access_version as version',
    [workspaceId],
  );
  return row?.version ?? 0;
}

/** For what changes a principal's rights wherever it is: being disabled, erased, made an operator. */
export async function raiseAccessVersionsOf(tx: Statements, principalId: string): Promise<void> {
  // In one order, so that two such changes cannot wait for each other in a circle.
  await tx.query(
    `with mine as (
       select w.id from workspace w join member m on m.workspace_id = w.id where m.principal_id = $1 order by w.id for no key update of w
     ) update workspace set access_version = access_version + 1 where id in (select id from mine)`,
    [principalId],
  );
}

/** Versions by workspace, of those that exist: what a process with open sockets asks every second. */
export async function readAccessVersions(statements: Statements, workspaceIds: readonly string[]): Promise<Map<string, number>> {
  const rows = await statements.query<{ id: string; version: number }>(
    'select id, access_version as version from workspace where id = any($1::uuid[]) and deleted_at is null',
    [workspaceIds],
  );
  return new Map(rows.map((row) => [row.id, row.version]));
}
