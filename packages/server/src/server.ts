/**
 * The composition root: reads top to bottom as a start does. Database, plugins, runner, routes, listen; and the same backwards to stop.
 */
import { accessSync, constants } from 'node:fs';
import type { Server } from 'node:http';
import { type AddressInfo, Server as TcpServer, createServer as createTcpServer } from 'node:net';
import { join } from 'node:path';
import {
  type EmbeddedPostgres,
  createFileBlobStore,
  createJournalWriter,
  createOwnership,
  ensurePartitions,
  migrate,
  openDatabase,
  seedDefaults,
  startEmbeddedPostgres,
  uuidv7,
} from '@plugboard/persistence';
import { type BundledPlugin, createCatalog, createPluginHost, loadBundled } from '@plugboard/plugin-host';
import { createInProcessDispatcher } from '@plugboard/queue';
import { type Refusal, createKeyMaker, createRunner } from '@plugboard/runner';
import { createSandbox } from '@plugboard/sandbox';
import { createApp } from './api/app.ts';
import { createAuthService } from './auth/auth-service.ts';
import { createIdentify } from './auth/callers.ts';
import { newToken } from './auth/opaque-token.ts';
import { createPasswords } from './auth/passwords.ts';
import { cookiePolicy } from './auth/session-cookie.ts';
import type { Config } from './config.ts';
import { makeDataFolder } from './data-dir.ts';
import { createCallerOf } from './edge/client-address.ts';
import { createEdge } from './edge/edge.ts';
import { createHostCheck } from './edge/host-check.ts';
import { createAddressRules } from './egress/address-rules.ts';
import { createGuardedFetch } from './egress/guarded-fetch.ts';
import { createGraphqlEndpoint } from './graphql/graphql-endpoint.ts';
import { graphqlSchema } from './graphql/schema.ts';
import { createHookHandler } from './hooks/hook-handler.ts';
import { openHookRoutes } from './hooks/hook-routes.ts';
import { openKeys } from './keys.ts';
import { type LocalAccess, type ServerFile, offerLocalAccess, readServerFile } from './local-token.ts';
import type { Logger } from './log.ts';
import { createCrashFile } from './operations/crash-file.ts';
import { watchDataFolder } from './operations/data-folder-watch.ts';
import { createExecute } from './operation/execute.ts';
import { serverOperations } from './operation/server-operations.ts';
import { createMetrics } from './operations/metrics.ts';
import { startRetention } from './operations/retention.ts';
import { checkRootKey } from './root-key-check.ts';
import { createPlanStore } from './runs/plan-store.ts';

export interface ServerOptions {
  readonly config: Config;
  /** Plugins that come with the server, as their build listed them. */
  readonly bundled: readonly BundledPlugin[];
  readonly log: Logger;
  /** The server cannot go on, for instance because another one has taken its data folder. The caller stops it and ends. */
  readonly onFatal?: (error: Error) => void;
}

export interface RunningServer {
  /** Where people and webhooks reach it. */
  readonly url: string;
  /** The one-time token the owner is made with; absent once there is one. Shown to whoever starts the server, never logged. */
  readonly setUpToken?: string;
  /** Stops taking work, lets runs end for a while, and writes down the rest. Safe to call twice. */
  stop(): Promise<void>;
}

/** Thrown when the address is taken. Stop the other program, or choose another port. */
export class PortInUseError extends Error {
  readonly code = 'PORT_IN_USE';
  constructor(host: string, port: number) {
    super(`${host}:${port} is in use by another program. Stop it, or start with another port: PLUGBOARD_PORT=${port + 1}`);
    this.name = 'PortInUseError';
  }
}

/** Thrown when the server cannot listen where it was told to. The message names the setting to change. */
export class ListenError extends Error {
  readonly code = 'LISTEN_FAILED';
  constructor(message: string, cause: unknown) {
    super(message, { cause });
    this.name = 'ListenError';
  }
}

/** Thrown when the data folder cannot be used. Choose another one with PLUGBOARD_DATA, or give this user access. */
export class DataFolderError extends Error {
  readonly code: 'DATA_FOLDER_UNUSABLE' | 'DATA_FOLDER_IN_USE';
  constructor(code: DataFolderError['code'], message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'DataFolderError';
    this.code = code;
  }
}

/** How long active runs may go on when the server stops, in milliseconds. */
const DRAIN_MS = 10_000;
/** How long one part may take to close, in milliseconds. */
const CLOSE_MS = 10_000;
/** How long kept connections stay for a request that may be on its way, in milliseconds. */
const LINGER_MS = 500;
/** How long callers may take to read their last answers, in milliseconds. */
const LAST_ANSWERS_MS = 1000;
/** A clock further off the database's than this makes the server unready, in milliseconds. */
const MAX_CLOCK_SKEW_MS = 2000;
const API_BODY_LIMIT = 4 * 1024 * 1024;
const VERSION = '0.1.0';

/** Why the runner takes no new work, in words for people. */
const REFUSALS: { readonly [Reason in Refusal]: string } = {
  stopping: 'the server is stopping',
  journal: 'the database does not keep up with the journal',
  lease: 'the lease on runs does not hold, because the heartbeat does not reach the database',
  payloads: 'large payloads cannot be stored: look at the disk of the data folder',
  memory: 'the runs at work hold as much data as this process may',
  runs: 'as many runs are at work as this process may hold',
};

/** @throws DataFolderError, RootKeyError, RootKeyMismatchError, DatabaseError, EmbeddedPostgresError, PortInUseError, ListenError, each saying what to do */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  await refuseNeighbour(options.config);
  await checkAddress(options.config);
  takeDataFolder(options.config);
  const stops: (() => unknown)[] = [];
  try {
    return await compose(options, stops);
  } catch (error) {
    for (const stop of stops.toReversed()) await Promise.resolve(stop()).catch(() => undefined);
    throw error;
  }
}

async function compose({ config, bundled, log, onFatal }: ServerOptions, stops: (() => unknown)[]): Promise<RunningServer> {
  const rules = createAddressRules(config.egressAllow);
  let stopping = false;
  // Plugins are read while the database starts.
  const loading = loadBundled(bundled);
  loading.catch(() => undefined);

  const embedded = config.databaseUrl ? undefined : await startEmbedded(config, log, onFatal);
  if (embedded) stops.push(() => embedded.stop());
  const database = await openDatabase({
    ...(embedded ? { embedded } : { url: config.databaseUrl ?? '' }),
    onRetry: (message) => log.warn(message),
    // A server that stops lets its database go.
    onError: (error) => (stopping ? log.debug : log.warn).call(log, { err: error }, 'a database connection broke; the pool replaces it'),
  });
  stops.push(() => database.close());
  const { applied } = await migrate(database);
  if (applied.length > 0) log.info({ applied }, 'the database schema was brought up to date');
  const entries = await loading;
  const catalog = createCatalog(entries.map((entry) => entry.ir));
  const plans = createPlanStore(database, catalog.find);
  const keys = openKeys(config.dataDir, config.rootKey);
  const ownerId = crypto.randomUUID();
  let journalWasDown = false;
  const journal = createJournalWriter({
    connect: () => database.createWriterClient(),
    writerId: ownerId,
    ensurePartitions: () => database.withClient((client) => ensurePartitions(client, new Date())),
    onStateChange: (state, error) => {
      if (state === 'up' && journalWasDown) log.info('the database takes the journal again');
      if (state === 'up') return;
      journalWasDown = true;
      log.error({ err: error }, 'the database does not take the journal; new runs are refused until it does');
    },
  });
  stops.push(() => journal.close());
  const ownership = createOwnership({
    connect: () => database.createWriterClient(),
    ownerId,
    isAlone: embedded !== undefined,
    onBeatFailed: (error) => log.warn({ err: error }, 'the heartbeat did not reach the database'),
  });
  stops.push(() => ownership.close());
  const [defaults, routes] = await Promise.all([
    seedDefaults(database),
    openHookRoutes({ database, plans, log }),
    database.withClient((client) => ensurePartitions(client, new Date())),
    journal.ready(),
    ownership.start(),
  ]);
  stops.push(() => routes.close());
  await checkRootKey(database, defaults, keys);
  const folder = watchDataFolder({ path: config.dataDir, log });
  stops.push(() => folder.close());

  const blobs = createFileBlobStore({ dir: join(config.dataDir, 'blobs') });
  const sandbox = createSandbox({
    size: config.sandboxSize,
    log: (event) => {
      if (event.type === 'child-ended') log.debug({ pid: event.pid, cause: event.cause, detail: event.detail }, 'a code process ended');
    },
  });
  stops.push(() => sandbox.close());
  const egress = createGuardedFetch(rules);
  stops.push(() => egress.close());
  const host = createPluginHost({ entries });
  const dispatcher = createInProcessDispatcher({ perWorkspace: config.concurrentRuns });
  const crashFile = createCrashFile({ path: join(config.dataDir, 'at-work'), log });
  const runner = createRunner({
    caution: crashFile,
    journal,
    ownership,
    blobs,
    host,
    dispatcher,
    sandbox,
    plans,
    key: createKeyMaker(keys.derive('idempotency')),
    newRunId: uuidv7,
    fetch: egress.fetch,
    log,
  });

  const callerOf = createCallerOf(config.trustedProxies);
  const hooks = createHookHandler({
    routes,
    runner,
    bodyLimit: config.bodyLimit,
    replyTimeoutMs: config.replyTimeoutMs,
    takesWork: () => folder.isThere,
    callerOf,
    rateLimit: config.rateLimit,
    log,
  });
  const metrics = createMetrics({ runner, journal, dispatcher, sandbox, hooksWaiting: () => hooks.waiting });
  const retention = startRetention({ database, workspaceId: defaults.workspaceId, retentionDays: config.retentionDays, log });

  const setUpToken = newToken().token;
  const auth = createAuthService({ database, defaults, passwords: createPasswords(), setUpToken, totpKey: keys.derive('totp') });
  if (config.owner && (await auth.setUpFromSettings(config.owner)))
    log.info({ email: config.owner.email }, 'the owner was made from the settings');

  /** Filled once the address is known. */
  const offered: { access?: LocalAccess; url?: string } = {};
  const pageUrl = (): string => config.publicUrl ?? offered.url ?? '';
  const health = async () => {
    const databaseUp = await database.ping().then(
      () => true,
      () => false,
    );
    const skewMs = Math.round(database.clockOffsetMs);
    const reasons = [
      !databaseUp && 'the database does not answer',
      journal.metrics.state !== 'up' && 'the database does not take the journal',
      !ownership.leaseHolds() && 'the lease on runs does not hold, because the heartbeat does not reach the database',
      Math.abs(skewMs) > MAX_CLOCK_SKEW_MS && `the clock differs from the database's by ${skewMs} ms`,
      !folder.isThere && 'the data folder is gone',
      stopping && 'the server is stopping',
    ].filter((reason) => reason !== false);
    // What the runner refuses for one of the reasons above needs no further one.
    if (reasons.length === 0 && runner.refusal) reasons.push(REFUSALS[runner.refusal]);
    return {
      ready: reasons.length === 0,
      checks: {
        database: databaseUp,
        journal: journal.metrics.state,
        lease: ownership.leaseHolds(),
        clockSkewMs: skewMs,
        dataFolder: folder.isThere,
        stopping,
        accepting: runner.accepting,
        isolation: sandbox.isolation().level,
      },
      reasons,
    };
  };
  const registry = serverOperations({
    database,
    auth,
    catalog,
    runner,
    plans,
    blobs,
    ownership,
    reloadRoutes: () => routes.reload(),
    health: async () => ({ ...(await health()), activeRuns: runner.activeRuns }),
    version: VERSION,
    auditKey: keys.derive('audit'),
    pageUrl,
    log,
  });
  const execute = createExecute(database);
  const app = createApp({
    api: {
      registry,
      execute,
      identify: createIdentify({
        database,
        systemPrincipalId: defaults.systemPrincipalId,
        isLocalToken: (token) => offered.access?.isToken(token) ?? false,
        cookies: cookiePolicy({
          publicUrl: config.publicUrl,
          allowsInsecureHttp: config.insecureHttp,
          isLocal: (req) => callerOf(req).isLocal,
        }),
        publicUrl: config.publicUrl,
        addressOf: (req) => callerOf(req).address,
      }),
      graphql: createGraphqlEndpoint({ schema: graphqlSchema(registry, execute) }),
      bodyLimit: Math.max(API_BODY_LIMIT, config.bodyLimit),
      publicUrl: pageUrl,
      version: VERSION,
    },
    health,
    metrics: async () => ({ type: metrics.contentType, text: await metrics.metrics() }),
    log,
  });
  const koa = app.callback();
  const edge = createEdge({
    allowsHost: createHostCheck(config),
    hooks: hooks.handle,
    app: (req, res) => void koa(req, res),
    maxConnections: config.maxConnections,
    log,
  });
  await listen(edge, config);
  const local = `http://${config.host.includes(':') ? `[${config.host}]` : config.host}:${(edge.address() as AddressInfo).port}`;
  offered.access = offerLocalAccess(config.dataDir, local);
  offered.url = local;
  const isWithoutOwner = await auth.needsSetUp();

  // Runs that were open when the last process ended go on now; new ones need not wait for them.
  void runner.recover().then(
    (count) => count > 0 && log.info({ count }, 'runs of an earlier process were taken over'),
    (error: unknown) => log.error({ err: error }, 'open runs could not be taken over; trying again every second'),
  );

  let stopped: Promise<void> | undefined;
  const stop = async (): Promise<void> => {
    stopping = true;
    log.info('stopping: no new work is taken, active runs may end');
    // Whoever asks on a connection that is kept open is told to come back later, and on a new one.
    edge.prependListener('request', (_, res) => res.setHeader('connection', 'close'));
    // Only the door is closed: a kept connection on which a request is already on its way must not break under it.
    const closed = new Promise<void>((resolve) => TcpServer.prototype.close.call(edge, () => resolve()));
    const drained = await within(runner.drain(DRAIN_MS), DRAIN_MS + CLOSE_MS);
    if (drained === undefined) log.warn('the database did not take the last records; what was accepted goes on at the next start');
    else if (drained.left > 0) log.info({ left: drained.left }, 'runs that had not ended go on at the next start');
    await connectionsGone(edge, LINGER_MS);
    edge.close();
    setTimeout(() => edge.closeAllConnections(), LAST_ANSWERS_MS).unref();
    await closed;
    hooks.close();
    routes.close();
    retention.close();
    folder.close();
    crashFile.close();
    offered.access?.remove();
    const parts: readonly (readonly [string, () => Promise<unknown> | undefined])[] = [
      ['the plugins', () => host.drain()],
      ['the code processes', () => sandbox.close()],
      ['the connections of steps', () => egress.close()],
      ['the journal', () => journal.close()],
      ['the lease', () => ownership.close()],
      ['the database', () => database.close()],
      ['the embedded PostgreSQL', () => embedded?.stop()],
    ];
    // One that does not close must not keep the next ones open.
    for (const [what, close] of parts) {
      try {
        const isClosed = await within(
          Promise.resolve(close()).then(() => true),
          CLOSE_MS,
        );
        if (!isClosed) log.warn(`${what} did not close in time`);
      } catch (error) {
        log.warn({ err: error }, `${what} did not close cleanly`);
      }
    }
  };
  return { url: pageUrl(), ...(isWithoutOwner ? { setUpToken } : {}), stop: () => (stopped ??= stop()) };
}

/** How long a server that may already use the folder gets to answer, in milliseconds. */
const NEIGHBOUR_MS = 2000;

/** The embedded database guards its folder itself, also against a server that is still starting; this one can be named. @throws DataFolderError */
async function refuseNeighbour(config: Config): Promise<void> {
  let neighbour: ServerFile | undefined;
  try {
    neighbour = readServerFile(config.dataDir);
  } catch (error) {
    throw unusable(config, error);
  }
  if (!neighbour || !isProcessAlive(neighbour.pid)) return;
  // Only the server that wrote the file knows its token; whoever else has the address by now does not.
  const answers = await fetch(`${neighbour.url}/api/catalog`, {
    headers: { authorization: `Bearer ${neighbour.token}` },
    signal: AbortSignal.timeout(NEIGHBOUR_MS),
  }).then(
    (answer) => answer.ok,
    () => false,
  );
  if (answers) {
    throw new DataFolderError(
      'DATA_FOLDER_IN_USE',
      `Another server (process ${neighbour.pid}, ${neighbour.url}) runs on ${config.dataDir}. Stop it first, or give this one a data folder of its own with PLUGBOARD_DATA.`,
    );
  }
}

/** Also true for a process of another user. */
function isProcessAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Before anything is made: a database for a server that cannot listen would be left behind. @throws PortInUseError, ListenError */
async function checkAddress(config: Config): Promise<void> {
  if (config.port === 0) return;
  const probe = createTcpServer();
  await listen(probe, config);
  await new Promise<void>((resolve) => probe.close(() => resolve()));
}

/** @throws DataFolderError */
function takeDataFolder(config: Config): void {
  try {
    makeDataFolder(config.dataDir, config.databaseUrl === undefined);
    accessSync(config.dataDir, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    throw unusable(config, error);
  }
}

function unusable(config: Config, error: unknown): DataFolderError {
  return new DataFolderError(
    'DATA_FOLDER_UNUSABLE',
    `The data folder ${config.dataDir} cannot be used: ${messageOf(error)}. Choose another one with PLUGBOARD_DATA.`,
    error,
  );
}

async function connectionsGone(server: Server, ms: number): Promise<void> {
  const until = performance.now() + ms;
  for (;;) {
    const open = await new Promise<number>((resolve) => server.getConnections((error, count) => resolve(error ? 0 : count)));
    if (open === 0 || performance.now() >= until) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** The value, or undefined when it takes longer. */
async function within<Value>(value: Promise<Value>, ms: number): Promise<Value | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), ms);
  });
  try {
    return await Promise.race([value, late]);
  } finally {
    clearTimeout(timer);
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function startEmbedded(config: Config, log: Logger, onFatal: ServerOptions['onFatal']): Promise<EmbeddedPostgres> {
  return startEmbeddedPostgres({
    dataDir: config.dataDir,
    log: (message) => log.info(message),
    onStateChange: (state) => {
      if (state.kind === 'recovering')
        log.warn({ attempt: state.attempt, reason: state.reason }, 'the embedded PostgreSQL went away and is being started again');
      else log.info({ state: state.kind }, 'embedded PostgreSQL');
      if (state.kind === 'failed') onFatal?.(state.error);
    },
  });
}

/** @throws PortInUseError, ListenError */
function listen(server: TcpServer, config: Config): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') return reject(new PortInUseError(config.host, config.port));
      if (error.code === 'EACCES')
        return reject(
          new ListenError(`This user may not listen on port ${config.port}. Choose one above 1023 with PLUGBOARD_PORT.`, error),
        );
      if (error.code === 'EADDRNOTAVAIL' || error.code === 'ENOTFOUND' || error.code === 'EAI_AGAIN') {
        return reject(
          new ListenError(`${config.host} is no address of this machine. Set PLUGBOARD_HOST to one, or to 0.0.0.0 for all.`, error),
        );
      }
      reject(new ListenError(`The server cannot listen on ${config.host}:${config.port}: ${error.message}.`, error));
    });
    server.listen({ host: config.host, port: config.port, backlog: 1024 }, () => resolve());
  });
}
