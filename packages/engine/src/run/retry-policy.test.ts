import { describe, expect, test } from 'vitest';
import { anError } from '../../test/run-kit.ts';
import { DEFAULT_RETRY, completeRetry, isRetryable, provesNotApplied, retryDelayMs } from './retry-policy.ts';

describe('the wait before an attempt', () => {
  test.each([
    [1, 0],
    [2, 1000],
    [3, 2000],
    [4, 4000],
    [8, 60_000],
    [5000, 60_000],
  ])('attempt %i waits %i ms by default', (attempt, delay) => {
    expect(retryDelayMs(attempt, DEFAULT_RETRY)).toBe(delay);
  });

  test('is none when the first delay is none, after any number of attempts', () => {
    const policy = completeRetry({ firstDelayMs: 0, maxAttempts: 10_000 });
    expect([retryDelayMs(2, policy), retryDelayMs(2000, policy)]).toEqual([0, 0]);
  });

  test('is never longer than a day', () => {
    expect(retryDelayMs(2, completeRetry({ firstDelayMs: 1e12, maxDelayMs: 1e13 }))).toBe(86_400_000);
  });
});

describe('what helps', () => {
  test.each([
    ['rate_limited', undefined, true],
    ['timeout', undefined, true],
    ['unavailable', 503, true],
    ['bug', undefined, true],
    ['rejected', undefined, true],
    ['rejected', 409, false],
    ['input', undefined, false],
    ['auth', 401, false],
    ['cancelled', undefined, false],
  ] as const)('an error of kind %s with status %s: trying again helps is %s', (kind, status, helps) => {
    expect(isRetryable(anError({ kind, ...(status ? { status } : {}) }), DEFAULT_RETRY)).toBe(helps);
  });

  test.each([
    ['rejected', true],
    ['rate_limited', true],
    ['input', true],
    ['auth', true],
    ['timeout', false],
    ['unavailable', false],
    ['cancelled', false],
    ['bug', false],
  ] as const)('an error of kind %s proves that a write was not applied: %s', (kind, proves) => {
    expect(provesNotApplied(anError({ kind }), undefined)).toBe(proves);
    expect(provesNotApplied(anError({ kind, code: 'REFUSED' }), ['REFUSED'])).toBe(true);
  });
});
