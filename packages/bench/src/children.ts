/** Every process a measurement starts, so that none outlives it: not on Ctrl-C, not when the measuring process is killed. */
import { type ChildProcess, fork, spawn } from 'node:child_process';
import { extname } from 'node:path';

export interface Children {
  /** Starts one of the files beside this one, with a message channel; it ends when the channel does. */
  fork(name: 'load-child' | 'floor-child' | 'counter-child' | 'live-child'): ChildProcess;
  /** Starts a program in a process group of its own: Ctrl-C in the terminal reaches it through us, in order. Its output is read by the caller. */
  spawn(command: string, args: readonly string[], env: NodeJS.ProcessEnv): ChildProcess;
  /** SIGTERM, and SIGKILL for what is still there after `graceMs`. */
  stopAll(graceMs?: number): Promise<void>;
  /** SIGKILL, at once. */
  killAll(): void;
}

/** How long a child may take to stop in order, in milliseconds. */
export const STOP_GRACE_MS = 20_000;

export function createChildren(): Children {
  const running = new Set<ChildProcess>();
  const keep = (child: ChildProcess): ChildProcess => {
    running.add(child);
    child.once('exit', () => running.delete(child));
    child.once('error', () => running.delete(child));
    return child;
  };
  return {
    fork(name) {
      const file = new URL(`./${name}${extname(import.meta.url)}`, import.meta.url);
      return keep(fork(file, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'], detached: true }));
    },
    spawn: (command, args, env) => keep(spawn(command, args, { env, stdio: ['ignore', 'pipe', 'pipe'], detached: true })),
    async stopAll(graceMs = STOP_GRACE_MS) {
      await Promise.all([...running].map((child) => stopChild(child, graceMs)));
    },
    killAll() {
      for (const child of running) child.kill('SIGKILL');
    },
  };
}

/** Resolves once the child is gone. */
export function stopChild(child: ChildProcess, graceMs = STOP_GRACE_MS): Promise<void> {
  if (hasEnded(child)) return Promise.resolve();
  return new Promise((resolve) => {
    const force = setTimeout(() => child.kill('SIGKILL'), graceMs);
    child.once('exit', () => {
      clearTimeout(force);
      resolve();
    });
    child.kill('SIGTERM');
  });
}

export function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null || child.pid === undefined;
}

/** The port a forked child tells once it listens. @throws Error when it ends first */
export function portOf(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once('message', (message) => resolve((message as { port: number }).port));
    child.once('exit', (code, signal) => reject(new Error(`a child of the bench ended at its start (${signal ?? code})`)));
  });
}
