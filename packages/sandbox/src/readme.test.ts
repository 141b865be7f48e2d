import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { expect, test } from 'vitest';

test('the example of the README prints what it says', async () => {
  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
  const example = /```ts\n([\s\S]*?)```/.exec(readme)?.[1] ?? '';
  const promised = /console\.log\(.*\/\/ (.*)/.exec(example)?.[1];

  const flags = ['--no-warnings', '--conditions=development', '--input-type=module-typescript', '-e', example];
  const { stdout } = await promisify(execFile)(process.execPath, flags, { cwd: fileURLToPath(new URL('..', import.meta.url)) });

  expect(stdout.trim()).toBe(promised);
});
