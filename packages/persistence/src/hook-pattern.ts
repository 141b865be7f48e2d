/** Paths of webhooks. Two patterns that match the same requests have the same normal form, which is what must be unique. */

/** `/orders/:id/` becomes `orders/*`: no outer or doubled slashes, every parameter the same. */
export function normalizeHookPattern(pattern: string): string {
  return pattern
    .split('/')
    .filter((segment) => segment !== '')
    .map((segment) => (segment.startsWith(':') ? '*' : segment))
    .join('/');
}
