/**
 * What ships with Plugboard may be given on under Apache-2.0: every production dependency of the lockfile has a licence from a short
 * list. A package for another platform is read from the lockfile, an installed one from its own manifest.
 */
import { join } from 'node:path';
import fs from 'node:fs';

const ALLOWED = new Set([
  'MIT',
  'MIT-0',
  'ISC',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'Apache-2.0',
  '0BSD',
  'CC0-1.0',
  'BlueOak-1.0.0',
  'Unlicense',
  'PostgreSQL',
  'Python-2.0',
  'OFL-1.1',
]);

/** @typedef {{ version?: string, license?: string, dev?: boolean, devOptional?: boolean, link?: boolean, optional?: boolean }} LockEntry */

/** @param {string} root @returns {string[]} problems, one line each */
export function findLicenceProblems(root) {
  /** @type {Record<string, LockEntry>} */
  const packages = JSON.parse(fs.readFileSync(join(root, 'package-lock.json'), 'utf8')).packages;
  return Object.entries(packages).flatMap(([path, entry]) => {
    if (!path.includes('node_modules/') || entry.dev === true || entry.link === true) return [];
    const licence = licenceOf(root, path) ?? entry.license;
    const name = path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
    if (licence === undefined) return entry.optional === true ? [] : [`${name}@${entry.version}: names no licence; read it, then decide`];
    return isAllowed(licence) ? [] : [`${name}@${entry.version}: licence ${licence} is not on the list in scripts/check-licences.mjs`];
  });
}

/**
 * SPDX expressions as they occur: one name, `(A OR B)` where one is enough, `A AND B` where all are needed.
 * @param {string} expression
 */
export function isAllowed(expression) {
  const bare = expression.trim().replace(/^\((.*)\)$/, '$1');
  if (/ OR /.test(bare)) return bare.split(' OR ').some((part) => ALLOWED.has(part.trim()));
  return bare.split(' AND ').every((part) => ALLOWED.has(part.trim()));
}

/** @param {string} root @param {string} path @returns {string | undefined} */
function licenceOf(root, path) {
  const file = join(root, path, 'package.json');
  if (!fs.existsSync(file)) return undefined;
  const { license, licenses } = JSON.parse(fs.readFileSync(file, 'utf8'));
  // Older manifests give an object or a list.
  const text = (/** @type {unknown} */ value) =>
    typeof value === 'string' ? value : /** @type {{ type?: string } | undefined} */ (value)?.type;
  return text(license) ?? (Array.isArray(licenses) ? licenses.map(text).join(' OR ') : undefined);
}
