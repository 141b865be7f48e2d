/** Makes a plugin's description at build time, from its finished bundle, so that the server never needs to run it for that. */
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { descriptionText } from '@plugboard/sdk';
import type { PluginIR } from '@plugboard/sdk';
import { PluginHostError } from './errors.ts';

/** Longest an import may take, in milliseconds. */
const IMPORT_MS = 30_000;
/** Stands before the description, because a bundle may print something while it is imported. */
const MARK = '\u0001plugboard-description ';

/** Runs with the SDK's address and the bundle's as arguments. */
const SCRIPT = `
  const [sdkUrl, bundleUrl, mark] = process.argv.slice(1);
  const sdk = await import(sdkUrl);
  const bundle = await import(bundleUrl);
  const plugin = [bundle.default, bundle.plugin].find(sdk.isPlugin);
  if (plugin === undefined) throw new Error('It exports no plugin: export default definePlugin({ … }).');
  process.stdout.write(mark + JSON.stringify(sdk.describePlugin(plugin)));
`;

/**
 * The description of a bundle, imported in a process that may read files and nothing else: no network, no other processes, no
 * environment. What does more than define itself while it is imported fails here, and so does what two processes describe differently.
 * @throws PluginHostError PLUGIN_LOAD_FAILED with the reason.
 */
export async function describeBundle(bundleFile: string): Promise<PluginIR> {
  const [one, other] = await Promise.all([describeOnce(bundleFile), describeOnce(bundleFile)]);
  if (descriptionText(one) === descriptionText(other)) return one;
  throw new PluginHostError(
    'PLUGIN_LOAD_FAILED',
    `The bundle ${bundleFile} describes itself differently each time. Definitions must not read clocks, counters or random numbers.`,
  );
}

async function describeOnce(bundleFile: string): Promise<PluginIR> {
  const sdkUrl = import.meta.resolve('@plugboard/sdk');
  const conditions = sdkUrl.endsWith('.ts') ? ['--conditions=development'] : [];
  const bundleUrl = pathToFileURL(bundleFile).href;
  const args = ['--permission', '--allow-fs-read=*', ...conditions, '--input-type=module', '--eval', SCRIPT, sdkUrl, bundleUrl, MARK];
  try {
    const { stdout } = await promisify(execFile)(process.execPath, args, { env: {}, timeout: IMPORT_MS, maxBuffer: 64 * 1024 * 1024 });
    return JSON.parse(stdout.slice(stdout.lastIndexOf(MARK) + MARK.length)) as PluginIR;
  } catch (error) {
    const { stderr } = error as { readonly stderr?: string };
    throw new PluginHostError('PLUGIN_LOAD_FAILED', `The bundle ${bundleFile} cannot be described: ${stderr?.trim() || String(error)}`, {
      cause: error,
    });
  }
}

/** Writes `plugin.ir.json` beside a bundle. Equal bundles give equal files. */
export async function writeDescription(bundleFile: string, irFile: string): Promise<PluginIR> {
  const ir = await describeBundle(bundleFile);
  await writeFile(irFile, `${descriptionText(ir)}\n`);
  return ir;
}
