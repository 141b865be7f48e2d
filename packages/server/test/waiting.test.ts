/** Steps that wait for a call from outside: one address, one answer. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Answer, type TestServer, aWorkflow, startTestServer, until } from './test-server.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
  await server.publish(
    aWorkflow(
      'Asks',
      { path: 'asks', reply: 'immediate' },
      ['link', 'core/set', { fields: { link: '={{ $run.resume["ask"] }}' } }],
      ['ask', 'core/wait-for-call', { limited: false }],
      ['said', 'core/set', { fields: { said: '={{ $json.body.answer }}' } }],
    ),
  );
});
afterAll(() => server.close());

interface Waiting {
  readonly runId: string;
  readonly path: string;
}

async function waiting(): Promise<Waiting> {
  const { runId } = (await server.hook<{ runId: string }>('asks', {})).json;
  await becomes(runId, 'waiting');
  const { json } = await server.api<{ output: { main: { link: string }[] } }>('GET', `/runs/${runId}/output?node=link`);
  return { runId, path: new URL(json.output.main[0]?.link ?? '').pathname };
}

/** A run at rest answers at once how it stands, so it is asked until it has got there. */
async function becomes(runId: string, wanted: string): Promise<void> {
  await until(
    async () => (await server.api<{ status: string }>('GET', `/runs/${runId}/state`)).json.status,
    (status) => status === wanted,
  );
}

function answer(path: string, body: unknown = { answer: 'yes' }): Promise<Answer<{ error?: { code: string } }>> {
  return server.fetch(path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
}

describe('a step that waits for a call', () => {
  test('goes on with what was sent, and the address works once', async () => {
    const { runId, path } = await waiting();
    expect((await answer(path)).status).toBe(202);
    await becomes(runId, 'succeeded');
    const { json } = await server.api<{ output: { main: object[] } }>('GET', `/runs/${runId}/output?node=said`);
    expect(json.output.main).toMatchObject([{ said: 'yes' }]);
    const again = await answer(path, { answer: 'no' });
    expect([again.status, again.json.error?.code]).toEqual([409, 'ALREADY_DONE']);
  });

  test('of two calls at the same moment one counts', async () => {
    const { runId, path } = await waiting();
    const answers = await Promise.all([answer(path, { answer: 'a' }), answer(path, { answer: 'b' })]);
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([202, 409]);
    await becomes(runId, 'succeeded');
  });

  test('an address that was guessed, cut, or of another run or step is nowhere; what it does not take is refused', async () => {
    const [one, other] = [await waiting(), await waiting()];
    const [, , run, node, token] = one.path.split('/');
    const wrong = [
      `/resume/${run}/${node}/${'A'.repeat(43)}`,
      `/resume/${run}/${node}/${token?.slice(0, -1)}`,
      `/resume/${other.runId}/${node}/${token}`,
      `/resume/${run}/said/${token}`,
      `/resume/nothing/${node}/${token}`,
    ];
    expect(await Promise.all(wrong.map(async (path) => (await answer(path)).status))).toEqual(wrong.map(() => 404));
    expect((await server.fetch(one.path)).status).toBe(405);
    const broken = await server.fetch(one.path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{' });
    expect(broken.status).toBe(400);
    expect((await answer(one.path)).status).toBe(202);
    await server.api('POST', `/runs/${other.runId}/cancel`, {});
    expect((await answer(other.path)).status).toBe(409);
  });
});
