/** Members and invitations of a workspace. */
import {
  type Database,
  type Role,
  type WorkspaceTransaction,
  createInvitation,
  findDisplayNames,
  findMember,
  findWorkspace,
  listInvitations,
  listMembers,
  removeMember,
  revokeInvitation,
  setMemberRole,
} from '@plugboard/persistence';
import { z } from 'zod';
import { covers } from '../access/actions.ts';
import { newToken } from '../auth/opaque-token.ts';
import type { Mail } from '../notifications/mail-server.ts';
import type { Post } from '../notifications/post.ts';
import { tell } from '../notifications/tell.ts';
import { type Operation, type OperationContext, operation } from '../operation/operation.ts';
import { OperationProblem, notFound } from '../operation/problem.ts';
import { DONE, email, id, nothing, page, pageInput, pageOf, personRef, role, text } from '../operation/shapes.ts';

/** How long an invitation may be accepted, in milliseconds. */
const INVITATION_MS = 7 * 24 * 60 * 60_000;
const WORKSPACE = { kind: 'workspace' } as const;

const memberRow = z
  .object({
    principalId: id,
    kind: z.enum(['person', 'service']).meta({ id: 'MemberKind' }),
    name: z.string(),
    email: z.string().optional(),
    role,
    teams: z.array(z.string()),
    joinedAt: z.iso.datetime(),
    lastSeenAt: z.iso.datetime().optional(),
    isYou: z.boolean(),
  })
  .meta({ id: 'MemberRow' });
const invitationRow = z
  .object({ id, email: z.string(), role, invitedBy: personRef, expiresAt: z.iso.datetime() })
  .meta({ id: 'InvitationRow' });

export interface MemberOperationsOptions {
  readonly database: Database;
  readonly post: Post;
  /** The address that opens the page which accepts an invitation. */
  readonly linkOf: (token: string) => string;
}

export function memberOperations({ database, post, linkOf }: MemberOperationsOptions): readonly Operation[] {
  return [
    operation({
      name: 'member.list',
      field: 'members',
      kind: 'query',
      summary: 'Members of the workspace.',
      permission: { action: 'member.read', on: () => WORKSPACE },
      input: z.strictObject({ search: text(200).optional(), first: pageInput.first, after: id.optional() }),
      output: pageOf(memberRow).meta({ id: 'MemberRows' }),
      problems: [],
      rest: { method: 'GET', path: '/members' },
      handler: (ctx, { search, first, after }) =>
        ctx.inTransaction(async (tx) => {
          const found = await listMembers(tx, {
            ...(search === undefined ? {} : { search }),
            ...(after === undefined ? {} : { cursor: after }),
            ...(first === undefined ? {} : { limit: first }),
          });
          const teams = await teamsOf(
            tx,
            found.members.map((one) => one.principalId),
          );
          return page(
            found.members.map((one) => ({
              principalId: one.principalId,
              kind: one.kind,
              name: one.displayName,
              ...(one.email === undefined ? {} : { email: one.email }),
              role: one.role,
              teams: teams.get(one.principalId) ?? [],
              joinedAt: one.createdAt.toISOString(),
              isYou: one.principalId === ctx.actor.principalId,
            })),
            found.nextCursor,
          );
        }),
    }),
    operation({
      name: 'member.setRole',
      field: 'setMemberRole',
      kind: 'mutation',
      summary: 'Give a member another role.',
      permission: { action: 'member.manage', on: () => WORKSPACE },
      input: z.strictObject({ principalId: id, role }),
      output: nothing,
      problems: ['LAST_OWNER'],
      rest: { method: 'PUT', path: '/members/{principalId}/role' },
      handler: (ctx, input) =>
        ctx.inTransaction(async (tx) => {
          const member = await findMember(tx, input.principalId);
          if (!member) throw notFound('There is no such member');
          demandRank(ctx, member.role);
          demandRank(ctx, input.role);
          ctx.audit({ kind: 'member', id: input.principalId, payload: { before: member.role, after: input.role } });
          const result = await setMemberRole(tx, { principalId: input.principalId, role: input.role });
          if (result.kind === 'last-owner') throw lastOwner();
          if (result.kind !== 'saved') throw notFound('There is no such member');
          if (member.role !== input.role && input.principalId !== ctx.actor.principalId) {
            const params = { role: input.role, before: member.role };
            await tell(tx, { kind: 'member.role', to: [input.principalId], about: `${ctx.workspaceId}:${result.rev}`, params });
          }
          return DONE;
        }),
    }),
    operation({
      name: 'member.remove',
      field: 'removeMember',
      kind: 'mutation',
      summary: 'End a membership, with its teams, grants and keys.',
      permission: { action: 'member.manage', on: () => WORKSPACE },
      input: z.strictObject({ principalId: id }),
      output: nothing,
      problems: ['LAST_OWNER'],
      rest: { method: 'DELETE', path: '/members/{principalId}' },
      handler: (ctx, input) =>
        ctx.inTransaction(async (tx) => {
          const member = await findMember(tx, input.principalId);
          if (!member) throw notFound('There is no such member');
          demandRank(ctx, member.role);
          ctx.audit({ kind: 'member', id: input.principalId, payload: { before: member.role } });
          const result = await removeMember(tx, input.principalId);
          if (result.kind === 'last-owner') throw lastOwner();
          if (result.kind !== 'removed') throw notFound('There is no such member');
          return DONE;
        }),
    }),
    operation({
      name: 'invitation.list',
      field: 'invitations',
      kind: 'query',
      summary: 'Open invitations.',
      permission: { action: 'member.manage', on: () => WORKSPACE },
      input: z.strictObject({}),
      output: z.array(invitationRow),
      problems: [],
      rest: { method: 'GET', path: '/invitations' },
      handler: (ctx) =>
        ctx.inTransaction(async (tx) => {
          const open = await listInvitations(tx);
          const names = await findDisplayNames(
            tx,
            open.map((one) => one.createdBy),
          );
          return open.map((one) => ({
            id: one.id,
            email: one.email,
            role: one.role,
            invitedBy: { id: one.createdBy, name: names.get(one.createdBy) ?? '' },
            expiresAt: one.expiresAt.toISOString(),
          }));
        }),
    }),
    operation({
      name: 'invitation.create',
      field: 'inviteMember',
      kind: 'mutation',
      summary: 'Invite somebody by address; the link is shown once, and sent by e-mail where a mail server is set.',
      permission: { action: 'member.manage', on: () => WORKSPACE },
      input: z.strictObject({ email, role }),
      output: z.object({ id, link: z.string(), isMailed: z.boolean() }).meta({ id: 'InvitedMember' }),
      problems: [],
      rest: { method: 'POST', path: '/invitations', status: 201 },
      handler: (ctx, input) =>
        ctx.inTransaction(async (tx) => {
          demandRank(ctx, input.role);
          const { token, hash } = newToken();
          const invitationId = await createInvitation(tx, {
            email: input.email,
            role: input.role,
            tokenHash: hash,
            validMs: INVITATION_MS,
          });
          ctx.audit({ kind: 'invitation', id: invitationId, payload: { role: input.role } });
          const link = linkOf(token);
          const workspace = await findWorkspace(tx, ctx.workspaceId);
          // Only the server itself queues e-mail; whoever invites has the link in any case.
          if (post.isSet) ctx.afterCommit(() => post.queue(database, invitationMail(input, workspace?.name ?? '', link)));
          return { id: invitationId, link, isMailed: post.isSet };
        }),
    }),
    operation({
      name: 'invitation.revoke',
      field: 'revokeInvitation',
      kind: 'mutation',
      summary: 'Take an invitation back.',
      permission: { action: 'member.manage', on: () => WORKSPACE },
      input: z.strictObject({ id }),
      output: nothing,
      problems: [],
      rest: { method: 'DELETE', path: '/invitations/{id}' },
      handler: (ctx, input) =>
        ctx.inTransaction(async (tx) => {
          if (!(await revokeInvitation(tx, input.id))) throw notFound('There is no such open invitation');
          return DONE;
        }),
    }),
  ];
}

function invitationMail({ email: to, role: as }: { readonly email: string; readonly role: Role }, workspace: string, link: string): Mail {
  const lines = [
    `You are invited to the workspace ${workspace}, as ${as}.`,
    '',
    `This link accepts it, once and within ${INVITATION_MS / (24 * 60 * 60_000)} days:`,
    link,
    '',
    'If you do not know what this is about, do nothing.',
  ];
  return { to, subject: 'An invitation to Plugboard', text: lines.join('\n') };
}

/** Nobody gives a role above the own one, nor takes one away from somebody above. */
export function demandRank({ actor, access }: OperationContext, wanted: Role): void {
  if (actor.kind === 'system' || covers(access.workspaceRole, wanted)) return;
  throw new OperationProblem('FORBIDDEN', `This needs the role ${wanted}`, {
    hint: `Ask somebody with the role ${wanted}.`,
    params: { action: 'member.manage', role: wanted },
  });
}

export function lastOwner(): OperationProblem {
  return new OperationProblem('LAST_OWNER', 'The workspace would have no owner', { hint: 'Make somebody else an owner first.' });
}

async function teamsOf(tx: WorkspaceTransaction, principalIds: readonly string[]): Promise<ReadonlyMap<string, string[]>> {
  const rows = await tx.query<{ principalId: string; names: string[] }>(
    `select m.principal_id as "principalId", array_agg(t.name order by lower(t.name)) as names from team_member m join team t on t.id = m.team_id
      where m.workspace_id = $1 and m.principal_id = any($2::uuid[]) group by m.principal_id`,
    [tx.context.workspaceId, principalIds],
  );
  return new Map(rows.map((row) => [row.principalId, row.names]));
}
