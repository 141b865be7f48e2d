/**
 * Who works on a run. Each process keeps one worker row alive by a heartbeat; runs name their owner. A run whose owner is
 * gone is claimed by raising its fence: whatever the old owner still sends finds another fence and writes nothing.
 *
 * An owner is gone when
 *   - its worker row was deleted: it shut down and handed its runs over; or
 *   - it ran on this machine and its process exists no more: known at once; or
 *   - its lease ran out. After an outage of the database every lease has run out though everybody is alive, so this one
 *     counts only after a full lease of undisturbed connection.
 */
import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import type { Client } from 'pg';
import type { InboxRow, Ownership, PutInbox, StoredRun, StoredSnapshot } from '@plugboard/engine';
import { RUN_STATUS, SNAPSHOT_FORMAT, WAITING_FOR } from '@plugboard/engine';
import { uuidv7 } from '../ids.ts';
import type { ProcessIdentity } from './process-identity.ts';
import { isProvenDead, ownIdentity } from './process-identity.ts';
import type { SummaryRow } from './run-rows.ts';
import { decodeChunks } from './run-chunks.ts';
import { SUMMARY_COLUMNS, runSummary } from './run-rows.ts';
import { PARENT_COLUMNS, type ParentRow, runParent } from './called-runs.ts';
import { SerialSession, inTransaction } from './serial-session.ts';
import { storableText } from './storable-text.ts';
import { storedKey } from './stored-key.ts';

/** Channel on which the id of a run is sent after something was put into its inbox. */
export const INBOX_CHANNEL = 'plugboard_inbox';

/** Owner of runs that wait for a decision after a restore: no process, and nobody takes them over. */
export const HELD_OWNER = '00000000-0000-0000-0000-000000000001';

const PUT = /* sql */ `
with put as (
  insert into run_inbox (id, run_id, workspace_id, source_key, kind, payload) values ($1, $2, $3, $4, $5, $6)
  on conflict (run_id, source_key) do nothing returning run_id
) select pg_notify('${INBOX_CHANNEL}', run_id::text) from put`;

/** The row is gone once its run has taken it in; the key that stays says that it was there. */
const PUT_ONCE = /* sql */ `
with first as (
  insert into run_key (workspace_id, scope, key, run_id, expires_at) values ($3, 'inbox', $7, $2, now() + interval '400 days')
  on conflict (workspace_id, scope, key) do nothing returning run_id
), put as (
  insert into run_inbox (id, run_id, workspace_id, source_key, kind, payload) select $1, run_id, $3, $4, $5, $6 from first returning run_id
) select pg_notify('${INBOX_CHANNEL}', run_id::text) from put`;

/**
 * Deleting a timer and putting it into its run's inbox are one statement, so it counts once. The timer of a run that has ended
 * meanwhile goes without a trace.
 */
const FIRE_TIMERS = /* sql */ `
with due as (
  delete from timer t using (
    select run_id, wait_id from timer where due_at <= clock_timestamp() order by due_at limit $1 for update skip locked
  ) d where t.run_id = d.run_id and t.wait_id = d.wait_id
  returning t.run_id, t.wait_id, t.workspace_id
), put as (
  insert into run_inbox (id, run_id, workspace_id, source_key, kind, payload)
  select gen_random_uuid(), run_id, workspace_id, 'timer:' || wait_id, 'timer', jsonb_build_object('wait', wait_id)
  from due where exists (select from run_live l where l.run_id = due.run_id)
  on conflict (run_id, source_key) do nothing returning run_id
), told as (
  select pg_notify('${INBOX_CHANNEL}', run_id::text) from put
)
select (select count(*) from due)::int as fired, (select count(*) from told)::int as told,
  (select extract(epoch from min(due_at) - clock_timestamp()) * 1000 from timer where due_at > clock_timestamp())::float8 as next_in_ms`;

const compress = promisify<string, { level: number }, Buffer>(gzip);
const decompress = promisify<Buffer, Buffer>(gunzip);

/** Runs `l` of the owners `$2`, which are gone, and `$3`, whose lease must still be over. */
const ORPHANED = `(l.owner = any($2::uuid[])
  or (l.owner = any($3::uuid[]) and not exists (select from worker w where w.id = l.owner and w.lease_until >= now())))`;

/** A blocked run does not rest: the next server may have what it needs. */
const AT_REST = `(l.status in (${RUN_STATUS.paused}, ${RUN_STATUS.waiting}) and l.waiting is distinct from ${WAITING_FOR.blocked})`;

export interface OwnershipOptions {
  /** Makes a client that is not connected yet; two are used, one for the heartbeat alone. */
  readonly connect: () => Client;
  /** The writer's id: the owner named in the rows it writes. */
  readonly ownerId: string;
  /** @default 8000 */
  readonly leaseMs?: number;
  /** @default 2000 */
  readonly beatMs?: number;
  /** The lease counts as held until so long before its end, in milliseconds. @default 2000 */
  readonly marginMs?: number;
  /**
   * True when no other process can be working on this database (the embedded one, whose folder is locked): every other owner
   * is gone then, whatever its lease says. @default false
   */
  readonly isAlone?: boolean;
  /** Inbox rows read at a time. @default 5000 */
  readonly inboxLimit?: number;
  /** Told the run after a row of its inbox is committed by this process. */
  readonly onInbox?: (runId: string) => void;
  /** Heartbeats that failed; the next follows by itself. */
  readonly onBeatFailed?: (error: unknown) => void;
  /** @default this process */
  readonly identity?: ProcessIdentity;
  /** Milliseconds of a clock that never steps. @default performance.now */
  readonly monotonicMs?: () => number;
}

export interface ClaimOptions {
  /** Adds one to the crash count of claimed runs that were running and whose owner died, not of those handed over. @default false */
  readonly countCrashes?: boolean;
}

export interface LeasedOwnership extends Ownership {
  /** Registers the worker; resolves after the first heartbeat. Runs may be written from then on. */
  start(): Promise<void>;
  claimOrphans(limit: number, options?: ClaimOptions): Promise<StoredRun[]>;
  /**
   * Rows of all runs this process owns, or of these only, in the order they came. They come back until the flush that takes
   * them in has deleted them; the caller leaves out those it has already.
   */
  readInbox(runIds?: readonly string[], after?: Pick<InboxRow, 'id' | 'putAt'>): Promise<InboxRow[]>;
  /** Deletes the worker row, so that others take the remaining runs over at once. Drain the writer before. */
  close(): Promise<void>;
}

export function createOwnership(options: OwnershipOptions): LeasedOwnership {
  return new LeaseKeeper(options);
}

interface OwnerRow {
  readonly owner: string;
  readonly host: string | null;
  readonly boot_id: string | null;
  readonly pid: number | null;
  readonly pid_started: string | null;
  readonly is_expired: boolean | null;
}

interface OwnersByFate {
  /** Dead or handed over: to be claimed whatever the lease says. */
  readonly gone: string[];
  /** Lease ran out; checked again while claiming. */
  readonly expired: string[];
  /** Of `gone`, those that shut down in order. */
  readonly handedOver: string[];
}

class LeaseKeeper implements LeasedOwnership {
  readonly ownerId: string;
  readonly #options: Required<Omit<OwnershipOptions, 'onInbox' | 'onBeatFailed'>> & OwnershipOptions;
  readonly #beats: SerialSession;
  readonly #work: SerialSession;
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;
  /** When the last answered heartbeat was sent, by both clocks: the monotonic one stands still while a machine sleeps. */
  #lastBeat: { readonly monotonicMs: number; readonly wallMs: number } | undefined;
  /** Since when the database answered without a break, by the monotonic clock. */
  #steadySince: number | undefined;
  #hadOutage = false;

  constructor(options: OwnershipOptions) {
    this.ownerId = options.ownerId;
    this.#options = {
      leaseMs: 8_000,
      beatMs: 2_000,
      marginMs: 2_000,
      isAlone: false,
      inboxLimit: 5_000,
      identity: options.identity ?? ownIdentity(),
      monotonicMs: () => performance.now(),
      ...options,
    };
    const onBroken = (): void => {
      if (this.#steadySince !== undefined) this.#hadOutage = true;
      this.#steadySince = undefined;
    };
    this.#beats = new SerialSession({ connect: options.connect, timeoutMs: this.#options.leaseMs, onBroken });
    this.#work = new SerialSession({ connect: options.connect, timeoutMs: 60_000, onBroken });
  }

  async start(): Promise<void> {
    await this.#beat();
    await this.#work.run(forgetWorkers);
    this.#scheduleBeat();
  }

  leaseHolds(): boolean {
    if (!this.#lastBeat || this.#isClosed) return false;
    const holdsMs = this.#options.leaseMs - this.#options.marginMs;
    return this.#options.monotonicMs() - this.#lastBeat.monotonicMs < holdsMs && Date.now() - this.#lastBeat.wallMs < holdsMs;
  }

  async claimOrphans(limit: number, { countCrashes = false }: ClaimOptions = {}): Promise<StoredRun[]> {
    return this.#work.run(async (client) => {
      const owners = await this.#ownersByFate(client);
      if (owners.gone.length + owners.expired.length === 0) return [];
      const crashed = countCrashes ? [...owners.gone, ...owners.expired].filter((owner) => !owners.handedOver.includes(owner)) : [];
      const runs = await inTransaction(client, async () => {
        const ids = await claim(client, this.ownerId, owners, crashed, limit);
        return readStoredRuns(client, ids);
      });
      await forgetWorkers(client);
      return runs;
    });
  }

  async claimResting(limit: number): Promise<number> {
    return this.#work.run(async (client) => {
      const owners = await this.#ownersByFate(client);
      if (owners.gone.length + owners.expired.length === 0) return 0;
      const { rowCount } = await client.query(
        `with picked as (
           select run_id from run_live l where ${ORPHANED} and ${AT_REST} limit $4 for update skip locked
         )
         update run_live l set owner = $1, fence = l.fence + 1 from picked p where l.run_id = p.run_id`,
        [this.ownerId, owners.gone, owners.expired, limit],
      );
      return rowCount ?? 0;
    });
  }

  async loadOwned(runIds: readonly string[]): Promise<StoredRun[]> {
    if (runIds.length === 0) return [];
    return this.#work.run(async (client) => {
      const { rows } = await client.query<{ run_id: string }>('select run_id from run_live where run_id = any($1::uuid[]) and owner = $2', [
        runIds,
        this.ownerId,
      ]);
      return readStoredRuns(
        client,
        rows.map((row) => row.run_id),
      );
    });
  }

  async pendingIds(workspaceId: string, limit: number): Promise<string[]> {
    const { rows } = await this.#work.run((client) =>
      client.query<{ run_id: string }>(
        `select run_id from run_live where owner = $1 and workspace_id = $2 and status = ${RUN_STATUS.pending} order by run_id limit $3`,
        [this.ownerId, workspaceId, limit],
      ),
    );
    return rows.map((row) => row.run_id);
  }

  async clearCrashCount(runIds: readonly string[]): Promise<void> {
    if (runIds.length === 0) return;
    await this.#work.run((client) =>
      client.query('update run_live set crash_count = 0 where run_id = any($1::uuid[]) and owner = $2 and crash_count > 0', [
        runIds,
        this.ownerId,
      ]),
    );
  }

  get inboxPage(): number {
    return this.#options.inboxLimit;
  }

  async readInbox(runIds?: readonly string[], after?: Pick<InboxRow, 'id' | 'putAt'>): Promise<InboxRow[]> {
    const { rows } = await this.#work.run((client) =>
      client.query<{ id: string; run_id: string; kind: string; payload: unknown; put_at: string }>(
        `select b.id, b.run_id, b.kind, b.payload, b.created_at::text as put_at from run_inbox b join run_live l on l.run_id = b.run_id
         where l.owner = $1 and ($3::uuid[] is null or b.run_id = any($3)) ${after ? 'and (b.created_at, b.id) > ($4::timestamptz, $5::uuid)' : ''}
         order by b.created_at, b.id limit $2`,
        [this.ownerId, this.#options.inboxLimit, runIds ?? null, ...(after ? [after.putAt, after.id] : [])],
      ),
    );
    return rows.map((row) => ({ id: row.id, putAt: row.put_at, runId: row.run_id, kind: row.kind, payload: row.payload }));
  }

  async putSnapshot({ runId, workspaceId, seq, text }: StoredSnapshot): Promise<void> {
    const state = await compress(text, { level: 1 });
    await this.#work.run((client) =>
      client.query(
        `insert into run_snapshot (run_id, workspace_id, seq, format, state)
         select $1, $2, $3, ${SNAPSHOT_FORMAT}, $4 where exists (select from run_live where run_id = $1)
         on conflict (run_id) do update set seq = excluded.seq, format = excluded.format, state = excluded.state where run_snapshot.seq < excluded.seq`,
        [runId, workspaceId, seq, state],
      ),
    );
  }

  async dropSnapshot(runId: string): Promise<void> {
    await this.#work.run((client) => client.query('delete from run_snapshot where run_id = $1', [runId]));
  }

  async putInbox(row: PutInbox): Promise<boolean> {
    const { rows } = await this.#work.run((client) =>
      client.query(row.once ? PUT_ONCE : PUT, [
        uuidv7(),
        row.runId,
        row.workspaceId,
        storedKey(row.sourceKey),
        storableText(row.kind),
        JSON.stringify(row.payload ?? null),
        ...(row.once ? [storedKey(`${row.runId}:${row.sourceKey}`)] : []),
      ]),
    );
    const isNew = rows.length > 0;
    if (isNew) this.#options.onInbox?.(row.runId);
    return isNew;
  }

  async fireTimers(limit: number): Promise<{ fired: number; nextInMs?: number }> {
    const { rows } = await this.#work.run((client) => client.query<{ fired: number; next_in_ms: number | null }>(FIRE_TIMERS, [limit]));
    const [{ fired, next_in_ms: nextInMs } = { fired: 0, next_in_ms: null }] = rows;
    return nextInMs === null ? { fired } : { fired, nextInMs };
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearTimeout(this.#timer);
    try {
      await this.#beats.run((client) => client.query('delete from worker where id = $1', [this.ownerId]));
    } catch (error) {
      // Without a database the lease runs out by itself.
      this.#options.onBeatFailed?.(error);
    }
    await Promise.all([this.#beats.close(), this.#work.close()]);
  }

  #scheduleBeat(): void {
    if (this.#isClosed) return;
    this.#timer = setTimeout(() => {
      this.#beat()
        .catch((error: unknown) => this.#options.onBeatFailed?.(error))
        .finally(() => this.#scheduleBeat());
    }, this.#options.beatMs);
    this.#timer.unref();
  }

  /** Always an upsert: a worker whose row was removed while it was away is back with its next beat. */
  async #beat(): Promise<void> {
    const sent = { monotonicMs: this.#options.monotonicMs(), wallMs: Date.now() };
    const { host, bootId, pid, pidStarted } = this.#options.identity;
    await this.#beats.run((client) =>
      this.#isClosed
        ? Promise.resolve(undefined)
        : client.query(
            `insert into worker (id, lease_until, host, boot_id, pid, pid_started, started_at)
             values ($1, clock_timestamp() + $2 * interval '1 millisecond', $3, $4, $5, $6, now())
             on conflict (id) do update set lease_until = excluded.lease_until`,
            [this.ownerId, this.#options.leaseMs, host, bootId, pid, pidStarted],
          ),
    );
    this.#lastBeat = sent;
    this.#steadySince ??= this.#options.monotonicMs();
  }

  /** Owners of live runs, one index probe each, and what is known about them. */
  async #ownersByFate(client: Client): Promise<OwnersByFate> {
    const { rows } = await client.query<OwnerRow>(
      `with recursive o (owner) as (
         (select owner from run_live order by owner limit 1)
         union all
         select (select l.owner from run_live l where l.owner > o.owner order by l.owner limit 1) from o where o.owner is not null
       )
       select o.owner, w.host, w.boot_id, w.pid, w.pid_started, w.lease_until < now() as is_expired
       from o left join worker w on w.id = o.owner where o.owner is not null and o.owner <> $1 and o.owner <> $2`,
      [this.ownerId, HELD_OWNER],
    );
    const fates: OwnersByFate = { gone: [], expired: [], handedOver: [] };
    const isSteady = this.#steadySince !== undefined && this.#options.monotonicMs() - this.#steadySince >= this.#options.leaseMs;
    for (const row of rows) {
      const isHandedOver = row.is_expired === null;
      const identity: ProcessIdentity | undefined =
        row.host === null || row.boot_id === null || row.pid === null || row.pid_started === null
          ? undefined
          : { host: row.host, bootId: row.boot_id, pid: row.pid, pidStarted: row.pid_started };
      if (isHandedOver && (isSteady || !this.#hadOutage)) {
        // After a failover a missing row may only mean that its worker has not reached the new server yet.
        fates.gone.push(row.owner);
        fates.handedOver.push(row.owner);
      } else if (this.#options.isAlone || (identity && isProvenDead(identity, this.#options.identity))) {
        fates.gone.push(row.owner);
      } else if (row.is_expired === true && isSteady) {
        fates.expired.push(row.owner);
      }
    }
    return fates;
  }
}

/** Takes runs over, oldest first; a run another process is claiming is left to it. */
async function claim(client: Client, ownerId: string, owners: OwnersByFate, crashed: readonly string[], limit: number): Promise<string[]> {
  const { rows } = await client.query<{ run_id: string }>(
    `with picked as (
       select run_id, owner from run_live l where ${ORPHANED} and not ${AT_REST}
       order by started_at, run_id limit $4 for update skip locked
     )
     update run_live l set owner = $1, fence = l.fence + 1, crash_count = l.crash_count + case when p.owner = any($5::uuid[]) and l.status = ${RUN_STATUS.running} then 1 else 0 end
     from picked p where l.run_id = p.run_id returning l.run_id`,
    [ownerId, owners.gone, owners.expired, limit, crashed],
  );
  return rows.map((row) => row.run_id);
}

interface StoredRow extends SummaryRow, ParentRow {
  readonly fence: number;
  readonly next_seq: number;
  readonly crash_count: number;
  readonly snapshot_seq: number | null;
  readonly state: Buffer | null;
  readonly from_seq: number | null;
  readonly journal: Buffer | null;
  readonly chunks: Buffer[] | null;
}

/** Read after the claim's locks, so that everything the old owner committed is there. Events that are in a snapshot stay where they are. */
async function readStoredRuns(client: Client, ids: readonly string[]): Promise<StoredRun[]> {
  if (ids.length === 0) return [];
  const { rows } = await client.query<StoredRow>(
    `select ${SUMMARY_COLUMNS}, ${PARENT_COLUMNS}, l.fence, l.next_seq, l.crash_count, s.seq as snapshot_seq, s.state,
       k.from_seq, k.chunks, case when k.first_seq is null then r.journal end as journal
     from run_live l join run r on r.id = l.run_id left join run_child c on c.run_id = l.run_id
     left join run_snapshot s on s.run_id = l.run_id and s.format = ${SNAPSHOT_FORMAT} and s.seq <= l.next_seq
     cross join lateral (select max(seq) as first_seq from run_chunk where run_id = r.id and seq <= s.seq) f
     cross join lateral (
       select f.first_seq, min(seq) as from_seq, array_agg(events order by seq) as chunks
       from run_chunk where run_id = r.id and seq >= coalesce(f.first_seq, 0)
     ) k
     where l.run_id = any($1::uuid[]) order by l.started_at, l.run_id`,
    [ids],
  );
  return Promise.all(rows.map(storedRun));
}

async function storedRun(row: StoredRow): Promise<StoredRun> {
  const { head, status } = runSummary(row);
  const parent = runParent(row);
  return {
    head: parent ? { ...head, parent } : head,
    status,
    fence: row.fence,
    nextSeq: row.next_seq,
    crashCount: row.crash_count,
    ...(row.snapshot_seq !== null && row.state && { snapshot: { seq: row.snapshot_seq, text: (await decompress(row.state)).toString() } }),
    from: row.journal === null ? (row.from_seq ?? 0) : 0,
    chunks: decodeChunks(row.journal, row.chunks),
  };
}

/** Rows of workers long dead that own nothing any more. One that lives after all is back with its next heartbeat. */
async function forgetWorkers(client: Client): Promise<void> {
  await client.query(
    `delete from worker w where w.lease_until < now() - interval '10 minutes' and not exists (select from run_live l where l.owner = w.id)`,
  );
}
