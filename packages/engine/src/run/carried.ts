/**
 * How a run takes in what it keeps of an earlier one, or what a person gave: before its first step starts, in the events after `run.started`.
 * Everything that is not carried follows from the ordinary decisions.
 */
import type { PlanNode } from '../plan/plan.ts';
import type { Batch, Outputs, RunEvent } from './events.ts';
import { completeWith, go, skip } from './firing.ts';
import { beginRound, goOnWithRounds, loopAfter } from './loops.ts';
import { settleUnits, unitsOf } from './settle.ts';
import { EMPTY_INPUT, type InputPart, type RunState, type StepInput, type StepState } from './state.ts';
import { leaveQueue, makeReady, setPhase } from './steps.ts';

type Of<Type extends RunEvent['type']> = Extract<RunEvent, { type: Type }>;

/** One of the events that `run.started` announced. */
export function oneCarried(run: RunState): void {
  run.toCarry = Math.max(0, run.toCarry - 1);
}

export function carryStep(run: RunState, node: PlanNode, step: StepState, { from, outputs }: Of<'step.carried'>): void {
  leaveQueue(run, step);
  completeWith(run, node, step, { from, outputs });
}

export function carryItems(run: RunState, node: PlanNode, step: StepState, { outcomes, kept = [] }: Of<'items.carried'>): void {
  const units = unitsOf(node, step);
  // A person may be asked about its items before it goes on.
  if (step.startedAt === 0) step.startedAt = run.at;
  for (const { i, params } of kept) units.params.set(i, params);
  settleUnits(run, node, step, outcomes);
  // A step whose every item is done has left the queue by ending.
  if (step.phase !== 'ready') leaveQueue(run, step);
}

export function carryParts(step: StepState, { wait, from, came }: Of<'parts.carried'>): void {
  step.parts = { wait, from, came: new Map(came.map(([part, items]) => [part, { items }])) };
}

export function carryRounds(run: RunState, node: PlanNode, step: StepState, event: Of<'rounds.carried'>): void {
  const { loop } = node;
  if (!loop) return;
  if (loop.mode !== 'items') return carryRoundsDecided(run, node, step, event);
  leaveQueue(run, step);
  if (step.startedAt === 0) step.startedAt = run.at;
  const next = goOnWithRounds(run, loop, step, event);
  if ('outputs' in next) return completeWith(run, node, step, { from: event.from, outputs: next.outputs });
  setPhase(run, step, 'looping');
  go(run, next.rounds);
}

/** A loop that decides before each round: the round that was under way begins anew, or it decides again. */
function carryRoundsDecided(run: RunState, node: PlanNode, step: StepState, { begun = 0, entry, input, last }: Of<'rounds.carried'>): void {
  const { loop } = node;
  if (!loop) return;
  step.loop = loopAfter(begun);
  step.loop.broken = last !== undefined;
  if (step.startedAt === 0) step.startedAt = run.at;
  if (entry) {
    leaveQueue(run, step);
    setPhase(run, step, 'looping');
    return go(run, [beginRound(run, loop, step, entry)]);
  }
  const [edge] = loop.back;
  step.input = edge && input ? wholeInput([{ edge: edge.index, batch: input, offset: 0 }]) : EMPTY_INPUT;
}

/** The step runs with these items; what its edges bring afterwards changes nothing. */
export function giveInput(run: RunState, node: PlanNode, step: StepState, ports: Outputs): void {
  const parts: InputPart[] = [];
  let offset = 0;
  for (const port of node.inputPorts.length > 0 ? node.inputPorts : ['main']) {
    const batch = Object.hasOwn(ports, port) ? ports[port] : undefined;
    if (!batch || batch.items.length === 0) continue;
    const edge = node.incoming.find((one) => one.input === port)?.index ?? NO_EDGE;
    parts.push({ edge, batch: untraced(batch), offset });
    offset += batch.items.length;
  }
  step.input = wholeInput(parts);
  if (step.phase === 'blocked') makeReady(run, step);
}

export function pinNode(run: RunState, { node, outputs }: Of<'node.pinned'>): void {
  const planned = run.plan.byId.get(node);
  if (!planned) return;
  run.pins ??= new Map();
  run.pins.set(planned.index, outputs);
  // A node right behind the trigger has fired already.
  const step = run.root.steps[planned.index];
  if (step?.phase !== 'ready') return;
  leaveQueue(run, step);
  completeWith(run, planned, step, { from: 'pin', outputs });
}

export function leaveOut(run: RunState, nodes: readonly string[]): void {
  for (const id of nodes) {
    const node = run.plan.byId.get(id);
    const step = node && run.root.steps[node.index];
    if (!step) continue;
    if (step.phase === 'ready') {
      leaveQueue(run, step);
      setPhase(run, step, 'blocked');
    }
    skip(run, step, 'not_taken');
  }
}

/** Of a node that no edge leads to: its items come from nowhere. */
const NO_EDGE = -1;

function wholeInput(parts: readonly InputPart[]): StepInput {
  return { parts, count: parts.reduce((sum, part) => sum + part.batch.items.length, 0) };
}

/** Nobody knows which items of the step before given ones come from. */
function untraced({ items }: Batch): Batch {
  return { items, from: items.map(() => []) };
}
