/**
 * Turns of runs under flow control: taken with the run, in one transaction, and given by whichever process looks first. A look is due when a start
 * is stored, when a run ends while others wait, at the next instant, and every second for what another process did.
 */
import { type Database, beginTurns, takeTurn } from '@plugboard/persistence';
import type { StartTurns } from '@plugboard/runner';
import type { Deliveries } from '../hooks/deliveries.ts';

export interface TurnKeeperOptions {
  readonly database: Database;
  readonly deliveries: Pick<Deliveries, 'also'>;
  /** Runs of this or another process have something in their inboxes. */
  readonly onBegun: () => void;
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

export function createTurnKeeper({ database, deliveries, onBegun, log }: TurnKeeperOptions): TurnKeeper {
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
    if (begun > 0) onBegun();
    return begun > 0 ? 0 : Math.min(nextInMs, LONGEST_PAUSE_MS);
  };

  return {
    expect(start, onJoined) {
      deliveries.also(
        start.runId,
        async (client) => {
          const place = await takeTurn(client, start);
          return place.kind === 'waits' ? true : { instead: place.runId };
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
