/**
 * A backup made under load and restored elsewhere: the same data, webhooks that answer, and nothing done a second time before somebody says
 * so. What the first server did after the backup the copy cannot know.
 */
import { cp, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestDatabase, createTestDatabase } from '@plugboard/persistence/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { checkBackup, restoreBackup } from '../src/index.ts';
import { type Gate, type TestServer, aWorkflow, ended, openGate, startTestServer, until } from './test-server.ts';

const OWNER = { email: 'owner@example.com', password: 'a few words in a row' };
const OWNER_ENV = { PLUGBOARD_OWNER_EMAIL: OWNER.email, PLUGBOARD_OWNER_PASSWORD: OWNER.password };
/** Larger than what a journal keeps itself, so that it lies in the folder of payloads. */
const LARGE = 'x'.repeat(400_000);

let gate: Gate;
let first: TestServer;
let dir: string;
let file: string;
let heldRun: string;
let largeRun: string;
let doneBefore: string[];
/** That had not ended when the backup was made: the held one, and what the callers had under way. */
let notEnded: number;
let fileId: string;
const opened: { close(): Promise<void> }[] = [];

beforeAll(async () => {
  gate = await openGate();
  dir = await mkdtemp(join(tmpdir(), 'plugboard-backup-'));
  first = await startTestServer({ env: { PLUGBOARD_EGRESS_ALLOW: '127.0.0.1', ...OWNER_ENV } });
  await first.publish(
    aWorkflow('Echo', { path: 'echo' }, ['say', 'core/set', { keep: 'all', fields: { said: true } }]),
    aWorkflow('Order', { path: 'order', reply: 'immediate' }, [
      'call',
      'core/http-request',
      { method: 'POST', url: `${gate.url}orders`, body: { kind: 'json', value: { order: 1 } } },
    ]),
  );
  const large = await first.hook('echo', { text: LARGE });
  expect(large.status, large.text.slice(0, 500)).toBe(200);
  [largeRun = ''] = await runIds(first);
  heldRun = (await first.hook<{ runId: string }>('order')).json.runId;
  await until(
    () => gate.held,
    (held) => held === 1,
  );
  await first.api('PUT', '/settings/runs.retentionDays', { level: 'instance', value: 90, expectedRev: 0 });

  const uploaded = await first.fetch<{ files: { id: string }[] }>('/api/files?name=report.txt', {
    method: 'POST',
    headers: { authorization: `Bearer ${first.token}`, 'content-type': 'application/octet-stream' },
    body: 'what a person uploaded',
  });
  expect(uploaded.status, uploaded.text).toBe(201);
  fileId = uploaded.json.files[0]?.id ?? '';

  // Callers go on while the backup is made.
  let isOver = false;
  const callers = Array.from({ length: 4 }, async () => {
    while (!isOver) expect((await first.hook('echo', { n: 1 })).status).toBe(200);
  });
  doneBefore = await runIds(first);
  const made = await first.api<{ file: string; rows: number; files: number }>('POST', '/backups', {});
  isOver = true;
  await Promise.all(callers);
  expect(made.status, made.text).toBe(201);
  expect(made.json.files).toBeGreaterThan(0);
  file = join(dir, 'moved.backup');
  await cp(made.json.file, file);
  notEnded = (await checkBackup(file)).manifest.rows['run_live'] ?? 0;
});
afterAll(async () => {
  for (const one of opened.toReversed()) await one.close();
  await first.close();
  await gate.close();
  await rm(dir, { recursive: true, force: true });
});

async function runIds(server: TestServer): Promise<string[]> {
  const { status, text, json } = await server.api<{ runs: { id: string }[] }>('GET', '/runs?limit=50');
  expect(status, text).toBe(200);
  return json.runs.map((run) => run.id);
}

async function restored(name: string, openRuns: 'held' | 'resume'): Promise<TestServer> {
  const dataDir = join(dir, name);
  const database: TestDatabase = await createTestDatabase({ isEmpty: true });
  // The operator brings the key, which is not in the backup.
  await mkdir(dataDir, { recursive: true });
  await cp(join(first.dataDir, 'keys'), join(dataDir, 'keys'), { recursive: true });
  const done = await restoreBackup({ file, dataDir, databaseUrl: database.url, rootKey: undefined, openRuns });
  expect(done).toMatchObject({ openRuns: notEnded, rootKey: 'fits' });
  const server = await startTestServer({
    after: { ...first, database, dataDir },
    env: { PLUGBOARD_EGRESS_ALLOW: '127.0.0.1', ...OWNER_ENV },
  });
  opened.push(server);
  return server;
}

test('the backup is whole, although everything went on meanwhile', async () => {
  const { head, manifest } = await checkBackup(file);
  expect(manifest.rows['run']).toBeGreaterThanOrEqual(doneBefore.length);
  expect(notEnded).toBeGreaterThanOrEqual(1);
  expect(head.hasKeys).toBe(false);
});

test('S4-037, rule 11: the copy has the same data, answers webhooks, and does nothing of the runs that had not ended', async () => {
  const calls = gate.seen.length;
  const copy = await restored('held', 'held');
  expect((await copy.hook<{ said: boolean }>('echo', { n: 2 })).json).toMatchObject({ said: true });
  for (const id of doneBefore) expect((await copy.api('GET', `/runs/${id}/state`)).status, id).toBe(200);
  const output = await copy.api('GET', `/runs/${largeRun}/output`);
  expect([output.status, output.text.includes(LARGE)]).toEqual([200, true]);
  expect((await copy.api('GET', `/files/${fileId}`)).text).toBe('what a person uploaded');
  expect((await copy.api('GET', '/settings?level=instance')).text).toContain('"value":90');
  const signedIn = await copy.fetch('/api/session', {
    method: 'POST',
    headers: { 'content-type': 'application/json', origin: copy.url, 'x-plugboard-request': '1' },
    body: JSON.stringify(OWNER),
  });
  expect(signedIn.status, signedIn.text).toBe(200);

  expect((await copy.api('GET', '/held-runs')).json).toEqual({ count: notEnded });
  expect((await copy.api<{ notes: string[] }>('GET', '/health')).json).toMatchObject({
    state: 'warn',
    notes: [expect.stringContaining(`${notEnded} runs of a restored backup are held`)],
  });
  expect(gate.seen).toHaveLength(calls);

  // Told to, it does the call again, and by its key the service knows the repeat.
  expect((await copy.api('POST', '/held-runs/release', { decision: 'resume' })).json).toEqual({ count: notEnded });
  await until(
    () => gate.seen.length,
    (seen) => seen === calls + 1,
  );
  const [before, again] = [gate.seen.at(0), gate.seen.at(-1)];
  expect(again?.headers['idempotency-key']).toBe(before?.headers['idempotency-key']);
  expect(again?.headers['idempotency-key']).toBeTypeOf('string');
  gate.open();
  expect((await ended(copy, heldRun)).status).toBe('succeeded');
  expect((await copy.api('GET', '/held-runs')).json).toEqual({ count: 0 });
});

test('cancelled instead, they end without another call', async () => {
  const calls = gate.seen.length;
  const copy = await restored('cancelled', 'held');
  expect((await copy.api('POST', '/held-runs/release', { decision: 'cancel' })).json).toEqual({ count: notEnded });
  expect((await ended(copy, heldRun)).status).toBe('cancelled');
  expect(gate.seen).toHaveLength(calls);
});

test('restored to resume, they go on by themselves', async () => {
  const calls = gate.seen.length;
  const copy = await restored('resumed', 'resume');
  expect((await ended(copy, heldRun)).status).toBe('succeeded');
  expect(gate.seen).toHaveLength(calls + 1);
});

test('without its root key the copy does not start, and says what to bring', async () => {
  const database = await createTestDatabase({ isEmpty: true });
  const dataDir = join(dir, 'keyless');
  expect(await restoreBackup({ file, dataDir, databaseUrl: database.url, rootKey: undefined, openRuns: 'held' })).toMatchObject({
    rootKey: 'absent',
  });
  await expect(startTestServer({ after: { ...first, database, dataDir } })).rejects.toMatchObject({ code: 'ROOT_KEY_MISMATCH' });
  await database.close();
});
