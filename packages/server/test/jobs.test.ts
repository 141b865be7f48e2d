/** Jobs of a server that is killed in the middle: the next one goes on where it was, and each thing is done once. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type TestDatabase, createTestDatabase } from '@plugboard/persistence/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readServerFile } from '../src/local.ts';
import { aWorkflow, until } from './test-server.ts';

const CHILD = fileURLToPath(new URL('./server-child.ts', import.meta.url));
/** Long enough to be killed in the middle of, twice. */
const THINGS = 60;

let database: TestDatabase;
let dataDir: string;
let child: ChildProcess | undefined;

beforeAll(async () => {
  database = await createTestDatabase();
  dataDir = await mkdtemp(join(tmpdir(), 'plugboard-jobs-'));
});
afterAll(async () => {
  await end('SIGKILL');
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

async function end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
  const running = child;
  if (!running) return;
  child = undefined;
  const ended = new Promise((resolve) => running.once('exit', resolve));
  running.kill(signal);
  await ended;
}

async function api<Body>(method: string, path: string, body?: object): Promise<Body> {
  const file = readServerFile(dataDir);
  if (!file) throw new Error('no server runs');
  const answer = await fetch(`${file.url}/api${path}`, {
    method,
    headers: { authorization: `Bearer ${file.token}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${text}`);
  return JSON.parse(text) as Body;
}

interface JobBody {
  readonly state: string;
  readonly done: number;
  readonly failed: number;
  readonly unchanged: number;
}

test('a job goes on after kill -9 and after a stop, and every workflow is published exactly once', { timeout: 240_000 }, async () => {
  await begin();
  const workflows = Array.from({ length: THINGS }, (_, n) => aWorkflow(`Published ${n}`, { path: `published-${n}` }));
  const { rows } = await api<{ rows: { workflowId: string }[] }>('POST', '/workflows/import-many', { workflows });
  const ids = rows.map((row) => row.workflowId);
  const { id } = await api<{ id: string }>('POST', '/bulk/workflows', { act: 'publish', ids });
  const job = (): Promise<JobBody> => api('GET', `/jobs/${id}`);
  const reached = (least: number) => until(job, ({ done, state }) => done >= least || state === 'succeeded');

  expect(await reached(THINGS / 6)).toMatchObject({ state: 'running' });
  await end('SIGKILL');
  // Its lease is over, as it would be half a minute later.
  await database.database.query('update job set lease_until = now() where id = $1', [id]);
  await begin();
  expect(await reached(THINGS / 2)).toMatchObject({ state: 'running' });
  await end('SIGTERM');
  // Given back: the next one need not wait.
  expect(await database.database.query('select state from job where id = $1', [id])).toEqual([{ state: 'queued' }]);
  await begin();
  expect(await until(job, ({ state }) => state === 'succeeded')).toMatchObject({ done: THINGS, failed: 0, unchanged: 0 });

  const count = async (text: string): Promise<number> => (await database.database.query<{ n: number }>(text, [ids]))[0]?.n ?? -1;
  expect(await count('select count(*)::int4 as n from job_item where item_id = any($1)')).toBe(THINGS);
  expect(await count('select count(*)::int4 as n from version where workflow_id = any($1)')).toBe(THINGS);
  expect(await count(`select count(*)::int4 as n from audit where action = 'workflow.publish' and resource_id = any($1)`)).toBe(THINGS);
  expect(await count(`select count(*)::int4 as n from deployment where state = 'active' and version = 1 and workflow_id = any($1)`)).toBe(
    THINGS,
  );
});
