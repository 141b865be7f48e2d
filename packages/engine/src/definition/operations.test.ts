import type { Json, JsonObject } from '@plugboard/sdk';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fromDraft, toDraft } from './draft.ts';
import type { DraftDoc } from './draft.ts';
import { aHook, aNode, aWorkflow, anEdge } from './fixtures.test-kit.ts';
import { applyOps } from './operations.ts';
import type { DraftOp } from './operations.ts';
import { parseOps } from './parse-ops.ts';
import type { WorkflowDefinition } from './types.ts';

function aDraft(): DraftDoc {
  const nodes = [
    aHook(),
    aNode('a', 'core/set', { fields: { x: "={{ $('hook').item.json }}" } }),
    aNode('b', 'core/set', { fields: { y: "={{ $('a').item.json + $('hook').item.json }}" } }),
  ];
  return toDraft(
    aWorkflow(nodes, ['hook>a', 'a>b'], {
      groups: [{ id: 'g', nodes: ['a', 'b'] }],
      notes: [{ id: 'n', text: 'hi', position: { x: 0, y: 0 } }],
    }),
    5,
  );
}

function apply(doc: DraftDoc, ...ops: DraftOp[]): DraftDoc {
  const result = applyOps(doc, ops);
  if (!result.ok) throw new Error(JSON.stringify(result.problems));
  return result.doc;
}

function problemsOf(...ops: DraftOp[]): string[] {
  const result = applyOps(aDraft(), ops);
  return result.ok ? [] : result.problems.map((each) => `${each.code} ${each.path}`);
}

/** Applies, undoes, and compares everything but the revision. */
function expectUndone(doc: DraftDoc, ops: readonly DraftOp[]): void {
  const done = applyOps(doc, ops);
  if (!done.ok) return;
  const undone = applyOps(done.doc, done.inverse);
  expect(undone).toMatchObject({ ok: true });
  if (undone.ok) expect({ ...undone.doc, rev: doc.rev }).toEqual(doc);
}

function asValue(part: object): JsonObject {
  return part as JsonObject;
}

describe('drafts', () => {
  test('a definition goes into a draft and back unchanged, its order included', () => {
    const definition = aWorkflow(
      [aNode('z', 'core/set'), aNode('a', 'core/set'), aNode('10', 'core/set'), aNode('2', 'core/set')],
      ['z>a', 'a>10', '10>2'],
      {
        description: 'd',
        groups: [{ id: 'g', nodes: ['z'], collapsed: true }],
        notes: [{ id: 'n', text: 't', position: { x: 1, y: 2 } }],
        inputs: { a: 1 },
        outputs: { b: 1 },
        settings: { timezone: 'UTC' },
      },
    );
    expect(fromDraft(toDraft(definition))).toEqual(definition);
  });

  test('ids that name members of the object prototype are ordinary', () => {
    const definition = aWorkflow([aNode('constructor', 'core/set'), aNode('toString', 'core/set')], ['constructor>toString']);
    const doc = toDraft(definition);
    expect(fromDraft(doc)).toEqual(definition);
    expect(problemsOf({ op: 'remove', kind: 'node', id: 'hasOwnProperty' })).toEqual(['OP_TARGET_MISSING ops[0]']);
  });
});

describe('applyOps', () => {
  test('adds a part last, and says its rank', () => {
    const result = applyOps(aDraft(), [{ op: 'add', kind: 'node', value: asValue(aNode('c', 'core/set')) }]);
    expect(result).toMatchObject({
      ok: true,
      applied: [{ op: 'add', value: { id: 'c', rank: 3 } }],
      inverse: [{ op: 'remove', kind: 'node', id: 'c' }],
    });
    expect(result.ok && fromDraft(result.doc).nodes.map((node) => node.id)).toEqual(['hook', 'a', 'b', 'c']);
  });

  test('counts one revision per batch, and none for an empty one', () => {
    expect(
      apply(
        aDraft(),
        { op: 'set', kind: 'workflow', path: ['name'], value: 'x' },
        { op: 'set', kind: 'workflow', path: ['name'], value: 'y' },
      ),
    ).toMatchObject({ rev: 6, name: 'y' });
    expect(apply(aDraft()).rev).toBe(5);
  });

  test('never changes the draft it is given', () => {
    const doc = aDraft();
    const before = JSON.stringify(doc);
    apply(
      doc,
      { op: 'remove', kind: 'node', id: 'a' },
      { op: 'set', kind: 'node', id: 'b', path: ['data', 'params', 'fields', 'y'], value: 1 },
      { op: 'renameNode', id: 'hook', from: 'hook', name: 'Hook' },
    );
    expect(JSON.stringify(doc)).toBe(before);
  });

  test('a removed node takes its edges with it and leaves its groups; undoing brings all back', () => {
    const result = applyOps(aDraft(), [{ op: 'remove', kind: 'node', id: 'a' }]);
    if (!result.ok) throw new Error('refused');
    expect(Object.keys(result.doc.edges)).toEqual([]);
    expect(result.doc.groups['g']?.nodes).toEqual(['b']);
    expect(result.applied.map((op) => `${op.op} ${'id' in op ? op.id : ''}`)).toEqual(['remove hook-a', 'remove a-b', 'set g', 'remove a']);
    expectUndone(aDraft(), [{ op: 'remove', kind: 'node', id: 'a' }]);
  });

  test('what was applied, applied again to the old draft, gives the same draft', () => {
    const ops: DraftOp[] = [
      { op: 'remove', kind: 'node', id: 'a' },
      { op: 'add', kind: 'node', value: asValue(aNode('c', 'core/set')) },
      { op: 'renameNode', id: 'hook', from: 'hook', name: 'H' },
    ];
    const result = applyOps(aDraft(), ops);
    if (!result.ok) throw new Error('refused');
    expect(apply(aDraft(), ...result.applied)).toEqual(result.doc);
  });

  test('sets a field, makes objects on the way, and undoes both', () => {
    const ops: DraftOp[] = [{ op: 'set', kind: 'node', id: 'a', path: ['data', 'retry', 'maxAttempts'], value: 3 }];
    const result = applyOps(aDraft(), ops);
    expect(result).toMatchObject({
      ok: true,
      inverse: [{ op: 'set', kind: 'node', id: 'a', path: ['data', 'retry'], expect: { value: { maxAttempts: 3 } } }],
    });
    expect(result.ok && result.doc.nodes['a']?.data.retry).toEqual({ maxAttempts: 3 });
    expectUndone(aDraft(), ops);
  });

  test('removes a field when no value is given', () => {
    const doc = apply(aDraft(), { op: 'set', kind: 'node', id: 'a', path: ['data', 'params', 'fields'] });
    expect(doc.nodes['a']?.data.params).toEqual({});
  });

  test('setting the value that is there does nothing', () => {
    expect(applyOps(aDraft(), [{ op: 'set', kind: 'workflow', path: ['name'], value: 'Test' }])).toMatchObject({
      applied: [],
      inverse: [],
    });
  });

  test.each<[string, DraftOp, string]>([
    ['a node that exists', { op: 'add', kind: 'node', value: asValue(aNode('a', 'core/set')) }, 'OP_TARGET_EXISTS ops[0]'],
    [
      'a node whose name is taken',
      { op: 'add', kind: 'node', value: asValue(aNode('c', 'core/set', {}, { name: 'a' })) },
      'NODE_NAME_DUPLICATE ops[0].value.data.name',
    ],
    ['a node that is none', { op: 'add', kind: 'node', value: { id: 'c', type: 'core/set' } }, 'FIELD_MISSING ops[0].value.data'],
    ['an edge without ends', { op: 'add', kind: 'edge', value: { id: 'e', source: 'a' } }, 'FIELD_MISSING ops[0].value.target'],
    ['removing what is gone', { op: 'remove', kind: 'edge', id: 'gone' }, 'OP_TARGET_MISSING ops[0]'],
    ['setting in what is gone', { op: 'set', kind: 'note', id: 'gone', path: ['text'], value: '' }, 'OP_TARGET_MISSING ops[0]'],
    ['an empty path', { op: 'set', kind: 'node', id: 'a', path: [], value: 1 }, 'OP_PATH_INVALID ops[0]'],
    ['the id', { op: 'set', kind: 'node', id: 'a', path: ['id'], value: 'z' }, 'OP_PATH_INVALID ops[0]'],
    ['the name', { op: 'set', kind: 'node', id: 'a', path: ['data', 'name'], value: 'z' }, 'OP_PATH_INVALID ops[0]'],
    [
      'all data at once',
      { op: 'set', kind: 'node', id: 'a', path: ['data'], value: { name: 'z', typeVersion: 1 } },
      'OP_PATH_INVALID ops[0]',
    ],
    ['a field that does not exist', { op: 'set', kind: 'node', id: 'a', path: ['data', 'color'], value: 'red' }, 'OP_PATH_INVALID ops[0]'],
    ['a required field to nothing', { op: 'set', kind: 'node', id: 'a', path: ['type'] }, 'FIELD_MISSING ops[0].value'],
    ['a position to nothing', { op: 'set', kind: 'node', id: 'a', path: ['position'] }, 'OP_PATH_INVALID ops[0]'],
    ['a policy to nonsense', { op: 'set', kind: 'node', id: 'a', path: ['data', 'onError'], value: 'ignore' }, 'FIELD_VALUE ops[0].value'],
    [
      'a part of a value to nonsense',
      { op: 'set', kind: 'node', id: 'a', path: ['data', 'retry'], value: { maxAttempts: 0 } },
      'NUMBER_RANGE ops[0].value.maxAttempts',
    ],
    ['inside a list', { op: 'set', kind: 'group', id: 'g', path: ['nodes', '0'], value: 'b' }, 'OP_PATH_INVALID ops[0]'],
    ['inside a text', { op: 'set', kind: 'node', id: 'a', path: ['type', 'x'], value: 'b' }, 'OP_PATH_INVALID ops[0]'],
    ['the prototype', { op: 'set', kind: 'node', id: 'a', path: ['__proto__', 'polluted'], value: true }, 'OP_PATH_INVALID ops[0]'],
    [
      'the prototype in params',
      { op: 'set', kind: 'node', id: 'a', path: ['data', 'params', '__proto__'], value: {} },
      'OP_PATH_INVALID ops[0]',
    ],
    [
      'a value with __proto__',
      { op: 'set', kind: 'node', id: 'a', path: ['data', 'params', 'x'], value: JSON.parse('{"__proto__":{"polluted":true}}') as Json },
      'KEY_FORBIDDEN ops[0].value.__proto__',
    ],
    ['a rank that is no number', { op: 'set', kind: 'node', id: 'a', path: ['rank'], value: 'first' }, 'OP_PATH_INVALID ops[0]'],
    ['the nodes through the workflow', { op: 'set', kind: 'workflow', path: ['nodes', 'a'], value: {} }, 'OP_PATH_INVALID ops[0]'],
    ['the revision', { op: 'set', kind: 'workflow', path: ['rev'], value: 1 }, 'OP_PATH_INVALID ops[0]'],
    ['the name of the workflow to nothing', { op: 'set', kind: 'workflow', path: ['name'] }, 'FIELD_MISSING ops[0].value'],
    ['a setting to nonsense', { op: 'set', kind: 'workflow', path: ['settings', 'keepData'], value: 'x' }, 'FIELD_VALUE ops[0].value'],
    [
      'a value that changed',
      { op: 'set', kind: 'workflow', path: ['name'], value: 'x', expect: { value: 'other' } },
      'OP_FIELD_CHANGED ops[0]',
    ],
    ['a value that appeared', { op: 'set', kind: 'workflow', path: ['name'], value: 'x', expect: {} }, 'OP_FIELD_CHANGED ops[0]'],
    ['renaming what is gone', { op: 'renameNode', id: 'gone', from: 'x', name: 'y' }, 'OP_TARGET_MISSING ops[0]'],
    ['renaming from an old name', { op: 'renameNode', id: 'a', from: 'old', name: 'y' }, 'OP_FIELD_CHANGED ops[0]'],
    ['renaming to a taken name', { op: 'renameNode', id: 'a', from: 'a', name: 'b' }, 'NODE_NAME_DUPLICATE ops[0].name'],
    ['renaming to nothing', { op: 'renameNode', id: 'a', from: 'a', name: ' ' }, 'TEXT_EMPTY ops[0].name'],
  ])('refuses %s', (_, op, expected) => {
    expect(problemsOf(op)).toEqual([expected]);
    expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false);
  });

  test('applies all or nothing, and lists every problem', () => {
    expect(
      problemsOf(
        { op: 'set', kind: 'workflow', path: ['name'], value: 'x' },
        { op: 'remove', kind: 'node', id: 'p' },
        { op: 'remove', kind: 'node', id: 'q' },
      ),
    ).toEqual(['OP_TARGET_MISSING ops[1]', 'OP_TARGET_MISSING ops[2]']);
  });

  test('own keys named like members of the prototype can be set', () => {
    const doc = apply(aDraft(), { op: 'set', kind: 'node', id: 'a', path: ['data', 'params', 'constructor', 'name'], value: 'x' });
    expect(doc.nodes['a']?.data.params['constructor']).toEqual({ name: 'x' });
  });

  test('a renamed node keeps its references, in every parameter', () => {
    const doc = apply(aDraft(), { op: 'renameNode', id: 'hook', from: 'hook', name: "The 'hook'" });
    expect(doc.nodes['hook']?.data.name).toBe("The 'hook'");
    expect(JSON.stringify([doc.nodes['a']?.data.params, doc.nodes['b']?.data.params])).not.toContain("$('hook')");
    expect(JSON.stringify(doc.nodes['b']?.data.params)).toContain("$('a')");
    expectUndone(aDraft(), [{ op: 'renameNode', id: 'hook', from: 'hook', name: "The 'hook'" }]);
  });

  test('undoing a rename restores expressions that named the new name before', () => {
    const dangling = apply(aDraft(), {
      op: 'set',
      kind: 'node',
      id: 'b',
      path: ['data', 'params', 'fields', 'z'],
      value: "={{ $('New').item }}",
    });
    expectUndone(dangling, [{ op: 'renameNode', id: 'hook', from: 'hook', name: 'New' }]);
  });

  test('undo does not overwrite what someone else wrote since', () => {
    const path = ['data', 'params', 'fields', 'x'];
    const mine = applyOps(aDraft(), [{ op: 'set', kind: 'node', id: 'a', path, value: 1 }]);
    if (!mine.ok) throw new Error('refused');
    const theirs = apply(mine.doc, { op: 'set', kind: 'node', id: 'a', path, value: 2 });
    expect(applyOps(theirs, mine.inverse)).toMatchObject({
      ok: false,
      problems: [{ code: 'OP_FIELD_CHANGED', params: { expected: '1', found: '2' } }],
    });
  });

  test('undo restores any draft after any operations that apply', () => {
    const nodeIds = fc.constantFrom('hook', 'a', 'b', 'c', 'd');
    const names = fc.constantFrom('hook', 'a', 'b', 'New', 'Other');
    const value = fc.oneof(
      fc.jsonValue() as fc.Arbitrary<Json>,
      names.map((name) => `={{ $('${name}').item.json }}`),
    );
    const path = fc.oneof(
      fc.constantFrom<string[]>(
        ['type'],
        ['rank'],
        ['position', 'x'],
        ['data', 'onError'],
        ['data', 'retry', 'maxAttempts'],
        ['data', 'retry'],
        ['data', 'params'],
      ),
      fc
        .array(fc.constantFrom('fields', 'x', 'y', 'deep', 'constructor'), { minLength: 1, maxLength: 4 })
        .map((keys) => ['data', 'params', ...keys]),
    );
    const op: fc.Arbitrary<DraftOp> = fc.oneof(
      nodeIds.map((id): DraftOp => ({ op: 'remove', kind: 'node', id })),
      fc
        .tuple(nodeIds, names, value)
        .map(([id, name, x]): DraftOp => ({ op: 'add', kind: 'node', value: asValue(aNode(id, 'core/set', { x }, { name })) })),
      fc.tuple(nodeIds, nodeIds).map(([from, to]): DraftOp => ({ op: 'add', kind: 'edge', value: asValue(anEdge(`${from}>${to}`)) })),
      fc.tuple(nodeIds, nodeIds).map(([from, to]): DraftOp => ({ op: 'remove', kind: 'edge', id: `${from}-${to}` })),
      fc
        .tuple(nodeIds, path, fc.option(value, { nil: undefined }))
        .map(([id, keys, x]): DraftOp => ({ op: 'set', kind: 'node', id, path: keys, value: x })),
      fc.tuple(nodeIds, names, names).map(([id, from, name]): DraftOp => ({ op: 'renameNode', id, from, name })),
      fc.constantFrom<DraftOp>(
        { op: 'set', kind: 'group', id: 'g', path: ['nodes'], value: ['a'] },
        { op: 'remove', kind: 'group', id: 'g' },
        { op: 'set', kind: 'workflow', path: ['settings', 'timezone'], value: 'UTC' },
        { op: 'set', kind: 'workflow', path: ['description'], value: 'd' },
      ),
    );
    fc.assert(
      fc.property(fc.array(op, { maxLength: 12 }), (ops) => {
        let doc = aDraft();
        // Operations that do not apply are left out, so that long batches occur.
        const batch: DraftOp[] = [];
        for (const each of ops) {
          const result = applyOps(doc, [each]);
          if (!result.ok) continue;
          doc = result.doc;
          batch.push(each);
          expect(toDraft(fromDraft(doc), doc.rev).nodes).toEqual(
            Object.fromEntries(fromDraft(doc).nodes.map((node, rank) => [node.id, { ...node, rank }])),
          );
        }
        expectUndone(aDraft(), batch);
      }),
      { numRuns: 300 },
    );
  });
});

describe('parseOps', () => {
  test('reads every operation', () => {
    const ops: DraftOp[] = [
      { op: 'add', kind: 'node', value: asValue(aNode('c', 'core/set')) },
      { op: 'remove', kind: 'edge', id: 'e' },
      { op: 'set', kind: 'node', id: 'a', path: ['data', 'onError'], value: 'route', expect: {} },
      { op: 'set', kind: 'node', id: 'a', path: ['data', 'onError'] },
      { op: 'set', kind: 'workflow', path: ['settings', 'timezone'], value: null, expect: { value: 'UTC' } },
      { op: 'renameNode', id: 'a', from: 'a', name: 'b', keepReferences: true },
    ];
    expect(parseOps(JSON.parse(JSON.stringify(ops)))).toEqual({ ok: true, ops });
  });

  test.each<[string, unknown, string[]]>([
    ['no list', {}, ['OP_INVALID ops']],
    ['no object', [1], ['OP_INVALID ops[0]']],
    ['an unknown operation', [{ op: 'move' }], ['OP_INVALID ops[0].op']],
    ['a member of the prototype', [{ op: 'constructor' }], ['OP_INVALID ops[0].op']],
    ['an unknown kind', [{ op: 'remove', kind: 'pin', id: 'a' }], ['FIELD_VALUE ops[0].kind']],
    ['no path', [{ op: 'set', kind: 'node', id: 'a' }], ['FIELD_MISSING ops[0].path']],
    ['a path of numbers', [{ op: 'set', kind: 'node', id: 'a', path: [1] }], ['FIELD_TYPE ops[0].path[0]']],
    [
      'a value with __proto__',
      [{ op: 'set', kind: 'node', id: 'a', path: ['data'], value: JSON.parse('{"__proto__":1}') as unknown }],
      ['KEY_FORBIDDEN ops[0].value.__proto__'],
    ],
    [
      'two bad ones',
      [
        { op: 'remove', kind: 'node' },
        { op: 'renameNode', id: 'a', from: 'a', name: '' },
      ],
      ['FIELD_MISSING ops[0].id', 'TEXT_EMPTY ops[1].name'],
    ],
    ['too many', Array.from({ length: 10_001 }, () => 1), ['LIST_TOO_LONG ops']],
  ])('refuses %s', (_, input, expected) => {
    const result = parseOps(input);
    expect(result.ok ? [] : result.problems.map((each) => `${each.code} ${each.path}`)).toEqual(expected);
  });

  test('never throws, and what it reads can be applied or is refused', () => {
    const anOp = fc.record(
      {
        op: fc.constantFrom('add', 'remove', 'set', 'renameNode'),
        kind: fc.constantFrom('node', 'workflow', 'edge', 1),
        id: fc.constantFrom('a', 'hook', '__proto__', 1),
        path: fc.array(fc.constantFrom('data', 'params', '__proto__', 'x')),
        value: fc.anything(),
        from: fc.anything(),
        name: fc.anything(),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(fc.oneof(fc.anything(), fc.array(anOp)), (input) => {
        const result = parseOps(input);
        if (result.ok) expect(typeof applyOps(aDraft(), result.ops).ok).toBe('boolean');
      }),
      { numRuns: 300 },
    );
  });
});

test('a draft of a hundred nodes takes a batch that touches them all', () => {
  const definition: WorkflowDefinition = aWorkflow(Array.from({ length: 100 }, (_, index) => aNode(`n${index}`, 'core/set')));
  const ops = definition.nodes.map((node): DraftOp => ({ op: 'set', kind: 'node', id: node.id, path: ['position', 'x'], value: 7 }));
  expect(Object.values(apply(toDraft(definition), ...ops).nodes).every((node) => node.position.x === 7)).toBe(true);
});
