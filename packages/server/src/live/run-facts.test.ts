import { readFileSync, readdirSync } from 'node:fs';
import { type Plan, type RunEvent, type WorkflowDefinition, compilePlan, fold, newRun } from '@plugboard/engine';
import type { NodeTypeIR, TriggerTypeIR, TypeIR } from '@plugboard/sdk';
import { describe, expect, test } from 'vitest';
import { createFactSource } from './fact-source.ts';
import { MAX_FACT_BYTES, type RunFact } from './run-fact.ts';
import { createRunFacts } from './run-facts.ts';

const runFacts = (plan: Plan, events: readonly RunEvent[]): RunFact[] => createRunFacts(plan).take(events);

const TRIGGER: TriggerTypeIR = {
  kind: 'trigger',
  trigger: 'manual',
  type: 'trigger',
  version: 1,
  title: 'T',
  group: 't',
  functions: [],
  ports: {},
  params: {},
};
const NODE: NodeTypeIR = {
  kind: 'node',
  type: 'pure',
  version: 1,
  title: 'N',
  group: 't',
  params: {},
  functions: ['run'],
  per: 'item',
  ports: {},
  effects: 'none',
};
const TYPES: readonly TypeIR[] = [
  TRIGGER,
  NODE,
  { ...NODE, type: 'write', effects: 'write' },
  { ...NODE, type: 'if', ports: { outputs: [{ id: 'true' }, { id: 'false' }] } },
  { ...NODE, type: 'wide', ports: { outputs: Array.from({ length: 40 }, (_, n) => ({ id: `${'p'.repeat(60)}${n}` })) } },
];

/** `start>a a.true>b`: node types by id and edges. */
function aPlan(
  nodes: {
    readonly [id: string]:
      | string
      | { readonly type: string; readonly onError?: 'continue'; readonly disabled?: true; readonly retry?: object };
  },
  edges: string,
): Plan {
  const definition = {
    schema: 1,
    name: 'Test',
    nodes: Object.entries({ start: 'trigger', ...nodes }).map(([id, spec]) => {
      const { type, ...data } = typeof spec === 'string' ? { type: spec } : spec;
      return { id, type, position: { x: 0, y: 0 }, data: { name: `Step ${id}`, typeVersion: 1, params: {}, ...data } };
    }),
    edges: edges.split(' ').map((text, order) => {
      const [from = '', target = ''] = text.split('>');
      const [source = '', sourceHandle = 'main'] = from.split('.');
      return { id: `e${order}`, order, source, sourceHandle, target, targetHandle: 'main' };
    }),
    settings: {},
  } as WorkflowDefinition;
  return compilePlan(definition, (name) => TYPES.find((type) => type.type === name));
}

const items = (count: number, secret = 'canary'): { items: { json: { secret: string } }[] } => ({
  items: Array.from({ length: count }, () => ({ json: { secret } })),
});
const started = (count: number): RunEvent => ({
  type: 'run.started',
  at: 1000,
  semantics: 1,
  trigger: 'start',
  outputs: { main: items(count) },
});
const error = { code: 'BAD', kind: 'input', message: 'no' } as const;

const at = '1970-01-01T00:00:02.000Z';
const cases: readonly (readonly [string, Plan, readonly RunEvent[], readonly object[]])[] = [
  [
    'a pure step that ends at once, and one it leaves out',
    aPlan({ a: 'if', b: 'pure', c: 'pure' }, 'start>a a.true>b a.false>c'),
    [started(2), { type: 'step.finished', at: 2000, node: 'a', startedAt: 1500, outputs: { true: items(2) } }],
    [
      { seq: 1, at: '1970-01-01T00:00:01.000Z', type: 'run.started', trigger: 'start', items: 2, status: 'running' },
      {
        seq: 2,
        at,
        type: 'step.finished',
        node: 'a',
        phase: 'succeeded',
        startedAt: '1970-01-01T00:00:01.500Z',
        out: { true: 2 },
        also: [{ node: 'c', phase: 'skipped', because: 'not_taken' }],
      },
    ],
  ],
  [
    'a write: its attempt starts once, counts its items, and ends with the last of them',
    aPlan({ w: 'write' }, 'start>w'),
    [
      started(3),
      { type: 'items.started', at: 2000, node: 'w', items: [{ i: 0, attempt: 1, params: { secret: 'canary' } }] },
      { type: 'step.started', at: 2000, node: 'w', attempt: 1 },
      { type: 'items.settled', at: 2000, node: 'w', outcomes: [{ i: 0, ok: [{ item: { json: { secret: 'canary' } } }] }] },
      {
        type: 'items.started',
        at: 2000,
        node: 'w',
        items: [
          { i: 1, attempt: 1 },
          { i: 2, attempt: 1 },
        ],
      },
      { type: 'items.settled', at: 2000, node: 'w', outcomes: [1, 2].map((i) => ({ i, ok: [{ item: { json: {} } }] })) },
    ],
    [
      { type: 'run.started' },
      { seq: 2, type: 'step.started', node: 'w', attempt: 1, items: 3, phase: 'active' },
      { seq: 3, type: 'other', event: 'step.started' },
      { seq: 4, type: 'step.progress', done: 1, failed: 0, total: 3 },
      { seq: 5, type: 'step.progress', done: 1, failed: 0, total: 3 },
      { seq: 6, type: 'step.finished', out: { main: 3 }, phase: 'succeeded' },
    ],
  ],
  [
    'a write that may have happened: the run waits, a person decides, the step ends',
    aPlan({ w: 'write' }, 'start>w'),
    [
      started(1),
      { type: 'items.started', at: 2000, node: 'w', items: [{ i: 0, attempt: 1 }] },
      { type: 'items.settled', at: 2000, node: 'w', outcomes: [{ i: 0, error, unknown: true }] },
      { type: 'unknown.resolved', at: 2000, node: 'w', i: 0, decision: 'done', output: { json: { secret: 'canary' } }, by: 'ada' },
      { type: 'run.ended', at: 2000, status: 'succeeded', activeMs: 5 },
    ],
    [
      { type: 'run.started' },
      { type: 'step.started' },
      {
        type: 'step.failed',
        unknown: true,
        phase: 'asking',
        error: { code: 'BAD', message: 'no', item: 0 },
        status: 'waiting',
        waitingFor: 'unknown_effect',
      },
      { type: 'step.finished', out: { main: 1 }, status: 'running' },
      { type: 'run.ended', status: 'succeeded', activeMs: 5 },
    ],
  ],
  [
    'a retry, its instant, and the failure of the run with the name of the step',
    aPlan({ a: { type: 'pure', retry: { maxAttempts: 2, jitter: 'none' } }, b: 'pure' }, 'start>a a>b'),
    [
      started(1),
      { type: 'step.started', at: 2000, node: 'a', attempt: 1 },
      {
        type: 'step.failed',
        at: 2000,
        node: 'a',
        attempt: 1,
        error: { code: 'DOWN', kind: 'unavailable', message: 'away', data: 'canary' },
      },
      { type: 'retry.scheduled', at: 2000, node: 'a', attempt: 2, dueAt: 3000 },
      { type: 'retry.due', at: 3000, node: 'a', attempt: 2 },
      { type: 'step.started', at: 3000, node: 'a', attempt: 2 },
      { type: 'step.failed', at: 3000, node: 'a', attempt: 2, error: { ...error, message: 'x'.repeat(2000) } },
      { type: 'run.ended', at: 3000, status: 'failed', activeMs: 9, error: { code: 'BAD', message: 'no', node: 'a', item: 0 } },
    ],
    [
      { type: 'run.started' },
      { type: 'step.started', attempt: 1 },
      { type: 'step.failed', attempt: 1, phase: 'retry', error: { code: 'DOWN', message: 'away' } },
      { type: 'retry.scheduled', attempt: 2, dueAt: '1970-01-01T00:00:03.000Z', phase: 'backoff' },
      { type: 'other', event: 'retry.due', phase: 'active' },
      { type: 'step.started', attempt: 2 },
      { type: 'step.failed', attempt: 2, phase: 'failed', also: [{ node: 'b', phase: 'skipped', because: 'not_reached' }] },
      { type: 'run.ended', status: 'failed', error: { code: 'BAD', message: 'no', nodeId: 'a', nodeName: 'Step a', item: 0 } },
    ],
  ],
  [
    'a step that goes on in spite of its error ends, with the error',
    aPlan({ a: { type: 'pure', onError: 'continue' } }, 'start>a'),
    [started(1), { type: 'step.failed', at: 2000, node: 'a', attempt: 1, error }],
    [{ type: 'run.started' }, { type: 'step.finished', phase: 'succeeded', out: { main: 1 }, error: { code: 'BAD' } }],
  ],
  [
    'a step that is switched off hands its items on with the fact before it',
    aPlan({ a: 'pure', off: { type: 'pure', disabled: true } }, 'start>a a>off'),
    [started(2), { type: 'step.finished', at: 2000, node: 'a', startedAt: 1500, outputs: { main: items(2) } }],
    [{ type: 'run.started' }, { node: 'a', phase: 'succeeded', also: [{ node: 'off', phase: 'succeeded', items: 2 }] }],
  ],
  [
    'a recovery, a wish to stop, and what comes too late',
    aPlan({ a: 'pure', b: 'pure' }, 'start>a start>b'),
    [
      started(1),
      { type: 'step.started', at: 2000, node: 'a', attempt: 1 },
      { type: 'run.recovered', at: 2000, fence: 2 },
      { type: 'step.started', at: 2000, node: 'b', attempt: 1 },
      { type: 'cancel.requested', at: 2000, by: 'ada', reason: 'canary' },
      { type: 'step.finished', at: 2000, node: 'a', startedAt: 1, outputs: { main: items(1) } },
    ],
    [
      { type: 'run.started' },
      { type: 'step.started', node: 'a' },
      { type: 'run.recovered', fence: 2 },
      { type: 'step.started', node: 'b' },
      {
        type: 'cancel.requested',
        by: 'ada',
        also: [
          { node: 'a', phase: 'cancelled' },
          { node: 'b', phase: 'cancelled' },
        ],
      },
      { type: 'other', event: 'step.finished', phase: 'cancelled' },
    ],
  ],
];

test('a run that undoes what it did says which step with each branch, and tells the steps of the branch like any', () => {
  const plan = aPlan({ a: 'write', b: 'pure', u: 'write' }, 'start>a a>b a.undo>u');
  const wrote = (node: string, at: number): RunEvent[] => [
    { type: 'items.started', at, node, items: [{ i: 0, attempt: 1, params: {} }] },
    { type: 'items.settled', at: at + 1, node, outcomes: [{ i: 0, ok: [{ item: { json: { secret: 'canary' } } }] }] },
  ];
  const error = { code: 'NO', kind: 'rejected', message: 'No.' } as const;
  const facts = runFacts(plan, [
    started(1),
    ...wrote('a', 1010),
    { type: 'step.failed', at: 1020, node: 'b', attempt: 1, error },
    ...wrote('u', 1030),
  ]);
  expect(facts.map((fact) => [fact.type, fact.undoes])).toEqual([
    ['run.started', undefined],
    ['step.started', undefined],
    ['step.finished', undefined],
    ['step.failed', 'a'],
    ['step.started', undefined],
    ['step.finished', undefined],
  ]);
  expect(JSON.stringify(facts)).not.toContain('canary');
});

describe('facts of a run', () => {
  test.each(cases)('%s', (_, plan, events, expected) => {
    const facts = runFacts(plan, events);
    expect(facts).toMatchObject(expected);
    expect(facts.map((fact) => fact.seq)).toEqual(events.map((__, index) => index + 1));
    expect(JSON.stringify(facts)).not.toContain('canary');
  });

  test('are the same whether the events are taken at once or one by one', () => {
    for (const [, plan, events] of cases) {
      const folder = createRunFacts(plan);
      expect(events.flatMap((event) => folder.take([event]))).toEqual(runFacts(plan, events));
    }
  });

  test('stay under 1 KB whatever the names, errors and number of ports and steps, and say that they are cut', () => {
    const many = Object.fromEntries(Array.from({ length: 60 }, (_, n) => [`${'n'.repeat(60)}${n}`, 'pure']));
    const plan = aPlan(
      { a: 'wide', ...many },
      ['start>a', ...Object.keys(many).map((id, n) => `a.${'p'.repeat(60)}${n % 40}>${id}`)].join(' '),
    );
    const outputs = Object.fromEntries(
      Array.from({ length: 40 }, (_, n) => [`${'p'.repeat(60)}${n}`, { items: n === 0 ? [{ json: {} }] : [] }]),
    );
    const wide = runFacts(plan, [started(1), { type: 'step.finished', at: 2000, node: 'a', startedAt: 1, outputs }]);
    const failed = runFacts(plan, [
      started(1),
      {
        type: 'step.failed',
        at: 2000,
        node: 'a',
        attempt: 1,
        error: { ...error, code: 'C'.repeat(500), message: '\u0000\u{1F600}'.repeat(1000) },
      },
      {
        type: 'run.ended',
        at: 2000,
        status: 'failed',
        activeMs: 1,
        error: { code: 'C'.repeat(500), message: '\u0000'.repeat(2000), node: 'a' },
      },
    ]);
    const sizes = [...wide, ...failed].map((fact) => Buffer.byteLength(JSON.stringify(fact)));
    expect(Math.max(...sizes)).toBeLessThanOrEqual(MAX_FACT_BYTES);
    expect(wide[1]).toMatchObject({ type: 'step.finished', isCut: true });
    expect(failed[1]).toMatchObject({ type: 'step.failed', isCut: true });
  });

  test('go on being numbered after an event the plan cannot have', () => {
    const facts = runFacts(aPlan({ a: 'pure' }, 'start>a'), [
      started(1),
      { type: 'step.started', at: 2000, node: 'gone', attempt: 1 },
      { type: 'step.finished', at: 2000, node: 'a', startedAt: 1, outputs: {} },
      { type: 'run.ended', at: 2000, status: 'failed', activeMs: 1 },
    ]);
    expect(facts.map(({ seq, type }) => [seq, type])).toEqual([
      [1, 'run.started'],
      [2, 'other'],
      [3, 'other'],
      [4, 'run.ended'],
    ]);
  });
});

describe('runs recorded by the engine', () => {
  const folder = new URL('../../../engine/test/recorded/v1/', import.meta.url);
  const recorded = readdirSync(folder)
    .filter((name) => name.endsWith('.json'))
    .map(
      (name) =>
        JSON.parse(readFileSync(new URL(name, folder), 'utf8')) as {
          title: string;
          types: TypeIR[];
          definition: WorkflowDefinition;
          events: RunEvent[];
        },
    );

  test.each(recorded.map((run) => [run.title, run] as const))(
    'the facts come to the same steps as the engine: %s',
    (_, { definition, types, events }) => {
      const plan = compilePlan(definition, (type, version) => types.find((each) => each.type === type && each.version === version));
      const state = newRun(plan);
      for (const event of events) fold(state, event);
      const facts = runFacts(plan, events);
      const phases = new Map<string, string>();
      let status: string | undefined;
      for (const fact of facts) {
        if (fact.type === 'run.started') phases.set(fact.trigger, 'succeeded');
        if ('node' in fact && fact.node !== undefined && fact.phase !== undefined) phases.set(fact.node, fact.phase);
        for (const change of fact.also ?? []) phases.set(change.node, change.phase);
        status = fact.status ?? status;
      }
      for (const node of plan.nodes) {
        const phase = state.root.steps[node.index]?.phase ?? '';
        if (['succeeded', 'failed', 'skipped', 'cancelled', 'asking'].includes(phase))
          expect([node.id, phases.get(node.id)]).toEqual([node.id, phase]);
      }
      expect(status).toBe(state.status);
      expect(facts.map((fact) => fact.seq)).toEqual(events.map((__, index) => index + 1));
    },
  );
});

describe('the source of facts', () => {
  const plan = aPlan({ a: 'pure' }, 'start>a');
  const noise = (count: number): RunEvent[] => [
    started(1),
    ...Array.from({ length: count - 1 }, (): RunEvent => ({ type: 'cancel.requested', at: 1, by: 'x' })),
  ];
  const seqs = (facts: readonly RunFact[] | undefined): number[] => (facts ?? []).map((fact) => fact.seq);

  function aSource(runs: Map<string, RunEvent[]>, keepFacts?: number) {
    const loads: number[] = [];
    const source = createFactSource({
      load: async (runId, from) => {
        const events = runs.get(runId);
        loads.push(from);
        return events && { plan, events: events.slice(from) };
      },
      committedSeqs: async () => new Map(),
      ...(keepFacts === undefined ? {} : { keepFacts }),
    });
    return { source, loads };
  }

  test('gives pages, reads only what is new, and knows the last sequence', async () => {
    const runs = new Map([['r', noise(10)]]);
    const { source, loads } = aSource(runs);
    expect(seqs((await source.read('r', 0, 4))?.facts)).toEqual([1, 2, 3, 4]);
    expect(seqs((await source.read('r', 4, 4))?.facts)).toEqual([5, 6, 7, 8]);
    runs.set('r', noise(12));
    const last = await source.read('r', 8, 10);
    expect([seqs(last?.facts), last?.seq]).toEqual([[9, 10, 11, 12], 12]);
    expect(loads).toEqual([0, 10]);
    expect(await source.read('none', 0, 10)).toBeUndefined();
  });

  test('reads of one run at once fold each event once', async () => {
    const { source } = aSource(new Map([['r', noise(50)]]));
    const pages = await Promise.all([source.read('r', 0, 100), source.read('r', 10, 100), source.read('r', 49, 100)]);
    expect(pages.map((page) => [page?.facts[0]?.seq, page?.seq])).toEqual([
      [1, 50],
      [11, 50],
      [50, 50],
    ]);
  });

  test('forgets runs read longest ago, and one that could not be read', async () => {
    const runs = new Map([
      ['a', noise(10)],
      ['b', noise(10)],
      ['c', noise(10)],
    ]);
    const { source, loads } = aSource(runs, 20);
    for (const id of ['a', 'b', 'c', 'c', 'a']) await source.read(id, 0, 100);
    expect(loads).toEqual([0, 0, 0, 10, 0]);
    runs.set('c', undefined as unknown as RunEvent[]);
    expect(await source.read('c', 0, 100)).toBeUndefined();
    runs.set('c', noise(3));
    expect(seqs((await source.read('c', 0, 100))?.facts)).toEqual([1, 2, 3]);
  });
});
