import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

test('the example of the README runs', () => {
  const root = new URL('..', import.meta.url).pathname;
  const example = /```ts\n([\s\S]+?)```/.exec(readFileSync(`${root}README.md`, 'utf8'))?.[1] ?? '';
  const output = execFileSync(process.execPath, ['--conditions=development', '--input-type=module-typescript', '-e', example], {
    cwd: root,
    encoding: 'utf8',
  });
  expect(output).toBe('a works\nb works\n');
});
