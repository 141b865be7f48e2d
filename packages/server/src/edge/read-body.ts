/** Request bodies: bounded while they stream in, decompressed under the same bound, parsed by their declared type. */
import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import { isUtf8 } from 'node:buffer';
import type { Json } from '@plugboard/sdk';
import { jsonHazard, unstorableText } from './json-hazard.ts';

export interface BodyProblem {
  readonly status: 400 | 408 | 413 | 415;
  readonly code: string;
  readonly message: string;
}

export type BodyResult = { readonly ok: true; readonly value: Json } | { readonly ok: false; readonly problem: BodyProblem };

const MAX_FORM_PARTS = 1000;
/** A compressed body may grow this many times. */
const MAX_RATIO = 100;

/** Reads the body as text of at most `limit` bytes. Calls back once, at once where there is none. */
export function readBody(req: IncomingMessage, limit: number, done: (error: BodyProblem | undefined, body: Buffer) => void): void {
  const declared = req.headers['content-length'];
  if (declared !== undefined && Number(declared) > limit) return done(tooLarge(limit), EMPTY);
  const encoding = req.headers['content-encoding'];
  const source = encoding === undefined || encoding === 'identity' ? req : decompress(req, encoding);
  if (!source) {
    return done(
      { status: 415, code: 'ENCODING_UNSUPPORTED', message: `Content encoding ${encoding} is not supported; use gzip, deflate or br` },
      EMPTY,
    );
  }
  let received = 0;
  let packed = 0;
  let finished = false;
  let first: Buffer | undefined;
  let chunks: Buffer[] | undefined;
  const finish = (error: BodyProblem | undefined): void => {
    if (finished) return;
    finished = true;
    if (error && source !== req) {
      req.unpipe();
      source.destroy();
    }
    done(error, chunks ? Buffer.concat(chunks) : (first ?? EMPTY));
  };
  if (source !== req) req.on('data', (chunk: Buffer) => (packed += chunk.length));
  source.on('data', (chunk: Buffer) => {
    if (finished) return;
    received += chunk.length;
    if (received > limit || (source !== req && received > 64 * 1024 && received > packed * MAX_RATIO)) return finish(tooLarge(limit));
    if (!first) first = chunk;
    else (chunks ??= [first]).push(chunk);
  });
  source.on('end', () => finish(undefined));
  // A request without listeners for errors closes, and that is heard below.
  if (source !== req) {
    source.on('error', () =>
      finish({ status: 400, code: 'BODY_UNREADABLE', message: 'The request body broke off or is not what its encoding says' }),
    );
    req.on('error', () => finish({ status: 400, code: 'BODY_UNREADABLE', message: 'The request body broke off' }));
  }
  req.on('close', () => {
    if (!req.complete) finish({ status: 400, code: 'BODY_UNREADABLE', message: 'The request body broke off' });
  });
}

/**
 * Reads and drops what is left of a body nobody wants, for a while: closing under a sender that still writes would lose the answer on its way.
 * @param forMs milliseconds until the connection is closed all the same
 */
export function discardRest(req: IncomingMessage, forMs = 5000): void {
  if (req.complete) return;
  req.resume();
  const timer = setTimeout(() => req.destroy(), forMs);
  timer.unref();
  req.once('close', () => clearTimeout(timer));
}

const EMPTY = Buffer.alloc(0);
const NOT_UTF8 = refused('TEXT_INVALID', 'The body is not valid UTF-8. Send it as UTF-8');

function tooLarge(limit: number): BodyProblem {
  return { status: 413, code: 'BODY_TOO_LARGE', message: `The body is larger than the limit of ${limit} bytes` };
}

function decompress(req: IncomingMessage, encoding: string): Readable | undefined {
  if (encoding === 'gzip' || encoding === 'x-gzip') return req.pipe(createGunzip());
  if (encoding === 'deflate') return req.pipe(createInflate());
  if (encoding === 'br') return req.pipe(createBrotliDecompress());
  return undefined;
}

/** `text/html` of `Text/HTML; charset=utf-8`; empty where there is none. */
export function mediaType(contentType: string | undefined): string {
  return contentType === undefined ? '' : (contentType.split(';', 1)[0] ?? '').trim().toLowerCase();
}

/** True for a type that becomes data; a body of any other is a file. */
export function isReadableType(type: string): boolean {
  return type === '' || isJsonType(type) || type === 'application/x-www-form-urlencoded' || isTextType(type);
}

function isJsonType(type: string): boolean {
  return type === 'application/json' || type.endsWith('+json');
}

function isTextType(type: string): boolean {
  return (
    type.startsWith('text/') ||
    type === 'application/csv' ||
    type === 'application/xml' ||
    type.endsWith('+xml') ||
    type === 'application/x-ndjson'
  );
}

/** Turns a body into JSON data by its content type: JSON, form, or text as a string. An empty body is null. */
export function parseBody(bytes: Buffer, contentType: string | undefined): BodyResult {
  if (bytes.length === 0) return { ok: true, value: null };
  if (contentType === 'application/json') return parseJson(bytes);
  const type = mediaType(contentType);
  const body = contentType?.includes('=') ? asUtf8(bytes, contentType) : bytes;
  if (!Buffer.isBuffer(body)) return body;
  if (type === '' || isJsonType(type)) return parseJson(body);
  if (type === 'application/x-www-form-urlencoded') {
    if (!isUtf8(body)) return NOT_UTF8;
    // Command-line clients send JSON under this type unless told otherwise.
    const text = body.toString('utf8');
    if (text.startsWith('{') || text.startsWith('[')) {
      const json = parseJson(body);
      if (json.ok) return json;
    }
    return parseForm(text);
  }
  if (isTextType(type)) {
    if (!isUtf8(body)) return NOT_UTF8;
    const text = body.toString('utf8');
    return text.includes('\0')
      ? refused('TEXT_INVALID', 'The body has a NUL character in it, which no text has')
      : { ok: true, value: text };
  }
  return {
    ok: false,
    problem: {
      status: 415,
      code: 'CONTENT_TYPE_UNSUPPORTED',
      message: `Content type ${type.slice(0, 100)} is not supported; send JSON, a form, or text`,
    },
  };
}

/** The bytes as they would be in UTF-8, where the sender says that they are something else. */
function asUtf8(bytes: Buffer, contentType: string): Buffer | BodyResult {
  const charset = /;\s*charset\s*=\s*"?([^\s";]{1,40})/i.exec(contentType)?.[1]?.toLowerCase();
  if (charset === undefined || charset === 'utf-8' || charset === 'utf8') return bytes;
  let decoder: TextDecoder;
  try {
    decoder = new TextDecoder(charset, { fatal: true });
  } catch {
    const message = `The charset ${charset} is not known. Send the body as UTF-8`;
    return { ok: false, problem: { status: 415, code: 'CHARSET_UNSUPPORTED', message } };
  }
  try {
    return Buffer.from(decoder.decode(bytes), 'utf8');
  } catch {
    return refused('TEXT_INVALID', `The body is not valid ${charset}, which its Content-Type says it is`);
  }
}

export function parseJson(body: Buffer): BodyResult {
  if (!isUtf8(body)) return NOT_UTF8;
  const text = withoutMark(body.toString('utf8'));
  const hazard = jsonHazard(text);
  if (hazard) return refused(hazard.code, hazard.message);
  let value: Json;
  try {
    value = JSON.parse(text) as Json;
  } catch (error) {
    return refused('JSON_INVALID', `The body is not valid JSON: ${error instanceof Error ? shorten(error.message) : 'unreadable'}`);
  }
  // Only an escape can bring a character in that valid UTF-8 and JSON keep out, or hide the key.
  const flaw = text.includes('\\u') || text.includes('__proto__') ? flawIn(value) : undefined;
  return flaw ?? { ok: true, value };
}

function refused(code: string, message: string): BodyResult {
  return { ok: false, problem: { status: 400, code, message } };
}

/** Some programs begin a file with a byte order mark. */
function withoutMark(text: string): string {
  return text.charCodeAt(0) === 0xfeff ? text.slice(1) : text;
}

/** Looks at every text and key: what no database stores, and the key that names a prototype. */
function flawIn(value: Json): BodyResult | undefined {
  if (typeof value === 'string') {
    const what = unstorableText(value);
    return what === undefined ? undefined : refused('TEXT_INVALID', `The body has ${what} in a text, which cannot be stored`);
  }
  if (typeof value !== 'object' || value === null) return undefined;
  if (Array.isArray(value)) {
    for (const one of value) {
      const flaw = flawIn(one as Json);
      if (flaw) return flaw;
    }
    return undefined;
  }
  for (const [key, one] of Object.entries(value)) {
    if (key === '__proto__') return refused('JSON_KEY_REFUSED', 'The key "__proto__" is not allowed');
    const flaw = flawIn(key) ?? flawIn(one);
    if (flaw) return flaw;
  }
  return undefined;
}

function parseForm(text: string): BodyResult {
  return formData(text, 'form');
}

/** Names and values of a form or query as it was sent; a repeated name gives an array. */
export function formData(text: string, what: 'form' | 'query'): BodyResult {
  const value: { [name: string]: Json } = {};
  // The parser puts this character where the bytes are no UTF-8; somebody may also have sent it.
  const mayHoldReplacement = text.includes('\ufffd') || /%ef%bf%bd/i.test(text);
  let count = 0;
  for (const [name, part] of new URLSearchParams(text)) {
    count += 1;
    if (count > MAX_FORM_PARTS) return refused('FORM_TOO_LONG', `The ${what} has more than ${MAX_FORM_PARTS} values`);
    if (name === '__proto__') return refused('JSON_KEY_REFUSED', 'The name "__proto__" is not allowed');
    if (name.includes('\0') || part.includes('\0'))
      return refused('TEXT_INVALID', `The ${what} has a NUL character in it, which no text has`);
    if (!mayHoldReplacement && (name.includes('\ufffd') || part.includes('\ufffd')))
      return refused('TEXT_INVALID', `The ${what} is not valid UTF-8. Send it as UTF-8`);
    const before = Object.hasOwn(value, name) ? value[name] : undefined;
    if (before === undefined) value[name] = part;
    else if (Array.isArray(before)) before.push(part);
    else value[name] = [before, part];
  }
  return { ok: true, value };
}

function shorten(message: string): string {
  return message.length > 200 ? `${message.slice(0, 200)}…` : message;
}
