/** All node and trigger types there are, as data. What validation, the editor and the API read; no plugin code runs. */
import type { PluginIR, TypeIR } from '@plugboard/sdk';
import { PluginHostError } from './errors.ts';

export interface Catalog {
  types(): readonly TypeIR[];
  /** A type in one version. */
  find(type: string, version: number): TypeIR | undefined;
  /** The highest version of a type. */
  latest(type: string): TypeIR | undefined;
  plugins(): readonly PluginIR[];
  /** `{ plugins: [...] }` as JSON text, for user interfaces; equal catalogs give equal text. */
  json(): string;
}

/** @throws PluginHostError TYPE_DUPLICATE when two plugins give the same type in the same version. */
export function createCatalog(plugins: readonly PluginIR[]): Catalog {
  const byType = new Map<string, Map<number, TypeIR>>();
  const all = plugins.flatMap((plugin) => plugin.types);
  for (const ir of all) {
    const versions = byType.get(ir.type) ?? new Map<number, TypeIR>();
    if (versions.has(ir.version))
      throw new PluginHostError('TYPE_DUPLICATE', `Two plugins give the type ${ir.type} in version ${ir.version}. Remove one of them.`);
    byType.set(ir.type, versions.set(ir.version, ir));
  }
  let text: string | undefined;
  return {
    types: () => all,
    find: (type, version) => byType.get(type)?.get(version),
    latest: (type) => {
      const versions = byType.get(type);
      return versions?.get(Math.max(...versions.keys()));
    },
    plugins: () => plugins,
    json: () => (text ??= JSON.stringify({ plugins })),
  };
}
