/**
 * The composition root: reads top to bottom as a start does. Database, plugins, runner, routes, listen; and the same backwards to stop.
 */
import { accessSync, constants } from 'node:fs';
import { type Server, createServer } from 'node:http';
import { type AddressInfo, Server as TcpServer, createServer as createTcpServer } from 'node:net';
import { join } from 'node:path';
import type { Server as TlsServer } from 'node:https';
import {
  type EmbeddedPostgres,
  createContentStore,
  countHeldRuns,
  createFileBlobStore,
  createJournalWriter,
  createKeyedRuns,
  createOwnership,
  createRunPayloads,
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
import { createApiLimit } from './auth/api-limit.ts';
import { createAuthService } from './auth/auth-service.ts';
import { bearerToken, createIdentify, createIdentityOf } from './auth/callers.ts';
import { newToken } from './auth/opaque-token.ts';
import { oidcRoutes } from './auth/oidc-routes.ts';
import { createOpenid } from './auth/openid.ts';
import { createSignInElsewhere } from './auth/sign-in-elsewhere.ts';
import { createTokens } from './auth/tokens.ts';
import { createPasswords } from './auth/passwords.ts';
import { cookiePolicy, sessionToken } from './auth/session-cookie.ts';
import type { SessionLimits } from './auth/session-limits.ts';
import type { Config } from './config.ts';
import { createCredentialService } from './credentials/credential-service.ts';
import { oauthRoutes } from './credentials/oauth-routes.ts';
import { createOauthSignIn } from './credentials/oauth-sign-in.ts';
import { createRunVariables } from './credentials/variables.ts';
import { makeDataFolder } from './data-dir.ts';
import { operationNotes } from './backup/operation-notes.ts';
import { startBackups } from './backup/backups.ts';
import { createCallerOf } from './edge/client-address.ts';
import { createEdge } from './edge/edge.ts';
import { createHostCheck } from './edge/host-check.ts';
import { createPatience } from './edge/patience.ts';
import { createRedirect } from './edge/redirect.ts';
import { openTls } from './edge/tls.ts';
import { type AddressRules, createAddressRules } from './egress/address-rules.ts';
import { createBrokeredConnect } from './egress/brokered-connect.ts';
import { createGuardedFetch } from './egress/guarded-fetch.ts';
import { createFileService } from './files/file-service.ts';
import { fileSweeps } from './files/file-sweep.ts';
import { createStepPorts } from './files/step-ports.ts';
import { createLazyGraphql } from './graphql/lazy-graphql.ts';
import { createDeliveries } from './hooks/deliveries.ts';
import { createHookAuth } from './hooks/hook-auth.ts';
import { createHookCredentials } from './hooks/hook-credentials.ts';
import { createHookHandler } from './hooks/hook-handler.ts';
import { createHookLimits } from './hooks/hook-limits.ts';
import { createTestHooks } from './hooks/test-hooks.ts';
import { openHookRoutes } from './hooks/hook-routes.ts';
import { openKeys, openRootKeys } from './keys.ts';
import { createOriginCheck } from './live/origin-check.ts';
import { type ServerLive, createServerLive } from './live/server-live.ts';
import { type JobWorker, startJobWorker } from './jobs/job-worker.ts';
import { type LocalAccess, type ServerFile, offerLocalAccess, readServerFile } from './local-token.ts';
import type { Logger } from './log.ts';
import { createCrashFile } from './operations/crash-file.ts';
import { watchDataFolder } from './operations/data-folder-watch.ts';
import { createExecute } from './operation/execute.ts';
import { serverOperations } from './operation/server-operations.ts';
import { createMetrics } from './operations/metrics.ts';
import { retentionSweeps } from './operations/retention.ts';
import { startSweepers, tableSweeps } from './operations/sweepers.ts';
import { readPageFiles } from './pages/page-files.ts';
import { readPageOperations } from './pages/page-operations.ts';
import { createPlanStore } from './runs/plan-store.ts';
import { createResumeAddress } from './runs/resume-address.ts';
import { resumeRoutes } from './runs/resume-routes.ts';
import { createStoredRuns } from './runs/stored-runs.ts';
import { createKeyKeeper } from './vault/key-keeper.ts';
import { vaultOperations } from './vault/vault-operations.ts';
import { createVault } from './vault/vault.ts';
import { createDefinitions } from './workflows/definitions.ts';
import { openSettings } from './settings/settings.ts';
import { VERSION } from './version.ts';

export interface ServerOptions {
  readonly config: Config;
  /** Plugins that come with the server, as their build listed them. */
  readonly bundled: readonly BundledPlugin[];
  /** Folder of the built pages; without one, or with nothing built in it, the server says so at its start address. */
  readonly pagesDir?: string | undefined;
  readonly log: Logger;
  /** The server cannot go on, for instance because another one has taken its data folder. The caller stops it and ends. */
  readonly onFatal?: (error: Error) => void;
}

export interface RunningServer {
  /** Where people and webhooks reach it. */
  readonly url: string;
  /** The one-time token the owner is made with; absent once there is one. Shown to whoever starts the server, never logged. */
  readonly setUpToken?: string;
  /** Reads the certificate's files again. @throws TlsError when they cannot be used; the certificate before stays */
  reload(): void;
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
/** Part of the connections that open pages may take. */
const SOCKETS_SHARE = 0.8;
const API_BODY_LIMIT = 4 * 1024 * 1024;

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

async function compose({ config, bundled, pagesDir, log, onFatal }: ServerOptions, stops: (() => unknown)[]): Promise<RunningServer> {
  let addressRules = createAddressRules(config.egressAllow);
  const rules: AddressRules = { refusal: (host, address, port) => addressRules.refusal(host, address, port) };
  let stopping = false;
  // Plugins are read while the database starts.
  const loading = loadBundled(bundled);
  loading.catch(() => undefined);
  const readingPages = pagesDir === undefined ? Promise.resolve(undefined) : readPageFiles(pagesDir);
  readingPages.catch(() => undefined);
  const readingOperations = pagesDir === undefined ? Promise.resolve(undefined) : readPageOperations(pagesDir);
  readingOperations.catch(() => undefined);

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
  const variables = createRunVariables(database);
  const plans = createPlanStore(database, catalog.find, variables);
  const roots = openRootKeys({ dataDir: config.dataDir, given: config.rootKey, next: config.rootKeyNext });
  const keys = await openKeys(database, roots);
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
  const settings = await openSettings({ database, sources: config, log });
  stops.push(() => settings.close());
  const takeSettings = (): void => void (addressRules = createAddressRules(settings.value('steps.egressAllow')));
  takeSettings();
  settings.onChange(takeSettings);
  const folder = watchDataFolder({ path: config.dataDir, log });
  stops.push(() => folder.close());

  const blobs = createRunPayloads({ database, files: createFileBlobStore({ dir: join(config.dataDir, 'blobs') }) });
  const sandbox = createSandbox({
    size: settings.value('steps.sandboxProcesses'),
    log: (event) => {
      if (event.type === 'child-ended') log.debug({ pid: event.pid, cause: event.cause, detail: event.detail }, 'a code process ended');
    },
  });
  stops.push(() => sandbox.close());
  const egress = createGuardedFetch(rules);
  stops.push(() => egress.close());
  const connect = createBrokeredConnect(rules);
  stops.push(() => connect.close());
  const contents = createContentStore({ dir: join(config.dataDir, 'files') });
  const files = createFileService({ database, contents, systemPrincipalId: defaults.systemPrincipalId, maxBytes: config.fileLimit });
  const patience = createPatience();
  const host = createPluginHost({ entries });
  const dispatcher = createInProcessDispatcher({ perWorkspace: (workspaceId) => settings.value('runs.concurrent', workspaceId) });
  /** Sockets; there once the server listens. */
  /** Parts that come later and that earlier ones tell of what happens. */
  const later: { live?: ServerLive; jobs?: JobWorker } = {};
  const crashFile = createCrashFile({ path: join(config.dataDir, 'at-work'), log });
  const vault = createVault(roots);
  const credentialService = createCredentialService({
    database,
    vault,
    catalog,
    egress,
    systemPrincipalId: defaults.systemPrincipalId,
    log,
  });
  const deliveries = createDeliveries({
    database,
    journal,
    keyedRuns: createKeyedRuns({ writerId: ownerId, withClient: (use) => database.withClient(use) }),
    log,
  });
  const resumeAddress = createResumeAddress(keys.derive('resume'));
  const runner = createRunner({
    caution: crashFile,
    resumeUrl: (runId, nodeId) => pageUrl() + resumeAddress.pathOf(runId, nodeId),
    journal: deliveries.journal,
    ownership,
    blobs,
    host,
    dispatcher,
    sandbox,
    plans,
    key: createKeyMaker(keys.derive('idempotency')),
    newRunId: uuidv7,
    fetch: egress.fetch,
    credentials: credentialService.ofSteps,
    ports: createStepPorts({ database, files, connect, systemPrincipalId: defaults.systemPrincipalId }),
    onCommitted: (record) => later.live?.committed(record),
    log,
  });

  const callerOf = createCallerOf(config.trustedProxies);
  const { systemPrincipalId } = defaults;
  const hooks = createHookHandler({
    routes,
    tests: createTestHooks({ database, definitions: createDefinitions(catalog), plans, systemPrincipalId, log }),
    runner,
    auth: createHookAuth({
      credentials: createHookCredentials({ database, store: credentialService.store, systemPrincipalId }),
      fetch: egress.fetch,
      log,
    }),
    deliveries,
    files,
    limits: createHookLimits({
      perCaller: settings.value('webhooks.requestsPerSecond'),
      perWorkspace: (workspaceId) => settings.value('webhooks.workspaceRequestsPerSecond', workspaceId),
    }),
    bodyLimit: (workspaceId) => settings.value('webhooks.bodyLimit', workspaceId),
    replyTimeoutMs: settings.value('webhooks.replyTimeoutMs'),
    takesWork: () => folder.isThere,
    callerOf,
    publicUrl: () => config.hooksUrl ?? config.publicUrl,
    log,
  });
  const metrics = createMetrics({
    runner,
    journal,
    dispatcher,
    sandbox,
    hooksWaiting: () => hooks.waiting,
    connections: () => connect.stats,
    live: () => later.live?.stats,
    sweeps: () => sweepers.stats,
  });
  const sweepers = startSweepers({
    sweeps: [
      ...tableSweeps({ database, auditKey: keys.derive('audit') }),
      ...fileSweeps({ database, contents }),
      ...retentionSweeps({ database, payloads: blobs, retentionDays: (workspaceId) => settings.value('runs.retentionDays', workspaceId) }),
    ],
    log,
  });
  stops.push(() => sweepers.close());

  const backups = startBackups({ database, dataDir: config.dataDir, version: VERSION, settings, log });
  stops.push(() => backups.close());

  const setUpToken = newToken().token;
  const sessionLasts = (): SessionLimits => ({
    idleMs: settings.value('sessions.idleHours') * 60 * 60_000,
    longestMs: settings.value('sessions.longestDays') * 24 * 60 * 60_000,
  });
  const auth = createAuthService({
    database,
    defaults,
    passwords: createPasswords(),
    setUpToken,
    totpKey: keys.derive('totp'),
    sessionLasts,
    shortestPassword: () => settings.value('passwords.minLength'),
  });
  if (config.owner && (await auth.setUpFromSettings(config.owner)))
    log.info({ email: config.owner.email }, 'the owner was made from the settings');

  const tokens = createTokens({ key: keys.derive('token') });
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
  const cookies = cookiePolicy({
    publicUrl: config.publicUrl,
    allowsInsecureHttp: config.insecureHttp,
    isLocal: (req) => callerOf(req).isLocal,
    lasts: sessionLasts,
  });
  const signInKey = keys.derive('sign-in');
  const elsewhere = createSignInElsewhere({
    database,
    auth,
    openid: createOpenid({ fetch: egress.fetch, log }),
    key: signInKey,
    fixed: config.oidc,
    pageUrl,
  });
  const keeper = createKeyKeeper({ database, roots, keys, vault, systemPrincipalId: defaults.systemPrincipalId, log });
  const oauthSignIn = createOauthSignIn({ database, credentials: credentialService, keys, pageUrl, log });
  const registry = serverOperations({
    onJobStarted: () => later.jobs?.wake(),
    credentials: credentialService,
    variables,
    further: [...oauthSignIn.operations, ...vaultOperations({ keeper, roots })],
    database,
    auth,
    signIn: { elsewhere, tokens, cookies, sealKey: signInKey },
    catalog,
    runner,
    plans,
    blobs,
    files,
    patience,
    ownership,
    reloadRoutes: () => routes.reload(),
    health: async () => ({
      ...(await health()),
      activeRuns: runner.activeRuns,
      notes: await operationNotes({ database, backups, settings }),
    }),
    version: VERSION,
    settings,
    backups,
    auditKey: keys.derive('audit'),
    pageUrl,
    hooksUrl: () => config.hooksUrl ?? pageUrl(),
    log,
  });
  const execute = createExecute(database, (change) => later.live?.changed(change));
  later.jobs = startJobWorker({ database, registry, execute, onChanged: (change) => later.live?.changed(change), log });
  stops.push(() => later.jobs?.close());
  const pages = await readingPages;
  const pageOperations = pages && (await readingOperations);
  if (pagesDir !== undefined && pages === undefined) log.warn({ folder: pagesDir }, 'the pages are not built; the API works without them');
  const credentials = {
    database,
    tokens,
    isLocalToken: (token: string) => offered.access?.isToken(token) ?? false,
    cookies,
  };
  const app = createApp({
    signIn: oidcRoutes({ database, elsewhere, cookies, addressOf: (req) => callerOf(req).address }),
    resume: resumeRoutes({
      database,
      addresses: resumeAddress,
      stored: createStoredRuns({ database, blobs, plans }),
      ownership,
      runner,
      systemPrincipalId: defaults.systemPrincipalId,
      bodyLimit: () => config.bodyLimit,
    }),
    signInFor: oauthRoutes({ database, signIn: oauthSignIn, cookies, addressOf: (req) => callerOf(req).address }),
    pages: { files: pages, isSecure: config.tls !== undefined || (config.publicUrl?.startsWith('https:') ?? false) },
    api: {
      registry,
      execute,
      identify: createIdentify({
        ...credentials,
        systemPrincipalId: defaults.systemPrincipalId,
        publicUrl: config.publicUrl,
        addressOf: (req) => callerOf(req).address,
      }),
      limit: createApiLimit({
        perSecond: () => settings.value('api.requestsPerSecond'),
        credentialOf: (req) => req.headers.authorization ?? sessionToken(req, cookies),
        isExempt: (req) => credentials.isLocalToken(bearerToken(req.headers.authorization) ?? ''),
        addressOf: (req) => callerOf(req).address,
      }),
      graphql: createLazyGraphql(async () => {
        const [{ createGraphqlEndpoint }, { graphqlSchema }] = await Promise.all([
          import('./graphql/graphql-endpoint.ts'),
          import('./graphql/schema.ts'),
        ]);
        return createGraphqlEndpoint({ schema: graphqlSchema(registry, execute), ...(pageOperations && { persisted: pageOperations }) });
      }),
      bodyLimit: Math.max(API_BODY_LIMIT, config.bodyLimit),
      publicUrl: pageUrl,
      version: VERSION,
    },
    health,
    metrics: async () => ({ type: metrics.contentType, text: await metrics.metrics() }),
    log,
  });
  const koa = app.callback();
  const allowsHost = createHostCheck(config);
  const tls = config.tls && openTls({ files: config.tls, onChange: ({ options }) => (edge as TlsServer).setSecureContext(options), log });
  stops.push(() => tls?.close());
  const edge = createEdge({
    allowsHost,
    hooks: hooks.handle,
    testHooks: hooks.handleTest,
    hooksUrl: config.hooksUrl,
    app: (req, res) => void koa(req, res),
    patience,
    tls: tls?.current.options,
    maxConnections: config.maxConnections,
    log,
  });
  later.live = createServerLive({
    server: edge,
    database,
    plans,
    blobs,
    identityOf: createIdentityOf(credentials, 'live'),
    // However many pages are open, requests still get in.
    limits: { sockets: Math.floor(config.maxConnections * SOCKETS_SHARE) },
    systemPrincipalId: defaults.systemPrincipalId,
    allowsOrigin: createOriginCheck({ allowsHost, ...(config.publicUrl === undefined ? {} : { publicUrl: config.publicUrl }) }),
    log,
  });
  stops.push(() => later.live?.close());
  await listen(edge, config);
  // The command line on this machine has no name that a certificate could be for: it gets a door of its own, which nobody else reaches.
  const side = tls && createServer((req, res) => edge.emit('request', req, res));
  if (side) await listen(side, { ...config, host: '127.0.0.1', port: 0 });
  const redirect = config.redirectPort === undefined ? undefined : createRedirect(config.publicUrl ?? '');
  stops.push(() => [side, redirect].forEach((one) => one?.close()));
  if (redirect) await listen(redirect, { ...config, port: config.redirectPort ?? 0 });
  const door = (side ?? edge).address() as AddressInfo;
  const local = `http://${side ? '127.0.0.1' : config.host.includes(':') ? `[${config.host}]` : config.host}:${door.port}`;
  offered.access = offerLocalAccess(config.dataDir, local);
  offered.url = local;
  const isWithoutOwner = await auth.needsSetUp();

  void keeper
    .resume()
    .catch((error: unknown) => log.error({ err: error }, 'the replacement of a key could not be finished; it goes on at the next start'));

  void countHeldRuns(database).then(
    (count) =>
      count > 0 && log.warn({ count }, 'runs of a restored backup are held until somebody decides: plugboard held-runs resume, or cancel'),
    () => undefined,
  );
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
    // Jobs start runs; they go on in the next process.
    await within(later.jobs?.close() ?? Promise.resolve(), CLOSE_MS);
    const drained = await within(runner.drain(DRAIN_MS), DRAIN_MS + CLOSE_MS);
    if (drained === undefined) log.warn('the database did not take the last records; what was accepted goes on at the next start');
    else if (drained.left > 0) log.info({ left: drained.left }, 'runs that had not ended go on at the next start');
    later.live?.close();
    await connectionsGone(edge, LINGER_MS);
    edge.close();
    tls?.close();
    for (const one of [side, redirect]) {
      one?.close();
      one?.closeAllConnections();
    }
    setTimeout(() => edge.closeAllConnections(), LAST_ANSWERS_MS).unref();
    await closed;
    hooks.close();
    routes.close();
    await within(sweepers.close(), CLOSE_MS);
    connect.close();
    settings.close();
    await backups.close();
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
  return {
    url: pageUrl(),
    reload: () => void tls?.reload(),
    ...(isWithoutOwner ? { setUpToken } : {}),
    stop: () => (stopped ??= stop()),
  };
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
