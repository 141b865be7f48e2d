/**
 * Short tokens for machines and sockets: signed, bound to one audience and one workspace, good for minutes. A token only repeats whose session
 * or key it was made for; that is looked up with every use, so it ends when they do, and rights are those of that moment.
 *
 * Its key belongs to a day and is derived from the root key: keys change by themselves, every process has them, and nothing is stored.
 */
import { createHmac } from 'node:crypto';
import { SignJWT, decodeProtectedHeader, errors, jwtVerify } from 'jose';

export type TokenAudience = 'api' | 'live';

/** For whom a token speaks. */
export interface TokenClaims {
  readonly principalId: string;
  readonly principalKind: 'person' | 'service';
  readonly workspaceId: string;
  readonly madeFor: { readonly kind: 'session'; readonly sessionId: string } | { readonly kind: 'key'; readonly apiKeyId: string };
  /** Actions it is limited to; absent for everything its principal may. */
  readonly scopes?: readonly string[];
}

export interface KnownToken extends TokenClaims {
  readonly tokenId: string;
  /** Milliseconds since 1970. */
  readonly expiresAt: number;
}

export interface Tokens {
  /** @param lifeMs 1 s to {@link TOKEN_LIFE_MS} */
  issue(claims: TokenClaims, audience: TokenAudience, lifeMs?: number): Promise<{ readonly token: string; readonly expiresAt: number }>;
  /** Undefined for anything but a token of ours, for this audience, at this moment. Whether it was revoked is not looked at here. */
  read(token: string, audience: TokenAudience): Promise<KnownToken | undefined>;
}

/** Longest life of a token, in milliseconds. */
export const TOKEN_LIFE_MS = 10 * 60_000;
/** Clocks of processes may differ by this much, in seconds. */
const CLOCK_TOLERANCE_S = 30;
/** A key signs for so long, in milliseconds. */
const KEY_PERIOD_MS = 24 * 60 * 60_000;
const ALGORITHM = 'HS256';
const TYPE = 'plugboard+jwt';
const ISSUER = 'plugboard';
const LONGEST = 4096;

export interface TokensOptions {
  /** 32 bytes that all keys are derived from. */
  readonly key: Uint8Array;
  /** @default the clock of this process */
  readonly now?: () => number;
}

export function createTokens({ key, now = Date.now }: TokensOptions): Tokens {
  const periodAt = (ms: number): number => Math.floor(ms / KEY_PERIOD_MS);
  const keyOf = (period: number): Uint8Array => createHmac('sha256', key).update(`token key ${period}`).digest();

  return {
    async issue(claims, audience, lifeMs = TOKEN_LIFE_MS) {
      const issuedAt = Math.floor(now() / 1000);
      const expiresAt = issuedAt + Math.max(1, Math.floor(Math.min(lifeMs, TOKEN_LIFE_MS) / 1000));
      const period = periodAt(now());
      const { madeFor } = claims;
      const token = await new SignJWT({
        kind: claims.principalKind,
        wid: claims.workspaceId,
        ...(madeFor.kind === 'session' ? { sid: madeFor.sessionId } : { key: madeFor.apiKeyId }),
        ...(claims.scopes ? { scope: claims.scopes } : {}),
      })
        .setProtectedHeader({ alg: ALGORITHM, typ: TYPE, kid: String(period) })
        .setIssuer(ISSUER)
        .setAudience(audienceName(audience))
        .setSubject(claims.principalId)
        .setJti(crypto.randomUUID())
        .setIssuedAt(issuedAt)
        .setNotBefore(issuedAt)
        .setExpirationTime(expiresAt)
        .sign(keyOf(period));
      return { token, expiresAt: expiresAt * 1000 };
    },

    async read(token, audience) {
      const period = periodOf(token);
      // Of a day, its neighbours too: what was signed before midnight is good after it.
      if (period === undefined || Math.abs(period - periodAt(now())) > 1) return undefined;
      try {
        const { payload } = await jwtVerify(token, keyOf(period), {
          algorithms: [ALGORITHM],
          typ: TYPE,
          issuer: ISSUER,
          audience: audienceName(audience),
          requiredClaims: ['sub', 'jti', 'iat', 'nbf', 'exp'],
          clockTolerance: CLOCK_TOLERANCE_S,
          maxTokenAge: TOKEN_LIFE_MS / 1000 + CLOCK_TOLERANCE_S,
          currentDate: new Date(now()),
        });
        return knownToken(payload);
      } catch (error) {
        if (error instanceof errors.JOSEError) return undefined;
        throw error;
      }
    },
  };
}

/** How a token looks, as against a key or the local token: three parts, of which the first is a header. */
export function looksLikeToken(text: string): boolean {
  return text.length <= LONGEST && /^eyJ[\w-]+\.[\w-]+\.[\w-]*$/.test(text);
}

function audienceName(audience: TokenAudience): string {
  return `plugboard:${audience}`;
}

/** The day its header names; undefined when it names none. */
function periodOf(token: string): number | undefined {
  if (!looksLikeToken(token)) return undefined;
  try {
    const { kid } = decodeProtectedHeader(token);
    return kid !== undefined && /^\d{1,7}$/.test(kid) ? Number(kid) : undefined;
  } catch {
    // Not even a header: nothing of ours.
    return undefined;
  }
}

/** What was signed was signed by us, and is still read as text from outside. */
function knownToken(payload: { readonly [claim: string]: unknown }): KnownToken | undefined {
  const { sub, jti, exp, kind, wid, sid, key, scope } = payload;
  if (typeof sub !== 'string' || typeof jti !== 'string' || typeof exp !== 'number' || typeof wid !== 'string') return undefined;
  if (kind !== 'person' && kind !== 'service') return undefined;
  const madeFor =
    typeof sid === 'string'
      ? ({ kind: 'session', sessionId: sid } as const)
      : typeof key === 'string'
        ? ({ kind: 'key', apiKeyId: key } as const)
        : undefined;
  if (!madeFor) return undefined;
  const base: KnownToken = { principalId: sub, principalKind: kind, workspaceId: wid, madeFor, tokenId: jti, expiresAt: exp * 1000 };
  return Array.isArray(scope) ? { ...base, scopes: scope.filter((one) => typeof one === 'string') } : base;
}
