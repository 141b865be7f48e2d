/** E-mail that waits to be sent. What it says is sealed by the caller: links that let somebody in are in it. Sent, it is gone. */
import { uuidv7 } from './ids.ts';
import type { InstanceStatements } from './in-instance.ts';

export interface QueuedMail {
  readonly id: string;
  readonly content: Buffer;
  /** Tries that failed before. */
  readonly attempts: number;
}

/** @param id makes it anew only once; absent, it is made */
export async function queueMail(
  statements: InstanceStatements,
  { id = uuidv7(), content }: { readonly id?: string; readonly content: Uint8Array },
): Promise<void> {
  await statements.query('insert into mail (id, content) values ($1, $2) on conflict (id) do nothing', [id, content]);
}

/** Up to `limit` that are due; no other process gets them for `leaseMs`, and each counts as tried. */
export function claimMail(
  statements: InstanceStatements,
  { limit, leaseMs }: { readonly limit: number; readonly leaseMs: number },
): Promise<QueuedMail[]> {
  return statements.query(
    `update mail set next_at = now() + $2::float8 * interval '1 ms', attempts = attempts + 1
      where id in (select id from mail where next_at <= now() order by next_at limit $1 for update skip locked)
      returning id, content, attempts - 1 as attempts`,
    [limit, leaseMs],
  );
}

/** Tried again after so long. */
export async function postponeMail(statements: InstanceStatements, id: string, delayMs: number): Promise<void> {
  await statements.query(`update mail set next_at = now() + $2::float8 * interval '1 ms' where id = $1`, [id, delayMs]);
}

/** Sent, or given up. */
export async function deleteMail(statements: InstanceStatements, id: string): Promise<void> {
  await statements.query('delete from mail where id = $1', [id]);
}
