/** `ctx.workflows`: how a step starts runs of other workflows of its workspace. */
import type { Item } from './item.ts';

export interface WorkflowCall {
  /** Name or id of the workflow; its live version is taken. */
  readonly workflow: string;
  readonly items: readonly Item[];
  /** A run for each item instead of one for all. */
  readonly each: boolean;
  /**
   * `answer`: the step returns `waitForRuns` and goes on with what the runs give; they end with the run that called them.
   * `none`: nobody waits for them, and they end on their own.
   */
  readonly wants: 'answer' | 'none';
  /**
   * Of a run for each item: how many work at the same time; the others are stored and wait for their turn. A workflow with a `concurrency` of its own
   * says so itself. @default all of them
   */
  readonly atOnce?: number;
}

export interface CalledRuns {
  /** One for each item, or one, in the order of the items; of one whose answer an earlier run has, that earlier run. */
  readonly runIds: readonly string[];
  readonly workflowId: string;
  readonly version: number;
}

/**
 * Starts the runs, or finds those an earlier attempt of this very call started: each is there once. Failures are WORKFLOW_NOT_FOUND,
 * WORKFLOW_NOT_CALLABLE, CALL_NOT_ALLOWED, INPUT_INVALID, SUBWORKFLOW_DEPTH, SUBWORKFLOW_COUNT,
 * SUBWORKFLOW_TREE.
 */
export interface StepWorkflows {
  start(call: WorkflowCall): Promise<CalledRuns>;
}
