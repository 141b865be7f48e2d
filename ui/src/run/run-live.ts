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
  /** The round of loops it belongs to. */
  readonly round?: string;
}

/** One round of the loops a step lies in, as far as it came to the step. */
export interface Round {
  /** Numbers of the rounds from 0, outermost loop first. */
  readonly path: readonly number[];
  /** `path` as text, to tell rounds apart. */
  readonly key: string;
  readonly status: StepStatus;
  readonly itemsIn?: number;
  readonly out: { readonly [port: string]: number };
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
  /** Where the result comes from of a step that did not run here: a run by its id, `skip` or `pin`. */
  readonly carried?: string;
  /** The run did not end well, and what the step did is taken back. */
  readonly isUndone?: true;
  /** Of a step inside loops: its rounds in the order in which they began. What else the step says is over all of them. */
  readonly rounds: readonly Round[];
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
  /** A person holds the run, and steps at work have yet to end. */
  readonly isPausing?: boolean;
  /** It will not go on: what is under way ends, or what it did is taken back. Undefined once it has ended. */
  readonly leaving?: 'stopping' | 'undoing';
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
  for (const { node, phase, because, path, carried } of fact.also ?? []) {
    // What a stopped run never came to stays as it was: not reached.
    if (because === 'not_reached') continue;
    const step = steps.get(node) ?? idle(node);
    steps.set(
      node,
      inRound(
        {
          ...(phase === 'looping' ? { ...step, tries: beganTry(step, at, path?.join('.')) } : endedIn(step, path, at)),
          status: STATUS_OF[phase],
          ...(because === undefined ? {} : { skippedBecause: because }),
          ...(carried === undefined ? {} : { carried }),
        },
        path,
        {},
      ),
    );
  }
  if (fact.undoes !== undefined) steps.set(fact.undoes, { ...(steps.get(fact.undoes) ?? idle(fact.undoes)), isUndone: true });
  return {
    ...(fact.status === undefined ? {} : { status: fact.status, waitingFor: fact.waitingFor }),
    ...pausePart(run, fact),
    ...leavingPart(fact),
    ...wholePart(run, fact, steps, at),
  };
}

function pausePart(run: RunLive, fact: RunFact): Pick<RunLive, 'isPausing'> {
  const asks = fact.type === 'other' && fact.event === 'pause.requested';
  const goesOn = fact.type === 'run.ended' || (fact.type === 'other' && fact.event === 'run.resumed');
  if (asks) return { isPausing: fact.status !== 'paused' };
  return run.isPausing === true && (goesOn || fact.status === 'paused') ? { isPausing: false } : {};
}

function leavingPart(fact: RunFact): Pick<RunLive, 'leaving' | 'isPausing'> {
  if (fact.type === 'run.ended') return { leaving: undefined };
  if (fact.undoes !== undefined) return { leaving: 'undoing', isPausing: false };
  return fact.type === 'cancel.requested' ? { leaving: 'stopping', isPausing: false } : {};
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
  const path = 'path' in fact ? fact.path : undefined;
  const after = withFact(step, fact, at);
  return inRound(after, path, {
    ...(fact.type === 'step.started' ? { itemsIn: fact.items } : {}),
    ...(fact.type === 'step.finished' ? { out: fact.out } : {}),
  });
}

/** The step with its state written down for the round it is in; over all rounds a step is at work while any round of it is. */
function inRound(step: StepLive, path: readonly number[] | undefined, news: Pick<Partial<Round>, 'itemsIn' | 'out'>): StepLive {
  if (path === undefined) return step;
  const key = path.join('.');
  const index = step.rounds.findLastIndex((round) => round.key === key);
  const known = step.rounds[index] ?? { path, key, out: {} };
  const round: Round = { ...known, ...news, status: step.status };
  const rounds = index === -1 ? [...step.rounds, round] : step.rounds.with(index, round);
  if (isOpen(step.status) || step.status === 'unknownEffect') return { ...step, rounds };
  const open = rounds.find((one) => isOpen(one.status) || one.status === 'unknownEffect');
  const worst = rounds.find((one) => one.status === 'failed') ?? rounds.find((one) => one.status === 'succeeded');
  return { ...step, status: (open ?? worst)?.status ?? step.status, rounds };
}

function withFact(step: StepLive, fact: StepFact, at: number): StepLive {
  const round = 'path' in fact && fact.path ? fact.path.join('.') : undefined;
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
        tries: [...step.tries, { attempt: fact.attempt, startedAt: at, ...ofRound(round) }],
      };
    case 'step.waiting':
      return waitingStep(
        { ...step, ...(fact.dueAt === undefined ? {} : { dueAt: Date.parse(fact.dueAt) }), tries: beganTry(step, at, round) },
        fact.waitsFor,
        at,
      );
    case 'step.finished':
      return {
        ...withoutWait(step, at),
        status,
        out: fact.path ? added(step.out, fact.out) : fact.out,
        error: fact.error,
        ...(fact.carried === undefined ? {} : { carried: fact.carried }),
        tries: endTry(step, { startedAt: Date.parse(fact.startedAt), at, round }),
      };
    case 'step.failed':
      return {
        ...step,
        status,
        attempt: fact.attempt,
        error: fact.error,
        tries: endTry(step, { startedAt: at, at, round, error: fact.error }),
      };
    case 'step.progress': {
      const now = { ...step, progress: { done: fact.done, failed: fact.failed, total: fact.total } };
      // A call that was aborted ends in this way, and nothing else tells of it.
      return status === 'cancelled' ? { ...endedIn(now, fact.path, at), status } : { ...now, status };
    }
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

/** Nothing of the step goes on in this round, or at all where it lies in no loop. */
function endedIn(step: StepLive, path: readonly number[] | undefined, at: number): StepLive {
  if (path === undefined) return isOpen(step.status) ? closed(step, at) : step;
  const round = path.join('.');
  return { ...step, tries: step.tries.map((one) => (one.endedAt === undefined && one.round === round ? { ...one, endedAt: at } : one)) };
}

function ofRound(round: string | undefined): Pick<Try, 'round'> {
  return round === undefined ? {} : { round };
}

/** A step that waits at once was never said to start. */
function beganTry(step: StepLive, at: number, round: string | undefined): StepLive['tries'] {
  return step.tries.some((one) => one.endedAt === undefined && one.round === round)
    ? step.tries
    : [...step.tries, { attempt: Math.max(1, step.attempt), startedAt: at, ...ofRound(round) }];
}

function idle(nodeId: string): StepLive {
  return { nodeId, status: 'idle', attempt: 0, tries: [], waits: [], out: {}, rounds: [] };
}

function added(a: StepLive['out'], b: StepLive['out']): StepLive['out'] {
  const sum: { [port: string]: number } = { ...a };
  for (const port in b) sum[port] = (sum[port] ?? 0) + (b[port] ?? 0);
  return sum;
}

/** Pure steps leave their start out of the journal; their try begins where the end says. Rounds of a loop may be under way side by side. */
function endTry(
  step: StepLive,
  { startedAt, at, round, error }: { startedAt: number; at: number; round: string | undefined; error?: Try['error'] },
): readonly Try[] {
  const index = step.tries.findLastIndex((one) => one.endedAt === undefined && one.round === round);
  const open = step.tries[index];
  if (open) return step.tries.with(index, { ...open, endedAt: at, error });
  return [...step.tries, { attempt: step.attempt || 1, startedAt, endedAt: at, error, ...ofRound(round) }];
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
