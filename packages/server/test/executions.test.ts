/** Runs under the names other tools have for them: below `/api/workflows/executions` and `/api/executions`. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Gate, type TestServer, aWorkflow, openGate, pauseTaken, startTestServer, until } from './test-server.ts';

interface Progress {
  readonly id: string;
  readonly status: string;
  readonly progressPercent: number;
  readonly current: readonly { readonly name: string }[];
  readonly steps: { readonly total: number; readonly succeeded: number; readonly atWork: number; readonly toCome: number };
  readonly costPd: string;
  readonly error?: { readonly code: string };
}

interface Failure {
  readonly error: { readonly code: string; readonly params?: { readonly status?: string } };
}

let server: TestServer;
let gate: Gate;
let workflowId: string;

beforeAll(async () => {
  gate = await openGate();
  server = await startTestServer({ env: { PLUGBOARD_EGRESS_ALLOW: '127.0.0.1' } });
  await server.publish(
    aWorkflow(
      'Executed',
      { path: 'executed' },
      ['first', 'core/set', { keep: 'all', fields: { a: 1 } }],
      ['call', 'core/http-request', { url: gate.url, method: 'GET' }],
      ['last', 'core/set', { keep: 'all', fields: { b: 2 } }],
    ),
  );
  const { json } = await server.api<{ rows: { id: string; name: string }[] }>('GET', '/workflows/overview');
  workflowId = json.rows.find((row) => row.name === 'Executed')?.id ?? '';
});

afterAll(async () => {
  await gate.close();
  await server.close();
});

/** Also the calls of runs that were stopped, which nobody waits for any more. */
function letGo(): void {
  while (gate.held > 0) gate.letOne();
}

/** A run that holds at its call. */
async function held(base: string): Promise<string> {
  const before = gate.held;
  const launch = base === '/executions' ? '/executions/launch' : base;
  const { status, json } = await server.api<{ id: string; status: string }>('POST', launch, { workflowId, input: {} });
  expect([status, json.status]).toEqual([202, 'pending']);
  await until(
    () => gate.held,
    (now) => now > before,
  );
  await until(
    () => server.api<Progress>('GET', `${base}/${json.id}/status`),
    (answer) => answer.json.current[0]?.name === 'call',
  );
  return json.id;
}

describe.each(['/workflows/executions', '/executions'])('%s', (base) => {
  test('S1-058, S1-062, S1-065, S2-085, S2-086, S2-087: one is launched, tells how far it is, and is stopped once', async () => {
    const id = await held(base);
    const { status, json } = await server.api<Progress>('GET', `${base}/${id}/status`);
    expect(status).toBe(200);
    expect(json).toMatchObject({
      id,
      status: 'running',
      progressPercent: 33,
      current: [{ name: 'call' }],
      steps: { total: 3, succeeded: 1, atWork: 1, toCome: 1 },
      costPd: '0',
    });
    expect((await server.api('POST', `${base}/${id}/stop`, {})).status).toBe(200);
    const again = await server.api<Failure>('POST', `${base}/${id}/stop`, {});
    expect([again.status, again.json.error.code, again.json.error.params?.status]).toEqual([409, 'RUN_ENDED', 'cancelled']);
    expect((await server.api<Progress>('GET', `${base}/${id}/status`)).json).toMatchObject({ status: 'cancelled', current: [] });
  });

  test('S1-063, S1-064, S2-087: it is paused while it runs and resumed while it is paused; anything else is 409', async () => {
    const id = await held(base);
    expect((await server.api<Failure>('POST', `${base}/${id}/resume`)).json.error.code).toBe('RUN_STATE');
    const pausing = server.api<Progress>('POST', `${base}/${id}/pause`);
    await pauseTaken(server, id);
    // What is under way ends, and only then the run is paused.
    letGo();
    expect(await pausing.then(({ status, json }) => [status, json.status])).toEqual([200, 'paused']);
    const twice = await server.api<Failure>('POST', `${base}/${id}/pause`);
    expect([twice.status, twice.json.error.code, twice.json.error.params?.status]).toEqual([409, 'RUN_STATE', 'paused']);
    expect((await server.api('POST', `${base}/${id}/resume`)).status).toBe(200);
    const done = await until(
      () => server.api<Progress>('GET', `${base}/${id}/status`),
      ({ json }) => json.status === 'succeeded',
    );
    expect(done.json).toMatchObject({ progressPercent: 100, steps: { total: 3, succeeded: 3 } });
    for (const act of ['pause', 'resume', 'stop'])
      expect((await server.api<Failure>('POST', `${base}/${id}/${act}`)).status, act).toBe(409);
  });

  test('S1-060, S1-061: they are listed with filters and by page, and each lists its steps', async () => {
    const list = async (query: string) =>
      (await server.api<{ rows: { id: string; status: string }[]; hasMore: boolean; endCursor?: string }>('GET', `${base}${query}`)).json;
    const succeeded = await list(`?statuses=succeeded&workflowId=${workflowId}`);
    expect(succeeded.rows.length).toBeGreaterThan(0);
    expect(new Set(succeeded.rows.map((row) => row.status))).toEqual(new Set(['succeeded']));
    const first = await list('?first=1');
    expect([first.rows.length, first.hasMore]).toEqual([1, true]);
    expect((await list(`?first=1&after=${first.endCursor}`)).rows[0]?.id).not.toBe(first.rows[0]?.id);
    expect((await server.api('GET', `${base}?statuses=nonsense`)).status).toBe(422);
    const id = succeeded.rows[0]?.id ?? '';
    const jobs = await server.api<{ rows: { name: string; status: string; itemsOut: number }[] }>('GET', `${base}/${id}/jobs`);
    expect(jobs.json.rows).toMatchObject(['hook', 'first', 'call', 'last'].map((name) => ({ name, status: 'succeeded', itemsOut: 1 })));
  });

  test('what is not there is 404, and a stranger learns nothing', async () => {
    const none = `${base}/${crypto.randomUUID()}`;
    for (const [method, path] of [
      ['GET', none],
      ['GET', `${none}/status`],
      ['GET', `${none}/jobs`],
      ['POST', `${none}/pause`],
      ['POST', `${none}/resume`],
      ['POST', `${none}/stop`],
    ] as const) {
      expect((await server.api<Failure>(method, path)).json.error.code, path).toBe('NOT_FOUND');
      expect((await server.fetch(`/api${path}`, { method })).status, path).toBe(401);
    }
  });
});

test('S1-059, S2-086: one is told with its definition below /workflows/executions, and with its progress below /executions', async () => {
  const { json } = await server.api<{ rows: { id: string }[] }>('GET', '/executions?first=1');
  const id = json.rows[0]?.id ?? '';
  const detail = await server.api<{ definition: { name: string } }>('GET', `/workflows/executions/${id}`);
  expect(detail.json.definition.name).toBe('Executed');
  expect((await server.api<Progress>('GET', `/executions/${id}`)).json.progressPercent).toBeGreaterThanOrEqual(0);
});
