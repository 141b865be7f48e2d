/** Runs as people look for them: one with its events, lists by page, counts. Every read is bound to a workspace. */
import type { QueryResultRow } from 'pg';
import type { RunStatusName } from '@plugboard/engine';
import { RUN_STATUS, isTerminal, runStatusName } from '@plugboard/engine';
import { isUuid, uuidFloor } from '../ids.ts';
import { decodeChunks, readChunks } from './run-chunks.ts';
import type { RunSummary, SummaryRow } from './run-rows.ts';
import { SUMMARY_COLUMNS, runSummary } from './run-rows.ts';

/** Runs a statement and gives its rows; `Database` is one. */
export interface RunReader {
  query<Row extends QueryResultRow>(text: string, values?: readonly unknown[]): Promise<Row[]>;
}

export interface RunDetail extends RunSummary {
  /** JSON texts of event arrays, in order. */
  readonly chunks: readonly string[];
}

export interface ListRunsOptions {
  readonly workspaceId: string;
  readonly workflowId?: string;
  readonly status?: RunStatusName;
  /** Only runs that started at or after this time, in milliseconds since 1970. @default 7 days ago */
  readonly since?: number;
  /** `nextCursor` of the page before. */
  readonly cursor?: string;
  /** 1 to 100. @default 50 */
  readonly limit?: number;
}

export interface RunPage {
  /** Newest first. */
  readonly runs: readonly RunSummary[];
  /** Undefined on the last page. */
  readonly nextCursor?: string;
}

/** Thrown for a cursor that no page gave. Start again from the first page. */
export class InvalidCursorError extends Error {
  override readonly name = 'InvalidCursorError';
  readonly code = 'CURSOR_INVALID';
}

const DEFAULT_SINCE_MS = 7 * 24 * 60 * 60 * 1000;
const MAX_PAGE = 100;

/** The run with everything committed so far, as it stood at one moment; undefined when the workspace has no such run. */
export async function findRun(db: RunReader, { workspaceId, id }: { workspaceId: string; id: string }): Promise<RunDetail | undefined> {
  if (!isUuid(id)) return undefined;
  const [row] = await db.query<SummaryRow & { last_seq: number | null; journal: Buffer | null }>(
    `select ${SUMMARY_COLUMNS}, k.last_seq, case when k.last_seq is null then r.journal end as journal
       from run r left join run_live l on l.run_id = r.id
      cross join lateral (select max(seq) as last_seq from run_chunk where run_id = r.id) k where r.id = $2 and r.workspace_id = $1`,
    [workspaceId, id],
  );
  if (!row) return undefined;
  if (row.last_seq === null) return { ...runSummary(row), chunks: decodeChunks(row.journal, null) };
  const later = await readChunks(db, id, { from: 0, to: row.last_seq });
  // Read last: a run that is deleted takes it along, and one that is forgotten meanwhile says so in its first event.
  const [first] = await db.query<{ journal: Buffer | null }>('select journal from run where id = $1', [id]);
  return first && { ...runSummary(row), chunks: [...decodeChunks(first.journal, null), ...later] };
}

/**
 * The newest run whose id ends in these 8 hex digits. There is no index on them: the ids of the workspace since `since` are
 * walked, newest first.
 * @param since milliseconds since 1970; default 30 days ago
 */
export async function findRunByShortId(
  db: RunReader,
  { workspaceId, shortId, since = Date.now() - 30 * 24 * 60 * 60 * 1000 }: { workspaceId: string; shortId: string; since?: number },
): Promise<RunSummary | undefined> {
  if (!/^[0-9a-f]{8}$/i.test(shortId)) return undefined;
  const [row] = await db.query<SummaryRow>(
    `select ${SUMMARY_COLUMNS} from run r left join run_live l on l.run_id = r.id
     where r.workspace_id = $1 and r.id >= $3::uuid and substring(uuid_send(r.id) from 13 for 4) = decode($2, 'hex') order by r.id desc limit 1`,
    [workspaceId, shortId, uuidFloor(Math.max(0, since))],
  );
  return row && runSummary(row);
}

/**
 * A page of runs, newest first.
 * @throws InvalidCursorError
 */
export async function listRuns(db: RunReader, options: ListRunsOptions): Promise<RunPage> {
  const limit = Math.min(MAX_PAGE, Math.max(1, Math.trunc(options.limit ?? 50)));
  const values: unknown[] = [options.workspaceId];
  const where = ['r.workspace_id = $1'];
  const add = (condition: (parameter: string) => string, value: unknown): void => {
    values.push(value);
    where.push(condition(`$${values.length}`));
  };
  add((at) => `r.id >= ${at}::uuid`, uuidFloor(Math.max(0, options.since ?? Date.now() - DEFAULT_SINCE_MS)));
  if (options.workflowId !== undefined) add((at) => `r.workflow_id = ${at}::uuid`, options.workflowId);
  if (options.cursor !== undefined) {
    if (!isUuid(options.cursor)) throw new InvalidCursorError('This is not a cursor of a list of runs; start from the first page.');
    add((at) => `r.id < ${at}::uuid`, options.cursor);
  }
  // A run that goes on has its state in run_live; `run` learns it at the end.
  const isEnded = options.status !== undefined && isTerminal(options.status);
  if (options.status !== undefined) add((at) => `${isEnded ? 'r' : 'l'}.status = ${at}::int2`, RUN_STATUS[options.status]);
  const join = options.status === undefined || isEnded ? 'left join' : 'join';
  values.push(limit + 1);
  const rows = await db.query<SummaryRow>(
    `select ${SUMMARY_COLUMNS} from run r ${join} run_live l on l.run_id = r.id where ${where.join(' and ')} order by r.id desc limit $${values.length}`,
    values,
  );
  const runs = rows.slice(0, limit).map(runSummary);
  const last = runs.at(-1);
  return rows.length > limit && last ? { runs, nextCursor: last.head.id } : { runs };
}

export interface RunCount {
  readonly workflowId: string;
  readonly environment: number;
  /** Start of the quarter of an hour the runs ended in, in milliseconds since 1970. */
  readonly bucketAt: number;
  readonly status: RunStatusName;
  readonly n: number;
}

export interface CountRunsOptions {
  readonly workspaceId: string;
  readonly workflowId?: string;
  /** First and last quarter of an hour that count, in milliseconds since 1970. @default everything */
  readonly since?: number;
  readonly until?: number;
}

/** Runs that ended, by quarter of an hour. Summed over the processes that wrote them. */
export async function countRuns(db: RunReader, options: CountRunsOptions): Promise<RunCount[]> {
  const rows = await db.query<{ workflow_id: string; environment: number; bucket_ms: number; status: number; n: number }>(
    `select workflow_id, environment, (extract(epoch from bucket) * 1000)::float8 as bucket_ms, status, sum(n)::float8 as n
     from run_stats
     where workspace_id = $1 and ($2::uuid is null or workflow_id = $2) and ($3::float8 is null or bucket >= to_timestamp($3 / 1000))
       and ($4::float8 is null or bucket <= to_timestamp($4 / 1000))
     group by workflow_id, environment, bucket, status order by bucket, workflow_id, environment, status`,
    [options.workspaceId, options.workflowId ?? null, options.since ?? null, options.until ?? null],
  );
  return rows.map((row) => ({
    workflowId: row.workflow_id,
    environment: row.environment,
    bucketAt: row.bucket_ms,
    status: runStatusName(row.status),
    n: row.n,
  }));
}
