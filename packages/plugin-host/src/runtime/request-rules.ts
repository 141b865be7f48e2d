/**
 * What a request may look like, judged before it is sent: a refusal here proves that nothing left, which an error of fetch does not say.
 * All refusals are of the kind `input`: the author or the person who filled in the step changes something.
 */
import { StepFailure } from '@plugboard/sdk';

/** Headers of the connection and not of the request; the transport sets what it needs. */
const CONNECTION_HEADERS: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'expect',
  'http2-settings',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** Ports fetch never asks, because other protocols listen there (the "bad ports" of the fetch standard). */
const BLOCKED_PORTS: ReadonlySet<number> = new Set([
  0, 1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101, 102, 103, 104, 109, 110, 111, 113, 115, 117,
  119, 123, 135, 137, 139, 143, 161, 179, 389, 427, 465, 512, 513, 514, 515, 526, 530, 531, 532, 540, 548, 554, 556, 563, 587, 601, 636,
  989, 990, 993, 995, 1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080,
]);

/** Parts of header names that tell secrets, or that mean something to one service only. */
const PRIVATE_PARTS: ReadonlySet<string> = new Set([
  'apikey',
  'auth',
  'authentication',
  'authorization',
  'cookie',
  'cookie2',
  'credential',
  'credentials',
  'csrf',
  'jwt',
  'key',
  'passwd',
  'password',
  'secret',
  'session',
  'signature',
  'token',
  'xsrf',
]);

const METHOD = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const FORBIDDEN_METHODS: ReadonlySet<string> = new Set(['CONNECT', 'TRACE', 'TRACK']);

/** @throws StepFailure URL_INVALID, or PORT_BLOCKED */
export function requestUrl(address: string | URL): URL {
  const url = URL.parse(address);
  if (url === null) {
    throw refused(
      'URL_INVALID',
      `${JSON.stringify(String(address).slice(0, 200))} is not an address. Give one that starts with http:// or https://.`,
    );
  }
  const flaw = flawOf(url);
  if (flaw !== undefined) throw refused(flaw.code, flaw.text);
  return url;
}

/**
 * Where an answer redirects to.
 * @throws StepFailure REDIRECT_INVALID
 */
export function redirectUrl(location: string, from: URL): URL {
  const url = URL.parse(location, from);
  const flaw = url === null ? 'what it names is not an address' : flawOf(url)?.text;
  if (url !== null && flaw === undefined) return url;
  throw refused('REDIRECT_INVALID', `${from.origin}${from.pathname} redirects to where no request may go: ${flaw}`);
}

/** @throws StepFailure METHOD_INVALID */
export function requestMethod(method: string): string {
  const name = method.toUpperCase();
  if (METHOD.test(name) && !FORBIDDEN_METHODS.has(name)) return name;
  throw refused(
    'METHOD_INVALID',
    `${JSON.stringify(method.slice(0, 40))} is not a method that can be sent. Use GET, POST, PUT, PATCH or DELETE.`,
  );
}

/** @throws StepFailure HEADER_INVALID naming the header, or HEADER_NOT_ALLOWED when the connection owns it */
export function requestHeaders(given: { readonly [name: string]: string } | undefined): Headers {
  const headers = new Headers();
  for (const [name, value] of Object.entries(given ?? {})) {
    if (CONNECTION_HEADERS.has(name.toLowerCase())) {
      throw refused('HEADER_NOT_ALLOWED', `The header ${name} belongs to the connection and is set by the server. Remove it.`);
    }
    try {
      headers.set(name, value);
    } catch (cause) {
      throw refused(
        'HEADER_INVALID',
        `The header ${JSON.stringify(name.slice(0, 100))} cannot be sent: names are made of letters, digits and -, values of one line of Latin text.`,
        cause,
      );
    }
  }
  return headers;
}

/** Leaves out what belongs to the connection, as browsers do with what libraries set. */
export function withoutConnectionHeaders(headers: Headers): Headers {
  for (const name of CONNECTION_HEADERS) headers.delete(name);
  return headers;
}

/** Leaves out what another origin must not see: secrets, and keys under which the first one knows the request. */
export function withoutPrivateHeaders(headers: Headers): Headers {
  const names = Array.from(headers.keys()).filter((name) => name.split(/[-_]/).some((part) => PRIVATE_PARTS.has(part)));
  for (const name of names) headers.delete(name);
  return headers;
}

function flawOf(url: URL): { readonly code: string; readonly text: string } | undefined {
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    return { code: 'URL_INVALID', text: `${url.protocol} cannot be requested. Give an address that starts with http:// or https://.` };
  }
  if (url.username !== '' || url.password !== '') {
    return {
      code: 'URL_INVALID',
      text: `An address with a user name or password in front of the host cannot be requested. Send them in the Authorization header.`,
    };
  }
  if (url.port !== '' && BLOCKED_PORTS.has(Number(url.port))) {
    return { code: 'PORT_BLOCKED', text: `Port ${url.port} is never asked over HTTP: it is meant for another protocol.` };
  }
  return undefined;
}

function refused(code: string, message: string, cause?: unknown): StepFailure {
  return new StepFailure(code, message, { cause });
}
