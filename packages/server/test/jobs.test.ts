/** Jobs of a server that is killed in the middle: the next one goes on where it was, and each thing is done once. */
import { type TestDatabase, createTestDatabase } from '@plugboard/persistence/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { FaultServer } from './fault-server.ts';
import { aWorkflow, until } from './test-server.ts';

const THINGS = 60;
/** Where the server is killed, and where it is stopped. */
const [KILLED_AT, STOPPED_AT] = [10, 30];

let database: TestDatabase;
let server: FaultServer;

beforeAll(async () => {
  database = await createTestDatabase();
  server = new FaultServer({ DATABASE_URL: database.url });
});
afterAll(async () => {
  await server.kill();
  await server.remove();
  await database.close();
});

/** Keeps the job that publishes this workflow waiting at it. Gives what lets it go on. */
async function hold(workflowId = ''): Promise<() => Promise<void>> {
  const client = database.database.createWriterClient();
  await client.connect();
  await client.query('begin');
  await client.query('select from workflow where id = $1 for update', [workflowId]);
  return () => client.end();
}

interface JobBody {
  readonly state: string;
  readonly done: number;
  readonly failed: number;
  readonly unchanged: number;
}

test('a job goes on after kill -9 and after a stop, and every workflow is published exactly once', { timeout: 240_000 }, async () => {
  await server.begin();
  const workflows = Array.from({ length: THINGS }, (_, n) => aWorkflow(`Published ${n}`, { path: `published-${n}` }));
  const { rows } = await server.api<{ rows: { workflowId: string }[] }>('POST', '/workflows/import-many', { workflows });
  const ids = rows.map((row) => row.workflowId);
  const letGo = await Promise.all([KILLED_AT, STOPPED_AT].map((n) => hold(ids[n])));
  const { id } = await server.api<{ id: string }>('POST', '/bulk/workflows', { act: 'publish', ids });
  const job = (): Promise<JobBody> => server.api('GET', `/jobs/${id}`);

  expect(await until(job, ({ done }) => done === KILLED_AT)).toMatchObject({ state: 'running' });
  await server.kill();
  await letGo[0]?.();
  // Its lease is over, as it would be half a minute later.
  await database.database.query('update job set lease_until = now() where id = $1', [id]);
  await server.begin();
  expect(await until(job, ({ done }) => done === STOPPED_AT)).toMatchObject({ state: 'running' });
  const stopped = server.stop();
  // The thing at hand is brought to its end.
  await letGo[1]?.();
  await stopped;
  // Given back: the next one need not wait.
  expect(await database.database.query('select state from job where id = $1', [id])).toEqual([{ state: 'queued' }]);
  await server.begin();
  expect(await until(job, ({ state }) => state === 'succeeded')).toMatchObject({ done: THINGS, failed: 0, unchanged: 0 });

  const count = async (text: string): Promise<number> => (await database.database.query<{ n: number }>(text, [ids]))[0]?.n ?? -1;
  expect(await count('select count(*)::int4 as n from job_item where item_id = any($1)')).toBe(THINGS);
  expect(await count('select count(*)::int4 as n from version where workflow_id = any($1)')).toBe(THINGS);
  expect(await count(`select count(*)::int4 as n from audit where action = 'workflow.publish' and resource_id = any($1)`)).toBe(THINGS);
  expect(await count(`select count(*)::int4 as n from deployment where state = 'active' and version = 1 and workflow_id = any($1)`)).toBe(
    THINGS,
  );
});
