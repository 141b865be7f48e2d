/** Rows of the other lists of the stories. */
import type {
  ApiKeyRow,
  AuditRow,
  CredentialRow,
  CredentialType,
  InvitationRow,
  MemberRow,
  NotificationRow,
  RunRow,
  ScopeInfo,
  SettingView,
} from '../../api/types.ts';

const NOW = Date.now();
const ago = (minutes: number): string => new Date(NOW - minutes * 60_000).toISOString();
const ines = { id: 'ik', name: 'Ines Kant' };

const NAMES = [
  'Supplier invoice intake',
  'Support mail triage',
  'Product copy, 5 languages',
  'Shop orders to ledger',
  'Stock alert to buyers',
];
export const RUNS: readonly RunRow[] = Array.from({ length: 24 }, (_, index) => {
  const status =
    (['running', 'succeeded', 'failed', 'succeeded', 'waiting', 'succeeded', 'succeeded', 'cancelled'] as const)[index % 8] ?? 'succeeded';
  const durationMs = 900 + ((index * 7919) % 60_000);
  return {
    id: `019aa0e2-4c17-7b5e-9d1c-3f52000${48213 - index}`,
    workflow: { id: `w${(index % 5) + 1}`, name: NAMES[index % 5] ?? '' },
    ...(index % 7 === 3 ? {} : { version: 12 - (index % 3) }),
    status,
    ...(status === 'waiting' ? { waitingFor: 'approval' as const } : {}),
    trigger: (['poll', 'webhook', 'manual', 'schedule', 'stream'] as const)[index % 5] ?? 'manual',
    ...(index % 5 === 2 ? { initiator: ines } : {}),
    startedAt: ago(index * 11 + 1),
    ...(status === 'running' || status === 'waiting' ? {} : { endedAt: ago(index * 11), durationMs }),
    ...(status === 'failed'
      ? { error: { code: 'HTTP_503', message: 'The ledger answered 503', nodeId: 'post', nodeName: 'Post to ledger' } }
      : {}),
    ...(index % 3 === 0 ? { costPd: `${131 * (index + 1)}00000000` } : {}),
  };
});

export const CREDENTIALS: readonly CredentialRow[] = (
  [
    ['ledger-production', 'Ledger API, production', 'Bearer token', ['ledger.internal'], 'ok', 4, undefined],
    ['stock-feed', 'Stock feed', 'Basic', ['stock.warehouse.example'], 'failing', 1, undefined],
    ['mailbox-invoices', 'Mailbox invoices@', 'OAuth2', ['graph.mail.example', '*.mail.example'], 'ok', 2, 6],
    ['shopfront', 'Shopfront account', 'OAuth2', ['api.shopfront.example'], 'expired', 3, -2],
    ['aws-archive', 'Archive bucket', 'AWS SigV4', ['archive.s3.example'], 'untested', 0, undefined],
  ] as const
).map(([key, name, typeTitle, allowedHosts, health, usedIn, days], index) => ({
  id: `c${index}`,
  key,
  name,
  type: index === 0 ? 'core/bearer' : 'core/other',
  typeTitle,
  project: { id: 'p', name: 'Accounts payable' },
  allowedHosts,
  health,
  ...(health === 'failing'
    ? { healthText: 'stock.warehouse.example answered 401: the password was changed.' }
    : health === 'expired'
      ? { healthText: 'The consent ended. Its owner has to sign in again.' }
      : {}),
  ...(days === undefined ? {} : { expiresAt: ago(-days * 1440) }),
  testedAt: ago(90),
  usedIn,
  updatedBy: ines,
  updatedAt: ago(2000 + index * 4000),
  rev: 1,
  may: { use: true, edit: true },
}));

export const CREDENTIAL_TYPES: readonly CredentialType[] = [
  {
    type: 'core/bearer',
    title: 'Bearer token',
    help: 'Sent as Authorization: Bearer.',
    fields: { token: { kind: 'text', title: 'Token', secret: true, required: true } },
    hosts: [],
  },
  {
    type: 'core/basic',
    title: 'Basic',
    help: 'A name and a password.',
    fields: {
      username: { kind: 'text', title: 'Name', required: true },
      password: { kind: 'text', title: 'Password', secret: true, required: true },
    },
    hosts: [],
  },
  {
    type: 'core/header',
    title: 'Header',
    help: 'A header of your own.',
    fields: {
      name: { kind: 'text', title: 'Header', required: true, placeholder: 'X-Api-Key' },
      value: { kind: 'text', title: 'Value', secret: true, required: true },
    },
    hosts: [],
  },
];

export const MEMBERS: readonly MemberRow[] = (
  [
    ['Ines Kant', 'owner', ['Finance', 'Platform'], 1],
    ['Lena Marx', 'admin', ['Legal'], 12],
    ['Tom Nash', 'editor', ['Customer care', 'Warehouse'], 240],
    ['Rita Voss', 'editor', ['Catalogue'], 1900],
    ['Jonas Berg', 'runner', [], 9000],
    ['Deploy', 'editor', [], 30],
  ] as const
).map(([name, role, teams, minutes], index) => ({
  principalId: `p${index}`,
  kind: name === 'Deploy' ? ('service' as const) : ('person' as const),
  name,
  ...(name === 'Deploy' ? {} : { email: `${name.split(' ')[0]?.toLowerCase()}@halden.example` }),
  role,
  teams,
  joinedAt: ago(100_000 + index * 20_000),
  lastSeenAt: ago(minutes),
  isYou: index === 0,
}));

export const INVITATIONS: readonly InvitationRow[] = [
  { id: 'i1', email: 'mara.holt@halden.example', role: 'editor', invitedBy: ines, expiresAt: ago(-5000) },
];

export const API_KEYS: readonly ApiKeyRow[] = [
  {
    id: 'k1',
    name: 'Deploy pipeline',
    prefix: 'pb_live_7hK2',
    owner: { id: 'd', name: 'Deploy' },
    scopes: ['workflow.read', 'workflow.edit', 'workflow.publish', 'run.read'],
    createdAt: ago(90_000),
    expiresAt: ago(-60_000),
    lastUsedAt: ago(30),
  },
  {
    id: 'k2',
    name: 'Warehouse display',
    prefix: 'pb_live_Qx0a',
    owner: ines,
    scopes: ['run.read'],
    createdAt: ago(300_000),
    lastUsedAt: ago(2),
  },
  {
    id: 'k3',
    name: 'Migration, one time',
    prefix: 'pb_live_9pLm',
    owner: ines,
    scopes: ['workflow.read', 'credential.read'],
    createdAt: ago(20_000),
    expiresAt: ago(-2_000),
  },
];

export const SCOPES: readonly ScopeInfo[] = [
  { scope: 'workflow.read', title: 'Read workflows', group: 'Workflows' },
  { scope: 'workflow.edit', title: 'Change drafts', group: 'Workflows' },
  { scope: 'workflow.publish', title: 'Publish', group: 'Workflows' },
  { scope: 'workflow.run', title: 'Start runs', group: 'Runs' },
  { scope: 'run.read', title: 'See how runs went', group: 'Runs' },
  { scope: 'run.readData', title: 'Read what runs carry', group: 'Runs' },
  { scope: 'credential.read', title: 'See which credentials there are', group: 'Credentials' },
];

const ACTIONS = [
  ['workflow.publish', 'workflow', 'Supplier invoice intake'],
  ['credential.update', 'credential', 'Ledger API, production'],
  ['member.invite', 'invitation', 'mara.holt@halden.example'],
  ['session.signIn', 'session', undefined],
  ['apiKey.create', 'apiKey', 'Deploy pipeline'],
  ['setting.change', 'setting', 'Runs are kept'],
  ['run.cancel', 'run', '00048102'],
] as const;
export const AUDIT: readonly AuditRow[] = Array.from({ length: 16 }, (_, index) => {
  const [action, kind, name] = ACTIONS[index % ACTIONS.length] ?? ACTIONS[0];
  return {
    id: `a${index}`,
    at: ago(index * 47 + 1),
    actor:
      index % 5 === 4
        ? { name: 'Deploy pipeline', kind: 'apiKey' as const }
        : { name: MEMBERS[index % 3]?.name ?? 'Ines Kant', kind: 'person' as const },
    action,
    ...(name === undefined ? {} : { resource: { kind, id: `019aa0e2-4c17-7b5e-9d1c-3f52000${18_204 - index}` } }),
    ip: '192.0.2.7',
    ...(action === 'setting.change' ? { changes: { key: 'runs.keepDays', before: 30, after: 90 } } : {}),
    ...(index === 0 ? {} : { seq: String(18_204 - index) }),
    isErased: false,
  };
});

export const SETTINGS: readonly SettingView[] = [
  {
    key: 'runs.keepDays',
    title: 'Runs are kept',
    help: 'Days after which finished runs and their data are removed.',
    group: 'Runs',
    form: { kind: 'number', min: 1, max: 3650, integer: true },
    value: 90,
    default: 30,
    from: 'workspace',
    updatedBy: ines,
    updatedAt: ago(5000),
    rev: 2,
    isDangerous: false,
    isSecret: false,
    isImmediate: true,
    mayChange: true,
  },
  {
    key: 'runs.parallel',
    title: 'Runs at the same time',
    help: 'More than this wait in the queue.',
    group: 'Runs',
    form: { kind: 'number', min: 1, max: 1000, integer: true },
    value: 10,
    default: 10,
    from: 'default',
    rev: 0,
    isDangerous: false,
    isSecret: false,
    isImmediate: true,
    mayChange: true,
  },
  {
    key: 'runs.keepData',
    title: 'What runs keep',
    help: 'Data of steps after the run has ended. A workflow may keep less.',
    group: 'Runs',
    form: {
      kind: 'choice',
      options: [
        { value: 'all', title: 'Everything' },
        { value: 'failures', title: 'Failed runs only' },
        { value: 'none', title: 'Nothing' },
      ],
    },
    value: 'all',
    default: 'all',
    from: 'instance',
    rev: 1,
    isDangerous: false,
    isSecret: false,
    isImmediate: true,
    mayChange: true,
  },
  {
    key: 'security.totp',
    title: 'Second factor for everybody',
    help: 'Members without one are asked to set it up when they sign in next.',
    group: 'Sign-in',
    form: { kind: 'boolean' },
    value: true,
    default: false,
    from: 'environment',
    rev: 0,
    isDangerous: false,
    isSecret: false,
    isImmediate: true,
    mayChange: true,
  },
  {
    key: 'security.sessionHours',
    title: 'Sessions end after',
    help: 'Hours without a request.',
    group: 'Sign-in',
    form: { kind: 'number', min: 1, max: 720 },
    value: 72,
    default: 72,
    from: 'default',
    rev: 0,
    isDangerous: false,
    isSecret: false,
    isImmediate: true,
    mayChange: true,
  },
  {
    key: 'egress.private',
    title: 'Steps may reach private addresses',
    help: 'Hosts and ranges inside your network. Everything else there is refused.',
    group: 'Network',
    form: { kind: 'list', of: { kind: 'text', placeholder: '10.0.0.0/8' } },
    value: ['ledger.internal'],
    default: [],
    from: 'instance',
    rev: 4,
    isDangerous: true,
    isSecret: false,
    isImmediate: true,
    mayChange: false,
  },
];

export const NOTIFICATIONS: readonly NotificationRow[] = [
  {
    id: 'n1',
    kind: 'run.failed',
    params: { runId: 'r1', workflow: 'Supplier invoice intake', message: 'The ledger answered 503, three times.' },
    count: 6,
    createdAt: ago(40),
    updatedAt: ago(4),
  },
  {
    id: 'n2',
    kind: 'approval.asked',
    params: { approvalId: 'a1', title: 'Pay 6,480.00 EUR to Brandt Verpackung?' },
    count: 1,
    createdAt: ago(52),
    updatedAt: ago(52),
  },
  {
    id: 'n3',
    kind: 'credential.lost',
    params: { credentialId: 'c1', name: 'Ledger API, production', error: 'invalid_grant' },
    count: 1,
    createdAt: ago(190),
    updatedAt: ago(190),
    readAt: ago(60),
  },
];
