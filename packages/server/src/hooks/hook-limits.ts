/**
 * How often webhooks may be called: tokens of one address for one path, of a whole webhook where its author says so, and of a whole workspace.
 * Wrong proofs have a small bucket of their own, so that guessing is slow while right callers are not held up.
 */
import type { Caller } from '../edge/client-address.ts';
import { type RateLimit, createRateLimit } from '../edge/rate-limit.ts';
import type { Route } from './route-table.ts';

export interface HookLimitsOptions {
  /** Requests a second of one address to one webhook; 0 for no limit. */
  readonly perCaller: number;
  /** Requests a second to all webhooks of one workspace; 0 for no limit. */
  readonly perWorkspace: (workspaceId: string) => number;
}

export interface HookLimits {
  /** False when the request comes too early. Programs on this machine meet only what the author of the webhook set. */
  take(caller: Caller, route: Route): boolean;
  /** For a path that nothing is published at; all of them share one bucket, so that trying them does not help. */
  takeUnknown(caller: Caller): boolean;
  /** False when this address was wrong too often of late. */
  mayTry(caller: Caller, route: Route): boolean;
  /** Counts a wrong proof. */
  wrong(caller: Caller, route: Route): void;
}

/** Wrong proofs of one address to one webhook: so many a minute, after a burst of twice as many. */
const WRONG_PER_MINUTE = 30;
/** Webhooks with a limit of their own that are remembered. */
const MAX_OWN = 10_000;

export function createHookLimits({ perCaller, perWorkspace }: HookLimitsOptions): HookLimits {
  const callers = perCaller > 0 ? createRateLimit({ perSecond: perCaller }) : undefined;
  /** By rate: a workspace whose rate was changed begins with a full bucket. */
  const workspaces = new Map<string, RateLimit>();
  const wrong = createRateLimit({ perSecond: WRONG_PER_MINUTE / 60, burst: WRONG_PER_MINUTE * 2 });
  const own = new Map<string, RateLimit>();

  return {
    take(caller, route) {
      const perMinute = route.policy?.settings.perMinute;
      if (caller.isLocal && perMinute === undefined) return true;
      const now = performance.now();
      const { hook } = route;
      if (!caller.isLocal) {
        if (callers && !callers.take(`${caller.address} ${hook.patternNorm}`, now)) return false;
        const rate = perWorkspace(hook.workspaceId);
        if (rate > 0 && !limitOf(workspaces, String(rate), { perSecond: rate }).take(hook.workspaceId, now)) return false;
      }
      if (perMinute === undefined) return true;
      const key = `${hook.workflowId} ${hook.nodeId} ${perMinute}`;
      return limitOf(own, key, { perSecond: perMinute / 60, burst: perMinute }).take('', now);
    },
    takeUnknown: (caller) => caller.isLocal || !callers || callers.take(`${caller.address} `, performance.now()),
    mayTry: (caller, route) => wrong.has(wrongKey(caller, route), performance.now()),
    wrong: (caller, route) => void wrong.take(wrongKey(caller, route), performance.now()),
  };
}

function limitOf(limits: Map<string, RateLimit>, key: string, options: { readonly perSecond: number; readonly burst?: number }): RateLimit {
  const known = limits.get(key);
  if (known) return known;
  if (limits.size >= MAX_OWN) limits.clear();
  const made = createRateLimit(options);
  limits.set(key, made);
  return made;
}

function wrongKey(caller: Caller, { hook }: Route): string {
  return `${caller.address} ${hook.workflowId} ${hook.nodeId}`;
}
