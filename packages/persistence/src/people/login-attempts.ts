/**
 * Failed sign-ins, counted per account and per address, so that guessing becomes slow. What is counted is kept as a digest.
 * The table stays bounded: each failure clears some of what is too old, and the sweeper holds its number of rows.
 */
import { createHash } from 'node:crypto';
import type { InstanceStatements } from '../in-instance.ts';

/** What a failure is counted against. */
export interface LoginSubject {
  readonly kind: 'account' | 'ip';
  /** The address as typed, or of the network. */
  readonly value: string;
}

export interface LoginFailures {
  readonly subject: LoginSubject;
  readonly failures: number;
  /** Milliseconds since the last one. */
  readonly sinceMs: number;
}

interface WindowOptions {
  /** Failures older than this are forgotten, in milliseconds. */
  readonly windowMs: number;
}

/** Failures within the window, one entry per subject; 0 where there is none. */
export async function readLoginFailures(
  statements: InstanceStatements,
  subjects: readonly LoginSubject[],
  { windowMs }: WindowOptions,
): Promise<LoginFailures[]> {
  const rows = await statements.query<CountRow>(
    `select encode(subject, 'hex') as digest, failures, (extract(epoch from now() - last_at) * 1000)::float8 as "sinceMs"
       from login_attempt where subject = any($1::bytea[]) and last_at > now() - $2::float8 * interval '1 ms'`,
    [subjects.map(digestOf), windowMs],
  );
  return perSubject(subjects, rows);
}

/** Counts one failure against each subject and gives the new counts. */
export async function recordLoginFailure(
  statements: InstanceStatements,
  subjects: readonly LoginSubject[],
  { windowMs }: WindowOptions,
): Promise<LoginFailures[]> {
  const rows = await statements.query<CountRow>(
    `with old as (
       delete from login_attempt where subject in (
         select subject from login_attempt where last_at < now() - $2::float8 * interval '1 ms' and subject <> all($1::bytea[])
          order by last_at limit 10 for update skip locked)
     ) insert into login_attempt as a (subject, failures) select distinct s, 1 from unnest($1::bytea[]) s order by s
         on conflict (subject) do update
           set failures = case when a.last_at > now() - $2::float8 * interval '1 ms' then least(a.failures, 1000000) + 1 else 1 end,
               first_at = case when a.last_at > now() - $2::float8 * interval '1 ms' then a.first_at else now() end, last_at = now()
         returning encode(subject, 'hex') as digest, failures, 0::float8 as "sinceMs"`,
    [subjects.map(digestOf), windowMs],
  );
  return perSubject(subjects, rows);
}

/** After a sign-in that worked: the account starts anew. The address does not, or one good account would hide any number of guesses. */
export async function forgetLoginFailures(statements: InstanceStatements, subject: LoginSubject): Promise<void> {
  await statements.query('delete from login_attempt where subject = $1', [digestOf(subject)]);
}

/** Clears away what is older than the window and, beyond `maxRows`, the oldest; gives how many. */
export async function pruneLoginFailures(
  statements: InstanceStatements,
  { windowMs, maxRows }: WindowOptions & { readonly maxRows: number },
): Promise<number> {
  const rows = await statements.query(
    `delete from login_attempt where last_at < now() - $1::float8 * interval '1 ms'
        or subject in (select subject from login_attempt order by last_at desc offset $2) returning 1`,
    [windowMs, maxRows],
  );
  return rows.length;
}

interface CountRow {
  readonly digest: string;
  readonly failures: number;
  readonly sinceMs: number;
}

function perSubject(subjects: readonly LoginSubject[], rows: readonly CountRow[]): LoginFailures[] {
  const found = new Map(rows.map((row) => [row.digest, row]));
  return subjects.map((subject) => {
    const row = found.get(digestOf(subject).toString('hex'));
    return { subject, failures: row?.failures ?? 0, sinceMs: row?.sinceMs ?? 0 };
  });
}

function digestOf({ kind, value }: LoginSubject): Buffer {
  return createHash('sha256')
    .update(`${kind}:${value.trim().normalize('NFC').toLowerCase()}`)
    .digest();
}
