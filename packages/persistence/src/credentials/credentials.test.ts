import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { peopleKit } from '../../test/people-kit.ts';
import type { PeopleKit } from '../../test/people-kit.ts';
import type { TestDatabase } from '../../test/test-database.ts';
import { createTestDatabase } from '../../test/test-database.ts';
import { uuidv7 } from '../ids.ts';
import { inInstance } from '../in-instance.ts';
import type { WorkspaceTransaction } from '../in-workspace.ts';
import { loadAccess } from '../people/access.ts';
import { setRoleGrant } from '../people/role-grants.ts';
import { createWorkflow, deleteWorkflow } from '../workflows.ts';
import { listBindings, listBindingsGrantedBy, listBindingsOfCredential, replaceBindings, resolveBinding } from './bindings.ts';
import type { CreateCredential } from './credentials.ts';
import {
  addCredentialSecret,
  claimCredentialRefresh,
  createCredential,
  deleteCredential,
  findCredential,
  findCredentialByKey,
  findCredentialSecret,
  listCredentials,
  listSecretsToReseal,
  releaseCredentialRefresh,
  setCredentialHealth,
  updateCredential,
} from './credentials.ts';
import { addDataKey, currentDataKey, findDataKey, listDataKeysToRewrap, rewrapDataKey } from './data-keys.ts';
import { addFirstInstanceKey, addInstanceKey, deleteInstanceKeys, keepOnlyInstanceKey, listInstanceKeys } from './instance-keys.ts';
import { addOauthState, takeOauthState } from './oauth-states.ts';
import { deleteVariable, findVariable, listVariables, loadVariables, setVariable } from './variables.ts';

let db: TestDatabase;
let kit: PeopleKit;
let home: { workspaceId: string; projectId: string; ownerId: string };
let away: { workspaceId: string; projectId: string; ownerId: string };
let keyId: string;
beforeAll(async () => {
  db = await createTestDatabase();
  kit = peopleKit(db.database);
  home = await kit.workspace('home');
  away = await kit.workspace('away');
  keyId = (await inHome((tx) => addDataKey(tx, { id: uuidv7(), wrapped: Buffer.from('wrapped'), rootKeyId: 'root-1' }))).id;
});
afterAll(() => db.close());

const inHome = <Result>(use: (tx: WorkspaceTransaction) => Promise<Result>): Promise<Result> =>
  kit.as({ workspaceId: home.workspaceId, principalId: home.ownerId }, use);
const inAway = <Result>(use: (tx: WorkspaceTransaction) => Promise<Result>): Promise<Result> =>
  kit.as({ workspaceId: away.workspaceId, principalId: away.ownerId }, use);
const aCredential = (key: string, change: Partial<CreateCredential> = {}): CreateCredential => ({
  projectId: home.projectId,
  key,
  name: key,
  type: 'core/header',
  allowedHosts: ['api.example.com'],
  publicData: { header: 'X-Key' },
  ...change,
});
async function create(key: string, change: Partial<CreateCredential> = {}): Promise<string> {
  const result = await inHome((tx) => createCredential(tx, aCredential(key, change)));
  if (result.kind !== 'created') throw new Error(result.kind);
  return result.credentialId;
}
const addSecret = (id: string, text: string) => inHome((tx) => addCredentialSecret(tx, id, { ciphertext: Buffer.from(text), keyId }));
async function aWorkflow(name: string): Promise<string> {
  const definition = { schema: 1, name, nodes: [], edges: [], settings: {} } as const;
  const result = await inHome((tx) => createWorkflow(tx, { projectId: home.projectId, definition, semanticHash: name }));
  if (result.kind !== 'created') throw new Error(result.kind);
  return result.workflow.id;
}

describe('data keys', () => {
  test('of a workspace at once: the first is everybody’s', async () => {
    const keys = await Promise.all(
      Array.from({ length: 4 }, () => inAway((tx) => addDataKey(tx, { id: uuidv7(), wrapped: Buffer.from('w'), rootKeyId: 'root-1' }))),
    );
    expect(new Set(keys.map((key) => key.id)).size).toBe(1);
    expect(await inAway((tx) => currentDataKey(tx))).toEqual(keys[0]);
    expect(await inHome((tx) => findDataKey(tx, keys.at(0)!.id))).toBeUndefined();
  });

  test('are replaced by one successor, and the old one still opens what it sealed', async () => {
    const old = (await inAway((tx) => currentDataKey(tx)))!;
    const successors = await Promise.all(
      [1, 2, 3].map(() =>
        inAway((tx) => addDataKey(tx, { id: uuidv7(), wrapped: Buffer.from('n'), rootKeyId: 'root-1', replacesId: old.id })),
      ),
    );
    expect(new Set(successors.map((key) => key.id)).size).toBe(1);
    expect((await inAway((tx) => currentDataKey(tx)))?.id).toBe(successors.at(0)!.id);
    expect(await inAway((tx) => findDataKey(tx, old.id))).toMatchObject({ wrapped: old.wrapped, retiredAt: expect.any(Date) as Date });
  });

  test('are wrapped anew one by one while everything goes on, each by one process only', async () => {
    for (;;) {
      const [key] = await listDataKeysToRewrap(db.database, 'root-2', 1);
      if (!key) break;
      const rewrap = (text: string) =>
        rewrapDataKey(db.database, { id: key.id, fromRootKeyId: key.rootKeyId, rootKeyId: 'root-2', wrapped: Buffer.from(text) });
      expect((await Promise.all([rewrap('a'), rewrap('b')])).filter(Boolean)).toHaveLength(1);
    }
    expect((await inHome((tx) => currentDataKey(tx)))?.rootKeyId).toBe('root-2');
  });
});

describe('credentials', () => {
  test('have one key each in project and environment, also when two make it at once', async () => {
    const results = await Promise.all(Array.from({ length: 3 }, () => inHome((tx) => createCredential(tx, aCredential('once')))));
    expect(results.map((result) => result.kind).toSorted()).toEqual(['created', 'key-taken', 'key-taken']);
    expect((await inHome((tx) => createCredential(tx, aCredential('once', { environment: 1 })))).kind).toBe('created');
    expect((await inHome((tx) => createCredential(tx, aCredential('once', { environment: 1 })))).kind).toBe('key-taken');
    expect(await inAway((tx) => createCredential(tx, aCredential('once')))).toEqual({ kind: 'project-not-found' });
  });

  test('are found by key, the one of the environment before the one of all', async () => {
    const [all, live] = [await create('found'), await create('found', { environment: 1 })];
    const find = async (environment: number) =>
      (await inHome((tx) => findCredentialByKey(tx, { projectId: home.projectId, environment, key: 'found' })))?.id;
    expect(await find(0)).toBe(all);
    expect(await find(1)).toBe(live);
    expect(await inAway((tx) => findCredentialByKey(tx, { projectId: home.projectId, environment: 0, key: 'found' }))).toBeUndefined();
  });

  test('are listed by what is visible, page by page, without secrets', async () => {
    const oldest = await create('list-a');
    const middle = await create('list-b');
    const newest = await create('list-c', { type: 'core/bearer' });
    const ids = [newest, middle, oldest];
    await addSecret(newest, 'canary-secret');
    const first = await inHome((tx) => listCredentials(tx, { search: 'LIST-', limit: 2 }));
    expect(first.credentials.map((credential) => credential.id)).toEqual(ids.slice(0, 2));
    expect(JSON.stringify(first)).not.toContain('canary');
    const rest = await inHome((tx) => listCredentials(tx, { search: 'list-', limit: 2, cursor: first.nextCursor! }));
    expect(rest.credentials.map((credential) => credential.id)).toEqual(ids.slice(2));
    const some = await inHome((tx) => listCredentials(tx, { visible: { projectIds: [], ids: [middle] } }));
    expect(some.credentials.map((credential) => credential.id)).toEqual([middle]);
    expect((await inHome((tx) => listCredentials(tx, { type: 'core/bearer' }))).credentials).toHaveLength(1);
    expect((await inAway((tx) => listCredentials(tx))).credentials).toEqual([]);
  });

  test('change on the revision that was read', async () => {
    const id = await create('changed');
    expect(await inHome((tx) => updateCredential(tx, id, { allowedHosts: ['b.example.com'], expectedRev: 1 }))).toEqual({
      kind: 'saved',
      rev: 2,
    });
    expect(await inHome((tx) => updateCredential(tx, id, { name: 'late', expectedRev: 1 }))).toMatchObject({
      kind: 'conflict',
      credential: { allowedHosts: ['b.example.com'], name: 'changed', rev: 2 },
    });
    expect(await inHome((tx) => updateCredential(tx, id, { key: 'once' }))).toEqual({ kind: 'key-taken' });
    expect(await inAway((tx) => updateCredential(tx, id, { name: 'stolen' }))).toEqual({ kind: 'not-found' });
    expect(await inHome((tx) => setCredentialHealth(tx, id, { health: 'failing', error: '401' }))).toBe(true);
    expect(await inHome((tx) => findCredential(tx, id))).toMatchObject({
      health: 'failing',
      healthError: '401',
      allowedHosts: ['b.example.com'],
    });
  });

  test('count the versions of their secret without a gap, and keep the last two', async () => {
    const id = await create('versions');
    const versions = await Promise.all(['s1', 's2', 's3', 's4'].map((text) => addSecret(id, text)));
    expect(new Set(versions)).toEqual(new Set([1, 2, 3, 4]));
    expect((await inHome((tx) => findCredentialSecret(tx, id)))?.version).toBe(4);
    expect(await db.database.query('select version from credential_secret where credential_id = $1 order by 1', [id])).toEqual([
      { version: 3 },
      { version: 4 },
    ]);
    expect(await inAway((tx) => findCredentialSecret(tx, id))).toBeUndefined();
    expect(await inAway((tx) => addCredentialSecret(tx, id, { ciphertext: Buffer.from('x'), keyId }))).toBeUndefined();
  });

  test('that are deleted lose every secret and grant at once, and free their key', async () => {
    const id = await create('deleted', { publicData: { account: 'canary' } });
    await addSecret(id, 'secret');
    const member = await kit.member(home.workspaceId, 'Granted', 'viewer');
    await inHome((tx) =>
      setRoleGrant(tx, { subject: { kind: 'principal', id: member }, resource: { kind: 'credential', id }, role: 'runner' }),
    );
    expect((await loadAccess(db.database, { workspaceId: home.workspaceId, principalId: member }))?.grants).toHaveLength(1);
    expect(await inAway((tx) => deleteCredential(tx, id))).toBe(false);
    expect(await inHome((tx) => deleteCredential(tx, id))).toBe(true);
    expect(await inHome((tx) => deleteCredential(tx, id))).toBe(false);
    expect(await inHome((tx) => findCredential(tx, id))).toBeUndefined();
    expect(await db.database.query('select from credential_secret where credential_id = $1', [id])).toEqual([]);
    expect((await loadAccess(db.database, { workspaceId: home.workspaceId, principalId: member }))?.grants).toEqual([]);
    expect(await addSecret(id, 'again')).toBeUndefined();
    await create('deleted');
  });

  test('are refreshed by one process at a time, and by another when its time is over', async () => {
    const id = await create('refreshed');
    const [a, b] = [uuidv7(), uuidv7()];
    const claim = (by: string) => inHome((tx) => claimCredentialRefresh(tx, id, { by, leaseMs: 60_000 }));
    const results = await Promise.all([claim(a), claim(b)]);
    expect(results.filter(Boolean)).toHaveLength(1);
    const [winner, loser] = results[0] ? [a, b] : [b, a];
    await db.database.query('update credential set refresh_until = now() where id = $1', [id]);
    expect(await claim(loser)).toBe(true);
    expect(await inHome((tx) => releaseCredentialRefresh(tx, id, winner))).toBe(false);
    expect(await inHome((tx) => releaseCredentialRefresh(tx, id, loser))).toBe(true);
    expect(await claim(winner)).toBe(true);
  });

  test('sealed with an older key are found until they are sealed anew', async () => {
    const id = await create('resealed');
    await addSecret(id, 'old');
    const next = await inHome((tx) => addDataKey(tx, { id: uuidv7(), wrapped: Buffer.from('w2'), rootKeyId: 'root-2', replacesId: keyId }));
    const left = await inHome((tx) => listSecretsToReseal(tx, next.id));
    expect(left.map((secret) => secret.credentialId)).toContain(id);
    for (const { credentialId, ciphertext } of left)
      await inHome((tx) => addCredentialSecret(tx, credentialId, { ciphertext, keyId: next.id }));
    expect(await inHome((tx) => listSecretsToReseal(tx, next.id))).toEqual([]);
    expect(await inHome((tx) => findCredentialSecret(tx, id))).toMatchObject({ keyId: next.id, ciphertext: Buffer.from('old') });
    keyId = next.id;
  });
});

describe('bindings', () => {
  test('give a run the newest secret of what was bound, and say why when there is none', async () => {
    const workflowId = await aWorkflow('Bound');
    const id = await create('bound');
    const bind = () =>
      inHome((tx) =>
        replaceBindings(tx, { workflowId, environment: 1, bindings: [{ key: 'api', credentialId: id, grantedBy: home.ownerId }] }),
      );
    const resolve = (environment = 1, key = 'api') => inHome((tx) => resolveBinding(tx, { workflowId, environment, key }));
    expect(await resolve()).toEqual({ kind: 'unbound' });
    expect(await bind()).toBe(true);
    expect(await resolve()).toEqual({ kind: 'empty', credentialId: id });
    await addSecret(id, 'v1');
    await addSecret(id, 'v2');
    expect(await resolve()).toEqual({
      kind: 'resolved',
      credentialId: id,
      type: 'core/header',
      allowedHosts: ['api.example.com'],
      grantedBy: home.ownerId,
      secret: { version: 2, ciphertext: Buffer.from('v2'), keyId },
    });
    expect(await resolve(0)).toEqual({ kind: 'unbound' });
    expect(await inAway((tx) => resolveBinding(tx, { workflowId, environment: 1, key: 'api' }))).toEqual({ kind: 'unbound' });
    await inHome((tx) => deleteCredential(tx, id));
    expect(await resolve()).toEqual({ kind: 'deleted', credentialId: id });
    expect(await bind()).toBe(false);
  });

  test('are replaced as a whole, and tell what hangs on a person or a credential', async () => {
    const workflowId = await aWorkflow('Uses');
    const [a, b] = [await create('use-a'), await create('use-b')];
    const granter = await kit.member(home.workspaceId, 'Granter', 'editor');
    const binding = (key: string, credentialId: string) => ({ key, credentialId, grantedBy: granter });
    await inHome((tx) => replaceBindings(tx, { workflowId, environment: 1, bindings: [binding('one', a), binding('two', b)] }));
    expect(
      await inHome((tx) => replaceBindings(tx, { workflowId, environment: 1, bindings: [binding('one', b), binding('gone', uuidv7())] })),
    ).toBe(false);
    expect((await inHome((tx) => listBindings(tx, workflowId, 1))).map((entry) => entry.key)).toEqual(['one', 'two']);
    expect(await inHome((tx) => listBindingsGrantedBy(tx, granter))).toHaveLength(2);
    expect(await inHome((tx) => listBindingsOfCredential(tx, a))).toMatchObject([{ workflowId, workflowName: 'Uses', key: 'one' }]);
    await inHome((tx) => replaceBindings(tx, { workflowId, environment: 1, bindings: [] }));
    expect(await inHome((tx) => listBindings(tx, workflowId, 1))).toEqual([]);
    await inHome((tx) => replaceBindings(tx, { workflowId, environment: 1, bindings: [binding('one', a)] }));
    await inHome((tx) => deleteWorkflow(tx, workflowId));
    expect(await inHome((tx) => listBindingsOfCredential(tx, a))).toEqual([]);
  });
});

describe('variables', () => {
  test('are set on the revision that was read; of two that make one at once, one is told', async () => {
    const place = { projectId: home.projectId, environment: 1 };
    const make = () => inHome((tx) => setVariable(tx, { ...place, key: 'region', value: { name: 'eu' }, expectedRev: 0 }));
    const results = await Promise.all([make(), make()]);
    expect(results.map((result) => result.kind).toSorted()).toEqual(['conflict', 'saved']);
    expect(await inHome((tx) => setVariable(tx, { ...place, key: 'region', value: 'us', expectedRev: 1 }))).toEqual({
      kind: 'saved',
      rev: 2,
    });
    expect(await inHome((tx) => setVariable(tx, { ...place, key: 'region', value: 'late', expectedRev: 1 }))).toMatchObject({
      kind: 'conflict',
      variable: { value: 'us' },
    });
    expect(await inHome((tx) => setVariable(tx, { ...place, key: 'region', value: null }))).toEqual({ kind: 'saved', rev: 3 });
    expect(await inHome((tx) => setVariable(tx, { ...place, key: 'ghost', value: 1, expectedRev: 4 }))).toEqual({ kind: 'conflict' });
    expect((await inHome((tx) => listVariables(tx, place))).map((variable) => [variable.key, variable.value])).toEqual([['region', null]]);
    expect(await inHome((tx) => listVariables(tx, { ...place, environment: 0 }))).toEqual([]);
    expect(await inAway((tx) => setVariable(tx, { ...place, key: 'x', value: 1 }))).toEqual({ kind: 'project-not-found' });
    expect(await inAway((tx) => findVariable(tx, { ...place, key: 'region' }))).toBeUndefined();
    expect(await inAway((tx) => deleteVariable(tx, { ...place, key: 'region' }))).toBe(false);
    expect(await inHome((tx) => deleteVariable(tx, { ...place, key: 'region' }))).toBe(true);
  });
});

describe('the secret of the instance', () => {
  const key = (rootKeyId: string) => ({ rootKeyId, wrapped: Buffer.from(rootKeyId) });

  test('is made by one of many first starts', async () => {
    await Promise.all(['a', 'b', 'c', 'd'].map((id) => inInstance(db.database, (tx) => addFirstInstanceKey(tx, key(id)))));
    expect(await listInstanceKeys(db.database)).toHaveLength(1);
  });

  test('stays open to the old root key until no data key needs it', async () => {
    await deleteInstanceKeys(db.database);
    await inInstance(db.database, (tx) => addFirstInstanceKey(tx, key('root-2')));
    await Promise.all([1, 2].map(() => addInstanceKey(db.database, key('root-3'))));
    expect(await keepOnlyInstanceKey(db.database, 'root-3')).toBe(false);
    expect((await listInstanceKeys(db.database)).map((one) => one.rootKeyId)).toEqual(['root-2', 'root-3']);
    await db.database.query(`update data_key set root_key_id = 'root-3'`);
    expect(await keepOnlyInstanceKey(db.database, 'root-3')).toBe(true);
    expect((await listInstanceKeys(db.database)).map((one) => one.rootKeyId)).toEqual(['root-3']);
    expect(await deleteInstanceKeys(db.database)).toBe(true);
    expect(await deleteInstanceKeys(db.database)).toBe(false);
  });
});

describe('sign-ins at other services', () => {
  const state = (name: string, credentialId: string, validMs = 60_000) => ({
    stateHash: Buffer.from(name.padEnd(32)),
    credentialId,
    sessionId: uuidv7(),
    sealed: Buffer.from('sealed'),
    validMs,
  });
  const take = (name: string) => takeOauthState(db.database, Buffer.from(name.padEnd(32)));

  test('are finished once, also when two try at once, and not when their time is over', async () => {
    const id = await create('sign-in');
    await inHome((tx) => addOauthState(tx, state('one', id)));
    const taken = await Promise.all([take('one'), take('one')]);
    expect(taken.filter(Boolean)).toMatchObject([{ workspaceId: home.workspaceId, credentialId: id, principalId: home.ownerId }]);
    await inHome((tx) => addOauthState(tx, state('late', id, -1)));
    expect(await take('late')).toBeUndefined();
  });

  test('of one credential are few at a time, and go with it', async () => {
    const id = await create('many-sign-ins');
    for (let n = 0; n < 15; n += 1) await inHome((tx) => addOauthState(tx, state(`n${n}`, id, 60_000 + n)));
    const left = async () => (await db.database.query('select from oauth_state where credential_id = $1', [id])).length;
    expect(await left()).toBe(10);
    expect(await take('n0')).toBeUndefined();
    expect(await take('n14')).toBeDefined();
    await inHome((tx) => deleteCredential(tx, id));
    expect(await left()).toBe(0);
  });
});

test('a secret that follows one that is not the newest any more is not stored', async () => {
  const id = await create('follows');
  const add = (follows: number) =>
    inHome((tx) => addCredentialSecret(tx, id, { ciphertext: (version) => Buffer.from(`v${version}`), keyId, follows }));
  expect(await Promise.all([add(0), add(0)])).toEqual(expect.arrayContaining([1, undefined]));
  expect(await add(1)).toBe(2);
  expect((await inHome((tx) => findCredentialSecret(tx, id)))?.ciphertext.toString()).toBe('v2');
});

test('runs see the variables of their project and environment', async () => {
  await inHome((tx) => setVariable(tx, { projectId: home.projectId, environment: 1, key: 'of_run', value: [1] }));
  expect(await loadVariables(db.database, { projectId: home.projectId, environment: 1 })).toMatchObject({ of_run: [1] });
  expect(await loadVariables(db.database, { projectId: away.projectId, environment: 1 })).toEqual({});
});
