/**
 * What every root script runs: installs and builds what is missing, then does the work under the pinned Node.
 * Plain JavaScript for Node 20, without imports from node_modules, because it runs before anything is installed.
 *
 *   node scripts/bootstrap.mjs start | cli ARGS… | build | test | check | format
 */
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { handOver, plugboardArguments, workEnvironment } from '../packages/cli/bin/hand-over.mjs';
import { prepare } from './bootstrap/prepare.mjs';
import { BootstrapError, say, sayFailure } from './bootstrap/say.mjs';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const [command, ...args] = process.argv.slice(2);

/** Run with the work's own working folder: a relative data folder belongs to where the command was given. @type {Record<string, () => Promise<void>>} */
const commands = {
  start: () => runPlugboard(['start', ...args]),
  cli: () => runPlugboard(args),
  test: () => runScript('test.mjs'),
  check: () => runScript('check.mjs'),
  format: () => runScript('format.mjs'),
  async build() {
    await prepare(root, { build: true });
    say('the build is up to date');
  },
};

try {
  const work = command === undefined ? undefined : Object.hasOwn(commands, command) ? commands[command] : undefined;
  if (work === undefined) {
    throw new BootstrapError(`there is no command ${JSON.stringify(command ?? '')}`, `Choose one of: ${Object.keys(commands).join(', ')}.`);
  }
  await work();
} catch (error) {
  process.exitCode = sayFailure(error);
}

/** @param {string[]} words */
async function runPlugboard(words) {
  const node = await prepare(root, { build: true });
  handOver({ node, args: plugboardArguments(join(root, 'packages', 'cli'), words), env: workEnvironment(root, node) });
}

/** @param {string} script */
async function runScript(script) {
  const node = await prepare(root, { build: false });
  process.chdir(root);
  handOver({ node, args: [join(root, 'scripts', script), ...args], env: workEnvironment(root, node) });
}
