/** Workflows as people keep them: versions compared and brought back, paused, copied, put in order, found, taken out and in, thrown away. */
import type { WorkflowDefinition } from '@plugboard/engine';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Answer, type ApiKit, type TestCaller, aDefinition, openApiKit } from '../operation/api.test-kit.ts';

let kit: ApiKit;
let editor: TestCaller;
let admin: TestCaller;
let viewer: TestCaller;
let privateProject: string;
let count = 0;

beforeAll(async () => {
  kit = await openApiKit();
  [editor, admin, viewer] = await Promise.all([kit.person('editor'), kit.person('admin'), kit.person('viewer')]);
  const [project] = await kit.database.database.query<{ id: string }>(
    `insert into project (id, workspace_id, slug, name, visibility, owner_id, created_by) values (gen_random_uuid(), $1, 'own', 'Own', 'members', $2, $2) returning id`,
    [kit.workspace.id, editor.principalId],
  );
  privateProject = project?.id ?? '';
});
afterAll(() => kit.close());

const unique = (): string => `Flow ${(count += 1)}`;
const definitionOf = (name: string): WorkflowDefinition =>
  aDefinition(name, name.toLowerCase().replaceAll(' ', '-')) as unknown as WorkflowDefinition;
async function aWorkflow(
  options: { publish?: boolean; name?: string; projectId?: string } = {},
): Promise<{ id: string; name: string; path: string }> {
  const name = options.name ?? unique();
  const { publish = false, projectId } = options;
  const made = await kit.rest(editor, 'POST', '/workflows/import', {
    definition: definitionOf(name),
    publish,
    ...(projectId ? { projectId } : {}),
  });
  expect(made.status, made.text).toBe(201);
  return { id: made.json.workflowId, name, path: name.toLowerCase().replaceAll(' ', '-') };
}
const draftOf = async (id: string): Promise<{ rev: number; definition: WorkflowDefinition }> =>
  (await kit.rest(editor, 'GET', `/workflows/${id}/draft`)).json;
const publish = async (id: string, note?: string): Promise<Answer> =>
  kit.rest(editor, 'POST', `/workflows/${id}/publish`, { expectedRev: (await draftOf(id)).rev, ...(note ? { note } : {}) });
const setNote = async (id: string, nodeId: string, value: string): Promise<void> => {
  const { rev } = await draftOf(id);
  const ops = [{ op: 'set', kind: 'node', id: nodeId, path: ['data', 'params', 'fields', 'secret'], value }];
  const answer = await kit.rest(editor, 'POST', `/workflows/${id}/draft/changes`, { baseRev: rev, clientId: `t${rev}`, clientSeq: 1, ops });
  expect(answer.status, answer.text).toBe(200);
};
const hooksOf = (id: string): Promise<object[]> => kit.database.database.query('select from hook where workflow_id = $1', [id]);

describe('S0-045: versions', () => {
  test('carry author, time and note; any two are compared by node and field; one comes back into the draft and can be undone', async () => {
    const { id } = await aWorkflow({ publish: true });
    await setNote(id, 'say', 'second');
    expect((await publish(id, 'the second')).json).toMatchObject({ version: 2, unchanged: false });
    await setNote(id, 'say', 'third');

    const versions = (await kit.rest(viewer, 'GET', `/workflows/${id}/versions`)).json.rows;
    expect(versions).toMatchObject([
      { number: 2, note: 'the second', isLive: true, publishedBy: { id: editor.principalId } },
      { number: 1, isLive: false },
    ]);
    const one = (await kit.rest(viewer, 'GET', `/workflows/${id}/versions/1`)).json;
    expect(one).toMatchObject({
      number: 1,
      isLive: false,
      definition: { name: expect.any(String) },
      typePins: { 'core/set@1': { package: expect.any(String) } },
    });

    const path = ['data', 'params', 'fields', 'secret'];
    const diff = async (from: string, to?: string) =>
      (await kit.rest(viewer, 'GET', `/workflows/${id}/diff?from=${from}${to ? `&to=${to}` : ''}`)).json;
    expect(await diff('1', '2')).toMatchObject({
      isEqual: false,
      nodes: { added: [], removed: [], changed: [{ id: 'say', changes: [{ path, before: 'CANARY', after: 'second' }] }] },
    });
    expect((await diff('live')).nodes.changed).toMatchObject([{ changes: [{ path, before: 'second', after: 'third' }] }]);
    expect((await diff('2', 'live')).isEqual).toBe(true);
    expect((await diff('9', '1')).error.code).toBe('NOT_FOUND');
    expect((await diff('0', '1')).error.code).toBe('INPUT_INVALID');

    const { rev } = await draftOf(id);
    const restore = (expectedRev: number, n = 1) => kit.rest(editor, 'POST', `/workflows/${id}/versions/${n}/restore`, { expectedRev });
    expect((await restore(rev - 1)).json.error).toMatchObject({ code: 'CONFLICT', rev, diff: { isEqual: false } });
    expect((await restore(rev)).json).toEqual({ rev: rev + 1, isChanged: true });
    expect((await diff('1')).isEqual).toBe(true);
    expect((await restore(rev + 1, 77)).status).toBe(404);
    await kit.rest(editor, 'POST', `/workflows/${id}/draft/undo`, { clientId: 'u', clientSeq: 1 });
    expect((await diff('1')).nodes.changed).toMatchObject([{ changes: [{ path, after: 'third' }] }]);
  });

  test('a run stays on the version it started with, and with nothing new there is nothing to publish', async () => {
    const { id, name } = await aWorkflow({ publish: true });
    const started = (await kit.rest(editor, 'POST', '/runs', { workflow: name })).json.runId;
    expect((await publish(id)).json).toMatchObject({ version: 1, unchanged: true });
    await setNote(id, 'say', 'later');
    await publish(id);
    expect((await kit.rest(editor, 'GET', `/runs/${started}/state?waitMs=30000`)).json.status).toBe('succeeded');
    expect((await kit.rest(editor, 'GET', `/runs/${started}`)).json.version).toBe(1);
    const { rev } = await draftOf(id);
    const stale = await kit.rest(editor, 'POST', `/workflows/${id}/publish`, { expectedRev: rev - 1 });
    expect([stale.status, stale.json.error.code, stale.json.error.rev]).toEqual([409, 'CONFLICT', rev]);
  });

  test('two people publish at once: each gets a version of their own, or is told that there is nothing new', async () => {
    const { id } = await aWorkflow({ publish: true });
    await setNote(id, 'say', 'both');
    const { rev } = await draftOf(id);
    const answers = await Promise.all([editor, admin].map((by) => kit.rest(by, 'POST', `/workflows/${id}/publish`, { expectedRev: rev })));
    expect(answers.map((one) => `${one.json.version} ${one.json.unchanged}`).toSorted()).toEqual(['2 false', '2 true']);
  });
});

describe('what is in service', () => {
  test('pauses with its paths kept, goes on, and is taken out with its paths free', async () => {
    const { id, name, path } = await aWorkflow({ publish: true });
    const state = async () => (await kit.rest(viewer, 'GET', `/workflows/${id}/deployment`)).json;
    expect(await state()).toMatchObject({ state: 'live', version: 1 });
    expect((await kit.rest(viewer, 'POST', `/workflows/${id}/pause`)).json.error.code).toBe('FORBIDDEN');
    const refusing = { webhooks: 'refuse' };
    expect((await kit.rest(editor, 'POST', `/workflows/${id}/pause`, refusing)).json).toEqual({
      state: 'paused',
      version: 1,
      isChanged: true,
    });
    expect((await kit.rest(editor, 'POST', `/workflows/${id}/pause`, refusing)).json).toMatchObject({ state: 'paused', isChanged: false });
    const listed = (await kit.rest(viewer, 'GET', `/workflows/overview?search=${encodeURIComponent(name)}`)).json.rows;
    expect(listed.find((row: { id: string }) => row.id === id)).toMatchObject({ state: 'paused', liveVersion: 1 });
    const { loadLiveHooks } = await import('@plugboard/persistence');
    const isRouted = async () =>
      (await loadLiveHooks(kit.database.database)).some((hook) => hook.workflowId === id && hook.whilePaused !== 'refuse');
    expect([await isRouted(), (await hooksOf(id)).length]).toEqual([false, 1]);
    const thief = { ...definitionOf(unique()), nodes: definitionOf(name).nodes };
    expect((await kit.rest(editor, 'POST', '/workflows/import', { definition: thief, publish: true })).json.error.code).toBe(
      'HOOK_PATH_TAKEN',
    );
    expect((await kit.rest(editor, 'POST', `/workflows/${id}/resume`)).json).toMatchObject({ state: 'live', isChanged: true });
    expect(await isRouted()).toBe(true);
    // A paused one that is published again goes on, also with nothing new.
    await kit.rest(editor, 'POST', `/workflows/${id}/pause`);
    expect(await isRouted()).toBe(true);
    expect((await publish(id)).json.unchanged).toBe(true);
    expect((await state()).state).toBe('live');

    expect((await kit.rest(editor, 'POST', `/workflows/${id}/unpublish`)).json).toMatchObject({ state: 'off', isChanged: true });
    expect((await kit.rest(editor, 'POST', `/workflows/${id}/unpublish`)).json).toMatchObject({ state: 'off', isChanged: false });
    expect((await kit.rest(editor, 'POST', `/workflows/${id}/resume`)).json.error.code).toBe('CONFLICT');
    expect((await kit.rest(editor, 'POST', '/workflows/import', { definition: thief, publish: true })).status).toBe(201);
    expect(path).toBeTypeOf('string');
  });
});

describe('keeping many', () => {
  test('a workflow is renamed, described and copied; names stay unique', async () => {
    const { id, name } = await aWorkflow();
    const other = await aWorkflow();
    const update = (body: object) => kit.rest(editor, 'PATCH', `/workflows/${id}`, body);
    expect((await update({ name: other.name })).json.error).toMatchObject({ code: 'NAME_TAKEN' });
    expect((await update({ name: 'x'.repeat(201) })).json.error.code).toBe('INPUT_INVALID');
    const { rev } = await draftOf(id);
    expect((await update({ name: `${name} renamed`, description: 'What it does', expectedRev: rev })).json).toMatchObject({
      rev: rev + 1,
      description: 'What it does',
    });
    expect((await update({ name: 'late', expectedRev: rev })).json.error.code).toBe('CONFLICT');
    expect((await kit.rest(editor, 'GET', `/workflows/${id}`)).json).toMatchObject({
      name: `${name} renamed`,
      description: 'What it does',
      rev: rev + 1,
    });
    expect((await update({ description: '' })).json.description).toBe('');

    const copies = await Promise.all([1, 2].map(() => kit.rest(editor, 'POST', `/workflows/${id}/duplicate`, {})));
    const made = copies.filter((one) => one.status === 201).map((one) => one.json.name);
    expect(made).toContain(`${name} renamed copy`);
    expect(copies.every((one) => one.status === 201 || one.json.error.code === 'NAME_TAKEN')).toBe(true);
    const elsewhere = await kit.rest(editor, 'POST', `/workflows/${id}/duplicate`, { projectId: privateProject, name: unique() });
    expect(elsewhere.status, elsewhere.text).toBe(201);
    expect((await draftOf(elsewhere.json.id)).definition.nodes).toEqual((await draftOf(id)).definition.nodes);
    // What one cannot see cannot be copied, and what one cannot write to takes no copy.
    expect((await kit.rest(admin, 'POST', `/workflows/${elsewhere.json.id}/duplicate`, {})).status).toBe(404);
    expect((await kit.rest(admin, 'POST', `/workflows/${id}/duplicate`, { projectId: privateProject })).status).toBe(404);
    expect((await kit.rest(viewer, 'POST', `/workflows/${id}/duplicate`, {})).json.error.code).toBe('FORBIDDEN');
  });

  test('folders make a tree of bounded depth without circles; workflows lie in them', async () => {
    const { projectId } = kit.workspace;
    const folder = async (body: object): Promise<Answer> => kit.rest(editor, 'POST', '/folders', { projectId, ...body });
    const ids: string[] = [];
    for (let depth = 1; depth <= 8; depth++) {
      const made = await folder({ name: `Level ${depth}`, ...(depth === 1 ? {} : { parentId: ids.at(-1) }) });
      expect(made.status, made.text).toBe(201);
      ids.push(made.json.id);
    }
    expect((await folder({ name: 'Too deep', parentId: ids.at(-1) })).json.error.code).toBe('TOO_DEEP');
    expect((await folder({ name: 'level 1' })).json.error.code).toBe('NAME_TAKEN');
    expect((await folder({ name: ' padded' })).json.error.code).toBe('INPUT_INVALID');
    expect((await folder({ name: 'x', parentId: crypto.randomUUID() })).status).toBe(404);
    const update = (id: string | undefined, body: object) => kit.rest(editor, 'PATCH', `/folders/${id}`, body);
    expect((await update(ids[0], { parentId: ids[3] })).json.error.code).toBe('CONFLICT');
    expect((await update(ids[1], { name: 'Renamed', expectedRev: 9 })).json.error).toMatchObject({ code: 'CONFLICT', rev: 1 });
    expect((await update(ids[1], { parentId: null, expectedRev: 1 })).json).toEqual({ rev: 2 });
    expect((await kit.rest(editor, 'DELETE', `/folders/${ids[1]}`)).json.error.code).toBe('NOT_EMPTY');

    const { id } = await aWorkflow();
    const file = (folderId?: string) => kit.rest(editor, 'POST', `/workflows/${id}/folder`, folderId ? { folderId } : {});
    expect((await file(ids.at(-1))).status).toBe(200);
    expect((await file(crypto.randomUUID())).status).toBe(404);
    const inFolder = await kit.rest(viewer, 'GET', `/workflows/places?folderId=${ids.at(-1)}`);
    expect(inFolder.json.rows).toMatchObject([{ id, folderId: ids.at(-1), tags: [], isStarred: false }]);
    const shown = await kit.rest(viewer, 'GET', `/workflows/overview?folderId=${ids.at(-1)}`);
    expect(shown.json.rows).toMatchObject([{ id, folderId: ids.at(-1), tags: [], isStarred: false }]);
    const listed = (await kit.rest(viewer, 'GET', `/folders?projectId=${projectId}`)).json.rows;
    expect(listed.find((row: { id: string }) => row.id === ids.at(-1))).toMatchObject({ workflows: 1, parentId: ids.at(-2) });
    await kit.rest(editor, 'DELETE', `/folders/${ids.at(-1)}`);
    expect((await kit.rest(viewer, 'GET', `/workflows/places?folderId=${ids.at(-2)}`)).json.rows).toMatchObject([{ id }]);
    expect((await kit.rest(viewer, 'POST', '/folders', { projectId, name: 'No' })).json.error.code).toBe('FORBIDDEN');
    // Folders of a project one cannot see are nobody's business.
    const hidden = await folder({ projectId: privateProject, name: 'Hidden' });
    expect((await kit.rest(viewer, 'GET', '/folders')).text).not.toContain('Hidden');
    expect((await kit.rest(admin, 'PATCH', `/folders/${hidden.json.id}`, { name: 'x' })).status).toBe(404);
  });

  test('tags are made, worn, renamed, put together and deleted; stars are one’s own', async () => {
    const tag = async (name: string): Promise<string> => (await kit.rest(editor, 'POST', '/tags', { name, color: 'blue' })).json.id;
    const [red, green] = [await tag('Red'), await tag('Green')];
    expect((await kit.rest(editor, 'POST', '/tags', { name: 'RED' })).json.error.code).toBe('NAME_TAKEN');
    const [one, two] = [await aWorkflow(), await aWorkflow()];
    const wear = (id: string, body: object) => kit.rest(editor, 'PUT', `/workflows/${id}/tags`, body);
    expect((await wear(one.id, { tagIds: [red, green] })).json.tags.map((each: { name: string }) => each.name)).toEqual(['Green', 'Red']);
    expect((await wear(two.id, { add: [red] })).json.tags).toMatchObject([{ name: 'Red', color: 'blue' }]);
    expect((await wear(two.id, { add: [crypto.randomUUID()] })).status).toBe(404);
    expect((await wear(two.id, { tagIds: [], add: [red] })).json.error.code).toBe('INPUT_INVALID');
    expect(
      (await kit.rest(viewer, 'GET', `/workflows/places?tagIds=${red}&tagIds=${green}`)).json.rows.map((row: { id: string }) => row.id),
    ).toEqual([one.id]);
    expect((await kit.rest(viewer, 'GET', `/workflows/overview?tagIds=${red}&tagIds=${green}`)).json.rows).toMatchObject([
      { id: one.id, tags: [{ name: 'Green' }, { name: 'Red' }] },
    ]);
    expect((await kit.rest(viewer, 'GET', '/tags')).json.rows.find((row: { id: string }) => row.id === red)).toMatchObject({
      workflows: 2,
    });
    expect((await kit.rest(editor, 'PATCH', `/tags/${red}`, { name: 'Crimson', expectedRev: 1 })).json).toEqual({ rev: 2 });
    expect((await kit.rest(editor, 'PATCH', `/tags/${red}`, { name: 'Rose', expectedRev: 1 })).json.error).toMatchObject({
      code: 'CONFLICT',
      rev: 2,
    });
    expect((await kit.rest(editor, 'POST', `/tags/${red}/merge`, { intoId: red })).json.error.code).toBe('INPUT_INVALID');
    expect((await kit.rest(editor, 'POST', `/tags/${red}/merge`, { intoId: green })).json).toEqual({ workflows: 1 });
    expect((await kit.rest(viewer, 'GET', `/workflows/places?tagIds=${green}`)).json.rows).toHaveLength(2);
    expect((await kit.rest(editor, 'DELETE', `/tags/${green}`)).status).toBe(200);
    expect((await kit.rest(viewer, 'GET', '/tags')).json.rows).toEqual([]);

    expect((await kit.rest(viewer, 'PUT', `/workflows/${one.id}/star`)).status).toBe(200);
    const starred = async (by: TestCaller) =>
      (await kit.rest(by, 'GET', '/workflows/places?starred=true')).json.rows.map((row: { id: string }) => row.id);
    expect([await starred(viewer), await starred(editor)]).toEqual([[one.id], []]);
    const overview = async (by: TestCaller) => (await kit.rest(by, 'GET', '/workflows/overview?starred=true')).json.rows;
    expect(await overview(viewer)).toMatchObject([{ id: one.id, isStarred: true }]);
    expect(await overview(editor)).toEqual([]);
    await kit.rest(viewer, 'DELETE', `/workflows/${one.id}/star`);
    expect(await starred(viewer)).toEqual([]);
  });

  test('search finds names, descriptions, tags, folders, nodes and their types, of what one may see', async () => {
    const word = `zebra${(count += 1)}`;
    const named = await aWorkflow({ name: `Named ${word}` });
    const hidden = await aWorkflow({ name: `Hidden ${word}`, projectId: privateProject });
    const [described, tagged, filed, drawn] = [await aWorkflow(), await aWorkflow(), await aWorkflow(), await aWorkflow()];
    await kit.rest(editor, 'PATCH', `/workflows/${described.id}`, { description: `about a ${word}` });
    const tagId = (await kit.rest(editor, 'POST', '/tags', { name: word })).json.id;
    await kit.rest(editor, 'PUT', `/workflows/${tagged.id}/tags`, { add: [tagId] });
    const folderId = (await kit.rest(editor, 'POST', '/folders', { projectId: kit.workspace.projectId, name: word })).json.id;
    await kit.rest(editor, 'POST', `/workflows/${filed.id}/folder`, { folderId });
    const ops = [{ op: 'renameNode', id: 'say', from: 'say', name: `Say ${word}` }];
    await kit.rest(editor, 'POST', `/workflows/${drawn.id}/draft/changes`, { baseRev: 1, clientId: 'c', clientSeq: 1, ops });
    const search = async (by: TestCaller, text: string) =>
      (await kit.rest(by, 'GET', `/workflows/search?text=${encodeURIComponent(text)}`)).json.rows;
    const found = await search(viewer, word.toUpperCase());
    expect(new Map(found.map((row: { id: string; found: string[] }) => [row.id, row.found.join()]))).toEqual(
      new Map([
        [named.id, 'name'],
        [described.id, 'description'],
        [tagged.id, 'tag'],
        [filed.id, 'folder'],
        [drawn.id, 'node'],
      ]),
    );
    expect(found[0].id).toBe(named.id);
    expect((await search(editor, word)).map((row: { id: string }) => row.id)).toContain(hidden.id);
    expect((await search(viewer, '%')).length).toBe(0);
    expect((await search(viewer, 'core/webh')).length).toBeGreaterThanOrEqual(5);
  });
});

describe('files', () => {
  test('many go out as one bundle and come in again, also as YAML; one’s own and what one may see', async () => {
    const flows = [await aWorkflow({ publish: true }), await aWorkflow()];
    const ids = flows.map((one) => `ids=${one.id}`).join('&');
    const bundle = (await kit.rest(viewer, 'GET', `/workflows/export?${ids}&ids=${crypto.randomUUID()}`)).json;
    expect(bundle).toMatchObject({ format: 'plugboard/workflows', missing: [expect.any(String)] });
    expect(bundle.workflows.map((one: WorkflowDefinition) => one.name)).toEqual(flows.map((one) => one.name));
    expect((await kit.rest(viewer, 'GET', `/workflows/export?${ids}&live=true`)).json).toMatchObject({
      workflows: [{ name: flows[0]?.name }],
      missing: [flows[1]?.id],
    });
    const hidden = await aWorkflow({ projectId: privateProject });
    expect((await kit.rest(viewer, 'GET', `/workflows/export?ids=${hidden.id}`)).json).toMatchObject({
      workflows: [],
      missing: [hidden.id],
    });
    expect((await kit.rest(viewer, 'GET', `/workflows/export?projectId=${privateProject}`)).json.workflows).toEqual([]);

    const again = await kit.rest(editor, 'POST', '/workflows/import-many', { text: JSON.stringify(bundle) });
    expect(again.json.rows, again.text).toMatchObject(flows.map((one) => ({ workflowId: one.id, created: false })));
    const { stringify } = await import('yaml');
    const renamed = bundle.workflows.map((one: WorkflowDefinition) => ({
      ...one,
      name: unique(),
      nodes: one.nodes.filter((node) => node.id !== 'hook'),
      edges: [],
    }));
    const yaml = renamed.map((one: object) => stringify(one)).join('---\n');
    const asYaml = await kit.rest(editor, 'POST', '/workflows/import-many', { text: yaml });
    expect([asYaml.status, asYaml.json.rows?.map((row: { created: boolean }) => row.created)], asYaml.text).toEqual([200, [true, true]]);
  });

  test('all problems of all workflows are listed with their places, unknown plugins named, and nothing is taken in', async () => {
    const good = definitionOf(unique());
    const bad = definitionOf(unique());
    const wrong = {
      ...bad,
      nodes: [...bad.nodes, { id: 'x', type: 'acme/teleport', position: { x: 0, y: 0 }, data: { name: 'x', typeVersion: 1, params: {} } }],
      edges: [{ id: 'e', source: 'hook', sourceHandle: 'main', target: 'nowhere', targetHandle: 'main' }],
    };
    const answer = await kit.rest(editor, 'POST', '/workflows/import-many', { workflows: [good, wrong, { ...good }, 'text'] });
    expect([answer.status, answer.json.error.code]).toEqual([422, 'DEFINITION_INVALID']);
    const places = answer.json.error.problems.map((one: { path: string; code: string }) => `${one.path.split('.')[0]} ${one.code}`);
    expect(places).toContain('workflows[2] WORKFLOW_NAME_DUPLICATE');
    expect(places.some((place: string) => place.startsWith('workflows[1]'))).toBe(true);
    expect(places.some((place: string) => place.startsWith('workflows[3]'))).toBe(true);
    expect(answer.json.error.missingPlugins).toEqual(['acme']);
    expect((await kit.rest(editor, 'GET', `/workflows/${encodeURIComponent(good.name)}/export`)).status).toBe(404);
    const single = await kit.rest(editor, 'POST', '/workflows/import', { definition: wrong });
    expect(single.json.error).toMatchObject({ code: 'DEFINITION_INVALID', missingPlugins: ['acme'] });

    const send = async (body: object): Promise<string> => (await kit.rest(editor, 'POST', '/workflows/import-many', body)).json.error.code;
    expect(await send({ text: 'a: [1' })).toBe('INPUT_INVALID');
    expect(await send({ text: '{"format":"other","workflows":[]}' })).toBe('INPUT_INVALID');
    expect(await send({ workflows: [] })).toBe('INPUT_INVALID');
    expect(await send({})).toBe('INPUT_INVALID');
    expect(await send({ text: `a: &a [1,1,1,1,1,1,1,1,1]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nc: [*b,*b,*b,*b,*b,*b,*b,*b,*b]` })).toMatch(
      /INVALID/,
    );
    // A clash of paths in the middle of publishing takes everything back.
    const taken = await aWorkflow({ publish: true });
    const thief = { ...definitionOf(unique()), nodes: definitionOf(taken.name).nodes };
    const first = definitionOf(unique());
    const clash = await kit.rest(editor, 'POST', '/workflows/import-many', { workflows: [first, thief], publish: true });
    expect(clash.json.error).toMatchObject({ code: 'HOOK_PATH_TAKEN', path: 'workflows[1]' });
    expect((await kit.rest(editor, 'GET', `/workflows/${encodeURIComponent(first.name)}/export`)).status).toBe(404);
  });
});

describe('the trash', () => {
  test('shows what one may bring back; a name that was taken meanwhile gives way; purging is for good', async () => {
    const { id, name } = await aWorkflow({ publish: true });
    const hidden = await aWorkflow({ projectId: privateProject });
    for (const one of [id, hidden.id]) expect((await kit.rest(editor, 'DELETE', `/workflows/${one}`)).status).toBe(200);
    const trash = async (by: TestCaller) => (await kit.rest(by, 'GET', '/trash')).json.rows.map((row: { id: string }) => row.id);
    expect(await trash(editor)).toEqual(expect.arrayContaining([id, hidden.id]));
    expect(await trash(admin)).not.toContain(hidden.id);
    expect(await trash(viewer)).toEqual([]);
    await aWorkflow({ name });
    expect((await kit.rest(editor, 'POST', `/workflows/${id}/restore`)).json).toEqual({ name: `${name} (restored)` });
    const changes = (await kit.rest(editor, 'GET', `/workflows/${id}/draft/changes?rev=1`)).json;
    expect(changes).toMatchObject({ isComplete: true, changes: [{ ops: [{ op: 'set', kind: 'workflow', path: ['name'] }] }] });
    expect((await kit.rest(editor, 'GET', `/workflows/${id}/deployment`)).json.state).toBe('off');

    expect((await kit.rest(editor, 'DELETE', `/trash/${id}`)).status).toBe(404);
    await kit.rest(editor, 'DELETE', `/workflows/${id}`);
    expect((await kit.rest(admin, 'DELETE', `/trash/${hidden.id}`)).status).toBe(404);
    expect((await kit.rest(editor, 'DELETE', `/trash/${id}`)).status).toBe(200);
    expect((await kit.rest(editor, 'POST', `/workflows/${id}/restore`)).status).toBe(404);
    expect(await kit.database.database.query('select from version where workflow_id = $1', [id])).toEqual([]);
  });
});
