/**
 * A request to a webhook: matched, judged, read, started as a run, answered. Nothing is answered with success before the run it made is
 * durable. A webhook without settings goes from the match to the run without waiting for anything but its body; one that asks for a proof, for
 * files or for a key goes through the same stations one after the other.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { SlotList } from '@plugboard/engine';
import { type RunKey, uuidv7 } from '@plugboard/persistence';
import { type LoadedPlan, QueueFullError, type Runner } from '@plugboard/runner';
import type { Item, Json } from '@plugboard/sdk';
import type { Caller } from '../edge/client-address.ts';
import { discardRest, isReadableType, mediaType, parseBody, readBody } from '../edge/read-body.ts';
import { newRequestId } from '../edge/request-id.ts';
import { sendJson, sendProblem } from '../edge/send.ts';
import type { FileService } from '../files/file-service.ts';
import { allowOrigin, answerPreflight } from './cors.ts';
import type { Deliveries } from './deliveries.ts';
import { pausedPaper, refusalPaper, sendPaper, showForm, takeForm } from './form-hook.ts';
import type { HookAuthenticator, Proof, Refusal } from './hook-auth.ts';
import type { HookLimits } from './hook-limits.ts';
import type { HookPolicy } from './hook-policy.ts';
import { WITHOUT_BODY, contentFingerprint, deliveryKey, requestItem } from './hook-request.ts';
import type { HookRoutes } from './hook-routes.ts';
import { type HookAuth, USUAL_FILE_BYTES } from './hook-spec.ts';
import { type BodyRefusal, receiveBody } from './incoming-body.ts';
import { type Answer, PendingReply, type ReplyKeeper, sendAnswer } from './pending-reply.ts';
import type { Route, RouteMatch } from './route-table.ts';
import type { TestHooks, TestRoute } from './test-hooks.ts';

export interface HookHandlerOptions {
  readonly routes: HookRoutes;
  readonly tests: TestHooks;
  readonly runner: Runner;
  readonly auth: HookAuthenticator;
  readonly deliveries: Deliveries;
  readonly files: FileService;
  readonly limits: HookLimits;
  /** Largest body that becomes data, in bytes. */
  readonly bodyLimit: (workspaceId: string, projectId?: string) => number;
  readonly replyTimeoutMs: number;
  /** False while new runs cannot be kept. */
  readonly takesWork: () => boolean;
  readonly callerOf: (req: IncomingMessage) => Caller;
  /** The address webhooks are reached at, without a slash at the end; undefined where only the request knows. */
  readonly publicUrl: () => string | undefined;
  readonly log: { error(fields: object, message: string): void; warn(fields: object, message: string): void };
}

/** Requests whose run has not answered yet are looked at this often, in milliseconds. */
const TIMEOUT_CHECK_MS = 250;
const HOUR_MS = 3_600_000;
/** Callers of a paused workflow are asked to come back after this long: nobody knows when it goes on. */
const PAUSED_RETRY_MS = 60_000;
const DEFAULT_DEDUPE_HOURS = 24;

export interface HookHandler {
  handle(req: IncomingMessage, res: ServerResponse, path: string, query: string): void;
  /** Requests to test addresses. */
  handleTest(req: IncomingMessage, res: ServerResponse, path: string, query: string): void;
  /** Requests that wait for their run. */
  readonly waiting: number;
  close(): void;
}

/** One request on its way. */
interface Visit {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly route: Route;
  readonly params: { readonly [name: string]: string };
  readonly path: string;
  readonly query: string;
  /** Set for a test address. */
  readonly test?: TestRoute;
}

interface Start {
  readonly loaded: LoadedPlan;
  readonly item: Item;
  /** Set where files or keys had to know it before. */
  readonly runId?: string;
  readonly keys?: readonly RunKey[];
  /** What the caller gets once the run is stored. */
  readonly accepted?: (runId: string) => Answer;
  /** The answer is kept for who sends the same again, until then in milliseconds since 1970. */
  readonly keep?: { readonly fingerprint: string; readonly expiresAt: number };
}

export function createHookHandler(options: HookHandlerOptions): HookHandler {
  const { routes, tests, runner, auth, deliveries, files, limits, log } = options;
  const waiting = new SlotList<PendingReply>();
  const keeper: ReplyKeeper = {
    open: waiting,
    async openFile({ workspaceId, workflowId }, fileId) {
      const { file, content } = await files.open({ workspaceId, reader: { workflowId } }, fileId);
      return { name: file.name, mime: file.mime, sizeBytes: file.sizeBytes, content };
    },
  };
  const timer = setInterval(() => {
    const now = performance.now();
    for (const reply of waiting) if (reply.dueAt <= now) reply.timeout(now);
  }, TIMEOUT_CHECK_MS);
  timer.unref();

  const start = (visit: Visit, { loaded, item, runId, keys, keep, accepted }: Start): void => {
    const { res, test } = visit;
    const { hook, policy } = visit.route;
    const { workspaceId, workflowId } = loaded;
    const isDispatched = hook.reply === 'immediate';
    if (isDispatched && !runner.acceptsQueued(workspaceId, workflowId)) return refuseFull(res, runner.retryAfterMs);
    const reply = new PendingReply({
      keeper,
      place: loaded,
      res,
      mode: hook.reply,
      dueAt: performance.now() + (policy?.settings.timeoutMs ?? options.replyTimeoutMs),
      keep: keep && keeping({ workspaceId, ...keep }),
      accepted,
      onAccepted: test && ((id) => tests.started(test, id)),
    });
    if (runId !== undefined && keys !== undefined) {
      deliveries.expect(runId, keys, (winner) => {
        if (!reply.take()) return;
        if (accepted) sendAnswer(res, accepted(winner));
        else void answerEarlier(visit, winner, keep?.fingerprint ?? '');
      });
    }
    try {
      reply.runId = runner.start(
        {
          loaded,
          trigger: hook.nodeId,
          items: [item],
          triggerKind: 'webhook',
          begin: isDispatched ? 'dispatched' : 'at-once',
          ...(runId === undefined ? undefined : { id: runId }),
          ...(keys === undefined ? undefined : { storedFirst: true }),
          ...(hook.whilePaused === 'hold' ? { isHeld: true } : undefined),
          ...(test === undefined ? undefined : { definition: test.definition, initiator: test.principalId }),
        },
        reply,
      );
    } catch (error) {
      if (runId !== undefined) deliveries.forget(runId);
      reply.take();
      if (error instanceof QueueFullError) return refuseFull(res, error.retryAfterMs);
      throw error;
    }
    if (!isDispatched) res.on('close', () => reply.take());
  };

  const keeping =
    (of: { readonly workspaceId: string; readonly fingerprint: string; readonly expiresAt: number }) =>
    (runId: string, { status, type, text, headers = {} }: Answer): Promise<void> =>
      deliveries
        .keep({ ...of, runId, status, headers: { ...headers, 'content-type': type }, body: text })
        .catch((error: unknown) => log.warn({ err: error, runId }, 'the answer to a delivery could not be kept'));

  const answerEarlier = async ({ res, route }: Visit, runId: string, fingerprint: string): Promise<void> => {
    const replayed = { 'idempotency-replayed': 'true' };
    const kept = await deliveries.replyOf({ workspaceId: route.hook.workspaceId, runId, fingerprint }).catch(() => undefined);
    if (!kept) return sendJson(res, 202, { runId }, replayed);
    const { 'content-type': type = 'application/json; charset=utf-8', ...headers } = kept.headers;
    sendAnswer(res, { status: kept.status, type, text: kept.body, headers: { ...headers, ...replayed } });
  };

  const unavailable = (res: ServerResponse, workflowId: string, error: unknown): void => {
    const requestId = newRequestId();
    log.error({ err: error, workflowId, requestId }, 'the workflow of a webhook cannot be loaded');
    sendProblem(res, 503, 'WORKFLOW_UNAVAILABLE', 'The workflow of this webhook cannot be loaded at the moment', {
      'retry-after': '5',
      'x-request-id': requestId,
    });
  };

  /** The short way: the body is read and parsed, and that is all. */
  const accept = (visit: Visit): void => {
    const { req, res, route } = visit;
    const receive = (body: Json): void => {
      const made = requestItem(req, visit, { body });
      if (!made.ok) return sendProblem(res, made.problem.status, made.problem.code, made.problem.message);
      const loaded = routes.plan(route);
      if (!(loaded instanceof Promise)) return start(visit, { loaded, item: made.item });
      let isOver = false;
      const fail = (error: unknown): void => {
        if (isOver) return;
        isOver = true;
        unavailable(res, route.hook.workflowId, error);
      };
      // A caller who was told that nothing was started must not find a run later.
      const late = setTimeout(() => fail(new Error('the database did not give it in time')), options.replyTimeoutMs);
      loaded
        .then((plan) => {
          if (isOver) return;
          start(visit, { loaded: plan, item: made.item });
          isOver = true;
        })
        .catch(fail)
        .finally(() => clearTimeout(late));
    };
    if (WITHOUT_BODY.has(req.method ?? '')) {
      req.resume();
      return receive(null);
    }
    readBody(req, options.bodyLimit(route.hook.workspaceId, route.hook.projectId), (problem, bytes) => {
      if (problem) {
        sendProblem(res, problem.status, problem.code, problem.message);
        return discardRest(req);
      }
      const parsed = parseBody(bytes, req.headers['content-type']);
      if (!parsed.ok) return sendProblem(res, parsed.problem.status, parsed.problem.code, parsed.problem.message);
      receive(parsed.value);
    });
  };

  const planWithin = (visit: Visit): Promise<LoadedPlan> => {
    if (visit.test) return Promise.resolve(visit.test.loaded);
    let late: NodeJS.Timeout | undefined;
    const tooLate = new Promise<never>((_, reject) => {
      late = setTimeout(() => reject(new Error('the database did not give it in time')), options.replyTimeoutMs);
    });
    return Promise.race([Promise.resolve(routes.plan(visit.route)), tooLate]).finally(() => clearTimeout(late));
  };

  /** The careful way, station by station. Whatever refuses has answered. */
  const acceptCarefully = async (visit: Visit, policy: HookPolicy, caller: Caller): Promise<void> => {
    const { req, res, route, test } = visit;
    const { hook } = route;
    let proof: Extract<Proof, { ok: true }> = { ok: true };
    if (policy.auth) {
      if (isGuessable(policy.auth) && !limits.mayTry(caller, route))
        return refuseTooFast(req, res, 'Too many wrong proofs from this address');
      const judged = await auth.beforeBody(policy.auth, policy.place, req);
      if (!judged.ok) return refuseProof(visit, caller, judged);
      proof = judged;
    }
    // Whoever has gone while that was looked up waits for no answer.
    if (res.destroyed || req.destroyed) return;
    const { form } = policy.settings;
    if (form && WITHOUT_BODY.has(req.method ?? '')) {
      req.resume();
      return showForm(form, res, visit.query, req.method === 'HEAD');
    }
    const runId = uuidv7();
    const signature = policy.auth?.kind === 'signature' ? policy.auth : undefined;
    const judge = async (raw: Buffer): Promise<BodyRefusal | undefined> => {
      if (!signature) return undefined;
      const url = `${options.publicUrl() ?? `http://${req.headers.host ?? ''}`}${req.url ?? ''}`;
      const judged = await auth.afterBody(signature, policy.place, { headers: req.headers, body: raw, url });
      if (judged.ok) proof = judged;
      return judged.ok ? undefined : judged;
    };
    const hasNoBody = WITHOUT_BODY.has(req.method ?? '') && !signature;
    if (hasNoBody) req.resume();
    const received = hasNoBody
      ? ({ ok: true, body: null } as const)
      : await receiveBody(req, {
          bodyLimit: options.bodyLimit(hook.workspaceId, hook.projectId),
          mode: policy.settings.body ?? 'auto',
          ...(signature ? { judge } : {}),
          files,
          fileLimit: policy.settings.fileBytes ?? USUAL_FILE_BYTES,
          owner: { workspaceId: hook.workspaceId, origin: { runId, workflowId: hook.workflowId } },
        });
    if (!received.ok) {
      const { status, code, message, headers } = received.problem;
      if (form) sendPaper(res, status, refusalPaper(message));
      else sendProblem(res, status, code, message, headers);
      return discardRest(req);
    }
    const sent =
      form &&
      (await takeForm(form, {
        req,
        res,
        body: received.body,
        files: received.files,
        who: proof.who,
        drop: (file) => files.remove(hook.workspaceId, file.id),
      }));
    if (sent?.kind === 'answered') return;
    const made = sent ?? requestItem(req, visit, { body: received.body, files: received.files, who: proof.who, hidden: proof.header });
    if ('ok' in made && !made.ok) return sendProblem(res, made.problem.status, made.problem.code, made.problem.message);
    const { item } = made;
    const accepted = sent && { accepted: sent.accepted };

    if (test) {
      const taken = await tests.take(test, item);
      if (taken === 'gone') return sendProblem(res, 404, 'TEST_HOOK_NOT_FOUND', NO_LISTENER);
      if (taken === 'captured') return sendJson(res, 200, { captured: true });
      return start(visit, { loaded: test.loaded, item, runId, ...accepted });
    }

    const lookUp = (key: RunKey): Promise<string | undefined> =>
      deliveries.find(hook, key).catch((error: unknown) => {
        unavailable(res, hook.workflowId, error);
        return 'failed';
      });
    const keys: RunKey[] = [];
    const now = Date.now();
    const keepUntil = now + (policy.settings.dedupeHours ?? DEFAULT_DEDUPE_HOURS) * HOUR_MS;
    let keep: Start['keep'];
    const delivery = policy.settings.dedupe && deliveryKey(policy.settings.dedupe, req, item);
    if (delivery !== undefined) {
      const key = { scope: `webhook:${hook.workflowId}:${hook.nodeId}`, key: delivery, expiresAt: keepUntil };
      const fingerprint = contentFingerprint(item);
      const earlier = await lookUp(key);
      if (earlier === 'failed') return;
      if (earlier !== undefined) return answerEarlier(visit, earlier, fingerprint);
      keys.push(key);
      keep = { fingerprint, expiresAt: keepUntil };
    }
    if (sent?.visit !== undefined) {
      const key = { scope: `form:${hook.workflowId}:${hook.nodeId}`, key: sent.visit, expiresAt: now + HOUR_MS };
      const earlier = await lookUp(key);
      if (earlier === 'failed') return;
      if (earlier !== undefined) return sendAnswer(res, sent.accepted(earlier));
      keys.push(key);
    }
    if (proof.signatureId !== undefined && signature) {
      const key = {
        scope: `webhook-signature:${hook.workflowId}:${hook.nodeId}`,
        key: proof.signatureId,
        // A request whose time may lie ahead is not taken again before that time is over too.
        expiresAt: now + 2 * signature.scheme.toleranceSeconds * 1000 + HOUR_MS,
      };
      const earlier = await lookUp(key);
      if (earlier === 'failed') return;
      if (earlier !== undefined) {
        return sendProblem(res, 409, 'REQUEST_REPEATED', 'A request with this signature was taken before; nothing was started');
      }
      keys.push(key);
    }
    let loaded: LoadedPlan;
    try {
      loaded = await planWithin(visit);
    } catch (error) {
      return unavailable(res, hook.workflowId, error);
    }
    start(visit, {
      loaded,
      item,
      runId,
      ...(keys.length === 0 ? {} : { keys }),
      ...(keep ? { keep } : {}),
      ...accepted,
    });
  };

  const refuseProof = ({ req, res, route }: Visit, caller: Caller, { status, code, message, headers }: Refusal): void => {
    if (status === 401 && route.policy?.auth && isGuessable(route.policy.auth)) limits.wrong(caller, route);
    sendProblem(res, status, code, message, headers);
    discardRest(req);
  };

  const begin = (visit: Visit): void => {
    const { req, res, route } = visit;
    const { policy } = route;
    if (policy?.cors) allowOrigin(policy.cors, req, res);
    const caller = options.callerOf(req);
    if (!limits.take(caller, route)) return refuseTooFast(req, res, 'Too many requests from this address to this webhook');
    if (!runner.accepting || !options.takesWork()) return refuseBusy(req, res, runner.retryAfterMs);
    if (!policy && !needsFiles(req)) return accept(visit);
    acceptCarefully(visit, policy ?? plainPolicy(route), caller).catch((error: unknown) => {
      const requestId = newRequestId();
      log.error({ err: error, workflowId: route.hook.workflowId, requestId }, 'a webhook request failed unexpectedly');
      sendProblem(res, 500, 'INTERNAL', `The server failed on this request. Its log has the details under ${requestId}.`, {
        'x-request-id': requestId,
      });
      discardRest(req);
    });
  };

  /** True when it was a question of a browser before a request, and is answered. */
  const isPreflight = (req: IncomingMessage, res: ServerResponse, match: RouteMatch): boolean => {
    const asked = req.headers['access-control-request-method'];
    if (req.method !== 'OPTIONS' || match.kind !== 'wrong-method' || asked === undefined) return false;
    const open = match.routes.filter((route) => route.policy?.cors);
    const cors = (open.find((route) => route.hook.method === asked) ?? open[0])?.policy?.cors;
    if (!cors) return false;
    req.resume();
    answerPreflight(
      cors,
      open.map((route) => route.hook.method),
      req,
      res,
    );
    sendAnswer(res, { status: 204, type: '', text: '' });
    return true;
  };

  const noRoute = (req: IncomingMessage, res: ServerResponse, match: RouteMatch, code: string, message: string): void => {
    if (isPreflight(req, res, match)) return;
    if (match.kind === 'paused') return refusePaused(req, res, match.route);
    discardRest(req);
    if (match.kind !== 'wrong-method') return sendProblem(res, 404, code, message);
    const allow = match.allow.join(', ');
    sendProblem(res, 405, 'METHOD_NOT_ALLOWED', `This webhook takes ${allow}`, { allow });
  };

  return {
    handle(req, res, path, query) {
      const match = routes.match(req.method ?? 'GET', path);
      if (match.kind === 'found') return begin({ req, res, route: match.route, params: match.params, path: match.path, query });
      const caller = options.callerOf(req);
      if (!(match.kind === 'paused' ? limits.take(caller, match.route) : limits.takeUnknown(caller)))
        return refuseTooFast(req, res, 'Too many requests from this address');
      // Another process may have published it, or let it go on, a moment ago: the database is asked once before the answer is no.
      void routes.refreshOnce(path).then((refreshed) => {
        const again = refreshed ? routes.match(req.method ?? 'GET', path) : match;
        if (again.kind === 'found') return begin({ req, res, route: again.route, params: again.params, path: again.path, query });
        noRoute(req, res, again, 'HOOK_NOT_FOUND', 'No published workflow has a webhook at this path');
      });
    },

    handleTest(req, res, path, query) {
      if (!limits.takeUnknown(options.callerOf(req))) return refuseTooFast(req, res, 'Too many requests from this address');
      tests.find(req.method ?? 'GET', path).then(
        ({ match, test, problem }) => {
          if (problem !== undefined) {
            discardRest(req);
            return sendProblem(res, 409, 'TEST_HOOK_UNSERVED', `Somebody listens here, and the draft cannot be started: ${problem}`);
          }
          if (match.kind !== 'found' || !test) return noRoute(req, res, match, 'TEST_HOOK_NOT_FOUND', NO_LISTENER);
          begin({ req, res, route: match.route, params: match.params, path: match.path, query, test });
        },
        (error: unknown) => {
          log.warn({ err: error }, 'a test address could not be looked up');
          sendProblem(res, 503, 'SERVER_BUSY', 'The test address cannot be looked up at the moment', { 'retry-after': '5' });
          discardRest(req);
        },
      );
    },

    get waiting() {
      return waiting.size;
    },

    close() {
      clearInterval(timer);
    },
  };
}

const NO_LISTENER = 'Nobody listens for a test request at this path. Open the workflow and press Listen';

/** What people choose can be guessed; signatures and tokens cannot, and whoever shares an address with a guesser is not held up by them. */
function isGuessable(auth: HookAuth): boolean {
  return auth.kind === 'basic' || auth.kind === 'header';
}

/** Bodies that become files are stored while they stream in, which no webhook need ask for. */
function needsFiles(req: IncomingMessage): boolean {
  const type = req.headers['content-type'];
  if (type === undefined || type === 'application/json' || WITHOUT_BODY.has(req.method ?? '')) return false;
  return !isReadableType(mediaType(type));
}

function plainPolicy({ hook }: Route): HookPolicy {
  const { workspaceId, workflowId } = hook;
  return { place: { workspaceId, workflowId, environment: 1 }, auth: undefined, cors: undefined, settings: {} };
}

function refuseFull(res: ServerResponse, retryAfterMs: number): void {
  sendProblem(res, 503, 'QUEUE_FULL', 'Too many runs of this workflow wait for their turn; nothing was started', {
    'retry-after': retryAfter(retryAfterMs),
  });
}

function refuseBusy(req: IncomingMessage, res: ServerResponse, retryAfterMs: number): void {
  sendProblem(res, 503, 'SERVER_BUSY', 'The server cannot take more work at the moment; nothing was started', {
    'retry-after': retryAfter(retryAfterMs),
  });
  discardRest(req);
}

/** Told apart from a path that nothing is published at: senders may never come back to one of those. */
function refusePaused(req: IncomingMessage, res: ServerResponse, { policy }: Route): void {
  const headers = { 'retry-after': retryAfter(PAUSED_RETRY_MS) };
  if (policy?.cors) allowOrigin(policy.cors, req, res);
  if (policy?.settings.form) sendPaper(res, 503, pausedPaper(headers), req.method === 'HEAD');
  else sendProblem(res, 503, 'WORKFLOW_PAUSED', 'The workflow of this webhook is paused; nothing was started', headers);
  discardRest(req);
}

/** Whole seconds, and never none. */
function retryAfter(ms: number): string {
  return String(Math.max(1, Math.ceil(ms / 1000)));
}

function refuseTooFast(req: IncomingMessage, res: ServerResponse, why: string): void {
  sendProblem(res, 429, 'RATE_LIMITED', `${why}; nothing was started`, { 'retry-after': '1' });
  discardRest(req);
}
