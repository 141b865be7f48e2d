/** `definePlugin`: the object a plugin's bundle exports as its default. */
import type { CredentialDefinition } from './define-credential.ts';
import type { NodeDefinition } from './define-node.ts';
import type { TriggerDefinition } from './define-trigger.ts';

export const PLUGIN_MARK: unique symbol = Symbol.for('plugboard.plugin');

export interface PluginInput {
  /** `[A-Za-z0-9_-]{1,64}`; the first part of its types' names. */
  readonly id: string;
  readonly title: string;
  /** Version of the package. @default '0.0.0' */
  readonly version?: string;
  readonly nodes?: readonly NodeDefinition[];
  readonly triggers?: readonly TriggerDefinition[];
  readonly credentials?: readonly CredentialDefinition[];
}

export interface Plugin {
  readonly [PLUGIN_MARK]: 1;
  readonly id: string;
  readonly title: string;
  readonly version: string;
  readonly nodes: readonly NodeDefinition[];
  readonly triggers: readonly TriggerDefinition[];
  readonly credentials: readonly CredentialDefinition[];
}

export function definePlugin(plugin: PluginInput): Plugin {
  return {
    [PLUGIN_MARK]: 1,
    id: plugin.id,
    title: plugin.title,
    version: plugin.version ?? '0.0.0',
    nodes: plugin.nodes ?? [],
    triggers: plugin.triggers ?? [],
    credentials: plugin.credentials ?? [],
  };
}

/** Whether a value is a plugin, whichever copy of the SDK made it. */
export function isPlugin(value: unknown): value is Plugin {
  return typeof value === 'object' && value !== null && (value as { readonly [PLUGIN_MARK]?: unknown })[PLUGIN_MARK] === 1;
}
