/**
 * Who a request speaks for: an API key, the local command line, or the session in a browser's cookie; and in which workspace. Read anew
 * for every request, so that what was revoked ends with the next one.
 */
import type { IncomingMessage } from 'node:http';
import {
  type Database,
  findApiKey,
  findSession,
  findWorkspaceBySlug,
  livingApiKeys,
  livingSessions,
  loadAccess,
} from '@plugboard/persistence';
import { type AccessSet, type Actor, NO_ACCESS, accessSetOf, scopesOf } from '../access/access.ts';
import type { Caller, Operation } from '../operation/operation.ts';
import { OperationProblem, notFound } from '../operation/problem.ts';
import { guardBrowser } from './browser-guard.ts';
import { API_KEY_PREFIX, tokenHash } from './opaque-token.ts';
import { type CookiePolicy, sessionToken, setCookieHeader } from './session-cookie.ts';
import { type TokenAudience, type TokenClaims, type Tokens, looksLikeToken } from './tokens.ts';

export const WORKSPACE_HEADER = 'x-plugboard-workspace';
const DEFAULT_WORKSPACE = 'default';
const SLUG = /^[a-z0-9][a-z0-9-]{0,62}$/;

export interface CallersOptions {
  readonly database: Database;
  readonly systemPrincipalId: string;
  /** True for the token of the local command line. */
  readonly isLocalToken: (token: string) => boolean;
  readonly cookies: CookiePolicy;
  /** Reads short tokens. */
  readonly tokens: Tokens;
  readonly publicUrl: string | undefined;
  /** The caller's address. */
  readonly addressOf: (req: IncomingMessage) => string;
}

export interface Answering {
  readonly requestId: string;
  /** Adds a `Set-Cookie` header to the answer. */
  readonly setCookie: (header: string) => void;
  /** The workspace that the address names. */
  readonly workspaceSlug?: string;
}

/** A request whose credential was looked at; what it may do depends on the operation. */
export interface Identified {
  /** @throws OperationProblem UNAUTHENTICATED, REQUEST_REFUSED, NOT_FOUND */
  callerFor(operation: Operation): Promise<Caller>;
  /** Nobody in particular. */
  readonly isAnonymous: boolean;
  /** The session or the key, whatever it came with; absent for nobody in particular. */
  readonly caller?: string;
}

export type Identify = (req: IncomingMessage, answering: Answering) => Promise<Identified>;

/** What a credential says. */
export type Identity =
  | { readonly kind: 'anonymous' }
  | { readonly kind: 'system' }
  | { readonly kind: 'session'; readonly sessionId: string; readonly personId: string }
  | { readonly kind: 'key'; readonly apiKeyId: string; readonly workspaceId: string; readonly actor: Actor }
  | {
      readonly kind: 'token';
      readonly tokenId: string;
      readonly madeFor: TokenClaims['madeFor'];
      readonly workspaceId: string;
      readonly actor: Actor;
      /** Milliseconds since 1970. */
      readonly expiresAt: number;
    };

/**
 * Looks at a request's credential, by whichever way it came. A short token counts only where it was made for.
 * @throws OperationProblem UNAUTHENTICATED for one that is not valid
 */
export function createIdentityOf(
  options: Pick<CallersOptions, 'database' | 'cookies' | 'isLocalToken' | 'tokens'>,
  audience: TokenAudience,
): (req: IncomingMessage) => Promise<Identity> {
  const { database, cookies } = options;

  const identityOf = async (req: IncomingMessage): Promise<Identity> => {
    const { authorization } = req.headers;
    if (authorization !== undefined) return bearer(authorization);
    const token = sessionToken(req, cookies);
    if (token === undefined || token === '') return { kind: 'anonymous' };
    const session = await findSession(database, tokenHash(token), { idleMs: cookies.lasts().idleMs });
    return session ? { kind: 'session', sessionId: session.id, personId: session.personId } : { kind: 'anonymous' };
  };

  const bearer = async (authorization: string): Promise<Identity> => {
    const token = bearerToken(authorization);
    if (token !== undefined) {
      if (options.isLocalToken(token)) return { kind: 'system' };
      const short = looksLikeToken(token) ? await shortToken(token) : undefined;
      if (short) return short;
      const key = token.startsWith(API_KEY_PREFIX) ? await findApiKey(database, tokenHash(token)) : undefined;
      if (key) {
        const scopes = scopesOf(key.scopes);
        const actor: Actor = { principalId: key.principalId, kind: key.kind, ...(scopes ? { scopes } : {}) };
        return { kind: 'key', apiKeyId: key.apiKeyId, workspaceId: key.workspaceId, actor };
      }
    }
    throw new OperationProblem('UNAUTHENTICATED', 'This token or key is not valid', {
      hint: 'It may have been revoked or have run out. The command line finds the local one in server.json in the data folder.',
    });
  };

  const shortToken = async (text: string): Promise<Identity | undefined> => {
    const token = await options.tokens.read(text, audience);
    if (!token) return undefined;
    const { madeFor, tokenId, workspaceId, expiresAt } = token;
    const living =
      madeFor.kind === 'session'
        ? (await livingSessions(database, [madeFor.sessionId])).has(madeFor.sessionId)
        : (await livingApiKeys(database, [madeFor.apiKeyId])).has(madeFor.apiKeyId);
    if (!living) return undefined;
    const scopes = token.scopes && scopesOf(token.scopes);
    const actor: Actor = { principalId: token.principalId, kind: token.principalKind, ...(scopes ? { scopes } : {}) };
    return { kind: 'token', tokenId, madeFor, workspaceId, actor, expiresAt };
  };

  return identityOf;
}

export function createIdentify(options: CallersOptions): Identify {
  const { database, cookies, publicUrl } = options;
  const identityOf = createIdentityOf(options, 'api');

  const workspaceOf = async (slug: string): Promise<string | undefined> =>
    SLUG.test(slug) ? (await findWorkspaceBySlug(database, slug))?.id : undefined;

  const accessOf = async (principalId: string, workspaceId: string | undefined): Promise<AccessSet> => {
    const access = workspaceId === undefined ? undefined : await loadAccess(database, { workspaceId, principalId });
    return access ? accessSetOf(access) : NO_ACCESS;
  };

  return async (req, { requestId, setCookie, workspaceSlug }) => {
    const identity = await identityOf(req);
    const named = namedWorkspace(req, workspaceSlug);
    const userAgent = req.headers['user-agent'];
    const key = req.headers['idempotency-key'];
    if (key !== undefined && (typeof key !== 'string' || key.length === 0 || key.length > 255)) {
      throw new OperationProblem('INPUT_INVALID', 'Idempotency-Key has 1 to 255 characters');
    }
    const base = {
      requestId,
      ip: options.addressOf(req),
      ...(userAgent === undefined ? {} : { userAgent }),
      ...(key === undefined ? {} : { idempotencyKey: key }),
      demandSafeSignIn: () => {
        if (!cookies.allows(req)) throw insecure();
      },
      setCookie,
      setSession: (token: string | undefined) => {
        if (token !== undefined && !cookies.allows(req)) throw insecure();
        setCookie(setCookieHeader(cookies, token, cookies.lasts().longestMs));
      },
    };

    const inWorkspace = async (): Promise<Caller> => {
      switch (identity.kind) {
        case 'anonymous':
          return { ...base, actor: ANONYMOUS, access: NO_ACCESS };
        case 'system': {
          const workspaceId = await workspaceOf(named ?? DEFAULT_WORKSPACE);
          if (workspaceId === undefined) throw notFound(`There is no workspace "${named ?? DEFAULT_WORKSPACE}"`);
          return { ...base, actor: { kind: 'system', principalId: options.systemPrincipalId }, access: { ...NO_ACCESS, workspaceId } };
        }
        case 'key':
        case 'token': {
          const isElsewhere = named !== undefined && (await workspaceOf(named)) !== identity.workspaceId;
          const access = isElsewhere ? NO_ACCESS : await accessOf(identity.actor.principalId, identity.workspaceId);
          return { ...base, actor: identity.actor, access, ...cameWith(identity) };
        }
        case 'session': {
          const access = await accessOf(identity.personId, await workspaceOf(named ?? DEFAULT_WORKSPACE));
          return { ...base, actor: { kind: 'person', principalId: identity.personId }, access, sessionId: identity.sessionId };
        }
      }
    };

    let loaded: Promise<Caller> | undefined;
    return {
      isAnonymous: identity.kind === 'anonymous',
      ...callerKey(identity),
      async callerFor(operation) {
        const isMutation = operation.kind === 'mutation';
        guardBrowser(req, { isMutation, hasSession: identity.kind === 'session', publicUrl });
        const { permission } = operation;
        const isOwn = 'public' in permission || 'person' in permission;
        // Nothing of a workspace is asked for what is the person's own.
        if (isOwn && identity.kind === 'session') {
          return { ...base, actor: { kind: 'person', principalId: identity.personId }, access: NO_ACCESS, sessionId: identity.sessionId };
        }
        if ('public' in permission) return { ...base, actor: ANONYMOUS, access: NO_ACCESS };
        return (loaded ??= inWorkspace());
      },
    };
  };
}

/** The token of an `Authorization: Bearer` header; undefined for any other. */
export function bearerToken(authorization: string | undefined): string | undefined {
  const [scheme, token] = (authorization ?? '').split(' ', 2);
  return scheme?.toLowerCase() === 'bearer' ? token : undefined;
}

const ANONYMOUS: Actor = { kind: 'anonymous', principalId: '' };

function cameWith(identity: Extract<Identity, { kind: 'key' | 'token' }>): Pick<Caller, 'apiKeyId' | 'tokenId'> {
  if (identity.kind === 'key') return { apiKeyId: identity.apiKeyId };
  const { tokenId, madeFor } = identity;
  return madeFor.kind === 'key' ? { tokenId, apiKeyId: madeFor.apiKeyId } : { tokenId };
}

/** All tokens made for one session or key are one caller. */
function callerKey(identity: Identity): { readonly caller?: string } {
  switch (identity.kind) {
    case 'anonymous':
      return {};
    case 'system':
      return { caller: 'system' };
    case 'session':
      return { caller: `session ${identity.sessionId}` };
    case 'key':
      return { caller: `key ${identity.apiKeyId}` };
    case 'token': {
      const { madeFor } = identity;
      return { caller: madeFor.kind === 'session' ? `session ${madeFor.sessionId}` : `key ${madeFor.apiKeyId}` };
    }
  }
}

/** A request is about one workspace. @throws OperationProblem INPUT_INVALID for two */
function namedWorkspace(req: IncomingMessage, inAddress: string | undefined): string | undefined {
  const header = req.headers[WORKSPACE_HEADER];
  const inHeader = typeof header === 'string' ? header : undefined;
  if (inAddress !== undefined && inHeader !== undefined && inAddress !== inHeader) {
    throw new OperationProblem('INPUT_INVALID', 'The address and X-Plugboard-Workspace name different workspaces', {
      hint: 'Name the workspace once.',
    });
  }
  return inAddress ?? inHeader;
}

function insecure(): OperationProblem {
  return new OperationProblem('CONNECTION_INSECURE', 'Signing in over plain HTTP would show the password to the network', {
    hint: 'Put TLS in front of the server and set PLUGBOARD_PUBLIC_URL to its https address, or set PLUGBOARD_INSECURE_HTTP=1 where the network is trusted.',
  });
}
