/**
 * Turns every workspace under plugins/ with a `plugboard` key into what the plugin host loads: one self-contained module, and its
 * static description, read once in a process that may touch nothing. Then writes the list of bundled plugins for the cli.
 */
import { spawnSync } from 'node:child_process';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import fs from 'node:fs';
import { build } from 'esbuild';
import { workspaceFolders } from './bootstrap/build-stamp.mjs';

const LIST = 'packages/cli/dist/bundled-plugins.json';
const DESCRIBE = fileURLToPath(new URL('./describe-plugin.mjs', import.meta.url));
/** Importing a bundle and describing it takes milliseconds; a plugin that waits for something at import is stopped. */
const DESCRIBE_TIMEOUT_MS = 20_000;

/**
 * @typedef {{ folder: string, name: string, version: string, id: string, bundle: string, ir: string }} PluginWorkspace
 *   `folder` relative to the root; `bundle` and `ir` relative to the folder, as its package.json says.
 */

/**
 * Builds all plugins and the list. Needs the compiled SDK.
 * @param {string} root
 * @returns {Promise<string[]>} what is wrong, one text per problem; empty when all is built
 */
export async function buildPlugins(root) {
  const plugins = workspaceFolders(root).flatMap((folder) => pluginOf(root, folder) ?? []);
  const problems = (await Promise.all(plugins.map((plugin) => buildPlugin(root, plugin)))).flat();
  problems.push(...repeatedIds(plugins));
  if (problems.length === 0) writeList(root, plugins);
  return problems;
}

/** @param {string} root @param {PluginWorkspace} plugin @returns {Promise<string[]>} */
async function buildPlugin(root, plugin) {
  const folder = join(root, plugin.folder);
  try {
    await bundle(folder, plugin.bundle);
  } catch (error) {
    return [`${plugin.folder}: bundling failed: ${error instanceof Error ? error.message : String(error)}`];
  }
  const described = describe(root, join(folder, plugin.bundle));
  if ('problem' in described) return [`${plugin.folder}: ${described.problem}`];
  const ir = JSON.parse(described.text);
  const problems = [];
  if (ir.id !== plugin.id) problems.push(`${plugin.folder}: definePlugin says id "${ir.id}", package.json says "${plugin.id}"`);
  if (ir.version !== plugin.version)
    problems.push(`${plugin.folder}: definePlugin says version "${ir.version}", package.json says "${plugin.version}"`);
  if (problems.length === 0) fs.writeFileSync(join(folder, plugin.ir), described.text);
  return problems;
}

/** npm libraries and the SDK go into the bundle: a plugin is one file with nothing beside it. @param {string} folder @param {string} output */
async function bundle(folder, output) {
  /** @type {import('esbuild').BuildOptions & { metafile: true }} */
  const options = {
    absWorkingDir: folder,
    entryPoints: ['src/index.ts'],
    outfile: output,
    bundle: true,
    platform: 'node',
    target: 'node26',
    format: 'esm',
    mainFields: ['module', 'main'],
    legalComments: 'eof',
    sourcemap: 'linked',
    sourcesContent: true,
    metafile: true,
    logLevel: 'silent',
  };
  const result = await build({ ...options, write: false });
  const needsRequire = Object.values(result.metafile.outputs).some((file) => file.imports.some((used) => used.kind === 'require-call'));
  // CommonJS libraries ask for Node's own modules with require(), which a module does not have.
  const banner = "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);";
  await build(needsRequire ? { ...options, banner: { js: banner } } : options);
}

/**
 * Reads the description in a process without rights: no network, no child processes, no environment, only these files readable.
 * @param {string} root @param {string} bundleFile
 * @returns {{ text: string } | { problem: string }}
 */
function describe(root, bundleFile) {
  const sdk = join(root, 'packages', 'sdk');
  const readable = [
    DESCRIBE,
    join(sdk, 'dist'),
    join(sdk, 'package.json'),
    dirname(bundleFile),
    join(dirname(bundleFile), '..', 'package.json'),
  ];
  const result = spawnSync(
    process.execPath,
    ['--permission', ...readable.map((path) => `--allow-fs-read=${path}`), DESCRIBE, join(sdk, 'dist', 'index.js'), bundleFile],
    { cwd: dirname(bundleFile), env: {}, encoding: 'utf8', timeout: DESCRIBE_TIMEOUT_MS, maxBuffer: 64 * 1024 * 1024 },
  );
  if (result.status === 0 && isJson(result.stdout)) return { text: result.stdout };
  if (result.status === 0)
    return { problem: 'describing it failed: importing it ends the process or prints; a plugin may act only when a step runs' };
  if (result.error !== undefined) return { problem: `describing it failed: ${result.error.message}` };
  const denied = /ERR_ACCESS_DENIED/.test(result.stderr) ? 'importing it reaches outside; a plugin may act only when a step runs\n' : '';
  return { problem: `describing it failed: ${denied}${result.stderr.trim()}` };
}

/** @param {string} text */
function isJson(text) {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** @param {string} root @param {string} folder @returns {PluginWorkspace | undefined} */
function pluginOf(root, folder) {
  const manifest = JSON.parse(fs.readFileSync(join(root, folder, 'package.json'), 'utf8'));
  if (!folder.startsWith('plugins/') || manifest.plugboard === undefined) return undefined;
  const { id, bundle: bundlePath = 'dist/plugin.mjs', ir = 'dist/plugin.ir.json' } = manifest.plugboard;
  return { folder, name: manifest.name, version: manifest.version, id, bundle: bundlePath, ir };
}

/** @param {PluginWorkspace[]} plugins */
function repeatedIds(plugins) {
  const byId = Map.groupBy(plugins, (plugin) => plugin.id);
  return [...byId]
    .filter(([, same]) => same.length > 1)
    .map(([id, same]) => `the plugin id "${id}" is used by ${same.map((plugin) => plugin.folder).join(' and ')}`);
}

/** Paths are relative to the list itself, so a clone may lie anywhere. @param {string} root @param {PluginWorkspace[]} plugins */
function writeList(root, plugins) {
  const file = join(root, LIST);
  const pathTo = (/** @type {PluginWorkspace} */ plugin, /** @type {string} */ path) =>
    relative(dirname(file), join(root, plugin.folder, path)).replaceAll('\\', '/');
  const list = plugins.map((plugin) => ({
    id: plugin.id,
    version: plugin.version,
    package: plugin.name,
    bundle: pathTo(plugin, plugin.bundle),
    ir: pathTo(plugin, plugin.ir),
  }));
  fs.mkdirSync(dirname(file), { recursive: true });
  fs.writeFileSync(file, `${JSON.stringify(list, null, 2)}\n`);
}

if (process.argv[1] !== undefined && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const problems = await buildPlugins(resolve(dirname(DESCRIBE), '..'));
  for (const problem of problems) process.stderr.write(`${problem}\n`);
  if (problems.length > 0) process.exit(1);
}
