/** What every change has, whatever it changes: one audit row, and a key that makes a repeated request harmless. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ApiKit, type TestCaller, aDefinition, openApiKit } from './api.test-kit.ts';

let kit: ApiKit;
let editor: TestCaller;

beforeAll(async () => {
  kit = await openApiKit();
  editor = await kit.person('editor');
});
afterAll(() => kit.close());

const auditOf = (action: string): Promise<{ resource_id: string; principal_id: string; payload: object | null }[]> =>
  kit.database.database.query('select resource_id, principal_id, payload from audit where action = $1 order by id', [action]);

describe('idempotency keys', () => {
  test('a repeated request answers the same and does nothing, also when both come at once', async () => {
    const key = { 'idempotency-key': 'create-once' };
    const answers = await Promise.all(Array.from({ length: 4 }, () => kit.rest(editor, 'POST', '/workflows', { name: 'Once' }, key)));
    expect(new Set(answers.map((one) => one.text)).size).toBe(1);
    expect(answers.map((one) => one.status)).toEqual([201, 201, 201, 201]);
    expect((await auditOf('workflow.create')).filter((row) => row.resource_id === answers[0]?.json.id)).toHaveLength(1);
  });

  test('the same key with another request is refused, and with another person it is another key', async () => {
    const key = { 'idempotency-key': 'create-once' };
    const other = await kit.rest(editor, 'POST', '/workflows', { name: 'Another' }, key);
    expect([other.status, other.json.error.code]).toEqual([422, 'KEY_REUSED']);
    expect((await kit.rest(await kit.person('editor'), 'POST', '/workflows', { name: 'Another' }, key)).status).toBe(201);
  });

  test('a run is started once, and a refused start may be tried again with its key', async () => {
    const early = { workflow: 'Later', idempotencyKey: 'later' };
    expect((await kit.rest(editor, 'POST', '/runs', early)).status).toBe(404);
    await kit.rest(editor, 'POST', '/workflows/import', { definition: aDefinition('Later', 'later'), publish: true });
    const [first, second] = [await kit.rest(editor, 'POST', '/runs', early), await kit.rest(editor, 'POST', '/runs', early)];
    expect(first.status).toBe(202);
    expect(second.text).toBe(first.text);
    expect((await kit.rest(editor, 'GET', '/runs?workflow=Later')).json.runs).toHaveLength(1);
  });

  test('a refused change leaves nothing behind and the key free', async () => {
    const key = { 'idempotency-key': 'refused' };
    const body = { definition: aDefinition('Thief', 'later'), publish: true };
    expect((await kit.rest(editor, 'POST', '/workflows/import', body, key)).json.error.code).toBe('HOOK_PATH_TAKEN');
    expect((await kit.rest(editor, 'GET', '/workflows/Thief/export')).status).toBe(404);
    expect((await auditOf('workflow.import')).map((row) => row.payload)).not.toContainEqual(expect.objectContaining({ name: 'Thief' }));
    expect((await kit.rest(editor, 'POST', '/workflows/import', body, key)).json.error.code).toBe('HOOK_PATH_TAKEN');
  });

  test.each(['', 'x'.repeat(256)])('a key of %j is refused', async (key) => {
    expect((await kit.rest(editor, 'POST', '/workflows', { name: 'x' }, { 'idempotency-key': key })).status).toBe(422);
  });
});

describe('the audit log', () => {
  test('names who did it, by which key, and what; the chain over it is whole, and a change of it is seen', async () => {
    const key = await kit.apiKey(editor);
    const made = (await kit.rest(key, 'POST', '/workflows', { name: 'By key' })).json.id as string;
    const row = (await auditOf('workflow.create')).find((one) => one.resource_id === made);
    expect(row).toMatchObject({ principal_id: editor.principalId, payload: { name: 'By key', apiKeyId: (await key.caller()).apiKeyId } });
    const admin = await kit.person('admin');
    expect((await kit.rest(admin, 'GET', '/audit/check')).json).toMatchObject({ kind: 'intact' });
    const page = (await kit.rest(admin, 'GET', '/audit?action=workflow.create&first=1')).json;
    expect(page).toMatchObject({
      rows: [{ action: 'workflow.create', resource: { kind: 'workflow', id: made }, actor: { kind: 'apiKey' } }],
      hasMore: true,
    });
    const forge = `update audit set action = 'workflow.get' where resource_id = $1`;
    await expect(kit.database.database.query(forge, [made])).rejects.toThrow('audit rows never change');
    // Whoever owns the database can take that wall down; the chain stands.
    await kit.database.database.query('alter table audit disable trigger user');
    await kit.database.database.query(forge, [made]);
    expect((await kit.rest(admin, 'GET', '/audit/check')).json).toMatchObject({ kind: 'broken' });
  });
});

describe('input', () => {
  test('every wrong field is named, and an unknown one is wrong', async () => {
    const { status, json } = await kit.rest(editor, 'POST', '/workflows', { name: 7, surprise: 1 });
    expect(status).toBe(422);
    expect(json.error.message).toMatch(/name.*surprise|surprise.*name/s);
    expect(json.error.fields.map((one: { field: string }) => one.field)).toContain('name');
  });

  test.each(['a\u0000b', '\ud800'])('text that no database stores (%j) is refused before it gets there', async (name) => {
    expect((await kit.rest(editor, 'POST', '/workflows', JSON.stringify({ name }))).status).toBeLessThan(500);
    await expect(kit.execute(kit.registry.get('workflow.create'), { name }, await editor.caller())).rejects.toMatchObject({
      code: 'INPUT_INVALID',
    });
  });

  test.each([
    '/workflows?cursor=xx',
    '/workflows/overview?after=xx',
    '/runs?cursor=xx',
    '/runs/overview?after=xx',
    '/runs/overview?since=soon',
    '/members?after=1',
    '/audit?after=1',
  ])('a cursor or time of nobody (%s) is 422', async (path) => {
    expect((await kit.rest(await kit.person('admin'), 'GET', path)).status).toBe(422);
  });
});

describe('workflows', () => {
  test('a file comes in as JSON or YAML, and what is neither says so', async () => {
    const yaml = 'schema: 1\nname: From YAML\nnodes: []\nedges: []\nsettings: {}\n';
    const imported = await kit.rest(editor, 'POST', '/workflows/import', { text: yaml });
    expect(imported.json.error?.code ?? 'made').toMatch(/made|DEFINITION_INVALID/);
    for (const text of ['{', 'a: [', '"text"', 'a: &a [*a, *a]']) {
      expect((await kit.rest(editor, 'POST', '/workflows/import', { text })).status, text).toBe(422);
    }
  });

  test('publishing what somebody changed in between is a conflict; deleting frees the webhook and restoring brings the draft back', async () => {
    const made = (await kit.rest(editor, 'POST', '/workflows/import', { definition: aDefinition('Cycle', 'cycle') })).json
      .workflowId as string;
    expect((await kit.rest(editor, 'POST', `/workflows/${made}/publish`, { expectedRev: 7 })).json.error).toMatchObject({
      code: 'CONFLICT',
      params: { rev: 1 },
    });
    expect((await kit.rest(editor, 'POST', `/workflows/${made}/publish`, { expectedRev: 1 })).json).toMatchObject({
      version: 1,
      hooks: [{ method: 'POST', path: '/hooks/cycle' }],
    });
    expect((await kit.rest(editor, 'GET', `/workflows/${made}`)).json).toMatchObject({
      liveVersion: 1,
      draftChanges: 0,
      starts: [{ kind: 'webhook', text: 'POST /hooks/cycle' }],
    });
    expect((await kit.rest(editor, 'DELETE', `/workflows/${made}`)).status).toBe(200);
    expect((await kit.rest(editor, 'GET', `/workflows/${made}`)).status).toBe(404);
    expect((await kit.rest(editor, 'POST', '/workflows/import', { definition: aDefinition('Taker', 'cycle'), publish: true })).status).toBe(
      201,
    );
    expect((await kit.rest(editor, 'POST', `/workflows/${made}/restore`)).json).toEqual({ name: 'Cycle' });
    expect((await kit.rest(editor, 'GET', `/workflows/${made}/versions`)).json.rows).toMatchObject([{ number: 1, isLive: false }]);
  });

  test.each(['name', 'recentlyEdited', 'recentlyRun'])('pages by %s end where the next begins', async (sort) => {
    const all = (await kit.rest(editor, 'GET', `/workflows/overview?first=100&sort=${sort}`)).json.rows.map(
      (row: { id: string }) => row.id,
    );
    const paged: string[] = [];
    let after = '';
    for (let pages = 0; pages < all.length + 1; pages += 1) {
      const { json } = await kit.rest(editor, 'GET', `/workflows/overview?first=2&sort=${sort}${after}`);
      paged.push(...json.rows.map((row: { id: string }) => row.id));
      if (!json.hasMore) break;
      after = `&after=${encodeURIComponent(json.endCursor)}`;
    }
    expect(all.length).toBeGreaterThan(3);
    expect(paged).toEqual(all);
  });
});

describe('runs', () => {
  test('what was started is found, read step by step, by facts and by page, and run again', async () => {
    await kit.rest(editor, 'POST', '/workflows/import', { definition: aDefinition('Looked at', 'looked-at'), publish: true });
    const { runId } = (await kit.rest(editor, 'POST', '/runs', { workflow: 'Looked at', input: { a: 1 } })).json;
    expect((await kit.rest(editor, 'GET', `/runs/${runId}/state?waitMs=30000`)).json).toMatchObject({
      status: 'succeeded',
      environment: 'live',
      trigger: 'manual',
    });
    const detail = (await kit.rest(editor, 'GET', `/runs/${runId}/detail`)).json;
    expect(detail).toMatchObject({
      workflow: { name: 'Looked at' },
      version: 1,
      initiator: { id: editor.principalId },
      itemsIn: 1,
      may: { control: true, readData: true },
    });
    const { facts } = (await kit.rest(editor, 'GET', `/runs/${runId}/facts`)).json;
    expect(facts.map((fact: { seq: number }) => fact.seq)).toEqual(facts.map((_: unknown, index: number) => index + 1));
    expect((await kit.rest(editor, 'GET', `/runs/${runId}/facts?after=${facts.length - 1}`)).json.facts).toHaveLength(1);
    const data = await kit.rest(editor, 'GET', `/runs/${runId}/steps/say/data?side=output`);
    expect(data.json).toMatchObject({ total: 1, hasMore: false, rows: [{ json: { secret: 'CANARY' } }] });
    const again = (await kit.rest(editor, 'POST', `/runs/${runId}/again`, {})).json.runId as string;
    expect((await kit.rest(editor, 'GET', `/runs/${again}/state?waitMs=30000`)).json).toMatchObject({
      status: 'succeeded',
      trigger: 'rerun',
    });
    const search = (await kit.rest(editor, 'GET', `/runs/overview?search=${again.slice(-6)}`)).json.rows;
    expect(search.map((row: { id: string }) => row.id)).toEqual([again]);
    const filtered = (await kit.rest(editor, 'GET', '/runs/overview?triggers=rerun&statuses=succeeded&statuses=failed')).json.rows;
    expect(filtered.map((row: { id: string }) => row.id)).toEqual([again]);
    expect((await kit.rest(editor, 'POST', `/runs/${again}/cancel`)).json.error).toMatchObject({ code: 'RUN_ENDED', status: 'succeeded' });
  });
});
