/** The live view of a whole server: real runs, real sockets, real people whose rights are taken away. */
import {
  createPerson,
  createWorkspace,
  inInstance,
  addMember,
  openSession,
  revokeSessions,
  removeMember,
  inWorkspace,
  seedDefaults,
} from '@plugboard/persistence';
import { type Socket, io } from 'socket.io-client';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { API_KEY_PREFIX, newToken } from '../src/auth/opaque-token.ts';
import { type Gate, type TestServer, aWorkflow, ended, openGate, startTestServer, until } from './test-server.ts';

interface Fact {
  readonly seq: number;
  readonly type: string;
}
interface Answer {
  readonly ok?: true;
  readonly seq?: number;
  readonly problem?: { readonly code: string };
}
type Headers = Readonly<Record<string, string>>;

const CANARY = 'canary-of-the-data-7f3a';
const ITEMS = 30;

let server: TestServer;
let gate: Gate;
let workspaceId: string;
let runOfOthers: string;
const sockets: Socket[] = [];

/** A person of the workspace with a session. */
async function aPerson(role: 'viewer' | 'admin' | undefined, slug = 'default'): Promise<{ id: string; headers: Headers }> {
  const { database } = server.database;
  const made = await createPerson(database, { email: `${crypto.randomUUID()}@example.com`, displayName: 'Somebody' });
  if (made.kind !== 'created') throw new Error(made.kind);
  const [workspace] = await database.query<{ id: string }>('select id from workspace where slug = $1', [slug]);
  if (role && workspace)
    await addMember(database, { workspaceId: workspace.id, principalId: made.personId, role, createdBy: made.personId });
  const { token, hash } = newToken();
  await openSession(database, { tokenHash: hash, personId: made.personId, idleMs: 3_600_000, absoluteMs: 3_600_000 });
  return { id: made.personId, headers: { cookie: `plugboard=${token}` } };
}

function socketOf(headers: Headers): Socket {
  const socket = io(server.url, { transports: ['websocket'], forceNew: true, reconnection: false, extraHeaders: { ...headers } });
  sockets.push(socket);
  return socket;
}

async function connected(headers: Headers): Promise<Socket> {
  const socket = socketOf(headers);
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('connect_error', reject);
  });
  return socket;
}

const join = (socket: Socket, topic: string, after = 0): Promise<Answer> => socket.emitWithAck('join', { topic, after }) as Promise<Answer>;
const system = (): Headers => ({ authorization: `Bearer ${server.token}` });

beforeAll(async () => {
  gate = await openGate();
  server = await startTestServer({ env: { PLUGBOARD_EGRESS_ALLOW: '127.0.0.1' } });
  ({ workspaceId } = await seedDefaults(server.database.database));
  const calls = aWorkflow(
    'Calls',
    { path: 'calls', reply: 'immediate' },
    ['list', 'core/code', { code: `return Array.from({ length: ${ITEMS} }, (_, n) => ({ json: { n, secret: '${CANARY}' } }));` }],
    ['call', 'core/http-request', { method: 'POST', url: gate.url, body: { n: '={{ $json.n }}' } }],
    ['done', 'core/set', {}],
  );
  await server.publish(calls, aWorkflow('Quick', { path: 'quick' }));
});

afterEach(() => {
  for (const socket of sockets.splice(0)) socket.disconnect();
});

afterAll(async () => {
  await server.close();
  await gate.close();
});

describe('a watched run', () => {
  test('S1-085: is complete and in order after ten forced reconnects while it goes on, and carries no item data', async () => {
    const { json } = await server.hook<{ runId: string }>('calls', {});
    const { runId } = json;
    const facts: Fact[] = [];
    const frames: string[] = [];
    const { headers } = await aPerson('viewer');
    const listen = async (): Promise<Socket> => {
      const socket = await connected(headers);
      socket.onAny((...args: unknown[]) => void frames.push(JSON.stringify(args)));
      socket.on('facts', (frame: { facts: Fact[] }) => void facts.push(...frame.facts));
      expect(await join(socket, `run:${runId}`, facts.at(-1)?.seq ?? 0)).toMatchObject({ ok: true });
      return socket;
    };
    let socket = await listen();
    await until(
      () => gate.held,
      (held) => held > 0,
    );
    for (let round = 0; round < 10; round += 1) {
      const before = gate.seen.length;
      gate.letOne();
      await until(
        () => gate.seen.length + gate.held,
        (seen) => seen > before || gate.held === 0,
      );
      // Cut in the middle of what may be on its way.
      socket.io.engine.close();
      gate.letOne();
      socket = await listen();
    }
    gate.open();
    await ended(server, runId);
    await until(
      () => facts.at(-1)?.type,
      (type) => type === 'run.ended',
    );
    const { json: told } = await server.api<{ facts: Fact[] }>('GET', `/runs/${runId}/facts`);
    expect(facts.map((fact) => fact.seq)).toEqual(told.facts.map((_, index) => index + 1));
    expect(facts).toEqual(told.facts);
    expect(facts.length).toBeGreaterThan(10);
    expect(frames.join()).not.toContain(CANARY);
    runOfOthers = runId;
  });

  test('of a run that has ended long ago gives its facts from wherever one stands', async () => {
    const socket = await connected(system());
    const facts: Fact[] = [];
    socket.on('facts', (frame: { facts: Fact[] }) => void facts.push(...frame.facts));
    const { seq = 0 } = await join(socket, `run:${runOfOthers}`, 3);
    await until(
      () => facts.length,
      (count) => count === seq - 3,
    );
    expect(facts[0]?.seq).toBe(4);
  });
});

describe('what a socket may not hear', () => {
  test('nobody opens one without a credential that holds, nor from the page of another site', async () => {
    const { headers } = await aPerson('viewer');
    const wrong: Readonly<Record<string, string>>[] = [
      {},
      { cookie: 'plugboard=made-up' },
      { authorization: 'Bearer made-up' },
      { ...headers, origin: 'https://evil.example' },
    ];
    for (const refused of wrong) await expect(connected(refused)).rejects.toThrow();
  });

  test('a run, the runs and the changes of another workspace are not found, the same as what does not exist', async () => {
    const { database } = server.database;
    const stranger = await aPerson(undefined);
    await inInstance(database, (tx) =>
      createWorkspace(tx, { slug: 'other', name: 'Other', zone: 'UTC', ownerId: stranger.id, createdBy: stranger.id }),
    );
    const socket = await connected(stranger.headers);
    const missing = await join(socket, `run:${crypto.randomUUID()}`);
    expect(missing.problem?.code).toBe('NOT_FOUND');
    for (const topic of [`run:${runOfOthers}`, `runs:${workspaceId}`, `changed:${workspaceId}`])
      expect(await join(socket, topic)).toEqual(missing);
  });

  test('a person who is taken out of the workspace hears no more, within two seconds', async () => {
    const person = await aPerson('viewer');
    const socket = await connected(person.headers);
    const refused: string[] = [];
    socket.on('refused', ({ topic }: { topic: string }) => void refused.push(topic));
    const topics = [`run:${runOfOthers}`, `runs:${workspaceId}`, `changed:${workspaceId}`];
    for (const topic of topics) expect(await join(socket, topic)).toMatchObject({ ok: true });
    const system = await seedDefaults(server.database.database);
    await inWorkspace(server.database.database, { workspaceId, principalId: system.systemPrincipalId }, (tx) =>
      removeMember(tx, person.id),
    );
    await until(
      () => refused.length,
      (count) => count === 3,
    );
    expect(refused.toSorted()).toEqual(topics.toSorted());
  });

  test('a session that is revoked closes its sockets', async () => {
    const person = await aPerson('viewer');
    const socket = await connected(person.headers);
    const closed = new Promise((resolve) => socket.once('disconnect', resolve));
    await revokeSessions(server.database.database, person.id);
    await closed;
    await expect(connected(person.headers)).rejects.toThrow();
  });

  test('an API key opens a socket in its own workspace only, and a revoked one closes it', async () => {
    const owner = await aPerson('admin');
    const made = await server.fetch<{ id: string; secret: string }>('/api/api-keys', {
      method: 'POST',
      headers: { ...owner.headers, 'content-type': 'application/json', 'x-plugboard-request': '1' },
      body: JSON.stringify({ name: 'watcher', scopes: ['run.read'] }),
    });
    expect(made.json.secret.startsWith(API_KEY_PREFIX)).toBe(true);
    const socket = await connected({ authorization: `Bearer ${made.json.secret}` });
    expect(await join(socket, `run:${runOfOthers}`)).toMatchObject({ ok: true });
    expect((await join(socket, `changed:${workspaceId}`)).problem?.code).toBe('FORBIDDEN');
    const closed = new Promise((resolve) => socket.once('disconnect', resolve));
    await server.fetch(`/api/api-keys/${made.json.id}`, { method: 'DELETE', headers: { ...owner.headers, 'x-plugboard-request': '1' } });
    await closed;
  });
});

describe('the lists', () => {
  test('runs of the workspace are told as counts and heads', async () => {
    const socket = await connected((await aPerson('viewer')).headers);
    const news = { started: 0, ended: 0, heads: new Set<string>() };
    socket.on('runs', (frame: { started: number; ended: number; heads: { id: string; status: string }[] }) => {
      news.started += frame.started;
      news.ended += frame.ended;
      for (const head of frame.heads) news.heads.add(`${head.id} ${head.status}`);
    });
    await join(socket, `runs:${workspaceId}`);
    for (let n = 0; n < 30; n += 1) await server.hook('quick', { n });
    await until(
      () => news.ended,
      (count) => count >= 30,
    );
    expect(news).toMatchObject({ started: 30, ended: 30 });
    expect(news.heads.size).toBeGreaterThan(0);
    expect([...news.heads].every((head) => head.endsWith('succeeded'))).toBe(true);
  });

  test('what a person changes is told by kind, id and revision, once it is committed', async () => {
    const socket = await connected((await aPerson('viewer')).headers);
    const changes: { kind: string; id: string }[] = [];
    socket.on('changed', (frame: { changes: { kind: string; id: string }[] }) => void changes.push(...frame.changes));
    await join(socket, `changed:${workspaceId}`);
    const { json } = await server.api<{ workflowId: string }>('POST', '/workflows/import', {
      definition: aWorkflow('New', { path: 'new' }),
    });
    const told = (id: string): boolean => changes.some((change) => change.kind === 'workflow' && change.id === id);
    await until(
      () => changes,
      () => told(json.workflowId),
    );
    // What was refused changed nothing.
    expect((await server.api('DELETE', `/workflows/${crypto.randomUUID()}`)).status).toBe(404);
    const { json: next } = await server.api<{ workflowId: string }>('POST', '/workflows/import', {
      definition: aWorkflow('Next', { path: 'next' }),
    });
    await until(
      () => changes,
      () => told(next.workflowId),
    );
    expect(new Set(changes.map((change) => change.id))).toEqual(new Set([json.workflowId, next.workflowId]));
  });

  test('whoever may not see a project hears nothing of its workflows and runs', async () => {
    const { database } = server.database;
    const seesAll = await connected(system());
    const seesSome = await connected((await aPerson('viewer')).headers);
    const heard = { all: new Set<string>(), some: new Set<string>() };
    for (const [who, socket] of [
      ['all', seesAll],
      ['some', seesSome],
    ] as const) {
      socket.on('changed', (frame: { changes: { id: string }[] }) => frame.changes.forEach((change) => heard[who].add(change.id)));
      socket.on('runs', (frame: { heads: { workflowId: string }[] }) =>
        frame.heads.forEach((head) => heard[who].add(`run of ${head.workflowId}`)),
      );
      await join(socket, `changed:${workspaceId}`);
      await join(socket, `runs:${workspaceId}`);
    }
    const { json } = await server.api<{ workflowId: string }>('POST', '/workflows/import', {
      definition: aWorkflow('Hidden', { path: 'hidden' }),
      publish: true,
    });
    await until(
      () => heard.some,
      (set) => set.has(json.workflowId),
    );
    // Its project becomes one for members only.
    await database.query(
      `with p as (update project set visibility = 'members' where id = (select project_id from workflow where id = $1))
      update workspace set access_version = access_version + 1 where id = $2`,
      [json.workflowId, workspaceId],
    );
    expect((await join(seesSome, `changed:${workspaceId}`)).ok).toBe(true);
    expect((await join(seesSome, `runs:${workspaceId}`)).ok).toBe(true);
    heard.some.clear();
    heard.all.clear();
    await server.hook('hidden', {});
    await server.api('DELETE', `/workflows/${json.workflowId}`);
    await until(
      () => heard.all,
      (set) => set.has(json.workflowId) && set.has(`run of ${json.workflowId}`),
    );
    expect([...heard.some]).toEqual([]);
    await database.query(`update project set visibility = 'workspace'`);
  });
});

describe('metrics and stopping', () => {
  test('open sockets are counted', async () => {
    await connected(system());
    const { text } = await server.fetch('/metrics', { headers: system() });
    expect(text).toMatch(/^plugboard_live_sockets [1-9]/m);
  });
});
