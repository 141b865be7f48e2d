import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliCompressSync, brotliDecompressSync, gunzipSync, gzipSync } from 'node:zlib';
import Koa from 'koa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createEdge } from '../edge/edge.ts';
import { mountPages } from './mount-pages.ts';
import { type PageFiles, readPageFiles } from './page-files.ts';

const SHELL = '<!doctype html><title>Plugboard</title>';
const SCRIPT = 'export const pages = "plenty of text that compresses";'.repeat(20);
const HTML = { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' };

interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: Buffer;
}

let folder: string;
let files: PageFiles;
let port: number;
let securePort: number;
let barePort: number;
const closing: (() => void)[] = [];

/** The path as it is: fetch would tidy it before it is sent. */
function ask(path: string, options: { readonly method?: string; readonly headers?: Record<string, string>; readonly at?: number } = {}) {
  return new Promise<Reply>((resolve, reject) => {
    const req = request(
      { host: '127.0.0.1', port: options.at ?? port, path, method: options.method ?? 'GET', headers: options.headers ?? {}, agent: false },
      (res) => {
        const parts: Buffer[] = [];
        res.on('data', (part: Buffer) => parts.push(part));
        res.on('end', () =>
          resolve({
            status: res.statusCode ?? 0,
            headers: res.headers as Record<string, string | undefined>,
            body: Buffer.concat(parts),
          }),
        );
      },
    );
    req.on('error', reject);
    req.end();
  });
}

async function serve(pages: PageFiles | undefined, isSecure = false): Promise<number> {
  const app = new Koa();
  app.use(async (ctx, next) => {
    await next();
    if (ctx.status === 404 && ctx.body === undefined) {
      ctx.status = 404;
      ctx.body = { error: { code: 'NOT_FOUND' } };
    }
  });
  mountPages(app, { files: pages, isSecure });
  const callback = app.callback();
  const edge = createEdge({
    allowsHost: () => true,
    hooks: (_, res) => void res.writeHead(404).end('no such webhook'),
    testHooks: (_, res) => void res.writeHead(404).end('no such webhook'),
    app: (req, res) => void callback(req, res),
    maxConnections: 100,
    log: { error: () => undefined, warn: () => undefined },
  });
  await new Promise<void>((resolve) => edge.listen(0, '127.0.0.1', resolve));
  closing.push(() => {
    edge.close();
    edge.closeAllConnections();
  });
  return (edge.address() as AddressInfo).port;
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'plugboard-pages-'));
  const dist = join(folder, 'dist');
  await mkdir(join(dist, 'assets'), { recursive: true });
  await mkdir(join(dist, '.vite'));
  await writeFile(join(folder, 'secret.txt'), 'root key');
  await writeFile(join(dist, 'index.html'), SHELL);
  await writeFile(join(dist, '.vite', 'manifest.json'), '{}');
  await writeFile(join(dist, 'assets', 'main-a1b2c3.js'), SCRIPT);
  await writeFile(join(dist, 'assets', 'main-a1b2c3.js.br'), brotliCompressSync(SCRIPT));
  await writeFile(join(dist, 'assets', 'main-a1b2c3.js.gz'), gzipSync(SCRIPT));
  await writeFile(join(dist, 'assets', 'face-d4e5f6.woff2'), Buffer.from([0, 1, 2, 255]));
  await symlink(join(folder, 'secret.txt'), join(dist, 'linked.txt'));
  await symlink(folder, join(dist, 'up'));
  const read = await readPageFiles(dist);
  if (!read) throw new Error('the pages were not read');
  files = read;
  [port, securePort, barePort] = await Promise.all([serve(files), serve(files, true), serve(undefined)]);
});

afterAll(async () => {
  for (const close of closing) close();
  await rm(folder, { recursive: true, force: true });
});

describe('the files of the pages', () => {
  test('the start address and its file are the shell, asked for anew each time', async () => {
    for (const path of ['/', '/index.html', '/?a=1']) {
      const { status, headers, body } = await ask(path);
      expect([status, headers['content-type'], headers['cache-control'], body.toString()]).toEqual([
        200,
        'text/html; charset=utf-8',
        'no-cache',
        SHELL,
      ]);
    }
  });

  test('what is named by its content may be kept for ever', async () => {
    const { headers, body } = await ask('/assets/main-a1b2c3.js');
    expect(headers['cache-control']).toBe('public, max-age=31536000, immutable');
    expect(headers['content-type']).toBe('text/javascript; charset=utf-8');
    expect(body.toString()).toBe(SCRIPT);
    expect((await ask('/assets/face-d4e5f6.woff2')).body).toEqual(Buffer.from([0, 1, 2, 255]));
  });

  test.each([
    ['gzip, deflate, br', 'br'],
    ['gzip', 'gzip'],
    ['br;q=0, gzip;q=0.5', 'gzip'],
    ['*', 'br'],
    ['BR', 'br'],
    ['identity', undefined],
    ['', undefined],
    ['br;q=0', undefined],
  ])('a caller that takes "%s" gets %s', async (accept, encoding) => {
    const { headers, body } = await ask('/assets/main-a1b2c3.js', { headers: { 'accept-encoding': accept } });
    expect(headers['content-encoding']).toBe(encoding);
    expect(headers['vary']?.toLowerCase()).toBe('accept-encoding');
    expect(headers['content-length']).toBe(String(body.length));
    const plain = encoding === 'br' ? brotliDecompressSync(body) : encoding === 'gzip' ? gunzipSync(body) : body;
    expect(plain.toString()).toBe(SCRIPT);
  });

  test('a caller that has it is told that it is the same, per encoding', async () => {
    const first = await ask('/', {});
    const tag = first.headers['etag'] ?? '';
    expect(tag).toMatch(/^"[\w-]{27}"$/);
    const again = await ask('/', { headers: { 'if-none-match': `"other", W/${tag}` } });
    expect([again.status, again.body.length, again.headers['etag'], again.headers['cache-control']]).toEqual([304, 0, tag, 'no-cache']);
    expect((await ask('/', { headers: { 'if-none-match': '"other"' } })).status).toBe(200);
    const packed = await ask('/assets/main-a1b2c3.js', { headers: { 'accept-encoding': 'br' } });
    const plain = await ask('/assets/main-a1b2c3.js', { headers: { 'if-none-match': packed.headers['etag'] ?? '' } });
    expect(plain.status).toBe(200);
  });

  test('HEAD answers as GET does, without the body', async () => {
    const get = await ask('/');
    const head = await ask('/', { method: 'HEAD' });
    expect([head.status, head.headers['content-length'], head.headers['etag'], head.body.length]).toEqual([
      200,
      String(SHELL.length),
      get.headers['etag'],
      0,
    ]);
  });

  test('a page takes no other method', async () => {
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS']) {
      const { status, headers } = await ask('/index.html', { method });
      expect([status, headers['allow']]).toEqual([405, 'GET, HEAD']);
    }
    expect((await ask('/w/default', { method: 'POST', headers: HTML })).status).toBe(404);
  });
});

describe('an address of a page', () => {
  test.each(['/login', '/setup', '/w/default/workflows', '/w/default/workflows/v1.2', '/W%20x/y', '/w/a%3Fb'])(
    '%s is the shell for a person',
    async (path) => {
      const { status, body, headers } = await ask(path, { headers: HTML });
      expect([status, body.toString(), headers['cache-control']]).toEqual([200, SHELL, 'no-cache']);
    },
  );

  test('a program that asks for no page is told that nothing is there', async () => {
    expect((await ask('/login')).status).toBe(404);
    expect((await ask('/login', { headers: { accept: 'application/json' } })).status).toBe(404);
    expect((await ask('/login', { headers: { accept: '*/*' } })).status).toBe(404);
  });

  test.each([
    '/api',
    '/api/nowhere',
    '/API/nowhere',
    '/%61pi/nowhere',
    '/graphql',
    '/graphql/x',
    '/hooks',
    '/hooks/nowhere',
    '/healthz/x',
    '/readyz/',
    '/metrics/x',
    '/socket.io',
    '/socket.io/?EIO=4',
    '/auth/nowhere',
    '/assets/gone-123.js',
    '/assets/',
  ])('%s never is', async (path) => {
    const { status, body } = await ask(path, { headers: HTML });
    expect(status).toBe(404);
    expect(body.toString()).not.toContain(SHELL);
  });

  test.each([
    '/../secret.txt',
    '/assets/../../secret.txt',
    '/%2e%2e/secret.txt',
    '/..%2fsecret.txt',
    '/..%5csecret.txt',
    '/assets/..\\..\\secret.txt',
    '/assets/%2e%2e/index.html',
    '/index.html%00.js',
    '/%00',
    '/%',
    '/%ff',
    '/%0d%0aset-cookie:a=b',
    '//evil.example/x',
    '/.vite/manifest.json%2f',
    '/assets%2fmain-a1b2c3.js',
  ])('the trick %j finds nothing', async (path) => {
    const { status, body } = await ask(path, { headers: HTML });
    expect(status).toBe(404);
    expect(body.toString()).not.toContain('root key');
    expect(body.toString()).not.toContain(SCRIPT);
  });

  test.each([
    '/%252e%252e/secret.txt',
    '/%252e%252e%252fsecret.txt',
    '/.%2e/secret.txt',
    '/..%c0%afsecret.txt',
    '/%c0%ae%c0%ae/secret.txt',
    '/..%e2%88%95secret.txt',
    '/..%ef%bc%8fsecret.txt',
    '/..%ef%bc%bcsecret.txt',
    '/%ef%bc%8e%ef%bc%8e/secret.txt',
    '/....//secret.txt',
    '/..;/secret.txt',
    '/assets/..%00/secret.txt',
    '/up/secret.txt',
    '/linked.txt',
    '/C:%5csecret.txt',
    '/file:%2f%2f/secret.txt',
    '/proc/self/environ',
  ])('the spelling %j is at most the name of a page, never of a file', async (path) => {
    const { status, body } = await ask(path, { headers: HTML });
    expect(body.toString() === SHELL ? 404 : status).toBe(404);
    expect((await ask(path)).status).toBe(404);
  });

  test('links out of the folder, the notes of the build and the packed copies are no files', async () => {
    expect([...files.keys()].sort()).toEqual(['/assets/face-d4e5f6.woff2', '/assets/main-a1b2c3.js', '/index.html']);
    for (const path of ['/linked.txt', '/up/secret.txt', '/.vite/manifest.json', '/assets/main-a1b2c3.js.br'])
      expect((await ask(path)).status).toBe(404);
  });
});

describe('what a browser may do with it', () => {
  test('runs only files of ours, in no frame, and keeps its address to itself', async () => {
    for (const path of ['/', '/assets/main-a1b2c3.js', '/login']) {
      const { headers } = await ask(path, { headers: HTML });
      const policy = new Map((headers['content-security-policy'] ?? '').split('; ').map((one) => [one.split(' ', 1)[0], one]));
      expect(policy.get('default-src')).toBe("default-src 'none'");
      expect(policy.get('script-src')).toBe("script-src 'self'");
      expect(policy.get('style-src')).toBe("style-src 'self'");
      expect(policy.get('frame-ancestors')).toBe("frame-ancestors 'none'");
      expect(policy.get('require-trusted-types-for')).toBe("require-trusted-types-for 'script'");
      expect(headers['content-security-policy']).not.toMatch(/unsafe|\*/);
      expect(headers).toMatchObject({
        'x-content-type-options': 'nosniff',
        'referrer-policy': 'no-referrer',
        'cross-origin-opener-policy': 'same-origin',
        'cross-origin-resource-policy': 'same-origin',
      });
      expect(headers['permissions-policy']).toContain('camera=()');
      expect(headers['strict-transport-security']).toBeUndefined();
    }
  });

  test('stays with https where people use https', async () => {
    const { headers } = await ask('/', { at: securePort });
    expect(headers['strict-transport-security']).toBe('max-age=31536000');
    expect(headers['content-security-policy']).toContain('upgrade-insecure-requests');
  });
});

describe('a server without built pages', () => {
  test('says so at its start address, in one sentence that helps', async () => {
    const { status, headers, body } = await ask('/', { at: barePort, headers: HTML });
    expect([status, headers['content-type']]).toEqual([404, 'text/plain; charset=utf-8']);
    expect(body.toString()).toContain('npm run build');
    expect((await ask('/login', { at: barePort, headers: HTML })).body.toString()).toContain('NOT_FOUND');
  });

  test('is one whose folder is empty, gone or no folder', async () => {
    expect(await readPageFiles(join(folder, 'nowhere'))).toBeUndefined();
    expect(await readPageFiles(join(folder, 'secret.txt'))).toBeUndefined();
    expect(await readPageFiles(join(folder, 'dist', 'assets'))).toBeUndefined();
  });
});
