/** Which workflow a name in a definition means, and whether the workflow that says it may start runs of it. */
import {
  type Database,
  type Workflow,
  type WorkspaceTransaction,
  findWorkflow,
  findWorkflowByName,
  isUuid,
  loadAccess,
} from '@plugboard/persistence';
import { accessSetOf, decideAccess } from '../access/access.ts';
import { resourceOf } from '../workflows/workflow-access.ts';

const DRAFT = 0;

/** The run that wants to start others. */
export interface Starter {
  readonly workspaceId: string;
  readonly workflowId: string;
  readonly version: number;
  /** 0 draft, 1 live. */
  readonly environment: number;
  readonly initiator?: string;
}

/** By its name or id, among those that are not in the trash. */
export function workflowNamed(tx: WorkspaceTransaction, wanted: string): Promise<Workflow | undefined> {
  return isUuid(wanted) ? findWorkflow(tx, wanted) : findWorkflowByName(tx, wanted);
}

/** Whose rights a run has: a live one those of whoever published its version, a draft's those of whoever started it. */
export function actsFor(tx: WorkspaceTransaction, starter: Starter): Promise<string | undefined> {
  return starter.environment === DRAFT ? Promise.resolve(starter.initiator) : publisherOf(tx, starter);
}

/**
 * Whether this principal may run the workflow, as things are now. Called with no transaction open: it takes a connection of its own, and those who hold
 * one while they wait for another leave none for each other.
 */
export async function mayStart(
  { database, systemPrincipalId }: { readonly database: Database; readonly systemPrincipalId: string },
  { workspaceId, principalId }: { readonly workspaceId: string; readonly principalId: string | undefined },
  wanted: Workflow,
): Promise<boolean> {
  if (principalId === systemPrincipalId) return true;
  const access = principalId === undefined ? undefined : await loadAccess(database, { workspaceId, principalId });
  if (!access) return false;
  const actor = { kind: 'person', principalId: access.principalId } as const;
  return decideAccess(actor, accessSetOf(access), 'workflow.run', resourceOf(wanted)).kind === 'allowed';
}

async function publisherOf(tx: WorkspaceTransaction, { workspaceId, workflowId, version }: Starter): Promise<string | undefined> {
  const [row] = await tx.query<{ by: string }>(
    'select published_by as by from version where workspace_id = $1 and workflow_id = $2 and n = $3',
    [workspaceId, workflowId, version],
  );
  return row?.by;
}
