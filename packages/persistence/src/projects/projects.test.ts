import type { WorkflowDefinition } from '@plugboard/engine';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { peopleKit } from '../../test/people-kit.ts';
import type { PeopleKit } from '../../test/people-kit.ts';
import type { TestDatabase } from '../../test/test-database.ts';
import { createTestDatabase } from '../../test/test-database.ts';
import { insertWorkspaceRows } from '../../test/workspace-rows.ts';
import { errorCodeOf } from '../errors.ts';
import type { WorkspaceTransaction } from '../in-workspace.ts';
import { loadAccess } from '../people/access.ts';
import { publish } from '../publish.ts';
import { createWorkflow, deleteWorkflow, findWorkflow, getDraft, listWorkflows, moveWorkflow } from '../workflows.ts';
import { FOLDER_DEPTH, createFolder, deleteFolder, findFolder, listFolders, updateFolder } from './folders.ts';
import { createProject, deleteProject, listProjects, updateProject } from './projects.ts';
import { findStars, starWorkflow, unstarWorkflow } from './stars.ts';
import { createTag, deleteTag, findWorkflowTags, listTags, setWorkflowTags, updateTag } from './tags.ts';
import { listTrash, purgeTrash, restoreProject, restoreWorkflow } from './trash.ts';

let db: TestDatabase;
let kit: PeopleKit;
let home: { workspaceId: string; projectId: string; ownerId: string };
let away: { workspaceId: string; projectId: string; ownerId: string };
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
const accessVersion = async (): Promise<number> =>
  (await loadAccess(db.database, { workspaceId: home.workspaceId, principalId: home.ownerId }))!.accessVersion;
const aDefinition = (name: string): WorkflowDefinition => ({ schema: 1, name, nodes: [], edges: [], settings: {} });

async function aWorkflow(name: string, place: { projectId?: string; folderId?: string } = {}): Promise<string> {
  const result = await inHome((tx) =>
    createWorkflow(tx, { projectId: home.projectId, ...place, definition: aDefinition(name), semanticHash: name }),
  );
  if (result.kind !== 'created') throw new Error(`${name}: ${result.kind}`);
  return result.workflow.id;
}

async function aProject(slug: string): Promise<string> {
  const result = await inHome((tx) => createProject(tx, { slug, name: slug }));
  if (result.kind !== 'created') throw new Error(`${slug}: ${result.kind}`);
  return result.projectId;
}

async function aFolder(name: string, parentId?: string): Promise<string> {
  const result = await inHome((tx) =>
    createFolder(tx, { projectId: home.projectId, name, ...(parentId === undefined ? {} : { parentId }) }),
  );
  if (result.kind !== 'created') throw new Error(`${name}: ${result.kind}`);
  return result.folderId;
}

const trash = async (kind: string): Promise<string[]> =>
  (await inHome((tx) => listTrash(tx))).filter((entry) => entry.kind === kind).map((entry) => entry.id);
const ageTrash = (): Promise<unknown> =>
  Promise.all(
    ['workflow', 'project'].map((table) =>
      db.database.query(`update ${table} set deleted_at = deleted_at - interval '40 days' where deleted_at is not null`),
    ),
  );
const MONTH = 30 * 24 * 3_600_000;

describe('projects', () => {
  test('of one slug at once: one is made', async () => {
    const results = await Promise.all(Array.from({ length: 4 }, () => inHome((tx) => createProject(tx, { slug: 'race', name: 'Race' }))));
    expect(results.filter((result) => result.kind === 'created')).toHaveLength(1);
    expect((await inAway((tx) => createProject(tx, { slug: 'race', name: 'Race' }))).kind).toBe('created');
  });

  test('change who sees them with a new access version, on the revision that was read', async () => {
    const id = await aProject('visible');
    const before = await accessVersion();
    expect(await inHome((tx) => updateProject(tx, id, { visibility: 'members', adminEditsOnly: true, expectedRev: 1 }))).toEqual({
      kind: 'saved',
      rev: 2,
    });
    expect(await accessVersion()).toBeGreaterThan(before);
    expect(await inHome((tx) => updateProject(tx, id, { name: 'late', expectedRev: 1 }))).toMatchObject({
      kind: 'conflict',
      project: { visibility: 'members' },
    });
    expect(await inHome((tx) => updateProject(tx, id, { slug: 'race' }))).toEqual({ kind: 'slug-taken' });
    expect(await inAway((tx) => updateProject(tx, id, { name: 'stolen' }))).toEqual({ kind: 'not-found' });
    const access = await loadAccess(db.database, { workspaceId: home.workspaceId, principalId: home.ownerId });
    expect(access?.projects.find((project) => project.id === id)).toEqual({ id, visibility: 'members', adminEditsOnly: true });
  });

  test('that are private give their owner the highest role', async () => {
    const person = await kit.member(home.workspaceId, 'Private person', 'editor');
    const made = await inHome((tx) => createProject(tx, { slug: 'mine', name: 'Mine', visibility: 'members', ownerId: person }));
    const id = made.kind === 'created' ? made.projectId : '';
    const roleOf = async (principalId: string) =>
      (await loadAccess(db.database, { workspaceId: home.workspaceId, principalId }))?.projects.find((project) => project.id === id)?.role;
    expect(await roleOf(person)).toBe('owner');
    expect(await roleOf(home.ownerId)).toBeUndefined();
  });

  test('with something in them are not deleted, also when it comes in at the same moment', async () => {
    for (let round = 0; round < 10; round++) {
      const id = await aProject(`filled-${round}`);
      const [deleted, created] = await Promise.all([
        inHome((tx) => deleteProject(tx, id)),
        inHome((tx) => createWorkflow(tx, { projectId: id, definition: aDefinition(`Just in time ${round}`), semanticHash: 'x' })).then(
          (result) => result.kind,
          (error: unknown) => errorCodeOf(error),
        ),
      ]);
      expect(['deleted PROJECT_MISSING', 'not-empty created']).toContain(`${deleted.kind} ${created}`);
    }
  });

  test('of another workspace take in nothing', async () => {
    const elsewhere = { projectId: away.projectId, definition: aDefinition('Elsewhere'), semanticHash: 'x' };
    await expect(inHome((tx) => createWorkflow(tx, elsewhere))).rejects.toMatchObject({ code: 'PROJECT_MISSING' });
    expect(await inAway((tx) => deleteProject(tx, home.projectId))).toEqual({ kind: 'not-found' });
  });
});

describe('folders', () => {
  test('have one name each in their place, whatever the case, and lie in their project', async () => {
    const id = await aFolder('Invoices');
    expect(await inHome((tx) => createFolder(tx, { projectId: home.projectId, name: 'INVOICES' }))).toEqual({ kind: 'name-taken' });
    await aFolder('Invoices', id);
    const other = await aProject('foldered');
    expect(await inHome((tx) => createFolder(tx, { projectId: other, parentId: id, name: 'x' }))).toEqual({ kind: 'not-found' });
    expect(await inAway((tx) => createFolder(tx, { projectId: home.projectId, name: 'x' }))).toEqual({ kind: 'not-found' });
    expect(await inHome((tx) => updateFolder(tx, id, { name: 'Bills', expectedRev: 1 }))).toEqual({ kind: 'saved', rev: 2 });
    expect(await inHome((tx) => updateFolder(tx, id, { name: 'Late', expectedRev: 1 }))).toMatchObject({
      kind: 'conflict',
      folder: { name: 'Bills' },
    });
    expect((await inHome((tx) => listFolders(tx, [home.projectId]))).map((folder) => folder.name)).toEqual(['Bills', 'Invoices']);
    expect(await inAway((tx) => listFolders(tx, [home.projectId]))).toEqual([]);
  });

  test('never lie inside themselves, also when two moves at once would close the circle', async () => {
    const [a, b] = [await aFolder('Circle a'), await aFolder('Circle b')];
    expect(await inHome((tx) => updateFolder(tx, a, { parentId: a }))).toEqual({ kind: 'cycle' });
    const results = await Promise.all([
      inHome((tx) => updateFolder(tx, a, { parentId: b })),
      inHome((tx) => updateFolder(tx, b, { parentId: a })),
    ]);
    expect(results.map((result) => result.kind).toSorted()).toEqual(['cycle', 'saved']);
  });

  test('are nested to a limit, also when a whole tree is moved', async () => {
    let parent: string | undefined;
    const chain: string[] = [];
    for (let level = 1; level <= FOLDER_DEPTH; level++) {
      parent = await aFolder(`Level ${level}`, parent);
      chain.push(parent);
    }
    expect(await inHome((tx) => createFolder(tx, { projectId: home.projectId, parentId: parent!, name: 'too deep' }))).toEqual({
      kind: 'too-deep',
    });
    const tree = await aFolder('Tree');
    await aFolder('Branch', tree);
    expect(await inHome((tx) => updateFolder(tx, tree, { parentId: chain.at(-2)! }))).toEqual({ kind: 'too-deep' });
    expect((await inHome((tx) => updateFolder(tx, tree, { parentId: chain.at(-3)! }))).kind).toBe('saved');
    expect((await inHome((tx) => updateFolder(tx, tree, { parentId: null }))).kind).toBe('saved');
  });

  test('that go leave their workflows one level up', async () => {
    const outer = await aFolder('Outer');
    const inner = await aFolder('Inner', outer);
    const workflow = await aWorkflow('In a folder', { folderId: inner });
    expect(await inHome((tx) => deleteFolder(tx, outer))).toEqual({ kind: 'not-empty' });
    expect(await inAway((tx) => deleteFolder(tx, inner))).toEqual({ kind: 'not-found' });
    expect(await inHome((tx) => deleteFolder(tx, inner))).toEqual({ kind: 'deleted' });
    expect((await inHome((tx) => findWorkflow(tx, workflow)))?.folderId).toBe(outer);
    expect(await inHome((tx) => findFolder(tx, inner))).toBeUndefined();
  });
});

describe('workflows', () => {
  test('move to a project and a folder in it, nowhere else, and rights are read anew', async () => {
    const target = await aProject('move-target');
    const folder = await inHome((tx) => createFolder(tx, { projectId: target, name: 'There' }));
    const folderId = folder.kind === 'created' ? folder.folderId : '';
    const id = await aWorkflow('Mover');
    expect(await inHome((tx) => moveWorkflow(tx, id, { projectId: home.projectId, folderId }))).toEqual({ kind: 'target-not-found' });
    expect(await inHome((tx) => moveWorkflow(tx, id, { projectId: away.projectId }))).toEqual({ kind: 'target-not-found' });
    const before = await accessVersion();
    expect(await inHome((tx) => moveWorkflow(tx, id, { projectId: target, folderId }))).toEqual({ kind: 'moved' });
    expect(await accessVersion()).toBeGreaterThan(before);
    expect(await inHome((tx) => findWorkflow(tx, id))).toMatchObject({ projectId: target, folderId });
  });

  test('are listed by what is visible, project, folder, tags and stars, together', async () => {
    const project = await aProject('listing');
    const [one, two, three] = [
      await aWorkflow('L1', { projectId: project }),
      await aWorkflow('L2', { projectId: project }),
      await aWorkflow('L3'),
    ];
    const tagOf = async (name: string) => (await inHome((tx) => createTag(tx, { name }))).tagId;
    const [red, blue] = [await tagOf('l-red'), await tagOf('l-blue')];
    await inHome(async (tx) => {
      await setWorkflowTags(tx, one, [red, blue]);
      await setWorkflowTags(tx, two, [red]);
      await setWorkflowTags(tx, three, [red]);
      await starWorkflow(tx, two);
    });
    const list = async (options: Parameters<typeof listWorkflows>[1]) =>
      (await inHome((tx) => listWorkflows(tx, options))).workflows.map((workflow) => workflow.id);
    expect(await list({ projectId: project })).toEqual([two, one]);
    expect(await list({ visible: { projectIds: [project], ids: [three] }, tagIds: [red] })).toEqual([three, two, one]);
    expect(await list({ visible: { projectIds: [], ids: [] } })).toEqual([]);
    expect(await list({ tagIds: [red, blue, red] })).toEqual([one]);
    expect(await list({ isStarredOnly: true, projectId: project })).toEqual([two]);
    expect(await list({ projectId: project, folderId: null, search: 'l1' })).toEqual([one]);
    expect(await list({ folderId: project })).toEqual([]);
  });
});

describe('tags', () => {
  test('of one name at once are one tag', async () => {
    const results = await Promise.all(['Urgent', 'urgent', 'URGENT'].map((name) => inHome((tx) => createTag(tx, { name, color: 'red' }))));
    expect(new Set(results.map((result) => result.tagId)).size).toBe(1);
    expect(results.filter((result) => result.kind === 'created')).toHaveLength(1);
  });

  test('are set as a whole, and those from elsewhere are left out', async () => {
    const workflow = await aWorkflow('Tagged');
    const { tagId: a } = await inHome((tx) => createTag(tx, { name: 'a' }));
    const { tagId: b } = await inHome((tx) => createTag(tx, { name: 'b' }));
    const { tagId: foreign } = await inAway((tx) => createTag(tx, { name: 'foreign' }));
    expect(await inHome((tx) => setWorkflowTags(tx, workflow, [a, foreign]))).toBe(true);
    expect(await inHome((tx) => setWorkflowTags(tx, workflow, [b, foreign]))).toBe(true);
    expect((await inHome((tx) => findWorkflowTags(tx, [workflow]))).get(workflow)?.map((tag) => tag.name)).toEqual(['b']);
    expect(await inAway((tx) => setWorkflowTags(tx, workflow, [foreign]))).toBe(false);
    expect(await inHome((tx) => updateTag(tx, b, { name: 'A' }))).toEqual({ kind: 'name-taken' });
    expect(await inHome((tx) => updateTag(tx, b, { color: 'blue', expectedRev: 1 }))).toEqual({ kind: 'saved', rev: 2 });
    expect(await inHome((tx) => updateTag(tx, b, { color: null, expectedRev: 1 }))).toMatchObject({
      kind: 'conflict',
      tag: { color: 'blue' },
    });
    expect(await inHome((tx) => deleteTag(tx, b))).toBe(true);
    expect((await inHome((tx) => listTags(tx))).map((tag) => tag.id)).not.toContain(b);
    expect(await inHome((tx) => findWorkflowTags(tx, [workflow]))).toEqual(new Map());
  });
});

test('stars are one’s own', async () => {
  const workflow = await aWorkflow('Starred');
  const other = await kit.member(home.workspaceId, 'Other starrer', 'viewer');
  expect(await inHome((tx) => starWorkflow(tx, workflow))).toBe(true);
  expect(await inHome((tx) => starWorkflow(tx, workflow))).toBe(true);
  expect(await inAway((tx) => starWorkflow(tx, workflow))).toBe(false);
  expect(await inHome((tx) => findStars(tx, [workflow]))).toEqual(new Set([workflow]));
  expect(await kit.as({ workspaceId: home.workspaceId, principalId: other }, (tx) => findStars(tx, [workflow]))).toEqual(new Set());
  await inHome((tx) => unstarWorkflow(tx, workflow));
  expect(await inHome((tx) => findStars(tx, [workflow]))).toEqual(new Set());
});

describe('the trash', () => {
  test('gives a workflow back under its name, or under a free one in draft and list', async () => {
    const first = await aWorkflow('Trashed');
    await inHome((tx) => deleteWorkflow(tx, first));
    expect(await trash('workflow')).toContain(first);
    expect(await inHome((tx) => restoreWorkflow(tx, first))).toEqual({ kind: 'restored', name: 'Trashed' });
    await inHome((tx) => deleteWorkflow(tx, first));
    await aWorkflow('Trashed');
    await aWorkflow('Trashed (restored)');
    expect(await inAway((tx) => restoreWorkflow(tx, first))).toEqual({ kind: 'not-found' });
    const results = await Promise.all([inHome((tx) => restoreWorkflow(tx, first)), inHome((tx) => restoreWorkflow(tx, first))]);
    expect(results.map((result) => result.kind).toSorted()).toEqual(['not-found', 'restored']);
    expect((await inHome((tx) => findWorkflow(tx, first)))?.name).toBe('Trashed (restored 2)');
    expect((await inHome((tx) => getDraft(tx, first)))?.definition.name).toBe('Trashed (restored 2)');
  });

  test('gives a project back before what was in it', async () => {
    const project = await aProject('trashed-project');
    const workflow = await aWorkflow('In trashed project', { projectId: project });
    expect(await inHome((tx) => deleteProject(tx, project))).toEqual({ kind: 'not-empty', workflows: 1, credentials: 0 });
    await inHome((tx) => deleteWorkflow(tx, workflow));
    expect(await inHome((tx) => deleteProject(tx, project))).toEqual({ kind: 'deleted' });
    expect(await inHome((tx) => listProjects(tx, { ids: [project] }))).toEqual([]);
    expect(await inHome((tx) => restoreWorkflow(tx, workflow))).toEqual({ kind: 'project-deleted', projectId: project });
    await aProject('trashed-project');
    expect(await inHome((tx) => restoreProject(tx, project))).toEqual({ kind: 'restored', slug: 'trashed-project-2' });
    expect((await inHome((tx) => restoreWorkflow(tx, workflow))).kind).toBe('restored');
  });

  test('is emptied of what lay in it long enough, with everything that hangs on it, and of nothing else', async () => {
    const place = await kit.workspace('purged');
    await insertWorkspaceRows(db.database, { ...place, principalId: place.ownerId });
    const inPlace = <Result>(use: (tx: WorkspaceTransaction) => Promise<Result>) =>
      kit.as({ workspaceId: place.workspaceId, principalId: place.ownerId }, use);
    const rows = await db.database.query<{ id: string }>('select id from workflow where workspace_id = $1', [place.workspaceId]);
    const id = rows.at(0)!.id;
    await inPlace((tx) => publish(tx, { workflowId: id, definition: aDefinition('p'), semanticHash: 'p', typePins: {}, hooks: [] }));
    await inPlace((tx) => deleteWorkflow(tx, id));
    await db.database.query('update credential set deleted_at = now() where workspace_id = $1', [place.workspaceId]);
    expect(await inPlace((tx) => deleteProject(tx, place.projectId))).toEqual({ kind: 'deleted' });
    expect(await purgeTrash(db.database, { keepMs: MONTH })).toEqual({ workflows: 0, projects: 0 });
    const kept = await aWorkflow('Kept in trash');
    await ageTrash();
    await inHome((tx) => deleteWorkflow(tx, kept));
    await purgeTrash(db.database, { keepMs: MONTH });
    expect(await inPlace((tx) => restoreWorkflow(tx, id)), 'a run of it still goes on').toMatchObject({ kind: 'project-deleted' });
    await db.database.query('delete from run_live where workspace_id = $1', [place.workspaceId]);
    expect(await purgeTrash(db.database, { keepMs: MONTH })).toEqual({ workflows: 1, projects: 1 });
    for (const table of [
      'workflow',
      'draft',
      'draft_op',
      'version',
      'deployment',
      'hook',
      'binding',
      'pin',
      'star',
      'workflow_tag',
      'credential',
      'credential_secret',
      'variable',
      'folder',
      'project',
    ]) {
      expect([table, await db.database.query(`select from ${table} where workspace_id = $1`, [place.workspaceId])]).toEqual([table, []]);
    }
    expect(await inHome((tx) => restoreWorkflow(tx, kept))).toMatchObject({ kind: 'restored' });
  });
});
