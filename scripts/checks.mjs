/** Everything about the repository that a machine can judge without running it. `npm run check` runs these; so does `npm test`. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { findArrowProblems } from './check-arrows.mjs';
import { findLicenceProblems } from './check-licences.mjs';
import { findPackageProblems } from './check-packages.mjs';
import { findPromiseProblems } from './check-promises.mjs';
import { findTreeProblems } from './check-tree.mjs';

/** @typedef {{ name: string, run: (root: string) => string[] }} Check `run` gives problems, one text each */

/** In the order they run: the build first, because the others read what it made. @type {readonly Check[]} */
export const checks = [
  { name: 'build', run: (root) => tool(root, [join('scripts', 'bootstrap.mjs'), 'build']) },
  {
    name: 'types of tests and scripts',
    run: (root) => tool(root, [join('node_modules', 'typescript', 'bin', 'tsc'), '-p', 'tsconfig.tests.json']),
  },
  { name: 'types of the pages', run: (root) => tool(root, [join('ui', 'scripts', 'types.mjs')]) },
  { name: 'format', run: (root) => tool(root, [join('node_modules', 'oxfmt', 'bin', 'oxfmt'), '--check', '.']) },
  { name: 'lint', run: (root) => tool(root, [join('node_modules', 'oxlint', 'bin', 'oxlint'), '.']) },
  { name: 'arrows', run: findArrowProblems },
  { name: 'packages', run: findPackageProblems },
  { name: 'licences', run: findLicenceProblems },
  { name: 'promises', run: findPromiseProblems },
  { name: 'tree', run: findTreeProblems },
];

/**
 * Runs all checks, says how each went, and gives the number of those that failed.
 * @param {string} root @returns {number}
 */
export function runChecks(root) {
  let failed = 0;
  for (const { name, run } of checks) {
    const startedAt = performance.now();
    const problems = run(root);
    const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
    process.stdout.write(`${problems.length === 0 ? 'ok    ' : 'FAILED'} ${name} (${seconds} s)\n`);
    for (const problem of problems) process.stdout.write(`${problem.trimEnd().replace(/^/gm, '       ')}\n`);
    if (problems.length > 0) failed += 1;
  }
  return failed;
}

/** @param {string} root @param {string[]} args @returns {string[]} */
function tool(root, args) {
  const result = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });
  if (result.status === 0) return [];
  return [`${result.stdout ?? ''}${result.stderr ?? ''}` || `stopped: ${result.error?.message ?? result.signal}`];
}
