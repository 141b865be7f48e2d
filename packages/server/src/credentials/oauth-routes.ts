/** The address services send people back to after a sign-in for a credential. It redirects to a page of ours and shows nothing it was given. */
import type { IncomingMessage } from 'node:http';
import Router from '@koa/router';
import { type Database, findSession } from '@plugboard/persistence';
import { tokenHash } from '../auth/opaque-token.ts';
import { type CookiePolicy, sessionToken } from '../auth/session-cookie.ts';
import { OperationProblem } from '../operation/problem.ts';
import { CALLBACK_PATH, type OauthSignIn } from './oauth-sign-in.ts';

export interface OauthRoutesOptions {
  readonly database: Database;
  readonly signIn: OauthSignIn;
  readonly cookies: CookiePolicy;
  /** The caller's address. */
  readonly addressOf: (req: IncomingMessage) => string;
}

export function oauthRoutes({ database, signIn, cookies, addressOf }: OauthRoutesOptions): Router {
  const router = new Router({ sensitive: true, strict: true });
  router.get(CALLBACK_PATH, async (ctx) => {
    // A request that only looks must not use the state up; routers let it in with GET.
    if (ctx.method !== 'GET') {
      ctx.set('allow', 'GET');
      throw new OperationProblem('METHOD_NOT_ALLOWED', `${ctx.path} takes GET`);
    }
    const token = sessionToken(ctx.req, cookies);
    const session = token === undefined ? undefined : await findSession(database, tokenHash(token), { idleMs: cookies.lasts().idleMs });
    if (!session) {
      throw new OperationProblem('UNAUTHENTICATED', 'Only the browser that began the sign-in can finish it', {
        hint: 'Sign in to Plugboard, open the credential, and begin again.',
      });
    }
    const address = await signIn.finish({
      sessionId: session.id,
      personId: session.personId,
      ip: addressOf(ctx.req),
      query: new URLSearchParams(ctx.querystring),
    });
    ctx.status = 303;
    ctx.set('location', address);
    ctx.body = '';
  });
  return router;
}
