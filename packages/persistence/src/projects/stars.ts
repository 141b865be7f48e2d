/** Stars: what a person marks for himself. */
import type { WorkspaceTransaction } from '../in-workspace.ts';

/** False without such a workflow. */
export async function starWorkflow(tx: WorkspaceTransaction, workflowId: string): Promise<boolean> {
  const { workspaceId, principalId } = tx.context;
  const rows = await tx.query('select from workflow where workspace_id = $1 and id = $2 and deleted_at is null for key share', [
    workspaceId,
    workflowId,
  ]);
  if (rows.length === 0) return false;
  await tx.query('insert into star (principal_id, workflow_id, workspace_id) values ($1, $2, $3) on conflict do nothing', [
    principalId,
    workflowId,
    workspaceId,
  ]);
  return true;
}

export async function unstarWorkflow(tx: WorkspaceTransaction, workflowId: string): Promise<void> {
  const { workspaceId, principalId } = tx.context;
  await tx.query('delete from star where workspace_id = $1 and principal_id = $2 and workflow_id = $3', [
    workspaceId,
    principalId,
    workflowId,
  ]);
}

/** Those of these workflows that the person starred. */
export async function findStars(tx: WorkspaceTransaction, workflowIds: readonly string[]): Promise<Set<string>> {
  const { workspaceId, principalId } = tx.context;
  const rows = await tx.query<{ id: string }>(
    'select workflow_id as id from star where workspace_id = $1 and principal_id = $2 and workflow_id = any($3::uuid[])',
    [workspaceId, principalId, workflowIds],
  );
  return new Set(rows.map((row) => row.id));
}
