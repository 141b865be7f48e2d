import { describe, expect, test } from 'vitest';
import { ASK_MS, joinOrAsk } from './join-or-ask.ts';
import type { TopicListener } from './live-connection.ts';

/** A socket that the test speaks for, and a clock that moves when told. */
function joined() {
  const timers: (() => void)[] = [];
  const seen = { asked: 0, heard: 0, hasLeft: false, isHidden: false };
  let listener: TopicListener | undefined;
  const stop = joinOrAsk(
    {
      live: {
        join(_topic, one) {
          listener = one;
          return () => (seen.hasLeft = true);
        },
      },
      after(ms, act) {
        expect(ms).toBe(ASK_MS);
        timers.push(act);
        return () => timers.splice(timers.indexOf(act), timers.includes(act) ? 1 : 0);
      },
      isHidden: () => seen.isHidden,
    },
    'runs:w',
    () => (seen.asked += 1),
    { on: () => (seen.heard += 1) },
  );
  return {
    seen,
    stop,
    timers,
    up: (isUp: boolean) => listener?.onState?.(isUp),
    say: () => listener?.on('runs', {}),
    refuse: () => listener?.onRefused?.({ code: 'FORBIDDEN', message: 'no' }),
    tick: () => timers.shift()?.(),
  };
}

describe('news of a list', () => {
  test('come over the socket while it is up, and nothing is asked', () => {
    const one = joined();
    one.up(false);
    one.up(true);
    one.say();
    expect([one.seen.heard, one.seen.asked, one.timers.length]).toEqual([1, 0, 0]);
  });

  test('are asked for again and again while it is down, by one clock, and once more when it is back', () => {
    const one = joined();
    for (let n = 0; n < 3; n += 1) one.up(false);
    expect(one.timers).toHaveLength(1);
    one.tick();
    one.tick();
    expect([one.seen.asked, one.timers.length]).toEqual([2, 1]);
    one.up(true);
    expect([one.seen.asked, one.timers.length]).toEqual([3, 0]);
  });

  test('a short break is made up for although no clock ran out', () => {
    const one = joined();
    one.up(true);
    one.up(false);
    one.up(true);
    expect(one.seen.asked).toBe(1);
  });

  test('are not asked for while nobody looks, and not after one has left or is refused', () => {
    const one = joined();
    one.up(false);
    one.seen.isHidden = true;
    one.tick();
    expect(one.seen.asked).toBe(0);
    one.stop();
    one.up(false);
    expect([one.seen.hasLeft, one.timers.length]).toEqual([true, 0]);
    const other = joined();
    other.up(false);
    other.refuse();
    expect([other.seen.hasLeft, other.timers.length]).toEqual([true, 0]);
  });
});
