/** Trying a draft: up to a node, one node alone, with pinned, past or given data, with mocked answers; nothing of it in what is live. */
import { type Server, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type ApiKit, type TestCaller, openApiKit } from '../operation/api.test-kit.ts';

let kit: ApiKit;
let editor: TestCaller;
let service: Server;
let address: string;
let asked: string[] = [];

const node = (id: string, type: string, params: object = {}) => ({
  id,
  type,
  position: { x: 0, y: 0 },
  data: { name: id, typeVersion: 1, params },
});
const edge = (source: string, target: string, sourceHandle = 'main') => ({
  id: `${source}-${sourceHandle}-${target}`,
  source,
  sourceHandle,
  target,
  targetHandle: 'main',
});

/** start -> a -> ask (a request) -> b -> c */
const draft = (name: string) => ({
  schema: 1,
  name,
  nodes: [
    node('start', 'core/manual'),
    node('a', 'core/set', { fields: { a: '={{ ($json.n ?? 0) + 1 }}' } }),
    node('ask', 'core/http-request', { method: 'GET', url: `${address}/{{ $json.a }}`.replace(/^/, '=') }),
    node('b', 'core/set', { fields: { b: "={{ $('a').item.json.a }}" } }),
    node('c', 'core/set', { fields: { c: true } }),
  ],
  edges: [edge('start', 'a'), edge('a', 'ask'), edge('ask', 'b'), edge('b', 'c')],
  settings: {},
});

async function imported(name: string, publish = false): Promise<string> {
  const made = await kit.rest(editor, 'POST', '/workflows/import', { definition: draft(name), publish });
  expect(made.status, made.text).toBe(201);
  return made.json.workflowId as string;
}

const start = (workflowId: string, body: object = {}, as = editor) => kit.rest(as, 'POST', `/workflows/${workflowId}/draft/run`, body);

async function ended(
  runId: string,
): Promise<{ status: string; steps: Record<string, { status: string; carried?: string }>; error: unknown }> {
  const { json } = await kit.rest(editor, 'GET', `/runs/${runId}/state?waitMs=30000`);
  const { rows } = (await kit.rest(editor, 'GET', `/runs/${runId}/steps`)).json;
  const steps = rows.map((row: { nodeId: string; status: string; carried?: string }) => [row.nodeId, row]);
  return { status: json.status, error: json.error, steps: Object.fromEntries(steps) };
}

async function tried(workflowId: string, body: object = {}) {
  const started = await start(workflowId, body);
  expect(started.status, started.text).toBe(202);
  const runId = started.json.runId as string;
  return { runId, ...(await ended(runId)) };
}

const itemsOf = async (runId: string, step: string) =>
  (await kit.rest(editor, 'GET', `/runs/${runId}/output?node=${step}`)).json.output?.main;
const states = (steps: Record<string, { status: string }>) =>
  Object.fromEntries(Object.entries(steps).map(([id, step]) => [id, step.status]));

beforeAll(async () => {
  service = createServer((request, response) => {
    asked.push(request.url ?? '');
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ real: true }));
  });
  await new Promise<void>((resolve) => service.listen(0, '127.0.0.1', resolve));
  address = `http://127.0.0.1:${(service.address() as AddressInfo).port}`;
  kit = await openApiKit();
  editor = await kit.person('editor');
});
beforeEach(() => {
  asked = [];
});
afterAll(async () => {
  await kit.close();
  service.closeAllConnections();
  await new Promise((resolve) => service.close(resolve));
});

test('what fails while a draft is tried is no failure of what is live', async () => {
  const workflowId = await imported('Live and well', true);
  const before = (await kit.rest(editor, 'GET', '/now')).json;
  const { status } = await tried(workflowId, { mocks: [{ url: '*', status: 500, body: {} }] });
  expect(status).toBe('failed');
  const shown = await kit.rest(editor, 'GET', '/workflows/overview?search=Live%20and%20well');
  expect(shown.json.rows, shown.text).toMatchObject([{ id: workflowId, state: 'live' }]);
  const after = (await kit.rest(editor, 'GET', '/now')).json;
  expect([after.failedToday.count, after.endedToday]).toEqual([before.failedToday.count, before.endedToday]);
});

describe('a part of a draft', () => {
  test('S0-048: up to a node, what comes after it does not run', async () => {
    const { runId, status, steps } = await tried(await imported('Up to'), { to: 'ask', input: { n: 4 } });
    expect(status).toBe('succeeded');
    expect(states(steps)).toEqual({ start: 'succeeded', a: 'succeeded', ask: 'succeeded', b: 'skipped', c: 'skipped' });
    expect(asked).toEqual(['/5']);
    const detail = (await kit.rest(editor, 'GET', `/runs/${runId}/detail`)).json;
    expect(detail.origin).toEqual({ how: 'draft', nodeId: 'ask' });
    expect(detail.version).toBeUndefined();
  });

  test('one node alone runs with given items, and names nothing that is not there', async () => {
    const workflowId = await imported('Alone');
    const { runId, steps } = await tried(workflowId, { only: 'c', items: [{ x: 1 }, { x: 2 }] });
    expect(states(steps)).toEqual({ start: 'succeeded', a: 'skipped', ask: 'skipped', b: 'skipped', c: 'succeeded' });
    expect(await itemsOf(runId, 'c')).toEqual([
      { x: 1, c: true },
      { x: 2, c: true },
    ]);
    const refusal = await start(workflowId, { only: 'c' });
    expect([refusal.status, refusal.json.error.code, refusal.json.error.hint]).toEqual([
      409,
      'STEP_STATE',
      'Give its items, pin data to the nodes before it, or name a run in which it ran.',
    ]);
    expect((await start(workflowId, { only: 'nobody', items: [] })).json.error.code).toBe('STEP_STATE');
  });

  test('one node alone on the data of a past run sees what was before it', async () => {
    const workflowId = await imported('On past data');
    const past = await tried(workflowId, { input: { n: 1 } });
    asked = [];
    const { runId, steps, status } = await tried(workflowId, { only: 'b', past: past.runId });
    expect(status).toBe('succeeded');
    expect(steps['a']?.carried).toBe(past.runId);
    expect(states(steps)).toMatchObject({ b: 'succeeded', c: 'skipped' });
    expect(await itemsOf(runId, 'b')).toEqual([{ real: true, b: 2 }]);
    expect(asked).toEqual([]);
  });
});

describe('pinned data', () => {
  test('stands in for its node, is marked, and is never used in what is live', async () => {
    const workflowId = await imported('Pinned', true);
    const pin = await kit.rest(editor, 'PUT', `/workflows/${workflowId}/pins/ask`, { items: [{ pinned: 1 }] });
    expect(pin.status, pin.text).toBe(200);

    const whole = await tried(workflowId, { input: { n: 1 } });
    expect(whole.steps['ask']).toMatchObject({ status: 'succeeded', carried: 'pin' });
    expect(await itemsOf(whole.runId, 'c')).toEqual([{ pinned: 1, b: 2, c: true }]);
    expect(asked).toEqual([]);

    const upTo = await tried(workflowId, { to: 'c' });
    expect(upTo.steps['ask']?.carried).toBe('pin');
    // What is before the pinned node is not needed.
    expect(upTo.steps['a']?.status).toBe('skipped');

    const alone = await tried(workflowId, { only: 'ask', items: [{ a: 9 }] });
    expect([alone.status, asked]).toEqual(['succeeded', ['/9']]);

    asked = [];
    const live = await kit.rest(editor, 'POST', '/runs', { workflowId, source: 'live', input: { n: 1 } });
    expect((await ended(live.json.runId)).steps['ask']?.carried).toBeUndefined();
    expect(asked).toEqual(['/2']);

    const onLive = await kit.rest(editor, 'POST', `/runs/${whole.runId}/rerun`, { nodeId: 'b', source: 'live' });
    expect([onLive.status, onLive.json.error.path ?? onLive.json.error.code]).toEqual([422, expect.anything()]);
  });
});

describe('mocked answers', () => {
  test('requests are answered from the list, and nothing leaves', async () => {
    const { runId, status } = await tried(await imported('Mocked'), {
      to: 'ask',
      input: [{ n: 1 }, { n: 2 }],
      mocks: [
        { method: 'get', url: `${address}/2`, body: { mocked: 'two' } },
        { url: '*/3', status: 200, body: { mocked: 'three' } },
      ],
    });
    expect(status).toBe('succeeded');
    expect(await itemsOf(runId, 'ask')).toEqual([{ mocked: 'two' }, { mocked: 'three' }]);
    expect(asked).toEqual([]);
  });

  test('a request that fits none is refused by name', async () => {
    const { status, error } = await tried(await imported('Not mocked'), { to: 'ask', mocks: [] });
    expect(status).toBe('failed');
    expect(error).toEqual({
      code: 'MOCK_MISSING',
      message: expect.stringContaining(`There is no mocked answer for GET ${address}/1`),
      nodeName: 'ask',
    });
    expect(asked).toEqual([]);
  });
});

test('a viewer may not try a draft, and data of a run of another workflow is refused', async () => {
  const workflowId = await imported('Rights');
  expect((await start(workflowId, {}, await kit.person('viewer'))).status).toBe(403);
  const other = await tried(await imported('Other'));
  expect((await start(workflowId, { past: other.runId })).status).toBe(422);
});
