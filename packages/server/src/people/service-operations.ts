/** Service principals: members that are no people, with keys of their own. */
import { createApiKey, createService, findMember, renameService } from '@plugboard/persistence';
import { z } from 'zod';
import { isAction } from '../access/actions.ts';
import { API_KEY_PREFIX, newToken } from '../auth/opaque-token.ts';
import { type Operation, operation } from '../operation/operation.ts';
import { OperationProblem, notFound } from '../operation/problem.ts';
import { DONE, id, moment, nothing, role, text } from '../operation/shapes.ts';
import { demandRankOfService } from '../projects/grant-operations.ts';
import { demandRank } from './member-operations.ts';

const WORKSPACE = { kind: 'workspace' } as const;
const MANAGE = { action: 'service.manage', on: () => WORKSPACE } as const;
const name = text(200, 1);
const scopes = z
  .array(text(100))
  .min(1)
  .max(200)
  .refine((given) => given.every((one) => one === '*' || isAction(one)), 'has a scope there is not');

export function serviceOperations(): readonly Operation[] {
  return [
    operation({
      name: 'service.create',
      field: 'createService',
      kind: 'mutation',
      summary: 'Make a service principal: a member for machines, which does not leave with a person.',
      permission: MANAGE,
      input: z.strictObject({ name, role }),
      output: z.object({ id }).meta({ id: 'CreatedService' }),
      problems: [],
      rest: { method: 'POST', path: '/services', status: 201 },
      handler: (ctx, input) =>
        ctx.inTransaction(async (tx) => {
          demandRank(ctx, input.role);
          const principalId = await createService(tx, { displayName: input.name, role: input.role });
          ctx.audit({ kind: 'service', id: principalId, payload: { name: input.name, role: input.role } });
          return { id: principalId };
        }),
    }),
    operation({
      name: 'service.rename',
      field: 'renameService',
      kind: 'mutation',
      summary: 'Give a service principal another name.',
      permission: MANAGE,
      input: z.strictObject({ id, name }),
      output: nothing,
      problems: [],
      rest: { method: 'PATCH', path: '/services/{id}' },
      handler: (ctx, input) =>
        ctx.inTransaction(async (tx) => {
          if (!(await renameService(tx, input.id, input.name))) throw noService();
          return DONE;
        }),
    }),
    operation({
      name: 'service.createKey',
      field: 'createServiceKey',
      kind: 'mutation',
      summary: 'Make a key for a service principal; its secret is in this answer and nowhere else.',
      permission: MANAGE,
      input: z.strictObject({ id, name, scopes, expiresAt: moment.optional() }),
      output: z.object({ id, secret: z.string() }).meta({ id: 'CreatedServiceKey' }),
      problems: [],
      rest: { method: 'POST', path: '/services/{id}/keys', status: 201 },
      handler: (ctx, input) =>
        ctx.inTransaction(async (tx) => {
          // A key that makes keys would outlive its own end.
          if (ctx.apiKeyId !== undefined || ctx.tokenId !== undefined)
            throw new OperationProblem('FORBIDDEN', 'A key cannot make keys', { hint: 'Sign in to make one.' });
          const member = await findMember(tx, input.id);
          if (member?.kind !== 'service') throw noService();
          demandRank(ctx, member.role);
          await demandRankOfService(ctx, tx, input.id);
          const validMs = input.expiresAt === undefined ? undefined : Date.parse(input.expiresAt) - Date.now();
          if (validMs !== undefined && validMs <= 0)
            throw new OperationProblem('INPUT_INVALID', 'The key would have run out already', { path: 'input.expiresAt' });
          const { token, hash } = newToken(API_KEY_PREFIX);
          const made = await createApiKey(tx, {
            principalId: input.id,
            name: input.name,
            hash,
            hint: token.slice(-4),
            scopes: [...new Set(input.scopes)],
            ...(validMs === undefined ? {} : { validMs }),
          });
          if (made.kind !== 'created') throw noService();
          ctx.audit({ kind: 'apiKey', id: made.apiKeyId, payload: { name: input.name, scopes: input.scopes, serviceId: input.id } });
          return { id: made.apiKeyId, secret: token };
        }),
    }),
  ];
}

function noService(): OperationProblem {
  return notFound('There is no such service principal');
}
