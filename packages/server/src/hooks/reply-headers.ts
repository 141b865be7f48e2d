/** What a workflow may say about its reply: not what would reach beyond it, nor send its reader where no page can be. */

const REFUSED = new Set([
  'set-cookie',
  'content-security-policy',
  'content-security-policy-report-only',
  'strict-transport-security',
  'clear-site-data',
  'service-worker-allowed',
  'access-control-allow-origin',
  'access-control-allow-credentials',
  'access-control-allow-methods',
  'access-control-allow-headers',
  'access-control-expose-headers',
  'access-control-max-age',
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
  // Makes of a reply a report, a page of several parts, or what the browser keeps for others.
  'content-location',
  'content-range',
  'reporting-endpoints',
  'report-to',
  'nel',
  'origin-agent-cluster',
  'sourcemap',
  'vary',
  'idempotency-replayed',
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
    if (name === 'location' && !isWebAddress(value)) continue;
    kept[name] = value;
  }
  return kept;
}

/** A path of this address or a page of the web; `javascript:`, `data:` and what a browser would take for them are neither. */
function isWebAddress(value: string): boolean {
  if (!URL.canParse(value, 'http://here.invalid/')) return false;
  const { protocol, username, password } = new URL(value, 'http://here.invalid/');
  return (protocol === 'http:' || protocol === 'https:') && username === '' && password === '';
}

const MEDIA_TYPE = /^[a-z0-9!#$&^_.+-]{1,80}\/[a-z0-9!#$&^_.+-]{1,80}(?:\s*;\s*[a-z0-9-]{1,40}=(?:[\w.+-]{1,80}|"[\w .+:/-]{0,80}"))*$/i;
/** A browser replaces one part by the next, or goes on reading for ever. */
const REFUSED_TYPES = /^(?:multipart\/x-mixed-replace|text\/event-stream|text\/cache-manifest)\b/i;

/** The type a step asks for, if it is one; a reply never goes out without. */
export function replyType(asked: string | undefined, fallback: string): string {
  return asked !== undefined && MEDIA_TYPE.test(asked) && !REFUSED_TYPES.test(asked) ? asked : fallback;
}

/** What a browser shows by itself and cannot be made to act. */
const SHOWN = /^(?:image\/(?:png|jpeg|gif|webp|avif|bmp)|audio\/[\w.+-]+|video\/[\w.+-]+|text\/plain|application\/pdf)$/i;

/** Everything that is not harmless to look at is offered for saving, under its own name. */
export function fileHeaders(file: { readonly name: string; readonly mime: string }, asked: string | undefined): { [name: string]: string } {
  const type = replyType(asked ?? file.mime, 'application/octet-stream');
  const isShown = SHOWN.test(type.split(';', 1)[0]?.trim() ?? '');
  const plain = file.name.replaceAll(/[^\x20-\x7e]|["\\%]/g, '_');
  const encoded = encodeURIComponent(file.name).replaceAll(/['()*]/g, (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`);
  return {
    'content-type': type,
    'content-disposition': `${isShown ? 'inline' : 'attachment'}; filename="${plain}"; filename*=UTF-8''${encoded}`,
  };
}
