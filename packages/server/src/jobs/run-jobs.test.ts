/** Acts on many runs, and runs written into one file: each asked about with the rights of the moment. */
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Answer, type ApiKit, type TestCaller, aDefinition, openApiKit } from '../operation/api.test-kit.ts';

let kit: ApiKit;
let editor: TestCaller;
let viewer: TestCaller;
let count = 0;

beforeAll(async () => {
  kit = await openApiKit();
  editor = await kit.person('editor', { name: 'Edith' });
  viewer = await kit.person('viewer');
});
afterAll(() => kit.close());

const SOON = { timeout: 60_000, interval: 10 };
async function ended(by: TestCaller, id: string): Promise<Answer['json']> {
  const job = async (): Promise<Answer['json']> => (await kit.rest(by, 'GET', `/jobs/${id}`)).json;
  await expect.poll(job, SOON).toHaveProperty('endedAt');
  return job();
}

async function bulk(by: TestCaller, body: object): Promise<{ job: Answer['json']; items: Answer['json'][] }> {
  const started = await kit.rest(by, 'POST', '/bulk/runs', body);
  expect(started.status, started.text).toBe(202);
  const job = await ended(by, started.json.id);
  return { job, items: (await kit.rest(by, 'GET', `/jobs/${job.id}/items?first=100`)).json.rows };
}

/** A workflow whose runs end at once, or wait for an hour. */
async function aWorkflow(options: { waits?: boolean } = {}): Promise<string> {
  count += 1;
  const definition = aDefinition(`Runs ${count}`, `runs-${count}`) as { nodes: object[]; edges: object[] };
  if (options.waits) {
    definition.nodes.push({
      id: 'hold',
      type: 'core/wait',
      position: { x: 0, y: 0 },
      data: { name: 'hold', typeVersion: 1, params: { mode: 'for', amount: 1, unit: 'hours' } },
    });
    definition.edges.push({ id: 'e2', source: 'say', sourceHandle: 'main', target: 'hold', targetHandle: 'main' });
  }
  const made = await kit.rest(editor, 'POST', '/workflows/import', { definition, publish: true });
  return made.json.workflowId as string;
}

async function runs(workflowId: string, n: number, tags?: object): Promise<string[]> {
  const ids: string[] = [];
  for (let i = 0; i < n; i++) {
    const { json } = await kit.rest(editor, 'POST', '/runs', { workflowId, source: 'live', input: {}, ...(tags ? { tags } : {}) });
    await kit.rest(editor, 'GET', `/runs/${json.runId}/state?waitMs=30000`);
    ids.push(json.runId);
  }
  return ids;
}

const statusOf = async (id: string): Promise<string> => (await kit.rest(editor, 'GET', `/runs/${id}/state`)).json.status;
async function untilAll(ids: readonly string[], status: string): Promise<void> {
  await expect.poll(() => Promise.all(ids.map(statusOf)), SOON).toEqual(ids.map(() => status));
}

describe('an act on many runs', () => {
  test('pauses, resumes and cancels those a filter finds, and tells how many there are', async () => {
    const workflowId = await aWorkflow({ waits: true });
    const ids = await runs(workflowId, 3);
    const filter = { workflowId, statuses: ['waiting', 'paused'] };
    expect((await bulk(editor, { act: 'pause', filter })).job).toMatchObject({ state: 'succeeded', done: 3, failed: 0, total: 3 });
    await untilAll(ids, 'paused');
    expect((await bulk(editor, { act: 'resume', ids: ids.slice(0, 2) })).job).toMatchObject({ done: 2 });
    await untilAll(ids.slice(0, 2), 'waiting');
    // One that is not paused cannot be resumed, and says how it stands.
    expect((await bulk(editor, { act: 'resume', ids: ids.slice(0, 1) })).items).toMatchObject([{ outcome: 'failed', code: 'RUN_STATE' }]);
    expect((await bulk(viewer, { act: 'cancel', filter })).items.map((item) => item.code)).toEqual(['FORBIDDEN', 'FORBIDDEN', 'FORBIDDEN']);
    expect((await bulk(editor, { act: 'cancel', filter, input: { reason: 'all of them' } })).job).toMatchObject({ done: 3 });
    await untilAll(ids, 'cancelled');
  });

  test('by tag and trigger takes only what has them', async () => {
    const workflowId = await aWorkflow();
    const marked = await runs(workflowId, 2, { batch: 'b1' });
    await runs(workflowId, 1);
    const { job, items } = await bulk(editor, { act: 'delete', filter: { tags: ['batch=b1'], triggers: ['manual'] } });
    expect(job).toMatchObject({ done: 2, total: 2 });
    expect(new Set(items.map((item) => item.itemId))).toEqual(new Set(marked));
    expect((await bulk(editor, { act: 'delete', filter: { workflowId, triggers: ['webhook'] } })).job).toMatchObject({ done: 0, total: 0 });
  });

  test('deletes runs that go on only where they are to be cancelled first; payloads of theirs are let go', async () => {
    const workflowId = await aWorkflow({ waits: true });
    const [id = ''] = await runs(workflowId, 1);
    const { database } = kit.database;
    await database.query(`insert into run_payload (workspace_id, sha256, run_id) values ($1, 'abc', $2)`, [kit.workspace.id, id]);
    expect((await bulk(editor, { act: 'delete', ids: [id] })).items).toMatchObject([{ outcome: 'failed', code: 'CONFLICT' }]);
    expect((await bulk(editor, { act: 'delete', ids: [id], input: { cancelFirst: true } })).job).toMatchObject({ done: 1, failed: 0 });
    expect((await kit.rest(editor, 'GET', `/runs/${id}/state`)).status).toBe(404);
    expect(await database.query(`select from run_payload_left where sha256 = 'abc'`)).toHaveLength(1);
    expect(await database.query(`select from audit where action = 'run.delete' and resource_id = $1`, [id])).toHaveLength(1);
  });

  test('forgets what their steps were given and gave; the runs and their steps stay', async () => {
    const workflowId = await aWorkflow();
    const ids = await runs(workflowId, 2);
    const before = (await kit.rest(editor, 'GET', `/runs/${ids[0]}`)).json;
    expect((await bulk(editor, { act: 'eraseData', filter: { workflowId } })).job).toMatchObject({ done: 2 });
    const after = (await kit.rest(editor, 'GET', `/runs/${ids[0]}`)).json;
    expect(after).toEqual(before);
    const data = await kit.rest(editor, 'GET', `/runs/${ids[0]}/steps/say/data?side=output`);
    expect(data.text).not.toContain('CANARY');
    expect(data.json).toMatchObject({ total: 1, rows: [{ json: {} }] });
    expect((await kit.rest(editor, 'GET', `/runs/${ids[0]}/detail`)).json.isErased).toBe(true);
    const [stored] = await kit.database.database.query<{ journal: Buffer }>('select journal from run where id = $1', [ids[0]]);
    expect(stored?.journal.toString()).not.toContain('CANARY');
    const again = await kit.rest(editor, 'POST', `/runs/${ids[0]}/again`, {});
    expect(again.json.error).toMatchObject({ code: 'DATA_ERASED' });
  });
});

describe('an export', () => {
  const exported = async (by: TestCaller, body: object): Promise<{ job: Answer['json']; lines: Answer['json'][] }> => {
    const started = await kit.rest(by, 'POST', '/runs/export', body);
    expect(started.status, started.text).toBe(202);
    const job = await ended(by, started.json.id);
    expect(job, JSON.stringify(job)).toMatchObject({ state: 'succeeded', act: 'export' });
    const answer = await fetch(`${kit.url}/api/jobs/${job.id}/file`, { headers: by.headers });
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-disposition')).toContain(job.file.name);
    const bytes = Buffer.from(await answer.arrayBuffer());
    expect(bytes.length).toBe(job.file.sizeBytes);
    const text = (job.file.name.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString();
    return {
      job,
      lines: text
        .split('\n')
        .slice(0, -1)
        .map((line) => JSON.parse(line)),
    };
  };

  test('has a line for each run that is found, newest first, with tags and without data', async () => {
    const workflowId = await aWorkflow();
    const ids = await runs(workflowId, 3, { customer: 'c1' });
    const { job, lines } = await exported(editor, { filter: { workflowId } });
    expect(job).toMatchObject({ done: 3, total: 3, file: { name: expect.stringMatching(/^runs-.*\.ndjson\.gz$/) } });
    expect(lines.map((line) => line.id)).toEqual(ids.toReversed());
    expect(lines[0]).toMatchObject({ status: 'succeeded', workflow: { id: workflowId }, environment: 'live', tags: { customer: 'c1' } });
    expect(JSON.stringify(lines)).not.toContain('CANARY');
  });

  test('has what the steps gave only for whoever may read the data of a run', async () => {
    const workflowId = await aWorkflow();
    const ids = await runs(workflowId, 1);
    const asked = { ids: [...ids, crypto.randomUUID()], withData: true, compress: false };
    const { lines } = await exported(editor, asked);
    expect(lines).toHaveLength(1);
    const say = lines[0].steps.find((step: { name: string }) => step.name === 'say');
    expect([lines[0].data, say.outputs.main]).toEqual(['whole', [{ secret: 'CANARY' }]]);
    const seen = await exported(viewer, asked);
    expect(seen.lines).toMatchObject([{ id: ids[0], data: 'forbidden' }]);
    expect(JSON.stringify(seen.lines)).not.toContain('CANARY');
    const key = await kit.apiKey(editor, ['run.read']);
    expect((await kit.rest(key, 'POST', '/runs/export', asked)).json.error.code).toBe('FORBIDDEN');
  });

  test('is downloaded by whoever asked for it alone, and lies among nobody’s files', async () => {
    const workflowId = await aWorkflow();
    await runs(workflowId, 1);
    const { job } = await exported(editor, { filter: { workflowId }, withData: true });
    for (const by of [await kit.person('admin'), viewer, await kit.apiKey(editor, ['run.read'])])
      expect((await kit.rest(by, 'GET', `/jobs/${job.id}/file`)).status).toBe(404);
    const files = (by: TestCaller) => kit.rest(by, 'GET', `/files?search=${encodeURIComponent(job.file.name)}`);
    expect((await files(await kit.person('admin'))).json.rows).toEqual([]);
    expect((await files(editor)).json.rows.length).toBeGreaterThan(0);
  });

  test('says so when it has written no file, and is refused where nothing or both are named', async () => {
    for (const body of [{}, { ids: [crypto.randomUUID()], filter: {} }, { filter: { owner: 'me' } }])
      expect((await kit.rest(editor, 'POST', '/runs/export', body)).status).toBe(422);
    const { job } = await bulk(editor, { act: 'delete', ids: [crypto.randomUUID()] });
    expect((await kit.rest(editor, 'GET', `/jobs/${job.id}/file`)).status).toBe(404);
  });
});
