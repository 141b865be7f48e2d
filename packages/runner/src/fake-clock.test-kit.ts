/** Time that a test moves. */
import type { Clock, Timer } from './clock.ts';

/** Stands still until a test moves it; timers fire in order while it moves. */
export class FakeClock implements Clock {
  #now = Date.now();
  #passed = 1000;
  readonly #timers = new Set<{ dueAt: number; act: () => void }>();
  isDead = false;

  now(): number {
    return this.#now;
  }
  monotonicMs(): number {
    return this.#passed;
  }
  random(): number {
    return 0.5;
  }
  after(delayMs: number, act: () => void): Timer {
    const timer = { dueAt: this.#passed + delayMs, act };
    this.#timers.add(timer);
    return { cancel: () => void this.#timers.delete(timer) };
  }
  advance(ms: number): void {
    const until = this.#passed + ms;
    while (!this.isDead) {
      const next = [...this.#timers].filter((timer) => timer.dueAt <= until).sort((a, b) => a.dueAt - b.dueAt)[0];
      if (!next) break;
      this.#timers.delete(next);
      this.#move(Math.max(this.#passed, next.dueAt));
      next.act();
    }
    this.#move(until);
  }
  /** Somebody sets the clock: no time passes, and it shows another one. */
  jump(ms: number): void {
    this.#now += ms;
  }
  get timers(): number {
    return this.#timers.size;
  }
  #move(to: number): void {
    this.#now += to - this.#passed;
    this.#passed = to;
  }
}
