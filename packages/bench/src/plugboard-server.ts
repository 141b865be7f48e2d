/** The built server as a process on a data folder: started, asked, stopped, and its database read beside it. */
import type { ChildProcess } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Database, openDatabase } from '@plugboard/persistence';
import { type Children, hasEnded, stopChild } from './children.ts';
import { ask, sleep } from './http.ts';

export interface PlugboardServer {
  readonly url: string;
  readonly pid: number;
  /** From spawn to the first `/readyz` that said 200, in milliseconds. */
  readonly readyMs: number;
  /** `performance.now()` at the spawn. */
  readonly spawnedAt: number;
  /** First process of its embedded PostgreSQL. */
  postgresPid(): number | undefined;
  /** @throws BenchServerError with the end of its log when the process has ended by itself */
  checkRunning(): void;
  /** In order; resolves once the process is gone. */
  stop(): Promise<void>;
  /** SIGKILL; resolves once the process is gone. Its PostgreSQL may still be stopping. */
  kill(): Promise<void>;
}

/** Thrown when the server cannot be measured: not built, not ready in time, or a command of it failed. */
export class BenchServerError extends Error {
  readonly code = 'BENCH_SERVER';
  constructor(message: string) {
    super(message);
    this.name = 'BenchServerError';
  }
}

const PACKAGES = new URL('../../', import.meta.url);
const MAIN = fileURLToPath(new URL('cli/dist/main.js', PACKAGES));
const STOP_WITH_PARENT = new URL('cli/bin/preload-stop-with-parent.mjs', PACKAGES).href;
const CONTRACT = new URL('testing/contract/', PACKAGES);
/** Workflows of the bench alone. */
const OWN = new URL('../workflows/', import.meta.url);
const COMPILE_CACHE = fileURLToPath(new URL('../node_modules/.cache/plugboard-compile', PACKAGES));
const READY_WITHIN_MS = 60_000;
const IMPORT_WITHIN_MS = 60_000;
const POLL_MS = 5;
const KEPT_OUTPUT = 4000;

/** @throws BenchServerError with the end of the server's log */
export async function startPlugboard(children: Children, dataDir: string): Promise<PlugboardServer> {
  if (!existsSync(MAIN)) throw new BenchServerError('the server is not built; run: npm run build');
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const spawnedAt = performance.now();
  const child = children.spawn(
    process.execPath,
    ['--import', STOP_WITH_PARENT, '--disable-sigusr1', MAIN, 'start'],
    environment(dataDir, port),
  );
  const output = keepEndOf(child);
  while (!hasEnded(child) && performance.now() - spawnedAt < READY_WITHIN_MS) {
    const answer = await ask(`${url}/readyz`, { timeoutMs: 1000 });
    if (answer?.status === 200) return running(child, { url, dataDir, spawnedAt, readyMs: performance.now() - spawnedAt, output });
    await sleep(POLL_MS);
  }
  const why = hasEnded(child) ? `ended (${child.signalCode ?? child.exitCode})` : `was not ready within ${READY_WITHIN_MS / 1000} s`;
  await stopChild(child);
  throw new BenchServerError(`the server ${why}. The end of its log:\n${output()}`);
}

interface Running {
  readonly url: string;
  readonly dataDir: string;
  readonly spawnedAt: number;
  readonly readyMs: number;
  readonly output: () => string;
}

function running(child: ChildProcess, { url, dataDir, spawnedAt, readyMs, output }: Running): PlugboardServer {
  return {
    url,
    pid: child.pid ?? 0,
    readyMs,
    spawnedAt,
    postgresPid() {
      try {
        return Number.parseInt(readFileSync(join(dataDir, 'postgres', 'data', 'postmaster.pid'), 'utf8'), 10) || undefined;
      } catch {
        return undefined;
      }
    },
    checkRunning() {
      if (!hasEnded(child)) return;
      throw new BenchServerError(
        `the server ended while it was measured (${child.signalCode ?? child.exitCode}). The end of its log:\n${output()}`,
      );
    },
    stop: () => stopChild(child),
    kill() {
      if (hasEnded(child)) return Promise.resolve();
      return new Promise((resolve) => {
        child.once('exit', () => resolve());
        child.kill('SIGKILL');
      });
    },
  };
}

/** Imports and publishes the contract's workflows, and the bench's own, with the command people use. @throws BenchServerError with what it printed */
export async function publishContract(children: Children, dataDir: string): Promise<void> {
  const names = ['branches', 'chain10', 'code', 'echo', 'effects', 'items'];
  const files = [...names.map((name) => new URL(`${name}.workflow.json`, CONTRACT)), new URL('data.workflow.json', OWN)].map((file) =>
    fileURLToPath(file),
  );
  const child = children.spawn(process.execPath, [MAIN, 'import', '--publish', ...files], environment(dataDir, 0));
  const output = keepEndOf(child);
  const late = setTimeout(() => child.kill('SIGKILL'), IMPORT_WITHIN_MS);
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  clearTimeout(late);
  if (code !== 0) throw new BenchServerError(`importing the contract's workflows failed (${code ?? 'killed'}):\n${output()}`);
}

/** The database the server keeps in its data folder, for the time of the call. */
export async function withServersDatabase<Result>(dataDir: string, use: (database: Database) => Promise<Result>): Promise<Result> {
  const database = await openDatabase({
    embedded: {
      connection: { host: socketOf(dataDir), port: 5432, user: 'plugboard_owner', password: passwordOf(dataDir), database: 'plugboard' },
    },
    poolSize: 2,
    unreachableAfterMs: 5000,
  });
  try {
    return await use(database);
  } finally {
    await database.close();
  }
}

/** The API, as the local command line calls it. */
export async function callApi(dataDir: string, method: string, path: string, body?: unknown): Promise<{ status: number; text: string }> {
  const { url, token } = JSON.parse(readFileSync(join(dataDir, 'server.json'), 'utf8')) as { url: string; token: string };
  const answer = await fetch(`${url}/api${path}`, {
    method,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: answer.status, text: await answer.text() };
}

export async function queryRuns(dataDir: string): Promise<{ readonly rows: number; readonly postgres: string }> {
  return withServersDatabase(dataDir, async (database) => {
    const [found] = await database.query<{ rows: string; postgres: string }>(
      `select (select count(*) from run) as rows, current_setting('server_version') as postgres`,
    );
    return { rows: Number(found?.rows), postgres: found?.postgres ?? 'unknown' };
  });
}

/** Only the user who runs the server can read it. */
function passwordOf(dataDir: string): string {
  return (JSON.parse(readFileSync(join(dataDir, 'postgres', 'passwords.json'), 'utf8')) as { owner: string }).owner;
}

/** The fifth line of postmaster.pid names the folder of the socket. */
function socketOf(dataDir: string): string {
  const lines = readFileSync(join(dataDir, 'postgres', 'data', 'postmaster.pid'), 'utf8').split('\n');
  return lines[4]?.trim() || join(dataDir, 'postgres', 'run');
}

/** As the launcher starts it, without settings of the person who measures: they would change what is measured. */
function environment(dataDir: string, port: number): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(
    ([key]) => !key.startsWith('PLUGBOARD_') && !['DATABASE_URL', 'REDIS_URL', 'NODE_OPTIONS'].includes(key),
  );
  return {
    ...Object.fromEntries(own),
    PATH: `${dirname(process.execPath)}:${process.env['PATH'] ?? ''}`,
    NODE_COMPILE_CACHE: COMPILE_CACHE,
    PLUGBOARD_DATA: dataDir,
    PLUGBOARD_PORT: String(port),
    PLUGBOARD_EGRESS_ALLOW: '127.0.0.1',
    // Room for the sockets of the case `live`: they may take four fifths of it.
    PLUGBOARD_MAX_CONNECTIONS: '15000',
    // One person asks as often as the clock allows.
    PLUGBOARD_API_RATE_LIMIT: '0',
  };
}

function keepEndOf(child: ChildProcess): () => string {
  let text = '';
  const keep = (piece: Buffer): void => {
    text = `${text}${piece.toString('utf8')}`.slice(-KEPT_OUTPUT);
  };
  child.stdout?.on('data', keep);
  child.stderr?.on('data', keep);
  return () => text;
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as AddressInfo;
      probe.close(() => resolve(port));
    });
  });
}
