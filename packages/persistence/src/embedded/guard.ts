/**
 * The guard: one connection that holds an advisory lock for as long as this server uses the cluster. A second server that
 * finds PostgreSQL running cannot take the lock, and learns so at once.
 */
import { dirname } from 'node:path';
import pg from 'pg';
import { EmbeddedPostgresError } from '../errors.ts';
import { MANAGER_ROLE } from './init-cluster.ts';
import type { Layout } from './layout.ts';
import type { Passwords } from './passwords.ts';
import { STARTED_BY } from './postmaster.ts';

const GUARD_LOCK = 0x706c7562;
/** The session of a killed server keeps its lock until PostgreSQL notices; that takes a moment. */
const HANDOVER_MS = 1000;
const RETRY_MS = 50;

export interface Guard {
  /** Resolves when the connection is gone, whoever ended it. */
  readonly lost: Promise<void>;
  isLost(): boolean;
  /** Gives the lock back. */
  release(): Promise<void>;
}

/**
 * Undefined when the PostgreSQL that answers is one that `isOurs` leaves to another server, which has not claimed it yet.
 * @param isOurs is told which start made it; the empty text when it does not say
 * @throws EmbeddedPostgresError EMBEDDED_DB_IN_USE; connection errors of `pg` when PostgreSQL does not answer (yet).
 */
export async function claimGuard(
  layout: Layout,
  socket: string,
  passwords: Passwords,
  isOurs: (startedBy: string) => boolean | Promise<boolean>,
): Promise<Guard | undefined> {
  const client = new pg.Client({
    host: socket,
    port: 5432,
    user: MANAGER_ROLE,
    password: passwords.manager,
    database: 'postgres',
    connectionTimeoutMillis: 5000,
    keepAlive: true,
  });
  let isLost = false;
  const lost = new Promise<void>((resolve) => {
    client.once('end', () => {
      isLost = true;
      resolve();
    });
  });
  // `end` follows, and says all there is to know.
  client.on('error', () => {});
  try {
    await client.connect();
    // Looked at before the lock: to hold it for a moment could make its owner believe that it is somebody else's.
    if (!(await isOurs(await startOf(client)))) {
      if (await isHeld(client)) throw inUse(layout);
      await client.end();
      return undefined;
    }
    const giveUpAt = performance.now() + HANDOVER_MS;
    for (;;) {
      const { rows } = await client.query<{ ok: boolean }>('select pg_try_advisory_lock($1) as ok', [GUARD_LOCK]);
      if (rows[0]?.ok === true) return { lost, isLost: () => isLost, release: () => client.end().catch(() => {}) };
      if (performance.now() > giveUpAt) break;
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  } catch (error) {
    await client.end().catch(() => {});
    throw error;
  }
  await client.end();
  throw inUse(layout);
}

async function startOf(client: pg.Client): Promise<string> {
  const { rows } = await client.query<{ by: string | null }>('select current_setting($1, true) as by', [STARTED_BY]);
  return rows[0]?.by ?? '';
}

async function isHeld(client: pg.Client): Promise<boolean> {
  const { rowCount } = await client.query(
    `select from pg_locks where locktype = 'advisory' and classid = 0 and objid = $1 and objsubid = 1 and granted`,
    [GUARD_LOCK],
  );
  return rowCount !== 0;
}

function inUse(layout: Layout): EmbeddedPostgresError {
  return new EmbeddedPostgresError(
    'EMBEDDED_DB_IN_USE',
    `Another server is running on ${dirname(layout.root)}. Stop it first, or give this one a data folder of its own with PLUGBOARD_DATA.`,
  );
}
