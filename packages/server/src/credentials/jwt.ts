/** Signed tokens (RFC 7515) with RS256, ES256 or HS256. */
import { type KeyObject, createHmac, createPrivateKey, randomUUID, sign } from 'node:crypto';
import type { JsonObject } from '@plugboard/sdk';
import { unusable } from './credential-failures.ts';

export type JwtAlgorithm = 'RS256' | 'ES256' | 'HS256';

/** @throws StepFailure CREDENTIAL_UNUSABLE when the key is not one, or one for another algorithm */
export function signJwt(
  claims: JsonObject,
  key: { readonly algorithm: JwtAlgorithm; readonly secret: string; readonly id?: string | undefined },
): string {
  const header = { alg: key.algorithm, typ: 'JWT', ...(key.id ? { kid: key.id } : {}) };
  const content = `${part(header)}.${part({ jti: randomUUID(), ...claims })}`;
  return `${content}.${signature(content, key.algorithm, key.secret).toString('base64url')}`;
}

function signature(content: string, algorithm: JwtAlgorithm, secret: string): Buffer {
  if (algorithm === 'HS256') return createHmac('sha256', secret).update(content).digest();
  const key = privateKey(secret);
  const needed = algorithm === 'RS256' ? 'rsa' : 'ec';
  if (key.asymmetricKeyType !== needed)
    throw unusable(`${algorithm} needs ${needed === 'rsa' ? 'an RSA key' : 'a key on the curve P-256'}; the key is another kind`);
  if (algorithm === 'ES256' && key.asymmetricKeyDetails?.namedCurve !== 'prime256v1')
    throw unusable('ES256 needs a key on the curve P-256');
  return sign('sha256', Buffer.from(content), algorithm === 'RS256' ? key : { key, dsaEncoding: 'ieee-p1363' });
}

function privateKey(pem: string): KeyObject {
  try {
    // Files of service accounts carry line ends as two characters.
    return createPrivateKey(pem.replaceAll('\\n', '\n'));
  } catch {
    throw unusable('its key is not a private key as PEM text');
  }
}

function part(value: JsonObject): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
