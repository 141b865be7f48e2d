/**
 * The door to PostgreSQL: one small pool for the application, plain clients for the journal writer and LISTEN, and TypeORM on
 * the same pool for everything a person configures. TypeORM is loaded at first use, because its import takes longer than
 * everything else a start does.
 */
import type pg from 'pg';
import pgModule from 'pg';
import type { DataSource } from 'typeorm';
import { BoundedPool } from './bounded-pool.ts';
import type { ConnectionOptions } from './connection.ts';
import { connectionFromUrl, describeConnection } from './connection.ts';
import { DatabaseError, errorCodeOf, messageOf } from './errors.ts';
import { setUuidClockOffsetMs } from './ids.ts';

export const OLDEST_POSTGRES = 15;

export interface DatabaseOptions {
  /** `DATABASE_URL`. Give this or `embedded`. */
  readonly url?: string;
  /** The running embedded PostgreSQL; its owner stops it after `close()`. */
  readonly embedded?: { readonly connection: ConnectionOptions };
  /** Connections of the application; the writer and the listener have their own. @default 10 */
  readonly poolSize?: number;
  /** How long a caller waits for one of them before it is told that the database is busy, in milliseconds. @default 2000 */
  readonly poolWaitMs?: number;
  /** How long to keep trying a database that does not answer, in milliseconds. @default 30000 */
  readonly unreachableAfterMs?: number;
  /** Told about each failed try, in words for the log. */
  readonly onRetry?: (message: string) => void;
  /** Errors of idle connections; the pool replaces the connection. */
  readonly onError?: (error: Error) => void;
}

export interface Database {
  /** Such as 18. */
  readonly serverVersion: number;
  /** True where requests run as `plugboard_app` behind row-level security; false where that role could not be made. */
  readonly hasSecondWall: () => Promise<boolean>;
  /** The database's clock minus ours, in milliseconds, measured when opened. Over 2,000 a process is not ready. */
  readonly clockOffsetMs: number;
  /** TypeORM on this pool; loaded and initialised by the first call. */
  dataSource(): Promise<DataSource>;
  /** One statement as the owner of the tables, outside any workspace: for start-up, sweepers and route tables. */
  query<Row extends object = pg.QueryResultRow>(text: string, values?: readonly unknown[]): Promise<Row[]>;
  /** Lends a pooled connection. */
  withClient<Result>(use: (client: pg.PoolClient) => Promise<Result>): Promise<Result>;
  /** A client of its own for the journal writer, not yet connected; the caller ends it. */
  createWriterClient(): pg.Client;
  /** A client of its own for LISTEN, not yet connected; the caller ends it. */
  createListenClient(): pg.Client;
  /** Round trip in milliseconds. */
  ping(): Promise<number>;
  /** Waits for lent connections, then closes all. A second call does nothing. */
  close(): Promise<void>;
}

/**
 * Opens the database, waiting a bounded time for one that is still starting.
 * @throws DatabaseError DATABASE_URL_INVALID, DATABASE_UNREACHABLE, DATABASE_TOO_OLD
 */
export async function openDatabase(options: DatabaseOptions): Promise<Database> {
  const connection = connectionOf(options);
  const facts = await firstContact(connection, options);
  // Below this, the error of the measurement is as large as the skew.
  const clockOffsetMs = Math.abs(facts.clockOffsetMs) < 20 ? 0 : facts.clockOffsetMs;
  setUuidClockOffsetMs(clockOffsetMs);

  const pool = new BoundedPool({
    ...connection,
    max: options.poolSize ?? 10,
    waitMs: options.poolWaitMs ?? 2000,
    application_name: 'plugboard',
    idleTimeoutMillis: 60_000,
    statement_timeout: 30_000,
    idle_in_transaction_session_timeout: 60_000,
  });
  pool.on('error', (error) => options.onError?.(error));
  let opening: Promise<DataSource> | undefined;
  let closing: Promise<void> | undefined;
  let secondWall: Promise<boolean> | undefined;

  const query: Database['query'] = async <Row extends object>(text: string, values?: readonly unknown[]) =>
    (await pool.query<Row & pg.QueryResultRow>(text, values as unknown[] | undefined)).rows;

  return {
    serverVersion: facts.serverVersion,
    clockOffsetMs,
    query,
    hasSecondWall: () => (secondWall ??= remember(probeSecondWall(query), () => (secondWall = undefined))),
    dataSource() {
      if (closing) return Promise.reject(new DatabaseError('DATABASE_CLOSED', 'The database is closed.'));
      return (opening ??= remember(
        import('./data-source.ts').then((module) => module.openDataSource(pool)),
        () => (opening = undefined),
      ));
    },
    async withClient(use) {
      const client = await pool.connect();
      try {
        const result = await use(client);
        client.release();
        return result;
      } catch (error) {
        // The state of its session is unknown after a failure: a fresh connection costs a few milliseconds.
        client.release(true);
        throw error;
      }
    },
    createWriterClient: () => new pgModule.Client({ ...connection, application_name: 'plugboard-writer', keepAlive: true }),
    createListenClient: () => new pgModule.Client({ ...connection, application_name: 'plugboard-listen', keepAlive: true }),
    async ping() {
      const startedAt = performance.now();
      await query('select 1');
      return performance.now() - startedAt;
    },
    close() {
      return (closing ??= (async () => {
        const dataSource = await opening?.catch(() => undefined);
        if (dataSource) await dataSource.destroy();
        else await pool.end();
      })());
    },
  };
}

function connectionOf(options: DatabaseOptions): ConnectionOptions {
  if (options.embedded) return options.embedded.connection;
  if (options.url === undefined || options.url === '') {
    throw new DatabaseError('DATABASE_URL_INVALID', 'No database was named: set DATABASE_URL, or use the embedded PostgreSQL.');
  }
  return connectionFromUrl(options.url);
}

interface Facts {
  readonly serverVersion: number;
  readonly clockOffsetMs: number;
}

async function firstContact(connection: ConnectionOptions, options: DatabaseOptions): Promise<Facts> {
  const where = describeConnection(connection);
  const giveUpAt = performance.now() + (options.unreachableAfterMs ?? 30_000);
  for (let delayMs = 50; ; delayMs = Math.min(delayMs * 2, 2000)) {
    try {
      return await readFacts(connection, where);
    } catch (error) {
      if (error instanceof DatabaseError) throw error;
      const failure = `The database at ${where} cannot be reached: ${messageOf(error)}`;
      if (!isWorthWaiting(error)) {
        throw new DatabaseError('DATABASE_UNREACHABLE', `${failure}. Check user, password and database name in DATABASE_URL.`, {
          cause: error,
        });
      }
      if (performance.now() + delayMs > giveUpAt) {
        throw new DatabaseError('DATABASE_UNREACHABLE', `${failure}. Check that PostgreSQL runs there and that DATABASE_URL names it.`, {
          cause: error,
        });
      }
      options.onRetry?.(`${failure}; trying again in ${delayMs} ms`);
      await new Promise((resolve) => setTimeout(resolve, delayMs));
    }
  }
}

async function readFacts(connection: ConnectionOptions, where: string): Promise<Facts> {
  const client = new pgModule.Client({ ...connection, application_name: 'plugboard', connectionTimeoutMillis: 5000 });
  // A connection that breaks while idle reports here; the query in flight has the error as well.
  client.on('error', () => {});
  await client.connect();
  try {
    const sentAt = Date.now();
    const { rows } = await client.query<{ version: number; now: number }>(
      `select current_setting('server_version_num')::int4 as version, (extract(epoch from clock_timestamp()) * 1000)::float8 as now`,
    );
    const { version = 0, now = 0 } = rows[0] ?? {};
    const serverVersion = Math.floor(version / 10_000);
    if (serverVersion < OLDEST_POSTGRES) {
      throw new DatabaseError(
        'DATABASE_TOO_OLD',
        `The database at ${where} is PostgreSQL ${serverVersion}; ${OLDEST_POSTGRES} or later is needed. Upgrade it, or name another one in DATABASE_URL.`,
      );
    }
    return { serverVersion, clockOffsetMs: now - (sentAt + Date.now()) / 2 };
  } finally {
    await client.end().catch(() => {});
  }
}

/** Wrong passwords and missing databases do not heal; everything else may. */
function isWorthWaiting(error: unknown): boolean {
  const code = errorCodeOf(error);
  return !(code?.startsWith('28') === true || code === '3D000' || code === '42501');
}

async function probeSecondWall(query: Database['query']): Promise<boolean> {
  const rows = await query<{ member: boolean }>(
    // From 16 on, being a member and being allowed to act as the role are two things.
    `select pg_has_role(current_user, oid, case when current_setting('server_version_num')::int >= 160000 then 'set' else 'member' end)
            and not rolsuper and not rolbypassrls as member
       from pg_roles where rolname = 'plugboard_app'`,
  );
  return rows[0]?.member ?? false;
}

/** Keeps a promise for the next caller unless it fails. */
function remember<Value>(promise: Promise<Value>, forget: () => void): Promise<Value> {
  promise.catch(forget);
  return promise;
}
