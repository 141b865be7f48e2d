/**
 * The talk with OpenID providers: discovery, the address that begins a sign-in, and what comes back of it, checked. Everything goes out through
 * the guard of outgoing requests, is bounded in time and size, and what a provider says about itself is kept for a while.
 */
import * as client from 'openid-client';
import { OperationProblem } from '../operation/problem.ts';
import type { Claims } from './who-comes.ts';

/** A provider as this talk needs it. */
export interface OpenidProvider {
  readonly key: string;
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret?: string;
  readonly scopes: readonly string[];
}

/** What only the browser that began a sign-in, and this server, know of it. */
export interface SignInSecrets {
  readonly state: string;
  readonly nonce: string;
  readonly verifier: string;
}

export interface Openid {
  /** @throws OperationProblem PROVIDER_FAILED */
  begin(provider: OpenidProvider, redirectUri: string): Promise<SignInSecrets & { readonly address: string }>;
  /**
   * @param callback the whole address the browser came back to
   * @throws OperationProblem SIGN_IN_FAILED, PROVIDER_FAILED
   */
  complete(provider: OpenidProvider, callback: URL, secrets: SignInSecrets): Promise<Claims>;
}

export interface OpenidOptions {
  /** The guarded way out. */
  readonly fetch: typeof globalThis.fetch;
  readonly log: { warn(fields: object, message: string): void };
  /** Milliseconds of a clock that never goes back. @default performance.now */
  readonly monotonicMs?: () => number;
}

/** What a provider says about itself is asked for again after this, in milliseconds. */
const KEEP_MS = 10 * 60_000;
/** One that failed is left alone for this long, in milliseconds. */
const KEEP_FAILURE_MS = 5000;
const TIMEOUT_S = 10;
const MAX_BYTES = 1024 * 1024;
const CLOCK_TOLERANCE_S = 60;
/** Keys of a provider are asked for again after this, in seconds, and at once when a signature names one that is not among them. */
const KEEP_KEYS_S = 300;
/** The library asks again for a missing key only when it has the others for this long, in seconds. */
const KEYS_COOL_DOWN_S = 60;
const KEPT = 100;

export function createOpenid({ fetch, log, monotonicMs = () => performance.now() }: OpenidOptions): Openid {
  const known = new Map<string, { readonly made: Promise<KnownProvider>; until: number }>();
  const bounded = boundedFetch(fetch);

  const whatIsKnown = (provider: OpenidProvider): Promise<KnownProvider> => {
    const name = JSON.stringify([provider.key, provider.issuer, provider.clientId, provider.clientSecret]);
    const kept = known.get(name);
    if (kept && monotonicMs() < kept.until) return kept.made;
    const entry = { made: discover(provider, bounded), until: monotonicMs() + KEEP_MS };
    entry.made.catch(() => (entry.until = monotonicMs() + KEEP_FAILURE_MS));
    if (known.size >= KEPT) known.delete(known.keys().next().value ?? '');
    known.set(name, entry);
    return entry.made;
  };

  const failed = (provider: OpenidProvider, error: unknown): OperationProblem => {
    log.warn({ err: error, provider: provider.key }, 'an OpenID provider does not answer as it should');
    return new OperationProblem('PROVIDER_FAILED', 'The service you sign in with does not answer as it should', {
      hint: 'Try again in a moment. The log of the server has the details.',
    });
  };

  return {
    async begin(provider, redirectUri) {
      const secrets = { state: client.randomState(), nonce: client.randomNonce(), verifier: client.randomPKCECodeVerifier() };
      try {
        const configuration = configurationOf(provider, await whatIsKnown(provider), bounded);
        const address = client.buildAuthorizationUrl(configuration, {
          redirect_uri: redirectUri,
          response_type: 'code',
          scope: provider.scopes.join(' '),
          state: secrets.state,
          nonce: secrets.nonce,
          code_challenge: await client.calculatePKCECodeChallenge(secrets.verifier),
          code_challenge_method: 'S256',
        });
        return { ...secrets, address: address.href };
      } catch (error) {
        throw failed(provider, error);
      }
    },

    async complete(provider, callback, { state, nonce, verifier }) {
      const kept = await whatIsKnown(provider).catch((error: unknown) => {
        throw failed(provider, error);
      });
      const configuration = configurationOf(provider, kept, bounded);
      try {
        const tokens = await client.authorizationCodeGrant(configuration, callback, {
          expectedState: state,
          expectedNonce: nonce,
          pkceCodeVerifier: verifier,
          idTokenExpected: true,
        });
        keepKeys(kept, configuration);
        const claims = tokens.claims();
        if (!claims) throw new Error('the answer has no id token');
        // Many say the address only where it is asked for by itself.
        const more =
          claims['email'] === undefined && configuration.serverMetadata().userinfo_endpoint !== undefined
            ? await client.fetchUserInfo(configuration, tokens.access_token, claims.sub)
            : {};
        return claimsOf(claims.iss, claims.sub, { ...more, ...claims });
      } catch (error) {
        if (isTransport(error)) throw failed(provider, error);
        log.warn({ err: error, provider: provider.key }, 'a sign-in that came back from an OpenID provider was refused');
        throw new OperationProblem('SIGN_IN_FAILED', 'The service you sign in with did not confirm who you are', {
          hint: 'Begin again from the sign-in page.',
        });
      }
    },
  };
}

/** What a provider said about itself, and its keys. */
interface KnownProvider {
  readonly metadata: client.ServerMetadata;
  keys?: { readonly jwks: NonNullable<ReturnType<typeof client.getJwksCache>>['jwks']; readonly atS: number };
}

async function discover(provider: OpenidProvider, fetch: client.CustomFetch): Promise<KnownProvider> {
  const issuer = new URL(provider.issuer);
  const configuration = await client.discovery(issuer, provider.clientId, {}, client.None(), {
    [client.customFetch]: fetch,
    timeout: TIMEOUT_S,
    execute: maySkipTls(provider) ? [client.allowInsecureRequests] : [],
  });
  return { metadata: configuration.serverMetadata() };
}

/** One for each sign-in: the library keeps keys with it for longer than they may be good. */
function configurationOf(provider: OpenidProvider, known: KnownProvider, fetch: client.CustomFetch): client.Configuration {
  const { clientId, clientSecret } = provider;
  const configuration = new client.Configuration(
    { ...known.metadata },
    clientId,
    { [client.clockTolerance]: CLOCK_TOLERANCE_S, ...(clientSecret === undefined ? {} : { client_secret: clientSecret }) },
    clientSecret === undefined ? client.None() : client.ClientSecretBasic(clientSecret),
  );
  configuration[client.customFetch] = fetch;
  configuration.timeout = TIMEOUT_S;
  client.enableNonRepudiationChecks(configuration);
  if (maySkipTls(provider)) client.allowInsecureRequests(configuration);
  const { keys } = known;
  if (keys && nowS() - keys.atS < KEEP_KEYS_S) {
    // Old enough for the library to ask again for a key that is missing: the provider may have changed them just now.
    client.setJwksCache(configuration, { jwks: keys.jwks, uat: nowS() - KEYS_COOL_DOWN_S });
  }
  return configuration;
}

/** Notes the keys that were fetched, if any were. */
function keepKeys(known: KnownProvider, configuration: client.Configuration): void {
  const cache = client.getJwksCache(configuration);
  if (cache && nowS() - cache.uat < KEYS_COOL_DOWN_S) known.keys = { jwks: cache.jwks, atS: cache.uat };
}

/** Only a provider on this very machine may be asked without TLS. */
function maySkipTls({ issuer }: OpenidProvider): boolean {
  return issuer.startsWith('http:');
}

function nowS(): number {
  return Math.floor(Date.now() / 1000);
}

function claimsOf(issuer: string, subject: string, given: { readonly [claim: string]: unknown }): Claims {
  const { email, email_verified: verified, name } = given;
  return {
    issuer,
    subject,
    ...(typeof email === 'string' && email.length <= 320 && /^[^\s@]+@[^\s@]+$/.test(email) ? { email } : {}),
    // Some send it as a text.
    isEmailVerified: verified === true || verified === 'true',
    ...(typeof name === 'string' && name.trim() !== '' && !name.includes('\0') && name.isWellFormed()
      ? { name: name.trim().slice(0, 200) }
      : {}),
  };
}

/** The provider could not be reached, or answered with a failure of its own. */
function isTransport(error: unknown): boolean {
  if (error instanceof client.ResponseBodyError || error instanceof client.AuthorizationResponseError) return false;
  if (error instanceof client.ClientError) return error.code === 'OAUTH_TIMEOUT' || error.code === 'OAUTH_RESPONSE_IS_NOT_CONFORM';
  return error instanceof TypeError && error.message === 'fetch failed';
}

/** A provider that sends without end is no provider. */
function boundedFetch(fetch: typeof globalThis.fetch): client.CustomFetch {
  return async (url, options) => {
    const answer = await fetch(url, options);
    if (!answer.body) return answer;
    const chunks: Uint8Array[] = [];
    let size = 0;
    for await (const chunk of answer.body) {
      size += chunk.length;
      if (size > MAX_BYTES) throw new TypeError('the answer is longer than a provider has to say');
      chunks.push(chunk);
    }
    // A status without a body takes none.
    const isEmpty = answer.status === 204 || answer.status === 304;
    return new Response(isEmpty ? null : Buffer.concat(chunks), { status: answer.status, headers: answer.headers });
  };
}
