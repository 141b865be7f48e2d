import { type RequestListener, createServer as createHttpServer } from 'node:http';
import { type AddressInfo, type Server, type Socket, createServer } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { type LoadOptions, LoadOptionsError, load } from './load.ts';

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  await Promise.all(closing.splice(0).map((close) => close()));
});

/** Long enough for all requests of a test on a busy machine; `maxRequests` ends it sooner. */
const ENOUGH_SECONDS = 15;
const REPLY = 'HTTP/1.1 200 OK\r\ncontent-length: 11\r\n\r\n{"ok":true}';

describe('requests', () => {
  test('arrive whole, on the connections asked for, and never more than allowed', async () => {
    const seen: string[] = [];
    const sockets = new Set<Socket>();
    const url = await http((req, res) => {
      sockets.add(req.socket);
      const pieces: Buffer[] = [];
      req.on('data', (piece: Buffer) => pieces.push(piece));
      req.on('end', () => {
        seen.push(`${req.method} ${req.url} ${String(req.headers['x-extra'])} ${Buffer.concat(pieces).toString()}`);
        res.end('{"ok":true}');
      });
    });
    const result = await run(`${url}/path?q=1`, { connections: 4, maxRequests: 50, body: '{"n":"ü"}', headers: { 'x-extra': 'yes' } });
    expect(seen).toEqual(Array.from({ length: 50 }, () => 'POST /path?q=1 yes {"n":"ü"}'));
    expect(sockets.size).toBe(4);
    expect(result).toMatchObject({ completed: 50, errors: {}, statuses: { 200: 50 }, reconnects: 0 });
    expect(result.p50).toBeGreaterThan(0);
    expect(result.max).toBeGreaterThanOrEqual(result.p99);
    expect(result.p99).toBeGreaterThanOrEqual(result.p50);
    expect(result.perSecond).toBeCloseTo(50 / result.seconds);
  });

  test('go to several paths in turn', async () => {
    const seen = new Map<string, number>();
    const url = await http((req, res) => {
      seen.set(req.url ?? '', (seen.get(req.url ?? '') ?? 0) + 1);
      res.end('{"ok":true}');
    });
    const paths = ['/a', '/b?n=1', '/c'];
    await run(`${url}/nowhere`, { connections: 2, maxRequests: 30, paths });
    expect(seen).toEqual(new Map(paths.map((path) => [path, 10])));
  });

  test('end with the time', async () => {
    const url = await raw((socket) => void socket.write(REPLY));
    const result = await run(url, { connections: 2, seconds: 1 });
    expect(result.completed).toBeGreaterThan(0);
    expect(result.seconds).toBeLessThan(ENOUGH_SECONDS);
  });
});

describe('answers', () => {
  test('in chunks count like others', async () => {
    const url = await http((_, res) => {
      res.write('{"ok":');
      res.end('true}');
    });
    expect(await run(url, { maxRequests: 20, expectText: '{"ok":true}' })).toMatchObject({ completed: 20, errors: {} });
  });

  test('that come byte by byte count once each', async () => {
    const url = await raw((socket) => {
      const bytes = [...Buffer.from(REPLY)];
      const drip = (): void => {
        const byte = bytes.shift();
        if (byte === undefined) return;
        socket.write(Buffer.from([byte]), () => setImmediate(drip));
      };
      drip();
    });
    expect(await run(url, { maxRequests: 3 })).toMatchObject({ completed: 3, errors: {}, statuses: { 200: 3 } });
  });

  test('that announce the end of the connection lead to a new one without an error', async () => {
    const url = await http((_, res) => res.writeHead(200, { connection: 'close' }).end('{"ok":true}'));
    const result = await run(url, { connections: 2, maxRequests: 10 });
    expect(result).toMatchObject({ completed: 10, errors: {} });
    expect(result.reconnects).toBeGreaterThanOrEqual(8);
  });

  test('that only the end of the connection completes are right', async () => {
    const url = await raw((socket) => void socket.end('HTTP/1.1 200 OK\r\n\r\n{"ok":true}'));
    expect(await run(url, { connections: 2, maxRequests: 6 })).toMatchObject({ completed: 6, errors: {} });
  });

  test('with another status or another text are failures, and their time does not count', async () => {
    let n = 0;
    const url = await http((_, res) => {
      n += 1;
      if (n % 3 === 0) res.writeHead(503).end('{"busy":true}');
      else res.end(n % 3 === 1 ? '{"ok":true}' : '{"ok":false}');
    });
    const result = await run(url, { maxRequests: 9, expectText: '"ok":true' });
    expect(result).toMatchObject({ completed: 3, errors: { status: 3, body: 3 }, statuses: { 200: 6, 503: 3 } });
  });

  test('none of them right gives zero, not a number out of nothing', async () => {
    const url = await http((_, res) => res.writeHead(500).end());
    expect(await run(url, { maxRequests: 2 })).toMatchObject({ completed: 0, perSecond: 0, p50: 0, p99: 0, errors: { status: 2 } });
  });
});

describe('failures are counted by kind and the load goes on', () => {
  test('connections that end without an answer', async () => {
    const url = await flaky((socket) => void socket.end());
    expect(await run(url, { maxRequests: 8 })).toMatchObject({ completed: 4, errors: { closed: 4 } });
  });

  test('connections that break', async () => {
    const url = await flaky((socket) => void socket.resetAndDestroy());
    expect(await run(url, { maxRequests: 8 })).toMatchObject({ completed: 4, errors: { reset: 4 } });
  });

  test('answers that stop half way', async () => {
    const url = await flaky((socket) => void socket.end('HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\nhalf'));
    expect(await run(url, { maxRequests: 8 })).toMatchObject({ completed: 4, errors: { protocol: 4 } });
  });

  test('bytes that are not HTTP', async () => {
    const url = await flaky((socket) => void socket.write('+OK ready\r\n\r\n'));
    expect(await run(url, { maxRequests: 8 })).toMatchObject({ completed: 4, errors: { protocol: 4 } });
  });

  test('silence', async () => {
    const url = await flaky(() => undefined);
    expect(await run(url, { maxRequests: 4, timeoutMs: 2000 })).toMatchObject({ completed: 2, errors: { timeout: 2 } });
  });

  test('a server that never ends its answer is given up', async () => {
    const url = await raw((socket) => {
      socket.write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n');
      const timer = setInterval(() => socket.write('1\r\nx\r\n'), 10);
      socket.once('close', () => clearInterval(timer));
    });
    expect(await run(url, { connections: 2, seconds: 1, timeoutMs: 1500 })).toMatchObject({ completed: 0, errors: { timeout: 2 } });
  });

  test('a server that is not there', async () => {
    const url = await raw(() => undefined);
    await Promise.all(closing.splice(0).map((close) => close()));
    const result = await run(url, { connections: 2, seconds: 0.3 });
    expect(result.completed).toBe(0);
    expect(Object.keys(result.errors)).toEqual(['refused']);
  });
});

describe('a load that could do harm is refused', () => {
  test.each([
    { what: 'another machine', options: { url: 'http://192.0.2.1/' } },
    { what: 'a name that begins like this machine', options: { url: 'http://localhost.example.com/' } },
    { what: 'another protocol', options: { url: 'https://127.0.0.1/' } },
    { what: 'no address', options: { url: '127.0.0.1' } },
    { what: 'no connections', options: { connections: 0 } },
    { what: 'too many connections', options: { connections: 100_000 } },
    { what: 'no end', options: { seconds: Number.POSITIVE_INFINITY } },
    { what: 'no number', options: { seconds: Number.NaN } },
  ])('$what', async ({ options }) => {
    await expect(run('http://127.0.0.1:1/', options)).rejects.toBeInstanceOf(LoadOptionsError);
  });
});

function run(url: string, options: Partial<LoadOptions>) {
  return load({
    url,
    method: 'POST',
    body: '{}',
    connections: 1,
    seconds: ENOUGH_SECONDS,
    timeoutMs: 10_000,
    expectStatus: 200,
    ...options,
  });
}

function http(listener: RequestListener): Promise<string> {
  return listening(createHttpServer(listener));
}

/** `reply` is called once per request; the tests' requests arrive in one piece. */
function raw(reply: (socket: Socket) => void): Promise<string> {
  return listening(createServer((socket) => socket.on('data', () => reply(socket))));
}

/** Every second request fails as told. */
function flaky(fail: (socket: Socket) => void): Promise<string> {
  let n = 0;
  return raw((socket) => {
    n += 1;
    if (n % 2 === 0) fail(socket);
    else socket.write(REPLY);
  });
}

async function listening(server: Server): Promise<string> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(async () => {
    const closed = new Promise((resolve) => server.close(resolve));
    for (const socket of sockets) socket.destroy();
    await closed;
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
