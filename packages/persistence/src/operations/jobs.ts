/**
 * Long work in steps that survive the process doing it: claimed by lease, resumed from its cursor, cancelled at the next step.
 *
 * queued ──> running ──> succeeded | failed | cancelled. A running job whose lease ran out is claimed again.
 */
import type { Json, JsonObject } from '@plugboard/sdk';
import { uuidv7 } from '../ids.ts';
import type { InstanceStatements } from '../in-instance.ts';
import type { WorkspaceTransaction } from '../in-workspace.ts';
import { pageLimit } from '../paging.ts';
import type { Statements } from '../statements.ts';

export type JobState = 'queued' | 'running' | 'succeeded' | 'failed' | 'cancelled';

export interface Job {
  readonly id: string;
  /** Absent for jobs of the instance. */
  readonly workspaceId?: string;
  readonly kind: string;
  /** Who asked for it; its rights are checked again at each step. */
  readonly actor: string;
  readonly params: JsonObject;
  /** Where to go on. */
  readonly cursor?: Json;
  readonly progress?: Json;
  readonly report?: Json;
  readonly state: JobState;
  readonly isCancelRequested: boolean;
  readonly createdAt: Date;
  readonly endedAt?: Date;
}

/** Gives its id. */
export async function createJob(
  tx: Statements,
  input: { readonly workspaceId?: string; readonly kind: string; readonly actor: string; readonly params: JsonObject },
): Promise<string> {
  const id = uuidv7();
  await tx.query('insert into job (id, workspace_id, kind, actor, params) values ($1, $2, $3, $4, $5)', [
    id,
    input.workspaceId ?? null,
    input.kind,
    input.actor,
    JSON.stringify(input.params),
  ]);
  return id;
}

export async function findJob(tx: WorkspaceTransaction, id: string): Promise<Job | undefined> {
  const [row] = await tx.query<JobRow>(`select ${COLUMNS} from job where workspace_id = $1 and id = $2`, [tx.context.workspaceId, id]);
  return row && toJob(row);
}

/** Newest first. */
export async function listJobs(
  tx: WorkspaceTransaction,
  options: { readonly actor?: string; readonly cursor?: string; readonly limit?: number } = {},
): Promise<{ readonly jobs: readonly Job[]; readonly nextCursor?: string }> {
  const limit = pageLimit(options.limit);
  const rows = await tx.query<JobRow>(
    `select ${COLUMNS} from job where workspace_id = $1 and ($2::uuid is null or actor = $2) and ($3::uuid is null or id < $3) order by id desc limit $4`,
    [tx.context.workspaceId, options.actor ?? null, options.cursor ?? null, limit + 1],
  );
  const jobs = rows.slice(0, limit).map(toJob);
  return rows.length > limit ? { jobs, nextCursor: jobs.at(-1)!.id } : { jobs };
}

/** One that waits is cancelled at once, one that runs at its next step. False when it has ended or is not there. */
export async function cancelJob(tx: WorkspaceTransaction, id: string): Promise<boolean> {
  const rows = await tx.query(
    `update job set cancel_requested_at = coalesce(cancel_requested_at, now()), updated_at = now(),
            state = case when state = 'queued' then 'cancelled' else state end, ended_at = case when state = 'queued' then now() end
      where workspace_id = $1 and id = $2 and state in ('queued', 'running') returning 1`,
    [tx.context.workspaceId, id],
  );
  return rows.length > 0;
}

export interface ClaimJob {
  readonly kinds: readonly string[];
  /** The process that will do it. */
  readonly by: string;
  readonly leaseMs: number;
  /** Claims without a step in between after which it is given up. @default 5 */
  readonly maxAttempts?: number;
}

/** The oldest that waits, or whose process is gone; undefined when there is none. Two processes never get the same one. */
export async function claimJob(
  statements: InstanceStatements,
  { kinds, by, leaseMs, maxAttempts = 5 }: ClaimJob,
): Promise<Job | undefined> {
  await statements.query(
    `update job set state = 'failed', ended_at = now(), updated_at = now(), report = json_build_object('code', 'JOB_ABANDONED', 'attempts', attempts)
      where state = 'running' and lease_until <= now() and attempts >= $2 and kind = any($1::text[])`,
    [kinds, maxAttempts],
  );
  const [row] = await statements.query<JobRow>(
    `update job set state = 'running', lease_by = $2, lease_until = now() + $3::float8 * interval '1 ms', attempts = attempts + 1, updated_at = now()
      where id = (select id from job where kind = any($1::text[]) and (state = 'queued' or (state = 'running' and lease_until <= now()))
                   order by id limit 1 for update skip locked)
      returning ${COLUMNS}`,
    [kinds, by, leaseMs],
  );
  return row && toJob(row);
}

export type JobStepResult = 'going-on' | 'cancel-requested' | 'lost';

/** Keeps the lease and writes down how far it is; in the transaction of a step, step and cursor are one. `lost`: another process has it. */
export async function advanceJob(
  tx: Statements,
  id: string,
  { by, leaseMs, cursor, progress }: { readonly by: string; readonly leaseMs: number; readonly cursor?: Json; readonly progress?: Json },
): Promise<JobStepResult> {
  const [row] = await tx.query<{ isCancelRequested: boolean }>(
    `update job set lease_until = now() + $3::float8 * interval '1 ms', cursor = coalesce($4, cursor), progress = coalesce($5, progress),
            attempts = case when $4::json is null then attempts else 0 end, updated_at = now()
      where id = $1 and lease_by = $2 and state = 'running' returning cancel_requested_at is not null as "isCancelRequested"`,
    [id, by, leaseMs, jsonOrNull(cursor), jsonOrNull(progress)],
  );
  if (!row) return 'lost';
  return row.isCancelRequested ? 'cancel-requested' : 'going-on';
}

/** False when another process has it: then that one's end counts. */
export async function finishJob(
  tx: Statements,
  id: string,
  { by, state, report }: { readonly by: string; readonly state: 'succeeded' | 'failed' | 'cancelled'; readonly report?: Json },
): Promise<boolean> {
  const rows = await tx.query(
    `update job set state = $3, report = $4, ended_at = now(), updated_at = now(), lease_by = null, lease_until = null
      where id = $1 and lease_by = $2 and state = 'running' returning 1`,
    [id, by, state, jsonOrNull(report)],
  );
  return rows.length > 0;
}

/** For a process that shuts down: others may go on at once. */
export async function releaseJobs(statements: InstanceStatements, by: string): Promise<number> {
  const rows = await statements.query(
    `update job set state = 'queued', lease_by = null, lease_until = null, attempts = 0, updated_at = now() where lease_by = $1 and state = 'running' returning 1`,
    [by],
  );
  return rows.length;
}

/** What became of one thing a job acted on. */
export interface JobItem {
  readonly itemId: string;
  readonly outcome: 'done' | 'unchanged' | 'failed';
  readonly code?: string;
  readonly message?: string;
  readonly result?: Json;
  readonly at: Date;
}

/** Once per thing: a second time fails with a unique violation, and with it the transaction of the act. */
export async function recordJobItem(tx: WorkspaceTransaction, jobId: string, item: Omit<JobItem, 'at'>): Promise<void> {
  await tx.query(
    'insert into job_item (job_id, item_id, workspace_id, outcome, code, message, result) values ($1, $2, $3, $4, $5, $6, $7)',
    [jobId, item.itemId, tx.context.workspaceId, item.outcome, item.code ?? null, item.message ?? null, jsonOrNull(item.result)],
  );
}

/** In the order they were done, which is that of their time; `after` is the last item of the page before. */
export async function listJobItems(
  tx: WorkspaceTransaction,
  jobId: string,
  options: { readonly outcome?: JobItem['outcome']; readonly after?: string; readonly limit?: number } = {},
): Promise<{ readonly items: readonly JobItem[]; readonly nextCursor?: string }> {
  const limit = pageLimit(options.limit);
  const rows = await tx.query<{
    itemId: string;
    outcome: JobItem['outcome'];
    code: string | null;
    message: string | null;
    result: Json;
    at: Date;
  }>(
    `select item_id as "itemId", outcome, code, message, result, at from job_item
      where workspace_id = $1 and job_id = $2 and ($3::text is null or outcome = $3) and ($4::uuid is null or item_id > $4) order by item_id limit $5`,
    [tx.context.workspaceId, jobId, options.outcome ?? null, options.after ?? null, limit + 1],
  );
  const items = rows.slice(0, limit).map(({ code, message, result, ...item }) => ({
    ...item,
    ...(code === null ? {} : { code }),
    ...(message === null ? {} : { message }),
    ...(result === null ? {} : { result }),
  }));
  const last = items.at(-1);
  return rows.length > limit && last ? { items, nextCursor: last.itemId } : { items };
}

/** Which of these things a job has done already. */
export async function findDoneItems(tx: WorkspaceTransaction, jobId: string, itemIds: readonly string[]): Promise<Set<string>> {
  const rows = await tx.query<{ id: string }>(
    'select item_id as id from job_item where workspace_id = $1 and job_id = $2 and item_id = any($3::uuid[])',
    [tx.context.workspaceId, jobId, itemIds],
  );
  return new Set(rows.map((row) => row.id));
}

/** Jobs of a principal that have not ended. */
export async function countOpenJobs(tx: WorkspaceTransaction, actor: string): Promise<number> {
  const [row] = await tx.query<{ n: number }>(
    `select count(*)::int4 as n from job where workspace_id = $1 and actor = $2 and state in ('queued', 'running')`,
    [tx.context.workspaceId, actor],
  );
  return row?.n ?? 0;
}

/** Jobs that ended longer ago go, with their reports; gives how many. Call again while it gives `limit`. */
export async function deleteOldJobs(
  statements: InstanceStatements,
  { keepMs, limit = 100 }: { readonly keepMs: number; readonly limit?: number },
): Promise<number> {
  const [row] = await statements.query<{ n: number }>(
    `with old as (select id from job where ended_at < now() - $1::float8 * interval '1 ms' limit $2 for update skip locked),
          items as (delete from job_item where job_id in (select id from old) returning 1),
          jobs as (delete from job where id in (select id from old) and (select count(*) from items) >= 0 returning 1)
     select count(*)::int4 as n from jobs`,
    [keepMs, limit],
  );
  return row?.n ?? 0;
}

function jsonOrNull(value: Json | undefined): string | null {
  return value === undefined ? null : JSON.stringify(value);
}

const COLUMNS = `id, workspace_id as "workspaceId", kind, actor, params, cursor, progress, report, state, cancel_requested_at is not null as "isCancelRequested",
  created_at as "createdAt", ended_at as "endedAt"`;

interface JobRow {
  readonly id: string;
  readonly workspaceId: string | null;
  readonly kind: string;
  readonly actor: string;
  readonly params: JsonObject;
  readonly cursor: Json;
  readonly progress: Json;
  readonly report: Json;
  readonly state: JobState;
  readonly isCancelRequested: boolean;
  readonly createdAt: Date;
  readonly endedAt: Date | null;
}

function toJob({ workspaceId, cursor, progress, report, endedAt, ...job }: JobRow): Job {
  return {
    ...job,
    ...(workspaceId === null ? {} : { workspaceId }),
    ...(cursor === null ? {} : { cursor }),
    ...(progress === null ? {} : { progress }),
    ...(report === null ? {} : { report }),
    ...(endedAt ? { endedAt } : {}),
  };
}
