/** Credential types of the plugins here, and what a person filled in: checked, and parted into what may be shown and what may not. */
import type { Catalog } from '@plugboard/plugin-host';
import { type CredentialTypeIR, type Json, type JsonObject, holds, validateParams } from '@plugboard/sdk';
import { X509Certificate } from 'node:crypto';
import { HOSTS_MAX, mayGoTo, normalHost } from './allowed-hosts.ts';

export interface CredentialTypes {
  all(): readonly CredentialTypeIR[];
  find(type: string): CredentialTypeIR | undefined;
}

/** Tokens a service gave, as they are sealed. Times are in milliseconds since 1970. */
export interface Tokens {
  readonly accessToken: string;
  readonly refreshToken?: string;
  readonly expiresAt?: number;
}

/** What is sealed. */
export interface SecretContent {
  readonly fields: JsonObject;
  readonly tokens?: Tokens;
}

/** What is wrong with a field; `path` is inside the operation's input. */
export interface FieldProblem {
  readonly path: string;
  readonly message: string;
}

export function createCredentialTypes(catalog: Pick<Catalog, 'plugins'>): CredentialTypes {
  const all = (): readonly CredentialTypeIR[] => catalog.plugins().flatMap((plugin) => plugin.credentials ?? []);
  return { all, find: (type) => all().find((one) => one.type === type) };
}

export function secretFields(type: CredentialTypeIR): readonly string[] {
  return Object.entries(type.fields).flatMap(([name, ir]) => (ir.secret === true ? [name] : []));
}

/** All values by field, with defaults where nothing was filled in. */
export function valuesOf(type: CredentialTypeIR, publicData: JsonObject, secrets: JsonObject): JsonObject {
  const values: { [name: string]: Json } = {};
  for (const [name, ir] of Object.entries(type.fields)) {
    const source = ir.secret === true ? secrets : publicData;
    const given = Object.hasOwn(source, name) ? source[name] : undefined;
    const value = given === undefined || given === null || given === '' ? ir.default : given;
    if (value !== undefined) values[name] = value;
  }
  // What a condition hides does not count, whatever was typed there before.
  for (const [name, ir] of Object.entries(type.fields)) if (ir.when !== undefined && !holds(ir.when, values)) delete values[name];
  return values;
}

export interface FilledIn {
  readonly publicData: JsonObject;
  readonly secrets: JsonObject;
}

/** Parts what was filled in; a secret that is absent or left empty keeps the stored one, `null` takes it away. Public fields are replaced as a whole. */
export function partFields(type: CredentialTypeIR, data: JsonObject, stored: JsonObject = {}): FilledIn {
  const publicData: { [name: string]: Json } = {};
  const secrets: { [name: string]: Json } = {};
  for (const [name, ir] of Object.entries(type.fields)) {
    const given = Object.hasOwn(data, name) ? data[name] : undefined;
    const isLeft = given === undefined || given === '';
    const kept = ir.secret === true && isLeft && Object.hasOwn(stored, name) ? stored[name] : given;
    if (kept === undefined || kept === null || kept === '') continue;
    (ir.secret === true ? secrets : publicData)[name] = kept;
  }
  return { publicData, secrets };
}

/** Everything that is wrong. Messages never hold a value. */
export function fieldProblems(type: CredentialTypeIR, data: JsonObject, { publicData, secrets }: FilledIn): FieldProblem[] {
  const unknown = Object.keys(data).filter((name) => !Object.hasOwn(type.fields, name));
  const problems: FieldProblem[] = unknown.map((name) => ({ path: `input.data.${name}`, message: `${type.title} has no field "${name}"` }));
  const literal = Object.fromEntries(Object.entries({ ...publicData, ...secrets }).map(([name, value]) => [name, asLiteral(value)]));
  for (const { path, message } of validateParams(type.fields, literal)) {
    const [name] = path;
    const isSecret = typeof name === 'string' && type.fields[name]?.secret === true;
    // What is wrong with a secret may quote it.
    const text = isSecret && Object.hasOwn(secrets, name) ? 'The value does not fit.' : message;
    problems.push({ path: `input.data.${path.join('.')}`, message: `${titleOf(type, name)}: ${text}` });
  }
  return problems;
}

/** Nothing here is an expression: a password may begin with an equals sign. */
function asLiteral(value: Json): Json {
  return typeof value === 'string' && value.startsWith('=') ? `=${value}` : value;
}

function titleOf(type: CredentialTypeIR, name: string | number | undefined): string {
  return (name === undefined ? undefined : type.fields[name]?.title) ?? String(name ?? '');
}

/** The hosts as they are kept, and what is wrong with them. None: the credential goes nowhere, and only proves who calls a webhook. */
export function checkHosts(hosts: readonly string[]): { readonly hosts: string[]; readonly problems: FieldProblem[] } {
  const problems: FieldProblem[] = [];
  const normal = new Set<string>();
  for (const host of hosts) {
    const kept = normalHost(host);
    if (kept !== undefined) normal.add(kept);
    else {
      problems.push({
        path: 'input.allowedHosts',
        message: `"${host.slice(0, 100)}" is no host. Write api.example.com, *.example.com or api.example.com:8443; http:// in front only where the service has no HTTPS.`,
      });
    }
  }
  if (normal.size > HOSTS_MAX) problems.push({ path: 'input.allowedHosts', message: `Name at most ${HOSTS_MAX} hosts.` });
  return { hosts: [...normal], problems };
}

/** The type's own hosts, with fields put in; those whose field is empty are left out. */
export function hostsOfType(type: CredentialTypeIR, publicData: JsonObject): string[] {
  return type.hosts.flatMap((host) => {
    let isWhole = true;
    const filled = host.replaceAll(/\{(\w+)\}/g, (_, name: string) => {
      const value = Object.hasOwn(publicData, name) ? publicData[name] : undefined;
      if (typeof value !== 'string' || value === '') isWhole = false;
      return typeof value === 'string' ? value : '';
    });
    return isWhole ? [filled] : [];
  });
}

/** Addresses the server itself sends secrets to: HTTPS, unless the credential names the host with http://. */
export function addressProblems(type: CredentialTypeIR, publicData: JsonObject, hosts: readonly string[]): FieldProblem[] {
  return Object.entries(type.fields).flatMap(([name, ir]) => {
    const value = publicData[name];
    if (ir.kind !== 'text' || ir.format !== 'url' || typeof value !== 'string') return [];
    const url = URL.parse(value);
    const isTest = type.test?.urlField === name;
    if (url === null || url.username !== '' || url.password !== '' || !['http:', 'https:'].includes(url.protocol))
      return [{ path: `input.data.${name}`, message: `${titleOf(type, name)}: this is not an address such as https://example.com/path.` }];
    if (isTest ? mayGoTo(url, hosts) : mayBeAsked(url, hosts)) return [];
    const message = isTest
      ? 'its host is none the credential may go to.'
      : 'use https://, or name the host with http:// among those the credential may go to.';
    return [{ path: `input.data.${name}`, message: `${titleOf(type, name)}: ${message}` }];
  });
}

export function mayBeAsked(url: URL, hosts: readonly string[]): boolean {
  return url.protocol === 'https:' || mayGoTo(url, hosts);
}

/**
 * Whether secrets would go somewhere else: an address among the public fields, or one that names a host, is another one. What a step opens
 * itself goes by all of them: another port is another program, and a connection without TLS or with another authority has another reader.
 */
export function movesSecrets(type: CredentialTypeIR, before: JsonObject, now: JsonObject): boolean {
  const ofHosts = new Set(type.hosts.flatMap((host) => [...host.matchAll(/\{(\w+)\}/g)].map((match) => match[1])));
  return Object.entries(type.fields).some(([name, ir]) => {
    const isAddress = ir.kind === 'text' && ir.format === 'url' && type.test?.urlField !== name;
    if (isAddress || ofHosts.has(name)) return before[name] !== now[name] && now[name] !== undefined;
    if (type.exposed !== true || secretFields(type).includes(name)) return false;
    const fallback = 'default' in ir ? ir.default : undefined;
    return (before[name] ?? fallback) !== (now[name] ?? fallback);
  });
}

/** When a certificate of the credential runs out. */
export function certificateEnd(type: CredentialTypeIR, publicData: JsonObject): Date | undefined {
  const field = type.auth?.scheme === 'mtls' ? type.auth.certificateField : undefined;
  const pem = field === undefined ? undefined : publicData[field];
  if (typeof pem !== 'string') return undefined;
  try {
    return new X509Certificate(pem).validToDate;
  } catch {
    return undefined;
  }
}
