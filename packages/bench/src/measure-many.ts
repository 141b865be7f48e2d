/** What a server has at rest: runs that wait, and workflows that are published. How it starts with them, and what they cost beside echo. */
import { chainOf, hook } from './bench-workflows.ts';
import { sleep } from './http.ts';
import { BenchServerError } from './plugboard-server.ts';
import { type OwnServer, type OwnServerBench, eachOf, withOwnServer } from './own-server.ts';
import type { FigureRow } from './results.ts';

const WAITING = 100_000;
const DUE_AT_ONCE = 10_000;
/** Between the first request of those that are due at once, and the instant. */
const DUE_AFTER_MS = 60_000;
const WORKFLOWS = 1000;
const PUBLISHED_AT_A_TIME = 4;
const CONNECTIONS = 50;
const MADE_WITHIN_S = 300;
const WAITING_WITHIN_MS = 600_000;
const DONE_WITHIN_MS = 120_000;
/** After this long without a request a server is called idle. */
const IDLE_MS = 2000;
const WAITING_STATUS = 3;
const FAR = '2100-01-01T00:00:00Z';

/** Runs that wait for an instant, made by requests. */
export function measureWaiting(bench: OwnServerBench): Promise<FigureRow[]> {
  return withOwnServer(bench, 'waiting', async (server, measure) => {
    await server.publish(
      chainOf('Bench waits', [
        hook('bench/waits'),
        ['wait', 'core/wait', { mode: 'until', until: '={{ $input.first().json.body.until }}' }],
        ['after', 'core/set', { fields: { done: true } }],
      ]),
    );
    measure('echo without waiting runs', '/s', [await server.echoRate()]);

    bench.progress(`waiting: ${WAITING} runs`);
    const madeFrom = performance.now();
    measure('accepted', '/s', [await makeWaiting(bench, server, WAITING, FAR)]);
    await settled(server, WAITING);
    measure('runs that came to wait', '/s', [WAITING / ((performance.now() - madeFrom) / 1000)]);
    measure('memory of the server that made them, RSS', 'MB', [server.rssMB()]);

    for (const how of ['stop', 'kill'] as const) {
      bench.progress(`waiting: start after ${how}`);
      const spawnedAt = performance.now();
      measure(how === 'stop' ? 'start: ready' : 'start after kill -9: ready', 'ms', [await server.restart(how)]);
      if (how === 'stop') measure('start: CPU of the server until ready', 'ms', [server.cpuMs()]);
      await server.until('that all runs are taken over', DONE_WITHIN_MS, () => allTakenOver(server));
      measure(how === 'stop' ? 'start: all taken over' : 'start after kill -9: all taken over', 'ms', [performance.now() - spawnedAt]);
    }
    await sleep(IDLE_MS);
    measure('memory of the server idle, RSS', 'MB', [server.rssMB()]);
    measure('echo beside waiting runs', '/s', [await server.echoRate()]);

    bench.progress(`waiting: ${DUE_AT_ONCE} due at once`);
    const dueAt = Date.now() + DUE_AFTER_MS;
    await makeWaiting(bench, server, DUE_AT_ONCE, new Date(dueAt).toISOString());
    await settled(server, WAITING + DUE_AT_ONCE);
    if (Date.now() > dueAt) return bench.note('waiting: the runs due at once came to wait too late; nothing is known of them');
    const before = await server.succeeded();
    await sleep(dueAt - Date.now());
    await server.until('the end of those due at once', DONE_WITHIN_MS, async () => (await server.succeeded()) - before >= DUE_AT_ONCE);
    measure(`${DUE_AT_ONCE} due at once: all have gone on and ended`, 'ms', [Date.now() - dueAt]);
    const left = await waitingRuns(server);
    bench.note(`waiting: ${left} runs still wait${left === WAITING ? '' : `, ${WAITING} EXPECTED`}`);
  });
}

/** Published workflows with a webhook each. */
export function measureWorkflows(bench: OwnServerBench): Promise<FigureRow[]> {
  return withOwnServer(bench, 'workflows', async (server, measure) => {
    measure('echo with a few workflows', '/s', [await server.echoRate()]);
    bench.progress(`workflows: publishing ${WORKFLOWS}`);
    const publishedFrom = performance.now();
    await eachOf(WORKFLOWS, PUBLISHED_AT_A_TIME, (n) => server.publish(echoWorkflow(n)));
    measure('published', '/s', [WORKFLOWS / ((performance.now() - publishedFrom) / 1000)]);

    bench.progress('workflows: start');
    measure('start: ready', 'ms', [await server.restart('stop')]);
    measure('start: CPU of the server until ready', 'ms', [server.cpuMs()]);
    await sleep(IDLE_MS);
    measure('memory of the server idle, RSS', 'MB', [server.rssMB()]);
    const paths = Array.from({ length: WORKFLOWS }, (_, n) => `/hooks/bench/echo-${n}`);
    const first = await bench.load.run({
      url: server.url,
      paths,
      method: 'POST',
      body: JSON.stringify({ name: 'Ada' }),
      connections: CONNECTIONS,
      seconds: 60,
      maxRequests: WORKFLOWS,
      expectStatus: 200,
      expectText: '"hello":"Ada"',
    });
    if (first.completed < WORKFLOWS) bench.note(`workflows: ${first.completed} of ${WORKFLOWS} first calls were answered rightly`);
    measure('first calls, one of each', '/s', [first.perSecond]);
    measure('first calls, p99', 'ms', [first.p99]);
    measure('echo spread over all', '/s', [await server.echoRate(paths)]);
    measure('echo of one of them', '/s', [await server.echoRate()]);
    measure('memory after all were called, RSS', 'MB', [server.rssMB()]);
  });
}

function echoWorkflow(n: number): object {
  return chainOf(`Bench echo ${n}`, [
    ['hook', 'core/webhook', { path: `bench/echo-${n}`, method: 'POST', reply: 'last-step' }],
    ['reply', 'core/set', { fields: { hello: '={{ $json.body.name }}', length: '={{ $json.body.name.length }}' } }],
  ]);
}

/** Gives how many were accepted per second. */
async function makeWaiting(bench: OwnServerBench, server: OwnServer, count: number, until: string): Promise<number> {
  const made = await bench.load.run({
    url: `${server.url}/hooks/bench/waits`,
    method: 'POST',
    body: JSON.stringify({ until }),
    connections: CONNECTIONS,
    seconds: MADE_WITHIN_S,
    maxRequests: count,
    expectStatus: 202,
  });
  if (made.completed < count) bench.note(`waiting: ${made.completed} of ${count} runs were accepted ${JSON.stringify(made.errors)}`);
  return made.perSecond;
}

/** Waits until nothing is to be done but wait. @throws BenchServerError when other runs wait than those that should */
async function settled(server: OwnServer, expected: number): Promise<void> {
  await server.until('that all runs wait', WAITING_WITHIN_MS, async () => {
    const [found] = await server.query<{ n: number }>(`select count(*)::int as n from run_live where status <> ${WAITING_STATUS}`);
    return found?.n === 0;
  });
  const waiting = await waitingRuns(server);
  if (waiting !== expected) throw new BenchServerError(`waiting: ${waiting} runs wait, and ${expected} were made`);
}

async function waitingRuns(server: OwnServer): Promise<number> {
  const [found] = await server.query<{ n: number }>(`select count(*)::int as n from run_live where status = ${WAITING_STATUS}`);
  return found?.n ?? 0;
}

/** The worker that started last is the server that runs. */
async function allTakenOver(server: OwnServer): Promise<boolean> {
  const [found] = await server.query<{ left: number }>(
    `select count(*)::int as left from run_live where owner <> (select id from worker order by started_at desc limit 1)`,
  );
  return found?.left === 0;
}
