/** JSON lines on standard output, or plain ones for people at a terminal, with secrets redacted by name. */
import { type DestinationStream, type Logger, pino } from 'pino';
import type { Config } from './config.ts';

const SECRETS = [
  'authorization',
  'cookie',
  'set-cookie',
  'proxy-authorization',
  'idempotency-key',
  'password',
  'token',
  'secret',
  'apiKey',
  'rootKey',
  'databaseUrl',
  'connectionString',
];
/** Causes of an error that are written with it. */
const MAX_CAUSES = 4;

export type { Logger };

/** @param to where the lines go; standard output unless given */
export function createLog(level: Config['logLevel'], to?: DestinationStream): Logger {
  const options = {
    level,
    base: null,
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    formatters: { level: (label: string) => ({ level: label }) },
    serializers: { err: (error: unknown) => errorFields(error, 0) },
    redact: { paths: SECRETS.flatMap((name) => [`["${name}"]`, `*["${name}"]`, `*.*["${name}"]`]), censor: '***' },
  };
  return to ? pino(options, to) : pino(options);
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
  if (!(error instanceof Error)) return { message: withoutPasswords(String(error)) };
  return {
    type: error.name,
    ...('code' in error && typeof error.code === 'string' ? { code: error.code } : {}),
    message: withoutPasswords(error.message),
    stack: withoutPasswords(error.stack ?? ''),
    ...(error.cause === undefined || depth >= MAX_CAUSES ? {} : { cause: errorFields(error.cause, depth + 1) }),
  };
}

/** `postgres://user:password@host` in the words of an error. */
function withoutPasswords(text: string): string {
  return text.replaceAll(/\b([a-z][a-z0-9+.-]{0,20}:\/\/[^\s:/@]{0,200}):[^\s@]{1,500}@/gi, '$1:***@');
}
