/** Two servers on one database have many schedules that are due at the same instants, and one of them is killed while they fire. */
import { randomBytes, randomInt } from 'node:crypto';
import { openDatabase } from '@plugboard/persistence';
import { createTestDatabase } from '@plugboard/persistence/testing';
import { afterEach, expect, onTestFailed, test } from 'vitest';
import { readRuns } from './fault-checks.ts';
import { FaultServer } from './fault-server.ts';
import { until } from './test-server.ts';

const WORKFLOWS = 4;
const SCHEDULES_EACH = 50;
const INSTANTS = 3;
const EVERY_S = 3;
/** Until the first instant: what is published by then is not missed. */
const AHEAD_MS = 4000;
const ALL = WORKFLOWS * SCHEDULES_EACH * INSTANTS;

const closings: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closings.splice(0).toReversed()) await close();
});

function manySchedules(name: string, startMs: number): object {
  const params = {
    intervals: [{ unit: 'seconds', every: EVERY_S }],
    startAt: new Date(startMs).toISOString(),
    endAt: new Date(startMs + EVERY_S * 1000 * (INSTANTS - 1) + 500).toISOString(),
    missed: 'all',
  };
  const nodes = Array.from({ length: SCHEDULES_EACH }, (_, n) => ({
    id: `${name}-${n}`,
    type: 'core/schedule',
    position: { x: 0, y: n * 100 },
    data: { name: `At ${n}`, typeVersion: 1, params },
  }));
  return { schema: 1, name, nodes, edges: [], settings: { timezone: 'UTC' } };
}

test('S0-108, rules 1, 19: of 200 schedules due at the same instants each fires once, when one of two servers is killed meanwhile', async () => {
  const shared = await createTestDatabase();
  closings.push(() => shared.close());
  const env = { DATABASE_URL: shared.url, PLUGBOARD_ROOT_KEY: randomBytes(32).toString('hex'), PLUGBOARD_CONCURRENT_RUNS: '50' };
  const servers = [new FaultServer(env), new FaultServer(env)] as const;
  for (const server of servers) closings.push(() => server.remove());
  const [survivor, victim] = servers;
  onTestFailed(() => void process.stderr.write(`what was logged last:\n${servers.map((one) => one.log.slice(-3000)).join('\n')}\n`));
  await survivor.begin();
  await victim.begin();
  const database = await openDatabase({ url: shared.url, poolSize: 2 });
  closings.push(() => database.close());
  const count = async (): Promise<number> => (await database.query<{ n: number }>('select count(*)::int4 as n from run'))[0]?.n ?? 0;

  const startMs = Math.ceil((Date.now() + AHEAD_MS) / 1000) * 1000;
  const names = Array.from({ length: WORKFLOWS }, (_, n) => `times-${n}`);
  await Promise.all(
    names.map((name) => survivor.api('POST', '/workflows/import', { definition: manySchedules(name, startMs), publish: true })),
  );
  expect(Date.now(), 'published before they are due').toBeLessThan(startMs);

  // In the first or the second instant, so that what the dead one held is free again in good time.
  const killAfter = randomInt(1, ALL / 2);
  await until(count, (runs) => runs >= killAfter);
  await victim.kill();
  await until(count, (runs) => runs >= ALL);
  await until(
    async () => (await database.query('select from run_live')).length,
    (open) => open === 0,
  );

  const fired = (await readRuns(database)).map(({ status, events: [start] }) => {
    if (start?.type !== 'run.started') throw new Error('a run that never started');
    return `${start.trigger} at ${String(start.outputs['main']?.items[0]?.json['dueAt'])}: ${status}`;
  });
  const instants = Array.from({ length: INSTANTS }, (_, n) => new Date(startMs + n * EVERY_S * 1000).toISOString());
  const due = names.flatMap((name) => Array.from({ length: SCHEDULES_EACH }, (_, n) => `${name}-${n}`));
  const wanted = due.flatMap((schedule) => instants.map((instant) => `${schedule} at ${instant}: succeeded`));
  expect(fired.toSorted(), `killed after ${killAfter} runs`).toEqual(wanted.toSorted());
});
