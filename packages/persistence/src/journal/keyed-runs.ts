/**
 * Runs that may come into being only once: webhook deliveries with an id, schedule slots, child runs, API calls with an
 * idempotency key. The keys are rows written with the run, in key order, in a transaction of its own beside the group commit;
 * whoever comes second learns the winner's run.
 */
import type { ClientBase } from 'pg';
import type { RunHead, RunParent, RunRecord } from '@plugboard/engine';
import { FlushStatement } from './flush-statement.ts';
import { inTransaction } from './serial-session.ts';
import { storedKey } from './stored-key.ts';

export interface RunKey {
  /** What the key is of, such as `webhook:<hook id>`. */
  readonly scope: string;
  readonly key: string;
  /** From then on the key may be used again, in milliseconds since 1970. */
  readonly expiresAt: number;
}

/**
 * `orphan`: the run that called it has ended meanwhile. `superseded`: what belongs to the run could not become true with it. Nothing was
 * written then.
 */
export type KeyedRunOutcome =
  | { readonly kind: 'created' }
  | { readonly kind: 'exists'; readonly runId: string }
  | { readonly kind: 'orphan' }
  | { readonly kind: 'superseded' };

/**
 * Writes what becomes true together with the run, in its transaction. False when that cannot be any more: then there is no run either, and nothing
 * is written. `instead`: there is no run, for that one stands for it; what was written stays, and the keys lead there.
 */
export type Alongside = (client: ClientBase) => Promise<boolean | { readonly instead: string }>;

export interface KeyedRuns {
  /**
   * Commits the first record of a run together with its keys, before the run's first step.
   * @throws the database's error; the outcome is unknown then, and calling again with the same record answers `exists` with
   * its own id if it was written.
   */
  create(record: RunRecord, keys: readonly RunKey[], alongside?: Alongside): Promise<KeyedRunOutcome>;
}

export interface KeyedRunsOptions {
  /** The writer's id: owner of the runs made. */
  readonly writerId: string;
  /** Lends a connection; `Database.withClient` is one. */
  readonly withClient: <Result>(use: (client: ClientBase) => Promise<Result>) => Promise<Result>;
  /** Larger records are refused. @default 1 MiB */
  readonly maxRecordBytes?: number;
}

/** How often a key that vanishes between conflict and look-up (it expired) is tried again. */
const ATTEMPTS = 5;

export function createKeyedRuns(options: KeyedRunsOptions): KeyedRuns {
  const statement = new FlushStatement(options.writerId, options.maxRecordBytes ?? 1024 * 1024);
  return {
    create: (record, keys, alongside) =>
      options.withClient(async (client) => {
        if (!record.create) throw new TypeError('Only the first record of a run can carry creation keys.');
        for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
          const inserted = await insert(client, { statement, record, keys, alongside });
          if (typeof inserted === 'object') return { kind: 'exists', runId: inserted.instead };
          if (inserted !== 'taken') return { kind: inserted };
          const runId = await winner(client, record.head.workspaceId, keys);
          if (runId !== undefined) return { kind: 'exists', runId };
        }
        throw new Error(`The creation keys of run ${record.head.id} kept changing hands; try again.`);
      }),
  };
}

/** Thrown inside the transaction to undo it; none leaves this file. */
class KeyTaken extends Error {}
class CallerEnded extends Error {}
class Superseded extends Error {}

interface Insert {
  readonly statement: FlushStatement;
  readonly record: RunRecord;
  readonly keys: readonly RunKey[];
  readonly alongside: Alongside | undefined;
}

async function insert(
  client: ClientBase,
  { statement, record, keys, alongside }: Insert,
): Promise<'created' | 'taken' | 'orphan' | 'superseded' | { readonly instead: string }> {
  try {
    return await inTransaction(client, async () => {
      if (record.head.parent) await holdCaller(client, record.head.parent.runId);
      const { rowCount } = await client.query(
        `insert into run_key (workspace_id, scope, key, run_id, expires_at)
         select $1, k.scope, k.key, $2, to_timestamp(k.expires_ms / 1000) from unnest($3::text[], $4::text[], $5::float8[]) as k (scope, key, expires_ms)
         order by k.scope collate "C", k.key collate "C"
         on conflict (workspace_id, scope, key) do update set run_id = excluded.run_id, expires_at = excluded.expires_at where run_key.expires_at <= now()`,
        [
          record.head.workspaceId,
          record.head.id,
          keys.map((key) => storedKey(key.scope)),
          keys.map((key) => storedKey(key.key)),
          keys.map((key) => key.expiresAt),
        ],
      );
      if (rowCount !== keys.length) throw new KeyTaken();
      const placed = alongside ? await alongside(client) : true;
      if (placed === false) throw new Superseded();
      if (placed !== true) {
        await client.query('update run_key set run_id = $3 where workspace_id = $1 and run_id = $2', [
          record.head.workspaceId,
          record.head.id,
          placed.instead,
        ]);
        return placed;
      }
      await client.query(statement.encode([{ record }]));
      if (record.head.parent) await link(client, record.head, record.head.parent);
      return 'created';
    });
  } catch (error) {
    if (error instanceof KeyTaken) return 'taken';
    if (error instanceof CallerEnded) return 'orphan';
    if (error instanceof Superseded) return 'superseded';
    throw error;
  }
}

/** Keeps the caller from ending before its new run is there for it to find. */
async function holdCaller(client: ClientBase, runId: string): Promise<void> {
  const { rowCount } = await client.query('select from run_live where run_id = $1 for key share', [runId]);
  if (rowCount === 0) throw new CallerEnded();
}

async function link(client: ClientBase, { id, workspaceId }: RunHead, { runId, place, part, wait, depth }: RunParent): Promise<void> {
  await client.query(
    `with made as (
       insert into run_child (run_id, workspace_id, parent_run_id, place, wait_id, part, depth) values ($1, $2, $3, $4, $5, $6, $7) returning run_id
     ) update run_live l set parent_run_id = $3 from made where l.run_id = made.run_id and $5::text is not null`,
    [id, workspaceId, runId, place, wait ?? null, part, depth],
  );
}

async function winner(client: ClientBase, workspaceId: string, keys: readonly RunKey[]): Promise<string | undefined> {
  const { rows } = await client.query<{ run_id: string }>(
    `select r.run_id from unnest($2::text[], $3::text[]) as k (scope, key)
       join run_key r on r.workspace_id = $1 and r.scope = k.scope and r.key = k.key
     where r.expires_at > now() order by k.scope collate "C", k.key collate "C" limit 1`,
    [workspaceId, keys.map((key) => storedKey(key.scope)), keys.map((key) => storedKey(key.key))],
  );
  return rows[0]?.run_id;
}
