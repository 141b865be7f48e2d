/** Puts the rows of a dump into an empty database, in one transaction: all of it is there afterwards, or nothing. */
import { pipeline } from 'node:stream/promises';
import { Readable } from 'node:stream';
import type { Client } from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import type { Database } from '../database.ts';
import { DatabaseError } from '../errors.ts';
import { uuidv7 } from '../ids.ts';
import { HOLD_FOLLOW_UPS } from '../journal/follow-ups.ts';
import { HELD_OWNER } from '../journal/ownership.ts';
import { NEWEST_SCHEMA } from '../migrations/index.ts';
import { migrate } from '../migrations/migrate.ts';
import { ensurePartitions } from '../partitions.ts';
import { type DumpTable, quoted, readTables } from './dump.ts';

export interface LoadOptions {
  readonly schema: number;
  readonly partitions: readonly number[];
  readonly tables: readonly DumpTable[];
  /** The rows of a table as COPY's text, in pieces. Called once per table, in the order of `tables`. */
  readonly rows: (table: DumpTable) => AsyncIterable<Uint8Array>;
  /** Runs that had not ended: `held` until somebody decides, or `resume` with the next start. */
  readonly openRuns: 'held' | 'resume';
}

export interface Loaded {
  readonly rows: number;
  readonly openRuns: number;
}

/** @throws DatabaseError SCHEMA_TOO_NEW, DATABASE_NOT_EMPTY, BACKUP_DOES_NOT_FIT */
export async function loadDump(database: Database, options: LoadOptions): Promise<Loaded> {
  if (options.schema > NEWEST_SCHEMA) {
    throw new DatabaseError(
      'SCHEMA_TOO_NEW',
      `The backup has schema ${options.schema}, made by a newer release; this one knows up to ${NEWEST_SCHEMA}. Restore it with that release.`,
    );
  }
  const client = database.createWriterClient();
  // A connection that breaks between two statements fails the next one.
  client.on('error', () => {});
  await client.connect();
  try {
    await refuseUsed(client);
    await migrate(database, { upTo: options.schema });
    for (const start of options.partitions) await ensurePartitions(client, new Date(start + PARTITION_INNER_MS));
    const loaded = await loadRows(client, options);
    await migrate(database);
    return loaded;
  } finally {
    await client.end();
  }
}

/** Well inside the week that begins there. */
const PARTITION_INNER_MS = 24 * 60 * 60_000;

async function refuseUsed(client: Client): Promise<void> {
  const { rows } = await client.query<{ isUsed: boolean }>(`select to_regclass('public.workspace') is not null as "isUsed"`);
  if (rows[0]?.isUsed !== true) return;
  const { rows: workspaces } = await client.query('select from workspace limit 1');
  if (workspaces.length === 0) return;
  throw new DatabaseError(
    'DATABASE_NOT_EMPTY',
    'The database has data in it. Restore into a new, empty one: nothing that is there is ever overwritten.',
  );
}

async function loadRows(client: Client, { tables, rows, openRuns }: LoadOptions): Promise<Loaded> {
  await client.query('begin');
  try {
    await client.query('set local statement_timeout = 0');
    const known = new Map((await readTables(client)).map((table) => [table.name, new Set(table.columns)]));
    for (const table of tables) {
      const wrong = table.columns.filter((column) => known.get(table.name)?.has(column) !== true);
      if (wrong.length > 0)
        throw new DatabaseError('BACKUP_DOES_NOT_FIT', `The backup has ${table.name}.${wrong.join(', ')}, which this schema does not`);
    }
    // Rows come table by table, so what they refer to may come later: all references are checked at the end instead.
    const references = await dropReferences(client);
    // What migrations put in is in the backup too, as it was then.
    if (tables.length > 0) await client.query(`truncate ${tables.map((table) => quoted(table.name)).join(', ')}`);
    let count = 0;
    for (const table of tables) {
      const columns = table.columns.map(quoted).join(', ');
      const into = client.query(copyFrom(`copy ${quoted(table.name)} (${columns}) from stdin`));
      await pipeline(Readable.from(rows(table), { objectMode: false }), into);
      count += into.rowCount;
    }
    await setSequences(client);
    if (known.has('job')) await settleJobs(client, openRuns);
    if (known.has('schedule') && openRuns === 'held') await holdTimetables(client);
    if (known.has('run_follow_up') && openRuns === 'held') await client.query(HOLD_FOLLOW_UPS);
    const owner = openRuns === 'held' ? HELD_OWNER : uuidv7();
    const { rowCount } = await client.query('update run_live set owner = $1, fence = fence + 1', [owner]);
    for (const { table, name, definition } of references)
      await client.query(`alter table ${table} add constraint ${quoted(name)} ${definition}`);
    await client.query('commit');
    return { rows: count, openRuns: rowCount ?? 0 };
  } catch (error) {
    await client.query('rollback').catch(() => undefined);
    throw error;
  }
}

/** An act on many things went on elsewhere, as the runs did: it is not carried on by itself, and whoever began it can begin it again. */
async function settleJobs(client: Client, openRuns: LoadOptions['openRuns']): Promise<void> {
  await client.query(
    openRuns === 'held'
      ? `update job set state = 'cancelled', ended_at = now(), lease_by = null, lease_until = null, report = '{"code":"JOB_RESTORED"}' where state in ('queued', 'running')`
      : `update job set state = 'queued', lease_by = null, lease_until = null where state = 'running'`,
  );
}

/** What starts runs by itself would start them here as well as where the backup was made. */
async function holdTimetables(client: Client): Promise<void> {
  for (const table of ['schedule', 'poll'])
    await client.query(`update ${table} set state = 'held', claimed_by = null, claimed_until = null where state = 'active'`);
}

interface Reference {
  readonly table: string;
  readonly name: string;
  readonly definition: string;
}

async function dropReferences(client: Client): Promise<readonly Reference[]> {
  const { rows } = await client.query<{ table: string; name: string; definition: string }>(
    `select conrelid::regclass::text as "table", conname as name, pg_get_constraintdef(oid) as definition
       from pg_constraint where contype = 'f' and connamespace = 'public'::regnamespace and conparentid = 0 order by 1, 2`,
  );
  for (const { table, name } of rows) await client.query(`alter table ${table} drop constraint ${quoted(name)}`);
  return rows;
}

/** The next number of a sequence is after the highest one in use. */
async function setSequences(client: Client): Promise<void> {
  const { rows } = await client.query<{ table: string; column: string; sequence: string }>(
    `select c.oid::regclass::text as "table", a.attname as "column", pg_get_serial_sequence(c.oid::regclass::text, a.attname) as sequence
       from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
      where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
        and pg_get_serial_sequence(c.oid::regclass::text, a.attname) is not null`,
  );
  for (const { table, column, sequence } of rows)
    await client.query(`select setval($1, coalesce(max(${quoted(column)}), 0) + 1, false) from ${table}`, [sequence]);
}
