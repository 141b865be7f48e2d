/** People of the whole server, for its operators: who there is, keeping somebody out, forgetting somebody, and helping one back in. */
import {
  createPasswordReset,
  disablePerson,
  enablePerson,
  erasePerson,
  exportPerson,
  findPerson,
  grantInstanceRole,
  listInstanceRoles,
  listPersons,
  listWhatRunsFor,
  revokeInstanceRole,
} from '@plugboard/persistence';
import { z } from 'zod';
import { newToken } from '../auth/opaque-token.ts';
import { type Operation, operation } from '../operation/operation.ts';
import { OperationProblem, notFound } from '../operation/problem.ts';
import { DONE, id, json, nothing, page, pageInput, pageOf, text } from '../operation/shapes.ts';

const INSTANCE = { kind: 'instance' } as const;
const OPERATE = { action: 'instance.operate', on: () => INSTANCE } as const;
/** How long a link that sets a password works, in milliseconds. */
const RESET_MS = 24 * 60 * 60_000;

const personRow = z
  .object({
    id,
    name: z.string(),
    email: z.string(),
    isOperator: z.boolean(),
    isDisabled: z.boolean(),
    hasTotp: z.boolean(),
    createdAt: z.iso.datetime(),
  })
  .meta({ id: 'PersonRow' });
/** What goes on although who allowed it is out. Without names: operators do not look into workspaces. */
const runningGrant = z
  .object({ workspaceId: id, workflowId: id, environment: z.int(), key: z.string(), credentialId: id })
  .meta({ id: 'RunningGrant' });
const gone = z.object({ stillRuns: z.array(runningGrant) }).meta({ id: 'PersonGone' });

/** @param linkOf the address that opens the page which sets a password */
export function personOperations({ linkOf }: { readonly linkOf: (token: string) => string }): readonly Operation[] {
  return [
    operation({
      name: 'person.list',
      field: 'persons',
      kind: 'query',
      summary: 'Everybody on the server; for operators.',
      permission: OPERATE,
      input: z.strictObject({ search: text(200).optional(), first: pageInput.first, after: id.optional() }),
      output: pageOf(personRow).meta({ id: 'PersonRows' }),
      problems: [],
      rest: { method: 'GET', path: '/persons' },
      handler: (ctx, { search, first, after }) =>
        ctx.inInstance(async (tx) => {
          const found = await listPersons(tx, {
            ...(search === undefined ? {} : { search }),
            ...(after === undefined ? {} : { cursor: after }),
            ...(first === undefined ? {} : { limit: first }),
          });
          const operators = new Set((await listInstanceRoles(tx)).map((one) => one.principalId));
          return page(
            found.persons.map((one) => ({
              id: one.id,
              name: one.displayName,
              email: one.email,
              isOperator: operators.has(one.id),
              isDisabled: one.disabledAt !== undefined,
              hasTotp: one.hasTotp,
              createdAt: one.createdAt.toISOString(),
            })),
            found.nextCursor,
          );
        }),
    }),
    operation({
      name: 'person.disable',
      field: 'disablePerson',
      kind: 'mutation',
      summary: 'Keep somebody out: sessions, keys and tokens open nothing from now on. Says what still runs on what they allowed.',
      permission: OPERATE,
      input: z.strictObject({ id }),
      output: gone,
      problems: ['LAST_OWNER'],
      rest: { method: 'POST', path: '/persons/{id}/disable' },
      scope: 'instance',
      handler: (ctx, input) =>
        ctx.inInstance(async (tx) => {
          const result = await disablePerson(tx, input.id);
          if (result.kind === 'not-found') throw notFound('There is no such person');
          if (result.kind !== 'disabled') throw lastOne(result);
          return { stillRuns: await listWhatRunsFor(tx, input.id) };
        }),
    }),
    operation({
      name: 'person.enable',
      field: 'enablePerson',
      kind: 'mutation',
      summary: 'Let somebody in again.',
      permission: OPERATE,
      input: z.strictObject({ id }),
      output: nothing,
      problems: [],
      rest: { method: 'POST', path: '/persons/{id}/enable' },
      scope: 'instance',
      handler: (ctx, input) =>
        ctx.inInstance(async (tx) => {
          if (!(await enablePerson(tx, input.id))) throw notFound('There is no such person');
          return DONE;
        }),
    }),
    operation({
      name: 'person.erase',
      field: 'erasePerson',
      kind: 'mutation',
      summary: 'Forget somebody for good: name, address, sign-ins. What they did keeps an author without a name.',
      permission: OPERATE,
      input: z.strictObject({ id }),
      output: gone,
      problems: ['LAST_OWNER'],
      rest: { method: 'DELETE', path: '/persons/{id}' },
      scope: 'instance',
      handler: (ctx, input) =>
        ctx.inInstance(async (tx) => {
          const stillRuns = await listWhatRunsFor(tx, input.id);
          const result = await erasePerson(tx, input.id);
          if (result.kind === 'not-found') throw notFound('There is no such person');
          if (result.kind !== 'erased') throw lastOne(result);
          return { stillRuns };
        }),
    }),
    operation({
      name: 'person.exportFor',
      field: 'exportPersonFor',
      kind: 'query',
      summary: 'Everything that is kept about a person, to answer who asks for it.',
      permission: OPERATE,
      input: z.strictObject({ id }),
      output: json,
      problems: [],
      rest: { method: 'GET', path: '/persons/{id}/export' },
      handler: (ctx, input) =>
        ctx.inInstance(async (tx) => {
          if (!(await findPerson(tx, input.id))) throw notFound('There is no such person');
          return exportPerson(tx, input.id);
        }),
    }),
    operation({
      name: 'person.makeResetLink',
      field: 'makeResetLink',
      kind: 'mutation',
      summary: 'A link that sets a new password, once and within a day; shown in this answer only. Give it to that person and nobody else.',
      permission: OPERATE,
      input: z.strictObject({ id }),
      output: z.object({ link: z.string(), expiresAt: z.iso.datetime() }).meta({ id: 'ResetLink' }),
      problems: [],
      rest: { method: 'POST', path: '/persons/{id}/reset-link', status: 201 },
      scope: 'instance',
      handler: (ctx, input) =>
        ctx.inInstance(async (tx) => {
          const { token, hash } = newToken();
          const made = await createPasswordReset(tx, {
            personId: input.id,
            tokenHash: hash,
            validMs: RESET_MS,
            createdBy: ctx.actor.principalId,
          });
          if (!made) throw notFound('There is no such person who may sign in');
          return { link: linkOf(token), expiresAt: new Date(Date.now() + RESET_MS).toISOString() };
        }),
    }),
    operation({
      name: 'person.setOperator',
      field: 'setOperator',
      kind: 'mutation',
      summary: 'Make somebody an operator of the server, or no longer; one stays.',
      permission: OPERATE,
      input: z.strictObject({ id, isOperator: z.boolean() }),
      output: nothing,
      problems: ['LAST_OWNER'],
      rest: { method: 'PUT', path: '/persons/{id}/operator' },
      scope: 'instance',
      handler: (ctx, input) =>
        ctx.inInstance(async (tx) => {
          ctx.audit({ kind: 'person', id: input.id, payload: { isOperator: input.isOperator } });
          const person = await findPerson(tx, input.id);
          if (!person) throw notFound('There is no such person');
          if (input.isOperator) {
            await grantInstanceRole(tx, { principalId: input.id, role: 'operator', createdBy: ctx.actor.principalId });
            return DONE;
          }
          const result = await revokeInstanceRole(tx, input.id, 'operator');
          if (result.kind === 'last-operator') throw lastOne(result);
          return DONE;
        }),
    }),
  ];
}

function lastOne(
  result: { readonly kind: 'last-operator' } | { readonly kind: 'last-owner'; readonly workspaceIds: readonly string[] },
): OperationProblem {
  if (result.kind === 'last-operator')
    return new OperationProblem('LAST_OWNER', 'The server would have no operator', { hint: 'Make somebody else an operator first.' });
  return new OperationProblem('LAST_OWNER', 'Workspaces would have no owner', {
    hint: 'Make somebody else an owner there first.',
    params: { workspaceIds: [...result.workspaceIds] },
  });
}
