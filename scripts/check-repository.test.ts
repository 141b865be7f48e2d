import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { findLicenceProblems, isAllowed } from './check-licences.mjs';
import { findPackageProblems } from './check-packages.mjs';
import { findPromiseProblems } from './check-promises.mjs';
import { findTreeProblems } from './check-tree.mjs';
import { missingPlatformPackages } from './complete-lockfile.mjs';

const roots: string[] = [];
afterEach(() => {
  for (const root of roots.splice(0)) rmSync(root, { recursive: true, force: true });
});

/** A presentable repository of one package; `files` adds to it or replaces. */
function aRepository(files: Record<string, string> = {}): string {
  const root = mkdtempSync(join(tmpdir(), 'plugboard-tree-'));
  roots.push(root);
  const all: Record<string, string> = {
    'lerna.json': '{"version":"0.1.0"}',
    'package-lock.json': '{"packages":{}}',
    'packages/a/package.json': manifest({}),
    'packages/a/README.md': '# a\n',
    'packages/a/src/index.ts': "/** What a is for. */\nexport { one } from './one.ts';\n",
    ...files,
  };
  for (const [path, text] of Object.entries(all)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  return root;
}

function manifest(changes: object): string {
  return JSON.stringify({ name: 'a', version: '0.1.0', description: 'A.', license: 'Apache-2.0', type: 'module', ...changes });
}

const lockfile = (packages: object) => JSON.stringify({ packages });

test('a presentable repository has no problem', () => {
  const root = aRepository();
  expect([...findPackageProblems(root), ...findTreeProblems(root), ...findLicenceProblems(root)]).toEqual([]);
});

describe('packages', () => {
  test.each([
    ['another licence', 'packages/a/package.json', manifest({ license: 'MIT' }), /license/],
    ['another version', 'packages/a/package.json', manifest({ version: '0.2.0' }), /version is 0.2.0/],
    ['a range', 'packages/a/package.json', manifest({ dependencies: { koa: '^3.0.0' } }), /exact version/],
    ['a dist tag', 'packages/a/package.json', manifest({ devDependencies: { koa: 'latest' } }), /exact version/],
    ['a workspace at another version', 'packages/a/package.json', manifest({ dependencies: { a: '0.0.9' } }), /use each other at 0.1.0/],
    ['a door without a comment', 'packages/a/src/index.ts', 'export const a = 1;\n', /no doc comment/],
    ['a door that exports everything', 'packages/a/src/index.ts', "/** A. */\nexport * from './one.ts';\n", /export \*/],
    ['a default export', 'packages/a/src/index.ts', '/** A. */\nexport default 1;\n', /default export/],
  ])('%s is a problem', (_what, path, text, message) => {
    expect(findPackageProblems(aRepository({ [path]: text }))).toEqual([expect.stringMatching(message)]);
  });

  test('a missing README is a problem', () => {
    const root = aRepository();
    rmSync(join(root, 'packages/a/README.md'));
    expect(findPackageProblems(root)).toEqual([expect.stringMatching(/README/)]);
  });
});

describe('promises', () => {
  const TESTS = `describe('rules 1 to 23: all', () => test.each([1, 2])('S0-001, rule 25: %i', { timeout: 1 }, () => {}));`;
  const page = (...rows: string[]) => ['| id | promise | held by |', '| --- | --- | --- |', ...rows].join('\n');
  const ALL = '| rules 1 to 23, rule 25 | a run goes on | `a.test.ts` |';

  test.each([
    ['rows whose ids stand in titles', [ALL, '| S0-001 | one | `a.test.ts` |'], []],
    ['an id that stands in no title', [ALL, '| S0-001, S0-002 | one | `a.test.ts` |'], [/:4: no test of a\.test\.ts has S0-002/]],
    ['a file that is not there', [ALL, '| S0-001 | one | `b.test.ts` |'], [/b\.test\.ts is not there/]],
    ['a rule without a row', ['| rules 1 to 23 | a run goes on | `a.test.ts` |'], [/rule 25 has no row/]],
  ])('%s', (_what, rows, problems) => {
    const root = aRepository({ 'docs/promises.md': page(...rows), 'a.test.ts': TESTS });
    expect(findPromiseProblems(root)).toEqual(problems.map((text) => expect.stringMatching(text) as string));
  });
});

describe('licences', () => {
  test.each([
    ['MIT', true],
    ['(MIT OR GPL-3.0)', true],
    ['MIT AND Apache-2.0', true],
    ['MIT AND GPL-3.0', false],
    ['GPL-3.0-only', false],
    ['EPL-2.0', false],
    ['SEE LICENSE IN LICENSE', false],
    ['', false],
  ])('%s: %s', (expression, allowed) => {
    expect(isAllowed(expression)).toBe(allowed);
  });

  test('a production dependency is judged by its own manifest, a development one is not judged', () => {
    const root = aRepository({
      'package-lock.json': lockfile({
        'node_modules/x': { version: '1.0.0', license: 'MIT' },
        'node_modules/y': { version: '1.0.0', license: 'GPL-3.0', dev: true },
      }),
      'node_modules/x/package.json': '{"license":"GPL-3.0"}',
    });
    expect(findLicenceProblems(root)).toEqual([expect.stringMatching(/x@1.0.0: licence GPL-3.0/)]);
  });

  test('a production dependency that names no licence is a problem', () => {
    const root = aRepository({ 'package-lock.json': lockfile({ 'node_modules/x': { version: '1.0.0' } }) });
    expect(findLicenceProblems(root)).toEqual([expect.stringMatching(/names no licence/)]);
  });
});

describe('the tree', () => {
  test('a path of the machine is a problem, with file and line', () => {
    const path = ['', 'work', 'main'].join('/');
    expect(findTreeProblems(aRepository({ 'docs/a.md': `one\n${path}\n` }))).toEqual([
      `docs/a.md:2: names this machine or a registry: ${path}`,
    ]);
  });

  test('a download address in the lockfile is a problem', () => {
    const root = aRepository({ 'package-lock.json': lockfile({ 'node_modules/x': { resolved: 'https://mirror.example/x.tgz' } }) });
    expect(findTreeProblems(root)).toEqual([expect.stringMatching(/download address/)]);
  });

  test('a lockfile that lacks a platform build is a problem', () => {
    const root = aRepository({
      'package-lock.json': lockfile({ 'node_modules/x': { optionalDependencies: { '@x/binding-darwin-arm64': '1.0.0' } } }),
    });
    expect(findTreeProblems(root)).toEqual([expect.stringMatching(/complete-lockfile/)]);
  });
});

describe('missing platform packages', () => {
  const listed = (name: string) => ({ 'node_modules/x': { dev: true, optionalDependencies: { [name]: '1.2.3' } } });

  test.each([
    ['@x/binding-linux-arm64-musl', { cpu: ['arm64'], libc: ['musl'], os: ['linux'] }],
    ['@x/binding-linux-arm-gnueabihf', { cpu: ['arm'], libc: ['glibc'], os: ['linux'] }],
    ['@x/win32-x64', { cpu: ['x64'], os: ['win32'] }],
  ])('%s is added with its platform and the exact version', (name, platform) => {
    expect(missingPlatformPackages(listed(name))).toEqual([
      { path: `node_modules/${name}`, entry: { version: '1.2.3', dev: true, optional: true, ...platform } },
    ]);
  });

  test('a package that is there, beside its parent or above, is not added', () => {
    expect(missingPlatformPackages({ ...listed('@x/win32-x64'), 'node_modules/@x/win32-x64': {} })).toEqual([]);
    expect(missingPlatformPackages({ ...listed('@x/win32-x64'), 'node_modules/x/node_modules/@x/win32-x64': {} })).toEqual([]);
  });

  test('an optional package without a platform in its name is left to npm', () => {
    expect(missingPlatformPackages(listed('@x/wasm32-wasi'))).toEqual([]);
    expect(missingPlatformPackages(listed('bufferutil'))).toEqual([]);
  });
});
