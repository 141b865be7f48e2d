/**
 * Test addresses: a person who works on a draft waits for one request, which starts a run of the draft as it is by then, or is only kept.
 * They are rows, so that whatever process the request reaches can serve it, and whoever opened one must still be allowed to.
 */
import type { WorkflowDefinition } from '@plugboard/engine';
import {
  type Database,
  type LiveHook,
  type TestListener,
  findTestListeners,
  findWorkflow,
  getDraft,
  inWorkspace,
  loadAccess,
  settleTestListener,
  takeTestListener,
} from '@plugboard/persistence';
import type { LoadedPlan } from '@plugboard/runner';
import type { Item } from '@plugboard/sdk';
import { accessSetOf, decideAccess } from '../access/access.ts';
import type { PlanStore } from '../runs/plan-store.ts';
import type { Definitions } from '../workflows/definitions.ts';
import { type Route, type RouteMatch, RouteTable, matchPattern, routeOf } from './route-table.ts';

/** A test address with the draft it serves. */
export interface TestRoute {
  readonly listenerId: string;
  readonly mode: TestListener['mode'];
  readonly principalId: string;
  readonly definition: WorkflowDefinition;
  readonly loaded: LoadedPlan;
}

export interface FoundTest {
  readonly match: RouteMatch;
  /** Set where the match is found. */
  readonly test?: TestRoute;
  /** Somebody listens, and the draft cannot be served. */
  readonly problem?: string;
}

export interface TestHooks {
  find(method: string, path: string): Promise<FoundTest>;
  /** Takes the listener for this request: of two at once one is served. */
  take(test: TestRoute, item: Item): Promise<'run' | 'captured' | 'gone'>;
  /** The run of the request is stored. */
  started(test: TestRoute, runId: string): void;
}

export interface TestHooksOptions {
  readonly database: Database;
  readonly definitions: Pick<Definitions, 'validate' | 'hooks'>;
  readonly plans: PlanStore;
  readonly systemPrincipalId: string;
  readonly log: { warn(fields: object, message: string): void };
}

const UNKNOWN: RouteMatch = { kind: 'unknown' };

export function createTestHooks({ database, definitions, plans, systemPrincipalId, log }: TestHooksOptions): TestHooks {
  const settle = async (id: string, outcome: Parameters<typeof settleTestListener>[2]): Promise<void> => {
    await settleTestListener(database, id, outcome).catch((error: unknown) =>
      log.warn({ err: error, listenerId: id }, 'what came of a test request could not be written down'),
    );
  };

  /** The draft's own webhook for a listener, as it is now. */
  const serve = async (
    listener: TestListener,
  ): Promise<{ readonly route: Route; readonly test: TestRoute } | { readonly problem: string }> => {
    const { workspaceId, workflowId, principalId } = listener;
    const access = principalId === systemPrincipalId ? undefined : await loadAccess(database, { workspaceId, principalId });
    const found = await inWorkspace(database, { workspaceId, principalId }, async (tx) => {
      const workflow = await findWorkflow(tx, workflowId);
      return workflow && { projectId: workflow.projectId, draft: await getDraft(tx, workflowId) };
    });
    const isAllowed =
      principalId === systemPrincipalId ||
      (access !== undefined &&
        found !== undefined &&
        decideAccess({ kind: 'person', principalId }, accessSetOf(access), 'workflow.run', {
          kind: 'workflow',
          id: workflowId,
          projectId: found.projectId,
        }).kind === 'allowed');
    if (!found?.draft || !isAllowed) return { problem: 'NOT_ALLOWED' };
    const { definition, problems } = definitions.validate(found.draft.definition);
    if (!definition || problems.some((one) => one.severity === 'error')) return { problem: 'DEFINITION_INVALID' };
    const spec = definitions.hooks(definition).find((one) => one.nodeId === listener.nodeId && one.method === listener.method);
    if (!spec) return { problem: 'WEBHOOK_CHANGED' };
    const hook: LiveHook = {
      ...spec,
      id: listener.id,
      workspaceId,
      workflowId,
      version: 0,
      pattern: listener.pattern,
      patternNorm: listener.path,
    };
    return {
      route: routeOf(hook, principalId),
      test: {
        listenerId: listener.id,
        mode: listener.mode,
        principalId,
        definition,
        loaded: plans.compile(definition, { workspaceId, workflowId }),
      },
    };
  };

  return {
    async find(method, path) {
      const listeners = await findTestListeners(database, plainPath(path));
      if (listeners.length === 0) return { match: UNKNOWN };
      const byRoute = new Map(listeners.map((one) => [`${one.id} ${one.method}`, one]));
      const first = new RouteTable(listeners.map(stubOf)).match(method, path);
      const stub = first.kind === 'found' ? first.route : first.kind === 'wrong-method' ? first.routes[0] : undefined;
      const listener = stub && byRoute.get(`${stub.hook.id} ${stub.hook.method}`);
      if (!listener) return { match: UNKNOWN };
      const served = await serve(listener);
      if ('problem' in served) return { match: UNKNOWN, problem: served.problem };
      const { route, test } = served;
      // Only what the browser may do is asked of a route that takes other methods.
      if (first.kind !== 'found') return { match: first.kind === 'wrong-method' ? { ...first, routes: [route] } : UNKNOWN };
      return { match: { kind: 'found', route, params: matchPattern(route, path) ?? {}, path: `/${path}` }, test };
    },

    async take(test, item) {
      if (!(await takeTestListener(database, test.listenerId))) return 'gone';
      if (test.mode === 'run') return 'run';
      await settleTestListener(database, test.listenerId, { captured: item as never });
      return 'captured';
    },

    started: (test, runId) => void settle(test.listenerId, { runId }),
  };
}

/** As the path of a listener is written. Where it cannot be, no exact one is meant. */
function plainPath(path: string): string {
  try {
    return decodeURIComponent(path)
      .split('/')
      .filter((segment) => segment !== '')
      .join('/')
      .replaceAll('\0', '');
  } catch {
    return '';
  }
}

function stubOf(listener: TestListener): LiveHook {
  const { id, workspaceId, workflowId, nodeId, method, pattern, path } = listener;
  const hook = { id, workspaceId, workflowId, nodeId, version: 0, method, pattern, patternNorm: path };
  return { ...hook, reply: 'immediate', settings: {} };
}
