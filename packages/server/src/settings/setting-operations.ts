/** Settings over the API: all of a level with what counts and where it comes from, and changing one. */
import {
  type Database,
  type InstanceTransaction,
  type Setting,
  type SettingScope,
  deleteSetting,
  findDisplayNames,
  findProject,
  inInstance,
  raiseGeneration,
  readSettings,
  writeSetting,
  type Statements,
  type WorkspaceTransaction,
} from '@plugboard/persistence';
import type { Json } from '@plugboard/sdk';
import { z } from 'zod';
import { demand, may } from '../operation/demand.ts';
import { type Operation, type OperationContext, operation } from '../operation/operation.ts';
import { OperationProblem, notFound } from '../operation/problem.ts';
import { id, json, personRef, text } from '../operation/shapes.ts';
import { workflowResource } from '../workflows/workflow-access.ts';
import { effectiveOn, isLocked, isSame, problemOf } from './effective.ts';
import {
  SETTING_KEYS,
  SETTING_LEVELS,
  type SettingDefinition,
  type SettingKey,
  type SettingLevel,
  definitionOf,
  isSettingKey,
} from './registry.ts';
import type { Settings } from './settings.ts';
import { settingsOfWorkflow, workflowSettingView } from './workflow-settings.ts';

const WORKSPACE = { kind: 'workspace' } as const;
const INSTANCE = { kind: 'instance' } as const;
const OWN = { person: 'what is their own' } as const;

/** Those whose rows belong to the workspace at hand, or to the whole server. */
const level = z.enum(['workspace', 'instance']).meta({ id: 'SettingLevel' });
const settingView = z
  .object({
    key: z.string(),
    title: z.string(),
    help: z.string(),
    group: z.string(),
    /** What a value may be, as forms show it. */
    form: json,
    /** The one that counts; null for a secret. */
    value: json.nullable(),
    /** What counts when it is taken back here; null for a secret. */
    default: json.nullable(),
    from: z.enum(['default', ...SETTING_LEVELS, 'environment']).meta({ id: 'SettingOrigin' }),
    updatedBy: personRef.optional(),
    updatedAt: z.iso.datetime().optional(),
    /** Of the value on this level; 0 when none is set. */
    rev: z.int(),
    isDangerous: z.boolean(),
    /** Whether it is a secret, which is stored sealed and not shown; `from` says whether there is one. */
    isSecret: z.boolean(),
    /** False: the next start of the server reads it. */
    isImmediate: z.boolean(),
    mayChange: z.boolean(),
  })
  .meta({ id: 'SettingView' });
type View = z.input<typeof settingView>;

const change = { key: text(100, 1), value: json.nullable(), expectedRev: z.int().min(0) };

/** Where a setting is looked at or set. */
type Place =
  | { readonly level: 'instance' }
  | { readonly level: 'workspace' }
  | { readonly level: 'project'; readonly projectId: string }
  | { readonly level: 'person' };

type Where = WorkspaceTransaction | InstanceTransaction;
type Rows = { readonly [Level in SettingLevel]?: ReadonlyMap<string, Setting> };

export interface SettingOperationsOptions {
  readonly database: Database;
  readonly settings: Settings;
}

export function settingOperations({ database, settings }: SettingOperationsOptions): readonly Operation[] {
  const { sources } = settings;

  /** Whoever may see the server's settings is an operator of it. */
  const demandLevel = (ctx: OperationContext, on: SettingLevel): void => {
    if (on === 'instance') demand(ctx, 'instance.operate', INSTANCE);
  };
  const mayChange = (ctx: OperationContext, place: Place, definition: SettingDefinition): boolean => {
    switch (place.level) {
      case 'instance':
        return may(ctx, 'instance.operate', INSTANCE) && !isLocked(definition, sources);
      case 'workspace':
        return may(ctx, 'settings.update', WORKSPACE);
      case 'project':
        return may(ctx, 'project.update', { kind: 'project', id: place.projectId });
      case 'person':
        return true;
    }
  };

  const view = (ctx: OperationContext, place: Place, key: SettingKey, rows: Rows, names: ReadonlyMap<string, string>): View => {
    const { level: on } = place;
    const definition = definitionOf(key);
    const set = Object.fromEntries(SETTING_LEVELS.map((at) => [at, rows[at]?.get(key)?.value]));
    const row = rows[on]?.get(key);
    const { value, from } = effectiveOn(on, definition, sources, set);
    const without = effectiveOn(on, definition, sources, { ...set, [on]: undefined }).value;
    const isSecret = definition.isSecret === true;
    return {
      key,
      title: definition.title,
      help: definition.help,
      group: definition.group,
      form: definition.form,
      value: isSecret ? null : value,
      from,
      default: isSecret ? null : without,
      ...(row ? { updatedBy: { id: row.updatedBy, name: names.get(row.updatedBy) ?? '' }, updatedAt: row.updatedAt.toISOString() } : {}),
      rev: row?.rev ?? 0,
      isDangerous: definition.isDangerous === true,
      isSecret,
      isImmediate: definition.atNextStart !== true,
      mayChange: mayChange(ctx, place, definition),
    };
  };

  const views = async (ctx: OperationContext, place: Place, tx: Where, keys: readonly SettingKey[]): Promise<View[]> => {
    const { workspaceId } = ctx;
    const rows: Rows = {
      instance: await readSettings(tx, { kind: 'instance' }),
      // A person who signed in and is nowhere a member has none.
      ...(workspaceId !== '' && { workspace: await readSettings(tx, { kind: 'workspace', workspaceId }) }),
      ...(place.level === 'project' && { project: await readSettings(tx, { kind: 'project', projectId: place.projectId }) }),
      ...(place.level === 'person' && { person: await readSettings(tx, { kind: 'person', principalId: ctx.actor.principalId }) }),
    };
    const own = [...(rows[place.level]?.values() ?? [])];
    const names = await namesOf(tx, [...new Set(own.map((row) => row.updatedBy))]);
    return keys.map((key) => view(ctx, place, key, rows, names));
  };
  const allOf = (ctx: OperationContext, place: Place, tx: Where): Promise<View[]> =>
    views(
      ctx,
      place,
      tx,
      SETTING_KEYS.filter((key) => definitionOf(key).levels.includes(place.level)),
    );

  /** In the transaction of the place. @throws OperationProblem */
  const changeIn = async (ctx: OperationContext, place: Place, tx: Where, input: ChangeInput): Promise<View> => {
    const { level: on } = place;
    const { key, expectedRev } = input;
    if (!isSettingKey(key) || !definitionOf(key).levels.includes(on)) throw notFound(`There is no setting ${key} on this level`);
    const definition = definitionOf(key);
    const value = input.value as Json | undefined;
    if (value === undefined) throw wrong('give a value, or null to take it back');
    if (on === 'instance' && isLocked(definition, sources)) throw locked(definition);
    if (value !== null) {
      refuseWrong(definition, value);
      const [now] = await views(ctx, place, tx, [key]);
      if (on !== 'instance' && now) refuseLooser(definition, value, now.default as Json);
    }
    const stored = value !== null && definition.isSecret ? settings.sealed(key, value as string) : value;
    await save(tx, scopeOf(ctx, place), ctx.actor.principalId, { key, value: stored, expectedRev });
    ctx.audit({ kind: 'setting', id: key, payload: { level: on, value: definition.isSecret ? null : value } });
    ctx.afterCommit(() => settings.reload());
    const [changed] = await views(ctx, place, tx, [key]);
    if (!changed) throw notFound();
    return changed;
  };

  return [
    operation({
      name: 'setting.list',
      field: 'settings',
      kind: 'query',
      summary: 'Settings of the workspace, or of the whole server: what counts, where it comes from, and what it may be.',
      permission: { action: 'settings.read', on: () => WORKSPACE },
      input: z.strictObject({ level }),
      output: z.array(settingView),
      problems: [],
      rest: { method: 'GET', path: '/settings' },
      async handler(ctx, input) {
        demandLevel(ctx, input.level);
        return ctx.inTransaction((tx) => allOf(ctx, input, tx));
      },
    }),
    operation({
      name: 'setting.change',
      field: 'changeSetting',
      kind: 'mutation',
      summary: 'Set one setting; null takes it back to what counts above it. A workspace may only be stricter than the server.',
      permission: { action: 'settings.update', on: () => WORKSPACE },
      input: z.strictObject({ level, ...change }),
      output: settingView,
      problems: ['SETTING_LOCKED'],
      rest: { method: 'PUT', path: '/settings/{key}' },
      async handler(ctx, input) {
        demandLevel(ctx, input.level);
        // Only the owner of the tables writes what is above the workspaces.
        if (input.level === 'instance') return inInstance(database, (tx) => changeIn(ctx, input, tx, input));
        return ctx.inTransaction((tx) => changeIn(ctx, input, tx, input));
      },
    }),
    operation({
      name: 'setting.listOfProject',
      field: 'projectSettings',
      kind: 'query',
      summary: 'Settings of a project: what counts in it, and where it comes from.',
      permission: { action: 'project.read', on: (_, { projectId }) => ({ kind: 'project', id: projectId }) },
      input: z.strictObject({ projectId: id }),
      output: z.array(settingView),
      problems: [],
      rest: { method: 'GET', path: '/projects/{projectId}/settings' },
      handler: (ctx, { projectId }) =>
        ctx.inTransaction(async (tx) => {
          if (!(await findProject(tx, projectId))) throw notFound();
          return allOf(ctx, { level: 'project', projectId }, tx);
        }),
    }),
    operation({
      name: 'setting.changeOfProject',
      field: 'changeProjectSetting',
      kind: 'mutation',
      summary: 'Set one setting of a project; null takes it back. A project may only be stricter than its workspace.',
      permission: { action: 'project.update', on: (_, { projectId }) => ({ kind: 'project', id: projectId }) },
      input: z.strictObject({ projectId: id, ...change }),
      output: settingView,
      problems: [],
      rest: { method: 'PUT', path: '/projects/{projectId}/settings/{key}' },
      handler: (ctx, input) =>
        ctx.inTransaction(async (tx) => {
          const { projectId } = input;
          if (!(await findProject(tx, projectId))) throw notFound();
          return changeIn(ctx, { level: 'project', projectId }, tx, input);
        }),
    }),
    operation({
      name: 'setting.listOwn',
      field: 'ownSettings',
      kind: 'query',
      summary: 'The own settings: look, and what one wants to hear of.',
      permission: OWN,
      input: z.strictObject({}),
      output: z.array(settingView),
      problems: [],
      rest: { method: 'GET', path: '/person/settings' },
      handler: (ctx) => ctx.inInstance((tx) => allOf(ctx, { level: 'person' }, tx)),
    }),
    operation({
      name: 'setting.changeOwn',
      field: 'changeOwnSetting',
      kind: 'mutation',
      summary: 'Set one of the own settings; null takes it back.',
      permission: OWN,
      input: z.strictObject(change),
      output: settingView,
      problems: [],
      rest: { method: 'PUT', path: '/person/settings/{key}' },
      audited: false,
      handler: (ctx, input) => ctx.inInstance((tx) => changeIn(ctx, { level: 'person' }, tx, input)),
    }),
    operation({
      name: 'setting.listOfWorkflow',
      field: 'workflowSettings',
      kind: 'query',
      summary: 'What counts for a workflow, and where it comes from: its own definition, its project, the workspace or the server.',
      permission: { action: 'workflow.read', on: (ctx, { workflowId }) => ctx.inTransaction((tx) => workflowResource(tx, workflowId)) },
      input: z.strictObject({ workflowId: id }),
      output: z.array(workflowSettingView),
      problems: [],
      rest: { method: 'GET', path: '/workflows/{workflowId}/settings' },
      handler: (ctx, { workflowId }) => ctx.inTransaction((tx) => settingsOfWorkflow(tx, { workflowId, settings })),
    }),
  ];
}

interface ChangeInput {
  readonly key: string;
  readonly value?: unknown;
  readonly expectedRev: number;
}

/** Above the workspaces what is shown was set by whoever asks. */
async function namesOf(tx: Where, principalIds: readonly string[]): Promise<ReadonlyMap<string, string>> {
  if ('context' in tx) return findDisplayNames(tx, principalIds);
  const rows = await tx.query<{ id: string; name: string }>('select id, display_name as name from principal where id = any($1::uuid[])', [
    principalIds,
  ]);
  return new Map(rows.map(({ id: principalId, name }) => [principalId, name]));
}

function scopeOf(ctx: OperationContext, place: Place): SettingScope {
  switch (place.level) {
    case 'instance':
      return { kind: 'instance' };
    case 'workspace':
      return { kind: 'workspace', workspaceId: ctx.workspaceId };
    case 'project':
      return { kind: 'project', projectId: place.projectId };
    case 'person':
      return { kind: 'person', principalId: ctx.actor.principalId };
  }
}

interface Change {
  readonly key: string;
  /** Null takes it back. */
  readonly value: Json;
  readonly expectedRev: number;
}

/** @throws OperationProblem CONFLICT when somebody else was first */
async function save(tx: Statements, scope: SettingScope, updatedBy: string, { key, value, expectedRev }: Change): Promise<void> {
  if (value === null) {
    const before = (await readSettings(tx, scope)).get(key);
    if ((before?.rev ?? 0) !== expectedRev) throw conflict(before);
    await deleteSetting(tx, scope, key);
  } else {
    const saved = await writeSetting(tx, { scope, key, value, updatedBy, expectedRev });
    if (saved.kind === 'conflict') throw conflict(saved.setting);
  }
  await raiseGeneration(tx, 'settings');
}

function refuseWrong(definition: SettingDefinition, value: Json): void {
  const problem = problemOf(definition, value);
  if (problem !== undefined) throw wrong(problem);
}

function refuseLooser({ tightest }: SettingDefinition, value: Json, above: Json): void {
  if (!tightest || isSame(tightest(above, value), value)) return;
  throw wrong(`This level may only be stricter than what is above it, which is ${JSON.stringify(above)}`);
}

function wrong(message: string): OperationProblem {
  return new OperationProblem('INPUT_INVALID', message, { path: 'input.value', params: { fields: [{ field: 'value', message }] } });
}

function locked({ environment }: SettingDefinition): OperationProblem {
  return new OperationProblem('SETTING_LOCKED', `${environment?.name ?? 'The environment'} fixes this setting`, {
    hint: 'Take the variable away, or out of plugboard.config.json, and start the server again to set it here.',
  });
}

function conflict(now: Setting | undefined): OperationProblem {
  return new OperationProblem('CONFLICT', 'Somebody else changed this setting in between', {
    hint: 'Look at it again, then set it.',
    params: { rev: now?.rev ?? 0, value: now?.value ?? null },
  });
}
