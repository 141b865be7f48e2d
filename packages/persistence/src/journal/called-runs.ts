/** Who called whom: runs that runs started. */
import type { RunParent, RunStatusName } from '@plugboard/engine';
import { runStatusName } from '@plugboard/engine';
import type { RunReader } from './run-reads.ts';

/** Columns of `run_child c` that {@link runParent} reads. */
export const PARENT_COLUMNS = /* sql */ `c.parent_run_id, c.place as parent_place, c.part as parent_part, c.wait_id as parent_wait, c.depth as parent_depth`;

export interface ParentRow {
  readonly parent_run_id: string | null;
  readonly parent_place: string | null;
  readonly parent_part: number | null;
  readonly parent_wait: string | null;
  readonly parent_depth: number | null;
}

/** Undefined for a run nobody called. */
export function runParent(row: ParentRow): RunParent | undefined {
  const { parent_run_id: runId, parent_place: place, parent_part: part, parent_depth: depth, parent_wait: wait } = row;
  if (runId === null || place === null || part === null || depth === null) return undefined;
  return { runId, place, part, depth, ...(wait === null ? {} : { wait }) };
}

/** The run that called this one; undefined when nobody did. */
export async function findParent(
  db: RunReader,
  { workspaceId, runId }: { readonly workspaceId: string; readonly runId: string },
): Promise<RunParent | undefined> {
  const [row] = await db.query<ParentRow>(`select ${PARENT_COLUMNS} from run_child c where c.workspace_id = $1 and c.run_id = $2`, [
    workspaceId,
    runId,
  ]);
  return row && runParent(row);
}

/** Names of the workflows from the run that nobody called down to this run, for a message about how deep they are. */
export async function callChain(
  db: RunReader,
  { workspaceId, runId }: { readonly workspaceId: string; readonly runId: string },
): Promise<readonly string[]> {
  const rows = await db.query<{ name: string | null }>(
    `with recursive up (run_id, level) as (
       select $2::uuid, 0
       union all
       select c.parent_run_id, up.level + 1 from up join run_child c on c.run_id = up.run_id where c.workspace_id = $1 and up.level < 1000
     ) select w.name from up left join run r on r.id = up.run_id left join workflow w on w.id = r.workflow_id order by up.level desc`,
    [workspaceId, runId],
  );
  return rows.map(({ name }) => name ?? 'a workflow that is gone');
}

/** Runs this one has called so far, but for those of one step. */
export async function countCalled(
  db: RunReader,
  { workspaceId, runId, exceptPlace }: { readonly workspaceId: string; readonly runId: string; readonly exceptPlace: string },
): Promise<number> {
  const [row] = await db.query<{ n: number }>(
    'select count(*)::int4 as n from run_child where workspace_id = $1 and parent_run_id = $2 and place <> $3',
    [workspaceId, runId, exceptPlace],
  );
  return row?.n ?? 0;
}

export interface CalledRun {
  readonly runId: string;
  readonly workflowId: string;
  readonly workflowName: string | undefined;
  readonly projectId: string | undefined;
  readonly version: number;
  readonly status: RunStatusName;
  /** The step that called: its node, and behind `@` the rounds of loops it lies in. */
  readonly place: string;
  readonly part: number;
  readonly isAwaited: boolean;
  readonly startedAt: number;
  readonly endedAt: number | undefined;
  readonly errorCode: string | undefined;
  readonly errorMessage: string | undefined;
}

interface CalledRow {
  readonly run_id: string;
  readonly workflow_id: string;
  readonly name: string | null;
  readonly project_id: string | null;
  readonly version: number;
  readonly status: number;
  readonly place: string;
  readonly part: number;
  readonly is_awaited: boolean;
  readonly started_ms: number;
  readonly ended_ms: number | null;
  readonly error_code: string | null;
  readonly error_message: string | null;
}

/** Runs that this one called, in the order in which they were started. */
export async function listCalled(
  db: RunReader,
  {
    workspaceId,
    runId,
    after,
    limit,
  }: { readonly workspaceId: string; readonly runId: string; readonly after?: string | undefined; readonly limit: number },
): Promise<readonly CalledRun[]> {
  const rows = await db.query<CalledRow>(
    `select c.run_id, r.workflow_id, w.name, w.project_id, r.version, coalesce(l.status, r.status) as status, c.place, c.part, c.wait_id is not null as is_awaited,
       (extract(epoch from r.started_at) * 1000)::float8 as started_ms, (extract(epoch from r.ended_at) * 1000)::float8 as ended_ms,
       r.error_code, r.error_message
     from run_child c join run r on r.id = c.run_id left join run_live l on l.run_id = c.run_id left join workflow w on w.id = r.workflow_id
     where c.workspace_id = $1 and c.parent_run_id = $2 and ($3::uuid is null or c.run_id > $3) order by c.run_id limit $4`,
    [workspaceId, runId, after ?? null, limit],
  );
  return rows.map((row) => ({
    runId: row.run_id,
    workflowId: row.workflow_id,
    workflowName: row.name ?? undefined,
    projectId: row.project_id ?? undefined,
    version: row.version,
    status: runStatusName(row.status),
    place: row.place,
    part: row.part,
    isAwaited: row.is_awaited,
    startedAt: Math.round(row.started_ms),
    endedAt: row.ended_ms === null ? undefined : Math.round(row.ended_ms),
    errorCode: row.error_code ?? undefined,
    errorMessage: row.error_message ?? undefined,
  }));
}

/**
 * Cancels runs that go on for a caller which has ended: those that came into being while it did. Gives how many were told.
 */
export async function cancelOrphans(db: RunReader, by: string): Promise<number> {
  const [row] = await db.query<{ n: number }>(
    `with told as (
       insert into run_inbox (id, run_id, workspace_id, source_key, kind, payload)
       select gen_random_uuid(), l.run_id, l.workspace_id, 'caller-ended', 'cancel', json_build_object('by', $1::text, 'reason', 'The run that called this one has ended')
       from run_live l where l.parent_run_id is not null and not exists (select from run_live p where p.run_id = l.parent_run_id)
       on conflict (run_id, source_key) do nothing returning 1
     ) select count(*)::int4 as n from told`,
    [by],
  );
  return row?.n ?? 0;
}
