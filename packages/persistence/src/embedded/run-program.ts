/** Starting PostgreSQL's programs as the chosen user, with an environment that holds none of the server's secrets. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import type { SpawnIdentity } from './identity.ts';

/** Messages of PostgreSQL are read and shown: keep them in one language. */
function environment(): NodeJS.ProcessEnv {
  return { LC_ALL: 'C', TZ: 'UTC', PATH: process.env['PATH'] };
}

export function spawnAs(identity: SpawnIdentity, command: readonly string[], stdio: ('pipe' | 'ignore')[]): ChildProcess {
  const [program = '', ...args] = command;
  return spawn(program, args, {
    ...identity.spawnAs,
    env: environment(),
    cwd: '/',
    // A group of its own: Ctrl-C goes to the server, which stops the database after its own work.
    detached: true,
    stdio,
  });
}

/** Runs a program to its end; gives its exit code (null for a signal) and what it wrote. */
export function runToEnd(
  identity: SpawnIdentity,
  command: readonly string[],
  input = '',
): Promise<{ code: number | null; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawnAs(identity, [...identity.wrapper, ...command], ['pipe', 'pipe', 'pipe']);
    let output = '';
    const collect = (chunk: Buffer): void => {
      output = (output + chunk.toString()).slice(-8000);
    };
    child.stdout?.on('data', collect);
    child.stderr?.on('data', collect);
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, output }));
    // A program that ends before it has read everything breaks the pipe; its exit code tells the story.
    child.stdin?.on('error', () => {});
    child.stdin?.end(input);
  });
}
