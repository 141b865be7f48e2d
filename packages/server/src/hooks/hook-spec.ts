/**
 * The parameters of a webhook trigger as what the server serves: one route for each method, with who may call, what browsers may do, and how
 * bodies, repeats and times are treated. And what is wrong with them beyond the type of each.
 */
import { createPublicKey } from 'node:crypto';
import type { Problem } from '@plugboard/engine';
import type { HookReply, HookSpec } from '@plugboard/persistence';
import { type Condition, type Json, type JsonObject, type ParamsIR, holds } from '@plugboard/sdk';
import { type HookForm, formFlaw, hookForm } from './form-hook.ts';
import { SIGNATURE_PRESETS, type SignaturePreset, type SignatureScheme } from './signature.ts';

export const JWT_ALGORITHMS = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'HS256',
  'HS384',
  'HS512',
] as const;
export type JwtAlgorithm = (typeof JWT_ALGORITHMS)[number];

export type JwtKey =
  | { readonly from: 'secret'; readonly credential: string }
  | { readonly from: 'public-key'; readonly pem: string }
  | { readonly from: 'jwks'; readonly url: string };

/** Who may call. Secrets are in credentials, which are named by key. */
export type HookAuth =
  | { readonly kind: 'basic'; readonly credential: string }
  | { readonly kind: 'header'; readonly credential: string }
  | {
      readonly kind: 'jwt';
      readonly algorithm: JwtAlgorithm;
      readonly key: JwtKey;
      readonly issuer?: string;
      readonly audience?: string;
      readonly leewaySeconds: number;
    }
  | { readonly kind: 'signature'; readonly credential: string; readonly scheme: SignatureScheme };

/** What pages of other origins may do. */
export interface HookCors {
  /** Exact origins, or only `*`. */
  readonly origins: readonly string[];
  readonly credentials: boolean;
  readonly maxAgeSeconds: number;
}

export type HookBody = 'auto' | 'text' | 'file';
export type HookDedupe = { readonly header: string } | { readonly field: string };

export interface HookSettings {
  /** Longest wait for the run. @default the server's */
  readonly timeoutMs?: number;
  /** @default 'auto' */
  readonly body?: HookBody;
  readonly dedupe?: HookDedupe;
  /** How long a repeated delivery is known. @default 24 */
  readonly dedupeHours?: number;
  /** Most bytes of all files of one request. @default 16 MiB */
  readonly fileBytes?: number;
  /** Requests a minute from all callers together. */
  readonly perMinute?: number;
  /** Set where a page is served that people fill in. */
  readonly form?: HookForm;
}

export interface HookNode {
  readonly nodeId: string;
  /** What the type says of its parameters. */
  readonly ir: ParamsIR;
  readonly params: JsonObject;
}

/** A header a webhook may be told by name. */
const HEADER_NAME = /^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$/;
const ORIGIN = /^https?:\/\/[^/?#@\s,;*]+$/i;
const FIELD = /^(body|headers|query|params)(\.[^.\s]{1,100}){0,15}$/;
const DEFAULT_TOLERANCE_SECONDS = 300;
const MIB = 1024 * 1024;
export const USUAL_FILE_BYTES = 16 * MIB;

/** One route for each method. Parameters have passed validation. */
export function hookSpecs(node: HookNode): HookSpec[] {
  const read = reader(node);
  const auth = authOf(read);
  const cors = corsOf(read);
  const settings = settingsOf(read);
  const asked = settings.form ? ['GET', 'POST'] : [read.text('method') ?? 'POST', ...read.texts('moreMethods')];
  const methods = new Set(asked.map((method) => method.toUpperCase()));
  return [...methods].map((method) => ({
    nodeId: node.nodeId,
    method,
    pattern: read.text('path') ?? '',
    reply: (read.text('reply') ?? 'immediate') as HookReply,
    settings: settings as unknown as JsonObject,
    ...(auth ? { auth: auth as unknown as JsonObject } : {}),
    ...(cors ? { cors: cors as unknown as JsonObject } : {}),
  }));
}

/** Everything that keeps a webhook from being served as it is written. `path` is where its parameters stand in the definition. */
export function hookProblems(node: HookNode & { readonly name: string; readonly path: string }): Problem[] {
  const read = reader(node);
  const problems: Problem[] = [];
  const report = (code: string, param: string, message: string, hint: string): void =>
    void problems.push({
      code,
      severity: 'error',
      nodeId: node.nodeId,
      path: `${node.path}.${param}`,
      message: `"${node.name}": ${message}`,
      hint,
    });

  const auth = authOf(read);
  if (auth?.kind === 'jwt') jwtProblems(auth, report);
  if (auth?.kind === 'signature' && !HEADER_NAME.test(auth.scheme.header))
    report('WEBHOOK_SIGNATURE_INVALID', 'signatureHeader', 'the signature has no header it comes in.', 'Name one, such as X-Signature.');
  const { timestampHeader } = auth?.kind === 'signature' ? auth.scheme : {};
  if (timestampHeader !== undefined && !HEADER_NAME.test(timestampHeader))
    report(
      'WEBHOOK_SIGNATURE_INVALID',
      'signatureTimestampHeader',
      `"${timestampHeader}" is no name of a header.`,
      'Write a name such as X-Timestamp.',
    );

  const cors = corsOf(read);
  if (cors) {
    if (cors.origins.length === 0)
      report(
        'WEBHOOK_CORS_INVALID',
        'corsOrigins',
        'no origin is listed.',
        'List origins such as https://shop.example, or turn the setting off.',
      );
    for (const origin of cors.origins)
      if (origin !== '*' && !ORIGIN.test(origin))
        report(
          'WEBHOOK_CORS_INVALID',
          'corsOrigins',
          `"${origin}" is no origin.`,
          'Write scheme and host, such as https://shop.example, without a path.',
        );
    if (cors.origins.includes('*') && cors.credentials)
      report(
        'WEBHOOK_CORS_INVALID',
        'corsCredentials',
        'pages of every origin may not send credentials.',
        'List the origins by name, or turn credentials off.',
      );
  }

  const { dedupe, form } = settingsOf(read);
  const flaw = form && formFlaw(form);
  if (flaw) report('FORM_INVALID', flaw.param, flaw.message, 'Change it, and the form can be shown.');
  if (dedupe && 'header' in dedupe && !HEADER_NAME.test(dedupe.header))
    report('WEBHOOK_DEDUPE_INVALID', 'dedupeHeader', `"${dedupe.header}" is no name of a header.`, 'Write a name such as Idempotency-Key.');
  if (dedupe && 'field' in dedupe && !FIELD.test(dedupe.field))
    report(
      'WEBHOOK_DEDUPE_INVALID',
      'dedupeField',
      `"${dedupe.field}" is no field of a request.`,
      'Write a path that begins with body, headers, query or params, such as body.event.id.',
    );
  return problems;
}

type Report = (code: string, param: string, message: string, hint: string) => void;

function jwtProblems(auth: Extract<HookAuth, { kind: 'jwt' }>, report: Report): void {
  const { key, algorithm } = auth;
  if (key.from === 'jwks' && !/^https?:\/\//i.test(key.url))
    report('WEBHOOK_JWT_INVALID', 'jwksUrl', 'the keys have no address.', 'Write one that starts with https://.');
  if (key.from !== 'public-key') return;
  let type: string | undefined;
  let curve: string | undefined;
  try {
    const made = createPublicKey(key.pem);
    type = made.asymmetricKeyType;
    curve = made.asymmetricKeyDetails?.namedCurve;
    if (/PRIVATE KEY/.test(key.pem)) type = 'private';
  } catch {
    type = undefined;
  }
  if (type === 'private')
    return report(
      'WEBHOOK_JWT_INVALID',
      'jwtPublicKey',
      'this is a private key.',
      'Put the public one here, and replace the private one: it has been shown.',
    );
  const fits = type !== undefined && (KEY_TYPES[algorithm.slice(0, 2)] ?? []).includes(type);
  const curveFits = !algorithm.startsWith('ES') || curve === CURVES[algorithm];
  if (!fits || !curveFits)
    report(
      'WEBHOOK_JWT_INVALID',
      'jwtPublicKey',
      `this is no public key for ${algorithm}.`,
      'Paste the key as PEM, beginning with -----BEGIN PUBLIC KEY-----.',
    );
}

const KEY_TYPES: { readonly [family: string]: readonly string[] } = {
  RS: ['rsa'],
  PS: ['rsa', 'rsa-pss'],
  ES: ['ec'],
  Ed: ['ed25519', 'ed448'],
};
const CURVES: { readonly [algorithm: string]: string } = { ES256: 'prime256v1', ES384: 'secp384r1', ES512: 'secp521r1' };

function authOf(read: Reader): HookAuth | undefined {
  const credential = (name: string): string => read.text(name) ?? '';
  switch (read.text('auth')) {
    case 'basic':
      return { kind: 'basic', credential: credential('basicCredential') };
    case 'header':
      return { kind: 'header', credential: credential('headerCredential') };
    case 'jwt': {
      const algorithm = (read.text('jwtAlgorithm') ?? 'RS256') as JwtAlgorithm;
      const issuer = read.text('jwtIssuer');
      const audience = read.text('jwtAudience');
      return {
        kind: 'jwt',
        algorithm,
        key: jwtKeyOf(read, algorithm),
        ...(issuer ? { issuer } : {}),
        ...(audience ? { audience } : {}),
        leewaySeconds: read.number('jwtLeewaySeconds') ?? 30,
      };
    }
    case 'signature':
      return { kind: 'signature', credential: credential('secretCredential'), scheme: schemeOf(read) };
    default:
      return undefined;
  }
}

function jwtKeyOf(read: Reader, algorithm: JwtAlgorithm): JwtKey {
  // The algorithm says what the key is, so that a public key is never taken for a secret.
  if (algorithm.startsWith('HS')) return { from: 'secret', credential: read.text('secretCredential') ?? '' };
  if (read.text('jwtKeyFrom') === 'public-key') return { from: 'public-key', pem: read.text('jwtPublicKey') ?? '' };
  return { from: 'jwks', url: read.text('jwksUrl') ?? '' };
}

function schemeOf(read: Reader): SignatureScheme {
  const preset = (read.text('signature') ?? 'generic') as SignaturePreset;
  const refusesRepeats = read.flag('signatureRefuseRepeats') ?? false;
  const toleranceSeconds = read.number('signatureToleranceSeconds') ?? DEFAULT_TOLERANCE_SECONDS;
  if (preset !== 'generic') return { ...SIGNATURE_PRESETS[preset], toleranceSeconds, refusesRepeats };
  const timestampHeader = read.text('signatureTimestampHeader');
  return {
    preset,
    header: read.text('signatureHeader') ?? '',
    algorithm: (read.text('signatureAlgorithm') ?? 'sha256') as SignatureScheme['algorithm'],
    encoding: (read.text('signatureEncoding') ?? 'hex') as SignatureScheme['encoding'],
    prefix: read.text('signaturePrefix') ?? '',
    ...(timestampHeader ? { timestampHeader } : {}),
    toleranceSeconds,
    refusesRepeats,
  };
}

function corsOf(read: Reader): HookCors | undefined {
  if (read.text('cors') !== 'origins') return undefined;
  return {
    origins: [...new Set(read.texts('corsOrigins').map((origin) => (origin === '*' ? origin : origin.trim().toLowerCase())))],
    credentials: read.flag('corsCredentials') ?? false,
    maxAgeSeconds: read.number('corsMaxAgeSeconds') ?? 600,
  };
}

/** Only what differs from the usual, so that a webhook without settings is known by having none. */
function settingsOf(read: Reader): HookSettings {
  const seconds = read.number('timeoutSeconds');
  const body = read.text('readBody');
  const perMinute = read.number('perMinute');
  const fileBytes = (read.number('maxFileMiB') ?? USUAL_FILE_BYTES / MIB) * MIB;
  const form = formOf(read);
  const by = read.text('dedupe');
  const dedupe: HookDedupe | undefined =
    by === 'header'
      ? { header: read.text('dedupeHeader') ?? 'Idempotency-Key' }
      : by === 'field'
        ? { field: read.text('dedupeField') ?? '' }
        : undefined;
  return {
    ...(seconds === undefined ? {} : { timeoutMs: seconds * 1000 }),
    ...(body === undefined || body === 'auto' ? {} : { body: body as HookBody }),
    ...(dedupe ? { dedupe, dedupeHours: read.number('dedupeHours') ?? 24 } : {}),
    ...(fileBytes === USUAL_FILE_BYTES ? {} : { fileBytes }),
    ...(perMinute === undefined ? {} : { perMinute }),
    ...(form === undefined ? {} : { form }),
  };
}

/** A type with the parameter `formFields` is a form. */
function formOf(read: Reader): HookForm | undefined {
  if (!read.has('formFields')) return undefined;
  return hookForm({
    fields: read.json('formFields'),
    title: read.text('formTitle'),
    message: read.text('formMessage'),
    submit: read.text('formSubmit'),
    thanks: read.text('formThanks'),
    redirect: read.text('formRedirect'),
  });
}

interface Reader {
  /** Whether the type has such a parameter. */
  has(name: string): boolean;
  json(name: string): Json | undefined;
  text(name: string): string | undefined;
  texts(name: string): readonly string[];
  number(name: string): number | undefined;
  flag(name: string): boolean | undefined;
}

/** Values with their defaults. A parameter that does not show counts as absent, and so does an expression: a route is no data of a run. */
function reader({ ir, params }: HookNode): Reader {
  const given = (name: string): Json | undefined => {
    const own = Object.hasOwn(params, name) ? params[name] : undefined;
    return own ?? (Object.hasOwn(ir, name) ? ir[name]?.default : undefined);
  };
  const all: { [name: string]: Json | undefined } = {};
  for (const name of Object.keys(ir)) all[name] = given(name);
  const shows = (condition: Condition | undefined): boolean => condition === undefined || holds(condition, all);
  const value = (name: string): Json | undefined => (Object.hasOwn(ir, name) && shows(ir[name]?.when) ? all[name] : undefined);
  // Two signs at the beginning of a text stand for one.
  const plain = (text: string): string => (text.startsWith('==') ? text.slice(1) : text);
  return {
    has: (name) => Object.hasOwn(ir, name),
    json: value,
    text: (name) => {
      const found = value(name);
      return typeof found === 'string' ? plain(found) : undefined;
    },
    texts: (name) => {
      const found = value(name);
      return Array.isArray(found) ? found.flatMap((one: Json) => (typeof one === 'string' ? [plain(one)] : [])) : [];
    },
    number: (name) => {
      const found = value(name);
      return typeof found === 'number' ? found : undefined;
    },
    flag: (name) => {
      const found = value(name);
      return typeof found === 'boolean' ? found : undefined;
    },
  };
}
