/**
 * The session cookie. Over https it is `__Host-` and Secure; a plain name serves people on this machine; elsewhere over http nobody can sign
 * in unless the operator insists.
 */
import type { IncomingMessage } from 'node:http';

export interface CookiePolicy {
  readonly name: string;
  readonly isSecure: boolean;
  /** False where whoever is on the way could read the cookie. */
  readonly allows: (req: IncomingMessage) => boolean;
}

export interface CookiePolicyOptions {
  readonly publicUrl: string | undefined;
  readonly allowsInsecureHttp: boolean;
  /** True for a program on this machine. */
  readonly isLocal: (req: IncomingMessage) => boolean;
}

export function cookiePolicy({ publicUrl, allowsInsecureHttp, isLocal }: CookiePolicyOptions): CookiePolicy {
  const url = publicUrl === undefined ? undefined : new URL(publicUrl);
  if (url?.protocol === 'https:') return { name: '__Host-plugboard', isSecure: true, allows: () => true };
  const allows = (req: IncomingMessage): boolean =>
    allowsInsecureHttp || (isLocal(req) && isLoopbackName(url?.hostname ?? nameOf(req.headers.host ?? '')));
  return { name: 'plugboard', isSecure: false, allows };
}

function nameOf(host: string): string {
  return URL.canParse(`http://${host}`) ? new URL(`http://${host}`).hostname : '';
}

function isLoopbackName(name: string): boolean {
  const bare = name.replace(/^\[|\]$/g, '');
  return bare === 'localhost' || bare === '::1' || /^127\.\d+\.\d+\.\d+$/.test(bare);
}

export function sessionToken(req: IncomingMessage, policy: CookiePolicy): string | undefined {
  for (const part of (req.headers.cookie ?? '').split(';')) {
    const equals = part.indexOf('=');
    if (equals > 0 && part.slice(0, equals).trim() === policy.name) return part.slice(equals + 1).trim();
  }
  return undefined;
}

/** `undefined` as token takes the cookie away. */
export function setCookieHeader(policy: CookiePolicy, token: string | undefined, maxAgeMs: number): string {
  const attributes = [
    `${policy.name}=${token ?? ''}`,
    'Path=/',
    'HttpOnly',
    'SameSite=Lax',
    `Max-Age=${token === undefined ? 0 : Math.floor(maxAgeMs / 1000)}`,
  ];
  if (policy.isSecure) attributes.push('Secure');
  return attributes.join('; ');
}
