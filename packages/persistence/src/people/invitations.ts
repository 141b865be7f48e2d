/** Invitations: a token that makes whoever holds it a member, once. One open invitation per address and workspace. */
import { uuidv7 } from '../ids.ts';
import type { InstanceStatements, InstanceTransaction } from '../in-instance.ts';
import type { WorkspaceTransaction } from '../in-workspace.ts';
import { normalizeEmail } from './email.ts';
import { addMember } from './members.ts';
import type { Role } from './roles.ts';

export interface Invitation {
  readonly id: string;
  readonly email: string;
  readonly role: Role;
  readonly expiresAt: Date;
  readonly createdBy: string;
  readonly createdAt: Date;
}

/** Gives its id. An open invitation for the address is replaced: its token is worth nothing from now on. */
export async function createInvitation(
  tx: WorkspaceTransaction,
  input: { readonly email: string; readonly role: Role; readonly tokenHash: Uint8Array; readonly validMs: number },
): Promise<string> {
  const { workspaceId, principalId } = tx.context;
  const [row] = await tx.query<{ id: string }>(
    `insert into invitation (id, workspace_id, token_hash, email, email_ci, role, expires_at, created_by)
       values ($1, $2, $3, $4, $5, $6, now() + $7::float8 * interval '1 ms', $8)
       on conflict (workspace_id, email_ci) where accepted_at is null and revoked_at is null do update
         set token_hash = excluded.token_hash, email = excluded.email, role = excluded.role, expires_at = excluded.expires_at,
             created_by = excluded.created_by, updated_at = now(), rev = invitation.rev + 1
       returning id`,
    [uuidv7(), workspaceId, input.tokenHash, input.email.trim(), normalizeEmail(input.email), input.role, input.validMs, principalId],
  );
  return row!.id;
}

/** Open ones, those that have run out included, newest first, at most 500. */
export function listInvitations(tx: WorkspaceTransaction): Promise<Invitation[]> {
  return tx.query(
    `select id, email, role, expires_at as "expiresAt", created_by as "createdBy", created_at as "createdAt" from invitation
      where workspace_id = $1 and accepted_at is null and revoked_at is null order by id desc limit 500`,
    [tx.context.workspaceId],
  );
}

/** False when there is no such open invitation. */
export async function revokeInvitation(tx: WorkspaceTransaction, id: string): Promise<boolean> {
  const rows = await tx.query(
    `update invitation set revoked_at = now(), updated_at = now(), rev = rev + 1
      where workspace_id = $1 and id = $2 and accepted_at is null and revoked_at is null returning 1`,
    [tx.context.workspaceId, id],
  );
  return rows.length > 0;
}

export interface InvitationOffer {
  readonly id: string;
  readonly workspaceId: string;
  readonly workspaceName: string;
  readonly email: string;
  readonly role: Role;
}

/** What a token would lead to, for the page that asks whether to accept. Undefined for one that is unknown, used, revoked or run out. */
export async function findInvitation(statements: InstanceStatements, tokenHash: Uint8Array): Promise<InvitationOffer | undefined> {
  const [row] = await statements.query<InvitationOffer>(
    `select i.id, i.workspace_id as "workspaceId", w.name as "workspaceName", i.email, i.role
       from invitation i join workspace w on w.id = i.workspace_id and w.deleted_at is null
      where i.token_hash = $1 and i.accepted_at is null and i.revoked_at is null and i.expires_at > now()`,
    [tokenHash],
  );
  return row;
}

export type AcceptInvitationResult =
  | {
      readonly kind: 'accepted';
      readonly workspaceId: string;
      readonly role: Role;
      readonly invitationId: string;
      readonly invitedBy: string;
    }
  /** The invitation is used up; the role stays what it was. */
  | { readonly kind: 'member-already'; readonly workspaceId: string; readonly invitationId: string }
  | { readonly kind: 'not-found' }
  | { readonly kind: 'expired' }
  | { readonly kind: 'used' };

/** Of two that accept at once, one does. Whether the person may is decided before: holding the token is what counts here. */
export async function acceptInvitation(
  tx: InstanceTransaction,
  tokenHash: Uint8Array,
  principalId: string,
): Promise<AcceptInvitationResult> {
  const [row] = await tx.query<{ id: string; workspaceId: string; role: Role; createdBy: string; isUsed: boolean; isOver: boolean }>(
    `select id, workspace_id as "workspaceId", role, created_by as "createdBy", accepted_at is not null as "isUsed", expires_at <= now() as "isOver"
       from invitation where token_hash = $1 and revoked_at is null for update`,
    [tokenHash],
  );
  if (!row) return { kind: 'not-found' };
  if (row.isUsed) return { kind: 'used' };
  if (row.isOver) return { kind: 'expired' };
  await tx.query('update invitation set accepted_at = now(), accepted_by = $2, updated_at = now(), rev = rev + 1 where id = $1', [
    row.id,
    principalId,
  ]);
  const { workspaceId, role, id: invitationId } = row;
  const isNew = await addMember(tx, { workspaceId, principalId, role, createdBy: row.createdBy });
  return isNew
    ? { kind: 'accepted', workspaceId, role, invitationId, invitedBy: row.createdBy }
    : { kind: 'member-already', workspaceId, invitationId };
}
