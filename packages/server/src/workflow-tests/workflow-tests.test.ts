/** Tests of workflows: made of runs, kept and moved with the workflow, carried out without reaching outside, told by their differences. */
import { type Server, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { type ApiKit, type TestCaller, openApiKit } from '../operation/api.test-kit.ts';

let kit: ApiKit;
let editor: TestCaller;
let service: Server;
let address: string;
let asked = 0;

const node = (id: string, type: string, params: object = {}) => ({
  id,
  type,
  position: { x: 0, y: 0 },
  data: { name: id, typeVersion: 1, params },
});
const edge = (source: string, target: string) => ({
  id: `${source}-${target}`,
  source,
  sourceHandle: 'main',
  target,
  targetHandle: 'main',
});

const priced = (name: string, rate = 2, more: object = {}) => ({
  schema: 1,
  name,
  nodes: [
    node('start', 'core/manual'),
    node('rate', 'core/http-request', { method: 'POST', url: `${address}/rate`, bodyKind: 'json', body: '={{ $json }}' }),
    node('price', 'core/set', {
      keep: 'none',
      fields: { total: `={{ $json.rate * $('start').item.json.n * ${rate} }}`, at: '={{ $now }}' },
    }),
  ],
  edges: [edge('start', 'rate'), edge('rate', 'price')],
  settings: {},
  ...more,
});

async function imported(definition: object, publish = false): Promise<string> {
  const made = await kit.rest(editor, 'POST', '/workflows/import', { definition, publish });
  expect([200, 201], made.text).toContain(made.status);
  return made.json.workflowId as string;
}

/** A workflow with a test made of a run. */
async function withTest(name: string): Promise<{ workflowId: string; testId: string }> {
  const workflowId = await imported(priced(name));
  const started = await kit.rest(editor, 'POST', '/runs', { workflowId, source: 'draft', input: [{ n: 3 }] });
  await kit.rest(editor, 'GET', `/runs/${started.json.runId}/state?waitMs=30000`);
  const saved = await kit.rest(editor, 'POST', `/workflows/${workflowId}/tests/from-run`, {
    runId: started.json.runId,
    name: 'Three',
    ignore: ['at'],
  });
  expect(saved.status, saved.text).toBe(201);
  return { workflowId, testId: saved.json.testId };
}

const carryOut = (workflowId: string, testId: string) => kit.rest(editor, 'POST', `/workflows/${workflowId}/tests/${testId}/run`, {});

beforeAll(async () => {
  service = createServer((request, response) => {
    asked += 1;
    request.resume();
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ rate: 10 }));
  });
  await new Promise<void>((resolve) => service.listen(0, '127.0.0.1', resolve));
  address = `http://127.0.0.1:${(service.address() as AddressInfo).port}`;
  kit = await openApiKit();
  editor = await kit.person('editor');
});
beforeEach(() => {
  asked = 0;
});
afterAll(async () => {
  await kit.close();
  service.closeAllConnections();
  await new Promise((resolve) => service.close(resolve));
});

describe('a run saved as a test', () => {
  test('passes without reaching outside, and its run says that it is a test', async () => {
    const { workflowId, testId } = await withTest('Passes');
    asked = 0;
    const { json } = await carryOut(workflowId, testId);
    expect(json, JSON.stringify(json)).toMatchObject({ testId, name: 'Three', outcome: 'passed', differences: [] });
    expect(asked).toBe(0);
    expect((await kit.rest(editor, 'GET', `/runs/${json.runId}/detail`)).json.origin).toEqual({ how: 'test' });

    const { rows } = (await kit.rest(editor, 'GET', `/workflows/${workflowId}/tests`)).json;
    expect(rows).toEqual([
      expect.objectContaining({ id: testId, expects: 1, last: expect.objectContaining({ outcome: 'passed', isOfThisDraft: true }) }),
    ]);
  });

  test('fails with the place, the expected and the actual value once the workflow gives something else', async () => {
    const { workflowId, testId } = await withTest('Fails');
    const kept = (await kit.rest(editor, 'GET', `/workflows/${workflowId}/tests/${testId}`)).json.test;
    await imported(priced('Fails', 5, { tests: [kept] }));

    const { json } = await carryOut(workflowId, testId);
    expect(json).toMatchObject({
      outcome: 'failed',
      differences: [{ node: 'price', path: 'items[0].total', expected: 60, actual: 150 }],
    });
    const detail = (await kit.rest(editor, 'GET', `/workflows/${workflowId}/tests/${testId}`)).json;
    expect(detail.differences).toHaveLength(1);
    // What a run gave is not for those who may not read it.
    const viewed = (await kit.rest(await kit.person('viewer'), 'GET', `/workflows/${workflowId}/tests/${testId}`)).json;
    expect(viewed.differences).toEqual([]);
  });

  test('goes with the workflow: exported, imported under another name, published', async () => {
    const { testId } = await withTest('Moves');
    const definition = (await kit.rest(editor, 'GET', '/workflows/Moves/export')).json;
    expect(definition.tests).toEqual([expect.objectContaining({ id: testId })]);
    const copy = await imported({ ...definition, name: 'Moved' }, true);
    expect((await carryOut(copy, testId)).json.outcome).toBe('passed');
  });
});

describe('tests written by hand', () => {
  test('answer requests from their list; what fits none breaks the run by name', async () => {
    const workflowId = await imported(priced('By hand'));
    const put = (mocks: object[]) =>
      kit.rest(editor, 'PUT', `/workflows/${workflowId}/tests`, {
        test: { id: 'hand', name: 'By hand', input: [{ n: 1 }], mocks, expect: [{ node: 'price', items: [{ total: 8 }], ignore: ['at'] }] },
      });
    expect((await put([{ method: 'POST', url: '*/rate', body: { rate: 4 } }])).status).toBe(200);
    expect((await carryOut(workflowId, 'hand')).json).toMatchObject({ outcome: 'passed' });

    expect((await put([])).status).toBe(200);
    const { json } = await carryOut(workflowId, 'hand');
    expect(json.outcome).toBe('failed');
    expect(json.differences[0]).toEqual({ node: '', path: 'status', expected: 'succeeded', actual: 'failed' });
    expect(json.message).toContain('[MOCK_MISSING]');

    expect((await put([{ method: 'POST', url: '*/rate', status: 200, headers: { 'not a name': '1' }, body: { rate: 4 } }])).status).toBe(
      200,
    );
    expect((await carryOut(workflowId, 'hand')).json).toMatchObject({
      outcome: 'failed',
      message: expect.stringContaining('[MOCK_INVALID]') as string,
    });
    expect(asked).toBe(0);
  });

  test('a run that waits breaks the test, says what for, and does not stay', async () => {
    const workflowId = await imported({
      ...priced('Waits'),
      nodes: [node('start', 'core/manual'), node('pause', 'core/wait', { amount: 1, unit: 'days' })],
      edges: [edge('start', 'pause')],
      tests: [{ id: 'w', name: 'Waits', input: [{}], expect: [] }],
    });
    const { json } = await carryOut(workflowId, 'w');
    expect(json).toMatchObject({ outcome: 'broken', message: 'The run waits for timer: pin the step that does.' });
    const status = async () => (await kit.rest(editor, 'GET', `/runs/${json.runId}/state`)).json.status;
    await vi.waitUntil(async () => (await status()) === 'cancelled', { timeout: 30_000 });
  });

  test('bad ones are refused with every problem, and an unknown one is named', async () => {
    const workflowId = await imported(priced('Bad'));
    const wrong = await kit.rest(editor, 'PUT', `/workflows/${workflowId}/tests`, {
      test: { id: 'a b', name: '', input: {}, expect: [], x: 1 },
    });
    expect([wrong.status, wrong.json.error.code]).toEqual([422, 'INPUT_INVALID']);
    const large = await kit.rest(editor, 'PUT', `/workflows/${workflowId}/tests`, {
      test: { id: 'large', name: 'Large', input: [{ text: 'x'.repeat(300_000) }], expect: [] },
    });
    expect([large.status, large.json.error.code]).toEqual([413, 'BODY_TOO_LARGE']);
    const none = await carryOut(workflowId, 'nobody');
    expect([none.status, none.json.error.message]).toEqual([404, 'The workflow has no test "nobody"']);
  });
});

describe('all tests', () => {
  test('of a workflow, with their sums; as a job over workflows', async () => {
    const { workflowId, testId } = await withTest('All');
    await kit.rest(editor, 'PUT', `/workflows/${workflowId}/tests`, {
      test: {
        id: 'wrong',
        name: 'Wrong',
        input: [{ n: 1 }],
        mocks: [{ url: '*', body: { rate: 1 } }],
        expect: [{ node: 'price', items: [] }],
      },
    });
    const all = (await kit.rest(editor, 'POST', `/workflows/${workflowId}/tests/run`, {})).json;
    expect(all).toMatchObject({ passed: 1, failed: 1, broken: 0 });
    const strict = await kit.rest(editor, 'POST', `/workflows/${workflowId}/tests/run`, { strict: true });
    expect([strict.status, strict.json.error.message]).toEqual([409, '1 of 2 tests did not pass']);

    const job = await kit.rest(editor, 'POST', '/bulk/workflows', { act: 'test', ids: [workflowId] });
    expect(job.status, job.text).toBe(202);
    await vi.waitUntil(async () => (await kit.rest(editor, 'GET', `/jobs/${job.json.id}`)).json.endedAt !== undefined, { timeout: 30_000 });
    const items = (await kit.rest(editor, 'GET', `/jobs/${job.json.id}/items`)).json.rows;
    expect(JSON.stringify(items)).toContain('1 of 2 tests did not pass');

    await kit.rest(editor, 'DELETE', `/workflows/${workflowId}/tests/wrong`);
    const { rows } = (await kit.rest(editor, 'GET', `/workflows/${workflowId}/tests`)).json;
    expect(rows.map((row: { id: string }) => row.id)).toEqual([testId]);
  });

  test('of a definition that is given: nothing is saved but the runs', async () => {
    const definition = priced('Given', 2, {
      tests: [
        {
          id: 'g',
          name: 'Given',
          input: [{ n: 2 }],
          mocks: [{ url: '*', body: { rate: 1 } }],
          expect: [{ node: 'price', items: [{ total: 4 }], ignore: ['at'] }],
        },
      ],
    });
    const tried = await kit.rest(editor, 'POST', '/workflow-tests/try', { definition });
    expect(tried.json).toMatchObject({ passed: 1, failed: 0, broken: 0 });
  });
});
