/** Small valid things for tests of runs: node types by what they do, graphs in one line, and a run that takes events one by one. */
import type { JsonObject, NodeTypeIR, ParamIR, StepError, TriggerTypeIR, TypeIR } from '@plugboard/sdk';
import type { NodeData, WorkflowDefinition, WorkflowSettings } from '../src/definition/types.ts';
import { type Plan, compilePlan } from '../src/plan/plan.ts';
import { type Command, decide } from '../src/run/decide.ts';
import type { ItemOutcome, Lineage, Outputs, RunEvent } from '../src/run/events.ts';
import { fold } from '../src/run/fold.ts';
import { outputFault } from '../src/run/output-fault.ts';
import { findStep } from '../src/run/steps.ts';
import { type RunSnapshot, restoreSnapshot, takeSnapshot } from '../src/run/snapshot.ts';
import { type RunState, SEMANTICS, type StepState, UNIT, newRun } from '../src/run/state.ts';
import { snapshot } from './invariants.ts';

const trigger: TriggerTypeIR = {
  kind: 'trigger',
  trigger: 'manual',
  type: 'trigger',
  version: 1,
  title: 'Trigger',
  group: 'test',
  functions: [],
  ports: {},
  params: {},
};

function type(name: string, part: Partial<NodeTypeIR>): NodeTypeIR {
  return {
    kind: 'node',
    type: name,
    version: 1,
    title: name,
    group: 'test',
    params: {},
    functions: ['run'],
    per: 'item',
    ports: {},
    effects: 'none',
    ...part,
  };
}

function ports(...ids: string[]) {
  return ids.map((id) => ({ id }));
}

const json: ParamIR = { kind: 'json' };

export const TYPES: readonly TypeIR[] = [
  trigger,
  type('pure', { params: { value: json } }),
  type('read', { effects: 'read' }),
  type('write', { effects: 'write', params: { value: json }, rejected: ['NOT_THERE'] }),
  type('keyed', { effects: 'write', repeatable: true, params: { value: json } }),
  type('if', { ports: { outputs: ports('true', 'false') } }),
  type('switch', { ports: { outputs: ports('a', 'b', 'c') } }),
  type('batch', { per: 'batch' }),
  type('sum', { per: 'batch', runsOnEmpty: true }),
  type('batch-write', { per: 'batch', effects: 'write' }),
  type('batch-keyed', { per: 'batch', effects: 'write', repeatable: true }),
  type('bulk-write', { per: 'batch', effects: 'write', atomic: false, runsOnEmpty: true }),
  type('wait', { per: 'batch', waits: 'timer' }),
  type('signal', { per: 'batch', waits: 'signal' }),
  type('approval', { per: 'batch', effects: 'write', repeatable: true, waits: 'approval' }),
  type('call', { per: 'batch', effects: 'write', repeatable: true, waits: 'child' }),
  type('loop', {
    per: 'batch',
    runsOnEmpty: true,
    waits: 'timer',
    ports: { inputs: ports('main', 'next'), outputs: ports('body', 'done') },
    params: {
      mode: { kind: 'text', default: 'items', expr: 'deny' },
      size: { kind: 'number', default: 1, expr: 'deny' },
      parallel: { kind: 'number', default: 1, expr: 'deny' },
      limit: { kind: 'number', default: 5, expr: 'deny' },
    },
    loop: { mode: 'mode', batchSize: 'size', concurrency: 'parallel', limit: 'limit' },
  }),
  type('break', { per: 'batch', breaks: true }),
  type('merge', { per: 'batch', ports: { inputs: ports('left', 'right') } }),
  type('join', {
    per: 'batch',
    runsOnEmpty: true,
    params: { policy: { kind: 'text', default: 'all', expr: 'deny' }, count: { kind: 'number', default: 1, expr: 'deny' } },
    join: { policy: 'policy', count: 'count' },
  }),
];

export function findType(name: string): TypeIR | undefined {
  return TYPES.find((each) => each.type === name);
}

export type NodeSpec = string | ({ readonly type: string; readonly params?: JsonObject } & Partial<Omit<NodeData, 'params'>>);

/** A definition from node types by id and edges such as `start>a a.true>b b>join.left`. */
export function aDefinition(
  nodes: { readonly [id: string]: NodeSpec },
  edges: string,
  settings: WorkflowSettings = {},
): WorkflowDefinition {
  return {
    schema: 1,
    name: 'Test',
    nodes: Object.entries(nodes).map(([id, spec]) => {
      const { type: typeName, params = {}, ...data } = typeof spec === 'string' ? { type: spec } : spec;
      return { id, type: typeName, position: { x: 0, y: 0 }, data: { name: id, typeVersion: 1, params, ...data } };
    }),
    edges: edges
      .split(' ')
      .filter((text) => text !== '')
      .map((text, order) => {
        const [from = '', to = ''] = text.split('>');
        const [source = '', sourceHandle = 'main'] = from.split('.');
        const [target = '', targetHandle = 'main'] = to.split('.');
        return { id: `e${order}`, order, source, sourceHandle, target, targetHandle };
      }),
    settings,
  };
}

export function aGraph(nodes: { readonly [id: string]: NodeSpec }, edges: string, settings: WorkflowSettings = {}): Plan {
  return compilePlan(aDefinition({ start: 'trigger', ...nodes }, edges, settings), findType);
}

/** An event without its instant. */
type Timeless<E> = E extends RunEvent ? Omit<E, 'at'> : never;
export type TestEvent = Timeless<RunEvent>;

/** A run that starts with `items` at the node `start`; each event comes 10 ms after the one before. */
export function aRun(plan: Plan, items: number | Outputs = 1, from = 'start'): TestRun {
  const run = new TestRun(plan);
  run.take({
    type: 'run.started',
    semantics: SEMANTICS,
    trigger: from,
    outputs: typeof items === 'number' ? { main: { items: someItems(items) } } : items,
  });
  return run;
}

export class TestRun {
  state: RunState;
  readonly events: RunEvent[] = [];
  /** Commands of the last event. */
  commands: readonly Command[] = [];
  at = 1000;

  constructor(plan: Plan) {
    this.state = newRun(plan);
  }

  take(event: TestEvent): readonly Command[] {
    this.at += 10;
    const full = { ...event, at: this.at } as RunEvent;
    this.commands = decide(this.state, full);
    this.events.push(full);
    return this.commands;
  }

  /** The whole step ends well; a number means that many items on `main`. */
  finish(node: string, outputs: number | { readonly [port: string]: number } | Outputs, ...path: number[]): readonly Command[] {
    return this.take({
      type: 'step.finished',
      node,
      startedAt: this.at,
      outputs: toOutputs(outputs, node),
      ...(path.length > 0 ? { path } : {}),
    });
  }

  fail(node: string, error: Partial<StepError> = {}, more: { unknown?: true; attempt?: number } = {}): readonly Command[] {
    return this.take({ type: 'step.failed', node, attempt: this.step(node).attempt, error: anError(error), ...more });
  }

  /** Write items begin to act. */
  begin(node: string, ...items: number[]): readonly Command[] {
    const tries = this.step(node).units?.tries;
    return this.take({
      type: 'items.started',
      node,
      items: items.map((i) => ({ i, attempt: (tries?.get(i) ?? 0) + 1, ...(tries?.has(i) ? {} : { params: { value: i } }) })),
    });
  }

  settle(node: string, ...outcomes: ItemOutcome[]): readonly Command[] {
    return this.take({ type: 'items.settled', node, outcomes });
  }

  /** Sets the retry and lets its instant come. */
  retry(node: string): readonly Command[] {
    const attempt = this.step(node).attempt + 1;
    this.take({ type: 'retry.scheduled', node, attempt, dueAt: this.at + 1000 });
    return this.take({ type: 'retry.due', node, attempt });
  }

  /** The step's call ends with a wait; its items go on later. */
  wait(node: string, outputs: number | Outputs, more: { dueAt?: number; short?: true } = {}): readonly Command[] {
    const { attempt } = this.step(node);
    const wait = { id: `${node}.${attempt}`, kind: 'timer' as const, dueAt: this.at + 60_000, ...more };
    return this.take({ type: 'step.waiting', node, attempt, startedAt: this.at, wait, outputs: toOutputs(outputs, node) });
  }

  /** The instant of the step's wait has come. */
  due(node: string): readonly Command[] {
    return this.take({ type: 'wait.over', node, wait: this.step(node).held?.wait.id ?? '' });
  }

  resolve(node: string, i: number, decision: 'retry' | 'done' | 'fail', output?: JsonObject): readonly Command[] {
    return this.take({ type: 'unknown.resolved', node, i, decision, by: 'ada', ...(output ? { output: { json: output } } : {}) });
  }

  recover(): readonly Command[] {
    return this.take({ type: 'run.recovered', fence: 2 });
  }

  pause(): readonly Command[] {
    return this.take({ type: 'pause.requested', by: 'ada' });
  }

  resume(): readonly Command[] {
    return this.take({ type: 'run.resumed', by: 'ada' });
  }

  cancel(): readonly Command[] {
    return this.take({ type: 'cancel.requested', by: 'ada' });
  }

  /** Carries out `end-run`, or the check before it, if that is what is left to do. */
  end(): this {
    if (this.commands.at(-1)?.type === 'check-output') this.take(checkedEnd(this.state));
    const last = this.commands.at(-1);
    if (last?.type === 'end-run')
      this.take({ type: 'run.ended', status: last.status, activeMs: 0, ...(last.error ? { error: last.error } : {}) });
    return this;
  }

  step(node: string, ...path: number[]): StepState {
    const found = this.state.plan.byId.get(node);
    const step = found && findStep(this.state, found, path);
    if (!step) throw new RangeError(`no step ${node}`);
    return step;
  }

  /** Phases by node, without the trigger. */
  get phases(): { [node: string]: string } {
    return Object.fromEntries(
      this.state.plan.nodes
        .filter((node) => !node.isTrigger && node.loops.length === 0)
        .map((node) => {
          const step = this.step(node.id);
          return [node.id, step.skip ? `${step.phase}: ${step.skip}` : step.phase];
        }),
    );
  }

  /** Names of unit states. */
  units(node: string): string[] {
    const names = Object.keys(UNIT);
    return [...(this.step(node).units?.states ?? [])].map((state) => names[state] ?? '?');
  }

  /** The state that the events give from the beginning, as they come back from the journal. */
  replayed(): unknown {
    return snapshot(this.replayedState());
  }

  replayedState(): RunState {
    const state = newRun(this.state.plan);
    for (const event of JSON.parse(JSON.stringify(this.events)) as RunEvent[]) fold(state, event);
    return state;
  }

  /** Leaves memory and comes back by a snapshot of it. */
  throughSnapshot(): void {
    this.state = restoreSnapshot(this.state.plan, JSON.parse(JSON.stringify(takeSnapshot(this.state))) as RunSnapshot);
  }

  /** Ids of the nodes the commands of the last event run. */
  get runs(): string[] {
    return this.commands.flatMap((command) =>
      command.type === 'run-step' ? [[this.state.plan.nodes[command.node]?.id ?? '?', ...(command.path ?? [])].join('.')] : [],
    );
  }

  json(node: string, port = 'main'): JsonObject[] {
    return (this.step(node).outputs?.[port]?.items ?? []).map((item) => item.json);
  }
}

/** How the check of what a run gives comes out. */
export function checkedEnd(state: RunState): TestEvent {
  for (const work = outputFault(state); ;) {
    const { done, value } = work.next();
    if (!done) continue;
    return value ? { type: 'run.broken', error: value } : { type: 'run.ended', status: 'succeeded', activeMs: 0 };
  }
}

export function someItems(count: number, of = 'start') {
  return Array.from({ length: count }, (_, n) => ({ json: { of, n } }));
}

export function aBatch(count: number, of: string, from?: Lineage) {
  return from ? { items: someItems(count, of), from } : { items: someItems(count, of) };
}

export function ok(i: number, n = 1): ItemOutcome {
  return { i, ok: Array.from({ length: n }, () => ({ item: { json: { done: i } } })) };
}

export function failed(i: number, error: Partial<StepError> = {}): ItemOutcome {
  return { i, error: anError(error) };
}

export function unknown(i: number): ItemOutcome {
  return { i, error: anError({ code: 'TIMEOUT', kind: 'timeout' }), unknown: true };
}

export function anError(part: Partial<StepError> = {}): StepError {
  return { code: 'BROKEN', kind: 'bug', message: 'It broke.', ...part };
}

function toOutputs(outputs: number | { readonly [port: string]: number } | Outputs, node: string): Outputs {
  if (typeof outputs === 'number') return { main: aBatch(outputs, node) };
  return Object.fromEntries(
    Object.entries(outputs).map(([port, batch]) => [port, typeof batch === 'number' ? aBatch(batch, node) : batch]),
  );
}
