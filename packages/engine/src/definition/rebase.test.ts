import type { JsonObject } from '@plugboard/sdk';
import { describe, expect, test } from 'vitest';
import { toDraft } from './draft.ts';
import { aHook, aNode, aWorkflow, anEdge } from './fixtures.test-kit.ts';
import { applyOps } from './operations.ts';
import type { DraftOp } from './operations.ts';
import { rebase } from './rebase.ts';

const setUrl = (value: string, id = 'a'): DraftOp => ({ op: 'set', kind: 'node', id, path: ['data', 'params', 'url'], value });
const addNode = (id: string, params: JsonObject = {}): DraftOp => ({
  op: 'add',
  kind: 'node',
  value: aNode(id, 'core/set', params) as unknown as JsonObject,
});
const addEdge = (text: string): DraftOp => ({ op: 'add', kind: 'edge', value: anEdge(text) as unknown as JsonObject });
const removeNode = (id: string): DraftOp => ({ op: 'remove', kind: 'node', id });

describe('rebase', () => {
  test.each<[string, DraftOp, DraftOp]>([
    ['another node', setUrl('mine'), setUrl('theirs', 'b')],
    ['another field', setUrl('mine'), { op: 'set', kind: 'node', id: 'a', path: ['data', 'params', 'method'], value: 'GET' }],
    ['the same field to the same value', setUrl('same'), setUrl('same')],
    ['a field of the workflow', setUrl('mine'), { op: 'set', kind: 'workflow', path: ['name'], value: 'x' }],
    ['a new node', addNode('c'), addNode('d')],
    ['a removed node elsewhere', setUrl('mine'), removeNode('b')],
    ['an edge between others', removeNode('a'), addEdge('b>c')],
  ])('goes through when they changed %s', (_, mine, theirs) => {
    expect(rebase([mine], [theirs])).toEqual({ ok: true, ops: [mine] });
  });

  test.each<[string, DraftOp, DraftOp, object]>([
    [
      'the same field',
      setUrl('mine'),
      setUrl('theirs'),
      { kind: 'node', id: 'a', path: ['data', 'params', 'url'], mine: 'mine', theirs: 'theirs' },
    ],
    [
      'a field around mine',
      setUrl('mine'),
      { op: 'set', kind: 'node', id: 'a', path: ['data', 'params'], value: {} },
      { path: ['data', 'params', 'url'], mine: 'mine', theirs: {} },
    ],
    [
      'a field inside mine',
      { op: 'set', kind: 'node', id: 'a', path: ['data', 'params'], value: {} },
      setUrl('theirs'),
      { path: ['data', 'params', 'url'], mine: {}, theirs: 'theirs' },
    ],
    ['the field by removing it', setUrl('mine'), { op: 'set', kind: 'node', id: 'a', path: ['data', 'params', 'url'] }, { mine: 'mine' }],
    ['the node by removing it', setUrl('mine'), removeNode('a'), { id: 'a', path: [], mine: 'mine' }],
    ['a node I remove', removeNode('a'), setUrl('theirs'), { id: 'a', theirs: 'theirs' }],
    ['the edges of a node I remove', removeNode('a'), addEdge('b>a'), { kind: 'edge', id: 'b-a' }],
    ['the end of an edge I add', addEdge('b>a'), removeNode('a'), { kind: 'edge', id: 'b-a', path: ['target'], mine: 'a' }],
    ['the id I add', addNode('c', { x: 1 }), addNode('c', { x: 2 }), { id: 'c', path: [] }],
    [
      'the name I change',
      { op: 'renameNode', id: 'a', from: 'a', name: 'mine' },
      { op: 'renameNode', id: 'a', from: 'a', name: 'theirs' },
      { path: ['data', 'name'], mine: 'mine', theirs: 'theirs' },
    ],
    ['a node I rename by removing it', { op: 'renameNode', id: 'a', from: 'a', name: 'mine' }, removeNode('a'), { id: 'a', mine: 'mine' }],
    [
      'the name of the workflow',
      { op: 'set', kind: 'workflow', path: ['name'], value: 'mine' },
      { op: 'set', kind: 'workflow', path: ['name'], value: 'theirs' },
      { kind: 'workflow', id: '', mine: 'mine', theirs: 'theirs' },
    ],
  ])('gives back both values when they changed %s', (_, mine, theirs, conflict) => {
    expect(rebase([setUrl('untouched', 'z'), mine], [theirs])).toMatchObject({ ok: false, conflicts: [{ index: 1, ...conflict }] });
  });

  test.each<[string, DraftOp, DraftOp]>([
    ['removed what I remove', removeNode('a'), removeNode('a')],
    ['added what I add', addNode('c'), addNode('c')],
    ['renamed to my name', { op: 'renameNode', id: 'a', from: 'a', name: 'x' }, { op: 'renameNode', id: 'a', from: 'a', name: 'x' }],
  ])('drops what is done already: they %s', (_, mine, theirs) => {
    expect(rebase([mine], [theirs])).toEqual({ ok: true, ops: [] });
  });

  test('the last of their values is the one that counts', () => {
    expect(rebase([setUrl('mine')], [setUrl('first'), setUrl('last')])).toMatchObject({ conflicts: [{ theirs: 'last' }] });
  });

  test('a part they removed and added again can be set', () => {
    expect(rebase([setUrl('mine', 'c')], [removeNode('c'), addNode('c')])).toMatchObject({ ok: true });
  });

  test('lists every conflict', () => {
    const result = rebase([setUrl('mine'), removeNode('b')], [setUrl('theirs'), setUrl('theirs', 'b')]);
    expect(result.ok ? [] : result.conflicts.map((each) => each.index)).toEqual([0, 1]);
  });

  test('what I wrote about a node follows the new name they gave it', () => {
    const theirs: DraftOp = { op: 'renameNode', id: 'hook', from: 'hook', name: 'New' };
    const result = rebase([setUrl("={{ $('hook').item.json.url }}"), addNode('c', { x: ["={{ $('hook').item }}"] })], [theirs]);
    expect(result.ok).toBe(true);
    expect(JSON.stringify(result)).not.toContain("$('hook')");
    expect(JSON.stringify(result)).toContain("$('New')");
  });

  test('a node removed by someone takes its edges out of reach, as applied operations say', () => {
    const doc = toDraft(aWorkflow([aHook(), aNode('a', 'core/set')], ['hook>a']));
    const theirs = applyOps(doc, [removeNode('a')]);
    if (!theirs.ok) throw new Error('refused');
    const mine: DraftOp = { op: 'set', kind: 'edge', id: 'hook-a', path: ['order'], value: 2 };
    expect(rebase([mine], theirs.applied)).toMatchObject({ ok: false, conflicts: [{ kind: 'edge', id: 'hook-a' }] });
  });
});
