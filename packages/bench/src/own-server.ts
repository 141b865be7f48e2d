/** A server for one case alone, on a data folder of its own: its memory and its starts are not those of the other cases. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Database } from '@plugboard/persistence';
import type { Children } from './children.ts';
import { ask, metricValue, sleep } from './http.ts';
import type { LoadProcess } from './load-process.ts';
import {
  BenchServerError,
  type PlugboardServer,
  callApi,
  publishContract,
  startPlugboard,
  withServersDatabase,
} from './plugboard-server.ts';
import { rssBytes, treeCpuUs } from './process-tree.ts';
import type { FigureRow } from './results.ts';
import { benchSessions } from './seed-lists.ts';
import { quantile } from './statistics.ts';

export interface OwnServerBench {
  readonly children: Children;
  /** Folder for data folders; the caller removes it. */
  readonly scratch: string;
  readonly load: LoadProcess;
  /** Base address of the counter service. */
  readonly serviceUrl: string;
  readonly seconds: number;
  readonly progress: (text: string) => void;
  readonly note: (text: string) => void;
}

export type Measure = (name: string, unit: FigureRow['unit'], values: readonly number[]) => void;

const TARGET = 'plugboard';
const CONNECTIONS = 50;
const WARM_UP_SECONDS = 2;
const POLL_MS = 20;

export interface OwnServer {
  /** Of the process that runs now. */
  readonly url: string;
  /** With the contract's token. @throws BenchServerError for any answer that is no success */
  call<Answer>(method: string, path: string, body?: unknown): Promise<Answer>;
  /** Imports and publishes; gives the workflow's id. */
  publish(definition: object): Promise<string>;
  query<Row extends object>(sql: string, values?: readonly unknown[]): Promise<Row[]>;
  /** Cookie of a new person who may edit in the workspace `default`. */
  signIn(): Promise<string>;
  /** Runs of this process that have succeeded. */
  succeeded(): Promise<number>;
  /** CPU time of the process that runs now and its code processes, in milliseconds; 0 where it cannot be known. */
  cpuMs(): number;
  /** Memory of the server process in megabytes. */
  rssMB(): number;
  /** Called until it holds. @throws BenchServerError naming `what` when it does not in time, or the server has ended */
  until(what: string, withinMs: number, holds: () => Promise<boolean> | boolean): Promise<void>;
  /** Calls of the contract's echo, or of `paths` in turn, per second; warmed up. */
  echoRate(paths?: readonly string[]): Promise<number>;
  /** In order, or with SIGKILL; gives the milliseconds from spawn to ready. */
  restart(how: 'stop' | 'kill'): Promise<number>;
}

/** Gives what `use` measured; the server is stopped after it. */
export async function withOwnServer(
  bench: OwnServerBench,
  name: string,
  use: (server: OwnServer, measure: Measure) => Promise<void>,
): Promise<FigureRow[]> {
  const dataDir = join(bench.scratch, name);
  mkdirSync(dataDir);
  bench.progress(`${name}: a server of its own`);
  let running = await startPlugboard(bench.children, dataDir);
  await publishContract(bench.children, dataDir);
  const figures: FigureRow[] = [];
  const measure: Measure = (what, unit, values) => {
    figures.push({ name: `${name}: ${what}`, target: TARGET, unit, value: rangeOf(values) });
  };
  const server: OwnServer = {
    get url() {
      return running.url;
    },
    async call<Answer>(method: string, path: string, body?: unknown) {
      const { status, text } = await callApi(dataDir, method, path, body);
      if (status >= 300) throw new BenchServerError(`${name}: ${method} ${path} was answered ${status}: ${text.slice(0, 500)}`);
      return JSON.parse(text) as Answer;
    },
    async publish(definition) {
      const made = await server.call<{ workflowId: string }>('POST', '/workflows/import', { definition, publish: true });
      return made.workflowId;
    },
    query: <Row extends object>(sql: string, values: readonly unknown[] = []) =>
      withServersDatabase(dataDir, (database: Database) => database.query<Row>(sql, values)),
    signIn: () =>
      withServersDatabase(dataDir, async (database: Database) => {
        const [workspace] = await database.query<{ id: string }>(`select id from workspace where slug = 'default'`);
        const [cookie = ''] = await benchSessions(database, workspace?.id ?? '', 1, 'editor');
        return cookie;
      }),
    succeeded: () => succeededRuns(running),
    cpuMs() {
      const postgres = running.postgresPid();
      return (treeCpuUs(running.pid, postgres === undefined ? [] : [postgres]) ?? 0) / 1000;
    },
    rssMB: () => (rssBytes(running.pid) ?? 0) / 1e6,
    async until(what, withinMs, holds) {
      const giveUpAt = performance.now() + withinMs;
      while (!(await holds())) {
        running.checkRunning();
        if (performance.now() > giveUpAt) throw new BenchServerError(`${name}: ${what} did not come within ${withinMs / 1000} s`);
        await sleep(POLL_MS);
      }
    },
    async echoRate(paths) {
      const options = {
        url: `${running.url}/hooks/contract/echo`,
        ...(paths === undefined ? {} : { paths }),
        method: 'POST',
        body: JSON.stringify({ name: 'Ada' }),
        connections: CONNECTIONS,
        expectStatus: 200,
        expectText: '"hello":"Ada"',
      };
      await bench.load.run({ ...options, seconds: WARM_UP_SECONDS });
      const { perSecond, errors } = await bench.load.run({ ...options, seconds: bench.seconds });
      if (Object.keys(errors).length > 0) bench.note(`${name}: echo beside it failed: ${JSON.stringify(errors)}`);
      return perSecond;
    },
    async restart(how) {
      await (how === 'kill' ? running.kill() : running.stop());
      running = await startPlugboard(bench.children, dataDir);
      return running.readyMs;
    },
  };
  try {
    await use(server, measure);
  } finally {
    await running.stop();
  }
  return figures;
}

/** The 95th percentile in the middle, for what must hold for nearly all. */
export function p95Of(values: readonly number[]): number {
  return (
    quantile(
      values.toSorted((a, b) => a - b),
      0.95,
    ) ?? 0
  );
}

/** Calls `act` for 0 to `count` - 1, `together` at a time. */
export async function eachOf(count: number, together: number, act: (n: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  const one = async (): Promise<void> => {
    while (next < count) await act(next++);
  };
  await Promise.all(Array.from({ length: together }, one));
}

function rangeOf(values: readonly number[]): FigureRow['value'] {
  const sorted = values.toSorted((a, b) => a - b);
  return { median: quantile(sorted, 0.5) ?? 0, min: sorted[0] ?? 0, max: sorted.at(-1) ?? 0, count: values.length };
}

async function succeededRuns({ url, checkRunning }: PlugboardServer): Promise<number> {
  const metrics = await ask(`${url}/metrics`);
  if (metrics === undefined) checkRunning();
  return metricValue(metrics?.text ?? '', 'plugboard_runs_ended_total{status="succeeded"}') ?? 0;
}
