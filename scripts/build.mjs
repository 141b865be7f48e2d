/**
 * Builds everything: types and JavaScript of all workspaces, the plugin bundles, the pages. Runs under the pinned Node, called by the
 * bootstrap when sources changed. `--clean` removes earlier output first.
 */
import { spawnSync } from 'node:child_process';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import fs from 'node:fs';
import {
  isUiBuilt,
  markBuilt,
  markUiBuilt,
  sourceFingerprint,
  UI_FOLDER,
  uiFingerprint,
  workspaceFolders,
} from './bootstrap/build-stamp.mjs';
import { buildPlugins } from './build-plugins.mjs';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');

if (process.argv.includes('--clean')) {
  for (const workspace of [...workspaceFolders(root), UI_FOLDER])
    fs.rmSync(join(root, workspace, 'dist'), { recursive: true, force: true });
}
const fingerprint = sourceFingerprint(root);
compile();
const problems = await buildPlugins(root);
for (const problem of problems) process.stderr.write(`${problem}\n`);
if (problems.length > 0) process.exit(1);
markBuilt(root, fingerprint);
if (!isUiBuilt(root)) buildUi();

function compile() {
  const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const result = spawnSync(process.execPath, [compiler, '-b'], { cwd: root, stdio: 'inherit' });
  if (result.status !== 0) process.exit(result.status ?? 1);
}

function buildUi() {
  const before = uiFingerprint(root);
  const result = spawnSync(process.execPath, [join(root, UI_FOLDER, 'scripts', 'build.mjs')], { cwd: root, stdio: 'inherit' });
  if (result.status !== 0) process.exit(result.status ?? 1);
  markUiBuilt(root, before);
}
