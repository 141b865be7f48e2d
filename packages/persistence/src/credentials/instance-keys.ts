/** The secret of the instance that its other keys are derived from, as bytes wrapped by a root key: one row for each root key that opens it. */
import { raiseGeneration } from '../generations.ts';
import type { InstanceStatements, InstanceTransaction } from '../in-instance.ts';

export interface InstanceKey {
  readonly rootKeyId: string;
  readonly wrapped: Buffer;
  /** New keys are wrapped with this root key, by every process. */
  readonly isWrapping: boolean;
}

/** Two while the root key is being replaced, else one; none before the first start. */
export function listInstanceKeys(statements: InstanceStatements): Promise<InstanceKey[]> {
  return statements.query('select root_key_id as "rootKeyId", wrapped, is_wrapping as "isWrapping" from instance_key order by created_at');
}

/** The first one ever. Of several starts at once one makes it, and the others wait for it: read what is there afterwards. */
export async function addFirstInstanceKey(
  tx: InstanceTransaction,
  key: { readonly rootKeyId: string; readonly wrapped: Uint8Array },
): Promise<void> {
  // A statement of its own: what the next one sees is from after the wait.
  await tx.query(`select pg_advisory_xact_lock(hashtext('plugboard.instance_key'))`);
  await tx.query(
    'insert into instance_key (root_key_id, wrapped, is_wrapping) select $1, $2, true where not exists (select from instance_key)',
    [key.rootKeyId, key.wrapped],
  );
}

/** The same secret, under a further root key. */
export async function addInstanceKey(
  statements: InstanceStatements,
  key: { readonly rootKeyId: string; readonly wrapped: Uint8Array },
): Promise<void> {
  await statements.query('insert into instance_key (root_key_id, wrapped) values ($1, $2) on conflict (root_key_id) do nothing', [
    key.rootKeyId,
    key.wrapped,
  ]);
}

/** From now on every process wraps new keys with this root key, as soon as it looks. */
export async function wrapWithInstanceKey(tx: InstanceTransaction, rootKeyId: string): Promise<void> {
  await tx.query('update instance_key set is_wrapping = false where is_wrapping and root_key_id <> $1', [rootKeyId]);
  await tx.query('update instance_key set is_wrapping = true where not is_wrapping and root_key_id = $1', [rootKeyId]);
  await raiseGeneration(tx, 'keys');
}

/**
 * From now on only this root key opens the secret. False, with nothing changed, while data keys are left that another one wraps; `lost` says
 * how many of them no root key opens any more, so that they are not waited for.
 */
export async function keepOnlyInstanceKey(statements: InstanceStatements, rootKeyId: string, { lost = 0 } = {}): Promise<boolean> {
  const [row] = await statements.query<{ left: number }>('select count(*)::int4 as left from data_key where root_key_id <> $1', [
    rootKeyId,
  ]);
  if (row === undefined || row.left > lost) return false;
  const gone = await statements.query('delete from instance_key where root_key_id <> $1 returning 1', [rootKeyId]);
  if (gone.length > 0) await raiseGeneration(statements, 'keys');
  return true;
}

/** Lets the next start make a new secret. False when there was none. */
export async function deleteInstanceKeys(statements: InstanceStatements): Promise<boolean> {
  return (await statements.query('delete from instance_key returning root_key_id')).length > 0;
}
