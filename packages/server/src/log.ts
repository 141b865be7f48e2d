/** JSON lines on standard output, or plain ones for people at a terminal, with secrets redacted by name. */
import { type DestinationStream, type Logger, pino } from 'pino';
import type { Config } from './config.ts';

/** What a field is called whose value nobody may read in a log. */
const SECRET_NAME =
  /^(?:(?:proxy-)?authorization|(?:set-)?cookies?|idempotency[-_]?key|.*(?:passwords?|passphrase|secrets?|tokens?|api[-_]?keys?|private[-_]?keys?|root[-_]?keys?|assertion|otp)|(?:database|redis|connection)[-_]?(?:url|string)|totp|code|signature|credentials?)$/i;
/** Fields in the address of a request that carry what a header should. */
const SECRET_QUERY =
  /([?&#;](?:access_token|id_token|refresh_token|token|code|state|key|api_?key|secret|client_secret|password|sig|signature|x-amz-signature|x-amz-credential|ticket)=)[^&#\s"'<>]+/gi;
const USERINFO = /\b([a-z][a-z0-9+.-]{0,20}:\/\/)[^\s/@"'<>]{1,700}@/gi;
const SCHEMES = /\b(bearer|basic|digest|negotiate|aws4-hmac-sha256)\s+[^\s"',;<>]{4,}/gi;
/** Keys of ours, and signed tokens, which are known by how they begin. */
const KNOWN_TOKENS = /\b(?:pb_[A-Za-z0-9_-]{8,}|eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{4,}(?:\.[A-Za-z0-9_-]*)?)/g;
const PEM = /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g;
/** The address at which a step of a run waits: who has it may answer. */
const RESUME_ADDRESS = /(\/resume\/[^\s/"'<>]{1,64}\/[^\s/"'<>]{1,200}\/)[\w-]{8,}/g;
/** The addresses at which people decide and fill in forms. */
const ASKED_ADDRESS = /(\/(?:a|f)\/(?:[^\s/"'<>]{1,64}\/[^\s/"'<>]{1,200}\/)?)[\w-]{40,}/g;
/** What errors of ours are called; a code that signs somebody in looks otherwise. */
const ERROR_CODE = /^[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+$/;
const HIDDEN = '***';
/** Objects inside objects are followed so far; a log line that is deeper says too much anyway. */
const MAX_DEPTH = 6;
const MAX_ENTRIES = 200;
/** Causes of an error that are written with it. */
const MAX_CAUSES = 4;

export type { Logger };

/** @param to where the lines go; standard output unless given */
export function createLog(level: Config['logLevel'], to?: DestinationStream): Logger {
  const options = {
    level,
    base: null,
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    // What is logged under `err` and is no error is said in words.
    serializers: { err: (error: unknown) => (isErrorFields(error) ? error : errorFields(error, 0)) },
    formatters: {
      level: (label: string) => ({ level: label }),
      log: (fields: Record<string, unknown>) => withoutSecrets(fields, 0) as Record<string, unknown>,
    },
    hooks: {
      // The words of a line, and an error that is logged alone, pass no formatter.
      logMethod(this: unknown, given: unknown[], write: (...words: unknown[]) => void): void {
        const [first, ...rest] = given;
        const words = first instanceof Error ? [{ err: first }, ...(rest.length > 0 ? rest : [first.message])] : given;
        write.apply(
          this,
          words.map((word) => (typeof word === 'string' ? hideSecrets(word) : word)),
        );
      },
    },
  };
  const log = to ? pino(options, to) : pino(options);
  // A child's own fields pass no formatter either.
  const makeChild = log.child;
  log.child = function child(this: Logger, bindings: Record<string, unknown>) {
    return makeChild.call(this, withoutSecrets(bindings, 0) as Record<string, unknown>);
  } as typeof log.child;
  return log;
}

/** What a line has beside its own fields. */
const FRAME = new Set(['level', 'time', 'msg', 'err']);

/**
 * Turns the log's JSON lines into lines for a terminal: time, level when it matters, message, fields, and the cause of an error.
 * @example 18:04:12 warn  the heartbeat did not reach the database (connection refused)
 */
export function plainLines(to: { write(text: string): unknown }): DestinationStream {
  return {
    write(json) {
      to.write(plainLine(json));
    },
  };
}

function plainLine(json: string): string {
  let line: { level?: string; time?: string; msg?: string; err?: { message?: string; stack?: string } };
  try {
    line = JSON.parse(json) as typeof line;
  } catch {
    return json;
  }
  const { level = '', time = '', msg = '', err } = line;
  const at = new Date(time).toTimeString().slice(0, 8);
  const fields = Object.entries(line)
    .filter(([name]) => !FRAME.has(name))
    .map(([name, value]) => ` ${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`)
    .join('');
  const cause = err?.message ? ` (${err.message})` : '';
  const stack = level === 'error' && err?.stack ? `\n${err.stack.split('\n').slice(1).join('\n')}` : '';
  return onScreen(`${at} ${level === 'info' ? '' : `${level.padEnd(5)} `}${msg}${fields}${cause}${stack}`);
}

/** Nothing in a message may steer the terminal. */
function onScreen(text: string): string {
  // eslint-disable-next-line no-control-regex -- control characters are what is taken out
  return `${text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, '?')}\n`;
}

/** Libraries hang rows, queries and whole requests on their errors: only what names the failure is written. */
function errorFields(error: unknown, depth: number): unknown {
  if (!(error instanceof Error)) return { message: hideSecrets(String(error)) };
  return {
    type: error.name,
    ...('code' in error && typeof error.code === 'string' ? { code: error.code } : {}),
    message: hideSecrets(error.message),
    stack: hideSecrets(error.stack ?? ''),
    ...(error.cause === undefined || depth >= MAX_CAUSES ? {} : { cause: errorFields(error.cause, depth + 1) }),
  };
}

function isErrorFields(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'message' in value && 'stack' in value;
}

/** Fields whose name says that they are secret, and what in a text looks like it. */
function withoutSecrets(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return hideSecrets(value);
  if (value instanceof URL) return hideSecrets(value.href);
  if (value instanceof Error) return errorFields(value, 0);
  if (typeof value !== 'object' || value === null || value instanceof Date) return value;
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return `[${value.byteLength} bytes]`;
  if (depth >= MAX_DEPTH) return '[…]';
  if (Array.isArray(value)) return value.slice(0, MAX_ENTRIES).map((one) => withoutSecrets(one, depth + 1));
  const entries = value instanceof Map ? [...value] : value instanceof Headers ? [...value] : Object.entries(value);
  return Object.fromEntries(
    entries
      .slice(0, MAX_ENTRIES)
      .map(([name, one]) => [String(name), isSecret(String(name), one) ? HIDDEN : withoutSecrets(one, depth + 1)]),
  );
}

/** How many tokens there are, or that there is one, is no secret. */
function isSecret(name: string, value: unknown): boolean {
  if (name === 'code' && typeof value === 'string' && ERROR_CODE.test(value)) return false;
  return SECRET_NAME.test(name) && value !== undefined && value !== null && typeof value !== 'number' && typeof value !== 'boolean';
}

/** In words: `postgres://user:password@host`, `?token=…`, `Bearer …`, our own keys, signed tokens and private keys. */
export function hideSecrets(text: string): string {
  return text
    .replaceAll(PEM, '-----PRIVATE KEY ***-----')
    .replaceAll(USERINFO, `$1${HIDDEN}@`)
    .replaceAll(SECRET_QUERY, `$1${HIDDEN}`)
    .replaceAll(SCHEMES, `$1 ${HIDDEN}`)
    .replaceAll(RESUME_ADDRESS, `$1${HIDDEN}`)
    .replaceAll(ASKED_ADDRESS, `$1${HIDDEN}`)
    .replaceAll(KNOWN_TOKENS, HIDDEN);
}
