/** Brings the cluster up once: takes over what a killed server left, refuses what another server holds, else starts PostgreSQL. */
import { randomUUID } from 'node:crypto';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { EmbeddedPostgresError, errorCodeOf, messageOf } from '../errors.ts';
import type { Binaries } from './binaries.ts';
import type { Guard } from './guard.ts';
import { claimGuard } from './guard.ts';
import type { SpawnIdentity } from './identity.ts';
import type { Layout } from './layout.ts';
import { changePasswords } from './init-cluster.ts';
import type { Passwords } from './passwords.ts';
import { hasPasswords } from './passwords.ts';
import type { Postmaster } from './postmaster.ts';
import { spawnPostmaster, stopPostmaster } from './postmaster.ts';
import { isClusterInUse, isProcessAlive, lockFilePath, nameProcess, readLockFile } from './processes.ts';

/** What a start needs to know; settled once. */
export interface Installation {
  readonly layout: Layout;
  readonly binaries: Binaries;
  readonly identity: SpawnIdentity;
  readonly passwords: Passwords;
  readonly log: (message: string) => void;
  /** Aborted by `stop()`: whatever waits gives up. */
  readonly signal: AbortSignal;
}

export interface RunningCluster {
  readonly postmaster: Postmaster;
  readonly guard: Guard;
}

/** A killed server's PostgreSQL is given this long to end before we say so. */
const ORPHAN_PATIENCE_MS = 60_000;
/** Crash recovery of a full log takes a while on a slow disk. */
const START_PATIENCE_MS = 300_000;
/** Its watchdog shuts it down; a postmaster that has not started listening yet ends at once. */
const ABANDON_MS = 5000;
const POLL_MS = 5;
const STARTING = 'waiting for another server that is starting on this database';
/** A lock file that is there, but neither answers nor has a process: PostgreSQL may be between starting and listening. */
const STALE_AFTER_MS = 200;

/** @throws EmbeddedPostgresError EMBEDDED_DB_IN_USE, EMBEDDED_DB_START_FAILED */
export async function startCluster(installation: Installation): Promise<RunningCluster> {
  // A second round when another server took the cluster between our look and our start: the look then says who holds it.
  for (let round = 1; ; round++) {
    await clearPrevious(installation);
    try {
      await closeToOthers(installation);
      return await startNew(installation);
    } catch (error) {
      const isRace =
        error instanceof EmbeddedPostgresError &&
        error.code === 'EMBEDDED_DB_START_FAILED' &&
        (await readLockFile(installation.layout)) !== undefined;
      if (!isRace || round === 3) throw error;
    }
  }
}

/** Returns when no PostgreSQL runs on the cluster and no lock file stands in the way. */
async function clearPrevious({ layout, passwords, log, signal }: Installation): Promise<void> {
  const giveUpAt = performance.now() + ORPHAN_PATIENCE_MS;
  let hasTold = false;
  for (let silentSince = performance.now(); ;) {
    const lock = await readLockFile(layout);
    if (!lock) return;
    signal.throwIfAborted();

    const found = await claimOrphan(layout, lock.socket ?? layout.socket, passwords);
    if (typeof found === 'object') {
      // It has no watchdog any more: stop it, so that the one we start has.
      log('stopping the PostgreSQL that a killed server left running');
      await found.release();
      await stopPostmaster(layout, async () => !(await isClusterInUse(layout, await readLockFile(layout))));
      silentSince = performance.now();
      continue;
    }
    if (await isClusterInUse(layout, lock)) {
      silentSince = performance.now();
      if (!hasTold) log(found === 'starting' ? STARTING : 'waiting for the PostgreSQL of a killed server to end');
      hasTold = true;
    } else if (!isProcessAlive(lock.pid)) {
      // PostgreSQL itself sees that this lock is nobody's.
      return;
    } else if (performance.now() - silentSince > STALE_AFTER_MS) {
      await removeStaleLocks(layout, lock.content);
    }
    if (performance.now() > giveUpAt) {
      throw new EmbeddedPostgresError(
        'EMBEDDED_DB_START_FAILED',
        `A PostgreSQL process (pid ${lock.pid}) still works in ${layout.data} and does not end. Stop it with "kill -INT ${lock.pid}", then start again.`,
      );
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

/**
 * The guard of a PostgreSQL whose server is gone; `starting` while its server lives and is about to claim it, or to claim it again;
 * undefined while PostgreSQL does not answer: it is gone, going, or not up yet.
 */
async function claimOrphan(layout: Layout, socket: string, passwords: Passwords): Promise<Guard | 'starting' | undefined> {
  try {
    return (await claimGuard(layout, socket, passwords, isWithoutServer)) ?? 'starting';
  } catch (error) {
    if (error instanceof EmbeddedPostgresError) throw error;
    return undefined;
  }
}

/** Our own leftovers are nobody else's. */
async function isWithoutServer(startedBy: string): Promise<boolean> {
  const [server = ''] = startedBy.split('-');
  const name = await nameProcess(Number.parseInt(server, 10) || 0);
  return name === undefined || name !== server || name === (await nameProcess(process.pid));
}

/** PostgreSQL trusts pids; a zombie's or a reused one would stop it for ever. Nobody works in the cluster, so the locks are stale. */
async function removeStaleLocks(layout: Layout, content: string): Promise<void> {
  const lock = await readLockFile(layout);
  if (lock?.content !== content || (await isClusterInUse(layout, lock))) return;
  for (const name of await readdir(layout.socket)) if (name.startsWith('.s.PGSQL.')) await rm(join(layout.socket, name), { force: true });
  await rm(lockFilePath(layout), { force: true });
}

/** A cluster of an earlier release, or one that came without its passwords, gets them before it can be connected to. */
async function closeToOthers({ layout, binaries, identity, passwords, log }: Installation): Promise<void> {
  if (await hasPasswords(layout.data, passwords)) return;
  log('setting new passwords for the database');
  await changePasswords(layout, binaries, identity, passwords);
}

async function startNew({ layout, binaries, identity, passwords, signal }: Installation): Promise<RunningCluster> {
  const startedBy = `${(await nameProcess(process.pid)) ?? process.pid}-${randomUUID()}`;
  const postmaster = spawnPostmaster(layout, binaries, identity, startedBy);
  const giveUpAt = performance.now() + START_PATIENCE_MS;
  let lastError: unknown;
  while (!postmaster.hasExited() && !signal.aborted && performance.now() < giveUpAt) {
    try {
      // The one that answers may be another server's, started in the same moment; ours then ends by itself.
      const guard = await claimGuard(layout, layout.socket, passwords, (by) => by === startedBy);
      if (guard) return { postmaster, guard };
    } catch (error) {
      if (error instanceof EmbeddedPostgresError) {
        await abandon(postmaster);
        throw error;
      }
      lastError = error;
      if (isHopeless(error)) break;
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  const hasEndedItself = postmaster.hasExited();
  await abandon(postmaster);
  signal.throwIfAborted();
  const why = hasEndedItself ? await postmaster.exited : `It does not answer: ${messageOf(lastError)}`;
  throw new EmbeddedPostgresError(
    'EMBEDDED_DB_START_FAILED',
    `The database in ${layout.data} did not start. ${why}\nIts log is in ${layout.log}.`,
    { cause: lastError },
  );
}

/** Ends a postmaster we started and do not want; one that somebody else started stays untouched. */
async function abandon(postmaster: Postmaster): Promise<void> {
  postmaster.process.stdin?.destroy();
  const giveUpAt = performance.now() + ABANDON_MS;
  while (!postmaster.hasExited() && performance.now() < giveUpAt) await new Promise((resolve) => setTimeout(resolve, POLL_MS));
}

/** Answers that no waiting changes. */
function isHopeless(error: unknown): boolean {
  const code = errorCodeOf(error);
  return code === 'EACCES' || code?.startsWith('28') === true || code === '3D000';
}
