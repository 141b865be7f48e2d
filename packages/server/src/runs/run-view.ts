/** A stored run as people read it: its steps with times, items, errors and logs, folded from the journal. */
import {
  type Plan,
  type PlanNode,
  type RunEvent,
  type RunState,
  type StepState,
  type StepWait,
  UNIT,
  type UnitProgress,
  findStep,
  fold,
  newRun,
} from '@plugboard/engine';
import type { LoadedPlan } from '@plugboard/runner';
import type { Json, StepError } from '@plugboard/sdk';
import { slices } from './in-slices.ts';

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
  /** Where its result comes from if it did not run here: a run by its id, `skip` or `pin`. */
  readonly carried?: string;
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

export async function replay(loaded: LoadedPlan, events: readonly RunEvent[]): Promise<RunState> {
  const state = newRun(loaded.plan);
  const slice = slices();
  for (const event of events) {
    fold(state, event);
    const turn = slice();
    if (turn) await turn;
  }
  return state;
}

/**
 * A step as it stood when its round of a loop was left, or as it stands in a round under way; without a path in the round it changed in last.
 * The state lets go of rounds that are over, so they are looked for while the journal is folded again.
 */
export async function stepInRound(
  loaded: LoadedPlan,
  events: readonly RunEvent[],
  node: PlanNode,
  path: readonly number[] | undefined,
): Promise<StepState | undefined> {
  const state = newRun(loaded.plan);
  const slice = slices();
  let found: StepState | undefined;
  for (const event of events) {
    fold(state, event);
    // A step stays the same object for the life of its round.
    found = state.changed.findLast(({ index, scope }) => index === node.index && isSamePath(scope.path, path ?? scope.path)) ?? found;
    const turn = slice();
    if (turn) await turn;
  }
  return found;
}

function isSamePath(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((round, depth) => round === b[depth]);
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
  itemsIn: number;
  error: StepError | undefined;
  startedAt: number;
  endedAt: number;
  readonly itemsOut: { [port: string]: number };
}

const NO_ROUNDS: Rounds = { begun: 0, ended: 0, failed: 0, itemsIn: 0, error: undefined, startedAt: 0, endedAt: 0, itemsOut: {} };

export async function history(plan: Plan, events: readonly RunEvent[]): Promise<RunHistory> {
  const takenOver: string[] = [];
  const sentAgain = new Map<string, number>();
  let cancelled: RunHistory['cancelled'];
  for (const event of events) {
    if (event.type === 'run.recovered') takenOver.push(new Date(event.at).toISOString());
    else if (event.type === 'cancel.requested') cancelled ??= { by: event.by, ...(event.reason ? { reason: event.reason } : {}) };
    else if (event.type === 'items.started') {
      const again = event.items.filter((item) => item.attempt > 1).length;
      if (again > 0) sentAgain.set(event.node, (sentAgain.get(event.node) ?? 0) + again);
    }
  }
  return { takenOver, sentAgain, rounds: await roundsOf(plan, events), ...(cancelled ? { cancelled } : {}) };
}

export function stepViews(state: RunState, { sentAgain, rounds }: RunHistory): StepView[] {
  return state.plan.nodes.map((node) => {
    const step = findStep(state, node);
    if (!step && node.undoes !== undefined && node.loops.length === 0) return untouched(node);
    if (!step) return roundsView(node, rounds.get(node.id) ?? NO_ROUNDS, loopAround(state, node));
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
      ...(step.carried === undefined ? {} : { carried: step.carried }),
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

/** The outermost loop that the node lies in. */
function loopAround(state: RunState, { loops: [loop = -1] }: PlanNode): StepState | undefined {
  const node = state.plan.nodes[loop];
  return node && findStep(state, node);
}

/** A step of an undo branch that nothing has led to. */
function untouched(node: PlanNode): StepView {
  const of = { node: node.id, name: node.name, type: node.typeName };
  return { ...of, status: 'skipped', attempt: 1, itemsIn: 0, itemsOut: {}, skipped: 'not_taken', logs: [] };
}

/** What nodes inside loops did over all rounds: a round that is over leaves nothing in the state, so the journal is read for it once more. */
async function roundsOf(plan: Plan, events: readonly RunEvent[]): Promise<ReadonlyMap<string, Rounds>> {
  const rounds = new Map<string, Rounds>();
  if (plan.nodes.every((node) => node.loops.length === 0)) return rounds;
  const state = newRun(plan);
  const slice = slices();
  for (const event of events) {
    fold(state, event);
    for (const step of state.changed) {
      const node = plan.nodes[step.index];
      if (node && step.scope.path.length > 0) countRound(rounds, node.id, step, event.at);
    }
    const turn = slice();
    if (turn) await turn;
  }
  return rounds;
}

function countRound(rounds: Map<string, Rounds>, node: string, step: StepState, at: number): void {
  const of = rounds.get(node) ?? { ...NO_ROUNDS, itemsOut: {} };
  rounds.set(node, of);
  if (of.startedAt === 0) of.startedAt = at;
  of.endedAt = at;
  if (step.phase === 'succeeded') {
    of.ended += 1;
    of.itemsIn += step.input?.count ?? 0;
    for (const port in step.outputs) of.itemsOut[port] = (of.itemsOut[port] ?? 0) + (step.outputs[port]?.items.length ?? 0);
  } else if (step.phase === 'failed') {
    of.failed += 1;
    of.error = step.error;
  } else if (step.phase === 'active' && step.attempt === 1) of.begun += 1;
}

/** A node inside a loop has a step in each round; here stand all of them together. */
function roundsView(
  node: PlanNode,
  { begun, ended, failed, itemsIn, itemsOut, startedAt, endedAt, error }: Rounds,
  loop: StepState | undefined,
): StepView {
  const { stack: _, ...shown } = error ?? { code: '', kind: 'bug', message: '' };
  return {
    node: node.id,
    name: node.name,
    type: node.typeName,
    status: failed > 0 ? 'failed' : ended > 0 ? 'succeeded' : begun > 0 ? 'active' : 'blocked',
    attempt: 1,
    ...(startedAt > 0
      ? { startedAt: new Date(startedAt).toISOString(), endedAt: new Date(endedAt).toISOString(), durationMs: endedAt - startedAt }
      : {}),
    itemsIn,
    itemsOut,
    ...(error ? { error: shown } : {}),
    rounds: Math.max(begun, ended + failed),
    ...(begun + ended + failed === 0 ? withoutRounds(loop) : {}),
    logs: [],
  };
}

/** What never began is as the loop around it is, once that is over. */
function withoutRounds(loop: StepState | undefined): Partial<StepView> {
  if (loop?.carried !== undefined) return { status: loop.phase, carried: loop.carried };
  if (loop?.phase === 'succeeded') return { status: 'skipped', skipped: 'not_taken' };
  if (loop?.phase === 'skipped') return { status: 'skipped', skipped: loop.skip ?? 'not_reached' };
  return loop?.phase === 'failed' || loop?.phase === 'cancelled' ? { status: 'skipped', skipped: 'not_reached' } : {};
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
  const outputs = node && findStep(state, node)?.outputs;
  if (!outputs) return undefined;
  const ports: { [port: string]: Json[] } = {};
  for (const port in outputs) ports[port] = (outputs[port]?.items ?? []).map((item) => item.json);
  return ports;
}
