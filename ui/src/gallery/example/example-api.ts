/** The server of the stories: fixed answers, and a run that plays its facts. `mode` shows every page in its other states. */
import { ApiError } from '../../api/api-error.ts';
import type { Outcome, Page, PlugboardApi, RunFact, SettingView, StepLogLine } from '../../api/types.ts';
import { CATALOG } from './catalog.ts';
import { FACTS, ITEMS, RUN } from './run.ts';
import { API_KEYS, AUDIT, CREDENTIAL_TYPES, CREDENTIALS, INVITATIONS, MEMBERS, NOTIFICATIONS, RUNS, SCOPES, SETTINGS } from './tables.ts';
import { INVOICES } from './workflow.ts';
import { WORKFLOWS } from './workflows.ts';

export type ExampleMode = 'full' | 'empty' | 'loading' | 'failed' | 'forbidden' | 'offline' | 'live';

const FAILURES: { readonly [M in 'failed' | 'forbidden' | 'offline']: ApiError } = {
  failed: new ApiError('failed', 'The database took longer than 2 s.', { code: 'INTERNAL', requestId: '7f3a90c1' }),
  forbidden: new ApiError('forbidden', 'This needs the role admin. Ask Ines Kant.', { code: 'FORBIDDEN' }),
  offline: new ApiError('offline', 'The server does not answer.'),
};
const refused: Outcome<never> = { ok: false, problems: [{ code: 'GALLERY', message: 'The gallery changes nothing.' }] };

export function makeExampleApi(mode: ExampleMode): PlugboardApi {
  const give = <T>(full: T, empty: T = full): Promise<T> => {
    if (mode === 'failed' || mode === 'forbidden' || mode === 'offline') return Promise.reject(FAILURES[mode]);
    if (mode === 'loading') return new Promise(() => undefined);
    return Promise.resolve(mode === 'empty' ? empty : full);
  };
  const page = <T>(rows: readonly T[], hasMore = false): Promise<Page<T>> =>
    give({ rows, hasMore, endCursor: 'next' }, { rows: [], hasMore: false });
  const refuse = (): Promise<Outcome<never>> => Promise.resolve(refused);
  const isLive = mode === 'live';
  const known = isLive ? FACTS.slice(0, 9) : FACTS;

  return {
    getSession: () =>
      Promise.resolve({
        kind: 'signedIn',
        person: { id: 'ik', name: 'Ines Kant', email: 'ines@halden.example', zone: 'Europe/Berlin', hasTotp: true },
        workspaces: [
          { id: 'hh', slug: 'halden', name: 'Halden Harbour', role: mode === 'forbidden' ? 'viewer' : 'owner' },
          { id: 'lab', slug: 'lab', name: 'Lab', role: 'editor' },
        ],
        isOperator: true,
      }),
    setUp: () =>
      Promise.resolve({
        ok: false,
        problems: [{ code: 'SETUP_TOKEN', message: 'This token is not the one the server printed.', path: 'input.token' }],
      }),
    signIn: () => Promise.resolve({ ok: false, problems: [{ code: 'SIGN_IN_FAILED', message: 'Email and password do not fit.' }] }),
    providerAddress: () => '#',
    signOut: () => Promise.resolve(),
    offerTotp: () => Promise.resolve({ ok: true, value: { address: 'otpauth://totp/Plugboard:ines', secret: 'JBSWY3DPEHPK3PXP' } }),
    confirmTotp: () => Promise.resolve({ ok: true, value: { recoveryCodes: ['a1b2-c3d4', 'e5f6-g7h8'] } }),
    disableTotp: () => Promise.resolve({ ok: true, value: null }),
    resetPassword: refuse,
    getProfile: () => give({ id: 'ik', name: 'Ines Kant', email: 'ines@halden.example', zone: 'Europe/Berlin', hasPassword: true, rev: 1 }),
    updateProfile: refuse,
    listSessions: () =>
      give([
        {
          id: 's1',
          isCurrent: true,
          createdAt: RUN.startedAt,
          lastSeenAt: new Date().toISOString(),
          device: 'Firefox on Linux',
          ip: '192.0.2.7',
        },
        {
          id: 's2',
          isCurrent: false,
          createdAt: RUN.startedAt,
          lastSeenAt: RUN.startedAt,
          device: 'Safari on iPhone',
          ip: '198.51.100.23',
        },
      ]),
    revokeSession: refuse,
    changePassword: refuse,
    getInvitation: () => give({ workspaceName: 'Halden Harbour', email: 'lena@halden.example', role: 'editor' }),
    acceptInvitation: refuse,

    listWorkflows: () => page(WORKFLOWS, mode === 'full'),
    countWorkflows: () =>
      give({ all: 34, live: 21, drafts: 11, attention: 2, projects: 7 }, { all: 0, live: 0, drafts: 0, attention: 0, projects: 1 }),
    getNow: () =>
      give(
        {
          running: [
            { runId: 'a', workflowName: 'Support mail triage', stepsDone: 4, stepsTotal: 5 },
            { runId: 'b', workflowName: 'Product copy, 5 languages', stepsDone: 7, stepsTotal: 15 },
          ],
          runningCount: 2,
          waiting: { count: 4, oldestAt: new Date(Date.now() - 6_720_000).toISOString() },
          failedToday: { count: 17, mostOf: { workflowName: 'Stock alert to buyers', count: 16 } },
          endedToday: 1284,
        },
        { running: [], runningCount: 0, waiting: { count: 0 }, failedToday: { count: 0 }, endedToday: 0 },
      ),
    getWorkflow: () =>
      give({
        id: 'w1',
        name: INVOICES.name,
        project: { id: 'p', name: 'Accounts payable' },
        rev: 4,
        liveVersion: 12,
        draftChanges: 3,
        savedAt: new Date().toISOString(),
        draft: mode === 'empty' ? { ...INVOICES, nodes: [], edges: [], notes: [] } : { ...INVOICES, inputs: TAKES },
        live: { ...INVOICES, inputs: TAKES },
        starts: [{ kind: 'poll', text: 'New mail in invoices@', nodeId: 'mail' }],
        problems: [
          {
            code: 'HOOK_NO_AUTH',
            severity: 'warning',
            nodeId: 'post',
            path: 'nodes[7].data.retry',
            message: 'The ledger may refuse for longer than three tries cover.',
            hint: 'Raise the tries, or route errors.',
          },
        ],
        may: { run: true, edit: true, publish: true, delete: true },
      }),
    listVersions: () =>
      page(
        [12, 11, 10, 9].map((number) => ({
          number,
          publishedAt: new Date(Date.now() - (13 - number) * 172_800_000).toISOString(),
          publishedBy: { id: 'ik', name: number % 2 ? 'Lena Marx' : 'Ines Kant' },
          note: number === 12 ? 'Retry the ledger three times' : undefined,
          isLive: number === 12,
        })),
      ),
    createWorkflow: refuse,
    importWorkflows: refuse,
    exportWorkflows: () => give([]),
    publishWorkflow: refuse,
    deleteWorkflow: refuse,
    restoreWorkflow: refuse,
    restoreProject: refuse,
    purgeWorkflow: refuse,
    listTrash: () => give({ keptDays: 30, rows: [] }),
    starWorkflow: refuse,
    listTags: () => give([]),
    createTag: refuse,
    setWorkflowTags: refuse,
    listFolders: () => give([]),
    createFolder: refuse,
    moveToFolder: refuse,
    bulkWorkflows: refuse,
    bulkRuns: refuse,
    exportRuns: refuse,
    jobFileAddress: () => '#',
    getJob: () => give({ id: 'j', state: 'succeeded', done: 2, unchanged: 0, failed: 0, isCancelRequested: false }),
    listJobItems: () => page([]),
    cancelJob: refuse,
    diffWorkflow: () => give({ isEqual: true, nodes: NO_PARTS, edges: NO_PARTS, workflow: [], before: INVOICES, after: INVOICES }),
    restoreVersion: refuse,
    getCatalog: () => give(CATALOG),

    renameWorkflow: refuse,
    duplicateWorkflow: refuse,
    pauseWorkflow: refuse,
    resumeWorkflow: refuse,
    startRun: () => Promise.resolve({ ok: true, value: { runId: RUN.id } }),
    listRuns: () => page(RUNS, true),
    getRun: () => give(isLive ? { ...RUN, status: 'running', endedAt: undefined, error: undefined } : RUN),
    listRunFacts: (_id, after) => give({ facts: known.filter((fact) => fact.seq > after), hasMore: false }),
    getStepData: ({ side, nodeId }) =>
      give({
        rows: side === 'output' && nodeId === 'post' ? [] : ITEMS,
        total: side === 'output' && nodeId === 'post' ? 0 : 3,
        hasMore: false,
        hiddenFields: 2,
      }),
    getStepLog: () => give(LOG),
    cancelRun: refuse,
    pauseRun: refuse,
    resumeRun: refuse,
    runAgain: refuse,
    retryRun: refuse,
    rerunFrom: refuse,
    skipStep: refuse,
    saveRunAsTest: refuse,
    listWorkflowTests: () => give([]),
    getWorkflowTest: (_, id) => give({ test: { id, name: '', input: [], expect: [] }, differences: [] }),
    runWorkflowTest: refuse,
    runWorkflowTests: refuse,
    saveWorkflowTest: refuse,
    deleteWorkflowTest: refuse,
    listRunsMadeFrom: () => give([]),
    getCallableWorkflow: (workflow) => give({ id: 'called', name: workflow, state: 'ready', version: 1, inputs: [], outputs: [] }),
    listCalledRuns: () => give({ rows: [], hidden: 0 }),
    resolveUnknown: refuse,
    watchRun(_id, from, watcher) {
      watcher.onState('live');
      let next = from;
      const timer = setInterval(() => {
        const fact: RunFact | undefined = FACTS[next];
        if (fact === undefined) clearInterval(timer);
        else watcher.onFacts([fact]);
        next += 1;
      }, 700);
      return () => clearInterval(timer);
    },
    watchRuns: () => () => undefined,
    watchPerson: () => () => undefined,
    watchChanges: () => () => undefined,

    listCredentials: () => page(CREDENTIALS),
    getCredential: () =>
      give({
        ...CREDENTIALS[0]!,
        publicData: {},
        secretsSet: ['token'],
        signsIn: false,
        usedInWorkflows: [
          { id: 'w1', name: 'Supplier invoice intake', isLive: true },
          { id: 'w4', name: 'Shop orders to ledger', isLive: true },
        ],
      }),
    listCredentialTypes: () => give(CREDENTIAL_TYPES),
    createCredential: refuse,
    updateCredential: refuse,
    startSignIn: refuse,
    testCredential: () => Promise.resolve({ ok: true, value: { health: 'ok', text: 'ledger.internal answered 200 in 38 ms.' } }),
    deleteCredential: refuse,

    listSchedules: () => give({ rows: [], hasMore: false }),
    previewSchedule: () => give({ runs: [], problems: [] }),
    pauseSchedule: refuse,
    resumeSchedule: refuse,
    runSchedule: refuse,
    backfillSchedule: refuse,
    listPolls: () => give({ rows: [], hasMore: false }),
    pausePoll: refuse,
    resumePoll: refuse,
    pollNow: refuse,
    testPoll: refuse,
    listPins: () => give([]),
    getPin: () => give([]),
    setPin: refuse,
    removePin: refuse,
    runDraft: refuse,
    listChain: () => give({ rows: [], hasMore: false }),
    endChain: refuse,
    listVariables: () => give([]),
    setVariable: refuse,
    deleteVariable: refuse,
    listIdentities: () => give([]),
    beginLinkIdentity: refuse,
    unlinkIdentity: refuse,
    listIdentityProviders: () => give([]),
    saveIdentityProvider: refuse,
    deleteIdentityProvider: refuse,

    listProjects: () =>
      give([
        {
          id: 'p1',
          name: 'Accounts payable',
          slug: 'accounts-payable',
          visibility: 'workspace' as const,
          yourRole: 'admin' as const,
          createdAt: '2026-08-04T09:00:00.000Z',
          rev: 1,
        },
      ]),
    createProject: refuse,
    updateProject: refuse,
    deleteProject: refuse,
    listApprovals: () => give({ rows: [], hasMore: false }),
    countApprovals: () => give({ mine: 0, open: 0 }),
    getApproval: () => Promise.reject(new Error('The example has no approvals.')),
    decideApproval: refuse,
    listTeams: () => give([{ id: 't1', name: 'Finance', description: 'Invoices and payments', memberCount: 2, rev: 1 }]),
    getTeam: () =>
      give({
        id: 't1',
        name: 'Finance',
        description: 'Invoices and payments',
        members: [
          { id: 'tn', name: 'Tom Nagel' },
          { id: 'rv', name: 'Rike Voss' },
        ],
        rev: 1,
      }),
    createTeam: refuse,
    deleteTeam: refuse,
    addTeamMember: refuse,
    removeTeamMember: refuse,
    listGrants: () => give([]),
    setGrant: refuse,
    removeGrant: refuse,

    listMembers: () => page(MEMBERS),
    listInvitations: () => give(INVITATIONS, []),
    inviteMember: () => Promise.resolve({ ok: true, value: { link: 'https://plugboard.example/invite/3kq9-2fxa-77pd' } }),
    revokeInvitation: refuse,
    setMemberRole: refuse,
    removeMember: refuse,
    listApiKeys: () => give(API_KEYS, []),
    listScopes: () => give(SCOPES),
    createApiKey: () => Promise.resolve({ ok: true, value: { id: 'k', secret: 'pb_live_7hK2v9QxExampleOnly' } }),
    revokeApiKey: refuse,

    listNotifications: ({ unreadOnly }) => page(NOTIFICATIONS.filter((one) => !unreadOnly || one.readAt === undefined)),
    countUnreadNotifications: () => give(2, 0),
    markNotificationsRead: refuse,
    listAudit: () => page(AUDIT, true),
    checkAudit: () => Promise.resolve({ kind: 'intact', entries: 18_204, checkedAt: new Date().toISOString() }),
    listSettings: () => give<readonly SettingView[]>(SETTINGS),
    changeSetting: refuse,
    listProjectSettings: () => give<readonly SettingView[]>([]),
    changeProjectSetting: refuse,
    listWorkflowSettings: () => give([]),
    listOwnSettings: () => give<readonly SettingView[]>([]),
    changeOwnSetting: refuse,
    testMail: refuse,
    requestPasswordReset: refuse,
    getHealth: () =>
      mode === 'offline'
        ? Promise.reject(FAILURES.offline)
        : Promise.resolve({ state: 'ok', workers: 3, queued: 0, version: '0.1.0', notes: [] }),
    find: (text) =>
      Promise.resolve(
        WORKFLOWS.filter((row) => row.name.toLowerCase().includes(text.toLowerCase())).map((row) => ({
          kind: 'workflow' as const,
          id: row.id,
          title: row.name,
          subtitle: row.project.name,
        })),
      ),
  };
}

const NO_PARTS = { added: [], removed: [], changed: [] };

const LOG: readonly StepLogLine[] = [
  {
    at: '2026-11-20T15:57:59.004Z',
    level: 'info',
    message: 'POST https://ledger.internal/v1/entries, item 2, repeat key run 48213, step 9, item 2',
  },
  { at: '2026-11-20T15:57:59.711Z', level: 'warn', message: '503 Service Unavailable, retry-after: 2' },
  { at: '2026-11-20T15:58:02.420Z', level: 'warn', message: '503 Service Unavailable, retry-after: 8' },
  { at: '2026-11-20T15:58:12.604Z', level: 'error', message: '503 Service Unavailable, no tries left' },
];

/** What a person who runs it by hand is asked for. */
const TAKES = {
  mailbox: { type: 'text', title: 'Mailbox', required: true, default: 'invoices' },
  since: { type: 'text', title: 'Mails since', help: 'Older mails are left alone.', required: true },
  limit: { type: 'number', title: 'At most', default: 20, help: 'Mails in one run.' },
  dryRun: { type: 'boolean', title: 'Only read, post nothing', default: false },
};
