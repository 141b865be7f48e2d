import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeAll, expect, test } from 'vitest';
import { buildPlugins } from './build-plugins.mjs';

const repository = join(import.meta.dirname, '..');
const roots: string[] = [];

// Plugins are described with the compiled SDK, as in a build.
beforeAll(() => {
  const compiler = join(repository, 'node_modules', 'typescript', 'bin', 'tsc');
  expect(spawnSync(process.execPath, [compiler, '-b', 'packages/sdk'], { cwd: repository, encoding: 'utf8' }).stdout).toBe('');
});
afterEach(() => {
  for (const root of roots.splice(0)) rmSync(root, { recursive: true, force: true });
});

const DEFINITION = `definePlugin({ id: 'sample', title: 'Sample', version: '0.1.0', nodes: [] })`;

/** A repository with the real SDK and one plugin, `sample`; the source is what its door holds. */
function aRepository(source: string, files: Record<string, string> = {}): string {
  const root = mkdtempSync(join(tmpdir(), 'plugboard plugins-'));
  roots.push(root);
  const all: Record<string, string> = {
    'plugins/sample/package.json': JSON.stringify({
      name: '@plugboard/plugin-sample',
      version: '0.1.0',
      type: 'module',
      plugboard: { id: 'sample' },
    }),
    'plugins/sample/src/index.ts': source,
    ...files,
  };
  for (const [path, text] of Object.entries(all)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  cpSync(join(repository, 'packages/sdk/dist'), join(root, 'packages/sdk/dist'), { recursive: true });
  cpSync(join(repository, 'packages/sdk/package.json'), join(root, 'packages/sdk/package.json'));
  mkdirSync(join(root, 'node_modules/@plugboard'), { recursive: true });
  symlinkSync(join(root, 'packages/sdk'), join(root, 'node_modules/@plugboard/sdk'));
  return root;
}

const sample = (after: string) => `import { definePlugin } from '@plugboard/sdk';\nexport const plugin = ${DEFINITION};\n${after}\n`;
const read = (root: string, path: string) => readFileSync(join(root, path), 'utf8');

test('a plugin becomes one self-contained module, its description, and an entry of the list', async () => {
  const root = aRepository(sample(''));
  expect(await buildPlugins(root)).toEqual([]);
  expect(JSON.parse(read(root, 'plugins/sample/dist/plugin.ir.json'))).toMatchObject({
    irVersion: 1,
    id: 'sample',
    version: '0.1.0',
    types: [],
  });
  expect(read(root, 'plugins/sample/dist/plugin.mjs')).not.toMatch(/from\s*['"]@plugboard/);
  expect(JSON.parse(read(root, 'packages/cli/dist/bundled-plugins.json'))).toEqual([
    {
      id: 'sample',
      version: '0.1.0',
      package: '@plugboard/plugin-sample',
      bundle: '../../../plugins/sample/dist/plugin.mjs',
      ir: '../../../plugins/sample/dist/plugin.ir.json',
    },
  ]);
});

test('a CommonJS library that requires a module of Node works in the bundle, and its licence comment stays', async () => {
  const library = "/*! (c) the authors of legacy */\nconst path = require('node:path'); exports.joined = path.posix.join('a', 'b');";
  const root = aRepository(`import { joined } from 'legacy';\nif (joined !== 'a/b') throw new Error(joined);\n${sample('')}`, {
    'node_modules/legacy/package.json': '{"name":"legacy","version":"1.0.0"}',
    'node_modules/legacy/index.js': library,
  });
  expect(await buildPlugins(root)).toEqual([]);
  expect(read(root, 'plugins/sample/dist/plugin.mjs')).toContain('(c) the authors of legacy');
});

test.each([
  ['reads a file', `import fs from 'node:fs';\nfs.readFileSync('/etc/hosts');`, /reaches outside/],
  [
    'opens a connection',
    `import net from 'node:net';\nawait new Promise((done, fail) => net.connect(9, '127.0.0.1').on('error', fail));`,
    /reaches outside/,
  ],
  ['starts a process', `import { execSync } from 'node:child_process';\nexecSync('true');`, /reaches outside/],
  ['needs the environment', `if (process.env.HOME === undefined) throw new Error('no home');`, /no home/],
  ['ends the process', `process.exit(0);`, /ends the process or prints/],
  ['prints', `console.log('hello');`, /ends the process or prints/],
])('a plugin that %s at import is refused', async (_what, after, message) => {
  const root = aRepository(sample(after));
  expect(await buildPlugins(root)).toEqual([expect.stringMatching(message)]);
  expect(existsSync(join(root, 'packages/cli/dist/bundled-plugins.json'))).toBe(false);
});

test('a description that differs between readings is refused', async () => {
  const source = `import { definePlugin } from '@plugboard/sdk';\nexport const plugin = definePlugin({ id: 'sample', title: 'Sample ' + Math.random(), version: '0.1.0', nodes: [] });`;
  expect(await buildPlugins(aRepository(source))).toEqual([expect.stringMatching(/differs between two readings/)]);
});

test.each([
  ['no plugin', 'export const plugin = 1;', /exactly one/],
  ['two plugins', sample(`export const other = ${DEFINITION.replace('sample', 'other')};`), /exports 2/],
  ['another id than its package.json', sample('').replace("'sample'", "'other'"), /says id "other"/],
  ['another version than its package.json', sample('').replace('0.1.0', '0.2.0'), /says version "0.2.0"/],
  ['a library that is not there', `import 'absent-library';\n${sample('')}`, /bundling failed/],
])('%s is refused', async (_what, source, message) => {
  expect(await buildPlugins(aRepository(source))).toEqual([expect.stringMatching(message)]);
});

test('two plugins with one id are refused', async () => {
  const root = aRepository(sample(''), {
    'plugins/twin/package.json': JSON.stringify({
      name: '@plugboard/plugin-twin',
      version: '0.1.0',
      type: 'module',
      plugboard: { id: 'sample' },
    }),
    'plugins/twin/src/index.ts': sample(''),
  });
  expect(await buildPlugins(root)).toEqual([expect.stringMatching(/"sample" is used by plugins\/sample and plugins\/twin/)]);
});
