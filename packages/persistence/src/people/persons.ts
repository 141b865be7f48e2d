/**
 * People as the instance knows them: address, password, second factor. Everything here acts on the instance; what a
 * workspace knows of its members is in `members.ts`. Hashes and encrypted bytes are made by the caller.
 */
import type { InstanceStatements, InstanceTransaction } from '../in-instance.ts';
import { uuidv7 } from '../ids.ts';
import { likePattern, pageLimit } from '../paging.ts';
import { raiseAccessVersionsOf } from './access-version.ts';
import { normalizeEmail } from './email.ts';
import { isLastOperator } from './instance-roles.ts';

export interface Person {
  readonly id: string;
  readonly displayName: string;
  /** As the person wrote it. */
  readonly email: string;
  readonly locale: string;
  /** IANA name. */
  readonly zone: string;
  readonly rev: number;
  readonly createdAt: Date;
  /** Signs in no more since then. */
  readonly disabledAt?: Date;
  /** Whether a second factor is asked for. */
  readonly hasTotp: boolean;
}

/** What checking a sign-in needs. */
export interface PersonSecrets {
  /** Absent for people who sign in elsewhere only. */
  readonly passwordPhc?: string;
  /** Encrypted by the caller; also there while it waits for its first code. */
  readonly totpSecret?: Buffer;
  readonly totpEnabledAt?: Date;
  /** How many recovery codes are left. */
  readonly recoveryCodes: number;
}

export interface CreatePerson {
  readonly email: string;
  readonly displayName: string;
  readonly passwordPhc?: string;
  /** @default 'en' */
  readonly locale?: string;
  /** IANA name. @default 'UTC' */
  readonly zone?: string;
  /** Absent for the first one, who makes himself. */
  readonly createdBy?: string;
}

export type CreatePersonResult =
  | { readonly kind: 'created'; readonly personId: string }
  /** Whatever the case it was written in. */
  | { readonly kind: 'email-taken' };

/** Of two with one address at once, one is made and the other is told. */
export async function createPerson(statements: InstanceStatements, input: CreatePerson): Promise<CreatePersonResult> {
  const [row] = await statements.query<{ id: string }>(
    `with made as (
       insert into person (principal_id, email, email_ci, password_phc, password_changed_at, locale, zone)
         values ($1, $2, $3, $4::text, case when $4::text is null then null else now() end, $5, $6)
         on conflict (email_ci) do nothing returning principal_id
     ) insert into principal (id, kind, display_name, created_by) select principal_id, 'person', $7, $8::uuid from made returning id`,
    [
      uuidv7(),
      input.email.trim(),
      normalizeEmail(input.email),
      input.passwordPhc ?? null,
      input.locale ?? 'en',
      input.zone ?? 'UTC',
      input.displayName,
      input.createdBy ?? null,
    ],
  );
  return row ? { kind: 'created', personId: row.id } : { kind: 'email-taken' };
}

export async function findPerson(statements: InstanceStatements, id: string): Promise<Person | undefined> {
  const [row] = await statements.query<PersonRow>(`${SELECT} where p.id = $1 and p.erased_at is null`, [id]);
  return row && toPerson(row);
}

/** With what checking the password needs. */
export async function findPersonByEmail(statements: InstanceStatements, email: string): Promise<(Person & PersonSecrets) | undefined> {
  const [row] = await statements.query<PersonRow>(`${SELECT} where e.email_ci = $1 and p.erased_at is null`, [normalizeEmail(email)]);
  return row && { ...toPerson(row), ...toSecrets(row) };
}

/** For checks of somebody who is signed in already, or half way in. */
export async function findPersonSecrets(statements: InstanceStatements, id: string): Promise<PersonSecrets | undefined> {
  const [row] = await statements.query<PersonRow>(`${SELECT} where p.id = $1 and p.erased_at is null`, [id]);
  return row && toSecrets(row);
}

export interface ListPersons {
  /** Part of name or address, whatever the case. */
  readonly search?: string;
  /** `nextCursor` of the page before. */
  readonly cursor?: string;
  /** 1 to 100. @default 50 */
  readonly limit?: number;
}

export interface PersonPage {
  readonly persons: readonly Person[];
  /** Absent on the last page. */
  readonly nextCursor?: string;
}

/** Everybody on the instance, newest first; for operators. */
export async function listPersons(statements: InstanceStatements, options: ListPersons = {}): Promise<PersonPage> {
  const limit = pageLimit(options.limit);
  const rows = await statements.query<PersonRow>(
    `${SELECT} where p.erased_at is null and ($1::uuid is null or p.id < $1)
       and ($2::text is null or p.display_name ilike $2 escape '\\' or e.email_ci ilike $2 escape '\\')
     order by p.id desc limit $3`,
    [options.cursor ?? null, likePattern(options.search), limit + 1],
  );
  const persons = rows.slice(0, limit).map(toPerson);
  return rows.length > limit ? { persons, nextCursor: persons.at(-1)!.id } : { persons };
}

export interface UpdatePerson {
  readonly displayName?: string;
  readonly locale?: string;
  readonly zone?: string;
  readonly expectedRev?: number;
}

export type UpdatePersonResult =
  | { readonly kind: 'saved'; readonly rev: number }
  | { readonly kind: 'not-found' }
  | { readonly kind: 'conflict'; readonly person: Person };

export async function updatePerson(tx: InstanceTransaction, id: string, change: UpdatePerson): Promise<UpdatePersonResult> {
  await tx.query('select from person where principal_id = $1 for update', [id]);
  const person = await findPerson(tx, id);
  if (!person) return { kind: 'not-found' };
  if (change.expectedRev !== undefined && change.expectedRev !== person.rev) return { kind: 'conflict', person };
  await tx.query(
    `with named as (update principal set display_name = coalesce($2, display_name), updated_at = now(), rev = rev + 1 where id = $1)
     update person set locale = coalesce($3, locale), zone = coalesce($4, zone), rev = rev + 1, updated_at = now() where principal_id = $1`,
    [id, change.displayName ?? null, change.locale ?? null, change.zone ?? null],
  );
  return { kind: 'saved', rev: person.rev + 1 };
}

/** The caller revokes the sessions that must not survive it, in the same transaction. False when there is no such person. */
export async function setPassword(statements: InstanceStatements, id: string, passwordPhc: string): Promise<boolean> {
  const rows = await statements.query(
    'update person set password_phc = $2, password_changed_at = now(), rev = rev + 1, updated_at = now() where principal_id = $1 returning 1',
    [id, passwordPhc],
  );
  return rows.length > 0;
}

export type DisablePersonResult =
  | { readonly kind: 'disabled' }
  | { readonly kind: 'not-found' }
  | { readonly kind: 'last-operator' }
  /** Those workspaces have no other owner; they need one first. */
  | { readonly kind: 'last-owner'; readonly workspaceIds: readonly string[] };

/** Keeps somebody out; sessions end at once. The last operator stays, because nobody could let him in again. */
export async function disablePerson(tx: InstanceTransaction, id: string): Promise<DisablePersonResult> {
  if (await isLastOperator(tx, id)) return { kind: 'last-operator' };
  await raiseAccessVersionsOf(tx, id);
  const alone = await ownedAlone(tx, id);
  if (alone.length > 0) return { kind: 'last-owner', workspaceIds: alone };
  const rows = await tx.query(
    'update person set disabled_at = coalesce(disabled_at, now()), rev = rev + 1, updated_at = now() where principal_id = $1 returning 1',
    [id],
  );
  await tx.query('delete from session where person_id = $1', [id]);
  await tx.query('delete from password_reset where person_id = $1', [id]);
  return { kind: rows.length > 0 ? 'disabled' : 'not-found' };
}

/** Workspaces that nobody else who may sign in owns. */
async function ownedAlone(tx: InstanceTransaction, id: string): Promise<string[]> {
  const rows = await tx.query<{ id: string }>(
    `select m.workspace_id as id from member m join workspace w on w.id = m.workspace_id and w.deleted_at is null
      where m.principal_id = $1 and m.state = 'active' and m.role = 'owner'
        and not exists (select from member o join person e on e.principal_id = o.principal_id and e.disabled_at is null
                         where o.workspace_id = m.workspace_id and o.principal_id <> $1 and o.state = 'active' and o.role = 'owner')`,
    [id],
  );
  return rows.map((row) => row.id);
}

/** Lets somebody in again. False when there is no such person, or only an erased one. */
export async function enablePerson(tx: InstanceTransaction, id: string): Promise<boolean> {
  await raiseAccessVersionsOf(tx, id);
  const rows = await tx.query(
    `update person set disabled_at = null, rev = rev + 1, updated_at = now()
      where principal_id = $1 and exists (select from principal where id = $1 and erased_at is null) returning 1`,
    [id],
  );
  return rows.length > 0;
}

export type ErasePersonResult =
  | { readonly kind: 'erased' }
  | { readonly kind: 'not-found' }
  | { readonly kind: 'last-operator' }
  /** Those workspaces have no other owner; they need one first. */
  | { readonly kind: 'last-owner'; readonly workspaceIds: readonly string[] };

/** Takes the profile away and leaves the principal, so that what was done keeps its author. */
export async function erasePerson(tx: InstanceTransaction, id: string): Promise<ErasePersonResult> {
  if (await isLastOperator(tx, id)) return { kind: 'last-operator' };
  await raiseAccessVersionsOf(tx, id);
  const alone = await ownedAlone(tx, id);
  if (alone.length > 0) return { kind: 'last-owner', workspaceIds: alone };
  await tx.query(
    // Also those that others sent to the address.
    `update invitation i set email = '', email_ci = 'erased:' || i.id, revoked_at = coalesce(revoked_at, case when accepted_at is null then now() end)
       from person e where e.principal_id = $1 and (i.accepted_by = $1 or i.email_ci = e.email_ci)`,
    [id],
  );
  const rows = await tx.query(
    `update principal set display_name = 'Former member', erased_at = now(), updated_at = now(), rev = rev + 1
      where id = $1 and kind = 'person' and erased_at is null returning 1`,
    [id],
  );
  if (rows.length === 0) return { kind: 'not-found' };
  await tx.query(
    `update person set email = '', email_ci = 'erased:' || principal_id, password_phc = null, disabled_at = coalesce(disabled_at, now()),
            totp_secret = null, totp_enabled_at = null, totp_last_step = null, recovery_hashes = '{}', locale = 'en', zone = 'UTC'
      where principal_id = $1`,
    [id],
  );
  for (const statement of FORGET) await tx.query(statement, [id]);
  return { kind: 'erased' };
}

/** What goes with the profile. */
const FORGET = [
  'delete from session where person_id = $1',
  'delete from password_reset where person_id = $1',
  'delete from identity where person_id = $1',
  'delete from instance_role where principal_id = $1',
  'delete from team_member where principal_id = $1',
  'delete from star where principal_id = $1',
  'delete from notification where principal_id = $1',
  'delete from idempotency where principal_id = $1',
  'delete from saved_view where principal_id = $1',
  `delete from setting where scope = 'person' and scope_id = $1`,
  `delete from role_grant where subject_kind = 'principal' and subject_id = $1`,
  `update api_key set revoked_at = coalesce(revoked_at, now()), name = '' where principal_id = $1`,
  'update audit set payload = null where payload is not null and principal_id = $1',
  `update member set state = 'removed', updated_at = now(), rev = rev + 1 where principal_id = $1 and state = 'active'`,
];

/** Takes a second factor in before it is confirmed; one that is in use stays in use until {@link enableTotp}. */
export async function offerTotp(statements: InstanceStatements, id: string, secret: Uint8Array): Promise<boolean> {
  const rows = await statements.query(
    'update person set totp_secret = $2, totp_last_step = null where principal_id = $1 and totp_enabled_at is null returning 1',
    [id, secret],
  );
  return rows.length > 0;
}

/** From now on a code is asked for. `step` is the one of the code that confirmed it. False when none was offered, or it is on already. */
export async function enableTotp(
  statements: InstanceStatements,
  id: string,
  { step, recoveryHashes }: { readonly step: number; readonly recoveryHashes: readonly Uint8Array[] },
): Promise<boolean> {
  const rows = await statements.query(
    `update person set totp_enabled_at = now(), totp_last_step = $2, recovery_hashes = $3, rev = rev + 1, updated_at = now()
      where principal_id = $1 and totp_secret is not null and totp_enabled_at is null returning 1`,
    [id, step, recoveryHashes],
  );
  return rows.length > 0;
}

export async function disableTotp(statements: InstanceStatements, id: string): Promise<boolean> {
  const rows = await statements.query(
    `update person set totp_secret = null, totp_enabled_at = null, totp_last_step = null, recovery_hashes = '{}', rev = rev + 1, updated_at = now()
      where principal_id = $1 returning 1`,
    [id],
  );
  return rows.length > 0;
}

/** Takes a code's time step, in units of 30 s since 1970. False for one that was used before, or an older one: a code counts once. */
export async function useTotpStep(statements: InstanceStatements, id: string, step: number): Promise<boolean> {
  const rows = await statements.query(
    'update person set totp_last_step = $2 where principal_id = $1 and totp_enabled_at is not null and (totp_last_step is null or totp_last_step < $2) returning 1',
    [id, step],
  );
  return rows.length > 0;
}

/** Takes a recovery code by its hash; each counts once. */
export async function useRecoveryCode(statements: InstanceStatements, id: string, hash: Uint8Array): Promise<boolean> {
  const rows = await statements.query(
    'update person set recovery_hashes = array_remove(recovery_hashes, $2) where principal_id = $1 and $2 = any(recovery_hashes) returning 1',
    [id, hash],
  );
  return rows.length > 0;
}

interface PersonRow {
  readonly id: string;
  readonly displayName: string;
  readonly email: string;
  readonly locale: string;
  readonly zone: string;
  readonly rev: number;
  readonly createdAt: Date;
  readonly disabledAt: Date | null;
  readonly passwordPhc: string | null;
  readonly totpSecret: Buffer | null;
  readonly totpEnabledAt: Date | null;
  readonly recoveryCodes: number;
}

const SELECT = `
  select p.id, p.display_name as "displayName", e.email, e.locale, e.zone, e.rev, e.created_at as "createdAt", e.disabled_at as "disabledAt",
         e.password_phc as "passwordPhc", e.totp_secret as "totpSecret", e.totp_enabled_at as "totpEnabledAt", cardinality(e.recovery_hashes) as "recoveryCodes"
    from person e join principal p on p.id = e.principal_id`;

function toPerson({ id, displayName, email, locale, zone, rev, createdAt, disabledAt, totpEnabledAt }: PersonRow): Person {
  return { id, displayName, email, locale, zone, rev, createdAt, ...(disabledAt ? { disabledAt } : {}), hasTotp: totpEnabledAt !== null };
}

function toSecrets({ passwordPhc, totpSecret, totpEnabledAt, recoveryCodes }: PersonRow): PersonSecrets {
  return {
    ...(passwordPhc === null ? {} : { passwordPhc }),
    ...(totpSecret ? { totpSecret } : {}),
    ...(totpEnabledAt ? { totpEnabledAt } : {}),
    recoveryCodes,
  };
}
