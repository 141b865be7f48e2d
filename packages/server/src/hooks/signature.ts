/**
 * Signatures of webhooks: an HMAC over the body as it came, byte by byte, with a secret the sender shares. Each service writes it a little
 * differently; what differs is data. A timestamp that is signed too keeps a request that was overheard from being sent again later.
 */
import { createHash, createHmac } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { equalBytes } from './equal.ts';

export type SignaturePreset = 'github' | 'stripe' | 'slack' | 'shopify' | 'twilio' | 'standard' | 'generic';

export interface SignatureScheme {
  readonly preset: SignaturePreset;
  /** In which the signature comes. */
  readonly header: string;
  readonly algorithm: 'sha1' | 'sha256' | 'sha512';
  readonly encoding: 'hex' | 'base64';
  /** Stands before the signature in its header, such as `sha256=`. */
  readonly prefix: string;
  /** Header of the time of sending, in seconds since 1970; then `<time>.<body>` is what is signed. */
  readonly timestampHeader?: string;
  /** How far the time of sending may be from now. */
  readonly toleranceSeconds: number;
  /** A signature is taken once. */
  readonly refusesRepeats: boolean;
}

type Known = Omit<SignatureScheme, 'toleranceSeconds' | 'refusesRepeats'>;

export const SIGNATURE_PRESETS: { readonly [Preset in Exclude<SignaturePreset, 'generic'>]: Known } = {
  github: { preset: 'github', header: 'X-Hub-Signature-256', algorithm: 'sha256', encoding: 'hex', prefix: 'sha256=' },
  stripe: { preset: 'stripe', header: 'Stripe-Signature', algorithm: 'sha256', encoding: 'hex', prefix: '' },
  slack: {
    preset: 'slack',
    header: 'X-Slack-Signature',
    algorithm: 'sha256',
    encoding: 'hex',
    prefix: 'v0=',
    timestampHeader: 'X-Slack-Request-Timestamp',
  },
  shopify: { preset: 'shopify', header: 'X-Shopify-Hmac-Sha256', algorithm: 'sha256', encoding: 'base64', prefix: '' },
  twilio: { preset: 'twilio', header: 'X-Twilio-Signature', algorithm: 'sha1', encoding: 'base64', prefix: '' },
  standard: {
    preset: 'standard',
    header: 'webhook-signature',
    algorithm: 'sha256',
    encoding: 'base64',
    prefix: 'v1,',
    timestampHeader: 'webhook-timestamp',
  },
};

export interface SignedRequest {
  readonly headers: IncomingHttpHeaders;
  readonly body: Uint8Array;
  /** The address the sender used, for services that sign it. */
  readonly url: string;
}

export type SignatureResult =
  /** `id` tells this signature from every other. */
  | { readonly ok: true; readonly id: string }
  | { readonly ok: false; readonly code: 'SIGNATURE_MISSING' | 'SIGNATURE_INVALID' | 'SIGNATURE_EXPIRED'; readonly message: string };

/** Candidates looked at in one header, and characters of it. */
const MAX_CANDIDATES = 10;
const MAX_HEADER = 4096;
const SECONDS = /^\d{1,15}$/;

/** @param secrets those that count: the present one, and while it is replaced the one before */
export function checkSignature(
  scheme: SignatureScheme,
  secrets: readonly string[],
  request: SignedRequest,
  nowMs: number,
): SignatureResult {
  const read = readHeaders(scheme, request.headers);
  if (read === undefined) return missing(scheme);
  const { candidates, time } = read;
  if (time !== undefined && (!SECONDS.test(time) || Math.abs(nowMs / 1000 - Number(time)) > scheme.toleranceSeconds)) {
    return {
      ok: false,
      code: 'SIGNATURE_EXPIRED',
      message: `The time the request was signed at is more than ${scheme.toleranceSeconds} seconds away, or is no time`,
    };
  }
  const signed = signedContent(scheme, request, time);
  let match: Buffer | undefined;
  // Every candidate against every secret, whatever was found before.
  for (const secret of secrets) {
    for (const parts of signed) {
      const expected = parts.reduce((hmac, part) => hmac.update(part), createHmac(scheme.algorithm, keyBytes(scheme, secret))).digest();
      for (const candidate of candidates) if (equalBytes(candidate, expected)) match = expected;
    }
  }
  if (match === undefined)
    return { ok: false, code: 'SIGNATURE_INVALID', message: 'The signature does not fit the body and the secret of this webhook' };
  const id = scheme.preset === 'standard' ? header(request.headers, 'webhook-id') : undefined;
  return { ok: true, id: id ?? match.toString('base64url') };
}

function missing(scheme: SignatureScheme): SignatureResult {
  const headers = [scheme.header, ...(scheme.timestampHeader === undefined ? [] : [scheme.timestampHeader])].join(' and ');
  return {
    ok: false,
    code: 'SIGNATURE_MISSING',
    message: `The request is not signed: ${headers} missing, or not as ${scheme.preset === 'generic' ? 'expected' : `${scheme.preset} writes it`}`,
  };
}

interface SignatureHeaders {
  readonly candidates: readonly Buffer[];
  readonly time: string | undefined;
}

function readHeaders(scheme: SignatureScheme, headers: IncomingHttpHeaders): SignatureHeaders | undefined {
  const value = header(headers, scheme.header);
  if (value === undefined || value.length > MAX_HEADER) return undefined;
  if (scheme.preset === 'stripe') return stripeHeader(scheme, value);
  const time = scheme.timestampHeader === undefined ? undefined : header(headers, scheme.timestampHeader);
  if (scheme.timestampHeader !== undefined && time === undefined) return undefined;
  if (scheme.preset === 'standard' && header(headers, 'webhook-id') === undefined) return undefined;
  const texts = scheme.preset === 'standard' ? value.split(' ', MAX_CANDIDATES) : [value];
  const candidates = texts.flatMap((text) => (text.startsWith(scheme.prefix) ? decoded(scheme, text.slice(scheme.prefix.length)) : []));
  return candidates.length === 0 ? undefined : { candidates, time };
}

/** `t=<seconds>,v1=<hex>`, where v1 may come several times while a secret is replaced. */
function stripeHeader(scheme: SignatureScheme, value: string): SignatureHeaders | undefined {
  let time: string | undefined;
  const candidates: Buffer[] = [];
  for (const part of value.split(',', MAX_CANDIDATES * 2)) {
    const at = part.indexOf('=');
    const name = part.slice(0, at).trim();
    if (name === 't') time = part.slice(at + 1).trim();
    if (name === 'v1' && candidates.length < MAX_CANDIDATES) candidates.push(...decoded(scheme, part.slice(at + 1).trim()));
  }
  return time === undefined || candidates.length === 0 ? undefined : { candidates, time };
}

const HEX = /^[0-9a-f]+$/i;
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;

/** None where the text is not what its encoding says: a decoder that skips what it does not know would take many texts for one. */
function decoded({ encoding }: SignatureScheme, text: string): Buffer[] {
  const isRight = encoding === 'hex' ? HEX.test(text) && text.length % 2 === 0 : BASE64.test(text) && text.length % 4 === 0;
  return isRight ? [Buffer.from(text, encoding)] : [];
}

/** What may have been signed, each as its parts in order. */
function signedContent(
  scheme: SignatureScheme,
  { headers, body, url }: SignedRequest,
  time: string | undefined,
): readonly (readonly (string | Uint8Array)[])[] {
  switch (scheme.preset) {
    case 'slack':
      return [[`v0:${time ?? ''}:`, body]];
    case 'stripe':
      return [[`${time ?? ''}.`, body]];
    case 'standard':
      return [[`${header(headers, 'webhook-id') ?? ''}.${time ?? ''}.`, body]];
    case 'twilio':
      return twilioContent(url, headers, body);
    case 'github':
    case 'shopify':
      return [[body]];
    case 'generic':
      return [time === undefined ? [body] : [`${time}.`, body]];
  }
}

/** The address, with the names and values of a form in order of names; for other bodies their hash is in the address. */
function twilioContent(url: string, headers: IncomingHttpHeaders, body: Uint8Array): readonly (readonly (string | Uint8Array)[])[] {
  const type = (headers['content-type'] ?? '').split(';', 1)[0]?.trim().toLowerCase();
  if (type === 'application/x-www-form-urlencoded') {
    const form = [...new URLSearchParams(Buffer.from(body).toString('utf8'))].toSorted(([a, x], [b, y]) => order(a, b) || order(x, y));
    return [[url, ...form.flat()]];
  }
  if (body.length === 0) return [[url]];
  const declared = URL.canParse(url) ? new URL(url).searchParams.get('bodySHA256') : null;
  const actual = createHash('sha256').update(body).digest();
  return declared !== null && HEX.test(declared) && equalBytes(Buffer.from(declared, 'hex'), actual) ? [[url]] : [];
}

function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Standard Webhooks writes its secrets in base64 behind a prefix. */
function keyBytes(scheme: SignatureScheme, secret: string): Buffer {
  return scheme.preset === 'standard' && secret.startsWith('whsec_') ? Buffer.from(secret.slice(6), 'base64') : Buffer.from(secret, 'utf8');
}

function header(headers: IncomingHttpHeaders, name: string): string | undefined {
  const value = headers[name.toLowerCase()];
  return typeof value === 'string' && value !== '' ? value : undefined;
}
