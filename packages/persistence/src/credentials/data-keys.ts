/** Keys that encrypt the secrets of a workspace, as wrapped bytes: wrapping and unwrapping is the caller's. */
import type { InstanceStatements, InstanceTransaction } from '../in-instance.ts';
import type { WorkspaceTransaction } from '../in-workspace.ts';

export interface DataKey {
  readonly id: string;
  readonly wrapped: Buffer;
  /** The root key that wraps it. */
  readonly rootKeyId: string;
  /** Since when it encrypts nothing new. */
  readonly retiredAt?: Date;
}

/** The key for new secrets; undefined before the first. */
export async function currentDataKey(tx: WorkspaceTransaction): Promise<DataKey | undefined> {
  const [row] = await tx.query<DataKeyRow>(`${SELECT} join workspace w on w.id = k.workspace_id and w.data_key_id = k.id where w.id = $1`, [
    tx.context.workspaceId,
  ]);
  return row && toDataKey(row);
}

export async function findDataKey(tx: WorkspaceTransaction, id: string): Promise<DataKey | undefined> {
  const [row] = await tx.query<DataKeyRow>(`${SELECT} where k.workspace_id = $1 and k.id = $2`, [tx.context.workspaceId, id]);
  return row && toDataKey(row);
}

const ROOT_KEY_LOCK = `hashtext('plugboard.root_key')`;

/** Until the transaction ends no replacement of the root key counts its data keys: call it before choosing the root key that wraps a new one. */
export async function holdRootKey(tx: WorkspaceTransaction): Promise<void> {
  await tx.query(`select pg_advisory_xact_lock_shared(${ROOT_KEY_LOCK})`);
}

/** Waits for everybody who may be wrapping with the root key of before. */
export async function awaitRootKeyHolders(tx: InstanceTransaction): Promise<void> {
  await tx.query(`select pg_advisory_xact_lock(${ROOT_KEY_LOCK})`);
}

export interface AddDataKey {
  /** Made by the caller, since it is part of what is sealed. */
  readonly id: string;
  readonly wrapped: Uint8Array;
  readonly rootKeyId: string;
  /** The key that is current now; absent for the first one. */
  readonly replacesId?: string;
}

/** Makes it the key for new secrets. Of two that do so at once, the second gets the first one's key: use what comes back. */
export async function addDataKey(tx: WorkspaceTransaction, input: AddDataKey): Promise<DataKey> {
  const { workspaceId } = tx.context;
  await tx.query('select from workspace where id = $1 for no key update', [workspaceId]);
  const current = await currentDataKey(tx);
  if (current?.id !== input.replacesId && current !== undefined) return current;
  await tx.query('insert into data_key (id, workspace_id, wrapped, root_key_id) values ($1, $2, $3, $4)', [
    input.id,
    workspaceId,
    input.wrapped,
    input.rootKeyId,
  ]);
  if (current) await tx.query('update data_key set retired_at = now() where id = $1', [current.id]);
  await tx.query('update workspace set data_key_id = $2 where id = $1', [workspaceId, input.id]);
  return { id: input.id, wrapped: Buffer.from(input.wrapped), rootKeyId: input.rootKeyId };
}

/** Keys, of all workspaces, that another root key than this one wraps: what is left to do of a rotation. */
export async function listDataKeysToRewrap(
  statements: InstanceStatements,
  rootKeyId: string,
  limit = 100,
): Promise<(DataKey & { readonly workspaceId: string })[]> {
  const rows = await statements.query<DataKeyRow & { workspaceId: string }>(
    `select k.id, k.wrapped, k.root_key_id as "rootKeyId", k.retired_at as "retiredAt", k.workspace_id as "workspaceId"
       from data_key k where k.root_key_id <> $1 order by k.id limit $2`,
    [rootKeyId, limit],
  );
  return rows.map((row) => ({ ...toDataKey(row), workspaceId: row.workspaceId }));
}

/** False when somebody else has wrapped it anew meanwhile. */
export async function rewrapDataKey(
  statements: InstanceStatements,
  {
    id,
    fromRootKeyId,
    rootKeyId,
    wrapped,
  }: { readonly id: string; readonly fromRootKeyId: string; readonly rootKeyId: string; readonly wrapped: Uint8Array },
): Promise<boolean> {
  const rows = await statements.query('update data_key set wrapped = $4, root_key_id = $3 where id = $1 and root_key_id = $2 returning 1', [
    id,
    fromRootKeyId,
    rootKeyId,
    wrapped,
  ]);
  return rows.length > 0;
}

type DataKeyRow = Omit<DataKey, 'retiredAt'> & { readonly retiredAt: Date | null };

const SELECT = 'select k.id, k.wrapped, k.root_key_id as "rootKeyId", k.retired_at as "retiredAt" from data_key k';

function toDataKey({ id, wrapped, rootKeyId, retiredAt }: DataKeyRow): DataKey {
  return { id, wrapped, rootKeyId, ...(retiredAt ? { retiredAt } : {}) };
}
