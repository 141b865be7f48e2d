/**
 * The repository stands on its own: nothing in it names the machine it was made on or the registry it was installed from, and its
 * lockfile installs anywhere.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import fs from 'node:fs';
import { missingPlatformPackages } from './complete-lockfile.mjs';

/** Folders of the machine, and registry hosts. Written so that this file does not match itself. */
const MACHINE = [/\/(?:work|root)\/[\w.-]+/, /\/tmp\/(?:team|bash_jobs)/, /registry\.npmj[s]/, /\bdeb\.debia[n]/];
const LARGEST_TEXT_BYTES = 2 * 1024 * 1024;

/** @param {string} root @returns {string[]} problems, one line each */
export function findTreeProblems(root) {
  return [...filesOf(root).flatMap((path) => machineNames(root, path)), ...lockfileProblems(root)];
}

/** @param {string} root @param {string} path @returns {string[]} */
function machineNames(root, path) {
  const file = join(root, path);
  const stat = fs.lstatSync(file, { throwIfNoEntry: false });
  if (stat === undefined || !stat.isFile() || stat.size > LARGEST_TEXT_BYTES) return [];
  const text = fs.readFileSync(file, 'utf8');
  if (text.includes('\0') || !MACHINE.some((pattern) => pattern.test(text))) return [];
  return text.split('\n').flatMap((line, index) => {
    const found = MACHINE.map((pattern) => pattern.exec(line)?.[0]).find((match) => match !== undefined);
    return found === undefined ? [] : [`${path}:${index + 1}: names this machine or a registry: ${found}`];
  });
}

/** @param {string} root @returns {string[]} */
function lockfileProblems(root) {
  /** @type {Record<string, import('./complete-lockfile.mjs').LockEntry>} */
  const packages = JSON.parse(fs.readFileSync(join(root, 'package-lock.json'), 'utf8')).packages;
  const addressed = Object.entries(packages).filter(([, entry]) => entry.resolved !== undefined && entry.link !== true);
  const problems = addressed.map(([path]) => `package-lock.json: ${path} has a download address; install with the repository's .npmrc`);
  const missing = missingPlatformPackages(packages);
  if (missing.length > 0)
    problems.push(
      `package-lock.json: ${missing.length} platform packages are missing, npm ci would refuse it; run node scripts/complete-lockfile.mjs`,
    );
  return problems;
}

/** Tracked and new files, as git sees them; all files where there is no git. @param {string} root @returns {string[]} */
function filesOf(root) {
  const listed = spawnSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  if (listed.status === 0) return listed.stdout.split('\0').filter((path) => path !== '');
  const skipped = new Set(['node_modules', 'dist', '.git', '.cache', 'data', 'coverage']);
  /** @param {string} folder @returns {string[]} */
  const walk = (folder) =>
    fs.readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
      if (entry.isDirectory()) return skipped.has(entry.name) ? [] : walk(path);
      return [path];
    });
  return walk('');
}
