/**
 * Who may call a webhook. All but signatures are decided from the headers, before anything of the body is read. Whatever is missing or cannot
 * be looked up refuses: a webhook that asks for a proof is never served without one.
 */
import { createPublicKey, createSecretKey, type KeyObject } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { JsonObject } from '@plugboard/sdk';
import { type JWTVerifyGetKey, createRemoteJWKSet, customFetch, errors, jwtVerify } from 'jose';
import { parseJson } from '../edge/read-body.ts';
import { equalText } from './equal.ts';
import type { HookAuth } from './hook-spec.ts';
import { type SignedRequest, checkSignature } from './signature.ts';

/** Whose credential it is that a webhook names. */
export interface CredentialPlace {
  readonly workspaceId: string;
  readonly workflowId: string;
  /** 0 draft, 1 live. */
  readonly environment: number;
  /** As whom a draft is tried; the bindings of a published workflow are its own. */
  readonly principalId?: string;
}

export interface HookCredentials {
  /** The fields of a credential by the key the webhook names; undefined when it is not bound, gone, or may not be used. */
  fields(place: CredentialPlace, key: string): Promise<Readonly<Record<string, string>> | undefined>;
}

export type Proof =
  | {
      readonly ok: true;
      /** What the proof says of the caller. */
      readonly who?: JsonObject;
      /** The header that carried it, lower case, where that is not one that is always left out. */
      readonly header?: string;
      /** Of a signature that is taken once. */
      readonly signatureId?: string;
    }
  | Refusal;

export interface Refusal {
  readonly ok: false;
  readonly status: 401 | 503;
  readonly code: string;
  readonly message: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface HookAuthenticator {
  /** Decides by the headers; for signatures only whether there can be one. */
  beforeBody(auth: HookAuth, place: CredentialPlace, req: IncomingMessage): Promise<Proof>;
  /** Decides by the body as it came. */
  afterBody(auth: Extract<HookAuth, { kind: 'signature' }>, place: CredentialPlace, request: SignedRequest): Promise<Proof>;
}

export interface HookAuthOptions {
  readonly credentials: HookCredentials;
  /** The guarded way out, for the keys of an issuer. */
  readonly fetch: typeof globalThis.fetch;
  readonly log: { warn(fields: object, message: string): void };
  readonly now?: () => number;
}

/** Looked-up credentials are used again for so long, so that a flood of requests is not one of decryptions, in milliseconds. */
const CREDENTIAL_MS = 2000;
const MAX_REMEMBERED = 1000;
const KEYS_TIMEOUT_MS = 5000;
const KEYS_FRESH_MS = 600_000;
/** An unknown key id makes the keys be fetched again, but not more often than this, in milliseconds. */
const KEYS_COOLDOWN_MS = 30_000;
const MAX_KEYS_BYTES = 256 * 1024;
const MAX_TOKEN = 16_000;
/** Shorter secrets can be guessed from one token. */
const MIN_SECRET_BYTES = 16;

type Fields = Readonly<Record<string, string>>;

export function createHookAuth(options: HookAuthOptions): HookAuthenticator {
  const { log, now = Date.now } = options;
  const remembered = new Map<string, { readonly until: number; readonly fields: Promise<Fields | undefined> }>();
  const keySets = new Map<string, JWTVerifyGetKey>();
  const publicKeys = new Map<string, KeyObject>();

  const fieldsOf = (place: CredentialPlace, key: string): Promise<Fields | undefined> => {
    const id = JSON.stringify([place.workspaceId, place.workflowId, place.environment, place.principalId, key]);
    const known = remembered.get(id);
    if (known && known.until > performance.now()) return known.fields;
    const fields = options.credentials.fields(place, key);
    if (remembered.size >= MAX_REMEMBERED) remembered.clear();
    remembered.set(id, { until: performance.now() + CREDENTIAL_MS, fields });
    fields.catch(() => remembered.delete(id));
    return fields;
  };

  const demand = async (place: CredentialPlace, key: string, ...names: readonly string[]): Promise<Fields | Refusal> => {
    let fields: Fields | undefined;
    try {
      fields = await fieldsOf(place, key);
    } catch (error) {
      log.warn({ err: error, workflowId: place.workflowId }, 'the credential of a webhook cannot be looked up; its caller was refused');
      return UNAVAILABLE;
    }
    if (fields && names.every((name) => fields[name])) return fields;
    log.warn(
      { workflowId: place.workflowId, credential: key },
      'a webhook names a credential that is not there for it; its caller was refused',
    );
    return UNAVAILABLE;
  };

  const fetchKeys = async (url: string, init: { readonly signal?: AbortSignal | null }): Promise<Response> => {
    const answer = await options.fetch(url, {
      redirect: 'error',
      headers: { accept: 'application/jwk-set+json, application/json' },
      ...(init.signal ? { signal: init.signal } : {}),
    });
    const text = await boundedText(answer, MAX_KEYS_BYTES);
    return new Response(text, { status: answer.status, headers: { 'content-type': 'application/json' } });
  };

  const keySet = (url: string): JWTVerifyGetKey => {
    const known = keySets.get(url);
    if (known) return known;
    const made = createRemoteJWKSet(new URL(url), {
      timeoutDuration: KEYS_TIMEOUT_MS,
      cooldownDuration: KEYS_COOLDOWN_MS,
      cacheMaxAge: KEYS_FRESH_MS,
      [customFetch]: fetchKeys,
    });
    if (keySets.size >= MAX_REMEMBERED) keySets.clear();
    keySets.set(url, made);
    return made;
  };

  const publicKey = (pem: string): KeyObject => {
    const known = publicKeys.get(pem);
    if (known) return known;
    const made = createPublicKey(pem);
    if (publicKeys.size >= MAX_REMEMBERED) publicKeys.clear();
    publicKeys.set(pem, made);
    return made;
  };

  const jwt = async (auth: Extract<HookAuth, { kind: 'jwt' }>, place: CredentialPlace, req: IncomingMessage): Promise<Proof> => {
    const [scheme, token] = splitAuthorization(req);
    if (scheme !== 'bearer' || token === '' || token.length > MAX_TOKEN)
      return { ok: false, status: 401, code: 'TOKEN_MISSING', message: 'Send a token: Authorization: Bearer …', headers: BEARER };
    let key: KeyObject | JWTVerifyGetKey;
    if (auth.key.from === 'secret') {
      const fields = await demand(place, auth.key.credential, 'secret');
      if (isRefusal(fields)) return fields;
      const bytes = Buffer.from(fields['secret'] ?? '', 'utf8');
      if (bytes.length < MIN_SECRET_BYTES) {
        log.warn(
          { workflowId: place.workflowId },
          `the secret of a webhook's tokens is shorter than ${MIN_SECRET_BYTES} bytes; its caller was refused`,
        );
        return UNAVAILABLE;
      }
      key = createSecretKey(bytes);
    } else {
      key = auth.key.from === 'jwks' ? keySet(auth.key.url) : publicKey(auth.key.pem);
    }
    const rules = {
      algorithms: [auth.algorithm],
      requiredClaims: ['exp'],
      clockTolerance: auth.leewaySeconds,
      currentDate: new Date(now()),
      ...(auth.issuer === undefined ? {} : { issuer: auth.issuer }),
      ...(auth.audience === undefined ? {} : { audience: auth.audience }),
    };
    try {
      const { payload } = typeof key === 'function' ? await jwtVerify(token, key, rules) : await jwtVerify(token, key, rules);
      const claims = parseJson(Buffer.from(JSON.stringify(payload)));
      if (!claims.ok)
        return {
          ok: false,
          status: 401,
          code: 'TOKEN_INVALID',
          message: 'The token holds claims that cannot be kept',
          headers: BEARER_INVALID,
        };
      return { ok: true, who: { claims: claims.value } };
    } catch (error) {
      if (isKeysFailure(error)) {
        log.warn({ err: error, workflowId: place.workflowId }, 'the keys of a token cannot be fetched; its caller was refused');
        return UNAVAILABLE;
      }
      return { ok: false, status: 401, code: 'TOKEN_INVALID', message: whyRefused(error), headers: BEARER_INVALID };
    }
  };

  return {
    async beforeBody(auth, place, req) {
      switch (auth.kind) {
        case 'basic': {
          const fields = await demand(place, auth.credential, 'username', 'password');
          if (isRefusal(fields)) return fields;
          const [scheme, given] = splitAuthorization(req);
          const pair = scheme === 'basic' ? Buffer.from(given, 'base64').toString('utf8') : '';
          // One comparison of the whole, so that it takes as long for a wrong name as for a wrong password.
          const isRight = equalText(pair, `${fields['username'] ?? ''}:${fields['password'] ?? ''}`);
          if (scheme === 'basic' && isRight) return { ok: true, who: { username: fields['username'] ?? '' } };
          return {
            ok: false,
            status: 401,
            code: 'HOOK_UNAUTHENTICATED',
            message: 'Send the user name and password of this webhook',
            headers: BASIC,
          };
        }
        case 'header': {
          const fields = await demand(place, auth.credential, 'name', 'value');
          if (isRefusal(fields)) return fields;
          const name = (fields['name'] ?? '').toLowerCase();
          const given = req.headers[name];
          if (equalText(typeof given === 'string' ? given : '', fields['value'] ?? '')) return { ok: true, header: name };
          return { ok: false, status: 401, code: 'HOOK_UNAUTHENTICATED', message: 'Send the header and the value this webhook asks for' };
        }
        case 'jwt':
          return jwt(auth, place, req);
        case 'signature':
          // Without its header no body can fit; nothing is read of it then.
          if (req.headers[auth.scheme.header.toLowerCase()] !== undefined) return PROVEN;
          return {
            ok: false,
            status: 401,
            code: 'SIGNATURE_MISSING',
            message: `The request is not signed: the header ${auth.scheme.header} is missing`,
          };
      }
    },

    async afterBody({ credential, scheme }, place, request) {
      const fields = await demand(place, credential, 'secret');
      if (isRefusal(fields)) return fields;
      const secrets = [fields['secret'], fields['previousSecret']].filter(
        (secret): secret is string => secret !== undefined && secret !== '',
      );
      const result = checkSignature(scheme, secrets, request, now());
      if (!result.ok) return { ok: false, status: 401, code: result.code, message: result.message };
      return { ok: true, ...(scheme.refusesRepeats ? { signatureId: result.id } : {}) };
    },
  };
}

const PROVEN: Proof = { ok: true };
const UNAVAILABLE: Refusal = {
  ok: false,
  status: 503,
  code: 'HOOK_AUTH_UNAVAILABLE',
  message: 'Who calls cannot be checked at the moment; nothing was started',
  headers: { 'retry-after': '30' },
};
const BASIC = { 'www-authenticate': 'Basic realm="webhook", charset="UTF-8"' };
const BEARER = { 'www-authenticate': 'Bearer' };
const BEARER_INVALID = { 'www-authenticate': 'Bearer error="invalid_token"' };

function isRefusal(value: Fields | Refusal): value is Refusal {
  return value === UNAVAILABLE;
}

function splitAuthorization(req: IncomingMessage): readonly [scheme: string, rest: string] {
  const value = req.headers.authorization ?? '';
  const at = value.indexOf(' ');
  return at < 0 ? ['', ''] : [value.slice(0, at).toLowerCase(), value.slice(at + 1).trim()];
}

/** What a caller may know of why; never a claim or a key. */
function whyRefused(error: unknown): string {
  if (error instanceof errors.JWTExpired) return 'The token is no longer valid';
  if (error instanceof errors.JWTClaimValidationFailed)
    return `The token's claim ${error.claim} is missing or is not what this webhook asks for`;
  if (error instanceof errors.JOSEAlgNotAllowed) return 'The token is signed in another way than this webhook asks for';
  return 'The token is not one this webhook takes';
}

/** The keys could not be had, which says nothing about the token. */
function isKeysFailure(error: unknown): boolean {
  if (error instanceof errors.JWKSTimeout || error instanceof errors.JWKSInvalid) return true;
  if (error instanceof errors.JOSEError) return error.code === 'ERR_JOSE_GENERIC';
  return true;
}

async function boundedText(answer: Response, limit: number): Promise<string> {
  const reader = answer.body?.getReader();
  const chunks: Uint8Array[] = [];
  let size = 0;
  for (;;) {
    const part = await reader?.read();
    if (part === undefined || part.done) break;
    size += part.value.length;
    if (size > limit) {
      await reader?.cancel();
      throw new Error(`The keys are larger than ${limit} bytes`);
    }
    chunks.push(part.value);
  }
  return Buffer.concat(chunks).toString('utf8');
}
