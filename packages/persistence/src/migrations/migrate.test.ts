import pg from 'pg';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { TestDatabase } from '../../test/test-database.ts';
import { createTestDatabase } from '../../test/test-database.ts';
import { ensurePartitions } from '../partitions.ts';
import { loadLiveHooks } from '../publish.ts';
import { seedDefaults } from '../seed.ts';
import { MIGRATIONS, NEWEST_SCHEMA, OLDEST_SCHEMA } from './index.ts';
import { checkSchema, migrate } from './migrate.ts';

let db: TestDatabase;
beforeEach(async () => {
  db = await createTestDatabase({ isEmpty: true });
});
afterEach(() => db.close());

const ID = '01900000-0000-7000-8000-000000000001';
const NAMES = MIGRATIONS.map((migration) => migration.name);

describe('migrations', () => {
  test('are numbered from 1 without gaps, and their names differ', () => {
    expect(MIGRATIONS.map((migration) => migration.n)).toEqual(MIGRATIONS.map((_, i) => i + 1));
    expect(new Set(NAMES).size).toBe(NAMES.length);
    expect(OLDEST_SCHEMA).toBeLessThanOrEqual(NEWEST_SCHEMA);
  });

  test('are applied once, and leave the partitions of now', async () => {
    expect(await migrate(db.database)).toEqual({ applied: NAMES });
    expect(await migrate(db.database)).toEqual({ applied: [] });
    expect(await db.database.withClient((client) => ensurePartitions(client, new Date()))).toEqual([]);
  });

  test('by several processes at once are applied by one of them', async () => {
    const results = await Promise.all(Array.from({ length: 4 }, () => migrate(db.database)));
    expect(results.flatMap((result) => result.applied)).toEqual(NAMES);
  });

  test('wait for a lock in short tries, and go on when it is free', async () => {
    const holder = new pg.Client({ connectionString: db.url });
    await holder.connect();
    await holder.query('select pg_advisory_lock(x) from (values ($1::int4)) as v (x)', [0x706c7567]);
    const migrating = migrate(db.database);
    const waiting = `select query_start::text as at from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' and wait_event = 'advisory'`;
    const firstTry = await eventually(async () => (await holder.query<{ at: string }>(waiting)).rows[0]?.at);
    await eventually(async () => (await holder.query<{ at: string }>(waiting)).rows.find((row) => row.at !== firstTry));
    await holder.end();
    expect(await migrating).toEqual({ applied: NAMES });
  });

  test('that fail leave the schema as it was', async () => {
    await db.database.query('create table run (id int)');
    await expect(migrate(db.database)).rejects.toThrow(/already exists/);
    const rows = await db.database.query<{ n: number }>('select n from schema_migration');
    expect(rows).toEqual([{ n: 1 }]);
    const [inbox] = await db.database.query<{ there: string | null }>(`select to_regclass('run_inbox')::text as there`);
    expect(inbox?.there).toBeNull();
    await db.database.query('drop table run');
    expect(await migrate(db.database)).toEqual({ applied: NAMES.slice(1) });
  });

  test('take a database with rows in it along, from the oldest release on', async () => {
    for (const migration of MIGRATIONS.slice(0, 2)) await db.database.query(migration.sql);
    await db.database.query(
      'create table schema_migration (n int4 constraint schema_migration_pkey primary key, name text not null, applied_at timestamptz not null default now())',
    );
    await db.database.query(`insert into schema_migration (n, name) values (1, 'core_tables'), (2, 'run_tables')`);
    const old = `
      insert into principal (id, kind, display_name) values ('${ID}', 'system', 'System');
      insert into workspace (id, slug, created_by) values ('${ID}', 'default', '${ID}');
      insert into environment (workspace_id, n, name) values ('${ID}', 0, 'draft'), ('${ID}', 1, 'live');
      insert into project (id, workspace_id, slug, name, created_by) values ('${ID}', '${ID}', 'default', 'Default', '${ID}');
      insert into workflow (id, workspace_id, project_id, name, created_by) values ('${ID}', '${ID}', '${ID}', 'Old', '${ID}');
      insert into draft (workflow_id, workspace_id, rev, doc, semantic_hash, updated_by) values ('${ID}', '${ID}', 1, '{}', 'x', '${ID}');
      insert into version (workflow_id, n, workspace_id, definition, semantic_hash, type_pins, published_by) values ('${ID}', 1, '${ID}', '{}', 'x', '{}', '${ID}');
      insert into hook (id, workspace_id, workflow_id, environment, node_id, version, method, pattern, pattern_norm, reply, settings)
        values ('${ID}', '${ID}', '${ID}', 1, 'n', 1, 'POST', 'old', 'old', 'immediate', '{}');
      insert into deployment (workflow_id, environment, workspace_id, version, state, deployed_by) values ('${ID}', 1, '${ID}', 1, 'active', '${ID}');`;
    await db.database.query(old);
    expect(await migrate(db.database)).toEqual({ applied: NAMES.slice(2) });
    expect(await seedDefaults(db.database)).toEqual({ systemPrincipalId: ID, workspaceId: ID, projectId: ID });
    const [workspace] = await db.database.query('select name, plan_key, access_version from workspace');
    expect(workspace).toEqual({ name: 'Default', plan_key: 'unlimited', access_version: 1 });
    expect(await loadLiveHooks(db.database)).toMatchObject([{ pattern: 'old', workflowId: ID }]);
  });

  test('of a newer release are refused, by those who migrate and by those who do not', async () => {
    await migrate(db.database);
    await db.database.query('insert into schema_migration (n, name) values ($1, $2)', [NEWEST_SCHEMA + 1, 'from_the_future']);
    await expect(migrate(db.database)).rejects.toMatchObject({ code: 'SCHEMA_TOO_NEW' });
    await expect(checkSchema(db.database)).rejects.toMatchObject({ code: 'SCHEMA_TOO_NEW' });
  });

  test('that are missing are refused by those who do not migrate', async () => {
    await expect(checkSchema(db.database)).rejects.toMatchObject({ code: 'SCHEMA_TOO_OLD' });
    await migrate(db.database);
    await checkSchema(db.database);
  });
});

describe('the first start', () => {
  test('seeds the same rows whoever and however often', async () => {
    await migrate(db.database);
    const all = await Promise.all(Array.from({ length: 5 }, () => seedDefaults(db.database)));
    for (const defaults of all) expect(defaults).toEqual(all[0]);
    expect(await seedDefaults(db.database)).toEqual(all[0]);
    const [counts] = await db.database.query(
      `select (select count(*)::int from principal) as principals, (select count(*)::int from workspace) as workspaces,
              (select count(*)::int from project) as projects, (select array_agg(name order by n) from environment) as environments`,
    );
    expect(counts).toEqual({ principals: 1, workspaces: 1, projects: 1, environments: ['draft', 'live'] });
  });
});

const eventually = <Value>(look: () => Promise<Value | undefined>) => vi.waitUntil(look, { timeout: 60_000, interval: 5 });
