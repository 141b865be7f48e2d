import { type Server, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { inWorkspace, setPollState } from '@plugboard/persistence';
import type { JsonObject } from '@plugboard/sdk';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { type ScheduleKit, type TestProcess, openScheduleKit } from '../schedules/schedules.test-kit.ts';

let kit: ScheduleKit;
let server: TestProcess;
let service: Server;
let url: string;
/** What the service has, and how it answers. */
let items: JsonObject[];
let status: number;
const asked: string[] = [];
beforeAll(async () => {
  kit = await openScheduleKit();
  server = await kit.process();
  service = createServer((req, res) => {
    asked.push(req.url ?? '');
    res.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify({ data: items }));
  });
  await new Promise<void>((resolve) => service.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(service.address() as AddressInfo).port}/list`;
});
afterAll(async () => {
  await kit.close();
  service.closeAllConnections();
  await new Promise((resolve) => service.close(resolve));
});
beforeEach(async () => {
  items = [{ id: 1 }, { id: 2 }];
  status = 200;
  asked.length = 0;
  await kit.database.query('delete from poll');
});

const publish = (params: JsonObject = {}, workflowId?: string): Promise<string> =>
  kit.publish({ url, itemsField: 'data', ...params }, { type: 'core/poll-http', ...(workflowId === undefined ? {} : { workflowId }) });
/** As if the pace had passed, for every server. */
const due = (): Promise<unknown> => kit.database.query('update poll set next_at = now(), claimed_until = null');
const look = async (by: TestProcess = server): Promise<number> => {
  await due();
  return by.polls.look();
};
interface Row {
  readonly failures: number;
  readonly problem: string | null;
  readonly waitMs: number;
  readonly step: string;
}
const row = async (workflowId: string): Promise<Row> => {
  const [found] = await kit.database.query<Row>(
    `select failures, problem, step, (extract(epoch from next_at - now()) * 1000)::float8 as "waitMs" from poll where workflow_id = $1`,
    [workflowId],
  );
  if (!found) throw new Error('the workflow has no poll');
  return found;
};

test('the first answer starts nothing; what is new after it starts one run', async () => {
  const workflowId = await publish();
  expect(await look()).toBe(0);
  items = [{ id: 3 }, { id: 4 }, ...items];
  expect(await look()).toBe(1);
  expect(await look()).toBe(0);
  items = items.toReversed();
  expect(await look()).toBe(0);
  expect(await kit.runCount(workflowId)).toBe(1);
});

test('what is there already starts where that is wanted; what changes starts where that is watched', async () => {
  const all = await publish({ first: 'start' });
  expect(await look()).toBe(1);
  expect(await kit.runCount(all)).toBe(1);
  await kit.database.query('delete from poll');
  await publish({ watch: 'changed' });
  await look();
  items = [{ id: 1, name: 'new' }, { id: 2 }];
  expect(await look()).toBe(1);
  expect(await look()).toBe(0);
});

test('a service is asked only for what came later, where it knows that', async () => {
  items = [
    { id: 1, at: '2026-01-02' },
    { id: 2, at: '2026-01-01' },
  ];
  await publish({ since: true, sinceField: 'at', sinceQuery: 'after' });
  await look();
  await look();
  expect(asked).toEqual(['/list', '/list?after=2026-01-02']);
});

test('rule 19: how far it has come survives a publish and another server; two servers start a page once', async () => {
  const workflowId = await publish();
  await look();
  await publish({ everySeconds: 60 }, workflowId);
  const other = await kit.process();
  items = [{ id: 3 }, ...items];
  await due();
  const counts = await Promise.all([server.polls.look(), other.polls.look()]);
  expect([counts[0] + counts[1], await kit.runCount(workflowId)]).toEqual([1, 1]);
});

test.each(['before', 'after'] as const)('a page starts once when the server is killed %s the commit', async (dies) => {
  const workflowId = await publish();
  await look();
  items = [{ id: 3 }, ...items];
  const dying = await kit.process({ dies, leaseMs: 0 });
  await due();
  void dying.polls.look();
  await dying.isDead;
  expect(await kit.runCount(workflowId)).toBe(dies === 'before' ? 0 : 1);
  await look();
  await look();
  expect(await kit.runCount(workflowId)).toBe(1);
});

test('many new items become several runs, each with its own step of the cursor', async () => {
  const workflowId = await publish();
  items = [];
  await look();
  items = Array.from({ length: 1200 }, (_, id) => ({ id }));
  expect(await look()).toBe(3);
  expect(await look()).toBe(0);
  expect(await kit.runCount(workflowId)).toBe(3);
});

test('a service that fails is asked less and less often and says so; nothing is lost', async () => {
  const workflowId = await publish({ everySeconds: 5 });
  await look();
  status = 500;
  items = [{ id: 3 }, ...items];
  const waits: number[] = [];
  for (let n = 0; n < 4; n += 1) {
    await look();
    waits.push((await row(workflowId)).waitMs);
  }
  expect(waits.every((wait, n) => n === 0 || wait > (waits[n - 1] ?? 0) * 1.5)).toBe(true);
  expect(await row(workflowId)).toMatchObject({ failures: 4, problem: expect.stringContaining('HTTP_500') });
  status = 200;
  expect(await look()).toBe(1);
  expect(await row(workflowId)).toMatchObject({ failures: 0, problem: null });
});

test('an answer that is no list, and an item without an id, are told by name', async () => {
  const one = await publish({ itemsField: 'orders' });
  await look();
  expect((await row(one)).problem).toContain('LIST_MISSING');
  const other = await publish({ idField: 'number' });
  await look();
  expect((await row(other)).problem).toContain('ID_MISSING');
});

test('one that is paused is not asked, and goes on from where it was', async () => {
  const workflowId = await publish();
  await look();
  const [poll] = await kit.database.query<{ id: string }>('select id from poll where workflow_id = $1', [workflowId]);
  await inWorkspace(kit.database, kit.place, (tx) => setPollState(tx, poll?.id ?? '', 'paused'));
  items = [{ id: 3 }, ...items];
  expect(await look()).toBe(0);
  await inWorkspace(kit.database, kit.place, (tx) => setPollState(tx, poll?.id ?? '', 'active'));
  expect(await look()).toBe(1);
});
