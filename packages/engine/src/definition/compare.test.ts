import { describe, expect, test } from 'vitest';
import { diffDefinitions } from './diff.ts';
import { aHook, aNode, aWorkflow, anEdge } from './fixtures.test-kit.ts';
import { semanticText } from './semantic-hash.ts';
import type { WorkflowDefinition } from './types.ts';

const base = aWorkflow([aHook(), aNode('a', 'core/set', { fields: { x: 1, list: [1, 2] } })], ['hook>a']);

function changedNode(change: (node: WorkflowDefinition['nodes'][number]) => WorkflowDefinition['nodes'][number]): WorkflowDefinition {
  return { ...base, nodes: base.nodes.map((node, index) => (index === 1 ? change(node) : node)) };
}

describe('semanticText', () => {
  test.each<[string, WorkflowDefinition]>([
    ['positions', changedNode((node) => ({ ...node, position: { x: 9, y: 9 } }))],
    ['notes on the canvas', { ...base, notes: [{ id: 'n', text: 'x', position: { x: 0, y: 0 } }] }],
    ['notes of a node', changedNode((node) => ({ ...node, data: { ...node.data, notes: 'x' } }))],
    [
      'defaults that are written out',
      changedNode((node) => ({
        ...node,
        data: { ...node.data, disabled: false, onError: 'fail', retry: { maxAttempts: 1 }, credentials: {} },
      })),
    ],
    [
      'the order of keys',
      changedNode((node) => ({
        data: { params: { fields: { list: [1, 2], x: 1 } }, typeVersion: 1, name: 'a' },
        position: node.position,
        type: node.type,
        id: node.id,
      })),
    ],
    ['empty lists', { ...base, groups: [], inputs: {}, outputs: {} }],
    ['default settings', { ...base, settings: { timezone: 'UTC', keepData: 'all' } }],
  ])('is the same whatever %s say', (_, other) => {
    expect(semanticText(other)).toBe(semanticText(base));
  });

  test('a collapsed group reads like an open one, the order of edges does not count', () => {
    const one = {
      ...base,
      groups: [{ id: 'g', nodes: ['a', 'hook'], collapsed: true }],
      edges: [anEdge('hook>a', 'x'), anEdge('hook>a', 'y')],
    };
    const two = { ...base, groups: [{ id: 'g', nodes: ['hook', 'a'] }], edges: [anEdge('hook>a', 'y'), anEdge('hook>a', 'x')] };
    expect(semanticText(one)).toBe(semanticText(two));
  });

  test.each<[string, WorkflowDefinition]>([
    ['a parameter', changedNode((node) => ({ ...node, data: { ...node.data, params: { fields: { x: '1' } } } }))],
    ['the order in a list', changedNode((node) => ({ ...node, data: { ...node.data, params: { fields: { x: 1, list: [2, 1] } } } }))],
    ['a name', changedNode((node) => ({ ...node, data: { ...node.data, name: 'b' } }))],
    ['a policy', changedNode((node) => ({ ...node, data: { ...node.data, onError: 'route' } }))],
    ['the order of nodes, which orders the output', { ...base, nodes: base.nodes.toReversed() }],
    ['the order of an edge', { ...base, edges: [{ ...anEdge('hook>a'), order: 2 }] }],
    ['a setting', { ...base, settings: { timeoutMs: 5 } }],
    ['the description', { ...base, description: 'x' }],
    ['what it takes', { ...base, inputs: { n: { type: 'number' } } }],
    ['what it gives', { ...base, outputs: { n: { type: 'number' } } }],
  ])('differs with %s', (_, other) => {
    expect(semanticText(other)).not.toBe(semanticText(base));
  });
});

describe('diffDefinitions', () => {
  test('equal definitions have no difference, whatever the order of keys', () => {
    expect(diffDefinitions(base, JSON.parse(JSON.stringify(base)) as WorkflowDefinition).isEqual).toBe(true);
  });

  test('names what was added, removed, changed, renamed and moved', () => {
    const after: WorkflowDefinition = {
      ...base,
      name: 'Other',
      settings: { timezone: 'UTC' },
      outputs: { n: { type: 'number' } },
      nodes: [
        { ...aHook(), position: { x: 5, y: 0 } },
        aNode('a', 'core/set', { fields: { x: 2, list: [1, 2], new: true } }, { name: 'Set', onError: 'route' }),
        aNode('c', 'core/set'),
      ],
      edges: [anEdge('a>c')],
    };
    expect(diffDefinitions(base, after)).toEqual({
      isEqual: false,
      nodes: {
        added: ['c'],
        removed: [],
        changed: [
          { id: 'hook', changes: [], isMoved: true },
          {
            id: 'a',
            renamed: { from: 'a', to: 'Set' },
            changes: [
              { path: ['data', 'params', 'fields', 'x'], before: 1, after: 2 },
              { path: ['data', 'params', 'fields', 'new'], after: true },
              { path: ['data', 'onError'], after: 'route' },
            ],
            isMoved: false,
          },
        ],
      },
      edges: { added: ['a-c'], removed: ['hook-a'], changed: [] },
      groups: { added: [], removed: [], changed: [] },
      notes: { added: [], removed: [], changed: [] },
      workflow: [
        { path: ['name'], before: 'Test', after: 'Other' },
        { path: ['outputs'], after: { n: { type: 'number' } } },
        { path: ['settings', 'timezone'], after: 'UTC' },
      ],
    });
  });

  test('a list is compared whole', () => {
    const after = changedNode((node) => ({ ...node, data: { ...node.data, params: { fields: { x: 1, list: [1, 3] } } } }));
    expect(diffDefinitions(base, after).nodes.changed[0]?.changes).toEqual([
      { path: ['data', 'params', 'fields', 'list'], before: [1, 2], after: [1, 3] },
    ]);
  });

  test('keys that name members of the prototype are compared as data', () => {
    const after = changedNode((node) => ({ ...node, data: { ...node.data, params: { ...node.data.params, constructor: { name: 'x' } } } }));
    expect(diffDefinitions(base, after).nodes.changed[0]?.changes).toEqual([
      { path: ['data', 'params', 'constructor'], after: { name: 'x' } },
    ]);
  });
});
