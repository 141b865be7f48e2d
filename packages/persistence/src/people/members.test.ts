import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { aHash, peopleKit } from '../../test/people-kit.ts';
import type { PeopleKit } from '../../test/people-kit.ts';
import type { TestDatabase } from '../../test/test-database.ts';
import { createTestDatabase } from '../../test/test-database.ts';
import { inInstance } from '../in-instance.ts';
import type { WorkspaceTransaction } from '../in-workspace.ts';
import { loadAccess } from './access.ts';
import { readAccessVersions } from './access-version.ts';
import { createApiKey, findApiKey, listApiKeys, revokeApiKey } from './api-keys.ts';
import { acceptInvitation, createInvitation, findInvitation, listInvitations, revokeInvitation } from './invitations.ts';
import { addMember, createServicePrincipal, findDisplayNames, findMember, listMembers, removeMember, setMemberRole } from './members.ts';
import { listRoleGrants, removeRoleGrant, setRoleGrant } from './role-grants.ts';
import { addTeamMember, createTeam, deleteTeam, listTeamMembers, listTeams, removeTeamMember, updateTeam } from './teams.ts';
import { createWorkspace, findWorkspaceBySlug, listWorkspacesOf, setWorkspacePlan, updateWorkspace } from './workspaces.ts';

let db: TestDatabase;
let kit: PeopleKit;
let home: { workspaceId: string; projectId: string; ownerId: string };
let away: { workspaceId: string; projectId: string; ownerId: string };
beforeAll(async () => {
  db = await createTestDatabase();
  kit = peopleKit(db.database);
  home = await kit.workspace('home');
  away = await kit.workspace('away');
});
afterAll(() => db.close());

const HOUR = 3_600_000;
const NOBODY = '01900000-0000-7000-8000-000000000000';
const inHome = <Result>(use: (tx: WorkspaceTransaction) => Promise<Result>): Promise<Result> =>
  kit.as({ workspaceId: home.workspaceId, principalId: home.ownerId }, use);
const inAway = <Result>(use: (tx: WorkspaceTransaction) => Promise<Result>): Promise<Result> =>
  kit.as({ workspaceId: away.workspaceId, principalId: away.ownerId }, use);
const version = async (): Promise<number> => (await readAccessVersions(db.database, [home.workspaceId])).get(home.workspaceId)!;
const accessOf = (principalId: string) => loadAccess(db.database, { workspaceId: home.workspaceId, principalId });

/** Every change of rights must be seen by those who keep rights in memory. */
async function raises<Result>(change: () => Promise<Result>): Promise<Result> {
  const before = await version();
  const result = await change();
  expect(await version()).toBeGreaterThan(before);
  return result;
}

describe('workspaces', () => {
  test('of one slug at once: one is made, with its project, environments and owner', async () => {
    const ownerId = await kit.person('Founder');
    const make = () =>
      inInstance(db.database, (tx) =>
        createWorkspace(tx, { slug: 'raced', name: 'Raced', ownerId, createdBy: ownerId, zone: 'Asia/Kathmandu' }),
      );
    const results = await Promise.all([make(), make(), make()]);
    expect(results.map((result) => result.kind).toSorted()).toEqual(['created', 'slug-taken', 'slug-taken']);
    expect(await listWorkspacesOf(db.database, ownerId)).toMatchObject([
      { slug: 'raced', role: 'owner', zone: 'Asia/Kathmandu', planKey: 'unlimited' },
    ]);
    const { id } = (await findWorkspaceBySlug(db.database, 'raced'))!;
    await kit.as({ workspaceId: id, principalId: ownerId }, async (tx) => {
      expect(await tx.query('select n, name from environment order by n')).toEqual([
        { n: 0, name: 'draft' },
        { n: 1, name: 'live' },
      ]);
      expect(await tx.query('select slug from project')).toEqual([{ slug: 'default' }]);
      expect(await updateWorkspace(tx, { name: 'Renamed', expectedRev: 1 })).toMatchObject({
        kind: 'saved',
        workspace: { name: 'Renamed', rev: 2 },
      });
      expect(await updateWorkspace(tx, { name: 'Late', expectedRev: 1 })).toMatchObject({
        kind: 'conflict',
        workspace: { name: 'Renamed' },
      });
    });
    expect(await inInstance(db.database, (tx) => setWorkspacePlan(tx, id, 'no-such-plan'))).toBe(false);
  });
});

describe('members', () => {
  test('are listed page by page, with what a page shows of them, and searched', async () => {
    const ids: string[] = [];
    for (const name of ['Paged a', 'Paged b', 'Paged c']) ids.unshift(await kit.member(home.workspaceId, name, 'viewer'));
    const first = await inHome((tx) => listMembers(tx, { search: 'paged', limit: 2 }));
    expect(first.members.map((member) => member.principalId)).toEqual(ids.slice(0, 2));
    expect(first.members[0]).toMatchObject({ displayName: 'Paged c', email: 'Paged.c@example.com', role: 'viewer', kind: 'person' });
    const rest = await inHome((tx) => listMembers(tx, { search: 'paged', limit: 2, cursor: first.nextCursor! }));
    expect(rest.members.map((member) => member.principalId)).toEqual(ids.slice(2));
    expect((await inAway((tx) => listMembers(tx, { search: 'paged' }))).members).toEqual([]);
  });

  test('keep their role when added again, and come back with the new one after they left', async () => {
    const id = await kit.member(home.workspaceId, 'Returner', 'editor');
    expect(await addMember(db.database, { workspaceId: home.workspaceId, principalId: id, role: 'owner', createdBy: id })).toBe(false);
    expect((await inHome((tx) => findMember(tx, id)))?.role).toBe('editor');
    await raises(() => inHome((tx) => removeMember(tx, id)));
    expect(await inHome((tx) => findMember(tx, id))).toBeUndefined();
    expect((await inHome((tx) => findDisplayNames(tx, [id]))).get(id)).toBe('Returner');
    expect(await addMember(db.database, { workspaceId: home.workspaceId, principalId: id, role: 'viewer', createdBy: id })).toBe(true);
    expect((await inHome((tx) => findMember(tx, id)))?.role).toBe('viewer');
  });

  test('who leave lose teams, grants and keys, and do not get them back by returning', async () => {
    const id = await kit.member(home.workspaceId, 'Leaver', 'editor');
    const team = await inHome((tx) => createTeam(tx, { name: 'Leavers' }));
    const teamId = team.kind === 'created' ? team.teamId : '';
    await inHome(async (tx) => {
      await addTeamMember(tx, teamId, id);
      await setRoleGrant(tx, { subject: { kind: 'principal', id }, resource: { kind: 'project', id: home.projectId }, role: 'admin' });
      await createApiKey(tx, { principalId: id, name: 'k', hash: aHash('leaver'), hint: 'abcd', scopes: ['a'] });
    });
    expect(await inHome((tx) => removeMember(tx, id))).toEqual({ kind: 'removed' });
    expect(await inHome((tx) => removeMember(tx, id))).toEqual({ kind: 'not-found' });
    expect(await accessOf(id)).toMatchObject({ projects: [], grants: [] });
    expect((await accessOf(id))?.workspaceRole).toBeUndefined();
    await addMember(db.database, { workspaceId: home.workspaceId, principalId: id, role: 'viewer', createdBy: id });
    expect(await findApiKey(db.database, aHash('leaver'))).toBeUndefined();
    expect((await accessOf(id))?.projects.find((project) => project.id === home.projectId)?.role).toBeUndefined();
    expect(await inHome((tx) => listTeamMembers(tx, teamId))).toEqual([]);
  });

  test('change their role on the revision that was read', async () => {
    const id = await kit.member(home.workspaceId, 'Promoted', 'viewer');
    expect(await raises(() => inHome((tx) => setMemberRole(tx, { principalId: id, role: 'admin', expectedRev: 1 })))).toEqual({
      kind: 'saved',
      rev: 2,
    });
    expect(await inHome((tx) => setMemberRole(tx, { principalId: id, role: 'viewer', expectedRev: 1 }))).toMatchObject({
      kind: 'conflict',
      member: { role: 'admin' },
    });
    expect(await inAway((tx) => setMemberRole(tx, { principalId: id, role: 'viewer' }))).toEqual({ kind: 'not-found' });
  });

  test('leave an owner behind: two last owners who leave at once cannot both', async () => {
    const { workspaceId, ownerId } = await kit.workspace('owners');
    const second = await kit.member(workspaceId, 'Second owner', 'owner');
    await inInstance(db.database, (tx) =>
      createServicePrincipal(tx, { workspaceId, displayName: 'Robot', role: 'owner', createdBy: ownerId }),
    );
    const leave = (principalId: string) => kit.as({ workspaceId, principalId }, (tx) => removeMember(tx, principalId));
    const results = await Promise.all([leave(ownerId), leave(second)]);
    expect(results.map((result) => result.kind).toSorted()).toEqual(['last-owner', 'removed']);
    const last = results[0]?.kind === 'removed' ? second : ownerId;
    expect(await kit.as({ workspaceId, principalId: last }, (tx) => setMemberRole(tx, { principalId: last, role: 'admin' }))).toEqual({
      kind: 'last-owner',
    });
  });
});

describe('invitations', () => {
  const invite = (email: string, token: string, validMs = HOUR) =>
    inHome((tx) => createInvitation(tx, { email, role: 'editor', tokenHash: aHash(token), validMs }));
  const accept = (token: string, principalId: string) => inInstance(db.database, (tx) => acceptInvitation(tx, aHash(token), principalId));

  test('are accepted once, by one of those who try at once', async () => {
    const id = await invite('new@example.com', 'i1');
    expect(await findInvitation(db.database, aHash('i1'))).toMatchObject({
      id,
      workspaceId: home.workspaceId,
      workspaceName: 'home',
      email: 'new@example.com',
      role: 'editor',
    });
    const people = [await kit.person('Guest a'), await kit.person('Guest b')];
    const results = await raises(() => Promise.all(people.map((person) => accept('i1', person))));
    expect(results.map((result) => result.kind).toSorted()).toEqual(['accepted', 'used']);
    const winner = people.at(results.findIndex((result) => result.kind === 'accepted'))!;
    expect((await accessOf(winner))?.workspaceRole).toBe('editor');
    expect(await findInvitation(db.database, aHash('i1'))).toBeUndefined();
  });

  test('that ran out, were revoked or never existed open nothing', async () => {
    const person = await kit.person('Late guest');
    await invite('late@example.com', 'i2', -1);
    expect(await accept('i2', person)).toEqual({ kind: 'expired' });
    const id = await invite('revoked@example.com', 'i3');
    expect(await inAway((tx) => revokeInvitation(tx, id))).toBe(false);
    expect(await inHome((tx) => revokeInvitation(tx, id))).toBe(true);
    expect(await inHome((tx) => revokeInvitation(tx, id))).toBe(false);
    expect(await accept('i3', person)).toEqual({ kind: 'not-found' });
    expect(await accept('no such token', person)).toEqual({ kind: 'not-found' });
    expect((await accessOf(person))?.workspaceRole).toBeUndefined();
  });

  test('to one address at once are one invitation, with the token of the last', async () => {
    const ids = await Promise.all(['j1', 'j2', 'j3'].map((token) => invite('Twice@example.com', token)));
    expect(new Set(ids).size).toBe(1);
    expect((await inHome((tx) => listInvitations(tx))).filter((entry) => entry.email.toLowerCase() === 'twice@example.com')).toHaveLength(
      1,
    );
    const offers = await Promise.all(['j1', 'j2', 'j3'].map((token) => findInvitation(db.database, aHash(token))));
    expect(offers.filter((offer) => offer !== undefined)).toHaveLength(1);
    expect(await inAway((tx) => listInvitations(tx))).toEqual([]);
  });

  test('do not change the role of somebody who is a member already', async () => {
    const id = await kit.member(home.workspaceId, 'Admin already', 'admin');
    await invite('already@example.com', 'i4');
    expect(await accept('i4', id)).toMatchObject({ kind: 'member-already' });
    expect((await accessOf(id))?.workspaceRole).toBe('admin');
  });
});

describe('teams', () => {
  test('have names that differ in more than their case, and take in only members', async () => {
    const made = await inHome((tx) => createTeam(tx, { name: 'Blue' }));
    const teamId = made.kind === 'created' ? made.teamId : '';
    expect(await inHome((tx) => createTeam(tx, { name: 'BLUE' }))).toEqual({ kind: 'name-taken' });
    expect((await inAway((tx) => createTeam(tx, { name: 'Blue' }))).kind).toBe('created');
    const red = await inHome((tx) => createTeam(tx, { name: 'Red' }));
    expect(await inHome((tx) => updateTeam(tx, red.kind === 'created' ? red.teamId : '', { name: 'blue' }))).toEqual({
      kind: 'name-taken',
    });
    expect(await inHome((tx) => updateTeam(tx, teamId, { description: 'x', expectedRev: 7 }))).toMatchObject({
      kind: 'conflict',
      team: { name: 'Blue' },
    });
    expect(await inHome((tx) => addTeamMember(tx, teamId, away.ownerId))).toBe(false);
    expect(await inAway((tx) => addTeamMember(tx, teamId, away.ownerId))).toBe(false);
    const member = await kit.member(home.workspaceId, 'Blue one', 'viewer');
    expect(await raises(() => inHome((tx) => addTeamMember(tx, teamId, member)))).toBe(true);
    expect(await inHome((tx) => addTeamMember(tx, teamId, member))).toBe(true);
    expect((await inHome((tx) => listTeams(tx))).find((team) => team.id === teamId)?.members).toBe(1);
    expect(await raises(() => inHome((tx) => removeTeamMember(tx, teamId, member)))).toBe(true);
    expect(await inAway((tx) => deleteTeam(tx, teamId))).toBe(false);
    expect(await raises(() => inHome((tx) => deleteTeam(tx, teamId)))).toBe(true);
  });
});

describe('API keys', () => {
  test('speak for a member in one workspace until they are revoked or run out, and note their use at most once a minute', async () => {
    const id = await kit.member(home.workspaceId, 'Key holder', 'runner');
    const made = await inHome((tx) =>
      createApiKey(tx, { principalId: id, name: 'ci', hash: aHash('key 1'), hint: 'wxyz', scopes: ['run.start'], validMs: HOUR }),
    );
    const apiKeyId = made.kind === 'created' ? made.apiKeyId : '';
    const holder = { apiKeyId, workspaceId: home.workspaceId, principalId: id, kind: 'person', scopes: ['run.start'] };
    expect(await findApiKey(db.database, aHash('key 1'))).toEqual(holder);
    const used = async () => (await inHome((tx) => listApiKeys(tx, { principalId: id }))).at(0)!.lastUsedAt;
    const first = await used();
    expect(first).toBeInstanceOf(Date);
    await findApiKey(db.database, aHash('key 1'));
    expect(await used()).toEqual(first);
    await db.database.query(`update api_key set last_used_at = now() - interval '61 s' where id = $1`, [apiKeyId]);
    await findApiKey(db.database, aHash('key 1'));
    expect((await used())!.getTime()).toBeGreaterThanOrEqual(first!.getTime());
    await db.database.query(`update api_key set expires_at = now() where id = $1`, [apiKeyId]);
    expect(await findApiKey(db.database, aHash('key 1'))).toBeUndefined();
    await db.database.query(`update api_key set expires_at = null where id = $1`, [apiKeyId]);
    expect(await inAway((tx) => revokeApiKey(tx, apiKeyId))).toBe(false);
    expect(await inHome((tx) => revokeApiKey(tx, apiKeyId, { principalId: home.ownerId }))).toBe(false);
    expect(await inHome((tx) => revokeApiKey(tx, apiKeyId))).toBe(true);
    expect(await findApiKey(db.database, aHash('key 1'))).toBeUndefined();
    expect(await inHome((tx) => listApiKeys(tx, { principalId: id }))).toEqual([]);
  });

  test('are not made for strangers', async () => {
    expect(
      await inHome((tx) => createApiKey(tx, { principalId: away.ownerId, name: 'x', hash: aHash('x'), hint: '', scopes: [] })),
    ).toEqual({ kind: 'not-a-member' });
  });
});

describe('access', () => {
  test('is the highest of what a person has, himself and through teams, and every change of it raises the version', async () => {
    const id = await kit.member(home.workspaceId, 'Granted', 'viewer');
    const subject = { kind: 'principal', id } as const;
    const project = { kind: 'project', id: home.projectId } as const;
    const team = await inHome((tx) => createTeam(tx, { name: 'Granted team' }));
    const teamId = team.kind === 'created' ? team.teamId : '';
    await inHome((tx) => addTeamMember(tx, teamId, id));
    const workflowId = await aWorkflow();

    expect(await raises(() => inHome((tx) => setRoleGrant(tx, { subject, resource: project, role: 'editor' })))).toEqual({ kind: 'saved' });
    await inHome((tx) => setRoleGrant(tx, { subject: { kind: 'team', id: teamId }, resource: project, role: 'runner' }));
    await inHome((tx) => setRoleGrant(tx, { subject, resource: { kind: 'workflow', id: workflowId }, role: 'runner' }));
    await inHome((tx) =>
      setRoleGrant(tx, { subject: { kind: 'team', id: teamId }, resource: { kind: 'workflow', id: workflowId }, role: 'admin' }),
    );
    expect(await accessOf(id)).toEqual({
      workspaceId: home.workspaceId,
      principalId: id,
      principalKind: 'person',
      accessVersion: await version(),
      workspaceRole: 'viewer',
      instanceRoles: [],
      projects: [{ id: home.projectId, visibility: 'workspace', adminEditsOnly: false, role: 'editor' }],
      grants: [{ kind: 'workflow', id: workflowId, role: 'admin' }],
    });
    await inHome((tx) =>
      setRoleGrant(tx, { subject: { kind: 'team', id: teamId }, resource: { kind: 'workspace', id: home.workspaceId }, role: 'admin' }),
    );
    expect((await accessOf(id))?.workspaceRole).toBe('admin');
    expect(await inHome((tx) => listRoleGrants(tx, { subject }))).toHaveLength(2);
    expect(await inHome((tx) => listRoleGrants(tx, { resource: project }))).toHaveLength(2);
    expect(await raises(() => inHome((tx) => removeRoleGrant(tx, subject, project)))).toBe(true);
    expect((await accessOf(id))?.projects[0]?.role).toBe('runner');
    await inHome((tx) => deleteTeam(tx, teamId));
    expect(await accessOf(id)).toMatchObject({ workspaceRole: 'viewer', grants: [{ id: workflowId, role: 'runner' }] });
  });

  test('cannot be given to strangers, on things that are elsewhere, or from elsewhere', async () => {
    const workflowId = await aWorkflow();
    const stranger = { kind: 'principal', id: away.ownerId } as const;
    const member = { kind: 'principal', id: home.ownerId } as const;
    const grant = (
      subject: { kind: 'principal' | 'team'; id: string },
      resource: { kind: 'workspace' | 'project' | 'workflow'; id: string },
    ) => inHome((tx) => setRoleGrant(tx, { subject, resource, role: 'owner' }));
    expect(await grant(stranger, { kind: 'project', id: home.projectId })).toEqual({ kind: 'not-found' });
    expect(await grant(member, { kind: 'project', id: away.projectId })).toEqual({ kind: 'not-found' });
    expect(await grant(member, { kind: 'workspace', id: away.workspaceId })).toEqual({ kind: 'not-found' });
    expect(await grant({ kind: 'team', id: NOBODY }, { kind: 'workflow', id: workflowId })).toEqual({ kind: 'not-found' });
    expect(
      await inAway((tx) => setRoleGrant(tx, { subject: stranger, resource: { kind: 'workflow', id: workflowId }, role: 'owner' })),
    ).toEqual({ kind: 'not-found' });
  });

  test('of a stranger is nothing but the roles on the instance; of nobody it is undefined', async () => {
    expect(await accessOf(away.ownerId)).toMatchObject({ instanceRoles: [], projects: [], grants: [] });
    expect((await accessOf(away.ownerId))?.workspaceRole).toBeUndefined();
    expect(await accessOf(NOBODY)).toBeUndefined();
    expect(await loadAccess(db.database, { workspaceId: NOBODY, principalId: home.ownerId })).toBeUndefined();
  });
});

async function aWorkflow(): Promise<string> {
  const rows = await db.database.query<{ id: string }>(
    `insert into workflow (id, workspace_id, project_id, name, created_by) values (gen_random_uuid(), $1, $2, gen_random_uuid()::text, $3) returning id`,
    [home.workspaceId, home.projectId, home.ownerId],
  );
  return rows.at(0)!.id;
}
