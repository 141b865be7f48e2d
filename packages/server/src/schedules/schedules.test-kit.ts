/** Server processes over one real database, as far as schedules and polls need them: each can be dropped like a killed one. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  type Database,
  createFileBlobStore,
  createJournalWriter,
  createKeyedRuns,
  createOwnership,
  createWorkflow,
  ensurePartitions,
  inWorkspace,
  publish,
  seedDefaults,
  unpublish,
  uuidv7,
} from '@plugboard/persistence';
import { type TestDatabase, createTestDatabase } from '@plugboard/persistence/testing';
import { createCatalog, createPluginHost, createPollHost, loadBundled } from '@plugboard/plugin-host';
import { createInProcessDispatcher } from '@plugboard/queue';
import { type Runner, createKeyMaker, createRunner } from '@plugboard/runner';
import type { JsonObject } from '@plugboard/sdk';
import { createSandbox } from '@plugboard/sandbox';
import { type Deliveries, createDeliveries } from '../hooks/deliveries.ts';
import type { PollReach } from '../polling/poll-sink.ts';
import { type PollService, createPollService } from '../polling/poll-service.ts';
import { createPlanStore } from '../runs/plan-store.ts';
import { type Definitions, createDefinitions, semanticHash } from '../workflows/definitions.ts';
import { type ScheduleService, createScheduleService } from './schedule-service.ts';

const CORE = ['plugin.mjs', 'plugin.ir.json'].map((name) =>
  fileURLToPath(new URL(`../../../../plugins/core/dist/${name}`, import.meta.url)),
);

export interface ProcessOptions {
  /** Dies with the connection in its hand: before, or after, the next run with a key is committed. */
  readonly dies?: 'before' | 'after';
  /** @default what schedules are told */
  readonly leaseMs?: number;
  readonly mostMissed?: number;
}

export interface TestProcess {
  readonly runner: Runner;
  readonly deliveries: Deliveries;
  readonly schedules: ScheduleService;
  readonly polls: PollService;
  /** Resolves once it has met its death. */
  readonly isDead: Promise<void>;
  close(): Promise<void>;
}

export interface ScheduleRow {
  readonly id: string;
  readonly nextDue: Date | null;
  readonly lastRunId: string | null;
  readonly skipped: number;
  readonly problem: string | null;
  readonly state: string;
}

export interface ScheduleKit {
  readonly db: TestDatabase;
  readonly database: Database;
  readonly definitions: Definitions;
  readonly place: { readonly workspaceId: string; readonly principalId: string };
  /** What the schedules of all processes go by. */
  readonly clock: { now: number };
  process(options?: ProcessOptions): Promise<TestProcess>;
  /** A workflow with this trigger as the node `start`; `waits` keeps its runs open. Gives its id. */
  publish(
    params: JsonObject,
    options?: { readonly waits?: boolean; readonly type?: string; readonly workflowId?: string },
  ): Promise<string>;
  unpublish(workflowId: string): Promise<void>;
  row(workflowId: string): Promise<ScheduleRow>;
  /** Slots of a workflow with their runs, the oldest first. */
  fired(workflowId: string): Promise<readonly { readonly at: string; readonly runId: string }[]>;
  runCount(workflowId: string): Promise<number>;
  close(): Promise<void>;
}

export async function openScheduleKit(): Promise<ScheduleKit> {
  const db = await createTestDatabase();
  const { database } = db;
  const dir = await mkdtemp(join(tmpdir(), 'plugboard-schedules-'));
  const { workspaceId, projectId, systemPrincipalId } = await seedDefaults(database);
  await database.withClient((client) => ensurePartitions(client, new Date()));
  const entries = await loadBundled([{ bundleFile: CORE[0] ?? '', irFile: CORE[1] ?? '' }]);
  const catalog = createCatalog(entries.map((entry) => entry.ir));
  const definitions = createDefinitions(catalog);
  const place = { workspaceId, principalId: systemPrincipalId };
  const clock = { now: Date.UTC(2026, 10, 2, 12) };
  const sandbox = createSandbox({ size: 1 });
  const processes: TestProcess[] = [];
  const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined };

  const start = async ({ dies, leaseMs, mostMissed = 100 }: ProcessOptions = {}): Promise<TestProcess> => {
    const writerId = crypto.randomUUID();
    const death = Promise.withResolvers<void>();
    let isDead = false;
    const journal = createJournalWriter({
      connect: () => database.createWriterClient(),
      writerId,
      ensurePartitions: () => Promise.resolve(),
    });
    const ownership = createOwnership({ connect: () => database.createWriterClient(), ownerId: writerId, isAlone: false });
    await Promise.all([journal.ready(), ownership.start()]);
    const never = new Promise<never>(() => undefined);
    const keyedRuns = createKeyedRuns({
      writerId,
      async withClient(use) {
        if (isDead) return never;
        if (dies === undefined) return database.withClient(use);
        isDead = true;
        if (dies === 'after') await database.withClient(use);
        death.resolve();
        return never;
      },
    });
    const deliveries = createDeliveries({ database, journal, keyedRuns, log: quiet });
    const plans = createPlanStore(database, catalog.find);
    const runner = createRunner({
      journal: deliveries.journal,
      ownership,
      blobs: createFileBlobStore({ dir: join(dir, 'blobs') }),
      host: createPluginHost({ entries }),
      dispatcher: createInProcessDispatcher({ perWorkspace: 50 }),
      sandbox,
      plans,
      key: createKeyMaker(new Uint8Array(32)),
      newRunId: uuidv7,
      fetch: () => Promise.reject(new Error('there is no network')),
      log: quiet,
    });
    const schedules = createScheduleService({
      database,
      runner,
      plans,
      deliveries,
      mostMissed: () => mostMissed,
      log: quiet,
      now: () => clock.now,
      pollMs: Number.POSITIVE_INFINITY,
      ...(leaseMs === undefined ? {} : { leaseMs }),
    });
    const noReach = (): never => {
      throw new Error('a poll of these tests only sends requests');
    };
    const reach: PollReach = {
      fetch,
      credentials: { fetch: noReach, open: noReach },
      ports: { filesOf: noReach, connectOf: noReach },
    };
    const polls = createPollService({
      database,
      host: createPollHost({ entries }),
      runner,
      plans,
      deliveries,
      reach,
      log: quiet,
      pollMs: Number.POSITIVE_INFINITY,
      ...(leaseMs === undefined ? {} : { leaseMs }),
    });
    const one: TestProcess = {
      runner,
      deliveries,
      schedules,
      polls,
      isDead: death.promise,
      async close() {
        if (dies === undefined) {
          await schedules.close();
          await polls.close();
          await runner.drain(0);
        }
        await journal.close();
        await ownership.close();
      },
    };
    processes.push(one);
    return one;
  };

  return {
    db,
    database,
    definitions,
    place,
    clock,
    process: start,
    async publish(params, { waits = false, type = 'core/schedule', workflowId } = {}) {
      const node = (id: string, kind: string, own: JsonObject) => ({
        id,
        type: kind,
        position: { x: 0, y: 0 },
        data: { name: id, typeVersion: 1, params: own },
      });
      const definition = {
        schema: 1,
        name: `timed ${uuidv7()}`,
        nodes: [
          node('start', type, params),
          waits ? node('next', 'core/wait', { amount: 10, unit: 'hours' }) : node('next', 'core/noop', {}),
        ],
        edges: [{ id: 'e', source: 'start', sourceHandle: 'main', target: 'next', targetHandle: 'main' }],
      };
      const sound = definitions.demandSound(definition, 'changed').definition;
      return inWorkspace(database, place, async (tx) => {
        let id = workflowId;
        if (id === undefined) {
          const made = await createWorkflow(tx, { projectId, definition: sound, semanticHash: semanticHash(sound) });
          if (made.kind !== 'created') throw new Error(made.kind);
          id = made.workflow.id;
        }
        const result = await publish(tx, {
          workflowId: id,
          definition: sound,
          semanticHash: semanticHash(sound),
          typePins: {},
          hooks: [],
          schedules: definitions.schedules(sound),
          polls: definitions.polls(sound),
        });
        if (result.kind !== 'published') throw new Error(result.kind);
        // The publish went by the database's clock; these tests have their own.
        for (const spec of workflowId === undefined ? definitions.schedules(sound) : []) {
          const [row] = await tx.query<{ id: string }>('select id from schedule where workflow_id = $1 and node_id = $2', [
            id,
            spec.nodeId,
          ]);
          const next = row && spec.next(row.id, clock.now - 1);
          await tx.query(
            'update schedule set next_due = to_timestamp($2::float8 / 1000), next_at = to_timestamp($3::float8 / 1000) where id = $1',
            [row?.id, next?.dueMs ?? null, next?.atMs ?? null],
          );
        }
        return id;
      });
    },
    unpublish: (workflowId) => inWorkspace(database, place, async (tx) => void (await unpublish(tx, workflowId))),
    async row(workflowId) {
      const [row] = await database.query<ScheduleRow>(
        `select id, next_due as "nextDue", last_run_id as "lastRunId", skipped::int4 as skipped, problem, state from schedule where workflow_id = $1`,
        [workflowId],
      );
      if (!row) throw new Error('the workflow has no schedule');
      return row;
    },
    fired: (workflowId) =>
      database.query<{ at: string; runId: string }>(
        `select k.key as at, k.run_id as "runId" from run_key k join run r on r.id = k.run_id where k.scope = $1 order by 1`,
        [`schedule:${workflowId}:1:start`],
      ),
    async runCount(workflowId) {
      const [row] = await database.query<{ n: number }>('select count(*)::int4 as n from run where workflow_id = $1', [workflowId]);
      return row?.n ?? 0;
    },
    async close() {
      for (const one of processes) await one.close();
      await sandbox.close();
      await db.close();
      await rm(dir, { recursive: true, force: true });
    },
  };
}
