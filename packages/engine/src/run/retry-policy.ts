/**
 * Whether and when a failed unit of a step is tried again.
 * Pure: jitter and clocks belong to the runner, which records the instant it chose, so replaying a run gives the same waits.
 */
import type { StepError } from '@plugboard/sdk';
import type { RetryPolicy } from '../definition/types.ts';

export type CompleteRetryPolicy = Required<Omit<RetryPolicy, 'retryOn'>> & Pick<RetryPolicy, 'retryOn'>;

export const DEFAULT_RETRY: CompleteRetryPolicy = { maxAttempts: 1, firstDelayMs: 1000, factor: 2, maxDelayMs: 60_000, jitter: 'full' };

/** A repeatable write whose outcome is unknown is tried this often even where the policy allows fewer tries. */
export const UNKNOWN_ATTEMPTS = 3;

export function completeRetry(policy: RetryPolicy | undefined): CompleteRetryPolicy {
  return policy ? { ...DEFAULT_RETRY, ...policy } : DEFAULT_RETRY;
}

/** No wait is longer than a day, in milliseconds, whatever a policy or a service asks for: timers of a process overflow after 24 days. */
export const LONGEST_DELAY_MS = 24 * 60 * 60_000;

/** Wait before `attempt`, in milliseconds, before jitter. Attempts count from 1; the first never waits. */
export function retryDelayMs(attempt: number, policy: CompleteRetryPolicy): number {
  if (attempt <= 1 || policy.firstDelayMs <= 0) return 0;
  const grown = policy.firstDelayMs * policy.factor ** (attempt - 2);
  return Math.min(grown, policy.maxDelayMs, LONGEST_DELAY_MS);
}

/** True when trying again could help: not for wrong input, refused credentials or a service that answered "no". */
export function isRetryable(error: StepError, policy: CompleteRetryPolicy): boolean {
  if (policy.retryOn) return policy.retryOn.includes(error.code) || policy.retryOn.includes(error.kind);
  switch (error.kind) {
    case 'rate_limited':
    case 'timeout':
    case 'unavailable':
    case 'bug':
      return true;
    case 'rejected':
      return error.status === undefined;
    case 'input':
    case 'auth':
    case 'cancelled':
      return false;
  }
}

/** True when the error proves that a write was not applied, so that even a type that must not be repeated may try again. */
export function provesNotApplied(error: StepError, rejectedCodes: readonly string[] | undefined): boolean {
  if (error.kind === 'rejected' || error.kind === 'rate_limited' || error.kind === 'input' || error.kind === 'auth') return true;
  return rejectedCodes?.includes(error.code) ?? false;
}
