/** Senders who hold an upload open and send next to nothing, at both doors that take large bodies. The watch's periods are moved by the test. */
import { once } from 'node:events';
import { readdir, stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import { type AddressInfo, type Socket, connect } from 'node:net';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { receiveBody } from '../hooks/incoming-body.ts';
import { type ApiKit, type TestCaller, openApiKit } from '../operation/api.test-kit.ts';

const PERIOD_MS = 15_000;
const ENOUGH = 10 * 1024;

let kit: ApiKit;
let runner: TestCaller;
let hookPort: number;
const hooks = createServer((req, res) => {
  void receiveBody(req, {
    bodyLimit: 1000,
    fileLimit: 1_000_000,
    mode: 'auto',
    files: kit.files,
    owner: { workspaceId: kit.workspace.id },
  }).then((received) => res.end(received.ok ? 'kept' : received.problem.code));
});

beforeAll(async () => {
  kit = await openApiKit();
  runner = await kit.person('runner');
  await new Promise<void>((resolve) => hooks.listen(0, '127.0.0.1', resolve));
  hookPort = (hooks.address() as AddressInfo).port;
});
afterEach(() => vi.useRealTimers());
afterAll(async () => {
  hooks.closeAllConnections();
  await new Promise((resolve) => hooks.close(resolve));
  await kit.close();
});

/** Bytes of uploads that are under way. */
async function arrived(): Promise<number> {
  const folder = join(kit.dir, 'files', '.incoming');
  const names = await readdir(folder).catch(() => []);
  const sizes = await Promise.all(names.map((name) => stat(join(folder, name)).then(({ size }) => size)));
  return sizes.reduce((sum, size) => sum + size, 0);
}
const underWay = async (): Promise<number> => (await readdir(join(kit.dir, 'files', '.incoming')).catch(() => [])).length;
const files = async (): Promise<number> => (await kit.database.database.query('select from file')).length;

/** Asks again at once: only the watch's time is moved by the test. */
async function until(look: () => Promise<number>, value: number): Promise<void> {
  while ((await look()) !== value) await turn();
}

interface Sender {
  readonly socket: Socket;
  readonly answer: () => string;
  readonly closed: Promise<unknown>;
}

function open(port: number, path: string, length: number, headers: Readonly<Record<string, string>> = {}): Sender {
  const socket = connect(port, '127.0.0.1');
  let text = '';
  socket.on('data', (chunk) => (text += chunk.toString('latin1')));
  socket.on('error', () => undefined);
  const lines = Object.entries({
    ...headers,
    host: 'localhost',
    connection: 'close',
    'content-type': 'application/octet-stream',
    'content-length': String(length),
  });
  socket.write(`POST ${path} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}`).join('\r\n')}\r\n\r\n`);
  return { socket, answer: () => text, closed: once(socket, 'close') };
}

describe.each([
  ['an upload by the API', () => open(Number(new URL(kit.url).port), '/api/files', 4 * ENOUGH, runner.headers), 201],
  ['a file sent to a webhook', () => open(hookPort, '/', 4 * ENOUGH), 200],
] as const)('%s', (_, begin, status) => {
  test('that goes on at a pace of 10 KiB in 15 s may take as long as it likes', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    const sender = begin();
    // The watch begins with the body.
    sender.socket.write('x');
    await until(arrived, 1);
    for (let sent = 1; sent <= 3; sent += 1) {
      sender.socket.write(Buffer.alloc(ENOUGH));
      await until(arrived, 1 + sent * ENOUGH);
      vi.advanceTimersByTime(PERIOD_MS);
    }
    sender.socket.write(Buffer.alloc(ENOUGH - 1));
    await sender.closed;
    expect(sender.answer()).toContain(`HTTP/1.1 ${status} `);
  });

  test('that trickles is cut after one period, and leaves nothing behind', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    const before = await files();
    const sender = begin();
    sender.socket.write('x');
    await until(arrived, 1);
    sender.socket.write(Buffer.alloc(ENOUGH));
    await until(arrived, 1 + ENOUGH);
    vi.advanceTimersByTime(PERIOD_MS);
    sender.socket.write(Buffer.alloc(ENOUGH - 1));
    await until(arrived, 2 * ENOUGH);
    expect(sender.socket.destroyed).toBe(false);
    vi.advanceTimersByTime(PERIOD_MS);
    await sender.closed;
    expect(sender.answer()).not.toContain(`HTTP/1.1 ${status} `);
    await until(underWay, 0);
    expect(await files()).toBe(before);
  });
});
