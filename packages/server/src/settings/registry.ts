/**
 * Every setting that can change while the server runs, each declared once: what it is, what it may be, its default, on which levels it
 * stands, and how a workspace's value and the server's come together. Forms, checks, the API and the readers are made from this.
 */
import { type Json, type ParamIR, p } from '@plugboard/sdk';
import type { Config } from '../config.ts';
import { EgressRuleError, createAddressRules } from '../egress/address-rules.ts';

export const SETTING_LEVELS = ['workspace', 'instance'] as const;
export type SettingLevel = (typeof SETTING_LEVELS)[number];

/** What settings take from the environment and the file beside the data: these win, and are shown locked. */
export type SettingSources = Pick<
  Config,
  | 'given'
  | 'retentionDays'
  | 'concurrentRuns'
  | 'bodyLimit'
  | 'rateLimit'
  | 'apiRateLimit'
  | 'replyTimeoutMs'
  | 'sandboxSize'
  | 'egressAllow'
>;

interface FormOf<Value extends Json> {
  readonly ir: ParamIR;
  /** Carries the type of the value. */
  readonly value?: Value;
}

export interface SettingDefinition<Value extends Json = Json> {
  readonly title: string;
  readonly help: string;
  readonly group: string;
  readonly form: ParamIR;
  /** Where it can be set. A workspace's value counts beside the server's as `tightest` says. */
  readonly levels: readonly SettingLevel[];
  readonly fallback: Value;
  /** The variable that fixes it, and what it says. */
  readonly environment?: { readonly name: string; readonly read: (sources: SettingSources) => Value };
  /** The stricter of the server's value and a workspace's: a workspace may only tighten. Needed where a workspace may set it. */
  readonly tightest?: (instance: Value, workspace: Value) => Value;
  /** What no form can check; a sentence when it is wrong. */
  readonly check?: (value: Value) => string | undefined;
  /** Takes effect when the server starts the next time. @default false: at once */
  readonly atNextStart?: boolean;
  /** Set wrong, it opens a door. @default false */
  readonly isDangerous?: boolean;
}

/** @param form says what a value may be; its default is the setting's */
function setting<Value extends Json>(
  form: FormOf<Value>,
  rest: Omit<SettingDefinition<Value>, 'form' | 'fallback'> & { readonly fallback: Value },
): SettingDefinition<Value> {
  // A setting is a value, never an expression.
  return { ...rest, form: { ...form.ir, expr: 'deny', required: true } };
}

const whole = (min: number, max: number): FormOf<number> => ({ ir: p.number().integer().min(min).max(max).ir });
const texts = (of: ParamIR, most: number): FormOf<readonly string[]> => ({
  ir: { kind: 'list', of, maxItems: most },
});

/** Of numbers that limit something; 0 is no limit. */
const lowerUnlessNone = (one: number, other: number): number => (one === 0 ? other : other === 0 ? one : Math.min(one, other));
const HOST_LENGTH = 300;

export const SETTINGS = {
  'runs.retentionDays': setting(whole(0, 3650), {
    title: 'Runs are kept',
    help: 'Days after which finished runs and their data are removed. 0 keeps them for ever.',
    group: 'Runs',
    levels: ['workspace', 'instance'],
    fallback: 30,
    environment: { name: 'PLUGBOARD_RETENTION_DAYS', read: (sources) => sources.retentionDays },
    tightest: lowerUnlessNone,
  }),
  'runs.concurrent': setting(whole(1, 10_000), {
    title: 'Runs at the same time',
    help: 'Of one workspace, not counting runs that a caller waits for. More than these wait in the order they came.',
    group: 'Runs',
    levels: ['workspace', 'instance'],
    fallback: 10,
    environment: { name: 'PLUGBOARD_CONCURRENT_RUNS', read: (sources) => sources.concurrentRuns },
    tightest: Math.min,
  }),
  'webhooks.bodyLimit': setting(whole(1024, 64 * 1024 * 1024), {
    title: 'Largest webhook body',
    help: 'In bytes; a larger request is answered 413.',
    group: 'Webhooks',
    levels: ['workspace', 'instance'],
    fallback: 1024 * 1024,
    environment: { name: 'PLUGBOARD_BODY_LIMIT', read: (sources) => sources.bodyLimit },
    tightest: Math.min,
  }),
  'webhooks.requestsPerSecond': setting(whole(0, 1_000_000), {
    title: 'Webhook requests a second',
    help: 'Of one address to one webhook, with bursts of twice as many; more are answered 429. 0 is no limit.',
    group: 'Webhooks',
    levels: ['instance'],
    fallback: 2000,
    environment: { name: 'PLUGBOARD_RATE_LIMIT', read: (sources) => sources.rateLimit },
    atNextStart: true,
  }),
  'webhooks.workspaceRequestsPerSecond': setting(whole(0, 1_000_000), {
    title: 'Webhook requests a second, all together',
    help: 'Of all addresses to all webhooks of the workspace, with bursts of twice as many; more are answered 429. 0 is no limit.',
    group: 'Webhooks',
    levels: ['workspace', 'instance'],
    fallback: 0,
    tightest: lowerUnlessNone,
  }),
  'webhooks.replyTimeoutMs': setting(whole(100, 600_000), {
    title: 'Webhooks wait for their run',
    help: 'In milliseconds; after that the caller is answered 202 with the id of the run.',
    group: 'Webhooks',
    levels: ['instance'],
    fallback: 30_000,
    environment: { name: 'PLUGBOARD_REPLY_TIMEOUT_MS', read: (sources) => sources.replyTimeoutMs },
    atNextStart: true,
  }),
  'api.requestsPerSecond': setting(whole(0, 1_000_000), {
    title: 'API requests a second',
    help: 'Of one session or key, and of one address that is not signed in, with bursts of four times as many; more are answered 429. 0 is no limit.',
    group: 'API',
    levels: ['instance'],
    fallback: 100,
    environment: { name: 'PLUGBOARD_API_RATE_LIMIT', read: (sources) => sources.apiRateLimit },
  }),
  'sessions.idleHours': setting(whole(1, 720), {
    title: 'Sessions end without a request',
    help: 'After this many hours.',
    group: 'Sign-in',
    levels: ['instance'],
    fallback: 8,
  }),
  'sessions.longestDays': setting(whole(1, 90), {
    title: 'Sessions end in any case',
    help: 'After this many days; people sign in again. Sessions that are open keep the end they began with.',
    group: 'Sign-in',
    levels: ['instance'],
    fallback: 7,
  }),
  'passwords.minLength': setting(whole(12, 128), {
    title: 'Shortest password',
    help: 'In characters, for passwords set from now on.',
    group: 'Sign-in',
    levels: ['instance'],
    fallback: 12,
  }),
  'steps.egressAllow': setting(texts({ kind: 'text', placeholder: '10.0.0.0/8', maxLength: HOST_LENGTH }, 200), {
    title: 'Private addresses steps may reach',
    help: 'Hosts, addresses and ranges inside your network, each with or without a port. Everything else there is refused.',
    group: 'Network',
    levels: ['instance'],
    fallback: [],
    environment: { name: 'PLUGBOARD_EGRESS_ALLOW', read: (sources) => [...sources.egressAllow] },
    check: egressProblem,
    isDangerous: true,
  }),
  'steps.sandboxProcesses': setting(whole(1, 64), {
    title: 'Processes for code steps',
    help: 'Each runs one code step at a time, apart from the server.',
    group: 'Steps',
    levels: ['instance'],
    fallback: 2,
    environment: { name: 'PLUGBOARD_SANDBOX_PROCESSES', read: (sources) => sources.sandboxSize },
    atNextStart: true,
  }),
  'backups.everyHours': setting(whole(0, 24 * 31), {
    title: 'Backup every',
    help: 'Hours between two backups into the folder "backups" of the data folder. 0 makes none. Copy them to another machine.',
    group: 'Backups',
    levels: ['instance'],
    fallback: 0,
  }),
  'backups.keep': setting(whole(1, 365), {
    title: 'Scheduled backups kept',
    help: 'The oldest of more than these is removed, once a newer one is complete.',
    group: 'Backups',
    levels: ['instance'],
    fallback: 7,
  }),
} as const;

export type SettingKey = keyof typeof SETTINGS;
export type SettingValue<Key extends SettingKey> = (typeof SETTINGS)[Key]['fallback'];

export const SETTING_KEYS = Object.keys(SETTINGS) as readonly SettingKey[];

export function isSettingKey(key: string): key is SettingKey {
  return Object.hasOwn(SETTINGS, key);
}

/** A definition whatever its value is. */
export function definitionOf(key: SettingKey): SettingDefinition {
  return SETTINGS[key] as unknown as SettingDefinition;
}

function egressProblem(entries: readonly string[]): string | undefined {
  for (const entry of entries) {
    try {
      createAddressRules([entry]);
    } catch (error) {
      if (error instanceof EgressRuleError) return `"${entry}" is neither a host, an address nor a range such as 10.0.0.0/8`;
      throw error;
    }
  }
  return undefined;
}
