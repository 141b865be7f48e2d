/** Whether what is live takes work: it can pause with everything kept, and go on. */
import { raiseGeneration } from './generations.ts';
import type { WorkspaceTransaction } from './in-workspace.ts';
import { ENVIRONMENT } from './seed.ts';
import { lockWorkflow } from './workflows.ts';

export interface Deployment {
  readonly version: number;
  readonly state: 'active' | 'paused' | 'off';
  readonly deployedBy: string;
  readonly deployedAt: Date;
}

/** What was last published of a workflow and how it stands; undefined when nothing ever was. */
export async function findDeployment(tx: WorkspaceTransaction, workflowId: string): Promise<Deployment | undefined> {
  const [row] = await tx.query<Deployment>(
    `select version, state, deployed_by as "deployedBy", deployed_at as "deployedAt" from deployment
      where workspace_id = $1 and workflow_id = $2 and environment = $3`,
    [tx.context.workspaceId, workflowId, ENVIRONMENT.live],
  );
  return row;
}

/** Pauses what is active, or goes on with what is paused. A paused workflow keeps its paths. False when it was in neither state. */
export async function setDeploymentState(tx: WorkspaceTransaction, workflowId: string, state: 'active' | 'paused'): Promise<boolean> {
  if (!(await lockWorkflow(tx, workflowId))) return false;
  const rows = await tx.query(
    `update deployment set state = $4, deployed_by = $5, deployed_at = now()
      where workspace_id = $1 and workflow_id = $2 and environment = $3 and state = $6 returning 1`,
    [tx.context.workspaceId, workflowId, ENVIRONMENT.live, state, tx.context.principalId, state === 'active' ? 'paused' : 'active'],
  );
  if (rows.length === 0) return false;
  await raiseGeneration(tx, 'deployments');
  return true;
}
