/** What people are to be told, once per reason. The text is made by who shows it, from kind and params. */
import { RUN_STATUS, WAITING_FOR, type WaitingFor } from '@plugboard/engine';
import type { JsonObject } from '@plugboard/sdk';
import { uuidv7 } from './ids.ts';
import type { InstanceStatements, InstanceTransaction } from './in-instance.ts';
import type { WorkspaceTransaction } from './in-workspace.ts';
import { pageLimit } from './paging.ts';

export interface Notification {
  readonly id: string;
  readonly kind: string;
  readonly params: JsonObject;
  /** How often it happened since. */
  readonly count: number;
  readonly createdAt: Date;
  /** When it happened last. */
  readonly updatedAt: Date;
  readonly readAt?: Date;
}

export interface Notify {
  readonly principalIds: readonly string[];
  /** Absent for what concerns the instance. */
  readonly workspaceId?: string;
  /** The same reason tells a person once. */
  readonly dedupeKey: string;
  readonly kind: string;
  readonly params: JsonObject;
}

/**
 * Tells persons in the transaction at hand: they hear of it once that is committed, or not at all. Who is told already, or is no person, is left out. In a
 * workspace it is told there; above the workspaces it is told in `workspaceId`, or about the instance.
 */
export async function notify(tx: WorkspaceTransaction | InstanceTransaction, input: Notify): Promise<void> {
  const to = [...new Set(input.principalIds)];
  if (to.length === 0) return;
  const workspaceId = 'context' in tx ? tx.context.workspaceId : (input.workspaceId ?? null);
  // Neither an arbiter nor `returning`: both would ask for the right to read what is told to others.
  await tx.query(
    `insert into notification (id, principal_id, workspace_id, dedupe_key, kind, params)
       select id, principal_id, $3, $4, $5, $6 from unnest($1::uuid[], $2::uuid[]) as told (id, principal_id)
        where exists (select from principal p where p.id = told.principal_id and p.kind = 'person') on conflict do nothing`,
    [to.map(() => uuidv7()), to, workspaceId, input.dedupeKey, input.kind, JSON.stringify(input.params)],
  );
}

export interface NotifyAgain extends Notify {
  /** How often it happened. */
  readonly count: number;
  /** Within this time of being told it is only counted; later it is told as news, in milliseconds. */
  readonly quietMs: number;
}

/** Of what happens over and over: told once, counted for a while, then told again. */
export async function notifyAgain(statements: InstanceStatements, input: NotifyAgain): Promise<void> {
  const to = [...new Set(input.principalIds)].toSorted();
  if (to.length === 0) return;
  const isOld = `notification.created_at < now() - $8::float8 * interval '1 ms'`;
  await statements.query(
    `insert into notification as notification (id, principal_id, workspace_id, dedupe_key, kind, params, count)
       select id, principal_id, $3, $4, $5, $6, $7 from unnest($1::uuid[], $2::uuid[]) as told (id, principal_id)
       on conflict (principal_id, dedupe_key) do update set
         id = case when ${isOld} then excluded.id else notification.id end,
         count = excluded.count + case when ${isOld} then 0 else notification.count end,
         params = excluded.params,
         created_at = case when ${isOld} then now() else notification.created_at end,
         read_at = case when ${isOld} then null else notification.read_at end,
         mail = case when ${isOld} then 'due' else notification.mail end,
         updated_at = now()`,
    [
      to.map(() => uuidv7()),
      to,
      input.workspaceId ?? null,
      input.dedupeKey,
      input.kind,
      JSON.stringify(input.params),
      input.count,
      input.quietMs,
    ],
  );
}

export interface ListNotifications {
  readonly isUnreadOnly?: boolean;
  /** Kinds the person does not want to hear of. */
  readonly without?: readonly string[];
  readonly cursor?: string;
  readonly limit?: number;
}

/** Newest first: those of the workspace at hand and of the instance. */
export async function listNotifications(
  tx: WorkspaceTransaction,
  options: ListNotifications = {},
): Promise<{ readonly notifications: readonly Notification[]; readonly nextCursor?: string }> {
  const limit = pageLimit(options.limit);
  const rows = await tx.query<NotificationRow>(
    `select id, kind, params, count, created_at as "createdAt", updated_at as "updatedAt", read_at as "readAt" from notification
      where principal_id = $1 and (workspace_id is null or workspace_id = $2) and (not $3::boolean or read_at is null) and ($4::uuid is null or id < $4)
        and kind <> all($5::text[])
      order by id desc limit $6`,
    [
      tx.context.principalId,
      tx.context.workspaceId,
      options.isUnreadOnly ?? false,
      options.cursor ?? null,
      options.without ?? [],
      limit + 1,
    ],
  );
  const notifications = rows.slice(0, limit).map(toNotification);
  return rows.length > limit ? { notifications, nextCursor: notifications.at(-1)!.id } : { notifications };
}

/** More are not counted. */
export const MOST_UNREAD = 1000;

export async function countUnreadNotifications(tx: WorkspaceTransaction, without: readonly string[] = []): Promise<number> {
  const [row] = await tx.query<{ count: number }>(
    `select count(*)::int4 as count from (
       select from notification
        where principal_id = $1 and (workspace_id is null or workspace_id = $2) and read_at is null and kind <> all($3::text[]) limit ${MOST_UNREAD}) n`,
    [tx.context.principalId, tx.context.workspaceId, without],
  );
  return row?.count ?? 0;
}

/** These, or all; gives how many were unread. */
export async function markNotificationsRead(tx: WorkspaceTransaction, ids?: readonly string[]): Promise<number> {
  const rows = await tx.query(
    `update notification set read_at = now()
      where principal_id = $1 and (workspace_id is null or workspace_id = $2) and read_at is null and ($3::uuid[] is null or id = any($3)) returning 1`,
    [tx.context.principalId, tx.context.workspaceId, ids ?? null],
  );
  return rows.length;
}

/** A text for each of these persons that differs once something was told to him, or read. Who has nothing unread is left out. */
export async function readNotificationMarks(
  statements: InstanceStatements,
  principalIds: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  if (principalIds.length === 0) return new Map();
  const rows = await statements.query<{ principalId: string; mark: string }>(
    `select principal_id as "principalId", count(*) || ' ' || max(updated_at) || ' ' || max(id::text) as mark from notification
      where principal_id = any($1::uuid[]) and read_at is null group by principal_id`,
    [principalIds],
  );
  return new Map(rows.map((row) => [row.principalId, row.mark]));
}

/** One that may have to go by e-mail, with what the words for it need. */
export interface DueNotification {
  readonly id: string;
  readonly principalId: string;
  readonly email: string;
  readonly name: string;
  readonly workspaceId?: string;
  readonly workspaceSlug?: string;
  readonly workspaceName?: string;
  readonly kind: string;
  readonly params: JsonObject;
  readonly count: number;
}

/** Takes up to so many that were told and not looked at for e-mail yet, in the transaction that queues what goes; of several processes each takes others. */
export async function takeNotificationsDue(tx: InstanceTransaction, limit: number): Promise<DueNotification[]> {
  const rows = await tx.query<
    Omit<DueNotification, 'email' | 'workspaceId' | 'workspaceSlug' | 'workspaceName'> & {
      readonly email: string | null;
      readonly workspaceId: string | null;
      readonly workspaceSlug: string | null;
      readonly workspaceName: string | null;
    }
  >(
    `with due as (
       select id from notification where mail = 'due' order by id limit $1 for update skip locked
     ), taken as (
       update notification n set mail = 'queued' from due where n.id = due.id
       returning n.id, n.principal_id, n.workspace_id, n.kind, n.params, n.count
     )
     select t.id, t.principal_id as "principalId", t.kind, t.params, t.count, p.display_name as name,
            case when e.disabled_at is null and p.erased_at is null and (t.workspace_id is null
                or exists (select from member m where m.workspace_id = t.workspace_id and m.principal_id = t.principal_id and m.state = 'active')
                or exists (select from instance_role i where i.principal_id = t.principal_id)) then e.email end as email,
            w.id as "workspaceId", w.slug as "workspaceSlug", w.name as "workspaceName"
       from taken t join principal p on p.id = t.principal_id left join person e on e.principal_id = p.id left join workspace w on w.id = t.workspace_id
      order by t.id`,
    [limit],
  );
  return rows.flatMap(({ email, workspaceId, workspaceSlug, workspaceName, ...one }) => {
    // Nobody to write to: a service, or somebody who is gone.
    if (email === null) return [];
    if (workspaceId === null || workspaceSlug === null || workspaceName === null) return [{ ...one, email }];
    return [{ ...one, email, workspaceId, workspaceSlug, workspaceName }];
  });
}

/** Up to `limit` that were told longer ago than this; gives how many. */
export async function deleteOldNotifications(
  statements: InstanceStatements,
  { keepMs, limit }: { readonly keepMs: number; readonly limit: number },
): Promise<number> {
  const rows = await statements.query(
    `delete from notification where id in (
       select id from notification where created_at < now() - $1::float8 * interval '1 ms' order by created_at limit $2) returning 1`,
    [keepMs, limit],
  );
  return rows.length;
}

/** Persons a failure of the workflow's runs concerns: who made what is live, and who started the run; the owners of the workspace where these are none. */
export async function readConcerned(
  statements: InstanceStatements,
  { workflowId, initiators }: { readonly workflowId: string; readonly initiators: readonly string[] },
): Promise<{ readonly name: string; readonly principalIds: readonly string[] } | undefined> {
  const [row] = await statements.query<{ name: string; principalIds: string[]; ownerIds: string[] }>(
    `with persons as (
       select m.principal_id, m.role from workflow w join member m on m.workspace_id = w.workspace_id and m.state = 'active'
         join principal p on p.id = m.principal_id and p.kind = 'person' where w.id = $1
     )
     select w.name, array(select principal_id from persons where role = 'owner') as "ownerIds", array(
       select principal_id from persons
        where principal_id in (select deployed_by from deployment where workflow_id = w.id union select unnest($2::uuid[]))
     ) as "principalIds" from workflow w where w.id = $1`,
    [workflowId, initiators],
  );
  return row && { name: row.name, principalIds: row.principalIds.length > 0 ? row.principalIds : row.ownerIds };
}

/** A run that cannot go on before a person decides. */
export interface AskingRun {
  readonly id: string;
  readonly workspaceId: string;
  readonly workflowId: string;
  readonly initiator?: string;
  readonly waiting: WaitingFor;
}

/** Live runs that wait for one of these, by id, from behind `after` on. */
export async function listAskingRuns(
  statements: InstanceStatements,
  { for: kinds, after, limit }: { readonly for: readonly WaitingFor[]; readonly after: string | undefined; readonly limit: number },
): Promise<AskingRun[]> {
  const rows = await statements.query<{ id: string; workspaceId: string; workflowId: string; initiator: string | null; waiting: number }>(
    `select l.run_id as id, l.workspace_id as "workspaceId", l.workflow_id as "workflowId", r.initiator, l.waiting
       from run_live l join run r on r.id = l.run_id
      where l.status = $1 and l.waiting = any($2::int2[]) and l.environment = 1 and ($3::uuid is null or l.run_id > $3)
      order by l.run_id limit $4`,
    [RUN_STATUS.waiting, kinds.map((kind) => WAITING_FOR[kind]), after ?? null, limit],
  );
  return rows.flatMap(({ initiator, waiting, ...run }) => {
    const kind = kinds.find((one) => WAITING_FOR[one] === waiting);
    return kind ? [{ ...run, waiting: kind, ...(initiator === null ? {} : { initiator }) }] : [];
  });
}

type NotificationRow = Omit<Notification, 'readAt'> & { readonly readAt: Date | null };

function toNotification({ readAt, ...notification }: NotificationRow): Notification {
  return readAt ? { ...notification, readAt } : notification;
}
