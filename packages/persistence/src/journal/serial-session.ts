/** One connection used by one task at a time, opened when needed and replaced after any failure. */
import type { Client } from 'pg';
import { closeClient } from './writer-session.ts';

export interface SerialSessionOptions {
  /** Makes a client that is not connected yet. */
  readonly connect: () => Client;
  /** A task without an answer for so long fails and its connection is dropped, in milliseconds. */
  readonly timeoutMs: number;
  /** Told when the connection breaks, in use or idle. */
  readonly onBroken?: (error: unknown) => void;
}

/** Thrown when a task took too long, or the session was closed. The outcome of what it did last is unknown. */
export class SessionInterruptedError extends Error {
  override readonly name = 'SessionInterruptedError';
  readonly code = 'SESSION_INTERRUPTED';
}

export class SerialSession {
  readonly #options: SerialSessionOptions;
  #client: Client | undefined;
  #tail: Promise<unknown> = Promise.resolve();
  #isClosed = false;

  constructor(options: SerialSessionOptions) {
    this.#options = options;
  }

  /** Runs `task` when those before it are done. A failure of any kind costs the connection, because its state is unknown then. */
  run<Result>(task: (client: Client) => Promise<Result>): Promise<Result> {
    const result = this.#tail.then(() => this.#runNow(task));
    this.#tail = result.catch(() => {
      // The caller has the failure; the next task only waits for the turn.
    });
    return result;
  }

  /** Waits for the tasks given so far, then closes. */
  async close(): Promise<void> {
    await this.#tail;
    this.#isClosed = true;
    const client = this.#client;
    this.#client = undefined;
    if (client) await client.end().catch(() => {});
  }

  async #runNow<Result>(task: (client: Client) => Promise<Result>): Promise<Result> {
    if (this.#isClosed) throw new SessionInterruptedError('The session is closed.');
    const client = this.#client ?? this.#make();
    const isNew = client !== this.#client;
    this.#client = client;
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<never>((_, reject) => {
      timer = setTimeout(
        () => reject(new SessionInterruptedError(`No answer within ${this.#options.timeoutMs} ms.`)),
        this.#options.timeoutMs,
      );
    });
    const work = (async () => {
      if (isNew) await client.connect();
      return task(client);
    })();
    try {
      return await Promise.race([work, timeout]);
    } catch (error) {
      work.catch(() => {
        // After a timeout the task fails too, once its connection is closed; the timeout has been reported.
      });
      this.#drop(client, error);
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  #make(): Client {
    const client = this.#options.connect();
    client.on('error', (error) => this.#drop(client, error));
    client.on('end', () => this.#drop(client, new Error('The database closed the connection')));
    return client;
  }

  #drop(client: Client, error: unknown): void {
    if (this.#client !== client) return;
    this.#client = undefined;
    closeClient(client);
    this.#options.onBroken?.(error);
  }
}

/** Runs `work` in a transaction of `client`. */
export async function inTransaction<Result>(client: Pick<Client, 'query'>, work: () => Promise<Result>): Promise<Result> {
  await client.query('begin');
  try {
    const result = await work();
    await client.query('commit');
    return result;
  } catch (error) {
    await client.query('rollback').catch(() => {
      // A broken connection rolls back by itself.
    });
    throw error;
  }
}
