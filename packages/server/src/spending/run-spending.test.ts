/** Steps that spend money: what runs of a tree may spend together, and what they are told. */
import { once } from 'node:events';
import { type Server, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type ApiKit, type TestCaller, openApiKit } from '../operation/api.test-kit.ts';

let kit: ApiKit;
let editor: TestCaller;
let service: Server;
let url: string;
/** Requests the service has seen. */
let seen: string[];
let status: number;

beforeAll(async () => {
  kit = await openApiKit();
  editor = await kit.person('editor');
  service = createServer((req, res) => {
    seen.push(req.url ?? '');
    const answer = req.url === '/twenty' ? items(20) : { ok: true };
    res.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
  }).listen(0, '127.0.0.1');
  await once(service, 'listening');
  url = `http://127.0.0.1:${(service.address() as AddressInfo).port}`;
});
beforeEach(() => {
  seen = [];
  status = 200;
});
afterAll(async () => {
  service.close();
  await kit.close();
});

const node = (id: string, type: string, params: object = {}, data: object = {}) => ({
  id,
  type,
  position: { x: 0, y: 0 },
  data: { name: id, typeVersion: 1, params, ...data },
});

let made = 0;
function aWorkflow(nodes: readonly ReturnType<typeof node>[], settings: object = {}, name = `Spends ${(made += 1)}`) {
  const edges = nodes
    .slice(1)
    .map(({ id }, n) => ({ id: `e${n}`, source: nodes[n]?.id, sourceHandle: 'main', target: id, targetHandle: 'main' }));
  return { schema: 1, name, nodes, edges, settings };
}
/** Asks the paid service once for each item. */
const paying = (price: unknown, more: object = {}, data: object = {}) =>
  node('pay', 'core/http-request', { url: `${url}/pay`, price, ...more }, data);
const manual = node('start', 'core/manual');

async function live(definition: object): Promise<string> {
  const published = await kit.rest(editor, 'POST', '/workflows/import', { definition, publish: true });
  expect([200, 201], published.text).toContain(published.status);
  return published.json.workflowId as string;
}

async function ended(runId: string): Promise<{ status: string; error?: { code: string; message: string } }> {
  let state = await kit.rest(editor, 'GET', `/runs/${runId}/state?waitMs=30000`);
  while (['pending', 'running', 'waiting'].includes(state.json.status))
    state = await kit.rest(editor, 'GET', `/runs/${runId}/state?waitMs=1000`);
  return state.json;
}

async function run(workflowId: string, input: object | readonly object[] = {}): Promise<string> {
  const started = await kit.rest(editor, 'POST', '/runs', { workflowId, input });
  expect(started.status, started.text).toBe(202);
  await ended(started.json.runId as string);
  return started.json.runId as string;
}

const detail = async (runId: string) => (await kit.rest(editor, 'GET', `/runs/${runId}/detail`)).json;
const retry = async (runId: string, source = 'same') => {
  const again = await kit.rest(editor, 'POST', `/runs/${runId}/retry`, { source });
  expect(again.status, again.text).toBe(202);
  await ended(again.json.runId as string);
  return again.json.runId as string;
};
const items = (n: number) => Array.from({ length: n }, (_, i) => ({ i }));
const PICO = 1_000_000_000_000;
const pico = (dollars: number): string => String(Math.round(dollars * PICO));

describe('a run', () => {
  test('rule 24: of twenty calls at once the budget lets through what it has room for, and those it refuses make no request', async () => {
    const first = node('first', 'core/http-request', { url: `${url}/twenty`, splitArray: true, price: 4.9 });
    const workflow = await live(
      aWorkflow([manual, first, paying(0.04, {}, { concurrency: 20, onError: 'continue' })], { budget: { stop: 5 } }),
    );
    const runId = await run(workflow);
    expect(seen.filter((path) => path === '/pay')).toHaveLength(2);
    expect((await detail(runId)).budget).toMatchObject({ rootRunId: runId, spentPd: pico(4.98), reservedPd: '0', limitPd: pico(5) });
  });

  test('rule 24: is refused with what was spent and what to do, and its policy does not try again', async () => {
    const retrying = { retry: { maxAttempts: 4, firstDelayMs: 1 }, concurrency: 1 };
    const runId = await run(await live(aWorkflow([manual, paying(0.6, {}, retrying)], { budget: { stop: 1 } })), items(2));
    const { error } = await ended(runId);
    expect(error?.code).toBe('BUDGET_EXCEEDED');
    expect(error?.message).toContain('may cost $0.60');
    expect(error?.message).toContain('may spend $1.00 in all: $0.60 is spent, $0.00 is reserved');
    expect(error?.message).toContain('Raise "stop" of the budget');
    expect(seen).toHaveLength(1);
  });

  test('that spends nothing leaves nothing behind', async () => {
    const runId = await run(await live(aWorkflow([manual, paying(0)])));
    expect(seen).toHaveLength(1);
    expect(await detail(runId)).not.toHaveProperty('budget');
    expect(await kit.database.database.query('select from run_budget where root_run_id = $1', [runId])).toEqual([]);
  });

  test('says what it spent, and what its tree did', async () => {
    const runId = await run(await live(aWorkflow([manual, paying(0.25)])), items(2));
    expect(await detail(runId)).toMatchObject({
      costPd: pico(0.5),
      budget: { rootRunId: runId, spentPd: pico(0.5), reservedPd: '0', limitPd: pico(5), warnPd: pico(1) },
      limits: { costPd: pico(5) },
    });
    const { rows } = (await kit.graphql(editor, '{ runs(first: 1) { rows { id costPd } } }')).json.data.runs;
    expect(rows).toEqual([{ id: runId, costPd: pico(0.5) }]);
  });

  test('pays each attempt of a read, and an answer nobody understood', async () => {
    status = 500;
    const data = { retry: { maxAttempts: 3, firstDelayMs: 1 } };
    const runId = await run(await live(aWorkflow([manual, paying(0.1, {}, data)])));
    expect(seen).toHaveLength(3);
    expect((await detail(runId)).budget.spentPd).toBe(pico(0.3));
  });

  test('rule 24: pays a write once, however often it is sent under its key', async () => {
    status = 500;
    const data = { retry: { maxAttempts: 3, firstDelayMs: 1 } };
    const runId = await run(await live(aWorkflow([manual, paying(0.1, { method: 'POST' }, data)])));
    expect(seen).toHaveLength(3);
    expect((await detail(runId)).budget.spentPd).toBe(pico(0.1));
  });

  test('pays nothing where the service says no', async () => {
    status = 404;
    const runId = await run(await live(aWorkflow([manual, paying(0.1)])));
    expect((await detail(runId)).budget).toMatchObject({ spentPd: '0', reservedPd: '0' });
  });

  test('with mocked answers spends nothing', async () => {
    const definition = {
      ...aWorkflow([manual, paying(0.1)], { budget: { stop: 0 } }),
      tests: [
        { id: 't', name: 'T', input: [{}], mocks: [{ url: `${url}/*`, body: { ok: 1 } }], expect: [{ node: 'pay', items: [{ ok: 1 }] }] },
      ],
    };
    const workflowId = await live(definition);
    const tested = await kit.rest(editor, 'POST', `/workflows/${workflowId}/tests/run`, {});
    expect(JSON.stringify(tested.json), tested.text).toContain('passed');
    expect(seen).toEqual([]);
  });
});

describe('a tree of runs', () => {
  test('rule 24: shares one budget: called runs spend that of their caller', async () => {
    const child = `Child ${made}`;
    await live(aWorkflow([node('in', 'core/called'), paying(0.4)], { budget: { stop: 100 } }, child));
    const call = node('call', 'core/call-workflow', { workflow: child, mode: 'each' });
    const runId = await run(await live(aWorkflow([manual, call], { budget: { stop: 1 } })), items(5));
    expect((await ended(runId)).status).toBe('failed');
    expect(seen).toHaveLength(2);
    expect((await detail(runId)).budget).toMatchObject({ spentPd: pico(0.8), limitPd: pico(1) });
    expect(await detail(runId)).not.toHaveProperty('costPd');
    const { rows } = (await kit.rest(editor, 'GET', `/runs/${runId}/called`)).json;
    const failed = rows.find((row: { status: string }) => row.status === 'failed');
    expect((await detail(failed.id)).budget).toMatchObject({ rootRunId: runId });
  });

  test('rule 24: retries share the budget, and a limit that is raised lets the retry go on', async () => {
    const definition = aWorkflow([manual, paying(0.6, {}, { concurrency: 1 })], { budget: { stop: 1 } });
    const workflow = await live(definition);
    const first = await run(workflow, items(2));
    expect((await ended(first)).error?.code).toBe('BUDGET_EXCEEDED');
    const again = await retry(first);
    expect((await ended(again)).error?.code).toBe('BUDGET_EXCEEDED');
    expect(seen).toHaveLength(1);
    await live({ ...definition, settings: { budget: { stop: 2 } } });
    const raised = await retry(again, 'live');
    expect((await ended(raised)).status).toBe('succeeded');
    expect(seen).toHaveLength(2);
    expect((await detail(raised)).budget).toMatchObject({ rootRunId: first, spentPd: pico(1.2), limitPd: pico(2) });
  });

  test('rule 24: runs of a workflow that repeats share the budget of the first, which ends the chain', async () => {
    const settings = { budget: { stop: 1 }, repeat: { times: 5, input: 'same' } };
    const first = await run(await live(aWorkflow([manual, paying(0.4)], settings)));
    const chain = async () =>
      ((await kit.rest(editor, 'GET', `/runs/${first}/chain`)).json.rows as { status: string }[]).map((one) => one.status);
    await expect.poll(chain, { timeout: 20_000 }).toEqual(['failed', 'succeeded', 'succeeded']);
    expect(seen).toHaveLength(2);
    expect((await detail(first)).budget).toMatchObject({ rootRunId: first, spentPd: pico(0.8) });
  });

  test('run again from the start has a budget of its own', async () => {
    const first = await run(await live(aWorkflow([manual, paying(0.6)], { budget: { stop: 1 } })));
    const again = await kit.rest(editor, 'POST', `/runs/${first}/again`, {});
    expect(again.status, again.text).toBe(202);
    expect((await ended(again.json.runId)).status).toBe('succeeded');
    expect((await detail(again.json.runId)).budget).toMatchObject({ rootRunId: again.json.runId, spentPd: pico(0.6) });
  });
});

describe('the limits', () => {
  test('of the workspace hold where the workflow says nothing', async () => {
    const owner = await kit.person('owner');
    const most = (value: number | null, expectedRev: number) =>
      kit.rest(owner, 'PUT', '/settings/runs.spendStop', { value, level: 'workspace', expectedRev });
    const set = await most(0.5, 0);
    expect(set.status, set.text).toBe(200);
    const refused = await run(await live(aWorkflow([manual, paying(0.6)])));
    expect((await ended(refused)).error?.code).toBe('BUDGET_EXCEEDED');
    const own = await run(await live(aWorkflow([manual, paying(0.6)], { budget: { stop: 1 } })));
    expect((await ended(own)).status).toBe('succeeded');
    await most(null, set.json.rev as number);
  });

  test('are told of once, when so much is spent', async () => {
    const workflow = await live(aWorkflow([manual, paying(0.4, {}, { concurrency: 1 })], { budget: { warn: 0.5, stop: 3 } }));
    const runId = await run(workflow, items(4));
    const notices = async () =>
      ((await kit.rest(editor, 'GET', '/notifications')).json.rows as { kind: string; params: { runId?: string } }[]).filter(
        (notice) => notice.kind === 'run.spends' && notice.params.runId === runId,
      );
    await expect.poll(notices, { timeout: 20_000 }).toMatchObject([{ params: { spent: '$0.80', limit: '$3.00' } }]);
  });

  test('that are no amounts, or warn too late, are said when the workflow is checked', async () => {
    const check = async (budget: object) =>
      (await kit.rest(editor, 'POST', '/workflows/validate', aWorkflow([manual, paying(1)], { budget }))).text;
    expect(await check({ warn: 6, stop: 5 })).toContain('BUDGET_WARNS_LATE');
    expect(await check({ stop: -1 })).toContain('settings.budget.stop');
  });
});
