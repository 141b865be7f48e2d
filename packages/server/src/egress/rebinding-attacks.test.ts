/**
 * Names that lie: a real DNS server on this machine that answers one way when the guard looks and another way afterwards, and services that
 * send requests on to where no request may go. What counts is who was connected to.
 */
import { type Socket as UdpSocket, createSocket } from 'node:dgram';
import { Resolver } from 'node:dns';
import { type RequestListener, type Server, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createAddressRules } from './address-rules.ts';
import { createBrokeredConnect } from './brokered-connect.ts';
import { type GuardedFetch, type Resolve, createGuardedFetch } from './guarded-fetch.ts';

/** Stands for a host outside: allowed, on this machine, and another address than the one that is not. */
const OUTSIDE = '127.0.0.2';
const INSIDE = '127.0.0.1';

/** Answers questions for A records with what `answer` says, for no longer than this moment. */
class NameServer {
  readonly asked: string[] = [];
  answer: (name: string, times: number) => readonly string[] = () => [];
  readonly #socket: UdpSocket = createSocket('udp4');

  async start(): Promise<this> {
    this.#socket.on('message', (query, from) => this.#socket.send(this.#reply(query), from.port, from.address));
    await new Promise<void>((resolve) => this.#socket.bind(0, INSIDE, resolve));
    return this;
  }

  get resolve(): Resolve {
    const resolver = new Resolver();
    resolver.setServers([`${INSIDE}:${this.#socket.address().port}`]);
    return (name, _, callback) =>
      resolver.resolve4(name, (error, addresses) =>
        callback(
          error,
          (addresses ?? []).map((address) => ({ address, family: 4 })),
        ),
      );
  }

  close(): Promise<void> {
    return new Promise((resolve) => this.#socket.close(() => resolve()));
  }

  #reply(query: Buffer): Buffer {
    const labels: string[] = [];
    let at = 12;
    for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
      labels.push(query.toString('latin1', at + 1, at + 1 + length));
      at += 1 + length;
    }
    const name = labels.join('.').toLowerCase();
    this.asked.push(name);
    const addresses = this.answer(name, this.asked.filter((one) => one === name).length);
    const header = Buffer.from(query.subarray(0, 12));
    header.writeUInt16BE(0x8180, 2);
    header.writeUInt16BE(1, 4);
    header.writeUInt16BE(addresses.length, 6);
    header.writeUInt32BE(0, 8);
    const records = addresses.map((address) => Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, ...address.split('.').map(Number)]));
    return Buffer.concat([header, query.subarray(12, at + 5), ...records]);
  }
}

let names: NameServer;
let outside: Server;
let inside: Server;
let port: number;
let guarded: GuardedFetch;
let respond: RequestListener;
const seen = { outside: 0, inside: 0 };

beforeAll(async () => {
  names = await new NameServer().start();
  outside = createServer((req, res) => {
    seen.outside += 1;
    respond(req, res);
  });
  inside = createServer((_, res) => {
    seen.inside += 1;
    res.end('the secret of this machine');
  });
  await new Promise<void>((resolve) => outside.listen(0, OUTSIDE, resolve));
  ({ port } = outside.address() as AddressInfo);
  await new Promise<void>((resolve) => inside.listen(port, INSIDE, resolve));
  guarded = createGuardedFetch(createAddressRules([`${OUTSIDE}:${port}`]), { resolve: names.resolve });
});
beforeEach(() => {
  Object.assign(seen, { outside: 0, inside: 0 });
  names.asked.length = 0;
  respond = (_, res) => res.setHeader('connection', 'close').end('outside');
});
afterAll(async () => {
  await guarded.close();
  for (const server of [outside, inside]) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
  await names.close();
});

async function ask(url: string): Promise<string> {
  try {
    return await (await guarded.fetch(url)).text();
  } catch (error) {
    for (let one = error as { code?: string; cause?: unknown; message?: string } | undefined; one; one = one.cause as typeof one)
      if (one.code !== undefined || one.cause === undefined) return one.code ?? one.message ?? '';
    return '';
  }
}

describe('a name that changes its address', () => {
  test('after it was judged changes nothing: it is asked for once, and that answer is dialed', async () => {
    names.answer = (_, times) => [times === 1 ? OUTSIDE : INSIDE];
    expect(await ask(`http://rebind.example:${port}/`)).toBe('outside');
    expect([names.asked.length, seen]).toEqual([1, { outside: 1, inside: 0 }]);
  });

  test('between two requests is judged again, and the second one goes nowhere', async () => {
    names.answer = (_, times) => [times === 1 ? OUTSIDE : INSIDE];
    expect(await ask(`http://again.example:${port}/`)).toBe('outside');
    expect(await ask(`http://again.example:${port}/`)).toBe('EGRESS_DENIED');
    expect(seen).toEqual({ outside: 1, inside: 0 });
  });

  test('between a redirect and where it leads is judged again', async () => {
    names.answer = (_, times) => [times === 1 ? OUTSIDE : INSIDE];
    respond = (_, res) => res.writeHead(307, { location: `http://hop.example:${port}/secret`, connection: 'close' }).end();
    expect(await ask(`http://hop.example:${port}/`)).toBe('EGRESS_DENIED');
    expect(seen).toEqual({ outside: 1, inside: 0 });
  });

  test('is no way in beside an address that is good', async () => {
    names.answer = () => [OUTSIDE, INSIDE];
    expect(await ask(`http://both.example:${port}/`)).toBe('EGRESS_DENIED');
    names.answer = () => [INSIDE, OUTSIDE];
    expect(await ask(`http://both.example:${port}/`)).toBe('EGRESS_DENIED');
    expect(seen).toEqual({ outside: 0, inside: 0 });
  });

  test('is dialed where it was judged by connections of steps too', async () => {
    names.answer = (_, times) => [times === 1 ? OUTSIDE : INSIDE];
    const broker = createBrokeredConnect(createAddressRules([`${OUTSIDE}:${port}`]), { resolve: names.resolve });
    const { signal } = new AbortController();
    const socket = await broker.open({ host: 'socket.example', port }, signal);
    const writer = socket.writable.getWriter();
    await writer.write(Buffer.from('GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n'));
    const chunks: Uint8Array[] = [];
    for await (const chunk of socket.readable) chunks.push(chunk);
    expect(Buffer.concat(chunks).toString()).toContain('outside');
    await expect(broker.open({ host: 'socket.example', port }, signal)).rejects.toMatchObject({ code: 'EGRESS_DENIED' });
    expect([names.asked.length, seen]).toEqual([2, { outside: 1, inside: 0 }]);
    broker.close();
  });
});

describe('a service that sends requests on', () => {
  const METADATA = [
    'http://169.254.169.254/latest/meta-data/iam/security-credentials/',
    'http://2852039166/latest/meta-data/',
    'http://0xa9fea9fe/',
    'http://[::ffff:169.254.169.254]/',
    'http://[fd00:ec2::254]/latest/meta-data/',
    'http://100.100.100.200/latest/meta-data/',
    'http://metadata.google.internal/computeMetadata/v1/',
    'http://169.254.169.254:80@127.0.0.1/',
  ];

  test.each(METADATA.flatMap((to) => [301, 302, 303, 307, 308].map((status) => [status, to] as const)))(
    'with %i to %s is not followed',
    async (status, to) => {
      names.answer = (name) => [name === 'metadata.google.internal' ? '169.254.169.254' : OUTSIDE];
      respond = (_, res) => res.writeHead(status, { location: to, connection: 'close' }).end();
      expect(await ask(`http://hop.example:${port}/`)).toMatch(/^EGRESS_DENIED$|^cross origin not allowed/);
      expect(seen).toEqual({ outside: 1, inside: 0 });
    },
  );

  test.each(['file:///etc/passwd', 'gopher://127.0.0.1/', 'data:text/plain,secret', 'ftp://127.0.0.1/', 'javascript:1'])(
    'to %s is not followed',
    async (to) => {
      names.answer = () => [OUTSIDE];
      respond = (_, res) => res.writeHead(302, { location: to, connection: 'close' }).end();
      expect(await ask(`http://hop.example:${port}/`)).not.toMatch(/root:|secret$/);
      expect(seen).toEqual({ outside: 1, inside: 0 });
    },
  );

  test('in a circle is left after a while', async () => {
    names.answer = () => [OUTSIDE];
    respond = (_, res) => res.writeHead(302, { location: '/', connection: 'close' }).end();
    expect(await ask(`http://circle.example:${port}/`)).toMatch(/redirect/i);
    expect(seen.outside).toBeLessThanOrEqual(21);
  });
});
