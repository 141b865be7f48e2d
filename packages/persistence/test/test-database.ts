/**
 * A database of its own for a test file: cloned from a migrated template, dropped at the end. The server is the one of
 * PLUGBOARD_TEST_DATABASE_URL, else a PostgreSQL on this machine, else an embedded one started for the file; the value
 * `embedded` asks for that one.
 */
import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { MIGRATIONS } from '../src/migrations/index.ts';
import type { Database, DatabaseOptions } from '../src/index.ts';
import { migrate, openDatabase, startEmbeddedPostgres } from '../src/index.ts';

export interface TestDatabase {
  readonly url: string;
  readonly name: string;
  readonly database: Database;
  /** Closes the database and drops it, and the template when no other test file uses it. */
  close(): Promise<void>;
}

const LOCAL_URLS = ['postgres://postgres@127.0.0.1:5432/postgres', 'postgres://root@127.0.0.1:5432/postgres'];
/** Held for a moment by whoever makes, clones or drops the template. */
const CHANGE_LOCK = 0x706c7474;
/** Held shared by every test file that uses the template. */
const USE_LOCK = 0x706c7475;

/** `isEmpty` leaves the migrations out. */
export async function createTestDatabase(
  options: Omit<DatabaseOptions, 'url' | 'embedded'> & { isEmpty?: boolean } = {},
): Promise<TestDatabase> {
  const { isEmpty = false, ...databaseOptions } = options;
  const server = await testServer();
  const admin = server.admin;
  try {
    const name = `plugboard_test_${randomBytes(6).toString('hex')}`;
    if (isEmpty) await admin.query(`create database ${name}`);
    else await cloneTemplate(admin, server.urlOf, name);
    const url = server.urlOf(name);
    // What a busy machine takes is no finding of a test; those of the pool itself say how long to wait.
    const database = await openDatabase({ poolWaitMs: 60_000, ...databaseOptions, url });
    return {
      url,
      name,
      database,
      async close() {
        await database.close();
        await admin.query(`drop database if exists ${name} with (force)`);
        if (!isEmpty) await dropTemplateIfLast(admin);
        await server.close();
      },
    };
  } catch (error) {
    await server.close();
    throw error;
  }
}

interface TestServer {
  readonly admin: pg.Client;
  urlOf(databaseName: string): string;
  close(): Promise<void>;
}

async function testServer(): Promise<TestServer> {
  const given = process.env['PLUGBOARD_TEST_DATABASE_URL'];
  if (given === 'embedded') return embeddedServer();
  for (const url of given === undefined ? LOCAL_URLS : [given]) {
    const admin = new pg.Client({ connectionString: url });
    try {
      await admin.connect();
      return {
        admin,
        urlOf: (databaseName) => Object.assign(new URL(url), { pathname: `/${databaseName}` }).href,
        close: () => admin.end(),
      };
    } catch (error) {
      await admin.end().catch(() => {});
      if (given !== undefined) throw new Error(`PLUGBOARD_TEST_DATABASE_URL cannot be used: ${String(error)}`, { cause: error });
    }
  }
  return embeddedServer();
}

/** Of the superuser of an embedded PostgreSQL, who may make databases and roles. */
export async function managerPassword(dataDir: string): Promise<string> {
  const { manager } = JSON.parse(await readFile(join(dataDir, 'postgres', 'passwords.json'), 'utf8')) as { readonly manager: string };
  return manager;
}

async function embeddedServer(): Promise<TestServer> {
  const dataDir = await mkdtemp(join(tmpdir(), 'plugboard-test-'));
  const embedded = await startEmbeddedPostgres({ dataDir });
  const host = encodeURIComponent(embedded.connection.host ?? '');
  const password = await managerPassword(dataDir);
  const urlOf = (databaseName: string): string => `postgres://plugboard_manager:${password}@localhost/${databaseName}?host=${host}`;
  const admin = new pg.Client({ connectionString: urlOf('postgres') });
  await admin.connect();
  return {
    admin,
    urlOf,
    async close() {
      await admin.end();
      await embedded.stop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

function templateName(): string {
  const hash = createHash('sha256').update(MIGRATIONS.map((migration) => migration.sql).join('\n'));
  return `plugboard_template_${hash.digest('hex').slice(0, 12)}`;
}

async function cloneTemplate(admin: pg.Client, urlOf: TestServer['urlOf'], name: string): Promise<void> {
  const template = templateName();
  await admin.query('select pg_advisory_lock($1)', [CHANGE_LOCK]);
  try {
    await admin.query('select pg_advisory_lock_shared($1)', [USE_LOCK]);
    const { rowCount } = await admin.query('select from pg_database where datname = $1', [template]);
    if (rowCount === 0) {
      const making = `${template}_making`;
      await admin.query(`drop database if exists ${making} with (force)`);
      await admin.query(`create database ${making}`);
      const database = await openDatabase({ url: urlOf(making) });
      await migrate(database);
      await database.close();
      await admin.query(`alter database ${making} rename to ${template}`);
    }
    await admin.query(`create database ${name} template ${template}`);
  } finally {
    await admin.query('select pg_advisory_unlock($1)', [CHANGE_LOCK]);
  }
}

async function dropTemplateIfLast(admin: pg.Client): Promise<void> {
  await admin.query('select pg_advisory_unlock_shared($1)', [USE_LOCK]);
  await admin.query('select pg_advisory_lock($1)', [CHANGE_LOCK]);
  const { rows } = await admin.query<{ alone: boolean }>('select pg_try_advisory_lock($1) as alone', [USE_LOCK]);
  if (rows[0]?.alone === true) {
    await admin.query(`drop database if exists ${templateName()} with (force)`);
    await admin.query('select pg_advisory_unlock($1)', [USE_LOCK]);
  }
  await admin.query('select pg_advisory_unlock($1)', [CHANGE_LOCK]);
}
