/** The database as a start opens it: the embedded one if none is named, reachable, and with the schema of this release. */
import { type Database, type EmbeddedPostgres, migrate, openDatabase, startEmbeddedPostgres } from '@plugboard/persistence';
import type { Config } from '../config.ts';
import type { Logger } from '../log.ts';

export interface StorageOptions {
  readonly config: Config;
  readonly log: Logger;
  /** The embedded database is gone for good. */
  readonly onFatal: ((error: Error) => void) | undefined;
  readonly isStopping: () => boolean;
}

export interface Storage {
  readonly database: Database;
  readonly embedded: EmbeddedPostgres | undefined;
}

/** @param stops takes how to close what is open, in the order of opening */
export async function openStorage({ config, log, onFatal, isStopping }: StorageOptions, stops: (() => unknown)[]): Promise<Storage> {
  const embedded = config.databaseUrl ? undefined : await startEmbedded(config, log, onFatal);
  if (embedded) stops.push(() => embedded.stop());
  const database = await openDatabase({
    ...(embedded ? { embedded } : { url: config.databaseUrl ?? '' }),
    onRetry: (message) => log.warn(message),
    // A server that stops lets its database go.
    onError: (error) =>
      (isStopping() ? log.debug : log.warn).call(log, { err: error }, 'a database connection broke; the pool replaces it'),
  });
  stops.push(() => database.close());
  const { applied } = await migrate(database);
  if (applied.length > 0) log.info({ applied }, 'the database schema was brought up to date');
  return { database, embedded };
}

function startEmbedded(config: Config, log: Logger, onFatal: StorageOptions['onFatal']): Promise<EmbeddedPostgres> {
  return startEmbeddedPostgres({
    dataDir: config.dataDir,
    log: (message) => log.info(message),
    onStateChange: (state) => {
      if (state.kind === 'recovering')
        log.warn({ attempt: state.attempt, reason: state.reason }, 'the embedded PostgreSQL went away and is being started again');
      else log.info({ state: state.kind }, 'embedded PostgreSQL');
      if (state.kind === 'failed') onFatal?.(state.error);
    },
  });
}
