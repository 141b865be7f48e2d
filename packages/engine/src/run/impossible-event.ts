/**
 * Which events a run in its present state cannot have. Asked before anything changes, so that a refused event leaves the state as it was.
 * A fact that merely comes too late (a result of a step that was stopped) is no contradiction: `fold` lets it change nothing.
 */
import type { PlanNode } from '../plan/plan.ts';
import type { RunEvent, StepWait } from './events.ts';
import { type RunState, type StepState, EMPTY_INPUT, UNIT, unitCount } from './state.ts';
import { isTerminal } from './status.ts';
import { findStep } from './steps.ts';

type OfStep = Extract<RunEvent, { node: string }>;

/** Why the event cannot be; undefined when it can. */
export function whyImpossible(run: RunState, event: RunEvent): string | undefined {
  if (run.ended) return `${event.type} came after the run had ended`;
  // A run whose first record could not be stored has its end as its only event.
  if (run.seq === 0 && event.type !== 'run.started' && event.type !== 'run.ended')
    return `A run begins with run.started, not with ${event.type}`;
  switch (event.type) {
    case 'run.started':
      if (run.seq > 0) return 'A run starts once';
      return run.plan.byId.get(event.trigger)?.isTrigger ? undefined : `The workflow has no trigger ${event.trigger}`;
    case 'run.ended':
      if (!isTerminal(event.status)) return `A run cannot end as ${event.status}`;
      return event.status === 'succeeded' && (run.root.open > 0 || run.stop) ? 'A run cannot succeed before all its steps have' : undefined;
    case 'nodes.left_out':
      return run.toCarry > 0 ? undefined : nothingToCarry(event.type);
    case 'run.joined':
    case 'run.admitted':
    case 'run.recovered':
    case 'run.quarantined':
    case 'pause.requested':
    case 'run.resumed':
    case 'cancel.requested':
    case 'run.timed_out':
    case 'run.broken':
      return undefined;
    default:
      return whyImpossibleForStep(run, event);
  }
}

const CARRIED = new Set<OfStep['type']>(['step.carried', 'items.carried', 'parts.carried', 'rounds.carried', 'step.given']);

type Carried = Extract<OfStep, { type: 'step.carried' | 'items.carried' | 'parts.carried' | 'rounds.carried' | 'step.given' }>;

/** What is kept of an earlier run is for steps that have not started; only a whole result, or a given input, may come before their edges are resolved. */
function whyNotCarried(run: RunState, step: StepState, node: PlanNode, event: Carried): string | undefined {
  if (run.toCarry === 0) return nothingToCarry(event.type);
  const isEarly = event.type === 'step.carried' || event.type === 'step.given';
  if (step.phase !== 'ready' && !(isEarly && step.phase === 'blocked'))
    return `${event.type} came for ${event.node}, which is ${step.phase}`;
  if (event.type === 'items.carried') {
    const count = unitCount(node, step.input ?? EMPTY_INPUT);
    for (const { i } of event.outcomes) if (!isIndex(i, count)) return noItem(event.node, i);
    for (const { i } of event.kept ?? []) if (!isIndex(i, count)) return noItem(event.node, i);
  }
  if (event.type === 'parts.carried' && !waitsFor(node, 'child')) return `${event.node} is of a type that does not wait for runs`;
  if (event.type === 'rounds.carried' && !node.loop) return `${event.node} is no loop`;
  return undefined;
}

function isCarried(event: OfStep): event is Carried {
  return CARRIED.has(event.type);
}

function nothingToCarry(type: string): string {
  return `${type} came in a run that keeps nothing of another one`;
}

function whyImpossibleForStep(run: RunState, event: OfStep): string | undefined {
  const node = run.plan.byId.get(event.node);
  if (node === undefined) return `The workflow has no node ${event.node}`;
  if (event.type === 'node.pinned') return run.toCarry > 0 ? undefined : nothingToCarry(event.type);
  const step = findStep(run, node, event.path);
  if (!step) return `${event.node} has no step in round ${(event.path ?? []).join('.') || 'of the run itself'}`;
  if (isCarried(event)) return whyNotCarried(run, step, node, event);
  if (step.phase === 'skipped') return run.stop ? undefined : `${event.type} came for ${event.node}, which was skipped`;
  // A signal may come before its step waits for it.
  if (event.type === 'wait.over') return whyNoPart(step, event);
  if (step.phase === 'blocked' || step.phase === 'ready') {
    if (step.startedAt === 0) return `${event.type} came for ${event.node}, which has not been let start`;
  }
  if (event.type === 'step.waiting' && !waitsFor(node, event.wait.kind)) return `${event.node} is of a type that does not wait`;
  if (event.type !== 'items.started' && event.type !== 'items.settled' && event.type !== 'unknown.resolved') return undefined;
  const count = step.units?.states.length ?? unitCount(node, step.input ?? EMPTY_INPUT);
  if (event.type === 'unknown.resolved') return isIndex(event.i, count) ? undefined : noItem(event.node, event.i);
  if (event.type === 'items.settled') {
    for (const { i } of event.outcomes) if (!isIndex(i, count)) return noItem(event.node, i);
    return undefined;
  }
  if (step.phase !== 'active' && step.phase !== 'stopping') return undefined;
  const seen = new Set<number>();
  for (const { i } of event.items) {
    if (!isIndex(i, count)) return noItem(event.node, i);
    const state = step.units?.states[i] ?? UNIT.idle;
    if (state !== UNIT.idle || seen.has(i)) return `Item ${i} of ${event.node} is not waiting to start`;
    seen.add(i);
  }
  return undefined;
}

function waitsFor({ type }: PlanNode, kind: StepWait['kind']): boolean {
  return type.kind === 'node' && type.waits === kind;
}

function whyNoPart({ held }: StepState, { part, node }: Extract<RunEvent, { type: 'wait.over' }>): string | undefined {
  if (part === undefined) return undefined;
  const isPart = isIndex(part, held?.wait.parts ?? Number.MAX_SAFE_INTEGER);
  return isPart ? undefined : `The wait of ${node} has no part ${part}`;
}

function isIndex(i: number, count: number): boolean {
  return Number.isInteger(i) && i >= 0 && i < count;
}

function noItem(node: string, i: number): string {
  return `${node} has no item ${i}`;
}
