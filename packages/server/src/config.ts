/**
 * Settings, read once into a checked object: the environment wins over `plugboard.config.json` in the data folder, the file over defaults.
 */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import ipaddr from 'ipaddr.js';
import { z } from 'zod';
import { type Environment, dataDirOf } from './data-dir.ts';
import { isIssuer } from './auth/issuer.ts';
import { EgressRuleError, createAddressRules } from './egress/address-rules.ts';

export interface Config {
  /** Names of the settings that the environment or the file says; the others can be set while the server runs. */
  readonly given: ReadonlySet<string>;
  /** Address to listen on. @default '127.0.0.1' */
  readonly host: string;
  /** 0 takes a free one. @default 7400 */
  readonly port: number;
  /** Absolute path of the data folder: database, files, keys. @default './data' */
  readonly dataDir: string;
  /** PostgreSQL to use instead of the embedded one. */
  readonly databaseUrl: string | undefined;
  /** Hosts and ranges steps may reach although they are private. */
  readonly egressAllow: readonly string[];
  /** Files of the certificate and its key, where the server speaks TLS itself. */
  readonly tls: { readonly certFile: string; readonly keyFile: string } | undefined;
  /** Plain HTTP on this port is sent to the public address. */
  readonly redirectPort: number | undefined;
  /** The address people and webhooks use. */
  readonly publicUrl: string | undefined;
  /** An address of their own for webhooks, so that nothing they answer is of the origin of the pages. */
  readonly hooksUrl: string | undefined;
  /** Wraps all other keys; made in the data folder when absent. */
  readonly rootKey: string | undefined;
  /** Takes the place of a `rootKey` that is given: the server wraps all other keys with it while it runs. */
  readonly rootKeyNext: string | undefined;
  /** Largest request body, in bytes. @default 1048576 */
  readonly bodyLimit: number;
  /** Largest file that is kept, in bytes. @default 268435456 */
  readonly fileLimit: number;
  /** Proxies whose forwarding headers count, as addresses or ranges. */
  readonly trustedProxies: readonly string[];
  /** Requests a second of one address to one webhook, with bursts of twice as many; 0 for no limit. Programs on this machine are not limited. @default 2000 */
  readonly rateLimit: number;
  /** Requests a second of one caller to the API, with bursts of four times as many; 0 for no limit. @default 100 */
  readonly apiRateLimit: number;
  /** Connections open at once. @default 10000, or what the open files of the process leave room for */
  readonly maxConnections: number;
  /** How long a `last-step` webhook waits for its run before it answers 202, in milliseconds. @default 30000 */
  readonly replyTimeoutMs: number;
  /** Runs of one workspace at work at once. @default 10 */
  readonly concurrentRuns: number;
  /** Child processes for code steps. @default 2 */
  readonly sandboxSize: number;
  /** Finished runs are kept this many days; 0 keeps them for ever. @default 30 */
  readonly retentionDays: number;
  /** Makes the owner at the first start, instead of the page with the one-time token. Both or neither. */
  readonly owner: { readonly email: string; readonly password: string } | undefined;
  /** An OpenID provider people may sign in with, besides those that operators add. */
  readonly oidc:
    | {
        readonly issuer: string;
        readonly clientId: string;
        readonly clientSecret?: string;
        readonly title: string;
        readonly allowedDomains: readonly string[];
        /** Whoever is new joins the workspace `default` with it. */
        readonly joinRole?: 'viewer' | 'runner' | 'editor' | 'admin';
      }
    | undefined;
  /** People may sign in over plain HTTP from other machines. @default false */
  readonly insecureHttp: boolean;
  /** @default 'info' */
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error' | 'silent';
}

/** Thrown when settings are wrong; the message lists every one with what is expected. */
export class ConfigError extends Error {
  readonly code = 'CONFIG_INVALID';
  readonly problems: readonly string[];
  constructor(problems: readonly string[]) {
    super(`Some settings are wrong:\n${problems.map((problem) => `  ${problem}`).join('\n')}`);
    this.name = 'ConfigError';
    this.problems = problems;
  }
}

const list = z
  .string()
  .default('')
  .transform((text) =>
    text
      .split(',')
      .map((part) => part.trim())
      .filter((part) => part !== ''),
  );

const whole = (min: number, max: number, fallback: number) => {
  const expected = `a whole number from ${min} to ${max}`;
  return z.coerce.number(expected).int(expected).min(min, expected).max(max, expected).default(fallback);
};

const hostsOrRanges = list.superRefine((entries, issue) => {
  for (const entry of entries) {
    try {
      createAddressRules([entry]);
    } catch (error) {
      issue.addIssue(
        error instanceof EgressRuleError
          ? `hosts, addresses or ranges such as 10.0.0.0/8, each with or without a port ("${entry}" is none)`
          : String(error),
      );
    }
  }
});

const addressesOrRanges = list.superRefine((entries, issue) => {
  for (const entry of entries)
    if (!ipaddr.isValid(entry) && !ipaddr.isValidCIDR(entry)) issue.addIssue(`addresses or ranges such as 10.0.0.0/8 ("${entry}" is none)`);
});

/** `1048576`, `512 KiB`, `1 MiB`. */
const bytes = z
  .string()
  .default('1 MiB')
  .transform((text, issue) => {
    const match = /^\s*(\d+)\s*(b|kib|kb|mib|mb)?\s*$/i.exec(text);
    const unit = match?.[2]?.toLowerCase() ?? 'b';
    const factor = unit.startsWith('k') ? 1024 : unit.startsWith('m') ? 1024 * 1024 : 1;
    const value = Number(match?.[1]) * factor;
    if (match && value >= 1024 && value <= 64 * 1024 * 1024) return value;
    issue.addIssue('a size between 1 KiB and 64 MiB, such as 1 MiB');
    return z.NEVER;
  });

/** `256 MiB`, `2 GiB`. */
const fileBytes = z
  .string()
  .default('256 MiB')
  .transform((text, issue) => {
    const match = /^\s*(\d{1,15})\s*(b|kib|kb|mib|mb|gib|gb)?\s*$/i.exec(text);
    const value = Number(match?.[1]) * 1024 ** 'bkmg'.indexOf(match?.[2]?.toLowerCase().charAt(0) ?? 'b');
    if (match && value >= 1024 && value <= 64 * 1024 ** 3) return value;
    issue.addIssue('a size between 1 KiB and 64 GiB, such as 256 MiB');
    return z.NEVER;
  });

const url = (protocols: readonly string[]) =>
  z
    .string()
    .refine(
      (text) => URL.canParse(text) && protocols.includes(new URL(text).protocol),
      `an address starting with ${protocols.join(' or ')}`,
    );

const SETTINGS = z.object({
  PLUGBOARD_HOST: z.string().min(1).default('127.0.0.1'),
  PLUGBOARD_PORT: whole(0, 65_535, 7400),
  DATABASE_URL: url(['postgres:', 'postgresql:']).optional(),
  PLUGBOARD_EGRESS_ALLOW: hostsOrRanges,
  PLUGBOARD_PUBLIC_URL: url(['http:', 'https:']).optional(),
  PLUGBOARD_HOOKS_URL: url(['http:', 'https:'])
    .refine((text) => !URL.canParse(text) || new URL(text).pathname === '/', 'an address without a path')
    .optional(),
  PLUGBOARD_ROOT_KEY: z.string().min(32, 'at least 32 characters').optional(),
  PLUGBOARD_ROOT_KEY_NEXT: z.string().min(32, 'at least 32 characters').optional(),
  PLUGBOARD_BODY_LIMIT: bytes,
  PLUGBOARD_FILE_LIMIT: fileBytes,
  PLUGBOARD_TRUSTED_PROXIES: addressesOrRanges,
  PLUGBOARD_RATE_LIMIT: whole(0, 1_000_000, 2000),
  PLUGBOARD_API_RATE_LIMIT: whole(0, 1_000_000, 100),
  PLUGBOARD_MAX_CONNECTIONS: whole(10, 1_000_000, 0),
  PLUGBOARD_REPLY_TIMEOUT_MS: whole(100, 600_000, 30_000),
  PLUGBOARD_CONCURRENT_RUNS: whole(1, 10_000, 10),
  PLUGBOARD_SANDBOX_PROCESSES: whole(1, 64, 2),
  PLUGBOARD_RETENTION_DAYS: whole(0, 3650, 30),
  PLUGBOARD_OWNER_EMAIL: z.email('the address of a person').optional(),
  PLUGBOARD_OWNER_PASSWORD: z.string().min(12, 'at least 12 characters').optional(),
  PLUGBOARD_OIDC_ISSUER: z.string().refine(isIssuer, 'the https address of an OpenID provider, without query').optional(),
  PLUGBOARD_OIDC_CLIENT_ID: z.string().max(500).optional(),
  PLUGBOARD_OIDC_CLIENT_SECRET: z.string().max(2000).optional(),
  PLUGBOARD_OIDC_TITLE: z.string().max(100).default('single sign-on'),
  PLUGBOARD_OIDC_DOMAINS: list,
  PLUGBOARD_OIDC_JOIN_ROLE: z.enum(['viewer', 'runner', 'editor', 'admin'], 'viewer, runner, editor or admin').optional(),
  PLUGBOARD_TLS_CERT: z.string().optional(),
  PLUGBOARD_TLS_KEY: z.string().optional(),
  PLUGBOARD_REDIRECT_PORT: z.coerce.number('a port').int('a port').min(1, 'a port').max(65_535, 'a port').optional(),
  PLUGBOARD_INSECURE_HTTP: z.enum(['0', '1'], '0 or 1').default('0'),
  PLUGBOARD_LOG_LEVEL: z.enum(['debug', 'info', 'warn', 'error', 'silent'], 'debug, info, warn, error or silent').default('info'),
});

const KEYS = new Set<string>(Object.keys(SETTINGS.shape));
/** Part of the contract, and not served by this release: refused instead of ignored. */
const LATER = ['REDIS_URL', 'PLUGBOARD_S3_URL'];

/** @throws ConfigError naming every wrong setting */
export function readConfig(env: Environment, cwd: string): Config {
  const dataDir = dataDirOf(env, cwd);
  const problems: string[] = [];
  const file = readConfigFile(resolve(dataDir, 'plugboard.config.json'), problems);
  const given: Record<string, string> = {};
  for (const key of KEYS) {
    // An empty variable is how many tools say "not set".
    const value = env[key] || file[key];
    if (value) given[key] = value;
  }
  for (const key of LATER)
    if (env[key] || file[key]) problems.push(`${key}: this release runs on one machine and does not use it yet; remove it`);
  const parsed = SETTINGS.safeParse(given);
  if (!parsed.success)
    for (const issue of parsed.error.issues)
      problems.push(`${issue.path.join('.')}: expected ${issue.message}, got "${hide(issue.path[0], given)}"`);
  if ((given['PLUGBOARD_OWNER_EMAIL'] === undefined) !== (given['PLUGBOARD_OWNER_PASSWORD'] === undefined))
    problems.push('PLUGBOARD_OWNER_EMAIL and PLUGBOARD_OWNER_PASSWORD: set both, or neither');
  if ((given['PLUGBOARD_OIDC_ISSUER'] === undefined) !== (given['PLUGBOARD_OIDC_CLIENT_ID'] === undefined))
    problems.push('PLUGBOARD_OIDC_ISSUER and PLUGBOARD_OIDC_CLIENT_ID: set both, or neither');
  if (given['PLUGBOARD_OIDC_JOIN_ROLE'] !== undefined && given['PLUGBOARD_OIDC_DOMAINS'] === undefined)
    problems.push('PLUGBOARD_OIDC_DOMAINS: name the domains whose people join, since PLUGBOARD_OIDC_JOIN_ROLE is set');
  if (given['PLUGBOARD_ROOT_KEY_NEXT'] !== undefined && given['PLUGBOARD_ROOT_KEY'] === undefined)
    problems.push('PLUGBOARD_ROOT_KEY_NEXT: only together with the PLUGBOARD_ROOT_KEY it follows');
  const { PLUGBOARD_TLS_CERT: cert, PLUGBOARD_TLS_KEY: key, PLUGBOARD_PUBLIC_URL: publicUrl } = given;
  if ((cert === undefined) !== (key === undefined)) problems.push('PLUGBOARD_TLS_CERT and PLUGBOARD_TLS_KEY: set both, or neither');
  if (cert !== undefined && publicUrl?.toLowerCase().startsWith('https:') !== true)
    problems.push('PLUGBOARD_PUBLIC_URL: with a certificate, set it to the https address people use, whose name the certificate has');
  if (given['PLUGBOARD_REDIRECT_PORT'] !== undefined && publicUrl?.toLowerCase().startsWith('https:') !== true)
    problems.push('PLUGBOARD_REDIRECT_PORT: needs PLUGBOARD_PUBLIC_URL with https, which callers are sent to');
  if (!parsed.success || problems.length > 0) throw new ConfigError(problems);
  const settings = parsed.data;
  return {
    given: new Set(Object.keys(given)),
    host: settings.PLUGBOARD_HOST,
    port: settings.PLUGBOARD_PORT,
    dataDir,
    databaseUrl: settings.DATABASE_URL,
    egressAllow: settings.PLUGBOARD_EGRESS_ALLOW,
    tls:
      settings.PLUGBOARD_TLS_CERT !== undefined && settings.PLUGBOARD_TLS_KEY !== undefined
        ? { certFile: resolve(dataDir, settings.PLUGBOARD_TLS_CERT), keyFile: resolve(dataDir, settings.PLUGBOARD_TLS_KEY) }
        : undefined,
    redirectPort: settings.PLUGBOARD_REDIRECT_PORT,
    publicUrl: settings.PLUGBOARD_PUBLIC_URL?.replace(/\/+$/, ''),
    hooksUrl: settings.PLUGBOARD_HOOKS_URL?.replace(/\/+$/, ''),
    rootKey: settings.PLUGBOARD_ROOT_KEY,
    rootKeyNext: settings.PLUGBOARD_ROOT_KEY_NEXT,
    bodyLimit: settings.PLUGBOARD_BODY_LIMIT,
    fileLimit: settings.PLUGBOARD_FILE_LIMIT,
    trustedProxies: settings.PLUGBOARD_TRUSTED_PROXIES,
    rateLimit: settings.PLUGBOARD_RATE_LIMIT,
    apiRateLimit: settings.PLUGBOARD_API_RATE_LIMIT,
    maxConnections: settings.PLUGBOARD_MAX_CONNECTIONS || roomForConnections(),
    replyTimeoutMs: settings.PLUGBOARD_REPLY_TIMEOUT_MS,
    concurrentRuns: settings.PLUGBOARD_CONCURRENT_RUNS,
    sandboxSize: settings.PLUGBOARD_SANDBOX_PROCESSES,
    retentionDays: settings.PLUGBOARD_RETENTION_DAYS,
    owner:
      settings.PLUGBOARD_OWNER_EMAIL !== undefined && settings.PLUGBOARD_OWNER_PASSWORD !== undefined
        ? { email: settings.PLUGBOARD_OWNER_EMAIL, password: settings.PLUGBOARD_OWNER_PASSWORD }
        : undefined,
    oidc:
      settings.PLUGBOARD_OIDC_ISSUER !== undefined && settings.PLUGBOARD_OIDC_CLIENT_ID !== undefined
        ? {
            issuer: settings.PLUGBOARD_OIDC_ISSUER,
            clientId: settings.PLUGBOARD_OIDC_CLIENT_ID,
            ...(settings.PLUGBOARD_OIDC_CLIENT_SECRET === undefined ? {} : { clientSecret: settings.PLUGBOARD_OIDC_CLIENT_SECRET }),
            title: settings.PLUGBOARD_OIDC_TITLE,
            allowedDomains: settings.PLUGBOARD_OIDC_DOMAINS,
            ...(settings.PLUGBOARD_OIDC_JOIN_ROLE === undefined ? {} : { joinRole: settings.PLUGBOARD_OIDC_JOIN_ROLE }),
          }
        : undefined,
    insecureHttp: settings.PLUGBOARD_INSECURE_HTTP === '1',
    logLevel: settings.PLUGBOARD_LOG_LEVEL,
  };
}

function readConfigFile(path: string, problems: string[]): Record<string, string> {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ENOENT' && code !== 'ENOTDIR') problems.push(`plugboard.config.json: cannot be read (${code ?? String(error)})`);
    return {};
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    problems.push(`plugboard.config.json: not valid JSON (${error instanceof Error ? error.message : String(error)})`);
    return {};
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    problems.push('plugboard.config.json: expected an object of settings');
    return {};
  }
  const settings: Record<string, string> = {};
  for (const [key, one] of Object.entries(value)) {
    if (key === 'PLUGBOARD_DATA')
      problems.push('plugboard.config.json: PLUGBOARD_DATA says where this file is, so it cannot stand in it; set it in the environment');
    else if (!KEYS.has(key) && !LATER.includes(key)) problems.push(`plugboard.config.json: there is no setting ${key}`);
    else if (typeof one === 'object' && !Array.isArray(one)) problems.push(`plugboard.config.json: ${key} is a text, a number or a list`);
    else settings[key] = Array.isArray(one) ? one.join(',') : String(one);
  }
  return settings;
}

/** Files a server has open beside its callers' connections: database, code processes, requests of steps, stored outputs. */
const OWN_FILES = 200;
const MAX_CONNECTIONS = 10_000;

/** With more connections than open files allow, the steps and the database would be the ones that get none. */
function roomForConnections(): number {
  let limits: string;
  try {
    limits = readFileSync('/proc/self/limits', 'utf8');
  } catch {
    // Only Linux tells; elsewhere the system's own limits are far away.
    return MAX_CONNECTIONS;
  }
  const openFiles = Number(/^Max open files\s+(\d+)/m.exec(limits)?.[1] ?? Infinity);
  return Math.max(10, Math.min(MAX_CONNECTIONS, openFiles - Math.min(OWN_FILES, Math.floor(openFiles / 2))));
}

/** Values of secret settings stay out of messages. */
function hide(key: PropertyKey | undefined, given: Readonly<Record<string, string>>): string {
  if (key === 'PLUGBOARD_OIDC_CLIENT_SECRET') return '***';
  if (key === 'DATABASE_URL' || key === 'PLUGBOARD_ROOT_KEY' || key === 'PLUGBOARD_ROOT_KEY_NEXT' || key === 'PLUGBOARD_OWNER_PASSWORD')
    return '***';
  return typeof key === 'string' ? (given[key] ?? '') : '';
}
