/** A server that is killed while a failed run takes back what it did: whoever goes on takes back the rest, in order, and nothing twice. */
import { type TestDatabase, createTestDatabase } from '@plugboard/persistence/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { FaultServer } from './fault-server.ts';
import { type Gate, type Step, anEdge, openGate, until } from './test-server.ts';

let database: TestDatabase;
let server: FaultServer;
let service: Gate;

beforeAll(async () => {
  database = await createTestDatabase();
  server = new FaultServer({ DATABASE_URL: database.url });
  service = await openGate((req, res) => {
    const isFull = req.url?.startsWith('/seat') === true;
    res.writeHead(isFull ? 409 : 200, { 'content-type': 'application/json' }).end('{"ok":true}');
  });
  await server.begin();
});
afterAll(async () => {
  await server.remove();
  await service.close();
  await database.close();
});

/** Each booking has the branch that takes it back. */
function trip(): object {
  const post = (path: string): object => ({ method: 'POST', url: `${service.url}${path}`, afterUnknown: 'retry' });
  const nodes: readonly Step[] = [
    ['start', 'core/manual'],
    ['room', 'core/http-request', post('room')],
    ['car', 'core/http-request', post('car')],
    ['seat', 'core/http-request', post('seat')],
    ['no-room', 'core/http-request', post('undo-room')],
    ['no-car', 'core/http-request', post('undo-car')],
  ];
  return {
    schema: 1,
    name: 'Trip',
    nodes: nodes.map(([id, type, params = {}]) => ({
      id,
      type,
      position: { x: 0, y: 0 },
      data: { name: id, typeVersion: 1, params },
    })),
    edges: [
      anEdge('start', 'room'),
      anEdge('room', 'car'),
      anEdge('car', 'seat'),
      anEdge('room', 'no-room', 'undo'),
      anEdge('car', 'no-car', 'undo'),
    ],
  };
}

const pathsSeen = () => service.seen.map(({ path }) => path);
const came = (path: string, times: number) => until(pathsSeen, (paths) => paths.filter((one) => one === path).length === times);

test(
  'rules 13, 14: undoing that a kill -9 breaks off goes on, the newest first, each call with its key',
  { timeout: 180_000 },
  async () => {
    const { workflowId } = await server.api<{ workflowId: string }>('POST', '/workflows/import', { definition: trip(), publish: true });
    const { runId } = await server.api<{ runId: string }>('POST', '/runs', { workflowId, input: {} });
    for (const path of ['/room', '/car', '/seat']) {
      await came(path, 1);
      service.letOne();
    }
    // The seat is not to be had, so the car is taken back: its call is with the service when the server dies.
    await came('/undo-car', 1);
    await server.kill();
    service.letOne();
    await server.begin();
    await came('/undo-car', 2);
    service.letOne();
    // Once more, between the two branches and in the last one.
    await came('/undo-room', 1);
    await server.kill();
    service.letOne();
    await server.begin();
    await came('/undo-room', 2);
    service.open();
    const run = await until(
      () => server.api<{ status: string; error?: { nodeId?: string } }>('GET', `/runs/${runId}/detail`),
      ({ status }) => status === 'failed',
    );
    expect(run).toMatchObject({ error: { nodeId: 'seat' } });
    expect(pathsSeen()).toEqual(['/room', '/car', '/seat', '/undo-car', '/undo-car', '/undo-room', '/undo-room']);
    const keys = service.seen.map(({ path, headers }) => `${path} ${String(headers['idempotency-key'])}`);
    expect(new Set(keys).size).toBe(5);
  },
);
