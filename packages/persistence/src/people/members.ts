/**
 * Members of a workspace, and the service principals made for it. Every change raises the access version first, which also
 * makes changes of one workspace follow each other: the last owner is counted without a race.
 */
import { uuidv7 } from '../ids.ts';
import type { InstanceTransaction } from '../in-instance.ts';
import type { WorkspaceTransaction } from '../in-workspace.ts';
import type { Statements } from '../statements.ts';
import { likePattern, pageLimit } from '../paging.ts';
import { raiseAccessVersion } from './access-version.ts';
import type { Role } from './roles.ts';

export interface Member {
  readonly principalId: string;
  readonly kind: 'person' | 'service';
  readonly displayName: string;
  /** Absent for services. */
  readonly email?: string;
  readonly role: Role;
  readonly rev: number;
  readonly createdAt: Date;
}

export interface AddMember {
  readonly workspaceId: string;
  readonly principalId: string;
  readonly role: Role;
  readonly createdBy: string;
}

/** Makes somebody a member, again if need be. One who is a member keeps his role; false then. */
export async function addMember(statements: Statements, input: AddMember): Promise<boolean> {
  await raiseAccessVersion(statements, input.workspaceId);
  const rows = await statements.query(
    `insert into member (workspace_id, principal_id, role, created_by) values ($1, $2, $3, $4)
       on conflict (workspace_id, principal_id) do update
         set role = excluded.role, state = 'active', created_by = excluded.created_by, updated_at = now(), rev = member.rev + 1
       where member.state = 'removed' returning 1`,
    [input.workspaceId, input.principalId, input.role, input.createdBy],
  );
  return rows.length > 0;
}

/** A principal for machines, member of one workspace; keys are made for it. Gives its id. */
export async function createServicePrincipal(
  tx: InstanceTransaction,
  input: { readonly workspaceId: string; readonly displayName: string; readonly role: Role; readonly createdBy: string },
): Promise<string> {
  const principalId = uuidv7();
  await tx.query(`insert into principal (id, kind, display_name, created_by) values ($1, 'service', $2, $3)`, [
    principalId,
    input.displayName,
    input.createdBy,
  ]);
  await addMember(tx, { workspaceId: input.workspaceId, principalId, role: input.role, createdBy: input.createdBy });
  return principalId;
}

/**
 * The same from inside the workspace, on behalf of one of its members. A name for a machine is no secret, so it needs no
 * transaction of the instance.
 */
export async function createService(
  tx: WorkspaceTransaction,
  input: { readonly displayName: string; readonly role: Role },
): Promise<string> {
  const { workspaceId, principalId: createdBy } = tx.context;
  const principalId = uuidv7();
  await tx.query(`insert into principal (id, kind, display_name, created_by) values ($1, 'service', $2, $3)`, [
    principalId,
    input.displayName,
    createdBy,
  ]);
  await addMember(tx, { workspaceId, principalId, role: input.role, createdBy });
  return principalId;
}

/** False when there is no such service in the workspace. */
export async function renameService(tx: WorkspaceTransaction, principalId: string, displayName: string): Promise<boolean> {
  const rows = await tx.query(
    `update principal p set display_name = $3, rev = p.rev + 1, updated_at = now()
      where p.id = $2 and p.kind = 'service'
        and exists (select from member m where m.workspace_id = $1 and m.principal_id = p.id and m.state = 'active') returning 1`,
    [tx.context.workspaceId, principalId, displayName],
  );
  return rows.length > 0;
}

export interface ListMembers {
  /** Part of name or address, whatever the case. */
  readonly search?: string;
  /** `nextCursor` of the page before. */
  readonly cursor?: string;
  /** 1 to 100. @default 50 */
  readonly limit?: number;
}

export interface MemberPage {
  readonly members: readonly Member[];
  /** Absent on the last page. */
  readonly nextCursor?: string;
}

/** Newest principals first. */
export async function listMembers(tx: WorkspaceTransaction, options: ListMembers = {}): Promise<MemberPage> {
  const limit = pageLimit(options.limit);
  const rows = await tx.query<MemberRow>(
    `${SELECT} where m.workspace_id = $1 and m.state = 'active' and ($2::uuid is null or m.principal_id < $2)
        and ($3::text is null or p.display_name ilike $3 escape '\\' or e.email_ci ilike $3 escape '\\')
      order by m.principal_id desc limit $4`,
    [tx.context.workspaceId, options.cursor ?? null, likePattern(options.search), limit + 1],
  );
  const members = rows.slice(0, limit).map(toMember);
  return rows.length > limit ? { members, nextCursor: members.at(-1)!.principalId } : { members };
}

export async function findMember(tx: WorkspaceTransaction, principalId: string): Promise<Member | undefined> {
  const [row] = await tx.query<MemberRow>(`${SELECT} where m.workspace_id = $1 and m.principal_id = $2 and m.state = 'active'`, [
    tx.context.workspaceId,
    principalId,
  ]);
  return row && toMember(row);
}

/** Names for ids, also of members who left; those one shares nothing with are missing. */
export async function findDisplayNames(tx: WorkspaceTransaction, principalIds: readonly string[]): Promise<Map<string, string>> {
  const rows = await tx.query<{ id: string; name: string }>(
    `select p.id, p.display_name as name from principal p where p.id = any($1::uuid[])
        and (p.kind = 'system' or p.id = $3 or exists (select from member m where m.workspace_id = $2 and m.principal_id = p.id))`,
    [principalIds, tx.context.workspaceId, tx.context.principalId],
  );
  return new Map(rows.map((row) => [row.id, row.name]));
}

export type SetMemberRoleResult =
  | { readonly kind: 'saved'; readonly rev: number }
  | { readonly kind: 'not-found' }
  /** The workspace would have no owner. */
  | { readonly kind: 'last-owner' }
  | { readonly kind: 'conflict'; readonly member: Member };

export async function setMemberRole(
  tx: WorkspaceTransaction,
  { principalId, role, expectedRev }: { readonly principalId: string; readonly role: Role; readonly expectedRev?: number },
): Promise<SetMemberRoleResult> {
  const { workspaceId } = tx.context;
  await raiseAccessVersion(tx, workspaceId);
  const member = await findMember(tx, principalId);
  if (!member) return { kind: 'not-found' };
  if (expectedRev !== undefined && expectedRev !== member.rev) return { kind: 'conflict', member };
  if (role !== 'owner' && (await isLastOwner(tx, member))) return { kind: 'last-owner' };
  await tx.query('update member set role = $3, rev = rev + 1, updated_at = now() where workspace_id = $1 and principal_id = $2', [
    workspaceId,
    principalId,
    role,
  ]);
  return { kind: 'saved', rev: member.rev + 1 };
}

export type RemoveMemberResult = { readonly kind: 'removed' } | { readonly kind: 'not-found' } | { readonly kind: 'last-owner' };

/** Ends membership, teams, grants and keys here. What runs on grants of this member goes on; `listBindingsGrantedBy` says what that is. */
export async function removeMember(tx: WorkspaceTransaction, principalId: string): Promise<RemoveMemberResult> {
  const { workspaceId } = tx.context;
  await raiseAccessVersion(tx, workspaceId);
  const member = await findMember(tx, principalId);
  if (!member) return { kind: 'not-found' };
  if (await isLastOwner(tx, member)) return { kind: 'last-owner' };
  for (const statement of LEAVE) await tx.query(statement, [workspaceId, principalId]);
  return { kind: 'removed' };
}

const LEAVE = [
  `update member set state = 'removed', rev = rev + 1, updated_at = now() where workspace_id = $1 and principal_id = $2`,
  'delete from team_member where workspace_id = $1 and principal_id = $2',
  `delete from role_grant where workspace_id = $1 and subject_kind = 'principal' and subject_id = $2`,
  'update api_key set revoked_at = now() where workspace_id = $1 and principal_id = $2 and revoked_at is null',
];

/** Only people who may sign in count: nobody else can hand a workspace over. */
async function isLastOwner(tx: WorkspaceTransaction, member: Member): Promise<boolean> {
  if (member.role !== 'owner') return false;
  const others = await tx.query(
    `select from member m join principal p on p.id = m.principal_id and p.kind = 'person'
       join person e on e.principal_id = p.id and e.disabled_at is null
      where m.workspace_id = $1 and m.principal_id <> $2 and m.role = 'owner' and m.state = 'active' limit 1`,
    [tx.context.workspaceId, member.principalId],
  );
  return others.length === 0;
}

interface MemberRow {
  readonly principalId: string;
  readonly kind: 'person' | 'service';
  readonly displayName: string;
  readonly email: string | null;
  readonly role: Role;
  readonly rev: number;
  readonly createdAt: Date;
}

const SELECT = `
  select m.principal_id as "principalId", p.kind, p.display_name as "displayName", e.email, m.role, m.rev, m.created_at as "createdAt"
    from member m join principal p on p.id = m.principal_id left join person e on e.principal_id = m.principal_id`;

function toMember({ email, ...member }: MemberRow): Member {
  return email === null ? member : { ...member, email };
}
