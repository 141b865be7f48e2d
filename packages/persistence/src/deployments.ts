/** Whether what is live takes work: it can pause with everything kept, and go on. */
import { raiseGeneration } from './generations.ts';
import type { WorkspaceTransaction } from './in-workspace.ts';
import { releaseHeldTurns } from './journal/flow-turns.ts';
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

/** What comes while a workflow is paused: `hold` stores it as runs that wait until it goes on. */
export type WhilePaused = 'hold' | 'refuse';

/** Pauses what is active, or says anew what comes meanwhile. A paused workflow keeps its paths. False when nothing is in service. */
export async function pauseDeployment(tx: WorkspaceTransaction, workflowId: string, meanwhile: WhilePaused): Promise<boolean> {
  if (!(await lockWorkflow(tx, workflowId))) return false;
  const rows = await tx.query(
    `update deployment set state = 'paused', holds = $4, deployed_by = $5, deployed_at = now()
      where workspace_id = $1 and workflow_id = $2 and environment = $3 and (state = 'active' or (state = 'paused' and holds <> $4)) returning 1`,
    [tx.context.workspaceId, workflowId, ENVIRONMENT.live, meanwhile === 'hold', tx.context.principalId],
  );
  if (rows.length === 0) return false;
  await raiseGeneration(tx, 'deployments');
  return true;
}

/** Goes on with what is paused, and with what came meanwhile. False when it is not paused. */
export async function resumeDeployment(tx: WorkspaceTransaction, workflowId: string): Promise<boolean> {
  if (!(await lockWorkflow(tx, workflowId))) return false;
  const rows = await tx.query(
    `update deployment set state = 'active', deployed_by = $4, deployed_at = now()
      where workspace_id = $1 and workflow_id = $2 and environment = $3 and state = 'paused' returning 1`,
    [tx.context.workspaceId, workflowId, ENVIRONMENT.live, tx.context.principalId],
  );
  if (rows.length === 0) return false;
  await releaseHeldTurns(tx, workflowId, ENVIRONMENT.live);
  await raiseGeneration(tx, 'deployments');
  return true;
}
