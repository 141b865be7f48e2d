/**
 * The writer's connection: one session that holds the writer's advisory lock, so that a new session is handed out only when
 * no earlier one of the same writer can still commit.
 */
import type { Client } from 'pg';
import { uuidParameter } from './array-column.ts';

/**
 * The writer only ever reaches rows by key, through a handful of statements planned once. Plans made while a partition is
 * still empty must not turn into scans of it later.
 */
const SETTINGS = /* sql */ `
select set_config('plan_cache_mode', 'force_generic_plan', false), set_config('enable_seqscan', 'off', false),
  set_config('enable_hashjoin', 'off', false), set_config('enable_mergejoin', 'off', false), set_config('enable_material', 'off', false),
  set_config('enable_bitmapscan', 'off', false), set_config('jit', 'off', false),
  set_config('lock_timeout', '10s', false), set_config('statement_timeout', $1, false),
  set_config('synchronous_commit', case current_setting('synchronous_commit') when 'off' then 'on' else current_setting('synchronous_commit') end, false)`;

/** Longest time to connect, set up and lock. */
const OPEN_TIMEOUT_MS = 10_000;

export interface WriterSessionOptions {
  /** Makes a client that is not connected yet. */
  readonly connect: () => Client;
  readonly writerId: string;
  readonly statementTimeoutMs: number;
  /** Told when the session breaks while nobody is asking it anything. */
  readonly onBroken: (error: Error, client: Client) => void;
}

/** Thrown while an earlier session of the writer is still alive in the database. Waiting helps. */
export class WriterStillConnectedError extends Error {
  override readonly name = 'WriterStillConnectedError';
  readonly code = 'WRITER_STILL_CONNECTED';
}

/** @throws whatever kept the session from opening; the client is ended then. */
export async function openWriterSession(options: WriterSessionOptions): Promise<Client> {
  const client = options.connect();
  let broken = false;
  const onBroken = (error: Error): void => {
    if (broken) return;
    broken = true;
    options.onBroken(error, client);
  };
  client.on('error', onBroken);
  client.on('end', () => onBroken(new Error('The database closed the connection')));
  // An address nobody answers on is given up long before the operating system does.
  const giveUp = setTimeout(() => closeClient(client), OPEN_TIMEOUT_MS);
  try {
    await client.connect();
    await client.query(SETTINGS, [String(options.statementTimeoutMs)]);
    await lockWriter(client, options.writerId);
    return client;
  } catch (error) {
    broken = true;
    closeClient(client);
    throw error;
  } finally {
    clearTimeout(giveUp);
  }
}

/** Closes without waiting for an answer that may never come. */
export function closeClient(client: Client): void {
  client.end().catch(() => {
    // Ending a connection that is already broken has nothing left to tell.
  });
}

async function lockWriter(client: Client, writerId: string): Promise<void> {
  const key = uuidParameter(writerId).readBigInt64BE(8).toString();
  const { rows } = await client.query<{ locked: boolean }>('select pg_try_advisory_lock($1::int8) as locked', [key]);
  if (rows[0]?.locked === true) return;
  // The earlier session may hang in a network nobody answers on; it must be gone before its records are judged.
  await client.query(
    `select pg_terminate_backend(pid) from pg_locks
     where locktype = 'advisory' and granted and objsubid = 1 and database = (select oid from pg_database where datname = current_database())
       and classid::int8 = (($1::int8 >> 32) & 4294967295) and objid::int8 = ($1::int8 & 4294967295)`,
    [key],
  );
  throw new WriterStillConnectedError('An earlier session of this writer is still open in the database; it was asked to end.');
}
