/**
 * Asks services on behalf of triggers. Every server process looks for polls that are due and claims what it finds; each page's run is created in
 * the transaction that moves the cursor, and the next page is asked for after that. So whoever dies leaves a page either started and behind
 * the cursor, or not started and in front of it.
 */
import { type Database, type DuePoll, claimDuePolls, endPoll, movePoll, movePollWith, releasePolls, uuidv7 } from '@plugboard/persistence';
import type { PollHost, PolledPage } from '@plugboard/plugin-host';
import type { LoadedPlan, Runner } from '@plugboard/runner';
import type { Deliveries } from '../hooks/deliveries.ts';
import { DAY_MS, HOUR_MS } from '../schedules/zone-time.ts';
import { type PollReach, pollCall, pollSink } from './poll-sink.ts';

export interface PollServiceOptions {
  readonly database: Database;
  readonly host: PollHost;
  readonly runner: Pick<Runner, 'accepting' | 'acceptsQueued' | 'start'>;
  readonly plans: { load(workflowId: string, version: number, environment: number): Promise<LoadedPlan> };
  readonly deliveries: Pick<Deliveries, 'expect' | 'forget'>;
  readonly reach: PollReach;
  readonly log: { info(fields: object, message: string): void; warn(fields: object, message: string): void };
  /** @default true */
  readonly takesWork?: () => boolean;
  /** Longest pause between two looks, in milliseconds. @default 1000 */
  readonly pollMs?: number;
  /** After so long without a page another process takes a claimed poll over, in milliseconds. @default 120000 */
  readonly leaseMs?: number;
}

export interface PollService {
  /** One look: resolves with the number of runs started, once all that was due has been asked. */
  look(): Promise<number>;
  wake(): void;
  /** Asks for no further page, lets what is under way be stored, and gives back what was claimed. */
  close(): Promise<void>;
}

const LOOK_MS = 1000;
/** Longer than a poll may take. */
const LEASE_MS = 120_000;
/** Polls under way at once in this process. */
const AT_WORK = 16;
const LOOKERS = 3;
/** Of one poll before the others have their turn; what is left follows at once. */
const MOST_PAGES = 100;
const LEAST_PAUSE_MS = 20;
/** A poll that fails again and again is tried this often at least, in milliseconds. */
const LONGEST_BACKOFF_MS = HOUR_MS;
const FIRST_BACKOFF_MS = 10_000;
/** How long a page's key is known; the cursor has moved on long before. */
const KEY_KEPT_MS = 7 * DAY_MS;

/** The row is no longer as it was claimed: published anew, paused, or in the hands of another process. */
class PollMoved extends Error {}

export function createPollService(options: PollServiceOptions): PollService {
  const { database, host, runner, plans, deliveries, reach, log, takesWork = () => true, pollMs = LOOK_MS, leaseMs = LEASE_MS } = options;
  const by = crypto.randomUUID();
  const stopping = new AbortController();
  const wakers = new Set<() => void>();

  /** Resolves once the run of the page is stored with the cursor. @throws PollMoved */
  const start = (
    row: DuePoll,
    loaded: LoadedPlan,
    { page, runId, step }: { readonly page: PolledPage; readonly runId: string; readonly step: number },
  ): Promise<void> =>
    new Promise((resolve, reject) => {
      if (!runner.accepting || !runner.acceptsQueued(row.workspaceId, row.workflowId))
        return reject(new Error('The server cannot take more runs of this workflow at the moment.'));
      const key = { scope: `poll:${row.id}`, key: String(step), expiresAt: Date.now() + KEY_KEPT_MS };
      deliveries.expect(
        runId,
        [key],
        () => reject(new PollMoved()),
        (client) => movePollWith(client, { id: row.id, by, step, cursor: page.cursor, leaseMs, runId }),
      );
      try {
        runner.start(
          { loaded, id: runId, trigger: row.nodeId, items: page.items, triggerKind: 'poll', begin: 'dispatched' },
          {
            onAccepted: () => resolve(),
            onLost: (_, code, message) => reject(code === 'RUN_MOVED' ? new PollMoved() : new Error(message)),
          },
        );
      } catch (error) {
        deliveries.forget(runId);
        reject(error instanceof Error ? error : new Error(String(error)));
      }
    });

  /** Gives how many runs were started, and whether there may be more. */
  const ask = async (row: DuePoll): Promise<{ readonly count: number; readonly hasMore: boolean }> => {
    const loaded = await plans.load(row.workflowId, row.version, row.environment);
    const node = loaded.plan.byId.get(row.nodeId);
    if (!node) throw new PollMoved();
    let { step } = row;
    let count = 0;
    const owner = { loaded, node, runId: uuidv7() };
    const sink = pollSink(reach, owner);
    const pages = host.poll({ spec: pollCall(owner), cursor: row.cursor ?? undefined, isTest: false }, sink, stopping.signal);
    let seen = 0;
    for await (const page of pages) {
      if (page.items.length > 0) {
        await start(row, loaded, { page, runId: owner.runId, step });
        count += 1;
        owner.runId = uuidv7();
      } else if (!(await movePoll(database, { id: row.id, by, step, cursor: page.cursor, leaseMs }))) throw new PollMoved();
      step += 1;
      seen += 1;
      if (seen >= MOST_PAGES || stopping.signal.aborted) return { count, hasMore: true };
    }
    return { count, hasMore: false };
  };

  const act = async (row: DuePoll): Promise<number> => {
    try {
      const { count, hasMore } = await ask(row);
      await endPoll(database, { id: row.id, by, pauseMs: hasMore ? 0 : row.everyMs });
      if (row.failures > 0) log.info({ pollId: row.id, workflowId: row.workflowId }, 'a trigger that asks a service gets answers again');
      return count;
    } catch (error) {
      if (error instanceof PollMoved || stopping.signal.aborted) return 0;
      const pauseMs = backoffMs(row);
      // Once per trouble: a service that is away for a day is one line, not thousands.
      if (row.failures === 0)
        log.warn({ err: error, pollId: row.id, workflowId: row.workflowId }, 'a trigger that asks a service failed; it is tried again');
      await endPoll(database, { id: row.id, by, pauseMs, problem: problemOf(error) }).catch(() => undefined);
      return 0;
    }
  };

  const lookOnce = async (): Promise<{ readonly count: number; readonly pauseMs: number }> => {
    if (!runner.accepting || !takesWork()) return { count: 0, pauseMs: pollMs };
    const found = await claimDuePolls(database, { by, leaseMs, limit: AT_WORK });
    const counts = await Promise.all(found.due.map(act));
    const untilNext = found.due.length === AT_WORK ? 0 : Math.ceil(found.nextInMs ?? pollMs);
    return { count: counts.reduce((sum, one) => sum + one, 0), pauseMs: Math.min(pollMs, Math.max(LEAST_PAUSE_MS, untilNext)) };
  };

  const loop = async (): Promise<void> => {
    let isTold = false;
    while (!stopping.signal.aborted) {
      let pauseMs = pollMs;
      try {
        ({ pauseMs } = await lookOnce());
        isTold = false;
      } catch (error) {
        if (!isTold && !stopping.signal.aborted) log.warn({ err: error }, 'polls could not be looked for; trying again');
        isTold = true;
      }
      if (stopping.signal.aborted) return;
      await new Promise<void>((resolve) => {
        const done = (): void => {
          clearTimeout(timer);
          wakers.delete(done);
          resolve();
        };
        const timer = setTimeout(done, pauseMs);
        wakers.add(done);
      });
    }
  };
  // Several at once, so that a slow service does not hold up the others.
  const looping = pollMs === Number.POSITIVE_INFINITY ? [] : Array.from({ length: LOOKERS }, loop);

  return {
    look: async () => (await lookOnce()).count,
    wake: () => wakers.forEach((wakeUp) => wakeUp()),
    async close() {
      stopping.abort();
      for (const wakeUp of wakers) wakeUp();
      await Promise.all(looping);
      await releasePolls(database, by).catch((error: unknown) =>
        log.warn({ err: error }, 'polls could not be given back; they are taken over when their time is up'),
      );
    },
  };
}

function backoffMs({ everyMs, failures }: DuePoll): number {
  return Math.min(
    Math.max(everyMs, Math.min(FIRST_BACKOFF_MS * 2 ** Math.min(failures, 20), LONGEST_BACKOFF_MS)),
    Math.max(everyMs, LONGEST_BACKOFF_MS),
  );
}

/** For people: what a step would say. */
function problemOf(error: unknown): string {
  const { code, message } = error as { readonly code?: unknown; readonly message?: unknown };
  const text = typeof message === 'string' ? message : String(error);
  return `${typeof code === 'string' ? `${code}: ` : ''}${text}`.slice(0, 1000).replaceAll('\0', '');
}
