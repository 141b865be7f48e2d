/** Grants: who was given which role on what; and who can see a thing, and why. */
import {
  type GrantResource,
  type GrantSubject,
  type Member,
  type Role,
  type WorkspaceTransaction,
  findCredential,
  findDisplayNames,
  findProject,
  findTeam,
  highestRole,
  listMembers,
  listProjects,
  listRoleGrants,
  listTeamMembers,
  listTeams,
  removeRoleGrant,
  setRoleGrant,
} from '@plugboard/persistence';
import { z } from 'zod';
import { type Resource, roleOn } from '../access/access.ts';
import { covers } from '../access/actions.ts';
import { type Operation, type OperationContext, operation } from '../operation/operation.ts';
import { OperationProblem, notFound } from '../operation/problem.ts';
import { DONE, id, nothing, role } from '../operation/shapes.ts';
import { workflowResource } from '../workflows/workflow-access.ts';

const resourceKind = z.enum(['workspace', 'project', 'workflow', 'credential']).meta({ id: 'GrantResourceKind' });
const subjectKind = z.enum(['principal', 'team']).meta({ id: 'GrantSubjectKind' });
/** `resourceId` of a workspace is the workspace at hand, whatever is given. */
const place = { resourceKind, resourceId: id };
const target = { ...place, subjectKind, subjectId: id };

const grantRow = z
  .object({ subjectKind, subjectId: id, subjectName: z.string(), role, grantedBy: z.string(), grantedAt: z.iso.datetime() })
  .meta({ id: 'GrantRow' });
const reason = z
  .object({
    kind: z.enum(['member', 'owner', 'grant', 'team']).meta({ id: 'AccessReasonKind' }),
    /** Where it was given. */
    on: resourceKind,
    role,
    team: z.string().optional(),
  })
  .meta({ id: 'AccessReason' });
const accessRow = z
  .object({ principalId: id, name: z.string(), kind: z.enum(['person', 'service']), role, reasons: z.array(reason) })
  .meta({ id: 'AccessRow' });

export function grantOperations(): readonly Operation[] {
  return [
    operation({
      name: 'grant.list',
      field: 'grants',
      kind: 'query',
      summary: 'Roles given on the workspace, a project, a workflow or a credential.',
      permission: { action: 'grant.read', on: (ctx, input) => ctx.inTransaction((tx) => resourceOf(tx, input)) },
      input: z.strictObject(place),
      output: z.array(grantRow),
      problems: [],
      rest: { method: 'GET', path: '/grants' },
      handler: (ctx, input) =>
        ctx.inTransaction(async (tx) => {
          const grants = await listRoleGrants(tx, { resource: grantResource(ctx, input) });
          const names = await findDisplayNames(tx, [...grants.map((one) => one.subject.id), ...grants.map((one) => one.createdBy)]);
          const teams = new Map((await listTeams(tx)).map((one) => [one.id, one.name]));
          return grants.map(({ subject, role: granted, createdBy, createdAt }) => ({
            subjectKind: subject.kind,
            subjectId: subject.id,
            subjectName: (subject.kind === 'team' ? teams : names).get(subject.id) ?? '',
            role: granted,
            grantedBy: names.get(createdBy) ?? '',
            grantedAt: createdAt.toISOString(),
          }));
        }),
    }),
    operation({
      name: 'grant.set',
      field: 'setGrant',
      kind: 'mutation',
      summary: 'Give a member or a team a role on the workspace, a project, a workflow or a credential.',
      permission: { action: 'grant.manage', on: (ctx, input) => ctx.inTransaction((tx) => resourceOf(tx, input)) },
      input: z.strictObject({ ...target, role }),
      output: nothing,
      problems: [],
      rest: { method: 'PUT', path: '/grants' },
      handler: (ctx, input) =>
        ctx.inTransaction(async (tx) => {
          const resource = grantResource(ctx, input);
          const subject = { kind: input.subjectKind, id: input.subjectId };
          const before = await grantedTo(tx, subject, resource);
          await demandRankOn(ctx, tx, input, [input.role, ...(before === undefined ? [] : [before])]);
          ctx.audit({
            kind: resource.kind,
            id: resource.id,
            payload: { subjectKind: subject.kind, subjectId: subject.id, before: before ?? null, after: input.role },
          });
          const saved = await setRoleGrant(tx, { subject, resource, role: input.role });
          if (saved.kind === 'not-found') throw notFound('There is no such member or team');
          return DONE;
        }),
    }),
    operation({
      name: 'grant.remove',
      field: 'removeGrant',
      kind: 'mutation',
      summary: 'Take a role back that was given to a member or a team.',
      permission: { action: 'grant.manage', on: (ctx, input) => ctx.inTransaction((tx) => resourceOf(tx, input)) },
      input: z.strictObject(target),
      output: nothing,
      problems: [],
      rest: { method: 'DELETE', path: '/grants' },
      handler: (ctx, input) =>
        ctx.inTransaction(async (tx) => {
          const resource = grantResource(ctx, input);
          const subject = { kind: input.subjectKind, id: input.subjectId };
          const before = await grantedTo(tx, subject, resource);
          if (before === undefined) throw notFound('There is no such grant');
          await demandRankOn(ctx, tx, input, [before]);
          ctx.audit({
            kind: resource.kind,
            id: resource.id,
            payload: { subjectKind: subject.kind, subjectId: subject.id, before, after: null },
          });
          await removeRoleGrant(tx, subject, resource);
          return DONE;
        }),
    }),
    operation({
      name: 'access.explain',
      field: 'whoHasAccess',
      kind: 'query',
      summary: 'Who can see a thing, with which role, and why.',
      permission: { action: 'grant.read', on: (ctx, input) => ctx.inTransaction((tx) => resourceOf(tx, input)) },
      input: z.strictObject(place),
      output: z.array(accessRow),
      problems: [],
      rest: { method: 'GET', path: '/access' },
      handler: (ctx, input) => ctx.inTransaction((tx) => explain(ctx, tx, input)),
    }),
  ];
}

interface Place {
  readonly resourceKind: GrantResource['kind'];
  readonly resourceId: string;
}

function grantResource({ workspaceId }: OperationContext, { resourceKind: kind, resourceId }: Place): GrantResource {
  return { kind, id: kind === 'workspace' ? workspaceId : resourceId };
}

/** Undefined for what there is not. */
async function resourceOf(tx: WorkspaceTransaction, { resourceKind: kind, resourceId }: Place): Promise<Resource | undefined> {
  switch (kind) {
    case 'workspace':
      return resourceId === tx.context.workspaceId ? { kind } : undefined;
    case 'project':
      return (await findProject(tx, resourceId)) && { kind, id: resourceId };
    case 'workflow':
      return workflowResource(tx, resourceId);
    case 'credential': {
      const found = await findCredential(tx, resourceId);
      return found && { kind, id: resourceId, projectId: found.projectId };
    }
  }
}

async function grantedTo(
  tx: WorkspaceTransaction,
  subject: { readonly kind: 'principal' | 'team'; readonly id: string },
  resource: GrantResource,
): Promise<Role | undefined> {
  const grants = await listRoleGrants(tx, { resource });
  return grants.find((one) => one.subject.kind === subject.kind && one.subject.id === subject.id)?.role;
}

/** Nobody gives, or takes away, more than he has there himself. @throws OperationProblem FORBIDDEN */
async function demandRankOn(ctx: OperationContext, tx: WorkspaceTransaction, at: Place, wanted: readonly Role[]): Promise<void> {
  if (ctx.actor.kind === 'system') return;
  const resource = await resourceOf(tx, at);
  const own = resource && resource.kind !== 'instance' ? roleOn(ctx.access, resource) : undefined;
  const above = wanted.find((one) => !covers(own, one));
  if (above === undefined) return;
  throw new OperationProblem('FORBIDDEN', `This needs the role ${above}`, {
    hint: `Ask somebody with the role ${above}.`,
    params: { action: 'grant.manage', role: above },
  });
}

/** Whoever puts somebody into a team gives all that was granted to it. @throws OperationProblem FORBIDDEN */
export function demandRankOfTeam(ctx: OperationContext, tx: WorkspaceTransaction, teamId: string): Promise<void> {
  return demandRankOfSubject(ctx, tx, { kind: 'team', id: teamId });
}

/** Whoever makes a key of a service can do what that one can, by its teams and as an owner too. @throws OperationProblem FORBIDDEN */
export async function demandRankOfService(ctx: OperationContext, tx: WorkspaceTransaction, principalId: string): Promise<void> {
  if (ctx.actor.kind === 'system') return;
  for (const project of await listProjects(tx))
    if (project.ownerId === principalId && !covers(roleOn(ctx.access, { kind: 'project', id: project.id }), 'owner'))
      throw aboveYou('owner');
  await demandRankOfSubject(ctx, tx, { kind: 'principal', id: principalId });
  const teams = await tx.query<{ id: string }>('select team_id as id from team_member where workspace_id = $1 and principal_id = $2', [
    tx.context.workspaceId,
    principalId,
  ]);
  for (const { id: teamId } of teams) await demandRankOfSubject(ctx, tx, { kind: 'team', id: teamId });
}

async function demandRankOfSubject(ctx: OperationContext, tx: WorkspaceTransaction, subject: GrantSubject): Promise<void> {
  if (ctx.actor.kind === 'system') return;
  for (const { resource: granted, role: given } of await listRoleGrants(tx, { subject })) {
    const resource = await resourceOf(tx, { resourceKind: granted.kind, resourceId: granted.id });
    if (!resource || resource.kind === 'instance' || covers(roleOn(ctx.access, resource), given)) continue;
    throw aboveYou(given);
  }
}

/** Not told where: it may be a project one may not know of. */
function aboveYou(needed: Role): OperationProblem {
  return new OperationProblem('FORBIDDEN', 'Somewhere in the workspace this has a role that you do not have yourself', {
    hint: 'Ask somebody who has each of those roles.',
    params: { action: 'grant.manage', role: needed },
  });
}

interface Reason {
  readonly kind: 'member' | 'owner' | 'grant' | 'team';
  readonly on: GrantResource['kind'];
  readonly role: Role;
  readonly team?: string;
}

/** Members are bounded by pages; the first 1,000 are told. */
const PAGES = 10;

async function explain(ctx: OperationContext, tx: WorkspaceTransaction, at: Place): Promise<z.input<typeof accessRow>[]> {
  const resource = await resourceOf(tx, at);
  if (!resource || resource.kind === 'instance') throw notFound();
  const projectId = resource.kind === 'project' ? resource.id : 'projectId' in resource ? resource.projectId : undefined;
  const project = projectId === undefined ? undefined : await findProject(tx, projectId);
  const isOpen = !project || project.visibility === 'workspace';

  const reasons = new Map<string, Reason[]>();
  const add = (principalId: string, one: Reason): void => void reasons.set(principalId, [...(reasons.get(principalId) ?? []), one]);
  const members = await allMembers(tx);
  // The role in the workspace counts where the workspace may look.
  if (isOpen) for (const one of members) add(one.principalId, { kind: 'member', on: 'workspace', role: one.role });
  if (project?.ownerId !== undefined) add(project.ownerId, { kind: 'owner', on: 'project', role: 'owner' });
  const path: GrantResource[] = [
    ...(isOpen ? [{ kind: 'workspace', id: ctx.workspaceId } as const] : []),
    ...(project ? [{ kind: 'project', id: project.id } as const] : []),
    ...(resource.kind === 'workflow' || resource.kind === 'credential' ? [{ kind: resource.kind, id: resource.id } as const] : []),
  ];
  for (const step of path) {
    for (const { subject, role: granted } of await listRoleGrants(tx, { resource: step })) {
      if (subject.kind === 'principal') {
        add(subject.id, { kind: 'grant', on: step.kind, role: granted });
        continue;
      }
      const team = await findTeam(tx, subject.id);
      for (const { principalId } of await listTeamMembers(tx, subject.id))
        add(principalId, { kind: 'team', on: step.kind, role: granted, ...(team ? { team: team.name } : {}) });
    }
  }
  return members.flatMap((one) => {
    const own = reasons.get(one.principalId) ?? [];
    const above = highestOf(own.filter((each) => each.on === 'workspace' || each.on === 'project'));
    // Where only admins edit, an editor of the project may do what a runner may.
    const isNarrowed = above === 'editor' && project?.adminEditsOnly === true && resource.kind !== 'project';
    const direct = highestOf(own.filter((each) => each.on === 'workflow' || each.on === 'credential'));
    const highest = highestRole(isNarrowed ? 'runner' : above, direct);
    return highest === undefined
      ? []
      : [{ principalId: one.principalId, name: one.displayName, kind: one.kind, role: highest, reasons: own }];
  });
}

function highestOf(reasons: readonly Reason[]): Role | undefined {
  return reasons.reduce<Role | undefined>((sofar, one) => highestRole(sofar, one.role), undefined);
}

function allMembers(tx: WorkspaceTransaction): Promise<Member[]> {
  return membersFrom(tx, undefined, PAGES);
}

async function membersFrom(tx: WorkspaceTransaction, cursor: string | undefined, pages: number): Promise<Member[]> {
  const { members, nextCursor } = await listMembers(tx, { limit: 100, ...(cursor === undefined ? {} : { cursor }) });
  return nextCursor === undefined || pages <= 1 ? [...members] : [...members, ...(await membersFrom(tx, nextCursor, pages - 1))];
}
