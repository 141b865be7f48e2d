/**
 * Talks to authorization servers (RFC 6749, 7636, 7523). Answers are read leniently, because services deviate: no `token_type`, a form instead
 * of JSON, times as text. What is sent is strict: HTTPS, no redirects, a time limit, and nothing secret in an error.
 */
import { createHash } from 'node:crypto';
import type { JsonObject, JwtIR, OauthIR } from '@plugboard/sdk';
import { tokenFailure, unusable } from './credential-failures.ts';
import { type Tokens, mayBeAsked } from './credential-types.ts';
import { type JwtAlgorithm, signJwt } from './jwt.ts';
import { createSecretMask } from './secret-mask.ts';

export type TokenSource = OauthIR | JwtIR;

/** A token endpoint said no for good: what it was shown is not valid any more. */
export class GrantRefusedError extends Error {
  readonly code = 'GRANT_REFUSED';
  /** The error's name in the answer, such as `invalid_grant`. */
  readonly reason: string;
  constructor(reason: string) {
    super(`The service refused: ${reason}`);
    this.name = 'GrantRefusedError';
    this.reason = reason;
  }
}

export interface TokenRequest {
  readonly auth: TokenSource;
  readonly values: JsonObject;
  readonly hosts: readonly string[];
  readonly fetch: typeof globalThis.fetch;
  readonly now: number;
}

/** How long a service may take to give tokens, in milliseconds. */
const TIMEOUT_MS = 20_000;
const ANSWER_BYTES = 256 * 1024;

export function exchangeCode(
  request: TokenRequest,
  grant: { readonly code: string; readonly verifier: string; readonly redirectUri: string },
): Promise<Tokens> {
  return ask(request, {
    grant_type: 'authorization_code',
    code: grant.code,
    redirect_uri: grant.redirectUri,
    code_verifier: grant.verifier,
  });
}

/** The refresh token that was used stays where the service gives no other. */
export async function refreshTokens(request: TokenRequest, refreshToken: string): Promise<Tokens> {
  const tokens = await ask(request, { grant_type: 'refresh_token', refresh_token: refreshToken });
  return { refreshToken, ...tokens };
}

/** Tokens that need no person. */
export function ownTokens(request: TokenRequest): Promise<Tokens> {
  const { auth, values, now } = request;
  if (auth.scheme === 'oauth2') {
    const audience = pick(values, auth.audienceField);
    return ask(request, { grant_type: 'client_credentials', ...scopeOf(auth, values), ...(audience === '' ? {} : { audience }) });
  }
  return ask(request, { grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer', assertion: assertion(auth, values, now) });
}

export function assertion(auth: JwtIR, values: JsonObject, now: number): string {
  const issuer = pick(values, auth.issuerField);
  const audience = pick(values, auth.audienceField) || pick(values, auth.tokenUrlField, auth.tokenUrl);
  const { scope } = scopeOf(auth, values);
  const iat = Math.floor(now / 1000);
  return signJwt(
    {
      iss: issuer,
      sub: pick(values, auth.subjectField) || issuer,
      ...(audience === '' ? {} : { aud: audience }),
      ...(scope === undefined ? {} : { scope }),
      iat,
      exp: iat + (auth.lifetimeSeconds ?? 300),
    },
    {
      algorithm: pick(values, auth.algorithmField, auth.algorithm ?? 'RS256') as JwtAlgorithm,
      secret: pick(values, auth.keyField),
      id: pick(values, auth.keyIdField),
    },
  );
}

/** The page where a person agrees. */
export function signInAddress(
  auth: OauthIR,
  values: JsonObject,
  flow: { readonly state: string; readonly verifier: string; readonly redirectUri: string },
): string {
  const url = URL.parse(pick(values, auth.authorizeUrlField, auth.authorizeUrl));
  if (url === null) throw unusable('its sign-in address is missing');
  const audience = pick(values, auth.audienceField);
  const given = {
    ...auth.authorizeParams,
    ...scopeOf(auth, values),
    ...(audience === '' ? {} : { audience }),
    response_type: 'code',
    client_id: pick(values, auth.clientIdField),
    redirect_uri: flow.redirectUri,
    state: flow.state,
    code_challenge: createHash('sha256').update(flow.verifier).digest('base64url'),
    code_challenge_method: 'S256',
  };
  for (const [name, value] of Object.entries(given)) url.searchParams.set(name, value);
  url.hash = '';
  return url.href;
}

/** A field's value as text; the fallback where it is empty. */
export function pick(values: JsonObject, field: string | undefined, fallback = ''): string {
  const value = field === undefined || !Object.hasOwn(values, field) ? undefined : values[field];
  if (value === undefined || value === null || value === '') return fallback;
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

function scopeOf(auth: TokenSource, values: JsonObject): { scope?: string } {
  const scope = pick(values, auth.scopesField, auth.scopes.join(' ')).trim().replaceAll(/\s+/g, ' ');
  return scope === '' ? {} : { scope };
}

async function ask(request: TokenRequest, form: Readonly<Record<string, string>>): Promise<Tokens> {
  const { auth, values, hosts, now } = request;
  const url = URL.parse(pick(values, auth.tokenUrlField, auth.tokenUrl));
  if (url === null || !mayBeAsked(url, hosts)) throw unusable('its token address is missing, or has no https://');
  const { headers, fields } = auth.scheme === 'oauth2' ? clientProof(auth, values) : { headers: {}, fields: {} };
  const mask = createSecretMask([...Object.values(form), ...Object.values(fields), ...Object.values(values).map(String)]);
  let response: Response;
  let text: string;
  try {
    response = await request.fetch(url.href, {
      method: 'POST',
      headers: { ...headers, accept: 'application/json', 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({ ...form, ...fields }).toString(),
      redirect: 'manual',
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    text = await limited(response);
  } catch (error) {
    const why = error instanceof Error && error.name === 'TimeoutError' ? 'it did not answer in time' : reasonOf(error);
    throw tokenFailure(`No token from ${url.host}: ${mask.text(why)}.`, true);
  }
  const answer = read(text);
  const said = typeof answer['error'] === 'string' && /^[\w.-]{1,64}$/.test(answer['error']) ? answer['error'] : undefined;
  if (said !== undefined && REFUSALS.has(said)) throw new GrantRefusedError(said);
  const accessToken = answer['access_token'];
  if (!response.ok || said !== undefined || typeof accessToken !== 'string' || accessToken === '') {
    const isForNow = response.status >= 500 || response.status === 429 || said === 'temporarily_unavailable' || said === 'server_error';
    throw tokenFailure(`No token from ${url.host}: it answered ${response.status}${said === undefined ? '' : ` (${said})`}.`, isForNow);
  }
  const refreshToken = answer['refresh_token'];
  const seconds = Number(answer['expires_in']);
  return {
    accessToken,
    ...(typeof refreshToken === 'string' && refreshToken !== '' ? { refreshToken } : {}),
    ...(Number.isFinite(seconds) && seconds > 0 ? { expiresAt: now + seconds * 1000 } : {}),
  };
}

/** Errors after which asking again with the same is of no use. */
const REFUSALS: ReadonlySet<string> = new Set(['invalid_grant', 'invalid_client', 'unauthorized_client', 'access_denied', 'invalid_token']);

function clientProof(auth: OauthIR, values: JsonObject): { headers: Record<string, string>; fields: Record<string, string> } {
  const id = pick(values, auth.clientIdField);
  const secret = pick(values, auth.clientSecretField);
  if (secret === '') return { headers: {}, fields: { client_id: id } };
  if (pick(values, auth.clientAuthField, auth.clientAuth ?? 'basic') === 'body')
    return { headers: {}, fields: { client_id: id, client_secret: secret } };
  const proof = Buffer.from(`${formEncoded(id)}:${formEncoded(secret)}`).toString('base64');
  return { headers: { authorization: `Basic ${proof}` }, fields: {} };
}

/** As RFC 6749 wants it in the header. */
function formEncoded(text: string): string {
  return new URLSearchParams({ a: text }).toString().slice(2);
}

async function limited(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.byteLength;
    if (size > ANSWER_BYTES) throw new Error('its answer is too long');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function read(text: string): { readonly [name: string]: unknown } {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {};
  } catch {
    return Object.fromEntries(new URLSearchParams(text));
  }
}

/** The innermost reason: fetch hides it below a text that says nothing. */
function reasonOf(error: unknown): string {
  let one = error;
  for (let depth = 0; depth < 5 && one instanceof Error && one.cause instanceof Error; depth += 1) one = one.cause;
  return one instanceof Error ? one.message.replace(/\.$/, '') : 'the connection failed';
}
