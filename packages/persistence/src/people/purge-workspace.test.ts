/** A closed workspace comes back within its grace; after that nothing of it is left in any table, and nothing of another one is touched. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type PeopleKit, peopleKit } from '../../test/people-kit.ts';
import { type TestDatabase, createTestDatabase } from '../../test/test-database.ts';
import { insertWorkspaceRows } from '../../test/workspace-rows.ts';
import { inInstance } from '../in-instance.ts';
import { seedDefaults } from '../seed.ts';
import { verifyAudit, sealAudit } from '../operations/audit-chain.ts';
import { recordAudit } from '../operations/audit.ts';
import { beginPurge, endPurge, listWorkspacesToPurge, purgeRows } from './purge-workspace.ts';
import { deleteWorkspace, findWorkspaceBySlug, listDeletedWorkspaces, restoreWorkspace } from './workspaces.ts';

const DAY_MS = 86_400_000;
const graceMs = 30 * DAY_MS;
const key = new Uint8Array(32);

let db: TestDatabase;
let kit: PeopleKit;
let systemPrincipalId: string;
beforeAll(async () => {
  db = await createTestDatabase();
  kit = peopleKit(db.database);
  ({ systemPrincipalId } = await seedDefaults(db.database));
});
afterAll(() => db.close());

async function aWorkspace(slug: string): Promise<string> {
  const { workspaceId, projectId, ownerId } = await kit.workspace(slug);
  await insertWorkspaceRows(db.database, { workspaceId, projectId, principalId: ownerId });
  await kit.as({ workspaceId, principalId: ownerId }, (tx) =>
    recordAudit(tx, { principalId: ownerId, actorKind: 'person', action: 'a.b', resourceKind: 'x', payload: { secret: 'personal' } }),
  );
  await db.database.query(
    `insert into setting (scope, scope_id, key, value, updated_by) values ('project', $1, 'webhooks.bodyLimit', '2048', $2)`,
    [projectId, ownerId],
  );
  return workspaceId;
}

const close = async (id: string, daysAgo: number): Promise<void> => {
  expect((await inInstance(db.database, (tx) => deleteWorkspace(tx, id))).kind).toBe('deleted');
  await db.database.query(`update workspace set deleted_at = now() - $2::int4 * interval '1 day' where id = $1`, [id, daysAgo]);
};

/** Rows of a workspace by table. */
async function rowsOf(id: string): Promise<Record<string, number>> {
  const tables = await db.database.query<{ name: string }>(
    `select c.relname as name from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'workspace_id' and not a.attisdropped
      where c.relkind in ('r', 'p') and not c.relispartition`,
  );
  const counted: Record<string, number> = {};
  const count = async (name: string, from: string): Promise<void> => {
    const [row] = await db.database.query<{ n: number }>(`select count(*)::int4 as n from ${from}`, [id]);
    if (row && row.n > 0) counted[name] = row.n;
  };
  for (const { name } of tables) await count(name, `${name} where workspace_id = $1`);
  await count('setting', `setting where scope_id = $1 or scope_id in (select id from project where workspace_id = $1)`);
  await count('run_chunk', 'run_chunk where run_id in (select id from run where workspace_id = $1)');
  return counted;
}

describe('a closed workspace', () => {
  test('comes back within its grace, with everything in it', async () => {
    const id = await aWorkspace('back');
    const before = await rowsOf(id);
    await close(id, 29);
    expect((await listWorkspacesToPurge(db.database, graceMs)).map((one) => one.id)).not.toContain(id);
    expect(await beginPurge(db.database, { id, graceMs, systemPrincipalId })).toBe(false);
    expect(await inInstance(db.database, (tx) => restoreWorkspace(tx, id))).toBe(true);
    // What starts by itself is published anew.
    const live = { hook: 0, schedule: 0, poll: 0 };
    expect({ ...(await rowsOf(id)), ...live }).toEqual({ ...before, ...live });
  });

  test('loses its keys first, then every row in every table; another workspace keeps all of its own', async () => {
    const [id, other] = [await aWorkspace('gone'), await aWorkspace('stays')];
    const kept = await rowsOf(other);
    const runs = `insert into run (id, workspace_id, workflow_id, environment, version, status, trigger_kind, root_run_id, started_at)
      select gen_random_uuid(), workspace_id, workflow_id, environment, version, status, trigger_kind, root_run_id, started_at from run where workspace_id = $1 limit 1`;
    // In the partition of the one that is there: only the first digits of an id say which it is.
    const [sample] = await db.database.query<{ id: string }>('select id from run where workspace_id = $1', [id]);
    for (let n = 0; n < 5; n += 1)
      await db.database.query(
        runs.replace('gen_random_uuid()', `('${sample?.id.slice(0, 24)}' || right(gen_random_uuid()::text, 12))::uuid`),
        [id],
      );
    await close(id, 31);
    expect(await listWorkspacesToPurge(db.database, graceMs)).toEqual([{ id, isBegun: false }]);
    expect(await beginPurge(db.database, { id, graceMs, systemPrincipalId })).toBe(true);
    const begun = await rowsOf(id);
    expect([begun['data_key'], begun['credential_secret'], begun['run']]).toEqual([undefined, undefined, 6]);
    expect(await inInstance(db.database, (tx) => restoreWorkspace(tx, id)), 'there is no way back').toBe(false);
    expect((await listDeletedWorkspaces(db.database)).map((one) => one.id)).not.toContain(id);
    expect(await findWorkspaceBySlug(db.database, 'gone')).toBeUndefined();
    expect(await listWorkspacesToPurge(db.database, graceMs)).toEqual([{ id, isBegun: true }]);

    const counts: number[] = [];
    for (;;) {
      const count = await purgeRows(db.database, { id, limit: 10 });
      counts.push(count);
      if (count === 0) break;
    }
    expect(counts.length, 'it goes in batches').toBeGreaterThan(3);
    await endPurge(db.database, id);
    expect(await rowsOf(id)).toEqual({ audit: begun['audit'] });
    expect(await db.database.query('select from audit where workspace_id = $1 and payload is not null', [id])).toEqual([]);
    expect(await rowsOf(other)).toEqual(kept);
    expect(await listWorkspacesToPurge(db.database, graceMs)).toEqual([]);
    // The name is free again.
    await aWorkspace('gone too');
  });

  test('is named in the audit log of the server, and its own log stays whole', async () => {
    const id = await aWorkspace('audited');
    await sealAudit(db.database, { kind: 'workspace', workspaceId: id }, { key });
    await close(id, 40);
    await beginPurge(db.database, { id, graceMs, systemPrincipalId });
    while ((await purgeRows(db.database, { id, limit: 1000 })) > 0);
    await sealAudit(db.database, { kind: 'instance' }, { key });
    const [entry] = await db.database.query<{ action: string; resource_id: string }>(
      `select action, resource_id from audit where workspace_id is null and action = 'workspace.purge' order by id desc limit 1`,
    );
    expect(entry).toEqual({ action: 'workspace.purge', resource_id: id });
    expect(await verifyAudit(db.database, { kind: 'workspace', workspaceId: id }, { key })).toMatchObject({
      kind: 'intact',
      erasedPayloads: 1,
    });
  });
});
