/**
 * News of lists: over the socket, and by asking every so often while it is down and somebody looks. What may have been missed while it
 * was down is asked for once when it is back.
 */
import type { LiveConnection, TopicListener } from './live-connection.ts';
import type { Stop } from './types.ts';

/** While the socket is down, in ms. */
export const ASK_MS = 10_000;

export interface JoinOrAskParts {
  readonly live: Pick<LiveConnection, 'join'>;
  /** @default setTimeout */
  readonly after?: (ms: number, act: () => void) => () => void;
  readonly isHidden?: () => boolean;
}

export function joinOrAsk(parts: JoinOrAskParts, topic: string, ask: () => void, listener: TopicListener): Stop {
  const after = parts.after ?? later;
  const isHidden = parts.isHidden ?? isPageHidden;
  let isUp = false;
  let isOver = false;
  let mayHaveMissed = false;
  let stopTimer: (() => void) | undefined;

  /** Told that the socket is down again and again, it keeps the wait that has begun. */
  function wait(): void {
    if (isUp || isOver || stopTimer !== undefined) return;
    stopTimer = after(ASK_MS, () => {
      stopTimer = undefined;
      mayHaveMissed = true;
      if (!isHidden()) ask();
      wait();
    });
  }

  function stop(): void {
    isOver = true;
    stopTimer?.();
    leave();
  }

  const leave = parts.live.join(topic, {
    ...listener,
    onState(next) {
      if (isOver) return;
      if (isUp && !next) mayHaveMissed = true;
      isUp = next;
      if (next) {
        stopTimer?.();
        stopTimer = undefined;
        if (mayHaveMissed) ask();
        mayHaveMissed = false;
      } else wait();
    },
    onRefused(problem) {
      stop();
      listener.onRefused?.(problem);
    },
  });
  return stop;
}

export function later(ms: number, act: () => void): () => void {
  const timer = setTimeout(act, ms);
  return () => clearTimeout(timer);
}

export function isPageHidden(): boolean {
  return document.visibilityState === 'hidden';
}
