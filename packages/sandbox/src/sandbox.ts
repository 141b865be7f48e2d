/**
 * The pool: hands jobs to children, watches them, replaces those that die.
 *
 *   run() -> queue -> child (a few in flight, the first one runs) -> reply -> result
 *
 * A job has no effects, so whatever was sent but not started when a child dies simply goes to another child.
 */
import { codeCancelled, codeCrashed, codeMemory, codeTimeout, failed, sandboxUnavailable } from './code-errors.ts';
import { CodeChild, type DeathCause, type Probes, type SentTask } from './code-child.ts';
import { defaultLimits, type CodeJob, type CodeLimits, type CodeResult } from './code-job.ts';
import { encodeJob, type ReplyFrame } from './frames.ts';
import { inputText, itemsIn } from './job-input.ts';
import { readReply } from './read-reply.ts';
import { atOnce, inSlices } from './steps.ts';

export interface SandboxOptions {
  /** Child processes that share the work; they start when needed. While jobs run long, up to as many again start for the others. @default 2 */
  readonly size?: number;
  /** Ceilings for every job, and what a job gets that names no limits. */
  readonly limits?: Partial<CodeLimits>;
  /** A child stops after this long without a job, in milliseconds. @default 60_000 */
  readonly idleStopMs?: number;
  readonly log?: (event: SandboxEvent) => void;
}

export type SandboxEvent =
  | { readonly type: 'child-started'; readonly pid: number | undefined; readonly startMs: number }
  | { readonly type: 'child-ended'; readonly pid: number | undefined; readonly cause: DeathCause; readonly detail: string };

export interface SandboxStats {
  readonly children: number;
  readonly ready: number;
  readonly queued: number;
  readonly inFlight: number;
  readonly finished: number;
  /** Children that ended other than by being idle or worn. */
  readonly killed: number;
  readonly pids: readonly number[];
}

export interface Sandbox {
  /** Runs a job. What goes wrong with the code, the limits or the child is in the result; the promise rejects only for a mistake of the caller. */
  run(job: CodeJob, signal?: AbortSignal): Promise<CodeResult>;
  /**
   * Resolves when a child is up.
   * @throws SandboxStartError when none can be started
   */
  ready(): Promise<void>;
  /** The level reached, and the doors that the children tried and found shut; empty before the first child is ready. */
  isolation(): { readonly level: 'process'; readonly probes: Probes };
  stats(): SandboxStats;
  /** Cancels what is queued or running, ends every child, and resolves when they are gone. */
  close(): Promise<void>;
}

/** Thrown when no child process can be started, for instance because the runtime lacks the permission model. The message has the child's own words. */
export class SandboxStartError extends Error {
  readonly code = 'CODE_SANDBOX_UNAVAILABLE';
  readonly retryable = true;
}

/** Jobs in flight per child: enough that the child never waits for the parent's event loop. */
const window = 8;
/** A child whose job runs longer than this gets no more jobs behind it. */
const busyAfterMs = 10;
const watchEveryMs = 25;
/** A job that runs this long holds its child: the jobs behind it are taken back, and another child may start for them. */
const longJobMs = 100;
const killAfterDeadlineMs = 250;
const cancelGraceMs = 50;
const jobsPerChild = 20_000;
const startAttempts = 3;
/** Jobs with more items, and longer replies, are put into text and read with pauses, so that the parent answers others meanwhile. */
const itemsAtOnce = 2_000;
const replyBytesAtOnce = 128 * 1024;

export function createSandbox(options: SandboxOptions = {}): Sandbox {
  return new Pool(options);
}

interface Task extends SentTask {
  readonly job: CodeJob;
  readonly limits: CodeLimits;
  /** The job as the guest reads it; there before the task is in the queue. */
  input: string;
  readonly settle: (result: CodeResult) => void;
  isSettled: boolean;
}

class Pool implements Sandbox {
  readonly #size: number;
  readonly #limits: CodeLimits;
  readonly #idleStopMs: number;
  readonly #log: (event: SandboxEvent) => void;
  readonly #children = new Set<CodeChild>();
  readonly #startedAt = new WeakMap<CodeChild, number>();
  readonly #overdue = new WeakMap<CodeChild, SentTask>();
  #queue: Task[] = [];
  #waitingForReady: { resolve: () => void; reject: (error: Error) => void }[] = [];
  #watch: NodeJS.Timeout | undefined;
  #idleTimer: NodeJS.Timeout | undefined;
  #probes: Probes = {};
  #nextId = 1;
  #startFailures = 0;
  #finished = 0;
  #killed = 0;
  #isClosed = false;

  constructor(options: SandboxOptions) {
    this.#size = Math.max(1, options.size ?? 2);
    this.#limits = { ...defaultLimits, ...options.limits };
    this.#idleStopMs = options.idleStopMs ?? 60_000;
    this.#log = options.log ?? (() => undefined);
  }

  run(job: CodeJob, signal?: AbortSignal): Promise<CodeResult> {
    if (this.#isClosed) return Promise.resolve(failed(codeCancelled('The sandbox is closed.')));
    if (signal?.aborted === true) return Promise.resolve(failed(codeCancelled('The step was stopped before its code started.')));
    const limits = lowered(this.#limits, job.limits);
    return new Promise((resolve, reject) => {
      const onAbort = (): void => this.#cancel(task);
      const task: Task = {
        id: this.#takeId(),
        job,
        limits,
        input: '',
        isSettled: false,
        settle: (result) => {
          if (task.isSettled) return;
          task.isSettled = true;
          this.#finished += 1;
          signal?.removeEventListener('abort', onAbort);
          resolve(result);
        },
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      const text = inputText(job, limits);
      if (itemsIn(job) <= itemsAtOnce) this.#enqueue(task, atOnce(text));
      else inSlices(text, () => !task.isSettled).then((input) => this.#enqueue(task, input ?? ''), reject);
    });
  }

  #enqueue(task: Task, input: string): void {
    if (task.isSettled) return;
    if (this.#isClosed) {
      task.settle(failed(codeCancelled('The sandbox is closed.')));
    } else if (input.length + task.job.code.length > task.limits.memoryBytes / 2) {
      task.settle(failed(codeMemory(task.limits)));
    } else {
      task.input = input;
      this.#queue.push(task);
      this.#pump();
    }
  }

  ready(): Promise<void> {
    if (this.#isClosed) return Promise.reject(new SandboxStartError('The sandbox is closed.'));
    if (this.#anyReady()) return Promise.resolve();
    return new Promise((resolve, reject) => {
      this.#waitingForReady.push({ resolve, reject });
      if (this.#mayStart(performance.now())) this.#start();
    });
  }

  isolation(): { level: 'process'; probes: Probes } {
    return { level: 'process', probes: this.#probes };
  }

  stats(): SandboxStats {
    const children = [...this.#children];
    return {
      children: children.length,
      ready: children.filter((child) => child.state === 'ready').length,
      queued: this.#queue.length,
      inFlight: children.reduce((sum, child) => sum + child.load, 0),
      finished: this.#finished,
      killed: this.#killed,
      pids: children.flatMap((child) => (child.pid === undefined ? [] : [child.pid])),
    };
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#idleTimer);
    const closing = failed(codeCancelled('The sandbox was closed while the code was waiting or running.'));
    for (const task of this.#queue.splice(0)) task.settle(closing);
    const ends = [...this.#children].map((child) => {
      child.kill('retired');
      return child.ended();
    });
    await Promise.all(ends);
    clearInterval(this.#watch);
    this.#watch = undefined;
  }

  // ---- dispatch -----------------------------------------------------------------------------------------------------

  #pump(): void {
    let now: number | undefined;
    while (this.#queue.length > 0) {
      const task = this.#queue[0] as Task;
      if (task.isSettled) {
        this.#queue.shift();
        continue;
      }
      now ??= performance.now();
      const child = this.#choose(task.job.workspaceId, now);
      if ((child === undefined || child.load > 0) && this.#mayStart(now)) this.#start();
      if (child === undefined) break;
      this.#queue.shift();
      this.#send(child, task);
    }
    if (this.#queue.length > 0) this.#keepWatch();
  }

  /** An idle child that knows the workspace, else any idle one, else the least loaded that is not held up. */
  #choose(workspaceId: string, now: number): CodeChild | undefined {
    let best: CodeChild | undefined;
    let bestScore = Infinity;
    for (const child of this.#children) {
      if (child.state !== 'ready' || child.load >= window) continue;
      if (child.load > 0 && now - child.headSince > busyAfterMs) continue;
      const score = child.load * 2 + (child.workspaceId === workspaceId ? 0 : child.workspaceId === undefined ? 0.5 : 1);
      if (score < bestScore) {
        best = child;
        bestScore = score;
      }
    }
    return best;
  }

  #send(child: CodeChild, task: Task): void {
    const { job, limits, input } = task;
    const otherWorkspace = child.workspaceId !== undefined && child.workspaceId !== job.workspaceId;
    child.workspaceId = job.workspaceId;
    child.send(task, encodeJob({ id: task.id, otherWorkspace, ...limits, code: job.code, input }));
    this.#keepWatch();
    if (child.jobsSent >= jobsPerChild) child.retire();
  }

  #start(): void {
    const child: CodeChild = new CodeChild(this.#limits, {
      ready: (started) => this.#onReady(started),
      reply: (from, task, frame) => this.#onReply(from, task as Task, frame),
      died: (dead, cause, detail, tasks) => this.#onDeath(dead, cause, detail, tasks as readonly Task[]),
    });
    this.#children.add(child);
    this.#startedAt.set(child, performance.now());
    this.#keepWatch();
  }

  #onReady(child: CodeChild): void {
    this.#startFailures = 0;
    this.#probes = child.probes;
    this.#log({ type: 'child-started', pid: child.pid, startMs: Math.round(performance.now() - (this.#startedAt.get(child) ?? 0)) });
    for (const waiting of this.#waitingForReady.splice(0)) waiting.resolve();
    this.#pump();
    this.#planIdleStop();
  }

  #onReply(child: CodeChild, task: Task, frame: ReplyFrame): void {
    if (!task.isSettled) this.#readReply(task, frame);
    if (this.#queue.length > 0) this.#pump();
    if (child.load === 0) this.#planIdleStop();
  }

  #readReply(task: Task, frame: ReplyFrame): void {
    const reading = readReply(frame, task.job, task.limits);
    if (frame.body.length <= replyBytesAtOnce) {
      task.settle(atOnce(reading));
      return;
    }
    inSlices(reading, () => !task.isSettled).then(
      (result) => result !== undefined && task.settle(result),
      (error: unknown) => task.settle(failed(codeCrashed(`unreadable reply: ${String(error)}`))),
    );
  }

  #onDeath(child: CodeChild, cause: DeathCause, detail: string, tasks: readonly Task[]): void {
    this.#children.delete(child);
    this.#log({ type: 'child-ended', pid: child.pid, cause, detail });
    if (cause !== 'retired') this.#killed += 1;
    if (this.#isClosed) {
      for (const task of tasks) task.settle(failed(codeCancelled('The sandbox was closed while the code was running.')));
      for (const waiting of this.#waitingForReady.splice(0)) waiting.reject(new SandboxStartError('The sandbox is closed.'));
      return;
    }
    if (cause === 'failed') {
      this.#onStartFailure(detail);
      return;
    }
    const [guilty, ...others] = tasks;
    if (guilty !== undefined) {
      const error = cause === 'timeout' ? codeTimeout(guilty.limits) : cause === 'memory' ? codeMemory(guilty.limits) : codeCrashed(detail);
      guilty.settle(failed(error));
    }
    this.#queue.unshift(...others);
    this.#pump();
  }

  #onStartFailure(detail: string): void {
    this.#startFailures += 1;
    if (this.#anyReady()) return;
    if (this.#startFailures < startAttempts) {
      this.#start();
      return;
    }
    for (const waiting of this.#waitingForReady.splice(0))
      waiting.reject(new SandboxStartError(`No sandbox process could be started: ${detail}`));
    for (const task of this.#queue.splice(0)) task.settle(failed(sandboxUnavailable(detail)));
  }

  #cancel(task: Task): void {
    task.settle(failed(codeCancelled('The step was stopped while its code was waiting or running.')));
    const at = this.#queue.indexOf(task);
    if (at >= 0) this.#queue.splice(at, 1);
    // A running one is left to the watch: most end within the grace period, and killing costs a new child.
  }

  // ---- watch --------------------------------------------------------------------------------------------------------

  /** Ticks while there is work, and so keeps the program alive until the work is done. */
  #keepWatch(): void {
    this.#watch ??= setInterval(() => this.#look(), watchEveryMs);
  }

  #look(): void {
    // Every child is being ended: its end settles its jobs, and nothing must get into the queue again.
    if (this.#isClosed) return;
    const now = performance.now();
    let hasWork = this.#queue.length > 0 || this.#waitingForReady.length > 0;
    for (const child of this.#children) {
      const head = child.head as Task | undefined;
      if (head === undefined) continue;
      hasWork = true;
      const ranMs = now - child.headSince;
      if (ranMs > head.limits.timeMs + killAfterDeadlineMs) {
        // If this process was held up itself, the reply may already lie in the pipe: only the second look kills.
        if (this.#overdue.get(child) === head) child.kill('timeout');
        this.#overdue.set(child, head);
      } else if (head.isSettled && ranMs > cancelGraceMs) {
        child.kill('cancelled');
      } else if (ranMs > 2 * watchEveryMs && child.isOverMemory()) {
        child.kill('memory');
      }
      if (ranMs > longJobMs && child.load > 1) {
        this.#queue.unshift(...(child.takeBack() as Task[]));
      }
    }
    if (this.#queue.length > 0) this.#pump();
    if (hasWork) return;
    clearInterval(this.#watch);
    this.#watch = undefined;
  }

  #planIdleStop(): void {
    this.#idleTimer ??= setTimeout(() => {
      this.#idleTimer = undefined;
      const now = performance.now();
      for (const child of this.#children) {
        if (child.state !== 'ready' || child.load > 0) continue;
        if (now - child.idleSince >= this.#idleStopMs) child.retire();
        else this.#planIdleStop();
      }
    }, this.#idleStopMs).unref();
  }

  #anyReady(): boolean {
    for (const child of this.#children) if (child.state === 'ready') return true;
    return false;
  }

  /** One child starts at a time. Children held by a long job do not count towards the size, but never more than as many again run. */
  #mayStart(now: number): boolean {
    let counted = 0;
    for (const child of this.#children) {
      if (child.state === 'starting') return false;
      const isHeld = child.head !== undefined && now - child.headSince > longJobMs;
      if (child.state === 'ready' && !isHeld) counted += 1;
    }
    return counted < this.#size && this.#children.size < 2 * this.#size;
  }

  #takeId(): number {
    const id = this.#nextId;
    this.#nextId = id === 0xffffffff ? 1 : id + 1;
    return id;
  }
}

function lowered(ceilings: CodeLimits, wanted: Partial<CodeLimits> | undefined): CodeLimits {
  if (wanted === undefined) return ceilings;
  const pick = (key: keyof CodeLimits): number => Math.max(0, Math.min(ceilings[key], Math.floor(wanted[key] ?? ceilings[key])));
  return {
    timeMs: pick('timeMs'),
    memoryBytes: pick('memoryBytes'),
    outputBytes: pick('outputBytes'),
    items: pick('items'),
    logLines: pick('logLines'),
    logBytes: pick('logBytes'),
  };
}
