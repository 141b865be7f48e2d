import type { RunRecord } from '@plugboard/engine';
import {
  type JournalWriter,
  type RunKey,
  createJournalWriter,
  createKeyedRuns,
  ensurePartitions,
  seedDefaults,
  uuidv7,
} from '@plugboard/persistence';
import { type TestDatabase, createTestDatabase } from '@plugboard/persistence/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Deliveries, createDeliveries } from './deliveries.ts';

let db: TestDatabase;
let journal: JournalWriter;
let workspaceId: string;
const writerId = crypto.randomUUID();
/** What the next attempts to store do: nothing special, fail before, or fail after they have stored. */
const faults: ('before' | 'after')[] = [];
let deliveries: Deliveries;

beforeAll(async () => {
  db = await createTestDatabase();
  const { database } = db;
  ({ workspaceId } = await seedDefaults(database));
  await database.withClient((client) => ensurePartitions(client, new Date()));
  journal = createJournalWriter({ connect: () => database.createWriterClient(), writerId, ensurePartitions: () => Promise.resolve() });
  const keyedRuns = createKeyedRuns({
    writerId,
    async withClient(use) {
      const fault = faults.shift();
      if (fault === 'before') throw new Error('the connection was refused');
      const result = await database.withClient(use);
      if (fault === 'after') throw new Error('the connection broke');
      return result;
    },
  });
  deliveries = createDeliveries({ database, journal, keyedRuns, log: { warn: () => undefined } });
});
afterAll(async () => {
  await journal.close();
  await db.close();
});

const key = (name: string): RunKey => ({ scope: 'webhook:test', key: name, expiresAt: Date.now() + 60_000 });

function start(keys: readonly RunKey[]): { readonly id: string; readonly taken: Promise<string>; readonly result: Promise<string> } {
  const id = uuidv7();
  const taken = Promise.withResolvers<string>();
  if (keys.length > 0) deliveries.expect(id, keys, taken.resolve);
  const at = Date.now();
  const record: RunRecord = {
    head: { id, workspaceId, workflowId: uuidv7(), environment: 1, version: 1, triggerKind: 'webhook', rootRunId: id, startedAt: at },
    create: true,
    status: 'succeeded',
    end: { status: 'succeeded', endedAt: at },
    fence: 1,
    fromSeq: 0,
    toSeq: 1,
    bytes: '[{"type":"run.ended"}]',
  };
  return { id, taken: taken.promise, result: new Promise((resolve) => deliveries.journal.append(record, ({ kind }) => resolve(kind))) };
}

async function stored(id: string): Promise<number> {
  return (await db.database.query('select from run where id = $1', [id])).length;
}

test('of equal deliveries at once one is stored, and the others learn which', async () => {
  const all = Array.from({ length: 6 }, () => start([key('same')]));
  const results = await Promise.all(all.map((one) => one.result));
  expect(results.toSorted()).toEqual(['committed', 'lost', 'lost', 'lost', 'lost', 'lost']);
  const winner = all[results.indexOf('committed')];
  for (const [i, one] of all.entries()) {
    if (results[i] === 'lost') expect([await one.taken, await stored(one.id)]).toEqual([winner?.id, 0]);
  }
  expect(await deliveries.find({ workspaceId }, key('same'))).toBe(winner?.id);
});

test('a delivery whose storing failed is stored later, once, also where it had been stored already', async () => {
  for (const fault of ['before', 'after'] as const) {
    faults.push(fault);
    const one = start([key(`after ${fault}`)]);
    expect([await one.result, await stored(one.id)]).toEqual(['committed', 1]);
    expect(await deliveries.find({ workspaceId }, key(`after ${fault}`))).toBe(one.id);
  }
});

test('a run without a key goes the usual way, and a drain waits for both', async () => {
  faults.push('before');
  const [plain, keyed] = [start([]), start([key('drained')])];
  let isStored = false;
  void keyed.result.then(() => (isStored = true));
  await deliveries.journal.drain();
  expect([isStored, await plain.result, await stored(plain.id), await stored(keyed.id)]).toEqual([true, 'committed', 1, 1]);
});

test('an answer is kept as it went out; one that is too large, or no text, is not', async () => {
  const reply = {
    workspaceId,
    fingerprint: 'f',
    status: 201,
    headers: { 'content-type': 'text/plain', 'x-a': '1' },
    body: 'made',
    expiresAt: Date.now() + 60_000,
  };
  const [small, large, odd, old] = [uuidv7(), uuidv7(), uuidv7(), uuidv7()];
  await deliveries.keep({ ...reply, runId: small });
  await deliveries.keep({ ...reply, runId: small, body: 'another' });
  await deliveries.keep({ ...reply, runId: large, body: 'x'.repeat(300_000) });
  await deliveries.keep({ ...reply, runId: odd, body: 'a\0b' });
  await deliveries.keep({ ...reply, runId: old, expiresAt: Date.now() - 1 });
  const replyOf = (runId: string, more: object = {}) => deliveries.replyOf({ workspaceId, runId, fingerprint: 'f', ...more });
  expect(await replyOf(small)).toEqual({ status: 201, headers: reply.headers, body: 'made' });
  for (const id of [large, odd, old, uuidv7()]) expect(await replyOf(id)).toBeUndefined();
  expect(await replyOf(small, { workspaceId: uuidv7() })).toBeUndefined();
  expect(await replyOf(small, { fingerprint: 'of something else' })).toBeUndefined();
});
