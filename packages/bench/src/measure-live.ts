/**
 * Thousands of open sockets while runs come as fast as the server takes them: how much memory that costs, what it does to the rate of runs,
 * and whether one watched run comes complete through ten broken connections meanwhile.
 */
import type { ChildProcess } from 'node:child_process';
import type { Database } from '@plugboard/persistence';
import { type BenchStep, chainOf, hook } from './bench-workflows.ts';
import type { CrowdReply, CrowdRequest } from './live-child.ts';
import { openLiveSocket } from './live-socket.ts';
import type { LoadProcess } from './load-process.ts';
import { rssBytes } from './process-tree.ts';
import type { FigureRow } from './results.ts';
import { benchSessions } from './seed-lists.ts';
import { summarize } from './statistics.ts';

export interface LiveBench {
  readonly url: string;
  readonly pid: number;
  readonly database: Database;
  /** Calls the API as the local command line does. */
  readonly api: (method: string, path: string, body?: unknown) => Promise<{ readonly status: number; readonly text: string }>;
  readonly load: LoadProcess;
  readonly crowd: ChildProcess;
  /** Counts calls. */
  readonly serviceUrl: string;
  readonly sockets: number;
  readonly seconds: number;
  readonly progress: (text: string) => void;
  readonly note: (text: string) => void;
}

const TARGET = 'plugboard';
/** Sockets that hear of every run. */
const BUSY = 100;
/** The server takes a hundred of one session. */
const PER_SESSION = 90;
const CONNECTIONS = 50;
const RECONNECTS = 10;
const WATCHED_STEPS = 60;

/** @throws Error when the sockets cannot be counted or the watched run cannot be started */
export async function measureLive(bench: LiveBench): Promise<FigureRow[]> {
  const { database, crowd, progress } = bench;
  const [workspace] = await database.query<{ id: string }>(`select id from workspace where slug = 'default'`);
  const workspaceId = workspace?.id ?? '';
  const cookies = await benchSessions(database, workspaceId, Math.ceil((bench.sockets + 10) / PER_SESSION));
  const port = Number(new URL(bench.url).port);
  const figures: FigureRow[] = [];
  const figure = (name: string, unit: FigureRow['unit'], value: number | undefined): void => {
    if (value !== undefined) figures.push({ name: `live: ${name}`, target: TARGET, unit, value: summarize([value]) });
  };
  const rss = (): number | undefined => {
    const bytes = rssBytes(bench.pid);
    return bytes === undefined ? undefined : bytes / 1e6;
  };
  const echo = (seconds: number): ReturnType<LoadProcess['run']> =>
    bench.load.run({
      url: `${bench.url}/hooks/contract/echo`,
      method: 'POST',
      body: JSON.stringify({ name: 'Ada' }),
      connections: CONNECTIONS,
      seconds,
      expectStatus: 200,
      expectText: '{"hello":"Ada","length":3}',
    });

  progress('live: runs without sockets');
  await echo(2);
  const alone = await echo(bench.seconds);
  figure('runs without sockets', '/s', alone.perSecond);
  figure('memory without sockets, RSS', 'MB', rss());

  progress(`live: ${bench.sockets} sockets`);
  const request: CrowdRequest = {
    port,
    cookies,
    sockets: bench.sockets,
    busy: Math.min(BUSY, bench.sockets),
    busyTopic: `runs:${workspaceId}`,
    quietTopic: `changed:${workspaceId}`,
  };
  const opened = await ask(crowd, request);
  if (opened.kind !== 'open') throw new Error('the sockets were not counted');
  figure('sockets opened and joined', '/s', opened.open / opened.seconds);
  bench.note(
    `live: ${opened.open} sockets open, ${opened.refused} refused${opened.problem ? ` (${opened.problem})` : ''}; ${BUSY} of them hear of every run`,
  );
  figure('memory with sockets, RSS', 'MB', rss());

  const before = await ask(crowd, 'count');
  progress('live: runs with sockets, one run watched');
  const watching = watch(bench, port, cookies[0] ?? '');
  watching.catch(() => undefined);
  let peak = 0;
  const look = setInterval(() => (peak = Math.max(peak, rss() ?? 0)), 500);
  const under = await echo(bench.seconds * 2);
  clearInterval(look);
  const after = await ask(crowd, 'count');
  figure('runs with sockets', '/s', under.perSecond);
  figure('p99 with sockets', 'ms', under.p99);
  figure('memory under load with sockets, RSS at most', 'MB', peak || undefined);
  const watched = await watching;
  figure('facts of the watched run', '/s', watched.facts / watched.seconds);
  bench.note(`live: watched run ${watched.verdict}; ${watched.facts} facts through ${RECONNECTS} broken connections`);
  if (before.kind === 'counts' && after.kind === 'counts') {
    figure('frames received by all sockets', '/s', (after.frames - before.frames) / under.seconds);
    bench.note(
      `live: ${after.resyncs} resyncs, ${after.closed} sockets closed by the server; the sockets took ${((after.cpuUs - before.cpuUs) / 1e6 / under.seconds).toFixed(2)} cores, the requests ${(under.cpuUs / 1e6 / under.seconds).toFixed(2)}`,
    );
  }
  return figures;
}

/** A run of many calls, heard through connections that break. */
async function watch(
  { api, url, serviceUrl }: LiveBench,
  port: number,
  cookie: string,
): Promise<{ readonly facts: number; readonly seconds: number; readonly verdict: string }> {
  const definition = watchedWorkflow(serviceUrl);
  const made = await api('POST', '/workflows/import', { definition, publish: true });
  if (made.status >= 300) throw new Error(`the watched workflow could not be published: ${made.text}`);
  const startedAt = performance.now();
  const started = await fetch(`${url}/hooks/bench/watched`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{}',
  });
  const { runId } = (await started.json()) as { runId: string };
  const facts: { readonly seq: number; readonly type: string }[] = [];
  for (let connection = 0; connection <= RECONNECTS; connection += 1) {
    let heard: (() => void) | undefined;
    const enough = new Promise<void>((resolve) => (heard = resolve));
    const wanted = facts.length + 5;
    const socket = await openLiveSocket({
      port,
      headers: { cookie },
      onEvent(name, frame) {
        if (name !== 'facts') return;
        facts.push(...(frame as { facts: { seq: number; type: string }[] }).facts);
        const isOver = facts.at(-1)?.type === 'run.ended';
        if (isOver || (connection < RECONNECTS && facts.length >= wanted)) heard?.();
      },
    });
    await socket.join(`run:${runId}`, facts.at(-1)?.seq ?? 0);
    await Promise.race([enough, new Promise((resolve) => setTimeout(resolve, 60_000).unref())]);
    socket.cut();
  }
  const seconds = (performance.now() - startedAt) / 1000;
  const stored = JSON.parse((await api('GET', `/runs/${runId}/facts`)).text) as { facts: unknown[] };
  const isSame = JSON.stringify(stored.facts) === JSON.stringify(facts);
  const holes = facts.filter((fact, index) => fact.seq !== index + 1).length;
  return {
    facts: facts.length,
    seconds,
    verdict: isSame ? 'complete and in order' : `NOT COMPLETE: ${facts.length} of ${stored.facts.length}, ${holes} out of order`,
  };
}

function watchedWorkflow(serviceUrl: string): object {
  const calls = Array.from({ length: WATCHED_STEPS }, (_, n): BenchStep => [
    `call${n + 1}`,
    'core/http-request',
    { method: 'POST', url: serviceUrl, body: { run: '={{ $run.id }}', call: n } },
  ]);
  return chainOf('Bench watched', [hook('bench/watched'), ...calls]);
}

function ask(child: ChildProcess, message: CrowdRequest | 'count'): Promise<CrowdReply> {
  return new Promise((resolve, reject) => {
    const ended = (): void => reject(new Error('the process with the sockets ended'));
    child.once('exit', ended);
    child.once('message', (reply) => {
      child.off('exit', ended);
      resolve(reply as CrowdReply);
    });
    child.send(message);
  });
}
