/** Why a read gave nothing. Expected refusals of writes are values (`Outcome`), not errors. */
export type ApiErrorKind = 'offline' | 'signedOut' | 'forbidden' | 'notFound' | 'busy' | 'failed';

/**
 * Thrown by reads of the API. `offline`: no answer came. `signedOut`: the session ended. `forbidden`: the message says which role may and
 * whom to ask. `busy`: the server asks to come back later. `failed`: the server's fault; `requestId` finds it in the log.
 */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly kind: ApiErrorKind;
  readonly code: string;
  readonly requestId: string | undefined;
  /** Seconds, for `busy`. */
  readonly retryAfterSeconds: number | undefined;

  constructor(
    kind: ApiErrorKind,
    message: string,
    options: { readonly code?: string; readonly requestId?: string; readonly retryAfterSeconds?: number; readonly cause?: unknown } = {},
  ) {
    super(message, { cause: options.cause });
    this.kind = kind;
    this.code = options.code ?? kind;
    this.requestId = options.requestId;
    this.retryAfterSeconds = options.retryAfterSeconds;
  }
}

/** Anything caught while reading, as an ApiError; what is none (a bug of ours) becomes `failed` and keeps its cause. */
export function asApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  return new ApiError('failed', error instanceof Error ? error.message : String(error), { cause: error });
}

export function isAbort(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'AbortError';
}
