/** A clock that moves only when told, for everything that takes its time as an argument. */

export interface FakeClock {
  /** Milliseconds since 1970. */
  now(): number;
  /** Calls `run` once the clock has moved `ms` on. Gives back how to take it off. */
  after(ms: number, run: () => void): () => void;
  /** Moves the clock and runs what comes due, in order of time, then of setting. */
  advance(ms: number): void;
  /** What still waits. */
  pending(): number;
}

interface Timer {
  readonly dueAt: number;
  readonly order: number;
  readonly run: () => void;
}

/** @param startMs Milliseconds since 1970. @default 2026-01-01T00:00:00Z */
export function fakeClock(startMs = Date.UTC(2026, 0, 1)): FakeClock {
  let now = startMs;
  let order = 0;
  const timers = new Set<Timer>();
  const nextDue = (until: number): Timer | undefined =>
    [...timers].filter((timer) => timer.dueAt <= until).sort((a, b) => a.dueAt - b.dueAt || a.order - b.order)[0];
  return {
    now: () => now,
    after(ms, run) {
      const timer = { dueAt: now + Math.max(0, ms), order: order++, run };
      timers.add(timer);
      return () => void timers.delete(timer);
    },
    advance(ms) {
      const until = now + ms;
      for (let timer = nextDue(until); timer !== undefined; timer = nextDue(until)) {
        timers.delete(timer);
        now = timer.dueAt;
        timer.run();
      }
      now = until;
    },
    pending: () => timers.size,
  };
}
