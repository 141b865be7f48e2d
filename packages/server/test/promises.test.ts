/** Promises of the checklist that a caller can see from outside, each through the whole server. docs/promises.md lists them. */
import { type IncomingMessage, type Server, type ServerResponse, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type TestServer, aWorkflow, anEdge, ended, openGate, startTestServer, until } from './test-server.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ env: { PLUGBOARD_EGRESS_ALLOW: '127.0.0.1' } });
});
afterAll(() => server.close());

interface Workflow {
  nodes: object[];
  edges: object[];
}

function aNode(id: string, type: string, params: object, policy: object = {}): object {
  return { id, type, position: { x: 0, y: 0 }, data: { name: id, typeVersion: 1, params, ...policy } };
}

/** The webhook leads to each of the nodes. */
function fannedOut(workflow: Workflow, nodes: readonly object[]): Workflow {
  workflow.nodes.push(...nodes);
  for (const node of nodes) workflow.edges.push(anEdge('hook', (node as { id: string }).id));
  return workflow;
}

interface Call {
  readonly path: string;
  readonly at: number;
  /** The caller gave up before it had its answer. */
  readonly wasLeft: () => boolean;
  readonly answer: (status: number) => void;
}

/** A service that holds each call until the test answers it, or answers at once when `answers` says with what. */
async function aService(
  answers?: (path: string, nth: number) => number,
): Promise<{ url: string; calls: Call[]; close: () => Promise<void> }> {
  const calls: Call[] = [];
  const http: Server = createServer((req: IncomingMessage, res: ServerResponse) => {
    const path = req.url ?? '';
    let wasLeft = false;
    res.on('close', () => (wasLeft = !res.writableEnded));
    const answer = (status: number): void =>
      void res.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify({ path }));
    calls.push({ path, at: performance.now(), wasLeft: () => wasLeft, answer });
    if (answers) answer(answers(path, calls.length));
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}`,
    calls,
    close: () =>
      new Promise((resolve) => {
        http.close(() => resolve());
        http.closeAllConnections();
      }),
  };
}

const called = (calls: readonly Call[], count: number): Promise<number> =>
  until(
    () => calls.length,
    (length) => length >= count,
  );

interface RunWithSteps {
  readonly status: string;
  readonly steps: readonly {
    readonly node: string;
    readonly status: string;
    readonly attempt: number;
    readonly startedAt: string;
    readonly endedAt: string;
    readonly error?: { readonly code: string };
  }[];
}

async function stepsOf(runId: string): Promise<RunWithSteps> {
  return (await server.api<RunWithSteps>('GET', `/runs/${runId}`)).json;
}

describe('how the steps of a workflow follow each other', () => {
  test('S0-007: a step never starts before the one it follows has finished', async () => {
    const service = await aService();
    const call = (id: string): [string, string, object] => [id, 'core/http-request', { url: `${service.url}/${id}`, method: 'GET' }];
    await server.publish(aWorkflow('Sequential', { path: 'sequential', reply: 'immediate' }, call('a'), call('b'), call('c')));
    const { json } = await server.hook<{ runId: string }>('sequential', {});
    for (const i of [0, 1, 2]) {
      await called(service.calls, i + 1);
      expect(service.calls.map(({ path }) => path)).toEqual(['/a', '/b', '/c'].slice(0, i + 1));
      service.calls[i]?.answer(200);
    }
    expect((await ended(server, json.runId)).status).toBe('succeeded');
    const steps = (await stepsOf(json.runId)).steps;
    steps.slice(1).forEach((step, i) => expect(step.startedAt >= (steps[i]?.endedAt ?? 'never')).toBe(true));
    await service.close();
  });

  test('S0-008: independent branches run at the same time', async () => {
    const service = await aService();
    const ids = ['b1', 'b2', 'b3', 'b4', 'b5'];
    const calls = ids.map((id) => aNode(id, 'core/http-request', { url: `${service.url}/${id}`, method: 'GET' }));
    await server.publish(fannedOut(aWorkflow('Parallel', { path: 'parallel' }), calls));
    const answer = server.hook<object[]>('parallel', {});
    // None of them is answered before all five have called.
    await called(service.calls, 5);
    for (const call of service.calls) call.answer(200);
    const { status, json } = await answer;
    expect([status, json.length]).toEqual([200, 5]);
    await service.close();
  });

  test('S0-009: a condition sends each item to one branch, of two or of many; the branch not taken is skipped, not failed', async () => {
    const workflow = aWorkflow(
      'Conditional',
      { path: 'conditional' },
      [
        'kind',
        'core/switch',
        {
          rules: [
            { port: 'small', condition: '={{ $json.body.n < 10 }}' },
            { port: 'large', condition: '={{ $json.body.n < 100 }}' },
          ],
        },
      ],
      ['even', 'core/if', { condition: '={{ $json.body.n % 2 == 0 }}' }],
    );
    workflow.edges.pop();
    workflow.edges.push(anEdge('hook', 'even'));
    const leaves = [
      ['kind', 'small'],
      ['kind', 'large'],
      ['kind', 'default'],
      ['even', 'true'],
      ['even', 'false'],
    ] as const;
    for (const [from, port] of leaves) {
      workflow.nodes.push(aNode(`is-${port}`, 'core/set', { keep: 'none', fields: { is: port } }));
      workflow.edges.push(anEdge(from, `is-${port}`, port));
    }
    await server.publish(workflow);
    for (const [n, kind, even] of [
      [4, 'small', 'true'],
      [11, 'large', 'false'],
      [500, 'default', 'true'],
    ] as const) {
      expect((await server.hook('conditional', { n })).json).toEqual([{ is: kind }, { is: even }]);
      const run = await stepsOf('last');
      expect(run.status).toBe('succeeded');
      const statuses = Object.fromEntries(
        run.steps.filter(({ node }) => node.startsWith('is-')).map(({ node, status }) => [node.slice(3), status]),
      );
      expect(statuses).toEqual(
        Object.fromEntries(leaves.map(([, port]) => [port, port === kind || port === even ? 'succeeded' : 'skipped'])),
      );
    }
  });

  test.each([1, 3])(
    'S0-089 S1-012: a step carries out at most %i items at a time, and its result keeps their order',
    async (concurrency) => {
      const service = await aService();
      const workflow = aWorkflow(`Each ${concurrency}`, { path: `each/${concurrency}` }, ['list', 'core/split', { field: 'body.list' }]);
      workflow.nodes.push(
        aNode('call', 'core/http-request', { url: `={{ "${service.url}/" + $json.id }}`, method: 'GET' }, { concurrency }),
      );
      workflow.edges.push(anEdge('list', 'call'));
      await server.publish(workflow);
      const answer = server.hook<{ body: { path: string } }[]>(`each/${concurrency}`, { list: [1, 2, 3, 4, 5, 6].map((id) => ({ id })) });
      const open = new Set<Call>();
      for (let done = 0; done < 6; done += 1) {
        await called(service.calls, Math.min(6, done + concurrency));
        for (const call of service.calls.slice(done)) open.add(call);
        expect(service.calls.length - done).toBeLessThanOrEqual(concurrency);
        // The newest first, so that the answers come in another order than the items.
        const newest = [...open].at(-1);
        if (!newest) throw new Error('no call is open');
        newest.answer(200);
        open.delete(newest);
        service.calls.splice(service.calls.indexOf(newest), 1);
        service.calls.splice(done, 0, newest);
      }
      const { status, json } = await answer;
      expect(status).toBe(200);
      expect(json.map((item) => JSON.stringify(item)).map((text) => /\/(\d)"/.exec(text)?.[1])).toEqual(['1', '2', '3', '4', '5', '6']);
      await service.close();
    },
  );
});

describe('steps that fail', () => {
  test('S0-017 S0-061 S1-012: are tried again with growing pauses as their policy says, every attempt is recorded, and what cannot help is not tried again', async () => {
    const service = await aService((path, nth) => (path === '/no' ? 404 : nth < 4 ? 503 : 200));
    const retry = { maxAttempts: 4, firstDelayMs: 40, factor: 2, jitter: 'none' };
    for (const path of ['flaky', 'no']) {
      const workflow = aWorkflow(`Retry ${path}`, { path: `retry/${path}` });
      workflow.nodes.push(aNode('call', 'core/http-request', { url: `${service.url}/${path}`, method: 'GET' }, { retry }));
      workflow.edges.push(anEdge('hook', 'call'));
      await server.publish(workflow);
    }
    expect((await server.hook('retry/flaky', {})).status).toBe(200);
    expect(service.calls).toHaveLength(4);
    const gaps = service.calls.slice(1).map((call, i) => call.at - (service.calls[i]?.at ?? 0));
    // Timers may be a millisecond early.
    [40, 80, 160].forEach((pauseMs, i) => expect(gaps[i]).toBeGreaterThanOrEqual(pauseMs - 2));
    expect((await stepsOf('last')).steps.find(({ node }) => node === 'call')).toMatchObject({ status: 'succeeded', attempt: 4 });
    expect((await server.hook('retry/no', {})).status).toBe(500);
    expect(service.calls).toHaveLength(5);
    expect((await stepsOf('last')).steps.find(({ node }) => node === 'call')).toMatchObject({ status: 'failed', attempt: 1 });
    await service.close();
  });

  test(
    'S0-104 S0-106: of 1,000 runs with one call in twenty failing for the moment, at least 95 % succeed',
    { timeout: 240_000 },
    async () => {
      const service = await aService((_, nth) => (nth % 20 === 0 ? 503 : 200));
      const workflow = aWorkflow('Soak', { path: 'soak' });
      workflow.nodes.push(
        aNode(
          'call',
          'core/http-request',
          { url: service.url, method: 'GET' },
          { retry: { maxAttempts: 4, firstDelayMs: 1, jitter: 'none' } },
        ),
      );
      workflow.edges.push(anEdge('hook', 'call'));
      await server.publish(workflow);
      const statuses: number[] = [];
      const callers = Array.from({ length: 20 }, async () => {
        for (let i = 0; i < 50; i += 1) statuses.push((await server.hook('soak', {})).status);
      });
      await Promise.all(callers);
      expect(statuses).toHaveLength(1000);
      expect(service.calls.length).toBeGreaterThanOrEqual(1050);
      expect(statuses.filter((status) => status === 200).length).toBeGreaterThanOrEqual(950);
      await service.close();
    },
  );
});

describe('limits of time', () => {
  test('S0-023 S0-102 S1-012: a step, and a run, that take longer than they may are aborted, down to the call they were making, and say so', async () => {
    const service = await aService();
    // Long enough that a busy machine has made the call before its time is over.
    const step = aWorkflow('Slow step', { path: 'slow/step' });
    step.nodes.push(
      aNode('call', 'core/http-request', { url: `${service.url}/step`, method: 'GET' }, { timeoutMs: 1500, retry: { maxAttempts: 1 } }),
    );
    step.edges.push(anEdge('hook', 'call'));
    const run = {
      ...aWorkflow('Slow run', { path: 'slow/run' }, ['call', 'core/http-request', { url: `${service.url}/run`, method: 'GET' }]),
      settings: { timeoutMs: 1500 },
    };
    await server.publish(step, run);

    expect((await server.hook('slow/step', {})).json).toMatchObject({ error: { code: 'STEP_TIMEOUT' } });
    expect((await stepsOf('last')).steps.find(({ node }) => node === 'call')).toMatchObject({
      status: 'failed',
      error: { code: 'STEP_TIMEOUT' },
    });
    expect((await server.hook('slow/run', {})).status).toBe(500);
    expect((await stepsOf('last')).status).toBe('timed_out');
    await until(
      () => service.calls.filter((call) => call.wasLeft()).map(({ path }) => path),
      (left) => left.includes('/step') && left.includes('/run'),
    );
    await service.close();
  });
});

describe('many at once', () => {
  test(
    'S0-105: a hundred runs that wait for a service are in flight together; all complete, and no call is lost or doubled',
    { timeout: 240_000 },
    async () => {
      const gate = await openGate();
      await server.publish(
        aWorkflow('Hundred', { path: 'hundred' }, [
          'call',
          'core/http-request',
          { url: `={{ "${gate.url}" + $json.body.n }}`, method: 'GET' },
        ]),
      );
      const answers = Promise.all(Array.from({ length: 100 }, (_, n) => server.hook('hundred', { n })));
      await until(
        () => gate.held,
        (held) => held === 100,
      );
      gate.open();
      expect(new Set((await answers).map(({ status }) => status))).toEqual(new Set([200]));
      expect(gate.seen.map(({ path }) => path).toSorted()).toEqual(Array.from({ length: 100 }, (_, n) => `/${n}`).toSorted());
      await gate.close();
    },
  );
});

describe('code that people write', () => {
  const run = async (code: string): Promise<{ status: number; code: string; json: unknown }> => {
    await server.publish(aWorkflow('Hostile', { path: 'hostile' }, ['code', 'core/code', { code }]));
    const { status, json } = await server.hook<{ error?: { code: string } }>('hostile', {});
    return { status, json, code: json.error?.code ?? '' };
  };

  test.each([
    ['the process', 'return { found: typeof process }'],
    ['modules', 'return { found: typeof require("node:fs") }'],
    ['the process by way of a constructor', 'return { found: typeof (function () {}).constructor("return this")().process }'],
    ['the process by way of an item', 'return { found: typeof $json.constructor.constructor("return this")().process }'],
  ])('S0-103: code does not reach %s', async (_, code) => {
    const answer = await run(code);
    // Either there is no such thing, or asking for it already fails.
    expect(answer.status === 200 ? answer.json : { found: 'undefined' }).toEqual({ found: 'undefined' });
  });

  test('S0-103: code does not reach the network', async () => {
    const service = await aService(() => 200);
    for (const code of [
      `return await fetch("${service.url}/")`,
      `const x = new XMLHttpRequest(); x.open("GET", "${service.url}/"); x.send()`,
      `new WebSocket("${service.url}/")`,
    ]) {
      expect((await run(code)).status, code).toBe(500);
    }
    expect(service.calls).toEqual([]);
    await service.close();
  });

  test('S0-103: code does not load modules, change what the next run sees, compute for ever or fill the memory', async () => {
    expect((await run('return await import("node:fs")')).status).toBe(500);
    await run('Object.prototype.polluted = 1; globalThis.left = 1; return {}');
    expect((await run('return { polluted: ({}).polluted ?? null, left: typeof left }')).json).toEqual({
      polluted: null,
      left: 'undefined',
    });
    expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false);
    expect((await run('for (;;) {}')).code).toBe('CODE_TIMEOUT');
    expect((await run('const a = []; for (;;) a.push("x".repeat(1e6) + a.length)')).code).toMatch(/^CODE_(MEMORY|TIMEOUT)$/);
    expect((await run('return { ok: 1 + 1 }')).json).toEqual({ ok: 2 });
  });
});
