/**
 * What can be done, and the least role that may do it: the one table of permissions.
 * Code asks for an action, never for a role; the generated access test walks this table.
 */
import { ROLES, type Role } from '@plugboard/persistence';

/** Kinds of things permission is given on. `instance` has operators instead of roles. */
export type ResourceKind = 'instance' | 'workspace' | 'project' | 'workflow' | 'credential' | 'run';

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

  'project.read': rule('project', 'viewer'),
  'project.create': rule('workspace', 'editor'),
  'project.update': rule('project', 'admin'),
  'project.share': rule('project', 'admin'),

  'workflow.read': rule('workflow', 'viewer'),
  'workflow.create': rule('project', 'editor'),
  'workflow.edit': rule('workflow', 'editor'),
  'workflow.publish': rule('workflow', 'editor'),
  'workflow.run': rule('workflow', 'runner'),
  'workflow.delete': rule('workflow', 'editor'),
  'workflow.share': rule('workflow', 'admin'),

  'run.read': rule('run', 'viewer'),
  'run.readData': rule('run', 'runner'),
  'run.control': rule('run', 'runner'),

  'credential.read': rule('credential', 'viewer'),
  'credential.create': rule('project', 'editor'),
  'credential.use': rule('credential', 'editor'),
  'credential.edit': rule('credential', 'editor'),
  'credential.share': rule('credential', 'admin'),
} as const satisfies Record<string, Rule>;

export type Action = keyof typeof ACTIONS;

export function isAction(text: string): text is Action {
  return Object.hasOwn(ACTIONS, text);
}

/** True when `role` is at least `needed`. */
export function covers(role: Role | undefined, needed: Role): boolean {
  return role !== undefined && ROLES.indexOf(role) >= ROLES.indexOf(needed);
}
