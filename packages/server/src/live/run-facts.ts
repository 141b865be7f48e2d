/**
 * From journal events to facts. Pure: the events are folded with their items blanked, so no data can reach a fact, and what a fact says of
 * a step is what the engine itself makes of the event. One event gives one fact. Skipped steps have no fact of their own: they stand
 * in `also` of the fact that decided about them, where they fit.
 */
import {
  type ItemOutcome,
  type Outputs,
  type Plan,
  type PlanNode,
  type RunEvent,
  type RunState,
  type Scope,
  type StepState,
  UNIT,
  eraseEvent,
  findStep,
  fold,
  newRun,
  waitingForOf,
} from '@plugboard/engine';
import type { Item, StepError } from '@plugboard/sdk';
import { type FactError, MAX_FACT_BYTES, type RunFact, type StepChange } from './run-fact.ts';

/** Takes the events of one run in order, from the first. Keeps counts and states of steps, never their data. */
export interface RunFacts {
  /** Events taken so far: the sequence of the last fact. */
  readonly seq: number;
  take(events: readonly RunEvent[]): RunFact[];
}

const MESSAGE_LENGTH = 300;
const NAME_LENGTH = 80;
/** Other steps named in one fact. */
const ALSO_LIMIT = 8;
/** Output ports counted in one fact. */
const PORT_LIMIT = 8;
const BLANK: Item = { json: {} };

/** To be given the events of a run from the first on. */
export function createRunFacts(plan: Plan): RunFacts {
  return new Folder(plan);
}

/** The part of a fact that is its own, without number and time. */
type Body = RunFact extends infer Fact ? (Fact extends RunFact ? Omit<Fact, 'seq' | 'at'> : never) : never;
type OfStep = Extract<RunEvent, { readonly node: string }>;

class Folder implements RunFacts {
  readonly #state: RunState;
  /** Attempt last told as started, by node. */
  readonly #told = new Map<number, number>();
  #seq = 0;
  /** An event did not fit the plan: the rest is numbered only. */
  #isBroken = false;

  constructor(plan: Plan) {
    this.#state = newRun(plan);
  }

  get seq(): number {
    return this.#seq;
  }

  take(events: readonly RunEvent[]): RunFact[] {
    return events.map((event) => this.#fact(event));
  }

  #fact(event: RunEvent): RunFact {
    this.#seq += 1;
    const at = new Date(event.at).toISOString();
    // A step of a round is gone once its round is over, so it is looked up before.
    const { status: statusBefore, waitingFor: waitBefore, undo } = this.#state;
    const before = { status: statusBefore, waitingFor: waitBefore, branch: undo?.current, found: this.#found(event) };
    const phase = before.found?.step.phase;
    if (!this.#fold(event)) return short({ seq: this.#seq, at, ...this.#unfolded(event) });
    const { status, waitingFor } = this.#state;
    const changed = status !== before.status || waitingFor !== before.waitingFor;
    const body = this.#body(event, before.found, phase);
    const also = this.#also(before.found?.step);
    return short({
      seq: this.#seq,
      at,
      ...body,
      ...(changed ? { status } : {}),
      ...(changed && waitingFor ? { waitingFor } : {}),
      ...this.#undoes(before.branch),
      ...(also.length > 0 ? { also: also.slice(0, ALSO_LIMIT) } : {}),
      ...(also.length > ALSO_LIMIT ? { isCut: true as const } : {}),
    });
  }

  /** The step whose undo branch begins with the event. */
  #undoes(before: Scope | undefined): { readonly undoes?: string } {
    const branch = this.#state.undo?.current;
    const node = branch === before ? undefined : this.#state.plan.nodes[branch?.of?.index ?? -1];
    return node ? { undoes: node.id } : {};
  }

  #fold(event: RunEvent): boolean {
    if (this.#isBroken) return false;
    try {
      fold(this.#state, blank(event));
      return true;
    } catch {
      // A reader of a journal stops where it meets an event its plan cannot have; the numbers go on.
      this.#isBroken = true;
      return false;
    }
  }

  #found(event: RunEvent): Found | undefined {
    if (!('node' in event)) return undefined;
    const node = this.#state.plan.byId.get(event.node);
    const step = node && findStep(this.#state, node, event.path);
    return node && step ? { node, step } : undefined;
  }

  #unfolded(event: RunEvent): Body {
    if (event.type === 'run.ended') return this.#ended(event);
    return { type: 'other', event: event.type, ...('node' in event ? { node: cut(event.node, 64) } : {}) };
  }

  #body(event: RunEvent, found: Found | undefined, phaseBefore: StepState['phase'] | undefined): Body {
    switch (event.type) {
      case 'run.started':
        return { type: 'run.started', trigger: event.trigger, items: countItems(event.outputs) };
      case 'run.recovered':
        return { type: 'run.recovered', fence: event.fence };
      case 'cancel.requested':
        return { type: 'cancel.requested', by: cut(event.by, NAME_LENGTH) };
      case 'run.ended':
        return this.#ended(event);
      default:
        // What happens to the run as a whole shows in `status` and `also`.
        return 'node' in event ? this.#stepBody(event, found, phaseBefore) : { type: 'other', event: event.type };
    }
  }

  #ended(event: Extract<RunEvent, { type: 'run.ended' }>): Body {
    const { error, status, activeMs } = event;
    const node = error?.node === undefined ? undefined : this.#state.plan.byId.get(error.node);
    return {
      type: 'run.ended',
      status,
      activeMs,
      ...(error
        ? {
            error: {
              ...factError(error, error.item),
              ...(error.node === undefined ? {} : { nodeId: error.node }),
              ...(node ? { nodeName: cut(node.name, NAME_LENGTH) } : {}),
            },
          }
        : {}),
    };
  }

  #stepBody(event: OfStep, found: Found | undefined, phaseBefore: StepState['phase'] | undefined): Body {
    if (!found) return { type: 'other', event: event.type, node: cut(event.node, 64) };
    const { node, step } = found;
    const of = { node: event.node, ...(event.path && event.path.length > 0 ? { path: event.path } : {}), phase: step.phase };
    const other: Body = { type: 'other', event: event.type, node: event.node, phase: step.phase };
    const isLate = phaseBefore !== 'active' && phaseBefore !== 'stopping' && phaseBefore !== 'asking';
    switch (event.type) {
      case 'step.started':
      case 'items.started': {
        // A write says which of its items start, window by window; the attempt starts once.
        if (isLate) return other;
        if (this.#told.get(node.index) === step.attempt) return event.type === 'items.started' ? progress(of, step) : other;
        this.#told.set(node.index, step.attempt);
        return { type: 'step.started', ...of, attempt: step.attempt, items: step.input?.count ?? 0 };
      }
      case 'step.carried':
        return step.phase === 'succeeded' ? finished(of, step) : other;
      case 'items.carried':
        return settled(of, step, event.outcomes);
      case 'parts.carried':
      case 'rounds.carried':
      case 'step.given':
      case 'node.pinned':
        return other;
      case 'step.finished':
        return isLate ? other : finished(of, step);
      case 'step.failed': {
        if (isLate) return other;
        const error = factError(event.error, step.phase === 'failed' ? step.errorItem : undefined);
        if (step.phase === 'succeeded') return finished(of, step, error);
        return {
          type: 'step.failed',
          ...of,
          attempt: event.attempt,
          error,
          ...(step.phase === 'asking' ? { unknown: true as const } : {}),
        };
      }
      case 'items.settled':
        return settled(of, step, event.outcomes);
      case 'retry.scheduled':
        return step.phase === 'backoff'
          ? { type: 'retry.scheduled', ...of, attempt: event.attempt, dueAt: new Date(event.dueAt).toISOString() }
          : other;
      case 'retry.due':
        return other;
      case 'step.waiting':
        if (!step.held) return step.phase === 'succeeded' ? finished(of, step) : other;
        return { type: 'step.waiting', ...of, waitsFor: waitingForOf(step.held.wait.kind), ...dueAt(step.held.wait.dueAt) };
      case 'wait.over':
        if (phaseBefore === 'waiting' && step.phase === 'failed' && step.error)
          return { type: 'step.failed', ...of, attempt: step.attempt, error: factError(step.error, step.errorItem) };
        return phaseBefore === 'waiting' && step.phase === 'succeeded' ? finished(of, step) : other;
      case 'unknown.resolved':
        if (phaseBefore === step.phase) return other;
        if (step.phase === 'succeeded') return finished(of, step);
        if (step.phase === 'failed' && step.error)
          return { type: 'step.failed', ...of, attempt: step.attempt, error: factError(step.error, step.errorItem) };
        return { type: 'wait.ended', ...of };
    }
  }

  /** Steps the last event has decided about, apart from its own. */
  #also(own: StepState | undefined): StepChange[] {
    const changes: StepChange[] = [];
    for (const step of this.#state.changed) {
      const node = this.#state.plan.nodes[step.index];
      if (!node || step === own) continue;
      const { phase } = step;
      const of = { node: node.id, ...(step.scope.path.length > 0 ? { path: step.scope.path } : {}) };
      if (phase === 'skipped') changes.push({ ...of, phase, ...(step.skip ? { because: step.skip } : {}) });
      else if (phase === 'succeeded')
        changes.push({
          ...of,
          phase,
          items: countItems(step.outputs ?? {}),
          ...(step.carried === undefined ? {} : { carried: cut(step.carried, 64) }),
        });
      else if (phase === 'cancelled' || phase === 'failed' || phase === 'asking' || phase === 'looping') changes.push({ ...of, phase });
    }
    return changes;
  }
}

interface Found {
  readonly node: PlanNode;
  readonly step: StepState;
}

type StepPart = { readonly node: string; readonly path?: readonly number[]; readonly phase: StepState['phase'] };

function finished(of: StepPart, step: StepState, error?: FactError): Body {
  const out: { [port: string]: number } = Object.create(null) as { [port: string]: number };
  const ports = Object.keys(step.outputs ?? {});
  for (const port of ports.slice(0, PORT_LIMIT)) out[port] = step.outputs?.[port]?.items.length ?? 0;
  return {
    type: 'step.finished',
    ...of,
    startedAt: new Date(step.startedAt).toISOString(),
    out,
    ...(error ? { error } : {}),
    ...(step.carried === undefined ? {} : { carried: cut(step.carried, 64) }),
    ...(ports.length > PORT_LIMIT ? { isCut: true as const } : {}),
  };
}

function progress(of: StepPart, step: StepState): Body {
  const { units } = step;
  if (!units) return { type: 'step.progress', ...of, done: 0, failed: 0, total: step.input?.count ?? 0 };
  let failed = 0;
  for (const state of units.states) if (state === UNIT.failed) failed += 1;
  return { type: 'step.progress', ...of, done: units.states.length - units.open - failed, failed, total: units.states.length };
}

/** Items that ended may end the step with them, or leave it to a retry or a person. */
function settled(of: StepPart, step: StepState, outcomes: readonly ItemOutcome[]): Body {
  if (step.phase === 'succeeded') return finished(of, step);
  const wrong = outcomes.find((outcome) => 'error' in outcome);
  const error =
    step.phase === 'failed' && step.error
      ? factError(step.error, step.errorItem)
      : wrong && 'error' in wrong
        ? factError(wrong.error, wrong.i)
        : undefined;
  if (!error || (step.phase !== 'failed' && step.phase !== 'retry' && step.phase !== 'asking')) return progress(of, step);
  return { type: 'step.failed', ...of, attempt: step.attempt, error, ...(step.phase === 'asking' ? { unknown: true as const } : {}) };
}

function factError({ code, message }: Pick<StepError, 'code' | 'message'>, item: number | undefined): FactError {
  return { code: cut(code, NAME_LENGTH), message: cut(message, MESSAGE_LENGTH), ...(item === undefined ? {} : { item }) };
}

/** Leaves out what is less important until the fact is short enough. */
function short(fact: RunFact): RunFact {
  if (fits(fact)) return fact;
  const { also: _, ...rest }: RunFact = { ...fact, isCut: true };
  if (fits(rest)) return rest;
  const lean = { ...rest } as { error?: FactError; out?: object; path?: readonly number[] };
  if (lean.error) lean.error = { ...lean.error, message: cut(lean.error.message, 80) };
  if (lean.out) lean.out = {};
  if (lean.path) lean.path = lean.path.slice(0, 16);
  return lean as RunFact;
}

function fits(fact: RunFact): boolean {
  return Buffer.byteLength(JSON.stringify(fact)) <= MAX_FACT_BYTES;
}

function cut(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1)}…`;
}

function dueAt(at: number | undefined): { readonly dueAt?: string } {
  return at === undefined ? {} : { dueAt: new Date(at).toISOString() };
}

function countItems(outputs: Outputs): number {
  return Object.values(outputs).reduce((sum, batch) => sum + batch.items.length, 0);
}

/** The event with empty items: what the engine needs to decide how steps stand is their number. */
function blank(event: RunEvent): RunEvent {
  switch (event.type) {
    case 'run.started': {
      const { definition: _, ...rest } = event;
      return { ...rest, outputs: blankOutputs(event.outputs) };
    }
    case 'step.finished': {
      const { logs: _, ...rest } = event;
      return { ...rest, outputs: blankOutputs(event.outputs) };
    }
    case 'step.failed': {
      const { logs: _, ...rest } = event;
      return { ...rest, error: blankError(event.error) };
    }
    case 'items.started':
      return { ...event, items: event.items.map(({ i, attempt }) => ({ i, attempt })) };
    case 'items.settled': {
      const { logs: _, ...rest } = event;
      return { ...rest, outcomes: event.outcomes.map(blankOutcome) };
    }
    case 'step.carried':
    case 'items.carried':
    case 'parts.carried':
    case 'rounds.carried':
    case 'step.given':
    case 'node.pinned':
      return eraseEvent(event);
    case 'wait.over':
      return event.answer ? { ...event, answer: { port: event.answer.port, json: {} } } : event;
    case 'unknown.resolved':
      return event.output ? { ...event, output: BLANK } : event;
    default:
      return event;
  }
}

function blankOutputs(outputs: Outputs): Outputs {
  return Object.fromEntries(Object.entries(outputs).map(([port, batch]) => [port, { items: Array.from(batch.items, () => BLANK) }]));
}

function blankOutcome(outcome: ItemOutcome): ItemOutcome {
  if ('error' in outcome) return { ...outcome, error: blankError(outcome.error) };
  return { i: outcome.i, ok: outcome.ok.map(({ port }) => (port === undefined ? { item: BLANK } : { port, item: BLANK })) };
}

/** Without data, causes and stack; what is left decides about retries. */
function blankError({ code, kind, message, status, retryAfterMs }: StepError): StepError {
  return {
    code,
    kind,
    message: cut(message, MESSAGE_LENGTH),
    ...(status === undefined ? {} : { status }),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  };
}
