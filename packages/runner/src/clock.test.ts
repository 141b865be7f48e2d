import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { systemClock } from './clock.ts';

describe('the clock of the process', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  test('a delay longer than a timer of the process takes is kept to', () => {
    const days = 24 * 60 * 60_000;
    let fired = 0;
    systemClock.after(60 * days, () => (fired += 1));
    vi.advanceTimersByTime(60 * days - 1);
    expect(fired).toBe(0);
    vi.advanceTimersByTime(1);
    expect(fired).toBe(1);
  });

  test('a cancelled timer never fires, and an instant that is past fires at once', () => {
    const fired: string[] = [];
    systemClock.after(10, () => fired.push('cancelled')).cancel();
    systemClock.after(-5, () => fired.push('past'));
    vi.advanceTimersByTime(0);
    vi.advanceTimersByTime(100);
    expect(fired).toEqual(['past']);
  });
});
