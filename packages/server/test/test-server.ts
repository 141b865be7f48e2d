/** A whole server in this process: real HTTP on a free port, a database and a data folder of its own. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { type IncomingMessage, type ServerResponse, createServer } from 'node:http';
import { type AddressInfo, type Socket, connect, createServer as createTcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { type TestDatabase, createTestDatabase } from '@plugboard/persistence/testing';
import type { BundledPlugin } from '@plugboard/plugin-host';
import { vi } from 'vitest';
import { type Config, createLog, readConfig, startServer } from '../src/index.ts';
import { readServerFile } from '../src/local.ts';

const CORE = ['plugin.mjs', 'plugin.ir.json'].map((name) => fileURLToPath(new URL(`../../../plugins/core/dist/${name}`, import.meta.url)));
const CONTRACT = fileURLToPath(new URL('../../testing/contract/', import.meta.url));

export interface Answer<Body = unknown> {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly json: Body;
}

export interface TestServer {
  readonly url: string;
  readonly port: number;
  readonly dataDir: string;
  readonly token: string;
  /** Where the owner is made; absent once there is one. */
  readonly setUpToken: string | undefined;
  readonly database: TestDatabase;
  /** Everything logged so far. */
  readonly log: () => string;
  fetch<Body = unknown>(path: string, init?: RequestInit): Promise<Answer<Body>>;
  /** Posts JSON to a webhook. */
  hook<Body = unknown>(path: string, body?: unknown, init?: RequestInit): Promise<Answer<Body>>;
  /** Calls the API with the local token. */
  api<Body = unknown>(method: string, path: string, body?: unknown): Promise<Answer<Body>>;
  /** Imports and publishes; throws when that fails. */
  publish(...definitions: readonly object[]): Promise<void>;
  /** Sends bytes as they are; resolves with all that came back once the connection has ended. */
  raw(bytes: string | Buffer, options?: { readonly end?: boolean }): Promise<string>;
  /** Reads the certificate's files again. */
  reload(): void;
  /** Stops the server and keeps database and folder. */
  stop(): Promise<void>;
  /** Stops everything. */
  close(): Promise<void>;
}

export interface TestServerOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly config?: Partial<Config>;
  /** Folder of built pages. */
  readonly pagesDir?: string;
  /** Beside the core nodes. */
  readonly plugins?: readonly BundledPlugin[];
  /** Goes on with what an earlier server left. */
  readonly after?: TestServer;
  /** Reach the database through this address instead. */
  readonly through?: (url: string) => string;
}

export async function startTestServer(options: TestServerOptions = {}): Promise<TestServer> {
  const database = options.after?.database ?? (await createTestDatabase());
  const dataDir = options.after?.dataDir ?? (await mkdtemp(join(tmpdir(), 'plugboard-server-')));
  const lines: string[] = [];
  const sink = new Writable({
    write(chunk: Buffer, _, done) {
      lines.push(chunk.toString());
      done();
    },
  });
  const env = {
    PLUGBOARD_DATA: dataDir,
    PLUGBOARD_PORT: '0',
    PLUGBOARD_SANDBOX_PROCESSES: '1',
    DATABASE_URL: options.through?.(database.url) ?? database.url,
    ...options.env,
  };
  const config = { ...readConfig(env, dataDir), ...options.config };
  const server = await startServer({
    config,
    bundled: [{ bundleFile: CORE[0] ?? '', irFile: CORE[1] ?? '' }, ...(options.plugins ?? [])],
    pagesDir: options.pagesDir,
    log: createLog('debug', sink),
  });
  const file = readServerFile(dataDir);
  if (!file) throw new Error('the server left no server.json');
  const { url, token } = file;
  const port = Number(new URL(url).port);

  const call = async <Body>(path: string, init?: RequestInit): Promise<Answer<Body>> => {
    const answer = await fetch(`${url}${path}`, init);
    const text = await answer.text();
    const isJson = answer.headers.get('content-type')?.startsWith('application/json') === true && text !== '';
    return { status: answer.status, headers: answer.headers, text, json: (isJson ? JSON.parse(text) : undefined) as Body };
  };

  const kit: TestServer = {
    url,
    port,
    dataDir,
    token,
    setUpToken: server.setUpToken,
    database,
    log: () => lines.join(''),
    fetch: call,
    hook: (path, body, init) =>
      call(`/hooks/${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        ...init,
      }),
    api: (method, path, body) =>
      call(`/api${path}`, {
        method,
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      }),
    async publish(...definitions) {
      for (const definition of definitions) {
        const { status, text } = await kit.api('POST', '/workflows/import', { definition, publish: true });
        if (status >= 300) throw new Error(`publish failed: ${text}`);
      }
    },
    raw: (bytes, { end = false } = {}) =>
      new Promise((resolve, reject) => {
        let text = '';
        const socket = connect(port, '127.0.0.1', () => (end ? socket.end(bytes) : socket.write(bytes)));
        socket.on('data', (chunk) => (text += chunk.toString('latin1')));
        socket.on('close', () => resolve(text));
        socket.on('error', (error: NodeJS.ErrnoException) => (error.code === 'ECONNRESET' ? resolve(text) : reject(error)));
      }),
    reload: () => server.reload(),
    stop: () => server.stop(),
    async close() {
      await server.stop();
      await database.close();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
  return kit;
}

export async function contractFile(name: string): Promise<object> {
  return JSON.parse(await readFile(join(CONTRACT, `${name}.workflow.json`), 'utf8')) as object;
}

export type Step = readonly [id: string, type: string, params?: object];

export interface HookParams {
  readonly path: string;
  readonly method?: string;
  readonly reply?: 'immediate' | 'last-step' | 'respond';
}

/** A webhook and a straight line of steps after it. */
export function aWorkflow(
  name: string,
  hook: HookParams,
  ...steps: readonly Step[]
): { schema: 1; name: string; nodes: object[]; edges: object[] } {
  const nodes: Step[] = [['hook', 'core/webhook', { method: 'POST', reply: 'last-step', ...hook }], ...steps];
  return {
    schema: 1,
    name,
    nodes: nodes.map(([id, type, params = {}], i) => ({
      id,
      type,
      position: { x: i * 240, y: 0 },
      data: { name: id, typeVersion: 1, params },
    })),
    edges: nodes.slice(1).map(([id], i) => anEdge(nodes[i]?.[0] ?? '', id)),
  };
}

export function anEdge(source: string, target: string, sourceHandle = 'main', targetHandle = 'main'): object {
  return { id: `${source}-${sourceHandle}-${target}`, source, sourceHandle, target, targetHandle };
}

export interface RunBody {
  readonly id: string;
  readonly status: string;
  readonly error?: { readonly code: string; readonly message: string };
}

/** Waits until the run has ended. One that waits is answered at once, so it is asked about again. */
export async function ended(server: TestServer, runId: string): Promise<RunBody> {
  const { json } = await until(
    () => server.api<RunBody>('GET', `/runs/${runId}/state?waitMs=30000`),
    ({ json: run }) => !['pending', 'running', 'waiting'].includes(run.status),
  );
  return json;
}

/** Once a pause that was asked for is in the journal: from then on nothing new of the run begins. */
export async function pauseTaken(server: TestServer, runId: string): Promise<void> {
  const facts = async () => (await server.api<{ facts: { event?: string }[] }>('GET', `/runs/${runId}/facts`)).json.facts;
  await until(facts, (all) => all.some(({ event }) => event === 'pause.requested'));
}

/** Waits until a condition holds, by asking again, and gives what was seen then. Fails the test after a while. */
export function until<Value>(look: () => Value | Promise<Value>, isEnough: (value: Value) => boolean): Promise<Value> {
  const lookOnce = async (): Promise<Value> => {
    const value = await look();
    if (!isEnough(value)) throw new Error(`it did not come about; last seen: ${JSON.stringify(value)}`);
    return value;
  };
  return vi.waitFor(lookOnce, { timeout: 60_000, interval: 10 });
}

/** An outside service that holds every request until it is let go. */
export interface Gate {
  readonly url: string;
  /** Requests that came, in order. */
  readonly seen: { readonly path: string; readonly headers: IncomingMessage['headers'] }[];
  readonly held: number;
  /** Answers all that are held, and from now on at once. */
  open(): void;
  /** Answers the oldest one. */
  letOne(): void;
  close(): Promise<void>;
}

export async function openGate(
  answer: (req: IncomingMessage, res: ServerResponse) => void = (_, res) =>
    void res.setHeader('content-type', 'application/json').end('{"ok":true}'),
): Promise<Gate> {
  const held: (() => void)[] = [];
  const seen: { path: string; headers: IncomingMessage['headers'] }[] = [];
  let isOpen = false;
  const server = createServer((req, res) => {
    seen.push({ path: req.url ?? '', headers: req.headers });
    req.resume();
    const letGo = (): void => answer(req, res);
    if (isOpen) letGo();
    else held.push(letGo);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    seen,
    get held() {
      return held.length;
    },
    open() {
      isOpen = true;
      for (const letGo of held.splice(0)) letGo();
    },
    letOne: () => held.shift()?.(),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** A wire to another address that can be cut and mended. */
export interface Wire {
  readonly port: number;
  cut(): void;
  mend(): void;
  /** Nothing passes, and nobody is told. */
  freeze(): void;
  thaw(): void;
  close(): Promise<void>;
}

export async function openWire(host: string, port: number): Promise<Wire> {
  const sockets = new Set<Socket>();
  let isCut = false;
  let isFrozen = false;
  const server = createTcpServer((near) => {
    if (isCut) return void near.destroy();
    const far = connect(port, host);
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on('close', () => sockets.delete(socket));
      socket.on('error', () => undefined);
    }
    near.pipe(far).pipe(near);
    if (isFrozen) for (const socket of [near, far]) socket.pause();
    near.on('close', () => far.destroy());
    far.on('close', () => near.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const cut = (): void => {
    isCut = true;
    for (const socket of sockets) socket.destroy();
  };
  return {
    port: (server.address() as AddressInfo).port,
    cut,
    mend: () => void (isCut = false),
    freeze: () => {
      isFrozen = true;
      for (const socket of sockets) socket.pause();
    },
    thaw: () => {
      isFrozen = false;
      for (const socket of sockets) socket.resume();
    },
    close: () => {
      cut();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
