import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createWorkspace, deleteWorkspace, inInstance, seedDefaults } from '@plugboard/persistence';
import { type TestDatabase, createTestDatabase } from '@plugboard/persistence/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { workspaceSweep } from './workspace-sweep.ts';

let db: TestDatabase;
let dir: string;
beforeAll(async () => {
  db = await createTestDatabase();
  dir = mkdtempSync(join(tmpdir(), 'plugboard-sweep-'));
});
afterAll(async () => {
  await db.close();
  rmSync(dir, { recursive: true, force: true });
});

test('a closed workspace goes with its rows and its folders once its grace is over, and no other one does', async () => {
  const { database } = db;
  const { systemPrincipalId, workspaceId: home } = await seedDefaults(database);
  const made = await inInstance(database, (tx) =>
    createWorkspace(tx, { slug: 'closing', name: 'Closing', ownerId: systemPrincipalId, createdBy: systemPrincipalId }),
  );
  const id = made.kind === 'created' ? made.workspaceId : '';
  const folders = ['blobs', 'files'].map((name) => join(dir, name));
  for (const folder of folders) {
    for (const one of [id, home]) {
      mkdirSync(join(folder, one), { recursive: true });
      writeFileSync(join(folder, one, 'content'), 'x');
    }
  }
  let graceDays = 30;
  const log: string[] = [];
  const sweep = workspaceSweep({
    database,
    folders,
    graceDays: () => graceDays,
    systemPrincipalId,
    log: { info: (_, message) => void log.push(message) },
  });
  const pass = async (): Promise<void> => {
    while ((await sweep.step(Date.now())) >= sweep.limit);
  };
  await inInstance(database, (tx) => deleteWorkspace(tx, id));
  await database.query(`update workspace set deleted_at = now() - interval '10 days' where id = $1`, [id]);
  await pass();
  expect(folders.every((folder) => existsSync(join(folder, id, 'content')))).toBe(true);

  // A shorter grace counts for what is closed already.
  graceDays = 7;
  await pass();
  expect(log).toEqual(['a closed workspace was removed for good']);
  expect(folders.map((folder) => [existsSync(join(folder, id)), existsSync(join(folder, home))])).toEqual([
    [false, true],
    [false, true],
  ]);
  expect(await database.query('select from project where workspace_id = $1', [id])).toEqual([]);
  expect(await database.query('select from project where workspace_id = $1', [home])).toHaveLength(1);
  await pass();
  expect(log).toHaveLength(1);
});
