import type { WorkflowDefinition } from '@plugboard/engine';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { peopleKit } from '../test/people-kit.ts';
import type { PeopleKit } from '../test/people-kit.ts';
import type { TestDatabase } from '../test/test-database.ts';
import { createTestDatabase } from '../test/test-database.ts';
import { appendDraftOps, deleteOldDraftOps, draftOpsSince, findDraftHolder, holdDraft, releaseDraft } from './draft-ops.ts';
import type { AppendDraftOps } from './draft-ops.ts';
import { createFile, reserveBlob } from './files.ts';
import type { WorkspaceTransaction } from './in-workspace.ts';
import { listPins, removePin, setPin } from './pins.ts';
import { createWorkflow, getDraft, saveDraft } from './workflows.ts';

let db: TestDatabase;
let kit: PeopleKit;
let home: { workspaceId: string; projectId: string; ownerId: string };
beforeAll(async () => {
  db = await createTestDatabase();
  kit = peopleKit(db.database);
  home = await kit.workspace('home');
});
afterAll(() => db.close());

const inHome = <Result>(use: (tx: WorkspaceTransaction) => Promise<Result>): Promise<Result> =>
  kit.as({ workspaceId: home.workspaceId, principalId: home.ownerId }, use);
const aDefinition = (name: string, description = ''): WorkflowDefinition => ({
  schema: 1,
  name,
  description,
  nodes: [],
  edges: [],
  settings: {},
});

async function aWorkflow(name: string): Promise<string> {
  const result = await inHome((tx) => createWorkflow(tx, { projectId: home.projectId, definition: aDefinition(name), semanticHash: name }));
  if (result.kind !== 'created') throw new Error(result.kind);
  return result.workflow.id;
}

const aBatch = (workflowId: string, name: string, change: Partial<AppendDraftOps> = {}): AppendDraftOps => ({
  workflowId,
  expectedRev: 1,
  clientId: 'c1',
  clientSeq: 1,
  ops: [{ op: 'set' }],
  definition: aDefinition(name, 'changed'),
  semanticHash: 'h',
  ...change,
});
const append = (batch: AppendDraftOps) => inHome((tx) => appendDraftOps(tx, batch));

describe('operations on a draft', () => {
  test('sent again become nothing new, also when both come at once', async () => {
    const id = await aWorkflow('Again');
    const results = await Promise.all(Array.from({ length: 4 }, () => append(aBatch(id, 'Again'))));
    expect(results.map((result) => result.kind).toSorted()).toEqual(['appended', 'replayed', 'replayed', 'replayed']);
    for (const result of results) expect(result).toMatchObject({ rev: 2 });
    expect((await inHome((tx) => getDraft(tx, id)))?.rev).toBe(2);
  });

  test('of several clients on one revision: one comes first, the others see what they missed and nothing is lost', async () => {
    const id = await aWorkflow('Several');
    const results = await Promise.all(
      ['a', 'b', 'c'].map((clientId) =>
        append(aBatch(id, 'Several', { clientId, definition: aDefinition('Several', clientId), ops: [clientId] })),
      ),
    );
    expect(results.filter((result) => result.kind === 'appended')).toHaveLength(1);
    const lost = results.findIndex((result) => result.kind === 'conflict');
    expect(results[lost]).toMatchObject({ draft: { rev: 2 } });
    const missed = await inHome((tx) => draftOpsSince(tx, id, 1));
    expect(missed).toMatchObject({ isComplete: true, ops: [{ rev: 2, clientSeq: 1, principalId: home.ownerId }] });
    const rebased = aBatch(id, 'Several', { clientId: ['a', 'b', 'c'].at(lost)!, expectedRev: 2 });
    expect(await append(rebased)).toEqual({ kind: 'appended', rev: 3 });
    expect((await inHome((tx) => draftOpsSince(tx, id, 1))).ops.map((entry) => entry.rev)).toEqual([2, 3]);
  });

  test('cannot be caught up with over a change that left none', async () => {
    const id = await aWorkflow('Gap');
    await append(aBatch(id, 'Gap'));
    await inHome((tx) => saveDraft(tx, { workflowId: id, definition: aDefinition('Gap', 'imported'), semanticHash: 'i' }));
    await append(aBatch(id, 'Gap', { clientSeq: 2, expectedRev: 3 }));
    expect((await inHome((tx) => draftOpsSince(tx, id, 1))).isComplete).toBe(false);
    expect(await inHome((tx) => draftOpsSince(tx, id, 3))).toMatchObject({ isComplete: true, ops: [{ rev: 4 }] });
    expect((await inHome((tx) => draftOpsSince(tx, id, 4))).isComplete).toBe(true);
    expect((await inHome((tx) => draftOpsSince(tx, id, 99))).isComplete).toBe(false);
  });

  test('are read in bounded portions, however large they are', async () => {
    const id = await aWorkflow('Large');
    for (let n = 1; n <= 3; n++) await append(aBatch(id, 'Large', { clientSeq: n, expectedRev: n, ops: ['x'.repeat(9_000_000)] }));
    const first = await inHome((tx) => draftOpsSince(tx, id, 1));
    expect([first.ops.map((entry) => entry.rev), first.isComplete]).toEqual([[2], false]);
    const last = await inHome((tx) => draftOpsSince(tx, id, 3));
    expect([last.ops.map((entry) => entry.rev), last.isComplete]).toEqual([[4], true]);
  });

  test('that would take another workflow’s name change nothing', async () => {
    const other = await aWorkflow('Name owner');
    const id = await aWorkflow('Name taker');
    expect(await append(aBatch(id, 'Name owner'))).toEqual({ kind: 'name-taken', workflowId: other });
    expect(await inHome((tx) => draftOpsSince(tx, id, 0))).toMatchObject({ ops: [] });
    expect(await append(aBatch('01900000-0000-7000-8000-000000000000', 'x'))).toEqual({ kind: 'not-found' });
  });

  test('go when they are old', async () => {
    const id = await aWorkflow('Old');
    await append(aBatch(id, 'Old'));
    expect(await deleteOldDraftOps(db.database, { keepMs: 60_000 })).toBe(0);
    await db.database.query(`update draft_op set at = now() - interval '1 hour' where workflow_id = $1`, [id]);
    expect(await deleteOldDraftOps(db.database, { keepMs: 60_000 })).toBe(1);
    expect((await inHome((tx) => draftOpsSince(tx, id, 1))).isComplete).toBe(false);
  });
});

test('one person edits a draft at a time, until he lets go, his time is over, or somebody takes over', async () => {
  const id = await aWorkflow('Held');
  const other = await kit.member(home.workspaceId, 'Other editor', 'editor');
  const asOther = <Result>(use: (tx: WorkspaceTransaction) => Promise<Result>) =>
    kit.as({ workspaceId: home.workspaceId, principalId: other }, use);
  const hold = { workflowId: id, leaseMs: 60_000 };
  const results = await Promise.all([inHome((tx) => holdDraft(tx, hold)), asOther((tx) => holdDraft(tx, hold))]);
  expect(results.map((result) => result.kind).toSorted()).toEqual(['held', 'held-by-other']);
  await inHome((tx) => holdDraft(tx, { ...hold, isTakeover: true }));
  expect(await asOther((tx) => holdDraft(tx, hold))).toMatchObject({ kind: 'held-by-other', principalId: home.ownerId });
  await asOther((tx) => releaseDraft(tx, id));
  expect((await asOther((tx) => findDraftHolder(tx, id)))?.principalId).toBe(home.ownerId);
  await db.database.query(`update draft set holder_until = now() where workflow_id = $1`, [id]);
  expect(await asOther((tx) => findDraftHolder(tx, id))).toBeUndefined();
  expect((await asOther((tx) => holdDraft(tx, hold))).kind).toBe('held');
  await asOther((tx) => releaseDraft(tx, id));
  expect((await inHome((tx) => holdDraft(tx, hold))).kind).toBe('held');
  expect(await inHome((tx) => holdDraft(tx, { ...hold, workflowId: other }))).toEqual({ kind: 'not-found' });
});

test('pins keep stored content at a node of the draft', async () => {
  const id = await aWorkflow('Pinned');
  const pin = { workflowId: id, nodeId: 'n1', fileHash: 'ff', source: { run: 'r' } };
  expect(await inHome((tx) => setPin(tx, pin))).toBe(false);
  await inHome(async (tx) => {
    await reserveBlob(tx, { hash: 'ff', sizeBytes: 1, storageKey: 'k' });
    await createFile(tx, { hash: 'ff', name: 'x', mime: 'y' });
  });
  expect(await inHome((tx) => setPin(tx, pin))).toBe(true);
  expect(await inHome((tx) => setPin(tx, { ...pin, source: { run: 's' } }))).toBe(true);
  expect(await inHome((tx) => listPins(tx, id))).toMatchObject([{ nodeId: 'n1', fileHash: 'ff', source: { run: 's' } }]);
  expect(await inHome((tx) => removePin(tx, id, 'n1'))).toBe(true);
  expect(await inHome((tx) => listPins(tx, id))).toEqual([]);
});
