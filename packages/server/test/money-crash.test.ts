/** A server that is killed between the reservation of a paid call and its settlement: the books are right whichever process goes on. */
import { randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { FaultServer } from './fault-server.ts';
import { type Gate, type TestServer, anEdge, openGate, startTestServer, until } from './test-server.ts';

const SHARED = { PLUGBOARD_ROOT_KEY: randomBytes(32).toString('hex'), PLUGBOARD_EGRESS_ALLOW: '127.0.0.0/8' };
const PRICE = '20000000000';

/** The server that lives on. */
let other: TestServer;
/** The one that dies. */
let child: FaultServer;
/** The paid service. */
let service: Gate;

beforeAll(async () => {
  other = await startTestServer({ env: SHARED });
});
beforeEach(async () => {
  service = await openGate();
  child = new FaultServer({ DATABASE_URL: other.database.url, ...SHARED });
  await child.begin();
});
afterEach(async () => {
  await child.kill();
  await child.remove();
  await service.close();
});
afterAll(() => other.close());

/** Starts a run on the server that will die, and gives its id once its paid call is with the service. */
async function paidCall(method: 'GET' | 'POST', afterUnknown: 'ask' | 'retry'): Promise<string> {
  const definition = {
    schema: 1,
    name: `Pays with ${method} and may ${afterUnknown}`,
    nodes: [
      ['start', 'core/manual', {}],
      ['pay', 'core/http-request', { method, url: service.url, price: 0.02, afterUnknown }],
    ].map(([id, type, params]) => ({ id, type, position: { x: 0, y: 0 }, data: { name: id, typeVersion: 1, params } })),
    edges: [anEdge('start', 'pay')],
  };
  const { workflowId } = await child.api<{ workflowId: string }>('POST', '/workflows/import', { definition, publish: true });
  const { runId } = await child.api<{ runId: string }>('POST', '/runs', { workflowId, input: {} });
  await until(
    () => service.seen.length,
    (requests) => requests === 1,
  );
  return runId;
}

interface Detail {
  readonly status: string;
  readonly waitingFor?: string;
  readonly budget?: { readonly spentPd: string; readonly reservedPd: string };
}
const detail = async (runId: string) => (await other.api<Detail>('GET', `/runs/${runId}/detail`)).json;

test('rule 24: a call whose server died settles at what was reserved when its time is over, and meanwhile counts as reserved', async () => {
  const runId = await paidCall('POST', 'ask');
  await child.kill();
  const held = await until(
    () => detail(runId),
    (run) => run.status === 'waiting',
  );
  expect(held).toMatchObject({ waitingFor: 'unknown_effect', budget: { spentPd: '0', reservedPd: PRICE } });
  // The clock of the database says when its time is over.
  await other.database.database.query('update reservation set expires_at = clock_timestamp() where run_id = $1', [runId]);
  const settled = await until(
    () => detail(runId),
    (run) => run.budget?.reservedPd === '0',
  );
  expect(settled).toMatchObject({ status: 'waiting', budget: { spentPd: PRICE } });
  expect(await other.database.database.query('select state, is_unknown from reservation where run_id = $1', [runId])).toEqual([
    { state: 'settled', is_unknown: true },
  ]);
  expect(service.seen).toHaveLength(1);
});

test.each(['POST', 'GET'] as const)('rule 24: a %s that is repeated after a crash is reserved and paid once', async (method) => {
  const runId = await paidCall(method, 'retry');
  await child.kill();
  await until(
    () => service.seen.length,
    (requests) => requests === 2,
  );
  expect(await detail(runId)).toMatchObject({ budget: { spentPd: '0', reservedPd: PRICE } });
  service.open();
  const done = await until(
    () => detail(runId),
    (run) => run.status === 'succeeded',
  );
  expect(done.budget).toMatchObject({ spentPd: PRICE, reservedPd: '0' });
  const keys = service.seen.map(({ headers }) => headers['idempotency-key']);
  expect(new Set(keys).size).toBe(1);
});
