/**
 * Who hears what over sockets: every topic, asked for by everybody who can open a socket, of their own workspace and of another one, over real
 * connections to a whole server. Exactly the table of permissions says yes, what is told leaves out what one may not see, and with the right
 * goes the sound.
 */
import { type Database, inWorkspace, removeMember, revokeApiKey, seedDefaults } from '@plugboard/persistence';
import { type Socket, io } from 'socket.io-client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ACTIONS, type Action, covers } from '../src/access/actions.ts';
import { type TestCaller, type TestCallers, type Who, createTestCallers, everyone } from '../src/operation/callers.test-kit.ts';
import { type TestServer, aWorkflow, ended, startTestServer, until } from './test-server.ts';

interface Listener extends Who {
  readonly socket: Socket;
  /** Of a key or a token that may not do everything. */
  readonly scopes?: readonly Action[];
  /** Whose workspace `elsewhere` is. */
  readonly isElsewhere?: boolean;
  /** Came with a short token, which is for one workspace. */
  readonly isByToken?: boolean;
  readonly frames: { readonly event: string; readonly topic: string; readonly text: string }[];
}

interface Topic {
  readonly name: string;
  readonly of: string;
  readonly action: Action;
  /** In which workspace, and whether it is in a project that nobody but its keeper sees. */
  readonly where: 'here' | 'elsewhere' | 'hidden' | 'nowhere' | 'oneself';
}

let server: TestServer;
let database: Database;
let callers: TestCallers;
let listeners: Listener[];
let topics: Topic[];
let keeper: TestCaller;
const open = { workflowId: '', runId: '' };
const hidden = { workflowId: '', runId: '' };

async function call(by: TestCaller, method: string, path: string, body?: object): Promise<Record<string, string>> {
  const { status, text, json } = await server.fetch<Record<string, string>>(`/api${path}`, {
    method,
    headers: { ...by.headers, 'content-type': 'application/json' },
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
  expect(status, `${method} ${path} ${text}`).toBeLessThan(300);
  return json;
}

async function publishAndRun(by: TestCaller, name: string, projectId?: string): Promise<{ workflowId: string; runId: string }> {
  const definition = aWorkflow(name, { path: name }, ['say', 'core/set', {}]);
  const { workflowId = '' } = await call(by, 'POST', '/workflows/import', {
    definition,
    publish: true,
    ...(projectId ? { projectId } : {}),
  });
  const { runId = '' } = await call(by, 'POST', '/runs', { workflow: name });
  await call(by, 'GET', `/runs/${runId}/state?waitMs=30000`);
  return { workflowId, runId };
}

function socketOf(headers: Readonly<Record<string, string>>): Socket {
  return io(server.url, { transports: ['websocket'], forceNew: true, reconnection: false, extraHeaders: { ...headers } });
}

async function listenAs(who: Who, more: Partial<Listener> = {}): Promise<Listener> {
  const socket = socketOf(who.by.headers);
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('connect_error', reject);
  });
  const frames: Listener['frames'] = [];
  socket.onAny((event: string, frame: { topic: string }) => void frames.push({ event, topic: frame.topic, text: JSON.stringify(frame) }));
  return { ...who, ...more, socket, frames };
}

/** Somebody with a short token of theirs, which is what pages and programs open sockets with. */
async function byToken(who: Who, scopes?: readonly Action[]): Promise<Who> {
  const { token } = await call(who.by, 'POST', '/tokens', { audience: 'live', ...(scopes ? { scopes } : {}) });
  return { ...who, title: `${who.title}, by token`, by: { ...who.by, headers: { authorization: `Bearer ${token}` } } };
}

beforeAll(async () => {
  server = await startTestServer();
  ({ database } = server.database);
  const defaults = await seedDefaults(database);
  callers = createTestCallers({ database, defaults, localToken: server.token });
  const elsewhere = await callers.otherWorkspace('elsewhere');
  const everybody = (await everyone(callers, database)).filter((who) => who.kind !== 'nobody');
  const owner = everybody.find((who) => who.title === 'owner signed in');
  if (!owner) throw new Error('there is an owner');
  // Sockets belong to no workspace: each topic names its own, and strangers here are at home elsewhere.
  listeners = await Promise.all(everybody.map((who) => listenAs(who, { isElsewhere: who.role === undefined })));
  for (const who of everybody.filter((one) => one.kind === 'person' && one.role !== undefined))
    listeners.push(await listenAs(await byToken(who), { isByToken: true }));
  for (const scope of ['run.read', 'workspace.read', 'member.read', 'run.readData'] as const) {
    const by = await callers.apiKey(owner.by, [scope]);
    listeners.push(await listenAs({ title: `owner by key for ${scope}`, kind: 'key', role: 'owner', by }, { scopes: [scope] }));
    listeners.push(await listenAs(await byToken(owner, [scope]), { scopes: [scope], isByToken: true }));
  }
  const stranger = await callers.person('owner', { in: 'elsewhere' });
  for (const [title, kind, by] of [
    ['owner elsewhere', 'person', stranger],
    ['key elsewhere', 'key', await callers.apiKey(stranger)],
  ] as const)
    listeners.push(await listenAs({ title, kind, role: undefined, by }, { isElsewhere: true }));

  keeper = await callers.person('editor');
  const [project] = await database.query<{ id: string }>(
    `insert into project (id, workspace_id, slug, name, visibility, owner_id, created_by) values (gen_random_uuid(), $1, 'private', 'Private', 'members', $2, $2) returning id`,
    [defaults.workspaceId, keeper.principalId],
  );
  Object.assign(hidden, await publishAndRun(keeper, 'concealed', project?.id));
  Object.assign(open, await publishAndRun(callers.system, 'shown'));
  const there = await publishAndRun(stranger, 'foreign');
  const none = crypto.randomUUID();
  const here = defaults.workspaceId;
  topics = [
    { name: `run:${open.runId}`, of: 'a run', action: 'run.read', where: 'here' },
    { name: `runs:${here}`, of: 'the runs', action: 'run.read', where: 'here' },
    { name: `runs:${here}:${open.workflowId}`, of: 'the runs of a workflow', action: 'run.read', where: 'here' },
    { name: `changed:${here}`, of: 'the news', action: 'workspace.read', where: 'here' },
    { name: `run:${hidden.runId}`, of: 'a hidden run', action: 'run.read', where: 'hidden' },
    { name: `runs:${here}:${hidden.workflowId}`, of: 'the runs of a hidden workflow', action: 'run.read', where: 'hidden' },
    { name: `run:${there.runId}`, of: 'a run elsewhere', action: 'run.read', where: 'elsewhere' },
    { name: `runs:${elsewhere.workspaceId}`, of: 'the runs elsewhere', action: 'run.read', where: 'elsewhere' },
    { name: `changed:${elsewhere.workspaceId}`, of: 'the news elsewhere', action: 'workspace.read', where: 'elsewhere' },
    {
      name: `runs:${here}:${there.workflowId}`,
      of: 'the runs of a workflow under the wrong workspace',
      action: 'run.read',
      where: 'nowhere',
    },
    { name: `run:${none}`, of: 'a run that is none', action: 'run.read', where: 'nowhere' },
    { name: `runs:${none}`, of: 'the runs of no workspace', action: 'run.read', where: 'nowhere' },
    { name: `person:${owner.by.principalId}`, of: 'what the owner is told', action: 'workspace.read', where: 'oneself' },
    { name: `person:${none}`, of: 'what nobody is told', action: 'workspace.read', where: 'oneself' },
    { name: `changed:${none}`, of: 'the news of no workspace', action: 'workspace.read', where: 'nowhere' },
  ];
});
afterAll(async () => {
  for (const { socket } of listeners) socket.disconnect();
  await server.close();
});

function due({ name, action, where }: Topic, who: Listener): string {
  // Nobody hears what is told to somebody else, and neither a key nor a token is the person.
  if (where === 'oneself')
    return who.kind === 'person' && who.isByToken !== true && name === `person:${who.by.principalId}` ? 'joined' : 'NOT_FOUND';
  // The command line may everything; of a workspace that is none it just never hears.
  if (who.kind === 'system') return where === 'nowhere' && !/^(runs|changed):[^:]+$/.test(name) ? 'NOT_FOUND' : 'joined';
  const role = who.isElsewhere ? (where === 'elsewhere' ? 'owner' : undefined) : where === 'here' ? who.role : undefined;
  if (role === undefined) return 'NOT_FOUND';
  const isInScope = who.scopes === undefined || who.scopes.includes(action);
  return covers(role, ACTIONS[action].role) && isInScope ? 'joined' : 'FORBIDDEN';
}

const join = async (socket: Socket, topic: string): Promise<string> => {
  const answer = (await socket.emitWithAck('join', { topic, after: 0 })) as { ok?: true; problem?: { code: string } };
  return answer.ok === true ? 'joined' : (answer.problem?.code ?? 'nothing');
};

/** What of the open workflow has to be heard on a topic before one can say what is not. */
function hearsOf(event: 'runs' | 'changed', id: string): (who: Listener) => boolean {
  return (who) => who.frames.some((frame) => frame.event === event && frame.text.includes(id));
}

describe('over sockets', () => {
  test('nobody opens one without a credential', async () => {
    const socket = socketOf({});
    await expect(
      new Promise((resolve, reject) => {
        socket.once('connect', () => resolve('connected'));
        socket.once('connect_error', reject);
      }),
    ).rejects.toThrow();
  });

  test('S0-094: every topic is joined by exactly who the table names, and what is hidden is answered like what is not there', async () => {
    expect(listeners.length).toBeGreaterThan(30);
    const wrong: string[] = [];
    await Promise.all(
      listeners.map(async (who) => {
        for (const topic of topics) {
          const outcome = await join(who.socket, topic.name);
          if (outcome !== due(topic, who)) wrong.push(`${who.title}: ${topic.of}: ${outcome} instead of ${due(topic, who)}`);
        }
      }),
    );
    expect(wrong).toEqual([]);
  });

  test('everybody hears what they may and nothing else, when something happens in all places', async () => {
    for (const who of listeners) who.frames.length = 0;
    // First what is hidden, then what is not: whoever has heard the second would have heard the first.
    const unseen = (await call(keeper, 'POST', '/runs', { workflow: 'concealed' }))['runId'] ?? '';
    await call(keeper, 'PATCH', `/workflows/${hidden.workflowId}`, { description: 'changed' });
    await call(keeper, 'GET', `/runs/${unseen}/state?waitMs=30000`);
    const seen = (await call(callers.system, 'POST', '/runs', { workflow: 'shown' }))['runId'] ?? '';
    await ended(server, seen);
    await call(callers.system, 'PATCH', `/workflows/${open.workflowId}`, { description: 'changed' });

    const [, runs, , news] = topics;
    const entitled = (topic: Topic | undefined): Listener[] => listeners.filter((who) => topic && due(topic, who) === 'joined');
    await until(
      () =>
        [
          ...entitled(runs).filter((who) => !hearsOf('runs', seen)(who)),
          ...entitled(news).filter((who) => who.scopes === undefined && !hearsOf('changed', open.workflowId)(who)),
        ].map((who) => who.title),
      (deaf) => deaf.length === 0,
    );
    const wrong: string[] = [];
    for (const who of listeners.filter((one) => one.kind !== 'system')) {
      const joined = new Set(topics.filter((topic) => due(topic, who) === 'joined').map((topic) => topic.name));
      for (const { topic, event } of who.frames) if (!joined.has(topic)) wrong.push(`${who.title}: ${event} on ${topic}`);
      const all = who.frames.map((frame) => frame.text).join();
      for (const id of [unseen, hidden.workflowId, hidden.runId]) if (all.includes(id)) wrong.push(`${who.title}: heard of ${id}`);
      if (who.isElsewhere && all.includes(seen)) wrong.push(`${who.title}: heard of a run here`);
      // News of a workflow are for whoever may read workflows.
      if (who.scopes && hearsOf('changed', open.workflowId)(who)) wrong.push(`${who.title}: heard of a workflow`);
    }
    expect(wrong).toEqual([]);
    expect(listeners.find((who) => who.kind === 'system')?.frames.some((frame) => frame.text.includes(unseen))).toBe(true);
  });

  test('with the membership, the key or the service goes what is heard, and nothing comes after it', async () => {
    const defaults = await seedDefaults(database);
    const scope = { workspaceId: defaults.workspaceId, principalId: defaults.systemPrincipalId };
    const owner = listeners.find((who) => who.title === 'owner signed in');
    const parting = listeners.filter((who) => who.kind !== 'system' && !who.isElsewhere && who.role !== undefined);
    // The last owner of a workspace stays; one more makes the others free to go.
    await callers.person('owner');
    for (const principalId of new Set(parting.map((who) => who.by.principalId)))
      if (principalId !== owner?.by.principalId) await inWorkspace(database, scope, (tx) => removeMember(tx, principalId));
    // Of the owner who stays only the keys end.
    const keys = parting.filter((who) => who.by.principalId === owner?.by.principalId && who.kind === 'key');
    for (const who of keys) {
      const { apiKeyId = '' } = await who.by.caller();
      await inWorkspace(database, scope, (tx) => revokeApiKey(tx, apiKeyId));
    }
    const gone = parting.filter((who) => who.by.principalId !== owner?.by.principalId || keys.includes(who));
    expect(gone.length).toBeGreaterThan(20);
    const isOver = (who: Listener): boolean =>
      who.socket.disconnected ||
      topics.every(
        (topic) => due(topic, who) !== 'joined' || who.frames.some((frame) => frame.event === 'refused' && frame.topic === topic.name),
      );
    await until(
      () => gone.filter((who) => !isOver(who)).map((who) => who.title),
      (left) => left.length === 0,
    );

    for (const who of listeners) who.frames.length = 0;
    const runId = (await call(callers.system, 'POST', '/runs', { workflow: 'shown' }))['runId'] ?? '';
    await until(
      () => listeners.filter((who) => who === owner),
      (ones) => ones.every(hearsOf('runs', runId)),
    );
    expect(gone.filter((who) => who.frames.length > 0).map((who) => [who.title, who.frames[0]])).toEqual([]);
    for (const who of gone.filter((one) => one.socket.connected))
      expect([who.title, await join(who.socket, topics[0]?.name ?? '')]).toEqual([who.title, 'NOT_FOUND']);
  });
});
