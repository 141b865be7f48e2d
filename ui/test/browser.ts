/** The gallery in a real browser: built as for production plus the gallery, served under the content security policy of the server. */
import { createServer, type Server } from 'node:http';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, extname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CHROMIUM_ARGUMENTS } from '@plugboard/testing/chromium';
import { chromium, type Page } from 'playwright-core';
import { build } from 'vite';

const folder = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const TYPES: { readonly [extension: string]: string } = {
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.html': 'text/html',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
  '.webmanifest': 'application/manifest+json',
};

/** No inline script or style element, nothing from elsewhere. Attributes are set through the DOM, which needs no exception. */
export const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self' data:; connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types vue";

export interface Gallery {
  /** The one page of the browser. */
  readonly page: Page;
  /** What the console complained about so far. */
  readonly complaints: string[];
  /** Opens an address below the server's root. */
  readonly open: (path: string) => Promise<void>;
  readonly close: () => Promise<void>;
}

/** Longest wait for one thing on a page, in milliseconds. */
const WAIT_MS = 60_000;

export async function openGallery(executablePath: string): Promise<Gallery> {
  const work = await mkdtemp(join(tmpdir(), 'plugboard-ui-'));
  const outDir = join(work, 'pages');
  await build({
    root: folder,
    configFile: join(folder, 'vite.config.ts'),
    mode: 'gallery',
    logLevel: 'error',
    build: { outDir, emptyOutDir: true },
  });
  const server = serve(outDir);
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server of the gallery has no port');
  const context = await chromium.launchPersistentContext(join(work, 'profile'), {
    executablePath,
    headless: true,
    args: [...CHROMIUM_ARGUMENTS],
    timeout: 120_000,
  });
  const page = context.pages()[0] ?? (await context.newPage());
  page.setDefaultTimeout(WAIT_MS);
  const complaints: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(error.message));
  return {
    page,
    complaints,
    async open(path) {
      await page.goto(`http://127.0.0.1:${address.port}${path}`);
      await page.locator('h1, h2').first().waitFor();
    },
    async close() {
      await context.close();
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
      await rm(work, { recursive: true, force: true });
    },
  };
}

function serve(root: string): Server {
  return createServer((request, response) => {
    const path = new URL(request.url ?? '/', 'http://gallery').pathname;
    const file = /\.\w+$/.test(path) ? path : '/index.html';
    readFile(join(root, file)).then(
      (body) =>
        response
          .writeHead(200, { 'content-type': TYPES[extname(file)] ?? 'application/octet-stream', 'content-security-policy': POLICY })
          .end(body),
      () => response.writeHead(404).end(),
    );
  });
}
