/**
 * Workflows as lists show them: one page with what is live and what failed, counts by view, the last runs and figures of the week. Nothing
 * here grows with the number of runs: figures come from `run_stats` by time, last runs from the index of each workflow.
 */
import type { RunStatusName, WorkflowDefinition } from '@plugboard/engine';
import { runStatusName } from '@plugboard/engine';
import { uuidFloor } from './ids.ts';
import type { WorkspaceTransaction } from './in-workspace.ts';
import { InvalidCursorError } from './journal/run-reads.ts';
import { likePattern, pageLimit } from './paging.ts';
import { ENVIRONMENT } from './seed.ts';
import type { Seen } from './seen.ts';
import { seenValues, seenWorkflow } from './seen.ts';

export const WORKFLOW_VIEWS = ['all', 'live', 'drafts', 'attention'] as const;
export type WorkflowView = (typeof WORKFLOW_VIEWS)[number];
export const WORKFLOW_SORTS = ['recentlyRun', 'recentlyEdited', 'name'] as const;
export type WorkflowSort = (typeof WORKFLOW_SORTS)[number];

export interface ListWorkflowRows {
  readonly visible: Seen;
  readonly view?: WorkflowView | undefined;
  /** Part of the name, of a tag, or of the name of a step. */
  readonly search?: string | undefined;
  readonly projectId?: string | undefined;
  readonly folderId?: string | undefined;
  /** Those that wear all of these. */
  readonly tagIds?: readonly string[] | undefined;
  /** Those the person starred. @default false */
  readonly starred?: boolean | undefined;
  /** @default 'recentlyRun' */
  readonly sort?: WorkflowSort | undefined;
  readonly first?: number | undefined;
  /** `nextCursor` of the page before. */
  readonly after?: string | undefined;
}

export interface ListedWorkflow {
  readonly id: string;
  readonly name: string;
  readonly projectId: string;
  readonly projectName: string;
  readonly folderId: string | null;
  readonly liveVersion: number | null;
  /** Live, and taking no work. */
  readonly isPaused: boolean;
  /** It is live and more runs failed than succeeded, over a day. */
  readonly isFailing: boolean;
  readonly draft: WorkflowDefinition | null;
  readonly draftHash: string | null;
  readonly liveHash: string | null;
  readonly editedBy: string | null;
}

/** What the order is made by, as text that compares byte by byte, and its direction. */
const ORDER = {
  name: { key: 'lower(w.name)', direction: 'asc' },
  recentlyEdited: {
    key: `to_char(greatest(w.updated_at, d.updated_at) at time zone 'utc', 'YYYYMMDDHH24MISSUS')`,
    direction: 'desc',
  },
  recentlyRun: { key: `coalesce(last.id::text, '')`, direction: 'desc' },
} as const;

const VIEW = {
  all: 'true',
  live: 'p.version is not null',
  drafts: 'p.version is null',
  attention: 'p.version is not null and w.id in (select workflow_id from failing)',
} as const;

/** Runs that failed outnumber those that succeeded. */
const MORE_FAILED = 'sum(n) filter (where status in (5, 7)) > coalesce(sum(n) filter (where status = 4), 0)';

/** Over a day, of the whole workspace. Needs the workspace as $1. */
const FAILING = `
  select workflow_id from run_stats where workspace_id = $1 and environment = ${ENVIRONMENT.live} and bucket > now() - interval '1 day' group by workflow_id having ${MORE_FAILED}`;

const LIVE = `left join deployment p on p.workflow_id = w.id and p.environment = ${ENVIRONMENT.live} and p.state <> 'off'`;

/** Partitions are made ahead; without an upper end each of them would be looked into, for each workflow. */
const AHEAD_MS = 60 * 60_000;

/** @throws InvalidCursorError */
export async function listWorkflowRows(
  tx: WorkspaceTransaction,
  options: ListWorkflowRows,
): Promise<{ readonly rows: readonly ListedWorkflow[]; readonly nextCursor?: string }> {
  const sort = options.sort ?? 'recentlyRun';
  const { key, direction } = ORDER[sort];
  const first = pageLimit(options.first);
  const after = options.after === undefined ? undefined : readCursor(options.after);
  const values: unknown[] = [tx.context.workspaceId, ...seenValues(options.visible)];
  const view = options.view ?? 'all';
  const where = [`w.workspace_id = $1 and w.deleted_at is null and ${seenWorkflow(2)}`, VIEW[view]];
  const parameter = (value: unknown): string => `$${values.push(value)}`;
  if (options.projectId !== undefined) where.push(`w.project_id = ${parameter(options.projectId)}::uuid`);
  if (options.folderId !== undefined) where.push(`w.folder_id = ${parameter(options.folderId)}::uuid`);
  const tagIds = new Set(options.tagIds);
  if (tagIds.size > 0)
    where.push(
      `(select count(*) from workflow_tag t where t.workflow_id = w.id and t.tag_id = any(${parameter([...tagIds])}::uuid[])) = ${parameter(tagIds.size)}`,
    );
  if (options.starred === true)
    where.push(
      `exists (select from star s where s.workspace_id = $1 and s.workflow_id = w.id and s.principal_id = ${parameter(tx.context.principalId)}::uuid)`,
    );
  const search = likePattern(options.search);
  if (search !== null) {
    const pattern = parameter(search);
    where.push(`(w.name ilike ${pattern} escape '\\' or d.words ilike ${pattern} escape '\\'
      or exists (select from workflow_tag t join tag g on g.id = t.tag_id where t.workflow_id = w.id and g.name ilike ${pattern} escape '\\'))`);
  }
  if (after) {
    const isBehind = direction === 'asc' ? '>' : '<';
    where.push(`(${key} collate "C", w.id) ${isBehind} (${parameter(after.key)}, ${parameter(after.id)}::uuid)`);
  }
  const last =
    sort === 'recentlyRun'
      ? `left join lateral (select r.id from run r where r.workflow_id = w.id and r.workspace_id = $1 and r.id < ${parameter(soon())}::uuid
           order by r.id desc limit 1) last on true`
      : '';
  const edited = sort === 'recentlyEdited' || search !== null ? 'left join draft d on d.workflow_id = w.id' : '';
  const found = await tx.query<ListedWorkflow & { key: string }>(
    // The drafts themselves, and which workflows fail, are read for the page only.
    `with ${view === 'attention' ? `failing as materialized (${FAILING}),` : ''} page as materialized (
       select w.id, w.name, w.project_id, w.folder_id, p.version, p.state is not distinct from 'paused' as is_paused, ${key} collate "C" as key
         from workflow w ${LIVE} ${edited} ${last}
        where ${where.join(' and ')}
        order by key ${direction}, w.id ${direction} limit ${parameter(first + 1)}
     ) select page.id, page.name, page.project_id as "projectId", j.name as "projectName", page.folder_id as "folderId",
              page.version as "liveVersion", page.is_paused as "isPaused", coalesce(f.fails, false) as "isFailing", d.doc as draft,
              d.semantic_hash as "draftHash", v.semantic_hash as "liveHash", d.updated_by as "editedBy", page.key
         from page join project j on j.id = page.project_id
         left join lateral (select ${MORE_FAILED} as fails from run_stats
                             where workspace_id = $1 and workflow_id = page.id and environment = ${ENVIRONMENT.live}
                               and bucket > now() - interval '1 day') f on page.version is not null
         left join draft d on d.workflow_id = page.id
         left join version v on v.workflow_id = page.id and v.n = page.version
        order by key ${direction}, page.id ${direction}`,
    values,
  );
  const rows = found.slice(0, first);
  const end = rows.at(-1);
  return found.length > first && end ? { rows, nextCursor: writeCursor(end) } : { rows };
}

export interface WorkflowCounts {
  readonly all: number;
  readonly live: number;
  readonly drafts: number;
  readonly attention: number;
  readonly projects: number;
}

export async function countWorkflows(tx: WorkspaceTransaction, visible: Seen): Promise<WorkflowCounts> {
  const [row] = await tx.query<Omit<WorkflowCounts, 'drafts'>>(
    `with failing as materialized (${FAILING})
     select count(*)::int4 as all, count(p.version)::int4 as live, count(f.workflow_id) filter (where p.version is not null)::int4 as attention,
            (select count(*)::int4 from project where workspace_id = $1 and deleted_at is null and ($2::uuid[] is null or id = any($2))) as projects
       from workflow w ${LIVE} left join failing f on f.workflow_id = w.id
      where w.workspace_id = $1 and w.deleted_at is null and ${seenWorkflow(2)}`,
    [tx.context.workspaceId, ...seenValues(visible)],
  );
  const counts = row ?? { all: 0, live: 0, attention: 0, projects: 0 };
  return { ...counts, drafts: counts.all - counts.live };
}

export interface RecentRun {
  readonly id: string;
  readonly status: RunStatusName;
  readonly startedAt: string;
  readonly durationMs?: number;
}

/** The last runs of each workflow, oldest first, at most 20. */
export async function recentRuns(
  tx: WorkspaceTransaction,
  workflowIds: readonly string[],
): Promise<ReadonlyMap<string, readonly RecentRun[]>> {
  const rows = await tx.query<{ workflowId: string; id: string; status: number; startedAt: number; durationMs: number | null }>(
    // Where a run that goes on stands is looked up once for all, and times come as numbers: both are dear by the thousand.
    `with recent as materialized (
       select r.* from unnest($2::uuid[]) as i (id)
        cross join lateral (select workflow_id, id, status, started_at, ended_at from run
                             where workflow_id = i.id and workspace_id = $1 and id < $3::uuid order by id desc limit 20) r
     ) select r.workflow_id as "workflowId", r.id, coalesce(l.status, r.status) as status,
              (extract(epoch from r.started_at) * 1000)::float8 as "startedAt",
              (extract(epoch from r.ended_at - r.started_at) * 1000)::float8 as "durationMs"
         from recent r left join run_live l on l.run_id = r.id order by r.id`,
    [tx.context.workspaceId, workflowIds, soon()],
  );
  const runs = new Map<string, RecentRun[]>();
  for (const { workflowId, id, status, startedAt, durationMs } of rows) {
    const list = runs.get(workflowId) ?? [];
    list.push({
      id,
      status: runStatusName(status),
      startedAt: new Date(startedAt).toISOString(),
      ...(durationMs === null ? {} : { durationMs: Math.round(durationMs) }),
    });
    runs.set(workflowId, list);
  }
  return runs;
}

/** Part of the week's ended runs that succeeded, 0 to 1, of what was live; workflows without such runs are missing. */
export async function successRates(tx: WorkspaceTransaction, workflowIds: readonly string[]): Promise<ReadonlyMap<string, number>> {
  const rows = await tx.query<{ workflowId: string; rate: number }>(
    `select workflow_id as "workflowId", (coalesce(sum(n) filter (where status = 4), 0) / sum(n))::float8 as rate
       from run_stats where workspace_id = $1 and workflow_id = any($2::uuid[]) and environment = ${ENVIRONMENT.live} and bucket > now() - interval '7 days'
      group by workflow_id having sum(n) > 0`,
    [tx.context.workspaceId, workflowIds],
  );
  return new Map(rows.map((row) => [row.workflowId, row.rate]));
}

/** Above every id that was made by now, also by a clock that is a little ahead. */
function soon(): string {
  return uuidFloor(Date.now() + AHEAD_MS);
}

function writeCursor({ key, id }: { readonly key: string; readonly id: string }): string {
  return Buffer.from(JSON.stringify([key, id])).toString('base64url');
}

function readCursor(cursor: string): { readonly key: string; readonly id: string } {
  try {
    const [key, id] = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8')) as [unknown, unknown];
    if (typeof key === 'string' && !key.includes('\0') && typeof id === 'string' && /^[0-9a-f-]{36}$/.test(id)) return { key, id };
  } catch {
    // Not one of ours; said below.
  }
  throw new InvalidCursorError('This is not a cursor of this list; start from the first page');
}
