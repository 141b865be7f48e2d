/** Runs that start runs, while their server is killed again and again: every one of them is there once, and nothing it did is done twice. */
import { type Server, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestDatabase, createTestDatabase } from '@plugboard/persistence/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { FaultServer } from './fault-server.ts';
import { anEdge, until } from './test-server.ts';

const KILLS = 3;
const CALLERS = 6;
const CALLED = 12;
const LINKS = 15;

let database: TestDatabase;
let server: FaultServer;
let service: Server;
let address: string;
/** How often each key was answered. */
const calls = new Map<string, number>();

beforeAll(async () => {
  database = await createTestDatabase();
  server = new FaultServer({ DATABASE_URL: database.url });
  service = createServer((request, response) => {
    request.resume().on('end', () => {
      const key = String(request.headers['idempotency-key']);
      setTimeout(() => {
        calls.set(key, (calls.get(key) ?? 0) + 1);
        response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
      }, 20);
    });
  });
  await new Promise<void>((resolve) => service.listen(0, '127.0.0.1', resolve));
  address = `http://127.0.0.1:${(service.address() as AddressInfo).port}/`;
  await server.begin();
});
afterAll(async () => {
  await server.kill();
  await server.remove();
  service.closeAllConnections();
  service.close();
  await database.close();
});

async function publish(name: string, nodes: readonly (readonly [string, string, object])[], settings: object = {}): Promise<string> {
  const definition = {
    schema: 1,
    name,
    nodes: nodes.map(([id, type, params]) => ({ id, type, position: { x: 0, y: 0 }, data: { name: id, typeVersion: 1, params } })),
    edges: nodes.slice(1).map(([id], n) => anEdge(nodes[n]?.[0] ?? '', id)),
    settings,
  };
  return (await server.api<{ workflowId: string }>('POST', '/workflows/import', { definition, publish: true })).workflowId;
}

const start = async (workflowId: string, input: object | object[]): Promise<string> =>
  (await server.api<{ runId: string }>('POST', '/runs', { workflowId, input })).runId;

async function rows<Row extends object>(text: string, value?: unknown): Promise<Row[]> {
  return database.database.query<Row>(text, value === undefined ? [] : [value]);
}

test(`rules 9, 15, 19: calls, failures and chains survive ${KILLS} kills of the server, each run once`, { timeout: 240_000 }, async () => {
  const send = { method: 'POST', url: address, bodyKind: 'json', body: '={{ $json }}' };
  await publish('Called', [
    ['in', 'core/called', {}],
    ['send', 'core/http-request', send],
  ]);
  const hearing = await publish('Hears', [['in', 'core/error-trigger', {}]]);
  const caller = await publish('Calls', [
    ['start', 'core/manual', {}],
    ['call', 'core/call-workflow', { workflow: 'Called', mode: 'each' }],
  ]);
  const failing = await publish(
    'Fails',
    [
      ['start', 'core/manual', {}],
      ['stop', 'core/stop', { message: 'No' }],
    ],
    { errorWorkflow: 'Hears' },
  );
  const repeating = await publish(
    'Repeats',
    [
      ['start', 'core/manual', {}],
      ['send', 'core/http-request', send],
      ['count', 'core/set', { fields: { n: '={{ 1 }}' } }],
    ],
    { repeat: { times: LINKS, delayMs: 10 } },
  );

  const first = await start(repeating, { n: 0 });
  const callers: string[] = [];
  const failed: string[] = [];
  for (let round = 0; round < KILLS; round += 1) {
    const before = calls.size;
    for (let n = 0; n < CALLERS / KILLS; n += 1) {
      callers.push(
        await start(
          caller,
          Array.from({ length: CALLED }, (_, item) => ({ round, n, item })),
        ),
      );
      failed.push(await start(failing, {}));
    }
    // Somewhere in the middle of what these do, which are two dozen calls and more.
    await until(
      async () => calls.size,
      (count) => count > before + CALLED / 2 + round,
    );
    await server.kill();
    await server.begin();
  }

  await until(
    async () => (await rows<{ n: number }>('select count(*)::int as n from run where id = any($1) and status = 4', callers))[0]?.n ?? 0,
    (n) => n === callers.length,
  );
  const called = await rows<{ parent_run_id: string; n: number; parts: number; ok: boolean }>(
    `select c.parent_run_id, count(*)::int as n, count(distinct c.part)::int as parts, bool_and(r.status = 4) as ok
       from run_child c join run r on r.id = c.run_id group by 1`,
  );
  expect(called.map(({ n, parts, ok }) => [n, parts, ok])).toEqual(callers.map(() => [CALLED, CALLED, true]));

  await until(
    async () => (await rows<{ n: number }>('select count(*)::int as n from run where workflow_id = $1 and status = 4', hearing))[0]?.n ?? 0,
    (n) => n >= failed.length,
  );
  expect((await rows('select from run where workflow_id = $1', hearing)).length).toBe(failed.length);

  await until(
    async () =>
      (
        await rows<{ n: number }>(
          'select coalesce(max(n), 0)::int as n from run_chain c join run r on r.id = c.run_id where first_run_id = $1 and r.status = 4',
          first,
        )
      )[0]?.n ?? 0,
    (n) => n === LINKS,
  );
  const chain = await rows<{ n: number }>('select n from run_chain where first_run_id = $1 order by n', first);
  expect(chain.map(({ n }) => n)).toEqual(Array.from({ length: LINKS }, (_, n) => n + 1));

  // A write that a kill interrupted may be sent again, with its key; every other is sent once.
  expect(calls.size).toBe(callers.length * CALLED + LINKS);
  const repeated = [...calls.values()].filter((count) => count > 1).length;
  expect(repeated).toBeLessThanOrEqual(KILLS * 12);
  await until(
    async () => (await rows('select from run_follow_up')).length + (await rows('select from run_live')).length,
    (left) => left === 0,
  );
});
