/** Settings changed while the server runs: each counts where it says, without a restart. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Gate, type TestServer, aWorkflow, openGate, startTestServer, until } from './test-server.ts';

const OWNER = { email: 'owner@example.com', password: 'a few words in a row' };
let server: TestServer;
let gate: Gate;
beforeAll(async () => {
  gate = await openGate();
  server = await startTestServer({
    env: { PLUGBOARD_OWNER_EMAIL: OWNER.email, PLUGBOARD_OWNER_PASSWORD: OWNER.password, PLUGBOARD_SANDBOX_PROCESSES: '1' },
  });
  await server.publish(
    aWorkflow('Echo', { path: 'echo' }, ['say', 'core/set', { keep: 'none', fields: { ok: true } }]),
    aWorkflow('Call', { path: 'call', reply: 'immediate' }, ['call', 'core/http-request', { method: 'GET', url: gate.url }]),
  );
});
afterAll(async () => {
  await server.close();
  await gate.close();
});

const revs = new Map<string, number>();
async function set(key: string, value: unknown, level = 'instance'): Promise<void> {
  const { status, json, text } = await server.api<{ rev: number }>('PUT', `/settings/${key}`, {
    level,
    value,
    expectedRev: revs.get(`${level} ${key}`) ?? 0,
  });
  expect(status, text).toBe(200);
  revs.set(`${level} ${key}`, json.rev);
}

test('a smaller webhook body counts from the next request, and so does taking it back', async () => {
  const body = { text: 'x'.repeat(3000) };
  expect((await server.hook('echo', body)).status).toBe(200);
  await set('webhooks.bodyLimit', 2048, 'workspace');
  expect((await server.hook('echo', body)).status).toBe(413);
  await set('webhooks.bodyLimit', null, 'workspace');
  expect((await server.hook('echo', body)).status).toBe(200);
});

test('steps reach a private address while it is allowed, and runs at once are as many as the workspace may have', async () => {
  const refused = await server.hook<{ runId: string }>('call');
  expect((await server.api<{ status: string }>('GET', `/runs/${refused.json.runId}/state?waitMs=30000`)).json.status).toBe('failed');
  await set('steps.egressAllow', ['127.0.0.1']);
  await set('runs.concurrent', 1, 'workspace');
  for (let n = 0; n < 3; n += 1) await server.hook('call');
  await until(
    () => gate.held,
    (held) => held === 1,
  );
  await set('runs.concurrent', null, 'workspace');
  gate.letOne();
  // With the next that ends, the others get their places.
  await until(
    () => gate.held,
    (held) => held === 2,
  );
  gate.open();
});

test('a longer shortest password counts for the next one that is set', async () => {
  const headers = { 'content-type': 'application/json', origin: server.url, 'x-plugboard-request': '1' };
  const signedIn = await server.fetch('/api/session', { method: 'POST', headers, body: JSON.stringify(OWNER) });
  expect(signedIn.status, signedIn.text).toBe(200);
  const cookie = (signedIn.headers.get('set-cookie') ?? '').split(';')[0] ?? '';
  expect(signedIn.headers.get('set-cookie')).toContain(`Max-Age=${7 * 24 * 3600}`);
  await set('passwords.minLength', 30);
  const change = await server.fetch('/api/person/password', {
    method: 'POST',
    headers: { ...headers, cookie },
    body: JSON.stringify({ current: OWNER.password, next: 'other words in a row' }),
  });
  expect(change.text).toContain('at least 30 characters');
  await set('sessions.longestDays', 1);
  const again = await server.fetch('/api/session', { method: 'POST', headers, body: JSON.stringify(OWNER) });
  expect(again.headers.get('set-cookie')).toContain(`Max-Age=${24 * 3600}`);
});

test('what the environment says is locked, and what is set is there after a restart', async () => {
  const locked = await server.api('PUT', '/settings/steps.sandboxProcesses', { level: 'instance', value: 3, expectedRev: 0 });
  expect([locked.status, locked.text]).toEqual([409, expect.stringContaining('PLUGBOARD_SANDBOX_PROCESSES')]);
  await server.stop();
  const next = await startTestServer({ after: server });
  const { json } = await next.api<{ key: string; value: unknown; from: string }[]>('GET', '/settings?level=instance');
  expect(json.find((one) => one.key === 'steps.egressAllow')).toMatchObject({ value: ['127.0.0.1'], from: 'instance' });
  await next.stop();
});
