/** Which value of a setting counts, and where it comes from. Pure: rows and sources go in. */
import { type Json, validateParam } from '@plugboard/sdk';
import { type SettingDefinition, type SettingLevel, type SettingSources } from './registry.ts';

export type SettingOrigin = 'default' | SettingLevel | 'environment';

export interface EffectiveSetting {
  readonly value: Json;
  readonly from: SettingOrigin;
}

/** What was set on each level; undefined where nothing was. */
export type SetValues = { readonly [Level in SettingLevel]?: Json | undefined };

/** True when the environment or the settings file says it, so that nobody can change it here. */
export function isLocked(definition: SettingDefinition, sources: SettingSources): boolean {
  return definition.environment !== undefined && sources.given.has(definition.environment.name);
}

/** On the level of the server. */
export function ofInstance(definition: SettingDefinition, sources: SettingSources, set: Json | undefined): EffectiveSetting {
  const { environment } = definition;
  if (environment && isLocked(definition, sources)) return { value: environment.read(sources), from: 'environment' };
  if (set !== undefined && storedProblemOf(definition, set) === undefined) return { value: set, from: 'instance' };
  return { value: environment ? environment.read(sources) : definition.fallback, from: 'default' };
}

/** The levels below the server that count on each of them, the upper ones first. */
const BELOW: { readonly [On in SettingLevel]: readonly SettingLevel[] } = {
  instance: [],
  workspace: ['workspace'],
  project: ['workspace', 'project'],
  person: ['workspace', 'person'],
};

/** On one level: its own value where that is the stricter one, or simply the nearest; what is above otherwise. */
export function effectiveOn(level: SettingLevel, definition: SettingDefinition, sources: SettingSources, set: SetValues): EffectiveSetting {
  const server = ofInstance(definition, sources, set.instance);
  if (level === 'instance') return server;
  // What the server says stands above the levels below, wherever the server has it from: here it can still be tightened.
  let found: EffectiveSetting = server.from === 'environment' ? { ...server, from: 'instance' } : server;
  for (const at of BELOW[level]) found = ownOr(found, at, definition, set[at]);
  return found;
}

function ownOr(above: EffectiveSetting, level: SettingLevel, definition: SettingDefinition, own: Json | undefined): EffectiveSetting {
  if (own === undefined || !definition.levels.includes(level) || storedProblemOf(definition, own) !== undefined) return above;
  const value = definition.tightest ? definition.tightest(above.value, own) : own;
  return isSame(value, own) ? { value, from: level } : above;
}

/** What is wrong with a value, or undefined. */
export function problemOf(definition: SettingDefinition, value: Json): string | undefined {
  const [problem] = validateParam(definition.form, value);
  return problem?.message ?? definition.check?.(value);
}

/** Of a value as it is stored: a secret is sealed, and fits whatever its form says. */
export function storedProblemOf(definition: SettingDefinition, value: Json): string | undefined {
  if (definition.isSecret) return typeof value === 'string' ? undefined : 'is no sealed text';
  return problemOf(definition, value);
}

export function isSame(one: Json, other: Json): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}
