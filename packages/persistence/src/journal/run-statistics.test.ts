/** Counts of runs stay the same however they are put together. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type TestDatabase, createTestDatabase } from '../../test/test-database.ts';
import { uuidv7 } from '../ids.ts';
import { inWorkspace } from '../in-workspace.ts';
import { seedDefaults } from '../seed.ts';
import { rollUpStatistics } from './run-roll-up.ts';
import { type RunStatistics, type RunStatisticsOptions, runStatistics } from './run-statistics.ts';

const HOUR_MS = 60 * 60_000;
const DAY_MS = 24 * HOUR_MS;
/** In the middle of a day, so that both ends of what is asked lie inside of one. */
const NOW = Date.UTC(2026, 10, 20, 14, 7);
const WRITERS = [uuidv7(), uuidv7()];

let db: TestDatabase;
let workspaceId = '';
let principalId = '';
let workflowId = '';
beforeAll(async () => {
  db = await createTestDatabase();
  const defaults = await seedDefaults(db.database);
  ({ workspaceId } = defaults);
  principalId = defaults.systemPrincipalId;
  workflowId = uuidv7();
  await db.database.query(`insert into workflow (id, workspace_id, project_id, name, created_by) values ($1, $2, $3, 'Counted', $4)`, [
    workflowId,
    workspaceId,
    defaults.projectId,
    principalId,
  ]);
});
beforeEach(async () => {
  await db.database.query('truncate run_stats, run_stats_day, run_stats_zone');
  await db.database.query(`update workspace set zone = 'UTC'`);
});
afterAll(() => db.close());

/** As the journal counts: a run of this writer ended then. */
const count = (endedAt: number, { status = 4, writer = WRITERS[0], n = 1 } = {}): Promise<unknown> =>
  db.database.query(
    `insert into run_stats as s (workspace_id, workflow_id, environment, bucket, status, writer, n)
       values ($1, $2, 1, date_bin('15 minutes', to_timestamp($3::float8 / 1000), timestamptz '1970-01-01 00:00:00+00'), $4, $5, $6)
       on conflict (workspace_id, workflow_id, environment, bucket, status, writer) do update set n = s.n + excluded.n`,
    [workspaceId, workflowId, endedAt, status, writer, n],
  );

const statistics = (more: Partial<RunStatisticsOptions> = {}): Promise<RunStatistics> =>
  inWorkspace(db.database, { workspaceId, principalId }, (tx) =>
    runStatistics(tx, { visible: { kind: 'all' }, since: NOW - 30 * DAY_MS, until: NOW, by: 'day', ...more }),
  );
const rollUp = (before = NOW - 2 * HOUR_MS, limit = 5000): Promise<number> => rollUpStatistics(db.database, { workspaceId, before, limit });
const bySpan = async (): Promise<unknown> =>
  Promise.all([statistics(), statistics({ since: NOW - 3 * DAY_MS, by: 'hour' }), statistics({ since: NOW - DAY_MS, by: 'quarter' })]);

/** Two processes, several states, all over the month. */
async function aMonth(): Promise<void> {
  for (let hour = 0; hour < 30 * 24; hour += 5)
    await count(NOW - hour * HOUR_MS, { status: hour % 3 === 0 ? 5 : 4, writer: WRITERS[hour % 2], n: 1 + (hour % 4) });
}

describe('rule 22: counts of runs', () => {
  test('are the same before and after they are put together, by day, hour and quarter', async () => {
    await aMonth();
    const before = await bySpan();
    expect(await rollUp()).toBeGreaterThan(0);
    const [rows] = await db.database.query<{ apart: number }>(
      `select count(*)::int4 as apart from run_stats where writer <> '00000000-0000-0000-0000-000000000000' and bucket < to_timestamp($1::float8 / 1000)`,
      [NOW - 2 * HOUR_MS],
    );
    expect(rows?.apart).toBe(0);
    expect(await bySpan()).toEqual(before);
    expect(await rollUp()).toBe(0);
  });

  test('that come after their day was put together count once, at once', async () => {
    await count(NOW - 3 * DAY_MS);
    await rollUp();
    await count(NOW - 3 * DAY_MS, { n: 2 });
    await count(NOW - 3 * DAY_MS, { writer: WRITERS[1] ?? '', n: 3 });
    const day = async (): Promise<unknown> => (await statistics()).buckets.map((bucket) => bucket.counts);
    expect(await day()).toEqual([{ succeeded: 6 }]);
    await rollUp();
    expect(await day()).toEqual([{ succeeded: 6 }]);
  });

  test('are put together in batches, each of them whole', async () => {
    await aMonth();
    const before = await bySpan();
    expect(await rollUp(NOW, 20)).toBe(20);
    expect(await bySpan()).toEqual(before);
    while ((await rollUp(NOW, 20)) === 20);
    expect(await bySpan()).toEqual(before);
  });

  test('belong to other days when the workspace moves to another zone', async () => {
    await aMonth();
    await rollUp();
    await db.database.query(`update workspace set zone = 'Asia/Kolkata'`);
    const before = await bySpan();
    await rollUp();
    expect(await bySpan()).toEqual(before);
    expect((await statistics()).buckets.every((bucket) => bucket.startsAt.toISOString().endsWith('T18:30:00.000Z'))).toBe(true);
  });

  test('that a process is adding to are left for the next time', async () => {
    await count(NOW - 5 * HOUR_MS);
    await count(NOW - 6 * HOUR_MS);
    await db.database.withClient(async (client) => {
      await client.query('begin');
      await client.query('update run_stats set n = n + 1 where bucket > to_timestamp($1::float8 / 1000)', [NOW - 5.5 * HOUR_MS]);
      expect(await rollUp()).toBe(1);
      await client.query('commit');
    });
    expect(await rollUp()).toBe(1);
    expect((await statistics()).buckets.map((bucket) => bucket.counts)).toEqual([{ succeeded: 3 }]);
  });
});
