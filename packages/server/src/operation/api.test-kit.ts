/** The whole API in this process, over a database and a runner of its own; people of every role, and a second workspace. */
import { mkdtemp, rm } from 'node:fs/promises';
import { type Server, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  createContentStore,
  createFileBlobStore,
  createKeyedRuns,
  createJournalWriter,
  createOwnership,
  ensurePartitions,
  seedDefaults,
  uuidv7,
} from '@plugboard/persistence';
import { type TestDatabase, createTestDatabase } from '@plugboard/persistence/testing';
import { createCatalog, createPluginHost, createPollHost, loadBundled } from '@plugboard/plugin-host';
import { createInProcessDispatcher } from '@plugboard/queue';
import { createKeyMaker, createRunner } from '@plugboard/runner';
import { createSandbox } from '@plugboard/sandbox';
import Koa from 'koa';
import { type AuthService, createAuthService } from '../auth/auth-service.ts';
import { createIdentify } from '../auth/callers.ts';
import { oidcRoutes } from '../auth/oidc-routes.ts';
import { type CredentialService, createCredentialService } from '../credentials/credential-service.ts';
import { oauthRoutes } from '../credentials/oauth-routes.ts';
import { createOauthSignIn } from '../credentials/oauth-sign-in.ts';
import { createRunVariables } from '../credentials/variables.ts';
import { createAddressRules } from '../egress/address-rules.ts';
import { createBrokeredConnect } from '../egress/brokered-connect.ts';
import { createGuardedFetch } from '../egress/guarded-fetch.ts';
import { createStepPorts } from '../files/step-ports.ts';
import { createServerApprovals, type ServerApprovals } from '../approvals/server-approvals.ts';
import { openKeys, openRootKeys } from '../keys.ts';
import { createKeyKeeper } from '../vault/key-keeper.ts';
import { vaultOperations } from '../vault/vault-operations.ts';
import { createVault } from '../vault/vault.ts';
import { createOpenid } from '../auth/openid.ts';
import { type Tokens, createTokens } from '../auth/tokens.ts';
import { createPasswords } from '../auth/passwords.ts';
import { cookiePolicy } from '../auth/session-cookie.ts';
import { createSignInElsewhere } from '../auth/sign-in-elsewhere.ts';
import { startBackups } from '../backup/backups.ts';
import { readConfig } from '../config.ts';
import { type FileService, createFileService } from '../files/file-service.ts';
import { createGraphqlEndpoint } from '../graphql/graphql-endpoint.ts';
import { graphqlSchema } from '../graphql/schema.ts';
import { answerProblem, mountApi } from '../rest/mount-api.ts';
import { EXPORT_JOB, exportJob } from '../jobs/export-job.ts';
import { type ServerMail, startServerMail } from '../notifications/server-mail.ts';
import { startJobWorker } from '../jobs/job-worker.ts';
import { createRequestLimits } from '../flow/request-limits.ts';
import { createRunSpending } from '../spending/run-spending.ts';
import { createTurnKeeper } from '../flow/turn-keeper.ts';
import { createDeliveries } from '../hooks/deliveries.ts';
import { BACKFILL_JOB, backfillJob } from '../schedules/backfill-job.ts';
import { createSlotStarter } from '../schedules/slot-starter.ts';
import { createPlanStore } from '../runs/plan-store.ts';
import type { FollowUps } from '../runs/follow-ups.ts';
import type { BlobStore } from '@plugboard/engine';
import { createRunsOfRuns } from '../runs/runs-of-runs.ts';
import { createStoredRuns } from '../runs/stored-runs.ts';
import { type Settings, openSettings } from '../settings/settings.ts';
import { type TestCaller, type TestCallers, createTestCallers } from './callers.test-kit.ts';
import { type Execute, createExecute } from './execute.ts';
import { OperationProblem } from './problem.ts';
import type { Registry } from './registry.ts';
import { serverOperations } from './server-operations.ts';

const CORE = ['plugin.mjs', 'plugin.ir.json'].map((name) =>
  fileURLToPath(new URL(`../../../../plugins/core/dist/${name}`, import.meta.url)),
);
export type { TestCaller };
/** Largest file of the kit's server, in bytes. */
export const FILE_LIMIT = 4 * 1024 * 1024;
export const SET_UP_TOKEN = 'the-token-printed-at-start';
export const LOCAL_TOKEN = 'the-token-of-the-local-command-line';

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  // oxlint-disable-next-line typescript/no-explicit-any -- answers of many shapes, looked at field by field
  readonly json: any;
  readonly text: string;
}

export interface ApiKit extends TestCallers {
  readonly database: TestDatabase;
  readonly registry: Registry;
  readonly execute: Execute;
  readonly auth: AuthService;
  readonly files: FileService;
  readonly blobs: BlobStore;
  readonly settings: Settings;
  readonly mail: ServerMail;
  readonly approvals: ServerApprovals;
  /** The data folder. */
  readonly dir: string;
  readonly tokens: Tokens;
  readonly url: string;
  readonly workspace: { readonly id: string; readonly slug: string; readonly projectId: string };
  /** Moves the clock of one-time codes. */
  readonly clock: { now: number };
  readonly log: readonly { readonly message: string }[];
  /** What follows from the ends of runs: this process's looks, and those of another one over the same database. */
  readonly followUps: { look(): Promise<number>; another(): FollowUps };
  /** What another process over the same database has. */
  otherCredentials(): CredentialService;
  rest(as: TestCaller, method: string, path: string, body?: unknown, headers?: Readonly<Record<string, string>>): Promise<Answer>;
  graphql(as: TestCaller, query: string, variables?: object, headers?: Readonly<Record<string, string>>): Promise<Answer>;
  close(): Promise<void>;
}

export async function openApiKit(): Promise<ApiKit> {
  const db = await createTestDatabase();
  const { database } = db;
  const dir = await mkdtemp(join(tmpdir(), 'plugboard-api-'));
  const defaults = await seedDefaults(database);
  await database.withClient((client) => ensurePartitions(client, new Date()));
  const entries = await loadBundled([{ bundleFile: CORE[0] ?? '', irFile: CORE[1] ?? '' }]);
  const catalog = createCatalog(entries.map((entry) => entry.ir));
  const variables = createRunVariables(database);
  const plans = createPlanStore(database, catalog.find, variables);
  /** Filled once the address is known. */
  const offered = { url: '' };
  const writerId = crypto.randomUUID();
  const journal = createJournalWriter({
    connect: () => database.createWriterClient(),
    writerId,
    ensurePartitions: () => Promise.resolve(),
  });
  const ownership = createOwnership({ connect: () => database.createWriterClient(), ownerId: writerId, isAlone: true });
  await Promise.all([journal.ready(), ownership.start()]);
  const sandbox = createSandbox({ size: 1 });
  const blobs = createFileBlobStore({ dir: join(dir, 'blobs') });
  const log: { message: string }[] = [];
  const note = (_: object, message: string): void => void log.push({ message });
  const logger = { info: note, warn: note, error: note };
  const roots = openRootKeys({ dataDir: dir });
  const keys = await openKeys(database, roots);
  const vault = createVault(roots);
  const egress = createGuardedFetch(createAddressRules(['127.0.0.0/8']));
  const newCredentials = (): CredentialService =>
    createCredentialService({
      database,
      vault: createVault(roots),
      catalog,
      egress,
      systemPrincipalId: defaults.systemPrincipalId,
      log: logger,
    });
  const credentials = newCredentials();
  const deliveries = createDeliveries({
    database,
    journal,
    keyedRuns: createKeyedRuns({ writerId, withClient: (use) => database.withClient(use) }),
    log: logger,
  });
  const contents = createContentStore({ dir: join(dir, 'files') });
  const files = createFileService({ database, contents, systemPrincipalId: defaults.systemPrincipalId, maxBytes: FILE_LIMIT });
  const connect = createBrokeredConnect(createAddressRules(['127.0.0.0/8']));
  const runsOfRuns = createRunsOfRuns({
    database,
    plans,
    blobs,
    settings: () => settings,
    deliveries,
    runner: () => runner,
    systemPrincipalId: defaults.systemPrincipalId,
    pageUrl: () => 'http://localhost',
    log: logger,
  });
  const spending = createRunSpending({
    database,
    settings: () => settings,
    stored: createStoredRuns({ database, blobs, plans }),
    systemPrincipalId: defaults.systemPrincipalId,
    log: logger,
  });
  const approvals = createServerApprovals({
    database,
    files,
    key: keys.derive('asked'),
    systemPrincipalId: defaults.systemPrincipalId,
    wake: () => runner.wake(),
    onChanged: () => undefined,
    bodyLimit: () => 1024 * 1024,
    pageUrl: () => offered.url,
    addressOf: (req) => String(req.headers['x-test-address'] ?? req.socket.remoteAddress),
  });
  const turns = createTurnKeeper({
    database,
    deliveries,
    onBegun: () => runner.wake(),
    waitingLimit: (workspaceId) => settings.value('runs.waitingStarts', workspaceId),
    log: logger,
  });
  turns.start();
  const runner = createRunner({
    turns,
    journal: deliveries.journal,
    askUrl: approvals.askUrl,
    ports: createStepPorts({
      database,
      files,
      connect,
      asking: approvals.asking,
      calls: runsOfRuns.calls,
      limits: createRequestLimits({ database, ownerId: writerId, log: logger }),
      spending: spending.ofSteps,
      systemPrincipalId: defaults.systemPrincipalId,
    }),
    reports: runsOfRuns.reports,
    onCommitted(record) {
      runsOfRuns.committed(record);
      if (record.end && !record.create) turns.ended();
    },
    ownership,
    blobs,
    host: createPluginHost({ entries }),
    dispatcher: createInProcessDispatcher({ perWorkspace: 10 }),
    sandbox,
    plans,
    key: createKeyMaker(new Uint8Array(32)),
    newRunId: uuidv7,
    fetch: egress.fetch,
    credentials: credentials.ofSteps,
    log: logger,
  });

  const settings = await openSettings({
    database,
    sources: readConfig({ PLUGBOARD_DATA: dir }, dir),
    key: keys.derive('setting'),
    log: logger,
  });
  const mail = startServerMail({
    database,
    settings,
    key: keys.derive('mail'),
    pageUrl: () => 'http://localhost',
    decideUrl: approvals.personUrl,
    log: logger,
  });
  const backups = startBackups({ database, dataDir: dir, version: '0.0.0', settings, log: logger });
  const clock = { now: Date.now() };
  const tokens = createTokens({ key: new Uint8Array(32).fill(8), now: () => clock.now });
  const auth = createAuthService({
    database,
    defaults,
    passwords: createPasswords({ memoryCost: 1024, timeCost: 1 }),
    setUpToken: SET_UP_TOKEN,
    totpKey: new Uint8Array(32).fill(7),
    now: () => clock.now,
  });
  const cookies = cookiePolicy({ publicUrl: undefined, allowsInsecureHttp: false, isLocal: () => true });
  const sealKey = new Uint8Array(32).fill(6);
  const address = { url: 'http://localhost' };
  const elsewhere = createSignInElsewhere({
    database,
    auth,
    openid: createOpenid({ fetch: egress.fetch, log: logger }),
    key: sealKey,
    pageUrl: () => address.url,
    now: () => clock.now,
  });
  const keeper = createKeyKeeper({ database, roots, keys, vault, systemPrincipalId: defaults.systemPrincipalId, log: logger });
  const oauthSignIn = createOauthSignIn({ database, credentials, keys, pageUrl: () => offered.url, log: logger });
  let wakeJobs = (): void => undefined;
  const slots = createSlotStarter({ runner, deliveries, plans });
  const registry = serverOperations({
    onJobStarted: () => wakeJobs(),
    slots,
    polling: {
      host: createPollHost({ entries }),
      reach: {
        fetch: egress.fetch,
        credentials: credentials.ofSteps,
        ports: createStepPorts({ database, files, connect, systemPrincipalId: defaults.systemPrincipalId }),
      },
      onHastened: () => undefined,
    },
    credentials,
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
    ownership,
    reloadRoutes: () => Promise.resolve(),
    health: () => Promise.resolve({ ready: true, reasons: [], activeRuns: runner.activeRuns }),
    version: '0.0.0',
    auditKey: new Uint8Array(32).fill(9),
    settings,
    mail,
    backups,
    pageUrl: () => 'http://localhost',
    log: logger,
  });
  const execute = createExecute(database);
  const jobs = startJobWorker({
    database,
    registry,
    execute,
    kinds: {
      [EXPORT_JOB]: exportJob({ database, stored: createStoredRuns({ database, blobs, plans }), files }),
      [BACKFILL_JOB]: backfillJob({ database, slots }),
    },
    log: logger,
  });
  wakeJobs = () => jobs.wake();
  const followUps = runsOfRuns.start();
  const identify = createIdentify({
    database,
    systemPrincipalId: defaults.systemPrincipalId,
    tokens,
    isLocalToken: (token) => token === LOCAL_TOKEN,
    cookies,
    publicUrl: undefined,
    addressOf: (req) => String(req.headers['x-test-address'] ?? req.socket.remoteAddress),
  });
  const app = new Koa();
  app.use(async (ctx, next) => {
    ctx.set('x-request-id', uuidv7());
    try {
      await next();
    } catch (error) {
      if (error instanceof OperationProblem) return answerProblem(ctx, error);
      log.push({ message: String(error instanceof Error ? error.stack : error) });
      ctx.status = 500;
      ctx.body = { error: { code: 'INTERNAL', message: 'failed' } };
    }
  });
  app.use(oidcRoutes({ database, elsewhere, cookies, addressOf: (req) => String(req.socket.remoteAddress) }).routes());
  app.use(oauthRoutes({ database, signIn: oauthSignIn, cookies, addressOf: (req) => String(req.socket.remoteAddress) }).routes());
  for (const router of approvals.routes) app.use(router.routes());
  mountApi(app, {
    registry,
    execute,
    identify,
    graphql: createGraphqlEndpoint({ schema: graphqlSchema(registry, execute) }),
    log: { error: (fields, message) => void log.push({ message: `${message} ${String((fields as { err?: Error }).err?.stack)}` }) },
    bodyLimit: 1024 * 1024,
    publicUrl: () => 'http://localhost',
    version: '0.0.0',
  });
  const handle = app.callback();
  const server: Server = createServer((req, res) => void handle(req, res));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  offered.url = url;
  address.url = url;

  const call = async (
    as: TestCaller,
    method: string,
    path: string,
    body: unknown,
    more: Readonly<Record<string, string>> = {},
  ): Promise<Answer> => {
    const answer = await fetch(`${url}${path}`, {
      method,
      headers: { ...as.headers, ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...more },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await answer.text();
    return {
      status: answer.status,
      headers: answer.headers,
      text,
      json: text.startsWith('{') || text.startsWith('[') ? JSON.parse(text) : undefined,
    };
  };

  const kit: ApiKit = {
    database: db,
    registry,
    execute,
    auth,
    files,
    blobs,
    settings,
    mail,
    approvals,
    dir,
    tokens,
    url,
    workspace: { id: defaults.workspaceId, slug: 'default', projectId: defaults.projectId },
    clock,
    log,
    ...createTestCallers({ database, defaults, localToken: LOCAL_TOKEN }),
    followUps: { look: () => followUps.look(), another: () => runsOfRuns.start() },
    otherCredentials: newCredentials,
    rest: (as, method, path, body, headers) => call(as, method, `/api${path}`, body, headers),
    graphql: (as, query, variables, headers) => call(as, 'POST', '/graphql', { query, ...(variables ? { variables } : {}) }, headers),
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await mail.close();
      settings.close();
      await egress.close();
      connect.close();
      await backups.close();
      await jobs.close();
      await followUps.close();
      await turns.close();
      await runner.drain(2000);
      await sandbox.close();
      await journal.close();
      await ownership.close();
      await db.close();
      await rm(dir, { recursive: true, force: true });
    },
  };
  return kit;
}

/** A webhook and one step after it. */
export function aDefinition(name: string, path: string): { schema: 1; name: string; nodes: object[]; edges: object[]; settings: object } {
  const node = (id: string, type: string, params: object): object => ({
    id,
    type,
    position: { x: 0, y: 0 },
    data: { name: id, typeVersion: 1, params },
  });
  return {
    schema: 1,
    name,
    nodes: [
      node('hook', 'core/webhook', { method: 'POST', path, reply: 'last-step' }),
      node('say', 'core/set', { keep: 'none', fields: { secret: 'CANARY' } }),
    ],
    edges: [{ id: 'e', source: 'hook', sourceHandle: 'main', target: 'say', targetHandle: 'main' }],
    settings: {},
  };
}
