/**
 * A request to a published webhook: matched, read, started as a run, answered. Nothing is answered with success before the run it made is durable.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Item, Json, JsonObject } from '@plugboard/sdk';
import type { EndedRun, LoadedPlan, Reply, RunListener, Runner } from '@plugboard/runner';
import { discardRest, formData, parseBody, readBody } from '../edge/read-body.ts';
import type { Caller } from '../edge/client-address.ts';
import { createRateLimit } from '../edge/rate-limit.ts';
import { newRequestId } from '../edge/request-id.ts';
import { sendJson, sendProblem, sendText } from '../edge/send.ts';
import { failureOf, publicFailure } from './public-failure.ts';
import { replyHeaders } from './reply-headers.ts';
import type { HookRoutes } from './hook-routes.ts';
import type { Route } from './route-table.ts';

export interface HookHandlerOptions {
  readonly routes: HookRoutes;
  readonly runner: Runner;
  /** Bytes. */
  readonly bodyLimit: number;
  readonly replyTimeoutMs: number;
  /** False while new runs cannot be kept. */
  readonly takesWork: () => boolean;
  readonly callerOf: (req: IncomingMessage) => Caller;
  /** Requests a second of one address to one webhook; 0 for no limit. Programs on this machine are not limited. */
  readonly rateLimit: number;
  readonly log: { error(fields: object, message: string): void };
}

/** Requests whose run has not answered yet are looked at this often, in milliseconds. */
const TIMEOUT_CHECK_MS = 250;
/** How long after its time a run that is not stored yet is waited for, in milliseconds. */
const CONFIRM_MS = 2000;
const WITHOUT_BODY = new Set(['GET', 'HEAD', 'DELETE', 'OPTIONS']);
/** Headers a workflow never sees. */
const HIDDEN_HEADERS = new Set(['authorization', 'cookie', 'proxy-authorization']);

export interface HookHandler {
  handle(req: IncomingMessage, res: ServerResponse, path: string, query: string): void;
  /** Requests that wait for their run. */
  readonly waiting: number;
  close(): void;
}

export function createHookHandler(options: HookHandlerOptions): HookHandler {
  const waiting = new Set<PendingReply>();
  const timer = setInterval(() => {
    const now = performance.now();
    for (const reply of waiting) if (reply.dueAt <= now) reply.timeout(now);
  }, TIMEOUT_CHECK_MS);
  timer.unref();

  const start = (res: ServerResponse, route: Route, loaded: LoadedPlan, item: Item): void => {
    const { hook } = route;
    const isDispatched = hook.reply === 'immediate';
    if (isDispatched && !options.runner.acceptsQueued(loaded.workspaceId, loaded.workflowId)) {
      return sendProblem(res, 503, 'QUEUE_FULL', 'Too many runs of this workflow wait for their turn; nothing was started', {
        'retry-after': retryAfter(options.runner.retryAfterMs),
      });
    }
    const reply = new PendingReply(res, hook.reply, performance.now() + options.replyTimeoutMs, waiting);
    reply.runId = options.runner.start(
      {
        loaded,
        trigger: hook.nodeId,
        items: [item],
        triggerKind: 'webhook',
        begin: isDispatched ? 'dispatched' : 'at-once',
      },
      reply,
    );
    if (!isDispatched) res.on('close', () => waiting.delete(reply));
  };

  const accept = (
    req: IncomingMessage,
    res: ServerResponse,
    route: Route,
    params: { readonly [name: string]: string },
    path: string,
    query: string,
  ): void => {
    const receive = (body: Json): void => {
      const parsedQuery = query === '' ? EMPTY_QUERY : formData(query, 'query');
      if (!parsedQuery.ok) return sendProblem(res, parsedQuery.problem.status, parsedQuery.problem.code, parsedQuery.problem.message);
      const item: Item = {
        json: { body, headers: visibleHeaders(req), query: parsedQuery.value, params, method: req.method ?? '', path: `/${path}` },
      };
      const loaded = options.routes.plan(route);
      if (!(loaded instanceof Promise)) return start(res, route, loaded, item);
      let isOver = false;
      const unavailable = (error: unknown): void => {
        if (isOver) return;
        isOver = true;
        const requestId = newRequestId();
        options.log.error({ err: error, workflowId: route.hook.workflowId, requestId }, 'the workflow of a webhook cannot be loaded');
        sendProblem(res, 503, 'WORKFLOW_UNAVAILABLE', 'The workflow of this webhook cannot be loaded at the moment', {
          'retry-after': '5',
          'x-request-id': requestId,
        });
      };
      // A caller who was told that nothing was started must not find a run later.
      const late = setTimeout(() => unavailable(new Error('the database did not give it in time')), options.replyTimeoutMs);
      loaded
        .then((plan) => {
          if (isOver) return;
          isOver = true;
          start(res, route, plan, item);
        })
        .catch(unavailable)
        .finally(() => clearTimeout(late));
    };
    if (WITHOUT_BODY.has(req.method ?? '')) {
      req.resume();
      return receive(null);
    }
    readBody(req, options.bodyLimit, (problem, bytes) => {
      if (problem) {
        sendProblem(res, problem.status, problem.code, problem.message);
        return discardRest(req);
      }
      const parsed = parseBody(bytes, req.headers['content-type']);
      if (!parsed.ok) return sendProblem(res, parsed.problem.status, parsed.problem.code, parsed.problem.message);
      receive(parsed.value);
    });
  };

  const limit = options.rateLimit > 0 ? createRateLimit({ perSecond: options.rateLimit }) : undefined;
  /** Before anything of the body is read. Unknown paths share one bucket, so that trying them all does not help. */
  const isTooFast = (req: IncomingMessage, hook: string): boolean => {
    if (!limit) return false;
    const caller = options.callerOf(req);
    return !caller.isLocal && !limit.take(`${caller.address} ${hook}`, performance.now());
  };
  const begin = (
    req: IncomingMessage,
    res: ServerResponse,
    found: { readonly route: Route; readonly params: { readonly [name: string]: string } },
    path: string,
    query: string,
  ): void => {
    if (isTooFast(req, found.route.hook.patternNorm)) return refuseTooFast(req, res);
    if (!options.runner.accepting || !options.takesWork()) return refuse(req, res, options.runner.retryAfterMs);
    accept(req, res, found.route, found.params, path, query);
  };

  const handle = (req: IncomingMessage, res: ServerResponse, path: string, query: string): void => {
    const { routes } = options;
    const match = routes.match(req.method ?? 'GET', path);
    if (match.kind === 'found') return begin(req, res, match, path, query);
    if (isTooFast(req, '')) return refuseTooFast(req, res);
    // Another process may have published it a moment ago: the database is asked once before the answer is no.
    void routes.refreshOnce(path).then((refreshed) => {
      const again = refreshed ? routes.match(req.method ?? 'GET', path) : match;
      if (again.kind === 'found') return begin(req, res, again, path, query);
      req.resume();
      if (again.kind === 'wrong-method') {
        return sendProblem(res, 405, 'METHOD_NOT_ALLOWED', `This webhook takes ${again.allow.join(', ')}`, {
          allow: again.allow.join(', '),
        });
      }
      sendProblem(res, 404, 'HOOK_NOT_FOUND', 'No published workflow has a webhook at this path');
    });
  };

  return {
    handle,
    get waiting() {
      return waiting.size;
    },
    close() {
      clearInterval(timer);
    },
  };
}

const EMPTY_QUERY = { ok: true, value: {} } as const;

function refuse(req: IncomingMessage, res: ServerResponse, retryAfterMs: number): void {
  sendProblem(res, 503, 'SERVER_BUSY', 'The server cannot take more work at the moment; nothing was started', {
    'retry-after': retryAfter(retryAfterMs),
  });
  discardRest(req);
}

/** Whole seconds, and never none. */
function retryAfter(ms: number): string {
  return String(Math.max(1, Math.ceil(ms / 1000)));
}

function refuseTooFast(req: IncomingMessage, res: ServerResponse): void {
  sendProblem(res, 429, 'RATE_LIMITED', 'Too many requests from this address to this webhook; nothing was started', { 'retry-after': '1' });
  discardRest(req);
}

function visibleHeaders(req: IncomingMessage): JsonObject {
  const headers: { [name: string]: string } = {};
  for (const name in req.headers) {
    if (HIDDEN_HEADERS.has(name)) continue;
    const value = req.headers[name];
    if (value !== undefined) headers[name] = typeof value === 'string' ? value : value.join(', ');
  }
  return headers;
}

/** The open answer of one request; told by the runner how its run goes. */
class PendingReply implements RunListener {
  readonly dueAt: number;
  readonly #res: ServerResponse;
  readonly #mode: string;
  readonly #open: Set<PendingReply>;
  /** Known before anything of the run is told. */
  runId = '';
  #accepted = false;
  #overdue = false;

  constructor(res: ServerResponse, mode: string, dueAt: number, open: Set<PendingReply>) {
    this.#res = res;
    this.#mode = mode;
    this.dueAt = dueAt;
    this.#open = open;
    open.add(this);
  }

  onAccepted(runId: string): void {
    this.runId = runId;
    this.#accepted = true;
    if (this.#mode === 'immediate' || this.#overdue) this.#accept();
  }

  onReply(reply: Reply): boolean {
    if (this.#mode !== 'respond' || !this.#take()) return false;
    const type = reply.raw ? 'text/plain; charset=utf-8' : 'application/json; charset=utf-8';
    const headers = replyHeaders(reply.headers);
    const body = reply.raw && typeof reply.body === 'string' ? reply.body : JSON.stringify(reply.body);
    sendText(this.#res, reply.status, headers['content-type'] ?? type, body, headers);
    return true;
  }

  onSuspended(runId: string): void {
    this.runId = runId;
    this.#accept();
  }

  onEnded(run: EndedRun): void {
    if (!this.#take()) return;
    if (run.status !== 'succeeded') {
      sendJson(this.#res, 500, { runId: run.runId, error: failureOf(run) });
      return;
    }
    if (this.#mode === 'last-step') sendJson(this.#res, 200, lastStepBody(run.output));
    else sendJson(this.#res, this.#mode === 'respond' ? 200 : 202, { runId: run.runId });
  }

  onLost(runId: string, code: string): void {
    if (this.#take()) sendJson(this.#res, code === 'JOURNAL_REFUSED' ? 500 : 504, { runId, error: publicFailure(code) });
  }

  /**
   * The run takes longer than callers are kept: they get its id as soon as it is stored. One that is not stored a while later may still
   * come to be, or not, so its caller is told neither.
   */
  timeout(now: number): void {
    if (this.#accepted) return this.#accept();
    this.#overdue = true;
    if (now < this.dueAt + CONFIRM_MS) return;
    if (this.#take()) sendJson(this.#res, 504, { runId: this.runId, error: publicFailure('NOT_CONFIRMED') });
  }

  #accept(): void {
    if (this.#take()) sendJson(this.#res, 202, { runId: this.runId });
  }

  #take(): boolean {
    return this.#open.delete(this);
  }
}

/** One item gives its JSON, several an array, none an empty one. */
function lastStepBody(items: readonly Item[]): Json {
  const [only] = items;
  if (items.length === 1 && only) return only.json;
  return items.map((item) => item.json);
}
