/**
 * The settings as the parts of the server read them: from memory, without waiting. All that were set are kept here; a change by this
 * process is known before it is answered, one by another process within a second.
 */
import { type Database, currentGeneration } from '@plugboard/persistence';
import type { Json } from '@plugboard/sdk';
import { type EffectiveSetting, ofInstance, ofWorkspace, problemOf } from './effective.ts';
import { type SettingKey, type SettingSources, type SettingValue, definitionOf, isSettingKey } from './registry.ts';

export interface Settings {
  /** The value that counts in a workspace, or for the whole server. */
  value<Key extends SettingKey>(key: Key, workspaceId?: string): SettingValue<Key>;
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
  readonly log: { warn(fields: object, message: string): void };
}

/** Changes by other processes are looked for this often, in milliseconds. */
const LOOK_MS = 1000;

export async function openSettings({ database, sources, log }: SettingsOptions): Promise<Settings> {
  let instance = new Map<SettingKey, Json>();
  let workspaces = new Map<string, Map<SettingKey, Json>>();
  let generation = -1;
  /** Worked out once, since hot paths ask. */
  let known = new Map<string, EffectiveSetting>();
  const listeners = new Set<() => void>();
  let reading: Promise<void> = Promise.resolve();

  const read = async (): Promise<void> => {
    // Before the rows: a change in between is then read twice, never missed.
    const now = await currentGeneration(database, 'settings');
    const rows = await database.query<{ scope: string; scopeId: string; key: string; value: Json }>(
      `select scope, scope_id as "scopeId", key, value from setting where scope in ('instance', 'workspace')`,
    );
    const ofServer = new Map<SettingKey, Json>();
    const ofWorkspaces = new Map<string, Map<SettingKey, Json>>();
    for (const { scope, scopeId, key, value } of rows) {
      if (!isSettingKey(key)) continue;
      const wrong = problemOf(definitionOf(key), value);
      if (wrong !== undefined) log.warn({ key, scope, problem: wrong }, 'a stored setting does not fit this release and is left out');
      else if (scope === 'instance') ofServer.set(key, value);
      else ofWorkspaces.set(scopeId, (ofWorkspaces.get(scopeId) ?? new Map<SettingKey, Json>()).set(key, value));
    }
    const isFirst = generation < 0;
    const isNews = now !== generation;
    instance = ofServer;
    workspaces = ofWorkspaces;
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

  return {
    sources,
    value<Key extends SettingKey>(key: Key, workspaceId?: string): SettingValue<Key> {
      const name = workspaceId === undefined ? key : `${key} ${workspaceId}`;
      let found = known.get(name);
      if (!found) {
        const definition = definitionOf(key);
        found =
          workspaceId === undefined
            ? ofInstance(definition, sources, instance.get(key))
            : ofWorkspace(definition, sources, { instance: instance.get(key), workspace: workspaces.get(workspaceId)?.get(key) });
        if (known.size < MOST_KNOWN) known.set(name, found);
      }
      return found.value as SettingValue<Key>;
    },
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

/** Answers kept; with more workspaces than fit, the rest is worked out each time. */
const MOST_KNOWN = 100_000;
