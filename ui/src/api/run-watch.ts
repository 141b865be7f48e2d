/**
 * A run's facts, in order and without holes: over the socket, by asking every 2 s while it is down, slower while nobody looks.
 * A hole (a frame was lost) is filled from the history before anything after it is handed on.
 */
import { asApiError } from './api-error.ts';
import { isPageHidden, later } from './join-or-ask.ts';
import type { Frame, LiveConnection } from './live-connection.ts';
import type { PlugboardApi, RunFact, RunWatcher, Stop } from './types.ts';

/** While the socket is down, in ms. */
export const POLL_MS = 2_000;
/** While the page is hidden, in ms. */
export const POLL_HIDDEN_MS = 15_000;

export interface RunWatchParts {
  readonly live: Pick<LiveConnection, 'join'>;
  readonly listRunFacts: PlugboardApi['listRunFacts'];
  /** @default setTimeout */
  readonly after?: (ms: number, act: () => void) => () => void;
  readonly isHidden?: () => boolean;
}

export function watchRun(parts: RunWatchParts, id: string, fromSeq: number, watcher: RunWatcher): Stop {
  const after = parts.after ?? later;
  const isHidden = parts.isHidden ?? isPageHidden;
  let seq = fromSeq;
  let isUp = false;
  let isOver = false;
  let isFilling = false;
  let stopTimer: (() => void) | undefined;

  function take(facts: readonly RunFact[]): void {
    const fresh = facts.filter((fact) => fact.seq > seq);
    const [first] = fresh;
    if (first === undefined) return;
    if (first.seq !== seq + 1) {
      void fill();
      return;
    }
    seq = fresh.at(-1)?.seq ?? seq;
    watcher.onFacts(fresh);
    if (fresh.some((fact) => fact.type === 'run.ended')) stop();
  }

  /** Asks the history for everything after what is known. */
  async function fill(): Promise<void> {
    if (isFilling || isOver) return;
    isFilling = true;
    try {
      for (let isMore = true; isMore && !isOver;) {
        const page = await parts.listRunFacts(id, seq);
        const known = seq;
        take(page.facts);
        isMore = page.hasMore && seq > known;
      }
      if (!isUp && !isOver) watcher.onState('polling');
    } catch (error) {
      const failed = asApiError(error);
      if (failed.kind === 'forbidden' || failed.kind === 'notFound' || failed.kind === 'signedOut') {
        watcher.onRefused({ code: failed.code, message: failed.message });
        stop();
      } else if (!isUp) watcher.onState('offline');
    } finally {
      isFilling = false;
    }
  }

  /** Told that the socket is down again and again, it keeps the wait that has begun. */
  function poll(): void {
    if (isUp || isOver || stopTimer !== undefined) return;
    stopTimer = after(isHidden() ? POLL_HIDDEN_MS : POLL_MS, () => {
      stopTimer = undefined;
      void fill().finally(poll);
    });
  }

  function stopPolling(): void {
    stopTimer?.();
    stopTimer = undefined;
  }

  const leave = parts.live.join(`run:${id}`, {
    on(event: string, frame: Frame) {
      if (event === 'facts') take(frame['facts'] as readonly RunFact[]);
      // A beat names the last committed event: silence with events missing means that a frame was lost.
      else if (event === 'beat' && typeof frame['seq'] === 'number' && frame['seq'] > seq) void fill();
    },
    after: () => seq,
    onState(next) {
      isUp = next;
      if (isOver) return;
      if (isUp) {
        stopPolling();
        watcher.onState('live');
      } else {
        if (stopTimer === undefined) watcher.onState('connecting');
        poll();
      }
    },
    onRefused(problem) {
      watcher.onRefused(problem);
      stop();
    },
  });

  function stop(): void {
    isOver = true;
    stopPolling();
    leave();
  }
  return stop;
}
