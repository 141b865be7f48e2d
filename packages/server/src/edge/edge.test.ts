import type { AddressInfo } from 'node:net';
import { connect } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { type EdgeOptions, createEdge } from './edge.ts';
import { createPatience } from './patience.ts';
import { readBody } from './read-body.ts';
import { sendJson, sendProblem } from './send.ts';

const open: { close(): void }[] = [];
afterEach(() => {
  for (const one of open.splice(0)) one.close();
});

async function listen(options: Partial<EdgeOptions>): Promise<number> {
  const edge = createEdge({
    allowsHost: () => true,
    hooks: (_, res) => sendJson(res, 200, 'hook'),
    testHooks: (_, res) => sendJson(res, 200, 'test hook'),
    app: (_, res) => sendJson(res, 200, 'app'),
    maxConnections: 100,
    log: { error: () => undefined, warn: () => undefined },
    ...options,
  });
  await new Promise<void>((resolve) => edge.listen(0, '127.0.0.1', resolve));
  open.push({
    close: () => {
      edge.close();
      edge.closeAllConnections();
    },
  });
  return (edge.address() as AddressInfo).port;
}

/** All that came back until the server closed the connection. */
function talk(port: number, ...parts: readonly string[]): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    const socket = connect(port, '127.0.0.1', () => {
      for (const part of parts) socket.write(part);
    });
    socket.on('data', (chunk) => (text += chunk.toString()));
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(text));
  });
}

describe('the listener', () => {
  test('a caller that never finishes its headers is let go', async () => {
    const port = await listen({ headersTimeoutMs: 100, requestTimeoutMs: 200 });
    expect(await talk(port, 'GET / HTTP/1.1\r\nhost: a\r\nx: ')).toMatch(/^HTTP\/1.1 408 /);
  });

  test('a caller that never finishes its body is let go', async () => {
    const port = await listen({
      headersTimeoutMs: 100,
      requestTimeoutMs: 200,
      hooks: (req, res) =>
        readBody(req, 1000, (problem) =>
          problem ? sendProblem(res, problem.status, problem.code, problem.message) : sendJson(res, 200, 'read'),
        ),
    });
    expect(await talk(port, 'POST /hooks/a HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\n', 'half')).not.toContain('read');
  });

  test('a webhook that breaks the handler is answered, and the next request is served', async () => {
    const logged: string[] = [];
    const port = await listen({
      hooks: () => {
        throw new Error('secret detail');
      },
      log: { error: (_, message) => void logged.push(message), warn: () => undefined },
    });
    const text = await talk(port, 'GET /hooks/a HTTP/1.1\r\nhost: a\r\n\r\n', 'GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n');
    expect(text).toMatch(/^HTTP\/1.1 500 /);
    expect(text).not.toContain('secret detail');
    expect(text).toContain('"app"');
    expect(logged).toEqual(['a webhook request failed unexpectedly']);
  });

  test.each(['/hooks', '/hooksx/a', '/HOOKS/a', '//hooks/a'])('%s is no webhook path', async (path) => {
    const port = await listen({});
    expect(await talk(port, `GET ${path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n`)).toContain('"app"');
  });

  test.each(['Host: a\r\nHost: b', 'host: a\r\nHOST: a'])('two host headers are refused, whoever would believe which', async (hosts) => {
    const text = await talk(await listen({}), `GET /hooks/a HTTP/1.1\r\n${hosts}\r\n\r\n`);
    expect(text).toMatch(/^HTTP\/1.1 400 /);
    expect(text).toContain('HOST_REPEATED');
  });

  test('a whole address is followed like a path, and its host is the one that counts', async () => {
    const seen: string[] = [];
    const port = await listen({
      allowsHost: (host) => host === 'known:80',
      hooks: (_, res, path, query) => {
        seen.push(`${path}?${query}`);
        sendJson(res, 200, 'hook');
      },
    });
    const get = (address: string, host: string): Promise<string> =>
      talk(port, `GET ${address} HTTP/1.1\r\nhost: ${host}\r\nconnection: close\r\n\r\n`);
    expect(await get('http://known:80/hooks/a/b?c=1', 'other')).toContain('"hook"');
    expect(await get('HTTP://known:80?x', 'known:80')).toContain('"app"');
    expect(await get('http://other/hooks/a', 'known:80')).toMatch(/^HTTP\/1.1 421 /);
    expect(seen).toEqual(['a/b?c=1']);
  });

  test.each(['*', 'hooks/a', 'ftp://a/hooks/a', 'http:///hooks/a', 'http://u:p@a/hooks/a'])(
    '%s is no address of a request',
    async (address) => {
      const text = await talk(await listen({}), `GET ${address} HTTP/1.1\r\nhost: a\r\n\r\n`);
      expect(text).toMatch(/^HTTP\/1.1 400 /);
    },
  );

  test('connections over the limit are closed as they come, which the log tells once; those that are open go on', async () => {
    const warned: object[] = [];
    const port = await listen({ maxConnections: 2, log: { error: () => undefined, warn: (fields) => void warned.push(fields) } });
    const kept = await Promise.all(
      [1, 2].map(
        () =>
          new Promise<ReturnType<typeof connect>>((resolve) => {
            const socket = connect(port, '127.0.0.1', () => resolve(socket));
          }),
      ),
    );
    expect(await talk(port, 'GET / HTTP/1.1\r\nhost: a\r\n\r\n')).toBe('');
    expect(await talk(port, 'GET / HTTP/1.1\r\nhost: a\r\n\r\n')).toBe('');
    expect(warned).toEqual([{ maxConnections: 2 }]);
    for (const socket of kept) {
      const answered = new Promise<string>((resolve) => socket.once('data', (chunk) => resolve(chunk.toString())));
      socket.write('GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n');
      expect(await answered).toMatch(/^HTTP\/1.1 200 /);
    }
  });
});

test('a request whose pace somebody else watches may take longer than others, and the next one on its connection may not', async () => {
  const patience = createPatience();
  const port = await listen({
    headersTimeoutMs: 500,
    requestTimeoutMs: 1000,
    patience,
    hooks: (req, res, path) => {
      if (path === 'slow') patience.grant(req);
      readBody(req, 1000, (problem, body) =>
        problem ? sendProblem(res, problem.status, problem.code, problem.message) : sendJson(res, 200, body.toString()),
      );
    },
  });
  const text = await new Promise<string>((resolve) => {
    let seen = '';
    const socket = connect(port, '127.0.0.1', () => socket.write('POST /hooks/slow HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\n\r\nab'));
    const late = setTimeout(() => socket.write('cd'), 2500);
    socket.on('data', (chunk) => {
      seen += chunk.toString();
      if (seen.endsWith('"abcd"')) socket.write('POST /hooks/fast HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\n\r\nef');
    });
    socket.on('close', () => (clearTimeout(late), resolve(seen)));
    socket.on('error', () => undefined);
  });
  expect(text).toContain('"abcd"');
  expect(text).toContain('408');
});
