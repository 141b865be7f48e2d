/**
 * Paths of webhooks. Two patterns that match the same requests have the same normal form, which is what must be unique.
 * In a workspace other than `default` every path begins with the workspace's name, so that workspaces cannot take each other's.
 */
import type { Statements } from './statements.ts';

/** The workspace whose webhooks have no prefix. */
const BARE_WORKSPACE = 'default';

/** `/orders/:id/` becomes `orders/*`, `files/*rest` becomes `files/**`: no outer or doubled slashes, every parameter the same. */
export function normalizeHookPattern(pattern: string): string {
  return pattern
    .split('/')
    .filter((segment) => segment !== '')
    .map((segment) => (segment.startsWith(':') ? '*' : segment.startsWith('*') ? '**' : segment))
    .join('/');
}

/** What stands before the paths of a workspace: nothing, or its name and a slash. */
export async function hookPrefix(statements: Statements, workspaceId: string): Promise<string> {
  const [workspace] = await statements.query<{ slug: string }>('select slug from workspace where id = $1', [workspaceId]);
  return workspace === undefined || workspace.slug === BARE_WORKSPACE ? '' : `${workspace.slug}/`;
}
