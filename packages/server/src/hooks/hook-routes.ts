/**
 * The route table of this process. A publish here swaps it before it answers; publishes elsewhere show in the generation, which is polled.
 */
import { type Database, type LiveHook, currentGeneration, loadLiveHooks } from '@plugboard/persistence';
import type { LoadedPlan } from '@plugboard/runner';
import type { PlanStore } from '../runs/plan-store.ts';
import { type Route, type RouteMatch, RouteTable } from './route-table.ts';

/** How often the generation is read, in milliseconds. */
const POLL_MS = 1000;
/** A path that was looked up in vain is not looked up again for this long, in milliseconds. */
const NEGATIVE_MS = 1000;
const NEGATIVE_LIMIT = 10_000;

export interface HookRoutes {
  match(method: string, path: string): RouteMatch;
  /** The compiled workflow of a route; at once when it is in memory. */
  plan(route: Route): LoadedPlan | Promise<LoadedPlan>;
  /** Reads the table again if it has changed; false when this path was asked for in vain a moment ago. */
  refreshOnce(path: string): Promise<boolean>;
  reload(): Promise<void>;
  readonly size: number;
  close(): void;
}

export interface HookRoutesOptions {
  readonly database: Database;
  readonly plans: PlanStore;
  readonly log: { warn(fields: object, message: string): void };
}

export async function openHookRoutes(options: HookRoutesOptions): Promise<HookRoutes> {
  const { database, plans, log } = options;
  let table = new RouteTable([]);
  let size = 0;
  let generation = -1;
  let loading: Promise<void> | undefined;
  const loaded = new WeakMap<LiveHook, LoadedPlan>();
  const missed = new Map<string, number>();

  const load = async (): Promise<void> => {
    const next = await currentGeneration(database, 'deployments');
    const hooks = await loadLiveHooks(database);
    table = new RouteTable(hooks);
    size = hooks.length;
    generation = next;
    missed.clear();
  };
  const reload = (): Promise<void> => {
    loading ??= load().finally(() => {
      loading = undefined;
    });
    return loading;
  };
  const reloadIfChanged = async (): Promise<void> => {
    if ((await currentGeneration(database, 'deployments')) !== generation) await reload();
  };
  let asking: Promise<void> | undefined;
  /** Requests for unknown paths share their question, so that a flood of them is not one for the database. */
  const askDatabase = async (): Promise<void> => {
    // A question that is under way may have been answered before the publish this request is about.
    await asking?.catch(() => undefined);
    asking ??= reloadIfChanged().finally(() => {
      asking = undefined;
    });
    await asking;
  };

  await reload();
  const timer = setInterval(() => {
    reloadIfChanged().catch((error: unknown) => log.warn({ err: error }, 'the webhook routes could not be refreshed; trying again'));
  }, POLL_MS);
  timer.unref();

  return {
    match: (method, path) => table.match(method, path),

    plan(route) {
      const known = loaded.get(route.hook);
      if (known) return known;
      return plans.load(route.hook.workflowId, route.hook.version, 1).then((plan) => {
        loaded.set(route.hook, plan);
        return plan;
      });
    },

    async refreshOnce(path) {
      if ((missed.get(path) ?? 0) > performance.now()) return false;
      const before = table;
      await askDatabase().catch((error: unknown) =>
        log.warn({ err: error }, 'an unknown webhook path could not be looked up in the database'),
      );
      if (table !== before) return true;
      if (missed.size >= NEGATIVE_LIMIT) missed.clear();
      missed.set(path, performance.now() + NEGATIVE_MS);
      return false;
    },

    reload: async () => {
      // One that started before this call may have read the old state.
      await loading?.catch(() => undefined);
      await reload();
    },

    get size() {
      return size;
    },

    close() {
      clearInterval(timer);
    },
  };
}
