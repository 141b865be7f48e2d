/** Short tokens, for machines and sockets that should not carry a session or a key themselves. */
import { z } from 'zod';
import { isAction } from '../access/actions.ts';
import { type Operation, operation } from '../operation/operation.ts';
import { OperationProblem } from '../operation/problem.ts';
import { text } from '../operation/shapes.ts';
import { TOKEN_LIFE_MS, type TokenClaims, type Tokens } from './tokens.ts';

const SECOND_MS = 1000;

export function tokenOperations({ tokens }: { readonly tokens: Tokens }): readonly Operation[] {
  return [
    operation({
      name: 'session.token',
      field: 'makeToken',
      kind: 'mutation',
      summary: 'Make a token for this workspace that is good for minutes, and at most as long as the session or key that makes it.',
      permission: { member: 'A token may do no more than who makes it.' },
      input: z.strictObject({
        /** `api` for requests, `live` for sockets. */
        audience: z.enum(['api', 'live']).meta({ id: 'TokenAudience' }),
        /** Actions it is limited to; left out for all that one may. */
        scopes: z
          .array(text(100))
          .min(1)
          .max(200)
          .refine((scopes) => scopes.every(isAction), 'has a scope there is not')
          .optional(),
        lifeSeconds: z
          .int()
          .min(1)
          .max(TOKEN_LIFE_MS / SECOND_MS)
          .optional(),
      }),
      output: z.object({ token: z.string(), expiresAt: z.iso.datetime() }).meta({ id: 'MadeToken' }),
      problems: [],
      rest: { method: 'POST', path: '/tokens', status: 201 },
      // Nothing is kept of a token; what is done with it is audited under whose it is.
      transactional: false,
      audited: false,
      async handler(ctx, { audience, scopes, lifeSeconds }) {
        const { actor, sessionId, apiKeyId, tokenId, workspaceId } = ctx;
        const madeFor: TokenClaims['madeFor'] | undefined =
          sessionId !== undefined ? { kind: 'session', sessionId } : apiKeyId !== undefined ? { kind: 'key', apiKeyId } : undefined;
        // Or a token could renew itself for ever.
        if (madeFor === undefined || tokenId !== undefined || actor.kind === 'system' || actor.kind === 'anonymous') {
          throw new OperationProblem('FORBIDDEN', 'Only a session or an API key makes tokens', { hint: 'Sign in, or use the key itself.' });
        }
        const narrowed =
          scopes === undefined
            ? actor.scopes && [...actor.scopes]
            : scopes.filter((one) => !actor.scopes || actor.scopes.has(one as never));
        const made = await tokens.issue(
          {
            principalId: actor.principalId,
            principalKind: actor.kind,
            workspaceId,
            madeFor,
            ...(narrowed === undefined ? {} : { scopes: narrowed }),
          },
          audience,
          lifeSeconds === undefined ? undefined : lifeSeconds * SECOND_MS,
        );
        return { token: made.token, expiresAt: new Date(made.expiresAt).toISOString() };
      },
    }),
  ];
}
