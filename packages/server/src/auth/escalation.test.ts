/** What somebody tries who is in, and wants more than they were given: by teams, by services, by drafts, and by keys with few scopes. */
import { type Role, inWorkspace, setRoleGrant } from '@plugboard/persistence';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type CredentialKit, type Service, credentialKit, openService, requestDefinition } from '../credentials/credentials.test-kit.ts';
import { type ApiKit, type TestCaller, openApiKit } from '../operation/api.test-kit.ts';

let kit: ApiKit;
let owner: TestCaller;
let admin: TestCaller;
let use: CredentialKit;
let service: Service;
let count = 0;
const unique = (): string => `wanted-${(count += 1)}`;

beforeAll(async () => {
  kit = await openApiKit();
  owner = await kit.person('owner');
  admin = await kit.person('admin');
  use = credentialKit(kit, owner);
  service = await openService();
});
afterAll(async () => {
  await service.close();
  await kit.close();
});

const as = (by: TestCaller, method: string, path: string, body?: object) => kit.rest(by, method, path, body);
const codeOf = async (by: TestCaller, method: string, path: string, body?: object): Promise<string> => {
  const { status, json } = await as(by, method, path, body);
  return (json?.error?.code as string | undefined) ?? String(status);
};
const idOf = async (by: TestCaller, path: string, body: object): Promise<string> => {
  const made = await as(by, 'POST', path, body);
  expect(made.status, made.text).toBe(201);
  return made.json.id as string;
};
const give = async (
  place: { readonly kind: string; readonly id: string },
  to: { readonly kind: string; readonly id: string },
  role: Role,
) => {
  const grant = { resourceKind: place.kind, resourceId: place.id, subjectKind: to.kind, subjectId: to.id, role };
  expect(await codeOf(owner, 'PUT', '/grants', grant)).toBe('200');
};
const aPrivateProject = (): Promise<string> => idOf(owner, '/projects', { name: 'Private', slug: unique(), isPrivate: true });

describe('an admin', () => {
  test('puts nobody into a team that has a role he does not have', async () => {
    const [above, inside, below] = [
      await idOf(owner, '/teams', { name: unique() }),
      await idOf(owner, '/teams', { name: unique() }),
      await idOf(owner, '/teams', { name: unique() }),
    ];
    const projectId = await aPrivateProject();
    await give({ kind: 'workspace', id: kit.workspace.id }, { kind: 'team', id: above }, 'owner');
    await give({ kind: 'project', id: projectId }, { kind: 'team', id: inside }, 'viewer');
    await give({ kind: 'workspace', id: kit.workspace.id }, { kind: 'team', id: below }, 'editor');
    const join = (team: string) => codeOf(admin, 'PUT', `/teams/${team}/members/${admin.principalId}`);
    expect([await join(above), await join(inside), await join(below)]).toEqual(['FORBIDDEN', 'FORBIDDEN', '200']);
    expect(await codeOf(admin, 'GET', `/projects/${projectId}`)).toBe('NOT_FOUND');
    expect(await codeOf(owner, 'PUT', `/teams/${above}/members/${admin.principalId}`)).toBe('200');
  });

  test('makes no key of a service that gets where he does not', async () => {
    const projectId = await aPrivateProject();
    const [direct, byTeam, plain] = [
      await idOf(owner, '/services', { name: 'direct', role: 'viewer' }),
      await idOf(owner, '/services', { name: 'by team', role: 'viewer' }),
      await idOf(owner, '/services', { name: 'plain', role: 'viewer' }),
    ];
    const team = await idOf(owner, '/teams', { name: unique() });
    await give({ kind: 'project', id: projectId }, { kind: 'principal', id: direct }, 'viewer');
    await give({ kind: 'project', id: projectId }, { kind: 'team', id: team }, 'viewer');
    expect(await codeOf(owner, 'PUT', `/teams/${team}/members/${byTeam}`)).toBe('200');
    const key = (by: TestCaller, one: string) => codeOf(by, 'POST', `/services/${one}/keys`, { name: 'k', scopes: ['*'] });
    expect([await key(admin, direct), await key(admin, byTeam), await key(admin, plain)]).toEqual(['FORBIDDEN', 'FORBIDDEN', '201']);
    expect([await key(owner, direct), await key(owner, byTeam)]).toEqual(['201', '201']);
  });
});

interface Definition {
  nodes: { id: string; type: string; position: object; data: { [name: string]: unknown } }[];
  edges: object[];
}

describe('an editor of a workflow', () => {
  test('gets no credential for a node by publishing it switched off first', async () => {
    const { key } = await use.make('core/bearer', { token: 'canary-escalation-1' }, [service.host]);
    const name = unique();
    const definition = requestDefinition(name, { url: service.url, credential: key });
    const publish = (by: TestCaller, given: object) => as(by, 'POST', '/workflows/import', { definition: given, publish: true });
    const made = await publish(owner, definition);
    const editor = await kit.person('viewer');
    await inWorkspace(kit.database.database, { workspaceId: kit.workspace.id, principalId: owner.principalId }, (tx) =>
      setRoleGrant(tx, {
        subject: { kind: 'principal', id: editor.principalId },
        resource: { kind: 'workflow', id: made.json.workflowId },
        role: 'editor',
      }),
    );
    const withMine = (isOff: boolean): Definition => {
      const given = structuredClone(definition) as Definition;
      const params = { url: `${service.url}/mine`, method: 'DELETE', credential: key };
      given.nodes.push({
        id: 'mine',
        type: 'core/http-request',
        position: { x: 0, y: 0 },
        data: { name: 'mine', typeVersion: 1, params, ...(isOff ? { disabled: true } : {}) },
      });
      given.edges.push({ id: 'f', source: 'start', sourceHandle: 'main', target: 'mine', targetHandle: 'main' });
      return given;
    };
    expect((await publish(editor, withMine(true))).json).toMatchObject({ version: 2 });
    const refused = await publish(editor, withMine(false));
    expect([refused.status, refused.json.error?.code]).toEqual([403, 'CREDENTIAL_USE_REQUIRED']);
    expect(refused.json.error.message).toContain('"mine"');
    expect((await publish(owner, withMine(false))).json).toMatchObject({ version: 3 });
  });
});

describe('a key without the scope credential.use', () => {
  test('starts no draft that uses one: not by replaying a request, nor by listening for one', async () => {
    const { key } = await use.make('core/bearer', { token: 'canary-escalation-2' }, [service.host]);
    const name = unique();
    const plain = {
      schema: 1,
      name,
      nodes: [
        { id: 'hook', type: 'core/webhook', position: { x: 0, y: 0 }, data: { name: 'hook', typeVersion: 1, params: { path: name } } },
      ],
      edges: [],
    };
    const ask = { id: 'ask', type: 'core/http-request', position: { x: 0, y: 0 } };
    const using = {
      ...plain,
      nodes: [...plain.nodes, { ...ask, data: { name: 'ask', typeVersion: 1, params: { url: service.url, credential: key } } }],
      edges: [{ id: 'e', source: 'hook', sourceHandle: 'main', target: 'ask', targetHandle: 'main' }],
    };
    const put = (definition: object) => as(owner, 'POST', '/workflows/import', { definition });
    const { workflowId } = (await put(plain)).json;
    const started = await as(owner, 'POST', '/runs', { workflowId, source: 'draft', input: {} });
    await use.outcome(started.json.runId);

    const runs = await kit.apiKey(owner, ['workflow.read', 'workflow.run', 'run.read', 'run.readData']);
    const edits = await kit.apiKey(owner, ['workflow.read', 'workflow.run', 'workflow.edit']);
    const listen = (by: TestCaller, mode: string) => codeOf(by, 'POST', `/workflows/${workflowId}/listen`, { mode });
    const replay = (by: TestCaller) => codeOf(by, 'POST', `/runs/${started.json.runId}/replay`, { source: 'draft' });
    // A draft without credentials is for both, but whoever edits could put one in while it is listened for.
    expect([await listen(runs, 'run'), await listen(edits, 'run'), await listen(edits, 'capture')]).toEqual(['201', 'FORBIDDEN', '201']);
    expect(await replay(runs)).toBe('202');
    await put(using);
    expect([await listen(runs, 'run'), await listen(runs, 'capture'), await replay(runs)]).toEqual(['FORBIDDEN', '201', 'FORBIDDEN']);
    expect(service.seen).toEqual([]);
    expect(await replay(owner)).toBe('202');
  });
});

describe('whoever edits a credential without knowing its secret', () => {
  test('does not make a connection of it weaker, or lead to another program', async () => {
    const data = { host: 'mail.example.com', port: 587, security: 'starttls', user: 'u' };
    const { id } = await use.make('core/smtp', { ...data, password: 'canary-escalation-3' }, ['mail.example.com:587']);
    const change = (given: object, more: object = {}) =>
      as(owner, 'PATCH', `/credentials/${id}`, { expectedRev: 1, data: { ...data, ...given }, ...more });
    for (const given of [
      { port: 25 },
      { security: 'none' },
      { checkCertificate: false },
      { ca: 'another' },
      { host: 'other.example.com' },
    ]) {
      const answer = await change(given, { allowedHosts: ['mail.example.com:587'] });
      expect([answer.status, given], answer.text).toEqual([422, given]);
    }
    expect((await change({ port: 25 })).json.error.path).toBe('input.data.password');
    expect((await change({}, { name: 'Only its name' })).status).toBe(200);
    const entered = await change({ security: 'tls', password: 'canary-escalation-4' }, { expectedRev: 2 });
    expect(entered.status, entered.text).toBe(200);
  });
});
