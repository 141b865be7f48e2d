/** Whether an error says that the database is away or busy, so that the same may go well a little later, and not that something is wrong with what was asked. */
import { DatabaseError, errorCodeOf } from './errors.ts';

/**
 * SQLSTATE classes: connection, transaction that had to give way, resources (a full disk too), operator (shutdown, a statement that took too long);
 * and 25006, a database that takes no writes.
 */
const AWAY_STATE = /^(08|40|53|57)[0-9A-Z]{3}$|^25006$/;
const AWAY_SYSTEM: ReadonlySet<string> = new Set(['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'EHOSTUNREACH', 'ENETUNREACH']);
/** `pg` and TypeORM give these no code. */
const AWAY_WORDS =
  /^Connection terminated|connection error and is not queryable|^Client was closed|timeout exceeded when trying to connect/;

/** TypeORM's, when somebody goes on with a connection that broke. */
const AWAY_NAMES = /^QueryRunner(Provider)?AlreadyReleasedError$/;

/** What was under way when the connection broke may have been done or not: only what may be asked twice is asked again. */
export function isDatabaseAway(error: unknown): boolean {
  if (error instanceof DatabaseError) return error.code === 'DATABASE_UNREACHABLE' || error.code === 'DATABASE_BUSY';
  const code = errorCodeOf(error);
  if (code !== undefined) return AWAY_STATE.test(code) || AWAY_SYSTEM.has(code) || isMissingSocket(error, code);
  return error instanceof Error && (AWAY_WORDS.test(error.message) || AWAY_NAMES.test(error.name));
}

/** The socket of the embedded database is not there while it starts. */
function isMissingSocket(error: unknown, code: string): boolean {
  return code === 'ENOENT' && typeof error === 'object' && error !== null && 'syscall' in error && error.syscall === 'connect';
}
