/**
 * The error a plugin throws on purpose. Bundles carry their own copy of this class, so the runtime recognises it by its mark
 * and never by `instanceof`.
 */
import type { Json } from './json.ts';
import type { StepErrorKind } from './step-error.ts';

export const FAILURE_MARK: unique symbol = Symbol.for('plugboard.failure');

export interface FailureOptions {
  /** What a retry may do about it. @default 'input' */
  readonly kind?: StepErrorKind;
  /** HTTP status when a service answered. */
  readonly status?: number;
  /** How long the service asked to wait, in milliseconds. */
  readonly retryAfterMs?: number;
  readonly requestId?: string;
  /** Shown to the person who looks into the failure; at most 16 KiB of JSON text. */
  readonly data?: Json;
  readonly cause?: unknown;
}

/**
 * Thrown when a step cannot do its work and the author knows why. `code` is stable and in upper snake case; `message` says what to do.
 * @example throw new StepFailure('CONTACT_GONE', 'The contact does not exist any more. Choose another one.')
 */
export class StepFailure extends Error {
  override readonly name = 'StepFailure';
  readonly code: string;
  readonly kind: StepErrorKind;
  readonly status: number | undefined;
  readonly retryAfterMs: number | undefined;
  readonly requestId: string | undefined;
  readonly data: Json | undefined;

  constructor(code: string, message: string, options: FailureOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.kind = options.kind ?? 'input';
    this.status = options.status;
    this.retryAfterMs = options.retryAfterMs;
    this.requestId = options.requestId;
    this.data = options.data;
  }

  get [FAILURE_MARK](): true {
    return true;
  }
}

/**
 * Throws a {@link StepFailure}; handy inside expressions.
 * @example const name = item.json.name ?? fail('NO_NAME', 'The item has no name. Add a Set step before this one.')
 */
export function fail(code: string, message: string, options?: FailureOptions): never {
  throw new StepFailure(code, message, options);
}
