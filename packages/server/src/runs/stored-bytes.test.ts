/** What runs may keep outside the database: counted cheaply, refused clearly, and room that was made is noticed. */
import { savePlan, seedDefaults, uuidv7 } from '@plugboard/persistence';
import { type TestDatabase, createTestDatabase } from '@plugboard/persistence/testing';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { type StoredBytes, createStoredBytes } from './stored-bytes.ts';

const MIB = 1024 * 1024;
let db: TestDatabase;
let workspaceId = '';
let now = 0;
let limitMegabytes = 0;
let stored: StoredBytes;

beforeAll(async () => {
  db = await createTestDatabase();
  ({ workspaceId } = await seedDefaults(db.database));
});
beforeEach(async () => {
  now = 1_000_000;
  limitMegabytes = 0;
  await db.database.query('truncate run_payload');
  stored = createStoredBytes({
    database: db.database,
    limitMegabytes: () => limitMegabytes,
    log: { warn: (fields, message) => expect.fail(`${message} ${JSON.stringify(fields)}`) },
    now: () => now,
  });
});
afterAll(() => db.close());

const keep = (sizeBytes: number, sha256: string = crypto.randomUUID()): Promise<unknown> =>
  db.database.query('insert into run_payload (workspace_id, sha256, run_id, size_bytes) values ($1, $2, $3, $4)', [
    workspaceId,
    sha256,
    uuidv7(),
    sizeBytes,
  ]);

test('without a limit nothing is refused', async () => {
  stored.take(workspaceId, MIB);
  await stored.refresh();
  expect(stored.take(workspaceId, 1e15)).toBeUndefined();
});

test('a payload that several runs name counts once, and what goes over the limit is told with what to do', async () => {
  limitMegabytes = 10;
  await keep(6 * MIB, 'same');
  await keep(6 * MIB, 'same');
  stored.take(workspaceId, 0);
  await stored.refresh();
  expect(stored.take(workspaceId, 3 * MIB)).toBeUndefined();
  const refusal = stored.take(workspaceId, 2 * MIB);
  expect(refusal).toMatchObject({ code: 'QUOTA_EXCEEDED', kind: 'input' });
  expect(refusal?.message).toMatch(/store 11 MiB .* room for 10 MiB\. Delete runs/);
});

test('where room was made it is used, without a restart', async () => {
  limitMegabytes = 1;
  await keep(2 * MIB);
  stored.take(workspaceId, 0);
  await stored.refresh();
  expect(stored.take(workspaceId, 100)).toBeDefined();
  await db.database.query('truncate run_payload');
  now += 3000;
  stored.take(workspaceId, 100);
  await stored.refresh();
  expect(stored.take(workspaceId, 100)).toBeUndefined();
});

test('the limit of the plan counts beside the setting, whichever is lower', async () => {
  await savePlan(db.database, { key: 'small', name: 'Small', limits: { payloadBytes: 3 * MIB } });
  await db.database.query(`update workspace set plan_key = 'small' where id = $1`, [workspaceId]);
  limitMegabytes = 100;
  stored.take(workspaceId, 0);
  await stored.refresh();
  expect(stored.take(workspaceId, 4 * MIB)?.code).toBe('QUOTA_EXCEEDED');
});
