import type { WorkflowDefinition } from '@plugboard/engine';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { TestDatabase } from '../test/test-database.ts';
import { createTestDatabase } from '../test/test-database.ts';
import { currentGeneration } from './generations.ts';
import { uuidv7 } from './ids.ts';
import type { WorkspaceContext, WorkspaceTransaction } from './in-workspace.ts';
import { inWorkspace } from './in-workspace.ts';
import type { HookSpec, PublishInput } from './publish.ts';
import { loadLiveHooks, loadVersion, publish, unpublish } from './publish.ts';
import { seedDefaults } from './seed.ts';
import {
  createWorkflow,
  deleteWorkflow,
  findWorkflow,
  findWorkflowByName,
  getDraft,
  getVersion,
  listVersions,
  listWorkflows,
  liveVersion,
  saveDraft,
} from './workflows.ts';

let db: TestDatabase;
let home: WorkspaceContext;
let projectId: string;

beforeAll(async () => {
  db = await createTestDatabase();
  const defaults = await seedDefaults(db.database);
  home = { workspaceId: defaults.workspaceId, principalId: defaults.systemPrincipalId };
  projectId = defaults.projectId;
});
afterAll(() => db.close());

const inHome = <Result>(use: (tx: WorkspaceTransaction) => Promise<Result>): Promise<Result> => inWorkspace(db.database, home, use);
const aDefinition = (name: string, description = ''): WorkflowDefinition => ({
  schema: 1,
  name,
  description,
  nodes: [],
  edges: [],
  settings: {},
});
const aHook = (pattern: string, method = 'POST'): HookSpec => ({ nodeId: 'hook', method, pattern, reply: 'last-step', settings: {} });

async function aWorkflow(name: string): Promise<string> {
  const result = await inHome((tx) => createWorkflow(tx, { projectId, definition: aDefinition(name), semanticHash: `hash of ${name}` }));
  if (result.kind !== 'created') throw new Error(`${name}: ${result.kind}`);
  return result.workflow.id;
}

const aPublish = (workflowId: string, change: Partial<PublishInput> = {}): PublishInput => ({
  workflowId,
  definition: aDefinition('published'),
  semanticHash: uuidv7(),
  typePins: {},
  hooks: [],
  ...change,
});

describe('workflows', () => {
  test('are found by name until they are in the trash, and the name is free again', async () => {
    const id = await aWorkflow('To be deleted');
    expect((await inHome((tx) => findWorkflowByName(tx, 'To be deleted')))?.id).toBe(id);
    expect(await inHome((tx) => deleteWorkflow(tx, id))).toBe(true);
    expect(await inHome((tx) => findWorkflow(tx, id))).toBeUndefined();
    expect(await inHome((tx) => deleteWorkflow(tx, id))).toBe(false);
    await aWorkflow('To be deleted');
  });

  test('of one name created at once: one is made, the others are told its id', async () => {
    const results = await Promise.all(
      Array.from({ length: 5 }, () =>
        inHome((tx) => createWorkflow(tx, { projectId, definition: aDefinition('Race'), semanticHash: 'x' })),
      ),
    );
    const ids = results.map((result) => (result.kind === 'created' ? result.workflow.id : result.workflowId));
    expect(results.filter((result) => result.kind === 'created')).toHaveLength(1);
    expect(new Set(ids).size).toBe(1);
  });

  test('are listed newest first, page by page, and searched by any part of the name', async () => {
    const ids: string[] = [];
    for (let i = 0; i < 5; i++) ids.unshift(await aWorkflow(`100%_Listed ${i}`));
    await aWorkflow('100x-Listed');
    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await inHome((tx) =>
        listWorkflows(tx, { search: '100%_listed', limit: 2, ...(cursor === undefined ? {} : { cursor }) }),
      );
      seen.push(...page.workflows.map((workflow) => workflow.id));
      cursor = page.nextCursor;
    } while (cursor !== undefined);
    expect(seen).toEqual(ids);
  });

  test('of another workspace are not found, not listed and not changed, by the stores and by the database itself', async () => {
    const otherId = uuidv7();
    await db.database.query(`insert into workspace (id, slug, created_by) values ($1, 'other', $2)`, [otherId, home.principalId]);
    const id = await aWorkflow('Of home');
    await inHome((tx) => publish(tx, aPublish(id)));
    const elsewhere = { ...home, workspaceId: otherId };
    await inWorkspace(db.database, elsewhere, async (tx) => {
      expect(await findWorkflow(tx, id)).toBeUndefined();
      expect(await findWorkflowByName(tx, 'Of home')).toBeUndefined();
      expect((await listWorkflows(tx)).workflows).toEqual([]);
      expect(await getDraft(tx, id)).toBeUndefined();
      expect(await getVersion(tx, id, 1)).toBeUndefined();
      expect(await listVersions(tx, id)).toEqual([]);
      expect(await liveVersion(tx, id)).toBeUndefined();
      expect(await saveDraft(tx, { workflowId: id, definition: aDefinition('stolen'), semanticHash: 'x' })).toEqual({ kind: 'not-found' });
      expect(await publish(tx, aPublish(id))).toEqual({ kind: 'not-found' });
      expect(await deleteWorkflow(tx, id)).toBe(false);
      for (const table of ['workflow', 'draft', 'version', 'deployment', 'project', 'environment']) {
        expect(await tx.manager.query(`select * from ${table}`)).toEqual([]);
      }
    });
    await expect(
      inWorkspace(db.database, elsewhere, (tx) =>
        tx.manager.query(
          `insert into draft (workflow_id, workspace_id, rev, doc, semantic_hash, updated_by) values ($1, $2, 1, '{}', '', $3)`,
          [uuidv7(), home.workspaceId, home.principalId],
        ),
      ),
    ).rejects.toThrow(/row-level security/);
  });

  test('keep nothing of a transaction that failed, and leave the pool as it was', async () => {
    const failing = inHome(async (tx) => {
      await createWorkflow(tx, { projectId, definition: aDefinition('Half done'), semanticHash: 'x' });
      throw new Error('stop');
    });
    await expect(failing).rejects.toThrow('stop');
    expect(await inHome((tx) => findWorkflowByName(tx, 'Half done'))).toBeUndefined();
    const [session] = await db.database.query<{ role: string; workspace: string | null }>(
      `select current_setting('role') as role, current_setting('plugboard.workspace', true) as workspace`,
    );
    expect(session?.role).toBe('none');
    expect(session?.workspace ?? '').toBe('');
  });
});

describe('drafts', () => {
  test('count their saves, and take the name along', async () => {
    const id = await aWorkflow('Draft A');
    expect(
      await inHome((tx) => saveDraft(tx, { workflowId: id, definition: aDefinition('Draft B', 'new'), semanticHash: 'b', expectedRev: 1 })),
    ).toEqual({
      kind: 'saved',
      rev: 2,
    });
    const workflow = await inHome((tx) => findWorkflowByName(tx, 'Draft B'));
    expect(workflow).toMatchObject({ id, description: 'new', rev: 2 });
    expect(await inHome((tx) => getDraft(tx, id))).toMatchObject({ rev: 2, semanticHash: 'b', definition: aDefinition('Draft B', 'new') });
  });

  test('saved on an old revision are a conflict that shows what stands there', async () => {
    const id = await aWorkflow('Conflict');
    await inHome((tx) =>
      saveDraft(tx, { workflowId: id, definition: aDefinition('Conflict', 'theirs'), semanticHash: 't', expectedRev: 1 }),
    );
    const result = await inHome((tx) =>
      saveDraft(tx, { workflowId: id, definition: aDefinition('Conflict', 'mine'), semanticHash: 'm', expectedRev: 1 }),
    );
    expect(result).toMatchObject({ kind: 'conflict', draft: { rev: 2, definition: { description: 'theirs' } } });
  });

  test('saved at once on one revision: exactly one wins', async () => {
    const id = await aWorkflow('Crowd');
    const results = await Promise.all(
      Array.from({ length: 5 }, (_, i) =>
        inHome((tx) => saveDraft(tx, { workflowId: id, definition: aDefinition('Crowd', `${i}`), semanticHash: `${i}`, expectedRev: 1 })),
      ),
    );
    expect(results.filter((result) => result.kind === 'saved')).toHaveLength(1);
    expect(results.filter((result) => result.kind === 'conflict')).toHaveLength(4);
  });

  test('cannot take the name of another workflow, and nothing is saved then', async () => {
    const taken = await aWorkflow('Taken');
    const id = await aWorkflow('Renamer');
    expect(await inHome((tx) => saveDraft(tx, { workflowId: id, definition: aDefinition('Taken'), semanticHash: 'x' }))).toEqual({
      kind: 'name-taken',
      workflowId: taken,
    });
    expect((await inHome((tx) => getDraft(tx, id)))?.rev).toBe(1);
  });
});

describe('publishing', () => {
  test('writes version, deployment, hooks and generation together', async () => {
    const id = await aWorkflow('Publish me');
    const before = await currentGeneration(db.database, 'deployments');
    const input = aPublish(id, {
      semanticHash: 'hash of Publish me',
      hooks: [aHook('/orders/:id/')],
      typePins: { 'core/set': '1' },
      note: 'first',
    });
    const result = await inHome((tx) => publish(tx, input));
    expect(result).toEqual({ kind: 'published', version: 1, generation: before + 1 });
    expect(await currentGeneration(db.database, 'deployments')).toBe(before + 1);
    expect(await inHome((tx) => liveVersion(tx, id))).toBe(1);
    expect(await inHome((tx) => getVersion(tx, id, 1))).toMatchObject({
      note: 'first',
      typePins: { 'core/set': '1' },
      definition: input.definition,
    });
    expect((await inHome((tx) => getDraft(tx, id)))?.baseVersion).toBe(1);
    const hook = (await loadLiveHooks(db.database)).find((candidate) => candidate.workflowId === id);
    expect(hook).toMatchObject({ workspaceId: home.workspaceId, version: 1, pattern: '/orders/:id/', patternNorm: 'orders/*' });
    expect((await loadVersion(db.database, id, 1))?.definition).toEqual(input.definition);
  });

  test('takes along how callers of a webhook prove who they are, and what other origins may do', async () => {
    const id = await aWorkflow('Guarded');
    const guarded: HookSpec = {
      ...aHook('guarded'),
      auth: { type: 'header', key: 'hook_secret' },
      cors: { origins: ['https://a.example'] },
    };
    await inHome((tx) => publish(tx, aPublish(id, { hooks: [guarded, aHook('open')] })));
    const hooks = (await loadLiveHooks(db.database)).filter((hook) => hook.workflowId === id);
    expect(hooks.find((hook) => hook.pattern === 'guarded')).toMatchObject(guarded);
    expect(Object.keys(hooks.find((hook) => hook.pattern === 'open') ?? {})).not.toContain('auth');
  });

  test('the same content again is nothing to publish', async () => {
    const id = await aWorkflow('Same');
    await inHome((tx) => publish(tx, aPublish(id, { semanticHash: 's' })));
    expect(await inHome((tx) => publish(tx, aPublish(id, { semanticHash: 's' })))).toEqual({ kind: 'unchanged', version: 1 });
    expect(await inHome((tx) => listVersions(tx, id))).toHaveLength(1);
  });

  test('a draft that changed since it was checked is a conflict', async () => {
    const id = await aWorkflow('Changed');
    expect(await inHome((tx) => publish(tx, aPublish(id, { expectedRev: 7 })))).toEqual({ kind: 'conflict', rev: 1 });
  });

  test('a path somebody has is refused with the name of the other workflow, and nothing is left behind', async () => {
    const owner = await aWorkflow('Path owner');
    const id = await aWorkflow('Path taker');
    await inHome((tx) => publish(tx, aPublish(owner, { hooks: [aHook('clash/:a')] })));
    const before = await currentGeneration(db.database, 'deployments');
    const result = await inHome((tx) => publish(tx, aPublish(id, { hooks: [aHook('fine'), aHook('/clash/:b')] })));
    expect(result).toEqual({
      kind: 'hook-path-taken',
      code: 'HOOK_PATH_TAKEN',
      clashes: [{ method: 'POST', pattern: '/clash/:b', workflow: { id: owner, name: 'Path owner' } }],
    });
    expect(await inHome((tx) => listVersions(tx, id))).toEqual([]);
    expect((await loadLiveHooks(db.database)).filter((hook) => hook.workflowId === id)).toEqual([]);
    expect(await currentGeneration(db.database, 'deployments')).toBe(before);
  });

  test('one path with two methods is no clash; one path twice in a workflow is', async () => {
    const id = await aWorkflow('Methods');
    expect((await inHome((tx) => publish(tx, aPublish(id, { hooks: [aHook('m', 'GET'), aHook('m', 'POST')] })))).kind).toBe('published');
    expect((await inHome((tx) => publish(tx, aPublish(id, { hooks: [aHook('twice/:a'), aHook('twice/:b')] })))).kind).toBe(
      'hook-path-taken',
    );
    expect(await inHome((tx) => liveVersion(tx, id))).toBe(1);
  });

  test('a path of another workspace is refused without telling whose it is', async () => {
    const foreign = { ...home, workspaceId: uuidv7() };
    await db.database.query(`insert into workspace (id, slug, created_by) values ($1, 'foreign', $2)`, [
      foreign.workspaceId,
      home.principalId,
    ]);
    await db.database.query(`insert into environment (workspace_id, n, name) values ($1, 1, 'live')`, [foreign.workspaceId]);
    const theirs = uuidv7();
    await db.database.query(`insert into project (id, workspace_id, slug, name, created_by) values ($1, $2, 'p', 'p', $3)`, [
      theirs,
      foreign.workspaceId,
      home.principalId,
    ]);
    const owner = await inWorkspace(db.database, foreign, async (tx) => {
      const created = await createWorkflow(tx, { projectId: theirs, definition: aDefinition('Secret name'), semanticHash: 'x' });
      if (created.kind !== 'created') throw new Error(created.kind);
      return publish(tx, aPublish(created.workflow.id, { hooks: [aHook('private')] }));
    });
    expect(owner.kind).toBe('published');
    const id = await aWorkflow('Nosy');
    const taken = await inHome((tx) => publish(tx, aPublish(id, { hooks: [aHook('foreign/private')] })));
    expect(taken).toEqual({
      kind: 'hook-path-taken',
      code: 'HOOK_PATH_TAKEN',
      clashes: [{ method: 'POST', pattern: 'foreign/private' }],
    });
    // The workspace's own name stands before its paths, so that the same path is free here.
    expect(await inHome((tx) => publish(tx, aPublish(id, { hooks: [aHook('private')] })))).toMatchObject({ kind: 'published' });
    const patterns = (await loadLiveHooks(db.database)).filter((hook) => hook.pattern.endsWith('private')).map((hook) => hook.patternNorm);
    expect(patterns.toSorted()).toEqual(['foreign/private', 'private']);
  });

  test('two workflows that want each other’s paths at once: one wins, none dies', async () => {
    const [left, right] = [await aWorkflow('Left'), await aWorkflow('Right')];
    const results = await Promise.all([
      inHome((tx) => publish(tx, aPublish(left, { hooks: [aHook('x/1'), aHook('x/2')] }))),
      inHome((tx) => publish(tx, aPublish(right, { hooks: [aHook('x/2'), aHook('x/1')] }))),
    ]);
    expect(results.map((result) => result.kind).toSorted()).toEqual(['hook-path-taken', 'published']);
  });

  test('publishes of one workflow at once get one version each', async () => {
    const id = await aWorkflow('Busy');
    const results = await Promise.all(
      Array.from({ length: 6 }, () => inHome((tx) => publish(tx, aPublish(id, { hooks: [aHook('busy')] })))),
    );
    const versions = results.map((result) => (result.kind === 'published' ? result.version : 0));
    expect(versions.toSorted((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6]);
    const hooks = (await loadLiveHooks(db.database)).filter((hook) => hook.workflowId === id);
    expect(hooks).toHaveLength(1);
    expect(hooks[0]?.version).toBe(6);
  });

  test('versions never change', async () => {
    const id = await aWorkflow('Fixed');
    await inHome((tx) => publish(tx, aPublish(id)));
    await expect(db.database.query(`update version set note = 'changed' where workflow_id = $1`, [id])).rejects.toThrow(/never change/);
    await expect(inHome((tx) => tx.manager.query('delete from version where workflow_id = $1', [id]))).rejects.toThrow(/permission denied/);
  });

  test('taking a workflow out of service frees its paths; publishing the same content puts it back', async () => {
    const id = await aWorkflow('Off and on');
    const input = aPublish(id, { hooks: [aHook('off-and-on')] });
    await inHome((tx) => publish(tx, input));
    expect(await inHome((tx) => unpublish(tx, id))).toBe(true);
    expect(await inHome((tx) => unpublish(tx, id))).toBe(false);
    expect((await loadLiveHooks(db.database)).filter((hook) => hook.workflowId === id)).toEqual([]);
    expect(await inHome((tx) => publish(tx, input))).toMatchObject({ kind: 'published', version: 2 });
  });
});
