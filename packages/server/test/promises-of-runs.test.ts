/** Promises of the checklist about what a run may do and what may be done to it, each through the whole server. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Gate, type TestServer, aWorkflow, anEdge, ended, openGate, pauseTaken, startTestServer, until } from './test-server.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ env: { PLUGBOARD_EGRESS_ALLOW: '127.0.0.1' } });
});
afterAll(() => server.close());

interface Workflow {
  nodes: object[];
  edges: object[];
}
interface State {
  readonly status: string;
  readonly waitingFor?: string;
}
interface Step {
  readonly node: string;
  readonly status: string;
  readonly attempt: number;
}
interface Seen extends State {
  readonly progress?: { readonly percent: number };
  readonly steps: readonly Step[];
  readonly trigger: string;
}

const aNode = (id: string, type: string, params: object = {}, policy: object = {}): object => ({
  id,
  type,
  position: { x: 0, y: 0 },
  data: { name: id, typeVersion: 1, params, ...policy },
});
const aCall = (gate: Gate, id: string, policy: object = {}): object =>
  aNode(id, 'core/http-request', { url: `${gate.url}${id}`, method: 'GET' }, policy);

/** One after the other, behind a webhook that answers at once. */
function chain(name: string, nodes: readonly object[], more: object = {}): Workflow & object {
  const workflow = aWorkflow(name, { path: name, reply: 'immediate' });
  const ids = ['hook', ...nodes.map((node) => (node as { id: string }).id)];
  return {
    ...workflow,
    ...more,
    nodes: [...workflow.nodes, ...nodes],
    edges: ids.slice(1).map((id, n) => anEdge(ids[n] ?? '', id)),
  };
}

async function started(path: string, body: object = {}): Promise<string> {
  const { status, json, text } = await server.hook<{ runId: string }>(path, body);
  if (status >= 300) throw new Error(text);
  return json.runId;
}
const state = async (runId: string): Promise<State> => (await server.api<State>('GET', `/runs/${runId}/state`)).json;
const run = async (runId: string): Promise<Seen> => (await server.api<Seen>('GET', `/runs/${runId}`)).json;
const stepStates = async (runId: string): Promise<Record<string, string>> =>
  Object.fromEntries((await run(runId)).steps.map(({ node, status }) => [node, status]));
const held = (gate: Gate, count: number) =>
  until(
    () => gate.held,
    (n) => n >= count,
  );

describe('what starts a run', () => {
  test('S0-012: a webhook, a call of the API and another run each start one with their payload, and the run says which it was', async () => {
    const take = aNode('take', 'core/set', { keep: 'none', fields: { n: '={{ $json.body?.n ?? $json.n }}' } });
    const called = aNode('called', 'core/called');
    const all = chain('mode-all', [take]);
    await server.publish({ ...all, nodes: [...all.nodes, called], edges: [...all.edges, anEdge('called', 'take')] });
    const caller = aNode('call', 'core/call-workflow', { workflow: 'mode-all' });
    await server.publish(chain('mode-caller', [aNode('n', 'core/set', { keep: 'none', fields: { n: 3 } }), caller]));

    const byHook = await started('mode-all', { n: 1 });
    const byApi = (await server.api<{ runId: string }>('POST', '/runs', { workflow: 'mode-all', trigger: 'hook', input: { n: 2 } })).json
      .runId;
    const parent = await started('mode-caller');
    await ended(server, parent);
    const { rows } = (await server.api<{ rows: { id: string }[] }>('GET', `/runs/${parent}/called`)).json;
    const seen: unknown[] = [];
    for (const id of [byHook, byApi, rows[0]?.id ?? '']) {
      await ended(server, id);
      seen.push([(await run(id)).trigger, (await server.api<{ output: unknown }>('GET', `/runs/${id}/output`)).json.output]);
    }
    expect(seen).toEqual([
      ['webhook', [{ n: 1 }]],
      ['manual', [{ n: 2 }]],
      ['parent', [{ n: 3 }]],
    ]);
  });

  test('S1-013: the same delivery twice runs the workflow once', async () => {
    await server.publish(aWorkflow('twice', { path: 'twice', reply: 'immediate', dedupe: 'header' } as never, ['pass', 'core/noop']));
    const send = () =>
      server.hook<{ runId: string }>('twice', { n: 1 }, { headers: { 'content-type': 'application/json', 'idempotency-key': 'the-one' } });
    const answers = await Promise.all([send(), send(), send()]);
    expect(new Set(answers.map(({ json }) => json.runId)).size).toBe(1);
  });
});

describe('what a failed step does', () => {
  test('S0-018 S3-034: stops the run and names itself, unless its policy lets the item go on, sends it to another branch, or another workflow hears of it', async () => {
    const broken = (id: string, policy: object = {}): object => aNode(id, 'core/stop', { message: 'no way' }, policy);
    await server.publish(chain('on-error-stop', [broken('bad'), aNode('after', 'core/noop')]));
    await server.publish(chain('on-error-go-on', [broken('bad', { onError: 'continue' }), aNode('after', 'core/noop')]));
    const routed = chain('on-error-route', [broken('bad', { onError: 'route' }), aNode('after', 'core/noop')]);
    await server.publish({
      ...routed,
      nodes: [...routed.nodes, aNode('mend', 'core/noop')],
      edges: [...routed.edges, anEdge('bad', 'mend', 'error')],
    });
    await server.publish(
      {
        schema: 1,
        name: 'on-error-hears',
        nodes: [aNode('failed', 'core/error-trigger'), aNode('note', 'core/noop')],
        edges: [anEdge('failed', 'note')],
        settings: {},
      },
      chain('on-error-told', [broken('bad')], { settings: { errorWorkflow: 'on-error-hears' } }),
    );
    const ends: unknown[] = [];
    for (const name of ['on-error-stop', 'on-error-go-on', 'on-error-route', 'on-error-told']) {
      const id = await started(name);
      const { status, error } = await ended(server, id);
      const { hook: _, ...steps } = await stepStates(id);
      ends.push([status, error?.message, steps]);
    }
    expect(ends).toMatchObject([
      ['failed', expect.stringContaining('no way'), { bad: 'failed', after: 'skipped' }],
      ['succeeded', undefined, { bad: 'succeeded', after: 'succeeded' }],
      ['succeeded', undefined, { bad: 'succeeded', after: 'skipped', mend: 'succeeded' }],
      ['failed', expect.stringContaining('no way'), { bad: 'failed' }],
    ]);
    const heard = await until(
      async () => (await server.api<{ runs: { id: string; status: string }[] }>('GET', '/runs?workflow=on-error-hears')).json.runs,
      (runs) => runs[0]?.status === 'succeeded',
    );
    expect(heard).toHaveLength(1);
  });
});

describe('what may be done to a run', () => {
  test('S1-016 S3-035: stopping it aborts the call it makes, starts nothing behind it, and keeps what is done', async () => {
    const gate = await openGate();
    await server.publish(chain('stopped', [aNode('first', 'core/noop'), aCall(gate, 'slow'), aNode('never', 'core/noop')]));
    const id = await started('stopped');
    await held(gate, 1);
    await server.api('POST', `/runs/${id}/cancel`, {});
    expect((await ended(server, id)).status).toBe('cancelled');
    expect(await stepStates(id)).toMatchObject({ first: 'succeeded', slow: 'cancelled', never: 'skipped' });
    await gate.close();
  });

  test('S2-081: only what fits its state may be done; anything else is refused with that state and changes nothing', async () => {
    const gate = await openGate();
    await server.publish(chain('states', [aCall(gate, 'one'), aNode('two', 'core/noop')]));
    const act = async (id: string, what: string) => {
      const { status, json } = await server.api<{ error?: { code: string } }>('POST', `/runs/${id}/${what}`, { waitMs: 0 });
      return status < 300 ? 'done' : `${status} ${json.error?.code}`;
    };
    const id = await started('states');
    await held(gate, 1);
    await until(
      () => state(id),
      ({ status }) => status === 'running',
    );
    expect([await act(id, 'resume'), (await state(id)).status]).toEqual(['409 RUN_STATE', 'running']);
    expect(await act(id, 'pause')).toBe('done');
    await pauseTaken(server, id);
    gate.open();
    await until(
      () => state(id),
      ({ status }) => status === 'paused',
    );
    // Many at once: one of each kind counts, and the run is in one state afterwards.
    const answers = await Promise.all(Array.from({ length: 8 }, () => act(id, 'resume')));
    expect(answers).toContain('done');
    expect((await ended(server, id)).status).toBe('succeeded');
    for (const what of ['pause', 'resume', 'cancel']) expect(await act(id, what)).toBe('409 RUN_ENDED');
    expect((await state(id)).status).toBe('succeeded');
    await gate.close();
  });

  test('S2-081: one that undoes what it did is not paused, and stopping it ends the undoing, whatever it ends as', async () => {
    const gate = await openGate();
    const undoing = chain('undoing', [aCall(gate, 'one'), aNode('fails', 'core/stop', { message: 'Enough' })]);
    const back = anEdge('one', 'back', 'undo');
    await server.publish({ ...undoing, nodes: [...undoing.nodes, aCall(gate, 'back')], edges: [...undoing.edges, back] });
    const id = await started('undoing');
    await held(gate, 1);
    gate.letOne();
    // Stored, and not only on its way: the call that undoes is there before that.
    await until(
      () => server.api<{ facts: { undoes?: string }[] }>('GET', `/runs/${id}/facts`),
      ({ json }) => json.facts.some(({ undoes }) => undoes !== undefined),
    );
    await until(
      () => gate.seen.length,
      (count) => count === 2,
    );
    const act = (what: string) => server.api<{ status?: string; error?: { message: string } }>('POST', `/runs/${id}/${what}`, {});
    const refused = await act('pause');
    expect([refused.status, refused.json.error?.message]).toEqual([409, 'The run undoes what it did']);
    const stopped = await act('cancel');
    expect([stopped.status, stopped.json.status]).toEqual([200, 'failed']);
    await gate.close();
  });

  test('S2-081: one that ends before it could be paused says so', async () => {
    const gate = await openGate();
    await server.publish(chain('ends-first', [aCall(gate, 'one')]));
    const id = await started('ends-first');
    await held(gate, 1);
    await until(
      () => state(id),
      ({ status }) => status === 'running',
    );
    const asked = server.api<{ error?: { code: string } }>('POST', `/runs/${id}/pause`, {});
    await pauseTaken(server, id);
    gate.open();
    const { status, json } = await asked;
    expect([status, json.error?.code, (await state(id)).status]).toEqual([409, 'RUN_ENDED', 'succeeded']);
    await gate.close();
  });

  test('S1-035: its progress never goes back and ends at 100, branches that were not taken included', async () => {
    const gate = await openGate();
    const nodes = [
      aNode('choose', 'core/if', { condition: '={{ true }}' }),
      ...['a', 'b', 'c'].map((id) => aCall(gate, id)),
      aNode('not-taken', 'core/noop'),
    ];
    const workflow = chain('progress', nodes.slice(0, 1));
    const edges = [anEdge('choose', 'a', 'true'), anEdge('a', 'b'), anEdge('b', 'c'), anEdge('choose', 'not-taken', 'false')];
    await server.publish({ ...workflow, nodes: [...workflow.nodes, ...nodes.slice(1)], edges: [...workflow.edges, ...edges] });
    const id = await started('progress');
    const percent = async () => (await server.api<{ progressPercent: number }>('GET', `/executions/${id}/status`)).json.progressPercent;
    const seen: number[] = [];
    for (let n = 1; n <= 3; n += 1) {
      await held(gate, 1);
      const last = seen.at(-1) ?? -1;
      seen.push(await until(percent, (now) => now > last));
      gate.letOne();
    }
    await ended(server, id);
    seen.push(await percent());
    expect(seen).toEqual(seen.toSorted((a, b) => a - b));
    expect(new Set(seen).size).toBe(seen.length);
    expect(seen.at(-1)).toBe(100);
    await gate.close();
  });
});

describe('how much goes on at once', () => {
  test('S2-014: twenty calls of one run are under way together', async () => {
    const gate = await openGate();
    const workflow = chain('twenty', []);
    const calls = Array.from({ length: 20 }, (_, n) => aCall(gate, `c${n}`));
    await server.publish({ ...workflow, nodes: [...workflow.nodes, ...calls], edges: calls.map((_, n) => anEdge('hook', `c${n}`)) });
    const id = await started('twenty');
    await held(gate, 20);
    gate.open();
    expect((await ended(server, id)).status).toBe('succeeded');
    await gate.close();
  });

  test('S2-015 S1-012: ten runs of a workspace work at once, the next one waits for a place and gets it', async () => {
    const gate = await openGate();
    await server.publish(chain('places', [aCall(gate, 'busy')]));
    const runs: string[] = [];
    for (let n = 0; n < 11; n += 1) runs.push(await started('places'));
    await held(gate, 10);
    expect([gate.held, (await state(runs[10] ?? '')).status]).toEqual([10, 'pending']);
    gate.letOne();
    await held(gate, 10);
    expect(gate.seen).toHaveLength(11);
    gate.open();
    for (const id of runs) expect((await ended(server, id)).status).toBe('succeeded');
    await gate.close();
  });
});

test('S2-019: a workflow of 100 nodes is taken, one of 101 is refused wherever it comes in', async () => {
  const nodes = (count: number): object[] => Array.from({ length: count - 1 }, (_, n) => aNode(`n${n}`, 'core/noop'));
  const largest = chain('largest', nodes(100));
  await server.publish(largest);
  const tooLarge = chain('too-large', nodes(101));
  const imported = await server.api<{ error: { problems: { code: string }[] } }>('POST', '/workflows/import', {
    definition: tooLarge,
    publish: true,
  });
  const launched = await server.api<{ error: { problems: { code: string }[] } }>('POST', '/runs', { definition: tooLarge });
  for (const { status, json } of [imported, launched])
    expect([status, json.error.problems.map(({ code }) => code)]).toEqual([422, ['NODES_TOO_MANY']]);
});

test('S3-038 S3-043: what a run got and gave is kept until it is deleted, alone or with others, and the deletion stays in the audit', async () => {
  await server.publish(chain('kept', [aNode('say', 'core/set', { keep: 'none', fields: { n: '={{ $json.body.n }}' } })]));
  const [one, two] = [await started('kept', { n: 1 }), await started('kept', { n: 2 })];
  for (const id of [one, two]) await ended(server, id);
  expect((await server.api('GET', `/runs/${one}/output`)).json).toMatchObject({ output: [{ n: 1 }] });
  expect((await server.api('DELETE', `/runs/${one}`)).status).toBeLessThan(300);
  const { id: jobId } = (await server.api<{ id: string }>('POST', '/bulk/runs', { act: 'delete', ids: [two] })).json;
  await until(
    async () => (await server.api<{ state: string }>('GET', `/jobs/${jobId}`)).json.state,
    (done) => done === 'succeeded' || done === 'done',
  );
  for (const id of [one, two]) expect((await server.api('GET', `/runs/${id}`)).status).toBe(404);
  const { text } = await server.api('GET', '/audit');
  expect(text).toContain('run.delete');
});
