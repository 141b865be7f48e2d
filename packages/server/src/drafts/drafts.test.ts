/** Drafts that several people change at once: merged, or refused whole with both values; caught up with, undone, held. */
import { type DraftDoc, type DraftOp, type WorkflowDefinition, applyOps, fromDraft } from '@plugboard/engine';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Answer, type ApiKit, type TestCaller, openApiKit } from '../operation/api.test-kit.ts';
import { type Change, createExecute } from '../operation/execute.ts';
import { draftOperations } from './draft-operations.ts';
import { docOf, storedOf } from './draft-state.ts';

let kit: ApiKit;
let ann: TestCaller;
let bob: TestCaller;
let viewer: TestCaller;
let count = 0;

beforeAll(async () => {
  kit = await openApiKit();
  [ann, bob, viewer] = await Promise.all([
    kit.person('editor', { name: 'Ann' }),
    kit.person('editor', { name: 'Bob' }),
    kit.person('viewer', { name: 'Vic' }),
  ]);
});
afterAll(() => kit.close());

const node = (id: string, fields: object = {}): object => ({
  id,
  type: 'core/set',
  position: { x: 0, y: 0 },
  data: { name: id, typeVersion: 1, params: { fields } },
});

async function aWorkflow(...nodes: object[]): Promise<string> {
  count += 1;
  const definition = { schema: 1, name: `Drawn ${count}`, nodes, edges: [], settings: {} };
  const made = await kit.rest(ann, 'POST', '/workflows', { name: definition.name });
  const saved = await kit.rest(ann, 'PUT', `/workflows/${made.json.id}/draft`, { expectedRev: 1, definition });
  expect(saved.status, saved.text).toBe(200);
  return made.json.id as string;
}

const add = (id: string, fields: object = {}): DraftOp => ({ op: 'add', kind: 'node', value: node(id, fields) as never });
const edge = (source: string, target: string): DraftOp => ({
  op: 'add',
  kind: 'edge',
  value: { id: `${source}-${target}`, source, sourceHandle: 'main', target, targetHandle: 'main' },
});
const setField = (id: string, field: string, value: unknown): DraftOp => ({
  op: 'set',
  kind: 'node',
  id,
  path: ['data', 'params', 'fields', field],
  value: value as never,
});
const apply = (
  by: TestCaller,
  workflowId: string,
  clientId: string,
  clientSeq: number,
  baseRev: number,
  ...ops: unknown[]
): Promise<Answer> => kit.rest(by, 'POST', `/workflows/${workflowId}/draft/changes`, { baseRev, clientId, clientSeq, ops });
const take = (by: TestCaller, act: 'undo' | 'redo', workflowId: string, clientId: string, clientSeq: number): Promise<Answer> =>
  kit.rest(by, 'POST', `/workflows/${workflowId}/draft/${act}`, { clientId, clientSeq });
const draft = async (workflowId: string): Promise<{ rev: number; definition: WorkflowDefinition; ranks?: never }> =>
  (await kit.rest(viewer, 'GET', `/workflows/${workflowId}/draft`)).json;
const fieldsOf = async (workflowId: string, id: string): Promise<unknown> =>
  (await draft(workflowId)).definition.nodes.find((one) => one.id === id)?.data.params['fields'];

describe('changes of a draft', () => {
  test('to other fields are merged, and the answer says what others did', async () => {
    const id = await aWorkflow(node('a'));
    const first = await apply(ann, id, 'ann', 1, 2, setField('a', 'x', 1));
    expect([first.status, first.json.rev], first.text).toEqual([200, 3]);
    const second = await apply(bob, id, 'bob', 1, 2, setField('a', 'y', 2), add('b'));
    expect(second.json).toMatchObject({
      rev: 4,
      isComplete: true,
      changes: [
        { rev: 3, by: { name: 'Ann' }, ops: [{ op: 'set' }] },
        { rev: 4, by: { name: 'Bob' }, clientId: 'bob', ops: [{ op: 'set' }, { op: 'add', value: { id: 'b', rank: 1 } }] },
      ],
    });
    expect(await fieldsOf(id, 'a')).toEqual({ x: 1, y: 2 });
  });

  test('to one field at once: one is taken, the other is refused whole with both values and whose they are', async () => {
    const id = await aWorkflow(node('a'));
    const answers = await Promise.all([
      apply(ann, id, 'ann', 1, 2, setField('a', 'x', 'Ann’s')),
      apply(bob, id, 'bob', 1, 2, setField('a', 'x', 'Bob’s'), add('fromBob')),
    ]);
    expect(answers.map((one) => one.status).toSorted((a, b) => a - b)).toEqual([200, 409]);
    const lost = answers.findIndex((one) => one.status === 409);
    const [mine, theirs] = lost === 0 ? ['Ann’s', 'Bob’s'] : ['Bob’s', 'Ann’s'];
    expect(answers[lost]?.json.error).toMatchObject({
      code: 'DRAFT_CONFLICT',
      rev: 3,
      conflicts: [
        { op: 0, kind: 'node', id: 'a', field: ['data', 'params', 'fields', 'x'], mine, theirs, by: { name: theirs.slice(0, 3) } },
      ],
    });
    expect(await fieldsOf(id, 'a')).toEqual({ x: theirs });
    // Decided: the refused batch sent again on the newer revision, under a new number.
    const again = await apply(lost === 0 ? ann : bob, id, lost === 0 ? 'ann' : 'bob', 2, 3, setField('a', 'x', mine));
    expect(again.status, again.text).toBe(200);
    expect(await fieldsOf(id, 'a')).toEqual({ x: mine });
  });

  test('sent again do nothing twice, also when they come at once, and another batch under the number is refused', async () => {
    const id = await aWorkflow(node('a'));
    const answers = await Promise.all(Array.from({ length: 4 }, () => apply(ann, id, 'ann', 1, 2, add('once'))));
    expect(answers.map((one) => [one.status, one.json.appliedRev])).toEqual(Array.from({ length: 4 }, () => [200, 3]));
    expect(answers.filter((one) => one.json.isReplay)).toHaveLength(3);
    expect((await apply(ann, id, 'ann', 1, 2, add('other'))).json.error).toMatchObject({ code: 'KEY_REUSED', path: 'input.clientSeq' });
    expect((await apply(bob, id, 'ann', 1, 2, add('once'))).json.error.code).toBe('KEY_REUSED');
    await apply(ann, id, 'ann', 3, 3, add('third'));
    expect((await apply(ann, id, 'ann', 2, 3, add('late'))).json.error).toMatchObject({ code: 'CONFLICT', lastClientSeq: 3 });
    expect((await draft(id)).definition.nodes.map((one) => one.id)).toEqual(['a', 'once', 'third']);
  });

  test('a client that does not wait for answers is not in its own way', async () => {
    const id = await aWorkflow(node('a'));
    expect((await apply(ann, id, 'ann', 1, 2, setField('a', 'x', 1))).status).toBe(200);
    const next = await apply(ann, id, 'ann', 2, 2, setField('a', 'x', 2));
    expect([next.status, next.json.rev], next.text).toEqual([200, 4]);
    expect(await fieldsOf(id, 'a')).toEqual({ x: 2 });
  });

  test('a renamed node takes the expressions along, those that others are writing too', async () => {
    const id = await aWorkflow(node('a'), node('b', { from: "={{ $('a').item.json.x }}" }));
    await apply(ann, id, 'ann', 1, 2, { op: 'renameNode', id: 'a', from: 'a', name: 'Orders' });
    await apply(bob, id, 'bob', 1, 2, setField('b', 'other', "={{ $('a').item.json.y }}"));
    expect(await fieldsOf(id, 'b')).toEqual({ from: "={{ $('Orders').item.json.x }}", other: "={{ $('Orders').item.json.y }}" });
  });

  test('to what somebody removed are refused', async () => {
    const id = await aWorkflow(node('a'), node('b'));
    await apply(ann, id, 'ann', 1, 2, { op: 'remove', kind: 'node', id: 'a' });
    expect((await apply(bob, id, 'bob', 1, 2, setField('a', 'x', 1))).json.error).toMatchObject({
      code: 'DRAFT_CONFLICT',
      conflicts: [{ kind: 'node', id: 'a', field: [], mine: 1 }],
    });
    expect((await apply(bob, id, 'bob', 2, 2, add('c'), edge('a', 'c'))).json.error.conflicts).toMatchObject([
      { op: 1, kind: 'edge', field: ['source'] },
    ]);
    expect((await apply(bob, id, 'bob', 3, 3, setField('a', 'x', 1))).json.error).toMatchObject({
      code: 'OPS_INVALID',
      problems: [{ code: 'OP_TARGET_MISSING', path: 'ops[0]', nodeId: 'a' }],
    });
  });

  test.each<[string, (id: string) => Promise<Answer>, number, string]>([
    ['a revision that is not there yet', (id) => apply(ann, id, 'x', 1, 99, add('b')), 409, 'DRAFT_OUTDATED'],
    ['a revision below zero', (id) => apply(ann, id, 'x', 1, -1, add('b')), 422, 'INPUT_INVALID'],
    ['a revision that is text', (id) => apply(ann, id, 'x', 1, '2' as never, add('b')), 422, 'INPUT_INVALID'],
    ['a number that no database holds', (id) => apply(ann, id, 'x', 2 ** 40, 2, add('b')), 422, 'INPUT_INVALID'],
    ['an operation nobody knows', (id) => apply(ann, id, 'x', 1, 2, { op: 'grow' }), 422, 'OPS_INVALID'],
    ['an operation with a field nobody knows', (id) => apply(ann, id, 'x', 1, 2, { ...add('b'), force: true }), 200, ''],
    ['a text where an operation belongs', (id) => apply(ann, id, 'x', 1, 2, 'add'), 422, 'OPS_INVALID'],
    [
      'a node without what a node needs',
      (id) => apply(ann, id, 'x', 1, 2, { op: 'add', kind: 'node', value: { id: 'b' } }),
      422,
      'OPS_INVALID',
    ],
    [
      'the name of a node that is there',
      (id) => apply(ann, id, 'x', 1, 2, { ...add('b'), value: { ...node('b'), data: { name: 'a', typeVersion: 1, params: {} } } }),
      422,
      'OPS_INVALID',
    ],
    [
      'a path to a prototype',
      (id) =>
        apply(ann, id, 'x', 1, 2, {
          op: 'set',
          kind: 'node',
          id: 'a',
          path: ['data', 'params', 'constructor', '__proto__', 'x'],
          value: 1,
        }),
      422,
      'OPS_INVALID',
    ],
    [
      'a part named like a member of the prototype',
      (id) => apply(ann, id, 'x', 1, 2, { op: 'remove', kind: 'node', id: 'hasOwnProperty' }),
      422,
      'OPS_INVALID',
    ],
    [
      'the id of a node',
      (id) => apply(ann, id, 'x', 1, 2, { op: 'set', kind: 'node', id: 'a', path: ['id'], value: 'b' }),
      422,
      'OPS_INVALID',
    ],
    [
      'more operations than a batch holds',
      (id) => apply(ann, id, 'x', 1, 2, ...Array.from({ length: 2001 }, () => 1)),
      422,
      'INPUT_INVALID',
    ],
    ['a client without a name', (id) => apply(ann, id, '', 1, 2, add('b')), 422, 'INPUT_INVALID'],
  ])('with %s are answered with what is wrong', async (_, send, status, code) => {
    const id = await aWorkflow(node('a'));
    const answer = await send(id);
    expect([answer.status, answer.json.error?.code ?? ''], answer.text.slice(0, 500)).toEqual([status, code]);
    if (status !== 200) expect((await draft(id)).rev).toBe(2);
  });

  test('stop where a draft would hold too much text; getting smaller is always possible', async () => {
    const id = await aWorkflow(node('a'));
    expect((await apply(ann, id, 'ann', 1, 2, setField('a', 'one', 'x'.repeat(700_000)))).status).toBe(200);
    const more = await apply(ann, id, 'ann', 2, 3, setField('a', 'two', 'x'.repeat(700_000)));
    expect(more.json.error).toMatchObject({ code: 'DEFINITION_INVALID', problems: [{ code: 'DEFINITION_TOO_LARGE' }] });
    expect((await apply(ann, id, 'ann', 2, 3, setField('a', 'one', 'x'))).status).toBe(200);
  });

  test('take a name only where it is free', async () => {
    const id = await aWorkflow(node('a'));
    await kit.rest(ann, 'POST', '/workflows', { name: 'Owned name' });
    const taken = await apply(ann, id, 'ann', 1, 2, { op: 'set', kind: 'workflow', path: ['name'], value: 'Owned name' });
    expect([taken.status, taken.json.error.code]).toEqual([409, 'NAME_TAKEN']);
    await apply(ann, id, 'ann', 1, 2, { op: 'set', kind: 'workflow', path: ['name'], value: `Free name ${count}` });
    expect((await kit.rest(ann, 'GET', `/workflows/${id}`)).json.name).toBe(`Free name ${count}`);
  });

  test('two that take each other’s names at once do not break: one gives way', async () => {
    const [one, two] = [await aWorkflow(node('a')), await aWorkflow(node('a'))];
    const names = await Promise.all([one, two].map(async (id) => (await draft(id)).definition.name));
    const rename = (id: string, value: string | undefined) =>
      apply(ann, id, 'ann', 1, 2, { op: 'set', kind: 'workflow', path: ['name'], value });
    const answers = await Promise.all([rename(one, names[1]), rename(two, names[0])]);
    for (const answer of answers) expect([200, 409], answer.text).toContain(answer.status);
  });

  test('are told to pages with their revision, and a sign of life is not', async () => {
    const id = await aWorkflow(node('a'));
    const heard: Change[] = [];
    const execute = createExecute(kit.database.database, (change) => heard.push(change));
    const caller = await ann.caller();
    await execute(kit.registry.get('draft.apply'), { workflowId: id, baseRev: 2, clientId: 'c', clientSeq: 1, ops: [add('b')] }, caller);
    for (let n = 0; n < 3; n++) await execute(kit.registry.get('draft.hold'), { workflowId: id }, caller);
    const told = { workspaceId: kit.workspace.id, kind: 'workflow', id };
    expect(heard).toEqual([{ ...told, rev: 3 }, told]);
  });

  test('are for editors, and the audit log names an hour of editing once', async () => {
    const id = await aWorkflow(node('a'));
    expect((await apply(viewer, id, 'v', 1, 2, add('b'))).json.error.code).toBe('FORBIDDEN');
    await apply(bob, id, 'bob', 1, 2, add('b'));
    await apply(bob, id, 'bob', 2, 3, add('c'));
    const rows = await kit.database.database.query('select from audit where action = $1 and resource_id = $2', ['draft.apply', id]);
    expect(rows).toHaveLength(1);
  });

  test('come too fast at last, and the answer says when to come again', async () => {
    const id = await aWorkflow(node('a'));
    const clock = { now: 0 };
    const one = draftOperations({ definitions: undefined as never, monotonicMs: () => clock.now }).find(
      (each) => each.name === 'draft.apply',
    )!;
    const caller = await ann.caller();
    const send = (): Promise<unknown> =>
      kit
        .execute(one, { workflowId: id, baseRev: 2, clientId: 'c', clientSeq: 1, ops: ['wrong'] }, caller)
        .catch((error: unknown) => error);
    const answers = [];
    for (let n = 0; n < 101; n++) answers.push(await send());
    expect(answers.at(99)).toMatchObject({ code: 'OPS_INVALID' });
    expect(answers.at(100)).toMatchObject({ code: 'TOO_MANY_REQUESTS', details: { params: { retryAfterSeconds: 1 } } });
    clock.now += 1000;
    expect(await send()).toMatchObject({ code: 'OPS_INVALID' });
    // A large one counts as many.
    clock.now += 60_000;
    const large = { workflowId: id, baseRev: 2, clientId: 'c', clientSeq: 1, ops: ['x'.repeat(3_000_000)] };
    const codes = [];
    for (let n = 0; n < 3; n++)
      codes.push(await kit.execute(one, large, caller).catch((error: unknown) => (error as { code: string }).code));
    expect(codes).toEqual(['OPS_INVALID', 'OPS_INVALID', 'TOO_MANY_REQUESTS']);
  });
});

describe('catching up', () => {
  test('gives every change after a revision, page by page, an import and a restored version included', async () => {
    const id = await aWorkflow(node('a'));
    await apply(ann, id, 'ann', 1, 2, add('b'));
    await apply(bob, id, 'bob', 1, 3, add('c'));
    const { definition } = await draft(id);
    const replaced = { ...definition, nodes: definition.nodes.filter((one) => one.id !== 'b') };
    await kit.rest(ann, 'PUT', `/workflows/${id}/draft`, { expectedRev: 4, definition: replaced });
    const page = (rev: number, first = 2) => kit.rest(viewer, 'GET', `/workflows/${id}/draft/changes?rev=${rev}&first=${first}`);
    const one = (await page(2)).json;
    expect([one.changes.map((change: { rev: number }) => change.rev), one.hasMore, one.isComplete]).toEqual([[3, 4], true, true]);
    const two = (await page(4)).json;
    expect(two).toMatchObject({
      rev: 5,
      hasMore: false,
      isComplete: true,
      changes: [{ rev: 5, ops: [{ op: 'remove', kind: 'node', id: 'b' }] }],
    });
    expect((await page(5)).json).toMatchObject({ changes: [], isComplete: true });
    expect((await page(9)).json).toMatchObject({ changes: [], isComplete: false });
    // From the one before everything, too.
    const all = (await page(1, 100)).json.changes as { ops: DraftOp[] }[];
    const start = docOf({ definition: { schema: 1, name: definition.name, nodes: [], edges: [], settings: {} }, rev: 1 });
    expect(fromDraft(fold(start, all))).toEqual((await draft(id)).definition);
  });

  test('a draft saved whole on an old revision is refused with the difference, and nothing is lost', async () => {
    const id = await aWorkflow(node('a'));
    const { definition } = await draft(id);
    await apply(bob, id, 'bob', 1, 2, add('b'));
    const stale = await kit.rest(ann, 'PUT', `/workflows/${id}/draft`, { expectedRev: 2, definition });
    expect(stale.json.error).toMatchObject({
      code: 'CONFLICT',
      rev: 3,
      expectedRev: 2,
      diff: { isEqual: false, nodes: { removed: ['b'] } },
    });
    expect((await draft(id)).definition.nodes).toHaveLength(2);
  });
});

describe('undo', () => {
  test('takes one’s own last change back and leaves what others did', async () => {
    const id = await aWorkflow(node('a', { x: 'old' }));
    await apply(ann, id, 'ann', 1, 2, setField('a', 'x', 'Ann’s'));
    await apply(bob, id, 'bob', 1, 3, setField('a', 'y', 'Bob’s'));
    const undone = await take(ann, 'undo', id, 'ann', 2);
    expect([undone.status, undone.json.skipped], undone.text).toEqual([200, []]);
    expect(await fieldsOf(id, 'a')).toEqual({ x: 'old', y: 'Bob’s' });
    const redone = await take(ann, 'redo', id, 'ann', 3);
    expect(redone.json.changes).toMatchObject([{ act: 'redo' }]);
    expect(await fieldsOf(id, 'a')).toEqual({ x: 'Ann’s', y: 'Bob’s' });
    expect((await take(bob, 'undo', id, 'bob', 2)).status).toBe(200);
    expect(await fieldsOf(id, 'a')).toEqual({ x: 'Ann’s' });
  });

  test('leaves a field that somebody changed since, and says so', async () => {
    const id = await aWorkflow(node('a', { x: 'old' }));
    await apply(ann, id, 'ann', 1, 2, setField('a', 'x', 'Ann’s'), add('b'));
    await apply(bob, id, 'bob', 1, 3, setField('a', 'x', 'Bob’s'));
    const undone = await take(ann, 'undo', id, 'ann', 2);
    expect(undone.json.skipped).toMatchObject([{ kind: 'node', id: 'a', mine: 'old', theirs: 'Bob’s' }]);
    expect((await draft(id)).definition.nodes.map((one) => one.id)).toEqual(['a']);
    expect(await fieldsOf(id, 'a')).toEqual({ x: 'Bob’s' });
  });

  test('does not take a node away that somebody else works on, nor bring edges without ends', async () => {
    const id = await aWorkflow(node('a'), node('z'));
    await apply(ann, id, 'ann', 1, 2, add('b'));
    await apply(bob, id, 'bob', 1, 3, setField('b', 'x', 1));
    expect((await take(ann, 'undo', id, 'ann', 2)).json.skipped).toMatchObject([{ kind: 'node', id: 'b' }]);
    await apply(ann, id, 'ann', 3, 5, edge('a', 'z'));
    await apply(ann, id, 'ann', 4, 6, { op: 'remove', kind: 'edge', id: 'a-z' });
    await apply(bob, id, 'bob', 2, 7, { op: 'remove', kind: 'node', id: 'z' });
    expect((await take(ann, 'undo', id, 'ann', 5)).json.skipped).toMatchObject([{ kind: 'edge', id: 'a-z', field: ['target'] }]);
    expect((await draft(id)).definition.edges).toEqual([]);
  });

  test('goes back step by step and forward again; a new change ends what could be redone', async () => {
    const id = await aWorkflow(node('a'));
    for (let n = 1; n <= 3; n++) await apply(ann, id, 'ann', n, n + 1, setField('a', 'x', n));
    const acts = [];
    for (const [n, act] of (['undo', 'undo', 'redo', 'undo', 'undo'] as const).entries()) {
      expect((await take(ann, act, id, 'ann', 4 + n)).status).toBe(200);
      acts.push(((await fieldsOf(id, 'a')) as { x?: number }).x ?? null);
    }
    expect(acts).toEqual([2, 1, 2, 1, null]);
    expect((await kit.rest(ann, 'GET', `/workflows/${id}/draft`)).json).toMatchObject({ canUndo: true, canRedo: true });
    const now = await draft(id);
    await apply(ann, id, 'ann', 10, now.rev, setField('a', 'y', 1));
    expect((await take(ann, 'redo', id, 'ann', 11)).json.error.code).toBe('NOTHING_TO_UNDO');
    expect((await take(bob, 'undo', id, 'bob', 1)).json.error.code).toBe('NOTHING_TO_UNDO');
  });

  test('sent again is one undo', async () => {
    const id = await aWorkflow(node('a'));
    await apply(ann, id, 'ann', 1, 2, setField('a', 'x', 1));
    await apply(ann, id, 'ann', 2, 3, setField('a', 'x', 2));
    const answers = await Promise.all([take(ann, 'undo', id, 'ann', 3), take(ann, 'undo', id, 'ann', 3)]);
    expect(answers.map((one) => [one.status, one.json.appliedRev])).toEqual([
      [200, 5],
      [200, 5],
    ]);
    expect(await fieldsOf(id, 'a')).toEqual({ x: 1 });
  });
});

describe('S0-055: one person edits at a time', () => {
  test('a second one reads, is told who and until when, asks, and gets it when there is no answer', async () => {
    const id = await aWorkflow(node('a'));
    const hold = (by: TestCaller, body: object = {}) => kit.rest(by, 'POST', `/workflows/${id}/draft/hold`, body);
    expect((await hold(ann)).json).toMatchObject({ isMine: true, holder: { name: 'Ann' } });
    expect((await hold(bob)).json).toMatchObject({ isMine: false, holder: { name: 'Ann' } });
    const refused = await apply(bob, id, 'bob', 1, 2, add('b'));
    expect([refused.status, refused.json.error]).toMatchObject([409, { code: 'DRAFT_HELD', holder: { name: 'Ann' } }]);
    expect(
      (await kit.rest(bob, 'PUT', `/workflows/${id}/draft`, { expectedRev: 2, definition: (await draft(id)).definition })).json.error.code,
    ).toBe('DRAFT_HELD');
    expect((await apply(ann, id, 'ann', 1, 2, add('byAnn'))).status).toBe(200);

    expect((await hold(bob, { ask: true })).json.mineAt).toBeTypeOf('string');
    expect((await kit.rest(viewer, 'GET', `/workflows/${id}/draft`)).json.holder).toMatchObject({
      person: { name: 'Ann' },
      askedBy: { name: 'Bob' },
    });
    expect((await hold(ann)).json.isMine).toBe(true);
    expect((await hold(bob, { ask: true })).json.isMine).toBe(false);
    await kit.database.database.query(`update draft set asked_at = now() - interval '31 s' where workflow_id = $1`, [id]);
    expect((await hold(bob, { ask: true })).json).toMatchObject({ isMine: true, holder: { name: 'Bob' } });
    expect((await apply(ann, id, 'ann', 2, 3, add('late'))).json.error).toMatchObject({ code: 'DRAFT_HELD', holder: { name: 'Bob' } });
    // What was sent before is still answered.
    expect((await apply(ann, id, 'ann', 1, 2, add('byAnn'))).json).toMatchObject({ isReplay: true, appliedRev: 3 });
    expect((await kit.rest(bob, 'POST', `/workflows/${id}/draft/release`)).status).toBe(200);
    expect((await apply(ann, id, 'ann', 2, 3, add('late'))).status).toBe(200);
  });

  test('an admin takes it at once, an editor may not, and a lease that ran out holds nobody', async () => {
    const id = await aWorkflow(node('a'));
    const admin = await kit.person('admin', { name: 'Ada' });
    const hold = (by: TestCaller, body: object = {}) => kit.rest(by, 'POST', `/workflows/${id}/draft/hold`, body);
    await hold(ann);
    const takeOver = (by: TestCaller) => kit.rest(by, 'POST', `/workflows/${id}/draft/take-over`);
    expect((await takeOver(bob)).json.error.code).toBe('FORBIDDEN');
    expect((await hold(viewer)).json.error.code).toBe('FORBIDDEN');
    expect((await takeOver(admin)).json).toMatchObject({ isMine: true, holder: { name: 'Ada' } });
    await kit.database.database.query(`update draft set holder_until = now() where workflow_id = $1`, [id]);
    expect((await hold(bob)).json.isMine).toBe(true);
    const taken = await kit.database.database.query('select from audit where action = $1 and resource_id = $2', ['draft.takeOver', id]);
    expect(taken).toHaveLength(1);
  });
});

describe('pins', () => {
  test('fix data to a node of a draft, for whoever may read run data; versions and exports are without', async () => {
    const id = await aWorkflow(node('a'));
    const at = `/workflows/${id}/pins`;
    const set = (nodeId: string, body: object, by = ann) => kit.rest(by, 'PUT', `${at}/${nodeId}`, body);
    const items = [{ json: { customer: 'PINNED CANARY' } }];
    expect((await set('a', { items, source: { run: 'r' } })).status).toBe(200);
    expect((await kit.rest(viewer, 'GET', at)).json.rows).toMatchObject([{ nodeId: 'a', source: { run: 'r' }, by: { name: 'Ann' } }]);
    expect((await kit.rest(viewer, 'GET', `${at}/a`)).json.error.code).toBe('FORBIDDEN');
    expect((await kit.rest(bob, 'GET', `${at}/a`)).json).toEqual({ items });
    expect((await set('a', { items: [] })).status).toBe(200);
    expect((await kit.rest(bob, 'GET', `${at}/a`)).json).toEqual({ items: [] });
    expect((await set('b', { items })).json.error).toMatchObject({ code: 'INPUT_INVALID', path: 'input.nodeId' });
    expect((await set('a', { items, fileId: crypto.randomUUID() })).json.error.code).toBe('INPUT_INVALID');
    expect((await set('a', { fileId: crypto.randomUUID() })).status).toBe(404);
    expect((await set('a', { items }, viewer)).json.error.code).toBe('FORBIDDEN');
    await set('a', { items });
    const { name } = (await kit.rest(ann, 'GET', `/workflows/${id}`)).json;
    expect((await kit.rest(ann, 'GET', `/workflows/${encodeURIComponent(name)}/export`)).text).not.toContain('CANARY');
    expect((await kit.rest(ann, 'DELETE', `${at}/a`)).status).toBe(200);
    expect((await kit.rest(bob, 'GET', `${at}/a`)).status).toBe(404);
    const body = JSON.stringify(items);
    const uploaded = await fetch(`${kit.url}/api/files?name=sample.json`, {
      method: 'POST',
      headers: { ...ann.headers, 'content-type': 'application/json' },
      body,
    });
    const { files } = (await uploaded.json()) as { files: { id: string }[] };
    expect((await set('a', { fileId: files[0]?.id })).status).toBe(200);
    expect((await kit.rest(bob, 'GET', `${at}/a`)).json).toEqual({ items });
  });
});

describe('any interleaving', () => {
  test('converges: what every client sees is what is stored, and no accepted change is lost', async () => {
    for (const seed of [1, 2]) await interleave(seed);
  });
});

/** Three clients with a random mind each: changes, late answers, repetitions, undo. */
async function interleave(seed: number): Promise<void> {
  const random = randomOf(seed);
  const pick = <Value>(from: readonly Value[]): Value => from.at(Math.floor(random() * from.length)) as Value;
  const people = await Promise.all(['P', 'Q', 'R'].map((name) => kit.person('editor', { name })));
  const id = await aWorkflow(node('a'), node('b'), node('c'));
  const first = docOf(await draft(id));
  const clients = people.map((by, n) => ({ by, name: `client ${n}`, seq: 0, doc: first }));
  /** Fields that were accepted: key, value, revision. */
  const accepted: { readonly field: string; readonly rev: number; readonly value: number }[] = [];
  let values = 0;

  const turn = async (client: (typeof clients)[number]): Promise<void> => {
    client.seq += 1;
    const ids = Object.keys(client.doc.nodes);
    const what = random();
    if (what < 0.12) {
      const answer = await take(client.by, 'undo', id, client.name, client.seq);
      expect([200, 409]).toContain(answer.status);
      await catchUp(client);
      return;
    }
    values += 1;
    const value = values;
    const field = pick(['x', 'y', 'z']);
    const target = pick(ids.length > 0 ? ids : ['a']);
    const ops: DraftOp[] =
      what < 0.6
        ? [setField(target, field, value)]
        : what < 0.75
          ? [add(`n${value}`)]
          : what < 0.85 && ids.length > 2
            ? [{ op: 'remove', kind: 'node', id: target }]
            : [edge(target, pick(ids.length > 0 ? ids : ['a']))];
    const send = (): Promise<Answer> => apply(client.by, id, client.name, client.seq, client.doc.rev, ...ops);
    const answer = await send();
    expect([200, 409, 422], answer.text).toContain(answer.status);
    if (random() < 0.3) {
      const again = await send();
      expect(again.status).toBe(answer.status);
    }
    if (answer.status === 200) {
      if (what < 0.6) accepted.push({ field: `${target} ${field}`, rev: answer.json.appliedRev, value });
      client.doc = fold(client.doc, answer.json.changes);
      expect(client.doc.rev).toBe(answer.json.rev);
    } else if (random() < 0.7) await catchUp(client);
  };
  const catchUp = async (client: (typeof clients)[number]): Promise<void> => {
    const { json } = await kit.rest(client.by, 'GET', `/workflows/${id}/draft/changes?rev=${client.doc.rev}&first=1000`);
    expect(json.isComplete).toBe(true);
    client.doc = fold(client.doc, json.changes);
  };

  await Promise.all(
    clients.map(async (client) => {
      for (let n = 0; n < 12; n++) await turn(client);
    }),
  );
  await Promise.all(clients.map(catchUp));
  const stored = await draft(id);
  for (const { doc } of clients) {
    expect(doc).toEqual(docOf(stored));
    expect(storedOf(doc).definition).toEqual(stored.definition);
  }
  // Each accepted value was there at its revision: played from the start, the history shows it.
  const { json: history } = await kit.rest(viewer, 'GET', `/workflows/${id}/draft/changes?rev=2&first=1000`);
  let doc = first;
  const seen = new Map<number, DraftDoc>();
  for (const change of history.changes as { rev: number; ops: DraftOp[] }[]) {
    doc = fold(doc, [change]);
    seen.set(change.rev, doc);
  }
  for (const { field, rev, value } of accepted) {
    const [at, name] = field.split(' ') as [string, string];
    const fields = seen.get(rev)?.nodes[at]?.data.params['fields'] as { readonly [name: string]: number } | undefined;
    expect(fields?.[name], `seed ${seed}: ${field} at ${rev}`).toBe(value);
  }
}

/** What an editor does with changes it is told. */
function fold(doc: DraftDoc, changes: readonly { readonly ops: readonly DraftOp[]; readonly rev?: number }[]): DraftDoc {
  let current = doc;
  for (const change of changes) {
    const result = applyOps(current, change.ops);
    if (!result.ok) throw new Error(JSON.stringify(result.problems));
    current = { ...result.doc, rev: change.rev ?? current.rev + 1 };
  }
  return current;
}

function randomOf(seed: number): () => number {
  let state = seed * 2_654_435_761;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
