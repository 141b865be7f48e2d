/** Mutual TLS with real certificates, made for this test with openssl. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { type Server, createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ApiKit, type TestCaller, openApiKit } from '../operation/api.test-kit.ts';
import { type CredentialKit, credentialKit } from './credentials.test-kit.ts';

const folder = mkdtempSync(join(tmpdir(), 'plugboard-certificates-'));
const openssl = (...args: readonly string[]): void => void execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' });
const file = (name: string): string => readFileSync(join(folder, name), 'utf8');

function certificate(name: string, extension: string): void {
  openssl(
    'req',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:P-256',
    '-nodes',
    '-keyout',
    `${name}.key`,
    '-out',
    `${name}.csr`,
    '-subj',
    `/CN=${name}`,
    '-addext',
    extension,
  );
  openssl(
    'x509',
    '-req',
    '-in',
    `${name}.csr`,
    '-CA',
    'ca.pem',
    '-CAkey',
    'ca.key',
    '-CAcreateserial',
    '-days',
    '30',
    '-copy_extensions',
    'copy',
    '-out',
    `${name}.pem`,
  );
}

let kit: ApiKit;
let owner: TestCaller;
let use: CredentialKit;
let server: Server;
let url: string;
beforeAll(async () => {
  openssl(
    'req',
    '-x509',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:P-256',
    '-nodes',
    '-keyout',
    'ca.key',
    '-out',
    'ca.pem',
    '-subj',
    '/CN=test authority',
    '-days',
    '30',
  );
  certificate('server', 'subjectAltName=IP:127.0.0.1');
  certificate('client', 'extendedKeyUsage=clientAuth');
  openssl('pkcs12', '-export', '-in', 'client.pem', '-inkey', 'client.key', '-out', 'client.pfx', '-passout', 'pass:canary-passphrase');
  kit = await openApiKit();
  owner = await kit.person('owner');
  use = credentialKit(kit, owner);
  server = createServer(
    { cert: file('server.pem'), key: file('server.key'), ca: file('ca.pem'), requestCert: true, rejectUnauthorized: true },
    (req, res) => {
      res.end(`hello ${String((req.socket as TLSSocket).getPeerCertificate().subject.CN)}`);
    },
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await kit.close();
  rmSync(folder, { recursive: true, force: true });
});

describe('a client certificate', () => {
  test.each(['pem', 'pfx'])('as %s proves who calls, and its key is never told', async (form) => {
    const authority = file('ca.pem');
    const pfx = readFileSync(join(folder, 'client.pfx')).toString('base64');
    const data =
      form === 'pem'
        ? { certificate: file('client.pem'), key: file('client.key'), authority }
        : { pfx, passphrase: 'canary-passphrase', authority };
    const { id, key } = await use.make('core/client-certificate', data, [new URL(url).host]);
    const run = await use.request({ url, credential: key });
    expect([run.status, run.error]).toEqual(['succeeded', undefined]);
    expect(run.text).toContain('hello client');
    const detail = await kit.rest(owner, 'GET', `/credentials/${id}`);
    expect(detail.text).not.toMatch(/PRIVATE KEY|canary/);
    if (form === 'pem') expect(Date.parse(detail.json.expiresAt)).toBeGreaterThan(Date.now());
  });

  test('is not shown by requests without it, on whatever connection', async () => {
    const { key } = await use.make(
      'core/client-certificate',
      { certificate: file('client.pem'), key: file('client.key'), authority: file('ca.pem') },
      [new URL(url).host],
    );
    expect((await use.request({ url, credential: key })).status).toBe('succeeded');
    expect((await use.request({ url })).error?.code).toBe('TLS_FAILED');
  });

  test('with the key of another one, or a wrong passphrase, is not taken', async () => {
    const wrong = { certificate: file('client.pem'), key: file('server.key'), authority: file('ca.pem') };
    const pfx = { pfx: readFileSync(join(folder, 'client.pfx')).toString('base64'), passphrase: 'wrong' };
    for (const data of [wrong, pfx]) {
      const answer = await kit.rest(owner, 'POST', '/credentials', {
        key: 'wrong',
        name: 'wrong',
        type: 'core/client-certificate',
        data,
        allowedHosts: [],
      });
      expect([answer.status, answer.json.error.path]).toEqual([422, 'input.data']);
      expect(answer.text).toContain('do not load');
    }
  });
});
