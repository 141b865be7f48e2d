import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { findArrowProblems } from './check-arrows.mjs';

const roots: string[] = [];
afterEach(() => {
  for (const root of roots.splice(0)) rmSync(root, { recursive: true, force: true });
});

/** A small repository of three workspaces that keeps every rule; `files` adds to it or replaces. */
function aRepository(files: Record<string, string>): string {
  const root = mkdtempSync(join(tmpdir(), 'plugboard-arrows-'));
  roots.push(root);
  const manifest = (name: string, dependencies: Record<string, string>) =>
    JSON.stringify({ name, dependencies, exports: { '.': './src/index.ts' } });
  const config = (...paths: string[]) => JSON.stringify({ references: paths.map((path) => ({ path })) });
  const all: Record<string, string> = {
    'packages/sdk/package.json': manifest('@plugboard/sdk', {}),
    'packages/sdk/tsconfig.json': config(),
    'packages/sdk/src/index.ts': "export { one } from './one.ts';\n",
    'packages/sdk/src/one.ts': 'export const one = 1;\n',
    'packages/engine/package.json': manifest('@plugboard/engine', { '@plugboard/sdk': '0.1.0' }),
    'packages/engine/tsconfig.json': config('../sdk'),
    'packages/engine/src/index.ts': "import { one } from '@plugboard/sdk';\nexport const two = one + 1;\n",
    'packages/queue/package.json': manifest('@plugboard/queue', { '@plugboard/engine': '0.1.0' }),
    'packages/queue/tsconfig.json': config('../engine'),
    'packages/queue/src/index.ts':
      "import { setTimeout } from 'node:timers';\nimport { two } from '@plugboard/engine';\nsetTimeout(() => two, Date.now());\n",
    'plugins/core/package.json': JSON.stringify({ name: '@plugboard/plugin-core', devDependencies: { '@plugboard/sdk': '0.1.0' } }),
    'plugins/core/tsconfig.json': config('../../packages/sdk'),
    'plugins/core/src/index.ts': "import { one } from '@plugboard/sdk';\nexport const core = one;\n",
    ...files,
  };
  for (const [path, text] of Object.entries(all)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  return root;
}

test('a repository that keeps the rules has no problem', () => {
  expect(findArrowProblems(aRepository({}))).toEqual([]);
});

describe('arrows', () => {
  test.each([
    [
      'an arrow pointing back',
      'packages/sdk/src/one.ts',
      "import { two } from '@plugboard/engine';\n",
      /sdk may not import @plugboard\/engine/,
    ],
    ['a type import pointing back', 'packages/sdk/src/one.ts', "import type { Two } from '@plugboard/engine';\n", /may not import/],
    [
      'an import type expression pointing back',
      'packages/sdk/src/one.ts',
      "export type Two = import('@plugboard/engine').Two;\n",
      /may not import/,
    ],
    [
      'a dynamic import pointing back',
      'packages/sdk/src/one.ts',
      "export const two = () => import('@plugboard/engine');\n",
      /may not import/,
    ],
    ['a re-export pointing back', 'packages/sdk/src/one.ts', "export { two } from '@plugboard/engine';\n", /may not import/],
    ['a plugin importing the engine', 'plugins/core/src/index.ts', "import { two } from '@plugboard/engine';\n", /may not import/],
    ['a package importing a plugin', 'packages/queue/src/index.ts', "import { core } from '@plugboard/plugin-core';\n", /may not import/],
    [
      'a deep import by name',
      'packages/engine/src/index.ts',
      "import { one } from '@plugboard/sdk/src/one.ts';\n",
      /reaches into @plugboard\/sdk/,
    ],
    ['a deep import by path', 'packages/engine/src/index.ts', "import { one } from '../../sdk/src/one.ts';\n", /leaves the workspace/],
    ['an import of itself by name', 'packages/engine/src/index.ts', "import { two } from '@plugboard/engine';\n", /this workspace itself/],
    ['an undeclared library', 'packages/engine/src/index.ts', "import { DateTime } from 'luxon';\n", /"luxon" is not declared/],
  ])('%s is a problem', (_rule, path, text, message) => {
    expect(findArrowProblems(aRepository({ [path]: text }))).toEqual([expect.stringMatching(message)]);
  });

  test('a workspace import must be declared in package.json and in tsconfig references', () => {
    const root = aRepository({
      'packages/engine/package.json': JSON.stringify({ name: '@plugboard/engine' }),
      'packages/engine/tsconfig.json': JSON.stringify({}),
    });
    expect(findArrowProblems(root)).toEqual([
      expect.stringMatching(/not declared in packages\/engine\/package.json/),
      expect.stringMatching(/not referenced in packages\/engine\/tsconfig.json/),
    ]);
  });

  test('a cycle between files is a problem that names its files', () => {
    const root = aRepository({
      'packages/engine/src/a.ts': "import { b } from './b.ts';\nexport const a = () => b;\n",
      'packages/engine/src/b.ts': "import type { a } from './a.ts';\nexport const b = (x: typeof a) => x;\n",
    });
    expect(findArrowProblems(root)).toEqual([
      'import cycle: packages/engine/src/a.ts -> packages/engine/src/b.ts -> packages/engine/src/a.ts',
    ]);
  });

  test('a file that does not parse is a problem', () => {
    expect(findArrowProblems(aRepository({ 'packages/queue/src/index.ts': 'export const = 1;\n' }))).toEqual([
      expect.stringMatching(/does not parse/),
    ]);
  });
});

describe('purity of sdk, expression and engine', () => {
  test.each([
    "import fs from 'node:fs';",
    "import fs from 'fs';",
    'export const at = Date.now();',
    'export const at = new Date();',
    'export const at = Date();',
    'export const x = Math.random();',
    'export const x = performance.now();',
    'setTimeout(() => undefined, 1);',
    'export const x = process.env;',
    'export const x = (process as unknown);',
    'export const x = { process };',
    'export const x = globalThis.process;',
    "export const x = globalThis['setTimeout'];",
    "void fetch('http://localhost');",
  ])('refuses %s', (text) => {
    expect(findArrowProblems(aRepository({ 'packages/sdk/src/one.ts': `${text}\n` }))).toEqual([expect.stringMatching(/which is pure/)]);
  });

  test.each([
    'export const at = new Date(0);',
    'export const at = (x: { process: number }) => x.process;',
    'export function run(process: string) { return process; }',
    'export const { performance } = { performance: 1 };\nexport const x = performance;',
    'export interface Clock { setTimeout(process: string): void }',
    "export const text = 'process.env';",
  ])('allows %s', (text) => {
    expect(findArrowProblems(aRepository({ 'packages/sdk/src/one.ts': `${text}\n` }))).toEqual([]);
  });

  test('tests of a pure package may use node', () => {
    expect(
      findArrowProblems(aRepository({ 'packages/sdk/src/one.test.ts': "import fs from 'node:fs';\nfs.rmSync(process.cwd());\n" })),
    ).toEqual([]);
  });
});
