/** The list of workflows as the API has it: a cursor that no page gave is the caller's mistake, and figures of a week are not counted for each page. */
import {
  InvalidCursorError,
  type ListWorkflowRows,
  type ListedWorkflow,
  WORKFLOW_SORTS,
  WORKFLOW_VIEWS,
  type WorkspaceTransaction,
  listWorkflowRows as listRows,
  successRates,
} from '@plugboard/persistence';
import { OperationProblem } from '../operation/problem.ts';

export { countWorkflows, recentRuns } from '@plugboard/persistence';
export const VIEWS = WORKFLOW_VIEWS;
export const SORTS = WORKFLOW_SORTS;

/** @throws OperationProblem INPUT_INVALID for a cursor no page gave */
export async function listWorkflowRows(
  tx: WorkspaceTransaction,
  options: ListWorkflowRows,
): Promise<{ readonly rows: readonly ListedWorkflow[]; readonly nextCursor?: string }> {
  try {
    return await listRows(tx, options);
  } catch (error) {
    if (error instanceof InvalidCursorError) throw new OperationProblem('INPUT_INVALID', error.message, { path: 'input.after' });
    throw error;
  }
}

/** A figure of a week may be this old, in milliseconds. */
const RATE_MS = 30_000;
/** Workflows whose figure is remembered. */
const RATES = 20_000;

/** Success rates of the last seven days, of the workflows a reader was found to see; those without runs are missing. */
export function createSuccessRates(now: () => number = () => performance.now()): typeof successRates {
  /** Looked up last comes last. */
  const known = new Map<string, { readonly rate: number | undefined; readonly until: number }>();
  return async (tx, workflowIds) => {
    const { workspaceId } = tx.context;
    const keyOf = (workflowId: string): string => `${workspaceId}/${workflowId}`;
    const missing = workflowIds.filter((id) => (known.get(keyOf(id))?.until ?? 0) <= now());
    if (missing.length > 0) {
      const counted = await successRates(tx, missing);
      for (const id of missing) {
        known.delete(keyOf(id));
        known.set(keyOf(id), { rate: counted.get(id), until: now() + RATE_MS });
      }
      for (const [oldest] of known) {
        if (known.size <= RATES) break;
        known.delete(oldest);
      }
    }
    return new Map(
      workflowIds.flatMap((id) => {
        const rate = known.get(keyOf(id))?.rate;
        return rate === undefined ? [] : [[id, rate] as const];
      }),
    );
  };
}
