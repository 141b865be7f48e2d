import type { JsonObject } from '@plugboard/sdk';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fromDraft, toDraft } from './draft.ts';
import { aNode, aWorkflow } from './fixtures.test-kit.ts';
import { applyOps } from './operations.ts';
import type { DraftOp } from './operations.ts';
import { opsBetween } from './ops-between.ts';
import type { WorkflowDefinition } from './types.ts';
import { applyUntouched } from './untouched.ts';

const someFields = () => fc.option(fc.constantFrom<JsonObject>({}, { a: { b: 1 } }, { a: 1 }), { nil: undefined });

/** Small workflows that share ids and names, so that pairs of them differ in every way. */
const anyWorkflow: fc.Arbitrary<WorkflowDefinition> = fc
  .record({
    nodes: fc.uniqueArray(
      fc.record({
        id: fc.constantFrom('a', 'b', 'c', 'd'),
        name: fc.constantFrom('One', 'Two', 'Three', 'Four'),
        x: fc.integer({ min: 0, max: 2 }),
        type: fc.constantFrom('core/set', 'core/no-op'),
      }),
      { selector: (node) => node.id, maxLength: 4 },
    ),
    edges: fc.uniqueArray(fc.tuple(fc.constantFrom('a', 'b', 'c'), fc.constantFrom('b', 'c', 'd')), {
      selector: (pair) => pair.join('>'),
      maxLength: 4,
    }),
    grouped: fc.subarray(['a', 'b', 'c', 'd']),
    note: fc.option(fc.constantFrom('hi', 'ho'), { nil: undefined }),
    description: fc.option(fc.constantFrom('', 'd'), { nil: undefined }),
    timezone: fc.option(fc.constantFrom('UTC', 'Asia/Kolkata'), { nil: undefined }),
    inputs: someFields(),
    outputs: someFields(),
  })
  .map(({ nodes, edges, grouped, note, description, timezone, inputs, outputs }) => {
    const named = nodes.filter((node, index) => nodes.findIndex((other) => other.name === node.name) === index);
    const ids = new Set<string>(named.map((node) => node.id));
    return aWorkflow(
      named.map(({ id, name, x, type }) => {
        const base = aNode(id, type, x === 0 ? {} : { fields: { x, from: `={{ $('${name}').item }}` } });
        return { ...base, position: { x, y: 0 }, data: { ...base.data, name } };
      }),
      edges.filter(([from, to]) => from !== to && ids.has(from) && ids.has(to)).map((pair) => pair.join('>')),
      {
        ...(grouped.length > 0 ? { groups: [{ id: 'g', nodes: grouped.filter((id) => ids.has(id)) }] } : {}),
        ...(note === undefined ? {} : { notes: [{ id: 'n', text: note, position: { x: 0, y: 0 } }] }),
        ...(description === undefined ? {} : { description }),
        ...(inputs === undefined ? {} : { inputs }),
        ...(outputs === undefined ? {} : { outputs }),
        settings: timezone === undefined ? {} : { timezone },
      },
    );
  });

describe('opsBetween', () => {
  test('leads from any workflow to any other, and its inverse back', () => {
    fc.assert(
      fc.property(anyWorkflow, anyWorkflow, (before, after) => {
        const doc = toDraft(before, 3);
        const ops = opsBetween(doc, after);
        const result = applyOps(doc, ops);
        expect(result).toMatchObject({ ok: true });
        if (!result.ok) return;
        expect(fromDraft(result.doc)).toEqual(after);
        const back = applyOps(result.doc, result.inverse);
        expect(back.ok && fromDraft(back.doc)).toEqual(before);
      }),
      { numRuns: 400, seed: 11 },
    );
  });

  test('is nothing between equal ones, and one field where one differs', () => {
    const before = aWorkflow([aNode('a', 'core/set', { fields: { x: 1 } }), aNode('b', 'core/set')], ['a>b']);
    expect(opsBetween(toDraft(before), before)).toEqual([]);
    const after = { ...before, nodes: [aNode('a', 'core/set', { fields: { x: 2 } }), ...before.nodes.slice(1)] };
    expect(opsBetween(toDraft(before), after)).toEqual([
      { op: 'set', kind: 'node', id: 'a', path: ['data', 'params', 'fields', 'x'], value: 2 },
    ]);
  });
});

describe('applyUntouched', () => {
  const start = toDraft(aWorkflow([aNode('a', 'core/set', { fields: { x: 'old' } }), aNode('b', 'core/set')], ['a>b']));
  const set = (id: string, value: string): DraftOp => ({ op: 'set', kind: 'node', id, path: ['data', 'params', 'fields', 'x'], value });
  const after = (...batches: readonly (readonly DraftOp[])[]) => {
    let doc = start;
    const done = batches.map((ops) => {
      const result = applyOps(doc, ops);
      if (!result.ok) throw new Error(JSON.stringify(result.problems));
      doc = result.doc;
      return result;
    });
    return { doc, done };
  };

  test('takes a change back and what others did stays', () => {
    const { doc, done } = after([set('a', 'mine')], [set('b', 'theirs')]);
    const result = applyUntouched(doc, done[0]?.inverse ?? [], done[1]?.applied ?? []);
    expect(result.skipped).toEqual([]);
    expect(result.doc.nodes['a']?.data.params).toEqual({ fields: { x: 'old' } });
    expect(result.doc.nodes['b']?.data.params).toEqual({ fields: { x: 'theirs' } });
  });

  test('skips what others changed, and names both values', () => {
    const { doc, done } = after([set('a', 'mine')], [set('a', 'theirs')]);
    const result = applyUntouched(doc, done[0]?.inverse ?? [], done[1]?.applied ?? []);
    expect(result).toMatchObject({ applied: [], skipped: [{ kind: 'node', id: 'a', mine: 'old', theirs: 'theirs' }] });
    expect(result.doc).toEqual(doc);
  });

  test('brings a removed node back under the names that others gave meanwhile', () => {
    const { doc, done } = after(
      [set('b', "={{ $('a').item.json.x }}")],
      [{ op: 'remove', kind: 'node', id: 'b' }],
      [{ op: 'renameNode', id: 'a', from: 'a', name: 'Orders' }],
    );
    const result = applyUntouched(doc, done[1]?.inverse ?? [], done[2]?.applied ?? []);
    expect(result.doc.nodes['b']?.data.params).toEqual({ fields: { x: "={{ $('Orders').item.json.x }}" } });
    expect(Object.keys(result.doc.edges)).toEqual(['a-b']);
  });
});
