/** Projects and grants: who sees what, why, and who may change it. */
import { ROLES, inWorkspace, loadAccess } from '@plugboard/persistence';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { accessSetOf, roleOn } from '../access/access.ts';
import { type ApiKit, type TestCaller, aDefinition, openApiKit } from '../operation/api.test-kit.ts';

let kit: ApiKit;
let owner: TestCaller;
let admin: TestCaller;
let count = 0;
const unique = (): string => `thing-${(count += 1)}`;

beforeAll(async () => {
  kit = await openApiKit();
  owner = await kit.person('owner');
  admin = await kit.person('admin');
});
afterAll(() => kit.close());

const as = (by: TestCaller, method: string, path: string, body?: object) => kit.rest(by, method, path, body);
const codeOf = async (by: TestCaller, method: string, path: string, body?: object): Promise<string> => {
  const { status, json } = await as(by, method, path, body);
  return (json?.error?.code as string | undefined) ?? String(status);
};
const newProject = async (by: TestCaller, more: object = {}): Promise<string> => {
  const made = await as(by, 'POST', '/projects', { name: 'P', slug: unique(), ...more });
  expect(made.status, made.text).toBe(201);
  return made.json.id as string;
};
const newWorkflow = async (by: TestCaller, projectId: string): Promise<string> => {
  const made = await as(by, 'POST', '/workflows', { name: unique(), projectId });
  expect(made.status, made.text).toBe(201);
  return made.json.id as string;
};
const give = (by: TestCaller, resourceKind: string, resourceId: string, to: TestCaller, role: string) =>
  codeOf(by, 'PUT', '/grants', { resourceKind, resourceId, subjectKind: 'principal', subjectId: to.principalId, role });
const take = (by: TestCaller, resourceKind: string, resourceId: string, from: TestCaller) =>
  codeOf(by, 'DELETE', `/grants?resourceKind=${resourceKind}&resourceId=${resourceId}&subjectKind=principal&subjectId=${from.principalId}`);

describe('a private project', () => {
  test('S0-051: is seen by who made it and who is let in, and by nobody else, not even an owner of the workspace', async () => {
    const [mine, friend] = [await kit.person('editor'), await kit.person('viewer')];
    const projectId = await newProject(mine, { isPrivate: true });
    const workflowId = await newWorkflow(mine, projectId);
    const ids = async (by: TestCaller): Promise<string[]> => (await as(by, 'GET', '/projects')).json.map((one: { id: string }) => one.id);
    expect(await ids(mine)).toContain(projectId);
    for (const by of [owner, friend, await kit.apiKey(owner)]) {
      expect(await ids(by)).not.toContain(projectId);
      expect(await codeOf(by, 'GET', `/projects/${projectId}`)).toBe('NOT_FOUND');
      expect(await codeOf(by, 'GET', `/workflows/${workflowId}`)).toBe('NOT_FOUND');
      expect(await give(by, 'project', projectId, by, 'admin')).toBe('NOT_FOUND');
      expect(await codeOf(by, 'GET', `/access?resourceKind=project&resourceId=${projectId}`)).toBe('NOT_FOUND');
    }
    expect(await give(mine, 'project', projectId, friend, 'runner')).toBe('200');
    expect(await codeOf(friend, 'GET', `/workflows/${workflowId}`)).toBe('200');
    expect((await as(friend, 'GET', `/projects/${projectId}`)).json).toMatchObject({ yourRole: 'runner', owner: { id: mine.principalId } });
    expect(await take(mine, 'project', projectId, friend)).toBe('200');
    expect(await codeOf(friend, 'GET', `/workflows/${workflowId}`)).toBe('NOT_FOUND');
  });

  test('is never without somebody who could manage it', async () => {
    const projectId = await newProject(admin);
    const { rev } = (await as(admin, 'GET', `/projects/${projectId}`)).json;
    const lost = await as(admin, 'PATCH', `/projects/${projectId}`, { visibility: 'members', expectedRev: rev });
    expect(lost.json.error).toMatchObject({ code: 'INPUT_INVALID', path: 'input.visibility' });
    await give(admin, 'project', projectId, admin, 'admin');
    expect(await codeOf(admin, 'PATCH', `/projects/${projectId}`, { visibility: 'members', expectedRev: rev })).toBe('200');
    expect(await codeOf(owner, 'GET', `/projects/${projectId}`)).toBe('NOT_FOUND');
  });
});

describe('a project', () => {
  test('is changed by one at a time; what was changed in between is told', async () => {
    const projectId = await newProject(admin);
    expect(await codeOf(admin, 'PATCH', `/projects/${projectId}`, { name: 'First', expectedRev: 1 })).toBe('200');
    const late = await as(owner, 'PATCH', `/projects/${projectId}`, { name: 'Second', expectedRev: 1 });
    expect(late.json.error).toMatchObject({ code: 'CONFLICT', params: { rev: 2, theirs: { name: 'First' } } });
    const taken = (await as(admin, 'GET', `/projects/${projectId}`)).json.slug as string;
    expect(await codeOf(admin, 'POST', '/projects', { name: 'x', slug: taken })).toBe('NAME_TAKEN');
    for (const bad of [
      { name: 'x', slug: 'A B' },
      { slug: 'x' },
      { name: 'x', slug: 'y', isPrivate: true, visibility: 'workspace' },
      { name: 'x', slug: 'z', ownerId: owner.principalId },
    ])
      expect(await codeOf(admin, 'POST', '/projects', bad)).toBe('INPUT_INVALID');
  });

  test('goes to the trash when it is empty, and comes back, under another address when its own was taken', async () => {
    const slug = unique();
    const projectId = await newProject(admin, { slug });
    const workflowId = await newWorkflow(admin, projectId);
    const full = await as(admin, 'DELETE', `/projects/${projectId}`);
    expect(full.json.error).toMatchObject({ code: 'CONFLICT', params: { workflows: 1, credentials: 0 } });
    await as(admin, 'DELETE', `/workflows/${workflowId}`);
    expect(await codeOf(admin, 'DELETE', `/projects/${projectId}`)).toBe('200');
    expect(await codeOf(admin, 'GET', `/projects/${projectId}`)).toBe('NOT_FOUND');
    await newProject(admin, { slug });
    expect((await as(admin, 'GET', '/projects/deleted')).json).toContainEqual({ id: projectId, slug, name: 'P' });
    expect((await as(admin, 'POST', `/projects/${projectId}/restore`)).json).toEqual({ id: projectId, slug: `${slug}-2` });
    expect(await codeOf(admin, 'POST', `/projects/${projectId}/restore`)).toBe('NOT_FOUND');
    expect(await codeOf(owner, 'DELETE', `/projects/${kit.workspace.projectId}`)).toBe('CONFLICT');
  });

  test('that was private stays private in the trash', async () => {
    const mine = await kit.person('admin');
    const projectId = await newProject(mine, { isPrivate: true });
    await as(mine, 'DELETE', `/projects/${projectId}`);
    expect((await as(owner, 'GET', '/projects/deleted')).text).not.toContain(projectId);
    expect(await codeOf(owner, 'POST', `/projects/${projectId}/restore`)).toBe('NOT_FOUND');
    expect(await codeOf(mine, 'POST', `/projects/${projectId}/restore`)).toBe('200');
  });

  test('takes a workflow from another one only by an admin of both', async () => {
    const [from, to] = [await newProject(owner, { visibility: 'members' }), await newProject(owner, { visibility: 'members' })];
    const workflowId = await newWorkflow(owner, from);
    const mover = await kit.person('viewer');
    const move = () => codeOf(mover, 'POST', `/workflows/${workflowId}/move`, { projectId: to });
    expect(await move()).toBe('NOT_FOUND');
    await give(owner, 'project', from, mover, 'admin');
    expect(await move()).toBe('NOT_FOUND');
    await give(owner, 'project', to, mover, 'editor');
    expect(await move()).toBe('FORBIDDEN');
    await give(owner, 'project', from, mover, 'editor');
    await give(owner, 'project', to, mover, 'admin');
    expect(await move()).toBe('FORBIDDEN');
    await give(owner, 'project', from, mover, 'admin');
    expect(await move()).toBe('200');
    await take(owner, 'project', to, mover);
    expect(await codeOf(mover, 'GET', `/workflows/${workflowId}`)).toBe('NOT_FOUND');
  });
});

describe('a grant', () => {
  test('S0-052: on one workflow lets a viewer do exactly what its role does, route by route', async () => {
    const projectId = await newProject(owner, { visibility: 'members' });
    const workflow = (
      await as(owner, 'POST', '/workflows/import', { definition: aDefinition(unique(), unique()), publish: true, projectId })
    ).json;
    const id = workflow.workflowId as string;
    const [{ name } = { name: '' }] = await kit.database.database.query<{ name: string }>('select name from workflow where id = $1', [id]);
    const other = await kit.person('viewer');
    const routes: readonly (readonly [string, string, string, object | undefined])[] = [
      ['viewer', 'GET', `/workflows/${id}`, undefined],
      ['runner', 'POST', '/runs', { workflow: name }],
      ['editor', 'POST', `/workflows/${id}/publish`, { expectedRev: 999 }],
      [
        'admin',
        'PUT',
        '/grants',
        { resourceKind: 'workflow', resourceId: id, subjectKind: 'principal', subjectId: other.principalId, role: 'viewer' },
      ],
    ];
    const person = await kit.person('viewer');
    for (const [, method, path, body] of routes) expect([path, await codeOf(person, method, path, body)]).toEqual([path, 'NOT_FOUND']);
    for (const role of ROLES) {
      expect(await give(owner, 'workflow', id, person, role)).toBe('200');
      for (const [needs, method, path, body] of routes) {
        const code = await codeOf(person, method, path, body);
        const may = ROLES.indexOf(role) >= ROLES.indexOf(needs as (typeof ROLES)[number]);
        expect([role, path, code === 'FORBIDDEN' ? 'no' : code === 'NOT_FOUND' ? 'hidden' : 'yes']).toEqual([
          role,
          path,
          may ? 'yes' : 'no',
        ]);
      }
      // The project itself stays unseen.
      expect(await codeOf(person, 'GET', `/projects/${projectId}`)).toBe('NOT_FOUND');
    }
  });

  test('is never more than who gives it has there, and nobody takes away what is above', async () => {
    const person = await kit.person('viewer');
    expect(await give(admin, 'workspace', kit.workspace.id, person, 'owner')).toBe('FORBIDDEN');
    expect(await give(admin, 'workspace', kit.workspace.id, person, 'admin')).toBe('200');
    expect(await give(owner, 'workspace', kit.workspace.id, person, 'owner')).toBe('200');
    expect(await take(admin, 'workspace', kit.workspace.id, person)).toBe('FORBIDDEN');
    expect(await give(admin, 'workspace', kit.workspace.id, person, 'viewer')).toBe('FORBIDDEN');
    expect(await take(owner, 'workspace', kit.workspace.id, person)).toBe('200');
    expect(await give(await kit.person('editor'), 'project', kit.workspace.projectId, person, 'viewer')).toBe('FORBIDDEN');
  });

  test('is for members and teams of the workspace, on things of it', async () => {
    const there = await kit.otherWorkspace('elsewhere');
    const outsider = await kit.person(undefined);
    expect(await give(owner, 'project', kit.workspace.projectId, outsider, 'viewer')).toBe('NOT_FOUND');
    expect(await give(owner, 'project', there.projectId, admin, 'viewer')).toBe('NOT_FOUND');
    expect(await give(owner, 'workspace', there.workspaceId, admin, 'viewer')).toBe('NOT_FOUND');
    expect(await take(owner, 'project', kit.workspace.projectId, admin)).toBe('NOT_FOUND');
  });

  test('is taken away with the next request, also where a page is open', async () => {
    const person = await kit.person('viewer');
    await give(owner, 'project', kit.workspace.projectId, person, 'editor');
    const id = await newWorkflow(person, kit.workspace.projectId);
    await take(owner, 'project', kit.workspace.projectId, person);
    expect(await codeOf(person, 'DELETE', `/workflows/${id}`)).toBe('FORBIDDEN');
  });
});

describe('who can see a thing, and why', () => {
  test('is what the authorization itself decides, for every member, on open and on closed projects', async () => {
    const [one, two] = [await kit.person('viewer'), await kit.person('editor')];
    const team = (await as(owner, 'POST', '/teams', { name: unique() })).json.id as string;
    await as(owner, 'PUT', `/teams/${team}/members/${one.principalId}`);
    const open = await newProject(owner, { adminEditsOnly: true });
    const closed = await newProject(owner, { visibility: 'members' });
    await as(owner, 'PUT', '/grants', {
      resourceKind: 'project',
      resourceId: closed,
      subjectKind: 'team',
      subjectId: team,
      role: 'runner',
    });
    const [inOpen, inClosed] = [await newWorkflow(owner, open), await newWorkflow(owner, closed)];
    await give(owner, 'workflow', inClosed, two, 'admin');
    await give(owner, 'workflow', inOpen, one, 'editor');
    const members = (await as(owner, 'GET', '/members?first=100')).json.rows as { principalId: string }[];
    const places = [
      ['workspace', kit.workspace.id, { kind: 'workspace' }],
      ['project', open, { kind: 'project', id: open }],
      ['project', closed, { kind: 'project', id: closed }],
      ['workflow', inOpen, { kind: 'workflow', id: inOpen, projectId: open }],
      ['workflow', inClosed, { kind: 'workflow', id: inClosed, projectId: closed }],
    ] as const;
    for (const [kind, id, resource] of places) {
      const told = (await as(owner, 'GET', `/access?resourceKind=${kind}&resourceId=${id}`)).json as {
        principalId: string;
        role: string;
      }[];
      for (const { principalId } of members) {
        const access = await loadAccess(kit.database.database, { workspaceId: kit.workspace.id, principalId });
        const due = access && roleOn(accessSetOf(access), resource);
        expect([kind, id, principalId, told.find((row) => row.principalId === principalId)?.role]).toEqual([kind, id, principalId, due]);
      }
    }
    const told = (await as(owner, 'GET', `/access?resourceKind=workflow&resourceId=${inClosed}`)).json;
    const reasons = told.find((row: { principalId: string }) => row.principalId === one.principalId).reasons;
    expect(reasons).toMatchObject([{ kind: 'team', on: 'project', role: 'runner' }]);
    expect((await as(owner, 'GET', `/grants?resourceKind=workflow&resourceId=${inClosed}`)).json).toMatchObject([
      { subjectId: two.principalId, role: 'admin' },
    ]);
  });
});

describe('changes at once', () => {
  test('of grants and members leave one owner and no half of anything', async () => {
    const there = await kit.otherWorkspace('busy');
    const context = { workspaceId: there.workspaceId, principalId: there.ownerId };
    const people = await Promise.all(Array.from({ length: 4 }, () => kit.person('owner', { in: 'busy' })));
    await kit.database.database.query(`update member set role = 'viewer' where workspace_id = $1 and principal_id = $2`, [
      context.workspaceId,
      context.principalId,
    ]);
    const codes = await Promise.all(people.map((one) => codeOf(one, 'POST', '/workspace/leave')));
    expect(codes.toSorted()).toEqual(['200', '200', '200', 'LAST_OWNER']);
    const owners = await inWorkspace(kit.database.database, context, (tx) =>
      tx.query(`select from member where workspace_id = $1 and role = 'owner' and state = 'active'`, [context.workspaceId]),
    );
    expect(owners).toHaveLength(1);
  });
});
