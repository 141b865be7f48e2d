import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';

test('the example of the README runs', () => {
  const root = new URL('..', import.meta.url).pathname;
  const example = /```ts\n([\s\S]+?)```/.exec(readFileSync(join(root, 'README.md'), 'utf8'))?.[1] ?? '';
  const dataDir = mkdtempSync(join(tmpdir(), 'plugboard-readme-'));
  try {
    const program = `${example.replace(`'./data'`, JSON.stringify(dataDir))}\nconsole.log(JSON.stringify(page));`;
    const output = execFileSync(process.execPath, ['--conditions=development', '--input-type=module-typescript', '-e', program], {
      cwd: root,
      encoding: 'utf8',
    });
    expect(output.trim().split('\n').at(-1)).toBe('{"workflows":[]}');
  } finally {
    rmSync(dataDir, { recursive: true, force: true });
  }
});
