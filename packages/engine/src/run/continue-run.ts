/**
 * What a new run keeps of an earlier one, as the events that follow its `run.started`. Found by carrying: a step is asked about once
 * everything before it is there, so that what is kept always fits, on this version of the workflow or on another.
 */
import type { Item, Json } from '@plugboard/sdk';
import { sameValue } from '../definition/diff.ts';
import type { Plan, PlanNode } from '../plan/plan.ts';
import type { Batch, ItemOutcome, KeptParams, Outputs, RunEvent } from './events.ts';
import { fold } from './fold.ts';
import { type RunState, type StepInput, type StepState, UNIT, type WaitParts, newRun } from './state.ts';
import { findStep, nodeAt } from './steps.ts';

type Started = Extract<RunEvent, { type: 'run.started' }>;

/** What a person says about one node. `isEarly`: it does not wait for its edges, because what is before it may not come. */
export type Given =
  /** It is done with these outputs. */
  | { readonly kind: 'outputs'; readonly from: 'skip' | 'pin'; readonly outputs: Outputs; readonly isEarly?: boolean }
  /** It runs with this input. */
  | { readonly kind: 'input'; readonly ports: Outputs; readonly isEarly?: boolean }
  /** It is done, and hands its input on as it came. */
  | { readonly kind: 'pass'; readonly isEarly?: false };

export interface ContinueRun {
  readonly plan: Plan;
  /** The event it starts with, without what is carried. */
  readonly started: Started;
  /** The run it goes on from. */
  readonly old?: { readonly id: string; readonly state: RunState; readonly isSamePlan: boolean };
  /** Nodes that run again although the earlier run has their result. */
  readonly again?: ReadonlySet<string>;
  readonly given?: ReadonlyMap<string, Given>;
  /** Outputs that stand in for nodes once they fire. */
  readonly pins?: ReadonlyMap<string, Outputs>;
  /** Nodes that are no part of the run. */
  readonly without?: readonly string[];
}

export interface ContinuedRun {
  /** `run.started` and the events after it. */
  readonly events: readonly [Started, ...RunEvent[]];
  /** Steps whose results, or some of whose items, are kept. */
  readonly carried: number;
  /** Nodes that run first. */
  readonly next: readonly string[];
}

export function continueRun(options: ContinueRun): ContinuedRun {
  const { plan, started, pins = new Map<string, Outputs>(), without = [] } = options;
  const { at } = started;
  const given = givenNodes(options);
  const trial = newRun(plan);
  const events: RunEvent[] = [];
  const tell = (event: RunEvent): void => {
    fold(trial, event);
    events.push(event);
  };
  fold(trial, { ...started, ...(given.length > 0 ? { given } : {}), carries: Number.MAX_SAFE_INTEGER });

  for (const [node, outputs] of pins) if (plan.byId.has(node)) tell({ type: 'node.pinned', at, node, outputs });
  for (const event of earlyEvents(options)) tell(event);
  if (without.length > 0) tell({ type: 'nodes.left_out', at, nodes: without });

  let carried = 0;
  const asked = new Set<StepState>();
  for (;;) {
    const step = firstOf(trial, asked, options.old?.state);
    if (!step) break;
    asked.add(step);
    const event = carriedEvent(options, trial, step);
    if (!event) continue;
    tell(event);
    if (event.type !== 'step.given') carried += 1;
  }
  const first: Started = {
    ...started,
    ...(given.length > 0 ? { given } : {}),
    ...(events.length > 0 ? { carries: events.length } : {}),
  };
  const next = trial.readyQueue.filter((step) => step.phase === 'ready').map((step) => nodeAt(trial, step.index).id);
  return { events: [first, ...events], carried, next };
}

/** In the order in which the steps ended before: a join that did not wait for all its branches gets the same ones again. */
function firstOf(trial: RunState, asked: ReadonlySet<StepState>, old: RunState | undefined): StepState | undefined {
  let first: StepState | undefined;
  let least = Infinity;
  for (const step of trial.readyQueue) {
    if (step.phase !== 'ready' || asked.has(step)) continue;
    const before = old && stepBefore(old, nodeAt(trial, step.index), step.scope.path);
    const order = before?.phase === 'succeeded' ? before.changedAt : Number.MAX_SAFE_INTEGER;
    if (order >= least) continue;
    first = step;
    least = order;
  }
  return first;
}

/** What is given to a node without edges, or that must not wait for them, comes before anything is skipped. */
function earlyEvents({ plan, started: { at }, given }: ContinueRun): RunEvent[] {
  const events: RunEvent[] = [];
  for (const [id, what] of given ?? []) {
    const node = plan.byId.get(id);
    if (!node || node.loops.length > 0 || node.undoes !== undefined || !what.isEarly) continue;
    if (what.kind === 'input') events.push({ type: 'step.given', at, node: id, ports: what.ports });
    if (what.kind === 'outputs') events.push({ type: 'step.carried', at, node: id, from: what.from, outputs: what.outputs });
  }
  return events;
}

function givenNodes({ plan, given }: ContinueRun): string[] {
  return [...(given?.keys() ?? [])].filter((id) => plan.byId.get(id)?.incoming.length === 0);
}

function carriedEvent(options: ContinueRun, trial: RunState, step: StepState): RunEvent | undefined {
  const { old, started, again, given } = options;
  const node = nodeAt(trial, step.index);
  const { path } = step.scope;
  const on = { at: started.at, node: node.id, ...(path.length > 0 ? { path } : {}) };

  const before = old && !again?.has(node.id) ? stepBefore(old.state, node, path) : undefined;
  const what = before?.phase === 'succeeded' ? undefined : given?.get(node.id);
  if (what?.kind === 'outputs') return { type: 'step.carried', ...on, from: what.from, outputs: what.outputs };
  if (what?.kind === 'pass') return { type: 'step.carried', ...on, from: 'skip', outputs: passedOn(node, step.input) };
  if (what?.kind === 'input') return hasParts(step.input, what.ports) ? undefined : { type: 'step.given', ...on, ports: what.ports };

  if (!old || !before || !isSameInput(step.input, before.input, before)) return undefined;
  if (before.phase === 'succeeded' && before.outputs)
    return { type: 'step.carried', ...on, from: before.carried ?? old.id, outputs: before.outputs };
  if (before.parts && old.isSamePlan && !before.loop) return partsBefore(before.parts, { ...on, from: old.id });
  if (before.loop && node.loop) return roundsBefore(node, before, { ...on, from: old.id });
  return itemsBefore(node, before, { ...on, from: old.id }, old.isSamePlan);
}

type On = { readonly at: number; readonly node: string; readonly path?: readonly number[]; readonly from: string };

/** Items that succeeded stay; those that may have happened ask again where repeating them is not safe. */
function itemsBefore(node: PlanNode, { units }: StepState, on: On, keepsParams: boolean): RunEvent | undefined {
  if (!units) return undefined;
  const outcomes: ItemOutcome[] = [];
  const kept: KeptParams[] = [];
  units.states.forEach((state, i) => {
    const outcome = units.outcomes[i];
    const isDone = state === UNIT.ok && outcome !== undefined && 'ok' in outcome;
    const isUnknown = outcome !== undefined && 'error' in outcome && outcome.unknown === true && !node.repeatable;
    if (outcome && (isDone || isUnknown)) outcomes.push(outcome);
    const params = units.params.get(i);
    if (!isDone && keepsParams && params !== undefined) kept.push({ i, params });
  });
  if (outcomes.length === 0 && kept.length === 0) return undefined;
  return { type: 'items.carried', ...on, outcomes, ...(kept.length > 0 ? { kept } : {}) };
}

/** What came stays; what failed, or had not come, is asked for again. */
function partsBefore({ wait, from, came }: WaitParts, on: On): RunEvent | undefined {
  const kept = [...came].flatMap(([part, answer]) => ('items' in answer ? [[part, answer.items] as const] : []));
  return kept.length === 0 ? undefined : { type: 'parts.carried', ...on, from: from ?? on.from, wait, came: kept };
}

/** Rounds that ended stay; one that was under way begins with the same items, and its own steps are asked about in turn. */
function roundsBefore(node: PlanNode, before: StepState, on: On): RunEvent | undefined {
  const { loop } = before;
  if (!loop) return undefined;
  const last = loop.broken ? { last: [...loop.rounds.keys()] } : {};
  if (node.loop?.mode === 'items') {
    const ended = [...loop.results].sort(([a], [b]) => a - b);
    return { type: 'rounds.carried', ...on, ended, ...last };
  }
  const [underWay] = loop.rounds;
  if (underWay) {
    const [number, { entry }] = underWay;
    return entry && { type: 'rounds.carried', ...on, ended: [], begun: number, entry, ...last };
  }
  const input = before.input?.parts[0]?.batch;
  return { type: 'rounds.carried', ...on, ended: [], begun: loop.begun, ...(input ? { input } : {}) };
}

function stepBefore(old: RunState, node: PlanNode, path: readonly number[]): StepState | undefined {
  const before = old.plan.byId.get(node.id);
  if (!before || before.typeName !== node.typeName || before.disabled !== node.disabled) return undefined;
  return findStep(old, before, path);
}

/**
 * The same items, mostly the very same lists because everything before was carried; what a join or a policy makes of them is made anew.
 * Of a loop that goes round its input is that of its last round.
 */
function isSameInput(now: StepInput | undefined, before: StepInput | undefined, step: StepState): boolean {
  if (step.loop && step.loop.results.size === 0) return true;
  const parts = now?.parts ?? [];
  const known = before?.parts ?? [];
  if (parts.length !== known.length) return false;
  return parts.every((part, n) => {
    const other = known[n]?.batch.items;
    return (
      other === part.batch.items ||
      (other?.length === part.batch.items.length && other.every((item, i) => isSameItem(item, part.batch.items[i])))
    );
  });
}

function isSameItem(item: Item, other: Item | undefined): boolean {
  return item === other || (other !== undefined && sameValue(item.json, other.json) && sameValue(asJson(item.files), asJson(other.files)));
}

/** References to files are JSON. */
function asJson(files: Item['files']): Json | undefined {
  return files as unknown as Json | undefined;
}

function hasParts(input: StepInput | undefined, ports: Outputs): boolean {
  return input !== undefined && Object.values(ports).some((batch: Batch) => input.parts.some((part) => part.batch.items === batch.items));
}

function passedOn(node: PlanNode, input: StepInput | undefined): Outputs {
  const [port = 'main'] = node.outputPorts;
  return { [port]: { items: input?.parts.flatMap((part) => part.batch.items) ?? [] } };
}
