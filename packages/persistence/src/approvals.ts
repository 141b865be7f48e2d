/**
 * Approvals that steps of runs open, and what people decide about them. Whoever ends one holds its row, and puts the answer into the inbox of
 * the run in the same transaction: a decision that is counted is one the run hears of.
 */
import type { Json, JsonObject } from '@plugboard/sdk';
import { uuidv7 } from './ids.ts';
import type { InstanceStatements } from './in-instance.ts';
import type { WorkspaceTransaction } from './in-workspace.ts';
import { INBOX_CHANNEL } from './journal/ownership.ts';
import { storedKey } from './journal/stored-key.ts';
import { likePattern, pageLimit } from './paging.ts';

export type ApprovalState = 'open' | 'approved' | 'rejected' | 'late' | 'closed';

export interface ApprovalDeciders {
  /** Addresses in lower case. */
  readonly persons: readonly string[];
  readonly roles: readonly string[];
  /** Names in lower case. */
  readonly teams: readonly string[];
}

export interface OpenApproval extends ApprovalDeciders {
  readonly runId: string;
  readonly place: string;
  readonly workflowId: string;
  readonly nodeId: string;
  readonly requestedBy?: string;
  readonly title: string;
  /** What is shown, kept as it was asked. */
  readonly request: JsonObject;
  readonly needed: number;
  readonly requesterMay: boolean;
  readonly byLink: boolean;
  readonly dueAt?: Date;
  /** From now, in milliseconds. */
  readonly remindAfterMs?: number;
  readonly escalateAfterMs?: number;
}

export interface Approval extends ApprovalDeciders {
  readonly id: string;
  readonly workspaceId: string;
  readonly runId: string;
  readonly place: string;
  readonly workflowId: string;
  readonly workflowName: string;
  readonly projectId: string;
  readonly nodeId: string;
  readonly requestedBy: string | null;
  readonly title: string;
  readonly request: JsonObject;
  readonly needed: number;
  readonly requesterMay: boolean;
  readonly byLink: boolean;
  /** As it stands now: one whose instant has passed is late, and one whose run has ended closed, whether or not somebody wrote it down. */
  readonly state: ApprovalState;
  readonly dueAt: Date | null;
  readonly escalatedAt: Date | null;
  readonly reminders: number;
  readonly createdAt: Date;
  readonly endedAt: Date | null;
  /** Approvals that count so far. */
  readonly approved: number;
  /** Whether the asker decided already. */
  readonly isDecidedByMe: boolean;
  /** Whether the asker may decide, whatever the state. */
  readonly isMine: boolean;
}

/** Who looks, as far as the right to decide depends on it. */
export interface ApprovalViewer {
  readonly principalId: string;
  /** `<role> <id>` for each role the viewer has at least on a project or on a single workflow. */
  readonly ranks: readonly string[];
  /** Projects and workflows whose runs' data the viewer may read; absent for all. */
  readonly readable?: { readonly projectIds: readonly string[]; readonly ids: readonly string[] };
}

export interface ApprovalDecision {
  /** Absent for whoever had the address. */
  readonly principalId: string | null;
  readonly name: string | null;
  readonly decision: 'approve' | 'reject';
  readonly comment: string | null;
  readonly changes: JsonObject | null;
  readonly via: 'page' | 'api' | 'link';
  readonly at: Date;
}

/** Gives the row there is when the step asked before. */
export async function openApproval(
  tx: WorkspaceTransaction,
  input: OpenApproval,
): Promise<{ readonly id: string; readonly isNew: boolean }> {
  const { workspaceId } = tx.context;
  const [made] = await tx.query<{ id: string }>(
    `insert into approval (id, workspace_id, run_id, place, workflow_id, node_id, requested_by, title, request, persons, roles, teams, needed,
                           requester_may, by_link, due_at, escalate_at, remind_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, clock_timestamp() + $17::float8 * interval '1 ms', clock_timestamp() + $18::float8 * interval '1 ms')
     on conflict (run_id, place) do nothing returning id`,
    [
      uuidv7(),
      workspaceId,
      input.runId,
      input.place,
      input.workflowId,
      input.nodeId,
      input.requestedBy ?? null,
      input.title,
      JSON.stringify(input.request),
      [...input.persons],
      [...input.roles],
      [...input.teams],
      input.needed,
      input.requesterMay,
      input.byLink,
      input.dueAt ?? null,
      input.escalateAfterMs ?? null,
      input.remindAfterMs ?? null,
    ],
  );
  if (made) return { id: made.id, isNew: true };
  const [there] = await tx.query<{ id: string }>('select id from approval where workspace_id = $1 and run_id = $2 and place = $3', [
    workspaceId,
    input.runId,
    input.place,
  ]);
  if (!there) throw new Error('an approval is neither made nor there');
  return { id: there.id, isNew: false };
}

/** Looked up one by one: of very many open approvals a page is wanted, and a hash of all live runs costs more than the page. */
const IS_OVER = `(select l.run_id from run_live l where l.run_id = a.run_id) is null`;

const STATE = `case when a.state <> 'open' then a.state when a.due_at <= clock_timestamp() then 'late' when ${IS_OVER} then 'closed' else 'open' end`;

/** $1 workspace, $2 viewer, $3 ranks. */
const MINE = `((a.requester_may or a.requested_by is distinct from $2::uuid)
  and (exists (select from person e where e.principal_id = $2::uuid and e.email_ci = any(a.persons))
    or exists (select from unnest(a.roles) r where r || ' ' || w.project_id = any($3::text[]) or r || ' ' || w.id = any($3::text[]))
    or exists (select from team_member tm join team t on t.id = tm.team_id
                where tm.workspace_id = $1::uuid and tm.principal_id = $2::uuid and lower(t.name) = any(a.teams))))`;

const DECIDED_BY_ME = `exists (select from approval_decision d where d.approval_id = a.id and d.principal_id = $2::uuid)`;

const COLUMNS = `a.id, a.workspace_id as "workspaceId", a.run_id as "runId", a.place, a.workflow_id as "workflowId", w.name as "workflowName",
  w.project_id as "projectId", a.node_id as "nodeId", a.requested_by as "requestedBy", a.title, a.request, a.persons, a.roles, a.teams, a.needed,
  a.requester_may as "requesterMay", a.by_link as "byLink", ${STATE} as state, a.due_at as "dueAt", a.escalated_at as "escalatedAt", a.reminders,
  a.created_at as "createdAt", a.ended_at as "endedAt",
  (select count(*)::int4 from approval_decision d where d.approval_id = a.id and d.decision = 'approve') as approved,
  ${DECIDED_BY_ME} as "isDecidedByMe", ${MINE} as "isMine"`;

const FROM = `approval a join workflow w on w.id = a.workflow_id and w.workspace_id = a.workspace_id`;

/** $4 everything, $5 projects, $6 workflows: those whose runs' data the viewer may read, and those the viewer is asked about. */
const SEEN = `($4::boolean or w.project_id = any($5::uuid[]) or w.id = any($6::uuid[]) or ${MINE} or ${DECIDED_BY_ME})`;

function viewerValues(
  { workspaceId }: WorkspaceTransaction['context'],
  { principalId, ranks, readable }: ApprovalViewer,
): readonly unknown[] {
  return [workspaceId, principalId, [...ranks], readable === undefined, [...(readable?.projectIds ?? [])], [...(readable?.ids ?? [])]];
}

/** Undefined too for one the viewer may not see. */
export async function findApproval(tx: WorkspaceTransaction, viewer: ApprovalViewer, id: string): Promise<Approval | undefined> {
  const [row] = await tx.query<Approval>(`select ${COLUMNS} from ${FROM} where a.workspace_id = $1 and ${SEEN} and a.id = $7`, [
    ...viewerValues(tx.context, viewer),
    id,
  ]);
  return row;
}

export async function findApprovalAt(
  tx: WorkspaceTransaction,
  viewer: ApprovalViewer,
  { runId, place }: { readonly runId: string; readonly place: string },
): Promise<Approval | undefined> {
  const [row] = await tx.query<Approval>(
    `select ${COLUMNS} from ${FROM} where a.workspace_id = $1 and ${SEEN} and a.run_id = $7 and a.place = $8`,
    [...viewerValues(tx.context, viewer), runId, place],
  );
  return row;
}

export interface ListApprovals {
  /** `mine`: open, and the viewer may decide and has not. `open`, `ended`: of all the viewer may see. @default 'all' */
  readonly show?: 'mine' | 'open' | 'ended' | 'all';
  /** Part of the title or of the name of the workflow. */
  readonly search?: string;
  readonly runId?: string;
  readonly cursor?: string;
  readonly limit?: number;
}

const IS_OPEN = `a.state = 'open' and ${STATE} = 'open'`;

const SHOWN: { readonly [Show in NonNullable<ListApprovals['show']>]: string } = {
  mine: `${IS_OPEN} and ${MINE} and not ${DECIDED_BY_ME}`,
  open: IS_OPEN,
  ended: `${STATE} <> 'open'`,
  all: 'true',
};

/** Newest first. */
export async function listApprovals(
  tx: WorkspaceTransaction,
  viewer: ApprovalViewer,
  { show = 'all', search, runId, cursor, limit: wanted }: ListApprovals = {},
): Promise<{ readonly approvals: readonly Approval[]; readonly nextCursor?: string }> {
  const limit = pageLimit(wanted);
  const rows = await tx.query<Approval>(
    `select ${COLUMNS} from ${FROM} where a.workspace_id = $1 and ${SEEN} and ${SHOWN[show]}
        and ($7::text is null or a.title ilike $7 escape '\\' or w.name ilike $7 escape '\\')
        and ($8::uuid is null or a.run_id = $8) and ($9::uuid is null or a.id < $9)
      order by a.id desc limit $10`,
    [...viewerValues(tx.context, viewer), likePattern(search), runId ?? null, cursor ?? null, limit + 1],
  );
  const approvals = rows.slice(0, limit);
  return rows.length > limit ? { approvals, nextCursor: approvals.at(-1)!.id } : { approvals };
}

export interface ApprovalCounts {
  readonly mine: number;
  readonly open: number;
}

/** Of what is open; each up to 1,000. */
export async function countApprovals(tx: WorkspaceTransaction, viewer: ApprovalViewer): Promise<ApprovalCounts> {
  const [row] = await tx.query<ApprovalCounts>(
    `select count(*)::int4 as open, (count(*) filter (where mine))::int4 as mine
       from (select ${MINE} and not ${DECIDED_BY_ME} as mine from ${FROM}
              where a.workspace_id = $1 and a.state = 'open' and ${STATE} = 'open' and ${SEEN} limit 1000) seen`,
    viewerValues(tx.context, viewer),
  );
  return row ?? { mine: 0, open: 0 };
}

/** Oldest first. */
export function listApprovalDecisions(tx: WorkspaceTransaction, id: string): Promise<ApprovalDecision[]> {
  return tx.query<ApprovalDecision>(
    `select d.principal_id as "principalId", p.display_name as name, d.decision, d.comment, d.changes, d.via, d.at
       from approval_decision d left join principal p on p.id = d.principal_id
      where d.workspace_id = $1 and d.approval_id = $2 order by d.at`,
    [tx.context.workspaceId, id],
  );
}

/** Nobody else decides until the transaction is over. False for one that is not there. */
export async function lockApproval(tx: WorkspaceTransaction, id: string): Promise<boolean> {
  const rows = await tx.query('select from approval where workspace_id = $1 and id = $2 for update', [tx.context.workspaceId, id]);
  return rows.length > 0;
}

export interface NewDecision {
  readonly approvalId: string;
  readonly principalId?: string;
  readonly decision: 'approve' | 'reject';
  readonly comment?: string;
  readonly changes?: JsonObject;
  readonly via: 'page' | 'api' | 'link';
}

/** False when this person decided before. */
export async function addApprovalDecision(tx: WorkspaceTransaction, input: NewDecision): Promise<boolean> {
  const rows = await tx.query(
    `insert into approval_decision (approval_id, workspace_id, principal_id, decision, comment, changes, via)
     values ($1, $2, $3, $4, $5, $6, $7) on conflict (approval_id, principal_id) do nothing returning 1`,
    [
      input.approvalId,
      tx.context.workspaceId,
      input.principalId ?? null,
      input.decision,
      input.comment ?? null,
      input.changes ? JSON.stringify(input.changes) : null,
      input.via,
    ],
  );
  return rows.length > 0;
}

export async function endApproval(tx: WorkspaceTransaction, id: string, state: 'approved' | 'rejected'): Promise<void> {
  await tx.query(`update approval set state = $3, ended_at = clock_timestamp() where workspace_id = $1 and id = $2 and state = 'open'`, [
    tx.context.workspaceId,
    id,
    state,
  ]);
}

export interface AnswerOfWait {
  readonly runId: string;
  readonly wait: string;
  readonly dueAt: Date | null;
  readonly kind: 'answer' | 'signal';
  readonly payload: { readonly [name: string]: Json };
}

/**
 * Puts the answer into the run's inbox, and takes the wait's deadline away. False when the deadline came first: its firing took the timer, or
 * its instant has passed before the run began to wait.
 */
export async function answerWait(tx: WorkspaceTransaction, { runId, wait, dueAt, kind, payload }: AnswerOfWait): Promise<boolean> {
  const { workspaceId } = tx.context;
  const timers = await tx.query('delete from timer where workspace_id = $1 and run_id = $2 and wait_id = $3 returning 1', [
    workspaceId,
    runId,
    wait,
  ]);
  if (timers.length === 0 && dueAt !== null) {
    const [{ isOver } = { isOver: true }] = await tx.query<{ isOver: boolean }>('select $1::timestamptz <= clock_timestamp() as "isOver"', [
      dueAt,
    ]);
    if (isOver) return false;
  }
  const put = await tx.query(
    `with put as (
       insert into run_inbox (id, run_id, workspace_id, source_key, kind, payload) values ($1, $2, $3, $4, $5, $6)
       on conflict (run_id, source_key) do nothing returning run_id
     ) select pg_notify('${INBOX_CHANNEL}', run_id::text) from put`,
    [uuidv7(), runId, workspaceId, storedKey(`${kind}:${wait}`), kind, JSON.stringify({ wait, ...payload })],
  );
  return put.length > 0;
}

/** Who is to be told: active members who are named one by one or through a team, or have one of the roles in the workspace; at most 200. */
export async function listAsked(tx: WorkspaceTransaction, { persons, teams, roles }: ApprovalDeciders): Promise<readonly string[]> {
  const rows = await tx.query<{ id: string }>(
    `select m.principal_id as id from member m join person e on e.principal_id = m.principal_id
      where m.workspace_id = $1 and m.state = 'active'
        and (e.email_ci = any($2::text[]) or m.role = any($4::text[])
          or exists (select from team_member tm join team t on t.id = tm.team_id
                      where tm.workspace_id = $1 and tm.principal_id = m.principal_id and lower(t.name) = any($3::text[])))
      order by m.principal_id limit 200`,
    [tx.context.workspaceId, [...persons], [...teams], [...roles]],
  );
  return rows.map((row) => row.id);
}

export interface DueApproval {
  readonly id: string;
  readonly workspaceId: string;
}

/** Open ones of which something is to be told: a reminder, an escalation. */
export function listDueApprovals(statements: InstanceStatements, limit: number): Promise<DueApproval[]> {
  return statements.query<DueApproval>(
    `select a.id, a.workspace_id as "workspaceId" from approval a
      where a.state = 'open' and least(a.remind_at, a.escalate_at) <= clock_timestamp() and (a.due_at is null or a.due_at > clock_timestamp())
        and exists (select from run_live l where l.run_id = a.run_id)
      order by least(a.remind_at, a.escalate_at) limit $1`,
    [limit],
  );
}

/** Writes down that approvals are late or that their runs have ended; gives how many. */
export async function closeOverdueApprovals(statements: InstanceStatements, limit: number): Promise<number> {
  const rows = await statements.query(
    `with over as (
       select a.id, ${STATE} as state from approval a
        where a.state = 'open' and (a.due_at <= clock_timestamp() or not exists (select from run_live l where l.run_id = a.run_id))
        order by a.id limit $1 for update skip locked
     ) update approval a set state = over.state, ended_at = clock_timestamp() from over where over.id = a.id and over.state <> 'open' returning 1`,
    [limit],
  );
  return rows.length;
}

export interface DueNotice {
  readonly isReminder: boolean;
  readonly isEscalation: boolean;
  /** Reminders so far. */
  readonly reminders: number;
}

/** What follows when something of an approval is due. */
export interface NoticePlan {
  readonly remind?: { readonly everyMs: number; readonly atMost: number };
  /** Who may decide too, once it is escalated. */
  readonly further: ApprovalDeciders;
}

/**
 * Takes what is due of an open approval, once: a reminder is counted, further people may decide. Undefined when another process was first, or
 * it is over.
 */
export async function takeDueNotice(tx: WorkspaceTransaction, id: string, { remind, further }: NoticePlan): Promise<DueNotice | undefined> {
  const [row] = await tx.query<DueNotice>(
    `with due as (
       select a.id, coalesce(a.remind_at <= clock_timestamp(), false) as reminder, coalesce(a.escalate_at <= clock_timestamp(), false) as escalation
         from approval a where a.workspace_id = $1 and a.id = $2 and ${STATE} = 'open' for update of a skip locked
     ) update approval a set
         reminders = a.reminders + case when due.reminder then 1 else 0 end,
         remind_at = case when not due.reminder then a.remind_at
                          when a.reminders + 1 >= $4 then null
                          else clock_timestamp() + $3::float8 * interval '1 ms' end,
         escalated_at = case when due.escalation then clock_timestamp() else a.escalated_at end,
         escalate_at = case when due.escalation then null else a.escalate_at end,
         persons = case when due.escalation then a.persons || $5::text[] else a.persons end,
         roles = case when due.escalation then a.roles || $6::text[] else a.roles end,
         teams = case when due.escalation then a.teams || $7::text[] else a.teams end
       from due where due.id = a.id and (due.reminder or due.escalation)
       returning due.reminder as "isReminder", due.escalation as "isEscalation", a.reminders`,
    [
      tx.context.workspaceId,
      id,
      remind?.everyMs ?? null,
      remind?.atMost ?? 0,
      [...further.persons],
      [...further.roles],
      [...further.teams],
    ],
  );
  return row;
}

/** Of runs that were forgotten; gives how many. */
export async function deleteForgottenApprovals(statements: InstanceStatements, limit: number): Promise<number> {
  const rows = await statements.query(
    `with gone as (
       select a.id from approval a where a.state <> 'open' and not exists (select from run r where r.id = a.run_id) limit $1
     ) delete from approval a using gone where gone.id = a.id returning 1`,
    [limit],
  );
  return rows.length;
}
