/** How often one caller may ask: buckets of sessions, keys and addresses, and what no number of made-up keys gets around. */
import type { IncomingMessage } from 'node:http';
import { describe, expect, test } from 'vitest';
import { createApiLimit } from './api-limit.ts';

interface Sent {
  readonly key?: string;
  readonly from?: string;
  readonly isLocalToken?: boolean;
}

const clock = { now: 0 };

/** Two requests a second, eight at once. */
function aLimit(rate: { perSecond: number } = { perSecond: 2 }) {
  const limit = createApiLimit({
    perSecond: () => rate.perSecond,
    credentialOf: (req) => (req as unknown as Sent).key,
    isExempt: (req) => (req as unknown as Sent).isLocalToken === true,
    addressOf: (req) => (req as unknown as Sent).from ?? '203.0.113.5',
    now: () => clock.now,
  });
  const looks: string[] = [];
  /** Keys that begin with "good" are somebody's; the number after it is only how it is written. */
  const ask = (sent: Sent): Promise<'answered' | 'unknown' | number> =>
    limit(sent as unknown as IncomingMessage, () => {
      looks.push(sent.key ?? '');
      if (sent.key !== undefined && !sent.key.startsWith('good')) return Promise.reject(new Error('unknown'));
      return Promise.resolve(sent.key === undefined ? {} : { caller: sent.key.split(' ')[0] ?? '' });
    }).then(
      () => 'answered' as const,
      (error: { code?: string; message: string; details?: { params?: { retryAfterSeconds?: number } } }) =>
        error.code === 'TOO_MANY_REQUESTS' ? (error.details?.params?.retryAfterSeconds ?? 0) : 'unknown',
    );
  const times = async (n: number, sent: (i: number) => Sent) => {
    const answers: unknown[] = [];
    for (let i = 0; i < n; i += 1) answers.push(await ask(sent(i)));
    return answers;
  };
  const count = (answers: readonly unknown[], what: unknown): number => answers.filter((one) => one === what).length;
  return { ask, times, looks, count };
}

describe('the limit of the API', () => {
  test('a caller gets a burst, then as many a second, and is told when to come again', async () => {
    const { ask, times, count } = aLimit();
    const answers = await times(20, () => ({ key: 'good' }));
    expect([count(answers, 'answered'), count(answers, 1)]).toEqual([8, 12]);
    clock.now += 1000;
    expect(await times(3, () => ({ key: 'good' }))).toEqual(['answered', 'answered', 1]);
    expect(await ask({ key: 'good2' })).toBe('answered');
    expect(await ask({})).toBe('answered');
  });

  test('a known caller who is refused costs no look at the database', async () => {
    const { times, looks } = aLimit();
    await times(20, () => ({ key: 'good' }));
    expect(looks).toHaveLength(8);
  });

  test('made-up keys, each another, take from the bucket of their address; who is known there goes on', async () => {
    const { ask, times, count, looks } = aLimit();
    expect(await ask({ key: 'good' })).toBe('answered');
    const answers = await times(50, (i) => ({ key: `made up ${i}` }));
    expect([count(answers, 'unknown'), count(answers, 1)]).toEqual([7, 43]);
    expect(looks).toHaveLength(8);
    expect(await ask({ key: 'good' })).toBe('answered');
    expect(await ask({ key: 'made up', from: '203.0.113.6' })).toBe('unknown');
  });

  test('many tokens of one key are one caller', async () => {
    const { times, count } = aLimit();
    const answers = await times(20, (i) => ({ key: `good ${i}`, from: `198.51.100.${i}` }));
    expect(count(answers, 'answered')).toBe(8);
  });

  test('a network of IPv6 addresses is one stranger', async () => {
    const { times, count } = aLimit();
    const answers = await times(20, (i) => ({ from: `2001:db8:0:1::${i.toString(16)}` }));
    expect(count(answers, 'answered')).toBe(8);
    expect(await times(2, (i) => ({ from: `::ffff:192.0.2.${i}` }))).toEqual(['answered', 'answered']);
  });

  test('the command line on this machine is not limited, and 0 limits nobody; a changed rate counts at once', async () => {
    const rate = { perSecond: 2 };
    const { times, count } = aLimit(rate);
    expect(count(await times(50, () => ({ key: 'good', isLocalToken: true })), 'answered')).toBe(50);
    rate.perSecond = 0;
    expect(count(await times(50, () => ({})), 'answered')).toBe(50);
    rate.perSecond = 5;
    expect(count(await times(50, () => ({})), 'answered')).toBe(20);
  });
});
