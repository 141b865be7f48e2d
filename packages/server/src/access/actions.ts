/**
 * What can be done, and the least role that may do it: the one table of permissions.
 * Code asks for an action, never for a role; the generated access test walks this table.
 */
import { ROLES, type Role } from '@plugboard/persistence';

/** Kinds of things permission is given on. `instance` has operators instead of roles. */
export type ResourceKind = 'instance' | 'workspace' | 'project' | 'workflow' | 'credential' | 'run' | 'file';

interface Rule {
  readonly on: ResourceKind;
  readonly role: Role;
}

const rule = (on: ResourceKind, role: Role): Rule => ({ on, role });

export const ACTIONS = {
  'instance.operate': rule('instance', 'owner'),

  'workspace.read': rule('workspace', 'viewer'),
  'workspace.update': rule('workspace', 'admin'),
  'member.read': rule('workspace', 'viewer'),
  'member.manage': rule('workspace', 'admin'),
  'team.read': rule('workspace', 'viewer'),
  'team.manage': rule('workspace', 'admin'),
  'apiKey.read': rule('workspace', 'viewer'),
  'apiKey.manage': rule('workspace', 'viewer'),
  'audit.read': rule('workspace', 'admin'),
  'settings.read': rule('workspace', 'viewer'),
  'settings.update': rule('workspace', 'admin'),
  'catalog.read': rule('workspace', 'viewer'),
  'statistics.read': rule('workspace', 'viewer'),
  'tag.manage': rule('workspace', 'editor'),

  'grant.read': rule('workspace', 'viewer'),
  'grant.manage': rule('workspace', 'admin'),
  'service.manage': rule('workspace', 'admin'),

  'project.read': rule('project', 'viewer'),
  'project.create': rule('workspace', 'editor'),
  'project.update': rule('project', 'admin'),
  'project.restore': rule('workspace', 'admin'),

  'folder.manage': rule('project', 'editor'),

  'workflow.read': rule('workflow', 'viewer'),
  'workflow.create': rule('project', 'editor'),
  'workflow.edit': rule('workflow', 'editor'),
  'draft.takeOver': rule('workflow', 'admin'),
  'workflow.publish': rule('workflow', 'editor'),
  'workflow.run': rule('workflow', 'runner'),
  'workflow.delete': rule('workflow', 'editor'),
  'workflow.move': rule('workflow', 'admin'),

  'run.read': rule('run', 'viewer'),
  'run.readData': rule('run', 'runner'),
  'run.control': rule('run', 'runner'),
  'run.delete': rule('run', 'editor'),

  'approval.read': rule('workspace', 'viewer'),
  'approval.decide': rule('workspace', 'viewer'),

  'view.read': rule('workspace', 'viewer'),
  'view.manage': rule('workspace', 'viewer'),
  'view.share': rule('workspace', 'editor'),

  'file.read': rule('file', 'runner'),
  'file.write': rule('file', 'runner'),
  'file.delete': rule('file', 'editor'),

  'variable.read': rule('project', 'viewer'),
  'variable.manage': rule('project', 'editor'),

  'credential.read': rule('credential', 'viewer'),
  'credential.create': rule('project', 'editor'),
  'credential.use': rule('credential', 'editor'),
  'credential.edit': rule('credential', 'editor'),
} as const satisfies Record<string, Rule>;

export type Action = keyof typeof ACTIONS;

export function isAction(text: string): text is Action {
  return Object.hasOwn(ACTIONS, text);
}

/** True when `role` is at least `needed`. */
export function covers(role: Role | undefined, needed: Role): boolean {
  return role !== undefined && ROLES.indexOf(role) >= ROLES.indexOf(needed);
}
