/** Runs made from runs: what failed is done again and nothing else, from a step on, past a step; linked both ways. */
import { type Server, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type ApiKit, type TestCaller, openApiKit } from '../operation/api.test-kit.ts';

let kit: ApiKit;
let editor: TestCaller;
let viewer: TestCaller;
let service: Server;
let address: string;

interface Call {
  readonly body: { readonly n?: number; readonly edited?: boolean };
  readonly key: string | undefined;
}

/** What the service was sent, and which items it refuses. */
let calls: Call[] = [];
let refused: (n: number | undefined) => boolean = () => false;
/** What its answer waits for. */
let held: (n: number | undefined) => Promise<void> = async () => {};

const node = (id: string, type: string, params: object = {}) => ({
  id,
  type,
  position: { x: 0, y: 0 },
  data: { name: id, typeVersion: 1, params },
});
const edge = (source: string, target: string, sourceHandle = 'main', targetHandle = 'main') => ({
  id: `${source}-${sourceHandle}-${target}`,
  source,
  sourceHandle,
  target,
  targetHandle,
});
const send = (id: string) => node(id, 'core/http-request', { method: 'POST', url: address, bodyKind: 'json', body: '={{ $json }}' });

const orders = (name: string, more: object = {}) => ({
  schema: 1,
  name,
  nodes: [
    node('start', 'core/manual'),
    node('prepare', 'core/set', { fields: { ready: true } }),
    send('send'),
    node('note', 'core/set', { fields: { noted: true } }),
  ],
  edges: [edge('start', 'prepare'), edge('prepare', 'send'), edge('send', 'note')],
  settings: {},
  ...more,
});

async function publish(definition: object): Promise<string> {
  const made = await kit.rest(editor, 'POST', '/workflows/import', { definition, publish: true });
  expect([200, 201], made.text).toContain(made.status);
  return made.json.workflowId as string;
}

/** Of a run that rests now and then. */
async function reaches(runId: string, status: string): Promise<void> {
  for (;;) {
    const { json } = await kit.rest(editor, 'GET', `/runs/${runId}/state?waitMs=1000`);
    if (['pending', 'running', 'waiting'].includes(json.status)) continue;
    return expect(json.status).toBe(status);
  }
}

async function ended(runId: string): Promise<{ status: string; steps: Record<string, { status: string; carried?: string }> }> {
  const { json } = await kit.rest(editor, 'GET', `/runs/${runId}/state?waitMs=30000`);
  const { rows } = (await kit.rest(editor, 'GET', `/runs/${runId}/steps`)).json;
  return {
    status: json.status,
    steps: Object.fromEntries(rows.map((row: { nodeId: string; status: string; carried?: string }) => [row.nodeId, row])),
  };
}

async function run(workflowId: string, input: object[]): Promise<string> {
  const started = await kit.rest(editor, 'POST', '/runs', { workflowId, input });
  expect(started.status, started.text).toBe(202);
  await ended(started.json.runId);
  return started.json.runId;
}

const act = (runId: string, what: string, body: object = {}, as = editor) => kit.rest(as, 'POST', `/runs/${runId}/${what}`, body);
const outputOf = async (runId: string) => (await kit.rest(editor, 'GET', `/runs/${runId}/output`)).json.output;

beforeAll(async () => {
  service = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      const body = JSON.parse(Buffer.concat(parts).toString('utf8')) as Call['body'];
      calls.push({ body, key: request.headers['idempotency-key'] as string | undefined });
      void held(body.n).then(() => {
        const status = refused(body.n) ? 422 : 200;
        response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify({ ...body, sent: true }));
      });
    });
  });
  await new Promise<void>((resolve) => service.listen(0, '127.0.0.1', resolve));
  address = `http://127.0.0.1:${(service.address() as AddressInfo).port}/orders`;
  kit = await openApiKit();
  editor = await kit.person('editor');
  viewer = await kit.person('viewer');
});
beforeEach(() => {
  calls = [];
  refused = () => false;
  held = async () => {};
});
afterAll(async () => {
  await kit.close();
  service.closeAllConnections();
  await new Promise((resolve) => service.close(resolve));
});

describe('retry', () => {
  test('S1-086 S1-087 S2-088 S3-036: only items without success are sent again, with the same keys; what is before is kept', async () => {
    const workflowId = await publish(orders('Retry items'));
    refused = (n) => n === 1;
    const old = await run(workflowId, [{ n: 0 }, { n: 1 }, { n: 2 }]);
    expect((await ended(old)).status).toBe('failed');
    const keys = new Map(calls.map((call) => [call.body.n, call.key]));
    expect(new Set(calls.map((call) => call.body.n))).toEqual(new Set([0, 1, 2]));

    calls = [];
    refused = () => false;
    const made = await act(old, 'retry');
    expect(made.status, made.text).toBe(202);
    const next = await ended(made.json.runId);

    expect(next.status).toBe('succeeded');
    expect(calls).toEqual([{ body: { n: 1, ready: true }, key: keys.get(1) }]);
    expect(next.steps['prepare']).toMatchObject({ status: 'succeeded', carried: old });
    expect(next.steps['send']?.carried).toBeUndefined();
    expect((await outputOf(made.json.runId)).map((item: { n: number }) => item.n)).toEqual([0, 1, 2]);
    // The old run is as it was.
    expect((await ended(old)).status).toBe('failed');
  });

  test('steps inside a loop that is kept are kept too', async () => {
    const definition = {
      schema: 1,
      name: 'Loop, then send',
      nodes: [
        node('start', 'core/manual'),
        node('loop', 'core/loop'),
        node('price', 'core/set', { fields: { priced: true } }),
        send('send'),
      ],
      edges: [edge('start', 'loop'), edge('loop', 'price', 'body'), edge('price', 'loop', 'main', 'next'), edge('loop', 'send', 'done')],
      settings: {},
    };
    refused = () => true;
    const failed = await run(await publish(definition), [{ n: 1 }, { n: 2 }]);
    refused = () => false;

    const { json } = await act(failed, 'retry');
    await ended(json.runId);

    const { steps } = (await kit.rest(editor, 'GET', `/runs/${json.runId}`)).json;
    const byId = new Map(steps.map((step: { node: string }) => [step.node, step]));
    for (const id of ['loop', 'price']) expect(byId.get(id), id).toMatchObject({ status: 'succeeded', carried: failed });
  });

  test('of a step that calls runs the answers that came are kept; what failed is started anew, and sends under a new key', async () => {
    const nodes = [node('in', 'core/called'), send('send')];
    await publish({ schema: 1, name: 'Sends one', nodes, edges: [edge('in', 'send')], settings: {} });
    const call = node('call', 'core/call-workflow', { workflow: 'Sends one', mode: 'each' });
    const calling = {
      schema: 1,
      name: 'Sends each',
      nodes: [node('start', 'core/manual'), call],
      edges: [edge('start', 'call')],
      settings: {},
    };
    const answered = Promise.withResolvers<void>();
    refused = (n) => n === 2;
    held = (n) => (n === 2 ? answered.promise : Promise.resolve());
    const old = await run(await publish(calling), [{ n: 0 }, { n: 1 }, { n: 2 }]);
    const calledBy = async (id: string): Promise<readonly { part: number; status: string }[]> =>
      (await kit.rest(editor, 'GET', `/runs/${id}/called`)).json.rows;
    await expect.poll(async () => (await calledBy(old)).filter(({ status }) => status === 'succeeded').length, { timeout: 20_000 }).toBe(2);
    answered.resolve();
    await reaches(old, 'failed');
    const [firstKey] = calls.filter(({ body }) => body.n === 2).map(({ key }) => key);
    expect(calls).toHaveLength(3);

    calls = [];
    refused = () => false;
    const { json } = await act(old, 'retry');
    await reaches(json.runId, 'succeeded');

    expect(calls.map(({ body }) => body.n)).toEqual([2]);
    expect(calls[0]?.key).not.toBe(firstKey);
    expect((await outputOf(json.runId)).map((item: { n: number }) => item.n)).toEqual([0, 1, 2]);
    expect((await calledBy(json.runId)).map(({ part }) => part)).toEqual([2]);
  });

  test('a run that has undone what it did is run again from the start, and not gone on from', async () => {
    const definition = {
      schema: 1,
      name: 'Undoes',
      nodes: [
        node('start', 'core/manual'),
        send('pay'),
        node('next', 'core/set', { fields: { n: 99 } }),
        send('book'),
        node('back', 'core/http-request', { method: 'POST', url: address, bodyKind: 'json', body: { n: -1 } }),
      ],
      edges: [edge('start', 'pay'), edge('pay', 'next'), edge('next', 'book'), edge('pay', 'back', 'undo')],
      settings: {},
    };
    refused = (n) => n === 99;
    const failed = await run(await publish(definition), [{ n: 1 }]);
    const old = await ended(failed);
    expect([old.status, old.steps['back']?.status]).toEqual(['failed', 'succeeded']);
    expect(calls.map(({ body }) => body.n)).toEqual([1, 99, -1]);

    const { may } = (await kit.rest(editor, 'GET', `/runs/${failed}/detail`)).json;
    expect(may).toMatchObject({ again: true, retry: false, rerun: false });
    for (const [how, body] of [
      ['retry', {}],
      ['skip', { nodeId: 'book' }],
      ['rerun', { nodeId: 'next' }],
    ] as const) {
      const refusal = await act(failed, how, body);
      expect([refusal.status, refusal.json.error.code], refusal.text).toEqual([409, 'RUN_STATE']);
    }

    calls = [];
    refused = () => false;
    const { json } = await act(failed, 'again');
    const again = await ended(json.runId);
    expect([again.status, again.steps['back']]).toMatchObject(['succeeded', { status: 'skipped' }]);
    expect(calls.map(({ body }) => body.n)).toEqual([1, 99]);
    expect((await act(json.runId, 'rerun', { nodeId: 'back' })).json.error.code).toBe('STEP_STATE');
  });

  test('a run says beforehand how it can be gone on from, and lists say at which step it failed', async () => {
    const ways = async (runId: string, as: TestCaller = editor) => {
      const { may } = (await kit.rest(as, 'GET', `/runs/${runId}/detail`)).json;
      return (['again', 'retry', 'rerun'] as const).filter((way) => may[way]);
    };
    const failure = async (runId: string) => {
      const row = (await kit.rest(editor, 'GET', `/runs/overview?search=${runId}`)).json.rows[0];
      const head = (await kit.rest(editor, 'GET', '/runs?limit=100')).json.runs.find((one: { id: string }) => one.id === runId);
      return [row.error?.nodeName, head.error?.nodeName];
    };
    const workflowId = await publish(orders('Ways'));
    const fine = await run(workflowId, [{ n: 1 }]);
    expect([await ways(fine), await failure(fine)]).toEqual([
      ['again', 'rerun'],
      [undefined, undefined],
    ]);

    refused = () => true;
    const failed = await run(workflowId, [{ n: 1 }]);
    expect([await ways(failed), await failure(failed)]).toEqual([
      ['again', 'retry', 'rerun'],
      ['send', 'send'],
    ]);
    expect(await ways(failed, viewer)).toEqual([]);

    // Whoever goes on from a run is gone on from next.
    const made = (await act(failed, 'retry')).json.runId as string;
    await ended(made);
    expect([await ways(failed), await ways(made)]).toEqual([
      ['again', 'rerun'],
      ['again', 'retry', 'rerun'],
    ]);

    const waits = { ...orders('Not over'), nodes: [node('start', 'core/manual'), node('pause', 'core/wait', { amount: 1, unit: 'days' })] };
    expect(await ways(await run(await publish({ ...waits, edges: [edge('start', 'pause')] }), [{}]))).toEqual(['again']);
  });

  test('the links are shown from both sides', async () => {
    const workflowId = await publish(orders('Links'));
    refused = () => true;
    const old = await run(workflowId, [{ n: 1 }]);
    refused = () => false;
    const made = await act(old, 'retry', { nodeId: 'send' });
    await ended(made.json.runId);

    const rows = (await kit.rest(editor, 'GET', `/runs/${old}/made-from`)).json.rows;
    expect(rows).toEqual([expect.objectContaining({ id: made.json.runId, how: 'retry', nodeId: 'send', status: 'succeeded' })]);
    const detail = (await kit.rest(editor, 'GET', `/runs/${made.json.runId}/detail`)).json;
    expect(detail).toMatchObject({ trigger: 'rerun', origin: { runId: old, how: 'retry', nodeId: 'send' } });
  });

  test('what did not get done is gone on with once: a second retry is told where', async () => {
    const workflowId = await publish(orders('Once'));
    refused = () => true;
    const old = await run(workflowId, [{ n: 1 }]);
    const answers = await Promise.all([act(old, 'retry'), act(old, 'retry'), act(old, 'skip', { nodeId: 'send' })]);

    expect(answers.filter(({ status }) => status === 202)).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 409)).toHaveLength(2);
    const made = answers.find(({ status }) => status === 202)?.json.runId as string;
    const late = answers.find(({ status }) => status === 409)?.json.error;
    expect(late).toMatchObject({ code: 'ALREADY_DONE', params: { runId: made } });

    // The retry failed again: that one can be retried, and its keys are still those of the first run.
    await ended(made);
    const [first] = calls;
    calls = [];
    refused = () => false;
    const again = await act(made, 'retry');
    if (again.status === 202) {
      expect((await ended(again.json.runId)).status).toBe('succeeded');
      expect(calls.map((call) => call.key)).toEqual([first?.key]);
    } else expect(again.json.error.code).toBe('RUN_STATE');
  });

  test('a run that goes on, or has succeeded, is refused with its state', async () => {
    const waits = await publish({
      ...orders('Waits'),
      nodes: [node('start', 'core/manual'), node('pause', 'core/wait', { amount: 1, unit: 'days' })],
      edges: [edge('start', 'pause')],
    });
    for (const [runId, status] of [
      [await run(waits, [{}]), 'waiting'],
      [await run(await publish(orders('Fine')), [{ n: 1 }]), 'succeeded'],
    ] as const) {
      const refusal = await act(runId, 'retry');
      expect([refusal.status, refusal.json.error]).toEqual([409, expect.objectContaining({ code: 'RUN_STATE', params: { status } })]);
    }
  });

  test('a viewer may not; and sees nothing of another workspace', async () => {
    const workflowId = await publish(orders('Rights'));
    refused = () => true;
    const old = await run(workflowId, [{ n: 1 }]);
    for (const [what, body] of [
      ['retry', {}],
      ['rerun', { nodeId: 'send' }],
      ['skip', { nodeId: 'send' }],
    ] as const) {
      expect((await act(old, what, body, viewer)).status, what).toBe(403);
    }
  });
});

describe('from a step on', () => {
  test('with other items: what is before is kept, the step gets new keys, and a wrong port is named', async () => {
    const workflowId = await publish(orders('Edited'));
    const old = await run(workflowId, [{ n: 1 }]);
    const [before] = calls;
    calls = [];

    const wrong = await act(old, 'rerun', { nodeId: 'send', ports: { left: [{}] } });
    expect([wrong.status, wrong.json.error.code, wrong.json.error.hint]).toEqual([422, 'INPUT_INVALID', 'It has: main.']);
    const made = await act(old, 'rerun', { nodeId: 'send', items: [{ n: 7, edited: true }] });
    expect(made.status, made.text).toBe(202);
    const next = await ended(made.json.runId);

    expect(next.status).toBe('succeeded');
    expect(next.steps['prepare']?.carried).toBe(old);
    expect(calls).toEqual([{ body: { n: 7, edited: true }, key: expect.any(String) }]);
    expect(calls[0]?.key).not.toBe(before?.key);
    expect(await outputOf(made.json.runId)).toEqual([expect.objectContaining({ n: 7, noted: true })]);
  });

  test('on the newest version, and a step that version has no more is named', async () => {
    const workflowId = await publish(orders('Newer'));
    refused = () => true;
    const old = await run(workflowId, [{ n: 1 }]);
    refused = () => false;
    calls = [];
    await publish(orders('Newer', { nodes: [...orders('x').nodes.slice(0, 3), node('note', 'core/set', { fields: { version: 2 } })] }));

    const made = await act(old, 'rerun', { nodeId: 'send', source: 'live' });
    expect(made.status, made.text).toBe(202);
    expect((await ended(made.json.runId)).status).toBe('succeeded');
    expect(await outputOf(made.json.runId)).toEqual([expect.objectContaining({ version: 2 })]);

    await publish(
      orders('Newer', { nodes: [node('start', 'core/manual'), node('note', 'core/set', { fields: {} })], edges: [edge('start', 'note')] }),
    );
    const gone = await act(old, 'rerun', { nodeId: 'send', source: 'live' });
    expect([gone.status, gone.json.error.code, gone.json.error.params]).toEqual([409, 'STEP_STATE', { node: 'send' }]);
    expect(gone.json.error.hint).toContain('It has: start, note.');
  });

  test('from the trigger with other input it is a new run from the start', async () => {
    const workflowId = await publish(orders('From the start'));
    const old = await run(workflowId, [{ n: 1 }]);
    calls = [];
    const made = await act(old, 'rerun', { nodeId: 'start', items: [{ n: 5 }] });
    const next = await ended(made.json.runId);
    expect([next.status, next.steps['prepare']?.carried]).toEqual(['succeeded', undefined]);
    expect(calls.map((call) => call.body.n)).toEqual([5]);
  });

  test('a step that did not run needs an input; with one it runs without what is before it', async () => {
    const workflowId = await publish(orders('Not reached'));
    refused = () => true;
    const old = await run(workflowId, [{ n: 1 }]);
    calls = [];
    const refusal = await act(old, 'rerun', { nodeId: 'note' });
    expect([refusal.status, refusal.json.error.code]).toEqual([409, 'STEP_STATE']);

    const made = await act(old, 'rerun', { nodeId: 'note', items: [{ n: 9 }] });
    const next = await ended(made.json.runId);
    expect(next.status).toBe('succeeded');
    expect(next.steps['send']?.status).toBe('skipped');
    expect(calls).toEqual([]);
    expect(await outputOf(made.json.runId)).toEqual([{ n: 9, noted: true }]);
  });

  test('S3-042: again from the start keeps nothing and has keys of its own', async () => {
    const workflowId = await publish(orders('Again'));
    const old = await run(workflowId, [{ n: 1 }]);
    const [before] = calls;
    calls = [];
    const made = await act(old, 'again');
    expect(made.status, made.text).toBe(202);
    const next = await ended(made.json.runId);
    expect(next.steps['prepare']?.carried).toBeUndefined();
    expect(calls).toHaveLength(1);
    expect(calls[0]?.key).not.toBe(before?.key);
    expect((await kit.rest(editor, 'GET', `/runs/${old}/made-from`)).json.rows).toEqual([expect.objectContaining({ how: 'again' })]);
  });
});

describe('past a failed step', () => {
  test('S2-089: it hands its input on, or the items that are given', async () => {
    const workflowId = await publish(orders('Skipped'));
    refused = () => true;
    const passed = await act(await run(workflowId, [{ n: 1 }]), 'skip', { nodeId: 'send' });
    const next = await ended(passed.json.runId);
    expect([next.status, next.steps['send']?.carried]).toEqual(['succeeded', 'skip']);
    expect(await outputOf(passed.json.runId)).toEqual([{ n: 1, ready: true, noted: true }]);

    const given = await act(await run(workflowId, [{ n: 1 }]), 'skip', { nodeId: 'send', items: [{ by: 'hand' }] });
    await ended(given.json.runId);
    expect(await outputOf(given.json.runId)).toEqual([{ by: 'hand', noted: true }]);
  });

  test('a step that succeeded is not skipped', async () => {
    const workflowId = await publish(orders('Not failed'));
    refused = () => true;
    const refusal = await act(await run(workflowId, [{ n: 1 }]), 'skip', { nodeId: 'prepare' });
    expect([refusal.status, refusal.json.error]).toEqual([
      409,
      expect.objectContaining({ code: 'STEP_STATE', params: { node: 'prepare', status: 'succeeded' } }),
    ]);
  });
});

describe('an approval', () => {
  const paid = () => ({
    schema: 1,
    name: `Pays ${Math.random()}`,
    nodes: [
      node('start', 'core/manual'),
      node('prepare', 'core/set', { fields: { ready: true } }),
      node('ask', 'core/approval', { title: 'Pay?' }),
      send('pay'),
      node('no', 'core/noop'),
    ],
    edges: [edge('start', 'prepare'), edge('prepare', 'ask'), edge('ask', 'pay', 'approved'), edge('ask', 'no', 'rejected')],
    settings: {},
  });

  test('is gone past with other items by whoever may edit the workflow, not by whoever may run it', async () => {
    const runner = await kit.person('runner');
    const workflowId = await publish(paid());
    const started = await kit.rest(runner, 'POST', '/runs', { workflowId, input: [{ n: 1 }] });
    const { runId } = started.json;
    await expect
      .poll(async () => (await kit.rest(editor, 'GET', `/approvals?runId=${runId}`)).json.rows.length, { timeout: 20_000 })
      .toBe(1);
    const [{ id }] = (await kit.rest(editor, 'GET', `/approvals?runId=${runId}`)).json.rows;
    await kit.rest(editor, 'POST', `/approvals/${id}/decision`, { decision: 'reject' });
    await reaches(runId, 'succeeded');
    calls = [];
    const walks: readonly [string, object][] = [
      [`/runs/${runId}/rerun`, { nodeId: 'pay', items: [{ n: 1, edited: true }] }],
      [`/workflows/${workflowId}/draft/run`, { only: 'pay', items: [{ n: 1, edited: true }] }],
    ];
    for (const [path, body] of walks) {
      const refused = await kit.rest(runner, 'POST', path, body);
      expect([refused.status, refused.json.error?.code, refused.json.error?.params?.node], refused.text).toEqual([403, 'FORBIDDEN', 'ask']);
    }
    const before = await kit.rest(runner, 'POST', `/runs/${runId}/rerun`, { nodeId: 'prepare', items: [{ n: 2 }] });
    expect(before.status, before.text).toBe(202);
    expect(calls).toEqual([]);
    const allowed = await kit.rest(editor, 'POST', ...(walks[0] ?? ['', {}]));
    expect(allowed.status, allowed.text).toBe(202);
    const { status, steps } = await ended(allowed.json.runId);
    expect([status, steps['pay']?.status], JSON.stringify(steps)).toEqual(['succeeded', 'succeeded']);
    expect(calls.map((call) => call.body.edited)).toEqual([true]);
  });

  test('that was broken off is skipped by whoever may edit the workflow alone', async () => {
    const runner = await kit.person('runner');
    const started = await kit.rest(runner, 'POST', '/runs', { workflowId: await publish(paid()), input: [{ n: 1 }] });
    const { runId } = started.json;
    await expect
      .poll(async () => (await kit.rest(editor, 'GET', `/approvals?runId=${runId}`)).json.rows.length, { timeout: 20_000 })
      .toBe(1);
    await act(runId, 'cancel', {}, runner);
    await reaches(runId, 'cancelled');
    calls = [];
    const refused = await act(runId, 'skip', { nodeId: 'ask' }, runner);
    expect([refused.status, refused.json.error?.code], refused.text).toEqual([403, 'FORBIDDEN']);
    expect(calls).toEqual([]);
  });
});
