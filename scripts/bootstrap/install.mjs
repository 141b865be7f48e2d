/**
 * Brings node_modules in line with package-lock.json, and makes sure the pinned Node is really there.
 * `npm ci` runs only when what is installed differs from the lockfile; it uses the person's own npm configuration.
 */
import { createHash } from 'node:crypto';
import { spawnSync } from 'node:child_process';
import { basename, join } from 'node:path';
import fs from 'node:fs';
import { runChild } from './run-child.mjs';
import { BootstrapError, say } from './say.mjs';

const PLATFORM = `${process.platform}-${process.arch}`;

/** Where the pinned Node lies; it may not exist yet. @param {string} root */
export function pinnedNodePath(root) {
  return join(root, 'node_modules', 'node', 'bin', process.platform === 'win32' ? 'node.exe' : 'node');
}

/** True when nothing has to be installed. Reads, and writes only the stamp. @param {string} root */
export function isInstalled(root) {
  if (!fs.existsSync(pinnedNodePath(root))) return false;
  const wanted = stampOf(root);
  if (readText(stampFile(root)) === wanted) return true;
  // No stamp of ours: someone ran npm by hand. Their work counts when npm's own record agrees with the lockfile.
  if (!agreesWithLockfile(root)) return false;
  writeStamp(root, wanted);
  return true;
}

/** Installs what is missing. Call it under the lock. @param {string} root */
export async function install(root) {
  if (!agreesWithLockfile(root)) {
    say(
      fs.existsSync(join(root, 'node_modules'))
        ? 'package-lock.json changed: installing packages again (npm ci)'
        : 'installing packages (npm ci); the first time takes about a minute',
    );
    await runNpm(root, [
      'ci',
      '--include=dev',
      '--include=optional',
      '--engine-strict=false',
      '--no-audit',
      '--no-fund',
      '--loglevel=error',
    ]);
  }
  await installPinnedNode(root);
  writeStamp(root, stampOf(root));
}

/** npm may be set to run no install scripts; the package `node` needs its own to fetch the binary, so it is run here. @param {string} root */
async function installPinnedNode(root) {
  const node = pinnedNodePath(root);
  const folder = join(root, 'node_modules', 'node');
  const wanted = JSON.parse(fs.readFileSync(join(folder, 'package.json'), 'utf8')).version;
  if (!fs.existsSync(node)) {
    say(`fetching Node ${wanted} for this clone (npm ran no install script for it)`);
    // The running Node may be the pinned one, which npm ci has just removed.
    const running = fs.existsSync(process.execPath) ? process.execPath : 'node';
    const { output } = await runChild(running, ['installArchSpecificPackage.js'], { cwd: folder });
    if (!fs.existsSync(node)) throw noPinnedNode(wanted, output);
  }
  const probe = spawnSync(node, ['--version'], { encoding: 'utf8' });
  if (probe.status !== 0) throw noPinnedNode(wanted, probe.stderr || String(probe.error?.message ?? ''));
}

/** @param {string} version @param {string} output */
function noPinnedNode(version, output) {
  return new BootstrapError(
    `Node ${version} could not be set up for ${PLATFORM}`,
    `${lastLines(output, 12)}\nThe npm package "node" brings it from your registry. Check that the registry is reachable and that this platform has a build (musl has none), then try again.`,
  );
}

/** @param {string} root @param {string[]} args */
async function runNpm(root, args) {
  // Under `npm start` this is the npm that is running; otherwise the one on PATH. Another package manager's own path is not used.
  const running = process.env.npm_execpath;
  const isNpm = running !== undefined && basename(running) === 'npm-cli.js' && fs.existsSync(running);
  const [command, prefix] = isNpm ? [process.execPath, [running]] : ['npm', []];
  const { status, isMissing, output } = await runChild(command, [...prefix, ...args], {
    cwd: root,
    shell: !isNpm && process.platform === 'win32',
  });
  if (isMissing)
    throw new BootstrapError('npm was not found', 'Install npm (it comes with Node) so that `npm` is on PATH, then try again.');
  if (status !== 0) throw new BootstrapError(`npm ci failed (exit code ${status})`, `${firstLines(output, 12)}\n${npmHint(output)}`);
}

/** @param {string} output */
function npmHint(output) {
  if (/ENOTFOUND|ECONNREFUSED|ETIMEDOUT|EAI_AGAIN|ECONNRESET|ENETUNREACH/.test(output)) {
    return 'The registry cannot be reached. Check the network, or name your own with `npm config set registry URL`.';
  }
  if (/E401|E403|ENEEDAUTH/.test(output)) return 'The registry wants you to sign in: `npm login`, or put a token in your .npmrc.';
  if (/EACCES|EPERM|EROFS/.test(output))
    return 'This clone, or the npm cache, is not writable for the current user. Change its owner, or clone it again as this user.';
  if (/ENOSPC/.test(output)) return 'The disk is full.';
  if (/EUSAGE|in sync/.test(output)) return 'package.json and package-lock.json disagree: run `npm install` and commit the lockfile.';
  return 'Mend what npm names above, then run the command again.';
}

/**
 * Does npm's own record of what it installed hold every package of the lockfile at its version? Packages for other platforms may be absent.
 * @param {string} root
 */
function agreesWithLockfile(root) {
  const wanted = packagesOf(join(root, 'package-lock.json'));
  const found = packagesOf(join(root, 'node_modules', '.package-lock.json'));
  if (wanted === undefined || found === undefined) return false;
  if (!fs.existsSync(join(root, 'node_modules', '@esbuild', PLATFORM))) return false; // installed on another platform
  return Object.entries(wanted).every(([path, entry]) => {
    if (!path.startsWith('node_modules/')) return true;
    const other = found[path];
    if (other === undefined) return entry.optional === true || entry.peer === true;
    return other.version === entry.version && other.integrity === entry.integrity && other.link === entry.link;
  });
}

/**
 * @param {string} file
 * @returns {Record<string, { version?: string, integrity?: string, link?: boolean, optional?: boolean, peer?: boolean }> | undefined}
 */
function packagesOf(file) {
  const text = readText(file);
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text).packages;
  } catch {
    return undefined; // cut short by a killed npm
  }
}

/** @param {string} root */
function stampFile(root) {
  return join(root, 'node_modules', '.plugboard-install.json');
}

/** @param {string} root */
function stampOf(root) {
  const lockfile = readText(join(root, 'package-lock.json'));
  if (lockfile === undefined)
    throw new BootstrapError('package-lock.json is missing', 'Restore it from the repository: it pins every package.');
  return JSON.stringify({ lockfile: createHash('sha256').update(lockfile).digest('hex'), platform: PLATFORM });
}

/** @param {string} root @param {string} stamp */
function writeStamp(root, stamp) {
  try {
    fs.writeFileSync(stampFile(root), stamp);
  } catch {
    // A clone that only its owner may write to: the comparison above is made again next time, and that is all.
  }
}

/** npm says first what is wrong, then how it is used. @param {string} text @param {number} count */
function firstLines(text, count) {
  const lines = text.split('\n').filter((line) => !/^(npm error)?\s*(at .*)?$/.test(line));
  return lines.slice(0, count).join('\n');
}

/** @param {string} text @param {number} count */
function lastLines(text, count) {
  return text.trimEnd().split('\n').slice(-count).join('\n');
}

/** @param {string} file */
function readText(file) {
  try {
    return fs.readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
