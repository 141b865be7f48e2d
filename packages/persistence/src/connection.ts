/** Where the database is, said in a way that may be logged: never with the password. */
import type { ClientConfig } from 'pg';
import { DatabaseError } from './errors.ts';

/** What `pg` needs to connect. */
export type ConnectionOptions = Pick<ClientConfig, 'connectionString' | 'host' | 'port' | 'user' | 'password' | 'database'>;

/** @throws DatabaseError DATABASE_URL_INVALID for anything but a PostgreSQL URL. */
export function connectionFromUrl(url: string): ConnectionOptions {
  let parsed: URL;
  try {
    parsed = new URL(url);
  } catch {
    throw invalid('it is not a URL');
  }
  if (parsed.protocol !== 'postgres:' && parsed.protocol !== 'postgresql:') throw invalid(`it starts with ${parsed.protocol}//`);
  return { connectionString: url };
}

/** Such as `db.example.com:5432/plugboard`. */
export function describeConnection(connection: ConnectionOptions): string {
  if (connection.connectionString === undefined)
    return `${connection.host ?? 'localhost'}:${connection.port ?? 5432}/${connection.database ?? ''}`;
  const url = new URL(connection.connectionString);
  return `${url.searchParams.get('host') ?? (url.hostname || 'localhost')}:${url.port || '5432'}${url.pathname}`;
}

function invalid(why: string): DatabaseError {
  return new DatabaseError(
    'DATABASE_URL_INVALID',
    `DATABASE_URL cannot be used: ${why}. Expected postgres://user:password@host:5432/database.`,
  );
}
