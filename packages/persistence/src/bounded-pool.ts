/** The application's pool: whoever waits too long for a connection gets an error instead of a queue. */
import pg from 'pg';
import { DatabaseError, errorCodeOf, messageOf } from './errors.ts';

type ConnectCallback = Parameters<pg.Pool['connect']>[0];

export class BoundedPool extends pg.Pool {
  constructor(config: pg.PoolConfig & { readonly waitMs: number }) {
    super({ ...config, connectionTimeoutMillis: config.waitMs });
    // The pool listens to idle connections only. One that breaks while it is lent, between two statements, fails the next of them;
    // unheard it would end the process.
    this.on('connect', (client) => client.on('error', () => {}));
  }

  override connect(): Promise<pg.PoolClient>;
  override connect(callback: ConnectCallback): void;
  override connect(callback?: ConnectCallback): Promise<pg.PoolClient> | void {
    if (!callback) {
      return super.connect().catch((error: unknown) => {
        throw this.#explain(error);
      });
    }
    super.connect((error, client, release) => callback(error ? this.#explain(error) : undefined, client, release));
  }

  #explain(error: unknown): Error {
    if (error instanceof DatabaseError) return error;
    // The pool reports a full queue and a server that does not answer in the same words.
    const isFull = this.totalCount >= (this.options.max ?? 10) && this.idleCount === 0;
    if (errorCodeOf(error) === undefined && isFull) {
      return new DatabaseError(
        'DATABASE_BUSY',
        `No database connection came free within ${this.options.connectionTimeoutMillis} ms. Try again shortly.`,
        {
          cause: error,
        },
      );
    }
    return new DatabaseError('DATABASE_UNREACHABLE', `The database cannot be reached: ${messageOf(error)}.`, { cause: error });
  }
}
