/**
 * Access tokens, renewed before they run out. Of many runs that need a new one at once, one asks the service: in this process the others wait
 * for it, in other processes a lease on the credential holds them off. Nothing is locked while the service is asked.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { claimCredentialRefresh, releaseCredentialRefresh, setCredentialHealth } from '@plugboard/persistence';
import { tell } from '../notifications/tell.ts';
import { missing, signInNeeded, tokenFailure, unusable } from './credential-failures.ts';
import type { CredentialStore, OpenedCredential } from './credential-store.ts';
import type { Tokens } from './credential-types.ts';
import { GrantRefusedError, type TokenRequest, type TokenSource, ownTokens, refreshTokens } from './token-endpoint.ts';

export interface TokenKeeper {
  /**
   * The credential with a token that is good now. `refused` is one the service does not take any more, whatever its time says.
   * @throws StepFailure CREDENTIAL_SIGN_IN_NEEDED, CREDENTIAL_TOKEN_FAILED, CREDENTIAL_MISSING
   */
  fresh(credential: OpenedCredential, refused?: string): Promise<OpenedCredential>;
}

/** Tokens are renewed this long before they run out, in milliseconds: they must still be good when they arrive. */
const EARLY_MS = 30_000;
/** Longest time one process may take to renew, and others wait, in milliseconds. */
const LEASE_MS = 30_000;
const LOOK_MS = 100;

export interface TokenKeeperOptions {
  readonly store: CredentialStore;
  readonly fetch: typeof globalThis.fetch;
  readonly now: () => number;
}

export function createTokenKeeper({ store, fetch, now }: TokenKeeperOptions): TokenKeeper {
  const processId = crypto.randomUUID();
  const underWay = new Map<string, Promise<OpenedCredential>>();

  const isGood = ({ content: { tokens } }: OpenedCredential, refused: string | undefined): boolean =>
    tokens !== undefined && tokens.accessToken !== refused && (tokens.expiresAt === undefined || tokens.expiresAt > now() + EARLY_MS);

  const reread = async ({ workspaceId, row }: OpenedCredential): Promise<OpenedCredential> => {
    const found = await store.read(workspaceId, row.id);
    if (!found) throw missing('The step', row.key, 'it was deleted');
    return found;
  };

  const renew = async (stale: OpenedCredential, refused: string | undefined): Promise<OpenedCredential> => {
    const { workspaceId, row } = stale;
    const until = now() + LEASE_MS;
    for (;;) {
      const isOurs = await store.inWorkspace(workspaceId, (tx) => claimCredentialRefresh(tx, row.id, { by: processId, leaseMs: LEASE_MS }));
      // What another process fetched in between is as good.
      const found = await reread(stale);
      if (isGood(found, refused)) {
        if (isOurs) await store.inWorkspace(workspaceId, (tx) => releaseCredentialRefresh(tx, row.id, processId));
        return found;
      }
      if (isOurs) return renewNow(found);
      if (now() > until) throw tokenFailure(`The credential "${row.key}" is being renewed elsewhere, and that takes too long.`, true);
      await sleep(LOOK_MS);
    }
  };

  const renewNow = async (found: OpenedCredential): Promise<OpenedCredential> => {
    const { workspaceId, row } = found;
    let tokens: Tokens;
    try {
      tokens = await fetchTokens(found);
    } catch (error) {
      await store.inWorkspace(workspaceId, async (tx) => {
        await releaseCredentialRefresh(tx, row.id, processId);
        const health = healthAfter(found, error);
        if (!health) return;
        await setCredentialHealth(tx, row.id, health);
        // Once for each sign-in: a further one may be lost again.
        const params = { credentialId: row.id, name: row.name, error: health.error };
        await tell(tx, { kind: 'credential.lost', to: [row.createdBy], about: `${row.id}:${found.version}`, params });
      });
      throw failureOf(found, error);
    }
    await store.inWorkspace(workspaceId, async (tx) => {
      // Too late, and another process has renewed: its tokens are the newer ones.
      if (!(await releaseCredentialRefresh(tx, row.id, processId))) return;
      await store.write(tx, row.id, { ...found.content, tokens }, found.version);
      await setCredentialHealth(tx, row.id, { health: 'healthy' });
    });
    return reread(found);
  };

  const fetchTokens = (found: OpenedCredential): Promise<Tokens> => {
    const auth = tokenSource(found);
    const request: TokenRequest = { auth, values: found.values, hosts: found.row.allowedHosts, fetch, now: now() };
    if (auth.scheme === 'jwtBearer' || auth.grant === 'clientCredentials') return ownTokens(request);
    const { refreshToken } = found.content.tokens ?? {};
    if (refreshToken === undefined) throw new GrantRefusedError('there is nothing to renew it with');
    return refreshTokens(request, refreshToken);
  };

  return {
    async fresh(credential, refused) {
      if (isGood(credential, refused)) return credential;
      const key = `${credential.workspaceId}/${credential.row.id}`;
      const known = underWay.get(key);
      if (known) {
        const found = await known;
        // A token that was refused just now may be the one the others waited for.
        if (isGood(found, refused)) return found;
      }
      const work = underWay.get(key) ?? renew(credential, refused).finally(() => underWay.delete(key));
      underWay.set(key, work);
      return work;
    },
  };
}

/** @throws StepFailure for a credential without tokens */
export function tokenSource({ type }: OpenedCredential): TokenSource {
  const { auth } = type;
  if (auth?.scheme === 'oauth2' || auth?.scheme === 'jwtBearer') return auth;
  throw unusable('its kind has no tokens');
}

function needsPerson(found: OpenedCredential): boolean {
  const auth = tokenSource(found);
  return auth.scheme === 'oauth2' && auth.grant === 'authorizationCode';
}

function healthAfter(found: OpenedCredential, error: unknown): { health: 'signed_out' | 'failing'; error: string } | undefined {
  if (!(error instanceof GrantRefusedError)) return undefined;
  return { health: needsPerson(found) ? 'signed_out' : 'failing', error: error.message };
}

function failureOf(found: OpenedCredential, error: unknown): unknown {
  if (!(error instanceof GrantRefusedError)) return error;
  return needsPerson(found)
    ? signInNeeded(found.row.key)
    : tokenFailure(`The credential "${found.row.key}" got no token: ${error.message}.`, false);
}
