/**
 * The state of a run: what folding its journal gives. Owned by one runner and changed in place by `fold`, never shared.
 * A scope is one instance of the graph: the root, and later each iteration of a loop body.
 */
import type { Item, Json, StepError } from '@plugboard/sdk';
import type { MockedReply } from '../definition/types.ts';
import type { Plan, PlanNode } from '../plan/plan.ts';
import type { Batch, ItemOutcome, LogLine, Outputs, RunError, RunOrigin, StepWait, Trial, WaitAnswer } from './events.ts';
import type { RunStatusName, WaitingFor } from './status.ts';

/** `empty`: the source ran and emitted nothing at all. `not_taken`: it sent its items elsewhere, or was itself not reached. */
export type EdgeState = 'pending' | 'items' | 'empty' | 'not_taken';

/**
 * - `blocked`: an incoming edge is unresolved · `ready`: may run, waits for a free place · `active`: an attempt is to be carried out
 * - `retry`: a retry has to be set · `backoff`: waits for its instant · `asking`: a write may have happened, a person decides
 * - `waiting`: its call asked for a wait, which is not over · `looping`: rounds of its body are under way
 * - `stopping`: no new items, writes in flight settle · the rest are final.
 */
export type StepPhase =
  | 'blocked'
  | 'ready'
  | 'active'
  | 'retry'
  | 'backoff'
  | 'asking'
  | 'waiting'
  | 'looping'
  | 'stopping'
  | 'succeeded'
  | 'failed'
  | 'skipped'
  | 'cancelled';

/** Where one unit (an item, or the whole batch of a per-batch type) of a step stands. */
export const UNIT = { idle: 0, started: 1, ok: 2, failed: 3, again: 4, asking: 5 } as const;

export interface UnitProgress {
  readonly states: Uint8Array;
  readonly outcomes: (ItemOutcome | undefined)[];
  /** Parameters fixed when a write unit started, by unit. */
  readonly params: Map<number, Json>;
  /** Units neither ok nor failed. */
  open: number;
  /** Write units started and not settled. */
  inFlight: number;
  /** Units that failed and are to be tried again. */
  again: number;
  /** Units whose outcome a person has to say. */
  asking: number;
  /** The unit that was first to fail for good; -1 = none. */
  firstFailed: number;
  /** Tries of write units so far, by unit; the one under way included. */
  readonly tries: Map<number, number>;
}

export interface InputPart {
  readonly edge: number;
  readonly batch: Batch;
  /** Position of the batch's first item in the step's whole input. */
  readonly offset: number;
}

export interface StepInput {
  readonly parts: readonly InputPart[];
  readonly count: number;
}

export const EMPTY_INPUT: StepInput = { parts: [], count: 0 };

export interface StepState {
  /** Its node's place in the plan, and the scope it belongs to. */
  readonly index: number;
  readonly scope: Scope;
  phase: StepPhase;
  /** Incoming edges still pending, and of the resolved ones those with items and the empty ones. */
  unresolved: number;
  edgesWithItems: number;
  edgesEmpty: number;
  /** The attempt under way, or the last one. Attempts count from 1. */
  attempt: number;
  /** Start of the first attempt; 0 = none yet. */
  startedAt: number;
  endedAt: number;
  input: StepInput | undefined;
  units: UnitProgress | undefined;
  /** Of a waiting step: what it waits for, and what goes on once that has come. */
  held: { readonly wait: StepWait; readonly outputs: Outputs } | undefined;
  /** What came for the step before it waited for it. */
  early: { readonly wait: string; readonly outputs?: Outputs | undefined; readonly answer?: WaitAnswer | undefined } | undefined;
  /** Of a step that waits for several answers: what has come of them, which may be before it waits. */
  parts: WaitParts | undefined;
  /** Of a loop that has begun. */
  loop: LoopState | undefined;
  outputs: Outputs | undefined;
  error: StepError | undefined;
  /** Item the error is about, for per-item types. */
  errorItem: number | undefined;
  /** Where the result of a step comes from that did not run here: a run by its id, `skip` or `pin`. */
  carried: string | undefined;
  /** Why a skipped step did not run; `not_reached`: the run stopped before. */
  skip: 'empty' | 'not_taken' | 'not_reached' | undefined;
  dueAt: number;
  /** The service's wish for the next retry, in milliseconds. */
  retryAfterMs: number;
  logs: LogLine[] | undefined;
  /** Sequence of the event that changed the phase last; -1 = none. */
  changedAt: number;
}

export interface WaitParts {
  readonly wait: string;
  /** The earlier run that those there were at the beginning come from. */
  readonly from?: string;
  /** Each answers for the item of the same number; known once the step waits. */
  each?: true;
  /** How often parts that failed were asked for again; absent for never. */
  round?: number;
  readonly came: Map<number, PartAnswer>;
}

/** What one part of a wait gave. */
export type PartAnswer = { readonly items: readonly Item[] } | { readonly error: StepError };

export interface Scope {
  /** Numbers of the rounds it lies in, outermost first; empty for the root. */
  readonly path: readonly number[];
  /** The loop this is a round of, or the step that this undo branch takes back. */
  readonly of: StepState | undefined;
  readonly isUndo: boolean;
  /** What the round or branch began with. */
  readonly entry: Batch | undefined;
  /** By place in the plan; only nodes of this scope have one. */
  readonly steps: (StepState | undefined)[];
  readonly edges: (EdgeState | undefined)[];
  /** Steps that are not final. */
  open: number;
}

/** How far a loop is. Rounds that have ended leave nothing but their items. */
export interface LoopState {
  /** Rounds begun so far: the number of the next one. */
  begun: number;
  /** Rounds under way, by number. */
  readonly rounds: Map<number, Scope>;
  /** Items of rounds that have ended, by number; of a loop that decides before each round only the last. */
  readonly results: Map<number, Batch>;
  /** No further round begins. */
  broken: boolean;
}

/** How far a run that was stopped is with taking back what it did. */
export interface UndoState {
  /** Steps still to be taken back, the next one first, by their nodes' places in the plan. */
  left: readonly number[];
  /** Branches begun so far, by the place of the node they undo. */
  readonly branches: Map<number, Scope>;
  /** The branch under way; none once all is undone, or given up. */
  current: Scope | undefined;
  /** Nothing further begins in the branch under way: something of it failed, or the undoing was given up. */
  isBroken: boolean;
  /** What could not be taken back, and why. */
  readonly failures: UndoFailure[];
  /** Active time of the run when it began. */
  readonly sinceMs: number;
}

export interface UndoFailure {
  /** Id of the node that was to be taken back; absent where the undoing as a whole was given up. */
  readonly of?: string;
  readonly error: RunError;
}

export interface RunGate {
  readonly outputs: Outputs;
  readonly given: readonly string[];
}

export interface RunState {
  readonly plan: Plan;
  status: RunStatusName;
  waitingFor: WaitingFor | undefined;
  /** Events folded so far: the sequence of the next one. */
  seq: number;
  /** Instant of the last event. */
  at: number;
  semantics: number;
  startedAt: number;
  endedAt: number;
  triggerNode: number;
  readonly root: Scope;
  /** Ready steps in the order in which they became so. */
  readonly readyQueue: StepState[];
  /** Rounds all of whose steps are final, and that their loop has not taken in. */
  readonly overRounds: Scope[];
  /** Steps that occupy a place: active or stopping. */
  running: number;
  /** Why no further step starts, once something decided that. */
  stop: { status: 'failed' | 'cancelled' | 'timed_out'; error?: RunError } | undefined;
  /** Once a stopped run has begun to undo. */
  undo: UndoState | undefined;
  ended: boolean;
  /** The run was taken over under suspicion, and has made no progress since. */
  trial: Trial | undefined;
  /** Held back: no step starts. */
  quarantined: boolean;
  /** A person holds it: no further step starts. */
  paused: boolean;
  /** It waits for its turn: what its trigger will give. */
  gate: RunGate | undefined;
  priority: number;
  error: RunError | undefined;
  /** Events still to come that say what is kept of an earlier run; no step starts before. */
  toCarry: number;
  origin: RunOrigin | undefined;
  /** Answers to its requests, where these do not leave. */
  mocks: readonly MockedReply[] | undefined;
  /** Outputs that a person fixed, by the node's place in the plan. */
  pins: Map<number, Outputs> | undefined;
  /**
   * Time with at least one step under way, in milliseconds. Gathered from the events; without queueing, waits, back-off and the time
   * between a crash and its recovery. The last event of a run states it exactly.
   */
  activeMs: number;
  /** Steps whose phase the last event changed, each once. */
  readonly changed: StepState[];
}

/** Engine semantics of this release. A run keeps the number it started under. */
export const SEMANTICS = 2;

/** A run before its first event. */
export function newRun(plan: Plan): RunState {
  return {
    plan,
    status: 'pending',
    waitingFor: undefined,
    seq: 0,
    at: 0,
    semantics: SEMANTICS,
    startedAt: 0,
    endedAt: 0,
    triggerNode: -1,
    root: newScope(plan, plan.rootNodes, NO_PATH, undefined, undefined),
    readyQueue: [],
    overRounds: [],
    running: 0,
    stop: undefined,
    undo: undefined,
    ended: false,
    trial: undefined,
    quarantined: false,
    paused: false,
    gate: undefined,
    priority: 0,
    error: undefined,
    toCarry: 0,
    origin: undefined,
    mocks: undefined,
    pins: undefined,
    activeMs: 0,
    changed: [],
  };
}

const NO_PATH: readonly number[] = [];

/** A scope of these nodes before anything has happened in it. */
export function newScope(
  plan: Plan,
  nodes: readonly number[],
  path: readonly number[],
  of: StepState | undefined,
  entry: Batch | undefined,
): Scope {
  // A round adds its number to the path; a branch is where its step is.
  const isUndo = of !== undefined && path.length === of.scope.path.length;
  const scope: Scope = { path, of, isUndo, entry, steps: [], edges: [], open: nodes.length };
  // A plan without loops has its steps and edges in a row, which is what most runs are made of.
  if (nodes.length === plan.nodes.length) {
    for (const node of plan.nodes) scope.steps.push(newStep(node, scope));
    for (let n = 0; n < plan.edges.length; n += 1) scope.edges.push('pending');
    return scope;
  }
  for (const index of nodes) {
    const node = plan.nodes[index];
    if (!node) continue;
    scope.steps[index] = newStep(node, scope);
    for (const edge of node.incoming) scope.edges[edge.index] = 'pending';
  }
  return scope;
}

function newStep(node: PlanNode, scope: Scope): StepState {
  return {
    index: node.index,
    scope,
    phase: 'blocked',
    unresolved: node.incoming.length,
    edgesWithItems: 0,
    edgesEmpty: 0,
    attempt: 1,
    startedAt: 0,
    endedAt: 0,
    input: undefined,
    units: undefined,
    held: undefined,
    early: undefined,
    parts: undefined,
    loop: undefined,
    outputs: undefined,
    error: undefined,
    errorItem: undefined,
    carried: undefined,
    skip: undefined,
    dueAt: 0,
    retryAfterMs: 0,
    logs: undefined,
    changedAt: -1,
  };
}

export function newUnits(count: number): UnitProgress {
  return {
    states: new Uint8Array(count),
    outcomes: new Array<ItemOutcome | undefined>(count),
    params: new Map(),
    open: count,
    inFlight: 0,
    again: 0,
    asking: 0,
    firstFailed: -1,
    tries: new Map(),
  };
}

/** Units of a step: its items, or one for the whole batch. */
export function unitCount(node: PlanNode, input: StepInput): number {
  return node.perBatch ? 1 : input.count;
}

/** The item at `index` of a step's whole input. */
export function inputItem(input: StepInput, index: number): Item | undefined {
  for (const part of input.parts) {
    const local = index - part.offset;
    if (local >= 0 && local < part.batch.items.length) return part.batch.items[local];
  }
  return undefined;
}

/** All items of a step's input, in edge order. One edge's batch is returned as it is. */
export function inputItems(input: StepInput): readonly Item[] {
  const [first] = input.parts;
  if (!first) return [];
  if (input.parts.length === 1) return first.batch.items;
  return input.parts.flatMap((part) => part.batch.items);
}
