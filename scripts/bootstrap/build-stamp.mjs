/**
 * Tells whether the build is older than its sources, from names, sizes and times alone: a few milliseconds for the whole tree.
 * A wrong "stale" costs one incremental build; tests are no sources of the build.
 */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import fs from 'node:fs';

const ROOT_SOURCES = [
  'package-lock.json',
  'tsconfig.base.json',
  'tsconfig.json',
  'scripts/build.mjs',
  'scripts/build-plugins.mjs',
  'scripts/describe-plugin.mjs',
];
const FOLDERS_SKIPPED = new Set(['node_modules', 'dist', 'test']);
/** The pages: a workspace that Vite builds, from its own sources and those of the packages it shows. */
export const UI_FOLDER = 'ui';
const UI_FILES = [
  'package-lock.json',
  'ui/package.json',
  'ui/index.html',
  'ui/vite.config.ts',
  'ui/scripts/build.mjs',
  'ui/scripts/operations.ts',
];
const UI_FOLDERS = ['ui/src', 'ui/public', 'packages/sdk/src', 'packages/expression/src', 'packages/engine/src'];

/** Folders of all workspaces, relative to the root, in order. @param {string} root */
export function workspaceFolders(root) {
  return ['packages', 'plugins'].flatMap((group) =>
    namesIn(join(root, group))
      .filter((name) => fs.existsSync(join(root, group, name, 'package.json')))
      .map((name) => `${group}/${name}`),
  );
}

/** What the build's sources look like now. @param {string} root */
export function sourceFingerprint(root) {
  const hash = createHash('sha256');
  for (const file of ROOT_SOURCES) addFile(hash, root, file);
  for (const workspace of workspaceFolders(root)) {
    addFile(hash, root, `${workspace}/package.json`);
    addFile(hash, root, `${workspace}/tsconfig.json`);
    addFolder(hash, root, `${workspace}/src`);
  }
  return hash.digest('hex');
}

/** What the sources of the pages look like now. @param {string} root */
export function uiFingerprint(root) {
  const hash = createHash('sha256');
  for (const file of UI_FILES) addFile(hash, root, file);
  for (const folder of UI_FOLDERS) addFolder(hash, root, folder);
  return hash.digest('hex');
}

/** @param {string} root */
export function isBuilt(root) {
  const isCompiled = readStamp(root) === sourceFingerprint(root) && outputs(root).every((file) => fs.existsSync(join(root, file)));
  return isCompiled && isUiBuilt(root);
}

/** True where there are no pages, as in a checkout of the server alone. @param {string} root */
export function isUiBuilt(root) {
  if (!fs.existsSync(join(root, UI_FOLDER, 'package.json'))) return true;
  return readStamp(root, 'ui-build-stamp') === uiFingerprint(root) && fs.existsSync(join(root, UI_FOLDER, 'dist', 'index.html'));
}

/** Remembers that the sources with this fingerprint are built. Take the fingerprint before building. @param {string} root @param {string} fingerprint */
export function markBuilt(root, fingerprint) {
  writeStamp(root, 'build-stamp', fingerprint);
}

/** The same for the pages. @param {string} root @param {string} fingerprint */
export function markUiBuilt(root, fingerprint) {
  writeStamp(root, 'ui-build-stamp', fingerprint);
}

/** Files that a build leaves behind; a missing one means the stamp is not to be believed. @param {string} root */
function outputs(root) {
  return [
    ...workspaceFolders(root)
      .filter((workspace) => fs.existsSync(join(root, workspace, 'tsconfig.json')))
      .map((workspace) => `${workspace}/dist/index.js`),
    'packages/cli/dist/bundled-plugins.json',
  ];
}

/** @param {import('node:crypto').Hash} hash @param {string} root @param {string} folder */
function addFolder(hash, root, folder) {
  for (const entry of entriesIn(join(root, folder))) {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) {
      if (!FOLDERS_SKIPPED.has(entry.name)) addFolder(hash, root, path);
    } else if (!entry.name.endsWith('.test.ts')) {
      addFile(hash, root, path);
    }
  }
}

/** @param {import('node:crypto').Hash} hash @param {string} root @param {string} path */
function addFile(hash, root, path) {
  const stat = fs.statSync(join(root, path), { throwIfNoEntry: false });
  hash.update(`${path}\0${stat?.size ?? '-'}\0${stat?.mtimeMs ?? '-'}\n`);
}

/** @param {string} folder */
function namesIn(folder) {
  return entriesIn(folder).map((entry) => entry.name);
}

/** @param {string} folder */
function entriesIn(folder) {
  try {
    return fs.readdirSync(folder, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch {
    return []; // a workspace without sources yet, or a group that does not exist
  }
}

/** @param {string} root @param {string} name @param {string} fingerprint */
function writeStamp(root, name, fingerprint) {
  fs.mkdirSync(join(root, '.cache'), { recursive: true });
  fs.writeFileSync(join(root, '.cache', name), fingerprint);
}

/** @param {string} root @param {string} name */
function readStamp(root, name = 'build-stamp') {
  try {
    return fs.readFileSync(join(root, '.cache', name), 'utf8');
  } catch {
    return undefined;
  }
}
