import { describe, expect, test } from 'vitest';
import { createRateLimit } from './rate-limit.ts';

function taken(limit: ReturnType<typeof createRateLimit>, key: string, count: number, now: number): number {
  let passed = 0;
  for (let i = 0; i < count; i += 1) if (limit.take(key, now)) passed += 1;
  return passed;
}

describe('a bucket of tokens', () => {
  test('lets a burst through, then as many as come back', () => {
    const limit = createRateLimit({ perSecond: 100 });
    expect(taken(limit, 'a', 300, 0)).toBe(200);
    expect(taken(limit, 'a', 300, 100)).toBe(10);
    expect(taken(limit, 'a', 300, 1100)).toBe(100);
    expect(taken(limit, 'a', 300, 60_000)).toBe(200);
  });

  test('is one for each key', () => {
    const limit = createRateLimit({ perSecond: 1, burst: 1 });
    expect([limit.take('a', 0), limit.take('a', 0), limit.take('b', 0)]).toEqual([true, false, true]);
  });

  test('of many callers is forgotten when it is full, and the oldest go when none is', () => {
    const limit = createRateLimit({ perSecond: 1, burst: 2, maxBuckets: 100 });
    for (let i = 0; i < 100; i += 1) limit.take(`old ${i}`, 0);
    limit.take('new', 10_000);
    expect(limit.size).toBe(1);
    for (let i = 0; i < 100_000; i += 1) limit.take(`flood ${i}`, 10_001);
    expect(limit.size).toBeLessThanOrEqual(100);
  });
});
