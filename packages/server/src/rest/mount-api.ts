/** The API on a Koa application: REST below `/api`, its document, and GraphQL, all over the same operations. */
import Router from '@koa/router';
import type Koa from 'koa';
import type { ApiLimit } from '../auth/api-limit.ts';
import type { Identified, Identify } from '../auth/callers.ts';
import { discardRest, parseJson, readBody } from '../edge/read-body.ts';
import type { GraphqlEndpoint } from '../graphql/graphql-endpoint.ts';
import type { GraphqlContext } from '../graphql/schema.ts';
import type { Execute } from '../operation/execute.ts';
import { OperationProblem, notFound } from '../operation/problem.ts';
import type { Registry } from '../operation/registry.ts';
import { openApiDocument } from './openapi.ts';
import { restRouter } from './rest-adapter.ts';

export interface ApiOptions {
  readonly registry: Registry;
  readonly execute: Execute;
  readonly identify: Identify;
  /** Refuses callers who ask too often. @default nobody is refused */
  readonly limit?: ApiLimit;
  readonly graphql: GraphqlEndpoint;
  readonly log: { error(fields: object, message: string): void };
  /** Largest body sent to the API, in bytes. */
  readonly bodyLimit: number;
  /** The address people and programs use. */
  readonly publicUrl: () => string;
  readonly version: string;
}

const GRAPHQL_PATH = '/graphql';

/** Expects that the application answers a thrown {@link OperationProblem} and that `x-request-id` is set. */
export function mountApi(app: Koa, options: ApiOptions): void {
  const identities = new WeakMap<Koa.Context['req'], Identified>();
  const looks = new WeakMap<Koa.Context['req'], () => Promise<Identified>>();
  const identified = (ctx: Koa.Context): Identified => {
    const known = identities.get(ctx.req);
    if (!known) throw new Error('the request was not looked at');
    return known;
  };

  app.use(async (ctx, next) => {
    if (!isApiPath(ctx.path)) return next();
    const workspaceSlug = takeWorkspace(ctx);
    const look = (): Promise<Identified> =>
      options.identify(ctx.req, {
        requestId: ctx.response.get('x-request-id'),
        setCookie: (header) => ctx.append('set-cookie', header),
        ...(workspaceSlug === undefined ? {} : { workspaceSlug }),
      });
    const identity = await (options.limit ? options.limit(ctx.req, look) : look());
    identities.set(ctx.req, identity);
    looks.set(ctx.req, look);
    // No name, id or text that is looked for has it in it, and PostgreSQL fails on it.
    if (ctx.path.includes('%00')) throw nothingAt(ctx.path);
    if (ctx.querystring.includes('%00'))
      throw new OperationProblem('INPUT_INVALID', 'The query has a NUL character in it, which no text has');
    return next();
  });

  const rest = restRouter({
    registry: options.registry,
    execute: options.execute,
    callerOf: (ctx, operation) => identified(ctx).callerFor(operation),
    callerNow: async (ctx, operation) => (await (looks.get(ctx.req)?.() ?? identified(ctx))).callerFor(operation),
    bodyOf: async (ctx) => {
      const bytes = await bodyBytes(ctx, options.bodyLimit);
      return bytes.length === 0 ? null : jsonOf(bytes);
    },
  });

  let document: string | undefined;
  const own = new Router({ sensitive: true, strict: true });
  own.get('/api/openapi.json', (ctx) => {
    ctx.type = 'application/json';
    ctx.body = document ??= JSON.stringify(openApiDocument(options.registry, { url: options.publicUrl(), version: options.version }));
  });
  own.post(GRAPHQL_PATH, async (ctx) => {
    // Forms and plain text are what a page of another site can send without asking.
    if (ctx.request.type !== 'application/json') throw new OperationProblem('BODY_UNSUPPORTED', 'Send the query as application/json');
    const parsed = jsonOf(await bodyBytes(ctx, options.bodyLimit));
    if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
      throw new OperationProblem('BODY_INVALID', 'Send one request as a JSON object; batches are not taken');
    }
    const identity = identified(ctx);
    const requestId = ctx.response.get('x-request-id');
    const context: GraphqlContext = {
      callerFor: (operation) => identity.callerFor(operation),
      mask: (error) => {
        options.log.error({ err: error, requestId, path: ctx.path }, 'a request failed unexpectedly');
        return `The server failed on this request. Its log has the details under ${requestId}.`;
      },
    };
    const answer = await options.graphql.answer(parsed, context, { accept: ctx.get('accept'), isKnown: !identity.isAnonymous });
    ctx.status = answer.status;
    ctx.type = answer.type;
    ctx.body = answer.text;
    if (answer.retryAfterSeconds !== undefined) ctx.set('retry-after', String(answer.retryAfterSeconds));
  });

  for (const router of [own, rest]) app.use(router.routes());
  app.use(async (ctx, next) => {
    // After the routes: what exists here is nobody's business who is not known.
    if (isApiPath(ctx.path) && ctx.path.toLowerCase() !== GRAPHQL_PATH && identified(ctx).isAnonymous) {
      throw new OperationProblem('UNAUTHENTICATED', 'This needs a valid session, API key or token');
    }
    await next();
  });
  for (const router of [own, rest]) app.use(router.allowedMethods());
}

/** `/api/w/<slug>/runs` is `/api/runs` in that workspace. */
function takeWorkspace(ctx: Koa.Context): string | undefined {
  const [, slug, rest] = /^\/api\/w\/([^/]+)(\/.*)$/.exec(ctx.path) ?? [];
  if (slug === undefined || rest === undefined) return undefined;
  ctx.path = `/api${rest}`;
  return slug;
}

function isApiPath(path: string): boolean {
  const lower = path.toLowerCase();
  return lower === '/api' || lower.startsWith('/api/') || lower === GRAPHQL_PATH;
}

/** @throws OperationProblem BODY_TOO_LARGE, BODY_UNSUPPORTED, BODY_INVALID */
function bodyBytes(ctx: Koa.Context, limit: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    readBody(ctx.req, limit, (problem, bytes) => {
      if (!problem) return resolve(bytes);
      discardRest(ctx.req);
      const code = problem.status === 413 ? 'BODY_TOO_LARGE' : problem.status === 415 ? 'BODY_UNSUPPORTED' : 'BODY_INVALID';
      reject(new OperationProblem(code, problem.message));
    });
  });
}

/** @throws OperationProblem BODY_INVALID */
function jsonOf(bytes: Buffer): unknown {
  const parsed = parseJson(bytes);
  if (!parsed.ok) throw new OperationProblem('BODY_INVALID', parsed.problem.message);
  return parsed.value;
}

/** The answer to a thrown problem. */
export function answerProblem(ctx: Koa.Context, problem: OperationProblem): void {
  ctx.status = problem.status;
  ctx.body = problem.toBody();
  if (problem.code === 'UNAUTHENTICATED') ctx.set('www-authenticate', 'Bearer');
  const wait = problem.details.params?.['retryAfterSeconds'];
  if (typeof wait === 'number') ctx.set('retry-after', String(wait));
}

export function nothingAt(path: string): OperationProblem {
  return notFound(`There is nothing at ${path}`);
}
