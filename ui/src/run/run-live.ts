/**
 * A run as it stood at any of its events: a fold of the facts, as the server's state is a fold of the journal. The live view, the history
 * and the playhead are the same function with another end.
 */
import type { RunErrorView, RunFact, RunStatus, StepChange, StepPhase, StepStatus, WaitingFor } from '../api/types.ts';

/** One attempt of a step. Times in ms since 1970. */
export interface Try {
  readonly attempt: number;
  readonly startedAt: number;
  readonly endedAt?: number;
  readonly error?: { readonly code: string; readonly message: string; readonly item?: number };
}

export interface Wait {
  readonly for: WaitingFor;
  readonly from: number;
  readonly to?: number;
}

export interface StepLive {
  readonly nodeId: string;
  readonly status: StepStatus;
  readonly attempt: number;
  readonly tries: readonly Try[];
  readonly waits: readonly Wait[];
  readonly itemsIn?: number;
  /** Items by output port, once the step has ended. */
  readonly out: { readonly [port: string]: number };
  /** Items done so far of a per-item step. */
  readonly progress?: { readonly done: number; readonly failed: number; readonly total: number };
  readonly error?: { readonly code: string; readonly message: string; readonly item?: number };
  /** When the next try starts, in ms since 1970. */
  readonly retryAt?: number;
  /** Instant at which a wait ends by itself. */
  readonly dueAt?: number;
  readonly skippedBecause?: StepChange['because'];
  /** Iterations of a loop body that ended, in order: how each went. */
  readonly iterations: readonly ('succeeded' | 'failed' | 'running')[];
}

export interface RunLive {
  /** Number of the last event folded; 0 before the first. */
  readonly seq: number;
  readonly status: RunStatus;
  readonly startedAt?: number;
  readonly endedAt?: number;
  /** Time of the last event folded. */
  readonly at?: number;
  readonly triggerNode?: string;
  readonly itemsIn: number;
  readonly steps: ReadonlyMap<string, StepLive>;
  readonly error?: RunErrorView;
  readonly waitingFor?: WaitingFor;
  /** Processes that have owned the run, where it was taken over. */
  readonly owners?: number;
}

export const NEW_RUN: RunLive = { seq: 0, status: 'pending', itemsIn: 0, steps: new Map() };

/** Folds the facts after `run.seq` up to and with `uptoSeq` onto `run`. Facts must be in order; older ones are passed over. */
export function foldFacts(run: RunLive, facts: readonly RunFact[], uptoSeq = Number.POSITIVE_INFINITY): RunLive {
  let next: RunLive = run;
  const steps = new Map(run.steps);
  for (const fact of facts) {
    if (fact.seq <= next.seq) continue;
    if (fact.seq > uptoSeq) break;
    next = Object.assign({}, next, runPart(next, fact, steps), { seq: fact.seq, at: Date.parse(fact.at) });
  }
  return next === run ? run : { ...next, steps };
}

function runPart(run: RunLive, fact: RunFact, steps: Map<string, StepLive>): Partial<RunLive> {
  const at = Date.parse(fact.at);
  if ('node' in fact && fact.node !== undefined) {
    const step = stepAfter(steps.get(fact.node) ?? idle(fact.node), fact, at);
    // A question that makes the run wait is a wait of the step; other waits have a fact of their own.
    const asks = fact.status === 'waiting' && fact.waitingFor === 'unknown_effect' && step.status === 'unknownEffect';
    steps.set(fact.node, asks ? waitingStep(step, 'unknown_effect', at) : step);
  }
  for (const { node, phase, because } of fact.also ?? []) {
    // What a stopped run never came to stays as it was: not reached.
    if (because === 'not_reached') continue;
    const step = steps.get(node) ?? idle(node);
    steps.set(node, {
      ...(phase !== 'looping' && isOpen(step.status) ? closed(step, at) : step),
      status: STATUS_OF[phase],
      ...(because === undefined ? {} : { skippedBecause: because }),
    });
  }
  return { ...(fact.status === undefined ? {} : { status: fact.status, waitingFor: fact.waitingFor }), ...wholePart(run, fact, steps, at) };
}

function wholePart(run: RunLive, fact: RunFact, steps: Map<string, StepLive>, at: number): Partial<RunLive> {
  switch (fact.type) {
    case 'run.started':
      steps.set(fact.trigger, {
        ...idle(fact.trigger),
        status: 'succeeded',
        out: { main: fact.items },
        tries: [{ attempt: 1, startedAt: at, endedAt: at }],
      });
      return { status: fact.status ?? 'running', startedAt: at, triggerNode: fact.trigger, itemsIn: fact.items };
    case 'run.recovered':
      return { owners: fact.fence };
    case 'run.ended':
      for (const [id, step] of steps) if (isOpen(step.status)) steps.set(id, closed(step, at));
      return { status: fact.status, endedAt: at, error: fact.error };
    default:
      return run.startedAt === undefined ? { startedAt: at } : {};
  }
}

type StepFact = Extract<RunFact, { readonly node?: string }>;

const STATUS_OF: { readonly [P in StepPhase]: StepStatus } = {
  blocked: 'idle',
  ready: 'running',
  active: 'running',
  stopping: 'running',
  retry: 'retrying',
  backoff: 'retrying',
  asking: 'unknownEffect',
  waiting: 'waiting',
  looping: 'running',
  succeeded: 'succeeded',
  failed: 'failed',
  skipped: 'skipped',
  cancelled: 'cancelled',
};

function stepAfter(step: StepLive, fact: StepFact, at: number): StepLive {
  const status = fact.phase === undefined ? step.status : STATUS_OF[fact.phase];
  switch (fact.type) {
    case 'step.started':
      return {
        ...step,
        status,
        attempt: fact.attempt,
        itemsIn: fact.items,
        retryAt: undefined,
        error: undefined,
        tries: [...step.tries, { attempt: fact.attempt, startedAt: at }],
        iterations: fact.path ? [...step.iterations, 'running'] : step.iterations,
      };
    case 'step.waiting':
      return waitingStep(
        { ...step, ...(fact.dueAt === undefined ? {} : { dueAt: Date.parse(fact.dueAt) }), tries: beganTry(step, at) },
        fact.waitsFor,
        at,
      );
    case 'step.finished':
      return {
        ...withoutWait(step, at),
        status,
        out: fact.path ? added(step.out, fact.out) : fact.out,
        error: fact.error,
        tries: endTry(step, Date.parse(fact.startedAt), at),
        iterations: fact.path ? endIteration(step, 'succeeded') : step.iterations,
      };
    case 'step.failed':
      return {
        ...step,
        status,
        attempt: fact.attempt,
        error: fact.error,
        tries: endTry(step, at, at, fact.error),
        iterations: fact.path && status === 'failed' ? endIteration(step, 'failed') : step.iterations,
      };
    case 'step.progress':
      return { ...step, status, progress: { done: fact.done, failed: fact.failed, total: fact.total } };
    case 'retry.scheduled':
      return { ...step, status, attempt: fact.attempt, retryAt: Date.parse(fact.dueAt) };
    case 'wait.ended':
      return { ...withoutWait(step, at), status };
    case 'other':
      return { ...step, status };
  }
}

function waitingStep(step: StepLive, reason: WaitingFor, at: number): StepLive {
  return { ...step, status: reason === 'unknown_effect' ? 'unknownEffect' : 'waiting', waits: [...step.waits, { for: reason, from: at }] };
}

/** The step with its wait at an end, if it had one. */
function withoutWait(step: StepLive, at: number): StepLive {
  return { ...step, dueAt: undefined, waits: step.waits.map((wait) => (wait.to === undefined ? { ...wait, to: at } : wait)) };
}

/** A step that waits at once was never said to start. */
function beganTry(step: StepLive, at: number): StepLive['tries'] {
  return step.tries.some((one) => one.endedAt === undefined)
    ? step.tries
    : [...step.tries, { attempt: Math.max(1, step.attempt), startedAt: at }];
}

function idle(nodeId: string): StepLive {
  return { nodeId, status: 'idle', attempt: 0, tries: [], waits: [], out: {}, iterations: [] };
}

function added(a: StepLive['out'], b: StepLive['out']): StepLive['out'] {
  const sum: { [port: string]: number } = { ...a };
  for (const port in b) sum[port] = (sum[port] ?? 0) + (b[port] ?? 0);
  return sum;
}

/** Pure steps leave their start out of the journal; their try begins where the end says. */
function endTry(step: StepLive, startedAt: number, at: number, error?: Try['error']): readonly Try[] {
  const last = step.tries.at(-1);
  if (last && last.endedAt === undefined) return [...step.tries.slice(0, -1), { ...last, endedAt: at, error }];
  return [...step.tries, { attempt: step.attempt || 1, startedAt, endedAt: at, error }];
}

function endIteration(step: StepLive, how: 'succeeded' | 'failed'): StepLive['iterations'] {
  return step.iterations.at(-1) === 'running' ? [...step.iterations.slice(0, -1), how] : [...step.iterations, how];
}

function isOpen(status: StepStatus): boolean {
  return status === 'running' || status === 'retrying' || status === 'waiting' || status === 'joinWaiting';
}

function closed(step: StepLive, at: number): StepLive {
  return {
    ...step,
    status: 'cancelled',
    tries: step.tries.map((one) => (one.endedAt === undefined ? { ...one, endedAt: at } : one)),
    waits: step.waits.map((wait) => (wait.to === undefined ? { ...wait, to: at } : wait)),
  };
}

/** How the steps stand, for "6 of 8 steps" and the sentence under it. `all` counts the steps of the definition. */
export function countSteps(run: RunLive, all: number): { done: number; failed: number; skipped: number; open: number; notReached: number } {
  const count = { done: 0, failed: 0, skipped: 0, open: 0 };
  for (const { status } of run.steps.values()) {
    if (status === 'succeeded') count.done += 1;
    else if (status === 'failed' || status === 'unknownEffect') count.failed += 1;
    else if (status === 'skipped') count.skipped += 1;
    else if (isOpen(status)) count.open += 1;
  }
  return { ...count, notReached: Math.max(0, all - count.done - count.failed - count.skipped - count.open) };
}
