/**
 * Runs as lists show them: found by workflow, state, trigger, time and tag, only those of workflows the reader may see. Each state that
 * is rare is looked up by its own index, so that a page of failures costs the same among a hundred runs and among millions.
 */
import type { RunStatusName, TriggerKindName, WaitingFor } from '@plugboard/engine';
import { RUN_STATUS, TRIGGER_KIND, WAITING_FOR, isTerminal, runStatusName } from '@plugboard/engine';
import { isUuid, uuidFloor } from '../ids.ts';
import type { WorkspaceTransaction } from '../in-workspace.ts';
import { pageLimit } from '../paging.ts';
import { ENVIRONMENT } from '../seed.ts';
import type { Seen } from '../seen.ts';
import { seenValues, seenWorkflow } from '../seen.ts';

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
  /** Name of the step at which it failed. */
  readonly errorStep?: string;
  /** Pico-dollars. */
  readonly costPd: string;
  readonly events: number;
}

export interface ListRunRows {
  readonly visible: Seen;
  readonly workflowId?: string | undefined;
  readonly statuses?: readonly RunStatusName[] | undefined;
  readonly triggers?: readonly TriggerKindName[] | undefined;
  /** Milliseconds since 1970. @default 7 days ago */
  readonly since?: number | undefined;
  readonly until?: number | undefined;
  /** A whole id or its end. */
  readonly search?: string | undefined;
  /** Runs that have all of these; at most 5. */
  readonly tags?: readonly { readonly key: string; readonly value: string }[] | undefined;
  /** Id of the last run of the page before. */
  readonly after?: string | undefined;
  /** 1 to 100. @default 50 */
  readonly first?: number | undefined;
}

const DEFAULT_SINCE_MS = 7 * 24 * 60 * 60_000;
/** Ids looked at for one that ends in a few digits, newest first. */
const IDS_LOOKED_AT = 200_000;
const AHEAD_MS = 60 * 60_000;
const SUCCEEDED = RUN_STATUS.succeeded;

/** Newest first. */
export async function listRunRows(
  tx: WorkspaceTransaction,
  options: ListRunRows,
): Promise<{ readonly rows: readonly ListedRun[]; readonly nextCursor?: string }> {
  const first = pageLimit(options.first);
  const { parts, joins, values } = findingRuns(tx, options, first + 1);
  const rows = await tx.query<Row>(
    `with page as (select id from (${parts.join(' union all ')}) found order by id desc limit ${first + 1})
     select ${COLUMNS} from page join run r on r.id = page.id left join run_live l on l.run_id = r.id ${joins} order by r.id desc`,
    values,
  );
  const page = rows.slice(0, first).map(toRun);
  const last = page.at(-1);
  return rows.length > first && last ? { rows: page, nextCursor: last.id } : { rows: page };
}

/** How many runs there are to list, up to `most`. */
export async function countRunRows(tx: WorkspaceTransaction, options: Omit<ListRunRows, 'first'>, most: number): Promise<number> {
  const { parts, values } = findingRuns(tx, options, most);
  const [row] = await tx.query<{ n: number }>(
    `select count(*)::int4 as n from (select id from (${parts.join(' union all ')}) found limit ${most}) counted`,
    values,
  );
  return row?.n ?? 0;
}

/** Statements that give the newest ids, one for each index they are found by. */
function findingRuns(
  tx: WorkspaceTransaction,
  options: Omit<ListRunRows, 'first'>,
  limit: number,
): { readonly parts: readonly string[]; readonly joins: string; readonly values: unknown[] } {
  const values: unknown[] = [tx.context.workspaceId];
  const parameter = (value: unknown): string => `$${values.push(value)}`;
  const since = parameter(uuidFloor(Math.max(0, options.since ?? Date.now() - DEFAULT_SINCE_MS)));
  // Partitions are made ahead; without an upper end each of them would be looked into.
  const until = parameter(uuidFloor(Math.max(0, options.until ?? Date.now() + AHEAD_MS)));
  const where = [`r.workspace_id = $1 and r.id >= ${since}::uuid and r.id < ${until}::uuid`];
  if (options.visible.kind === 'some') where.push(seenWorkflow(values.push(...seenValues(options.visible)) - 1));
  if (options.after !== undefined) where.push(`r.id < ${parameter(options.after)}::uuid`);
  if (options.workflowId !== undefined) where.push(`r.workflow_id = ${parameter(options.workflowId)}::uuid`);
  for (const { key, value } of (options.tags ?? []).slice(0, 5)) {
    where.push(`exists (select from run_tag t where t.workspace_id = $1 and t.run_id = r.id and t.key = ${parameter(key)}
      and t.value = left(${parameter(value)}, 200))`);
  }
  const search = options.search?.trim().toLowerCase() ?? '';
  if (isUuid(search)) where.push(`r.id = ${parameter(search)}::uuid`);
  else if (search !== '') where.push(endsIn(search.replaceAll('-', ''), `i.id >= ${since}::uuid and i.id < ${until}::uuid`, parameter));
  const joins = `left join workflow w on w.id = r.workflow_id and w.workspace_id = r.workspace_id`;
  const parts = partsOf(options, parameter).map(
    ({ isLive, conditions }) =>
      `(select r.id from run r ${isLive ? 'join run_live l on l.run_id = r.id and l.workspace_id = $1' : ''} ${joins}
         where ${[...where, ...conditions].join(' and ')} order by r.id desc limit ${limit})`,
  );
  return { parts, joins, values };
}

interface Part {
  readonly isLive: boolean;
  readonly conditions: readonly string[];
}

/** Where runs of these states and triggers are found, each by an index of its own. */
function partsOf({ statuses = [], triggers = [] }: ListRunRows, parameter: (value: unknown) => string): readonly Part[] {
  const kinds = triggers.map((kind) => TRIGGER_KIND[kind]);
  // Most runs come by webhook; the index of the others has none of them.
  const triggerParts: readonly (readonly string[])[] =
    kinds.length === 0
      ? [[]]
      : kinds.includes(TRIGGER_KIND.webhook)
        ? [[`r.trigger_kind = any(${parameter(kinds)}::int2[])`]]
        : kinds.map((kind) => [`r.trigger_kind = ${kind} and r.trigger_kind <> ${TRIGGER_KIND.webhook}`]);
  if (statuses.length === 0) return triggerParts.map((conditions) => ({ isLive: false, conditions }));
  // A run that goes on has its state in run_live; `run` learns it at the end.
  const ended = statuses.filter(isTerminal).map((status) => RUN_STATUS[status]);
  const goingOn = statuses.filter((status) => !isTerminal(status)).map((status) => RUN_STATUS[status]);
  const endedParts = ended.map((status) =>
    status === SUCCEEDED ? `r.status = ${status}` : `r.status = ${status} and r.status <> ${SUCCEEDED}`,
  );
  return triggerParts.flatMap((conditions) => [
    ...endedParts.map((status) => ({ isLive: false, conditions: [...conditions, status] })),
    ...(goingOn.length > 0 ? [{ isLive: true, conditions: [...conditions, `l.status = any(${parameter(goingOn)}::int2[])`] }] : []),
  ]);
}

/** Of an id only the index is read, and not without end. */
function endsIn(hex: string, between: string, parameter: (value: unknown) => string): string {
  if (!/^[0-9a-f]{1,32}$/.test(hex)) return 'false';
  const walked = `select i.id from run i where i.workspace_id = $1 and ${between} order by i.id desc limit ${IDS_LOOKED_AT}`;
  const matches =
    hex.length === 8
      ? `substring(uuid_send(ids.id) from 13 for 4) = decode(${parameter(hex)}, 'hex')`
      : `right(replace(ids.id::text, '-', ''), ${hex.length}) = ${parameter(hex)}`;
  return `r.id = any(array(select ids.id from (${walked}) ids where ${matches} limit 1000))`;
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
  r.error_code as "errorCode", r.error_message as "errorMessage", r.error_step as "errorStep",
  (r.cost_pd + coalesce((select sum(p.settled_pd) from reservation p where p.run_id = r.id), 0))::text as "costPd",
  coalesce(l.next_seq, r.events) as events`;

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
  readonly errorStep: string | null;
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
    ...(row.errorStep === null ? {} : { errorStep: row.errorStep }),
    costPd: row.costPd,
    events: row.events,
  };
}

export interface NowSummary {
  /** The newest that are at work, at most 3. */
  readonly newest: readonly { readonly id: string; readonly workflowName: string }[];
  readonly runningCount: number;
  readonly waiting: { readonly count: number; readonly oldestAt?: Date };
  readonly failedToday: { readonly count: number; readonly mostOf?: { readonly workflowName: string; readonly count: number } };
  readonly endedToday: number;
}

/** What goes on at this moment, and what today brought by the clock of the workspace; of what ended, only runs of what is live. */
export async function nowSummary(tx: WorkspaceTransaction, visible: Seen): Promise<NowSummary> {
  const values = [tx.context.workspaceId, ...seenValues(visible)];
  const [live] = await tx.query<{ running: number; waiting: number; oldest: Date | null }>(
    `select count(*) filter (where l.status in (0, 1))::int4 as running, count(*) filter (where l.status = 3)::int4 as waiting,
            min(l.started_at) filter (where l.status = 3) as oldest
       from run_live l join workflow w on w.id = l.workflow_id and w.workspace_id = $1 where l.workspace_id = $1 and ${seenWorkflow(2)}`,
    values,
  );
  const newest = await tx.query<{ id: string; workflowName: string }>(
    `select l.run_id as id, w.name as "workflowName" from run_live l join workflow w on w.id = l.workflow_id and w.workspace_id = $1
      where l.workspace_id = $1 and l.status = 1 and ${seenWorkflow(2)} order by l.run_id desc limit 3`,
    values,
  );
  const [day] = await tx.query<{ start: Date }>(
    `select date_trunc('day', now() at time zone zone) at time zone zone as start from workspace where id = $1`,
    [tx.context.workspaceId],
  );
  const [ended] = await tx.query<{ n: number; failed: number; name: string | null; most: number | null }>(
    `with today as (
       select workflow_id, sum(n) as n, coalesce(sum(n) filter (where status in (5, 7)), 0) as failed
         from run_stats where workspace_id = $1 and environment = ${ENVIRONMENT.live} and bucket >= $4 group by workflow_id
     ), mine as (
       select w.name, t.n, t.failed from today t join workflow w on w.id = t.workflow_id and w.workspace_id = $1 where ${seenWorkflow(2)}
     ) select coalesce(sum(n), 0)::int4 as n, coalesce(sum(failed), 0)::int4 as failed,
              (array_agg(name order by failed desc, name))[1] as name, max(failed)::int4 as most from mine`,
    [...values, day?.start ?? new Date(0)],
  );
  return {
    newest,
    runningCount: live?.running ?? 0,
    waiting: { count: live?.waiting ?? 0, ...(live?.oldest ? { oldestAt: live.oldest } : {}) },
    failedToday: {
      count: ended?.failed ?? 0,
      ...(ended?.name !== null && ended?.name !== undefined && (ended.most ?? 0) > 0
        ? { mostOf: { workflowName: ended.name, count: ended.most ?? 0 } }
        : {}),
    },
    endedToday: ended?.n ?? 0,
  };
}
