/**
 * The settings as the parts of the server read them: from memory, without waiting. All that were set are kept here; a change by this
 * process is known before it is answered, one by another process within a second.
 */
import { type Database, currentGeneration } from '@plugboard/persistence';
import type { Json } from '@plugboard/sdk';
import { type EffectiveSetting, effectiveOn, storedProblemOf } from './effective.ts';
import { seal, unseal } from '../vault/sealed.ts';
import { type SettingKey, type SettingSources, type SettingValue, definitionOf, isSettingKey } from './registry.ts';

export interface Settings {
  /** The value that counts in a project, in a workspace, or for the whole server. */
  value<Key extends SettingKey>(key: Key, workspaceId?: string, projectId?: string): SettingValue<Key>;
  /** The same with where it comes from. */
  effective(key: SettingKey, workspaceId?: string, projectId?: string): EffectiveSetting;
  /** A secret in clear; empty where none is set. @throws SealBrokenError */
  secret(key: SettingKey): string;
  /** A secret as it is stored. */
  sealed(key: SettingKey, value: string): Json;
  readonly sources: SettingSources;
  /** Reads all of them anew. */
  reload(): Promise<void>;
  /** Called after something has changed; gives how to stop. */
  onChange(listen: () => void): () => void;
  close(): void;
}

export interface SettingsOptions {
  readonly database: Database;
  readonly sources: SettingSources;
  /** 32 bytes that seal secrets. */
  readonly key: Uint8Array;
  readonly log: { warn(fields: object, message: string): void };
}

/** Changes by other processes are looked for this often, in milliseconds. */
const LOOK_MS = 1000;

export async function openSettings({ database, sources, key: sealKey, log }: SettingsOptions): Promise<Settings> {
  let instance = new Map<SettingKey, Json>();
  /** Of workspaces and projects, by their ids. */
  let below = new Map<string, Map<SettingKey, Json>>();
  let generation = -1;
  /** Worked out once, since hot paths ask: by setting, and then by the id of the place. */
  let known = new Map<SettingKey, Map<string, EffectiveSetting>>();
  const listeners = new Set<() => void>();
  let reading: Promise<void> = Promise.resolve();

  const read = async (): Promise<void> => {
    // Before the rows: a change in between is then read twice, never missed.
    const now = await currentGeneration(database, 'settings');
    const rows = await database.query<{ scope: string; scopeId: string; key: string; value: Json }>(
      `select scope, scope_id as "scopeId", key, value from setting where scope in ('instance', 'workspace', 'project')`,
    );
    const ofServer = new Map<SettingKey, Json>();
    const ofThese = new Map<string, Map<SettingKey, Json>>();
    for (const { scope, scopeId, key, value } of rows) {
      if (!isSettingKey(key)) continue;
      const wrong = storedProblemOf(definitionOf(key), value);
      if (wrong !== undefined) log.warn({ key, scope, problem: wrong }, 'a stored setting does not fit this release and is left out');
      else if (scope === 'instance') ofServer.set(key, value);
      else ofThese.set(scopeId, (ofThese.get(scopeId) ?? new Map<SettingKey, Json>()).set(key, value));
    }
    const isFirst = generation < 0;
    const isNews = now !== generation;
    instance = ofServer;
    below = ofThese;
    generation = now;
    known = new Map();
    if (!isFirst && isNews) for (const listen of listeners) listen();
  };
  const reload = (): Promise<void> => (reading = reading.then(read, read));

  await reload();
  let isLooking = false;
  const timer = setInterval(() => {
    if (isLooking) return;
    isLooking = true;
    currentGeneration(database, 'settings')
      .then((now) => (now === generation ? undefined : reload()))
      // The database being away is told by those who need it.
      .catch(() => undefined)
      .finally(() => (isLooking = false));
  }, LOOK_MS);
  timer.unref();

  const effective = (key: SettingKey, workspaceId?: string, projectId?: string): EffectiveSetting => {
    const place = projectId ?? workspaceId ?? '';
    const found = known.get(key)?.get(place);
    if (found) return found;
    const set = {
      instance: instance.get(key),
      ...(workspaceId !== undefined && { workspace: below.get(workspaceId)?.get(key) }),
      ...(projectId !== undefined && { project: below.get(projectId)?.get(key) }),
    };
    const level = workspaceId === undefined ? 'instance' : projectId === undefined ? 'workspace' : 'project';
    const made = effectiveOn(level, definitionOf(key), sources, set);
    const ofKey = known.get(key) ?? new Map<string, EffectiveSetting>();
    known.set(key, ofKey);
    if (ofKey.size < MOST_KNOWN) ofKey.set(place, made);
    return made;
  };

  return {
    sources,
    value: <Key extends SettingKey>(key: Key, workspaceId?: string, projectId?: string) =>
      effective(key, workspaceId, projectId).value as SettingValue<Key>,
    effective,
    secret(key) {
      const stored = instance.get(key);
      return typeof stored === 'string' ? unseal(sealKey, ['setting', key], Buffer.from(stored, 'base64')).toString('utf8') : '';
    },
    sealed: (key, value) => seal(sealKey, ['setting', key], Buffer.from(value, 'utf8')).toString('base64'),
    reload,
    onChange(listen) {
      listeners.add(listen);
      return () => void listeners.delete(listen);
    },
    close() {
      clearInterval(timer);
      listeners.clear();
    },
  };
}

/** Answers kept of each setting; with more places than fit, the rest is worked out each time. */
const MOST_KNOWN = 100_000;
