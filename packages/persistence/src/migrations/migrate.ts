/**
 * Brings the schema up to date. One process at a time, under an advisory lock; each migration is one transaction that waits
 * at most two seconds for a table's lock and is then tried again, so that it never queues up the server's own queries.
 */
import type { ClientBase } from 'pg';
import type { Database } from '../database.ts';
import { DatabaseError, errorCodeOf } from '../errors.ts';
import { ensurePartitions } from '../partitions.ts';
import { MIGRATIONS, NEWEST_SCHEMA, OLDEST_SCHEMA } from './index.ts';
import type { Migration } from './migration.ts';

const MIGRATION_LOCK = 0x706c7567;
const LOCK_NOT_AVAILABLE = '55P03';
const UNDEFINED_TABLE = '42P01';
/** At two seconds each: how long a migration waits for others before it gives up. */
const LOCK_ATTEMPTS = 30;

/**
 * Applies what is missing, then makes the partitions of now.
 * @throws DatabaseError SCHEMA_TOO_NEW when a newer release has migrated this database, MIGRATION_LOCKED when another
 * process holds the lock for a minute.
 */
export async function migrate(
  database: Database,
  { upTo = NEWEST_SCHEMA }: { /** Stops there, for rows of an older release. */ readonly upTo?: number } = {},
): Promise<{ applied: string[] }> {
  const client = database.createWriterClient();
  // A connection that breaks between two statements fails the next one.
  client.on('error', () => {});
  await client.connect();
  try {
    const applied = refuseNewer(await schemaVersion(client)) >= upTo ? [] : await applyMissing(client, upTo);
    await ensurePartitions(client, new Date(Date.now() + database.clockOffsetMs));
    return { applied };
  } finally {
    await client.end();
  }
}

/**
 * For processes that never migrate (workers).
 * @throws DatabaseError SCHEMA_TOO_NEW or SCHEMA_TOO_OLD when this release cannot run on the schema it finds.
 */
export async function checkSchema(database: Database): Promise<void> {
  const version = refuseNewer(await database.withClient(schemaVersion));
  if (version < OLDEST_SCHEMA) {
    throw new DatabaseError(
      'SCHEMA_TOO_OLD',
      `The database has schema ${version}; this release needs ${OLDEST_SCHEMA} or later. Run "plugboard migrate", or start a server, first.`,
    );
  }
}

async function applyMissing(client: ClientBase, upTo: number): Promise<string[]> {
  await withLockRetries(() => client.query('select pg_advisory_lock($1)', [MIGRATION_LOCK]), client);
  try {
    await client.query(
      'create table if not exists schema_migration (n int4 constraint schema_migration_pkey primary key, name text not null, applied_at timestamptz not null default now())',
    );
    const version = refuseNewer(await schemaVersion(client));
    const missing = MIGRATIONS.slice(version, upTo);
    for (const migration of missing) await withLockRetries(() => apply(client, migration), client);
    return missing.map((migration) => migration.name);
  } finally {
    await client.query('select pg_advisory_unlock($1)', [MIGRATION_LOCK]);
  }
}

async function apply(client: ClientBase, migration: Migration): Promise<void> {
  await client.query('begin');
  try {
    await client.query(migration.sql);
    await client.query('insert into schema_migration (n, name) values ($1, $2)', [migration.n, migration.name]);
    await client.query('commit');
  } catch (error) {
    await client.query('rollback');
    throw error;
  }
}

async function withLockRetries(action: () => Promise<unknown>, client: ClientBase): Promise<void> {
  await client.query(`set lock_timeout = '2s'`);
  for (let attempt = 1; ; attempt++) {
    try {
      await action();
      return;
    } catch (error) {
      if (errorCodeOf(error) !== LOCK_NOT_AVAILABLE) throw error;
      if (attempt === LOCK_ATTEMPTS) {
        throw new DatabaseError(
          'MIGRATION_LOCKED',
          'Another process holds a lock the migration needs, for a minute now. Stop other migrations and long transactions on this database, then start again.',
          { cause: error },
        );
      }
    }
  }
}

/** Of the database; 0 for one without our tables. */
export function schemaOf(database: Database): Promise<number> {
  return database.withClient(schemaVersion);
}

/** The one this release brings a database to. */
export function newestSchema(): number {
  return NEWEST_SCHEMA;
}

/** 0 for a database without our tables. */
async function schemaVersion(client: ClientBase): Promise<number> {
  try {
    const { rows } = await client.query<{ n: number }>('select coalesce(max(n), 0) as n from schema_migration');
    return rows[0]?.n ?? 0;
  } catch (error) {
    if (errorCodeOf(error) === UNDEFINED_TABLE) return 0;
    throw error;
  }
}

function refuseNewer(version: number): number {
  if (version > NEWEST_SCHEMA) {
    throw new DatabaseError(
      'SCHEMA_TOO_NEW',
      `The database has schema ${version}, made by a newer release; this one knows up to ${NEWEST_SCHEMA}. Start the newer release, or restore a backup made before its upgrade.`,
    );
  }
  return version;
}
