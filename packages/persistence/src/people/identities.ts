/** Who somebody is elsewhere: issuer and subject, never an address. */
import type { InstanceStatements } from '../in-instance.ts';

export interface Identity {
  readonly issuer: string;
  readonly subject: string;
  readonly createdAt: Date;
}

export type LinkIdentityResult =
  /** Also when it was linked to this person before. */
  { readonly kind: 'linked' } | { readonly kind: 'taken' };

export async function linkIdentity(
  statements: InstanceStatements,
  { personId, issuer, subject }: { readonly personId: string; readonly issuer: string; readonly subject: string },
): Promise<LinkIdentityResult> {
  const [row] = await statements.query<{ personId: string }>(
    // The update changes nothing; it makes the row of whoever came first come back.
    `insert into identity (issuer, subject, person_id) values ($1, $2, $3)
       on conflict (issuer, subject) do update set person_id = identity.person_id returning person_id as "personId"`,
    [issuer, subject, personId],
  );
  return { kind: row?.personId === personId ? 'linked' : 'taken' };
}

/** Whose it is; undefined also for people who are disabled or erased. */
export async function findPersonByIdentity(statements: InstanceStatements, issuer: string, subject: string): Promise<string | undefined> {
  const [row] = await statements.query<{ personId: string }>(
    `select i.person_id as "personId" from identity i join person e on e.principal_id = i.person_id
      where i.issuer = $1 and i.subject = $2 and e.disabled_at is null`,
    [issuer, subject],
  );
  return row?.personId;
}

/** Whose it is, also of people who are kept out: somebody who is must not come in as somebody new. */
export async function findIdentity(
  statements: InstanceStatements,
  issuer: string,
  subject: string,
): Promise<{ readonly personId: string; readonly isDisabled: boolean } | undefined> {
  const [row] = await statements.query<{ personId: string; isDisabled: boolean }>(
    `select i.person_id as "personId", e.disabled_at is not null as "isDisabled" from identity i join person e on e.principal_id = i.person_id
      where i.issuer = $1 and i.subject = $2`,
    [issuer, subject],
  );
  return row;
}

export function listIdentities(statements: InstanceStatements, personId: string): Promise<Identity[]> {
  return statements.query<Identity>(
    'select issuer, subject, created_at as "createdAt" from identity where person_id = $1 order by created_at, issuer',
    [personId],
  );
}

export async function unlinkIdentity(
  statements: InstanceStatements,
  identity: { readonly personId: string; readonly issuer: string; readonly subject: string },
): Promise<boolean> {
  const rows = await statements.query('delete from identity where issuer = $1 and subject = $2 and person_id = $3 returning 1', [
    identity.issuer,
    identity.subject,
    identity.personId,
  ]);
  return rows.length > 0;
}
