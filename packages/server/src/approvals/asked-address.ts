/**
 * Addresses at which people answer without signing in. Nothing of them is stored: each text holds 256 bits only this server can make, and is
 * used up by the one answer that counts.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';

export const APPROVAL_PREFIX = '/a';
export const FORM_PREFIX = '/f';

/** What an address is for: the approval or form of a step, whoever has it; or the decision of one person. */
export type AskedFor =
  | { readonly kind: 'approval' | 'form'; readonly runId: string; readonly place: string }
  | { readonly kind: 'person'; readonly approvalId: string; readonly principalId: string };

export interface AskedAddresses {
  /** Below the address of the server. */
  pathOf(asked: AskedFor): string;
  isToken(asked: AskedFor, token: string): boolean;
}

/** @param key 32 bytes, of this purpose alone */
export function createAskedAddresses(key: Uint8Array): AskedAddresses {
  const tokenOf = (asked: AskedFor): Buffer =>
    createHmac('sha256', key)
      .update(JSON.stringify([asked.kind, ...partsOf(asked)]))
      .digest();
  return {
    pathOf(asked) {
      const prefix = asked.kind === 'form' ? FORM_PREFIX : APPROVAL_PREFIX;
      return `${prefix}/${partsOf(asked).join('/')}/${tokenOf(asked).toString('base64url')}`;
    },
    isToken(asked, token) {
      const given = Buffer.from(token, 'base64url');
      const wanted = tokenOf(asked);
      return given.length === wanted.length && timingSafeEqual(given, wanted);
    },
  };
}

function partsOf(asked: AskedFor): readonly [string, string] {
  return asked.kind === 'person'
    ? [asked.approvalId.toLowerCase(), asked.principalId.toLowerCase()]
    : [asked.runId.toLowerCase(), asked.place];
}
