/**
 * The two addresses a browser visits when somebody signs in elsewhere: leaving and coming back. They answer with redirects to pages of ours and
 * show nothing of what they were given; a failure is told as a code for the page to put into words.
 */
import type { IncomingMessage } from 'node:http';
import Router from '@koa/router';
import { type Database, findSession } from '@plugboard/persistence';
import type Koa from 'koa';
import { OperationProblem } from '../operation/problem.ts';
import { tokenHash } from './opaque-token.ts';
import { type CookiePolicy, cookieOf, cookieText, sessionToken, setCookieHeader } from './session-cookie.ts';
import { type SignInElsewhere, TICKET_MS } from './sign-in-elsewhere.ts';

export interface OidcRoutesOptions {
  readonly database: Database;
  readonly elsewhere: SignInElsewhere;
  readonly cookies: CookiePolicy;
  /** The caller's address. */
  readonly addressOf: (req: IncomingMessage) => string;
}

export function oidcRoutes({ database, elsewhere, cookies, addressOf }: OidcRoutesOptions): Router {
  const router = new Router({ prefix: '/auth/oidc', sensitive: true, strict: true });
  // A request that only looks may not use anything up; the router would let it in with GET.
  router.use(async (ctx, next) => {
    if (ctx.method === 'GET') return next();
    ctx.set('allow', 'GET');
    throw new OperationProblem('METHOD_NOT_ALLOWED', `${ctx.path} takes GET`);
  });
  const forget = (ctx: Koa.Context): void => ctx.append('set-cookie', ticketHeader(cookies, undefined));
  const tellFailure = (ctx: Koa.Context, page: string, error: unknown): void => {
    if (!(error instanceof OperationProblem)) throw error;
    forget(ctx);
    const reason = error.details.params?.['reason'];
    const said = new URLSearchParams({ problem: error.code, ...(typeof reason === 'string' ? { reason } : {}) });
    redirect(ctx, `${page}?${said.toString()}`);
  };

  router.get('/:key/start', async (ctx) => {
    try {
      demandSafe(cookies, ctx.req);
      const { to } = ctx.query;
      const { address, ticket } = await elsewhere.begin(ctx.params['key'] ?? '', { returnTo: typeof to === 'string' ? to : undefined });
      ctx.append('set-cookie', ticketHeader(cookies, ticket));
      redirect(ctx, address);
    } catch (error) {
      tellFailure(ctx, '/login', error);
    }
  });

  router.get('/:key/callback', async (ctx) => {
    const ticket = cookieOf(ctx.req, ticketName(cookies));
    try {
      demandSafe(cookies, ctx.req);
      const token = sessionToken(ctx.req, cookies);
      const session = token === undefined ? undefined : await findSession(database, tokenHash(token), { idleMs: cookies.lasts().idleMs });
      const userAgent = ctx.get('user-agent');
      const back = await elsewhere.comeBack(ctx.params['key'] ?? '', {
        search: ctx.querystring,
        ticket,
        sessionId: session?.id,
        from: { ip: addressOf(ctx.req), ...(userAgent === '' ? {} : { userAgent }) },
      });
      forget(ctx);
      if (back.session !== undefined) ctx.append('set-cookie', setCookieHeader(cookies, back.session, cookies.lasts().longestMs));
      redirect(ctx, back.returnTo);
    } catch (error) {
      tellFailure(ctx, elsewhere.pageOf(ticket), error);
    }
  });
  return router;
}

/** The `Set-Cookie` that keeps what was begun; `undefined` takes it away. */
export function ticketHeader(cookies: CookiePolicy, ticket: string | undefined): string {
  return cookieText({ name: ticketName(cookies), value: ticket, maxAgeMs: TICKET_MS, isSecure: cookies.isSecure });
}

function ticketName({ isSecure }: CookiePolicy): string {
  return isSecure ? '__Host-plugboard-sign-in' : 'plugboard-sign-in';
}

function redirect(ctx: Koa.Context, address: string): void {
  // A request that only looks may not use anything up; routers let it in with GET.
  ctx.status = 303;
  ctx.set('location', address);
  ctx.body = '';
}

/** @throws OperationProblem CONNECTION_INSECURE */
function demandSafe(cookies: CookiePolicy, req: IncomingMessage): void {
  if (!cookies.allows(req))
    throw new OperationProblem('CONNECTION_INSECURE', 'People cannot sign in over a connection that others could read');
}
