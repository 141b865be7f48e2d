/** API keys: made for oneself, narrowed to scopes, shown once. Who manages members sees and revokes those of others too. */
import { createApiKey, findDisplayNames, listApiKeys, revokeApiKey } from '@plugboard/persistence';
import { z } from 'zod';
import { ACTIONS, type Action, type ResourceKind, isAction } from '../access/actions.ts';
import { API_KEY_PREFIX, newToken } from '../auth/opaque-token.ts';
import { may } from '../operation/demand.ts';
import { type Operation, type OperationContext, operation } from '../operation/operation.ts';
import { OperationProblem, notFound } from '../operation/problem.ts';
import { DONE, id, moment, nothing, personRef, text } from '../operation/shapes.ts';

const WORKSPACE = { kind: 'workspace' } as const;
const ALL_SCOPES = '*';

const apiKeyRow = z
  .object({
    id,
    name: z.string(),
    /** Last characters, to tell keys apart. */
    prefix: z.string(),
    owner: personRef,
    scopes: z.array(z.string()),
    createdAt: z.iso.datetime(),
    expiresAt: z.iso.datetime().optional(),
    lastUsedAt: z.iso.datetime().optional(),
  })
  .meta({ id: 'ApiKeyRow' });

export function apiKeyOperations(): readonly Operation[] {
  return [
    operation({
      name: 'apiKey.list',
      field: 'apiKeys',
      kind: 'query',
      summary: 'Keys: the own ones, for admins those of all.',
      permission: { action: 'apiKey.read', on: () => WORKSPACE },
      input: z.strictObject({}),
      output: z.array(apiKeyRow),
      problems: [],
      rest: { method: 'GET', path: '/api-keys' },
      handler: (ctx) =>
        ctx.inTransaction(async (tx) => {
          const keys = await listApiKeys(tx, seesAll(ctx) ? {} : { principalId: ctx.actor.principalId });
          const names = await findDisplayNames(
            tx,
            keys.map((key) => key.principalId),
          );
          return keys.map((key) => ({
            id: key.id,
            name: key.name,
            prefix: key.hint,
            owner: { id: key.principalId, name: names.get(key.principalId) ?? '' },
            scopes: [...key.scopes],
            createdAt: key.createdAt.toISOString(),
            ...(key.expiresAt ? { expiresAt: key.expiresAt.toISOString() } : {}),
            ...(key.lastUsedAt ? { lastUsedAt: key.lastUsedAt.toISOString() } : {}),
          }));
        }),
    }),
    operation({
      name: 'apiKey.scopes',
      field: 'scopes',
      kind: 'query',
      summary: 'What keys can be limited to.',
      permission: { member: 'A list of names, the same for all.' },
      input: z.strictObject({}),
      output: z.array(z.object({ scope: z.string(), title: z.string(), group: z.string() }).meta({ id: 'ScopeInfo' })),
      problems: [],
      rest: { method: 'GET', path: '/api-keys/scopes' },
      handler: () =>
        Promise.resolve(
          (Object.keys(ACTIONS) as Action[]).map((scope) => ({ scope, title: titleOf(scope), group: GROUPS[ACTIONS[scope].on] })),
        ),
    }),
    operation({
      name: 'apiKey.create',
      field: 'createApiKey',
      kind: 'mutation',
      summary: 'Make a key for oneself; its secret is in this answer and nowhere else.',
      permission: { action: 'apiKey.manage', on: () => WORKSPACE },
      input: z.strictObject({
        name: text(200, 1),
        scopes: z
          .array(text(100))
          .min(1)
          .max(200)
          .refine((scopes) => scopes.every((one) => one === ALL_SCOPES || isAction(one)), 'has a scope there is not'),
        expiresAt: moment.optional(),
      }),
      output: z.object({ id, secret: z.string() }).meta({ id: 'CreatedApiKey' }),
      problems: [],
      rest: { method: 'POST', path: '/api-keys', status: 201 },
      handler: (ctx, input) =>
        ctx.inTransaction(async (tx) => {
          if (ctx.apiKeyId !== undefined || ctx.tokenId !== undefined)
            throw new OperationProblem('FORBIDDEN', 'A key cannot make keys', { hint: 'Sign in to make one.' });
          const validMs = input.expiresAt === undefined ? undefined : Date.parse(input.expiresAt) - Date.now();
          if (validMs !== undefined && validMs <= 0)
            throw new OperationProblem('INPUT_INVALID', 'The key would have run out already', { path: 'input.expiresAt' });
          const { token, hash } = newToken(API_KEY_PREFIX);
          const made = await createApiKey(tx, {
            principalId: ctx.actor.principalId,
            name: input.name,
            hash,
            hint: token.slice(-4),
            scopes: [...new Set(input.scopes)],
            ...(validMs === undefined ? {} : { validMs }),
          });
          if (made.kind !== 'created')
            throw new OperationProblem('FORBIDDEN', 'Only members have keys', { hint: 'Sign in as a member of the workspace.' });
          ctx.audit({ kind: 'apiKey', id: made.apiKeyId, payload: { name: input.name, scopes: input.scopes } });
          return { id: made.apiKeyId, secret: token };
        }),
    }),
    operation({
      name: 'apiKey.revoke',
      field: 'revokeApiKey',
      kind: 'mutation',
      summary: 'End a key at once.',
      permission: { action: 'apiKey.manage', on: () => WORKSPACE },
      input: z.strictObject({ id }),
      output: nothing,
      problems: [],
      rest: { method: 'DELETE', path: '/api-keys/{id}' },
      handler: (ctx, input) =>
        ctx.inTransaction(async (tx) => {
          const isRevoked = await revokeApiKey(tx, input.id, seesAll(ctx) ? {} : { principalId: ctx.actor.principalId });
          if (!isRevoked) throw notFound('There is no such key');
          return DONE;
        }),
    }),
  ];
}

function seesAll(ctx: OperationContext): boolean {
  return may(ctx, 'member.manage', WORKSPACE);
}

const GROUPS: { readonly [kind in ResourceKind]: string } = {
  instance: 'Instance',
  workspace: 'Workspace',
  project: 'Projects',
  workflow: 'Workflows',
  run: 'Runs',
  file: 'Files',
  credential: 'Credentials',
};

/** `run.readData` as `Run: read data`. */
function titleOf(scope: Action): string {
  const [thing = '', verb = ''] = scope.split('.');
  const words = (name: string): string => name.replaceAll(/([A-Z])/g, ' $1').toLowerCase();
  const subject = words(thing);
  return `${subject.charAt(0).toUpperCase()}${subject.slice(1)}: ${words(verb)}`;
}
