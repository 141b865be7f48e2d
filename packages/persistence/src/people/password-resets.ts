/** Links that set a password anew: one per person at a time, good once and not for long. Only the hash is kept. */
import type { InstanceStatements, InstanceTransaction } from '../in-instance.ts';

/**
 * A link made before for the same person is worth nothing from now on; only one that an operator made stays when the person asks for another.
 * False when it stays, or there is no such person who may sign in.
 */
export async function createPasswordReset(
  statements: InstanceStatements,
  input: { readonly personId: string; readonly tokenHash: Uint8Array; readonly validMs: number; readonly createdBy: string },
): Promise<boolean> {
  const rows = await statements.query(
    `insert into password_reset (token_hash, person_id, created_by, expires_at)
       select $1, e.principal_id, $4, now() + $3::float8 * interval '1 ms' from person e join principal p on p.id = e.principal_id
        where e.principal_id = $2 and e.disabled_at is null and p.erased_at is null
       on conflict (person_id) do update
         set token_hash = excluded.token_hash, created_by = excluded.created_by, created_at = now(), expires_at = excluded.expires_at
         where excluded.created_by <> excluded.person_id or password_reset.created_by = password_reset.person_id or password_reset.expires_at <= now()
       returning 1`,
    [input.tokenHash, input.personId, input.validMs, input.createdBy],
  );
  return rows.length > 0;
}

/** Whose password a link sets; undefined for one that is unknown, used, too old, or of somebody who may not sign in. */
export async function findPasswordReset(statements: InstanceStatements, tokenHash: Uint8Array): Promise<string | undefined> {
  const [row] = await statements.query<{ personId: string }>(
    `select r.person_id as "personId" from password_reset r join person e on e.principal_id = r.person_id and e.disabled_at is null
      where r.token_hash = $1 and r.expires_at > now()`,
    [tokenHash],
  );
  return row?.personId;
}

/** Uses a link up and gives whose it was. Of two at once one gets it. */
export async function usePasswordReset(tx: InstanceTransaction, tokenHash: Uint8Array): Promise<string | undefined> {
  const personId = await findPasswordReset(tx, tokenHash);
  if (personId === undefined) return undefined;
  const rows = await tx.query('delete from password_reset where token_hash = $1 and expires_at > now() returning 1', [tokenHash]);
  return rows.length > 0 ? personId : undefined;
}
