/**
 * The database as rows to keep: one snapshot of all tables, read while the server goes on. PostgreSQL's own text format, so that a
 * backup made on one version can be loaded into a newer one.
 */
import type { Readable } from 'node:stream';
import type { Client } from 'pg';
import { to as copyTo } from 'pg-copy-streams';
import type { Database } from '../database.ts';

export interface DumpTable {
  readonly name: string;
  readonly columns: readonly string[];
}

export interface TableRows {
  readonly stream: Readable;
  /** Known once the stream has ended. */
  count(): number;
}

export interface DatabaseDump {
  /** Number of the newest migration. */
  readonly schema: number;
  /** PostgreSQL's major version. */
  readonly serverVersion: number;
  /** Where each partition of the run tables begins, in milliseconds since 1970. */
  readonly partitions: readonly number[];
  readonly tables: readonly DumpTable[];
  /** The rows of a table in COPY's text format. One at a time; read to its end before the next. */
  read(table: DumpTable): TableRows;
  /** Ends the snapshot. */
  close(): Promise<void>;
}

/**
 * What a copy of the server must not have: who was at work, who was signed in or about to be, what was tried. People sign in again, and a
 * session or a link that was ended after the backup does not come back.
 */
export const NOT_KEPT: ReadonlySet<string> = new Set([
  'schema_migration',
  'worker',
  'session',
  'login_attempt',
  'test_listener',
  'oauth_state',
  'password_reset',
]);

const SUFFIX = /_p(\d{4})(\d{2})(\d{2})$/;

/** Opens one snapshot: everything read through it is of one moment, however long it takes. */
export async function openDump(database: Database): Promise<DatabaseDump> {
  const client: Client = database.createWriterClient();
  // A connection that breaks in between reports at the statement under way.
  client.on('error', () => undefined);
  await client.connect();
  try {
    await client.query('begin isolation level repeatable read, read only');
    await client.query(`set local statement_timeout = 0; set local idle_in_transaction_session_timeout = 0`);
    const { rows: versions } = await client.query<{ n: number }>('select max(n) as n from schema_migration');
    return {
      schema: versions[0]?.n ?? 0,
      serverVersion: database.serverVersion,
      partitions: await partitionStarts(client),
      tables: (await readTables(client)).filter((table) => !NOT_KEPT.has(table.name)),
      read: ({ name, columns }) => {
        const list = columns.map(quoted).join(', ');
        const stream = client.query(copyTo(`copy (select ${list} from ${quoted(name)}) to stdout`));
        return { stream, count: () => stream.rowCount };
      },
      async close() {
        await client.end();
      },
    };
  } catch (error) {
    await client.end().catch(() => undefined);
    throw error;
  }
}

/** Tables with the columns that are stored, by name. A partitioned table is read as one. */
export async function readTables(client: Pick<Client, 'query'>): Promise<DumpTable[]> {
  const { rows } = await client.query<{ name: string; columns: string[] }>(
    `select c.relname as name, array_agg(a.attname::text order by a.attnum) as columns
       from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
      where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
      group by c.relname order by c.relname`,
  );
  return rows;
}

async function partitionStarts(client: Client): Promise<number[]> {
  const { rows } = await client.query<{ name: string }>(
    `select c.relname as name from pg_class c join pg_inherits i on i.inhrelid = c.oid where i.inhparent = 'run'::regclass order by 1`,
  );
  return rows.flatMap(({ name }) => {
    const [, year, month, day] = SUFFIX.exec(name) ?? [];
    return year === undefined ? [] : [Date.UTC(Number(year), Number(month) - 1, Number(day))];
  });
}

export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
