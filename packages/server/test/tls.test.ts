/** The server speaks TLS itself: what it shows and refuses, a certificate renewed while it runs, and the way from plain HTTP. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type SecureVersion, type TLSSocket, connect } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readTls } from '../src/edge/tls.ts';
import { ConfigError, readConfig } from '../src/index.ts';
import { makeCertificate } from './certificate.ts';
import { type TestServer, startTestServer } from './test-server.ts';

let dir: string;
let server: TestServer;
let port: number;
let redirectPort: number;
const first = makeCertificate('plugboard.test');
const renewed = makeCertificate('plugboard.test');
const file = (name: string): string => join(dir, name);

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'plugboard-tls-'));
  await writeFile(file('cert.pem'), first.cert);
  await writeFile(file('key.pem'), first.key);
  [port, redirectPort] = [await freePort(), await freePort()];
  server = await startTestServer({
    env: {
      PLUGBOARD_PORT: String(port),
      PLUGBOARD_PUBLIC_URL: `https://plugboard.test:${port}`,
      PLUGBOARD_REDIRECT_PORT: String(redirectPort),
      PLUGBOARD_TLS_CERT: file('cert.pem'),
      PLUGBOARD_TLS_KEY: file('key.pem'),
    },
  });
});
afterAll(async () => {
  await server.close();
  await rm(dir, { recursive: true, force: true });
});

interface Shown {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly fingerprint: string;
}

function get(path: string, ca: string): Promise<Shown> {
  return new Promise((resolve, reject) => {
    const req = request(
      { host: '127.0.0.1', port, path, ca, servername: 'plugboard.test', agent: false, headers: { host: `plugboard.test:${port}` } },
      (res) => {
        const { fingerprint256 } = (res.socket as TLSSocket).getPeerCertificate();
        res.resume().on('end', () => resolve({ status: res.statusCode ?? 0, headers: res.headers, fingerprint: fingerprint256 }));
      },
    );
    req.on('error', reject).end();
  });
}

test('the API answers over TLS, tells browsers to stay with it, and the command line has its own way', async () => {
  const answer = await get('/healthz', first.cert);
  expect(answer.status).toBe(200);
  expect(answer.headers['strict-transport-security']).toBe('max-age=31536000');
  expect(server.url).toMatch(/^http:\/\/127\.0\.0\.1:/);
  expect((await server.api('GET', '/health')).status).toBe(200);
});

test.each<[SecureVersion, boolean]>([
  ['TLSv1.1', false],
  ['TLSv1.2', true],
  ['TLSv1.3', true],
])('%s: %s', async (version, isTaken) => {
  const taken = await new Promise<boolean>((resolve) => {
    const socket = connect(
      {
        host: '127.0.0.1',
        port,
        ca: first.cert,
        servername: 'plugboard.test',
        minVersion: version,
        maxVersion: version,
        ciphers: 'DEFAULT@SECLEVEL=0',
      },
      () => {
        socket.destroy();
        resolve(true);
      },
    );
    socket.on('error', () => resolve(false));
  });
  expect(taken).toBe(isTaken);
});

test('plain HTTP on the TLS port gets nothing, and on the port beside it is sent to the public address', async () => {
  await expect(fetch(`http://127.0.0.1:${port}/healthz`)).rejects.toThrow();
  const sent = await fetch(`http://127.0.0.1:${redirectPort}/hooks/a?b=c`, {
    redirect: 'manual',
    method: 'POST',
    headers: { host: 'evil.example' },
  });
  expect([sent.status, sent.headers.get('location')]).toEqual([308, `https://plugboard.test:${port}/hooks/a?b=c`]);
  const tricky = await fetch(`http://127.0.0.1:${redirectPort}//evil.example/x`, { redirect: 'manual' });
  expect(tricky.headers.get('location')).toBe(`https://plugboard.test:${port}/`);
});

test('a renewed certificate counts from then on; one that does not fit is left aside', async () => {
  const before = (await get('/healthz', first.cert)).fingerprint;
  await writeFile(file('key.pem'), renewed.key);
  // Only half of it is there: the one before stays.
  expect(() => server.reload()).toThrow(/is not the one of the certificate/);
  expect((await get('/healthz', first.cert)).fingerprint).toBe(before);
  await writeFile(file('cert.pem'), renewed.cert);
  server.reload();
  await expect(get('/healthz', first.cert)).rejects.toThrow();
  expect((await get('/healthz', renewed.cert)).fingerprint).not.toBe(before);
});

describe('what is refused at the start', () => {
  const other = makeCertificate('other.test');
  const old = makeCertificate('plugboard.test', { validForMs: -60_000 });
  test.each([
    ['a certificate that ended', old.cert, old.key, /ended .* Renew it/],
    ['a key of another certificate', first.cert, other.key, /is not the one of the certificate/],
    ['what is no certificate', 'hello', first.key, /holds no certificate/],
    ['what is no key', first.cert, 'hello', /holds no private key/],
  ])('%s', async (_, cert, key, message) => {
    await writeFile(file('a.pem'), cert);
    await writeFile(file('b.pem'), key);
    expect(() => readTls({ certFile: file('a.pem'), keyFile: file('b.pem') })).toThrow(message);
  });

  test('files that are not there, half of a pair, and a public address without https', () => {
    expect(() => readTls({ certFile: file('none.pem'), keyFile: file('none.pem') })).toThrow(/cannot be read \(ENOENT\)/);
    const config = (env: Record<string, string>) => () => readConfig({ PLUGBOARD_DATA: dir, ...env }, dir);
    expect(config({ PLUGBOARD_TLS_CERT: 'a' })).toThrow(ConfigError);
    expect(config({ PLUGBOARD_TLS_CERT: 'a', PLUGBOARD_TLS_KEY: 'b', PLUGBOARD_PUBLIC_URL: 'http://x.example' })).toThrow(
      /PLUGBOARD_PUBLIC_URL/,
    );
    expect(config({ PLUGBOARD_REDIRECT_PORT: '80' })).toThrow(/PLUGBOARD_REDIRECT_PORT/);
  });
});

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const { port: found } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return found;
}
