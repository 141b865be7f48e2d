/** Bindings: which credential a key of a workflow means in an environment, and who allowed it. Written when the workflow is published. */
import type { WorkspaceTransaction } from '../in-workspace.ts';
import type { CredentialSecret } from './credentials.ts';

export interface Binding {
  readonly key: string;
  readonly credentialId: string;
  /** Whose right to use the credential the workflow runs on. */
  readonly grantedBy: string;
}

/** Replaces all bindings of the workflow in the environment. False when one of the credentials is not there; nothing changed then. */
export async function replaceBindings(
  tx: WorkspaceTransaction,
  {
    workflowId,
    environment,
    bindings,
  }: { readonly workflowId: string; readonly environment: number; readonly bindings: readonly Binding[] },
): Promise<boolean> {
  const { workspaceId } = tx.context;
  const ids = [...new Set(bindings.map((binding) => binding.credentialId))];
  // Locked, so that none is deleted before this is committed.
  const present = await tx.query(
    'select from credential where workspace_id = $1 and id = any($2::uuid[]) and deleted_at is null order by id for share',
    [workspaceId, ids],
  );
  if (present.length < ids.length) return false;
  await tx.query('delete from binding where workspace_id = $1 and workflow_id = $2 and environment = $3', [
    workspaceId,
    workflowId,
    environment,
  ]);
  await tx.query(
    `insert into binding (workflow_id, environment, key, workspace_id, credential_id, granted_by)
       select $2, $3, key, $1, credential_id, granted_by from unnest($4::text[], $5::uuid[], $6::uuid[]) as b (key, credential_id, granted_by)`,
    [
      workspaceId,
      workflowId,
      environment,
      bindings.map((binding) => binding.key),
      bindings.map((binding) => binding.credentialId),
      bindings.map((binding) => binding.grantedBy),
    ],
  );
  return true;
}

export function listBindings(tx: WorkspaceTransaction, workflowId: string, environment: number): Promise<Binding[]> {
  return tx.query(
    `select key, credential_id as "credentialId", granted_by as "grantedBy" from binding
      where workspace_id = $1 and workflow_id = $2 and environment = $3 order by key`,
    [tx.context.workspaceId, workflowId, environment],
  );
}

export interface BindingUse extends Binding {
  readonly workflowId: string;
  /** Of the workflow. */
  readonly projectId: string;
  readonly workflowName: string;
  readonly environment: number;
  /** False for a workflow that was taken out of service or paused since. */
  readonly isLive: boolean;
}

/** What runs on the grants of somebody, at most 1,000: shown before he is removed. */
export function listBindingsGrantedBy(tx: WorkspaceTransaction, principalId: string): Promise<BindingUse[]> {
  return tx.query(`${USES} and b.granted_by = $2 order by w.name, b.environment, b.key limit 1000`, [tx.context.workspaceId, principalId]);
}

/** What uses a credential, at most 1,000: shown before it is deleted. */
export function listBindingsOfCredential(tx: WorkspaceTransaction, credentialId: string): Promise<BindingUse[]> {
  return tx.query(`${USES} and b.credential_id = $2 order by w.name, b.environment, b.key limit 1000`, [
    tx.context.workspaceId,
    credentialId,
  ]);
}

const USES = `
  select b.workflow_id as "workflowId", w.project_id as "projectId", w.name as "workflowName", b.environment, b.key, b.credential_id as "credentialId", b.granted_by as "grantedBy",
         exists (select from deployment d where d.workflow_id = b.workflow_id and d.environment = b.environment and d.state = 'active') as "isLive"
    from binding b join workflow w on w.id = b.workflow_id where b.workspace_id = $1 and w.deleted_at is null`;

/** Workflows that use each of these credentials. */
export async function countBindings(tx: WorkspaceTransaction, credentialIds: readonly string[]): Promise<ReadonlyMap<string, number>> {
  const rows = await tx.query<{ id: string; count: number }>(
    `select b.credential_id as id, count(distinct b.workflow_id)::int4 as count from binding b join workflow w on w.id = b.workflow_id
      where b.workspace_id = $1 and b.credential_id = any($2::uuid[]) and w.deleted_at is null group by b.credential_id`,
    [tx.context.workspaceId, credentialIds],
  );
  return new Map(rows.map((row) => [row.id, row.count]));
}

export type ResolveBindingResult =
  | {
      readonly kind: 'resolved';
      readonly credentialId: string;
      readonly type: string;
      readonly allowedHosts: readonly string[];
      readonly grantedBy: string;
      readonly secret: CredentialSecret;
    }
  | { readonly kind: 'unbound' }
  | { readonly kind: 'deleted'; readonly credentialId: string }
  /** It has no secret yet. */
  | { readonly kind: 'empty'; readonly credentialId: string };

/** What a run gets for a key, checked at the moment of use. */
export async function resolveBinding(
  tx: WorkspaceTransaction,
  { workflowId, environment, key }: { readonly workflowId: string; readonly environment: number; readonly key: string },
): Promise<ResolveBindingResult> {
  const [row] = await tx.query<ResolvedRow>(
    `select b.credential_id, b.granted_by, c.type, c.allowed_hosts, c.deleted_at is not null as is_deleted, s.version, s.ciphertext, s.key_id
       from binding b join credential c on c.id = b.credential_id
       left join lateral (select version, ciphertext, key_id from credential_secret where credential_id = c.id order by version desc limit 1) s on true
      where b.workspace_id = $1 and b.workflow_id = $2 and b.environment = $3 and b.key = $4`,
    [tx.context.workspaceId, workflowId, environment, key],
  );
  if (!row) return { kind: 'unbound' };
  const credentialId = row.credential_id;
  if (row.is_deleted) return { kind: 'deleted', credentialId };
  if (row.version === null || row.ciphertext === null || row.key_id === null) return { kind: 'empty', credentialId };
  return {
    kind: 'resolved',
    credentialId,
    type: row.type,
    allowedHosts: row.allowed_hosts,
    grantedBy: row.granted_by,
    secret: { version: row.version, ciphertext: row.ciphertext, keyId: row.key_id },
  };
}

interface ResolvedRow {
  readonly credential_id: string;
  readonly granted_by: string;
  readonly type: string;
  readonly allowed_hosts: string[];
  readonly is_deleted: boolean;
  readonly version: number | null;
  readonly ciphertext: Buffer | null;
  readonly key_id: string | null;
}
