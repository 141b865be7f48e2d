/**
 * Which published webhook a request is for. Static paths are one map look-up; patterns with `:name` segments come after them, and those that
 * end in `*name` last.
 */
import type { LiveHook } from '@plugboard/persistence';
import { type HookPolicy, policyOf } from './hook-policy.ts';

export interface Route {
  readonly hook: LiveHook;
  /** Names of the `:name` segments, by position; of a last `*name` with its star. */
  readonly names: readonly (string | undefined)[];
  /** Undefined for one that answers everybody in the usual way. */
  readonly policy: HookPolicy | undefined;
}

export type RouteMatch =
  | {
      readonly kind: 'found';
      readonly route: Route;
      readonly params: { readonly [name: string]: string };
      /** As it was sent, with a slash before it. */ readonly path: string;
    }
  /** Of a workflow that is paused and refuses what comes meanwhile. */
  | { readonly kind: 'paused'; readonly route: Route }
  | {
      readonly kind: 'wrong-method';
      readonly allow: readonly string[];
      /** What could be meant, by method. */ readonly routes: readonly Route[];
    }
  | { readonly kind: 'unknown' };

const NO_PARAMS: { readonly [name: string]: string } = {};
const UNKNOWN: RouteMatch = { kind: 'unknown' };
const REST = '**';

interface Entry {
  readonly byMethod: Map<string, Route>;
  readonly found: Map<string, RouteMatch>;
}

interface Pattern {
  readonly segments: readonly string[];
  readonly entry: Entry;
}

export class RouteTable {
  readonly #static = new Map<string, Entry>();
  /** Patterns by number of segments. */
  readonly #patterns = new Map<number, Pattern[]>();
  /** Patterns whose last segment takes all that follows, the longest first. */
  readonly #open: Pattern[] = [];
  /** While the table is made. */
  readonly #byPattern = new Map<string, Entry>();

  constructor(hooks: readonly LiveHook[]) {
    for (const hook of hooks) {
      const route = routeOf(hook);
      const segments = hook.patternNorm.split('/');
      const isStatic = !segments.some(isStar);
      const entry = isStatic ? this.#staticEntry(hook.patternNorm) : this.#patternEntry(hook.patternNorm);
      entry.byMethod.set(hook.method, route);
      if (isStatic) entry.found.set(hook.method, matchOf(route, NO_PARAMS, inOnePiece(`/${hook.patternNorm}`)));
    }
    this.#byPattern.clear();
    for (const list of [...this.#patterns.values(), this.#open]) list.sort(byExactness);
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
    if (found) return found.kind === 'found' ? { ...found, path: `/${path}` } : found;
    const others = new Map<string, Route>(entry?.byMethod);
    for (const pattern of [...(this.#patterns.get(segments.length) ?? []), ...this.#open]) {
      if (!fits(pattern.segments, segments)) continue;
      const route = pattern.entry.byMethod.get(method);
      if (route) return matchOf(route, pathParams(route, segments), `/${path}`);
      for (const [name, other] of pattern.entry.byMethod) if (!others.has(name)) others.set(name, other);
    }
    return others.size > 0 ? { kind: 'wrong-method', allow: [...others.keys()].toSorted(), routes: [...others.values()] } : UNKNOWN;
  }

  #staticEntry(path: string): Entry {
    const entry = this.#static.get(path) ?? { byMethod: new Map<string, Route>(), found: new Map<string, RouteMatch>() };
    this.#static.set(path, entry);
    return entry;
  }

  #patternEntry(pattern: string): Entry {
    const known = this.#byPattern.get(pattern);
    if (known) return known;
    const entry: Entry = { byMethod: new Map(), found: new Map() };
    this.#byPattern.set(pattern, entry);
    const segments = pattern.split('/');
    if (segments.at(-1) === REST) this.#open.push({ segments, entry });
    else {
      const list = this.#patterns.get(segments.length);
      if (list) list.push({ segments, entry });
      else this.#patterns.set(segments.length, [{ segments, entry }]);
    }
    return entry;
  }
}

function matchOf(route: Route, params: { readonly [name: string]: string }, path: string): RouteMatch {
  return route.hook.whilePaused === 'refuse' ? { kind: 'paused', route } : { kind: 'found', route, params, path };
}

/** A text put together is only turned into one when it is read, and becomes JSON at a third of the speed until then. */
function inOnePiece(text: string): string {
  return Buffer.from(text).toString();
}

/** The most exact pattern first: the longer one, then the one with more literal segments, then the one that is literal earlier. */
function byExactness(a: Pattern, b: Pattern): number {
  return b.segments.length - a.segments.length || stars(a.segments) - stars(b.segments) || shape(a.segments, b.segments);
}

/** A webhook as a route by itself, for one that is in no table. */
export function routeOf(hook: LiveHook, draftOf?: string): Route {
  const names = hook.pattern
    .split('/')
    .filter((segment) => segment !== '')
    .map((segment) => (segment.startsWith(':') ? segment.slice(1) : segment.startsWith('*') ? segment : undefined));
  return { hook, names, policy: policyOf(hook, draftOf) };
}

/** The parameters of a path the pattern (in normal form) matches; undefined where it does not. */
export function matchPattern(route: Route, path: string): { readonly [name: string]: string } | undefined {
  const segments = decodedSegments(path);
  if (segments === undefined || !fits(route.hook.patternNorm.split('/'), segments)) return undefined;
  return pathParams(route, segments);
}

function isStar(segment: string): boolean {
  return segment === '*' || segment === REST;
}

function stars(segments: readonly string[]): number {
  return segments.filter(isStar).length;
}

/** So that which of two equally exact patterns wins is not a matter of their order in the table. */
function shape(a: readonly string[], b: readonly string[]): number {
  for (const [i, segment] of a.entries()) if (isStar(segment) !== isStar(b[i] ?? '')) return isStar(segment) ? 1 : -1;
  return 0;
}

function fits(pattern: readonly string[], segments: readonly string[]): boolean {
  const isOpen = pattern.at(-1) === REST;
  if (isOpen ? segments.length < pattern.length : segments.length !== pattern.length) return false;
  return pattern.every((segment, i) => isStar(segment) || segment === segments[i]);
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
    if (name === undefined || name === '__proto__') return;
    if (name.startsWith('*')) params[name.slice(1)] = segments.slice(i).join('/');
    else params[name] = segments[i] ?? '';
  });
  return params;
}
