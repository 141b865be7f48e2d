import { describe, expect, test } from 'vitest';
import { type Sliced, Turns } from './turns.ts';

/** Keeps the processor busy for this long in each part. */
function* busy(parts: number, ms: number, done: number[] = []): Sliced<number> {
  for (let part = 0; part < parts; part += 1) {
    const until = performance.now() + ms;
    while (performance.now() < until);
    done.push(part);
    yield;
  }
  return parts;
}

describe('work in slices', () => {
  test('short work ends at once, without a turn of the event loop', () => {
    expect(new Turns().run(busy(3, 0), () => true)).toBe(3);
  });

  test('long work lets the event loop turn, and gives its result later', async () => {
    let turns = 0;
    const count = (): void => void (turns += 1);
    const work = new Turns().run(busy(12, 4), () => true);
    expect(work).toBeInstanceOf(Promise);
    const ticking = setInterval(count, 1);
    expect(await work).toBe(12);
    clearInterval(ticking);
    expect(turns).toBeGreaterThan(1);
  });

  test('work that may not go on ends between two slices', async () => {
    const done: number[] = [];
    let stopped = false;
    const work = new Turns().run(busy(1000, 4, done), () => !stopped);
    setImmediate(() => (stopped = true));
    expect(await work).toBeUndefined();
    expect(done.length).toBeLessThan(1000);
  });

  test('however much work waits, each turn of the event loop does one slice of it', async () => {
    const turns = new Turns();
    const seen: string[] = [];
    function* named(name: string): Sliced<void> {
      for (let part = 0; part < 4; part += 1) {
        yield* busy(3, 4);
        seen.push(name);
      }
    }
    const all = ['a', 'b', 'c'].map((name) => turns.run(named(name), () => true));
    await Promise.all(all);
    // Nobody is done before the others have begun.
    expect(new Set(seen.slice(0, 6)).size).toBe(3);
  });

  test('an error of the work reaches whoever waits for it, and the next work goes on', async () => {
    const turns = new Turns();
    function* failing(): Sliced<void> {
      yield* busy(3, 4);
      throw new Error('broken');
    }
    const [failed, other] = [turns.run(failing(), () => true), turns.run(busy(6, 4), () => true)];
    await expect(failed).rejects.toThrow('broken');
    expect(await other).toBe(6);
  });
});
