import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { peopleKit } from '../test/people-kit.ts';
import type { TestDatabase } from '../test/test-database.ts';
import { createTestDatabase } from '../test/test-database.ts';
import { uuidv7 } from './ids.ts';
import type { WorkspaceTransaction } from './in-workspace.ts';
import { claimPluginKeys, deleteExpiredPluginState, readPluginState, writePluginState } from './plugin-state.ts';

let db: TestDatabase;
let inHome: <Result>(use: (tx: WorkspaceTransaction) => Promise<Result>) => Promise<Result>;
let inAway: typeof inHome;
beforeAll(async () => {
  db = await createTestDatabase();
  const kit = peopleKit(db.database);
  const [home, away] = [await kit.workspace('home'), await kit.workspace('away')];
  inHome = (use) => kit.as({ workspaceId: home.workspaceId, principalId: home.ownerId }, use);
  inAway = (use) => kit.as({ workspaceId: away.workspaceId, principalId: away.ownerId }, use);
});
afterAll(() => db.close());

const aNode = () => ({ workflowId: uuidv7(), environment: 1, nodeId: 'n' });
const MANY = 1000;

describe('values between runs', () => {
  test('belong to one node of one workflow in one environment and workspace', async () => {
    const node = aNode();
    expect(await inHome((tx) => readPluginState(tx, node, 'k'))).toBeUndefined();
    await inHome((tx) => writePluginState(tx, node, 'k', { n: [1] }, MANY));
    expect(await inHome((tx) => readPluginState(tx, node, 'k'))).toEqual({ n: [1] });
    for (const other of [aNode(), { ...node, environment: 0 }, { ...node, nodeId: 'm' }])
      expect(await inHome((tx) => readPluginState(tx, other, 'k'))).toBeUndefined();
    expect(await inAway((tx) => readPluginState(tx, node, 'k'))).toBeUndefined();
    await inHome((tx) => writePluginState(tx, node, 'k', undefined, MANY));
    expect(await inHome((tx) => readPluginState(tx, node, 'k'))).toBeUndefined();
  });

  test('are bounded in number; those that are there can still change', async () => {
    const node = aNode();
    expect(await inHome((tx) => writePluginState(tx, node, 'a', 1, 1))).toBe('done');
    expect(await inHome((tx) => writePluginState(tx, node, 'b', 1, 1))).toBe('full');
    expect(await inHome((tx) => writePluginState(tx, node, 'a', 2, 1))).toBe('done');
  });
});

describe('keys that runs take', () => {
  const claim = (node: ReturnType<typeof aNode>, runId: string, keys: readonly string[], more: object = {}) =>
    inHome((tx) => claimPluginKeys(tx, node, { keys, runId, keepMs: 60_000, maxKeys: MANY, ...more }));

  test('go to the first run that asks, and to its retries again', async () => {
    const node = aNode();
    const [first, second] = [uuidv7(), uuidv7()];
    expect([...(await claim(node, first, ['a', 'b', 'a']))].toSorted()).toEqual(['a', 'b']);
    expect([...(await claim(node, second, ['b', 'c']))]).toEqual(['c']);
    expect([...(await claim(node, first, ['a', 'b', 'c']))].toSorted()).toEqual(['a', 'b']);
  });

  test('of many runs at once each key goes to one, and none waits for ever', async () => {
    const node = aNode();
    const keys = Array.from({ length: 50 }, (_, n) => `k${n}`);
    const won = await Promise.all(Array.from({ length: 8 }, (_, n) => claim(node, uuidv7(), n % 2 ? keys : keys.toReversed())));
    expect(won.flatMap((set) => [...set]).toSorted()).toEqual(keys.toSorted());
  });

  test('are free again after their time, and the oldest give way above the most', async () => {
    const node = aNode();
    await claim(node, uuidv7(), ['old'], { keepMs: 0 });
    expect([...(await claim(node, uuidv7(), ['old'], { keepMs: 0 }))]).toEqual(['old']);
    expect(await deleteExpiredPluginState(db.database)).toBeGreaterThan(0);
    await claim(node, uuidv7(), ['one']);
    await claim(node, uuidv7(), ['two'], { maxKeys: 1 });
    expect([...(await claim(node, uuidv7(), ['one', 'two']))]).toEqual(['one']);
  });
});
