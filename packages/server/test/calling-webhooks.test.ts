/** Webhooks that answer with what their run gives, while that run waits for runs it calls. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Gate, type Step, type TestServer, aWorkflow, ended, openGate, startTestServer, until } from './test-server.ts';

const REPLY_TIMEOUT_MS = 3000;

let server: TestServer;
let gate: Gate;

/** Begins when it is called. */
function called(name: string, ...steps: readonly Step[]): object {
  const { nodes, ...rest } = aWorkflow(name, { path: 'none' }, ...steps);
  return { ...rest, nodes: [{ ...nodes[0], type: 'core/called', data: { name: 'hook', typeVersion: 1, params: {} } }, ...nodes.slice(1)] };
}
const call = (workflow: string, id = 'call'): Step => [id, 'core/call-workflow', { workflow, data: '={{ {"n": $json.body.n} }}' }];

beforeAll(async () => {
  gate = await openGate();
  server = await startTestServer({
    env: { PLUGBOARD_EGRESS_ALLOW: '127.0.0.1', PLUGBOARD_REPLY_TIMEOUT_MS: String(REPLY_TIMEOUT_MS) },
  });
  const double: Step = ['double', 'core/set', { keep: 'none', fields: { twice: '={{ $json.n * 2 }}' } }];
  await server.publish(
    called('Doubles', double),
    called('Held', ['ask', 'core/http-request', { url: gate.url, method: 'GET' }], ['end', 'core/set', { fields: { held: true } }]),
    called('Fails', ['stop', 'core/stop', { message: 'Enough' }]),
  );
  await server.publish(called('Deep', ['inner', 'core/call-workflow', { workflow: 'Doubles' }]));
  await server.publish(
    ...['Doubles', 'Deep', 'Held', 'Fails'].map((name) => aWorkflow(`Asks ${name}`, { path: name }, call(name))),
    aWorkflow('Responds', { path: 'responds', reply: 'respond' }, call('Deep'), [
      'answer',
      'core/respond',
      { status: 201, body: '={{ {"was": $json.twice} }}' },
    ]),
    aWorkflow('Waits after', { path: 'waits' }, call('Doubles'), ['wait', 'core/wait', { amount: 1, unit: 'hours' }]),
  );
});
afterAll(async () => {
  gate.open();
  await server.close();
  await gate.close();
});

describe('a webhook whose workflow calls others', () => {
  test.each(['Doubles', 'Deep'])('answers each caller with what came of it in the end: %s', async (path) => {
    const answers = await Promise.all(Array.from({ length: 20 }, (_, n) => server.hook(path, { n })));
    expect(answers.map(({ status, json }) => [status, json])).toEqual(Array.from({ length: 20 }, (_, n) => [200, { twice: n * 2 }]));
  });

  test('answers with what a step responds after the call', async () => {
    const answer = await server.hook('responds', { n: 4 });
    expect([answer.status, answer.json]).toEqual([201, { was: 8 }]);
  });

  test('says that the run failed when the called one does', async () => {
    const answer = await server.hook<{ error: { code: string } }>('Fails', {});
    expect([answer.status, answer.json.error.code]).toEqual([500, 'CALLED_RUN_FAILED']);
  });

  test('answers 202 with the run when the called one takes longer than callers are kept, and the run goes on', async () => {
    const begun = performance.now();
    const answer = await server.hook<{ runId: string }>('Held', {});
    expect([answer.status, Object.keys(answer.json)]).toEqual([202, ['runId']]);
    expect(performance.now() - begun).toBeGreaterThanOrEqual(REPLY_TIMEOUT_MS - 100);
    gate.letOne();
    expect((await ended(server, answer.json.runId)).status).toBe('succeeded');
  });

  test('answers once the called run is let go on', async () => {
    const answer = server.hook('Held', {});
    await until(
      () => gate.held,
      (held) => held === 1,
    );
    gate.letOne();
    expect((await answer).json).toMatchObject({ held: true });
  });

  test('answers 202 at once when its run waits for something else afterwards', async () => {
    const begun = performance.now();
    const answer = await server.hook<{ runId: string }>('waits', { n: 1 });
    expect([answer.status, performance.now() - begun < REPLY_TIMEOUT_MS]).toEqual([202, true]);
    await server.api('POST', `/runs/${answer.json.runId}/cancel`, {});
  });

  test('answers 202 when the server stops meanwhile', async () => {
    const answer = server.hook<{ runId: string }>('Held', {});
    await until(
      () => gate.held,
      (held) => held === 1,
    );
    const stopping = server.stop();
    expect((await answer).status).toBe(202);
    gate.open();
    await stopping;
  });
});
