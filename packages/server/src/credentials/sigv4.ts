/** AWS Signature Version 4: a request is signed over its method, address, headers and body; the secret key itself never travels. */
import { createHash, createHmac } from 'node:crypto';

export interface AwsKeys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string | undefined;
}

export interface AwsRequest {
  readonly method: string;
  readonly url: URL;
  /** Signed as they are, with `host` and the date. */
  readonly headers: Headers;
  readonly body: Uint8Array;
  readonly region: string;
  readonly service: string;
  readonly at: Date;
}

/** Headers that hops may change, or that the connection sets. */
const UNSIGNED: ReadonlySet<string> = new Set([
  'authorization',
  'connection',
  'expect',
  'user-agent',
  'x-amzn-trace-id',
  'accept-encoding',
  'content-length',
]);

/** Headers to be added to the request. */
export function signAws(keys: AwsKeys, request: AwsRequest): Record<string, string> {
  const { method, url, region, service } = request;
  const timestamp = request.at.toISOString().replaceAll(/[-:]|\.\d{3}/g, '');
  const day = timestamp.slice(0, 8);
  const bodyHash = sha256(request.body);
  const added: Record<string, string> = { 'x-amz-date': timestamp };
  if (keys.sessionToken) added['x-amz-security-token'] = keys.sessionToken;
  if (service === 's3') added['x-amz-content-sha256'] = bodyHash;

  const signed = new Map<string, string>([['host', url.host]]);
  for (const [name, value] of request.headers) if (!UNSIGNED.has(name)) signed.set(name, value.trim().replaceAll(/\s+/g, ' '));
  for (const [name, value] of Object.entries(added)) signed.set(name, value);
  const names = [...signed.keys()].toSorted();
  const canonical = [
    method,
    canonicalPath(url, service),
    canonicalQuery(url),
    ...names.map((name) => `${name}:${signed.get(name)}`),
    '',
    names.join(';'),
    bodyHash,
  ].join('\n');
  const scope = `${day}/${region}/${service}/aws4_request`;
  const toSign = ['AWS4-HMAC-SHA256', timestamp, scope, sha256(canonical)].join('\n');
  const key = [day, region, service, 'aws4_request'].reduce<string | Buffer>(
    (from, part) => hmac(from, part),
    `AWS4${keys.secretAccessKey}`,
  );
  const signature = createHmac('sha256', key).update(toSign).digest('hex');
  added['authorization'] =
    `AWS4-HMAC-SHA256 Credential=${keys.accessKeyId}/${scope}, SignedHeaders=${names.join(';')}, Signature=${signature}`;
  return added;
}

/** Region and service as addresses of AWS say them: `sqs.eu-central-1.amazonaws.com`, `bucket.s3.eu-central-1.amazonaws.com`. */
export function awsPlace(hostname: string): { readonly region?: string; readonly service?: string } {
  const match = /^(.+)\.amazonaws\.com(\.cn)?$/.exec(hostname);
  if (!match) return {};
  const parts = (match[1] ?? '').split('.');
  const isRegion = (part: string | undefined): boolean => part !== undefined && /^[a-z]{2}(-[a-z]+)+-\d$/.test(part);
  const last = parts.at(-1);
  if (isRegion(last)) return { region: last, service: parts.at(-2) };
  return { region: 'us-east-1', ...(last === undefined ? {} : { service: last }) };
}

function canonicalPath(url: URL, service: string): string {
  const segments = url.pathname.split('/').map((segment) => {
    const once = encode(decoded(segment));
    // Every service but S3 signs the path as it would be encoded a second time.
    return service === 's3' ? once : encode(once);
  });
  return segments.join('/') || '/';
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function canonicalQuery(url: URL): string {
  const pairs = url.search
    .slice(1)
    .split('&')
    .filter((pair) => pair !== '')
    .map((pair) => {
      const [name = '', ...value] = pair.split('=');
      return [encode(decoded(name)), encode(decoded(value.join('=')))] as const;
    });
  return pairs
    .toSorted(([a, x], [b, y]) => compare(a, b) || compare(x, y))
    .map(([name, value]) => `${name}=${value}`)
    .join('&');
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** RFC 3986: everything but letters, digits and `-._~`. */
function encode(text: string): string {
  return encodeURIComponent(text).replaceAll(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
}

function sha256(data: string | Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}

function hmac(key: string | Buffer, data: string): Buffer {
  return createHmac('sha256', key).update(data).digest();
}
