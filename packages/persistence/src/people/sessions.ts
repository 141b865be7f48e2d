/**
 * Sessions: opaque tokens of which only the hash is kept. One ends by itself when it is idle or too old, and at once when its
 * row goes. All times are the database's.
 */
import { uuidv7 } from '../ids.ts';
import type { InstanceStatements } from '../in-instance.ts';

export interface Session {
  /** Names the session to people; it opens nothing. */
  readonly id: string;
  readonly personId: string;
  readonly ip?: string;
  readonly userAgent?: string;
  readonly createdAt: Date;
  /** To about a minute. */
  readonly lastSeenAt: Date;
  readonly idleExpiresAt: Date;
  readonly absoluteExpiresAt: Date;
}

export interface OpenSession {
  readonly tokenHash: Uint8Array;
  readonly personId: string;
  /** How long it lives without a request, in milliseconds. */
  readonly idleMs: number;
  /** How long it lives at all, in milliseconds. */
  readonly absoluteMs: number;
  readonly ip?: string;
  readonly userAgent?: string;
}

/** Gives the session's id. */
export async function openSession(statements: InstanceStatements, input: OpenSession): Promise<string> {
  const id = uuidv7();
  await statements.query(
    `insert into session (token_hash, id, person_id, ip, user_agent, idle_expires_at, absolute_expires_at)
       values ($1, $2, $3, $4, $5, now() + least($6::float8, $7::float8) * interval '1 ms', now() + $7::float8 * interval '1 ms')`,
    [input.tokenHash, id, input.personId, input.ip ?? null, input.userAgent?.slice(0, 400) ?? null, input.idleMs, input.absoluteMs],
  );
  return id;
}

/**
 * The living session of a token, of somebody who may still sign in. Pushes its idle end out by `idleMs`, at most once a minute,
 * so that requests do not become writes.
 */
export async function findSession(
  statements: InstanceStatements,
  tokenHash: Uint8Array,
  { idleMs }: { readonly idleMs: number },
): Promise<Session | undefined> {
  const [row] = await statements.query<SessionRow & { isDue: boolean }>(
    `select ${COLUMNS}, s.last_seen_at < now() - interval '1 minute' as "isDue"
       from session s join person e on e.principal_id = s.person_id
      where s.token_hash = $1 and s.idle_expires_at > now() and s.absolute_expires_at > now() and e.disabled_at is null`,
    [tokenHash],
  );
  if (!row) return undefined;
  if (row.isDue) await touch(statements, tokenHash, idleMs);
  return toSession(row);
}

/** Which of these tokens still open something: what a process with open sockets asks every second. */
export async function livingSessions(statements: InstanceStatements, sessionIds: readonly string[]): Promise<Set<string>> {
  const rows = await statements.query<{ id: string }>(
    `select s.id from session s join person e on e.principal_id = s.person_id
      where s.id = any($1::uuid[]) and s.idle_expires_at > now() and s.absolute_expires_at > now() and e.disabled_at is null`,
    [sessionIds],
  );
  return new Set(rows.map((row) => row.id));
}

/** Newest first. */
export async function listSessions(statements: InstanceStatements, personId: string): Promise<Session[]> {
  const rows = await statements.query<SessionRow>(
    `select ${COLUMNS} from session s where s.person_id = $1 and s.idle_expires_at > now() and s.absolute_expires_at > now() order by s.id desc limit 100`,
    [personId],
  );
  return rows.map(toSession);
}

/** False when that person has no such session. */
export async function revokeSession(statements: InstanceStatements, personId: string, sessionId: string): Promise<boolean> {
  return (await statements.query('delete from session where person_id = $1 and id = $2 returning 1', [personId, sessionId])).length > 0;
}

/** All of a person, or all but one; gives how many. */
export async function revokeSessions(
  statements: InstanceStatements,
  personId: string,
  options: { readonly exceptId?: string } = {},
): Promise<number> {
  const rows = await statements.query('delete from session where person_id = $1 and ($2::uuid is null or id <> $2) returning 1', [
    personId,
    options.exceptId ?? null,
  ]);
  return rows.length;
}

/** Clears away what has ended; gives how many. Call again while it gives `limit`. */
export async function deleteEndedSessions(statements: InstanceStatements, limit = 1000): Promise<number> {
  const rows = await statements.query(
    `delete from session where token_hash in (
       select token_hash from session where absolute_expires_at < now() or idle_expires_at < now() limit $1 for update skip locked) returning 1`,
    [limit],
  );
  return rows.length;
}

async function touch(statements: InstanceStatements, tokenHash: Uint8Array, idleMs: number): Promise<void> {
  // Of many requests at once one writes: the others find the row no longer due.
  await statements.query(
    `update session set last_seen_at = now(), idle_expires_at = least(absolute_expires_at, now() + $2::float8 * interval '1 ms')
      where token_hash = $1 and last_seen_at < now() - interval '1 minute'`,
    [tokenHash, idleMs],
  );
}

interface SessionRow {
  readonly id: string;
  readonly personId: string;
  readonly ip: string | null;
  readonly userAgent: string | null;
  readonly createdAt: Date;
  readonly lastSeenAt: Date;
  readonly idleExpiresAt: Date;
  readonly absoluteExpiresAt: Date;
}

const COLUMNS = `s.id, s.person_id as "personId", s.ip, s.user_agent as "userAgent", s.created_at as "createdAt", s.last_seen_at as "lastSeenAt",
  s.idle_expires_at as "idleExpiresAt", s.absolute_expires_at as "absoluteExpiresAt"`;

function toSession({ id, personId, ip, userAgent, createdAt, lastSeenAt, idleExpiresAt, absoluteExpiresAt }: SessionRow): Session {
  return {
    id,
    personId,
    ...(ip === null ? {} : { ip }),
    ...(userAgent === null ? {} : { userAgent }),
    createdAt,
    lastSeenAt,
    idleExpiresAt,
    absoluteExpiresAt,
  };
}
