/** What a person is to be told, once per reason. The text is made by who shows it, from kind and params. */
import type { JsonObject } from '@plugboard/sdk';
import { uuidv7 } from './ids.ts';
import type { InstanceStatements } from './in-instance.ts';
import type { WorkspaceTransaction } from './in-workspace.ts';
import { pageLimit } from './paging.ts';

export interface Notification {
  readonly id: string;
  readonly kind: string;
  readonly params: JsonObject;
  readonly createdAt: Date;
  readonly readAt?: Date;
}

export interface Notify {
  readonly principalId: string;
  /** Absent for what concerns the instance. */
  readonly workspaceId?: string;
  /** The same reason tells a person once. */
  readonly dedupeKey: string;
  readonly kind: string;
  readonly params: JsonObject;
}

/** False when the person was told of it before. */
export async function notify(statements: InstanceStatements, input: Notify): Promise<boolean> {
  const rows = await statements.query(
    `insert into notification (id, principal_id, workspace_id, dedupe_key, kind, params) values ($1, $2, $3, $4, $5, $6)
       on conflict (principal_id, dedupe_key) do nothing returning 1`,
    [uuidv7(), input.principalId, input.workspaceId ?? null, input.dedupeKey, input.kind, JSON.stringify(input.params)],
  );
  return rows.length > 0;
}

/** Newest first: those of the workspace at hand and of the instance. */
export async function listNotifications(
  tx: WorkspaceTransaction,
  options: { readonly isUnreadOnly?: boolean; readonly cursor?: string; readonly limit?: number } = {},
): Promise<{ readonly notifications: readonly Notification[]; readonly nextCursor?: string }> {
  const limit = pageLimit(options.limit);
  const rows = await tx.query<NotificationRow>(
    `select id, kind, params, created_at as "createdAt", read_at as "readAt" from notification
      where principal_id = $1 and (workspace_id is null or workspace_id = $2) and (not $3::boolean or read_at is null) and ($4::uuid is null or id < $4)
      order by id desc limit $5`,
    [tx.context.principalId, tx.context.workspaceId, options.isUnreadOnly ?? false, options.cursor ?? null, limit + 1],
  );
  const notifications = rows.slice(0, limit).map(toNotification);
  return rows.length > limit ? { notifications, nextCursor: notifications.at(-1)!.id } : { notifications };
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

type NotificationRow = Omit<Notification, 'readAt'> & { readonly readAt: Date | null };

function toNotification({ readAt, ...notification }: NotificationRow): Notification {
  return readAt ? { ...notification, readAt } : notification;
}
