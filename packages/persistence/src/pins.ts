/** Pins: data a person fixed at a node of the draft. They are no part of versions or exports. */
import type { Json } from '@plugboard/sdk';
import type { WorkspaceTransaction } from './in-workspace.ts';

export interface Pin {
  readonly nodeId: string;
  /** Content of the pinned data, in the file store. */
  readonly fileHash: string;
  readonly sizeBytes: number;
  /** Where the data came from. */
  readonly source: Json;
  readonly updatedBy: string;
  readonly updatedAt: Date;
}

/** False without such a workflow or stored content. */
export async function setPin(
  tx: WorkspaceTransaction,
  {
    workflowId,
    nodeId,
    fileHash,
    source,
  }: { readonly workflowId: string; readonly nodeId: string; readonly fileHash: string; readonly source: Json },
): Promise<boolean> {
  // Touched, so that the sweeper sees that somebody wants it.
  const stored = await tx.query(
    `update file_blob set touched_at = now() where workspace_id = $1 and hash = $2 and state = 'stored' returning 1`,
    [tx.context.workspaceId, fileHash],
  );
  if (stored.length === 0) return false;
  const rows = await tx.query(
    `insert into pin (workflow_id, node_id, workspace_id, file_hash, source, updated_by)
       select id, $3, workspace_id, $4, $5, $6 from workflow where workspace_id = $1 and id = $2 and deleted_at is null
       on conflict (workflow_id, node_id) do update
         set file_hash = excluded.file_hash, source = excluded.source, updated_by = excluded.updated_by, updated_at = now()
       returning 1`,
    [tx.context.workspaceId, workflowId, nodeId, fileHash, JSON.stringify(source), tx.context.principalId],
  );
  return rows.length > 0;
}

export async function removePin(tx: WorkspaceTransaction, workflowId: string, nodeId: string): Promise<boolean> {
  const rows = await tx.query('delete from pin where workspace_id = $1 and workflow_id = $2 and node_id = $3 returning 1', [
    tx.context.workspaceId,
    workflowId,
    nodeId,
  ]);
  return rows.length > 0;
}

export function listPins(tx: WorkspaceTransaction, workflowId: string): Promise<Pin[]> {
  return tx.query(
    `select p.node_id as "nodeId", p.file_hash as "fileHash", b.size_bytes::float8 as "sizeBytes", p.source, p.updated_by as "updatedBy",
            p.updated_at as "updatedAt"
       from pin p join file_blob b on b.workspace_id = p.workspace_id and b.hash = p.file_hash
      where p.workspace_id = $1 and p.workflow_id = $2 order by p.node_id`,
    [tx.context.workspaceId, workflowId],
  );
}
