/** What can go wrong between the server and its database. Each error has a stable code and says what to do about it. */

export type DatabaseErrorCode =
  | 'DATABASE_URL_INVALID'
  | 'DATABASE_UNREACHABLE'
  | 'DATABASE_TOO_OLD'
  | 'DATABASE_BUSY'
  | 'DATABASE_CLOSED'
  | 'SCHEMA_TOO_NEW'
  | 'SCHEMA_TOO_OLD'
  | 'DATABASE_NOT_EMPTY'
  | 'BACKUP_DOES_NOT_FIT'
  | 'MIGRATION_LOCKED';

/** Thrown for a database that cannot be used as it is. Only `DATABASE_BUSY` is worth retrying at once. */
export class DatabaseError extends Error {
  override readonly name = 'DatabaseError';
  readonly code: DatabaseErrorCode;
  readonly retryable: boolean;

  constructor(code: DatabaseErrorCode, message: string, options: { cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.retryable = code === 'DATABASE_BUSY';
  }
}

export type EmbeddedPostgresErrorCode =
  | 'EMBEDDED_DB_UNSUPPORTED'
  | 'EMBEDDED_DB_IDENTITY'
  | 'EMBEDDED_DB_FOLDER'
  | 'EMBEDDED_DB_NO_SPACE'
  | 'EMBEDDED_DB_IN_USE'
  | 'EMBEDDED_DB_VERSION'
  | 'EMBEDDED_DB_INIT_FAILED'
  | 'EMBEDDED_DB_START_FAILED';

/** Thrown when the embedded PostgreSQL cannot run here. The operator can fix it; the message says how. */
export class EmbeddedPostgresError extends Error {
  override readonly name = 'EmbeddedPostgresError';
  readonly code: EmbeddedPostgresErrorCode;
  readonly retryable = false;

  constructor(code: EmbeddedPostgresErrorCode, message: string, options: { cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
  }
}

/** Thrown when something is put into a project or folder that is not there, any more or at all. Choose another one; retrying cannot help. */
export class ProjectMissingError extends Error {
  override readonly name = 'ProjectMissingError';
  readonly code = 'PROJECT_MISSING';
  readonly retryable = false;
  readonly details: { readonly projectId: string };

  constructor(projectId: string) {
    super('The project or folder is not there any more. Choose another one.');
    this.details = { projectId };
  }
}

/** SQLSTATE of a row that is there already. */
export const UNIQUE_VIOLATION = '23505';

/** SQLSTATE (`23505`) or system code (`ECONNREFUSED`) of an error from `pg`, also when TypeORM wrapped it. */
export function errorCodeOf(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null) return undefined;
  if ('driverError' in error) return errorCodeOf(error.driverError);
  return 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

export function messageOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') return error.errors.map(messageOf).join('; ');
  return error instanceof Error ? error.message : String(error);
}
