/** Headers a workflow may set on its reply: not those that would reach beyond it. */

const REFUSED = new Set([
  'set-cookie',
  'content-security-policy',
  'content-security-policy-report-only',
  'strict-transport-security',
  'clear-site-data',
  'service-worker-allowed',
  'access-control-allow-origin',
  'access-control-allow-credentials',
  'x-content-type-options',
  'x-request-id',
  // Sends later requests, the page or the login elsewhere.
  'alt-svc',
  'refresh',
  'link',
  'www-authenticate',
  'proxy-authenticate',
  // Says something about the bytes that is not so.
  'content-encoding',
  'date',
  'content-length',
  'transfer-encoding',
  'connection',
  'keep-alive',
  'upgrade',
  'trailer',
  'te',
]);
const NAME = /^[a-z0-9!#$%&'*+.^_`|~-]{1,100}$/;
// eslint-disable-next-line no-control-regex -- header values must not carry control characters
const BAD_VALUE = /[\u0000-\u0008\u000a-\u001f\u007f]|[^\u0000-\u00ff]/;

export function replyHeaders(headers: { readonly [name: string]: string }): { [name: string]: string } {
  const kept: { [name: string]: string } = {};
  for (const [given, value] of Object.entries(headers)) {
    const name = given.toLowerCase();
    if (REFUSED.has(name) || name.startsWith('cross-origin-') || !NAME.test(name) || BAD_VALUE.test(value)) continue;
    kept[name] = value;
  }
  return kept;
}
