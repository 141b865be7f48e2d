/**
 * The fault suite: servers, code processes and databases die at random moments under work of every kind. No run that was accepted is lost, every
 * run ends, no finished write is repeated, and what is stored agrees with itself.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Database, openDatabase } from '@plugboard/persistence';
import { createTestDatabase } from '@plugboard/persistence/testing';
import { afterEach, expect, onTestFailed, test } from 'vitest';
import { type StoredRun, findContradictions, openRows, readRuns, startsOf, wrongStatistics } from './fault-checks.ts';
import { ITEMS, type Load, WORKFLOWS, type WorkflowName, pause, publishAll, startLoad } from './fault-load.ts';
import { FaultServer } from './fault-server.ts';
import { FaultService, type Write } from './fault-service.ts';
import { aWorkflow, until } from './test-server.ts';

const closings: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closings.splice(0).toReversed()) await close();
});

async function aService(): Promise<FaultService> {
  const service = await FaultService.listen();
  closings.push(() => service.close());
  return service;
}

async function aServer(env: Readonly<Record<string, string>> = {}, dataDir?: string): Promise<FaultServer> {
  const server = new FaultServer({ PLUGBOARD_CONCURRENT_RUNS: '20', ...env }, dataDir);
  closings.push(() => server.remove());
  onTestFailed(() => void process.stderr.write(`what the server logged last:\n${server.log.slice(-6000)}\n`));
  await server.begin();
  return server;
}

/** Where random moments come from: the same in every run of the suite, unless another number is given to look for what they miss. */
const SEED = Number(process.env['PLUGBOARD_TEST_SEED'] ?? 4);

function randomNumbers(): () => number {
  let state = SEED;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A server was killed `from` then on, and all it had sent was taken by `to`, by the clock of this process. */
interface Death {
  readonly from: number;
  readonly to: number;
}
type Deaths = Death[];

async function kill(server: FaultServer, service: FaultService, deaths: Deaths): Promise<void> {
  const from = performance.now();
  await server.kill();
  // What the dead one had sent may still lie unread.
  await service.settled();
  deaths.push({ from, to: performance.now() });
}

/** Lets the load go on for a while, so that each fault hits it somewhere else. */
async function someWork(load: Load, random: () => number): Promise<void> {
  const before = load.accepted.size;
  await until(
    () => load.accepted.size - before,
    (more) => more >= 10,
  );
  await pause(random() * 700);
}

async function isReady(server: FaultServer): Promise<void> {
  await until(
    async () => (await server.send('GET', '/readyz'))?.status,
    (status) => status === 200,
  );
}

/** Ends the load and its schedule, waits until nothing is under way, and looks at everything. */
async function expectNothingLost(on: FaultServer, load: Load, service: FaultService, deaths: Deaths, databaseUrl: string): Promise<void> {
  await load.stop();
  const schedules = await on.api<{ rows: { id: string }[] }>('GET', '/schedules');
  for (const { id } of schedules.rows) await on.api('POST', `/schedules/${id}/pause`, {});
  const database = await openDatabase({ url: databaseUrl, poolSize: 2 });
  try {
    await until(
      () => openRows(database),
      (rows) => Object.keys(rows).length === 0,
    );
    await load.end();
    await expectConsistent(database, load, service, deaths);
  } finally {
    await database.close();
  }
}

async function expectConsistent(database: Database, load: Load, service: FaultService, deaths: Deaths): Promise<void> {
  expect(load.problems).toEqual([]);
  const runs = await readRuns(database);
  const byId = new Map(runs.map((run) => [run.id, run]));

  const lost = [...load.accepted].filter(([id]) => !byId.has(id));
  expect(lost, 'accepted runs that are not there').toEqual([]);
  const notDone = runs.filter((run) => run.status !== 'succeeded').map((run) => `${run.workflow} ${run.status}: ${run.error}`);
  expect(notDone, 'runs that did not succeed').toEqual([]);
  const unknown = runs.filter((run) => run.workflow in WORKFLOWS && !load.accepted.has(run.id)).map((run) => run.workflow);
  expect(unknown, 'runs of deliveries that started another run').toEqual([]);
  for (const name of Object.keys(WORKFLOWS)) expect([...load.accepted.values()], `runs of ${name}`).toContain(name);

  expect(await findContradictions(database, runs)).toEqual([]);
  expect(await wrongStatistics(database)).toEqual([]);
  expectWrites(runs, load.accepted, service, deaths);
  expectEverySecond(runs.filter((run) => run.workflow === 'times'));
}

/** Every item was written; what was written twice was under way when a server died, and came with the same key. */
function expectWrites(
  runs: readonly StoredRun[],
  accepted: ReadonlyMap<string, WorkflowName>,
  service: FaultService,
  deaths: Deaths,
): void {
  const writes = Map.groupBy(service.writes, (write) => write.run);
  const called = runs.filter((run) => run.workflow === 'called');
  const calling = [...accepted.values()].filter((name) => name === 'calls').length;
  expect(called.length, 'called runs').toBe(calling * ITEMS);
  expect(service.refusals, 'writes that were refused at first').toBe(called.length);

  const problems: string[] = [];
  for (const run of runs) {
    const name = accepted.get(run.id);
    const each = name === undefined ? (run.workflow === 'called' ? 1 : 0) : WORKFLOWS[name].each;
    const items = Map.groupBy(writes.get(run.id) ?? [], (write) => write.item);
    if (items.size !== each) problems.push(`${run.id} of ${run.workflow} wrote ${items.size} of ${each} items`);
    for (const seen of items.values()) problems.push(...wrongRepeats(run, seen, deaths));
    const starts = startsOf(run, 'write');
    const sent = writes.get(run.id)?.length ?? 0;
    if (sent > starts) problems.push(`${run.id} of ${run.workflow} sent ${sent} writes and noted ${starts}`);
  }
  expect(problems).toEqual([]);
}

function wrongRepeats(run: StoredRun, seen: readonly Write[], deaths: Deaths): string[] {
  const [first] = seen;
  const problems: string[] = [];
  if (new Set(seen.map((write) => write.key)).size > 1) problems.push(`${run.id} of ${run.workflow} wrote an item with several keys`);
  if (seen.length > 1 && first?.kind === 'once') problems.push(`${run.id} wrote an item twice that may be written once`);
  for (const [n, write] of seen.slice(1).entries()) {
    const before = seen[n]?.at ?? 0;
    if (!deaths.some(({ from, to }) => from < write.at && to > before))
      problems.push(`${run.id} of ${run.workflow} repeated a write without need`);
  }
  return problems;
}

/** Each second from the first to the last has one run. */
function expectEverySecond(runs: readonly StoredRun[]): void {
  const due = runs.map(({ events: [start] }) => {
    const item = start?.type === 'run.started' ? start.outputs['main']?.items[0]?.json : undefined;
    return Date.parse(String(item?.['dueAt'])) / 1000;
  });
  due.sort((a, b) => a - b);
  expect(due.length).toBeGreaterThan(0);
  expect(due).toEqual(Array.from(due, (_, n) => (due[0] ?? 0) + n));
}

test('S0-014, rules 1, 3, 4, 7, 12, 13, 14, 15, 19, 22: a server, its code processes and its database are killed at random moments under mixed load', async () => {
  const random = randomNumbers();
  const service = await aService();
  const server = await aServer();
  await publishAll(server, service);
  const deaths: Deaths = [];
  const load = startLoad([server], service);
  for (const victim of ['server', 'code', 'database', 'server', 'database', 'code', 'server'] as const) {
    await someWork(load, random);
    if (victim === 'server') {
      await kill(server, service, deaths);
      await server.begin();
    } else if (victim === 'code') {
      const pids = await until(
        () => server.codeProcesses(),
        (found) => found.length > 0,
      );
      pids.forEach(endProcess);
    } else {
      const pid = server.pid;
      const postmaster = await until(
        () => server.postmaster() ?? 0,
        (found) => found > 0,
      );
      process.kill(postmaster, 'SIGKILL');
      await until(
        () => ({ isUp: server.isUp, postmaster: server.postmaster() ?? postmaster }),
        (now) => !now.isUp || now.postmaster !== postmaster,
      );
      expect(server.isUp && server.pid, 'the server outlives its database').toBe(pid);
      await isReady(server);
    }
  }
  await expectNothingLost(server, load, service, deaths, server.databaseUrl());
});

test('rules 1, 8, 15, 19: of two servers on one database either is killed, and the other goes on with its runs', async () => {
  const random = randomNumbers();
  const service = await aService();
  const shared = await createTestDatabase();
  closings.push(() => shared.close());
  const env = { DATABASE_URL: shared.url, PLUGBOARD_ROOT_KEY: randomBytes(32).toString('hex') };
  const servers = [await aServer(env), await aServer(env)] as const;
  await publishAll(servers[0], service);
  const deaths: Deaths = [];
  const load = startLoad(servers, service);
  for (const [victim, other] of [
    [servers[0], servers[1]],
    [servers[1], servers[0]],
  ] as const) {
    await someWork(load, random);
    await kill(victim, service, deaths);
    await someWork(load, random);
    // The one that is left loses every connection to the database as well.
    await shared.database.query(
      'select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()',
    );
    await isReady(other);
    await victim.begin();
  }
  await expectNothingLost(servers[0], load, service, deaths, shared.url);
});

test.skipIf(!canMount())(
  'rule 3: a full disk loses no run: new work is refused until there is space, and all of it is done then',
  async () => {
    const disk = mkdtempSync(join(tmpdir(), 'plugboard-disk-'));
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=400m,mode=755', 'tmpfs', disk]);
    closings.push(async () => {
      await until(
        () => spawnSync('umount', [disk]).status,
        (status) => status === 0,
      );
      rmSync(disk, { recursive: true });
    });
    const service = await aService();
    const server = await aServer({}, join(disk, 'data'));
    await publishAll(server, service);
    const load = startLoad([server], service);
    await someWork(load, randomNumbers());
    const ballast = join(disk, 'ballast');
    const file = openSync(ballast, 'w');
    const fill = (): void => {
      try {
        for (;;) writeSync(file, Buffer.alloc(64 * 1024, 1));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
      }
    };
    const refused = await until(
      () => {
        fill();
        return server.send<{ status: string }>('GET', '/readyz');
      },
      (answer) => answer?.status === 503,
    );
    expect(refused?.json.status).not.toBe('ready');
    closeSync(file);
    rmSync(ballast);
    await isReady(server);
    await someWork(load, randomNumbers());
    await expectNothingLost(server, load, service, [], server.databaseUrl());
  },
);

test('rule 10: a run whose call ends the server each time is held back after three deaths of its own, somebody is told, and the others go on', async () => {
  const poison = createServer((request, response) => {
    request.resume();
    if (!isDeadly) return void response.writeHead(200, { 'content-type': 'application/json' }).end('{"ok":true}');
    // A run that was taken over may call before its server has said that it is ready: then it dies when it has.
    const strike = async (): Promise<void> => {
      await until(
        () => server.isUp || request.socket.destroyed,
        (isTime) => isTime,
      );
      if (!request.socket.destroyed) process.kill(server.pid, 'SIGKILL');
    };
    strike().catch((error: unknown) => response.destroy(error as Error));
  });
  let isDeadly = true;
  await new Promise<void>((resolve) => poison.listen(0, '127.0.0.1', resolve));
  closings.push(() => new Promise((resolve) => poison.close(resolve).closeAllConnections()));
  const url = `http://127.0.0.1:${(poison.address() as AddressInfo).port}/`;

  const shared = await createTestDatabase();
  closings.push(() => shared.close());
  const owner = { PLUGBOARD_OWNER_EMAIL: 'owner@example.com', PLUGBOARD_OWNER_PASSWORD: 'a few words in a row' };
  const server = await aServer({ DATABASE_URL: shared.url, ...owner });
  const workflow = aWorkflow('Poison', { path: 'poison', reply: 'immediate' }, ['call', 'core/http-request', { url, method: 'GET' }]);
  await server.api('POST', '/workflows/import', { definition: workflow, publish: true });
  const harmless = aWorkflow('Harmless', { path: 'harmless', reply: 'immediate' }, ['ask', 'core/wait-for-call', { limited: false }]);
  await server.api('POST', '/workflows/import', { definition: harmless, publish: true });

  const waiting = (await server.send<{ runId: string }>('POST', '/hooks/harmless', {}))?.json.runId ?? '';
  const statusOf = async (id: string) =>
    (await server.send<{ status: string; waitingFor?: string }>('GET', `/api/runs/${id}/state`))?.json ?? { status: 'away' };
  await until(
    () => statusOf(waiting),
    ({ status }) => status === 'waiting',
  );
  /** The server may die before it can say which run it has stored. */
  const stored = async () => {
    const [row] = await shared.database.query<{ id: string }>(
      `select l.run_id as id from run_live l join workflow w on w.id = l.workflow_id where w.name = 'Poison'`,
    );
    return row?.id;
  };
  let accepted: string | undefined;
  for (let starts = 0; starts < 12; starts += 1) {
    if (!server.isUp) await server.begin();
    if (accepted === undefined) {
      await server.send('POST', '/hooks/poison', {});
      accepted = await stored();
    }
    const id = accepted;
    const now = await until(
      async () => (server.isUp && id !== undefined ? (await statusOf(id)).waitingFor : 'away'),
      (found) => found === 'quarantine' || found === 'away',
    );
    if (now === 'quarantine') break;
  }
  const runId = accepted ?? '';
  expect(await statusOf(runId)).toMatchObject({ status: 'waiting', waitingFor: 'quarantine' });
  expect(await statusOf(waiting), 'what had nothing to do with it').toMatchObject({ status: 'waiting', waitingFor: 'signal' });
  const told = () =>
    shared.database.query<{ kind: string; why: string; email: string }>(
      `select n.kind, n.params->>'why' as why, p.email from notification n join person p on p.principal_id = n.principal_id where n.params->>'runId' = $1`,
      [runId],
    );
  await until(told, (rows) => rows.length > 0);
  expect(await told()).toEqual([{ kind: 'run.asks', why: 'quarantine', email: 'owner@example.com' }]);

  isDeadly = false;
  await server.api('POST', `/runs/${runId}/resume`, {});
  await until(
    () => statusOf(runId),
    ({ status }) => status === 'succeeded',
  );
});

/** One that has ended by itself meanwhile is as dead. */
function endProcess(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** Containers often may not, and ordinary users never. */
function canMount(): boolean {
  const folder = mkdtempSync(join(tmpdir(), 'plugboard-mount-'));
  const isMounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', folder]).status === 0;
  if (isMounted) spawnSync('umount', [folder]);
  rmSync(folder, { recursive: true });
  return isMounted;
}
