import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { peopleKit } from '../test/people-kit.ts';
import type { PeopleKit } from '../test/people-kit.ts';
import type { TestDatabase } from '../test/test-database.ts';
import { createTestDatabase } from '../test/test-database.ts';
import {
  createFile,
  deleteExpiredFiles,
  deleteFile,
  deleteFilesOfForgottenRuns,
  FILE_BYTES_LIMIT,
  findFile,
  forgetBlob,
  listFiles,
  markUnusedBlobs,
  reserveBlob,
} from './files.ts';
import { uuidv7 } from './ids.ts';
import { entitle } from './operations/entitlements.ts';
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
    expect(await inAway((tx) => deleteFile(tx, a))).toBeUndefined();
    expect(await inHome((tx) => deleteFile(tx, a))).toBe(5_000_000_000);
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

describe('files of runs', () => {
  const RUN = { runId: uuidv7(), workflowId: uuidv7() };

  test('go when nothing is left of their run, and give their bytes back', async () => {
    await reserve('of-run');
    const id = (await store('of-run', { origin: RUN }))!;
    await inHome((tx) => entitle(tx, FILE_BYTES_LIMIT, 5_000_000_500));
    expect(await inHome((tx) => findFile(tx, id))).toMatchObject({ originRunId: RUN.runId, workflowId: RUN.workflowId });
    expect(await deleteFilesOfForgottenRuns(db.database, { graceMs: 60_000 }), 'their run may not be stored yet').toBe(0);
    await db.database.query(
      `insert into run_live (run_id, workspace_id, workflow_id, environment, version, owner, fence, next_seq, status, started_at)
         values ($1, $2, $3, 1, 1, $1, 1, 0, 1, now())`,
      [RUN.runId, home.workspaceId, RUN.workflowId],
    );
    expect(await deleteFilesOfForgottenRuns(db.database, { graceMs: 0 }), 'their run goes on').toBe(0);
    await db.database.query('delete from run_live where run_id = $1', [RUN.runId]);
    expect(await deleteFilesOfForgottenRuns(db.database, { graceMs: 0 })).toBe(1);
    expect(await inHome((tx) => findFile(tx, id))).toBeUndefined();
    expect(await inHome((tx) => entitle(tx, FILE_BYTES_LIMIT, 0))).toMatchObject({ used: 500 });
  });

  test('are listed for who may see their workflow, by part of their name as it is', async () => {
    await reserve('seen');
    const own = (await store('seen', { name: '100%_done.csv', origin: { runId: uuidv7(), workflowId: RUN.workflowId } }))!;
    const shared = (await store('seen', { name: '100 done.csv' }))!;
    const ids = async (options: Parameters<typeof listFiles>[1]) =>
      (await inHome((tx) => listFiles(tx, options))).files.map((file) => file.id);
    expect(await ids({ search: '%_D' })).toEqual([own]);
    expect(await ids({ search: 'done.csv', visible: { projectIds: [], workflowIds: [] } })).toEqual([shared]);
    expect(await ids({ search: 'done.csv', visible: { projectIds: [], workflowIds: [RUN.workflowId] } })).toEqual([shared, own]);
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
