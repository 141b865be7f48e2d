/**
 * What hostile programs send to webhooks, byte by byte: each is refused or read in the one right way, starts no run it should not, leaves
 * nothing on the connection that would be taken for another request, and leaves the server serving.
 */
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type TestServer, aWorkflow, startTestServer, until } from './test-server.ts';

let server: TestServer;

beforeAll(async () => {
  server = await startTestServer({ env: { PLUGBOARD_BODY_LIMIT: '64 KiB' } });
  await server.publish(
    aWorkflow('Target', { path: 'target' }, ['see', 'core/set', { keep: 'all', fields: {} }]),
    aWorkflow('Hidden', { path: 'hidden', method: 'GET' }, ['see', 'core/set', { keep: 'none', fields: { is: 'SMUGGLED' } }]),
  );
});
afterAll(() => server.close());

async function runCount(): Promise<number> {
  const { json } = await server.api<{ runs: unknown[] }>('GET', '/runs?limit=100');
  return json.runs.length;
}

/** How long after the last expected answer further ones would show, in milliseconds. */
const QUIET_MS = 150;
const LONGEST_MS = 10_000;

/** All that comes back until the connection ends, or so many answers have come and nothing more for a while. */
function exchange(bytes: string | Buffer, answers = 1): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    const socket = connect(server.port, '127.0.0.1', () => socket.write(bytes));
    let timer = setTimeout(() => done(), LONGEST_MS);
    const done = (): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(text);
    };
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
      if (statuses(text).length < answers) return;
      clearTimeout(timer);
      timer = setTimeout(done, QUIET_MS);
    });
    socket.on('close', done);
    socket.on('error', done);
  });
}

const statuses = (text: string): number[] => [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map((match) => Number(match[1]));
const HEAD = 'POST /hooks/target HTTP/1.1\r\nhost: localhost\r\n';
const SECOND = 'GET /hooks/hidden HTTP/1.1\r\nhost: localhost\r\n\r\n';
const post = (headers: string, body = ''): string => `${HEAD}${headers}\r\n${body}`;

describe('where one request ends and the next begins', () => {
  test.each<[string, string | Buffer]>([
    ['a length and chunks', post('content-length: 5\r\ntransfer-encoding: chunked\r\n', `0\r\n\r\n${SECOND}`)],
    ['chunks and a length', post('transfer-encoding: chunked\r\ncontent-length: 5\r\n', `0\r\n\r\n${SECOND}`)],
    ['two lengths', post('content-length: 0\r\ncontent-length: 44\r\n', SECOND)],
    ['two lengths in one header', post('content-length: 0, 44\r\n', SECOND)],
    ['a length with a sign', post('content-length: +0\r\n', SECOND)],
    ['a length below nothing', post('content-length: -1\r\n', SECOND)],
    ['a length in another base', post('content-length: 0x2c\r\n', SECOND)],
    ['a length with a space within', post('content-length: 4 4\r\n', SECOND)],
    ['a length longer than any number', post(`content-length: ${'9'.repeat(40)}\r\n`, SECOND)],
    ['a coding nobody knows', post('transfer-encoding: xchunked\r\n', `0\r\n\r\n${SECOND}`)],
    ['chunks that are not the last coding', post('transfer-encoding: chunked, identity\r\n', `0\r\n\r\n${SECOND}`)],
    ['two codings in two headers', post('transfer-encoding: chunked\r\ntransfer-encoding: identity\r\n', `0\r\n\r\n${SECOND}`)],
    ['a space before the colon', post('transfer-encoding : chunked\r\n', `0\r\n\r\n${SECOND}`)],
    ['a coding behind a vertical tab', post('transfer-encoding:\u000bchunked\r\n', `0\r\n\r\n${SECOND}`)],
    ['a coding in a folded line', post('x: y\r\n transfer-encoding: chunked\r\n', `0\r\n\r\n${SECOND}`)],
    ['a chunk without a size', post('transfer-encoding: chunked\r\n', `g\r\n${SECOND}`)],
    ['a chunk larger than any number', post('transfer-encoding: chunked\r\n', `ffffffffffffffffff\r\n${SECOND}`)],
    ['a chunk that is longer than it says', post('transfer-encoding: chunked\r\n', `1\r\nab\r\n0\r\n\r\n${SECOND}`)],
    ['a chunk that ends in a bare line feed', post('transfer-encoding: chunked\r\n', `1\na\n0\n\n${SECOND}`)],
    ['a bare carriage return in a header', Buffer.from(post('x: a\rtransfer-encoding: chunked\r\n', `0\r\n\r\n${SECOND}`), 'latin1')],
    ['a NUL in a header', Buffer.from(post('x: a\0b\r\n', SECOND), 'latin1')],
    ['a header without a name', post(': x\r\n', SECOND)],
    ['a header with a space in its name', post('x y: z\r\n', SECOND)],
    ['a line that is no header', post('nothing\r\n', SECOND)],
  ])('%s: refused, the connection ends, and nothing of it is a request', async (_, bytes) => {
    const before = await runCount();
    const text = await exchange(bytes);
    expect(statuses(text), text).toEqual([400]);
    expect(text).not.toContain('SMUGGLED');
    expect(await runCount()).toBe(before);
  });

  test('what follows a body that was refused is still what it is: the next request', async () => {
    const tooLarge = post('content-length: 70000\r\ncontent-type: text/plain\r\n', 'x'.repeat(70_000));
    const text = await exchange(`${tooLarge}${SECOND}`, 2);
    expect(statuses(text), text).toEqual([413, 200]);
  });

  test('many requests in one go are answered one by one, also when some of them are refused', async () => {
    const good = post('content-length: 2\r\n', '{}');
    const bad = post('content-length: 1\r\n', '{');
    const text = await exchange(`${good}${bad}${SECOND}${good}`, 4);
    expect(statuses(text)).toEqual([200, 400, 200, 200]);
  });
});

describe('whom a request is for', () => {
  test.each<[string, string, number]>([
    ['two hosts', 'GET /hooks/hidden HTTP/1.1\r\nhost: localhost\r\nhost: evil.example\r\n\r\n', 400],
    [
      'a host in the address that is not the one beside it',
      'GET http://evil.example/hooks/hidden HTTP/1.1\r\nhost: localhost\r\n\r\n',
      421,
    ],
    ['a host with a name before it', 'GET /hooks/hidden HTTP/1.1\r\nhost: localhost@evil.example\r\n\r\n', 421],
    ['a host with a path', 'GET /hooks/hidden HTTP/1.1\r\nhost: localhost/evil\r\n\r\n', 421],
    ['an address that is another server', 'GET //evil.example/hooks/hidden HTTP/1.1\r\nhost: localhost\r\n\r\n', 404],
    ['an address without a path', 'GET ?hooks/hidden HTTP/1.1\r\nhost: localhost\r\n\r\n', 400],
    ['a star', 'OPTIONS * HTTP/1.1\r\nhost: localhost\r\n\r\n', 400],
    ['a backslash', 'GET \\hooks\\hidden HTTP/1.1\r\nhost: localhost\r\n\r\n', 400],
    ['another protocol in the address', 'GET file:///etc/passwd HTTP/1.1\r\nhost: localhost\r\n\r\n', 400],
    ['a preface of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 400],
    ['a version nobody speaks', 'GET /hooks/hidden HTTP/9.9\r\nhost: localhost\r\n\r\n', 400],
    ['a method nobody knows', 'STEAL /hooks/hidden HTTP/1.1\r\nhost: localhost\r\n\r\n', 400],
    ['a method in small letters', 'get /hooks/hidden HTTP/1.1\r\nhost: localhost\r\n\r\n', 400],
    ['another method in a header', 'GET /hooks/target HTTP/1.1\r\nhost: localhost\r\nx-http-method-override: POST\r\n\r\n', 405],
  ])('%s', async (_, bytes, status) => {
    const before = await runCount();
    expect(statuses(await exchange(bytes))).toEqual([status]);
    expect(await runCount()).toBe(before);
  });

  test('an upgrade is not made, and starts no run', async () => {
    const before = await runCount();
    for (const protocol of ['websocket', 'h2c']) {
      const bytes = `GET /hooks/hidden HTTP/1.1\r\nhost: localhost\r\nconnection: Upgrade\r\nupgrade: ${protocol}\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-version: 13\r\n\r\n`;
      expect(statuses(await exchange(bytes))).not.toContain(101);
    }
    expect(await runCount()).toBeLessThanOrEqual(before + 2);
  });
});

describe('addresses', () => {
  const get = async (path: string): Promise<number[]> =>
    statuses(await exchange(Buffer.from(`GET ${path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n`, 'latin1')));

  test.each([
    '/hooks/%',
    '/hooks/%zz',
    '/hooks/hidde%6',
    '/hooks/%c0%ae%c0%ae/hidden',
    '/hooks/hidden%00',
    '/hooks/%2e%2e/hooks/hidden',
    '/hooks/a/../hidden',
    '/hooks/./hidden',
    '/hooks/%252e%252e/hidden',
    '/hooks/hidden%2f',
    '/hooks/hidden;a=b',
    '/hooks/hidden%23x',
    '/HOOKS/hidden',
    '/%68ooks/hidden',
    '/hooks/Hidden',
    '/hooks/hidden%20',
    '/hooks/',
    '/hooks',
    '/hooks//',
    '/hooks/__proto__',
    '/hooks/constructor',
    '/hooks/toString',
    `/hooks/${'a/'.repeat(3000)}`,
  ])('%s is not there', async (path) => {
    expect(await get(path)).toEqual([404]);
  });

  test.each(['/hooks/\u00ff', '/hooks/hid den'])('%s is no address', async (path) => {
    expect([[400], [404]]).toContainEqual(await get(path));
  });

  test.each([
    ['a query of too many values', `/hooks/hidden?${'a&'.repeat(1001)}`, 400],
    ['a query with a name of every object', '/hooks/hidden?__proto__[x]=1', 200],
    ['the name itself', '/hooks/hidden?__proto__=1', 400],
    ['a longer address than any', `/hooks/hidden?${'a'.repeat(9000)}`, 414],
    ['a broken escape in a query', '/hooks/hidden?a=%', 200],
  ])('%s', async (_, path, status) => {
    expect(await get(path)).toEqual([status]);
    expect(({} as Record<string, unknown>)['x']).toBeUndefined();
  });
});

describe('headers', () => {
  test.each<[string, string, number[]]>([
    ['more of them than fit', 'x: y\r\n'.repeat(5000), [431]],
    ['one longer than fits', `x: ${'y'.repeat(20_000)}\r\n`, [431]],
    ['an expectation nobody meets', 'content-length: 1\r\nexpect: miracles\r\n', [417]],
    ['an encoding nobody knows', 'content-length: 1\r\ncontent-encoding: rot13\r\n', [415]],
    ['an encoding twice', 'content-length: 1\r\ncontent-encoding: gzip, gzip\r\n', [415]],
  ])('%s', async (_, headers, expected) => {
    const before = await runCount();
    expect(statuses(await exchange(post(headers, 'x')))).toEqual(expected);
    expect(await runCount()).toBe(before);
  });

  test('names of every object are headers like others', async () => {
    const text = await exchange(post('content-length: 2\r\n__proto__: polluted\r\nconstructor: y\r\ntostring: z\r\n', '{}'));
    expect(statuses(text)).toEqual([200]);
    expect(text).toContain('"constructor":"y"');
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });

  test('a caller that asks whether to go on is told so, and then read', async () => {
    const text = await new Promise<string>((resolve) => {
      let got = '';
      const socket = connect(server.port, '127.0.0.1', () =>
        socket.write(post('content-length: 7\r\nexpect: 100-continue\r\nconnection: close\r\n')),
      );
      socket.on('data', (chunk) => {
        got += chunk.toString('latin1');
        if (got.startsWith('HTTP/1.1 100 ') && !got.includes(' 200 ')) socket.write('{"a":1}');
      });
      socket.on('close', () => resolve(got));
    });
    expect(statuses(text)).toEqual([100, 200]);
  });
});

test('hundreds of connections that say nothing do not keep others from being served', async () => {
  const sockets = Array.from({ length: 300 }, () => {
    const socket = connect(server.port, '127.0.0.1');
    socket.on('error', () => undefined);
    socket.on('connect', () => socket.write('POST /hooks/target HTTP/1.1\r\nhost: loc'));
    return socket;
  });
  try {
    await until(
      () => sockets.filter((socket) => socket.readyState === 'open').length,
      (count) => count === 300,
    );
    expect((await server.hook('target', { a: 1 })).status).toBe(200);
  } finally {
    for (const socket of sockets) socket.destroy();
  }
});

test('after all this the server serves, and has met nothing it did not expect', async () => {
  expect((await server.hook('target', { a: 1 })).status).toBe(200);
  expect(server.log()).not.toMatch(/failed unexpectedly|INTERNAL|uncaught/i);
});
