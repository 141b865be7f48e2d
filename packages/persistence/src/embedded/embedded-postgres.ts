/**
 * The embedded PostgreSQL: a real server of our own in the data folder, kept running for as long as this process lives.
 *
 * ```text
 * starting ──> ready <──> recovering          stopping ──> stopped
 *                 └──────────┴─(in use)─> failed
 * ```
 * `recovering`: a process of PostgreSQL died. Lost backends PostgreSQL replaces itself; a lost postmaster we start again,
 * with growing pauses, until it runs or `stop()` is called.
 */
import { rm } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ConnectionOptions } from '../connection.ts';
import { EmbeddedPostgresError, messageOf } from '../errors.ts';
import { locateBinaries } from './binaries.ts';
import { claimGuard } from './guard.ts';
import { chooseIdentity } from './identity.ts';
import { DATABASE_NAME, OWNER_ROLE, initCluster } from './init-cluster.ts';
import { inspectCluster, prepareRoot, privateFolder } from './layout.ts';
import { readOrMakePasswords } from './passwords.ts';
import { stopPostmaster } from './postmaster.ts';
import type { Installation, RunningCluster } from './start.ts';
import { startCluster } from './start.ts';

export type EmbeddedPostgresState =
  | { readonly kind: 'ready' }
  /** PostgreSQL is away; queries fail until `ready`. `attempt` counts from 1. */
  | { readonly kind: 'recovering'; readonly attempt: number; readonly reason: string }
  | { readonly kind: 'stopping' }
  | { readonly kind: 'stopped' }
  /** Another server has taken the folder; this one must end. */
  | { readonly kind: 'failed'; readonly error: Error };

export interface EmbeddedPostgresOptions {
  /** The server's data folder; the database lives below it in `postgres/`. */
  readonly dataDir: string;
  /** One plain line for the server's log. @default nothing is said */
  readonly log?: (message: string) => void;
  readonly onStateChange?: (state: EmbeddedPostgresState) => void;
}

export interface EmbeddedPostgres {
  /** For `pg`: database `plugboard` as its owner, who is no superuser, with its password. The same across restarts. */
  readonly connection: ConnectionOptions;
  state(): EmbeddedPostgresState;
  /** Shuts PostgreSQL down, within half a minute whatever happens. A second call waits for the first. */
  stop(): Promise<void>;
}

const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 5000;

/**
 * Starts PostgreSQL in `dataDir`, making the cluster when there is none.
 * @throws EmbeddedPostgresError with one of its codes; the message says what to do.
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const abort = new AbortController();
  const installation = await install(options, abort.signal);
  return supervise(installation, await startCluster(installation), abort, options.onStateChange);
}

/** Everything that is settled before PostgreSQL runs for the first time. */
async function install(options: EmbeddedPostgresOptions, signal: AbortSignal): Promise<Installation> {
  const log = options.log ?? (() => {});
  const binaries = await locateBinaries();
  const layout = await prepareRoot(options.dataDir);
  const cluster = await inspectCluster(layout);
  const identity = await chooseIdentity({
    program: binaries.postgres,
    folder: layout.root,
    clusterOwner: cluster.exists ? cluster : undefined,
  });
  await privateFolder(layout.socket, identity.owner);
  await privateFolder(layout.log, identity.owner);
  const passwords = await readOrMakePasswords(layout);
  if (!cluster.exists) {
    log(`making a database in ${layout.root}`);
    await initCluster(layout, binaries, identity, passwords);
  }
  return { layout, binaries, identity, passwords, log, signal };
}

function supervise(
  installation: Installation,
  first: RunningCluster,
  abort: AbortController,
  onStateChange: EmbeddedPostgresOptions['onStateChange'],
): EmbeddedPostgres {
  const { layout, passwords, log } = installation;
  let running = first;
  let current: EmbeddedPostgresState = { kind: 'ready' };
  let stopping: Promise<void> | undefined;
  let recovering: Promise<void> | undefined;

  const change = (state: EmbeddedPostgresState): void => {
    current = state;
    onStateChange?.(state);
  };

  /** A lost postmaster and a lost guard both end here; whoever notices first repairs both. */
  const lost = (cluster: RunningCluster, reason: string): void => {
    if (stopping || recovering || cluster !== running) return;
    recovering = recover(reason).finally(() => {
      recovering = undefined;
      if (current.kind === 'ready') watch(running);
    });
  };

  const watch = (cluster: RunningCluster): void => {
    void cluster.guard.lost.then(() => lost(cluster, 'PostgreSQL closed its connections'));
    void cluster.postmaster.exited.then((reason) => lost(cluster, reason));
  };

  async function recover(firstReason: string): Promise<void> {
    let reason = firstReason;
    for (let attempt = 1, pauseMs = FIRST_PAUSE_MS; !stopping; attempt++, pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
      log(`the database is away (${reason}); attempt ${attempt} to bring it back`);
      change({ kind: 'recovering', attempt, reason });
      try {
        running = await revive();
        if (stopping) return;
        log('the database is back');
        change({ kind: 'ready' });
        return;
      } catch (error) {
        reason = messageOf(error);
        if (error instanceof EmbeddedPostgresError && error.code === 'EMBEDDED_DB_IN_USE') {
          change({ kind: 'failed', error });
          return;
        }
        await pause(pauseMs, abort.signal);
      }
    }
  }

  /** While the postmaster lives only the guard has to be taken again; else everything is started anew. */
  async function revive(): Promise<RunningCluster> {
    const { postmaster, guard } = running;
    await guard.release();
    const again = postmaster.hasExited() ? undefined : await claimGuard(layout, layout.socket, passwords, () => true);
    return again ? { postmaster, guard: again } : startCluster(installation);
  }

  async function stop(): Promise<void> {
    change({ kind: 'stopping' });
    abort.abort();
    await recovering;
    await running.guard.release();
    const { postmaster } = running;
    await stopPostmaster(layout, () => postmaster.hasExited());
    // Lets the watchdog's pipe go, also when nothing listened to any signal.
    postmaster.process.stdin?.destroy();
    postmaster.process.stderr?.destroy();
    if (layout.isSocketElsewhere) await rm(layout.socket, { recursive: true, force: true });
    change({ kind: 'stopped' });
  }

  watch(running);
  return {
    connection: { host: layout.socket, port: 5432, user: OWNER_ROLE, password: passwords.owner, database: DATABASE_NAME },
    state: () => current,
    stop: () => (stopping ??= stop()),
  };
}

/** Ends early when the signal fires. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return sleep(ms, undefined, { signal }).catch(() => {});
}
