/** Signing in and out, sessions, the second factor: what belongs to a person, in whatever workspace. */
import { type Database, findPerson, listInstanceRoles, listWorkspacesOf } from '@plugboard/persistence';
import { z } from 'zod';
import { type Operation, type OperationContext, operation } from '../operation/operation.ts';
import { OperationProblem, notFound } from '../operation/problem.ts';
import { DONE, email, id, nothing, password, role, text } from '../operation/shapes.ts';
import type { AuthService, From } from './auth-service.ts';
import type { ResetByMail } from './reset-by-mail.ts';
import type { SignInElsewhere } from './sign-in-elsewhere.ts';

const SIGN_IN_PROBLEMS = ['SIGN_IN_FAILED', 'TOO_MANY_ATTEMPTS', 'CONNECTION_INSECURE', 'SERVER_BUSY'] as const;
const name = text(200, 1);
const token = text(200, 1);
const OWN = { person: 'what is their own' } as const;

const session = z
  .object({
    kind: z.enum(['setup', 'signedOut', 'signedIn']).meta({ id: 'SessionKind' }),
    person: z
      .object({ id, name: z.string(), email: z.string(), zone: z.string(), hasTotp: z.boolean() })
      .meta({ id: 'SignedInPerson' })
      .optional(),
    workspaces: z.array(z.object({ id, slug: z.string(), name: z.string(), role }).meta({ id: 'WorkspaceRef' })),
    /** Runs the instance: settings, plugins, plans. */
    isOperator: z.boolean(),
    /** Other ways to sign in. */
    providers: z.array(z.object({ id: z.string(), title: z.string() }).meta({ id: 'SignInProvider' })),
    /** Whoever forgot the password gets a link by e-mail. */
    resetsByMail: z.boolean(),
  })
  .meta({ id: 'Session' });

const sessionRow = z
  .object({ id, isCurrent: z.boolean(), createdAt: z.iso.datetime(), lastSeenAt: z.iso.datetime(), device: z.string(), ip: z.string() })
  .meta({ id: 'SessionRow' });

const offer = z.object({ workspaceName: z.string(), email: z.string(), role }).meta({ id: 'InvitationOffer' });

export interface AuthOperationsOptions {
  readonly auth: AuthService;
  readonly database: Database;
  /** Other ways to sign in. */
  readonly elsewhere: Pick<SignInElsewhere, 'providers'>;
  readonly resets: Pick<ResetByMail, 'isOffered'>;
}

export function authOperations({ auth, database, elsewhere, resets }: AuthOperationsOptions): readonly Operation[] {
  return [
    operation({
      name: 'session.get',
      field: 'session',
      kind: 'query',
      summary: 'Who is signed in, and in which workspaces.',
      permission: { public: 'A page asks this to know whether to show the sign-in form.' },
      input: z.strictObject({}),
      output: session,
      problems: [],
      rest: { method: 'GET', path: '/session' },
      async handler({ actor, sessionId }) {
        if (sessionId === undefined) {
          const kind = (await auth.needsSetUp()) ? ('setup' as const) : ('signedOut' as const);
          const providers = kind === 'setup' ? [] : [...(await elsewhere.providers())];
          return { kind, workspaces: [], isOperator: false, providers, resetsByMail: resets.isOffered };
        }
        const [providers, person, workspaces, operators] = await Promise.all([
          elsewhere.providers(),
          findPerson(database, actor.principalId),
          listWorkspacesOf(database, actor.principalId),
          listInstanceRoles(database),
        ]);
        if (!person) throw notFound();
        return {
          kind: 'signedIn' as const,
          person: { id: person.id, name: person.displayName, email: person.email, zone: person.zone, hasTotp: person.hasTotp },
          workspaces: workspaces.map((one) => ({ id: one.id, slug: one.slug, name: one.name, role: one.role })),
          isOperator: operators.some((one) => one.principalId === actor.principalId),
          providers: [...providers],
          resetsByMail: resets.isOffered,
        };
      },
    }),
    operation({
      name: 'instance.setUp',
      field: 'setUp',
      kind: 'mutation',
      summary: 'Make the first person, owner of everything, with the token the server printed.',
      permission: { public: 'There is nobody yet; the one-time token proves who runs the server.' },
      input: z.strictObject({ token, name, email, password }),
      output: nothing,
      problems: ['ALREADY_DONE', 'NAME_TAKEN', ...SIGN_IN_PROBLEMS],
      rest: { method: 'POST', path: '/setup' },
      audited: false,
      async handler(ctx, input) {
        ctx.demandSafeSignIn?.();
        ctx.setSession?.(await auth.setUp(input, from(ctx)));
        return DONE;
      },
    }),
    operation({
      name: 'session.signIn',
      field: 'signIn',
      kind: 'mutation',
      summary: 'Sign in with address and password; the answer sets the session cookie.',
      permission: { public: 'This is how somebody becomes known.' },
      input: z.strictObject({ email: text(320, 1), password, totp: text(40).optional() }),
      output: nothing,
      problems: ['TOTP_REQUIRED', ...SIGN_IN_PROBLEMS],
      rest: { method: 'POST', path: '/session' },
      audited: false,
      async handler(ctx, { email: address, password: secret, totp }) {
        ctx.demandSafeSignIn?.();
        ctx.setSession?.(await auth.signIn({ email: address, password: secret, ...(totp === undefined ? {} : { totp }) }, from(ctx)));
        return DONE;
      },
    }),
    operation({
      name: 'session.signOut',
      field: 'signOut',
      kind: 'mutation',
      summary: 'End this session.',
      permission: OWN,
      input: z.strictObject({}),
      output: nothing,
      problems: [],
      rest: { method: 'DELETE', path: '/session' },
      async handler(ctx) {
        ctx.audit({ kind: 'session', id: ownSession(ctx) });
        await auth.signOut(ctx.actor.principalId, ownSession(ctx));
        ctx.setSession?.(undefined);
        return DONE;
      },
    }),
    operation({
      name: 'session.list',
      field: 'sessions',
      kind: 'query',
      summary: 'Where one is signed in.',
      permission: OWN,
      input: z.strictObject({}),
      output: z.array(sessionRow),
      problems: [],
      rest: { method: 'GET', path: '/sessions' },
      async handler({ actor, sessionId }) {
        const sessions = await auth.sessions(actor.principalId);
        return sessions.map((one) => ({
          id: one.id,
          isCurrent: one.id === sessionId,
          createdAt: one.createdAt.toISOString(),
          lastSeenAt: one.lastSeenAt.toISOString(),
          device: one.userAgent ?? '',
          ip: one.ip ?? '',
        }));
      },
    }),
    operation({
      name: 'session.revoke',
      field: 'revokeSession',
      kind: 'mutation',
      summary: 'Sign out somewhere else; whoever holds that session is out with the next request.',
      permission: OWN,
      input: z.strictObject({ id }),
      output: nothing,
      problems: [],
      rest: { method: 'DELETE', path: '/sessions/{id}' },
      async handler({ actor }, input) {
        if (!(await auth.revoke(actor.principalId, input.id))) throw notFound('You have no such session');
        return DONE;
      },
    }),
    operation({
      name: 'person.changePassword',
      field: 'changePassword',
      kind: 'mutation',
      summary: 'Change the password; every other session ends.',
      permission: OWN,
      input: z.strictObject({ current: password, next: password }),
      output: nothing,
      problems: SIGN_IN_PROBLEMS,
      rest: { method: 'POST', path: '/person/password' },
      async handler(ctx, input) {
        ctx.demandSafeSignIn?.();
        ctx.audit({ kind: 'person', id: ctx.actor.principalId });
        await auth.changePassword(ctx.actor.principalId, input, ctx.sessionId);
        return DONE;
      },
    }),
    operation({
      name: 'person.offerTotp',
      field: 'offerTotp',
      kind: 'mutation',
      summary: 'Begin with a second factor: a secret for an authenticator app.',
      permission: OWN,
      input: z.strictObject({}),
      output: z.object({ address: z.string(), secret: z.string() }).meta({ id: 'TotpOffer' }),
      problems: ['ALREADY_DONE', 'CONNECTION_INSECURE'],
      rest: { method: 'POST', path: '/person/totp' },
      async handler(ctx) {
        ctx.demandSafeSignIn?.();
        ctx.audit({ kind: 'person', id: ctx.actor.principalId });
        return auth.offerTotp(ctx.actor.principalId);
      },
    }),
    operation({
      name: 'person.confirmTotp',
      field: 'confirmTotp',
      kind: 'mutation',
      summary: 'Turn the second factor on with its first code; gives recovery codes, once.',
      permission: OWN,
      input: z.strictObject({ code: text(40, 1) }),
      output: z.object({ recoveryCodes: z.array(z.string()) }).meta({ id: 'RecoveryCodes' }),
      problems: ['ALREADY_DONE', ...SIGN_IN_PROBLEMS],
      rest: { method: 'POST', path: '/person/totp/confirm' },
      async handler(ctx, { code }) {
        ctx.audit({ kind: 'person', id: ctx.actor.principalId });
        return { recoveryCodes: [...(await auth.confirmTotp(ctx.actor.principalId, code))] };
      },
    }),
    operation({
      name: 'person.disableTotp',
      field: 'disableTotp',
      kind: 'mutation',
      summary: 'Turn the second factor off; every other session ends.',
      permission: OWN,
      input: z.strictObject({ password }),
      output: nothing,
      problems: SIGN_IN_PROBLEMS,
      rest: { method: 'POST', path: '/person/totp/disable' },
      async handler(ctx, input) {
        ctx.audit({ kind: 'person', id: ctx.actor.principalId });
        await auth.disableTotp(ctx.actor.principalId, input.password, ctx.sessionId);
        return DONE;
      },
    }),
    operation({
      name: 'invitation.look',
      field: 'invitation',
      kind: 'query',
      summary: 'What an invitation leads to.',
      permission: { public: 'Whoever holds the token was invited.' },
      input: z.strictObject({ token }),
      output: offer,
      problems: [],
      // Not in the address, which logs and histories keep.
      rest: { method: 'POST', path: '/invitations/look' },
      async handler(_, input) {
        const { workspaceName, email: address, role: invitedAs } = await auth.invitation(input.token);
        return { workspaceName, email: address, role: invitedAs };
      },
    }),
    operation({
      name: 'invitation.accept',
      field: 'acceptInvitation',
      kind: 'mutation',
      summary: 'Join a workspace, as who is signed in or as a new person.',
      permission: { public: 'Whoever holds the token was invited.' },
      input: z.strictObject({ token, name: name.optional(), password: password.optional() }),
      output: nothing,
      problems: ['NAME_TAKEN', 'ENTITLEMENT_EXCEEDED', ...SIGN_IN_PROBLEMS],
      rest: { method: 'POST', path: '/invitations/accept' },
      audited: false,
      async handler(ctx, input) {
        ctx.demandSafeSignIn?.();
        const opened = await auth.accept(input.token, joining(ctx, input), from(ctx));
        if (opened !== undefined) ctx.setSession?.(opened);
        return DONE;
      },
    }),
  ];
}

/** @throws OperationProblem INPUT_INVALID */
function joining(
  { actor, sessionId }: OperationContext,
  { name: given, password: secret }: { readonly name?: string | undefined; readonly password?: string | undefined },
): { personId: string } | { name: string; password: string } {
  if (sessionId !== undefined) return { personId: actor.principalId };
  if (given !== undefined && secret !== undefined) return { name: given, password: secret };
  throw new OperationProblem('INPUT_INVALID', 'Give a name and a password for the new account, or sign in first', { path: 'input.name' });
}

function from({ ip, userAgent }: OperationContext): From {
  return { ip, ...(userAgent === undefined ? {} : { userAgent }) };
}

function ownSession({ sessionId }: OperationContext): string {
  if (sessionId === undefined) throw notFound();
  return sessionId;
}
