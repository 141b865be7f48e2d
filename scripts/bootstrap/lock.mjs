/**
 * One bootstrap at a time per clone. The lock is a file made by a hard link, so it appears whole or not at all; it names its
 * holder, so a lock left by a killed process is recognised and taken over.
 */
import { hostname } from 'node:os';
import { join } from 'node:path';
import fs from 'node:fs';
import { BootstrapError, say } from './say.mjs';

const POLL_MS = 200;
const LONGEST_WAIT_MS = 20 * 60_000;

/**
 * Runs `work` while holding the lock; waits for another holder first.
 * @template T
 * @param {string} root
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function withLock(root, work) {
  const folder = join(root, '.cache');
  const file = join(folder, 'bootstrap.lock');
  fs.mkdirSync(folder, { recursive: true });
  const mine = JSON.stringify({ host: hostname(), pid: process.pid, started: startOf(process.pid) });
  await acquire(file, mine);
  const release = () => {
    if (readText(file) === mine) fs.rmSync(file, { force: true });
  };
  process.once('exit', release);
  try {
    return await work();
  } finally {
    process.removeListener('exit', release);
    release();
  }
}

/** @param {string} file @param {string} mine */
async function acquire(file, mine) {
  const deadline = performance.now() + LONGEST_WAIT_MS;
  let isTold = false;
  while (!tryTake(file, mine)) {
    const holder = readText(file);
    if (holder === undefined) continue;
    if (isGone(holder)) {
      takeAway(file, holder);
      continue;
    }
    if (!isTold) say(`another plugboard command is preparing this clone (process ${parse(holder).pid}); waiting for it`);
    isTold = true;
    if (performance.now() > deadline) {
      throw new BootstrapError(
        'another plugboard command has been preparing this clone for 20 minutes',
        `If none is running, delete ${file} and try again.`,
      );
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

/** @param {string} file @param {string} mine */
function tryTake(file, mine) {
  const draft = `${file}.${process.pid}`;
  fs.writeFileSync(draft, mine);
  try {
    fs.linkSync(draft, file);
    return true;
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code === 'EEXIST') return false;
    throw error;
  } finally {
    fs.rmSync(draft, { force: true });
  }
}

/**
 * Removes a dead holder's lock. Between reading and moving it another waiter may have taken over: what was moved is read again
 * and put back when it is not the dead one's.
 * @param {string} file @param {string} holder
 */
function takeAway(file, holder) {
  const moved = `${file}.stale.${process.pid}`;
  try {
    fs.renameSync(file, moved);
  } catch {
    return; // another waiter was first
  }
  if (readText(moved) !== holder) {
    try {
      fs.linkSync(moved, file);
    } catch {
      // A third process holds it by now; the moved holder finishes its own work all the same, and both only write what they verified.
    }
  }
  fs.rmSync(moved, { force: true });
}

/** @param {string} holder */
function isGone(holder) {
  const { host, pid, started } = parse(holder);
  if (host !== hostname()) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    return /** @type {NodeJS.ErrnoException} */ (error).code === 'ESRCH';
  }
  return startOf(pid) !== started;
}

/** @param {string} holder @returns {{ host: string, pid: number, started: string }} */
function parse(holder) {
  try {
    const { host, pid, started } = JSON.parse(holder);
    return { host, pid, started };
  } catch {
    return { host: hostname(), pid: 0x7fffffff, started: '' }; // no holder ever wrote this: treat it as gone
  }
}

/** When a process started, in clock ticks since boot, where the system tells; it tells a recycled process id from the old one. @param {number} pid */
function startOf(pid) {
  const stat = readText(`/proc/${pid}/stat`);
  return stat === undefined ? '' : (stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '');
}

/** @param {string} file */
function readText(file) {
  try {
    return fs.readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
