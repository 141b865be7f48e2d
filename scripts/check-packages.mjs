/**
 * Every package is presentable: a README, the licence, one version for all, exact versions of what it uses, and a door that says
 * what it is for and lists what it offers by name.
 */
import { join } from 'node:path';
import fs from 'node:fs';
import { UI_FOLDER, workspaceFolders } from './bootstrap/build-stamp.mjs';

/** @param {string} root @returns {string[]} problems, one line each */
export function findPackageProblems(root) {
  const { version } = JSON.parse(fs.readFileSync(join(root, 'lerna.json'), 'utf8'));
  const folders = [...workspaceFolders(root), UI_FOLDER].filter((folder) => fs.existsSync(join(root, folder, 'package.json')));
  const names = new Set(folders.map((folder) => readManifest(root, folder).name));
  return folders.flatMap((folder) => [
    ...manifestProblems(readManifest(root, folder), version, names).map((what) => `${folder}/package.json: ${what}`),
    ...(fs.existsSync(join(root, folder, 'README.md'))
      ? []
      : [`${folder}: README.md is missing; say in about a screen what it is for, what it is not, its door, and a short example`]),
    ...doorProblems(root, folder),
  ]);
}

/** @param {Record<string, any>} manifest @param {string} version @param {Set<string>} workspaces @returns {string[]} */
function manifestProblems(manifest, version, workspaces) {
  const problems = [];
  if (manifest['license'] !== 'Apache-2.0') problems.push('license is not Apache-2.0');
  if (manifest['version'] !== version)
    problems.push(`version is ${manifest['version']}; all workspaces have the version of lerna.json, ${version}`);
  if (typeof manifest['description'] !== 'string' || manifest['description'] === '') problems.push('description is missing');
  if (manifest['type'] !== 'module') problems.push('type is not "module"');
  for (const field of ['dependencies', 'devDependencies', 'optionalDependencies']) {
    for (const [name, wanted] of Object.entries(manifest[field] ?? {})) {
      if (!/^(npm:.+@)?\d+\.\d+\.\d+[\w.+-]*$/.test(wanted)) problems.push(`${field}: ${name} is "${wanted}"; give an exact version`);
      else if (workspaces.has(name) && wanted !== version)
        problems.push(`${field}: ${name} is ${wanted}; workspaces use each other at ${version}`);
    }
  }
  return problems;
}

/** @param {string} root @param {string} folder @returns {string[]} */
function doorProblems(root, folder) {
  // Nothing imports the pages; their door is the browser's.
  if (folder === UI_FOLDER) return [];
  const path = `${folder}/src/index.ts`;
  if (!fs.existsSync(join(root, path))) return [`${path} is missing: it is the door of the package`];
  const text = fs.readFileSync(join(root, path), 'utf8');
  const problems = [];
  if (!/^(#!.*\n)?\s*\/\*\*/.test(text)) problems.push(`${path}: starts with no doc comment; say what the package is for`);
  if (/^export \*/m.test(text)) problems.push(`${path}: has "export *"; list what the package offers by name`);
  if (/^export default\b/m.test(text)) problems.push(`${path}: has a default export; name it`);
  return problems;
}

/** @param {string} root @param {string} folder @returns {Record<string, any>} */
function readManifest(root, folder) {
  return JSON.parse(fs.readFileSync(join(root, folder, 'package.json'), 'utf8'));
}
