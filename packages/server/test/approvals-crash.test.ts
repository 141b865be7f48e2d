/** A server that is killed between a decision and what follows from it: the next one goes on with the decision, once. */
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { FaultServer } from './fault-server.ts';
import { type TestServer, anEdge, startTestServer, until } from './test-server.ts';

const ROOT_KEY = randomBytes(32).toString('hex');

let other: TestServer;
let child: FaultServer;

beforeAll(async () => {
  other = await startTestServer({ env: { PLUGBOARD_ROOT_KEY: ROOT_KEY } });
  child = new FaultServer({ PLUGBOARD_ROOT_KEY: ROOT_KEY, DATABASE_URL: other.database.url });
  await child.begin();
});
afterAll(async () => {
  await child.kill();
  await child.remove();
  await other.close();
});

const definition = {
  schema: 1,
  name: 'Asks',
  nodes: [
    ['start', 'core/manual', {}],
    ['link', 'core/set', { fields: { link: '={{ $run.approval["ask"] }}', total: 10 } }],
    ['ask', 'core/approval', { title: 'Pay?', byLink: true }],
    ['approved', 'core/noop', {}],
  ].map(([id, type, params]) => ({ id, type, position: { x: 0, y: 0 }, data: { name: id, typeVersion: 1, params } })),
  edges: [anEdge('start', 'link'), anEdge('link', 'ask'), anEdge('ask', 'approved', 'approved')],
};

test('rules 15, 17: a decision that was counted is never lost, whichever process dies, and the run goes on once', async () => {
  const { workflowId } = await child.api<{ workflowId: string }>('POST', '/workflows/import', { definition, publish: true });
  const started = await child.api<{ runId?: string; id?: string }>('POST', '/runs', { workflowId, input: {} });
  const runId = started.runId ?? started.id ?? '';
  await until(
    async () => (await child.api<{ status: string }>('GET', `/runs/${runId}/state`)).status,
    (status) => status === 'waiting',
  );
  const { output } = await child.api<{ output: { main: { link: string }[] } }>('GET', `/runs/${runId}/output?node=link`);
  const path = new URL(output.main[0]?.link ?? '').pathname;

  // The owner of the run stands still: it hears nothing of the decision that another process takes.
  child.freeze();
  const decide = (decision: string) => other.fetch(path, { method: 'POST', body: new URLSearchParams({ decision }) });
  expect((await decide('approve')).status).toBe(200);
  expect((await decide('reject')).status).toBe(409);
  const inbox = await other.database.database.query<{ kind: string }>('select kind from run_inbox where run_id = $1', [runId]);
  expect(inbox).toEqual([{ kind: 'answer' }]);
  await child.kill();

  const status = () => other.api<{ status: string }>('GET', `/runs/${runId}/state`);
  await until(
    async () => (await status()).json.status,
    (one) => one === 'succeeded',
  );
  const ended = await other.api<{ output: { main: object[] } }>('GET', `/runs/${runId}/output?node=approved`);
  expect(ended.json.output.main).toMatchObject([
    { total: 10, approval: { decision: 'approved', decisions: [{ decision: 'approve', via: 'link' }] } },
  ]);
  expect(await other.database.database.query('select from run_inbox where run_id = $1', [runId])).toEqual([]);
  expect((await decide('approve')).status).toBe(409);
});

test('a run that waited while its server was away is decided afterwards', async () => {
  const { json } = await other.api<{ runId?: string; id?: string }>('POST', '/runs', {
    workflow: 'Asks',
    input: {},
  });
  const runId = json.runId ?? json.id ?? '';
  const statusOn = async (server: TestServer) => (await server.api<{ status: string }>('GET', `/runs/${runId}/state`)).json.status;
  await until(
    () => statusOn(other),
    (status) => status === 'waiting',
  );
  await other.stop();
  other = await startTestServer({ after: other, env: { PLUGBOARD_ROOT_KEY: ROOT_KEY } });
  const { output } = (await other.api<{ output: { main: { link: string }[] } }>('GET', `/runs/${runId}/output?node=link`)).json;
  const path = new URL(output.main[0]?.link ?? '').pathname;
  expect((await other.fetch(path)).text).toContain('Pay?');
  expect((await other.fetch(path, { method: 'POST', body: new URLSearchParams({ decision: 'approve' }) })).status).toBe(200);
  await until(
    () => statusOn(other),
    (status) => status === 'succeeded',
  );
});
