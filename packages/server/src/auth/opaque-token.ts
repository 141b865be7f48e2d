/** Tokens that mean nothing by themselves: 256 random bits for the bearer, their hash for the database. */
import { createHash, randomBytes } from 'node:crypto';

export interface OpaqueToken {
  readonly token: string;
  readonly hash: Uint8Array;
}

export function newToken(prefix = ''): OpaqueToken {
  const token = `${prefix}${randomBytes(32).toString('base64url')}`;
  return { token, hash: tokenHash(token) };
}

export function tokenHash(token: string): Uint8Array {
  return createHash('sha256').update(token).digest();
}

/** How API keys begin, so that people and scanners know one. */
export const API_KEY_PREFIX = 'pb_';
