/**
 * Idempotency keys of mutations. The row is written in the mutation's own transaction: a second request with the key waits for
 * the first one, then gets its result, or does the work itself if the first one failed.
 */
import type { Json } from '@plugboard/sdk';
import type { Statements } from '../statements.ts';

export interface IdempotencyClaim {
  readonly principalId: string;
  /** As the client sent it, up to 255 characters. */
  readonly key: string;
  /** Over the operation, the workspace and its input. */
  readonly requestHash: Uint8Array;
  /** How long the result is kept, in milliseconds. */
  readonly keepMs: number;
}

export type IdempotencyClaimResult =
  /** Do it, then {@link finishIdempotency}, in this transaction. */
  | { readonly kind: 'claimed' }
  | { readonly kind: 'replay'; readonly result: Json }
  /** The key was used for another request. */
  | { readonly kind: 'mismatch' };

export async function claimIdempotency(tx: Statements, claim: IdempotencyClaim): Promise<IdempotencyClaimResult> {
  const { principalId, key, requestHash, keepMs } = claim;
  const [claimed] = await tx.query(
    `insert into idempotency (principal_id, key, request_hash, expires_at) values ($1, $2, $3, now() + $4::float8 * interval '1 ms')
       on conflict (principal_id, key) do update
         set request_hash = excluded.request_hash, result = null, created_at = now(), expires_at = excluded.expires_at
       where idempotency.expires_at <= now() returning 1`,
    [principalId, key, requestHash, keepMs],
  );
  if (claimed) return { kind: 'claimed' };
  const [row] = await tx.query<{ requestHash: Buffer; result: Json }>(
    'select request_hash as "requestHash", result from idempotency where principal_id = $1 and key = $2',
    [principalId, key],
  );
  // Deleted by the sweeper in between.
  if (!row) return claimIdempotency(tx, claim);
  return row.requestHash.equals(requestHash) ? { kind: 'replay', result: row.result } : { kind: 'mismatch' };
}

export async function finishIdempotency(
  tx: Statements,
  { principalId, key, result }: { readonly principalId: string; readonly key: string; readonly result: Json },
): Promise<void> {
  await tx.query('update idempotency set result = $3 where principal_id = $1 and key = $2', [principalId, key, JSON.stringify(result)]);
}

/** Clears away what is past its time; gives how many. Call again while it gives `limit`. */
export async function deleteExpiredIdempotency(statements: Statements, limit = 1000): Promise<number> {
  const rows = await statements.query(
    `delete from idempotency where (principal_id, key) in (
       select principal_id, key from idempotency where expires_at <= now() limit $1 for update skip locked) returning 1`,
    [limit],
  );
  return rows.length;
}
