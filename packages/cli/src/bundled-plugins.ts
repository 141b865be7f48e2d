/** The plugins that come with the server, from the list their build wrote. */
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { BundledPlugin } from '@plugboard/plugin-host';
import { CommandFailure } from './failure.ts';

export interface BundledEntry extends BundledPlugin {
  readonly id: string;
  readonly version: string;
}

/** @throws CommandFailure when the build did not write the list */
export function bundledPlugins(): BundledEntry[] {
  const list = fileURLToPath(new URL('../dist/bundled-plugins.json', import.meta.url));
  let entries: readonly { id: string; version: string; bundle: string; ir: string }[];
  try {
    entries = JSON.parse(readFileSync(list, 'utf8')) as typeof entries;
  } catch (error) {
    throw new CommandFailure('the list of bundled plugins is missing: this installation is not complete', {
      hint: 'In a clone, run: npm run build',
      cause: error,
    });
  }
  const folder = dirname(list);
  return entries.map(({ id, version, bundle, ir }) => ({ id, version, bundleFile: resolve(folder, bundle), irFile: resolve(folder, ir) }));
}
