import type { QueryResultRow } from 'pg';
import type { RunRecord } from '@plugboard/engine';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { uuidFloor, uuidv7 } from '../ids.ts';
import { createKeyedRuns } from './keyed-runs.ts';
import { type RunReader, countRuns, findRun, findRunByShortId, listRuns } from './run-reads.ts';
import { deleteExpiredKeys, deleteExpiredRuns, deleteStaleInbox, dropEmptyPartitions } from './run-retention.ts';
import type { JournalKit } from '../../test/journal-kit.ts';
import {
  WORKFLOW,
  WORKSPACE,
  anEnd,
  append,
  events,
  firstRecord,
  lastRecord,
  nextRecord,
  nth,
  openJournalKit,
  shortRun,
} from '../../test/journal-kit.ts';

let kit: JournalKit;

beforeAll(async () => {
  kit = await openJournalKit();
});
beforeEach(async () => {
  await kit.sql.query('truncate run, run_chunk, run_live, run_inbox, run_stats, run_key');
});
afterAll(() => kit.close());

describe('reading', () => {
  test('a run is found with everything committed so far, in its own workspace only', async () => {
    const writer = await kit.writer();
    const first = firstRecord();
    const second = nextRecord(first, { status: 'waiting', waiting: 'approval' });
    await append(writer, first);
    await append(writer, second);
    const db = kit.test.database;
    expect(await findRun(db, { workspaceId: WORKSPACE, id: first.head.id })).toEqual({
      head: first.head,
      status: 'waiting',
      waiting: 'approval',
      costPd: 0n,
      events: 4,
      chunks: [events(0, 2), events(2, 2)],
    });
    expect(await findRun(db, { workspaceId: uuidv7(), id: first.head.id })).toBeUndefined();
    expect(await findRun(db, { workspaceId: WORKSPACE, id: 'nonsense' })).toBeUndefined();

    const end = anEnd({ status: 'failed', errorCode: 'E', errorMessage: 'm', errorFingerprint: 'f', errorStep: 'Post' });
    await append(writer, lastRecord(second, end));
    expect(await findRun(db, { workspaceId: WORKSPACE, id: first.head.id })).toEqual({
      head: first.head,
      status: 'failed',
      endedAt: end.endedAt,
      errorCode: 'E',
      errorMessage: 'm',
      errorFingerprint: 'f',
      errorStep: 'Post',
      costPd: 0n,
      events: 6,
      chunks: [events(0, 2), events(2, 2), events(4, 2)],
    });
  });

  /** A run of `count` later chunks of two events each, and how it is read: the sizes of the answers, with `after` done behind the first of them. */
  const aLongRun = async (count: number, chunkBytes = 0) => {
    const writer = await kit.writer();
    const first = firstRecord();
    await append(writer, first);
    const last = 2 + 2 * count;
    await kit.sql.query(
      `insert into run_chunk (run_id, seq, events)
       select $1, 2 * n, convert_to('["' || 2 * n || repeat('x', $3::int4) || '","' || 2 * n + 1 || '"]', 'UTF8') from generate_series(1, $2::int4) n`,
      [first.head.id, count, chunkBytes],
    );
    await kit.sql.query('update run_live set next_seq = $2 where run_id = $1', [first.head.id, last]);
    const answers: { rows: number; bytes: number }[] = [];
    const read = (after?: () => Promise<unknown>) => {
      answers.length = 0;
      const db: RunReader = {
        async query<Row extends QueryResultRow>(text: string, values?: readonly unknown[]): Promise<Row[]> {
          const rows = await kit.test.database.query<Row>(text, values);
          answers.push({ rows: rows.length, bytes: rows.reduce((sum, row) => sum + sizeOf(row), 0) });
          if (answers.length === 1) await after?.();
          return rows;
        },
      };
      return findRun(db, { workspaceId: WORKSPACE, id: first.head.id });
    };
    const next: RunRecord = { ...nextRecord(first), fromSeq: last, toSeq: last + 2 };
    return { first, next, writer, answers, read };
  };
  const sizeOf = (row: QueryResultRow): number =>
    Object.values(row)
      .flat()
      .reduce((sum: number, value) => sum + (Buffer.isBuffer(value) ? value.length : 0), 0);

  test('a long run is read whole, in answers that stay small', async () => {
    const many = await aLongRun(1_200);
    const found = await many.read();
    expect(found?.chunks).toHaveLength(1_201);
    expect(found?.chunks.flatMap((chunk) => JSON.parse(chunk) as unknown[])).toHaveLength(2_402);
    expect(found?.chunks.slice(1).map((chunk) => Number((JSON.parse(chunk) as string[])[0]))).toEqual(
      Array.from({ length: 1_200 }, (_, n) => 2 * (n + 1)),
    );
    expect(Math.max(...many.answers.map(({ rows }) => rows))).toBe(500);

    const wide = await aLongRun(40, 200_000);
    expect((await wide.read())?.chunks).toHaveLength(41);
    // What is over half a megabyte is so by the last chunk.
    expect(Math.max(...wide.answers.map(({ bytes }) => bytes))).toBeLessThan(800_000);
  });

  test('a run that goes on while it is read is found as it stood at one moment', async () => {
    const { next, writer, read } = await aLongRun(600);
    const found = await read(() => append(writer, next));
    expect(found).toMatchObject({ status: 'running', events: 1_202 });
    expect(found?.chunks.flatMap((chunk) => JSON.parse(chunk) as unknown[])).toHaveLength(1_202);
    const ended = lastRecord(next);
    const later = await read(() => append(writer, ended));
    expect(later?.events).toBe(1_204);
    expect(later?.chunks).toHaveLength(602);
  });

  test('a run that is deleted while it is read is not found, and one that is forgotten says so in its first event', async () => {
    const gone = await aLongRun(600);
    const remove = async () => {
      await kit.sql.query('delete from run_chunk where run_id = $1', [gone.first.head.id]);
      await kit.sql.query('delete from run where id = $1', [gone.first.head.id]);
    };
    expect(await gone.read(remove)).toBeUndefined();
    const forgotten = await aLongRun(1);
    const forget = () => kit.sql.query(`update run set journal = '["forgotten"]' where id = $1`, [forgotten.first.head.id]);
    expect((await forgotten.read(forget))?.chunks[0]).toBe('["forgotten"]');
  });

  test('a run is found by the last eight digits people see', async () => {
    const writer = await kit.writer();
    const records = Array.from({ length: 20 }, () => shortRun());
    await Promise.all(records.map((record) => append(writer, record)));
    const wanted = nth(records, 7).head.id;
    const db = kit.test.database;
    expect((await findRunByShortId(db, { workspaceId: WORKSPACE, shortId: wanted.slice(-8).toUpperCase() }))?.head.id).toBe(wanted);
    expect(await findRunByShortId(db, { workspaceId: uuidv7(), shortId: wanted.slice(-8) })).toBeUndefined();
    expect(await findRunByShortId(db, { workspaceId: WORKSPACE, shortId: `%' or 1=1` })).toBeUndefined();
  });

  test('pages cover a list newest first without gaps or repeats', async () => {
    const writer = await kit.writer();
    const records = Array.from({ length: 25 }, () => shortRun());
    for (const record of records) await append(writer, record);
    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await listRuns(kit.test.database, { workspaceId: WORKSPACE, limit: 10, ...(cursor !== undefined && { cursor }) });
      seen.push(...page.runs.map((run) => run.head.id));
      cursor = page.nextCursor;
    } while (cursor !== undefined);
    expect(seen).toEqual(records.map((record) => record.head.id).reverse());
    await expect(listRuns(kit.test.database, { workspaceId: WORKSPACE, cursor: 'nonsense' })).rejects.toMatchObject({
      code: 'CURSOR_INVALID',
    });
  });

  test('lists are narrowed by workflow, by state now, and by time', async () => {
    const writer = await kit.writer();
    const old = shortRun({ id: uuidv7() });
    const failed = shortRun({ workflowId: uuidv7() }, anEnd({ status: 'failed' }));
    const running = firstRecord();
    const waiting = firstRecord();
    for (const record of [old, failed, running, waiting]) await append(writer, record);
    await append(writer, nextRecord(waiting, { status: 'waiting', waiting: 'timer' }));
    const ids = async (options: Partial<Parameters<typeof listRuns>[1]>): Promise<string[]> =>
      (await listRuns(kit.test.database, { workspaceId: WORKSPACE, ...options })).runs.map((run) => run.head.id);
    expect(await ids({ status: 'failed' })).toEqual([failed.head.id]);
    expect(await ids({ status: 'succeeded' })).toEqual([old.head.id]);
    expect(await ids({ status: 'running' })).toEqual([running.head.id]);
    expect(await ids({ status: 'waiting' })).toEqual([waiting.head.id]);
    expect(await ids({ workflowId: WORKFLOW, status: 'failed' })).toEqual([]);
    expect(await ids({ workflowId: failed.head.workflowId })).toEqual([failed.head.id]);
    expect(await ids({ since: Date.now() + 1_000 })).toEqual([]);
    expect(await ids({ workspaceId: uuidv7() })).toEqual([]);
  });

  test('rule 22: counts are summed over writers, by quarter of an hour', async () => {
    const writers = [await kit.writer(), await kit.writer()];
    const at = Date.UTC(2026, 10, 20, 10, 14, 59);
    const ends = [anEnd({ endedAt: at }), anEnd({ endedAt: at + 1_000 }), anEnd({ endedAt: at, status: 'failed' })];
    await Promise.all(writers.flatMap((writer) => ends.map((end) => append(writer, shortRun({}, end)))));
    const first = Date.UTC(2026, 10, 20, 10, 0);
    const common = { workflowId: WORKFLOW, environment: 1 };
    expect(await countRuns(kit.test.database, { workspaceId: WORKSPACE })).toEqual([
      { ...common, bucketAt: first, status: 'succeeded', n: 2 },
      { ...common, bucketAt: first, status: 'failed', n: 2 },
      { ...common, bucketAt: first + 15 * 60_000, status: 'succeeded', n: 2 },
    ]);
    expect(await countRuns(kit.test.database, { workspaceId: WORKSPACE, since: first + 1 })).toHaveLength(1);
    expect(await countRuns(kit.test.database, { workspaceId: WORKSPACE, workflowId: uuidv7() })).toEqual([]);
  });
});

describe('rule 19: creation keys', () => {
  const keyed = (writerId = uuidv7()) => createKeyedRuns({ writerId, withClient: (use) => kit.test.database.withClient(use) });
  const expiresAt = Date.now() + 3_600_000;

  test('rule 19: of many that create with the same keys one run is made and the others learn it', async () => {
    const runs = keyed();
    const records = Array.from({ length: 10 }, () => firstRecord());
    const keys = [
      { scope: 'webhook:1', key: 'delivery', expiresAt },
      { scope: 'api', key: 'order-1', expiresAt },
    ];
    const outcomes = await Promise.all(records.map((record, i) => runs.create(record, i % 2 === 0 ? keys : keys.toReversed())));
    const made = await kit.rows<{ id: string }>('select id from run');
    expect(made).toHaveLength(1);
    expect(outcomes.filter((outcome) => outcome.kind === 'created')).toHaveLength(1);
    expect(outcomes.filter((outcome) => outcome.kind === 'exists').every((outcome) => outcome.runId === nth(made, 0).id)).toBe(true);
    expect(await kit.rows('select run_id from run_live')).toEqual([{ run_id: nth(made, 0).id }]);
  });

  test('rule 19: a run that loses one key of two leaves none behind', async () => {
    const runs = keyed();
    const winner = firstRecord();
    await runs.create(winner, [{ scope: 'z', key: 'taken', expiresAt }]);
    const outcome = await runs.create(firstRecord(), [
      { scope: 'a', key: 'free', expiresAt },
      { scope: 'z', key: 'taken', expiresAt },
    ]);
    expect(outcome).toEqual({ kind: 'exists', runId: winner.head.id });
    expect(await kit.rows('select key from run_key')).toEqual([{ key: 'taken' }]);
    expect(await kit.rows('select id from run')).toHaveLength(1);
  });

  test('rule 19: a key may be used again after its time, and hostile keys are keys like others', async () => {
    const runs = keyed();
    const key = { scope: 's', key: `\0${'ü'.repeat(5_000)}`, expiresAt: Date.now() - 1 };
    expect(await runs.create(firstRecord(), [key])).toEqual({ kind: 'created' });
    const second = firstRecord();
    expect(await runs.create(second, [{ ...key, expiresAt }])).toEqual({ kind: 'created' });
    expect(await runs.create(firstRecord(), [{ ...key, expiresAt }])).toEqual({ kind: 'exists', runId: second.head.id });
    await kit.sql.query(`update run_key set expires_at = now() - interval '1 s'`);
    expect(await deleteExpiredKeys(kit.test.database)).toBe(1);
  });

  test('rule 19: a keyed run is continued by the writer that owns it', async () => {
    const writer = await kit.writer();
    const first = firstRecord();
    await keyed(writer.writerId).create(first, [{ scope: 's', key: 'k', expiresAt }]);
    expect(await append(writer, lastRecord(first))).toEqual({ kind: 'committed' });
    expect(await findRun(kit.test.database, { workspaceId: WORKSPACE, id: first.head.id })).toMatchObject({
      status: 'succeeded',
      events: 4,
    });
  });
});

describe('rule 21: retention', () => {
  test('rule 21: finished runs past their time go in batches with their chunks; others stay', async () => {
    const writer = await kit.writer();
    const longAgo = Date.now() - 60_000;
    const idAt = (ms: number): string => uuidFloor(ms).slice(0, 14) + uuidv7().slice(14);
    const expired = Array.from({ length: 5 }, () => shortRun({ id: idAt(longAgo), startedAt: longAgo }, anEnd({ endedAt: longAgo })));
    const chunked = firstRecord({ id: idAt(longAgo), startedAt: longAgo });
    const open = firstRecord({ id: idAt(longAgo), startedAt: longAgo });
    const recent = shortRun();
    const elsewhere = shortRun({ id: idAt(longAgo), startedAt: longAgo, workspaceId: uuidv7() }, anEnd({ endedAt: longAgo }));
    await Promise.all([...expired, chunked, open, recent, elsewhere].map((record) => append(writer, record)));
    await append(writer, lastRecord(chunked, anEnd({ endedAt: longAgo + 5 })));
    const call = { workspaceId: WORKSPACE, olderThan: Date.now() - 30_000, limit: 4 };
    expect(await deleteExpiredRuns(kit.test.database, call)).toBe(4);
    expect(await deleteExpiredRuns(kit.test.database, call)).toBe(2);
    expect(await deleteExpiredRuns(kit.test.database, call)).toBe(0);
    const left = (await kit.rows<{ id: string }>('select id from run')).map((row) => row.id);
    expect(left.sort()).toEqual([open, recent, elsewhere].map((record) => record.head.id).sort());
    expect(await kit.rows('select 1 from run_chunk')).toEqual([]);
  });

  test('rule 21: a past partition is dropped only when it is empty and nobody uses it; those ahead stay', async () => {
    const at = (ms: number): string => uuidFloor(ms);
    const [from, to] = [Date.UTC(2020, 0, 2), Date.UTC(2020, 0, 9)];
    await kit.sql.query(`create table run_old partition of run for values from ('${at(from)}') to ('${at(to)}')`);
    await kit.sql.query(`create table run_chunk_old partition of run_chunk for values from ('${at(from)}') to ('${at(to)}')`);
    const writer = await kit.writer();
    const record = shortRun(
      { id: `${at(from + 1_000).slice(0, 14)}7000-8000-000000000001`.slice(0, 36), startedAt: from },
      anEnd({ endedAt: from }),
    );
    expect(await append(writer, record)).toEqual({ kind: 'committed' });
    const before = await kit.rows('select 1 from pg_inherits');
    expect(await dropEmptyPartitions(kit.sql, { olderThan: Date.now() })).toEqual(['run_chunk_old']);
    await deleteExpiredRuns(kit.test.database, { workspaceId: WORKSPACE, olderThan: Date.now() });

    const user = kit.connect();
    await user.connect();
    await user.query('begin');
    await user.query('select from run_old');
    expect(await dropEmptyPartitions(kit.sql, { olderThan: Date.now(), lockTimeoutMs: 20 })).toEqual([]);
    await user.query('commit');
    await user.end();
    expect(await dropEmptyPartitions(kit.sql, { olderThan: Number.MAX_SAFE_INTEGER })).toContain('run_old');
    expect(before.length).toBeGreaterThan(2);
    expect(await append(writer, shortRun())).toEqual({ kind: 'committed' });
  });

  test('inbox rows of runs that are gone are swept once they are old', async () => {
    const writer = await kit.writer();
    const live = firstRecord();
    await append(writer, live);
    for (const runId of [live.head.id, uuidv7()]) {
      await kit.sql.query(
        `insert into run_inbox (id, run_id, workspace_id, source_key, kind, payload) values ($1, $2, $3, 's', 'signal', '{}')`,
        [uuidv7(), runId, WORKSPACE],
      );
    }
    expect(await deleteStaleInbox(kit.test.database, { olderThan: Date.now() - 60_000 })).toBe(0);
    expect(await deleteStaleInbox(kit.test.database, { olderThan: Date.now() + 60_000 })).toBe(1);
    expect(await kit.rows('select run_id from run_inbox')).toEqual([{ run_id: live.head.id }]);
  });
});
