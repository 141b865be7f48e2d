import { describe, expect, test } from 'vitest';
import { type NodeSpec, aDefinition, findType } from '../../test/run-kit.ts';
import { compilePlan } from '../plan/plan.ts';
import type { WorkflowTest } from './types.ts';
import { validateDefinition } from './validate.ts';

function problemsOf(nodes: { readonly [id: string]: NodeSpec }, edges: string, tests: readonly WorkflowTest[] = []): string[] {
  const definition = { ...aDefinition({ start: 'trigger', ...nodes }, edges), tests };
  return validateDefinition(definition, { findType }).map(({ code, severity, path }) => `${severity} ${code} ${path}`);
}

const PAIR = { a: 'write', u: 'write' } as const;

describe('what undoes a step', () => {
  test('hangs on its port "undo", whatever its type', () => {
    expect(problemsOf(PAIR, 'start>a a.undo>u')).toEqual([]);
    expect(problemsOf({ ...PAIR, v: 'pure', w: 'write' }, 'start>a a.undo>u a.undo>v u>w v>w')).toEqual([]);
  });

  test('is joined by nothing of the ordinary flow, nor by what undoes another step', () => {
    expect(problemsOf({ ...PAIR, b: 'pure' }, 'start>a a.undo>u a>b b>u')).toEqual(['error UNDO_JOINED edges[3]']);
    expect(problemsOf({ ...PAIR, b: 'write' }, 'start>a start>b a.undo>u b.undo>u')).toEqual(['error UNDO_JOINED edges[3]']);
    expect(problemsOf({ ...PAIR, b: 'pure' }, 'start>a a>b a.undo>u u>b')).toEqual(['error UNDO_JOINED edges[1]']);
  });

  test('undoes no step of a loop, and none that undoes another', () => {
    expect(problemsOf({ l: 'loop', ...PAIR }, 'start>l l.body>a a.undo>u a>l.next')).toEqual(['error UNDO_IN_LOOP edges[2]']);
    expect(problemsOf({ ...PAIR, v: 'write' }, 'start>a a.undo>u u.undo>v')).toEqual(['error UNDO_IN_UNDO edges[2]']);
  });

  test('of a step that changes nothing is pointless', () => {
    expect(problemsOf({ a: 'pure', u: 'write' }, 'start>a a.undo>u')).toEqual(['warning UNDO_NOTHING edges[1]']);
  });

  test('is no way out of a trigger, nor back to what it undoes', () => {
    expect(problemsOf({ u: 'write' }, 'start.undo>u')).toEqual(['error EDGE_PORT_MISSING edges[0].sourceHandle']);
    expect(problemsOf(PAIR, 'start>a a.undo>u u>a')).toContain('error CYCLE nodes[1]');
  });

  test('is told from a port that a type names so itself', () => {
    const own = (name: string) => (name === 'pure' ? { ...findType(name), ports: { outputs: [{ id: 'undo' }] } } : findType(name));
    const plan = compilePlan(aDefinition({ start: 'trigger', a: 'pure', u: 'pure' }, 'start>a a.undo>u'), own as typeof findType);
    expect(plan.byId.get('a')).toMatchObject({ undo: undefined, outgoing: [{ port: 'undo' }] });
  });
});

describe('a plan', () => {
  test('keeps what undoes a step apart from the nodes that run and end a workflow', () => {
    const plan = compilePlan(aDefinition({ start: 'trigger', ...PAIR, v: 'write' }, 'start>a a.undo>u u>v'), findType);
    expect(plan.rootNodes.map((index) => plan.nodes[index]?.id)).toEqual(['start', 'a']);
    expect(plan.ends.map((index) => plan.nodes[index]?.id)).toEqual(['a']);
    expect(plan.nodes.map((node) => node.undoes)).toEqual([undefined, undefined, 1, 1]);
  });

  test('leaves out edges that would keep what undoes a step waiting', () => {
    const plan = compilePlan(aDefinition({ start: 'trigger', ...PAIR, b: 'write' }, 'start>a start>b a.undo>u b.undo>u b>u'), findType);
    expect(plan.byId.get('u')?.incoming.map((edge) => plan.nodes[edge.from]?.id)).toEqual(['a']);
    expect(plan.byId.get('b')?.undo).toBeUndefined();
  });
});

describe('a test of a workflow', () => {
  const anExpectation = (node: string) => ({ node, items: [] });

  test('that names a node which is gone is warned of', () => {
    const tests: WorkflowTest[] = [
      { id: 't', name: 'Pays', trigger: 'start', input: [], pins: { a: { main: [] } }, expect: [anExpectation('a')] },
      {
        id: 'old',
        name: 'Old',
        trigger: 'gone',
        input: [],
        pins: { left: { main: [] } },
        expect: [anExpectation('a'), anExpectation('b')],
      },
    ];
    expect(problemsOf({ a: 'pure' }, 'start>a', tests)).toEqual([
      'warning TEST_NODE_MISSING tests[1].trigger',
      'warning TEST_NODE_MISSING tests[1].pins.left',
      'warning TEST_NODE_MISSING tests[1].expect[1].node',
    ]);
  });
});
