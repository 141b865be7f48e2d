/**
 * Everything that decides what a principal may do in a workspace, read in one statement and so from one moment. What follows
 * from it is decided by the server's authorization function.
 */
import type { InstanceStatements } from '../in-instance.ts';
import type { InstanceRole } from './instance-roles.ts';
import type { Role } from './roles.ts';
import { highestRole } from './roles.ts';

export interface Access {
  readonly workspaceId: string;
  readonly principalId: string;
  readonly principalKind: 'person' | 'service' | 'system';
  /** Good as long as the workspace's version is this one. */
  readonly accessVersion: number;
  /** As a member, or through a team; absent for anybody who is not a member: then nothing else is there either. */
  readonly workspaceRole?: Role;
  readonly instanceRoles: readonly InstanceRole[];
  /** All projects that are not in the trash. */
  readonly projects: readonly ProjectAccess[];
  /** Roles on single workflows and credentials, own and through teams, the highest of each. */
  readonly grants: readonly { readonly kind: 'workflow' | 'credential'; readonly id: string; readonly role: Role }[];
}

export interface ProjectAccess {
  readonly id: string;
  readonly visibility: 'workspace' | 'members';
  /** Whose private project it is. */
  readonly ownerId?: string;
  /** Editors may only look. */
  readonly adminEditsOnly: boolean;
  /** On the project itself: granted, own and through teams, or as its owner. The role in the workspace is not in it. */
  readonly role?: Role;
}

/** Undefined when there is no such workspace or principal, or the person is disabled. */
export async function loadAccess(
  statements: InstanceStatements,
  { workspaceId, principalId }: { readonly workspaceId: string; readonly principalId: string },
): Promise<Access | undefined> {
  const [row] = await statements.query<AccessRow>(LOAD, [workspaceId, principalId]);
  if (!row) return undefined;
  const { member_role: memberRole, instance_roles: instanceRoles, kind: principalKind } = row;
  const head = { workspaceId, principalId, principalKind, accessVersion: row.access_version, instanceRoles };
  if (memberRole === null) return { ...head, projects: [], grants: [] };

  const granted = new Map<string, Role>();
  for (const { kind, id, role } of row.grants) granted.set(`${kind} ${id}`, highestRole(granted.get(`${kind} ${id}`), role)!);
  return {
    ...head,
    workspaceRole: highestRole(memberRole, granted.get(`workspace ${workspaceId}`))!,
    projects: row.projects.map(({ id, visibility, ownerId, adminEditsOnly }) => {
      const role = ownerId === principalId ? 'owner' : granted.get(`project ${id}`);
      return { id, visibility, adminEditsOnly, ...(ownerId === null ? {} : { ownerId }), ...(role === undefined ? {} : { role }) };
    }),
    grants: [...granted].flatMap(([name, role]) => {
      const [kind, id] = name.split(' ');
      return (kind === 'workflow' || kind === 'credential') && id !== undefined ? [{ kind, id, role }] : [];
    }),
  };
}

interface AccessRow {
  readonly access_version: number;
  readonly kind: Access['principalKind'];
  readonly member_role: Role | null;
  readonly instance_roles: InstanceRole[];
  readonly projects: { id: string; visibility: ProjectAccess['visibility']; ownerId: string | null; adminEditsOnly: boolean }[];
  readonly grants: { kind: string; id: string; role: Role }[];
}

const LOAD = `
  select w.access_version, p.kind, m.role as member_role,
         coalesce((select json_agg(r.role order by r.role) from instance_role r where r.principal_id = p.id), '[]') as instance_roles,
         coalesce((select json_agg(json_build_object('id', j.id, 'visibility', j.visibility, 'ownerId', j.owner_id, 'adminEditsOnly', j.admin_edits_only) order by j.id)
                     from project j where j.workspace_id = w.id and j.deleted_at is null), '[]') as projects,
         coalesce((select json_agg(json_build_object('kind', g.resource_kind, 'id', g.resource_id, 'role', g.role))
                     from role_grant g
                    where g.workspace_id = w.id
                      and ((g.subject_kind = 'principal' and g.subject_id = p.id)
                        or (g.subject_kind = 'team' and g.subject_id in
                             (select t.team_id from team_member t where t.workspace_id = w.id and t.principal_id = p.id)))), '[]') as grants
    from workspace w
    join principal p on p.id = $2 and p.erased_at is null
    left join person e on e.principal_id = p.id
    left join member m on m.workspace_id = w.id and m.principal_id = p.id and m.state = 'active'
   where w.id = $1 and w.deleted_at is null and e.disabled_at is null`;
