/** Settings over the API: all of a level with what counts and where it comes from, and changing one. */
import {
  type Database,
  type Setting,
  type SettingScope,
  deleteSetting,
  findDisplayNames,
  inInstance,
  raiseGeneration,
  readSettings,
  writeSetting,
  type Statements,
} from '@plugboard/persistence';
import type { Json } from '@plugboard/sdk';
import { z } from 'zod';
import { demand, may } from '../operation/demand.ts';
import { type Operation, type OperationContext, operation } from '../operation/operation.ts';
import { OperationProblem, notFound } from '../operation/problem.ts';
import { json, personRef, text } from '../operation/shapes.ts';
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

const WORKSPACE = { kind: 'workspace' } as const;
const INSTANCE = { kind: 'instance' } as const;

const level = z.enum(SETTING_LEVELS).meta({ id: 'SettingLevel' });
const settingView = z
  .object({
    key: z.string(),
    title: z.string(),
    help: z.string(),
    group: z.string(),
    /** What a value may be, as forms show it. */
    form: json,
    /** The one that counts. */
    value: json,
    /** What counts when it is taken back here. */
    default: json,
    from: z.enum(['default', 'instance', 'workspace', 'environment']).meta({ id: 'SettingOrigin' }),
    updatedBy: personRef.optional(),
    updatedAt: z.iso.datetime().optional(),
    /** Of the value on this level; 0 when none is set. */
    rev: z.int(),
    isDangerous: z.boolean(),
    /** False: the next start of the server reads it. */
    isImmediate: z.boolean(),
    mayChange: z.boolean(),
  })
  .meta({ id: 'SettingView' });

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
  const mayChange = (ctx: OperationContext, on: SettingLevel, definition: SettingDefinition): boolean =>
    on === 'instance' ? may(ctx, 'instance.operate', INSTANCE) && !isLocked(definition, sources) : may(ctx, 'settings.update', WORKSPACE);

  const view = (
    ctx: OperationContext,
    on: SettingLevel,
    key: SettingKey,
    rows: { readonly instance: Setting | undefined; readonly workspace: Setting | undefined },
    names: ReadonlyMap<string, string>,
  ): z.input<typeof settingView> => {
    const definition = definitionOf(key);
    const set = { instance: rows.instance?.value, workspace: rows.workspace?.value };
    const without = on === 'instance' ? { ...set, instance: undefined } : { ...set, workspace: undefined };
    const row = on === 'instance' ? rows.instance : rows.workspace;
    return {
      key,
      title: definition.title,
      help: definition.help,
      group: definition.group,
      form: definition.form,
      ...effectiveOn(on, definition, sources, set),
      default: effectiveOn(on, definition, sources, without).value,
      ...(row ? { updatedBy: { id: row.updatedBy, name: names.get(row.updatedBy) ?? '' }, updatedAt: row.updatedAt.toISOString() } : {}),
      rev: row?.rev ?? 0,
      isDangerous: definition.isDangerous === true,
      isImmediate: definition.atNextStart !== true,
      mayChange: mayChange(ctx, on, definition),
    };
  };

  const views = (ctx: OperationContext, on: SettingLevel, keys: readonly SettingKey[]): Promise<z.input<typeof settingView>[]> =>
    ctx.inTransaction(async (tx) => {
      const instance = await readSettings(tx, { kind: 'instance' });
      const workspace = await readSettings(tx, { kind: 'workspace', workspaceId: ctx.workspaceId });
      const rows = on === 'instance' ? instance : workspace;
      const names = await findDisplayNames(tx, [...new Set([...rows.values()].map((row) => row.updatedBy))]);
      return keys.map((key) => view(ctx, on, key, { instance: instance.get(key), workspace: workspace.get(key) }, names));
    });

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
        return views(
          ctx,
          input.level,
          SETTING_KEYS.filter((key) => definitionOf(key).levels.includes(input.level)),
        );
      },
    }),
    operation({
      name: 'setting.change',
      field: 'changeSetting',
      kind: 'mutation',
      summary: 'Set one setting; null takes it back to what counts above it. A workspace may only be stricter than the server.',
      permission: { action: 'settings.update', on: () => WORKSPACE },
      input: z.strictObject({ level, key: text(100, 1), value: json.nullable(), expectedRev: z.int().min(0) }),
      output: settingView,
      problems: ['SETTING_LOCKED'],
      rest: { method: 'PUT', path: '/settings/{key}' },
      async handler(ctx, { level: on, key, value: given, expectedRev }) {
        demandLevel(ctx, on);
        if (!isSettingKey(key) || !definitionOf(key).levels.includes(on)) throw notFound(`There is no setting ${key} on this level`);
        const definition = definitionOf(key);
        const value = given as Json | undefined;
        const change = { key, value: value ?? null, expectedRev };
        if (value === undefined) throw wrong('give a value, or null to take it back');
        if (on === 'instance') {
          if (isLocked(definition, sources)) throw locked(definition);
          if (value !== null) refuseWrong(definition, value);
          // Only the owner of the tables writes what is above the workspaces.
          await inInstance(database, (tx) => save(tx, { kind: 'instance' }, ctx.actor.principalId, change));
        } else {
          await ctx.inTransaction(async (tx) => {
            if (value !== null) {
              refuseWrong(definition, value);
              const instance = (await readSettings(tx, { kind: 'instance' })).get(key)?.value;
              refuseLooser(definition, value, effectiveOn('instance', definition, sources, { instance, workspace: undefined }).value);
            }
            await save(tx, { kind: 'workspace', workspaceId: ctx.workspaceId }, ctx.actor.principalId, change);
          });
        }
        ctx.audit({ kind: 'setting', id: key, payload: { level: on, value } });
        ctx.afterCommit(() => settings.reload());
        const [changed] = await views(ctx, on, [key]);
        if (!changed) throw notFound();
        return changed;
      },
    }),
  ];
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

function refuseLooser({ tightest }: SettingDefinition, value: Json, instance: Json): void {
  if (!tightest || isSame(tightest(instance, value), value)) return;
  throw wrong(`A workspace may only be stricter than the server, which has ${JSON.stringify(instance)}`);
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
