/** What a browser may do with a page of ours: run only our own files, be in no frame, tell nobody where it was. */

export interface PageHeaderOptions {
  /** People reach the server by https. */
  readonly isSecure: boolean;
}

/** Scripts and styles are files of ours, never text in a page; strings become markup only where Vue itself does it. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "font-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "manifest-src 'self'",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  'trusted-types vue',
];

/** Features no page of ours uses. */
const FEATURES = ['camera', 'display-capture', 'geolocation', 'microphone', 'midi', 'payment', 'serial', 'usb', 'xr-spatial-tracking'];
const YEAR_SECONDS = 365 * 24 * 60 * 60;

/** The headers every page and file of the pages carries. */
export function pageHeaders({ isSecure }: PageHeaderOptions): Readonly<Record<string, string>> {
  return {
    'content-security-policy': (isSecure ? [...POLICY, 'upgrade-insecure-requests'] : POLICY).join('; '),
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'permissions-policy': FEATURES.map((feature) => `${feature}=()`).join(', '),
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-resource-policy': 'same-origin',
    ...(isSecure ? { 'strict-transport-security': `max-age=${YEAR_SECONDS}` } : {}),
  };
}
