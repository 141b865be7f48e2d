import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { aHash, peopleKit } from '../../test/people-kit.ts';
import type { PeopleKit } from '../../test/people-kit.ts';
import type { TestDatabase } from '../../test/test-database.ts';
import { createTestDatabase } from '../../test/test-database.ts';
import { uuidv7 } from '../ids.ts';
import { inInstance } from '../in-instance.ts';
import type { WorkspaceTransaction } from '../in-workspace.ts';
import { setWorkspacePlan } from '../people/workspaces.ts';
import { entitle, listPlans, readEntitlements, savePlan } from './entitlements.ts';
import { claimIdempotency, deleteExpiredIdempotency, finishIdempotency } from './idempotency.ts';
import { advanceJob, cancelJob, claimJob, createJob, findJob, finishJob, listJobs, releaseJobs } from './jobs.ts';
import { deleteSetting, readSettingLevels, readSettings, writeSetting } from './settings.ts';

let db: TestDatabase;
let kit: PeopleKit;
let home: { workspaceId: string; projectId: string; ownerId: string };
let away: { workspaceId: string; projectId: string; ownerId: string };
beforeAll(async () => {
  db = await createTestDatabase();
  kit = peopleKit(db.database);
  home = await kit.workspace('home');
  away = await kit.workspace('away');
});
afterAll(() => db.close());

const MINUTE = 60_000;
const inHome = <Result>(use: (tx: WorkspaceTransaction) => Promise<Result>): Promise<Result> =>
  kit.as({ workspaceId: home.workspaceId, principalId: home.ownerId }, use);
const inAway = <Result>(use: (tx: WorkspaceTransaction) => Promise<Result>): Promise<Result> =>
  kit.as({ workspaceId: away.workspaceId, principalId: away.ownerId }, use);

describe('an idempotency key', () => {
  const claim = (key: string, request: string) => ({ principalId: home.ownerId, key, requestHash: aHash(request), keepMs: MINUTE });

  test('makes requests at once do the work once, and gives all of them its result', async () => {
    let done = 0;
    const request = (): Promise<unknown> =>
      inHome(async (tx) => {
        const claimed = await claimIdempotency(tx, claim('k1', 'same'));
        if (claimed.kind !== 'claimed') return claimed;
        done += 1;
        await finishIdempotency(tx, { principalId: home.ownerId, key: 'k1', result: { id: 7 } });
        return { kind: 'done' };
      });
    const results = await Promise.all(Array.from({ length: 5 }, request));
    expect(done).toBe(1);
    expect(results.filter((result) => JSON.stringify(result) === '{"kind":"replay","result":{"id":7}}')).toHaveLength(4);
  });

  test('of a request that failed is free for the next one', async () => {
    await expect(
      inHome(async (tx) => {
        await claimIdempotency(tx, claim('k2', 'a'));
        throw new Error('the act failed');
      }),
    ).rejects.toThrow('the act failed');
    expect(await inHome((tx) => claimIdempotency(tx, claim('k2', 'a')))).toEqual({ kind: 'claimed' });
  });

  test('is one request’s, one principal’s, and for a time only', async () => {
    await inHome(async (tx) => {
      await claimIdempotency(tx, claim('k3', 'a'));
      await finishIdempotency(tx, { principalId: home.ownerId, key: 'k3', result: null });
    });
    expect(await inHome((tx) => claimIdempotency(tx, claim('k3', 'b')))).toEqual({ kind: 'mismatch' });
    expect(await inAway((tx) => claimIdempotency(tx, { ...claim('k3', 'b'), principalId: away.ownerId }))).toEqual({ kind: 'claimed' });
    await db.database.query(`update idempotency set expires_at = now() where key = 'k3'`);
    expect(await inHome((tx) => claimIdempotency(tx, claim('k3', 'b')))).toEqual({ kind: 'claimed' });
    await db.database.query(`update idempotency set expires_at = now()`);
    expect(await deleteExpiredIdempotency(db.database)).toBeGreaterThan(0);
    expect(await db.database.query('select from idempotency')).toEqual([]);
  });
});

describe('jobs', () => {
  const start = (kind: string) =>
    inHome((tx) => createJob(tx, { workspaceId: home.workspaceId, kind, actor: home.ownerId, params: { n: 1 } }));
  const claim = (kind: string, by: string, maxAttempts?: number) =>
    claimJob(db.database, { kinds: [kind], by, leaseMs: MINUTE, ...(maxAttempts === undefined ? {} : { maxAttempts }) });
  const loseLease = (id: string) => db.database.query('update job set lease_until = now() where id = $1', [id]);

  test('are claimed in order, each by one process', async () => {
    const ids = [await start('order'), await start('order'), await start('order')];
    const claimed = await Promise.all(Array.from({ length: 5 }, () => claim('order', uuidv7())));
    expect(claimed.flatMap((job) => (job ? [job.id] : [])).toSorted()).toEqual(ids.toSorted());
    expect(await claim('other kind', uuidv7())).toBeUndefined();
  });

  test('go on from their cursor in another process when the first one died, and the dead one’s word counts no more', async () => {
    const id = await start('resumed');
    const [dead, heir] = [uuidv7(), uuidv7()];
    await claim('resumed', dead);
    expect(await inHome((tx) => advanceJob(tx, id, { by: dead, leaseMs: MINUTE, cursor: 'row-500', progress: { done: 500 } }))).toBe(
      'going-on',
    );
    await loseLease(id);
    const job = await claim('resumed', heir);
    expect(job).toMatchObject({
      id,
      cursor: 'row-500',
      progress: { done: 500 },
      params: { n: 1 },
      actor: home.ownerId,
      workspaceId: home.workspaceId,
    });
    expect(await advanceJob(db.database, id, { by: dead, leaseMs: MINUTE, cursor: 'row-100' })).toBe('lost');
    expect(await finishJob(db.database, id, { by: dead, state: 'failed' })).toBe(false);
    expect(await finishJob(db.database, id, { by: heir, state: 'succeeded', report: { ok: 1000 } })).toBe(true);
    expect(await inHome((tx) => findJob(tx, id))).toMatchObject({ state: 'succeeded', report: { ok: 1000 }, cursor: 'row-500' });
    expect(await inAway((tx) => findJob(tx, id))).toBeUndefined();
  });

  test('keep cursor and step together: a step that failed moves neither', async () => {
    const id = await start('atomic');
    const by = uuidv7();
    await claim('atomic', by);
    await expect(
      inHome(async (tx) => {
        await advanceJob(tx, id, { by, leaseMs: MINUTE, cursor: 'after' });
        throw new Error('the step failed');
      }),
    ).rejects.toThrow('the step failed');
    expect((await inHome((tx) => findJob(tx, id)))?.cursor).toBeUndefined();
  });

  test('that bring process after process down are given up, unless they got on', async () => {
    const id = await start('poison');
    for (let attempt = 1; attempt <= 3; attempt++) {
      expect((await claim('poison', uuidv7(), 3))?.id).toBe(id);
      await loseLease(id);
    }
    expect(await claim('poison', uuidv7(), 3)).toBeUndefined();
    expect(await inHome((tx) => findJob(tx, id))).toMatchObject({ state: 'failed', report: { code: 'JOB_ABANDONED', attempts: 3 } });
    const slow = await start('slow');
    for (let attempt = 1; attempt <= 5; attempt++) {
      const by = uuidv7();
      expect((await claim('slow', by, 3))?.id).toBe(slow);
      await advanceJob(db.database, slow, { by, leaseMs: MINUTE, cursor: attempt });
      await loseLease(slow);
    }
  });

  test('are cancelled at once while they wait, at the next step while they run, and not after', async () => {
    const waiting = await start('cancel-waiting');
    expect(await inAway((tx) => cancelJob(tx, waiting))).toBe(false);
    expect(await inHome((tx) => cancelJob(tx, waiting))).toBe(true);
    expect((await inHome((tx) => findJob(tx, waiting)))?.state).toBe('cancelled');
    expect(await claim('cancel-waiting', uuidv7())).toBeUndefined();
    const running = await start('cancel-running');
    const by = uuidv7();
    await claim('cancel-running', by);
    expect(await inHome((tx) => cancelJob(tx, running))).toBe(true);
    expect(await advanceJob(db.database, running, { by, leaseMs: MINUTE })).toBe('cancel-requested');
    expect(await finishJob(db.database, running, { by, state: 'cancelled' })).toBe(true);
    expect(await inHome((tx) => cancelJob(tx, running))).toBe(false);
  });

  test('of a process that shuts down are free at once', async () => {
    const id = await start('released');
    const by = uuidv7();
    await claim('released', by);
    expect(await releaseJobs(db.database, by)).toBe(1);
    expect((await claim('released', uuidv7()))?.id).toBe(id);
    const page = await inHome((tx) => listJobs(tx, { actor: home.ownerId, limit: 2 }));
    expect(page.jobs[0]?.id).toBe(id);
    expect((await inHome((tx) => listJobs(tx, { limit: 2, cursor: page.nextCursor! }))).jobs[0]?.id).not.toBe(page.jobs[1]?.id);
    expect((await inAway((tx) => listJobs(tx))).jobs).toEqual([]);
  });
});

describe('entitlements', () => {
  const onPlan = async (key: string, limits: Record<string, number>): Promise<void> => {
    await savePlan(db.database, { key, name: key, limits });
    await inInstance(db.database, (tx) => setWorkspacePlan(tx, home.workspaceId, key));
  };

  test('are never exceeded, however many act at once, and an act that failed gives back what it took', async () => {
    await onPlan('small', { workflows: 5 });
    const act = () => inHome((tx) => entitle(tx, 'workflows', 1));
    const results = await Promise.all(Array.from({ length: 9 }, act));
    expect(results.filter((result) => result.kind === 'granted')).toHaveLength(5);
    expect(results.find((result) => result.kind === 'refused')).toEqual({ kind: 'refused', used: 5, limit: 5 });
    await inHome((tx) => entitle(tx, 'workflows', -1));
    await expect(
      inHome(async (tx) => {
        await entitle(tx, 'workflows', 1);
        throw new Error('stop');
      }),
    ).rejects.toThrow('stop');
    expect(await act()).toEqual({ kind: 'granted', used: 5, limit: 5 });
    expect((await inAway((tx) => entitle(tx, 'workflows', 100))).kind).toBe('granted');
  });

  test('of a smaller plan refuse what is new and take nothing away', async () => {
    await onPlan('smaller', { workflows: 2 });
    expect(await inHome((tx) => entitle(tx, 'workflows', 1))).toEqual({ kind: 'refused', used: 5, limit: 2 });
    expect(await inHome((tx) => entitle(tx, 'workflows', -1))).toEqual({ kind: 'granted', used: 4, limit: 2 });
    expect(await inHome((tx) => entitle(tx, 'workflows', -100))).toEqual({ kind: 'granted', used: 0, limit: 2 });
  });

  test('count what is there already at the first act, and per period where they say so', async () => {
    await onPlan('counted', { members: 10, runs: 3 });
    expect(await inHome((tx) => entitle(tx, 'members', 1, { countNow: () => Promise.resolve(9) }))).toEqual({
      kind: 'granted',
      used: 10,
      limit: 10,
    });
    expect((await inHome((tx) => entitle(tx, 'members', 1, { countNow: () => Promise.resolve(0) }))).kind).toBe('refused');
    expect((await inHome((tx) => entitle(tx, 'runs', 3, { period: '2026-11' }))).kind).toBe('granted');
    expect((await inHome((tx) => entitle(tx, 'runs', 1, { period: '2026-11' }))).kind).toBe('refused');
    expect((await inHome((tx) => entitle(tx, 'runs', 1, { period: '2026-12' }))).kind).toBe('granted');
    expect((await inHome((tx) => entitle(tx, 'anything', 1_000_000))).kind).toBe('granted');
    const all = await inHome((tx) => readEntitlements(tx, '2026-12'));
    expect(all.get('runs')).toEqual({ used: 1, limit: 3 });
    expect(all.get('anything')).toEqual({ used: 1_000_000 });
    expect((await listPlans(db.database)).map((plan) => plan.key)).toContain('unlimited');
  });
});

describe('settings', () => {
  const workspace = () => ({ kind: 'workspace', workspaceId: home.workspaceId }) as const;

  test('of two that change one at once on one revision, one is saved and the other sees it', async () => {
    const write = (value: number, expectedRev: number) =>
      inHome((tx) => writeSetting(tx, { scope: workspace(), key: 'limit', value, updatedBy: home.ownerId, expectedRev }));
    const made = await Promise.all([write(1, 0), write(2, 0)]);
    expect(made.map((result) => result.kind).toSorted()).toEqual(['conflict', 'saved']);
    const changed = await Promise.all([write(3, 1), write(4, 1)]);
    expect(changed.map((result) => result.kind).toSorted()).toEqual(['conflict', 'saved']);
    expect((await inHome((tx) => readSettings(tx, workspace()))).get('limit')?.rev).toBe(2);
  });

  test('are read level by level for who is at hand', async () => {
    const updatedBy = home.ownerId;
    await writeSetting(db.database, { scope: { kind: 'instance' }, key: 'zone', value: 'UTC', updatedBy });
    await inHome((tx) => writeSetting(tx, { scope: workspace(), key: 'zone', value: 'Europe/Berlin', updatedBy }));
    await inHome((tx) =>
      writeSetting(tx, { scope: { kind: 'person', principalId: home.ownerId }, key: 'zone', value: 'Asia/Tokyo', updatedBy }),
    );
    const mine = (await inHome((tx) => readSettingLevels(tx, ['zone', 'unset']))).get('zone');
    expect([mine?.instance?.value, mine?.workspace?.value, mine?.person?.value]).toEqual(['UTC', 'Europe/Berlin', 'Asia/Tokyo']);
    const theirs = (await inAway((tx) => readSettingLevels(tx, ['zone']))).get('zone');
    expect(theirs).toEqual({ instance: mine?.instance });
    expect(await inHome((tx) => deleteSetting(tx, workspace(), 'zone'))).toBe(true);
    expect((await inHome((tx) => readSettingLevels(tx, ['zone']))).get('zone')?.workspace).toBeUndefined();
  });

  test('of the instance are read by everybody and changed by nobody in a workspace', async () => {
    await expect(
      inHome((tx) => writeSetting(tx, { scope: { kind: 'instance' }, key: 'zone', value: 'mine', updatedBy: home.ownerId })),
    ).rejects.toThrow(/row-level security/);
    expect(await inHome((tx) => deleteSetting(tx, { kind: 'instance' }, 'no-such-setting'))).toBe(false);
  });
});
