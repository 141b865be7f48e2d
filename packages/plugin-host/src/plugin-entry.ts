/** A plugin as the host knows it: its description at once, its code on the first call of one of its types. */
import { createHash } from 'node:crypto';
import { describePlugin, descriptionText, isPlugin } from '@plugboard/sdk';
import type { Plugin, PluginIR } from '@plugboard/sdk';
import { PluginHostError } from './errors.ts';

export interface PluginEntry {
  readonly ir: PluginIR;
  /** Imports the code. A plugin that is in memory already comes back at once. */
  readonly load: () => Plugin | Promise<Plugin>;
  /** Where another thread can load the code from; absent for plugins that are only in memory. */
  readonly bundleFile?: string;
}

/** An entry for a plugin that is in memory, as tests and development have it. */
export function pluginEntry(plugin: Plugin): PluginEntry {
  return { ir: describePlugin(plugin), load: () => plugin };
}

/** Hash of a description: equal for equal plugins. */
export function descriptionHash(ir: PluginIR): string {
  return createHash('sha256').update(descriptionText(ir)).digest('hex');
}

/**
 * The plugin a bundle exports as its default, or under the name `plugin`.
 * @throws PluginHostError PLUGIN_LOAD_FAILED, or PLUGIN_CHANGED when it is not what `ir` describes.
 */
export function checkedPlugin(bundle: unknown, ir: PluginIR): Plugin {
  const plugin = exportedPlugin(bundle, ir.id);
  if (descriptionHash(describePlugin(plugin)) === descriptionHash(ir)) return plugin;
  throw new PluginHostError(
    'PLUGIN_CHANGED',
    `The code of the plugin ${ir.id} is not what its description says. Build it again, or install it again.`,
  );
}

export function exportedPlugin(bundle: unknown, name: string): Plugin {
  const exports = bundle as { readonly default?: unknown; readonly plugin?: unknown };
  for (const one of [exports.default, exports.plugin]) if (isPlugin(one)) return one;
  throw new PluginHostError('PLUGIN_LOAD_FAILED', `The bundle of ${name} exports no plugin: export default definePlugin({ … }).`);
}
