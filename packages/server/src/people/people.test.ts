/** People, teams, services and workspaces: who comes, who goes, what goes on without them, and what a plan allows. */
import { createPerson, grantInstanceRole, inInstance, openSession, setPassword } from '@plugboard/persistence';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { newToken } from '../auth/opaque-token.ts';
import { createPasswords } from '../auth/passwords.ts';
import { type ApiKit, type TestCaller, aDefinition, openApiKit } from '../operation/api.test-kit.ts';

const PASSWORD = 'four words in a row';
const GUARD = { 'x-plugboard-request': '1' };

let kit: ApiKit;
let operator: TestCaller;
let owner: TestCaller;
let count = 0;
const unique = (): string => `thing-${(count += 1)}`;

beforeAll(async () => {
  kit = await openApiKit();
  owner = await kit.person('owner');
  operator = await kit.person('viewer');
  await inInstance(kit.database.database, (tx) => grantInstanceRole(tx, { principalId: operator.principalId, role: 'operator' }));
});
afterAll(() => kit.close());

const rows = <Row extends object>(text: string, values: readonly unknown[] = []): Promise<Row[]> =>
  kit.database.database.query<Row>(text, values);
const as = (by: TestCaller, method: string, path: string, body?: object) => kit.rest(by, method, path, body);
const codeOf = async (by: TestCaller, method: string, path: string, body?: object): Promise<string> => {
  const { status, json } = await as(by, method, path, body);
  return (json?.error?.code as string | undefined) ?? String(status);
};

describe('an operator', () => {
  test('makes workspaces; their owner is in, the operator is not unless a member, and the address stays taken', async () => {
    const slug = unique();
    const made = await as(operator, 'POST', '/workspaces', { slug, name: 'New', ownerId: owner.principalId, zone: 'Europe/Berlin' });
    expect(made.status, made.text).toBe(201);
    const there = { ...owner, headers: { ...owner.headers, 'x-plugboard-workspace': slug } };
    expect((await as(there, 'GET', '/workspace')).json).toMatchObject({ slug, name: 'New', zone: 'Europe/Berlin', plan: 'unlimited' });
    expect(await codeOf({ ...operator, headers: { ...operator.headers, 'x-plugboard-workspace': slug } }, 'GET', '/workspace')).toBe(
      'NOT_FOUND',
    );
    // And operates the server from there all the same.
    expect(await codeOf({ ...operator, headers: { ...operator.headers, 'x-plugboard-workspace': slug } }, 'GET', '/workspaces')).toBe(
      '200',
    );
    expect(await codeOf(operator, 'POST', '/workspaces', { slug, name: 'Again' })).toBe('NAME_TAKEN');
    expect((await as(owner, 'GET', '/session')).json.workspaces.map((one: { slug: string }) => one.slug)).toContain(slug);
    expect(await codeOf(owner, 'POST', '/workspaces', { slug: unique(), name: 'x' })).toBe('FORBIDDEN');
    for (const bad of ['Upper', '-x', 'a b', 'a/b', ''])
      expect(await codeOf(operator, 'POST', '/workspaces', { slug: bad, name: 'x' })).toBe('INPUT_INVALID');
  });

  test('closes a workspace for everybody at once and opens it again, with nothing live; the first one stays', async () => {
    const slug = unique();
    const { id, projectId } = (await as(operator, 'POST', '/workspaces', { slug, name: 'Short', ownerId: owner.principalId })).json;
    const there = { ...owner, workspaceSlug: slug, headers: { ...owner.headers, 'x-plugboard-workspace': slug } };
    expect(
      (await as(there, 'POST', '/workflows/import', { definition: aDefinition('W', unique()), publish: true, projectId })).status,
    ).toBe(201);
    expect(await codeOf(operator, 'DELETE', `/workspaces/${id}`)).toBe('200');
    expect(await codeOf(there, 'GET', '/workflows')).toBe('NOT_FOUND');
    expect(await rows('select from hook where workspace_id = $1', [id])).toEqual([]);
    expect((await as(operator, 'GET', '/workspaces')).json.find((one: { id: string }) => one.id === id).deletedAt).toBeTypeOf('string');
    expect(await codeOf(operator, 'POST', `/workspaces/${id}/restore`)).toBe('200');
    expect((await as(there, 'GET', '/workflows/overview')).json.rows).toMatchObject([{ name: 'W' }]);
    expect(await codeOf(operator, 'DELETE', `/workspaces/${kit.workspace.id}`)).toBe('CONFLICT');
  });

  test('reads what was done above the workspaces; what it was is there and no secret', async () => {
    const { json, text } = await as(operator, 'GET', '/instance/audit?action=workspace.create');
    expect(json.rows[0]).toMatchObject({ action: 'workspace.create', principalId: operator.principalId });
    expect(text).not.toContain(PASSWORD);
  });

  test('one stays: the last operator cannot be made none, disabled or erased', async () => {
    const id = operator.principalId;
    expect(await codeOf(operator, 'PUT', `/persons/${id}/operator`, { isOperator: false })).toBe('LAST_OWNER');
    expect(await codeOf(operator, 'POST', `/persons/${id}/disable`)).toBe('LAST_OWNER');
    expect(await codeOf(operator, 'DELETE', `/persons/${id}`)).toBe('LAST_OWNER');
    const second = await kit.person('viewer');
    expect(await codeOf(operator, 'PUT', `/persons/${second.principalId}/operator`, { isOperator: true })).toBe('200');
    expect(await codeOf(second, 'GET', '/persons')).toBe('200');
    expect(await codeOf(operator, 'PUT', `/persons/${second.principalId}/operator`, { isOperator: false })).toBe('200');
    expect(await codeOf(second, 'GET', '/persons')).toBe('FORBIDDEN');
  });
});

describe('a person who is kept out', () => {
  test('is out with the next request, by session, key and token, until let in again', async () => {
    const person = await kit.person('editor');
    const key = await kit.apiKey(person);
    const { token } = (await as(key, 'POST', '/tokens', { audience: 'api' })).json;
    const bearer = { ...kit.nobody, headers: { authorization: `Bearer ${token}` } };
    expect((await as(operator, 'POST', `/persons/${person.principalId}/disable`)).json).toEqual({ stillRuns: [] });
    for (const by of [person, key, bearer]) expect((await as(by, 'GET', '/workflows')).status).toBe(401);
    expect(await codeOf(operator, 'POST', `/persons/${person.principalId}/enable`)).toBe('200');
    expect((await as(key, 'GET', '/workflows')).status).toBe(200);
    expect((await as(person, 'GET', '/workflows')).status).toBe(401);
  });

  test('is not the last owner of a workspace, and owners who are kept out do not count as one', async () => {
    const slug = unique();
    const [first, second] = [await kit.person('viewer'), await kit.person('viewer')];
    const { id } = (await as(operator, 'POST', '/workspaces', { slug, name: 'x', ownerId: first.principalId })).json;
    await rows(`insert into member (workspace_id, principal_id, role) values ($1, $2, 'owner')`, [id, second.principalId]);
    expect(await codeOf(operator, 'POST', `/persons/${second.principalId}/disable`)).toBe('200');
    const refused = await as(operator, 'POST', `/persons/${first.principalId}/disable`);
    expect(refused.json.error).toMatchObject({ code: 'LAST_OWNER', params: { workspaceIds: [id] } });
    const there = { ...first, headers: { ...first.headers, 'x-plugboard-workspace': slug } };
    expect(await codeOf(there, 'POST', '/workspace/leave')).toBe('LAST_OWNER');
    expect(await codeOf(there, 'PUT', `/members/${first.principalId}/role`, { role: 'admin' })).toBe('LAST_OWNER');
  });
});

describe('erasing somebody', () => {
  test('S0-099: leaves nothing personal, keeps who did what without a name, and says what still runs on the person’s say', async () => {
    const email = `canary-${unique()}@example.com`;
    const name = 'Canary Person Of The Test';
    const made = await createPerson(kit.database.database, { email, displayName: name });
    const id = made.kind === 'created' ? made.personId : '';
    await rows(`insert into member (workspace_id, principal_id, role) values ($1, $2, 'admin')`, [kit.workspace.id, id]);
    const { token, hash } = newToken();
    await openSession(kit.database.database, {
      tokenHash: hash,
      personId: id,
      idleMs: 60_000,
      absoluteMs: 60_000,
      ip: '203.0.113.77',
      userAgent: 'Canary Browser',
    });
    const person: TestCaller = {
      ...kit.nobody,
      principalId: id,
      headers: { ...GUARD, cookie: `plugboard=${token}`, 'x-plugboard-workspace': 'default' },
    };
    expect((await as(person, 'POST', '/api-keys', { name: `${name}'s key`, scopes: ['*'] })).status).toBe(201);
    await as(owner, 'POST', '/invitations', { email, role: 'viewer' });
    await as(person, 'PATCH', '/person', { name: `${name} II`, locale: 'de', zone: 'Europe/Berlin' });
    const workflowId = (await as(person, 'POST', '/workflows', { name: unique() })).json.id as string;
    // A published workflow that uses a credential because this person allowed it.
    const context = { workspaceId: kit.workspace.id, principalId: id };
    const [project] = await rows<{ id: string }>('select id from project where workspace_id = $1 limit 1', [kit.workspace.id]);
    const credential = await rows<{ id: string }>(
      `insert into credential (id, workspace_id, project_id, key, name, type, allowed_hosts, public_data, created_by) values (gen_random_uuid(), $1, $2, $3, 'c', 't', '{}', '{}', $4) returning id`,
      [context.workspaceId, project?.id, unique(), owner.principalId],
    );
    await rows(
      `insert into binding (workflow_id, environment, key, workspace_id, credential_id, granted_by) values ($1, 1, 'k', $2, $3, $4)`,
      [workflowId, context.workspaceId, credential[0]?.id, id],
    );
    expect((await as(owner, 'GET', `/members/${id}/credential-uses`)).text).toContain(workflowId);

    const everything = (await as(person, 'GET', '/person/export')).text;
    for (const text of [email, name, '203.0.113.77', 'Canary Browser', 'Europe/Berlin']) expect(everything).toContain(text);
    expect(everything).not.toContain(token);

    const erased = await as(operator, 'DELETE', `/persons/${id}`);
    expect(erased.json.stillRuns).toMatchObject([{ workflowId, environment: 1, key: 'k' }]);
    expect((await as(person, 'GET', '/workflows')).status).toBe(401);
    const tables = await rows<{ name: string }>(
      `select relname as name from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') and not relispartition`,
    );
    for (const table of tables) {
      for (const text of [email, name, 'Canary Browser']) {
        const found = await rows(`select from ${table.name} t where position($1 in t::text) > 0`, [text]);
        expect([table.name, text, found.length]).toEqual([table.name, text, 0]);
      }
    }
    const log = (await as(owner, 'GET', `/audit?principalId=${id}&first=100`)).json.rows as { actor: { name: string }; action: string }[];
    expect(log.map((row) => row.action)).toContain('workflow.create');
    expect(new Set(log.map((row) => row.actor.name))).toEqual(new Set(['Former member']));
    expect((await as(owner, 'GET', '/audit/check')).json.kind).toBe('intact');
  });
});

describe('a link that sets a password', () => {
  const reset = (token: string, password = 'another four words here') =>
    kit.rest({ ...kit.nobody, headers: GUARD }, 'POST', '/password-reset', { token, password });
  const linkFor = async (id: string): Promise<string> => {
    const { json } = await as(operator, 'POST', `/persons/${id}/reset-link`);
    return new URLSearchParams(new URL(json.link).hash.slice(1)).get('token') ?? '';
  };

  test('works once, ends every session, and lets in who had guessed too often', async () => {
    const person = await kit.person('viewer');
    await setPassword(
      kit.database.database,
      person.principalId,
      await createPasswords({ memoryCost: 1024, timeCost: 1 }).hash('a forgotten password'),
    );
    const [{ email } = { email: '' }] = await rows<{ email: string }>('select email from person where principal_id = $1', [
      person.principalId,
    ]);
    const signIn = (password: string) =>
      kit.rest({ ...kit.nobody, headers: { ...GUARD, 'x-test-address': '198.51.100.8' } }, 'POST', '/session', { email, password });
    for (let n = 0; n < 6; n += 1) await signIn(`wrong password ${n}`);
    expect((await signIn('another four words here')).json.error.code).toBe('TOO_MANY_ATTEMPTS');
    const token = await linkFor(person.principalId);
    const weak = await reset(token, 'short');
    expect([weak.status, weak.json.error.path]).toEqual([422, 'input.password']);
    const [one, two] = await Promise.all([reset(token), reset(token)]);
    expect(new Set([one.status, two.status])).toEqual(new Set([200, 404]));
    expect((await as(person, 'GET', '/workflows')).status).toBe(401);
    expect((await signIn('another four words here')).status).toBe(200);
    expect((await reset(token)).json.error.code).toBe('NOT_FOUND');
  });

  test('is worth nothing when it is too old, another one was made, or the person is kept out', async () => {
    const person = await kit.person('viewer');
    const first = await linkFor(person.principalId);
    const second = await linkFor(person.principalId);
    expect((await reset(first)).status).toBe(404);
    await rows(`update password_reset set expires_at = now() - interval '1 second' where person_id = $1`, [person.principalId]);
    expect((await reset(second)).status).toBe(404);
    const third = await linkFor(person.principalId);
    await as(operator, 'POST', `/persons/${person.principalId}/disable`);
    expect((await reset(third)).status).toBe(404);
    expect(await codeOf(operator, 'POST', `/persons/${person.principalId}/reset-link`)).toBe('NOT_FOUND');
    for (const guess of ['', 'x', 'x'.repeat(200)]) expect([404, 422]).toContain((await reset(guess)).status);
  });
});

describe('a profile', () => {
  test('is changed by its person; two changes at once lose nothing', async () => {
    const me = await kit.person('viewer', { name: 'Mia' });
    const { rev } = (await as(me, 'GET', '/person')).json;
    expect((await as(me, 'PATCH', '/person', { name: 'Mia M.', zone: 'Asia/Kathmandu', locale: 'ne', expectedRev: rev })).status).toBe(200);
    const late = await as(me, 'PATCH', '/person', { name: 'Old', expectedRev: rev });
    expect(late.json.error).toMatchObject({ code: 'CONFLICT', params: { theirs: { name: 'Mia M.' } } });
    expect((await as(me, 'GET', '/person')).json).toMatchObject({
      name: 'Mia M.',
      zone: 'Asia/Kathmandu',
      locale: 'ne',
      hasPassword: false,
    });
    for (const bad of [{ zone: 'Mars/Olympus' }, { locale: 'not a language' }, { name: '' }, { email: 'x@example.com' }])
      expect(await codeOf(me, 'PATCH', '/person', bad)).toBe('INPUT_INVALID');
  });

  test('has notifications that nobody else sees', async () => {
    const [me, other] = [await kit.person('viewer'), await kit.person('owner')];
    await rows(
      `insert into notification (id, principal_id, workspace_id, dedupe_key, kind, params) values (gen_random_uuid(), $1, $2, 'x', 'run.failed', '{}')`,
      [me.principalId, kit.workspace.id],
    );
    const [mine] = (await as(me, 'GET', '/notifications')).json.rows;
    expect(mine).toMatchObject({ kind: 'run.failed' });
    expect((await as(other, 'GET', '/notifications')).json.rows).toEqual([]);
    expect((await as(other, 'POST', '/notifications/read', { ids: [mine.id] })).json).toEqual({ count: 0 });
    expect((await as(me, 'POST', '/notifications/read', {})).json).toEqual({ count: 1 });
    expect((await as(me, 'GET', '/notifications?unreadOnly=true')).json.rows).toEqual([]);
  });
});

describe('a service principal', () => {
  test('has keys of its own, which end with it and not with who made it', async () => {
    const admin = await kit.person('admin');
    const { id } = (await as(admin, 'POST', '/services', { name: 'CI', role: 'editor' })).json;
    const { secret } = (await as(admin, 'POST', `/services/${id}/keys`, { name: 'deploy', scopes: ['workflow.read', 'workflow.create'] }))
      .json;
    const bearer = { ...kit.nobody, headers: { authorization: `Bearer ${secret}` } };
    const made = await as(bearer, 'POST', '/workflows', { name: unique() });
    expect(made.status, made.text).toBe(201);
    expect((await as(owner, 'GET', '/members?search=CI')).json.rows).toMatchObject([{ principalId: id, kind: 'service', role: 'editor' }]);
    expect(await codeOf(admin, 'PATCH', `/services/${id}`, { name: 'Deploy' })).toBe('200');
    await as(owner, 'DELETE', `/members/${admin.principalId}`);
    expect((await as(bearer, 'GET', '/workflows')).status).toBe(200);
    expect(await codeOf(owner, 'DELETE', `/members/${id}`)).toBe('200');
    expect((await as(bearer, 'GET', '/workflows')).status).toBe(401);
    expect(await codeOf(owner, 'PATCH', `/services/${id}`, { name: 'Back' })).toBe('NOT_FOUND');
  });

  test('is never above who makes it, and neither a person nor a service of another workspace gets keys this way', async () => {
    const admin = await kit.person('admin');
    expect(await codeOf(admin, 'POST', '/services', { name: 'x', role: 'owner' })).toBe('FORBIDDEN');
    const { id } = (await as(owner, 'POST', '/services', { name: 'x', role: 'owner' })).json;
    expect(await codeOf(admin, 'POST', `/services/${id}/keys`, { name: 'x', scopes: ['*'] })).toBe('FORBIDDEN');
    expect(await codeOf(owner, 'POST', `/services/${admin.principalId}/keys`, { name: 'x', scopes: ['*'] })).toBe('NOT_FOUND');
    const slug = unique();
    await as(operator, 'POST', '/workspaces', { slug, name: 'x', ownerId: owner.principalId });
    const there = { ...owner, headers: { ...owner.headers, 'x-plugboard-workspace': slug } };
    expect(await codeOf(there, 'POST', `/services/${id}/keys`, { name: 'x', scopes: ['*'] })).toBe('NOT_FOUND');
    expect(await codeOf(there, 'PATCH', `/services/${id}`, { name: 'Mine' })).toBe('NOT_FOUND');
  });
});

describe('teams', () => {
  test('give their members what is granted to them, and take it along', async () => {
    const [viewer, admin] = [await kit.person('viewer'), await kit.person('admin')];
    const { id } = (await as(admin, 'POST', '/teams', { name: unique() })).json;
    const place = { resourceKind: 'project', resourceId: kit.workspace.projectId };
    expect(await codeOf(viewer, 'POST', '/workflows', { name: unique() })).toBe('FORBIDDEN');
    expect(await codeOf(admin, 'PUT', `/teams/${id}/members/${viewer.principalId}`)).toBe('200');
    expect(await codeOf(admin, 'PUT', '/grants', { ...place, subjectKind: 'team', subjectId: id, role: 'editor' })).toBe('200');
    expect((await as(viewer, 'POST', '/workflows', { name: unique() })).status).toBe(201);
    expect((await as(viewer, 'GET', `/teams/${id}`)).json.members).toMatchObject([{ id: viewer.principalId }]);
    expect(await codeOf(admin, 'DELETE', `/teams/${id}`)).toBe('200');
    expect(await codeOf(viewer, 'POST', '/workflows', { name: unique() })).toBe('FORBIDDEN');
    const outsider = await kit.person(undefined);
    const team = (await as(admin, 'POST', '/teams', { name: unique() })).json.id as string;
    expect(await codeOf(admin, 'PUT', `/teams/${team}/members/${outsider.principalId}`)).toBe('NOT_FOUND');
    const taken = unique();
    await as(admin, 'POST', '/teams', { name: taken });
    expect(await codeOf(admin, 'POST', '/teams', { name: taken.toUpperCase() })).toBe('NAME_TAKEN');
  });
});

describe('a plan', () => {
  test('refuses what is more than it allows, with the numbers, also of many at once; less is always allowed', async () => {
    const slug = unique();
    const { id } = (await as(operator, 'POST', '/workspaces', { slug, name: 'x', ownerId: owner.principalId })).json;
    const there = { ...owner, workspaceSlug: slug, headers: { ...owner.headers, 'x-plugboard-workspace': slug } };
    expect(await codeOf(operator, 'PUT', '/plans/team-5', { name: 'Five', limits: { workflows: 5, projects: 2, members: 2 } })).toBe('200');
    expect(await codeOf(operator, 'PUT', `/workspaces/${id}/plan`, { plan: 'team-5' })).toBe('200');
    const made = await Promise.all(Array.from({ length: 8 }, () => as(there, 'POST', '/workflows', { name: unique() })));
    expect(made.filter((one) => one.status === 201)).toHaveLength(5);
    const refused = made.find((one) => one.status !== 201);
    expect(refused?.status).toBe(402);
    expect(refused?.json.error).toMatchObject({ code: 'ENTITLEMENT_EXCEEDED', params: { limit: 'workflows', used: 5, allowed: 5 } });
    expect(await codeOf(there, 'POST', '/workflows/import', { definition: aDefinition('One more', unique()) })).toBe(
      'ENTITLEMENT_EXCEEDED',
    );
    const kept = made.find((one) => one.status === 201)?.json.id as string;
    expect(await codeOf(there, 'DELETE', `/workflows/${kept}`)).toBe('200');
    expect((await as(there, 'POST', '/workflows', { name: unique() })).status).toBe(201);
    expect(await codeOf(there, 'POST', `/workflows/${kept}/restore`)).toBe('ENTITLEMENT_EXCEEDED');
    expect((await as(there, 'POST', '/projects', { name: 'x', slug: unique() })).status).toBe(201);
    expect(await codeOf(there, 'POST', '/projects', { name: 'x', slug: unique() })).toBe('ENTITLEMENT_EXCEEDED');
    expect((await as(there, 'GET', '/workspace/limits')).json).toEqual([
      { limit: 'workflows', used: 5, allowed: 5 },
      { limit: 'projects', used: 2, allowed: 2 },
      { limit: 'credentials', used: 0 },
      { limit: 'members', used: 1, allowed: 2 },
      { limit: 'fileBytes', used: 0 },
      { limit: 'payloadBytes', used: 0 },
    ]);
  });

  test('that is lowered refuses more and stops nothing', async () => {
    const slug = unique();
    const { id } = (await as(operator, 'POST', '/workspaces', { slug, name: 'x', ownerId: owner.principalId })).json;
    const there = { ...owner, workspaceSlug: slug, headers: { ...owner.headers, 'x-plugboard-workspace': slug } };
    const first = (await as(there, 'POST', '/workflows/import', { definition: aDefinition('One', unique()), publish: true })).json
      .workflowId as string;
    await as(there, 'POST', '/workflows', { name: 'Two' });
    await as(operator, 'PUT', '/plans/tiny', { name: 'Tiny', limits: { workflows: 1 } });
    await as(operator, 'PUT', `/workspaces/${id}/plan`, { plan: 'tiny' });
    expect(await codeOf(there, 'POST', '/workflows', { name: 'Three' })).toBe('ENTITLEMENT_EXCEEDED');
    // What is there is still edited, run and published.
    expect((await as(there, 'POST', '/runs', { workflow: 'One' })).status).toBe(202);
    expect(
      (
        await as(there, 'POST', '/workflows/import', {
          definition: { ...aDefinition('One', unique()), settings: { timeoutMs: 5000 } },
          publish: true,
        })
      ).json.workflowId,
    ).toBe(first);
    expect(await codeOf(operator, 'PUT', `/workspaces/${id}/plan`, { plan: 'nothing' })).toBe('INPUT_INVALID');
    expect(await codeOf(operator, 'PUT', '/plans/unlimited', { name: 'x', limits: { workflows: 1 } })).toBe('INPUT_INVALID');
    expect(await codeOf(operator, 'PUT', '/plans/x', { name: 'x', limits: { workflow: 1 } })).toBe('INPUT_INVALID');
    expect(await codeOf(operator, 'PUT', '/plans/x', { name: 'x', limits: { workflows: -1 } })).toBe('INPUT_INVALID');
  });

  test('has room for who was invited, until it is full', async () => {
    const slug = unique();
    const { id } = (await as(operator, 'POST', '/workspaces', { slug, name: 'x', ownerId: owner.principalId })).json;
    const there = { ...owner, headers: { ...owner.headers, 'x-plugboard-workspace': slug } };
    await as(operator, 'PUT', '/plans/two', { name: 'Two', limits: { members: 2 } });
    await as(operator, 'PUT', `/workspaces/${id}/plan`, { plan: 'two' });
    const tokens: string[] = [];
    for (let n = 0; n < 2; n += 1) {
      const { link } = (await as(there, 'POST', '/invitations', { email: `${unique()}@example.com`, role: 'viewer' })).json;
      tokens.push(/token=([\w-]+)/.exec(link)?.[1] ?? '');
    }
    const joined = await Promise.all(
      tokens.map((token) =>
        kit.rest({ ...kit.nobody, headers: GUARD }, 'POST', '/invitations/accept', { token, name: 'N', password: PASSWORD }),
      ),
    );
    expect(new Set(joined.map((one) => one.json?.error?.code ?? one.status))).toEqual(new Set([200, 'ENTITLEMENT_EXCEEDED']));
  });
});
