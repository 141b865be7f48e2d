/** The workflows of a workspace as its list shows them: one page, with what is live, the last runs and figures of the week. */
import { type RunStatusName, type WorkflowDefinition, runStatusName } from '@plugboard/engine';
import { ENVIRONMENT, type WorkspaceTransaction } from '@plugboard/persistence';
import type { Visible } from '../access/access.ts';
import { OperationProblem } from '../operation/problem.ts';

export const VIEWS = ['all', 'live', 'drafts', 'attention'] as const;
export type WorkflowView = (typeof VIEWS)[number];
export const SORTS = ['recentlyRun', 'recentlyEdited', 'name'] as const;
export type WorkflowSort = (typeof SORTS)[number];

export interface ListOptions {
  readonly visible: Visible;
  readonly view?: WorkflowView | undefined;
  readonly search?: string | undefined;
  readonly projectId?: string | undefined;
  readonly sort?: WorkflowSort | undefined;
  readonly first?: number | undefined;
  readonly after?: string | undefined;
}

export interface ListedWorkflow {
  readonly id: string;
  readonly name: string;
  readonly projectId: string;
  readonly projectName: string;
  readonly liveVersion: number | null;
  readonly isFailing: boolean;
  readonly draft: WorkflowDefinition | null;
  readonly draftHash: string | null;
  readonly liveHash: string | null;
  readonly editedBy: string | null;
  readonly lastRunId: string | null;
}

/** What the order is made by, as text that compares byte by byte, and its direction. */
const ORDER = {
  name: { key: 'lower(name)', direction: 'asc' },
  recentlyEdited: { key: `to_char(edited_at at time zone 'utc', 'YYYYMMDDHH24MISSUS')`, direction: 'desc' },
  recentlyRun: { key: `coalesce("lastRunId"::text, '')`, direction: 'desc' },
} as const;

const VIEW = {
  all: 'true',
  live: '"liveVersion" is not null',
  drafts: '"liveVersion" is null',
  attention: '"isFailing"',
} as const;

/** Runs that failed outnumber those that succeeded, over a day. Needs the workspace as $1. */
const FAILING = `
  select workflow_id from run_stats where workspace_id = $1 and bucket > now() - interval '1 day'
   group by workflow_id having sum(n) filter (where status in (5, 7)) > coalesce(sum(n) filter (where status = 4), 0)`;

/** Workflows an actor may see. Needs the workspace as $1, projects as $2 (null for all) and single workflows as $3. */
const VISIBLE = `w.workspace_id = $1 and w.deleted_at is null and ($2::uuid[] is null or w.project_id = any($2) or w.id = any($3::uuid[]))`;

export function visibleValues(visible: Visible): [readonly string[] | null, readonly string[]] {
  return visible.kind === 'all' ? [null, []] : [visible.projectIds, visible.ids];
}

/** @throws OperationProblem INPUT_INVALID for a cursor no page gave */
export async function listWorkflowRows(
  tx: WorkspaceTransaction,
  options: ListOptions,
): Promise<{ readonly rows: readonly ListedWorkflow[]; readonly nextCursor?: string }> {
  const { key, direction } = ORDER[options.sort ?? 'recentlyRun'];
  const first = options.first ?? 50;
  const after = options.after === undefined ? undefined : readCursor(options.after);
  const search = options.search === undefined || options.search === '' ? null : `%${options.search.replaceAll(/[\\%_]/g, '\\$&')}%`;
  const found = await tx.query<ListedWorkflow & { key: string }>(
    `with failing as (${FAILING}), seen as (
       select w.id, w.name, w.project_id as "projectId", j.name as "projectName", p.version as "liveVersion", f.workflow_id is not null and p.version is not null as "isFailing",
              d.semantic_hash as "draftHash", v.semantic_hash as "liveHash", d.updated_by as "editedBy",
              greatest(w.updated_at, d.updated_at) as edited_at, r.id as "lastRunId"
         from workflow w join project j on j.id = w.project_id
         left join deployment p on p.workflow_id = w.id and p.environment = ${ENVIRONMENT.live} and p.state = 'active'
         left join version v on v.workflow_id = p.workflow_id and v.n = p.version
         left join draft d on d.workflow_id = w.id
         left join failing f on f.workflow_id = w.id
         left join lateral (select id from run where workflow_id = w.id and workspace_id = $1 order by id desc limit 1) r on true
        where ${VISIBLE} and ($4::uuid is null or w.project_id = $4)
          and ($5::text is null or w.name ilike $5 escape '\\'
            or exists (select from workflow_tag t join tag g on g.id = t.tag_id where t.workflow_id = w.id and g.name ilike $5 escape '\\')
            or exists (select from json_array_elements(d.doc -> 'nodes') as node (item) where node.item -> 'data' ->> 'name' ilike $5 escape '\\'))
     ), page as (
       select *, ${key} collate "C" as key from seen
        where ${VIEW[options.view ?? 'all']}
          and ($6::text is null or (${key} collate "C", id) ${direction === 'asc' ? '>' : '<'} ($6, $7::uuid))
        order by key ${direction}, id ${direction} limit $8
     ) select page.*, d.doc as draft from page left join draft d on d.workflow_id = page.id order by key ${direction}, page.id ${direction}`,
    [
      tx.context.workspaceId,
      ...visibleValues(options.visible),
      options.projectId ?? null,
      search,
      after?.key ?? null,
      after?.id ?? null,
      first + 1,
    ],
  );
  const rows = found.slice(0, first);
  const last = rows.at(-1);
  return found.length > first && last ? { rows, nextCursor: writeCursor(last) } : { rows };
}

export interface WorkflowCounts {
  readonly all: number;
  readonly live: number;
  readonly drafts: number;
  readonly attention: number;
  readonly projects: number;
}

export async function countWorkflows(tx: WorkspaceTransaction, visible: Visible): Promise<WorkflowCounts> {
  const [row] = await tx.query<Omit<WorkflowCounts, 'drafts'>>(
    `with failing as (${FAILING})
     select count(*)::int4 as all, count(p.version)::int4 as live, count(f.workflow_id) filter (where p.version is not null)::int4 as attention,
            (select count(*)::int4 from project where workspace_id = $1 and deleted_at is null and ($2::uuid[] is null or id = any($2))) as projects
       from workflow w
       left join deployment p on p.workflow_id = w.id and p.environment = ${ENVIRONMENT.live} and p.state = 'active'
       left join failing f on f.workflow_id = w.id
      where ${VISIBLE}`,
    [tx.context.workspaceId, ...visibleValues(visible)],
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
  const rows = await tx.query<{ workflowId: string; id: string; status: number; startedAt: Date; durationMs: number | null }>(
    `select i.id as "workflowId", r.id, coalesce(l.status, r.status) as status, r.started_at as "startedAt",
            (extract(epoch from r.ended_at - r.started_at) * 1000)::float8 as "durationMs"
       from unnest($2::uuid[]) as i (id)
       cross join lateral (select id, status, started_at, ended_at from run where workflow_id = i.id and workspace_id = $1 order by id desc limit 20) r
       left join run_live l on l.run_id = r.id order by r.id`,
    [tx.context.workspaceId, workflowIds],
  );
  const runs = new Map<string, RecentRun[]>();
  for (const { workflowId, id, status, startedAt, durationMs } of rows) {
    const list = runs.get(workflowId) ?? [];
    list.push({
      id,
      status: runStatusName(status),
      startedAt: startedAt.toISOString(),
      ...(durationMs === null ? {} : { durationMs: Math.round(durationMs) }),
    });
    runs.set(workflowId, list);
  }
  return runs;
}

/** Part of the week's ended runs that succeeded, 0 to 1; workflows without runs are missing. */
export async function successRates(tx: WorkspaceTransaction, workflowIds: readonly string[]): Promise<ReadonlyMap<string, number>> {
  const rows = await tx.query<{ workflowId: string; rate: number }>(
    `select workflow_id as "workflowId", (coalesce(sum(n) filter (where status = 4), 0) / sum(n))::float8 as rate
       from run_stats where workspace_id = $1 and workflow_id = any($2::uuid[]) and bucket > now() - interval '7 days' group by workflow_id having sum(n) > 0`,
    [tx.context.workspaceId, workflowIds],
  );
  return new Map(rows.map((row) => [row.workflowId, row.rate]));
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
  throw new OperationProblem('INPUT_INVALID', 'This is not a cursor of this list; start from the first page', { path: 'input.after' });
}
