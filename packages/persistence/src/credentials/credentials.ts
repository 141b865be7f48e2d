/**
 * Credentials: what anybody with a role may see of them, and their secrets as opaque bytes in versions. Definitions name a
 * credential by its key, which is unique in its project and environment.
 */
import type { JsonObject } from '@plugboard/sdk';
import { errorCodeOf, UNIQUE_VIOLATION } from '../errors.ts';
import { uuidv7 } from '../ids.ts';
import type { InstanceStatements } from '../in-instance.ts';
import type { WorkspaceTransaction } from '../in-workspace.ts';
import { likePattern, pageLimit } from '../paging.ts';
import { raiseAccessVersion } from '../people/access-version.ts';

/** `signed_out`: tokens could not be renewed; a person has to sign in again. */
export type CredentialHealth = 'unknown' | 'healthy' | 'failing' | 'signed_out';

export interface Credential {
  readonly id: string;
  readonly projectId: string;
  readonly key: string;
  /** Absent for one that serves every environment. */
  readonly environment?: number;
  readonly name: string;
  /** `<plugin>/<name>`. */
  readonly type: string;
  readonly allowedHosts: readonly string[];
  /** What may be shown. */
  readonly publicData: JsonObject;
  readonly health: CredentialHealth;
  readonly healthError?: string;
  readonly healthAt?: Date;
  readonly expiresAt?: Date;
  readonly rev: number;
  readonly createdBy: string;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

export interface CreateCredential {
  /** Made by the caller when it is part of what is sealed. */
  readonly id?: string;
  readonly projectId: string;
  readonly key: string;
  readonly environment?: number;
  readonly name: string;
  readonly type: string;
  readonly allowedHosts: readonly string[];
  readonly publicData: JsonObject;
  readonly expiresAt?: Date;
}

export type CreateCredentialResult =
  | { readonly kind: 'created'; readonly credentialId: string }
  | { readonly kind: 'key-taken' }
  | { readonly kind: 'project-not-found' };

export async function createCredential(tx: WorkspaceTransaction, input: CreateCredential): Promise<CreateCredentialResult> {
  const { workspaceId, principalId } = tx.context;
  const [project] = await tx.query('select from project where workspace_id = $1 and id = $2 and deleted_at is null for key share', [
    workspaceId,
    input.projectId,
  ]);
  if (!project) return { kind: 'project-not-found' };
  const [row] = await tx.query<{ id: string }>(
    `insert into credential (id, workspace_id, project_id, key, environment, name, type, allowed_hosts, public_data, expires_at, created_by)
       values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
       on conflict (project_id, environment, key) where deleted_at is null do nothing returning id`,
    [
      input.id ?? uuidv7(),
      workspaceId,
      input.projectId,
      input.key,
      input.environment ?? null,
      input.name,
      input.type,
      input.allowedHosts,
      JSON.stringify(input.publicData),
      input.expiresAt ?? null,
      principalId,
    ],
  );
  return row ? { kind: 'created', credentialId: row.id } : { kind: 'key-taken' };
}

export async function findCredential(tx: WorkspaceTransaction, id: string): Promise<Credential | undefined> {
  const [row] = await tx.query<CredentialRow>(`${SELECT} and c.id = $2`, [tx.context.workspaceId, id]);
  return row && toCredential(row);
}

/** The one of the environment before the one of all environments. */
export async function findCredentialByKey(
  tx: WorkspaceTransaction,
  { projectId, environment, key }: { readonly projectId: string; readonly environment: number; readonly key: string },
): Promise<Credential | undefined> {
  const [row] = await tx.query<CredentialRow>(
    `${SELECT} and c.project_id = $2 and c.key = $3 and (c.environment = $4 or c.environment is null) order by c.environment nulls last limit 1`,
    [tx.context.workspaceId, projectId, key, environment],
  );
  return row && toCredential(row);
}

export interface ListCredentials {
  /** Those of these projects, and these single ones; absent for all. */
  readonly visible?: { readonly projectIds: readonly string[]; readonly ids: readonly string[] };
  readonly projectId?: string;
  readonly type?: string;
  /** One that has run out counts as `expired` and as nothing else. */
  readonly health?: CredentialHealth | 'expired';
  /** Part of name, key or host, whatever the case. */
  readonly search?: string;
  /** `nextCursor` of the page before. */
  readonly cursor?: string;
  /** 1 to 100. @default 50 */
  readonly limit?: number;
}

export interface CredentialPage {
  readonly credentials: readonly Credential[];
  /** Absent on the last page. */
  readonly nextCursor?: string;
}

/** Newest first. */
export async function listCredentials(tx: WorkspaceTransaction, options: ListCredentials = {}): Promise<CredentialPage> {
  const limit = pageLimit(options.limit);
  const rows = await tx.query<CredentialRow>(
    `${SELECT} and ($2::uuid[] is null or c.project_id = any($2) or c.id = any($3::uuid[])) and ($4::text is null or c.type = $4)
        and ($5::text is null or c.name ilike $5 escape '\\' or c.key ilike $5 escape '\\'
             or exists (select from unnest(c.allowed_hosts) h where h ilike $5 escape '\\'))
        and ($6::uuid is null or c.id < $6) and ($8::uuid is null or c.project_id = $8)
        and ($9::text is null or $9 = case when c.expires_at <= now() then 'expired' else c.health end)
      order by c.id desc limit $7`,
    [
      tx.context.workspaceId,
      options.visible?.projectIds ?? null,
      options.visible?.ids ?? null,
      options.type ?? null,
      likePattern(options.search),
      options.cursor ?? null,
      limit + 1,
      options.projectId ?? null,
      options.health ?? null,
    ],
  );
  const credentials = rows.slice(0, limit).map(toCredential);
  return rows.length > limit ? { credentials, nextCursor: credentials.at(-1)!.id } : { credentials };
}

export interface UpdateCredential {
  readonly name?: string;
  readonly key?: string;
  readonly allowedHosts?: readonly string[];
  readonly publicData?: JsonObject;
  /** `null` for one that does not end. */
  readonly expiresAt?: Date | null;
  readonly expectedRev?: number;
}

export type UpdateCredentialResult =
  | { readonly kind: 'saved'; readonly rev: number }
  | { readonly kind: 'not-found' }
  | { readonly kind: 'key-taken' }
  | { readonly kind: 'conflict'; readonly credential: Credential };

export async function updateCredential(tx: WorkspaceTransaction, id: string, change: UpdateCredential): Promise<UpdateCredentialResult> {
  const credential = await lockCredential(tx, id);
  if (!credential) return { kind: 'not-found' };
  if (change.expectedRev !== undefined && change.expectedRev !== credential.rev) return { kind: 'conflict', credential };
  await tx.query('savepoint update_credential');
  try {
    await tx.query(
      `update credential set name = $2, key = $3, allowed_hosts = $4, public_data = $5, expires_at = $6, rev = rev + 1, updated_at = now() where id = $1`,
      [
        id,
        change.name ?? credential.name,
        change.key ?? credential.key,
        change.allowedHosts ?? credential.allowedHosts,
        JSON.stringify(change.publicData ?? credential.publicData),
        change.expiresAt === undefined ? (credential.expiresAt ?? null) : change.expiresAt,
      ],
    );
  } catch (error) {
    await tx.query('rollback to savepoint update_credential');
    if (errorCodeOf(error) === UNIQUE_VIOLATION) return { kind: 'key-taken' };
    throw error;
  }
  return { kind: 'saved', rev: credential.rev + 1 };
}

/** Destroys every version of the secret at once and keeps a stub, so that what was bound to it can say why it does not work. */
export async function deleteCredential(tx: WorkspaceTransaction, id: string): Promise<boolean> {
  const { workspaceId } = tx.context;
  await raiseAccessVersion(tx, workspaceId);
  if (!(await lockCredential(tx, id))) return false;
  await tx.query('delete from credential_secret where workspace_id = $1 and credential_id = $2', [workspaceId, id]);
  await tx.query('delete from oauth_state where workspace_id = $1 and credential_id = $2', [workspaceId, id]);
  await tx.query(`delete from role_grant where workspace_id = $1 and resource_kind = 'credential' and resource_id = $2`, [workspaceId, id]);
  await tx.query(
    `update credential set deleted_at = now(), public_data = '{}', health = 'unknown', health_error = null, refresh_by = null, refresh_until = null,
            rev = rev + 1, updated_at = now() where workspace_id = $1 and id = $2`,
    [workspaceId, id],
  );
  return true;
}

/** What a test or a use of it showed. False without such a credential. */
export async function setCredentialHealth(
  tx: WorkspaceTransaction,
  id: string,
  { health, error }: { readonly health: CredentialHealth; readonly error?: string },
): Promise<boolean> {
  const rows = await tx.query(
    'update credential set health = $3, health_error = $4, health_at = now() where workspace_id = $1 and id = $2 and deleted_at is null returning 1',
    [tx.context.workspaceId, id, health, error?.slice(0, 500) ?? null],
  );
  return rows.length > 0;
}

export interface CredentialSecret {
  /** Counts from 1. */
  readonly version: number;
  readonly ciphertext: Buffer;
  /** The data key it is encrypted with. */
  readonly keyId: string;
}

export interface NewCredentialSecret {
  /** Or what seals it for the version it gets. */
  readonly ciphertext: Uint8Array | ((version: number) => Uint8Array);
  readonly keyId: string;
  /** The version it was made from: if another one came meanwhile, nothing is added. */
  readonly follows?: number;
}

/** Versions that are kept: the newest, and the one before for whoever is using it right now. */
const SECRETS_KEPT = 2;

/** A further version; gives its number, or undefined without such a credential, and when it does not follow the newest. */
export async function addCredentialSecret(tx: WorkspaceTransaction, id: string, secret: NewCredentialSecret): Promise<number | undefined> {
  const { workspaceId, principalId } = tx.context;
  if (!(await lockCredential(tx, id))) return undefined;
  const [newest] = await tx.query<{ version: number | null }>(
    'select max(version) as version from credential_secret where workspace_id = $1 and credential_id = $2',
    [workspaceId, id],
  );
  const version = (newest?.version ?? 0) + 1;
  // The lock on the credential keeps the number ours.
  if (secret.follows !== undefined && secret.follows !== version - 1) return undefined;
  await tx.query(
    'insert into credential_secret (credential_id, version, workspace_id, ciphertext, key_id, created_by) values ($2, $3, $1, $4, $5, $6)',
    [
      workspaceId,
      id,
      version,
      typeof secret.ciphertext === 'function' ? secret.ciphertext(version) : secret.ciphertext,
      secret.keyId,
      principalId,
    ],
  );
  await tx.query('delete from credential_secret where workspace_id = $1 and credential_id = $2 and version <= $3', [
    workspaceId,
    id,
    version - SECRETS_KEPT,
  ]);
  return version;
}

/** The newest version. */
export async function findCredentialSecret(tx: WorkspaceTransaction, id: string): Promise<CredentialSecret | undefined> {
  const [row] = await tx.query<CredentialSecret>(
    `select version, ciphertext, key_id as "keyId" from credential_secret where workspace_id = $1 and credential_id = $2 order by version desc limit 1`,
    [tx.context.workspaceId, id],
  );
  return row;
}

/** Workspaces with a newest secret that another data key than their current one encrypts. */
export async function listWorkspacesToReseal(statements: InstanceStatements): Promise<string[]> {
  const rows = await statements.query<{ id: string }>(
    `select distinct s.workspace_id as id from credential_secret s join workspace w on w.id = s.workspace_id
      where s.key_id <> w.data_key_id and s.version = (select max(version) from credential_secret n where n.credential_id = s.credential_id)`,
  );
  return rows.map((row) => row.id);
}

/** Newest secrets that another data key than this one encrypts: what is left to encrypt anew. */
export function listSecretsToReseal(
  tx: WorkspaceTransaction,
  keyId: string,
  limit = 100,
): Promise<(CredentialSecret & { readonly credentialId: string })[]> {
  return tx.query(
    `select credential_id as "credentialId", version, ciphertext, key_id as "keyId" from credential_secret s
      where workspace_id = $1 and key_id <> $2 and version = (select max(version) from credential_secret n where n.credential_id = s.credential_id)
      order by credential_id limit $3`,
    [tx.context.workspaceId, keyId, limit],
  );
}

/**
 * The right to fetch new tokens for a credential, for one process at a time and at most `leaseMs`; nothing is locked while it
 * talks to the other side. False when another process has it.
 */
export async function claimCredentialRefresh(
  tx: WorkspaceTransaction,
  id: string,
  { by, leaseMs }: { readonly by: string; readonly leaseMs: number },
): Promise<boolean> {
  const rows = await tx.query(
    `update credential set refresh_by = $3, refresh_until = now() + $4::float8 * interval '1 ms'
      where workspace_id = $1 and id = $2 and deleted_at is null and (refresh_until is null or refresh_until <= now() or refresh_by = $3) returning 1`,
    [tx.context.workspaceId, id, by, leaseMs],
  );
  return rows.length > 0;
}

/** False when the time was over and another process took it: then its tokens count, not ours. */
export async function releaseCredentialRefresh(tx: WorkspaceTransaction, id: string, by: string): Promise<boolean> {
  const rows = await tx.query(
    'update credential set refresh_by = null, refresh_until = null where workspace_id = $1 and id = $2 and refresh_by = $3 returning 1',
    [tx.context.workspaceId, id, by],
  );
  return rows.length > 0;
}

async function lockCredential(tx: WorkspaceTransaction, id: string): Promise<Credential | undefined> {
  const [row] = await tx.query<CredentialRow>(`${SELECT} and c.id = $2 for no key update`, [tx.context.workspaceId, id]);
  return row && toCredential(row);
}

interface CredentialRow {
  readonly id: string;
  readonly projectId: string;
  readonly key: string;
  readonly environment: number | null;
  readonly name: string;
  readonly type: string;
  readonly allowedHosts: string[];
  readonly publicData: JsonObject;
  readonly health: CredentialHealth;
  readonly healthError: string | null;
  readonly healthAt: Date | null;
  readonly expiresAt: Date | null;
  readonly rev: number;
  readonly createdBy: string;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

const SELECT = `
  select c.id, c.project_id as "projectId", c.key, c.environment, c.name, c.type, c.allowed_hosts as "allowedHosts", c.public_data as "publicData",
         c.health, c.health_error as "healthError", c.health_at as "healthAt", c.expires_at as "expiresAt", c.rev, c.created_by as "createdBy",
         c.created_at as "createdAt", c.updated_at as "updatedAt"
    from credential c where c.workspace_id = $1 and c.deleted_at is null`;

function toCredential({ environment, healthError, healthAt, expiresAt, ...credential }: CredentialRow): Credential {
  return {
    ...credential,
    ...(environment === null ? {} : { environment }),
    ...(healthError === null ? {} : { healthError }),
    ...(healthAt ? { healthAt } : {}),
    ...(expiresAt ? { expiresAt } : {}),
  };
}
