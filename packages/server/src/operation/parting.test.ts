/** A right that is taken away while something long goes on: what is under way ends with it. Jobs and sockets have tests of their own. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { createContentStore, inWorkspace, removeMember, revokeApiKey } from '@plugboard/persistence';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { createFileService } from '../files/file-service.ts';
import { type ApiKit, type TestCaller, openApiKit } from './api.test-kit.ts';

let kit: ApiKit;
beforeAll(async () => {
  kit = await openApiKit();
});
afterEach(() => vi.useRealTimers());
afterAll(() => kit.close());

const asSystem = <Result>(use: Parameters<typeof inWorkspace<Result>>[2]): Promise<Result> =>
  inWorkspace(kit.database.database, { workspaceId: kit.workspace.id, principalId: kit.system.principalId }, use);

describe('a download', () => {
  /** More than the network takes on by itself. */
  const SIZE = 32 * 1024 * 1024;
  const LOOK_MS = 5000;

  /** A client that reads nothing but the first bytes until it is told to. */
  async function slowReader(by: TestCaller, path: string) {
    const socket = connect(Number(new URL(kit.url).port), '127.0.0.1');
    let bytes = 0;
    socket.on('data', (chunk) => {
      bytes += chunk.length;
      socket.pause();
    });
    socket.on('error', () => undefined);
    const lines = Object.entries({ ...by.headers, host: 'localhost', connection: 'close' }).map(([name, value]) => `${name}: ${value}`);
    socket.write(`GET ${path} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`);
    await once(socket, 'data');
    return {
      readOn: async (): Promise<number> => {
        socket.removeAllListeners('data');
        socket.on('data', (chunk) => (bytes += chunk.length));
        socket.resume();
        await once(socket, 'close');
        return bytes;
      },
    };
  }

  async function aFile(): Promise<string> {
    const files = createFileService({
      database: kit.database.database,
      contents: createContentStore({ dir: join(kit.dir, 'files') }),
      systemPrincipalId: kit.system.principalId,
      maxBytes: SIZE,
    });
    return (await files.save({ workspaceId: kit.workspace.id }, Readable.from([Buffer.alloc(SIZE)]), { name: 'large.bin' })).id;
  }

  /** Until the answer is over: with it goes its timer. */
  async function cut(): Promise<void> {
    vi.advanceTimersByTime(LOOK_MS);
    while (vi.getTimerCount() > 0) await turn();
  }

  test('goes on while the right lasts', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    const reader = await slowReader(await kit.person('runner'), `/api/files/${await aFile()}`);
    for (let n = 0; n < 3; n += 1) await vi.advanceTimersByTimeAsync(LOOK_MS);
    expect(await reader.readOn()).toBeGreaterThan(SIZE);
  });

  test.each<[string, (by: TestCaller, fileId: string) => Promise<unknown>, boolean]>([
    ['membership', ({ principalId }) => asSystem((tx) => removeMember(tx, principalId)), false],
    ['key', async (by) => asSystem(async (tx) => revokeApiKey(tx, (await by.caller()).apiKeyId ?? '')), true],
    ['role', ({ principalId }) => kit.rest(kit.system, 'PUT', `/members/${principalId}/role`, { role: 'viewer' }), false],
    ['file', (_, fileId) => kit.rest(kit.system, 'DELETE', `/files/${fileId}`), false],
  ])('breaks off with the %s, so that nobody takes a part for the whole', async (_, takeAway, isByKey) => {
    const person = await kit.person('runner');
    const by = isByKey ? await kit.apiKey(person) : person;
    const fileId = await aFile();
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    const reader = await slowReader(by, `/api/files/${fileId}`);
    await takeAway(by, fileId);
    await cut();
    expect(await reader.readOn()).toBeLessThan(SIZE);
  });
});

describe('somebody who waits for a run', () => {
  test('is not told how it goes once he is out', async () => {
    const person = await kit.person('runner');
    const node = (id: string, type: string, params: object): object => ({
      id,
      type,
      position: { x: 0, y: 0 },
      data: { name: id, typeVersion: 1, params },
    });
    // A service that takes its time.
    const service = createServer(() => undefined);
    await new Promise<void>((resolve) => service.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(service.address() as AddressInfo).port}/`;
    const definition = {
      schema: 1,
      name: 'Long',
      nodes: [node('hook', 'core/webhook', { method: 'POST', path: 'long' }), node('rest', 'core/http-request', { url })],
      edges: [{ id: 'e', source: 'hook', sourceHandle: 'main', target: 'rest', targetHandle: 'main' }],
      settings: {},
    };
    expect((await kit.rest(kit.system, 'POST', '/workflows/import', { definition, publish: true })).status).toBe(201);
    const { runId } = (await kit.rest(person, 'POST', '/runs', { workflow: 'Long' })).json;
    const waiting = kit.rest(person, 'GET', `/runs/${runId}/state?waitMs=5000`);
    // Whoever is answered after it shows that it was let in.
    expect((await kit.rest(person, 'GET', `/runs/${runId}/state`)).status).toBe(200);
    await asSystem((tx) => removeMember(tx, person.principalId));
    const { status, json } = await waiting;
    expect([status, json.error?.code]).toEqual([404, 'NOT_FOUND']);
    expect((await kit.rest(kit.system, 'POST', `/runs/${runId}/cancel`, {})).status).toBeLessThan(300);
    service.closeAllConnections();
    await new Promise((resolve) => service.close(resolve));
  });
});
