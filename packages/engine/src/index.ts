/** The door of the engine: definitions, plans, run state, decisions, and the ports others implement. */
export type {
  DefinitionLimits,
  MockedReply,
  KeepData,
  BudgetSettings,
  FlowControl,
  StepLimit,
  KeepRuns,
  NodeData,
  OnError,
  Problem,
  RetryPolicy,
  TestExpectation,
  WorkflowDefinition,
  WorkflowEdge,
  WorkflowGroup,
  WorkflowNode,
  WorkflowNote,
  WorkflowSettings,
  WorkflowTest,
} from './definition/types.ts';
export type {
  Batch,
  BlobRef,
  CalledFailure,
  ItemOutcome,
  ItemOutput,
  KeptParams,
  Lineage,
  LogLine,
  Outputs,
  RunError,
  RunEvent,
  RunOrigin,
  StartedItem,
  StepWait,
  WaitAnswer,
  Trial,
} from './run/events.ts';
export { FIELD_TYPES, checkFields, readFields } from './definition/declared-fields.ts';
export type { DeclaredField, FieldType, FieldsCheck } from './definition/declared-fields.ts';
export { RUN_STATUS, TRIGGER_KIND, WAITING_FOR, isAtRest, isTerminal, runStatusName, waitingForOf } from './run/status.ts';
export type { RunStatus, RunStatusName, TriggerKindName, WaitingFor } from './run/status.ts';
export type {
  BatchOutput,
  CallEnd,
  CallFiles,
  CallInput,
  CallSpec,
  PluginHost,
  RequestSlot,
  RpcOp,
  RunFacts,
  Sink,
} from './ports/plugin-host.ts';
export type {
  AppendResult,
  InboxRow,
  Journal,
  Ownership,
  PutInbox,
  StoredSnapshot,
  RunAnswer,
  RunEnd,
  RunFollowUp,
  RunHead,
  RunParent,
  RunRecord,
  RunTimer,
  StoredRun,
} from './ports/journal.ts';
export type { BlobStore, PayloadText } from './ports/blob-store.ts';
export type { DispatchJob, Dispatcher } from './ports/dispatcher.ts';
export { PlanError, compilePlan } from './plan/plan.ts';
export { BODY_PORT, DONE_PORT, NEXT_PORT, loopsAround } from './plan/loops.ts';
export type { FindType, JoinPolicy, Plan, PlanEdge, PlanNode } from './plan/plan.ts';
export { batchParamsInParts, evaluateBatchParams, evaluateParams } from './plan/params.ts';
export type { Evaluated, NodeParams } from './plan/params.ts';
export { findStep, allSteps, everyStep } from './run/steps.ts';
export { isStopped } from './run/stop.ts';
export { SEMANTICS, UNIT, inputItem, inputItems, newRun, unitCount } from './run/state.ts';
export type { EdgeState, LoopState, RunState, Scope, StepInput, StepPhase, StepState, UndoState, UnitProgress } from './run/state.ts';
export { eraseEvent, isErased } from './run/erase.ts';
export { settleLimitKey } from './plan/step-limit.ts';
export type { PlanLimit } from './plan/step-limit.ts';
export { settleFlow } from './plan/flow.ts';
export type { FlowHold, FlowPlan, FlowTurn } from './plan/flow.ts';
export { settleRunTags } from './plan/run-tags.ts';
export type { StartFacts } from './plan/start-scope.ts';
export type { RunTag, TagTemplate } from './plan/run-tags.ts';
export { ImpossibleEventError, fold } from './run/fold.ts';
export { continueRun } from './run/continue-run.ts';
export type { ContinueRun, ContinuedRun, Given } from './run/continue-run.ts';
export { decide, outstanding } from './run/decide.ts';
export { SNAPSHOT_FORMAT, restoreSnapshot, takeSnapshot } from './run/snapshot.ts';
export type { RunSnapshot } from './run/snapshot.ts';
export type { Command } from './run/decide.ts';
export { DEFAULT_RETRY, retryDelayMs } from './run/retry-policy.ts';
export { allItems, ancestorIndex, ancestorItem } from './run/lineage.ts';
export { SlotList, SlotMap } from './slots.ts';
export { stepScopes } from './run/scope.ts';
export type { StepFacts } from './run/scope.ts';
export { outputFault } from './run/output-fault.ts';
export { runOutput } from './run/output.ts';
export { credentialUses } from './definition/credential-uses.ts';
export type { CredentialUse } from './definition/credential-uses.ts';
export { diffDefinitions } from './definition/diff.ts';
export type { ChangedPart, DefinitionDiff, FieldChange, PartsDiff } from './definition/diff.ts';
export { fromDraft, toDraft } from './definition/draft.ts';
export type { DraftDoc, PartKind, Ranked } from './definition/draft.ts';
export type { FieldPath } from './definition/field-path.ts';
export { DEFAULT_LIMITS } from './definition/limits.ts';
export { applyOps } from './definition/operations.ts';
export type { ApplyResult, DraftOp, Expected } from './definition/operations.ts';
export { parseDefinition } from './definition/parse.ts';
export type { ParseResult } from './definition/parse.ts';
export { parseOps } from './definition/parse-ops.ts';
export type { ParseOpsResult } from './definition/parse-ops.ts';
export { hasErrors, problemCatalog } from './definition/problems.ts';
export type { ProblemCode } from './definition/problems.ts';
export { opsBetween } from './definition/ops-between.ts';
export { applyUntouched } from './definition/untouched.ts';
export type { UntouchedResult } from './definition/untouched.ts';
export { rebase } from './definition/rebase.ts';
export type { Conflict, RebaseResult } from './definition/rebase.ts';
export { semanticText } from './definition/semantic-hash.ts';
export { ERROR_PORT, UNDO_PORT, effectOf, inputPorts, isRepeatable, outputPorts } from './definition/type-facts.ts';
export type { OutputPorts } from './definition/type-facts.ts';
export { checkDefinition, validateDefinition } from './definition/validate.ts';
export type { CheckResult, CodeProblem, ValidateOptions } from './definition/validate.ts';
export { WEBHOOK_METHODS, WEBHOOK_REPLIES, brokenPathRule, normalisePath } from './definition/check-webhooks.ts';
