/**
 * Makes `npm ci` accept package-lock.json on every machine. Native tools come as one optional package per platform; npm leaves out
 * those that the registry in use does not carry, and then refuses its own lockfile. This adds the missing entries: name, exact
 * version and platform, as the package that lists them says. Run it after `npm install` when `npm run check` asks for it.
 */
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import fs from 'node:fs';

/** @typedef {{ version?: string, resolved?: string, link?: boolean, dev?: boolean, optional?: boolean, os?: string[], cpu?: string[], libc?: string[], optionalDependencies?: Record<string, string> }} LockEntry */

const OS = ['aix', 'android', 'darwin', 'freebsd', 'linux', 'netbsd', 'openbsd', 'openharmony', 'sunos', 'win32'];
const CPU = ['arm64', 'arm', 'ia32', 'loong64', 'mips64el', 'ppc64', 'riscv64', 's390x', 'x64'];

/**
 * Optional platform packages that an installed package lists with an exact version and the lockfile does not hold.
 * @param {Record<string, LockEntry>} packages the lockfile's `packages`
 * @returns {{ path: string, entry: LockEntry }[]}
 */
export function missingPlatformPackages(packages) {
  return Object.entries(packages).flatMap(([parentPath, parent]) =>
    Object.entries(parent.optionalDependencies ?? {}).flatMap(([name, version]) => {
      if (!/^\d/.test(version) || isHeld(packages, parentPath, name)) return [];
      const platform = platformOf(name);
      if (platform === undefined) return [];
      /** @type {LockEntry} */
      const entry = {
        version,
        cpu: [platform.cpu],
        ...(parent.dev === true ? { dev: true } : {}),
        ...platform.libc,
        optional: true,
        os: [platform.os],
      };
      return [{ path: `node_modules/${name}`, entry }];
    }),
  );
}

/** Is a package found from its parent's folder upwards, as Node looks for it? @param {Record<string, LockEntry>} packages @param {string} parentPath @param {string} name */
function isHeld(packages, parentPath, name) {
  for (let folder = parentPath; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf('/node_modules/')))) {
    if (packages[`${folder === '' ? '' : `${folder}/`}node_modules/${name}`] !== undefined) return true;
    if (!folder.includes('/node_modules/')) return packages[`node_modules/${name}`] !== undefined;
  }
}

/** `@oxlint/binding-linux-arm64-musl` names its platform; a package that does not (WebAssembly) gives undefined. @param {string} name */
function platformOf(name) {
  const words = name.slice(name.indexOf('/') + 1).split('-');
  const os = words.find((word) => OS.includes(word));
  const cpu = words.find((word) => CPU.includes(word));
  if (os === undefined || cpu === undefined) return undefined;
  const isMusl = words.some((word) => word.startsWith('musl'));
  const isGlibc = words.some((word) => word.startsWith('gnu'));
  return { os, cpu, libc: os !== 'linux' ? {} : isMusl ? { libc: ['musl'] } : isGlibc ? { libc: ['glibc'] } : {} };
}

if (process.argv[1] !== undefined && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const file = join(dirname(fileURLToPath(import.meta.url)), '..', 'package-lock.json');
  const lockfile = JSON.parse(fs.readFileSync(file, 'utf8'));
  const missing = missingPlatformPackages(lockfile.packages);
  for (const { path, entry } of missing) lockfile.packages[path] = entry;
  const sorted = Object.entries(lockfile.packages).sort(([a], [b]) => a.localeCompare(b, 'en'));
  lockfile.packages = Object.fromEntries(sorted);
  if (missing.length > 0) fs.writeFileSync(file, `${JSON.stringify(lockfile, null, 2)}\n`);
  process.stdout.write(
    missing.length === 0 ? 'package-lock.json is complete\n' : `added ${missing.length} platform packages to package-lock.json\n`,
  );
}
