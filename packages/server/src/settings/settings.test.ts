/** Settings: the environment wins, a workspace is only ever stricter, and whoever reads knows of a change at once. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createWorkspace, inInstance } from '@plugboard/persistence';
import { type ApiKit, type TestCaller, openApiKit } from '../operation/api.test-kit.ts';
import { readConfig } from '../config.ts';
import { ofInstance, ofWorkspace, problemOf } from './effective.ts';
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
    expect(ofWorkspace(days, sources, { instance, workspace })).toEqual({ value, from });
  });

  test('on the server itself the environment is named, because it locks', () => {
    expect(ofInstance(days, WITH_ENVIRONMENT, 90)).toEqual({ value: 10, from: 'environment' });
  });

  test('every declared default is one its own form takes, and every setting of workspaces says which of two is stricter', () => {
    for (const key of SETTING_KEYS) {
      const definition = definitionOf(key);
      expect(problemOf(definition, definition.fallback), key).toBeUndefined();
      expect(definition.environment?.read(NONE) ?? definition.fallback, key).toEqual(definition.fallback);
      expect(definition.tightest !== undefined, key).toBe(definition.levels.includes('workspace'));
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
});
