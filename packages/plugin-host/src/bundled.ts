/** Plugins that ship with the server. Only their description files are read at start; a bundle is imported on its first call. */
import { readFile } from 'node:fs/promises';
import { pathToFileURL } from 'node:url';
import type { Plugin, PluginIR } from '@plugboard/sdk';
import { PluginHostError } from './errors.ts';
import { checkedPlugin } from './plugin-entry.ts';
import type { PluginEntry } from './plugin-entry.ts';

export interface BundledPlugin {
  /** Path of `plugin.ir.json`. */
  readonly irFile: string;
  /** Path of the bundle. */
  readonly bundleFile: string;
}

/** @throws PluginHostError DESCRIPTION_INVALID naming the file. */
export function loadBundled(list: readonly BundledPlugin[]): Promise<readonly PluginEntry[]> {
  return Promise.all(
    list.map(async ({ irFile, bundleFile }) => {
      const ir = await readDescription(irFile);
      let plugin: Promise<Plugin> | undefined;
      const load: PluginEntry['load'] = () => (plugin ??= importBundle(bundleFile, ir));
      return { ir, load, bundleFile };
    }),
  );
}

async function importBundle(bundleFile: string, ir: PluginIR): Promise<Plugin> {
  let bundle: unknown;
  try {
    bundle = await import(pathToFileURL(bundleFile).href);
  } catch (error) {
    throw new PluginHostError(
      'PLUGIN_LOAD_FAILED',
      `The plugin ${ir.id} could not be loaded: ${error instanceof Error ? error.message : String(error)}`,
      { cause: error },
    );
  }
  return checkedPlugin(bundle, ir);
}

async function readDescription(file: string): Promise<PluginIR> {
  let ir: unknown;
  try {
    ir = JSON.parse(await readFile(file, 'utf8'));
  } catch (error) {
    throw new PluginHostError('DESCRIPTION_INVALID', `The plugin description ${file} cannot be read. Build the plugin again.`, {
      cause: error,
    });
  }
  const { irVersion, id, types } = (ir ?? {}) as Partial<PluginIR>;
  if (irVersion === 1 && typeof id === 'string' && Array.isArray(types)) return ir as PluginIR;
  throw new PluginHostError('DESCRIPTION_INVALID', `${file} is no plugin description of version 1. Build the plugin again.`);
}
