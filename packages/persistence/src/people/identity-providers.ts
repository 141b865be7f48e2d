/** Where people may sign in besides here: OpenID providers, what each may do for whom, and states of sign-ins that came back. */
import { errorCodeOf, UNIQUE_VIOLATION } from '../errors.ts';
import { uuidv7 } from '../ids.ts';
import type { InstanceStatements, InstanceTransaction } from '../in-instance.ts';
import type { Role } from './roles.ts';

export interface IdentityProvider {
  readonly id: string;
  /** Part of addresses. */
  readonly key: string;
  readonly title: string;
  readonly issuer: string;
  readonly clientId: string;
  /** Encrypted by the caller; absent for a client without a secret. */
  readonly clientSecret?: Buffer;
  readonly scopes: readonly string[];
  /** Only addresses of these domains come in; empty for any. */
  readonly allowedDomains: readonly string[];
  /** A verified address is enough to be taken for who has it here. */
  readonly linksByEmail: boolean;
  /** Whoever is new becomes a member there; absent: only who is known comes in. */
  readonly joins?: { readonly workspaceId: string; readonly role: Exclude<Role, 'owner'> };
  readonly isEnabled: boolean;
  readonly rev: number;
}

export type SaveIdentityProvider = Omit<IdentityProvider, 'id' | 'rev' | 'clientSecret'> & {
  /** Makes a new one when absent. */
  readonly id?: string;
  /** `keep` leaves what is there. */
  readonly clientSecret: Uint8Array | 'keep' | 'none';
  readonly expectedRev?: number;
  readonly savedBy: string;
};

export type SaveIdentityProviderResult =
  | { readonly kind: 'saved'; readonly id: string }
  | { readonly kind: 'not-found' }
  | { readonly kind: 'key-taken' }
  | { readonly kind: 'workspace-not-found' }
  | { readonly kind: 'conflict'; readonly rev: number };

/** By title. */
export async function listIdentityProviders(statements: InstanceStatements): Promise<IdentityProvider[]> {
  return (await statements.query<ProviderRow>(`${SELECT} order by lower(title), id limit 100`)).map(toProvider);
}

export async function findIdentityProvider(statements: InstanceStatements, key: string): Promise<IdentityProvider | undefined> {
  const [row] = await statements.query<ProviderRow>(`${SELECT} where key = $1`, [key]);
  return row && toProvider(row);
}

export async function saveIdentityProvider(tx: InstanceTransaction, input: SaveIdentityProvider): Promise<SaveIdentityProviderResult> {
  const before = input.id === undefined ? undefined : await lockProvider(tx, input.id);
  if (input.id !== undefined && !before) return { kind: 'not-found' };
  if (before && input.expectedRev !== undefined && input.expectedRev !== before.rev) return { kind: 'conflict', rev: before.rev };
  if (input.joins) {
    const found = await tx.query('select from workspace where id = $1 and deleted_at is null', [input.joins.workspaceId]);
    if (found.length === 0) return { kind: 'workspace-not-found' };
  }
  const id = input.id ?? uuidv7();
  const values = [
    id,
    input.key,
    input.title,
    input.issuer,
    input.clientId,
    typeof input.clientSecret === 'string' ? null : input.clientSecret,
    input.clientSecret === 'keep',
    input.scopes,
    input.allowedDomains,
    input.linksByEmail,
    input.joins?.workspaceId ?? null,
    input.joins?.role ?? null,
    input.isEnabled,
    input.savedBy,
  ];
  await tx.query('savepoint save_provider');
  try {
    await tx.query(
      `insert into identity_provider as p (id, key, title, issuer, client_id, client_secret, scopes, allowed_domains, links_by_email,
                                           joins_workspace_id, joins_role, is_enabled, created_by)
         values ($1, $2, $3, $4, $5, $6, $8, $9, $10, $11, $12, $13, $14)
         on conflict (id) do update set key = $2, title = $3, issuer = $4, client_id = $5,
           client_secret = case when $7::boolean then p.client_secret else $6 end, scopes = $8, allowed_domains = $9, links_by_email = $10,
           joins_workspace_id = $11, joins_role = $12, is_enabled = $13, rev = p.rev + 1, updated_at = now()`,
      values,
    );
  } catch (error) {
    await tx.query('rollback to savepoint save_provider');
    if (errorCodeOf(error) === UNIQUE_VIOLATION) return { kind: 'key-taken' };
    throw error;
  }
  return { kind: 'saved', id };
}

/** Identities of its issuer stay linked: they open nothing without a provider. */
export async function deleteIdentityProvider(tx: InstanceTransaction, id: string): Promise<boolean> {
  return (await tx.query('delete from identity_provider where id = $1 returning 1', [id])).length > 0;
}

/** Uses a state up. False when it was used before. Clears away some that are too old. */
export async function spendState(
  statements: InstanceStatements,
  { digest, keepMs }: { readonly digest: Uint8Array; readonly keepMs: number },
): Promise<boolean> {
  const rows = await statements.query(
    `with old as (
       delete from spent_state where digest in (select digest from spent_state where expires_at < now() limit 10 for update skip locked)
     ) insert into spent_state (digest, expires_at) values ($1, now() + $2::float8 * interval '1 ms') on conflict (digest) do nothing returning 1`,
    [digest, keepMs],
  );
  return rows.length > 0;
}

async function lockProvider(tx: InstanceTransaction, id: string): Promise<{ readonly rev: number } | undefined> {
  const [row] = await tx.query<{ rev: number }>('select rev from identity_provider where id = $1 for update', [id]);
  return row;
}

interface ProviderRow {
  readonly id: string;
  readonly key: string;
  readonly title: string;
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret: Buffer | null;
  readonly scopes: string[];
  readonly allowedDomains: string[];
  readonly linksByEmail: boolean;
  readonly workspaceId: string | null;
  readonly role: Exclude<Role, 'owner'> | null;
  readonly isEnabled: boolean;
  readonly rev: number;
}

const SELECT = `
  select id, key, title, issuer, client_id as "clientId", client_secret as "clientSecret", scopes, allowed_domains as "allowedDomains",
         links_by_email as "linksByEmail", joins_workspace_id as "workspaceId", joins_role as role, is_enabled as "isEnabled", rev
    from identity_provider`;

function toProvider({ clientSecret, workspaceId, role, ...provider }: ProviderRow): IdentityProvider {
  return {
    ...provider,
    ...(clientSecret ? { clientSecret } : {}),
    ...(workspaceId !== null && role !== null ? { joins: { workspaceId, role } } : {}),
  };
}
