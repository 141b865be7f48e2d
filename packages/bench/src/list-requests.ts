/** What the pages ask for, over real HTTP and one kept connection, one request after the other. */
import { Agent, request } from 'node:http';
import type { Seeded } from './seed-lists.ts';
import { quantile } from './statistics.ts';

export interface ListTiming {
  readonly name: string;
  readonly min: number;
  readonly p50: number;
  readonly p95: number;
  readonly max: number;
  /** CPU time of server and database for one of them, in milliseconds; absent where it cannot be known. */
  readonly cpuMs?: number;
  /** Bytes of the last answer. */
  readonly bytes: number;
  /** Status of the first answer that was not 200. */
  readonly wrong?: string;
}

type PathOf = (n: number) => string;

/** Every list and detail a page draws, by name. */
export function listRequests({ runIds, failedRunIds, workflowIds, workspaceId }: Seeded, now = Date.now()): ReadonlyMap<string, PathOf> {
  const of = (ids: readonly string[], n: number): string => ids[(n * 7919) % ids.length] ?? '';
  const recent = runIds.slice(-20_000);
  const day = 24 * 60 * 60_000;
  const ago = (days: number): string => encodeURIComponent(new Date(now - days * day).toISOString());
  return new Map<string, PathOf>([
    ['workflows, recently run', () => '/api/workflows/overview?first=50'],
    ['workflows, recently edited', () => '/api/workflows/overview?first=50&sort=recentlyEdited'],
    ['workflows, by name', () => '/api/workflows/overview?first=50&sort=name'],
    ['workflows, that fail', () => '/api/workflows/overview?first=50&view=attention'],
    ['workflows, searched', (n) => `/api/workflows/overview?first=50&search=${['orders', 'Flow 77', 'Reply', 'nothing like it'][n % 4]}`],
    ['workflow counts', () => '/api/workflows/counts'],
    ['workflow names', () => '/api/workflows?limit=100'],
    ['one workflow', (n) => `/api/workflows/${of(workflowIds, n)}`],
    ['what goes on now', () => '/api/now'],
    ['runs', () => '/api/runs/overview?first=50'],
    ['runs, a later page', (n) => `/api/runs/overview?first=50&after=${of(recent, n)}`],
    ['runs that failed', () => '/api/runs/overview?first=50&statuses=failed&statuses=timed_out'],
    ['runs that failed, of a month', () => `/api/runs/overview?first=50&statuses=failed&since=${ago(30)}`],
    ['runs that were cancelled, of a month', () => `/api/runs/overview?first=50&statuses=cancelled&since=${ago(30)}`],
    ['runs that wait', () => '/api/runs/overview?first=50&statuses=waiting'],
    ['runs that go on', () => '/api/runs/overview?first=50&statuses=running'],
    ['runs of one workflow', (n) => `/api/runs/overview?first=50&workflowId=${of(workflowIds, n)}`],
    ['runs of one workflow that failed', (n) => `/api/runs/overview?first=50&statuses=failed&workflowId=${of(workflowIds, n)}`],
    ['runs by hand', () => '/api/runs/overview?first=50&triggers=manual'],
    ['runs by schedule, of which there are none', () => `/api/runs/overview?first=50&triggers=schedule`],
    ['runs by tag', (n) => `/api/runs/overview?first=50&search=customer:c${of(recent, n).slice(-2)}`],
    ['runs by the end of an id', (n) => `/api/runs/overview?first=50&search=${of(recent, n).slice(-8)}`],
    ['runs by an id there is not', () => '/api/runs/overview?first=50&search=ffffffff'],
    ['runs of the command line', () => '/api/runs?limit=20'],
    ['one run', (n) => `/api/runs/${of(recent, n)}/detail`],
    ['one run that failed', (n) => `/api/runs/${of(failedRunIds, n)}/detail`],
    ['one run with its steps', (n) => `/api/runs/${of(recent, n)}`],
    ['facts of a run', (n) => `/api/runs/${of(recent, n)}/facts`],
    ['data of a step', (n) => `/api/runs/${of(recent, n)}/steps/hook/data?side=output`],
    ['statistics of a week', () => `/api/statistics?since=${ago(7)}`],
    ['statistics of a month by day', () => `/api/statistics?since=${ago(30)}&by=day`],
    ['audit', () => '/api/audit?first=50'],
    ['members', () => '/api/members?first=50'],
    ['found by a few letters', (n) => `/api/find?text=${['orders', 'flow 7', of(recent, n).slice(-8)][n % 3]}`],
    ['session', () => `/api/session?${workspaceId.slice(0, 0)}`],
  ]);
}

/**
 * @param rounds requests of each kind that count; a few come before
 * @param cpuUs CPU time used so far by server and database
 */
export async function timeLists(
  url: string,
  cookie: string,
  requests: ReadonlyMap<string, PathOf>,
  rounds: number,
  cpuUs: () => number | undefined = () => undefined,
): Promise<ListTiming[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  try {
    const timings: ListTiming[] = [];
    for (const [name, pathOf] of requests) {
      const times: number[] = [];
      let bytes = 0;
      let cpuBefore: number | undefined;
      let wrong: string | undefined;
      for (let n = -WARM_UP; n < rounds; n += 1) {
        if (n === 0) cpuBefore = cpuUs();
        const answer = await get(agent, `${url}${pathOf(n + WARM_UP)}`, cookie);
        if (n >= 0) times.push(answer.ms);
        bytes = answer.text.length;
        if (answer.status !== 200) wrong ??= `${answer.status} ${answer.text.slice(0, 200)}`;
      }
      const cpuAfter = cpuUs();
      times.sort((a, b) => a - b);
      timings.push({
        name,
        min: times[0] ?? 0,
        p50: quantile(times, 0.5) ?? 0,
        p95: quantile(times, 0.95) ?? 0,
        max: times.at(-1) ?? 0,
        ...(cpuBefore === undefined || cpuAfter === undefined ? {} : { cpuMs: (cpuAfter - cpuBefore) / 1000 / rounds }),
        bytes,
        ...(wrong === undefined ? {} : { wrong }),
      });
    }
    return timings;
  } finally {
    agent.destroy();
  }
}

const WARM_UP = 5;

function get(agent: Agent, url: string, cookie: string): Promise<{ readonly status: number; readonly text: string; readonly ms: number }> {
  const startedAt = performance.now();
  return new Promise((resolve, reject) => {
    const sent = request(url, { agent, headers: { cookie }, signal: AbortSignal.timeout(30_000) }, (answer) => {
      const pieces: Buffer[] = [];
      answer.on('data', (piece: Buffer) => pieces.push(piece));
      answer.on('end', () =>
        resolve({ status: answer.statusCode ?? 0, text: Buffer.concat(pieces).toString('utf8'), ms: performance.now() - startedAt }),
      );
      answer.on('error', reject);
    });
    sent.on('error', reject);
    sent.end();
  });
}
