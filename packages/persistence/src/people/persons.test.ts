import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { aHash, peopleKit } from '../../test/people-kit.ts';
import type { PeopleKit } from '../../test/people-kit.ts';
import type { TestDatabase } from '../../test/test-database.ts';
import { createTestDatabase } from '../../test/test-database.ts';
import { inInstance } from '../in-instance.ts';
import { findApiKey, createApiKey } from './api-keys.ts';
import { loadAccess } from './access.ts';
import { findPersonByIdentity, linkIdentity, listIdentities, unlinkIdentity } from './identities.ts';
import { grantInstanceRole, hasOperator, listInstanceRoles, lockOwnerCreation, revokeInstanceRole } from './instance-roles.ts';
import { forgetLoginFailures, pruneLoginFailures, readLoginFailures, recordLoginFailure } from './login-attempts.ts';
import { addMember, findMember, listMembers } from './members.ts';
import {
  createPerson,
  disablePerson,
  disableTotp,
  enablePerson,
  enableTotp,
  erasePerson,
  findPerson,
  findPersonByEmail,
  findPersonSecrets,
  listPersons,
  offerTotp,
  setPassword,
  updatePerson,
  useRecoveryCode,
  useTotpStep,
} from './persons.ts';
import { deleteEndedSessions, findSession, listSessions, livingSessions, openSession, revokeSession, revokeSessions } from './sessions.ts';

let db: TestDatabase;
let kit: PeopleKit;
beforeAll(async () => {
  db = await createTestDatabase();
  kit = peopleKit(db.database);
});
afterAll(() => db.close());

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const onInstance: <Result>(use: Parameters<typeof inInstance<Result>>[1]) => Promise<Result> = (use) => inInstance(db.database, use);

describe('people', () => {
  test('with one address at once, in whatever case: one is made, and nothing is left of the others', async () => {
    const results = await Promise.all(
      ['Same@Example.com', 'same@example.com ', 'SAME@EXAMPLE.COM', 'same@example.COM'].map((email) =>
        createPerson(db.database, { email, displayName: 'Same' }),
      ),
    );
    expect(results.filter((result) => result.kind === 'created')).toHaveLength(1);
    const [counts] = await db.database.query(`select count(*)::int4 as n from principal where display_name = 'Same'`);
    expect(counts).toEqual({ n: 1 });
    expect(await findPersonByEmail(db.database, ' sAme@example.com')).toMatchObject({
      displayName: 'Same',
      hasTotp: false,
      locale: 'en',
      zone: 'UTC',
    });
    expect(await findPersonByEmail(db.database, 'nobody@example.com')).toBeUndefined();
  });

  test('keep their password as it is given, and only what checks a sign-in sees it', async () => {
    const id = await kit.person('Pass');
    expect(await findPersonSecrets(db.database, id)).toEqual({ recoveryCodes: 0 });
    expect(await setPassword(db.database, id, '$argon2id$x')).toBe(true);
    expect(await findPersonByEmail(db.database, 'pass@example.com')).toMatchObject({ id, passwordPhc: '$argon2id$x' });
    expect(JSON.stringify(await findPerson(db.database, id))).not.toContain('argon2id');
    expect(await setPassword(db.database, '01900000-0000-7000-8000-000000000000', 'x')).toBe(false);
  });

  test('are changed on the revision that was read, or it is a conflict that shows what stands there', async () => {
    const id = await kit.person('Renamed');
    expect(await onInstance((tx) => updatePerson(tx, id, { displayName: 'New name', zone: 'Asia/Kolkata', expectedRev: 1 }))).toEqual({
      kind: 'saved',
      rev: 2,
    });
    expect(await onInstance((tx) => updatePerson(tx, id, { locale: 'de', expectedRev: 1 }))).toMatchObject({
      kind: 'conflict',
      person: { displayName: 'New name', zone: 'Asia/Kolkata', locale: 'en', rev: 2 },
    });
  });

  test('are listed page by page and found by part of name or address, with % and _ as they are', async () => {
    const ids: string[] = [];
    for (const name of ['List_a', 'List_b', 'List_c']) ids.unshift(await kit.person(name));
    await kit.person('Listxd');
    const first = await listPersons(db.database, { search: 'list_', limit: 2 });
    expect(first.persons.map((person) => person.id)).toEqual(ids.slice(0, 2));
    const second = await listPersons(db.database, { search: 'list_', limit: 2, cursor: first.nextCursor! });
    expect(second.persons.map((person) => person.id)).toEqual(ids.slice(2));
    expect(second.nextCursor).toBeUndefined();
  });

  test('who are disabled lose sessions, keys and rights at once, and get them back except for the sessions', async () => {
    const { workspaceId, ownerId } = await kit.workspace('disabling');
    const id = await kit.member(workspaceId, 'Disabled', 'editor');
    await openSession(db.database, { tokenHash: aHash('disabled'), personId: id, idleMs: HOUR, absoluteMs: HOUR });
    await linkIdentity(db.database, { personId: id, issuer: 'https://id.example.com', subject: 'disabled' });
    await kit.as({ workspaceId, principalId: ownerId }, (tx) =>
      createApiKey(tx, { principalId: id, name: 'k', hash: aHash('disabled key'), hint: 'abcd', scopes: [] }),
    );
    const before = await loadAccess(db.database, { workspaceId, principalId: id });
    expect(await onInstance((tx) => disablePerson(tx, id))).toEqual({ kind: 'disabled' });
    expect(await findSession(db.database, aHash('disabled'), { idleMs: HOUR })).toBeUndefined();
    expect(await findApiKey(db.database, aHash('disabled key'))).toBeUndefined();
    expect(await findPersonByIdentity(db.database, 'https://id.example.com', 'disabled')).toBeUndefined();
    expect(await loadAccess(db.database, { workspaceId, principalId: id })).toBeUndefined();
    expect(await onInstance((tx) => enablePerson(tx, id))).toBe(true);
    expect((await findApiKey(db.database, aHash('disabled key')))?.principalId).toBe(id);
    const after = await loadAccess(db.database, { workspaceId, principalId: id });
    expect(after?.workspaceRole).toBe('editor');
    expect(after!.accessVersion).toBeGreaterThan(before!.accessVersion);
    expect(await listSessions(db.database, id)).toEqual([]);
  });

  test('who are erased leave a principal without a name, and nothing to sign in with', async () => {
    const { workspaceId, ownerId } = await kit.workspace('erasing');
    const id = await kit.member(workspaceId, 'Erased', 'editor');
    await openSession(db.database, { tokenHash: aHash('erased'), personId: id, idleMs: HOUR, absoluteMs: HOUR });
    expect(await onInstance((tx) => erasePerson(tx, id))).toEqual({ kind: 'erased' });
    expect(await findPerson(db.database, id)).toBeUndefined();
    expect(await findPersonByEmail(db.database, 'Erased@example.com')).toBeUndefined();
    expect(await findSession(db.database, aHash('erased'), { idleMs: HOUR })).toBeUndefined();
    expect(await kit.as({ workspaceId, principalId: ownerId }, (tx) => findMember(tx, id))).toBeUndefined();
    const [left] = await db.database.query(
      `select row_to_json(p)::text || row_to_json(e)::text as all from principal p join person e on e.principal_id = p.id where p.id = $1`,
      [id],
    );
    expect(JSON.stringify(left)).not.toMatch(/Erased@example|example\.com/i);
    expect(await onInstance((tx) => enablePerson(tx, id))).toBe(false);
    expect(await onInstance((tx) => erasePerson(tx, id))).toEqual({ kind: 'not-found' });
    expect((await createPerson(db.database, { email: 'erased@example.com', displayName: 'Erased' })).kind).toBe('created');
    expect(await onInstance((tx) => erasePerson(tx, ownerId))).toEqual({ kind: 'last-owner', workspaceIds: [workspaceId] });
  });
});

describe('the second factor', () => {
  test('counts only once confirmed, each code once, and never an older one', async () => {
    const id = await kit.person('Totp');
    expect(await enableTotp(db.database, id, { step: 1, recoveryHashes: [] })).toBe(false);
    expect(await offerTotp(db.database, id, Buffer.from('sealed one'))).toBe(true);
    expect((await findPerson(db.database, id))?.hasTotp).toBe(false);
    expect(await useTotpStep(db.database, id, 5)).toBe(false);
    expect(await enableTotp(db.database, id, { step: 100, recoveryHashes: [aHash('r1'), aHash('r2')] })).toBe(true);
    expect(await offerTotp(db.database, id, Buffer.from('somebody else’s'))).toBe(false);
    expect(await findPersonSecrets(db.database, id)).toMatchObject({ totpSecret: Buffer.from('sealed one'), recoveryCodes: 2 });
    expect(await useTotpStep(db.database, id, 100)).toBe(false);
    expect((await Promise.all(Array.from({ length: 4 }, () => useTotpStep(db.database, id, 101)))).filter(Boolean)).toHaveLength(1);
    expect(await useTotpStep(db.database, id, 99)).toBe(false);
    expect(
      (await Promise.all(Array.from({ length: 4 }, () => useRecoveryCode(db.database, id, aHash('r1'))))).filter(Boolean),
    ).toHaveLength(1);
    expect(await useRecoveryCode(db.database, id, aHash('r3'))).toBe(false);
    expect(await disableTotp(db.database, id)).toBe(true);
    expect(await findPersonSecrets(db.database, id)).toEqual({ recoveryCodes: 0 });
  });
});

describe('the owner of an instance', () => {
  test('is made once, however many try at once', async () => {
    const people = await Promise.all(['o1', 'o2', 'o3', 'o4'].map((name) => kit.person(name)));
    expect(await hasOperator(db.database)).toBe(false);
    const made = await Promise.all(
      people.map((principalId) =>
        onInstance(async (tx) => {
          const isOpen = await lockOwnerCreation(tx);
          if (isOpen) await grantInstanceRole(tx, { principalId, role: 'operator' });
          return isOpen;
        }),
      ),
    );
    expect(made.filter(Boolean)).toHaveLength(1);
    expect(await listInstanceRoles(db.database)).toHaveLength(1);
  });

  test('stays as long as there is no other operator, however two of them leave', async () => {
    const operator = (await listInstanceRoles(db.database)).at(0)!.principalId;
    expect(await onInstance((tx) => revokeInstanceRole(tx, operator, 'operator'))).toEqual({ kind: 'last-operator' });
    expect(await onInstance((tx) => disablePerson(tx, operator))).toEqual({ kind: 'last-operator' });
    expect(await onInstance((tx) => erasePerson(tx, operator))).toEqual({ kind: 'last-operator' });
    const second = await kit.person('second operator');
    await onInstance((tx) => grantInstanceRole(tx, { principalId: second, role: 'operator', createdBy: operator }));
    const results = await Promise.all([operator, second].map((id) => onInstance((tx) => revokeInstanceRole(tx, id, 'operator'))));
    expect(results.map((result) => result.kind).toSorted()).toEqual(['last-operator', 'revoked']);
    expect(await hasOperator(db.database)).toBe(true);
  });
});

describe('sessions', () => {
  const open = (personId: string, token: string, change: Partial<Parameters<typeof openSession>[1]> = {}): Promise<string> =>
    openSession(db.database, { tokenHash: aHash(token), personId, idleMs: HOUR, absoluteMs: 24 * HOUR, ...change });
  const find = (token: string): ReturnType<typeof findSession> => findSession(db.database, aHash(token), { idleMs: HOUR });
  const age = (token: string, change: string): Promise<unknown> =>
    db.database.query(`update session set ${change} where token_hash = $1`, [aHash(token)]);

  test('are found by the hash of their token until they are idle or too old', async () => {
    const personId = await kit.person('Sessions');
    const id = await open(personId, 's1', { ip: '10.0.0.1', userAgent: 'x'.repeat(5000) });
    expect(await find('s1')).toMatchObject({ id, personId, ip: '10.0.0.1', userAgent: 'x'.repeat(400) });
    expect(await find('s2')).toBeUndefined();
    await age('s1', `idle_expires_at = now() - interval '1 ms'`);
    expect(await find('s1')).toBeUndefined();
    await open(personId, 's3');
    await age('s3', `absolute_expires_at = now() - interval '1 ms'`);
    expect(await find('s3')).toBeUndefined();
    expect(await listSessions(db.database, personId)).toEqual([]);
    expect(await livingSessions(db.database, [id])).toEqual(new Set());
    expect(await deleteEndedSessions(db.database)).toBe(2);
  });

  test('are written at most once a minute, and never outlive their absolute end', async () => {
    const personId = await kit.person('Touched');
    await open(personId, 't1', { absoluteMs: 90 * MINUTE });
    const version = async (): Promise<unknown> =>
      (await db.database.query('select xmin::text as v, idle_expires_at from session where token_hash = $1', [aHash('t1')]))[0];
    const fresh = await version();
    await find('t1');
    expect(await version()).toEqual(fresh);
    await age(
      't1',
      `last_seen_at = now() - interval '61 s', idle_expires_at = now() + interval '1 minute', absolute_expires_at = now() + interval '30 minutes'`,
    );
    await Promise.all(Array.from({ length: 5 }, () => find('t1')));
    const [row] = await db.database.query(
      `select last_seen_at > now() - interval '10 s' as seen, idle_expires_at = absolute_expires_at as bounded from session where token_hash = $1`,
      [aHash('t1')],
    );
    expect(row).toEqual({ seen: true, bounded: true });
  });

  test('are revoked one, all but one, or all', async () => {
    const personId = await kit.person('Revoker');
    const other = await kit.person('Bystander');
    const [one, two] = [await open(personId, 'r1'), await open(personId, 'r2')];
    const three = await open(personId, 'r3');
    const theirs = await open(other, 'r4');
    expect(await revokeSession(db.database, other, one)).toBe(false);
    expect(await revokeSession(db.database, personId, one)).toBe(true);
    expect(await find('r1')).toBeUndefined();
    await open(personId, 'r5');
    expect(await revokeSessions(db.database, personId, { exceptId: two })).toBe(2);
    expect((await listSessions(db.database, personId)).map((session) => session.id)).toEqual([two]);
    expect(await revokeSessions(db.database, personId)).toBe(1);
    expect(await livingSessions(db.database, [one, two, three, theirs])).toEqual(new Set([theirs]));
  });
});

describe('identities', () => {
  test('belong to one person each, also when two claim one at once', async () => {
    const [a, b] = [await kit.person('Id a'), await kit.person('Id b')];
    const claim = (personId: string) => linkIdentity(db.database, { personId, issuer: 'https://issuer.example', subject: '42' });
    const results = await Promise.all([claim(a), claim(b)]);
    expect(results.map((result) => result.kind).toSorted()).toEqual(['linked', 'taken']);
    const owner = await findPersonByIdentity(db.database, 'https://issuer.example', '42');
    expect(await claim(owner!)).toEqual({ kind: 'linked' });
    expect(await findPersonByIdentity(db.database, 'https://other.example', '42')).toBeUndefined();
    expect(await listIdentities(db.database, owner!)).toMatchObject([{ subject: '42' }]);
    const identity = { issuer: 'https://issuer.example', subject: '42' };
    expect(await unlinkIdentity(db.database, { ...identity, personId: owner === a ? b : a })).toBe(false);
    expect(await unlinkIdentity(db.database, { ...identity, personId: owner! })).toBe(true);
  });
});

describe('failed sign-ins', () => {
  const account = { kind: 'account', value: 'Victim@Example.com' } as const;
  const ip = { kind: 'ip', value: '10.1.2.3' } as const;

  test('are counted per account and address, none lost when they come at once, and forgotten after the window', async () => {
    const options = { windowMs: HOUR };
    await Promise.all(Array.from({ length: 8 }, () => recordLoginFailure(db.database, [account, ip], options)));
    expect(
      (await readLoginFailures(db.database, [{ ...account, value: 'victim@example.com' }, ip], options)).map((entry) => entry.failures),
    ).toEqual([8, 8]);
    await forgetLoginFailures(db.database, account);
    expect((await readLoginFailures(db.database, [account, ip], options)).map((entry) => entry.failures)).toEqual([0, 8]);
    await db.database.query(`update login_attempt set last_at = now() - interval '2 hours'`);
    expect((await recordLoginFailure(db.database, [ip], options))[0]?.failures).toBe(1);
  });

  test('of any number of names keep the table bounded, and keep no name', async () => {
    await recordLoginFailure(
      db.database,
      Array.from({ length: 50 }, (_, i) => ({ kind: 'account' as const, value: `guess${i}` })),
      { windowMs: HOUR },
    );
    await pruneLoginFailures(db.database, { windowMs: HOUR, maxRows: 20 });
    const rows = await db.database.query('select * from login_attempt');
    expect(rows).toHaveLength(20);
    expect(JSON.stringify(rows)).not.toContain('guess');
    await db.database.query(`update login_attempt set last_at = now() - interval '2 hours'`);
    await recordLoginFailure(db.database, [ip], { windowMs: HOUR });
    expect((await db.database.query('select from login_attempt')).length).toBeLessThanOrEqual(11);
  });
});

test('a person sees the names and addresses of those who share the workspace, and of nobody else', async () => {
  const home = await kit.workspace('names-home');
  const away = await kit.workspace('names-away');
  const member = await kit.member(home.workspaceId, 'Colleague', 'viewer');
  const both = await kit.member(home.workspaceId, 'In both', 'viewer');
  await addMember(db.database, { workspaceId: away.workspaceId, principalId: both, role: 'viewer', createdBy: away.ownerId });
  const stranger = await kit.member(away.workspaceId, 'Stranger', 'viewer');
  await kit.as({ workspaceId: home.workspaceId, principalId: both }, async (tx) => {
    const seen = (await tx.query<{ id: string }>(`select id from principal where kind = 'person'`)).map((row) => row.id);
    expect(seen.toSorted()).toEqual([home.ownerId, member, both].toSorted());
    expect(await tx.query('select email from person where principal_id = $1', [stranger])).toEqual([]);
    expect((await listMembers(tx)).members.map((entry) => entry.displayName)).not.toContain('Stranger');
  });
  await expect(
    kit.as({ workspaceId: home.workspaceId, principalId: both }, (tx) => tx.query('select password_phc from person')),
  ).rejects.toThrow(/permission denied/);
});
