/** Runs in their many shapes: launched by the API, with calls side by side, in rounds, calling each other, and by time. */
import { type BenchStep, chainOf, fanOf, graphOf } from './bench-workflows.ts';
import type { CallCounts } from './counter-child.ts';
import { ask, sleep } from './http.ts';
import { type Measure, type OwnServer, type OwnServerBench, eachOf, p95Of, withOwnServer } from './own-server.ts';
import type { FigureRow } from './results.ts';

const NODES = 50;
const LAUNCHES = 200;
const WARM_UP_LAUNCHES = 20;
const CALLING_WORKFLOWS = 10;
const CALLS_SIDE_BY_SIDE = 20;
const CALL_MS = 1000;
const ROUNDS = 100_000;
/** So many events after a start are more than the takeover itself. */
const EVENTS_OF_GOING_ON = 20;
const CHILDREN = 1000;
const SCHEDULES = 1000;
const PUBLISHED_AT_A_TIME = 4;
/** More than what publishing the schedules takes, beside an estimate from the first of them. */
const SPARE_MS = 15_000;
const ESTIMATED_FROM = 50;
const ENDED_WITHIN_MS = 300_000;
const MEMORY_EVERY_MS = 250;

/** Until the API has stored and answered a launch, one after the other; the runs go on beside the next ones. */
export function measureLaunch(bench: OwnServerBench): Promise<FigureRow[]> {
  return withOwnServer(bench, 'launch', async (server, measure) => {
    const steps = Array.from({ length: NODES - 1 }, (_, n): BenchStep => [`set${n}`, 'core/set', { fields: { n: `={{ ${n} + 1 }}` } }]);
    const workflowId = await server.publish(chainOf('Bench long', [['start', 'core/manual'], ...steps]));
    const times: number[] = [];
    for (let n = -WARM_UP_LAUNCHES; n < LAUNCHES; n += 1) {
      const startedAt = performance.now();
      await server.call('POST', '/runs', { workflowId, input: { n } });
      if (n >= 0) times.push(performance.now() - startedAt);
    }
    measure(`of a workflow of ${NODES} nodes, median`, 'ms', times);
    measure(`of a workflow of ${NODES} nodes, p95`, 'ms', [p95Of(times)]);
    await server.until(
      'the end of all launched runs',
      ENDED_WITHIN_MS,
      async () => (await server.succeeded()) >= LAUNCHES + WARM_UP_LAUNCHES,
    );
  });
}

/** Workflows at the same time, each with calls side by side to a service that takes its time. */
export function measureParallel(bench: OwnServerBench): Promise<FigureRow[]> {
  return withOwnServer(bench, 'parallel', async (server, measure) => {
    const calls = (url: string): BenchStep[] =>
      Array.from({ length: CALLS_SIDE_BY_SIDE }, (_, n) => [`call${n}`, 'core/http-request', { method: 'POST', url, body: { call: n } }]);
    const ids: string[] = [];
    for (let n = 0; n < CALLING_WORKFLOWS; n += 1)
      ids.push(await server.publish(fanOf(`Bench calls ${n}`, ['start', 'core/manual'], calls(`${bench.serviceUrl}?delayMs=${CALL_MS}`))));
    await ask(bench.serviceUrl, { method: 'DELETE' });
    const startedAt = performance.now();
    await Promise.all(ids.map((workflowId) => server.call('POST', '/runs', { workflowId, input: {} })));
    await server.until('the end of all runs', ENDED_WITHIN_MS, async () => (await server.succeeded()) >= CALLING_WORKFLOWS);
    measure(`${CALLING_WORKFLOWS} workflows with ${CALLS_SIDE_BY_SIDE} calls of ${CALL_MS / 1000} s each: all ended`, 'ms', [
      performance.now() - startedAt,
    ]);
    const reply = await ask(bench.serviceUrl);
    const counts = JSON.parse(reply?.text ?? '{}') as Partial<CallCounts>;
    const expected = CALLING_WORKFLOWS * CALLS_SIDE_BY_SIDE;
    const isRight = counts.calls === expected && counts.repeated === 0;
    bench.note(`parallel: ${counts.calls} calls seen, ${counts.repeated} repeated${isRight ? '' : `, ${expected} AND NONE EXPECTED`}`);
  });
}

/** One run of a loop with very many rounds; then another that is killed halfway. */
export function measureRounds(bench: OwnServerBench): Promise<FigureRow[]> {
  return withOwnServer(bench, 'rounds', async (server, measure) => {
    const workflowId = await server.publish(
      graphOf(
        'Bench rounds',
        [
          ['start', 'core/manual'],
          ['loop', 'core/loop', { mode: 'times', times: ROUNDS, limit: ROUNDS }],
          ['body', 'core/set', { fields: { round: '={{ $run.round }}' } }],
        ],
        [
          ['start', 'loop'],
          ['loop', 'body', { from: 'body' }],
          ['body', 'loop', { to: 'next' }],
        ],
      ),
    );
    bench.progress(`rounds: ${ROUNDS}`);
    const peak = watchMemory(server);
    const startedAt = performance.now();
    await server.call('POST', '/runs', { workflowId, input: {} });
    await server.until('the last round', ENDED_WITHIN_MS, async () => (await server.succeeded()) >= 1);
    const wholeMs = performance.now() - startedAt;
    measure(`${ROUNDS} rounds`, 'ms', [wholeMs]);
    measure('memory of the server at most, RSS', 'MB', [peak()]);

    bench.progress('rounds: killed halfway');
    await measureKilledHalfway(server, measure, { workflowId, halfMs: wholeMs / 2, note: bench.note });
  });
}

async function measureKilledHalfway(
  server: OwnServer,
  measure: Measure,
  { workflowId, halfMs, note }: { readonly workflowId: string; readonly halfMs: number; readonly note: (text: string) => void },
): Promise<void> {
  const { runId } = await server.call<{ runId: string }>('POST', '/runs', { workflowId, input: {} });
  await sleep(halfMs);
  const before = await eventsOf(server, runId);
  const killedAt = performance.now();
  await server.restart('kill');
  const readyAt = performance.now();
  const stored = Math.max(before ?? 0, 0);
  await server.until('that the run goes on', ENDED_WITHIN_MS, async () => {
    const now = await eventsOf(server, runId);
    return now === undefined || now > stored + EVENTS_OF_GOING_ON;
  });
  measure('killed halfway: until it goes on', 'ms', [performance.now() - killedAt]);
  measure('killed halfway: from ready until it goes on', 'ms', [performance.now() - readyAt]);
  await server.until('the last round after the kill', ENDED_WITHIN_MS, async () => (await server.succeeded()) >= 1);
  measure('killed halfway: until its end', 'ms', [performance.now() - killedAt]);
  note(`rounds: killed with ${stored} events stored`);
}

/** Of a run that has not ended. */
async function eventsOf(server: OwnServer, runId: string): Promise<number | undefined> {
  const [found] = await server.query<{ n: number }>('select next_seq as n from run_live where run_id = $1', [runId]);
  return found?.n;
}

/** One run that starts a run for each of its items and waits for them. */
export function measureChildren(bench: OwnServerBench): Promise<FigureRow[]> {
  return withOwnServer(bench, 'children', async (server, measure) => {
    await server.publish(
      chainOf('Bench called', [
        ['in', 'core/called'],
        ['double', 'core/set', { fields: { twice: '={{ $json.n * 2 }}' } }],
      ]),
    );
    const workflowId = await server.publish(
      chainOf('Bench calls many', [
        ['start', 'core/manual'],
        [
          'make',
          'core/code',
          { language: 'javascript', mode: 'all-items', code: `return Array.from({ length: ${CHILDREN} }, (_, n) => ({ n }));` },
        ],
        ['call', 'core/call-workflow', { workflow: 'Bench called', mode: 'each', limit: CHILDREN }],
        ['sum', 'core/aggregate', { operations: [{ as: 'sum', op: 'sum', field: 'twice' }] }],
      ]),
    );
    const startedAt = performance.now();
    const { runId } = await server.call<{ runId: string }>('POST', '/runs', { workflowId, input: {} });
    await server.until('the answers of all called runs', ENDED_WITHIN_MS, async () => (await server.succeeded()) > CHILDREN);
    measure(`${CHILDREN} called runs answered`, 'ms', [performance.now() - startedAt]);
    const { output } = await server.call<{ output: { main?: { sum: number }[] } }>('GET', `/runs/${runId}/output?node=sum`);
    const expected = CHILDREN * (CHILDREN - 1);
    const sum = output.main?.[0]?.sum;
    if (sum !== expected) bench.note(`children: the answers add up to ${sum}, ${expected} EXPECTED`);
  });
}

/** Workflows whose schedules are due at the same instant. */
export function measureSchedules(bench: OwnServerBench): Promise<FigureRow[]> {
  return withOwnServer(bench, 'schedules', async (server, measure) => {
    bench.progress(`schedules: publishing ${SCHEDULES}`);
    const at = (dueAt: number) => (n: number) =>
      server.publish(
        chainOf(`Bench due ${n}`, [
          ['due', 'core/schedule', { startAt: new Date(dueAt).toISOString(), intervals: [{ unit: 'hours', every: 24 }] }],
          ['after', 'core/set', { fields: { done: true } }],
        ]),
      );
    const farAway = Date.now() + 24 * 60 * 60_000;
    const estimatedFrom = performance.now();
    await eachOf(ESTIMATED_FROM, PUBLISHED_AT_A_TIME, at(farAway));
    const dueAt = Math.ceil((Date.now() + ((performance.now() - estimatedFrom) * 2 * SCHEDULES) / ESTIMATED_FROM + SPARE_MS) / 1000) * 1000;
    await eachOf(SCHEDULES, PUBLISHED_AT_A_TIME, at(dueAt));
    if (Date.now() > dueAt) return bench.note('schedules: they were published too late; nothing is known of them');
    bench.progress('schedules: waiting for the instant');
    await sleep(dueAt - Date.now());
    const begun = (): Promise<{ n: number; first: number; last: number }[]> =>
      server.query(
        `select count(*)::int as n, (extract(epoch from min(started_at)) * 1000)::float8 as first, (extract(epoch from max(started_at)) * 1000)::float8 as last from run`,
      );
    await server.until('the runs of all schedules', ENDED_WITHIN_MS, async () => (await server.succeeded()) >= SCHEDULES);
    measure(`${SCHEDULES} due at one instant: all runs ended`, 'ms', [Date.now() - dueAt]);
    const [found] = await begun();
    if (found) {
      measure('from the instant to the first run', 'ms', [found.first - dueAt]);
      measure('from the instant to the last run', 'ms', [found.last - dueAt]);
      bench.note(`schedules: ${found.n} runs${found.n === SCHEDULES ? ', one of each' : `, ${SCHEDULES} EXPECTED`}`);
    }
  });
}

/** Tells the most memory seen since the call, in megabytes, and stops looking. */
function watchMemory(server: OwnServer): () => number {
  let most = server.rssMB();
  const look = setInterval(() => (most = Math.max(most, server.rssMB())), MEMORY_EVERY_MS);
  return () => {
    clearInterval(look);
    return Math.max(most, server.rssMB());
  };
}
