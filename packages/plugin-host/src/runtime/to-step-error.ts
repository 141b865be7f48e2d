/**
 * Turns whatever a plugin threw into a StepError. The value is hostile until read: its getters may throw, its texts may be huge,
 * its causes may form a ring.
 */
import { FAILURE_MARK } from '@plugboard/sdk';
import type { Json, StepError, StepErrorKind } from '@plugboard/sdk';
import { networkMeaning } from './network-failure.ts';
import { normalise } from './normalise.ts';

const MESSAGE_MAX = 2_000;
const STACK_MAX = 8_000;
const DATA_MAX = 16_384;
const CAUSES_MAX = 5;

const KINDS: ReadonlySet<unknown> = new Set<StepErrorKind>([
  'input',
  'auth',
  'rejected',
  'rate_limited',
  'timeout',
  'unavailable',
  'cancelled',
  'bug',
]);
const CODE = /^[A-Z][A-Z0-9_]{1,63}$/;

export function toStepError(thrown: unknown): StepError {
  try {
    return convert(thrown, 0);
  } catch {
    return { code: 'STEP_THREW', kind: 'bug', message: 'The step threw a value that cannot be read.' };
  }
}

function convert(thrown: unknown, depth: number): StepError {
  if (typeof thrown !== 'object' || thrown === null) {
    return { code: 'STEP_THREW', kind: 'bug', message: text(`The step threw ${typeof thrown === 'string' ? thrown : describe(thrown)}`) };
  }
  const declared = read(thrown, 'kind');
  const isDeclared = KINDS.has(declared) && (read(thrown, FAILURE_MARK) === true || typeof read(thrown, 'code') === 'string');
  const status = statusOf(thrown);
  const { code, kind } = isDeclared ? { code: read(thrown, 'code'), kind: declared as StepErrorKind } : guess(thrown, status);
  const message = read(thrown, 'message');
  const retryAfterMs = read(thrown, 'retryAfterMs');
  const requestId = read(thrown, 'requestId');
  const data = dataOf(read(thrown, 'data'));
  const cause = causesOf(thrown, depth);
  const stack = read(thrown, 'stack');
  return {
    code: typeof code === 'string' && CODE.test(code) ? code : 'STEP_THREW',
    kind,
    message: text(typeof message === 'string' && message !== '' ? message : 'The step failed without a message.'),
    ...(status !== undefined && { status }),
    ...(typeof retryAfterMs === 'number' && retryAfterMs >= 0 && Number.isFinite(retryAfterMs) && { retryAfterMs }),
    ...(typeof requestId === 'string' && { requestId: requestId.slice(0, 200) }),
    ...(data !== undefined && { data }),
    ...(cause.length > 0 && { cause }),
    ...(typeof stack === 'string' && { stack: stack.slice(0, STACK_MAX).toWellFormed().replaceAll('\0', '') }),
  };
}

/** What libraries leave behind: a status, a socket's code, an abort. Everything else is a bug of the plugin or of the user's code. */
function guess(thrown: object, status: number | undefined): { readonly code: unknown; readonly kind: StepErrorKind } {
  const code = read(thrown, 'code');
  const name = read(thrown, 'name');
  if (name === 'TimeoutError') return { code: 'STEP_TIMEOUT', kind: 'timeout' };
  if (name === 'AbortError') return { code: 'CANCELLED', kind: 'cancelled' };
  const network = networkMeaning(thrown);
  if (network !== undefined) return network;
  if (status !== undefined) return { code: `HTTP_${status}`, kind: statusKind(status) };
  return { code, kind: 'bug' };
}

/** What an answer's status means for a retry. */
export function statusKind(status: number): StepErrorKind {
  if (status === 401 || status === 403) return 'auth';
  if (status === 429) return 'rate_limited';
  return status < 500 ? 'rejected' : 'unavailable';
}

function statusOf(thrown: object): number | undefined {
  for (const member of ['status', 'statusCode']) {
    const status = read(thrown, member);
    if (typeof status === 'number' && Number.isInteger(status) && status >= 400 && status <= 599) return status;
  }
  return undefined;
}

function causesOf(thrown: object, depth: number): readonly StepError[] {
  if (depth >= CAUSES_MAX) return [];
  const cause = read(thrown, 'cause');
  if (cause === undefined || cause === null || cause === thrown) return [];
  if (!Array.isArray(cause)) return [withoutStack(convert(cause, depth + 1))];
  return cause.slice(0, CAUSES_MAX).map((one) => withoutStack(convert(one, CAUSES_MAX)));
}

function withoutStack({ stack: _, ...error }: StepError): StepError {
  return error;
}

function dataOf(data: unknown): Json | undefined {
  if (data === undefined) return undefined;
  try {
    const json = normalise(data);
    return json !== undefined && JSON.stringify(json).length <= DATA_MAX ? json : undefined;
  } catch {
    return undefined;
  }
}

/** A member of a hostile object; a getter that throws reads as absent. */
function read(thrown: object, member: string | symbol): unknown {
  try {
    return (thrown as { readonly [member: string | symbol]: unknown })[member];
  } catch {
    return undefined;
  }
}

function describe(thrown: unknown): string {
  if (thrown === undefined || thrown === null) return String(thrown);
  return typeof thrown === 'number' || typeof thrown === 'boolean' || typeof thrown === 'bigint' ? String(thrown) : `a ${typeof thrown}`;
}

function text(message: string): string {
  const clean = message.slice(0, MESSAGE_MAX).toWellFormed().replaceAll('\0', '');
  return message.length > MESSAGE_MAX ? `${clean.slice(0, MESSAGE_MAX - 1)}…` : clean;
}
