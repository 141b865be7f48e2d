/**
 * Transactions above the workspaces: people, sessions, plans, workspaces themselves. They act as the owner of the tables, so
 * no policy stands behind them; what concerns one workspace on somebody's behalf belongs into `inWorkspace`.
 */
import type { Database } from './database.ts';
import type { Statements } from './statements.ts';

/** One open transaction of the instance. It must not outlive the callback, nor wait for a network, a plugin or a hash. */
export interface InstanceTransaction extends Statements {
  readonly scope: 'instance';
}

/** What acts above the workspaces: the database itself, one statement at a time, or a transaction of it. */
export type InstanceStatements = Database | InstanceTransaction;

/**
 * Runs `use` in a transaction; commits when it resolves and rolls back when it rejects.
 * @throws DatabaseError DATABASE_BUSY when no connection comes free within two seconds.
 */
export function inInstance<Result>(database: Database, use: (tx: InstanceTransaction) => Promise<Result>): Promise<Result> {
  return database.withClient(async (client) => {
    await client.query('begin');
    // A failure ends the connection, and with it the transaction.
    const result = await use({
      scope: 'instance',
      query: async <Row extends object>(text: string, values: readonly unknown[] = []) =>
        (await client.query(text, [...values])).rows as Row[],
    });
    await client.query('commit');
    return result;
  });
}
