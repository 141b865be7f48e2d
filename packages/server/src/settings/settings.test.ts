/** Settings: the environment wins, a workspace is only ever stricter, and whoever reads knows of a change at once. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createWorkspace, inInstance } from '@plugboard/persistence';
import { type ApiKit, type TestCaller, aDefinition, openApiKit } from '../operation/api.test-kit.ts';
import { readConfig } from '../config.ts';
import { effectiveOn, ofInstance, problemOf } from './effective.ts';
import { SETTING_KEYS, definitionOf } from './registry.ts';
import { openSettings } from './settings.ts';

const NONE = readConfig({ PLUGBOARD_DATA: '/nowhere' }, '/');
const WITH_ENVIRONMENT = readConfig({ PLUGBOARD_DATA: '/nowhere', PLUGBOARD_RETENTION_DAYS: '10' }, '/');
const days = definitionOf('runs.retentionDays');

describe('which value counts', () => {
  test.each([
    ['nothing is set', NONE, undefined, undefined, 30, 'default'],
    ['the server says more', NONE, 90, undefined, 90, 'instance'],
    ['the workspace is stricter', NONE, 90, 7, 7, 'workspace'],
    ['the workspace is stricter than the default', NONE, undefined, 7, 7, 'workspace'],
    ['the server became stricter than the workspace', NONE, 5, 7, 5, 'instance'],
    ['the server keeps for ever, the workspace does not', NONE, 0, 7, 7, 'workspace'],
    ['the workspace would keep for ever', NONE, 5, 0, 5, 'instance'],
    ['the environment speaks for the server', WITH_ENVIRONMENT, 90, undefined, 10, 'instance'],
    ['the workspace is stricter than the environment', WITH_ENVIRONMENT, 90, 3, 3, 'workspace'],
    ['a stored value does not fit any more', NONE, 'many', -1, 30, 'default'],
  ] as const)('%s', (_, sources, instance, workspace, value, from) => {
    expect(effectiveOn('workspace', days, sources, { instance, workspace })).toEqual({ value, from });
  });

  test('on the server itself the environment is named, because it locks', () => {
    expect(ofInstance(days, WITH_ENVIRONMENT, 90)).toEqual({ value: 10, from: 'environment' });
  });

  test.each([
    ['nothing is set', {}, 1024 * 1024, 'default'],
    ['the workspace is stricter than the project', { workspace: 2048, project: 4096 }, 2048, 'workspace'],
    ['the project is stricter than the workspace', { workspace: 4096, project: 2048 }, 2048, 'project'],
    ['the project would be looser than the server', { instance: 2048, project: 4096 }, 2048, 'instance'],
  ] as const)('in a project: %s', (_, set, value, from) => {
    expect(effectiveOn('project', definitionOf('webhooks.bodyLimit'), NONE, set)).toEqual({ value, from });
  });

  test.each([
    ['nobody chose', {}, 'page', 'default'],
    ['the workspace chose for all', { instance: 'mail', workspace: 'none' }, 'none', 'workspace'],
    ['the person chose', { instance: 'mail', workspace: 'none', person: 'mail' }, 'mail', 'person'],
    ['what the person chose is no choice any more', { workspace: 'none', person: 'pigeon' }, 'none', 'workspace'],
  ] as const)('of a preference the nearest: %s', (_, set, value, from) => {
    expect(effectiveOn('person', definitionOf('notifications.runFailed'), NONE, set)).toEqual({ value, from });
  });

  test('every declared default is one its own form takes, and of what workspaces set it is said which of two is stricter, or that the nearest counts', () => {
    for (const key of SETTING_KEYS) {
      const definition = definitionOf(key);
      expect(problemOf(definition, definition.fallback), key).toBeUndefined();
      expect(definition.environment?.read(NONE) ?? definition.fallback, key).toEqual(definition.fallback);
      const isShared = definition.levels.includes('workspace') || definition.levels.includes('project');
      if (isShared) expect(definition.tightest !== undefined, key).toBe(definition.isNearest !== true);
    }
  });
});

describe('over the API', () => {
  let kit: ApiKit;
  let admin: TestCaller;
  let viewer: TestCaller;
  beforeAll(async () => {
    kit = await openApiKit();
    admin = await kit.person('admin');
    viewer = await kit.person('viewer');
  });
  afterAll(() => kit.close());

  const all = async (as: TestCaller, level = 'workspace') => (await kit.rest(as, 'GET', `/settings?level=${level}`)).json;
  const one = async (as: TestCaller, key: string, level = 'workspace') =>
    ((await all(as, level)) as { key: string }[]).find((setting) => setting.key === key);
  const change = (as: TestCaller, key: string, value: unknown, expectedRev: number, level = 'workspace') =>
    kit.rest(as, 'PUT', `/settings/${key}`, { level, value, expectedRev });

  test('everybody of the workspace sees its settings; who may not change them is told so', async () => {
    expect(await one(viewer, 'runs.retentionDays')).toMatchObject({ value: 30, default: 30, from: 'default', rev: 0, mayChange: false });
    expect(await one(admin, 'runs.retentionDays')).toMatchObject({ mayChange: true, form: { kind: 'number', integer: true } });
    expect(await one(viewer, 'steps.egressAllow')).toBeUndefined();
    expect((await change(viewer, 'runs.retentionDays', 3, 0)).json.error.code).toBe('FORBIDDEN');
  });

  test('a change counts from then on, says who made it, and can be taken back', async () => {
    const changed = await change(admin, 'runs.retentionDays', 3, 0);
    expect(changed.json).toMatchObject({ value: 3, from: 'workspace', rev: 1, updatedBy: { id: admin.principalId } });
    expect((await change(admin, 'runs.retentionDays', 4, 0)).json.error).toMatchObject({ code: 'CONFLICT', params: { rev: 1, value: 3 } });
    expect((await change(admin, 'runs.retentionDays', null, 7)).json.error.code).toBe('CONFLICT');
    expect((await change(admin, 'runs.retentionDays', null, 1)).json).toMatchObject({ value: 30, from: 'default', rev: 0 });
    const audit = await kit.rest(admin, 'GET', '/audit?action=setting.change');
    expect(audit.json.rows).toHaveLength(2);
    expect(audit.json.rows[1].changes).toMatchObject({ level: 'workspace', value: 3 });
  });

  test('a workspace is never looser than the server, and the server is for operators', async () => {
    expect((await change(admin, 'runs.concurrent', 11, 0)).json.error).toMatchObject({ code: 'INPUT_INVALID', path: 'input.value' });
    expect((await change(admin, 'runs.concurrent', 20, 0, 'instance')).json.error.code).toBe('FORBIDDEN');
    expect((await kit.rest(admin, 'GET', '/settings?level=instance')).json.error.code).toBe('FORBIDDEN');
    expect((await change(kit.system, 'runs.concurrent', 20, 0, 'instance')).json).toMatchObject({ value: 20, from: 'instance', rev: 1 });
    expect((await change(admin, 'runs.concurrent', 11, 0)).json).toMatchObject({ value: 11, from: 'workspace', default: 20 });
  });

  test.each([
    ['a text for a number', 'runs.concurrent', 'many'],
    ['a half', 'runs.concurrent', 1.5],
    ['too much', 'runs.concurrent', 10_001],
    ['an expression', 'runs.concurrent', '=1'],
    ['a list', 'runs.concurrent', [1]],
    ['what is no address', 'steps.egressAllow', ['10.0.0.0/99']],
    ['a list of numbers', 'steps.egressAllow', [1]],
  ])('%s is refused', async (_, key, value) => {
    const { status, json } = await change(kit.system, key, value, key === 'runs.concurrent' ? 1 : 0, 'instance');
    expect([status, json.error.code, json.error.path]).toEqual([422, 'INPUT_INVALID', 'input.value']);
  });

  test.each(['nothing.like-this', 'root_key_check', '__proto__', 'constructor'])('there is no setting %s', async (key) => {
    expect((await change(kit.system, key, 1, 0, 'instance')).json.error.code).toBe('NOT_FOUND');
  });

  test('of two who save at once one is told', async () => {
    const both = await Promise.all([change(admin, 'webhooks.bodyLimit', 2048, 0), change(admin, 'webhooks.bodyLimit', 4096, 0)]);
    expect(both.map((answer) => String(answer.status)).toSorted()).toEqual(['200', '409']);
  });

  test('another process knows of a change, workspaces do not mix, and what the environment says is locked', async () => {
    const { database } = kit.database;
    const reader = await openSettings({
      database,
      sources: readConfig({ PLUGBOARD_DATA: '/nowhere', PLUGBOARD_BODY_LIMIT: '3000' }, '/'),
      key: new Uint8Array(32),
      log: console,
    });
    const other = await inInstance(database, (tx) =>
      createWorkspace(tx, { slug: 'other', name: 'other', ownerId: admin.principalId, createdBy: admin.principalId }),
    );
    const otherId = other.kind === 'created' ? other.workspaceId : '';
    const news = new Promise<void>((resolve) => reader.onChange(resolve));
    expect(reader.value('runs.retentionDays', kit.workspace.id)).toBe(30);
    await change(admin, 'runs.retentionDays', 2, 0);
    await news;
    expect(reader.value('runs.retentionDays', kit.workspace.id)).toBe(2);
    expect(reader.value('runs.retentionDays', otherId)).toBe(30);
    expect(reader.value('runs.retentionDays')).toBe(30);
    expect(reader.value('webhooks.bodyLimit')).toBe(3000);
    reader.close();
  });

  test('a project is set by its admins, never looser than its workspace, and a workflow in it says where each value comes from', async () => {
    const path = `/projects/${kit.workspace.projectId}/settings`;
    expect((await kit.rest(viewer, 'PUT', `${path}/webhooks.bodyLimit`, { value: 1500, expectedRev: 0 })).json.error.code).toBe(
      'FORBIDDEN',
    );
    const loose = await kit.rest(admin, 'PUT', `${path}/webhooks.bodyLimit`, { value: 64 * 1024 * 1024, expectedRev: 0 });
    expect(loose.json.error).toMatchObject({ code: 'INPUT_INVALID', path: 'input.value' });
    expect((await kit.rest(admin, 'PUT', `${path}/runs.concurrent`, { value: 1, expectedRev: 0 })).json.error.code).toBe('NOT_FOUND');
    const set = await kit.rest(admin, 'PUT', `${path}/webhooks.bodyLimit`, { value: 1500, expectedRev: 0 });
    expect(set.json).toMatchObject({ value: 1500, from: 'project', rev: 1 });
    expect((await kit.rest(viewer, 'GET', path)).json).toMatchObject([
      { key: 'webhooks.bodyLimit', value: 1500, from: 'project', mayChange: false },
    ]);

    const definition = { ...aDefinition('Levels', 'levels'), settings: { timeoutMs: 5000 } };
    const { workflowId } = (await kit.rest(admin, 'POST', '/workflows/import', { definition })).json;
    const rows = (await kit.rest(viewer, 'GET', `/workflows/${workflowId}/settings`)).json as {
      key: string;
      value: unknown;
      from: string;
    }[];
    const said = Object.fromEntries(rows.map(({ key, value, from }) => [key, [value, from]]));
    expect(said).toMatchObject({ timeoutMs: [5000, 'workflow'], timezone: ['UTC', 'default'], 'webhooks.bodyLimit': [1500, 'project'] });
  });

  test('a person sets what is the own, which nobody else sees, and keys have none', async () => {
    const path = '/person/settings/look.theme';
    expect((await kit.rest(viewer, 'PUT', path, { value: 'blue', expectedRev: 0 })).json.error.code).toBe('INPUT_INVALID');
    expect((await kit.rest(viewer, 'PUT', path, { value: 'dark', expectedRev: 0 })).json).toMatchObject({ value: 'dark', from: 'person' });
    const themeOf = async (who: TestCaller) =>
      ((await kit.rest(who, 'GET', '/person/settings')).json as { key: string }[]).find(({ key }) => key === 'look.theme');
    expect(await themeOf(viewer)).toMatchObject({ value: 'dark', from: 'person' });
    expect(await themeOf(admin)).toMatchObject({ value: 'system', from: 'default' });
    expect((await kit.rest(await kit.apiKey(viewer), 'GET', '/person/settings')).json.error.code).toBe('FORBIDDEN');
    expect(await one(viewer, 'look.theme')).toBeUndefined();
  });

  test('a secret is stored sealed and never said again', async () => {
    const set = await change(kit.system, 'mail.password', 'CANARY-geheim', 0, 'instance');
    expect(set.json).toMatchObject({ value: null, default: null, isSecret: true, from: 'instance', rev: 1 });
    const listed = await kit.rest(kit.system, 'GET', '/settings?level=instance');
    expect(listed.text).not.toContain('CANARY');
    const [stored] = await kit.database.database.query<{ value: string }>(
      `select value::text as value from setting where key = 'mail.password'`,
    );
    expect(stored?.value).not.toContain('CANARY');
    const audited = await kit.database.database.query<{ payload: string }>(
      `select payload::text as payload from audit where resource_id = 'mail.password'`,
    );
    expect(audited).toHaveLength(1);
    expect(audited[0]?.payload).not.toContain('CANARY');
    expect(kit.settings.secret('mail.password')).toBe('CANARY-geheim');
  });
});
