/** The own news of a person: heard by nobody else, whichever process wrote it. */
import { once } from 'node:events';
import { type Server, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { inWorkspace } from '@plugboard/persistence';
import { type Socket, io } from 'socket.io-client';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { tell } from '../notifications/tell.ts';
import { type ApiKit, type TestCaller, openApiKit } from '../operation/api.test-kit.ts';
import type { PlanStore } from '../runs/plan-store.ts';
import { type ServerLive, createServerLive } from './server-live.ts';

let kit: ApiKit;
let me: TestCaller;
let other: TestCaller;
let server: Server;
let live: ServerLive;
const sockets: Socket[] = [];

beforeAll(async () => {
  kit = await openApiKit();
  [me, other] = [await kit.person('viewer'), await kit.person('owner')];
  const { database } = kit.database;
  const sessions = await database.query<{ id: string; personId: string }>('select id, person_id as "personId" from session');
  server = createServer();
  live = createServerLive({
    server,
    database,
    // No run is watched here.
    plans: {} as PlanStore,
    blobs: {} as never,
    identityOf: (req) => {
      const personId = String(req.headers['x-person']);
      return Promise.resolve({ kind: 'session', personId, sessionId: sessions.find((one) => one.personId === personId)?.id ?? '' });
    },
    systemPrincipalId: kit.system.principalId,
    allowsOrigin: () => true,
    log: { warn: () => undefined },
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterAll(async () => {
  for (const socket of sockets) socket.disconnect();
  live.close();
  server.close();
  await kit.close();
});

async function aSocket(who: TestCaller): Promise<Socket> {
  const { port } = server.address() as AddressInfo;
  const socket = io(`http://127.0.0.1:${port}`, {
    transports: ['websocket'],
    extraHeaders: { 'x-person': who.principalId },
    forceNew: true,
  });
  sockets.push(socket);
  await new Promise((resolve, reject) => {
    socket.once('connect', () => resolve(undefined));
    socket.once('connect_error', reject);
  });
  return socket;
}
const tellMe = (about: string): Promise<void> =>
  inWorkspace(kit.database.database, { workspaceId: kit.workspace.id, principalId: other.principalId }, (tx) =>
    tell(tx, { kind: 'member.role', to: [me.principalId], about, params: { role: 'editor', before: 'viewer' } }),
  );

test('what is told to a person, or read by him, makes his bell ask again; nobody else may listen', async () => {
  const socket = await aSocket(me);
  const topic = `person:${me.principalId}`;
  const heard = (): Promise<unknown> => new Promise((resolve) => socket.once('changed', resolve));
  const first = heard();
  expect(await socket.emitWithAck('join', { topic })).toEqual({ ok: true });
  // Told between the page and the socket: asked once in any case.
  await first;
  for (const act of [() => tellMe('one'), () => tellMe('two'), () => kit.rest(me, 'POST', '/notifications/read', {})]) {
    const next = heard();
    await act();
    expect(await next).toEqual({ topic, changes: [{ kind: 'notification', id: me.principalId }] });
  }
  expect(await (await aSocket(other)).emitWithAck('join', { topic })).toMatchObject({ problem: { code: 'NOT_FOUND' } });
});
