/** Test addresses of webhooks: somebody looks at a draft and waits for a request. Rows, so that any process can serve it. */
import type { InstanceStatements } from './in-instance.ts';
import type { WorkspaceTransaction } from './in-workspace.ts';

export interface TestListener {
  /** Upper case. */
  readonly method: string;
  /** Below the prefix of test webhooks; one row is one exact path. */
  readonly path: string;
  readonly workspaceId: string;
  readonly workflowId: string;
  readonly nodeId: string;
  /** As whom the draft runs. */
  readonly principalId: string;
  readonly expiresAt: Date;
}

export interface OpenTestListener {
  readonly method: string;
  readonly path: string;
  readonly workflowId: string;
  readonly nodeId: string;
  readonly validMs: number;
}

export type OpenTestListenerResult = { readonly kind: 'opened' } | { readonly kind: 'path-taken' } | { readonly kind: 'not-found' };

/** Opening one's own again moves its end. A path somebody else listens on is refused. */
export async function openTestListener(tx: WorkspaceTransaction, input: OpenTestListener): Promise<OpenTestListenerResult> {
  const { workspaceId, principalId } = tx.context;
  const { method, path, workflowId } = input;
  const [workflow] = await tx.query('select from workflow where workspace_id = $1 and id = $2 and deleted_at is null for key share', [
    workspaceId,
    workflowId,
  ]);
  if (!workflow) return { kind: 'not-found' };
  await tx.query(
    `delete from test_listener where workspace_id = $1 and method = $2 and path = $3 and (expires_at <= now() or (principal_id = $4 and workflow_id = $5))`,
    [workspaceId, method, path, principalId, workflowId],
  );
  const rows = await tx.query(
    `insert into test_listener (method, path, workspace_id, workflow_id, node_id, principal_id, expires_at)
       values ($1, $2, $3, $4, $5, $6, now() + $7::float8 * interval '1 ms') on conflict (method, path) do nothing returning 1`,
    [method, path, workspaceId, workflowId, input.nodeId, principalId, input.validMs],
  );
  return { kind: rows.length > 0 ? 'opened' : 'path-taken' };
}

/** Who waits for a request, in whatever workspace. */
export async function findTestListener(statements: InstanceStatements, method: string, path: string): Promise<TestListener | undefined> {
  const [row] = await statements.query<TestListener>(
    `select method, path, workspace_id as "workspaceId", workflow_id as "workflowId", node_id as "nodeId", principal_id as "principalId", expires_at as "expiresAt"
       from test_listener where method = $1 and path = $2 and expires_at > now()`,
    [method, path],
  );
  return row;
}

/** Closes what this person listens on for the workflow; gives how many. */
export async function closeTestListeners(tx: WorkspaceTransaction, workflowId: string): Promise<number> {
  const rows = await tx.query('delete from test_listener where workspace_id = $1 and workflow_id = $2 and principal_id = $3 returning 1', [
    tx.context.workspaceId,
    workflowId,
    tx.context.principalId,
  ]);
  return rows.length;
}

export async function deleteExpiredTestListeners(statements: InstanceStatements): Promise<number> {
  return (await statements.query('delete from test_listener where expires_at <= now() returning 1')).length;
}
