/** What tests of the runner share: whole "processes" on one real database that can be dropped like killed ones. */
import { strict as assert } from 'node:assert';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type BlobStore,
  type Dispatcher,
  type Journal,
  type Ownership,
  type PluginHost,
  type RunEvent,
  type RunRecord,
  type RunStatusName,
  type WorkflowDefinition,
  compilePlan,
  isTerminal,
} from '@plugboard/engine';
import {
  type JournalWriter,
  type LeasedOwnership,
  type RunDetail,
  type RunKey,
  createFileBlobStore,
  createJournalWriter,
  createKeyedRuns,
  createOwnership,
  ensurePartitions,
  findRun,
  uuidv7,
} from '@plugboard/persistence';
import { type TestDatabase, createTestDatabase } from '@plugboard/persistence/testing';
import { createCatalog, createPluginHost, pluginEntry } from '@plugboard/plugin-host';
import { createInProcessDispatcher } from '@plugboard/queue';
import { type Item, StepFailure, type WorkflowCall } from '@plugboard/sdk';
import { FakeClock } from './fake-clock.test-kit.ts';
import {
  type Caution,
  type EndedRun,
  type LoadedPlan,
  type Reply,
  type Runner,
  type RunnerLimits,
  type RunnerOptions,
  type StartRun,
  createChildRuns,
  createKeyMaker,
  createRunner,
  decodeEvents,
} from './index.ts';

import { checkJournal } from './journal-check.test-kit.ts';
import { Gates, testPlugin } from './plugin.test-kit.ts';
import { Service } from './service.test-kit.ts';

export interface ProcessOptions {
  readonly limits?: Partial<RunnerLimits>;
  readonly perWorkspace?: number;
  readonly host?: (host: PluginHost) => PluginHost;
  readonly blobs?: BlobStore;
  readonly onCommitted?: (record: RunRecord) => void;
  readonly caution?: Caution;
  /** Runs before a called workflow is found. */
  readonly onCall?: (call: WorkflowCall) => void | Promise<void>;
  readonly reports?: RunnerOptions['reports'];
  readonly keepsData?: RunnerOptions['keepsData'];
  readonly storage?: RunnerOptions['storage'];
  /** Rows of the inbox read at a time. */
  readonly inboxLimit?: number;
  /** Told what every listener is told; what it throws the listener throws. */
  readonly onTold?: (what: string) => void;
  /** Sees every record on its way to the writer; false keeps it back for ever. */
  readonly onAppend?: (record: RunRecord) => boolean | void;
}

export interface StartedRun {
  readonly id: string;
  readonly accepted: Promise<string>;
  readonly ended: Promise<EndedRun>;
  readonly suspended: Promise<string>;
  /** Codes. */
  readonly lost: Promise<string>;
  readonly replies: Reply[];
  /** What the listener was told, in order. */
  readonly told: string[];
}

export interface TestProcess {
  readonly runner: Runner;
  readonly clock: FakeClock;
  readonly writer: JournalWriter;
  readonly ownership: LeasedOwnership;
  readonly dispatcher: Dispatcher;
  readonly logged: { readonly level: string; readonly message: string }[];
  leaseHolds: boolean;
  /** How often the runner has asked whether the lease holds. */
  leaseLooks: number;
  /** Makes a workflow that steps call by its name. */
  offer(definition: WorkflowDefinition): void;
  start(definition: WorkflowDefinition, items?: readonly Item['json'][], more?: Partial<StartRun>): StartedRun;
  /** Takes over runs of dropped processes. */
  recover(): Promise<number>;
  /** As kill -9: nothing of this process is heard of again. */
  kill(): void;
}

export interface Kit {
  readonly database: TestDatabase['database'];
  readonly service: Service;
  readonly gates: Gates;
  readonly blobs: BlobStore;
  /** Of workflows that were started, by workflow. */
  readonly versions: ReadonlyMap<string, LoadedPlan>;
  /** Makes the next loads of plans fail; undefined lets them succeed. */
  planFault: Error | undefined;
  process(options?: ProcessOptions): Promise<TestProcess>;
  find(id: string): Promise<RunDetail | undefined>;
  events(id: string): Promise<RunEvent[]>;
  /** The row of a run that goes on. */
  live(id: string): Promise<{ status: number; waiting: number | null; owner: string } | undefined>;
  inboxRows(id: string): Promise<number>;
  /** Ids of the runs it called, in order. */
  called(id: string): Promise<string[]>;
  /** Ids of the waits that are kept beside a run. */
  timers(id: string): Promise<string[]>;
  /** The instant of each wait that is kept comes now. */
  allDue(): Promise<void>;
  /** Waits until the database shows this status, then checks the journal. */
  reaches(id: string, status: RunStatusName): Promise<RunEvent[]>;
  /** Ends every process and empties the database, so that no test finds runs of another. */
  reset(): Promise<void>;
  close(): Promise<void>;
}

const WORKSPACE = uuidv7();
const SECRET = randomBytes(32);
let processes = 0;

export async function openKit(): Promise<Kit> {
  // Each process has connections of its own beside it, and PostgreSQL takes a hundred from all tests together.
  const test = await createTestDatabase({ poolSize: 4 });
  const { database } = test;
  await database.withClient((client) => ensurePartitions(client, new Date()));
  const blobDir = await mkdtemp(join(tmpdir(), 'plugboard-runner-'));
  const fileBlobs = createFileBlobStore({ dir: blobDir });
  const service = await Service.listen();
  const gates = new Gates();
  const entries = [pluginEntry(testPlugin(gates))];
  const catalog = createCatalog(entries.map((entry) => entry.ir));
  const versions = new Map<string, LoadedPlan>();
  let opened: { readonly ownership: LeasedOwnership; readonly writer: JournalWriter; readonly kill: () => void }[] = [];

  const compile = (definition: WorkflowDefinition, workflowId: string): LoadedPlan => ({
    plan: compilePlan(definition, catalog.find),
    workspaceId: WORKSPACE,
    workflowId,
    workflowName: definition.name,
    version: 1,
    environment: 1,
    vars: {},
  });

  const kit: Kit = {
    database,
    service,
    gates,
    blobs: fileBlobs,
    versions,
    planFault: undefined,

    async process(options = {}) {
      processes += 1;
      const ownerId = uuidv7();
      const clock = new FakeClock();
      const writer = createJournalWriter({ connect: () => database.createWriterClient(), writerId: ownerId });
      const ownership = createOwnership({
        connect: () => database.createWriterClient(),
        ownerId,
        // Looks dead to every other test process, so that its runs are claimed at once.
        identity: { host: 'test', bootId: 'test-boot', pid: 4_194_304 + processes, pidStarted: '1' },
        ...(options.inboxLimit === undefined ? {} : { inboxLimit: options.inboxLimit }),
      });
      let isDead = false;
      const kill = (): void => {
        isDead = true;
        clock.isDead = true;
      };
      opened.push({ ownership, writer, kill });
      await Promise.all([writer.ready(), ownership.start()]);
      const keyedRuns = createKeyedRuns({ writerId: ownerId, withClient: (use) => database.withClient(use) });
      const expected = new Map<string, { readonly keys: readonly RunKey[]; readonly onTaken: (runId: string) => void }>();
      const journal: Journal = {
        append(record, done) {
          if (isDead || options.onAppend?.(record) === false) return;
          const claim = record.create ? expected.get(record.head.id) : undefined;
          if (claim) {
            expected.delete(record.head.id);
            const create = async (): Promise<void> => {
              const outcome = await keyedRuns.create(record, claim.keys);
              if (isDead) return;
              if (outcome.kind === 'exists') claim.onTaken(outcome.runId);
              done({ kind: outcome.kind === 'created' ? 'committed' : 'lost' });
            };
            return void create();
          }
          writer.append(record, (result) => {
            if (!isDead) done(result);
          });
        },
        get accepting() {
          return writer.accepting;
        },
        get retryAfterMs() {
          return writer.retryAfterMs;
        },
        drain: () => writer.drain(),
      };
      const guarded: Ownership = {
        ownerId,
        leaseHolds: () => {
          started.leaseLooks += 1;
          return started.leaseHolds && ownership.leaseHolds();
        },
        claimOrphans: (limit, claim) => ownership.claimOrphans(limit, claim),
        claimResting: (limit) => ownership.claimResting(limit),
        clearCrashCount: (ids) => ownership.clearCrashCount(ids),
        pendingIds: (workspaceId, limit) => ownership.pendingIds(workspaceId, limit),
        loadOwned: (ids) => ownership.loadOwned(ids),
        inboxPage: ownership.inboxPage,
        readInbox: (ids, after) => ownership.readInbox(ids, after),
        fireTimers: (limit) => ownership.fireTimers(limit),
        putSnapshot: (snapshot) => ownership.putSnapshot(snapshot),
        dropSnapshot: (id) => ownership.dropSnapshot(id),
        putInbox: (row) => ownership.putInbox(row),
      };
      const host = createPluginHost({ entries, graceMs: 50 });
      const dispatcher = createInProcessDispatcher({ perWorkspace: options.perWorkspace ?? 10 });
      const logged: { level: string; message: string }[] = [];
      const log = (level: string) => (_: object, message: string) => void logged.push({ level, message });
      const calls = createChildRuns({
        runner: () => runner,
        expect: (id, keys, onTaken) => void expected.set(id, { keys, onTaken }),
        forget: (id) => void expected.delete(id),
        newRunId: uuidv7,
        async find(_, call) {
          await options.onCall?.(call);
          const loaded = [...versions.values()].findLast(({ workflowName }) => workflowName === call.workflow);
          if (!loaded) throw new StepFailure('WORKFLOW_NOT_FOUND', `There is no workflow "${call.workflow}"`, { kind: 'input' });
          return { loaded, trigger: 'start', items: call.items };
        },
      });
      const runner: Runner = createRunner({
        ports: { filesOf: () => NO_FILES, connectOf: () => noPort, state: NO_STATE, calls },
        reports: (run) => options.reports?.(run) === true,
        keepsData: (workspaceId) => options.keepsData?.(workspaceId) ?? 'all',
        ...(options.storage ? { storage: options.storage } : {}),
        journal,
        ownership: guarded,
        blobs: options.blobs ?? fileBlobs,
        host: options.host?.(host) ?? host,
        dispatcher,
        sandbox: NO_SANDBOX,
        plans: {
          async load(workflowId) {
            if (kit.planFault) throw kit.planFault;
            const known = versions.get(workflowId);
            if (known) return known;
            throw Object.assign(new Error('The version is not there'), { code: 'VERSION_MISSING' });
          },
          compile: (definition, head) => ({ ...compile(definition, head.workflowId), version: 0, environment: 0 }),
        },
        key: createKeyMaker(SECRET),
        newRunId: uuidv7,
        fetch: globalThis.fetch,
        log: { info: log('info'), warn: log('warn'), error: log('error') },
        clock,
        ...(options.limits ? { limits: options.limits } : {}),
        ...(options.caution ? { caution: options.caution } : {}),
        ...(options.onCommitted ? { onCommitted: options.onCommitted } : {}),
      });
      const started: TestProcess = {
        runner,
        clock,
        writer,
        ownership,
        dispatcher,
        logged,
        leaseHolds: true,
        leaseLooks: 0,
        offer(definition) {
          const loaded = compile(definition, uuidv7());
          versions.set(loaded.workflowId, loaded);
        },
        start(definition, items = [{ n: 0 }], more = {}) {
          const loaded = more.loaded ?? compile(definition, uuidv7());
          versions.set(loaded.workflowId, loaded);
          return startRun(runner, options.onTold, {
            loaded,
            trigger: 'start',
            items: items.map((json) => ({ json })),
            triggerKind: 'manual',
            begin: 'at-once',
            ...more,
          });
        },
        recover: () => runner.recover(),
        kill,
      };
      return started;
    },

    find: (id) => findRun(database, { workspaceId: WORKSPACE, id }),

    async events(id) {
      const found = await kit.find(id);
      const events = await Promise.all((found?.chunks ?? []).map((chunk) => decodeEvents(chunk, fileBlobs, WORKSPACE)));
      return events.flat();
    },

    async live(id) {
      const [row] = await database.query<{ status: number; waiting: number | null; owner: string }>(
        'select status, waiting, owner from run_live where run_id = $1',
        [id],
      );
      return row;
    },

    async inboxRows(id) {
      const [row] = await database.query<{ n: number }>('select count(*)::int as n from run_inbox where run_id = $1', [id]);
      return row?.n ?? 0;
    },

    async called(id) {
      const rows = await database.query<{ run_id: string }>('select run_id from run_child where parent_run_id = $1 order by place, part', [
        id,
      ]);
      return rows.map((row) => row.run_id);
    },

    async timers(id) {
      const rows = await database.query<{ wait_id: string }>('select wait_id from timer where run_id = $1', [id]);
      return rows.map((row) => row.wait_id);
    },

    async allDue() {
      await database.query(`update timer set due_at = now() - interval '1 second'`);
    },

    async reaches(id, status) {
      await until(async () => (await kit.find(id))?.status === status);
      const [events, found] = [await kit.events(id), await kit.find(id)];
      const loaded = versions.get(found?.head.workflowId ?? '');
      if (loaded) checkJournal(events, loaded, status);
      if (isTerminal(status)) assert.equal(events.length, found?.events, 'no event of an ended run is missing');
      return events;
    },

    async reset() {
      const ending = opened;
      opened = [];
      for (const { kill } of ending) kill();
      await Promise.all(ending.flatMap(({ ownership, writer }) => [ownership.close(), writer.close(1000)]));
      await database.query(
        'truncate run, run_chunk, run_child, run_erasure, run_follow_up, run_key, run_live, run_inbox, run_snapshot, timer, run_stats, worker',
      );
      kit.planFault = undefined;
      service.seen.length = 0;
      service.answer = () => ({ status: 200 });
      gates.waiting.length = 0;
    },

    async close() {
      await kit.reset();
      await service.close();
      await test.close();
      await rm(blobDir, { recursive: true, force: true });
    },
  };
  return kit;
}

function noPort(): Promise<never> {
  return Promise.reject(new Error('These tests reach nothing of the server'));
}
const NO_FILES = { open: noPort, find: noPort, create: noPort };
const NO_STATE = { get: noPort, set: noPort, claim: noPort };

const NO_SANDBOX = {
  run: () => Promise.reject(new Error('These tests run no code steps')),
  ready: () => Promise.resolve(),
  isolation: () => ({ level: 'process' as const, probes: {} }),
  stats: () => {
    throw new Error('These tests run no code steps');
  },
  close: () => Promise.resolve(),
};

function startRun(runner: Runner, onTold: ((what: string) => void) | undefined, request: StartRun): StartedRun {
  const accepted = Promise.withResolvers<string>();
  const ended = Promise.withResolvers<EndedRun>();
  const suspended = Promise.withResolvers<string>();
  const lost = Promise.withResolvers<string>();
  const replies: Reply[] = [];
  const told: string[] = [];
  const tell = (what: string): void => {
    told.push(what);
    onTold?.(what);
  };
  const id = runner.start(request, {
    onAccepted(runId) {
      accepted.resolve(runId);
      tell('accepted');
    },
    onReply(reply) {
      tell('reply');
      replies.push(reply);
      return true;
    },
    onSuspended(_, waitingFor) {
      suspended.resolve(waitingFor ?? 'paused');
      tell('suspended');
    },
    onEnded(run) {
      ended.resolve(run);
      tell(`ended ${run.status}`);
    },
    onLost(_, code) {
      lost.resolve(code);
      tell(`lost ${code}`);
    },
  });
  return { id, accepted: accepted.promise, ended: ended.promise, suspended: suspended.promise, lost: lost.promise, replies, told };
}

/** Asks again until the answer is yes; the test's own time limit ends it. */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 5));
}
