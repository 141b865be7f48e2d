/** Who is really running: a pid in a file proves little, because pids are reused and dead children linger as zombies. */
import { readFile, readdir, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { errorCodeOf } from '../errors.ts';
import type { Layout } from './layout.ts';

/** True as well for a zombie, and for a process of somebody else. */
export function isProcessAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return errorCodeOf(error) === 'EPERM';
  }
}

/**
 * One process among all there ever were: `pid.start`, because pids are used again. Only Linux tells when a process started; elsewhere
 * the pid must do. Undefined when it is not running; a zombie is not.
 */
export async function nameProcess(pid: number): Promise<string | undefined> {
  if (process.platform !== 'linux') return isProcessAlive(pid) ? String(pid) : undefined;
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  // The name of the program comes second, in brackets, and may hold anything; state is the third field, the start the 22nd.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return stat === '' || fields[0] === 'Z' || fields[0] === 'X' ? undefined : `${pid}.${fields[19] ?? ''}`;
}

/** The first line of the lock file, and the folder of the socket it names. */
export interface LockFile {
  readonly content: string;
  readonly pid: number;
  readonly socket: string | undefined;
}

export async function readLockFile(layout: Layout): Promise<LockFile | undefined> {
  try {
    const content = await readFile(lockFilePath(layout), 'utf8');
    const lines = content.split('\n');
    return { content, pid: Number(lines[0]), socket: lines[4]?.trim() || undefined };
  } catch (error) {
    if (errorCodeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

export function lockFilePath(layout: Layout): string {
  return join(layout.data, 'postmaster.pid');
}

/**
 * Whether any PostgreSQL process works in the cluster. Linux tells by working folder, which no zombie has (by command line where
 * a container hides the folders of other users); elsewhere the pid of the lock file must do.
 */
export async function isClusterInUse(layout: Layout, lock: LockFile | undefined): Promise<boolean> {
  if (process.platform !== 'linux') return lock !== undefined && isProcessAlive(lock.pid);
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const uses = await Promise.all(pids.map((pid) => worksIn(pid, layout.data)));
  return uses.includes(true);
}

async function worksIn(pid: string, folder: string): Promise<boolean> {
  try {
    return (await readlink(`/proc/${pid}/cwd`)) === folder;
  } catch (error) {
    if (errorCodeOf(error) !== 'EACCES') return false;
    const commandLine = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    return commandLine.split('\0').includes(folder);
  }
}
