/** API keys: a principal in one workspace, narrowed to scopes. Only the hash is kept. */
import { uuidv7 } from '../ids.ts';
import type { InstanceStatements } from '../in-instance.ts';
import type { WorkspaceTransaction } from '../in-workspace.ts';

export interface ApiKey {
  readonly id: string;
  readonly principalId: string;
  readonly name: string;
  /** Last characters of the key, to tell keys apart. */
  readonly hint: string;
  readonly scopes: readonly string[];
  readonly expiresAt?: Date;
  /** To about a minute. */
  readonly lastUsedAt?: Date;
  readonly createdBy: string;
  readonly createdAt: Date;
}

export interface CreateApiKey {
  /** A member of this workspace. */
  readonly principalId: string;
  readonly name: string;
  readonly hash: Uint8Array;
  readonly hint: string;
  readonly scopes: readonly string[];
  /** In milliseconds; absent for a key that does not end. */
  readonly validMs?: number;
}

export type CreateApiKeyResult = { readonly kind: 'created'; readonly apiKeyId: string } | { readonly kind: 'not-a-member' };

export async function createApiKey(tx: WorkspaceTransaction, input: CreateApiKey): Promise<CreateApiKeyResult> {
  const [row] = await tx.query<{ id: string }>(
    `insert into api_key (id, workspace_id, principal_id, name, hash, hint, scopes, expires_at, created_by)
       select $1, workspace_id, principal_id, $4, $5, $6, $7, now() + $8::float8 * interval '1 ms', $9
         from member where workspace_id = $2 and principal_id = $3 and state = 'active' returning id`,
    [
      uuidv7(),
      tx.context.workspaceId,
      input.principalId,
      input.name,
      input.hash,
      input.hint,
      input.scopes,
      input.validMs ?? null,
      tx.context.principalId,
    ],
  );
  return row ? { kind: 'created', apiKeyId: row.id } : { kind: 'not-a-member' };
}

/** Those that are not revoked, newest first, at most 500; of one principal if given. */
export async function listApiKeys(tx: WorkspaceTransaction, options: { readonly principalId?: string } = {}): Promise<ApiKey[]> {
  const rows = await tx.query<ApiKeyRow>(
    `select id, principal_id as "principalId", name, hint, scopes, expires_at as "expiresAt", last_used_at as "lastUsedAt",
            created_by as "createdBy", created_at as "createdAt"
       from api_key where workspace_id = $1 and revoked_at is null and ($2::uuid is null or principal_id = $2) order by id desc limit 500`,
    [tx.context.workspaceId, options.principalId ?? null],
  );
  return rows.map(toApiKey);
}

/** At once; of one principal's keys only if given. False when there is no such key. */
export async function revokeApiKey(
  tx: WorkspaceTransaction,
  id: string,
  options: { readonly principalId?: string } = {},
): Promise<boolean> {
  const rows = await tx.query(
    'update api_key set revoked_at = now() where workspace_id = $1 and id = $2 and revoked_at is null and ($3::uuid is null or principal_id = $3) returning 1',
    [tx.context.workspaceId, id, options.principalId ?? null],
  );
  return rows.length > 0;
}

export interface ApiKeyHolder {
  readonly apiKeyId: string;
  readonly workspaceId: string;
  readonly principalId: string;
  readonly kind: 'person' | 'service';
  readonly scopes: readonly string[];
}

/** Who a key speaks for. Undefined when it is unknown, revoked, run out, or its principal is out. Notes the use, at most once a minute. */
export async function findApiKey(statements: InstanceStatements, hash: Uint8Array): Promise<ApiKeyHolder | undefined> {
  const [row] = await statements.query<ApiKeyHolder & { isDue: boolean }>(
    `select k.id as "apiKeyId", k.workspace_id as "workspaceId", k.principal_id as "principalId", p.kind, k.scopes,
            k.last_used_at is null or k.last_used_at < now() - interval '1 minute' as "isDue"
       from api_key k
       join principal p on p.id = k.principal_id and p.erased_at is null
       join member m on m.workspace_id = k.workspace_id and m.principal_id = k.principal_id and m.state = 'active'
       join workspace w on w.id = k.workspace_id and w.deleted_at is null
       left join person e on e.principal_id = k.principal_id
      where k.hash = $1 and k.revoked_at is null and (k.expires_at is null or k.expires_at > now()) and e.disabled_at is null`,
    [hash],
  );
  if (!row) return undefined;
  const { isDue, ...holder } = row;
  if (isDue) {
    await statements.query(
      `update api_key set last_used_at = now() where id = $1 and (last_used_at is null or last_used_at < now() - interval '1 minute')`,
      [holder.apiKeyId],
    );
  }
  return holder;
}

/** Which of these keys still open something: what a process with open sockets asks every second. */
export async function livingApiKeys(statements: InstanceStatements, apiKeyIds: readonly string[]): Promise<Set<string>> {
  const rows = await statements.query<{ id: string }>(
    `select k.id
       from api_key k
       join principal p on p.id = k.principal_id and p.erased_at is null
       join member m on m.workspace_id = k.workspace_id and m.principal_id = k.principal_id and m.state = 'active'
       join workspace w on w.id = k.workspace_id and w.deleted_at is null
       left join person e on e.principal_id = k.principal_id
      where k.id = any($1::uuid[]) and k.revoked_at is null and (k.expires_at is null or k.expires_at > now()) and e.disabled_at is null`,
    [apiKeyIds],
  );
  return new Set(rows.map((row) => row.id));
}

type ApiKeyRow = Omit<ApiKey, 'expiresAt' | 'lastUsedAt'> & { readonly expiresAt: Date | null; readonly lastUsedAt: Date | null };

function toApiKey({ expiresAt, lastUsedAt, ...key }: ApiKeyRow): ApiKey {
  return { ...key, ...(expiresAt ? { expiresAt } : {}), ...(lastUsedAt ? { lastUsedAt } : {}) };
}
