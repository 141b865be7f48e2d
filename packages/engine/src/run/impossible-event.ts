/**
 * Which events a run in its present state cannot have. Asked before anything changes, so that a refused event leaves the state as it was.
 * A fact that merely comes too late (a result of a step that was stopped) is no contradiction: `fold` lets it change nothing.
 */
import type { RunEvent } from './events.ts';
import { type RunState, EMPTY_INPUT, UNIT, unitCount } from './state.ts';
import { isTerminal } from './status.ts';
import { nodeAt, stepAt } from './steps.ts';

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
      return event.status === 'succeeded' && (run.open > 0 || run.stop) ? 'A run cannot succeed before all its steps have' : undefined;
    case 'run.recovered':
    case 'run.quarantined':
    case 'run.resumed':
    case 'cancel.requested':
    case 'run.timed_out':
    case 'run.broken':
      return undefined;
    default:
      return whyImpossibleForStep(run, event);
  }
}

function whyImpossibleForStep(run: RunState, event: OfStep): string | undefined {
  const index = run.plan.byId.get(event.node)?.index;
  if (index === undefined) return `The workflow has no node ${event.node}`;
  if (event.path && event.path.length > 0) return `${event.node} has no iteration ${event.path.join('.')}`;
  const step = stepAt(run, index);
  if (step.phase === 'skipped') return run.stop ? undefined : `${event.type} came for ${event.node}, which was skipped`;
  if (step.phase === 'blocked' || step.phase === 'ready') {
    if (step.startedAt === 0) return `${event.type} came for ${event.node}, which has not been let start`;
  }
  if (event.type !== 'items.started' && event.type !== 'items.settled' && event.type !== 'unknown.resolved') return undefined;
  const count = step.units?.states.length ?? unitCount(nodeAt(run, index), step.input ?? EMPTY_INPUT);
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

function isIndex(i: number, count: number): boolean {
  return Number.isInteger(i) && i >= 0 && i < count;
}

function noItem(node: string, i: number): string {
  return `${node} has no item ${i}`;
}
