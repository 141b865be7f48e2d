/**
 * Secrets of every kind, each with a mark of its own, on a server that works with all of them: signing in, calling services that send them
 * back, failing, backing up, exporting, refusing bad input. Then every answer, header, log line, socket frame, row and file is searched for
 * the marks, as they are and in the spellings a program may give them.
 */
import { readFileSync, readdirSync } from 'node:fs';
import { type Server, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { basename, join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { seedDefaults } from '@plugboard/persistence';
import { type Socket, io } from 'socket.io-client';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type TestServer, aWorkflow, ended, startTestServer, until } from './test-server.ts';

const mark = (what: string): string => `canary-${what}-7Kq2vX9d`;
const OWNER = { email: 'olga@example.com', password: mark('owner-password') };
const SECRETS = {
  bearer: mark('bearer-token'),
  basic: mark('basic-password'),
  header: mark('header-value'),
  query: mark('query-value'),
  hook: mark('webhook-key'),
  guest: mark('guest-password'),
  wrong: mark('wrong-password'),
  passphrase: mark('backup-passphrase'),
  provider: mark('provider-secret'),
  refused: mark('refused-value'),
};
const GUARD = { 'content-type': 'application/json', 'x-plugboard-request': '1' };

let server: TestServer;
let service: Server;
let address: string;
let socket: Socket;
/** All that came out of the server, with where. */
const heard: { readonly where: string; readonly text: string }[] = [];
/** What is told once, to whom it is for. */
const toldOnce: Record<string, string> = {};
const ids = new Set<string>();

async function call(method: string, path: string, body?: unknown, headers: Readonly<Record<string, string>> = {}): Promise<string> {
  const answer = await server.fetch(path, {
    method,
    headers: { ...('cookie' in headers ? {} : { authorization: `Bearer ${server.token}` }), ...GUARD, ...headers },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  if (method === 'POST' || path === '/api/runs')
    for (const [id] of answer.text.matchAll(/[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}/g)) ids.add(id);
  const sent = [...answer.headers].filter(([name]) => name !== 'set-cookie');
  heard.push({ where: `${method} ${path}`, text: `${JSON.stringify(sent)} ${answer.text}` });
  return answer.text;
}

/** A call whose answer is the one place where a secret is told. */
async function tellOnce(
  what: string,
  path: string,
  body: object,
  find: (answer: Record<string, unknown>, headers: Headers) => unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<string> {
  const answer = await fetch(`${server.url}${path}`, { method: 'POST', headers: { ...GUARD, ...headers }, body: JSON.stringify(body) });
  const text = await answer.text();
  expect(answer.status, `${path} ${text}`).toBeLessThan(300);
  const secret = find(JSON.parse(text || '{}') as Record<string, unknown>, answer.headers);
  expect(secret, `${path} ${text}`).toBeTypeOf('string');
  toldOnce[what] = String(secret);
  return String(secret);
}

async function credential(key: string, type: string, data: object): Promise<void> {
  const text = await call('POST', '/api/credentials', { key, name: key, type, data, allowedHosts: [address] });
  expect(text, key).toContain('"id"');
}

beforeAll(async () => {
  service = createServer((req, res) => {
    const all = JSON.stringify({ url: req.url, headers: req.headers });
    if (req.url?.startsWith('/broken'))
      return void res.writeHead(500, { 'x-echo': String(req.headers.authorization) }).end(`failed on ${all}`);
    if (req.url?.startsWith('/cut')) return void res.destroy();
    res.setHeader('content-type', 'application/json').end(all);
  });
  await new Promise<void>((resolve) => service.listen(0, '127.0.0.1', resolve));
  address = `http://127.0.0.1:${(service.address() as AddressInfo).port}`;
  server = await startTestServer({
    env: { PLUGBOARD_EGRESS_ALLOW: '127.0.0.0/8', PLUGBOARD_OWNER_EMAIL: OWNER.email, PLUGBOARD_OWNER_PASSWORD: OWNER.password },
  });
});
afterAll(async () => {
  socket.disconnect();
  await server.close();
  service.closeAllConnections();
  await new Promise((resolve) => service.close(resolve));
});

async function workWithAll(): Promise<void> {
  const { workspaceId } = await seedDefaults(server.database.database);
  socket = io(server.url, {
    transports: ['websocket'],
    forceNew: true,
    reconnection: false,
    extraHeaders: { authorization: `Bearer ${server.token}` },
  });
  socket.onAny((...frame: unknown[]) => void heard.push({ where: 'socket', text: JSON.stringify(frame) }));
  for (const topic of [`runs:${workspaceId}`, `changed:${workspaceId}`]) await socket.emitWithAck('join', { topic, after: 0 });

  await credential('bearer', 'core/bearer', { token: SECRETS.bearer });
  await credential('basic', 'core/basic', { username: 'ada', password: SECRETS.basic });
  await credential('header', 'core/header', { name: 'X-Key', value: SECRETS.header });
  await credential('query', 'core/query', { name: 'key', value: SECRETS.query });
  await credential('hook', 'core/header', { name: 'X-Hook', value: SECRETS.hook });
  const ask = (path: string, key: string): [string, object] => ['core/http-request', { url: `${address}${path}`, credential: key }];
  for (const key of ['bearer', 'basic', 'header', 'query'] as const) {
    for (const [kind, path] of [
      ['good', '/echo'],
      ['failing', '/broken'],
      ['cut', '/cut'],
    ] as const)
      await server.publish(aWorkflow(`${key} ${kind}`, { path: `${key}-${kind}` }, ['ask', ...ask(path, key)]));
  }
  await server.publish(
    aWorkflow(
      'thrown',
      { path: 'thrown' },
      ['ask', ...ask('/echo', 'bearer')],
      ['bad', 'core/code', { code: 'throw new Error(JSON.stringify(items))' }],
    ),
  );
  const guarded = aWorkflow('guarded', { path: 'guarded' });
  Object.assign((guarded.nodes[0] as { data: { params: object } }).data.params, { auth: 'header', headerCredential: 'hook' });
  await server.publish(guarded);

  for (const path of ['bearer', 'basic', 'header', 'query'].flatMap((key) => ['good', 'failing', 'cut'].map((kind) => `${key}-${kind}`)))
    await call('POST', `/hooks/${path}`, {});
  await call('POST', '/hooks/thrown', {});
  await call('POST', '/hooks/guarded', {}, { 'x-hook': SECRETS.hook });
  await call('POST', '/hooks/guarded', {}, { 'x-hook': `${SECRETS.hook}-almost` });
  await call('POST', '/hooks/guarded', `{ broken`, { 'x-hook': SECRETS.hook });

  const session = await tellOnce('session', '/api/session', OWNER, (_, headers) => /=([^;]+)/.exec(headers.get('set-cookie') ?? '')?.[1]);
  const signedIn = { cookie: `plugboard=${session}` };
  await call('POST', '/api/session', { email: OWNER.email, password: SECRETS.wrong });
  const scopes = ['workflow.read'];
  const key = await tellOnce('api key', '/api/api-keys', { name: 'ci', scopes }, ({ secret }) => secret, signedIn);
  await call('GET', '/api/workflows', undefined, { authorization: `Bearer ${key}` });
  await tellOnce('token', '/api/tokens', { audience: 'api' }, ({ token }) => token, signedIn);
  const robot = JSON.parse(await call('POST', '/api/services', { name: 'robot', role: 'runner' })) as { id: string };
  await tellOnce('key of a service', `/api/services/${robot.id}/keys`, { name: 'x', scopes }, ({ secret }) => secret, signedIn);
  const guest = { email: 'gina@example.com', role: 'viewer' };
  const token = await tellOnce('invitation', '/api/invitations', guest, ({ link }) => /[\w-]{30,}$/.exec(String(link))?.[0], signedIn);
  await call('POST', '/api/invitations/accept', { token, name: 'Gina', password: SECRETS.guest }, { cookie: '' });
  for (const path of ['/session', '/sessions', '/person', '/person/export', '/person/identities'])
    await call('GET', `/api${path}`, undefined, signedIn);
  await call('PUT', '/api/identity-providers', {
    key: 'company',
    title: 'Company',
    issuer: 'https://id.example.com',
    clientId: 'plugboard',
    clientSecret: SECRETS.provider,
  });
  await call('POST', '/api/backups', { passphrase: SECRETS.passphrase });

  // Refused in every way, with a secret where it does not belong.
  const wrong = {
    key: 'NOT A KEY',
    name: '',
    type: 'core/bearer',
    data: { token: SECRETS.refused, more: SECRETS.refused },
    allowedHosts: ['*'],
  };
  await call('POST', '/api/credentials', wrong);
  await call('POST', '/api/credentials', { ...wrong, type: 'core/none' });
  await call('POST', '/api/credentials', JSON.stringify(wrong).slice(0, -2));
  await call('POST', '/api/session', { email: 7, password: { text: SECRETS.refused } });
  await call('GET', '/api/runs', undefined, { authorization: `Bearer ${SECRETS.refused}` });
  await call('GET', '/api/runs', undefined, { authorization: `Basic ${Buffer.from(`a:${SECRETS.refused}`).toString('base64')}` });
  const query =
    'mutation ($data: JSON!, $hosts: [String!]!) { createCredential(key: "x", name: "x", type: "core/bearer", data: $data, allowedHosts: $hosts) { __typename ... on Problem { code message params } } }';
  await call('POST', '/graphql', { query, variables: { data: { tokn: SECRETS.refused }, hosts: ['a.example'] } });
  await call('POST', '/graphql', { query, variables: { data: { token: SECRETS.refused }, hosts: [] } });
}

/** Of addresses that do not answer without one. */
const QUERIES: Readonly<Record<string, string>> = { '/find': '?text=a', '/views': '?page=runs', '/settings': '?level=workspace' };

/** Every address that is read from, for every id that was ever told. */
async function readEverything(): Promise<void> {
  const { paths } = JSON.parse(await call('GET', '/api/openapi.json')) as { paths: Record<string, { get?: object }> };
  const known = [...ids];
  const nodes = ['ask', 'bad'];
  const addresses = ['/metrics', '/healthz', '/readyz'];
  for (const [path, { get }] of Object.entries(paths)) {
    if (!get) continue;
    const params = [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name);
    const full = path.startsWith('/api') ? path : `/api${path}`;
    if (params.length === 0) addresses.push(`${full}${QUERIES[path.replace(/^\/api/, '')] ?? ''}`);
    for (const id of params.length > 0 ? known : []) {
      for (const node of params.includes('nodeId') ? nodes : ['']) {
        const named: Readonly<Record<string, string>> = { nodeId: node, number: '1', key: 'x' };
        const of = full.replaceAll(/\{(\w+)\}/g, (_, name: string) => named[name] ?? id);
        addresses.push(...(path.endsWith('/data') ? [`${of}?side=input`, `${of}?side=output`] : [of]));
      }
    }
  }
  const askNext = async (): Promise<void> => {
    for (let next = addresses.pop(); next !== undefined; next = addresses.pop()) await call('GET', next);
  };
  await Promise.all(Array.from({ length: 8 }, askNext));
}

/** As a program may write them. */
function spellings(secret: string): string[] {
  const bytes = Buffer.from(secret);
  return [secret, encodeURIComponent(secret), bytes.toString('base64'), bytes.toString('base64url'), bytes.toString('hex')];
}

async function rows(): Promise<{ where: string; text: string }[]> {
  const { database } = server.database;
  const tables = await database.query<{ name: string }>(
    `select format('%I', tablename) as name from pg_tables where schemaname = 'public'`,
  );
  const found: { where: string; text: string }[] = [];
  for (const { name } of tables) {
    const texts = await database.query<{ text: string }>(`select t::text as text from ${name} t`);
    found.push(...texts.map(({ text }) => ({ where: `table ${name}`, text })));
  }
  expect(found.length).toBeGreaterThan(100);
  return found;
}

/** What the server wrote, packed files unpacked. */
function files(): { where: string; text: string }[] {
  return readdirSync(server.dataDir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => {
      const path = join(entry.parentPath, entry.name);
      const bytes = readFileSync(path);
      const text = (bytes[0] === 0x1f && bytes[1] === 0x8b ? gunzipSync(bytes) : bytes).toString('latin1');
      return { where: `file ${basename(path)}`, text };
    });
}

test('S0-039: no secret of any kind is in any answer, log line, socket frame, row, export, backup or file', async () => {
  await workWithAll();
  await until(
    () => heard.some(({ where }) => where === 'socket'),
    (isHeard) => isHeard,
  );
  const { runs } = JSON.parse(await call('GET', '/api/runs')) as { runs: { id: string }[] };
  for (const { id } of runs) await ended(server, id);
  await readEverything();

  const log = { where: 'log', text: server.log() };
  const everything = [...heard, log, ...(await rows()), ...files()];
  const secrets = { ...SECRETS, 'owner password': OWNER.password, ...toldOnce, 'local token': server.token };
  const found = new Set<string>();
  for (const [what, secret] of Object.entries(secrets)) {
    const forms = spellings(secret);
    for (const { where, text } of everything) {
      // The command line on this machine reads its token from there.
      if (what === 'local token' && where === 'file server.json') continue;
      if (forms.some((form) => text.includes(form))) found.add(`${what} in ${where}`);
    }
  }
  expect([...found]).toEqual([]);
  // They were looked for where they could have been: services were asked, and their answers kept.
  expect(everything.some(({ where, text }) => where.startsWith('GET /api/runs/') && text.includes('*****'))).toBe(true);
  expect(heard.filter(({ where, text }) => where.startsWith('GET /api') && !text.includes('"error":{')).length).toBeGreaterThan(200);
}, 240_000);
