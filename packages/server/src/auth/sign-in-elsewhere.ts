/**
 * Signing in at an OpenID provider: which there are, leaving for one, and coming back. What was begun is kept by the browser in a sealed ticket,
 * so that a flood of beginnings stores nothing; what came back counts once.
 */
import { createHash } from 'node:crypto';
import {
  type Database,
  type IdentityProvider,
  type InstanceTransaction,
  type Role,
  addMember,
  createPerson,
  findIdentity,
  findPersonByEmail,
  findWorkspaceBySlug,
  holdLimit,
  inInstance,
  linkIdentity,
  listIdentityProviders,
  livingSessions,
  readLoginFailures,
  recordAudit,
  recordLoginFailure,
  spendState,
} from '@plugboard/persistence';
import { demandEntitled } from '../operation/execute.ts';
import { OperationProblem, notFound } from '../operation/problem.ts';
import { type AuthService, FAILURE_WINDOW_MS, type From, waitAfterFailuresMs } from './auth-service.ts';
import type { Openid, OpenidProvider } from './openid.ts';
import { pageOfOurs } from './return-to.ts';
import { seal, unseal } from './sealed.ts';
import { type Claims, type Refusal, type WhoComes, whoComes } from './who-comes.ts';

/** One that stands in the settings of the server. */
export interface FixedProvider {
  readonly title: string;
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret?: string;
  readonly allowedDomains: readonly string[];
  /** Whoever is new becomes a member of the workspace `default`. */
  readonly joinRole?: Exclude<Role, 'owner'>;
}

/** The key of the one from the settings. */
export const FIXED_KEY = 'sso';

export interface Beginning {
  /** Where the browser goes. */
  readonly address: string;
  /** What it brings back; for its cookie. */
  readonly ticket: string;
}

export interface ComingBack {
  readonly returnTo: string;
  /** Token of the session; absent when an account was linked to who is signed in. */
  readonly session?: string;
}

export interface SignInElsewhere {
  /** Those people may use. */
  providers(): Promise<readonly { readonly id: string; readonly title: string }[]>;
  /** @throws OperationProblem NOT_FOUND, PROVIDER_FAILED */
  begin(key: string, options: BeginOptions): Promise<Beginning>;
  /** @throws OperationProblem SIGN_IN_FAILED, LINK_REFUSED, PROVIDER_FAILED, TOO_MANY_ATTEMPTS, ENTITLEMENT_EXCEEDED, NOT_FOUND */
  comeBack(key: string, callback: CallbackRequest): Promise<ComingBack>;
  /** Where a failed sign-in began: on the sign-in page, or on the own account. */
  pageOf(ticket: string | undefined): string;
}

export interface BeginOptions {
  readonly returnTo: string | undefined;
  /** Links the account elsewhere to who is signed in, instead of signing in. */
  readonly linking?: Linking;
}

export interface Linking {
  readonly personId: string;
  readonly sessionId: string;
}

export interface CallbackRequest {
  /** What stands behind the `?`. */
  readonly search: string;
  readonly ticket: string | undefined;
  /** The session of the browser that came back. */
  readonly sessionId: string | undefined;
  readonly from: From;
}

export interface SignInElsewhereOptions {
  readonly database: Database;
  readonly auth: Pick<AuthService, 'open'>;
  readonly openid: Openid;
  /** 32 bytes that seal tickets and the secrets of clients. */
  readonly key: Uint8Array;
  readonly fixed?: FixedProvider | undefined;
  /** The address people use. */
  readonly pageUrl: () => string;
  /** @default the clock of this process */
  readonly now?: () => number;
}

/** How long somebody may take at the provider, in milliseconds. */
export const TICKET_MS = 10 * 60_000;
const TICKET = 'sign-in ticket';

interface Ticket {
  readonly key: string;
  readonly state: string;
  readonly nonce: string;
  readonly verifier: string;
  readonly returnTo: string;
  readonly until: number;
  readonly linking?: Linking;
}

interface Provider extends OpenidProvider {
  readonly title: string;
  readonly allowedDomains: readonly string[];
  readonly linksByEmail: boolean;
  readonly joins?: { readonly workspaceId: string; readonly role: Role };
}

export function createSignInElsewhere(options: SignInElsewhereOptions): SignInElsewhere {
  const { database, auth, openid, key: sealKey, now = Date.now } = options;

  const providers = async (): Promise<Provider[]> => {
    const fixed = options.fixed && (await fixedProvider(database, options.fixed));
    const kept = (await listIdentityProviders(database)).filter((one) => one.isEnabled && one.key !== fixed?.key);
    return [...(fixed ? [fixed] : []), ...kept.flatMap((one) => providerOf(one, sealKey) ?? [])];
  };
  const providerBy = async (key: string): Promise<Provider> => {
    const found = (await providers()).find((one) => one.key === key);
    if (!found) throw notFound('People cannot sign in there');
    return found;
  };
  const redirectUri = (key: string): string => `${options.pageUrl()}/auth/oidc/${encodeURIComponent(key)}/callback`;

  const open = (text: string | undefined): Ticket | undefined => {
    const plain = text === undefined ? undefined : unseal(sealKey, TICKET, Buffer.from(text, 'base64url'));
    const ticket = plain && (JSON.parse(plain.toString()) as Ticket);
    return ticket && ticket.until > now() ? ticket : undefined;
  };

  const guarded = async <Result>(ip: string, work: () => Promise<Result>): Promise<Result> => {
    const subject = { kind: 'ip', value: ip } as const;
    const waitMs = waitAfterFailuresMs(await readLoginFailures(database, [subject], { windowMs: FAILURE_WINDOW_MS }));
    if (waitMs > 0) {
      const retryAfterSeconds = Math.ceil(waitMs / 1000);
      throw new OperationProblem('TOO_MANY_ATTEMPTS', `Too many wrong attempts; try again in ${retryAfterSeconds} s`, {
        params: { retryAfterSeconds },
      });
    }
    try {
      return await work();
    } catch (error) {
      if (error instanceof OperationProblem && error.code === 'SIGN_IN_FAILED')
        await recordLoginFailure(database, [subject], { windowMs: FAILURE_WINDOW_MS });
      throw error;
    }
  };

  return {
    providers: async () => (await providers()).map(({ key, title }) => ({ id: key, title })),

    async begin(key, { returnTo, linking }) {
      const provider = await providerBy(key);
      const { address, state, nonce, verifier } = await openid.begin(provider, redirectUri(key));
      const ticket: Ticket = {
        key,
        state,
        nonce,
        verifier,
        returnTo: pageOfOurs(returnTo),
        until: now() + TICKET_MS,
        ...(linking ? { linking } : {}),
      };
      return { address, ticket: seal(sealKey, TICKET, Buffer.from(JSON.stringify(ticket))).toString('base64url') };
    },

    comeBack: (key, { search, ticket: text, sessionId, from }) =>
      guarded(from.ip, async () => {
        const ticket = open(text);
        // Of this browser, of this provider, and begun by who is still signed in.
        if (!ticket || ticket.key !== key) throw notBegun();
        if (ticket.linking && (ticket.linking.sessionId !== sessionId || !(await isLiving(database, ticket.linking.sessionId))))
          throw notBegun();
        const given = new URLSearchParams(search);
        if (given.get('state') !== ticket.state) throw notBegun();
        const provider = await providerBy(key);
        const digest = createHash('sha256').update(ticket.state).digest();
        if (!(await spendState(database, { digest, keepMs: 2 * TICKET_MS }))) throw notBegun();
        const claims = await openid.complete(provider, new URL(`${redirectUri(key)}?${given.toString()}`), ticket);
        const personId = await inInstance(database, (tx) => letIn(tx, provider, claims, ticket.linking?.personId, from.ip));
        return ticket.linking ? { returnTo: ticket.returnTo } : { returnTo: ticket.returnTo, session: await auth.open(personId, from) };
      }),

    pageOf: (text) => (open(text)?.linking ? '/account' : '/login'),
  };
}

/** Gives who it is, made or linked if need be. */
async function letIn(
  tx: InstanceTransaction,
  provider: Provider,
  claims: Claims,
  linkingPersonId: string | undefined,
  ip: string,
): Promise<string> {
  const { issuer, subject, email } = claims;
  const identity = await findIdentity(tx, issuer, subject);
  const byEmail = email === undefined ? undefined : await findPersonByEmail(tx, email);
  const who = whoComes(claims, provider, {
    ...(identity ? { identity } : {}),
    ...(byEmail ? { byEmail: { personId: byEmail.id, isDisabled: byEmail.disabledAt !== undefined, hasTotp: byEmail.hasTotp } } : {}),
    ...(linkingPersonId === undefined ? {} : { linkingPersonId }),
  });
  switch (who.kind) {
    case 'known':
      return who.personId;
    case 'linked-already':
      return linkingPersonId ?? '';
    case 'refused':
      throw refusal(who.why);
    case 'link':
      await link(tx, who.personId, provider, claims, ip);
      return who.personId;
    case 'new':
      return welcome(tx, who, provider, claims, ip);
  }
}

async function link(tx: InstanceTransaction, personId: string, provider: Provider, { issuer, subject }: Claims, ip: string): Promise<void> {
  const linked = await linkIdentity(tx, { personId, issuer, subject });
  if (linked.kind === 'taken') throw refusal('belongs-to-another');
  await recordAudit(tx, {
    principalId: personId,
    actorKind: 'person',
    action: 'identity.link',
    resourceKind: 'person',
    resourceId: personId,
    ip,
    payload: { provider: provider.key },
  });
}

async function welcome(
  tx: InstanceTransaction,
  { email, name }: Extract<WhoComes, { kind: 'new' }>,
  provider: Provider,
  claims: Claims,
  ip: string,
): Promise<string> {
  const { joins } = provider;
  if (!joins) throw refusal('not-invited');
  const held = await holdLimit(tx, joins.workspaceId, 'members');
  const made = await createPerson(tx, { email, displayName: name });
  if (made.kind !== 'created') throw refusal('has-account');
  const { personId } = made;
  await link(tx, personId, provider, claims, ip);
  await addMember(tx, { workspaceId: joins.workspaceId, principalId: personId, role: joins.role, createdBy: personId });
  await demandEntitled(tx, joins.workspaceId, held ? [held] : []);
  const record = {
    principalId: personId,
    actorKind: 'person',
    action: 'member.join',
    resourceKind: 'member',
    resourceId: personId,
    ip,
  } as const;
  await recordAudit(tx, { ...record, payload: { provider: provider.key, role: joins.role } }, { workspaceId: joins.workspaceId });
  return personId;
}

const REFUSALS: { readonly [Why in Refusal]: readonly [message: string, hint: string] } = {
  disabled: ['This account may not sign in', 'Ask an operator of the server.'],
  'belongs-to-another': ['That account is linked to somebody else here', 'Use another account, or unlink it there first.'],
  'no-address': ['The service you sign in with told no e-mail address', 'Ask its administrator to let this server see the address.'],
  'not-verified': ['The service you sign in with did not verify your e-mail address', 'Verify the address there, then try again.'],
  'other-domain': ['Addresses like yours may not sign in this way', 'Use the account of your company, or ask for an invitation.'],
  'has-account': ['There is an account with your address', 'Sign in with its password, then link the other account on your account page.'],
  'not-invited': ['You have no account here yet', 'Ask an admin of the workspace for an invitation.'],
};

function refusal(why: Refusal): OperationProblem {
  const [message, hint] = REFUSALS[why];
  return new OperationProblem(why === 'belongs-to-another' ? 'LINK_REFUSED' : 'SIGN_IN_FAILED', message, { hint, params: { reason: why } });
}

function notBegun(): OperationProblem {
  return new OperationProblem('SIGN_IN_FAILED', 'This sign-in was not begun in this browser, took too long, or was used already', {
    hint: 'Begin again from the sign-in page.',
    params: { reason: 'not-begun' },
  });
}

async function isLiving(database: Database, sessionId: string): Promise<boolean> {
  return (await livingSessions(database, [sessionId])).has(sessionId);
}

async function fixedProvider(database: Database, fixed: FixedProvider): Promise<Provider> {
  const workspace = fixed.joinRole === undefined ? undefined : await findWorkspaceBySlug(database, 'default');
  return {
    key: FIXED_KEY,
    title: fixed.title,
    issuer: fixed.issuer,
    clientId: fixed.clientId,
    ...(fixed.clientSecret === undefined ? {} : { clientSecret: fixed.clientSecret }),
    scopes: DEFAULT_SCOPES,
    allowedDomains: fixed.allowedDomains,
    linksByEmail: false,
    ...(workspace && fixed.joinRole ? { joins: { workspaceId: workspace.id, role: fixed.joinRole } } : {}),
  };
}

export const DEFAULT_SCOPES: readonly string[] = ['openid', 'email', 'profile'];

/** Undefined where the secret does not open: then nobody can sign in there until it is given again. */
function providerOf({ clientSecret, ...provider }: IdentityProvider, key: Uint8Array): Provider | undefined {
  if (!clientSecret) return provider;
  const plain = unseal(key, secretOf(provider), clientSecret);
  return plain && { ...provider, clientSecret: plain.toString() };
}

/** What the secret of a client is sealed for: it is sent nowhere else. */
export function secretOf({ issuer, clientId }: { readonly issuer: string; readonly clientId: string }): string {
  return `client secret ${JSON.stringify([issuer, clientId])}`;
}
