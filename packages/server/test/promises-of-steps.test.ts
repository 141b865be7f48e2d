/** Promises of the checklist about steps: what they hand on, how they stand, who adds them, and how soon they are told of. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeDescription } from '@plugboard/plugin-host';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Gate, type TestServer, aWorkflow, anEdge, ended, openGate, startTestServer, until } from './test-server.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ env: { PLUGBOARD_EGRESS_ALLOW: '127.0.0.1' } });
});
afterAll(() => server.close());

interface Workflow {
  readonly name: string;
  readonly nodes: readonly object[];
  readonly edges: readonly object[];
}

const aNode = (id: string, type: string, params: object = {}, position = { x: 0, y: 0 }): object => ({
  id,
  type,
  position,
  data: { name: id, typeVersion: 1, params },
});
const aCall = (gate: Gate, id: string): object => aNode(id, 'core/http-request', { url: `${gate.url}${id}`, method: 'GET' });
const idsOf = (nodes: readonly object[]): string[] => nodes.map((node) => (node as { id: string }).id);

/** A webhook and these nodes: one after the other, or along `edges`. */
function behindHook(
  name: string,
  nodes: readonly object[],
  edges?: readonly object[],
  reply: 'immediate' | 'last-step' = 'immediate',
): Workflow {
  const { nodes: hook } = aWorkflow(name, { path: name, reply });
  const ids = ['hook', ...idsOf(nodes)];
  return { schema: 1, name, nodes: [...hook, ...nodes], edges: edges ?? ids.slice(1).map((id, n) => anEdge(ids[n] ?? '', id)) } as Workflow;
}

async function started(path: string, body: object = {}): Promise<string> {
  const { status, json, text } = await server.hook<{ runId: string }>(path, body);
  if (status >= 300) throw new Error(text);
  return json.runId;
}

const workflowId = async (name: string): Promise<string> => {
  const { json } = await server.api<{ rows: { id: string; name: string }[] }>('GET', '/workflows/overview');
  return json.rows.find((row) => row.name === name)?.id ?? '';
};

interface Job {
  readonly name: string;
  readonly status: string;
  readonly itemsIn: number;
}
const jobs = async (id: string): Promise<Record<string, string>> =>
  Object.fromEntries(
    (await server.api<{ rows: Job[] }>('GET', `/executions/${id}/jobs`)).json.rows.map(({ name, status }) => [name, status]),
  );

describe('branches side by side', () => {
  test('S0-022 S0-107 S1-034: eight branches of equal work wait for one answer time instead of eight, and meet with what each of them gave', async () => {
    const gate = await openGate(
      (req, res) => void res.setHeader('content-type', 'application/json').end(JSON.stringify({ path: req.url })),
    );
    const calls = Array.from({ length: 8 }, (_, n) => aCall(gate, `b${n}`));
    const ids = idsOf(calls);
    await server.publish(
      behindHook(
        'fan-out',
        [...calls, aNode('meet', 'core/join', { policy: 'all' })],
        ids.flatMap((id) => [anEdge('hook', id), anEdge(id, 'meet')]),
        'last-step',
      ),
      behindHook('one-by-one', calls),
    );

    const answer = server.hook<{ path: string }[]>('fan-out', {});
    // All are under way before any is answered: the service is waited for once.
    await until(
      () => gate.held,
      (held) => held === 8,
    );
    for (let n = 0; n < 8; n += 1) gate.letOne();
    expect((await answer).json.map(({ path }) => path)).toEqual(ids.map((id) => `/${id}`));

    // The same work as a row of steps: the service is waited for eight times.
    const id = await started('one-by-one');
    let rounds = 0;
    for (; rounds < 8; rounds += 1) {
      await until(
        () => gate.held,
        (held) => held > 0,
      );
      expect(gate.seen).toHaveLength(8 + rounds + 1);
      gate.letOne();
    }
    expect((await ended(server, id)).status).toBe('succeeded');
    expect(1 - 1 / rounds).toBeGreaterThanOrEqual(0.6);
    await gate.close();
  });

  test('S1-037 S3-031: each step may name what any step before it gave, and branches that write the same field do not touch each other', async () => {
    const write = (id: string): object => aNode(id, 'core/set', { keep: 'all', fields: { value: `={{ '${id} of ' + $json.value }}` } });
    const ids = Array.from({ length: 6 }, (_, n) => `side-${n}`);
    const seen = ids.map((id) => `$('${id}').first().json.value`).join(', ');
    await server.publish(
      behindHook(
        'context',
        [
          aNode('first', 'core/set', { keep: 'none', fields: { value: '={{ $json.body.value }}' } }),
          ...ids.map(write),
          aNode('meet', 'core/join', { policy: 'all' }),
          aNode('all', 'core/aggregate', { operations: [{ op: 'count' }] }),
          aNode('tell', 'core/set', { keep: 'none', fields: { first: "={{ $('first').first().json.value }}", seen: `={{ [${seen}] }}` } }),
        ],
        [
          anEdge('hook', 'first'),
          ...ids.flatMap((id) => [anEdge('first', id), anEdge(id, 'meet')]),
          anEdge('meet', 'all'),
          anEdge('all', 'tell'),
        ],
        'last-step',
      ),
    );
    const answers = await Promise.all(['a', 'b', 'c'].map((value) => server.hook<object>('context', { value })));
    expect(answers.map(({ json }) => json)).toEqual(
      ['a', 'b', 'c'].map((first) => ({ first, seen: ids.map((id) => `${id} of ${first}`) })),
    );
  });
});

describe('values that are put into fields', () => {
  test('S1-038: come from variables and from steps before; what is missing has its default, or is a clear error before anything is sent', async () => {
    const gate = await openGate();
    gate.open();
    expect((await server.api('PUT', '/variables/region', { value: 'north' })).status).toBeLessThan(300);
    const asking = (name: string, url: string): Workflow => behindHook(name, [aNode('call', 'core/http-request', { url, method: 'GET' })]);
    const place = `${gate.url}{{ $vars.region }}/{{ $json.body.who ?? 'nobody' }}`;
    await server.publish(
      asking('filled-in', `=${place}`),
      asking('deeper', `=${gate.url}{{ $json.body.person.name }}`),
      asking('whole', '={{ $vars.address }}'),
    );
    for (const body of [{ who: 'Ada' }, {}]) expect((await ended(server, await started('filled-in', body))).status).toBe('succeeded');
    expect(gate.seen.map(({ path }) => path)).toEqual(['/north/Ada', '/north/nobody']);

    const failures: unknown[] = [];
    for (const name of ['deeper', 'whole']) {
      const { status, error } = await ended(server, await started(name));
      failures.push([status, error?.code, error?.message]);
    }
    expect(failures).toEqual([
      ['failed', 'EXPR_NO_VALUE', expect.stringContaining('name')],
      ['failed', 'PARAM_MISSING', expect.stringContaining('url')],
    ]);
    // A name that cannot exist is not even published.
    const unknown = await server.api<{ error: { problems: { code: string }[] } }>('POST', '/workflows/import', {
      definition: asking('unknown', '={{ $region.name }}'),
      publish: true,
    });
    expect([unknown.status, unknown.json.error.problems.map(({ code }) => code)]).toEqual([422, ['EXPR_UNKNOWN_NAME']]);
    expect(gate.seen).toHaveLength(2);
    await gate.close();
  });
});

describe('what a workflow, its runs and their steps are', () => {
  test('S0-013: a run tells in which of the six modes it goes', async () => {
    const row = [aNode('one', 'core/noop'), aNode('two', 'core/noop')];
    const fork = [aNode('if', 'core/if', { condition: true }), ...row];
    const beginning = (name: string, trigger: object, more: object = {}): object => ({
      schema: 1,
      name,
      nodes: [trigger, ...row],
      edges: [anEdge('start', 'one'), anEdge('one', 'two')],
      ...more,
    });
    await server.publish(
      behindHook('mode-row', row),
      behindHook('mode-fork', fork, [anEdge('hook', 'if'), anEdge('hook', 'two'), anEdge('if', 'one', 'true')]),
      beginning('mode-repeats', aNode('start', 'core/manual'), { settings: { repeat: { times: 1 } } }),
      beginning('mode-time', aNode('start', 'core/schedule', { cron: '* * * * * *' })),
    );
    await server.api('POST', '/runs', { workflow: 'mode-repeats' });
    for (const name of ['mode-row', 'mode-fork']) await started(name);
    const modes: unknown[] = [];
    for (const name of ['mode-row', 'mode-fork', 'mode-repeats', 'mode-time']) {
      const [run] = await until(
        async () => (await server.api<{ runs: { id: string }[] }>('GET', `/runs?workflow=${name}`)).json.runs,
        (runs) => runs.length > 0,
      );
      modes.push((await server.api<{ modes: string[] }>('GET', `/runs/${run?.id}/detail`)).json.modes);
    }
    expect(modes).toEqual([
      ['triggered', 'sequential'],
      ['triggered', 'parallel', 'conditional'],
      ['triggered', 'continuous', 'sequential'],
      ['scheduled', 'sequential'],
    ]);
    expect((await server.api('DELETE', `/workflows/${await workflowId('mode-time')}`)).status).toBeLessThan(300);
  });

  test('S2-082 S2-083: a step is to come, at work, and then succeeded, failed or skipped', async () => {
    const gate = await openGate(
      (req, res) => void res.writeHead(req.url === '/no' ? 404 : 200, { 'content-type': 'application/json' }).end('{}'),
    );
    await server.publish(
      behindHook(
        'states-of-steps',
        [
          aNode('choose', 'core/if', { condition: true }),
          aCall(gate, 'yes'),
          aNode('other', 'core/noop'),
          aCall(gate, 'no'),
          aNode('never', 'core/noop'),
        ],
        [
          anEdge('hook', 'choose'),
          anEdge('choose', 'yes', 'true'),
          anEdge('choose', 'other', 'false'),
          anEdge('yes', 'no'),
          anEdge('no', 'never'),
        ],
      ),
    );
    const id = await started('states-of-steps');
    const atCall = async (count: number, name: string) => {
      await until(
        () => gate.seen.length,
        (seen) => seen === count,
      );
      return until(
        () => jobs(id),
        (all) => all[name] === 'active',
      );
    };
    const { hook: _, ...first } = await atCall(1, 'yes');
    expect(first).toEqual({ choose: 'succeeded', yes: 'active', other: 'skipped', no: 'blocked', never: 'blocked' });
    gate.letOne();
    expect(await atCall(2, 'no')).toMatchObject({ yes: 'succeeded', no: 'active', never: 'blocked' });
    gate.letOne();
    expect((await ended(server, id)).status).toBe('failed');
    expect(await jobs(id)).toMatchObject({ yes: 'succeeded', no: 'failed', other: 'skipped', never: 'skipped' });
    await gate.close();
  });

  test('S2-078 S2-079: a workflow has nodes with type, configuration and place, and runs with steps; nothing belongs to what is not there', async () => {
    const nodes = [
      aNode('say', 'core/set', { keep: 'none', fields: { n: 1 } }, { x: 240, y: -60 }),
      aNode('pass', 'core/noop', {}, { x: 480.5, y: 120 }),
    ];
    await server.publish(behindHook('owned', nodes));
    const id = await workflowId('owned');
    const runs = [await started('owned'), await started('owned')];
    for (const run of runs) await ended(server, run);

    const { json } = await server.api<{ definition: Workflow }>('GET', `/workflows/executions/${runs[0]}`);
    expect(json.definition.nodes.slice(1)).toEqual(nodes);
    const list = await server.api<{ rows: { id: string }[] }>('GET', `/executions?workflowId=${id}`);
    expect(list.json.rows.map((row) => row.id).toSorted()).toEqual(runs.toSorted());
    for (const run of runs) expect(Object.keys(await jobs(run))).toEqual(['hook', 'say', 'pass']);

    const nobody = crypto.randomUUID();
    expect((await server.api('POST', '/executions/launch', { workflowId: nobody })).status).toBe(404);
    expect((await server.api('GET', `/executions/${nobody}/jobs`)).status).toBe(404);
    const astray = await server.api<{ error: { problems: { code: string }[] } }>('POST', '/workflows/import', {
      definition: { ...behindHook('astray', nodes), edges: [anEdge('hook', 'say'), anEdge('say', 'gone')] },
    });
    expect(astray.json.error.problems.map(({ code }) => code)).toContain('EDGE_NODE_MISSING');
    // Once it is in the trash it is started no more, and its runs can still be read.
    expect((await server.api('DELETE', `/workflows/${id}`)).status).toBeLessThan(300);
    expect((await server.api('POST', '/executions/launch', { workflowId: id })).status).toBe(404);
    expect(Object.keys(await jobs(runs[0] ?? ''))).toEqual(['hook', 'say', 'pass']);
  });
});

test('S0-016: a plugin of its own brings a source, a prompt, a condition, a transform and an output, and a run goes through all of them', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'plugboard-plugin-'));
  const files = { bundleFile: join(folder, 'plugin.mjs'), irFile: join(folder, 'plugin.ir.json') };
  await writeFile(files.bundleFile, HOUSE_PLUGIN);
  await writeDescription(files.bundleFile, files.irFile);
  const own = await startTestServer({ plugins: [files] });
  await own.publish(
    behindHook(
      'house',
      [
        aNode('source', 'house/source', { count: 3 }),
        aNode('prompt', 'house/prompt', { text: '=Describe lamp {{ $json.n }}' }),
        aNode('condition', 'house/odd'),
        aNode('transform', 'house/loud'),
        aNode('output', 'house/output'),
      ],
      [
        anEdge('hook', 'source'),
        anEdge('source', 'prompt'),
        anEdge('prompt', 'condition'),
        anEdge('condition', 'transform', 'odd'),
        anEdge('transform', 'output'),
      ],
      'last-step',
    ),
  );
  expect((await own.hook('house', {})).json).toEqual({ answers: ['DESCRIBE LAMP 1', 'DESCRIBE LAMP 3'] });
  const types = (await own.api<{ types: { type: string }[] }>('GET', '/catalog')).text;
  for (const type of ['source', 'prompt', 'odd', 'loud', 'output']) expect(types).toContain(`house/${type}`);
  await own.close();
  await rm(folder, { recursive: true, force: true });
});

/** As its author would write it: nothing of the server or the engine is known to it. */
const HOUSE_PLUGIN = `
import { defineNode, definePlugin, item, p } from '${import.meta.resolve('@plugboard/sdk')}';
const common = { version: 1, group: 'House', effects: 'none' };
const ports = { outputs: [{ id: 'odd' }, { id: 'even' }] };
export default definePlugin({
  id: 'house',
  title: 'House',
  version: '1.0.0',
  nodes: [
    defineNode({ ...common, id: 'source', title: 'Source', per: 'batch', params: { count: p.number().title('Count').required() },
      run: ({ params }) => Array.from({ length: params.count }, (_, n) => item({ n: n + 1 })) }),
    defineNode({ ...common, id: 'prompt', title: 'Prompt', per: 'item', params: { text: p.text().title('Text').required() },
      run: ({ params, item: one }) => ({ ...one.json, prompt: params.text }) }),
    defineNode({ ...common, id: 'odd', title: 'Odd', per: 'item', ports, params: {},
      run: ({ item: one }) => item(one.json, { port: one.json.n % 2 === 1 ? 'odd' : 'even' }) }),
    defineNode({ ...common, id: 'loud', title: 'Loud', per: 'item', params: {}, run: ({ item: one }) => ({ answer: one.json.prompt.toUpperCase() }) }),
    defineNode({ ...common, id: 'output', title: 'Output', per: 'batch', params: {},
      run: ({ items }) => [item({ answers: items.map((one) => one.json.answer) })] }),
  ],
});
`;

describe('how soon', () => {
  test('S2-013: 200 launches of a workflow of 50 nodes are checked, stored and answered, 95 of 100 within half a second', async () => {
    await server.publish(
      behindHook(
        'fifty',
        Array.from({ length: 49 }, (_, n) => aNode(`n${n}`, 'core/noop')),
      ),
    );
    const id = await workflowId('fifty');
    const tookMs: number[] = [];
    const launched: string[] = [];
    for (let n = 0; n < 200; n += 1) {
      const from = performance.now();
      const { status, json } = await server.api<{ id: string }>('POST', '/executions/launch', { workflowId: id, input: { n } });
      tookMs.push(performance.now() - from);
      expect(status).toBe(202);
      launched.push(json.id);
    }
    expect(tookMs.toSorted((a, b) => a - b)[189]).toBeLessThan(500);
    for (const run of launched) expect((await ended(server, run)).status).toBe('succeeded');
  });

  test('S2-016: while ten runs have twenty calls each under way, a step that has ended is told of within two seconds', async () => {
    // Two services: to one address no more connections are opened at once than are good for it.
    const gates = [await openGate(), await openGate()];
    const calls = Array.from({ length: 20 }, (_, n) =>
      aNode(`c${n}`, 'core/http-request', { url: '={{ $json.body.url + $run.id }}', method: 'GET' }),
    );
    await server.publish(
      behindHook(
        'two-hundred',
        calls,
        idsOf(calls).map((id) => anEdge('hook', id)),
      ),
    );
    const runs: string[] = [];
    for (let n = 0; n < 10; n += 1) runs.push(await started('two-hundred', { url: gates[n % 2]?.url }));
    const held = (): number => gates.reduce((sum, gate) => sum + gate.held, 0);
    await until(held, (count) => count === 200);
    const succeeded = async (id: string) =>
      (await server.api<{ steps: { succeeded: number } }>('GET', `/executions/${id}/status`)).json.steps.succeeded;
    const tookMs: number[] = [];
    for (const gate of gates) {
      for (const { path } of gate.seen.slice(0, 10)) {
        const id = path.slice(1);
        const before = await succeeded(id);
        const from = performance.now();
        gate.letOne();
        await until(
          () => succeeded(id),
          (now) => now > before,
        );
        tookMs.push(performance.now() - from);
      }
    }
    expect(held()).toBe(180);
    expect(tookMs.toSorted((a, b) => a - b)[18]).toBeLessThan(2000);
    for (const gate of gates) gate.open();
    for (const id of runs) expect((await ended(server, id)).status).toBe('succeeded');
    for (const gate of gates) await gate.close();
  });
});
