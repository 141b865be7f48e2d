import type { WorkflowDefinition } from '@plugboard/engine';
import type { TypeIR } from '@plugboard/sdk';
import { describe, expect, test } from 'vitest';
import type { RunFact } from '../api/types.ts';
import { foldFacts, NEW_RUN } from '../run/run-live.ts';
import { drawingOf } from './board-model.ts';
import { cableStates, loopRounds, pinnedStates, plateStates, restingState } from './board-state.ts';

const CATALOG: readonly TypeIR[] = [
  {
    kind: 'trigger',
    trigger: 'webhook',
    type: 'core/webhook',
    version: 1,
    title: 'Webhook',
    group: 'Triggers',
    params: { path: { kind: 'text' } },
    functions: [],
    ports: {},
  },
  {
    kind: 'node',
    type: 'core/if',
    version: 1,
    title: 'If',
    group: 'Flow',
    per: 'item',
    params: { conditions: { kind: 'conditions' } },
    functions: ['run'],
    effects: 'none',
    ports: { outputs: [{ id: 'true' }, { id: 'false' }] },
  },
  {
    kind: 'node',
    type: 'core/http-request',
    version: 1,
    title: 'HTTP request',
    group: 'Network',
    per: 'item',
    params: { mode: { kind: 'choice', options: [{ value: 'a', title: 'Mode A' }] }, method: { kind: 'text' }, url: { kind: 'text' } },
    functions: ['run'],
    effects: { by: 'method', cases: { GET: 'read' }, else: 'write' },
    ports: {},
  },
];

const at = { x: 0, y: 0 };
const DEFINITION: WorkflowDefinition = {
  schema: 1,
  name: 'Orders',
  nodes: [
    { id: 'hook', type: 'core/webhook', position: at, data: { name: 'Order comes', typeVersion: 1, params: { path: 'orders/:id' } } },
    {
      id: 'if',
      type: 'core/if',
      position: at,
      data: { name: 'Large?', typeVersion: 1, params: { conditions: { all: [{ left: '={{ $json.total }}', op: 'gt', right: 5000 }] } } },
    },
    {
      id: 'post',
      type: 'core/http-request',
      position: at,
      data: {
        name: 'Post',
        typeVersion: 1,
        params: { mode: 'a', method: 'POST', url: 'https://ledger.example/v1/entries' },
        onError: 'route',
      },
    },
    {
      id: 'other',
      type: 'core/http-request',
      position: at,
      data: { name: 'Fetch', typeVersion: 1, params: { method: 'GET', url: 'https://ledger.example/' } },
    },
    { id: 'gone', type: 'acme/thing', position: at, data: { name: 'Thing', typeVersion: 3, params: {} } },
  ],
  edges: [
    { id: 'a', source: 'hook', sourceHandle: 'main', target: 'if', targetHandle: 'main' },
    { id: 'b', source: 'if', sourceHandle: 'true', target: 'post', targetHandle: 'main' },
    { id: 'c', source: 'if', sourceHandle: 'false', target: 'other', targetHandle: 'main' },
    { id: 'd', source: 'post', sourceHandle: 'main', target: 'gone', targetHandle: 'in' },
    { id: 'e', source: 'other', sourceHandle: 'main', target: 'gone', targetHandle: 'in' },
  ],
  settings: {},
};
const drawing = drawingOf(DEFINITION, CATALOG);
const node = (id: string) => {
  const found = drawing.nodes.find((one) => one.id === id);
  if (!found) throw new Error(`no ${id}`);
  return found;
};

describe('the drawing of a workflow', () => {
  test('a plate tells its configuration, not its type', () => {
    expect(node('hook').line).toBe('orders/:id');
    expect(node('if').line).toBe('total over 5000');
    expect(node('post').line).toBe('POST /v1/entries');
    expect(node('other').line).toBe('GET ledger.example');
  });

  test('the literal that decides the effect decides whether it writes', () => {
    expect(node('post').writes).toBe(true);
    expect(node('other').writes).toBe(false);
  });

  test('routed errors get the lowest output', () => {
    expect(node('post').outputs).toEqual(['main', 'error']);
  });

  test('a type that is not installed keeps the sockets its cables need', () => {
    expect(node('gone')).toMatchObject({ isMissing: true, inputs: ['in'], outputs: [] });
    expect(restingState(node('gone')).caption).toBe('Find a plugin');
  });
});

const time = (ms: number): string => new Date(Date.parse('2026-11-20T14:00:00Z') + ms).toISOString();
const START: readonly RunFact[] = [
  { seq: 1, at: time(0), type: 'run.started', trigger: 'hook', items: 2, status: 'running' },
  {
    seq: 2,
    at: time(5),
    type: 'step.finished',
    node: 'if',
    phase: 'succeeded',
    startedAt: time(1),
    out: { true: 2, false: 0 },
    also: [{ node: 'other', phase: 'skipped', because: 'empty' }],
  },
  { seq: 3, at: time(6), type: 'step.started', node: 'post', phase: 'active', attempt: 1, items: 2 },
];
const at3 = foldFacts(NEW_RUN, START);

describe('a run on the board', () => {
  test('cables carry what went through them, a branch without items is thin', () => {
    const cables = cableStates(at3, drawing.edges);
    expect(cables.get('a')).toEqual({ tone: 'ok', count: 2 });
    expect(cables.get('b')).toEqual({ tone: 'run', count: 2 });
    expect(cables.get('c')).toEqual({ tone: 'skip' });
  });

  test('a node that waits for a branch says so', () => {
    expect(plateStates(at3, drawing.nodes, drawing.edges).get('gone')).toMatchObject({ look: 'wait', caption: 'Waits for 1 branch' });
  });

  test('a failed step names code and item, and cuts its cable', () => {
    const failed = foldFacts(at3, [
      {
        seq: 4,
        at: time(9),
        type: 'step.failed',
        node: 'post',
        phase: 'failed',
        attempt: 1,
        error: { code: 'HTTP_503', message: 'x', item: 1 },
      },
    ]);
    expect(plateStates(failed, drawing.nodes, drawing.edges).get('post')).toMatchObject({
      look: 'fail',
      lamp: 'failed',
      caption: '503 on item 2 of 2',
    });
    expect(cableStates(failed, drawing.edges).get('d')).toEqual({ tone: 'cut' });
  });

  test('why a step was not taken is told by its source', () => {
    expect(plateStates(at3, drawing.nodes, drawing.edges).get('other')?.caption).toBe('Not taken: no items from Large?');
  });
});

test('a round of a loop stands as badly as the worst of its steps', () => {
  const ended = (seq: number, node: string, path: number[], phase: 'succeeded' | 'failed'): RunFact => ({
    seq,
    at: new Date(seq).toISOString(),
    type: 'step.finished',
    node,
    phase,
    path,
    startedAt: new Date(seq).toISOString(),
    out: {},
  });
  const run = foldFacts(NEW_RUN, [
    ended(1, 'find', [0], 'succeeded'),
    ended(2, 'send', [0], 'succeeded'),
    ended(3, 'find', [1], 'succeeded'),
    ended(4, 'send', [1], 'failed'),
  ]);
  const rounds = loopRounds(run, [{ id: 'each', nodes: ['find', 'send'], depth: 1 }]);
  expect(rounds.get('each')).toEqual([
    { key: '0', how: 'succeeded' },
    { key: '1', how: 'failed' },
  ]);
});

test('a draft shows which of its nodes have data fixed to them', () => {
  const drawn = drawingOf(DEFINITION, CATALOG);
  const states = pinnedStates(drawn.nodes, new Set(['post']));
  expect([states.get('post')?.lamp, states.get('if')?.lamp]).toEqual(['pinned', undefined]);
});
