/** How long the server takes to start: on a data folder with runs in it, after a kill, and on an empty folder; and what it needs idle. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { WebhookCase } from './cases.ts';
import type { Children } from './children.ts';
import { ask, sleep } from './http.ts';
import { type PlugboardServer, BenchServerError, startPlugboard } from './plugboard-server.ts';
import { rssBytes, treePssBytes } from './process-tree.ts';
import type { FigureRow } from './results.ts';
import { summarize } from './statistics.ts';

export interface StartsOptions {
  readonly children: Children;
  /** Data folder with the contract's workflows published; no server runs on it. */
  readonly dataDir: string;
  /** Folder for new data folders. */
  readonly scratch: string;
  /** A published webhook that answers at once. */
  readonly echo: WebhookCase;
  readonly starts: number;
  readonly progress: (text: string) => void;
}

const TARGET = 'plugboard';
/** A server is called idle after this long without a request, in milliseconds. */
const IDLE_MS = 2000;
const FIRST_STARTS = 3;
const SERVED_WITHIN_MS = 10_000;
const POLL_MS = 2;

/** @throws BenchServerError */
export async function measureStarts({ children, dataDir, scratch, echo, starts, progress }: StartsOptions): Promise<FigureRow[]> {
  const ready: number[] = [];
  const served: number[] = [];
  for (let n = 1; n <= starts; n += 1) {
    progress(`cold start ${n} of ${starts}`);
    const server = await startPlugboard(children, dataDir);
    ready.push(server.readyMs);
    served.push(await firstServedMs(server, echo));
    await server.stop();
  }
  const afterKill: number[] = [];
  for (let n = 1; n <= Math.min(starts, FIRST_STARTS); n += 1) {
    progress(`start after kill -9, ${n}`);
    await (await startPlugboard(children, dataDir)).kill();
    const server = await startPlugboard(children, dataDir);
    afterKill.push(server.readyMs);
    await server.stop();
  }
  const first: number[] = [];
  for (let n = 1; n <= Math.min(starts, FIRST_STARTS); n += 1) {
    progress(`first start ${n}`);
    const folder = join(scratch, `first-${n}`);
    mkdirSync(folder);
    const server = await startPlugboard(children, folder);
    first.push(server.readyMs);
    await server.stop();
  }
  return [
    { name: 'start, existing data folder: ready', target: TARGET, unit: 'ms', value: summarize(ready) },
    { name: 'start, existing data folder: first webhook served', target: TARGET, unit: 'ms', value: summarize(served) },
    { name: 'start after kill -9: ready', target: TARGET, unit: 'ms', value: summarize(afterKill) },
    { name: 'start, empty folder: ready', target: TARGET, unit: 'ms', value: summarize(first) },
  ];
}

/** Memory of a server that has just started on a data folder in use. */
export async function measureIdleMemory(children: Children, dataDir: string): Promise<FigureRow[]> {
  const server = await startPlugboard(children, dataDir);
  await sleep(IDLE_MS);
  const rows = memoryRows(server, 'idle');
  await server.stop();
  return rows;
}

export function memoryRows(server: PlugboardServer, when: string): FigureRow[] {
  const postgres = server.postgresPid();
  const sizes: readonly (readonly [name: string, bytes: number | undefined])[] = [
    [`memory ${when}: server process, RSS`, rssBytes(server.pid)],
    [`memory ${when}: server and code processes, PSS`, treePssBytes(server.pid, postgres === undefined ? [] : [postgres])],
    [`memory ${when}: PostgreSQL, PSS`, postgres === undefined ? undefined : treePssBytes(postgres)],
  ];
  return sizes.flatMap(([name, bytes]) =>
    bytes === undefined ? [] : { name, target: TARGET, unit: 'MB' as const, value: summarize([bytes / 1e6]) },
  );
}

/** From spawn to the first right answer of a webhook, in milliseconds. */
async function firstServedMs(server: PlugboardServer, echo: WebhookCase): Promise<number> {
  const until = performance.now() + SERVED_WITHIN_MS;
  while (performance.now() < until) {
    const answer = await ask(`${server.url}${echo.path}`, { method: 'POST', body: echo.body('') });
    if (answer?.status === echo.status && answer.text.includes(echo.text)) return performance.now() - server.spawnedAt;
    await sleep(POLL_MS);
  }
  throw new BenchServerError(`the server was ready and did not serve ${echo.path} within ${SERVED_WITHIN_MS / 1000} s`);
}
