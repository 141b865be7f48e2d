/**
 * Who somebody is who comes back from an OpenID provider. An account elsewhere is known by issuer and subject; an address alone opens
 * nothing, unless the operator trusts the provider with addresses of named domains.
 */
import { normalizeEmail } from '@plugboard/persistence';

/** What the provider says, as far as it was checked. */
export interface Claims {
  readonly issuer: string;
  readonly subject: string;
  readonly email?: string;
  readonly isEmailVerified: boolean;
  readonly name?: string;
}

export interface ProviderRules {
  readonly allowedDomains: readonly string[];
  readonly linksByEmail: boolean;
  readonly joins?: object;
}

export interface Known {
  /** Whose identity it is. */
  readonly identity?: { readonly personId: string; readonly isDisabled: boolean };
  /** Who has the address here. */
  readonly byEmail?: { readonly personId: string; readonly isDisabled: boolean; readonly hasTotp: boolean };
  /** Who was signed in and asked for it. */
  readonly linkingPersonId?: string;
}

export type WhoComes =
  | { readonly kind: 'known'; readonly personId: string }
  | { readonly kind: 'link'; readonly personId: string }
  /** It was linked before. */
  | { readonly kind: 'linked-already' }
  | { readonly kind: 'new'; readonly email: string; readonly name: string }
  | { readonly kind: 'refused'; readonly why: Refusal };

export type Refusal = 'disabled' | 'belongs-to-another' | 'no-address' | 'not-verified' | 'other-domain' | 'has-account' | 'not-invited';

export function whoComes(claims: Claims, rules: ProviderRules, known: Known): WhoComes {
  const { identity, byEmail, linkingPersonId } = known;
  if (linkingPersonId !== undefined) {
    if (!identity) return { kind: 'link', personId: linkingPersonId };
    return identity.personId === linkingPersonId ? { kind: 'linked-already' } : refused('belongs-to-another');
  }
  if (identity) return identity.isDisabled ? refused('disabled') : { kind: 'known', personId: identity.personId };
  const { email } = claims;
  if (email === undefined) return refused('no-address');
  if (!claims.isEmailVerified) return refused('not-verified');
  if (!isAllowed(email, rules.allowedDomains)) return refused('other-domain');
  if (byEmail) {
    if (byEmail.isDisabled) return refused('disabled');
    // Who took a second factor wants more than an address to count; and without domains any address of the provider would do.
    if (!rules.linksByEmail || rules.allowedDomains.length === 0 || byEmail.hasTotp) return refused('has-account');
    return { kind: 'link', personId: byEmail.personId };
  }
  if (!rules.joins) return refused('not-invited');
  return { kind: 'new', email, name: claims.name ?? email.split('@', 1)[0] ?? email };
}

/** The whole domain, not a part of it: `example.com` is neither `evil-example.com` nor `example.com.evil`. */
export function isAllowed(email: string, domains: readonly string[]): boolean {
  if (domains.length === 0) return true;
  const at = email.lastIndexOf('@');
  const domain = at < 1 ? '' : normalizeEmail(email.slice(at + 1));
  return domains.some((one) => one.toLowerCase() === domain);
}

const refused = (why: Refusal): WhoComes => ({ kind: 'refused', why });
