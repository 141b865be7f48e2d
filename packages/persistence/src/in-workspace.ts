/**
 * The only way to the tables of a workspace on somebody's behalf: one short transaction, as the role behind row-level
 * security, with the workspace and the principal set for its policies.
 */
import type { EntityManager } from 'typeorm';
import type { Database } from './database.ts';
import type { Statements } from './statements.ts';

/** Who acts, and where. Ids are checked before they get here. */
export interface WorkspaceContext {
  readonly workspaceId: string;
  readonly principalId: string;
}

/** One open transaction. Stores take it first; it must not outlive the callback, nor wait for a network, a plugin or a model. */
export interface WorkspaceTransaction extends Statements {
  readonly context: WorkspaceContext;
  readonly manager: EntityManager;
}

/**
 * Runs `use` in a transaction; commits when it resolves and rolls back when it rejects.
 * @throws DatabaseError DATABASE_BUSY when no connection comes free within two seconds.
 */
export async function inWorkspace<Result>(
  database: Database,
  context: WorkspaceContext,
  use: (tx: WorkspaceTransaction) => Promise<Result>,
): Promise<Result> {
  const [dataSource, hasSecondWall] = await Promise.all([database.dataSource(), database.hasSecondWall()]);
  return dataSource.transaction(async (manager) => {
    await manager.query(hasSecondWall ? ENTER_BEHIND_WALL : ENTER, [context.workspaceId, context.principalId]);
    return use({ context, manager, query: (text, values) => rowsOf(manager, text, values) });
  });
}

/** For updates and deletes TypeORM gives the rows and their number; rows are objects, so the first of a pair is never a list otherwise. */
async function rowsOf<Row extends object>(manager: EntityManager, text: string, values: readonly unknown[] = []): Promise<Row[]> {
  const result = await manager.query<Row[] | [Row[], number]>(text, [...values]);
  return Array.isArray(result[0]) ? result[0] : (result as Row[]);
}

const ENTER = `select set_config('plugboard.workspace', $1, true), set_config('plugboard.principal', $2, true)`;
const ENTER_BEHIND_WALL = `${ENTER}, set_config('role', 'plugboard_app', true)`;
