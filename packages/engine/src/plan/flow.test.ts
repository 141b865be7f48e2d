import { describe, expect, test } from 'vitest';
import { decide, fold, newRun, outstanding, parseDefinition, runOutput, compilePlan, validateDefinition } from '../index.ts';
import type { RunEvent } from '../run/events.ts';
import type { FlowControl, WorkflowDefinition } from '../definition/types.ts';
import { compileFlow, settleFlow } from './flow.ts';

const FACTS = { run: {}, workflow: { name: 'Orders' }, vars: { most: 3 }, now: '2026-01-01T00:00:00.000Z', zone: 'UTC' };
const settled = (control: FlowControl, json: { [key: string]: unknown } = {}) => {
  const plan = compileFlow(control);
  return plan && settleFlow(plan, [{ json: json as never }], FACTS);
};

describe('flow control', () => {
  test('is nothing where the settings have none', () => {
    expect([compileFlow(undefined), compileFlow({})]).toEqual([undefined, undefined]);
  });

  test('counts by keys that are settled from the first item of the trigger', () => {
    const control = {
      concurrency: { limit: 2, key: '={{ $json.shop.id }}' },
      throttle: { limit: 5, periodMs: 1000, key: 'shop' },
      priority: '={{ $json.isUrgent ? 10 : 0 }}',
    };
    expect(settled(control, { shop: { id: 7 }, isUrgent: true })).toEqual({
      priority: 10,
      concurrency: { limit: 2, key: '7' },
      throttle: { limit: 5, periodMs: 1000, key: 'shop' },
    });
  });

  test('a key or a priority that cannot be settled counts as none', () => {
    const control = { concurrency: { limit: 1, key: '={{ $json.shop.id }}' }, priority: '={{ $json.shop.rank }}' };
    expect(settled(control)).toEqual({ priority: 0, concurrency: { limit: 1, key: '' } });
  });

  test('keys that differ at their end only are two keys', () => {
    const keyOf = (url: string) => settled({ singleton: { key: '={{ $json.url }}' } }, { url })?.hold?.key;
    const long = 'a'.repeat(10_000);
    expect([keyOf(`${long}1`), keyOf(`${long}2`)]).toEqual([`${long}1`, `${long}2`]);
  });

  test('a priority stays within its bounds, and a text that is a number counts as one', () => {
    expect(['7', '1e9', '-1e9', 'high', ''].map((priority) => settled({ priority, concurrency: { limit: 1 } })?.priority)).toEqual([
      7, 1000, -1000, 0, 0,
    ]);
  });

  test('holds starts back by what was chosen', () => {
    expect(settled({ debounce: { delayMs: 100 } })?.hold).toEqual({ kind: 'debounce', key: '', delayMs: 100, longestMs: 1000 });
    expect(settled({ batch: { size: 10, waitMs: 50, key: 'a' } })?.hold).toEqual({ kind: 'batch', key: 'a', size: 10, waitMs: 50 });
    expect(settled({ singleton: {} })?.hold).toEqual({ kind: 'skip', key: '' });
    expect(settled({ singleton: { whenBusy: 'replace' } })?.hold).toEqual({ kind: 'replace', key: '' });
  });
});

const TYPES = [
  {
    kind: 'trigger',
    trigger: 'manual',
    type: 't/start',
    version: 1,
    title: 'Start',
    group: 'T',
    functions: ['run'],
    ports: {},
    params: {},
  },
] as const;
const findType = (type: string) => TYPES.find((one) => one.type === type) as never;
const aWorkflow = (flow: FlowControl): WorkflowDefinition => ({
  schema: 1,
  name: 'Flow',
  settings: { flow },
  nodes: [{ id: 's', type: 't/start', position: { x: 0, y: 0 }, data: { name: 'S', typeVersion: 1, params: {} } }],
  edges: [],
});

describe('flow control that makes no sense', () => {
  test('is told with all its problems at once', () => {
    const flow = {
      debounce: { delayMs: 1000, longestMs: 10, key: '={{ $json. }}' },
      singleton: { key: '={{ $("S").item.json.a }}' },
      priority: '={{ 1 + }}',
    };
    const problems = validateDefinition(aWorkflow(flow), { findType });
    const codes = JSON.stringify(problems);
    for (const code of ['FLOW_CONFLICT', 'FLOW_DEBOUNCE', 'FLOW_EXPRESSION', 'FLOW_NODE']) expect(codes).toContain(code);
  });
});

describe('a run that waits for its turn', () => {
  const plan = () => {
    const parsed = parseDefinition(aWorkflow({}));
    if (!parsed.ok) throw new Error('not a workflow');
    return compilePlan(parsed.definition, findType);
  };
  const started = {
    type: 'run.started',
    at: 1,
    semantics: 1,
    trigger: 's',
    gated: true,
    outputs: { main: { items: [{ json: { n: 1 } }] } },
  } as const;

  test('is at rest, takes in what is gathered into it, and begins with all of it', () => {
    const run = newRun(plan());
    expect(decide(run, started)).toEqual([{ type: 'suspend', waitingFor: 'turn' }]);
    expect([run.status, run.waitingFor]).toEqual(['waiting', 'turn']);
    decide(run, { type: 'run.joined', at: 2, items: [{ json: { n: 2 } }] });
    expect(decide(run, { type: 'run.admitted', at: 3 })).toEqual([{ type: 'end-run', status: 'succeeded' }]);
    expect(runOutput(run).map(({ json }) => json)).toEqual([{ n: 1 }, { n: 2 }]);
  });

  test('ends at once when it is cancelled, and its turn changes nothing any more', () => {
    const run = newRun(plan());
    for (const event of [started, { type: 'cancel.requested', at: 2, by: 'ada' }] satisfies RunEvent[]) fold(run, event);
    expect(outstanding(run)).toEqual([{ type: 'end-run', status: 'cancelled' }]);
    fold(run, { type: 'run.admitted', at: 3 });
    expect(outstanding(run)).toEqual([{ type: 'end-run', status: 'cancelled' }]);
  });

  test('that is paused meanwhile stays so when its turn comes', () => {
    const run = newRun(plan());
    for (const event of [started, { type: 'pause.requested', at: 2, by: 'ada' }] satisfies RunEvent[]) fold(run, event);
    expect(run.status).toBe('paused');
    fold(run, { type: 'run.resumed', at: 3, by: 'ada' });
    expect(run.waitingFor).toBe('turn');
  });
});
