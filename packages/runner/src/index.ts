/** The door of the runner. */
export { QueueFullError, createRunner } from './runner.ts';
export type { Runner, StartRun } from './runner.ts';
export type {
  Caution,
  Refusal,
  ReportedRun,
  RunnerLimits,
  RunnerLog,
  RunnerOptions,
  RunnerStats,
  CredentialCall,
  SignedRequest,
  StartRefusal,
  StartTurns,
  TurnOfStart,
  StepCredentials,
} from './runner-options.ts';
export type { EndedRun, Reply, RunListener } from './active-run.ts';
export type { Clock, Timer } from './clock.ts';
export { systemClock } from './clock.ts';
export type { LoadedPlan, PlanSource } from './loaded-plan.ts';
export { createKeyMaker } from './idempotency-key.ts';
export type { KeyMaker } from './idempotency-key.ts';
export type {
  AskingOfSteps,
  CallsOfSteps,
  LimitsOfSteps,
  PaidCall,
  RequestLimit,
  SpendingOfSteps,
  StateOfSteps,
  StepOwner,
  StepPorts,
} from './step-ports.ts';
export { decodeEvents, encodeEvents } from './encode.ts';
export { lessOf } from './kept-data.ts';
export { signalOf } from './step-call.ts';
export { createChildRuns } from './child-runs.ts';
export type { CalledWorkflow, ChildRunKey, ChildRunsOptions } from './child-runs.ts';
