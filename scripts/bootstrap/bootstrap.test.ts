import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { isBuilt, markBuilt, sourceFingerprint } from './build-stamp.mjs';
import { isInstalled, pinnedNodePath } from './install.mjs';
import { withLock } from './lock.mjs';

const repository = join(import.meta.dirname, '..', '..');
const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

/** A folder whose path has a space, as people's folders do. */
function aFolder(files: Record<string, string> = {}): string {
  const root = join(mkdtempSync(join(tmpdir(), 'plugboard bootstrap-')), 'a clone');
  folders.push(dirname(root));
  for (const [path, text] of Object.entries(files)) write(root, path, text);
  return root;
}

function write(root: string, path: string, text: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
}

describe('installed packages', () => {
  const platformBuild = `node_modules/@esbuild/${process.platform}-${process.arch}/package.json`;
  const lockfile = (packages: object) => JSON.stringify({ packages: { '': {}, ...packages } });
  const one = { 'node_modules/one': { version: '1.0.0', integrity: 'sha512-a' } };

  /** A clone where npm was run by hand, so that npm's own record is all there is. */
  function aClone(wanted: object, found: object): string {
    const root = aFolder({
      'package-lock.json': lockfile(wanted),
      'node_modules/.package-lock.json': lockfile(found),
      [platformBuild]: '{}',
    });
    write(root, pinnedNodePath(root).slice(root.length + 1), '');
    return root;
  }

  test('what npm installed by hand counts when it agrees with the lockfile', () => {
    expect(isInstalled(aClone(one, one))).toBe(true);
  });

  test('packages for other platforms may be absent, and unlisted ones present', () => {
    const other = { 'node_modules/darwin-only': { version: '1.0.0', optional: true } };
    expect(isInstalled(aClone({ ...one, ...other }, { ...one, 'node_modules/extra': { version: '2.0.0' } }))).toBe(true);
  });

  test.each([
    ['another version', { 'node_modules/one': { version: '1.0.1', integrity: 'sha512-a' } }],
    ['another content', { 'node_modules/one': { version: '1.0.0', integrity: 'sha512-b' } }],
    ['a missing package', {}],
  ])('%s means that an install is needed', (_what, found) => {
    expect(isInstalled(aClone(one, found))).toBe(false);
  });

  test('a changed lockfile means that an install is needed', () => {
    const root = aClone(one, one);
    expect(isInstalled(root)).toBe(true);
    write(root, 'package-lock.json', lockfile({ ...one, 'node_modules/two': { version: '1.0.0' } }));
    expect(isInstalled(root)).toBe(false);
  });

  test('a missing Node means that an install is needed', () => {
    const root = aClone(one, one);
    rmSync(pinnedNodePath(root));
    expect(isInstalled(root)).toBe(false);
  });

  test('node_modules of another platform mean that an install is needed', () => {
    const root = aClone(one, one);
    rmSync(join(root, platformBuild, '..'), { recursive: true });
    expect(isInstalled(root)).toBe(false);
  });

  test("npm's record cut short by a kill means that an install is needed", () => {
    const root = aClone(one, one);
    write(root, 'node_modules/.package-lock.json', '{"packages": {');
    expect(isInstalled(root)).toBe(false);
  });
});

describe('the build stamp', () => {
  function aBuiltClone(): string {
    const root = aFolder({
      'packages/a/package.json': '{}',
      'packages/a/tsconfig.json': '{}',
      'packages/a/src/index.ts': '',
      'packages/a/src/index.test.ts': '',
      'packages/a/dist/index.js': '',
      'packages/cli/dist/bundled-plugins.json': '[]',
    });
    markBuilt(root, sourceFingerprint(root));
    return root;
  }

  test('says built as long as no source changes', () => {
    expect(isBuilt(aBuiltClone())).toBe(true);
  });

  test.each<[string, (root: string) => void]>([
    ['a changed source', (root) => write(root, 'packages/a/src/index.ts', 'export {};')],
    ['a source of the same size with another time', (root) => utimesSync(join(root, 'packages/a/src/index.ts'), 1, 1)],
    ['a new source', (root) => write(root, 'packages/a/src/deep/more.ts', '')],
    ['a removed source', (root) => rmSync(join(root, 'packages/a/src/index.ts'))],
    ['a changed manifest', (root) => write(root, 'packages/a/package.json', '{"name":"a"}')],
    ['a new workspace', (root) => write(root, 'plugins/b/package.json', '{}')],
    ['missing output', (root) => rmSync(join(root, 'packages/a/dist'), { recursive: true })],
  ])('%s makes it stale', (_what, change) => {
    const root = aBuiltClone();
    change(root);
    expect(isBuilt(root)).toBe(false);
  });

  test('a changed test does not make it stale', () => {
    const root = aBuiltClone();
    write(root, 'packages/a/src/index.test.ts', 'export {};');
    expect(isBuilt(root)).toBe(true);
  });

  test('a source that changes during the build leaves it stale', () => {
    const root = aBuiltClone();
    const before = sourceFingerprint(root);
    write(root, 'packages/a/src/index.ts', 'export const later = 1;');
    markBuilt(root, before);
    expect(isBuilt(root)).toBe(false);
  });
});

describe('the lock', () => {
  const lockFile = (root: string) => join(root, '.cache', 'bootstrap.lock');

  test('lets processes in one at a time, and leaves nothing behind', async () => {
    const root = aFolder({ 'log.txt': '' });
    const script = `
      import { appendFileSync } from 'node:fs';
      import { setTimeout as pause } from 'node:timers/promises';
      import { withLock } from ${JSON.stringify(new URL('./lock.mjs', import.meta.url).href)};
      const [root] = process.argv.slice(1);
      await withLock(root, async () => { appendFileSync(root + '/log.txt', 'in '); await pause(30); appendFileSync(root + '/log.txt', 'out '); });`;
    const children = [1, 2, 3, 4].map(() => spawn(process.execPath, ['--input-type=module', '-e', script, root], { stdio: 'ignore' }));
    const codes = await Promise.all(children.map(async (child) => (await once(child, 'exit'))[0] as number));
    expect(codes).toEqual([0, 0, 0, 0]);
    expect(readFileSync(join(root, 'log.txt'), 'utf8')).toBe('in out '.repeat(4));
    expect(existsSync(lockFile(root))).toBe(false);
  });

  test.each([
    ['a process that has ended', { host: hostname(), pid: 0x3fffffff, started: '1' }],
    ['an earlier process with the same id', { host: hostname(), pid: process.pid, started: '1' }],
    ['nobody that can be read', 'not json'],
  ])('left by %s is taken over', async (_who, holder) => {
    const root = aFolder();
    write(root, '.cache/bootstrap.lock', typeof holder === 'string' ? holder : JSON.stringify(holder));
    await expect(withLock(root, () => Promise.resolve('done'))).resolves.toBe('done');
    expect(existsSync(lockFile(root))).toBe(false);
  });

  test('is given back when the work fails', async () => {
    const root = aFolder();
    await expect(withLock(root, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(existsSync(lockFile(root))).toBe(false);
  });
});

describe('an install or build under way', () => {
  const runChild = new URL('./run-child.mjs', import.meta.url).href;
  // A child that starts a child of its own, as npm does, and says when both are there.
  const grandparent = `const { spawn } = require('node:child_process'); const c = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' }); c.once('spawn', () => require('node:fs').writeFileSync(process.argv[1], process.pid + ' ' + c.pid)); setInterval(() => {}, 1000);`;
  const script = `
    import { runChild } from ${JSON.stringify(runChild)};
    try { await runChild(process.execPath, ['-e', ${JSON.stringify(grandparent)}, process.argv[1]], { cwd: '/' }); } catch (error) { console.log(error.message); process.exitCode = error.exitCode; }`;

  test('stops with all it started when the bootstrap is told to', async () => {
    const root = aFolder({ 'there.txt': '' });
    const parent = spawn(process.execPath, ['--input-type=module', '-e', script, join(root, 'pids')], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const ended = once(parent, 'exit');
    await expect
      .poll(() => existsSync(join(root, 'pids')) && readFileSync(join(root, 'pids'), 'utf8') !== '', { timeout: 60_000 })
      .toBe(true);
    const pids = readFileSync(join(root, 'pids'), 'utf8').split(' ').map(Number);
    parent.kill('SIGTERM');
    expect(await ended).toEqual([143, null]);
    await expect.poll(() => pids.filter(isRunning), { timeout: 60_000 }).toEqual([]);
  });
});

/** A process that has ended may stay in the table until its parent asks for it. */
function isRunning(pid: number): boolean {
  const { stdout } = spawnSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' });
  return stdout.trim() !== '' && !stdout.startsWith('Z');
}

describe('handing over', () => {
  /** An older Node cannot replace itself by another program. */
  const asOlderNode = ['--import', 'data:text/javascript,delete process.execve'];
  const handOver = new URL('../../packages/cli/bin/hand-over.mjs', import.meta.url).href;

  /** A parent that hands over to `node -e code`. */
  function start(flags: string[], code: string) {
    const script = `import { handOver } from ${JSON.stringify(handOver)}; handOver({ node: process.execPath, args: ['-e', ${JSON.stringify(code)}], env: process.env });`;
    return spawn(process.execPath, [...flags, '--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  }
  const signalCounter = `let n = 0; process.on('SIGTERM', () => { n += 1; if (n === 1) setTimeout(() => { console.log('signals ' + n); process.exit(9); }, 200); }); setInterval(() => {}, 1000); console.log('ready ' + process.pid);`;

  async function untilPrints(child: ReturnType<typeof start>, word: string): Promise<string> {
    let text = '';
    for await (const part of child.stdout) {
      text += String(part);
      if (text.includes(word)) return text;
    }
    return text;
  }

  describe.each([
    ['in place', []],
    ['by an older Node', asOlderNode],
  ])('%s', (_how, flags) => {
    test('passes the exit code on', async () => {
      const child = start(flags, 'process.exitCode = 42');
      expect(await once(child, 'exit')).toEqual([42, null]);
    });

    test('passes death by a signal on', async () => {
      const child = start(flags, "process.kill(process.pid, 'SIGKILL')");
      expect(await once(child, 'exit')).toEqual([null, 'SIGKILL']);
    });

    test('passes a signal on once, though it arrives twice', async () => {
      const child = start(flags, signalCounter);
      const output = untilPrints(child, 'signals');
      await new Promise((resolve) => child.stdout.once('data', resolve));
      child.kill('SIGTERM');
      if (flags.length > 0) child.kill('SIGTERM');
      expect(await output).toContain('signals 1');
    });
  });

  test('the work stops when the parent that had to stay is killed', async () => {
    const child = start(asOlderNode, signalCounter);
    const output = untilPrints(child, 'signals');
    await new Promise((resolve) => child.stdout.once('data', resolve));
    child.kill('SIGKILL');
    expect(await output).toContain('signals 1');
  });
});

describe('the commands', () => {
  test('an unknown command is refused with the list of known ones, and without a stack', () => {
    const { status, stderr } = spawnSync(process.execPath, [join(repository, 'scripts', 'bootstrap.mjs'), 'toString'], {
      encoding: 'utf8',
    });
    expect(status).toBe(1);
    expect(stderr).toBe('plugboard: there is no command "toString"\n  Choose one of: start, cli, test, check, format, build.\n');
  });

  test('the bootstrap imports nothing from node_modules', () => {
    const files = [
      '../bootstrap.mjs',
      'build-stamp.mjs',
      'install.mjs',
      'lock.mjs',
      'prepare.mjs',
      'run-child.mjs',
      'say.mjs',
      '../../packages/cli/bin/plugboard.mjs',
      '../../packages/cli/bin/hand-over.mjs',
    ];
    const imported = files.flatMap((file) =>
      [...readFileSync(join(import.meta.dirname, file), 'utf8').matchAll(/^import .* from '([^']+)'/gm)].map((match) => match[1]),
    );
    expect(imported.length).toBeGreaterThan(20);
    expect(imported.filter((specifier) => specifier?.startsWith('node:') !== true && specifier?.startsWith('.') !== true)).toEqual([]);
  });
});
