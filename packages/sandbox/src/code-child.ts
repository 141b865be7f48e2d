/**
 * One child process as its parent sees it: start, send jobs, read replies, kill.
 * The child works through its jobs in order, so the first job in flight is the one that runs.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import type { CodeLimits } from './code-job.ts';
import { decodeReply, FrameCutter, frameKind, type ReplyFrame } from './frames.ts';

/** Doors the child tried at start and found shut, each with the error code that shut it. */
export type Probes = { readonly [door: string]: string };

/** Why a child ended. `retired`: it was asked to. `failed`: it never became ready. */
export type DeathCause = 'timeout' | 'memory' | 'cancelled' | 'retired' | 'failed' | 'crashed';

export interface CodeChildEvents {
  ready(child: CodeChild): void;
  /** `task` was the first in flight and is not any more. */
  reply(child: CodeChild, task: SentTask, frame: ReplyFrame): void;
  /** Comes after the last reply. `tasks` were in flight; the first one was running. */
  died(child: CodeChild, cause: DeathCause, detail: string, tasks: readonly SentTask[]): void;
}

export interface SentTask {
  readonly id: number;
}

const pageBytes = 65_536;
/** Room in the WASM memory for what the guest's own count leaves out: the image and fragmentation. */
const wasmSlackBytes = 16 * 1024 * 1024;
/** Room for the process around the guest: runtime, input and output on their way. */
const processSlackBytes = 192 * 1024 * 1024;
const stderrKept = 2000;
/** Ctrl-C in a terminal goes to the whole process group; running steps must get to finish while the server shuts down. */
const ownGroup = { detached: process.platform !== 'win32', windowsHide: true };

export class CodeChild {
  readonly #process: ChildProcess;
  readonly #warden: ChildProcess | undefined;
  readonly #events: CodeChildEvents;
  readonly #inFlight: SentTask[] = [];
  readonly #frames: FrameCutter;
  readonly #maxRssBytes: number;
  readonly #ended: Promise<void>;
  #stderr = '';
  #cause: DeathCause | undefined;
  #isCorked = false;
  #endsAfterHead = false;

  state: 'starting' | 'ready' | 'retiring' | 'dead' = 'starting';
  probes: Probes = {};
  /** Workspace of the last job sent; the next one of another workspace starts from cleared memory. */
  workspaceId: string | undefined;
  /** When the first job in flight became first, by `performance.now()`. */
  headSince = 0;
  idleSince = performance.now();
  jobsSent = 0;

  constructor(limits: CodeLimits, events: CodeChildEvents) {
    this.#events = events;
    this.#frames = new FrameCutter(maxReplyBytes(limits));
    this.#maxRssBytes = limits.memoryBytes + processSlackBytes;
    this.#process = startProcess(limits);
    this.#warden = this.#process.pid === undefined ? undefined : startWarden(this.#process.pid);
    // Children alone keep no program running; a job in flight does, through the pool's watch.
    this.#process.unref();
    const { stdin, stdout, stderr } = this.#process;
    for (const stream of [stdin, stdout, stderr]) (stream as unknown as { unref?: () => void } | null)?.unref?.();
    // A dead child's pipe breaks; its end is reported by `close`.
    stdin?.on('error', () => undefined);
    stderr?.on('data', (chunk: Buffer) => {
      this.#stderr = (this.#stderr + chunk.toString('utf8')).slice(-stderrKept);
    });
    stdout?.on('data', (chunk: Buffer) => this.#read(chunk));
    let ended = (): void => undefined;
    this.#ended = new Promise((resolve) => {
      ended = resolve;
    });
    this.#process.once('error', (error) => {
      this.#stderr += String(error);
    });
    this.#process.once('close', (code, signal) => {
      const wasReady = this.state !== 'starting';
      this.state = 'dead';
      this.#warden?.kill('SIGKILL');
      ended();
      const detail = `${signal === null ? `exit code ${code}` : `signal ${signal}`}${this.#stderr === '' ? '' : `: ${lastWords(this.#stderr)}`}`;
      this.#events.died(this, this.#cause ?? (wasReady ? 'crashed' : 'failed'), detail, this.#inFlight.splice(0));
    });
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  get load(): number {
    return this.#inFlight.length;
  }

  /** The job that runs now. */
  get head(): SentTask | undefined {
    return this.#inFlight[0];
  }

  send(task: SentTask, frame: Buffer): void {
    if (this.#inFlight.length === 0) this.headSince = performance.now();
    this.#inFlight.push(task);
    this.jobsSent += 1;
    const stdin = this.#process.stdin;
    if (stdin === null) return;
    if (!this.#isCorked) {
      // Jobs sent in one turn of the event loop leave in one write.
      this.#isCorked = true;
      stdin.cork();
      process.nextTick(() => {
        this.#isCorked = false;
        stdin.uncork();
      });
    }
    stdin.write(frame);
  }

  /** Takes back every job behind the running one. They are in the child's pipe already, so it is killed after this one. */
  takeBack(): SentTask[] {
    this.#endsAfterHead = true;
    this.#cause ??= 'retired';
    this.state = 'retiring';
    return this.#inFlight.splice(1);
  }

  /** Ends the child once its jobs are done; it gets no new ones. */
  retire(): void {
    if (this.state === 'dead') return;
    this.state = 'retiring';
    this.#cause ??= 'retired';
    this.#process.stdin?.end();
  }

  kill(cause: DeathCause): void {
    if (this.state === 'dead') return;
    this.#cause = cause;
    this.state = this.state === 'starting' ? 'starting' : 'retiring';
    this.#process.kill('SIGKILL');
  }

  /** Resolves when the process is gone and everything it wrote is read. Whoever waits for that keeps the program running. */
  ended(): Promise<void> {
    this.#process.ref();
    return this.#ended;
  }

  /** Whether the process holds more memory than a well-behaved one can; false where the system does not tell. */
  isOverMemory(): boolean {
    if (process.platform !== 'linux' || this.pid === undefined) return false;
    try {
      const kibibytes = /^VmRSS:\s+(\d+) kB/m.exec(fs.readFileSync(`/proc/${this.pid}/status`, 'latin1'))?.[1];
      return kibibytes !== undefined && Number(kibibytes) * 1024 > this.#maxRssBytes;
    } catch {
      // The process ended in between.
      return false;
    }
  }

  #read(chunk: Buffer): void {
    this.#frames.push(chunk);
    try {
      for (let frame = this.#frames.next(); frame !== undefined; frame = this.#frames.next()) this.#accept(frame);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      this.#stderr = error.message;
      this.kill('crashed');
    }
  }

  #accept(bytes: Buffer): void {
    const frame = decodeReply(bytes);
    if (frame?.kind === frameKind.ready && this.state === 'starting') {
      this.probes = JSON.parse(Buffer.from(frame.body).toString('utf8')) as Probes;
      this.state = 'ready';
      this.idleSince = performance.now();
      this.#events.ready(this);
      return;
    }
    const task = this.#inFlight[0];
    if (frame === undefined || task === undefined || frame.id !== task.id) {
      // A child that is being killed may still answer jobs that were taken back; any other one lies.
      if (this.state === 'ready') {
        this.#stderr = 'it answered out of turn';
        this.kill('crashed');
      }
      return;
    }
    this.#inFlight.shift();
    this.headSince = performance.now();
    if (this.#inFlight.length === 0) this.idleSince = this.headSince;
    if (this.#endsAfterHead) this.kill('retired');
    this.#events.reply(this, task, frame);
  }
}

/** The longest reply a child may send: result, logs as escaped JSON, and the frame around them. */
function maxReplyBytes(limits: CodeLimits): number {
  return limits.outputBytes + limits.logBytes * 6 + limits.logLines * 64 + pageBytes;
}

function startProcess(limits: CodeLimits): ChildProcess {
  const here = fileURLToPath(import.meta.url);
  const folder = path.dirname(here);
  const entry = path.join(folder, 'child', `main${path.extname(here)}`);
  const wasm = createRequire(import.meta.url).resolve('quickjs-wasi/quickjs.wasm');
  const readable = [folder, path.join(folder, '..', 'package.json'), wasm];
  const flags = [
    '--permission',
    ...readable.map((file) => `--allow-fs-read=${file}`),
    '--disable-sigusr1',
    '--disable-proto=delete',
    '--disallow-code-generation-from-strings',
    '--no-addons',
    '--expose-gc',
    '--no-warnings',
    '--max-old-space-size=96',
    `--wasm-max-mem-pages=${Math.ceil((limits.memoryBytes + wasmSlackBytes) / pageBytes)}`,
  ];
  const maxJobBytes = limits.memoryBytes + wasmSlackBytes;
  return spawn(process.execPath, [...flags, entry, wasm, String(maxJobBytes)], {
    cwd: folder,
    env: {},
    stdio: ['pipe', 'pipe', 'pipe'],
    ...ownGroup,
  });
}

/**
 * A shell that waits for the end of this process and then kills the child. The child notices its parent's end by itself
 * between jobs and between bytecodes, but not inside one endless native call. Without a shell that case stays open.
 */
function startWarden(pid: number): ChildProcess | undefined {
  if (process.platform === 'win32') return undefined;
  const warden = spawn('/bin/sh', ['-c', 'read -r _; kill -9 "$1"', 'plugboard-warden', String(pid)], {
    cwd: '/',
    env: {},
    stdio: ['pipe', 'ignore', 'ignore'],
    ...ownGroup,
  });
  warden.on('error', () => undefined);
  warden.stdin?.on('error', () => undefined);
  warden.unref();
  (warden.stdin as unknown as { unref?: () => void } | null)?.unref?.();
  return warden;
}

/** The line of a crash report that names the error, else the last line. */
function lastWords(text: string): string {
  const lines = text.trim().split('\n');
  return (lines.find((line) => /^\S*Error\b/.test(line)) ?? lines.at(-1) ?? '').slice(0, 800);
}
