/** A stored run as people read it: its steps with times, items, errors and logs, folded from the journal. */
import { type PlanNode, type RunEvent, type RunState, type StepWait, UNIT, type UnitProgress, fold, newRun } from '@plugboard/engine';
import type { LoadedPlan } from '@plugboard/runner';
import type { Json, StepError } from '@plugboard/sdk';

export interface StepView {
  readonly node: string;
  readonly name: string;
  readonly type: string;
  readonly status: string;
  readonly attempt: number;
  readonly startedAt?: string;
  readonly endedAt?: string;
  readonly durationMs?: number;
  readonly itemsIn: number;
  /** Items by output port. */
  readonly itemsOut: { readonly [port: string]: number };
  /** Why a skipped step did not run. */
  readonly skipped?: 'empty' | 'not_taken' | 'not_reached';
  readonly error?: Omit<StepError, 'stack'>;
  readonly errorItem?: number;
  readonly retryAt?: string;
  /** Rounds a node inside a loop has had; its other figures are over all of them. */
  readonly rounds?: number;
  /** What a waiting step waits for, and until when. */
  readonly waits?: { readonly for: string; readonly until?: string };
  /** Items of a write that were sent more than once. */
  readonly sentAgain?: number;
  /** Items of a write that may have happened and wait for a person's decision. */
  readonly asking?: readonly { readonly item: number; readonly error: { readonly code: string; readonly message: string } }[];
  readonly logs: readonly { readonly level: string; readonly message: string }[];
}

export function replay(loaded: LoadedPlan, events: readonly RunEvent[]): RunState {
  const state = newRun(loaded.plan);
  for (const event of events) fold(state, event);
  return state;
}

/** What the journal tells beyond the state: that somebody took the run over, stopped it, or sent an item again. */
export interface RunHistory {
  /** When another process took the run over from one that was gone. */
  readonly takenOver: readonly string[];
  readonly cancelled?: { readonly by: string; readonly reason?: string };
  /** Items sent more than once, by node id. */
  readonly sentAgain: ReadonlyMap<string, number>;
  /** What nodes inside loops did over all rounds, by node id. */
  readonly rounds: ReadonlyMap<string, Rounds>;
}

interface Rounds {
  begun: number;
  ended: number;
  failed: number;
  startedAt: number;
  endedAt: number;
  readonly itemsOut: { [port: string]: number };
}

const NO_ROUNDS: Rounds = { begun: 0, ended: 0, failed: 0, startedAt: 0, endedAt: 0, itemsOut: {} };

export function history(events: readonly RunEvent[]): RunHistory {
  const takenOver: string[] = [];
  const sentAgain = new Map<string, number>();
  const rounds = new Map<string, Rounds>();
  let cancelled: RunHistory['cancelled'];
  for (const event of events) {
    if ('path' in event && event.path && event.path.length > 0) countRound(rounds, event);
    if (event.type === 'run.recovered') takenOver.push(new Date(event.at).toISOString());
    else if (event.type === 'cancel.requested') cancelled ??= { by: event.by, ...(event.reason ? { reason: event.reason } : {}) };
    else if (event.type === 'items.started') {
      const again = event.items.filter((item) => item.attempt > 1).length;
      if (again > 0) sentAgain.set(event.node, (sentAgain.get(event.node) ?? 0) + again);
    }
  }
  return { takenOver, sentAgain, rounds, ...(cancelled ? { cancelled } : {}) };
}

export function stepViews(state: RunState, { sentAgain, rounds }: RunHistory): StepView[] {
  return state.plan.nodes.map((node) => {
    const step = state.root.steps[node.index];
    if (!step) return roundsView(node, rounds.get(node.id) ?? NO_ROUNDS);
    const itemsOut: { [port: string]: number } = {};
    for (const port in step.outputs) itemsOut[port] = step.outputs[port]?.items.length ?? 0;
    const { stack: _, ...error } = step.error ?? { code: '', kind: 'bug', message: '' };
    return {
      node: node.id,
      name: node.name,
      type: node.typeName,
      status: step.phase,
      attempt: step.attempt,
      ...(step.startedAt > 0 ? { startedAt: new Date(step.startedAt).toISOString() } : {}),
      ...(step.endedAt > 0 ? { endedAt: new Date(step.endedAt).toISOString(), durationMs: step.endedAt - step.startedAt } : {}),
      itemsIn: step.input?.count ?? 0,
      itemsOut,
      ...(step.skip ? { skipped: step.skip } : {}),
      ...(step.error ? { error } : {}),
      ...(step.errorItem === undefined ? {} : { errorItem: step.errorItem }),
      ...(step.phase === 'backoff' ? { retryAt: new Date(step.dueAt).toISOString() } : {}),
      ...(step.held ? { waits: waitView(step.held.wait) } : {}),
      ...(sentAgain.has(node.id) ? { sentAgain: sentAgain.get(node.id) ?? 0 } : {}),
      ...(step.units && step.units.asking > 0 ? { asking: askingUnits(step.units) } : {}),
      logs: (step.logs ?? []).map(({ level, message }) => ({ level, message })),
    };
  });
}

function countRound(rounds: Map<string, Rounds>, event: Extract<RunEvent, { node: string }>): void {
  const of = rounds.get(event.node) ?? { ...NO_ROUNDS, itemsOut: {} };
  rounds.set(event.node, of);
  if (of.startedAt === 0) of.startedAt = event.at;
  of.endedAt = event.at;
  if (event.type === 'step.started') of.begun += 1;
  else if (event.type === 'step.finished') {
    of.ended += 1;
    for (const port in event.outputs) of.itemsOut[port] = (of.itemsOut[port] ?? 0) + (event.outputs[port]?.items.length ?? 0);
  } else if (event.type === 'step.failed') of.failed += 1;
}

/** A node inside a loop has a step in each round; here stand all of them together. */
function roundsView(node: PlanNode, { begun, ended, failed, startedAt, endedAt, itemsOut }: Rounds): StepView {
  return {
    node: node.id,
    name: node.name,
    type: node.typeName,
    status: begun + ended + failed === 0 ? 'blocked' : failed > ended ? 'failed' : 'succeeded',
    attempt: 1,
    ...(startedAt > 0
      ? { startedAt: new Date(startedAt).toISOString(), endedAt: new Date(endedAt).toISOString(), durationMs: endedAt - startedAt }
      : {}),
    itemsIn: 0,
    itemsOut,
    rounds: Math.max(begun, ended + failed),
    logs: [],
  };
}

function waitView({ kind, dueAt }: StepWait): NonNullable<StepView['waits']> {
  return { for: kind, ...(dueAt === undefined ? {} : { until: new Date(dueAt).toISOString() }) };
}

function askingUnits(units: UnitProgress): NonNullable<StepView['asking']> {
  const asking: { item: number; error: { code: string; message: string } }[] = [];
  units.states.forEach((state, item) => {
    const outcome = units.outcomes[item];
    if (state !== UNIT.asking || !outcome || !('error' in outcome)) return;
    asking.push({ item, error: { code: outcome.error.code, message: outcome.error.message } });
  });
  return asking;
}

/** The items of a step by port, or of the run's end. */
export function stepOutput(state: RunState, nodeId: string): { readonly [port: string]: readonly Json[] } | undefined {
  const node = state.plan.byId.get(nodeId) ?? state.plan.byName.get(nodeId);
  const outputs = node ? state.root.steps[node.index]?.outputs : undefined;
  if (!outputs) return undefined;
  const ports: { [port: string]: Json[] } = {};
  for (const port in outputs) ports[port] = (outputs[port]?.items ?? []).map((item) => item.json);
  return ports;
}
