/** What a call can fail with: the server says why, or nobody answers. */
import type { ProblemCode } from './generated.ts';

export interface ProblemBody {
  readonly code?: string;
  readonly message?: string;
  readonly hint?: string;
  readonly path?: string;
  readonly params?: Readonly<Record<string, unknown>>;
  readonly problems?: readonly Readonly<Record<string, unknown>>[];
}

/** Thrown when the server refuses or fails. `code` is stable; match on it with {@link isProblem}. */
export class PlugboardError extends Error {
  readonly code: ProblemCode | 'INTERNAL' | 'UNKNOWN';
  readonly status: number;
  /** What to do about it. */
  readonly hint: string | undefined;
  /** Where in the input. */
  readonly path: string | undefined;
  readonly params: Readonly<Record<string, unknown>>;
  /** Everything that is wrong with a definition. */
  readonly problems: readonly Readonly<Record<string, unknown>>[];
  /** Stands in the server's log beside what happened. */
  readonly requestId: string | undefined;
  readonly retryAfterMs: number | undefined;

  constructor(
    status: number,
    body: ProblemBody | undefined,
    { requestId, retryAfterSeconds }: { readonly requestId?: string | undefined; readonly retryAfterSeconds: number },
  ) {
    super(body?.message ?? `The server answered ${status} without a reason`);
    this.name = 'PlugboardError';
    this.status = status;
    this.code = (body?.code as ProblemCode | undefined) ?? 'UNKNOWN';
    this.hint = body?.hint;
    this.path = body?.path;
    this.params = body?.params ?? {};
    this.problems = body?.problems ?? [];
    this.requestId = requestId;
    this.retryAfterMs = Number.isFinite(retryAfterSeconds) ? retryAfterSeconds * 1000 : undefined;
  }
}

/** Thrown when no answer came: the address is wrong, nothing listens there, or it took too long. Whether a change was made is not known. */
export class ConnectionError extends Error {
  readonly code = 'NO_ANSWER';
  constructor(url: string, cause: unknown) {
    super(`${url} did not answer: ${reason(cause)}`, { cause });
    this.name = 'ConnectionError';
  }
}

/** @example if (isProblem(error, 'NOT_FOUND')) return undefined; */
export function isProblem<Code extends ProblemCode>(
  error: unknown,
  ...codes: readonly Code[]
): error is PlugboardError & { readonly code: Code } {
  return error instanceof PlugboardError && (codes.length === 0 || codes.some((code) => code === error.code));
}

function reason(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  return cause.cause instanceof Error
    ? cause.cause.message || ((cause.cause as NodeJS.ErrnoException).code ?? cause.message)
    : cause.message;
}
