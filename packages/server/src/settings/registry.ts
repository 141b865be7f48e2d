/**
 * Every setting that can change while the server runs, each declared once: what it is, what it may be, its default, on which levels it
 * stands, and how a workspace's value and the server's come together. Forms, checks, the API and the readers are made from this.
 */
import type { KeepData } from '@plugboard/engine';
import { lessOf } from '@plugboard/runner';
import { type Json, MOST_DOLLARS, type ParamIR, p } from '@plugboard/sdk';
import type { Config } from '../config.ts';
import { EgressRuleError, createAddressRules } from '../egress/address-rules.ts';
import { zoneNamed } from '../schedules/zone-time.ts';

/** From the one that is nearest to what happens to the one that is above all. */
export const SETTING_LEVELS = ['person', 'project', 'workspace', 'instance'] as const;
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
  /** The stricter of what is above and of the level's own: whoever is below may only tighten. Without it, say `isNearest`. */
  readonly tightest?: (above: Value, own: Value) => Value;
  /** Limits nothing: the nearest level counts. @default false */
  readonly isNearest?: boolean;
  /** What no form can check; a sentence when it is wrong. */
  readonly check?: (value: Value) => string | undefined;
  /** Takes effect when the server starts the next time. @default false: at once */
  readonly atNextStart?: boolean;
  /** Set wrong, it opens a door. @default false */
  readonly isDangerous?: boolean;
  /** A text that is stored sealed and never shown again. @default false */
  readonly isSecret?: boolean;
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
const dollars: FormOf<number> = { ir: p.number().min(0).max(MOST_DOLLARS).ir };
const texts = (of: ParamIR, most: number): FormOf<readonly string[]> => ({
  ir: { kind: 'list', of, maxItems: most },
});

const choice = <const Value extends string>(options: readonly (readonly [Value, string])[]): FormOf<Value> => ({
  ir: { kind: 'choice', options: options.map(([value, title]) => ({ value, title })) },
});
const line = (max: number): FormOf<string> => ({ ir: { kind: 'text', maxLength: max } });

/** How somebody hears of something; each person chooses, a workspace and the server say what counts until then. */
const CHANNELS = [
  ['none', 'Not at all'],
  ['page', 'On the page'],
  ['mail', 'On the page and by e-mail'],
] as const;
export type Channel = (typeof CHANNELS)[number][0];
const heardOf = (title: string, help: string, fallback: Channel): SettingDefinition<Channel> =>
  setting<Channel>(choice(CHANNELS), {
    title,
    help,
    group: 'Notifications',
    levels: ['person', 'workspace', 'instance'],
    isNearest: true,
    fallback,
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
  'runs.keptPerWorkflow': setting(whole(0, 10_000_000), {
    title: 'Newest runs kept of a workflow',
    help: 'Older ones that have finished are removed, whatever their age. 0 is no limit. A workflow may keep fewer.',
    group: 'Runs',
    levels: ['workspace', 'instance'],
    fallback: 0,
    tightest: lowerUnlessNone,
  }),
  'runs.keepData': setting<KeepData>(
    choice([
      ['all', 'Of all runs'],
      ['failures', 'Of runs that failed'],
      ['none', 'Of none'],
    ]),
    {
      title: 'Data of finished runs is kept',
      help: 'What steps were given, gave and logged. The rest is forgotten when a run ends, of draft runs an hour later. A workflow may keep less.',
      group: 'Runs',
      levels: ['workspace', 'instance'],
      fallback: 'all',
      tightest: lessOf,
    },
  ),
  'runs.storedMegabytes': setting(whole(0, 100_000_000), {
    title: 'Room for large data of runs',
    help: 'In MiB, for what runs of a workspace keep outside the database: inputs and outputs over 64 KiB. A run that goes over it fails with QUOTA_EXCEEDED. 0 is no limit beyond that of the plan.',
    group: 'Runs',
    levels: ['workspace', 'instance'],
    fallback: 0,
    tightest: lowerUnlessNone,
  }),
  'runs.concurrent': setting(whole(1, 10_000), {
    title: 'Runs at the same time',
    help: 'Of one workspace in one server process, not counting runs that a caller waits for. More than these wait in the order they came. Each process counts its own.',
    group: 'Runs',
    levels: ['workspace', 'instance'],
    fallback: 10,
    environment: { name: 'PLUGBOARD_CONCURRENT_RUNS', read: (sources) => sources.concurrentRuns },
    tightest: Math.min,
  }),
  'schedules.timezone': setting<string>(
    { ir: p.text().max(64).ir },
    {
      title: 'Time zone of schedules',
      help: 'For schedules that name none, in workflows that name none. It counts from the next publish on.',
      group: 'Schedules',
      levels: ['workspace', 'instance'],
      isNearest: true,
      fallback: 'UTC',
      check: (value) => (zoneNamed(value) === undefined ? `"${value}" is no time zone. Use an IANA name such as Europe/Paris.` : undefined),
    },
  ),
  'schedules.missedRuns': setting(whole(1, 10_000), {
    title: 'Missed runs made up for',
    help: 'Of one schedule with the policy "each of them", at most, after a time in which it could not fire. The newest ones are made up for.',
    group: 'Schedules',
    levels: ['workspace', 'instance'],
    fallback: 100,
    tightest: Math.min,
  }),
  'schedules.backfillRuns': setting(whole(1, 100_000), {
    title: 'Runs of one backfill',
    help: 'Times of a schedule that may be made up for in one go.',
    group: 'Schedules',
    levels: ['workspace', 'instance'],
    fallback: 1000,
    tightest: Math.min,
  }),
  'runs.callDepth': setting(whole(1, 100), {
    title: 'Workflows that call each other',
    help: 'How deep: a run that is called by a run that is called counts two. A call beyond fails with the names of the workflows.',
    group: 'Runs',
    levels: ['workspace', 'instance'],
    fallback: 10,
    tightest: Math.min,
  }),
  'runs.errorWorkflow': setting(line(200), {
    title: 'Error workflow',
    help: 'Name or id of the workflow that runs once for each run of the workspace that failed or ran out of time, unless the workflow names its own. Empty for none.',
    group: 'Runs',
    levels: ['workspace'],
    isNearest: true,
    fallback: '',
  }),
  'runs.errorPauseMinutes': setting(whole(0, 10_080), {
    title: 'Equal failures are told once in',
    help: 'Minutes in which an error workflow hears only of the first of the failures of a workflow that are alike. 0 tells it of each.',
    group: 'Runs',
    levels: ['workspace', 'instance'],
    isNearest: true,
    fallback: 0,
  }),
  'runs.callsPerRun': setting(whole(1, 1_000_000), {
    title: 'Runs one run may call',
    help: 'All its steps together. A call that would start more fails before the first.',
    group: 'Runs',
    levels: ['workspace', 'instance'],
    fallback: 10_000,
    tightest: Math.min,
  }),
  'runs.callsPerTree': setting(whole(1, 10_000_000), {
    title: 'Runs one start may call in all',
    help: 'Itself and through the runs it calls, however deep. A call that would start more fails before the first.',
    group: 'Runs',
    levels: ['workspace', 'instance'],
    fallback: 10_000,
    tightest: Math.min,
  }),
  'runs.spendStop': setting(dollars, {
    title: 'A run may spend',
    help: 'In dollars, with its retries and the runs they call. A call that would go over it is not made, and its step fails with BUDGET_EXCEEDED. For workflows that do not say it themselves.',
    group: 'Runs',
    levels: ['workspace', 'instance'],
    isNearest: true,
    fallback: 5,
  }),
  'runs.spendWarn': setting(dollars, {
    title: 'People hear of a run that has spent',
    help: 'In dollars, with its retries and the runs they call; once. For workflows that do not say it themselves.',
    group: 'Runs',
    levels: ['workspace', 'instance'],
    isNearest: true,
    fallback: 1,
  }),
  'runs.waitingStarts': setting(whole(1, 10_000_000), {
    title: 'Starts that wait for their turn',
    help: 'Of workflows whose flow says when their runs begin, and of paused ones. More are refused: webhooks and the API answer 503, schedules and triggers that ask try again. Called runs wait in any case.',
    group: 'Runs',
    levels: ['workspace', 'instance'],
    fallback: 100_000,
    tightest: Math.min,
  }),
  'webhooks.bodyLimit': setting(whole(1024, 64 * 1024 * 1024), {
    title: 'Largest webhook body',
    help: 'In bytes; a larger request is answered 413.',
    group: 'Webhooks',
    levels: ['project', 'workspace', 'instance'],
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
  'workspaces.graceDays': setting(whole(1, 365), {
    title: 'Closed workspaces are kept',
    help: 'Days in which a closed workspace can be opened again. After that everything in it is removed for good.',
    group: 'Workspaces',
    levels: ['instance'],
    fallback: 30,
  }),
  'notifications.keepDays': setting(whole(1, 365), {
    title: 'Notifications are kept',
    help: 'Days, read or not.',
    group: 'Notifications',
    levels: ['instance'],
    fallback: 90,
  }),
  'notifications.runFailed': heardOf(
    'A run failed',
    'Of a workflow you made live, or that you started. The same failure once an hour.',
    'page',
  ),
  'notifications.runAsks': heardOf(
    'A run asks',
    'It cannot go on before somebody decides about a write that may have happened, or about a crash.',
    'mail',
  ),
  'notifications.runSpends': heardOf(
    'A run spends much',
    'It and its retries have spent what they are to be told of. Once for each run.',
    'page',
  ),
  'notifications.credentialLost': heardOf(
    'A credential stopped working',
    'Its sign-in cannot be renewed; workflows that use it fail.',
    'mail',
  ),
  'notifications.membership': heardOf('Members changed', 'You have another role, or somebody accepted your invitation.', 'page'),
  'notifications.jobEnded': heardOf('A job ended', 'Of those you started.', 'page'),
  'notifications.approval': heardOf('An approval waits for you', 'A run waits until you decide.', 'mail'),
  'mail.host': setting(line(253), {
    title: 'Mail server',
    help: 'Name of the SMTP server that notifications, invitations and password links go out by. Empty sends none.',
    group: 'E-mail',
    levels: ['instance'],
    fallback: '',
    check: (host) => (/^[^\s/:@]*$|^\[[0-9a-f:]+\]$/i.test(host) ? undefined : 'is a name or an address, without a port'),
  }),
  'mail.port': setting(whole(1, 65_535), {
    title: 'Port of the mail server',
    help: '587 for STARTTLS, 465 for TLS.',
    group: 'E-mail',
    levels: ['instance'],
    fallback: 587,
  }),
  'mail.security': setting(
    choice([
      ['starttls', 'STARTTLS'],
      ['tls', 'TLS'],
      ['none', 'None'],
    ]),
    {
      title: 'How the connection is secured',
      help: 'Without TLS no password is sent; use that only inside one machine.',
      group: 'E-mail',
      levels: ['instance'],
      fallback: 'starttls',
    },
  ),
  'mail.certificate': setting<string>(
    { ir: { kind: 'text', maxLength: 50_000, multiline: true } },
    {
      title: 'Certificate of the mail server',
      help: 'Of your own authority, as PEM. Empty where the system knows it.',
      group: 'E-mail',
      levels: ['instance'],
      fallback: '',
      check: (pem) => (pem === '' || pem.includes('-----BEGIN CERTIFICATE-----') ? undefined : 'is no certificate in PEM'),
    },
  ),
  'mail.user': setting(line(320), {
    title: 'Account at the mail server',
    help: 'Empty where the server asks for none.',
    group: 'E-mail',
    levels: ['instance'],
    fallback: '',
  }),
  'mail.password': setting<string>(
    { ir: { kind: 'text', maxLength: 1000, secret: true } },
    {
      title: 'Password at the mail server',
      help: 'Stored sealed, and not shown again.',
      group: 'E-mail',
      levels: ['instance'],
      fallback: '',
      isSecret: true,
    },
  ),
  'mail.from': setting(line(320), {
    title: 'Sender',
    help: 'The address e-mail comes from, such as Plugboard <plugboard@example.com>.',
    group: 'E-mail',
    levels: ['instance'],
    fallback: '',
  }),
  'look.theme': setting(
    choice([
      ['system', 'As the device has it'],
      ['light', 'Light'],
      ['dark', 'Dark'],
    ]),
    {
      title: 'Theme',
      help: 'Of the pages, on every device where you did not choose another one.',
      group: 'Look',
      levels: ['person'],
      fallback: 'system',
    },
  ),
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
