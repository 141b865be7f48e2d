/** Says what a failed request means for a retry, from the codes that sockets, TLS and fetch leave behind. */
import { FAILURE_MARK, StepFailure } from '@plugboard/sdk';
import type { StepErrorKind } from '@plugboard/sdk';

interface Meaning {
  readonly code: string;
  readonly kind: StepErrorKind;
  readonly text: string;
}

const REFUSED: Meaning = { code: 'CONNECTION_REFUSED', kind: 'rejected', text: 'nothing listens there' };
const NOT_FOUND: Meaning = { code: 'HOST_NOT_FOUND', kind: 'rejected', text: 'the host name is not known' };
const UNREACHABLE: Meaning = { code: 'HOST_UNREACHABLE', kind: 'rejected', text: 'the host cannot be reached' };
const CONNECT_TIMEOUT: Meaning = { code: 'CONNECT_TIMEOUT', kind: 'rejected', text: 'the host did not accept the connection in time' };
const TLS: Meaning = { code: 'TLS_FAILED', kind: 'rejected', text: 'no secure connection could be made; check the certificate' };
const LOST: Meaning = { code: 'CONNECTION_LOST', kind: 'unavailable', text: 'the connection broke before the answer' };
const SLOW: Meaning = { code: 'HTTP_TIMEOUT', kind: 'timeout', text: 'the answer did not come in time' };

/** By error code. Those of a connection that never came about prove that nothing was applied. */
const MEANINGS: { readonly [code: string]: Meaning } = {
  ECONNREFUSED: REFUSED,
  ENOTFOUND: NOT_FOUND,
  EAI_AGAIN: NOT_FOUND,
  EAI_NODATA: NOT_FOUND,
  EAI_NONAME: NOT_FOUND,
  UND_ERR_CONNECT_TIMEOUT: CONNECT_TIMEOUT,
  ECONNRESET: LOST,
  EPIPE: LOST,
  ECONNABORTED: LOST,
  UND_ERR_SOCKET: LOST,
  UND_ERR_HEADERS_TIMEOUT: SLOW,
  UND_ERR_BODY_TIMEOUT: SLOW,
  DEPTH_ZERO_SELF_SIGNED_CERT: TLS,
  SELF_SIGNED_CERT_IN_CHAIN: TLS,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: TLS,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: TLS,
  CERT_HAS_EXPIRED: TLS,
  CERT_NOT_YET_VALID: TLS,
  CERT_UNTRUSTED: TLS,
  ERR_TLS_CERT_ALTNAME_INVALID: TLS,
  // What answers there speaks no TLS.
  ERR_SSL_WRONG_VERSION_NUMBER: TLS,
  ERR_SSL_PACKET_LENGTH_TOO_LONG: TLS,
};

/** These may come while connecting, which proves it, or later, which does not. */
const CONNECTION: ReadonlySet<string> = new Set(['EHOSTUNREACH', 'ENETUNREACH', 'ETIMEDOUT']);

/** What the error means, or undefined when it is none of the network. */
export function networkMeaning(error: unknown): Meaning | undefined {
  let current: unknown = error;
  for (let depth = 0; depth < 5 && typeof current === 'object' && current !== null; depth++) {
    const { code, syscall, cause, errors } = current as {
      readonly code?: unknown;
      readonly syscall?: unknown;
      readonly cause?: unknown;
      readonly errors?: unknown;
    };
    if (typeof code === 'string') {
      if (Object.hasOwn(MEANINGS, code)) return MEANINGS[code];
      if (syscall === 'connect') return code === 'ETIMEDOUT' ? CONNECT_TIMEOUT : UNREACHABLE;
      if (syscall === 'getaddrinfo') return NOT_FOUND;
      if (CONNECTION.has(code)) return LOST;
    }
    // Connecting to a host with several addresses fails with all their errors at once.
    current = cause ?? (Array.isArray(errors) ? errors[0] : undefined);
  }
  return undefined;
}

/**
 * The failure of a request as a StepFailure. `target` names it without its query, which may hold secrets.
 * Anything unknown counts as a broken connection, because a write may have happened.
 */
export function networkFailure(error: unknown, target: string): StepFailure {
  if (isFailure(error)) return error;
  const meaning = networkMeaning(error) ?? LOST;
  return new StepFailure(meaning.code, `${target}: ${meaning.text}.`, { kind: meaning.kind, cause: error });
}

/** Codes of requests that the transport refuses to make. */
const NOT_MADE: ReadonlySet<unknown> = new Set(['UND_ERR_INVALID_ARG', 'UND_ERR_NOT_SUPPORTED', 'ERR_INVALID_URL', 'ERR_INVALID_ARG_TYPE']);

/**
 * The failure of a request that fetch could not make, which proves that nothing left: a TypeError with no code of the network inside.
 * Undefined for every other error. Only for requests whose body is there as a whole.
 */
export function requestFailure(error: unknown): StepFailure | undefined {
  if (!(error instanceof TypeError)) return undefined;
  let reason = error.message;
  let current: unknown = error;
  for (let depth = 0; depth < 5 && typeof current === 'object' && current !== null; depth++) {
    const { code, message, cause } = current as { readonly code?: unknown; readonly message?: unknown; readonly cause?: unknown };
    if (code !== undefined && !NOT_MADE.has(code)) return undefined;
    if (typeof message === 'string' && message !== '') reason = message;
    current = cause;
  }
  return new StepFailure('REQUEST_INVALID', `The request cannot be made: ${reason}.`, { cause: error });
}

/** Whether the error proves that the request was not applied. */
export function provesNotApplied(error: unknown): boolean {
  if (isFailure(error)) return error.kind !== 'timeout' && error.kind !== 'unavailable' && error.kind !== 'cancelled';
  return networkMeaning(error)?.kind === 'rejected';
}

function isFailure(error: unknown): error is StepFailure {
  return typeof error === 'object' && error !== null && (error as { readonly [FAILURE_MARK]?: unknown })[FAILURE_MARK] === true;
}
