/** Workflows that start others: by a step and by their failures. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { type ApiKit, type TestCaller, openApiKit } from '../operation/api.test-kit.ts';

let kit: ApiKit;
let editor: TestCaller;
let runner: TestCaller;

const node = (id: string, type: string, params: object = {}, data: object = {}) => ({
  id,
  type,
  position: { x: 0, y: 0 },
  data: { name: id, typeVersion: 1, params, ...data },
});

/** Nodes one after the other. */
function aWorkflow(name: string, nodes: readonly ReturnType<typeof node>[], more: object = {}): object {
  return {
    schema: 1,
    name,
    nodes,
    edges: nodes
      .slice(1)
      .map(({ id }, n) => ({ id: `e${n}`, source: nodes[n]?.id, sourceHandle: 'main', target: id, targetHandle: 'main' })),
    settings: {},
    ...more,
  };
}
const calling = (name: string, workflow: string, params: object = {}, data: object = {}) =>
  aWorkflow(name, [
    node('start', 'core/manual'),
    node('call', 'core/call-workflow', { workflow, ...params }, data),
    node('after', 'core/noop'),
  ]);
const doubling = (name: string, more: object = {}) =>
  aWorkflow(name, [node('in', 'core/called'), node('double', 'core/set', { fields: { twice: '={{ $json.n * 2 }}' } })], more);

async function publish(definition: object, as = editor) {
  return kit.rest(as, 'POST', '/workflows/import', { definition, publish: true });
}

async function live(definition: object): Promise<string> {
  const made = await publish(definition);
  expect([200, 201], made.text).toContain(made.status);
  return made.json.workflowId as string;
}

async function run(workflowId: string, input: object | readonly object[] = {}): Promise<string> {
  const started = await kit.rest(editor, 'POST', '/runs', { workflowId, input });
  expect(started.status, started.text).toBe(202);
  return started.json.runId as string;
}

async function ended(runId: string) {
  let state = await kit.rest(editor, 'GET', `/runs/${runId}/state?waitMs=30000`);
  while (['pending', 'running', 'waiting'].includes(state.json.status))
    state = await kit.rest(editor, 'GET', `/runs/${runId}/state?waitMs=1000`);
  return state.json as { status: string; error?: { code: string; message: string } };
}
const output = async (runId: string) => (await kit.rest(editor, 'GET', `/runs/${runId}/output`)).json.output;
/** A note of what follows goes once that has begun, or is known not to. */
async function nothingFollows(): Promise<void> {
  await expect.poll(() => kit.database.database.query('select from run_follow_up'), { timeout: 30_000 }).toEqual([]);
}
const called = async (runId: string, as = editor) => (await kit.rest(as, 'GET', `/runs/${runId}/called`)).json;

beforeAll(async () => {
  kit = await openApiKit();
  editor = await kit.person('editor');
  runner = await kit.person('runner');
});
afterAll(() => kit.close());

describe('a step that calls a workflow', () => {
  test('gives what its last steps give, for all items or for each, in their order', async () => {
    await live(doubling('Double'));
    const once = await live(calling('Once', 'Double'));
    const each = await live(calling('Each', 'Double', { mode: 'each' }));
    const items = [1, 2, 3].map((n) => ({ n }));
    for (const workflow of [once, each]) {
      const id = await run(workflow, items);
      expect(await ended(id)).toMatchObject({ status: 'succeeded' });
      expect(await output(id)).toEqual(items.map(({ n }) => ({ n, twice: n * 2 })));
      const { rows } = await called(id);
      expect(rows).toHaveLength(workflow === once ? 1 : 3);
      expect(rows[0]).toMatchObject({ workflow: { name: 'Double' }, status: 'succeeded', nodeId: 'call', part: 0, isAwaited: true });
      expect((await called(rows[0].id)).calledBy).toEqual({ runId: id, nodeId: 'call', depth: 1 });
    }
  });

  test('gives what is said instead of the items', async () => {
    const id = await run(await live(calling('Given', 'Double', { data: '={{ {"n": $json.n + 10} }}' })), { n: 1 });
    await ended(id);
    expect(await output(id)).toEqual([{ n: 11, twice: 22 }]);
  });

  test('lets its items go on at once when nobody waits for the answer', async () => {
    const id = await run(await live(calling('Forget', 'Double', { answer: false })), { n: 4 });
    expect(await ended(id)).toMatchObject({ status: 'succeeded' });
    expect(await output(id)).toEqual([{ n: 4 }]);
    const { rows } = await called(id);
    expect(rows).toMatchObject([{ isAwaited: false }]);
    expect(await ended(rows[0].id)).toMatchObject({ status: 'succeeded' });
  });

  test('is told everything that is wrong with what it gives, before anything is started', async () => {
    await live(doubling('Typed', { inputs: { n: { type: 'number', required: true }, note: { type: 'text', default: 'none' } } }));
    const workflow = await live(calling('Typing', 'Typed', { mode: 'each' }));
    const wrong = await run(workflow, [{ n: 'one' }, {}, { n: 3, note: 5 }]);
    const { status, error } = await ended(wrong);
    expect([status, error?.code]).toEqual(['failed', 'INPUT_INVALID']);
    for (const said of [
      '"n" has to be a number and is text in item 0',
      '"n" is missing in item 1',
      '"note" has to be text and is a number in item 2',
    ])
      expect(error?.message).toContain(said);
    expect((await called(wrong)).rows).toEqual([]);
    const right = await run(workflow, [{ n: 1 }]);
    await ended(right);
    expect(await output(right)).toEqual([{ n: 1, note: 'none', twice: 2 }]);
  });

  test('checks what people and programs start it with against its inputs too, all at once', async () => {
    const inputs = { n: { type: 'number', required: true }, note: { type: 'text', default: 'none' } };
    for (const trigger of ['core/called', 'core/manual']) {
      const workflowId = await live(aWorkflow(`By ${trigger}`, [node('in', trigger), node('keep', 'core/noop')], { inputs }));
      const refused = await kit.rest(editor, 'POST', '/runs', { workflowId, input: { note: 5 } });
      expect([refused.status, refused.json.error.code]).toEqual([422, 'INPUT_INVALID']);
      expect(refused.json.error.params.fields).toEqual([
        { field: 'input.n', message: '"n" is missing' },
        { field: 'input.note', message: '"note" has to be text and is a number' },
      ]);
      const many = await kit.rest(editor, 'POST', '/runs', { workflowId, input: [{ n: 1 }, {}] });
      expect(many.json.error.path).toBe('input[1].n');
      const id = await run(workflowId, { n: 1 });
      await ended(id);
      expect(await output(id)).toEqual([{ n: 1, note: 'none' }]);
    }
  });

  test('goes no deeper than the limit, and the error names the workflows', async () => {
    const draft = await kit.rest(editor, 'POST', '/workflows/import', { definition: doubling('Endless'), publish: true });
    expect(draft.status).toBeLessThan(300);
    await live(aWorkflow('Endless', [node('in', 'core/called'), node('again', 'core/call-workflow', { workflow: 'Endless' })]));
    const id = await run(await live(calling('Deep', 'Endless')));
    const { error } = await ended(id);
    expect(error?.code).toBe('CALLED_RUN_FAILED');
    const told = 'The run of "Endless" that this step called failed; the reason came through 10 called runs: ';
    const deepest = await kit.database.database.query<{ message: string; code: string }>(
      `select r.error_message as message, r.error_code as code from run_child c join run r on r.id = c.run_id where c.depth = 10`,
    );
    expect(deepest[0]?.code).toBe('SUBWORKFLOW_DEPTH');
    expect(deepest[0]?.message).toContain('Deep → Endless → Endless');
    // The reason stands in it once.
    expect(error?.message).toBe(`${told}${deepest[0]?.message}`);
  });

  test('that names a workflow which is not there, or that its publisher may not run, is not published', async () => {
    const missing = await publish(calling('Nowhere', 'There is none'));
    expect([missing.status, missing.json.error.problems[0].code]).toEqual([422, 'CALLED_WORKFLOW_MISSING']);
  });

  test('calls only what whoever published it may run: what they may not see is not there, at once and when it runs', async () => {
    const admin = await kit.person('admin');
    const made = await kit.rest(admin, 'POST', '/projects', { name: 'Closed', slug: 'closed', visibility: 'members' });
    expect(made.status, made.text).toBeLessThan(300);
    const inside = await kit.rest(admin, 'POST', '/workflows/import', {
      definition: doubling('Secret'),
      publish: true,
      projectId: made.json.id,
    });
    expect(inside.status, inside.text).toBeLessThan(300);
    const refused = await publish(calling('Peeks', 'Secret'));
    expect([refused.status, refused.json.error.problems[0].code]).toEqual([422, 'CALLED_WORKFLOW_MISSING']);
    const workflow = await live(calling('Peeks later', '={{ $input.first().json.name }}'));
    expect(await ended(await run(workflow, { name: 'Secret' }))).toMatchObject({ status: 'failed', error: { code: 'WORKFLOW_NOT_FOUND' } });
    const allowed = await kit.rest(admin, 'POST', '/workflows/import', { definition: calling('May', 'Secret'), publish: true });
    const id = await run(allowed.json.workflowId, { n: 2 });
    expect(await ended(id)).toMatchObject({ status: 'succeeded' });
    // Whoever sees the caller, and not what it calls, sees that there is something.
    expect(await called(id)).toMatchObject({ rows: [], hidden: 1 });
    expect((await called(id, admin)).rows).toHaveLength(1);
  });

  test('that computes a name is told when it runs', async () => {
    await live(aWorkflow('No entry', [node('start', 'core/manual')]));
    const workflow = await live(calling('Computed', '={{ $input.first().json.name }}'));
    for (const [name, code] of [
      ['Nothing', 'WORKFLOW_NOT_FOUND'],
      ['No entry', 'WORKFLOW_NOT_CALLABLE'],
    ] as const)
      expect(await ended(await run(workflow, { name }))).toMatchObject({ status: 'failed', error: { code } });
  });

  test('lets as many of its runs work at once as is said, and the next as each ends', async () => {
    const begun = (runId: string) =>
      kit.database.database.query<{ id: string; is_live: boolean }>(
        `select t.run_id as id, exists (select from run_live l where l.run_id = t.run_id) as is_live
         from flow_turn t join run_child c on c.run_id = t.run_id where c.parent_run_id = $1 and t.begun_at is not null order by t.run_id`,
        [runId],
      );
    const working = async (runId: string) => (await begun(runId)).filter((row) => row.is_live);
    await live(aWorkflow('Hour', [node('in', 'core/called'), node('wait', 'core/wait', { amount: 1, unit: 'hours' })]));
    const items = Array.from({ length: 20 }, (_, n) => ({ n }));
    const id = await run(await live(calling('Three at once', 'Hour', { mode: 'each', atOnce: 3 }, { onError: 'continue' })), items);
    await expect.poll(async () => (await working(id)).length, { timeout: 20_000 }).toBe(3);
    await expect.poll(async () => (await called(id)).rows.length, { timeout: 20_000 }).toBe(20);
    const [first] = await working(id);
    await kit.rest(runner, 'POST', `/runs/${first?.id}/cancel`, {});
    await ended(first?.id ?? '');
    await expect.poll(async () => (await working(id)).map((row) => row.id), { timeout: 20_000 }).not.toContain(first?.id);
    await expect.poll(async () => (await working(id)).length, { timeout: 20_000 }).toBe(3);
    await kit.rest(runner, 'POST', `/runs/${id}/cancel`, {});
    expect(await ended(id)).toMatchObject({ status: 'cancelled' });
    for (const row of (await called(id)).rows) expect(await ended(row.id)).toMatchObject({ status: 'cancelled' });
  });

  test('gets all answers in the order of its items, however few work at once', async () => {
    const workflow = await live(calling('Two at once', 'Double', { mode: 'each', atOnce: 2 }));
    const items = Array.from({ length: 25 }, (_, n) => ({ n }));
    const id = await run(workflow, items);
    expect(await ended(id)).toMatchObject({ status: 'succeeded' });
    expect(await output(id)).toEqual(items.map(({ n }) => ({ n, twice: n * 2 })));
  });

  test('with a retry policy starts those of its runs again that failed, in their place, and keeps the answers of the others', async () => {
    const asked: number[] = [];
    const service = createServer((request, response) => {
      const n = Number(request.url?.slice(1));
      asked.push(n);
      const isRefused = n % 2 === 1 && asked.filter((one) => one === n).length < 3;
      response.writeHead(isRefused ? 500 : 200, { 'content-type': 'application/json' }).end('{}');
    });
    await new Promise<void>((resolve) => service.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => new Promise((resolve) => service.close(() => resolve()).closeAllConnections()));
    const url = `http://127.0.0.1:${(service.address() as AddressInfo).port}/`;
    await live(
      aWorkflow('Flaky', [
        node('in', 'core/called'),
        node('ask', 'core/http-request', { url: `=${url}{{ $json.n }}`, method: 'GET' }),
        node('back', 'core/set', { keep: 'none', fields: { n: "={{ $('in').item.json.n }}" } }),
      ]),
    );
    const retrying = (name: string, maxAttempts: number) =>
      live(calling(name, 'Flaky', { mode: 'each' }, { retry: { maxAttempts, firstDelayMs: 0 } }));
    const items = [0, 1, 2, 3].map((n) => ({ n }));
    const id = await run(await retrying('Thrice', 3), items);
    expect(await ended(id)).toMatchObject({ status: 'succeeded' });
    expect(await output(id)).toEqual(items);
    expect(asked.toSorted((a, b) => a - b)).toEqual([0, 1, 1, 1, 2, 3, 3, 3]);
    const { rows } = await called(id);
    expect(rows.map(({ part, status }: { part: number; status: string }) => `${part} ${status}`).toSorted()).toEqual(
      ['0', '1', '2', '3']
        .map((part) => `${part} succeeded`)
        .concat(['1', '1', '3', '3'].map((part) => `${part} failed`))
        .toSorted(),
    );
    const [counted] = await kit.database.database.query<{ called: number }>('select called from run_tree where root_run_id = $1', [id]);
    expect(counted?.called).toBe(8);
    asked.length = 0;
    const twice = await run(await retrying('Twice', 2), items);
    expect(await ended(twice)).toMatchObject({ status: 'failed', error: { code: 'CALLED_RUN_FAILED' } });
    expect((await called(twice)).rows).toHaveLength(6);
  });

  test('stops with the run that calls, and its runs with it', async () => {
    await live(aWorkflow('Long', [node('in', 'core/called'), node('wait', 'core/wait', { amount: 1, unit: 'hours' })]));
    const id = await run(await live(calling('Calls long', 'Long')));
    await expect.poll(async () => (await called(id)).rows[0]?.status, { timeout: 20_000 }).toBe('waiting');
    expect((await kit.rest(runner, 'POST', `/runs/${id}/cancel`, {})).status).toBeLessThan(300);
    expect(await ended(id)).toMatchObject({ status: 'cancelled' });
    expect(await ended((await called(id)).rows[0].id)).toMatchObject({ status: 'cancelled' });
  });
});

describe('a workflow that hears of failures', () => {
  const told = (workflowId: string) =>
    kit.database.database.query<{ id: string }>('select id from run where workflow_id = $1 order by id desc', [workflowId]);
  const failing = (name: string, settings: object) =>
    aWorkflow(name, [node('start', 'core/manual'), node('stop', 'core/stop', { message: 'Enough' })], { settings });

  test('runs once for each run that failed, and is told where and why', async () => {
    const hearing = await live(aWorkflow('Hear', [node('in', 'core/error-trigger'), node('keep', 'core/noop')]));
    const workflow = await live(failing('Fails', { errorWorkflow: 'Hear' }));
    const id = await run(workflow, { order: 7 });
    expect(await ended(id)).toMatchObject({ status: 'failed' });
    await expect.poll(async () => (await told(hearing)).length, { timeout: 20_000 }).toBe(1);
    const [row] = await told(hearing);
    await ended(row?.id ?? '');
    expect(await output(row?.id ?? '')).toMatchObject([
      {
        workflow: { id: workflow, name: 'Fails', version: 1 },
        run: { id, status: 'failed', trigger: 'manual' },
        step: { id: 'stop', attempts: 1 },
      },
    ]);
    await nothingFollows();
    expect(await told(hearing)).toHaveLength(1);
  });

  test('hears of all workflows that name none where the workspace says so, and of like failures once in a while', async () => {
    const hearing = await live(aWorkflow('Hears all', [node('in', 'core/error-trigger')]));
    const admin = await kit.person('admin');
    const set = (key: string, value: unknown, expectedRev = 0) =>
      kit.rest(admin, 'PUT', `/settings/${key}`, { level: 'workspace', value, expectedRev });
    for (const [key, value] of [
      ['runs.errorWorkflow', hearing],
      ['runs.errorPauseMinutes', 60],
    ] as const) {
      const answer = await set(key, value);
      expect(answer.status, answer.text).toBeLessThan(300);
    }
    const workflow = await live(failing('Fails alike', {}));
    for (const n of [1, 2, 3]) await ended(await run(workflow, { n }));
    await nothingFollows();
    expect(await told(hearing)).toHaveLength(1);
    for (const [key, value] of [
      ['runs.errorWorkflow', ''],
      ['runs.errorPauseMinutes', 0],
    ] as const)
      expect((await set(key, value, 1)).status).toBeLessThan(300);
  });

  test('never hears of itself', async () => {
    await live(aWorkflow('Hear', [node('in', 'core/error-trigger')]));
    const hearing = await live(
      aWorkflow('Hears and fails', [node('in', 'core/error-trigger'), node('stop', 'core/stop', { message: 'Too' })], {
        settings: { errorWorkflow: 'Hear' },
      }),
    );
    const before = (await told(hearing)).length;
    await ended(await run(await live(failing('Fails too', { errorWorkflow: 'Hears and fails' }))));
    await expect
      .poll(async () => (await told(hearing))[0] && (await ended((await told(hearing))[0]?.id ?? '')).status, { timeout: 20_000 })
      .toBe('failed');
    await nothingFollows();
    expect((await told(hearing)).length).toBe(before + 1);
  });
});

describe('a workflow that repeats', () => {
  const counting = (name: string, repeat: object, more = '={{ $json.n + 1 }}') =>
    aWorkflow(
      name,
      [
        node('start', 'core/manual'),
        node('count', 'core/set', { fields: { n: more } }),
        node('few', 'core/filter', { condition: { all: [{ left: '={{ $json.n }}', op: 'lt', right: 100 }] } }),
      ],
      {
        settings: { repeat },
      },
    );
  const chain = async (id: string): Promise<{ id: string; n: number; status: string }[]> =>
    (await kit.rest(editor, 'GET', `/runs/${id}/chain`)).json.rows;

  test('S0-010: runs again with what it gave, in a chain of its own, until a run gives nothing', async () => {
    const id = await run(await live(counting('Until', {})), { n: 97 });
    await expect
      .poll(async () => (await chain(id)).map(({ n, status }) => `${n} ${status}`), { timeout: 30_000 })
      .toEqual(['3 succeeded', '2 succeeded', '1 succeeded']);
    const [last] = await chain(id);
    expect(await output(last?.id ?? '')).toEqual([]);
    await nothingFollows();
    expect(await chain(id)).toHaveLength(3);
    expect((await kit.rest(editor, 'POST', `/runs/${id}/end-chain`, {})).json.error.code).toBe('RUN_ENDED');
  });

  test('S0-010: at most so many times', async () => {
    const id = await run(await live(counting('Twice', { times: 2 })), { n: 0 });
    await expect.poll(async () => (await chain(id)).length, { timeout: 30_000 }).toBe(2);
    const [last] = await chain(id);
    await ended(last?.id ?? '');
    await nothingFollows();
    expect((await chain(id)).length).toBe(2);
  });

  test('S0-010: ends when somebody says so, while it waits for its next run', async () => {
    const id = await run(await live(counting('Later', { delayMs: 3_600_000 })), { n: 0 });
    await ended(id);
    expect((await kit.rest(runner, 'POST', `/runs/${id}/end-chain`, {})).json).toEqual({ runId: id, stopped: 'next' });
    await nothingFollows();
    expect(await chain(id)).toEqual([]);
  });

  test('S0-010: ends with its newest run when somebody says so', async () => {
    const waiting = aWorkflow('Waits', [node('start', 'core/manual'), node('wait', 'core/wait', { amount: 1, unit: 'hours' })], {
      settings: { repeat: {} },
    });
    const id = await run(await live(waiting), { n: 0 });
    await expect.poll(async () => (await kit.rest(editor, 'GET', `/runs/${id}/state`)).json.status, { timeout: 20_000 }).toBe('waiting');
    expect((await kit.rest(runner, 'POST', `/runs/${id}/end-chain`, {})).json).toEqual({ runId: id, stopped: 'run' });
    expect(await ended(id)).toMatchObject({ status: 'cancelled' });
    await nothingFollows();
  });
});
