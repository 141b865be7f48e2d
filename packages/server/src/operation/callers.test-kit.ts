/** People, keys and services of every role, made in a database; whoever serves it takes them for real. */
import {
  type Database,
  ROLES,
  type Role,
  addMember,
  createApiKey,
  createPerson,
  createServicePrincipal,
  createWorkspace,
  grantInstanceRole,
  inInstance,
  inWorkspace,
  loadAccess,
  openSession,
} from '@plugboard/persistence';
import { type AccessSet, type Actor, NO_ACCESS, accessSetOf } from '../access/access.ts';
import { API_KEY_PREFIX, newToken } from '../auth/opaque-token.ts';
import type { Caller } from './operation.ts';

/** Whoever calls, by each of the ways in. */
export interface TestCaller {
  readonly principalId: string;
  readonly workspaceSlug: string;
  readonly headers: Readonly<Record<string, string>>;
  caller(): Promise<Caller>;
}

export interface TestCallers {
  person(role: Role | undefined, options?: { readonly in?: string; readonly name?: string }): Promise<TestCaller>;
  apiKey(of: TestCaller, scopes?: readonly string[]): Promise<TestCaller>;
  service(role: Role): Promise<TestCaller>;
  otherWorkspace(slug: string): Promise<{ readonly workspaceId: string; readonly projectId: string; readonly ownerId: string }>;
  readonly system: TestCaller;
  readonly nobody: TestCaller;
}

export interface TestCallersOptions {
  readonly database: Database;
  readonly defaults: { readonly workspaceId: string; readonly systemPrincipalId: string };
  readonly localToken: string;
}

export function createTestCallers({ database, defaults, localToken }: TestCallersOptions): TestCallers {
  const workspaces = new Map([['default', defaults.workspaceId]]);
  const accessOf = async (actor: Actor, slug: string): Promise<AccessSet> => {
    const workspaceId = workspaces.get(slug) ?? '';
    if (actor.kind === 'system') return { ...NO_ACCESS, workspaceId };
    const access = actor.kind === 'anonymous' ? undefined : await loadAccess(database, { workspaceId, principalId: actor.principalId });
    return access ? accessSetOf(access) : NO_ACCESS;
  };
  const aCaller = (actor: Actor, slug: string, headers: Readonly<Record<string, string>>, more: Partial<Caller> = {}): TestCaller => ({
    principalId: actor.principalId,
    workspaceSlug: slug,
    headers: { 'x-plugboard-workspace': slug, ...headers },
    caller: async () => ({ actor, access: await accessOf(actor, slug), requestId: 'test', ip: '127.0.0.1', ...more }),
  });
  let count = 0;

  const callers: TestCallers = {
    async person(role, options = {}) {
      count += 1;
      const slug = options.in ?? 'default';
      const name = options.name ?? `person ${count}`;
      const made = await createPerson(database, { email: `person-${count}@example.com`, displayName: name });
      if (made.kind !== 'created') throw new Error(made.kind);
      if (role)
        await addMember(database, { workspaceId: workspaces.get(slug) ?? '', principalId: made.personId, role, createdBy: made.personId });
      const { token, hash } = newToken();
      const sessionId = await openSession(database, { tokenHash: hash, personId: made.personId, idleMs: 3_600_000, absoluteMs: 3_600_000 });
      return aCaller(
        { kind: 'person', principalId: made.personId },
        slug,
        { cookie: `plugboard=${token}`, 'x-plugboard-request': '1' },
        { sessionId },
      );
    },
    async apiKey(of, scopes = ['*']) {
      const workspaceId = workspaces.get(of.workspaceSlug) ?? '';
      const { token, hash } = newToken(API_KEY_PREFIX);
      const made = await inWorkspace(database, { workspaceId, principalId: of.principalId }, (tx) =>
        createApiKey(tx, { principalId: of.principalId, name: 'test', hash, hint: token.slice(-4), scopes }),
      );
      if (made.kind !== 'created') throw new Error(made.kind);
      const { actor } = await of.caller();
      const narrowed = scopes.includes('*') ? actor : { ...actor, scopes: new Set(scopes as never[]) };
      return aCaller(narrowed, of.workspaceSlug, { authorization: `Bearer ${token}` }, { apiKeyId: made.apiKeyId });
    },
    async service(role) {
      const principalId = await inInstance(database, (tx) =>
        createServicePrincipal(tx, {
          workspaceId: defaults.workspaceId,
          displayName: `service ${role}`,
          role,
          createdBy: defaults.systemPrincipalId,
        }),
      );
      return callers.apiKey(aCaller({ kind: 'service', principalId }, 'default', {}));
    },
    async otherWorkspace(slug) {
      const owner = await createPerson(database, { email: `owner-of-${slug}@example.com`, displayName: `owner of ${slug}` });
      if (owner.kind !== 'created') throw new Error(owner.kind);
      const made = await inInstance(database, (tx) =>
        createWorkspace(tx, { slug, name: slug, ownerId: owner.personId, createdBy: owner.personId }),
      );
      if (made.kind !== 'created') throw new Error(made.kind);
      workspaces.set(slug, made.workspaceId);
      return { workspaceId: made.workspaceId, projectId: made.projectId, ownerId: owner.personId };
    },
    system: aCaller({ kind: 'system', principalId: defaults.systemPrincipalId }, 'default', { authorization: `Bearer ${localToken}` }),
    nobody: aCaller({ kind: 'anonymous', principalId: '' }, 'default', {}),
  };
  return callers;
}

/** Who calls, with the role they have in the workspace that is asked for. */
export interface Who {
  readonly title: string;
  readonly kind: 'person' | 'key' | 'service' | 'system' | 'nobody';
  readonly role: Role | undefined;
  /** Runs the instance. */
  readonly isOperator?: boolean;
  readonly by: TestCaller;
}

/** Everybody there can be in the default workspace, and strangers; the workspace `elsewhere` is there already. */
export async function everyone(callers: TestCallers, database: Database): Promise<Who[]> {
  const list: Who[] = [];
  for (const role of ROLES) {
    const person = await callers.person(role);
    list.push({ title: `${role} signed in`, kind: 'person', role, by: person });
    list.push({ title: `${role} by key`, kind: 'key', role, by: await callers.apiKey(person) });
    list.push({ title: `${role} service`, kind: 'service', role, by: await callers.service(role) });
  }
  const outsider = await callers.person('owner', { in: 'elsewhere' });
  list.push({ title: 'owner of another workspace, asking here', kind: 'person', role: undefined, by: inDefault(outsider) });
  list.push({
    title: 'key of another workspace, asking here',
    kind: 'key',
    role: undefined,
    by: inDefault(await callers.apiKey(outsider)),
  });
  const operator = await callers.person('viewer');
  await inInstance(database, (tx) => grantInstanceRole(tx, { principalId: operator.principalId, role: 'operator' }));
  list.push({ title: 'operator, a viewer here', kind: 'person', role: 'viewer', isOperator: true, by: operator });
  list.push({ title: 'local command line', kind: 'system', role: 'owner', by: callers.system });
  list.push({ title: 'nobody', kind: 'nobody', role: undefined, by: callers.nobody });
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
