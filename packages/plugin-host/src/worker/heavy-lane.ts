/**
 * Large calls of types that only compute, in a thread of their own, so that the event loop stays free. One worker and one call at a time,
 * of each workspace in turn:
 * the worker starts on first use, stops when idle, and is ended when its call is stopped or its limit is over.
 */
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { CallEnd, CallSpec, Sink } from '@plugboard/engine';
import { JsonReader } from '@plugboard/sdk';
import type { StepError } from '@plugboard/sdk';
import { CANCELLED, timedOut } from '../runtime/call-state.ts';
import { inSlices } from '../runtime/in-slices.ts';
import { Turns } from './turns.ts';
import { Assembly, flatInputs } from './wire.ts';
import type { FromWorker, ToWorker } from './wire.ts';

export interface HeavyJob {
  readonly bundleFile: string;
  /** Of the plugin's description. */
  readonly hash: string;
  readonly spec: CallSpec;
  readonly sink: Pick<Sink, 'outcomes' | 'log'>;
  readonly signal: AbortSignal;
}

export interface HeavyLaneOptions {
  /** The worker stops after this long without a call, in milliseconds. @default 60000 */
  readonly idleMs?: number;
  /** Heap of the worker, in MiB. @default 1024 */
  readonly memoryMb?: number;
  /** Longest time of one call, also of a step without a limit of its own: all others wait for it. In milliseconds. @default 120000 */
  readonly longestMs?: number;
}

/**
 * Memory for new objects of the worker, in MiB. At the limit of the old ones Node allows 16 MiB more until the worker has stopped; if more than that were
 * moved there at once, the whole process would end instead of the worker.
 */
const YOUNG_MB = 24;
const IDLE_MS = 60_000;
const MEMORY_MB = 1_024;
const LONGEST_MS = 120_000;
/** Inputs turned into text between two looks at the clock, and characters of one message. */
const STEP_ITEMS = 64;
const MESSAGE = 512 * 1024;
/** Characters read between two looks at the clock. */
const READ_STEP = 16 * 1024;
/** As deep and as large as outputs may be. */
const READ_LIMITS = { maxDepth: 600, maxValues: 10_000_000, maxMembers: Infinity };

/** A call that waits or runs. */
interface Task {
  readonly job: HeavyJob;
  readonly settle: (end: CallEnd) => void;
  readonly fail: (error: unknown) => void;
  isOver: boolean;
}

export class HeavyLane {
  readonly #idleMs: number;
  readonly #memoryMb: number;
  readonly #longestMs: number;
  readonly #waiting = new Turns<Task>();
  readonly #endings = new Set<Promise<unknown>>();
  #running: Task | undefined;
  #worker: Worker | undefined;
  #idle: NodeJS.Timeout | undefined;
  #deadline: NodeJS.Timeout | undefined;

  constructor({ idleMs = IDLE_MS, memoryMb = MEMORY_MB, longestMs = LONGEST_MS }: HeavyLaneOptions = {}) {
    this.#idleMs = idleMs;
    this.#memoryMb = memoryMb;
    this.#longestMs = longestMs;
  }

  /** Whether a worker thread is there now. */
  get isStarted(): boolean {
    return this.#worker !== undefined;
  }

  run(job: HeavyJob): Promise<CallEnd> {
    return new Promise((resolve, reject) => {
      const over = (act: () => void): void => {
        if (task.isOver) return;
        task.isOver = true;
        job.signal.removeEventListener('abort', onAbort);
        act();
      };
      const task: Task = {
        job,
        isOver: false,
        settle: (end) => over(() => resolve(end)),
        fail: (error) => over(() => reject(error)),
      };
      const onAbort = (): void => this.#stop(task, CANCELLED);
      job.signal.addEventListener('abort', onAbort, { once: true });
      this.#waiting.push(job.spec.run.workspaceId, task);
      this.#advance();
    });
  }

  /** Ends the worker. Call it when no call is in flight. */
  async close(): Promise<void> {
    this.#endWorker();
    await Promise.all(this.#endings);
  }

  #advance(): void {
    if (this.#running !== undefined) return;
    const task = this.#waiting.next();
    if (task === undefined) return this.#rest();
    if (task.isOver) return this.#advance();
    this.#running = task;
    clearTimeout(this.#idle);
    const worker = (this.#worker ??= this.#start());
    worker.ref();
    const { deadlineMs } = task.job.spec;
    const limitMs = deadlineMs > 0 ? Math.min(deadlineMs, this.#longestMs) : this.#longestMs;
    this.#deadline = setTimeout(() => this.#stop(task, timedOut(limitMs)), limitMs);
    const assembly = new Assembly(flatInputs(task.job.spec.inputs));
    worker.on('message', (message: FromWorker) => {
      if (!task.isOver) this.#read(worker, task, assembly, message).catch((error: unknown) => this.#broke(task, error));
    });
    this.#send(worker, task).catch((error: unknown) => this.#broke(task, error));
  }

  /** Nothing waits: the thread keeps no program running, and stops after a while. */
  #rest(): void {
    this.#worker?.unref();
    clearTimeout(this.#idle);
    this.#idle = setTimeout(() => this.#endWorker(), this.#idleMs).unref();
  }

  #finish(task: Task, act: () => void): void {
    if (this.#running === task) {
      this.#running = undefined;
      clearTimeout(this.#deadline);
      this.#worker?.removeAllListeners('message');
    }
    act();
    this.#advance();
  }

  /** Cancelled, or over its limit. What was handed over counts; the rest never happened. */
  #stop(task: Task, error: StepError): void {
    if (task.isOver) return;
    if (this.#running === task) this.#endWorker();
    this.#finish(task, () => task.settle({ ok: false, error, missing: 'not_sent' }));
  }

  /** The sink threw, or a part makes no sense. */
  #broke(task: Task, error: unknown): void {
    if (task.isOver) return;
    this.#endWorker();
    this.#finish(task, () => task.fail(error));
  }

  async #send(worker: Worker, task: Task): Promise<void> {
    const { job } = task;
    const post = (message: ToWorker): void => tell(worker, message);
    const { inputs, ...head } = job.spec;
    const ports = Object.keys(inputs);
    post({ type: 'begin', bundleFile: job.bundleFile, hash: job.hash, head: JSON.stringify(head), ports });
    for (const port of ports) {
      const list = inputs[port] ?? [];
      let at = 0;
      let text = '';
      const flush = (): void => {
        if (text !== '') post({ type: 'inputs', port, text: `[${text}]` });
        text = '';
      };
      await inSlices(() => {
        for (const end = Math.min(at + STEP_ITEMS, list.length); at < end; at++) {
          text += (text === '' ? '' : ',') + JSON.stringify(list[at]);
          if (text.length > MESSAGE) flush();
        }
        return at >= list.length || task.isOver;
      });
      if (task.isOver) return;
      flush();
    }
    post({ type: 'run' });
  }

  async #read(worker: Worker, task: Task, assembly: Assembly, message: FromWorker): Promise<void> {
    const { sink } = task.job;
    switch (message.type) {
      case 'log':
        return sink.log(message.lines);
      case 'part': {
        const reader = new JsonReader(message.text, READ_LIMITS);
        await inSlices(() => reader.advance(READ_STEP));
        if (task.isOver) return;
        const outcomes = assembly.take(reader.value());
        if (outcomes.length > 0) sink.outcomes(outcomes);
        // In a turn of its own, so that parts never come one after the other without a pause.
        setImmediate(() => {
          if (!task.isOver) tell(worker, { type: 'next' });
        });
        return;
      }
      case 'end': {
        const { end } = message;
        const isWhole = end.ok && task.job.spec.outcomes !== 'item' && assembly.outputs.length > 0;
        this.#finish(task, () => task.settle(isWhole ? { ok: true, outputs: assembly.outputs } : end));
      }
    }
  }

  #start(): Worker {
    const own = fileURLToPath(import.meta.url);
    const extension = extname(own);
    const worker = new Worker(new URL(`./worker-main${extension}`, import.meta.url), {
      name: 'plugboard-heavy',
      env: {},
      execArgv: extension === '.ts' ? ['--conditions=development'] : [],
      resourceLimits: { maxOldGenerationSizeMb: this.#memoryMb, maxYoungGenerationSizeMb: YOUNG_MB },
    });
    let reason: unknown;
    worker.on('error', (error) => {
      reason = error;
    });
    worker.once('exit', () => {
      if (this.#worker !== worker) return;
      this.#worker = undefined;
      const task = this.#running;
      if (task !== undefined) this.#finish(task, () => task.settle({ ok: false, error: this.#death(reason), missing: 'not_sent' }));
    });
    return worker;
  }

  #endWorker(): void {
    const worker = this.#worker;
    if (worker === undefined) return;
    this.#worker = undefined;
    clearTimeout(this.#idle);
    const ending = worker.terminate().finally(() => this.#endings.delete(ending));
    this.#endings.add(ending);
  }

  /** The worker ended by itself: nothing it did is left, so its call may be tried again, unless it is too large for the thread. */
  #death(reason: unknown): StepError {
    const { code, message } = (reason ?? {}) as { readonly code?: unknown; readonly message?: unknown };
    if (code === 'ERR_WORKER_OUT_OF_MEMORY') {
      return {
        code: 'STEP_MEMORY',
        kind: 'input',
        message: `The step needed more than its ${this.#memoryMb} MiB of memory. Work on fewer items at once.`,
      };
    }
    const detail = typeof message === 'string' ? ` (${message.slice(0, 300)})` : '';
    return {
      code: 'WORKER_DIED',
      kind: 'unavailable',
      message: `The thread that computed the step ended${detail}. Nothing of it was kept.`,
    };
  }
}

function tell(worker: Worker, message: ToWorker): void {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread is no window: it has no origin
  worker.postMessage(message);
}
