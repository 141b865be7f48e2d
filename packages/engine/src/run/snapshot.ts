/**
 * The state of a run as JSON, so that a long journal need not be folded from its beginning: taking one up and folding the events behind it
 * gives the same state as folding all. What a snapshot holds shares its items with the state; both leave them as they are.
 */
import type { Json, StepError } from '@plugboard/sdk';
import type { MockedReply } from '../definition/types.ts';
import type { Plan } from '../plan/plan.ts';
import type { Batch, ItemOutcome, LogLine, Outputs, RunError, RunOrigin, StepWait, Trial, WaitAnswer } from './events.ts';
import {
  EMPTY_INPUT,
  type EdgeState,
  type InputPart,
  type LoopState,
  type PartAnswer,
  type RunState,
  type Scope,
  type StepInput,
  type StepPhase,
  type StepState,
  type UndoFailure,
  type UndoState,
  type UnitProgress,
  newRun,
  newScope,
} from './state.ts';
import type { RunStatusName, WaitingFor } from './status.ts';
import { findStep, isFinal, occupies } from './steps.ts';

/** Raised when what a snapshot holds changes: one of another format is left alone, and the whole journal is folded. */
export const SNAPSHOT_FORMAT = 1;

/** A batch by its place in the list of the snapshot: several steps hold the same one. */
type BatchRef = number;
type OutputRefs = { readonly [port: string]: BatchRef };

export interface RunSnapshot {
  readonly format: typeof SNAPSHOT_FORMAT;
  /** Events folded: those from this sequence on are not in it. */
  readonly seq: number;
  readonly at: number;
  readonly status: RunStatusName;
  readonly waitingFor?: WaitingFor;
  readonly semantics: number;
  readonly startedAt: number;
  readonly endedAt: number;
  readonly triggerNode: number;
  readonly stop?: { readonly status: 'failed' | 'cancelled' | 'timed_out'; readonly error?: RunError };
  readonly undo?: UndoSnapshot;
  readonly ended: boolean;
  readonly trial?: Trial;
  readonly quarantined: boolean;
  readonly paused: boolean;
  readonly error?: RunError;
  readonly gate?: { readonly outputs: OutputRefs; readonly given: readonly string[] };
  readonly priority?: number;
  readonly toCarry?: number;
  readonly origin?: RunOrigin;
  readonly mocks?: readonly MockedReply[];
  /** By the node's place in the plan. */
  readonly pins?: readonly (readonly [number, OutputRefs])[];
  readonly activeMs: number;
  readonly batches: readonly Batch[];
  readonly root: ScopeSnapshot;
  /** Steps in the queue for a place: node and path. */
  readonly ready: readonly (readonly [number, readonly number[]])[];
}

interface UndoSnapshot {
  readonly left: readonly number[];
  /** By the place of the node that each undoes. */
  readonly branches: readonly (readonly [number, ScopeSnapshot])[];
  readonly current?: number;
  readonly isBroken: boolean;
  readonly failures: readonly UndoFailure[];
  readonly sinceMs: number;
}

interface ScopeSnapshot {
  readonly steps: readonly StepSnapshot[];
  /** Of edges that are resolved, by place in the plan. */
  readonly edges: readonly (readonly [number, EdgeState])[];
  readonly entry?: BatchRef;
}

interface StepSnapshot {
  readonly node: number;
  readonly phase: StepPhase;
  /** Edges unresolved, with items, empty. */
  readonly edges: readonly [number, number, number];
  readonly attempt: number;
  /** Start, end, instant it is due. */
  readonly times: readonly [number, number, number];
  readonly changedAt: number;
  readonly input?: readonly (readonly [edge: number, batch: BatchRef, offset: number])[];
  readonly units?: UnitsSnapshot;
  readonly held?: { readonly wait: StepWait; readonly outputs: OutputRefs };
  readonly early?: { readonly wait: string; readonly outputs?: OutputRefs; readonly answer?: WaitAnswer };
  readonly parts?: {
    readonly wait: string;
    readonly from?: string;
    readonly each?: true;
    readonly round?: number;
    readonly came: readonly (readonly [number, PartAnswer])[];
  };
  readonly carried?: string;
  readonly loop?: LoopSnapshot;
  readonly outputs?: OutputRefs;
  readonly error?: StepError;
  readonly errorItem?: number;
  readonly skip?: NonNullable<StepState['skip']>;
  readonly retryAfterMs?: number;
  readonly logs?: readonly LogLine[];
}

interface UnitsSnapshot {
  readonly states: readonly number[];
  readonly outcomes: readonly ItemOutcome[];
  readonly params: readonly (readonly [number, Json])[];
  readonly tries: readonly (readonly [number, number])[];
  readonly open: number;
  readonly inFlight: number;
  readonly again: number;
  readonly asking: number;
  readonly firstFailed: number;
}

interface LoopSnapshot {
  readonly begun: number;
  readonly broken: boolean;
  readonly rounds: readonly (readonly [number, ScopeSnapshot])[];
  readonly results: readonly (readonly [number, BatchRef])[];
}

/** The state as it is now. Later changes of the state are not in it. */
export function takeSnapshot(run: RunState): RunSnapshot {
  const taken = new TakenBatches();
  return {
    format: SNAPSHOT_FORMAT,
    seq: run.seq,
    at: run.at,
    status: run.status,
    ...(run.waitingFor && { waitingFor: run.waitingFor }),
    semantics: run.semantics,
    startedAt: run.startedAt,
    endedAt: run.endedAt,
    triggerNode: run.triggerNode,
    ...(run.stop && { stop: run.stop }),
    ...(run.undo && { undo: takeUndo(run.undo, taken) }),
    ended: run.ended,
    ...(run.trial && { trial: run.trial }),
    quarantined: run.quarantined,
    paused: run.paused,
    ...(run.error && { error: run.error }),
    ...(run.gate && { gate: { ...run.gate, outputs: taken.refs(run.gate.outputs) } }),
    ...(run.priority !== 0 && { priority: run.priority }),
    ...(run.toCarry > 0 && { toCarry: run.toCarry }),
    ...(run.origin && { origin: run.origin }),
    ...(run.mocks && { mocks: run.mocks }),
    ...(run.pins && { pins: [...run.pins].map(([node, outputs]) => [node, taken.refs(outputs)] as const) }),
    activeMs: run.activeMs,
    root: takeScope(run.root, taken),
    ready: run.readyQueue.filter((step) => step.phase === 'ready').map((step) => [step.index, step.scope.path]),
    batches: taken.batches,
  };
}

/** A run at the state the snapshot was taken in. The plan must be of the same definition. */
export function restoreSnapshot(plan: Plan, snapshot: RunSnapshot): RunState {
  const run = newRun(plan);
  run.seq = snapshot.seq;
  run.at = snapshot.at;
  run.status = snapshot.status;
  run.waitingFor = snapshot.waitingFor;
  run.semantics = snapshot.semantics;
  run.startedAt = snapshot.startedAt;
  run.endedAt = snapshot.endedAt;
  run.triggerNode = snapshot.triggerNode;
  run.stop = snapshot.stop;
  run.ended = snapshot.ended;
  run.trial = snapshot.trial;
  run.quarantined = snapshot.quarantined;
  run.paused = snapshot.paused;
  run.error = snapshot.error;
  run.gate = snapshot.gate && { ...snapshot.gate, outputs: outputsOf(snapshot.gate.outputs, snapshot.batches) };
  run.priority = snapshot.priority ?? 0;
  run.toCarry = snapshot.toCarry ?? 0;
  run.origin = snapshot.origin;
  run.mocks = snapshot.mocks;
  run.pins = snapshot.pins && new Map(snapshot.pins.map(([node, refs]) => [node, outputsOf(refs, snapshot.batches)]));
  run.activeMs = snapshot.activeMs;
  fillScope(run, run.root, snapshot.root, snapshot.batches);
  if (snapshot.undo) run.undo = undoOf(run, snapshot.undo, snapshot.batches);
  for (const [index, path] of snapshot.ready) {
    const node = plan.nodes[index];
    const step = node && findStep(run, node, path);
    if (step) run.readyQueue.push(step);
  }
  return run;
}

/** Each batch once, in the order in which they are found. */
class TakenBatches {
  readonly batches: Batch[] = [];
  readonly #places = new Map<Batch, BatchRef>();

  ref(batch: Batch): BatchRef {
    const known = this.#places.get(batch);
    if (known !== undefined) return known;
    const place = this.batches.length;
    this.batches.push(batch);
    this.#places.set(batch, place);
    return place;
  }

  refs(outputs: Outputs): OutputRefs {
    const refs: { [port: string]: BatchRef } = {};
    for (const port in outputs) {
      const batch = outputs[port];
      if (batch) refs[port] = this.ref(batch);
    }
    return refs;
  }
}

function takeUndo({ left, branches, current, isBroken, failures, sinceMs }: UndoState, taken: TakenBatches): UndoSnapshot {
  return {
    left,
    branches: [...branches].map(([node, branch]) => [node, takeScope(branch, taken)] as const),
    ...(current?.of && { current: current.of.index }),
    isBroken,
    failures: [...failures],
    sinceMs,
  };
}

function takeScope(scope: Scope, taken: TakenBatches): ScopeSnapshot {
  const edges: [number, EdgeState][] = [];
  scope.edges.forEach((state, index) => {
    if (state !== undefined && state !== 'pending') edges.push([index, state]);
  });
  return {
    steps: scope.steps.flatMap((step) => (step ? [takeStep(step, taken)] : [])),
    edges,
    ...(scope.entry && { entry: taken.ref(scope.entry) }),
  };
}

function takeStep(step: StepState, taken: TakenBatches): StepSnapshot {
  const { held, early } = step;
  return {
    node: step.index,
    phase: step.phase,
    edges: [step.unresolved, step.edgesWithItems, step.edgesEmpty],
    attempt: step.attempt,
    times: [step.startedAt, step.endedAt, step.dueAt],
    changedAt: step.changedAt,
    ...(step.input && { input: step.input.parts.map(({ edge, batch, offset }) => [edge, taken.ref(batch), offset] as const) }),
    ...(step.units && { units: takeUnits(step.units) }),
    ...(held && { held: { ...held, outputs: taken.refs(held.outputs) } }),
    ...(early && {
      early: {
        wait: early.wait,
        ...(early.outputs && { outputs: taken.refs(early.outputs) }),
        ...(early.answer && { answer: early.answer }),
      },
    }),
    ...(step.parts && { parts: { ...step.parts, came: [...step.parts.came] } }),
    ...(step.carried !== undefined && { carried: step.carried }),
    ...(step.loop && { loop: takeLoop(step.loop, taken) }),
    ...(step.outputs && { outputs: taken.refs(step.outputs) }),
    ...(step.error && { error: step.error }),
    ...(step.errorItem !== undefined && { errorItem: step.errorItem }),
    ...(step.skip && { skip: step.skip }),
    ...(step.retryAfterMs > 0 && { retryAfterMs: step.retryAfterMs }),
    ...(step.logs && { logs: [...step.logs] }),
  };
}

function takeUnits({ states, outcomes, params, tries, ...counts }: UnitProgress): UnitsSnapshot {
  return {
    ...counts,
    states: [...states],
    outcomes: outcomes.filter((outcome) => outcome !== undefined),
    params: [...params],
    tries: [...tries],
  };
}

function takeLoop({ begun, broken, rounds, results }: LoopState, taken: TakenBatches): LoopSnapshot {
  return {
    begun,
    broken,
    rounds: [...rounds].map(([number, scope]) => [number, takeScope(scope, taken)] as const),
    results: [...results].map(([number, batch]) => [number, taken.ref(batch)] as const),
  };
}

function fillScope(run: RunState, scope: Scope, snapshot: ScopeSnapshot, batches: readonly Batch[]): void {
  for (const [index, state] of snapshot.edges) scope.edges[index] = state;
  scope.open = 0;
  for (const one of snapshot.steps) {
    const step = scope.steps[one.node];
    if (!step) continue;
    fillStep(run, step, one, batches);
    if (occupies(step.phase)) run.running += 1;
    if (!isFinal(step.phase)) scope.open += 1;
  }
}

function undoOf(run: RunState, snapshot: UndoSnapshot, batches: readonly Batch[]): UndoState {
  const { current, failures, ...rest } = snapshot;
  const branches = new Map<number, Scope>();
  for (const [node, taken] of snapshot.branches) {
    const entry = taken.entry === undefined ? undefined : batchAt(batches, taken.entry);
    const branch = newScope(run.plan, run.plan.nodes[node]?.undo?.nodes ?? [], [], run.root.steps[node], entry);
    branches.set(node, branch);
    fillScope(run, branch, taken, batches);
  }
  return { ...rest, branches, current: current === undefined ? undefined : branches.get(current), failures: [...failures] };
}

function fillStep(run: RunState, step: StepState, snapshot: StepSnapshot, batches: readonly Batch[]): void {
  const { held, early } = snapshot;
  step.phase = snapshot.phase;
  [step.unresolved, step.edgesWithItems, step.edgesEmpty] = snapshot.edges;
  step.attempt = snapshot.attempt;
  [step.startedAt, step.endedAt, step.dueAt] = snapshot.times;
  step.changedAt = snapshot.changedAt;
  step.input = snapshot.input && inputOf(snapshot.input, batches);
  step.units = snapshot.units && unitsOf(snapshot.units);
  step.held = held && { ...held, outputs: outputsOf(held.outputs, batches) };
  step.early = early && { ...early, outputs: early.outputs && outputsOf(early.outputs, batches) };
  step.parts = snapshot.parts && { ...snapshot.parts, came: new Map(snapshot.parts.came) };
  step.carried = snapshot.carried;
  step.outputs = snapshot.outputs && outputsOf(snapshot.outputs, batches);
  step.error = snapshot.error;
  step.errorItem = snapshot.errorItem;
  step.skip = snapshot.skip;
  step.retryAfterMs = snapshot.retryAfterMs ?? 0;
  step.logs = snapshot.logs && [...snapshot.logs];
  if (snapshot.loop) step.loop = loopOf(run, step, snapshot.loop, batches);
}

function loopOf(run: RunState, step: StepState, snapshot: LoopSnapshot, batches: readonly Batch[]): LoopState {
  const loop: LoopState = {
    begun: snapshot.begun,
    broken: snapshot.broken,
    rounds: new Map(),
    results: new Map(snapshot.results.map(([number, ref]) => [number, batchAt(batches, ref)])),
  };
  const body = run.plan.nodes[step.index]?.loop?.body ?? [];
  for (const [number, taken] of snapshot.rounds) {
    const entry = taken.entry === undefined ? undefined : batchAt(batches, taken.entry);
    const round = newScope(run.plan, body, [...step.scope.path, number], step, entry);
    loop.rounds.set(number, round);
    fillScope(run, round, taken, batches);
  }
  return loop;
}

function unitsOf({ states, outcomes, params, tries, ...counts }: UnitsSnapshot): UnitProgress {
  const all = new Array<ItemOutcome | undefined>(states.length);
  for (const outcome of outcomes) all[outcome.i] = outcome;
  return { ...counts, states: Uint8Array.from(states), outcomes: all, params: new Map(params), tries: new Map(tries) };
}

function inputOf(parts: NonNullable<StepSnapshot['input']>, batches: readonly Batch[]): StepInput {
  if (parts.length === 0) return EMPTY_INPUT;
  const restored: InputPart[] = parts.map(([edge, ref, offset]) => ({ edge, batch: batchAt(batches, ref), offset }));
  return { parts: restored, count: restored.reduce((count, part) => count + part.batch.items.length, 0) };
}

function outputsOf(refs: OutputRefs, batches: readonly Batch[]): Outputs {
  const outputs: { [port: string]: Batch } = {};
  for (const port in refs) outputs[port] = batchAt(batches, refs[port] ?? -1);
  return outputs;
}

/** @throws RangeError for a reference to nothing: the snapshot is damaged. */
function batchAt(batches: readonly Batch[], ref: BatchRef): Batch {
  const batch = batches[ref];
  if (!batch) throw new RangeError(`The snapshot has no batch ${ref}`);
  return batch;
}
