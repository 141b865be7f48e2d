/** What the navigation shows: only pages that are there, and only those the role may open. */
import type { Role } from '../api/types.ts';
import type { IconName } from '../kit/icons.ts';

export interface NavItem {
  readonly route: string;
  readonly title: string;
  readonly icon: IconName;
  /** The least role that may open it. */
  readonly role: Role;
  /** Keys after `G`. */
  readonly key?: string;
}

export interface NavGroup {
  readonly title: string;
  readonly items: readonly NavItem[];
}

const ROLES: readonly Role[] = ['viewer', 'runner', 'editor', 'admin', 'owner'];

export function covers(role: Role, needed: Role): boolean {
  return ROLES.indexOf(role) >= ROLES.indexOf(needed);
}

export const NAV_GROUPS: readonly NavGroup[] = [
  { title: 'Build', items: [{ route: 'workflows', title: 'Workflows', icon: 'workflow', role: 'viewer', key: 'w' }] },
  {
    title: 'Operate',
    items: [
      { route: 'runs', title: 'Runs', icon: 'runs', role: 'viewer', key: 'r' },
      { route: 'schedules', title: 'Schedules', icon: 'cal', role: 'viewer', key: 'd' },
      { route: 'approvals', title: 'Approvals', icon: 'inbox', role: 'viewer', key: 'a' },
    ],
  },
  { title: 'Extend', items: [{ route: 'credentials', title: 'Credentials', icon: 'key', role: 'editor', key: 'c' }] },
];

export const NAV_FOOT: readonly NavItem[] = [
  { route: 'team', title: 'Team', icon: 'users', role: 'viewer', key: 't' },
  { route: 'settings', title: 'Settings', icon: 'sliders', role: 'admin', key: 's' },
];

export function itemsFor(items: readonly NavItem[], role: Role): NavItem[] {
  return items.filter((item) => covers(role, item.role));
}
