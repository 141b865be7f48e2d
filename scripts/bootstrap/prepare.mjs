/** Brings a clone to the point where a command can run: packages installed, sources built. Does nothing, quickly, when all is there. */
import { join } from 'node:path';
import { isBuilt } from './build-stamp.mjs';
import { install, isInstalled, pinnedNodePath } from './install.mjs';
import { withLock } from './lock.mjs';
import { runChild } from './run-child.mjs';
import { BootstrapError, say } from './say.mjs';
import { workEnvironment } from '../../packages/cli/bin/hand-over.mjs';

const OLDEST_NODE = 20;

/**
 * @param {string} root
 * @param {{ build: boolean }} wanted `build: false` only installs
 * @returns {Promise<string>} path of the Node to run the work with
 */
export async function prepare(root, wanted) {
  if (Number(process.versions.node.split('.')[0]) < OLDEST_NODE) {
    throw new BootstrapError(
      `Node ${process.versions.node} is too old`,
      `Plugboard needs any Node from ${OLDEST_NODE} on to start; it brings the one it runs on itself.`,
    );
  }
  const isReady = () => isInstalled(root) && (!wanted.build || isBuilt(root));
  if (!isReady()) {
    await withLock(root, async () => {
      if (!isInstalled(root)) await install(root);
      if (wanted.build && !isBuilt(root)) await build(root);
    });
  }
  return pinnedNodePath(root);
}

/** @param {string} root */
async function build(root) {
  say('building what changed');
  const node = pinnedNodePath(root);
  const { status } = await runChild(node, [join(root, 'scripts', 'build.mjs')], {
    cwd: root,
    env: workEnvironment(root, node),
    showsOutput: true,
  });
  if (status !== 0) throw new BootstrapError('the build failed', 'The lines above name what is wrong. Nothing was started.');
}
