/**
 * Which published webhook a request is for. Static paths are one map look-up; patterns with `:name` segments come after them.
 */
import type { LiveHook } from '@plugboard/persistence';

export interface Route {
  readonly hook: LiveHook;
  /** Names of the `:name` segments, by position. */
  readonly names: readonly (string | undefined)[];
}

export type RouteMatch =
  | { readonly kind: 'found'; readonly route: Route; readonly params: { readonly [name: string]: string } }
  | { readonly kind: 'wrong-method'; readonly allow: readonly string[] }
  | { readonly kind: 'unknown' };

const NO_PARAMS: { readonly [name: string]: string } = {};
const UNKNOWN: RouteMatch = { kind: 'unknown' };

interface Entry {
  readonly byMethod: Map<string, Route>;
  readonly found: Map<string, RouteMatch>;
}

export class RouteTable {
  readonly #static = new Map<string, Entry>();
  /** Patterns by number of segments. */
  readonly #patterns = new Map<number, { readonly segments: readonly string[]; readonly entry: Entry }[]>();

  constructor(hooks: readonly LiveHook[]) {
    for (const hook of hooks) {
      const segments = hook.patternNorm.split('/');
      const names = hook.pattern
        .split('/')
        .filter((segment) => segment !== '')
        .map((segment) => (segment.startsWith(':') ? segment.slice(1) : undefined));
      const route: Route = { hook, names };
      const entry = segments.includes('*') ? this.#patternEntry(segments) : this.#staticEntry(hook.patternNorm);
      entry.byMethod.set(hook.method, route);
      if (!segments.includes('*')) entry.found.set(hook.method, { kind: 'found', route, params: NO_PARAMS });
    }
  }

  match(method: string, path: string): RouteMatch {
    const known = this.#static.get(path);
    const hit = known?.found.get(method);
    if (hit) return hit;
    const segments = decodedSegments(path);
    if (segments === undefined) return UNKNOWN;
    // A slash that was sent encoded is text within its segment, not a separator.
    const entry = segments.some((segment) => segment.includes('/')) ? undefined : this.#static.get(segments.join('/'));
    const found = entry?.found.get(method);
    if (found) return found;
    const allow = new Set(entry?.byMethod.keys());
    for (const pattern of this.#patterns.get(segments.length) ?? []) {
      if (!pattern.segments.every((segment, i) => segment === '*' || segment === segments[i])) continue;
      const route = pattern.entry.byMethod.get(method);
      if (route) return { kind: 'found', route, params: pathParams(route, segments) };
      for (const one of pattern.entry.byMethod.keys()) allow.add(one);
    }
    return allow.size > 0 ? { kind: 'wrong-method', allow: [...allow].toSorted() } : UNKNOWN;
  }

  #staticEntry(path: string): Entry {
    const entry = this.#static.get(path) ?? { byMethod: new Map<string, Route>(), found: new Map<string, RouteMatch>() };
    this.#static.set(path, entry);
    return entry;
  }

  #patternEntry(segments: readonly string[]): Entry {
    const list = this.#patterns.get(segments.length) ?? [];
    this.#patterns.set(segments.length, list);
    const same = list.find((one) => one.segments.join('/') === segments.join('/'));
    if (same) return same.entry;
    const entry: Entry = { byMethod: new Map(), found: new Map() };
    list.push({ segments, entry });
    // More literal segments first: the most exact pattern wins.
    list.sort((a, b) => stars(a.segments) - stars(b.segments));
    return entry;
  }
}

function stars(segments: readonly string[]): number {
  return segments.filter((segment) => segment === '*').length;
}

/** Undefined for a path that cannot be decoded or climbs. */
function decodedSegments(path: string): string[] | undefined {
  const segments = path.split('/').filter((segment) => segment !== '');
  try {
    const decoded = path.includes('%') ? segments.map((segment) => decodeURIComponent(segment)) : segments;
    return decoded.some((segment) => segment === '..' || segment === '.' || segment.includes('\0')) ? undefined : decoded;
  } catch {
    return undefined;
  }
}

function pathParams(route: Route, segments: readonly string[]): { readonly [name: string]: string } {
  const params: { [name: string]: string } = {};
  route.names.forEach((name, i) => {
    if (name !== undefined && name !== '__proto__') params[name] = segments[i] ?? '';
  });
  return params;
}
