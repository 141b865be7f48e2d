/**
 * One running postmaster, from spawn to exit. A small shell stands between it and us: when our end of its pipe closes, because
 * this process stopped or was killed, it shuts PostgreSQL down in good order.
 */
import type { ChildProcess } from 'node:child_process';
import { open, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Binaries } from './binaries.ts';
import type { SpawnIdentity } from './identity.ts';
import type { Layout } from './layout.ts';
import { readLockFile } from './processes.ts';
import { spawnAs } from './run-program.ts';

/**
 * `$@` is the postmaster. Its watcher waits for the end of our pipe, into which nothing is ever written, and then asks for a
 * fast shutdown; it is stopped when the postmaster ends first, so that it never signals a pid that is somebody else's by then.
 */
const WATCHDOG = [
  'exec 3<&0',
  '"$@" </dev/null 3<&- & p=$!',
  // Again and again: a shell starts its background jobs deaf to SIGINT, and PostgreSQL does not listen yet in its first moments.
  '(read -r line <&3; while kill -INT $p 2>/dev/null; do sleep 0.2 2>/dev/null || sleep 1; done) & w=$!',
  'exec 3<&-',
  'wait $p; s=$?',
  'kill $w 2>/dev/null',
  'exit $s',
].join('\n');

const SETTINGS: { readonly [name: string]: string } = {
  listen_addresses: '',
  port: '5432',
  unix_socket_permissions: '0700',
  max_connections: '50',
  shared_buffers: '128MB',
  // Bounds the disk that changes take between checkpoints.
  max_wal_size: '512MB',
  min_wal_size: '64MB',
  fsync: 'on',
  synchronous_commit: 'on',
  full_page_writes: 'on',
  jit: 'off',
  timezone: 'UTC',
  log_timezone: 'UTC',
  // One file per weekday, overwritten a week later. Statements stay out of the log: they may hold what people keep secret.
  logging_collector: 'on',
  log_filename: 'postgres-%a.log',
  log_truncate_on_rotation: 'on',
  log_rotation_age: '1d',
  log_rotation_size: '0',
  log_file_mode: '0600',
  log_line_prefix: '%m [%p] ',
  log_min_messages: 'warning',
  log_min_error_statement: 'panic',
  log_checkpoints: 'off',
};

export interface Postmaster {
  readonly process: ChildProcess;
  /** Resolves when it has ended, with the last lines it wrote. */
  readonly exited: Promise<string>;
  hasExited(): boolean;
}

/** The setting in which a postmaster tells whoever connects which start made it. */
export const STARTED_BY = 'plugboard.started_by';

/** @param startedBy names this start among all; of letters, digits, dots and hyphens */
export function spawnPostmaster(layout: Layout, binaries: Binaries, identity: SpawnIdentity, startedBy: string): Postmaster {
  // The setting is a list: quotes keep a folder with a comma in its name in one piece.
  const socketFolder = `"${layout.socket.replaceAll('"', '""')}"`;
  const settings = { ...SETTINGS, unix_socket_directories: socketFolder, log_directory: layout.log, [STARTED_BY]: startedBy };
  const command = [
    '/bin/sh',
    '-c',
    WATCHDOG,
    'sh',
    ...identity.wrapper,
    binaries.postgres,
    '-D',
    layout.data,
    ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
  ];
  const child = spawnAs(identity, command, ['pipe', 'ignore', 'pipe']);
  let hasExited = false;
  let stderr = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    stderr = (stderr + chunk.toString()).slice(-4000);
  });
  // The pipe breaks when the shell is gone; its exit tells the story.
  child.stdin?.on('error', () => {});

  const exited = new Promise<string>((resolve) => {
    const end = (how: string): void => {
      if (hasExited) return;
      hasExited = true;
      child.stdin?.destroy();
      void logTail(layout).then((tail) => resolve([how, stderr.trim(), tail].filter(Boolean).join('\n')));
    };
    child.once('error', (error) => end(`PostgreSQL could not be started: ${error.message}`));
    child.once('exit', (code, signal) => end(`PostgreSQL ended (${signal ?? `code ${code ?? '?'}`})`));
  });
  return { process: child, exited, hasExited: () => hasExited };
}

/** Asks a postmaster to stop, ever less politely; resolves when nothing of it is left or nothing more can be done. */
export async function stopPostmaster(layout: Layout, isGone: () => Promise<boolean> | boolean): Promise<void> {
  const steps: readonly [NodeJS.Signals, number][] = [
    ['SIGINT', 15_000],
    ['SIGQUIT', 5_000],
    ['SIGKILL', 2_000],
  ];
  for (const [signal, patienceMs] of steps) {
    const lock = await readLockFile(layout);
    if (lock && lock.pid > 1 && !(await isGone())) {
      try {
        process.kill(lock.pid, signal);
      } catch {
        // It ended between the look and the signal.
      }
    }
    const giveUpAt = performance.now() + patienceMs;
    while (performance.now() < giveUpAt) {
      if (await isGone()) return;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
}

/** The last lines of the newest log file. */
async function logTail(layout: Layout): Promise<string> {
  try {
    const files = await Promise.all(
      (await readdir(layout.log)).map(async (name) => {
        const path = join(layout.log, name);
        const { mtimeMs, size } = await stat(path);
        return { path, mtimeMs, size };
      }),
    );
    const newest = files.toSorted((a, b) => b.mtimeMs - a.mtimeMs)[0];
    if (!newest) return '';
    const file = await open(newest.path);
    try {
      const length = Math.min(newest.size, 1500);
      const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, newest.size - length);
      return buffer.subarray(0, bytesRead).toString().trim();
    } finally {
      await file.close();
    }
  } catch {
    // The log is for people; being without it must not hide why PostgreSQL ended.
    return '';
  }
}
