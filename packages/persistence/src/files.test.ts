import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { peopleKit } from '../test/people-kit.ts';
import type { PeopleKit } from '../test/people-kit.ts';
import type { TestDatabase } from '../test/test-database.ts';
import { createTestDatabase } from '../test/test-database.ts';
import { createFile, deleteExpiredFiles, deleteFile, findFile, forgetBlob, listFiles, markUnusedBlobs, reserveBlob } from './files.ts';
import type { WorkspaceTransaction } from './in-workspace.ts';

let db: TestDatabase;
let kit: PeopleKit;
let home: { workspaceId: string; ownerId: string };
let away: { workspaceId: string; ownerId: string };
beforeAll(async () => {
  db = await createTestDatabase();
  kit = peopleKit(db.database);
  home = await kit.workspace('home');
  away = await kit.workspace('away');
});
afterAll(() => db.close());

const inHome = <Result>(use: (tx: WorkspaceTransaction) => Promise<Result>): Promise<Result> =>
  kit.as({ workspaceId: home.workspaceId, principalId: home.ownerId }, use);
const inAway = <Result>(use: (tx: WorkspaceTransaction) => Promise<Result>): Promise<Result> =>
  kit.as({ workspaceId: away.workspaceId, principalId: away.ownerId }, use);
const reserve = (hash: string) => inHome((tx) => reserveBlob(tx, { hash, sizeBytes: 5_000_000_000, storageKey: `k/${hash}` }));
const store = (hash: string, change: Partial<Parameters<typeof createFile>[1]> = {}) =>
  inHome((tx) => createFile(tx, { hash, name: 'report.pdf', mime: 'application/pdf', ...change }));
const ageBlobs = () => db.database.query(`update file_blob set touched_at = now() - interval '1 day'`);
const unused = async () => (await markUnusedBlobs(db.database, { graceMs: 3_600_000 })).map((blob) => blob.hash);

describe('files', () => {
  test('are handles of content that several of them may share', async () => {
    await Promise.all([reserve('shared'), reserve('shared')]);
    const [a, b] = [(await store('shared'))!, (await store('shared', { name: 'copy.pdf' }))!];
    expect(await inHome((tx) => findFile(tx, b))).toMatchObject({
      name: 'copy.pdf',
      hash: 'shared',
      sizeBytes: 5_000_000_000,
      storageKey: 'k/shared',
      createdBy: home.ownerId,
    });
    expect((await inHome((tx) => listFiles(tx, { limit: 1 }))).files.map((file) => file.id)).toEqual([b]);
    expect((await inHome((tx) => listFiles(tx, { limit: 1, cursor: b }))).files.map((file) => file.id)).toEqual([a]);
    expect(await inAway((tx) => findFile(tx, a))).toBeUndefined();
    expect(await inAway((tx) => deleteFile(tx, a))).toBe(false);
    expect(await inHome((tx) => deleteFile(tx, a))).toBe(true);
  });

  test('end with their time', async () => {
    await reserve('expiring');
    const id = (await store('expiring', { validMs: 60_000 }))!;
    expect((await inHome((tx) => findFile(tx, id)))?.expiresAt).toBeInstanceOf(Date);
    await db.database.query('update file set expires_at = now() where id = $1', [id]);
    expect(await inHome((tx) => findFile(tx, id))).toBeUndefined();
    expect(await deleteExpiredFiles(db.database)).toBe(1);
  });

  test('are not made of content that was never announced', async () => {
    expect(await store('unknown')).toBeUndefined();
    await reserve('elsewhere');
    expect(await inAway((tx) => createFile(tx, { hash: 'elsewhere', name: 'x', mime: 'y' }))).toBeUndefined();
  });
});

describe('sweeping', () => {
  test('takes content that nothing names any more, after its grace, until its bytes are gone', async () => {
    await reserve('swept');
    const id = (await store('swept'))!;
    await ageBlobs();
    expect(await unused()).not.toContain('swept');
    await inHome((tx) => deleteFile(tx, id));
    await reserve('swept');
    expect(await unused(), 'somebody is about to use it again').not.toContain('swept');
    await ageBlobs();
    expect(await unused()).toContain('swept');
    expect(await unused(), 'the process that was to delete it died').toContain('swept');
    expect(await reserve('swept')).toBe(false);
    expect(await store('swept')).toBeUndefined();
    expect(await forgetBlob(db.database, { workspaceId: home.workspaceId, hash: 'swept' })).toBe(true);
    expect(await reserve('swept')).toBe(true);
    expect(await forgetBlob(db.database, { workspaceId: home.workspaceId, hash: 'swept' })).toBe(false);
  });

  test('and a file that wants the content at the same moment: one of them wins, never both', async () => {
    for (let round = 0; round < 10; round++) {
      const hash = `race-${round}`;
      await reserve(hash);
      await ageBlobs();
      const [marked, id] = await Promise.all([unused(), store(hash)]);
      expect(marked.includes(hash)).toBe(id === undefined);
    }
  });
});
