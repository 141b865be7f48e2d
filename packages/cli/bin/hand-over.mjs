/**
 * Gives the terminal to the real work. Where the running Node can replace itself it does, so signals, exit code and process id
 * are the work's own. An older Node stays as a thin parent that passes signals and the exit code on.
 */
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import fs from 'node:fs';
import { whenParentEnds } from './stop-with-parent.mjs';

const PRELOAD = new URL('./preload-stop-with-parent.mjs', import.meta.url).href;

/** A signal that arrives twice within this time is one signal: npm passes on what the terminal has already sent to everyone. */
const SAME_SIGNAL_MS = 500;
const PASSED_ON = /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT']);

/**
 * Never returns while the work runs; ends this process with the work's exit code or signal.
 * @param {{ node: string, args: string[], env: NodeJS.ProcessEnv }} work
 */
export function handOver({ node, args, env }) {
  const watchingArgs = ['--import', PRELOAD, ...args];
  if (typeof process.execve === 'function' && process.platform !== 'win32') {
    const isUnderNpm = process.env.npm_lifecycle_event !== undefined;
    process.execve(node, [node, ...(isUnderNpm ? watchingArgs : args)], definedOnly(env));
  }
  const child = spawn(node, watchingArgs, { stdio: 'inherit', env });
  passSignalsTo(child);
  whenParentEnds(() => child.kill('SIGTERM'));
  child.once('error', (error) => {
    process.stderr.write(`plugboard: ${node} could not be started: ${error.message}\n`);
    process.exit(1);
  });
  child.once('exit', (code, signal) => {
    if (signal === null) process.exit(code ?? 1);
    for (const name of PASSED_ON) process.removeAllListeners(name);
    process.kill(process.pid, signal);
    // Some signals are ignored by this process; then the shell's convention tells the same.
    setTimeout(() => process.exit(128 + (constants.signals[signal] ?? 0)), 100);
  });
}

/**
 * The environment of the work: the pinned Node first on PATH, and compiled code kept between starts.
 * @param {string} root folder whose node_modules holds the caches
 * @param {string} node
 */
export function workEnvironment(root, node) {
  const bin = join(root, 'node_modules', '.bin');
  return {
    ...process.env,
    PATH: [dirname(node), bin, process.env.PATH ?? ''].join(delimiter),
    NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE ?? join(root, 'node_modules', '.cache', 'plugboard-compile'),
  };
}

/**
 * The command line of `plugboard` under the pinned Node.
 * SIGUSR1 would open the inspector to any process of the same user, plugins and code steps included.
 * @param {string} cli folder of the cli package
 * @param {string[]} words
 */
export function plugboardArguments(cli, words) {
  // What Node still calls experimental (dropping TypeScript types) is pinned with the runtime and covered by tests.
  return ['--disable-sigusr1', '--disable-warning=ExperimentalWarning', join(cli, 'dist', 'main.js'), ...words];
}

/** @param {import('node:child_process').ChildProcess} child */
function passSignalsTo(child) {
  /** @type {Map<string, number>} */
  const lastAt = new Map();
  for (const name of PASSED_ON) {
    process.on(name, () => {
      const now = performance.now();
      const isRepeat = now - (lastAt.get(name) ?? -Infinity) < SAME_SIGNAL_MS;
      lastAt.set(name, now);
      if (isRepeat || ((name === 'SIGINT' || name === 'SIGQUIT') && isTerminalForeground())) return;
      child.kill(name);
    });
  }
}

/** In the foreground of a terminal, Ctrl-C reaches the child from the terminal itself. */
function isTerminalForeground() {
  try {
    const stat = fs.readFileSync('/proc/self/stat', 'utf8');
    const [, , group, , terminal, foreground] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return terminal !== '0' && group === foreground;
  } catch {
    return process.stdin.isTTY === true;
  }
}

/** @param {NodeJS.ProcessEnv} env @returns {Record<string, string>} */
function definedOnly(env) {
  return Object.fromEntries(Object.entries(env).flatMap(([key, value]) => (value === undefined ? [] : [[key, value]])));
}
