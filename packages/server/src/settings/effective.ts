/** Which value of a setting counts, and where it comes from. Pure: rows and sources go in. */
import { type Json, validateParam } from '@plugboard/sdk';
import { type SettingDefinition, type SettingLevel, type SettingSources } from './registry.ts';

export type SettingOrigin = 'default' | 'instance' | 'workspace' | 'environment';

export interface EffectiveSetting {
  readonly value: Json;
  readonly from: SettingOrigin;
}

/** What was set on each level; undefined where nothing was. */
export interface SetValues {
  readonly instance: Json | undefined;
  readonly workspace: Json | undefined;
}

/** True when the environment or the settings file says it, so that nobody can change it here. */
export function isLocked(definition: SettingDefinition, sources: SettingSources): boolean {
  return definition.environment !== undefined && sources.given.has(definition.environment.name);
}

/** On the level of the server. */
export function ofInstance(definition: SettingDefinition, sources: SettingSources, set: Json | undefined): EffectiveSetting {
  const { environment } = definition;
  if (environment && isLocked(definition, sources)) return { value: environment.read(sources), from: 'environment' };
  if (set !== undefined && problemOf(definition, set) === undefined) return { value: set, from: 'instance' };
  return { value: environment ? environment.read(sources) : definition.fallback, from: 'default' };
}

/** In a workspace: its own value where that is the stricter one, the server's otherwise. */
export function ofWorkspace(definition: SettingDefinition, sources: SettingSources, set: SetValues): EffectiveSetting {
  const instance = ofInstance(definition, sources, set.instance);
  const { tightest } = definition;
  // What the server says stands above the workspace, wherever the server has it from: here it can still be tightened.
  const above: EffectiveSetting = instance.from === 'environment' ? { ...instance, from: 'instance' } : instance;
  if (set.workspace === undefined || !tightest || problemOf(definition, set.workspace) !== undefined) return above;
  const value = tightest(instance.value, set.workspace);
  return isSame(value, set.workspace) ? { value, from: 'workspace' } : above;
}

export function effectiveOn(level: SettingLevel, definition: SettingDefinition, sources: SettingSources, set: SetValues): EffectiveSetting {
  return level === 'instance' ? ofInstance(definition, sources, set.instance) : ofWorkspace(definition, sources, set);
}

/** What is wrong with a value, or undefined. */
export function problemOf(definition: SettingDefinition, value: Json): string | undefined {
  const [problem] = validateParam(definition.form, value);
  return problem?.message ?? definition.check?.(value);
}

export function isSame(one: Json, other: Json): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}
