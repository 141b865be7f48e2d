import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { type AddressInfo, type Server, type Socket, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer as createTlsServer } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { createAddressRules } from './address-rules.ts';
import { type BrokeredConnect, createBrokeredConnect } from './brokered-connect.ts';

let echo: Server;
let secure: Server;
let ca: string;
const peers = new Set<Socket>();
const brokers: BrokeredConnect[] = [];
const portOf = (server: Server): number => (server.address() as AddressInfo).port;

beforeAll(async () => {
  const dir = mkdtempSync(join(tmpdir(), 'connect-'));
  const [keyFile, certFile] = [join(dir, 'key.pem'), join(dir, 'cert.pem')];
  const subject = ['-subj', '/CN=db.internal', '-addext', 'subjectAltName=DNS:db.internal'];
  execFileSync(
    'openssl',
    [
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:prime256v1',
      '-nodes',
      '-days',
      '2',
      '-keyout',
      keyFile,
      '-out',
      certFile,
      ...subject,
    ],
    { stdio: 'ignore' },
  );
  ca = readFileSync(certFile, 'utf8');
  const serve = (socket: Socket): void => {
    peers.add(socket);
    socket.on('error', () => undefined);
    socket.once('close', () => peers.delete(socket));
    socket.pipe(socket);
  };
  echo = createServer(serve).listen(0, '127.0.0.1');
  secure = createTlsServer({ key: readFileSync(keyFile), cert: ca }, serve).listen(0, '127.0.0.1');
  rmSync(dir, { recursive: true });
  await Promise.all([once(echo, 'listening'), once(secure, 'listening')]);
});
afterEach(() => {
  for (const broker of brokers.splice(0)) broker.close();
});
afterAll(() => {
  for (const peer of peers) peer.destroy();
  echo.close();
  secure.close();
});

function aBroker(allow: readonly string[], options: Parameters<typeof createBrokeredConnect>[1] = {}): BrokeredConnect {
  const broker = createBrokeredConnect(createAddressRules(allow), options);
  brokers.push(broker);
  return broker;
}

const never = new AbortController().signal;
const toLocal: NonNullable<Parameters<typeof createBrokeredConnect>[1]>['resolve'] = (_name, _options, callback) =>
  callback(null, [{ address: '127.0.0.1', family: 4 }]);

async function say(socket: { readable: ReadableStream<Uint8Array>; writable: WritableStream<Uint8Array> }, text: string): Promise<string> {
  const [writer, reader] = [socket.writable.getWriter(), socket.readable.getReader()];
  await writer.write(new TextEncoder().encode(text));
  const { value } = await reader.read();
  writer.releaseLock();
  reader.releaseLock();
  return new TextDecoder().decode(value);
}

describe('brokered connections', () => {
  test.each(['127.0.0.1', '::ffff:127.0.0.1', '[::1]', '10.1.2.3', '169.254.169.254', '0.0.0.0'])(
    '%s is refused unless it is allowed',
    async (host) => {
      const broker = aBroker([]);
      await expect(broker.open({ host, port: 5432 }, never)).rejects.toMatchObject({ code: 'EGRESS_DENIED', kind: 'rejected' });
      expect(broker.stats).toMatchObject({ open: 0, opened: 0, refused: 1 });
    },
  );

  test('a name that leads inside is refused after it was resolved, also when one of its addresses is public', async () => {
    const resolve: typeof toLocal = (_name, _options, callback) =>
      callback(null, [
        { address: '93.184.216.34', family: 4 },
        { address: '127.0.0.1', family: 4 },
      ]);
    await expect(aBroker([], { resolve }).open({ host: 'db.example.com', port: portOf(echo) }, never)).rejects.toMatchObject({
      code: 'EGRESS_DENIED',
    });
    expect(peers.size).toBe(0);
  });

  test('what was allowed for one port is not allowed for another', async () => {
    const broker = aBroker([`127.0.0.1:${portOf(echo)}`]);
    await expect(broker.open({ host: '127.0.0.1', port: portOf(secure) }, never)).rejects.toMatchObject({ code: 'EGRESS_DENIED' });
    const socket = await broker.open({ host: '127.0.0.1', port: portOf(echo) }, never);
    expect(await say(socket, 'hello')).toBe('hello');
    expect(broker.stats).toMatchObject({ open: 1, opened: 1, bytesIn: 5 });
  });

  test.each([
    ['', 1],
    ['a b', 1],
    ['x\r\ny', 1],
    ['db.example.com', 0],
    ['db.example.com', 65_536],
    ['db.example.com', 1.5],
  ])('host %j and port %s are no address', async (host, port) => {
    await expect(aBroker([]).open({ host, port }, never)).rejects.toMatchObject({ code: 'CONNECT_INVALID' });
  });

  test('TLS proves the name of the other side, unless it is told not to', async () => {
    const broker = aBroker([`127.0.0.1:${portOf(secure)}`, 'db.internal', 'other.internal'], { resolve: toLocal });
    const port = portOf(secure);
    expect(await say(await broker.open({ host: 'db.internal', port, tls: true, ca }, never), 'x')).toBe('x');
    expect(await say(await broker.open({ host: '127.0.0.1', port, tls: true, ca, serverName: 'db.internal' }, never), 'x')).toBe('x');
    await expect(broker.open({ host: 'db.internal', port, tls: true }, never)).rejects.toMatchObject({
      code: 'TLS_FAILED',
      kind: 'rejected',
    });
    await expect(broker.open({ host: 'other.internal', port, tls: true, ca }, never)).rejects.toMatchObject({ code: 'TLS_FAILED' });
    expect(await say(await broker.open({ host: 'other.internal', port, tls: true, checkCertificate: false }, never), 'x')).toBe('x');
  });

  test('ends with the step: while it connects, and while it is open', async () => {
    const silent = createServer(() => undefined).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const broker = aBroker(['127.0.0.1']);
    const early = new AbortController();
    const opening = broker.open({ host: '127.0.0.1', port: portOf(silent), tls: true }, early.signal);
    early.abort(new Error('stopped'));
    await expect(opening).rejects.toThrow('stopped');
    silent.close();
    const step = new AbortController();
    const socket = await broker.open({ host: '127.0.0.1', port: portOf(echo) }, step.signal);
    const reading = socket.readable.getReader().read();
    step.abort();
    await reading.catch(() => undefined);
    await expect.poll(() => broker.stats.open, { timeout: 60_000 }).toBe(0);
    await expect(broker.open({ host: '127.0.0.1', port: portOf(echo) }, step.signal)).rejects.toThrow();
  });

  test('is bounded in number, bytes and silence', async () => {
    const broker = aBroker(['127.0.0.1'], { limits: { maxOpen: 1, maxBytes: 100, idleMs: 60_000 } });
    const socket = await broker.open({ host: '127.0.0.1', port: portOf(echo) }, never);
    await expect(broker.open({ host: '127.0.0.1', port: portOf(echo) }, never)).rejects.toMatchObject({ code: 'TOO_MANY_CONNECTIONS' });
    const ended = new Response(socket.readable).text();
    void socket.writable
      .getWriter()
      .write(new Uint8Array(101))
      .catch(() => undefined);
    await expect(ended).rejects.toMatchObject({ code: 'CONNECTION_LIMIT' });
    const quiet = aBroker(['127.0.0.1'], { limits: { idleMs: 30 } });
    const idle = await quiet.open({ host: '127.0.0.1', port: portOf(echo) }, never);
    await expect(new Response(idle.readable).text()).rejects.toMatchObject({ code: 'CONNECTION_LIMIT' });
  });

  test('a port where nothing listens is refused with the code of the network', async () => {
    const closed = createServer().listen(0, '127.0.0.1');
    await once(closed, 'listening');
    const port = portOf(closed);
    closed.close();
    await expect(aBroker(['127.0.0.1']).open({ host: '127.0.0.1', port }, never)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });
});
