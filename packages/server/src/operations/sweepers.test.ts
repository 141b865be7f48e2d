/** Clearing away: with a real database and time that a test moves. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import {
  type RunPayloads,
  addRunTags,
  claimIdempotency,
  createFileBlobStore,
  createPerson,
  createRunPayloads,
  createWorkflow,
  deleteEndedRun,
  deleteWorkflow,
  inInstance,
  inWorkspace,
  listUnsealedChains,
  openSession,
  recordAudit,
  recordLoginFailure,
  seedDefaults,
  uuidFloor,
  uuidv7,
  verifyAudit,
} from '@plugboard/persistence';
import { type TestDatabase, createTestDatabase } from '@plugboard/persistence/testing';
import type { Clock, Timer } from '@plugboard/runner';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { retentionSweeps } from './retention.ts';
import { type Sweep, type Sweepers, startSweepers, tableSweeps } from './sweepers.ts';

/** Stands still until it is moved. */
class TestClock implements Clock {
  #ms = 0;
  readonly #timers = new Set<{ readonly dueAt: number; readonly act: () => void }>();
  now(): number {
    return Date.now() + this.#ms;
  }
  monotonicMs(): number {
    return this.#ms;
  }
  random(): number {
    return 0.5;
  }
  after(delayMs: number, act: () => void): Timer {
    const timer = { dueAt: this.#ms + delayMs, act };
    this.#timers.add(timer);
    return { cancel: () => void this.#timers.delete(timer) };
  }
  /** Moves on, giving what is due its turns. */
  async advance(ms: number): Promise<void> {
    const until = this.#ms + ms;
    for (;;) {
      const [next] = [...this.#timers].filter((timer) => timer.dueAt <= until).sort((a, b) => a.dueAt - b.dueAt);
      if (!next) break;
      this.#timers.delete(next);
      this.#ms = Math.max(this.#ms, next.dueAt);
      next.act();
      for (let n = 0; n < 5; n += 1) await turn();
    }
    this.#ms = until;
  }
  get waiting(): number {
    return this.#timers.size;
  }
}

let clock: TestClock;
let warnings: string[];
let sweepers: Sweepers | undefined;

function start(sweeps: readonly Sweep[]): Sweepers {
  clock = new TestClock();
  warnings = [];
  const note = (fields: object, message: string): void => void warnings.push(`${message} ${JSON.stringify(fields)}`);
  return (sweepers = startSweepers({ sweeps, log: { warn: note, info: note }, clock }));
}

afterEach(() => sweepers?.close());

describe('the schedule', () => {
  test('a sweep passes at its pace, and goes on in small steps while there is more', async () => {
    const steps: number[] = [];
    let left = 25;
    start([
      {
        name: 'things',
        everyMs: 1000,
        limit: 10,
        step: () => Promise.resolve((steps.push(left), (left -= Math.min(10, left)), steps.at(-1)! >= 10 ? 10 : 5)),
      },
    ]);
    await clock.advance(499);
    expect(steps).toEqual([]);
    await clock.advance(300);
    expect(steps).toEqual([25, 15, 5]);
    await clock.advance(1000);
    expect(steps).toHaveLength(4);
  });

  test('what fails is told once, counted, and tried again until it works', async () => {
    let isBroken = true;
    const all = start([
      {
        name: 'things',
        everyMs: 100,
        firstMs: 0,
        limit: 1,
        step: () => (isBroken ? Promise.reject(new Error('away')) : Promise.resolve(0)),
      },
    ]);
    await clock.advance(1000);
    expect(all.stats[0]?.failures).toBeGreaterThan(5);
    expect(warnings).toHaveLength(1);
    isBroken = false;
    await clock.advance(500);
    expect(warnings[1]).toMatch('works again');
    expect(all.stats[0]?.passes).toBeGreaterThan(2);
  });

  test('one pass is under way at a time, and closing waits for its step and starts no other', async () => {
    let finish: (() => void) | undefined;
    let started = 0;
    const all = start([
      {
        name: 'slow',
        everyMs: 100,
        firstMs: 0,
        limit: 1,
        step: () => new Promise((resolve) => ((started += 1), (finish = () => resolve(1)))),
      },
    ]);
    await clock.advance(10);
    void all.run('slow');
    await clock.advance(1000);
    expect(started).toBe(1);
    let isClosed = false;
    const closing = all.close().then(() => (isClosed = true));
    await turn();
    expect(isClosed).toBe(false);
    finish?.();
    await clock.advance(100);
    await closing;
    expect(started).toBe(1);
    expect(clock.waiting).toBe(0);
  });
});

describe('what is cleared away', () => {
  let db: TestDatabase;
  let dir: string;
  let payloads: RunPayloads;
  let workspaceId: string;
  let projectId: string;
  let principalId: string;
  const key = new Uint8Array(32).fill(3);
  const count = async (table: string): Promise<number> =>
    Number((await db.database.query<{ n: string }>(`select count(*) as n from ${table}`))[0]?.n);
  const asOwner = <Result>(use: Parameters<typeof inWorkspace<Result>>[2]): Promise<Result> =>
    inWorkspace(db.database, { workspaceId, principalId }, use);

  beforeAll(async () => {
    db = await createTestDatabase();
    dir = await mkdtemp(join(tmpdir(), 'plugboard-sweep-'));
    payloads = createRunPayloads({ database: db.database, files: createFileBlobStore({ dir: join(dir, 'blobs') }) });
    const defaults = await seedDefaults(db.database);
    ({ workspaceId, projectId } = defaults);
    const made = await createPerson(db.database, { email: 'a@example.com', displayName: 'A' });
    principalId = made.kind === 'created' ? made.personId : '';
  });
  afterAll(async () => {
    await db.close();
    await rm(dir, { recursive: true, force: true });
  });

  const table = (): Sweepers => start(tableSweeps({ database: db.database, auditKey: key }));

  test('audit entries are sealed within a second, in every chain, and verify', async () => {
    for (let n = 0; n < 3; n += 1)
      await asOwner((tx) =>
        recordAudit(tx, { principalId, actorKind: 'person', action: 'workflow.create', resourceKind: 'workflow', ip: '::1' }),
      );
    await inInstance(db.database, (tx) =>
      recordAudit(tx, { principalId, actorKind: 'person', action: 'session.signIn', resourceKind: 'session', ip: '::1' }),
    );
    expect(await listUnsealedChains(db.database)).toHaveLength(2);
    await table().run('audit-seal');
    expect(await listUnsealedChains(db.database)).toEqual([]);
    expect(await verifyAudit(db.database, { kind: 'workspace', workspaceId }, { key })).toMatchObject({ kind: 'intact', entries: 3 });
  });

  test('sessions that ended go, living ones stay', async () => {
    const open = (idleMs: number): Promise<string> =>
      openSession(db.database, {
        tokenHash: crypto.getRandomValues(new Uint8Array(32)),
        personId: principalId,
        idleMs,
        absoluteMs: 60_000,
      });
    await open(-1000);
    const living = await open(60_000);
    expect(await table().run('sessions')).toBe(1);
    expect((await db.database.query<{ id: string }>('select id from session')).map((row) => row.id)).toEqual([living]);
  });

  test('failed sign-ins, results of requests and test addresses go when their time is over', async () => {
    await recordLoginFailure(db.database, [{ kind: 'ip', value: '::1' }], { windowMs: 1000 });
    await db.database.query(`update login_attempt set last_at = now() - interval '1 hour'`);
    await inInstance(db.database, (tx) =>
      claimIdempotency(tx, { principalId, key: 'old', requestHash: new Uint8Array(32), keepMs: -1000 }),
    );
    await inInstance(db.database, (tx) =>
      claimIdempotency(tx, { principalId, key: 'new', requestHash: new Uint8Array(32), keepMs: 60_000 }),
    );
    const all = table();
    expect(await all.run('login-failures')).toBe(1);
    expect(await all.run('idempotency')).toBe(1);
    expect(await all.run('test-listeners')).toBe(0);
    expect(await count('idempotency')).toBe(1);
  });

  test('the trash is emptied after thirty days, and not before', async () => {
    const id = await asOwner(async (tx) => {
      const definition = { schema: 1, name: 'Gone', nodes: [], edges: [] } as never;
      const made = await createWorkflow(tx, { projectId, definition, semanticHash: 'x' });
      if (made.kind !== 'created') throw new Error(made.kind);
      await deleteWorkflow(tx, made.workflow.id);
      return made.workflow.id;
    });
    const all = table();
    expect(await all.run('trash')).toBe(0);
    await db.database.query(`update workflow set deleted_at = now() - interval '31 days' where id = $1`, [id]);
    expect(await all.run('trash')).toBe(1);
    expect(await count('workflow')).toBe(0);
  });

  test('finished runs go after the days their own workspace says, with events and tags; those that go on stay', async () => {
    const day = 24 * 60 * 60_000;
    const old = uuidFloor(Date.now() - 1000);
    const idOf = (n: number): string => `${old.slice(0, 34)}${String(n).padStart(2, '0')}`;
    const retention = retentionSweeps({ database: db.database, payloads, retentionDays: () => 30 });
    await start(retention).run('partitions');
    for (const [n, status, endedDaysAgo] of [
      [1, 4, 31],
      [2, 5, 29],
      [3, 1, undefined],
    ] as const) {
      await db.database.query(
        `insert into run (id, workspace_id, workflow_id, environment, version, status, trigger_kind, root_run_id, started_at, ended_at, journal)
           values ($1, $2, $1, 1, 1, $3, 1, $1, now() - interval '40 days', now() - $4::float8 * interval '1 day', '[]')`,
        [idOf(n), workspaceId, status, endedDaysAgo ?? null],
      );
      await db.database.query(`insert into run_chunk (run_id, seq, events) values ($1, 1, '[]')`, [idOf(n)]);
      await addRunTags(db.database, { workspaceId, runId: idOf(n), tags: [{ key: 'customer', value: 'x' }] });
    }
    // The bound on ids keeps young ids out, so the pass is told a time at which these are old.
    const sweep = retention.find((one) => one.name === 'runs');
    expect(await sweep?.step(Date.now() + 31 * day)).toBe(2);
    expect((await db.database.query<{ id: string }>('select id from run')).map((row) => row.id)).toEqual([idOf(3)]);
    expect(await count('run_chunk')).toBe(1);
    expect(await count('run_tag')).toBe(1);
    const forever = retentionSweeps({ database: db.database, payloads, retentionDays: () => 0 });
    expect(await forever.find((one) => one.name === 'runs')?.step(Date.now() + 9999 * day)).toBe(0);
  });

  describe('a payload of runs', () => {
    const insertRun = async (): Promise<string> => {
      const id = uuidv7();
      await db.database.query(
        `insert into run (id, workspace_id, workflow_id, environment, version, status, trigger_kind, root_run_id, started_at, ended_at, journal)
           values ($1, $2, $1, 1, 1, 4, 1, $1, now(), now(), '[]')`,
        [id, workspaceId],
      );
      return id;
    };
    const text = (n: number): string => JSON.stringify({ n, data: 'x'.repeat(1000) });

    test('stays while one of its runs is there, and goes with the last of them', async () => {
      const [one, other] = [await insertRun(), await insertRun()];
      const ref = await payloads.put(workspaceId, text(1), one);
      expect(await payloads.put(workspaceId, text(1), other)).toEqual(ref);
      const sweep = start(retentionSweeps({ database: db.database, payloads, retentionDays: () => 30 }));
      await deleteEndedRun(db.database, { workspaceId, id: one });
      expect(await sweep.run('payloads')).toBe(1);
      expect(await payloads.get(workspaceId, ref)).toBe(text(1));
      await deleteEndedRun(db.database, { workspaceId, id: other });
      await sweep.run('payloads');
      await expect(payloads.get(workspaceId, ref)).rejects.toMatchObject({ code: 'BLOB_MISSING' });
      expect(await count('run_payload')).toBe(0);
      expect(await count('run_payload_left')).toBe(0);
    });

    test('that is wanted again while it is swept is there afterwards, however the two meet', async () => {
      for (let round = 0; round < 20; round += 1) {
        const old = await insertRun();
        const ref = await payloads.put(workspaceId, text(round), old);
        await deleteEndedRun(db.database, { workspaceId, id: old });
        const next = await insertRun();
        await Promise.all([payloads.sweep(), payloads.put(workspaceId, text(round), next), payloads.sweep()]);
        expect(await payloads.get(workspaceId, ref)).toBe(text(round));
      }
    });

    test('of a run that was never stored goes a while later; of one without a run nothing is touched', async () => {
      const lost = await payloads.put(workspaceId, text(77), uuidFloor(Date.now() - 2 * 60 * 60_000));
      const young = await payloads.put(workspaceId, text(78), uuidv7());
      const pinned = await payloads.put(workspaceId, text(79));
      const sweep = start(retentionSweeps({ database: db.database, payloads, retentionDays: () => 30 }));
      await sweep.run('payload-names');
      await sweep.run('payloads');
      await expect(payloads.get(workspaceId, lost)).rejects.toMatchObject({ code: 'BLOB_MISSING' });
      expect(await payloads.get(workspaceId, young)).toBe(text(78));
      expect(await payloads.get(workspaceId, pinned)).toBe(text(79));
    });
  });
});
