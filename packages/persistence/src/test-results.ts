/** What the tests of a workflow said last. The tests themselves are part of its definition. */
import type { Json } from '@plugboard/sdk';
import type { WorkspaceTransaction } from './in-workspace.ts';

export interface TestResult {
  readonly testId: string;
  /** Absent when no run came about. */
  readonly runId?: string;
  readonly outcome: 'passed' | 'failed' | 'broken';
  readonly differences: Json;
  readonly durationMs: number;
  /** Revision of the draft it ran with. */
  readonly draftRev: number;
  readonly at: Date;
}

export async function putTestResult(
  tx: WorkspaceTransaction,
  workflowId: string,
  { testId, runId, outcome, differences, durationMs, draftRev }: Omit<TestResult, 'at'>,
): Promise<void> {
  await tx.query(
    `insert into test_result (workflow_id, test_id, workspace_id, run_id, outcome, differences, duration_ms, draft_rev)
       values ($2, $3, $1, $4, $5, $6, $7, $8)
       on conflict (workflow_id, test_id) do update set run_id = excluded.run_id, outcome = excluded.outcome, differences = excluded.differences,
         duration_ms = excluded.duration_ms, draft_rev = excluded.draft_rev, at = now()`,
    [tx.context.workspaceId, workflowId, testId, runId ?? null, outcome, JSON.stringify(differences), durationMs, draftRev],
  );
}

export async function listTestResults(tx: WorkspaceTransaction, workflowId: string): Promise<TestResult[]> {
  const rows = await tx.query<Omit<TestResult, 'runId'> & { readonly runId: string | null }>(
    `select test_id as "testId", run_id as "runId", outcome, differences, duration_ms as "durationMs", draft_rev as "draftRev", at
       from test_result where workspace_id = $1 and workflow_id = $2 order by test_id`,
    [tx.context.workspaceId, workflowId],
  );
  return rows.map(({ runId, ...row }) => ({ ...row, ...(runId === null ? {} : { runId }) }));
}

/** Results of tests that are no more. */
export async function deleteTestResults(tx: WorkspaceTransaction, workflowId: string, keep: readonly string[]): Promise<void> {
  await tx.query('delete from test_result where workspace_id = $1 and workflow_id = $2 and not test_id = any($3::text[])', [
    tx.context.workspaceId,
    workflowId,
    [...keep],
  ]);
}
