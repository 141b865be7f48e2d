import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { peopleKit } from '../../test/people-kit.ts';
import type { PeopleKit } from '../../test/people-kit.ts';
import type { TestDatabase } from '../../test/test-database.ts';
import { createTestDatabase } from '../../test/test-database.ts';
import { inInstance } from '../in-instance.ts';
import type { WorkspaceTransaction } from '../in-workspace.ts';
import type { AuditChain } from './audit-chain.ts';
import { listUnsealedChains, readAnchor, sealAudit, verifyAudit } from './audit-chain.ts';
import { eraseAuditPayloads, listAudit, listInstanceAudit, recordAudit } from './audit.ts';

let db: TestDatabase;
let kit: PeopleKit;
beforeAll(async () => {
  db = await createTestDatabase();
  kit = peopleKit(db.database);
});
afterAll(() => db.close());

const key = Buffer.alloc(32, 7);

interface Place {
  readonly chain: AuditChain;
  readonly ownerId: string;
  record(action: string, payload?: Record<string, string>): Promise<string>;
  as<Result>(use: (tx: WorkspaceTransaction) => Promise<Result>): Promise<Result>;
}

async function aPlace(slug: string): Promise<Place> {
  const { workspaceId, ownerId } = await kit.workspace(slug);
  const as: Place['as'] = (use) => kit.as({ workspaceId, principalId: ownerId }, use);
  return {
    chain: { kind: 'workspace', workspaceId },
    ownerId,
    as,
    record: (action, payload) =>
      as((tx) =>
        recordAudit(tx, {
          principalId: ownerId,
          actorKind: 'person',
          action,
          resourceKind: 'workflow',
          resourceId: 'w1',
          ip: '10.0.0.1',
          ...(payload ? { payload } : {}),
        }),
      ),
  };
}

/** As somebody with the database in his hands, who switches the guard off. */
async function tamper({ chain }: Place, ...changes: readonly string[]): Promise<void> {
  if (chain.kind !== 'workspace') throw new Error('the chain of a workspace is needed');
  await db.database.query('alter table audit disable trigger audit_is_append_only');
  for (const change of changes) await db.database.query(change, [chain.workspaceId]);
  await db.database.query('alter table audit enable trigger audit_is_append_only');
}

describe('the audit log', () => {
  test('says what was done with the transaction that did it, or not at all', async () => {
    const place = await aPlace('with-transaction');
    await expect(
      place.as(async (tx) => {
        await recordAudit(tx, { principalId: place.ownerId, actorKind: 'person', action: 'a.b', resourceKind: 'r' });
        throw new Error('stop');
      }),
    ).rejects.toThrow('stop');
    expect((await place.as((tx) => listAudit(tx))).entries).toEqual([]);
  });

  test('is read newest first, page by page, by who, what and on what, and only in its workspace', async () => {
    const place = await aPlace('reading');
    const other = await aPlace('reading-other');
    const ids: string[] = [];
    for (const action of ['workflow.create', 'workflow.publish', 'member.add']) ids.unshift(await place.record(action, { name: 'x' }));
    const first = await place.as((tx) => listAudit(tx, { limit: 2 }));
    expect(first.entries.map((entry) => entry.id)).toEqual(ids.slice(0, 2));
    expect(first.entries[0]).toMatchObject({
      action: 'member.add',
      payload: { name: 'x' },
      isErased: false,
      ip: '10.0.0.1',
      resourceId: 'w1',
    });
    expect((await place.as((tx) => listAudit(tx, { limit: 2, cursor: first.nextCursor! }))).entries.map((entry) => entry.id)).toEqual(
      ids.slice(2),
    );
    expect((await place.as((tx) => listAudit(tx, { action: 'workflow.*' }))).entries).toHaveLength(2);
    expect((await place.as((tx) => listAudit(tx, { action: 'workflow.publish' }))).entries).toHaveLength(1);
    expect((await place.as((tx) => listAudit(tx, { resource: { kind: 'workflow', id: 'w2' } }))).entries).toEqual([]);
    expect((await place.as((tx) => listAudit(tx, { principalId: other.ownerId }))).entries).toEqual([]);
    expect((await other.as((tx) => listAudit(tx))).entries).toEqual([]);
  });

  test('of the instance is a chain of its own', async () => {
    const place = await aPlace('beside-instance');
    await inInstance(db.database, (tx) =>
      recordAudit(tx, { principalId: place.ownerId, actorKind: 'person', action: 'person.create', resourceKind: 'person' }),
    );
    expect(await listUnsealedChains(db.database)).toContainEqual({ kind: 'instance' });
    expect(await sealAudit(db.database, { kind: 'instance' }, { key })).toBe(1);
    expect(await verifyAudit(db.database, { kind: 'instance' }, { key })).toMatchObject({ kind: 'intact', entries: 1 });
    expect((await listInstanceAudit(db.database)).entries).toMatchObject([{ action: 'person.create', seq: '1' }]);
    expect((await place.as((tx) => listAudit(tx))).entries).toEqual([]);
  });
});

describe('the chain', () => {
  test('has no gap and no double, also when sealers come at once and in batches', async () => {
    const place = await aPlace('sealed-twice');
    await Promise.all(Array.from({ length: 25 }, (_, i) => place.record('a.b', { n: `${i}` })));
    const sealed = await Promise.all(Array.from({ length: 5 }, () => sealAudit(db.database, place.chain, { key, limit: 10 })));
    expect(sealed.reduce((sum, n) => sum + n, 0)).toBe(25);
    await place.record('late.one');
    expect(await sealAudit(db.database, place.chain, { key })).toBe(1);
    expect(await sealAudit(db.database, place.chain, { key })).toBe(0);
    expect(await verifyAudit(db.database, place.chain, { key })).toMatchObject({ kind: 'intact', entries: 26, erasedPayloads: 0 });
    expect(await listUnsealedChains(db.database)).not.toContainEqual(place.chain);
  });

  test('stays whole when payloads are erased', async () => {
    const place = await aPlace('erased');
    await place.record('a.b', { secret: 'personal' });
    await place.record('c.d');
    await sealAudit(db.database, place.chain, { key });
    expect(await eraseAuditPayloads(db.database, { principalId: place.ownerId })).toBe(1);
    const other = await aPlace('not-erased');
    await other.record('a.b', { kept: 'x' });
    if (place.chain.kind !== 'workspace') throw new Error('the chain of a workspace is needed');
    await place.record('e.f', { secret: 'late' });
    expect(
      await eraseAuditPayloads(db.database, { workspaceId: place.chain.workspaceId, resourceKind: 'workflow', resourceId: 'w1' }),
    ).toBe(1);
    await sealAudit(db.database, place.chain, { key });
    expect((await other.as((tx) => listAudit(tx))).entries).toMatchObject([{ payload: { kept: 'x' } }]);
    expect(await verifyAudit(db.database, place.chain, { key })).toMatchObject({ kind: 'intact', entries: 3, erasedPayloads: 2 });
    const { entries } = await place.as((tx) => listAudit(tx));
    expect(entries.map((entry) => [entry.isErased, entry.payload])).toEqual([
      [true, undefined],
      [false, undefined],
      [true, undefined],
    ]);
  });

  test.each([
    ['an entry that was changed', `update audit set action = 'x.y' where workspace_id = $1 and seq = 2`, { seq: '2', why: 'changed' }],
    [
      'an entry whose time was moved by a microsecond',
      `update audit set at = at + interval '1 microsecond' where workspace_id = $1 and seq = 2`,
      { seq: '2', why: 'changed' },
    ],
    [
      'a payload that was changed',
      `update audit set payload = '{"n":"9"}' where workspace_id = $1 and seq = 2`,
      { seq: '2', why: 'payload' },
    ],
    [
      'a payload changed together with its digest',
      `update audit set payload = '{}', payload_digest = sha256('{}') where workspace_id = $1 and seq = 2`,
      { seq: '2', why: 'changed' },
    ],
    ['an entry taken out of the middle', 'delete from audit where workspace_id = $1 and seq = 2', { seq: '2', why: 'missing' }],
    [
      'an entry taken out, the numbers closed up',
      ['delete from audit where workspace_id = $1 and seq = 2', 'update audit set seq = 2 where workspace_id = $1 and seq = 3'],
      { seq: '2', why: 'changed' },
    ],
    ['the start taken off', 'delete from audit where workspace_id = $1 and seq = 1', { seq: '1', why: 'missing' }],
  ])('shows %s', async (what, change, broken) => {
    const place = await aPlace(`tampered ${what}`.replaceAll(/[ ,]/g, '-'));
    for (const n of ['1', '2', '3']) await place.record('a.b', { n });
    await sealAudit(db.database, place.chain, { key });
    expect((await verifyAudit(db.database, place.chain, { key })).kind).toBe('intact');
    await tamper(place, ...[change].flat());
    expect(await verifyAudit(db.database, place.chain, { key })).toEqual({ kind: 'broken', ...broken });
  });

  test('shows a whole new history written without the key, and an end that was cut off, against an anchor', async () => {
    const place = await aPlace('anchored');
    for (const n of ['1', '2', '3']) await place.record('a.b', { n });
    await sealAudit(db.database, place.chain, { key });
    const anchor = (await readAnchor(db.database, place.chain))!;
    expect(anchor.seq).toBe('3');
    expect((await verifyAudit(db.database, place.chain, { key, anchor })).kind).toBe('intact');
    expect(await verifyAudit(db.database, place.chain, { key: Buffer.alloc(32, 8) })).toEqual({ kind: 'broken', seq: '1', why: 'changed' });
    await tamper(place, 'delete from audit where workspace_id = $1 and seq = 3');
    expect((await verifyAudit(db.database, place.chain, { key })).kind).toBe('intact');
    expect(await verifyAudit(db.database, place.chain, { key, anchor })).toEqual({ kind: 'broken', seq: '3', why: 'anchor' });
    await place.record('a.b', { n: 'other' });
    await sealAudit(db.database, place.chain, { key });
    expect(await verifyAudit(db.database, place.chain, { key, anchor })).toEqual({ kind: 'broken', seq: '3', why: 'anchor' });
  });
});
