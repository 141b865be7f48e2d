import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { peopleKit } from '../../test/people-kit.ts';
import type { PeopleKit } from '../../test/people-kit.ts';
import { TABLE_SCOPES } from '../../test/table-scopes.ts';
import type { TestDatabase } from '../../test/test-database.ts';
import { createTestDatabase } from '../../test/test-database.ts';
import { insertWorkspaceRows } from '../../test/workspace-rows.ts';
import { errorCodeOf } from '../errors.ts';
import type { WorkspaceTransaction } from '../in-workspace.ts';

interface Home {
  readonly workspaceId: string;
  readonly projectId: string;
  readonly ownerId: string;
}

let db: TestDatabase;
let kit: PeopleKit;
let here: Home;
let there: Home;
beforeAll(async () => {
  db = await createTestDatabase();
  kit = peopleKit(db.database);
  here = await kit.workspace('here');
  there = await kit.workspace('there');
  for (const { ownerId: principalId, ...home } of [here, there]) await insertWorkspaceRows(db.database, { ...home, principalId });
});
afterAll(() => db.close());

const TABLES = Object.entries(TABLE_SCOPES).flatMap(([table, scope]) => (scope === 'instance' ? [] : [table]));

/** Rows of a workspace or a person, told apart as their owner sees them. */
const OWNED: Record<string, string> = {
  workspace: 'id = $1',
  run_chunk: 'run_id in (select id from run where workspace_id = $1)',
  idempotency: 'principal_id = $2',
  setting: `scope_id in ($1, $2)`,
};
const owned = (table: string): string => `${OWNED[table] ?? 'workspace_id = $1'} and $1::uuid is not null and $2::uuid is not null`;
const keysOf = (home: Home): string[] => [home.workspaceId, home.ownerId];

/** As somebody here. What is written is taken back. */
async function asHere(use: (tx: WorkspaceTransaction) => Promise<void>): Promise<void> {
  const done = new Error('done');
  await kit
    .as({ workspaceId: here.workspaceId, principalId: here.ownerId }, async (tx) => {
      await use(tx);
      throw done;
    })
    .catch((error: unknown) => {
      if (error !== done) throw error;
    });
}

/** SQLSTATE, or how many rows were changed. */
async function attempt(tx: WorkspaceTransaction, text: string, values: readonly unknown[]): Promise<string | number> {
  await tx.query('savepoint attempt');
  try {
    return (await tx.query(`${text} returning 1`, values)).length;
  } catch (error) {
    return errorCodeOf(error) ?? String(error);
  } finally {
    await tx.query('rollback to savepoint attempt');
  }
}

const DENIED = '42501';

describe.each(TABLES)('rows of %s that are elsewhere', (table) => {
  test('are there, so that this test means something', async () => {
    for (const home of [here, there])
      expect((await db.database.query(`select from ${table} where ${owned(table)}`, keysOf(home))).length).toBeGreaterThan(0);
  });

  test('are not read, counted, changed or deleted', async () => {
    await asHere(async (tx) => {
      const seen = await tx
        .query<{ n: number }>(`select count(*)::int4 as n from ${table} where ${owned(table)}`, keysOf(there))
        .catch((error: unknown) => errorCodeOf(error));
      expect(seen === DENIED || (Array.isArray(seen) && seen[0]?.n === 0)).toBe(true);
    });
    await asHere(async (tx) => {
      const columns = await db.database.query<{ name: string }>(
        `select attname as name from pg_attribute where attrelid = $1::regclass and attnum > 0 and not attisdropped order by attnum limit 1`,
        [table],
      );
      for (const change of [
        `update ${table} set ${columns.at(0)!.name} = ${columns.at(0)!.name} where ${owned(table)}`,
        `delete from ${table} where ${owned(table)}`,
      ]) {
        expect([0, DENIED]).toContain(await attempt(tx, change, keysOf(there)));
      }
    });
  });

  test('cannot be made from here, nor given away to there', async () => {
    const rows = await db.database.query<{ row: object }>(
      `select row_to_json(t) as row from ${table} t where ${owned(table)} limit 1`,
      keysOf(there),
    );
    const { row } = rows.at(0)!;
    await asHere(async (tx) => {
      expect(await attempt(tx, `insert into ${table} select * from json_populate_record(null::${table}, $1)`, [JSON.stringify(row)])).toBe(
        DENIED,
      );
      const owner = 'workspace_id' in row ? 'workspace_id' : 'principal_id' in row ? 'principal_id' : undefined;
      if (owner === undefined) return;
      const give = `update ${table} set ${owner} = $3 where ${owned(table)}`;
      expect(await attempt(tx, give, [...keysOf(here), owner === 'workspace_id' ? there.workspaceId : there.ownerId])).toBe(DENIED);
    });
  });
});

describe('references', () => {
  test('cannot point from a row here to one there, although foreign keys ask no policy', async () => {
    const one = async (text: string, home: Home): Promise<string> =>
      (await db.database.query<{ id: string }>(text, [home.workspaceId])).at(0)!.id;
    const workflow = 'select id from workflow where workspace_id = $1';
    const [ours, theirs] = [await one(workflow, here), await one(workflow, there)];
    const theirTag = await one('select id from tag where workspace_id = $1', there);
    const theirCredential = await one('select id from credential where workspace_id = $1', there);
    const theirFolder = await one('select id from folder where workspace_id = $1', there);
    const theirKey = await one('select id from data_key where workspace_id = $1', there);
    const [w, p] = [here.workspaceId, here.ownerId];
    const crossing: readonly (readonly [string, readonly unknown[]])[] = [
      ['insert into workflow_tag (workflow_id, tag_id, workspace_id) values ($1, $2, $3)', [ours, theirTag, w]],
      ['insert into star (principal_id, workflow_id, workspace_id) values ($1, $2, $3)', [p, theirs, w]],
      [
        `insert into binding (workflow_id, environment, key, workspace_id, credential_id, granted_by) values ($1, 1, 'x', $2, $3, $4)`,
        [ours, w, theirCredential, p],
      ],
      [
        `insert into test_listener (id, method, path, pattern, mode, workspace_id, workflow_id, node_id, principal_id, expires_at) values (gen_random_uuid(), 'GET', 'x', 'x', 'run', $1, $2, 'n', $3, now())`,
        [w, theirs, p],
      ],
      ['update workflow set project_id = $2, folder_id = null where id = $1', [ours, there.projectId]],
      [
        `insert into version (workflow_id, n, workspace_id, definition, semantic_hash, type_pins, published_by) values ($1, 9, $2, '{}', 'x', '{}', $3)`,
        [theirs, w, p],
      ],
      [
        `insert into variable (project_id, environment, key, workspace_id, value, created_by) values ($1, 0, 'k', $2, '1', $3)`,
        [there.projectId, w, p],
      ],
      ['update workflow set folder_id = $2 where id = $1', [ours, theirFolder]],
      ['update workspace set data_key_id = $2 where id = $1', [w, theirKey]],
      [
        `insert into folder (id, workspace_id, project_id, name, created_by) values (gen_random_uuid(), $1, $2, 'x', $3)`,
        [w, there.projectId, p],
      ],
      [
        `insert into credential (id, workspace_id, project_id, key, name, type, allowed_hosts, public_data, created_by) values (gen_random_uuid(), $1, $2, 'x', 'n', 't', '{}', '{}', $3)`,
        [w, there.projectId, p],
      ],
    ];
    await asHere(async (tx) => {
      for (const [text, values] of crossing) expect([text, await attempt(tx, text, values)]).toEqual([text, '23503']);
    });
  });
});

describe('rows of a person', () => {
  test('are not seen by a colleague in the same workspace', async () => {
    const colleague = await kit.member(here.workspaceId, 'Colleague', 'admin');
    await kit.as({ workspaceId: here.workspaceId, principalId: colleague }, async (tx) => {
      for (const table of ['star', 'saved_view', 'notification', 'idempotency'])
        expect([table, await tx.query(`select from ${table}`)]).toEqual([table, []]);
      expect(await tx.query(`select from setting where scope = 'person'`)).toEqual([]);
    });
  });
});

describe('the application’s role', () => {
  test('cannot change or delete what was audited, and not even the owner can do so quietly', async () => {
    await asHere(async (tx) => {
      expect(await attempt(tx, `update audit set action = 'nothing happened'`, [])).toBe(DENIED);
      expect(await attempt(tx, 'delete from audit', [])).toBe(DENIED);
    });
    await expect(db.database.query(`update audit set action = 'nothing happened'`)).rejects.toThrow(/never change/);
    await expect(db.database.query('delete from audit')).rejects.toThrow(/never deleted/);
  });

  test('sees nothing of workspaces when none is set', async () => {
    await asHere(async (tx) => {
      await tx.query(`select set_config('plugboard.workspace', '', true), set_config('plugboard.principal', '', true)`);
      for (const table of TABLES.filter((name) => name !== 'setting' && name !== 'run_key'))
        expect([table, await tx.query(`select from ${table}`)]).toEqual([table, []]);
    });
  });
});
