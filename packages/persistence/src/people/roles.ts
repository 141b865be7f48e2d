/** Roles, lowest first. Each may do what those before it may. */
export const ROLES = ['viewer', 'runner', 'editor', 'admin', 'owner'] as const;
export type Role = (typeof ROLES)[number];

/** The higher of two; undefined counts as none. */
export function highestRole(a: Role | undefined, b: Role | undefined): Role | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return ROLES.indexOf(a) >= ROLES.indexOf(b) ? a : b;
}
