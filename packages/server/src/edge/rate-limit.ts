/**
 * A bucket of tokens for each caller and webhook: one request takes one token, and tokens come back at a steady rate.
 * Kept in memory and bounded, because whoever floods a server can also come from many addresses.
 */

export interface RateLimit {
  /** False when the bucket is empty. `now` in milliseconds of a monotonic clock. */
  take(key: string, now: number): boolean;
  /** Whether there is a token, without taking it. */
  has(key: string, now: number): boolean;
  readonly size: number;
}

export interface RateLimitOptions {
  /** Tokens a second. */
  readonly perSecond: number;
  /** Tokens of a full bucket. @default two seconds' worth */
  readonly burst?: number;
  /** Buckets remembered. @default 20000 */
  readonly maxBuckets?: number;
}

interface Bucket {
  tokens: number;
  at: number;
}

export function createRateLimit({ perSecond, burst = perSecond * 2, maxBuckets = 20_000 }: RateLimitOptions): RateLimit {
  const buckets = new Map<string, Bucket>();

  /** A bucket that is full again says the same as none; of the others the oldest go. */
  const makeRoom = (now: number): void => {
    for (const [key, bucket] of buckets) if (bucket.tokens + ((now - bucket.at) / 1000) * perSecond >= burst) buckets.delete(key);
    let surplus = buckets.size - maxBuckets / 2;
    for (const key of buckets.keys()) {
      if (surplus <= 0) return;
      buckets.delete(key);
      surplus -= 1;
    }
  };

  return {
    take(key, now) {
      const bucket = buckets.get(key);
      if (!bucket) {
        if (buckets.size >= maxBuckets) makeRoom(now);
        buckets.set(key, { tokens: burst - 1, at: now });
        return true;
      }
      const tokens = Math.min(burst, bucket.tokens + ((now - bucket.at) / 1000) * perSecond);
      bucket.at = now;
      bucket.tokens = tokens < 1 ? tokens : tokens - 1;
      return tokens >= 1;
    },
    has(key, now) {
      const bucket = buckets.get(key);
      return !bucket || bucket.tokens + ((now - bucket.at) / 1000) * perSecond >= 1;
    },
    get size() {
      return buckets.size;
    },
  };
}
