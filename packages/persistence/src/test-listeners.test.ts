import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { peopleKit } from '../test/people-kit.ts';
import type { PeopleKit } from '../test/people-kit.ts';
import type { TestDatabase } from '../test/test-database.ts';
import { createTestDatabase } from '../test/test-database.ts';
import { uuidv7 } from './ids.ts';
import { inInstance } from './in-instance.ts';
import type { WorkspaceTransaction } from './in-workspace.ts';
import { listNotifications, markNotificationsRead, notify } from './notifications.ts';
import { addRunTags, deleteStaleRunTags, findRunsByTag, listRunTags } from './run-tags.ts';
import { createSavedView, deleteSavedView, listSavedViews, updateSavedView } from './saved-views.ts';
import {
  closeTestListeners,
  deleteExpiredTestListeners,
  findTestListeners,
  listTestListeners,
  openTestListener,
  settleTestListener,
  takeTestListener,
} from './test-listeners.ts';
import { createWorkflow } from './workflows.ts';

let db: TestDatabase;
let kit: PeopleKit;
let home: { workspaceId: string; projectId: string; ownerId: string };
let away: { workspaceId: string; projectId: string; ownerId: string };
let colleague: string;
beforeAll(async () => {
  db = await createTestDatabase();
  kit = peopleKit(db.database);
  home = await kit.workspace('home');
  away = await kit.workspace('away');
  colleague = await kit.member(home.workspaceId, 'Colleague', 'editor');
});
afterAll(() => db.close());

const inHome = <Result>(use: (tx: WorkspaceTransaction) => Promise<Result>): Promise<Result> =>
  kit.as({ workspaceId: home.workspaceId, principalId: home.ownerId }, use);
const asColleague = <Result>(use: (tx: WorkspaceTransaction) => Promise<Result>): Promise<Result> =>
  kit.as({ workspaceId: home.workspaceId, principalId: colleague }, use);
const inAway = <Result>(use: (tx: WorkspaceTransaction) => Promise<Result>): Promise<Result> =>
  kit.as({ workspaceId: away.workspaceId, principalId: away.ownerId }, use);

async function aWorkflow(place: typeof home, name: string): Promise<string> {
  const definition = { schema: 1, name, nodes: [], edges: [], settings: {} } as const;
  const result = await kit.as({ workspaceId: place.workspaceId, principalId: place.ownerId }, (tx) =>
    createWorkflow(tx, { projectId: place.projectId, definition, semanticHash: name }),
  );
  if (result.kind !== 'created') throw new Error(result.kind);
  return result.workflow.id;
}

describe('test listeners', () => {
  const listenTo = (workflowId: string, pattern: string, methods = ['POST']) =>
    ({ methods, pattern, workflowId, nodeId: 'n', validMs: 60_000, mode: 'run' }) as const;

  test('are one per method and path in a workspace, whoever comes first; each workspace has its own', async () => {
    const [ours, theirs] = [await aWorkflow(home, 'Ours'), await aWorkflow(away, 'Theirs')];
    const results = await Promise.all([
      inHome((tx) => openTestListener(tx, listenTo(ours, 'orders'))),
      asColleague((tx) => openTestListener(tx, listenTo(ours, 'orders', ['GET', 'POST']))),
    ]);
    expect(results.map((result) => result.kind).toSorted()).toEqual(['opened', 'path-taken']);
    expect(await inAway((tx) => openTestListener(tx, listenTo(theirs, 'orders')))).toMatchObject({
      kind: 'opened',
      pattern: 'away/orders',
    });
    expect(await inHome((tx) => openTestListener(tx, listenTo(theirs, 'orders')))).toEqual({ kind: 'not-found' });
    expect(await findTestListeners(db.database, 'orders')).toEqual([]);
  });

  test('of several methods is taken by one request, whichever comes first', async () => {
    const workflowId = await aWorkflow(home, 'Taken');
    const opened = await inHome((tx) => openTestListener(tx, listenTo(workflowId, 'taken/:id', ['GET', 'POST', 'PUT'])));
    if (opened.kind !== 'opened') throw new Error(opened.kind);
    const found = await findTestListeners(db.database, 'home/taken/7');
    expect(found.filter((one) => one.id === opened.id).map((one) => [one.method, one.path])).toEqual([
      ['GET', 'home/taken/*'],
      ['POST', 'home/taken/*'],
      ['PUT', 'home/taken/*'],
    ]);
    const taken = await Promise.all(Array.from({ length: 8 }, () => takeTestListener(db.database, opened.id)));
    expect(taken.filter(Boolean)).toHaveLength(1);
    await settleTestListener(db.database, opened.id, { captured: { a: 1 } });
    expect(await inHome((tx) => listTestListeners(tx, workflowId))).toMatchObject([
      {
        id: opened.id,
        methods: ['GET', 'POST', 'PUT'],
        pattern: 'home/taken/:id',
        captured: { a: 1 },
        runId: null,
        takenAt: expect.any(Date),
      },
    ]);
    expect(await asColleague((tx) => listTestListeners(tx, workflowId))).toEqual([]);
    expect((await findTestListeners(db.database, 'home/taken/7')).filter((one) => one.id === opened.id)).toEqual([]);
    expect(await inHome((tx) => closeTestListeners(tx, workflowId))).toBe(1);
  });

  test('are found by any process until their time is over, moved by opening again, and closed by who opened them', async () => {
    const workflowId = await aWorkflow(home, 'Listened');
    const listen = listenTo(workflowId, 'mine', ['GET']);
    const path = 'home/mine';
    await inHome((tx) => openTestListener(tx, listen));
    expect(await inHome((tx) => openTestListener(tx, { ...listen, nodeId: 'm' }))).toMatchObject({ kind: 'opened' });
    expect(await findTestListeners(db.database, path)).toMatchObject([
      { method: 'GET', workspaceId: home.workspaceId, workflowId, nodeId: 'm', principalId: home.ownerId },
    ]);
    expect(await asColleague((tx) => closeTestListeners(tx, workflowId))).toBe(0);
    await db.database.query(`update test_listener set expires_at = now() where path = $1`, [path]);
    expect(await findTestListeners(db.database, path)).toEqual([]);
    expect(await asColleague((tx) => openTestListener(tx, listen))).toMatchObject({ kind: 'opened' });
    expect(await asColleague((tx) => closeTestListeners(tx, workflowId))).toBe(1);
    await db.database.query('update test_listener set expires_at = now()');
    const [left] = await db.database.query<{ n: number }>('select count(*)::int4 as n from test_listener');
    expect(left?.n).toBeGreaterThan(0);
    expect(await deleteExpiredTestListeners(db.database)).toBe(left?.n);
  });
});

describe('notifications', () => {
  test('tell a person once, are his own, and are read once', async () => {
    const about = {
      principalIds: [home.ownerId],
      workspaceId: home.workspaceId,
      dedupeKey: 'run-failed:w1',
      kind: 'run.failed',
      params: { workflow: 'w1' },
    };
    await Promise.all([1, 2].map(() => inInstance(db.database, (tx) => notify(tx, about))));
    const tell = (notice: Parameters<typeof notify>[1]) => inInstance(db.database, (tx) => notify(tx, notice));
    await tell({ ...about, dedupeKey: 'elsewhere', workspaceId: away.workspaceId });
    const { workspaceId: _, ...instance } = { ...about, dedupeKey: 'instance' };
    await tell(instance);
    const { notifications } = await inHome((tx) => listNotifications(tx));
    expect(notifications).toHaveLength(2);
    expect((await asColleague((tx) => listNotifications(tx))).notifications).toEqual([]);
    expect(await asColleague((tx) => markNotificationsRead(tx))).toBe(0);
    expect(await inHome((tx) => markNotificationsRead(tx, [notifications.at(0)!.id]))).toBe(1);
    expect((await inHome((tx) => listNotifications(tx, { isUnreadOnly: true }))).notifications.map((entry) => entry.id)).toEqual([
      notifications.at(1)!.id,
    ]);
    expect(await inHome((tx) => markNotificationsRead(tx))).toBe(1);
    expect(await inHome((tx) => markNotificationsRead(tx))).toBe(0);
  });
});

describe('saved views', () => {
  test('are one’s own unless shared, and change on the revision that was read', async () => {
    const own = await inHome((tx) => createSavedView(tx, { page: 'runs', name: 'Mine', filter: { status: 5 }, isShared: false }));
    const shared = await inHome((tx) => createSavedView(tx, { page: 'runs', name: 'Ours', filter: {}, isShared: true }));
    expect((await inHome((tx) => listSavedViews(tx, 'runs'))).map((view) => [view.id, view.isShared])).toEqual([
      [own, false],
      [shared, true],
    ]);
    expect((await asColleague((tx) => listSavedViews(tx, 'runs'))).map((view) => view.id)).toEqual([shared]);
    expect(await asColleague((tx) => updateSavedView(tx, own, { name: 'x' }))).toEqual({ kind: 'not-found' });
    expect(await asColleague((tx) => deleteSavedView(tx, own))).toBe(false);
    expect(await inHome((tx) => updateSavedView(tx, own, { filter: { status: 4 }, expectedRev: 1 }))).toEqual({ kind: 'saved', rev: 2 });
    expect(await inHome((tx) => updateSavedView(tx, own, { name: 'late', expectedRev: 1 }))).toMatchObject({
      kind: 'conflict',
      view: { name: 'Mine', filter: { status: 4 } },
    });
    expect(await inHome((tx) => deleteSavedView(tx, own))).toBe(true);
    expect(await inAway((tx) => listSavedViews(tx, 'runs'))).toEqual([]);
  });
});

describe('tags of runs', () => {
  test('find runs newest first in their workspace, by values of any length, and go with the runs', async () => {
    const [older, newer] = [uuidv7(), uuidv7()];
    const long = 'x'.repeat(5000);
    for (const runId of [older, newer]) {
      await addRunTags(db.database, {
        workspaceId: home.workspaceId,
        runId,
        tags: [
          { key: 'order', value: '42' },
          { key: 'note', value: long },
          { key: 'order', value: '42' },
        ],
      });
    }
    expect(await inHome((tx) => findRunsByTag(tx, { key: 'order', value: '42' }))).toEqual([newer, older]);
    expect(await inHome((tx) => findRunsByTag(tx, { key: 'order', value: '42', beforeId: newer }))).toEqual([older]);
    expect(await inHome((tx) => findRunsByTag(tx, { key: 'note', value: long, limit: 1 }))).toEqual([newer]);
    expect(await inHome((tx) => listRunTags(tx, newer))).toEqual([
      { key: 'note', value: 'x'.repeat(200) },
      { key: 'order', value: '42' },
    ]);
    expect(await inAway((tx) => findRunsByTag(tx, { key: 'order', value: '42' }))).toEqual([]);
    expect(await deleteStaleRunTags(db.database, { olderThan: 0 })).toBe(0);
    await db.database.query(
      `insert into run (id, workspace_id, workflow_id, environment, version, status, trigger_kind, root_run_id, started_at) values ($1, $2, $2, 1, 1, 4, 1, $1, now())`,
      [newer, home.workspaceId],
    );
    expect(await deleteStaleRunTags(db.database, { olderThan: Date.now() + 60_000 })).toBe(2);
    expect(await inHome((tx) => findRunsByTag(tx, { key: 'order', value: '42' }))).toEqual([newer]);
  });
});
