/** Every GraphQL operation the pages send, by name. The server prints its schema; a test checks these against it. */

const PROBLEM = '... on Problem { __typename code message hint path params problems }';

/** A mutation whose success is `<Field>Success { result }`. */
function mutation(name: string, inputs: string, call: string, result: string): string {
  const success = `${(name[0] ?? '').toUpperCase()}${name.slice(1)}Success`;
  return `mutation ${name}${inputs} { ${name}${call} { __typename ... on ${success} { result ${result} } ${PROBLEM} } }`;
}

const PERSON = '{ id name }';
const RUN_ERROR = '{ code message nodeId nodeName item }';
const RUN_ROW = `id workflow { id name } version status waitingFor trigger initiator ${PERSON} startedAt endedAt durationMs error ${RUN_ERROR} costPd`;
const APPROVAL_ROW = 'id title workflow { id name } runId state approved needed isMine isDecidedByYou isEscalated createdAt dueAt endedAt';
const RIGHTS = 'may { run edit publish delete }';
const CREDENTIAL_ROW = `id key name type typeTitle project { id name } allowedHosts health healthText testedAt expiresAt usedIn updatedBy ${PERSON} updatedAt rev may { use edit }`;
const SETTING = `key title help group form value default from updatedBy ${PERSON} updatedAt rev isDangerous isSecret isImmediate mayChange`;

export const DOCUMENTS = {
  session:
    'query session { session { kind isOperator person { id name email zone hasTotp } workspaces { id slug name role } providers { id title } resetsByMail } }',
  setUp: mutation(
    'setUp',
    '($token: String!, $name: String!, $email: String!, $password: String!)',
    '(token: $token, name: $name, email: $email, password: $password)',
    '{ ok }',
  ),
  signIn: mutation(
    'signIn',
    '($email: String!, $password: String!, $totp: String)',
    '(email: $email, password: $password, totp: $totp)',
    '{ ok }',
  ),
  signOut: mutation('signOut', '', '', '{ ok }'),
  sessions: 'query sessions { sessions { id isCurrent createdAt lastSeenAt device ip } }',
  revokeSession: mutation('revokeSession', '($id: ID!)', '(id: $id)', '{ ok }'),
  changePassword: mutation('changePassword', '($current: String!, $next: String!)', '(current: $current, next: $next)', '{ ok }'),
  offerTotp: mutation('offerTotp', '', '', '{ address secret }'),
  confirmTotp: mutation('confirmTotp', '($code: String!)', '(code: $code)', '{ recoveryCodes }'),
  disableTotp: mutation('disableTotp', '($password: String!)', '(password: $password)', '{ ok }'),
  resetPassword: mutation('resetPassword', '($token: String!, $password: String!)', '(token: $token, password: $password)', '{ ok }'),
  profile: 'query profile { profile { id name email zone hasPassword rev } }',
  updateProfile: mutation(
    'updateProfile',
    '($name: String, $zone: String, $expectedRev: Int!)',
    '(name: $name, zone: $zone, expectedRev: $expectedRev)',
    '{ rev }',
  ),
  invitation: 'query invitation($token: String!) { invitation(token: $token) { workspaceName email role } }',
  acceptInvitation: mutation(
    'acceptInvitation',
    '($token: String!, $name: String, $password: String)',
    '(token: $token, name: $name, password: $password)',
    '{ ok }',
  ),

  workflows: `query workflows($first: Int, $after: String, $view: WorkflowView, $search: String, $projectId: ID, $folderId: ID, $tagIds: [ID!], $starred: Boolean, $sort: WorkflowSort) {
    workflows(first: $first, after: $after, view: $view, search: $search, projectId: $projectId, folderId: $folderId, tagIds: $tagIds, starred: $starred, sort: $sort) {
      endCursor hasMore
      rows {
        id name project { id name } folderId tags { id name color } isStarred starts { kind text } liveVersion state draftChanges preview
        recentRuns { id status durationMs } successRate typicalMs costPd7d lastRunAt nextRunAt editors ${PERSON} ${RIGHTS}
      }
    }
  }`,
  workflowCounts: 'query workflowCounts { workflowCounts { all live drafts attention projects } }',
  now: 'query now { now { running { runId workflowName stepsDone stepsTotal } runningCount waiting { count oldestAt } failedToday { count mostOf { workflowName count } } endedToday } }',
  workflow: `query workflow($id: ID!) {
    workflow(id: $id) {
      id name description project { id name } rev liveVersion draftChanges savedAt draft live starts { kind text nodeId }
      problems { code severity nodeId path message hint } ${RIGHTS}
    }
  }`,
  versions: `query versions($workflowId: ID!, $first: Int, $after: String) {
    versions(workflowId: $workflowId, first: $first, after: $after) { endCursor hasMore rows { number publishedAt publishedBy ${PERSON} note isLive } }
  }`,
  createWorkflow: mutation('createWorkflow', '($name: String!, $projectId: ID)', '(name: $name, projectId: $projectId)', '{ id }'),
  importWorkflows: mutation(
    'importWorkflows',
    '($text: String!, $publish: Boolean!, $projectId: ID)',
    '(text: $text, publish: $publish, projectId: $projectId)',
    '{ rows { workflowId name } }',
  ),
  exportWorkflows: 'query exportWorkflows($ids: [ID!]) { exportWorkflows(ids: $ids) { format workflows missing } }',
  publishWorkflow: mutation(
    'publishWorkflow',
    '($id: ID!, $expectedRev: Int!, $note: String)',
    '(id: $id, expectedRev: $expectedRev, note: $note)',
    '{ version }',
  ),
  deleteWorkflow: mutation('deleteWorkflow', '($id: ID!)', '(id: $id)', '{ ok }'),
  updateWorkflow: mutation('updateWorkflow', '($id: ID!, $name: String)', '(id: $id, name: $name)', '{ id }'),
  duplicateWorkflow: mutation('duplicateWorkflow', '($id: ID!)', '(id: $id)', '{ id name }'),
  workflowPause: mutation('workflowPause', '($id: ID!)', '(id: $id)', '{ state }'),
  workflowResume: mutation('workflowResume', '($id: ID!)', '(id: $id)', '{ state }'),
  restoreWorkflow: mutation('restoreWorkflow', '($id: ID!)', '(id: $id)', '{ name }'),
  restoreProject: mutation('restoreProject', '($id: ID!)', '(id: $id)', '{ __typename }'),
  purgeWorkflow: mutation('purgeWorkflow', '($id: ID!)', '(id: $id)', '{ __typename }'),
  trash: 'query trash { trash { keptDays rows { id kind name deletedAt } } }',
  workflowStar: mutation('workflowStar', '($id: ID!)', '(id: $id)', '{ __typename }'),
  workflowUnstar: mutation('workflowUnstar', '($id: ID!)', '(id: $id)', '{ __typename }'),
  tags: 'query tags { tags { rows { id name color workflows } } }',
  createTag: mutation('createTag', '($name: String!)', '(name: $name)', '{ id }'),
  workflowSetTags: mutation('workflowSetTags', '($id: ID!, $tagIds: [ID!])', '(id: $id, tagIds: $tagIds)', '{ __typename }'),
  folders: 'query folders { folders { rows { id name parentId projectId workflows } } }',
  createFolder: mutation(
    'createFolder',
    '($name: String!, $projectId: ID!, $parentId: ID)',
    '(name: $name, projectId: $projectId, parentId: $parentId)',
    '{ id }',
  ),
  workflowMoveToFolder: mutation('workflowMoveToFolder', '($id: ID!, $folderId: ID)', '(id: $id, folderId: $folderId)', '{ __typename }'),
  bulkWorkflows: mutation(
    'bulkWorkflows',
    '($act: BulkWorkflowAct!, $ids: [ID!], $input: BulkWorkflowsInputInput)',
    '(act: $act, ids: $ids, input: $input)',
    '{ id }',
  ),
  bulkRuns: mutation(
    'bulkRuns',
    '($act: BulkRunAct!, $ids: [ID!], $filter: BulkRunsFilterInput)',
    '(act: $act, ids: $ids, filter: $filter)',
    '{ id }',
  ),
  exportRuns: mutation(
    'exportRuns',
    '($withData: Boolean, $ids: [ID!], $filter: ExportRunsFilterInput)',
    '(withData: $withData, ids: $ids, filter: $filter)',
    '{ id }',
  ),
  job: 'query job($id: ID!) { job(id: $id) { id state total done unchanged failed isCancelRequested message file { name sizeBytes } } }',
  jobItems:
    'query jobItems($id: ID!, $outcome: JobOutcome, $first: Int) { jobItems(id: $id, outcome: $outcome, first: $first) { endCursor hasMore rows { itemId outcome code message } } }',
  cancelJob: mutation('cancelJob', '($id: ID!)', '(id: $id)', '{ __typename }'),
  workflowDiff: `query workflowDiff($workflowId: ID!, $from: String!, $to: String) {
    workflowDiff(workflowId: $workflowId, from: $from, to: $to) {
      isEqual before after workflow { path before after }
      nodes { added removed changed { id isMoved changes { path before after } } }
      edges { added removed changed { id isMoved changes { path before after } } }
    }
  }`,
  workflowRestoreVersion: mutation(
    'workflowRestoreVersion',
    '($workflowId: ID!, $number: Int!, $expectedRev: Int!)',
    '(workflowId: $workflowId, number: $number, expectedRev: $expectedRev)',
    '{ rev }',
  ),
  schedules:
    'query schedules($first: Int, $after: String, $search: String) { schedules(first: $first, after: $after, search: $search) { rows { id workflowId workflowName nodeId nodeName text timezone state isWorkflowPaused nextRuns { at localTime offset } lastDueAt lastRunId skipped problem } endCursor hasMore } }',
  previewSchedule:
    'query previewSchedule($cron: [String!], $intervals: [JSON!], $timezone: String, $startAt: DateTime, $endAt: DateTime, $count: Int) { previewSchedule(cron: $cron, intervals: $intervals, timezone: $timezone, startAt: $startAt, endAt: $endAt, count: $count) { runs { at localTime offset } problems { code message hint } } }',
  pauseSchedule: mutation('pauseSchedule', '($id: ID!)', '(id: $id)', '{ id }'),
  resumeSchedule: mutation('resumeSchedule', '($id: ID!)', '(id: $id)', '{ id }'),
  runSchedule: mutation('runSchedule', '($id: ID!)', '(id: $id)', '{ runId }'),
  backfillSchedule: mutation(
    'backfillSchedule',
    '($id: ID!, $from: DateTime!, $until: DateTime!)',
    '(id: $id, from: $from, until: $until)',
    '{ id total }',
  ),
  polls:
    'query polls($first: Int, $after: String, $search: String) { polls(first: $first, after: $after, search: $search) { rows { id workflowId workflowName nodeId nodeName state isWorkflowPaused everySeconds nextAt failures problem answeredAt foundAt lastRunId } endCursor hasMore } }',
  pausePoll: mutation('pausePoll', '($id: ID!)', '(id: $id)', '{ id }'),
  resumePoll: mutation('resumePoll', '($id: ID!)', '(id: $id)', '{ id }'),
  pollNow: mutation('pollNow', '($id: ID!)', '(id: $id)', '{ id }'),
  testPoll: mutation('testPoll', '($workflowId: ID!, $nodeId: String!)', '(workflowId: $workflowId, nodeId: $nodeId)', '{ items }'),
  pins: 'query pins($workflowId: ID!) { pins(workflowId: $workflowId) { rows { nodeId by { id name } at } } }',
  pin: 'query pin($workflowId: ID!, $nodeId: String!) { pin(workflowId: $workflowId, nodeId: $nodeId) { items } }',
  setPin: mutation(
    'setPin',
    '($workflowId: ID!, $nodeId: String!, $items: [JSON!])',
    '(workflowId: $workflowId, nodeId: $nodeId, items: $items)',
    '{ __typename }',
  ),
  removePin: mutation('removePin', '($workflowId: ID!, $nodeId: String!)', '(workflowId: $workflowId, nodeId: $nodeId)', '{ __typename }'),
  runDraft: mutation(
    'runDraft',
    '($workflowId: ID!, $to: String, $only: String, $input: JSON, $items: [JSON!], $idempotencyKey: String)',
    '(workflowId: $workflowId, to: $to, only: $only, input: $input, items: $items, idempotencyKey: $idempotencyKey)',
    '{ runId }',
  ),
  runChain:
    'query runChain($id: String!, $before: Int) { runChain(id: $id, before: $before) { rows { id n status startedAt endedAt } hasMore } }',
  endRunChain: mutation('endRunChain', '($id: String!)', '(id: $id)', '{ __typename }'),
  variables:
    'query variables($projectId: ID, $environment: VariableEnvironment) { variables(projectId: $projectId, environment: $environment) { key value rev updatedAt } }',
  setVariable: mutation(
    'setVariable',
    '($projectId: ID, $environment: VariableEnvironment, $key: String!, $value: JSON!, $expectedRev: Int)',
    '(projectId: $projectId, environment: $environment, key: $key, value: $value, expectedRev: $expectedRev)',
    '{ __typename }',
  ),
  deleteVariable: mutation(
    'deleteVariable',
    '($projectId: ID, $environment: VariableEnvironment, $key: String!)',
    '(projectId: $projectId, environment: $environment, key: $key)',
    '{ __typename }',
  ),
  identities: 'query identities { identities { issuer subject linkedAt } }',
  beginLinkIdentity: mutation(
    'beginLinkIdentity',
    '($provider: String!, $returnTo: String)',
    '(provider: $provider, returnTo: $returnTo)',
    '{ address }',
  ),
  unlinkIdentity: mutation(
    'unlinkIdentity',
    '($issuer: String!, $subject: String!)',
    '(issuer: $issuer, subject: $subject)',
    '{ __typename }',
  ),
  identityProviders:
    'query identityProviders { identityProviders { id key title issuer clientId hasSecret scopes allowedDomains linksByEmail joinRole joinsWorkspaceId isEnabled rev } }',
  saveIdentityProvider: mutation(
    'saveIdentityProvider',
    '($id: ID, $key: String!, $title: String!, $issuer: String!, $clientId: String!, $clientSecret: String, $scopes: [String!], $allowedDomains: [String!], $linksByEmail: Boolean, $joinRole: JoinRole, $joinsWorkspaceId: ID, $isEnabled: Boolean, $expectedRev: Int)',
    '(id: $id, key: $key, title: $title, issuer: $issuer, clientId: $clientId, clientSecret: $clientSecret, scopes: $scopes, allowedDomains: $allowedDomains, linksByEmail: $linksByEmail, joinRole: $joinRole, joinsWorkspaceId: $joinsWorkspaceId, isEnabled: $isEnabled, expectedRev: $expectedRev)',
    '{ __typename }',
  ),
  deleteIdentityProvider: mutation('deleteIdentityProvider', '($id: ID!)', '(id: $id)', '{ __typename }'),
  catalog: 'query catalog { catalog }',

  startRun: mutation(
    'startRun',
    '($workflowId: ID!, $source: RunSource, $triggerNodeId: String, $input: JSON, $idempotencyKey: String)',
    '(workflowId: $workflowId, source: $source, triggerNodeId: $triggerNodeId, input: $input, idempotencyKey: $idempotencyKey)',
    '{ runId }',
  ),
  runs: `query runs($first: Int, $after: ID, $workflowId: ID, $statuses: [RunStatus!], $triggers: [TriggerKind!], $since: DateTime, $until: DateTime, $search: String) {
    runs(first: $first, after: $after, workflowId: $workflowId, statuses: $statuses, triggers: $triggers, since: $since, until: $until, search: $search) {
      endCursor hasMore rows { ${RUN_ROW} }
    }
  }`,
  run: `query run($id: String!) { run(id: $id) { ${RUN_ROW} definition seq activeMs itemsIn modes budget { rootRunId spentPd reservedPd limitPd } limits { costPd activeMs } may { control readData again retry rerun } origin { runId how nodeId } } }`,
  runsMadeFrom: 'query runsMadeFrom($id: String!) { runsMadeFrom(id: $id) { rows { id how nodeId status startedAt } } }',
  calledRuns:
    'query calledRuns($id: String!, $first: Int) { calledRuns(id: $id, first: $first) { calledBy { runId nodeId depth } hidden nextCursor rows { id workflow { id name } status nodeId part isAwaited } } }',
  callableWorkflow:
    'query callableWorkflow($workflow: String!) { callableWorkflow(workflow: $workflow) { id name state version inputs { name type title help required default } outputs { name type title help required default } } }',
  runFacts: 'query runFacts($id: String!, $after: Int) { runFacts(id: $id, after: $after) { facts hasMore } }',
  stepData: `query stepData($runId: String!, $nodeId: String!, $path: [Int!], $side: StepSide!, $port: String, $first: Int, $after: String) {
    stepData(runId: $runId, nodeId: $nodeId, path: $path, side: $side, port: $port, first: $first, after: $after) { rows endCursor hasMore total hiddenFields }
  }`,
  stepLog:
    'query stepLog($runId: String!, $nodeId: String!, $path: [Int!]) { stepLog(runId: $runId, nodeId: $nodeId, path: $path) { at level message item } }',
  cancelRun: mutation('cancelRun', '($id: String!, $reason: String)', '(id: $id, reason: $reason)', '{ id }'),
  pauseRun: mutation('pauseRun', '($id: String!)', '(id: $id)', '{ id }'),
  resumeRun: mutation('resumeRun', '($id: String!)', '(id: $id)', '{ id }'),
  runAgain: mutation(
    'runAgain',
    '($id: String!, $source: RunAgainSource, $idempotencyKey: String)',
    '(id: $id, source: $source, idempotencyKey: $idempotencyKey)',
    '{ runId }',
  ),
  retryRun: mutation(
    'retryRun',
    '($id: String!, $source: RunAgainSource, $idempotencyKey: String)',
    '(id: $id, source: $source, idempotencyKey: $idempotencyKey)',
    '{ runId kept }',
  ),
  rerunFrom: mutation(
    'rerunFrom',
    '($id: String!, $nodeId: String!, $source: RunAgainSource, $items: [JSON!], $idempotencyKey: String)',
    '(id: $id, nodeId: $nodeId, source: $source, items: $items, idempotencyKey: $idempotencyKey)',
    '{ runId kept }',
  ),
  skipStep: mutation(
    'skipStep',
    '($id: String!, $nodeId: String!, $source: RunAgainSource, $items: [JSON!], $idempotencyKey: String)',
    '(id: $id, nodeId: $nodeId, source: $source, items: $items, idempotencyKey: $idempotencyKey)',
    '{ runId kept }',
  ),
  workflowTests: `query workflowTests($workflowId: ID!) {
    workflowTests(workflowId: $workflowId) { rev rows { id name expects last { outcome differences runId durationMs at isOfThisDraft } } }
  }`,
  workflowTest: `query workflowTest($workflowId: ID!, $testId: String!) {
    workflowTest(workflowId: $workflowId, testId: $testId) { test differences { node path expected actual } }
  }`,
  runWorkflowTest: mutation(
    'runWorkflowTest',
    '($workflowId: ID!, $testId: String!)',
    '(workflowId: $workflowId, testId: $testId)',
    '{ testId name outcome message differences { node path expected actual } runId durationMs }',
  ),
  runWorkflowTests: mutation(
    'runWorkflowTests',
    '($id: ID!)',
    '(id: $id)',
    '{ passed failed broken results { testId name outcome message differences { node path expected actual } runId durationMs } }',
  ),
  saveWorkflowTest: mutation(
    'saveWorkflowTest',
    '($workflowId: ID!, $test: WorkflowTestInput!)',
    '(workflowId: $workflowId, test: $test)',
    '{ testId rev }',
  ),
  deleteWorkflowTest: mutation(
    'deleteWorkflowTest',
    '($workflowId: ID!, $testId: String!)',
    '(workflowId: $workflowId, testId: $testId)',
    '{ ok }',
  ),
  saveRunAsTest: mutation(
    'saveRunAsTest',
    '($workflowId: ID!, $runId: String!, $name: String!, $ignore: [String!])',
    '(workflowId: $workflowId, runId: $runId, name: $name, ignore: $ignore)',
    '{ testId rev }',
  ),
  resolveUnknown: mutation(
    'resolveUnknown',
    '($id: String!, $node: String!, $item: Int, $decision: UnknownDecision!)',
    '(id: $id, node: $node, item: $item, decision: $decision)',
    '{ id }',
  ),

  credentials: `query credentials($first: Int, $after: String, $search: String, $type: String) {
    credentials(first: $first, after: $after, search: $search, type: $type) { endCursor hasMore rows { ${CREDENTIAL_ROW} } }
  }`,
  credential: `query credential($id: ID!) { credential(id: $id) { ${CREDENTIAL_ROW} publicData secretsSet signsIn usedInWorkflows { id name isLive } } }`,
  credentialTypes: 'query credentialTypes { credentialTypes }',
  createCredential: mutation(
    'createCredential',
    '($key: String!, $name: String!, $type: String!, $projectId: ID, $allowedHosts: [String!]!, $data: JSON!)',
    '(key: $key, name: $name, type: $type, projectId: $projectId, allowedHosts: $allowedHosts, data: $data)',
    '{ id }',
  ),
  updateCredential: mutation(
    'updateCredential',
    '($id: ID!, $expectedRev: Int!, $name: String, $allowedHosts: [String!], $data: JSON)',
    '(id: $id, expectedRev: $expectedRev, name: $name, allowedHosts: $allowedHosts, data: $data)',
    '{ id }',
  ),
  testCredential: mutation('testCredential', '($id: ID!)', '(id: $id)', '{ health text }'),
  startSignIn: mutation('startSignIn', '($id: ID!)', '(id: $id)', '{ url }'),
  deleteCredential: mutation('deleteCredential', '($id: ID!)', '(id: $id)', '{ ok }'),

  projects: `query projects { projects { id name slug visibility owner ${PERSON} yourRole createdAt rev } }`,
  createProject: mutation(
    'createProject',
    '($name: String!, $slug: String!, $visibility: ProjectVisibility)',
    '(name: $name, slug: $slug, visibility: $visibility)',
    '{ id }',
  ),
  updateProject: mutation(
    'updateProject',
    '($id: ID!, $expectedRev: Int, $name: String, $visibility: ProjectVisibility)',
    '(id: $id, expectedRev: $expectedRev, name: $name, visibility: $visibility)',
    '{ rev }',
  ),
  deleteProject: mutation('deleteProject', '($id: ID!)', '(id: $id)', '{ ok }'),
  approvals: `query approvals($first: Int, $after: String, $show: ApprovalsShow, $search: String) {
    approvals(first: $first, after: $after, show: $show, search: $search) { endCursor hasMore rows { ${APPROVAL_ROW} } }
  }`,
  approvalCounts: 'query approvalCounts { approvalCounts { mine open } }',
  approval: `query approval($id: ID!) { approval(id: $id) {
    ${APPROVAL_ROW} messageHtml commentOn reminders deciders { persons roles teams }
    fields { name title kind help value edit required options { value title } }
    decisions { by ${PERSON} decision comment changed via at }
  } }`,
  decideApproval: mutation(
    'decideApproval',
    '($id: ID!, $decision: ApprovalDecisionKind!, $comment: String, $changes: JSON)',
    '(id: $id, decision: $decision, comment: $comment, changes: $changes)',
    '{ outcome state }',
  ),
  teams: 'query teams { teams { id name description memberCount rev } }',
  team: `query team($id: ID!) { team(id: $id) { id name description members ${PERSON} rev } }`,
  createTeam: mutation('createTeam', '($name: String!, $description: String)', '(name: $name, description: $description)', '{ id }'),
  deleteTeam: mutation('deleteTeam', '($id: ID!)', '(id: $id)', '{ ok }'),
  addTeamMember: mutation('addTeamMember', '($id: ID!, $principalId: ID!)', '(id: $id, principalId: $principalId)', '{ ok }'),
  removeTeamMember: mutation('removeTeamMember', '($id: ID!, $principalId: ID!)', '(id: $id, principalId: $principalId)', '{ ok }'),
  grants: `query grants($resourceKind: GrantResourceKind!, $resourceId: ID!) {
    grants(resourceKind: $resourceKind, resourceId: $resourceId) { subjectKind subjectId subjectName role grantedAt }
  }`,
  setGrant: mutation(
    'setGrant',
    '($resourceKind: GrantResourceKind!, $resourceId: ID!, $subjectKind: GrantSubjectKind!, $subjectId: ID!, $role: Role!)',
    '(resourceKind: $resourceKind, resourceId: $resourceId, subjectKind: $subjectKind, subjectId: $subjectId, role: $role)',
    '{ ok }',
  ),
  removeGrant: mutation(
    'removeGrant',
    '($resourceKind: GrantResourceKind!, $resourceId: ID!, $subjectKind: GrantSubjectKind!, $subjectId: ID!)',
    '(resourceKind: $resourceKind, resourceId: $resourceId, subjectKind: $subjectKind, subjectId: $subjectId)',
    '{ ok }',
  ),

  members: `query members($first: Int, $after: ID, $search: String) {
    members(first: $first, after: $after, search: $search) { endCursor hasMore rows { principalId kind name email role teams joinedAt lastSeenAt isYou } }
  }`,
  invitations: `query invitations { invitations { id email role invitedBy ${PERSON} expiresAt } }`,
  inviteMember: mutation('inviteMember', '($email: String!, $role: Role!)', '(email: $email, role: $role)', '{ link }'),
  revokeInvitation: mutation('revokeInvitation', '($id: ID!)', '(id: $id)', '{ ok }'),
  setMemberRole: mutation('setMemberRole', '($principalId: ID!, $role: Role!)', '(principalId: $principalId, role: $role)', '{ ok }'),
  removeMember: mutation('removeMember', '($principalId: ID!)', '(principalId: $principalId)', '{ ok }'),
  apiKeys: `query apiKeys { apiKeys { id name prefix owner ${PERSON} scopes createdAt expiresAt lastUsedAt } }`,
  scopes: 'query scopes { scopes { scope title group } }',
  createApiKey: mutation(
    'createApiKey',
    '($name: String!, $scopes: [String!]!, $expiresAt: DateTime)',
    '(name: $name, scopes: $scopes, expiresAt: $expiresAt)',
    '{ id secret }',
  ),
  revokeApiKey: mutation('revokeApiKey', '($id: ID!)', '(id: $id)', '{ ok }'),

  notifications: `query notifications($first: Int, $after: ID, $unreadOnly: Boolean) {
    notifications(first: $first, after: $after, unreadOnly: $unreadOnly) { endCursor hasMore rows { id kind params count createdAt updatedAt readAt } }
  }`,
  unreadNotifications: 'query unreadNotifications { unreadNotifications { unread } }',
  markNotificationsRead: mutation('markNotificationsRead', '($ids: [ID!])', '(ids: $ids)', '{ count }'),

  audit: `query audit($first: Int, $after: ID, $principalId: ID, $action: String) {
    audit(first: $first, after: $after, principalId: $principalId, action: $action) {
      endCursor hasMore rows { id at actor { name kind } action resource { kind id } ip changes seq isErased }
    }
  }`,
  auditCheck: 'query auditCheck { auditCheck { kind entries atSeq checkedAt } }',
  settings: `query settings($level: SettingLevel!) { settings(level: $level) { ${SETTING} } }`,
  changeSetting: mutation(
    'changeSetting',
    '($level: SettingLevel!, $key: String!, $value: JSON, $expectedRev: Int!)',
    '(level: $level, key: $key, value: $value, expectedRev: $expectedRev)',
    `{ ${SETTING} }`,
  ),
  projectSettings: `query projectSettings($projectId: ID!) { projectSettings(projectId: $projectId) { ${SETTING} } }`,
  changeProjectSetting: mutation(
    'changeProjectSetting',
    '($projectId: ID!, $key: String!, $value: JSON, $expectedRev: Int!)',
    '(projectId: $projectId, key: $key, value: $value, expectedRev: $expectedRev)',
    `{ ${SETTING} }`,
  ),
  workflowSettings: 'query workflowSettings($workflowId: ID!) { workflowSettings(workflowId: $workflowId) { key title help value from } }',
  ownSettings: `query ownSettings { ownSettings { ${SETTING} } }`,
  changeOwnSetting: mutation(
    'changeOwnSetting',
    '($key: String!, $value: JSON, $expectedRev: Int!)',
    '(key: $key, value: $value, expectedRev: $expectedRev)',
    `{ ${SETTING} }`,
  ),
  testMail: mutation('testMail', '', '', '{ ok }'),
  requestPasswordReset: mutation('requestPasswordReset', '($email: String!)', '(email: $email)', '{ ok }'),
  health: 'query health { health { state workers queued version notes } }',
  find: 'query find($text: String!) { find(text: $text) { kind id title subtitle } }',
} as const;

export type DocumentName = keyof typeof DOCUMENTS;
