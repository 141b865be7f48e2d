/** Runs that start runs, while their server is killed again and again: every one of them is there once, and nothing it did is done twice. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { type Server, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type TestDatabase, createTestDatabase } from '@plugboard/persistence/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readServerFile } from '../src/local.ts';
import { anEdge, until } from './test-server.ts';

const CHILD = fileURLToPath(new URL('./server-child.ts', import.meta.url));
const KILLS = 3;
const CALLERS = 6;
const CALLED = 12;
const LINKS = 15;

let database: TestDatabase;
let dataDir: string;
let child: ChildProcess | undefined;
let service: Server;
let address: string;
/** How often each key was answered. */
const calls = new Map<string, number>();

beforeAll(async () => {
  database = await createTestDatabase();
  dataDir = await mkdtemp(join(tmpdir(), 'plugboard-called-'));
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
  await begin();
});
afterAll(async () => {
  await kill();
  service.closeAllConnections();
  service.close();
  await database.close();
  await rm(dataDir, { recursive: true, force: true });
});

async function begin(): Promise<void> {
  const env = {
    PATH: process.env['PATH'],
    HOME: process.env['HOME'],
    PLUGBOARD_DATA: dataDir,
    PLUGBOARD_PORT: '0',
    PLUGBOARD_SANDBOX_PROCESSES: '1',
    PLUGBOARD_EGRESS_ALLOW: '127.0.0.0/8',
    DATABASE_URL: database.url,
  };
  const started = spawn(process.execPath, ['--conditions=development', CHILD], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  child = started;
  let log = '';
  await new Promise<void>((resolve, reject) => {
    started.stderr.on('data', (chunk: Buffer) => (log = (log + chunk.toString()).slice(-20_000)));
    started.stdout.on('data', (chunk: Buffer) => chunk.includes('ready') && resolve());
    started.once('exit', (code) => reject(new Error(`the server ended (${code}):\n${log}`)));
  });
}

async function kill(): Promise<void> {
  const running = child;
  child = undefined;
  if (!running) return;
  const ended = new Promise((resolve) => running.once('exit', resolve));
  running.kill('SIGKILL');
  await ended;
}

async function api<Body>(method: string, path: string, body?: object): Promise<Body> {
  const file = readServerFile(dataDir);
  const answer = await fetch(`${file?.url}/api${path}`, {
    method,
    headers: { authorization: `Bearer ${file?.token}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${text}`);
  return JSON.parse(text) as Body;
}

async function publish(name: string, nodes: readonly (readonly [string, string, object])[], settings: object = {}): Promise<string> {
  const definition = {
    schema: 1,
    name,
    nodes: nodes.map(([id, type, params]) => ({ id, type, position: { x: 0, y: 0 }, data: { name: id, typeVersion: 1, params } })),
    edges: nodes.slice(1).map(([id], n) => anEdge(nodes[n]?.[0] ?? '', id)),
    settings,
  };
  return (await api<{ workflowId: string }>('POST', '/workflows/import', { definition, publish: true })).workflowId;
}

const start = async (workflowId: string, input: object | object[]): Promise<string> =>
  (await api<{ runId: string }>('POST', '/runs', { workflowId, input })).runId;

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
    for (let n = 0; n < CALLERS / KILLS; n += 1) {
      callers.push(
        await start(
          caller,
          Array.from({ length: CALLED }, (_, item) => ({ round, n, item })),
        ),
      );
      failed.push(await start(failing, {}));
    }
    // Somewhere in the middle of what these do.
    const before = calls.size;
    await until(
      async () => calls.size,
      (count) => count > before + round,
    );
    await kill();
    await begin();
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
