/**
 * The session cookie. Over https it is `__Host-` and Secure; a plain name serves people on this machine; elsewhere over http nobody can sign
 * in unless the operator insists.
 */
import type { IncomingMessage } from 'node:http';
import { DEFAULT_SESSION_LIMITS, type SessionLimits } from './session-limits.ts';

export interface CookiePolicy {
  readonly name: string;
  readonly isSecure: boolean;
  /** False where whoever is on the way could read the cookie. */
  readonly allows: (req: IncomingMessage) => boolean;
  /** How long what it carries lasts. */
  readonly lasts: () => SessionLimits;
}

export interface CookiePolicyOptions {
  readonly publicUrl: string | undefined;
  readonly allowsInsecureHttp: boolean;
  /** True for a program on this machine. */
  readonly isLocal: (req: IncomingMessage) => boolean;
  /** @default 8 hours without a request, 7 days in any case */
  readonly lasts?: () => SessionLimits;
}

export function cookiePolicy(options: CookiePolicyOptions): CookiePolicy {
  const { publicUrl, allowsInsecureHttp, isLocal, lasts = () => DEFAULT_SESSION_LIMITS } = options;
  const url = publicUrl === undefined ? undefined : new URL(publicUrl);
  if (url?.protocol === 'https:') return { name: '__Host-plugboard', isSecure: true, allows: () => true, lasts };
  const allows = (req: IncomingMessage): boolean =>
    allowsInsecureHttp || (isLocal(req) && isLoopbackName(url?.hostname ?? nameOf(req.headers.host ?? '')));
  return { name: 'plugboard', isSecure: false, allows, lasts };
}

function nameOf(host: string): string {
  return URL.canParse(`http://${host}`) ? new URL(`http://${host}`).hostname : '';
}

function isLoopbackName(name: string): boolean {
  const bare = name.replace(/^\[|\]$/g, '');
  return bare === 'localhost' || bare === '::1' || /^127\.\d+\.\d+\.\d+$/.test(bare);
}

export function sessionToken(req: IncomingMessage, policy: CookiePolicy): string | undefined {
  return cookieOf(req, policy.name);
}

export function cookieOf(req: IncomingMessage, name: string): string | undefined {
  for (const part of (req.headers.cookie ?? '').split(';')) {
    const equals = part.indexOf('=');
    if (equals > 0 && part.slice(0, equals).trim() === name) return part.slice(equals + 1).trim();
  }
  return undefined;
}

/** `undefined` as token takes the cookie away. */
export function setCookieHeader(policy: CookiePolicy, token: string | undefined, maxAgeMs: number): string {
  return cookieText({ name: policy.name, value: token, maxAgeMs, isSecure: policy.isSecure });
}

export interface CookieParts {
  readonly name: string;
  /** `undefined` takes the cookie away. */
  readonly value: string | undefined;
  readonly maxAgeMs: number;
  readonly isSecure: boolean;
}

/** Hidden from scripts, for this host only, and not sent along with what other sites embed or post. */
export function cookieText({ name, value, maxAgeMs, isSecure }: CookieParts): string {
  const attributes = [
    `${name}=${value ?? ''}`,
    'Path=/',
    'HttpOnly',
    'SameSite=Lax',
    `Max-Age=${value === undefined ? 0 : Math.floor(maxAgeMs / 1000)}`,
  ];
  if (isSecure) attributes.push('Secure');
  return attributes.join('; ');
}
