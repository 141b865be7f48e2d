/** The three ways a webhook case is measured. The servers take turns in every round, so that noise of the machine meets all of them. */
import { CALLS_PER_EFFECTS_RUN, type WebhookCase } from './cases.ts';
import type { CallCounts } from './counter-child.ts';
import { ask, sleep } from './http.ts';
import type { LoadProcess, MeasuredLoad } from './load-process.ts';
import type { FigureRow, ThroughputRow } from './results.ts';
import { median, summarize } from './statistics.ts';
import { type Target, describeFailures, failuresOf, shoot } from './target.ts';

export interface Bench {
  readonly load: LoadProcess;
  /** Base address of the counter service. */
  readonly serviceUrl: string;
  readonly seconds: number;
  readonly warmupSeconds: number;
  readonly rounds: number;
  /** Said while measuring, for whoever waits. */
  readonly progress: (text: string) => void;
  readonly note: (text: string) => void;
  /** Called between rounds. @throws Error when a server of ours is gone: numbers of a dead server mean nothing */
  readonly checkRunning: () => void;
}

/** Those of `targets` that answer this case rightly; of the others a note says why not. */
export async function targetsFor(bench: Bench, one: WebhookCase, targets: readonly Target[]): Promise<Target[]> {
  const able: Target[] = [];
  for (const target of targets) {
    if (target.pathOf(one) === undefined) continue;
    const counter = one.kind === 'background' ? await startCounting(bench, one, target) : undefined;
    const answer = await shoot(bench.load, target, one, bench.serviceUrl, { connections: 1, seconds: PROBE_SECONDS, maxRequests: 1 });
    const until = performance.now() + PROBE_SECONDS * 1000;
    // Its run must not be counted in the first round.
    while (counter !== undefined && answer.completed === 1 && (await counter()) < 1 && performance.now() < until) await sleep(POLL_MS);
    if (answer.completed === 1) able.push(target);
    else
      bench.note(
        `${one.id} at ${target.name} is left out: ${describeFailures(answer, one.status) || 'no answer'} instead of the contract's reply`,
      );
  }
  return able;
}

export async function measureThroughput(
  bench: Bench,
  one: WebhookCase,
  targets: readonly Target[],
  connections: number,
): Promise<ThroughputRow[]> {
  const rounds = new Map<Target, Round[]>(targets.map((target) => [target, []]));
  for (const target of targets) {
    if (bench.warmupSeconds > 0) await shoot(bench.load, target, one, bench.serviceUrl, { connections, seconds: bench.warmupSeconds });
  }
  for (let round = 0; round < bench.rounds; round += 1) {
    bench.checkRunning();
    bench.progress(`${one.id}, ${connections} connections, round ${round + 1} of ${bench.rounds}`);
    // Every other round goes backwards: none is always the one after the busiest.
    for (const target of round % 2 === 0 ? targets : targets.toReversed()) {
      const before = target.cpuUs();
      const result = await shoot(bench.load, target, one, bench.serviceUrl, { connections, seconds: bench.seconds });
      const after = target.cpuUs();
      rounds
        .get(target)
        ?.push({ result, serverUs: difference(after.server, before.server), postgresUs: difference(after.postgres, before.postgres) });
    }
  }
  return [...rounds].map(([target, all]) => throughputRow(bench, one, target, connections, all));
}

/** One request after the other on one connection: the first, and those after it. */
export async function measureLatency(bench: Bench, one: WebhookCase, targets: readonly Target[]): Promise<FigureRow[]> {
  const rows: FigureRow[] = [];
  for (const target of targets) {
    bench.checkRunning();
    bench.progress(`${one.id} at ${target.name}`);
    const single = { connections: 1, seconds: PROBE_SECONDS, maxRequests: 1 };
    const first = await shoot(bench.load, target, one, bench.serviceUrl, single);
    if (first.completed === 0) {
      bench.note(
        `${one.id} at ${target.name} is left out: ${describeFailures(first, one.status) || 'no answer'} instead of the contract's reply`,
      );
      continue;
    }
    rows.push({ name: `${one.id}, first request`, target: target.name, unit: 'ms', value: summarize([first.p50]) });
    const times: number[] = [];
    const until = performance.now() + LATENCY_SECONDS * 1000;
    while (times.length < one.requests && performance.now() < until) {
      const next = await shoot(bench.load, target, one, bench.serviceUrl, single);
      if (next.completed === 0) {
        bench.note(`${one.id} at ${target.name}: ${describeFailures(next, one.status) || 'no answer'}`);
        break;
      }
      times.push(next.p50);
    }
    if (times.length > 0) rows.push({ name: `${one.id}, next requests`, target: target.name, unit: 'ms', value: summarize(times) });
  }
  return rows;
}

/** Requests answered at once: how many are accepted, and how many of their runs succeed, per second. */
export async function measureBackground(
  bench: Bench,
  one: WebhookCase,
  targets: readonly Target[],
  connections: number,
): Promise<FigureRow[]> {
  const accepted = new Map<Target, number[]>(targets.map((target) => [target, []]));
  const succeeded = new Map<Target, number[]>(targets.map((target) => [target, []]));
  const behind = new Set<Target>();
  for (let round = 0; round < bench.rounds; round += 1) {
    bench.checkRunning();
    bench.progress(`${one.id}, ${connections} connections, round ${round + 1} of ${bench.rounds}`);
    for (const target of round % 2 === 0 ? targets : targets.toReversed()) {
      // Runs left over from one round would be counted in the next.
      if (behind.has(target)) continue;
      const result = await backgroundRound(bench, one, target, connections);
      accepted.get(target)?.push(result.acceptedPerSecond);
      if (result.succeededPerSecond !== undefined) succeeded.get(target)?.push(result.succeededPerSecond);
      if (!result.isDone) behind.add(target);
    }
  }
  return targets.flatMap((target) => {
    const rows: FigureRow[] = [];
    const took = accepted.get(target) ?? [];
    const worked = succeeded.get(target) ?? [];
    if (took.length > 0) rows.push({ name: `${one.id}, accepted`, target: target.name, unit: '/s', value: summarize(took) });
    if (worked.length > 0) rows.push({ name: `${one.id}, succeeded`, target: target.name, unit: '/s', value: summarize(worked) });
    return rows;
  });
}

/** Longest wait for one answer outside a measured cell, in seconds. */
const PROBE_SECONDS = 30;
/** Requests after the first stop here, in seconds. */
const LATENCY_SECONDS = 30;
/** Accepted runs that have not succeeded after this long are no longer waited for, in milliseconds. */
const SUCCEEDED_WITHIN_MS = 60_000;
const POLL_MS = 20;

interface Round {
  readonly result: MeasuredLoad;
  readonly serverUs: number | undefined;
  readonly postgresUs: number | undefined;
}

function throughputRow(bench: Bench, one: WebhookCase, target: Target, connections: number, rounds: readonly Round[]): ThroughputRow {
  const results = rounds.map(({ result }) => result);
  const completed = Math.max(1, sum(results.map((result) => result.completed)));
  const failures = sum(results.map(failuresOf));
  if (failures > 0) {
    const worst = results.find((result) => failuresOf(result) > 0);
    bench.note(
      `${one.id}, ${connections} connections, ${target.name}: ${failures} failures, such as ${worst ? describeFailures(worst, one.status) : ''}`,
    );
  }
  const perRequest = (values: readonly (number | undefined)[]): number | undefined => {
    const known = values.filter((value) => value !== undefined);
    return known.length < values.length ? undefined : sum(known) / completed;
  };
  const server = perRequest(rounds.map((round) => round.serverUs));
  const postgres = perRequest(rounds.map((round) => round.postgresUs));
  return {
    case: one.id,
    connections,
    target: target.name,
    perSecond: summarize(results.map((result) => result.perSecond)),
    p50: median(results.map((result) => result.p50)),
    p95: median(results.map((result) => result.p95)),
    p99: median(results.map((result) => result.p99)),
    cpuUs: {
      ...(server === undefined ? {} : { server }),
      ...(postgres === undefined ? {} : { postgres }),
      load: sum(results.map((result) => result.cpuUs)) / completed,
    },
    failures,
  };
}

interface BackgroundRound {
  readonly acceptedPerSecond: number;
  /** Undefined where nobody can tell. */
  readonly succeededPerSecond: number | undefined;
  /** False when runs of this round may still be at work. */
  readonly isDone: boolean;
}

async function backgroundRound(bench: Bench, one: WebhookCase, target: Target, connections: number): Promise<BackgroundRound> {
  const counter = await startCounting(bench, one, target);
  const startedAt = performance.now();
  const shot = { connections, seconds: bench.seconds, maxRequests: one.requests };
  const result = await shoot(bench.load, target, one, bench.serviceUrl, shot);
  const failures = describeFailures(result, one.status);
  if (failures !== '') bench.note(`${one.id} at ${target.name}: ${failures}`);
  const acceptedPerSecond = result.perSecond;
  if (counter === undefined) return { acceptedPerSecond, succeededPerSecond: undefined, isDone: true };

  let succeeded = await counter();
  while (succeeded < result.completed && performance.now() - startedAt < SUCCEEDED_WITHIN_MS) {
    await sleep(POLL_MS);
    succeeded = await counter();
  }
  const seconds = (performance.now() - startedAt) / 1000;
  const isDone = succeeded >= result.completed;
  if (isDone && one.id === 'effects') await checkCalls(bench, target, result.completed * CALLS_PER_EFFECTS_RUN);
  if (!isDone) {
    const missing = result.completed - succeeded;
    bench.note(
      `${one.id} at ${target.name}: ${missing} of ${result.completed} accepted runs had not succeeded after ${SUCCEEDED_WITHIN_MS / 1000} s`,
    );
  }
  return { acceptedPerSecond, succeededPerSecond: succeeded / seconds, isDone };
}

/** Tells how many runs have succeeded from now on: as the server says, or for effects as the outside world sees it. */
async function startCounting(bench: Bench, one: WebhookCase, target: Target): Promise<(() => Promise<number>) | undefined> {
  await ask(bench.serviceUrl, { method: 'DELETE' });
  const before = await target.succeededRuns();
  if (before !== undefined) return async () => ((await target.succeededRuns()) ?? before) - before;
  if (one.id === 'effects') return async () => Math.floor(((await callCounts(bench))?.calls ?? 0) / CALLS_PER_EFFECTS_RUN);
  return undefined;
}

/** Says so when the outside world saw anything but each call once. */
async function checkCalls(bench: Bench, target: Target, expected: number): Promise<void> {
  const counts = await callCounts(bench);
  if (counts === undefined) return bench.note(`effects at ${target.name}: the counter service did not tell its counts`);
  if (counts.calls === expected && counts.repeated === 0 && counts.withoutKey === 0) return;
  bench.note(
    `effects at ${target.name}: ${counts.calls} calls seen, ${expected} expected; ${counts.repeated} repeated, ${counts.withoutKey} without a key`,
  );
}

async function callCounts(bench: Bench): Promise<CallCounts | undefined> {
  const reply = await ask(bench.serviceUrl);
  return reply?.status === 200 ? (JSON.parse(reply.text) as CallCounts) : undefined;
}

function difference(after: number | undefined, before: number | undefined): number | undefined {
  return after === undefined || before === undefined ? undefined : after - before;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
