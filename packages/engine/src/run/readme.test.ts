import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { execPath } from 'node:process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

test('the example of the README runs', () => {
  const root = fileURLToPath(new URL('../..', import.meta.url));
  const example = /```ts\n([\s\S]+?)```/.exec(readFileSync(`${root}/README.md`, 'utf8'))?.[1] ?? '';
  const program = `${example}\nconsole.log(JSON.stringify([run.status, output]));`;
  const printed = execFileSync(execPath, ['--conditions=development', '--input-type=module-typescript', '-e', program], {
    cwd: root,
    encoding: 'utf8',
  });
  expect(JSON.parse(printed)).toEqual(['succeeded', [{ json: { hello: 'Ada' } }]]);
});
