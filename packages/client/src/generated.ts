/** Made from the OpenAPI document of the server. Not written by hand: `PLUGBOARD_UPDATE=1 vitest run packages/client` makes it anew. */
import type { Call, CallOptions, Download, UploadBody } from './call-types.ts';

/** Every problem the server answers with. */
export type ProblemCode = "ALREADY_DONE" | "BACKUP_FAILED" | "BODY_INVALID" | "BODY_TOO_LARGE" | "BODY_UNSUPPORTED" | "CONFLICT" | "CONNECTION_INSECURE" | "CREDENTIAL_USE_REQUIRED" | "DATA_ERASED" | "DEFINITION_INVALID" | "DRAFT_CONFLICT" | "DRAFT_HELD" | "DRAFT_OUTDATED" | "ENTITLEMENT_EXCEEDED" | "FORBIDDEN" | "HOOK_PATH_TAKEN" | "INPUT_INVALID" | "KEY_REUSED" | "LAST_OWNER" | "LIMIT_REACHED" | "LINK_REFUSED" | "MAIL_NOT_SENT" | "METHOD_NOT_ALLOWED" | "NAME_TAKEN" | "NOTHING_TO_UNDO" | "NOT_EMPTY" | "NOT_FOUND" | "NO_TRIGGER" | "OPS_INVALID" | "POLL_FAILED" | "PROVIDER_FAILED" | "RANGE_INVALID" | "REQUEST_REFUSED" | "RUN_ENDED" | "RUN_STATE" | "SERVER_BUSY" | "SERVER_STOPPING" | "SETTING_LOCKED" | "SIGN_IN_FAILED" | "STEP_STATE" | "TESTS_FAILED" | "TOO_DEEP" | "TOO_MANY_ATTEMPTS" | "TOO_MANY_REQUESTS" | "TOTP_REQUIRED" | "TYPE_MISSING" | "UNAUTHENTICATED";

export type AccessReason = { readonly kind: AccessReasonKind; readonly on: GrantResourceKind; readonly role: Role; readonly team?: string; };

export type AccessReasonKind = "member" | "owner" | "grant" | "team";

export type AccessRow = { readonly principalId: string; readonly name: string; readonly kind: "person" | "service"; readonly role: Role; readonly reasons: readonly AccessReason[]; };

export type ApiKeyRow = { readonly id: string; readonly name: string; readonly prefix: string; readonly owner: PersonRef; readonly scopes: readonly string[]; readonly createdAt: string; readonly expiresAt?: string; readonly lastUsedAt?: string; };

export type Approval = { readonly id: string; readonly title: string; readonly workflow: ApprovalWorkflow; readonly runId: string; /** late: nobody decided in time. closed: the run ended first. */ readonly state: ApprovalState; /** Approvals so far. */ readonly approved: number; readonly needed: number; /** Whether you may decide. */ readonly isMine: boolean; readonly isDecidedByYou: boolean; readonly isEscalated: boolean; readonly createdAt: string; readonly dueAt?: string; readonly endedAt?: string; /** Safe to put into a page. */ readonly messageHtml: string; readonly fields: readonly ApprovalField[]; readonly nodeId: string; readonly requestedBy?: PersonRef; readonly commentOn: ApprovalCommentOn; readonly deciders: ApprovalDeciders; readonly escalatedAt?: string; readonly reminders: number; readonly decisions: readonly ApprovalDecision[]; };

export type ApprovalCommentOn = "never" | "rejection" | "always";

export type ApprovalCounts = { readonly mine: number; readonly open: number; };

export type ApprovalDeciders = { readonly persons: readonly string[]; readonly roles: readonly string[]; readonly teams: readonly string[]; };

export type ApprovalDecision = { /** Absent for whoever had the link. */ readonly by?: PersonRef; readonly decision: ApprovalDecisionKind; readonly comment?: string; /** Names of fields this person changed. */ readonly changed: readonly string[]; readonly via: ApprovalVia; readonly at: string; };

export type ApprovalDecisionKind = "approve" | "reject";

export type ApprovalField = { readonly name: string; readonly title: string; readonly kind: string; readonly help?: string; readonly value?: unknown; /** Whether a decider may change it. */ readonly edit: boolean; readonly required: boolean; readonly options: readonly FieldOption[]; readonly min?: string; readonly max?: string; };

export type ApprovalOutcome = "counted" | "already_decided" | "closed";

export type ApprovalPage = { readonly rows: readonly ApprovalRow[]; readonly endCursor?: string; readonly hasMore: boolean; };

export type ApprovalRow = { readonly id: string; readonly title: string; readonly workflow: ApprovalWorkflow; readonly runId: string; /** late: nobody decided in time. closed: the run ended first. */ readonly state: ApprovalState; /** Approvals so far. */ readonly approved: number; readonly needed: number; /** Whether you may decide. */ readonly isMine: boolean; readonly isDecidedByYou: boolean; readonly isEscalated: boolean; readonly createdAt: string; readonly dueAt?: string; readonly endedAt?: string; };

export type ApprovalState = "open" | "approved" | "rejected" | "late" | "closed";

export type ApprovalVia = "page" | "api" | "link";

export type ApprovalWorkflow = { readonly id: string; readonly name: string; };

export type ApprovalsShown = "mine" | "open" | "ended" | "all";

export type AuditActor = { readonly name: string; readonly kind: AuditActorKind; };

export type AuditActorKind = "person" | "service" | "system" | "apiKey";

export type AuditCheck = { readonly kind: AuditState; readonly entries?: number; readonly atSeq?: string; readonly checkedAt: string; };

export type AuditResource = { readonly kind: string; readonly id: string; };

export type AuditRow = { readonly id: string; readonly at: string; readonly actor: AuditActor; readonly action: string; readonly resource?: AuditResource; readonly ip?: string; readonly changes?: unknown; readonly seq?: string; readonly isErased: boolean; };

export type AuditRows = { readonly rows: readonly AuditRow[]; readonly endCursor?: string; readonly hasMore: boolean; };

export type AuditState = "intact" | "broken";

export type BackupKind = "manual" | "scheduled";

export type BackupView = { readonly name: string; readonly kind: BackupKind; readonly createdAt: string; readonly sizeBytes: number; };

export type BulkKind = "workflow" | "run";

export type BulkRunAct = "cancel" | "pause" | "resume" | "delete" | "eraseData" | "again" | "retry";

export type BulkRunSource = "same" | "live" | "draft";

export type BulkWorkflowAct = "delete" | "restore" | "moveToFolder" | "move" | "tag" | "publish" | "unpublish" | "pause" | "resume" | "test";

export type CallableState = "ready" | "unpublished" | "paused" | "no_trigger";

export type CallableWorkflow = { readonly id: string; readonly name: string; readonly state: CallableState; readonly version?: number; readonly inputs: readonly DeclaredField[]; readonly outputs: readonly DeclaredField[]; };

export type CalledRun = { readonly id: string; readonly workflow: NamedRef; readonly version: number; readonly status: RunStatus; readonly nodeId: string; readonly round?: readonly number[]; readonly part: number; readonly isAwaited: boolean; readonly startedAt: string; readonly endedAt?: string; readonly error?: CalledRunFailure; };

export type CalledRunFailure = { readonly code: string; readonly message: string; };

export type CalledRuns = { readonly calledBy?: RunCaller; readonly rows: readonly CalledRun[]; readonly hidden: number; readonly nextCursor?: string; };

export type ChainEnd = "run" | "next";

export type ChainRun = { readonly id: string; readonly n: number; readonly status: RunStatus; readonly startedAt: string; readonly endedAt?: string; };

export type ChangedCredential = { readonly id: string; readonly rev: number; };

export type ChangedPart = { readonly id: string; readonly renamed?: Renaming; readonly changes: readonly FieldChange[]; readonly isMoved: boolean; };

export type ContinuedRun = { readonly runId: string; readonly kept: number; readonly nodeId?: string; };

export type CreatedApiKey = { readonly id: string; readonly secret: string; };

export type CreatedCredential = { readonly id: string; readonly rev: number; };

export type CreatedFolder = { readonly id: string; };

export type CreatedProject = { readonly id: string; };

export type CreatedService = { readonly id: string; };

export type CreatedServiceKey = { readonly id: string; readonly secret: string; };

export type CreatedTag = { readonly id: string; };

export type CreatedTeam = { readonly id: string; };

export type CreatedView = { readonly id: string; };

export type CreatedWorkflow = { readonly id: string; };

export type CreatedWorkspace = { readonly id: string; readonly slug: string; readonly projectId: string; };

export type CredentialDetail = { readonly id: string; readonly key: string; readonly name: string; readonly type: string; readonly typeTitle: string; readonly project: NamedRef; readonly environment?: CredentialEnvironment; readonly allowedHosts: readonly string[]; readonly health: CredentialHealth; readonly healthText?: string; readonly testedAt?: string; readonly expiresAt?: string; readonly usedIn: number; readonly updatedBy: PersonRef; readonly updatedAt: string; readonly rev: number; readonly may: CredentialRights; readonly publicData: unknown; readonly secretsSet: readonly string[]; readonly signsIn: boolean; readonly usedInWorkflows: readonly CredentialWorkflow[]; };

export type CredentialEnvironment = "draft" | "live";

export type CredentialHealth = "untested" | "ok" | "failing" | "expired" | "needsSignIn";

export type CredentialRights = { readonly use: boolean; readonly edit: boolean; };

export type CredentialRow = { readonly id: string; readonly key: string; readonly name: string; readonly type: string; readonly typeTitle: string; readonly project: NamedRef; readonly environment?: CredentialEnvironment; readonly allowedHosts: readonly string[]; readonly health: CredentialHealth; readonly healthText?: string; readonly testedAt?: string; readonly expiresAt?: string; readonly usedIn: number; readonly updatedBy: PersonRef; readonly updatedAt: string; readonly rev: number; readonly may: CredentialRights; };

export type CredentialRows = { readonly rows: readonly CredentialRow[]; readonly endCursor?: string; readonly hasMore: boolean; };

export type CredentialUse = { readonly workflow: NamedRef; readonly environment: CredentialEnvironment; readonly key: string; readonly grantedBy: PersonRef; readonly credentialId: string; };

export type CredentialUses = { readonly rows: readonly CredentialUse[]; readonly hidden: number; };

export type CredentialWorkflow = { readonly id: string; readonly name: string; readonly isLive: boolean; };

export type CurrentStep = { readonly nodeId: string; readonly name: string; readonly status: string; };

export type DecidedApproval = { readonly outcome: ApprovalOutcome; readonly state: ApprovalState; readonly approved?: number; readonly needed?: number; };

export type DeclaredField = { readonly name: string; readonly type: string; readonly title?: string; readonly help?: string; readonly required: boolean; readonly default?: unknown; };

export type DefinitionProblem = { readonly code: string; readonly severity: Severity; readonly path: string; readonly message: string; readonly nodeId?: string; readonly edgeId?: string; readonly hint?: string; readonly params?: unknown; readonly offset?: number; };

export type DeletedProject = { readonly id: string; readonly slug: string; readonly name: string; };

export type Deployment = { readonly state: DeploymentState; readonly version?: number; readonly isChanged: boolean; };

export type DeploymentState = "draft" | "live" | "paused" | "off";

export type Done = { readonly ok: true; };

export type Draft = { readonly workflowId: string; readonly rev: number; readonly definition: unknown; readonly ranks?: unknown; readonly baseVersion?: number; readonly liveVersion?: number; readonly savedAt: string; readonly savedBy: PersonRef; readonly holder?: DraftHolder; readonly canUndo: boolean; readonly canRedo: boolean; };

export type DraftAct = "edit" | "undo" | "redo";

export type DraftChange = { readonly rev: number; readonly by: PersonRef; readonly clientId: string; readonly clientSeq: number; readonly act: DraftAct; readonly ops: unknown; readonly at: string; };

export type DraftChanges = { readonly rev: number; readonly changes: readonly DraftChange[]; readonly hasMore: boolean; readonly isComplete: boolean; };

export type DraftHolder = { readonly person: PersonRef; readonly until: string; readonly isMe: boolean; readonly askedBy?: PersonRef; readonly askedAt?: string; };

export type DraftRun = { readonly runId: string; };

export type DuplicatedWorkflow = { readonly id: string; readonly name: string; };

export type EditedDraft = { readonly rev: number; readonly appliedRev: number; readonly isReplay: boolean; readonly changes: readonly DraftChange[]; readonly isComplete: boolean; };

export type EndedChain = { readonly runId: string; readonly stopped: ChainEnd; };

export type EnvironmentName = "draft" | "live";

export type FailedRuns = { readonly count: number; readonly mostOf?: MostFailed; };

export type FieldChange = { readonly path: readonly string[]; readonly before?: unknown; readonly after?: unknown; };

export type FieldOption = { readonly value: string; readonly title: string; };

export type File = { readonly id: string; readonly name: string; /** What whoever made it said it is. */ readonly mime: string; readonly sizeBytes: number; readonly sha256: string; readonly createdAt: string; readonly createdById: string; /** The run that made it. */ readonly runId?: string; readonly expiresAt?: string; };

export type FilePage = { readonly rows: readonly File[]; readonly endCursor?: string; readonly hasMore: boolean; };

export type Folder = { readonly id: string; readonly projectId: string; readonly parentId?: string; readonly name: string; readonly rev: number; readonly workflows: number; };

export type Folders = { readonly rows: readonly Folder[]; readonly maxDepth: number; };

export type FoundIn = "name" | "description" | "tag" | "folder" | "node";

export type FoundKind = "workflow" | "run" | "credential" | "member" | "setting" | "node";

export type FoundNode = { readonly id: string; readonly name: string; readonly type: string; };

export type FoundThing = { readonly kind: FoundKind; readonly id: string; readonly title: string; readonly subtitle?: string; };

export type GrantResourceKind = "workspace" | "project" | "workflow" | "credential";

export type GrantRow = { readonly subjectKind: GrantSubjectKind; readonly subjectId: string; readonly subjectName: string; readonly role: Role; readonly grantedBy: string; readonly grantedAt: string; };

export type GrantSubjectKind = "principal" | "team";

export type HealthState = "ok" | "warn" | "bad";

export type HealthView = { readonly state: HealthState; readonly workers: number; readonly queued: number; readonly version: string; readonly notes: readonly string[]; };

export type HeldDraft = { readonly isMine: boolean; readonly holder: PersonRef; readonly until: string; readonly mineAt?: string; };

export type HeldRuns = { readonly count: number; };

export type HeldRunsDecision = "resume" | "cancel";

export type HookAddress = { readonly method: string; readonly path: string; };

export type IdentityProvider = { readonly id: string; readonly key: string; readonly title: string; readonly issuer: string; readonly clientId: string; readonly hasSecret: boolean; readonly scopes: readonly string[]; readonly allowedDomains: readonly string[]; readonly linksByEmail: boolean; readonly joinsWorkspaceId?: string; readonly joinRole?: JoinRole; readonly isEnabled: boolean; readonly rev: number; };

export type ImportedRow = { readonly workflowId: string; readonly name: string; readonly created: boolean; readonly version?: number; readonly unchanged?: boolean; readonly hooks: unknown; readonly warnings: unknown; };

export type ImportedWorkflow = { readonly workflowId: string; readonly name: string; readonly created: boolean; readonly version?: number; readonly unchanged?: boolean; readonly hooks: readonly HookAddress[]; readonly warnings: readonly WorkflowProblem[]; };

export type ImportedWorkflows = { readonly rows: readonly ImportedRow[]; };

export type InstanceAuditRow = { readonly id: string; readonly at: string; readonly principalId: string; readonly action: string; readonly resourceKind: string; readonly resourceId?: string; readonly ip?: string; readonly changes?: unknown; };

export type InstanceAuditRows = { readonly rows: readonly InstanceAuditRow[]; readonly endCursor?: string; readonly hasMore: boolean; };

export type InvitationOffer = { readonly workspaceName: string; readonly email: string; readonly role: Role; };

export type InvitationRow = { readonly id: string; readonly email: string; readonly role: Role; readonly invitedBy: PersonRef; readonly expiresAt: string; };

export type InvitedMember = { readonly id: string; readonly link: string; readonly isMailed: boolean; };

export type Job = { readonly id: string; readonly kind: BulkKind; readonly act: string; readonly state: JobState; readonly isCancelRequested: boolean; readonly by: PersonRef; readonly createdAt: string; readonly endedAt?: string; readonly done: number; readonly unchanged: number; readonly failed: number; readonly total?: number; readonly code?: string; readonly message?: string; readonly file?: JobFile; };

export type JobFile = { readonly name: string; readonly sizeBytes: number; readonly expiresAt: string; };

export type JobItem = { readonly itemId: string; readonly outcome: JobOutcome; readonly code?: string; readonly message?: string; readonly result?: unknown; readonly at: string; };

export type JobItems = { readonly rows: readonly JobItem[]; readonly endCursor?: string; readonly hasMore: boolean; };

export type JobOutcome = "done" | "unchanged" | "failed";

export type JobState = "queued" | "running" | "succeeded" | "failed" | "cancelled";

export type Jobs = { readonly rows: readonly Job[]; readonly endCursor?: string; readonly hasMore: boolean; };

export type JoinRole = "viewer" | "runner" | "editor" | "admin";

export type LastTestResult = { readonly outcome: TestOutcomeKind; readonly differences: number; readonly runId?: string; readonly durationMs: number; readonly at: string; readonly isOfThisDraft: boolean; };

export type LaunchedExecution = { readonly id: string; readonly status: "pending"; };

export type LimitKey = "workflows" | "projects" | "credentials" | "members" | "fileBytes" | "payloadBytes";

export type LimitUse = { readonly limit: LimitKey; readonly used: number; readonly allowed?: number; };

export type LimitUses = readonly LimitUse[];

export type LinkBeginning = { readonly address: string; };

export type LinkedIdentity = { readonly issuer: string; readonly subject: string; readonly linkedAt: string; };

export type MadeBackup = { readonly name: string; readonly file: string; readonly sizeBytes: number; readonly schema: number; readonly rows: number; readonly files: number; readonly hasKeys: boolean; };

export type MadeToken = { readonly token: string; readonly expiresAt: string; };

export type MarkedNotifications = { readonly count: number; };

export type MemberKind = "person" | "service";

export type MemberRow = { readonly principalId: string; readonly kind: MemberKind; readonly name: string; readonly email?: string; readonly role: Role; readonly teams: readonly string[]; readonly joinedAt: string; readonly lastSeenAt?: string; readonly isYou: boolean; };

export type MemberRows = { readonly rows: readonly MemberRow[]; readonly endCursor?: string; readonly hasMore: boolean; };

export type MergedTags = { readonly workflows: number; };

export type MissedPolicy = "skip" | "once" | "all";

export type MockedReply = { readonly method?: string; readonly url: string; readonly status?: number; readonly headers?: Readonly<Record<string, string>>; readonly body?: unknown; };

export type MostFailed = { readonly workflowName: string; readonly count: number; };

export type NamedRef = { readonly id: string; readonly name: string; };

export type NotificationRow = { readonly id: string; readonly kind: string; readonly params: unknown; readonly count: number; readonly createdAt: string; readonly updatedAt: string; readonly readAt?: string; };

export type NotificationRows = { readonly rows: readonly NotificationRow[]; readonly endCursor?: string; readonly hasMore: boolean; };

export type NowSummary = { readonly running: readonly RunningRun[]; readonly runningCount: number; readonly waiting: WaitingRuns; readonly failedToday: FailedRuns; readonly endedToday: number; };

export type OverlapPolicy = "allow" | "skip" | "queue" | "cancel";

export type PartCheck = { readonly isValid: boolean; readonly problems: readonly DefinitionProblem[]; };

export type PartsDiff = { readonly added: readonly string[]; readonly removed: readonly string[]; readonly changed: readonly ChangedPart[]; };

export type PersonGone = { readonly stillRuns: readonly RunningGrant[]; };

export type PersonRef = { readonly id: string; readonly name: string; };

export type PersonRow = { readonly id: string; readonly name: string; readonly email: string; readonly isOperator: boolean; readonly isDisabled: boolean; readonly hasTotp: boolean; readonly createdAt: string; };

export type PersonRows = { readonly rows: readonly PersonRow[]; readonly endCursor?: string; readonly hasMore: boolean; };

export type Pin = { readonly nodeId: string; readonly sizeBytes: number; readonly source: unknown; readonly by: PersonRef; readonly at: string; };

export type PinnedItems = { readonly items: unknown; };

export type Pins = { readonly rows: readonly Pin[]; };

export type PlacedWorkflow = { readonly id: string; readonly name: string; readonly projectId: string; readonly folderId?: string; readonly tags: readonly TagRef[]; readonly isStarred: boolean; };

export type PlacedWorkflows = { readonly rows: readonly PlacedWorkflow[]; readonly endCursor?: string; readonly hasMore: boolean; };

export type PlanLimits = { readonly workflows?: number; readonly projects?: number; readonly credentials?: number; readonly members?: number; readonly fileBytes?: number; readonly payloadBytes?: number; };

export type PlanView = { readonly key: string; readonly name: string; readonly limits: Readonly<Record<string, number>>; readonly rev: number; };

export type Poll = { readonly id: string; readonly workflowId: string; readonly workflowName: string; readonly nodeId: string; readonly nodeName: string; readonly state: ScheduleState; readonly isWorkflowPaused: boolean; readonly everySeconds: number; readonly nextAt: string; readonly failures: number; readonly problem?: string; readonly failedAt?: string; readonly answeredAt?: string; readonly foundAt?: string; readonly lastRunId?: string; };

export type PollTest = { readonly items: readonly unknown[]; };

export type Polls = { readonly rows: readonly Poll[]; readonly endCursor?: string; readonly hasMore: boolean; };

export type Profile = { readonly id: string; readonly name: string; readonly email: string; readonly locale: string; readonly zone: string; readonly hasPassword: boolean; readonly hasTotp: boolean; readonly rev: number; };

export type ProgressFailure = { readonly code: string; readonly message: string; };

export type ProjectView = { readonly id: string; readonly slug: string; readonly name: string; readonly visibility: ProjectVisibility; readonly owner?: PersonRef; readonly adminEditsOnly: boolean; readonly yourRole?: Role; readonly rev: number; readonly createdAt: string; };

export type ProjectVisibility = "workspace" | "members";

export type PublishedWorkflow = { readonly version: number; readonly unchanged: boolean; readonly hooks: readonly HookAddress[]; };

export type RecentRun = { readonly id: string; readonly status: string; readonly durationMs?: number; };

export type RecoveryCodes = { readonly recoveryCodes: readonly string[]; };

export type Renaming = { readonly from: string; readonly to: string; };

export type RenewedDataKeys = { readonly workspaces: number; readonly secrets: number; };

export type RepeatedRun = { readonly runId: string; };

export type ReplaySource = "live" | "draft";

export type ReplayedRun = { readonly runId: string; };

export type ResetLink = { readonly link: string; readonly expiresAt: string; };

export type RestoredProject = { readonly id: string; readonly slug: string; };

export type RestoredVersion = { readonly rev: number; readonly isChanged: boolean; };

export type RestoredWorkflow = { readonly name: string; };

export type Role = "viewer" | "runner" | "editor" | "admin" | "owner";

export type RotatedRootKey = { readonly rootKeyId: string; readonly rewrapped: number; };

export type RunAgainSource = "same" | "live" | "draft";

export type RunBudget = { readonly rootRunId: string; readonly spentPd: string; readonly reservedPd: string; readonly limitPd: string; readonly warnPd: string; };

export type RunCaller = { readonly runId: string; readonly nodeId: string; readonly depth: number; };

export type RunCancel = { readonly by: string; readonly reason?: string; };

export type RunChain = { readonly rows: readonly ChainRun[]; readonly hasMore: boolean; };

export type RunDetail = { readonly id: string; readonly workflow: NamedRef; readonly version?: number; readonly status: RunStatus; readonly waitingFor?: string; readonly trigger: TriggerKind; readonly initiator?: PersonRef; readonly startedAt: string; readonly endedAt?: string; readonly durationMs?: number; readonly error?: RunErrorView; readonly costPd?: string; readonly definition: unknown; readonly seq: number; readonly activeMs: number; readonly itemsIn: number; readonly modes: readonly RunMode[]; readonly isErased: boolean; readonly origin?: RunOrigin; readonly tags: readonly RunTag[]; readonly budget?: RunBudget; readonly limits: RunLimits; readonly may: RunRights; };

export type RunDurations = { readonly mean: number; readonly p50: number; readonly p95: number; readonly p99: number; readonly max: number; readonly runs: number; };

export type RunErrorView = { readonly code: string; readonly message: string; readonly nodeId?: string; readonly nodeName?: string; readonly item?: number; };

export type RunFactsPage = { readonly facts: readonly unknown[]; readonly hasMore: boolean; };

export type RunFailure = { readonly code: string; readonly message: string; readonly nodeName?: string; };

export type RunHead = { readonly id: string; readonly status: RunStatus; readonly waitingFor?: string; readonly workflowId: string; readonly workflowName?: string; readonly version: number; readonly environment: EnvironmentName; readonly trigger: TriggerKind; readonly startedAt: string; readonly endedAt?: string; readonly durationMs?: number; readonly error?: RunFailure; readonly events: number; };

export type RunHeads = { readonly runs: readonly RunHead[]; readonly nextCursor?: string; };

export type RunLimits = { readonly costPd?: string; readonly activeMs: number; };

export type RunMadeFrom = { readonly id: string; readonly how: string; readonly nodeId?: string; readonly status: RunStatus; readonly startedAt: string; };

export type RunMode = "scheduled" | "triggered" | "continuous" | "sequential" | "parallel" | "conditional";

export type RunOrigin = { readonly runId?: string; readonly how: string; readonly nodeId?: string; };

export type RunOutput = { readonly output: unknown; };

export type RunProgress = { readonly id: string; readonly status: string; readonly waitingFor?: string; readonly progressPercent: number; readonly current: readonly CurrentStep[]; readonly steps: StepCounts; readonly costPd: string; readonly startedAt: string; readonly endedAt?: string; readonly error?: ProgressFailure; };

export type RunRights = { readonly control: boolean; readonly readData: boolean; readonly again: boolean; readonly retry: boolean; readonly rerun: boolean; };

export type RunRow = { readonly id: string; readonly workflow: NamedRef; readonly version?: number; readonly status: RunStatus; readonly waitingFor?: string; readonly trigger: TriggerKind; readonly initiator?: PersonRef; readonly startedAt: string; readonly endedAt?: string; readonly durationMs?: number; readonly error?: RunErrorView; readonly costPd?: string; };

export type RunRows = { readonly rows: readonly RunRow[]; readonly endCursor?: string; readonly hasMore: boolean; };

export type RunSource = "live" | "draft";

export type RunStatistics = { readonly since: string; readonly until: string; readonly zone: string; readonly totals: Readonly<Record<string, number>>; readonly successRate?: number; readonly buckets: readonly StatisticsBucket[]; readonly workflows: readonly WorkflowStatistics[]; readonly durations?: RunDurations; };

export type RunStatus = "pending" | "running" | "paused" | "waiting" | "succeeded" | "failed" | "cancelled" | "timed_out";

export type RunStepRow = { readonly nodeId: string; readonly name: string; readonly type: string; readonly status: string; readonly attempt: number; readonly startedAt?: string; readonly endedAt?: string; readonly durationMs?: number; readonly itemsIn: number; readonly itemsOut: number; readonly carried?: string; readonly error?: StepFailure; };

export type RunStepRows = { readonly rows: readonly RunStepRow[]; };

export type RunSteps = { readonly id: string; readonly status: RunStatus; readonly waitingFor?: string; readonly workflowId: string; readonly workflowName?: string; readonly version: number; readonly environment: EnvironmentName; readonly trigger: TriggerKind; readonly startedAt: string; readonly endedAt?: string; readonly durationMs?: number; readonly error?: RunFailure; readonly events: number; readonly origin?: RunOrigin; readonly budget?: RunBudget; readonly takenOver?: readonly string[]; readonly cancelled?: RunCancel; readonly steps: unknown; };

export type RunTag = { readonly key: string; readonly value: string; };

export type RunningGrant = { readonly workspaceId: string; readonly workflowId: string; readonly environment: number; readonly key: string; readonly credentialId: string; };

export type RunningRun = { readonly runId: string; readonly workflowName: string; readonly stepsDone: number; readonly stepsTotal: number; };

export type RunsMadeFrom = { readonly rows: readonly RunMadeFrom[]; };

export type SavedDraft = { readonly rev: number; readonly isChanged: boolean; };

export type SavedIdentityProvider = { readonly id: string; };

export type SavedProfile = { readonly rev: number; };

export type SavedProject = { readonly id: string; readonly rev: number; };

export type SavedTeam = { readonly id: string; readonly rev: number; };

export type SavedTest = { readonly testId: string; readonly rev: number; };

export type SavedVariable = { readonly rev: number; };

export type SavedView = { readonly id: string; readonly page: string; readonly name: string; readonly filter: unknown; readonly isShared: boolean; readonly rev: number; readonly may: ViewRights; };

export type Schedule = { readonly id: string; readonly workflowId: string; readonly workflowName: string; readonly nodeId: string; readonly nodeName: string; readonly text: string; readonly cron: readonly string[]; readonly intervals: readonly unknown[]; readonly timezone: string; readonly missed: MissedPolicy; readonly overlap: OverlapPolicy; readonly state: ScheduleState; readonly isWorkflowPaused: boolean; readonly nextAt?: string; readonly nextRuns: readonly UpcomingRun[]; readonly lastDueAt?: string; readonly lastRunId?: string; readonly skipped: number; readonly problem?: string; };

export type SchedulePreview = { readonly timezone: string; readonly text: string; readonly runs: readonly UpcomingRun[]; readonly problems: readonly TimetableProblem[]; };

export type ScheduleRun = { readonly runId: string; };

export type ScheduleState = "active" | "paused" | "held";

export type Schedules = { readonly rows: readonly Schedule[]; readonly endCursor?: string; readonly hasMore: boolean; };

export type ScopeInfo = { readonly scope: string; readonly title: string; readonly group: string; };

export type Session = { readonly kind: SessionKind; readonly person?: SignedInPerson; readonly workspaces: readonly WorkspaceRef[]; readonly isOperator: boolean; readonly providers: readonly SignInProvider[]; readonly resetsByMail: boolean; };

export type SessionKind = "setup" | "signedOut" | "signedIn";

export type SessionRow = { readonly id: string; readonly isCurrent: boolean; readonly createdAt: string; readonly lastSeenAt: string; readonly device: string; readonly ip: string; };

export type SettingLevel = "workspace" | "instance";

export type SettingOrigin = "default" | "person" | "project" | "workspace" | "instance" | "environment";

export type SettingView = { readonly key: string; readonly title: string; readonly help: string; readonly group: string; readonly form: unknown; readonly value: unknown; readonly default: unknown; readonly from: SettingOrigin; readonly updatedBy?: PersonRef; readonly updatedAt?: string; readonly rev: number; readonly isDangerous: boolean; readonly isSecret: boolean; readonly isImmediate: boolean; readonly mayChange: boolean; };

export type Severity = "error" | "warning";

export type SignInAddress = { readonly url: string; };

export type SignInProvider = { readonly id: string; readonly title: string; };

export type SignedInPerson = { readonly id: string; readonly name: string; readonly email: string; readonly zone: string; readonly hasTotp: boolean; };

export type SkippedChange = { readonly op: number; readonly kind: string; readonly id: string; readonly field: readonly string[]; readonly mine?: unknown; readonly theirs?: unknown; };

export type StartedBackfill = { readonly id: string; readonly total: number; };

export type StartedJob = { readonly id: string; readonly total?: number; };

export type StartedRun = { readonly runId: string; };

export type StatisticsBucket = { readonly startsAt: string; readonly counts: Readonly<Record<string, number>>; };

export type StatisticsBy = "quarter" | "hour" | "day";

export type StatisticsEnvironment = "draft" | "live";

export type StepCounts = { readonly total: number; readonly succeeded: number; readonly failed: number; readonly skipped: number; readonly cancelled: number; readonly atWork: number; readonly toCome: number; };

export type StepData = { readonly rows: readonly unknown[]; readonly endCursor?: string; readonly hasMore: boolean; readonly total: number; readonly hiddenFields: number; };

export type StepFailure = { readonly code: string; readonly message: string; };

export type StepLogLine = { readonly at: string; readonly level: string; readonly message: string; readonly item?: number; };

export type StepSide = "input" | "output";

export type StoppedListening = { readonly closed: number; };

export type Tag = { readonly id: string; readonly name: string; readonly color?: string; readonly rev: number; readonly workflows: number; };

export type TagRef = { readonly id: string; readonly name: string; readonly color?: string; };

export type Tags = { readonly rows: readonly Tag[]; };

export type TakenBackChange = { readonly rev: number; readonly appliedRev: number; readonly isReplay: boolean; readonly changes: readonly DraftChange[]; readonly isComplete: boolean; readonly skipped: readonly SkippedChange[]; };

export type TeamRow = { readonly id: string; readonly name: string; readonly description: string; readonly memberCount: number; readonly rev: number; };

export type TeamView = { readonly id: string; readonly name: string; readonly description: string; readonly rev: number; readonly members: readonly PersonRef[]; };

export type TestDifference = { readonly node: string; readonly path: string; readonly expected?: unknown; readonly actual?: unknown; };

export type TestEnd = "succeeded" | "failed";

export type TestExpectation = { readonly node: string; readonly port?: string; readonly items: readonly unknown[]; readonly ignore?: readonly string[]; };

export type TestListener = { readonly id: string; readonly url: string; readonly methods: readonly string[]; readonly mode: TestListenerMode; readonly nodeId: string; readonly createdAt: string; readonly expiresAt: string; readonly takenAt?: string; readonly runId?: string; readonly captured?: unknown; };

export type TestListenerMode = "run" | "capture";

export type TestListeners = { readonly listeners: readonly TestListener[]; };

export type TestOutcome = { readonly testId: string; readonly name: string; readonly outcome: TestOutcomeKind; readonly message?: string; readonly differences: readonly TestDifference[]; readonly runId?: string; readonly durationMs: number; };

export type TestOutcomeKind = "passed" | "failed" | "broken";

export type TestOutcomes = { readonly passed: number; readonly failed: number; readonly broken: number; readonly results: readonly TestOutcome[]; };

export type TestedCredential = { readonly health: CredentialHealth; readonly text: string; };

export type TimetableProblem = { readonly code: string; readonly param: string; readonly message: string; readonly hint: string; };

export type TokenAudience = "api" | "live";

export type TotpOffer = { readonly address: string; readonly secret: string; };

export type TrashKind = "workflow" | "project";

export type TrashedThing = { readonly kind: TrashKind; readonly id: string; readonly name: string; readonly projectId?: string; readonly deletedAt: string; };

export type TrashedThings = { readonly rows: readonly TrashedThing[]; readonly keptDays: number; };

export type TriggerKind = "manual" | "webhook" | "schedule" | "poll" | "stream" | "parent" | "rerun" | "error";

export type UnknownDecision = "retry" | "done" | "fail";

export type UnreadNotifications = { readonly unread: number; };

export type UpcomingRun = { readonly at: string; readonly localTime: string; readonly offset: string; };

export type UpdatedFolder = { readonly rev: number; };

export type UpdatedTag = { readonly rev: number; };

export type UpdatedView = { readonly rev: number; };

export type UpdatedWorkflow = { readonly id: string; readonly name: string; readonly description: string; readonly rev: number; };

export type UploadedFiles = { readonly files: readonly File[]; };

export type Variable = { readonly key: string; readonly value: unknown; readonly rev: number; readonly updatedAt: string; };

export type VariableEnvironment = "draft" | "live";

export type VersionDetail = { readonly number: number; readonly publishedAt: string; readonly publishedBy: PersonRef; readonly note?: string; readonly isLive: boolean; readonly definition: unknown; readonly typePins: unknown; };

export type VersionRow = { readonly number: number; readonly publishedAt: string; readonly publishedBy: PersonRef; readonly note?: string; readonly isLive: boolean; };

export type VersionRows = { readonly rows: readonly VersionRow[]; readonly endCursor?: string; readonly hasMore: boolean; };

export type ViewRights = { readonly edit: boolean; };

export type WaitingRuns = { readonly count: number; readonly oldestAt?: string; };

export type WhilePaused = "hold" | "refuse";

export type WorkflowBundle = { readonly format: "plugboard/workflows"; readonly workflows: readonly unknown[]; readonly missing: readonly string[]; readonly endCursor?: string; };

export type WorkflowCheck = { readonly problems: readonly DefinitionProblem[]; };

export type WorkflowCounts = { readonly all: number; readonly live: number; readonly drafts: number; readonly attention: number; readonly projects: number; };

export type WorkflowDetail = { readonly id: string; readonly name: string; readonly description?: string; readonly project: NamedRef; readonly rev: number; readonly liveVersion?: number; readonly draftChanges: number; readonly savedAt: string; readonly draft: unknown; readonly live?: unknown; readonly starts: readonly WorkflowStart[]; readonly problems: readonly DefinitionProblem[]; readonly may: WorkflowRights; };

export type WorkflowDiff = { readonly isEqual: boolean; readonly nodes: PartsDiff; readonly edges: PartsDiff; readonly groups: PartsDiff; readonly notes: PartsDiff; readonly workflow: readonly FieldChange[]; readonly before: unknown; readonly after: unknown; };

export type WorkflowHit = { readonly id: string; readonly name: string; readonly projectId: string; readonly folderId?: string; readonly description?: string; readonly found: readonly FoundIn[]; readonly tags: readonly string[]; readonly nodes: readonly FoundNode[]; };

export type WorkflowHits = { readonly rows: readonly WorkflowHit[]; };

export type WorkflowName = { readonly id: string; readonly projectId: string; readonly folderId?: string; readonly name: string; readonly description: string; readonly rev: number; readonly createdAt: string; readonly updatedAt: string; };

export type WorkflowNames = { readonly workflows: readonly WorkflowName[]; readonly nextCursor?: string; };

export type WorkflowProblem = { readonly code: string; readonly severity: string; readonly path: string; readonly message: string; };

export type WorkflowRights = { readonly run: boolean; readonly edit: boolean; readonly publish: boolean; readonly delete: boolean; };

export type WorkflowRow = { readonly id: string; readonly name: string; readonly project: NamedRef; readonly folderId?: string; readonly tags: readonly TagRef[]; readonly isStarred: boolean; readonly starts: readonly WorkflowStart[]; readonly liveVersion?: number; readonly state: WorkflowState; readonly draftChanges: number; readonly preview: unknown; readonly recentRuns: readonly RecentRun[]; readonly successRate?: number; readonly typicalMs?: number; readonly costPd7d?: string; readonly lastRunAt?: string; readonly nextRunAt?: string; readonly editors: readonly PersonRef[]; readonly may: WorkflowRights; };

export type WorkflowRows = { readonly rows: readonly WorkflowRow[]; readonly endCursor?: string; readonly hasMore: boolean; };

export type WorkflowSettingOrigin = "default" | "workflow" | "person" | "project" | "workspace" | "instance" | "environment";

export type WorkflowSettingView = { readonly key: string; readonly title: string; readonly help: string; readonly value: unknown; readonly from: WorkflowSettingOrigin; };

export type WorkflowSort = "recentlyRun" | "recentlyEdited" | "name";

export type WorkflowStart = { readonly nodeId: string; readonly kind: string; readonly text: string; };

export type WorkflowState = "draft" | "live" | "paused" | "failing";

export type WorkflowStatistics = { readonly id: string; readonly name: string; readonly ended: number; readonly succeeded: number; readonly failed: number; readonly successRate: number; };

export type WorkflowTags = { readonly tags: readonly TagRef[]; };

export type WorkflowTest = { readonly id: string; readonly name: string; readonly trigger?: string; readonly input: readonly unknown[]; readonly pins?: Readonly<Record<string, Readonly<Record<string, readonly unknown[]>>>>; readonly mocks?: readonly MockedReply[]; readonly expect: readonly TestExpectation[]; readonly ends?: TestEnd; };

export type WorkflowTestDetail = { readonly test: unknown; readonly differences: readonly TestDifference[]; };

export type WorkflowTestRow = { readonly id: string; readonly name: string; readonly expects: number; readonly last?: LastTestResult; };

export type WorkflowTests = { readonly rows: readonly WorkflowTestRow[]; readonly rev: number; };

export type WorkflowView = "all" | "live" | "drafts" | "attention";

export type WorkspaceRef = { readonly id: string; readonly slug: string; readonly name: string; readonly role: Role; };

export type WorkspaceRow = { readonly id: string; readonly slug: string; readonly name: string; readonly zone: string; readonly plan: string; readonly rev: number; readonly createdAt: string; readonly deletedAt?: string; readonly purgeAt?: string; };

export type WorkspaceView = { readonly id: string; readonly slug: string; readonly name: string; readonly zone: string; readonly plan: string; readonly rev: number; readonly createdAt: string; };

export interface AccessExplainInput {
  readonly resourceKind: GrantResourceKind;
  readonly resourceId: string;
}

export interface ApiKeyCreateInput {
  readonly name: string;
  readonly scopes: readonly string[];
  readonly expiresAt?: string;
}

export interface ApiKeyRevokeInput {
  readonly id: string;
}

export interface ApprovalListInput {
  readonly show?: ApprovalsShown;
  /** Part of the title or of the name of the workflow. */ readonly search?: string;
  readonly runId?: string;
  readonly first?: number;
  readonly after?: string;
}

export interface ApprovalGetInput {
  readonly id: string;
}

export interface ApprovalDecideInput {
  readonly id: string;
  readonly decision: ApprovalDecisionKind;
  readonly comment?: string;
  /** New values of fields that may be changed, by name. */ readonly changes?: Readonly<Record<string, unknown>>;
}

export interface AuditListInput {
  readonly principalId?: string;
  readonly action?: string;
  readonly first?: number;
  readonly after?: string;
}

export interface BackupCreateInput {
  readonly passphrase?: string;
}

export interface BulkRunsInput {
  readonly act: BulkRunAct;
  readonly ids?: readonly string[];
  readonly filter?: { readonly workflowId?: string; readonly statuses?: readonly RunStatus[]; readonly triggers?: readonly TriggerKind[]; readonly since?: string; readonly until?: string; readonly search?: string; readonly tags?: readonly string[]; };
  readonly input?: { readonly folderId?: string; readonly projectId?: string; readonly add?: readonly string[]; readonly remove?: readonly string[]; readonly note?: string; readonly reason?: string; readonly cancelFirst?: boolean; readonly source?: BulkRunSource; };
}

export interface BulkWorkflowsInput {
  readonly act: BulkWorkflowAct;
  readonly ids?: readonly string[];
  readonly filter?: { readonly search?: string; readonly projectId?: string; readonly folderId?: string; readonly tagIds?: readonly string[]; readonly starred?: boolean; };
  readonly input?: { readonly folderId?: string; readonly projectId?: string; readonly add?: readonly string[]; readonly remove?: readonly string[]; readonly note?: string; readonly reason?: string; readonly cancelFirst?: boolean; readonly source?: BulkRunSource; };
}

export interface CredentialListInput {
  readonly search?: string;
  readonly projectId?: string;
  readonly type?: string;
  readonly health?: CredentialHealth;
  readonly first?: number;
  readonly after?: string;
}

export interface CredentialCreateInput {
  readonly key: string;
  readonly name: string;
  readonly type: string;
  readonly projectId?: string;
  readonly environment?: CredentialEnvironment;
  readonly allowedHosts?: readonly string[];
  readonly data: Readonly<Record<string, unknown>>;
  readonly expiresAt?: string;
}

export interface CredentialGetInput {
  readonly id: string;
}

export interface CredentialUpdateInput {
  readonly id: string;
  readonly expectedRev: number;
  readonly name?: string;
  readonly key?: string;
  readonly allowedHosts?: readonly string[];
  readonly data?: Readonly<Record<string, unknown>>;
  readonly expiresAt?: string | null;
}

export interface CredentialDeleteInput {
  readonly id: string;
}

export interface Oauth2StartInput {
  readonly id: string;
}

export interface CredentialTestInput {
  readonly id: string;
}

export interface CredentialUsedByInput {
  readonly id: string;
}

export interface FileUploadInput {
  /** Name of a file sent as it is; a form names its files itself. */ readonly name?: string;
  /** What the content must hash to; a file with another content is refused. */ readonly sha256?: string;
  /** Deleted after so long; kept for ever when absent. */ readonly expiresInSeconds?: number;
}

export interface FileListInput {
  /** Part of the name. */ readonly search?: string;
  readonly runId?: string;
  readonly first?: number;
  readonly after?: string;
}

export interface FileContentInput {
  readonly id: string;
}

export interface FileDeleteInput {
  readonly id: string;
}

export interface FileGetInput {
  readonly id: string;
}

export interface FindEverythingInput {
  readonly text: string;
}

export interface FolderListInput {
  readonly projectId?: string;
}

export interface FolderCreateInput {
  readonly projectId: string;
  readonly parentId?: string;
  readonly name: string;
}

export interface FolderUpdateInput {
  readonly id: string;
  readonly name?: string;
  readonly parentId?: string | null;
  readonly expectedRev?: number;
}

export interface FolderDeleteInput {
  readonly id: string;
}

export interface GrantListInput {
  readonly resourceKind: GrantResourceKind;
  readonly resourceId: string;
}

export interface GrantSetInput {
  readonly resourceKind: GrantResourceKind;
  readonly resourceId: string;
  readonly subjectKind: GrantSubjectKind;
  readonly subjectId: string;
  readonly role: Role;
}

export interface GrantRemoveInput {
  readonly resourceKind: GrantResourceKind;
  readonly resourceId: string;
  readonly subjectKind: GrantSubjectKind;
  readonly subjectId: string;
}

export interface InstanceReleaseHeldRunsInput {
  readonly decision: HeldRunsDecision;
}

export interface IdentityProviderSaveInput {
  readonly id?: string;
  readonly key: string;
  readonly title: string;
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret?: string | null;
  readonly scopes?: readonly string[];
  readonly allowedDomains?: readonly string[];
  readonly linksByEmail?: boolean;
  readonly joinsWorkspaceId?: string;
  readonly joinRole?: JoinRole;
  readonly isEnabled?: boolean;
  readonly expectedRev?: number;
}

export interface IdentityProviderDeleteInput {
  readonly id: string;
}

export interface InstanceAuditInput {
  readonly action?: string;
  readonly first?: number;
  readonly after?: string;
}

export interface InstanceTestMailInput {
  readonly to?: string;
}

export interface InvitationCreateInput {
  readonly email: string;
  readonly role: Role;
}

export interface InvitationAcceptInput {
  readonly token: string;
  readonly name?: string;
  readonly password?: string;
}

export interface InvitationLookInput {
  readonly token: string;
}

export interface InvitationRevokeInput {
  readonly id: string;
}

export interface JobListInput {
  readonly first?: number;
  readonly after?: string;
}

export interface JobGetInput {
  readonly id: string;
}

export interface JobCancelInput {
  readonly id: string;
}

export interface JobFileInput {
  readonly id: string;
}

export interface JobItemsInput {
  readonly id: string;
  readonly outcome?: JobOutcome;
  readonly first?: number;
  readonly after?: string;
}

export interface MemberListInput {
  readonly search?: string;
  readonly first?: number;
  readonly after?: string;
}

export interface MemberRemoveInput {
  readonly principalId: string;
}

export interface CredentialGrantedByInput {
  readonly principalId: string;
}

export interface MemberSetRoleInput {
  readonly principalId: string;
  readonly role: Role;
}

export interface NodeValidateInput {
  readonly type: string;
  readonly typeVersion?: number;
  readonly name?: string;
  readonly params?: Readonly<Record<string, unknown>>;
}

export interface NodeValidateConnectionsInput {
  readonly nodes: readonly unknown[];
  readonly edges: readonly unknown[];
}

export interface NotificationListInput {
  readonly unreadOnly?: boolean;
  readonly first?: number;
  readonly after?: string;
}

export interface NotificationMarkReadInput {
  readonly ids?: readonly string[];
}

export interface PersonResetPasswordInput {
  readonly token: string;
  readonly password: string;
}

export interface PersonRequestPasswordResetInput {
  readonly email: string;
}

export interface PersonUpdateInput {
  readonly name?: string;
  readonly locale?: string;
  readonly zone?: string;
  readonly expectedRev?: number;
}

export interface IdentityBeginLinkInput {
  readonly provider: string;
  readonly returnTo?: string;
}

export interface IdentityUnlinkInput {
  readonly issuer: string;
  readonly subject: string;
}

export interface PersonChangePasswordInput {
  readonly current: string;
  readonly next: string;
}

export interface SettingChangeOwnInput {
  readonly key: string;
  readonly value: unknown;
  readonly expectedRev: number;
}

export interface PersonConfirmTotpInput {
  readonly code: string;
}

export interface PersonDisableTotpInput {
  readonly password: string;
}

export interface PersonListInput {
  readonly search?: string;
  readonly first?: number;
  readonly after?: string;
}

export interface PersonEraseInput {
  readonly id: string;
}

export interface PersonDisableInput {
  readonly id: string;
}

export interface PersonEnableInput {
  readonly id: string;
}

export interface PersonExportForInput {
  readonly id: string;
}

export interface PersonSetOperatorInput {
  readonly id: string;
  readonly isOperator: boolean;
}

export interface PersonMakeResetLinkInput {
  readonly id: string;
}

export interface PlanSaveInput {
  readonly key: string;
  readonly name: string;
  readonly limits: PlanLimits;
}

export interface PollListInput {
  readonly first?: number;
  readonly after?: string;
  readonly search?: string;
  readonly workflowId?: string;
  readonly state?: ScheduleState;
}

export interface PollNowInput {
  readonly id: string;
}

export interface PollPauseInput {
  readonly id: string;
}

export interface PollResumeInput {
  readonly id: string;
}

export interface ProjectCreateInput {
  readonly name: string;
  readonly slug: string;
  readonly visibility?: ProjectVisibility;
  readonly isPrivate?: boolean;
  readonly adminEditsOnly?: boolean;
}

export interface ProjectGetInput {
  readonly id: string;
}

export interface ProjectUpdateInput {
  readonly id: string;
  readonly name?: string;
  readonly slug?: string;
  readonly visibility?: ProjectVisibility;
  readonly adminEditsOnly?: boolean;
  readonly expectedRev?: number;
}

export interface ProjectDeleteInput {
  readonly id: string;
}

export interface ProjectRestoreInput {
  readonly id: string;
}

export interface SettingListOfProjectInput {
  readonly projectId: string;
}

export interface SettingChangeOfProjectInput {
  readonly projectId: string;
  readonly key: string;
  readonly value: unknown;
  readonly expectedRev: number;
}

export interface RunStartInput {
  readonly workflowId?: string;
  readonly workflow?: string;
  readonly definition?: unknown;
  readonly source?: RunSource;
  readonly input?: unknown;
  readonly trigger?: string;
  readonly triggerNodeId?: string;
  readonly tags?: Readonly<Record<string, string>>;
  readonly idempotencyKey?: string;
}

export interface RunListInput {
  readonly status?: RunStatus;
  readonly workflow?: string;
  readonly cursor?: string;
  readonly limit?: number;
}

export interface RunExportInput {
  readonly ids?: readonly string[];
  readonly filter?: { readonly workflowId?: string; readonly statuses?: readonly RunStatus[]; readonly triggers?: readonly TriggerKind[]; readonly since?: string; readonly until?: string; readonly search?: string; readonly tags?: readonly string[]; };
  readonly withData?: boolean;
  readonly compress?: boolean;
}

export interface RunOverviewInput {
  readonly workflowId?: string;
  readonly statuses?: readonly RunStatus[];
  readonly triggers?: readonly TriggerKind[];
  readonly since?: string;
  readonly until?: string;
  readonly search?: string;
  readonly tags?: readonly string[];
  readonly first?: number;
  readonly after?: string;
}

export interface RunGetInput {
  readonly id: string;
}

export interface RunDeleteInput {
  readonly id: string;
  readonly cancelFirst?: boolean;
}

export interface RunAgainInput {
  readonly id: string;
  readonly source?: RunAgainSource;
  readonly idempotencyKey?: string;
}

export interface RunCalledInput {
  readonly id: string;
  readonly first?: number;
  readonly after?: string;
}

export interface RunCancelInput {
  readonly id: string;
  readonly reason?: string;
  readonly waitMs?: number;
}

export interface RunChainInput {
  readonly id: string;
  readonly first?: number;
  readonly before?: number;
}

export interface RunDetailInput {
  readonly id: string;
}

export interface RunEndChainInput {
  readonly id: string;
}

export interface RunEraseDataInput {
  readonly id: string;
}

export interface RunFactsInput {
  readonly id: string;
  readonly after?: number;
}

export interface RunMadeFromInput {
  readonly id: string;
}

export interface RunOutputInput {
  readonly id: string;
  readonly node?: string;
}

export interface RunPauseInput {
  readonly id: string;
  readonly waitMs?: number;
}

export interface RunProgressInput {
  readonly id: string;
}

export interface RunReplayRequestInput {
  readonly id: string;
  readonly source?: ReplaySource;
}

export interface RunRerunInput {
  readonly id: string;
  readonly nodeId: string;
  readonly source?: RunAgainSource;
  readonly items?: readonly Readonly<Record<string, unknown>>[];
  readonly ports?: Readonly<Record<string, readonly Readonly<Record<string, unknown>>[]>>;
  readonly idempotencyKey?: string;
}

export interface RunResolveInput {
  readonly id: string;
  readonly node: string;
  readonly item?: number;
  readonly decision: UnknownDecision;
  readonly output?: Readonly<Record<string, unknown>>;
}

export interface RunResumeInput {
  readonly id: string;
  readonly waitMs?: number;
}

export interface RunRetryInput {
  readonly id: string;
  readonly nodeId?: string;
  readonly source?: RunAgainSource;
  readonly idempotencyKey?: string;
}

export interface RunSkipInput {
  readonly id: string;
  readonly nodeId: string;
  readonly source?: RunAgainSource;
  readonly items?: readonly Readonly<Record<string, unknown>>[];
  readonly idempotencyKey?: string;
}

export interface RunStateInput {
  readonly id: string;
  readonly waitMs?: number;
}

export interface RunStepsInput {
  readonly id: string;
}

export interface RunTagInput {
  readonly id: string;
  readonly tags: Readonly<Record<string, string>>;
}

export interface RunStepDataInput {
  readonly runId: string;
  readonly nodeId: string;
  readonly path?: readonly number[];
  readonly side: StepSide;
  readonly port?: string;
  readonly first?: number;
  readonly after?: string;
}

export interface RunStepLogInput {
  readonly runId: string;
  readonly nodeId: string;
  readonly path?: readonly number[];
}

export interface ScheduleListInput {
  readonly first?: number;
  readonly after?: string;
  readonly search?: string;
  readonly workflowId?: string;
  readonly state?: ScheduleState;
}

export interface SchedulePreviewInput {
  readonly cron?: readonly string[];
  readonly intervals?: readonly Readonly<Record<string, unknown>>[];
  readonly timezone?: string;
  readonly startAt?: string;
  readonly endAt?: string;
  readonly from?: string;
  readonly count?: number;
}

export interface ScheduleGetInput {
  readonly id: string;
}

export interface ScheduleBackfillInput {
  readonly id: string;
  readonly from: string;
  readonly until: string;
}

export interface SchedulePauseInput {
  readonly id: string;
}

export interface ScheduleResumeInput {
  readonly id: string;
}

export interface ScheduleRunInput {
  readonly id: string;
}

export interface ServiceCreateInput {
  readonly name: string;
  readonly role: Role;
}

export interface ServiceRenameInput {
  readonly id: string;
  readonly name: string;
}

export interface ServiceCreateKeyInput {
  readonly id: string;
  readonly name: string;
  readonly scopes: readonly string[];
  readonly expiresAt?: string;
}

export interface SessionSignInInput {
  readonly email: string;
  readonly password: string;
  readonly totp?: string;
}

export interface SessionRevokeInput {
  readonly id: string;
}

export interface SettingListInput {
  readonly level: SettingLevel;
}

export interface SettingChangeInput {
  readonly key: string;
  readonly level: SettingLevel;
  readonly value: unknown;
  readonly expectedRev: number;
}

export interface InstanceSetUpInput {
  readonly token: string;
  readonly name: string;
  readonly email: string;
  readonly password: string;
}

export interface RunStatisticsInput {
  readonly workflowId?: string;
  readonly environment?: StatisticsEnvironment;
  readonly since?: string;
  readonly until?: string;
  readonly by?: StatisticsBy;
}

export interface TagCreateInput {
  readonly name: string;
  readonly color?: string;
}

export interface TagUpdateInput {
  readonly id: string;
  readonly name?: string;
  readonly color?: string | null;
  readonly expectedRev?: number;
}

export interface TagDeleteInput {
  readonly id: string;
}

export interface TagMergeInput {
  readonly id: string;
  readonly intoId: string;
}

export interface TeamCreateInput {
  readonly name: string;
  readonly description?: string;
}

export interface TeamGetInput {
  readonly id: string;
}

export interface TeamUpdateInput {
  readonly id: string;
  readonly name?: string;
  readonly description?: string;
  readonly expectedRev?: number;
}

export interface TeamDeleteInput {
  readonly id: string;
}

export interface TeamAddMemberInput {
  readonly id: string;
  readonly principalId: string;
}

export interface TeamRemoveMemberInput {
  readonly id: string;
  readonly principalId: string;
}

export interface SessionTokenInput {
  readonly audience: TokenAudience;
  readonly scopes?: readonly string[];
  readonly lifeSeconds?: number;
}

export interface TrashPurgeInput {
  readonly id: string;
}

export interface VariableListInput {
  readonly projectId?: string;
  readonly environment?: VariableEnvironment;
}

export interface VariableSetInput {
  readonly key: string;
  readonly projectId?: string;
  readonly environment?: VariableEnvironment;
  readonly value: unknown;
  readonly expectedRev?: number;
}

export interface VariableDeleteInput {
  readonly projectId?: string;
  readonly environment?: VariableEnvironment;
  readonly key: string;
}

export interface ViewListInput {
  readonly page: string;
}

export interface ViewCreateInput {
  readonly page: string;
  readonly name: string;
  readonly filter: Readonly<Record<string, unknown>>;
  readonly isShared?: boolean;
}

export interface ViewUpdateInput {
  readonly id: string;
  readonly name?: string;
  readonly filter?: Readonly<Record<string, unknown>>;
  readonly expectedRev?: number;
}

export interface ViewDeleteInput {
  readonly id: string;
}

export interface TestTryInput {
  readonly definition: unknown;
}

export interface WorkflowListInput {
  readonly search?: string;
  readonly cursor?: string;
  readonly limit?: number;
}

export interface WorkflowCreateInput {
  readonly name: string;
  readonly projectId?: string;
}

export interface WorkflowCallableInput {
  readonly workflow: string;
}

export interface WorkflowExportManyInput {
  readonly ids?: readonly string[];
  readonly projectId?: string;
  readonly folderId?: string;
  readonly live?: boolean;
  readonly after?: string;
}

export interface WorkflowImportInput {
  readonly definition?: unknown;
  readonly text?: string;
  readonly publish?: boolean;
  readonly note?: string;
  readonly projectId?: string;
}

export interface WorkflowImportManyInput {
  readonly workflows?: readonly unknown[];
  readonly text?: string;
  readonly publish?: boolean;
  readonly note?: string;
  readonly projectId?: string;
}

export interface WorkflowOverviewInput {
  readonly view?: WorkflowView;
  readonly search?: string;
  readonly projectId?: string;
  readonly folderId?: string;
  readonly tagIds?: readonly string[];
  readonly starred?: boolean;
  readonly sort?: WorkflowSort;
  readonly first?: number;
  readonly after?: string;
}

export interface WorkflowPlacesInput {
  readonly projectId?: string;
  readonly folderId?: string;
  readonly atTop?: boolean;
  readonly tagIds?: readonly string[];
  readonly starred?: boolean;
  readonly first?: number;
  readonly after?: string;
}

export interface WorkflowSearchInput {
  readonly text: string;
  readonly first?: number;
}

export interface WorkflowValidateInput {
  readonly definition: unknown;
}

export interface WorkflowGetInput {
  readonly id: string;
}

export interface WorkflowDeleteInput {
  readonly id: string;
}

export interface WorkflowUpdateInput {
  readonly id: string;
  readonly name?: string;
  readonly description?: string;
  readonly expectedRev?: number;
}

export interface WorkflowDeploymentInput {
  readonly id: string;
}

export interface WorkflowDuplicateInput {
  readonly id: string;
  readonly name?: string;
  readonly projectId?: string;
  readonly folderId?: string;
}

export interface WorkflowMoveToFolderInput {
  readonly id: string;
  readonly folderId?: string;
}

export interface WorkflowMoveInput {
  readonly id: string;
  readonly projectId: string;
  readonly folderId?: string;
}

export interface WorkflowPauseInput {
  readonly id: string;
  readonly webhooks?: WhilePaused;
}

export interface WorkflowPublishInput {
  readonly id: string;
  readonly expectedRev: number;
  readonly note?: string;
}

export interface WorkflowRestoreInput {
  readonly id: string;
}

export interface WorkflowResumeInput {
  readonly id: string;
}

export interface WorkflowStarInput {
  readonly id: string;
}

export interface WorkflowUnstarInput {
  readonly id: string;
}

export interface WorkflowSetTagsInput {
  readonly id: string;
  readonly tagIds?: readonly string[];
  readonly add?: readonly string[];
  readonly remove?: readonly string[];
}

export interface TestRunAllInput {
  readonly id: string;
  readonly strict?: boolean;
}

export interface WorkflowUnpublishInput {
  readonly id: string;
}

export interface WorkflowExportInput {
  readonly name: string;
  readonly live?: boolean;
}

export interface WorkflowDiffInput {
  readonly workflowId: string;
  readonly from: string;
  readonly to?: string;
}

export interface DraftGetInput {
  readonly workflowId: string;
}

export interface DraftSaveInput {
  readonly workflowId: string;
  readonly expectedRev: number;
  readonly definition: unknown;
}

export interface DraftSinceInput {
  readonly workflowId: string;
  readonly rev: number;
  readonly first?: number;
}

export interface DraftApplyInput {
  readonly workflowId: string;
  readonly baseRev: number;
  readonly clientId: string;
  readonly clientSeq: number;
  readonly ops: readonly unknown[];
}

export interface DraftHoldInput {
  readonly workflowId: string;
  readonly ask?: boolean;
}

export interface DraftRedoInput {
  readonly workflowId: string;
  readonly clientId: string;
  readonly clientSeq: number;
}

export interface DraftReleaseInput {
  readonly workflowId: string;
}

export interface DraftRunInput {
  readonly workflowId: string;
  readonly to?: string;
  readonly only?: string;
  readonly trigger?: string;
  readonly input?: unknown;
  readonly items?: readonly unknown[];
  readonly ports?: Readonly<Record<string, readonly unknown[]>>;
  readonly past?: string;
  readonly usePins?: boolean;
  readonly mocks?: readonly MockedReply[];
  readonly idempotencyKey?: string;
}

export interface DraftTakeOverInput {
  readonly workflowId: string;
}

export interface DraftUndoInput {
  readonly workflowId: string;
  readonly clientId: string;
  readonly clientSeq: number;
}

export interface WorkflowListenInput {
  readonly workflowId: string;
  readonly nodeId?: string;
  readonly minutes?: number;
  readonly mode?: "run" | "capture";
}

export interface WorkflowListenersInput {
  readonly workflowId: string;
}

export interface WorkflowStopListeningInput {
  readonly workflowId: string;
}

export interface SchedulePreviewDraftInput {
  readonly workflowId: string;
  readonly nodeId: string;
  readonly count?: number;
}

export interface PollTestInput {
  readonly workflowId: string;
  readonly nodeId: string;
}

export interface PinListInput {
  readonly workflowId: string;
}

export interface PinGetInput {
  readonly workflowId: string;
  readonly nodeId: string;
}

export interface PinSetInput {
  readonly workflowId: string;
  readonly nodeId: string;
  readonly items?: readonly unknown[];
  readonly fileId?: string;
  readonly source?: Readonly<Record<string, unknown>>;
}

export interface PinRemoveInput {
  readonly workflowId: string;
  readonly nodeId: string;
}

export interface SettingListOfWorkflowInput {
  readonly workflowId: string;
}

export interface TestListInput {
  readonly workflowId: string;
}

export interface TestSaveInput {
  readonly workflowId: string;
  readonly test: WorkflowTest;
}

export interface TestFromRunInput {
  readonly workflowId: string;
  readonly runId: string;
  readonly name: string;
  readonly expect?: readonly string[];
  readonly ignore?: readonly string[];
}

export interface TestGetInput {
  readonly workflowId: string;
  readonly testId: string;
}

export interface TestDeleteInput {
  readonly workflowId: string;
  readonly testId: string;
}

export interface TestRunInput {
  readonly workflowId: string;
  readonly testId: string;
}

export interface WorkflowVersionsInput {
  readonly workflowId: string;
  readonly first?: number;
  readonly after?: string;
}

export interface WorkflowVersionInput {
  readonly workflowId: string;
  readonly number: number;
}

export interface WorkflowRestoreVersionInput {
  readonly workflowId: string;
  readonly number: number;
  readonly expectedRev: number;
}

export interface WorkspaceUpdateInput {
  readonly name?: string;
  readonly zone?: string;
  readonly expectedRev?: number;
}

export interface WorkspaceCreateInput {
  readonly slug: string;
  readonly name: string;
  readonly zone?: string;
  readonly ownerId?: string;
  readonly plan?: string;
}

export interface WorkspaceDeleteInput {
  readonly id: string;
}

export interface WorkspaceSetPlanInput {
  readonly id: string;
  readonly plan: string;
}

export interface WorkspaceRestoreInput {
  readonly id: string;
}

/** Every operation, by what it is about. */
export interface Operations {
  readonly access: {
    /** Who can see a thing, with which role, and why. */
    explain(input: AccessExplainInput, options?: CallOptions): Promise<readonly AccessRow[]>;
  };
  readonly apiKey: {
    /** Keys: the own ones, for admins those of all. */
    list(input?: Readonly<Record<string, never>>, options?: CallOptions): Promise<readonly ApiKeyRow[]>;
    /** Make a key for oneself; its secret is in this answer and nowhere else. */
    create(input: ApiKeyCreateInput, options?: CallOptions): Promise<CreatedApiKey>;
    /** What keys can be limited to. */
    scopes(input?: Readonly<Record<string, never>>, options?: CallOptions): Promise<readonly ScopeInfo[]>;
    /** End a key at once. */
    revoke(input: ApiKeyRevokeInput, options?: CallOptions): Promise<Done>;
  };
  readonly approval: {
    /** What steps of runs ask people to decide, newest first: of runs whose data you may read, and what you are asked. */
    list(input?: ApprovalListInput, options?: CallOptions): Promise<ApprovalPage>;
    /** How many open approvals wait for you, and how many there are that you may see; each up to 1,000. */
    counts(input?: Readonly<Record<string, never>>, options?: CallOptions): Promise<ApprovalCounts>;
    /** An approval with what it shows and what was decided so far. */
    get(input: ApprovalGetInput, options?: CallOptions): Promise<Approval>;
    /** Approve or reject. A decision counts once for each person; the right to decide is looked at now. */
    decide(input: ApprovalDecideInput, options?: CallOptions): Promise<DecidedApproval>;
  };
  readonly audit: {
    /** Who did what, newest first. */
    list(input?: AuditListInput, options?: CallOptions): Promise<AuditRows>;
    /** Walk the chain of the audit log: nothing may have been changed, taken out or put in between. */
    check(input?: Readonly<Record<string, never>>, options?: CallOptions): Promise<AuditCheck>;
  };
  readonly backup: {
    /** Make a backup in the data folder while the server goes on; answered when it is complete. A passphrase closes the key files into it. */
    create(input?: BackupCreateInput, options?: CallOptions): Promise<MadeBackup>;
    /** Backups in the data folder, newest first. */
    list(input?: Readonly<Record<string, never>>, options?: CallOptions): Promise<readonly BackupView[]>;
  };
  readonly bulk: {
    /** Cancel, pause, resume, delete or repeat many runs, or forget their data; named or found by a filter, as a job. Runs that start later are not part of it. */
    runs(input: BulkRunsInput, options?: CallOptions): Promise<StartedJob>;
    /** Do something to many workflows, named or found by a filter, as a job. Each is asked about when its turn comes, with the rights one has then; workflows made later are not part of it. */
    workflows(input: BulkWorkflowsInput, options?: CallOptions): Promise<StartedJob>;
  };
  readonly catalog: {
    /** Plugins with their node types. */
    plugins(input?: Readonly<Record<string, never>>, options?: CallOptions): Promise<unknown>;
    /** Node types of the workspace. */
    types(input?: Readonly<Record<string, never>>, options?: CallOptions): Promise<readonly unknown[]>;
  };
  readonly credential: {
    /** Kinds of credentials there are, with the fields of their forms. */
    types(input?: Readonly<Record<string, never>>, options?: CallOptions): Promise<unknown>;
    /** A page of the credentials one may see, newest first. Never their secrets. */
    list(input?: CredentialListInput, options?: CallOptions): Promise<CredentialRows>;
    /** Make a credential. Its secrets are sealed and never shown again. */
    create(input: CredentialCreateInput, options?: CallOptions): Promise<CreatedCredential>;
    /** One credential: what may be shown, and which secrets are set. */
    get(input: CredentialGetInput, options?: CallOptions): Promise<CredentialDetail>;
    /** Change a credential. An absent secret stays; to send secrets to further hosts, they are entered again. */
    update(input: CredentialUpdateInput, options?: CallOptions): Promise<ChangedCredential>;
    /** Give a credential up. Its secret is destroyed at once; workflows that use it fail from then on. */
    delete(input: CredentialDeleteInput, options?: CallOptions): Promise<Done>;
    /** Ask the service whether it takes the credential. */
    test(input: CredentialTestInput, options?: CallOptions): Promise<TestedCredential>;
    /** Published workflows that use a credential, and who allowed it. */
    usedBy(input: CredentialUsedByInput, options?: CallOptions): Promise<CredentialUses>;
    /** What runs on the right of somebody to use credentials: look before removing them. */
    grantedBy(input: CredentialGrantedByInput, options?: CallOptions): Promise<CredentialUses>;
  };
  readonly draft: {
    /** The draft of a workflow: its revision, what it says, who is editing it, and what the caller could undo. */
    get(input: DraftGetInput, options?: CallOptions): Promise<Draft>;
    /** Replace a draft whole. On a revision that is not the newest nothing is saved and the answer has the difference. */
    save(input: DraftSaveInput, options?: CallOptions): Promise<SavedDraft>;
    /** What happened to a draft after a revision, in order, to catch up with. */
    since(input: DraftSinceInput, options?: CallOptions): Promise<DraftChanges>;
    /** Change a draft by operations made on a revision. What others changed meanwhile is merged; a clash on one field changes nothing and names both values. */
    apply(input: DraftApplyInput, options?: CallOptions): Promise<EditedDraft>;
    /** Say that one is editing, for a minute; again to keep it. Where somebody else is: "ask" for it, and ask again half a minute later to get it if there was no answer. */
    hold(input: DraftHoldInput, options?: CallOptions): Promise<HeldDraft>;
    /** Take the last undo of one’s own back, where it still stands. */
    redo(input: DraftRedoInput, options?: CallOptions): Promise<TakenBackChange>;
    /** Say that one is not editing any more. */
    release(input: DraftReleaseInput, options?: CallOptions): Promise<Done>;
    /** Try the draft: whole, up to a node, or one node alone with given items, pinned data or data of an earlier run. */
    run(input: DraftRunInput, options?: CallOptions): Promise<DraftRun>;
    /** Take the editing of a draft from whoever has it, at once. What they sent before is kept. */
    takeOver(input: DraftTakeOverInput, options?: CallOptions): Promise<HeldDraft>;
    /** Take one’s own last change of a draft back, where it still stands. */
    undo(input: DraftUndoInput, options?: CallOptions): Promise<TakenBackChange>;
  };
  readonly file: {
    /** Upload a file as it is, with its name in the query, or files as a form in parts (multipart/form-data). */
    upload(body: UploadBody, input?: FileUploadInput, options?: CallOptions): Promise<UploadedFiles>;
    /** Files, newest first: uploaded ones, and those of runs whose data you may read. */
    list(input?: FileListInput, options?: CallOptions): Promise<FilePage>;
    /** Download a file, or a range of it. */
    content(input: FileContentInput, options?: CallOptions): Promise<Download>;
    /** Delete a file. Runs that still want to read it fail. */
    delete(input: FileDeleteInput, options?: CallOptions): Promise<Done>;
    /** What is known of a file. */
    get(input: FileGetInput, options?: CallOptions): Promise<File>;
  };
  readonly find: {
    /** Things by part of their name, for the command palette; at most 20. */
    everything(input: FindEverythingInput, options?: CallOptions): Promise<readonly FoundThing[]>;
  };
  readonly folder: {
    /** Folders of a project, or of all one may see, with how many workflows lie in each. */
    list(input?: FolderListInput, options?: CallOptions): Promise<Folders>;
    /** Make a folder in a project or in another folder, at most 8 inside each other. */
    create(input: FolderCreateInput, options?: CallOptions): Promise<CreatedFolder>;
    /** Rename a folder, or move it within its project; parentId null is the top. */
    update(input: FolderUpdateInput, options?: CallOptions): Promise<UpdatedFolder>;
    /** Delete a folder without folders in it; its workflows move up one level. */
    delete(input: FolderDeleteInput, options?: CallOptions): Promise<Done>;
  };
  readonly grant: {
    /** Roles given on the workspace, a project, a workflow or a credential. */
    list(input: GrantListInput, options?: CallOptions): Promise<readonly GrantRow[]>;
    /** Give a member or a team a role on the workspace, a project, a workflow or a credential. */
    set(input: GrantSetInput, options?: CallOptions): Promise<Done>;
    /** Take a role back that was given to a member or a team. */
    remove(input: GrantRemoveInput, options?: CallOptions): Promise<Done>;
  };
  readonly identity: {
    /** Accounts elsewhere that one signs in with. */
    list(input?: Readonly<Record<string, never>>, options?: CallOptions): Promise<readonly LinkedIdentity[]>;
    /** Begin to link an account elsewhere; the answer has the address to go to. */
    beginLink(input: IdentityBeginLinkInput, options?: CallOptions): Promise<LinkBeginning>;
    /** Unlink an account elsewhere; the only way to sign in stays. */
    unlink(input: IdentityUnlinkInput, options?: CallOptions): Promise<Done>;
  };
  readonly identityProvider: {
    /** OpenID providers people may sign in with; for operators of the server. */
    list(input?: Readonly<Record<string, never>>, options?: CallOptions): Promise<readonly IdentityProvider[]>;
    /** Add an OpenID provider, or change one. A secret that is left out stays; null takes it away. */
    save(input: IdentityProviderSaveInput, options?: CallOptions): Promise<SavedIdentityProvider>;
    /** Let nobody sign in with an OpenID provider any more. */
    delete(input: IdentityProviderDeleteInput, options?: CallOptions): Promise<Done>;
  };
  readonly instance: {
    /** How the server is. */
    health(input?: Readonly<Record<string, never>>, options?: CallOptions): Promise<HealthView>;
    /** How many runs of a restored backup wait for a decision. */
    heldRuns(input?: Readonly<Record<string, never>>, options?: CallOptions): Promise<HeldRuns>;
    /** Let the runs of a restored backup go on, or cancel them. What they did after the backup was made may be done again. */
    releaseHeldRuns(input: InstanceReleaseHeldRunsInput, options?: CallOptions): Promise<HeldRuns>;
    /** Who did what above the workspaces, newest first; for operators. */
    audit(input?: InstanceAuditInput, options?: CallOptions): Promise<InstanceAuditRows>;
    /** A new data key for each workspace, and every secret sealed anew with it, while workflows go on using them. */
    renewDataKeys(input?: Readonly<Record<string, never>>, options?: CallOptions): Promise<RenewedDataKeys>;
    /** Replace the root key in the data folder and wrap every data key with the new one, while the server runs. The old key opens nothing afterwards. */
    rotateRootKey(input?: Readonly<Record<string, never>>, options?: CallOptions): Promise<RotatedRootKey>;
    /** Send an e-mail by the mail server of the settings, to see whether they are right; to oneself unless an address is given. */
    testMail(input?: InstanceTestMailInput, options?: CallOptions): Promise<Done>;
    /** Make the first person, owner of everything, with the token the server printed. */
    setUp(input: InstanceSetUpInput, options?: CallOptions): Promise<Done>;
  };
  readonly invitation: {
    /** Open invitations. */
    list(input?: Readonly<Record<string, never>>, options?: CallOptions): Promise<readonly InvitationRow[]>;
    /** Invite somebody by address; the link is shown once, and sent by e-mail where a mail server is set. */
    create(input: InvitationCreateInput, options?: CallOptions): Promise<InvitedMember>;
    /** Join a workspace, as who is signed in or as a new person. */
    accept(input: InvitationAcceptInput, options?: CallOptions): Promise<Done>;
    /** What an invitation leads to. */
    look(input: InvitationLookInput, options?: CallOptions): Promise<InvitationOffer>;
    /** Take an invitation back. */
    revoke(input: InvitationRevokeInput, options?: CallOptions): Promise<Done>;
  };
  readonly job: {
    /** One’s own jobs, newest first; admins see those of everybody. */
    list(input?: JobListInput, options?: CallOptions): Promise<Jobs>;
    /** How far a job is. */
    get(input: JobGetInput, options?: CallOptions): Promise<Job>;
    /** Stop a job after the thing at hand. What it has done stays done. */
    cancel(input: JobCancelInput, options?: CallOptions): Promise<Done>;
    /** Download what an export wrote, or a range of it. Only whoever asked for the export can. */
    file(input: JobFileInput, options?: CallOptions): Promise<Download>;
    /** What became of each thing a job acted on. */
    items(input: JobItemsInput, options?: CallOptions): Promise<JobItems>;
  };
  readonly member: {
    /** Members of the workspace. */
    list(input?: MemberListInput, options?: CallOptions): Promise<MemberRows>;
    /** End a membership, with its teams, grants and keys. */
    remove(input: MemberRemoveInput, options?: CallOptions): Promise<Done>;
    /** Give a member another role. */
    setRole(input: MemberSetRoleInput, options?: CallOptions): Promise<Done>;
  };
  readonly node: {
    /** What is wrong with the configuration of one node by itself. */
    validate(input: NodeValidateInput, options?: CallOptions): Promise<PartCheck>;
    /** What is wrong with how nodes are connected: circles, edges from or to nothing, ports that are not there, steps nothing leads to. */
    validateConnections(input: NodeValidateConnectionsInput, options?: CallOptions): Promise<PartCheck>;
  };
  readonly notification: {
    /** What one is to be told, newest first: of this workspace and of the server. */
    list(input?: NotificationListInput, options?: CallOptions): Promise<NotificationRows>;
    /** Mark these notifications as read, or all. */
    markRead(input?: NotificationMarkReadInput, options?: CallOptions): Promise<MarkedNotifications>;
    /** How much one was told and has not read; 1000 stands for more too. */
    count(input?: Readonly<Record<string, never>>, options?: CallOptions): Promise<UnreadNotifications>;
  };
  readonly oauth2: {
    /** The address at which a person lets a credential act for them. Open it in the browser of the session that asked. */
    start(input: Oauth2StartInput, options?: CallOptions): Promise<SignInAddress>;
  };
  readonly person: {
    /** Set a password anew by the token of a link; every session ends. */
    resetPassword(input: PersonResetPasswordInput, options?: CallOptions): Promise<Done>;
    /** Send a link that sets a new password to this address, if somebody has it; the answer does not tell. */
    requestPasswordReset(input: PersonRequestPasswordResetInput, options?: CallOptions): Promise<Done>;
    /** The own profile. */
    profile(input?: Readonly<Record<string, never>>, options?: CallOptions): Promise<Profile>;
    /** Change the own name, language or time zone. */
    update(input?: PersonUpdateInput, options?: CallOptions): Promise<SavedProfile>;
    /** Everything that is kept about oneself, as JSON. */
    export(input?: Readonly<Record<string, never>>, options?: CallOptions): Promise<unknown>;
    /** Change the password; every other session ends. */
    changePassword(input: PersonChangePasswordInput, options?: CallOptions): Promise<Done>;
    /** Begin with a second factor: a secret for an authenticator app. */
    offerTotp(input?: Readonly<Record<string, never>>, options?: CallOptions): Promise<TotpOffer>;
    /** Turn the second factor on with its first code; gives recovery codes, once. */
    confirmTotp(input: PersonConfirmTotpInput, options?: CallOptions): Promise<RecoveryCodes>;
    /** Turn the second factor off; every other session ends. */
    disableTotp(input: PersonDisableTotpInput, options?: CallOptions): Promise<Done>;
    /** Everybody on the server; for operators. */
    list(input?: PersonListInput, options?: CallOptions): Promise<PersonRows>;
    /** Forget somebody for good: name, address, sign-ins. What they did keeps an author without a name. */
    erase(input: PersonEraseInput, options?: CallOptions): Promise<PersonGone>;
    /** Keep somebody out: sessions, keys and tokens open nothing from now on. Says what still runs on what they allowed. */
    disable(input: PersonDisableInput, options?: CallOptions): Promise<PersonGone>;
    /** Let somebody in again. */
    enable(input: PersonEnableInput, options?: CallOptions): Promise<Done>;
    /** Everything that is kept about a person, to answer who asks for it. */
    exportFor(input: PersonExportForInput, options?: CallOptions): Promise<unknown>;
    /** Make somebody an operator of the server, or no longer; one stays. */
    setOperator(input: PersonSetOperatorInput, options?: CallOptions): Promise<Done>;
    /** A link that sets a new password, once and within a day; shown in this answer only. Give it to that person and nobody else. */
    makeResetLink(input: PersonMakeResetLinkInput, options?: CallOptions): Promise<ResetLink>;
  };
  readonly pin: {
    /** Which nodes of a draft have data fixed to them. */
    list(input: PinListInput, options?: CallOptions): Promise<Pins>;
    /** The items fixed to a node. */
    get(input: PinGetInput, options?: CallOptions): Promise<PinnedItems>;
    /** Fix items to a node of a draft: given here, or in an uploaded JSON file. */
    set(input: PinSetInput, options?: CallOptions): Promise<Done>;
    /** Take the fixed data off a node. */
    remove(input: PinRemoveInput, options?: CallOptions): Promise<Done>;
  };
  readonly plan: {
    /** Plans workspaces can be under; for operators. */
    list(input?: Readonly<Record<string, never>>, options?: CallOptions): Promise<readonly PlanView[]>;
    /** Make or replace a plan; a limit that is left out does not limit. */
    save(input: PlanSaveInput, options?: CallOptions): Promise<Done>;
  };
  readonly poll: {
    /** Triggers of published workflows that ask a service on a timetable, newest first, and how they fare. */
    list(input?: PollListInput, options?: CallOptions): Promise<Polls>;
    /** Ask now instead of when it is due; the pace after that is as before. */
    now(input: PollNowInput, options?: CallOptions): Promise<Poll>;
    /** Ask no more until it is resumed; how far it has come is kept. */
    pause(input: PollPauseInput, options?: CallOptions): Promise<Poll>;
    /** Go on asking from where it had come, also after a restore. */
    resume(input: PollResumeInput, options?: CallOptions): Promise<Poll>;
    /** Ask the service as the draft says, and show a few of the newest items. Nothing is kept, and no run is started. */
    test(input: PollTestInput, options?: CallOptions): Promise<PollTest>;
  };
  readonly project: {
    /** Projects one may see. */
    list(input?: Readonly<Record<string, never>>, options?: CallOptions): Promise<readonly ProjectView[]>;
    /** Make a project: for the whole workspace, for members of it, or private to oneself. */
    create(input: ProjectCreateInput, options?: CallOptions): Promise<CreatedProject>;
    /** Projects in the trash that one may bring back. */
    listDeleted(input?: Readonly<Record<string, never>>, options?: CallOptions): Promise<readonly DeletedProject[]>;
    /** One project. */
    get(input: ProjectGetInput, options?: CallOptions): Promise<ProjectView>;
    /** Change a project’s name, address, who sees it, or who edits in it. */
    update(input: ProjectUpdateInput, options?: CallOptions): Promise<SavedProject>;
    /** Put an empty project in the trash for 30 days. */
    delete(input: ProjectDeleteInput, options?: CallOptions): Promise<Done>;
    /** Bring a project back from the trash, under another address when its own was taken meanwhile. */
    restore(input: ProjectRestoreInput, options?: CallOptions): Promise<RestoredProject>;
  };
  readonly run: {
    /** What goes on at this moment, of what one may see. */
    now(input?: Readonly<Record<string, never>>, options?: CallOptions): Promise<NowSummary>;
    /** Start a run: of what is live, of the draft, or of a definition that is given. */
    start(input?: RunStartInput, options?: CallOptions): Promise<StartedRun>;
    /** Runs of the last seven days, newest first. */
    list(input?: RunListInput, options?: CallOptions): Promise<RunHeads>;
    /** Write runs, named or found by a filter, into one file as a job: a line of JSON for each, with what its steps gave where you may read that. The file is there for a week, for you alone. */
    export(input?: RunExportInput, options?: CallOptions): Promise<StartedJob>;
    /** A page of runs, newest first; the last seven days unless asked otherwise. */
    overview(input?: RunOverviewInput, options?: CallOptions): Promise<RunRows>;
    /** One run with its steps. */
    get(input: RunGetInput, options?: CallOptions): Promise<RunSteps>;
    /** Delete a run that has ended, with its data, for good; with cancelFirst also one that goes on. Statistics keep counting it. */
    delete(input: RunDeleteInput, options?: CallOptions): Promise<Done>;
    /** A new run with the input of this one, on the same version, the live one or the draft. */
    again(input: RunAgainInput, options?: CallOptions): Promise<RepeatedRun>;
    /** The runs a run called, in the order in which they were started, and the run that called it. */
    called(input: RunCalledInput, options?: CallOptions): Promise<CalledRuns>;
    /** Stop a run; answers once it has ended. */
    cancel(input: RunCancelInput, options?: CallOptions): Promise<RunHead>;
    /** The runs of a workflow that repeats which belong together, the newest first. Empty for a run that stands alone. */
    chain(input: RunChainInput, options?: CallOptions): Promise<RunChain>;
    /** One run with the definition it runs under. */
    detail(input: RunDetailInput, options?: CallOptions): Promise<RunDetail>;
    /** End a chain of runs: its newest run is stopped, or the next one does not begin. */
    endChain(input: RunEndChainInput, options?: CallOptions): Promise<EndedChain>;
    /** Forget what the steps of an ended run were given, gave and logged. The run, its steps and its times stay. */
    eraseData(input: RunEraseDataInput, options?: CallOptions): Promise<Done>;
    /** What happened in a run, without its data, in order. */
    facts(input: RunFactsInput, options?: CallOptions): Promise<RunFactsPage>;
    /** Runs that were made from this one, newest first. */
    madeFrom(input: RunMadeFromInput, options?: CallOptions): Promise<RunsMadeFrom>;
    /** Items of the end nodes, or of one step by port. */
    output(input: RunOutputInput, options?: CallOptions): Promise<RunOutput>;
    /** Hold a run: what is under way ends, nothing behind it starts. Answers once it is paused, or after a while with how it stands. */
    pause(input: RunPauseInput, options?: CallOptions): Promise<RunHead>;
    /** How far a run has come: its state, what is at work, counts of steps, cost; without its data. */
    progress(input: RunProgressInput, options?: CallOptions): Promise<RunProgress>;
    /** Send the request that started a run once more: a new run of what is live, or of the draft, with the body that came. */
    replayRequest(input: RunReplayRequestInput, options?: CallOptions): Promise<ReplayedRun>;
    /** A new run that goes on from a step of this one, with its old input or another one; what is before the step is kept. */
    rerun(input: RunRerunInput, options?: CallOptions): Promise<ContinuedRun>;
    /** Decide about a write that may have happened: send it again, take it as done, or fail it. */
    resolve(input: RunResolveInput, options?: CallOptions): Promise<RunHead>;
    /** Let a run go on that is paused or in quarantine. */
    resume(input: RunResumeInput, options?: CallOptions): Promise<RunHead>;
    /** A new run that keeps what succeeded in this one and does the rest: only items without success are sent again, with their keys. */
    retry(input: RunRetryInput, options?: CallOptions): Promise<ContinuedRun>;
    /** A new run that goes on behind a failed step of this one: the step hands on its input, or the items given here. */
    skip(input: RunSkipInput, options?: CallOptions): Promise<ContinuedRun>;
    /** Where a run stands; waits up to 30 s for it to end. */
    state(input: RunStateInput, options?: CallOptions): Promise<RunHead>;
    /** The steps of a run in the order of its workflow, without their data. */
    steps(input: RunStepsInput, options?: CallOptions): Promise<RunStepRows>;
    /** Add tags a run is found by. A tag that is there stays. */
    tag(input: RunTagInput, options?: CallOptions): Promise<Done>;
    /** Items that went into a step or came out of it, by page. */
    stepData(input: RunStepDataInput, options?: CallOptions): Promise<StepData>;
    /** What a step logged. */
    stepLog(input: RunStepLogInput, options?: CallOptions): Promise<readonly StepLogLine[]>;
    /** How many runs ended, by state, over time and by workflow; a week by the hour unless asked otherwise. */
    statistics(input?: RunStatisticsInput, options?: CallOptions): Promise<RunStatistics>;
  };
  readonly schedule: {
    /** The schedules of published workflows, newest first, with their next and last runs. */
    list(input?: ScheduleListInput, options?: CallOptions): Promise<Schedules>;
    /** When cron lines and intervals would be due next, and everything that is wrong with them. */
    preview(input?: SchedulePreviewInput, options?: CallOptions): Promise<SchedulePreview>;
    /** One schedule. */
    get(input: ScheduleGetInput, options?: CallOptions): Promise<Schedule>;
    /** Make up for the times of a span that started nothing, as a job: a run for each that had none. */
    backfill(input: ScheduleBackfillInput, options?: CallOptions): Promise<StartedBackfill>;
    /** Let a schedule start nothing until it is resumed. It stays paused when the workflow is published again. */
    pause(input: SchedulePauseInput, options?: CallOptions): Promise<Schedule>;
    /** Let a schedule go on that is paused, or held since a restore. Times that were missed meanwhile follow its policy. */
    resume(input: ScheduleResumeInput, options?: CallOptions): Promise<Schedule>;
    /** Start the workflow now, as this schedule would. Its own times are not changed. */
    run(input: ScheduleRunInput, options?: CallOptions): Promise<ScheduleRun>;
    /** When a schedule trigger would be due next as the draft has it. */
    previewDraft(input: SchedulePreviewDraftInput, options?: CallOptions): Promise<SchedulePreview>;
  };
  readonly service: {
    /** Make a service principal: a member for machines, which does not leave with a person. */
    create(input: ServiceCreateInput, options?: CallOptions): Promise<CreatedService>;
    /** Give a service principal another name. */
    rename(input: ServiceRenameInput, options?: CallOptions): Promise<Done>;
    /** Make a key for a service principal; its secret is in this answer and nowhere else. */
    createKey(input: ServiceCreateKeyInput, options?: CallOptions): Promise<CreatedServiceKey>;
  };
  readonly session: {
    /** Who is signed in, and in which workspaces. */
    get(input?: Readonly<Record<string, never>>, options?: CallOptions): Promise<Session>;
    /** Sign in with address and password; the answer sets the session cookie. */
    signIn(input: SessionSignInInput, options?: CallOptions): Promise<Done>;
    /** End this session. */
    signOut(input?: Readonly<Record<string, never>>, options?: CallOptions): Promise<Done>;
    /** Where one is signed in. */
    list(input?: Readonly<Record<string, never>>, options?: CallOptions): Promise<readonly SessionRow[]>;
    /** Sign out somewhere else; whoever holds that session is out with the next request. */
    revoke(input: SessionRevokeInput, options?: CallOptions): Promise<Done>;
    /** Make a token for this workspace that is good for minutes, and at most as long as the session or key that makes it. */
    token(input: SessionTokenInput, options?: CallOptions): Promise<MadeToken>;
  };
  readonly setting: {
    /** The own settings: look, and what one wants to hear of. */
    listOwn(input?: Readonly<Record<string, never>>, options?: CallOptions): Promise<readonly SettingView[]>;
    /** Set one of the own settings; null takes it back. */
    changeOwn(input: SettingChangeOwnInput, options?: CallOptions): Promise<SettingView>;
    /** Settings of a project: what counts in it, and where it comes from. */
    listOfProject(input: SettingListOfProjectInput, options?: CallOptions): Promise<readonly SettingView[]>;
    /** Set one setting of a project; null takes it back. A project may only be stricter than its workspace. */
    changeOfProject(input: SettingChangeOfProjectInput, options?: CallOptions): Promise<SettingView>;
    /** Settings of the workspace, or of the whole server: what counts, where it comes from, and what it may be. */
    list(input: SettingListInput, options?: CallOptions): Promise<readonly SettingView[]>;
    /** Set one setting; null takes it back to what counts above it. A workspace may only be stricter than the server. */
    change(input: SettingChangeInput, options?: CallOptions): Promise<SettingView>;
    /** What counts for a workflow, and where it comes from: its own definition, its project, the workspace or the server. */
    listOfWorkflow(input: SettingListOfWorkflowInput, options?: CallOptions): Promise<readonly WorkflowSettingView[]>;
  };
  readonly tag: {
    /** Tags of the workspace, with how many workflows wear each. */
    list(input?: Readonly<Record<string, never>>, options?: CallOptions): Promise<Tags>;
    /** Make a tag. */
    create(input: TagCreateInput, options?: CallOptions): Promise<CreatedTag>;
    /** Rename a tag or give it another colour; color null takes the colour away. */
    update(input: TagUpdateInput, options?: CallOptions): Promise<UpdatedTag>;
    /** Delete a tag; whatever wears it wears it no more. */
    delete(input: TagDeleteInput, options?: CallOptions): Promise<Done>;
    /** Put one tag together with another: what wears it wears the other, and it is gone. */
    merge(input: TagMergeInput, options?: CallOptions): Promise<MergedTags>;
  };
  readonly team: {
    /** Teams of the workspace. */
    list(input?: Readonly<Record<string, never>>, options?: CallOptions): Promise<readonly TeamRow[]>;
    /** Make a team. */
    create(input: TeamCreateInput, options?: CallOptions): Promise<CreatedTeam>;
    /** A team with its members. */
    get(input: TeamGetInput, options?: CallOptions): Promise<TeamView>;
    /** Give a team another name or description. */
    update(input: TeamUpdateInput, options?: CallOptions): Promise<SavedTeam>;
    /** Delete a team, and with it what was granted to it. */
    delete(input: TeamDeleteInput, options?: CallOptions): Promise<Done>;
    /** Put a member of the workspace into a team. */
    addMember(input: TeamAddMemberInput, options?: CallOptions): Promise<Done>;
    /** Take somebody out of a team. */
    removeMember(input: TeamRemoveMemberInput, options?: CallOptions): Promise<Done>;
  };
  readonly test: {
    /** Carry the tests of a definition out that is given here; nothing of them is kept but their runs. */
    try(input: TestTryInput, options?: CallOptions): Promise<TestOutcomes>;
    /** Carry all tests of the draft out; with "strict" one that does not pass is a problem. */
    runAll(input: TestRunAllInput, options?: CallOptions): Promise<TestOutcomes>;
    /** The tests of a workflow with their last results. */
    list(input: TestListInput, options?: CallOptions): Promise<WorkflowTests>;
    /** Put a test into the draft: a new one, or in the place of the one with its id. */
    save(input: TestSaveInput, options?: CallOptions): Promise<SavedTest>;
    /** Make a test of a run: its input, what its steps outside gave, and what its last steps, or the named ones, have to give. */
    fromRun(input: TestFromRunInput, options?: CallOptions): Promise<SavedTest>;
    /** One test, and how the last run of it differed. */
    get(input: TestGetInput, options?: CallOptions): Promise<WorkflowTestDetail>;
    /** Take a test out of the draft. */
    delete(input: TestDeleteInput, options?: CallOptions): Promise<Done>;
    /** Carry one test of the draft out; answers with how it went. */
    run(input: TestRunInput, options?: CallOptions): Promise<TestOutcome>;
  };
  readonly trash: {
    /** Workflows and projects in the trash that one may bring back, deleted last first. */
    list(input?: Readonly<Record<string, never>>, options?: CallOptions): Promise<TrashedThings>;
    /** Delete a workflow in the trash for good, with its versions. Its runs stay until their time is over. */
    purge(input: TrashPurgeInput, options?: CallOptions): Promise<Done>;
  };
  readonly variable: {
    /** Variables of a project, by key. */
    list(input?: VariableListInput, options?: CallOptions): Promise<readonly Variable[]>;
    /** Set a variable. With expectedRev 0 only a new one is made. */
    set(input: VariableSetInput, options?: CallOptions): Promise<SavedVariable>;
    /** Take a variable away. */
    delete(input: VariableDeleteInput, options?: CallOptions): Promise<Done>;
  };
  readonly view: {
    /** Filters of a list kept under a name: one's own and those of the workspace. */
    list(input: ViewListInput, options?: CallOptions): Promise<readonly SavedView[]>;
    /** Keep a filter under a name, for oneself or for the workspace. */
    create(input: ViewCreateInput, options?: CallOptions): Promise<CreatedView>;
    /** Rename a kept filter, or keep another one under its name. */
    update(input: ViewUpdateInput, options?: CallOptions): Promise<UpdatedView>;
    /** Forget a kept filter. */
    delete(input: ViewDeleteInput, options?: CallOptions): Promise<Done>;
  };
  readonly workflow: {
    /** Names of the workflows one may see, newest first. */
    list(input?: WorkflowListInput, options?: CallOptions): Promise<WorkflowNames>;
    /** Make an empty workflow. */
    create(input: WorkflowCreateInput, options?: CallOptions): Promise<CreatedWorkflow>;
    /** Whether a step may call this workflow, by name or id, and what its live version takes and gives. */
    callable(input: WorkflowCallableInput, options?: CallOptions): Promise<CallableWorkflow>;
    /** How many workflows one may see, by view. */
    counts(input?: Readonly<Record<string, never>>, options?: CallOptions): Promise<WorkflowCounts>;
    /** Many workflows as one bundle to keep or take elsewhere: those named, or all one may see of a project or folder, at most 200. */
    exportMany(input?: WorkflowExportManyInput, options?: CallOptions): Promise<WorkflowBundle>;
    /** Take a workflow in as a definition or a file; one with a known name gets a new draft, or with publish a new version. */
    import(input?: WorkflowImportInput, options?: CallOptions): Promise<ImportedWorkflow>;
    /** Take up to 200 workflows in at once, all or none: a list, a bundle, or the text of a file with several. Every problem of every workflow is listed. */
    importMany(input?: WorkflowImportManyInput, options?: CallOptions): Promise<ImportedWorkflows>;
    /** A page of the workflows one may see, with their last runs. */
    overview(input?: WorkflowOverviewInput, options?: CallOptions): Promise<WorkflowRows>;
    /** Workflows one may see with where they lie and what they wear; by project, folder, tags or star. */
    places(input?: WorkflowPlacesInput, options?: CallOptions): Promise<PlacedWorkflows>;
    /** Workflows one may see, found by name, description, tag, folder, or the name or type of a node. */
    search(input: WorkflowSearchInput, options?: CallOptions): Promise<WorkflowHits>;
    /** Everything that is wrong with a definition. */
    validate(input: WorkflowValidateInput, options?: CallOptions): Promise<WorkflowCheck>;
    /** One workflow with its draft, what is live, and what is wrong with the draft. */
    get(input: WorkflowGetInput, options?: CallOptions): Promise<WorkflowDetail>;
    /** Put a workflow in the trash for 30 days; its webhooks answer no more. */
    delete(input: WorkflowDeleteInput, options?: CallOptions): Promise<Done>;
    /** Rename a workflow or describe it. It is a change of its draft: with expectedRev only on that revision. */
    update(input: WorkflowUpdateInput, options?: CallOptions): Promise<UpdatedWorkflow>;
    /** What of a workflow is live, and whether it takes work. */
    deployment(input: WorkflowDeploymentInput, options?: CallOptions): Promise<Deployment>;
    /** A new workflow with the draft of another one, in its project or a named one. Pins, versions and runs stay with the old one. */
    duplicate(input: WorkflowDuplicateInput, options?: CallOptions): Promise<DuplicatedWorkflow>;
    /** Put a workflow into a folder of its project, or to the top of it. */
    moveToFolder(input: WorkflowMoveToFolderInput, options?: CallOptions): Promise<Done>;
    /** Move a workflow to another project, of which one is an admin too. What is published goes on with the credentials it has. */
    move(input: WorkflowMoveInput, options?: CallOptions): Promise<Done>;
    /** Let what is live do no new work for a while; its paths stay its own, and runs under way go on. What its webhooks and forms get meanwhile is stored and begins when it goes on, or is refused. */
    pause(input: WorkflowPauseInput, options?: CallOptions): Promise<Deployment>;
    /** Make the draft the live version. */
    publish(input: WorkflowPublishInput, options?: CallOptions): Promise<PublishedWorkflow>;
    /** Bring a workflow back from the trash, as a draft. */
    restore(input: WorkflowRestoreInput, options?: CallOptions): Promise<RestoredWorkflow>;
    /** Let a paused workflow take work again, on the version it was paused on, and begin what came meanwhile. */
    resume(input: WorkflowResumeInput, options?: CallOptions): Promise<Deployment>;
    /** Mark a workflow for oneself. */
    star(input: WorkflowStarInput, options?: CallOptions): Promise<Done>;
    /** Take one’s own mark off a workflow. */
    unstar(input: WorkflowUnstarInput, options?: CallOptions): Promise<Done>;
    /** Give a workflow exactly these tags; or with add and remove change those it has. */
    setTags(input: WorkflowSetTagsInput, options?: CallOptions): Promise<WorkflowTags>;
    /** Take a workflow out of service: its webhooks answer no more and their paths are free. Runs under way go on. */
    unpublish(input: WorkflowUnpublishInput, options?: CallOptions): Promise<Deployment>;
    /** The definition of a workflow by its name: the draft, or what is live. */
    export(input: WorkflowExportInput, options?: CallOptions): Promise<unknown>;
    /** What differs between two versions, or a version and the draft, by node, edge and field. */
    diff(input: WorkflowDiffInput, options?: CallOptions): Promise<WorkflowDiff>;
    /** Wait for one request to the test address of a webhook in the draft; it starts a run of the draft, or is kept to be pinned. */
    listen(input: WorkflowListenInput, options?: CallOptions): Promise<TestListener>;
    /** Where one listens for test requests of a workflow, and what came of them. */
    listeners(input: WorkflowListenersInput, options?: CallOptions): Promise<TestListeners>;
    /** Listen no more for test requests of a workflow. */
    stopListening(input: WorkflowStopListeningInput, options?: CallOptions): Promise<StoppedListening>;
    /** Published versions, newest first. */
    versions(input: WorkflowVersionsInput, options?: CallOptions): Promise<VersionRows>;
    /** One published version with what it says. */
    version(input: WorkflowVersionInput, options?: CallOptions): Promise<VersionDetail>;
    /** Make the draft what a version says, under the name the workflow has now. It can be undone like any other change. */
    restoreVersion(input: WorkflowRestoreVersionInput, options?: CallOptions): Promise<RestoredVersion>;
  };
  readonly workspace: {
    /** The workspace at hand. */
    get(input?: Readonly<Record<string, never>>, options?: CallOptions): Promise<WorkspaceView>;
    /** Give the workspace at hand another name or time zone. */
    update(input?: WorkspaceUpdateInput, options?: CallOptions): Promise<WorkspaceView>;
    /** Leave the workspace at hand, with one’s teams, grants and keys there. */
    leave(input?: Readonly<Record<string, never>>, options?: CallOptions): Promise<Done>;
    /** What there is in the workspace, and what its plan allows. */
    limits(input?: Readonly<Record<string, never>>, options?: CallOptions): Promise<LimitUses>;
    /** All workspaces of the server, those in the trash too; for operators. */
    list(input?: Readonly<Record<string, never>>, options?: CallOptions): Promise<readonly WorkspaceRow[]>;
    /** Make a workspace, with a first project and an owner: oneself, unless somebody else is named. */
    create(input: WorkspaceCreateInput, options?: CallOptions): Promise<CreatedWorkspace>;
    /** Close a workspace: nobody gets in, nothing in it starts by itself. It can come back until its grace is over; then it is removed for good. */
    delete(input: WorkspaceDeleteInput, options?: CallOptions): Promise<Done>;
    /** Put a workspace under another plan. What is there beyond its limits stays and goes on; only more is refused. */
    setPlan(input: WorkspaceSetPlanInput, options?: CallOptions): Promise<Done>;
    /** Open a closed workspace again; its workflows are there and none is live. */
    restore(input: WorkspaceRestoreInput, options?: CallOptions): Promise<Done>;
  };
}

/** Where each is reached. */
export const ROUTES: Readonly<Record<string, Readonly<Record<string, Call>>>> = {
  access: {
    explain: {"method":"GET","path":"/api/access","kind":"query","isRepeatable":true,"query":["resourceKind","resourceId"]},
  },
  apiKey: {
    list: {"method":"GET","path":"/api/api-keys","kind":"query","isRepeatable":true},
    create: {"method":"POST","path":"/api/api-keys","kind":"mutation","isRepeatable":true},
    scopes: {"method":"GET","path":"/api/api-keys/scopes","kind":"query","isRepeatable":true},
    revoke: {"method":"DELETE","path":"/api/api-keys/{id}","kind":"mutation","isRepeatable":true},
  },
  approval: {
    list: {"method":"GET","path":"/api/approvals","kind":"query","isRepeatable":true,"query":["show","search","runId","first","after"]},
    counts: {"method":"GET","path":"/api/approvals/counts","kind":"query","isRepeatable":true},
    get: {"method":"GET","path":"/api/approvals/{id}","kind":"query","isRepeatable":true},
    decide: {"method":"POST","path":"/api/approvals/{id}/decision","kind":"mutation","isRepeatable":true},
  },
  audit: {
    list: {"method":"GET","path":"/api/audit","kind":"query","isRepeatable":true,"query":["principalId","action","first","after"]},
    check: {"method":"GET","path":"/api/audit/check","kind":"query","isRepeatable":true},
  },
  backup: {
    create: {"method":"POST","path":"/api/backups","kind":"mutation","isRepeatable":true},
    list: {"method":"GET","path":"/api/backups","kind":"query","isRepeatable":true},
  },
  bulk: {
    runs: {"method":"POST","path":"/api/bulk/runs","kind":"mutation","isRepeatable":true},
    workflows: {"method":"POST","path":"/api/bulk/workflows","kind":"mutation","isRepeatable":true},
  },
  catalog: {
    plugins: {"method":"GET","path":"/api/catalog","kind":"query","isRepeatable":true},
    types: {"method":"GET","path":"/api/catalog/types","kind":"query","isRepeatable":true},
  },
  credential: {
    types: {"method":"GET","path":"/api/credential-types","kind":"query","isRepeatable":true},
    list: {"method":"GET","path":"/api/credentials","kind":"query","isRepeatable":true,"query":["search","projectId","type","health","first","after"]},
    create: {"method":"POST","path":"/api/credentials","kind":"mutation","isRepeatable":true},
    get: {"method":"GET","path":"/api/credentials/{id}","kind":"query","isRepeatable":true},
    update: {"method":"PATCH","path":"/api/credentials/{id}","kind":"mutation","isRepeatable":true},
    delete: {"method":"DELETE","path":"/api/credentials/{id}","kind":"mutation","isRepeatable":true},
    test: {"method":"POST","path":"/api/credentials/{id}/test","kind":"mutation","isRepeatable":true},
    usedBy: {"method":"GET","path":"/api/credentials/{id}/uses","kind":"query","isRepeatable":true},
    grantedBy: {"method":"GET","path":"/api/members/{principalId}/credential-uses","kind":"query","isRepeatable":true},
  },
  draft: {
    get: {"method":"GET","path":"/api/workflows/{workflowId}/draft","kind":"query","isRepeatable":true},
    save: {"method":"PUT","path":"/api/workflows/{workflowId}/draft","kind":"mutation","isRepeatable":true},
    since: {"method":"GET","path":"/api/workflows/{workflowId}/draft/changes","kind":"query","isRepeatable":true,"query":["rev","first"]},
    apply: {"method":"POST","path":"/api/workflows/{workflowId}/draft/changes","kind":"mutation","isRepeatable":true},
    hold: {"method":"POST","path":"/api/workflows/{workflowId}/draft/hold","kind":"mutation","isRepeatable":true},
    redo: {"method":"POST","path":"/api/workflows/{workflowId}/draft/redo","kind":"mutation","isRepeatable":true},
    release: {"method":"POST","path":"/api/workflows/{workflowId}/draft/release","kind":"mutation","isRepeatable":true},
    run: {"method":"POST","path":"/api/workflows/{workflowId}/draft/run","kind":"mutation","isRepeatable":true},
    takeOver: {"method":"POST","path":"/api/workflows/{workflowId}/draft/take-over","kind":"mutation","isRepeatable":true},
    undo: {"method":"POST","path":"/api/workflows/{workflowId}/draft/undo","kind":"mutation","isRepeatable":true},
  },
  file: {
    upload: {"method":"POST","path":"/api/files","kind":"mutation","isRepeatable":true,"query":["name","sha256","expiresInSeconds"],"stream":"upload"},
    list: {"method":"GET","path":"/api/files","kind":"query","isRepeatable":true,"query":["search","runId","first","after"]},
    content: {"method":"GET","path":"/api/files/{id}","kind":"query","isRepeatable":true,"stream":"download"},
    delete: {"method":"DELETE","path":"/api/files/{id}","kind":"mutation","isRepeatable":true},
    get: {"method":"GET","path":"/api/files/{id}/details","kind":"query","isRepeatable":true},
  },
  find: {
    everything: {"method":"GET","path":"/api/find","kind":"query","isRepeatable":true,"query":["text"]},
  },
  folder: {
    list: {"method":"GET","path":"/api/folders","kind":"query","isRepeatable":true,"query":["projectId"]},
    create: {"method":"POST","path":"/api/folders","kind":"mutation","isRepeatable":true},
    update: {"method":"PATCH","path":"/api/folders/{id}","kind":"mutation","isRepeatable":true},
    delete: {"method":"DELETE","path":"/api/folders/{id}","kind":"mutation","isRepeatable":true},
  },
  grant: {
    list: {"method":"GET","path":"/api/grants","kind":"query","isRepeatable":true,"query":["resourceKind","resourceId"]},
    set: {"method":"PUT","path":"/api/grants","kind":"mutation","isRepeatable":true},
    remove: {"method":"DELETE","path":"/api/grants","kind":"mutation","isRepeatable":true,"query":["resourceKind","resourceId","subjectKind","subjectId"]},
  },
  identity: {
    list: {"method":"GET","path":"/api/person/identities","kind":"query","isRepeatable":true},
    beginLink: {"method":"POST","path":"/api/person/identities","kind":"mutation","isRepeatable":false},
    unlink: {"method":"POST","path":"/api/person/identities/unlink","kind":"mutation","isRepeatable":false},
  },
  identityProvider: {
    list: {"method":"GET","path":"/api/identity-providers","kind":"query","isRepeatable":true},
    save: {"method":"PUT","path":"/api/identity-providers","kind":"mutation","isRepeatable":true},
    delete: {"method":"DELETE","path":"/api/identity-providers/{id}","kind":"mutation","isRepeatable":true},
  },
  instance: {
    health: {"method":"GET","path":"/api/health","kind":"query","isRepeatable":true},
    heldRuns: {"method":"GET","path":"/api/held-runs","kind":"query","isRepeatable":true},
    releaseHeldRuns: {"method":"POST","path":"/api/held-runs/release","kind":"mutation","isRepeatable":true},
    audit: {"method":"GET","path":"/api/instance/audit","kind":"query","isRepeatable":true,"query":["action","first","after"]},
    renewDataKeys: {"method":"POST","path":"/api/instance/data-keys","kind":"mutation","isRepeatable":true},
    rotateRootKey: {"method":"POST","path":"/api/instance/root-key","kind":"mutation","isRepeatable":true},
    testMail: {"method":"POST","path":"/api/instance/test-mail","kind":"mutation","isRepeatable":true},
    setUp: {"method":"POST","path":"/api/setup","kind":"mutation","isRepeatable":false},
  },
  invitation: {
    list: {"method":"GET","path":"/api/invitations","kind":"query","isRepeatable":true},
    create: {"method":"POST","path":"/api/invitations","kind":"mutation","isRepeatable":true},
    accept: {"method":"POST","path":"/api/invitations/accept","kind":"mutation","isRepeatable":false},
    look: {"method":"POST","path":"/api/invitations/look","kind":"query","isRepeatable":true},
    revoke: {"method":"DELETE","path":"/api/invitations/{id}","kind":"mutation","isRepeatable":true},
  },
  job: {
    list: {"method":"GET","path":"/api/jobs","kind":"query","isRepeatable":true,"query":["first","after"]},
    get: {"method":"GET","path":"/api/jobs/{id}","kind":"query","isRepeatable":true},
    cancel: {"method":"POST","path":"/api/jobs/{id}/cancel","kind":"mutation","isRepeatable":true},
    file: {"method":"GET","path":"/api/jobs/{id}/file","kind":"query","isRepeatable":true,"stream":"download"},
    items: {"method":"GET","path":"/api/jobs/{id}/items","kind":"query","isRepeatable":true,"query":["outcome","first","after"]},
  },
  member: {
    list: {"method":"GET","path":"/api/members","kind":"query","isRepeatable":true,"query":["search","first","after"]},
    remove: {"method":"DELETE","path":"/api/members/{principalId}","kind":"mutation","isRepeatable":true},
    setRole: {"method":"PUT","path":"/api/members/{principalId}/role","kind":"mutation","isRepeatable":true},
  },
  node: {
    validate: {"method":"POST","path":"/api/nodes/validate","kind":"query","isRepeatable":true},
    validateConnections: {"method":"POST","path":"/api/nodes/validate-connections","kind":"query","isRepeatable":true},
  },
  notification: {
    list: {"method":"GET","path":"/api/notifications","kind":"query","isRepeatable":true,"query":["unreadOnly","first","after"]},
    markRead: {"method":"POST","path":"/api/notifications/read","kind":"mutation","isRepeatable":true},
    count: {"method":"GET","path":"/api/notifications/unread","kind":"query","isRepeatable":true},
  },
  oauth2: {
    start: {"method":"POST","path":"/api/credentials/{id}/sign-in","kind":"mutation","isRepeatable":true},
  },
  person: {
    resetPassword: {"method":"POST","path":"/api/password-reset","kind":"mutation","isRepeatable":false},
    requestPasswordReset: {"method":"POST","path":"/api/password-reset/request","kind":"mutation","isRepeatable":false},
    profile: {"method":"GET","path":"/api/person","kind":"query","isRepeatable":true},
    update: {"method":"PATCH","path":"/api/person","kind":"mutation","isRepeatable":false},
    export: {"method":"GET","path":"/api/person/export","kind":"query","isRepeatable":true},
    changePassword: {"method":"POST","path":"/api/person/password","kind":"mutation","isRepeatable":false},
    offerTotp: {"method":"POST","path":"/api/person/totp","kind":"mutation","isRepeatable":false},
    confirmTotp: {"method":"POST","path":"/api/person/totp/confirm","kind":"mutation","isRepeatable":false},
    disableTotp: {"method":"POST","path":"/api/person/totp/disable","kind":"mutation","isRepeatable":false},
    list: {"method":"GET","path":"/api/persons","kind":"query","isRepeatable":true,"query":["search","first","after"]},
    erase: {"method":"DELETE","path":"/api/persons/{id}","kind":"mutation","isRepeatable":true},
    disable: {"method":"POST","path":"/api/persons/{id}/disable","kind":"mutation","isRepeatable":true},
    enable: {"method":"POST","path":"/api/persons/{id}/enable","kind":"mutation","isRepeatable":true},
    exportFor: {"method":"GET","path":"/api/persons/{id}/export","kind":"query","isRepeatable":true},
    setOperator: {"method":"PUT","path":"/api/persons/{id}/operator","kind":"mutation","isRepeatable":true},
    makeResetLink: {"method":"POST","path":"/api/persons/{id}/reset-link","kind":"mutation","isRepeatable":true},
  },
  pin: {
    list: {"method":"GET","path":"/api/workflows/{workflowId}/pins","kind":"query","isRepeatable":true},
    get: {"method":"GET","path":"/api/workflows/{workflowId}/pins/{nodeId}","kind":"query","isRepeatable":true},
    set: {"method":"PUT","path":"/api/workflows/{workflowId}/pins/{nodeId}","kind":"mutation","isRepeatable":true},
    remove: {"method":"DELETE","path":"/api/workflows/{workflowId}/pins/{nodeId}","kind":"mutation","isRepeatable":true},
  },
  plan: {
    list: {"method":"GET","path":"/api/plans","kind":"query","isRepeatable":true},
    save: {"method":"PUT","path":"/api/plans/{key}","kind":"mutation","isRepeatable":true},
  },
  poll: {
    list: {"method":"GET","path":"/api/polls","kind":"query","isRepeatable":true,"query":["first","after","search","workflowId","state"]},
    now: {"method":"POST","path":"/api/polls/{id}/now","kind":"mutation","isRepeatable":true},
    pause: {"method":"POST","path":"/api/polls/{id}/pause","kind":"mutation","isRepeatable":true},
    resume: {"method":"POST","path":"/api/polls/{id}/resume","kind":"mutation","isRepeatable":true},
    test: {"method":"POST","path":"/api/workflows/{workflowId}/nodes/{nodeId}/test-poll","kind":"mutation","isRepeatable":true},
  },
  project: {
    list: {"method":"GET","path":"/api/projects","kind":"query","isRepeatable":true},
    create: {"method":"POST","path":"/api/projects","kind":"mutation","isRepeatable":true},
    listDeleted: {"method":"GET","path":"/api/projects/deleted","kind":"query","isRepeatable":true},
    get: {"method":"GET","path":"/api/projects/{id}","kind":"query","isRepeatable":true},
    update: {"method":"PATCH","path":"/api/projects/{id}","kind":"mutation","isRepeatable":true},
    delete: {"method":"DELETE","path":"/api/projects/{id}","kind":"mutation","isRepeatable":true},
    restore: {"method":"POST","path":"/api/projects/{id}/restore","kind":"mutation","isRepeatable":true},
  },
  run: {
    now: {"method":"GET","path":"/api/now","kind":"query","isRepeatable":true},
    start: {"method":"POST","path":"/api/runs","kind":"mutation","isRepeatable":true},
    list: {"method":"GET","path":"/api/runs","kind":"query","isRepeatable":true,"query":["status","workflow","cursor","limit"]},
    export: {"method":"POST","path":"/api/runs/export","kind":"mutation","isRepeatable":true},
    overview: {"method":"GET","path":"/api/runs/overview","kind":"query","isRepeatable":true,"query":["workflowId","statuses","triggers","since","until","search","tags","first","after"]},
    get: {"method":"GET","path":"/api/runs/{id}","kind":"query","isRepeatable":true},
    delete: {"method":"DELETE","path":"/api/runs/{id}","kind":"mutation","isRepeatable":true,"query":["cancelFirst"]},
    again: {"method":"POST","path":"/api/runs/{id}/again","kind":"mutation","isRepeatable":true},
    called: {"method":"GET","path":"/api/runs/{id}/called","kind":"query","isRepeatable":true,"query":["first","after"]},
    cancel: {"method":"POST","path":"/api/runs/{id}/cancel","kind":"mutation","isRepeatable":true},
    chain: {"method":"GET","path":"/api/runs/{id}/chain","kind":"query","isRepeatable":true,"query":["first","before"]},
    detail: {"method":"GET","path":"/api/runs/{id}/detail","kind":"query","isRepeatable":true},
    endChain: {"method":"POST","path":"/api/runs/{id}/end-chain","kind":"mutation","isRepeatable":true},
    eraseData: {"method":"POST","path":"/api/runs/{id}/erase","kind":"mutation","isRepeatable":true},
    facts: {"method":"GET","path":"/api/runs/{id}/facts","kind":"query","isRepeatable":true,"query":["after"]},
    madeFrom: {"method":"GET","path":"/api/runs/{id}/made-from","kind":"query","isRepeatable":true},
    output: {"method":"GET","path":"/api/runs/{id}/output","kind":"query","isRepeatable":true,"query":["node"]},
    pause: {"method":"POST","path":"/api/runs/{id}/pause","kind":"mutation","isRepeatable":true},
    progress: {"method":"GET","path":"/api/runs/{id}/progress","kind":"query","isRepeatable":true},
    replayRequest: {"method":"POST","path":"/api/runs/{id}/replay","kind":"mutation","isRepeatable":true},
    rerun: {"method":"POST","path":"/api/runs/{id}/rerun","kind":"mutation","isRepeatable":true},
    resolve: {"method":"POST","path":"/api/runs/{id}/resolve","kind":"mutation","isRepeatable":true},
    resume: {"method":"POST","path":"/api/runs/{id}/resume","kind":"mutation","isRepeatable":true},
    retry: {"method":"POST","path":"/api/runs/{id}/retry","kind":"mutation","isRepeatable":true},
    skip: {"method":"POST","path":"/api/runs/{id}/skip","kind":"mutation","isRepeatable":true},
    state: {"method":"GET","path":"/api/runs/{id}/state","kind":"query","isRepeatable":true,"query":["waitMs"]},
    steps: {"method":"GET","path":"/api/runs/{id}/steps","kind":"query","isRepeatable":true},
    tag: {"method":"POST","path":"/api/runs/{id}/tags","kind":"mutation","isRepeatable":true},
    stepData: {"method":"GET","path":"/api/runs/{runId}/steps/{nodeId}/data","kind":"query","isRepeatable":true,"query":["path","side","port","first","after"]},
    stepLog: {"method":"GET","path":"/api/runs/{runId}/steps/{nodeId}/log","kind":"query","isRepeatable":true,"query":["path"]},
    statistics: {"method":"GET","path":"/api/statistics","kind":"query","isRepeatable":true,"query":["workflowId","environment","since","until","by"]},
  },
  schedule: {
    list: {"method":"GET","path":"/api/schedules","kind":"query","isRepeatable":true,"query":["first","after","search","workflowId","state"]},
    preview: {"method":"POST","path":"/api/schedules/preview","kind":"query","isRepeatable":true},
    get: {"method":"GET","path":"/api/schedules/{id}","kind":"query","isRepeatable":true},
    backfill: {"method":"POST","path":"/api/schedules/{id}/backfill","kind":"mutation","isRepeatable":true},
    pause: {"method":"POST","path":"/api/schedules/{id}/pause","kind":"mutation","isRepeatable":true},
    resume: {"method":"POST","path":"/api/schedules/{id}/resume","kind":"mutation","isRepeatable":true},
    run: {"method":"POST","path":"/api/schedules/{id}/run","kind":"mutation","isRepeatable":true},
    previewDraft: {"method":"GET","path":"/api/workflows/{workflowId}/nodes/{nodeId}/next-runs","kind":"query","isRepeatable":true,"query":["count"]},
  },
  service: {
    create: {"method":"POST","path":"/api/services","kind":"mutation","isRepeatable":true},
    rename: {"method":"PATCH","path":"/api/services/{id}","kind":"mutation","isRepeatable":true},
    createKey: {"method":"POST","path":"/api/services/{id}/keys","kind":"mutation","isRepeatable":true},
  },
  session: {
    get: {"method":"GET","path":"/api/session","kind":"query","isRepeatable":true},
    signIn: {"method":"POST","path":"/api/session","kind":"mutation","isRepeatable":false},
    signOut: {"method":"DELETE","path":"/api/session","kind":"mutation","isRepeatable":false},
    list: {"method":"GET","path":"/api/sessions","kind":"query","isRepeatable":true},
    revoke: {"method":"DELETE","path":"/api/sessions/{id}","kind":"mutation","isRepeatable":false},
    token: {"method":"POST","path":"/api/tokens","kind":"mutation","isRepeatable":true},
  },
  setting: {
    listOwn: {"method":"GET","path":"/api/person/settings","kind":"query","isRepeatable":true},
    changeOwn: {"method":"PUT","path":"/api/person/settings/{key}","kind":"mutation","isRepeatable":false},
    listOfProject: {"method":"GET","path":"/api/projects/{projectId}/settings","kind":"query","isRepeatable":true},
    changeOfProject: {"method":"PUT","path":"/api/projects/{projectId}/settings/{key}","kind":"mutation","isRepeatable":true},
    list: {"method":"GET","path":"/api/settings","kind":"query","isRepeatable":true,"query":["level"]},
    change: {"method":"PUT","path":"/api/settings/{key}","kind":"mutation","isRepeatable":true},
    listOfWorkflow: {"method":"GET","path":"/api/workflows/{workflowId}/settings","kind":"query","isRepeatable":true},
  },
  tag: {
    list: {"method":"GET","path":"/api/tags","kind":"query","isRepeatable":true},
    create: {"method":"POST","path":"/api/tags","kind":"mutation","isRepeatable":true},
    update: {"method":"PATCH","path":"/api/tags/{id}","kind":"mutation","isRepeatable":true},
    delete: {"method":"DELETE","path":"/api/tags/{id}","kind":"mutation","isRepeatable":true},
    merge: {"method":"POST","path":"/api/tags/{id}/merge","kind":"mutation","isRepeatable":true},
  },
  team: {
    list: {"method":"GET","path":"/api/teams","kind":"query","isRepeatable":true},
    create: {"method":"POST","path":"/api/teams","kind":"mutation","isRepeatable":true},
    get: {"method":"GET","path":"/api/teams/{id}","kind":"query","isRepeatable":true},
    update: {"method":"PATCH","path":"/api/teams/{id}","kind":"mutation","isRepeatable":true},
    delete: {"method":"DELETE","path":"/api/teams/{id}","kind":"mutation","isRepeatable":true},
    addMember: {"method":"PUT","path":"/api/teams/{id}/members/{principalId}","kind":"mutation","isRepeatable":true},
    removeMember: {"method":"DELETE","path":"/api/teams/{id}/members/{principalId}","kind":"mutation","isRepeatable":true},
  },
  test: {
    try: {"method":"POST","path":"/api/workflow-tests/try","kind":"mutation","isRepeatable":true},
    runAll: {"method":"POST","path":"/api/workflows/{id}/tests/run","kind":"mutation","isRepeatable":true},
    list: {"method":"GET","path":"/api/workflows/{workflowId}/tests","kind":"query","isRepeatable":true},
    save: {"method":"PUT","path":"/api/workflows/{workflowId}/tests","kind":"mutation","isRepeatable":true},
    fromRun: {"method":"POST","path":"/api/workflows/{workflowId}/tests/from-run","kind":"mutation","isRepeatable":true},
    get: {"method":"GET","path":"/api/workflows/{workflowId}/tests/{testId}","kind":"query","isRepeatable":true},
    delete: {"method":"DELETE","path":"/api/workflows/{workflowId}/tests/{testId}","kind":"mutation","isRepeatable":true},
    run: {"method":"POST","path":"/api/workflows/{workflowId}/tests/{testId}/run","kind":"mutation","isRepeatable":true},
  },
  trash: {
    list: {"method":"GET","path":"/api/trash","kind":"query","isRepeatable":true},
    purge: {"method":"DELETE","path":"/api/trash/{id}","kind":"mutation","isRepeatable":true},
  },
  variable: {
    list: {"method":"GET","path":"/api/variables","kind":"query","isRepeatable":true,"query":["projectId","environment"]},
    set: {"method":"PUT","path":"/api/variables/{key}","kind":"mutation","isRepeatable":true},
    delete: {"method":"DELETE","path":"/api/variables/{key}","kind":"mutation","isRepeatable":true,"query":["projectId","environment"]},
  },
  view: {
    list: {"method":"GET","path":"/api/views","kind":"query","isRepeatable":true,"query":["page"]},
    create: {"method":"POST","path":"/api/views","kind":"mutation","isRepeatable":true},
    update: {"method":"PATCH","path":"/api/views/{id}","kind":"mutation","isRepeatable":true},
    delete: {"method":"DELETE","path":"/api/views/{id}","kind":"mutation","isRepeatable":true},
  },
  workflow: {
    list: {"method":"GET","path":"/api/workflows","kind":"query","isRepeatable":true,"query":["search","cursor","limit"]},
    create: {"method":"POST","path":"/api/workflows","kind":"mutation","isRepeatable":true},
    callable: {"method":"GET","path":"/api/workflows/callable","kind":"query","isRepeatable":true,"query":["workflow"]},
    counts: {"method":"GET","path":"/api/workflows/counts","kind":"query","isRepeatable":true},
    exportMany: {"method":"GET","path":"/api/workflows/export","kind":"query","isRepeatable":true,"query":["ids","projectId","folderId","live","after"]},
    import: {"method":"POST","path":"/api/workflows/import","kind":"mutation","isRepeatable":true},
    importMany: {"method":"POST","path":"/api/workflows/import-many","kind":"mutation","isRepeatable":true},
    overview: {"method":"GET","path":"/api/workflows/overview","kind":"query","isRepeatable":true,"query":["view","search","projectId","folderId","tagIds","starred","sort","first","after"]},
    places: {"method":"GET","path":"/api/workflows/places","kind":"query","isRepeatable":true,"query":["projectId","folderId","atTop","tagIds","starred","first","after"]},
    search: {"method":"GET","path":"/api/workflows/search","kind":"query","isRepeatable":true,"query":["text","first"]},
    validate: {"method":"POST","path":"/api/workflows/validate","kind":"query","isRepeatable":true,"bodyField":"definition"},
    get: {"method":"GET","path":"/api/workflows/{id}","kind":"query","isRepeatable":true},
    delete: {"method":"DELETE","path":"/api/workflows/{id}","kind":"mutation","isRepeatable":true},
    update: {"method":"PATCH","path":"/api/workflows/{id}","kind":"mutation","isRepeatable":true},
    deployment: {"method":"GET","path":"/api/workflows/{id}/deployment","kind":"query","isRepeatable":true},
    duplicate: {"method":"POST","path":"/api/workflows/{id}/duplicate","kind":"mutation","isRepeatable":true},
    moveToFolder: {"method":"POST","path":"/api/workflows/{id}/folder","kind":"mutation","isRepeatable":true},
    move: {"method":"POST","path":"/api/workflows/{id}/move","kind":"mutation","isRepeatable":true},
    pause: {"method":"POST","path":"/api/workflows/{id}/pause","kind":"mutation","isRepeatable":true},
    publish: {"method":"POST","path":"/api/workflows/{id}/publish","kind":"mutation","isRepeatable":true},
    restore: {"method":"POST","path":"/api/workflows/{id}/restore","kind":"mutation","isRepeatable":true},
    resume: {"method":"POST","path":"/api/workflows/{id}/resume","kind":"mutation","isRepeatable":true},
    star: {"method":"PUT","path":"/api/workflows/{id}/star","kind":"mutation","isRepeatable":true},
    unstar: {"method":"DELETE","path":"/api/workflows/{id}/star","kind":"mutation","isRepeatable":true},
    setTags: {"method":"PUT","path":"/api/workflows/{id}/tags","kind":"mutation","isRepeatable":true},
    unpublish: {"method":"POST","path":"/api/workflows/{id}/unpublish","kind":"mutation","isRepeatable":true},
    export: {"method":"GET","path":"/api/workflows/{name}/export","kind":"query","isRepeatable":true,"query":["live"]},
    diff: {"method":"GET","path":"/api/workflows/{workflowId}/diff","kind":"query","isRepeatable":true,"query":["from","to"]},
    listen: {"method":"POST","path":"/api/workflows/{workflowId}/listen","kind":"mutation","isRepeatable":true},
    listeners: {"method":"GET","path":"/api/workflows/{workflowId}/listeners","kind":"query","isRepeatable":true},
    stopListening: {"method":"DELETE","path":"/api/workflows/{workflowId}/listeners","kind":"mutation","isRepeatable":true},
    versions: {"method":"GET","path":"/api/workflows/{workflowId}/versions","kind":"query","isRepeatable":true,"query":["first","after"]},
    version: {"method":"GET","path":"/api/workflows/{workflowId}/versions/{number}","kind":"query","isRepeatable":true},
    restoreVersion: {"method":"POST","path":"/api/workflows/{workflowId}/versions/{number}/restore","kind":"mutation","isRepeatable":true},
  },
  workspace: {
    get: {"method":"GET","path":"/api/workspace","kind":"query","isRepeatable":true},
    update: {"method":"PATCH","path":"/api/workspace","kind":"mutation","isRepeatable":true},
    leave: {"method":"POST","path":"/api/workspace/leave","kind":"mutation","isRepeatable":true},
    limits: {"method":"GET","path":"/api/workspace/limits","kind":"query","isRepeatable":true},
    list: {"method":"GET","path":"/api/workspaces","kind":"query","isRepeatable":true},
    create: {"method":"POST","path":"/api/workspaces","kind":"mutation","isRepeatable":true},
    delete: {"method":"DELETE","path":"/api/workspaces/{id}","kind":"mutation","isRepeatable":true},
    setPlan: {"method":"PUT","path":"/api/workspaces/{id}/plan","kind":"mutation","isRepeatable":true},
    restore: {"method":"POST","path":"/api/workspaces/{id}/restore","kind":"mutation","isRepeatable":true},
  },
};
