/**
 * Partitions of `run` and `run_chunk`: ranges of uuid v7 ids, seven days wide, aligned to whole weeks since 1970 (a
 * Thursday, UTC). There is no default partition, so dropping an old one is all that retention has to do.
 */
import type { ClientBase } from 'pg';
import { uuidFloor } from './ids.ts';

export const PARTITION_DAYS = 7;
export const PARTITIONS_AHEAD = 4;
const WIDTH_MS = PARTITION_DAYS * 24 * 60 * 60 * 1000;
/** Ids follow a corrected clock that may run a little behind `now`. */
const CLOCK_SLACK_MS = 10 * 60 * 1000;
/** Partitions come under this advisory lock, so that processes starting together do not trip over each other. */
const PARTITION_LOCK = 0x706c7062;

export interface PartitionRange {
  /** Such as `20261119`: the UTC day the range starts. */
  readonly suffix: string;
  readonly from: string;
  readonly to: string;
}

/** The ranges that must exist at `now`: the current one and {@link PARTITIONS_AHEAD} more. */
export function partitionRanges(now: Date): PartitionRange[] {
  const first = Math.floor((now.getTime() - CLOCK_SLACK_MS) / WIDTH_MS);
  const last = Math.floor(now.getTime() / WIDTH_MS) + PARTITIONS_AHEAD;
  const ranges: PartitionRange[] = [];
  for (let week = first; week <= last; week++) {
    const startMs = week * WIDTH_MS;
    ranges.push({
      suffix: new Date(startMs).toISOString().slice(0, 10).replaceAll('-', ''),
      from: uuidFloor(startMs),
      to: uuidFloor(startMs + WIDTH_MS),
    });
  }
  return ranges;
}

/**
 * Makes the partitions that `now` needs, of both tables; returns the names of those it made. Safe to call from many
 * processes at once and as often as one likes: when nothing is missing it is one short read. `client` must not be inside a
 * transaction. For a run whose partition is missing at flush time, pass the time inside its id.
 */
export async function ensurePartitions(client: ClientBase, now: Date): Promise<string[]> {
  const wanted = partitionRanges(now).flatMap((range) => [
    { table: 'run', name: `run_p${range.suffix}`, range },
    { table: 'run_chunk', name: `run_chunk_p${range.suffix}`, range },
  ]);
  const names = wanted.map((partition) => partition.name);
  if ((await existing(client, names)).size === names.length) return [];

  await client.query('begin');
  try {
    await client.query(`set local lock_timeout = '2s'`);
    await client.query('select pg_advisory_xact_lock($1)', [PARTITION_LOCK]);
    const present = await existing(client, names);
    const missing = wanted.filter((partition) => !present.has(partition.name));
    for (const { table, name, range } of missing) await client.query(createPartition(table, name, range));
    await client.query('commit');
    return missing.map((partition) => partition.name);
  } catch (error) {
    await client.query('rollback');
    throw error;
  }
}

async function existing(client: ClientBase, names: readonly string[]): Promise<Set<string>> {
  const { rows } = await client.query<{ name: string }>(
    'select name from unnest($1::text[]) as name join pg_inherits on inhrelid = to_regclass(quote_ident(name))',
    [names],
  );
  return new Set(rows.map((row) => row.name));
}

/**
 * Made as a table of its own and then attached: attaching takes a lock that running queries do not mind, `create table …
 * partition of` takes one that stops them all.
 */
function createPartition(table: string, name: string, range: PartitionRange): string {
  // Journals are written once and read rarely: keep them uncompressed, and inline up to a whole page.
  const storage =
    table === 'run'
      ? `alter table ${name} alter column journal set storage external; alter table ${name} set (toast_tuple_target = 8160);`
      : '';
  return `create table ${name} (like ${table} including all); ${storage}
    alter table ${table} attach partition ${name} for values from ('${range.from}') to ('${range.to}');`;
}
