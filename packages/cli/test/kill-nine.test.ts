/**
 * The promise under kill -9: an accepted run is never lost, a finished write is never repeated, and a write the kill interrupted is repeated
 * with the same key. The server and PostgreSQL die at random moments while load runs.
 */
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { CounterService } from './counter-service.ts';
import { CONTRACT, Plugboard } from './plugboard-process.ts';

const KILLS = 20;
const DATABASE_KILLS = 5;
/** Calls and acceptances from a start to the next kill. */
const MOST_BETWEEN_KILLS = 300;
/** Requests in flight at once, and runs of a workspace at work at once: what one kill can interrupt. */
const CALLERS = 8;
const AT_WORK = 10;
/** Where random moments come from: the same in every run of the suite, unless another number is given to look for what they miss. */
const SEED = Number(process.env['PLUGBOARD_TEST_SEED'] ?? 4);
/** What a busy machine may take to become so. */
const SOON = { timeout: 60_000, interval: 25 };

interface Page {
  readonly runs: readonly { readonly id: string; readonly status: string; readonly error?: { readonly code: string } }[];
  readonly nextCursor?: string;
}

describe('effects under kill -9', () => {
  let server: Plugboard;
  let service: CounterService;
  const accepted = new Set<string>();
  const random = randomNumbers();

  beforeAll(async () => {
    service = await CounterService.listen();
    server = await Plugboard.create({ PLUGBOARD_EGRESS_ALLOW: '127.0.0.1' });
    await server.start();
    const imported = server.command('import', '--publish', `${CONTRACT}effects.workflow.json`);
    expect(imported.code, imported.stderr).toBe(0);
  });

  afterAll(async () => {
    await server.remove();
    await service.close();
  });

  test(
    `S0-014 S1-036 S2-021: every accepted run ends and no finished call is repeated while the server is killed ${KILLS} times`,
    { timeout: 240_000 },
    async () => {
      const load = startLoad();
      for (let kill = 0; kill < KILLS; kill += 1) {
        await load.goesOn();
        await server.kill();
        await server.start();
      }
      await load.stop();
      await expectAllDone(KILLS);
    },
  );

  test(`the same with PostgreSQL killed ${DATABASE_KILLS} times, and the server stays up`, { timeout: 240_000 }, async () => {
    const before = server.pid;
    const load = startLoad();
    for (let kill = 0; kill < DATABASE_KILLS; kill += 1) {
      await load.goesOn();
      const victim = await vi.waitUntil(() => server.postmaster(), SOON);
      process.kill(victim, 'SIGKILL');
      await vi.waitUntil(() => (server.postmaster() ?? victim) !== victim, SOON);
      await untilReady();
    }
    await load.stop();
    expect(server.pid).toBe(before);
    await expectAllDone(KILLS + DATABASE_KILLS);
  });

  /** Callers that start runs all the time, whatever happens to the server. */
  function startLoad(): { goesOn(): Promise<void>; stop(): Promise<void> } {
    let stopped = false;
    let left = 0;
    let atMoment: () => void = () => {};
    const happens = (): void => {
      left -= 1;
      if (left === 0) atMoment();
    };
    service.onCall = happens;
    const callers = Array.from({ length: CALLERS }, async () => {
      while (!stopped) {
        const answer = await fetch(`${server.url}/hooks/contract/effects`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ url: service.url }),
        }).catch(() => undefined);
        if (answer?.status === 202) {
          const { runId } = (await answer.json().catch(() => ({}))) as { runId?: string };
          if (runId) {
            accepted.add(runId);
            happens();
          }
        } else await untilReady();
      }
    });
    return {
      /** Resolves in the middle of the work: with the one or the other call of a run, or acceptance of one. */
      goesOn() {
        return new Promise((resolve) => {
          atMoment = resolve;
          left = 1 + Math.floor(random() * MOST_BETWEEN_KILLS);
        });
      },
      async stop() {
        stopped = true;
        await Promise.all(callers);
      },
    };
  }

  async function expectAllDone(kills: number): Promise<void> {
    const states = await endStates();
    const notDone = [...accepted].filter((id) => states.get(id) !== 'succeeded').map((id) => `${id}: ${states.get(id) ?? 'lost'}`);
    expect(notDone).toEqual([]);
    expect(accepted.size).toBeGreaterThan(kills);

    const byRun = service.byRun();
    let repeated = 0;
    for (const id of accepted) {
      const calls = byRun.get(id) ?? [];
      const firsts = calls.filter((call, at) => calls.findIndex((other) => other.call === call.call) === at);
      expect(
        firsts.map((call) => call.call),
        `order of calls in run ${id}`,
      ).toEqual([1, 2, 3, 4, 5]);
      expect(new Set(firsts.map((call) => call.key)).size, `a key for each call of run ${id}`).toBe(5);
      for (const call of calls) {
        expect(call.key, `key of call ${call.call} in run ${id}`).toMatch(/^[\w-]{20,}$/);
        expect(call.key, `a repeated call of run ${id} keeps its key`).toBe(firsts.find((first) => first.call === call.call)?.key);
      }
      // A call is only repeated right after itself: once a later call was seen, the earlier one had finished for good.
      expect(
        calls.map((call) => call.call),
        `no finished call of run ${id} is repeated`,
      ).toEqual(calls.map((call) => call.call).toSorted((a, b) => a - b));
      repeated += calls.length - firsts.length;
    }
    expect(repeated, 'only calls that a kill interrupted are repeated').toBeLessThanOrEqual(kills * AT_WORK);
  }

  /** Waits until no run is open, and gives the state of every run. */
  async function endStates(): Promise<Map<string, string>> {
    await expect
      .poll(async () => {
        // In the order in which a run goes through them, so that none slips by between two looks.
        for (const status of ['pending', 'running', 'waiting', 'paused']) {
          const { runs } = await listRuns({ status, limit: '1' });
          if (runs.length > 0) return runs;
        }
        return [];
      }, SOON)
      .toEqual([]);
    const states = new Map<string, string>();
    let cursor: string | undefined;
    do {
      const page: Page = await listRuns({ limit: '100', ...(cursor ? { cursor } : {}) });
      for (const run of page.runs) states.set(run.id, run.error ? `${run.status} ${run.error.code}` : run.status);
      cursor = page.nextCursor;
    } while (cursor !== undefined);
    return states;
  }

  /** Asked over HTTP: a command would hold up this process, and with it the service the runs call. */
  async function listRuns(query: Record<string, string>): Promise<Page> {
    const answer = await fetch(`${server.url}/api/runs?${new URLSearchParams(query).toString()}`, {
      headers: { authorization: `Bearer ${server.token()}` },
    });
    if (!answer.ok) throw new Error(await answer.text());
    return (await answer.json()) as Page;
  }

  async function untilReady(): Promise<void> {
    await expect.poll(async () => (await fetch(`${server.url}/readyz`)).status, SOON).toBe(200);
  }
});

function randomNumbers(): () => number {
  let state = SEED;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
