/**
 * Runs an installer or a build to its end, as part of this process: when this process is told to stop, or the npm that started it is
 * gone, the child and whatever it started stop too, so that a half-made install never goes on beside the next one.
 */
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { BootstrapError } from './say.mjs';
import { whenParentEnds } from '../../packages/cli/bin/stop-with-parent.mjs';

const STOPS = /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP']);

/**
 * @param {string} command
 * @param {string[]} args
 * @param {{ cwd: string, env?: NodeJS.ProcessEnv, shell?: boolean, showsOutput?: boolean }} options `showsOutput`: to standard error as it comes
 * @returns {Promise<{ status: number | null, isMissing: boolean, output: string }>} `isMissing`: there is no such command
 * @throws {BootstrapError} when this process was told to stop meanwhile
 */
export async function runChild(command, args, { cwd, env = process.env, shell = false, showsOutput = false }) {
  const hasGroups = process.platform !== 'win32';
  const child = spawn(command, args, {
    cwd,
    env,
    shell,
    detached: hasGroups,
    stdio: ['ignore', showsOutput ? 2 : 'pipe', showsOutput ? 2 : 'pipe'],
  });
  /** @type {NodeJS.Signals | undefined} */
  let stoppedBy;
  const stop = (/** @type {NodeJS.Signals} */ signal) => {
    stoppedBy ??= signal;
    if (child.pid === undefined || child.exitCode !== null) return;
    try {
      if (hasGroups) process.kill(-child.pid, signal);
      else child.kill(signal);
    } catch {
      // It has ended by itself in this moment; its end is told below.
    }
  };
  const listeners = STOPS.map((signal) => /** @type {const} */ ([signal, () => stop(signal)]));
  for (const [signal, listener] of listeners) process.on(signal, listener);
  const unwatch = whenParentEnds(() => stop('SIGTERM'));
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream?.setEncoding('utf8').on('data', (text) => (output += text));
  try {
    const status = await new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('close', resolve);
    });
    if (stoppedBy !== undefined) {
      throw new BootstrapError(`stopped by ${stoppedBy}`, 'Start the command again to go on.', 128 + constants.signals[stoppedBy]);
    }
    return { status, isMissing: false, output };
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code === 'ENOENT') return { status: null, isMissing: true, output };
    throw error;
  } finally {
    unwatch();
    for (const [signal, listener] of listeners) process.removeListener(signal, listener);
  }
}
