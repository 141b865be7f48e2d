import { execFile } from 'node:child_process';
import { execPath } from 'node:process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

test('the type tests hold for the compiler', async () => {
  const tsc = fileURLToPath(import.meta.resolve('typescript/package.json')).replace(/package\.json$/, 'bin/tsc');
  const project = fileURLToPath(new URL('../tsconfig.test.json', import.meta.url));
  // A failure's message is the compiler's list of errors.
  const { stdout } = await promisify(execFile)(execPath, [tsc, '--project', project, '--pretty', 'false']).catch(
    (error: unknown) => error as { readonly stdout: string },
  );
  expect(stdout).toBe('');
});
