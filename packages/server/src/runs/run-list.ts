/** Runs as lists show them: found by workflow, state, trigger, time and tag, only those of workflows the reader may see. */
import {
  RUN_STATUS,
  type RunStatusName,
  TRIGGER_KIND,
  type TriggerKindName,
  WAITING_FOR,
  type WaitingFor,
  isTerminal,
  runStatusName,
} from '@plugboard/engine';
import { type WorkspaceTransaction, uuidFloor } from '@plugboard/persistence';
import type { Visible } from '../access/access.ts';
import { visibleValues } from '../workflows/workflow-list.ts';

export interface ListedRun {
  readonly id: string;
  readonly workflowId: string;
  /** Absent when the workflow is gone for good. */
  readonly workflowName?: string;
  readonly projectId?: string;
  readonly environment: number;
  readonly version: number;
  readonly status: RunStatusName;
  readonly waitingFor?: WaitingFor;
  readonly trigger: TriggerKindName;
  readonly initiator?: string;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  readonly endedAt?: number;
  readonly errorCode?: string;
  readonly errorMessage?: string;
  /** Pico-dollars. */
  readonly costPd: string;
  readonly events: number;
}

export interface ListRuns {
  readonly visible: Visible;
  readonly workflowId?: string | undefined;
  readonly statuses?: readonly RunStatusName[] | undefined;
  readonly triggers?: readonly TriggerKindName[] | undefined;
  /** Milliseconds since 1970. @default 7 days ago */
  readonly since?: number | undefined;
  readonly until?: number | undefined;
  /** End of an id, or `key:value` of a tag. */
  readonly search?: string | undefined;
  /** Id of the last run of the page before. */
  readonly after?: string | undefined;
  /** 1 to 100. @default 50 */
  readonly first?: number | undefined;
}

const DEFAULT_SINCE_MS = 7 * 24 * 60 * 60_000;

/** Newest first. */
export async function listRunRows(
  tx: WorkspaceTransaction,
  options: ListRuns,
): Promise<{ readonly rows: readonly ListedRun[]; readonly nextCursor?: string }> {
  const first = options.first ?? 50;
  const values: unknown[] = [tx.context.workspaceId, ...visibleValues(options.visible)];
  const where = [`r.workspace_id = $1`, `($2::uuid[] is null or w.project_id = any($2) or w.id = any($3::uuid[]))`];
  const add = (value: unknown, condition: (parameter: string) => string): void => {
    values.push(value);
    where.push(condition(`$${values.length}`));
  };
  add(uuidFloor(Math.max(0, options.since ?? Date.now() - DEFAULT_SINCE_MS)), (at) => `r.id >= ${at}::uuid`);
  if (options.until !== undefined) add(uuidFloor(Math.max(0, options.until)), (at) => `r.id < ${at}::uuid`);
  if (options.after !== undefined) add(options.after, (at) => `r.id < ${at}::uuid`);
  if (options.workflowId !== undefined) add(options.workflowId, (at) => `r.workflow_id = ${at}::uuid`);
  const { statuses, triggers } = options;
  if (statuses !== undefined && statuses.length > 0) {
    // A run that goes on has its state in run_live; `run` learns it at the end.
    add(
      statuses.map((status) => RUN_STATUS[status]),
      (at) => `(l.status = any(${at}::int2[]) or (l.run_id is null and r.status = any(${at}::int2[])))`,
    );
    if (!statuses.includes('succeeded')) where.push('r.status <> 4');
    if (!statuses.some(isTerminal)) where.push('l.run_id is not null');
  }
  if (triggers !== undefined && triggers.length > 0)
    add(
      triggers.map((kind) => TRIGGER_KIND[kind]),
      (at) => `r.trigger_kind = any(${at}::int2[])`,
    );
  const search = options.search?.trim() ?? '';
  const colon = search.indexOf(':');
  if (colon > 0) {
    values.push(search.slice(0, colon), search.slice(colon + 1));
    where.push(
      `exists (select from run_tag t where t.workspace_id = $1 and t.run_id = r.id and t.key = $${values.length - 1} and t.value = left($${values.length}, 200))`,
    );
  } else if (search !== '') {
    const hex = search.replaceAll('-', '').toLowerCase();
    add(/^[0-9a-f]{1,32}$/.test(hex) ? hex : 'none', (at) => `right(replace(r.id::text, '-', ''), length(${at}::text)) = ${at}`);
  }
  values.push(first + 1);
  const rows = await tx.query<Row>(
    `select ${COLUMNS} from run r left join run_live l on l.run_id = r.id left join workflow w on w.id = r.workflow_id and w.workspace_id = r.workspace_id
      where ${where.join(' and ')} order by r.id desc limit $${values.length}`,
    values,
  );
  const page = rows.slice(0, first).map(toRun);
  const last = page.at(-1);
  return rows.length > first && last ? { rows: page, nextCursor: last.id } : { rows: page };
}

/** One run of the workspace, without asking who looks. */
export async function findRunRow(tx: WorkspaceTransaction, runId: string): Promise<ListedRun | undefined> {
  const [row] = await tx.query<Row>(
    `select ${COLUMNS} from run r left join run_live l on l.run_id = r.id left join workflow w on w.id = r.workflow_id and w.workspace_id = r.workspace_id
      where r.workspace_id = $1 and r.id = $2`,
    [tx.context.workspaceId, runId],
  );
  return row && toRun(row);
}

const COLUMNS = `
  r.id, r.workflow_id as "workflowId", w.name as "workflowName", w.project_id as "projectId", r.environment, r.version,
  coalesce(l.status, r.status) as status, l.waiting, r.trigger_kind as "triggerKind", r.initiator,
  (extract(epoch from r.started_at) * 1000)::float8 as "startedAt", (extract(epoch from r.ended_at) * 1000)::float8 as "endedAt",
  r.error_code as "errorCode", r.error_message as "errorMessage", r.cost_pd::text as "costPd", coalesce(l.next_seq, r.events) as events`;

interface Row {
  readonly id: string;
  readonly workflowId: string;
  readonly workflowName: string | null;
  readonly projectId: string | null;
  readonly environment: number;
  readonly version: number;
  readonly status: number;
  readonly waiting: number | null;
  readonly triggerKind: number;
  readonly initiator: string | null;
  readonly startedAt: number;
  readonly endedAt: number | null;
  readonly errorCode: string | null;
  readonly errorMessage: string | null;
  readonly costPd: string;
  readonly events: number;
}

const TRIGGERS = Object.keys(TRIGGER_KIND) as TriggerKindName[];
const WAITING = new Map(Object.entries(WAITING_FOR).map(([name, number]) => [number as number, name as WaitingFor]));

function toRun(row: Row): ListedRun {
  const waitingFor = row.waiting === null ? undefined : WAITING.get(row.waiting);
  return {
    id: row.id,
    workflowId: row.workflowId,
    ...(row.workflowName === null ? {} : { workflowName: row.workflowName }),
    ...(row.projectId === null ? {} : { projectId: row.projectId }),
    environment: row.environment,
    version: row.version,
    status: runStatusName(row.status),
    ...(waitingFor === undefined ? {} : { waitingFor }),
    trigger: TRIGGERS[row.triggerKind] ?? 'manual',
    ...(row.initiator === null ? {} : { initiator: row.initiator }),
    startedAt: Math.round(row.startedAt),
    ...(row.endedAt === null ? {} : { endedAt: Math.round(row.endedAt) }),
    ...(row.errorCode === null ? {} : { errorCode: row.errorCode }),
    ...(row.errorMessage === null ? {} : { errorMessage: row.errorMessage }),
    costPd: row.costPd,
    events: row.events,
  };
}
