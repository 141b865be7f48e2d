/** What each kind of authentication adds to a request. Nothing of the request is trusted: what a step set itself gives way. */
import { createHash, createHmac } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import type { AuthIR, HmacIR, JsonObject } from '@plugboard/sdk';
import type { ClientTls } from '../egress/guarded-fetch.ts';
import { StepFailure } from '@plugboard/sdk';
import { unusable } from './credential-failures.ts';
import type { OpenedCredential } from './credential-store.ts';
import { awsPlace, signAws } from './sigv4.ts';
import { assertion, pick } from './token-endpoint.ts';

/** A request as it goes out, but for the credential. */
export interface OutgoingRequest {
  readonly method: string;
  readonly url: URL;
  readonly headers: Headers;
  /** The whole body, for what is signed over it. */
  readonly body: () => Promise<Uint8Array>;
}

/** What a request is signed with. */
export type SigningCredential = Pick<OpenedCredential, 'type' | 'values' | 'content'> & {
  /** Another one after each change: connections that were made with a certificate are not used with the next. */
  readonly id: string;
};

export interface Attachment {
  /** Replace those of the request. */
  readonly headers: Readonly<Record<string, string>>;
  /** Replaces parameters of this name. */
  readonly query?: readonly [name: string, value: string];
  readonly tls?: ClientTls;
  /** Texts made of secrets, which must not come back. */
  readonly secrets: readonly string[];
}

/** @throws StepFailure CREDENTIAL_UNUSABLE */
export async function attach(credential: SigningCredential, request: OutgoingRequest, now: number): Promise<Attachment> {
  const { values, content } = credential;
  const { auth } = credential.type;
  switch (auth?.scheme) {
    case 'bearer':
      return bearer(pick(values, auth.tokenField));
    case 'header': {
      const value = `${pick(values, auth.prefixField, auth.prefix)}${pick(values, auth.valueField)}`;
      return header(pick(values, auth.nameField, auth.name), value);
    }
    case 'query': {
      const value = pick(values, auth.valueField);
      return { headers: {}, query: [pick(values, auth.nameField, auth.name), value], secrets: [value] };
    }
    case 'basic': {
      const encoded = Buffer.from(`${pick(values, auth.usernameField)}:${pick(values, auth.passwordField)}`).toString('base64');
      return header('authorization', `Basic ${encoded}`, encoded);
    }
    case 'oauth2':
      return bearer(content.tokens?.accessToken ?? '');
    case 'jwtBearer':
      return bearer(isDirect(credential) ? assertion(auth, values, now) : (content.tokens?.accessToken ?? ''));
    case 'sigv4':
      return aws(auth, values, request, now);
    case 'hmac':
      return hmac(auth, values, request, now);
    case 'mtls':
      return { headers: {}, tls: checkedTls(clientTls(credential, auth, values)), secrets: [] };
    case 'session':
    case undefined:
      throw unusable('its kind signs no requests in this version of the server');
  }
}

/** Why what was filled in signs nothing, as far as that shows without asking a service; undefined when nothing is wrong. */
export async function whyUnusable(credential: SigningCredential, now: number): Promise<string | undefined> {
  const { auth } = credential.type;
  if (auth === undefined || auth.scheme === 'oauth2') return undefined;
  const body = (): Promise<Uint8Array> => Promise.resolve(new Uint8Array(0));
  const url = new URL('https://service.us-east-1.amazonaws.com/');
  try {
    if (auth.scheme === 'jwtBearer') assertion(auth, credential.values, now);
    else await attach(credential, { method: 'GET', url, headers: new Headers(), body }, now);
    return undefined;
  } catch (error) {
    if (error instanceof StepFailure) return error.message;
    throw error;
  }
}

/** Whether its requests carry a token that a service gave. */
export function hasTokens(credential: Pick<SigningCredential, 'type' | 'values'>): boolean {
  const { auth } = credential.type;
  return auth?.scheme === 'oauth2' || (auth?.scheme === 'jwtBearer' && !isDirect(credential));
}

function isDirect({ type: { auth }, values }: Pick<SigningCredential, 'type' | 'values'>): boolean {
  return auth?.scheme === 'jwtBearer' && pick(values, auth.modeField, auth.mode ?? 'assertion') === 'direct';
}

const bearer = (token: string): Attachment => header('authorization', `Bearer ${token}`, token);

/** Headers that would change where a request goes, or how it is framed. */
const OF_CONNECTION: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'expect',
  'host',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** Visible characters, spaces and Latin letters: what fits into one line of a header. */
const HEADER_VALUE = /^[\t\x20-\x7e\x80-\xff]+$/;

/** Checked here, because an error of the transport would quote the value. */
function header(name: string, value: string, secret = value): Attachment {
  if (!/^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/.test(name)) throw unusable('the name of its header is not one');
  if (OF_CONNECTION.has(name.toLowerCase())) throw unusable(`the header ${name} belongs to the connection`);
  const trimmed = value.trim();
  if (secret === '' || !HEADER_VALUE.test(trimmed)) throw unusable('its secret is empty, or does not fit into a header');
  return { headers: { [name.toLowerCase()]: trimmed }, secrets: [secret] };
}

async function aws(
  auth: Extract<AuthIR, { scheme: 'sigv4' }>,
  values: JsonObject,
  request: OutgoingRequest,
  now: number,
): Promise<Attachment> {
  const place = awsPlace(request.url.hostname);
  const region = pick(values, auth.regionField, auth.region ?? place.region);
  const service = pick(values, auth.serviceField, auth.service ?? place.service);
  if (region === '' || service === '') throw unusable('neither it nor the address says the region and the service of AWS');
  const sessionToken = pick(values, auth.sessionTokenField);
  const keys = { accessKeyId: pick(values, auth.accessKeyField), secretAccessKey: pick(values, auth.secretKeyField), sessionToken };
  const signed = signAws(keys, { ...request, body: await request.body(), region, service, at: new Date(now) });
  return { headers: signed, secrets: sessionToken === '' ? [] : [sessionToken] };
}

async function hmac(auth: HmacIR, values: JsonObject, request: OutgoingRequest, now: number): Promise<Attachment> {
  const body = Buffer.from(await request.body());
  const timestamp = String(Math.floor(now / 1000));
  const parts: Readonly<Record<string, () => string | Buffer>> = {
    method: () => request.method,
    path: () => request.url.pathname,
    query: () => request.url.search.slice(1),
    host: () => request.url.host,
    timestamp: () => timestamp,
    body: () => body,
    bodyHash: () => createHash('sha256').update(body).digest('hex'),
  };
  const signer = createHmac(pick(values, auth.algorithmField, auth.algorithm ?? 'sha256'), pick(values, auth.keyField));
  const template = pick(values, auth.templateField, auth.template ?? '{body}').replaceAll(String.raw`\n`, '\n');
  // Part by part: a body that holds `{timestamp}` is only a body.
  for (const piece of template.split(/(\{\w+\})/)) {
    const name = /^\{(\w+)\}$/.exec(piece)?.[1];
    if (name !== undefined && !Object.hasOwn(parts, name)) throw unusable(`{${name}} in what is signed means nothing`);
    signer.update(name === undefined ? piece : (parts[name]?.() ?? ''));
  }
  const signature = signer.digest(pick(values, auth.encodingField, auth.encoding ?? 'hex') === 'base64' ? 'base64' : 'hex');
  const signed = header(
    pick(values, auth.headerField, auth.header ?? 'X-Signature'),
    `${pick(values, auth.prefixField, auth.prefix)}${signature}`,
  );
  const timestampHeader = pick(values, auth.timestampHeaderField, auth.timestampHeader);
  return { headers: { ...signed.headers, ...(timestampHeader === '' ? {} : header(timestampHeader, timestamp).headers) }, secrets: [] };
}

function clientTls({ id }: SigningCredential, auth: Extract<AuthIR, { scheme: 'mtls' }>, values: JsonObject): ClientTls {
  const [cert, key, pfx] = [pick(values, auth.certificateField), pick(values, auth.keyField), pick(values, auth.pfxField)];
  const [passphrase, authority] = [pick(values, auth.passphraseField), pick(values, auth.authorityField)];
  if (pfx === '' && (cert === '' || key === '')) throw unusable('it needs a certificate and its key, or a PKCS #12 file');
  return {
    id,
    ...(pfx === '' ? { cert, key } : { pfx: Buffer.from(pfx, 'base64') }),
    ...(passphrase === '' ? {} : { passphrase }),
    ...(authority === '' ? {} : { ca: [authority] }),
  };
}

/** Certificates and keys that do not load are told apart from services that do not answer. */
function checkedTls(tls: ClientTls): ClientTls {
  const { id: _, ca, ...options } = tls;
  try {
    createSecureContext({ ...options, ...(ca ? { ca: [...ca] } : {}) });
    return tls;
  } catch {
    throw unusable('its certificate and key do not load: they do not belong together, or the passphrase is wrong');
  }
}
