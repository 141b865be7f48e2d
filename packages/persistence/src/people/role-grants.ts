/** Grants: a role for a principal or a team on the workspace, a project, a workflow or a credential. There are no denials. */
import type { WorkspaceTransaction } from '../in-workspace.ts';
import { raiseAccessVersion } from './access-version.ts';
import type { Role } from './roles.ts';

export interface GrantSubject {
  readonly kind: 'principal' | 'team';
  readonly id: string;
}

export interface GrantResource {
  readonly kind: 'workspace' | 'project' | 'workflow' | 'credential';
  readonly id: string;
}

export interface RoleGrant {
  readonly subject: GrantSubject;
  readonly resource: GrantResource;
  readonly role: Role;
  readonly createdBy: string;
  readonly createdAt: Date;
}

export type SetGrantResult =
  | { readonly kind: 'saved' }
  /** There is no such member or team, or no such resource, in this workspace. */
  | { readonly kind: 'not-found' };

/** Gives the role, in the place of one given before. */
export async function setRoleGrant(
  tx: WorkspaceTransaction,
  { subject, resource, role }: { readonly subject: GrantSubject; readonly resource: GrantResource; readonly role: Role },
): Promise<SetGrantResult> {
  const { workspaceId, principalId } = tx.context;
  await raiseAccessVersion(tx, workspaceId);
  const rows = await tx.query(
    `insert into role_grant (workspace_id, subject_kind, subject_id, resource_kind, resource_id, role, created_by)
       select $1, $2, $3, $4, $5, $6, $7 where exists (${SUBJECTS[subject.kind]}) and exists (${RESOURCES[resource.kind]})
       on conflict (workspace_id, subject_kind, subject_id, resource_kind, resource_id) do update
         set role = excluded.role, created_by = excluded.created_by, updated_at = now()
       returning 1`,
    [workspaceId, subject.kind, subject.id, resource.kind, resource.id, role, principalId],
  );
  return { kind: rows.length > 0 ? 'saved' : 'not-found' };
}

export async function removeRoleGrant(tx: WorkspaceTransaction, subject: GrantSubject, resource: GrantResource): Promise<boolean> {
  const { workspaceId } = tx.context;
  await raiseAccessVersion(tx, workspaceId);
  const rows = await tx.query(
    `delete from role_grant where workspace_id = $1 and subject_kind = $2 and subject_id = $3 and resource_kind = $4 and resource_id = $5 returning 1`,
    [workspaceId, subject.kind, subject.id, resource.kind, resource.id],
  );
  return rows.length > 0;
}

/** On one resource, or of one subject, or all; at most 1,000, in a fixed order. */
export async function listRoleGrants(
  tx: WorkspaceTransaction,
  filter: { readonly subject?: GrantSubject; readonly resource?: GrantResource } = {},
): Promise<RoleGrant[]> {
  const rows = await tx.query<GrantRow>(
    `select subject_kind, subject_id, resource_kind, resource_id, role, created_by, created_at from role_grant
      where workspace_id = $1 and ($2::text is null or (subject_kind = $2 and subject_id = $3::uuid))
        and ($4::text is null or (resource_kind = $4 and resource_id = $5::uuid))
      order by resource_kind, resource_id, subject_kind, subject_id limit 1000`,
    [
      tx.context.workspaceId,
      filter.subject?.kind ?? null,
      filter.subject?.id ?? null,
      filter.resource?.kind ?? null,
      filter.resource?.id ?? null,
    ],
  );
  return rows.map((row) => ({
    subject: { kind: row.subject_kind, id: row.subject_id },
    resource: { kind: row.resource_kind, id: row.resource_id },
    role: row.role,
    createdBy: row.created_by,
    createdAt: row.created_at,
  }));
}

const SUBJECTS: Record<GrantSubject['kind'], string> = {
  principal: `select from member where workspace_id = $1 and principal_id = $3 and state = 'active'`,
  team: 'select from team where workspace_id = $1 and id = $3',
};

const RESOURCES: Record<GrantResource['kind'], string> = {
  workspace: 'select where $5::uuid = $1::uuid',
  project: 'select from project where workspace_id = $1 and id = $5 and deleted_at is null',
  workflow: 'select from workflow where workspace_id = $1 and id = $5 and deleted_at is null',
  credential: 'select from credential where workspace_id = $1 and id = $5 and deleted_at is null',
};

interface GrantRow {
  readonly subject_kind: GrantSubject['kind'];
  readonly subject_id: string;
  readonly resource_kind: GrantResource['kind'];
  readonly resource_id: string;
  readonly role: Role;
  readonly created_by: string;
  readonly created_at: Date;
}
