/** OpenID providers for operators of the server, and the accounts elsewhere that a person linked. */
import {
  type IdentityProvider,
  deleteIdentityProvider,
  findPersonSecrets,
  listIdentities,
  listIdentityProviders,
  saveIdentityProvider,
  unlinkIdentity,
} from '@plugboard/persistence';
import { z } from 'zod';
import { type Operation, type OperationContext, operation } from '../operation/operation.ts';
import { OperationProblem, notFound } from '../operation/problem.ts';
import { DONE, id, nothing, text } from '../operation/shapes.ts';
import { isIssuer } from './issuer.ts';
import { ticketHeader } from './oidc-routes.ts';
import { seal } from './sealed.ts';
import type { CookiePolicy } from './session-cookie.ts';
import { DEFAULT_SCOPES, FIXED_KEY, type SignInElsewhere, secretOf } from './sign-in-elsewhere.ts';

const INSTANCE = { kind: 'instance' } as const;
const OWN = { person: 'what is their own' } as const;
const joinRole = z.enum(['viewer', 'runner', 'editor', 'admin']).meta({ id: 'JoinRole' });
const domain = text(253, 1).regex(/^(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z0-9-]{2,}$/i, 'is no domain such as example.com');
const key = text(40, 1)
  .regex(/^[a-z0-9][a-z0-9-]*$/, 'has small letters, digits and dashes')
  .refine((one) => one !== FIXED_KEY, `${FIXED_KEY} is the one from the settings of the server`);
const issuer = text(2000, 1).refine(isIssuer, 'is the https address of a provider, without query and fragment');

const providerRow = z
  .object({
    id,
    key: z.string(),
    title: z.string(),
    issuer: z.string(),
    clientId: z.string(),
    /** The secret itself is never shown. */
    hasSecret: z.boolean(),
    scopes: z.array(z.string()),
    allowedDomains: z.array(z.string()),
    linksByEmail: z.boolean(),
    joinsWorkspaceId: id.optional(),
    joinRole: joinRole.optional(),
    isEnabled: z.boolean(),
    rev: z.int(),
  })
  .meta({ id: 'IdentityProvider' });
const identityRow = z.object({ issuer: z.string(), subject: z.string(), linkedAt: z.iso.datetime() }).meta({ id: 'LinkedIdentity' });

export interface ProviderOperationsOptions {
  readonly elsewhere: SignInElsewhere;
  readonly cookies: CookiePolicy;
  /** Seals the secrets of clients. */
  readonly sealKey: Uint8Array;
}

export function providerOperations({ elsewhere, cookies, sealKey }: ProviderOperationsOptions): readonly Operation[] {
  return [
    operation({
      name: 'identityProvider.list',
      field: 'identityProviders',
      kind: 'query',
      summary: 'OpenID providers people may sign in with; for operators of the server.',
      permission: { action: 'instance.operate', on: () => INSTANCE },
      input: z.strictObject({}),
      output: z.array(providerRow),
      problems: [],
      rest: { method: 'GET', path: '/identity-providers' },
      handler: (ctx) => ctx.inInstance(async (tx) => (await listIdentityProviders(tx)).map(rowOf)),
    }),
    operation({
      name: 'identityProvider.save',
      field: 'saveIdentityProvider',
      kind: 'mutation',
      summary: 'Add an OpenID provider, or change one. A secret that is left out stays; null takes it away.',
      permission: { action: 'instance.operate', on: () => INSTANCE },
      input: z.strictObject({
        id: id.optional(),
        key,
        title: text(100, 1),
        issuer,
        clientId: text(500, 1),
        clientSecret: text(2000, 1).nullable().optional(),
        scopes: z
          .array(text(100, 1).regex(/^[\x21\x23-\x5b\x5d-\x7e]+$/, 'is no scope'))
          .max(20)
          .optional(),
        allowedDomains: z.array(domain).max(100).optional(),
        linksByEmail: z.boolean().optional(),
        joinsWorkspaceId: id.optional(),
        joinRole: joinRole.optional(),
        isEnabled: z.boolean().optional(),
        expectedRev: z.int().min(1).optional(),
      }),
      output: z.object({ id }).meta({ id: 'SavedIdentityProvider' }),
      problems: ['NAME_TAKEN'],
      rest: { method: 'PUT', path: '/identity-providers' },
      scope: 'instance',
      handler: (ctx, input) =>
        ctx.inInstance(async (tx) => {
          demandConsistent(input);
          const before = (await listIdentityProviders(tx)).find((one) => one.id === input.id);
          const isElsewhere = before?.issuer !== input.issuer || before.clientId !== input.clientId;
          if (before?.clientSecret && input.clientSecret === undefined && isElsewhere) {
            // Or whoever may edit this could have the secret sent to a server of his own.
            throw new OperationProblem('INPUT_INVALID', 'The secret belongs to another client; give it again', {
              path: 'input.clientSecret',
            });
          }
          const scopes = [...new Set(['openid', ...(input.scopes ?? DEFAULT_SCOPES)])];
          const saved = await saveIdentityProvider(tx, {
            ...(input.id === undefined ? {} : { id: input.id }),
            key: input.key,
            title: input.title,
            issuer: input.issuer,
            clientId: input.clientId,
            clientSecret: secretFor(input, sealKey),
            scopes,
            allowedDomains: (input.allowedDomains ?? []).map((one) => one.toLowerCase()),
            linksByEmail: input.linksByEmail ?? false,
            ...(input.joinsWorkspaceId === undefined || input.joinRole === undefined
              ? {}
              : { joins: { workspaceId: input.joinsWorkspaceId, role: input.joinRole } }),
            isEnabled: input.isEnabled ?? true,
            ...(input.expectedRev === undefined ? {} : { expectedRev: input.expectedRev }),
            savedBy: ctx.actor.principalId,
          });
          switch (saved.kind) {
            case 'not-found':
              throw notFound('There is no such provider');
            case 'key-taken':
              throw new OperationProblem('NAME_TAKEN', 'Another provider has this key', { path: 'input.key' });
            case 'workspace-not-found':
              throw new OperationProblem('INPUT_INVALID', 'There is no such workspace', { path: 'input.joinsWorkspaceId' });
            case 'conflict':
              throw new OperationProblem('CONFLICT', 'Somebody changed it in between', { params: { rev: saved.rev } });
            case 'saved':
              ctx.audit({
                kind: 'identityProvider',
                id: saved.id,
                payload: { key: input.key, issuer: input.issuer, clientId: input.clientId },
              });
              return { id: saved.id };
          }
        }),
    }),
    operation({
      name: 'identityProvider.delete',
      field: 'deleteIdentityProvider',
      kind: 'mutation',
      summary: 'Let nobody sign in with an OpenID provider any more.',
      permission: { action: 'instance.operate', on: () => INSTANCE },
      input: z.strictObject({ id }),
      output: nothing,
      problems: [],
      rest: { method: 'DELETE', path: '/identity-providers/{id}' },
      scope: 'instance',
      handler: (ctx, input) =>
        ctx.inInstance(async (tx) => {
          if (!(await deleteIdentityProvider(tx, input.id))) throw notFound('There is no such provider');
          return DONE;
        }),
    }),
    operation({
      name: 'identity.list',
      field: 'identities',
      kind: 'query',
      summary: 'Accounts elsewhere that one signs in with.',
      permission: OWN,
      input: z.strictObject({}),
      output: z.array(identityRow),
      problems: [],
      rest: { method: 'GET', path: '/person/identities' },
      handler: (ctx) =>
        ctx.inInstance(async (tx) =>
          (await listIdentities(tx, ctx.actor.principalId)).map((one) => ({
            issuer: one.issuer,
            subject: one.subject,
            linkedAt: one.createdAt.toISOString(),
          })),
        ),
    }),
    operation({
      name: 'identity.beginLink',
      field: 'beginLinkIdentity',
      kind: 'mutation',
      summary: 'Begin to link an account elsewhere; the answer has the address to go to.',
      permission: OWN,
      input: z.strictObject({ provider: text(40, 1), returnTo: text(2000).optional() }),
      output: z.object({ address: z.string() }).meta({ id: 'LinkBeginning' }),
      problems: ['PROVIDER_FAILED', 'CONNECTION_INSECURE'],
      rest: { method: 'POST', path: '/person/identities' },
      audited: false,
      async handler(ctx, { provider, returnTo }) {
        ctx.demandSafeSignIn?.();
        const linking = { personId: ctx.actor.principalId, sessionId: sessionOf(ctx) };
        const { address, ticket } = await elsewhere.begin(provider, { returnTo: returnTo ?? '/account', linking });
        ctx.setCookie?.(ticketHeader(cookies, ticket));
        return { address };
      },
    }),
    operation({
      name: 'identity.unlink',
      field: 'unlinkIdentity',
      kind: 'mutation',
      summary: 'Unlink an account elsewhere; the only way to sign in stays.',
      permission: OWN,
      input: z.strictObject({ issuer: text(2000, 1), subject: text(2000, 1) }),
      output: nothing,
      problems: ['LINK_REFUSED'],
      rest: { method: 'POST', path: '/person/identities/unlink' },
      async handler(ctx, input) {
        const personId = ctx.actor.principalId;
        ctx.audit({ kind: 'person', id: personId });
        return ctx.inInstance(async (tx) => {
          await tx.query('select from person where principal_id = $1 for update', [personId]);
          if (!(await unlinkIdentity(tx, { personId, ...input }))) throw notFound('You have no such account elsewhere');
          const hasPassword = (await findPersonSecrets(tx, personId))?.passwordPhc !== undefined;
          if (!hasPassword && (await listIdentities(tx, personId)).length === 0) {
            throw new OperationProblem('LINK_REFUSED', 'This is the only way you sign in', {
              hint: 'Link another account first, or ask an operator of the server for a link that sets a password.',
            });
          }
          return DONE;
        });
      },
    }),
  ];
}

function rowOf({ clientSecret, joins, ...provider }: IdentityProvider): z.input<typeof providerRow> {
  return {
    ...provider,
    scopes: [...provider.scopes],
    allowedDomains: [...provider.allowedDomains],
    hasSecret: clientSecret !== undefined,
    ...(joins ? { joinsWorkspaceId: joins.workspaceId, joinRole: joins.role } : {}),
  };
}

interface Given {
  readonly id?: string | undefined;
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret?: string | null | undefined;
  readonly linksByEmail?: boolean | undefined;
  readonly allowedDomains?: readonly string[] | undefined;
  readonly joinsWorkspaceId?: string | undefined;
  readonly joinRole?: string | undefined;
}

/** @throws OperationProblem INPUT_INVALID */
function demandConsistent({ linksByEmail, allowedDomains = [], joinsWorkspaceId, joinRole: role }: Given): void {
  const invalid = (path: string, message: string): OperationProblem =>
    new OperationProblem('INPUT_INVALID', message, { path: `input.${path}` });
  if (linksByEmail === true && allowedDomains.length === 0)
    throw invalid('allowedDomains', 'Name the domains whose addresses this provider vouches for');
  if ((joinsWorkspaceId === undefined) !== (role === undefined)) throw invalid('joinRole', 'Give a workspace and a role, or neither');
  if (joinsWorkspaceId !== undefined && allowedDomains.length === 0)
    throw invalid('allowedDomains', 'Name the domains whose people become members');
}

function secretFor({ id: before, clientSecret, ...client }: Given, sealKey: Uint8Array): Uint8Array | 'keep' | 'none' {
  if (clientSecret === null) return 'none';
  if (clientSecret === undefined) return before === undefined ? 'none' : 'keep';
  return seal(sealKey, secretOf(client), Buffer.from(clientSecret));
}

function sessionOf({ sessionId }: OperationContext): string {
  if (sessionId === undefined) throw notFound();
  return sessionId;
}
