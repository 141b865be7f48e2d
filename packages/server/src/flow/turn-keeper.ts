/**
 * Turns of runs under flow control: taken with the run, in one transaction, and given by whichever process looks first. A look is due when a start
 * is stored, when a run ends while others wait, at the next instant, and every second for what another process did.
 */
import { type Alongside, type Database, type EndlessWait, type FlowPlace, beginTurns, takeTurn } from '@plugboard/persistence';
import type { StartRefusal, StartTurns, TurnOfStart } from '@plugboard/runner';
import type { Deliveries } from '../hooks/deliveries.ts';
import { createWaitingStarts } from './waiting-starts.ts';

export interface TurnKeeperOptions {
  readonly database: Database;
  readonly deliveries: Pick<Deliveries, 'also'>;
  /** Runs of this or another process have something in their inboxes. */
  readonly onBegun: () => void;
  /** Starts of a workspace that may wait for their turn; asked for at each start. */
  readonly waitingLimit: (workspaceId: string) => number;
  readonly log: { warn(fields: object, message: string): void };
}

export interface TurnKeeper extends StartTurns {
  /** A run has ended: its place may be free. */
  ended(): void;
  start(): void;
  /** No turn is given any more; resolves once the look under way is over. */
  close(): Promise<void>;
}

const LONGEST_PAUSE_MS = 1000;
/** Between two looks: what comes meanwhile is looked at together. */
const LEAST_PAUSE_MS = 15;
/** The pause is at least so many times as long as the look was: a crowd that waits leaves the database to those at work. */
const SHARE = 2;

export function createTurnKeeper({ database, deliveries, onBegun, waitingLimit, log }: TurnKeeperOptions): TurnKeeper {
  const waiting = createWaitingStarts(database, waitingLimit);
  let timer: NodeJS.Timeout | undefined;
  let look: Promise<void> | undefined;
  let lastLook = 0;
  let isAsked = false;
  let isWaitedFor = false;
  let isClosed = true;
  let isTold = false;

  const schedule = (ms: number): void => {
    if (isClosed) return;
    clearTimeout(timer);
    timer = setTimeout(begin, ms);
    timer.unref();
  };
  const wake = (): void => {
    isAsked = true;
    if (!look) schedule(Math.max(0, LEAST_PAUSE_MS - (performance.now() - lastLook)));
  };
  const begin = (): void => {
    isAsked = false;
    const begunAt = performance.now();
    look = lookOnce()
      .then(
        (pauseMs) => {
          isTold = false;
          return pauseMs;
        },
        (error: unknown) => {
          if (!isTold) log.warn({ err: error }, 'turns of runs cannot be given at the moment; trying again');
          isTold = true;
          return LONGEST_PAUSE_MS;
        },
      )
      .then((pauseMs) => {
        look = undefined;
        lastLook = performance.now();
        const least = Math.min(LONGEST_PAUSE_MS, Math.max(LEAST_PAUSE_MS, (lastLook - begunAt) * SHARE));
        schedule(isAsked ? least : Math.max(least, pauseMs));
      });
  };
  const lookOnce = async (): Promise<number> => {
    const { begun, nextInMs = LONGEST_PAUSE_MS, isWaited } = await beginTurns(database);
    isWaitedFor = isWaited;
    await waiting.refresh();
    if (begun > 0) onBegun();
    return begun > 0 ? 0 : Math.min(nextInMs, LONGEST_PAUSE_MS);
  };

  /** What is owed waits in any case: to refuse it could keep the run that calls it at work, and with that everybody. */
  const placeOf = async (client: Parameters<Alongside>[0], start: TurnOfStart): Promise<FlowPlace> => {
    const { workspaceId, isCalled } = start;
    if (isCalled) return takeTurn(client, start);
    if (waiting.isFull(workspaceId)) return { kind: 'full' };
    const place = await takeTurn(client, { ...start, mostWaiting: waiting.limitNear(workspaceId) });
    if (place.kind === 'full') waiting.noteFull(workspaceId);
    if (place.kind === 'waits') waiting.noteWaiting(workspaceId);
    return place;
  };
  const refusalOf = (place: FlowPlace, workspaceId: string): StartRefusal | undefined => {
    if (place.kind === 'endless') return { code: 'CALL_WAITS_FOR_ITSELF', message: said(place.wait) };
    return place.kind === 'full' ? { code: 'QUEUE_FULL', message: crowded(waitingLimit(workspaceId)) } : undefined;
  };

  return {
    expect(start, onJoined, onRefused) {
      deliveries.also(
        start.runId,
        async (client) => {
          const place = await placeOf(client, start);
          if (place.kind === 'joined') return { instead: place.runId };
          onRefused(refusalOf(place, start.workspaceId));
          return place.kind === 'waits';
        },
        onJoined,
      );
    },
    stored: wake,
    ended() {
      if (isWaitedFor) wake();
    },
    start() {
      isClosed = false;
      schedule(0);
    },
    async close() {
      isClosed = true;
      clearTimeout(timer);
      await look;
    },
  };
}

function said({ workflow, limit, holders }: EndlessWait): string {
  const held = holders.map(({ runId, workflow: name }) => `run ${runId} of "${name}"`).join(', ');
  return (
    `A run of "${workflow}" would wait for ever: at most ${limit} of its runs work at a time (flow.concurrency), and those that do wait for this call or for others like it (${held}). ` +
    'Nothing was started. Call it without waiting for the answer, raise the limit above how often it waits for itself, or give the limit a key that differs.'
  );
}

function crowded(limit: number): string {
  return `${limit} starts of this workspace wait for their turn, which is the most (runs.waitingStarts); nothing was started. Try again when some have begun.`;
}
