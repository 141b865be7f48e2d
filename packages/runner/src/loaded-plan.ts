/** A plan together with the workflow version it was compiled from: what a run is started under. */
import type { Plan, RunFacts, WorkflowDefinition } from '@plugboard/engine';
import type { JsonObject } from '@plugboard/sdk';

export interface LoadedPlan {
  readonly plan: Plan;
  readonly workspaceId: string;
  readonly workflowId: string;
  readonly workflowName: string;
  readonly version: number;
  /** 0 draft, 1 live. */
  readonly environment: number;
  readonly vars: JsonObject;
}

/**
 * Finds the plan of a stored run. What it throws decides what becomes of the run, by `code`: VERSION_MISSING ends it, TYPE_MISSING keeps it
 * as blocked until a server with the type is started, anything else is tried again.
 */
export interface PlanSource {
  /** @throws when the version is gone or cannot be compiled any more */
  load(workflowId: string, version: number, environment: number): Promise<LoadedPlan>;
  /**
   * Compiles the definition a draft run carries in its journal.
   * @throws when it cannot be compiled any more
   */
  compile(definition: WorkflowDefinition, head: { readonly workspaceId: string; readonly workflowId: string }): LoadedPlan;
}

export function runFacts(runId: string, loaded: LoadedPlan): RunFacts {
  return {
    id: runId,
    workflowId: loaded.workflowId,
    workflowName: loaded.workflowName,
    workspaceId: loaded.workspaceId,
    version: loaded.version,
    environment: loaded.environment === 1 ? 'live' : 'draft',
  };
}
