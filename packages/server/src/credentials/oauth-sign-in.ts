/**
 * Signing in at a service so that workflows may act there: authorization code with PKCE. The state is of use once, for ten minutes, and only in
 * the session that began; the address the service sends people back to is fixed; nothing that comes with it is ever shown.
 */
import { randomBytes } from 'node:crypto';
import {
  type Database,
  addOauthState,
  findWorkspace,
  loadAccess,
  recordAudit,
  setCredentialHealth,
  takeOauthState,
} from '@plugboard/persistence';
import { z } from 'zod';
import { accessSetOf, decideAccess } from '../access/access.ts';
import { newToken, tokenHash } from '../auth/opaque-token.ts';
import type { Keys } from '../keys.ts';
import { type Operation, operation } from '../operation/operation.ts';
import { OperationProblem, notFound } from '../operation/problem.ts';
import { id } from '../operation/shapes.ts';
import { seal, unseal } from '../vault/sealed.ts';
import { unusable } from './credential-failures.ts';
import { credentialResource, signsIn } from './credential-operations.ts';
import type { CredentialService } from './credential-service.ts';
import type { OpenedCredential } from './credential-store.ts';
import { mayBeAsked } from './credential-types.ts';
import { exchangeCode, pick, signInAddress } from './token-endpoint.ts';

export const CALLBACK_PATH = '/api/oauth2/callback';
const VALID_MS = 10 * 60_000;

export interface OauthSignInOptions {
  readonly database: Database;
  readonly credentials: CredentialService;
  readonly keys: Pick<Keys, 'derive'>;
  /** The address people open the editor at. */
  readonly pageUrl: () => string;
  readonly log: { info(fields: object, message: string): void };
}

/** Who came back, and with what. */
export interface SignInAnswer {
  readonly sessionId: string;
  readonly personId: string;
  readonly ip: string;
  readonly query: URLSearchParams;
}

/** Why a sign-in did not end well; the page has the words for each. */
export type SignInProblem = 'stateUnknown' | 'refused' | 'issuerWrong' | 'notAllowed' | 'noToken';

export interface OauthSignIn {
  readonly operations: readonly Operation[];
  /** Where the browser goes from the callback. */
  finish(answer: SignInAnswer): Promise<string>;
}

export function createOauthSignIn({ database, credentials, keys, pageUrl, log }: OauthSignInOptions): OauthSignIn {
  const { store } = credentials;
  const redirectUri = (): string => `${pageUrl()}${CALLBACK_PATH}`;
  const place = (stateHash: Uint8Array): string[] => ['oauth-state', Buffer.from(stateHash).toString('hex')];

  const start = operation({
    name: 'oauth2.start',
    field: 'startSignIn',
    kind: 'mutation',
    summary: 'The address at which a person lets a credential act for them. Open it in the browser of the session that asked.',
    permission: { action: 'credential.edit', on: (ctx, input) => ctx.inTransaction((tx) => credentialResource(tx, input.id)) },
    input: z.strictObject({ id }),
    output: z.object({ url: z.string() }).meta({ id: 'SignInAddress' }),
    problems: [],
    rest: { method: 'POST', path: '/credentials/{id}/sign-in' },
    handler: (ctx, input) =>
      ctx.inTransaction(async (tx) => {
        const credential = await store.open(tx, input.id);
        if (!credential) throw notFound();
        const { auth } = credential.type;
        if (auth?.scheme !== 'oauth2' || !signsIn(credential.type))
          throw new OperationProblem('CONFLICT', 'Nobody signs in for this kind of credential', {
            hint: 'It works with what was filled in.',
          });
        if (ctx.sessionId === undefined)
          throw new OperationProblem('CONFLICT', 'Signing in needs a person with a browser', {
            hint: 'Sign in to Plugboard, and open the credential there.',
          });
        const authorize = URL.parse(pick(credential.values, auth.authorizeUrlField, auth.authorizeUrl));
        if (authorize === null || !mayBeAsked(authorize, credential.row.allowedHosts))
          throw inputInvalid(unusable('its sign-in address has no https://').message);
        const { token: state, hash: stateHash } = newToken();
        const verifier = randomBytes(48).toString('base64url');
        const flow = { state, verifier, redirectUri: redirectUri() };
        const kept = Buffer.from(JSON.stringify({ verifier, redirectUri: flow.redirectUri }));
        await addOauthState(tx, {
          stateHash,
          credentialId: input.id,
          sessionId: ctx.sessionId,
          sealed: seal(keys.derive('oauth'), place(stateHash), kept),
          validMs: VALID_MS,
        });
        return { url: signInAddress(auth, credential.values, flow) };
      }),
  });

  const take = async ({ query, sessionId, personId }: SignInAnswer) => {
    const stateHash = tokenHash(query.get('state') ?? '');
    const state = await takeOauthState(database, stateHash);
    if (!state || state.sessionId !== sessionId || state.principalId !== personId) return undefined;
    const kept = JSON.parse(unseal(keys.derive('oauth'), place(stateHash), state.sealed).toString('utf8')) as {
      verifier: string;
      redirectUri: string;
    };
    return { ...state, ...kept };
  };

  const mayStill = async (workspaceId: string, principalId: string, { row }: OpenedCredential): Promise<boolean> => {
    const access = await loadAccess(database, { workspaceId, principalId });
    const resource = { kind: 'credential', id: row.id, projectId: row.projectId } as const;
    return (
      access !== undefined &&
      decideAccess({ kind: 'person', principalId }, accessSetOf(access), 'credential.edit', resource).kind === 'allowed'
    );
  };

  const complete = async (
    answer: SignInAnswer,
    state: NonNullable<Awaited<ReturnType<typeof take>>>,
  ): Promise<SignInProblem | undefined> => {
    const { query, personId, ip } = answer;
    const { workspaceId, credentialId } = state;
    const credential = await store.read(workspaceId, credentialId);
    const auth = credential?.type.auth;
    if (!credential || auth?.scheme !== 'oauth2' || !(await mayStill(workspaceId, personId, credential))) return 'notAllowed';
    const issuer = pick(credential.values, auth.issuerField, auth.issuer);
    const told = query.get('iss');
    // A service that says who it is must be the one that was asked (RFC 9207).
    if (told !== null && issuer !== '' && told.replace(/\/$/, '') !== issuer.replace(/\/$/, '')) return 'issuerWrong';
    const code = query.get('code');
    if (code === null || query.has('error')) return 'refused';
    const { values, row } = credential;
    try {
      const request = { auth, values, hosts: row.allowedHosts, fetch: credentials.fetch, now: credentials.now() };
      const tokens = await exchangeCode(request, { code, verifier: state.verifier, redirectUri: state.redirectUri });
      await store.inWorkspace(workspaceId, async (tx) => {
        await store.write(tx, credentialId, { ...credential.content, tokens }, credential.version);
        await setCredentialHealth(tx, credentialId, { health: 'healthy' });
        await recordAudit(tx, {
          principalId: personId,
          actorKind: 'person',
          action: 'oauth2.finish',
          resourceKind: 'credential',
          resourceId: credentialId,
          ip,
        });
      });
      return undefined;
    } catch (error) {
      // Its texts hold nothing secret, and whoever runs the server may want to know.
      log.info({ credentialId, reason: error instanceof Error ? error.message : 'unknown' }, 'a service gave no tokens after a sign-in');
      return 'noToken';
    }
  };

  return {
    operations: [start],
    async finish(answer) {
      const state = await take(answer);
      if (!state) return `${pageUrl()}/?problem=${'stateUnknown' satisfies SignInProblem}`;
      const problem = await complete(answer, state);
      const workspace = await findWorkspace(database, state.workspaceId);
      const outcome = problem === undefined ? 'signedIn=1' : `problem=${problem}`;
      return `${pageUrl()}/w/${workspace?.slug ?? 'default'}/credentials/${state.credentialId}?${outcome}`;
    },
  };
}

function inputInvalid(message: string): OperationProblem {
  return new OperationProblem('INPUT_INVALID', message, { path: 'input.id' });
}
