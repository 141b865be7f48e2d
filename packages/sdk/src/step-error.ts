/** The only shape in which a failure reaches the engine, from in-process and foreign code alike. */
import type { Json } from './json.ts';

/**
 * What kind of failure a step met; it decides what a retry may do.
 * - `input`: the parameters or the item are wrong; retrying cannot help.
 * - `auth`: a credential was refused.
 * - `rejected`: proven not to have been applied (connection refused, name not found, declined by the service).
 * - `rate_limited`: the service asked to slow down (429); proven not to have been applied.
 * - `timeout`: no answer in time; a write may have happened.
 * - `unavailable`: the service failed or the connection broke; a write may have happened unless `status` shows an answer.
 * - `cancelled`: the step was aborted by a stop or a time limit.
 * - `bug`: the plugin's or the user's code threw.
 */
export type StepErrorKind = 'input' | 'auth' | 'rejected' | 'rate_limited' | 'timeout' | 'unavailable' | 'cancelled' | 'bug';

export interface StepError {
  /** Stable, upper snake case. */
  readonly code: string;
  readonly kind: StepErrorKind;
  /** For people; at most 2,000 characters. */
  readonly message: string;
  /** HTTP status when a service answered. */
  readonly status?: number;
  /** How long the service asked to wait, in milliseconds. */
  readonly retryAfterMs?: number;
  readonly requestId?: string;
  readonly data?: Json;
  readonly cause?: readonly StepError[];
  /** Kept for logs, never shown to callers. */
  readonly stack?: string;
}
