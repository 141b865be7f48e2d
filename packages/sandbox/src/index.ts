/** The door of the sandbox: runs code steps of users in processes that can reach nothing. */
export { createSandbox, SandboxStartError } from './sandbox.ts';
export type { Sandbox, SandboxEvent, SandboxOptions, SandboxStats } from './sandbox.ts';
export { prepareCode } from './prepare-code.ts';
export type { CodeProblem, PreparedCode } from './prepare-code.ts';
export { referencedNodes } from './referenced-nodes.ts';
export type { ReferencedNodes } from './referenced-nodes.ts';
export { defaultLimits } from './code-job.ts';
export type { CodeItem, CodeJob, CodeLimits, CodeOutcome, CodeResult, CodeScope, ItemOutcome, LogLine } from './code-job.ts';
export type { DeathCause, Probes } from './code-child.ts';
