/** One run of the bench: servers up, cases one after the other, servers down, starts measured on what is left. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { OWN_SERVER_CASES, type OwnServerCase, WEBHOOK_CASES, type WebhookCase } from './cases.ts';
import { type Children, portOf } from './children.ts';
import { createLoadProcess } from './load-process.ts';
import { busyCpuUs, describeMachine } from './machine.ts';
import { type Bench, measureBackground, measureLatency, measureThroughput, targetsFor } from './measure.ts';
import { measureIdleMemory, measureStarts, memoryRows } from './measure-starts.ts';
import type { BenchOptions } from './options.ts';
import { treeCpuUs } from './process-tree.ts';
import { measureChildren, measureLaunch, measureParallel, measureRounds, measureSchedules } from './measure-flow.ts';
import { measureEditor } from './measure-editor.ts';
import { measureLists } from './measure-lists.ts';
import { measureLive } from './measure-live.ts';
import { measureWaiting, measureWorkflows } from './measure-many.ts';
import type { OwnServerBench } from './own-server.ts';
import { callApi, publishContract, queryRuns, startPlugboard, withServersDatabase } from './plugboard-server.ts';
import type { FigureRow, Results, ThroughputRow } from './results.ts';
import { type Target, againstTarget, floorTarget, plugboardTarget } from './target.ts';

const OWN_SERVER: Readonly<Record<OwnServerCase, (bench: OwnServerBench) => Promise<FigureRow[]>>> = {
  waiting: measureWaiting,
  workflows: measureWorkflows,
  launch: measureLaunch,
  parallel: measureParallel,
  rounds: measureRounds,
  children: measureChildren,
  schedules: measureSchedules,
  editor: measureEditor,
};

export interface BenchSurroundings {
  readonly children: Children;
  /** Folder for data folders; the caller removes it. */
  readonly scratch: string;
  readonly progress: (text: string) => void;
}

/** @throws BenchServerError when the server cannot be started or asked */
export async function runBench(options: BenchOptions, { children, scratch, progress }: BenchSurroundings): Promise<Results> {
  const startedAt = new Date().toISOString();
  const notes: string[] = [];
  const throughput: ThroughputRow[] = [];
  const figures: FigureRow[] = [];
  const dataDir = join(scratch, 'data');
  mkdirSync(dataDir);

  progress('starting the server');
  const machine = describeMachine(dataDir);
  const server = await startPlugboard(children, dataDir);
  await publishContract(children, dataDir);
  const before = await queryRuns(dataDir);
  const ours = plugboardTarget(server);
  const floor = options.floor ? await startFloor(children) : undefined;
  const targets = [ours, ...(floor ? [floor] : []), ...(options.against ? [againstTarget(options.against)] : [])];
  const bench: Bench = {
    load: createLoadProcess(children.fork('load-child')),
    serviceUrl: `http://127.0.0.1:${await portOf(children.fork('counter-child'))}/`,
    seconds: options.seconds,
    warmupSeconds: options.warmupSeconds,
    rounds: options.rounds,
    progress,
    note: (text) => notes.push(text),
    checkRunning: server.checkRunning,
  };

  const others = watchOthers(machine.cores);
  for (const one of chosen(options)) {
    const kinds: Readonly<Record<WebhookCase['kind'], () => Promise<void>>> = {
      async throughput() {
        const able = await targetsFor(bench, one, targets);
        for (const connections of options.connections) throughput.push(...(await measureThroughput(bench, one, able, connections)));
      },
      async latency() {
        figures.push(
          ...(await measureLatency(
            bench,
            one,
            targets.filter((target) => target.pathOf(one) !== undefined),
          )),
        );
      },
      async background() {
        const able = await targetsFor(bench, one, targets);
        figures.push(...(await measureBackground(bench, one, able, Math.max(...options.connections))));
      },
    };
    await kinds[one.kind]();
  }

  // What these write into the database is no answer to a request of the cases above.
  const stored = await queryRuns(dataDir);
  if (options.cases.includes('live')) {
    const live = await withServersDatabase(dataDir, (database) =>
      measureLive({
        ...bench,
        url: server.url,
        pid: server.pid,
        database,
        api: (method, path, body) => callApi(dataDir, method, path, body),
        crowd: children.fork('live-child'),
        sockets: options.sockets,
      }),
    );
    figures.push(...live);
  }
  if (options.cases.includes('lists')) figures.push(...(await measureLists({ dataDir, url: server.url, progress, note: bench.note })));

  server.checkRunning();
  if (options.cases.includes('memory')) figures.push(...memoryRows(server, 'after load'));
  const after = await queryRuns(dataDir);
  notes.push(describeStored(stored.rows - before.rows, ours.tally));
  progress('stopping the server');
  await server.stop();
  for (const id of OWN_SERVER_CASES) {
    if (options.cases.includes(id)) figures.push(...(await OWN_SERVER[id]({ ...bench, children, scratch })));
  }
  const othersShare = others();
  if (othersShare !== undefined) notes.push(`other processes took ${(othersShare * 100).toFixed(0)} % of the machine's CPU meanwhile`);
  if (options.cases.includes('memory')) figures.push(...(await measureIdleMemory(children, dataDir)));
  if (options.cases.includes('start')) {
    const echo = WEBHOOK_CASES.find(({ id }) => id === 'echo') as WebhookCase;
    figures.push(...(await measureStarts({ children, dataDir, scratch, echo, starts: options.starts, progress })));
  }
  return {
    startedAt,
    machine: { ...machine, postgres: after.postgres },
    settings: { seconds: options.seconds, rounds: options.rounds },
    throughput,
    figures,
    notes,
  };
}

/** How much of the machine went to processes that are not ours, as a share of all its cores since the call. A server measured by URL is another's. */
function watchOthers(cores: number): () => number | undefined {
  const sample = (): { at: number; busy: number; ours: number | undefined } => ({
    at: performance.now(),
    busy: busyCpuUs(),
    ours: treeCpuUs(process.pid),
  });
  const before = sample();
  return () => {
    const after = sample();
    if (before.ours === undefined || after.ours === undefined) return undefined;
    const others = after.busy - before.busy - (after.ours - before.ours);
    return Math.max(0, others) / ((after.at - before.at) * 1000 * cores);
  };
}

async function startFloor(children: Children): Promise<Target> {
  const child = children.fork('floor-child');
  return floorTarget(await portOf(child), child.pid ?? 0);
}

/** In the order of the table, whatever order they were named in. */
function chosen(options: BenchOptions): WebhookCase[] {
  return WEBHOOK_CASES.filter(({ id }) => options.cases.includes(id));
}

/** An acknowledged run that is not stored is a lost one; a stored run that was not acknowledged is one whose request failed on the way. */
function describeStored(rows: number, { acknowledged, other }: Target['tally']): string {
  const verdict =
    rows === acknowledged
      ? 'equal'
      : rows > acknowledged
        ? `${rows - acknowledged} more than acknowledged`
        : `${acknowledged - rows} MISSING`;
  return `runs stored: ${rows}; replies acknowledged: ${acknowledged} (${verdict}); requests that failed: ${other}`;
}
