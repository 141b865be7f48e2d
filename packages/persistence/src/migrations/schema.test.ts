import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { TestDatabase } from '../../test/test-database.ts';
import { createTestDatabase, managerPassword } from '../../test/test-database.ts';
import { dumpSchema } from '../../test/dump-schema.ts';
import { HARMLESS_TABLES, TABLE_SCOPES } from '../../test/table-scopes.ts';
import { openDatabase } from '../database.ts';
import { startEmbeddedPostgres } from '../embedded/embedded-postgres.ts';
import { uuidv7 } from '../ids.ts';
import { inWorkspace } from '../in-workspace.ts';
import { seedDefaults } from '../seed.ts';
import { migrate } from './migrate.ts';

let db: TestDatabase;
beforeAll(async () => {
  db = await createTestDatabase();
});
afterAll(() => db.close());

describe('the schema', () => {
  test('is the one in schema.sql (after a new migration: vitest run -u)', async () => {
    await expect(await dumpSchema(db.database)).toMatchFileSnapshot('../../schema.sql');
  });

  test('is the same on the embedded PostgreSQL, made by a role that is no superuser', async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'plugboard-schema-'));
    const embedded = await startEmbeddedPostgres({ dataDir });
    try {
      const database = await openDatabase({ embedded });
      await migrate(database);
      expect(await dumpSchema(database)).toBe(await dumpSchema(db.database));
      expect(await database.hasSecondWall()).toBe(true);
      await database.close();
    } finally {
      await embedded.stop();
      await rm(dataDir, { recursive: true, force: true });
    }
  });

  test('brings its second wall along where the owner may make roles, and does without where not', async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'plugboard-schema-'));
    const embedded = await startEmbeddedPostgres({ dataDir });
    const managerConnection = { ...embedded.connection, user: 'plugboard_manager', password: await managerPassword(dataDir) };
    const manager = new pg.Client({ ...managerConnection, database: 'postgres' });
    try {
      await manager.connect();
      // The cluster is empty, so its role can be taken away and be made by somebody else.
      await manager.query('drop role plugboard_app');
      for (const [role, options, hasWall] of [
        ['cannot', 'login', false],
        ['can', 'login createrole', true],
      ] as const) {
        await manager.query(`create role ${role} ${options} password 'x'`);
        await manager.query(`create database ${role} owner ${role}`);
        const database = await openDatabase({
          embedded: { connection: { ...embedded.connection, user: role, password: 'x', database: role } },
        });
        await migrate(database);
        const { workspaceId, systemPrincipalId: principalId } = await seedDefaults(database);
        expect(await database.hasSecondWall()).toBe(hasWall);
        const user = await inWorkspace(database, { workspaceId, principalId }, (tx) =>
          tx.manager.query<object[]>('select current_user as user'),
        );
        expect(user).toEqual([{ user: hasWall ? 'plugboard_app' : role }]);
        await database.close();
      }
    } finally {
      await manager.end();
      await embedded.stop();
      await rm(dataDir, { recursive: true, force: true });
    }
  });

  test('shows TypeORM no difference from its entities', async () => {
    const dataSource = await db.database.dataSource();
    const { upQueries } = await dataSource.driver.createSchemaBuilder().log();
    expect(upQueries.map((query) => query.query)).toEqual([]);
  });

  test('says of every table whose it is', async () => {
    const tables = await db.database.query<{ name: string }>(
      `select relname as name from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') and not relispartition`,
    );
    expect(tables.map((table) => table.name).toSorted()).toEqual(Object.keys(TABLE_SCOPES).toSorted());
  });

  test('puts every table of a workspace or a person behind row-level security with a policy', async () => {
    const open = (await openTables()).filter((name) => TABLE_SCOPES[name] !== 'instance');
    expect(open).toEqual([]);
  });

  test('gives the application’s role nothing of the instance’s tables but what a policy guards or what is harmless', async () => {
    const granted = await db.database.query<{ name: string }>(
      `select distinct c.relname as name from pg_class c left join pg_attribute a on a.attrelid = c.oid and a.attacl is not null
              cross join lateral (select * from aclexplode(c.relacl) union all select * from aclexplode(a.attacl)) g
        where c.relnamespace = 'public'::regnamespace and not c.relispartition and g.grantee = 'plugboard_app'::regrole order by 1`,
    );
    const open = new Set(await openTables());
    expect(granted.map((row) => row.name).filter((name) => open.has(name))).toEqual(HARMLESS_TABLES);
  });

  test('gives the application’s role nothing on partitions, workers and migrations', async () => {
    const granted = await db.database.query<{ name: string }>(
      `select c.relname as name from pg_class c, aclexplode(c.relacl) g
        where g.grantee = 'plugboard_app'::regrole and (c.relispartition or c.relname in ('worker', 'schema_migration', 'run_key'))`,
    );
    expect(granted).toEqual([]);
  });

  test('hides the runs of another workspace, chunks included, from the application’s role', async () => {
    const home = '01900000-0000-7000-8000-000000000001';
    const away = '01900000-0000-7000-8000-000000000002';
    await db.database.withClient(async (client) => {
      await client.query('begin');
      for (const workspace of [home, away]) {
        const runId = uuidv7();
        await client.query(
          `insert into run (id, workspace_id, workflow_id, environment, version, status, trigger_kind, root_run_id, started_at)
             values ($1, $2, $2, 1, 1, 4, 1, $1, now())`,
          [runId, workspace],
        );
        await client.query(`insert into run_chunk (run_id, seq, events) values ($1, 1, 'x')`, [runId]);
        await client.query(`insert into timer (run_id, wait_id, workspace_id, due_at) values ($1, 'w', $1, now())`, [workspace]);
        await client.query(
          `insert into run_live (run_id, workspace_id, workflow_id, environment, version, owner, fence, next_seq, status, started_at)
             values ($1, $1, $1, 1, 1, $1, 1, 0, 1, now())`,
          [workspace],
        );
      }
      await client.query(`select set_config('role', 'plugboard_app', true), set_config('plugboard.workspace', $1, true)`, [home]);
      for (const table of ['run', 'run_chunk', 'run_live', 'timer']) {
        expect((await client.query(`select from ${table}`)).rowCount).toBe(1);
      }
      await client.query(`select set_config('plugboard.workspace', '', true)`);
      for (const table of ['run', 'run_chunk', 'run_live', 'timer']) {
        expect((await client.query(`select from ${table}`)).rowCount).toBe(0);
      }
      await client.query('rollback');
    });
  });
});

async function openTables(): Promise<string[]> {
  const rows = await db.database.query<{ name: string }>(
    `select c.relname as name from pg_class c
      where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
        and not (c.relrowsecurity and exists (select from pg_policy p where p.polrelid = c.oid)) order by 1`,
  );
  return rows.map((row) => row.name);
}
