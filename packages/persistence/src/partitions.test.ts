import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { TestDatabase } from '../test/test-database.ts';
import { createTestDatabase } from '../test/test-database.ts';
import { createUuidSource, uuidv7 } from './ids.ts';
import { ensurePartitions, partitionRanges } from './partitions.ts';

const DAY_MS = 86_400_000;
const NOW = new Date('2031-03-05T12:00:00Z');

let db: TestDatabase;
beforeAll(async () => {
  db = await createTestDatabase();
});
afterAll(() => db.close());

function insertRun(id: string): Promise<unknown> {
  return db.database.query(
    `insert into run (id, workspace_id, workflow_id, environment, version, status, trigger_kind, root_run_id, started_at)
       values ($1, $1, $1, 1, 1, 4, 1, $1, now())`,
    [id],
  );
}

describe('partitions', () => {
  test('are seven days wide, without gaps, the current one and four ahead', () => {
    const ranges = partitionRanges(NOW);
    expect(ranges).toHaveLength(5);
    expect(ranges.slice(1).map((range) => range.from)).toEqual(ranges.slice(0, -1).map((range) => range.to));
  });

  test('include the one before while the clock may still be behind its end', () => {
    const startMs = Math.ceil(NOW.getTime() / (7 * DAY_MS)) * 7 * DAY_MS;
    expect(partitionRanges(new Date(startMs + 1000))).toHaveLength(6);
  });

  test('take a run of today right after migrating', async () => {
    await insertRun(uuidv7());
  });

  test('are made once, whoever asks and however often', async () => {
    const made = await Promise.all(Array.from({ length: 6 }, () => db.database.withClient((client) => ensurePartitions(client, NOW))));
    expect(made.flat()).toHaveLength(10);
    expect(await db.database.withClient((client) => ensurePartitions(client, NOW))).toEqual([]);
  });

  test('missing at a write are an error and can be made at once', async () => {
    const at = new Date('2040-01-01T00:00:00Z');
    const id = createUuidSource(() => at.getTime()).next();
    await expect(insertRun(id)).rejects.toMatchObject({ code: '23514' });
    await db.database.withClient((client) => ensurePartitions(client, at));
    await insertRun(id);
  });

  test('keep journals uncompressed and inline up to a page', async () => {
    const [row] = await db.database.query<{ storage: string; options: string[]; primary: boolean }>(
      `select a.attstorage as storage, c.reloptions as options,
              exists (select from pg_index i where i.indrelid = c.oid and i.indisprimary) as primary
         from pg_inherits h join pg_class c on c.oid = h.inhrelid join pg_attribute a on a.attrelid = c.oid and a.attname = 'journal'
        where h.inhparent = 'run'::regclass limit 1`,
    );
    expect(row).toEqual({ storage: 'e', options: ['toast_tuple_target=8160'], primary: true });
  });

  test('are made while the tables are being read and written', async () => {
    await db.database.withClient(async (reader) => {
      await reader.query('begin');
      await reader.query('select count(*) from run');
      const made = await db.database.withClient((client) => ensurePartitions(client, new Date('2045-01-01T00:00:00Z')));
      expect(made.length).toBeGreaterThan(0);
      await reader.query('commit');
    });
  });
});
