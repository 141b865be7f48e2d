/** Teams: members under one name, so that a grant can be given to all of them. */
import { errorCodeOf, UNIQUE_VIOLATION } from '../errors.ts';
import { uuidv7 } from '../ids.ts';
import type { WorkspaceTransaction } from '../in-workspace.ts';
import { raiseAccessVersion } from './access-version.ts';

export interface Team {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly members: number;
  readonly rev: number;
  readonly createdAt: Date;
}

export type CreateTeamResult = { readonly kind: 'created'; readonly teamId: string } | { readonly kind: 'name-taken' };

export async function createTeam(
  tx: WorkspaceTransaction,
  input: { readonly name: string; readonly description?: string },
): Promise<CreateTeamResult> {
  const [row] = await tx.query<{ id: string }>(
    `insert into team (id, workspace_id, name, description, created_by) values ($1, $2, $3, $4, $5) on conflict (workspace_id, lower(name)) do nothing returning id`,
    [uuidv7(), tx.context.workspaceId, input.name, input.description ?? '', tx.context.principalId],
  );
  return row ? { kind: 'created', teamId: row.id } : { kind: 'name-taken' };
}

/** By name, at most 500. */
export function listTeams(tx: WorkspaceTransaction): Promise<Team[]> {
  return tx.query(`${SELECT} where t.workspace_id = $1 order by lower(t.name) limit 500`, [tx.context.workspaceId]);
}

export async function findTeam(tx: WorkspaceTransaction, id: string): Promise<Team | undefined> {
  const [row] = await tx.query<Team>(`${SELECT} where t.workspace_id = $1 and t.id = $2`, [tx.context.workspaceId, id]);
  return row;
}

export type UpdateTeamResult =
  | { readonly kind: 'saved'; readonly rev: number }
  | { readonly kind: 'not-found' }
  | { readonly kind: 'name-taken' }
  | { readonly kind: 'conflict'; readonly team: Team };

export async function updateTeam(
  tx: WorkspaceTransaction,
  id: string,
  change: { readonly name?: string; readonly description?: string; readonly expectedRev?: number },
): Promise<UpdateTeamResult> {
  await tx.query('select from team where workspace_id = $1 and id = $2 for update', [tx.context.workspaceId, id]);
  const team = await findTeam(tx, id);
  if (!team) return { kind: 'not-found' };
  if (change.expectedRev !== undefined && change.expectedRev !== team.rev) return { kind: 'conflict', team };
  await tx.query('savepoint rename_team');
  try {
    await tx.query(
      'update team set name = coalesce($2, name), description = coalesce($3, description), rev = rev + 1, updated_at = now() where id = $1',
      [id, change.name ?? null, change.description ?? null],
    );
  } catch (error) {
    await tx.query('rollback to savepoint rename_team');
    if (errorCodeOf(error) === UNIQUE_VIOLATION) return { kind: 'name-taken' };
    throw error;
  }
  return { kind: 'saved', rev: team.rev + 1 };
}

/** Its grants go with it. */
export async function deleteTeam(tx: WorkspaceTransaction, id: string): Promise<boolean> {
  const { workspaceId } = tx.context;
  await raiseAccessVersion(tx, workspaceId);
  await tx.query(`delete from role_grant where workspace_id = $1 and subject_kind = 'team' and subject_id = $2`, [workspaceId, id]);
  await tx.query('delete from team_member where workspace_id = $1 and team_id = $2', [workspaceId, id]);
  return (await tx.query('delete from team where workspace_id = $1 and id = $2 returning 1', [workspaceId, id])).length > 0;
}

/** False when there is no such team, or the principal is not a member of the workspace. */
export async function addTeamMember(tx: WorkspaceTransaction, teamId: string, principalId: string): Promise<boolean> {
  const { workspaceId } = tx.context;
  await raiseAccessVersion(tx, workspaceId);
  const rows = await tx.query(
    `insert into team_member (team_id, principal_id, workspace_id, created_by)
       select t.id, m.principal_id, t.workspace_id, $4 from team t join member m on m.workspace_id = t.workspace_id
        where t.workspace_id = $1 and t.id = $2 and m.principal_id = $3 and m.state = 'active'
       on conflict (team_id, principal_id) do update set created_by = team_member.created_by returning 1`,
    [workspaceId, teamId, principalId, tx.context.principalId],
  );
  return rows.length > 0;
}

export async function removeTeamMember(tx: WorkspaceTransaction, teamId: string, principalId: string): Promise<boolean> {
  const { workspaceId } = tx.context;
  await raiseAccessVersion(tx, workspaceId);
  const rows = await tx.query('delete from team_member where workspace_id = $1 and team_id = $2 and principal_id = $3 returning 1', [
    workspaceId,
    teamId,
    principalId,
  ]);
  return rows.length > 0;
}

/** By name, at most 1,000. */
export function listTeamMembers(tx: WorkspaceTransaction, teamId: string): Promise<{ principalId: string; displayName: string }[]> {
  return tx.query(
    `select p.id as "principalId", p.display_name as "displayName" from team_member t join principal p on p.id = t.principal_id
      where t.workspace_id = $1 and t.team_id = $2 order by lower(p.display_name), p.id limit 1000`,
    [tx.context.workspaceId, teamId],
  );
}

const SELECT = `
  select t.id, t.name, t.description, t.rev, t.created_at as "createdAt",
         (select count(*)::int4 from team_member m where m.team_id = t.id) as members
    from team t`;
