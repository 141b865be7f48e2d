/**
 * Every operation, called by everybody, in every way: exactly who the table of permissions names gets through, everybody else gets the
 * same refusal by each adapter, and whoever is not of the workspace learns nothing.
 */
import { type GraphQLField, type GraphQLSchema, getNamedType, isLeafType, isUnionType } from 'graphql';
import { ROLES, type Role, createInvitation, createWorkflow, deleteWorkflow, inWorkspace } from '@plugboard/persistence';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ACTIONS, type Action, covers } from '../access/actions.ts';
import { graphqlSchema } from '../graphql/schema.ts';
import { semanticHash } from '../workflows/definitions.ts';
import { type Answer, type ApiKit, type TestCaller, aDefinition, openApiKit } from './api.test-kit.ts';
import type { Operation } from './operation.ts';
import { OperationProblem } from './problem.ts';

let kit: ApiKit;
let schema: GraphQLSchema;
let workflowId: string;
let runId: string;
let count = 0;
const unique = (): string => `thing ${(count += 1)}`;
const asSystem = <Result>(use: Parameters<typeof inWorkspace<Result>>[2]): Promise<Result> =>
  inWorkspace(kit.database.database, { workspaceId: kit.workspace.id, principalId: kit.system.principalId }, use);

const newWorkflow = (): Promise<string> =>
  asSystem(async (tx) => {
    const definition = aDefinition(unique(), unique().replace(' ', '-')) as never;
    const made = await createWorkflow(tx, { projectId: kit.workspace.projectId, definition, semanticHash: semanticHash(definition) });
    return made.kind === 'created' ? made.workflow.id : '';
  });
const deleted = async (): Promise<string> => {
  const id = await newWorkflow();
  await asSystem((tx) => deleteWorkflow(tx, id));
  return id;
};
const newMember = async (): Promise<string> => (await kit.person('viewer')).principalId;
const newInvitation = (): Promise<string> =>
  asSystem((tx) =>
    createInvitation(tx, {
      email: `${unique().replace(' ', '')}@example.com`,
      role: 'viewer',
      tokenHash: crypto.getRandomValues(new Uint8Array(32)),
      validMs: 60_000,
    }),
  );

/** An input of each operation that would work, made anew for each call where the call uses it up. */
const INPUTS: Readonly<Record<string, (by: TestCaller) => object | Promise<object>>> = {
  'session.get': () => ({}),
  'instance.setUp': () => ({ token: 'x', name: 'x', email: 'x@example.com', password: 'x' }),
  'session.signIn': () => ({ email: `${unique()}@example.com`, password: 'x' }),
  'session.signOut': () => ({}),
  'session.list': () => ({}),
  'session.revoke': () => ({ id: crypto.randomUUID() }),
  'person.changePassword': () => ({ current: 'x', next: 'five words in a row here' }),
  'person.offerTotp': () => ({}),
  'person.confirmTotp': () => ({ code: '123456' }),
  'person.disableTotp': () => ({ password: 'x' }),
  'invitation.look': () => ({ token: 'x' }),
  'invitation.accept': () => ({ token: 'x', name: 'x', password: 'five words in a row here' }),
  'workflow.overview': () => ({}),
  'workflow.counts': () => ({}),
  'workflow.list': () => ({}),
  'workflow.get': () => ({ id: workflowId }),
  'workflow.versions': () => ({ workflowId }),
  'workflow.validate': () => ({ definition: {} }),
  'workflow.create': () => ({ name: unique() }),
  'workflow.import': () => ({ definition: aDefinition(unique(), unique().replace(' ', '-')), publish: true }),
  'workflow.export': () => ({ name: 'Shared' }),
  'workflow.publish': async () => ({ id: await newWorkflow(), expectedRev: 1 }),
  'workflow.delete': async () => ({ id: await newWorkflow() }),
  'workflow.restore': async () => ({ id: await deleted() }),
  'run.start': () => ({ workflowId, source: 'draft', input: {} }),
  'run.overview': () => ({}),
  'run.list': () => ({}),
  'run.detail': () => ({ id: runId }),
  'run.get': () => ({ id: runId }),
  'run.state': () => ({ id: runId }),
  'run.output': () => ({ id: runId }),
  'run.facts': () => ({ id: runId }),
  'run.stepData': () => ({ runId, nodeId: 'say', side: 'output' }),
  'run.stepLog': () => ({ runId, nodeId: 'say' }),
  'run.cancel': () => ({ id: runId }),
  'run.resolve': () => ({ id: runId, node: 'say', decision: 'done' }),
  'run.again': () => ({ id: runId }),
  'run.now': () => ({}),
  'member.list': () => ({}),
  'member.setRole': async () => ({ principalId: await newMember(), role: 'runner' }),
  'member.remove': async () => ({ principalId: await newMember() }),
  'invitation.list': () => ({}),
  'invitation.create': () => ({ email: `${unique().replace(' ', '')}@example.com`, role: 'viewer' }),
  'invitation.revoke': async () => ({ id: await newInvitation() }),
  'apiKey.list': () => ({}),
  'apiKey.scopes': () => ({}),
  'apiKey.create': () => ({ name: 'x', scopes: ['workflow.read'] }),
  'apiKey.revoke': async (by) => ({ id: await keyIdOf(by) }),
  'audit.list': () => ({}),
  'audit.check': () => ({}),
  'catalog.plugins': () => ({}),
  'catalog.types': () => ({}),
  'instance.health': () => ({}),
  'find.everything': () => ({ text: 'Shared' }),
};

function inputOf(name: string, by: TestCaller): object | Promise<object> {
  const make = INPUTS[name];
  if (!make) throw new Error(`${name} has no input here`);
  return make(by);
}

/** The key of whoever asks, so that even the weakest finds something to revoke. */
async function keyIdOf(by: TestCaller): Promise<string> {
  if (by.principalId === '' || by.principalId === kit.system.principalId) return crypto.randomUUID();
  const member = await kit.database.database.query('select from member where workspace_id = $1 and principal_id = $2', [
    kit.workspace.id,
    by.principalId,
  ]);
  if (member.length === 0) return crypto.randomUUID();
  return (await (await kit.apiKey({ ...by, workspaceSlug: 'default' })).caller()).apiKeyId ?? '';
}

type Outcome = 'through' | 'UNAUTHENTICATED' | 'FORBIDDEN' | 'NOT_FOUND';

function outcomeOf(code: string | undefined): Outcome {
  return code === 'UNAUTHENTICATED' || code === 'FORBIDDEN' || code === 'NOT_FOUND' ? code : 'through';
}

const ADAPTERS: { readonly [name: string]: (operation: Operation, input: object, by: TestCaller) => Promise<Outcome> } = {
  async execute(operation, input, by) {
    try {
      await kit.execute(operation, input, await by.caller());
      return 'through';
    } catch (error) {
      if (error instanceof OperationProblem) return outcomeOf(error.code);
      throw error;
    }
  },
  REST: byRest,
  async GraphQL(operation, input, by) {
    const answer = await graphqlCall(operation, input, by);
    const [error] = answer.json.errors ?? [];
    expect(error?.extensions?.code ?? '', `${operation.name} ${answer.text}`).not.toBe('INTERNAL');
    if (error) {
      expect(error.extensions?.code, answer.text).toBeTypeOf('string');
      return outcomeOf(error.extensions.code);
    }
    return outcomeOf(answer.json.data[operation.field]?.code);
  },
};

async function byRest(operation: Operation, input: object, by: TestCaller): Promise<Outcome> {
  const answer = await restCall(operation, input, by);
  expect(answer.status, `${operation.name} ${answer.text}`).toBeLessThan(500);
  return outcomeOf(answer.json?.error?.code);
}

function restCall({ rest }: Operation, input: object, by: TestCaller): Promise<Answer> {
  const left = new Map(Object.entries(input));
  const path = rest.path.replaceAll(/\{(\w+)\}/g, (_, name: string) => {
    const value = String(left.get(name));
    left.delete(name);
    return encodeURIComponent(value);
  });
  const isQuery = rest.method === 'GET' || rest.method === 'DELETE';
  const query = isQuery ? `?${new URLSearchParams([...left].map(([name, value]) => [name, String(value)]))}` : '';
  const body = isQuery ? undefined : rest.bodyField === undefined ? Object.fromEntries(left) : left.get(rest.bodyField);
  return kit.rest(by, rest.method, `${path}${query}`, body);
}

function graphqlCall(operation: Operation, input: object, by: TestCaller): Promise<Answer> {
  const root = operation.kind === 'query' ? schema.getQueryType() : schema.getMutationType();
  const field: GraphQLField<unknown, unknown> | undefined = root?.getFields()[operation.field];
  if (!field) throw new Error(`no field ${operation.field}`);
  const given = field.args.filter((arg) => arg.name in input);
  const declared = given.map((arg) => `$${arg.name}: ${String(arg.type)}`).join(', ');
  const passed = given.map((arg) => `${arg.name}: $${arg.name}`).join(', ');
  const type = getNamedType(field.type);
  const selection = isLeafType(type) ? '' : isUnionType(type) ? '{ __typename ... on Problem { code } }' : '{ __typename }';
  const args = given.length > 0;
  return kit.graphql(
    by,
    `${operation.kind}${args ? `(${declared})` : ''} { ${operation.field}${args ? `(${passed})` : ''} ${selection} }`,
    input,
  );
}

/** Who calls, with the role they have in the workspace that is asked for. */
interface Who {
  readonly title: string;
  readonly kind: 'person' | 'key' | 'service' | 'system' | 'nobody';
  readonly role: Role | undefined;
  readonly by: TestCaller;
}

let everybody: Who[];

async function everyone(): Promise<Who[]> {
  const list: Who[] = [];
  for (const role of ROLES) {
    const person = await kit.person(role);
    list.push({ title: `${role} signed in`, kind: 'person', role, by: person });
    list.push({ title: `${role} by key`, kind: 'key', role, by: await kit.apiKey(person) });
    list.push({ title: `${role} service`, kind: 'service', role, by: await kit.service(role) });
  }
  const outsider = await kit.person('owner', { in: 'elsewhere' });
  list.push({ title: 'owner of another workspace, asking here', kind: 'person', role: undefined, by: inDefault(outsider) });
  list.push({ title: 'key of another workspace, asking here', kind: 'key', role: undefined, by: inDefault(await kit.apiKey(outsider)) });
  list.push({ title: 'local command line', kind: 'system', role: 'owner', by: kit.system });
  list.push({ title: 'nobody', kind: 'nobody', role: undefined, by: kit.nobody });
  return list;
}

/** The same caller, naming the default workspace. */
function inDefault(by: TestCaller): TestCaller {
  return {
    ...by,
    workspaceSlug: 'default',
    headers: { ...by.headers, 'x-plugboard-workspace': 'default' },
    caller: async () => ({
      ...(await by.caller()),
      access: { workspaceId: '', workspaceRole: undefined, isOperator: false, projects: new Map(), grants: new Map() },
    }),
  };
}

function expected({ permission, name }: Operation, { kind, role }: Who): Outcome {
  if ('public' in permission) return name === 'invitation.look' || name === 'invitation.accept' ? 'NOT_FOUND' : 'through';
  if (kind === 'nobody') return 'UNAUTHENTICATED';
  if ('person' in permission) return kind !== 'person' ? 'FORBIDDEN' : name === 'session.revoke' ? 'NOT_FOUND' : 'through';
  if (role === undefined) return 'NOT_FOUND';
  // Keys are made by people, and the command line is nobody who could have one.
  if (name === 'apiKey.create' && kind !== 'person') return 'FORBIDDEN';
  if (name === 'apiKey.revoke' && kind === 'system') return 'NOT_FOUND';
  if ('member' in permission) return 'through';
  return covers(role, ACTIONS[permission.action].role) ? 'through' : 'FORBIDDEN';
}

beforeAll(async () => {
  kit = await openApiKit();
  schema = graphqlSchema(kit.registry, kit.execute);
  await kit.otherWorkspace('elsewhere');
  const imported = await kit.rest(kit.system, 'POST', '/workflows/import', { definition: aDefinition('Shared', 'shared'), publish: true });
  workflowId = imported.json.workflowId;
  runId = (await kit.rest(kit.system, 'POST', '/runs', { workflow: 'Shared' })).json.runId;
  await kit.rest(kit.system, 'GET', `/runs/${runId}/state?waitMs=10000`);
  everybody = await everyone();
});
afterAll(() => kit.close());

describe('every operation for everybody', () => {
  test('has an input here', () => {
    expect(kit.registry.all.map((operation) => operation.name).toSorted()).toEqual(Object.keys(INPUTS).toSorted());
  });

  test.each(Object.keys(INPUTS))(
    '%s lets through exactly who the table names, by every adapter',
    async (name) => {
      const operation = kit.registry.get(name);
      const wrong: string[] = [];
      for (const [adapter, call] of Object.entries(ADAPTERS)) {
        const callers = name === 'session.signOut' ? await everyone() : everybody;
        for (const who of callers) {
          const input = await inputOf(name, who.by);
          const outcome = await call(operation, input, who.by);
          const due = expected(operation, who);
          if (outcome !== due) wrong.push(`${who.title} by ${adapter}: ${outcome} instead of ${due}`);
        }
      }
      expect(wrong).toEqual([]);
    },
    60_000,
  );

  test.each(Object.keys(INPUTS))('%s refuses a key without its scope before it looks at anything', async (name) => {
    const operation = kit.registry.get(name);
    if (!('action' in operation.permission)) return;
    const { action } = operation.permission;
    const others = (Object.keys(ACTIONS) as Action[]).filter((one) => one !== action);
    const key = await kit.apiKey(everybody.find((who) => who.title === 'owner signed in')!.by, others);
    const missing = { id: crypto.randomUUID(), runId: crypto.randomUUID(), workflowId: crypto.randomUUID() };
    const input = await inputOf(name, key);
    const hidden = Object.fromEntries(
      Object.entries(input).map(([field, value]) => [field, field in missing ? missing[field as keyof typeof missing] : value]),
    );
    for (const one of [input, hidden]) expect(await byRest(operation, one, key)).toBe('FORBIDDEN');
  });
});

describe('another workspace', () => {
  test('an id from elsewhere is not there, and answers do not differ from those about nothing', async () => {
    const outsider = await kit.person('owner', { in: 'elsewhere' });
    for (const operation of kit.registry.all) {
      const input = (await inputOf(operation.name, outsider)) as Record<string, unknown>;
      const fields = ['id', 'runId', 'workflowId', 'principalId'].filter((field) => field in input);
      if (fields.length === 0 || !('action' in operation.permission)) continue;
      const nowhere = { ...input, ...Object.fromEntries(fields.map((field) => [field, crypto.randomUUID()])) };
      const [here, nothing] = [await restCall(operation, input, outsider), await restCall(operation, nowhere, outsider)];
      expect([operation.name, here.status, here.json.error.code]).toEqual([operation.name, 404, 'NOT_FOUND']);
      const blank = (text: string): string => text.replaceAll(/[0-9a-f]{8}-[0-9a-f-]{27}/g, 'id');
      expect(blank(here.text), operation.name).toBe(blank(nothing.text));
    }
  });

  test('lists and counts of another workspace hold nothing of this one', async () => {
    const outsider = await kit.person('owner', { in: 'elsewhere' });
    for (const path of [
      '/workflows',
      '/workflows/overview',
      '/workflows/counts',
      '/runs',
      '/runs/overview',
      '/now',
      '/find?text=Shared',
      '/audit',
      '/members',
      '/invitations',
      '/api-keys',
    ]) {
      const { status, text } = await kit.rest(outsider, 'GET', path);
      expect([path, status]).toEqual([path, 200]);
      expect(text, path).not.toMatch(new RegExp(`${workflowId}|${runId}|Shared`));
    }
    expect((await kit.rest(outsider, 'GET', '/workflows/counts')).json).toEqual({ all: 0, live: 0, drafts: 0, attention: 0, projects: 1 });
    expect((await kit.rest(outsider, 'GET', '/now')).json).toMatchObject({ runningCount: 0, endedToday: 0 });
  });
});

describe('a hidden project', () => {
  test('its workflows and runs are in no list, count, search or answer of who has no role on it', async () => {
    const owner = await kit.person('editor');
    const [project] = await kit.database.database.query<{ id: string }>(
      `insert into project (id, workspace_id, slug, name, visibility, owner_id, created_by) values (gen_random_uuid(), $1, 'private', 'Private', 'members', $2, $2) returning id`,
      [kit.workspace.id, owner.principalId],
    );
    const made = await kit.rest(owner, 'POST', '/workflows/import', {
      definition: aDefinition('Hidden one', 'hidden'),
      publish: true,
      projectId: project?.id,
    });
    expect(made.status, made.text).toBe(201);
    const started = (await kit.rest(owner, 'POST', '/runs', { workflow: 'Hidden one' })).json.runId as string;
    expect((await kit.rest(owner, 'GET', `/runs/${started}/state?waitMs=10000`)).json.status).toBe('succeeded');
    const others = everybody.filter((who) => who.role !== undefined && who.kind !== 'system');
    for (const { by, title } of others) {
      const before = (await kit.rest(owner, 'GET', '/workflows/counts')).json.all;
      expect((await kit.rest(by, 'GET', '/workflows/counts')).json.all, title).toBe(before - 1);
      for (const path of [
        '/workflows',
        '/workflows/overview?first=100',
        '/runs?limit=100',
        '/runs/overview?first=100',
        `/find?text=Hidden`,
        `/find?text=${started.slice(-8)}`,
      ]) {
        const { text } = await kit.rest(by, 'GET', path);
        expect(text, `${title} ${path}`).not.toMatch(new RegExp(`Hidden one|${started}|${made.json.workflowId}`));
      }
      for (const path of [
        `/runs/${started}`,
        `/runs/${started.slice(-8)}`,
        `/runs/${started}/output`,
        `/runs/${started}/facts`,
        `/workflows/${made.json.workflowId}`,
        '/workflows/Hidden%20one/export',
      ]) {
        expect((await kit.rest(by, 'GET', path)).json.error.code, `${title} ${path}`).toBe('NOT_FOUND');
      }
      expect((await kit.rest(by, 'GET', '/runs/last')).json.id, title).not.toBe(started);
    }
    const clash = await kit.rest(everybody.find((who) => who.title === 'owner signed in')!.by, 'POST', '/workflows/import', {
      definition: aDefinition('Mine', 'hidden'),
      publish: true,
    });
    expect([clash.status, clash.json.error.code]).toEqual([409, 'HOOK_PATH_TAKEN']);
    expect(clash.text).not.toContain('Hidden one');
  });

  test('what a run handled is for who may read data, also inside its steps', async () => {
    const viewer = everybody.find((who) => who.title === 'viewer signed in')!.by;
    for (const path of [`/runs/${runId}`, `/runs/${runId}/detail`, `/runs/${runId}/facts`, `/runs/overview`]) {
      expect((await kit.rest(viewer, 'GET', path)).text.replace(/"definition":.*?"settings"/s, ''), path).not.toContain('CANARY');
    }
    const runner = everybody.find((who) => who.title === 'runner signed in')!.by;
    expect((await kit.rest(runner, 'GET', `/runs/${runId}/output`)).text).toContain('CANARY');
  });

  test('a right that is taken away is gone with the next request', async () => {
    const person = await kit.person('editor');
    expect((await kit.rest(person, 'POST', '/workflows', { name: unique() })).status).toBe(201);
    await kit.rest(kit.system, 'PUT', `/members/${person.principalId}/role`, { role: 'viewer' });
    expect((await kit.rest(person, 'POST', '/workflows', { name: unique() })).json.error.code).toBe('FORBIDDEN');
    await kit.rest(kit.system, 'DELETE', `/members/${person.principalId}`);
    expect((await kit.rest(person, 'GET', '/workflows')).json.error.code).toBe('NOT_FOUND');
  });
});
