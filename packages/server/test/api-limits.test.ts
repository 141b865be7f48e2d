/** An API that is asked for more than it gives: callers who come too often, and a database without a connection to spare. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Answer, type TestServer, startTestServer, until } from './test-server.ts';

interface Failure {
  readonly error: { readonly code: string; readonly message: string };
}

let server: TestServer;
let key: string;

beforeAll(async () => {
  server = await startTestServer({ env: { PLUGBOARD_API_RATE_LIMIT: '1', PLUGBOARD_TRUSTED_PROXIES: '127.0.0.1' } });
  const service = await server.api<{ id: string }>('POST', '/services', { name: 'importer', role: 'editor' });
  const made = await server.api<{ secret: string }>('POST', `/services/${service.json.id}/keys`, { name: 'test', scopes: ['*'] });
  key = made.json.secret;
});
afterAll(() => server.close());

const ask = (path: string, headers: Readonly<Record<string, string>>, init: RequestInit = {}) =>
  server.fetch<Failure>(path, { ...init, headers: { ...headers, 'content-type': 'application/json' } });
const graphql = (query: string, headers: Readonly<Record<string, string>>) =>
  ask('/graphql', headers, { method: 'POST', body: JSON.stringify({ query }) });
const statuses = (answers: readonly Answer[]): number[] => [...new Set(answers.map(({ status }) => status))].toSorted((a, b) => a - b);

test('a caller who asks too often is answered 429 by REST and by GraphQL alike; others go on', async () => {
  const own = { authorization: `Bearer ${key}` };
  // All on their way at once: whatever comes after them could find a token again.
  const [rest, byGraphql] = await Promise.all([
    Promise.all(Array.from({ length: 30 }, () => ask('/api/workflows/counts', own))),
    Promise.all(Array.from({ length: 30 }, () => graphql('{ workflowCounts { all } }', own))),
  ]);
  const all = [...rest, ...byGraphql];
  expect(statuses(all)).toEqual([200, 429]);
  expect(all.filter(({ status }) => status === 200).length).toBeGreaterThanOrEqual(4);
  for (const answers of [rest, byGraphql]) {
    const refused = answers.find(({ status }) => status === 429);
    expect([refused?.json.error.code, refused?.headers.get('retry-after')]).toEqual(['TOO_MANY_REQUESTS', '1']);
  }

  const stranger = (i: number) => ask('/api/workflows/counts', { 'x-forwarded-for': '203.0.113.7', authorization: `Bearer pb_madeup${i}` });
  const strangers = await Promise.all(Array.from({ length: 60 }, (_, i) => stranger(i)));
  expect(statuses(strangers)).toEqual([401, 429]);
  expect((await ask('/api/openapi.json', { 'x-forwarded-for': '203.0.113.8' })).status).toBe(200);
  const local = await Promise.all(Array.from({ length: 60 }, () => server.api('GET', '/workflows/counts')));
  expect(statuses(local)).toEqual([200]);
  await until(
    () => ask('/api/workflows/counts', own),
    ({ status }) => status === 200,
  );
});

test('without a free connection REST answers 503 with Retry-After, GraphQL says so by its code, and afterwards all goes on', async () => {
  const { database } = server.database;
  const client = await database.createWriterClient();
  await client.connect();
  await client.query('begin');
  await client.query('lock table workflow in access exclusive mode');
  try {
    // Each of them holds one connection of the pool's ten.
    const held = Array.from({ length: 10 }, () => server.api('GET', '/workflows/counts'));
    const waiting = `select count(*)::int as n from pg_locks where not granted and relation = 'workflow'::regclass`;
    await until(
      async () => (await client.query<{ n: number }>(waiting)).rows[0]?.n,
      (n = 0) => n >= 10,
    );
    const local = { authorization: `Bearer ${server.token}` };
    const query = '{ workflowCounts { all } }';
    const mutation = 'mutation { createWorkflow(name: "Too much") { __typename } }';
    const [byRest, byQuery, byMutation] = await Promise.all([
      ask('/api/workflows/counts', local),
      graphql(query, local),
      graphql(mutation, local),
    ]);
    expect([byRest.status, byRest.json.error.code, byRest.headers.get('retry-after')]).toEqual([503, 'SERVER_BUSY', '1']);
    for (const answer of [byQuery, byMutation]) {
      expect(answer.json).toMatchObject({ errors: [{ extensions: { code: 'SERVER_BUSY', params: { retryAfterSeconds: 1 } } }] });
      expect(answer.headers.get('retry-after')).toBe('1');
      expect(answer.text).not.toMatch(/connection|pool|DATABASE/);
    }
    await client.query('rollback');
    expect(statuses(await Promise.all(held))).toEqual([200]);
    expect((await server.api('GET', '/workflows/counts')).status).toBe(200);
  } finally {
    await client.end();
  }
});
