/** A server in a process of its own, to be killed in every way: its process, its code processes, its database. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readServerFile } from '../src/local.ts';

const CHILD = fileURLToPath(new URL('./server-child.ts', import.meta.url));

export interface FaultAnswer<Body> {
  readonly status: number;
  readonly json: Body;
}

export class FaultServer {
  readonly dataDir: string;
  readonly #env: Readonly<Record<string, string>>;
  #child: ChildProcess | undefined;
  #log = '';

  /** Without DATABASE_URL it has an embedded database of its own. */
  constructor(env: Readonly<Record<string, string>>, dataDir = mkdtempSync(join(tmpdir(), 'plugboard-fault-'))) {
    this.#env = env;
    this.dataDir = dataDir;
  }

  get isUp(): boolean {
    return this.#child !== undefined;
  }

  get pid(): number {
    const pid = this.#child?.pid;
    if (pid === undefined) throw new Error('the server is not running');
    return pid;
  }

  get log(): string {
    return this.#log;
  }

  /** Resolves when it is ready. */
  async begin(): Promise<void> {
    const env = {
      PATH: process.env['PATH'],
      HOME: process.env['HOME'],
      PLUGBOARD_DATA: this.dataDir,
      PLUGBOARD_PORT: '0',
      PLUGBOARD_SANDBOX_PROCESSES: '1',
      PLUGBOARD_EGRESS_ALLOW: '127.0.0.0/8',
      ...this.#env,
    };
    const child = spawn(process.execPath, ['--conditions=development', CHILD], { env, stdio: ['ignore', 'pipe', 'pipe'] });
    await new Promise<void>((resolve, reject) => {
      child.stderr.on('data', (chunk: Buffer) => (this.#log = (this.#log + chunk.toString()).slice(-100_000)));
      child.stdout.on('data', (chunk: Buffer) => chunk.includes('ready') && resolve());
      child.once('exit', (code) => reject(new Error(`the server ended (${code}) before it was ready:\n${this.#log.slice(-3000)}`)));
    });
    this.#child = child;
    child.once('exit', (code, signal) => {
      if (this.#child !== child) return;
      this.#child = undefined;
      this.#log += `\nit ended by itself: ${code ?? signal}`;
    });
  }

  /** Ends it without warning. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }

  /** It stands still: its lease runs out, and it hears of nothing. */
  freeze(): void {
    process.kill(this.pid, 'SIGSTOP');
  }

  /** Stops it in good order. */
  async stop(): Promise<void> {
    await this.#end('SIGTERM');
  }

  /** Stops it in good order and removes what it kept. */
  async remove(): Promise<void> {
    await this.#end('SIGTERM');
    await rm(this.dataDir, { recursive: true, force: true, maxRetries: 10 });
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    if (!child) return;
    this.#child = undefined;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill(signal);
    // One that does not stop when it is asked leaves its test failed, and no process behind.
    const impatience = setTimeout(() => child.kill('SIGKILL'), 60_000);
    await ended;
    clearTimeout(impatience);
  }

  /** Undefined when no answer came, as while it is down. */
  async send<Body>(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<FaultAnswer<Body> | undefined> {
    const file = readServerFile(this.dataDir);
    if (!file || !this.isUp) return undefined;
    try {
      const answer = await fetch(`${file.url}${path}`, {
        method,
        headers: {
          'content-type': 'application/json',
          ...(path.startsWith('/api/') ? { authorization: `Bearer ${file.token}` } : {}),
          ...headers,
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const text = await answer.text();
      const isJson = answer.headers.get('content-type')?.startsWith('application/json') === true;
      return { status: answer.status, json: (isJson ? JSON.parse(text) : undefined) as Body };
    } catch {
      return undefined;
    }
  }

  /** As {@link send} to the API, where only a good answer will do. */
  async api<Body>(method: string, path: string, body?: object): Promise<Body> {
    const answer = await this.send<Body>(method, `/api${path}`, body);
    if (!answer || answer.status >= 300) throw new Error(`${method} ${path}: ${answer?.status} ${JSON.stringify(answer?.json)}`);
    return answer.json;
  }

  /** Process id of the embedded PostgreSQL; undefined while it is down. */
  postmaster(): number | undefined {
    try {
      return Number(readFileSync(join(this.dataDir, 'postgres', 'data', 'postmaster.pid'), 'utf8').split('\n', 1)[0]);
    } catch {
      return undefined;
    }
  }

  /** Of the embedded PostgreSQL. */
  databaseUrl(): string {
    const { manager } = JSON.parse(readFileSync(join(this.dataDir, 'postgres', 'passwords.json'), 'utf8')) as { readonly manager: string };
    return `postgres://plugboard_manager:${manager}@localhost/plugboard?host=${encodeURIComponent(join(this.dataDir, 'postgres', 'run'))}`;
  }

  /** Processes that carry out code steps. */
  codeProcesses(): number[] {
    const children = readdirSync(`/proc/${this.pid}/task`).flatMap((task) => childrenOf(`/proc/${this.pid}/task/${task}`));
    return children.filter((pid) => pid !== '' && isCodeProcess(pid)).map(Number);
  }
}

function childrenOf(task: string): string[] {
  try {
    return readFileSync(`${task}/children`, 'utf8').split(' ');
  } catch {
    // The thread has ended in between.
    return [];
  }
}

function isCodeProcess(pid: string): boolean {
  try {
    const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
    return command[0] === process.execPath && command.some((part) => part.includes('sandbox'));
  } catch {
    // It has ended in between.
    return false;
  }
}
