/**
 * The composition root: reads top to bottom as a start does. Database, plugins, runner, routes, listen; and the same backwards to stop.
 */
import { Server as TcpServer } from 'node:net';
import { join } from 'node:path';
import type { Server as TlsServer } from 'node:https';
import {
  createContentStore,
  createFileBlobStore,
  createKeyedRuns,
  createRunPayloads,
  ensurePartitions,
  seedDefaults,
  uuidv7,
} from '@plugboard/persistence';
import { type BundledPlugin, createCatalog, createPluginHost, createPollHost, loadBundled } from '@plugboard/plugin-host';
import { createInProcessDispatcher } from '@plugboard/queue';
import { createKeyMaker, createRunner } from '@plugboard/runner';
import { createSandbox } from '@plugboard/sandbox';
import { createApp } from './api/app.ts';
import { createServerApi } from './api/server-api.ts';
import { createServerApprovals } from './approvals/server-approvals.ts';
import { createIdentityOf } from './auth/callers.ts';
import { oidcRoutes } from './auth/oidc-routes.ts';
import { openServerAuth } from './auth/server-auth.ts';
import type { Config } from './config.ts';
import { createCredentialService } from './credentials/credential-service.ts';
import { oauthRoutes } from './credentials/oauth-routes.ts';
import { createOauthSignIn } from './credentials/oauth-sign-in.ts';
import { createRunVariables } from './credentials/variables.ts';
import { operationNotes } from './backup/operation-notes.ts';
import { startBackups } from './backup/backups.ts';
import { createCallerOf } from './edge/client-address.ts';
import { createEdge } from './edge/edge.ts';
import { createHostCheck } from './edge/host-check.ts';
import { createPatience } from './edge/patience.ts';
import { openTls } from './edge/tls.ts';
import { type AddressRules, createAddressRules } from './egress/address-rules.ts';
import { createBrokeredConnect } from './egress/brokered-connect.ts';
import { createGuardedFetch } from './egress/guarded-fetch.ts';
import { createFileService } from './files/file-service.ts';
import { createRequestLimits } from './flow/request-limits.ts';
import { createTurnKeeper } from './flow/turn-keeper.ts';
import { createStepPorts } from './files/step-ports.ts';
import { createDeliveries } from './hooks/deliveries.ts';
import { openHookRoutes } from './hooks/hook-routes.ts';
import { createServerHooks } from './hooks/server-hooks.ts';
import { openKeys, openRootKeys } from './keys.ts';
import { createOriginCheck } from './live/origin-check.ts';
import { type ServerLive, createServerLive } from './live/server-live.ts';
import { EXPORT_JOB, exportJob } from './jobs/export-job.ts';
import { BACKFILL_JOB, backfillJob } from './schedules/backfill-job.ts';
import { createPollService } from './polling/poll-service.ts';
import { createScheduleService } from './schedules/schedule-service.ts';
import { createSlotStarter } from './schedules/slot-starter.ts';
import { type JobWorker, startJobWorker } from './jobs/job-worker.ts';
import { type LocalAccess, offerLocalAccess } from './local-token.ts';
import type { Logger } from './log.ts';
import { createCrashFile } from './operations/crash-file.ts';
import { watchDataFolder } from './operations/data-folder-watch.ts';
import { createExecute } from './operation/execute.ts';
import { serverOperations } from './operation/server-operations.ts';
import { createHealth } from './operations/health.ts';
import { createMetrics } from './operations/metrics.ts';
import { startServerSweepers } from './operations/server-sweepers.ts';
import { readPages } from './pages/read-pages.ts';
import { createRunNotices } from './notifications/run-notices.ts';
import { startServerMail } from './notifications/server-mail.ts';
import { createPlanStore } from './runs/plan-store.ts';
import { createStoredBytes } from './runs/stored-bytes.ts';
import { createResumeAddress } from './runs/resume-address.ts';
import { resumeRoutes } from './runs/resume-routes.ts';
import { createRunsOfRuns } from './runs/runs-of-runs.ts';
import { createStoredRuns } from './runs/stored-runs.ts';
import { createKeyKeeper } from './vault/key-keeper.ts';
import { openRootKeyHolder } from './vault/root-key-holder.ts';
import { vaultOperations } from './vault/vault-operations.ts';
import { createVault } from './vault/vault.ts';
import { createRunSpending } from './spending/run-spending.ts';
import { openSettings } from './settings/settings.ts';
import { checkAddress } from './start/listen.ts';
import { openDoors } from './start/open-doors.ts';
import { openRunJournal } from './start/open-run-journal.ts';
import { openStorage } from './start/open-storage.ts';
import { refuseNeighbour, takeDataFolder } from './start/take-data-folder.ts';
import { takeUp } from './start/take-up.ts';
import { CLOSE_MS, type Part, closeParts, connectionsGone, within } from './start/within.ts';
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

/** How long active runs may go on when the server stops, in milliseconds. */
const DRAIN_MS = 10_000;
/** How long kept connections stay for a request that may be on its way, in milliseconds. */
const LINGER_MS = 500;
/** How long callers may take to read their last answers, in milliseconds. */
const LAST_ANSWERS_MS = 1000;
/** Part of the connections that open pages may take. */
const SOCKETS_SHARE = 0.8;

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
  const reading = readPages(pagesDir, log);
  reading.catch(() => undefined);

  const { database, embedded } = await openStorage({ config, log, onFatal, isStopping: () => stopping }, stops);
  const entries = await loading;
  const catalog = createCatalog(entries.map((entry) => entry.ir));
  const variables = createRunVariables(database);
  const plans = createPlanStore(database, catalog.find, variables);
  const roots = openRootKeys({ dataDir: config.dataDir, given: config.rootKey, next: config.rootKeyNext });
  const holder = await openRootKeyHolder({ database, roots, isAlone: embedded !== undefined, log });
  stops.push(() => holder.close());
  const keys = await openKeys(database, roots);
  const ownerId = crypto.randomUUID();
  const { journal, ownership } = openRunJournal({ database, ownerId, isAlone: embedded !== undefined, log }, stops);
  const [defaults, routes] = await Promise.all([
    seedDefaults(database),
    openHookRoutes({ database, plans, log }),
    database.withClient((client) => ensurePartitions(client, new Date())),
    journal.ready(),
    ownership.start(),
  ]);
  stops.push(() => routes.close());
  const settings = await openSettings({ database, sources: config, key: keys.derive('setting'), log });
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
  const approvals = createServerApprovals({
    database,
    files,
    key: keys.derive('asked'),
    systemPrincipalId: defaults.systemPrincipalId,
    wake: () => runner.wake(),
    onChanged: (change) => later.live?.changed(change),
    bodyLimit: (workspaceId) => settings.value('webhooks.bodyLimit', workspaceId),
    pageUrl: () => pageUrl(),
    addressOf: (req) => callerOf(req).address,
  });
  const runsOfRuns = createRunsOfRuns({
    database,
    plans,
    blobs,
    settings: () => settings,
    deliveries,
    runner: () => runner,
    systemPrincipalId: defaults.systemPrincipalId,
    pageUrl: () => pageUrl(),
    log,
  });
  const spending = createRunSpending({
    database,
    settings: () => settings,
    stored: createStoredRuns({ database, blobs, plans }),
    systemPrincipalId: defaults.systemPrincipalId,
    log,
  });
  const resumeAddress = createResumeAddress(keys.derive('resume'));
  const runNotices = createRunNotices({ database, log });
  stops.push(() => runNotices.close());
  const storedBytes = createStoredBytes({
    database,
    limitMegabytes: (workspaceId) => settings.value('runs.storedMegabytes', workspaceId),
    log,
  });
  const turnKeeper = createTurnKeeper({
    database,
    deliveries,
    onBegun: () => runner.wake(),
    waitingLimit: (workspaceId) => settings.value('runs.waitingStarts', workspaceId),
    log,
  });
  stops.push(() => turnKeeper.close());
  const runner = createRunner({
    caution: crashFile,
    turns: turnKeeper,
    resumeUrl: (runId, nodeId) => pageUrl() + resumeAddress.pathOf(runId, nodeId),
    askUrl: approvals.askUrl,
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
    ports: createStepPorts({
      database,
      files,
      connect,
      asking: approvals.asking,
      calls: runsOfRuns.calls,
      limits: createRequestLimits({ database, ownerId, log }),
      spending: spending.ofSteps,
      systemPrincipalId: defaults.systemPrincipalId,
    }),
    reports: runsOfRuns.reports,
    keepsData: (workspaceId) => settings.value('runs.keepData', workspaceId),
    storage: (workspaceId, bytes) => storedBytes.take(workspaceId, bytes),
    onCommitted: (record) => {
      later.live?.committed(record);
      runNotices.committed(record);
      runsOfRuns.committed(record);
      if (record.end && !record.create) turnKeeper.ended();
    },
    log,
  });

  const callerOf = createCallerOf(config.trustedProxies);
  const { systemPrincipalId } = defaults;
  const hooks = createServerHooks({
    database,
    routes,
    catalog,
    plans,
    runner,
    credentials: credentialService.store,
    fetch: egress.fetch,
    deliveries,
    files,
    settings,
    takesWork: () => folder.isThere,
    callerOf,
    publicUrl: () => config.hooksUrl ?? config.publicUrl,
    systemPrincipalId,
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
  const sweepers = startServerSweepers({
    database,
    auditKey: keys.derive('audit'),
    contents,
    payloads: blobs,
    dataDir: config.dataDir,
    settings,
    systemPrincipalId,
    further: [...approvals.sweeps, ...runsOfRuns.sweeps, ...spending.sweeps],
    log,
  });
  stops.push(() => sweepers.close());

  const backups = startBackups({ database, dataDir: config.dataDir, version: VERSION, settings, log });
  stops.push(() => backups.close());

  /** Filled once the address is known. */
  const offered: { access?: LocalAccess; url?: string } = {};
  const pageUrl = (): string => config.publicUrl ?? offered.url ?? '';
  const mail = startServerMail({ database, settings, key: keys.derive('mail'), pageUrl, decideUrl: approvals.personUrl, log });
  stops.push(() => mail.close());
  const { auth, setUpToken, tokens, cookies, elsewhere, sealKey } = await openServerAuth({
    database,
    defaults,
    config,
    settings,
    keys,
    fetch: egress.fetch,
    callerOf,
    pageUrl,
    log,
  });
  const health = createHealth({ database, journal, ownership, folder, runner, sandbox, isStopping: () => stopping });
  const keeper = createKeyKeeper({ database, roots, keys, vault, systemPrincipalId, holder, log });
  const oauthSignIn = createOauthSignIn({ database, credentials: credentialService, keys, pageUrl, log });
  const pollHost = createPollHost({ entries });
  const reach = {
    fetch: egress.fetch,
    credentials: credentialService.ofSteps,
    ports: createStepPorts({ database, files, connect, systemPrincipalId }),
  };
  const slots = createSlotStarter({ runner, deliveries, plans });
  const registry = serverOperations({
    onJobStarted: () => later.jobs?.wake(),
    slots,
    polling: { host: pollHost, reach, onHastened: () => polls.wake() },
    credentials: credentialService,
    variables,
    further: [...approvals.operations, ...oauthSignIn.operations, ...vaultOperations({ keeper, roots })],
    database,
    auth,
    signIn: { elsewhere, tokens, cookies, sealKey },
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
    mail,
    backups,
    auditKey: keys.derive('audit'),
    pageUrl,
    hooksUrl: () => config.hooksUrl ?? pageUrl(),
    log,
  });
  const execute = createExecute(database, (change) => later.live?.changed(change));
  const stored = createStoredRuns({ database, blobs, plans });
  later.jobs = startJobWorker({
    database,
    registry,
    execute,
    kinds: { [EXPORT_JOB]: exportJob({ database, stored, files }), [BACKFILL_JOB]: backfillJob({ database, slots }) },
    onChanged: (change) => later.live?.changed(change),
    log,
  });
  stops.push(() => later.jobs?.close());
  turnKeeper.start();
  const schedules = createScheduleService({
    database,
    runner,
    plans,
    deliveries,
    mostMissed: (workspaceId) => settings.value('schedules.missedRuns', workspaceId),
    takesWork: () => folder.isThere,
    log,
  });
  stops.push(() => schedules.close());
  const polls = createPollService({
    database,
    host: pollHost,
    runner,
    plans,
    deliveries,
    reach,
    takesWork: () => folder.isThere,
    log,
  });
  stops.push(() => polls.close());
  const { pages, pageOperations } = await reading;
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
      stored,
      ownership,
      runner,
      systemPrincipalId: defaults.systemPrincipalId,
      bodyLimit: () => config.bodyLimit,
    }),
    asked: approvals.routes,
    signInFor: oauthRoutes({ database, signIn: oauthSignIn, cookies, addressOf: (req) => callerOf(req).address }),
    pages: { files: pages, isSecure: config.tls !== undefined || (config.publicUrl?.startsWith('https:') ?? false) },
    api: createServerApi({ registry, execute, credentials, systemPrincipalId, config, settings, callerOf, pageOperations, pageUrl }),
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
  const doors = await openDoors({ edge, config, isSecure: tls !== undefined }, stops);
  offered.access = offerLocalAccess(config.dataDir, doors.local);
  offered.url = doors.local;
  const isWithoutOwner = await auth.needsSetUp();

  takeUp({ database, keeper, runner, log });
  const followUps = runsOfRuns.start();

  let stopped: Promise<void> | undefined;
  const stop = async (): Promise<void> => {
    stopping = true;
    log.info('stopping: no new work is taken, active runs may end');
    // Whoever asks on a connection that is kept open is told to come back later, and on a new one.
    edge.prependListener('request', (_, res) => res.setHeader('connection', 'close'));
    // Only the door is closed: a kept connection on which a request is already on its way must not break under it.
    const closed = new Promise<void>((resolve) => TcpServer.prototype.close.call(edge, () => resolve()));
    // Jobs start runs; they go on in the next process.
    await within(Promise.all([schedules.close(), polls.close()]), CLOSE_MS);
    await within(later.jobs?.close() ?? Promise.resolve(), CLOSE_MS);
    await within(Promise.all([followUps.close(), turnKeeper.close()]), CLOSE_MS);
    const drained = await within(runner.drain(DRAIN_MS), DRAIN_MS + CLOSE_MS);
    if (drained === undefined) log.warn('the database did not take the last records; what was accepted goes on at the next start');
    else if (drained.left > 0) log.info({ left: drained.left }, 'runs that had not ended go on at the next start');
    later.live?.close();
    await connectionsGone(edge, LINGER_MS);
    edge.close();
    tls?.close();
    for (const one of doors.further) {
      one.close();
      one.closeAllConnections();
    }
    setTimeout(() => edge.closeAllConnections(), LAST_ANSWERS_MS).unref();
    await closed;
    hooks.close();
    routes.close();
    await within(sweepers.close(), CLOSE_MS);
    await within(Promise.all([runNotices.close(), mail.close()]), CLOSE_MS);
    connect.close();
    settings.close();
    keeper.close();
    await holder.close();
    await backups.close();
    folder.close();
    crashFile.close();
    offered.access?.remove();
    const parts: readonly Part[] = [
      ['the plugins', () => host.drain()],
      ['the code processes', () => sandbox.close()],
      ['the connections of steps', () => egress.close()],
      ['the journal', () => journal.close()],
      ['the lease', () => ownership.close()],
      ['the database', () => database.close()],
      ['the embedded PostgreSQL', () => embedded?.stop()],
    ];
    await closeParts(parts, log);
  };
  return {
    url: pageUrl(),
    reload: () => void tls?.reload(),
    ...(isWithoutOwner ? { setUpToken } : {}),
    stop: () => (stopped ??= stop()),
  };
}
