import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { RunRecord } from '@plugboard/engine';
import { uuidv7 } from '../ids.ts';
import type { LeasedOwnership, OwnershipOptions } from './ownership.ts';
import { INBOX_CHANNEL, createOwnership } from './ownership.ts';
import { ownIdentity } from './process-identity.ts';
import type { ProcessIdentity } from './process-identity.ts';
import type { JournalKit } from '../../test/journal-kit.ts';
import {
  WORKSPACE,
  append,
  events,
  firstRecord,
  lastRecord,
  nextRecord,
  nth,
  openJournalKit,
  shortRun,
  until,
} from '../../test/journal-kit.ts';

let kit: JournalKit;
let opened: LeasedOwnership[] = [];
/** The clock of ownerships made here; a test moves it. */
let nowMs = 0;

beforeAll(async () => {
  kit = await openJournalKit();
});
beforeEach(async () => {
  nowMs = 1_000_000;
  await kit.sql.query('truncate run, run_chunk, run_live, run_inbox, run_stats, worker');
});
afterEach(async () => {
  await Promise.all(opened.map((ownership) => ownership.close()));
  opened = [];
});
afterAll(() => kit.close());

async function anOwnership(options: Partial<OwnershipOptions> = {}): Promise<LeasedOwnership> {
  const ownership = createOwnership({ connect: kit.connect, ownerId: uuidv7(), monotonicMs: () => nowMs, ...options });
  opened.push(ownership);
  await ownership.start();
  return ownership;
}

/** A worker row as another process would have it. */
async function aWorker(fields: Partial<ProcessIdentity> & { leaseMs?: number } = {}): Promise<string> {
  const id = uuidv7();
  const { host = 'elsewhere', bootId = 'other-boot', pid = 1, pidStarted = '1', leaseMs = 8_000 } = fields;
  await kit.sql.query(
    `insert into worker (id, lease_until, host, boot_id, pid, pid_started) values ($1, now() + $2 * interval '1 ms', $3, $4, $5, $6)`,
    [id, leaseMs, host, bootId, pid, pidStarted],
  );
  return id;
}

/** Runs owned by `owner`, as its writer left them. */
async function liveRuns(owner: string, count: number): Promise<string[]> {
  const writer = await kit.writer({ writerId: owner });
  const records = Array.from({ length: count }, () => firstRecord());
  await Promise.all(records.map((record) => append(writer, record)));
  await writer.close();
  return records.map((record) => record.head.id);
}

const steady = (): void => {
  nowMs += 8_000;
};

describe('claiming', () => {
  test('a run whose owner holds its lease is not claimed', async () => {
    const owner = await aWorker();
    await liveRuns(owner, 1);
    const ownership = await anOwnership();
    steady();
    expect(await ownership.claimOrphans(10)).toEqual([]);
  });

  test('a run whose owner let its lease run out is claimed with its journal in order and a higher fence', async () => {
    const owner = await aWorker();
    const writer = await kit.writer({ writerId: owner });
    const first = firstRecord({ triggerKind: 'schedule' });
    const second = nextRecord(first);
    await append(writer, first);
    await append(writer, second);
    const ownership = await anOwnership();
    await kit.sql.query(`update worker set lease_until = now() - interval '1 ms' where id = $1`, [owner]);
    steady();
    const claimed = await ownership.claimOrphans(10);
    expect(claimed).toEqual([
      { head: first.head, status: 'running', fence: 2, nextSeq: 4, crashCount: 0, from: 0, chunks: [events(0, 2), events(2, 2)] },
    ]);
    expect(await append(writer, nextRecord(second))).toEqual({ kind: 'lost' });

    const heir = await kit.writer({ writerId: ownership.ownerId });
    expect(await append(heir, lastRecord(second, undefined, { fence: 2 }))).toEqual({ kind: 'committed' });
  });

  test('accepted runs that never started are claimed too', async () => {
    const owner = uuidv7();
    const writer = await kit.writer({ writerId: owner });
    const pending = { ...firstRecord(), status: 'pending' as const };
    await append(writer, pending);
    const ownership = await anOwnership();
    expect(await ownership.claimOrphans(10)).toMatchObject([{ head: { id: pending.head.id }, status: 'pending', fence: 2 }]);
  });

  test('runs at rest change their owner and are not read; blocked ones are read', async () => {
    const writer = await kit.writer({ writerId: uuidv7() });
    const atRest = async (change: Partial<RunRecord>): Promise<RunRecord> => {
      const first = firstRecord();
      const second = nextRecord(first, change);
      await append(writer, first);
      await append(writer, second);
      return second;
    };
    const waiting = await atRest({ status: 'waiting', waiting: 'timer' });
    const paused = await atRest({ status: 'paused' });
    const blocked = await atRest({ status: 'waiting', waiting: 'blocked' });
    const ownership = await anOwnership();
    expect((await ownership.claimOrphans(10)).map((run) => run.head.id)).toEqual([blocked.head.id]);
    expect([await ownership.claimResting(1), await ownership.claimResting(10), await ownership.claimResting(10)]).toEqual([1, 1, 0]);
    const owned = await ownership.loadOwned([waiting.head.id, paused.head.id]);
    expect(owned.map(({ fence, crashCount }) => [fence, crashCount])).toEqual([
      [2, 0],
      [2, 0],
    ]);
    expect(await append(writer, nextRecord(waiting))).toEqual({ kind: 'lost' });
  });

  test('two processes that claim at once share the runs, each run to one', async () => {
    const ids = await liveRuns(uuidv7(), 200);
    const [one, other] = [await anOwnership(), await anOwnership()];
    const claims: { by: string; id: string }[] = [];
    const work = async (ownership: LeasedOwnership): Promise<void> => {
      for (;;) {
        const runs = await ownership.claimOrphans(7);
        if (runs.length === 0) return;
        claims.push(...runs.map((run) => ({ by: ownership.ownerId, id: run.head.id })));
      }
    };
    await Promise.all([work(one), work(other)]);
    // A process that met only locked rows stops early; a last pass takes what the other left.
    await work(one);
    expect(claims.map((claim) => claim.id).sort()).toEqual(ids.sort());
    const owners = await kit.rows<{ run_id: string; owner: string; fence: number }>('select run_id, owner, fence from run_live');
    expect(owners.every((row) => row.fence === 2)).toBe(true);
    expect(new Map(owners.map((row) => [row.run_id, row.owner]))).toEqual(new Map(claims.map((claim) => [claim.id, claim.by])));
  });

  test('the oldest runs are claimed first, up to the limit', async () => {
    const writer = await kit.writer();
    const records = [30, 10, 20].map((minutes) => firstRecord({ startedAt: Date.now() - minutes * 60_000 }));
    for (const record of records) await append(writer, record);
    const ownership = await anOwnership();
    const claimed = await ownership.claimOrphans(2);
    expect(claimed.map((run) => run.head.id)).toEqual([nth(records, 0).head.id, nth(records, 2).head.id]);
  });

  test('rule 8: after an outage leases that ran out count only after one full lease of connection', async () => {
    const owner = await aWorker({ leaseMs: -1 });
    await liveRuns(owner, 1);
    const ownership = await anOwnership({
      connect: () => new pg.Client({ connectionString: kit.test.url, application_name: 'claimer' }),
      beatMs: 5,
    });
    expect(await ownership.claimOrphans(10)).toEqual([]);
    steady();
    const sessions = async (): Promise<number[]> =>
      (await kit.rows<{ pid: number }>(`select pid from pg_stat_activity where application_name = 'claimer'`)).map((row) => row.pid);
    const before = await sessions();
    await kit.terminate('claimer');
    await until(async () => {
      const now = await sessions();
      return now.length > 0 && !now.some((pid) => before.includes(pid));
    });
    nowMs += 7_000;
    // Whether the break is noticed before or by this call is a matter of chance; both are an outage.
    await ownership.readInbox().catch(() => []);
    expect(await ownership.claimOrphans(10)).toEqual([]);
    await until(async () => {
      steady();
      return (await ownership.claimOrphans(10)).length === 1;
    });
  });

  test('a process that died on this machine is recognised at once', async () => {
    const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
    await once(child, 'spawn');
    const stat = readFileSync(`/proc/${child.pid}/stat`, 'utf8');
    const pidStarted = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
    const owner = await aWorker({ ...ownIdentity(), pid: child.pid, pidStarted });
    await liveRuns(owner, 1);
    const ownership = await anOwnership();
    expect(await ownership.claimOrphans(10)).toEqual([]);
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(await ownership.claimOrphans(10)).toHaveLength(1);
  });

  test('another process under the number of a dead one does not keep its runs', async () => {
    const owner = await aWorker({ ...ownIdentity(), pidStarted: '1' });
    await liveRuns(owner, 1);
    const ownership = await anOwnership();
    expect(await ownership.claimOrphans(10)).toHaveLength(1);
  });

  test('a process of the same number in another pid namespace proves nothing', async () => {
    const owner = await aWorker({ ...ownIdentity(), bootId: `${ownIdentity().bootId}-other`, pid: 4_000_000 });
    await liveRuns(owner, 1);
    const ownership = await anOwnership();
    steady();
    expect(await ownership.claimOrphans(10)).toEqual([]);
  });

  test('a process alone on its database takes over whatever a lease says', async () => {
    const owner = await aWorker();
    await liveRuns(owner, 1);
    const ownership = await anOwnership({ isAlone: true });
    expect(await ownership.claimOrphans(10)).toHaveLength(1);
  });

  test('runs of a process that shut down are handed over at once', async () => {
    const leaving = await anOwnership();
    await liveRuns(leaving.ownerId, 2);
    const staying = await anOwnership();
    expect(await staying.claimOrphans(10)).toEqual([]);
    await leaving.close();
    expect(await kit.rows('select id from worker')).toEqual([{ id: staying.ownerId }]);
    expect(await staying.claimOrphans(10, { countCrashes: true })).toMatchObject([{ crashCount: 0 }, { crashCount: 0 }]);
  });

  test('a crash is counted only when asked for, and can be cleared', async () => {
    const owner = await aWorker({ ...ownIdentity(), pidStarted: '1' });
    const id = nth(await liveRuns(owner, 1), 0);
    const ownership = await anOwnership();
    expect(await ownership.claimOrphans(10, { countCrashes: true })).toMatchObject([{ crashCount: 1 }]);
    await kit.sql.query('update run_live set owner = $1', [owner]);
    expect(await ownership.claimOrphans(10)).toMatchObject([{ crashCount: 1 }]);
    await ownership.clearCrashCount([id]);
    expect(await kit.rows('select crash_count from run_live')).toEqual([{ crash_count: 0 }]);
  });
});

describe('the lease', () => {
  test('rule 8: it holds until its margin by the monotonic clock, and again after the next heartbeat', async () => {
    const ownership = await anOwnership({ beatMs: 60_000 });
    expect(ownership.leaseHolds()).toBe(true);
    nowMs += 5_999;
    expect(ownership.leaseHolds()).toBe(true);
    nowMs += 1;
    expect(ownership.leaseHolds()).toBe(false);
    await ownership.start();
    expect(ownership.leaseHolds()).toBe(true);
    await ownership.close();
    expect(ownership.leaseHolds()).toBe(false);
  });

  test('heartbeats keep the row alive and bring it back when it was removed', async () => {
    const ownership = await anOwnership({ beatMs: 5 });
    const lease = async (): Promise<string | undefined> =>
      (await kit.rows<{ at: string }>('select lease_until::text as at from worker where id = $1', [ownership.ownerId]))[0]?.at;
    const first = await lease();
    await until(async () => (await lease()) !== first);
    await kit.sql.query('delete from worker');
    await until(async () => (await lease()) !== undefined);
  });

  test('rows of workers long dead are forgotten, those that still own runs are not', async () => {
    const [idle, busy] = [await aWorker({ leaseMs: -3_600_000 }), await aWorker({ leaseMs: -3_600_000 })];
    const recent = await aWorker({ leaseMs: -1_000 });
    await liveRuns(busy, 1);
    const ownership = await anOwnership();
    const left = (await kit.rows<{ id: string }>('select id from worker')).map((row) => row.id);
    expect(left.sort()).toEqual([busy, recent, ownership.ownerId].sort());
    expect(left).not.toContain(idle);
  });

  test('heartbeats go on after their connection was killed', async () => {
    const failures: unknown[] = [];
    const ownership = await anOwnership({
      connect: () => new pg.Client({ connectionString: kit.test.url, application_name: 'beater' }),
      beatMs: 5,
      onBeatFailed: (error) => failures.push(error),
    });
    for (let i = 0; i < 5; i++) {
      await kit.terminate('beater');
      const [row] = await kit.rows<{ at: string }>('select lease_until::text as at from worker');
      await until(async () => (await kit.rows<{ at: string }>('select lease_until::text as at from worker'))[0]?.at !== row?.at);
    }
    expect(ownership.leaseHolds()).toBe(true);
  });
});

describe('rule 15: the inbox', () => {
  test('rule 15: anyone may put, only the owner reads, and the same source counts once', async () => {
    const woken: string[] = [];
    const owner = await anOwnership({ onInbox: (runId) => woken.push(runId) });
    const other = await anOwnership();
    const ids = await liveRuns(owner.ownerId, 2);
    const [mine, second] = [nth(ids, 0), nth(ids, 1)];
    const row = { runId: mine, workspaceId: WORKSPACE, sourceKey: 'signal:1', kind: 'signal', payload: { a: ['x', null] } };
    expect(await other.putInbox(row)).toBe(true);
    expect(await other.putInbox(row)).toBe(false);
    expect(await owner.putInbox({ ...row, runId: second, kind: 'cancel', payload: undefined })).toBe(true);
    expect(woken).toEqual([second]);
    expect(await owner.readInbox()).toMatchObject([
      { runId: mine, kind: 'signal', payload: { a: ['x', null] } },
      { runId: second, kind: 'cancel', payload: null },
    ]);
    expect(await owner.readInbox([second])).toMatchObject([{ runId: second }]);
    expect(await other.readInbox()).toEqual([]);
    expect(await other.readInbox([mine])).toEqual([]);
  });

  test('rule 15: the owner in another process is told after the commit', async () => {
    const listener = kit.connect();
    await listener.connect();
    await listener.query(`listen ${INBOX_CHANNEL}`);
    const told = once(listener, 'notification');
    const ownership = await anOwnership();
    const runId = uuidv7();
    await ownership.putInbox({ runId, workspaceId: WORKSPACE, sourceKey: 's', kind: 'signal', payload: {} });
    const [notification] = (await told) as [pg.Notification];
    expect(notification.payload).toBe(runId);
    expect(await kit.rows('select run_id from run_inbox')).toEqual([{ run_id: runId }]);
    await listener.end();
  });

  test('keys and payloads from outside are stored whatever they hold, and different keys stay different', async () => {
    const ownership = await anOwnership();
    const runId = nth(await liveRuns(ownership.ownerId, 1), 0);
    const keys = ['a\0', 'a\uFFFD', 'a\uD800', 'a\uD801', 'x'.repeat(50_000), 'x'.repeat(50_001)];
    for (const sourceKey of keys) {
      expect(
        await ownership.putInbox({ runId: runId, workspaceId: WORKSPACE, sourceKey, kind: 'signal', payload: { text: '\0\uD800' } }),
      ).toBe(true);
    }
    const rows = await ownership.readInbox();
    expect(rows).toHaveLength(keys.length);
    expect(rows[0]?.payload).toEqual({ text: '\0\uD800' });
  });

  test('rule 15: a row put while the run is being claimed is read by its new owner', async () => {
    const owner = uuidv7();
    const runId = nth(await liveRuns(owner, 1), 0);
    const [one, other] = [await anOwnership(), await anOwnership()];
    await Promise.all([
      one.putInbox({ runId: runId, workspaceId: WORKSPACE, sourceKey: 's', kind: 'cancel', payload: {} }),
      other.claimOrphans(1),
    ]);
    expect(await other.readInbox()).toMatchObject([{ runId, kind: 'cancel' }]);
  });
});

test('a run that ended is not claimed', async () => {
  const owner = uuidv7();
  const writer = await kit.writer({ writerId: owner });
  const first = firstRecord();
  await append(writer, first);
  await append(writer, lastRecord(first));
  await append(writer, shortRun());
  const ownership = await anOwnership();
  expect(await ownership.claimOrphans(10)).toEqual([]);
});
