import { describe, expect, test } from 'vitest';
import { Slices } from './in-slices.ts';

/** A step of work that keeps the processor busy for a while each time it is called. */
function busy(times: number, ms: number, seen: () => void = () => undefined): () => boolean {
  let left = times;
  return () => {
    const until = performance.now() + ms;
    while (performance.now() < until);
    seen();
    left -= 1;
    return left <= 0;
  };
}

describe('calls of one host in slices', () => {
  test('short work ends at once', () => {
    expect(new Slices().run(busy(3, 0))).toBeUndefined();
  });

  test('however much work waits, each turn of the event loop does one slice of it', async () => {
    const slices = new Slices();
    const seen: string[] = [];
    const all = ['a', 'b', 'c'].map((name) => slices.run(busy(12, 4, () => seen.push(name))));
    let before = seen.length;
    let mostPerTurn = 0;
    const look = (): void => {
      mostPerTurn = Math.max(mostPerTurn, seen.length - before);
      before = seen.length;
      if (seen.length < 36) setImmediate(look);
    };
    setImmediate(look);
    await Promise.all(all);
    expect(mostPerTurn, 'steps of 4 ms').toBeLessThanOrEqual(3);
    // Nobody is done before the others have got on.
    expect(new Set(seen.slice(0, 12)).size).toBe(3);
  });

  test('an error of the work reaches whoever waits for it, and the next work goes on', async () => {
    const slices = new Slices();
    const failing = busy(6, 4);
    const failed = slices.run(() => {
      if (failing()) throw new Error('broken');
      return false;
    });
    const other = slices.run(busy(6, 4));
    await expect(failed).rejects.toThrow('broken');
    await other;
  });

  test('work that paces itself waits for a turn only when its slice is over', async () => {
    const mayGoOn = new Slices().pace();
    expect(mayGoOn()).toBeUndefined();
    busy(1, 12)();
    const waiting = mayGoOn();
    expect(waiting).toBeInstanceOf(Promise);
    await waiting;
    expect(mayGoOn()).toBeUndefined();
  });
});
