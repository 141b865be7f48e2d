import {
  advanceSchedule,
  countHeldTimetables,
  inWorkspace,
  loadDump,
  openDump,
  releaseHeldRuns,
  pauseDeployment,
  resumeDeployment,
  setScheduleState,
} from '@plugboard/persistence';
import { createTestDatabase } from '@plugboard/persistence/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ScheduleKit, type TestProcess, openScheduleKit } from './schedules.test-kit.ts';

const MINUTE = 60_000;
let kit: ScheduleKit;
let server: TestProcess;
beforeAll(async () => {
  kit = await openScheduleKit();
  server = await kit.process();
});
afterAll(() => kit.close());

const times = async (workflowId: string): Promise<string[]> => (await kit.fired(workflowId)).map((one) => one.at.slice(11, 16));
const EVERY_TEN = { cron: '*/10 * * * *' };
/** Noon of a day of its own, so that no test sees the schedules of another one fall due. */
let day = Date.UTC(2027, 0, 1, 12);
const nextNoon = (): number => (kit.clock.now = day += 24 * 60 * MINUTE);
/** Nothing of an earlier test is due any more. */
const alone = async (): Promise<number> => {
  await kit.database.query(`delete from schedule`);
  return nextNoon();
};

describe('rule 19: a slot', () => {
  test('is fired once, with the instant it was due at, and the schedule goes on with the next', async () => {
    const noon = await alone();
    const workflowId = await kit.publish(EVERY_TEN);
    kit.clock.now = noon + 1;
    expect([await server.schedules.look(), await server.schedules.look()]).toEqual([1, 0]);
    expect(await kit.fired(workflowId)).toEqual([{ at: new Date(noon).toISOString(), runId: (await kit.row(workflowId)).lastRunId }]);
    expect((await kit.row(workflowId)).nextDue?.getTime()).toBe(noon + 10 * MINUTE);
  });

  test('is fired once by two servers that look at the same time', async () => {
    const noon = await alone();
    const other = await kit.process();
    const ids = await Promise.all(Array.from({ length: 20 }, () => kit.publish(EVERY_TEN)));
    kit.clock.now = noon + 1;
    const counts = await Promise.all([server.schedules.look(), other.schedules.look()]);
    expect(counts[0] + counts[1]).toBe(20);
    for (const id of ids) expect([(await kit.fired(id)).length, await kit.runCount(id)]).toEqual([1, 1]);
  });

  test('is fired once by two servers that both believe to hold it, because the lease ran out under one', async () => {
    const noon = await alone();
    const workflowId = await kit.publish(EVERY_TEN);
    const others = await Promise.all([kit.process({ leaseMs: 0 }), kit.process({ leaseMs: 0 }), kit.process({ leaseMs: 0 })]);
    kit.clock.now = noon + 1;
    await Promise.all(others.map((one) => one.schedules.look()));
    await server.schedules.look();
    expect([await times(workflowId), await kit.runCount(workflowId)]).toEqual([['12:00'], 1]);
  });

  test.each(['before', 'after'] as const)('is fired once when the server is killed %s the commit', async (dies) => {
    const noon = await alone();
    const workflowId = await kit.publish(EVERY_TEN);
    const dying = await kit.process({ dies, leaseMs: 0 });
    kit.clock.now = noon + 1;
    void dying.schedules.look();
    await dying.isDead;
    expect((await kit.fired(workflowId)).length).toBe(dies === 'before' ? 0 : 1);
    await server.schedules.look();
    await server.schedules.look();
    expect([await times(workflowId), await kit.runCount(workflowId)]).toEqual([['12:00'], 1]);
    expect((await kit.row(workflowId)).nextDue?.getTime()).toBe(noon + 10 * MINUTE);
  });

  test('of a killed server waits for its lease, so that a slow one is not overtaken', async () => {
    const noon = await alone();
    const workflowId = await kit.publish(EVERY_TEN);
    const dying = await kit.process({ dies: 'before' });
    kit.clock.now = noon + 1;
    void dying.schedules.look();
    await dying.isDead;
    expect(await server.schedules.look()).toBe(0);
    await kit.database.query(`update schedule set claimed_until = now() where workflow_id = $1`, [workflowId]);
    expect(await server.schedules.look()).toBe(1);
  });

  test('is not fired again when the workflow is taken out of service and published once more', async () => {
    const noon = await alone();
    const workflowId = await kit.publish(EVERY_TEN);
    kit.clock.now = noon + 1;
    await server.schedules.look();
    await kit.unpublish(workflowId);
    await expect(kit.row(workflowId)).rejects.toThrow('no schedule');
    await kit.publish(EVERY_TEN, { workflowId });
    await kit.database.query(
      `update schedule set next_due = to_timestamp($2::float8 / 1000), next_at = to_timestamp($2::float8 / 1000) where workflow_id = $1`,
      [workflowId, noon],
    );
    await server.schedules.look();
    expect([await times(workflowId), await kit.runCount(workflowId)]).toEqual([['12:00'], 1]);
  });
});

describe('SERVER 7: a publish', () => {
  test('keeps the next slot of a schedule that says the same, and starts anew where it says something else', async () => {
    const noon = await alone();
    const workflowId = await kit.publish(EVERY_TEN);
    const before = (await kit.row(workflowId)).nextDue;
    await kit.publish({ ...EVERY_TEN, missed: 'all' }, { workflowId });
    expect((await kit.row(workflowId)).nextDue).toEqual(before);
    await kit.publish({ cron: '*/7 * * * *' }, { workflowId });
    const { nextDue } = await kit.row(workflowId);
    expect(nextDue?.getTime()).not.toBe(noon);
    expect((nextDue?.getUTCMinutes() ?? 1) % 7).toBe(0);
  });

  test('while a run is being started makes that slot none of the old version', async () => {
    const noon = await alone();
    const workflowId = await kit.publish(EVERY_TEN);
    const { id } = await kit.row(workflowId);
    expect(await advanceSchedule(kit.database, { id, by: crypto.randomUUID(), fromMs: noon, to: undefined })).toBe(false);
  });
});

describe('S0-011: slots that were missed', () => {
  test.each([
    ['skip', [], 4],
    ['once', ['12:30'], 3],
    ['all', ['12:00', '12:10', '12:20', '12:30'], 0],
  ] as const)('with the policy %s', async (missed, expected, skipped) => {
    const noon = await alone();
    const workflowId = await kit.publish({ ...EVERY_TEN, missed });
    kit.clock.now = noon + 35 * MINUTE;
    await server.schedules.look();
    expect([await times(workflowId), (await kit.row(workflowId)).skipped]).toEqual([expected, skipped]);
    expect((await kit.row(workflowId)).nextDue?.getTime()).toBe(noon + 40 * MINUTE);
  });

  test('are made up for up to the limit of the workspace, the newest first of all', async () => {
    const noon = await alone();
    const bounded = await kit.process({ mostMissed: 2 });
    const workflowId = await kit.publish({ ...EVERY_TEN, missed: 'all' });
    kit.clock.now = noon + 35 * MINUTE;
    await bounded.schedules.look();
    expect(await times(workflowId)).toEqual(['12:20', '12:30']);
  });

  test('by a pause of the schedule or the workflow follow the same policy; meanwhile nothing fires', async () => {
    const noon = await alone();
    const [one, other] = [await kit.publish({ ...EVERY_TEN, missed: 'once' }), await kit.publish({ ...EVERY_TEN, missed: 'skip' })];
    const { id } = await kit.row(one);
    await inWorkspace(kit.database, kit.place, async (tx) => {
      await setScheduleState(tx, id, 'paused');
      await pauseDeployment(tx, other, 'hold');
    });
    kit.clock.now = noon + 25 * MINUTE;
    expect(await server.schedules.look()).toBe(0);
    await inWorkspace(kit.database, kit.place, async (tx) => {
      await setScheduleState(tx, id, 'active');
      await resumeDeployment(tx, other);
    });
    await server.schedules.look();
    expect([await times(one), await times(other)]).toEqual([['12:20'], []]);
  });

  test('rule 11: a restore holds schedules and polls until an operator lets them go on', async () => {
    await alone();
    await kit.publish(EVERY_TEN);
    const dump = await openDump(kit.database);
    const copy = await createTestDatabase({ isEmpty: true });
    try {
      const { schema, partitions, tables } = dump;
      await loadDump(copy.database, { schema, partitions, tables, rows: (table) => dump.read(table).stream, openRuns: 'held' });
      expect(await countHeldTimetables(copy.database)).toBe(1);
      await releaseHeldRuns(copy.database, 'cancel', kit.place.principalId);
      expect(await countHeldTimetables(copy.database)).toBe(0);
      expect(await copy.database.query('select state from schedule')).toEqual([{ state: 'active' }]);
    } finally {
      await dump.close();
      await copy.close();
    }
  });

  test('rule 11: a schedule that is held after a restore fires nothing', async () => {
    const noon = await alone();
    const workflowId = await kit.publish(EVERY_TEN);
    await kit.database.query(`update schedule set state = 'held' where workflow_id = $1`, [workflowId]);
    kit.clock.now = noon + 1;
    expect(await server.schedules.look()).toBe(0);
  });
});

describe('rule 18: a clock', () => {
  test('that jumps back fires nothing twice, and one that jumps ahead leaves slots to the policy', async () => {
    const noon = await alone();
    const workflowId = await kit.publish({ ...EVERY_TEN, missed: 'once' });
    kit.clock.now = noon + 10 * MINUTE;
    await server.schedules.look();
    kit.clock.now = noon - 60 * MINUTE;
    expect(await server.schedules.look()).toBe(0);
    kit.clock.now = noon + 1;
    expect(await server.schedules.look()).toBe(0);
    kit.clock.now = noon + 120 * MINUTE + 1;
    await server.schedules.look();
    // On time is what fell due within the last minute; of the missed ones there is one run.
    expect(await times(workflowId)).toEqual(['12:00', '12:10', '13:50', '14:00']);
  });
});

describe('when the run before still goes on', () => {
  const statusOf = async (runId: string): Promise<number | undefined> =>
    (await kit.database.query<{ status: number }>('select status from run where id = $1', [runId]))[0]?.status;

  test('it is started beside it, left out, or waits, as the schedule says', async () => {
    const noon = await alone();
    const [allow, skip, queue] = [
      await kit.publish({ ...EVERY_TEN, overlap: 'allow' }, { waits: true }),
      await kit.publish({ ...EVERY_TEN, overlap: 'skip' }, { waits: true }),
      await kit.publish({ ...EVERY_TEN, overlap: 'queue' }, { waits: true }),
    ];
    for (const minutes of [0, 10, 20]) {
      kit.clock.now = noon + minutes * MINUTE + 1;
      await server.schedules.look();
    }
    expect([await times(allow), await times(skip), await times(queue)]).toEqual([['12:00', '12:10', '12:20'], ['12:00'], ['12:00']]);
    expect((await kit.row(skip)).skipped).toBe(2);

    // The run ends: what waited for it follows, one after the other.
    const [first] = await kit.fired(queue);
    await kit.database.query('delete from run_live where run_id = $1', [first?.runId]);
    await kit.database.query('update schedule set claimed_until = now()');
    await server.schedules.look();
    expect(await times(queue)).toEqual(['12:00', '12:10']);
  });

  test('the older one is cancelled where the schedule says so', async () => {
    const noon = await alone();
    const workflowId = await kit.publish({ ...EVERY_TEN, overlap: 'cancel' }, { waits: true });
    kit.clock.now = noon + 1;
    await server.schedules.look();
    kit.clock.now = noon + 10 * MINUTE + 1;
    await server.schedules.look();
    const [older, newer] = await kit.fired(workflowId);
    await expect.poll(() => statusOf(older?.runId ?? ''), { timeout: 30_000 }).toBe(6);
    expect(await statusOf(newer?.runId ?? '')).not.toBe(6);
  });
});

test('a schedule whose version cannot be loaded says so and is tried again; others are not held up', async () => {
  const noon = await alone();
  const [broken, sound] = [await kit.publish(EVERY_TEN), await kit.publish(EVERY_TEN)];
  await kit.database.query('update schedule set version = 99 where workflow_id = $1', [broken]);
  kit.clock.now = noon + 1;
  expect(await server.schedules.look()).toBe(1);
  expect((await kit.row(broken)).problem).toContain('99');
  await kit.database.query('update schedule set version = 1, claimed_until = now() where workflow_id = $1', [broken]);
  expect(await server.schedules.look()).toBe(1);
  expect([(await kit.row(broken)).problem, await times(sound)]).toEqual([null, ['12:00']]);
});

test('S0-108: 1,000 schedules that are due at one instant are all fired, each once, within seconds', async () => {
  const noon = await alone();
  const workflowId = await kit.publish(EVERY_TEN);
  await kit.database.query(
    `insert into schedule (id, workspace_id, workflow_id, environment, node_id, node_name, version, spec, zone, missed, overlap, next_due, next_at)
       select gen_random_uuid(), workspace_id, workflow_id, environment + n, node_id, node_name, version, spec, zone, missed, overlap, next_due, next_at
         from schedule, generate_series(1, 999) n where workflow_id = $1`,
    [workflowId],
  );
  await kit.database.query(`insert into environment (workspace_id, n, name) select $1, 1 + n, 'e' || n from generate_series(1, 999) n`, [
    kit.place.workspaceId,
  ]);
  await kit.database.query(
    `insert into deployment (workflow_id, environment, workspace_id, version, state, deployed_by)
       select workflow_id, 1 + n, workspace_id, version, 'active', deployed_by from deployment, generate_series(1, 999) n where workflow_id = $1`,
    [workflowId],
  );
  kit.clock.now = noon + 1;
  const startedAt = performance.now();
  let count = 0;
  for (let started = -1; started !== 0; count += started) started = await server.schedules.look();
  const tookMs = performance.now() - startedAt;
  expect([count, await kit.runCount(workflowId)]).toEqual([1000, 1000]);
  expect(tookMs).toBeLessThan(20_000);
});
