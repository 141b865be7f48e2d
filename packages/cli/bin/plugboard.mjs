#!/usr/bin/env node
/**
 * The `plugboard` command. It is committed, not built, because npm links a bin only when the file exists at install.
 * In a clone it installs and builds what is missing, like `npm start`; in an installed package it only finds the right Node.
 */
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import fs from 'node:fs';
import { handOver, plugboardArguments, workEnvironment } from './hand-over.mjs';

const NEEDED_NODE = 26;
const bin = dirname(fileURLToPath(import.meta.url));
const cli = dirname(bin);
const root = resolve(cli, '..', '..');
const words = process.argv.slice(2);
const bootstrap = join(root, 'scripts', 'bootstrap');

if (cli === join(root, 'packages', 'cli') && fs.existsSync(bootstrap)) await startInClone();
else startInstalled();

async function startInClone() {
  const { prepare } = await import(join(bootstrap, 'prepare.mjs'));
  const { sayFailure } = await import(join(bootstrap, 'say.mjs'));
  try {
    const node = await prepare(root, { build: true });
    handOver({ node, args: plugboardArguments(cli, words), env: workEnvironment(root, node) });
  } catch (error) {
    process.exitCode = sayFailure(error);
  }
}

function startInstalled() {
  const node = installedNode();
  if (node === undefined) {
    process.stderr.write(
      `plugboard: Node ${process.versions.node} is too old\n  Plugboard runs on Node ${NEEDED_NODE}. Install it beside this package with \`npm install node@${NEEDED_NODE}\`, or put it on PATH.\n`,
    );
    process.exitCode = 1;
    return;
  }
  // The folder that holds the node_modules this package lies in.
  handOver({ node, args: plugboardArguments(cli, words), env: workEnvironment(root, node) });
}

/** The npm package `node` when it is installed beside this one, else the running Node when it is new enough. */
function installedNode() {
  try {
    const folder = dirname(createRequire(import.meta.url).resolve('node/package.json'));
    const node = join(folder, 'bin', process.platform === 'win32' ? 'node.exe' : 'node');
    const version = JSON.parse(fs.readFileSync(join(folder, 'package.json'), 'utf8')).version;
    if (fs.existsSync(node) && Number(version.split('.')[0]) >= NEEDED_NODE) return node;
  } catch {
    // Not installed: the running Node may still do.
  }
  return Number(process.versions.node.split('.')[0]) >= NEEDED_NODE ? process.execPath : undefined;
}
