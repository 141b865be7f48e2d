import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type TestDatabase, createTestDatabase } from '../../test/test-database.ts';
import { uuidv7 } from '../ids.ts';
import { inInstance } from '../in-instance.ts';
import {
  type Reserve,
  deleteStaleSpending,
  findBudget,
  listBudgetsToWarn,
  releaseSpending,
  reserveSpending,
  settleExpiredSpending,
  settleSpending,
  takeBudgetWarning,
} from './run-spending.ts';

const workspaceId = uuidv7();
const workflowId = uuidv7();
const cents = (n: number): bigint => BigInt(n) * 10_000_000_000n;
const LIMITS = { workflowId, environment: 1, stopPd: cents(500), warnPd: cents(100), areOfRoot: true };

let kit: TestDatabase;
let root: string;

beforeAll(async () => void (kit = await createTestDatabase()));
beforeEach(() => void (root = uuidv7()));
afterAll(() => kit.close());

const aCall = (key: string, amount: bigint, more: Partial<Reserve> = {}): Reserve => ({
  workspaceId,
  key: `${root}:${key}`,
  rootRunId: root,
  runId: root,
  place: 'pay',
  amountPd: amount,
  expiresInMs: 60_000,
  limits: LIMITS,
  ...more,
});
const reserve = async (key: string, amount: bigint, more: Partial<Reserve> = {}) =>
  (await reserveSpending(kit.database, aCall(key, amount, more))).kind;
const settle = (key: string, cost?: bigint) => settleSpending(kit.database, { workspaceId, key: `${root}:${key}` }, cost);
const release = (key: string) => releaseSpending(kit.database, { workspaceId, key: `${root}:${key}` });
const sums = async () => {
  const budget = await findBudget(kit.database, { workspaceId, rootRunId: root });
  return budget && [budget.spentPd, budget.reservedPd];
};
const expire = () =>
  kit.database.query(`update reservation set expires_at = clock_timestamp() - interval '1 ms' where root_run_id = $1`, [root]);

describe('a reservation', () => {
  test('rule 24: of twenty at once never more than the limit are let through', async () => {
    expect(await reserve('before', cents(490))).toBe('reserved');
    await settle('before', cents(490));
    const kinds = await Promise.all(Array.from({ length: 20 }, (_, n) => reserve(`call ${n}`, cents(3))));
    expect(kinds.filter((kind) => kind === 'reserved')).toHaveLength(3);
    expect(kinds.filter((kind) => kind === 'refused')).toHaveLength(17);
    expect(await sums()).toEqual([cents(490), cents(9)]);
  });

  test('rule 24: is refused with what was spent, is reserved, and may be spent', async () => {
    await reserve('one', cents(300));
    await settle('one', cents(250));
    await reserve('two', cents(200));
    expect(await reserveSpending(kit.database, aCall('three', cents(51)))).toEqual({
      kind: 'refused',
      budget: { rootRunId: root, workflowId, spentPd: cents(250), reservedPd: cents(200), limitPd: cents(500), warnPd: cents(100) },
    });
  });

  test('rule 24: the same key has one reservation, however often and however close together it is asked for', async () => {
    const kinds = await Promise.all(Array.from({ length: 8 }, () => reserve('one', cents(100))));
    expect(kinds.toSorted()).toEqual(['kept', 'kept', 'kept', 'kept', 'kept', 'kept', 'kept', 'reserved']);
    expect(await sums()).toEqual([0n, cents(100)]);
    await settle('one', cents(100));
    expect(await reserve('one', cents(100))).toBe('kept');
    expect(await sums()).toEqual([cents(100), 0n]);
  });

  test('rule 24: of a key that has one is kept also when the budget is used up', async () => {
    await reserve('one', cents(400));
    await reserve('two', cents(100));
    expect(await reserve('three', 1n)).toBe('refused');
    expect(await reserve('one', cents(400))).toBe('kept');
  });

  test('that was released is free, and is taken anew only where there is room', async () => {
    await reserve('one', cents(400));
    await release('one');
    expect(await sums()).toEqual([0n, 0n]);
    await reserve('two', cents(200));
    expect(await reserve('one', cents(400))).toBe('refused');
    await release('two');
    const kinds = await Promise.all([reserve('one', cents(400)), reserve('one', cents(400))]);
    expect(kinds.toSorted()).toEqual(['kept', 'reserved']);
    expect(await sums()).toEqual([0n, cents(400)]);
  });

  test('settles at what the call cost, also when that is more than was reserved', async () => {
    await reserve('one', cents(100));
    await settle('one', cents(40));
    await reserve('two', cents(100));
    await settle('two', cents(130));
    expect(await sums()).toEqual([cents(170), 0n]);
  });

  test('rule 24: settles at what was reserved when nobody knows what the call cost, and nothing of that comes back', async () => {
    await reserve('one', cents(100));
    await settle('one');
    expect(await sums()).toEqual([cents(100), 0n]);
    await settle('one', cents(40));
    await release('one');
    expect(await sums()).toEqual([cents(100), 0n]);
    await settle('one', cents(120));
    expect(await sums()).toEqual([cents(120), 0n]);
  });

  test('rule 24: of which nothing is heard settles at what was reserved, once, when its time is over', async () => {
    await reserve('lost', cents(100));
    expect(await settleExpiredSpending(kit.database, 10)).toBe(0);
    await reserve('done', cents(50));
    await settle('done', cents(20));
    await expire();
    await Promise.all([settleExpiredSpending(kit.database, 10), settleExpiredSpending(kit.database, 10)]);
    expect(await sums()).toEqual([cents(120), 0n]);
    expect(await settleExpiredSpending(kit.database, 10)).toBe(0);
  });

  test('that is taken up again keeps its time: what is repeated after a crash is not settled under it', async () => {
    await reserve('one', cents(100), { expiresInMs: 0 });
    expect(await reserve('one', cents(100))).toBe('kept');
    expect(await settleExpiredSpending(kit.database, 10)).toBe(0);
  });
});

describe('the budget of a tree', () => {
  test('rule 24: is shared by all its runs, and a called one takes it as it is', async () => {
    const child = uuidv7();
    expect(await reserve('child', cents(1), { runId: child, limits: undefined })).toBe('no_budget');
    await reserve('root', cents(300));
    expect(await reserve('child', cents(200), { runId: child, limits: undefined })).toBe('reserved');
    expect(await reserve('other child', cents(1), { runId: uuidv7(), limits: undefined })).toBe('refused');
    const ofChild = { ...LIMITS, workflowId: uuidv7(), stopPd: cents(900), areOfRoot: false };
    expect(await reserve('retry of the child', cents(1), { runId: uuidv7(), limits: ofChild })).toBe('refused');
  });

  test('rule 24: a limit that is raised lets the next call through', async () => {
    await reserve('one', cents(500));
    expect(await reserve('two', cents(100))).toBe('refused');
    expect(await reserve('two', cents(100), { limits: { ...LIMITS, stopPd: cents(600) } })).toBe('reserved');
  });

  test('rule 24: runs of a chain share that of the first', async () => {
    const next = uuidv7();
    for (const [n, runId] of [root, next].entries())
      await kit.database.query('insert into run_chain (run_id, workspace_id, first_run_id, n) values ($1, $2, $3, $4)', [
        runId,
        workspaceId,
        root,
        n + 1,
      ]);
    await reserve('one', cents(400));
    expect(await reserve('two', cents(101), { rootRunId: next, runId: next })).toBe('refused');
    expect(await reserve('two', cents(100), { rootRunId: next, runId: next })).toBe('reserved');
    expect(await findBudget(kit.database, { workspaceId, rootRunId: next })).toMatchObject({ rootRunId: root, reservedPd: cents(500) });
  });

  test('is warned of once', async () => {
    await reserve('one', cents(100));
    expect(await settle('one', cents(99))).toBeUndefined();
    await reserve('two', cents(1));
    expect(await settle('two')).toBe(root);
    expect(await listBudgetsToWarn(kit.database, 1000)).toContain(root);
    const take = () => inInstance(kit.database, (tx) => takeBudgetWarning(tx, root));
    const taken = await Promise.all([take(), take()]);
    expect(taken.filter((one) => one !== undefined)).toMatchObject([{ rootRunId: root, workflowId, spentPd: cents(100) }]);
    expect(await listBudgetsToWarn(kit.database, 1000)).not.toContain(root);
    await reserve('three', cents(10));
    expect(await settle('three')).toBeUndefined();
  });

  test('is forgotten with the last of its runs', async () => {
    await reserve('one', cents(1));
    const later = Date.now() + 60_000;
    const forget = () => deleteStaleSpending(kit.database, { olderThan: later });
    await forget();
    expect(await sums(), 'a call that is under way is kept').toEqual([0n, cents(1)]);
    await settle('one');
    await forget();
    await forget();
    expect(await sums()).toBeUndefined();
  });
});
