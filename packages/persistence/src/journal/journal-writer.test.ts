import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import pg from 'pg';
import type { AppendResult, RunRecord } from '@plugboard/engine';
import { uuidFloor, uuidv7 } from '../ids.ts';
import { openWriterSession } from './writer-session.ts';
import type { JournalKit } from '../../test/journal-kit.ts';
import {
  WORKFLOW,
  WORKSPACE,
  aHead,
  anEnd,
  append,
  events,
  firstRecord,
  lastRecord,
  nextRecord,
  nth,
  openJournalKit,
  openWire,
  shortRun,
  until,
} from '../../test/journal-kit.ts';

let kit: JournalKit;

beforeAll(async () => {
  kit = await openJournalKit();
});
beforeEach(async () => {
  await kit.sql.query('truncate run, run_chunk, run_live, run_inbox, run_stats');
});
afterAll(() => kit.close());

interface Stored {
  readonly status: number;
  readonly events: number;
  readonly chunks: number;
  /** Numbers of all stored events, in order. */
  readonly journal: number[];
}

async function stored(id: string): Promise<Stored | undefined> {
  const [row] = await kit.rows<{ status: number; events: number; chunks: number; journal: string; later: string[] | null }>(
    `select status, events, chunks, convert_from(journal, 'UTF8') as journal,
       (select array_agg(convert_from(k.events, 'UTF8') order by seq) from run_chunk k where run_id = run.id) as later
     from run where id = $1`,
    [id],
  );
  if (!row) return undefined;
  const texts = [row.journal, ...(row.later ?? [])];
  const journal = texts.flatMap((text) => (JSON.parse(text) as { n: number }[]).map((event) => event.n));
  return { status: row.status, events: row.events, chunks: row.chunks, journal };
}

async function counted(): Promise<number> {
  const [row] = await kit.rows<{ n: number }>('select coalesce(sum(n), 0)::int4 as n from run_stats');
  return row?.n ?? 0;
}

const numbers = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

describe('writing', () => {
  test('a run that ends before its first flush is one row and one count', async () => {
    const writer = await kit.writer();
    const record = shortRun();
    expect(await append(writer, record)).toEqual({ kind: 'committed' });
    expect(await stored(record.head.id)).toEqual({ status: 4, events: 2, chunks: 0, journal: [0, 1] });
    expect(await kit.rows('select run_id from run_live')).toEqual([]);
    expect(await counted()).toBe(1);
  });

  test('a run that goes on has a live row until its last record, and its chunks in order', async () => {
    const writer = await kit.writer();
    const first = firstRecord();
    const second = nextRecord(first, { status: 'waiting', waiting: 'timer' });
    expect(await append(writer, first)).toEqual({ kind: 'committed' });
    expect(await append(writer, second)).toEqual({ kind: 'committed' });
    expect(await kit.rows('select owner, fence, next_seq, status, waiting from run_live')).toEqual([
      { owner: writer.writerId, fence: 1, next_seq: 4, status: 3, waiting: 1 },
    ]);
    expect(await counted()).toBe(0);
    expect(await append(writer, lastRecord(second, anEnd({ status: 'failed', errorCode: 'E', errorMessage: 'broke' })))).toEqual({
      kind: 'committed',
    });
    expect(await stored(first.head.id)).toEqual({ status: 5, events: 6, chunks: 2, journal: numbers(6) });
    expect(await kit.rows('select run_id from run_live')).toEqual([]);
    expect(await counted()).toBe(1);
  });

  test('a batch of every kind of record gives each its own outcome', async () => {
    const writer = await kit.writer();
    const live = Array.from({ length: 3 }, () => firstRecord());
    await Promise.all(live.map((record) => append(writer, record)));
    const stranger = nextRecord(firstRecord());
    const results = await Promise.all([
      append(writer, shortRun()),
      append(writer, nextRecord(nth(live, 0))),
      append(writer, lastRecord(nth(live, 1))),
      append(writer, stranger),
      append(writer, firstRecord()),
      append(writer, nextRecord(nth(live, 2), { fence: 2 })),
    ]);
    expect(results.map((result) => result.kind)).toEqual(['committed', 'committed', 'committed', 'lost', 'committed', 'lost']);
    expect(await stored(nth(live, 2).head.id)).toMatchObject({ journal: [0, 1] });
    expect(await counted()).toBe(2);
  });

  test('all columns of a run arrive as they were given', async () => {
    const writer = await kit.writer();
    const initiator = uuidv7();
    const rootRunId = uuidv7();
    const startedAt = Date.UTC(2026, 10, 20, 17, 4, 5, 678);
    const head = aHead({ initiator, rootRunId, startedAt, environment: 0, version: 2_000_000_000, triggerKind: 'rerun' });
    const error = { errorCode: 'TIME', errorMessage: 'grüße 🙂', errorFingerprint: 'f', errorStep: 'Schreibe Maß' };
    const end = anEnd({ status: 'timed_out', endedAt: startedAt + 5, ...error });
    await append(writer, { ...shortRun({}, end), head });
    const [row] = await kit.rows('select *, journal is not null as journal from run');
    expect(row).toEqual({
      id: head.id,
      workspace_id: WORKSPACE,
      workflow_id: WORKFLOW,
      environment: 0,
      version: 2_000_000_000,
      status: 7,
      trigger_kind: 6,
      initiator,
      root_run_id: rootRunId,
      started_at: new Date(startedAt),
      ended_at: new Date(startedAt + 5),
      error_code: 'TIME',
      error_message: 'grüße 🙂',
      error_fingerprint: 'f',
      error_step: 'Schreibe Maß',
      cost_pd: '0',
      chunks: 0,
      events: 2,
      journal: true,
    });
    expect(await kit.rows('select bucket, status, n::int4 as n from run_stats')).toEqual([
      { bucket: new Date(Date.UTC(2026, 10, 20, 17)), status: 7, n: 1 },
    ]);
  });

  test('rule 22: runs of one flush are counted by workflow, end and quarter of an hour, in whatever order they came', async () => {
    const writer = await kit.writer();
    const other = uuidv7();
    const quarter = Date.UTC(2026, 10, 20, 17, 15);
    const early = anEnd({ endedAt: quarter - 1 });
    const late = anEnd({ endedAt: quarter });
    const failed = anEnd({ status: 'failed', errorCode: 'E', endedAt: quarter });
    // The first goes alone, and the others follow in one flush.
    const ends = [early, late, early, failed, late, failed, late];
    const records = ends.flatMap((end) => [shortRun({}, end), shortRun({ workflowId: other }, end)]);
    await Promise.all(records.map((record) => append(writer, record)));
    expect(writer.metrics.commits).toBe(2);
    const counts = await kit.rows(
      'select workflow_id = $1 as "isOther", bucket, status, n::int4 as n from run_stats order by workflow_id = $1, bucket, status',
      [other],
    );
    const each = [
      { bucket: new Date(quarter - 15 * 60_000), status: 4, n: 2 },
      { bucket: new Date(quarter), status: 4, n: 3 },
      { bucket: new Date(quarter), status: 5, n: 2 },
    ];
    expect(counts).toEqual([false, true].flatMap((isOther) => each.map((count) => ({ isOther, ...count }))));
  });

  test('what comes in one turn of the event loop after a flush of many records is one commit', async () => {
    const writer = await kit.writer();
    const [first, ...many] = Array.from({ length: 21 }, () => append(writer, shortRun()));
    await first;
    // Told in the turn in which the flush of the twenty was answered: one comes now, the other one behind it.
    await Promise.race(many);
    const one = append(writer, shortRun());
    await Promise.resolve();
    await Promise.all([...many, one, append(writer, shortRun())]);
    expect(writer.metrics.commits).toBe(3);
  });

  test('each failed run of a flush keeps the step it failed at, and the others none', async () => {
    const writer = await kit.writer();
    const failed = (errorStep?: string) => anEnd({ status: 'failed', errorCode: 'E', ...(errorStep === undefined ? {} : { errorStep }) });
    const going = [firstRecord(), firstRecord(), firstRecord(), firstRecord()];
    await Promise.all(going.map((record) => append(writer, record)));
    const steps = async () =>
      (await kit.rows<{ step: string | null }>('select error_step as step from run order by id')).map(({ step }) => step);

    await Promise.all(
      [shortRun(), shortRun({}, failed('Second')), shortRun({}, failed()), shortRun()].map((record) => append(writer, record)),
    );
    await Promise.all([
      append(writer, lastRecord(nth(going, 0))),
      append(writer, lastRecord(nth(going, 1), failed('Of two'))),
      append(writer, shortRun({}, failed('Beside them'))),
      append(writer, lastRecord(nth(going, 2), failed())),
      append(writer, lastRecord(nth(going, 3), failed('Of four'))),
    ]);
    expect(await steps()).toEqual([null, 'Of two', null, 'Of four', null, 'Second', null, null, 'Beside them']);
  });

  test('done is called after others can see the row, never before', async () => {
    const writer = await kit.writer();
    for (let i = 0; i < 20; i++) {
      const record = shortRun();
      await append(writer, record);
      expect(await stored(record.head.id)).toBeDefined();
    }
  });

  test('records queued from within done are written', async () => {
    const writer = await kit.writer();
    const first = firstRecord();
    const outcome = await new Promise<AppendResult>((resolve) => {
      writer.append(first, () => {
        const second = nextRecord(first);
        writer.append(second, () => writer.append(lastRecord(second), resolve));
      });
    });
    expect(outcome).toEqual({ kind: 'committed' });
    expect(await stored(first.head.id)).toMatchObject({ journal: numbers(6) });
  });
});

describe('rule 1: append locks the run first', () => {
  test("rule 1: a stale owner's append writes nothing", async () => {
    const old = await kit.writer();
    const first = firstRecord();
    await append(old, first);
    const owner = uuidv7();
    await kit.sql.query('update run_live set owner = $1, fence = 2', [owner]);
    await kit.sql.query('insert into run_inbox (id, run_id, workspace_id, source_key, kind, payload) values ($1, $2, $3, $4, $5, $6)', [
      uuidv7(),
      first.head.id,
      WORKSPACE,
      'k',
      'signal',
      '{}',
    ]);
    const inbox = (await kit.rows<{ id: string }>('select id from run_inbox')).map((row) => row.id);
    expect(await append(old, nextRecord(first, { inbox }))).toEqual({ kind: 'lost' });
    expect(await append(old, lastRecord(first, anEnd(), { inbox }))).toEqual({ kind: 'lost' });
    // The right fence with the wrong owner: a claim lost by a failover must not let the old one back in.
    expect(await append(old, nextRecord(first, { fence: 2 }))).toEqual({ kind: 'lost' });
    expect(await stored(first.head.id)).toEqual({ status: 1, events: 2, chunks: 0, journal: [0, 1] });
    expect(await kit.rows('select owner, fence, next_seq from run_live')).toEqual([{ owner, fence: 2, next_seq: 2 }]);
    expect(await kit.rows('select 1 from run_inbox')).toHaveLength(1);
    expect(await counted()).toBe(0);
  });

  test('rule 1: an append at a position that is taken or not yet reached writes nothing', async () => {
    const writer = await kit.writer();
    const first = firstRecord();
    const second = nextRecord(first);
    await append(writer, first);
    await append(writer, second);
    for (const record of [
      second,
      nextRecord(first, { toSeq: 9 }),
      nextRecord(nextRecord(second)),
      lastRecord(first),
      lastRecord(nextRecord(second)),
    ]) {
      expect(await append(writer, record)).toEqual({ kind: 'lost' });
    }
    expect(await stored(first.head.id)).toMatchObject({ status: 1, journal: numbers(4) });
    expect(await kit.rows('select next_seq from run_live')).toEqual([{ next_seq: 4 }]);
  });

  test('rule 1: an append that waits for a claim under way finds the new fence and writes nothing', async () => {
    const writer = await kit.writer();
    const first = firstRecord();
    await append(writer, first);
    const claimer = kit.connect();
    await claimer.connect();
    await claimer.query('begin');
    await claimer.query('update run_live set owner = $1, fence = fence + 1 where run_id = $2', [uuidv7(), first.head.id]);
    const outcome = append(writer, nextRecord(first));
    await until(async () => (await kit.rows(`select 1 from pg_locks where not granted`)).length > 0);
    await claimer.query('commit');
    expect(await outcome).toEqual({ kind: 'lost' });
    expect(await stored(first.head.id)).toMatchObject({ journal: [0, 1] });
    await claimer.end();
  });

  test('rule 1: of two writers that race for the same position one commits and the other loses', async () => {
    const [one, other] = [await kit.writer(), await kit.writer()];
    for (let round = 0; round < 30; round++) {
      const first = firstRecord();
      await append(one, first);
      const take = kit.sql.query('update run_live set owner = $1, fence = 2 where run_id = $2 and next_seq = 2', [
        other.writerId,
        first.head.id,
      ]);
      const [mine] = await Promise.all([append(one, nextRecord(first)), take]);
      const theirs = await append(other, nextRecord(first, { fence: 2 }));
      expect([mine.kind, theirs.kind].sort()).toEqual(['committed', 'lost']);
      expect(await stored(first.head.id)).toMatchObject({ journal: numbers(4) });
    }
  });
});

test('rule 2: two records of one run queued together are written one flush after the other', async () => {
  const writer = await kit.writer();
  const first = firstRecord();
  const second = nextRecord(first);
  const third = lastRecord(second);
  const results = await Promise.all([first, second, third].map((record) => append(writer, record)));
  expect(results.map((result) => result.kind)).toEqual(['committed', 'committed', 'committed']);
  expect(await stored(first.head.id)).toEqual({ status: 4, events: 6, chunks: 2, journal: numbers(6) });
  expect(writer.metrics.commits).toBe(3);
});

describe('rule 3: bad row', () => {
  test('rule 3: the record at fault is refused and its neighbours are committed', async () => {
    const writer = await kit.writer();
    const taken = shortRun();
    await append(writer, taken);
    const good = Array.from({ length: 40 }, () => shortRun());
    const twin = shortRun({ id: taken.head.id });
    const batch = good.toSpliced(
      17,
      0,
      twin,
      shortRun({ workspaceId: 'no uuid' }),
      shortRun({ environment: 70_000 }),
      shortRun({ startedAt: Number.NaN }),
    );
    const results = await Promise.all(batch.map((record) => append(writer, record)));
    const refused = results.flatMap((result, at) => (result.kind === 'refused' ? [{ at, code: result.code }] : []));
    expect(refused).toEqual([
      { at: 17, code: '23505' },
      { at: 18, code: 'UNSTORABLE_VALUE' },
      { at: 19, code: 'UNSTORABLE_VALUE' },
      { at: 20, code: 'UNSTORABLE_VALUE' },
    ]);
    for (const record of good) expect(await stored(record.head.id)).toMatchObject({ journal: [0, 1] });
    expect(await counted()).toBe(41);
    expect(writer.metrics.reconnects).toBe(0);
    expect(writer.accepting).toBe(true);
  });

  test('rule 3: a bad row among continuations leaves the others their outcome', async () => {
    const writer = await kit.writer();
    const live = Array.from({ length: 5 }, () => firstRecord());
    await Promise.all(live.map((record) => append(writer, record)));
    const taken = nth(live, 0);
    const results = await Promise.all([
      ...live.slice(1).map((record) => append(writer, nextRecord(record))),
      append(writer, firstRecord({ id: taken.head.id, workspaceId: uuidv7() })),
      append(writer, nextRecord(taken, { toSeq: 2 ** 40 })),
      append(writer, nextRecord(firstRecord())),
    ]);
    // The twin of a run whose record is open waits its turn behind it.
    expect(results.map((result) => result.kind)).toEqual([
      'committed',
      'committed',
      'committed',
      'committed',
      'refused',
      'refused',
      'lost',
    ]);
    for (const record of live.slice(1)) expect(await stored(record.head.id)).toMatchObject({ journal: numbers(4) });
  });

  test('rule 3: text PostgreSQL cannot keep is cleaned, not refused', async () => {
    const writer = await kit.writer();
    const end = anEnd({
      status: 'failed',
      errorCode: 'A\0B',
      errorMessage: `half \uD83D and NUL \0 ${'x'.repeat(20_000)}`,
      errorFingerprint: '\uDC00',
    });
    const record = { ...shortRun({}, end), bytes: JSON.stringify([{ n: 0, text: '\0\uD800' }]) };
    expect(await append(writer, record)).toEqual({ kind: 'committed' });
    const [row] = await kit.rows<{ error_code: string; error_message: string; error_fingerprint: string; journal: Buffer }>(
      'select * from run',
    );
    expect(row?.error_code).toBe('A\uFFFDB');
    expect(row?.error_message.startsWith('half \uFFFD and NUL \uFFFD xxx')).toBe(true);
    expect(row?.error_fingerprint).toBe('\uFFFD');
    expect(row?.journal.toString()).toBe(record.bytes);
  });

  test('rule 3: a record larger than the wall is refused, one of 256 KiB is stored', async () => {
    const writer = await kit.writer();
    const large = { ...shortRun(), bytes: JSON.stringify(['x'.repeat(256 * 1024)]) };
    const tooLarge = { ...shortRun(), bytes: JSON.stringify(['ü'.repeat(600 * 1024)]) };
    const results = await Promise.all([large, tooLarge].map((record) => append(writer, record)));
    expect(results.map((result) => result.kind)).toEqual(['committed', 'refused']);
  });

  test('rule 3: a missing partition is made and the run stored', async () => {
    const writer = await kit.writer();
    const partitions = await kit.rows<{ name: string }>(
      `select inhrelid::regclass::text as name from pg_inherits where inhparent = 'run'::regclass`,
    );
    for (const { name } of partitions) await kit.sql.query(`drop table ${name}`);
    const records = Array.from({ length: 10 }, () => shortRun());
    const results = await Promise.all(records.map((record) => append(writer, record)));
    expect(results.every((result) => result.kind === 'committed')).toBe(true);
    expect(await counted()).toBe(10);
  });

  test('rule 3: a run whose id lies where no partition will be is refused after one attempt to make it', async () => {
    let asked = 0;
    const writer = await kit.writer({ ensurePartitions: async () => void asked++ });
    const far = uuidFloor(Date.UTC(2226, 0, 1))
      .replace('-0000-', '-7000-')
      .replace(/0000-0{12}$/, '8000-000000000001');
    const results = await Promise.all([shortRun(), shortRun({ id: far }), shortRun()].map((record) => append(writer, record)));
    expect(results.map((result) => result.kind)).toEqual(['committed', 'refused', 'committed']);
    expect(asked).toBe(1);
  });
});

describe('rule 3: bad world', () => {
  const kinds: [string, (first: RunRecord) => RunRecord][] = [
    ['a run of one record', () => shortRun()],
    ['the first record of a run', () => firstRecord()],
    ['a continuation', (first) => nextRecord(first)],
    ['an end', (first) => lastRecord(first)],
  ];

  for (const cut of ['answer', 'request'] as const) {
    test.each(kinds)(`rule 3: %s is written exactly once when the ${cut} is lost`, async (_, make) => {
      const wire = await openWire(kit.test.url);
      const writer = await kit.writer({ connect: () => wire.connect() });
      const first = firstRecord();
      await append(writer, first);
      const record = make(first);
      wire.cutNext(cut);
      expect(await append(writer, record)).toEqual({ kind: 'committed' });
      expect(wire.cuts).toBe(1);
      expect(writer.metrics.reconnects).toBe(1);
      expect(await stored(record.head.id)).toMatchObject({ journal: numbers(record.toSeq) });
      expect(await counted()).toBe(record.end ? 1 : 0);
      expect(await kit.rows('select 1 from run_chunk')).toHaveLength(record.create ? 0 : 1);
      await writer.close();
      await wire.close();
    });
  }

  test.each(['answer', 'request'] as const)('rule 3: a run claimed after its %s was lost counts as lost', async (cut) => {
    const wire = await openWire(kit.test.url);
    let isAway = false;
    const writer = await kit.writer({
      connect: () => (isAway ? new pg.Client({ host: '127.0.0.1', port: 1 }) : wire.connect()),
      onStateChange: (state) => (isAway = state === 'down'),
    });
    const [first, other] = [firstRecord(), firstRecord()];
    await Promise.all([append(writer, first), append(writer, other)]);
    wire.cutNext(cut);
    const outcomes = [append(writer, nextRecord(first))];
    await until(() => isAway);
    outcomes.push(append(writer, nextRecord(other)));
    await kit.sql.query('update run_live set owner = $1, fence = 2 where run_id = $2', [uuidv7(), first.head.id]);
    isAway = false;
    expect((await Promise.all(outcomes)).map((result) => result.kind)).toEqual(['lost', 'committed']);
    expect(await stored(first.head.id)).toMatchObject({ journal: numbers(cut === 'answer' ? 4 : 2) });
    expect(await stored(other.head.id)).toMatchObject({ journal: numbers(4) });
    await writer.close();
    await wire.close();
  });

  test('rule 3: a read-only database keeps the batch and closes intake until it can be written', async () => {
    const states: string[] = [];
    const writer = await kit.writer({
      connect: () => new pg.Client({ connectionString: kit.test.url, application_name: 'read-only-writer' }),
      onStateChange: (state) => states.push(state),
    });
    expect(writer.accepting).toBe(true);
    await kit.sql.query(`alter database ${kit.test.name} set default_transaction_read_only = on`);
    await kit.sql.query('set default_transaction_read_only = off');
    await kit.terminate('read-only-writer');
    const records = Array.from({ length: 20 }, () => shortRun());
    const outcomes = Promise.all(records.map((record) => append(writer, record)));
    await until(() => writer.metrics.reconnects >= 4);
    expect(writer.accepting).toBe(false);
    expect(writer.retryAfterMs).toBeGreaterThan(0);
    await kit.sql.query(`alter database ${kit.test.name} reset default_transaction_read_only`);
    expect((await outcomes).every((result) => result.kind === 'committed')).toBe(true);
    expect(writer.accepting).toBe(true);
    expect(states.at(-1)).toBe('up');
    expect(states.filter((state, i) => state === states[i - 1])).toEqual([]);
    expect(await counted()).toBe(20);
  });

  test('rule 3: a connection killed 50 times under load loses nothing and writes nothing twice', { timeout: 240_000 }, async () => {
    const writer = await kit.writer({
      connect: () => new pg.Client({ connectionString: kit.test.url, application_name: 'killed-writer' }),
      maxReconnectDelayMs: 20,
    });
    const shorts = new Set<string>();
    const longs = new Set<string>();
    const failures: AppendResult[] = [];
    let isStopping = false;
    const accept = (result: AppendResult, then: () => void): void => {
      if (result.kind === 'committed') then();
      else failures.push(result);
    };
    const short = (): Promise<void> =>
      new Promise((resolve) => {
        const record = shortRun();
        writer.append(record, (result) => {
          accept(result, () => shorts.add(record.head.id));
          resolve();
        });
      });
    const long = async (): Promise<void> => {
      let record = firstRecord();
      const results = [await append(writer, record)];
      for (let i = 0; i < 3; i++) results.push(await append(writer, (record = i < 2 ? nextRecord(record) : lastRecord(record))));
      for (const result of results) accept(result, () => {});
      longs.add(record.head.id);
    };
    const clients = Array.from({ length: 30 }, async (_, i) => {
      while (!isStopping) await (i % 2 === 0 ? short() : long());
    });
    let kills = 0;
    while (kills < 50) {
      const before = writer.metrics.records;
      // In the middle of work: after a while of progress, while a flush is on its way.
      await until(() => writer.metrics.records >= before + 20 + ((kills * 7) % 50));
      kills += await kit.terminate('killed-writer');
    }
    isStopping = true;
    await Promise.all(clients);
    await writer.drain();
    expect(failures).toEqual([]);
    expect(writer.metrics.reconnects).toBeGreaterThanOrEqual(45);
    const runs = await kit.rows<{ id: string; events: number; parts: number }>(
      'select id, events, (select count(*)::int4 from run_chunk where run_id = id) as parts from run',
    );
    expect(new Set(runs.map((row) => row.id))).toEqual(new Set([...shorts, ...longs]));
    expect(runs.filter((row) => row.events !== (longs.has(row.id) ? 8 : 2))).toEqual([]);
    expect(runs.filter((row) => row.parts !== (longs.has(row.id) ? 3 : 0))).toEqual([]);
    expect(await kit.rows('select 1 from run_live')).toEqual([]);
    expect(await counted()).toBe(shorts.size + longs.size);
  });

  test('rule 3: a flush nobody answers is given up, its session ended, and its outcome read back', async () => {
    const wire = await openWire(kit.test.url);
    const failures: unknown[] = [];
    const writer = await kit.writer({
      connect: () => wire.connect(),
      flushTimeoutMs: 100,
      onConnectFailure: (error) => failures.push(error),
    });
    const first = firstRecord();
    await append(writer, first);
    wire.cutNext('silence');
    expect(await append(writer, nextRecord(first))).toEqual({ kind: 'committed' });
    // The session behind the silent wire still stood in the database when the next one came.
    expect(failures[0]).toMatchObject({ code: 'WRITER_STILL_CONNECTED' });
    expect(await stored(first.head.id)).toMatchObject({ journal: numbers(4) });
    await writer.close();
    await wire.close();
  });

  test('rule 3: a flush held up by a lock is tried again until it commits', async () => {
    const writer = await kit.writer({ flushTimeoutMs: 50 });
    const blocker = kit.connect();
    await blocker.connect();
    await blocker.query('begin');
    await blocker.query('lock table run in access exclusive mode');
    const outcome = append(writer, shortRun());
    await until(() => writer.metrics.reconnects >= 2);
    expect(writer.accepting).toBe(false);
    await blocker.query('rollback');
    expect(await outcome).toEqual({ kind: 'committed' });
    expect(await counted()).toBe(1);
    await blocker.end();
  });

  test('rule 3: a database that does not answer in time closes intake, and its late answer opens it again', async () => {
    const told: string[] = [];
    const writer = await kit.writer({ overdueMs: 50, onStateChange: (state) => told.push(state) });
    const blocker = kit.connect();
    await blocker.connect();
    await blocker.query('begin');
    await blocker.query('lock table run in access exclusive mode');
    const outcome = append(writer, shortRun());
    await until(() => writer.metrics.state === 'down');
    expect(writer.accepting).toBe(false);
    await blocker.query('rollback');
    expect(await outcome).toEqual({ kind: 'committed' });
    expect(writer.accepting).toBe(true);
    expect([told.slice(-2), writer.metrics.reconnects]).toEqual([['down', 'up'], 0]);
    await blocker.end();
  });

  test('rule 3: a new session waits until the one before it is gone from the database', async () => {
    const writerId = uuidv7();
    const earlier = await openWriterSession({ connect: kit.connect, writerId, statementTimeoutMs: 1_000, onBroken: () => {} });
    const failures: unknown[] = [];
    const later = await kit.writer({ writerId, onConnectFailure: (error) => failures.push(error) });
    expect(failures[0]).toMatchObject({ code: 'WRITER_STILL_CONNECTED' });
    await expect(earlier.query('select 1')).rejects.toThrow();
    expect(await append(later, shortRun())).toEqual({ kind: 'committed' });
  });
});

describe('rule 6: bounded', () => {
  test('rule 6: over the limit new runs are refused to callers while continuations are still written', async () => {
    const writer = await kit.writer({ maxPendingRuns: 10, maxBatchRecords: 5 });
    const live = firstRecord();
    await append(writer, live);
    const order: string[] = [];
    const all: Promise<unknown>[] = [];
    for (let i = 0; i < 30; i++) all.push(append(writer, shortRun()).then(() => order.push('new')));
    expect(writer.accepting).toBe(false);
    expect(writer.retryAfterMs).toBeGreaterThanOrEqual(1_000);
    all.push(append(writer, nextRecord(live)).then(() => order.push('continuation')));
    await Promise.all(all);
    // One flush of one record was under way, the continuation was in the next.
    expect(order.indexOf('continuation')).toBeLessThan(6);
    expect(writer.accepting).toBe(true);
    expect(await counted()).toBe(30);
  });

  test('rule 6: bytes waiting count as well', async () => {
    const writer = await kit.writer({ maxPendingBytes: 10_000, maxBatchBytes: 5_000 });
    const records = Array.from({ length: 20 }, () => ({ ...shortRun(), bytes: JSON.stringify(['x'.repeat(2_000)]) }));
    const all = records.map((record) => append(writer, record));
    expect(writer.accepting).toBe(false);
    expect((await Promise.all(all)).every((result) => result.kind === 'committed')).toBe(true);
    expect(writer.metrics.commits).toBeGreaterThanOrEqual(10);
  });
});

describe('rule 15: the inbox', () => {
  async function inboxRow(runId: string, sourceKey: string): Promise<string> {
    const id = uuidv7();
    await kit.sql.query(
      `insert into run_inbox (id, run_id, workspace_id, source_key, kind, payload) values ($1, $2, $3, $4, 'signal', '{}')`,
      [id, runId, WORKSPACE, sourceKey],
    );
    return id;
  }
  const left = async (): Promise<string[]> => (await kit.rows<{ id: string }>('select id from run_inbox order by id')).map((row) => row.id);

  test('rule 15: rows are deleted in the flush that takes them in, others stay', async () => {
    const writer = await kit.writer();
    const [a, b] = [firstRecord(), firstRecord()];
    const early = firstRecord();
    await Promise.all([append(writer, a), append(writer, b)]);
    const rows = [await inboxRow(a.head.id, '1'), await inboxRow(a.head.id, '2'), await inboxRow(a.head.id, '3')];
    const ofB = await inboxRow(b.head.id, '1');
    const ofEarly = await inboxRow(early.head.id, '1');
    await Promise.all([
      append(writer, nextRecord(a, { inbox: rows.slice(0, 2) })),
      append(writer, nextRecord(b, { fence: 9, inbox: [ofB] })),
      append(writer, { ...early, inbox: [ofEarly] }),
    ]);
    expect(await left()).toEqual([rows[2], ofB]);
    await append(writer, lastRecord(nextRecord(a), anEnd(), { inbox: [nth(rows, 2)] }));
    expect(await left()).toEqual([ofB]);
  });
});

describe('end of work', () => {
  test('drain waits for what was queued before it, not for what comes after', async () => {
    const writer = await kit.writer();
    let before = 0;
    for (let i = 0; i < 100; i++) writer.append(shortRun(), () => before++);
    const drained = writer.drain();
    let isStopping = false;
    const keepComing = (): void => writer.append(shortRun(), () => isStopping || keepComing());
    keepComing();
    await drained;
    expect(before).toBe(100);
    isStopping = true;
    await writer.drain();
  });

  test('close writes what is queued and says when something is left', async () => {
    const writer = await kit.writer();
    const record = shortRun();
    writer.append(record, () => {});
    expect(await writer.close()).toBe(0);
    expect(writer.accepting).toBe(false);
    expect(await stored(record.head.id)).toBeDefined();

    const cutOff = await kit.writer({ connect: () => new pg.Client({ connectionString: kit.test.url, application_name: 'cut-off' }) });
    const blocker = kit.connect();
    await blocker.connect();
    await blocker.query('begin');
    await blocker.query('lock table run in access exclusive mode');
    cutOff.append(shortRun(), () => {});
    expect(await cutOff.close(50)).toBe(1);
    await blocker.end();
  });

  test('events of a record are stored byte for byte', async () => {
    const writer = await kit.writer();
    const record = { ...shortRun(), bytes: events(0, 3) };
    await append(writer, record);
    const [row] = await kit.rows<{ journal: Buffer }>('select journal from run where id = $1', [record.head.id]);
    expect(row?.journal.toString()).toBe(record.bytes);
  });
});
