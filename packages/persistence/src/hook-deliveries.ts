/**
 * Deliveries of webhooks that may act only once: which run a key belongs to, and what its caller was answered. The key itself is a row of
 * `run_key`, written with the run; the answer is kept beside it for as long, so that whoever sends again gets the same.
 */
import type { InstanceStatements } from './in-instance.ts';
import { storedKey } from './journal/stored-key.ts';

export interface StoredReply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Which answer: of a run, and to what was sent then. */
export interface ReplyKey {
  readonly workspaceId: string;
  readonly runId: string;
  /** Of the content of the request: an answer is given again only to who sends the same. */
  readonly fingerprint: string;
}

/** The run that has this key, if its time is not over. */
export async function findKeyedRun(
  statements: InstanceStatements,
  { workspaceId, scope, key }: { readonly workspaceId: string; readonly scope: string; readonly key: string },
): Promise<string | undefined> {
  const [row] = await statements.query<{ runId: string }>(
    `select run_id as "runId" from run_key where workspace_id = $1 and scope = $2 and key = $3 and expires_at > now()`,
    [workspaceId, storedKey(scope), storedKey(key)],
  );
  return row?.runId;
}

export async function keepHookReply(
  statements: InstanceStatements,
  input: StoredReply & ReplyKey & { readonly expiresAt: number },
): Promise<void> {
  await statements.query(
    `insert into hook_reply (workspace_id, run_id, fingerprint, status, headers, body, expires_at)
       values ($1, $2, $3, $4, $5, $6, to_timestamp($7::float8 / 1000))
       on conflict (workspace_id, run_id) do nothing`,
    [input.workspaceId, input.runId, input.fingerprint, input.status, JSON.stringify(input.headers), input.body, input.expiresAt],
  );
}

export async function findHookReply(
  statements: InstanceStatements,
  { workspaceId, runId, fingerprint }: ReplyKey,
): Promise<StoredReply | undefined> {
  const [row] = await statements.query<StoredReply>(
    'select status, headers, body from hook_reply where workspace_id = $1 and run_id = $2 and fingerprint = $3 and expires_at > now()',
    [workspaceId, runId, fingerprint],
  );
  return row;
}

/** Gives how many went. */
export async function deleteExpiredHookReplies(statements: InstanceStatements, limit = 1000): Promise<number> {
  const rows = await statements.query(
    `delete from hook_reply where (workspace_id, run_id) in
       (select workspace_id, run_id from hook_reply where expires_at < now() limit $1 for update skip locked) returning 1`,
    [limit],
  );
  return rows.length;
}
