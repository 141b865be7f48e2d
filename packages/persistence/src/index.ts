/** The door to PostgreSQL: tables, stores, the journal writer, stored files, and the embedded database. */
export { openDatabase, OLDEST_POSTGRES } from './database.ts';
export type { Database, DatabaseOptions } from './database.ts';
export type { ConnectionOptions } from './connection.ts';
export { isDatabaseAway } from './database-away.ts';
export { DatabaseError, EmbeddedPostgresError, ProjectMissingError, errorCodeOf } from './errors.ts';
export type { DatabaseErrorCode, EmbeddedPostgresErrorCode } from './errors.ts';
export { startEmbeddedPostgres } from './embedded/embedded-postgres.ts';
export type { EmbeddedPostgres, EmbeddedPostgresOptions, EmbeddedPostgresState } from './embedded/embedded-postgres.ts';
export { createUuidSource, isUuid, setUuidClockOffsetMs, uuidFloor, uuidFromBytes, uuidTimeMs, uuidToBytes, uuidv7 } from './ids.ts';
export type { UuidSource } from './ids.ts';
export { checkSchema, migrate, newestSchema, schemaOf } from './migrations/migrate.ts';
export { ensurePartitions, partitionRanges } from './partitions.ts';
export type { PartitionRange } from './partitions.ts';
export { ENVIRONMENT, seedDefaults } from './seed.ts';
export type { Defaults } from './seed.ts';
export { inWorkspace } from './in-workspace.ts';
export type { WorkspaceContext, WorkspaceTransaction } from './in-workspace.ts';
export { inInstance } from './in-instance.ts';
export type { InstanceStatements, InstanceTransaction } from './in-instance.ts';
export type { Statements } from './statements.ts';
export { ROLES, highestRole } from './people/roles.ts';
export type { Role } from './people/roles.ts';
export { normalizeEmail } from './people/email.ts';
export { raiseAccessVersion, readAccessVersions } from './people/access-version.ts';
export { loadAccess } from './people/access.ts';
export type { Access, ProjectAccess } from './people/access.ts';
export {
  createPerson,
  disablePerson,
  disableTotp,
  enablePerson,
  enableTotp,
  erasePerson,
  findPerson,
  findPersonByEmail,
  findPersonSecrets,
  listPersons,
  offerTotp,
  setPassword,
  updatePerson,
  useRecoveryCode,
  useTotpStep,
} from './people/persons.ts';
export type {
  CreatePerson,
  CreatePersonResult,
  DisablePersonResult,
  ErasePersonResult,
  ListPersons,
  Person,
  PersonPage,
  PersonSecrets,
  UpdatePerson,
  UpdatePersonResult,
} from './people/persons.ts';
export {
  deleteEndedSessions,
  findSession,
  listSessions,
  livingSessions,
  openSession,
  revokeSession,
  revokeSessions,
} from './people/sessions.ts';
export type { OpenSession, Session } from './people/sessions.ts';
export { findIdentity, findPersonByIdentity, linkIdentity, listIdentities, unlinkIdentity } from './people/identities.ts';
export {
  deleteIdentityProvider,
  findIdentityProvider,
  listIdentityProviders,
  saveIdentityProvider,
  spendState,
} from './people/identity-providers.ts';
export type { IdentityProvider, SaveIdentityProvider, SaveIdentityProviderResult } from './people/identity-providers.ts';
export { exportPerson, listWhatRunsFor } from './people/person-data.ts';
export type { WhatRuns } from './people/person-data.ts';
export { createPasswordReset, findPasswordReset, usePasswordReset } from './people/password-resets.ts';
export type { Identity, LinkIdentityResult } from './people/identities.ts';
export { forgetLoginFailures, pruneLoginFailures, readLoginFailures, recordLoginFailure } from './people/login-attempts.ts';
export type { LoginFailures, LoginSubject } from './people/login-attempts.ts';
export { grantInstanceRole, hasOperator, listInstanceRoles, lockOwnerCreation, revokeInstanceRole } from './people/instance-roles.ts';
export type { InstanceRole, RevokeInstanceRoleResult } from './people/instance-roles.ts';
export {
  createWorkspace,
  deleteWorkspace,
  findWorkspace,
  findWorkspaceBySlug,
  listDeletedWorkspaces,
  listWorkspaceIds,
  listWorkspaces,
  listWorkspacesOf,
  restoreWorkspace,
  setWorkspacePlan,
  updateWorkspace,
} from './people/workspaces.ts';
export type {
  CreateWorkspace,
  CreateWorkspaceResult,
  DeleteWorkspaceResult,
  DeletedWorkspace,
  UpdateWorkspaceResult,
  Workspace,
} from './people/workspaces.ts';
export {
  addMember,
  createService,
  createServicePrincipal,
  findDisplayNames,
  findMember,
  listMembers,
  removeMember,
  renameService,
  setMemberRole,
} from './people/members.ts';
export type { AddMember, ListMembers, Member, MemberPage, RemoveMemberResult, SetMemberRoleResult } from './people/members.ts';
export { acceptInvitation, createInvitation, findInvitation, listInvitations, revokeInvitation } from './people/invitations.ts';
export type { AcceptInvitationResult, Invitation, InvitationOffer } from './people/invitations.ts';
export {
  addTeamMember,
  createTeam,
  deleteTeam,
  findTeam,
  listTeamMembers,
  listTeams,
  removeTeamMember,
  updateTeam,
} from './people/teams.ts';
export type { CreateTeamResult, Team, UpdateTeamResult } from './people/teams.ts';
export { createApiKey, findApiKey, listApiKeys, livingApiKeys, revokeApiKey } from './people/api-keys.ts';
export type { ApiKey, ApiKeyHolder, CreateApiKey, CreateApiKeyResult } from './people/api-keys.ts';
export { listRoleGrants, removeRoleGrant, setRoleGrant } from './people/role-grants.ts';
export type { GrantResource, GrantSubject, RoleGrant, SetGrantResult } from './people/role-grants.ts';
export { currentGeneration, raiseGeneration } from './generations.ts';
export type { GenerationKind } from './generations.ts';
export { hookPrefix, normalizeHookPattern } from './hook-pattern.ts';
export {
  createWorkflow,
  deleteWorkflow,
  findWorkflow,
  findWorkflowByName,
  getDraft,
  getVersion,
  listVersions,
  listWorkflows,
  liveVersion,
  lockWorkflow,
  moveWorkflow,
  saveDraft,
} from './workflows.ts';
export type {
  CreateWorkflow,
  CreateWorkflowResult,
  Draft,
  DraftRanks,
  ListWorkflows,
  MoveWorkflowResult,
  SaveDraft,
  SaveDraftResult,
  Version,
  VersionHead,
  Workflow,
  WorkflowPage,
} from './workflows.ts';
export {
  appendDraftOps,
  deleteOldDraftOps,
  draftOpsSince,
  findDraftHolder,
  findInverse,
  findSentBatch,
  hasEditedSince,
  holdDraft,
  lastClientSeq,
  ownBatches,
  releaseDraft,
} from './draft-ops.ts';
export type {
  AppendDraftOps,
  AppendDraftOpsResult,
  DraftAct,
  DraftHolder,
  DraftOps,
  DraftOpsSince,
  HoldDraftResult,
  OwnBatch,
  SentBatch,
} from './draft-ops.ts';
export { listPins, removePin, setPin } from './pins.ts';
export type { Pin } from './pins.ts';
export {
  createProject,
  deleteProject,
  findDeletedProject,
  findProject,
  listDeletedProjects,
  listProjects,
  updateProject,
} from './projects/projects.ts';
export type {
  CreateProject,
  CreateProjectResult,
  DeleteProjectResult,
  Project,
  ProjectVisibility,
  UpdateProject,
  UpdateProjectResult,
} from './projects/projects.ts';
export { FOLDER_DEPTH, countFolderUses, createFolder, deleteFolder, findFolder, listFolders, updateFolder } from './projects/folders.ts';
export type { CreateFolderResult, DeleteFolderResult, Folder, UpdateFolderResult } from './projects/folders.ts';
export {
  changeWorkflowTags,
  countTagUses,
  createTag,
  deleteTag,
  findWorkflowTags,
  listTags,
  mergeTags,
  setWorkflowTags,
  updateTag,
} from './projects/tags.ts';
export type { CreateTagResult, MergeTagsResult, Tag, UpdateTagResult } from './projects/tags.ts';
export { findStars, starWorkflow, unstarWorkflow } from './projects/stars.ts';
export { listTrash, purgeTrash, purgeWorkflow, restoreProject, restoreWorkflow } from './projects/trash.ts';
export type { PurgeTrash, PurgeWorkflowResult, RestoreProjectResult, RestoreWorkflowResult, TrashEntry } from './projects/trash.ts';
export {
  addDataKey,
  awaitRootKeyHolders,
  currentDataKey,
  findDataKey,
  holdRootKey,
  listDataKeysToRewrap,
  rewrapDataKey,
} from './credentials/data-keys.ts';
export type { AddDataKey, DataKey } from './credentials/data-keys.ts';
export {
  addFirstInstanceKey,
  addInstanceKey,
  deleteInstanceKeys,
  keepOnlyInstanceKey,
  listInstanceKeys,
} from './credentials/instance-keys.ts';
export type { InstanceKey } from './credentials/instance-keys.ts';
export { addOauthState, takeOauthState } from './credentials/oauth-states.ts';
export type { OauthState } from './credentials/oauth-states.ts';
export {
  addCredentialSecret,
  claimCredentialRefresh,
  createCredential,
  deleteCredential,
  findCredential,
  findCredentialByKey,
  findCredentialSecret,
  listCredentials,
  listSecretsToReseal,
  listWorkspacesToReseal,
  releaseCredentialRefresh,
  setCredentialHealth,
  updateCredential,
} from './credentials/credentials.ts';
export type {
  CreateCredential,
  CreateCredentialResult,
  Credential,
  CredentialHealth,
  CredentialPage,
  CredentialSecret,
  ListCredentials,
  NewCredentialSecret,
  UpdateCredential,
  UpdateCredentialResult,
} from './credentials/credentials.ts';
export {
  countBindings,
  listBindings,
  listBindingsGrantedBy,
  listBindingsOfCredential,
  replaceBindings,
  resolveBinding,
} from './credentials/bindings.ts';
export type { Binding, BindingUse, ResolveBindingResult } from './credentials/bindings.ts';
export { deleteVariable, findProjectOfWorkflow, findVariable, listVariables, loadVariables, setVariable } from './credentials/variables.ts';
export type { SetVariableResult, Variable, VariablePlace } from './credentials/variables.ts';
export { eraseAuditPayloads, listAudit, listInstanceAudit, recordAudit } from './operations/audit.ts';
export type { AuditActorKind, AuditEntry, AuditPage, AuditRecord, ListAudit } from './operations/audit.ts';
export { listUnsealedChains, readAnchor, sealAudit, verifyAudit } from './operations/audit-chain.ts';
export type { AuditAnchor, AuditChain, SealOptions, VerifyAuditResult } from './operations/audit-chain.ts';
export { claimIdempotency, deleteExpiredIdempotency, finishIdempotency } from './operations/idempotency.ts';
export type { IdempotencyClaim, IdempotencyClaimResult } from './operations/idempotency.ts';
export {
  advanceJob,
  cancelJob,
  claimJob,
  countOpenJobs,
  createJob,
  deleteOldJobs,
  findDoneItems,
  findJob,
  finishJob,
  listJobItems,
  listJobs,
  recordJobItem,
  releaseJobs,
} from './operations/jobs.ts';
export type { ClaimJob, Job, JobItem, JobState, JobStepResult } from './operations/jobs.ts';
export { deleteSetting, readSettingLevels, readPersonSettings, readSettings, writeSetting } from './operations/settings.ts';
export type { Setting, SettingLevels, SettingScope, WriteSettingResult } from './operations/settings.ts';
export {
  COUNTED_LIMITS,
  entitle,
  exceededLimit,
  holdLimit,
  listPlans,
  readEntitlements,
  readLimits,
  savePlan,
} from './operations/entitlements.ts';
export type { CountedLimit, CountedUse, EntitleOptions, EntitleResult, HeldLimit, Plan } from './operations/entitlements.ts';
export {
  createFile,
  deleteExpiredFiles,
  deleteFile,
  deleteFilesOfForgottenRuns,
  FILE_BYTES_LIMIT,
  findFile,
  forgetBlob,
  listFiles,
  markUnusedBlobs,
  reserveBlob,
} from './files.ts';
export type { BlobRow, CreateFile, ListFiles, StoredFile } from './files.ts';
export { claimPluginKeys, deleteExpiredPluginState, readPluginState, writePluginState } from './plugin-state.ts';
export type { ClaimKeys, StateResult, StateScope } from './plugin-state.ts';
export { contentKey, createContentStore } from './blobs/content-store.ts';
export type { ByteRange, ContentStore, StagedContent } from './blobs/content-store.ts';
export {
  closeTestListeners,
  deleteExpiredTestListeners,
  findTestListeners,
  listTestListeners,
  openTestListener,
  settleTestListener,
  takeTestListener,
} from './test-listeners.ts';
export type {
  OpenTestListener,
  OpenTestListenerResult,
  TestListener,
  TestListenerMode,
  TestListenerOutcome,
  TestListenerView,
} from './test-listeners.ts';
export { deleteExpiredHookReplies, findHookReply, findKeyedRun, keepHookReply } from './hook-deliveries.ts';
export type { ReplyKey, StoredReply } from './hook-deliveries.ts';
export { createSavedView, deleteSavedView, findSavedView, listSavedViews, updateSavedView } from './saved-views.ts';
export type { SavedView, UpdateSavedViewResult } from './saved-views.ts';
export { beginPurge, endPurge, listWorkspacesToPurge, purgeRows } from './people/purge-workspace.ts';
export { holdRootKeys, listRootKeyHolders, releaseRootKeys } from './credentials/root-key-holders.ts';
export type { RootKeyHolding } from './credentials/root-key-holders.ts';
export { wrapWithInstanceKey } from './credentials/instance-keys.ts';
export { claimMail, deleteMail, postponeMail, queueMail } from './mail.ts';
export type { QueuedMail } from './mail.ts';
export {
  MOST_UNREAD,
  countUnreadNotifications,
  deleteOldNotifications,
  listAskingRuns,
  listNotifications,
  markNotificationsRead,
  notify,
  notifyAgain,
  readConcerned,
  readNotificationMarks,
  takeNotificationsDue,
} from './notifications.ts';
export type { AskingRun, DueNotification, ListNotifications, Notification, Notify, NotifyAgain } from './notifications.ts';
export {
  addApprovalDecision,
  answerWait,
  closeOverdueApprovals,
  countApprovals,
  deleteForgottenApprovals,
  endApproval,
  findApproval,
  findApprovalAt,
  listApprovalDecisions,
  listApprovals,
  listAsked,
  listDueApprovals,
  lockApproval,
  openApproval,
  takeDueNotice,
} from './approvals.ts';
export type {
  AnswerOfWait,
  Approval,
  ApprovalCounts,
  ApprovalDeciders,
  ApprovalDecision,
  ApprovalState,
  ApprovalViewer,
  DueApproval,
  DueNotice,
  ListApprovals,
  NewDecision,
  NoticePlan,
  OpenApproval,
} from './approvals.ts';
export { deleteForgottenRunForms, endRunForm, findRunForm, lockRunForm, openRunForm } from './run-forms.ts';
export type { OpenRunForm, RunForm } from './run-forms.ts';
export { addRunTags, deleteStaleRunTags, findRunsByTag, listRunTags, listTagsOfRuns } from './run-tags.ts';
export type { RunTag } from './run-tags.ts';
export { addRunLink, deleteStaleRunLinks, findGoneOn, listRunsMadeFrom, removeRunLink } from './run-links.ts';
export type { LinkedRun, RunLink } from './run-links.ts';
export { deleteTestResults, listTestResults, putTestResult } from './test-results.ts';
export type { TestResult } from './test-results.ts';
export { searchWorkflows } from './workflow-search.ts';
export type { SearchWorkflows, WorkflowHit } from './workflow-search.ts';
export { findDeployment, pauseDeployment, resumeDeployment } from './deployments.ts';
export type { WhilePaused } from './deployments.ts';
export type { Deployment } from './deployments.ts';
export { loadLiveHooks, loadVersion, publish, unpublish } from './publish.ts';
export type { HookClash, HookReply, HookSpec, LiveHook, PublishInput, PublishResult } from './publish.ts';
export type { TypePins } from './entities/rows.ts';
export { createJournalWriter } from './journal/journal-writer.ts';
export type { JournalWriter, JournalWriterOptions, WriterMetrics, WriterState } from './journal/journal-writer.ts';
export { INBOX_CHANNEL, createOwnership } from './journal/ownership.ts';
export type { ClaimOptions, LeasedOwnership, OwnershipOptions } from './journal/ownership.ts';
export { openDump } from './backup/dump.ts';
export type { DatabaseDump, DumpTable } from './backup/dump.ts';
export { loadDump } from './backup/load.ts';
export type { LoadOptions, Loaded } from './backup/load.ts';
export { countHeldRuns, releaseHeldRuns } from './backup/held-runs.ts';
export { CALLER_ENDED } from './journal/flush-statement.ts';
export { callChain, cancelOrphans, countCalled, findParent, listCalled } from './journal/called-runs.ts';
export type { CalledRun } from './journal/called-runs.ts';
export type { EndlessWait } from './journal/endless-waits.ts';
export { countCalls, deleteOldTrees } from './journal/run-trees.ts';
export { findChainPlace, linkToChain, listChain, stopNext } from './journal/run-chains.ts';
export type { ChainPlace, ChainRun } from './journal/run-chains.ts';
export { forgetFollowUp, listDueFollowUps, nextFollowUpMs, putOffFollowUp } from './journal/follow-ups.ts';
export type { DueFollowUp } from './journal/follow-ups.ts';
export { beginTurns, countWaitingTurns, deleteStaleTurns, takeTurn } from './journal/flow-turns.ts';
export { findProjectOf, leaveSlot, takeRequest, takeSlot } from './journal/request-limits.ts';
export type { RequestScope } from './journal/request-limits.ts';
export {
  deleteStaleSpending,
  findBudget,
  listBudgetsToWarn,
  releaseSpending,
  reserveSpending,
  settleExpiredSpending,
  settleSpending,
  takeBudgetWarning,
} from './journal/run-spending.ts';
export type { BudgetLimits, BudgetWarning, CallKey, Reserve, Reserved, RunBudget } from './journal/run-spending.ts';
export type { FlowPlace, FlowStart, TurnsBegun } from './journal/flow-turns.ts';
export { createKeyedRuns } from './journal/keyed-runs.ts';
export type { Alongside, KeyedRunOutcome, KeyedRuns, KeyedRunsOptions, RunKey } from './journal/keyed-runs.ts';
export {
  advanceSchedule,
  advanceScheduleWith,
  claimDueSchedules,
  countHeldTimetables,
  isRunOpen,
  releaseSchedule,
  releaseSchedules,
} from './schedules.ts';
export type { DueSchedule, MissedPolicy, OverlapPolicy, ScheduleSpec, ScheduleState, Slot } from './schedules.ts';
export { claimDuePolls, endPoll, findPoll, hastenPoll, listPolls, movePoll, movePollWith, releasePolls, setPollState } from './polls.ts';
export type { DuePoll, PollRowSpec, StoredPoll } from './polls.ts';
export { findSchedule, listSchedules, setScheduleState } from './schedule-list.ts';
export type { ListSchedules, StoredSchedule } from './schedule-list.ts';
export { InvalidCursorError, countRuns, findRun, findRunByShortId, listRuns } from './journal/run-reads.ts';
export type { CountRunsOptions, ListRunsOptions, RunCount, RunDetail, RunPage, RunReader } from './journal/run-reads.ts';
export type { RunSummary } from './journal/run-rows.ts';
export { countRunRows, findRunRow, listRunRows, nowSummary } from './journal/run-list.ts';
export type { ListRunRows, ListedRun, NowSummary } from './journal/run-list.ts';
export { eraseLater, listDueErasures, postponeErasure, rewriteJournal } from './journal/run-erasure.ts';
export type { DueErasure } from './journal/run-erasure.ts';
export { rollUpStatistics } from './journal/run-roll-up.ts';
export { runStatistics } from './journal/run-statistics.ts';
export type { RunStatistics, RunStatisticsOptions, StatisticsBucket, WorkflowStatistics } from './journal/run-statistics.ts';
export { WORKFLOW_SORTS, WORKFLOW_VIEWS, countWorkflows, listWorkflowRows, recentRuns, successRates } from './workflow-reads.ts';
export type { ListWorkflowRows, ListedWorkflow, RecentRun, WorkflowCounts, WorkflowSort, WorkflowView } from './workflow-reads.ts';
export type { Seen } from './seen.ts';
export { findRunPlace, readCommittedEvents, readCommittedSeqs, readProjectsOfContents } from './journal/live-reads.ts';
export type { CommittedEvents, RunPlace } from './journal/live-reads.ts';
export {
  deleteEndedRun,
  deleteExpiredKeys,
  deleteExpiredRuns,
  deleteRunsBeyond,
  deleteStaleInbox,
  deleteStaleSnapshots,
  dropEmptyPartitions,
  listWorkflowKeeping,
} from './journal/run-retention.ts';
export type { DeleteExpiredOptions, DropPartitionsOptions, WorkflowKeeping } from './journal/run-retention.ts';
export { BlobDamagedError, BlobMissingError, createFileBlobStore } from './blobs/file-blob-store.ts';
export type { FileBlobStore, FileBlobStoreOptions } from './blobs/file-blob-store.ts';
export { PAYLOAD_BYTES_LIMIT, createRunPayloads, readStoredPayloads } from './blobs/run-payloads.ts';
export type { RunPayloads } from './blobs/run-payloads.ts';
