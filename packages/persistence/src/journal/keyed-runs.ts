/**
 * Runs that may come into being only once: webhook deliveries with an id, schedule slots, child runs, API calls with an
 * idempotency key. The keys are rows written with the run, in key order, in a transaction of its own beside the group commit;
 * whoever comes second learns the winner's run.
 */
import type { ClientBase } from 'pg';
import type { RunRecord } from '@plugboard/engine';
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

export type KeyedRunOutcome = { readonly kind: 'created' } | { readonly kind: 'exists'; readonly runId: string };

export interface KeyedRuns {
  /**
   * Commits the first record of a run together with its keys, before the run's first step.
   * @throws the database's error; the outcome is unknown then, and calling again with the same record answers `exists` with
   * its own id if it was written.
   */
  create(record: RunRecord, keys: readonly RunKey[]): Promise<KeyedRunOutcome>;
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
    create: (record, keys) =>
      options.withClient(async (client) => {
        if (!record.create) throw new TypeError('Only the first record of a run can carry creation keys.');
        for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
          if (await insert(client, statement, record, keys)) return { kind: 'created' };
          const runId = await winner(client, record.head.workspaceId, keys);
          if (runId !== undefined) return { kind: 'exists', runId };
        }
        throw new Error(`The creation keys of run ${record.head.id} kept changing hands; try again.`);
      }),
  };
}

/** Thrown inside the transaction to undo it; never leaves this file. */
class KeyTaken extends Error {}

async function insert(client: ClientBase, statement: FlushStatement, record: RunRecord, keys: readonly RunKey[]): Promise<boolean> {
  try {
    await inTransaction(client, async () => {
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
      await client.query(statement.encode([{ record }]));
    });
    return true;
  } catch (error) {
    if (error instanceof KeyTaken) return false;
    throw error;
  }
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
