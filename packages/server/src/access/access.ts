/**
 * The one authorization function. `decideAccess` answers for one resource, `visibleTo` as a filter for lists and counts, both from the same
 * access set.
 */
import { type Access, type Role, highestRole } from '@plugboard/persistence';
import { ACTIONS, type Action, covers, isAction } from './actions.ts';

/** Who acts. An API key acts as its principal, narrowed to its scopes. */
export interface Actor {
  readonly principalId: string;
  /** `anonymous` is nobody in particular: only what is public is open to it. */
  readonly kind: 'person' | 'service' | 'system' | 'anonymous';
  /** Actions a key is limited to; absent means everything its principal may. */
  readonly scopes?: ReadonlySet<Action>;
}

/** What a principal may do in one workspace, read once per request. */
export interface AccessSet {
  readonly workspaceId: string;
  readonly workspaceRole: Role | undefined;
  readonly isOperator: boolean;
  readonly projects: ReadonlyMap<string, ProjectRule>;
  /** Roles granted on single workflows and credentials. */
  readonly grants: ReadonlyMap<string, Role>;
}

export interface ProjectRule {
  readonly visibility: 'workspace' | 'members';
  /** Editors may look and run; changing is for admins and owners. */
  readonly adminEditsOnly: boolean;
  /** Role on the project itself, as its owner included. */
  readonly role: Role | undefined;
}

export type Resource =
  | { readonly kind: 'instance' }
  | { readonly kind: 'workspace' }
  | { readonly kind: 'project'; readonly id: string }
  | { readonly kind: 'workflow'; readonly id: string; readonly projectId: string }
  | { readonly kind: 'credential'; readonly id: string; readonly projectId: string }
  | { readonly kind: 'run'; readonly workflowId: string; readonly projectId: string }
  /** Without a workflow it is a file of the workspace, else one of a run. */
  | { readonly kind: 'file'; readonly workflowId?: undefined }
  | { readonly kind: 'file'; readonly workflowId: string; readonly projectId: string };

/** `hidden`: the actor may not know that it exists. `forbidden` names the least role that may. */
export type Decision = { readonly kind: 'allowed' } | { readonly kind: 'hidden' } | { readonly kind: 'forbidden'; readonly needs: Role };

/** Of somebody who is no member, and of nobody. */
export const NO_ACCESS: AccessSet = {
  workspaceId: '',
  workspaceRole: undefined,
  isOperator: false,
  projects: new Map(),
  grants: new Map(),
};

const ALLOWED: Decision = { kind: 'allowed' };
const HIDDEN: Decision = { kind: 'hidden' };

/** The access set of what the database says. */
export function accessSetOf(access: Access): AccessSet {
  return {
    workspaceId: access.workspaceId,
    workspaceRole: access.workspaceRole,
    isOperator: access.instanceRoles.includes('operator'),
    projects: new Map(access.projects.map(({ id, visibility, adminEditsOnly, role }) => [id, { visibility, adminEditsOnly, role }])),
    grants: new Map(access.grants.map(({ id, role }) => [id, role])),
  };
}

/** Scopes as a key was given them: names of actions, and `*` for all. Names this release does not know count for nothing. */
export function scopesOf(names: readonly string[]): ReadonlySet<Action> | undefined {
  return names.includes('*') ? undefined : new Set(names.filter(isAction));
}

export function decideAccess(actor: Actor, access: AccessSet, action: Action, resource: Resource): Decision {
  const { role: needed } = ACTIONS[action];
  if (actor.kind === 'system') return ALLOWED;
  if (actor.kind === 'anonymous') return HIDDEN;
  if (resource.kind === 'instance') {
    if (access.isOperator && inScope(actor, action)) return ALLOWED;
    return access.workspaceRole === undefined ? HIDDEN : { kind: 'forbidden', needs: needed };
  }
  const role = roleOn(access, resource);
  if (role === undefined) return HIDDEN;
  if (!covers(role, needed) || !inScope(actor, action)) return { kind: 'forbidden', needs: needed };
  return ALLOWED;
}

/** The highest role on the path from the workspace to the resource; undefined when it is not visible at all. */
export function roleOn(access: AccessSet, resource: Exclude<Resource, { kind: 'instance' }>): Role | undefined {
  if (resource.kind === 'workspace' || (resource.kind === 'file' && resource.workflowId === undefined)) return access.workspaceRole;
  if (resource.kind === 'project') return projectRole(access, resource.id);
  const id = resource.kind === 'run' || resource.kind === 'file' ? resource.workflowId : resource.id;
  return highestRole(contentRole(access, resource.projectId), access.grants.get(id));
}

function projectRole(access: AccessSet, projectId: string): Role | undefined {
  const project = access.projects.get(projectId);
  if (!project) return undefined;
  return project.visibility === 'workspace' ? highestRole(access.workspaceRole, project.role) : project.role;
}

/** The role on what a project holds: where only admins edit, an editor may do what a runner may. */
function contentRole(access: AccessSet, projectId: string): Role | undefined {
  const role = projectRole(access, projectId);
  return role === 'editor' && access.projects.get(projectId)?.adminEditsOnly ? 'runner' : role;
}

/** What of a kind an actor may see: everything, or these projects and single resources. */
export type Visible =
  | { readonly kind: 'all' }
  | { readonly kind: 'some'; readonly projectIds: readonly string[]; readonly ids: readonly string[] };

export function visibleTo(actor: Actor, access: AccessSet, action: Action): Visible {
  if (actor.kind === 'system') return { kind: 'all' };
  if (actor.kind === 'anonymous' || !inScope(actor, action)) return { kind: 'some', projectIds: [], ids: [] };
  const { role: needed } = ACTIONS[action];
  const projectIds = [...access.projects.keys()].filter((id) => covers(contentRole(access, id), needed));
  const ids = [...access.grants].filter(([, role]) => covers(role, needed)).map(([id]) => id);
  return { kind: 'some', projectIds, ids };
}

export function inScope(actor: Actor, action: Action): boolean {
  return actor.scopes === undefined || actor.scopes.has(action);
}
