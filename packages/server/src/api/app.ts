/** The Koa application: health, metrics, and the API over the operations. */
import Router from '@koa/router';
import type { Json } from '@plugboard/sdk';
import Koa from 'koa';
import { newRequestId } from '../edge/request-id.ts';
import { asProblem } from '../operation/as-problem.ts';
import { OperationProblem } from '../operation/problem.ts';
import { type PagesOptions, mountPages } from '../pages/mount-pages.ts';
import { type ApiOptions, answerProblem, mountApi, nothingAt } from '../rest/mount-api.ts';

export interface AppOptions {
  readonly api: Omit<ApiOptions, 'log'>;
  readonly pages: PagesOptions;
  /** Where browsers go when people sign in elsewhere. */
  readonly signIn: Router;
  /** The address services send people back to after a sign-in for a credential. */
  readonly signInFor: Router;
  /** The addresses at which steps of runs wait. */
  readonly resume: Router;
  /** The addresses at which people answer steps of runs. */
  readonly asked: readonly Router[];
  readonly health: () => Promise<{
    readonly ready: boolean;
    readonly checks: { readonly [name: string]: Json };
    readonly reasons: readonly string[];
  }>;
  readonly metrics: () => Promise<{ readonly type: string; readonly text: string }>;
  readonly log: { error(fields: object, message: string): void };
}

/** For a year, as browsers ask before they believe it. */
const STRICT_TRANSPORT = 'max-age=31536000';

export function createApp(options: AppOptions): Koa {
  const app = new Koa();
  app.use(async (ctx, next) => {
    const requestId = newRequestId();
    ctx.set('x-request-id', requestId);
    ctx.set('x-content-type-options', 'nosniff');
    ctx.set('content-security-policy', "default-src 'none'; frame-ancestors 'none'");
    ctx.set('referrer-policy', 'no-referrer');
    ctx.set('cross-origin-opener-policy', 'same-origin');
    ctx.set('cache-control', 'no-store');
    ctx.set('permissions-policy', 'accelerometer=(), camera=(), geolocation=(), microphone=(), payment=(), usb=()');
    ctx.set('cross-origin-resource-policy', 'same-origin');
    if (options.pages.isSecure) ctx.set('strict-transport-security', STRICT_TRANSPORT);
    try {
      await next();
      if (ctx.status === 404 && ctx.body === undefined) throw nothingAt(ctx.path);
      if (ctx.status === 405 || ctx.status === 501) {
        throw new OperationProblem('METHOD_NOT_ALLOWED', `${ctx.path} takes ${ctx.response.get('allow')}`);
      }
    } catch (error) {
      const problem = asProblem(error);
      if (problem) return answerProblem(ctx, problem);
      options.log.error({ err: error, requestId, method: ctx.method, path: ctx.path }, 'a request failed unexpectedly');
      ctx.status = 500;
      ctx.body = { error: { code: 'INTERNAL', message: `The server failed on this request. Its log has the details under ${requestId}.` } };
    }
  });

  // Open to whoever reaches the server: they tell nothing of what is in it.
  const open = new Router({ sensitive: true, strict: true });
  open.get('/healthz', (ctx) => {
    ctx.body = { status: 'ok' };
  });
  open.get('/readyz', async (ctx) => {
    const { ready, checks, reasons } = await options.health();
    ctx.status = ready ? 200 : 503;
    ctx.body = { status: ready ? 'ready' : 'not ready', ...(ready ? {} : { reasons }), checks };
  });
  open.get('/metrics', async (ctx) => {
    const { type, text } = await options.metrics();
    ctx.type = type;
    ctx.body = text;
  });
  app.use(open.routes()).use(open.allowedMethods());

  app.use(options.signIn.routes());
  app.use(options.signInFor.routes());
  app.use(options.resume.routes());
  for (const router of options.asked) app.use(router.routes());
  mountApi(app, { ...options.api, log: options.log });
  mountPages(app, options.pages);
  return app;
}
