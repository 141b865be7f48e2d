/** The one module that talks to the server: typed functions per need, over GraphQL and the live socket. */
import { ApiError } from './api-error.ts';
import { type DocumentName, DOCUMENTS } from './documents.ts';
import { type GraphqlClient, type GraphqlClientOptions, makeGraphqlClient } from './graphql-client.ts';
import { joinOrAsk } from './join-or-ask.ts';
import { LiveConnection } from './live-connection.ts';
import { watchRun } from './run-watch.ts';
import type { Json } from '@plugboard/sdk';
import type {
  AuditCheck,
  ChangeNews,
  FolderRow,
  Outcome,
  Page,
  PinRow,
  PlugboardApi,
  CallableWorkflow,
  CalledRuns,
  RunMadeFrom,
  RunRow,
  RunsNews,
  ServerProblem,
  Session,
  TagRow,
  WorkflowTestRow,
} from './types.ts';

export type ServerApiOptions = GraphqlClientOptions & {
  /** Opens the live socket when the first page watches something. */
  readonly live?: LiveConnection;
  /** The session ended, or a right was not there any more: what the pages know of who is signed in is old. */
  readonly onRefused?: (kind: 'signedOut' | 'forbidden') => void;
};

/** Whatever an operation takes; the documents name its fields. */
type Variables = object;

interface MutationAnswer {
  readonly __typename: string;
  readonly result?: unknown;
}

interface ProblemAnswer extends ServerProblem {
  /** All of them, where there are several. */
  readonly problems?: readonly ServerProblem[] | null;
}

export function makeServerApi(options: ServerApiOptions): PlugboardApi {
  const client = makeGraphqlClient(options);
  const live = options.live ?? new LiveConnection();
  /** Id of the workspace by slug: topics are named by id, addresses by slug. */
  const workspaceIds = new Map<string, string>();

  const query = async <T>(name: DocumentName, variables: Variables = {}, signal?: AbortSignal): Promise<T> => {
    try {
      return (await ask(client, name, variables, signal ? { signal } : {}))[name] as T;
    } catch (error) {
      if (error instanceof ApiError && (error.kind === 'signedOut' || error.kind === 'forbidden')) options.onRefused?.(error.kind);
      throw error;
    }
  };
  const change = async <T>(name: DocumentName, variables: Variables, idempotencyKey?: string): Promise<Outcome<T>> => {
    const answer = (await ask(client, name, variables, idempotencyKey === undefined ? {} : { idempotencyKey }))[name] as MutationAnswer;
    const outcome = outcomeOf<T>(answer);
    const code = outcome.ok ? undefined : outcome.problems[0]?.code;
    if (code === 'UNAUTHENTICATED') options.onRefused?.('signedOut');
    else if (code === 'FORBIDDEN') options.onRefused?.('forbidden');
    return outcome;
  };
  const done = async (name: DocumentName, variables: Variables): Promise<Outcome<null>> => {
    const answer = await change(name, variables);
    return answer.ok ? { ok: true, value: null } : answer;
  };
  const topic = (kind: 'runs' | 'changed', workflowId?: string): string | undefined => {
    const id = workspaceIds.get(options.workspace() ?? '');
    return id === undefined ? undefined : `${kind}:${id}${workflowId === undefined ? '' : `:${workflowId}`}`;
  };
  const getRun: PlugboardApi['getRun'] = (id, signal) => query('run', { id }, signal);
  const listRunFacts: PlugboardApi['listRunFacts'] = (id, after, signal) => query('runFacts', { id, after }, signal);

  return {
    async getSession(signal) {
      const session = await query<SessionAnswer>('session', {}, signal);
      for (const workspace of session.workspaces) workspaceIds.set(workspace.slug, workspace.id);
      return sessionOf(session);
    },
    setUp: (input) => done('setUp', input),
    signIn: (input) => done('signIn', input),
    providerAddress: (id, returnTo) => `/auth/oidc/${encodeURIComponent(id)}/start?to=${encodeURIComponent(returnTo)}`,
    async signOut() {
      live.close();
      await done('signOut', {});
    },
    listSessions: (signal) => query('sessions', {}, signal),
    revokeSession: (id) => done('revokeSession', { id }),
    changePassword: (input) => done('changePassword', input),
    offerTotp: () => change('offerTotp', {}),
    confirmTotp: (code) => change('confirmTotp', { code }),
    disableTotp: (password) => done('disableTotp', { password }),
    resetPassword: (input) => done('resetPassword', input),
    getProfile: (signal) => query('profile', {}, signal),
    updateProfile: (input) => done('updateProfile', input),
    getInvitation: (token, signal) => query('invitation', { token }, signal),
    acceptInvitation: (input) => done('acceptInvitation', input),

    listWorkflows: (request, signal) => query('workflows', { ...request }, signal),
    countWorkflows: (signal) => query('workflowCounts', {}, signal),
    getNow: (signal) => query('now', {}, signal),
    getWorkflow: (id, signal) => query('workflow', { id }, signal),
    listVersions: (workflowId, page, signal) => query('versions', { workflowId, ...page }, signal),
    createWorkflow: (input) => change('createWorkflow', input),
    async importWorkflows(input) {
      const answer = await change<{ readonly rows: readonly { workflowId: string; name: string }[] }>('importWorkflows', input);
      return answer.ok ? { ok: true, value: answer.value.rows.map(({ workflowId, name }) => ({ id: workflowId, name })) } : answer;
    },
    async exportWorkflows(ids, signal) {
      const { format, workflows, missing } = await query<{ format: string; workflows: Json; missing: readonly string[] }>(
        'exportWorkflows',
        { ids },
        signal,
      );
      return { format, workflows, ...(missing.length === 0 ? {} : { missing: [...missing] }) };
    },
    publishWorkflow: (input) => change('publishWorkflow', input),
    deleteWorkflow: (id) => done('deleteWorkflow', { id }),
    restoreWorkflow: (id) => done('restoreWorkflow', { id }),
    restoreProject: (id) => done('restoreProject', { id }),
    purgeWorkflow: (id) => done('purgeWorkflow', { id }),
    listTrash: (signal) => query('trash', {}, signal),
    starWorkflow: (id, isStarred) => done(isStarred ? 'workflowStar' : 'workflowUnstar', { id }),
    listTags: async (signal) => (await query<{ rows: readonly TagRow[] }>('tags', {}, signal)).rows,
    createTag: (name) => change('createTag', { name }),
    setWorkflowTags: (id, tagIds) => done('workflowSetTags', { id, tagIds }),
    listFolders: async (signal) => (await query<{ rows: readonly FolderRow[] }>('folders', {}, signal)).rows,
    createFolder: (input) => change('createFolder', input),
    moveToFolder: (id, folderId) => done('workflowMoveToFolder', { id, folderId }),
    bulkWorkflows: (input) => change('bulkWorkflows', input),
    bulkRuns: (input) => change('bulkRuns', input),
    exportRuns: (input) => change('exportRuns', input),
    jobFileAddress: (id) => `/api/w/${encodeURIComponent(options.workspace() ?? '')}/jobs/${encodeURIComponent(id)}/file`,
    getJob: (id, signal) => query('job', { id }, signal),
    listJobItems: (id, outcome, signal) => query('jobItems', { id, outcome, first: 20 }, signal),
    cancelJob: (id) => done('cancelJob', { id }),
    diffWorkflow: (workflowId, from, to, signal) => query('workflowDiff', { workflowId, from, to }, signal),
    restoreVersion: (input) => done('workflowRestoreVersion', input),
    renameWorkflow: (input) => done('updateWorkflow', input),
    duplicateWorkflow: (id) => change('duplicateWorkflow', { id }),
    pauseWorkflow: (id) => done('workflowPause', { id }),
    resumeWorkflow: (id) => done('workflowResume', { id }),
    getCatalog: (signal) => query('catalog', {}, signal),

    startRun: (input) => change('startRun', { ...input }, input.idempotencyKey),
    listRuns: (request, signal) => query('runs', { ...request }, signal),
    getRun,
    listRunFacts,
    getStepData: (request, signal) => query('stepData', { ...request }, signal),
    getStepLog: (request, signal) => query('stepLog', request, signal),
    cancelRun: (id, reason) => done('cancelRun', { id, reason }),
    pauseRun: (id) => done('pauseRun', { id }),
    resumeRun: (id) => done('resumeRun', { id }),
    runAgain: (id, source) => change('runAgain', { id, source, idempotencyKey: crypto.randomUUID() }),
    retryRun: (id, source) => change('retryRun', { id, source, idempotencyKey: crypto.randomUUID() }),
    rerunFrom: (input) => change('rerunFrom', { ...input, idempotencyKey: crypto.randomUUID() }),
    skipStep: (input) => change('skipStep', { ...input, idempotencyKey: crypto.randomUUID() }),
    getCallableWorkflow: (workflow, signal) => query<CallableWorkflow>('callableWorkflow', { workflow }, signal),
    listCalledRuns: (id, signal) => query<CalledRuns>('calledRuns', { id, first: 20 }, signal),
    listRunsMadeFrom: async (id, signal) => (await query<{ readonly rows: readonly RunMadeFrom[] }>('runsMadeFrom', { id }, signal)).rows,
    listWorkflowTests: async (workflowId, signal) =>
      (await query<{ readonly rows: readonly WorkflowTestRow[] }>('workflowTests', { workflowId }, signal)).rows,
    getWorkflowTest: (workflowId, testId, signal) => query('workflowTest', { workflowId, testId }, signal),
    runWorkflowTest: (workflowId, testId) => change('runWorkflowTest', { workflowId, testId }),
    runWorkflowTests: (id) => change('runWorkflowTests', { id }),
    saveWorkflowTest: (workflowId, test) => change('saveWorkflowTest', { workflowId, test }),
    deleteWorkflowTest: (workflowId, testId) => done('deleteWorkflowTest', { workflowId, testId }),
    saveRunAsTest: (input) => change('saveRunAsTest', { ...input }),
    resolveUnknown: ({ runId, nodeId, item, decision }) => done('resolveUnknown', { id: runId, node: nodeId, item, decision }),
    watchRun: (id, fromSeq, watcher) => watchRun({ live, listRunFacts }, id, fromSeq, watcher),
    watchRuns(filter, onNews) {
      const name = topic('runs', filter.workflowId);
      if (name === undefined) return nothing;
      let since = new Date().toISOString();
      const ask = async (): Promise<void> => {
        try {
          const { rows } = await query<Page<RunRow>>('runs', { ...filter, since, first: 100 });
          const heads = rows.filter(({ startedAt }) => startedAt > since);
          since = heads.reduce((newest, { startedAt }) => (startedAt > newest ? startedAt : newest), since);
          onNews({
            heads: heads.slice(0, 20).map(({ id, workflow, status, startedAt }) => ({ id, workflowId: workflow.id, status, startedAt })),
            started: heads.length,
            ended: 0,
          });
        } catch {
          // No answer is no news; it is asked again.
        }
      };
      return joinOrAsk({ live }, name, () => void ask(), {
        on(event, frame) {
          if (event !== 'runs') return;
          since = new Date().toISOString();
          onNews(frame as unknown as RunsNews);
        },
      });
    },
    watchChanges(onNews) {
      const name = topic('changed');
      if (name === undefined) return nothing;
      // What has changed is not known without the socket: anything may have.
      const ask = (): void => {
        for (const kind of CHANGE_KINDS) onNews({ kind, id: '' });
      };
      return joinOrAsk({ live }, name, ask, {
        on(event, frame) {
          if (event === 'changed') for (const news of frame['changes'] as readonly ChangeNews[]) onNews(news);
        },
        // Who may not hear of this workspace any more is told what it may do by the session.
        onRefused: () => options.onRefused?.('forbidden'),
      });
    },
    watchPerson: (personId, onNews) => live.join(`person:${personId}`, { on: (event) => event === 'changed' && onNews() }),

    listCredentials: (request, signal) => query('credentials', { ...request }, signal),
    getCredential: (id, signal) => query('credential', { id }, signal),
    listCredentialTypes: (signal) => query('credentialTypes', {}, signal),
    createCredential: (input) => change('createCredential', { ...input }),
    updateCredential: ({ id, expectedRev, name, allowedHosts, data }) =>
      done('updateCredential', { id, expectedRev, name, allowedHosts, data }),
    testCredential: (id) => change('testCredential', { id }),
    startSignIn: (id) => change('startSignIn', { id }),
    deleteCredential: (id) => done('deleteCredential', { id }),

    listSchedules: (request, signal) => query('schedules', { ...request }, signal),
    previewSchedule: (request, signal) => query('previewSchedule', { ...request }, signal),
    pauseSchedule: (id) => done('pauseSchedule', { id }),
    resumeSchedule: (id) => done('resumeSchedule', { id }),
    runSchedule: (id) => change('runSchedule', { id }),
    backfillSchedule: (input) => change('backfillSchedule', input),
    listPolls: (request, signal) => query('polls', { ...request }, signal),
    pausePoll: (id) => done('pausePoll', { id }),
    resumePoll: (id) => done('resumePoll', { id }),
    pollNow: (id) => done('pollNow', { id }),
    testPoll: (workflowId, nodeId) => change('testPoll', { workflowId, nodeId }),
    listPins: async (workflowId, signal) => (await query<{ readonly rows: readonly PinRow[] }>('pins', { workflowId }, signal)).rows,
    getPin: async (workflowId, nodeId, signal) =>
      (await query<{ readonly items: readonly Json[] }>('pin', { workflowId, nodeId }, signal)).items,
    setPin: (input) => done('setPin', { ...input }),
    removePin: (workflowId, nodeId) => done('removePin', { workflowId, nodeId }),
    runDraft: (input) => change('runDraft', { ...input }),
    listChain: (id, before, signal) => query('runChain', { id, before }, signal),
    endChain: (id) => done('endRunChain', { id }),
    listVariables: (place, signal) => query('variables', place, signal),
    setVariable: (input) => done('setVariable', input),
    deleteVariable: (input) => done('deleteVariable', input),

    listIdentities: (signal) => query('identities', {}, signal),
    beginLinkIdentity: (provider, returnTo) => change('beginLinkIdentity', { provider, returnTo }),
    unlinkIdentity: ({ issuer, subject }) => done('unlinkIdentity', { issuer, subject }),
    listIdentityProviders: (signal) => query('identityProviders', {}, signal),
    saveIdentityProvider: (input) => done('saveIdentityProvider', input),
    deleteIdentityProvider: (id) => done('deleteIdentityProvider', { id }),

    listProjects: (signal) => query('projects', {}, signal),
    createProject: (input) => change('createProject', input),
    updateProject: (input) => done('updateProject', input),
    deleteProject: (id) => done('deleteProject', { id }),
    listApprovals: (request, signal) => query('approvals', { ...request }, signal),
    countApprovals: (signal) => query('approvalCounts', {}, signal),
    getApproval: (id, signal) => query('approval', { id }, signal),
    decideApproval: (input) => change('decideApproval', input),
    listTeams: (signal) => query('teams', {}, signal),
    getTeam: (id, signal) => query('team', { id }, signal),
    createTeam: (input) => change('createTeam', input),
    deleteTeam: (id) => done('deleteTeam', { id }),
    addTeamMember: (id, principalId) => done('addTeamMember', { id, principalId }),
    removeTeamMember: (id, principalId) => done('removeTeamMember', { id, principalId }),
    listGrants: (on, signal) => query('grants', on, signal),
    setGrant: (input) => done('setGrant', input),
    removeGrant: (input) => done('removeGrant', input),

    listMembers: (request, signal) => query('members', { ...request }, signal),
    listInvitations: (signal) => query('invitations', {}, signal),
    inviteMember: (input) => change('inviteMember', input),
    revokeInvitation: (id) => done('revokeInvitation', { id }),
    setMemberRole: (principalId, role) => done('setMemberRole', { principalId, role }),
    removeMember: (principalId) => done('removeMember', { principalId }),
    listApiKeys: (signal) => query('apiKeys', {}, signal),
    listScopes: (signal) => query('scopes', {}, signal),
    createApiKey: (input) => change('createApiKey', input),
    revokeApiKey: (id) => done('revokeApiKey', { id }),

    listNotifications: (request, signal) => query('notifications', request, signal),
    countUnreadNotifications: async (signal) => (await query<{ unread: number }>('unreadNotifications', {}, signal)).unread,
    markNotificationsRead: (ids) => done('markNotificationsRead', { ids }),

    listAudit: (request, signal) => query('audit', { ...request }, signal),
    checkAudit: () => query<AuditCheck>('auditCheck'),
    listSettings: (level, signal) => query('settings', { level }, signal),
    changeSetting: (input) => change('changeSetting', input),
    listProjectSettings: (projectId, signal) => query('projectSettings', { projectId }, signal),
    changeProjectSetting: (input) => change('changeProjectSetting', input),
    listWorkflowSettings: (workflowId, signal) => query('workflowSettings', { workflowId }, signal),
    listOwnSettings: (signal) => query('ownSettings', {}, signal),
    changeOwnSetting: (input) => change('changeOwnSetting', input),
    testMail: () => done('testMail', {}),
    requestPasswordReset: (email) => done('requestPasswordReset', { email }),
    getHealth: (signal) => query('health', {}, signal),
    find: (text, signal) => query('find', { text }, signal),
  };
}

async function ask(
  client: GraphqlClient,
  name: DocumentName,
  variables: Variables,
  options: Parameters<GraphqlClient['ask']>[2],
): Promise<{ readonly [field: string]: unknown }> {
  return withoutNulls(await client.ask(DOCUMENTS[name], variables, options)) as { readonly [field: string]: unknown };
}

/** What the pages listen for. */
const CHANGE_KINDS = [
  'workflow',
  'credential',
  'member',
  'invitation',
  'apiKey',
  'setting',
  'project',
  'team',
  'session',
  'approval',
] as const satisfies readonly ChangeNews['kind'][];

/** Fields whose null is data: the JSON of people, kept as it came. */
const RAW = new Set([
  'draft',
  'live',
  'definition',
  'catalog',
  'rows',
  'items',
  'form',
  'value',
  'default',
  'publicData',
  'changes',
  'credentialTypes',
  'facts',
  'before',
  'after',
]);

/** GraphQL says null where our types leave a field out. */
function withoutNulls(value: unknown, isRaw = false): unknown {
  if (Array.isArray(value)) return value.map((one) => withoutNulls(one, isRaw));
  if (typeof value !== 'object' || value === null || isRaw) return value;
  // Rows of lists are objects of ours when they carry an id; rows of step data are items of people.
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, inner]) => {
      if (inner === null && !(key === 'value' || key === 'default')) return [];
      const isPeoples =
        (RAW.has(key) || (key === 'workflows' && Array.isArray(inner))) &&
        !(key === 'rows' && isListRows(inner)) &&
        !(key === 'live' && typeof inner === 'number');
      return [[key, withoutNulls(inner, isPeoples)]];
    }),
  );
}

function isListRows(rows: unknown): boolean {
  return Array.isArray(rows) && !rows.some((row) => typeof row === 'object' && row !== null && 'json' in row);
}

function outcomeOf<T>(answer: MutationAnswer): Outcome<T> {
  if ('result' in answer) return { ok: true, value: answer.result as T };
  const problem = answer as unknown as ProblemAnswer;
  const several = problem.problems ?? [];
  return { ok: false, problems: several.length > 0 ? several : [problem] };
}

interface SessionAnswer {
  readonly kind: Session['kind'];
  readonly isOperator: boolean;
  readonly person?: Extract<Session, { kind: 'signedIn' }>['person'];
  readonly workspaces: Extract<Session, { kind: 'signedIn' }>['workspaces'];
  readonly providers: Extract<Session, { kind: 'signedOut' }>['providers'];
  readonly resetsByMail: boolean;
}

function sessionOf({ kind, person, workspaces, providers, resetsByMail, isOperator }: SessionAnswer): Session {
  switch (kind) {
    case 'setup':
      return { kind };
    case 'signedOut':
      return { kind, providers, resetsByMail };
    case 'signedIn':
      if (person === undefined) throw new ApiError('failed', 'The server names nobody who is signed in.');
      return { kind, person, workspaces, isOperator };
  }
}

function nothing(): void {
  // Outside a workspace there is nothing to leave.
}
