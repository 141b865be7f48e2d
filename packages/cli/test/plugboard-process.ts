/** The built command as its users run it: a process of its own on a data folder of its own. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const MAIN = fileURLToPath(new URL('../dist/main.js', import.meta.url));
export const CONTRACT = fileURLToPath(new URL('../../testing/contract/', import.meta.url));

export interface Output {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export class Plugboard {
  readonly dataDir = mkdtempSync(join(tmpdir(), 'plugboard-test-'));
  readonly url: string;
  readonly #port: number;
  readonly #env: Record<string, string>;
  #child: ChildProcess | undefined;
  #log = '';

  private constructor(port: number, env: Record<string, string>) {
    this.#port = port;
    this.#env = env;
    this.url = `http://127.0.0.1:${port}`;
  }

  static async create(env: Record<string, string> = {}): Promise<Plugboard> {
    return new Plugboard(await freePort(), env);
  }

  get log(): string {
    return this.#log;
  }

  get pid(): number {
    const pid = this.#child?.pid;
    if (pid === undefined) throw new Error('the server is not running');
    return pid;
  }

  /** Starts the server and resolves when it says that it is ready. */
  async start(): Promise<void> {
    const child = spawn(process.execPath, ['--disable-sigusr1', MAIN, 'start'], {
      env: this.environment(),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child = child;
    await new Promise<void>((resolve, reject) => {
      const take = (chunk: Buffer): void => {
        this.#log = (this.#log + chunk.toString()).slice(-200_000);
        if (chunk.includes('Plugboard is ready at')) resolve();
      };
      child.stdout.on('data', take);
      child.stderr.on('data', take);
      child.once('exit', (code, signal) =>
        reject(new Error(`the server ended (${code ?? signal}) before it was ready:\n${this.#log.slice(-3000)}`)),
      );
    });
  }

  /** Ends the server without warning. */
  async kill(): Promise<void> {
    const child = this.#child;
    if (!child) return;
    this.#child = undefined;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await ended;
  }

  /** Asks it to stop; gives the exit code. */
  async stop(): Promise<number | null> {
    const child = this.#child;
    if (!child) return null;
    this.#child = undefined;
    const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
    child.kill('SIGTERM');
    return ended;
  }

  /** Process id of the embedded PostgreSQL; undefined while it is down. */
  postmaster(): number | undefined {
    try {
      return Number(readFileSync(join(this.dataDir, 'postgres', 'data', 'postmaster.pid'), 'utf8').split('\n', 1)[0]);
    } catch {
      return undefined;
    }
  }

  /** What the command line proves itself with. */
  token(): string {
    const { token } = JSON.parse(readFileSync(join(this.dataDir, 'server.json'), 'utf8')) as { token: string };
    return token;
  }

  /** Runs one command against this data folder. */
  command(...args: string[]): Output {
    const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, ...args], {
      env: this.environment(),
      encoding: 'utf8',
      timeout: 180_000,
    });
    return { code: status, stdout, stderr };
  }

  environment(): NodeJS.ProcessEnv {
    return {
      PATH: process.env['PATH'],
      HOME: process.env['HOME'],
      PLUGBOARD_DATA: this.dataDir,
      PLUGBOARD_PORT: String(this.#port),
      PLUGBOARD_LOG_LEVEL: 'warn',
      ...this.#env,
    };
  }

  async remove(): Promise<void> {
    await this.stop();
    if (existsSync(this.dataDir)) rmSync(this.dataDir, { recursive: true, force: true });
  }
}

export function contractFiles(): string[] {
  return readdirSync(CONTRACT).map((name) => join(CONTRACT, name));
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => (address && typeof address === 'object' ? resolve(address.port) : reject(new Error('no port'))));
    });
  });
}
