/** Files from end to end: uploaded, read and made by runs, downloaded, and gone with their run; and what steps keep between runs. */
import { once } from 'node:events';
import { type AddressInfo, type Server, connect, createServer } from 'node:net';
import { createTestDatabase, type TestDatabase } from '@plugboard/persistence/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type TestServer, startTestServer } from './test-server.ts';

let server: TestServer;
/** In front of a database of the test's own. */
let gate: Server;
let own: TestDatabase;
const portOf = (one: Server): number => (one.address() as AddressInfo).port;
beforeAll(async () => {
  own = await createTestDatabase({ isEmpty: true });
  const url = new URL(own.url);
  const folder = url.searchParams.get('host');
  gate = createServer((near) => {
    const far = folder === null ? connect(Number(url.port || 5432), url.hostname) : connect(`${folder}/.s.PGSQL.5432`);
    for (const socket of [near, far]) socket.on('error', () => undefined).once('close', () => (near.destroy(), far.destroy()));
    near.pipe(far).pipe(near);
  }).listen(0, '127.0.0.1');
  await once(gate, 'listening');
  server = await startTestServer({ env: { PLUGBOARD_FILE_LIMIT: '16 KiB', PLUGBOARD_EGRESS_ALLOW: `127.0.0.1:${portOf(gate)}` } });
});
afterAll(async () => {
  await server.close();
  gate.close();
  await own.close();
});

interface Node {
  readonly id: string;
  readonly type: string;
  readonly params?: object;
}

function aChain(name: string, ...nodes: readonly Node[]): object {
  const all: readonly Node[] = [{ id: 'start', type: 'core/manual' }, ...nodes];
  return {
    schema: 1,
    name,
    nodes: all.map(({ id, type, params = {} }, n) => ({
      id,
      type,
      position: { x: n * 200, y: 0 },
      data: { name: id, typeVersion: 1, params },
    })),
    edges: all.slice(1).map(({ id }, n) => ({ id: `e${n}`, source: all[n]?.id, sourceHandle: 'main', target: id, targetHandle: 'main' })),
    settings: {},
  };
}

interface Ended {
  readonly status: string;
  readonly error?: { readonly code: string };
}

async function ran(workflow: string, input: object): Promise<Ended & { readonly id: string; readonly output: unknown }> {
  const { json } = await server.api<{ runId: string }>('POST', '/runs', { workflow, input });
  const state = await server.api<Ended>('GET', `/runs/${json.runId}/state?waitMs=30000`);
  const output = await server.api<{ output?: unknown; items?: unknown }>('GET', `/runs/${json.runId}/output`);
  return { ...state.json, id: json.runId, output: output.json };
}

const upload = (name: string, body: string) =>
  server.fetch<{ files: { id: string; sha256: string }[] }>(`/api/files?name=${name}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${server.token}` },
    body,
  });

test('an uploaded file is read by a run, whose own file is found by expressions and downloaded by its link', async () => {
  const text = 'grüße '.repeat(1000);
  const { json } = await upload('notes.txt', text);
  await server.publish(
    aChain(
      'files',
      { id: 'read', type: 'core/read-file', params: { from: 'store', id: '={{ $json.id }}' } },
      {
        id: 'write',
        type: 'core/write-file',
        params: { content: '={{ $json.data.toUpperCase() }}', name: 'loud-{{ $json.id }}.txt', to: 'loud' },
      },
      {
        id: 'tell',
        type: 'core/set',
        params: {
          keep: 'none',
          fields: { name: '={{ $item.files.loud.name }}', size: '={{ $files.loud.size }}', id: '={{ $item.files.loud.id }}' },
        },
      },
    ),
  );
  const run = await ran('files', { id: json.files[0]?.id });
  expect(run.status).toBe('succeeded');
  const listed = await server.api<{ rows: { id: string; name: string; runId: string; sizeBytes: number }[] }>(
    'GET',
    `/files?runId=${run.id}`,
  );
  const [made] = listed.json.rows;
  expect(made).toMatchObject({ runId: run.id, sizeBytes: Buffer.byteLength(text) });
  expect(JSON.stringify(run.output)).toContain(made?.id ?? 'no file');
  expect(JSON.stringify(run.output), 'data has links, never contents').not.toContain('GRÜSSE GRÜSSE');
  const back = await server.fetch(`/api/files/${made?.id ?? ''}`, { headers: { authorization: `Bearer ${server.token}` } });
  expect([back.status, back.text]).toEqual([200, text.toUpperCase()]);
});

test('a file that is too large fails its step, and a file nobody has too', async () => {
  await server.publish(
    aChain('too-large', { id: 'write', type: 'core/write-file', params: { content: '={{ "x".repeat(20000) }}', name: 'a' } }),
    aChain('no-file', { id: 'read', type: 'core/read-file', params: { from: 'store', id: '={{ $json.id }}' } }),
  );
  expect(await ran('too-large', {})).toMatchObject({ status: 'failed', error: { code: 'FILE_TOO_LARGE' } });
  for (const id of [crypto.randomUUID(), "' or 1=1 --", '../../etc/passwd'])
    expect(await ran('no-file', { id })).toMatchObject({ status: 'failed', error: { code: 'FILE_NOT_FOUND' } });
});

test('a run does not go on with what an earlier run of its workflow had', async () => {
  await server.publish(
    aChain(
      'seen',
      { id: 'split', type: 'core/split', params: { field: 'ids' } },
      { id: 'new', type: 'core/dedupe', params: { remember: 'workflow' } },
    ),
  );
  const first = await ran('seen', { ids: [1, 2, 1] });
  const second = await ran('seen', { ids: [2, 3] });
  expect(first.status).toBe('succeeded');
  const numbers = (output: unknown): readonly number[] =>
    [...JSON.stringify(output).matchAll(/"ids":(\d)/g)].map((match) => Number(match[1]));
  expect([numbers(first.output), numbers(second.output)]).toEqual([[1, 2], [3]]);
});

test('steps connect to nothing inside unless the operator allows it', async () => {
  const inside = createServer().listen(0, '127.0.0.1');
  await once(inside, 'listening');
  const port = portOf(inside);
  let connections = 0;
  inside.on('connection', (socket) => {
    connections += 1;
    socket.destroy();
  });
  const credential = await server.api<{ id?: string }>('POST', '/credentials', {
    type: 'core/postgres',
    name: 'Inside',
    key: 'inside',
    data: { host: '127.0.0.1', port, database: 'x', user: 'x', password: 'x', tls: 'off' },
  });
  expect(credential.status, credential.text).toBe(201);
  await server.publish(aChain('inside', { id: 'read', type: 'core/postgres', params: { account: 'inside', sql: 'select 1' } }));
  const run = await ran('inside', {});
  expect(run).toMatchObject({ status: 'failed', error: { code: 'EGRESS_DENIED' } });
  expect(connections).toBe(0);
  inside.close();
});

test('a published workflow uses the database its credential names, and the password is in no record', async () => {
  const url = new URL(own.url);
  const password = 'canary-of-the-database';
  const user = decodeURIComponent(url.username);
  await own.database.query('create table visit (id int primary key, who text)');
  const made = await server.api('POST', '/credentials', {
    type: 'core/postgres',
    name: 'Visits',
    key: 'visits',
    data: {
      host: '127.0.0.1',
      port: portOf(gate),
      database: own.name,
      user,
      password: decodeURIComponent(url.password) || password,
      tls: 'off',
    },
  });
  expect(made.status, made.text).toBe(201);
  await server.publish(
    aChain(
      'visits',
      {
        id: 'write',
        type: 'core/postgres',
        params: {
          account: 'visits',
          operation: 'upsert',
          table: 'visit',
          keys: ['id'],
          columns: { id: '={{ $json.id }}', who: '={{ $json.who }}' },
        },
      },
      {
        id: 'read',
        type: 'core/postgres',
        params: { account: 'visits', sql: 'select who from visit where id = $1', values: ['={{ $json.id }}'] },
      },
    ),
  );
  const run = await ran('visits', { id: 7, who: "O'Hara" });
  expect(run, JSON.stringify(run)).toMatchObject({ status: 'succeeded' });
  expect(JSON.stringify(run.output)).toContain("O'Hara");
  const wrong = await server.api('POST', '/credentials', {
    type: 'core/postgres',
    name: 'Wrong',
    key: 'wrong',
    data: { host: '127.0.0.1', port: portOf(gate), database: 'no_such_database', user, password, tls: 'off' },
  });
  expect(wrong.status, wrong.text).toBe(201);
  await server.publish(aChain('wrong', { id: 'read', type: 'core/postgres', params: { account: 'wrong', sql: 'select 1' } }));
  const failed = await ran('wrong', {});
  expect(failed).toMatchObject({ status: 'failed', error: { code: 'PG_SIGN_IN' } });
  const records = await server.database.database.query<{ text: string }>(
    `select convert_from(journal, 'utf8') as text from run where id = any($1::uuid[])`,
    [[run.id, failed.id]],
  );
  expect(records.length).toBe(2);
  const detail = await server.api('GET', `/runs/${failed.id}`);
  expect(`${records.map((one) => one.text).join()} ${detail.text} ${server.log()}`).not.toContain(password);
});
