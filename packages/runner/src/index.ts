/** The door of the runner. */
export { QueueFullError, createRunner } from './runner.ts';
export type { Runner, StartRun } from './runner.ts';
export type {
  Caution,
  Refusal,
  RunnerLimits,
  RunnerLog,
  RunnerOptions,
  RunnerStats,
  CredentialCall,
  SignedRequest,
  StepCredentials,
} from './runner-options.ts';
export type { EndedRun, Reply, RunListener } from './active-run.ts';
export type { Clock, Timer } from './clock.ts';
export { systemClock } from './clock.ts';
export type { LoadedPlan, PlanSource } from './loaded-plan.ts';
export { createKeyMaker } from './idempotency-key.ts';
export type { KeyMaker } from './idempotency-key.ts';
export type { StateOfSteps, StepOwner, StepPorts } from './step-ports.ts';
export { decodeEvents } from './encode.ts';
export { signalOf } from './step-call.ts';
